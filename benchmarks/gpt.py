"""A GPT train step in plain array code, written against the API that both share."""

import numpy as np

SIZE, HEADS, VOCABULARY, TIME, BATCH = 64, 4, 256, 32, 4


class Model:
    """The model on one library.

    Args:
        core: `dolmen.core` or `jax`.
        jnp: its `numpy`.
        layers: how many blocks.
        jitted_block: decorate the block with `jit`.
    """

    def __init__(self, core, jnp, layers, *, jitted_block=False):
        self.core, self.jnp, self.layers = core, jnp, layers
        if jitted_block:
            self.block = core.jit(self.block)

    def parameters(self):
        rng = np.random.RandomState(0)
        jnp = self.jnp

        def normal(*shape):
            return jnp.asarray(rng.randn(*shape).astype(np.float32) * 0.02)

        def norm():
            return jnp.ones(SIZE), jnp.zeros(SIZE)

        def linear(a, b):
            return normal(a, b), jnp.zeros(b)

        return {
            "tokens": normal(VOCABULARY, SIZE),
            "positions": normal(TIME, SIZE),
            "norm": norm(),
            "blocks": [
                {
                    "norm1": norm(),
                    "norm2": norm(),
                    "qkv": linear(SIZE, 3 * SIZE),
                    "out": linear(SIZE, SIZE),
                    "up": linear(SIZE, 4 * SIZE),
                    "down": linear(4 * SIZE, SIZE),
                }
                for _ in range(self.layers)
            ],
        }

    def batch(self):
        shape = BATCH, TIME + 1
        tokens = np.random.RandomState(1).randint(0, VOCABULARY, shape)
        return self.jnp.asarray(tokens.astype(np.int32))

    def layer_norm(self, p, h):
        jnp = self.jnp
        mean = jnp.mean(h, -1, keepdims=True)
        variance = jnp.mean((h - mean) ** 2, -1, keepdims=True)
        return (h - mean) / jnp.sqrt(variance + 1e-5) * p[0] + p[1]

    def softmax(self, a):
        e = self.jnp.exp(a - self.jnp.max(a, -1, keepdims=True))
        return e / self.jnp.sum(e, -1, keepdims=True)

    def gelu(self, h):
        return 0.5 * h * (1 + self.jnp.tanh(0.79788456 * (h + 0.044715 * h**3)))

    def block(self, p, h):
        jnp = self.jnp
        b, t, d = h.shape
        qkv = linear(p["qkv"], self.layer_norm(p["norm1"], h))
        qkv = qkv.reshape(b, t, 3, HEADS, -1)
        q, k, value = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
        a = jnp.einsum("bthd,bshd->bhts", q, k) / (d // HEADS) ** 0.5
        a = jnp.where(jnp.tril(jnp.ones((t, t), bool)), a, -1e9)
        o = jnp.einsum("bhts,bshd->bthd", self.softmax(a), value).reshape(b, t, d)
        h = h + linear(p["out"], o)
        up = self.gelu(linear(p["up"], self.layer_norm(p["norm2"], h)))
        return h + linear(p["down"], up)

    def loss(self, params, tokens):
        jnp = self.jnp
        length = tokens.shape[1] - 1
        h = params["tokens"][tokens[:, :-1]] + params["positions"][:length]
        for p in params["blocks"]:
            h = self.block(p, h)
        logits = self.layer_norm(params["norm"], h) @ params["tokens"].T
        logp = logits - jnp.max(logits, -1, keepdims=True)
        logp = logp - jnp.log(jnp.sum(jnp.exp(logp), -1, keepdims=True))
        return -jnp.mean(jnp.take_along_axis(logp, tokens[:, 1:, None], -1))

    def train_step(self, params, tokens):
        value, grads = self.core.value_and_grad(self.loss)(params, tokens)
        update = self.core.tree.map(lambda p, g: p - 1e-3 * g, params, grads)
        return update, value

    def jitted(self):
        """The step as a function never traced before."""
        return self.core.jit(lambda p, t: self.train_step(p, t))


def linear(p, h):
    return h @ p[0] + p[1]
