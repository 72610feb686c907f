import functools

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax
from dolmen.core._lowering import lower

from .test_shape import problem


def test_nan_of_either_sign_comes_last():
    x = np.float32([np.nan, 0.5, -np.inf, -np.nan, np.inf, -0.5])

    got = lax.sort(x)

    np.testing.assert_array_equal(got, [-np.inf, -0.5, 0.5, np.inf, np.nan, np.nan])


def test_keys_that_are_zeros_of_either_sign_are_equal():
    keys = np.float32([0.0, -0.0, 1.0, -0.0])

    _, places = lax.sort((keys, np.arange(4, dtype=np.int32)))

    np.testing.assert_array_equal(places, [0, 1, 3, 2])


@pytest.mark.parametrize(
    "dtype",
    [
        *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16"),
        *(ml_dtypes.bfloat16, "float32", ml_dtypes.float8_e4m3fn),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_sorted_with_keys_keeps_the_order_of_equal_ones(dtype, axis):
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 2**31, (7, 9)).astype(np.uint32) * 2 + 1
    keys = keys.astype(dtype) if np.dtype(dtype).kind in "biu" else keys % 5 - 2.0
    keys = np.asarray(keys, dtype)
    keys[:3] = keys[3:6]
    values = rng.standard_normal((7, 9)).astype(np.complex64)
    order = np.argsort(keys, axis, kind="stable")

    got = lax.sort((keys, values, -values), axis)

    for found, given in zip(got, (keys, values, -values), strict=True):
        np.testing.assert_array_equal(found, np.take_along_axis(given, order, axis))


def test_what_is_sorted_with_nan_keeps_its_order_at_the_end():
    nan = np.array([0x7FC00001, 0xFFC00000, 0x7F800001], np.uint32).view(np.float32)
    keys = np.concatenate([nan, np.float32([1, np.inf, -np.inf])])

    sorted_keys, places = lax.sort((keys, np.arange(6, dtype=np.int32)))

    np.testing.assert_array_equal(places, [5, 3, 4, 0, 1, 2])
    # Keys are moved, not computed: NaN keeps its bits.
    np.testing.assert_array_equal(
        np.asarray(sorted_keys)[3:5].view(np.uint32), nan[:2].view(np.uint32)
    )


def test_numbers_of_keys_must_fit_the_operands():
    with pytest.raises(ValueError) as error:
        lax.sort((np.zeros(3, "f4"),), num_keys=2)

    assert str(error.value).splitlines()[0] == (
        "sort: `num_keys` must be between 1 and the number of operands (1), got 2."
    )


def test_operands_of_different_shapes_are_refused():
    with pytest.raises(ValueError) as error:
        lax.sort((np.zeros(3, "f4"), np.zeros(2, "f4")))

    assert str(error.value).splitlines()[0] == (
        "sort: operands must have equal shapes, got f32[3], f32[2]."
    )


def test_more_elements_than_there_are_are_refused():
    with pytest.raises(ValueError) as error:
        lax.top_k(np.zeros((2, 3), "f4"), 4)

    assert str(error.value).splitlines()[0] == (
        "top_k: `k` must be between 0 and the size of the axis, got k=4 for axis 1 of "
        "f32[2,3]."
    )


def test_nan_is_the_largest_element():
    values, indices = lax.top_k(np.float32([1, np.nan, 3]), 2)

    np.testing.assert_array_equal(values, [np.nan, 3])
    np.testing.assert_array_equal(indices, [1, 2])


# ---- nearly the largest --------------------------------------------------------------


def test_an_axis_is_narrowed_down_to_what_the_platform_likes():
    x = np.arange(5000, dtype=np.float32)

    values, indices = lax.approx_max_k(x, 3, aggregate_to_topk=False)

    assert values.shape == indices.shape == (2048,)
    assert {4997, 4998, 4999} <= set(np.asarray(indices).tolist())


def test_accelerators_are_told_how_many_to_find():
    function = dc.jit(lambda x: lax.approx_min_k(x, 3, 0, 0.5, 99))

    text = function.lower(np.zeros((8, 2), np.float32)).as_text()

    assert (
        "{aggregate_to_topk = true, is_fallback = true, recall_target = 5.000000e-01 "
        ": f32, reduction_dim = 0 : i64, reduction_input_size_override = 99 : i64, "
        "top_k = 3 : i64}"
    ) in text


@pytest.mark.parametrize(
    ("args", "kind", "message"),
    [
        (
            (np.float32(1), 1),
            TypeError,
            "approx_max_k: `operand` must have an axis, got f32[].",
        ),
        (
            (np.int32([1, 2]), 1),
            ValueError,
            "approx_max_k: `operand` must be floating point, got i32[2].\n"
            "Use `lax.top_k`, which takes integers too.",
        ),
        (
            (np.float32([1, 2]), 3),
            ValueError,
            "approx_max_k: `k` must be between 1 and the size of the axis, got k=3 for "
            "axis 0 of f32[2].",
        ),
        (
            (np.float32([1, 2]), 0),
            ValueError,
            "approx_max_k: `k` must be between 1 and the size of the axis, got k=0 for "
            "axis 0 of f32[2].",
        ),
        (
            (np.float32([1, 2]), 1, 0, 1.5),
            ValueError,
            "approx_max_k: `recall_target` must be above 0 and at most 1, got 1.5.",
        ),
        (
            (np.float32([1, 2]), 1, 0, 0.0),
            ValueError,
            "approx_max_k: `recall_target` must be above 0 and at most 1, got 0.0.",
        ),
    ],
)
def test_searches_that_cannot_be_are_refused(args, kind, message):
    with pytest.raises(kind) as error:
        lax.approx_max_k(*args)
    assert problem(error) == message


def test_all_elements_may_be_searched_for_and_the_first_of_equals_comes_first():
    x = np.float32([[1, 2, 2, 1]])

    values, indices = lax.approx_max_k(x, 4, recall_target=1.0)

    np.testing.assert_array_equal(values, [[2, 2, 1, 1]])
    np.testing.assert_array_equal(indices, [[1, 2, 0, 3]])


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2)])
def test_pairs_without_elements_are_sorted(shape):
    empty = np.zeros(shape, np.float32)

    keys, values = lax.sort((empty, empty))

    assert (keys.shape, values.shape) == (shape, shape)


@pytest.mark.parametrize(
    ("search", "worst"),
    [(lax.approx_max_k, "0xFF800000"), (lax.approx_min_k, "0x7F800000")],
)
def test_tpus_search_themselves_and_start_from_the_worst_element(search, worst):
    how = {"aggregate_to_topk": False, "recall_target": 0.75}
    program = dc.make_jaxpr(lambda x: search(x, 1, **how))(np.ones(4, "f")).jaxpr

    text = lower(program, platform="tpu").as_text()

    assert "aggregate_to_topk = false, is_fallback = false" in text
    assert "recall_target = 7.500000e-01" in text
    assert f"dense<{worst}>" in text


def test_the_share_that_is_wanted_decides_how_far_an_axis_is_narrowed_down():
    x = dc.ShapeDtypeStruct((10**6,), np.float32)

    def size(recall, override=-1):
        search = functools.partial(
            lax.approx_max_k,
            k=100,
            recall_target=recall,
            reduction_input_size_override=override,
            aggregate_to_topk=False,
        )
        return dc.eval_shape(search, x)[0].shape[0]

    # The sizes that JAX 0.10.2 gives.
    assert [size(0.5), size(0.99), size(0.99, 10**8)] == [2048, 16384, 1024]
