"""`grad`, `vjp`, `jvp`, `linearize` and the matrices built of them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import array_type, dtypes, message
from .._tracing import (
    as_array,
    check_leaks,
    current_trace,
    enter,
    typeof,
)
from ._jvp import JvpTrace, JvpTracer, tangent_type, zeros_for
from ._tape import LinearizeTrace, LinearTracer, TapeEntry, pull_back, push_forward
from ._transpose import accumulate
from ._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)

_Function = Callable[..., Any]


def grad(
    fun: _Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> _Function:
    """Gradient of a scalar-valued function, by reverse-mode differentiation.

    Args:
        fun: a function of arrays (in any tree of containers) to a real scalar.
        argnums: which positional arguments to differentiate, one or several.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex.
        allow_int: accept integer and boolean leaves; their gradient is `float0`.

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
        Array(12., dtype=float32)
    """
    both = value_and_grad(fun, argnums, has_aux, holomorphic, allow_int)

    @functools.wraps(fun)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return gradient


def value_and_grad(
    fun: _Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> _Function:
    """Value and gradient of a scalar-valued function, in one evaluation.

    Args:
        fun: a function of arrays (in any tree of containers) to a real scalar.
        argnums: which positional arguments to differentiate, one or several.
        has_aux: `fun` returns a pair; the second part is passed through.
        holomorphic: `fun` is holomorphic; arguments and result are complex.
        allow_int: accept integer and boolean leaves; their gradient is `float0`.

    Returns:
        A function that returns `(value, gradient)`; with `has_aux`,
        `((value, aux), gradient)`.

    Raises:
        TypeError: as for `grad`.

    Example:
        >>> import dolmen.core as dc
        >>> dc.value_and_grad(lambda x: x * x)(3.0)
        (Array(9., dtype=float32, weak_type=True), Array(6., dtype=float32))
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(fun)
    def both(*args: Any, **kwargs: Any) -> Any:
        chosen = _chosen(fun, numbers, args)
        leaves, tree = argument_leaves("grad", fun, chosen)
        varies = _check_inputs(fun, chosen, leaves, holomorphic, allow_int)

        def flat(*values: Any) -> Any:
            filled = iter(values)
            whole = [
                next(filled) if v else x for v, x in zip(varies, leaves, strict=True)
            ]
            full = list(args)
            for number, value in zip(numbers, tree.unflatten(whole), strict=True):
                full[number] = value
            return fun(*full, **kwargs)

        primals = [leaf for leaf, v in zip(leaves, varies, strict=True) if v]
        result, tape, inputs, strip = _run_linear(flat, primals, name_of(fun))
        value, aux = result if has_aux else (result, None)
        seed = _seed(fun, value, holomorphic)
        cotangents: dict[Any, Any] = {}
        if isinstance(value, LinearTracer) and value in strip:
            accumulate(cotangents, value, seed)
        found = pull_back(tape, cotangents)
        grads = iter([found.get(tracer) for tracer in inputs])
        filled = [
            _gradient_leaf(next(grads) if v else None, leaf)
            for v, leaf in zip(varies, leaves, strict=True)
        ]
        trees = tree.unflatten(filled)
        value = strip.primal(value)
        out = (value, strip.tree(aux)) if has_aux else value
        return out, trees[0] if isinstance(argnums, int) else tuple(trees)

    return both


def _chosen(fun: _Function, numbers: tuple[int, ...], args: Sequence[Any]) -> Any:
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise TypeError(
                message(
                    f"grad of {name_of(fun)}: argnums={number} asks for positional "
                    f"argument {number}, but the call has {len(args)}.",
                    "Pass the differentiated arguments by position.",
                )
            )
    return tuple(args[number] for number in numbers)


def _check_inputs(
    fun: _Function,
    chosen: Any,
    leaves: Sequence[Any],
    holomorphic: bool,
    allow_int: bool,
) -> list[bool]:
    """Which leaves vary, after refusing those that can't be differentiated."""
    kinds = [dtypes.kind(typeof(leaf).dtype) for leaf in leaves]
    accepted = "c" if holomorphic else ("fbiu" if allow_int else "f")
    if all(k in accepted for k in kinds) or (
        not holomorphic and all(k in accepted + "c" for k in kinds)
    ):
        return [k in "fc" for k in kinds]
    paths = [path_text(path) for path, _ in flatten_with_path(chosen)[0]]
    wrong = [
        f"  args{path}: {typeof(leaf)!r}"
        for path, leaf, k in zip(paths, leaves, kinds, strict=True)
        if k not in accepted
    ]
    expected = "complex" if holomorphic else "floating-point"
    raise TypeError(
        message(
            f"grad of {name_of(fun)}: expected {expected} leaves in the differentiated "
            "arguments, got\n" + "\n".join(wrong),
            "Convert them with `.astype(...)`, choose other `argnums`, or pass "
            "`allow_int=True` to get `float0` gradients for integers.",
        )
    )


