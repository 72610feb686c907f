import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.data import MapDataset, batched, transforms

counts = st.integers(1, 40)
seeds = st.integers(0, 2**64 - 1)


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, IndexError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@settings(deadline=None)
@given(count=counts, seed=seeds, epochs=st.integers(1, 4))
def test_every_epoch_holds_every_record_exactly_once(count, seed, epochs):
    ds = MapDataset.range(count).seed(seed).shuffle().repeat(epochs)

    records = np.array(list(ds)).reshape(epochs, count)

    assert (np.sort(records, axis=1) == np.arange(count)).all()


@settings(deadline=None)
@given(count=counts, seed=seeds, size=st.integers(1, 9), drop=st.booleans())
def test_batches_of_repeated_epochs_lose_nothing_but_the_remainder(
    count, seed, size, drop
):
    repeated = MapDataset.range(count).seed(seed).shuffle().repeat(3)

    batches = list(repeated.batch(size, drop_remainder=drop))

    kept = 3 * count - (3 * count % size if drop else 0)
    assert [len(b) for b in batches[:-1]] == [size] * (len(batches) - 1)
    assert [int(x) for b in batches for x in b] == list(repeated)[:kept]


@settings(deadline=None)
@given(
    count=counts,
    start=st.integers(-50, 50),
    stop=st.integers(-50, 50),
    step=st.integers(-4, 4).filter(bool),
)
def test_a_slice_holds_what_a_slice_of_a_list_holds(count, start, stop, step):
    ds = MapDataset.range(count).shuffle(1)

    assert list(ds[start:stop:step]) == list(ds)[start:stop:step]


def test_indices_beyond_the_length_belong_to_the_next_epochs():
    ds = MapDataset.range(7).seed(0).shuffle().batch(3)

    epochs = [[ds[epoch * 3 + i].tolist() for i in range(3)] for epoch in range(2)]

    assert list(map(len, epochs[0])) == [3, 3, 1]
    assert [sorted(np.concatenate(epoch)) for epoch in epochs] == [[*range(7)]] * 2
    assert epochs[0] != epochs[1]


def test_negative_indices_count_from_the_end():
    assert MapDataset.range(10)[-1] == 9


def test_epochs_seeds_and_operations_shuffle_differently():
    def order(dataset):
        return tuple(dataset)

    ds = MapDataset.range(50)
    orders = {
        order(ds.seed(0).shuffle()),
        order(ds.seed(1).shuffle()),
        order(ds.seed(0).shuffle().repeat(2)[50:]),
        order(ds.seed(1).shuffle().repeat(2)[50:]),
        order(ds.seed(0).map(lambda x: x).shuffle()),
        order(ds.seed(0).shuffle().shuffle()),
    }

    assert len(orders) == 6


def test_repeat_without_reseeding_gives_equal_epochs():
    ds = MapDataset.range(9).seed(0).shuffle().random_map(lambda x, rng: rng.random())

    first, second = np.split(np.array(list(ds.repeat(2, reseed_each_epoch=False))), 2)

    assert np.array_equal(first, second)
    assert list(ds.repeat(2))[9:] != list(second)


def test_an_explicit_seed_goes_before_that_of_the_pipeline():
    plain = MapDataset.range(50)

    assert list(plain.seed(1).shuffle(seed=7)) == list(plain.seed(2).shuffle(seed=7))


def test_random_numbers_belong_to_the_element_not_to_the_reading_order():
    ds = MapDataset.range(20).seed(0).random_map(lambda x, rng: (x, rng.random()))

    forward = list(ds)
    backward = [ds[i] for i in reversed(range(20))]

    assert forward == backward[::-1]
    assert len({draw for _, draw in forward}) == 20


def test_map_with_index_counts_through_the_epochs():
    ds = MapDataset.source("ab").repeat(2).map_with_index(lambda i, c: (i, c))

    assert list(ds) == [(0, "a"), (1, "b"), (2, "a"), (3, "b")]


