"""Rows of `numpy`: sums and products along axes."""

import numpy as np

from .rows import Row

A = np.array([[0.5, -1.25, 2.0], [3.5, -0.75, 1.0]])

ROWS = [
    Row("numpy.sum", (A,), smooth=(0,)),
    Row("numpy.sum", (A,), lambda f, x: f(x, axis=-1), smooth=(0,), label="of rows"),
    Row("numpy.prod", (A,), smooth=(0,)),
]
