import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import Arrays, MapDataset, ReadOptions, batched, transforms
from dolmen.data._tree import stack

mix, concatenate = MapDataset.mix, MapDataset.concatenate
lengths = st.lists(st.integers(1, 30), min_size=1, max_size=5)


class Table(transforms.DatasetSelectionMap):
    def __init__(self, *entries):
        self._entries = entries

    def __len__(self):
        return len(self._entries)

    def __getitem__(self, index):
        return self._entries[index]


def numbered(sizes):
    """One dataset for each size, of pairs (dataset, record)."""
    return [
        MapDataset.range(size).map(lambda x, part=part: (part, x))
        for part, size in enumerate(sizes)
    ]


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        list(call(*args, **kwargs))
    return str(caught.value)


@settings(deadline=None)
@given(sizes=lengths, weights=st.lists(st.integers(1, 9), min_size=5, max_size=5))
def test_a_mixture_reads_its_parts_in_order_until_one_has_been_read_once(
    sizes, weights
):
    mixture = mix(numbered(sizes), weights[: len(sizes)])

    records = list(mixture)

    for part, size in enumerate(sizes):
        own = [record for chosen, record in records if chosen == part]
        assert own == list(range(len(own)))
        assert len(own) <= size
    beyond = {mixture[len(records) + i][0] for i in range(2 * sum(weights))}
    assert beyond == set(range(len(sizes)))


def test_a_mixture_ends_before_a_part_begins_again():
    # Rounding is a record ahead here: a share of 7/28 would make it 8 elements.
    mixture = mix(numbered([9, 9, 9, 2]), [1, 12, 8, 7])

    assert len(mixture) == 7
    assert mixture[7] == (3, 0)


def test_parts_in_proportion_to_their_sizes_are_read_exactly_once():
    parts = [MapDataset.range(i, i + n) for i, n in ((0, 30), (100, 20), (200, 50))]
    shuffled = [part.shuffle(i) for i, part in enumerate(parts)]

    mixture = mix(shuffled, [30, 20, 50])

    assert sorted(mixture) == sorted(itertools.chain(*parts))


def test_a_repeated_mixture_reads_on_in_longer_parts():
    long, short = MapDataset.range(5), MapDataset.range(10, 13)

    mixture = list(mix([long, short]).repeat(2))

    assert mixture[::2] == [0, 1, 2, 3, 4, 0]
    assert mixture[1::2] == [10, 11, 12, 10, 11, 12]


def test_endless_parts_make_an_endless_mixture():
    web = MapDataset.range(7).seed(1).shuffle().repeat()
    code = MapDataset.range(100, 103).seed(2).shuffle().repeat()

    mixture = mix([web, code], [0.75, 0.25])
    far = 4 * 10**12

    assert len(mixture) == sys.maxsize
    records = [mixture[far + i] for i in range(28)]
    assert [x for x in records if x < 100] == list(web[3 * 10**12 :][:21])
    assert [x for x in records if x >= 100] == list(code[10**12 :][:7])


def test_a_part_gives_the_elements_that_it_gives_alone():
    def draw(x, rng):
        return x, rng.integers(1000)

    first = MapDataset.range(20).seed(0).shuffle().random_map(draw).repeat()
    second = MapDataset.range(100, 130).seed(1).shuffle().random_map(draw).repeat()

    mixture = [mix([first, second], [2, 3])[i] for i in range(250)]

    assert [e for e in mixture if e[0] < 100] == list(first[:100])
    assert [e for e in mixture if e[0] >= 100] == list(second[:150])


def test_combinations_nest():
    a, b, c = (MapDataset.range(i, i + 12) for i in (0, 100, 200))

    mixture = mix([mix([a, b]), c], [2, 1])
    joined = concatenate([mix([a, b]), concatenate([c[:2], c[10:]])])
    pairs = MapDataset.zip([mix([a, b]), concatenate([c, c])])

    assert [sorted(mixture[i : i + 3]) for i in (0, 3)] == [
        [0, 100, 200],
        [1, 101, 201],
    ]
    assert list(joined)[-5:] == [111, 200, 201, 210, 211]
    assert list(pairs)[12] == (6, 200)


def test_a_mixture_shuffles_as_a_whole():
    mixture = mix([MapDataset.range(20), MapDataset.range(100, 120)])

    shuffled = mixture.shuffle(3)

    assert sorted(shuffled) == sorted(mixture)
    assert list(shuffled) != list(mixture)


def test_filters_inside_leave_the_places_of_the_others():
    odd = MapDataset.range(6).filter(lambda x: x % 2)
    others = MapDataset.range(100, 106)

    mixture = mix([odd, others])

    assert [mixture[i] for i in range(4)] == [None, 100, 1, 101]
    assert list(mixture) == [100, 1, 101, 102, 3, 103, 104, 5, 105]
    assert list(MapDataset.zip([odd, others])) == [(1, 101), (3, 103), (5, 105)]
    assert list(concatenate([odd, others])) == [1, 3, 5, *range(100, 106)]
    assert message_of(mixture.batch, 2).startswith("MapDataset.batch: `batch` can not")


def test_random_operations_above_take_their_seed_from_the_parts():
    plain = MapDataset.range(40)

    def order(*seeds):
        parts = [plain if seed is None else plain.seed(seed) for seed in seeds]
        return tuple(concatenate(parts).shuffle())

    assert order(0, 1) == order(0, 1)
    assert len({order(0, 1), order(1, 0), order(0, None), order(None, 0)}) == 4
    assert message_of(order, None, None).startswith("MapDataset.shuffle: a random")
    assert sorted(mix([plain, plain]).seed(3).shuffle()) == sorted([*plain, *plain])


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 12), min_size=1, max_size=5).filter(any))
def test_a_concatenation_is_that_of_lists_in_every_epoch(sizes):
    parts = [MapDataset.range(n).shuffle(i) for i, n in enumerate(sizes)]

    joined = concatenate(parts).repeat(3)

    epochs = [
        part.repeat(3)[epoch * len(part) : (epoch + 1) * len(part)]
        for epoch in range(3)
        for part in parts
    ]
    assert list(joined) == list(itertools.chain(*epochs))


