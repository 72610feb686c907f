import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data._permutation import EpochOrders, Permutation
from dolmen.data._streams import shuffle_key

sizes = st.one_of(st.integers(1, 300), st.sampled_from([4095, 4096, 4097, 10_000]))
keys = st.binary(min_size=1, max_size=32)

# Powers of two and of ten: where networks of bits fit, and where they do not.
LARGE = [2**16, 10**5, 2**20, 10**6]


def order_of(size, seed, epoch=0):
    return Permutation(size, shuffle_key(seed, 1, epoch))(np.arange(size))


def chi_squared_per_freedom(counts):
    expected = counts.sum() / counts.size
    return ((counts - expected) ** 2 / expected).sum() / (counts.size - 1)


def mean_over_seeds(statistic, size):
    return np.mean([statistic(order_of(size, seed), size) for seed in range(4)])


def histogram(values, size):
    """Values of range(size) counted in at most 4096 bins of at least 16."""
    bins = min(4096, size // 16)
    return np.bincount(values * bins // size, minlength=bins)


def differences(order, size):
    return chi_squared_per_freedom(histogram(np.diff(order) % size, size))


def second_differences(order, size):
    return chi_squared_per_freedom(histogram(np.diff(order, n=2) % size, size))


def cells(rows, columns, size):
    """Pairs counted on a grid of 64 x 64."""
    pairs = (rows * 64 // size) * 64 + columns * 64 // size
    return chi_squared_per_freedom(np.bincount(pairs, minlength=64 * 64))


def successive_pairs(order, size):
    return cells(order[:-1], order[1:], size)


def places_and_values(order, size):
    return cells(np.arange(size), order, size)


def low_digits_of_pairs(order, size):
    pairs = (order[:-1] % 64) * 64 + order[1:] % 64
    return chi_squared_per_freedom(np.bincount(pairs, minlength=64 * 64))


@settings(deadline=None)
@given(size=sizes, key=keys)
def test_every_position_goes_to_one_place_of_its_own(size, key):
    order = Permutation(size, key)(np.arange(size))

    assert np.array_equal(np.sort(order), np.arange(size))


@settings(deadline=None)
@given(size=sizes, key=keys, data=st.data())
def test_one_position_and_many_go_to_the_same_places(size, key, data):
    positions = data.draw(st.lists(st.integers(0, size - 1), max_size=20))
    permutation = Permutation(size, key)

    together = permutation(np.array(positions, np.int64))

    assert together.tolist() == [permutation.one(p) for p in positions]


@pytest.mark.parametrize("size", [2**31 + 11, 10**12, 2**62])
def test_sizes_far_beyond_memory_stay_in_range_and_do_not_collide(size):
    permutation = Permutation(size, b"key")

    order = permutation(np.arange(size - 10_000, size))

    assert order.min() >= 0
    assert order.max() < size
    assert len(np.unique(order)) == 10_000
    assert permutation.one(size - 1) == order[-1]


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize(
    "statistic",
    [
        differences,
        second_differences,
        successive_pairs,
        places_and_values,
        low_digits_of_pairs,
    ],
)
def test_large_orders_look_random(statistic, size):
    # With 4 seeds and 4095 degrees of freedom one standard deviation is 0.011.
    assert 0.9 < mean_over_seeds(statistic, size) < 1.1


@pytest.mark.parametrize("size", [3, 4, 5])
def test_all_orders_of_few_records_are_equally_likely(size):
    orders = {order: i for i, order in enumerate(itertools.permutations(range(size)))}
    counts = np.zeros(len(orders))

    for seed in range(20 * len(orders)):
        counts[orders[tuple(order_of(size, seed).tolist())]] += 1

    freedom = len(orders) - 1
    assert chi_squared_per_freedom(counts) < 1 + 4 * np.sqrt(2 / freedom)


def test_epochs_and_seeds_give_unrelated_orders():
    orders = {
        (seed, epoch): order_of(10**5, seed, epoch)
        for seed in range(3)
        for epoch in range(3)
    }

    for a, b in itertools.combinations(orders.values(), 2):
        # Unrelated orders agree in 1 place on average, and rarely in 10.
        assert np.count_nonzero(a == b) < 10
        assert 0.85 < cells(a, b, 10**5) < 1.15


def test_the_order_is_the_same_in_every_release_and_on_every_machine():
    assert order_of(10, 0).tolist() == GOLDEN_SMALL
    assert order_of(10**6, 7, 3)[:6].tolist() == GOLDEN_LARGE


@settings(deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 8999), st.integers(1, 300)),
        min_size=1,
        max_size=12,
    )
)
def test_remembered_blocks_do_not_change_the_order(requests):
    def key_of_epoch(epoch):
        return shuffle_key(3, 1, epoch)

    orders = EpochOrders(9000, key_of_epoch)

    for epoch, start, count in requests:
        places = np.arange(start, min(start + count, 9000))
        expected = Permutation(9000, key_of_epoch(epoch))(places)
        assert np.array_equal(orders(epoch, places), expected)
        assert np.array_equal(orders(epoch, places[::-1]), expected[::-1])


GOLDEN_SMALL = [7, 5, 3, 4, 1, 2, 8, 6, 9, 0]
GOLDEN_LARGE = [739514, 691526, 968221, 652915, 529258, 235186]
