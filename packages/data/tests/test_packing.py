import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import MapDataset, ReadOptions, experimental
from dolmen.data._bins import Bins
from dolmen.data.experimental import (
    BestFitPackIterDataset,
    BOSHandling,
    ConcatThenSplitIterDataset,
    FirstFitPackIterDataset,
    PackAndBatchOperation,
)
from dolmen.data.python import Record, RecordMetadata

SYNC = ReadOptions(0, 0)
sizes_lists = st.lists(st.integers(1, 12), max_size=40)
pairs_lists = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 7)), max_size=40)


def in_order(elements):
    return MapDataset.source(elements).to_iter_dataset(SYNC)


def texts(sizes, key="x"):
    """Example `i` holds ``100 * i + 1, 100 * i + 2, ...``."""
    return in_order([{key: 100 * i + np.arange(1, n + 1)} for i, n in enumerate(sizes)])


def plain(rows):
    return [{key: np.asarray(row[key]).tolist() for key in row} for row in rows]


def segments(row, key="x"):
    """The entries of each segment of a row."""
    ids, entries = row[f"{key}_segment_ids"], row[key]
    return [entries[ids == i].tolist() for i in range(1, ids.max(initial=0) + 1)]


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        list(call(*args, **kwargs))
    return str(caught.value)


def fit_by_loop(examples, room, count, choose, most):
    """Packs by plain loops: a list of bins, each of numbers of examples.

    `choose` picks one of the pairs (room that is left, bin).
    """
    done, bins = [], [[] for _ in range(count)]
    for number in range(len(examples)):
        fitting = _with_room(examples, number, bins, room, most)
        if not fitting:
            done += [b for b in bins if b]
            bins = [[] for _ in range(count)]
            fitting = _with_room(examples, number, bins, room, most)
        bins[choose(fitting)[1]].append(number)
    return done + [b for b in bins if b]


def _with_room(examples, number, bins, room, most):
    found = []
    for b, numbers in enumerate(bins):
        inside = [examples[i] for i in (*numbers, number)]
        left = (np.array(room) - np.sum(inside, axis=0)).tolist()
        if min(left) >= 0 and len(numbers) < (most or len(examples)):
            found.append((sum(left), b))
    return found


FITS = [
    (FirstFitPackIterDataset, lambda fitting: min(fitting, key=lambda pair: pair[1])),
    (BestFitPackIterDataset, min),
]


@pytest.mark.parametrize(("pack", "choose"), FITS)
@settings(deadline=None)
@given(pairs=pairs_lists, count=st.integers(1, 5), most=st.none() | st.integers(1, 3))
def test_examples_go_where_plain_loops_put_them(pack, choose, pairs, count, most):
    examples = in_order(
        [
            {"x": np.full(a, i + 1), "y": np.full(b, i + 1), "id": i}
            for i, (a, b) in enumerate(pairs)
        ]
    )

    rows = pack(
        examples,
        length_struct={"x": 12, "y": 7},
        num_packing_bins=count,
        shuffle_bins=False,
        meta_features=["id"],
        max_sequences_per_bin=most,
    )

    assert [row["id"] for row in rows] == fit_by_loop(
        pairs, (12, 7), count, choose, most
    )


@pytest.mark.parametrize("pack", [FirstFitPackIterDataset, BestFitPackIterDataset])
@settings(deadline=None)
@given(sizes=sizes_lists, count=st.integers(1, 6), shuffled=st.booleans())
def test_every_example_stands_once_and_whole_in_a_row(pack, sizes, count, shuffled):
    rows = list(
        pack(
            texts(sizes),
            length_struct={"x": 12},
            num_packing_bins=count,
            shuffle_bins=shuffled,
        )
    )

    found = sorted(s for row in rows for s in segments(row))
    assert found == [plain([e])[0]["x"] for e in texts(sizes)]
    for row in rows:
        assert row["x"].shape == row["x_positions"].shape == (12,)
        assert row["x_segment_ids"].dtype == row["x_positions"].dtype == np.int32
        is_padding = row["x_segment_ids"] == 0
        assert (row["x"][is_padding] == 0).all()
        assert (row["x_positions"][is_padding] == 0).all()
        # By construction an entry of a text is its position in it plus one.
        kept = ~is_padding
        assert ((row["x"] - 1) % 100 == row["x_positions"])[kept].all()