def test_functions_after_a_filter_are_not_called_for_dropped_elements():
    ds = MapDataset.range(6).filter(lambda x: x % 2)

    maps = [
        ds.map(lambda x: 10 // (x % 2)),
        ds.map(batched(lambda x: 10 // (x % 2))),
        ds.map_with_index(lambda i, x: 10 // (i % 2)),
        ds.seed(0).random_map(lambda x, rng: 10 // (x % 2)),
        ds.filter(lambda x: 10 // (x % 2)).map(lambda x: 10),
    ]

    assert [list(mapped) for mapped in maps] == [[10, 10, 10]] * 5
    assert [mapped[0] for mapped in maps] == [None] * 5


def test_random_numbers_after_a_filter_are_those_of_the_same_element():
    def draw(x, rng):
        return x, rng.random()

    ds = MapDataset.range(12)
    everything = dict(ds.random_map(draw, seed=1).to_iter_dataset())
    some = dict(ds.filter(lambda x: x > 7).random_map(draw, seed=1).to_iter_dataset())

    assert list(some) == [8, 9, 10, 11]
    # One operation more stands below: other numbers, but per element again.
    assert some.items().isdisjoint(everything.items())


def test_batched_and_single_functions_give_equal_elements():
    ds = MapDataset.source({"x": np.arange(12).reshape(6, 2), "y": np.arange(6.0)})

    def double(record):
        return {"x": 2 * record["x"], "y": -record["y"]}

    single, many = ds.map(double), ds.map(batched(double))

    for a, b in [(single[4], many[4]), (single.batch(3)[1], many.batch(3)[1])]:
        assert np.array_equal(a["x"], b["x"])
        assert np.array_equal(a["y"], b["y"])
    assert many.batch(3)[1]["y"].tolist() == [-3.0, -4.0, -5.0]


def test_batches_are_the_readers_own():
    array = np.arange(10)
    ds = MapDataset.source(array).batch(5)

    batch = ds[0]
    batch[:] = 7

    assert array.tolist() == list(range(10))
    assert ds[0].tolist() == [0, 1, 2, 3, 4]


def test_batch_fn_gets_the_elements_in_order():
    ds = MapDataset.range(5).map(str).batch(2, batch_fn="".join)

    assert list(ds) == ["01", "23", "4"]


def test_lengths_follow_the_operations():
    ds = MapDataset.range(10)

    assert [
        len(ds.batch(3)),
        len(ds.batch(3, drop_remainder=True)),
        len(ds.repeat(3).batch(4)),
        len(ds.filter(bool)),
        len(ds[::3]),
        len(ds.shuffle(0)),
        len(ds[:0]),
        len(ds[:0].repeat()),
    ] == [4, 3, 8, 10, 4, 10, 0, 0]
    assert len(ds.repeat()) == 2**63 - 1


def test_an_empty_dataset_gives_no_element():
    ds = MapDataset.range(0).seed(0).shuffle().map(str).repeat().batch(2)

    assert list(ds) == []
    assert message_of(lambda: ds[0]) == (
        "MapDataset: index 0 is out of range, the dataset has no elements."
    )


def test_transformation_objects_do_what_the_methods_do():
    class Double(transforms.Map):
        def map(self, element):
            return 2 * element

    class Number(transforms.MapWithIndex):
        def map_with_index(self, index, element):
            return element - index

    class Jitter(transforms.RandomMap):
        def random_map(self, element, rng):
            return element + rng.integers(1)

    class Even(transforms.Filter):
        def filter(self, element):
            return element % 2 == 0

    steps = [Double(), Number(), Jitter(), transforms.Batch(2)]
    ds = MapDataset.range(5).seed(0)

    assert [b.tolist() for b in ds.apply(steps)] == [[0, 1], [2, 3], [4]]
    assert list(ds.apply(Even())) == [0, 2, 4]
    after = ds.to_iter_dataset().apply([*steps[:3], Even(), steps[3]])
    assert [b.tolist() for b in after] == [[0, 2], [4]]
    assert repr(ds.apply(steps)) == (
        "MapDataset(source(range(0, 5)) > seed(0) > map(Double) > "
        "map_with_index(Number) > random_map(Jitter) > batch(2))"
    )


def test_pipe_reads_functions_as_methods():
    def every(dataset, step, offset=0):
        return dataset[offset::step]

    assert list(MapDataset.range(7).pipe(every, 3, offset=1)) == [1, 4]


def test_bad_arguments_are_refused_where_they_are_given():
    ds = MapDataset.range(3)

    assert message_of(ds.shuffle) == (
        "MapDataset.shuffle: a random operation needs a seed, got none. Call "
        "`.seed(...)` on the dataset before it, or pass `seed`."
    )
    assert message_of(ds.seed, -1) == (
        "MapDataset.seed: `seed` must be in range(2**64), got -1."
    )
    assert message_of(ds.seed, "0") == (
        "MapDataset.seed: `seed` must be an integer, got str '0'."
    )
    assert message_of(ds.batch, 0) == (
        "MapDataset.batch: `batch_size` must be at least 1, got 0."
    )
    assert message_of(ds.batch, 2.0) == (
        "MapDataset.batch: `batch_size` must be an integer, got float 2.0."
    )
    assert message_of(ds.repeat, 0) == (
        "MapDataset.repeat: `num_epochs` must be at least 1, got 0."
    )
    assert message_of(ds.map, 3) == (
        "MapDataset.map: `transform` must be a function or a `transforms.Map`, got int."
    )
    assert message_of(ds.filter(bool).batch, 2) == (
        "MapDataset.batch: `batch` can not follow `filter` or a source that skips, "
        "because a dropped element keeps its index. Call `to_iter_dataset()` between "
        "them."
    )
    assert message_of(ds.apply, [3]) == (
        "apply: expected instances of the classes in `dolmen.data.transforms`, got int."
    )
    assert message_of(MapDataset.source, iter([1])) == (
        "MapDataset.source: `source` must have `__len__` and `__getitem__`, got "
        "list_iterator. Wrap it in a class that has both, or use `list(...)` if it "
        "fits in memory."
    )


def test_a_batched_function_that_loses_rows_is_refused():
    def first(record):
        return {"a": record[:1], "b": record, "c": 3}

    ds = MapDataset.range(4).map(batched(first)).batch(4)

    assert message_of(lambda: ds[0]) == (
        "map(test_a_batched_function_that_loses_rows_is_refused.<locals>.first): a "
        "`batched` function must return arrays with one row for each of the 4 records "
        "it got:\n"
        "  result['a']: i64[1]\n"
        "  result['c']: i64[]"
    ).replace("test_a_batched_function_that_loses_rows_is_refused.<locals>.", "")
