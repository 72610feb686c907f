"""Linear algebra with SciPy's names: types of results, batches, wrong arguments."""

import numpy as np

A = np.array([[2.0, -1.5, 0.5], [0.25, 3.0, 1.0], [-1.0, 0.75, -2.0]], np.float32)
P = A @ A.T + np.eye(3, dtype=np.float32)
TALL = A[:, :2]
ROTATION = np.array([[0.0, 2.0], [-3.0, 1.0]], np.float32)

# Functions of one matrix, and what only one side takes.
UNARY = {
    "cholesky": (),
    "cho_factor": (),
    "det": (),
    "eigh": (),
    "expm": (),
    "hessenberg": ("integers",),
    "inv": (),
    "lu": ("batch",),
    "lu_factor": (),
    "qr": (),
    "schur": ("integers",),
    "sqrtm": ("batch", "nothing"),
    "svd": (),
}


def result_of(call):
    """What a call gives, or that it raises."""
    try:
        return in_tuples(call())
    except (TypeError, ValueError):
        return "refused"


def in_tuples(result):
    """Tuples in place of the lists and named tuples of one side."""
    if isinstance(result, list | tuple):
        return tuple(in_tuples(part) for part in result)
    return result


def programs(api):
    core, jnp, linalg = api.core, api.jnp, api.module("scipy.linalg")
    a, p, tall, rotation = map(jnp.asarray, (A, P, TALL, ROTATION))
    v, batch = a[0], jnp.stack([p, p[::-1, ::-1]]) / 8
    third = jnp.ones((3, 3))

    given = {
        "matrix": p / 8,
        "complex": p / (8 + 0j),
        "integers": jnp.eye(2, dtype=int),
        "batch": batch,
        "vector": v,
        "tall": tall,
        "nothing": jnp.zeros((0, 0)),
    }
    for name, beside in UNARY.items():
        yield (
            f"{name} of {', '.join(given)}",
            lambda f=getattr(linalg, name), beside=beside: [
                result_of(lambda x=x: f(x))
                for kind, x in given.items()
                if kind not in beside
            ],
        )

    # Factors.
    yield (
        "cholesky reads one triangle",
        lambda: [
            linalg.cholesky(jnp.triu(p)),
            linalg.cholesky(jnp.tril(p), lower=True),
        ],
    )
    yield "cholesky of no positive matrix", lambda: linalg.cholesky(-p)
    yield (
        "jvp of cholesky",
        lambda: core.jvp(linalg.cholesky, (p,), (p,)),
    )
    yield "lu, permuted", lambda: linalg.lu(a[::-1], permute_l=True)
    yield "lu of tall and wide", lambda: [linalg.lu(tall), linalg.lu(tall.T)]
    for mode in ("full", "r", "economic", "raw"):
        yield f"qr {mode}", lambda mode=mode: linalg.qr(tall, mode=mode)
        yield (
            f"qr {mode}, pivoting",
            lambda mode=mode: linalg.qr(tall, mode=mode, pivoting=True),
        )
    right, left = jnp.ones((4, 3)), jnp.ones((2, 4))
    yield (
        "qr_multiply",
        lambda: [
            linalg.qr_multiply(tall, right, pivoting=True),
            linalg.qr_multiply(tall, left, "left"),
            linalg.qr_multiply(tall, v),
            linalg.qr_multiply(tall, v[:2], "left"),
            linalg.qr_multiply(batch, right),
        ],
    )
    yield (
        "qr_multiply of integers",
        lambda: linalg.qr_multiply(jnp.ones((3, 2), int), jnp.ones((1, 3), int)),
    )
    yield "qr_multiply of wrong sizes", lambda: linalg.qr_multiply(tall, left)
    yield "qr_multiply to a wrong side", lambda: linalg.qr_multiply(a, a, "up")
    yield (
        "svd",
        lambda: [
            linalg.svd(tall, full_matrices=False),
            linalg.svd(tall.T, compute_uv=False),
            linalg.svd(tall, compute_uv=False, lapack_driver="gesvd"),
        ],
    )

    # Systems.
    yield (
        "solve",
        lambda: [
            linalg.solve(a, jnp.ones(3, int)),
            linalg.solve(batch, v),
            linalg.solve(batch, third),
            linalg.solve(a, jnp.ones((2, 3, 1))),
            linalg.solve(p, v, assume_a="sym"),
            linalg.solve(jnp.triu(p), v, assume_a="pos"),
            linalg.solve(jnp.tril(p), third, assume_a="pos", lower=True),
            linalg.solve(batch, third[:2], assume_a="pos"),
        ],
    )
    for assumed in ("gen", "pos", "diagonal"):
        yield (
            f"solve {assumed} with wrong sizes",
            lambda assumed=assumed: linalg.solve(a, v[:2], assume_a=assumed),
        )
    yield "solve of a tall matrix", lambda: linalg.solve(tall, v)
    yield "solve of a scalar", lambda: linalg.solve(a, 1.0)
    yield (
        "gradient of solve",
        lambda: core.grad(lambda x: linalg.solve(x, v, assume_a="gen").sum())(a),
    )
    yield (
        "cho_solve",
        lambda: [
            linalg.cho_solve((jnp.triu(a), False), v),
            linalg.cho_solve((a, True), third),
            linalg.cho_solve((batch, False), v),
            linalg.cho_solve((batch, False), third[:2]),
            linalg.cho_solve((a, False), jnp.ones((2, 3, 1))),
            linalg.cho_solve((jnp.eye(3, dtype=int), True), jnp.ones(3, int)),
        ],
    )
    yield "cho_solve with wrong sizes", lambda: linalg.cho_solve((a, True), v[:2])
    pivots = jnp.array([2, 2, 2])
    for trans in (0, 1, 2, 3):
        yield (
            f"lu_solve {trans}",
            lambda trans=trans: [
                linalg.lu_solve((a + 1j, pivots), v, trans),
                linalg.lu_solve((a, pivots), third, trans),
            ],
        )
    yield (
        "lu_solve of a batch",
        lambda: [
            linalg.lu_solve((batch, jnp.stack([pivots] * 2)), v),
            linalg.lu_solve((batch, jnp.stack([pivots] * 2)), third[:2]),
            linalg.lu_solve((a, pivots), jnp.ones((2, 3, 1))),
        ],
    )
    yield "lu_solve with wrong sizes", lambda: linalg.lu_solve((a, pivots), v[:2])
    for trans in (0, "T", 2, "C", 3, "x"):
        yield (
            f"solve_triangular {trans}",
            lambda trans=trans: [
                linalg.solve_triangular(a + 1j, v, trans=trans, lower=True),
                linalg.solve_triangular(a, third, trans=trans, unit_diagonal=True),
            ],
        )
    yield (
        "solve_triangular of batches",
        lambda: [
            linalg.solve_triangular(batch, v),
            linalg.solve_triangular(batch, third[:2]),
            linalg.solve_triangular(batch, v[:, None]),
            linalg.solve_triangular(a, jnp.ones((2, 3, 1))),
        ],
    )
    yield "solve_triangular of a scalar", lambda: linalg.solve_triangular(a, 1.0)

    # Eigenvalues.
    yield (
        "eigh",
        lambda: [
            linalg.eigh(a, eigvals_only=True),
            linalg.eigh(a, lower=False, eigvals_only=True),
            linalg.eigh(batch, eigvals_only=True),
        ],
    )
    d, e = jnp.array([1.5, -0.5, 2.0]), jnp.array([0.75, -1.0])
    for options in (
        {},
        {"select": "i", "select_range": (0, 1)},
        {"select": "i"},
        {"select": "x"},
        {"tol": 1e-7},
    ):
        yield (
            f"eigh_tridiagonal {options}",
            lambda options=options: linalg.eigh_tridiagonal(
                d, e, eigvals_only=True, **options
            ),
        )
    yield (
        "eigh_tridiagonal with vectors",
        lambda: [abs(x) for x in linalg.eigh_tridiagonal(d, e)],
    )
    yield (
        "eigh_tridiagonal of complex numbers",
        lambda: linalg.eigh_tridiagonal(d + 0j, e * 1j, eigvals_only=True),
    )
    yield (
        "eigh_tridiagonal of one",
        lambda: linalg.eigh_tridiagonal(d[:1], e[:0], eigvals_only=True),
    )
    yield (
        "eigh_tridiagonal of nothing",
        lambda: linalg.eigh_tridiagonal(d[:0], e[:0], eigvals_only=True),
    )

    # Forms.
    yield "schur, complex", lambda: in_tuples(linalg.schur(rotation, "complex"))
    yield "schur to a wrong kind", lambda: linalg.schur(a, "x")
    yield "rsf2csf", lambda: linalg.rsf2csf(jnp.eye(2, dtype=int), jnp.eye(2))
    yield (
        "rsf2csf of a rotation",
        lambda: [x.dtype for x in linalg.rsf2csf(rotation, jnp.eye(2))],
    )
    yield "rsf2csf of a batch", lambda: linalg.rsf2csf(jnp.stack([jnp.eye(3)] * 2), a)
    yield "rsf2csf of wrong sizes", lambda: linalg.rsf2csf(a, jnp.eye(2))
    yield "hessenberg with vectors", lambda: linalg.hessenberg(a, calc_q=True)

    yield (
        "polar",
        lambda: [
            linalg.polar(tall),
            linalg.polar(tall.T, "left"),
            linalg.polar(a + 1j, method="svd"),
            linalg.polar(tall.T, method="svd"),
            linalg.polar(tall, "left", method="svd"),
            linalg.polar(batch),
        ],
    )
    yield "polar of a wide matrix", lambda: linalg.polar(tall.T)
    yield "polar to a wrong side", lambda: linalg.polar(a, "up")
    yield "polar by a wrong method", lambda: linalg.polar(a, method="x")
    yield "polar of a vector", lambda: linalg.polar(v)

    # Functions of matrices.
    yield (
        "expm",
        lambda: [
            linalg.expm(batch),
            linalg.expm(jnp.triu(a), upper_triangular=True),
            linalg.expm(jnp.zeros((2, 2), bool)),
            linalg.expm(30 * jnp.eye(2), max_squarings=1),
        ],
    )
    yield "expm of half precision", lambda: linalg.expm(a.astype("float16"))
    yield "gradient of expm", lambda: core.grad(lambda x: linalg.expm(x)[0, 1])(a)
    yield (
        "expm_frechet",
        lambda: [
            linalg.expm_frechet(a, p),
            linalg.expm_frechet(a, p, compute_expm=False, method="blockEnlarge"),
            linalg.expm_frechet(batch, batch),
        ],
    )
    yield "expm_frechet of wrong shapes", lambda: linalg.expm_frechet(a, batch)
    yield "expm_frechet of a tall matrix", lambda: linalg.expm_frechet(tall, tall)
    yield "sqrtm of zeros", lambda: linalg.sqrtm(jnp.zeros((2, 2)))
    yield "sqrtm by blocks", lambda: linalg.sqrtm(a, blocksize=2)
    yield (
        "funm",
        lambda: [
            linalg.funm(a, jnp.exp),
            linalg.funm(p, jnp.cos, disp=False),
            linalg.funm(jnp.array([[1.0, 1.0], [0.0, 1.0]]), jnp.exp, disp=False),
        ],
    )
    yield "funm of a batch", lambda: linalg.funm(batch, jnp.exp)
    for method in ("schur", "eigen", "x"):
        yield (
            f"solve_sylvester {method}",
            lambda method=method: [
                linalg.solve_sylvester(a, rotation, tall, method=method),
                linalg.solve_sylvester(a, rotation * 1j, tall, method=method),
                linalg.solve_sylvester(batch, rotation, tall, method=method),
                linalg.solve_sylvester(p, -p, p, method=method),
            ],
        )
    yield (
        "solve_sylvester of integers",
        lambda: linalg.solve_sylvester(
            jnp.eye(2, dtype=int), jnp.eye(2, dtype=int), jnp.ones((2, 2), int)
        ),
    )
    yield "solve_sylvester of wrong sizes", lambda: linalg.solve_sylvester(a, a, tall)
