"""What rows of the oracle don't say of `numpy.linalg`: batches, dtypes, messages."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

from ..ops.test_shape import problem

RNG = np.random.default_rng(0)
SQUARE = RNG.normal(size=(2, 3, 3))
POSITIVE = SQUARE @ SQUARE.mT + np.eye(3)

la = jnp.linalg


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_vmap_of_solve_is_a_loop(axes):
    args = [
        x if i == 0 else x[0] for x, i in zip((SQUARE, POSITIVE), axes, strict=True)
    ]

    with dc.enable_x64(True):
        got = dc.vmap(la.solve, axes)(*args)

    np.testing.assert_allclose(got, np.linalg.solve(*args), rtol=1e-10)


def test_residuals_are_those_of_numpy_on_demand():
    square, tall = np.eye(3), np.eye(3)[:, :2]
    b = np.array([1.0, 2.0, 3.0])

    made = [la.lstsq(a, b, numpy_resid=True)[1] for a in (square, tall, 0 * tall)]

    assert [x.tolist() for x in made] == [[], [9.0], []]


def test_a_negative_cutoff_of_least_squares_is_the_rounding_error():
    a = np.diag([1.0, 1e-6, 1e-8]).astype(np.float32)

    x, _, rank, _ = la.lstsq(a, np.ones(3, np.float32), rcond=-1)

    np.testing.assert_allclose(x, [1.0, 1e6, 0.0], rtol=1e-6)
    assert rank == 2


def test_second_derivatives_of_least_squares_agree_with_differences():
    a, b, da = RNG.normal(size=(3, 4, 4))
    a, da = a[:, :2], da[:, :2]

    def slope(t):
        return dc.jvp(lambda t: la.lstsq(a + t * da, b)[0], (t,), (1.0,))[1]

    with dc.enable_x64(True):
        made = dc.jacrev(slope)(0.0)
        expected = np.asarray(slope(1e-6) - slope(-1e-6)) / 2e-6

    np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-7)


SINGULAR = {
    "rank 3, not found by pivoting": np.diag([0.0, 2.0, 3.0, 4.0]),
    "rank 2": np.diag([2.0, 3.0, 0.0, 0.0]),
    "nothing": np.zeros((4, 4)),
    "full rank": np.eye(4),
    "complex": np.diag([2.0, 3.0j, 0.0, 0.0]),
}


def cofactors(x):
    minors = [
        [np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for j in range(4)]
        for i in range(4)
    ]
    return np.array(minors) * np.tile([[1, -1], [-1, 1]], (2, 2))


@pytest.mark.parametrize("x", SINGULAR.values(), ids=SINGULAR.keys())
def test_derivatives_of_determinants_are_those_of_cofactors(x):
    dx = RNG.normal(size=(4, 4)).astype(x.dtype)
    gradient = dc.grad(la.det, holomorphic=x.dtype.kind == "c")

    with dc.enable_x64(True):
        made, change = dc.jvp(gradient, (x,), (dx,))

    expected = cofactors(x + 1e-5 * dx) - cofactors(x - 1e-5 * dx)
    np.testing.assert_allclose(made, cofactors(x), atol=1e-12)
    np.testing.assert_allclose(change, expected / 2e-5, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_determinants_by_qr_are_those_by_lu(n, dtype):
    x = RNG.normal(size=(3, n, n)) + 1j * RNG.normal(size=(3, n, n))
    x = (x if dtype.startswith("c") else x.real).astype(dtype)

    with dc.enable_x64(True):
        sign, log = la.slogdet(x, method="qr")

    expected = np.linalg.slogdet(x)
    tolerance = 1e-4 if dtype in ("float32", "complex64") else 1e-12
    np.testing.assert_allclose(sign, expected.sign, atol=tolerance)
    np.testing.assert_allclose(log, expected.logabsdet, atol=tolerance)
    assert (sign.dtype, log.dtype) == (expected.sign.dtype, expected.logabsdet.dtype)


def test_singular_matrices_have_sign_zero():
    sign, log = la.slogdet(np.zeros((2, 2), np.float32))

    assert (sign, log) == (0, -np.inf)


MESSAGES = {
    "square": (
        lambda: la.inv(np.ones((2, 3))),
        "inv: expected square matrices, got f32[2,3].",
    ),
    "vector": (
        lambda: la.det(np.ones(2)),
        "det: expected `a` to have two axes, got f32[2].",
    ),
    "rows": (
        lambda: la.solve(np.eye(2), np.ones(3)),
        "solve: expected `b` with 2 rows, as `a` has, got f32[2,2] and f32[3].",
    ),
    "multi_dot": (
        lambda: la.multi_dot([np.eye(2)]),
        "multi_dot: expected at least two matrices, of which the first and the last "
        "may be vectors, got f32[2,2].",
    ),
    "tensorinv": (
        lambda: la.tensorinv(np.ones((2, 3)), 1),
        "tensorinv: the first ind=1 sizes of `a` must have the product of the others, "
        "and `ind` be positive, got f32[2,3].",
    ),
    "least squares": (
        lambda: la.lstsq(np.ones((3, 2)), np.ones(2)),
        "lstsq: expected `b` with as many rows as `a`, got f32[3,2] and f32[2].",
    ),
    "Hermitian": (
        lambda: la.svd(np.ones((2, 3)), hermitian=True),
        "svd: expected square matrices, got f32[2,3].",
    ),
    "one name": (
        lambda: la.pinv(np.eye(2), 0.1, rcond=0.1),
        "pinv: `rtol` and `rcond` are the same; got both.\nLeave `rcond` out.",
    ),
    "sharding": (
        lambda: la.tensordot(np.eye(2), np.eye(2), out_sharding=1),
        "tensordot: `out_sharding` must be None, as arrays lie on one device each, got "
        "1.\nPlace the result with `dolmen.core.device_put`.",
    ),
    "roots": (
        lambda: jnp.poly(np.ones((2, 3))),
        "poly: `seq_of_zeros` must have at most one axis, or be a square matrix with "
        "elements, got f32[2,3].",
    ),
    "mode": (
        lambda: la.qr(np.eye(2), "full"),
        "qr: `mode` must be 'reduced', 'complete', 'r' or 'raw', got 'full'.",
    ),
    "UPLO": (
        lambda: la.eigh(np.eye(2), "x"),
        "eigh: `UPLO` must be None, 'L' or 'U', got 'x'.",
    ),
}


@pytest.mark.parametrize("case", MESSAGES.values(), ids=MESSAGES.keys())
def test_message_names_what_does_not_fit(case):
    function, expected = case

    with pytest.raises(ValueError) as error:
        function()

    assert problem(error) == expected


@pytest.mark.parametrize("hermitian", [False, True])
def test_a_part_of_the_singular_values_is_refused(hermitian):
    with pytest.raises(NotImplementedError) as error:
        la.svd(np.eye(3), hermitian=hermitian, subset_by_index=(0, 2))

    assert problem(error) == (
        "svd: subset_by_index=(0, 2) is not supported on the CPU. Slice the results "
        "instead."
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("function", [la.pinv, la.matrix_rank, la.eigvals])
def test_half_precision_is_refused(function, dtype):
    with pytest.raises(TypeError, match="expected float32, float64, complex64 or"):
        function(jnp.eye(2, dtype=dtype))


def test_traced_coefficients_keep_their_leading_zeros():
    with pytest.raises(TypeError) as error:
        dc.jit(jnp.roots)(np.ones(3, np.float32))

    assert str(error.value).splitlines()[-1] == "Pass `strip_zeros=False`."
