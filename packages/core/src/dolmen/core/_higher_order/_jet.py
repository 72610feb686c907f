"""`jet`: derivatives of any order along a curve, in one pass."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import dtypes, type_error, value_error
from .._tracing import Tracer, current_trace, device_array, enter, typeof
from .._transforms import tangent_type, zeros_for
from .._transforms._derivatives import derivative
from .._transforms._differentiable import check_callable
from .._transforms._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)
from ._series import scaled
from ._taylor import JetTrace, JetTracer


def jet(
    fun: Callable[..., Any],
    primals: Sequence[Any],
    series: Sequence[Any],
    factorial_scaled: bool = True,
) -> tuple[Any, Any]:
    """Derivatives of a function along a curve, up to any order, in one pass.

    Let each argument move along ``h(t) = h0 + h1 t + h2 t**2 / 2! + ...``. Then the
    result moves along a curve whose derivatives at ``t = 0`` are returned. The cost
    grows with the square of the order, that of nested `jvp` doubles with each.

    Args:
        fun: a function of arrays in trees.
        primals: its arguments ``h0``, a tuple or list.
        series: for each argument a sequence of terms ``h1, h2, ...``, each like the
            argument; all of the same length, the order.
        factorial_scaled: terms are derivatives. If false, they are coefficients of
            powers of ``t`` (derivatives divided by the factorial of their order), in
            and out.

    Returns:
        The value and its terms: the tree of the value, with a list of terms in the
        place of each leaf.

    Raises:
        TypeError: a term has another tree or dtype than its argument.
        ValueError: a term has another shape, or sequences differ in length.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.experimental.jet import jet
        >>> value, terms = jet(jnp.exp, (0.0,), ((1.0, 0.0, 0.0),))
        >>> list(map(float, terms))
        [1.0, 1.0, 1.0]
    """
    check_callable("jet", fun)
    where = f"jet of {name_of(fun)}"
    primals, series = tuple(primals), tuple(series)
    orders = {len(terms) for terms in series}
    if len(series) != len(primals) or len(orders) > 1:
        lengths = ", ".join(str(len(terms)) for terms in series)
        raise value_error(
            f"{where}: expected a sequence of terms for each of {len(primals)} "
            "primals, all of the same length, got sequences of length "
            f"{lengths or 'none'}."
        )
    leaves, tree = argument_leaves("jet", fun, primals)
    order = orders.pop() if orders else 0
    columns = [
        _terms(where, tree, leaves, k, tuple([terms[k - 1] for terms in series]))
        for k in range(1, order + 1)
    ]
    trace = JetTrace(current_trace(), order, name_of(fun))
    args = []
    for index, leaf in enumerate(leaves):
        terms = [column[index] for column in columns]
        if factorial_scaled:
            terms = [scaled(t, 1 / math.factorial(k)) for k, t in enumerate(terms, 1)]
        moves = any(term is not None for term in terms)
        args.append(JetTracer(trace, leaf, terms) if moves else leaf)
    previous = enter(trace)
    try:
        result = fun(*tree.unflatten(args))
    finally:
        enter(previous)
        trace.finished = True
    outs, out_tree = result_leaves("jet", fun, result)
    found = [trace.opened(out) for out in outs]
    out_terms = []
    for own in found:
        terms = [zeros_for(typeof(own[0])) if t is None else t for t in own[1:]]
        if factorial_scaled:
            terms = [scaled(t, math.factorial(k)) for k, t in enumerate(terms, 1)]
        out_terms.append([derivative(term, typeof(own[0])) for term in terms])
    return out_tree.unflatten([own[0] for own in found]), out_tree.unflatten(out_terms)


def _terms(
    where: str, tree: Any, leaves: Sequence[Any], order: int, given: tuple[Any, ...]
) -> list[Any]:
    """Leaves of the terms of one order, checked; None for those of integers."""
    values, got_tree = flatten(given)
    if got_tree != tree:
        raise type_error(
            f"{where}: expected terms with the tree of the primals {tree}, got "
            f"{got_tree} for order {order}."
        )
    checked, wrong, same_shapes = [], [], True
    paths = [path_text(path) for path, _ in flatten_with_path(given)[0]]
    for path, leaf, value in zip(paths, leaves, values, strict=True):
        type, got = typeof(leaf), typeof(value)
        if not type.is_differentiable:
            if not _is_zero(value):
                wrong.append(f"  {path}: {type!r} can't move, got {value!r:.60}")
            checked.append(None)
            continue
        fits = got.weak_type and dtypes.kind(got.dtype) == dtypes.kind(type.dtype)
        if got.shape != type.shape or not (fits or got.dtype == type.dtype):
            wrong.append(f"  {path}: {got!r}, expected {type!r}")
            same_shapes = same_shapes and got.shape == type.shape
        elif fits and not isinstance(value, Tracer):
            value = device_array(value, tangent_type(type))
        checked.append(value)
    if wrong:
        error = type_error if same_shapes else value_error
        raise error(
            f"{where}: expected terms with the shapes and dtypes of the primals, got "
            f"for order {order}\n" + "\n".join(wrong)
        )
    return checked


def _is_zero(value: Any) -> bool:
    """Whether a term of an integer says that it does not move."""
    if typeof(value).dtype == dtypes.float0:
        return True
    return not isinstance(value, Tracer) and not np.any(np.asarray(value))
