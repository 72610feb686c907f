"""Assignments at the edges: forbidden pairs, ties, shapes, transformations."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linear_sum_assignment

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.optim.assignment import hungarian_algorithm

RNG = np.random.default_rng(0)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([(4, 4), (3, 5), (5, 3)]),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
def test_the_total_is_least_also_among_ties(shape, values, seed):
    costs = np.random.default_rng(seed).integers(-values, values, size=shape)

    i, j = map(np.asarray, dc.jit(hungarian_algorithm)(costs))

    expected = costs[linear_sum_assignment(costs)].sum()
    assert costs[i, j].sum() == expected
    assert list(i) == sorted(set(i.tolist()))
    assert len(set(j.tolist())) == min(shape)


def test_infinite_costs_forbid_pairs():
    costs = RNG.normal(size=(5, 5))
    costs[RNG.uniform(size=(5, 5)) < 0.4] = np.inf
    np.fill_diagonal(costs, 3.0)  # so that there is an assignment

    i, j = hungarian_algorithm(costs)

    np.testing.assert_array_equal([i, j], linear_sum_assignment(costs))


@pytest.mark.parametrize("costs", [np.full((3, 4), np.nan), np.full((3, 3), np.inf)])
def test_costs_without_meaning_end_the_search_too(costs):
    i, _ = hungarian_algorithm(costs)

    assert i.shape == (3,)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_is_paired_with_nothing(shape):
    i, j = hungarian_algorithm(np.zeros(shape))

    assert i.shape == j.shape == (0,)


def test_a_minimum_is_differentiated_at_its_pairs():
    costs = RNG.normal(size=(3, 3)).astype(np.float32)

    slope = dc.jit(dc.grad(lambda c: c[hungarian_algorithm(c)].sum()))(costs)

    expected = np.zeros((3, 3))
    expected[linear_sum_assignment(costs)] = 1
    np.testing.assert_array_equal(slope, expected)


@pytest.mark.parametrize(
    ("error", "costs", "expected"),
    [
        (
            ValueError,
            np.zeros(3, np.float32),
            "hungarian_algorithm: `cost_matrix` must be [rows, columns], got f32[3].",
        ),
        (
            TypeError,
            np.zeros((2, 2), np.complex64),
            "hungarian_algorithm: `cost_matrix` must be real, got c64[2,2].",
        ),
        (
            TypeError,
            jnp.zeros((2, 2), bool),
            "hungarian_algorithm: `cost_matrix` must be real, got bool[2,2].",
        ),
    ],
)
def test_what_is_no_cost_matrix_is_refused(error, costs, expected):
    with pytest.raises(error) as raised:
        hungarian_algorithm(costs)

    assert str(raised.value).splitlines()[0] == expected
