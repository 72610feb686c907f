"""The model: a decoder-only transformer over bytes."""

import dolmen.core.nn
import dolmen.core.numpy as jnp
from dolmen import kernels, nn
from dolmen.core import Array, lax, random

from .config import Config

VOCABULARY = 256  # every byte is a token
RECENT = 4  # bytes whose embeddings each position sees directly


class FusedRMSNorm(nn.RMSNorm):
    """`RMSNorm` computed by one kernel instead of XLA's operations."""

    def __call__(self, x: Array) -> Array:
        return kernels.rms_norm(x, self.scale.value, epsilon=self.epsilon)


class Block(nn.Module):
    """Attention and a two-layer network, each after a norm and around a residual."""

    def __init__(self, config: Config, *, rngs: nn.Rngs) -> None:
        size = config.features
        norm = FusedRMSNorm if config.fused_norm else nn.RMSNorm
        options = {"use_bias": False, "dtype": config.dtype, "rngs": rngs}
        self.norm1 = norm(size, rngs=rngs)
        self.attention = nn.MultiHeadAttention(
            config.heads, size, causal=True, **options
        )
        self.norm2 = norm(size, rngs=rngs)
        self.up = nn.Linear(size, 4 * size, **options)
        self.down = nn.Linear(4 * size, size, **options)

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.norm1(x))  # [batch, time, features]
        hidden = self.up(self.norm2(x))  # [batch, time, 4 features]
        return x + self.down(dolmen.core.nn.gelu(hidden))


class LanguageModel(nn.Module):
    """Logits of the next byte at every position."""

    def __init__(self, config: Config, *, rngs: nn.Rngs) -> None:
        size = config.features
        self.context = config.context
        # A table for each of the last few bytes: attention would need most of a short
        # training to find the neighbours by itself.
        self.recent = [
            nn.Embed(VOCABULARY, size, dtype=config.dtype, rngs=rngs)
            for _ in range(RECENT)
        ]
        self.positions = nn.Embed(config.context, size, dtype=config.dtype, rngs=rngs)
        self.blocks = nn.Stack(config.layers, Block, config, rngs=rngs)
        self.norm = nn.RMSNorm(size, rngs=rngs)

    def __call__(self, tokens: Array) -> Array:
        length = tokens.shape[-1]
        if length > self.context:
            raise ValueError(
                f"LanguageModel: expected at most {self.context} tokens, got {length}. "
                "Cut the text, or train with a larger --context."
            )
        x = self.positions(jnp.arange(length))
        for distance, table in enumerate(self.recent):
            before = jnp.pad(tokens, ((0, 0), (distance, 0)))[:, :length]
            x = x + table(before)  # [batch, time, features]
        x = self.norm(self.blocks(x))  # [batch, time, features]
        return self.recent[0].attend(x).astype(jnp.float32)  # [batch, time, vocabulary]


def loss(model: LanguageModel, windows: Array) -> Array:
    """Mean cross entropy in nats per byte over windows `[batch, context + 1]`."""
    from dolmen import optim

    tokens = windows.astype(jnp.int32)
    logits = model(tokens[:, :-1])
    losses = optim.softmax_cross_entropy_with_integer_labels(logits, tokens[:, 1:])
    return losses.mean()


def generate(
    model: LanguageModel,
    prompt: Array,
    length: Array | int,
    key: Array,
    *,
    count: int,
    temperature: float = 0.8,
    top_k: int = 40,
) -> Array:
    """Continue a text by `count` bytes.

    Args:
        prompt: tokens `[context]`, of which the first `length` count.
        length: bytes in the prompt, at least one.
        key: decides what is drawn.
        count: bytes to add.
        temperature: 0 takes the likeliest byte, larger is more varied.
        top_k: draw only among the likeliest `top_k` bytes.

    Returns:
        The added bytes `[count]`.
    """

    def step(
        carry: tuple[Array, Array], key: Array
    ) -> tuple[tuple[Array, Array], Array]:
        window, length = carry
        logits = model(window[None])[0]  # [context, vocabulary]
        last = logits[length - 1]
        best, which = lax.top_k(last, top_k)
        if temperature > 0:
            drawn = random.categorical(key, best / temperature)
        else:
            drawn = jnp.argmax(best)
        token = which[drawn]
        # A full window loses its oldest byte.
        full = length == window.shape[0]
        window = jnp.where(full, jnp.roll(window, -1), window)
        position = jnp.where(full, length - 1, length)
        window = window.at[position].set(token)
        return (window, position + 1), token

    start = (prompt.astype(jnp.int32), jnp.asarray(length, jnp.int32))
    return lax.scan(step, start, random.split(key, count))[1]
