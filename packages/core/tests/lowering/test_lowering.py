"""From programs to StableHLO and executables."""

import numpy as np

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax


def text(function, *args):
    return dc.jit(function).lower(*args).as_text()


def test_dead_code_is_not_lowered():
    def f(x):
        jnp.cos(x)
        return jnp.sin(x)

    assert "cosine" not in text(f, 1.0)


def test_unused_arguments_are_no_parameters_unless_kept():
    def f(x, y):
        return x + 1.0

    kept = dc.jit(f, keep_unused=True).lower(1.0, 2.0).as_text()

    assert "%arg1" not in text(f, 1.0, 2.0)
    assert "%arg1" in kept


def test_prints_are_not_dead_code():
    assert "custom_call" in text(lambda x: dc.debug.print("{}", x), 1.0)


def test_locations_name_the_users_line():
    def f(x):
        return jnp.sin(x)

    lowered = dc.jit(f).lower(1.0).as_text(debug_info=True)

    assert "test_lowering.py" in lowered
    assert "dolmen/core/numpy" not in lowered


def test_scan_is_one_loop_however_long():
    def f(x):
        return lax.scan(lambda c, _: (jnp.sin(c), None), x, None, length=1000)[0]

    assert text(f, 1.0).count("stablehlo.sine") == 1


def test_large_equal_constants_are_stored_once():
    lowered = text(lambda x: x + np.zeros((512, 512), np.float32), np.ones((512, 512)))

    assert len(lowered) < 2000


def test_negative_zero_and_nan_are_not_merged_with_others():
    values = np.array([-0.0, 0.0, np.nan], np.float32)

    got = np.asarray(dc.jit(lambda: jnp.asarray(values) * 1.0)())

    assert np.signbit(got[0])
    assert not np.signbit(got[1])
    assert np.isnan(got[2])


def test_every_dtype_survives_a_compiled_call():
    import ml_dtypes

    for dtype in (
        bool,
        np.int8,
        np.uint8,
        np.int16,
        np.uint32,
        np.float16,
        ml_dtypes.bfloat16,
        ml_dtypes.float8_e4m3fn,
        np.complex64,
    ):
        x = np.array([0, 1, 1], dtype)
        got = dc.jit(lambda x: x[::-1])(x)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(np.asarray(got), x[::-1])


def test_a_filled_constant_is_never_held_in_full():
    def f(x):
        length = 1 << 30
        return lax.scan(lambda c, _: (c, (c, c * 1j)), x, None, length=length)[1]

    lowered = text(f, 1.0)

    assert "dense<0.000000e+00> : tensor<1073741824xf32>" in lowered
    assert "-> tensor<1073741824xcomplex<f32>>" in lowered
