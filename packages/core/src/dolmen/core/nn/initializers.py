"""Initial values of weights: functions of a key, a shape and a dtype.

Weights that multiply n inputs keep the variance of what flows through them if their own
variance is about 1 / n; the named initializers differ in which n they mean and in the
distribution.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .. import numpy as jnp, random
from .._ir import dtypes, message, value_error
from .._ops._conversion import real_dtype
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape

__all__ = [
    "Initializer",
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
__dir__ = __all__.copy

_Axes = int | Sequence[int]


@runtime_checkable
class Initializer(Protocol):
    """What initializers are: callables that make an array."""

    def __call__(
        self, key: Any, shape: Shape, dtype: DTypeLike = None, out_sharding: Any = None
    ) -> Array:
        """An array of `shape`; `dtype` overrides that of the initializer."""
        ...


def _dtype(dtype: DTypeLike) -> np.dtype:
    return dtypes.as_dtype(float if dtype is None else dtype, function="initializer")


# ---- constants ---------------------------------------------------------------------


def zeros(
    key: Any, shape: Shape, dtype: DTypeLike = None, out_sharding: Any = None
) -> Array:
    """Zeros; `key` is not used.

    Example:
        >>> from dolmen.core import nn
        >>> nn.initializers.zeros(None, (2,))
        Array([0., 0.], dtype=float32)
    """
    _no_sharding(out_sharding)
    return jnp.zeros(shape, _dtype(dtype))


def ones(
    key: Any, shape: Shape, dtype: DTypeLike = None, out_sharding: Any = None
) -> Array:
    """Ones; `key` is not used.

    Example:
        >>> from dolmen.core import nn, random
        >>> nn.initializers.ones(random.key(0), (2,))
        Array([1., 1.], dtype=float32)
    """
    _no_sharding(out_sharding)
    return jnp.ones(shape, _dtype(dtype))


def _no_sharding(out_sharding: Any) -> None:
    if out_sharding is not None:
        raise NotImplementedError(
            "initializer: `out_sharding` is not supported yet. Constrain the result's "
            "sharding instead."
        )


def constant(value: ArrayLike, dtype: DTypeLike = None) -> Initializer:
    """Initializer of equal elements.

    Args:
        value: the element, or an array that broadcasts to the shape.
        dtype: by default `float`.

    Example:
        >>> from dolmen.core import nn, random
        >>> nn.initializers.constant(0.5)(random.key(0), (2,))
        Array([0.5, 0.5], dtype=float32)
    """
    default = dtype

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        _no_sharding(out_sharding)
        return jnp.full(shape, value, _dtype(dtype))

    return init


# ---- of a given spread -------------------------------------------------------------


def uniform(scale: Any = 1e-2, dtype: DTypeLike = None) -> Initializer:
    """Initializer of numbers spread evenly over ``[0, scale)``.

    Example:
        >>> from dolmen.core import nn, random
        >>> nn.initializers.uniform(10.0)(random.key(0), (2,))
        Array([9.47667 , 9.785799], dtype=float32)
    """
    default = dtype

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        made = _dtype(dtype)
        drawn = random.uniform(key, shape, made, out_sharding=out_sharding)
        return drawn * jnp.asarray(scale, made)

    return init


def normal(stddev: Any = 1e-2, dtype: DTypeLike = None) -> Initializer:
    """Initializer of normal numbers of standard deviation `stddev`.

    Example:
        >>> from dolmen.core import nn, random
        >>> nn.initializers.normal(0.02)(random.key(0), (2, 3)).shape
        (2, 3)
    """
    default = dtype

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        made = _dtype(dtype)
        drawn = random.normal(key, shape, made, out_sharding=out_sharding)
        return drawn * jnp.asarray(stddev, made)

    return init


def truncated_normal(
    stddev: Any = 1e-2,
    dtype: DTypeLike = None,
    lower: Any = -2.0,
    upper: Any = 2.0,
) -> Initializer:
    """Initializer of normal numbers, cut off at bounds and then scaled.

    Args:
        stddev: the scale; the numbers' own standard deviation is smaller, since the
            tails are missing (0.88 times for the default bounds).
        dtype: by default `float`.
        lower: lower bound, before scaling.
        upper: upper bound, before scaling.

    Example:
        >>> from dolmen.core import nn, random
        >>> nn.initializers.truncated_normal()(random.key(0), (2, 3)).shape
        (2, 3)
    """
    default = dtype

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        made = _dtype(dtype)
        drawn = random.truncated_normal(
            key, lower, upper, shape, made, out_sharding=out_sharding
        )
        return drawn * jnp.asarray(stddev, made)

    return init


# ---- of a spread that fits the shape -----------------------------------------------


# Standard deviations of what is drawn below before it is scaled: a normal number given
# that it lies within two standard deviations, real and complex.
_REAL_DEVIATION = 0.87962566103423978
_COMPLEX_DEVIATION = 0.95311164380491208

_MODES = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
    "fan_geo_avg": lambda fan_in, fan_out: (fan_in * fan_out) ** 0.5,
}


def variance_scaling(
    scale: Any,
    mode: str,
    distribution: str,
    in_axis: _Axes = -2,
    out_axis: _Axes = -1,
    batch_axis: _Axes = (),
    dtype: DTypeLike = None,
) -> Initializer:
    """Initializer of variance ``scale / n``, where n depends on the shape.

    Args:
        scale: a positive number.
        mode: what n is: ``"fan_in"``, the number of inputs of each output;
            ``"fan_out"``, of outputs of each input; ``"fan_avg"``, their mean;
            ``"fan_geo_avg"``, their geometric mean.
        distribution: ``"truncated_normal"`` (within two standard deviations),
            ``"normal"`` or ``"uniform"``.
        in_axis: the axis, or axes, of inputs.
        out_axis: the axis, or axes, of outputs.
        batch_axis: axes of independent weights. All others count as a receptive field,
            which belongs to inputs and outputs alike.
        dtype: floating point or complex, by default `float`.

    Raises:
        ValueError: `mode` or `distribution` is unknown; at the call, the shape lacks
            the axes.

    Example:
        >>> from dolmen.core import nn, random
        >>> init = nn.initializers.variance_scaling(1.0, "fan_avg", "uniform")
        >>> init(random.key(0), (2, 3)).shape
        (2, 3)
    """
    if mode not in _MODES:
        known = ", ".join(map(repr, _MODES))
        raise value_error(
            f"variance_scaling: `mode` must be one of {known}, got {mode!r}."
        )
    if distribution not in ("truncated_normal", "normal", "uniform"):
        raise value_error(
            "variance_scaling: `distribution` must be 'truncated_normal', 'normal' or "
            f"'uniform', got {distribution!r}."
        )
    default = dtype

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        _no_sharding(out_sharding)
        made = _dtype(dtype)
        fans = _fans(tuple(shape), in_axis, out_axis, batch_axis)
        variance = jnp.asarray(scale / _MODES[mode](*fans), made)
        return _scaled(key, tuple(shape), made, variance, distribution)

    return init


def _fans(
    shape: tuple[int, ...], in_axis: _Axes, out_axis: _Axes, batch_axis: _Axes
) -> tuple[float, float]:
    groups = [
        (axis,) if isinstance(axis, int) else tuple(axis)
        for axis in (in_axis, out_axis, batch_axis)
    ]
    if any(not -len(shape) <= a < len(shape) for group in groups for a in group):
        raise ValueError(
            message(
                f"variance_scaling: shape {shape} lacks one of the axes `in_axis` "
                f"{in_axis}, `out_axis` {out_axis}, `batch_axis` {batch_axis}.",
                "Name the axes of inputs and outputs with `in_axis` and `out_axis`.",
            )
        )
    inputs, outputs, batch = (
        math.prod(shape[axis] for axis in group) for group in groups
    )
    field = math.prod(shape) / inputs / outputs / batch
    return inputs * field, outputs * field


def _scaled(
    key: Any, shape: tuple[int, ...], dtype: np.dtype, variance: Any, distribution: str
) -> Any:
    is_complex = dtypes.kind(dtype) == "c"
    if distribution == "normal":
        return random.normal(key, shape, dtype) * jnp.sqrt(variance)
    if distribution == "uniform":
        if is_complex:
            return _in_disk(key, shape, dtype) * jnp.sqrt(variance)
        return random.uniform(key, shape, dtype, -1) * jnp.sqrt(3 * variance)
    if is_complex:
        deviation = jnp.asarray(_COMPLEX_DEVIATION, dtype)
        return _complex_truncated_normal(key, shape, dtype) * (
            jnp.sqrt(variance) / deviation
        )
    stddev = jnp.sqrt(variance) / jnp.asarray(_REAL_DEVIATION, dtype)
    return random.truncated_normal(key, -2, 2, shape, dtype) * stddev


def _in_disk(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Complex numbers spread evenly over a disk, of variance 1."""
    real, (radius_key, angle_key) = real_dtype(dtype), random.split(key)
    radius = jnp.astype(jnp.sqrt(2 * random.uniform(radius_key, shape, real)), dtype)
    angle = 2 * np.pi * jnp.astype(random.uniform(angle_key, shape, real), dtype)
    return radius * jnp.exp(1j * angle)


