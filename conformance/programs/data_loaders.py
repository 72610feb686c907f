"""Loaders with samplers, parts for several processes, and operations."""

import functools

import numpy as np


def programs(api):
    grain = api.data
    everything = grain.sharding.NoSharding()

    class Double(grain.transforms.Map):
        def map(self, element):
            return 2 * element

    class Odd(grain.transforms.Filter):
        def filter(self, element):
            return element % 2 == 1

    def loader(sampler, *operations, **options):
        return grain.DataLoader(
            data_source=list(range(10, 20)),
            sampler=sampler,
            operations=operations,
            **{"worker_count": 0} | options,
        )

    def sequential(part=everything):
        return grain.samplers.SequentialSampler(10, part)

    def by_index(part=everything, **options):
        return grain.samplers.IndexSampler(10, part, **options)

    def parts_of(count, drop_remainder, make):
        parts = (
            grain.sharding.ShardOptions(n, count, drop_remainder) for n in range(count)
        )
        return [list(loader(make(part))) for part in parts]

    two_epochs = functools.partial(by_index, num_epochs=2)
    for count in (1, 2, 3, 4):
        parts = functools.partial(parts_of, count, True)
        yield f"{count} parts of records", functools.partial(parts, sequential)
        yield f"{count} parts of epochs", functools.partial(parts, two_epochs)

    def parts_of_unequal_size():
        return parts_of(3, False, sequential)

    def all_records():
        return list(loader(sequential()))

    def operations():
        return list(loader(sequential(), Double(), grain.transforms.Batch(4)))

    def a_filter_and_batches():
        return list(loader(sequential(), Odd(), grain.transforms.Batch(2, True)))

    def worker_processes():
        return list(loader(sequential(), worker_count=2))

    def shuffled_epochs():
        two = list(loader(by_index(shuffle=True, num_epochs=2, seed=3)))
        return sorted(two[:10]), sorted(two[10:]), two[:10] == two[10:]

    def a_state_is_gone_back_to():
        make = loader(two_epochs(), Double(), grain.transforms.Batch(3))
        iterator = iter(make)
        first = next(iterator), next(iterator)
        state = iterator.get_state()
        rest = list(iterator)
        again = iter(make)
        again.set_state(state)
        return first, rest, list(again)

    def metadata():
        sampler = two_epochs()
        found = [sampler[n] for n in (0, 7, 12)]
        return [(entry.index, entry.record_key) for entry in found]

    def all_in_one_call():
        return list(
            grain.load(
                [np.full(2, n) for n in range(5)],
                num_epochs=2,
                batch_size=3,
                shard_options=everything,
                transformations=[Double()],
            )
        )

    def no_records():
        return grain.samplers.SequentialSampler(0, everything)

    def a_shuffle_without_a_seed():
        return by_index(shuffle=True)

    def no_epochs():
        return by_index(num_epochs=0)

    def a_part_that_is_not_there():
        return grain.sharding.ShardOptions(3, 3)

    for program in (
        parts_of_unequal_size,
        all_records,
        operations,
        a_filter_and_batches,
        worker_processes,
        shuffled_epochs,
        a_state_is_gone_back_to,
        metadata,
        all_in_one_call,
        no_records,
        a_shuffle_without_a_seed,
        no_epochs,
        a_part_that_is_not_there,
    ):
        yield program.__name__.replace("_", " "), program
