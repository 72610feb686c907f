"""Input pipelines, the same ones for Dolmen and for Grain.

python data_workloads.py dolmen.data|grain [CASE]

Cases run in processes of their own, because a process has one memory and one first
batch. Records have 1 KiB: an id and 254 tokens. Their files lie in the page cache, in
the directory that DOLMEN_BENCHMARK_FILES names.
"""

import contextlib
import functools
import importlib
import itertools
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
from measure import best_wall, report

FILES = pathlib.Path(os.environ["DOLMEN_BENCHMARK_FILES"])
RECORDS, SHARDS, TOKENS, BATCH = 200_000, 4, 254, 256
ROW, ROWS, BINS = 1024, 32, 64  # of packing
BIG = 1 << 25  # bytes of an array that is handed over

# What raw bytes hold.
RECORD = np.dtype([("id", np.int64), ("tokens", np.int32, TOKENS)])


def shards():
    return [str(FILES / f"{shard}.array_record") for shard in range(SHARDS)]


def write_files():
    from array_record.python.array_record_module import ArrayRecordWriter

    from dolmen import data

    rng = np.random.default_rng(0)
    records = np.empty(RECORDS, RECORD)
    records["id"] = np.arange(RECORDS)
    records["tokens"] = 1 + np.minimum(rng.zipf(1.2, (RECORDS, TOKENS)), 50_000)
    np.save(FILES / "records.npy", records)
    for path, part in zip(shards(), np.split(records, SHARDS), strict=True):
        writer = ArrayRecordWriter(path, "group_size:1")
        for record in part:
            writer.write(record.tobytes())
        writer.close()
    example = {"id": records["id"][0], "tokens": records["tokens"][0]}
    with data.FlatWriter(FILES / "records.flat", fields=example) as flat:
        for record in records:
            flat.write({"id": record["id"], "tokens": record["tokens"]})


# ---- Functions of records ----


def size_of(number):
    """How long an example is, from 16 to 254 tokens."""
    return 16 + (number * 2654435761 % 2**32) * 239 // 2**32


def parse(record):
    tokens = np.frombuffer(record, np.int32, TOKENS, 8)
    return {"id": np.frombuffer(record, np.int64, 1)[0], "tokens": tokens + 1}


def parse_many(records):
    rows = np.frombuffer(b"".join(records), RECORD)
    return {"id": rows["id"], "tokens": rows["tokens"] + 1}


def parse_example(record):
    (number,) = np.frombuffer(record, np.int64, 1)
    tokens = np.frombuffer(record, np.int32, TOKENS, 8)
    return {"tokens": tokens[: size_of(int(number))]}


def add_one(record):
    return {"id": record["id"], "tokens": record["tokens"] + 1}


def busy(number):
    """About 200 microseconds of Python."""
    total = 0
    for i in range(4000):
        total += i ^ number
    return np.array([number, total])


@functools.cache
def big_array():
    return np.ones(BIG, np.uint8)


def big(number):
    return big_array()[:]  # a view of its own: an object is sent once, however often


# ---- Pipelines ----


class InMemory:
    """Records of arrays, one at a time."""

    def __init__(self):
        self._records = np.load(FILES / "records.npy", mmap_mode="r")

    def __len__(self):
        return RECORDS

    def __getitem__(self, number):
        record = self._records[number]
        return {"id": record["id"], "tokens": record["tokens"]}


class Library:
    """What both do alike: `api` has the same names."""

    def __init__(self, name):
        self.api = importlib.import_module(name)
        self.experimental = importlib.import_module(f"{name}.experimental")

    def packed_in_order(self):
        examples = self.records(self.files()).map(parse_example)
        rows = self.experimental.FirstFitPackIterDataset(
            self.in_order(examples, ahead=512),
            length_struct={"tokens": ROW},
            num_packing_bins=BINS,
        )
        return rows.batch(ROWS)

    def files(self):
        return self.api.sources.ArrayRecordDataSource(shards())

    def records(self, source):
        return self.api.MapDataset.source(source).seed(0).shuffle().repeat()

    def batches(self, source, function, **options):
        batches = self.records(source).map(function).batch(BATCH)
        return self.in_order(batches, **options)

    def in_order(self, dataset, *, threads=0, ahead=0):
        return dataset.to_iter_dataset(self.api.ReadOptions(threads, ahead))

    def range(self, function):
        return self.api.MapDataset.range(10**6).map(function)

    def by_processes(self, dataset, count, ahead=4):
        options = self.api.MultiprocessingOptions(
            num_workers=count, per_worker_buffer_size=ahead
        )
        return dataset.mp_prefetch(options)


