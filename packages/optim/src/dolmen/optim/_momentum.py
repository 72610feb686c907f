"""Momentum: a decaying sum of past updates."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._engine import Rule, transformation, zeros_like_params
from ._transformation import GradientTransformation


class TraceState(NamedTuple):
    """State of `trace`.

    Attributes:
        trace: decaying sum of the updates, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.trace(0.9).init({"w": 1.0})
        TraceState(trace={'w': Array(0., dtype=float32)})
    """

    trace: Any


def trace(
    decay: Any, nesterov: bool = False, accumulator_dtype: Any = None
) -> GradientTransformation:
    """Adds up past updates with decay: ``t = g + decay t``.

    Args:
        decay: weight of the past.
        nesterov: return ``g + decay t`` with the new ``t`` instead of ``t``.
        accumulator_dtype: dtype of the stored sum; by default float32, or that of the
            parameter if wider.

    Example:
        >>> transform = trace(0.9)
        >>> state = transform.init(0.0)
        >>> for _ in range(2):
        ...     updates, state = transform.update(1.0, state)
        >>> updates
        Array(1.9, dtype=float32)

    Source: Sutskever et al. (2013), "On the importance of initialization and momentum
    in deep learning".
    """
    return transformation(_Trace(decay, nesterov, accumulator_dtype))


@dataclass(frozen=True)
class _Trace(Rule):
    decay: Any
    nesterov: bool
    accumulator_dtype: Any

    name = "trace"
    slots = ("trace",)

    def init(self, params):
        return TraceState(zeros_like_params(self.name, params, self.accumulator_dtype))

    def apply(self, shared, g, p, slots):
        (old,) = slots
        g = g.astype(jnp.promote_types(g.dtype, old.dtype))
        new = g + self.decay * old.astype(g.dtype)
        update = g + self.decay * new if self.nesterov else new
        return update, (new.astype(old.dtype),)
