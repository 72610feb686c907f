"""GaLore: Adam in the strongest singular directions."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib
from dolmen.optim.contrib import GaLoreDimensionNumbers

STEPS = 7
RNG = np.random.default_rng(4)
GRADS = {
    "tall": RNG.normal(size=(STEPS, 5, 3)),
    "wide": RNG.normal(size=(STEPS, 3, 4)),
    "vector": RNG.normal(size=(STEPS, 4)),
}
PARAMS = {name: np.ones(g.shape[1:]) for name, g in GRADS.items()}


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def adam(m, v, t):
    return m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def reference(grads, rank):
    """Matrices after all steps of 0.1, in float64; wide ones are turned.

    Singular vectors are those of the first gradient: their signs are free, and would
    meet old moments if they were taken again.
    """
    turned = grads.shape[1] < grads.shape[2]
    grads = np.swapaxes(grads, 1, 2) if turned else grads
    x = np.ones(grads.shape[1:])
    vectors = np.linalg.svd(grads[0], full_matrices=False)[0][:, :rank]
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        small = vectors.T @ g
        m, v = 0.9 * m + 0.1 * small, 0.999 * v + 0.001 * small**2
        x = x - 0.1 * vectors @ adam(m, v, t)
    return x.T if turned else x


def run(optimizer, params, grads):
    def step(carry, g):
        p, state = carry
        updates, state = optimizer.update(g, state, p)
        return (optim.apply_updates(p, updates), state), None

    params = dc.tree.map(jnp.asarray, params)
    carry = params, optimizer.init(params)
    return dc.lax.scan(step, carry, dc.tree.map(jnp.asarray, grads))[0]


@pytest.mark.parametrize("name", ["tall", "wide"])
def test_matrices_follow_the_paper(name):
    with dc.enable_x64(True):
        p, state = run(contrib.galore(0.1, rank=2), PARAMS[name], GRADS[name])

    projector = np.asarray(state[0].projector)
    np.testing.assert_allclose(p, reference(GRADS[name], 2), rtol=1e-9)
    np.testing.assert_allclose(projector.T @ projector, np.eye(2), atol=1e-12)


def test_singular_vectors_are_taken_anew_after_the_gap():
    transform = contrib.scale_by_galore(1, 2, 3.0, optim.identity())
    first, second = jnp.diag(jnp.asarray([2.0, 1.0])), jnp.diag(jnp.asarray([1.0, 2.0]))
    state = transform.init(first)

    seen = []
    for g in (first, second, second):
        updates, state = transform.update(g, state)
        seen.append(np.diag(updates))

    np.testing.assert_allclose(seen, [[6, 0], [3, 0], [0, 6]], atol=1e-5)


def test_other_parameters_are_left_whole():
    with dc.enable_x64(True):
        p, state = run(contrib.galore(0.1, rank=2), PARAMS, GRADS)
        expected, _ = run(optim.adam(0.1), PARAMS, GRADS)

    np.testing.assert_allclose(p["vector"], expected["vector"], rtol=1e-12)
    assert state[0].projector["vector"].shape == (0, 0)
    assert abs(p["tall"] - expected["tall"]).max() > 0.01


@pytest.mark.parametrize(
    "numbers",
    [
        GaLoreDimensionNumbers(1, (0, -1)),
        {"w": GaLoreDimensionNumbers((1,), (0, 2)), "b": None},
        lambda params: {"w": GaLoreDimensionNumbers(1, (0, 2)), "b": None},
    ],
    ids=["one", "tree", "function"],
)
def test_several_axes_may_make_one_of_a_matrix(numbers):
    matrices = GRADS["tall"].astype(np.float32)[:, :4]
    grads = np.swapaxes(matrices.reshape(STEPS, 2, 2, 3), 2, 3)
    # Rows are the middle axis: the transposed matrices, which are wide.
    optimizer = contrib.galore(0.1, rank=2, weight_dimension_numbers=numbers)
    start = {"w": np.ones((2, 3, 2), np.float32), "b": np.ones(2, np.float32)}

    p, _ = run(optimizer, start, {"w": grads, "b": np.ones((STEPS, 2), np.float32)})

    expected = reference(np.swapaxes(matrices, 1, 2), 2)
    got = np.swapaxes(p["w"], 0, 1).reshape(3, 4)
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_a_full_rank_changes_nothing_of_a_gradient():
    transform = contrib.scale_by_galore(base_optimizer=optim.identity())
    grads = jnp.asarray(GRADS["tall"][0], "float32")

    updates, _ = transform.update(grads, transform.init(grads))

    np.testing.assert_allclose(updates, grads, atol=1e-5)


def test_moments_of_16_bit_matrices_have_32():
    optimizer = contrib.galore(0.1, rank=2)
    params = jnp.asarray(GRADS["tall"][0], jnp.bfloat16)

    updates, state = dc.jit(optimizer.update)(params, optimizer.init(params), params)

    assert state[0].projector.dtype == jnp.bfloat16
    assert state[0].base_optimizer_state.mu.dtype == jnp.float32
    assert bool(jnp.all(jnp.isfinite(updates)))


@pytest.mark.parametrize("argument", ["rank", "update_proj_gap"])
def test_numbers_are_positive(argument):
    with pytest.raises(ValueError) as raised:
        contrib.scale_by_galore(**{argument: 0})

    assert message_of(raised) == (
        f"scale_by_galore: `{argument}` must be at least 1, got 0."
    )


def test_all_axes_have_a_side():
    numbers = GaLoreDimensionNumbers(0, 1)
    transform = contrib.scale_by_galore(weight_dimension_numbers=numbers)

    with pytest.raises(ValueError) as raised:
        transform.init(jnp.ones((2, 3, 4)))

    assert message_of(raised) == (
        "scale_by_galore: all axes of a leaf of shape (2, 3, 4) must be in one of 0 "
        "and 1.\n"
        "Pass GaLoreDimensionNumbers for it in a tree, or None to leave it whole."
    )


def test_gradients_of_other_shapes_are_told():
    transform = contrib.scale_by_galore(rank=2)
    state = transform.init({"w": jnp.ones((5, 3))})

    with pytest.raises(ValueError, match=r"^scale_by_galore: projectors of `updates`"):
        transform.update({"w": jnp.ones((6, 3))}, state)
