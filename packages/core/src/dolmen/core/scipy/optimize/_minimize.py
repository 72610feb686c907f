"""`minimize`: the method that a name stands for."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ... import numpy as jnp
from ..._higher_order._functions import check_callable
from ..._ir import type_error, value_error
from ..._tracing import as_array, is_array_like, typeof
from ..._transforms import value_and_grad
from ._bfgs import bfgs
from ._lbfgs import lbfgs
from ._results import OptimizeResults

_METHODS = {"bfgs": bfgs, "l-bfgs-experimental-do-not-rely-on-this": lbfgs}


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: tuple = (),
    *,
    method: str,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResults:
    """Find a local minimum of a function of several variables.

    Runs under `jit` and `vmap` too. Gradients of `fun` are its derivatives.

    Args:
        fun: from ``(x, *args)`` to a floating-point scalar, differentiable by `x`.
        x0: where to begin, floating point ``[n]``.
        args: further arguments of `fun`, a tuple.
        method: "BFGS", which keeps an ``[n, n]`` estimate of the inverse Hessian, or
            "l-bfgs-experimental-do-not-rely-on-this", which keeps the last few steps.
        tol: how small the norm of the gradient must be, if `options` has no "gtol".
        options: of either method: "maxiter", by default ``200 * n``; "gtol", how small
            the norm of the gradient must be, 1e-5; "norm", its order, infinity.
            Of BFGS: "line_search_maxiter", trials of one line search, 10.
            Of L-BFGS: "maxcor", how many steps are kept, 10; "ftol", relative decrease
            below which it stops, 2.2e-9; "maxfun" and "maxgrad", calls and gradients
            after which it stops, unlimited; "maxls", trials of one line search, 20.

    Returns:
        An `OptimizeResults`; `success` tells whether a minimum was found.

    Raises:
        TypeError: `fun` is not callable or gives no floating-point scalar, `x0` is not
            floating point, `args` is no tuple, an option that the method doesn't have.
        ValueError: `x0` is not one-dimensional, another `method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.optimize import minimize
        >>> target = jnp.array([1.0, -2.0])
        >>> result = minimize(
        ...     lambda x: jnp.sum((x - target) ** 4), jnp.zeros(2), method="BFGS"
        ... )
        >>> result.success, result.x.round(1)
        (Array(True, dtype=bool), Array([ 1., -2.], dtype=float32))
    """
    check_callable("minimize", fun=fun)
    if not isinstance(args, tuple):
        raise type_error(
            f"minimize: `args` must be a tuple, got {type(args).__name__}.",
            "Write `args=(value,)`.",
        )
    algorithm = _METHODS.get(str(method).lower())
    if algorithm is None:
        known = " or ".join(repr(name) for name in ("BFGS", [*_METHODS][1]))
        raise value_error(f"minimize: `method` must be {known}, got {method!r}.")
    given = dict(options or {})
    unknown = given.keys() - (algorithm.__kwdefaults__ or {}).keys()
    if unknown:
        raise type_error(
            f"minimize: {method} has no option {sorted(unknown)}; its options are "
            f"{sorted(algorithm.__kwdefaults__)}."
        )
    if tol is not None:
        given.setdefault("gtol", tol)
    start = _start(x0)

    @functools.wraps(fun)
    def objective(x: Any) -> Any:
        return fun(x, *args)

    return algorithm(value_and_grad(objective), start, **given)


def _start(x0: Any) -> Any:
    if not is_array_like(x0):
        raise type_error(
            f"minimize: `x0` must be a floating-point array, got {type(x0).__name__}."
        )
    given = typeof(as_array(x0))
    if not jnp.issubdtype(given.dtype, jnp.floating):
        raise type_error(f"minimize: `x0` must be floating point, got {given!r}.")
    if given.ndim != 1:
        raise value_error(
            f"minimize: `x0` must have one axis, got {given!r}.",
            "Pass `flatten_util.ravel_pytree(x0)[0]`, and undo that in `fun`.",
        )
    return jnp.asarray(x0, given.dtype)
