"""Rows of `_ops/_fft.py`."""

import functools

import numpy as np

from dolmen.core._ops import _fft as ops

from .rows import COMPLEX, Row, disc, uniform

FLOATS = ("float32", "float64")


def rows(kind, oracle, draw, shapes, dtypes, count, output=None):
    def lengths(x):
        if output is None:
            return x.shape[x.ndim - count :]
        return (*x.shape[x.ndim - count : -1], output)

    def function(x):
        return ops.fft(x, kind, lengths(x))

    def expected(x):
        return oracle(x, lengths(x), range(-count, 0))

    label = f"{kind.name}{count}{output or ''}"
    return Row(ops.Fft, function, expected, draw, shapes, dtypes, (0,), 8.0, label)


complex_rows = functools.partial(rows, draw=disc(1.0), dtypes=COMPLEX)
real_rows = functools.partial(rows, draw=uniform(-1.0, 1.0), dtypes=FLOATS)

ROWS = [
    complex_rows(ops.FftType.FFT, np.fft.fftn, shapes=((0, 3), (2, 5)), count=1),
    complex_rows(ops.FftType.IFFT, np.fft.ifftn, shapes=((1,), (2, 4)), count=1),
    complex_rows(ops.FftType.FFT, np.fft.fftn, shapes=((2, 3, 2, 4),), count=3),
    real_rows(ops.FftType.RFFT, np.fft.rfftn, shapes=((1,), (0, 3), (2, 5)), count=1),
    real_rows(ops.FftType.RFFT, np.fft.rfftn, shapes=((2, 3, 4),), count=2),
    complex_rows(
        ops.FftType.IRFFT, np.fft.irfftn, shapes=((0, 3), (2, 3)), count=1, output=4
    ),
    complex_rows(ops.FftType.IRFFT, np.fft.irfftn, shapes=((2, 3),), count=1, output=5),
    complex_rows(
        ops.FftType.IRFFT, np.fft.irfftn, shapes=((2, 3, 3),), count=2, output=4
    ),
]
