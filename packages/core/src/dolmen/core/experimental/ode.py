"""Ordinary differential equations."""

import itertools
from collections.abc import Callable
from typing import Any

from .. import numpy as jnp
from .._higher_order import closure_convert, custom_vjp, jit
from .._higher_order._functions import check_callable
from .._ir import type_error, value_error
from .._tracing import as_array, is_array_like, typeof
from .._transforms import vjp
from ..lax import scan
from ..tree_util import (
    keystr,
    tree_leaves,
    tree_leaves_with_path,
    tree_map,
    tree_structure,
)
from ._dormand_prince import Control, integrate

__all__ = ["odeint"]
__dir__ = __all__.copy


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    *args: Any,
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: float = float("inf"),
    hmax: float = float("inf"),
) -> Any:
    """Integrate ``dy/dt = func(y, t, *args)`` by Dormand and Prince's method.

    Derivatives in reverse mode, by `y0`, `t`, `args` and what `func` closes over, solve
    the adjoint equation back in time, in memory that doesn't grow with the number of
    steps. Forward mode is not offered.

    Args:
        func: from ``(y, t, *args)`` to the derivative of ``y``, with its tree, shapes
            and dtypes; `t` is a scalar.
        y0: where the solution begins: a floating-point or complex array, or a tree of
            such arrays.
        t: times ``[n]``, floating point and not decreasing; the first is that of `y0`.
        *args: further arguments of `func`, trees of arrays and Python numbers.
        rtol: accepted error of one step, relative to the solution.
        atol: accepted error of one step; errors are compared with ``atol + rtol *
            abs(y)``, in the mean over all components.
        mxstep: most steps from one time to the next.
        hmax: the longest step.

    Returns:
        Like `y0` with a new leading axis of size `n`. NaN at times that `mxstep` steps
        or the shortest possible ones did not reach.

    Raises:
        TypeError: `func` is not callable or its result is not like `y0`; `y0`, `t` or
            `args` have other leaves than they may.
        ValueError: `t` has not one axis.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.experimental.ode import odeint
        >>> odeint(lambda y, t, k: -k * y, 1.0, jnp.array([0.0, 1.0, 2.0]), 0.5)
        Array([1.        , 0.6065..., 0.3678...], dtype=float32)

    Source: adjoint equation as in Chen, Rubanova, Bettencourt and Duvenaud (2018),
        arXiv:1806.07366, appendix C.
    """
    check_callable("odeint", func=func)
    times = _times(t)
    y0 = _state(y0)
    _check_arguments(args)
    leaves = [jnp.asarray(leaf) for leaf in tree_leaves(args)]
    structure = tree_structure(args)
    zero = jnp.zeros((), times.dtype)

    def flat(y: Any, t: Any, *leaves: Any) -> Any:
        return func(y, t, *structure.unflatten(leaves))

    converted, hoisted = closure_convert(flat, y0, zero, *leaves)
    _check_result(y0, converted(y0, zero, *leaves, *hoisted))
    control = Control(rtol, atol, mxstep, hmax)
    if not times.size:
        return tree_map(lambda leaf: jnp.zeros((0, *leaf.shape), leaf.dtype), y0)
    return _solution(converted, control, y0, times, *leaves, *hoisted)


def _integrated(func: Any, control: Control, y0: Any, t: Any, *args: Any) -> Any:
    def run(y0: Any, t: Any, *args: Any) -> Any:
        return integrate(lambda y, t: func(y, t, *args), control, y0, t)

    return jit(run)(y0, t, *args)


_solution = custom_vjp(_integrated, nondiff_argnums=(0, 1))


def _forward(func: Any, control: Control, y0: Any, t: Any, *args: Any) -> Any:
    # The function with the rule, so that the residuals have derivatives too.
    ys = _solution(func, control, y0, t, *args)
    return ys, (ys, t, args)


