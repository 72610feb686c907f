"""Optimizers of `contrib` follow the papers: 100 steps against plain NumPy."""

import numpy as np
import pytest
import reference
import reference_contrib

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib

STEPS = 100
RNG = np.random.default_rng(12)
SHAPES = {"matrix": (3, 4), "vector": (5,)}
SIZE = 3 * 4 + 5
START = RNG.normal(size=SIZE)
CURVATURE = RNG.uniform(0.2, 2.0, size=SIZE)
NOISE = RNG.normal(size=(STEPS, SIZE))


def value(step, p):
    """A loss of all parameters as one vector, which stays positive."""
    return 10 + (CURVATURE * p**2).sum() / 2 + 0.3 * NOISE[step] @ p


def gradient(step, p):
    return CURVATURE * p + 0.3 * NOISE[step]


def as_tree(p):
    return {"matrix": p[:12].reshape(3, 4), "vector": p[12:]}


def as_vector(params):
    return jnp.concatenate([params["matrix"].ravel(), params["vector"]])


def followed(optimizer):
    """All parameters after each step, ``[steps, size]``, in float64."""
    optimizer = optim.with_extra_args_support(optimizer)

    def step(carry, noise):
        params, state = carry
        p = as_vector(params)
        loss = 10 + jnp.sum(CURVATURE * p**2) / 2 + 0.3 * noise @ p
        grads = as_tree(CURVATURE * p + 0.3 * noise)
        updates, state = optimizer.update(grads, state, params, value=loss)
        params = optim.apply_updates(params, updates)
        return (params, state), as_vector(params)

    with dc.enable_x64(True):
        params = as_tree(jnp.asarray(START))
        start = params, optimizer.init(params)
        return np.asarray(dc.lax.scan(step, start, jnp.asarray(NOISE))[1])


def expected(name, hyperparameters):
    rows = reference.trajectory(
        getattr(reference_contrib, name),
        {"all": START},
        lambda step, params: {"all": gradient(step, params["all"])},
        STEPS,
        **hyperparameters,
    )
    return np.stack([row["all"] for row in rows])


@pytest.mark.parametrize(
    ("optimizer", "name", "hyperparameters"),
    [
        (contrib.acprop(0.02), "acprop", {"lr": 0.02}),
        (
            contrib.acprop(0.02, 0.8, 0.95, 1e-3, 1e-4),
            "acprop",
            {"lr": 0.02, "b1": 0.8, "b2": 0.95, "eps": 1e-3, "eps_root": 1e-4},
        ),
        (
            contrib.ademamix(0.02, b3=0.99, alpha=3.0, weight_decay=0.1),
            "ademamix",
            {"lr": 0.02, "b3": 0.99, "alpha": 3.0, "decay": 0.1},
        ),
        (
            contrib.simplified_ademamix(0.002, 0.9, 0.95, 2.0),
            "simplified_ademamix",
            {"lr": 0.002, "b1": 0.9, "alpha": 2.0},
        ),
        (contrib.cocob(alpha=10.0), "cocob", {"alpha": 10.0}),
        *(
            (optim.chain(transform, optim.scale(-0.02)), name, {"lr": 0.02})
            for transform, name in [
                (contrib.scale_by_acprop(), "acprop"),
                (contrib.scale_by_ademamix(alpha=5.0), "ademamix"),
                (contrib.scale_by_simplified_ademamix(), "simplified_ademamix"),
                (optim.scale_by_lbfgs(5), "lbfgs"),
            ]
        ),
        (contrib.scale_by_cocob(), "cocob", {}),
        (contrib.dog(init_step=("distance", 0.1)), "dog", {}),
        (contrib.dowg(init_estim_sq_dist=0.01), "dowg", {}),
        (optim.polyak_sgd(0.5), "polyak_sgd", {"most": 0.5, "value": value}),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_hundred_steps_follow_the_paper(optimizer, name, hyperparameters):
    np.testing.assert_allclose(
        followed(optimizer), expected(name, hyperparameters), rtol=1e-9, atol=1e-10
    )


@pytest.mark.parametrize(
    ("optimizer", "name", "hyperparameters"),
    [
        (contrib.adopt(0.02, b2=0.9), "adopt", {"lr": 0.02, "b2": 0.9}),
        (
            optim.chain(contrib.scale_by_adopt(b2=0.9), optim.scale(-0.02)),
            "adopt",
            {"lr": 0.02, "b2": 0.9},
        ),
        (contrib.scale_by_madgrad(0.05), "madgrad", {"lr": 0.05}),
        (contrib.madgrad(0.05), "madgrad", {"lr": 0.05}),
        (contrib.prodigy(estim_lr0=1e-3), "prodigy", {}),
        (contrib.dadapt_adamw(estim_lr0=1e-3), "dadapt_adamw", {}),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_hundred_steps_follow_the_paper_with_scalars_in_float32(
    optimizer, name, hyperparameters
):
    np.testing.assert_allclose(
        followed(optimizer), expected(name, hyperparameters), rtol=2e-5, atol=2e-5
    )
