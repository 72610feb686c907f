"""Signals: dtypes, windows, warnings and wrong arguments."""

import numpy as np
import pytest
import scipy.signal

import dolmen.core as dc
from dolmen.core import numpy as jnp
from dolmen.core.scipy import signal

WAVE = np.random.default_rng(0).normal(size=20).astype(np.float32)
PLATE = np.ones((3, 4), np.float32)


@pytest.mark.parametrize(
    "window",
    [
        "boxcar",
        "hann",
        "hamming",
        "blackman",
        "nuttall",
        "blackmanharris",
        "flattop",
        "bohman",
        ("kaiser", 5.0),
    ],
)
@pytest.mark.parametrize("size", [1, 6, 7])
def test_windows_are_those_of_scipy(window, size):
    expected = scipy.signal.get_window(window, size)

    made = signal._windows.as_window("stft", window, size)

    np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-15)


def test_a_signal_is_found_again_in_its_transforms():
    x = dc.numpy.asarray(np.stack([WAVE, WAVE[::-1]]))

    *_, transforms = signal.stft(x, nperseg=6, noverlap=4, window="hamming")
    _, made = dc.jit(signal.istft, static_argnames=("window", "noverlap"))(
        transforms, window="hamming", noverlap=4
    )

    np.testing.assert_allclose(made[:, :20], x, atol=1e-6)


def test_times_of_several_signals_are_those_of_the_samples():
    transforms = jnp.ones((3, 5, 4), "complex64")

    times, made = signal.istft(transforms)

    assert (times.shape, made.shape) == ((12,), (3, 12))


@pytest.mark.parametrize("function", [signal.convolve, signal.fftconvolve])
def test_half_precision_stays(function):
    made = function(jnp.ones(4, "bfloat16"), jnp.ones(2, "bfloat16"))

    assert made.dtype == jnp.bfloat16
    assert made.tolist() == [1, 2, 2, 2, 1]


def test_spectra_of_half_precision_are_single():
    _, powers = signal.welch(WAVE.astype("float16"), nperseg=8)

    assert powers.dtype == jnp.float32


def test_a_window_has_a_derivative():
    window = jnp.linspace(1.0, 2.0, 4)

    def power(window):
        return signal.welch(WAVE, window=window)[1][1]

    slope = dc.grad(power)(window)
    scaled = dc.jvp(power, (window,), (window,))[1]

    assert slope.shape == (4,)
    assert abs(scaled) < 1e-6  # a scaled window measures the same power


def test_a_function_that_frees_of_a_trend_may_close_over_traced_values():
    def total(shift):
        _, powers = signal.welch(WAVE, nperseg=8, detrend=lambda x: x - shift)
        return powers[0]

    step = 1e-2
    expected = (total(1.0 + step) - total(1.0 - step)) / (2 * step)

    assert dc.jit(dc.grad(total))(1.0) == pytest.approx(float(expected), rel=1e-3)


def test_a_function_that_frees_of_a_trend_sees_segments_along_the_axis():
    x = jnp.asarray(np.stack([WAVE, WAVE[::-1]], 1))
    shapes = []

    signal.stft(x, nperseg=8, axis=0, detrend=lambda x: shapes.append(x.shape) or x)

    assert shapes == [(8, 2, 6)]


def test_spectra_of_nothing_are_empty():
    frequencies, powers = signal.csd(jnp.ones((2, 0)), jnp.ones((2, 3)))

    assert (frequencies.shape, powers.shape) == ((2, 0), (2, 0))
    assert powers.dtype == jnp.complex64


def test_a_short_signal_is_told():
    with pytest.warns(UserWarning, match="stft: the signal has only 20 elements"):
        _, _, made = signal.stft(WAVE)

    assert made.shape == (11, 3)


def test_complex_signals_with_one_side_are_told():
    with pytest.warns(UserWarning, match="`return_onesided` is False"):
        frequencies, _ = signal.welch(WAVE * 1j, nperseg=8)

    assert frequencies.shape == (8,)


@pytest.mark.parametrize(
    "call",
    [
        lambda: signal.detrend(WAVE, overwrite_data=True),
        lambda: signal.convolve2d(PLATE, PLATE, boundary="wrap"),
        lambda: signal.correlate2d(PLATE, PLATE, fillvalue=1),
    ],
)
def test_what_is_not_supported_is_told(call):
    with pytest.raises(NotImplementedError, match="support"):
        call()