class Dolmen(Library):
    def __init__(self):
        super().__init__("dolmen.data")

    def array_record(self, function=None, **options):
        function = function or self.api.batched(parse_many)
        return self.batches(self.files(), function, **options)

    def memory(self):
        records = np.load(FILES / "records.npy")
        arrays = {"id": records["id"].copy(), "tokens": records["tokens"].copy()}
        return self.batches(self.api.Arrays(arrays), self.api.batched(add_one))

    def flat(self):
        source = self.api.Flat(FILES / "records.flat")
        return self.batches(source, self.api.batched(add_one))

    def packed(self):
        examples = self.api.MapDataset.source(self.files()).map(parse_example)
        sizes = size_of(np.arange(RECORDS))
        rows = examples.pack({"tokens": ROW}, lengths=sizes)
        return self.in_order(rows.seed(0).shuffle().repeat().batch(ROWS))

    def state_at(self, iterator, step):
        return {**iterator.get_state(), "step": step}


class Grain(Library):
    def __init__(self):
        from absl import flags

        flags.FLAGS([""])  # or Grain refuses to start processes
        super().__init__("grain")

    def array_record(self, function=parse, **options):
        return self.batches(self.files(), function, **options)

    def memory(self):
        return self.batches(InMemory(), add_one)

    def flat(self):
        return self.array_record()

    def packed(self):
        return self.packed_in_order()

    def state_at(self, iterator, step):
        return {**iterator.get_state(), "next_index": step}


# ---- Measuring ----


def cpu_of(iterator, unit=lambda batch: len(batch["id"]), windows=10, seconds=0.1):
    """CPU microseconds of this process per record, or other unit: the best window."""
    best = float("inf")
    for _ in range(windows):
        batches, began = [], time.process_time()
        while (took := time.process_time() - began) < seconds:
            batches.append(next(iterator))
        best = min(best, took / sum(map(unit, batches)))
    return best * 1e6


def wall_per_element(dataset, count=60, windows=4):
    """Milliseconds from one element to the next: the best window."""
    best = float("inf")
    with contextlib.closing(iter(dataset)) as iterator:
        for _ in range(10):
            next(iterator)
        # Windows are long beside what may have been made before they begin.
        for _ in range(windows):
            began = time.perf_counter()
            for _ in range(count):
                next(iterator)
            best = min(best, time.perf_counter() - began)
    return best / count * 1e3


