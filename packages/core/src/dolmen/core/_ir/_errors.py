"""How every message is put together: problem, place, fix."""

import warnings

from ._frames import Frame, describe, line_of, user_frame


def message(problem: str, fix: str = "", *, frame: Frame | None = None) -> str:
    """Text of an error: what is wrong, the user's line, how to mend it.

    Args:
        problem: function and argument, what was expected and what came.
        fix: one sentence, imperative; empty when there is nothing to advise.
        frame: the user's line, by default the one running now.
    """
    where = frame if frame is not None else user_frame()
    lines = [problem]
    if where is not None:
        lines.append(f"  at {describe(where)}")
    if fix:
        lines.append(fix)
    return "\n".join(lines)


def type_error(problem: str, fix: str = "") -> TypeError:
    """A `TypeError` for a wrong kind or dtype."""
    return TypeError(message(problem, fix))


def value_error(problem: str, fix: str = "") -> ValueError:
    """A `ValueError` for a wrong shape or value."""
    return ValueError(message(problem, fix))


def warn(problem: str, fix: str = "") -> None:
    """Warn at the user's line."""
    frame = user_frame()
    warnings.warn_explicit(
        f"{problem}\n{fix}" if fix else problem,
        UserWarning,
        frame[0].co_filename if frame else "<unknown>",
        line_of(frame) if frame else 0,
    )
