import numpy as np
import pytest

from dolmen.data import DataLoader, ReadOptions, samplers, sharding, transforms


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
