"""Draws follow their distributions, with fixed seeds."""

import numpy as np
import pytest
from scipy import stats

from dolmen import core as dc
from dolmen.core import numpy as jnp, random

KEY = random.key(1701)
SIZE = 4000

CONTINUOUS = [
    ("uniform", lambda: random.uniform(KEY, (SIZE,)), stats.uniform()),
    ("normal", lambda: random.normal(KEY, (SIZE,)), stats.norm()),
    ("exponential", lambda: random.exponential(KEY, (SIZE,)), stats.expon()),
    ("laplace", lambda: random.laplace(KEY, (SIZE,)), stats.laplace()),
    ("logistic", lambda: random.logistic(KEY, (SIZE,)), stats.logistic()),
    ("cauchy", lambda: random.cauchy(KEY, (SIZE,)), stats.cauchy()),
    ("gumbel", lambda: random.gumbel(KEY, (SIZE,)), stats.gumbel_r()),
    ("maxwell", lambda: random.maxwell(KEY, (SIZE,)), stats.maxwell()),
    ("pareto", lambda: random.pareto(KEY, 2.5, (SIZE,)), stats.pareto(2.5)),
    ("rayleigh", lambda: random.rayleigh(KEY, 0.5, (SIZE,)), stats.rayleigh(scale=0.5)),
    (
        "weibull_min",
        lambda: random.weibull_min(KEY, 2.0, 1.5, (SIZE,)),
        stats.weibull_min(1.5, scale=2.0),
    ),
    (
        "triangular",
        lambda: random.triangular(KEY, -1.0, 0.5, 2.0, (SIZE,)),
        stats.triang(0.5, loc=-1.0, scale=3.0),
    ),
    ("lognormal", lambda: random.lognormal(KEY, 0.7, (SIZE,)), stats.lognorm(0.7)),
    ("wald", lambda: random.wald(KEY, 0.7, (SIZE,)), stats.invgauss(0.7)),
    (
        "truncated_normal",
        lambda: random.truncated_normal(KEY, -0.5, 1.5, (SIZE,)),
        stats.truncnorm(-0.5, 1.5),
    ),
]


@pytest.mark.parametrize(
    ("draw", "expected"), [pytest.param(d, e, id=n) for n, d, e in CONTINUOUS]
)
def test_draws_pass_kolmogorov_and_smirnov(draw, expected):
    sample = np.asarray(draw(), np.float64)

    # One in a hundred correct samplers would fail; these seeds don't.
    assert stats.kstest(sample, expected.cdf).pvalue > 0.01


def test_integers_are_equally_likely():
    drawn = np.asarray(random.randint(KEY, (SIZE,), -2, 3))

    counts = np.bincount(drawn + 2, minlength=5)

    assert counts.size == 5
    assert stats.chisquare(counts).pvalue > 0.01


def test_categories_have_the_probabilities_of_the_logits():
    logits = jnp.log(jnp.array([0.1, 0.2, 0.7]))

    drawn = random.categorical(KEY, logits, shape=(SIZE,))

    counts = np.bincount(np.asarray(drawn), minlength=3)
    assert stats.chisquare(counts, SIZE * np.array([0.1, 0.2, 0.7])).pvalue > 0.01


def test_coins_have_their_probability():
    heads = int(random.bernoulli(KEY, 0.3, (SIZE,)).sum())

    assert stats.binomtest(heads, SIZE, 0.3).pvalue > 0.01


def test_geometric_mean_is_one_over_p():
    drawn = np.asarray(random.geometric(KEY, 0.2, (SIZE,)))

    assert drawn.min() == 1
    assert abs(drawn.mean() - 5) < 4 * np.sqrt(20 / SIZE)


def test_permutation_holds_every_element_once():
    drawn = random.permutation(KEY, 50)

    assert sorted(drawn.tolist()) == list(range(50))
    assert drawn.tolist() != list(range(50))


def test_permutation_moves_whole_slices():
    x = np.arange(12).reshape(4, 3)

    moved = np.asarray(random.permutation(KEY, x))

    assert sorted(map(tuple, moved)) == sorted(map(tuple, x))


def test_choice_without_replacement_repeats_nothing():
    drawn = random.choice(KEY, 10, (10,), replace=False)

    assert sorted(drawn.tolist()) == list(range(10))


def test_choice_never_draws_what_has_probability_zero():
    drawn = random.choice(KEY, 3, (SIZE,), p=jnp.array([0.5, 0.0, 0.5]))

    assert set(drawn.tolist()) == {0, 2}


def test_integers_reach_the_ends_of_their_dtype():
    drawn = np.asarray(random.randint(KEY, (SIZE,), -500, 500, "int8"))

    assert (drawn.min(), drawn.max()) == (-128, 127)


def test_empty_range_gives_the_lower_bound():
    assert random.randint(KEY, (3,), 5, 2).tolist() == [5, 5, 5]


def test_uniform_is_differentiable_in_its_bounds():
    def draw(low, high):
        return random.uniform(KEY, minval=low, maxval=high)

    d_low, d_high = dc.grad(draw, (0, 1))(1.0, 3.0)

    unit = float(random.uniform(KEY))
    np.testing.assert_allclose([d_low, d_high], [1 - unit, unit], rtol=1e-5)


def test_wrong_dtype_is_named():
    with pytest.raises(TypeError) as caught:
        random.normal(KEY, (3,), "int32")

    assert str(caught.value).splitlines()[0] == (
        "normal: `dtype` must be a floating-point or complex dtype, got i32."
    )


def test_integer_shape_says_how_to_write_it():
    with pytest.raises(TypeError) as caught:
        random.normal(KEY, 3)

    problem, *_, fix = str(caught.value).splitlines()
    assert problem == "normal: `shape` must be a sequence of integers, got 3."
    assert fix == "Write (3,)."


def test_parameters_that_do_not_broadcast_are_listed():
    with pytest.raises(ValueError) as caught:
        random.uniform(KEY, (2,), minval=np.zeros(3, np.float32))

    assert str(caught.value).splitlines()[0] == (
        "uniform: parameters must broadcast to `shape` (2,): `minval` is f32[3], "
        "`maxval` is ~f32[]."
    )


def test_too_many_draws_without_replacement_fail():
    with pytest.raises(
        ValueError, match="choice: can't draw 4 of 3 elements without replacement"
    ):
        random.choice(KEY, 3, (4,), replace=False)
