"""Algorithms of products: what programs ask for, and what comes back."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax, numpy as jnp
from dolmen.core._lowering import lower

from .test_shape import problem

PRESETS = lax.DotAlgorithmPreset
A = np.float32([[1.001, 2.0], [3.0, 4.0]])
TF32 = {"lhs": "tf32", "rhs": "tf32", "accumulation": "f32"}


def text_of(*args, dtype=np.float32, platform="cuda", **options):
    x = A.astype(dtype)
    program = dc.make_jaxpr(lambda x: lax.dot(x, x, *args, **options))(x).jaxpr
    return lower(program, platform=platform).as_text()


E5M2, E4M3 = ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fn


@pytest.mark.parametrize(
    ("precision", "dtype", "expected"),
    [
        ("ANY_F8_ANY_F8_F32", E4M3, "f8E4M3FN f8E4M3FN f32 1 1 1 false"),
        ("ANY_F8_ANY_F8_F32_FAST_ACCUM", E5M2, "f8E5M2 f8E5M2 f32 1 1 1 true"),
        ("ANY_F8_ANY_F8_ANY", E5M2, "f8E5M2 f8E5M2 f32 1 1 1 false"),
        ("ANY_F8_ANY_F8_ANY_FAST_ACCUM", E5M2, "f8E5M2 f8E5M2 f32 1 1 1 false"),
        ("F16_F16_F16", "float16", "f16 f16 f16 1 1 1 false"),
        ("F16_F16_F32", "float16", "f16 f16 f32 1 1 1 false"),
        ("BF16_BF16_BF16", "bfloat16", "bf16 bf16 bf16 1 1 1 false"),
        ("BF16_BF16_F32", "float32", "bf16 bf16 f32 1 1 1 false"),
        ("BF16_BF16_F32_X3", "float32", "bf16 bf16 f32 1 1 3 false"),
        ("BF16_BF16_F32_X6", "float32", "bf16 bf16 f32 1 1 6 false"),
        ("BF16_BF16_F32_X9", "float32", "bf16 bf16 f32 1 1 9 false"),
        ("TF32_TF32_F32", "float32", "tf32 tf32 f32 1 1 1 false"),
        ("TF32_TF32_F32_X3", "float32", "tf32 tf32 f32 1 1 3 false"),
        ("F32_F32_F32", "float32", "f32 f32 f32 1 1 1 false"),
        ("F64_F64_F64", "float32", "f64 f64 f64 1 1 1 false"),
        (
            lax.DotAlgorithm("bfloat16", "bfloat16", "float32", 1, 1, 3),
            "float32",
            "bf16 bf16 f32 1 1 3 false",
        ),
    ],
)
def test_algorithms_reach_the_compiler(precision, dtype, expected):
    names = (
        "lhs_precision_type",
        "rhs_precision_type",
        "accumulation_type",
        "lhs_component_count",
        "rhs_component_count",
        "num_primitive_operations",
        "allow_imprecise_accumulation",
    )
    values = zip(names, expected.split(), strict=True)
    listed = ", ".join(f"{name} = {value}" for name, value in values)

    with dc.enable_x64(True):
        text = text_of(precision=precision, dtype=dtype)

    assert f"algorithm = <{listed}>" in text


def test_both_factors_of_8_bits_are_told_to_the_compiler():
    how = {"precision": "ANY_F8_ANY_F8_F32", "preferred_element_type": "float32"}
    program = dc.make_jaxpr(lambda x, y: lax.dot(x, y, **how))(
        A.astype(E5M2), A.astype(E4M3)
    )

    text = lower(program.jaxpr, platform="cuda").as_text()

    assert "lhs_precision_type = f8E5M2, rhs_precision_type = f8E4M3FN" in text


@pytest.mark.parametrize(
    ("precision", "given", "taken", "made"),
    [
        # What an algorithm does not take becomes the first that it takes.
        ("BF16_BF16_F32", "float16", "bf16", "f32"),
        ("BF16_BF16_F32", "float32", "f32", "f32"),
        ("BF16_BF16_F32_X3", "bfloat16", "f32", "f32"),
        (lax.DotAlgorithm("float16", "float16", "float32"), "float16", "f16", "f32"),
        (lax.DotAlgorithm("float16", "float16", "float16"), "float32", "f16", "f16"),
    ],
)
def test_products_are_of_the_dtypes_that_the_algorithm_wants(
    precision, given, taken, made
):
    text = text_of(precision=precision, dtype=given)

    factor = f"tensor<2x2x{taken}>"
    assert f": ({factor}, {factor}) -> tensor<2x2x{made}>" in text


def test_algorithms_are_halved_in_silence_where_wide_dtypes_are_not_enabled():
    algorithm = lax.DotAlgorithm("float64", "float64", "float64")

    assert algorithm == lax.DotAlgorithm("float32", "float32", "float32")


def test_the_default_algorithm_is_none():
    assert "algorithm" not in text_of(precision=PRESETS.DEFAULT)


def test_operands_become_what_the_algorithm_takes():
    got = lax.dot(A, A, precision="F16_F16_F16")
    narrow = A.astype(np.float16)

    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, (narrow @ narrow).astype(np.float32))


def test_results_keep_a_dtype_that_the_algorithm_gives():
    text = text_of(precision="BF16_BF16_F32", dtype=ml_dtypes.bfloat16)

    assert "convert" not in text


@pytest.mark.parametrize("dtype", [np.int32, np.complex64])
def test_algorithms_say_nothing_about_other_products(dtype):
    x = np.asarray([[2**24 + 1, 2], [3, 4]], dtype)

    got = lax.dot(x, np.eye(2, dtype=dtype), precision="F16_F16_F16")

    assert "algorithm" not in text_of(precision="F16_F16_F16", dtype=dtype)
    np.testing.assert_array_equal(got, x)


def test_every_product_takes_an_algorithm():
    kernel = A[:, :, None]

    def products(precision):
        return [
            jnp.matmul(A, A, precision=precision),
            jnp.einsum("ij,kj->ki", A, A, precision=precision),
            lax.conv(kernel, kernel, (1,), "SAME", precision=precision),
        ]

    for got, expected in zip(products("F32_F32_F32"), products(None), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_exchanged_operands_exchange_the_algorithm():
    algorithm = lax.DotAlgorithm("float16", "bfloat16", "float32", 2, 3)
    # The batch axis comes first, and the result begins with the second operand's.
    program = dc.make_jaxpr(
        lambda x, y: jnp.einsum("ij,kj->ki", x, y, precision=algorithm)
    )(A, A)

    (used,) = [e.params["precision"] for e in program.eqns if "precision" in e.params]

    assert used == lax.DotAlgorithm("bfloat16", "float16", "float32", 3, 2)


def test_the_setting_may_name_an_algorithm():
    with dc.default_matmul_precision("F16_F16_F16"):
        got = jnp.matmul(A, A)

    np.testing.assert_array_equal(got, lax.dot(A, A, precision="F16_F16_F16"))


def test_derivatives_use_the_algorithm():
    slope = dc.grad(lambda x: jnp.sum(lax.dot(x, x, precision="F16_F16_F16")))(A)
    narrow = A.astype(np.float16)
    ones = np.ones((2, 2), np.float16)

    expected = (ones @ narrow.T).astype(np.float32) + (narrow.T @ ones)
    np.testing.assert_array_equal(slope, expected)


@pytest.mark.parametrize("preset", ["F16_F16_F32", "BF16_BF16_BF16", "TF32_TF32_F32"])
def test_cpus_refuse_algorithms_that_they_lack(preset):
    with pytest.raises(ValueError) as error:
        lax.dot(A, A, precision=preset)
    assert problem(error) == (
        f"dot_general: `precision` must name an algorithm that CPUs have, got {preset}."
        "\nUse one of BF16_BF16_F32, BF16_BF16_F32_X3, BF16_BF16_F32_X6, DEFAULT, "
        "F16_F16_F16, F32_F32_F32, F64_F64_F64."
    )


def test_algorithms_of_8_bits_need_such_operands():
    with pytest.raises(ValueError) as error:
        text_of(precision="ANY_F8_ANY_F8_F32")
    assert problem(error) == (
        "dot_general: `precision` ANY_F8_ANY_F8_F32 needs factors of 8-bit floats, got "
        "f32 and f32."
    )


def test_pairs_hold_no_algorithms():
    with pytest.raises(ValueError) as error:
        lax.dot(A, A, precision=("high", PRESETS.F32_F32_F32))
    assert problem(error) == (
        "dot: `precision` must be None, a `lax.Precision`, one of 'default', "
        "'fastest', 'bfloat16', 'high', 'bfloat16_3x', 'tensorfloat32', 'highest', "
        "'float32', a pair of them, or a `lax.DotAlgorithm` or `DotAlgorithmPreset`, "
        "got DotAlgorithmPreset.F32_F32_F32."
    ).replace("dot:", "dot_general:")


@pytest.mark.parametrize(
    ("preset", "dtypes", "factors", "sums", "results"),
    [
        ("DEFAULT", "ff", None, None, None),
        ("F16_F16_F16", "ff", "e", "e", "e"),
        ("F16_F16_F32", "ee", "e", "f", "fe"),
        ("F16_F16_F32", "ff", "e", "f", "f"),
        ("F16_F16_F32", "ef", "e", "f", "f"),
        ("F32_F32_F32", "ff", "f", "f", "f"),
        ("F64_F64_F64", "ff", "d", "d", "d"),
        ("TF32_TF32_F32_X3", "ee", "f", "f", "f"),
    ],
)
def test_what_presets_take_and_give(preset, dtypes, factors, sums, results):
    algorithm = PRESETS[preset]

    def as_dtypes(letters):
        return None if letters is None else tuple(map(np.dtype, letters))

    assert algorithm.supported_lhs_types == as_dtypes(factors)
    assert algorithm.supported_rhs_types == as_dtypes(factors)
    assert algorithm.accumulation_type == (sums and np.dtype(sums))
    assert algorithm.supported_output_types(*dtypes) == as_dtypes(results)


def test_sums_of_8_bit_products_come_in_many_dtypes():
    kinds = PRESETS.ANY_F8_ANY_F8_F32.supported_output_types("f4", "f4")

    assert [np.dtype(k).itemsize for k in kinds] == [4, 2, 2, 1, 1, 1, 1, 1]


def test_presets_are_numbered_in_order():
    assert [preset.value for preset in PRESETS] == list(range(1, 17))


def test_sums_in_bfloat16_are_told_to_the_compiler():
    text = text_of(precision="BF16_BF16_BF16")

    assert "accumulation_type = bf16" in text
    assert PRESETS.BF16_BF16_BF16.accumulation_type == ml_dtypes.bfloat16
