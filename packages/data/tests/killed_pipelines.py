"""Pipelines of every kind, for programs that are killed while they read them.

Every record has an identity: its number, and another in every epoch. What a program has
read therefore tells which records it has seen, also where epochs flow into each other,
as in packing, and where records are dropped.
"""

import collections
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dolmen.data import (
    ArrayRecordDataSource,
    DataLoader,
    Flat,
    FlatWriter,
    IterDataset,
    MapDataset,
    MultiprocessingOptions,
    ReadOptions,
    SharedMemoryDataSource,
    TokenWindows,
    experimental,
    samplers,
    transforms,
)
from dolmen.data.multiprocessing import SharedMemoryArray
from dolmen.data.sharding import ShardOptions

RECORDS, EPOCHS = 96, 2
IDENTITIES = range(RECORDS * EPOCHS)
BATCH = 6
WINDOW = 8  # tokens


@dataclass(frozen=True)
class Speed:
    """What a program may change when it reads on."""

    threads: int = 0
    workers: int = 0
    hosts: int = 1
    on_worker_death: str = "raise"

    @property
    def reading(self) -> ReadOptions:
        return ReadOptions(self.threads, 3 * self.threads)

    def in_order(self, dataset: MapDataset) -> IterDataset:
        return dataset.to_iter_dataset(self.reading)

    def made(self, dataset: IterDataset) -> IterDataset:
        """The dataset, made by the workers."""
        return dataset.mp_prefetch(
            MultiprocessingOptions(
                num_workers=self.workers, on_worker_death=self.on_worker_death
            )
        )


# ---- Records ----


def identify(index, number):
    epoch = index // RECORDS
    return {"id": epoch * RECORDS + number}


class Identify(transforms.MapWithIndex):
    def map_with_index(self, index, number):
        return identify(index, number)


class AddNoise(transforms.RandomMap):
    def random_map(self, record, rng):
        return record | {"noise": rng.normal(size=3)}


def add_noise(record, rng):
    return AddNoise().random_map(record, rng)


def is_kept(record):
    return record["id"] % 5 != 1


def to_second_source(record):
    return {"id": record["id"] + len(IDENTITIES)}


def size_of(identity):
    return 1 + 7 * identity % 11


def tokens(record):
    """As many tokens as the identity says, each the identity, counted from 1."""
    identity = record["id"]
    return {"tokens": np.full(size_of(identity), identity + 1)}


def twice(record):
    return [record | {"half": half} for half in range(2)]


def number_in(record):
    return int(np.frombuffer(record, np.int64)[0])


def number_of(record):
    return int(record["number"])


def into_shared_memory(batch):
    shared = SharedMemoryArray(batch["id"].shape, batch["id"].dtype)
    shared[:] = batch["id"]
    return {"id": shared}


def identified(numbers, seed=0):
    """Records that are told apart, shuffled anew in every epoch."""
    ds = numbers.seed(seed).shuffle().repeat(EPOCHS)
    return ds.map_with_index(identify)


def records(seed=0):
    return identified(MapDataset.range(RECORDS), seed)


def texts(speed):
    return speed.in_order(records().map(tokens))


# ---- Pipelines ----


def batches(speed, directory):
    ds = records().random_map(add_noise).batch(BATCH)
    return speed.made(speed.in_order(ds))


def data_loader(speed, directory):
    return DataLoader(
        data_source=range(RECORDS),
        sampler=samplers.IndexSampler(RECORDS, shuffle=True, num_epochs=EPOCHS, seed=3),
        operations=[Identify(), AddNoise(), transforms.Batch(BATCH)],
        worker_count=speed.workers,
        read_options=speed.reading,
    )


def filtered(speed, directory):
    kept = records().filter(is_kept).random_map(add_noise)
    return speed.made(speed.in_order(kept).batch(BATCH))


def random_in_order(speed, directory):
    kept = speed.in_order(records()).filter(is_kept)
    return speed.made(kept.random_map(add_noise, seed=1).batch(BATCH).prefetch(2))


def windows_in_order(speed, directory):
    kept = speed.in_order(records().filter(is_kept))
    return speed.made(kept.window_shuffle(20, seed=1).batch(BATCH))


