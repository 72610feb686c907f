"""Rows of `_ops/_gather.py`.

The reference spells the definition out: one window after the other.
"""

import functools

import numpy as np

from dolmen.core._ops import _arithmetic, _gather as ops
from dolmen.core._ops._elementwise import constant_like

from .rows import Row

# Rows of a matrix; elements at (row, column); windows in the middle; one per batch.
ROWS_OF_MATRIX = ops.GatherDimensionNumbers((1,), (0,), (0,))
ELEMENTS = ops.GatherDimensionNumbers((), (0, 1), (1, 0))
WINDOWS = ops.GatherDimensionNumbers((0, 2), (), (1,))
ALONG = ops.GatherDimensionNumbers((), (1,), (1,), (0,), (0,))


def windows(numbers, sizes, x_shape, indices, mode):
    """For each window: batch index, and index tuple of the operand or None."""
    own = dict(
        zip(
            numbers.operand_batching_dims,
            numbers.start_indices_batching_dims,
            strict=True,
        )
    )
    for batch in np.ndindex(indices.shape[:-1]):
        start = [0] * len(x_shape)
        for axis, value in zip(numbers.start_index_map, indices[batch], strict=True):
            start[axis] = int(value)
        for axis, along in own.items():
            start[axis] = batch[along]
        limits = [n - size for n, size in zip(x_shape, sizes, strict=True)]
        if mode == "clip":
            start = [
                min(max(s, 0), limit) for s, limit in zip(start, limits, strict=True)
            ]
        inside = all(0 <= s <= limit for s, limit in zip(start, limits, strict=True))
        index = tuple(slice(s, s + n) for s, n in zip(start, sizes, strict=True))
        yield batch, index if inside else None


def out_index(batch, window_dims, ndim):
    rest = iter(batch)
    return tuple(slice(None) if a in window_dims else next(rest) for a in range(ndim))


def gather_reference(numbers, sizes, mode, fill):
    left_out = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    window = [n for a, n in enumerate(sizes) if a not in left_out]

    def oracle(x, indices):
        ndim = indices.ndim - 1 + len(window)
        shapes = iter(indices.shape[:-1]), iter(window)
        shape = [next(shapes[a in numbers.offset_dims]) for a in range(ndim)]
        made = np.full(shape, fill, x.dtype)
        for batch, index in windows(numbers, sizes, x.shape, indices, mode):
            if index is not None:
                at = out_index(batch, numbers.offset_dims, ndim)
                made[at] = x[index].reshape(window)
        return made

    return oracle


def scatter_reference(combine, numbers, sizes, mode):
    def oracle(x, indices, updates):
        made = x.copy()
        for batch, index in windows(numbers, sizes, x.shape, indices, mode):
            if index is not None:
                at = out_index(batch, numbers.offset_dims, updates.ndim)
                made[index] = combine(
                    made[index], updates[at].reshape(made[index].shape)
                )
        return made

    return oracle


def distinct_normal(rng, shape):
    """Numbers of which no two are close."""
    size = int(np.prod(shape))
    return (rng.permutation(size) - size / 2 + rng.uniform(0.1, 0.4, size)).reshape(
        shape
    )


def arguments(x_shape, indices_shape, updates_shape=None, *, low=-2, beyond=2):
    """An operand, indices of which some are out of range, and updates."""

    def draw(rng, _):
        indices = rng.integers(low, min(x_shape) + beyond, indices_shape)
        made = [distinct_normal(rng, x_shape), indices.astype(np.int32)]
        if updates_shape is not None:
            # No update ties with an element of the operand.
            made.append(distinct_normal(rng, updates_shape) + 0.5)
        return made

    return draw


def different_rows(rng, _):
    """Rows without repetition, one of them out of range."""
    indices = rng.permutation(6)[:4].reshape(4, 1).astype(np.int32)
    return [rng.normal(size=(5, 3)), indices, rng.normal(size=(4, 3))]


def gather_row(label, numbers, sizes, draw, mode, fill=None, dtypes=("float32",)):
    return Row(
        ops.Gather,
        lambda x, i: ops.gather(x, i, numbers, sizes, mode=mode, fill_value=fill),
        gather_reference(numbers, sizes, mode, np.nan if fill is None else fill),
        draw,
        smooth=(0,) if fill is not None or mode == "clip" else (),
        dtypes=dtypes,
        label=f"{label} {mode}",
    )


