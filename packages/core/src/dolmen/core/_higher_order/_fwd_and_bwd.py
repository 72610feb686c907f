"""`fwd_and_bwd`: the two passes of reverse mode as two functions, compiled once."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._transforms import vjp
from .._transforms._differentiable import Chosen
from ._jit import jit


def fwd_and_bwd(
    fun: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool = False,
    jitted: bool = True,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The forward and the backward pass of a function, as functions of their own.

    `vjp` makes a new backward function at each call; here it is the same one, with the
    residuals for its first argument, so that it is compiled once.

    Args:
        fun: a function of arrays in trees.
        argnums: which positional arguments to differentiate, one or several.
        has_aux: `fun` returns a pair; the second part is passed through.
        jitted: return both functions jitted.

    Returns:
        `fwd`, which takes the arguments of `fun` and returns `(value, residuals)`, with
        `has_aux` `(value, residuals, aux)`; and `bwd`, which takes residuals and a
        cotangent of the value and returns the cotangent of the differentiated argument,
        a tuple of them for several `argnums`.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> fwd, bwd = dc.fwd_and_bwd(lambda x, w: x @ w, argnums=(0, 1))
        >>> y, residuals = fwd(jnp.ones((1, 2)), jnp.ones((2, 1)))
        >>> bwd(residuals, jnp.ones((1, 1)))
        (Array([[1., 1.]], dtype=float32), Array([[1.],
               [1.]], dtype=float32))
    """
    chosen = Chosen("fwd_and_bwd", fun, argnums)

    def fwd(*args: Any, **kwargs: Any) -> Any:
        @functools.wraps(fun)
        def part(*values: Any) -> Any:
            return fun(*chosen.put(args, values), **kwargs)

        return vjp(part, *chosen.of(args), has_aux=has_aux)

    def bwd(residuals: Callable[[Any], Any], cotangent: Any) -> Any:
        cts = residuals(cotangent)
        return cts[0] if chosen.single else cts

    return (jit(fwd), jit(bwd)) if jitted else (fwd, bwd)