def windows_by_index(speed, directory):
    ds = records().window_shuffle(20, seed=1).random_map(add_noise).batch(BATCH)
    return speed.made(speed.in_order(ds))


def two_sources(filtered=False):
    parts = [records(), records(seed=1)]
    if filtered:
        parts = [part.filter(is_kept) for part in parts]
    return [parts[0], parts[1].map(to_second_source)]


def mixed(speed, directory):
    mixture = MapDataset.mix(two_sources(), weights=[0.5, 0.5])
    return speed.made(speed.in_order(mixture.random_map(add_noise).batch(BATCH)))


def mixed_in_order(speed, directory):
    parts = [speed.in_order(part) for part in two_sources(filtered=True)]
    return speed.made(IterDataset.mix(parts, [1, 1]).batch(BATCH))


def first_fit(speed, directory):
    rows = experimental.FirstFitPackIterDataset(
        texts(speed), length_struct={"tokens": 24}, num_packing_bins=4, seed=5
    )
    return speed.made(rows.batch(2))


def best_fit(speed, directory):
    rows = experimental.BestFitPackIterDataset(
        texts(speed).filter(bool), length_struct={"tokens": 24}, num_packing_bins=4
    )
    return speed.made(rows.batch(2).prefetch(2))


def concatenated(speed, directory):
    rows = experimental.ConcatThenSplitIterDataset(
        texts(speed), length_struct={"tokens": 16}
    )
    return speed.made(rows.batch(2))


def packed_by_index(speed, directory):
    numbers = MapDataset.range(RECORDS * EPOCHS)
    rows = (
        numbers.map_with_index(identify_alone)
        .map(tokens)
        .pack({"tokens": 24}, lengths=[size_of(i) for i in IDENTITIES])
    )
    return speed.made(speed.in_order(rows.shuffle(2).batch(2)))


def identify_alone(index, number):
    return {"id": number}


def split(speed, directory):
    halves = records().flat_map(twice, max_fan_out=3)
    return speed.made(speed.in_order(halves).batch(BATCH).rebatch(4))


def token_windows(speed, directory):
    stream = np.repeat(np.arange(RECORDS), WINDOW)
    windows = MapDataset.source(TokenWindows(stream, WINDOW, stride=WINDOW))
    numbers = windows.map(operator.itemgetter(0))
    return speed.made(speed.in_order(identified(numbers, seed=7).batch(BATCH)))


def flat_file(speed, directory):
    path = directory / "numbers.flat"
    if not path.exists():
        with FlatWriter(path, fields={"number": np.int64(0)}) as writer:
            for number in range(RECORDS):
                writer.write({"number": np.int64(number)})
    numbers = MapDataset.source(Flat(path)).map(number_of)
    return speed.made(speed.in_order(identified(numbers).batch(BATCH)))


def array_record_files(directory):
    from array_record.python import array_record_module

    paths = [directory / f"numbers-{part}.array_record" for part in range(3)]
    if not paths[-1].exists():
        for part, path in enumerate(paths):
            writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1")
            for number in range(part, RECORDS, 3):
                writer.write(np.int64(number).tobytes())
            writer.close()
    return list(map(str, paths))


def array_record(speed, directory):
    source = ArrayRecordDataSource(array_record_files(directory))
    numbers = MapDataset.source(source).map(number_in)
    return speed.made(speed.in_order(identified(numbers).batch(BATCH)))


def files_in_turn(speed, directory):
    parts = [
        MapDataset.source(ArrayRecordDataSource(path))
        .map(number_in)
        .seed(part)
        .shuffle()
        .map_with_index(identify_alone)
        for part, path in enumerate(array_record_files(directory))
    ]
    ahead = speed.threads
    in_turn = experimental.InterleaveIterDataset(
        parts, cycle_length=2, num_make_iter_threads=ahead, iter_buffer_size=ahead
    )
    return speed.made(in_turn.filter(is_kept).batch(4))


def shared_list(speed, directory):
    source = MapDataset.source(SharedMemoryDataSource(list(range(RECORDS))))
    return speed.made(speed.in_order(identified(source).batch(BATCH)))


def shared_arrays(speed, directory):
    ds = records().batch(BATCH).map(into_shared_memory)
    return speed.made(speed.in_order(ds))


