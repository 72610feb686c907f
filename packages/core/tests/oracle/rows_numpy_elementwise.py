"""Rows of `numpy`: elementwise functions, at smooth points, at ends and of integers."""

import numpy as np

from .rows import Row

ALL = np.array([-2.5, -0.25, 0.5, 1.5, 3.25])
UNIT = np.array([-0.9, -0.25, 0.125, 0.5, 0.75])
POSITIVE = np.array([0.125, 0.75, 1.0, 2.5, 7.0])
ABOVE_ONE = np.array([1.25, 1.5, 2.0, 4.0, 10.0])
ENDS = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
COMPLEX = np.array([0.5 + 1j, -2.0 - 0.25j, 1.5 - 2j, -0.5 + 0.125j, 2.0 + 0j])
INTEGERS = np.array([-7, -1, 0, 2, 5], np.int32)
NATURALS = np.array([0, 1, 2, 7, 200], np.uint8)
BOOLS = np.array([True, False, True, True, False])
COLUMN = np.array([[-2.5], [-0.25], [1.5]])
BASES = np.array([[0.25], [1.5], [3.0]])
EMPTY = np.zeros((2, 0))


def quotients(f, x):
    """Reciprocals tell zeros of different signs apart."""
    return 1.0 / f(x)


def unary(names, x, *, smooth=True, ends=True):
    for name in names.split():
        yield Row(f"numpy.{name}", (x,), smooth=(0,) if smooth else ())
        if ends:
            yield of_ends(name)


def of_ends(name):
    # Infinities become the largest number, which is another one in single precision.
    single = name != "nan_to_num"
    return Row(f"numpy.{name}", (ENDS,), label="of ends", single=single, mapped=False)


def of(label, names, *args, **options):
    # Lanes of elementwise functions don't depend on values: smooth rows are enough.
    mapped = "smooth" in options
    for name in names.split():
        yield Row(f"numpy.{name}", args, label=label, mapped=mapped, **options)


