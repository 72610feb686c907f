"""Rows of `_higher_order/_reduce.py`."""

import numpy as np

from dolmen.core._higher_order import _reduce as ops
from dolmen.core._ops import _arithmetic, _comparison, _selection, _transcendental

from .rows import Row, uniform


def hypotenuse(x, init):
    """A function that is no operation, over three axes of 2, 3 and 2 elements."""

    def combine(a, b):
        squares = _arithmetic.square(a), _arithmetic.square(b)
        return _transcendental.sqrt(_arithmetic.add(*squares))

    return ops.reduce(x, init, combine, (0, 1, 3))


def first_of_largest(a, b):
    (x, i), (y, j) = a, b
    wins = _comparison.ge(x, y)
    return _selection.select(wins, x, y), _selection.select(wins, i, j)


def value_and_payload(x, payload):
    inits = np.asarray(-np.inf, x.dtype), np.asarray(0, payload.dtype)
    return ops.reduce((x, payload), inits, first_of_largest, (0,))


def largest_and_payload(x, payload):
    where = np.argmax(x, 0)[None]
    return [np.take_along_axis(a, where, 0)[0] for a in (x, payload)]


ROWS = [
    Row(
        ops.Reduce,
        hypotenuse,
        lambda x, init: np.sqrt(np.square(x).sum((0, 1, 3)) + init**2),
        lambda rng, shape: [
            rng.uniform(0.5, 2, shape),
            np.asarray(rng.uniform(0.5, 2)),
        ],
        shapes=((2, 3, 2, 2), (2, 1, 3, 1), (1, 0, 2, 2)),
        smooth=(0, 1),
        slack=3.0,
    ),
    Row(
        ops.Reduce,
        value_and_payload,
        largest_and_payload,
        uniform(-1, 1, 2),
        shapes=((5, 3),),
        smooth=(0, 1),
        label="2",
    ),
]
