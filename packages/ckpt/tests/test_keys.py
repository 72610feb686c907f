"""Typed PRNG keys."""

import numpy
import pytest

import dolmen.ckpt as ck
from dolmen import core
from dolmen.core import random


def words(key):
    return numpy.asarray(random.key_data(key))


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_come_back_as_keys_of_their_algorithm(tmp_path, impl):
    key = random.key(3, impl=impl)
    ck.save(tmp_path / "x", {"one": key, "many": random.split(key, 3)})

    loaded = ck.load(tmp_path / "x")

    assert str(random.key_impl(loaded["one"])) == str(random.key_impl(key))
    assert loaded["one"].dtype == key.dtype
    assert loaded["many"].shape == (3,)
    numpy.testing.assert_array_equal(words(loaded["one"]), words(key))
    numpy.testing.assert_array_equal(words(loaded["many"]), words(random.split(key, 3)))


def test_keys_are_restored_like_keys(tmp_path):
    key = random.key(3)
    ck.save(tmp_path / "x", [key])

    (loaded,) = ck.load(tmp_path / "x", like=[random.key(0)])

    numpy.testing.assert_array_equal(words(loaded), words(key))


def test_keys_are_restored_like_abstract_keys(tmp_path):
    ck.save(tmp_path / "x", [random.key(3)])

    shapes = ck.tree(tmp_path / "x")
    (loaded,) = ck.load(tmp_path / "x", like=shapes)

    assert shapes[0].shape == ()
    assert core.dtypes.issubdtype(shapes[0].dtype, core.dtypes.prng_key)
    numpy.testing.assert_array_equal(words(loaded), words(random.key(3)))


def test_another_algorithm_or_an_array_is_a_difference(tmp_path):
    ck.save(tmp_path / "x", {"a": random.key(3), "b": random.key(4)})
    like = {"a": random.key(0, impl="rbg"), "b": numpy.zeros(2, "uint32")}

    with pytest.raises(ck.TreeMismatchError) as caught:
        ck.load(tmp_path / "x", like)

    assert caught.value.differences == (
        "dtype: ['a'] is key<threefry2x32>[] in the checkpoint, key<rbg>[] in `like`",
        "kind: ['b'] is key<threefry2x32>[] in the checkpoint, u32[2] in `like`",
    )
