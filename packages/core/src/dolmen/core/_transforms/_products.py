"""Products with the Jacobian of a function: `jvp`, `linearize`, `vjp`."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import type_error
from .._tracing import (
    as_array,
    check_leaks,
    current_trace,
    enter,
    is_array_like,
    record,
    typeof,
)
from ._derivatives import Form, derivative
from ._differentiable import (
    Function,
    check_callable,
    refuse_reduce_axes,
    split_aux,
)
from ._jvp import JvpTrace, JvpTracer, tangent_type, zeros_for
from ._linear_function import ClosedTape, LinearFunction, close_tape
from ._tape import LinearizeTrace, LinearTracer, TapeEntry
from ._transpose import run_transposed
from ._trees import (
    argument_leaves,
    flatten,
    name_of,
    result_leaves,
)

# ---- forward -------------------------------------------------------------------------


def jvp(
    fun: Function,
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
        `(value, tangent)`, with `has_aux` `(value, tangent, aux)`. The tangent has the
        tree of the value.

    Raises:
        TypeError: the trees or dtypes of primals and tangents differ; the message
            names the leaves.
        ValueError: their shapes differ.

    Example:
        >>> import dolmen.core as dc
        >>> dc.jvp(lambda x: x * x, (3.0,), (1.0,))
        (Array(9., dtype=float32, weak_type=True),
         Array(6., dtype=float32, weak_type=True))
    """
    check_callable("jvp", fun)
    for label, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise type_error(
                f"jvp of {name_of(fun)}: expected `{label}` to be a tuple or list, one "
                f"entry for each argument, got {type(given).__name__}.",
                f"Write `({label[:-1]},)` for a function of one argument.",
            )
    primals, tangents = tuple(primals), tuple(tangents)
    leaves, tree = argument_leaves("jvp", fun, primals)
    form = Form(primals, [typeof(leaf) for leaf in leaves])
    given = form.tangents(f"jvp of {name_of(fun)}", tangents)
    trace = JvpTrace(current_trace(), name_of(fun))
    args = [
        leaf if tangent is None else JvpTracer(trace, leaf, tangent)
        for leaf, tangent in zip(leaves, given, strict=True)
    ]
    previous = enter(trace)
    try:
        result = fun(*tree.unflatten(args))
    finally:
        enter(previous)
        trace.finished = True
    check_leaks(trace)
    out, aux = split_aux("jvp", fun, result) if has_aux else (result, None)
    outs, out_tree = result_leaves("jvp", fun, out)
    pairs = [_unpaired(trace, value) for value in outs]
    value = out_tree.unflatten([primal for primal, _ in pairs])
    tangent = Form(out, list(map(typeof, outs))).fill([t for _, t in pairs])
    if not has_aux:
        return value, tangent
    aux_leaves, aux_tree = flatten(aux)
    aux = aux_tree.unflatten([_primal(trace, as_array(leaf)) for leaf in aux_leaves])
    return value, tangent, aux


def _unpaired(trace: JvpTrace, value: Any) -> tuple[Any, Any]:
    if isinstance(value, JvpTracer) and value.owner is trace:
        return value.primal, value.tangent
    return value, None


def _primal(trace: Any, value: Any) -> Any:
    """`value` without the tracer of a finished trace around it."""
    mine = isinstance(value, JvpTracer | LinearTracer) and value.owner is trace
    return value.primal if mine else value


