"""Younger relatives of Adam."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from .._adam import ScaleByAdamState
from .._adam_variants import ScaleByBeliefState
from .._arguments import Decay, Dtype, Number, NumberOrSchedule
from .._chain import chain
from .._counts import safe_increment, zero_count
from .._engine import Rule, transformation, zeros_like_params
from .._moments import correction, debiased, moved, squared, stored, widened
from .._scaling import scale_by_learning_rate, value_at
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
)
from .._weight_decay import add_decayed_weights

# ---- ACProp ------------------------------------------------------------------------


def scale_by_acprop(
    b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-16, eps_root: Any = 1e-16
) -> GradientTransformation:
    """Divides updates by what `scale_by_belief` knew of them in the step before.

    The denominator does not depend on the gradient that it divides. In the first step
    it is 1. The state is a `ScaleByBeliefState`.

    Args:
        b1: decay of the first moment, which centers the second.
        b2: decay of the second moment.
        eps: added to its root.
        eps_root: added to it in every step.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_acprop()
        >>> transform.update([3.0], transform.init([0.0]))[0]
        [Array(3., dtype=float32)]

    Source: Zhuang et al. (2021), arXiv:2110.05454.
    """
    return transformation(_Acprop(b1, b2, eps, eps_root))


@dataclass(frozen=True)
class _Acprop(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    eps_root: Number

    name = "scale_by_acprop"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        zeros = [zeros_like_params(self.name, params) for _ in self.slots]
        return ScaleByBeliefState(zero_count(), *zeros)

    def prepare(self, updates, state):
        before = jnp.maximum(state.count, 1)
        shared = state.count == 0, correction(self.b2, before)
        return shared, state._replace(count=safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        (is_first, second), (mu, nu) = shared, slots
        g = widened(g, mu, nu)
        v_hat = jnp.where(is_first, 1, debiased(nu.astype(g.dtype), second))
        update = g / (jnp.sqrt(v_hat) + self.eps)
        v = moved(nu, squared(g - mu), self.b2) + self.eps_root
        return update, stored((moved(mu, g, self.b1), v), slots)


def acprop(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """ACProp: asynchronous, centered RMSProp.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment, which centers the second.
        b2: decay of the second moment.
        eps: added to its root.
        eps_root: added to it in every step.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.acprop(0.5)
        >>> optimizer.update([3.0], optimizer.init([0.0]), [0.0])[0]
        [Array(-1.5, dtype=float32)]

    Source: Zhuang et al. (2021), arXiv:2110.05454.
    """
    return chain(
        scale_by_acprop(b1, b2, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


# ---- AdEMAMix ----------------------------------------------------------------------


class ScaleByAdemamixState(NamedTuple):
    """State of `scale_by_ademamix`.

    Attributes:
        count: steps done, an int32 scalar.
        count_m2: the same, for the schedules of the slow average.
        m1: fast moving average of the gradients, a tree like the parameters.
        m2: slow moving average, likewise.
        nu: moving average of their squares, likewise.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.scale_by_ademamix().init({"w": 1.0}).m2
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    count_m2: Any
    m1: Any
    m2: Any
    nu: Any


