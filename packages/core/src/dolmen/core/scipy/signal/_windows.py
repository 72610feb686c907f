"""Windows by name: what segments are multiplied with before they are transformed."""

import importlib
from typing import Any

import numpy as np

from ..._ir import dtypes, type_error, value_error
from ...numpy._promotion import type_of

# Coefficients of cosine sums. Source: Heinzel, Ruediger and Schilling, "Spectrum and
# spectral density estimation by the discrete Fourier transform" (2002), appendix C;
# "flattop" is that of D'Antona and Ferrero, "Digital signal processing for measurement
# systems" (2006).
_COSINE_SUMS = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


def as_window(function: str, window: Any, size: int) -> Any:
    """A window of one axis, real: `window` itself, or what it names in `size` points.

    Args:
        function: for messages.
        window: an array; a name, or a tuple of a name and its parameters, as
            `scipy.signal.get_window` takes them.
        size: number of points of a named window.

    Raises:
        TypeError: `window` is neither, or complex.
        ValueError: it is an array with not one axis, or there is no such name.
    """
    if isinstance(window, str | tuple):
        return _named(function, window, size)
    type = type_of(function, "window", window)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"{function}: `window` must be real, got {type!r}.")
    if type.ndim != 1:
        raise value_error(
            f"{function}: `window` must be a name or have one axis, got {type!r}."
        )
    return window


def _named(function: str, window: Any, size: int) -> np.ndarray:
    sums = _COSINE_SUMS.get(window) if isinstance(window, str) else None
    if size > 1 and sums:
        angle = 2 * np.pi * np.arange(size) / size + np.pi
        return np.add.reduce([c * np.cos(k * angle) for k, c in enumerate(sums)])
    # The rest are special functions of static parameters. SciPy, which jaxlib depends
    # on, has them; its import is slow, so it waits for who needs it.
    make = importlib.import_module("scipy.signal").get_window
    try:
        return make(window, size)
    except ValueError as error:
        raise value_error(
            f"{function}: there is no window {window!r}: {error}",
            "Use a name that `scipy.signal.get_window` knows, or an array.",
        ) from None
