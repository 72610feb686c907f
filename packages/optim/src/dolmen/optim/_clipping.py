"""Bounds on updates."""

import math
from dataclasses import dataclass
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from ._arguments import Bound, Number
from ._engine import Rule, transformation
from ._norms import global_norm
from ._transformation import EmptyState, GradientTransformation
from ._trees import check_floating

AdaptiveGradClipState = EmptyState
ClipByGlobalNormState = EmptyState
ClipState = EmptyState


def clip(max_delta: Any) -> GradientTransformation:
    """Limits every element to ``[-max_delta, max_delta]``; NaN stays NaN.

    Raises:
        TypeError: `max_delta` is not a number.
        ValueError: it is a negative Python number.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = clip(1.0)
        >>> updates, _ = transform.update(jnp.array([-3.0, 0.5]), transform.init(None))
        >>> updates
        Array([-1. , 0.5], dtype=float32)
    """
    return transformation(_Clip(max_delta))


@dataclass(frozen=True)
class _Clip(Rule):
    max_delta: Bound
    name = "clip"
    elementwise = True

    def prepare(self, updates, state):
        return self.max_delta, state

    def apply(self, shared, g, p, slots):
        return jnp.clip(g, -shared, shared), slots


def clip_by_global_norm(max_norm: Any) -> GradientTransformation:
    """Scales all updates down so that their `global_norm` is at most `max_norm`.

    Updates whose norm is smaller pass unchanged. A NaN anywhere makes all updates NaN;
    an infinity becomes NaN, and all others 0.

    Raises:
        TypeError: `max_norm` is not a number.
        ValueError: it is a negative Python number.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = clip_by_global_norm(1.0)
        >>> updates, _ = transform.update(jnp.array([3.0, 4.0]), transform.init(None))
        >>> updates
        Array([0.6, 0.8], dtype=float32)

    Source: Pascanu et al. (2012), arXiv:1211.5063.
    """
    return transformation(_ClipByGlobalNorm(max_norm))


@dataclass(frozen=True)
class _ClipByGlobalNorm(Rule):
    max_norm: Bound
    name = "clip_by_global_norm"
    elementwise = True
    needs_updates = True

    def prepare(self, updates, state):
        # One number for all: a quotient for each element is stored by XLA, not fused.
        norm = global_norm(updates)
        return jnp.where(norm < self.max_norm, 1, self.max_norm / norm), state

    def apply(self, shared, g, p, slots):
        return (g * shared).astype(g.dtype), slots


def clip_by_block_rms(threshold: Any) -> GradientTransformation:
    """Scales every leaf down so that its root mean square is at most `threshold`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = clip_by_block_rms(1.0)
        >>> updates, _ = transform.update(jnp.array([-4.0, 4.0]), transform.init(None))
        >>> updates
        Array([-1.,  1.], dtype=float32)

    Source: Shazeer and Stern (2018), arXiv:1804.04235, section 6.
    """
    return transformation(_ClipByBlockRms(threshold))


@dataclass(frozen=True)
class _ClipByBlockRms(Rule):
    threshold: Bound
    name = "clip_by_block_rms"

    def prepare(self, updates, state):
        return self.threshold, state

    def apply(self, shared, g, p, slots):
        rms = jnp.sqrt(jnp.mean(_squares(g)))
        return (g / jnp.maximum(1, rms / shared).astype(g.dtype)), slots


def adaptive_grad_clip(
    clipping: Any, eps: Any = 1e-3, axis: int | tuple[int, ...] | None = None
) -> GradientTransformation:
    """Scales gradients down to a share of the norm of their parameters.

    The norms are those of units, what one output of a layer depends on: columns of
    matrices, filters of convolutions, and vectors as a whole.

    Args:
        clipping: largest norm of a unit's gradient, as a share of its parameters'.
        eps: norm of parameters below which they count as that large.
        axis: axes of a unit; by default all of a vector, the first of leaves with two
            or three axes, the first three of those with four.

    Raises:
        ValueError: a leaf has more than four axes and `axis` is None.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = adaptive_grad_clip(0.5)
        >>> params = jnp.array([3.0, 4.0])
        >>> updates, _ = transform.update(params * 8, transform.init(params), params)
        >>> updates
        Array([1.5, 2. ], dtype=float32)

    Source: Brock et al. (2021), arXiv:2102.06171.
    """
    return transformation(_AdaptiveGradClip(clipping, eps, axis))


@dataclass(frozen=True)
class _AdaptiveGradClip(Rule):
    clipping: Bound
    eps: Number
    axis: int | tuple[int, ...] | None

    name = "adaptive_grad_clip"
    needs_params = True

    def prepare(self, updates, state):
        return (self.clipping, self.eps), state

    def apply(self, shared, g, p, slots):
        clipping, eps = shared
        norm = self._norm(g)
        most = clipping * jnp.maximum(self._norm(p), eps)
        clipped = g * (most / jnp.maximum(norm, 1e-6)).astype(g.dtype)
        return jnp.where(norm < most, g, clipped), slots

    def _norm(self, x):
        axis = _unit_axes(x) if self.axis is None else self.axis
        return jnp.sqrt(jnp.sum(_squares(x), axis=axis, keepdims=True))


