"""All dtypes: how they promote, their limits, and what arrays of them can do.

The tables of promotion hold what JAX gives.
"""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import dtypes, jit

WIDE = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bfloat16", "float16", "float32", "float64", "complex64", "complex128"),
]
NARROW_INTEGERS = ["int2", "int4", "uint2", "uint4"]
NARROW_FLOATS = [
    *("float4_e2m1fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz"),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
    "float8_e8m0fnu",
]
NARROW = NARROW_INTEGERS + NARROW_FLOATS
OF_ARRAYS = [d for d in WIDE if "64" not in d and "128" not in d] + NARROW
EVERY = WIDE + NARROW


# ---- promotion ---------------------------------------------------------------------

# Rows and columns in the order of WIDE, with 64-bit dtypes enabled.
PROMOTED = """
bool i8   i16  i32  i64  u8   u16  u32  u64  bf16 f16  f32  f64  c64  c128
i8   i8   i16  i32  i64  i16  i32  i64  f64  bf16 f16  f32  f64  c64  c128
i16  i16  i16  i32  i64  i16  i32  i64  f64  bf16 f16  f32  f64  c64  c128
i32  i32  i32  i32  i64  i32  i32  i64  f64  bf16 f16  f32  f64  c64  c128
i64  i64  i64  i64  i64  i64  i64  i64  f64  bf16 f16  f32  f64  c64  c128
u8   i16  i16  i32  i64  u8   u16  u32  u64  bf16 f16  f32  f64  c64  c128
u16  i32  i32  i32  i64  u16  u16  u32  u64  bf16 f16  f32  f64  c64  c128
u32  i64  i64  i64  i64  u32  u32  u32  u64  bf16 f16  f32  f64  c64  c128
u64  f64  f64  f64  f64  u64  u64  u64  u64  bf16 f16  f32  f64  c64  c128
bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 f32  f32  f64  c64  c128
f16  f16  f16  f16  f16  f16  f16  f16  f16  f32  f16  f32  f64  c64  c128
f32  f32  f32  f32  f32  f32  f32  f32  f32  f32  f32  f32  f64  c64  c128
f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  f64  c128 c128
c64  c64  c64  c64  c64  c64  c64  c64  c64  c64  c64  c64  c128 c64  c128
c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128
"""

# What Python's numbers give beside each of WIDE, with 64-bit dtypes and without.
WITH_NUMBERS = {
    (1, True): "i64 i8 i16 i32 i64 u8 u16 u32 u64 bf16 f16 f32 f64 c64 c128",
    (1.5, True): f"{'f64 ' * 9} bf16 f16 f32 f64 c64 c128",
    (1j, True): f"{'c128 ' * 9} c64 c64 c64 c128 c64 c128",
    (1, False): "i32 i8 i16 i32 i32 u8 u16 u32 u32 bf16 f16 f32 f32 c64 c64",
    (1.5, False): f"{'f32 ' * 9} bf16 f16 f32 f32 c64 c64",
    (1j, False): "c64 " * 15,
}


def short(dtype):
    name = dtype.name.replace("complex", "c").replace("bfloat", "bf")
    return name.replace("float", "f").replace("uint", "u").replace("int", "i")


@pytest.mark.parametrize("row", range(len(WIDE)))
def test_wide_dtypes_promote_by_the_lattice(row):
    expected = PROMOTED.strip().split("\n")[row].split()

    with dc.enable_x64(True):
        results = [dtypes.result_type(WIDE[row], other) for other in WIDE]
        promoted = [dtypes.promote_types(other, WIDE[row]) for other in WIDE]

    assert [*map(short, results)] == [*map(short, promoted)] == expected


@pytest.mark.parametrize(("number", "x64"), WITH_NUMBERS)
def test_numbers_of_python_give_way_to_wide_dtypes(number, x64):
    with dc.enable_x64(x64):
        results = [dtypes.result_type(d, number) for d in WIDE]

    assert [*map(short, results)] == WITH_NUMBERS[number, x64].split()


def refuses(dtype, other):
    with pytest.raises(dtypes.TypePromotionError, match="no implicit promotion"):
        dtypes.result_type(dtype, other)


@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_dtypes_promote_with_no_dtype_of_their_kind(dtype):
    assert dtypes.result_type(dtype, dtype) == dtypes.result_type(dtype, 1) == dtype
    for other in {*NARROW, *WIDE[9:]} - {dtype}:
        refuses(dtype, other)


