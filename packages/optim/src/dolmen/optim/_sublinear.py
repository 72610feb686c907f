"""Second moments in less memory than the parameters take."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import dolmen.core.numpy as jnp
from dolmen.core import lax, tree

from ._arguments import Number
from ._counts import safe_increment, zero_count
from ._engine import (
    Rule,
    real_accumulator_dtype,
    transformation,
    zeros_like_params,
)
from ._moments import inverse_root, moved, squared, stored, widened
from ._transformation import GradientTransformation
from ._trees import check_floating, check_real


class FactoredState(NamedTuple):
    """State of `scale_by_factored_rms`.

    Where a parameter is not factored, `v_row` and `v_col` are arrays of one zero; where
    it is, `v` is.

    Attributes:
        count: steps done, an int32 scalar.
        v_row: average of the squares, without the largest axis.
        v_col: average of the squares, without the second largest axis.
        v: average of the squares.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> transform = optim.scale_by_factored_rms(min_dim_size_to_factor=2)
        >>> transform.init(jnp.zeros((3, 2))).v_col
        Array([0., 0., 0.], dtype=float32)
    """

    count: Any
    v_row: Any
    v_col: Any
    v: Any


def _decay_rate_pow(step: Any, exponent: Any) -> Any:
    """The paper's decay: ``1 - t**-exponent`` in step ``t``, counted from 1."""
    return 1.0 - (step + 1).astype(jnp.float32) ** (-exponent)


def scale_by_factored_rms(
    factored: bool = True,
    decay_rate: Any = 0.8,
    step_offset: Any = 0,
    min_dim_size_to_factor: int = 128,
    epsilon: Any = 1e-30,
    decay_rate_fn: Callable[[Any, Any], Any] = _decay_rate_pow,
) -> GradientTransformation:
    """Divides updates by a root mean square that is kept as rows and columns.

    Of the squares of an ``[n, m]`` array only the means of rows and columns are
    averaged, ``n + m`` numbers; their outer product over the mean stands for the whole.
    Arrays of more axes are factored along their two largest.

    Args:
        factored: False keeps all squares.
        decay_rate: passed to `decay_rate_fn`.
        step_offset: subtracted from the step.
        min_dim_size_to_factor: both axes must have at least this size.
        epsilon: added to the squares.
        decay_rate_fn: from step, counted from 0, and `decay_rate` to the decay of the
            averages; by default ``1 - (step + 1)**-decay_rate``.

    Example:
        >>> transform = scale_by_factored_rms()
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        1.0

    Source: Shazeer and Stern (2018), arXiv:1804.04235.
    """
    return transformation(
        _FactoredRms(
            factored,
            decay_rate,
            step_offset,
            min_dim_size_to_factor,
            epsilon,
            decay_rate_fn,
        )
    )