ERRORS = [
    (
        lambda: signal.convolve([1.0], WAVE),
        TypeError,
        "convolve: `in1` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: signal.convolve(WAVE, PLATE),
        ValueError,
        "convolve: `in1` and `in2` must have equally many axes: `in1` is f32[20], "
        "`in2` is f32[3,4].",
    ),
    (
        lambda: signal.convolve(WAVE, WAVE, "half"),
        ValueError,
        "convolve: `mode` must be 'full', 'same' or 'valid', got 'half'.",
    ),
    (
        lambda: signal.correlate(WAVE, WAVE, method="slow"),
        ValueError,
        "correlate: `method` must be 'auto', 'direct' or 'fft', got 'slow'.",
    ),
    (
        lambda: signal.convolve(WAVE[:0], WAVE),
        ValueError,
        "convolve: `in1` and `in2` must not be empty: `in1` is f32[0], `in2` is "
        "f32[20].",
    ),
    (
        lambda: signal.fftconvolve(PLATE, PLATE.T, "valid"),
        ValueError,
        "fftconvolve: mode 'valid' wants one operand at least as large as the other "
        "along every axis: `in1` is f32[3,4], `in2` is f32[4,3].",
    ),
    (
        lambda: signal.fftconvolve(PLATE, PLATE[:2], axes=1),
        ValueError,
        "fftconvolve: sizes along axis 0, which is not among `axes`, must be equal: "
        "`in1` is f32[3,4], `in2` is f32[2,4].",
    ),
    (
        lambda: signal.convolve2d(WAVE, WAVE),
        ValueError,
        "convolve2d: `in1` and `in2` must have two axes: `in1` is f32[20], `in2` is "
        "f32[20].",
    ),
    (
        lambda: signal.detrend(WAVE, type="l"),
        ValueError,
        "detrend: `type` must be 'linear' or 'constant', got 'l'.",
    ),
    (
        lambda: signal.detrend(WAVE, bp=21),
        ValueError,
        "detrend: `bp` must be between 0 and 20, the size of axis 0, got (21,).",
    ),
    (
        lambda: signal.welch(WAVE, nperseg=0),
        ValueError,
        "welch: `nperseg` must be positive, got 0.",
    ),
    (
        lambda: signal.welch(WAVE, nperseg=8, fs=np.ones(1, np.float32)),
        ValueError,
        "welch: `fs` must be a number, got f32[1].",
    ),
    (
        lambda: signal.welch(WAVE, nperseg=8, noverlap=8),
        ValueError,
        "welch: `noverlap` must be less than `nperseg`: 8 >= 8.",
    ),
    (
        lambda: signal.stft(WAVE, nperseg=8, nfft=7),
        ValueError,
        "stft: `nfft` must not be less than `nperseg`: 7 < 8.",
    ),
    (
        lambda: signal.welch(WAVE, window=PLATE),
        ValueError,
        "welch: `window` must be a name or have one axis, got f32[3,4].",
    ),
    (
        lambda: signal.welch(WAVE, window=WAVE * 1j),
        TypeError,
        "welch: `window` must be real, got c64[20].",
    ),
    (
        lambda: signal.welch(WAVE, window=WAVE, nperseg=8),
        ValueError,
        "welch: `window` must have `nperseg` elements, got 20 for nperseg=8.",
    ),
    (
        lambda: signal.welch(WAVE[:4], window=WAVE),
        ValueError,
        "welch: `window` must not be longer than the signal: 20 > 4.",
    ),
    (
        lambda: signal.welch(WAVE, detrend="square"),
        ValueError,
        "welch: `detrend` must be 'linear', 'constant', False or a function, got "
        "'square'.",
    ),
    (
        lambda: signal.csd(WAVE, PLATE),
        ValueError,
        "csd: `x` and `y` must have equally many axes: `x` is f32[20], `y` is "
        "f32[3,4].",
    ),
    (
        lambda: signal.csd(PLATE, PLATE[:2]),
        ValueError,
        "csd: `x` and `y` don't broadcast along the axes beside axis 1: `x` is "
        "f32[3,4], `y` is f32[2,4].",
    ),
    (
        lambda: signal.csd(WAVE, WAVE, scaling="energy"),
        ValueError,
        "csd: `scaling` must be 'density' or 'spectrum', got 'energy'.",
    ),
    (
        lambda: signal.stft(WAVE, nperseg=8, boundary="wrap"),
        ValueError,
        "stft: `boundary` must be 'even', 'odd', 'constant', 'zeros' or None, got "
        "'wrap'.",
    ),
    (
        lambda: signal.istft(WAVE),
        ValueError,
        "istft: `Zxx` must have at least two axes, got f32[20].",
    ),
    (
        lambda: signal.istft(PLATE, freq_axis=1),
        ValueError,
        "istft: `time_axis` and `freq_axis` must differ, both are 1.",
    ),
    (
        lambda: signal.istft(PLATE, window=np.ones(3)),
        ValueError,
        "istft: `window` must have 4 elements, got f32[3].",
    ),
]


@pytest.mark.parametrize(("call", "error", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, error, expected):
    with pytest.raises(error) as caught:
        call()

    lines = str(caught.value).splitlines()
    assert "\n".join(s for s in lines if not s.startswith("  at ")) == expected


def test_an_unknown_window_is_told():
    with pytest.raises(ValueError, match="stft: there is no window 'glass'"):
        signal.stft(WAVE, nperseg=8, window="glass")