@pytest.mark.parametrize("dtype", WIDE[1:9])
def test_wide_integers_give_way_to_narrow_floats_only(dtype):
    for other in NARROW_FLOATS:
        assert dtypes.result_type(dtype, other) == other
    for other in NARROW_INTEGERS:
        refuses(dtype, other)


@pytest.mark.parametrize("dtype", NARROW)
def test_booleans_give_way_to_narrow_dtypes(dtype):
    assert dtypes.result_type(dtype, "bool") == dtype


@pytest.mark.parametrize("dtype", EVERY)
def test_strict_rules_promote_no_dtype_with_another(dtype):
    with dc.numpy_dtype_promotion("strict"), dc.enable_x64(True):
        assert dtypes.result_type(dtype, dtype) == dtype
        for other in {*EVERY} - {dtype}:
            refuses(dtype, other)


@pytest.mark.parametrize(
    ("number", "refused"),
    [
        (True, WIDE[1:]),
        (1, ["bool"]),
        (1.5, WIDE[:9]),
        (1j, WIDE[:13]),
    ],
)
def test_strict_rules_let_numbers_give_way_to_dtypes_that_hold_them(number, refused):
    with dc.numpy_dtype_promotion("strict"), dc.enable_x64(True):
        for dtype in set(WIDE) - set(refused):
            assert dtypes.result_type(dtype, number) == dtype
        for dtype in refused:
            refuses(dtype, number)


# ---- what dtypes are ---------------------------------------------------------------

# Bits, least and greatest value of integers.
INTEGERS = {
    "int1": (1, -1, 0),
    "uint1": (1, 0, 1),
    "int2": (2, -2, 1),
    "int4": (4, -8, 7),
    "int8": (8, -128, 127),
    "int16": (16, -(2**15), 2**15 - 1),
    "int32": (32, -(2**31), 2**31 - 1),
    "int64": (64, -(2**63), 2**63 - 1),
    "uint2": (2, 0, 3),
    "uint4": (4, 0, 15),
    "uint8": (8, 0, 255),
    "uint16": (16, 0, 2**16 - 1),
    "uint32": (32, 0, 2**32 - 1),
    "uint64": (64, 0, 2**64 - 1),
}
# Bits, greatest value, distance of 1 from the next, and least normal number of floats.
FLOATS = {
    "float4_e2m1fn": (4, 6, 0.5, 1),
    "float6_e2m3fn": (6, 7.5, 0.125, 1),
    "float6_e3m2fn": (6, 28, 0.25, 0.25),
    "float8_e3m4": (8, 15.5, 2**-4, 0.25),
    "float8_e4m3": (8, 240, 2**-3, 2**-6),
    "float8_e4m3b11fnuz": (8, 30, 2**-3, 2**-10),
    "float8_e4m3fn": (8, 448, 2**-3, 2**-6),
    "float8_e4m3fnuz": (8, 240, 2**-3, 2**-7),
    "float8_e5m2": (8, 57344, 2**-2, 2**-14),
    "float8_e5m2fnuz": (8, 57344, 2**-2, 2**-15),
    "float8_e8m0fnu": (8, 2.0**127, 1, 2**-127),
    "bfloat16": (16, (2 - 2**-7) * 2.0**127, 2**-7, 2**-126),
    "float16": (16, 65504, 2**-10, 2**-14),
    "float32": (32, (2 - 2**-23) * 2.0**127, 2**-23, 2**-126),
    "float64": (64, np.finfo(float).max, 2**-52, 2.0**-1022),
    "complex64": (32, (2 - 2**-23) * 2.0**127, 2**-23, 2**-126),
}


@pytest.mark.parametrize("dtype", INTEGERS)
def test_limits_of_integers(dtype):
    about = jnp.iinfo(dtype)

    assert (about.bits, about.min, about.max) == INTEGERS[dtype]
    assert dtypes.itemsize_bits(dtype) == about.bits


@pytest.mark.parametrize("dtype", FLOATS)
def test_limits_of_floats(dtype):
    about = jnp.finfo(dtype)
    made = about.max, about.eps, about.smallest_normal

    assert (about.bits, *map(float, made)) == FLOATS[dtype]
    assert dtypes.itemsize_bits(dtype) == about.bits * (1 + (dtype == "complex64"))


def test_what_is_no_number_has_no_size_in_bits():
    with pytest.raises(TypeError, match="must be boolean, integer, floating-point or"):
        dtypes.itemsize_bits("U3")


