"""Products in 4 and 8-bit floating point, against the same in NumPy."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import nn, numpy as jnp

from ..ops.test_shape import problem

RNG = np.random.default_rng(0)
MATRICES = (((1,), (1,)), ((), ()))
MX = nn.get_scaled_dot_general_config("mxfp8")
NV = nn.get_scaled_dot_general_config("nvfp4")


def mx_rounded(x):
    """A matrix as mxfp8 keeps it, along its last axis."""
    made = np.empty_like(x)
    for row, start in np.ndindex(len(x), -(-x.shape[1] // 32)):
        block = x[row, 32 * start : 32 * start + 32]
        scale = np.exp2(np.ceil(np.log2(np.abs(block).max() / 448)))
        rounded = (block / scale).astype(ml_dtypes.float8_e4m3fn)
        made[row, 32 * start : 32 * start + 32] = rounded.astype(np.float32) * scale
    return made


def nv_rounded(x, global_scale=1.0):
    made = np.empty_like(x)
    for row, start in np.ndindex(len(x), -(-x.shape[1] // 16)):
        block = x[row, 16 * start : 16 * start + 16] / np.float32(global_scale)
        needed = np.minimum(np.abs(block).max() / np.float32(6), 448)
        scale = needed.astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
        scaled = np.clip(block / scale, -6, 6).astype(ml_dtypes.float4_e2m1fn)
        part = scaled.astype(np.float32) * scale * np.float32(global_scale)
        made[row, 16 * start : 16 * start + 16] = part
    return made


X = RNG.normal(size=(3, 72)).astype(np.float32)
Y = (RNG.normal(size=(5, 72)) * np.exp(RNG.normal(size=(5, 1)))).astype(np.float32)


def test_each_block_of_a_matrix_has_its_scale():
    x, y = RNG.normal(size=(2, 3, 8)), RNG.normal(size=(2, 4, 8))
    x_scales, y_scales = RNG.normal(size=(2, 3, 2)), RNG.normal(size=(2, 4, 4))
    args = [arg.astype(np.float32) for arg in (x, y, x_scales, y_scales)]

    got = nn.scaled_matmul(*args)

    scaled = x * np.repeat(x_scales, 4, 2), y * np.repeat(y_scales, 2, 2)
    np.testing.assert_allclose(got, np.einsum("bmk,bnk->bmn", *scaled), rtol=1e-4)


def test_matrices_of_integers_and_of_8_bit_floats():
    x = np.arange(8).reshape(1, 2, 4)
    scales = np.float32([[[0.5], [2.0]]])

    got = nn.scaled_matmul(
        x, x.astype(ml_dtypes.float8_e4m3fn), scales, scales, "bfloat16"
    )

    assert got.dtype == ml_dtypes.bfloat16
    expected = (x * scales) @ (x * scales).mT
    np.testing.assert_array_equal(got, expected.astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize(
    ("config", "rounded"), [(MX, mx_rounded), (NV, nv_rounded)], ids=["mxfp8", "nvfp4"]
)
def test_operands_are_rounded_in_blocks(config, rounded):
    got = nn.scaled_dot_general(X, Y, MATRICES, configs=[config] * 3)

    np.testing.assert_allclose(got, rounded(X) @ rounded(Y).T, rtol=1e-4, atol=1e-4)


def test_global_scale_widens_the_range_of_nvfp4():
    large = 1000 * X
    config = nn.get_scaled_dot_general_config("nvfp4", np.float32([100.0]))

    got = nn.scaled_dot_general(large, Y, MATRICES, configs=[config, NV, NV])

    expected = nv_rounded(large, 100.0) @ nv_rounded(Y).T
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=0.1)


@pytest.mark.parametrize("config", [MX, NV], ids=["mxfp8", "nvfp4"])
def test_zeros_and_tiny_numbers_stay_finite(config):
    x = np.zeros((2, 32), np.float32)
    x[1] = 1e-39

    got = nn.scaled_dot_general(x, x, MATRICES, configs=[config] * 3)

    np.testing.assert_array_equal(got, np.zeros((2, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_mxfp8_keeps_what_is_not_finite(value):
    x = np.where(np.arange(32) == 3, value, X[:1, :32]).astype(np.float32)

    got = nn.scaled_dot_general(x, x, MATRICES, configs=[MX] * 3)

    assert np.isnan(got).all()


def test_scales_that_are_powers_of_two_are_not_rounded():
    x = np.full((1, 32), 448.0, np.float32)

    got = nn.scaled_dot_general(x, x, MATRICES, configs=[MX] * 3)

    np.testing.assert_array_equal(got, [[32 * 448.0**2]])


def test_axes_in_any_order():
    lhs = RNG.normal(size=(2, 4, 3, 16)).astype(np.float32)  # k m b l
    rhs = RNG.normal(size=(16, 2, 3, 5)).astype(np.float32)  # l k b n
    numbers = (((0, 3), (1, 0)), ((2,), (2,)))

    got = nn.scaled_dot_general(lhs, rhs, numbers, configs=[MX] * 3)

    x = mx_rounded(lhs.transpose(2, 1, 0, 3).reshape(12, 32)).reshape(3, 4, 32)
    y = mx_rounded(rhs.transpose(2, 3, 1, 0).reshape(15, 32)).reshape(3, 5, 32)
    np.testing.assert_allclose(got, x @ y.mT, rtol=1e-4, atol=1e-4)


def weighted(config, weights):
    return lambda x, y: jnp.sum(
        weights * nn.scaled_dot_general(x, y, MATRICES, configs=[config] * 3)
    )


def test_gradients_of_mxfp8_are_products_in_mxfp8():
    weights = RNG.normal(size=(3, 5)).astype(np.float32)

    dx, dy = dc.jit(dc.grad(weighted(MX, weights), (0, 1)))(X, Y)

    ct, ct_t = mx_rounded(weights), mx_rounded(weights.T.copy())
    np.testing.assert_allclose(dx, ct @ mx_rounded(Y.T.copy()).T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        dy, ct_t @ mx_rounded(X.T.copy()).T, rtol=1e-4, atol=1e-4
    )


def test_gradients_of_nvfp4_are_exact_and_zero_where_it_clips():
    weights = RNG.normal(size=(3, 5)).astype(np.float32)
    x, y = X.copy(), Y.copy()
    x[0, 0] = 6 * 448 + 1
    y[4, 2] = -6 * 448 - 1

    dx, dy = dc.grad(weighted(NV, weights), (0, 1))(x, y)

    expected_x, expected_y = weights @ y, weights.T @ x
    expected_x[0, 0] = expected_y[4, 2] = 0
    np.testing.assert_allclose(dx, expected_x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dy, expected_y, rtol=1e-4, atol=1e-4)


def test_vmap_of_the_gradient_agrees_with_a_loop():
    batch = np.stack([X, 2 * X, X[::-1]])
    gradient = dc.jit(dc.grad(weighted(MX, np.ones((3, 5), "f")), (0, 1)))

    got = dc.vmap(gradient, (0, None))(batch, Y)

    for index, x in enumerate(batch):
        for made, expected in zip(got, gradient(x, Y), strict=True):
            np.testing.assert_allclose(made[index], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("config", [MX, NV], ids=["mxfp8", "nvfp4"])
def test_dtypes_of_results_and_gradients(config):
    x, y = (arg.astype(ml_dtypes.bfloat16) for arg in (X, Y))

    def total(x, y):
        made = nn.scaled_dot_general(x, y, MATRICES, np.float16, [config] * 3)
        assert made.dtype == np.float16
        return jnp.sum(made)

    assert [ct.dtype for ct in dc.grad(total, (0, 1))(x, y)] == ["bfloat16"] * 2


def test_without_configs_nothing_is_rounded():
    got = nn.scaled_dot_general(X, Y, MATRICES)

    np.testing.assert_allclose(got, X @ Y.T, rtol=1e-4, atol=1e-5)


def test_configs_say_how():
    assert (MX.mode, MX.block_size, MX.data_type, MX.scale_type) == (
        "mxfp8",
        32,
        ml_dtypes.float8_e4m3fn,
        ml_dtypes.float8_e8m0fnu,
    )
    assert (NV.mode, NV.block_size, NV.data_type, NV.scale_type) == (
        "nvfp4",
        16,
        ml_dtypes.float4_e2m1fn,
        ml_dtypes.float8_e4m3fn,
    )
    assert (MX.global_scale, NV.global_scale.tolist()) == (None, [1.0])


ONE = np.ones((1, 2, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "kind", "expected"),
    [
        (
            lambda: nn.scaled_matmul(ONE, ONE[:, :, :3], ONE, ONE),
            ValueError,
            "scaled_matmul: expected [b, m, k] and [b, n, k] with scales [b, m, j] and "
            "[b, n, i], where j and i divide k, got f32[1,2,4], f32[1,2,3], "
            "f32[1,2,4], f32[1,2,4].",
        ),
        (
            lambda: nn.scaled_matmul(ONE, ONE, ONE[:, :, :3], ONE),
            ValueError,
            "scaled_matmul: expected [b, m, k] and [b, n, k] with scales [b, m, j] and "
            "[b, n, i], where j and i divide k, got f32[1,2,4], f32[1,2,4], "
            "f32[1,2,3], f32[1,2,4].",
        ),
        (
            lambda: nn.get_scaled_dot_general_config("fp8"),
            ValueError,
            "get_scaled_dot_general_config: `mode` must be 'nvfp4' or 'mxfp8', got "
            "'fp8'.",
        ),
        (
            lambda: nn.get_scaled_dot_general_config("mxfp8", 2.0),
            ValueError,
            "get_scaled_dot_general_config: `global_scale` must be None for 'mxfp8', "
            "got 2.0.",
        ),
        (
            lambda: nn.get_scaled_dot_general_config("nvfp4", np.ones(2, "f")),
            ValueError,
            "get_scaled_dot_general_config: `global_scale` must be one number, got "
            "f32[2].",
        ),
        (
            lambda: nn.scaled_dot_general(X, Y, MATRICES, configs=[MX, NV, MX]),
            ValueError,
            "scaled_dot_general: `configs` must be three of one mode, 'mxfp8' or "
            "'nvfp4', for `lhs`, `rhs` and the cotangent, got ['mxfp8', 'nvfp4', "
            "'mxfp8'].",
        ),
        (
            lambda: nn.scaled_dot_general(X, Y, MATRICES, int, [MX] * 3),
            TypeError,
            "scaled_dot_general: `preferred_element_type` must be float32, bfloat16 or "
            "float16, got i32.",
        ),
        (
            lambda: nn.scaled_dot_general(X, Y, MATRICES, implementation="xla"),
            ValueError,
            "scaled_dot_general: `implementation` must be None or 'cudnn', got 'xla'.",
        ),
        (
            lambda: nn.scaled_dot_general(X, Y[:, :3], MATRICES, configs=[MX] * 3),
            ValueError,
            "scaled_dot_general: contracting sizes must match: (72,) != (3,), got "
            "f32[3,72] and f32[5,3] with dimension_numbers=(((1,), (1,)), ((), ())).",
        ),
    ],
)
def test_wrong_arguments(call, kind, expected):
    with pytest.raises(kind) as error:
        call()
    assert problem(error) == expected


def test_nvfp4_saturates():
    x = np.where(np.arange(16) == 3, 1e5, 1.0).astype(np.float32)[None]

    got = nn.scaled_dot_general(x, Y[:, :16], MATRICES, configs=[NV] * 3)

    saturated = 6 * 448 * (x > 1)
    np.testing.assert_allclose(got, saturated @ nv_rounded(Y[:, :16]).T, rtol=1e-5)
