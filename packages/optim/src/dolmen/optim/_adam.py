"""Adam, and the variants that bound its second moment from below."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._arguments import Decay, Dtype, Number
from ._counts import safe_increment, zero_count
from ._engine import Rule, transformation, zeros_like_params
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


class ScaleByAdamState(NamedTuple):
    """State of `scale_by_adam`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.
        nu: moving average of their squares, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_adam().init({"w": 1.0}).mu
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    mu: Any
    nu: Any


def scale_by_adam(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
    nu_dtype: Any = None,
) -> GradientTransformation:
    """Rescales updates by Adam's estimates of their first two moments.

    With ``g`` the update of step ``t``, counted from 1::

        m = b1 m + (1 - b1) g            m̂ = m / (1 - b1**t)
        v = b2 v + (1 - b2) g²           v̂ = v / (1 - b2**t)
        update = m̂ / (sqrt(v̂ + eps_root) + eps)

    Moments of 16-bit parameters are kept in float32, and so is the update computed
    from them, which `apply_updates` rounds once. (Optax keeps them in 16 bits unless
    told otherwise, and has no `nu_dtype`.)

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added outside the root.
        eps_root: added inside the root; needed to differentiate through the update.
        mu_dtype: dtype of the stored first moment; by default float32, or that of the
            parameter if wider.
        nesterov: look ahead by one gradient, as in NAdam.
        nu_dtype: dtype of the stored second moment, as `mu_dtype`. In 16 bits an
            average with a decay of 0.999 does not move: take a `b2` of at most 0.99.

    Raises:
        TypeError: an argument has the wrong kind; by `update`: gradients are complex
            where parameters are real.
        ValueError: `b1` or `b2` is a Python number outside ``[0, 1)``.

    Example:
        >>> transform = scale_by_adam()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.0

    Source: Kingma and Ba (2014), arXiv:1412.6980; Dozat (2016) for `nesterov`, without
    the extra factor of b2 on v̂.
    """
    return transformation(_Adam(b1, b2, eps, eps_root, mu_dtype, nesterov, nu_dtype))


@dataclass(frozen=True)
class _Adam(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    eps_root: Number
    mu_dtype: Dtype
    nesterov: bool
    nu_dtype: Dtype

    name = "scale_by_adam"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        return ScaleByAdamState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params, self.mu_dtype),
            nu=zeros_like_params(self.name, params, self.nu_dtype),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        first = first_corrections(self.b1, count, self.nesterov)
        return (first, correction(self.b2, count)), state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (mu, nu), (first, second) = slots, shared
        g = widened(g, mu, nu)
        m, v = moved(mu, g, self.b1), moved(nu, squared(g), self.b2)
        m_hat = first_estimate(m, g, self.b1, first)
        root = jnp.sqrt(debiased(v, second) + self.eps_root)
        return m_hat / (root + self.eps), stored((m, v), slots)


class ScaleByAmsgradState(NamedTuple):
    """State of `scale_by_amsgrad`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.
        nu: moving average of their squares, a tree like the parameters.
        nu_max: the largest (corrected) `nu` so far, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_amsgrad().init({"w": 1.0}).nu_max
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    mu: Any
    nu: Any
    nu_max: Any


def scale_by_amsgrad(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> GradientTransformation:
    """Rescales updates as `scale_by_adam`, by the largest second moment so far.

    The denominator never falls, which repairs examples on which Adam does not converge.

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added outside the root.
        eps_root: added inside the root.
        mu_dtype: dtype of the stored first moment; by default float32, or that of the
            parameter if wider.
        bias_correction_mu: correct the first moment for its start at zero.
        bias_correction_nu: correct the second moment before the maximum is taken.

    Example:
        >>> transform = scale_by_amsgrad()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.0

    Source: Reddi et al. (2018), arXiv:1904.09237, which corrects neither moment.
    """
    return transformation(
        _Amsgrad(
            b1, b2, eps, eps_root, mu_dtype, bias_correction_mu, bias_correction_nu
        )
    )


@dataclass(frozen=True)
class _Amsgrad(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    eps_root: Number
    mu_dtype: Dtype
    corrects_mu: bool
    corrects_nu: bool

    name = "scale_by_amsgrad"
    elementwise = True
    slots = ("mu", "nu", "nu_max")

    def init(self, params):
        return ScaleByAmsgradState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params, self.mu_dtype),
            nu=zeros_like_params(self.name, params),
            nu_max=zeros_like_params(self.name, params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        corrections = correction(self.b1, count), correction(self.b2, count)
        return corrections, state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (mu, nu, nu_max), (first, second) = slots, shared
        g = widened(g, *slots)
        m, v = moved(mu, g, self.b1), moved(nu, squared(g), self.b2)
        m_hat = debiased(m, first) if self.corrects_mu else m
        v_hat = debiased(v, second) if self.corrects_nu else v
        most = jnp.maximum(nu_max.astype(g.dtype), v_hat)
        update = m_hat / (jnp.sqrt(most + self.eps_root) + self.eps)
        return update, stored((m, v, most), slots)


def scale_by_adamax(
    b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8
) -> GradientTransformation:
    """Rescales updates by the decaying maximum of their absolute values.

    With ``g`` the update of step ``t``, counted from 1::

        m = b1 m + (1 - b1) g
        u = max(b2 u, |g| + eps)
        update = m / (1 - b1**t) / u

    The state is a `ScaleByAdamState` whose ``nu`` is ``u``.

    Args:
        b1: decay of the first moment.
        b2: decay of the maximum.
        eps: added to the absolute values.

    Example:
        >>> transform = scale_by_adamax()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.0

    Source: Kingma and Ba (2014), arXiv:1412.6980, section 7.1.
    """
    return transformation(_Adamax(b1, b2, eps))


@dataclass(frozen=True)
class _Adamax(Rule):
    b1: Decay
    b2: Decay
    eps: Number

    name = "scale_by_adamax"
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
        return correction(self.b1, count), state._replace(count=count)

    def apply(self, shared, g, p, slots):
        mu, nu = slots
        g = widened(g, mu, nu)
        m = moved(mu, g, self.b1)
        u = jnp.maximum(jnp.abs(g) + self.eps, self.b2 * nu.astype(g.dtype))
        return debiased(m, shared) / u, stored((m, u), slots)
