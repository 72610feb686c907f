"""`rms_norm` and its gradient against NumPy in float64."""

import functools

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import kernels
from dolmen.core import lax
from dolmen.kernels import _interpreter, _rms_norm

SHAPES = [(5, 7), (3,), (2, 3, 33), (300, 16), (257, 4)]
# Relative error of one rounding, times a few for the sums of up to a thousand rows.
TOLERANCE = {
    "float32": {"rtol": 3e-5, "atol": 3e-5},
    "bfloat16": {"rtol": 2**-6, "atol": 2**-6},
}
EPSILON = 1e-3  # large enough that leaving it out shows


def arrays(shape, dtype="float32"):
    rng = np.random.default_rng(0)
    dtype = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    x, ct = rng.standard_normal((2, *shape)).astype(dtype)
    return x, rng.standard_normal(shape[-1:]).astype("float32"), ct


def reference(x, scale, epsilon=EPSILON):
    x, scale = x.astype("float64"), scale.astype("float64")
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon) * scale


def reference_gradient(x, scale, ct, epsilon=EPSILON):
    x, scale, ct = (a.astype("float64") for a in (x, scale, ct))
    rms = np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
    dot = (ct * scale * x).mean(-1, keepdims=True)
    dscale = (ct * x / rms).reshape(-1, x.shape[-1]).sum(0)
    return ct * scale / rms - x * dot / rms**3, dscale


norm_with_epsilon = functools.partial(kernels.rms_norm, epsilon=EPSILON)


