"""A signal cut into overlapping segments, and segments added up to a signal."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import ArrayType, dtypes, value_error, warn
from ..._tracing import typeof
from ...numpy._manipulation import as_shape
from ...numpy._promotion import convert, to_inexact, type_of
from ._trends import detrend
from ._windows import as_window


class Cut(NamedTuple):
    """How a signal is cut into segments, and what is done with each.

    Attributes:
        size: elements of a segment.
        step: from the start of a segment to the start of the next one.
        points: of the Fourier transform; segments are continued by zeros.
        trend: what is subtracted: a `type` of `detrend`, a function, or None.
        margin: elements added at either end of the signal.
        extension: where those come from: a mode of `_extended`.
        padded: whether zeros complete the last segment, rather than nothing.
    """

    size: int
    step: int
    points: int
    trend: str | Callable[[Any], Any] | None = None
    margin: int = 0
    extension: str = "zeros"
    padded: bool = False


def as_size(function: str, name: str, given: int) -> int:
    """A user's number of elements; it may still be negative.

    Raises:
        TypeError: it is not an integer, or is traced.
    """
    (size,) = as_shape(function, (given,), name)
    return size


def sizes_of(
    function: str, size: int, overlap: int | None, points: int | None
) -> tuple[int, int, int]:
    """Size, step and number of points of segments, checked."""
    if size < 1:
        raise value_error(f"{function}: `nperseg` must be positive, got {size}.")
    points = size if points is None else as_size(function, "nfft", points)
    if points < size:
        raise value_error(
            f"{function}: `nfft` must not be less than `nperseg`: {points} < {size}."
        )
    overlap = size // 2 if overlap is None else as_size(function, "noverlap", overlap)
    if overlap >= size:
        raise value_error(
            f"{function}: `noverlap` must be less than `nperseg`: {overlap} >= {size}."
        )
    return size, size - overlap, points


def wide_enough(types: Sequence[ArrayType]) -> np.dtype:
    """The dtype in which signals are transformed: inexact, of at least single."""
    dtype, _ = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    dtype = to_inexact(dtype)
    return dtype if dtype.itemsize >= 4 else np.dtype("float32")


def check_rate(function: str, fs: Any) -> None:
    """Raise unless `fs` is one number."""
    type = type_of(function, "fs", fs)
    if type.ndim:
        raise value_error(f"{function}: `fs` must be a number, got {type!r}.")


def is_onesided(function: str, wanted: bool, dtype: np.dtype) -> bool:
    """Whether half of a spectrum tells all."""
    if wanted and dtypes.kind(dtype) == "c":
        warn(
            f"{function}: the spectrum of complex numbers has two sides: "
            "`return_onesided` is False."
        )
        return False
    return bool(wanted)


def as_trend(function: str, given: Any, axis: int, ndim: int) -> Any:
    """The user's `detrend`, as an attribute of `Cut`."""
    if given is None or given is False:
        return None
    if callable(given):
        free: Callable[..., Any] = given
        if axis == ndim - 1:
            return free
        return lambda x: jnp.moveaxis(free(jnp.moveaxis(x, -1, axis)), axis, -1)
    if given not in ("linear", "constant"):
        raise value_error(
            f"{function}: `detrend` must be 'linear', 'constant', False or a function, "
            f"got {given!r:.60}."
        )
    return given


def windowed(
    function: str, window: Any, nperseg: int | None, length: int
) -> tuple[int, Any]:
    """Size of the segments of a signal with `length` elements, and their window."""
    if nperseg is not None:
        nperseg = as_size(function, "nperseg", nperseg)
        if nperseg < 1:
            raise value_error(f"{function}: `nperseg` must be positive, got {nperseg}.")
    if isinstance(window, str | tuple):
        size = min(256 if nperseg is None else nperseg, length)
        if nperseg is not None and nperseg > length:
            warn(
                f"{function}: the signal has only {length} elements: `nperseg` is "
                f"{length} instead of {nperseg}."
            )
        return size, as_window(function, window, size)
    made = as_window(function, window, 0)
    size = typeof(made).shape[0]
    if nperseg is not None and nperseg != size:
        raise value_error(
            f"{function}: `window` must have `nperseg` elements, got {size} for "
            f"nperseg={nperseg}."
        )
    if size > length:
        raise value_error(
            f"{function}: `window` must not be longer than the signal: {size} > "
            f"{length}."
        )
    return size, made


def spectra(x: Any, window: Any, cut: Cut, onesided: bool) -> Any:
    """``[..., time]`` to ``[..., segments, points]``, the transforms of segments."""
    if cut.margin:
        x = _extended(x, cut.margin, cut.extension)
    if cut.padded:
        missing = (cut.size - typeof(x).shape[-1]) % cut.step % cut.size
        x = pad_last(x, 0, missing)
    made = cut_up(x, cut.size, cut.step)
    if callable(cut.trend):
        made = cut.trend(made)
    elif cut.trend is not None:
        made = detrend(made, type=cut.trend)
    made = made * convert(window, made.real.dtype)
    transform = jnp.fft.rfft if onesided else jnp.fft.fft
    return transform(made, cut.points)


def cut_up(x: Any, size: int, step: int) -> Any:
    """``[..., time]`` to ``[..., segments, size]``; a last part is left out.

    Segments are made of blocks of `step` elements: that takes slices instead of a
    gather, here and in the derivative.
    """
    length = typeof(x).shape[-1]
    count, blocks = (length - size) // step + 1, -(-size // step)
    wanted = (count + blocks - 1) * step
    x = pad_last(x, 0, wanted - length)
    x = x.reshape(*typeof(x).shape[:-1], count + blocks - 1, step)
    parts = [x[..., i : i + count, :] for i in range(blocks)]
    return jnp.concatenate(parts, -1)[..., :size]


def add_up(segments: Any, step: int) -> Any:
    """``[..., segments, size]`` to ``[..., time]``: the transpose of `cut_up`."""
    *outer, count, size = typeof(segments).shape
    blocks = -(-size // step)
    padded = pad_last(segments, 0, blocks * step - size)
    total: Any = 0
    for i in range(blocks):
        part = padded[..., i * step : (i + 1) * step]
        edges = [(0, 0)] * len(outer) + [(i, blocks - 1 - i), (0, 0)]
        total = total + jnp.pad(part, edges)
    flat = total.reshape(*outer, (count + blocks - 1) * step)
    return flat[..., : (count - 1) * step + size]


def pad_last(x: Any, before: int, after: int) -> Any:
    """Zeros around the last axis; negative numbers cut."""
    whole = [(0, 0, 0)] * (typeof(x).ndim - 1)
    return lax.pad(x, 0, [*whole, (before, after, 0)])


def _extended(x: Any, margin: int, extension: str) -> Any:
    """A signal going on at both ends.

    Args:
        extension: "zeros"; "constant" repeats the ends; "even" mirrors the signal at
            its ends, "odd" turns it about them by half a circle.
    """
    if extension == "zeros":
        return pad_last(x, margin, margin)
    first, last = x[..., :1], x[..., -1:]
    if extension == "constant":
        before, after = (jnp.repeat(end, margin, -1) for end in (first, last))
    else:
        before = jnp.flip(x[..., 1 : margin + 1], -1)
        after = jnp.flip(x[..., -margin - 1 : -1], -1)
        if extension == "odd":
            before, after = 2 * first - before, 2 * last - after
    return jnp.concatenate([before, x, after], -1)
