import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import IterDataset, MapDataset, ReadOptions, experimental, transforms

SYNC = ReadOptions(0, 0)


class Parts(transforms.FlatMap):
    max_fan_out = 3

    def flat_map(self, element):
        return [10 * element + i for i in range(element)]


def in_order(count, start=0):
    return MapDataset.range(start, start + count).to_iter_dataset(SYNC)


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        list(call(*args, **kwargs))
    return str(caught.value)


@pytest.mark.parametrize("make", [MapDataset.range, in_order])
def test_flat_map_gives_all_parts_in_order(make):
    assert list(make(4).apply(Parts())) == [10, 20, 21, 30, 31, 32]


def test_flat_map_by_index_has_room_for_the_most_parts():
    ds = MapDataset.range(4).flat_map(Parts())

    assert [ds[i] for i in range(6)] == [None, None, None, 10, None, None]
    assert list(ds.repeat(2)) == 2 * [10, 20, 21, 30, 31, 32]
    filtered = MapDataset.range(4).filter(lambda x: x != 2).flat_map(Parts())
    assert list(filtered) == [10, 30, 31, 32]


def test_a_record_is_read_and_split_once_for_all_its_parts():
    split = []
    ds = MapDataset.range(8).flat_map(
        lambda x: split.append(x) or [x, x], max_fan_out=2
    )

    list(ds.to_iter_dataset(ReadOptions(0, 16)))

    assert split == list(range(8))


def test_too_many_parts_are_told():
    for ds in (MapDataset.range(5), in_order(5)):
        with pytest.raises(ValueError) as caught:
            list(ds.flat_map(Parts()))
        assert str(caught.value) == (
            "flat_map: an element was split into 4 parts, but `max_fan_out` is 3. "
            "Raise it, or split less."
        )
        assert caught.value.__notes__ == [
            "dolmen.data: raised by flat_map(Parts, 3) for record 4 of "
            "source(range(0, 5))."
        ]
    assert message_of(MapDataset.range(5).flat_map, list) == (
        "MapDataset.flat_map: `max_fan_out` is needed, so that indices are known "
        "before anything is read. Say how many elements are made of one at most, or "
        "call `to_iter_dataset()` before."
    )


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(0, 7), max_size=9),
    size=st.integers(1, 9),
    drop=st.booleans(),
)
def test_rebatching_keeps_all_rows_in_order(sizes, size, drop):
    stops = list(itertools.accumulate(sizes))
    batches = [np.arange(stop - n, stop) for n, stop in zip(sizes, stops, strict=True)]
    ds = MapDataset.source([{"a": b, "b": [b[:, None]]} for b in batches])

    rebatched = list(ds.to_iter_dataset(SYNC).rebatch(size, drop_remainder=drop))

    rows = [int(x) for batch in rebatched for x in batch["a"]]
    total = sum(sizes)
    assert rows == list(range(total - total % size if drop else total))
    assert {len(batch["a"]) for batch in rebatched[:-1]} <= {size}
    assert all((b["a"][:, None] == b["b"][0]).all() for b in rebatched)


def test_what_has_no_rows_can_not_be_rebatched():
    uneven = MapDataset.source([{"a": np.ones(2), "b": np.ones((3, 1), np.int32)}])

    assert message_of(in_order(3).rebatch, 2) == (
        "rebatch(2): the leaves of an element must be arrays with leading axes of one "
        "size, got, for record 0 of source(range(0, 3)):\n  element: i64[]"
    )
    assert message_of(uneven.to_iter_dataset(SYNC).rebatch, 2) == (
        "rebatch(2): the leaves of an element must be arrays with leading axes of one "
        "size, got, for record 0 of source(list(1)):\n"
        "  element['a']: f64[2]\n"
        "  element['b']: i32[3,1]"
    )


@settings(deadline=None)
@given(
    count=st.integers(0, 40), size=st.integers(1, 50), seed=st.integers(0, 2**64 - 1)
)
def test_a_window_shuffle_stays_within_windows(count, size, seed):
    by_index = MapDataset.range(count).window_shuffle(size, seed=seed)
    in_turn = in_order(count).window_shuffle(size, seed=seed)

    for elements in (list(by_index), list(in_turn)):
        windows = [sorted(elements[i : i + size]) for i in range(0, count, size)]
        assert list(itertools.chain(*windows)) == list(range(count))


def test_windows_and_epochs_have_orders_of_their_own():
    ds = MapDataset.range(40).window_shuffle(20, seed=0)

    orders = {
        tuple(x % 20 for x in window)
        for window in (
            ds[:20],
            ds[20:],
            ds.repeat(2)[40:60],
            MapDataset.range(40).window_shuffle(20, seed=1)[:20],
        )
    }

    assert len(orders) == 4
    assert list(ds) == [ds[i] for i in range(40)]
    assert list(in_order(40).window_shuffle(20, seed=0)) == list(ds)


