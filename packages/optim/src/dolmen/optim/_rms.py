"""Division by the root of past squares, summed or averaged."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import lax

from ._arguments import Number
from ._counts import safe_increment, zero_count
from ._engine import Rule, full_like_params, transformation, zeros_like_params
from ._moments import (
    correction,
    debiased,
    inverse_root,
    moved,
    squared,
    stored,
    widened,
)
from ._transformation import GradientTransformation


class ScaleByRssState(NamedTuple):
    """State of `scale_by_rss`.

    Attributes:
        sum_of_squares: of all updates so far, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_rss(0.5).init({"w": 1.0})
        ScaleByRssState(sum_of_squares={'w': Array(0.5, dtype=float32)})
    """

    sum_of_squares: Any


def scale_by_rss(
    initial_accumulator_value: Any = 0.1, eps: Any = 1e-7
) -> GradientTransformation:
    """Divides updates by the root of the sum of all squares so far (AdaGrad).

    Args:
        initial_accumulator_value: what the sums begin with.
        eps: added inside the root. Where a sum is zero, so is the update.

    Example:
        >>> transform = scale_by_rss(initial_accumulator_value=7.0)
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        0.75

    Source: Duchi et al. (2011), "Adaptive subgradient methods".
    """
    return transformation(_Rss(initial_accumulator_value, eps))


@dataclass(frozen=True)
class _Rss(Rule):
    initial: Number
    eps: Number

    name = "scale_by_rss"
    elementwise = True
    slots = ("sum_of_squares",)

    def init(self, params):
        return ScaleByRssState(full_like_params(self.name, params, self.initial))

    def apply(self, shared, g, p, slots):
        g = widened(g, *slots)
        total = squared(g) + slots[0]
        return g * inverse_root(total, self.eps), stored((total,), slots)


class ScaleByRmsState(NamedTuple):
    """State of `scale_by_rms`.

    Attributes:
        nu: moving average of the squares, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_rms().init({"w": 1.0})
        ScaleByRmsState(nu={'w': Array(0., dtype=float32)})
    """

    nu: Any


class ScaleByRmsWithCountState(NamedTuple):
    """State of `scale_by_rms` with bias correction: `count` steps were done."""

    count: Any
    nu: Any


def scale_by_rms(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation:
    """Divides updates by the root of the moving average of their squares (RMSProp).

    Args:
        decay: of the average.
        eps: added to the average, or to its root.
        initial_scale: what the averages begin with.
        eps_in_sqrt: whether `eps` is added inside the root.
        bias_correction: correct the average for its start. The state then also counts
            steps.

    Example:
        >>> transform = scale_by_rms(decay=0.75)
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        2.0

    Source: Hinton (2012), "Neural networks for machine learning", lecture 6; Graves
    (2013), arXiv:1308.0850.
    """
    return transformation(_Rms(decay, eps, initial_scale, eps_in_sqrt, bias_correction))


@dataclass(frozen=True)
class _Rms(Rule):
    decay: Number
    eps: Number
    initial: Number
    eps_in_sqrt: bool
    corrects: bool

    name = "scale_by_rms"
    elementwise = True
    slots = ("nu",)

    def init(self, params):
        nu = full_like_params(self.name, params, self.initial)
        if self.corrects:
            return ScaleByRmsWithCountState(zero_count(), nu)
        return ScaleByRmsState(nu)

    def prepare(self, updates, state):
        return _counted(self.decay, state) if self.corrects else (None, state)

    def apply(self, shared, g, p, slots):
        g = widened(g, *slots)
        v = moved(slots[0], squared(g), self.decay)
        v_hat = debiased(v, shared) if self.corrects else v
        return _over_root(g, v_hat, self.eps, self.eps_in_sqrt), stored((v,), slots)


class ScaleByRStdDevState(NamedTuple):
    """State of `scale_by_stddev`.

    Attributes:
        mu: moving average of the updates, a tree like the parameters.
        nu: moving average of their squares, likewise.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_stddev().init({"w": 1.0}).nu
        {'w': Array(0., dtype=float32)}
    """

    mu: Any
    nu: Any


class ScaleByRStdDevWithCountState(NamedTuple):
    """State of `scale_by_stddev` with bias correction: `count` steps were done."""

    count: Any
    mu: Any
    nu: Any


def scale_by_stddev(
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> GradientTransformation:
    """Divides updates by their standard deviation (centered RMSProp).

    It is the root of the moving average of the squares, less the square of the moving
    average.

    Args:
        decay: of the averages.
        eps: added to the variance, or to its root.
        initial_scale: what the average of the squares begins with.
        eps_in_sqrt: whether `eps` is added inside the root.
        bias_correction: correct the averages for their start. The state then also
            counts steps.

    Example:
        >>> transform = scale_by_stddev(decay=0.5)
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        2.0

    Source: Graves (2013), arXiv:1308.0850.
    """
    return transformation(
        _StdDev(decay, eps, initial_scale, eps_in_sqrt, bias_correction)
    )


@dataclass(frozen=True)
class _StdDev(Rule):
    decay: Number
    eps: Number
    initial: Number
    eps_in_sqrt: bool
    corrects: bool

    name = "scale_by_stddev"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        mu = zeros_like_params(self.name, params)
        nu = full_like_params(self.name, params, self.initial)
        if self.corrects:
            return ScaleByRStdDevWithCountState(zero_count(), mu, nu)
        return ScaleByRStdDevState(mu, nu)

    def prepare(self, updates, state):
        return _counted(self.decay, state) if self.corrects else (None, state)

    def apply(self, shared, g, p, slots):
        mu, nu = slots
        g = widened(g, mu, nu)
        m, v = moved(mu, g, self.decay), moved(nu, squared(g), self.decay)
        m_hat, v_hat = m, v
        if self.corrects:
            m_hat, v_hat = debiased(m, shared), debiased(v, shared)
        variance = v_hat - squared(m_hat)
        update = _over_root(g, variance, self.eps, self.eps_in_sqrt)
        return update, stored((m, v), slots)


def _counted(decay: Any, state: Any) -> tuple[Any, Any]:
    """The correction of this step, and the state with it counted."""
    count = safe_increment(state.count)
    return correction(decay, count), state._replace(count=count)


def _over_root(g: Any, v: Any, eps: Any, eps_in_sqrt: bool) -> Any:
    return g * lax.rsqrt(v + eps) if eps_in_sqrt else g / (jnp.sqrt(v) + eps)


class ScaleByAdaDeltaState(NamedTuple):
    """State of `scale_by_adadelta`.

    Attributes:
        e_g: moving average of the squares of what came in, a tree like the parameters.
        e_x: moving average of the squares of what went out, likewise.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_adadelta().init({"w": 1.0}).e_x
        {'w': Array(0., dtype=float32)}
    """

    e_g: Any
    e_x: Any


def scale_by_adadelta(rho: Any = 0.9, eps: Any = 1e-6) -> GradientTransformation:
    """Rescales updates to the size of past updates of the parameters.

    With ``g`` what comes in and ``x`` what goes out, and E the moving average::

        x = sqrt(E[x²] + eps) / sqrt(E[g²] + eps) g

    Args:
        rho: decay of the averages.
        eps: added inside the roots; it sets the size of the first steps.

    Example:
        >>> transform = scale_by_adadelta(rho=0.75, eps=1e-6)
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 5)
        0.002

    Source: Zeiler (2012), arXiv:1212.5701.
    """
    return transformation(_AdaDelta(rho, eps))


@dataclass(frozen=True)
class _AdaDelta(Rule):
    rho: Number
    eps: Number

    name = "scale_by_adadelta"
    elementwise = True
    slots = ("e_g", "e_x")

    def init(self, params):
        return ScaleByAdaDeltaState(
            e_g=zeros_like_params(self.name, params),
            e_x=zeros_like_params(self.name, params),
        )

    def apply(self, shared, g, p, slots):
        e_g, e_x = slots
        g = widened(g, e_g, e_x)
        e_g = moved(e_g, squared(g), self.rho)
        root = jnp.sqrt(e_x.astype(g.dtype) + self.eps)
        update = root / jnp.sqrt(e_g + self.eps) * g
        e_x = moved(e_x, squared(update), self.rho)
        return update, stored((e_g, e_x), slots)
