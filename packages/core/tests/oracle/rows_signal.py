"""Rows of `scipy.signal`."""

import numpy as np
import scipy.signal

from .rows import Row

RNG = np.random.default_rng(7)
LONG, SHORT, EVEN = (RNG.normal(size=n) for n in (5, 3, 2))
PLATE, PATCH, STRIP = (RNG.normal(size=s) for s in ((3, 4), (2, 2), (4, 1)))
COMPLEX = PLATE + 1j * PLATE[::-1]
TURNED = PATCH - 2j * PATCH.T
WAVE = RNG.normal(size=21).cumsum()
PAIR = RNG.normal(size=(2, 21))
OTHER = RNG.normal(size=(2, 21))
MODES = ("full", "same", "valid")
SIZES = {"nperseg": 8, "noverlap": 5}
TRANSFORMS = RNG.normal(size=(5, 2, 6)) + 1j * RNG.normal(size=(5, 2, 6))


def product(name, label, *args, swapped=False, smooth=(), modes=MODES, **options):
    """A row of a function of two operands and a mode, perhaps in both orders."""

    def call(f, x, y):
        pairs = [(x, y), (y, x)][: 1 + swapped]
        return [f(*pair, mode, **options) for pair in pairs for mode in modes]

    name = f"scipy.signal.{name}"
    return Row(name, args, call, None, smooth, 4.0, mapped=False, label=label)


def spectral(name, label, call, *args, oracle=None, smooth=(), mapped=False):
    name = f"scipy.signal.{name}"
    return Row(name, args, call, oracle, smooth, 20.0, mapped=mapped, label=label)


def less_mean(x):
    return x - x.mean(-1, keepdims=True)


ROWS = [
    product("convolve", "of lines", LONG, SHORT, swapped=True),
    product("convolve", "of plates", COMPLEX, TURNED, smooth=(0, 1), modes=["same"]),
    product("convolve", "crosswise", PLATE, STRIP, modes=["full", "same"]),
    product("convolve", "by fft", PLATE, PATCH, method="fft"),
    product("correlate", "of lines", LONG, EVEN, swapped=True),
    product("correlate", "of plates", COMPLEX, TURNED, smooth=(0, 1), modes=["full"]),
    product("correlate", "by fft", COMPLEX, TURNED, swapped=True, method="fft"),
    product("convolve2d", "", PLATE, PATCH, swapped=True),
    product("correlate2d", "", COMPLEX, TURNED, swapped=True),
    product("fftconvolve", "real", LONG, SHORT, swapped=True),
    product("fftconvolve", "complex", COMPLEX, TURNED, smooth=(0, 1), modes=["same"]),
    product("fftconvolve", "along an axis", PLATE, PLATE[:, 1:], axes=1),
    Row("scipy.signal.convolve", (LONG, SHORT), label="mapped"),
    Row("scipy.signal.correlate", (LONG, SHORT), label="mapped"),
    Row("scipy.signal.fftconvolve", (LONG, SHORT), slack=4.0, label="mapped"),
    Row(
        "scipy.signal.fftconvolve",
        (PLATE, PLATE),
        lambda f, x, y: f(x, y, axes=()),
        lambda x, y, axes: x * y,
        label="along no axis",
    ),
    spectral("detrend", "by default", lambda f, x: f(x), WAVE, mapped=True),
    spectral(
        "detrend", "broken", lambda f, x: f(x, bp=[9, 4, 20, 21, 4]), WAVE, smooth=(0,)
    ),
    spectral(
        "detrend",
        "constant",
        lambda f, x: [f(x, axis=0, type="constant", bp=1), f(x, 0)],
        COMPLEX,
    ),
    spectral("welch", "by default", lambda f, x: f(x, nperseg=21), WAVE, mapped=True),
    spectral(
        "welch",
        "of segments",
        lambda f, x: f(x.T, 50.0, "hamming", **SIZES, axis=0, detrend="linear"),
        PAIR,
    ),
    spectral(
        "welch",
        "median",
        lambda f, x: f(x, nperseg=7, noverlap=0, nfft=9, average="median"),
        PAIR,
    ),
    spectral(
        "welch",
        "by an array",
        lambda f, x, w: f(x, window=w, scaling="spectrum", detrend=False),
        WAVE,
        np.linspace(1, 2, 6),
        smooth=(0, 1),
    ),
    spectral(
        "welch",
        "both sides",
        lambda f, x: f(x, 2.0, ("tukey", 0.3), 8, return_onesided=False),
        PAIR + 1j * OTHER,
    ),
    spectral(
        "welch",
        "freed by a function",
        lambda f, x: f(x, nperseg=6, detrend=less_mean),
        PAIR,
    ),
    spectral(
        "csd",
        "median",
        lambda f, x, y: f(x, y, 10, **SIZES, average="median"),
        PAIR,
        OTHER,
        smooth=(0, 1),
    ),
    spectral(
        "csd",
        "of other lengths",
        lambda f, x, y: f(x, y, nperseg=8, axis=0),
        PAIR.T,
        OTHER.T[:18],
    ),
    spectral(
        "csd",
        "of itself",
        lambda f, x: f(x, None, nperseg=8),
        PAIR,
        oracle=lambda x, _, nperseg: scipy.signal.welch(x, nperseg=nperseg),
    ),
    spectral(
        "stft",
        "by default",
        lambda f, x: f(x, nperseg=8),
        WAVE,
        smooth=(0,),
        mapped=True,
    ),
    *(
        spectral(
            "stft",
            f"going on {how}",
            lambda f, x, how=how: f(x, 4.0, "blackman", 7, 3, 8, boundary=how),
            PAIR,
        )
        for how in ("even", "odd", "constant")
    ),
    spectral(
        "stft",
        "cut off",
        lambda f, x: f(x, nperseg=8, noverlap=7, boundary=None, padded=False, axis=0),
        PAIR.T,
    ),
    spectral(
        "stft",
        "both sides",
        lambda f, x: f(x, nperseg=8, return_onesided=False, detrend="constant"),
        PAIR,
    ),
    spectral(
        "istft",
        "by default",
        lambda f, z: f(z),
        TRANSFORMS[:, 0],
        smooth=(0,),
        mapped=True,
    ),
    spectral(
        "istft",
        "of other axes",
        lambda f, z: f(z, 9.0, "hamming", noverlap=6, time_axis=0, freq_axis=1),
        TRANSFORMS[:, 0].T,
    ),
    spectral(
        "istft",
        "both sides",
        lambda f, z: f(z, window="hamming", input_onesided=False, boundary=False),
        TRANSFORMS[:, 0],
    ),
    spectral(
        "istft",
        "of longer transforms",
        lambda f, z: f(z, window="boxcar", nperseg=6, nfft=8),
        TRANSFORMS[:, 0],
    ),
    spectral(
        "istft",
        "of odd segments",
        lambda f, z: f(z, nperseg=9, freq_axis=0)[1],
        TRANSFORMS,
    ),
]
