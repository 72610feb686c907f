import collections

import numpy as np
import pytest

from dolmen.data._tree import stack, unstack

Point = collections.namedtuple("Point", ["x", "y"])

RECORDS = {
    "numbers": [1, 2, 3],
    "mixed numbers": [1, 2.5, True],
    "numpy scalars": [np.float32(1), np.float32(2)],
    "arrays": [np.arange(6).reshape(2, 3), np.ones((2, 3), int)],
    "arrays without axes": [np.array(1.0), np.array(2.0)],
    "empty arrays": [np.empty((0, 3)), np.empty((0, 3))],
    "nested": [
        {"a": (1, [2.0]), "b": Point(1, 2)},
        {"a": (3, [4.0]), "b": Point(3, 4)},
    ],
    "keys in another order": [{"a": 1, "b": 2}, {"b": 3, "a": 4}],
    "text": ["a", "bcd"],
    "one": [np.arange(3)],
}


def leaf_stack(leaves):
    return np.stack([np.asarray(leaf) for leaf in leaves])


def message_of(records):
    with pytest.raises(ValueError) as caught:
        stack(records)
    return str(caught.value)


HEAD = "batch: records of one batch must have equal structure and shapes:\n"
TAIL = "\nPad or crop them in a `map` before `batch`, or pass `batch_fn`."


@pytest.mark.parametrize(
    "name",
    [
        "numbers",
        "mixed numbers",
        "numpy scalars",
        "arrays",
        "arrays without axes",
        "empty arrays",
        "text",
        "one",
    ],
)
def test_stacking_leaves_agrees_with_numpy(name):
    stacked, expected = stack(RECORDS[name]), leaf_stack(RECORDS[name])

    assert stacked.dtype == expected.dtype
    assert np.array_equal(stacked, expected)


def test_stacking_keeps_the_structure():
    stacked = stack(RECORDS["nested"])

    assert type(stacked["b"]) is Point
    assert stacked["b"].y.tolist() == [2, 4]
    assert stacked["a"][0].tolist() == [1, 3]
    assert stacked["a"][1][0].tolist() == [2.0, 4.0]


def test_stacking_goes_by_key_not_by_order():
    stacked = stack(RECORDS["keys in another order"])

    assert {key: column.tolist() for key, column in stacked.items()} == {
        "a": [1, 4],
        "b": [2, 3],
    }


@pytest.mark.parametrize("name", RECORDS)
def test_unstacking_gives_the_records_back(name):
    records = RECORDS[name]

    again = unstack(stack(records), len(records))

    assert repr(stack(again)) == repr(stack(records))
    assert len(again) == len(records)


def test_unstacking_records_without_leaves_counts_them():
    assert unstack({}, 2) == [{}, {}]
    assert unstack((), 3) == [(), (), ()]


def test_bytes_keep_their_trailing_zeros():
    stacked = stack([b"a\0", b"\0\0\0"])

    assert stacked.tolist() == [b"a\0", b"\0\0\0"]


def test_shapes_that_differ_are_all_listed():
    records = [
        {"x": np.zeros((2, 3), np.float32), "y": 1},
        {"x": np.zeros((2, 4), np.float32), "y": 1},
        {"x": np.zeros((2, 3), np.int8), "y": np.arange(2)},
    ]

    assert message_of(records) == (
        HEAD + "  record 1, `record['x']`: f32[2,4] (record 0: f32[2,3])\n"
        "  record 2, `record['y']`: i64[2] (record 0: i64[])" + TAIL
    )


def test_shapes_whose_sizes_only_add_up_are_refused():
    records = [np.arange(4), np.arange(3), np.arange(5)]

    assert message_of(records) == (
        HEAD + "  record 1, `record`: i64[3] (record 0: i64[4])\n"
        "  record 2, `record`: i64[5] (record 0: i64[4])" + TAIL
    )


@pytest.mark.parametrize(
    ("records", "lines"),
    [
        (
            [{"a": 1}, {"b": 1}],
            "  record 1, `record['a']`: absent (record 0: i64[])\n"
            "  record 1, `record['b']`: i64[] (record 0: absent)",
        ),
        (
            [{"a": 1}, {"a": 1, "b": 1}],
            "  record 1, `record['b']`: i64[] (record 0: absent)",
        ),
        ([1, None], "  record 1, `record`: None (record 0: i64[])"),
        ([None], "  record 0, `record`: None (record 0: None)"),
        ([1, b"x"], "  record 1, `record`: bytes (record 0: i64[])"),
        ([(1,), [1]], "  containers of different types (list, tuple)"),
        (
            [np.zeros(i) for i in range(7)],
            "  record 1, `record`: f64[1] (record 0: f64[0])\n"
            "  record 2, `record`: f64[2] (record 0: f64[0])\n"
            "  record 3, `record`: f64[3] (record 0: f64[0])\n"
            "  record 4, `record`: f64[4] (record 0: f64[0])\n"
            "  and 2 more",
        ),
    ],
)
def test_structures_that_differ_are_named(records, lines):
    assert message_of(records) == HEAD + lines + TAIL
