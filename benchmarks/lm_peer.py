"""The same train step with Flax NNX and Optax."""

import functools
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from measure import report

began = time.perf_counter()

import jax  # noqa: E402  (imports belong to the time to the first step)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from flax import nnx  # noqa: E402

LAYERS, SIZE, HEADS, CONTEXT, BATCH, STEPS, RECENT = 3, 128, 2, 128, 8, 500, 4


class Block(nnx.Module):
    def __init__(self, rngs):
        linear = functools.partial(nnx.Linear, use_bias=False, rngs=rngs)
        self.norm1 = nnx.RMSNorm(SIZE, rngs=rngs)
        self.q, self.k, self.v, self.o = (linear(SIZE, SIZE) for _ in range(4))
        self.norm2 = nnx.RMSNorm(SIZE, rngs=rngs)
        self.up, self.down = linear(SIZE, 4 * SIZE), linear(4 * SIZE, SIZE)

    def __call__(self, x):
        h = self.norm1(x)
        q, k, v = (
            f(h).reshape(*h.shape[:-1], HEADS, -1) for f in (self.q, self.k, self.v)
        )
        a = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(a.reshape(h.shape))
        return x + self.down(jax.nn.gelu(self.up(self.norm2(x))))


class Model(nnx.Module):
    def __init__(self, rngs):
        self.recent = nnx.List([nnx.Embed(256, SIZE, rngs=rngs) for _ in range(RECENT)])
        self.positions = nnx.Embed(CONTEXT, SIZE, rngs=rngs)
        self.norm = nnx.RMSNorm(SIZE, rngs=rngs)

        @nnx.split_rngs(splits=LAYERS)
        @nnx.vmap
        def blocks(rngs):
            return Block(rngs)

        self.blocks = blocks(rngs)

    def __call__(self, tokens):
        length = tokens.shape[-1]
        x = self.positions(jnp.arange(length))
        for distance, table in enumerate(self.recent):
            x = x + table(jnp.pad(tokens, ((0, 0), (distance, 0)))[:, :length])
        graphdef, state = nnx.split(self.blocks)
        step = lambda x, s: (nnx.merge(graphdef, s)(x), None)  # noqa: E731
        x = jax.lax.scan(step, x, state)[0]
        return self.recent[0].attend(self.norm(x))


graphdef, params = nnx.split(Model(nnx.Rngs(0)))
schedule = optax.warmup_cosine_decay_schedule(0.0, 3e-3, 50, STEPS, 3e-4)
optimizer = optax.chain(
    optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.95, weight_decay=0.1)
)
opt_state = optimizer.init(params)


@functools.partial(jax.jit, donate_argnums=(0, 1))
def train_step(params, opt_state, batch):
    tokens = batch.astype(jnp.int32)

    def loss(params):
        logits = nnx.merge(graphdef, params)(tokens[:, :-1])
        return optax.softmax_cross_entropy_with_integer_labels(
            logits, tokens[:, 1:]
        ).mean()

    value, grads = jax.value_and_grad(loss)(params)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, value


rng = np.random.default_rng(0)
batch = rng.integers(0, 256, (BATCH, CONTEXT + 1), np.uint8)
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
report("LM: tokens per second", BATCH * CONTEXT / best, "1/s")
