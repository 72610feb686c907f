"""Factorizations as they are lowered for GPUs, run on the CPU: it compiles them, too.

Errors are told in epsilons of the dtype, relative to the greatest element or singular
value; those of a backward stable algorithm grow like the size of the matrix at most.
"""

import functools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings, strategies as st

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core._ops import _qr

from .test_elsewhere import compiled_here

RNG = np.random.default_rng(0)
DTYPES = ("float32", "complex64", "float64", "complex128")
# Epsilons for each row or column; the worst seen is about 1.
GROWTH = 4


@pytest.fixture(autouse=True)
def every_dtype():
    with dc.enable_x64(True):
        yield


@functools.cache
def compiled(function, *types):
    """Shared by all arguments of equal shapes, as compilation takes longest."""
    return compiled_here(function, [np.zeros(*type) for type in types], "cuda")


def on_gpu(function, *args):
    run = compiled(function, *[(x.shape, x.dtype) for x in args])
    return [np.asarray(x) for x in run(*args)]


def normal(dtype, *shape, rng=RNG):
    x = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return (x if np.dtype(dtype).kind == "c" else x.real).astype(dtype)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def wide(x):
    return x.astype(np.result_type(x.dtype, np.float64))


def assert_near(got, expected, like, scale):
    """Equal up to some epsilons of the dtype of `like` for each of its rows."""
    size = max(like.shape[-2:])
    unit = np.finfo(like.dtype).eps * scale * GROWTH * (size + 4)
    np.testing.assert_allclose(got, expected, rtol=0, atol=unit)


def assert_unitary(x, like):
    """Orthonormal columns; many rotations without a step of Newton would fail."""
    eye = np.broadcast_to(np.eye(x.shape[-1]), (*x.shape[:-2], *[x.shape[-1]] * 2))
    atol = np.finfo(like.dtype).eps * (12 + max(like.shape[-2:]) / 8)
    np.testing.assert_allclose(adjoint(wide(x)) @ wide(x), eye, rtol=0, atol=atol)


def low_rank(dtype):
    return normal(dtype, 12, 3) @ normal(dtype, 3, 12)


def repeated(dtype):
    q = np.linalg.qr(normal(dtype, 12, 12))[0]
    return ((q * np.repeat([3, 2, 2, -1], 3)) @ adjoint(q)).astype(dtype)


def graded(dtype):
    return (normal(dtype, 12, 12) * np.logspace(0, -12, 12)).astype(dtype)


# Few shapes, since each compiles.
SQUARE = {
    "one": lambda dtype: normal(dtype, 1, 1),
    "two": lambda dtype: normal(dtype, 2, 2),
    "odd": lambda dtype: normal(dtype, 5, 5),
    "batch": lambda dtype: normal(dtype, 2, 3, 5, 5),
    "large": lambda dtype: normal(dtype, 64, 64),
    "zeros": lambda dtype: np.zeros((12, 12), dtype),
    "identity": lambda dtype: np.eye(12, dtype=dtype),
    "ones": lambda dtype: np.ones((12, 12), dtype),
    "Hilbert": lambda dtype: scipy.linalg.hilbert(12).astype(dtype),
    "low rank": low_rank,
    "repeated": repeated,
    "graded": graded,
    "great": lambda dtype: normal(dtype, 12, 12) * np.dtype(dtype).type(1e30),
    "small": lambda dtype: normal(dtype, 12, 12) * np.dtype(dtype).type(1e-30),
}
SHAPES = {
    **SQUARE,
    "tall": lambda dtype: normal(dtype, 9, 4),
    "wide": lambda dtype: normal(dtype, 4, 9),
    "row": lambda dtype: normal(dtype, 1, 5),
    "tall blocks": lambda dtype: normal(dtype, 2, 50, 37),
    "wide blocks": lambda dtype: normal(dtype, 37, 50),
}
SOME = {
    **dict.fromkeys(("one", "two", "row", "large", "wide blocks"), ("float32",)),
    **dict.fromkeys(("batch", "tall blocks"), ("complex64",)),
    **dict.fromkeys(("odd",), DTYPES),
    "tall": ("complex64",),
    "wide": ("float64",),
    "larger": ("float32",),
}


