"""What rows can't say about `scipy.linalg`: dtypes, limits, wrong arguments."""

import re

import numpy as np
import pytest
import scipy.linalg

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.scipy import linalg

I = np.eye(2, dtype=np.float32)  # noqa: E741 - the identity's own name
WIDE = np.ones((2, 3), np.float32)
V = np.ones(3, np.float32)
HALF = I.astype(np.float16)
PIVOTS = np.arange(2)
BROADCAST = (
    "Sizes of an axis, counted from the last, must be equal or 1; insert axes with "
    "`x[:, None]` or `expand_dims`."
)
DTYPES = "float32, float64, complex64 or complex128"

VALUE_ERRORS = [
    (
        lambda: linalg.cholesky(WIDE),
        "cholesky: `a` must be square matrices, got f32[2,3].",
    ),
    (
        lambda: linalg.cho_factor(V),
        "cho_factor: `a` must be square matrices, got f32[3].",
    ),
    (
        lambda: linalg.cho_solve((I, True), V),
        "cho_solve: `b` must have 2 rows, as `c` has, got f32[2,2] and f32[3].",
    ),
    (lambda: linalg.lu(V), "lu: `a` must have at least two axes, got f32[3]."),
    (
        lambda: linalg.lu_factor(V),
        "lu_factor: `a` must have at least two axes, got f32[3].",
    ),
    (
        lambda: linalg.lu_solve((I, PIVOTS), I, 3),
        "lu_solve: `trans` must be 0, 1 or 2, got 3.",
    ),
    (
        lambda: linalg.lu_solve((I, np.arange(3)), I),
        "lu_solve: `piv` must have 2 entries, as `lu` has rows, got i32[3].",
    ),
    (
        lambda: linalg.lu_solve((I, np.ones((4, 2), int)), np.ones((3, 2, 1))),
        "lu_solve: operands don't broadcast: f32[3], i32[4] (3 != 4 in axis -1).\n"
        + BROADCAST,
    ),
    (
        lambda: linalg.qr(I, mode="raw"),
        "qr: `mode` must be 'full', 'r' or 'economic', got 'raw'.",
    ),
    (
        lambda: linalg.qr_multiply(I, I, "up"),
        "qr_multiply: `mode` must be 'right' or 'left', got 'up'.",
    ),
    (
        lambda: linalg.qr_multiply(I, V),
        "qr_multiply: for the mode 'right' `c` must have 2 columns, since `a` is "
        "f32[2,2], got f32[3].",
    ),
    (
        lambda: linalg.qr_multiply(WIDE.T, WIDE.T, "left"),
        "qr_multiply: for the mode 'left' `c` must have 2 rows, since `a` is "
        "f32[3,2], got f32[3,2].",
    ),
    (
        lambda: linalg.svd(I, lapack_driver="x"),
        "svd: `lapack_driver` must be 'gesdd' or 'gesvd', got 'x'.",
    ),
    (
        lambda: linalg.eigh(I, np.eye(3)),
        "eigh: `b` must have matrices of the size of those of `a`, got f32[2,2] "
        "and f32[3,3].",
    ),
    (lambda: linalg.eigh(I, type=4), "eigh: `type` must be 1, 2 or 3, got 4."),
    (
        lambda: linalg.eigh(I, eigvals=(1, 2)),
        "eigh: `eigvals` must be indices of the first and the last of 2 "
        "eigenvalues, got (1, 2).",
    ),
    (
        lambda: linalg.eigh_tridiagonal(V, V),
        "eigh_tridiagonal: `e` must have one entry less than `d`, got f32[3] and "
        "f32[3].",
    ),
    (
        lambda: linalg.eigh_tridiagonal(1.0, V),
        "eigh_tridiagonal: `e` must have one entry less than `d`, got f32[] and "
        "f32[3].",
    ),
    (
        lambda: linalg.eigh_tridiagonal(V, V[1:], select="x"),
        "eigh_tridiagonal: `select` must be 'a', 'i' or 'v', got 'x'.",
    ),
    (
        lambda: linalg.eigh_tridiagonal(V, V[1:], select="i"),
        "eigh_tridiagonal: for select='i' expected `select_range`, got None.",
    ),
    (
        lambda: linalg.eigh_tridiagonal(V, V[1:], select="i", select_range=(2, 1)),
        "eigh_tridiagonal: `select_range` must be indices of the first and the "
        "last of 3 eigenvalues, got (2, 1).",
    ),
    (
        lambda: linalg.eigh_tridiagonal(WIDE, I, select="v", select_range=(0, 1)),
        "eigh_tridiagonal: with select='v' there can be one matrix only, got f32[2,3].",
    ),
    (
        lambda: linalg.solve(I, V),
        "solve: expected `b` with 2 rows, as `a` has, got f32[2,2] and f32[3].",
    ),
    (
        lambda: linalg.solve(I, V, assume_a="pos"),
        "solve: `b` must have 2 rows, as `a` has, got f32[2,2] and f32[3].",
    ),
    (
        lambda: linalg.solve(I, I, assume_a="x"),
        "solve: `assume_a` must be 'gen', 'sym', 'her' or 'pos', got 'x'.",
    ),
    (
        lambda: linalg.solve_triangular(I, 1.0),
        "solve_triangular: `b` must have 2 rows, as `a` has, got f32[2,2] and f32[].",
    ),
    (
        lambda: linalg.solve_triangular(I, I, "x"),
        "solve_triangular: `trans` must be 0, 1, 2, 'N', 'T' or 'C', got 'x'.",
    ),
    (lambda: linalg.inv(WIDE), "inv: `a` must be square matrices, got f32[2,3]."),
    (lambda: linalg.det(V), "det: `a` must be square matrices, got f32[3]."),
    (lambda: linalg.expm(WIDE), "expm: `A` must be square matrices, got f32[2,3]."),
    (
        lambda: linalg.expm_frechet(I, WIDE),
        "expm_frechet: `E` must have the shape of `A`, got f32[2,2] and f32[2,3].",
    ),
    (
        lambda: linalg.polar(I, "up"),
        "polar: `side` must be 'right' or 'left', got 'up'.",
    ),
    (
        lambda: linalg.polar(I, method="x"),
        "polar: `method` must be 'qdwh' or 'svd', got 'x'.",
    ),
    (lambda: linalg.polar(V), "polar: `a` must have at least two axes, got f32[3]."),
    (
        lambda: linalg.schur(I, output="x"),
        "schur: `output` must be 'real' or 'complex', got 'x'.",
    ),
    (
        lambda: linalg.rsf2csf(I, np.eye(3)),
        "rsf2csf: `Z` must have matrices of the size of those of `T`, got f32[2,2] and "
        "f32[3,3].",
    ),
    (
        lambda: linalg.hessenberg(WIDE),
        "hessenberg: `a` must be square matrices, got f32[2,3].",
    ),
    (
        lambda: linalg.solve_sylvester(WIDE, I, I),
        "solve_sylvester: `A` must be square matrices, got f32[2,3].",
    ),
    (
        lambda: linalg.solve_sylvester(I, np.eye(3), I),
        "solve_sylvester: `C` must have the rows of `A` and the columns of `B`, got "
        "f32[2,2], f32[3,3] and f32[2,2].",
    ),
    (
        lambda: linalg.solve_sylvester(I, I, I, method="x"),
        "solve_sylvester: `method` must be 'schur' or 'eigen', got 'x'.",
    ),
    (lambda: linalg.sqrtm(V), "sqrtm: `A` must be square matrices, got f32[3]."),
    (
        lambda: linalg.funm(np.ones((3, 2, 2)), jnp.exp),
        "funm: `A` must be one matrix, got f32[3,2,2].",
    ),
]

