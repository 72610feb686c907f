"""Rows of `numpy.linalg`, and of the roots of polynomials."""

import numpy as np

from .rows import Row

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(2, 3, 3))
POSITIVE = SQUARE @ SQUARE.mT + np.eye(3)
COMPLEX = SQUARE + 1j * RNG.normal(size=(2, 3, 3))
HERMITIAN = COMPLEX + COMPLEX.conj().mT
TALL, WIDE = SQUARE[:, :, :2], SQUARE[:, :2]
STACKED = COMPLEX.reshape(6, 3)
LARGE = RNG.normal(size=(6, 6))
ONE, TWO = SQUARE
RANKS = np.stack([np.eye(3), np.ones((3, 3)), np.zeros((3, 3))])
# Of every rank below full: a zero row first hides that of the second from pivoting.
SINGULAR = np.stack(
    [
        np.diag([0.0, 2.0, 3.0, 4.0]),
        np.diag([2.0, 3.0, 0.0, 0.0]),
        np.zeros((4, 4)),
        np.outer([1.0, -2.0, 0.5, 3.0], [1.0, 1.0, -1.0, 2.0])
        + np.diag([1.0, 2, 0, 0]),
    ]
)
NAN = np.full((2, 2), np.nan)


def row(name, *args, call=None, **options):
    calls = {} if call is None else {"call": call}
    return Row(f"numpy.linalg.{name}", args, **calls, **options)


def powers(values):
    """What is determined of numbers in no particular order."""
    return (values[..., None] ** np.arange(1, 4)).sum(-2) + 0j


def decomposed(f, x):
    """Eigenvalues, and what is determined of the vectors: the sum of `w v v^H`."""
    values, vectors = f(x)
    return powers(values), (values[..., None, :] * vectors) @ vectors.conj().mT + 0j


def without_rank(f, a, b):
    """What of least squares has derivatives, where NumPy has no residuals either."""
    x, _, _, values = f(a, b)
    return x, values


def projector(u):
    """Onto the columns after the second one, which have no directions of their own."""
    return u[..., 2:] @ u[..., 2:].mT


def hermitian_svd(f, a):
    """Values, and the products of each pair of vectors; `a` is made Hermitian."""
    u, s, vh = f(a + a.conj().mT, hermitian=True)
    return s, u[..., :, None, :] * vh.mT[..., None, :, :]


def field(name, **options):
    """A call that takes one of the results, by its name."""
    return lambda f, x: getattr(f(x, **options), name)


