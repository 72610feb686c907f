"""`grad` and `value_and_grad`."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import dtypes, message
from .._tracing import as_array, typeof
from ._derivatives import Form
from ._differentiable import (
    Chosen,
    Function,
    refuse_reduce_axes,
    split_aux,
)
from ._products import run_forward
from ._tape import LinearTracer, pull_back
from ._trees import argument_leaves, flatten, name_of


def grad(
    fun: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> Function:
    """Gradient of a scalar-valued function, by reverse-mode differentiation.

    Args:
        fun: a function of arrays (in any tree of containers) to a real scalar.
        argnums: which positional arguments to differentiate, one or several; negative
            ones count from the last.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex. Without
            it the gradient of a complex argument ``x + iy`` is ``df/dx - i df/dy``.
        allow_int: accept integer and boolean leaves; their gradient is `float0`.
        reduce_axes: not supported; there for old programs.

    Returns:
        A function with the arguments of `fun` that returns the gradient: the tree of
        the differentiated argument, or a tuple of trees for several `argnums`. With
        `has_aux`, a pair of that and the auxiliary value.

    Raises:
        TypeError: (at the call) the result is no real scalar, or a differentiated leaf
            is not floating point; the message names the leaf's path.

    Example:
        >>> import dolmen.core as dc
        >>> dc.grad(lambda x: x**3)(2.0)
        Array(12., dtype=float32, weak_type=True)
    """
    both = value_and_grad(fun, argnums, has_aux, holomorphic, allow_int, reduce_axes)

    @functools.wraps(fun)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return gradient


def value_and_grad(
    fun: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    reduce_axes: Sequence[Any] = (),
) -> Function:
    """Value and gradient of a scalar-valued function, in one evaluation.

    Args:
        fun: a function of arrays (in any tree of containers) to a real scalar.
        argnums: which positional arguments to differentiate, one or several; negative
            ones count from the last.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex. Without
            it the gradient of a complex argument ``x + iy`` is ``df/dx - i df/dy``.
        allow_int: accept integer and boolean leaves; their gradient is `float0`.
        reduce_axes: not supported; there for old programs.

    Returns:
        A function that returns `(value, gradient)`; with `has_aux`,
        `((value, aux), gradient)`.

    Raises:
        TypeError: as for `grad`.

    Example:
        >>> import dolmen.core as dc
        >>> dc.value_and_grad(lambda x: x * x)(3.0)
        (Array(9., dtype=float32, weak_type=True),
         Array(6., dtype=float32, weak_type=True))
    """
    refuse_reduce_axes("grad", reduce_axes)
    chosen = Chosen("grad", fun, argnums)
    accepted = "c" if holomorphic else "fcbiu" if allow_int else "fc"

    @functools.wraps(fun)
    def both(*args: Any, **kwargs: Any) -> Any:
        picked = chosen.of(args)
        leaves, tree = argument_leaves("grad", fun, picked)
        varies = chosen.check(picked, leaves, accepted)

        def flat(*values: Any) -> Any:
            given = iter(values)
            whole = [
                next(given) if v else x for v, x in zip(varies, leaves, strict=True)
            ]
            return fun(*chosen.put(args, tree.unflatten(whole)), **kwargs)

        primals = [leaf for leaf, v in zip(leaves, varies, strict=True) if v]
        result, tape, inputs, trace = run_forward(flat, primals, name_of(fun))
        value, aux = split_aux("grad", fun, result) if has_aux else (result, None)
        value = as_array(value)
        seed = _seed(fun, value, holomorphic)

        def primal(leaf: Any) -> Any:
            mine = isinstance(leaf, LinearTracer) and leaf.owner is trace
            return leaf.primal if mine else leaf

        depends = isinstance(value, LinearTracer) and value.owner is trace
        found = pull_back(tape, {value.key: seed} if depends else {})
        cts = iter([found.get(tracer.key) for tracer in inputs])
        form = Form(picked, [typeof(leaf) for leaf in leaves])
        trees = form.fill([next(cts) if v else None for v in varies])
        out = primal(value)
        if has_aux:
            aux_leaves, aux_tree = flatten(aux)
            aux_leaves = [primal(as_array(leaf)) for leaf in aux_leaves]
            out = out, aux_tree.unflatten(aux_leaves)
        return out, trees[0] if chosen.single else tuple(trees)

    return both


def _seed(fun: Function, value: Any, holomorphic: bool) -> Any:
    leaves, _ = flatten(value)
    if len(leaves) != 1 or leaves[0] is not value:
        raise TypeError(
            message(
                f"grad of {name_of(fun)}: expected the function to return one scalar, "
                f"got {type(value).__name__} with {len(leaves)} leaves.",
                "Return the loss alone, or pass `has_aux=True` and return "
                "`(loss, other_results)`.",
            )
        )
    result = typeof(value)
    wanted = "c" if holomorphic else "f"
    if result.shape != () or dtypes.kind(result.dtype) != wanted:
        kind = "complex" if holomorphic else "real floating-point"
        advice = (
            "Reduce it, for example with `.sum()` or `.mean()`, or use `jacrev`."
            if result.shape
            else "Convert the result to a floating-point dtype."
        )
        raise TypeError(
            message(
                f"grad of {name_of(fun)}: expected the function to return a {kind} "
                f"scalar, got {result!r}.",
                advice,
            )
        )
    return np.ones((), result.dtype)