def _unit_axes(x: Any) -> tuple[int, ...] | None:
    """Axes of what one output depends on."""
    if sum(size != 1 for size in x.shape) <= 1:
        return None
    if x.ndim > 4:
        raise ValueError(
            extend.error_message(
                "adaptive_grad_clip: leaves must have at most four axes, got shape "
                f"{x.shape}.",
                "Pass `axis`, the axes that one output depends on.",
            )
        )
    return (0, 1, 2) if x.ndim == 4 else (0,)


def _squares(x: Any) -> Any:
    """Squares of absolute values, in float32 or wider."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return jnp.square(jnp.abs(x))


def per_example_global_norm_clip(grads: Any, l2_norm_clip: Any) -> tuple[Any, Any]:
    """The sum of examples' gradients, each scaled down to a `global_norm`.

    Args:
        grads: tree of gradients with a leading axis of examples.
        l2_norm_clip: largest norm of an example's gradient.

    Returns:
        The sum, a tree without that axis, and how many examples were scaled, an int32
        scalar.

    Raises:
        ValueError: leaves have no leading axis, or of different sizes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> per_example_global_norm_clip([jnp.array([0.5, 2.0])], 1.0)
        ([Array(1.5, dtype=float32)], Array(1, dtype=int32))

    Source: Abadi et al. (2016), arXiv:1607.00133.
    """
    _check_examples("per_example_global_norm_clip", grads)
    squares = [_sums_of_squares(leaf) for leaf in tree.leaves(grads)]
    norms = jnp.sqrt(sum(squares, start=jnp.zeros(())))
    return tree.map(
        lambda g: _sum_clipped(g, norms, l2_norm_clip), grads
    ), _number_above(norms, l2_norm_clip)


def per_example_layer_norm_clip(
    grads: Any, global_l2_norm_clip: Any, uniform: bool = True
) -> tuple[Any, Any]:
    """The sum of examples' gradients, each leaf scaled down to a norm of its own.

    Together a gradient's leaves have at most the norm `global_l2_norm_clip`.

    Args:
        grads: tree of gradients with a leading axis of examples.
        global_l2_norm_clip: largest norm of an example's gradient.
        uniform: the same bound for all leaves; otherwise its square is in proportion
            to the number of a leaf's elements.

    Returns:
        The sum, a tree without that axis, and a tree of how many examples were scaled,
        int32 scalars.

    Raises:
        ValueError: leaves have no leading axis, or of different sizes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> per_example_layer_norm_clip([jnp.array([0.5, 2.0])], 1.0)
        ([Array(1.5, dtype=float32)], [Array(1, dtype=int32)])

    Source: McMahan et al. (2018), arXiv:1710.06963.
    """
    _check_examples("per_example_layer_norm_clip", grads)
    leaves, structure = tree.flatten(grads)
    sizes = [1 if uniform else leaf[0].size for leaf in leaves]
    bounds = [global_l2_norm_clip * math.sqrt(size / sum(sizes)) for size in sizes]
    norms = [jnp.sqrt(_sums_of_squares(leaf)) for leaf in leaves]
    sums = map(_sum_clipped, leaves, norms, bounds)
    return structure.unflatten(sums), structure.unflatten(
        map(_number_above, norms, bounds)
    )


@dc.jit
def _sums_of_squares(leaf: Any) -> Any:
    """``[examples]``, of the other axes."""
    return jnp.sum(_squares(leaf), axis=tuple(range(1, leaf.ndim)))


@dc.jit
def _sum_clipped(leaf: Any, norms: Any, bound: Any) -> Any:
    factors = jnp.minimum(1, bound / norms)
    factors = jnp.where(norms == 0, 1, factors).astype(leaf.dtype)
    return jnp.tensordot(factors, leaf, 1)


@dc.jit
def _number_above(norms: Any, bound: Any) -> Any:
    return jnp.sum(norms > bound, dtype=jnp.int32)


def _check_examples(function: str, grads: Any) -> None:
    check_floating(function, "`grads`", grads)
    sizes = {jnp.shape(leaf)[:1] for leaf in tree.leaves(grads)}
    if len(sizes) > 1 or () in sizes:
        shapes = [str(jnp.shape(leaf)) for leaf in tree.leaves(grads)]
        raise ValueError(
            extend.error_message(
                f"{function}: all leaves of `grads` must have the same leading axis "
                f"of examples, got shapes {', '.join(shapes[:8])}.",
                "Take them with `vmap(grad(loss), (None, 0))(params, batch)`.",
            )
        )
