"""Rows of `_ops/_transcendental.py`."""

import numpy as np
import scipy.special

from dolmen.core._ops import _transcendental as ops

from .rows import COMPLEX, FLOATS, SHAPES, Row, disc, uniform


def real(primitive, function, oracle, low, high, slack=1.0):
    """A function of one real number, smooth between two bounds."""
    draw = uniform(low, high)
    return Row(primitive, function, oracle, draw, SHAPES, FLOATS, (0,), slack)


def holomorphic(primitive, function, oracle, center=0.0, slack=1.0):
    """A function of one complex number, smooth within 0.5 of a center."""
    return Row(
        primitive,
        function,
        oracle,
        disc(0.5, center=center),
        ((2, 3),),
        COMPLEX,
        (0,),
        slack,
        label="complex",
    )


def logistic(x):
    return 1 / (1 + np.exp(-x))


def zero_and_exponent(rng, shape):
    return [np.zeros(shape), np.asarray(rng.uniform(1.5, 3, shape))]


def whole_exponent(rng, shape):
    base = np.asarray(rng.uniform(-2, 2, shape))
    return [base, np.asarray(rng.integers(0, 4, shape), np.int32)]


def base_and_scalar(rng, shape):
    return [np.asarray(rng.uniform(0.5, 2, shape)), np.asarray(rng.uniform(-2, 2))]


def order_and_point(rng, shape):
    return [
        np.asarray(rng.integers(1, 4, shape), float),
        np.asarray(rng.uniform(0.5, 3, shape)),
    ]


def rsqrt(x):
    return 1 / np.sqrt(x)


def polygamma(m, x):
    return scipy.special.polygamma(m.astype(int), x)


ROWS = [
    real(ops.Exp, ops.exp, np.exp, -3, 3),
    holomorphic(ops.Exp, ops.exp, np.exp),
    real(ops.Exp2, ops.exp2, np.exp2, -3, 3),
    holomorphic(ops.Exp2, ops.exp2, np.exp2),
    real(ops.Expm1, ops.expm1, np.expm1, -2, 2),
    holomorphic(ops.Expm1, ops.expm1, np.expm1),
    real(ops.Log, ops.log, np.log, 0.1, 9),
    holomorphic(ops.Log, ops.log, np.log, 2.0),
    real(ops.Log1p, ops.log1p, np.log1p, -0.5, 5),
    holomorphic(ops.Log1p, ops.log1p, np.log1p, 1.0),
    real(ops.Sqrt, ops.sqrt, np.sqrt, 0.2, 9),
    holomorphic(ops.Sqrt, ops.sqrt, np.sqrt, 2.0),
    real(ops.Rsqrt, ops.rsqrt, rsqrt, 0.2, 9),
    holomorphic(ops.Rsqrt, ops.rsqrt, rsqrt, 2.0),
    real(ops.Cbrt, ops.cbrt, np.cbrt, 0.2, 9),
    real(ops.Sin, ops.sin, np.sin, -6, 6),
    holomorphic(ops.Sin, ops.sin, np.sin),
    real(ops.Cos, ops.cos, np.cos, -6, 6),
    holomorphic(ops.Cos, ops.cos, np.cos),
    real(ops.Tan, ops.tan, np.tan, -1, 1),
    holomorphic(ops.Tan, ops.tan, np.tan),
    real(ops.Asin, ops.asin, np.arcsin, -0.9, 0.9),
    holomorphic(ops.Asin, ops.asin, np.arcsin),
    real(ops.Acos, ops.acos, np.arccos, -0.9, 0.9),
    holomorphic(ops.Acos, ops.acos, np.arccos),
    real(ops.Atan, ops.atan, np.arctan, -3, 3),
    holomorphic(ops.Atan, ops.atan, np.arctan),
    real(ops.Sinh, ops.sinh, np.sinh, -3, 3),
    holomorphic(ops.Sinh, ops.sinh, np.sinh),
    real(ops.Cosh, ops.cosh, np.cosh, -3, 3),
    holomorphic(ops.Cosh, ops.cosh, np.cosh),
    real(ops.Tanh, ops.tanh, np.tanh, -3, 3),
    holomorphic(ops.Tanh, ops.tanh, np.tanh),
    real(ops.Asinh, ops.asinh, np.arcsinh, -3, 3),
    holomorphic(ops.Asinh, ops.asinh, np.arcsinh),
    real(ops.Acosh, ops.acosh, np.arccosh, 1.2, 5),
    holomorphic(ops.Acosh, ops.acosh, np.arccosh, -2.0 + 2.0j),
    real(ops.Atanh, ops.atanh, np.arctanh, -0.8, 0.8),
    holomorphic(ops.Atanh, ops.atanh, np.arctanh),
    real(ops.Logistic, ops.logistic, logistic, -5, 5),
    holomorphic(ops.Logistic, ops.logistic, logistic),
    real(ops.Erf, ops.erf, scipy.special.erf, -2, 2),
    # exp(-x**2) magnifies the rounding of x**2.
    real(ops.Erfc, ops.erfc, scipy.special.erfc, -2, 4, slack=5.0),
    real(ops.ErfInv, ops.erf_inv, scipy.special.erfinv, -0.9, 0.9),
    real(ops.Lgamma, ops.lgamma, scipy.special.gammaln, 0.5, 9, slack=5.0),
    real(ops.Digamma, ops.digamma, scipy.special.digamma, 0.5, 9, slack=5.0),
    Row(
        ops.Polygamma,
        ops.polygamma,
        polygamma,
        order_and_point,
        ((3,), (2, 3)),
        ("float32", "float64"),
        (1,),
        # A series of several terms in the working precision.
        slack=20.0,
    ),
    Row(ops.Pow, ops.pow, np.power, uniform(0.5, 2, 2), SHAPES, FLOATS, (0, 1)),
    Row(
        ops.Pow,
        ops.pow,
        np.power,
        base_and_scalar,
        SHAPES,
        FLOATS,
        (0, 1),
        label="scalar",
    ),
    Row(
        ops.Pow, ops.pow, np.power, whole_exponent, SHAPES, FLOATS, (0,), label="whole"
    ),
    Row(
        ops.Pow,
        ops.pow,
        np.power,
        disc(0.5, 2, 2.0),
        ((3,),),
        COMPLEX,
        (0, 1),
        label="c",
    ),
    Row(ops.Pow, ops.pow, np.power, zero_and_exponent, ((3,),), FLOATS, label="zero"),
]
