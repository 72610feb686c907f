"""Rows of `_ops/_ragged_products.py`."""

import numpy as np

from dolmen.core._ops import _ragged_products as ops
from dolmen.core._tracing import bind

from .rows import Row

B, X, R, G, K, N = 2, 3, 37, 3, 3, 4


def spans(sizes):
    """Of each group: its number, its first row and the row after its last."""
    ends = np.minimum(np.cumsum(sizes), R)
    return zip(range(len(sizes)), [0, *ends[:-1]], ends, strict=True)


def grouped_rows(x, y, sizes):
    made = np.zeros((*x.shape[:3], y.shape[-1]), x.dtype)
    for at in np.ndindex(x.shape[:2]):
        for g, start, end in spans(sizes[at]):
            made[at][start:end] = x[at][start:end] @ y[at[0], g]
    return made


def grouped_sums(x, y, sizes):
    made = np.zeros((B, G, x.shape[-1], y.shape[-1]), x.dtype)
    for at in np.ndindex(x.shape[:2]):
        for g, start, end in spans(sizes[at]):
            made[at[0], g] += x[at][start:end].T @ y[at][start:end]
    return made


def drawn(x_shape, y_shape):
    """Groups that leave rows over, reach beyond the last row, or are empty."""

    def draw(rng, _):
        sizes = rng.integers(0, 20, (B, X, G)).astype(np.int32)
        sizes[:, 0, 1] = 0
        return [rng.normal(size=x_shape), rng.normal(size=y_shape), sizes]

    return draw


DTYPES = ("float32", "float64", "bfloat16", "float16")

ROWS = [
    Row(
        ops.RaggedDot,
        lambda *args: bind(ops.RaggedDot(), *args),
        grouped_rows,
        drawn((B, X, R, K), (B, G, K, N)),
        dtypes=DTYPES,
        smooth=(0, 1),
        slack=4.0,
    ),
    Row(
        ops.RaggedContraction,
        lambda *args: bind(ops.RaggedContraction(), *args),
        grouped_sums,
        drawn((B, X, R, K), (B, X, R, N)),
        dtypes=DTYPES,
        smooth=(0, 1),
        slack=10.0,
    ),
]
