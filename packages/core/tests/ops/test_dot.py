"""Dtypes, precision and messages of products."""

import re

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core._ops._dot import DotGeneral
from dolmen.core._tracing import bind

from .test_shape import problem

RNG = np.random.default_rng(0)
BF16 = np.dtype(ml_dtypes.bfloat16)


def test_preferred_element_type_is_that_of_the_result():
    x = RNG.normal(size=(3, 64)).astype(BF16)

    got = lax.dot(x, x.T, preferred_element_type=np.float32)

    wide = x.astype(np.float32)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wide @ wide.T, rtol=1e-5, atol=1e-5)


def test_cotangents_have_the_dtype_of_narrow_operands():
    x = RNG.normal(size=(2, 3)).astype(BF16)
    y = RNG.normal(size=(3, 4)).astype(BF16)
    ct = RNG.normal(size=(2, 4)).astype(np.float32)

    _, pull = dc.vjp(lambda x, y: lax.dot(x, y, preferred_element_type="float32"), x, y)
    of_x, of_y = pull(ct)

    assert of_x.dtype == of_y.dtype == BF16
    close = {"rtol": 2e-2, "atol": 2e-2}
    wide_x, wide_y = x.astype(np.float32), y.astype(np.float32)
    np.testing.assert_allclose(np.float32(of_x), ct @ wide_y.T, **close)
    np.testing.assert_allclose(np.float32(of_y), wide_x.T @ ct, **close)


def test_cotangents_of_float8_products_are_not_rounded_to_float8():
    dtype = ml_dtypes.float8_e4m3fn
    x, y = np.ones((1, 2), dtype), np.full((2, 1), 0.5, dtype)

    def product(x):
        return lax.dot(x, y, preferred_element_type=np.float32)

    _, pull = dc.vjp(product, x)
    # 600 is beyond the range of this dtype, half of it is not.
    (of_x,) = pull(np.full((1, 1), 600, np.float32))

    np.testing.assert_allclose(np.float32(of_x), [[288, 288]], rtol=0.1)


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        (None, ("DEFAULT", "DEFAULT")),
        ("highest", ("HIGHEST", "HIGHEST")),
        (lax.Precision.HIGH, ("HIGH", "HIGH")),
        (("default", lax.Precision.HIGHEST), ("DEFAULT", "HIGHEST")),
    ],
)
def test_precision_reaches_the_program(precision, expected):
    x = np.ones((2, 2), np.float32)

    text = dc.jit(lambda x: lax.dot(x, x, precision=precision)).lower(x).as_text()

    assert f"precision = [{', '.join(expected)}]" in text


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError) as error:
        lax.dot(np.ones(2), np.ones(2), precision="low")
    assert problem(error) == (
        "dot_general: `precision` must be None, a `lax.Precision`, one of 'default', "
        "'fastest', 'bfloat16', 'high', 'bfloat16_3x', 'tensorfloat32', 'highest', "
        "'float32', a pair of them, or a `lax.DotAlgorithm` or `DotAlgorithmPreset`, "
        "got 'low'."
    )


def test_dot_names_the_sizes_that_differ():
    with pytest.raises(ValueError) as error:
        lax.dot(np.ones((4, 3), np.float32), np.ones((5, 3), np.float32))
    assert problem(error) == (
        "dot: contracting sizes must match: `lhs` is f32[4,3], `rhs` is f32[5,3] "
        "(3 != 5).\nTranspose one operand, or name the axes with `dot_general`."
    )


