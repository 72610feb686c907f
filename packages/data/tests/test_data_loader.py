import json

import numpy as np
import pytest

from dolmen.data import (
    DataLoader,
    DataLoaderIterator,
    ReadOptions,
    RecordMetadata,
    load,
    python,
    samplers,
    sharding,
    transforms,
)


class Even(transforms.Filter):
    def filter(self, element):
        return element % 2 == 0


class Noise(transforms.RandomMap):
    def random_map(self, element, rng):
        return element + rng.random()


def loader(sampler, operations=(), **options):
    source = range(100, 100 + sampler.num_records)
    return DataLoader(
        data_source=source, sampler=sampler, operations=operations, **options
    )


def message_of(call, *args, **kwargs):
    with pytest.raises(ValueError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(("drop", "sizes"), [(False, [4, 3, 3]), (True, [3, 3, 3])])
def test_shards_are_disjoint_and_complete_but_for_the_remainder(drop, sizes):
    shards = [
        list(loader(samplers.SequentialSampler(10, sharding.ShardOptions(i, 3, drop))))
        for i in range(3)
    ]

    assert [len(shard) for shard in shards] == sizes
    assert len({record for shard in shards for record in shard}) == sum(sizes)


@pytest.mark.parametrize("drop", [False, True])
def test_shards_of_a_sequence_take_turns(drop):
    shards = [
        list(loader(samplers.SequentialSampler(10, sharding.ShardOptions(i, 4, drop))))
        for i in range(4)
    ]
    by_index = samplers.SequentialSampler(10, sharding.ShardOptions(1, 4))

    rest = [[108], [109], [], []] if not drop else [[]] * 4
    assert shards == [[100 + i, 104 + i, *rest[i]] for i in range(4)]
    assert [by_index[i].record_key for i in (1, 5, 9)] == [1, 5, 9]


def test_every_epoch_of_a_shard_has_another_order():
    sampler = samplers.IndexSampler(
        40, sharding.ShardOptions(1, 2), shuffle=True, num_epochs=2, seed=0
    )

    first, second = np.split(np.array(list(loader(sampler))), 2)

    assert sorted(first) == sorted(second) == list(range(120, 140))
    assert first.tolist() != second.tolist()


def test_epochs_go_on_without_end_when_not_limited():
    iterator = iter(loader(samplers.IndexSampler(2)))

    assert [next(iterator) for _ in range(5)] == [100, 101, 100, 101, 100]


def test_batches_after_a_filter_are_full():
    operations = [Even(), transforms.Batch(2)]

    batches = list(loader(samplers.SequentialSampler(9), operations))

    assert [b.tolist() for b in batches] == [[100, 102], [104, 106], [108]]


def test_a_loader_resumes_exactly_with_other_threads():
    sampler = samplers.IndexSampler(30, shuffle=True, num_epochs=2, seed=0)
    operations = [Noise(), transforms.Batch(4)]
    iterator = iter(loader(sampler, operations))
    for _ in range(5):
        next(iterator)
    state = iterator.get_state()

    other = iter(loader(sampler, operations, read_options=ReadOptions(0, 0)))
    other.set_state(state)

    assert [b.tolist() for b in other] == [b.tolist() for b in iterator]


def test_bad_arguments_are_refused():
    sampler = samplers.SequentialSampler(3)

    assert message_of(DataLoader, data_source="abcd", sampler=sampler) == (
        "DataLoader: `sampler` must be made for as many records as `data_source` has: "
        "3 != 4."
    )
    assert message_of(samplers.IndexSampler, 3, shuffle=True) == (
        "IndexSampler: `shuffle` needs a `seed`, got none."
    )
    assert message_of(sharding.ShardOptions, 2, 2) == (
        "ShardOptions: `shard_index` must be below `shard_count`, got 2 of 2."
    )


class Reversed:
    """A sampler as Grain's users write them, without a length."""

    def __getitem__(self, index):
        if index >= 5:
            raise IndexError(index)
        return RecordMetadata(index=index, record_key=4 - index)


def test_a_sampler_that_answers_for_single_places_will_do():
    loader = DataLoader(
        data_source="abcde", sampler=Reversed(), operations=[transforms.Batch(2)]
    )

    assert [b.tolist() for b in loader] == [["e", "d"], ["c", "b"], ["a"]]
    assert repr(loader) == "DataLoader(source(SampledRecords(5)) > batch(2))"


def test_shards_of_a_loader_take_turns_and_share_random_numbers_of_places():
    sampler = samplers.IndexSampler(11, shuffle=True, num_epochs=2, seed=0)
    whole = list(loader(sampler, [Noise()]))

    parts = [
        list(loader(sampler, [Noise()], shard_options=sharding.ShardOptions(i, 3)))
        for i in range(3)
    ]
    even = [
        list(loader(sampler, shard_options=sharding.ShardOptions(i, 3, True)))
        for i in range(3)
    ]

    assert parts == [whole[i::3] for i in range(3)]
    assert [len(part) for part in even] == [7, 7, 7]


def test_samplers_answer_for_single_places_as_the_loader_reads():
    sampler = samplers.IndexSampler(5, shuffle=True, num_epochs=2, seed=3)

    keys = [sampler[i].record_key for i in range(len(sampler))]

    assert [100 + key for key in keys] == list(loader(sampler))
    assert sampler[3].rng.random() == sampler[3].rng.random()
    assert sampler[3].rng.random() != sampler[4].rng.random()
    assert repr(samplers.SequentialSampler(3)).startswith(
        "SequentialSampler(num_records=3, shard_options=NoSharding("
    )
    assert message_of_index(sampler) == (
        "IndexSampler: index 10 is out of range, there are 10."
    )


def test_samplers_of_shards_answer_for_the_places_of_all_shards():
    shard = sharding.ShardOptions(1, 2)
    sampler = samplers.IndexSampler(6, shard, shuffle=True, num_epochs=2, seed=3)

    keys = [sampler[i].record_key for i in range(1, len(sampler), 2)]

    assert [100 + key for key in keys] == list(loader(sampler))


def message_of_index(sampler):
    with pytest.raises(IndexError) as caught:
        sampler[10]
    return str(caught.value)


def test_the_state_of_a_loader_is_bytes_and_may_begin_an_iterator():
    dataset = loader(samplers.SequentialSampler(6))
    iterator = iter(dataset)
    next(iterator)
    state = iterator.get_state()

    assert isinstance(state, bytes)
    assert next(DataLoaderIterator(dataset, state)) == 101
    assert next(DataLoaderIterator(dataset, json.loads(state))) == 101


def test_the_state_of_another_loader_is_refused_unless_it_is_not_validated():
    state = iter(loader(samplers.SequentialSampler(6))).get_state()
    other = loader(samplers.SequentialSampler(7))

    with pytest.raises(ValueError, match="saved by another pipeline"):
        DataLoaderIterator(other, state)
    assert next(DataLoaderIterator(other, state, validate_state=False)) == 100


def test_load_is_a_loader_by_index():
    dataset = load(
        range(10, 20),
        num_epochs=1,
        shuffle=True,
        seed=0,
        transformations=[Even()],
        batch_size=2,
        drop_remainder=True,
    )

    batches = np.array(list(dataset))

    assert batches.shape == (2, 2)
    assert set(batches.ravel().tolist()) < set(range(10, 20, 2))


def test_operations_of_the_first_api_are_transformations():
    operations = [
        python.MapOperation(lambda x: x + 1),
        python.FilterOperation(lambda x: x % 2 == 0),
        python.RandomMapOperation(lambda x, rng: x + rng.integers(1)),
        python.BatchOperation(2),
    ]
    sampler = samplers.SequentialSampler(5, seed=0)

    assert [b.tolist() for b in loader(sampler, operations)] == [[102, 104]]


class OldNoise(transforms.TfRandomMap):
    def np_random_map(self, element, rng):
        return element + rng.random()


def test_an_older_random_map_is_a_random_map():
    sampler = samplers.SequentialSampler(5, seed=0)

    assert list(loader(sampler, [OldNoise()])) == list(loader(sampler, [Noise()]))