def test_window_shuffles_need_a_seed_and_a_size():
    assert message_of(in_order(3).window_shuffle, 2) == (
        "IterDataset.window_shuffle: a random operation needs a seed, got none. Call "
        "`.seed(...)` on the dataset before it, or pass `seed`."
    )
    assert message_of(MapDataset.range(3).window_shuffle, 0, seed=1) == (
        "MapDataset.window_shuffle: `window_size` must be at least 1, got 0."
    )


def test_limits_and_repetitions_count():
    assert list(in_order(5).limit(3).repeat(2)) == [0, 1, 2, 0, 1, 2]
    assert list(in_order(2).limit(3)) == [0, 1]
    assert list(in_order(2).repeat().limit(5)) == [0, 1, 0, 1, 0]
    assert list(in_order(0).repeat()) == []
    assert message_of(in_order(2).limit, 0) == (
        "IterDataset.limit: `count` must be at least 1, got 0."
    )


def test_a_limit_reads_nothing_beyond_it():
    seen = []
    ds = MapDataset.range(9).map(lambda x: seen.append(x) or x).to_iter_dataset(SYNC)

    list(ds.limit(4))

    assert seen == [0, 1, 2, 3]


def test_a_cache_makes_every_element_once():
    made = []
    ds = in_order(6).map(lambda x: made.append(x) or x).cache()
    half = iter(ds)
    first = [next(half) for _ in range(3)]

    everything = [list(ds), list(ds.repeat(2)), first + list(half)]

    assert everything == [[*range(6)], 2 * [*range(6)], [*range(6)]]
    assert made == list(range(6))


