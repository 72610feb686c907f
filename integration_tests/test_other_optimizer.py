"""A run is saved, and goes on with another optimizer: packages together."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import ckpt, nn, optim
from dolmen.optim.tree_utils import tree_get

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(64, 6)).astype("float32")
TARGETS = np.sin(INPUTS @ RNG.normal(size=(6, 2))).astype("float32")


class Network(nn.Module):
    """Two layers."""

    def __init__(self, *, rngs: nn.Rngs) -> None:
        self.layers = [nn.Linear(6, 16, rngs=rngs), nn.Linear(16, 2, rngs=rngs)]

    def __call__(self, x: Any) -> Any:
        return self.layers[1](jnp.tanh(self.layers[0](x)))


def start() -> tuple[Any, Any]:
    """Structure and parameters."""
    return nn.split(Network(rngs=nn.Rngs(0)))


def train(optimizer: Any, graphdef: Any, params: Any, state: Any, steps: int) -> Any:
    """Parameters, state and losses after some steps, which write over the old ones."""

    @functools.partial(dc.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any) -> tuple[Any, Any, Any]:
        def loss(params: Any) -> Any:
            return jnp.mean((nn.merge(graphdef, params)(INPUTS) - TARGETS) ** 2)

        value, grads = dc.value_and_grad(loss)(params)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, value

    losses = []
    for _ in range(steps):
        params, state, value = step(params, state)
        losses.append(float(value))
    return params, state, losses


SCHEDULE = optim.cosine_decay_schedule(0.02, 60)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The checkpoint of a run of AdamW after 20 steps, and its last loss."""
    path = tmp_path_factory.mktemp("run") / "20"
    optimizer = optim.adamw(SCHEDULE)
    graphdef, params = start()
    state = optimizer.init(params)
    params, state, losses = train(optimizer, graphdef, params, state, 20)
    ckpt.save(path, {"params": params, "state": state, "step": 20})
    return path, losses[-1]


def restored(path: Path, optimizer: Any) -> tuple[Any, Any, optim.StateTransfer]:
    """Structure and parameters, and the state for another optimizer."""
    graphdef, params = start()
    saved = ckpt.load(path, like={"params": params, "state": ..., "step": 0})
    moved = optim.transfer_state(optimizer, saved["params"], saved["state"])
    return graphdef, saved["params"], moved


def slots(transfer: optim.StateTransfer, outcome: str) -> set[str]:
    return {array.slot for array in transfer.arrays if array.outcome == outcome}


def test_the_same_optimizer_goes_on_as_if_nothing_had_happened(run: Any):
    path, _ = run
    optimizer = optim.adamw(SCHEDULE)
    graphdef, params = start()
    state = optimizer.init(params)
    expected, _, _ = train(optimizer, graphdef, params, state, 30)

    graphdef, params, moved = restored(path, optimizer)
    params, _, _ = train(optimizer, graphdef, params, moved.state, 10)

    assert {array.outcome for array in moved.arrays} == {"kept"}
    dc.tree.map(np.testing.assert_array_equal, params, expected)


def test_adamw_goes_on_as_muon_with_its_momentum(run: Any):
    path, loss = run
    optimizer = optim.contrib.muon(SCHEDULE)

    graphdef, params, moved = restored(path, optimizer)
    counts = {int(leaf) for leaf in dc.tree.leaves(_counts(moved.state))}
    _, _, losses = train(optimizer, graphdef, params, moved.state, 30)

    assert slots(moved, "kept") == {
        *("MuonState.count", "MuonState.mu", "ScaleByScheduleState.count"),
        *(f"ScaleByAdamState.{field}" for field in ("count", "mu", "nu")),
    }
    assert slots(moved, "new") == {"MuonState.ns_coeffs"}
    assert len([a for a in moved.arrays if a.outcome == "dropped"]) >= 2  # nu
    assert counts == {20}
    assert max(losses) < 1.5 * loss
    assert losses[-1] < 0.7 * loss


def _counts(state: Any) -> list[Any]:
    found = optim.tree_utils.tree_get_all_with_path(state, "count")
    return [node for _, node in found]


def test_adamw_goes_on_as_soap_with_its_schedule(run: Any):
    path, loss = run
    optimizer = optim.soap(SCHEDULE)

    graphdef, params, moved = restored(path, optimizer)
    _, state, losses = train(optimizer, graphdef, params, moved.state, 30)

    assert slots(moved, "kept") == {"ScaleByScheduleState.count"}
    assert (int(state[0].count), int(state[2].count)) == (30, 50)
    assert max(losses) < 1.5 * loss
    assert losses[-1] < 0.7 * loss


def test_adamw_goes_on_in_eight_bits_and_with_another_learning_rate(run: Any):
    path, loss = run
    optimizer = optim.with_8bit_state(optim.adamw(0.005), min_size=64)

    graphdef, params, moved = restored(path, optimizer)
    _, state, losses = train(optimizer, graphdef, params, moved.state, 30)

    assert slots(moved, "new") == {"QuantizedState.rng_key"}
    assert "packed into 8 bits" in str(moved)
    assert int(tree_get(state, "count")) == 50
    assert max(losses) < 1.2 * loss
    assert losses[-1] < 0.9 * loss
