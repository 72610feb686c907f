import nn_golden
import numpy as np
import pytest

import dolmen.core as dc
from dolmen import nn
from dolmen.core import lax, random


def data(key):
    return random.key_data(key).tolist()


def test_keys_are_those_of_flax():
    rngs = nn.Rngs(0, dropout=1)

    assert [data(rngs.params()), data(rngs.params()), data(rngs.dropout())] == (
        nn_golden.KEYS
    )


def test_a_stream_counts_its_keys():
    rngs = nn.Rngs(0)

    keys = [rngs.params(), rngs(), rngs.other()]

    assert len({tuple(data(key)) for key in keys}) == 3
    assert int(rngs.default.count) == 3


def test_named_streams_are_independent_of_the_default_one():
    plain, used = nn.Rngs(0, dropout=1), nn.Rngs(0, dropout=1)
    used()

    assert data(plain.dropout()) == data(used.dropout())
    assert data(plain.dropout()) != data(plain.params())


@pytest.mark.parametrize("seed", [np.int32(7), np.asarray(7), random.key(7)])
def test_seeds_may_be_integers_or_keys(seed):
    assert data(nn.Rngs(seed)()) == data(nn.Rngs(7)())


def test_fork_gives_new_streams_and_advances_the_old_ones():
    rngs = nn.Rngs(0, dropout=1)

    forked = rngs.fork()

    assert (int(rngs.default.count), int(forked.default.count)) == (1, 0)
    assert data(forked.dropout.key.value) == data(nn.Rngs(1).default())
    assert data(forked()) != data(rngs())


def test_fork_with_split_gives_a_stream_per_iteration():
    rngs = nn.Rngs(3)
    forked = rngs.fork(split=4)

    _, keys = lax.scan(lambda c, rngs: (c, random.key_data(rngs())), None, forked)
    mapped = dc.vmap(lambda rngs: random.key_data(rngs()))(forked)

    assert forked.default.count.shape == (4,)
    assert int(rngs.default.count) == 1
    assert len(np.unique(keys, axis=0)) == 4
    np.testing.assert_array_equal(keys, mapped)


def test_counts_advance_in_the_copy_that_jit_returns():
    @dc.jit
    def draw(rngs):
        return random.key_data(rngs()), rngs

    rngs = nn.Rngs(0)
    first, after = draw(rngs)
    second, _ = draw(after)

    assert int(rngs.default.count) == 0
    assert first.tolist() != second.tolist()


def test_a_missing_stream_is_an_error():
    with pytest.raises(AttributeError) as caught:
        nn.Rngs(dropout=1).params()

    assert str(caught.value) == (
        "Rngs has no stream 'params' and no default stream (streams: dropout). Pass "
        "`Rngs(seed)` or `Rngs(params=seed)`."
    )


@pytest.mark.parametrize("seed", [1.5, "0", True])
def test_a_wrong_seed_is_an_error(seed):
    with pytest.raises(TypeError) as caught:
        nn.Rngs(seed)

    assert str(caught.value) == (
        f"RngStream: expected an integer seed or a key, got {seed!r}. Make a key with "
        "`random.key(seed)`."
    )