TYPE_ERRORS = [
    (
        lambda: linalg.cholesky("x"),
        "cholesky: `a` must be an array or a scalar, got str 'x'.",
    ),
    (
        lambda: linalg.expm(HALF),
        f"expm: expected {DTYPES}, got f16[2,2].\nConvert with `.astype(...)` first.",
    ),
    (
        lambda: linalg.solve(HALF, HALF),
        f"solve: expected {DTYPES}, got f16[2,2], f16[2,2].\nConvert with "
        "`.astype(...)` first.",
    ),
    (
        lambda: linalg.lu_solve((I, V), I),
        "lu_solve: `piv` must be integers, got f32[3].",
    ),
    (lambda: linalg.eigh(I, eigvals=1), "eigh: `eigvals` must be two integers, got 1."),
]


def without_place(error):
    return re.sub(r"\n  at .*", "", str(error.value))


@pytest.mark.parametrize(("call", "expected"), VALUE_ERRORS)
def test_wrong_values_are_named(call, expected):
    with pytest.raises(ValueError) as error:
        call()

    assert without_place(error) == expected


@pytest.mark.parametrize(("call", "expected"), TYPE_ERRORS)
def test_wrong_types_are_named(call, expected):
    with pytest.raises(TypeError) as error:
        call()

    assert without_place(error) == expected


