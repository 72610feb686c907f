"""Discrete cosine transforms.

Computed by one real Fourier transform of the same length, of the elements at even
places followed by those at odd places in reverse.

Source: Makhoul, "A fast cosine transform in one and two dimensions", IEEE Transactions
on Acoustics, Speech, and Signal Processing 28 (1980).
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from .._ir import value_error
from .._tracing import typeof
from ..numpy import fft, moveaxis
from ..numpy._array_like import Array, ArrayLike
from ..numpy._eager import jit_when_eager
from ..numpy._manipulation import as_axes, as_axis
from ..numpy._promotion import convert, to_inexact, type_of

__all__ = ["dct", "dctn", "idct", "idctn"]
__dir__ = __all__.copy

_NORMS = (None, "backward", "ortho", "forward")


def dct(
    x: ArrayLike,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
) -> Array:
    """Discrete cosine transform of type II along an axis.

    ``out[k] = 2 * sum(x[j] * cos(pi * k * (2 * j + 1) / (2 * n)) for j in range(n))``

    Args:
        x: an array of numbers with at least one axis; complex ones are transformed part
            by part.
        type: 2; others are not supported.
        n: number of points; `x` is cut, or continued by zeros. By default all there
            are.
        axis: which axis.
        norm: "backward" (the default) divides the inverse transform by ``2 * n``,
            "forward" this one; "ortho" makes the transform orthogonal.

    Returns:
        Floating point (complex for complex `x`), with `n` elements along `axis`; at
        least float32.

    Raises:
        NotImplementedError: another `type`.
        ValueError: `n` is not positive, or `axis` or `norm` does not exist.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.scipy.fft.dct(jnp.array([3.0])).tolist()
        [6.0]
    """
    return _along_axis("dct", _forward, x, type, n, axis, norm)


def idct(
    x: ArrayLike,
    type: int = 2,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
) -> Array:
    """Inverse of `dct`, with the same arguments.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.scipy.fft.idct(jnp.array([6.0])).tolist()
        [3.0]
    """
    return _along_axis("idct", _inverse, x, type, n, axis, norm)


def dctn(
    x: ArrayLike,
    type: int = 2,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """`dct` along several axes.

    Args:
        x: an array of numbers.
        type: as in `dct`.
        s: number of points along each of `axes`, as `n` of `dct`.
        axes: which axes, distinct; by default all, or the last ``len(s)``.
        norm: as in `dct`.

    Raises:
        NotImplementedError: as in `dct`.
        ValueError: `s` and `axes` differ in length, or as in `dct`.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.scipy.fft.dctn(jnp.ones((2, 1)), s=(1, 1)).tolist()
        [[4.0]]
    """
    return _along_axes("dctn", _forward, x, type, s, axes, norm)


def idctn(
    x: ArrayLike,
    type: int = 2,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Array:
    """Inverse of `dctn`, with the same arguments.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import scipy
        >>> scipy.fft.idctn(scipy.fft.dctn(jnp.eye(2))).round(3)
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return _along_axes("idctn", _inverse, x, type, s, axes, norm)


# ---- how they are computed ---------------------------------------------------------

_Transform = Callable[[Any, Any], Any]


def _along_axis(
    function: str,
    transform: _Transform,
    x: Any,
    kind: int,
    n: Any,
    axis: Any,
    norm: Any,
) -> Array:
    axis = as_axis(function, axis, type_of(function, "x", x).ndim)
    sizes = None if n is None else (n,)
    return _along_axes(function, transform, x, kind, sizes, (axis,), norm)


def _along_axes(
    function: str,
    transform: _Transform,
    x: Any,
    kind: int,
    s: Any,
    axes: Any,
    norm: Any,
) -> Array:
    type = type_of(function, "x", x)
    if kind != 2:
        raise NotImplementedError(f"{function}: only `type=2` is supported.")
    if norm not in _NORMS:
        raise value_error(
            f"{function}: `norm` must be 'backward', 'ortho' or 'forward', got "
            f"{norm!r}."
        )
    sizes = None if s is None else tuple(map(operator.index, s))
    if axes is None:
        axes = range(-type.ndim if sizes is None else -len(sizes), 0)
    axes = as_axes(function, tuple(axes), type.ndim, "axes")
    if sizes is None:
        sizes = tuple([type.shape[axis] for axis in axes])
    if len(sizes) != len(axes):
        raise value_error(
            f"{function}: `s` and `axes` must have equal lengths, got s={sizes} for "
            f"axes {axes}."
        )
    if min(sizes, default=1) < 1:
        raise value_error(
            f"{function}: the number of points must be positive, got {sizes}."
        )
    return _transformed(x, transform=transform, sizes=sizes, axes=axes, norm=norm)


