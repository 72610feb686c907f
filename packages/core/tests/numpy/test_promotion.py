"""Which dtype comes out: the lattice, weak types, and what functions do to dtypes."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

NAMES = {
    "bool": "bool",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "u8": "uint8",
    "u16": "uint16",
    "u32": "uint32",
    "f16": "float16",
    "bf16": "bfloat16",
    "f32": "float32",
    "c64": "complex64",
}
ORDER = list(NAMES)
# Row and column as in ORDER; every entry is the dtype of a sum without 64-bit types.
PROMOTED = """
bool i8  i16 i32 u8  u16 u32 f16 bf16 f32 c64
i8   i8  i16 i32 i16 i32 i32 f16 bf16 f32 c64
i16  i16 i16 i32 i16 i32 i32 f16 bf16 f32 c64
i32  i32 i32 i32 i32 i32 i32 f16 bf16 f32 c64
u8   i16 i16 i32 u8  u16 u32 f16 bf16 f32 c64
u16  i32 i32 i32 u16 u16 u32 f16 bf16 f32 c64
u32  i32 i32 i32 u32 u32 u32 f16 bf16 f32 c64
f16  f16 f16 f16 f16 f16 f16 f16 f32  f32 c64
bf16 bf16 bf16 bf16 bf16 bf16 bf16 f32 bf16 f32 c64
f32  f32 f32 f32 f32 f32 f32 f32 f32  f32 c64
c64  c64 c64 c64 c64 c64 c64 c64 c64  c64 c64
"""


@pytest.mark.parametrize("row", range(len(ORDER)))
def test_promotion_of_two_dtypes_follows_the_lattice(row):
    expected = PROMOTED.strip().split("\n")[row].split()

    made = [jnp.promote_types(NAMES[ORDER[row]], NAMES[other]) for other in ORDER]

    assert [d.name for d in made] == [NAMES[name] for name in expected]


@pytest.mark.parametrize(
    ("dtype", "scalar", "expected"),
    [
        ("int8", 1, "int8"),
        ("int8", 1.0, "float32"),
        ("bfloat16", 1.0, "bfloat16"),
        ("float16", 1j, "complex64"),
        ("bool", 1, "int32"),
        ("uint8", True, "uint8"),
        ("float32", 2, "float32"),
    ],
)
def test_python_scalars_give_way(dtype, scalar, expected):
    made = jnp.zeros(2, dtype) + scalar

    assert made.dtype == np.dtype(expected) or made.dtype.name == expected
    assert jnp.result_type(dtype, scalar).name == expected


def test_eight_bit_floats_have_no_implicit_promotion():
    message = "have no implicit promotion. Convert one of them explicitly"

    with pytest.raises(TypeError, match=message):
        jnp.zeros(2, "float8_e4m3fn") + jnp.zeros(2, "float32")


def test_weak_type_lasts_until_a_strong_operand_comes():
    weak = jnp.asarray(1.0) * 2

    assert weak.weak_type
    assert not (weak * jnp.float32(1)).weak_type
    assert (weak + jnp.ones(2, "bfloat16")).dtype == jnp.bfloat16
    assert not jnp.sum(weak).weak_type


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("sin", "int8", "float32"),
        ("sin", "bfloat16", "bfloat16"),
        ("divide", "int32", "float32"),
        ("sum", "int8", "int32"),
        ("sum", "uint8", "uint32"),
        ("sum", "bool", "int32"),
        ("sum", "bfloat16", "bfloat16"),
        ("mean", "int32", "float32"),
        ("mean", "float16", "float16"),
        ("var", "complex64", "float32"),
        ("cumsum", "int8", "int8"),
        ("cumsum", "bool", "int32"),
        ("argmax", "float32", "int32"),
        ("max", "bool", "bool"),
        ("any", "float32", "bool"),
        ("floor", "int32", "int32"),
        ("rint", "int32", "float32"),
        ("square", "bool", "int32"),
        ("count_nonzero", "float32", "int32"),
        ("median", "int32", "float32"),
    ],
)
def test_function_gives_dtype(name, dtype, expected):
    x = jnp.ones((3,), dtype)
    args = (x, x) if name == "divide" else (x,)

    made = getattr(jnp, name)(*args)

    assert made.dtype.name == expected


def test_64_bit_types_are_halved_unless_enabled():
    assert jnp.zeros(2, "float64").dtype == np.float32

    with dc.enable_x64(True):
        assert jnp.zeros(2, "float64").dtype == np.float64
        assert (jnp.arange(3, dtype="int32") + jnp.uint32(1)).dtype == np.int64


def test_scalar_types_are_dtypes_and_functions():
    assert np.dtype(jnp.bfloat16) == jnp.bfloat16.dtype
    assert jnp.float32 == np.float32
    assert hash(jnp.float32) == hash(np.float32)
    assert isinstance(jnp.float32(1), jnp.float32)
    assert jnp.int32([1, 2]).dtype == jnp.int32
    assert repr(jnp.bfloat16(1.5)) == "Array(1.5, dtype=bfloat16)"


def test_subdtypes_know_the_narrow_formats():
    assert jnp.issubdtype(jnp.bfloat16, jnp.floating)
    assert jnp.issubdtype("float8_e4m3fn", jnp.inexact)
    assert jnp.issubdtype(jnp.int4, jnp.signedinteger)
    assert not jnp.issubdtype(jnp.float32, jnp.integer)
    assert jnp.issubdtype(jnp.floating, jnp.number)
    assert jnp.isdtype(jnp.uint8, ("bool", "integral"))


def test_limits_of_dtypes():
    assert jnp.finfo(jnp.bfloat16).bits == 16
    assert jnp.iinfo(jnp.int4).max == 7