ROWS = [
    row("cholesky", POSITIVE),
    row("cholesky", POSITIVE, label="upper", call=lambda f, a: f(a, upper=True)),
    row("eig", ONE, call=decomposed),
    row("eig", COMPLEX, call=decomposed, label="complex"),
    row("eig", np.zeros((0, 3, 3)), call=decomposed, label="empty"),
    row("eigvals", ONE, call=lambda f, a: powers(f(a)), smooth=(0,)),
    row(
        "eigvals",
        COMPLEX,
        call=lambda f, a: powers(f(a)),
        smooth=(0,),
        label="complex",
    ),
    row("eigh", POSITIVE, call=decomposed),
    row("eigvalsh", POSITIVE),
    row("eigvalsh", HERMITIAN, label="Hermitian"),
    row("qr", TALL, call=field("R"), smooth=(0,)),
    row("qr", TALL, call=field("Q", mode="complete"), label="complete"),
    row("qr", SQUARE, call=lambda f, a: f(a, "r"), label="r", smooth=(0,)),
    row("qr", SQUARE, call=lambda f, a: f(a, "raw"), label="raw"),
    row("svdvals", SQUARE, smooth=(0,)),
    row("svdvals", NAN, oracle=lambda a: a[0], label="of NaN"),
    row("svd", SQUARE, call=lambda f, a: [abs(x) for x in f(a)]),
    row("svd", TALL, call=lambda f, a: projector(f(a).U), label="full", smooth=(0,)),
    row("svd", HERMITIAN, call=hermitian_svd, smooth=(0,), label="Hermitian"),
    row("svd", WIDE, call=lambda f, a: f(a, compute_uv=False), label="values"),
    row("solve", SQUARE, TALL, smooth=(0, 1)),
    row("solve", SQUARE, ONE[0], smooth=(0, 1), label="one"),
    row("solve", COMPLEX, COMPLEX[:, :, 0:1], smooth=(0, 1), label="complex"),
    row("solve", np.eye(0), np.zeros((0, 2)), label="empty"),
    row("inv", SQUARE, smooth=(0,), slack=4.0),
    row("inv", COMPLEX, smooth=(0,), slack=4.0, label="complex"),
    row("inv", np.diag([1, 2, 4]), label="of integers", mapped=False),
    row("det", SQUARE, smooth=(0,)),
    row("det", COMPLEX, smooth=(0,), label="complex"),
    row("det", LARGE, smooth=(0,), label="large"),
    row("det", SINGULAR, smooth=(0,), label="singular"),
    row("det", np.stack([np.eye(4), LARGE[:4, :4]]), smooth=(0,), label="mixed"),
    row("det", np.zeros((2, 1, 1)), smooth=(0,), label="of one element"),
    row("det", np.zeros((2, 0, 0)), label="empty"),
    row("slogdet", SQUARE, call=lambda f, a: list(f(a)), smooth=(0,)),
    row("slogdet", COMPLEX, call=lambda f, a: list(f(a)), smooth=(0,), label="complex"),
    *[
        row(
            "norm",
            SQUARE,
            call=lambda f, a, ord=ord: f(a, ord, (0, 2), keepdims=True),
            smooth=(0,),
            label=f"{ord}",
        )
        for ord in (None, "nuc", 1, -2, np.inf)
    ],
    row("norm", COMPLEX, smooth=(0,), label="of all"),
    row("norm", np.arange(3), label="of integers"),
    row("norm", np.zeros((2, 0)), label="empty", call=lambda f, a: f(a, axis=1)),
    *[
        row(
            "vector_norm",
            SQUARE,
            call=lambda f, a, ord=ord: f(a, axis=1, ord=ord),
            smooth=(0,),
            label=f"{ord}",
        )
        for ord in (0, 1, 3, -2, np.inf)
    ],
    row("matrix_norm", SQUARE, smooth=(0,)),
    row("cond", SQUARE, smooth=(0,), slack=4.0),
    row("cond", SQUARE, call=lambda f, a: f(a, 1), smooth=(0,), slack=4.0, label="1"),
    row("cond", TALL, call=lambda f, a: f(a, -2), label="-2"),
    row("matrix_rank", RANKS),
    row("matrix_rank", np.ones(3), label="of a vector"),
    row(
        "matrix_rank", RANKS, label="hermitian", call=lambda f, a: f(a, hermitian=True)
    ),
    row("pinv", TALL, smooth=(0,)),
    row("pinv", WIDE, smooth=(0,), label="wide"),
    row("pinv", COMPLEX[:, :2], smooth=(0,), label="complex"),
    row("pinv", np.zeros((0, 3)), label="empty"),
    row(
        "pinv",
        HERMITIAN,
        call=lambda f, a: f(a, hermitian=True),
        smooth=(0,),
        label="Hermitian",
    ),
    row("pinv", SQUARE, call=lambda f, a: f(a, np.array([0.5, 0.01])), label="rtol"),
    row("lstsq", LARGE[:, :3], LARGE[:, 3]),
    row("lstsq", STACKED, STACKED[:, :2] ** 2, label="complex"),
    *[
        row("lstsq", *args, call=without_rank, smooth=(0, 1), label=f"{label} smooth")
        for label, args in {
            "tall": (LARGE[:, :3], LARGE[:, 3:]),
            "wide": (LARGE[:3], LARGE[0, :3]),
            "complex": (STACKED, STACKED[:, 0] ** 2),
        }.items()
    ],
    row(
        "lstsq",
        np.outer([1.0, 2.0, -1.0], [1.0, 3.0]),
        ONE[0],
        call=lambda f, a, b: [f(a, b)[0], f(a, b)[2]],
        label="of rank one",
    ),
    row(
        "lstsq",
        LARGE,
        LARGE[0],
        call=lambda f, a, b: [f(a, b, 0.3)[0], f(a, b, 0.3)[2]],
        label="rcond",
    ),
    *[
        row(
            "matrix_power",
            SQUARE,
            call=lambda f, a, n=n: f(a, n),
            smooth=(0,),
            slack=16.0,
            label=f"{n}",
        )
        for n in (-2, 0, 3)
    ],
    row("multi_dot", ONE[0], TWO, TALL[0], call=lambda f, *a: f(a), smooth=(0, 1, 2)),
    row("tensorinv", LARGE, call=lambda f, a: f(a.reshape(6, 2, 3), 1), slack=4.0),
    row(
        "tensorsolve",
        LARGE,
        LARGE[0],
        call=lambda f, a, b: f(a.reshape(2, 6, 3), b, (0, 2)),
        slack=4.0,
    ),
    row("cross", SQUARE, ONE, smooth=(0, 1)),
    row("diagonal", SQUARE, call=lambda f, a: f(a, offset=1)),
    row("trace", SQUARE, smooth=(0,)),
    row("outer", ONE[0], ONE[1], smooth=(0, 1)),
    row("matmul", SQUARE, TALL, smooth=(0, 1)),
    row("matrix_transpose", TALL),
    row("vecdot", COMPLEX, ONE[0], smooth=(0, 1)),
    row("tensordot", SQUARE, ONE, call=lambda f, a, b: f(a, b, axes=1)),
    *[
        Row(
            "numpy.roots",
            (p,),
            lambda f, p: powers(f(p)),
            smooth=(0,),
            traced=False,
            mapped=False,
            label=label,
        )
        for label, p in {
            "of degree 2": ONE[0],
            "of degree 5": LARGE[0],
            "complex": COMPLEX[0, 0],
        }.items()
    ],
    *[
        Row(
            "numpy.roots",
            (p,),
            lambda f, p: f(p) + 0j,
            traced=False,
            mapped=False,
            label=label,
        )
        for label, p in {
            "with zeros": np.array([0.0, 0.0, 1.0, 2.0]),
            "of x squared": np.array([1.0, 0.0, 0.0]),
            "of nothing": np.zeros(0),
            "of zeros": np.zeros(3),
            "of degree 0": np.array([3.0]),
            "of integers": np.array([1, -3, 2]),
        }.items()
    ],
    Row(
        "numpy.roots",
        (ONE[0],),
        lambda f, p: powers(f(p, strip_zeros=False)),
        oracle=lambda p, strip_zeros: np.roots(p),
        smooth=(0,),
        label="traced",
    ),
    Row(
        "numpy.roots",
        (np.array([0.0, 2.0, -6.0]),),
        lambda f, p: f(p, strip_zeros=False),
        oracle=lambda p, strip_zeros: np.append(np.roots(p) + 0j, complex("nan+nanj")),
        label="traced with a zero",
    ),
    Row("numpy.poly", (ONE[0],), smooth=(0,)),
    Row("numpy.poly", (COMPLEX[0, 0],), smooth=(0,), label="complex"),
    Row("numpy.poly", (ONE,), lambda f, p: f(p) + 0j, smooth=(0,), label="of a matrix"),
    Row("numpy.poly", (np.zeros(0),), label="of no roots"),
    Row("numpy.poly", (np.array([1, 2, 3]),), label="of integers"),
]
