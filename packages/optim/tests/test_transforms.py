"""Transforms agree with float64 NumPy versions of their formulas, and compose."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(3)
GRADS = RNG.normal(size=(6, 4))
PARAMS = RNG.normal(size=4)


def run(transform, *, dtype=np.float32):
    """Updates of the transform for every row of `GRADS`, and its last state."""
    params = {"w": jnp.asarray(PARAMS, dtype)}
    state = transform.init(params)
    rows = []
    for grad in GRADS:
        updates, state = transform.update(
            {"w": jnp.asarray(grad, dtype)}, state, params
        )
        rows.append(np.asarray(updates["w"], np.float64))
    return np.stack(rows), state


def numpy_adam(b1, b2, eps, eps_root, nesterov):
    m = v = np.zeros(4)
    rows = []
    for t, g in enumerate(GRADS, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        if nesterov:
            m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        rows.append(m_hat / (np.sqrt(v / (1 - b2**t) + eps_root) + eps))
    return np.stack(rows)


@pytest.mark.parametrize("nesterov", [False, True])
def test_adam_agrees_with_its_formula(nesterov):
    options = {"b1": 0.8, "b2": 0.98, "eps": 1e-3, "eps_root": 1e-4}

    updates, state = run(optim.scale_by_adam(**options, nesterov=nesterov))

    # 1 - b2**t loses 7 bits in float32 for t = 1.
    expected = numpy_adam(**options, nesterov=nesterov)
    np.testing.assert_allclose(updates, expected, rtol=2e-5, atol=1e-6)
    assert int(state.count) == len(GRADS)


@pytest.mark.parametrize("nesterov", [False, True])
def test_trace_agrees_with_its_formula(nesterov):
    t, expected = np.zeros(4), []
    for g in GRADS:
        t = g + 0.7 * t
        expected.append(g + 0.7 * t if nesterov else t)

    updates, _ = run(optim.trace(0.7, nesterov))

    np.testing.assert_allclose(updates, expected, rtol=1e-5, atol=1e-6)


def test_weight_decay_follows_its_schedule_and_mask():
    params = {"w": jnp.asarray([2.0]), "b": {"x": jnp.asarray([3.0])}}
    grads = dc.tree.map(jnp.zeros_like, params)
    transform = optim.add_decayed_weights(
        lambda count: 0.5 * count, {"w": True, "b": False}
    )
    state = transform.init(params)

    first, state = transform.update(grads, state, params)
    second, state = transform.update(grads, state, params)

    assert [float(first["w"][0]), float(second["w"][0])] == [0.0, 1.0]
    assert float(second["b"]["x"][0]) == 0.0
    assert int(state.inner_state.count) == 2


def test_a_mask_may_be_a_function():
    params = {"w": jnp.ones((2, 2)), "b": jnp.ones(2)}
    transform = optim.add_decayed_weights(
        0.5, lambda tree: dc.tree.map(lambda p: p.ndim > 1, tree)
    )

    updates, _ = transform.update(params, transform.init(params), params)

    np.testing.assert_array_equal(updates["w"], np.full((2, 2), 1.5))
    np.testing.assert_array_equal(updates["b"], np.ones(2))


def test_no_decay_leaves_updates_of_infinite_parameters_alone():
    transform = optim.add_decayed_weights(0.0)
    params = jnp.asarray([jnp.inf])

    updates, _ = transform.update(jnp.ones(1), transform.init(params), params)

    np.testing.assert_array_equal(updates, [1.0])


def test_masked_keeps_state_for_the_selected_leaves_only():
    params = {"a": jnp.ones(2), "b": jnp.ones(3)}
    transform = optim.masked(optim.trace(0.5), {"a": True, "b": False})
    state = transform.init(params)

    _, state = transform.update(params, state, params)
    updates, state = transform.update(params, state, params)

    np.testing.assert_array_equal(updates["a"], np.full(2, 1.5))
    np.testing.assert_array_equal(updates["b"], np.ones(3))
    assert state.inner_state.trace["b"] == optim.MaskedNode()


def test_small_norms_pass_and_large_ones_are_clipped_to_the_bound():
    transform = optim.clip_by_global_norm(2.0)
    small = {"a": jnp.asarray([0.3]), "b": jnp.asarray([0.4, 1.0])}
    large = dc.tree.map(lambda x: 100 * x, small)

    kept, _ = transform.update(small, transform.init(small))
    clipped, _ = transform.update(large, transform.init(large))

    np.testing.assert_array_equal(kept["b"], small["b"])
    np.testing.assert_allclose(optim.global_norm(clipped), 2.0, rtol=1e-6)
    np.testing.assert_allclose(clipped["b"][1] / clipped["a"][0], 1 / 0.3, rtol=1e-6)


def test_one_nan_makes_all_clipped_updates_nan():
    transform = optim.clip_by_global_norm(1.0)
    grads = [jnp.asarray([jnp.nan]), jnp.ones(2)]

    updates, _ = transform.update(grads, transform.init(grads))

    assert np.isnan(np.asarray(updates[1])).all()


def test_the_norm_of_half_precision_leaves_does_not_overflow():
    norm = optim.global_norm([jnp.full(4, 300.0, jnp.float16)])

    np.testing.assert_array_equal(norm, 600.0)


def test_the_norm_of_an_empty_tree_is_zero():
    assert float(optim.global_norm({})) == 0.0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_moments_of_half_precision_parameters_are_float32(dtype):
    _, adam = run(optim.scale_by_adam(), dtype=dtype)
    _, momentum = run(optim.trace(0.9), dtype=dtype)

    assert adam.mu["w"].dtype == adam.nu["w"].dtype == jnp.float32
    assert momentum.trace["w"].dtype == jnp.float32


def test_a_float32_moment_of_bfloat16_gradients_is_not_rounded():
    updates, _ = run(optim.trace(0.9), dtype="bfloat16")
    t = np.zeros(4)
    for g in np.asarray(GRADS, jnp.bfloat16).astype(np.float64):
        t = g + 0.9 * t

    np.testing.assert_allclose(updates[-1], t, rtol=1e-5, atol=1e-6)


def test_requested_dtypes_of_moments_are_kept():
    _, state = run(optim.scale_by_adam(mu_dtype="bfloat16"))

    assert state.mu["w"].dtype == jnp.bfloat16
    assert state.nu["w"].dtype == jnp.float32


def test_a_bfloat16_first_moment_stays_close_to_the_formula():
    updates, _ = run(optim.scale_by_adam(mu_dtype="bfloat16"))

    # Storing mu rounds to 8 bits, once in each of six steps.
    expected = numpy_adam(0.9, 0.999, 1e-8, 0.0, False)
    np.testing.assert_allclose(updates, expected, rtol=0.05, atol=0.02)


def test_apply_updates_keeps_the_dtype_of_parameters_and_rounds_once():
    params = jnp.asarray([256.0], jnp.bfloat16)

    new = optim.apply_updates(params, jnp.asarray([1.5], jnp.float32))

    # In bfloat16 256 + 1.5 lies between 256 and 258; 257.5 is nearer to 258.
    assert new.dtype == jnp.bfloat16
    assert float(new[0]) == 258.0


def test_states_have_the_shape_of_the_chain():
    optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adamw(0.1))
    params = {"w": jnp.ones(2)}

    state = optimizer.init(params)
    _, new = optimizer.update(params, state, params)

    assert state[0] == optim.EmptyState()
    assert isinstance(new[1][0], optim.ScaleByAdamState)
    assert new[1][1:] == (optim.EmptyState(), optim.EmptyState())
    assert dc.tree.structure(new) == dc.tree.structure(state)


def test_a_chain_equals_its_parts_applied_one_by_one():
    parts = [
        optim.clip(0.5),
        optim.trace(0.9),
        optim.clip_by_global_norm(0.3),
        optim.scale_by_adam(),
        optim.add_decayed_weights(0.1),
        optim.scale_by_learning_rate(lambda count: 0.1 / (1 + count)),
    ]
    params, grads = {"w": jnp.asarray(PARAMS)}, {"w": jnp.asarray(GRADS[0])}

    whole = optim.chain(*parts)
    together, _ = whole.update(grads, whole.init(params), params)
    for part in parts:
        grads, _ = part.update(grads, part.init(params), params)

    np.testing.assert_allclose(together["w"], grads["w"], rtol=1e-6)


def test_foreign_transformations_fit_between_fused_ones():
    def update(updates, state, params=None):
        return dc.tree.map(jnp.abs, updates), state + 1

    counter = optim.GradientTransformation(lambda params: 0, update)
    transform = optim.chain(optim.scale(2.0), counter, optim.scale(-3.0))

    updates, state = transform.update(jnp.asarray([-1.0]), transform.init(None))

    np.testing.assert_array_equal(updates, [-6.0])
    assert state == (optim.EmptyState(), 1, optim.EmptyState())


def test_equal_leaves_are_traced_once():
    calls = []

    def spy(count):
        calls.append(count)
        return 0.1

    params = [jnp.ones(3) for _ in range(50)]
    optimizer = optim.adam(spy)
    program = dc.make_jaxpr(optimizer.update)(params, optimizer.init(params), params)

    assert len(calls) == 1
    assert len(program.eqns) < 50 + 40


def test_updates_compose_with_grad_and_vmap():
    optimizer = optim.adam(0.1, eps_root=1e-8)
    grads = jnp.asarray(GRADS)
    state = optimizer.init(grads[0])

    batched = dc.vmap(lambda g: optimizer.update(g, state)[0])(grads)
    slope = dc.grad(lambda lr: optim.adam(lr).update(grads[0], state)[0].sum())(0.1)

    expected = np.stack([optimizer.update(g, state)[0] for g in grads])
    np.testing.assert_allclose(batched, expected, rtol=1e-6)
    np.testing.assert_allclose(slope, -np.sign(GRADS[0]).sum(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "optimizer",
    [
        optim.sgd(0.1),
        optim.sgd(0.02, momentum=0.9, nesterov=True),
        optim.adam(0.05),
        optim.adamw(optim.cosine_decay_schedule(0.1, 400), weight_decay=0.0),
    ],
)
def test_optimizers_find_the_minimum_of_a_quadratic(optimizer):
    target = jnp.asarray([1.0, -2.0, 3.0])

    def loss(p):
        return jnp.sum(jnp.asarray([1.0, 3.0, 0.5]) * (p["x"] - target) ** 2)

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(dc.grad(loss)(params), state, params)
        return (optim.apply_updates(params, updates), state), None

    start = {"x": jnp.zeros(3)}
    (end, _), _ = dc.lax.scan(step, (start, optimizer.init(start)), None, length=400)

    np.testing.assert_allclose(end["x"], target, atol=2e-3)


def test_injected_hyperparameters_can_be_changed_between_steps():
    optimizer = optim.inject_hyperparams(optim.adamw)(0.1, weight_decay=0.0)
    params = jnp.asarray([1.0])
    state = optimizer.init(params)

    before, _ = optimizer.update(params, state, params)
    state.hyperparams["learning_rate"] = jnp.asarray(0.3)
    after, state = optimizer.update(params, state, params)

    np.testing.assert_allclose(after / before, 3.0, rtol=1e-6)
    assert int(state.count) == 1


def test_injected_schedules_show_the_value_used():
    schedule = optim.linear_schedule(0.0, 1.0, 10)
    optimizer = optim.inject_hyperparams(optim.sgd)(schedule, momentum=0.9)
    step = dc.jit(optimizer.update)
    state = optimizer.init(jnp.ones(1))

    seen = []
    for _ in range(3):
        updates, state = step(jnp.ones(1), state)
        seen.append(float(state.hyperparams["learning_rate"]))

    np.testing.assert_allclose(seen, [0.0, 0.1, 0.2], atol=1e-7)
    np.testing.assert_allclose(updates, -0.2 * (1 + 0.9 + 0.81), rtol=1e-6)


def test_identities_do_not_part_what_can_be_fused():
    transform = optim.chain(optim.clip(1.0), optim.sgd(0.5), optim.trace(0.9))

    updates, state = transform.update([3.0], transform.init([0.0]))

    assert optim.explain(transform) == "pass 1: clip, identity, scale, trace"
    assert float(updates[0]) == -0.5
    assert state[1] == (optim.EmptyState(), optim.EmptyState())


def test_explain_names_what_runs_by_itself():
    transform = optim.chain(
        optim.scale(2.0),
        optim.masked(optim.scale(2.0), True),
        optim.scale_by_polyak(),
        optim.scale_by_learning_rate(lambda count: 0.1),
        optim.clip_by_global_norm(1.0),
    )

    assert optim.explain(transform) == (
        "pass 1: scale\n"
        "pass 2: masked\n"
        "pass 3: scale_by_polyak\n"
        "pass 4: scale_by_schedule\n"
        "pass 5: clip_by_global_norm"
    )
    assert optim.explain(optim.trace(0.9)) == "pass 1: trace"


def test_eager_steps_of_many_shapes_do_not_warn():
    optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(0.1))
    params = [jnp.ones(size) for size in (3, 5, 6, 7, 9)]

    updates, _ = optimizer.update(params, optimizer.init(params), params)
    moved = optim.apply_updates(params, updates)

    assert [p.shape for p in moved] == [p.shape for p in params]


def test_equal_leaves_keep_their_places():
    rows = RNG.normal(size=(21, 3)).astype(np.float32)
    optimizer = optim.sgd(0.5, momentum=0.9)
    grads = [jnp.asarray(row) for row in rows]

    updates, state = optimizer.update(grads, optimizer.init(grads))
    moved = optim.apply_updates(grads, updates)

    np.testing.assert_allclose(np.stack(state[0].trace), rows, rtol=1e-6)
    np.testing.assert_allclose(np.stack(moved), 0.5 * rows, rtol=1e-6)


def test_the_norm_counts_every_one_of_many_equal_leaves():
    rows = RNG.normal(size=(21, 3)).astype(np.float32)

    norm = optim.global_norm([jnp.asarray(row) for row in rows])

    np.testing.assert_allclose(norm, np.linalg.norm(rows), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_counts_end_at_the_largest_number(dtype):
    largest = np.iinfo(dtype).max
    counts = [0, 7, largest - 1, largest]

    after = [int(optim.safe_increment(jnp.asarray(n, dtype))) for n in counts]

    assert after == [1, 8, largest, largest]
