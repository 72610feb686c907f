"""Linear algebra: types of results, batches, forms, derivatives, wrong arguments."""

import numpy as np

A = np.array([[2.0, -1.5, 0.5], [0.25, 3.0, 1.0], [-1.0, 0.75, -2.0]], np.float32)
ROTATION = np.array([[0.0, 2.0], [-3.0, 1.0]], np.float32)

# Functions of one matrix, and what is determined of their results.
UNARY = {
    "cond": lambda made: made,
    "det": lambda made: made,
    "eig": lambda made: (made.eigenvalues, abs(made.eigenvectors)),
    "eigvals": lambda made: made,
    "eigvalsh": lambda made: made,
    "inv": lambda made: made,
    "matrix_rank": lambda made: made,
    "norm": lambda made: made,
    "pinv": lambda made: made,
    "slogdet": lambda made: tuple(made),
    "svdvals": lambda made: made,
}
DTYPES = ("float32", "complex64", "int32", "bool", "uint8")
SHAPES = {"row": (1, 3), "vector": (3,), "scalar": (), "nothing": (0, 0), "1": (1, 1)}
SQUARE = ("det", "eig", "eigvals", "inv", "slogdet")


def programs(api):
    core, jnp = api.core, api.jnp
    linalg, low = api.module("numpy.linalg"), api.module("lax.linalg")
    a, rotation = jnp.asarray(A), jnp.asarray(ROTATION)
    p, singular = a @ a.T + jnp.eye(3), jnp.diag(jnp.array([2.0, 3.0, 4.0, 0.0]))
    ones, v = jnp.ones, a[0]

    for name, determined in UNARY.items():
        function = getattr(linalg, name)
        for dtype in DTYPES:
            x = jnp.asarray(A * 2).astype(dtype) + jnp.eye(3, dtype=dtype)
            yield (
                f"{name} of {dtype}",
                lambda f=function, x=x, g=determined: g(f(x)),
            )
        yield (
            f"{name} of a batch",
            lambda f=function, g=determined: g(f(jnp.stack([a, p]))),
        )
        for label, shape in SHAPES.items():
            if shape == (1, 3) and name not in SQUARE:
                continue
            yield (
                f"{name} of the shape {label}",
                lambda f=function, g=determined, s=shape: g(f(ones(s))),
            )
    for name in ("cholesky", "det", "eigvals", "inv", "svdvals", "slogdet"):
        function = getattr(linalg, name)
        yield (
            f"derivative of {name}",
            lambda f=function: core.jvp(lambda x: tuple_of(f(x)), (p,), (a,)),
        )

    b = a[:, :2]
    yield "lstsq of a vector", lambda: linalg.lstsq(b, v)
    yield "lstsq of a matrix", lambda: linalg.lstsq(b, a)
    yield "lstsq, wide", lambda: linalg.lstsq(a[:2], v[:2])
    yield "lstsq of integers", lambda: linalg.lstsq(jnp.eye(3, dtype=int), v)
    yield "lstsq of complex", lambda: linalg.lstsq(b, v * 1j)
    yield "lstsq, NumPy's residuals", lambda: linalg.lstsq(b, v, numpy_resid=True)
    yield "lstsq with a cutoff", lambda: linalg.lstsq(p, v, 0.5)
    yield "lstsq with a negative cutoff", lambda: linalg.lstsq(p, v, -1.0)[0]
    yield "lstsq of nothing", lambda: linalg.lstsq(ones((0, 2)), ones(0))
    yield "lstsq without columns", lambda: linalg.lstsq(ones((2, 0)), ones(2))
    yield "lstsq of other rows", lambda: linalg.lstsq(a, ones(2))
    yield "lstsq of a vector alone", lambda: linalg.lstsq(v, v)
    yield "lstsq of a batch", lambda: linalg.lstsq(ones((2, 3, 3)), ones((2, 3)))
    yield (
        "lstsq, NumPy's residuals traced",
        lambda: core.jit(lambda x: linalg.lstsq(x, v, numpy_resid=True))(b),
    )
    yield (
        "derivative of lstsq",
        lambda: core.jacfwd(lambda x: linalg.lstsq(x, v)[0])(a),
    )

    yield "roots", lambda: jnp.roots(v)
    yield "roots of integers", lambda: jnp.roots(jnp.array([1, -3, 2]))
    yield "roots of weak numbers", lambda: jnp.roots(5.0)
    yield "roots with zeros", lambda: jnp.roots(jnp.array([0, 0, 2.0, 1.0]))
    zeros = jnp.array([0, 1.0, 2.0, 0, 0])
    yield "roots, zeros kept", lambda: jnp.roots(zeros, strip_zeros=False)
    yield "roots of zeros", lambda: jnp.roots(zeros[:1], strip_zeros=False)
    yield "roots traced", lambda: core.jit(jnp.roots)(v)
    yield "roots of a matrix", lambda: jnp.roots(a)
    yield "poly", lambda: jnp.poly(v)
    yield "poly of complex", lambda: jnp.poly(v * 1j)
    yield "poly of integers", lambda: jnp.poly(jnp.array([1, 2]))
    yield "poly of a matrix", lambda: jnp.poly(a)
    yield "poly of a number", lambda: jnp.poly(2.0)
    yield "poly of nothing", lambda: jnp.poly(ones(0))
    yield "poly of half precision", lambda: jnp.poly(v.astype("float16"))
    yield "poly of a wide matrix", lambda: jnp.poly(ones((2, 3)))
    yield "poly of an empty matrix", lambda: jnp.poly(ones((0, 0)))

    yield "lax eig", lambda: [abs(x) for x in low.eig(a)]
    yield (
        "lax eig of values",
        lambda: low.eig(
            a, compute_left_eigenvectors=False, compute_right_eigenvectors=False
        ),
    )
    other = low.EigImplementation.CUSOLVER
    yield (
        "lax eig by CUSOLVER",
        lambda: low.eig(a, implementation=other),
    )
    yield "lax eig of integers", lambda: low.eig(jnp.eye(2, dtype=int))
    yield "lax eig, tall", lambda: low.eig(b)
    yield (
        "derivative of eigenvectors",
        lambda: core.jvp(
            lambda x: low.eig(x, enable_eigvec_derivs=True), (rotation,), (a[:2, :2],)
        ),
    )
    yield "derivative of eig", lambda: core.jvp(low.eig, (rotation,), (a[:2, :2],))
    yield "lax schur", lambda: low.schur(rotation)
    yield "lax schur, no vectors", lambda: low.schur(a, compute_schur_vectors=False)
    yield "lax schur, sorted", lambda: low.schur(a, sort_eig_vals=True)
    yield "lax hessenberg", lambda: low.hessenberg(a)
    yield "lax hessenberg of one element", lambda: low.hessenberg(ones((1, 1)))
    yield "lax hessenberg, tall", lambda: low.hessenberg(b)
    yield "lax tridiagonal", lambda: low.tridiagonal(p)
    yield "lax tridiagonal, upper", lambda: low.tridiagonal(p * (1 + 0j), lower=False)
    yield "lax tridiagonal_solve", lambda: low.tridiagonal_solve(v, v + 4, v, b)
    yield (
        "lax tridiagonal_solve of nothing",
        lambda: low.tridiagonal_solve(v * 0, v * 0, v * 0, b),
    )
    yield (
        "derivative of tridiagonal_solve",
        lambda: core.grad(lambda d: low.tridiagonal_solve(v, d, v, b).sum())(v + 4),
    )
    yield "lax cholesky_update", lambda: low.cholesky_update(jnp.triu(a), v)
    yield (
        "lax cholesky_update of ones",
        lambda: low.cholesky_update(p * 0 + 1, v * 0 + 1),
    )
    yield "lax cholesky_update of sizes", lambda: low.cholesky_update(a, ones(2))
    yield "lax cholesky_update, complex", lambda: low.cholesky_update(a * 1j, v * 1j)
    yield (
        "lax symmetric_product",
        lambda: low.symmetric_product(b, p, alpha=2.0, beta=3.0),
    )
    yield (
        "lax symmetric_product, symmetrized",
        lambda: low.symmetric_product(b, a, beta=1.0, symmetrize_output=True),
    )
    yield (
        "lax symmetric_product of half",
        lambda: low.symmetric_product(*(x.astype("float16") for x in (b, p))),
    )
    yield "lax symmetric_product of sizes", lambda: low.symmetric_product(b, a[:2, :2])
    yield "lax ormqr", lambda: low.ormqr(b, v[:2], a)
    yield "lax ormqr, right", lambda: low.ormqr(b, v[:2], a, left=False, transpose=True)
    yield "lax ormqr of sizes", lambda: low.ormqr(b, v[:2], b.T)
    yield "lax qdwh", lambda: low.qdwh(b + a[:, :2])
    yield "lax qdwh of complex", lambda: low.qdwh(a * (1 + 1j))
    yield "lax qdwh, one step", lambda: low.qdwh(a, max_iterations=1)
    yield "lax qdwh of a part", lambda: low.qdwh(a, dynamic_shape=(2, 2))[0]
    yield "lax qdwh, wide", lambda: low.qdwh(a[:2])
    yield "lax qdwh of integers", lambda: low.qdwh(jnp.eye(2, dtype=int))
    yield "svd, Hermitian", lambda: linalg.svd(p, compute_uv=False, hermitian=True)
    yield "pinv, both cutoffs", lambda: linalg.pinv(a, 0.1, rcond=0.1)
    yield "matrix_rank, both cutoffs", lambda: linalg.matrix_rank(a, 0.1, tol=0.1)
    yield "derivative of det, singular", lambda: core.grad(linalg.det)(singular)
    yield "derivative of det, small", lambda: core.grad(linalg.det)(ones((3, 3)))


def tuple_of(made):
    return tuple(made) if isinstance(made, tuple) else made
