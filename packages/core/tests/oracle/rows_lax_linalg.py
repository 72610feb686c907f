"""Rows of what `lax.linalg` makes of other functions; its primitives have a table."""

import numpy as np
import scipy.linalg

from .rows import Row

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(3, 3))
UPPER = np.triu(SQUARE) + 2 * np.eye(3)
TALL = RNG.normal(size=(4, 3)) + np.eye(4, 3)
COMPLEX = TALL + 1j * RNG.normal(size=(4, 3))
VECTOR = RNG.normal(size=3)


def row(name, *args, oracle, **options):
    return Row(f"lax.linalg.{name}", args, oracle=oracle, **options)


def updated(r, w):
    """The factor with a positive diagonal, as that of `r` is."""
    return np.linalg.cholesky(r.T @ r + np.outer(w, w)).T


def polar(f, x):
    """Both factors; SciPy says no more."""
    return f(x)[:2]


def product(a, c, alpha=1.0, beta=0.0, symmetrize_output=False):
    made = alpha * a @ a.mT + beta * c
    return np.tril(made) + np.tril(made, -1).mT if symmetrize_output else made


def corner(x, dynamic_shape):
    """The factors of a part, zeros around them."""
    m, n = dynamic_shape
    u, h = scipy.linalg.polar(x[:m, :n])
    rows, columns = (0, x.shape[0] - m), (0, x.shape[1] - n)
    return np.pad(u, (rows, columns)), np.pad(h, (columns, columns))


ROWS = [
    row("cholesky_update", UPPER, VECTOR, oracle=updated, smooth=(0, 1)),
    row(
        "cholesky_update",
        UPPER,
        np.array([0.0, 3.0, 0.0]),
        oracle=updated,
        smooth=(0, 1),
        label="of one element",
    ),
    row(
        "cholesky_update",
        np.zeros((2, 2)),
        np.array([3.0, 4.0]),
        oracle=lambda r, w: np.array([[3.0, 4.0], [0.0, 0.0]]),
        label="of nothing",
        mapped=False,
    ),
    row(
        "cholesky_update",
        np.stack([UPPER, 2 * UPPER]),
        np.stack([VECTOR, -VECTOR]),
        oracle=lambda r, w: np.stack([*map(updated, r, w)]),
        label="of a batch",
    ),
    row(
        "cholesky_update",
        -np.eye(2),
        np.zeros(2),
        oracle=lambda r, w: r,
        label="that is none",
    ),
    row(
        "cholesky_update",
        np.zeros((0, 0)),
        np.zeros(0),
        oracle=lambda r, w: r,
        label="empty",
    ),
    row("symmetric_product", TALL, np.eye(4), oracle=product, smooth=(0, 1)),
    row(
        "symmetric_product",
        np.stack([SQUARE, UPPER]),
        np.stack([UPPER, SQUARE]),
        call=lambda f, a, c: f(a, c, alpha=2.0, beta=3.0, symmetrize_output=True),
        oracle=product,
        smooth=(0, 1),
        label="symmetrized",
    ),
    row(
        "symmetric_product",
        SQUARE,
        UPPER,
        VECTOR[0],
        call=lambda f, a, c, x: f(a, c, alpha=x, beta=1 - x),
        oracle=product,
        smooth=(0, 1, 2),
        label="weighted",
    ),
    row("qdwh", TALL, call=polar, oracle=scipy.linalg.polar, smooth=(0,)),
    row(
        "qdwh",
        COMPLEX,
        call=polar,
        oracle=scipy.linalg.polar,
        smooth=(0,),
        label="complex",
    ),
    row(
        "qdwh",
        TALL,
        call=lambda f, x: f(x, dynamic_shape=(3, 2))[:2],
        oracle=corner,
        label="of a corner",
    ),
    row(
        "qdwh",
        np.diag([1.0, 1e-3, 1e3]),
        call=polar,
        oracle=scipy.linalg.polar,
        label="ill-conditioned",
    ),
    row(
        "qdwh",
        np.zeros((2, 0)),
        call=polar,
        oracle=lambda x: (x, np.zeros((0, 0))),
        label="empty",
    ),
]