@pytest.mark.parametrize(
    ("less", "greater"),
    [
        ("bool", "int4"),
        ("uint8", "int8"),
        ("int8", "uint16"),
        ("uint32", "int32"),
        ("int32", "float8_e4m3fn"),
        ("float8_e4m3fn", "float8_e5m2"),
        ("float8_e5m2", "float16"),
        ("float16", "bfloat16"),
        ("bfloat16", "float32"),
        ("float32", "complex64"),
        ("float64", "complex64"),
    ],
)
def test_factors_become_the_greater_of_their_dtypes(less, greater):
    with dc.enable_x64(True):
        x, y = jnp.array([[1, 0], [1, 1]], less), jnp.array([[1, 1], [0, 1]], greater)

        products = [lax.dot(x, y), lax.dot_general(y, x, (((1,), (0,)), ((), ())))]
        grouped = lax.ragged_dot(x, y[None], jnp.array([2]))

    assert [made.dtype for made in (*products, grouped)] == [y.dtype] * 3
    np.testing.assert_array_equal(products[0].astype("complex64"), [[1, 1], [1, 2]])
    np.testing.assert_array_equal(products[1].astype("complex64"), [[2, 1], [1, 1]])
    np.testing.assert_array_equal(grouped.astype("complex64"), [[1, 1], [1, 2]])


def test_derivatives_of_mixed_products_have_the_dtypes_of_the_factors():
    x, y = jnp.array([1.0, 2.0], "float16"), jnp.array([3.0, 4.0])

    of_x, of_y = dc.jit(dc.grad(lax.dot, (0, 1)))(x, y)

    assert (of_x.dtype, of_y.dtype) == ("float16", "float32")
    assert (of_x.tolist(), of_y.tolist()) == ([3, 4], [1, 2])


@pytest.mark.parametrize(
    ("x", "y", "weak"), [(2, 2.0, True), (2.0, np.int32(2), False)]
)
def test_mixed_products_are_weak_if_both_factors_are(x, y, weak):
    made = lax.dot(lax.broadcast(x, (2,)), lax.broadcast(y, (2,)))

    assert (made.dtype, made.weak_type, made.item()) == ("float32", weak, 8.0)


def test_the_primitive_itself_refuses_mixed_dtypes():
    with pytest.raises(TypeError) as error:
        bind(DotGeneral((((0,), (0,)), ((), ()))), np.ones(3, "f"), np.ones(3, "i"))

    assert problem(error) == (
        "dot_general: operands must have equal dtypes, got f32[3] and i32[3]."
    )


def test_batched_products_stay_one_product_without_transposes():
    x, y = np.ones((2, 3), np.float32), np.ones((5, 3, 4), np.float32)

    program = dc.make_jaxpr(dc.vmap(lax.dot, (None, 0)))(x, y).jaxpr

    names = [equation.primitive.name for equation in program.equations]
    assert names.count("dot_general") == 1
    assert names.count("broadcast_in_dim") == 0


# ---- default precision ----


def precisions(f, *args):
    """The precisions in the lowered text of `f`, two for each product."""
    text = dc.jit(f).lower(*args).as_text()
    products = "\n".join(
        line for line in text.splitlines() if "precision" in line and "%" in line
    )
    return re.findall("DEFAULT|HIGHEST|HIGH", products)


def test_gradients_of_weights_are_products_without_transposes():
    x = np.ones((4, 5, 3), np.float32)
    w = np.ones((3, 2), np.float32)
    gradient = dc.grad(lambda w, x: jnp.sum(jnp.sin(x @ w)))

    names = [e.primitive.name for e in dc.make_jaxpr(gradient)(w, x).jaxpr.eqns]
    text = dc.jit(gradient).lower(w, x).as_text()

    assert names.count("dot_general") == 2
    assert "transpose" not in names
    # One contracted axis, which XLA on the CPU reads where it is.
    assert "contracting_dims = [0] x [0]" in text


