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


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("float64", "int8", "float64"),
        ("uint64", "uint8", "uint64"),
        ("float64", "complex64", "complex128"),
        (float, "int32", "float64"),
        (float, "bfloat16", "bfloat16"),
        ("uint32", "int8", "int32"),
    ],
)
def test_promotion_of_dtypes_halves_no_dtype_that_was_asked_about(a, b, expected):
    assert jnp.promote_types(a, b) == jnp.promote_types(b, a) == expected


def test_promotion_of_dtypes_takes_arrays_for_their_dtypes():
    assert jnp.promote_types(np.ones(3), jnp.ones(2, "int8")) == "float64"


@pytest.mark.parametrize(
    ("source", "target", "casting", "expected"),
    [
        ("float64", "float32", "safe", False),
        ("float64", "float32", "same_kind", True),
        ("int8", float, "safe", True),
        (np.float32(1), "bfloat16", "safe", False),
        (np.ones(2), "float64", "no", True),
        ("int4", "int8", "safe", True),
    ],
)
def test_casts_are_judged_by_numpys_rules(source, target, casting, expected):
    assert jnp.can_cast(source, target, casting) is expected


@pytest.mark.parametrize("number", [True, 1, 1.5, 1j])
def test_casts_of_python_numbers_are_not_judged(number):
    with pytest.raises(TypeError) as raised:
        jnp.can_cast(number, "int8")

    assert without_line(raised) == (
        f"can_cast: `from_` must be an array or a dtype, got {number!r}.\n"
        "Ask for `jnp.result_type` of it first."
    )


@pytest.mark.parametrize("function", ["promote_types", "can_cast"])
def test_what_is_no_dtype_is_named(function):
    with pytest.raises(TypeError) as raised:
        getattr(jnp, function)("int8", "nonsense")

    assert without_line(raised) == (
        f"{function}: expected a dtype, got 'nonsense'.\n"
        "Use a name such as 'float32' or a type such as jnp.bfloat16."
    )


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
    with pytest.warns(UserWarning, match="zeros") as caught:
        narrow = jnp.zeros(2, "float64")

    assert narrow.dtype == np.float32
    assert [str(warning.message) for warning in caught] == [
        "zeros: dtype float64 is not enabled; float32 takes its place.\n"
        "Enable it with `config.update('enable_x64', True)`, or ask for float32."
    ]
    assert caught[0].filename == __file__
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


@pytest.mark.parametrize(
    ("name", "kind", "limit"),
    [
        ("int1", "signed integer", 0),
        ("uint1", "unsigned integer", 1),
        ("float6_e2m3fn", "real floating", 7.5),
        ("float6_e3m2fn", "real floating", 28),
    ],
)
def test_dtypes_without_arrays_have_kinds_and_limits(name, kind, limit):
    dtype = getattr(jnp, name)
    about = jnp.iinfo if "int" in name else jnp.finfo

    with pytest.raises(TypeError) as raised:
        jnp.zeros(2, dtype)

    assert jnp.isdtype(dtype, kind)
    assert jnp.issubdtype(dtype, jnp.number)
    assert about(dtype).max == limit
    assert without_line(raised) == (
        f"zeros: arrays can't hold dtype {name}; expected a boolean, integer, "
        "floating-point or complex dtype."
    )


def test_dtypes_of_no_kind_are_not_numeric():
    assert not jnp.isdtype(np.dtype("U3"), "numeric")


# ---- settings ----


def test_64_bit_types_that_are_not_enabled_can_be_refused():
    config = dc.config
    config.update("explicit_x64_dtypes", "error")
    try:
        with pytest.raises(ValueError) as raised:
            dc.jit(lambda x: x.astype("int64"))(jnp.ones(2))
        implicit = jnp.asarray(np.ones(2)) + np.arange(2)
    finally:
        config.update("explicit_x64_dtypes", "warn")

    assert without_line(raised) == (
        "astype: dtype int64 is not enabled; int32 takes its place.\n"
        "Enable it with `config.update('enable_x64', True)`, or ask for int32."
    )
    assert implicit.dtype == "float32"