def _seed(fun: _Function, value: Any, holomorphic: bool) -> Any:
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


def _gradient_leaf(ct: Any, leaf: Any) -> Any:
    type = typeof(leaf)
    if ct is not None:
        return ct
    if not type.is_differentiable:
        return np.zeros(type.shape, dtypes.float0)
    return zeros_for(type)


class _Strip:
    """Removes one trace's tracers from results."""

    def __init__(self, trace: LinearizeTrace) -> None:
        self._trace = trace

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, LinearTracer) and value.owner is self._trace

    def primal(self, value: Any) -> Any:
        return value.primal if value in self else value

    def tree(self, value: Any) -> Any:
        leaves, structure = flatten(value)
        return structure.unflatten([self.primal(leaf) for leaf in leaves])


def _run_linear(
    function: Callable[..., Any], primals: Sequence[Any], name: str
) -> tuple[Any, list[TapeEntry], list[LinearTracer], _Strip]:
    """Run a function forward, taping what varies with `primals`."""
    trace = LinearizeTrace(current_trace(), name)
    inputs = [LinearTracer(trace, primal) for primal in primals]
    previous = enter(trace)
    try:
        result = function(*inputs)
    finally:
        enter(previous)
        trace.finished = True
    check_leaks(trace)
    return result, trace.tape, inputs, _Strip(trace)


def vjp(fun: _Function, *primals: Any, has_aux: bool = False) -> Any:
    """Value of a function and its vector-Jacobian product.

    Args:
        fun: a function of arrays in trees.
        *primals: its arguments.
        has_aux: `fun` returns a pair; the second part is passed through.

    Returns:
        `(value, vjp_fun)`, with `has_aux` `(value, vjp_fun, aux)`. `vjp_fun` takes a
        cotangent of the tree and types of the value and returns a tuple of cotangents,
        one for each primal. It may be called several times.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> y, pull = dc.vjp(jnp.sin, 0.0)
        >>> pull(2.0)
        (Array(2., dtype=float32),)
    """
    leaves, tree = argument_leaves("vjp", fun, primals)
    varies = [typeof(leaf).is_differentiable for leaf in leaves]

    def flat(*values: Any) -> Any:
        filled = iter(values)
        whole = [next(filled) if v else x for v, x in zip(varies, leaves, strict=True)]
        return fun(*tree.unflatten(whole))

    active = [leaf for leaf, v in zip(leaves, varies, strict=True) if v]
    result, tape, inputs, strip = _run_linear(flat, active, name_of(fun))
    out, aux = result if has_aux else (result, None)
    outs, out_tree = result_leaves("vjp", fun, out)
    types = [typeof(value) for value in outs]

    def vjp_fun(cotangent: Any) -> Any:
        cts = _cotangent_leaves(fun, cotangent, out_tree, types)
        cotangents: dict[Any, Any] = {}
        for value, ct in zip(outs, cts, strict=True):
            if value in strip and ct is not None:
                accumulate(cotangents, value, ct)
        found = pull_back(tape, cotangents)
        grads = iter([found.get(tracer) for tracer in inputs])
        return tree.unflatten(
            [
                _gradient_leaf(next(grads) if v else None, leaf)
                for v, leaf in zip(varies, leaves, strict=True)
            ]
        )

    value = out_tree.unflatten([strip.primal(leaf) for leaf in outs])
    return (value, vjp_fun, strip.tree(aux)) if has_aux else (value, vjp_fun)


def _cotangent_leaves(
    fun: _Function, cotangent: Any, out_tree: Any, types: Sequence[Any]
) -> list[Any]:
    leaves, tree = flatten(cotangent)
    if tree != out_tree:
        raise TypeError(
            message(
                f"vjp of {name_of(fun)}: expected a cotangent of the tree "
                f"{out_tree}, that of the function's result, got {tree}."
            )
        )
    checked: list[Any] = []
    for leaf, type in zip(leaves, types, strict=True):
        if not type.is_differentiable:
            checked.append(None)
            continue
        leaf = as_array(leaf)
        given = typeof(leaf)
        if given.shape != type.shape or (
            given.dtype != type.dtype and not given.weak_type
        ):
            raise TypeError(
                message(
                    f"vjp of {name_of(fun)}: expected a cotangent {type!r} like the "
                    f"function's result, got {given!r}."
                )
            )
        if isinstance(leaf, bool | int | float | complex):
            leaf = np.asarray(leaf, type.dtype)
        checked.append(leaf)
    return checked


