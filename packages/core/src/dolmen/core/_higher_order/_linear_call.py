"""`linear_call`: a linear function with a transpose that its author wrote."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Linear, Primitive, Program, type_error, value_error
from .._ops._arithmetic import add
from .._tracing import EAGER, bind, evaluate, state, typeof
from .._transforms import (
    batch_program,
    batch_size,
    jvp_program,
    tangent_type,
    to_front,
    zeros_for,
)
from .._transforms._trees import argument_leaves, flatten, name_of
from ._functions import record_tree, share_captures


class LinearCall(Primitive):
    """Runs `forward`; its transpose in the arguments after the residuals is `backward`.

    Both take the residuals first.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    forward: Program
    backward: Program
    num_residuals: int

    @property
    def effects(self) -> frozenset[str]:
        return self.forward.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.forward.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        count = self.num_residuals
        outs = bind(self, *primals)
        found: list[Any] = [None] * len(outs)
        if any(t is not None for t in tangents[count:]):
            full = [
                zeros_for(typeof(p)) if t is None else t
                for p, t in zip(primals[count:], tangents[count:], strict=True)
            ]
            found = list(bind(self, *primals[:count], *full))
        given = [t for t in tangents[:count] if t is not None]
        if given:
            active = tuple(t is not None and i < count for i, t in enumerate(tangents))
            program, varies = jvp_program(self.forward, active)
            rest = iter(evaluate(program, [*primals, *given])[len(outs) :])
            parts = [next(rest) if v else None for v in varies]
            found = [
                b if a is None else a if b is None else add(a, b)
                for a, b in zip(found, parts, strict=True)
            ]
        return outs, found

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        count = self.num_residuals
        full = [
            zeros_for(type) if ct is None else ct
            for ct, type in zip(cotangents, self.forward.out_types, strict=True)
        ]
        made = LinearCall(self.backward, self.forward, count)
        found = bind(made, *args[:count], *full)
        cts = [
            ct if isinstance(arg, Linear) else None
            for ct, arg in zip(found, args[count:], strict=True)
        ]
        return [None] * count + cts

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size, count = batch_size(args, axes), self.num_residuals
        fixed = tuple(axes[:count])
        forward, out_axes = batch_program(
            self.forward, (*fixed, *[0] * (len(args) - count)), size, True
        )
        backward, _ = batch_program(
            self.backward, (*fixed, *[0] * len(out_axes)), size, True
        )
        linear = [
            to_front(arg, axis, size)
            for arg, axis in zip(args[count:], axes[count:], strict=True)
        ]
        made = LinearCall(forward, backward, count)
        return bind(made, *args[:count], *linear), out_axes

    @property
    def called(self) -> Program:
        return self.forward

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.forward, args)


def linear_call(
    fun: Callable[[Any, Any], Any],
    fun_transpose: Callable[[Any, Any], Any],
    residual_args: Any,
    linear_args: Any,
) -> Any:
    """Call a linear function whose transpose is given.

    Reverse mode and `linear_transpose` call `fun_transpose` instead of transposing
    the operations of `fun`; the transpose of that is `fun` again.

    Args:
        fun: from `(residual_args, linear_args)` to a tree of arrays, linear in the
            second.
        fun_transpose: from `(residual_args, cotangent)` to a cotangent of
            `linear_args`, linear in the second.
        residual_args: a tree of arrays.
        linear_args: a tree of floating-point arrays.

    Returns:
        `fun(residual_args, linear_args)`.

    Raises:
        TypeError: `fun_transpose` returns another tree or dtype than `linear_args` has.
        ValueError: it returns other shapes.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.custom_derivatives import linear_call
        >>> def scaled(x):
        ...     return linear_call(lambda r, x: r * x, lambda r, ct: 10 * ct, 2.0, x)
        >>> scaled(3.0), dc.grad(scaled)(3.0)
        (6.0, Array(10., dtype=float32, weak_type=True))
    """
    if state.trace is EAGER:
        return fun(residual_args, linear_args)
    residuals, residual_tree = argument_leaves("linear_call", fun, residual_args)
    linear, linear_tree = argument_leaves("linear_call", fun, linear_args)
    types, linear_types = [typeof(x) for x in residuals], [typeof(x) for x in linear]
    forward, captures, out_tree = record_tree(
        "linear_call", fun, [residual_tree, linear_tree], [*types, *linear_types]
    )
    ct_types = [tangent_type(t) for t in forward.out_types]
    backward, more, ct_tree = record_tree(
        "linear_call", fun_transpose, [residual_tree, out_tree], [*types, *ct_types]
    )
    _check_transpose(fun_transpose, linear_args, linear_types, ct_tree, backward)
    programs, shared = share_captures([forward, backward], [captures, more])
    made = LinearCall(programs[0], programs[1], len(shared) + len(residuals))
    return out_tree.unflatten(bind(made, *shared, *residuals, *linear))


def _check_transpose(
    function: Any, like: Any, types: Sequence[ArrayType], got_tree: Any, got: Program
) -> None:
    tree = flatten(like)[1]
    where = f"linear_call: the transpose {name_of(function)}"
    if got_tree != tree:
        raise type_error(
            f"{where} must return the tree of `linear_args` {tree}, got {got_tree}."
        )
    pairs = list(zip(got.out_types, types, strict=True))
    wrong = ", ".join(
        f"{have!r} for {want!r}"
        for have, want in pairs
        if (have.shape, have.dtype) != (want.shape, want.dtype)
    )
    if wrong:
        same_shapes = all(have.shape == want.shape for have, want in pairs)
        error = type_error if same_shapes else value_error
        raise error(f"{where} must return arrays like `linear_args`, got {wrong}.")
