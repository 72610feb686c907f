"""What is still under way of programs that call Python."""

from typing import Any

# The last such program on each device; those before it finish before it does.
_last: dict[Any, Any] = {}


def remember(device: Any, token: Any) -> None:
    """Keep the token of a program just started, for `effects_barrier`."""
    _last[device] = token


def effects_barrier() -> None:
    """Wait until every side effect of programs started so far has happened.

    Example:
        >>> import dolmen.core as dc
        >>> seen = []
        >>> dc.jit(lambda x: dc.debug.callback(lambda: seen.append("here")))(1.0)
        >>> dc.effects_barrier()
        >>> seen
        ['here']
    """
    while _last:
        _, token = _last.popitem()
        token.block_until_ready()
