"""Generators below their keys; expected words are those of JAX 0.10.2."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import random
from dolmen.core.extend.random import (
    random_seed,
    rbg_prng_impl,
    threefry_2x32,
    threefry_prng_impl,
)

KEY = np.array([1, 2], np.uint32)


def message_of(caught):
    """Without the line that names the place."""
    lines = str(caught.value).splitlines()
    return [line for line in lines if not line.startswith("  at ")]


def test_keys_out_of_an_array_of_seeds():
    keys = random_seed(np.array([[3, 4]]), threefry_prng_impl)

    assert random.key_data(keys).tolist() == [[[0, 3], [0, 4]]]


def test_a_key_of_another_generator():
    key = random_seed(3, rbg_prng_impl)

    assert random.key_impl(key) == "rbg"


@pytest.mark.parametrize("call", [threefry_2x32, dc.jit(threefry_2x32)])
def test_an_odd_number_of_counters(call):
    made = call(KEY, np.arange(5, dtype=np.uint32))

    expected = [2052595727, 3504730591, 2527474599, 1880214352, 1914734168]
    assert made.tolist() == expected


def test_counters_of_two_axes():
    made = threefry_2x32(KEY, np.arange(4, dtype=np.uint32).reshape(2, 2))

    assert made.tolist() == [[4128513521, 3192206206], [2345921600, 3057534555]]


def test_no_counters():
    assert threefry_2x32(KEY, np.zeros((0, 3), np.uint32)).shape == (0, 3)


def test_other_dtypes():
    with pytest.raises(TypeError) as caught:
        threefry_2x32(KEY, np.arange(4, dtype=np.int32))

    assert message_of(caught) == [
        "threefry_2x32: expected uint32 arguments, got u32[], u32[], i32[4]."
    ]


def test_a_key_of_three_words():
    with pytest.raises(ValueError) as caught:
        threefry_2x32(np.zeros(3, np.uint32), np.arange(4, dtype=np.uint32))

    assert message_of(caught) == ["threefry_2x32: `keypair` must be two words, got 3."]
