"""Dropout."""

from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import random

from ._module import Module
from ._rngs import Rngs, RngStream


class Dropout(Module):
    """Zero a random share of the elements and scale up the rest, while training.

    Args:
        rate: share of elements to zero, from 0 to 1.
        broadcast_dims: axes along which whole slices are dropped together.
        deterministic: do nothing (evaluation mode).
        rngs: streams; a stream of its own is forked from `dropout` and kept. Without
            it pass `rngs` to each call. Under a transformation a kept stream advances
            only in the copy that the function sees: return the module from it, or pass
            `rngs`.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> drop = nn.Dropout(0.5)
        >>> sorted(set(drop(jnp.ones(100), rngs=nn.Rngs(0)).tolist()))
        [0.0, 2.0]
        >>> drop.eval(); drop(jnp.ones(2))
        Array([1., 1.], dtype=float32)
    """

    def __init__(
        self,
        rate: float,
        *,
        broadcast_dims: Sequence[int] = (),
        deterministic: bool = False,
        rngs: Rngs | RngStream | None = None,
    ) -> None:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"Dropout: expected a rate from 0 to 1, got {rate}.")
        self.rate = rate
        self.broadcast_dims = tuple(broadcast_dims)
        self.deterministic = deterministic
        self.rngs = rngs.dropout.fork() if isinstance(rngs, Rngs) else rngs

    def __call__(
        self,
        x: Any,
        *,
        deterministic: bool | None = None,
        rngs: Rngs | RngStream | None = None,
    ) -> Any:
        """Drop elements of `x`.

        Args:
            deterministic: overrides the module's own mode.
            rngs: overrides the module's own stream; `dropout` is used.

        Raises:
            ValueError: in training mode there are no streams.
        """
        off = self.deterministic if deterministic is None else deterministic
        if off or self.rate == 0.0:
            return x
        if self.rate == 1.0:
            return jnp.zeros_like(x)
        stream = self.rngs if rngs is None else rngs
        if stream is None:
            raise ValueError(
                "Dropout: no random streams. Pass `rngs=nn.Rngs(dropout=key)` to the "
                "call, or call `model.eval()` to switch dropout off."
            )
        key = stream.dropout() if isinstance(stream, Rngs) else stream()
        keep = 1.0 - self.rate
        shape = list(x.shape)
        for axis in self.broadcast_dims:
            shape[axis] = 1
        mask = random.bernoulli(key, keep, tuple(shape))
        return jnp.where(mask, x / keep, jnp.zeros((), x.dtype))
