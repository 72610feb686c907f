"""Bounds on updates."""

from dataclasses import dataclass
from typing import Any

import dolmen.core.numpy as jnp

from ._engine import Rule, transformation
from ._norms import global_norm
from ._transformation import GradientTransformation


def clip(max_delta: Any) -> GradientTransformation:
    """Limits every element to ``[-max_delta, max_delta]``; NaN stays NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = clip(1.0)
        >>> updates, _ = transform.update(jnp.array([-3.0, 0.5]), transform.init(None))
        >>> updates
        Array([-1. , 0.5], dtype=float32)
    """
    return transformation(_Clip(max_delta))


@dataclass(frozen=True)
class _Clip(Rule):
    max_delta: Any
    name = "clip"

    def prepare(self, updates, state):
        return self.max_delta, state

    def apply(self, shared, g, p, slots):
        return jnp.clip(g, -shared, shared), slots


def clip_by_global_norm(max_norm: Any) -> GradientTransformation:
    """Scales all updates down so that their `global_norm` is at most `max_norm`.

    Updates whose norm is smaller pass unchanged. A NaN anywhere makes all updates NaN,
    and so does an infinity.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = clip_by_global_norm(1.0)
        >>> updates, _ = transform.update(jnp.array([3.0, 4.0]), transform.init(None))
        >>> updates
        Array([0.6, 0.8], dtype=float32)

    Source: Pascanu et al. (2012), arXiv:1211.5063.
    """
    return transformation(_ClipByGlobalNorm(max_norm))


@dataclass(frozen=True)
class _ClipByGlobalNorm(Rule):
    max_norm: Any
    name = "clip_by_global_norm"
    needs_updates = True

    def prepare(self, updates, state):
        return (global_norm(updates), self.max_norm), state

    def apply(self, shared, g, p, slots):
        norm, max_norm = shared
        # Dividing first keeps huge gradients finite: g / norm is at most 1.
        clipped = (g / norm.astype(g.dtype)) * max_norm
        return jnp.where(norm < max_norm, g, clipped.astype(g.dtype)), slots
