"""The user's own source lines.

An equation keeps a frame as (code, instruction index), which costs a walk over a few
interpreter frames; file and line are computed only when somebody looks.
"""

import linecache
import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any

Frame = tuple[CodeType, int]

_is_library: dict[str, bool] = {}
_STANDARD_WRAPPERS = ("contextlib.py", "functools.py")
_LIBRARIES = ("dolmen.", "numpy.")  # NumPy calls back when it is handed our arrays


def user_frame() -> Frame | None:
    """The innermost frame of the user's own code, or None at the top of the stack."""
    frame = sys._getframe(1)
    known = _is_library.get
    while frame is not None:
        code = frame.f_code
        library = known(code.co_filename)
        if library is None:
            library = _of_library(frame)
        if not library:
            found = code, frame.f_lasti
            return _scoped(found) if _open_scopes else found
        frame = frame.f_back
    return None


def is_library_frame(frame: FrameType) -> bool:
    """Whether the code that runs in a frame is not the user's own."""
    known = _is_library.get(frame.f_code.co_filename)
    return _of_library(frame) if known is None else known


def _of_library(frame: FrameType) -> bool:
    name, file = frame.f_globals.get("__name__") or "", frame.f_code.co_filename
    found = name.startswith(_LIBRARIES) or file.endswith(_STANDARD_WRAPPERS)
    if file[:1] != "<":  # several modules may share "<string>"
        _is_library[file] = found
    return found


class ScopedFrame(tuple[CodeType, int]):
    """A frame inside of named scopes.

    Attributes:
        scope: their names from the outermost in: `model/attention`.
    """

    scope: str


class _Scopes(threading.local):
    path = ""


_scopes = _Scopes()
_scopes_lock = threading.Lock()
_open_scopes = 0  # in all threads; a look at this is all that frames without scopes pay


def enter_scope(path: str) -> str:
    """Make `path` the names of the scopes of this thread; returns those before."""
    global _open_scopes
    previous, _scopes.path = _scopes.path, path
    with _scopes_lock:
        _open_scopes += bool(path) - bool(previous)
    return previous


def current_scope() -> str:
    """The names of the scopes that this thread is in, joined by slashes."""
    return _scopes.path


def scope_of(frame: Frame | None) -> str:
    """The names of the scopes around a frame, joined by slashes."""
    return frame.scope if isinstance(frame, ScopedFrame) else ""


def _scoped(frame: Frame) -> Frame:
    if not _scopes.path:
        return frame
    made = ScopedFrame(frame)
    made.scope = _scopes.path
    return made


def line_of(frame: Frame) -> int:
    """Line number of a frame, 0 when unknown."""
    code, instruction = frame
    for start, end, line in code.co_lines():
        if start <= instruction < end:
            return line or 0
    return 0


def describe(frame: Frame | None) -> str:
    """`train.py:41 in loss`, for messages."""
    if frame is None:
        return "<unknown>"
    code, _ = frame
    name = code.co_qualname if hasattr(code, "co_qualname") else code.co_name
    return f"{code.co_filename}:{line_of(frame)} in {name}"


def creation_frame(array: Any) -> Frame | None:
    """The user's line that made an array; the runtime notes one for each."""
    traceback = getattr(array, "traceback", None)
    if traceback is None:
        return None
    ours = tuple(path + os.sep for path in sys.modules["dolmen"].__path__)
    for frame in zip(*traceback.raw_frames(), strict=True):
        name = frame[0].co_filename
        if not name.startswith(ours) and not _is_library.get(name):
            return frame
    return None


def source_of(frame: Frame | None) -> str:
    """Text of the line, without indentation; empty when there is no source."""
    if frame is None:
        return ""
    return linecache.getline(frame[0].co_filename, line_of(frame)).strip()


def running_frame(frame: Frame | None) -> FrameType | None:
    """The interpreter's frame for a `Frame` that is running now."""
    if frame is None:
        return None
    running = sys._getframe(1)
    while running is not None and running.f_code is not frame[0]:
        running = running.f_back
    return running
