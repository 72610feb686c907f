"""Arithmetic that the rules share: moving averages and their corrections."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import lax

from ._counts import safe_increment


def widened(g: Any, *slots: Any) -> Any:
    """An update in a dtype that loses nothing of it or of the slots."""
    return g.astype(jnp.result_type(g.dtype, *(slot.dtype for slot in slots)))


def moved(average: Any, x: Any, decay: Any) -> Any:
    """The moving average after `x`, in the dtype of `x`."""
    return (1 - decay) * x + decay * average.astype(x.dtype)


def squared(g: Any) -> Any:
    """``|g|²``, elementwise, in the dtype of `g` even if that is complex."""
    if jnp.issubdtype(g.dtype, jnp.complexfloating):
        return (g * jnp.conj(g)).real.astype(g.dtype)
    return g * g


def inverse_root(total: Any, eps: Any) -> Any:
    """``1 / sqrt(total + eps)``, and 0 where nothing has been added up."""
    return jnp.where(total.real > 0, lax.rsqrt(total + eps), 0)


def correction(decay: Any, count: Any) -> Any:
    """What a moving average that began at zero must be divided by after `count` steps.

    The power is taken in float32, whatever the average is: in 16 bits 0.999**t rounds
    to 1 and the correction to 0.
    """
    return 1 - decay**count


def debiased(average: Any, correction: Any) -> Any:
    """A moving average divided by its `correction`."""
    return average / correction.astype(average.dtype)


def first_corrections(b1: Any, count: Any, nesterov: bool) -> tuple[Any, ...]:
    """Corrections of a first moment for `first_estimate`: of now and of the next step.

    Args:
        b1: decay.
        count: of steps, this one included.
        nesterov: whether the next step is needed.
    """
    now = correction(b1, count)
    return (now, correction(b1, safe_increment(count))) if nesterov else (now,)


def first_estimate(m: Any, g: Any, b1: Any, corrections: tuple[Any, ...]) -> Any:
    """Adam's estimate of the first moment; NAdam's if there is a second correction.

    Source: Dozat (2016), "Incorporating Nesterov momentum into Adam".
    """
    now, *ahead = corrections
    if not ahead:
        return debiased(m, now)
    return b1 * debiased(m, ahead[0]) + (1 - b1) * debiased(g, now)


def stored(values: tuple[Any, ...], slots: Any) -> tuple[Any, ...]:
    """New values of slots in the dtypes that they have in the state."""
    return tuple(
        value.astype(slot.dtype) for value, slot in zip(values, slots, strict=True)
    )
