"""Exceptions of the user's functions: which record, and whose frames."""

import pathlib
from types import TracebackType
from typing import NoReturn

_OUR_FRAMES = str(pathlib.Path(__file__).parent)


class WorkerDiedError(RuntimeError):
    """A worker process ended before it had done its work; see `mp_prefetch`.

    The iterator stands before the element that is missing: the next call of ``next``
    starts the workers again.
    """


_NOTE = "dolmen.data: raised by"


def blame(error: Exception, culprit: str, record: str) -> NoReturn:
    """Raises `error`, noting that `culprit` failed with it on `record`.

    It stays the same exception, so its type and traceback are the user's.
    """
    # A pipeline may be the source of another one: the inner note says more.
    if not any(note.startswith(_NOTE) for note in getattr(error, "__notes__", [])):
        error.add_note(f"{_NOTE} {culprit} for {record}.")
    if isinstance(error, StopIteration):
        # Let out of `__next__`, it would silently end the loop (see PEP 479).
        raise RuntimeError(f"{culprit} raised StopIteration for {record}.") from error
    raise error


def without_our_frames(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame outside this package, if there is one."""
    frame = traceback
    while frame is not None:
        if not frame.tb_frame.f_code.co_filename.startswith(_OUR_FRAMES):
            return frame
        frame = frame.tb_next
    return traceback