def test_eigenvalues_of_an_interval_are_found_where_values_are_known():
    d, e = np.array([1.5, -0.5, 2.0, 0.25]), np.array([0.75, -1.0, 0.5])
    how = {"select": "v", "select_range": (-0.5, 1.5), "eigvals_only": True}

    with dc.enable_x64(True):
        values = linalg.eigh_tridiagonal(d, e, **how)
        none = linalg.eigh_tridiagonal(d, e, select="v", select_range=(9.0, 10.0))

    np.testing.assert_allclose(
        values, scipy.linalg.eigh_tridiagonal(d, e, **how), 1e-12
    )
    assert [x.shape for x in none] == [(0,), (4, 0)]


def test_an_interval_contains_its_upper_end_only():
    d, e = np.array([1.0, 2.0, 3.0], np.float32), np.zeros(2, np.float32)

    values, _ = linalg.eigh_tridiagonal(d, e, select="v", select_range=(1.0, 3.0))

    np.testing.assert_array_equal(values, [2.0, 3.0])


def test_the_number_of_eigenvalues_of_an_interval_cannot_be_traced():
    def between(d):
        return linalg.eigh_tridiagonal(d, d[1:], select="v", select_range=(0, 1))

    with pytest.raises(TypeError, match="expected a concrete value"):
        dc.jit(between)(V)


def test_bisection_stops_at_the_tolerance():
    d, e = np.array([1.0, -2.0, 4.0]), np.array([1.0, 0.5])

    with dc.enable_x64(True):
        rough, fine = (
            linalg.eigh_tridiagonal(d, e, eigvals_only=True, tol=tol)
            for tol in (1e-2, None)
        )

    error = np.abs(rough - fine).max()
    assert 1e-12 < error < 1e-2


def test_off_diagonals_of_hermitian_matrices_stand_above_the_diagonal():
    d, e = np.array([1.0, 2.0, 3.0]), np.array([1j, 2 - 1j])
    dense = np.diag(d) + np.diag(e, 1) + np.diag(e.conj(), -1)

    with dc.enable_x64(True):
        values, vectors = map(np.asarray, linalg.eigh_tridiagonal(d, e))
        alone = linalg.eigh_tridiagonal(d, e, eigvals_only=True)

    assert values.dtype == np.float64
    np.testing.assert_allclose(dense @ vectors, vectors * values, 0, 1e-14)
    np.testing.assert_allclose(alone, values, 1e-14)


def test_eigenvalues_of_tridiagonal_matrices_come_in_batches():
    d, e = np.arange(12.0).reshape(2, 2, 3) ** 2 % 7, np.array([[1.0, 2.0], [0.5, 3.0]])

    with dc.enable_x64(True):
        values = linalg.eigh_tridiagonal(d, e, eigvals_only=True)

    expected = [
        [
            scipy.linalg.eigh_tridiagonal(*pair, eigvals_only=True)
            for pair in zip(x, e, strict=True)
        ]
        for x in d
    ]
    np.testing.assert_allclose(values, expected, 1e-13)


