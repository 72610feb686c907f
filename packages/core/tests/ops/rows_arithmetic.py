"""Rows of `_ops/_arithmetic.py`."""

import numpy as np

from dolmen.core._ops import _arithmetic as ops

from .rows import COMPLEX, FLOATS, INTEGERS, SHAPES, Row, disc, integers, uniform

NUMBERS = (*FLOATS, *INTEGERS)


def binary(primitive, function, oracle, low=-3.0, high=3.0):
    """A smooth function of two numbers: real, complex, integer, one without axes."""
    return [
        Row(primitive, function, oracle, uniform(low, high, 2), SHAPES, FLOATS, (0, 1)),
        Row(
            primitive,
            function,
            oracle,
            scalar_and_array(low, high),
            smooth=(0, 1),
            label="scalar",
        ),
    ]


def scalar_and_array(low, high):
    def draw(rng, shape):
        return [
            np.asarray(rng.uniform(low, high)),
            np.asarray(rng.uniform(low, high, shape)),
        ]

    return draw


def of_complex(primitive, function, oracle, count, center=0.0):
    smooth = tuple(range(count))
    draw = disc(0.5, count, center)
    return Row(primitive, function, oracle, draw, ((3,),), COMPLEX, smooth, label="c")


def of_integers(primitive, function, oracle, count, low=1, high=9):
    draw = integers(low, high, count)
    return Row(primitive, function, oracle, draw, SHAPES, INTEGERS, label="integers")


def ties(rng, shape):
    values = np.asarray(rng.normal(size=shape))
    return [values, values.copy()]


def truncating_quotient(x, y):
    return np.trunc(x / y).astype(x.dtype)


def whole_numerator(rng, shape):
    """Quotients away from the integers, where the remainder jumps."""
    quotient = rng.integers(-3, 4, shape) + rng.uniform(0.2, 0.8, shape)
    divisor = rng.uniform(1, 2, shape)
    return [np.asarray(quotient * divisor), np.asarray(divisor)]


def lexicographic(choose):
    def of_pairs(x, y):
        pairs = [
            choose((a, b), key=lambda z: (z.real, z.imag))
            for a, b in zip(x.ravel(), y.ravel(), strict=True)
        ]
        return np.reshape(pairs, x.shape)

    return of_pairs


def powers_of(exponent):
    return lambda x: ops.integer_pow(
        x, exponent
    ), lambda x: x.astype(x.dtype) ** exponent


def complex_sign(z):
    return z / np.abs(z)


ROWS = [
    *binary(ops.Add, ops.add, np.add),
    of_complex(ops.Add, ops.add, np.add, 2),
    of_integers(ops.Add, ops.add, np.add, 2),
    *binary(ops.Sub, ops.sub, np.subtract),
    of_complex(ops.Sub, ops.sub, np.subtract, 2),
    Row(ops.Neg, ops.neg, np.negative, uniform(-3, 3), SHAPES, FLOATS, (0,)),
    of_complex(ops.Neg, ops.neg, np.negative, 1),
    *binary(ops.Mul, ops.mul, np.multiply),
    of_complex(ops.Mul, ops.mul, np.multiply, 2),
    of_integers(ops.Mul, ops.mul, np.multiply, 2),
    *binary(ops.Div, ops.div, np.divide, 0.5, 3),
    of_complex(ops.Div, ops.div, np.divide, 2, 1.0),
    of_integers(ops.Div, ops.div, truncating_quotient, 2),
    Row(ops.Rem, ops.rem, np.fmod, whole_numerator, smooth=(0, 1), dtypes=("float64",)),
    of_integers(ops.Rem, ops.rem, np.fmod, 2),
    *binary(ops.Max, ops.max, np.maximum),
    Row(ops.Max, ops.max, lexicographic(max), disc(1, 2), dtypes=COMPLEX, label="c"),
    of_integers(ops.Max, ops.max, np.maximum, 2),
    *binary(ops.Min, ops.min, np.minimum),
    Row(ops.Min, ops.min, lexicographic(min), disc(1, 2), dtypes=COMPLEX, label="c"),
    Row(ops.Square, ops.square, np.square, uniform(-3, 3), SHAPES, FLOATS, (0,)),
    of_complex(ops.Square, ops.square, np.square, 1),
    of_integers(ops.Square, ops.square, np.square, 1),
    *[
        Row(
            ops.IntegerPow,
            *powers_of(exponent),
            uniform(0.5, 2),
            SHAPES,
            ("float32", "float64"),
            (0,),
            slack=4.0,  # an ulp for each multiplication
            label=str(exponent),
        )
        for exponent in (-3, -1, 1, 2, 7)
    ],
    Row(ops.IntegerPow, *powers_of(0), uniform(0.5, 2), label="0"),
    Row(ops.IntegerPow, *powers_of(3), integers(-3, 3), dtypes=("int32",), label="int"),
    Row(ops.Abs, ops.abs, np.abs, uniform(-3, 3), SHAPES, FLOATS, (0,)),
    of_complex(ops.Abs, ops.abs, np.abs, 1, 1.0),
    of_integers(ops.Abs, ops.abs, np.abs, 1),
    Row(ops.Sign, ops.sign, np.sign, uniform(-3, 3), SHAPES, FLOATS, (0,)),
    of_complex(ops.Sign, ops.sign, complex_sign, 1, 1.0),
    of_integers(ops.Sign, ops.sign, np.sign, 1, 0),
    *binary(ops.Atan2, ops.atan2, np.arctan2),
    Row(
        ops.Nextafter,
        ops.nextafter,
        np.nextafter,
        uniform(-3, 3, 2),
        SHAPES,
        ("float64",),
        flat=(0, 1),
    ),
]
