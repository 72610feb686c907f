"""Rows of `_special`."""

import numpy as np
import scipy.special

from dolmen.core import _special as special
from dolmen.core._special import _bessel, _beta, _gamma, _zeta

from .rows import FLOATS, SHAPES, Row, uniform

SINGLE_AND_DOUBLE = ("float32", "float64")


def shape_and_point(rng, shape):
    """Both sides of the point where the series gives way to the fraction."""
    a = np.asarray(np.exp(rng.uniform(-1, 4, shape)))
    return [a, np.asarray(a * rng.uniform(0.5, 2, shape))]


def beta_point(rng, shape):
    a, b = np.exp(rng.uniform(-1, 2, (2, *shape)))
    return [np.asarray(a), np.asarray(b), np.asarray(rng.uniform(0.1, 0.9, shape))]


def exponent_and_point(rng, shape):
    x, q = rng.uniform(1.5, 5, shape), rng.uniform(0.5, 3, shape)
    return [np.asarray(x), np.asarray(q)]


def igamma_grad_a(a, x):
    """The derivative of SciPy's function by differences of the fourth order."""
    h = 1e-3 * a
    near = scipy.special.gammainc(a + h, x) - scipy.special.gammainc(a - h, x)
    far = scipy.special.gammainc(a + 2 * h, x) - scipy.special.gammainc(a - 2 * h, x)
    return (8 * near - far) / (12 * h)


def random_gamma_grad(a, x):
    """The derivative of SciPy's quantile by differences of the fourth order."""
    p, q = scipy.special.gammainc(a, x), scipy.special.gammaincc(a, x)

    def quantile(a):
        lower = scipy.special.gammaincinv(a, p)
        return np.where(p < 0.5, lower, scipy.special.gammainccinv(a, q))

    h = 1e-3 * a
    near, far = quantile(a + h) - quantile(a - h), quantile(a + 2 * h)
    return (8 * near - (far - quantile(a - 2 * h))) / (12 * h)


def two(primitive, function, oracle, draw, smooth, dtypes, slack=1.0):
    """A function of several real numbers."""
    return Row(primitive, function, oracle, draw, SHAPES, dtypes, smooth, slack)


ROWS = [
    # exp(y) magnifies the rounding of y, here up to 30.
    two(
        _gamma.Igamma,
        special.igamma,
        scipy.special.gammainc,
        shape_and_point,
        (1,),
        FLOATS,
        5.0,
    ),
    two(
        _gamma.Igammac,
        special.igammac,
        scipy.special.gammaincc,
        shape_and_point,
        (1,),
        FLOATS,
        5.0,
    ),
    two(
        _gamma.IgammaGradA,
        special.igamma_grad_a,
        igamma_grad_a,
        shape_and_point,
        (1,),
        ("float32",),
        5.0,
    ),
    # log(x) - digamma(a) cancels, the oracle is good to 1e-8.
    two(
        _gamma.RandomGammaGrad,
        special.random_gamma_grad,
        random_gamma_grad,
        shape_and_point,
        (),
        ("float32",),
        20.0,
    ),
    two(
        _beta.Betainc,
        special.betainc,
        scipy.special.betainc,
        beta_point,
        (2,),
        SINGLE_AND_DOUBLE,
        10.0,
    ),
    two(
        _bessel.BesselI0e,
        special.bessel_i0e,
        scipy.special.i0e,
        uniform(0.1, 20),
        (0,),
        FLOATS,
    ),
    two(
        _bessel.BesselI1e,
        special.bessel_i1e,
        scipy.special.i1e,
        uniform(-20, 20),
        (0,),
        FLOATS,
    ),
    two(
        _zeta.Zeta,
        special.zeta,
        scipy.special.zeta,
        exponent_and_point,
        (1,),
        SINGLE_AND_DOUBLE,
        5.0,
    ),
]