def without_line(raised):
    lines = str(raised.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


def test_strict_promotion_refuses_arrays_of_different_dtypes():
    x, y = jnp.ones(3, "float32"), jnp.ones(3, "int32")
    x + y  # is planned before the rules change

    with (
        dc.numpy_dtype_promotion("strict"),
        pytest.raises(dc.dtypes.TypePromotionError) as raised,
    ):
        x + y

    assert without_line(raised) == (
        "add: dtypes f32 and i32 have no implicit promotion under "
        "numpy_dtype_promotion='strict'. Convert one of them explicitly with "
        "`.astype(...)`."
    )
    assert (x + y).dtype == "float32"


@pytest.mark.parametrize(
    "combine",
    [
        lambda x, y: jnp.matmul(x, y),
        lambda x, y: jnp.concatenate([x, y]),
        lambda x, y: jnp.where(x > 0, x, y),
        lambda x, y: x.at[0].set(y[0]),
        lambda x, y: dc.jit(jnp.multiply)(x, y),
        lambda x, y: dc.grad(lambda x: (x * y).sum())(x),
        lambda x, y: dc.dtypes.result_type(x, y),
    ],
)
def test_strict_promotion_holds_everywhere(combine):
    x, y = jnp.ones(3, "float32"), jnp.ones(3, "int32")

    with (
        dc.numpy_dtype_promotion("strict"),
        pytest.raises(dc.dtypes.TypePromotionError, match="'strict'"),
    ):
        combine(x, y)


@pytest.mark.parametrize("dtype", ["int8", "float16", "complex64"])
def test_strict_promotion_lets_numbers_of_python_give_way(dtype):
    x = jnp.ones(3, dtype)

    with dc.numpy_dtype_promotion("strict"):
        assert (x + 1).dtype == (1 * x).dtype == dtype


def test_rank_promotion_can_be_refused():
    x, y = jnp.ones((2, 3)), jnp.ones(3)
    x + y  # is planned before the rules change

    with dc.numpy_rank_promotion("raise"), pytest.raises(ValueError) as raised:
        x + y

    assert without_line(raised) == (
        "add: operands have different numbers of axes: f32[2,3], f32[3]; "
        "numpy_rank_promotion is 'raise'.\n"
        "Insert axes with `x[None, :]` or `expand_dims`."
    )


def test_scalars_and_equal_ranks_are_no_rank_promotion():
    x = jnp.ones((2, 3))

    with dc.numpy_rank_promotion("raise"):
        results = [x + 1, x * jnp.float32(2), x + jnp.ones((1, 3)), x.sum(0) + 1.0]

    assert [r.shape for r in results] == [(2, 3)] * 3 + [(3,)]


def test_rank_promotion_can_warn_at_every_call_with_the_users_line():
    x, y = jnp.ones((2, 3)), jnp.ones(3)

    def f(x, y):
        return x - y - y

    with (
        dc.numpy_rank_promotion("warn"),
        pytest.warns(UserWarning, match="axes") as caught,
    ):
        dc.jit(f)(x, y)

    assert [str(warning.message).splitlines()[0] for warning in caught] == [
        "subtract: operands have different numbers of axes: f32[2,3], f32[3]; "
        "numpy_rank_promotion is 'warn'."
    ] * 2
    assert {warning.filename for warning in caught} == {__file__}


def test_default_width_is_apart_from_which_widths_there_are():
    with dc.enable_x64(True), dc.default_dtype_bits("32"):
        made = [
            jnp.zeros(3),
            jnp.arange(3),
            jnp.array([1.0]),
            jnp.ones(2, int).sum(),
            jnp.argsort(jnp.ones(3)),
            jnp.mean(jnp.ones(2, "int16")),
            jnp.ones(2, "float64") * 2.0,
            jnp.asarray(np.ones(2)),
        ]

    assert [str(x.dtype) for x in made] == [
        "float32",
        "int32",
        "float32",
        "int32",
        "int32",
        "float32",
        "float64",
        "float64",
    ]


def test_numbers_of_python_have_the_default_width_in_compiled_calls_too():
    f = dc.jit(lambda x, y: (x, x + y))

    with dc.enable_x64(True), dc.default_dtype_bits("32"):
        narrow = [f(1.5, 2)[0].dtype, f(1.5, 2)[1].dtype, f(2.5, 3)[1].dtype]
    with dc.enable_x64(True):
        wide = f(1.5, 2)[1].dtype

    assert [*map(str, narrow), str(wide)] == ["float32"] * 3 + ["float64"]


@pytest.mark.parametrize("narrow", ["int2", "int4", "uint2", "uint4"])
def test_narrow_integers_have_no_implicit_promotion(narrow):
    assert jnp.result_type(narrow, bool) == narrow
    assert (jnp.ones(2, narrow) + 1).dtype == narrow
    for other in ("int8", "uint32", "float32", "bfloat16"):
        with pytest.raises(TypeError, match="have no implicit promotion"):
            jnp.result_type(narrow, other)


def test_copysign_of_a_python_scalar_takes_the_type_of_the_array():
    x = jnp.array([1.0, -1.0])

    assert not jnp.copysign(2.5, x).weak_type
    assert not jnp.copysign(x, 2.5).weak_type
    assert jnp.copysign(2.5, 1.0).weak_type


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod", "power"])
def test_divisions_of_python_integers_stay_weak(name):
    function = getattr(jnp, name)

    assert function(jnp.asarray(7), 2).weak_type
    assert not function(jnp.int32(7), 2).weak_type
