"""Rows of `scipy.linalg`: matrices made of vectors, and of their size alone."""

import numpy as np

from .rows import Row

C = np.array([1.5, -2.0, 0.5])
R = np.array([3.0, 0.25, -1.0, 2.0])
M = np.array([[0.5, -1.25], [3.5, -0.75], [2.0, 1.0]])
LINALG = "scipy.linalg."


def _sized(name, *sizes):
    """Rows of a matrix that is determined by its size: there is nothing to map."""
    return [
        Row(LINALG + name, (), lambda f, n=n: f(n), mapped=False, label=f"of size {n}")
        for n in sizes
    ]


def _kinds(name):
    return [
        Row(
            LINALG + name,
            (),
            lambda f, kind=kind: f(4, kind=kind),
            mapped=False,
            label=kind,
        )
        for kind in ("symmetric", "lower", "upper")
    ]


ROWS = [
    Row(LINALG + "toeplitz", (C, R), smooth=(0, 1)),
    Row(LINALG + "toeplitz", (C,), smooth=(0,), label="of a column"),
    Row(LINALG + "toeplitz", (C * (1 + 2j),), label="Hermitian"),
    Row(LINALG + "toeplitz", (np.array([1, 2]), np.zeros(0)), label="without columns"),
    Row(LINALG + "hankel", (C, R), smooth=(0, 1)),
    Row(LINALG + "hankel", (C,), smooth=(0,), label="of a column"),
    Row(LINALG + "circulant", (C,), smooth=(0,)),
    Row(LINALG + "circulant", (np.array([1, 2, 3, 4]),), label="of integers"),
    *[
        Row(
            LINALG + "convolution_matrix",
            (a,),
            lambda f, x, n=n, mode=mode: f(x, n, mode),
            smooth=(0,),
            label=f"{mode} {a.size} {n}",
        )
        for mode in ("full", "same", "valid")
        for a, n in ((C, 2), (C, 6), (R, 3))
    ],
    Row(LINALG + "companion", (R,), smooth=(0,)),
    Row(LINALG + "companion", (np.array([2, 6, -4]),), label="of integers"),
    Row(LINALG + "leslie", (R, C), smooth=(0, 1)),
    Row(LINALG + "fiedler", (R,), smooth=(0,)),
    Row(LINALG + "fiedler", (R * (1 + 2j),), label="complex"),
    Row(LINALG + "fiedler_companion", (np.concatenate([R, C]),), smooth=(0,)),
    Row(LINALG + "fiedler_companion", (C[:2],), label="of one root"),
    Row(LINALG + "fiedler_companion", (np.concatenate([R, R]),), label="of seven"),
    Row(LINALG + "block_diag", (M, C, M.T), smooth=(0, 1, 2)),
    Row(LINALG + "block_diag", (np.zeros((0, 2)), M), label="an empty block"),
    Row(LINALG + "block_diag", (M, np.array([[1, 2]])), label="mixed dtypes"),
    *_sized("dft", 0, 1, 5),
    *[
        Row(
            LINALG + "dft",
            (),
            lambda f, scale=scale: f(3, scale),
            mapped=False,
            label=scale,
        )
        for scale in ("sqrtn", "n")
    ],
    *_sized("hadamard", 1, 8),
    *_sized("helmert", 1, 4),
    Row(LINALG + "helmert", (), lambda f: f(4, full=True), mapped=False, label="full"),
    *_sized("hilbert", 0, 4),
    *_sized("invhilbert", 0, 1, 5),
    *_sized("pascal", 0, 1),
    *_sized("invpascal", 0, 1),
    *_kinds("pascal"),
    *_kinds("invpascal"),
]