def linearize(fun: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Value of a function and its derivative there, a linear function of tangents.

    Like `jvp`, but the function runs once and its derivative can be applied many times.

    Args:
        fun: a function of arrays in trees.
        *primals: its arguments.
        has_aux: `fun` returns a pair; the second part is passed through.

    Returns:
        `(value, jvp_fun)`, with `has_aux` `(value, jvp_fun, aux)`. `jvp_fun` takes
        tangents like `jvp` does. It is a pytree of what it keeps, so that jitted
        functions can return it.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> y, push = dc.linearize(lambda x: x * x, jnp.array([1.0, 2.0]))
        >>> push(jnp.array([1.0, 10.0]))
        Array([ 2., 40.], dtype=float32)
    """
    run = _Forward("linearize", fun, primals, has_aux)
    push = LinearFunction(f"jvp of {run.name}", _Push(run), run.residuals)
    return (run.value, push, run.aux) if has_aux else (run.value, push)


class _Forward:
    """A function run forward, with its tape closed.

    Attributes:
        value: the result.
        form: of derivatives of the arguments; `out_form` of those of the result.
        tape: from the leaves that vary to those of the result.
    """

    def __init__(
        self, transform: str, fun: Function, primals: tuple[Any, ...], has_aux: bool
    ) -> None:
        check_callable(transform, fun)
        self.name = name_of(fun)
        leaves, tree = argument_leaves(transform, fun, primals)
        types = [typeof(leaf) for leaf in leaves]
        self.form = Form(primals, types)
        varies = [type.is_differentiable for type in types]

        def flat(*values: Any) -> Any:
            given = iter(values)
            whole = [
                next(given) if v else x for v, x in zip(varies, leaves, strict=True)
            ]
            return fun(*tree.unflatten(whole))

        active = [leaf for leaf, v in zip(leaves, varies, strict=True) if v]
        result, tape, inputs, trace = run_forward(flat, active, self.name)
        self.aux: Any = None
        if has_aux:
            result, aux = split_aux(transform, fun, result)
            aux_leaves, aux_tree = flatten(aux)
            self.aux = aux_tree.unflatten(
                [_primal(trace, as_array(leaf)) for leaf in aux_leaves]
            )
        outs, out_tree = result_leaves(transform, fun, result)
        self.out_form = Form(result, [typeof(value) for value in outs])
        mine = [isinstance(out, LinearTracer) and out.owner is trace for out in outs]
        self.tape, self.residuals = close_tape(
            tape,
            [tracer.key for tracer in inputs],
            [out.key if m else None for out, m in zip(outs, mine, strict=True)],
        )
        self.value = out_tree.unflatten([_primal(trace, out) for out in outs])


def run_forward(
    function: Callable[..., Any], primals: Sequence[Any], name: str
) -> tuple[Any, list[TapeEntry], list[LinearTracer], LinearizeTrace]:
    """Run a function, taping what varies with `primals`.

    Returns:
        The result, in which tracers stand for what varies; the tape; the tracers of
        `primals`; the trace.
    """
    trace = LinearizeTrace(current_trace(), name)
    inputs = [LinearTracer(trace, primal) for primal in primals]
    previous = enter(trace)
    try:
        result = function(*inputs)
    finally:
        enter(previous)
        trace.finished = True
    check_leaks(trace)
    return result, trace.tape, inputs, trace


class _Push:
    """From residuals and tangents to tangents."""

    def __init__(self, run: _Forward) -> None:
        self.name = run.name
        self.tape: ClosedTape = run.tape
        self.form, self.out_form = run.form, run.out_form

    def __call__(self, residuals: Sequence[Any], *tangents: Any) -> Any:
        given = self.form.tangents(f"linearize of {self.name}", tangents)
        found = self.tape.push(residuals, [t for t in given if t is not None])
        return self.out_form.fill(found)


# ---- backward ------------------------------------------------------------------------


def vjp(
    fun: Function, *primals: Any, has_aux: bool = False, reduce_axes: Sequence[Any] = ()
) -> Any:
    """Value of a function and its vector-Jacobian product.

    Args:
        fun: a function of arrays in trees.
        *primals: its arguments.
        has_aux: `fun` returns a pair; the second part is passed through.
        reduce_axes: not supported; there for old programs.

    Returns:
        `(value, vjp_fun)`, with `has_aux` `(value, vjp_fun, aux)`. `vjp_fun` takes a
        cotangent of the tree and types of the value and returns a tuple of cotangents,
        one for each primal. It may be called several times. It is a pytree of what it
        keeps, so that jitted functions can take and return it.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> y, pull = dc.vjp(jnp.sin, 0.0)
        >>> pull(2.0)
        (Array(2., dtype=float32, weak_type=True),)
    """
    refuse_reduce_axes("vjp", reduce_axes)
    run = _Forward("vjp", fun, primals, has_aux)
    pull = LinearFunction(f"vjp of {run.name}", _Pull(run), run.residuals)
    return (run.value, pull, run.aux) if has_aux else (run.value, pull)


class _Pull:
    """From residuals and a cotangent to cotangents."""

    def __init__(self, run: _Forward) -> None:
        self.name = run.name
        self.tape: ClosedTape = run.tape
        self.form, self.out_form = run.form, run.out_form

    def __call__(self, residuals: Sequence[Any], *cotangents: Any) -> Any:
        where = f"vjp of {self.name}"
        if len(cotangents) != 1:
            raise type_error(
                f"{where}: expected one cotangent, with the tree {self.out_form.tree} "
                f"of the function's result, got {len(cotangents)}."
            )
        cts = self.out_form.cotangents(where, cotangents[0])
        found = iter(self.tape.pull(residuals, cts))
        return self.form.fill(
            [next(found) if t.is_differentiable else None for t in self.form.types]
        )


def linear_transpose(
    fun: Function, *primals: Any, reduce_axes: Sequence[Any] = ()
) -> Function:
    """Transpose of a function that is linear in its arguments.

    Args:
        fun: a linear function of arrays in trees.
        *primals: arrays that give the types of its arguments, or a `ShapeDtypeStruct`
            in the place of one.
        reduce_axes: not supported; there for old programs.

    Returns:
        A function from a cotangent of the result to a tuple of cotangents of the
        arguments.

    Raises:
        NotImplementedError: (when the transpose is called) the function has an
            operation that is not linear.

    Example:
        >>> import dolmen.core as dc
        >>> dc.linear_transpose(lambda x, y: 2.0 * x - y, 1.0, 1.0)(3.0)
        (Array(6., dtype=float32, weak_type=True),
         Array(-3., dtype=float32, weak_type=True))
    """
    refuse_reduce_axes("linear_transpose", reduce_axes)
    check_callable("linear_transpose", fun)
    leaves, tree = flatten(primals)
    if not all(is_array_like(x) or hasattr(x, "as_type") for x in leaves):
        argument_leaves("linear_transpose", fun, primals)  # says which are not
    types = [x.as_type() if hasattr(x, "as_type") else typeof(x) for x in leaves]
    form: Any = None

    def flat(*values: Any) -> list[Any]:
        nonlocal form
        result = fun(*tree.unflatten(values))
        outs, _ = result_leaves("linear_transpose", fun, result)
        form = Form(result, [typeof(out) for out in outs], integers=True)
        return outs

    program, captures = record(flat, [tangent_type(t) for t in types])

    def transposed(cotangent: Any) -> Any:
        where = f"linear_transpose of {name_of(fun)}"
        found = run_transposed(program, captures, form.cotangents(where, cotangent))
        return tree.unflatten(
            [
                derivative(zeros_for(type) if ct is None else ct, type)
                for ct, type in zip(found, types, strict=True)
            ]
        )

    return transposed
