"""MoMo: step sizes from a model of the loss that averages what was met."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._arguments import check_number_or_schedule
from .._counts import safe_increment, zero_count
from .._engine import strong, zeros_like_params
from .._moments import correction, moved
from .._norms import inner_product
from .._packed import takes_packed
from .._scaling import value_at
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule
from .._trees import (
    check_against_state,
    check_real_floating,
)

# A squared norm below this is taken for that of no gradient at all.
_LEAST_SQUARE = 2.0**-52


class MomoState(NamedTuple):
    """State of `momo`.

    Attributes:
        exp_avg: average of the gradients, a tree like the parameters.
        barf: average of the losses.
        gamma: average of the products of gradients and parameters.
        lb: lower bound of the loss.
        count: steps done, an int32 scalar.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.momo(lower_bound=0.5).init([3.0]).lb
        Array(0.5, dtype=float32)
    """

    exp_avg: Any
    barf: Any
    gamma: Any
    lb: Any
    count: Any


def momo(
    learning_rate: ScalarOrSchedule = 1.0,
    beta: Any = 0.9,
    lower_bound: Any = 0.0,
    weight_decay: Any = 0.0,
    adapt_lower_bound: bool = False,
) -> GradientTransformationExtraArgs:
    """Momentum whose step size is cut to where a model of the loss meets its bound.

    The model is the average of the tangents met, each with its loss. `update` needs the
    loss: ``update(grads, state, params, value=loss)``.

    Args:
        learning_rate: the largest step size, a number or a schedule.
        beta: decay of the averages, which begin at what the first step meets.
        lower_bound: of the loss; 0 for most losses.
        weight_decay: each step divides the parameters by ``1 + learning_rate *
            weight_decay``, as in the authors' program.
        adapt_lower_bound: raise the bound to what the model says, for losses whose
            minimum is unknown.

    Raises:
        TypeError: by `update`: `value` is missing.
        ValueError: by `update`: parameters are missing, or trees differ.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> loss = lambda x: jnp.sum(x**2)
        >>> optimizer = contrib.momo(learning_rate=10.0)
        >>> x = jnp.array([1.0, -2.0])
        >>> value, grads = dc.value_and_grad(loss)(x)
        >>> updates, _ = optimizer.update(grads, optimizer.init(x), x, value=value)
        >>> jnp.round(optim.apply_updates(x, updates), 4)
        Array([ 0.5, -1. ], dtype=float32)

    Source: Schaipp et al. (2023), arXiv:2305.07583, algorithm 1.
    """
    check_number_or_schedule("momo", "learning_rate", learning_rate)
    bound = _Bound(lower_bound, weight_decay, adapt_lower_bound)

    @takes_packed
    def init(params: Any) -> MomoState:
        check_real_floating("momo", "`params`", params)
        average = zeros_like_params("momo", params)
        return MomoState(average, *_first(average, lower_bound), zero_count())

    @takes_packed
    def update(
        updates: Any,
        state: MomoState,
        params: Any = None,
        *,
        value: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, MomoState]:
        grads, params = _checked("momo", updates, state, params, value)
        decay = jnp.where(state.count == 0, 0, beta).astype(state.barf.dtype)
        average, barf, gamma = _averaged(state, grads, params, value, decay)
        rate = _rate("momo", learning_rate, state)
        along, square = (inner_product(average, x) for x in (params, average))
        met = barf - gamma, along, square
        size, lb = bound.step_size(rate, jnp.ones_like(barf), met, state.lb)
        steps = tree.map(
            lambda d, p: -bound.shrinking(rate) * p - size * d, average, params
        )
        count = safe_increment(state.count)
        return steps, MomoState(average, barf, gamma, lb, count)

    return GradientTransformationExtraArgs(init, update)


class MomoAdamState(NamedTuple):
    """State of `momo_adam`.

    Attributes:
        exp_avg: average of the gradients, a tree like the parameters.
        exp_avg_sq: average of their squares, likewise.
        barf: average of the losses.
        gamma: average of the products of gradients and parameters.
        lb: lower bound of the loss.
        count: steps done, an int32 scalar.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.momo_adam(lower_bound=0.5).init([3.0]).lb
        Array(0.5, dtype=float32)
    """

    exp_avg: Any
    exp_avg_sq: Any
    barf: Any
    gamma: Any
    lb: Any
    count: Any


def momo_adam(
    learning_rate: ScalarOrSchedule = 1e-2,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    lower_bound: Any = 0.0,
    weight_decay: Any = 0.0,
    adapt_lower_bound: bool = False,
) -> GradientTransformationExtraArgs:
    """Adam whose step size is cut as in `momo`.

    `update` needs the loss: ``update(grads, state, params, value=loss)``.

    Args:
        learning_rate: the largest step size, a number or a schedule.
        b1: decay of the averages of gradients and losses.
        b2: decay of the second moment.
        eps: added to its root.
        lower_bound: of the loss; 0 for most losses.
        weight_decay: see `momo`.
        adapt_lower_bound: see `momo`.

    Raises:
        TypeError: by `update`: `value` is missing.
        ValueError: by `update`: parameters are missing, or trees differ.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> loss = lambda x: jnp.sum(x**2)
        >>> optimizer = contrib.momo_adam(learning_rate=10.0)
        >>> x = jnp.array([2.0, -2.0])
        >>> value, grads = dc.value_and_grad(loss)(x)
        >>> updates, _ = optimizer.update(grads, optimizer.init(x), x, value=value)
        >>> jnp.round(optim.apply_updates(x, updates), 3)
        Array([ 1., -1.], dtype=float32)

    Source: Schaipp et al. (2023), arXiv:2305.07583, algorithm 2.
    """
    check_number_or_schedule("momo_adam", "learning_rate", learning_rate)
    bound = _Bound(lower_bound, weight_decay, adapt_lower_bound)

    @takes_packed
    def init(params: Any) -> MomoAdamState:
        check_real_floating("momo_adam", "`params`", params)
        m, v = (zeros_like_params("momo_adam", params) for _ in range(2))
        return MomoAdamState(m, v, *_first(m, lower_bound), zero_count())

    @takes_packed
    def update(
        updates: Any,
        state: MomoAdamState,
        params: Any = None,
        *,
        value: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, MomoAdamState]:
        grads, params = _checked("momo_adam", updates, state, params, value)
        m, barf, gamma = _averaged(state, grads, params, value, b1)
        v = tree.map(lambda v, g: moved(v, g * g, b2), state.exp_avg_sq, grads)
        count = safe_increment(state.count)
        by1, by2 = (correction(b, count).astype(barf.dtype) for b in (b1, b2))
        direction = tree.map(lambda m, v: m / (eps + jnp.sqrt(v / by2)), m, v)
        rate = _rate("momo_adam", learning_rate, state)
        met = barf - gamma, inner_product(m, params), inner_product(m, direction)
        size, lb = bound.step_size(rate, by1, met, state.lb)
        steps = tree.map(
            lambda d, p: -bound.shrinking(rate) * p - size * d, direction, params
        )
        return steps, MomoAdamState(m, v, barf, gamma, lb, count)

    return GradientTransformationExtraArgs(init, update)


# ---- what they share ---------------------------------------------------------------


class _Bound(NamedTuple):
    """How far down the model of the loss is believed."""

    least: Any
    decay: Any
    adapts: bool

    def shrinking(self, rate: Any) -> Any:
        """What part of the parameters weight decay takes away."""
        return rate * self.decay / (1 + rate * self.decay)

    def step_size(
        self, rate: Any, correction: Any, met: tuple[Any, Any, Any], lb: Any
    ) -> tuple[Any, Any]:
        """How many times the direction to go, and the next lower bound.

        Args:
            rate: the largest step size.
            correction: of averages that began at zero, or 1.
            met: averages: the model at the origin, the product of its slope with the
                parameters, and of its slope with the direction.
            lb: lower bound.
        """
        origin, inclination, square = met
        growth = 1 + rate * self.decay
        if self.adapts:
            # A bound above the model would allow no step.
            height = growth * origin + inclination
            lower = jnp.maximum(height / (2 * correction * growth), self.least)
            lb = jnp.where(height < growth * correction * lb, lower, lb)
        above = jnp.maximum(growth * (origin - correction * lb) + inclination, 0)
        is_flat = square <= _LEAST_SQUARE
        size = jnp.where(is_flat, 0, above / jnp.where(is_flat, 1, square))
        size = jnp.minimum(rate / correction, size)
        if self.adapts:
            after = (origin + inclination - size * square / 2) / correction
            lb = jnp.maximum(after, self.least)
        return size, lb


def _first(average: Any, lower_bound: Any) -> tuple[Any, Any, Any]:
    """Average loss, average product and lower bound before the first step."""
    dtype = jnp.result_type(jnp.float32, *(x.dtype for x in tree.leaves(average)))
    loss, product = (jnp.zeros((), dtype) for _ in range(2))
    return loss, product, jnp.asarray(lower_bound, dtype)


def _averaged(
    state: Any, grads: Any, params: Any, value: Any, decay: Any
) -> tuple[Any, Any, Any]:
    """The averages of gradients, losses and products."""
    average = tree.map(lambda d, g: moved(d, g, decay), state.exp_avg, grads)
    value = jnp.asarray(value, state.barf.dtype)
    barf = moved(state.barf, value, decay)
    gamma = moved(state.gamma, inner_product(grads, params), decay)
    # The decay may be an array of a wider dtype.
    return (
        tree.map(lambda new, old: new.astype(old.dtype), average, state.exp_avg),
        barf.astype(state.barf.dtype),
        gamma.astype(state.gamma.dtype),
    )


def _rate(name: str, learning_rate: ScalarOrSchedule, state: Any) -> Any:
    rate = value_at(learning_rate, state.count, name, "learning_rate")
    return jnp.asarray(rate, state.barf.dtype)


def _checked(
    name: str, updates: Any, state: Any, params: Any, value: Any
) -> tuple[Any, Any]:
    """Gradients and parameters in the dtypes of the averages."""
    average = state.exp_avg
    check_against_state(name, ("exp_avg", average), updates, params)
    if value is None:
        raise TypeError(
            extend.error_message(
                f"{name}: `value` must be given, the loss at `params`.",
                "Call `update(grads, state, params, value=loss)`.",
            )
        )
    check_real_floating(name, "`updates`", updates)
    return tuple(
        tree.map(lambda x, d: strong(x).astype(d.dtype), values, average)
        for values in (updates, params)
    )
