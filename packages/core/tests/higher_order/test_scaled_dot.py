"""Products of operands with a scale for each block."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax, numpy as jnp

from ..ops.test_shape import problem

RNG = np.random.default_rng(0)


def exact(*shape):
    """Numbers that bfloat16 and their products keep."""
    return RNG.integers(-3, 4, shape).astype(np.float32)


def powers(*shape):
    return np.exp2(RNG.integers(-2, 3, shape)).astype(np.float32)


LHS, RHS = exact(2, 3, 8), exact(2, 8, 4)
LHS_SCALE, RHS_SCALE = powers(2, 3, 2), powers(2, 4, 4)
EXPECTED = (LHS * np.repeat(LHS_SCALE, 4, 2)) @ (RHS * np.repeat(RHS_SCALE, 2, 1))
OPTIONS = {"lhs_scale": LHS_SCALE, "rhs_scale": RHS_SCALE}


def test_each_block_has_its_scale():
    got = lax.scaled_dot(LHS, RHS, **OPTIONS, preferred_element_type="float32")

    np.testing.assert_array_equal(got, EXPECTED)


def test_operands_may_be_of_8_bits():
    narrow = [
        jnp.asarray(x).astype(dtype)
        for x, dtype in (
            (LHS, ml_dtypes.float8_e4m3fn),
            (RHS, ml_dtypes.float8_e5m2),
            (LHS_SCALE, ml_dtypes.float8_e8m0fnu),
            (RHS_SCALE, ml_dtypes.float8_e8m0fnu),
        )
    ]

    got = lax.scaled_dot(
        *narrow[:2],
        lhs_scale=narrow[2],
        rhs_scale=narrow[3],
        preferred_element_type="float32",
    )

    np.testing.assert_array_equal(got, EXPECTED)


def test_missing_scales_are_one_and_results_bfloat16():
    got = lax.scaled_dot(LHS, RHS)

    assert got.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(got.astype("float32"), LHS @ RHS)


def test_axes_in_any_order():
    numbers = (((0, 2), (3, 1)), ((3,), (0,)))
    lhs, rhs = exact(4, 3, 6, 2), exact(2, 6, 5, 4)  # k m l b, b l n k
    lhs_scale, rhs_scale = powers(2, 3, 3, 2), powers(2, 2, 5, 1)

    got = lax.scaled_dot(
        lhs,
        rhs,
        lhs_scale=lhs_scale,
        rhs_scale=rhs_scale,
        dimension_numbers=numbers,
        preferred_element_type="float32",
    )

    a = lhs * np.repeat(np.repeat(lhs_scale, 2, 0), 2, 2)
    b = rhs * np.repeat(np.repeat(rhs_scale, 3, 1), 4, 3)
    np.testing.assert_array_equal(got, np.einsum("kmlb,blnk->bmn", a, b))


def test_derivatives_and_batches():
    def total(x, scale):
        y = lax.scaled_dot(x, RHS[0], lhs_scale=scale, preferred_element_type="float32")
        return jnp.sum(y)

    gradients = dc.jit(dc.vmap(dc.grad(total, (0, 1))))(LHS, LHS_SCALE)

    sums = RHS[0].sum(1)
    wide = sums * np.repeat(LHS_SCALE, 4, 2)
    np.testing.assert_array_equal(gradients[0], wide)
    blocks = (sums * LHS).reshape(2, 3, 2, 4).sum(-1)
    np.testing.assert_array_equal(gradients[1], blocks)


def test_compilers_see_one_operation():
    text = dc.jit(lax.scaled_dot).lower(LHS, RHS).as_text()

    assert text.count('stablehlo.composite "xla.scaled_dot"') == 1
    assert (
        "composite_attributes = {dimension_numbers = [[[2], [1]], [[0], [0]]], "
        "preferred_element_type = bf16}"
    ) in text


@pytest.mark.parametrize(
    ("call", "kind", "expected"),
    [
        (
            lambda: lax.scaled_dot(LHS, RHS[0]),
            ValueError,
            "scaled_dot: operands must have the same number of axes, at least two, got "
            "f32[2,3,8] and f32[8,4].",
        ),
        (
            lambda: lax.scaled_dot(LHS, RHS[:, :7]),
            ValueError,
            "scaled_dot: contracting sizes must match: (8,) != (7,), got f32[2,3,8] "
            "and f32[2,7,4] with dimension_numbers=(((2,), (1,)), ((0,), (0,))).",
        ),
        (
            lambda: lax.scaled_dot(LHS, RHS, lhs_scale=np.ones((2, 3, 3), "f")),
            ValueError,
            "scaled_dot: `lhs_scale` must have the shape of `lhs`, with sizes along "
            "contracting axes that divide those of the operand, at least by 2, got "
            "f32[2,3,3] for f32[2,3,8] with contracting axes (2,).",
        ),
        (
            lambda: lax.scaled_dot(LHS, RHS, rhs_scale=RHS),
            ValueError,
            "scaled_dot: `rhs_scale` must have the shape of `rhs`, with sizes along "
            "contracting axes that divide those of the operand, at least by 2, got "
            "f32[2,8,4] for f32[2,8,4] with contracting axes (1,).",
        ),
        (
            lambda: lax.scaled_dot(LHS, RHS, preferred_element_type="int32"),
            TypeError,
            "scaled_dot: `preferred_element_type` must be floating point, got i32.",
        ),
    ],
)
def test_wrong_arguments(call, kind, expected):
    with pytest.raises(kind) as error:
        call()
    assert problem(error) == expected
