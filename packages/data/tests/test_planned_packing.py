import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import MapDataset, ReadOptions
from dolmen.data._planned_packing import best_fit_decreasing

sizes_lists = st.lists(st.integers(0, 12), max_size=50)


def texts(sizes):
    """Example `i` holds its number, as often as its size says."""
    return MapDataset.source(
        [
            {"x": np.full(n, i + 1), "y": np.full(n, -i), "id": i}
            for i, n in enumerate(sizes)
        ]
    )


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        list(call(*args, **kwargs))
    return str(caught.value)


def fit_by_loop(sizes, length, most):
    """Room that is left in each bin, by plain loops over bins."""
    left, counts = [], []
    for size in sorted(sizes, reverse=True):
        fitting = [
            (room, -b)
            for b, room in enumerate(left)
            if room >= size and counts[b] != most
        ]
        if fitting:
            chosen = -min(fitting)[1]
        else:
            chosen = len(left)
            left.append(length)
            counts.append(0)
        left[chosen] -= size
        counts[chosen] += 1
    return sorted(left)


@settings(deadline=None)
@given(sizes=sizes_lists, most=st.none() | st.integers(1, 4))
def test_the_plan_is_best_fit_decreasing(sizes, most):
    bins = np.array(best_fit_decreasing(np.array(sizes, int), 12, most), int)

    used = np.bincount(bins, sizes)
    counts = np.bincount(bins)
    assert used.max(initial=0) <= 12
    assert counts.max(initial=0) <= (most or 50)
    # Which of equally full bins is taken makes no difference without `most`.
    assert most or sorted((12 - used).tolist()) == fit_by_loop(sizes, 12, most)


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 12), max_size=50), window=st.integers(1, 60))
def test_every_example_stands_once_and_whole_in_a_row(sizes, window):
    ds = texts(sizes).pack(
        {"x": 12, "y": 12}, lengths=sizes, meta_features=["id"], window_size=window
    )

    rows = list(ds)

    assert sorted(i for row in rows for i in row["id"]) == list(range(len(sizes)))
    for row in rows:
        wanted = np.repeat(np.array(row["id"]) + 1, [sizes[i] for i in row["id"]])
        assert row["x"][: len(wanted)].tolist() == wanted.tolist()
        assert not row["x"][len(wanted) :].any()
        ids = row["x_segment_ids"][: len(wanted)]
        assert [row["id"][i - 1] + 1 for i in ids] == wanted.tolist()
        windows = {i // window for i in row["id"]}
        assert len(windows) == 1


def checked_equal(one, other):
    assert one.keys() == other.keys()
    for key in one:
        assert one[key].dtype == other[key].dtype
        np.testing.assert_array_equal(one[key], other[key])


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 12), min_size=1, max_size=50))
def test_rows_made_together_are_those_made_one_by_one(sizes):
    examples = MapDataset.source(
        [
            {"x": np.full((n, 2), i, np.int16), "y": np.full(n, i / 8), "id": i}
            for i, n in enumerate(sizes)
        ]
    )
    arguments = {"lengths": sizes, "padding_struct": {"x": -1}}

    together = examples.pack({"x": 12, "y": 12}, meta_features=["y"], **arguments)
    # Lists are not stacked: with one in them, rows are made one by one.
    alone = examples.pack({"x": 12, "y": 12}, meta_features=["y", "id"], **arguments)

    (batch,) = together.batch(len(together))
    for number in range(len(alone)):
        row = alone[number]
        del row["id"]
        checked_equal({key: batch[key][number] for key in batch}, row)


def test_a_row_does_not_depend_on_those_it_is_made_together_with():
    examples = [{"x": np.ones(4, dtype)} for dtype in (np.int32, np.float32, np.int8)]
    rows = MapDataset.source(examples).pack({"x": 4}, lengths=[4, 4, 4])

    made_together = list(rows.to_iter_dataset(ReadOptions(0, 8)))

    for number, row in enumerate(made_together):
        checked_equal(row, rows[number])


