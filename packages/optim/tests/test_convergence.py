"""Optimizers reach minima: of a curved valley, of a real classification, of a game."""

import numpy as np
import pytest
from every import OPTIMIZERS, ready
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

cosine = optim.cosine_decay_schedule


def minimized(optimizer, loss, start, steps):
    """The loss after this many steps, in one compiled loop."""

    def step(carry, _):
        params, state = carry
        value, grads = dc.value_and_grad(loss)(params)
        extra_args = optim.with_extra_args_support(optimizer)
        updates, state = extra_args.update(grads, state, params, value=value)
        return (optim.apply_updates(params, updates), state), None

    carry = start, optimizer.init(start)
    (params, _), _ = dc.lax.scan(step, carry, None, length=steps)
    return float(loss(params))


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


@pytest.mark.parametrize(
    ("optimizer", "bound"),
    [
        (optim.adabelief(cosine(0.02, 3000)), 1e-2),
        (optim.adam(cosine(0.02, 3000)), 1e-2),
        (optim.adan(cosine(0.02, 3000)), 1e-6),
        (optim.lamb(cosine(0.02, 3000)), 1e-6),
        (optim.lars(cosine(0.02, 3000), trust_coefficient=0.1), 1e-6),
        (optim.lion(cosine(0.007, 3000), weight_decay=0.0), 1e-4),
        (optim.nadam(cosine(0.02, 3000)), 1e-2),
        (optim.novograd(cosine(0.02, 3000)), 1e-6),
        (optim.polyak_sgd(), 1e-6),
        (optim.rmsprop(cosine(0.02, 3000)), 1e-3),
        (optim.rprop(0.02), 1e-2),
        (optim.sgd(cosine(0.001, 3000), 0.9), 1e-4),
        (optim.signum(cosine(0.02, 3000)), 1e-4),
    ],
)
def test_the_valley_of_rosenbrock_is_followed_to_its_end(optimizer, bound):
    start = jnp.asarray([-1.2, 1.0])

    assert minimized(optimizer, rosenbrock, start, 3000) < bound


FEATURES, LABELS = load_breast_cancer(return_X_y=True)
FEATURES = (FEATURES - FEATURES.mean(0)) / FEATURES.std(0)


def regularized_loss(params):
    """Logistic regression of 569 tumors on 30 features."""
    logits = jnp.asarray(FEATURES, "float32") @ params["w"] + params["b"]
    labels = jnp.asarray(LABELS, "float32")
    fit = optim.sigmoid_binary_cross_entropy(logits, labels).mean()
    return fit + 0.01 * jnp.sum(params["w"] ** 2)


@pytest.fixture(scope="module")
def least_loss():
    """The minimum, by SciPy and formulas of its own."""
    signs = 2.0 * LABELS - 1

    def value_and_slope(v):
        margins = signs * (FEATURES @ v[:-1] + v[-1])
        pull = -signs / (1 + np.exp(margins)) / len(signs)
        value = np.logaddexp(0, -margins).mean() + 0.01 * (v[:-1] ** 2).sum()
        return value, np.append(FEATURES.T @ pull + 0.02 * v[:-1], pull.sum())

    return minimize(value_and_slope, np.zeros(31), jac=True).fun


# How much above the minimum the loss may be after 300 steps, if more than others.
SLOW = dict.fromkeys(
    ["adafactor", "adan", "noisy_sgd", "contrib.cocob", "contrib.mechanize"], 1e-2
)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_logistic_regression_is_fitted(name, least_loss):
    optimizer = ready(name)

    def step(carry, _):
        params, state = carry
        grads = dc.grad(regularized_loss)(params)
        updates, state = optimizer.update(
            grads, state, params, value_fn=regularized_loss
        )
        params = optim.apply_updates(params, updates)
        return (params, state), regularized_loss(params)

    # Not zeros, from which steps relative to the parameters lead nowhere.
    start = {"w": jnp.full(30, 0.01), "b": jnp.full((), 0.01)}
    losses = dc.lax.scan(step, (start, optimizer.init(start)), None, length=300)[1]

    assert float(losses[-1]) < least_loss + SLOW.get(name, 3e-4), losses[::30]


def test_optimism_finds_the_equilibrium_that_descent_circles():
    def distance_after(optimizer):
        def step(carry, _):
            (x, y), state = carry
            # One player minimizes x * y over x, the other maximizes it over y.
            updates, state = optimizer.update((y, -x), state)
            return (optim.apply_updates((x, y), updates), state), None

        start = jnp.float32(1.0), jnp.float32(1.0)
        carry = start, optimizer.init(start)
        ((x, y), _), _ = dc.lax.scan(step, carry, None, length=500)
        return float(jnp.hypot(x, y))

    assert distance_after(optim.optimistic_gradient_descent(0.2)) < 1e-3
    assert distance_after(optim.sgd(0.2)) > 10.0