def of(cases):
    """Cases with the dtypes that differ there."""
    return pytest.mark.parametrize(
        "x",
        [
            pytest.param(make(dtype), id=f"{name}-{dtype}")
            for name, make in cases.items()
            for dtype in SOME.get(name, ("float32", "complex64", "float64"))
        ],
    )


# ---- Hermitian matrices --------------------------------------------------------------


eigh = functools.partial(lax.linalg.eigh, symmetrize_input=False)


def assert_eigenpairs(x, vectors, values):
    """Of the Hermitian matrix whose lower triangle is that of `x`."""
    strict = np.tril(wide(x), -1)
    whole = strict + adjoint(strict) + np.real(x) * np.eye(x.shape[-1])
    expected = np.linalg.eigvalsh(whole)
    scale = max(abs(expected).max(), np.finfo(x.dtype).tiny)
    assert (np.diff(values) >= 0).all()
    assert_near(values, expected, x, scale)
    assert_near(wide(vectors) * values[..., None, :], whole @ vectors, x, scale)
    assert_unitary(vectors, x)


@of(SQUARE)
def test_eigenpairs(x):
    vectors, values = on_gpu(eigh, x)

    assert_eigenpairs(x, vectors, values)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_upper_triangle_has_eigenpairs(dtype):
    x = normal(dtype, 5, 5)
    upper = functools.partial(lax.linalg.eigh, lower=False, symmetrize_input=False)

    assert_eigenpairs(adjoint(x), *on_gpu(upper, x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_eigenpairs_of_a_large_matrix(dtype):
    x = normal(dtype, 200, 200)

    assert_eigenpairs(x, *on_gpu(eigh, x))


# ---- singular values -----------------------------------------------------------------


def assert_singular(x, left, values, right):
    k = values.shape[-1]
    expected = np.linalg.svd(wide(x), compute_uv=False)
    scale = max(expected.max(), np.finfo(x.dtype).tiny)
    assert (values >= 0).all()
    assert (np.diff(values) <= 0).all()
    assert_near(values, expected, x, scale)
    product = (wide(left)[..., :k] * values[..., None, :]) @ right[..., :k, :]
    assert_near(product, x, x, scale)
    assert_unitary(left, x)
    assert_unitary(adjoint(right), x)


@of(SHAPES)
def test_singular_values_with_all_vectors(x):
    left, values, right = on_gpu(lax.linalg.svd, x)

    assert left.shape[-1] == x.shape[-2]
    assert right.shape[-2] == x.shape[-1]
    assert_singular(x, left, values, right)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (200, 200)])
def test_singular_values_with_as_many_vectors(shape):
    x = normal("float32", *shape)

    made = on_gpu(functools.partial(lax.linalg.svd, full_matrices=False), x)

    k = min(shape)
    assert [y.shape for y in made] == [(shape[0], k), (k,), (k, shape[1])]
    assert_singular(x, *made)


@pytest.mark.parametrize("dtype", DTYPES)
def test_singular_values_alone(dtype):
    x = normal(dtype, 7, 5)

    (values,) = on_gpu(lambda x: [lax.linalg.svd(x, compute_uv=False)], x)

    expected = np.linalg.svd(wide(x), compute_uv=False)
    assert_near(values, expected, x, expected.max())


