"""Rows of `_ops/_slicing.py`."""

import numpy as np

from dolmen.core._ops import _slicing as ops

from .rows import Row


def array_and_starts(shape, update=None):
    """An array, perhaps a piece, and a start for each axis, some out of range."""

    def draw(rng, _):
        arrays = [rng.normal(size=s) for s in (shape, update) if s is not None]
        starts = [np.int32(rng.integers(-n, n + 2)) for n in shape]
        return [*arrays, *starts]

    return draw


def place(start, size, n):
    """Where a piece really starts: wrapped, then clamped."""
    start = int(start) + (n if start < 0 else 0)
    return min(max(start, 0), n - size)


def read(sizes):
    def oracle(x, *starts):
        index = tuple(
            slice(place(i, size, n), place(i, size, n) + size)
            for i, size, n in zip(starts, sizes, x.shape, strict=True)
        )
        return x[index]

    return oracle


def written(x, update, *starts):
    made = x.copy()
    index = tuple(
        slice(place(i, size, n), place(i, size, n) + size)
        for i, size, n in zip(starts, update.shape, x.shape, strict=True)
    )
    made[index] = update
    return made


ROWS = [
    Row(
        ops.Slice,
        lambda x: ops.slice(x, (1, 0, 2), (3, 4, 2), (1, 3, 1)),
        lambda x: x[1:3, 0:4:3, 2:2],
        lambda rng, _: [rng.normal(size=(3, 4, 5))],
        label="empty",
        dtypes=("float32", "bfloat16"),
    ),
    Row(
        ops.Slice,
        lambda x: ops.slice(x, (1, 0), (3, 4), (1, 3)),
        lambda x: x[1:3, 0:4:3],
        lambda rng, _: [rng.normal(size=(3, 4))],
        smooth=(0,),
    ),
    Row(
        ops.DynamicSlice,
        lambda x, *starts: ops.dynamic_slice(x, starts, (2, 3, 1)),
        read((2, 3, 1)),
        array_and_starts((4, 3, 2)),
        smooth=(0,),
        dtypes=("float32", "bfloat16"),
    ),
    Row(
        ops.DynamicUpdateSlice,
        lambda x, update, *starts: ops.dynamic_update_slice(x, update, starts),
        written,
        array_and_starts((4, 3, 2), (2, 3, 1)),
        smooth=(0, 1),
        dtypes=("float32", "bfloat16"),
    ),
]
