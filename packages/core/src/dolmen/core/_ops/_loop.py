"""Loops inside the programs that lowering rules record.

Where no library has a factorization, its primitive is lowered through a program of
operations. That is after every other rule has been applied: a loop in it has none of
derivatives or batches, as those of users have.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, Program
from .._tracing import bind, record, typeof
from . import _arithmetic, _comparison
from ._elementwise import constant_like

State = Sequence[Any]
_FIRST = np.int32(0)


def loop(
    goes_on: Callable[..., Any], step: Callable[..., State], start: State
) -> list[Any]:
    """The state after `step`, as often as `goes_on` is true of it.

    Args:
        goes_on: from the state to a scalar bool. Both may refer to other values.
        step: from the state to the next one, of the same types.
        start: arrays.
    """
    types = [typeof(x) for x in start]
    condition, first = record(lambda *state: [goes_on(*state)], types)
    body, second = record(step, types)
    made = Loop(condition, body, len(first), len(second))
    return list(bind(made, *first, *second, *start))


def repeat(count: int, step: Callable[..., State], start: State) -> list[Any]:
    """The state after ``step(i, *state)`` for `i`, int32, from 0 to below `count`."""

    def goes_on(i: Any, *_: Any) -> Any:
        return _comparison.lt(i, constant_like(i, count))

    def body(i: Any, *state: Any) -> State:
        return [_arithmetic.add(i, constant_like(i, 1)), *step(i, *state)]

    return loop(goes_on, body, [_FIRST, *start])[1:]


class Loop(Primitive):
    """Runs `body` on the state while `condition` holds of it.

    Arguments are what the condition and what the body refer to, and the state.
    """

    interned = False
    multiple_results = True

    condition: Program
    body: Program
    condition_refers: int
    body_refers: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.body.out_types

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        count = self.condition_refers
        end = count + self.body_refers
        first, second, state = args[:count], args[count:end], args[end:]
        types = list(builder.out_types)
        return builder.emit_control(
            "while",
            state,
            types,
            regions=[
                (types, lambda *s: builder.inline(self.condition, [*first, *s])),
                (types, lambda *s: builder.inline(self.body, [*second, *s])),
            ],
            effects=frozenset(),
        )