def gradient(x, scale, ct, norm=norm_with_epsilon):
    def loss(x, scale):
        y = norm(x, scale).astype(jnp.float32)
        return jnp.sum(y * ct.astype(jnp.float32))

    return dc.grad(loss, argnums=(0, 1))(x, scale)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_value_agrees_with_float64(shape, dtype):
    x, scale, _ = arrays(shape, dtype)

    found = kernels.rms_norm(x, scale, epsilon=EPSILON)

    assert found.dtype == x.dtype
    found = np.asarray(found).astype("float64")
    np.testing.assert_allclose(found, reference(x, scale), **TOLERANCE[dtype])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_gradient_agrees_with_float64(shape, dtype):
    x, scale, ct = arrays(shape, dtype)

    dx, dscale = gradient(x, scale, ct)

    assert (dx.dtype, dscale.dtype) == (x.dtype, scale.dtype)
    expected_dx, expected_dscale = reference_gradient(x, scale, ct)
    dx = np.asarray(dx).astype("float64")
    np.testing.assert_allclose(dx, expected_dx, **TOLERANCE[dtype])
    rows = max(x.size // x.shape[-1], 1)
    scaled = TOLERANCE[dtype]["atol"] * np.sqrt(rows)
    rtol = TOLERANCE[dtype]["rtol"]
    np.testing.assert_allclose(dscale, expected_dscale, rtol=rtol, atol=scaled)


@pytest.mark.parametrize("block_rows", [1, 3, 10, 64])
def test_any_block_of_rows_gives_the_same(block_rows):
    x, scale, ct = arrays((10, 6))
    norm = functools.partial(kernels.rms_norm, epsilon=EPSILON, block_rows=block_rows)

    dx, dscale = gradient(x, scale, ct, norm)

    np.testing.assert_allclose(
        norm(x, scale), reference(x, scale), rtol=2e-5, atol=2e-6
    )
    expected_dx, expected_dscale = reference_gradient(x, scale, ct)
    np.testing.assert_allclose(dx, expected_dx, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(dscale, expected_dscale, rtol=2e-5, atol=2e-6)


def test_forward_kernel_passes_the_interpreter():
    x, scale, _ = arrays((10, 6))
    program = _traced(
        _rms_norm._forward_call(x.shape, x.dtype, EPSILON, 4), x, scale[None]
    )

    y, inverse_rms = _interpreter.run(program, [x, scale[None]])

    np.testing.assert_allclose(y, reference(x, scale), rtol=2e-5, atol=2e-6)
    expected = 1 / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)
    np.testing.assert_allclose(inverse_rms, expected, rtol=2e-5)


def test_backward_kernel_keeps_undefined_rows_out_of_the_sum():
    x, scale, ct = arrays((10, 6))
    inverse_rms = 1 / np.sqrt((x**2).mean(-1, keepdims=True) + np.float32(EPSILON))
    args = [x, scale[None], inverse_rms, ct]
    program = _traced(_rms_norm._backward_call(x.shape, x.dtype, 4), *args)

    dx, dscale = _interpreter.run(program, args)

    expected_dx, expected_dscale = reference_gradient(x, scale, ct)
    np.testing.assert_allclose(dx, expected_dx, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(
        dscale.sum((0, 1)), expected_dscale, rtol=2e-5, atol=2e-6
    )


def _traced(call, *args):
    """The kernel behind a `kernel_call`."""
    (equation,) = dc.make_jaxpr(call)(*args).eqns
    return equation.primitive.kernel


@pytest.mark.parametrize("compiled", [False, True])
def test_batched_gradient_agrees_with_float64(compiled):
    x, scale, ct = arrays((4, 6, 5))
    scales = np.broadcast_to(scale, (4, 5))
    batched = dc.vmap(gradient)

    found = (dc.jit(batched) if compiled else batched)(x, scales, ct)

    rows = [reference_gradient(x[i], scale, ct[i]) for i in range(4)]
    np.testing.assert_allclose(found[0], [r[0] for r in rows], rtol=3e-5, atol=3e-6)
    np.testing.assert_allclose(found[1], [r[1] for r in rows], rtol=3e-5, atol=3e-6)


def test_a_scale_shared_by_a_batch_gets_the_sum():
    x, scale, ct = arrays((4, 6, 5))

    def loss(scale):
        y = dc.vmap(lambda x: kernels.rms_norm(x, scale, epsilon=EPSILON))(x)
        return jnp.sum(y * ct)

    found = dc.grad(loss)(scale)

    expected = reference_gradient(x, scale, ct)[1]
    np.testing.assert_allclose(found, expected, rtol=3e-5, atol=3e-6)


def test_gradient_through_scan_and_checkpoint_agrees_with_a_python_loop():
    x, _, ct = arrays((6, 5))
    scales = 1 + 0.1 * np.arange(15, dtype="float32").reshape(3, 5)

    @dc.checkpoint
    def layer(x, scale):
        return x + kernels.rms_norm(x, scale, epsilon=EPSILON)

    def scanned(x, scales):
        last, _ = lax.scan(lambda x, scale: (layer(x, scale), None), x, scales)
        return jnp.sum(last * ct)

    found = dc.jit(dc.grad(scanned, argnums=(0, 1)))(x, scales)

    activations = [x.astype("float64")]
    for scale in scales:
        activations.append(activations[-1] + reference(activations[-1], scale))
    running, dscales = ct.astype("float64"), []
    for before, scale in zip(activations[-2::-1], scales[::-1], strict=True):
        dx, dscale = reference_gradient(before, scale, running)
        running, dscales = running + dx, [dscale, *dscales]
    np.testing.assert_allclose(found[0], running, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], dscales, rtol=1e-4, atol=1e-5)


def test_an_input_without_rows_stays_empty():
    assert kernels.rms_norm(jnp.zeros((0, 4)), jnp.ones(4)).shape == (0, 4)


def test_statistics_of_bfloat16_are_float32():
    x = np.full((1, 4096), 1.0, ml_dtypes.bfloat16)  # bfloat16 counts to 256 only

    found = kernels.rms_norm(x, np.ones(4096, "float32"), epsilon=0.0)

    np.testing.assert_array_equal(np.asarray(found).astype("float32"), 1.0)


def test_second_derivatives_are_refused():
    x, scale, _ = arrays((5, 6))

    with pytest.raises(TypeError) as error:
        dc.grad(lambda x: dc.grad(lambda x: kernels.rms_norm(x, scale).sum())(x).sum())(
            x
        )

    assert "kernel has no derivative of its own" in str(error.value)
    assert str(error.value).endswith(
        "Give the function that calls it a rule with `custom_vjp`. The rule of a "
        "kernel that Dolmen ships is itself a kernel, so it can be differentiated once."
    )


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError) as error:
        kernels.rms_norm(jnp.ones((2, 3)), jnp.ones(2))
    assert str(error.value).startswith(
        "rms_norm: `scale` must be as long as the last axis of `x`; `x` is f32[2,3], "
        "`scale` is f32[2]."
    )
    with pytest.raises(TypeError) as error:
        kernels.rms_norm(jnp.ones((2, 3), "int32"), jnp.ones(3))
    assert str(error.value).startswith(
        "rms_norm: `x` must be real floating-point, got i32[2,3]."
    )
    with pytest.raises(ValueError) as error:
        kernels.rms_norm(jnp.ones((2, 3)), jnp.ones(3), block_rows=0)
    assert str(error.value).startswith(
        "rms_norm: `block_rows` must be positive, got 0."
    )
