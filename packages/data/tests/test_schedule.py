from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data._proportions import shares_of
from dolmen.data._schedule import Schedule

share_lists = st.lists(
    st.integers(1, 60) | st.sampled_from([1, 1000, 10**6]), min_size=1, max_size=9
)


def counts_of(parts, size, number):
    """[size, number]: how often each part was chosen up to and with each place."""
    return np.cumsum(parts[:, None] == np.arange(number), axis=0)


def most_off(shares, size=600):
    """Records between a count and its share, over all parts and prefixes."""
    parts, _ = Schedule(shares).choose(np.arange(size))
    counts = counts_of(parts, size, len(shares))
    wanted = np.arange(1, size + 1)[:, None] * np.array(shares) / sum(shares)
    return np.abs(counts - wanted).max()


@settings(deadline=None)
@given(shares=share_lists)
def test_every_prefix_holds_every_part_to_its_share(shares):
    assert most_off(shares) < 2


@settings(deadline=None)
@given(shares=st.lists(st.integers(1, 1000), min_size=2, max_size=3))
def test_two_or_three_parts_are_held_within_one_record(shares):
    assert most_off(shares) < 1


def test_equal_parts_take_turns():
    for number in (1, 2, 4, 8, 16):
        parts, _ = Schedule([1] * number).choose(np.arange(3 * number))

        turns = np.sort(parts.reshape(3, number), axis=1)
        assert (turns == np.arange(number)).all()


@settings(deadline=None)
@given(shares=share_lists)
def test_every_part_gives_its_records_in_order_without_a_gap(shares):
    parts, counts = Schedule(shares).choose(np.arange(300))

    for part in range(len(shares)):
        own = counts[parts == part]
        assert own.tolist() == list(range(len(own)))


@settings(deadline=None)
@given(shares=share_lists, far=st.integers(0, 2**62))
def test_a_place_is_found_without_those_before_it(shares, far):
    schedule = Schedule(shares)
    places = far + np.arange(50)

    parts, counts = schedule.choose(places)

    pairs = zip(parts.tolist(), counts.tolist(), strict=True)
    assert [schedule.place_of(*pair) for pair in pairs] == places.tolist()


def test_counts_far_away_are_the_shares():
    shares = (3, 2**29, 7)
    place = 2**61

    (part,), (count,) = Schedule(shares).choose(np.array([place]))

    wanted = Fraction(place) * shares[part] / sum(shares)
    assert abs(int(count) - wanted) < 1


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ([1, 1, 1], (1, 1, 1)),
        ([0.7, 0.2, 0.1], (7, 2, 1)),
        ([2, 4, 6], (1, 2, 3)),
        ([1 / 3, 1 / 3, 1 / 3], (1, 1, 1)),
        (np.array([0.5, 0.25, 0.25]), (2, 1, 1)),
        ([10**12, 3 * 10**12, 10**12], (1, 3, 1)),
    ],
)
def test_weights_that_are_simple_fractions_are_kept_exactly(weights, shares):
    assert shares_of(weights) == shares


@settings(deadline=None)
@given(st.lists(st.floats(1e-7, 1), min_size=2, max_size=6))
def test_other_weights_are_kept_closely(weights):
    shares = np.array(shares_of(weights))

    assert shares.sum() <= 2**30 + len(weights)
    wanted = np.array(weights) / sum(weights)
    np.testing.assert_allclose(shares / shares.sum(), wanted, rtol=0.01, atol=2**-30)


def test_no_part_vanishes_however_small_its_weight():
    assert min(shares_of([1e-300, 1.0])) == 1
