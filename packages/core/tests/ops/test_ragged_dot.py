"""Products of groups: every kind of axes, dtypes, and what is refused."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax, numpy as jnp

from .test_shape import problem

RNG = np.random.default_rng(0)
LHS = RNG.normal(size=(5, 3)).astype(np.float32)
RHS = RNG.normal(size=(2, 3, 4)).astype(np.float32)
SIZES = np.array([2, 1])
Numbers = lax.RaggedDotDimensionNumbers
ROWS = Numbers((((1,), (1,)), ((), ())), (0,), (0,))


def reference(lhs, rhs, sizes):
    made = np.zeros((len(lhs), rhs.shape[2]), lhs.dtype)
    ends = np.cumsum(sizes)
    for matrix, size, end in zip(rhs, sizes, ends, strict=True):
        made[end - size : end] = lhs[end - size : end] @ matrix
    return made


def test_each_group_of_rows_is_multiplied_with_its_matrix():
    got = lax.ragged_dot(LHS, RHS, SIZES)

    np.testing.assert_allclose(got, reference(LHS, RHS, SIZES), rtol=1e-6)


@pytest.mark.parametrize("sizes", [[300, 0, 1, 250], [0, 0, 0, 600], [600, 0, 0, 0]])
def test_groups_of_several_tiles_are_complete(sizes):
    lhs = RNG.normal(size=(600, 2)).astype(np.float32)
    rhs = RNG.normal(size=(4, 2, 2)).astype(np.float32)

    got = lax.ragged_dot(lhs, rhs, np.array(sizes))

    expected = reference(lhs, rhs, sizes)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_axes_of_all_kinds_in_any_order():
    # Axes of lhs: batch u v, outer a, ragged r, inner c, contracted k l.
    lhs = RNG.normal(size=(4, 2, 3, 5, 2, 3, 2)).astype(np.float32)  # l a u r k c v
    rhs = RNG.normal(size=(3, 2, 2, 4, 2, 2)).astype(np.float32)  # u k n l v g
    sizes = np.array(RNG.integers(0, 4, (2, 3, 2, 2)))  # v u a g
    numbers = Numbers((((4, 0), (1, 3)), ((6, 2), (4, 0))), (3,), (5,))

    got = lax.ragged_dot_general(lhs, rhs, sizes, numbers)

    ends = np.cumsum(sizes, -1)
    row = np.arange(5)
    mask = (row >= (ends - sizes)[..., None]) & (row < ends[..., None])  # v u a g r
    expected = np.einsum("laurkcv,uknlvg,vuagr->vuarcn", lhs, rhs, mask)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_sizes_for_all_are_repeated():
    lhs = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    rhs = RNG.normal(size=(2, 4, 2)).astype(np.float32)
    numbers = Numbers((((2,), (1,)), ((), ())), (1,), (0,))

    got = lax.ragged_dot_general(lhs, rhs, SIZES, numbers)

    expected = [reference(rows, rhs, SIZES) for rows in lhs]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_each_group_of_a_contracting_axis_is_contracted_alone():
    lhs = RNG.normal(size=(2, 2, 5, 3)).astype(np.float32)  # b o r m
    rhs = RNG.normal(size=(5, 4, 2, 2)).astype(np.float32)  # r n o b
    sizes = np.array([[[2, 3], [1, 0]], [[0, 4], [3, 1]]])  # b o g
    numbers = Numbers((((1, 2), (2, 0)), ((0,), (3,))), (2,), ())

    got = lax.ragged_dot_general(lhs, rhs, sizes, numbers)

    ends = np.cumsum(sizes, -1)
    row = np.arange(5)
    mask = (row >= (ends - sizes)[..., None]) & (row < ends[..., None])  # b o g r
    expected = np.einsum("borm,rnob,bogr->gbmn", lhs, rhs, mask)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_groups_of_a_batch_axis_change_nothing():
    lhs, rhs = LHS[:4, None], RHS.transpose(2, 1, 0)
    numbers = Numbers((((2,), (1,)), ((0,), (0,))), (0,), ())

    got = lax.ragged_dot_general(lhs, rhs, SIZES, numbers)

    np.testing.assert_allclose(got, lhs @ rhs, rtol=1e-6)


def test_what_belongs_to_no_group_may_be_infinite():
    lhs = np.where(np.arange(5)[:, None] < 3, LHS, np.inf).astype(np.float32)
    numbers = Numbers((((0,), (0,)), ((), ())), (0,), ())

    rows = lax.ragged_dot(lhs, RHS, SIZES)
    sums = lax.ragged_dot_general(lhs, lhs, SIZES, numbers)

    np.testing.assert_array_equal(rows[3:], np.zeros((2, 4)))
    expected = [LHS[:2].T @ LHS[:2], LHS[2:3].T @ LHS[2:3]]
    np.testing.assert_allclose(sums, expected, rtol=1e-5)


def test_derivatives_of_a_jitted_mapped_scan():
    weights = np.stack([RHS[:, :, :3]] * 2)

    def layers(x):
        def layer(x, w):
            return jnp.tanh(lax.ragged_dot(x, w, SIZES)), None

        return jnp.sum(lax.scan(dc.checkpoint(layer), x, weights)[0])

    def looped(x):
        for w in weights:
            heads = [x[:2] @ w[0], x[2:3] @ w[1], jnp.zeros((2, 3), "f")]
            x = jnp.tanh(jnp.concatenate(heads))
        return jnp.sum(x)

    batch = np.stack([LHS, -LHS, LHS + 1])

    got = dc.jit(dc.vmap(dc.grad(layers)))(batch)

    expected = [dc.grad(looped)(x) for x in batch]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "preferred", "expected"),
    [
        ("int32", None, "int32"),
        ("bfloat16", None, "bfloat16"),
        ("bfloat16", "float32", "float32"),
        ("float32", "bfloat16", "bfloat16"),
        ("float8_e4m3fn", "float32", "float32"),
    ],
)
def test_dtypes(dtype, preferred, expected):
    lhs, rhs = (jnp.asarray(x * 10).astype(dtype) for x in (LHS, RHS))

    got = lax.ragged_dot(lhs, rhs, SIZES, preferred_element_type=preferred)

    assert got.dtype == expected
    wide = [np.asarray(x.astype("float32")) for x in (lhs, rhs)]
    np.testing.assert_allclose(got, reference(*wide, SIZES), rtol=1e-2, atol=1e-6)


def test_cotangents_have_the_dtype_of_their_argument():
    lhs, rhs = (jnp.asarray(x).astype("bfloat16") for x in (LHS, RHS))

    def total(lhs, rhs):
        made = lax.ragged_dot(lhs, rhs, SIZES, preferred_element_type="float32")
        return jnp.sum(made)

    assert [ct.dtype for ct in dc.grad(total, (0, 1))(lhs, rhs)] == ["bfloat16"] * 2


@pytest.mark.parametrize(
    ("lhs", "rhs", "sizes"),
    [((0, 3), (2, 3, 4), (2,)), ((5, 0), (2, 0, 4), (2,)), ((5, 3), (0, 3, 4), (0,))],
)
def test_empty_operands_give_zeros(lhs, rhs, sizes):
    got = lax.ragged_dot(
        np.ones(lhs, np.float32), np.ones(rhs, np.float32), np.ones(sizes, int)
    )

    np.testing.assert_array_equal(got, np.zeros((lhs[0], 4)))


@pytest.mark.parametrize(
    ("sizes", "numbers", "kind", "expected"),
    [
        (
            np.float32([2, 1]),
            ROWS,
            TypeError,
            "ragged_dot: `group_sizes` must be integers, got f32[2].\n"
            "Convert them with `.astype(int)`.",
        ),
        (
            np.int32([2, 1, 1]),
            ROWS,
            ValueError,
            "ragged_dot: `group_sizes` must hold a size for each of the 2 groups of "
            "`rhs`, got i32[3] for f32[2,3,4].",
        ),
        (
            np.int32([[2, 1]]),
            ROWS,
            ValueError,
            "ragged_dot: `group_sizes` must be a vector, or one for each index of the "
            "axes of sizes (), got i32[1,2] for f32[5,3] and f32[2,3,4].",
        ),
        (
            SIZES,
            Numbers((((1,), (1,)), ((), ())), (0, 1), (0,)),
            ValueError,
            "ragged_dot: `lhs_ragged_dimensions` must name one axis, got "
            "RaggedDotDimensionNumbers(dot_dimension_numbers=(((1,), (1,)), ((), ())), "
            "lhs_ragged_dimensions=(0, 1), rhs_group_dimensions=(0,)) for f32[5,3] and "
            "f32[2,3,4].",
        ),
        (
            SIZES,
            Numbers((((1,), (1,)), ((), ())), (-1,), (0,)),
            ValueError,
            "ragged_dot: `lhs_ragged_dimensions` must name an axis of `lhs`, counted "
            "from the front, got RaggedDotDimensionNumbers(dot_dimension_numbers="
            "(((1,), (1,)), ((), ())), lhs_ragged_dimensions=(-1,), "
            "rhs_group_dimensions=(0,)) for f32[5,3] and f32[2,3,4].",
        ),
        (
            SIZES,
            Numbers((((1,), (1,)), ((), ())), (0,), ()),
            ValueError,
            "ragged_dot: `rhs_group_dimensions` must name one axis if the ragged axis "
            "is neither contracting nor batch, and none if it is, got "
            "RaggedDotDimensionNumbers(dot_dimension_numbers=(((1,), (1,)), ((), ())), "
            "lhs_ragged_dimensions=(0,), rhs_group_dimensions=()) for f32[5,3] and "
            "f32[2,3,4].",
        ),
        (
            SIZES,
            Numbers((((1,), (1,)), ((), ())), (0,), (1,)),
            ValueError,
            "ragged_dot: `rhs_group_dimensions` must name an axis of `rhs` that is "
            "neither contracting nor batch, counted from the front, got "
            "RaggedDotDimensionNumbers(dot_dimension_numbers=(((1,), (1,)), ((), ())), "
            "lhs_ragged_dimensions=(0,), rhs_group_dimensions=(1,)) for f32[5,3] and "
            "f32[2,3,4].",
        ),
    ],
)
def test_wrong_arguments(sizes, numbers, kind, expected):
    with pytest.raises(kind) as error:
        lax.ragged_dot_general(LHS, RHS, sizes, numbers)
    assert problem(error) == expected


def test_an_offset_is_refused():
    with pytest.raises(ValueError) as error:
        lax.ragged_dot(LHS, RHS, SIZES, group_offset=1)
    assert problem(error) == (
        "ragged_dot: `group_offset` must be None, got 1.\n"
        "Give `group_sizes` and `rhs` of the groups that are wanted."
    )


def test_contracted_sizes_must_match():
    with pytest.raises(ValueError) as error:
        lax.ragged_dot(LHS, RHS[:, :2], SIZES)
    assert problem(error) == (
        "ragged_dot: contracting sizes must match: (3,) != (2,), got f32[5,3] and "
        "f32[2,2,4] with dimension_numbers=(((1,), (1,)), ((), ()))."
    )


def test_sums_over_many_tiles_are_rounded_once():
    x = np.full((400, 1), 1 + 2**-7, ml_dtypes.bfloat16)
    numbers = Numbers((((0,), (0,)), ((), ())), (0,), ())

    got = lax.ragged_dot_general(x, x, np.array([400, 0, 0, 0, 0, 0, 0, 0]), numbers)

    exact = 400 * (1 + 2**-7) ** 2
    np.testing.assert_array_equal(got[0, 0, 0], ml_dtypes.bfloat16(exact))