@pytest.mark.parametrize(
    "numbers",
    [
        (([0, 1], [0, 1]), ([], [])),
        (([1, 2], [0, 1]), ([], [])),
        (([2, 3], [1, 2]), ([0], [0])),
        (([1, 2], [2, 3]), ([3], [0])),
        (([1, 0], [1, 0]), ([], [])),
        (([0, 2], [0, 2]), ([], [])),
        (([0, 1, 2], [1, 2, 3]), ([3], [0])),
        (([], []), ([0], [1])),
    ],
)
def test_products_over_several_axes_agree_with_numpy(numbers):
    (x_con, y_con), (x_batch, y_batch) = numbers
    letters, other = list("abcd"), list("efgh")
    for i, j in zip((*x_con, *x_batch), (*y_con, *y_batch), strict=True):
        other[j] = letters[i]
    sizes = dict(zip("abcdefgh", (2, 3, 4, 5, 6, 7, 8, 9), strict=True))
    x = RNG.normal(size=[sizes[a] for a in letters]).astype(np.float32)
    y = RNG.normal(size=[sizes[a] for a in other]).astype(np.float32)
    batch = [letters[i] for i in x_batch]
    free_x = [a for i, a in enumerate(letters) if i not in (*x_con, *x_batch)]
    free_y = [a for j, a in enumerate(other) if j not in (*y_con, *y_batch)]
    to = "".join(batch + free_x + free_y)

    got = lax.dot_general(x, y, numbers)

    expected = np.einsum(f"{''.join(letters)},{''.join(other)}->{to}", x, y)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_products_take_the_default_precision():
    x = jnp.ones((2, 2))

    with dc.default_matmul_precision("highest"):
        inside = precisions(lambda x: x @ x, x)
    outside = precisions(lambda x: x @ x, x)

    assert inside == ["HIGHEST"] * 2
    assert outside == ["DEFAULT"] * 2


def test_a_precision_that_is_given_holds_against_the_default():
    x = jnp.ones((2, 2))

    with dc.default_matmul_precision("highest"):
        found = precisions(lambda x: jnp.matmul(x, x, precision="default"), x)

    assert found == ["DEFAULT"] * 2


def test_convolutions_take_the_default_precision():
    x = jnp.ones((1, 1, 4))

    with dc.default_matmul_precision("tensorfloat32"):
        found = precisions(lambda x: lax.conv_general_dilated(x, x, (1,), "SAME"), x)

    assert found == ["HIGH"] * 2


def test_products_going_back_have_the_precision_of_those_going_forth():
    x = jnp.ones((2, 2))

    def backward_outside(x):
        with dc.default_matmul_precision("high"):
            y, back = dc.vjp(lambda x: x @ x, x)
        return back(y)

    def backward_inside(x):
        y, back = dc.vjp(lambda x: x @ x, x)
        with dc.default_matmul_precision("high"):
            return back(y)

    assert set(precisions(backward_outside, x)) == {"HIGH"}
    assert set(precisions(backward_inside, x)) == {"DEFAULT"}


def test_every_default_precision_has_a_meaning():
    from dolmen.core._ops._dot import _PRECISIONS

    algorithms = set(lax.DotAlgorithmPreset.__members__) - {"DEFAULT"}

    allowed = set(dc._backend.flags.DEFAULT_MATMUL_PRECISION.allowed)

    assert allowed == set(_PRECISIONS) | algorithms


@pytest.mark.parametrize("dtype", ["bool", "int4", "int8", "uint8"])
@pytest.mark.parametrize("wanted", ["int32", "float32", "bfloat16", "complex64"])
def test_products_of_integers_may_be_other_numbers(dtype, wanted):
    x = jnp.array([[1, 0, 1], [1, 1, 1]], dtype)

    made = dc.jit(lambda x: lax.dot(x, x.T, preferred_element_type=wanted))(x)

    assert made.dtype == wanted
    assert made.astype("float32").tolist() == [[2, 2], [2, 3]]


@pytest.mark.parametrize(
    ("dtype", "wanted", "problem"),
    [
        (
            "float32",
            "int32",
            "must be of the operands' kind, or numbers of any kind for",
        ),
        ("float32", "complex64", "must be of the operands' kind, or numbers of any "),
        ("int8", "bool", "must be of the operands' kind, or numbers of any kind for "),
        ("int8", "int4", "must not be narrower than the operands, got i4 for i8[2,2]"),
        ("int32", "uint16", "must not be narrower than the operands, got u16 for i32"),
    ],
)
def test_products_of_other_kinds_or_narrower_ones_are_refused(dtype, wanted, problem):
    x = jnp.ones((2, 2), dtype)

    with pytest.raises(TypeError) as raised:
        lax.dot(x, x, preferred_element_type=wanted)

    expected = f"dot_general: `preferred_element_type` {problem}"
    assert str(raised.value).startswith(expected)
