"""Discrete Fourier transforms, along any axes and in any normalization."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._ops._sharding import at_place
from .._tracing import typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._eager import jit_when_eager
from ._manipulation import as_axes, as_axis, moveaxis, roll
from ._promotion import convert, literal, type_of

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]
__dir__ = __all__.copy

_FLOAT = np.dtype("float64")
_FORWARD = lax.FftType.FFT, lax.FftType.RFFT
# Power of the number of points by which a forward transform is divided.
_NORMS = {None: 0.0, "backward": 0.0, "ortho": 0.5, "forward": 1.0}
_OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward"}
# Axes that XLA transforms at once.
_AT_ONCE = 3


# ---- one axis ----------------------------------------------------------------------


def fft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Array:
    """Discrete Fourier transform along an axis.

    ``out[k] = sum(a[j] * exp(-2j * pi * j * k / n) for j in range(n))``

    Args:
        a: an array of numbers with at least one axis.
        n: number of points; `a` is cut, or continued by zeros. By default all there
            are.
        axis: which axis.
        norm: "backward" (the default) divides the inverse transform by `n`, "forward"
            this one, and "ortho" both by ``sqrt(n)``.

    Returns:
        Complex, with `n` elements along `axis`; complex128 for 64-bit input.

    Raises:
        ValueError: `n` is not positive, or `axis` or `norm` does not exist.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.fft(jnp.array([1.0, 0.0, 0.0, 0.0])).tolist()
        [(1+0j), (1+0j), (1+0j), (1+0j)]
    """
    return _along_axis("fft", lax.FftType.FFT, a, n, axis, norm)


def ifft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Array:
    """Inverse of `fft`, with the same arguments.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.ifft(jnp.array([4.0, 0.0, 0.0, 0.0])).tolist()
        [(1+0j), (1+0j), (1+0j), (1+0j)]
    """
    return _along_axis("ifft", lax.FftType.IFFT, a, n, axis, norm)


def rfft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Array:
    """The first half of the `fft` of real numbers, which determines the other one.

    Args:
        a: real, with at least one axis.
        n: as in `fft`.
        axis: as in `fft`.
        norm: as in `fft`.

    Returns:
        Complex, with ``n // 2 + 1`` elements along `axis`.

    Raises:
        TypeError: `a` is complex.
        ValueError: as in `fft`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.rfft(jnp.array([1.0, 0.0, 0.0, 0.0])).tolist()
        [(1+0j), (1+0j), (1+0j)]
    """
    return _along_axis("rfft", lax.FftType.RFFT, a, n, axis, norm)


def irfft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Array:
    """Inverse of `rfft`.

    Args:
        a: the first half of a Hermitian-symmetric spectrum, with at least one axis.
        n: number of points of the result; by default ``2 * (m - 1)`` of `m` given.
        axis: as in `fft`.
        norm: as in `fft`.

    Returns:
        Real, with `n` elements along `axis`.

    Raises:
        ValueError: as in `fft`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.irfft(jnp.array([1.0, 1.0, 1.0])).tolist()
        [1.0, 0.0, 0.0, 0.0]
    """
    return _along_axis("irfft", lax.FftType.IRFFT, a, n, axis, norm)


def hfft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Array:
    """The `fft` of a Hermitian-symmetric signal, of which `a` is the first half.

    Arguments and errors are those of `irfft`.

    Returns:
        Real, with `n` elements along `axis`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.hfft(jnp.array([1.0, 1.0, 1.0])).tolist()
        [4.0, 0.0, 0.0, 0.0]
    """
    _check_norm("hfft", norm)
    return _along_axis(
        "hfft", lax.FftType.IRFFT, a, n, axis, _OPPOSITE.get(norm, norm), conjugate=True
    )


def ihfft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Array:
    """Inverse of `hfft`; arguments and errors are those of `rfft`.

    Returns:
        Complex, with ``n // 2 + 1`` elements along `axis`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.ihfft(jnp.array([4.0, 0.0, 0.0, 0.0])).tolist()
        [(1-0j), (1-0j), (1-0j)]
    """
    _check_norm("ihfft", norm)
    return _along_axis(
        "ihfft", lax.FftType.RFFT, a, n, axis, _OPPOSITE.get(norm, norm), conjugate=True
    )


# ---- several axes ------------------------------------------------------------------


def fftn(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """Discrete Fourier transform along several axes.

    Args:
        a: an array of numbers.
        s: number of points along each of `axes`, as `n` of `fft`.
        axes: which axes, distinct; by default all, or the last ``len(s)``.
        norm: as in `fft`.

    Returns:
        Complex, with `s` elements along `axes`.

    Raises:
        ValueError: `s` and `axes` differ in length, or as in `fft`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.fftn(jnp.ones((2, 2))).tolist()
        [[(4+0j), 0j], [0j, 0j]]
    """
    return _along_axes("fftn", lax.FftType.FFT, a, s, axes, norm)


def ifftn(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """Inverse of `fftn`, with the same arguments.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.ifftn(jnp.ones((2, 2))).tolist()
        [[(1+0j), 0j], [0j, 0j]]
    """
    return _along_axes("ifftn", lax.FftType.IFFT, a, s, axes, norm)


def rfftn(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """`fftn` of real numbers, of whose last transformed axis half is kept.

    Arguments are those of `fftn`, errors also those of `rfft`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.rfftn(jnp.ones((3, 6))).shape
        (3, 4)
    """
    return _along_axes("rfftn", lax.FftType.RFFT, a, s, axes, norm)


def irfftn(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """Inverse of `rfftn`: real, by default ``2 * (m - 1)`` points along the last axis.

    Arguments and errors are those of `fftn`; `s` is the shape of the result.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.irfftn(jnp.ones((3, 4)), s=(3, 7)).shape
        (3, 7)
    """
    return _along_axes("irfftn", lax.FftType.IRFFT, a, s, axes, norm)


def fft2(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Array:
    """`fftn` along two axes, by default the last ones.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.fft2(jnp.ones((2, 2))).tolist()
        [[(4+0j), 0j], [0j, 0j]]
    """
    return _along_axes("fft2", lax.FftType.FFT, a, s, _pair("fft2", axes), norm)


def ifft2(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Array:
    """`ifftn` along two axes, by default the last ones.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.ifft2(jnp.fft.fft2(jnp.eye(2))).real
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return _along_axes("ifft2", lax.FftType.IFFT, a, s, _pair("ifft2", axes), norm)