def test_a_concatenation_may_end_in_an_endless_part():
    joined = concatenate([MapDataset.range(2), MapDataset.range(5, 7).repeat()])

    assert list(joined[:6]) == [0, 1, 5, 6, 5, 6]
    assert len(joined) == sys.maxsize


def test_a_table_selects_records_of_the_same_epoch():
    parts = [MapDataset.range(4).shuffle(0), MapDataset.range(100, 103).shuffle(1)]
    table = Table((1, 2), (0, 0), (1, 0), (0, 3), (1, 5))

    chosen = list(MapDataset.select_from_datasets(parts, table).repeat(2))

    first, second = parts[0].repeat(2), parts[1].repeat(3)
    assert chosen[:5] == [second[2], first[0], second[0], first[3], second[5]]
    assert chosen[5:] == [second[5], first[4], second[3], first[7], second[8]]


def test_zip_pairs_the_same_epochs():
    left, right = MapDataset.range(5).shuffle(0), MapDataset.range(5).shuffle(1)

    pairs = list(MapDataset.zip([left, right]).repeat(2))

    assert pairs == list(zip(left.repeat(2), right.repeat(2), strict=True))


@pytest.mark.parametrize("make", [mix, concatenate, MapDataset.zip])
def test_columns_are_combined_as_columns(make):
    parts = [
        MapDataset.source(Arrays(x=np.arange(8) + i, y=np.ones((8, 2)))).shuffle(i)
        for i in (0, 100)
    ]
    calls = []
    combined = make(parts).map(batched(lambda tree: calls.append(1) or tree))

    batches = list(combined.batch(8))

    assert len(calls) == len(batches) == len(combined) // 8
    records = [make(parts)[i] for i in range(len(combined))]
    expected = [stack(records[i : i + 8]) for i in range(0, len(records), 8)]
    np.testing.assert_equal(batches, expected)


def test_records_of_different_structure_mix():
    named = MapDataset.source(Arrays(x=np.arange(2)))
    bare = MapDataset.source(np.arange(10, 12))
    fine = MapDataset.source(np.array([0.5, 1.5]))

    together = [
        list(mix(parts).to_iter_dataset(ReadOptions(0, 4)))
        for parts in ([named, bare], [bare, fine])
    ]

    assert together[0] == [{"x": 0}, 10, {"x": 1}, 11]
    assert [type(x) for x in together[1]] == [np.int64, np.float64] * 2


def test_an_error_names_the_record_of_the_part():
    parts = [MapDataset.source("abc"), MapDataset.source("xyz")]
    calls = [
        (mix, "record 1 of source(str(3))"),
        (MapDataset.zip, "record 1 of source(str(3)) with record 1 of source(str(3))"),
    ]

    for make, origin in calls:
        bad = make(parts).map(lambda x: 1 / ("b" not in x and x != "b"))
        with pytest.raises(ZeroDivisionError) as caught:
            list(bad)
        assert caught.value.__notes__[0].endswith(f"for {origin}.")


def test_wrong_arguments_are_told():
    ten, five = MapDataset.range(10), MapDataset.range(5)

    assert message_of(mix, []) == (
        "MapDataset.mix: `datasets` must hold at least one, got none."
    )
    assert message_of(mix, [ten, [1, 2]]) == (
        "MapDataset.mix: `datasets[1]` must be of type MapDataset, got list."
    )
    assert message_of(mix, [ten, five[:0]]) == (
        "MapDataset.mix: no dataset may be empty, `datasets[1]` is: "
        "source(range(0, 5)) > slice(0:0)."
    )
    assert message_of(mix, [ten, five], [1]) == (
        "MapDataset.mix: `weights` must hold one number for each of the 2 datasets, "
        "got 1."
    )
    assert message_of(mix, [ten, five], [1.0, 0]) == (
        "MapDataset.mix: `weights` must be positive and finite, got [1.0, 0]. Leave "
        "out a dataset that is not to be read."
    )
    assert message_of(mix, [ten, five], ["a", 1]) == (
        "MapDataset.mix: `weights` must be real numbers, got ['a', 1]."
    )
    assert message_of(concatenate, [ten.repeat(), five]) == (
        "MapDataset.concatenate: `datasets[0]` is endless, so those that follow would "
        "never be read. Give `repeat` a number of epochs, or call it on the result."
    )
    assert message_of(MapDataset.zip, [ten, five]) == (
        "MapDataset.zip: datasets must be of equal length, got [10, 5]. Cut them with "
        "`slice`, or `repeat` the shorter ones."
    )
    select = MapDataset.select_from_datasets
    assert message_of(select, [ten], [(0, 0)]) == (
        "MapDataset.select_from_datasets: `selection_map` must be a "
        "`transforms.DatasetSelectionMap`, got list."
    )
    assert message_of(select, [ten], Table((0, 0), (1, 0))) == (
        "select_from_datasets(Table): entry 1 must name one of the 1 datasets and an "
        "index that is not negative, got (1, 0)."
    )
    assert message_of(select, [ten], Table((0, -1))) == (
        "select_from_datasets(Table): entry 0 must name one of the 1 datasets and an "
        "index that is not negative, got (0, -1)."
    )