@settings(deadline=None, max_examples=50)
@given(
    rank=st.integers(0, 6),
    exponents=st.lists(st.integers(-18, 18), min_size=6, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_vectors_of_any_columns_are_orthonormal(rank, exponents, seed):
    rng = np.random.default_rng(seed)
    x = normal("float32", 8, rank, rng=rng) @ normal("float32", rank, 6, rng=rng)
    x = (x * 10.0 ** np.array(exponents)).astype(np.float32)

    assert_singular(x, *on_gpu(lax.linalg.svd, x))
    assert_unitary(on_gpu(lax.linalg.qr, x)[0], x)
    assert_unitary(on_gpu(pivoted_qr, x)[0], x)


# ---- LU ------------------------------------------------------------------------------


@of(SHAPES)
def test_lu_factors(x):
    factors, pivots, permutation = on_gpu(lax.linalg.lu, x)

    m, n = x.shape[-2:]
    k = min(m, n)
    low = np.tril(wide(factors)[..., :k], -1) + np.eye(m, k)
    upper = np.triu(wide(factors)[..., :k, :])
    rows = np.take_along_axis(x, permutation[..., None], -2)
    greatest = abs(upper).max()
    assert_near(low @ upper, rows, x, greatest)
    # Of complex numbers that are compared by the sum of parts.
    assert abs(low).max() <= np.sqrt(2) * (1 + 1e-6)
    order = np.broadcast_to(np.arange(m), permutation.shape)
    np.testing.assert_array_equal(np.sort(permutation), order)
    swapped = np.asarray(lax.linalg.lu_pivots_to_permutation(pivots, m))
    np.testing.assert_array_equal(permutation, swapped)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pivots_are_those_of_lapack(dtype):
    x = normal(dtype, 70, 70)

    _, pivots, _ = on_gpu(lax.linalg.lu, x)

    np.testing.assert_array_equal(pivots, scipy.linalg.lu_factor(x)[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_systems_inverses_and_determinants(dtype):
    x, b = normal(dtype, 2, 20, 20), normal(dtype, 2, 20, 3)

    def all_three(x, b):
        return jnp.linalg.solve(x, b), jnp.linalg.inv(x), jnp.linalg.det(x)

    solved, inverse, determinant = on_gpu(all_three, x, b)

    scale = np.linalg.cond(wide(x)).max()
    assert_near(wide(x) @ solved, b, x, scale)
    assert_near(wide(x) @ inverse, np.stack([np.eye(20)] * 2), x, scale)
    rtol = np.finfo(dtype).eps * scale * 20
    np.testing.assert_allclose(determinant, np.linalg.det(wide(x)), rtol=rtol)


# ---- QR ------------------------------------------------------------------------------


thin_qr = functools.partial(lax.linalg.qr, full_matrices=False)
pivoted_qr = functools.partial(lax.linalg.qr, pivoting=True)


def assert_qr(x, q, r):
    assert_near(wide(q) @ r, x, x, max(abs(x).max(), np.finfo(x.dtype).tiny))
    np.testing.assert_array_equal(r, np.triu(r))
    assert_unitary(q, x)


@of({**SHAPES, "larger": lambda dtype: normal(dtype, 200, 150)})
def test_qr_factors(x):
    q, r = on_gpu(lax.linalg.qr, x)

    assert q.shape[-1] == x.shape[-2]
    assert_qr(x, q, r)


@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_qr_factors_with_as_few_columns_as_possible(shape):
    x = normal("complex64", *shape)

    q, r = on_gpu(thin_qr, x)

    assert q.shape[-1] == 4
    assert_qr(x, q, r)


@of(SHAPES)
def test_pivoted_qr_factors(x):
    q, r, order = on_gpu(pivoted_qr, x)

    assert_qr(np.take_along_axis(x, order[..., None, :], -1), q, r)
    size = abs(np.diagonal(r, axis1=-2, axis2=-1))
    slack = 8 * np.finfo(x.dtype).eps * size.max(initial=0)
    assert (np.diff(size) <= slack).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7)])
def test_reflections_are_those_of_lapack(dtype, shape):
    x = normal(dtype, *shape)

    packed, taus = on_gpu(_qr.householder_qr, x)
    pivoted = on_gpu(lambda x: _qr.householder_qr(x, pivoting=True), x)

    (expected, scales), _ = scipy.linalg.qr(x, mode="raw")
    assert_near(packed, expected, x, abs(x).max())
    assert_near(taus, scales, x, 1.0)
    (expected, scales), _, order = scipy.linalg.qr(x, mode="raw", pivoting=True)
    assert_near(pivoted[0], expected, x, abs(x).max())
    assert_near(pivoted[1], scales, x, 1.0)
    np.testing.assert_array_equal(pivoted[2], order)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_products_with_reflections(dtype, left, transpose):
    packed, taus = map(np.array, _qr.householder_qr(normal(dtype, 2, 40, 33)))
    taus[0, 3] = 0  # no reflection at all
    c = normal(dtype, 2, 40, 40)
    multiply = functools.partial(lax.linalg.ormqr, left=left, transpose=transpose)

    (product,) = on_gpu(lambda *args: [multiply(*args)], packed, taus, c)

    assert_near(product, multiply(packed, taus, c), c, abs(c).max())


@pytest.mark.parametrize("dtype", DTYPES)
def test_columns_of_products_of_fewer_reflections(dtype):
    packed, taus = map(np.array, _qr.householder_qr(normal(dtype, 2, 6, 5)))

    (q,) = on_gpu(
        lambda *args: [lax.linalg.householder_product(*args)], packed, taus[:, :3]
    )

    expected = lax.linalg.householder_product(packed, taus[:, :3])
    assert_near(q, expected, packed, 1.0)


def test_least_squares_and_pseudoinverses():
    x, b = low_rank("float32")[:, :8], normal("float32", 12, 2)

    solved, inverse = on_gpu(
        lambda x, b: (jnp.linalg.lstsq(x, b)[0], jnp.linalg.pinv(x)), x, b
    )

    rcond = 12 * np.finfo(np.float32).eps
    expected = np.linalg.pinv(wide(x), rcond=rcond)
    np.testing.assert_allclose(inverse, expected, atol=1e-5)
    np.testing.assert_allclose(solved, expected @ b, atol=1e-5)


# ---- tridiagonal systems -------------------------------------------------------------


def dense(dl, d, du):
    eye = np.eye(d.shape[-1])
    below, above = np.roll(eye, -1, 1) * np.tri(len(eye), k=-1), np.eye(len(eye), k=1)
    return dl[..., :, None] * below + d[..., :, None] * eye + du[..., :, None] * above


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (2,), (3, 2, 7), (200,)])
@pytest.mark.parametrize("perturb", [False, True])
def test_tridiagonal_systems(dtype, shape, perturb):
    dl, d, du = normal(dtype, 3, *shape)
    b = normal(dtype, *shape, 2)
    solve = functools.partial(lax.linalg.tridiagonal_solve, perturb_singular=perturb)

    (x,) = on_gpu(lambda *args: [solve(*args)], dl, d, du, b)

    whole = dense(*map(wide, (dl, d, du)))
    scale = abs(whole).max() * abs(x).max()
    np.testing.assert_allclose(whole @ x, b, atol=16 * np.finfo(dtype).eps * scale)


