"""Shampoo and SOAP: what their factors do, beyond the references."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(9)


def orthogonal(n):
    return np.linalg.qr(RNG.normal(size=(n, n)))[0].astype(np.float32)


@pytest.mark.parametrize(
    "transform",
    [
        optim.scale_by_shampoo(precondition_frequency=2, graft=False),
        optim.scale_by_soap(precondition_frequency=2),
    ],
)
def test_turned_gradients_give_turned_updates(transform):
    left, right = orthogonal(3), orthogonal(4)
    grads = RNG.normal(size=(6, 3, 4)).astype(np.float32)

    state = turned_state = transform.init(grads[0])
    for g in grads:
        update, state = transform.update(g, state)
        turned, turned_state = transform.update(left @ g @ right, turned_state)

    np.testing.assert_allclose(turned, left @ update @ right, atol=0.01)


@pytest.mark.parametrize(
    ("make", "unused"),
    [(optim.scale_by_shampoo, 0), (optim.scale_by_soap, 1)],
    ids=["shampoo", "soap"],
)
def test_vectors_scalars_and_long_axes_are_left_to_adam(make, unused):
    transform = make(b1=0.9, b2=0.9, max_precond_dim=3)
    adam = optim.scale_by_adam(b1=0.9, b2=0.9)
    shapes = {"vector": (3,), "scalar": (), "long": (4, 5)}
    steps = [
        {k: jnp.asarray(RNG.normal(size=n), "float32") for k, n in shapes.items()}
        for _ in range(4)
    ]

    state, adam_state = transform.init(steps[0]), adam.init(steps[0])
    for grads in steps:
        got, state = transform.update(grads, state)
    for grads in steps[unused:]:  # the first gradient of SOAP only makes bases
        expected, adam_state = adam.update(grads, adam_state)

    dc.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), got, expected)
    assert state.factors["vector"] == state.factors["scalar"] == []
    assert state.factors["long"] == [optim.MaskedNode()] * 2


def test_the_first_gradient_of_soap_only_makes_bases():
    transform = optim.scale_by_soap()
    g = {"w": jnp.asarray(RNG.normal(size=(2, 3)), "float32"), "b": jnp.ones(2)}

    updates, state = transform.update(g, transform.init(g))

    left, right = state.bases["w"]
    assert not updates["w"].any()
    assert not updates["b"].any()
    assert not state.mu["w"].any()
    np.testing.assert_allclose(left.T @ left, np.eye(2), atol=1e-6)
    turned = left.T @ g["w"] @ g["w"].T @ left
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-5)
    assert right.shape == (3, 3)


@pytest.mark.parametrize(
    "optimizer", [optim.shampoo(0.05), optim.soap(0.05)], ids=["shampoo", "soap"]
)
def test_steps_under_jit_are_the_eager_ones(optimizer):
    p = jnp.asarray(RNG.normal(size=(3, 3)), "float32")
    steps = jnp.asarray(RNG.normal(size=(5, 3, 3)), "float32")

    state, rows = optimizer.init(p), []
    for g in steps:
        updates, state = optimizer.update(g, state, p)
        rows.append(updates)
    _, scanned = dc.lax.scan(
        lambda s, g: optimizer.update(g, s, p)[::-1], optimizer.init(p), steps
    )

    np.testing.assert_allclose(scanned, rows, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    "optimizer", [optim.shampoo(0.05), optim.soap(0.05)], ids=["shampoo", "soap"]
)
def test_arrays_of_three_axes_have_three_factors(optimizer):
    params = jnp.asarray(RNG.normal(size=(2, 3, 4)), "float32")

    updates, state = optimizer.update(params, optimizer.init(params), params)

    assert [f.shape for f in state[0].factors] == [(2, 2), (3, 3), (4, 4)]
    np.testing.assert_allclose(
        state[0].factors[1],
        (1 - (0.999 if hasattr(state[0], "roots") else 0.95))
        * np.einsum("aib,ajb->ij", params, params),
        rtol=1e-4,
    )
    assert np.isfinite(updates).all()


def test_grafting_takes_the_norm_of_adam():
    transform, adam = optim.scale_by_shampoo(b1=0.9), optim.scale_by_adam(b1=0.9)
    g = jnp.asarray(RNG.normal(size=(3, 4)), "float32")

    update, _ = transform.update(g, transform.init(g))
    expected, _ = adam.update(g, adam.init(g))

    np.testing.assert_allclose(
        optim.global_norm(update), optim.global_norm(expected), rtol=1e-5
    )
    assert float(jnp.abs(update - expected).max()) > 0.1


@pytest.mark.parametrize(
    "transform",
    [
        optim.scale_by_shampoo(graft=False),
        optim.scale_by_shampoo(),
        optim.scale_by_soap(),
    ],
)
def test_gradients_of_zero_give_updates_of_zero(transform):
    zeros = jnp.zeros((3, 2))

    updates, state = transform.update(zeros, transform.init(zeros))
    updates, _ = transform.update(zeros, state)

    np.testing.assert_array_equal(updates, zeros)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [optim.shampoo, optim.soap], ids=["shampoo", "soap"])
def test_badly_scaled_least_squares_are_solved_where_adam_is_not_done(make, seed):
    optimizer = make(optim.cosine_decay_schedule(0.1, 200), weight_decay=0.0)
    rng = np.random.default_rng(seed)
    one, other = (np.linalg.qr(rng.normal(size=(6, 6)))[0] for _ in range(2))
    inputs = np.float32(one * np.logspace(0, -2, 6) @ other)
    target = rng.normal(size=(6, 4)).astype(np.float32)

    def loss(w):
        return 0.5 * jnp.sum((inputs @ (w - target)) ** 2)

    def trained(optimizer):
        def step(carry, _):
            w, state = carry
            updates, state = optimizer.update(dc.grad(loss)(w), state, w)
            return (optim.apply_updates(w, updates), state), None

        start = jnp.zeros((6, 4))
        carry = start, optimizer.init(start)
        (w, _), _ = dc.lax.scan(step, carry, None, length=200)
        return float(loss(w))

    adam = trained(optim.adam(optim.cosine_decay_schedule(0.1, 200)))
    assert trained(optimizer) < 0.5 * adam


def test_bases_of_soap_are_in_falling_order():
    transform = optim.scale_by_soap(b2=0.5, precondition_frequency=4)
    sizes = np.array([[9.0, 3.0, 1.0], [1.0, 3.0, 9.0]])  # what was largest is least
    grads = [np.float32(RNG.normal(size=(3, 3)) * 0.01) for _ in range(9)]
    for i, g in enumerate(grads):
        g[np.arange(3), np.arange(3)] = sizes[int(i > 0)]

    state = transform.init(grads[0])
    for g in grads:
        _, state = transform.update(g, state)
        falling = np.diag(state.bases[0].T @ state.factors[0] @ state.bases[0])
        if int(state.count) in {1, 9}:
            assert (np.diff(falling) < 0).all()


@pytest.mark.parametrize("make", [optim.shampoo, optim.soap], ids=["shampoo", "soap"])
def test_complex_matrices_are_refused(make):
    with pytest.raises(TypeError, match=r"^scale_by_(shampoo|soap): the leaves of"):
        make(0.1).init(jnp.ones((2, 2), "complex64"))
