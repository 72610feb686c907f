"""Relatives of Adam that estimate its moments otherwise."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._adam import ScaleByAdamState
from ._arguments import Decay, Number
from ._counts import safe_increment, zero_count
from ._engine import Rule, full_like_params, transformation, zeros_like_params
from ._moments import (
    correction,
    debiased,
    first_corrections,
    first_estimate,
    moved,
    squared,
    stored,
    widened,
)
from ._transformation import GradientTransformation


class ScaleByBeliefState(NamedTuple):
    """State of `scale_by_belief`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.
        nu: moving average of their squared distances from `mu`, likewise.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_belief().init({"w": 1.0}).mu
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    mu: Any
    nu: Any


def scale_by_belief(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Rescales updates by how far they were from what was expected.

    As `scale_by_adam`, but the second moment is that of ``g - m``::

        v = b2 v + (1 - b2) (g - m)² + eps_root

    so that steps are long where gradients are steady.

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added to the second moment in every step.
        nesterov: look ahead by one gradient, as in NAdam.

    Example:
        >>> transform = scale_by_belief()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.1111

    Source: Zhuang et al. (2020), arXiv:2010.07468.
    """
    return transformation(_Belief(b1, b2, eps, eps_root, nesterov))


@dataclass(frozen=True)
class _Belief(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    eps_root: Number
    nesterov: bool

    name = "scale_by_belief"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        return ScaleByBeliefState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params),
            nu=zeros_like_params(self.name, params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        first = first_corrections(self.b1, count, self.nesterov)
        return (first, correction(self.b2, count)), state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (mu, nu), (first, second) = slots, shared
        g = widened(g, mu, nu)
        m = moved(mu, g, self.b1)
        v = moved(nu, squared(g - m), self.b2) + self.eps_root
        m_hat = first_estimate(m, g, self.b1, first)
        update = m_hat / (jnp.sqrt(debiased(v, second)) + self.eps)
        return update, stored((m, v), slots)


def scale_by_yogi(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-3,
    eps_root: Any = 0.0,
    initial_accumulator_value: Any = 1e-6,
) -> GradientTransformation:
    """Rescales updates as `scale_by_adam`, with additive changes of the second moment.

    The second moment goes towards ``g²`` by an amount that does not depend on itself,
    so that it can't fall fast::

        v = v - (1 - b2) sign(v - g²) g²

    The state is a `ScaleByAdamState`.

    Args:
        b1: decay of the first moment.
        b2: weight of the past in the second moment.
        eps: added outside the root.
        eps_root: added inside the root.
        initial_accumulator_value: of both moments.

    Example:
        >>> transform = scale_by_yogi()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 3)
        1.0

    Source: Zaheer et al. (2018), "Adaptive methods for nonconvex optimization".
    """
    return transformation(_Yogi(b1, b2, eps, eps_root, initial_accumulator_value))


@dataclass(frozen=True)
class _Yogi(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    eps_root: Number
    initial: Number

    name = "scale_by_yogi"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        return ScaleByAdamState(
            count=zero_count(),
            mu=full_like_params(self.name, params, self.initial),
            nu=full_like_params(self.name, params, self.initial),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        corrections = correction(self.b1, count), correction(self.b2, count)
        return corrections, state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (mu, nu), (first, second) = slots, shared
        g = widened(g, mu, nu)
        m, v, square = moved(mu, g, self.b1), nu.astype(g.dtype), squared(g)
        v = v - (1 - self.b2) * jnp.sign(v - square) * square
        root = jnp.sqrt(debiased(v, second) + self.eps_root)
        return debiased(m, first) / (root + self.eps), stored((m, v), slots)


def scale_by_radam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    *,
    nesterov: bool = False,
) -> GradientTransformation:
    """Rescales updates as `scale_by_adam`, once the second moment can be trusted.

    In the first steps its estimate rests on few gradients. There the update is the
    corrected first moment alone; later it is that of Adam times a factor that grows
    to 1. The state is a `ScaleByAdamState`.

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added outside the root.
        eps_root: added inside the root.
        threshold: length of the second moment's average from which it is used.
        nesterov: look ahead by one gradient, as in NAdam.

    Example:
        >>> transform = scale_by_radam()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        3.0

    Source: Liu et al. (2019), arXiv:1908.03265.
    """
    return transformation(_Radam(b1, b2, eps, eps_root, threshold, nesterov))


@dataclass(frozen=True)
class _Radam(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    eps_root: Number
    threshold: Number
    nesterov: bool

    name = "scale_by_radam"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        return ScaleByAdamState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params),
            nu=zeros_like_params(self.name, params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        second = correction(self.b2, count)
        longest = 2.0 / (1.0 - self.b2) - 1.0
        length = longest - 2 * count * (1 - second) / second
        first = first_corrections(self.b1, count, self.nesterov)
        shared = first, second, length >= self.threshold, _rectifier(length, longest)
        return shared, state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (mu, nu), (first, second, is_trusted, rectifier) = slots, shared
        g = widened(g, mu, nu)
        m, v = moved(mu, g, self.b1), moved(nu, squared(g), self.b2)
        m_hat = first_estimate(m, g, self.b1, first)
        root = jnp.sqrt(debiased(v, second) + self.eps_root)
        adaptive = rectifier.astype(g.dtype) * m_hat / (root + self.eps)
        return jnp.where(is_trusted, adaptive, m_hat), stored((m, v), slots)


def _rectifier(length: Any, longest: Any) -> Any:
    """The factor ``r`` of the paper; NaN where the average is too short for it."""
    ratio = (length - 4.0) * (length - 2.0) * longest
    return jnp.sqrt(ratio / ((longest - 4.0) * (longest - 2.0) * length))


class ScaleByAdanState(NamedTuple):
    """State of `scale_by_adan`.

    Attributes:
        m: moving average of the gradients, a tree like the parameters.
        v: moving average of their differences, likewise.
        n: moving average of the squares of the corrected gradients, likewise.
        g: the gradient of the last step, likewise.
        t: steps done, an int32 scalar.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_adan().init({"w": 1.0}).v
        {'w': Array(0., dtype=float32)}
    """

    m: Any
    v: Any
    n: Any
    g: Any
    t: Any


def scale_by_adan(
    b1: Any = 0.98,
    b2: Any = 0.92,
    b3: Any = 0.99,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
) -> GradientTransformation:
    """Rescales updates by Nesterov momentum in a form that needs one gradient a step.

    With ``d`` the difference of this gradient and the last (0 in the first step)::

        m = b1 m + (1 - b1) g
        v = b2 v + (1 - b2) d
        n = b3 n + (1 - b3) (g + (1 - b2) d)²
        update = (m̂ + (1 - b2) v̂) / (sqrt(n̂ + eps_root) + eps)

    with all averages corrected for their start at zero. Decays weigh the past here, in
    the paper the present; there ``g + (1 - b2) d`` in this notation is ``g + b2 d``,
    likewise in the update.

    Args:
        b1: decay of the gradients' average.
        b2: decay of the differences' average.
        b3: decay of the squares' average.
        eps: added outside the root.
        eps_root: added inside the root.

    Example:
        >>> transform = scale_by_adan()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.0

    Source: Xie et al. (2022), arXiv:2208.06677.
    """
    return transformation(_Adan(b1, b2, b3, eps, eps_root))


@dataclass(frozen=True)
class _Adan(Rule):
    b1: Decay
    b2: Decay
    b3: Decay
    eps: Number
    eps_root: Number

    name = "scale_by_adan"
    elementwise = True
    slots = ("m", "v", "n", "g")

    def init(self, params):
        zeros = [zeros_like_params(self.name, params) for _ in self.slots]
        return ScaleByAdanState(*zeros, t=zero_count())

    def prepare(self, updates, state):
        t = safe_increment(state.t)
        corrections = [correction(b, t) for b in (self.b1, self.b2, self.b3)]
        return (state.t == 0, *corrections), state._replace(t=t)

    def apply(self, shared, g, p, slots):
        is_first, *corrections = shared
        m, v, n, last = slots
        g = widened(g, *slots)
        difference = jnp.where(is_first, 0, g - last.astype(g.dtype))
        m, v = moved(m, g, self.b1), moved(v, difference, self.b2)
        n = moved(n, squared(g + (1 - self.b2) * difference), self.b3)
        m_hat, v_hat, n_hat = map(debiased, (m, v, n), corrections)
        root = jnp.sqrt(n_hat + self.eps_root)
        update = (m_hat + (1 - self.b2) * v_hat) / (root + self.eps)
        return update, stored((m, v, n, g), slots)