KINDS = {
    "integer": "i u",
    "signedinteger": "i",
    "unsignedinteger": "u",
    "floating": "f b",
    "complexfloating": "c",
    "inexact": "f b c",
    "number": "i u f b c",
    "generic": "i u f b c B",
}


@pytest.mark.parametrize("dtype", EVERY)
def test_kinds_of_dtypes(dtype):
    initial = "B" if dtype == "bool" else dtype[0]

    for kind, members in KINDS.items():
        belongs = initial in members.split()
        assert jnp.issubdtype(dtype, getattr(jnp, kind)) is belongs
        assert dtypes.issubdtype(jnp.dtype(dtype), getattr(np, kind)) is belongs


@pytest.mark.parametrize("dtype", EVERY)
def test_arrays_without_64_bit_dtypes_have_canonical_ones(dtype):
    narrowed = {"int64": "int32", "uint64": "uint32", "float64": "float32"}
    narrowed["complex128"] = "complex64"

    assert dtypes.canonicalize_dtype(dtype) == narrowed.get(dtype, dtype)
    with dc.enable_x64(True):
        assert dtypes.canonicalize_dtype(dtype) == dtype


@pytest.fixture
def refusing_64_bits():
    dc.config.update("explicit_x64_dtypes", "error")
    yield
    dc.config.update("explicit_x64_dtypes", "warn")


MAKERS = [
    lambda d: jnp.zeros(2, d),
    lambda d: jnp.arange(2, dtype=d),
    lambda d: jnp.array([1], d),
    lambda d: jnp.ones(2, "int8").astype(d),
    lambda d: jnp.sum(jnp.ones(2), dtype=d),
    lambda d: jnp.full_like(jnp.ones(2), 1, d),
]


@pytest.mark.parametrize("dtype", ["int64", "complex128"])
@pytest.mark.parametrize("make", MAKERS)
def test_a_64_bit_dtype_asked_for_is_there_or_told_of(dtype, make):
    with dc.enable_x64(True):
        assert make(dtype).dtype == dtype
    with pytest.warns(UserWarning, match=f"dtype {dtype} is not enabled"):
        make(dtype)


@pytest.mark.parametrize("make", MAKERS)
def test_a_64_bit_dtype_asked_for_is_refused_if_it_shall_be(refusing_64_bits, make):
    with pytest.raises(ValueError, match="dtype float64 is not enabled"):
        make("float64")


# ---- arrays ------------------------------------------------------------------------

# What every dtype of numbers holds exactly, and what signed ones and fractions hold.
VALUES = {"u": [1, 2, 0, 3], "i": [1, -1, 0, -2], "f": [1, -3, 0.5, 2]}


def held(dtype):
    """An array of NumPy's."""
    if dtype == "bool":
        return np.array([True, False, True, True])
    if dtype == "float8_e8m0fnu":
        return np.array([1, 2, 0.5, 4], dtype)
    kind = {"b": "f", "c": "f"}.get(dtype[0], dtype[0])
    return np.array(VALUES[kind], dtype)


def exact(x):
    """Elements in a dtype of NumPy that holds those of every dtype."""
    return np.asarray(x).astype(np.complex128)


@pytest.mark.parametrize("dtype", OF_ARRAYS)
def test_arrays_are_made_of_numbers_and_go_to_numpy_and_back(dtype):
    host = held(dtype)

    x = jnp.array(host.tolist(), dtype)

    assert x.dtype == jnp.asarray(host).dtype == dtype
    assert np.asarray(x).dtype == host.dtype
    np.testing.assert_array_equal(exact(x), exact(host))
    np.testing.assert_array_equal(exact(jnp.asarray(np.asarray(x))), exact(host))
    assert x.tolist() == host.tolist()
    one = jnp.asarray(host[0])
    assert [one.item(), float(one), int(one), bool(one), complex(one)] == [1] * 5


@pytest.mark.parametrize("dtype", sorted({*OF_ARRAYS} - {"float8_e8m0fnu"}))
def test_arrays_of_every_dtype_are_made_by_the_usual_functions(dtype):
    made = jit(
        lambda: [
            jnp.zeros(2, dtype),
            jnp.ones(2, dtype),
            jnp.full(2, 1, dtype),
            jnp.eye(2, dtype=dtype)[0],
            jnp.zeros_like(jnp.ones(2), dtype),
            jnp.tri(2, dtype=dtype)[0],
        ]
    )()

    assert {str(x.dtype) for x in made} == {dtype}
    assert [x.tolist() for x in made] == [
        [0, 0],
        [1, 1],
        [1, 1],
        [1, 0],
        [0, 0],
        [1, 0],
    ]


