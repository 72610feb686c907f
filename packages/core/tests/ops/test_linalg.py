"""Failures, symmetry, batches, messages and serialization of factorizations."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.experimental import serialize_executable

from .test_shape import problem

RNG = np.random.default_rng(0)


def test_cholesky_of_an_indefinite_matrix_of_a_batch_is_nan():
    batch = np.stack([4 * np.eye(2), -np.eye(2)]).astype(np.float32)

    got = np.asarray(lax.linalg.cholesky(batch))

    np.testing.assert_array_equal(got[0], 2 * np.eye(2))
    assert np.isnan(got[1][np.tril_indices(2)]).all()


def eigenvalues(x, **options):
    return lax.linalg.eigh(x, **options)[1]


@pytest.mark.parametrize("function", [lax.linalg.cholesky, eigenvalues])
def test_input_is_symmetrized_unless_told_otherwise(function):
    x = np.array([[4.0, 9.0], [1.0, 5.0]], np.float32)

    mean, lower = function(x), function(x, symmetrize_input=False)

    np.testing.assert_allclose(
        mean, function((x + x.T) / 2, symmetrize_input=False), rtol=1e-6
    )
    np.testing.assert_allclose(
        lower, function(np.tril(x) + np.tril(x, -1).T), rtol=1e-6
    )


def test_nan_goes_through_eigenvalues_and_singular_values():
    x = np.full((2, 2), np.nan, np.float32)

    values = [
        lax.linalg.eigh(x)[1],
        lax.linalg.eig(x)[0],
        np.diag(lax.linalg.schur(x)[0]),
        lax.linalg.svd(x, compute_uv=False),
    ]

    assert np.isnan(values).all()


def test_singular_matrices_have_factors():
    factors, _, _ = lax.linalg.lu(np.ones((2, 2), np.float32))

    np.testing.assert_array_equal(factors, [[1, 1], [1, 0]])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (0, 2, 2), (2, 3, 0)])
def test_matrices_without_elements_have_factors(shape):
    x = np.zeros(shape, np.float32)

    q, r = lax.linalg.qr(x)
    u, s, v = lax.linalg.svd(x)
    factors, pivots, permutation = lax.linalg.lu(x)

    expected = np.linalg.svd(x)
    assert [u.shape, s.shape, v.shape] == [y.shape for y in expected]
    np.testing.assert_array_equal(u, expected[0])
    np.testing.assert_array_equal(v, expected[2])
    assert (*q.shape[:-1], *r.shape[-2:]) == (*shape[:-1], shape[-2], shape[-1])
    assert (factors.shape, pivots.shape[-1]) == (shape, min(shape[-2:]))
    np.testing.assert_array_equal(
        permutation, np.broadcast_to(np.arange(shape[-2]), shape[:-1])
    )


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (2, 0, 0), (0, 3, 3)])
def test_small_square_matrices_have_eigenvalues_and_forms(shape):
    x = np.full(shape, 3, np.float32)

    w, *vectors = lax.linalg.eig(x)
    form = lax.linalg.schur(x)
    packed, taus = lax.linalg.hessenberg(x)

    np.testing.assert_array_equal(w, np.diagonal(x, axis1=-2, axis2=-1))
    np.testing.assert_array_equal(packed, x)
    assert {y.shape for y in (*vectors, *form)} == {shape}
    assert taus.shape == (*shape[:-2], max(shape[-1] - 1, 0))


def test_small_reductions_and_products_are_those_of_no_reflections():
    x, none = np.full((1, 1), 3, np.float32), np.zeros((3, 0), np.float32)

    packed, d, e, taus = lax.linalg.tridiagonal(x)
    product = lax.linalg.ormqr(none, none[0], np.eye(3, dtype=np.float32))
    empty = lax.linalg.tridiagonal(none[:0])

    assert (packed, d, e.shape, taus.shape) == (3, 3, (0,), (0,))
    np.testing.assert_array_equal(product, np.eye(3))
    assert [y.shape for y in empty] == [(0, 0), (0,), (0,), (0,)]


@pytest.mark.parametrize(("n", "k"), [(0, 2), (1, 2), (2, 0)])
def test_small_tridiagonal_systems_are_solved(n, k):
    ones, b = np.ones(n, np.float32), np.ones((n, k), np.float32)

    x = lax.linalg.tridiagonal_solve(0 * ones, 2 * ones, 0 * ones, b)

    np.testing.assert_array_equal(x, b / 2)


def test_singular_tridiagonal_systems_are_nan_or_perturbed():
    zeros, b = np.zeros(2, np.float32), np.eye(2, dtype=np.float32)

    plain = lax.linalg.tridiagonal_solve(zeros, zeros, zeros, b)
    moved = lax.linalg.tridiagonal_solve(zeros, zeros, zeros, b, perturb_singular=True)

    assert np.isnan(plain).all()
    assert np.isfinite(moved).all()


def test_columns_beyond_the_scales_are_no_reflections():
    a, c = RNG.normal(size=(2, 3, 3)).astype(np.float32)
    taus = np.ones(1, np.float32)

    made = lax.linalg.ormqr(a, taus, c)

    np.testing.assert_array_equal(made, lax.linalg.ormqr(a[:, :1], taus, c))


def test_full_qr_of_a_tall_matrix_keeps_its_columns_orthonormal_to_first_order():
    x, dx = RNG.normal(size=(2, 4, 2))

    with dc.enable_x64(True):
        outs, tangents = dc.jvp(lax.linalg.qr, (x,), (dx,))

    (q, r), (dq, dr) = map(np.asarray, outs), map(np.asarray, tangents)
    np.testing.assert_allclose(q.T @ dq, -(dq.T @ q), atol=1e-12)
    np.testing.assert_allclose(dq @ r + q @ dr, dx, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 4, 2), (2, 3)])
def test_full_singular_vectors_stay_orthonormal_to_first_order(shape):
    x, dx = RNG.normal(size=(2, *shape))
    rows, columns = np.eye(shape[-2], 2), np.eye(2, shape[-1])

    with dc.enable_x64(True):
        outs, tangents = dc.jvp(lax.linalg.svd, (x,), (dx,))

    (u, s, v), (du, ds, dv) = map(np.asarray, outs), map(np.asarray, tangents)
    middle, d_middle = (rows * y[..., None, :] @ columns for y in (s, ds))
    np.testing.assert_allclose(u.mT @ du, -(du.mT @ u), atol=1e-12)
    np.testing.assert_allclose(v @ dv.mT, -(dv @ v.mT), atol=1e-12)
    change = du @ middle @ v + u @ d_middle @ v + u @ middle @ dv
    np.testing.assert_allclose(change, dx, atol=1e-12)


def test_derivatives_of_eigenvectors_keep_length_and_phase():
    x, dx = RNG.normal(size=(2, 3, 3)) + 1j * RNG.normal(size=(2, 3, 3))

    def vectors(x):
        return lax.linalg.eig(x, enable_eigvec_derivs=True)[1:]

    with dc.enable_x64(True):
        _, made = dc.jvp(vectors, (x,), (dx,))
        ahead, back = map(np.asarray, [vectors(x + s * dx) for s in (1e-6, -1e-6)])

    np.testing.assert_allclose(made, (ahead - back) / 2e-6, atol=1e-8)


def test_eigenvectors_have_derivatives_only_with_a_promise():
    x = np.eye(2, dtype=np.float32)

    with pytest.raises(NotImplementedError) as error:
        dc.jvp(lax.linalg.eig, (x,), (x,))

    assert problem(error) == (
        "eig: eigenvectors have derivatives only if the eigenvalues are distinct and "
        "no eigenvector has two components of greatest modulus, which is not checked.\n"
        "Promise it with `lax.linalg.eig(..., enable_eigvec_derivs=True)`, or compute "
        "the eigenvalues alone."
    )


def test_complex_eigenvalues_of_a_real_matrix_are_a_block_of_its_schur_form():
    x = np.array([[0.0, 4.0], [-1.0, 0.0]], np.float32)

    form, vectors = map(np.asarray, lax.linalg.schur(x))

    np.testing.assert_allclose(vectors @ form @ vectors.T, x, atol=1e-6)
    np.testing.assert_allclose(form[0, 0], form[1, 1], atol=1e-6)
    assert form[0, 1] * form[1, 0] < 0


def test_one_right_side_needs_no_axis():
    a = np.array([[2, 0], [1, 4]], np.float32)
    b = np.array([2, 9], np.float32)

    left = lax.linalg.triangular_solve(a, b, left_side=True, lower=True)
    right = lax.linalg.triangular_solve(a, b, lower=True)

    np.testing.assert_allclose(left, np.linalg.solve(a, b), rtol=1e-6)
    np.testing.assert_allclose(right, np.linalg.solve(a.T, b), rtol=1e-6)


def test_scan_of_factorizations_is_differentiated():
    x = (np.eye(2) * [[2.0, 3.0]]).astype(np.float32)

    def loss(x):
        def body(c, _):
            return lax.linalg.cholesky(c @ c.T), None

        return jnp.trace(lax.scan(body, x, None, 2)[0])

    # Of a positive diagonal matrix the factor of its square is itself.
    np.testing.assert_allclose(dc.jit(dc.grad(loss))(x), np.eye(2), atol=1e-5)


def test_polar_iteration_says_how_many_steps_it_took_and_whether_they_were_enough():
    x = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)

    made = [
        lax.linalg.qdwh(x)[2:],
        lax.linalg.qdwh(x, max_iterations=1)[2:],
        lax.linalg.qdwh(x * np.nan)[2:],
    ]

    assert [(int(n), bool(ok)) for n, ok in made] == [
        (4, True),
        (1, False),
        (10, False),
    ]


def test_polar_sizes_may_be_traced():
    x = RNG.normal(size=(3, 2)).astype(np.float32)

    u = dc.jit(lambda m: lax.linalg.qdwh(x, dynamic_shape=(m, 1))[0])(2)

    expected = np.zeros((3, 2))
    expected[:2, 0] = x[:2, 0] / np.linalg.norm(x[:2, 0])
    np.testing.assert_allclose(u, expected, atol=1e-6)


MESSAGES = {
    "integers": (
        lambda: lax.linalg.cholesky(np.eye(2, dtype=np.int32)),
        TypeError,
        "cholesky: expected float32, float64, complex64 or complex128, the same for "
        "all operands, got i32[2,2].\nConvert with `.astype(...)` first.",
    ),
    "not square": (
        lambda: lax.linalg.eigh(np.ones((2, 3), np.float32)),
        ValueError,
        "eigh: expected square matrices, got f32[2,3].",
    ),
    "vector": (
        lambda: lax.linalg.svd(np.ones(3, np.float32)),
        ValueError,
        "svd: expected at least 2 axes, got f32[3].",
    ),
    "scales": (
        lambda: lax.linalg.ormqr(
            np.ones((3, 2), np.float32),
            np.ones(3, np.float32),
            np.ones((3, 3), np.float32),
        ),
        ValueError,
        "ormqr: expected no more `taus` than rows and columns of `a`, got f32[3,2] and "
        "f32[3].",
    ),
    "rows": (
        lambda: lax.linalg.ormqr(
            np.ones((3, 2), np.float32),
            np.ones(2, np.float32),
            np.ones((3, 2), np.float32),
            left=False,
        ),
        ValueError,
        "ormqr: expected `c` to have as many columns as `a` has rows, got f32[3,2] and "
        "f32[3,2].",
    ),
    "diagonals": (
        lambda: lax.linalg.tridiagonal_solve(
            *np.ones((3, 2), np.float32), np.ones((3, 1), np.float32)
        ),
        ValueError,
        "tridiagonal_solve: expected `dl`, `d` and `du` with as many elements as `b` "
        "has rows, got f32[2], f32[2], f32[2], f32[3,1].",
    ),
    "wide": (
        lambda: lax.linalg.qdwh(np.ones((2, 3), np.float32)),
        ValueError,
        "qdwh: expected two axes, and no more columns than rows, got f32[2,3].",
    ),
    "update": (
        lambda: lax.linalg.cholesky_update(
            np.eye(2, dtype=np.float32), np.float32(3.0)
        ),
        ValueError,
        "cholesky_update: expected a square matrix and a vector of the same size, got "
        "f32[2,2] and f32[].",
    ),
    "complex update": (
        lambda: lax.linalg.cholesky_update(
            np.eye(2, dtype=np.complex64), np.ones(2, np.complex64)
        ),
        TypeError,
        "cholesky_update: expected floating point that is not complex, the same dtype "
        "for all operands, got c64[2,2], c64[2].\nConvert with `.astype(...)` first.",
    ),
    "factor": (
        lambda: lax.linalg.symmetric_product(
            np.ones((3, 2), np.float32), np.ones((3, 3), np.float32), beta=1j
        ),
        TypeError,
        "symmetric_product: `beta` must not be complex, got 1j.",
    ),
    "product": (
        lambda: lax.linalg.symmetric_product(
            np.ones((3, 2), np.float32), np.ones((2, 2), np.float32)
        ),
        ValueError,
        "symmetric_product: expected `c_matrix` to be square, with the rows and "
        "leading axes of `a_matrix`, got f32[3,2] and f32[2,2].",
    ),
    "sorting": (
        lambda: lax.linalg.schur(np.eye(2, dtype=np.float32), sort_eig_vals=True),
        NotImplementedError,
        "schur: `sort_eig_vals` must be false, got True: sorting is not supported.\n"
        "Leave it out.",
    ),
    "implementation": (
        lambda: lax.linalg.eig(
            np.eye(2, dtype=np.float32),
            implementation=lax.linalg.EigImplementation.CUSOLVER,
        ),
        ValueError,
        "eig: EigImplementation.CUSOLVER is not an implementation for the CPU.\n"
        "Leave `implementation` out.",
    ),
    "sizes": (
        lambda: lax.linalg.triangular_solve(
            np.ones((2, 2), np.float32), np.ones((3, 1), np.float32), left_side=True
        ),
        ValueError,
        "triangular_solve: expected `b` to have as many rows as `a`, got f32[2,2] and "
        "f32[3,1].",
    ),
    "batches": (
        lambda: lax.linalg.triangular_solve(
            np.ones((4, 2, 2), np.float32), np.ones((3, 2, 2), np.float32)
        ),
        ValueError,
        "triangular_solve: leading axes of the operands must be equal, got f32[4,2,2], "
        "f32[3,2,2].\nBroadcast the operands first.",
    ),
}


@pytest.mark.parametrize("case", MESSAGES.values(), ids=MESSAGES.keys())
def test_message_names_what_does_not_fit(case):
    function, kind, expected = case

    with pytest.raises(kind) as error:
        function()

    assert problem(error) == expected


LOAD = """
import pickle, sys
from dolmen.core.experimental import serialize_executable
parts = pickle.load(open(sys.argv[1], "rb"))
x = [[4.0, 0.0], [0.0, 9.0]]
import dolmen.core.numpy as jnp
print(serialize_executable.deserialize_and_load(*parts)(jnp.array(x)).sum())
"""


def test_serialized_executables_find_lapack_in_a_new_process(tmp_path):
    compiled = dc.jit(lax.linalg.cholesky).lower(jnp.eye(2)).compile()
    path = tmp_path / "executable"
    path.write_bytes(pickle.dumps(serialize_executable.serialize(compiled)))

    done = subprocess.run(
        [sys.executable, "-c", LOAD, path], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("5.0\n", "")
