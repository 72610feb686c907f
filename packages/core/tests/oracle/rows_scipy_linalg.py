"""Rows of `scipy.linalg`: factorizations, systems, functions of matrices."""

import dataclasses

import numpy as np
import scipy.linalg

from .rows import Row

A = np.array([[2.0, -1.5, 0.5], [0.25, 3.0, 1.0], [-1.0, 0.75, -2.0]])
TALL = np.array([[1.0, 2.0], [-0.5, 1.5], [2.5, 0.25]])
B = np.array([[1.0, -2.0], [0.5, 4.0], [3.0, -1.0]])
COMPLEX = A + 1j * A[::-1].T
# Positive definite: symmetric and Hermitian.
P = A @ A.T + np.eye(3)
H = COMPLEX @ COMPLEX.conj().T + np.eye(3)
# Two eigenvalues are complex.
ROTATING = np.array(
    [[1.0, -2.0, 0.5, 1.5], [3.0, 1.5, 1.0, 0.5], [0.5, 0.25, -2.0, 1.0], [0, 0, 1, 4]]
)
# Nearly nilpotent, unlike its absolute values.
CANCELLING = np.array([[0.7, -0.1], [4.9, -0.7]])
# With a norm far above its eigenvalues.
FAR_FROM_NORMAL = np.array([[1.0, 1e6], [0.0, -1.0]])
EMPTY = np.zeros((0, 0))
D, E = np.array([1.5, -0.5, 2.0, 0.25]), np.array([0.75, -1.0, 0.5])


def row(name, args, *options, smooth=None, label="", **named):
    """A row of a call with options.

    It is smooth in all arguments if nothing else is said; `vmap` is tested without
    options only.
    """
    how = {k: named.pop(k) for k in ("oracle", "slack", "single") if k in named}
    smooth = tuple(range(len(args))) if smooth is None else smooth
    mapped = not (options or named or label)

    def call(f, *xs):
        return f(*xs, *options, **named)

    label = label or " ".join(map(str, [*options, *named.values()]))
    return Row(
        f"scipy.linalg.{name}",
        args,
        call,
        smooth=smooth,
        mapped=mapped,
        label=label,
        **how,
    )


def also(name, args, *options, label, **named):
    """A row of a special case, of which no derivative is tested."""
    return row(name, args, *options, smooth=(), label=label, **named)


def each(name):
    """A function of SciPy, for every matrix of its arguments one by one."""
    function = getattr(scipy.linalg, name)

    def oracle(*args, **options):
        made = [function(*matrices, **options) for matrices in zip(*args, strict=True)]
        if not isinstance(made[0], tuple):
            return np.stack(made)
        return tuple(np.stack(part) for part in zip(*made, strict=True))

    return oracle


def batch(x):
    """Two different matrices; positive definite ones stay so."""
    return np.stack([x, np.flip(x)])


def unsigned(row, *places):
    """A row, without the signs (or phases) of these results."""

    def call(f, *args):
        made = row.call(f, *args)
        return [abs(x) if i in places else x for i, x in enumerate(made)]

    return dataclasses.replace(row, call=call)


def scipy_polar(x, side, **_):
    return scipy.linalg.polar(x, side)


def cholesky_solved(lower):
    def call(f, c, b):
        return f((c, lower), b), f((c, lower), b[..., 0])

    return call


def lu_solved(trans):
    # Pivots that swap: those of `lu_factor` of this matrix.
    _, pivots = scipy.linalg.lu_factor(A[[2, 0, 1]])

    def call(f, lu, b):
        return f((lu, pivots), b, trans), f((lu, pivots), b[..., 0], trans)

    return call


