"""Spectra of power, averaged over segments of a signal.

Source: Welch, "The use of the fast Fourier transform for the estimation of power
spectra", IEEE Transactions on Audio and Electroacoustics 15 (1967).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import ArrayType, value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import body, jit_when_eager
from ...numpy._manipulation import as_array, as_axis
from ...numpy._promotion import convert, type_of
from ._segments import (
    Cut,
    as_trend,
    check_rate,
    is_onesided,
    pad_last,
    sizes_of,
    spectra,
    wide_enough,
    windowed,
)


def welch(
    x: ArrayLike,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: str | bool | Callable[[Any], Any] | None = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Array, Array]:
    """Spectrum of power of a signal, by Welch's method.

    Args:
        x: an array of numbers, sampled in time along `axis`.
        fs: samples per unit of time.
        window: what segments are multiplied with: a name, or a tuple of a name and
            parameters, as `scipy.signal.get_window` takes them, or an array
            ``[nperseg]``.
        nperseg: elements of a segment; by default those of `window`, or 256, or all
            there are.
        noverlap: elements that a segment shares with the next; by default half.
        nfft: points of the Fourier transform; segments are continued by zeros.
        detrend: what each segment is freed of: a `type` of `detrend`, or False for
            nothing; or a function of arrays whose segments lie along `axis`.
        return_onesided: for real signals, only frequencies of at least 0, with the
            power of both signs.
        scaling: "density" gives power per frequency, "spectrum" power.
        axis: of time.
        average: "mean", or "median", which outliers don't spoil.

    Returns:
        The frequencies, ``[nfft // 2 + 1]`` or ``[nfft]``, and the powers, in the shape
        of `x` with these along `axis`.

    Raises:
        TypeError: `x` is no array, or `window` neither name nor real array.
        ValueError: sizes don't fit, or there is no such axis, window or option.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> x = jnp.cos(jnp.arange(64) * jnp.pi / 2)
        >>> frequencies, powers = signal.welch(x, nperseg=16)
        >>> frequencies[powers.argmax()].item()
        0.25
    """
    return _power_spectrum(
        "welch",
        x,
        None,
        fs,
        window,
        (nperseg, noverlap, nfft),
        detrend,
        return_onesided,
        scaling,
        axis,
        average,
    )


def csd(
    x: ArrayLike,
    y: ArrayLike | None,
    fs: ArrayLike = 1.0,
    window: Any = "hann",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: str | bool | Callable[[Any], Any] | None = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Array, Array]:
    """Cross spectrum of power of two signals, by Welch's method.

    Args:
        x: an array of numbers, sampled in time along `axis`.
        y: another one with as many axes; the shorter one is continued by zeros, along
            other axes they broadcast. None means `x` itself, as in `welch`.
        fs: as in `welch`, like all that follow.
        window: what segments are multiplied with.
        nperseg: elements of a segment.
        noverlap: elements that a segment shares with the next.
        nfft: points of the Fourier transform.
        detrend: what each segment is freed of.
        return_onesided: only frequencies of at least 0.
        scaling: "density" or "spectrum".
        axis: of time.
        average: "mean" or "median".

    Returns:
        The frequencies, and the averages of ``conj(X) * Y``: complex, unless `y` is
        None.

    Raises:
        TypeError: as in `welch`.
        ValueError: as in `welch`, or `x` and `y` don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> time = jnp.arange(64) * jnp.pi / 2
        >>> frequencies, powers = signal.csd(jnp.cos(time), jnp.sin(time), nperseg=16)
        >>> jnp.angle(powers[4]).round(3)
        Array(-1.571, dtype=float32)
    """
    return _power_spectrum(
        "csd",
        x,
        y,
        fs,
        window,
        (nperseg, noverlap, nfft),
        detrend,
        return_onesided,
        scaling,
        axis,
        average,
    )


def _power_spectrum(
    function: str,
    x: Any,
    y: Any,
    fs: Any,
    window: Any,
    sizes: tuple[int | None, int | None, int | None],
    detrend: Any,
    onesided: bool,
    scaling: str,
    axis: int,
    average: str,
) -> tuple[Array, Array]:
    types = [type_of(function, "x", x)]
    if y is not None:
        types.append(type_of(function, "y", y))
        if types[0].ndim != types[1].ndim:
            raise value_error(
                f"{function}: `x` and `y` must have equally many axes: `x` is "
                f"{types[0]!r}, `y` is {types[1]!r}."
            )
    place = as_axis(function, axis, types[0].ndim)
    for name, given, known in (
        ("scaling", scaling, ("density", "spectrum")),
        ("average", average, ("mean", "median")),
    ):
        if given not in known:
            raise value_error(
                f"{function}: `{name}` must be {known[0]!r} or {known[1]!r}, got "
                f"{given!r}."
            )
    check_rate(function, fs)
    trend = as_trend(function, detrend, place, types[0].ndim)
    dtype = wide_enough(types)
    signals = [
        jnp.moveaxis(as_array(convert(v, dtype)), place, -1)
        for v in (x, y)
        if v is not None
    ]
    shape = _common_shape(function, types, place)
    if 0 in shape:
        empty = jnp.zeros(shape, dtype).real
        return empty, empty if y is None else lax.complex(empty, empty)
    nperseg, noverlap, nfft = sizes
    nperseg, made = windowed(function, window, nperseg, shape[-1])
    size, step, points = sizes_of(function, nperseg, noverlap, nfft)
    run = body(_averaged) if callable(trend) else _averaged
    return run(
        signals,
        made,
        fs,
        cut=Cut(size, step, points, trend),
        onesided=is_onesided(function, onesided, dtype),
        density=scaling == "density",
        median=average == "median",
        axis=place,
    )


def _common_shape(
    function: str, types: Sequence[ArrayType], axis: int
) -> tuple[int, ...]:
    """Shape of the signals, time last: there the longest, elsewhere broadcast."""
    outer = [type.shape[:axis] + type.shape[axis + 1 :] for type in types]
    length = max(type.shape[axis] for type in types)
    if any(not type.shape[axis] for type in types):
        length = 0
    try:
        return (*np.broadcast_shapes(*outer), length)
    except ValueError:
        raise value_error(
            f"{function}: `x` and `y` don't broadcast along the axes beside axis "
            f"{axis}: `x` is {types[0]!r}, `y` is {types[1]!r}."
        ) from None


@jit_when_eager(
    static_argnames=("cut", "onesided", "density", "median", "axis"),
)
def _averaged(
    signals: list[Any],
    window: Any,
    fs: Any,
    *,
    cut: Cut,
    onesided: bool,
    density: bool,
    median: bool,
    axis: int,
) -> tuple[Any, Any]:
    length = max(typeof(x).shape[-1] for x in signals)
    signals = [pad_last(x, 0, length - typeof(x).shape[-1]) for x in signals]
    made = [spectra(x, window, cut, onesided) for x in signals]
    if len(made) == 1:
        powers = made[0].real ** 2 + made[0].imag ** 2
    else:
        powers = made[0].conj() * made[1]
    dtype = powers.real.dtype
    window, fs = convert(window, dtype), convert(fs, dtype)
    powers = powers / (fs * (window**2).sum() if density else window.sum() ** 2)
    if onesided:
        # Frequencies of both signs, but for 0 and, of an even number, the highest.
        factors = np.full(typeof(powers).shape[-1], 2, dtype)
        factors[0] = 1
        if cut.points % 2 == 0:
            factors[-1] = 1
        powers = powers * factors
    powers = _median(powers) if median else powers.mean(-2)
    return frequencies(cut.points, fs, onesided), jnp.moveaxis(powers, -1, axis)


def frequencies(points: int, fs: Any, onesided: bool) -> Any:
    """The frequencies of a transform, in the dtype of `fs`."""
    make = np.fft.rfftfreq if onesided else np.fft.fftfreq
    return lax.mul(make(points).astype(typeof(fs).dtype), fs)


def _median(powers: Any) -> Any:
    """Median over segments, without the bias it has for exponential distributions.

    Source: Allen et al., "FINDCHIRP", Physical Review D 85 (2012), appendix B.
    """
    even = 2 * np.arange(1, (typeof(powers).shape[-2] - 1) // 2 + 1)
    bias = 1 + float((1 / (even + 1) - 1 / even).sum())
    if jnp.iscomplexobj(powers):
        parts = [jnp.median(part, -2) / bias for part in (powers.real, powers.imag)]
        return lax.complex(*parts)
    return jnp.median(powers, -2) / bias