@jit_when_eager(static_argnames=("transform", "sizes", "axes", "norm"))
def _transformed(
    x: Any,
    *,
    transform: _Transform,
    sizes: tuple[int, ...],
    axes: tuple[int, ...],
    norm: str | None,
) -> Any:
    dtype = to_inexact(typeof(x).dtype)
    x = convert(x, dtype if dtype.itemsize >= 4 else np.dtype("float32"))
    for n, axis in zip(sizes, axes, strict=True):
        moved = moveaxis(x, axis, -1)
        size = typeof(moved).shape[-1]
        whole = [(0, 0, 0)] * (typeof(moved).ndim - 1)
        moved = lax.pad(moved, 0, [*whole, (0, n - size, 0)])
        if typeof(moved).dtype.kind == "c":
            parts = lax.real(moved), lax.imag(moved)
            made = lax.complex(*(transform(part, norm) for part in parts))
        else:
            made = transform(moved, norm)
        x = moveaxis(made, -1, axis)
    return x


def _forward(x: Any, norm: str | None) -> Any:
    n = typeof(x).shape[-1]
    last = typeof(x).ndim - 1
    even = lax.slice_in_dim(x, 0, None, 2, last)
    odd = lax.slice_in_dim(x, 1, None, 2, last) if n > 1 else None
    if odd is not None:
        even = lax.concatenate([even, lax.rev(odd, (last,))], last)
    spectrum = fft.rfft(even)
    turned = lax.mul(spectrum, _along_last(_turns(n, -1), spectrum))
    # Element n - k is the negative imaginary part of element k.
    mirrored = lax.slice_in_dim(lax.imag(turned), 1, n - n // 2, 1, last)
    mirrored = lax.neg(lax.rev(mirrored, (last,)))
    made = lax.concatenate([lax.real(turned), mirrored], last)
    return lax.mul(made, _along_last(_scales(n, norm), made))


def _inverse(x: Any, norm: str | None) -> Any:
    n = typeof(x).shape[-1]
    last = typeof(x).ndim - 1
    x = lax.div(x, _along_last(_scales(n, norm), x))
    half = n // 2 + 1
    real = lax.slice_in_dim(x, 0, half, 1, last)
    mirrored = lax.rev(lax.slice_in_dim(x, n - n // 2, None, 1, last), (last,))
    imaginary = lax.pad(mirrored, 0, [(0, 0, 0)] * last + [(1, 0, 0)])
    spectrum = lax.complex(real, lax.neg(imaginary))
    turned = lax.mul(spectrum, _along_last(_turns(n, 1), spectrum))
    points = fft.irfft(turned, n)
    even = lax.slice_in_dim(points, 0, n - n // 2, 1, last)
    odd = lax.rev(lax.slice_in_dim(points, n - n // 2, None, 1, last), (last,))
    spaced = [(0, 0, 0)] * last
    even = lax.pad(even, 0, [*spaced, (0, 1 - n % 2, 1)])
    if n == 1:
        return even
    return lax.add(even, lax.pad(odd, 0, [*spaced, (1, n % 2, 1)]))


def _turns(n: int, sign: int) -> np.ndarray:
    """What turns the transform of the rearranged elements to the cosines' phase."""
    return np.exp(sign * 0.5j * np.pi * np.arange(n // 2 + 1) / n)


def _scales(n: int, norm: str | None) -> np.ndarray:
    """Factors of the forward transform."""
    scales = np.full(n, {"ortho": (2 / n) ** 0.5, "forward": 1 / n}.get(norm or "", 2))
    if norm == "ortho":
        scales[0] = n**-0.5
    return scales


def _along_last(factors: np.ndarray, x: Any) -> Any:
    type = typeof(x)
    return lax.broadcast_in_dim(
        factors.astype(type.dtype), type.shape, (type.ndim - 1,)
    )
