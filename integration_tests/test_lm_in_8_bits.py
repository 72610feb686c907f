"""The language model, trained with an optimizer's state in 8 bits."""

import dataclasses
import functools
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dolmen.core as dc
from dolmen import nn, optim
from examples.lm.config import PRESETS
from examples.lm.model import LanguageModel, loss
from examples.lm.train import make_optimizer, windows

STEPS = 100
CONFIG = dataclasses.replace(
    PRESETS["tiny"], features=64, layers=1, batch=8, steps=STEPS, warmup=10
)


def text(*modules: str) -> np.ndarray:
    """Bytes of modules of the standard library."""
    directory = Path(sysconfig.get_path("stdlib"))
    parts = [(directory / f"{name}.py").read_bytes() for name in modules]
    return np.frombuffer(b"".join(parts), np.uint8)


@dataclasses.dataclass
class Outcome:
    """Bytes of the state, and mean losses in the last steps and on other text."""

    bytes: int
    trained: float
    held_out: float


def outcome(optimizer: optim.GradientTransformation) -> Outcome:
    """Train for `STEPS` steps, always on the same windows."""
    graphdef, params = nn.split(LanguageModel(CONFIG, rngs=nn.Rngs(0)))
    state = optimizer.init(params)

    def of_params(params: Any, batch: Any) -> Any:
        return loss(nn.merge(graphdef, params), batch)

    @functools.partial(dc.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any, batch: Any) -> Any:
        value, grads = dc.value_and_grad(of_params)(params, batch)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, value

    batches = windows(text("argparse", "ast"), CONFIG, train=True)
    losses = []
    for index in range(STEPS):
        params, state, value = step(params, state, batches[index])
        losses.append(value)
    others = windows(text("inspect"), CONFIG, train=False)
    evaluate = dc.jit(of_params)
    held_out = [float(evaluate(params, others[index])) for index in range(20)]
    size = sum(optim.state_bytes(state).values())
    last = [float(value) for value in losses[-20:]]
    return Outcome(size, float(np.mean(last)), float(np.mean(held_out)))


@pytest.fixture(scope="module")
def outcomes() -> tuple[Outcome, Outcome]:
    """Of AdamW, and of AdamW in 8 bits."""
    adamw = make_optimizer(CONFIG)
    return outcome(adamw), outcome(optim.with_8bit_state(adamw))


def test_the_state_takes_little_more_than_a_quarter_of_the_bytes(outcomes: Any):
    wide, small = outcomes

    assert small.bytes <= 0.27 * wide.bytes


def test_the_losses_are_the_same_within_half_a_percent(outcomes: Any):
    wide, small = outcomes

    assert wide.trained < 3.0  # of 5.5 nats at first
    assert abs(small.trained / wide.trained - 1) < 0.005
    assert abs(small.held_out / wide.held_out - 1) < 0.005
