"""Discrete Fourier transforms of the last axes.

All are linear. `FFT` and `IFFT` are symmetric matrices, so each is its own transpose.
The other two drop what Hermitian symmetry repeats; their transposes follow from the
pairing ``Re(sum(ct * z))`` of complex numbers.
"""

import enum
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import (
    ArrayType,
    Primitive,
    array_type,
    as_integers,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import as_array, bind, typeof
from . import _arithmetic, _conversion, _pad, _shape
from ._elementwise import constant_like

_FLOATS = np.dtype("float32"), np.dtype("float64")
_COMPLEX_OF = {np.dtype("float64"): np.dtype("complex128")}
_FLOAT = np.dtype("float64")


class FftType(enum.Enum):
    """Which transform `fft` computes.

    Attributes:
        FFT: forward, complex to complex.
        IFFT: inverse, complex to complex; divided by the number of elements.
        RFFT: forward, real to complex; the last axis keeps its first ``n // 2 + 1``
            elements, which determine the others.
        IRFFT: inverse of `RFFT`.
    """

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


def fft(x: Any, fft_type: FftType | str, fft_lengths: Sequence[int]) -> Any:
    """Discrete Fourier transform of the last axes.

    Args:
        x: at least as many axes as `fft_lengths` has sizes. `RFFT` takes real numbers,
            the others real or complex ones; narrow floats and integers are computed
            with in float32 (or the default floating-point dtype).
        fft_type: an `FftType` or its name.
        fft_lengths: one to three sizes, those of the transformed axes before `IRFFT`
            halves (or `RFFT` is going to halve) the last one.

    Returns:
        ``[..., *fft_lengths]``, complex, or real for `IRFFT`; the last size is
        ``n // 2 + 1`` for `RFFT`.

    Raises:
        TypeError: `RFFT` of complex numbers.
        ValueError: no such transform, or sizes don't match.

    Example:
        >>> from dolmen.core import lax
        >>> lax.fft(lax.full((4,), 1.0), "fft", (4,)).tolist()
        [(4+0j), 0j, 0j, 0j]
    """
    kind = _as_type(fft_type)
    dtype = typeof(x).dtype
    if not dtypes.is_inexact(dtype):
        dtype = dtypes.default(_FLOAT)
    if _conversion.real_dtype(dtype) not in _FLOATS:
        dtype = np.dtype("float32")  # narrower than the transforms XLA has
    if kind is not FftType.RFFT:
        dtype = _complex_dtype(dtype)
    lengths = as_integers("fft", "fft_lengths", fft_lengths)
    return bind(Fft(kind, lengths), _converted(x, dtype))


def _as_type(given: Any) -> FftType:
    found = given
    if isinstance(given, str):
        found = FftType.__members__.get(given.upper())
    if not isinstance(found, FftType):
        raise value_error(
            "fft: `fft_type` must be a `lax.FftType` or one of "
            f"{', '.join(map(repr, FftType.__members__))}, got {given!r}."
        )
    return found


def _complex_dtype(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind == "c" else _COMPLEX_OF.get(dtype, np.dtype("complex64"))


def _converted(x: Any, dtype: np.dtype) -> Any:
    if typeof(x).dtype == dtype and not typeof(x).weak_type:
        return x
    return _conversion.convert_element_type(as_array(x), dtype)


class Fft(Primitive):
    """Discrete Fourier transform of the last axes."""

    fft_type: FftType
    fft_lengths: tuple[int, ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Complex, or real for `IRFFT`; real transforms halve the last axis."""
        (x,) = arg_types
        kind, lengths = self.fft_type, self.fft_lengths
        if kind is FftType.RFFT and x.dtype.kind == "c":
            raise type_error(
                f"fft: RFFT is of real numbers, got {x!r}.",
                "Take the real part, or use FFT.",
            )
        if not 1 <= len(lengths) <= min(3, x.ndim):
            raise value_error(
                f"fft: `fft_lengths` must be one to three sizes of trailing axes, got "
                f"{lengths} for {x!r}."
            )
        halved = (*lengths[:-1], lengths[-1] // 2 + 1)
        is_real = kind in (FftType.RFFT, FftType.IRFFT)
        if is_real and lengths[-1] < 1:
            raise value_error(
                f"fft: {kind.name} needs at least one point, got fft_lengths={lengths}."
            )
        expected = halved if kind is FftType.IRFFT else lengths
        leading, last = x.shape[: -len(lengths)], x.shape[-len(lengths) :]
        if last != expected:
            raise value_error(
                f"fft: the last axes must have sizes {expected} for {kind.name} with "
                f"fft_lengths={lengths}, got {x!r}."
            )
        shape = leading + (halved if kind is FftType.RFFT else lengths)
        if kind is FftType.IRFFT:
            return array_type(shape, _conversion.real_dtype(x.dtype))
        return array_type(shape, _complex_dtype(x.dtype))

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """``5 n log2 n`` real operations of n complex points, half for real ones."""
        (x,) = arg_types
        points = math.prod(self.fft_lengths)
        count = math.prod(x.shape[: -len(self.fft_lengths)]) * points
        halves = self.fft_type in (FftType.FFT, FftType.IFFT)
        return math.ceil(5 * count * math.log2(max(points, 1)) * (1 + halves) / 2)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear."""
        (x,), (dx,) = primals, tangents
        return bind(self, x), bind(self, dx)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """See the module."""
        (ct,) = cotangents
        if self.fft_type is FftType.RFFT:
            return [self._transpose_rfft(ct)]
        if self.fft_type is FftType.IRFFT:
            return [self._transpose_irfft(ct)]
        return [bind(self, ct)]

    def _transpose_rfft(self, ct: Any) -> Any:
        """The symmetric matrix, with nothing at the elements that were dropped."""
        n = self.fft_lengths[-1]
        dropped = [(0, 0, 0)] * (typeof(ct).ndim - 1) + [(0, n - n // 2 - 1, 0)]
        full = _pad.pad(ct, constant_like(ct, 0), dropped)
        return _conversion.real(bind(Fft(FftType.FFT, self.fft_lengths), full))

    def _transpose_irfft(self, ct: Any) -> Any:
        """Elements that have a mirror image count twice in the inverse transform."""
        n = self.fft_lengths[-1]
        weights = np.full(n // 2 + 1, 2 / math.prod(self.fft_lengths))
        weights[0] /= 2
        if n % 2 == 0:
            weights[-1] /= 2
        spectrum = bind(Fft(FftType.RFFT, self.fft_lengths), ct)
        type = typeof(spectrum)
        weights = weights.astype(type.dtype)
        stretched = _shape.broadcast_in_dim(weights, type.shape, (type.ndim - 1,))
        return _arithmetic.mul(_conversion.conj(spectrum), stretched)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch axis goes before the transformed ones."""
        (x,), (axis,) = args, axes
        return bind(self, _shape.move_axis(x, axis, 0)), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.fft`, which leaves out arrays without elements."""
        (out,) = builder.out_types
        if not out.size:
            return builder.constant(np.zeros((), out.dtype), out)
        return builder.emit(
            "fft",
            args,
            fft_type=mlir.fft_type(self.fft_type.name),
            fft_length=mlir.int_array(self.fft_lengths),
        )