def rfft2(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Array:
    """`rfftn` along two axes, by default the last ones.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.rfft2(jnp.ones((2, 4))).shape
        (2, 3)
    """
    return _along_axes("rfft2", lax.FftType.RFFT, a, s, _pair("rfft2", axes), norm)


def irfft2(
    a: ArrayLike,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
) -> Array:
    """`irfftn` along two axes, by default the last ones.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.irfft2(jnp.fft.rfft2(jnp.ones((2, 4)))).shape
        (2, 4)
    """
    return _along_axes("irfft2", lax.FftType.IRFFT, a, s, _pair("irfft2", axes), norm)


# ---- how they are computed ---------------------------------------------------------


def _pair(function: str, axes: Sequence[int]) -> Sequence[int]:
    if len(axes) != 2:
        raise value_error(
            f"{function}: `axes` must be two axes, got {tuple(axes)}.",
            f"Use `{function[:-1]}n` for another number.",
        )
    return axes


def _check_norm(function: str, norm: Any) -> None:
    if norm not in _NORMS:
        raise value_error(
            f"{function}: `norm` must be 'backward', 'ortho' or 'forward', got "
            f"{norm!r}."
        )


def _along_axis(
    function: str,
    kind: lax.FftType,
    a: Any,
    n: Any,
    axis: Any,
    norm: Any,
    conjugate: bool = False,
) -> Array:
    axis = as_axis(function, axis, type_of(function, "a", a).ndim)
    sizes = None if n is None else (n,)
    return _along_axes(function, kind, a, sizes, (axis,), norm, conjugate)


def _along_axes(
    function: str,
    kind: lax.FftType,
    a: Any,
    s: Any,
    axes: Any,
    norm: Any,
    conjugate: bool = False,
) -> Array:
    type = type_of(function, "a", a)
    _check_norm(function, norm)
    if kind is lax.FftType.RFFT and type.dtype.kind == "c":
        raise type_error(
            f"{function}: `a` must be real, got {type!r}.",
            "Take its real part, or use a transform of complex numbers.",
        )
    given = None if s is None else tuple(map(operator.index, s))
    if axes is None:
        axes = range(-len(given) if given is not None else -type.ndim, 0)
    axes = as_axes(function, tuple(axes), type.ndim, "axes")
    if given is None:
        sizes = [type.shape[axis] for axis in axes]
        if kind is lax.FftType.IRFFT and sizes:
            sizes[-1] = 2 * (sizes[-1] - 1)
        given = tuple(sizes)
    elif len(given) != len(axes):
        raise value_error(
            f"{function}: `s` and `axes` must have equal lengths, got s={given} for "
            f"axes {axes}."
        )
    elif min(given, default=1) < 1:
        raise value_error(
            f"{function}: the number of points must be positive, got {given}."
        )
    if kind in (lax.FftType.RFFT, lax.FftType.IRFFT):
        _check_last(function, given)
    return _transform(
        a, kind=kind, sizes=given, axes=axes, norm=norm, conjugate=conjugate
    )


def _check_last(function: str, sizes: tuple[int, ...]) -> None:
    if not sizes:
        raise value_error(f"{function}: expected at least one axis to transform.")
    if sizes[-1] < 1:
        raise value_error(
            f"{function}: the last axis transformed must have at least one point, got "
            f"{sizes[-1]}."
        )


@jit_when_eager(static_argnames=("kind", "sizes", "axes", "norm", "conjugate"))
def _transform(
    a: Any,
    *,
    kind: lax.FftType,
    sizes: tuple[int, ...],
    axes: tuple[int, ...],
    norm: str | None,
    conjugate: bool,
) -> Any:
    ndim = typeof(a).ndim
    last = range(ndim - len(axes), ndim)
    x = moveaxis(a, axes, tuple(last))
    if conjugate and typeof(x).dtype.kind == "c":
        x = lax.conj(x)
    x = _resized(x, kind, sizes)
    x = _all_at_once(x, kind, sizes) if sizes else _without_axes(x)
    power = _NORMS[norm]
    if power and sizes:
        points = float(math.prod(sizes)) ** (-power if kind in _FORWARD else power)
        x = lax.mul(x, literal(points, typeof(x).dtype))
    if conjugate and kind is lax.FftType.RFFT:
        x = lax.conj(x)
    return moveaxis(x, tuple(last), axes)


def _without_axes(x: Any) -> Any:
    """The transform of single points: themselves, as complex numbers."""
    axis = typeof(x).ndim
    made = lax.fft(lax.expand_dims(x, (axis,)), lax.FftType.FFT, (1,))
    return lax.squeeze(made, (axis,))


def _resized(x: Any, kind: lax.FftType, sizes: tuple[int, ...]) -> Any:
    """The last axes cut, or continued by zeros, to what the transform takes."""
    shape = typeof(x).shape
    wanted = list(sizes)
    if kind is lax.FftType.IRFFT:
        wanted[-1] = sizes[-1] // 2 + 1
    leading = len(shape) - len(sizes)
    config = [(0, 0, 0)] * leading + [
        (0, new - old, 0) for new, old in zip(wanted, shape[leading:], strict=True)
    ]
    return lax.pad(x, 0, config)


def _all_at_once(x: Any, kind: lax.FftType, sizes: tuple[int, ...]) -> Any:
    """A transform of any number of last axes, a few at a time.

    Real numbers become complex with the last axes first, and real again last.
    """
    if len(sizes) <= _AT_ONCE:
        return lax.fft(x, kind, sizes)
    forward = kind in _FORWARD
    others = lax.FftType.FFT if forward else lax.FftType.IFFT
    ndim, count = typeof(x).ndim, len(sizes)
    inner, outer = sizes[-_AT_ONCE:], sizes[:-_AT_ONCE]
    here = tuple(range(ndim - count, ndim - _AT_ONCE))
    there = tuple(range(ndim - len(outer), ndim))

    def transform_outer(x: Any) -> Any:
        moved = _all_at_once(moveaxis(x, here, there), others, outer)
        return moveaxis(moved, there, here)

    if forward:
        return transform_outer(lax.fft(x, kind, inner))
    return lax.fft(transform_outer(x), kind, inner)


# ---- frequencies -------------------------------------------------------------------


def fftfreq(
    n: int, d: ArrayLike = 1.0, *, dtype: DTypeLike = None, device: Any = None
) -> Array:
    """The frequencies that the elements of `fft` belong to, in cycles per unit of `d`.

    Args:
        n: number of points.
        d: distance of two points; a scalar, may be traced.
        dtype: of the result; by default floating point.
        device: where the array shall live.

    Returns:
        ``[n]``: ``0, 1, ..., (n - 1) // 2``, then ``-(n // 2), ..., -1``, each divided
        by ``n * d``.

    Raises:
        ValueError: `d` is not a scalar.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.fftfreq(4).tolist()
        [0.0, 0.25, -0.5, -0.25]
    """
    count = operator.index(n)
    middle = (count + 1) // 2
    places = [*range(middle), *range(middle - count, 0)]
    return _frequencies("fftfreq", places, count, d, dtype, device)


def rfftfreq(
    n: int, d: ArrayLike = 1.0, *, dtype: DTypeLike = None, device: Any = None
) -> Array:
    """The frequencies of `rfft`; arguments and errors are those of `fftfreq`.

    Returns:
        ``[n // 2 + 1]``: ``0, 1, ..., n // 2``, each divided by ``n * d``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.rfftfreq(4).tolist()
        [0.0, 0.25, 0.5]
    """
    count = operator.index(n)
    return _frequencies("rfftfreq", range(count // 2 + 1), count, d, dtype, device)


def _frequencies(
    function: str, places: Sequence[int], n: int, d: Any, dtype: Any, device: Any
) -> Array:
    if n < 0:
        raise value_error(f"{function}: `n` must not be negative, got {n}.")
    if type_of(function, "d", d).ndim:
        raise value_error(f"{function}: `d` must be a scalar, got {typeof(d)!r}.")
    wanted = dtypes.default(_FLOAT)
    if dtype is not None:
        wanted = dtypes.as_dtype(dtype, function=function)
    distance = lax.mul(convert(d, wanted), literal(n, wanted))
    numbers = np.asarray(places, np.int64).astype(wanted)
    made = lax.div(numbers, distance)
    return at_place(made, device)


def fftshift(x: ArrayLike, axes: int | Sequence[int] | None = None) -> Array:
    """Move the frequency zero from the start of each axis to its middle.

    Args:
        x: an array.
        axes: one axis or several; by default all.

    Raises:
        ValueError: an axis does not exist or is given twice.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.fftshift(jnp.fft.fftfreq(4)).tolist()
        [-0.5, -0.25, 0.0, 0.25]
    """
    return _shifted("fftshift", x, axes, lambda size: size // 2)


def ifftshift(x: ArrayLike, axes: int | Sequence[int] | None = None) -> Array:
    """Inverse of `fftshift`, with the same arguments.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fft.ifftshift(jnp.array([-0.5, -0.25, 0.0, 0.25])).tolist()
        [0.0, 0.25, -0.5, -0.25]
    """
    return _shifted("ifftshift", x, axes, lambda size: -(size // 2))


def _shifted(function: str, x: Any, axes: Any, by: Any) -> Array:
    type = type_of(function, "x", x)
    given = range(type.ndim) if axes is None else axes
    places = as_axes(function, given, type.ndim, "axes")
    return roll(x, [by(type.shape[axis]) for axis in places], places)