def scale_by_ademamix(
    b1: Any = 0.9,
    b2: Any = 0.999,
    b3: ScalarOrSchedule = 0.9999,
    alpha: ScalarOrSchedule = 6.0,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformation:
    """Adam with a second, slow average of the gradients.

    The update is ``(m̂1 + alpha m2) / (sqrt(v̂ + eps_root) + eps)``.

    Args:
        b1: decay of the fast average.
        b2: decay of the second moment.
        b3: decay of the slow average, a number or a schedule.
        alpha: its weight, a number or a schedule.
        eps: added outside the root.
        eps_root: added inside the root.
        mu_dtype: dtype of all averages; by default float32, or that of the parameter if
            wider.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_ademamix(b3=0.5, alpha=2.0)
        >>> updates, _ = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        2.0

    Source: Pagliardini et al. (2024), arXiv:2409.03137.
    """
    return transformation(_Ademamix(b1, b2, b3, alpha, eps, eps_root, mu_dtype))


@dataclass(frozen=True)
class _Ademamix(Rule):
    b1: Decay
    b2: Decay
    b3: NumberOrSchedule
    alpha: NumberOrSchedule
    eps: Number
    eps_root: Number
    mu_dtype: Dtype

    name = "scale_by_ademamix"
    elementwise = True
    slots = ("m1", "m2", "nu")

    def init(self, params):
        zeros = [zeros_like_params(self.name, params, self.mu_dtype) for _ in range(3)]
        return ScaleByAdemamixState(zero_count(), zero_count(), *zeros)

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        shared = (
            correction(self.b1, count),
            correction(self.b2, count),
            # Not as a float32 array, which can't tell 1 - 0.9999 from 0.00010002.
            value_at(self.b3, state.count_m2, self.name, "b3")
            if callable(self.b3)
            else None,
            value_at(self.alpha, state.count_m2, self.name, "alpha"),
        )
        counts = {"count": count, "count_m2": safe_increment(state.count_m2)}
        return shared, state._replace(**counts)

    def apply(self, shared, g, p, slots):
        first, second, b3, alpha = shared
        g = widened(g, *slots)
        m1 = moved(slots[0], g, self.b1)
        m2 = moved(slots[1], g, self.b3 if b3 is None else b3)
        v = moved(slots[2], squared(g), self.b2)
        root = jnp.sqrt(debiased(v, second) + self.eps_root)
        update = (debiased(m1, first) + alpha * m2) / (root + self.eps)
        return update, stored((m1, m2, v), slots)


def ademamix(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    b3: ScalarOrSchedule = 0.9999,
    alpha: ScalarOrSchedule = 5.0,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """AdEMAMix: AdamW that also remembers old gradients.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the fast average.
        b2: decay of the second moment.
        b3: decay of the slow average, a number or a schedule.
        alpha: its weight, a number or a schedule.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        mu_dtype: dtype of all averages.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.ademamix(0.1, b3=0.5, alpha=2.0)
        >>> updates, _ = optimizer.update([3.0], optimizer.init([0.0]), [0.0])
        >>> round(float(updates[0]), 4)
        -0.2

    Source: Pagliardini et al. (2024), arXiv:2409.03137.
    """
    return chain(
        scale_by_ademamix(b1, b2, b3, alpha, eps, eps_root, mu_dtype),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


class ScaleBySimplifiedAdEMAMixState(NamedTuple):
    """State of `scale_by_simplified_ademamix`.

    Attributes:
        t: steps done, an int32 scalar.
        m: decaying sum of the gradients, a tree like the parameters.
        n: moving average of their squares, likewise.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.scale_by_simplified_ademamix().init({"w": 1.0}).m
        {'w': Array(0., dtype=float32)}
    """

    t: Any
    m: Any
    n: Any


def scale_by_simplified_ademamix(
    b1: Any = 0.99,
    b2: Any = 0.95,
    alpha: ScalarOrSchedule = 0.0,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
) -> GradientTransformation:
    """AdEMAMix whose fast average is the gradient itself.

    The update is ``(m + alpha g) / (sqrt(n̂ + eps_root) + eps)`` with the sum
    ``m = b1 m + g``, which grows to ``1 / (1 - b1)`` gradients.

    Args:
        b1: decay of the sum.
        b2: decay of the second moment.
        alpha: weight of the gradient, a number or a schedule.
        eps: added outside the root.
        eps_root: added inside the root.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_simplified_ademamix(alpha=1.0)
        >>> updates, _ = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        2.0

    Source: Morwani et al. (2025), arXiv:2502.02431.
    """
    return transformation(_SimplifiedAdemamix(b1, b2, alpha, eps, eps_root))


@dataclass(frozen=True)
class _SimplifiedAdemamix(Rule):
    b1: Number
    b2: Decay
    alpha: NumberOrSchedule
    eps: Number
    eps_root: Number

    name = "scale_by_simplified_ademamix"
    elementwise = True
    slots = ("m", "n")

    def init(self, params):
        zeros = [zeros_like_params(self.name, params) for _ in self.slots]
        return ScaleBySimplifiedAdEMAMixState(zero_count(), *zeros)

    def prepare(self, updates, state):
        t = safe_increment(state.t)
        shared = (
            correction(self.b2, t),
            value_at(self.alpha, state.t, self.name, "alpha"),
        )
        return shared, state._replace(t=t)

    def apply(self, shared, g, p, slots):
        (second, alpha), (m, n) = shared, slots
        g = widened(g, m, n)
        m, n = g + self.b1 * m, moved(n, squared(g), self.b2)
        root = jnp.sqrt(debiased(n, second) + self.eps_root)
        return (m + alpha * g) / (root + self.eps), stored((m, n), slots)


def simplified_ademamix(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.99,
    b2: Any = 0.95,
    alpha: ScalarOrSchedule = 0.0,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """AdEMAMix with one average; its learning rate is ``1 - b1`` times that of Adam.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the sum of gradients.
        b2: decay of the second moment.
        alpha: weight of the gradient, a number or a schedule.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.simplified_ademamix(0.1)
        >>> updates, _ = optimizer.update([3.0], optimizer.init([0.0]), [0.0])
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Morwani et al. (2025), arXiv:2502.02431.
    """
    return chain(
        scale_by_simplified_ademamix(b1, b2, alpha, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


# ---- ADOPT -------------------------------------------------------------------------


def _fourth_root(count: Any) -> Any:
    return count**0.25


def scale_by_adopt(
    b1: Any = 0.9,
    b2: Any = 0.9999,
    eps: Any = 1e-6,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
    use_clipping: bool = True,
    clip_value_fn: Callable[[Any], Any] = _fourth_root,
) -> GradientTransformation:
    """Momentum of gradients that were divided by the second moment before them.

    So neither depends on the other, and any `b2` converges. The first gradient is only
    used for the second moment. The state is a `ScaleByAdamState`.

    Args:
        b1: decay of the momentum.
        b2: decay of the second moment.
        eps: what its root is at least.
        mu_dtype: dtype of the momentum; by default float32, or that of the parameter if
            wider.
        nesterov: look ahead by one gradient.
        use_clipping: limit the divided gradients.
        clip_value_fn: from the count of steps done to that limit.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_adopt()
        >>> _, state = transform.update([2.0], transform.init([0.0]))
        >>> updates, _ = transform.update([1.0], state)
        >>> round(float(updates[0]), 4)
        0.05

    Source: Taniguchi et al. (2024), arXiv:2411.02853.
    """
    return transformation(
        _Adopt(b1, b2, eps, mu_dtype, nesterov, use_clipping, clip_value_fn)
    )


@dataclass(frozen=True)
class _Adopt(Rule):
    b1: Number
    b2: Number
    eps: Number
    mu_dtype: Dtype
    nesterov: bool
    use_clipping: bool
    clip_value_fn: Callable[[Any], Any]

    name = "scale_by_adopt"
    elementwise = True
    slots = ("mu", "nu")

    def init(self, params):
        return ScaleByAdamState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params, self.mu_dtype),
            nu=zeros_like_params(self.name, params),
        )

    def prepare(self, updates, state):
        limit = self.clip_value_fn(state.count) if self.use_clipping else None
        state_then = state._replace(count=safe_increment(state.count))
        return (state.count == 0, limit), state_then

    def apply(self, shared, g, p, slots):
        (is_first, limit), (mu, nu) = shared, slots
        g = widened(g, mu, nu)
        normalized = g / jnp.maximum(jnp.sqrt(nu.astype(g.dtype)), self.eps)
        if limit is not None:
            limit = jnp.asarray(limit, g.dtype)
            normalized = jnp.clip(normalized, -limit, limit)
        m = jnp.where(is_first, mu, moved(mu, normalized, self.b1))
        v = jnp.where(is_first, squared(g), moved(nu, squared(g), self.b2))
        ahead = jnp.where(is_first, m, moved(m, normalized, self.b1))
        return ahead if self.nesterov else m, stored((m, v), slots)


def adopt(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.9999,
    eps: Any = 1e-6,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
    use_clipping: bool = True,
    clip_value_fn: Callable[[Any], Any] = _fourth_root,
) -> GradientTransformationExtraArgs:
    """ADOPT: Adam that converges with any decay of the second moment.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the momentum.
        b2: decay of the second moment.
        eps: what its root is at least.
        mu_dtype: dtype of the momentum.
        nesterov: look ahead by one gradient.
        use_clipping: limit the divided gradients.
        clip_value_fn: from the count of steps done to that limit.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.adopt(1.0)
        >>> _, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> updates, _ = optimizer.update([1.0], state)
        >>> round(float(updates[0]), 4)
        -0.05

    Source: Taniguchi et al. (2024), arXiv:2411.02853.
    """
    return chain(
        scale_by_adopt(
            b1,
            b2,
            eps,
            mu_dtype,
            nesterov=nesterov,
            use_clipping=use_clipping,
            clip_value_fn=clip_value_fn,
        ),
        scale_by_learning_rate(learning_rate),
    )