def test_rows_are_grains():
    ds = FirstFitPackIterDataset(
        texts([3, 4, 5, 2, 8, 1, 7]),
        length_struct={"x": 8},
        num_packing_bins=3,
        shuffle_bins=False,
    )

    rows = plain(ds)

    assert rows[0] == {
        "x": [1, 2, 3, 101, 102, 103, 104, 501],
        "x_positions": [0, 1, 2, 0, 1, 2, 3, 0],
        "x_segment_ids": [1, 1, 1, 2, 2, 2, 2, 3],
    }
    assert [row["x"] for row in rows[1:]] == [
        [201, 202, 203, 204, 205, 301, 302, 0],
        [401, 402, 403, 404, 405, 406, 407, 408],
        [601, 602, 603, 604, 605, 606, 607, 0],
    ]


def test_alignment_and_padding_are_by_feature():
    elements = [{k: np.arange(1, n + 1) for k in "xy"} for n in (3, 2, 1)]

    (row,) = plain(
        FirstFitPackIterDataset(
            in_order(elements),
            length_struct={"x": 9, "y": 9},
            num_packing_bins=1,
            pack_alignment_struct={"x": 4},
            padding_struct={"x": -1},
        )
    )

    assert row == {
        "x": [1, 2, 3, -1, 1, 2, -1, -1, 1],
        "x_positions": [0, 1, 2, 0, 0, 1, 0, 0, 0],
        "x_segment_ids": [1, 1, 1, 0, 2, 2, 0, 0, 3],
        "y": [1, 2, 3, 1, 2, 1, 0, 0, 0],
        "y_positions": [0, 1, 2, 0, 1, 0, 0, 0, 0],
        "y_segment_ids": [1, 1, 1, 2, 2, 3, 0, 0, 0],
    }


def test_features_may_have_more_axes_and_be_meta():
    elements = [
        {"x": np.full((n, 2), n, np.float32), "id": n, "name": str(n), "other": 0}
        for n in (2, 1)
    ]

    (row,) = FirstFitPackIterDataset(
        in_order(elements),
        length_struct={"x": 4, "id": 3},
        num_packing_bins=1,
        meta_features=["id", "name"],
    )

    assert row.keys() == {"x", "x_segment_ids", "x_positions", "id", "name"}
    assert row["x"].dtype == np.float32
    assert row["x"].tolist() == [[2, 2], [2, 2], [1, 1], [0, 0]]
    assert row["id"].tolist() == [2, 1, 0]
    assert row["name"] == ["2", "1"]


def test_bins_are_shuffled_by_group_and_seed_and_sorted_on_demand():
    elements = [{"x": np.full(2, i + 1), "g": i % 3 + 1} for i in range(12)]

    def order(seed, **options):
        rows = FirstFitPackIterDataset(
            in_order(elements),
            length_struct={"x": 2, "g": 1},
            num_packing_bins=6,
            meta_features=["g"],
            seed=seed,
            **options,
        )
        return [(int(row["x"][0]), int(row["g"][0])) for row in rows]

    plain_order, first, second = order(0, shuffle_bins=False), order(0), order(1)
    by_group = order(0, shuffle_bins_group_by_feature="g")

    assert sorted(first[:6]) == sorted(second[:6]) == plain_order[:6]
    assert len({tuple(x) for x in (plain_order, first, second)}) == 3
    shifted = [(x + 6, g) for x, g in first[:6]]
    assert shifted != first[6:]
    assert [g for _, g in by_group] == 2 * [1, 1, 2, 2, 3, 3]


def test_best_fit_fills_rows_almost_entirely():
    rng = np.random.default_rng(0)
    sizes = np.clip(rng.lognormal(4.5, 1, 6000), 1, 1024).astype(int)

    rows = list(
        BestFitPackIterDataset(
            in_order([{"x": np.ones(n, np.uint16)} for n in sizes]),
            length_struct={"x": 1024},
            num_packing_bins=700,
            shuffle_bins=False,
        )
    )

    filled = [np.count_nonzero(row["x_segment_ids"]) for row in rows]
    assert sum(filled) == sizes.sum()
    assert np.mean(filled[:700]) / 1024 >= 0.99


