"""Signals: convolution, trends, and their spectra."""

from ._convolutions import (
    convolve as convolve,
    convolve2d as convolve2d,
    correlate as correlate,
    correlate2d as correlate2d,
    fftconvolve as fftconvolve,
)
from ._short_time import istft as istft, stft as stft
from ._spectra import csd as csd, welch as welch
from ._trends import detrend as detrend
