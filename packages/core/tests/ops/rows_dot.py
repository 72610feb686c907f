"""Rows of `_ops/_dot.py`."""

import numpy as np

from dolmen.core._ops import _dot as ops

from .rows import Row
from .rows_shape import normal

# Order differs from that of the axes on both sides, in contracted and batch axes.
SHUFFLED = (((3, 2), (0, 1)), ((4, 0), (2, 4)))


def complex_pair(rng, _):
    parts = rng.normal(size=(2, 2, 3, 3))
    return [parts[0, 0] + 1j * parts[0, 1], parts[1, 0] + 1j * parts[1, 1]]


ROWS = [
    Row(
        ops.DotGeneral,
        lambda x, y: ops.dot_general(x, y, SHUFFLED),
        lambda x, y: np.einsum("bxcda,dcayb->abxy", x, y),
        normal((2, 6, 4, 5, 3), (5, 4, 3, 2, 2)),
        smooth=(0, 1),
        slack=4.0,
        label="shuffled",
    ),
    Row(
        ops.DotGeneral,
        ops.dot,
        np.dot,
        normal((2, 3), (3, 4)),
        smooth=(0, 1),
        dtypes=("float32", "float64", "bfloat16", "float16"),
        slack=4.0,
        label="matrices",
    ),
    Row(
        ops.DotGeneral,
        ops.dot,
        np.dot,
        complex_pair,
        smooth=(0, 1),
        dtypes=("complex64", "complex128"),
        slack=4.0,
        label="complex",
    ),
    Row(
        ops.DotGeneral,
        ops.dot,
        np.dot,
        normal((3,), (3,)),
        smooth=(0, 1),
        label="vectors",
    ),
    Row(
        ops.DotGeneral,
        lambda x, y: ops.dot(x, y, preferred_element_type=np.float64),
        np.dot,
        normal((2, 3), (3, 4)),
        smooth=(0, 1),
        dtypes=("float64",),
        label="preferred",
    ),
    Row(
        ops.DotGeneral,
        lambda x, y: ops.batch_matmul(x, y, precision="highest"),
        np.matmul,
        normal((2, 0, 3), (2, 3, 4)),
        label="empty",
    ),
]