def test_elements_outside_of_tridiagonal_matrices_are_ignored():
    dl, d, du = np.array([[np.nan, 1, 1], [4, 0, 0], [0, 0, np.nan]], np.float32)
    b = np.ones((3, 1), np.float32)

    def solve(*args):
        return [lax.linalg.tridiagonal_solve(*args, perturb_singular=True)]

    (x,) = on_gpu(solve, dl, d, du, b)

    assert x[0, 0] == 0.25
    assert np.isfinite(x).all()


def test_tridiagonal_systems_without_diagonal_need_row_exchanges():
    ones, b = np.ones(6, np.float32), normal("float32", 6, 2)

    (x,) = on_gpu(
        lambda *args: [lax.linalg.tridiagonal_solve(*args)], ones, 0 * ones, ones, b
    )

    np.testing.assert_allclose(dense(ones, 0 * ones, ones) @ x, b, atol=1e-6)


def test_singular_tridiagonal_systems_are_nan_or_perturbed():
    zeros, b = np.zeros((2, 3), np.float32), np.ones((2, 3, 1), np.float32)
    d = np.stack([zeros[0], zeros[1] + 1])

    def both(*args):
        return [
            lax.linalg.tridiagonal_solve(*args, perturb_singular=perturb)
            for perturb in (False, True)
        ]

    plain, moved = on_gpu(both, zeros, d, zeros, b)

    np.testing.assert_array_equal(plain[..., 0], [[np.nan] * 3, [1] * 3])
    assert np.isfinite(moved).all()


# ---- what isn't a number, and nothing ------------------------------------------------


FACTORIZATIONS = {
    "eigh": lax.linalg.eigh,
    "svd": lax.linalg.svd,
    "lu": lambda x: lax.linalg.lu(x)[:1],
    "qr": lax.linalg.qr,
    "pivoted": lambda x: lax.linalg.qr(x, pivoting=True)[:2],
    "cholesky": lambda x: [lax.linalg.cholesky(x)],
}