def _backward(func: Any, control: Control, residuals: Any, cts: Any) -> Any:
    """Integrate the cotangents of the state, the time and the arguments back in time.

    Where the solution is asked for at a time, the cotangent of the state gains that of
    the result.
    """
    smooth = [typeof(arg).is_differentiable for arg in residuals[2]]

    def adjoint(state: Any, minus_t: Any, *args: Any) -> Any:
        y, y_ct, *_ = state

        def slope(y: Any, t: Any, *inexact: Any) -> Any:
            given = iter(inexact)
            full = [next(given) if s else x for x, s in zip(args, smooth, strict=True)]
            return func(y, t, *full)

        dy, pull = vjp(slope, y, -minus_t, *itertools.compress(args, smooth))
        return (tree_map(jnp.negative, dy), *pull(y_ct))

    def run(residuals: Any, cts: Any) -> Any:
        ys, t, args = residuals

        def back(state: Any, interval: Any) -> tuple[Any, Any]:
            y_ct, t_ct, *arg_cts = state
            y, ct, t, t_before = interval
            arrival = _real_product(func(y, t, *args), ct, t.dtype)
            y_ct = tree_map(jnp.add, y_ct, ct)
            start = (y, y_ct, t_ct - arrival, *arg_cts)
            span = jnp.stack([-t, -t_before])
            ends = _solution(adjoint, control, start, span, *args)
            _, *state = tree_map(lambda leaf: leaf[1], ends)
            return tuple(state), arrival

        first = tree_map(lambda leaf: leaf[0], cts)
        begin = tree_map(
            jnp.zeros_like, (first, t[0], *itertools.compress(args, smooth))
        )
        y_later, ct_later = tree_map(lambda leaf: leaf[1:], (ys, cts))
        intervals = (y_later, ct_later, t[1:], t[:-1])
        end, arrivals = scan(back, begin, intervals, reverse=True)
        y_ct, t_ct, *arg_cts = end
        t_cts = jnp.concatenate([t_ct[None], arrivals])
        return (tree_map(jnp.add, y_ct, first), t_cts, *arg_cts)

    y_ct, t_ct, *arg_cts = jit(run)(residuals, cts)
    remaining = iter(arg_cts)
    return (y_ct, t_ct, *(next(remaining) if s else None for s in smooth))


_solution.defvjp(_forward, _backward)


def _real_product(x: Any, y: Any, dtype: Any) -> Any:
    products = tree_map(lambda a, b: jnp.sum(a * b).real.astype(dtype), x, y)
    return sum(tree_leaves(products), jnp.zeros((), dtype))


# ---- arguments -----------------------------------------------------------------------


def _times(t: Any) -> Any:
    given = typeof(as_array(t)) if is_array_like(t) else None
    if given is None or not jnp.issubdtype(given.dtype, jnp.floating):
        raise type_error(
            f"odeint: `t` must be a floating-point array, got {_described(t)}."
        )
    if given.ndim != 1:
        raise value_error(f"odeint: `t` must have one axis, got {given!r}.")
    return jnp.asarray(t)


def _state(y0: Any) -> Any:
    wrong = [
        f"  y0{keystr(path)}: {_described(leaf)}"
        for path, leaf in tree_leaves_with_path(y0)
        if not is_array_like(leaf)
        or not jnp.issubdtype(typeof(as_array(leaf)).dtype, jnp.inexact)
    ]
    if wrong:
        raise type_error(
            "odeint: expected floating-point or complex arrays in `y0`, got\n"
            + "\n".join(wrong)
        )
    # Not weakly typed: the steps would not be.
    return tree_map(lambda leaf: jnp.asarray(leaf, typeof(as_array(leaf)).dtype), y0)


def _check_arguments(args: tuple[Any, ...]) -> None:
    wrong = [
        f"  args{keystr(path)}: {_described(leaf)}"
        for path, leaf in tree_leaves_with_path(args)
        if not is_array_like(leaf)
    ]
    if wrong:
        raise type_error(
            "odeint: expected arrays or Python numbers in `args`, got\n"
            + "\n".join(wrong),
            "Close over such values in `func`.",
        )


def _check_result(y0: Any, slope: Any) -> None:
    if tree_structure(slope) != tree_structure(y0):
        raise type_error(
            f"odeint: `func` must return a tree like `y0`, {tree_structure(y0)}, got "
            f"{tree_structure(slope)}."
        )
    wrong = [
        f"  y0{keystr(path)} is {typeof(leaf)!r}, the result {typeof(as_array(made))!r}"
        for (path, leaf), made in zip(
            tree_leaves_with_path(y0), tree_leaves(slope), strict=True
        )
        if (leaf.shape, leaf.dtype) != (jnp.shape(made), jnp.result_type(made))
    ]
    if wrong:
        raise type_error(
            "odeint: `func` must return arrays with the shapes and dtypes of `y0`, "
            "but\n" + "\n".join(wrong)
        )


def _described(leaf: Any) -> str:
    return repr(typeof(as_array(leaf))) if is_array_like(leaf) else type(leaf).__name__