ROWS = [
    *unary("exp exp2 expm1 sin cos tan tanh sinh cosh arcsinh asinh arctan atan", ALL),
    *unary("cbrt square sinc negative positive absolute abs fabs", ALL),
    *unary("degrees radians deg2rad rad2deg reciprocal nan_to_num", ALL),
    *unary("arcsin asin arccos acos arctanh atanh", UNIT),
    *unary("log log1p log2 log10 sqrt", POSITIVE),
    *unary("arccosh acosh", ABOVE_ONE),
    *unary("sign floor ceil trunc rint round around signbit", ALL, smooth=False),
    *unary("isnan isinf isfinite isposinf isneginf", ALL, smooth=False),
    *unary("logical_not iscomplex isreal", ALL, smooth=False),
    *unary("real imag conj conjugate", ALL, ends=False),
    *unary("angle", ALL, smooth=False, ends=False),
    # The sign of zero.
    *of(
        "of zeros",
        "sin tan arcsin arctan sinh tanh arcsinh arctanh cbrt expm1 log1p sqrt floor "
        "ceil trunc rint negative positive degrees",
        ENDS[:2],
        call=quotients,
    ),
    *of(
        "of complex numbers",
        "exp log log1p expm1 log2 log10 sqrt square sin cos tan sinh cosh tanh arcsin "
        "arccos arctan arcsinh arccosh arctanh sign reciprocal negative absolute conj "
        "real imag angle isfinite iscomplex isreal nan_to_num rint",
        COMPLEX,
        slack=4.0,
    ),
    *of(
        "of integers",
        "absolute sign negative positive square bitwise_not bitwise_invert invert "
        "bitwise_count floor isfinite exp sqrt conj real imag logical_not",
        NATURALS[:4].astype(np.int32),
    ),
    *of("of bools", "absolute logical_not bitwise_not real", BOOLS, single=False),
    *of("of nothing", "sin floor isnan angle", EMPTY),
    Row("numpy.round", (100 * ALL + 0.125,), lambda f, x: f(x, 1), label="1"),
    Row("numpy.round", (100 * ALL,), lambda f, x: f(x, -1), label="-1"),
    Row("numpy.angle", (COMPLEX,), lambda f, x: f(x, deg=True), label="in degrees"),
    Row(
        "numpy.nan_to_num",
        (ENDS,),
        lambda f, x: f(x, nan=1.0, posinf=2.0, neginf=3.0),
        label="by others",
    ),
    # Two operands that broadcast.
    *of(
        "",
        "add subtract multiply divide true_divide arctan2 atan2 hypot logaddexp "
        "logaddexp2 maximum minimum fmax fmin copysign remainder mod fmod",
        COLUMN,
        POSITIVE + 0.07,
        smooth=(0, 1),
    ),
    *of("", "power pow float_power", BASES, ALL, smooth=(0, 1)),
    *of("", "floor_divide divmod", COLUMN, ALL, smooth=()),
    *of("", "heaviside", COLUMN, ALL, smooth=(1,)),
    Row("numpy.nextafter", (COLUMN, ALL), single=False, mapped=False),
    *of(
        "of ends",
        "add subtract multiply divide arctan2 logaddexp logaddexp2 maximum minimum "
        "fmax fmin copysign heaviside hypot power float_power remainder fmod "
        "floor_divide equal not_equal less less_equal greater greater_equal "
        "logical_and logical_or logical_xor",
        ENDS[:, None],
        ENDS,
    ),
    *of(
        "of complex numbers",
        "add subtract multiply divide power equal not_equal logical_and less "
        "less_equal greater greater_equal maximum minimum fmax fmin",
        COMPLEX[:, None],
        COMPLEX.conj(),
        slack=4.0,
    ),
    *of(
        "of integers",
        "add subtract multiply divide bitwise_and bitwise_or bitwise_xor maximum "
        "minimum equal less logical_xor arctan2 copysign",
        INTEGERS[:, None],
        INTEGERS,
    ),
    *of(
        "of integers",
        "floor_divide remainder fmod divmod",
        INTEGERS[:, None],
        INTEGERS[[0, 1, 3, 4]],
    ),
    *of(
        "of integers",
        "left_shift bitwise_left_shift right_shift bitwise_right_shift power",
        INTEGERS[:, None],
        NATURALS[:4].astype(np.int32),
    ),
    *of("of bools", "bitwise_and bitwise_or logical_or maximum", BOOLS[:, None], BOOLS),
    *of("of nothing", "add power equal", EMPTY, EMPTY[:1]),
    # Three operands, and comparisons with tolerance.
    Row(
        "numpy.clip",
        (ALL, np.array(-1.0), np.array(2.0)),
        lambda f, x, a, b: f(x, a, b),
        smooth=(0, 1, 2),
    ),
    Row("numpy.clip", (ENDS,), lambda f, x: f(x, -1.0, None), label="from below"),
    Row("numpy.clip", (INTEGERS,), lambda f, x: f(x, None, 3), label="of integers"),
    Row("numpy.where", (BOOLS, ALL, POSITIVE), smooth=(1, 2)),
    Row("numpy.where", (BOOLS[:, None], ALL, np.array(2)), label="of two dtypes"),
    *(
        Row(
            f"numpy.{name}",
            (ENDS, other),
            lambda f, x, y, nan=nan: f(x, y, equal_nan=nan),
            label=f"{label} {nan}",
        )
        for name in ("isclose", "allclose", "array_equal")
        for label, other in (("itself", ENDS), ("another", ENDS[::-1].copy()))
        for nan in (False, True)
    ),
    Row("numpy.isclose", (ALL, ALL * (1 + 1e-6)), lambda f, x, y: f(x, y, 0.0, 2e-6)),
    Row("numpy.array_equal", (ALL, ALL[:1]), label="other shapes"),
    Row("numpy.array_equiv", (COLUMN, np.broadcast_to(COLUMN, (2, 3, 2)))),
    Row("numpy.array_equiv", (ALL, ALL[:2]), label="other shapes"),
]