def test_examples_that_can_not_be_packed_are_told():
    def pack(elements, **lengths):
        return FirstFitPackIterDataset(
            in_order(elements), length_struct=lengths, num_packing_bins=2
        )

    assert message_of(pack, [{"x": np.ones(3)}, {"x": np.ones(9)}], x=8) == (
        "pack: feature 'x' has 9 entries, but a row has room for 8, for record 1 of "
        "source(list(2)). Cut it short before, or use `ConcatThenSplitIterDataset`."
    )
    assert message_of(pack, [{"x": np.ones(3)}], x=8, y=3) == (
        "pack: elements must be dictionaries with the features ['x', 'y'], got ['x'], "
        "for record 0 of source(list(1))."
    )


def test_wrong_options_are_told():
    ds = texts([1])

    def first_fit(**options):
        defaults = {"length_struct": {"x": 4}, "num_packing_bins": 1}
        return FirstFitPackIterDataset(ds, **(defaults | options))

    assert message_of(first_fit, length_struct=8) == (
        "FirstFitPackIterDataset: `length_struct` must be a dictionary from features "
        "to lengths, got int. Put an array into a dictionary before."
    )
    assert message_of(first_fit, length_struct={"x": 0}) == (
        "FirstFitPackIterDataset: `length_struct['x']` must be at least 1, got 0."
    )
    assert message_of(
        FirstFitPackIterDataset,
        MapDataset.range(2),
        length_struct={"x": 4},
        num_packing_bins=1,
    ) == (
        "FirstFitPackIterDataset: `parent` must be an IterDataset, got MapDataset. "
        "Call `to_iter_dataset()` on a MapDataset."
    )
    assert message_of(first_fit, length_struct={}) == (
        "FirstFitPackIterDataset: `length_struct` must name a feature, got none."
    )
    assert message_of(first_fit, num_packing_bins=0) == (
        "FirstFitPackIterDataset: `num_packing_bins` must be at least 1, got 0."
    )
    assert message_of(first_fit, padding_struct={"y": 1}) == (
        "FirstFitPackIterDataset: `padding_struct` must name features of "
        "`length_struct`, ['x'], got ['y']."
    )
    assert message_of(first_fit, shuffle_bins_group_by_feature="y") == (
        "FirstFitPackIterDataset: `shuffle_bins_group_by_feature` must be a feature of "
        "`length_struct`, ['x'], got 'y'."
    )


def test_options_of_cutting_must_go_together():
    def cut(**options):
        return ConcatThenSplitIterDataset(texts([1]), length_struct={"x": 4}, **options)

    replace = BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS
    together = (
        "ConcatThenSplitIterDataset: `bos_features` and `bos_token_id` go together "
        "with `BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS`, got "
    )
    assert message_of(cut, bos_features=["x"], bos_token_id=1) == (
        together + "BOSHandling.DO_NOTHING, ['x'] and 1."
    )
    assert message_of(cut, bos_token_id=1) == (
        together + "BOSHandling.DO_NOTHING, [] and 1."
    )
    assert message_of(cut, bos_handling=replace, bos_features=["x"]) == (
        together + "BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS, ['x'] and None."
    )
    assert message_of(cut, meta_features=["x"]) == (
        "ConcatThenSplitIterDataset: `length_struct` must name a feature that is no "
        "meta feature, and all of `bos_features`, got ['x']."
    )


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 30), max_size=20), length=st.integers(1, 9))
def test_cutting_keeps_all_entries_in_order_without_padding(sizes, length):
    rows = list(ConcatThenSplitIterDataset(texts(sizes), length_struct={"x": length}))

    entries = [int(x) for row in rows for s in segments(row) for x in s]
    assert entries == [int(x) for e in texts(sizes) for x in e["x"]]
    for row in rows[:-1]:
        assert (row["x_segment_ids"] > 0).all()
    for row in rows:
        for segment in filter(None, segments(row)):
            assert np.diff(segment).tolist() == [1] * (len(segment) - 1)


