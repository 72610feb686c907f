"""Rows of `_ops/_conversion.py`."""

import ml_dtypes
import numpy as np

from dolmen.core._ops import _conversion as ops

from .rows import COMPLEX, FLOATS, SHAPES, Row, booleans, disc, integers, uniform


def converting(dtype, draw, dtypes, smooth=(), label=""):
    def function(x):
        return ops.convert_element_type(x, dtype)

    def oracle(x):
        return x.astype(dtype)

    label = label or np.dtype(dtype).name
    return Row(
        ops.ConvertElementType,
        function,
        oracle,
        draw,
        SHAPES,
        dtypes,
        smooth,
        label=label,
    )


def bits_of(dtype):
    return lambda x: ops.bitcast_convert_type(x, dtype)


def narrowed(x):
    return ops.reduce_precision(x, 8, 7)


def through_bfloat16(x):
    return x.astype(np.float32).astype(ml_dtypes.bfloat16).astype(np.float64)


def bytes_of(x):
    return x.view(np.int8).reshape(*x.shape, x.dtype.itemsize)


def pairs(rng, shape):
    return [rng.integers(-9, 9, (*shape, 2)).astype(np.int16)]


def real_part(x):
    return ops.convert_element_type(x, "float64")


ROWS = [
    converting("float64", uniform(-3, 3), ("float32", "bfloat16")),
    converting("float32", uniform(-3, 3), ("float64", "float16")),
    converting("complex128", uniform(-3, 3), ("float32", "float64"), (0,)),
    Row(
        ops.ConvertElementType,
        real_part,
        np.real,
        disc(1),
        dtypes=("complex64",),
        label="real",
    ),
    converting("int32", uniform(-9, 9), FLOATS),
    converting("bool", integers(-1, 2), ("int32", "uint8")),
    converting("bool", uniform(0, 0.5), FLOATS, label="fractions"),
    converting("float32", integers(0, 99), ("int32", "uint8"), label="of-integers"),
    converting("float32", booleans(), ("float32",), label="of-booleans"),
    Row(
        ops.BitcastConvertType,
        bits_of("int64"),
        lambda x: x.view(np.int64),
        uniform(-3, 3),
        SHAPES,
        ("float64",),
        flat=(0,),
    ),
    Row(
        ops.BitcastConvertType,
        bits_of("int8"),
        bytes_of,
        integers(-999, 999),
        dtypes=("int32",),
        label="narrower",
    ),
    Row(
        ops.BitcastConvertType,
        bits_of("int32"),
        lambda x: x.view(np.int32)[..., 0],
        pairs,
        label="wider",
    ),
    Row(ops.ReducePrecision, narrowed, through_bfloat16, uniform(-3, 3), SHAPES),
    Row(
        ops.StopGradient,
        ops.stop_gradient,
        lambda x: x,
        uniform(-3, 3),
        SHAPES,
        FLOATS,
        flat=(0,),
    ),
    Row(ops.Real, ops.real, np.real, disc(1), SHAPES, COMPLEX, (0,)),
    Row(ops.Imag, ops.imag, np.imag, disc(1), SHAPES, COMPLEX, (0,)),
    Row(
        ops.Complex,
        ops.complex,
        lambda x, y: x + 1j * y,
        uniform(-3, 3, 2),
        SHAPES,
        ("float32", "float64"),
        (0, 1),
    ),
    Row(ops.Conj, ops.conj, np.conj, disc(1), SHAPES, COMPLEX, (0,)),
]
