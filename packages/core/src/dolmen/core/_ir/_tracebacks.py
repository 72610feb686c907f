"""Tracebacks without our frames, unless somebody asks for them.

An error goes through many of our frames on its way to the user, and none of them is
where the fault is. They are taken out (or marked, so that notebooks and pytest don't
show them) when it leaves a compiled call, and again when Python prints it.
"""

import sys
import threading
from types import TracebackType
from typing import Any

from .._backend import flags, set_error_filter

_NOTE = (
    "(Frames of Dolmen are left out; the environment variable "
    "DOLMEN_TRACEBACK_FILTERING=off shows them.)"
)
_SHORTENED = "_dolmen_left_frames_out"


def _mode() -> str:
    """What is done with our frames: `off`, `tracebackhide` or `remove_frames`."""
    chosen = flags.TRACEBACK_FILTERING.value
    if chosen != "auto":
        return chosen
    # Notebooks fold marked frames and unfold them on request.
    return "tracebackhide" if "ipykernel" in sys.modules else "remove_frames"


def _is_ours(entry: TracebackType) -> bool:
    name = entry.tb_frame.f_globals.get("__name__") or ""
    return name.startswith("dolmen.")


def _entries(traceback: TracebackType | None) -> list[TracebackType]:
    found = []
    while traceback is not None:
        found.append(traceback)
        traceback = traceback.tb_next
    return found


def filter_frames(error: BaseException) -> None:
    """Take our frames out of an error's traceback, or mark them."""
    mode = _mode()
    if mode == "off":
        return
    entries = _entries(error.__traceback__)
    if mode == "tracebackhide":
        for entry in filter(_is_ours, entries):
            entry.tb_frame.f_locals["__tracebackhide__"] = True
        return
    kept = [entry for entry in entries if not _is_ours(entry)]
    if len(kept) < len(entries):
        error.__traceback__ = _linked(kept)
        setattr(error, _SHORTENED, True)


def _linked(entries: list[TracebackType]) -> TracebackType | None:
    made = None
    for entry in reversed(entries):
        made = TracebackType(made, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return made


def _filter_printed(error: BaseException | None) -> None:
    """Filter what Python is about to print: the error and those it came from."""
    if error is None or _mode() != "remove_frames":
        return
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    shortened = False
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        filter_frames(one)
        shortened |= hasattr(one, _SHORTENED)
    if shortened and _NOTE not in getattr(error, "__notes__", ()):
        error.add_note(_NOTE)


def _install() -> None:
    set_error_filter(filter_frames)
    print_error, print_thread_error = sys.excepthook, threading.excepthook

    def excepthook(
        kind: type[BaseException],
        error: BaseException,
        traceback: TracebackType | None,
    ) -> Any:
        _filter_printed(error)
        return print_error(kind, error, error.__traceback__)

    def thread_excepthook(args: Any, /) -> Any:
        _filter_printed(args.exc_value)
        traceback = args.exc_value.__traceback__ if args.exc_value else None
        made = (args.exc_type, args.exc_value, traceback, args.thread)
        return print_thread_error(threading.ExceptHookArgs(made))

    sys.excepthook = excepthook
    threading.excepthook = thread_excepthook


_install()
