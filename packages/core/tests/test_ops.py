"""`ops`: reductions over segments."""

import functools

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import ops

IDS = np.array([2, 0, 2, 5, 0, 0, -1, 7])
UFUNCS = {
    "segment_sum": (np.add, 0.0),
    "segment_prod": (np.multiply, 1.0),
    "segment_max": (np.maximum, -np.inf),
    "segment_min": (np.minimum, np.inf),
}
EVERY = pytest.mark.parametrize("name", UFUNCS)


def draw(shape=(8, 2)):
    return np.random.default_rng(0).uniform(0.5, 2.0, shape)


def oracle(name, data, ids, count):
    ufunc, start = UFUNCS[name]
    out = np.full((count, *data.shape[1:]), start)
    inside = (ids >= 0) & (ids < count)
    ufunc.at(out, ids[inside], data[inside])
    return out


@EVERY
@pytest.mark.parametrize("bucket_size", [None, 1, 3, 20])
@pytest.mark.parametrize("count", [0, 4, 6])
def test_segments_are_reduced_as_by_numpy(name, bucket_size, count):
    data = draw().astype(np.float32)

    got = getattr(ops, name)(data, IDS, count, bucket_size=bucket_size)

    np.testing.assert_allclose(got, oracle(name, data, IDS, count), rtol=1e-6)
    assert got.dtype == np.float32


@EVERY
def test_segments_are_counted_by_the_greatest_label(name):
    data = draw((8,))

    with dc.enable_x64(True):
        got = getattr(ops, name)(data, IDS)

    np.testing.assert_allclose(got, oracle(name, data, IDS, 8), rtol=1e-14)


@pytest.mark.parametrize("name", ["segment_sum", "segment_max", "segment_min"])
@pytest.mark.parametrize("bucket_size", [None, 3])
def test_gradient_agrees_with_differences_under_jit_and_vmap(name, bucket_size):
    data, direction = draw((3, 8)), draw((3, 8))[::-1]
    function = functools.partial(
        getattr(ops, name), num_segments=6, bucket_size=bucket_size
    )

    def loss(t, x, dx, ids):
        out = function(x + t * dx, ids)
        return jnp.sum(jnp.where(jnp.isinf(out), 0, out) ** 2)

    with dc.enable_x64(True):
        batched = dc.jit(dc.vmap(dc.grad(loss), (None, 0, 0, None)))
        got = batched(0.0, data, direction, IDS)
        ahead, back = [
            np.array([loss(t, x, d, IDS) for x, d in zip(data, direction, strict=True)])
            for t in (1e-6, -1e-6)
        ]

    np.testing.assert_allclose(got, (ahead - back) / 2e-6, rtol=1e-6)


def test_gradient_of_products_needs_unique_labels():
    ids = jnp.array([3, 0])

    def loss(x, is_unique):
        return jnp.sum(ops.segment_prod(x, ids, 4, unique_indices=is_unique) ** 2)

    assert dc.grad(loss)(jnp.array([2.0, 5.0]), True).tolist() == [4.0, 10.0]
    with pytest.raises(NotImplementedError):
        dc.grad(loss)(jnp.array([2.0, 5.0]), False)


@EVERY
def test_labels_may_differ_over_a_batch(name):
    data = draw((2, 8))
    ids = np.stack([IDS, IDS[::-1]])

    with dc.enable_x64(True):
        got = dc.vmap(functools.partial(getattr(ops, name), num_segments=6))(data, ids)

    expected = [oracle(name, x, i, 6) for x, i in zip(data, ids, strict=True)]
    np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(None, [1, 2]), ("drop", [1, 2]), ("clip", [9, 6])],
)
def test_mode_decides_about_labels_of_no_segment(mode, expected):
    ids = jnp.array([0, 1, 7, -3])

    got = ops.segment_sum(jnp.array([1, 2, 4, 8]), ids, 2, mode=mode)

    assert got.tolist() == expected


def test_promises_do_not_change_the_result():
    data, ids = jnp.arange(3.0), jnp.array([0, 1, 4])

    got = ops.segment_sum(data, ids, 5, indices_are_sorted=True, unique_indices=True)

    assert got.tolist() == [0, 1, 0, 0, 2]


def test_empty_segments_of_integers_and_booleans_hold_the_extremes():
    ids = jnp.array([0, 0])
    integers, booleans = jnp.array([3, 4]), jnp.array([True, False])

    assert ops.segment_max(integers, ids, 2).tolist() == [4, -(2**31)]
    assert ops.segment_min(integers, ids, 2).tolist() == [3, 2**31 - 1]
    assert ops.segment_max(booleans, ids, 2).tolist() == [True, False]
    assert ops.segment_min(booleans, ids, 2).tolist() == [False, True]


def test_no_elements_leave_every_segment_empty():
    got = ops.segment_sum(jnp.zeros((0, 2)), jnp.zeros(0, int), 3, bucket_size=2)

    assert got.tolist() == [[0, 0]] * 3


def test_segments_of_traced_labels_must_be_counted_by_the_user():
    with pytest.raises(dc.errors.ConcretizationTypeError) as caught:
        dc.jit(ops.segment_sum)(jnp.ones(2), jnp.array([0, 1]))

    assert str(caught.value).startswith("segment_sum: `segment_ids`")
    assert "Give `num_segments`." in str(caught.value)


ERRORS = [
    (
        lambda: ops.segment_sum([1.0], jnp.array([0])),
        TypeError,
        "segment_sum: `data` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: ops.segment_max(jnp.ones(2), jnp.ones(2)),
        TypeError,
        "segment_max: `segment_ids` must be integers, got f32[2].",
    ),
    (
        lambda: ops.segment_prod(jnp.ones(2, bool), jnp.array([0, 0])),
        TypeError,
        "segment_prod: `data` must be numbers, got bool[2].\nConvert it with "
        "`.astype(int)`, or use `segment_max` or `segment_min`.",
    ),
    (
        lambda: ops.segment_min(jnp.ones((3, 2)), jnp.array([0, 0])),
        ValueError,
        "segment_min: `segment_ids` must have one element for each along the first "
        "axis of `data`, got i32[2] for f32[3,2].",
    ),
    (
        lambda: ops.segment_sum(jnp.ones(0), jnp.zeros(0, int)),
        ValueError,
        "segment_sum: an empty `segment_ids` does not say how many segments there "
        "are.\nGive `num_segments`.",
    ),
    (
        lambda: ops.segment_sum(jnp.ones(2), jnp.array([0, 0]), -1),
        ValueError,
        "segment_sum: `num_segments` must not be negative, got -1.",
    ),
    (
        lambda: ops.segment_sum(jnp.ones(2), jnp.array([0, 0]), bucket_size=0),
        ValueError,
        "segment_sum: `bucket_size` must be positive, got 0.",
    ),
]


@pytest.mark.parametrize(("call", "error", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, error, expected):
    with pytest.raises(error) as caught:
        call()

    lines = str(caught.value).splitlines()
    assert "\n".join(s for s in lines if not s.startswith("  at ")) == expected
