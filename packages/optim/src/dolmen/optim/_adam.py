"""Adam: steps divided by the root of the second moment."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._counts import safe_increment, zero_count
from ._engine import Rule, transformation, zeros_like_params
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
) -> GradientTransformation:
    """Rescales updates by Adam's estimates of their first two moments.

    With ``g`` the update of step ``t``, counted from 1::

        m = b1 m + (1 - b1) g            m̂ = m / (1 - b1**t)
        v = b2 v + (1 - b2) g²           v̂ = v / (1 - b2**t)
        update = m̂ / (sqrt(v̂ + eps_root) + eps)

    Moments of 16-bit parameters are kept in float32, and so is the update computed
    from them, which `apply_updates` rounds once. (Optax keeps them in 16 bits unless
    told otherwise, and has no such option for ``v``.)

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added outside the root.
        eps_root: added inside the root; needed to differentiate through the update.
        mu_dtype: dtype of the stored first moment; by default float32, or that of the
            parameter if wider.
        nesterov: look ahead by one gradient, as in NAdam.

    Example:
        >>> transform = scale_by_adam()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.0

    Source: Kingma and Ba (2014), arXiv:1412.6980; Dozat (2016) for `nesterov`, without
    the extra factor of b2 on v̂.
    """
    return transformation(_Adam(b1, b2, eps, eps_root, mu_dtype, nesterov))


@dataclass(frozen=True)
class _Adam(Rule):
    b1: Any
    b2: Any
    eps: Any
    eps_root: Any
    mu_dtype: Any
    nesterov: bool

    name = "scale_by_adam"
    slots = ("mu", "nu")

    def init(self, params):
        return ScaleByAdamState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params, self.mu_dtype),
            nu=zeros_like_params(self.name, params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        # Powers of the decays are taken in float32, whatever the moments are: in 16
        # bits 0.999**t rounds to 1 and the correction to 0.
        corrections = [1 - self.b1**count, 1 - self.b2**count]
        if self.nesterov:
            corrections.append(1 - self.b1 ** safe_increment(count))
        return corrections, state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (mu, nu), (first, second, *ahead) = slots, shared
        g = g.astype(jnp.promote_types(g.dtype, nu.dtype))
        m = (1 - self.b1) * g + self.b1 * mu.astype(g.dtype)
        v = (1 - self.b2) * _squared_norm(g) + self.b2 * nu
        if self.nesterov:
            next_m_hat = m / ahead[0].astype(m.dtype)
            g_hat = g / first.astype(g.dtype)
            m_hat = self.b1 * next_m_hat + (1 - self.b1) * g_hat
        else:
            m_hat = m / first.astype(m.dtype)
        v_hat = v / second.astype(v.dtype)
        update = m_hat / (jnp.sqrt(v_hat + self.eps_root) + self.eps)
        return update, (m.astype(mu.dtype), v.astype(nu.dtype))


def _squared_norm(g: Any) -> Any:
    """``|g|²``, elementwise and in the dtype of `g`."""
    if jnp.issubdtype(g.dtype, jnp.complexfloating):
        return (g * jnp.conj(g)).real.astype(g.dtype)
    return g * g
