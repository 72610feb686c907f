"""The forward part of a reverse rule as one operation, for `checkpoint`."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, Primitive, Program
from .._tracing import bind, evaluate
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    transpose_linearized,
)
from ._call import call_linearization


class ForwardRule(Primitive):
    """Runs `forward`, to results and residuals; `program` gives the results alone.

    What is opaque to the compiler computes residuals even if nobody wants them. Where
    they are recomputed later anyway, `program` takes its place.
    """

    interned = False
    multiple_results = True

    forward: Program
    program: Program

    @property
    def effects(self) -> frozenset[str]:
        return self.forward.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.forward.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents)
        program, out_active = jvp_program(self.forward, active)
        flat = evaluate(program, [*primals, *(t for t in tangents if t is not None)])
        rest = iter(flat[len(out_active) :])
        return flat[: len(out_active)], [next(rest) if a else None for a in out_active]

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return call_linearization(linearize_program(self.forward, active))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        forward, out_axes = batch_program(self.forward, tuple(axes), size, True)
        program, _ = batch_program(self.program, tuple(axes), size, True)
        return bind(ForwardRule(forward, program), *args), out_axes

    @property
    def called(self) -> Program:
        return self.forward

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.forward, args)