def jvp(
    fun: _Function,
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool = False,
) -> Any:
    """Value of a function and its Jacobian-vector product.

    Args:
        fun: a function of arrays in trees.
        primals: its arguments, a tuple or list.
        tangents: of the same tree; leaves have the shape and dtype of their primal
            (`float0` for integers and booleans).
        has_aux: `fun` returns a pair; the second part is passed through.

    Returns:
        `(value, tangent)`, with `has_aux` `(value, tangent, aux)`.

    Raises:
        TypeError: the trees, shapes or dtypes of primals and tangents differ.

    Example:
        >>> import dolmen.core as dc
        >>> dc.jvp(lambda x: x * x, (3.0,), (1.0,))
        (Array(9., dtype=float32, weak_type=True),
         Array(6., dtype=float32, weak_type=True))
    """
    leaves, tree = argument_leaves("jvp", fun, tuple(primals))
    tangent_leaves, tangent_tree = flatten(tuple(tangents))
    if tree != tangent_tree:
        raise TypeError(
            message(
                f"jvp of {name_of(fun)}: primals and tangents must have the same tree, "
                f"got {tree} and {tangent_tree}."
            )
        )
    trace = JvpTrace(current_trace(), name_of(fun))
    args = [
        _paired(fun, trace, primal, tangent)
        for primal, tangent in zip(leaves, tangent_leaves, strict=True)
    ]
    previous = enter(trace)
    try:
        result = fun(*tree.unflatten(args))
    finally:
        enter(previous)
        trace.finished = True
    check_leaks(trace)
    out, aux = result if has_aux else (result, None)
    outs, out_tree = result_leaves("jvp", fun, out)
    pairs = [_unpaired(trace, value) for value in outs]
    value = out_tree.unflatten([primal for primal, _ in pairs])
    tangent = out_tree.unflatten([t for _, t in pairs])
    if not has_aux:
        return value, tangent
    aux_leaves, aux_tree = flatten(aux)
    aux = aux_tree.unflatten([_unpaired(trace, leaf)[0] for leaf in aux_leaves])
    return value, tangent, aux


def _paired(fun: _Function, trace: JvpTrace, primal: Any, tangent: Any) -> Any:
    type = typeof(primal)
    if not type.is_differentiable:
        return primal
    tangent = as_array(tangent)
    given = typeof(tangent)
    if given.shape != type.shape or given.dtype != type.dtype:
        raise TypeError(
            message(
                f"jvp of {name_of(fun)}: expected a tangent with the shape and dtype "
                f"of its primal {type!r}, got {given!r}."
            )
        )
    return JvpTracer(trace, primal, tangent)


def _unpaired(trace: JvpTrace, value: Any) -> tuple[Any, Any]:
    if isinstance(value, JvpTracer) and value.owner is trace:
        return value.primal, value.tangent
    type = typeof(value)
    if not type.is_differentiable:
        return value, np.zeros(type.shape, dtypes.float0)
    return value, zeros_for(type)


def linearize(fun: _Function, *primals: Any, has_aux: bool = False) -> Any:
    """Value of a function and its derivative there, a linear function of tangents.

    Like `jvp`, but the function runs once and its derivative can be applied many times.

    Returns:
        `(value, jvp_fun)`, with `has_aux` `(value, jvp_fun, aux)`.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> y, push = dc.linearize(lambda x: x * x, jnp.array([1.0, 2.0]))
        >>> push(jnp.array([1.0, 10.0]))
        Array([ 2., 40.], dtype=float32)
    """
    leaves, tree = argument_leaves("linearize", fun, primals)
    varies = [typeof(leaf).is_differentiable for leaf in leaves]

    def flat(*values: Any) -> Any:
        filled = iter(values)
        whole = [next(filled) if v else x for v, x in zip(varies, leaves, strict=True)]
        return fun(*tree.unflatten(whole))

    active = [leaf for leaf, v in zip(leaves, varies, strict=True) if v]
    result, tape, inputs, strip = _run_linear(flat, active, name_of(fun))
    out, aux = result if has_aux else (result, None)
    outs, out_tree = result_leaves("linearize", fun, out)

    def jvp_fun(*tangents: Any) -> Any:
        given, given_tree = flatten(tangents)
        if given_tree != tree:
            raise TypeError(
                message(
                    f"linearize of {name_of(fun)}: expected tangents of the tree "
                    f"{tree}, got {given_tree}."
                )
            )
        chosen = [as_array(t) for t, v in zip(given, varies, strict=True) if v]
        found = push_forward(tape, dict(zip(inputs, chosen, strict=True)))
        return out_tree.unflatten(
            [
                found[value]
                if value in found and value in strip
                else zeros_for(typeof(value))
                for value in outs
            ]
        )

    value = out_tree.unflatten([strip.primal(leaf) for leaf in outs])
    return (value, jvp_fun, strip.tree(aux)) if has_aux else (value, jvp_fun)