def test_matrices_that_are_not_positive_definite_have_no_factor():
    a = np.array([[1.0, 2.0], [2.0, 1.0]], np.float32)

    assert np.isnan(linalg.cholesky(a)[1, 1])
    assert np.isnan(linalg.solve(a, V[:2], assume_a="pos")).all()


@pytest.mark.parametrize("entry", [1e6, np.inf, np.nan])
def test_the_exponential_of_a_matrix_too_large_is_nan(entry):
    made = linalg.expm(np.array([[entry, 0.0], [0.0, 1.0]], np.float32))

    assert np.isnan(made).all()


def test_the_number_of_squarings_is_bounded_for_each_matrix():
    a = np.stack([I, 20 * I])

    made = linalg.expm(a, max_squarings=1)

    np.testing.assert_allclose(made[0], np.e * I, 1e-6)
    assert np.isnan(made[1]).all()


def test_the_exponential_has_derivatives_in_both_modes_of_any_order():
    a = np.array([[0.5, 9.0], [-1.0, 2.0]])
    ones = np.ones((2, 2))

    def along(t):
        return linalg.expm(a + t * ones).sum()

    with dc.enable_x64(True):
        second = dc.grad(dc.grad(along))(0.0)
        forward = dc.jvp(dc.grad(along), (0.0,), (1.0,))[1]
        batched = dc.vmap(dc.grad(along))(jnp.array([0.0, 1.0]))[0]
        first = dc.grad(along)(0.0)

    h = 1e-4
    up, middle, down = (scipy.linalg.expm(a + t * ones).sum() for t in (h, 0, -h))
    np.testing.assert_allclose(second, (up - 2 * middle + down) / h**2, 1e-6)
    np.testing.assert_allclose(forward, second, 1e-12)
    np.testing.assert_allclose(batched, first, 1e-12)


@pytest.mark.parametrize("lower", [False, True])
def test_gradients_through_cholesky_solves_of_complex_systems(lower):
    c = np.array([[1.0, 0.5 - 1j], [0.25j, 2.0]])
    a, b = c @ c.conj().T + np.eye(2), np.array([1.0 + 2j, -1.0])

    def loss(b, assume):
        x = linalg.solve(a, b, lower=lower, assume_a=assume)
        return (x.real**2 + x.imag).sum()

    with dc.enable_x64(True):
        made, expected = (dc.grad(loss)(b, assume) for assume in ("pos", "gen"))

    np.testing.assert_allclose(made, expected, 1e-12)


def test_right_sides_with_one_axis_less_are_vectors_if_they_fit():
    a = np.stack([I, 2 * I, 4 * I])
    b = np.array([[2.0, 4.0]], np.float32)

    vectors = linalg.solve_triangular(a, b)
    matrices = linalg.solve_triangular(a, b.T)

    np.testing.assert_array_equal(vectors, [[2, 4], [1, 2], [0.5, 1]])
    np.testing.assert_array_equal(matrices, np.asarray(vectors)[..., None])


def test_lists_are_taken_for_matrices():
    made = linalg.solve([[2, 0], [1, 4]], [2, 9])

    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, [1.0, 2.0])


def test_roots_by_blocks_are_not_supported():
    with pytest.raises(NotImplementedError) as error:
        linalg.sqrtm(I, blocksize=2)

    assert without_place(error) == (
        "sqrtm: `blocksize` must be 1, got 2: roots by blocks are not supported.\n"
        "Leave it out."
    )


@pytest.mark.parametrize(("a", "side"), [(WIDE, "right"), (WIDE.T, "left")])
def test_the_iteration_for_polar_factors_wants_independent_columns(a, side):
    with pytest.raises(NotImplementedError) as error:
        linalg.polar(a, side)

    m, n = a.shape
    assert without_place(error) == (
        f"polar: the method 'qdwh' does not suit side={side!r} for matrices with {m} "
        f"rows and {n} columns, got f32[{m},{n}].\nUse method='svd'."
    )