@pytest.mark.parametrize("name", FACTORIZATIONS)
def test_nan_stays_in_its_matrix_of_a_batch(name):
    x = np.stack([np.full((3, 3), np.nan), 2 * np.eye(3)]).astype(np.complex64)

    made = on_gpu(FACTORIZATIONS[name], x)

    triangle = {"cholesky": np.tril, "qr": np.triu, "pivoted": np.triu}
    read = triangle.get(name, lambda x: x)(np.ones((3, 3), bool))
    assert all(np.isnan(y[0][..., read] if y.ndim == 3 else y[0]).all() for y in made)
    assert all(np.isfinite(y[1]).all() for y in made)


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_one_nan_or_infinity_is_enough(name):
    x = np.stack([np.eye(3)] * 2).astype(np.float32)
    x[0, 2, 1], x[1, 2, 2] = np.nan, np.inf

    made = on_gpu(FACTORIZATIONS[name], x)

    assert all(np.isnan(y).all() for y in made)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (0, 2, 2), (2, 0, 0)])
def test_matrices_without_elements(shape):
    x = np.zeros(shape, np.float32)
    square = ["eigh", "cholesky"] if shape[-1] == shape[-2] else []

    for name in [*square, "svd", "lu", "qr", "pivoted"]:
        made, expected = on_gpu(FACTORIZATIONS[name], x), FACTORIZATIONS[name](x)
        for a, b in zip(made, expected, strict=True):
            np.testing.assert_array_equal(a, b)


# ---- as parts of other functions -----------------------------------------------------


def sum_of_squares(function):
    def loss(x):
        return sum(jnp.sum(abs(y) ** 2) for y in function(x))

    return loss


SMOOTH = {
    "solve": lambda x: [jnp.linalg.solve(x, x[:2].T ** 2)],
    "slogdet": lambda x: [jnp.linalg.slogdet(x)[1]],
    "eigh": lambda x: [jnp.linalg.eigh(x)[0]],
    "svd": lambda x: [jnp.linalg.svd(x, compute_uv=False)],
    "qr": lambda x: [jnp.linalg.qr(x)[1]],
    "tridiagonal": lambda x: [lax.linalg.tridiagonal_solve(x[0], x[1] + 4, x[2], x)],
}


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivatives_are_those_on_the_cpu(name):
    x = normal("float64", 4, 4)
    x = x @ x.T + np.diag(np.arange(1.0, 5.0))
    loss = sum_of_squares(SMOOTH[name])

    def second(x):
        return [dc.grad(lambda x: jnp.sum(dc.grad(loss)(x) ** 2))(x)]

    (got,) = on_gpu(second, x)

    (expected,) = map(np.asarray, second(x))
    np.testing.assert_allclose(
        got, expected, rtol=1e-8, atol=1e-8 * abs(expected).max()
    )


def test_matrices_under_vmap_and_in_a_loop():
    x = normal("float32", 3, 2, 5, 4)

    def function(x):
        return [lax.map(dc.vmap(lambda x: jnp.linalg.svd(x, compute_uv=False)), x)]

    (values,) = on_gpu(function, x)

    expected = np.linalg.svd(wide(x), compute_uv=False)
    assert_near(values, expected, x, expected.max())


@pytest.mark.parametrize("n", [16, 160])
def test_programs_do_not_grow_with_the_matrix(n):
    x = np.eye(n, dtype=np.float32)

    def lines(function):
        traced = dc.jit(function).trace(x)
        return traced.lower(lowering_platforms=("cuda",)).as_text().count("\n")

    assert max(lines(f) for f in FACTORIZATIONS.values()) < 500


def test_what_only_lapack_has_says_so():
    x = np.eye(3, dtype=np.float32)

    with pytest.raises(NotImplementedError) as error:
        dc.jit(lax.linalg.eig).trace(x).lower(lowering_platforms=("cuda",))

    assert str(error.value).splitlines()[0] == (
        "LAPACK's geev runs on the CPU only, not on cuda. Move the factorization to "
        "the CPU with `device_put`."
    )
