"""Steps whose direction is a sign, elementwise."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend

from ._arguments import Dtype, Number
from ._counts import safe_increment, zero_count
from ._engine import Rule, full_like_params, transformation, zeros_like_params
from ._moments import moved, stored, widened
from ._transformation import GradientTransformation


def scale_by_sign() -> GradientTransformation:
    """Replaces every element by its sign, complex ones by their direction.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_sign()
        >>> updates, _ = transform.update(jnp.array([-3.0, 0.0]), transform.init(None))
        >>> updates
        Array([-1.,  0.], dtype=float32)
    """
    return transformation(_Sign())


@dataclass(frozen=True)
class _Sign(Rule):
    name = "scale_by_sign"
    elementwise = True

    def apply(self, shared, g, p, slots):
        return jnp.sign(g), slots


class ScaleByLionState(NamedTuple):
    """State of `scale_by_lion`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_lion().init({"w": 1.0}).mu
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    mu: Any


def scale_by_lion(
    b1: Any = 0.9,
    b2: Any = 0.99,
    mu_dtype: Any = None,
    *,
    mode: Literal["hard", "smooth", "refined"] = "hard",
    smooth_beta: Any = 1.0,
) -> GradientTransformation:
    """Replaces updates by the sign of their mixture with a moving average.

    With ``x = b1 m + (1 - b1) g`` and the average ``m`` itself moving by `b2`, the
    update is, by `mode`:

    - "hard": ``sign(x)``
    - "smooth": ``tanh(smooth_beta x)``
    - "refined": ``x`` where ``|x| < 1``, else its sign

    Args:
        b1: weight of the average in the mixture.
        b2: decay of the average.
        mu_dtype: dtype of the stored average; by default float32, or that of the
            parameter if wider.
        mode: see above.
        smooth_beta: steepness of "smooth".

    Raises:
        ValueError: there is no such mode.

    Example:
        >>> transform = scale_by_lion()
        >>> transform.update([-3.0], transform.init([0.0]))[0]
        [Array(-1., dtype=float32)]

    Source: Chen et al. (2023), arXiv:2302.06675, for "hard".
    """
    if mode not in ("hard", "smooth", "refined"):
        raise ValueError(
            extend.error_message(
                "scale_by_lion: `mode` must be 'hard', 'smooth' or 'refined', got "
                f"{mode!r}."
            )
        )
    return transformation(_Lion(b1, b2, mu_dtype, mode, smooth_beta))


@dataclass(frozen=True)
class _Lion(Rule):
    b1: Number
    b2: Number
    mu_dtype: Dtype
    mode: str
    smooth_beta: Number

    name = "scale_by_lion"
    elementwise = True
    slots = ("mu",)

    def init(self, params):
        mu = zeros_like_params(self.name, params, self.mu_dtype)
        return ScaleByLionState(zero_count(), mu)

    def prepare(self, updates, state):
        return None, state._replace(count=safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        (mu,) = slots
        g = widened(g, mu)
        mixture = moved(mu, g, self.b1)
        return self._squashed(mixture), stored((moved(mu, g, self.b2),), slots)

    def _squashed(self, x: Any) -> Any:
        if self.mode == "smooth":
            return jnp.tanh(self.smooth_beta * x)
        if self.mode == "refined":
            return jnp.where(jnp.abs(x) < 1, x, jnp.sign(x))
        return jnp.sign(x)


class ScaleByRpropState(NamedTuple):
    """State of `scale_by_rprop`.

    Attributes:
        step_sizes: of every element, a tree like the parameters.
        prev_updates: steps found from the last gradient, likewise.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_rprop(0.5).init({"w": 1.0}).step_sizes
        {'w': Array(0.5, dtype=float32)}
    """

    step_sizes: Any
    prev_updates: Any


def scale_by_rprop(
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> GradientTransformation:
    """Steps whose sizes grow while the gradient keeps its sign and shrink if it flips.

    Of gradients only the signs count. Where the sign flips, the step is left out once.
    As in Optax, what is returned is the step found from the gradient *before*, unless
    the sign has flipped since, so that the first update is zero.

    Args:
        learning_rate: first size of all steps.
        eta_minus: factor of the size where the sign flips.
        eta_plus: factor of the size where it stays.
        min_step_size: smallest size.
        max_step_size: largest size.

    Example:
        >>> transform = scale_by_rprop(0.1)
        >>> state = transform.init([0.0])
        >>> for _ in range(3):
        ...     updates, state = transform.update([5.0], state)
        >>> round(float(updates[0]), 4)
        0.12

    Source: Riedmiller and Braun (1993), "A direct adaptive method for faster
    backpropagation learning", without its undoing of steps (Igel and Hüsken, 2000).
    """
    return transformation(
        _Rprop(learning_rate, eta_minus, eta_plus, min_step_size, max_step_size)
    )


@dataclass(frozen=True)
class _Rprop(Rule):
    learning_rate: Number
    eta_minus: Number
    eta_plus: Number
    min_step_size: Number
    max_step_size: Number

    name = "scale_by_rprop"
    elementwise = True
    slots = ("step_sizes", "prev_updates")

    def init(self, params):
        return ScaleByRpropState(
            step_sizes=full_like_params(self.name, params, self.learning_rate),
            prev_updates=zeros_like_params(self.name, params),
        )

    def apply(self, shared, g, p, slots):
        g = widened(g, *slots)
        size, before = (slot.astype(g.dtype) for slot in slots)
        agreement = g * before
        scaled = size * jnp.where(agreement > 0, self.eta_plus, self.eta_minus)
        clipped = jnp.clip(scaled, self.min_step_size, self.max_step_size)
        size = jnp.where(agreement == 0, size, clipped)
        flipped = agreement < 0
        step = jnp.where(flipped, 0, size * jnp.sign(g))
        return jnp.where(flipped, 0, before), stored((size, step), slots)
