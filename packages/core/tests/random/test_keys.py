"""Typed keys: arrays of keys, leaves to users, words to transformations."""

import pickle

import numpy as np
import pytest

from dolmen import core as dc
from dolmen.core import dtypes, lax, numpy as jnp, random, tree


@pytest.fixture(scope="module")
def keys():
    return random.split(random.key(0), 6)


def words(key):
    return np.asarray(random.key_data(key))


def test_key_prints_its_dtype_and_words():
    assert repr(random.key(42)) == "Array((), dtype=key<fry>) overlaying:\n[ 0 42]"


def test_dtype_is_a_prng_key():
    assert dtypes.issubdtype(random.key(0).dtype, dtypes.prng_key)
    assert not dtypes.issubdtype(jnp.float32, dtypes.prng_key)


def test_key_is_an_array(keys):
    assert isinstance(keys, dc.Array)
    assert (keys.shape, keys.ndim, keys.size, len(keys)) == ((6,), 1, 6, 6)


def test_key_is_a_leaf_of_public_trees(keys):
    assert tree.leaves({"a": keys}) == [keys] or tree.structure(keys).num_nodes == 1


@pytest.mark.parametrize(
    "index",
    [2, -1, slice(1, 4), (Ellipsis, 0), None, np.array([0, 3]), np.arange(6) % 2 == 0],
    ids=repr,
)
def test_indexing_selects_whole_keys(keys, index):
    selected = keys[index]

    expected = np.stack([np.asarray(words(keys)[:, i])[index] for i in (0, 1)], -1)
    np.testing.assert_array_equal(words(selected), expected)


def test_iteration_gives_single_keys(keys):
    np.testing.assert_array_equal(np.stack([words(k) for k in keys]), words(keys))


def test_reshape_and_transpose_move_whole_keys(keys):
    moved = keys.reshape(2, -1).T

    expected = words(keys).reshape(2, 3, 2).transpose(1, 0, 2)
    np.testing.assert_array_equal(words(moved), expected)


def test_equality_compares_keys(keys):
    assert (keys == keys[2]).tolist() == [False, False, True, False, False, False]
    assert (keys != keys[2]).tolist() == [True, True, False, True, True, True]


def test_pickling_keeps_words_and_generator():
    key = random.key(3, impl="rbg")

    again = pickle.loads(pickle.dumps(key))

    assert again.dtype == key.dtype
    np.testing.assert_array_equal(words(again), words(key))


def test_wrap_key_data_inverts_key_data(keys):
    assert (random.wrap_key_data(random.key_data(keys)) == keys).all()


# ---- transformations ---------------------------------------------------------------


def test_keys_pass_through_jit(keys):
    split = dc.jit(lambda key: random.split(key, 3))

    assert (split(keys[0]) == random.split(keys[0], 3)).all()


def test_vmap_over_keys_draws_what_a_loop_draws(keys):
    drawn = dc.vmap(lambda key: random.normal(key, (3,)))(keys)

    expected = np.stack([random.normal(key, (3,)) for key in keys])
    np.testing.assert_array_equal(drawn, expected)


def test_eval_shape_describes_keys(keys):
    got = dc.eval_shape(lambda k: {"key": random.fold_in(k, 1)}, random.key(0))

    assert got == {"key": dc.ShapeDtypeStruct((), keys.dtype)}


def test_descriptions_of_keys_stand_for_keys(keys):
    described = dc.ShapeDtypeStruct((3, 4), keys.dtype)

    got = dc.eval_shape(lambda ks: (ks[0], random.uniform(ks[0, 0], (5,))), described)

    assert described.size == 12
    assert got == (
        dc.ShapeDtypeStruct((4,), keys.dtype),
        dc.ShapeDtypeStruct((5,), np.float32),
    )


def test_a_description_of_keys_has_no_array_type(keys):
    with pytest.raises(TypeError) as caught:
        dc.ShapeDtypeStruct((2,), keys.dtype).as_type()

    assert str(caught.value).splitlines()[0] == (
        "expected the description of an array, got ShapeDtypeStruct(shape=(2,), "
        "dtype=key<fry>)."
    )


def test_scan_carries_keys():
    def step(key, _):
        key, now = random.split(key)
        return key, random.uniform(now)

    _, drawn = lax.scan(step, random.key(0), None, length=3)

    key, expected = random.key(0), []
    for _ in range(3):
        key, now = random.split(key)
        expected.append(random.uniform(now))
    np.testing.assert_array_equal(drawn, np.stack(expected))


def test_grad_leaves_keys_alone():
    def loss(scale, key):
        return jnp.sum(scale * random.normal(key, (4,)))

    gradient = dc.grad(loss)(2.0, random.key(0))

    expected = np.sum(random.normal(random.key(0), (4,)))
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_plain_words_give_the_same_numbers():
    raw = random.PRNGKey(7)

    assert random.split(raw).dtype == np.uint32
    np.testing.assert_array_equal(
        random.normal(raw, (3,)), random.normal(random.key(7), (3,))
    )


# ---- errors ------------------------------------------------------------------------


def test_arithmetic_on_keys_says_what_to_do_instead():
    with pytest.raises(TypeError) as caught:
        random.key(0) + 1

    problem, *_, fix = str(caught.value).splitlines()
    assert problem == (
        "add: keys are not numbers; got an array of shape () and dtype key<fry>."
    )
    assert fix == (
        "Draw numbers with a function such as `random.uniform(key)`, or take the words "
        "with `random.key_data(key)`."
    )


def test_numpy_conversion_of_keys_fails():
    with pytest.raises(TypeError, match=r"numpy.asarray: keys can't become"):
        np.asarray(random.key(0))


def test_batch_of_keys_names_its_shape(keys):
    with pytest.raises(ValueError) as caught:
        random.uniform(keys)

    problem, *_, fix = str(caught.value).splitlines()
    assert problem == "uniform: `key` must be a single key, got keys of shape (6,)."
    assert fix == "Map over them with `vmap`."


def test_seed_instead_of_key_fails():
    with pytest.raises(TypeError) as caught:
        random.normal(0, (3,))

    problem, *_, fix = str(caught.value).splitlines()
    assert problem == "normal: `key` must be a random key, got an array ~i32[]."
    assert fix == "Make one with `random.key(seed)`."


def test_float_seed_fails():
    with pytest.raises(
        TypeError, match=r"key: `seed` must be an integer, got ~f32\[\]"
    ):
        random.key(1.5)


def test_unknown_generator_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="'threefry2x32', 'rbg', 'unsafe_rbg', got 'mersenne'"
    ):
        random.key(0, impl="mersenne")


def test_negative_fold_in_fails():
    with pytest.raises(OverflowError, match="fold_in: `data` must fit uint32, got -1"):
        random.fold_in(random.key(0), -1)


def test_too_many_indices_fail(keys):
    with pytest.raises(IndexError, match=r"2 axes are indexed.*shape \(6,\)"):
        keys[0, 0]
