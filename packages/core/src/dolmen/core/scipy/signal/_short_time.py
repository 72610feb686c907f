"""Fourier transforms of short times, and the signal they come from."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import body, jit_when_eager
from ...numpy._manipulation import as_array, as_axis
from ...numpy._promotion import convert, type_of
from ._segments import (
    Cut,
    add_up,
    as_size,
    as_trend,
    check_rate,
    is_onesided,
    sizes_of,
    spectra,
    wide_enough,
    windowed,
)
from ._spectra import frequencies
from ._windows import as_window

_BOUNDARIES = ("even", "odd", "constant", "zeros", None)


def stft(
    x: ArrayLike,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int = 256,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: str | bool | Callable[[Any], Any] | None = False,
    return_onesided: bool = True,
    boundary: str | None = "zeros",
    padded: bool = True,
    axis: int = -1,
) -> tuple[Array, Array, Array]:
    """Fourier transforms of overlapping segments of a signal.

    Args:
        x: an array of numbers, sampled in time along `axis`.
        fs: samples per unit of time.
        window: what segments are multiplied with: a name, or a tuple of a name and
            parameters, as `scipy.signal.get_window` takes them, or an array
            ``[nperseg]``.
        nperseg: elements of a segment.
        noverlap: elements that a segment shares with the next; by default half.
        nfft: points of the Fourier transform; segments are continued by zeros.
        detrend: what each segment is freed of, as in `welch`.
        return_onesided: for real signals, only frequencies of at least 0.
        boundary: how the signal goes on for half a segment at either end, so that its
            ends come to lie in the middle of segments: by "zeros", "constant", "even"
            (mirrored) or "odd" (turned); None if it does not.
        padded: continue by zeros until the last segment is complete, rather than leave
            the last elements out.
        axis: of time.

    Returns:
        The frequencies, the times of the segments' middles, and the transforms, with
        frequencies along `axis` and segments along a further, last axis; divided by the
        sum of the window.

    Raises:
        TypeError: `x` is no array, or `window` neither name nor real array.
        ValueError: sizes don't fit, or there is no such axis, window or option.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> _, times, transforms = signal.stft(jnp.ones(8), nperseg=4)
        >>> times.tolist(), transforms.shape
        ([0.0, 2.0, 4.0, 6.0, 8.0], (3, 5))
    """
    type = type_of("stft", "x", x)
    place = as_axis("stft", axis, type.ndim)
    check_rate("stft", fs)
    trend = as_trend("stft", detrend, place, type.ndim)
    if boundary not in _BOUNDARIES:
        raise value_error(
            "stft: `boundary` must be 'even', 'odd', 'constant', 'zeros' or None, got "
            f"{boundary!r}."
        )
    dtype = wide_enough([type])
    signal = jnp.moveaxis(as_array(convert(x, dtype)), place, -1)
    if not type.size:
        empty = jnp.zeros(type.shape, dtype).real
        return empty, empty, lax.complex(empty, empty)
    size, made = windowed("stft", window, nperseg, type.shape[place])
    size, step, points = sizes_of("stft", size, noverlap, nfft)
    margin = 0 if boundary is None else size // 2
    cut = Cut(size, step, points, trend, margin, boundary or "zeros", bool(padded))
    run = body(_stft) if callable(trend) else _stft
    onesided = is_onesided("stft", return_onesided, dtype)
    return run(signal, made, fs, cut=cut, onesided=onesided, axis=place)


@jit_when_eager(static_argnames=("cut", "onesided", "axis"))
def _stft(
    x: Any, window: Any, fs: Any, *, cut: Cut, onesided: bool, axis: int
) -> tuple[Any, Any, Any]:
    made = spectra(x, window, cut, onesided)
    dtype = made.real.dtype
    window, fs = convert(window, dtype), convert(fs, dtype)
    made = made / abs(window.sum())
    middles = np.arange(typeof(made).shape[-2]) * cut.step + cut.size / 2
    if cut.margin:
        middles = middles - cut.size / 2
    times = lax.div(middles.astype(dtype), fs)
    return frequencies(cut.points, fs, onesided), times, jnp.moveaxis(made, -1, axis)


def istft(
    Zxx: ArrayLike,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    input_onesided: bool = True,
    boundary: bool = True,
    time_axis: int = -1,
    freq_axis: int = -2,
) -> tuple[Array, Array]:
    """The signal whose `stft` is nearest to the given one.

    Args:
        Zxx: transforms of segments, as `stft` returns them.
        fs: samples per unit of time.
        window: that of `stft`.
        nperseg: elements of a segment; by default as many as the transforms have
            points, which are even in number.
        noverlap: elements that a segment shares with the next; by default half.
        nfft: points of the transforms, for those that are longer than segments.
        input_onesided: whether only frequencies of at least 0 are given.
        boundary: whether the signal went on for half a segment at either end.
        time_axis: of the segments.
        freq_axis: of the frequencies.

    Returns:
        The times, and the signal: real if `input_onesided`, with time in place of
        `time_axis` and without `freq_axis`. Elements that no window sees are 0.

    Raises:
        TypeError: `Zxx` is no array, or `window` neither name nor real array.
        ValueError: sizes don't fit, or there is no such axis or window.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> *_, transforms = signal.stft(jnp.array([1.0, 2, 3, 4]), nperseg=2)
        >>> times, x = signal.istft(transforms)
        >>> x.round(5).tolist()
        [1.0, 2.0, 3.0, 4.0]

    Source: Griffin and Lim, "Signal estimation from modified short-time Fourier
    transform", IEEE Transactions on Acoustics, Speech, and Signal Processing 32 (1984).
    """
    type = type_of("istft", "Zxx", Zxx)
    if type.ndim < 2:
        raise value_error(f"istft: `Zxx` must have at least two axes, got {type!r}.")
    time = as_axis("istft", time_axis, type.ndim, "time_axis")
    place = as_axis("istft", freq_axis, type.ndim, "freq_axis")
    if time == place:
        raise value_error(
            f"istft: `time_axis` and `freq_axis` must differ, both are {time}."
        )
    given = type.shape[place]
    points = max(2 * (given - 1), 1) if input_onesided else given
    size = points if nperseg is None else as_size("istft", "nperseg", nperseg)
    if nfft is None and input_onesided and size == points + 1:
        points = size  # an odd number of points
    points = max(points, size) if nfft is None else nfft
    check_rate("istft", fs)
    size, step, points = sizes_of("istft", size, noverlap, points)
    made = as_window("istft", window, size)
    if typeof(made).shape != (size,):
        raise value_error(
            f"istft: `window` must have {size} elements, got {typeof(made)!r}."
        )
    cut = Cut(size, step, points, margin=size // 2 if boundary else 0)
    return _istft(
        Zxx, made, fs, cut=cut, onesided=bool(input_onesided), axes=(time, place)
    )


@jit_when_eager(static_argnames=("cut", "onesided", "axes"))
def _istft(
    transforms: Any,
    window: Any,
    fs: Any,
    *,
    cut: Cut,
    onesided: bool,
    axes: tuple[int, int],
) -> tuple[Any, Any]:
    transforms = convert(transforms, wide_enough([typeof(transforms)]))
    transforms = jnp.moveaxis(as_array(transforms), axes, (-2, -1))
    inverse = jnp.fft.irfft if onesided else jnp.fft.ifft
    segments = inverse(transforms, cut.points)[..., : cut.size]
    dtype = segments.real.dtype
    window, fs = convert(window, dtype), convert(fs, dtype)
    total = add_up(segments * window * window.sum(), cut.step)
    count = typeof(segments).shape[-2]
    norm = add_up(jnp.broadcast_to(window**2, (count, cut.size)), cut.step)
    made = total / jnp.where(norm > 1e-10, norm, 1)
    made = made[..., cut.margin : typeof(made).shape[-1] - cut.margin]
    times = lax.div(np.arange(typeof(made).shape[-1]).astype(dtype), fs)
    time, place = axes
    return times, jnp.moveaxis(made, -1, time - (place < time))