def test_rows_of_two_features_are_cut_as_grain_cuts_them():
    elements = [
        {"x": np.arange(1, n + 1) + 100 * i, "y": np.arange(1, 2 * n + 1) + 100 * i}
        for i, n in enumerate([3, 4, 5, 2])
    ]

    rows = plain(
        ConcatThenSplitIterDataset(in_order(elements), length_struct={"x": 8, "y": 10})
    )

    assert [row["x"] for row in rows] == [
        [1, 2, 3, 101, 102, 103, 104, 0],
        [201, 202, 203, 204, 205, 0, 0, 0],
        [301, 302, 0, 0, 0, 0, 0, 0],
    ]
    assert [row["x_segment_ids"] for row in rows] == [
        [1, 1, 1, 2, 2, 2, 2, 0],
        [2, 2, 2, 2, 2, 0, 0, 0],
        [2, 2, 0, 0, 0, 0, 0, 0],
    ]
    assert [row["y"] for row in rows] == [
        [1, 2, 3, 4, 5, 6, 101, 102, 103, 104],
        [105, 106, 107, 108, 201, 202, 203, 204, 205, 206],
        [207, 208, 209, 210, 301, 302, 303, 304, 0, 0],
    ]
    assert rows[1]["y_positions"] == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5]


def test_first_tokens_of_all_segments_are_replaced():
    rows = plain(
        ConcatThenSplitIterDataset(
            texts([3, 4, 8, 2]),
            length_struct={"x": 8},
            bos_handling=BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS,
            bos_features=["x"],
            bos_token_id=-5,
        )
    )

    assert [row["x"] for row in rows] == [
        [-5, 2, 3, -5, 102, 103, 104, -5],
        [-5, 203, 204, 205, 206, 207, 208, -5],
        [-5, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_full_examples_may_pass_whole():
    ds = ConcatThenSplitIterDataset(
        texts([3, 8, 4, 8, 9]),
        length_struct={"x": 8},
        split_full_length_features=False,
    )

    assert [row["x"][0] for row in ds] == [101, 301, 1, 402]
    assert [segments(row) for row in ds][2] == [
        [1, 2, 3],
        [201, 202, 203, 204],
        [401],
    ]


def test_a_meta_feature_ends_a_row_where_it_has_no_room():
    elements = [{"x": np.arange(1, n + 1), "id": n} for n in (2, 2, 2, 2, 3)]

    rows = ConcatThenSplitIterDataset(
        in_order(elements), length_struct={"x": 8, "id": 2}, meta_features=["id"]
    )

    assert [(row["id"].tolist(), segments(row)) for row in rows] == [
        ([2, 2], [[1, 2], [1, 2]]),
        ([2, 2], [[1, 2], [1, 2]]),
        ([3, 0], [[1, 2, 3]]),
    ]


def test_batches_of_records_are_packed():
    records = [
        Record(RecordMetadata(i, i), {"x": np.arange(1, n + 1)})
        for i, n in enumerate([3, 2, 4, 1, 2])
    ]

    packed = list(PackAndBatchOperation({"x": 5}, batch_size=2)(iter(records)))

    assert [r.metadata for r in packed] == [RecordMetadata(3), RecordMetadata(4)]
    np.testing.assert_equal(
        [r.data for r in packed],
        [
            (
                {"x": [[1, 2, 3, 1, 2], [1, 2, 3, 4, 1]]},
                {"x": [[1, 1, 1, 2, 2], [1, 1, 1, 1, 2]]},
                {"x": [[0, 1, 2, 0, 1], [0, 1, 2, 3, 0]]},
            ),
            (
                {"x": [[1, 2, 0, 0, 0], [0, 0, 0, 0, 0]]},
                {"x": [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]},
                {"x": [[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]},
            ),
        ],
    )
    assert message_of(PackAndBatchOperation({"x": 2}, 1), iter(records)) == (
        "PackAndBatchOperation: record 0 is longer than a row: [3], with room for [2]. "
        "Cut it short before."
    )


def test_bins_round_up_to_alignments():
    bins = Bins(2, [10], [4], is_best_fit=True, most=None)

    assert [bins.place([n]) for n in (5, 3, 2, 8, 3)] == [0, 1, 0, None, 1]


def test_packing_goes_on_from_a_state_after_many_rows_by_few_reads():
    seen = []
    source = MapDataset.range(10_000).map(
        lambda i: seen.append(i) or {"x": np.full(i % 7 + 1, i)}
    )

    def pack():
        return experimental.FirstFitPackIterDataset(
            source.to_iter_dataset(SYNC), length_struct={"x": 16}, num_packing_bins=4
        )

    iterator = iter(pack())
    for _ in range(1001):
        next(iterator)
    state, following = iterator.get_state(), next(iterator)
    seen.clear()
    restored = iter(pack())
    restored.set_state(state)

    np.testing.assert_equal(next(restored), following)
    assert len(seen) < 40
