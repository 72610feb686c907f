"""Names for parts of a program: profilers, StableHLO and printed programs show them."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .._ir import current_scope, enter_scope, type_error
from .._transforms._trees import name_of

_F = TypeVar("_F", bound=Callable[..., Any])


class named_scope(contextlib.ContextDecorator):
    """Gives the operations within a `with` block, or of a function, a common name.

    Names nest. They appear in StableHLO (`lower(...).as_text(debug_info=True)`), so in
    profiles, and in programs printed with `pretty_print(name_stack=True)`. Derivatives
    of an operation have its name. A jitted function is compiled once for all callers,
    so names around a call of it do not reach inside.

    Args:
        name: of the scope.

    Raises:
        TypeError: `name` is no string.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.named_scope("layer")
        ... def layer(x):
        ...     with dc.named_scope("activation"):
        ...         return jnp.tanh(x)
        >>> print(dc.make_jaxpr(layer)(1.0).pretty_print(name_stack=True))
        { lambda a:~f32[] .
          let b:~f32[] = tanh a  # layer/activation
          in (b,) }
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise type_error(f"named_scope: name must be a string, got {name!r:.60}.")
        self._name = name
        self._left: list[str] = []  # one object may be entered within itself

    def __enter__(self) -> None:
        outer = current_scope()
        path = f"{outer}/{self._name}" if outer else self._name
        self._left.append(enter_scope(path))

    def __exit__(self, *exception: object) -> None:
        enter_scope(self._left.pop())

    def _recreate_cm(self) -> "named_scope":
        return named_scope(self._name)  # threads may call a decorated function at once


def named_call(fun: _F, *, name: str | None = None) -> _F:
    """`fun`, with its operations in a `named_scope`.

    Args:
        fun: any function.
        name: of the scope, by default that of the function.

    Raises:
        TypeError: `name` is no string.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> layer = dc.named_call(lambda x: jnp.tanh(x), name="layer")
        >>> print(dc.make_jaxpr(layer)(1.0).pretty_print(name_stack=True))
        { lambda a:~f32[] .
          let b:~f32[] = tanh a  # layer
          in (b,) }
    """
    scope = named_scope(name_of(fun) if name is None else name)

    @functools.wraps(fun)
    def named(*args: Any, **kwargs: Any) -> Any:
        with scope._recreate_cm():
            return fun(*args, **kwargs)

    # Checkers don't see that a wrapper has its function's type.
    return named  # type: ignore[return-value]