def test_a_cache_makes_what_a_restored_iterator_lacks():
    made = []

    def make():
        return in_order(6).map(lambda x: made.append(x) or x).cache()

    iterator = iter(make())
    list(itertools.islice(iterator, 4))
    state = iterator.get_state()
    made.clear()
    restored = iter(make().repeat(2))
    restored_alone = iter(make())

    restored_alone.set_state(state)

    assert list(restored_alone) == [4, 5]
    assert made == [4, 5]
    assert list(restored) == 2 * [*range(6)]
    assert made == [4, 5, *range(6)]


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    weights=st.lists(st.integers(1, 5), min_size=4, max_size=4),
)
def test_a_mixture_in_order_takes_the_turns_of_one_by_index(sizes, weights):
    weights = weights[: len(sizes)]
    parts = [in_order(n, 100 * i) for i, n in enumerate(sizes)]
    endless = [MapDataset.range(100 * i, 100 * i + 99) for i in range(len(sizes))]

    mixture = list(IterDataset.mix(parts, weights))

    turns = iter(MapDataset.mix(endless, weights))
    wanted = list(itertools.takewhile(lambda x: x % 100 < sizes[x // 100], turns))
    assert mixture == wanted[: len(mixture)]
    assert len(wanted) == len(mixture)


def test_a_mixture_by_name_takes_weights_by_name():
    parts = {"a": in_order(6), "b": in_order(6, 100)}

    assert list(IterDataset.mix(parts, {"b": 2, "a": 1})) == list(
        IterDataset.mix([*parts.values()], [1, 2])
    )
    assert message_of(IterDataset.mix, parts, {"a": 1}) == (
        "IterDataset.mix: `weights` must have the names of `datasets`, ['a', 'b'], got "
        "['a']."
    )
    assert message_of(IterDataset.mix, [*parts.values()], {"a": 1}) == (
        "IterDataset.mix: `weights` has names, but `datasets` has none. Give both in "
        "the same form."
    )
    assert message_of(IterDataset.mix, [MapDataset.range(2)]) == (
        "IterDataset.mix: `datasets[0]` must be of type IterDataset, got MapDataset."
    )


def test_a_strict_zip_refuses_datasets_of_unequal_length():
    pairs = [in_order(3), in_order(2)]

    assert list(IterDataset.zip(pairs, strict=False)) == [(0, 0), (1, 1)]
    assert list(IterDataset.zip([in_order(2), in_order(2)])) == [(0, 0), (1, 1)]
    for given_parts, ended, other in ((pairs, 1, 0), (pairs[::-1], 0, 1)):
        assert message_of(IterDataset.zip, given_parts) == (
            "zip: datasets must have as many elements as each other, but dataset "
            f"{ended} ends after 2, and dataset {other} goes on. Pass `strict=False` "
            "to end with the shortest."
        )


INTERLEAVED = [  # as Grain interleaves them
    (
        [3, 1, 4, 2, 5],
        1,
        [0, 1, 2, 100, 200, 201, 202, 203, 300, 301, *range(400, 405)],
    ),
    (
        [3, 1, 4, 2, 5],
        2,
        [0, 100, 1, 2, 200, 201, 300, 202, 301, 203, *range(400, 405)],
    ),
    (
        [3, 1, 4, 2, 5],
        3,
        [0, 100, 200, 1, 201, 2, 300, 202, 301, 203, *range(400, 405)],
    ),
    ([2, 0, 3, 0, 0, 4], 2, [0, 1, 200, 201, 202, *range(500, 504)]),
    ([2, 0, 3, 0, 0, 4], 10, [0, 200, 500, 1, 201, 501, 202, 502, 503]),
    ([1, 5, 1], 2, [0, 100, 101, 200, 102, 103, 104]),
]


@pytest.mark.parametrize(("sizes", "cycle_length", "expected"), INTERLEAVED)
@pytest.mark.parametrize("ahead", [0, 2])
def test_slots_of_an_interleaving_take_turns(sizes, cycle_length, expected, ahead):
    parts = [in_order(n, 100 * i) for i, n in enumerate(sizes)]
    options = {
        "cycle_length": cycle_length,
        "num_make_iter_threads": ahead,
        "make_iter_buffer_size": ahead,
        "iter_buffer_size": ahead,
    }
    made = MapDataset.source(parts).map(lambda part: part)

    assert list(experimental.InterleaveIterDataset(parts, **options)) == expected
    assert list(experimental.InterleaveIterDataset(made, **options)) == expected


def test_an_interleaving_tells_what_it_can_not_read():
    interleave = functools.partial(experimental.InterleaveIterDataset, cycle_length=2)

    assert list(interleave([])) == []
    assert message_of(interleave, [MapDataset.range(2), "file"]) == (
        "InterleaveIterDataset: `datasets[1]` must be a MapDataset or an IterDataset, "
        "got str."
    )
    assert message_of(interleave, MapDataset.range(2)) == (
        "InterleaveIterDataset: `datasets[0]` must be a MapDataset or an IterDataset, "
        "got int."
    )
    files = MapDataset.range(4).filter(lambda n: n % 2).map(MapDataset.range)
    assert list(interleave(files)) == [0, 0, 1, 2]


def test_errors_above_combinations_name_the_record():
    def fail_at(x):
        return 1 // (x != 101)

    parts = [in_order(3), in_order(3, 100)]
    combined = {
        "record 1 of source(range(100, 103))": [
            IterDataset.mix(parts),
            IterDataset.concatenate(parts),
            experimental.InterleaveIterDataset(parts, cycle_length=2),
            IterDataset.concatenate(parts).limit(6),
            IterDataset.concatenate(parts).repeat(),
            IterDataset.concatenate(parts).cache().prefetch(),
        ],
        "element 2 of group 1 of window_shuffle(3, 0)": [
            IterDataset.concatenate(parts).window_shuffle(3, seed=0)
        ],
    }

    for origin, datasets in combined.items():
        for ds in datasets:
            with pytest.raises(ZeroDivisionError) as caught:
                list(ds.map(fail_at))
            assert caught.value.__notes__[0].endswith(f"for {origin}.")
    with pytest.raises(ZeroDivisionError) as caught:
        list(IterDataset.zip(parts).map(lambda pair: fail_at(pair[1])))
    assert caught.value.__notes__[0].endswith(
        "for record 1 of source(range(0, 3)) with record 1 of source(range(100, 103))."
    )


def test_grains_classes_are_the_methods():
    e = experimental
    ten, some = in_order(10), MapDataset.range(10)
    batches = some.batch(4).to_iter_dataset(SYNC)
    pairs = [
        (e.ZipMapDataset([some, some]), MapDataset.zip([some, some])),
        (e.ZipIterDataset([ten, ten], strict=False), IterDataset.zip([ten, ten])),
        (e.FlatMapMapDataset(some[:3], Parts()), some[:3].flat_map(Parts())),
        (e.FlatMapIterDataset(in_order(3), Parts()), in_order(3).flat_map(Parts())),
        (
            e.WindowShuffleMapDataset(some, window_size=3, seed=1),
            some.window_shuffle(3, seed=1),
        ),
        (
            e.WindowShuffleIterDataset(ten, window_size=3, seed=1),
            ten.window_shuffle(3, seed=1),
        ),
        (e.LimitIterDataset(ten, 3), ten.limit(3)),
        (e.RepeatIterDataset(ten, 3), ten.repeat(3)),
        (
            e.RebatchIterDataset(batches, 3, True),
            batches.rebatch(3, drop_remainder=True),
        ),
        (e.CacheIterDataset(ten), ten),
        (e.apply_transformations(some, [Parts()][:0]), some),
    ]

    for ours, method in pairs:
        np.testing.assert_equal(list(ours), list(method))


def test_a_short_batch_is_padded():
    pad = experimental.batch_and_pad

    padded = pad([{"a": np.ones(2), "b": 1}], batch_size=2, pad_value=7)

    np.testing.assert_equal(padded, {"a": [[1, 1], [7, 7]], "b": [1, 7]})
    assert padded["b"].dtype == np.int64
    assert pad([1, 2], batch_size=2).tolist() == [1, 2]
    assert pad(["a"], batch_size=2, pad_value="long").tolist() == ["a", "long"]
    assert pad([b"a"], batch_size=2, pad_value=b"").tolist() == [b"a", b""]
    assert np.isnan(pad([1.0], batch_size=2, pad_value=np.nan)[1])
    assert message_of(pad, [1, 2], batch_size=1) == (
        "batch_and_pad: `values` must hold 1 to 1 elements, got 2."
    )
    assert message_of(pad, [1], batch_size=2, pad_value=0.5) == (
        "batch_and_pad: `pad_value` 0.5 is no value of i64[1]."
    )
