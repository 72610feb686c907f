"""Calls of functions with a reverse-mode rule: as they run, and as a primitive."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Program, message
from .._ops import _shape
from .._ops._reductions import reduce_sum
from .._tracing import (
    CustomCall,
    bind,
    bind_custom,
    bound_axes,
    closes_over,
    evaluate,
    keeping_axes,
    present,
    record_closed,
    record_stateful,
    typeof,
    unexpected_write,
)
from .._transforms import (
    BatchTrace,
    Linearization,
    LinearizedCall,
    ResultAxes,
    batch_program,
    batch_size,
    run_batched,
    tangent_type,
    to_front,
    transpose_linearized,
)
from ._call import RunsProgram
from ._forward_rule import ForwardRule

# From residuals and cotangents of all results to cotangents of all arguments; None is
# zero, in and out.
Backward = Callable[[Sequence[Any], Sequence[Any]], list[Any]]

# From arguments, and which of them vary, to results, residuals and the way back.
Forward = Callable[
    [Sequence[Any], Sequence[bool]], tuple[list[Any], list[Any], Backward]
]


class VjpCall(CustomCall):
    """A call of a function with a reverse rule, all on flat values.

    Args:
        function: from arguments to results.
        forward: the first part of the rule; it returns the second.
        optimize_remat: see `custom_vjp.defvjp`.
        describe: what the arguments are in the user's call, for messages.
    """

    kind = "custom_vjp"

    def __init__(
        self,
        name: str,
        function: Callable[[Sequence[Any]], Sequence[Any]],
        forward: Forward,
        optimize_remat: bool = False,
        describe: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        self.name = name
        self._function = function
        self._forward = forward
        self._optimize_remat = optimize_remat
        self._describe = describe

    def run(self, args: Sequence[Any]) -> Sequence[Any]:
        return self._function(args)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise not_forward(self.name)

    def linearize(
        self, primals: Sequence[Any], active: tuple[bool, ...]
    ) -> LinearizedCall:
        outs, residuals, backward = self._forward(primals, active)
        active_outs = [typeof(out).is_differentiable for out in outs]
        if bound_axes():
            backward = keeping_axes(backward)
        linear = _BackwardRule(self.name, backward, active, active_outs)
        return LinearizedCall(outs, active_outs, linear, residuals)

    def record(self, args: Sequence[Any]) -> Sequence[Any]:
        types = [typeof(arg) for arg in args]
        program, captures, written = record_stateful(
            lambda *a: self.run(a), types, name=self.name, arguments=self._describe
        )
        if written:
            raise unexpected_write(written[0], self.name)

        def make_rule(active: tuple[bool, ...]) -> RecordedRule:
            return _recorded_rule(self._forward, types, active, captures)

        made = CustomVjp(
            program, keeping_axes(make_rule), len(captures), self._optimize_remat
        )
        return bind(made, *present(captures), *args)

    def apply_to_tangents(self, args: Sequence[Any]) -> Sequence[Any]:
        return self.record(args)  # whose transpose is the author's

    def batch(
        self, args: Sequence[Any], axes: Sequence[int | None], trace: BatchTrace
    ) -> Any:
        # If anything is batched, all results are: each element of the batch goes back
        # with a cotangent of its own, even for a result they have in common.
        results = ResultAxes(self)
        size = trace.axis.size

        def settle(found: Sequence[int | None], count: int) -> None:
            batched = any(axis is not None for axis in (*axes, *found))
            results.settle([0 if batched else None] * count)

        def run(values: Sequence[Any]) -> list[Any]:
            outs, out_axes = run_batched(lambda *a: self.run(a), values, axes, trace)
            settle(out_axes, len(outs))
            return results.align(outs, out_axes, size)

        def forward(primals: Sequence[Any], active: Sequence[bool]) -> Any:
            backward: Any = None
            count = 0

            def both(*values: Any) -> list[Any]:
                nonlocal backward, count
                outs, residuals, backward = self._forward(values, active)
                count = len(outs)
                return [*outs, *residuals]

            flat, flat_axes = run_batched(both, primals, axes, trace)
            settle(flat_axes, count)
            outs = results.align(flat[:count], flat_axes[:count], size)
            assert results.axes is not None
            back = _batched_backward(
                backward, axes, flat_axes[count:], results.axes, trace
            )
            return outs, flat[count:], back

        made = VjpCall(self.name, run, forward, self._optimize_remat)
        return bind_custom(made, args), results.axes


def not_forward(name: str) -> TypeError:
    """The error for forward-mode differentiation of a function with a reverse rule."""
    return TypeError(
        message(
            f"jvp of {name}: forward-mode differentiation needs a forward rule, but "
            "the function has only a reverse one (custom_vjp).",
            "Use `custom_jvp`, which serves both modes, or differentiate in reverse "
            "with `grad`, `vjp` or `jacrev`.",
        )
    )


class _BackwardRule:
    """The linear part of a call: it goes backward only."""

    __slots__ = ("active", "active_outs", "backward", "name")

    def __init__(
        self,
        name: str,
        backward: Backward,
        active: Sequence[bool],
        active_outs: Sequence[bool],
    ) -> None:
        self.name = name
        self.backward = backward
        self.active = active
        self.active_outs = active_outs

    def push(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise not_forward(self.name)

    def pull(
        self, residuals: Sequence[Any], given: tuple[bool, ...], cts: Sequence[Any]
    ) -> tuple[list[Any], tuple[bool, ...]]:
        some, has = iter(cts), iter(given)
        full = [next(some) if a and next(has) else None for a in self.active_outs]
        found = self.backward(residuals, full)
        varying = [ct for ct, a in zip(found, self.active, strict=True) if a]
        produced = tuple(ct is not None for ct in varying)
        return [ct for ct in varying if ct is not None], produced


def _batched_backward(
    backward: Backward,
    axes: Sequence[int | None],
    residual_axes: Sequence[int | None],
    out_axes: Sequence[int | None],
    trace: BatchTrace,
) -> Backward:
    """`backward` of batches; an argument they share gets the sum of its cotangents."""
    shared = all(axis is None for axis in (*axes, *residual_axes, *out_axes))

    def run(residuals: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        count = len(residuals)
        ct_axes = [
            None if ct is None else axis for ct, axis in zip(cts, out_axes, strict=True)
        ]
        found, found_axes = run_batched(
            lambda *flat: backward(flat[:count], flat[count:]),
            [*residuals, *cts],
            [*residual_axes, *ct_axes],
            trace,
        )
        if shared:  # nothing is batched, so nothing was repeated
            return found
        return [
            None if ct is None else _unbatched(to_front(ct, at, trace.axis.size), axis)
            for ct, at, axis in zip(found, found_axes, axes, strict=True)
        ]

    return run


def _unbatched(cts: Any, axis: int | None) -> Any:
    """A batch of cotangents, for an argument with a batch axis there or with none."""
    if axis is None:
        return reduce_sum(cts, (0,))
    return _shape.move_axis(cts, 0, axis)


# ---- as a primitive ------------------------------------------------------------------


class RecordedRule:
    """The rule of a call, recorded for given types and varying arguments.

    Attributes:
        forward: from all arguments to results and residuals.
        num_outs: how many of those are results.
    """

    def __init__(
        self,
        forward: Program,
        num_outs: int,
        make_backward: Callable[[tuple[bool, ...]], tuple[Program, tuple[bool, ...]]],
    ) -> None:
        self.forward = forward
        self.num_outs = num_outs
        self._make_backward = make_backward
        self._backward: dict[tuple[bool, ...], tuple[Program, tuple[bool, ...]]] = {}

    @property
    def residual_types(self) -> tuple[ArrayType, ...]:
        """Types of the residuals."""
        return self.forward.out_types[self.num_outs :]

    def backward(self, given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        """From captures, residuals and cotangents to cotangents of arguments.

        Args:
            given: which results have a cotangent.

        Returns:
            The program, and which arguments (without captures) it gives one for.
        """
        found = self._backward.get(given)
        if found is None:
            found = self._backward[given] = self._make_backward(given)
        return found


def _recorded_rule(
    forward: Forward,
    types: Sequence[ArrayType],
    active: tuple[bool, ...],
    captures: Sequence[Any],
) -> RecordedRule:
    backward: Any = None
    out_types: list[ArrayType] = []

    def both(*args: Any) -> list[Any]:
        nonlocal backward, out_types
        outs, residuals, backward = forward(args, active)
        out_types = [typeof(out) for out in outs]
        return [*outs, *residuals]

    program = record_closed(both, types, closed_over=captures)
    residual_types = program.out_types[len(out_types) :]

    def make_backward(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        produced: tuple[bool, ...] = ()

        def flat(*values: Any) -> list[Any]:
            nonlocal produced
            some = iter(values[len(residual_types) :])
            cts = [next(some) if g else None for g in given]
            found = backward(values[: len(residual_types)], cts)
            produced = tuple(ct is not None for ct in found)
            return [ct for ct in found if ct is not None]

        ct_types = [tangent_type(t) for t, g in zip(out_types, given, strict=True) if g]
        made = record_closed(flat, [*residual_types, *ct_types], closed_over=captures)
        return made, produced

    return RecordedRule(program, len(out_types), keeping_axes(make_backward))


class CustomVjp(RunsProgram):
    """Runs `program`; in reverse mode `make_rule` says what to do instead.

    The first `num_captures` arguments are what the function closed over; `make_rule`
    takes which of the others vary.
    """

    program: Program
    make_rule: Callable[[tuple[bool, ...]], RecordedRule]
    num_captures: int
    optimize_remat: bool

    def rule(self, active: tuple[bool, ...]) -> RecordedRule:
        """Forward and backward programs, traced once."""
        found = self.derived.get(("rule", active))
        if found is None:
            found = self.derived["rule", active] = self.make_rule(active)
        return found

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise not_forward(self.program.name)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        count = self.num_captures
        if any(active[:count]):
            raise closes_over("custom_vjp", self.program.name)
        mask = active[count:]
        rule = self.rule(mask)
        outs = tuple(t.is_differentiable for t in self.program.out_types)

        def primal(*args: Any) -> list[Any]:
            if self.optimize_remat:
                flat = bind(ForwardRule(rule.forward, self.program), *args)
            else:
                flat = evaluate(rule.forward, args)
            return [*flat, *args[:count]]

        def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
            has = iter(given)
            backward, produced = rule.backward(tuple(a and next(has) for a in outs))
            kept = tuple(p for p, a in zip(produced, mask, strict=True) if a)
            num_residuals = len(rule.residual_types)

            def run(*flat: Any) -> list[Any]:
                residuals, captures = flat[:num_residuals], flat[num_residuals:]
                captures, cts = captures[:count], captures[count:]
                found = iter(evaluate(backward, [*captures, *residuals, *cts]))
                by_argument = [next(found) if p else None for p in produced]
                return [
                    ct
                    for ct, a in zip(by_argument, mask, strict=True)
                    if a and ct is not None
                ]

            ct_types = backward.in_types[count + num_residuals :]
            types = [*rule.residual_types, *arg_types[:count], *ct_types]
            return record_closed(run, types), kept

        def tangent() -> Program:
            raise not_forward(self.program.name)

        return Linearization(
            record_closed(primal, list(arg_types)), tangent, transposed, active, outs
        )

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.program, tuple(axes), size, True)

        def make_rule(active: tuple[bool, ...]) -> RecordedRule:
            inner = self.rule(active)
            return _batched_rule(inner, tuple(axes), self.num_captures, size)

        made = CustomVjp(
            program, keeping_axes(make_rule), self.num_captures, self.optimize_remat
        )
        return bind(made, *args), out_axes


def _batched_rule(
    rule: RecordedRule, axes: tuple[int | None, ...], num_captures: int, size: int
) -> RecordedRule:
    count = rule.num_outs
    force = (True,) * count + (False,) * len(rule.residual_types)
    forward, forward_axes = batch_program(rule.forward, axes, size, force)

    def make_backward(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        inner, produced = rule.backward(given)
        in_axes = (*axes[:num_captures], *forward_axes[count:], *((0,) * sum(given)))
        batched, _ = batch_program(inner, in_axes, size, True)
        wanted = [a for a, p in zip(axes[num_captures:], produced, strict=True) if p]

        def run(*flat: Any) -> list[Any]:
            found = evaluate(batched, flat)
            return [_unbatched(ct, a) for ct, a in zip(found, wanted, strict=True)]

        return record_closed(run, list(batched.in_types)), produced

    return RecordedRule(forward, count, keeping_axes(make_backward))
