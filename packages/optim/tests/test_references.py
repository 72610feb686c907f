"""Optimizers follow the papers: 100 steps in float64 against plain NumPy."""

import numpy as np
import pytest
import reference

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

STEPS = 100
RNG = np.random.default_rng(11)
PARAMS = {"matrix": RNG.normal(size=(3, 4)), "vector": RNG.normal(size=5)}
CURVATURE = {name: RNG.uniform(0.2, 2.0, size=p.shape) for name, p in PARAMS.items()}
NOISE = {name: RNG.normal(size=(STEPS, *p.shape)) for name, p in PARAMS.items()}


def gradient(step, params):
    return {k: CURVATURE[k] * p + 0.3 * NOISE[k][step] for k, p in params.items()}


CASES = [
    (optim.adam(0.02), "adam", {"lr": 0.02}),
    (
        optim.adam(0.02, 0.8, 0.95, 1e-3, 1e-4),
        "adam",
        {"lr": 0.02, "b1": 0.8, "b2": 0.95, "eps": 1e-3, "eps_root": 1e-4},
    ),
    (optim.adamw(0.02, weight_decay=0.1), "adamw", {"lr": 0.02, "decay": 0.1}),
    (optim.nadam(0.02), "nadam", {"lr": 0.02}),
    (optim.amsgrad(0.02, b2=0.9), "amsgrad", {"lr": 0.02, "b2": 0.9}),
    (optim.adamax(0.02, eps=0.1), "adamax", {"lr": 0.02, "eps": 0.1}),
    (
        optim.adabelief(0.02, eps_root=1e-4),
        "adabelief",
        {"lr": 0.02, "eps_root": 1e-4},
    ),
    (optim.yogi(0.02), "yogi", {"lr": 0.02}),
    (optim.radam(0.02), "radam", {"lr": 0.02}),
    (optim.adan(0.02), "adan", {"lr": 0.02}),
    (optim.adagrad(0.1), "adagrad", {"lr": 0.1}),
    (optim.adadelta(0.5, eps=1e-3), "adadelta", {"lr": 0.5, "eps": 1e-3}),
    (optim.rmsprop(0.02, momentum=0.8), "rmsprop", {"lr": 0.02, "momentum": 0.8}),
    (optim.rmsprop(0.02, centered=True), "centered_rmsprop", {"lr": 0.02}),
    (optim.sm3(0.1), "sm3", {"lr": 0.1}),
    (
        optim.lars(0.5, 0.01, trust_coefficient=0.1),
        "lars",
        {"lr": 0.5, "decay": 0.01, "trust": 0.1},
    ),
    (optim.lamb(0.02, weight_decay=0.1), "lamb", {"lr": 0.02, "decay": 0.1}),
    (optim.fromage(0.05), "fromage", {"lr": 0.05}),
    (optim.novograd(0.02, weight_decay=0.1), "novograd", {"lr": 0.02, "decay": 0.1}),
    (
        optim.chain(
            optim.scale_by_distance_over_gradients(0.01, param_dtype=np.float64),
            optim.scale(-1.0),
        ),
        "distance_over_gradients",
        {"first": 0.01},
    ),
    (
        optim.sgd(0.05, momentum=0.8, nesterov=True),
        "sgd",
        {"lr": 0.05, "momentum": 0.8, "nesterov": True},
    ),
    (optim.sgd(0.05, momentum=0.8), "sgd", {"lr": 0.05, "momentum": 0.8}),
    (optim.signum(0.02), "signum", {"lr": 0.02}),
    (optim.lion(0.02, weight_decay=0.1), "lion", {"lr": 0.02, "decay": 0.1}),
    (optim.rprop(0.02), "rprop", {"lr": 0.02}),
    (
        optim.optimistic_gradient_descent(0.05, 0.9, 0.5),
        "optimistic_gradient_descent",
        {"lr": 0.05, "alpha": 0.9, "beta": 0.5},
    ),
    (optim.shampoo(0.02, weight_decay=0.0), "shampoo", {"lr": 0.02}),
    (
        optim.soap(0.02, weight_decay=0.0, precondition_frequency=4),
        "soap",
        {"lr": 0.02, "every": 4},
    ),
    (optim.optimistic_adam_v2(0.02), "optimistic_adam", {"lr": 0.02}),
    (optim.adamaxw(0.02, weight_decay=0.1), "adamaxw", {"lr": 0.02, "decay": 0.1}),
    (optim.nadamw(0.02, weight_decay=0.1), "nadamw", {"lr": 0.02, "decay": 0.1}),
    (optim.sign_sgd(0.02), "signum", {"lr": 0.02, "beta": 0.0}),
    (optim.noisy_sgd(0.05, eta=0.0, key=0), "sgd", {"lr": 0.05}),
]

