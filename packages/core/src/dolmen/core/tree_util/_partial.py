"""A partial application that transformations look into."""

import functools
from collections.abc import Iterable
from typing import Any

from ._registration import register_pytree_node


class Partial(functools.partial):
    """`functools.partial` that is a pytree: the bound arguments are its children.

    So a function with its parameters can be passed to a compiled function, and
    gradients taken with respect to the parameters. The function itself is static data.
    If it is a partial application in turn, it stays one: only the arguments bound here
    are children.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core import tree_util
        >>> scale = tree_util.Partial(lambda factor, x: factor * x, 2.0)
        >>> dc.jit(lambda f, x: f(x))(scale, 3.0)
        Array(6., dtype=float32, weak_type=True)
    """

    def __new__(cls, func: Any, /, *args: Any, **keywords: Any) -> "Partial":
        if isinstance(func, functools.partial):
            func = _Whole(func)
        return super().__new__(cls, func, *args, **keywords)


class _Whole:
    """A partial application that `functools.partial` does not merge into another."""

    def __init__(self, func: functools.partial) -> None:
        self.func = func

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self.func(*args, **keywords)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Whole) and self.func == other.func

    def __hash__(self) -> int:
        return hash(self.func)

    def __repr__(self) -> str:
        return repr(self.func)


def _unflatten(func: Any, children: Iterable[Any]) -> Partial:
    args, keywords = children
    return Partial(func, *args, **keywords)


register_pytree_node(
    Partial, lambda made: ((made.args, made.keywords), made.func), _unflatten
)
