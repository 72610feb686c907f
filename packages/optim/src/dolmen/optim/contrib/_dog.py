"""DoG and DoWG: step sizes from the distance come, over the gradients met."""

from typing import Any, Literal, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._chain import chain
from .._engine import copied_params, strong
from .._norms import sum_of_squares
from .._packed import takes_packed
from .._scaling import scale_by_learning_rate
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    identity,
)
from .._trees import (
    check_against_state,
    check_real_floating,
)
from .._weight_decay import add_decayed_weights


class DoGState(NamedTuple):
    """State of `dog`.

    Attributes:
        is_init_step: whether no step was done, a boolean scalar.
        init_params: the parameters at the beginning.
        max_dist: largest distance from them so far.
        sum_sq_norm_grads: sum of the squared norms of all gradients.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.dog(init_step=("distance", 0.5)).init([3.0])[1].max_dist
        Array(0.5, dtype=float32)
    """

    is_init_step: Any
    init_params: Any
    max_dist: Any
    sum_sq_norm_grads: Any


def _scale_by_dog(init_step: tuple[str, Any], eps: Any) -> GradientTransformation:
    kind, value = init_step
    if kind not in ("distance", "learning_rate", "heuristic"):
        raise ValueError(
            extend.error_message(
                "dog: `init_step` must begin with 'distance', 'learning_rate' or "
                f"'heuristic', got {kind!r}."
            )
        )

    @takes_packed
    def init(params: Any) -> DoGState:
        check_real_floating("dog", "`params`", params)
        first = {
            "distance": value,
            "learning_rate": 0.0,
            "heuristic": value * (1 + jnp.sqrt(_square(params))),
        }
        start = copied_params(params)
        dtype = _widest(start)
        return DoGState(
            is_init_step=jnp.asarray(True),
            init_params=start,
            max_dist=jnp.asarray(first[kind], dtype),
            sum_sq_norm_grads=jnp.zeros((), dtype),
        )

    @takes_packed
    def update(
        updates: Any, state: DoGState, params: Any = None
    ) -> tuple[Any, DoGState]:
        check_against_state("dog", ("init_params", state.init_params), updates, params)
        distance = jnp.sqrt(_square(_way(state.init_params, params)))
        farthest = jnp.maximum(state.max_dist, distance)
        total = state.sum_sq_norm_grads + _square(updates)
        step = farthest / jnp.sqrt(total + eps)
        if kind == "learning_rate":
            step = jnp.where(state.is_init_step, value, step)
        new = DoGState(jnp.asarray(False), state.init_params, farthest, total)
        return tree.map(lambda g: step * g, updates), new

    return GradientTransformation(init, update)


def dog(
    learning_rate: ScalarOrSchedule = 1.0,
    init_step: tuple[Literal["distance", "learning_rate", "heuristic"], Any] = (
        "heuristic",
        1e-6,
    ),
    eps: Any = 1e-8,
    weight_decay: Any = None,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """Distance over gradients: descent whose step size needs no choice.

    It is the largest distance so far from the first parameters, over the root of the
    sum of the squared norms of all gradients.

    Args:
        learning_rate: factor of the step size, a number or a schedule.
        init_step: what the first step is made of: ``("distance", d)``; or
            ``("heuristic", r)``, a distance of ``r (1 + norm of the parameters)``; or
            ``("learning_rate", step size)``.
        eps: added to the sum of squares.
        weight_decay: a number or a schedule, added to the gradient; None for none.
        mask: which parameters decay, see `add_decayed_weights`.

    Raises:
        ValueError: there is no such `init_step`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.dog(init_step=("distance", 0.5))
        >>> updates, _ = optimizer.update([2.0], optimizer.init([3.0]), [3.0])
        >>> round(float(updates[0]), 4)
        -0.5

    Source: Ivgi et al. (2023), arXiv:2302.12022.
    """
    return _chained(_scale_by_dog(init_step, eps), learning_rate, weight_decay, mask)


class DoWGState(NamedTuple):
    """State of `dowg`.

    Attributes:
        init_params: the parameters at the beginning.
        weighted_sq_norm_grads: sum of the squared norms of all gradients, each times
            the squared distance of its step.
        estim_sq_dist: largest squared distance from them so far.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.dowg(init_estim_sq_dist=0.5).init([3.0])[1].estim_sq_dist
        Array(0.5, dtype=float32)
    """

    init_params: Any
    weighted_sq_norm_grads: Any
    estim_sq_dist: Any


def _scale_by_dowg(init_estim_sq_dist: Any, eps: Any) -> GradientTransformation:
    first = eps if init_estim_sq_dist is None else init_estim_sq_dist

    @takes_packed
    def init(params: Any) -> DoWGState:
        check_real_floating("dowg", "`params`", params)
        start = copied_params(params)
        dtype = _widest(start)
        return DoWGState(
            init_params=start,
            weighted_sq_norm_grads=jnp.zeros((), dtype),
            estim_sq_dist=jnp.asarray(first, dtype),
        )

    @takes_packed
    def update(
        updates: Any, state: DoWGState, params: Any = None
    ) -> tuple[Any, DoWGState]:
        check_against_state("dowg", ("init_params", state.init_params), updates, params)
        distance = _square(_way(state.init_params, params))
        farthest = jnp.maximum(state.estim_sq_dist, distance)
        total = state.weighted_sq_norm_grads + farthest * _square(updates)
        step = farthest / (jnp.sqrt(total) + eps)
        return tree.map(lambda g: step * g, updates), DoWGState(
            state.init_params, total, farthest
        )

    return GradientTransformation(init, update)


def dowg(
    learning_rate: ScalarOrSchedule = 1.0,
    init_estim_sq_dist: Any = None,
    eps: Any = 1e-4,
    weight_decay: Any = None,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """Distance over weighted gradients: as `dog`, with late gradients counting more.

    Args:
        learning_rate: factor of the step size, a number or a schedule.
        init_estim_sq_dist: first squared distance; by default `eps`.
        eps: added to the root of the weighted sum of squares.
        weight_decay: a number or a schedule, added to the gradient; None for none.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.dowg(init_estim_sq_dist=0.25)
        >>> updates, _ = optimizer.update([2.0], optimizer.init([3.0]), [3.0])
        >>> round(float(updates[0]), 3)
        -0.5

    Source: Khaled et al. (2023), arXiv:2305.16284.
    """
    scaling = _scale_by_dowg(init_estim_sq_dist, eps)
    return _chained(scaling, learning_rate, weight_decay, mask)


# ---- what they share ---------------------------------------------------------------


def _chained(
    scaling: GradientTransformation,
    learning_rate: ScalarOrSchedule,
    weight_decay: Any,
    mask: Any,
) -> GradientTransformationExtraArgs:
    decay = identity()
    if weight_decay is not None:
        decay = add_decayed_weights(weight_decay, mask)
    return chain(decay, scaling, scale_by_learning_rate(learning_rate))


def _square(values: Any) -> Any:
    """Squared norm of a tree."""
    leaves = map(strong, tree.leaves(values))
    return sum(map(sum_of_squares, leaves), jnp.float32(0.0))


def _way(start: Any, params: Any) -> Any:
    return tree.map(lambda a, b: a - b, start, params)


def _widest(params: Any) -> Any:
    return jnp.result_type(jnp.float32, *(p.dtype for p in tree.leaves(params)))