def test_rows_are_known_by_index_and_shuffle_anew_in_every_epoch():
    sizes = np.arange(200) % 9 + 1
    rows = texts(sizes).pack({"x": 16}, lengths=sizes, meta_features=["id"])

    ds = rows.seed(0).shuffle().repeat(2)
    examples = [row["id"] for row in ds.to_iter_dataset(ReadOptions(2, 8))]

    first, second = examples[: len(rows)], examples[len(rows) :]
    assert ds[3]["id"] == examples[3]
    assert sorted(first) == sorted(second) != first
    assert sorted(i for ids in first for i in ids) == list(range(200))
    assert first != second


def test_random_maps_below_differ_from_epoch_to_epoch():
    def draw(example, rng):
        return example | {"x": rng.integers(1, 1000, len(example["x"]))}

    rows = texts([3, 4]).random_map(draw, seed=0).pack({"x": 8}, lengths=[3, 4])

    assert len(rows) == 1
    assert rows[0]["x"].tolist() == rows[0]["x"].tolist() != rows[1]["x"].tolist()


def test_rows_are_filled_almost_entirely():
    rng = np.random.default_rng(0)
    sizes = np.clip(rng.lognormal(5, 1, 100_000), 8, 1024).astype(int)
    start = time.perf_counter()

    rows = MapDataset.range(len(sizes)).pack({"x": 1024}, lengths=sizes)
    count = len(rows)

    assert sizes.sum() / (1024 * count) >= 0.995
    assert time.perf_counter() - start < 10


def test_a_plan_that_can_not_be_made_is_told():
    ds = texts([1, 2, 3])

    assert message_of(ds.pack, {"x": 4}, lengths=[1, 2]) == (
        "MapDataset.pack: `lengths` must be 3 integers, one for each example, got "
        "i64[2]."
    )
    assert message_of(ds.pack, {"x": 2}, lengths=[1, 2, 3]) == (
        "MapDataset.pack: `lengths` must be from 0 to 2, the length of a row, got 3 at "
        "2. Cut examples short before."
    )
    assert message_of(ds.pack, {"x": 4, "y": 5}, lengths=[1, 2, 3]) == (
        "MapDataset.pack: features must have rows of equal length, got {'x': 4, 'y': "
        "5}. Pack in order with `experimental.BestFitPackIterDataset`."
    )
    assert message_of(ds.shuffle(3).pack, {"x": 4}, lengths=[1, 2, 3]) == (
        "MapDataset.pack: rows are the same in every epoch, so `pack` can not follow "
        "`shuffle(3)`. Shuffle the rows afterwards."
    )
    assert message_of(ds.filter(len).pack, {"x": 4}, lengths=[1, 2, 3]) == (
        "MapDataset.pack: `pack` can not follow `filter`, because it plans with all "
        "examples. Filter the source before, or pack in order with "
        "`experimental.BestFitPackIterDataset`."
    )
    assert message_of(ds.pack, {"x": 4}, lengths=[1, 2, 2]) == (
        "pack: `lengths` says 2 of an example, but its features have {'x': 3} entries, "
        "for record 2 of source(list(3))."
    )


def test_a_state_belongs_to_the_lengths_that_it_was_planned_with():
    ds = texts([2, 2, 2])
    state = iter(ds.pack({"x": 4}, lengths=[2, 2, 2])).get_state()

    with pytest.raises(ValueError, match="saved by another pipeline"):
        iter(ds.pack({"x": 4}, lengths=[2, 2, 1])).set_state(state)


def test_errors_above_name_the_row():
    rows = texts([2, 2, 2]).pack({"x": 4}, lengths=[2, 2, 2])

    with pytest.raises(ZeroDivisionError) as caught:
        list(rows.map(lambda row: 1 // 0))

    assert caught.value.__notes__[0].endswith(
        "for a row of 2 examples from record 0 of source(list(3))."
    )
