"""`checkpoint` (rematerialisation): recompute in the backward pass what is not kept."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .._ir import (
    ArrayType,
    Program,
    message,
    type_error,
    without_dead_code,
)
from .._tracing import (
    Cell,
    as_array,
    bind,
    evaluate,
    is_array_like,
    pass_back_key_uses,
    pass_on_key_uses,
    present,
    record_closed,
)
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    tangent_type,
    transpose_linearized,
    with_tangents,
)
from .._transforms._trees import broadcast_prefix, flatten, name_of, not_arrays
from ._call import RunsProgram
from ._checkpoint_policies import Policy, nothing_saveable
from ._jit_function import JitFunction, Options, type_of
from ._recomputation import split, without_dead_results
from ._signature import Signature
from ._trace_cache import cache_of, check_aliases


class Checkpoint(RunsProgram):
    """Runs `program`; differentiated in reverse, it keeps only its arguments.

    Attributes:
        prevent_cse: which inputs of the program must look new to the compiler where it
            is a recomputation; a bool says it for all.
        policy: what else is kept.
        differentiated: whether it is a recomputation.
    """

    program: Program
    prevent_cse: bool | tuple[bool, ...]
    policy: Policy | None
    differentiated: bool = False

    def _like(
        self, program: Program, prevent_cse: Any, *, differentiated: bool
    ) -> "Checkpoint":
        return Checkpoint(program, prevent_cse, self.policy, differentiated)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents)
        program, out_active = jvp_program(self.program, active)
        fences = _fences(self.prevent_cse, [True] * len(active), after=sum(active))
        made = self._like(program, fences, differentiated=self.differentiated)
        flat = bind(made, *primals, *(t for t in tangents if t is not None))
        return with_tangents(flat, out_active)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return _linearize_checkpoint(self, arg_types, active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.program, tuple(axes), size)
        made = self._like(program, self.prevent_cse, differentiated=self.differentiated)
        return bind(made, *args), out_axes

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        fences = self.prevent_cse
        if isinstance(fences, bool):
            fences = (fences,) * len(args)
        if not self.differentiated or not any(fences):
            return builder.inline(self.program, args)
        if builder.platform == "cpu":
            # For this backend XLA drops barriers before it merges equal operations and
            # before it orders them. A call is opaque to both: what it computes exists
            # only from when its cotangents are there until it returns.
            return builder.call(self.program, args, inlineable=False)
        types = [t for t, f in zip(builder.in_types, fences, strict=True) if f]
        fenced = [arg for arg, f in zip(args, fences, strict=True) if f]
        made = builder.emit("optimization_barrier", fenced, types)
        behind = iter([made] if len(types) == 1 else made)
        args = [next(behind) if f else arg for arg, f in zip(args, fences, strict=True)]
        return builder.inline(self.program, args)


def _fences(
    prevent_cse: bool | tuple[bool, ...],
    chosen: Sequence[bool],
    *,
    before: int = 0,
    after: int = 0,
) -> bool | tuple[bool, ...]:
    """`prevent_cse` of the chosen inputs, with new inputs before and after them."""
    if isinstance(prevent_cse, bool):
        return prevent_cse
    mine = (fence for fence, c in zip(prevent_cse, chosen, strict=True) if c)
    return (*(True,) * before, *mine, *(True,) * after)


def _linearize_checkpoint(
    made: Checkpoint, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
) -> Linearization:
    """Keep arguments and what the policy saves; compute the rest again when asked."""
    inner = linearize_program(made.program, active)
    count = len(inner.active_outs)
    wanted = (False,) * count + (True,) * inner.num_residuals
    part = split(inner.primal, wanted, made.policy or nothing_saveable)
    whole = part.forward
    results = [*whole.outputs[:count], *whole.outputs[len(wanted) :]]
    forward, read = without_dead_results(
        Program(whole.inputs, whole.equations, results, made.program.name)
    )

    def primal(*args: Any) -> list[Any]:
        outs = evaluate(forward, _chosen(args, read))
        return [*outs, *_chosen(args, part.takes)]

    def recomputing(program: Program, types: Sequence[ArrayType]) -> Program:
        """`program` of all residuals and more, from what is kept and more."""
        num_kept = len(part.again.inputs)

        def run(*flat: Any) -> list[Any]:
            residuals = evaluate(part.again, flat[:num_kept])
            return evaluate(program, [*residuals, *flat[num_kept:]])

        in_types = [*part.again.in_types, *types]
        whole = without_dead_code(record_closed(run, in_types))
        whole.name = f"again_{made.program.name}"
        fences = _fences(
            made.prevent_cse, part.takes, before=part.num_kept, after=len(types)
        )
        again = made._like(whole, fences, differentiated=True)
        return record_closed(lambda *flat: bind(again, *flat), in_types)

    def tangent() -> Program:
        types = [tangent_type(t) for t, a in zip(arg_types, active, strict=True) if a]
        return recomputing(inner.tangent, types)

    def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        program, produced = inner.transposed(given)
        types = [
            tangent_type(t)
            for t, a in zip(made.program.out_types, inner.active_outs, strict=True)
            if a
        ]
        ct_types = [t for t, g in zip(types, given, strict=True) if g]
        return recomputing(program, ct_types), produced

    return Linearization(
        record_closed(primal, list(arg_types)),
        tangent,
        transposed,
        active,
        inner.active_outs,
    )


def _chosen(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    return [value for value, chosen in zip(values, mask, strict=True) if chosen]


def checkpoint(
    fun: Callable[..., Any] | None = None,
    *,
    prevent_cse: Any = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Iterable[str] = (),
    concrete: Any = None,
) -> Any:
    """Trade compute for memory: recompute a function in the backward pass.

    Differentiated in reverse, a function keeps its intermediate values until they are
    needed. This one keeps its arguments only, with what `policy` adds, and computes the
    rest again. It is traced, as by `jit`, so Python control flow can't depend on values
    of its arguments, except for static ones.

    Args:
        fun: a function of arrays in trees. Without it, a decorator is returned.
        prevent_cse: keep the compiler from merging the recomputation with the first
            computation, which would undo the saving. Not needed inside `scan`. Instead
            of a bool it may be a tuple with one for each argument (or a container of
            them, a prefix of the argument), for those that must look new to the
            compiler.
        policy: from a primitive, the types of its arguments and its parameters to
            whether its results may be kept; one of `checkpoint_policies`. None keeps
            only the arguments.
        static_argnums: positions of arguments that are not arrays; the function is
            traced again for each new value.
        static_argnames: the same by name.
        concrete: no longer supported; make arguments static instead.

    Returns:
        A function with the same values and derivatives.

    Raises:
        TypeError: `policy` is not callable; (at the call) an argument leaf is no array.
        ValueError: `static_argnums` or `static_argnames` name no parameter.
        NotImplementedError: `concrete` is given.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.grad(dc.checkpoint(lambda x: jnp.sin(jnp.sin(x))))(0.0)
        Array(1., dtype=float32, weak_type=True)
    """
    if concrete is not None:
        raise NotImplementedError(
            message(
                "checkpoint: `concrete` is not supported; functions are traced without "
                "values.",
                "Name the arguments that Python looks at in `static_argnums` or "
                "`static_argnames`.",
            )
        )
    options = {
        "prevent_cse": prevent_cse,
        "policy": policy,
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
    }
    if fun is None:
        return functools.partial(checkpoint, **options)
    if not callable(fun):
        raise type_error(f"checkpoint: expected a function, got {fun!r:.60}.")
    if policy is not None and not callable(policy):
        raise type_error(
            f"checkpoint of {name_of(fun)}: expected `policy` to be a function, got "
            f"{policy!r:.60}.",
            "Choose one of `checkpoint_policies`.",
        )
    if not isinstance(prevent_cse, bool | tuple | list):
        raise type_error(
            f"checkpoint of {name_of(fun)}: expected `prevent_cse` to be a bool or a "
            f"tuple of bools, got {prevent_cse!r:.60}."
        )
    signature = Signature(fun, static_argnums, static_argnames, transform="checkpoint")
    tracing = JitFunction(fun, signature, Options(checked=False))
    tracing.cache = cache_of(fun, ("checkpoint", signature.key))

    @functools.wraps(fun)
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        static, dynamic = signature.separate(args, kwargs)
        leaves, tree = flatten(dynamic)
        if not all(isinstance(x, Cell) or is_array_like(x) for x in leaves):
            raise not_arrays("checkpoint", fun, dynamic)
        leaves = [as_array(leaf) for leaf in leaves]
        traced = tracing.trace(static, tree, tuple(map(type_of, leaves)))
        check_aliases("checkpoint", traced, leaves, dynamic)
        fences = prevent_cse
        if not isinstance(fences, bool):
            # One for each positional argument; captures are never new.
            fences = _input_fences(fences, dynamic, len(traced.captures))
        made = _checkpoint_of(traced.program, fences, policy)
        values = [*present(traced.captures), *present(leaves)]
        pass_on_key_uses([traced.program], values, traced.name)
        outs = bind(made, *values)
        pass_back_key_uses(traced.program, outs)
        return traced.result(outs, leaves)

    return rematerialized


def _input_fences(
    prevent_cse: Sequence[Any], dynamic: Any, num_captures: int
) -> tuple[bool, ...]:
    args, kwargs = dynamic
    positional = broadcast_prefix(
        tuple(prevent_cse), flatten(args)[1], args, "prevent_cse"
    )
    named = [True] * len(flatten(kwargs)[0])
    return (*(False,) * num_captures, *map(bool, positional), *named)


def _checkpoint_of(
    program: Program, prevent_cse: bool | tuple[bool, ...], policy: Policy | None
) -> Checkpoint:
    """The primitive that runs `program`, the same one each time."""
    key = ("checkpoint", prevent_cse, policy)
    found = program.derived.get(key)
    if found is None:
        found = program.derived[key] = Checkpoint(program, prevent_cse, policy)
    return found
