"""`checkpoint` (rematerialisation): recompute in the backward pass what is not kept."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Primitive, Program, Variable, without_dead_code
from .._ops._barrier import optimization_barrier
from .._tracing import bind, evaluate, present, record_closed, typeof, write_back
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    tangent_type,
    transpose_linearized,
)
from .._transforms._arguments import Callee, call_arguments
from .._transforms._trees import argument_leaves, name_of
from ._functions import close_over_refs, record_stateful_tree
from ._signature import Signature

Policy = Callable[..., bool]


class Checkpoint(Primitive):
    """Runs `program`; differentiated in reverse, it keeps only its arguments."""

    interned = False
    multiple_results = True

    program: Program
    prevent_cse: bool
    policy: Policy | None

    @property
    def effects(self) -> frozenset[str]:
        return self.program.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.program.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents)
        program, out_active = jvp_program(self.program, active)
        made = Checkpoint(program, self.prevent_cse, self.policy)
        flat = bind(made, *primals, *(t for t in tangents if t is not None))
        rest = iter(flat[len(out_active) :])
        return flat[: len(out_active)], [next(rest) if a else None for a in out_active]

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return _linearize_checkpoint(self, arg_types, active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.program, tuple(axes), size)
        made = Checkpoint(program, self.prevent_cse, self.policy)
        return bind(made, *args), out_axes

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        run(self.program, args)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.program, args)


def _linearize_checkpoint(
    made: Checkpoint, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
) -> Linearization:
    """Keep the arguments and what the policy saves; replay the rest when asked."""
    inner = linearize_program(made.program, active)
    count = len(inner.active_outs)
    kept = _kept(made, inner)
    forward = Program(
        inner.primal.inputs,
        inner.primal.equations,
        [*inner.primal.outputs[:count], *kept],
        made.program.name,
    )
    again = _recomputation(inner, kept)

    def primal(*args: Any) -> list[Any]:
        return [*evaluate(forward, args), *args]

    primal_program = record_closed(primal, list(arg_types))
    residual_types = [*(variable.type for variable in kept), *arg_types]

    def run_again(flat: Sequence[Any], program: Program) -> list[Any]:
        """`program` of all residuals, recomputed from the kept ones, and the rest."""
        values = list(flat)
        if made.prevent_cse:
            # Else the compiler would see the same operations twice and keep the first.
            # Tied to the (co)tangents, the recomputation can't run early either.
            values = optimization_barrier(values)
        residuals = evaluate(again, values[: len(residual_types)])
        return evaluate(program, [*residuals, *values[len(residual_types) :]])

    in_types = [tangent_type(t) for t, a in zip(arg_types, active, strict=True) if a]

    def tangent() -> Program:
        return record_closed(
            lambda *flat: run_again(flat, inner.tangent), [*residual_types, *in_types]
        )

    def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        pulled, produced = inner.transposed(given)
        types = [
            tangent_type(t)
            for t, a in zip(made.program.out_types, inner.active_outs, strict=True)
            if a
        ]
        ct_types = [t for t, g in zip(types, given, strict=True) if g]
        program = record_closed(
            lambda *flat: run_again(flat, pulled), [*residual_types, *ct_types]
        )
        return program, produced

    return Linearization(primal_program, tangent, transposed, active, inner.active_outs)


def _kept(made: Checkpoint, inner: Linearization) -> list[Variable]:
    """Intermediate values of the forward pass that the policy keeps."""
    policy = made.policy
    if policy is None:
        return []
    return [
        output
        for equation in inner.primal.equations
        if policy(
            equation.primitive, *(a.type for a in equation.inputs), **equation.params
        )
        for output in equation.outputs
    ]


def _recomputation(inner: Linearization, kept: Sequence[Variable]) -> Program:
    """From kept values and arguments to all residuals."""
    have = set(kept)
    equations = [e for e in inner.primal.equations if have.isdisjoint(e.outputs)]
    residuals = inner.primal.outputs[len(inner.active_outs) :]
    return without_dead_code(
        Program([*kept, *inner.primal.inputs], equations, residuals)
    )


def checkpoint(
    fun: Callable[..., Any] | None = None,
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Any:
    """Trade compute for memory: recompute a function in the backward pass.

    Args:
        fun: a function of arrays in trees. Without it, a decorator is returned.
        prevent_cse: keep the compiler from merging the recomputation with the first
            computation, which would undo the saving. Not needed inside `scan`.
        policy: from a primitive, the types of its arguments and its parameters to
            whether its results may be kept; None keeps only the arguments.
        static_argnums: positions of arguments that are not arrays.

    Returns:
        A function with the same values and derivatives.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.grad(dc.checkpoint(lambda x: jnp.sin(jnp.sin(x))))(0.0)
        Array(1., dtype=float32)
    """
    if fun is None:
        return functools.partial(
            checkpoint,
            prevent_cse=prevent_cse,
            policy=policy,
            static_argnums=static_argnums,
        )
    signature = Signature(fun, static_argnums)

    @functools.wraps(fun)
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        static, whole = signature.separate(args, kwargs)
        (call,), dynamic = close_over_refs(
            [lambda *values: signature.call(static, *values)], whole
        )
        leaves, tree = argument_leaves("checkpoint", fun, dynamic)
        types = [typeof(leaf) for leaf in leaves]
        callee = Callee(fun)
        describe = functools.partial(
            call_arguments, callee, static=[n for n, _ in static if isinstance(n, int)]
        )
        program, captures, out_tree, written = record_stateful_tree(
            "checkpoint",
            lambda values: call(*values),
            [tree],
            types,
            of=callee,
            arguments=describe if dynamic is whole else None,
        )
        program.name = name_of(fun)
        made = Checkpoint(program, prevent_cse, policy)
        outs = bind(made, *present(captures), *leaves)
        write_back(written, outs[out_tree.num_leaves :])
        return out_tree.unflatten(outs[: out_tree.num_leaves])

    return rematerialized


class checkpoint_policies:
    """Ready-made policies for `checkpoint`."""

    @staticmethod
    def everything_saveable(primitive: Primitive, *_: Any, **__: Any) -> bool:
        """Keep everything, as without `checkpoint`."""
        return True

    @staticmethod
    def nothing_saveable(primitive: Primitive, *_: Any, **__: Any) -> bool:
        """Keep only the arguments."""
        return False

    @staticmethod
    def dots_saveable(primitive: Primitive, *_: Any, **__: Any) -> bool:
        """Keep the results of matrix products and convolutions."""
        return primitive.name in ("dot_general", "conv_general_dilated")

    checkpoint_dots = dots_saveable

    @staticmethod
    def dots_with_no_batch_dims_saveable(
        primitive: Primitive, *_: Any, **params: Any
    ) -> bool:
        """Keep the results of matrix products without batch axes (weight products)."""
        if primitive.name != "dot_general":
            return False
        (_, _), (batch, _) = params["dimension_numbers"]
        return not batch

    checkpoint_dots_with_no_batch_dims = dots_with_no_batch_dims_saveable