# Scalings by themselves, with a step of 0.02 against their sign.
SCALINGS = [
    (optim.scale_by_adadelta(eps=1e-3), "adadelta", {"eps": 1e-3}),
    (optim.scale_by_adam(), "adam", {}),
    (optim.scale_by_adamax(eps=0.1), "adamax", {"eps": 0.1}),
    (optim.scale_by_adan(eps_root=1e-8), "adan", {}),
    (optim.scale_by_amsgrad(b2=0.9), "amsgrad", {"b2": 0.9}),
    (optim.scale_by_belief(eps_root=1e-4), "adabelief", {"eps_root": 1e-4}),
    (optim.scale_by_lion(), "lion", {"decay": 0.0}),
    (optim.scale_by_novograd(eps=1e-6), "novograd", {}),
    (
        optim.scale_by_optimistic_gradient(0.9, 0.5),
        "optimistic_gradient_descent",
        {"alpha": 0.9, "beta": 0.5},
    ),
    (optim.scale_by_param_block_norm(), "param_block_norm", {}),
    (optim.scale_by_param_block_rms(), "param_block_rms", {}),
    (optim.scale_by_radam(), "radam", {}),
    (optim.scale_by_rms(), "rmsprop", {}),
    (optim.scale_by_rss(), "adagrad", {}),
    (optim.scale_by_shampoo(), "shampoo", {}),
    (optim.scale_by_sign(), "signum", {"beta": 0.0}),
    (optim.scale_by_sm3(), "sm3", {}),
    (optim.scale_by_soap(precondition_frequency=4), "soap", {"every": 4}),
    (optim.scale_by_stddev(), "centered_rmsprop", {}),
    (optim.scale_by_trust_ratio(), "trust_ratio", {}),
    (optim.scale_by_yogi(), "yogi", {}),
    (optim.centralize(), "centralize", {}),
    (optim.ema(0.9), "ema", {}),
    (optim.identity(), "sgd", {}),
    (optim.trace(0.8), "sgd", {"momentum": 0.8}),
]
CASES += [
    (optim.chain(transform, optim.scale(-0.02)), name, {"lr": 0.02, **others})
    for transform, name, others in SCALINGS
]
CASES += [
    (
        optim.chain(optim.scale_by_rprop(0.02), optim.scale(-1.0)),
        "rprop",
        {"lr": 0.02},
    ),
]


def check_follows(optimizer, update, hyperparameters, rtol, atol):
    expected = reference.trajectory(update, PARAMS, gradient, STEPS, **hyperparameters)

    with dc.enable_x64(True):
        params = dc.tree.map(jnp.asarray, PARAMS)
        curvature = dc.tree.map(jnp.asarray, CURVATURE)

        def step(carry, noise):
            p, state = carry
            grads = dc.tree.map(lambda c, x, n: c * x + 0.3 * n, curvature, p, noise)
            updates, state = optimizer.update(grads, state, p)
            p = optim.apply_updates(p, updates)
            return (p, state), p

        start = params, optimizer.init(params)
        _, rows = dc.lax.scan(step, start, dc.tree.map(jnp.asarray, NOISE))

    for name, got in rows.items():
        wanted = np.stack([row[name] for row in expected])
        np.testing.assert_allclose(got, wanted, rtol, atol)


@pytest.mark.parametrize(
    ("optimizer", "name", "hyperparameters"), CASES, ids=[case[1] for case in CASES]
)
def test_a_hundred_steps_follow_the_paper(optimizer, name, hyperparameters):
    update = getattr(reference, name)

    check_follows(optimizer, update, hyperparameters, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        (optim.adafactor(0.1, min_dim_size_to_factor=3), "adafactor"),
        (
            optim.chain(
                optim.scale_by_factored_rms(min_dim_size_to_factor=3), optim.scale(-0.1)
            ),
            "factored_rms",
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_hundred_steps_with_factors_follow_the_paper(optimizer, name):
    update = getattr(reference, name)

    # The decay rate is a power taken in float32.
    check_follows(optimizer, update, {"lr": 0.1}, rtol=0, atol=2e-7)