def scatter_row(
    primitive,
    function,
    combine,
    numbers,
    sizes,
    draw,
    mode,
    smooth=(0, 2),
    unique=False,
    label="",
):
    return Row(
        primitive,
        functools.partial(
            scattered, function, numbers.transposed(), mode=mode, unique=unique
        ),
        scatter_reference(combine, numbers, sizes, mode),
        draw,
        smooth=smooth,
        # Repeated products and sums round in another order.
        slack=10.0,
        label=f"{label or 'rows'} {mode}",
    )


def scattered(function, numbers, x, indices, updates, *, mode, unique):
    return function(x, indices, updates, numbers, mode=mode, unique_indices=unique)


def doubled(x):
    # `add(x, x)` ends the process in XLA's compiler for NVIDIA GPUs (jaxlib 0.10.2).
    return _arithmetic.mul(x, constant_like(x, 2))


def second(_, new):
    return new


KINDS = [
    (ops.ScatterAdd, ops.scatter_add, np.add),
    (ops.ScatterMin, ops.scatter_min, np.minimum),
    (ops.ScatterMax, ops.scatter_max, np.maximum),
]
REPEATED_ROWS = arguments((5, 3), (4, 1), (4, 3))

ROWS = [
    gather_row("rows", ROWS_OF_MATRIX, (1, 3), arguments((5, 3), (4, 1)), "clip"),
    gather_row("rows", ROWS_OF_MATRIX, (1, 3), arguments((5, 3), (4, 1)), "fill"),
    gather_row(
        "rows filled",
        ROWS_OF_MATRIX,
        (1, 3),
        arguments((5, 3), (4, 1)),
        "fill",
        1.5,
        ("float32", "bfloat16"),
    ),
    gather_row("elements", ELEMENTS, (1, 1), arguments((5, 4), (2, 3, 2)), "fill", 0.0),
    gather_row("windows", WINDOWS, (5, 2), arguments((5, 4), (3, 1)), "clip"),
    gather_row("along", ALONG, (1, 1), arguments((3, 5), (3, 2, 1)), "fill", -1.0),
    *(
        scatter_row(cls, function, combine, ROWS_OF_MATRIX, (1, 3), REPEATED_ROWS, mode)
        for cls, function, combine in KINDS
        for mode in ("clip", "drop")
    ),
    scatter_row(
        ops.ScatterMax,
        ops.scatter_max,
        np.maximum,
        WINDOWS,
        (5, 2),
        arguments((5, 4), (3, 1), (5, 3, 2)),
        "drop",
        label="windows",
    ),
    scatter_row(
        ops.ScatterAdd,
        ops.scatter_add,
        np.add,
        ALONG,
        (1, 1),
        arguments((3, 5), (3, 2, 1), (3, 2)),
        "drop",
        label="along",
    ),
    scatter_row(
        ops.ScatterAdd,
        ops.scatter_sub,
        np.subtract,
        ROWS_OF_MATRIX,
        (1, 3),
        REPEATED_ROWS,
        "clip",
        label="subtracted",
    ),
    *(
        scatter_row(
            cls,
            function,
            combine,
            ROWS_OF_MATRIX,
            (1, 3),
            different_rows,
            "drop",
            unique=True,
            label="unique",
        )
        for cls, function, combine in (
            (ops.Scatter, ops.scatter, second),
            (ops.ScatterMul, ops.scatter_mul, np.multiply),
        )
    ),
    # On the CPU the last of several updates wins.
    scatter_row(
        ops.Scatter,
        ops.scatter,
        second,
        ROWS_OF_MATRIX,
        (1, 3),
        REPEATED_ROWS,
        "clip",
    ),
    scatter_row(
        ops.ScatterMul,
        ops.scatter_mul,
        np.multiply,
        ROWS_OF_MATRIX,
        (1, 3),
        REPEATED_ROWS,
        "clip",
        smooth=(0,),
    ),
    Row(
        ops.ScatterApply,
        lambda x, i: ops.scatter_apply(
            x, i, doubled, ROWS_OF_MATRIX.transposed(), update_shape=(4, 3)
        ),
        lambda x, i: scatter_reference(
            lambda old, _: old + old, ROWS_OF_MATRIX, (1, 3), "drop"
        )(x, i, np.zeros((4, 3))),
        arguments((5, 3), (4, 1)),
    ),
]
