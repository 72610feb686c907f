"""The language-model example's train step: time to the first one, and speed."""

import functools
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from measure import report

began = time.perf_counter()

import numpy as np  # noqa: E402  (imports belong to the time to the first step)

import dolmen.core as dc  # noqa: E402
from dolmen import nn, optim  # noqa: E402
from examples.lm.config import PRESETS  # noqa: E402
from examples.lm.model import LanguageModel, loss  # noqa: E402
from examples.lm.train import make_optimizer  # noqa: E402

config = PRESETS["quickstart"]
graphdef, params = nn.split(LanguageModel(config, rngs=nn.Rngs(0)))
optimizer = make_optimizer(config)
opt_state = optimizer.init(params)


@functools.partial(dc.jit, donate_argnums=(0, 1))
def train_step(params, opt_state, batch):
    value, grads = dc.value_and_grad(lambda p: loss(nn.merge(graphdef, p), batch))(
        params
    )
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return optim.apply_updates(params, updates), opt_state, value


rng = np.random.default_rng(0)
batch = rng.integers(0, 256, (config.batch, config.context + 1), np.uint8)
params, opt_state, value = train_step(params, opt_state, batch)
float(value)
report("LM: import to the end of the first step", time.perf_counter() - began, "s")

best = float("inf")
for _ in range(int(os.environ.get("BENCHMARK_STEPS", "40"))):
    began = time.perf_counter()
    params, opt_state, value = train_step(params, opt_state, batch)
    float(value)
    best = min(best, time.perf_counter() - began)
report("LM: train step", best * 1e3, "ms")
report("LM: tokens per second", config.batch * config.context / best, "1/s")