def _complex_truncated_normal(key: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Complex normal numbers of magnitude up to 2."""
    real, (radius_key, angle_key) = real_dtype(dtype), random.split(key)
    u = jnp.astype(random.uniform(radius_key, shape, real), dtype)
    inside = (1 - jnp.exp(jnp.asarray(-4, dtype))) * u
    radius = jnp.sqrt(-jnp.log(1 - inside))
    angle = 2 * np.pi * jnp.astype(random.uniform(angle_key, shape, real), dtype)
    return radius * jnp.exp(1j * angle)


def _named(name: str, scale: float, mode: str, distribution: str, source: str) -> Any:
    """`variance_scaling` under the name that the literature knows."""

    def make(
        in_axis: _Axes = -2,
        out_axis: _Axes = -1,
        batch_axis: _Axes = (),
        dtype: DTypeLike = None,
    ) -> Initializer:
        return variance_scaling(
            scale, mode, distribution, in_axis, out_axis, batch_axis, dtype
        )

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"""Initializer of variance {scale:g} / {mode}, {distribution}.

    The arguments are those of `variance_scaling`.

    Example:
        >>> from dolmen.core import nn, random
        >>> nn.initializers.{name}()(random.key(0), (2, 3)).shape
        (2, 3)

    Source: {source}.
    """
    return make


_GLOROT = "Glorot and Bengio (2010), proceedings.mlr.press/v9/glorot10a.html"
_LECUN = "LeCun, Bottou, Orr and Mueller (1998), doi:10.1007/3-540-49430-8_2"
_HE = "He, Zhang, Ren and Sun (2015), arXiv:1502.01852"

glorot_uniform = _named("glorot_uniform", 1.0, "fan_avg", "uniform", _GLOROT)
glorot_normal = _named("glorot_normal", 1.0, "fan_avg", "truncated_normal", _GLOROT)
lecun_uniform = _named("lecun_uniform", 1.0, "fan_in", "uniform", _LECUN)
lecun_normal = _named("lecun_normal", 1.0, "fan_in", "truncated_normal", _LECUN)
he_uniform = _named("he_uniform", 2.0, "fan_in", "uniform", _HE)
he_normal = _named("he_normal", 2.0, "fan_in", "truncated_normal", _HE)

xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal

# ---- orthogonal matrices -----------------------------------------------------------


def orthogonal(
    scale: Any = 1.0, column_axis: int = -1, dtype: DTypeLike = None
) -> Initializer:
    """Initializer of orthogonal (unitary) matrices, none preferred to another.

    Where a matrix is not square, its rows or columns, whichever are fewer, are
    orthonormal.

    Args:
        scale: a factor for the whole matrix.
        column_axis: the axis of the columns; all others together count as rows.
        dtype: floating point or complex, by default `float`.

    Raises:
        ValueError: at the call, the shape has fewer than two axes, or lacks
            `column_axis`.

    Example:
        >>> from dolmen.core import nn, numpy as jnp, random
        >>> q = nn.initializers.orthogonal()(random.key(0), (2, 3))
        >>> bool(jnp.allclose(q @ q.T, jnp.eye(2), atol=1e-6))
        True

    Source: Saxe, McClelland and Ganguli (2013), arXiv:1312.6120.
    """
    default = dtype

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        _no_sharding(out_sharding)
        made, sizes = _dtype(dtype), tuple(shape)
        if len(sizes) < 2 or not -len(sizes) <= column_axis < len(sizes):
            raise value_error(
                "orthogonal: expected a shape with two or more axes, `column_axis` "
                f"{column_axis} among them, got {sizes}."
            )
        others = list(sizes)
        columns = others.pop(column_axis)
        if 0 in sizes:
            return jnp.zeros(sizes, made)
        drawn = random.orthogonal(key, math.prod(others), (), made, columns)
        matrix = jnp.moveaxis(jnp.reshape(drawn, (*others, columns)), -1, column_axis)
        return matrix * jnp.asarray(scale, made)

    return init


def delta_orthogonal(
    scale: Any = 1.0, column_axis: int = -1, dtype: DTypeLike = None
) -> Initializer:
    """Initializer of convolutions that multiply each pixel with an orthogonal matrix.

    Args:
        scale: a factor for the whole kernel.
        column_axis: which axis of that matrix, of inputs and outputs, is that of the
            columns.
        dtype: floating point or complex, by default `float`.

    Raises:
        ValueError: at the call, the shape does not consist of one to three spatial
            sizes, inputs and as many or more outputs.

    Example:
        >>> from dolmen.core import nn, random
        >>> kernel = nn.initializers.delta_orthogonal()(random.key(0), (3, 2, 2))
        >>> [bool((kernel[i] != 0).all()) for i in range(3)]
        [False, True, False]

    Source: Xiao et al. (2018), arXiv:1806.05393.
    """
    default, matrices = dtype, orthogonal(scale, column_axis)

    def init(
        key: Any, shape: Shape, dtype: DTypeLike = default, out_sharding: Any = None
    ) -> Array:
        _no_sharding(out_sharding)
        made = _dtype(dtype)
        *spatial, inputs, outputs = (0, 0, *shape)
        if not 3 <= len(shape) <= 5 or outputs < inputs:
            raise value_error(
                "delta_orthogonal: expected a shape of one to three spatial sizes, "
                f"inputs and as many or more outputs, got {tuple(shape)}."
            )
        middle = tuple((size - 1) // 2 for size in spatial[2:])
        matrix = matrices(key, (inputs, outputs), made)
        return jnp.zeros(shape, made).at[middle].set(matrix)

    return init