@pytest.mark.parametrize("dtype", OF_ARRAYS)
def test_text_of_arrays_names_the_dtype(dtype):
    x = jnp.asarray(held(dtype))

    numbers = np.array2string(np.asarray(x), separator=", ")
    assert repr(x).replace("'", "") == f"Array({numbers}, dtype={dtype})"
    assert str(x) == str(np.asarray(x))


CASTS = ["bool", "int4", "int8", "uint8", "int32", *NARROW_FLOATS, "bfloat16"]
CASTS += ["float16", "float32", "complex64"]


@pytest.mark.parametrize("dtype", OF_ARRAYS)
def test_arrays_are_converted_to_every_dtype_and_back(dtype):
    x = jnp.array([1, 0, 1], "bool").astype(dtype)
    there = jit(lambda x: [x.astype(d) for d in CASTS])(x)
    back = jit(lambda xs: [x.astype(dtype) for x in xs])(there)

    assert [str(made.dtype) for made in there] == CASTS
    for made in there + back:
        assert exact(made)[[0, 2]].tolist() == [1, 1]
    for made in back:
        assert made.dtype == dtype


ROUNDED = [0.3, -1.26, 2.0**-9, 2.0**-20, 3.3, 5.5, -100.0, 1e5]
ROUNDED += [np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", [*NARROW_FLOATS, "bfloat16", "float16"])
def test_floats_round_as_ml_dtypes_rounds_them(dtype):
    x = np.array(ROUNDED, np.float32)
    with np.errstate(all="ignore"):
        expected = x.astype(dtype).astype(np.float32)

    made = jnp.asarray(x).astype(dtype).astype("float32")

    np.testing.assert_array_equal(made, expected)


ARITHMETIC = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "less": np.less,
    "greater_equal": np.greater_equal,
}


@pytest.mark.parametrize(
    "dtype", sorted({*OF_ARRAYS} - {"bool", "complex64", "float8_e8m0fnu"})
)
def test_arithmetic_agrees_with_ml_dtypes(dtype):
    x, y = held(dtype), held(dtype)[::-1]
    functions = {name: getattr(jnp, name) for name in ARITHMETIC}
    with np.errstate(all="ignore"):
        expected = {name: exact(f(x, y)) for name, f in ARITHMETIC.items()}

    made = jit(lambda x, y: {name: f(x, y) for name, f in functions.items()})(x, y)

    for name in ARITHMETIC:
        np.testing.assert_array_equal(exact(made[name]), expected[name], name)


@pytest.mark.parametrize("dtype", OF_ARRAYS)
def test_arrays_of_every_dtype_are_indexed_joined_and_chosen_from(dtype):
    host = held(dtype)

    @jit
    def chosen(x):
        return [
            x[::-1],
            x[jnp.array([2, 0])],
            x[np.array([True, False, False, True])],
            x.at[1].set(x[0]),
            jnp.concatenate([x, x[:1]]),
            jnp.where(jnp.array([True, False, True, False]), x, x[::-1]),
            x.reshape(2, 2).T,
            jnp.sort(x),
        ]

    order = np.argsort(exact(host).real)
    places = [
        [3, 2, 1, 0],
        [2, 0],
        [0, 3],
        [0, 0, 2, 3],
        [0, 1, 2, 3, 0],
        [0, 2, 2, 0],
        [[0, 2], [1, 3]],
        order,
    ]
    for array, place in zip(chosen(host), places, strict=True):
        np.testing.assert_array_equal(exact(array), exact(host)[np.array(place)])


SUMS = dict.fromkeys(["int2", "int4", "int8", "int16", "bool"], "int32")
SUMS |= dict.fromkeys(["uint2", "uint4", "uint8", "uint16"], "uint32")


@pytest.mark.parametrize("dtype", sorted({*OF_ARRAYS} - {"float8_e8m0fnu"}))
def test_sums_of_narrow_integers_are_wide_and_those_of_floats_keep_the_dtype(dtype):
    host = held(dtype)

    made = jnp.sum(jnp.asarray(host))

    assert made.dtype == SUMS.get(dtype, dtype)
    expected = np.asarray(exact(host).sum().real).astype(made.dtype)
    np.testing.assert_array_equal(exact(made), exact(expected))
