"""Signals: convolution, trends, spectra; dtypes, options, wrong arguments."""

import numpy as np

MODES = ["full", "same", "valid"]
DTYPES = ["bool", "int32", "float16", "bfloat16", "float32", "complex64"]


def programs(api):
    core, jnp = api.core, api.jnp
    signal = api.module("scipy.signal")
    line, bit = jnp.array([0.5, 2.0, -1.0, 3.0, 1.5]), jnp.array([1.0, -2.0])
    plate = jnp.arange(12.0).reshape(3, 4) ** 0.5
    patch = jnp.array([[1.0, 2.0], [-3.0, 5.0]])
    wave = jnp.sin(jnp.arange(40.0) ** 1.5)
    pair = wave.reshape(2, 20)

    for name in ("convolve", "correlate", "fftconvolve"):
        f = getattr(signal, name)
        yield (
            f"{name}",
            lambda f=f: [
                [f(line, bit, mode), f(bit, line, mode), f(plate * 1j, patch, mode)]
                for mode in MODES
            ],
        )
        yield f"{name} of scalars", lambda f=f: f(jnp.array(2.0), jnp.array(3.0))
        yield f"{name} of different ranks", lambda f=f: f(plate, bit)
        yield f"{name} in an unknown mode", lambda f=f: f(line, bit, "half")
        yield (
            f"{name} of integers",
            lambda f=f: [
                f(jnp.arange(4), jnp.arange(2)),
                f(jnp.arange(4) > 1, jnp.arange(2)),
                f(jnp.arange(4), bit),
            ],
        )
        yield (
            f"grad of {name}",
            lambda f=f: core.grad(lambda x, y: jnp.sum(f(x, y) ** 2), (0, 1))(
                line, bit
            ),
        )
    for name in ("convolve", "correlate"):
        f = getattr(signal, name)
        yield (
            f"{name} by dtype",
            lambda f=f: [f(line.astype(d), bit.astype(d)) for d in DTYPES],
        )
        yield (
            f"{name} by fft",
            lambda f=f: [f(plate, patch * 1j, mode, method="fft") for mode in MODES],
        )
        yield f"{name} by no method", lambda f=f: f(line, bit, method="slow")
        yield f"{name} of nothing", lambda f=f: f(line[:0], bit)
    for name in ("convolve2d", "correlate2d"):
        f = getattr(signal, name)
        yield (
            f"{name}",
            lambda f=f: [
                [f(plate, patch, mode), f(patch * 1j, plate, mode)] for mode in MODES
            ],
        )
        yield f"{name} of lines", lambda f=f: f(line, bit)
        yield f"{name} with a boundary", lambda f=f: f(plate, patch, boundary="wrap")
        yield f"{name} filled", lambda f=f: f(plate, patch, fillvalue=1)
    yield "fftconvolve of nothing", lambda: signal.fftconvolve(line[:0], bit)
    yield (
        "fftconvolve along an axis",
        lambda: [
            signal.fftconvolve(plate, plate[:, 1:], mode, axes=[-1]) for mode in MODES
        ],
    )
    yield "fftconvolve along none", lambda: signal.fftconvolve(plate, plate, axes=[])
    yield "fftconvolve beside axes", lambda: signal.fftconvolve(plate, patch, axes=[1])
    yield "fftconvolve of lists", lambda: signal.fftconvolve([1.0], [2.0])

    yield (
        "detrend",
        lambda: [
            signal.detrend(line),
            signal.detrend(plate, 0),
            signal.detrend(plate * 1j, type="constant", bp=1),
            signal.detrend(wave, bp=[9, 30]),
            signal.detrend(jnp.arange(5) ** 2),
            signal.detrend(line[:1]),
        ],
    )
    yield "detrend by an unknown type", lambda: signal.detrend(line, type="l")
    yield "detrend beyond the end", lambda: signal.detrend(line, bp=7)
    yield "detrend in place", lambda: signal.detrend(line, overwrite_data=True)

    for name, f in (
        ("welch", signal.welch),
        (
            "csd",
            lambda x, *args, **kwargs: signal.csd(x, x[..., ::-1], *args, **kwargs),
        ),
        ("stft", signal.stft),
    ):
        yield (
            f"{name}",
            lambda f=f: [
                f(wave, nperseg=16),
                f(pair, 10, "hamming", nperseg=7, noverlap=3, nfft=8),
                f(wave, nperseg=9, return_onesided=False),
            ],
        )
        yield f"{name} by default", lambda f=f: f(wave)
        yield f"{name} of short signals", lambda f=f: f(line)
        yield f"{name} along an axis", lambda f=f: f(pair.T, nperseg=8, axis=0)
        yield (
            f"{name} by windows",
            lambda f=f: [
                f(wave, window=w, nperseg=16)
                for w in ("flattop", ("kaiser", 4.0), np.ones(16), "blackman")
            ],
        )
        yield (
            f"{name}, freed of trends",
            lambda f=f: [
                f(wave, nperseg=16, detrend=d)
                for d in (False, None, "constant", "linear", lambda x: x - 1)
            ],
        )
        yield (
            f"{name} of dtypes",
            lambda f=f: [
                f(wave.astype(d), nperseg=16) for d in ("bool", "int32", "complex64")
            ],
        )
        yield (
            f"{name} of traced frequencies",
            lambda f=f: core.jit(lambda fs: f(wave, fs, nperseg=16))(3.0),
        )
        yield (
            f"grad of {name}",
            lambda f=f: core.grad(
                lambda x: jnp.sum(jnp.abs(f(x, nperseg=16)[-1]) ** 2)
            )(wave),
        )
        for label, wrong in (
            ("no elements", {"nperseg": 0}),
            ("too much overlap", {"nperseg": 16, "noverlap": 16}),
            ("few points", {"nperseg": 16, "nfft": 8}),
            ("an unknown window", {"nperseg": 16, "window": "glass"}),
            ("a wrong window", {"nperseg": 16, "window": np.ones(8)}),
            ("an unknown trend", {"nperseg": 16, "detrend": "square"}),
            ("a wrong axis", {"nperseg": 16, "axis": 1}),
        ):
            yield f"{name} with {label}", lambda f=f, wrong=wrong: f(wave, **wrong)
    yield (
        "welch, options",
        lambda: [
            signal.welch(pair, nperseg=8, scaling="spectrum"),
            signal.welch(pair, nperseg=8, average="median"),
            signal.csd(pair, pair[:1, ::-1], nperseg=8, average="median"),
            signal.csd(wave, wave[:20], nperseg=8),
            signal.csd(wave, None, nperseg=8),
        ],
    )
    yield "welch of nothing", lambda: [signal.welch(wave[:0]), signal.stft(pair[:, :0])]
    yield "welch with an unknown scaling", lambda: signal.welch(wave, scaling="energy")
    yield (
        "welch with no average",
        lambda: signal.welch(wave, nperseg=16, average="mode"),
    )
    yield "csd of different ranks", lambda: signal.csd(pair, wave)
    yield (
        "stft, boundaries",
        lambda: [
            signal.stft(wave, nperseg=8, boundary=b, padded=p)
            for b in (None, "zeros", "even", "odd", "constant")
            for p in (True, False)
        ],
    )
    yield (
        "stft with an unknown boundary",
        lambda: signal.stft(wave, nperseg=8, boundary="wrap"),
    )
    transforms = (pair + 1j * pair[::-1]).reshape(5, 8)
    yield (
        "istft",
        lambda: [
            signal.istft(transforms),
            signal.istft(transforms, 10, "boxcar", noverlap=2),
            signal.istft(transforms, input_onesided=False, boundary=False),
            signal.istft(transforms.T, time_axis=0, freq_axis=1),
            signal.istft(transforms, nperseg=6, nfft=8),
            signal.istft(transforms.real),
        ],
    )
    yield "istft of several signals", lambda: signal.istft(jnp.ones((2, 5, 4), complex))
    yield "istft of a line", lambda: signal.istft(wave)
    yield "istft along one axis", lambda: signal.istft(transforms, freq_axis=-1)
    yield "istft of few points", lambda: signal.istft(transforms, nfft=6)
    yield "istft by a wrong window", lambda: signal.istft(transforms, window=np.ones(3))
    yield "istft of lists", lambda: signal.istft([[1.0]])
