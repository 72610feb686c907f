"""Densities estimated from samples, as sums of normal densities around them."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from ... import lax, numpy as jnp, random
from ..._ir import ArrayType, dtypes, message, value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike, Shape
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact, type_of
from ...tree_util import register_pytree_node_class
from ..special import ndtr
from . import multivariate_normal

_NAME = "gaussian_kde"


@register_pytree_node_class
@dataclasses.dataclass(frozen=True, init=False, eq=False)
class gaussian_kde:
    """A density estimated from samples: the mean of normal densities around them.

    An immutable pytree: its arrays pass through transformations.

    Args:
        dataset: samples, ``[n]`` or ``[d, n]``.
        bw_method: how wide the kernels are, by a factor on the standard deviations of
            the samples: "scott" (the default) or "silverman", a number, or a function
            of the estimate that returns one.
        weights: of the samples, ``[n]``; by default they are equal.

    Attributes:
        neff: effective number of samples, smaller where weights differ.
        dataset: the samples, ``[d, n]``.
        weights: ``[n]``, which sum to 1.
        covariance: of the kernels, ``[d, d]``.
        inv_cov: its inverse.

    Raises:
        NotImplementedError: samples or weights are complex.
        ValueError: there are less than two numbers, more than two axes, weights that
            don't fit, or no such `bw_method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.stats import gaussian_kde
        >>> density = gaussian_kde(jnp.array([1.0, 2.0, 4.0]))
        >>> density.evaluate(jnp.array([2.0, 9.0])).round(3)
        Array([0.215, 0.   ], dtype=float32)
    """

    neff: Any
    dataset: Any
    weights: Any
    covariance: Any
    inv_cov: Any

    def __init__(
        self,
        dataset: ArrayLike,
        bw_method: str | ArrayLike | Callable[[Any], Any] | None = None,
        weights: ArrayLike | None = None,
    ) -> None:
        data = _samples(dataset)
        if weights is None:
            shares = jnp.full(data.shape[1], 1 / data.shape[1], data.dtype)
        else:
            shares = _shares(weights, data)
        set_field = object.__setattr__
        set_field(self, "dataset", data)
        set_field(self, "weights", shares)
        set_field(self, "neff", 1 / jnp.sum(jnp.square(shares)))
        spread = jnp.cov(data, bias=False, aweights=shares).reshape(self.d, self.d)
        factor = _factor(self, bw_method)
        set_field(self, "covariance", spread * factor**2)
        set_field(self, "inv_cov", jnp.linalg.inv(spread) / factor**2)

    @property
    def d(self) -> int:
        """Number of dimensions."""
        return self.dataset.shape[0]

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.dataset.shape[1]

    def tree_flatten(self) -> tuple[tuple[Any, ...], None]:
        """The arrays; there is nothing else."""
        names = [field.name for field in dataclasses.fields(self)]
        return tuple(getattr(self, name) for name in names), None

    @classmethod
    def tree_unflatten(cls, _: None, children: Any) -> "gaussian_kde":
        """The estimate of these arrays."""
        made = object.__new__(cls)
        for field, child in zip(dataclasses.fields(cls), children, strict=True):
            object.__setattr__(made, field.name, child)
        return made

    # ---- densities -----------------------------------------------------------------

    def evaluate(self, points: ArrayLike) -> Array:
        """The density at points.

        Args:
            points: ``[d, m]``; ``[m]`` or a scalar where there is one dimension, and
                ``[d]`` for a single point.

        Returns:
            ``[m]``, computed with memory for ``n * m * d`` numbers.

        Raises:
            ValueError: the points have another number of dimensions.
        """
        return jnp.exp(self.logpdf(points))

    __call__ = evaluate

    def pdf(self, x: ArrayLike) -> Array:
        """The density at points; see `evaluate`."""
        return self.evaluate(x)

    def logpdf(self, x: ArrayLike) -> Array:
        """Logarithm of the density at points; see `evaluate`."""
        points = self._points(x)
        return self._log_mean(points, self.covariance)

    def _log_mean(self, points: Any, covariance: Any) -> Any:
        return _log_mean(self.dataset, self.weights, points, covariance)

    def _points(self, points: Any) -> Any:
        type = type_of(f"{_NAME}.evaluate", "points", points)
        made: Any = jnp.atleast_2d(points)
        if made.shape[0] != self.d and made.shape == (1, self.d):
            made = made.T
        if made.ndim != 2 or made.shape[0] != self.d:
            raise value_error(
                f"{_NAME}.evaluate: `points` must be [{self.d}, m], as the samples "
                f"have {self.d} dimensions, got {type!r}."
            )
        return promote_args_inexact(f"{_NAME}.evaluate", made, self.dataset[:, :1])[0]

    # ---- integrals -----------------------------------------------------------------

    def integrate_gaussian(self, mean: ArrayLike, cov: ArrayLike) -> Array:
        """Integral of the density times a normal one.

        Args:
            mean: ``[d]``.
            cov: ``[d, d]``.

        Returns:
            A scalar.

        Raises:
            ValueError: the shapes differ from those.
        """
        center: Any = jnp.atleast_1d(mean)
        spread: Any = jnp.atleast_2d(cov)
        if center.shape != (self.d,) or spread.shape != (self.d, self.d):
            raise value_error(
                f"{_NAME}.integrate_gaussian: `mean` must be [{self.d}] and `cov` "
                f"[{self.d}, {self.d}], got {typeof(mean)!r} and {typeof(cov)!r}."
            )
        return jnp.exp(self._log_mean(center[:, None], self.covariance + spread)[0])

    def integrate_box_1d(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Integral of the density between two numbers.

        Args:
            low: scalar.
            high: scalar.

        Returns:
            A scalar.

        Raises:
            ValueError: there are several dimensions, or the bounds are no scalars.
        """
        if self.d != 1:
            raise value_error(
                f"{_NAME}.integrate_box_1d: the samples must have one dimension, got "
                f"{self.d}."
            )
        if jnp.ndim(low) or jnp.ndim(high):
            raise value_error(
                f"{_NAME}.integrate_box_1d: `low` and `high` must be scalars, got "
                f"{typeof(low)!r} and {typeof(high)!r}."
            )
        scale = jnp.sqrt(self.covariance[0, 0])
        parts = [ndtr((end - self.dataset[0]) / scale) for end in (low, high)]
        return jnp.sum(self.weights * (parts[1] - parts[0]))

    def integrate_kde(self, other: "gaussian_kde") -> Array:
        """Integral of the product with another estimate.

        Args:
            other: of as many dimensions.

        Returns:
            A scalar.

        Raises:
            ValueError: it has another number of dimensions.
        """
        if other.d != self.d:
            raise value_error(
                f"{_NAME}.integrate_kde: `other` must have {self.d} dimensions, got "
                f"{other.d}."
            )
        logs = self._log_mean(other.dataset, self.covariance + other.covariance)
        return jnp.sum(other.weights * jnp.exp(logs))

    def integrate_box(
        self, low_bounds: Any, high_bounds: Any, maxpts: Any = None
    ) -> Array:
        """Not supported; see `integrate_box_1d`."""
        raise NotImplementedError(
            message(
                f"{_NAME}.integrate_box: only intervals are supported.",
                "Use `integrate_box_1d`, or average over `resample`.",
            )
        )

    def set_bandwidth(self, bw_method: Any = None) -> None:
        """Not supported: an estimate does not change."""
        raise NotImplementedError(
            message(
                f"{_NAME}.set_bandwidth: an estimate does not change.",
                "Make another with this `bw_method`.",
            )
        )

    # ---- samples -------------------------------------------------------------------

    def resample(self, key: Any, shape: Shape = ()) -> Array:
        """Random points of this density.

        Args:
            key: a single key.
            shape: of the points.

        Returns:
            ``[d, *shape]``.
        """
        which, where = random.split(key)
        chosen = random.choice(which, self.n, shape, p=self.weights)
        moved = random.multivariate_normal(
            where,
            jnp.zeros(self.d, self.covariance.dtype),
            self.covariance,
            shape,
            self.dataset.dtype,
        )
        return self.dataset[:, chosen] + jnp.moveaxis(moved, -1, 0)


