"""The forward part of a reverse rule as one operation, for `checkpoint`."""

from collections.abc import Sequence
from typing import Any

from .._ir import Program
from .._tracing import bind
from .._transforms import batch_program, batch_size
from ._call import ProgramCall


class ForwardRule(ProgramCall):
    """Runs `forward`, to results and residuals; `program` gives the results alone.

    What is opaque to the compiler computes residuals even if nobody wants them. Where
    they are recomputed later anyway, `program` takes its place.
    """

    forward: Program
    program: Program

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        forward, out_axes = batch_program(self.forward, tuple(axes), size, True)
        program, _ = batch_program(self.program, tuple(axes), size, True)
        return bind(ForwardRule(forward, program), *args), out_axes

    @property
    def called(self) -> Program:
        return self.forward