def parts_of_hosts(dataset, speed):
    return [
        dataset.loader(
            shard_options=ShardOptions(host, speed.hosts),
            threads=speed.threads,
            ahead=2 * speed.threads,
            workers=speed.workers,
        )
        for host in range(speed.hosts)
    ]


def hosts(speed, directory):
    ds = records().random_map(add_noise).batch(BATCH)
    return parts_of_hosts(ds, speed)


# ---- Kinds ----


def of_each(identities, times=1):
    return collections.Counter(dict.fromkeys(identities, times))


def of_both(counts):
    """Of both sources, one counted after the other."""
    return counts + of_each(i + len(IDENTITIES) for i in counts)


ALL = of_each(IDENTITIES)
KEPT = of_each(i for i in IDENTITIES if i % 5 != 1)
TOKENS = collections.Counter({i: size_of(i) for i in IDENTITIES})

THREADS = (Speed(2), Speed(0), Speed(3), Speed(1))
WORKERS = (
    Speed(workers=2, on_worker_death="restart"),
    Speed(workers=1),
    Speed(0),
    Speed(workers=3, on_worker_death="restart"),
    Speed(2),
)
HOSTS = (Speed(hosts=3), Speed(2, hosts=2), Speed(hosts=6), Speed(), Speed(hosts=4))
HOSTS_WITH_WORKERS = (Speed(workers=1, hosts=2), Speed(hosts=3), Speed(workers=2))


@dataclass(frozen=True)
class Kind:
    """A pipeline, and what must come of it.

    Attributes:
        make: the pipeline for a speed, with files in a directory.
        seen: how often each identity must be seen.
        speeds: of a program's runs, in turn.
    """

    make: Callable[[Speed, Path], Any]
    seen: collections.Counter[int]
    speeds: Sequence[Speed]

    def iterators(self, speed: Speed, directory: Path) -> list[Iterator[Any]]:
        """One for each host."""
        made = self.make(speed, directory)
        return made if isinstance(made, list) else [iter(made)]


KINDS = {
    "batches": Kind(batches, ALL, [Speed()]),
    "batches, threads": Kind(batches, ALL, THREADS),
    "batches, processes": Kind(batches, ALL, WORKERS),
    "DataLoader": Kind(data_loader, ALL, THREADS),
    "DataLoader, processes": Kind(data_loader, ALL, WORKERS),
    "filter": Kind(filtered, KEPT, THREADS),
    "filter, processes": Kind(filtered, KEPT, WORKERS),
    "random map in order": Kind(random_in_order, KEPT, THREADS),
    "random map in order, processes": Kind(random_in_order, KEPT, WORKERS),
    "window shuffle in order": Kind(windows_in_order, KEPT, THREADS),
    "window shuffle by index, processes": Kind(windows_by_index, ALL, WORKERS),
    "mixture": Kind(mixed, of_both(ALL), THREADS),
    "mixture in order, processes": Kind(mixed_in_order, of_both(KEPT), WORKERS),
    "first fit": Kind(first_fit, TOKENS, THREADS),
    "first fit, processes": Kind(first_fit, TOKENS, WORKERS),
    "best fit, processes": Kind(best_fit, TOKENS, WORKERS),
    "concatenate, then split": Kind(concatenated, TOKENS, THREADS),
    "packed by index, processes": Kind(packed_by_index, TOKENS, WORKERS),
    "flat map and rebatch, processes": Kind(split, of_each(IDENTITIES, 2), WORKERS),
    "windows of tokens, threads": Kind(token_windows, ALL, THREADS),
    "flat file, processes": Kind(flat_file, ALL, WORKERS),
    "ArrayRecord, threads": Kind(array_record, ALL, THREADS),
    "ArrayRecord, processes": Kind(array_record, ALL, WORKERS),
    "files in turn, threads": Kind(
        files_in_turn, of_each(i for i in range(RECORDS) if i % 5 != 1), THREADS
    ),
    "shared list, processes": Kind(shared_list, ALL, WORKERS),
    "shared arrays, processes": Kind(shared_arrays, ALL, WORKERS),
    "hosts": Kind(hosts, ALL, HOSTS),
    "hosts, processes": Kind(hosts, ALL, HOSTS_WITH_WORKERS),
}
