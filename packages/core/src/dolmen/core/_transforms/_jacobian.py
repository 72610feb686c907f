"""Jacobians and Hessians: products with every vector of a basis, under `vmap`."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import dtypes, type_error
from .._ops import _shape, _slicing
from .._tracing import typeof
from ._differentiable import Chosen, Function
from ._jvp import tangent_type, zeros_for
from ._products import jvp, vjp
from ._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)
from ._vmap import vmap


def jacfwd(
    fun: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Function:
    """Jacobian of a function, one column at a time (forward mode).

    Args:
        fun: a function of arrays in trees.
        argnums: which positional arguments to differentiate, one or several.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex.

    Returns:
        A function whose result has the tree of `fun`'s result, with the tree of the
        differentiated argument(s) inside; leaves have the axes of the result followed
        by those of the argument. With `has_aux`, a pair of that and the auxiliary
        value.

    Raises:
        TypeError: (at the call) a differentiated leaf is not floating point; with
            `holomorphic`, not complex.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.jacfwd(lambda x: x**2)(jnp.array([1.0, 2.0]))
        Array([[2., 0.],
               [0., 4.]], dtype=float32)
    """
    chosen = Chosen("jacfwd", fun, argnums)

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        part, picked = _partial(chosen, args, kwargs)
        leaves, tree = argument_leaves("jacfwd", fun, picked)
        chosen.check(picked, leaves, "c" if holomorphic else "f")

        def push(*tangents: Any) -> Any:
            value, tangent, *aux = jvp(
                part, picked, tree.unflatten(tangents), has_aux=has_aux
            )
            if holomorphic:
                _check_result(chosen, value, "c")
            outs, out_tree = flatten(tangent)
            column = out_tree.unflatten([_integers_too(out) for out in outs])
            return (column, aux[0]) if has_aux else column

        out = vmap(push, out_axes=(-1, None) if has_aux else -1)(*_basis(leaves))
        columns, aux = out if has_aux else (out, None)
        outs, out_tree = flatten(columns)
        jac = out_tree.unflatten([_columns(out, leaves, tree, chosen) for out in outs])
        return (jac, aux) if has_aux else jac

    return jacobian


def jacrev(
    fun: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Function:
    """Jacobian of a function, one row at a time (reverse mode).

    Args:
        fun: a function of arrays in trees.
        argnums: which positional arguments to differentiate, one or several.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex.
        allow_int: accept integer and boolean leaves; their Jacobian is integer zeros.

    Returns:
        A function whose result is laid out as that of `jacfwd`.

    Raises:
        TypeError: (at the call) a leaf of the result is not floating point, or a
            differentiated one is integer; with `holomorphic`, not complex.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.jacrev(lambda x: x.sum() * x)(jnp.array([1.0, 2.0]))
        Array([[4., 1.],
               [2., 5.]], dtype=float32)
    """
    chosen = Chosen("jacrev", fun, argnums)
    accepted = "c" if holomorphic else "fcbiu" if allow_int else "fc"

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        part, picked = _partial(chosen, args, kwargs)
        chosen.check(picked, argument_leaves("jacrev", fun, picked)[0], accepted)
        value, pull, *aux = vjp(part, *picked, has_aux=has_aux)
        outs, out_tree = result_leaves("jacrev", fun, value)
        _check_result(chosen, value, "c" if holomorphic else "f")

        def row(*cts: Any) -> Any:
            grads, grads_tree = flatten(pull(out_tree.unflatten(cts)))
            return grads_tree.unflatten([_integers_too(grad) for grad in grads])

        leaves, tree = flatten(vmap(row)(*_basis(outs)))
        parts, start = [], 0
        for out in outs:
            type = typeof(out)
            pieces = [
                _shape.reshape(
                    _slicing.slice_in_dim(leaf, start, start + type.size, axis=0),
                    (*type.shape, *typeof(leaf).shape[1:]),
                )
                for leaf in leaves
            ]
            whole = tree.unflatten(pieces)
            parts.append(whole[0] if chosen.single else tuple(whole))
            start += type.size
        jac = out_tree.unflatten(parts)
        return (jac, aux[0]) if has_aux else jac

    return jacobian


def jacobian(
    fun: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> Function:
    """`jacrev` under the mathematical name."""
    return jacrev(fun, argnums, has_aux, holomorphic, allow_int)


def hessian(
    fun: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Function:
    """Second derivatives of a function: forward over reverse mode.

    Args:
        fun: a function of arrays in trees.
        argnums: which positional arguments to differentiate, one or several.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex.

    Returns:
        A function whose result has the tree of `fun`'s result, inside it the tree of
        the differentiated argument(s), inside this the same once more.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0]))
        Array([[ 6.,  0.],
               [ 0., 12.]], dtype=float32)
    """
    rows = jacrev(fun, argnums, has_aux, holomorphic)
    return jacfwd(rows, argnums, has_aux, holomorphic)


def _partial(
    chosen: Chosen, args: Sequence[Any], kwargs: Any
) -> tuple[Function, tuple[Any, ...]]:
    """The function of the chosen arguments alone, and their values."""

    @functools.wraps(chosen.fun)
    def part(*values: Any) -> Any:
        return chosen.fun(*chosen.put(args, values), **kwargs)

    return part, chosen.of(args)


def _check_result(chosen: Chosen, value: Any, accepted: str) -> None:
    """Raise unless all leaves of a result are of the accepted kind, `f` or `c`."""
    wrong = [
        f"  result{path_text(path)}: {typeof(leaf)!r}"
        for path, leaf in flatten_with_path(value)[0]
        if dtypes.kind(typeof(leaf).dtype) != accepted
    ]
    if wrong:
        expected = "complex" if accepted == "c" else "real floating-point"
        raise type_error(
            f"{chosen.transform} of {name_of(chosen.fun)}: expected the function to "
            f"return {expected} arrays, got\n" + "\n".join(wrong),
            "Convert them with `.astype(...)`, or return them with `has_aux`.",
        )


def _integers_too(derivative: Any) -> Any:
    """A derivative in whose place arrays of `float0` are integer zeros."""
    type = typeof(derivative)
    if type.dtype != dtypes.float0:
        return derivative
    return zeros_for(typeof(np.zeros(type.shape, dtypes.canonical(np.dtype(int)))))


def _basis(leaves: Sequence[Any]) -> list[Any]:
    """For each leaf the standard basis of all leaves together, batched in axis 0."""
    sizes = [typeof(leaf).size for leaf in leaves]
    total, start, basis = sum(sizes), 0, []
    for leaf, size in zip(leaves, sizes, strict=True):
        type = tangent_type(typeof(leaf))
        eye = np.zeros((total, size), type.dtype)
        eye[start : start + size] = np.eye(size, dtype=type.dtype)
        basis.append(eye.reshape(total, *type.shape))
        start += size
    return basis


def _columns(out: Any, leaves: Sequence[Any], tree: Any, chosen: Chosen) -> Any:
    """The Jacobian of one leaf of the result, in the tree of the arguments."""
    shape = typeof(out).shape[:-1]
    parts, start = [], 0
    for leaf in leaves:
        type = typeof(leaf)
        piece = _slicing.slice_in_dim(out, start, start + type.size, axis=len(shape))
        parts.append(_shape.reshape(piece, (*shape, *type.shape)))
        start += type.size
    whole = tree.unflatten(parts)
    return whole[0] if chosen.single else tuple(whole)
