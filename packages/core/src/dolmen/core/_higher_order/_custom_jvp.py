"""`custom_jvp`: a function whose derivative its author wrote."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Program, message
from .._tracing import (
    EAGER,
    CustomCall,
    bind,
    bind_custom,
    closes_over,
    evaluate,
    keeping_axes,
    present,
    record_closed,
    record_stateful,
    state,
    typeof,
    unexpected_write,
)
from .._transforms import (
    BatchTrace,
    ResultAxes,
    batch_program,
    batch_size,
    run_batched,
    tangent_type,
    with_tangents,
    zeros_for,
)
from .._transforms._trees import flatten, name_of, result_leaves
from ._call import Jit, RunsProgram
from ._custom_function import Call, CustomFunction
from ._symbolic_zeros import SymbolicZero, zero_of

# Which arguments have a tangent -> the program from arguments and those tangents to
# results and their tangents, and which results have one.
JvpRule = Callable[[tuple[bool, ...]], tuple[Program, tuple[bool, ...]]]


class CustomJvp(RunsProgram):
    """Runs `program`; its derivative is what `make_rule` returns.

    The first `num_captures` arguments are what the function closed over.
    """

    program: Program
    make_rule: JvpRule
    num_captures: int

    def rule(self, active: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        """The derivative's program, traced once."""
        found = self.derived.get(("rule", active))
        if found is None:
            found = self.derived["rule", active] = self.make_rule(active)
        return found

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents)
        if any(active[: self.num_captures]):
            raise closes_over("custom_jvp", self.program.name)
        rule, out_active = self.rule(active)
        flat = evaluate(rule, [*primals, *(t for t in tangents if t is not None)])
        return with_tangents(flat, out_active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        # The rule tells how the function varies, which is itself, being linear.
        return Jit(self.program).transpose(cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.program, tuple(axes), size, True)

        def make_rule(active: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
            rule, out_active = self.rule(active)
            tangents = [axis for axis, a in zip(axes, active, strict=True) if a]
            batched, _ = batch_program(rule, (*axes, *tangents), size, True)
            return batched, out_active

        made = CustomJvp(program, keeping_axes(make_rule), self.num_captures)
        return bind(made, *args), out_axes


class JvpCall(CustomCall):
    """A call of a function with a forward rule, both on flat values.

    Args:
        function: from arguments to results.
        rule: from arguments and tangents to results and tangents; None is zero.
        describe: what the arguments are in the user's call, for messages.
    """

    kind = "custom_jvp"

    def __init__(
        self,
        name: str,
        function: Callable[[Sequence[Any]], Sequence[Any]],
        rule: Callable[[Sequence[Any], Sequence[Any]], Any],
        describe: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        self.name = name
        self._function = function
        self._rule = rule
        self._describe = describe

    def run(self, args: Sequence[Any]) -> Sequence[Any]:
        return self._function(args)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return self._rule(primals, tangents)

    def record(self, args: Sequence[Any]) -> Sequence[Any]:
        types = [typeof(arg) for arg in args]
        program, captures, written = record_stateful(
            lambda *a: self.run(a), types, name=self.name, arguments=self._describe
        )
        if written:
            raise unexpected_write(written[0], self.name)

        def make_rule(active: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
            return self._recorded_rule(types, active[len(captures) :], captures)

        made = CustomJvp(program, keeping_axes(make_rule), len(captures))
        return bind(made, *present(captures), *args)

    def _recorded_rule(
        self,
        types: Sequence[ArrayType],
        active: tuple[bool, ...],
        captures: Sequence[Any],
    ) -> tuple[Program, tuple[bool, ...]]:
        out_active: tuple[bool, ...] = ()

        def flat(*values: Any) -> list[Any]:
            nonlocal out_active
            given = iter(values[len(types) :])
            tangents = [next(given) if a else None for a in active]
            outs, out_tangents = self.jvp(values[: len(types)], tangents)
            out_active = tuple(t is not None for t in out_tangents)
            return [*outs, *(t for t in out_tangents if t is not None)]

        tangents = [tangent_type(t) for t, a in zip(types, active, strict=True) if a]
        program = record_closed(flat, [*types, *tangents], closed_over=captures)
        program.name = self.name
        return program, out_active

    def batch(
        self, args: Sequence[Any], axes: Sequence[int | None], trace: BatchTrace
    ) -> Any:
        results = ResultAxes(self)

        def run(values: Sequence[Any]) -> list[Any]:
            outs, out_axes = run_batched(lambda *a: self.run(a), values, axes, trace)
            return results.align(outs, out_axes, trace.axis.size)

        def jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            def both(*values: Any) -> list[Any]:
                outs, tangents = self.jvp(values[: len(axes)], values[len(axes) :])
                return [*outs, *tangents]

            tangent_axes = [
                None if tangent is None else axis
                for axis, tangent in zip(axes, tangents, strict=True)
            ]
            flat, flat_axes = run_batched(
                both, [*primals, *tangents], [*axes, *tangent_axes], trace
            )
            count = len(flat) // 2
            # A result and its tangent are batched together.
            joined = [
                a if a is not None else b
                for a, b in zip(flat_axes[:count], flat_axes[count:], strict=True)
            ]
            results.settle(joined)
            return (
                results.align(flat[:count], flat_axes[:count], trace.axis.size),
                results.align(flat[count:], flat_axes[count:], trace.axis.size),
            )

        outs = bind_custom(JvpCall(self.name, run, jvp), args)
        return outs, results.axes


class custom_jvp(CustomFunction):
    """A function with its own forward-mode derivative.

    Reverse mode is derived from it by transposition. Outside `jit` the function and its
    rule see concrete values, also while they are being differentiated.

    Args:
        fun: a function of arrays in trees.
        nondiff_argnums: positions of arguments that are no arrays or not
            differentiated; the rule gets them first.
        nondiff_argnames: the same by name.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.custom_jvp
        ... def log1pexp(x):
        ...     return jnp.log(1.0 + jnp.exp(x))
        >>> @log1pexp.defjvp
        ... def rule(primals, tangents):
        ...     (x,), (dx,) = primals, tangents
        ...     return log1pexp(x), dx * (1.0 - 1.0 / (1.0 + jnp.exp(x)))
        >>> dc.grad(log1pexp)(100.0)
        Array(1., dtype=float32, weak_type=True)
    """

    kind = "custom_jvp"
    jvp: Callable[..., Any] | None = None
    symbolic_zeros: bool = False

    def defjvp(
        self, jvp: Callable[..., Any], symbolic_zeros: bool = False
    ) -> Callable[..., Any]:
        """Set the rule `jvp(*nondiff, primals, tangents) -> (out, tangent)`.

        Args:
            jvp: `primals` and `tangents` are tuples, one entry for each argument; a
                tangent has the tree and types of its primal, `float0` for integers.
            symbolic_zeros: a tangent leaf that is known to be zero is a `SymbolicZero`
                rather than an array of zeros; the rule may return such ones.

        Returns:
            `jvp`, so that this serves as a decorator.
        """
        self.jvp = jvp
        self.symbolic_zeros = symbolic_zeros
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set one rule for each argument: `jvp(tangent, out, *primals) -> tangent`.

        The tangents of all arguments are added; None stands for a zero derivative.

        Raises:
            TypeError: there are arguments that are not differentiated.
        """
        if self.nondiff_argnums:
            raise TypeError(
                message(
                    f"custom_jvp {name_of(self.fun)}: defjvps can't be used with "
                    "`nondiff_argnums`.",
                    f"Write one rule for all with `@{name_of(self.fun)}.defjvp`.",
                )
            )

        def rule(primals: Any, tangents: Any) -> Any:
            from .._ops._arithmetic import add

            out = self(*primals)
            leaves, tree = flatten(out)
            parts = [
                flatten(one(tangent, out, *primals))[0]
                for one, tangent in zip(jvps, tangents, strict=True)
                if one is not None
            ]
            if not parts:
                return out, tree.unflatten([zeros_for(typeof(x)) for x in leaves])
            total = parts[0]
            for part in parts[1:]:
                total = [add(a, b) for a, b in zip(total, part, strict=True)]
            return out, tree.unflatten(total)

        self.defjvp(rule)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; under differentiation its own rule applies."""
        if self.jvp is None:
            raise AttributeError(
                message(
                    f"custom_jvp {name_of(self.fun)}: it has no rule yet.",
                    f"Define one with `@{name_of(self.fun)}.defjvp`.",
                )
            )
        if state.trace is EAGER:
            return self.fun(*args, **kwargs)
        call = self._read(args, kwargs)
        out_tree: Any = None

        def run(leaves: Sequence[Any]) -> list[Any]:
            nonlocal out_tree
            result = self.fun(*call.arguments(leaves))
            outs, out_tree = result_leaves("custom_jvp", self.fun, result)
            return outs

        def jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            nonlocal out_tree
            outs, out_tangents, out_tree = self._run_rule(
                call, primals, tangents, out_tree
            )
            return outs, out_tangents

        flat = bind_custom(
            JvpCall(name_of(self.fun), run, jvp, call.described), call.leaves
        )
        return out_tree.unflatten(flat)

    def _run_rule(
        self, call: Call, primals: Sequence[Any], tangents: Sequence[Any], out_tree: Any
    ) -> tuple[list[Any], list[Any], Any]:
        """Results, tangents (None if zero) and the tree of the results."""
        assert self.jvp is not None
        full = [
            zero_of(typeof(p), self.symbolic_zeros) if t is None else t
            for p, t in zip(primals, tangents, strict=True)
        ]
        result = self.jvp(
            *call.leading,
            tuple(call.tree.unflatten(primals)),
            tuple(call.tree.unflatten(full)),
        )
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError(
                message(
                    f"custom_jvp of {name_of(self.fun)}: the rule must return a pair "
                    f"`(out, tangent)`, got {result!r:.80}."
                )
            )
        outs, tree = result_leaves("custom_jvp", self.jvp, result[0])
        out_tangents, tangent_tree = flatten(result[1])
        expected = tree if out_tree is None else out_tree
        if tree != expected or tangent_tree != expected:
            raise TypeError(
                message(
                    f"custom_jvp of {name_of(self.fun)}: the rule must return "
                    "`(out, tangent)`, each of the tree of the function's result "
                    f"{expected}; got {tree} and {tangent_tree}."
                )
            )
        checked = [
            self._checked_tangent(typeof(out), tangent)
            for out, tangent in zip(outs, out_tangents, strict=True)
        ]
        return outs, checked, tree

    def _checked_tangent(self, type: ArrayType, tangent: Any) -> Any:
        if isinstance(tangent, SymbolicZero) or not type.is_differentiable:
            return None
        given = typeof(tangent)
        if given.shape != type.shape or given.dtype != type.dtype:
            raise TypeError(
                message(
                    f"custom_jvp of {name_of(self.fun)}: the rule's tangent of a "
                    f"result {type!r} must have its shape and dtype, got {given!r}."
                )
            )
        return tangent