@dataclass(frozen=True)
class _FactoredRms(Rule):
    factored: bool
    decay_rate: Number
    step_offset: Number
    min_size: Number
    epsilon: Number
    decay_rate_fn: Callable[[Any, Any], Any]

    name = "scale_by_factored_rms"
    slots = ("v_row", "v_col", "v")
    shaped_otherwise = slots

    def init(self, params):
        check_floating(self.name, "`params`", params)
        leaves, structure = tree.flatten(params)
        columns = zip(*map(self._zeros, leaves), strict=True) if leaves else ((),) * 3
        return FactoredState(zero_count(), *map(structure.unflatten, columns))

    def _zeros(self, p: Any) -> list[Any]:
        shape, axes = jnp.shape(p), self._factored_axes(jnp.shape(p))
        shapes: Any = ((1,), (1,), shape)
        if axes is not None:
            shapes = (*(np.delete(shape, axis) for axis in reversed(axes)), (1,))
        dtype = real_accumulator_dtype(p)
        return [jnp.zeros(tuple(map(int, shape)), dtype) for shape in shapes]

    def _factored_axes(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """The two largest axes, the largest last, if both are large enough."""
        if not self.factored or len(shape) < 2:
            return None
        second, first = (int(axis) for axis in np.argsort(shape)[-2:])
        return (second, first) if shape[second] >= self.min_size else None

    def prepare(self, updates, state):
        decay = self.decay_rate_fn(state.count - self.step_offset, self.decay_rate)
        return decay, state._replace(count=safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        rows, columns, v = slots
        g = widened(g, v)
        square = squared(g).real + self.epsilon
        axes = self._factored_axes(g.shape)
        if axes is None:
            v = moved(v, square, shared)
            return g * lax.rsqrt(v), (rows, columns, v.astype(slots[2].dtype))
        second, first = axes
        rows = moved(rows, jnp.mean(square, first), shared)
        columns = moved(columns, jnp.mean(square, second), shared)
        mean = jnp.mean(rows, second - (second > first), keepdims=True)
        by_rows = jnp.expand_dims(lax.rsqrt(rows / mean), first)
        by_columns = jnp.expand_dims(lax.rsqrt(columns), second)
        return g * by_rows * by_columns, stored((rows, columns, v), slots)


class ScaleBySM3State(NamedTuple):
    """State of `scale_by_sm3`.

    Attributes:
        mu: of each parameter a list with one vector for each axis: the largest sum of
            squares at each index.
        nu: moving average of the updates, a tree like the parameters.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optim.scale_by_sm3().init(jnp.zeros((2, 3))).mu
        [Array([0., 0.], dtype=float32), Array([0., 0., 0.], dtype=float32)]
    """

    mu: Any
    nu: Any


def scale_by_sm3(
    b1: Any = 0.9, b2: Any = 1.0, eps: Any = 1e-8
) -> GradientTransformation:
    """Divides updates by the root of a bound on their sums of squares.

    An ``[n, m]`` array keeps ``n + m`` numbers: for each row and column the largest sum
    of squares in it. The sum of an element is at most the smaller one of its row and
    column. The result is averaged over steps.

    Args:
        b1: decay of the average of the updates.
        b2: decay of the sums; below 1 they are averages.
        eps: added inside the root.

    Raises:
        TypeError: a parameter is complex.

    Example:
        >>> transform = scale_by_sm3(b1=0.5)
        >>> updates, state = transform.update([3.0], transform.init([0.0]))
        >>> round(float(updates[0]), 4)
        0.5

    Source: Anil et al. (2019), arXiv:1901.11150.
    """
    return transformation(_SM3(b1, b2, eps))


@dataclass(frozen=True)
class _SM3(Rule):
    b1: Number
    b2: Number
    eps: Number

    name = "scale_by_sm3"
    slots = ("mu", "nu")
    shaped_otherwise = ("mu",)

    def init(self, params):
        nu = zeros_like_params(self.name, params)
        check_real(self.name, "`params`", params)
        return ScaleBySM3State(tree.map(_cover, nu), nu)

    def apply(self, shared, g, p, slots):
        cover, average = slots
        g = widened(g, average)
        parts = [_along(part, axis, g.ndim) for axis, part in enumerate(cover)]
        weight = jnp.where(self.b2 == 1, 1.0, 1.0 - self.b2)
        total = weight.astype(g.dtype) * squared(g)
        total = total + self.b2 * functools.reduce(jnp.minimum, parts)
        average = moved(average, g * inverse_root(total, self.eps), self.b1)
        cover = [
            _largest(total, axis).astype(part.dtype) for axis, part in enumerate(cover)
        ]
        return average, (cover, *stored((average,), slots[1:]))


def _cover(p: Any) -> list[Any]:
    """Zeros for each index of each axis; a scalar counts as one element."""
    return [jnp.zeros(n, p.dtype) for n in p.shape] or [jnp.zeros_like(p)]


def _along(part: Any, axis: int, ndim: int) -> Any:
    """A vector laid along one axis of `ndim`."""
    return jnp.expand_dims(part, [other for other in range(ndim) if other != axis])


def _largest(total: Any, axis: int) -> Any:
    """The largest element at each index of one axis; sums of squares are at least 0."""
    others = tuple(other for other in range(total.ndim) if other != axis)
    return jnp.max(total, others, initial=0)
