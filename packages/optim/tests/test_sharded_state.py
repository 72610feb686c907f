"""Optimizer states spread over the devices of a mesh."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib

RNG = np.random.default_rng(0)
PARAMS = {
    "w": RNG.normal(size=(64, 32)).astype(np.float32),
    "v": RNG.normal(size=(32, 64)).astype(np.float32),
    "b": RNG.normal(size=7).astype(np.float32),
}
X = RNG.normal(size=(16, 64)).astype(np.float32)


@pytest.fixture
def mesh():
    return dc.make_mesh((4, 2), ("data", "model"))


def loss(params, x):
    hidden = jnp.tanh(x @ params["w"]) @ params["v"]
    return jnp.mean(hidden**2) + jnp.sum(params["b"] ** 2)


def trained(optimizer, params, x, steps=4):
    """Parameters and state after some steps."""

    @dc.jit
    def step(params, state, x):
        grads = dc.grad(loss)(params, x)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    state = dc.jit(optimizer.init)(params)
    for _ in range(steps):
        params, state = step(params, state, x)
    return params, state


def on_mesh(mesh):
    """Parameters whole on each device, and a batch split over them."""
    params = dc.device_put(PARAMS, dc.NamedSharding(mesh, dc.P()))
    return params, dc.device_put(X, dc.NamedSharding(mesh, dc.P("data")))


@pytest.mark.parametrize(
    "make",
    [
        lambda: optim.adamw(1e-2),
        lambda: optim.chain(optim.clip_by_global_norm(0.1), optim.adam(1e-2)),
        lambda: optim.inject_hyperparams(optim.lion)(learning_rate=1e-3),
        lambda: contrib.muon(1e-2),
        lambda: optim.adafactor(1e-2),
        lambda: optim.MultiSteps(optim.sgd(0.1, momentum=0.9), 2),
    ],
    ids=["adamw", "clip", "inject", "muon", "adafactor", "multi_steps"],
)
def test_training_is_that_of_a_whole_state(mesh, make):
    expected, _ = trained(make(), PARAMS, X)

    with dc.set_mesh(mesh):
        got, _ = trained(optim.shard_state(make()), *on_mesh(mesh))

    for name in PARAMS:
        np.testing.assert_allclose(got[name], expected[name], rtol=2e-4, atol=2e-5)
        assert got[name].is_fully_replicated


def test_each_device_holds_its_part_of_the_moments(mesh):
    with dc.set_mesh(mesh):
        _, state = trained(optim.shard_state(optim.adamw(1e-2)), *on_mesh(mesh))

    mu = state[0].mu
    assert mu["w"].sharding.spec == dc.P("data")
    assert mu["v"].sharding.spec == dc.P(None, "data")
    assert mu["b"].is_fully_replicated  # 7 elements can't be split in 4
    assert mu["w"].addressable_shards[0].data.shape == (16, 32)
    whole = optim.state_bytes(state)["ScaleByAdamState.mu"]
    part = optim.state_bytes(state, per_device=True)["ScaleByAdamState.mu"]
    assert (whole, part) == (4 * (2 * 64 * 32 + 7), 4 * (2 * 16 * 32 + 7))


def test_a_program_holds_a_part_of_the_state_only(mesh):
    params, _ = on_mesh(mesh)

    def held(optimizer):
        with dc.set_mesh(mesh):
            state = dc.jit(optimizer.init)(params)
            update = dc.jit(lambda g, s, p: optimizer.update(g, s, p))
            compiled = update.lower(params, state, params).compile()
        return compiled.memory_analysis().argument_size_in_bytes

    whole, part = held(optim.adam(0.1)), held(optim.shard_state(optim.adam(0.1)))

    moments = 2 * 4 * 2 * 64 * 32
    assert whole - part == moments * 3 // 4


def test_parameters_split_over_another_axis_stay_so(mesh):
    specs = {"w": dc.P(None, "model"), "v": dc.P("model"), "b": None}
    optimizer = optim.shard_state(optim.adam(1e-2), specs=specs)
    spread = {
        name: dc.device_put(PARAMS[name], dc.NamedSharding(mesh, spec or dc.P()))
        for name, spec in specs.items()
    }
    expected, _ = trained(optim.adam(1e-2), PARAMS, X)

    with dc.set_mesh(mesh):
        got, state = trained(optimizer, spread, on_mesh(mesh)[1])

    assert state[0].nu["w"].sharding.spec == dc.P("data", "model")
    assert state[0].nu["v"].sharding.spec == dc.P("model", "data")
    for name in PARAMS:
        ndim = got[name].ndim
        assert got[name].sharding.is_equivalent_to(spread[name].sharding, ndim)
        np.testing.assert_allclose(got[name], expected[name], rtol=2e-4, atol=2e-5)


def test_packed_trees_are_split_as_buffers(mesh):
    packed = optim.pack(PARAMS, multiple_of=8)
    expected, _ = trained(optim.adamw(1e-2), PARAMS, X)
    optimizer = optim.shard_state(optim.adamw(1e-2))

    @dc.jit
    def step(packed, state, x):
        grads = dc.grad(lambda p: loss(p.unpack(), x))(packed)
        updates, state = optimizer.update(grads, state, packed)
        return optim.apply_updates(packed, updates), state

    with dc.set_mesh(mesh):
        packed, x = dc.device_put(packed, dc.NamedSharding(mesh, dc.P())), X
        state = dc.jit(optimizer.init)(packed)
        for _ in range(4):
            packed, state = step(packed, state, x)

    (mu,) = state[0].mu.buffers
    assert mu.sharding.spec == dc.P("data")
    for name, got in packed.unpack().items():
        np.testing.assert_allclose(got, expected[name], rtol=2e-4, atol=2e-5)


def test_outside_of_jit_states_are_laid_out_too(mesh):
    optimizer = optim.shard_state(optim.adam(0.1), mesh=mesh)
    params, _ = on_mesh(mesh)

    state = optimizer.init(params)
    updates, state = optimizer.update(params, state, params)

    assert state[0].mu["w"].sharding.spec == dc.P("data")
    assert updates["w"].is_fully_replicated


def test_small_arrays_stay_whole(mesh):
    with dc.set_mesh(mesh):
        state = optim.shard_state(optim.adam(0.1), smallest=4096).init(PARAMS)

    assert state[0].mu["w"].is_fully_replicated


def error_of(call):
    with pytest.raises(ValueError) as caught:
        call()
    return re.sub(r"\n  at .*", "", str(caught.value))


def test_a_mesh_with_the_axis_is_wanted(mesh):
    init = optim.shard_state(optim.adam(0.1)).init

    assert error_of(lambda: init(PARAMS)) == (
        "shard_state: there is no current mesh.\n"
        "Call it in a `with set_mesh(mesh):` block, or pass `mesh`."
    )
    with dc.set_mesh(dc.make_mesh((2,), ("x",))):
        assert error_of(lambda: init(PARAMS)) == (
            "shard_state: axis 'data' is none of Mesh('x': 2).\n"
            "Name the axis along which batches are split."
        )