@pytest.mark.parametrize("method", ["qdwh", "svd"])
def test_polar_factors_have_derivatives_at_equal_singular_values(method):
    direction = np.array([[1.0, 2.0], [5.0, 4.0]])

    def turned(a):
        return linalg.polar(a, method=method)[0]

    def second(a):
        return dc.jvp(
            lambda a: dc.jvp(turned, (a,), (direction,))[1], (a,), (direction,)
        )

    with dc.enable_x64(True):
        first, curved = second(np.eye(2))
        up, middle, down = (
            turned(np.eye(2) + h * direction) for h in (1e-4, 0.0, -1e-4)
        )

    np.testing.assert_allclose(first, (direction - direction.T) / 2, 1e-14)
    difference = np.asarray(up) - 2 * np.asarray(middle) + np.asarray(down)
    np.testing.assert_allclose(curved, difference / 1e-8, 1e-5, 1e-5)


def test_a_nilpotent_matrix_has_no_root():
    assert np.isnan(linalg.sqrtm(np.array([[0.0, 1.0], [0.0, 0.0]]))).any()


def test_roots_have_derivatives_at_equal_eigenvalues():
    direction = np.array([[1.0, 2.0], [3.0, 4.0]])

    with dc.enable_x64(True):
        root, slope = dc.jvp(linalg.sqrtm, (4 * np.eye(2),), (direction,))
        hessian = dc.hessian(lambda a: linalg.sqrtm(a).real.sum())(4 * np.eye(2))

    np.testing.assert_allclose(root, 2 * np.eye(2), 1e-15)
    np.testing.assert_allclose(slope, direction / 4, 1e-14)
    # The second derivative of a root is -1/4 x^(-3/2), here of all products of two.
    second = np.einsum("ijkl,ij,kl", hessian, np.eye(2), np.eye(2))
    np.testing.assert_allclose(second, -2 / 32, 1e-12)


@pytest.mark.parametrize("method", ["schur", "eigen"])
def test_sylvester_equations_without_a_single_solution_give_nan(method):
    a, c = np.diag([1.0, 2.0]), np.ones((2, 2))

    singular = linalg.solve_sylvester(a, -a, c, method=method)
    tolerated = linalg.solve_sylvester(a, a, c, method=method, tol=2.5)

    assert np.isnan(singular).all()
    assert np.isnan(tolerated).all()


@pytest.mark.parametrize("method", ["schur", "eigen"])
def test_gradients_through_complex_sylvester_equations(method):
    a, b = np.array([[1.0, 2j], [0.5, 3.0]]), np.array([[2.0, 1.0], [-1j, 1.0]])
    c = np.array([[1.0, -1.0 + 2j], [0.5j, 2.0]])
    # A X + X B = C, with the columns (or rows) of X and C one below the other.
    system = np.kron(a, np.eye(2)) + np.kron(np.eye(2), b.T)

    def loss(x):
        return (x.real**3 + x.imag).sum()

    with dc.enable_x64(True):
        made = dc.grad(lambda c: loss(linalg.solve_sylvester(a, b, c, method=method)))(
            c
        )
        expected = dc.grad(lambda c: loss(jnp.linalg.solve(system, c.ravel())))(c)

    np.testing.assert_allclose(made, expected, 1e-12)


def test_functions_of_matrices_may_depend_on_what_is_traced():
    a = np.array([[1.0, 3.0], [0.5, 4.0]])

    def along(t):
        return linalg.funm(a, lambda w: jnp.exp(t * w)).real

    with dc.enable_x64(True):
        slope = dc.jvp(along, (0.5,), (1.0,))[1]

    np.testing.assert_allclose(slope, a @ scipy.linalg.expm(0.5 * a), 1e-12)


def test_the_error_of_functions_of_equal_eigenvalues_is_estimated_as_large():
    _, good = linalg.funm(np.array([[1.0, 1.0], [0.0, 2.0]]), jnp.exp, disp=False)
    _, bad = linalg.funm(np.array([[1.0, 1.0], [0.0, 1.0]]), jnp.exp, disp=False)

    assert good < 1e-6
    assert bad == 1