def raw_reads():
    """What is left if nothing is done but to read: the limit of every pipeline."""
    from array_record.python.array_record_module import ArrayRecordReader

    options = "readahead_buffer_size:0,max_parallelism:0"
    readers = [ArrayRecordReader(path, options) for path in shards()]
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(RECORDS)
        for start in range(0, RECORDS - BATCH, BATCH):
            shard, number = np.divmod(order[start : start + BATCH], RECORDS // SHARDS)
            for which, reader in enumerate(readers):
                reader.read(number[shard == which].tolist())
            yield range(BATCH)


def memory_of_family():
    """MiB of this process and all below it; what several share counts once."""
    waiting, total = [os.getpid()], 0
    while waiting:
        process = pathlib.Path("/proc", str(waiting.pop()))
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
        for task in (process / "task").iterdir():
            waiting += (task / "children").read_text().split()
    return total / 1024


# ---- Cases ----


def tell(name, value, unit):
    report(f"data: {name}", value, unit)


def one_process(library):
    iterator, raw = iter(library.array_record()), raw_reads()
    figures = []
    for _ in range(15):  # in turn, so that both meet the same machine
        one = cpu_of(iterator, windows=1), cpu_of(raw, len, windows=1)
        figures.append(one)
    whole, read = map(min, zip(*figures, strict=True))
    tell("ArrayRecord", whole, "µs")
    tell("ArrayRecord, nothing but reading", read, "µs")
    iterator = iter(library.array_record(parse))
    tell("ArrayRecord, a function per record", cpu_of(iterator), "µs")
    with contextlib.closing(
        iter(library.array_record(threads=2, ahead=16))
    ) as iterator:
        for _ in range(32):
            next(iterator)
        microseconds = cpu_of(iterator, windows=5, seconds=0.3)
        tell("ArrayRecord, 2 threads, 16 batches ahead", microseconds, "µs")
    tell("arrays in memory", cpu_of(iter(library.memory())), "µs")
    tell("flat file (peer: ArrayRecord)", cpu_of(iter(library.flat())), "µs")
    packing(library)
    restoring(library)


def packing(library):
    iterator = iter(library.packed())
    next(iterator)  # plans

    def tokens(batch):
        return int(np.count_nonzero(batch["tokens_segment_ids"]))

    tell("packing, of a token", cpu_of(iterator, tokens) * 1e3, "ns")
    some = [next(iterator) for _ in range(20)]
    places = len(some) * ROWS * ROW
    tell("packing, left empty", places - sum(map(tokens, some)), "places")
    tell("packing, all places", places, "places")
    iterator = iter(library.packed_in_order())
    in_order = cpu_of(iterator, tokens, windows=5, seconds=0.2)
    tell("packing in order, of a token", in_order * 1e3, "ns")


def restoring(library):
    dataset = library.array_record()

    def at(step):
        iterator = iter(dataset)
        iterator.set_state(library.state_at(iterator, step))
        next(iterator)

    first = best_wall(lambda: next(iter(dataset)))
    tell("first batch", first * 1e3, "ms")
    for step in (100, 1_000_000):
        seconds = best_wall(lambda step=step: at(step))
        tell(f"restored at batch {step:,}", seconds * 1e3, "ms")


def memory(library):
    iterator = iter(library.array_record())
    for _ in range(50):
        next(iterator)
    tell("memory", memory_of_family(), "MiB")


def processes(library):
    began = time.perf_counter()
    iterator = iter(library.by_processes(library.array_record(), 2))
    next(iterator)
    seconds = time.perf_counter() - began
    tell("2 processes: first batch", seconds * 1e3, "ms")
    for _ in range(50):
        next(iterator)
    tell("2 processes: memory", memory_of_family(), "MiB")
    iterator.close()
    dataset = library.in_order(library.range(big))
    milliseconds = wall_per_element(library.by_processes(dataset, 1, ahead=1), 40)
    tell("32 MiB from a process", milliseconds, "ms")


def limits(library):
    """What processes of Dolmen are measured by."""
    if not isinstance(library, Dolmen):
        return
    dataset = library.in_order(library.range(busy).batch(32))
    for count, name in {1: "1 process", 2: "2 processes"}.items():
        milliseconds = wall_per_element(library.by_processes(dataset, count, ahead=1))
        tell(f"busy map, {name}", milliseconds, "ms")
    # To several places in turn, as no loader can write all batches to the same.
    source = np.ones(BIG, np.uint8)
    places = itertools.cycle([np.ones(BIG, np.uint8) for _ in range(7)])
    copied = best_wall(lambda: np.copyto(next(places), source))
    tell("32 MiB copied", copied * 1e3, "ms")


CASES = {case.__name__: case for case in (one_process, memory, processes, limits)}
LIBRARIES = {"dolmen.data": Dolmen, "grain": Grain}


def main():
    library, *cases = sys.argv[1:]
    if not cases:
        if not (FILES / "records.flat").exists():
            write_files()
        for case in CASES:
            subprocess.run([sys.executable, __file__, library, case], check=True)
    for case in cases:
        CASES[case](LIBRARIES[library]())
        sys.stdout.flush()
        os._exit(0)  # Grain hangs at the end of a program with workers


if __name__ == "__main__":
    main()
