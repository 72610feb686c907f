"""Elementwise functions that lower to programs, and the loop they share."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from .._higher_order import while_loop
from .._ir import array_type
from .._ops._arithmetic import abs
from .._ops._conversion import convert_element_type
from .._ops._elementwise import Elementwise, stretched
from .._ops._reductions import reduce_or
from .._ops._selection import choose
from .._tracing import record, typeof

_FLOAT32 = np.dtype("float32")


class Expanded(Elementwise):
    """A function of floating-point operands whose `value` is a formula.

    The formula is recorded where the equation is lowered, so a program shows one
    equation whatever loops there are in it. Half precision is computed in single.
    """

    cheap: ClassVar[bool] = False
    kinds: ClassVar[str] = "f"

    def value(self, args: Sequence[Any]) -> Any:
        """The result, for tracers of one shape in single or double precision."""
        raise self._missing("value")

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A call of the formula's program."""
        (out,) = builder.out_types
        wide = out.dtype if out.dtype.itemsize > 4 else _FLOAT32

        def run(*operands: Any) -> list[Any]:
            wider = [convert_element_type(x, wide) for x in operands]
            return [convert_element_type(self.value(wider), out.dtype)]

        types = [array_type(out.shape, t.dtype) for t in builder.in_types]
        program, _ = record(run, types, name=self.name, with_frames=False)
        (result,) = builder.call(program, stretched(builder, args))
        return result


def where(condition: Any, on_true: Any, on_false: Any) -> Any:
    """`choose` that takes Python numbers; one of the two is an array."""
    dtype = typeof(on_false if isinstance(on_true, float) else on_true).dtype
    cases = [
        np.asarray(case, dtype) if isinstance(case, float) else case
        for case in (on_true, on_false)
    ]
    return choose(condition, *cases)


def first_of(value: Any, *cases: tuple[Any, float]) -> Any:
    """`value`, or the number of the first case whose condition holds."""
    for condition, number in reversed(cases):
        value = where(condition, number, value)
    return value


def converge(
    step: Callable[..., Sequence[Any]], start: Sequence[Any], watched: int = 1
) -> list[Any]:
    """Repeats `step` until the first arrays of the state stand still in every element.

    Args:
        step: from the number of the step, a scalar from 1, and the state to the next
            state.
        start: the first state, arrays of equal types.
        watched: how many arrays of the state must not move, relative to their sum.
    """
    type = typeof(start[0])
    tolerance = 2 * float(ml_dtypes.finfo(type.dtype).eps)

    def body(carry: Any) -> Any:
        k, _, state = carry
        after = list(step(k, *state))
        moved = sum(abs(a - b) for a, b in zip(after[:watched], state, strict=False))
        size = sum(abs(a) for a in after[:watched])
        # An element that is NaN stands still.
        moving = reduce_or(moved > tolerance * size, tuple(range(type.ndim)))
        return k + 1, moving, after

    # The slowest series, at x = a, takes 8 sqrt(a) steps: enough for a = 4e7.
    first = np.asarray(1, type.dtype), np.asarray(True), list(start)
    return while_loop(lambda c: c[1] & (c[0] < 50_000), body, first)[2]


def lentz(numerator: Any, denominator: Any, f: Any, c: Any, d: Any) -> Sequence[Any]:
    """The next convergent of a continued fraction, by Lentz's method.

    Args:
        numerator: the next partial numerator.
        denominator: the next partial denominator.
        f: the last convergent.
        c: the ratio of the numerators of the last two convergents.
        d: the inverse ratio of their denominators.

    Source: modified as in Thompson and Barnett (1986), J. Comput. Phys. 64.
    """
    d = 1 / _nonzero(denominator + numerator * d)
    c = _nonzero(denominator + numerator / c)
    return f * (c * d), c, d


def _nonzero(x: Any) -> Any:
    return where(x == 0, 1e-30, x)
