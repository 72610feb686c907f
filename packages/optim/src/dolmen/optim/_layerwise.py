"""Scaling by norms of each array: of parameters, of updates, of their ratio."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._arguments import Dtype, Number
from ._counts import safe_increment, zero_count
from ._engine import (
    Rule,
    real_accumulator_dtype,
    transformation,
    zeros_like_params,
)
from ._moments import moved, stored, widened
from ._norms import safe_norm, safe_root_mean_squares, sum_of_squares
from ._transformation import EmptyState, GradientTransformation
from ._trees import check_floating

ScaleByTrustRatioState = EmptyState


def centralize() -> GradientTransformation:
    """Subtracts the mean from updates of two or more axes.

    The mean is taken over all axes but the first.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = centralize()
        >>> updates = jnp.array([[1.0, 3.0], [5.0, 9.0]])
        >>> transform.update(updates, transform.init(updates))[0]
        Array([[-1.,  1.], [-2.,  2.]], dtype=float32)

    Source: Yong et al. (2020), arXiv:2004.01461.
    """
    return transformation(_Centralize())


@dataclass(frozen=True)
class _Centralize(Rule):
    name = "centralize"

    def apply(self, shared, g, p, slots):
        if g.ndim > 1:
            g = g - jnp.mean(g, tuple(range(1, g.ndim)), keepdims=True)
        return g, slots


def scale_by_param_block_norm(min_scale: Any = 1e-3) -> GradientTransformation:
    """Multiplies each update by the norm of its parameter.

    Args:
        min_scale: what the norm is at least.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_param_block_norm()
        >>> params, updates = jnp.array([3.0, 4.0]), jnp.array([1.0, 2.0])
        >>> transform.update(updates, transform.init(params), params)[0]
        Array([ 5., 10.], dtype=float32)
    """
    return transformation(_ParamBlockNorm(min_scale))


@dataclass(frozen=True)
class _ParamBlockNorm(Rule):
    min_scale: Number

    name = "scale_by_param_block_norm"
    needs_params = True

    def apply(self, shared, g, p, slots):
        return g * safe_norm(p, self.min_scale), slots


def scale_by_param_block_rms(min_scale: Any = 1e-3) -> GradientTransformation:
    """Multiplies each update by the root mean square of its parameter.

    Args:
        min_scale: what the root mean square is at least.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_param_block_rms()
        >>> params, updates = jnp.array([5.0, 5.0]), jnp.array([1.0, 2.0])
        >>> transform.update(updates, transform.init(params), params)[0]
        Array([ 5., 10.], dtype=float32)

    Source: Shazeer and Stern (2018), arXiv:1804.04235, section 8.
    """
    return transformation(_ParamBlockRms(min_scale))


@dataclass(frozen=True)
class _ParamBlockRms(Rule):
    min_scale: Number

    name = "scale_by_param_block_rms"
    needs_params = True

    def apply(self, shared, g, p, slots):
        return g * safe_root_mean_squares(p, self.min_scale), slots


def scale_by_trust_ratio(
    min_norm: Any = 0.0, trust_coefficient: Any = 1.0, eps: Any = 0.0
) -> GradientTransformation:
    """Multiplies each update by the norm of its parameter over its own norm.

    Where one of the norms is zero the update passes unchanged.

    Args:
        min_norm: what the norms are at least.
        trust_coefficient: factor of the ratio.
        eps: added to the norm of the update.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_trust_ratio()
        >>> params, updates = jnp.array([0.0, 10.0]), jnp.array([3.0, 4.0])
        >>> transform.update(updates, transform.init(params), params)[0]
        Array([6., 8.], dtype=float32)

    Source: You et al. (2017), arXiv:1708.03888; You et al. (2019), arXiv:1904.00962.
    """
    return transformation(_TrustRatio(min_norm, trust_coefficient, eps))


@dataclass(frozen=True)
class _TrustRatio(Rule):
    min_norm: Number
    trust_coefficient: Number
    eps: Number

    name = "scale_by_trust_ratio"
    needs_params = True

    def apply(self, shared, g, p, slots):
        of_p, of_g = safe_norm(p, self.min_norm), safe_norm(g, self.min_norm)
        ratio = self.trust_coefficient * of_p / (of_g + self.eps)
        is_degenerate = (of_p == 0) | (of_g == 0)
        return g * jnp.where(is_degenerate, 1, ratio), slots


class ScaleByNovogradState(NamedTuple):
    """State of `scale_by_novograd`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: decaying sum of the normalized gradients, a tree like the parameters.
        nu: moving averages of the squared norms, a tree of scalars.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_novograd().init({"w": [1.0, 1.0]}).nu
        {'w': [Array(0., dtype=float32), Array(0., dtype=float32)]}
    """

    count: Any
    mu: Any
    nu: Any


def scale_by_novograd(
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformation:
    """Momentum of gradients divided by an average norm of each array.

    With ``g`` the update of an array ``p``; in the first step ``v = |g|²``, ``m = d``::

        v = b2 v + (1 - b2) |g|²
        d = g / (sqrt(v + eps_root) + eps) + weight_decay p
        m = b1 m + d

    Args:
        b1: decay of the sum ``m``, which is the update.
        b2: decay of the average ``v``.
        eps: added outside the root.
        eps_root: added inside the root.
        weight_decay: how much of the parameter is added.
        mu_dtype: dtype of the stored sum; by default float32, or that of the parameter
            if wider.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_novograd()
        >>> params, updates = jnp.array([0.0, 0.0]), jnp.array([3.0, 4.0])
        >>> transform.update(updates, transform.init(params), params)[0]
        Array([0.6, 0.8], dtype=float32)

    Source: Ginsburg et al. (2019), arXiv:1905.11286.
    """
    return transformation(_Novograd(b1, b2, eps, eps_root, weight_decay, mu_dtype))


@dataclass(frozen=True)
class _Novograd(Rule):
    b1: Number
    b2: Number
    eps: Number
    eps_root: Number
    weight_decay: Number
    mu_dtype: Dtype

    name = "scale_by_novograd"
    slots = ("mu", "nu")
    shaped_otherwise = ("nu",)
    needs_params = True

    def init(self, params):
        check_floating(self.name, "`params`", params)
        return ScaleByNovogradState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params, self.mu_dtype),
            nu=tree.map(lambda p: jnp.zeros((), real_accumulator_dtype(p)), params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        return count == 1, state._replace(count=count)

    def apply(self, shared, g, p, slots):
        is_first, (mu, nu) = shared, slots
        g = widened(g, mu)
        square = sum_of_squares(g)
        v = jnp.where(is_first, square, moved(nu, square, self.b2))
        direction = g / (jnp.sqrt(v + self.eps_root) + self.eps)
        m = direction + self.weight_decay * p
        m = jnp.where(is_first, m, self.b1 * mu.astype(m.dtype) + m)
        return m, stored((m, v), slots)


class ScaleByDistanceOverGradientsState(NamedTuple):
    """State of `scale_by_distance_over_gradients`.

    Attributes:
        max_dist: of each array, its largest distance so far from where it began.
        grad_sum_of_squares: of each array, over all steps; arrays of one element.
        init_params: the parameters at the beginning.

    Example:
        >>> from dolmen import optim
        >>> state = optim.scale_by_distance_over_gradients(1.0).init({"w": 3.0})
        >>> state.max_dist
        {'w': Array(4., dtype=float32)}
    """

    max_dist: Any
    grad_sum_of_squares: Any
    init_params: Any


def scale_by_distance_over_gradients(
    reps_rel: Any = 1e-6,
    eps: Any = 1e-8,
    param_dtype: Any = jnp.float32,
    global_scale: Any = 1.0,
) -> GradientTransformation:
    """Scales the updates of each array by a step size found on the way.

    It is the largest distance so far from the first parameters, over the root of the
    sum of the squared norms of all gradients. There is no learning rate to choose.

    Args:
        reps_rel: first distance, relative to 1 + the norm of the parameters.
        eps: added to the sum of squares.
        param_dtype: dtype in which the first parameters are kept.
        global_scale: factor of all step sizes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_distance_over_gradients(reps_rel=0.5)
        >>> params, updates = jnp.array([3.0, 0.0]), jnp.array([3.0, 4.0])
        >>> transform.update(updates, transform.init(params), params)[0]
        Array([1.2, 1.6], dtype=float32)

    Source: Ivgi et al. (2023), arXiv:2302.12022, for each array by itself.
    """
    return transformation(
        _DistanceOverGradients(reps_rel, eps, param_dtype, global_scale)
    )


@dataclass(frozen=True)
class _DistanceOverGradients(Rule):
    reps_rel: Number
    eps: Number
    param_dtype: Dtype
    global_scale: Number

    name = "scale_by_distance_over_gradients"
    slots = ("max_dist", "grad_sum_of_squares", "init_params")
    shaped_otherwise = ("max_dist", "grad_sum_of_squares")
    needs_params = True

    def init(self, params):
        check_floating(self.name, "`params`", params)
        return ScaleByDistanceOverGradientsState(
            max_dist=tree.map(
                lambda p: self.reps_rel * (1 + jnp.sqrt(sum_of_squares(p))), params
            ),
            grad_sum_of_squares=tree.map(
                lambda p: jnp.zeros(1, real_accumulator_dtype(p)), params
            ),
            init_params=tree.map(lambda p: jnp.asarray(p, self.param_dtype), params),
        )

    def apply(self, shared, g, p, slots):
        farthest, total, start = slots
        distance = jnp.sqrt(sum_of_squares(p - start))
        farthest = jnp.maximum(farthest, distance.astype(farthest.dtype))
        total = total + sum_of_squares(g).astype(total.dtype)
        step = self.global_scale * (farthest / jnp.sqrt(total[0] + self.eps))
        return step * g, (farthest, total, start)
