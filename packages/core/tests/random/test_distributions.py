"""Draws follow their distributions, with fixed seeds."""

import numpy as np
import pytest
from scipy import special, stats

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
    ("gamma", lambda: random.gamma(KEY, 2.5, (SIZE,)), stats.gamma(2.5)),
    ("small gamma", lambda: random.gamma(KEY, 0.3, (SIZE,)), stats.gamma(0.3)),
    ("loggamma", lambda: random.loggamma(KEY, 0.7, (SIZE,)), stats.loggamma(0.7)),
    ("beta", lambda: random.beta(KEY, 0.7, 2.0, (SIZE,)), stats.beta(0.7, 2.0)),
    (
        "dirichlet",
        lambda: random.dirichlet(KEY, jnp.array([0.7, 1.0, 2.0]), (SIZE,))[:, 0],
        stats.beta(0.7, 3.0),
    ),
    ("chisquare", lambda: random.chisquare(KEY, 3.0, (SIZE,)), stats.chi2(3.0)),
    ("t", lambda: random.t(KEY, 2.5, (SIZE,)), stats.t(2.5)),
    ("f", lambda: random.f(KEY, 3.0, 7.0, (SIZE,)), stats.f(3.0, 7.0)),
    (
        "generalized_normal",
        lambda: random.generalized_normal(KEY, 1.7, (SIZE,)),
        stats.gennorm(1.7),
    ),
    (
        "ball",
        lambda: jnp.abs(random.ball(KEY, 3, 1.0, (SIZE,))).sum(-1),
        stats.powerlaw(3),
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


@pytest.mark.parametrize("rate", [3.0, 12.0])
def test_counts_have_their_poisson_probabilities(rate):
    drawn = np.asarray(random.poisson(KEY, rate, (SIZE,)))

    last = int(rate + 2 * rate**0.5)
    counts = np.bincount(np.minimum(drawn, last), minlength=last + 1)
    expected = stats.poisson(rate).pmf(np.arange(last))
    expected = SIZE * np.append(expected, 1 - expected.sum())
    assert stats.chisquare(counts, expected).pvalue > 0.01


@pytest.mark.parametrize(("n", "p"), [(9, 0.3), (60, 0.7)])
def test_successes_have_their_binomial_probabilities(n, p):
    drawn = np.asarray(random.binomial(KEY, n, p, (SIZE,))).astype(int)

    deviation = (n * p * (1 - p)) ** 0.5
    low, high = int(n * p - 2 * deviation), int(n * p + 2 * deviation)
    counts = np.bincount(np.clip(drawn, low, high) - low, minlength=high - low + 1)
    cdf = stats.binom(n, p).cdf(np.arange(low, high))
    expected = SIZE * np.diff(np.concatenate([[0], cdf, [1]]))
    assert stats.chisquare(counts, expected).pvalue > 0.01


def test_successes_of_impossible_trials_are_no_number():
    n = np.array([np.nan, -1, 5, 5, 5, np.inf, np.inf, 7.5], np.float32)
    p = np.array([0.3, 0.7, -1, np.nan, 2, 0.4, 0, 1], np.float32)

    drawn = np.asarray(random.binomial(KEY, n, p))

    expected = [np.nan] * 5 + [np.inf, np.inf, 7]
    np.testing.assert_array_equal(drawn, np.float32(expected))


def test_outcomes_have_their_probabilities_and_sum_to_the_trials():
    p = np.array([0.1, 0.2, 0.0, 0.7], np.float32)

    drawn = np.asarray(random.multinomial(KEY, 10, p, shape=(400, 4)))

    counts, expected = drawn.sum(0)[[0, 1, 3]], SIZE * np.array([0.1, 0.2, 0.7])
    assert (drawn.sum(-1) == 10).all()
    assert (drawn[:, 2] == 0).all()
    assert stats.chisquare(counts, expected).pvalue > 0.01


def test_outcomes_need_an_axis():
    with pytest.raises(ValueError) as caught:
        random.multinomial(KEY, 3, np.float32(1))

    assert str(caught.value).splitlines()[0] == (
        "multinomial: `p` must have an axis, got f32[]."
    )


def test_counts_without_a_rate_are_minus_one():
    rates = np.array([np.nan, np.inf, -1.0, 0.0], np.float32)

    assert random.poisson(KEY, rates).tolist() == [-1, -1, -1, 0]


def test_tiny_concentrations_give_probabilities():
    drawn = np.asarray(random.dirichlet(KEY, jnp.full(4, 1e-4), (20,)))

    np.testing.assert_allclose(drawn.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    "draw",
    [
        lambda k, x: random.gamma(k, x, (2,)),
        random.poisson,
        lambda k, x: random.binomial(k, x, 0.4),
    ],
)
def test_rejection_in_lanes_draws_what_it_draws_alone(draw):
    keys, x = random.split(KEY, 3), np.array([0.5, 2.0, 30.0], np.float32)

    together = dc.jit(dc.vmap(draw))(keys, x)

    alone = [np.asarray(draw(k, a)) for k, a in zip(keys, x, strict=True)]
    np.testing.assert_array_equal(together, alone)


def test_derivative_of_gamma_numbers_keeps_their_quantiles():
    a, step = np.array([0.2, 1.5, 6.0], np.float32), 1e-5

    drawn, slope = dc.jit(
        lambda a: dc.jvp(lambda a: random.gamma(KEY, a), (a,), (jnp.ones(3),))
    )(a)

    x, a = np.asarray(drawn, np.float64), a.astype(np.float64)
    quantile = special.gammainc(a, x)
    moved = [special.gammaincinv(a + d, quantile) for d in (step, -step)]
    np.testing.assert_allclose(slope, (moved[0] - moved[1]) / (2 * step), rtol=1e-4)


def test_derivative_of_loggamma_numbers_survives_underflow():
    draw = dc.vmap(random.loggamma, (None, 0))
    a = jnp.array([1e-4, 0.05, 2.0])

    slope = dc.grad(lambda a: draw(KEY, a).sum())(a)

    log_x = np.asarray(draw(KEY, a), np.float64)
    tiny = (special.digamma(1 + 1e-4) - log_x[0]) / 1e-4
    others = np.asarray(dc.grad(lambda a: random.gamma(KEY, a))(2.0)) / np.exp(log_x[2])
    np.testing.assert_allclose(slope[np.array([0, 2])], [tiny, others], rtol=1e-4)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: random.gamma(KEY, np.zeros((0, 2), np.float32)),
        lambda: random.poisson(KEY, np.zeros((0, 2), np.float32)),
    ],
)
def test_no_parameters_give_no_draws(draw):
    assert draw().shape == (0, 2)


def test_concentrations_need_an_axis():
    with pytest.raises(ValueError) as caught:
        random.dirichlet(KEY, np.float32(1))

    assert str(caught.value).splitlines()[0] == (
        "dirichlet: `alpha` must have an axis, got f32[]."
    )


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
