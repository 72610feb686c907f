"""Rows of `_ops/_windows.py`.

The reference spells the definition out: one position of the window after the other.
"""

import numpy as np

from dolmen.core._higher_order import _reduce_window as free
from dolmen.core._higher_order._call import Jit
from dolmen.core._ops import _arithmetic, _windows as ops
from dolmen.core._tracing import bind

from .rows import Row, distinct

OVERLAPPING = {
    "window_dimensions": (2, 3),
    "window_strides": (1, 2),
    "padding": ((0, 1), (1, 1)),
}
APART = {
    "window_dimensions": (2, 3),
    "window_strides": (2, 3),
    "padding": ((1, 0), (0, 1)),
}
DILATED = {
    "window_dimensions": (2, 3),
    "window_strides": (1, 2),
    "padding": ((1, 1), (2, -1)),
    "base_dilation": (2, 1),
    "window_dilation": (1, 2),
}


def seen(
    x,
    beyond,
    window_dimensions,
    window_strides,
    padding,
    base_dilation=(1, 1),
    window_dilation=(1, 1),
):
    """For each position, the elements in its window, and their flat indices or -1."""
    places = np.arange(x.size).reshape(x.shape)
    for axis, (low, high) in enumerate(padding):
        n, d = x.shape[axis], base_dilation[axis]
        row = np.full((n - 1) * d + 1, -1)
        row[::d] = np.arange(n)
        row = np.pad(row, (max(low, 0), max(high, 0)), constant_values=-1)
        row = row[max(-low, 0) : len(row) - max(-high, 0)]
        places = np.take(places, row, axis)
        hidden = [None] * x.ndim
        hidden[axis] = slice(None)
        places = np.where((row < 0)[tuple(hidden)], -1, places)
    spans = [
        (k - 1) * d + 1 for k, d in zip(window_dimensions, window_dilation, strict=True)
    ]
    counts = [
        (n - k) // s + 1
        for n, k, s in zip(places.shape, spans, window_strides, strict=True)
    ]
    made = np.empty((*counts, int(np.prod(window_dimensions))), int)
    for position in np.ndindex(*counts):
        at = tuple(
            slice(p * s, p * s + k, d)
            for p, s, k, d in zip(
                position, window_strides, spans, window_dilation, strict=True
            )
        )
        made[position] = places[at].ravel()
    values = np.append(x.ravel(), beyond)[made]
    return values, made


def reference(reduce, beyond, options):
    return lambda x: reduce(seen(x, beyond, **options)[0], -1)


KINDS = [
    (ops.ReduceWindowSum, ops.reduce_window_sum, np.sum, 0.0),
    (ops.ReduceWindowMax, ops.reduce_window_max, np.max, -np.inf),
    (ops.ReduceWindowMin, ops.reduce_window_min, np.min, np.inf),
]


def reduction_row(kind, options, label):
    cls, function, reduce, beyond = kind
    return Row(
        cls,
        lambda x: function(x, **options),
        reference(reduce, beyond, options),
        distinct,
        shapes=((5, 7),),
        smooth=(0,),
        label=label,
    )


def start_row(cls, computation, reduce):
    """A start that is not neutral, also beyond the operand."""

    def oracle(x, init):
        values, _ = seen(x, init, **OVERLAPPING)
        return reduce(np.append(values, np.full((*values.shape[:-1], 1), init), -1), -1)

    return Row(
        cls,
        lambda x, init: free.reduce_window(x, init, computation, **OVERLAPPING),
        oracle,
        lambda rng, shape: [*distinct(rng, shape), np.asarray(rng.uniform(-9, 9))],
        shapes=((4, 5),),
        smooth=(0, 1),
        slack=10.0,
        label="start",
    )


def any_function_row(options, label):
    """A sum of one array and a product of another, by one function."""

    def combine(a, b):
        return _arithmetic.add(a[0], b[0]), _arithmetic.mul(a[1], b[1])

    def function(x, y, x_init, y_init):
        pair, inits = (x, y), (x_init, y_init)
        return free.reduce_window(pair, inits, combine, **options)

    def oracle(x, y, x_init, y_init):
        sums = seen(x, x_init, **options)[0].sum(-1) + x_init
        return [sums, seen(y, y_init, **options)[0].prod(-1) * y_init]

    def draw(rng, shape):
        return [rng.uniform(0.5, 1.5, s) for s in (shape, shape, (), ())]

    return Row(
        Jit,
        function,
        oracle,
        draw,
        shapes=((4, 5),),
        smooth=(0, 1, 2, 3),
        slack=10.0,
        label=label,
    )


def chosen(x):
    """Flat index of the largest element in each window."""
    values, places = seen(x, -np.inf, **OVERLAPPING)
    best = np.argmax(values, -1)[..., None]
    return np.take_along_axis(places, best, -1)[..., 0]


def gathered(values, x):
    return values.ravel()[chosen(x)]


def scattered(values, x):
    made = np.zeros(x.size, values.dtype)
    np.add.at(made, chosen(x).ravel(), values.ravel())
    return made.reshape(x.shape)


OPTIONS = tuple(OVERLAPPING.values())
X_SHAPE = (4, 5)
OUT_SHAPE = (4, 3)

ROWS = [
    *(
        reduction_row(kind, options, label)
        for kind in KINDS
        for options, label in (
            (OVERLAPPING, "overlapping"),
            (APART, "apart"),
            (DILATED, "dilated"),
        )
    ),
    start_row(ops.ReduceWindowSum, _arithmetic.add, np.sum),
    start_row(ops.ReduceWindowMax, lambda a, b: _arithmetic.max(b, a), np.max),
    any_function_row(DILATED, "dilated"),
    Row(
        ops.SelectAndGatherAdd,
        lambda values, x: bind(ops.SelectAndGatherAdd("GE", *OPTIONS), values, x),
        gathered,
        lambda rng, _: [rng.normal(size=X_SHAPE), *distinct(rng, X_SHAPE)],
        smooth=(0, 1),
    ),
    Row(
        ops.SelectAndScatterAdd,
        lambda values, x: bind(ops.SelectAndScatterAdd("GE", *OPTIONS), values, x),
        scattered,
        lambda rng, _: [rng.normal(size=OUT_SHAPE), *distinct(rng, X_SHAPE)],
        smooth=(0, 1),
    ),
]