FACTORS = [
    row("cholesky", (P,)),
    row("cholesky", (np.triu(P),), label="of the upper triangle"),
    row("cholesky", (np.tril(H),), lower=True),
    also("cholesky", (batch(H),), oracle=each("cholesky"), label="batch"),
    also("cholesky", (EMPTY,), label="empty"),
    also("cholesky", (P.astype(int),), label="of integers"),
    Row(
        "scipy.linalg.cho_factor",
        (P,),
        lambda f, x: f(x)[0],
        lambda x: [scipy.linalg.cholesky(x)],
        mapped=False,
    ),
    row("lu", (A[[2, 0, 1]],)),
    row("lu", (TALL,), permute_l=True),
    also("lu", (batch(COMPLEX),), oracle=each("lu"), label="batch"),
    also("lu", (TALL.T,), label="wide"),
    also("lu", (np.ones((2, 2)),), label="singular"),
    also("lu", (EMPTY,), label="empty"),
    row("lu_factor", (COMPLEX[[2, 0, 1]],), smooth=()),
    also("lu_factor", (TALL.T,), label="wide"),
    row("qr", (A,)),
    row("qr", (TALL * (1 + 2j),), mode="economic"),
    also("qr", (TALL,), label="tall"),
    row("qr", (TALL,), mode="r", label="r"),
    also("qr", (A,), mode="economic", pivoting=True, label="pivoting"),
    also("qr", (batch(A),), oracle=each("qr"), label="batch"),
    row("qr_multiply", (TALL, B.T)),
    row("qr_multiply", (A * (1 + 1j), COMPLEX), "left", conjugate=True),
    also("qr_multiply", (TALL, B[0]), "left", label="left, a vector"),
    also("qr_multiply", (TALL, B[:, 0]), label="right, a vector"),
    also("qr_multiply", (A, B.T), pivoting=True, label="pivoting"),
    row("svd", (TALL,), compute_uv=False),
    unsigned(row("svd", (TALL,), full_matrices=False), 0, 2),
    unsigned(also("svd", (COMPLEX,), lapack_driver="gesvd", label="gesvd"), 0, 2),
    also("svd", (np.zeros((0, 2)),), compute_uv=False, label="empty"),
]

SPECTRA = [
    unsigned(row("eigh", (P,)), 1),
    row("eigh", (H,), eigvals_only=True),
    unsigned(also("eigh", (H, np.flip(H)), label="generalized, complex"), 1),
    *[unsigned(row("eigh", (P, np.flip(P)), type=type), 1) for type in (1, 2, 3)],
    also("eigh", (EMPTY,), label="empty", eigvals_only=True),
    Row(
        "scipy.linalg.eigh",
        (P,),
        lambda f, x: f(x, eigvals=(1, 2), eigvals_only=True),
        lambda x, eigvals, **_: scipy.linalg.eigvalsh(x, subset_by_index=eigvals),
        mapped=False,
        label="some",
    ),
    unsigned(row("eigh_tridiagonal", (D, E)), 1),
    row("eigh_tridiagonal", (D, E), eigvals_only=True),
    row("eigh_tridiagonal", (D, E), eigvals_only=True, select="i", select_range=(1, 2)),
    Row(
        "scipy.linalg.eigh_tridiagonal",
        (D, E),
        lambda f, d, e: f(d * 1e30, e * 1e30, eigvals_only=True) / 1e30,
        mapped=False,
        label="of large numbers",
    ),
    also(
        "eigh_tridiagonal", (np.ones(3), E[:2] * 0), eigvals_only=True, label="diagonal"
    ),
    also("eigh_tridiagonal", (D[:1], E[:0]), eigvals_only=True, label="of one"),
]

SYSTEMS = [
    row("solve", (A, B)),
    also("solve", (COMPLEX, B[:, 0]), label="a vector"),
    also("solve", (P, B), assume_a="sym", label="sym"),
    row("solve", (P, B), assume_a="pos"),
    row("solve", (np.tril(H), B), lower=True, assume_a="pos"),
    also("solve", (H, B[:, 0]), assume_a="pos", label="pos, a vector"),
    also("solve", (batch(P),) * 2, assume_a="pos", oracle=each("solve"), label="batch"),
    *[
        Row("scipy.linalg.cho_solve", args, cholesky_solved(lower), smooth=smooth)
        for args, lower, smooth in (
            ((np.triu(A), B), False, (0, 1)),
            ((COMPLEX, B), True, ()),
        )
    ],
    *[
        Row(
            "scipy.linalg.lu_solve",
            (lu, B),
            lu_solved(trans),
            smooth=smooth,
            mapped=trans < 2,
            label=f"{trans}",
        )
        for lu, trans, smooth in ((A, 0, (0, 1)), (A, 1, (0, 1)), (COMPLEX, 2, ()))
    ],
    row("solve_triangular", (A, B)),
    row("solve_triangular", (COMPLEX, B), "C", lower=True),
    also("solve_triangular", (A, B[:, 0]), 1, unit_diagonal=True, label="1, a vector"),
    also(
        "solve_triangular",
        (batch(A),) * 2,
        oracle=each("solve_triangular"),
        label="batch",
    ),
    row("inv", (COMPLEX,)),
    also("inv", (EMPTY,), label="empty"),
    row("det", (A,)),
    also("det", (batch(COMPLEX),), label="batch"),
    also("det", (EMPTY,), label="empty"),
]

