"""Positions of extrema along axes so long that they are found block by block."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

# 4096 elements are the least that are cut into blocks; 64 = 8 blocks of 8.
SHAPES = [((4096,), 0), ((64, 65), 0), ((65, 64), 1), ((2, 96, 32), 1)]
DTYPES = ["float32", "float16", ml_dtypes.bfloat16, "int32", "uint8", "bool"]
FUNCTIONS = [(lax.argmax, np.argmax), (lax.argmin, np.argmin)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("function", "oracle"), FUNCTIONS)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_first_of_equal_extrema_is_found_across_blocks(
    rng, function, oracle, shape, axis
):
    # Few distinct values: the extremum is in most blocks, several times.
    x = rng.integers(-20, 20, shape).astype(np.float32)
    found = function(x, axis, "int32")
    np.testing.assert_array_equal(found, oracle(x, axis))


@pytest.mark.parametrize(("function", "oracle"), FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_is_searched_in_blocks(rng, function, oracle, dtype):
    x = rng.integers(0, 100, 4096).astype(dtype)
    assert function(x, 0, "int32") == oracle(x.astype(np.float32))


@pytest.mark.parametrize(("function", "oracle"), FUNCTIONS)
def test_first_nan_wins_over_every_block(rng, function, oracle):
    x = rng.standard_normal(4096).astype(np.float32)
    x[[5, 4000]] = np.inf, -np.inf
    x[[1234, 1235, 3000]] = np.nan
    assert function(x, 0, "int32") == 1234


@pytest.mark.parametrize(("function", "oracle"), FUNCTIONS)
@pytest.mark.parametrize("fill", [np.inf, -np.inf, np.nan])
def test_equal_elements_have_their_extremum_first(function, oracle, fill):
    x = np.full(4096, fill, np.float32)
    assert function(x, 0, "int32") == 0


def test_indices_have_the_dtype_asked_for():
    x = np.zeros((2, 4096), np.float32)
    x[1, 4095] = 1.0
    found = lax.argmax(x, 1, "uint16")
    assert found.dtype == np.uint16
    assert found.tolist() == [0, 4095]


def test_batched_blocks_equal_a_loop(rng):
    x = rng.standard_normal((4096, 3)).astype(np.float32)
    found = dc.vmap(lambda v: lax.argmax(v, 0, "int32"), in_axes=1)(x)
    np.testing.assert_array_equal(found, np.argmax(x, 0))