@jit_when_eager
def _log_mean(dataset: Any, weights: Any, points: Any, covariance: Any) -> Any:
    """Logarithm of the weighted mean of normal densities at points ``[d, m]``."""
    differences = points.T[:, None, :] - dataset.T
    logs = multivariate_normal.log_density(differences, covariance)
    top = lax.stop_gradient(jnp.max(logs, axis=1, keepdims=True))
    return jnp.log(jnp.exp(logs - top) @ weights) + top[:, 0]


def _samples(dataset: Any) -> Any:
    type = _real_type("dataset", dataset)
    if type.ndim > 2 or math.prod(type.shape) < 2:
        raise value_error(
            f"{_NAME}: `dataset` must be [n] or [d, n], of two or more numbers, got "
            f"{type!r}."
        )
    return jnp.atleast_2d(promote_args_inexact(_NAME, dataset)[0])


def _real_type(argument: str, value: Any) -> ArrayType:
    type = type_of(_NAME, argument, value)
    if dtypes.kind(type.dtype) == "c":
        raise NotImplementedError(
            message(f"{_NAME}: `{argument}` must be real, got {type!r}.")
        )
    return type


def _shares(weights: Any, data: Any) -> Any:
    """Weights that sum to 1."""
    type = _real_type("weights", weights)
    if type.shape != (data.shape[1],):
        raise value_error(
            f"{_NAME}: `weights` must be [{data.shape[1]}], one for each sample, got "
            f"{type!r}."
        )
    made = promote_args_inexact(_NAME, weights, data[0])[0]
    return made / jnp.sum(made)


def _factor(density: gaussian_kde, bw_method: Any) -> Any:
    """The factor of the kernels' width that `bw_method` says."""
    if callable(bw_method):
        return bw_method(density)
    d, n = density.d, density.neff
    if bw_method is None or (isinstance(bw_method, str) and bw_method == "scott"):
        return n ** (-1 / (d + 4))
    if isinstance(bw_method, str) and bw_method == "silverman":
        return (n * (d + 2) / 4) ** (-1 / (d + 4))
    if isinstance(bw_method, str | list | tuple) or jnp.ndim(bw_method):
        raise value_error(
            f"{_NAME}: `bw_method` must be 'scott', 'silverman', a number or a "
            f"function, got {bw_method!r:.60}."
        )
    return bw_method