EXPONENTIALS = [
    row("expm", (A,)),
    row("expm", (COMPLEX * 8,), slack=200.0, single=False, label="of a large matrix"),
    also("expm", (batch(A * 1e-3),), label="of a small batch"),
    also(
        "expm",
        (np.triu(A),),
        oracle=lambda x, **_: scipy.linalg.expm(x),
        upper_triangular=True,
        label="triangular",
    ),
    also("expm", (FAR_FROM_NORMAL,), slack=10.0, label="far from normal"),
    also("expm", (40 * CANCELLING,), slack=4.0, label="whose powers cancel"),
    also("expm", (np.array([[0, 1], [1, 0]]),), label="of integers"),
    also("expm", (EMPTY,), label="empty"),
    row("expm_frechet", (A, np.flip(A)), slack=10.0),
]

FORMS = [
    unsigned(row("schur", (A,), smooth=()), 0, 1),
    unsigned(also("schur", (ROTATING,), output="complex", label="complex"), 0, 1),
    unsigned(
        also("schur", (batch(COMPLEX),), oracle=each("schur"), label="batch"), 0, 1
    ),
    also("schur", (EMPTY,), label="empty", oracle=lambda x: (x, x)),
    row("rsf2csf", scipy.linalg.schur(ROTATING), smooth=()),
    also("rsf2csf", (A[:1, :1], np.eye(1)), label="of one"),
    row("hessenberg", (ROTATING,), smooth=()),
    also("hessenberg", (COMPLEX,), calc_q=True, label="with vectors"),
    also("hessenberg", (A[:1, :1],), calc_q=True, label="of one"),
    also("hessenberg", (A[:2, :2],), calc_q=True, label="of two"),
]

POLAR = [
    row("polar", (A,)),
    row("polar", (TALL * (1 + 2j),), label="tall, complex"),
    row("polar", (TALL.T,), "left"),
    *[
        row("polar", (x,), side, oracle=scipy_polar, method="svd", label=f"svd {label}")
        for x, side, label in (
            (TALL, "left", "left"),
            (TALL.T * (1 - 1j), "right", "of a wide matrix"),
        )
    ],
    also("polar", (np.stack([TALL, -B]),), oracle=each("polar"), label="batch"),
    also("polar", (EMPTY,), label="empty", oracle=lambda x: (x, x)),
]

SYLVESTER = [
    row("solve_sylvester", (A, P[:2, :2], B), slack=4.0),
    row(
        "solve_sylvester",
        (COMPLEX, P[:2, :2], B),
        oracle=lambda *args, **_: scipy.linalg.solve_sylvester(*args),
        method="eigen",
        slack=4.0,
    ),
    also(
        "solve_sylvester",
        (batch(P), batch(H), batch(A)),
        oracle=each("solve_sylvester"),
        label="batch",
    ),
    also(
        "solve_sylvester",
        (A, EMPTY, np.zeros((3, 0))),
        oracle=lambda a, b, c: c,
        label="empty",
    ),
]

FUNCTIONS = [
    row("sqrtm", (P,)),
    row("sqrtm", (ROTATING * (1 + 0.5j),), label="complex"),
    also("sqrtm", (-np.eye(2),), label="of negative numbers"),
    also("sqrtm", (batch(P),), oracle=each("sqrtm"), label="batch"),
    also("sqrtm", (np.diag([4.0, 0.0, 0.0]),), label="singular"),
    also("sqrtm", (EMPTY,), label="empty", oracle=lambda x: x),
    *[
        Row(
            "scipy.linalg.funm",
            (x,),
            lambda f, x: f(x, lambda w: 1 / (1 + w * w), disp=False),
            slack=10.0,
            mapped=not label,
            label=label,
        )
        for label, x in (("", A), ("Hermitian", H), ("equal eigenvalues", np.eye(2)))
    ],
]

ROWS = [
    *FACTORS,
    *SPECTRA,
    *SYSTEMS,
    *EXPONENTIALS,
    *FORMS,
    *POLAR,
    *SYLVESTER,
    *FUNCTIONS,
]
