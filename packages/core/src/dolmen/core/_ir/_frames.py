"""The user's own source lines.

An equation keeps a frame as (code, instruction index), which costs a walk over a few
interpreter frames; file and line are computed only when somebody looks.
"""

import sys
from types import CodeType

Frame = tuple[CodeType, int]

_is_library: dict[str, bool] = {}
_STANDARD_WRAPPERS = ("contextlib.py", "functools.py")


def user_frame() -> Frame | None:
    """The innermost frame outside Dolmen, or None at the top of the stack."""
    frame = sys._getframe(1)
    known = _is_library.get
    while frame is not None:
        code = frame.f_code
        library = known(code.co_filename)
        if library is None:
            name = frame.f_globals.get("__name__") or ""
            library = name.startswith("dolmen.") or code.co_filename.endswith(
                _STANDARD_WRAPPERS
            )
            if code.co_filename[:1] != "<":  # several modules may share "<string>"
                _is_library[code.co_filename] = library
        if not library:
            return code, frame.f_lasti
        frame = frame.f_back
    return None


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
