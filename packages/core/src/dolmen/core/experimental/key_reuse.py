"""Checking that no random key is used twice.

With the setting `debug_key_reuse`, whatever draws numbers from a typed key uses it up,
as `random.split` does; `random.fold_in` and `random.clone` don't. To use a key again is
a `KeyReuseError` that names both lines, eagerly and while tracing, also through `jit`,
`vmap`, `grad`, loops and branches. Plain words (`random.PRNGKey`) are not checked.

Example:
    >>> import dolmen.core as dc
    >>> from dolmen.core import random
    >>> with dc.debug_key_reuse(True):
    ...     key = random.key(0)
    ...     x = random.normal(key)
    ...     y = random.normal(key)
    Traceback (most recent call last):
    dolmen.core._tracing._key_uses.KeyReuseError: random.normal: the key was used...
"""

from collections.abc import Callable
from typing import Any

from .._higher_order import eval_shape
from .._ir import message
from .._settings import debug_key_reuse
from .._tracing import (
    KeyReuseError as KeyReuseError,
    key_is_used,
    key_uses_are_checked,
    use_key,
)
from ..random._keys import open_key

__all__ = [
    "KeyReuseError",
    "assert_consumed",
    "assert_unconsumed",
    "check_key_reuse",
    "consume",
]
__dir__ = __all__.copy


def consume(key: Any) -> Any:
    """Use up a key without drawing from it; returns the key.

    Raises:
        KeyReuseError: with `debug_key_reuse`, it was used before.
    """
    if key_uses_are_checked():
        use_key(open_key("consume", key)[0]._base, "key_reuse.consume")
    return key


def assert_consumed(key: Any, value: bool = True) -> None:
    """With `debug_key_reuse`, raise unless a key has been used.

    Args:
        key: a typed key.
        value: False to raise unless it is unused.

    Raises:
        AssertionError: as said.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.experimental import key_reuse
        >>> with dc.debug_key_reuse(True):
        ...     key = dc.random.key(0)
        ...     key_reuse.assert_unconsumed(key)
        ...     _ = dc.random.bits(key)
        ...     key_reuse.assert_consumed(key)
    """
    if not key_uses_are_checked():
        return
    used = key_is_used(open_key("assert_consumed", key)[0]._base)
    if used is not value:
        expected, got = ("a used", "an unused") if value else ("an unused", "a used")
        raise AssertionError(message(f"expected {expected} key, got {got} one."))


def assert_unconsumed(key: Any) -> None:
    """With `debug_key_reuse`, raise if a key has been used.

    Raises:
        AssertionError: as said.
    """
    assert_consumed(key, False)


def check_key_reuse(fun: Callable[..., Any], /, *args: Any) -> None:
    """Trace a function, and raise if it uses a key twice. Nothing is computed.

    Args:
        fun: a function of arrays in trees.
        *args: its arguments, or descriptions of them.

    Raises:
        KeyReuseError: it does.

    Example:
        >>> from dolmen.core import random
        >>> from dolmen.core.experimental import key_reuse
        >>> key_reuse.check_key_reuse(random.normal, random.key(0))
    """
    with debug_key_reuse(True):
        eval_shape(fun, *args)