def linear_transpose(fun: _Function, *primals: Any) -> _Function:
    """Transpose of a function that is linear in its arguments.

    Args:
        fun: a linear function of arrays in trees.
        *primals: arrays that give the types of its arguments, or a `ShapeDtypeStruct`
            in the place of one.

    Returns:
        A function from a cotangent of the result to a tuple of cotangents of the
        arguments.
    """
    leaves, tree = flatten(primals)
    zeros = [zeros_for(array_type(tuple(x.shape), np.dtype(x.dtype))) for x in leaves]
    _, vjp_fun = vjp(fun, *tree.unflatten(zeros))
    return vjp_fun


def jacfwd(
    fun: _Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> _Function:
    """Jacobian of a function, one column at a time (forward mode).

    Returns:
        A function whose result has the tree of `fun`'s result, with the tree of the
        differentiated argument(s) inside; leaves have the axes of the result followed
        by those of the argument.
    """

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        part, chosen = _partial(fun, argnums, args, kwargs)
        leaves, tree = argument_leaves("jacfwd", fun, chosen)
        basis = _basis(leaves)
        from ._vmap import vmap

        aux = None

        def push(*tangents: Any) -> Any:
            nonlocal aux
            out = jvp(part, chosen, tree.unflatten(tangents), has_aux=has_aux)
            aux = out[2] if has_aux else None
            return (out[1], aux) if has_aux else out[1]

        out = vmap(push, out_axes=(-1, None) if has_aux else -1)(*basis)
        columns, aux = out if has_aux else (out, None)
        outs, out_tree = flatten(columns)
        jac = out_tree.unflatten([_columns(out, leaves, tree, argnums) for out in outs])
        return (jac, aux) if has_aux else jac

    return jacobian


def _columns(out: Any, leaves: Sequence[Any], tree: Any, argnums: Any) -> Any:
    from .._ops import _shape, _slicing

    shape = typeof(out).shape[:-1]
    parts, start = [], 0
    for leaf in leaves:
        type = typeof(leaf)
        piece = _slicing.slice_in_dim(out, start, start + type.size, axis=len(shape))
        parts.append(_shape.reshape(piece, (*shape, *type.shape)))
        start += type.size
    whole = tree.unflatten(parts)
    return whole[0] if isinstance(argnums, int) else tuple(whole)


def _partial(
    fun: _Function, argnums: int | Sequence[int], args: Sequence[Any], kwargs: Any
) -> tuple[_Function, tuple[Any, ...]]:
    """`fun` as a function of the chosen arguments alone, and their values."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    chosen = _chosen(fun, numbers, args)

    @functools.wraps(fun)
    def part(*values: Any) -> Any:
        full = list(args)
        for number, value in zip(numbers, values, strict=True):
            full[number] = value
        return fun(*full, **kwargs)

    return part, chosen


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


def jacrev(
    fun: _Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
) -> _Function:
    """Jacobian of a function, one row at a time (reverse mode).

    Returns:
        A function whose result is laid out as that of `jacfwd`.
    """

    @functools.wraps(fun)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        from .._ops import _shape, _slicing
        from ._vmap import vmap

        part, chosen = _partial(fun, argnums, args, kwargs)
        result = vjp(part, *chosen, has_aux=has_aux)
        value, pull, aux = result if has_aux else (*result, None)
        outs, out_tree = result_leaves("jacrev", fun, value)
        rows = vmap(lambda *cts: pull(out_tree.unflatten(cts)))(*_basis(outs))
        leaves, tree = flatten(rows)
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
            parts.append(whole[0] if isinstance(argnums, int) else tuple(whole))
            start += type.size
        jac = out_tree.unflatten(parts)
        return (jac, aux) if has_aux else jac

    return jacobian


def hessian(
    fun: _Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> _Function:
    """Second derivatives of a function: forward over reverse mode.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.hessian(lambda x: (x**3).sum())(jnp.array([1.0, 2.0]))
        Array([[ 6.,  0.],
               [ 0., 12.]], dtype=float32)
    """
    return jacfwd(jacrev(fun, argnums, has_aux), argnums, has_aux)
