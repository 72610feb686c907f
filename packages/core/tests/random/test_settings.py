"""Settings about random numbers; the expected numbers are JAX's."""

import warnings

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config, random
from dolmen.core.random import _generators


def words(key):
    return words_of(key).tolist()


def words_of(key):
    return random.key_data(key)


def without_line(raised):
    lines = str(raised.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


# ---- threefry in sequence ----


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (1, [[64467757, 2916123636]]),
        (
            3,
            [
                [3134548294, 3733159049],
                [3746501087, 894150801],
                [801545058, 2363201431],
            ],
        ),
        (
            (2, 2),
            [
                [[2954079971, 2575172198], [1139032965, 1035738655]],
                [[3276725750, 1223413151], [173471767, 13772463]],
            ],
        ),
    ],
)
def test_keys_of_the_sequence(shape, expected):
    with dc.threefry_partitionable(False):
        keys = random.split(random.key(42), shape)

    assert words(keys) == expected


@pytest.mark.parametrize(
    ("dtype", "shape", "expected"),
    [
        ("uint8", (), 143),
        ("uint8", (5,), [45, 179, 215, 3, 244]),
        ("uint16", (), 1167),
        ("uint16", (2, 3), [[8426, 37627, 63599], [6563, 55571, 3896]]),
        ("uint32", (), 1832780943),
        ("uint32", (5,), [3134548294, 3733159049, 843694964, 894150801, 801545058]),
    ],
)
def test_bits_of_the_sequence(dtype, shape, expected):
    with dc.threefry_partitionable(False):
        bits = random.bits(random.key(42), shape, dtype)

    assert bits.tolist() == expected


def test_wide_bits_of_the_sequence():
    with dc.threefry_partitionable(False), dc.enable_x64(True):
        bits = random.bits(random.key(42), (3,), "uint64")

    assert bits.tolist() == [
        13462782411356743825,
        16033796027023006562,
        16091099645456652183,
    ]


def test_a_sequence_that_is_too_long_for_its_counters_is_one_of_several_keys(
    monkeypatch,
):
    key = random.key(3)
    with dc.threefry_partitionable(False):
        keys = zip(random.split(key, 3), (4, 4, 2), strict=True)
        parts = [random.bits(key, (size,)) for key, size in keys]

    monkeypatch.setattr(_generators, "_MAX_RAMP", 4)
    with dc.threefry_partitionable(False):
        made = _generators.THREEFRY.bits(words_of(key), (10,), 32)

    np.testing.assert_array_equal(made, np.concatenate(parts))


def test_positions_beyond_32_bits_have_numbers_of_their_own():
    # The compiler draws only the elements that are kept.
    draw = dc.jit(lambda key: random.bits(key, (2**33,))[-3:])

    assert draw(random.key(3)).tolist() == [1730007256, 570094829, 4192458498]


def test_the_sequence_is_chosen_under_every_transformation():
    def draw(key):
        return random.uniform(key, (3,))

    keys = random.key(42)[None]
    usual = draw(random.key(42))

    with dc.threefry_partitionable(False):
        results = [
            draw(random.key(42)),
            dc.jit(draw)(random.key(42)),
            dc.vmap(draw)(keys)[0],
            dc.jit(dc.vmap(draw))(keys)[0],
        ]
    afterwards = dc.jit(draw)(random.key(42))

    expected = [0.5741443634033203, 0.1001582145690918, 0.059461116790771484]
    np.testing.assert_array_equal(results, [np.float32(expected)] * 4)
    np.testing.assert_array_equal(afterwards, usual)


def test_halves_of_rbg_keys_are_split_in_sequence():
    with dc.threefry_partitionable(False):
        keys = random.split(random.key(3, impl="rbg"), 2)

    assert words(keys) == [
        [1024511538, 47757680, 1024511538, 47757680],
        [2603795180, 1437962712, 2603795180, 1437962712],
    ]


# ---- generators ----


def test_keys_of_unsafe_rbg():
    key = random.key(5, impl="unsafe_rbg")

    assert words(random.split(key, 2)) == [
        [1612232000, 3369602501, 1197273755, 1864225075],
        [3739331121, 2239189395, 1258670070, 2509022470],
    ]
    assert words(random.fold_in(key, 9)) == [
        1300080329,
        138944922,
        2151969553,
        3341033586,
    ]


def test_the_default_generator_makes_keys_and_reads_plain_words():
    with dc.default_prng_impl("unsafe_rbg"):
        key = random.key(5)
        plain = random.split(random.PRNGKey(5), 2)

    assert str(key.dtype) == "key<urbg>"
    assert plain.tolist() == words(random.split(key, 2))
    assert str(random.key(5).dtype) == "key<fry>"


def test_an_unknown_default_generator_is_an_error():
    with pytest.raises(ValueError) as raised:
        dc.default_prng_impl("mersenne")

    assert without_line(raised) == (
        "default_prng_impl: expected 'threefry2x32', 'rbg' or 'unsafe_rbg', got "
        "'mersenne'."
    )


# ---- keys and seeds ----


def test_prngkey_makes_typed_keys_on_request():
    with dc.enable_custom_prng():
        key = random.PRNGKey(42)

    assert str(key.dtype) == "key<fry>"
    assert words(key) == [0, 42]


def test_plain_keys_warn_at_the_users_line_on_request():
    key = random.PRNGKey(0)

    with dc.legacy_prng_key("warn"), pytest.warns(UserWarning, match="key") as caught:
        random.uniform(key)

    assert [str(warning.message) for warning in caught] == [
        "uniform: `key` is a plain array of words; legacy_prng_key is 'warn'.\n"
        "Make keys with `random.key(seed)` instead of `random.PRNGKey(seed)`."
    ]
    assert caught[0].filename == __file__


def test_plain_keys_raise_on_request():
    with dc.legacy_prng_key("error"), pytest.raises(ValueError) as raised:
        dc.jit(random.split)(random.PRNGKey(0))

    assert without_line(raised) == (
        "split: `key` is a plain array of words; legacy_prng_key is 'error'.\n"
        "Make keys with `random.key(seed)` instead of `random.PRNGKey(seed)`."
    )


def test_typed_keys_are_never_complained_of():
    with dc.legacy_prng_key("error"), warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = dc.jit(lambda key: random.uniform(random.split(key)[0]))(random.key(0))

    assert drawn.shape == ()


def test_gumbel_numbers_can_have_the_high_range_by_default():
    key = random.key(0)
    low, high = random.gumbel(key, (4,)), random.gumbel(key, (4,), mode="high")

    config.update("high_dynamic_range_gumbel", True)
    drawn = random.gumbel(key, (4,))
    config.update("high_dynamic_range_gumbel", False)

    np.testing.assert_array_equal(drawn, high)
    assert not np.array_equal(low, high)


def test_seeds_are_offset():
    config.update("random_seed_offset", 5)
    seeds = [
        words(random.key(1)),
        random.PRNGKey(jnp.array(2)).tolist(),
        random.PRNGKey(-7).tolist(),
        dc.jit(random.PRNGKey)(3).tolist(),
    ]
    config.update("random_seed_offset", 0)

    assert seeds == [[0, 6], [0, 7], [0, 4294967294], [0, 8]]
    assert dc.jit(random.PRNGKey)(3).tolist() == [0, 3]
