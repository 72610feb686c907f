"""Pipelines of every kind, for the tests of what must hold for all of them."""

import collections
import pathlib
import sys
import threading

import numpy as np
import pytest

from dolmen.data import (
    Arrays,
    IterDataset,
    MapDataset,
    ReadOptions,
    TokenWindows,
    batched,
    experimental,
)

# Where worker processes find `functions_for_workers`.
sys.path.insert(0, str(pathlib.Path(__file__).parent))
pytest.register_assert_rewrite("reading")

Point = collections.namedtuple("Point", ["x", "y"])

OPTIONS = [
    ReadOptions(0, 0),
    ReadOptions(0, 7),
    ReadOptions(1, 1),
    ReadOptions(2, 3),
    ReadOptions(3, 16),
]


def add_noise(x, rng):
    return x + rng.normal()


def is_kept(x):
    return x % 3 != 1


def points():
    return MapDataset.source(
        Arrays({"p": Point(np.arange(23), np.arange(46.0).reshape(23, 2))})
    )


def windows():
    tokens = np.arange(1000, dtype=np.uint16) % 251
    return MapDataset.source(TokenWindows(tokens, 17, stride=16))


def kept_of(count, options):
    return (
        MapDataset.range(count).shuffle(count).to_iter_dataset(options).filter(is_kept)
    )


def texts(options):
    def text(x):
        return {"x": np.full(x % 9, x), "y": np.full(x % 9 // 2, -x), "id": x}

    return kept_of(50, options).map(text)


def split(x):
    return [10 * x + i for i in range(x % 4)]


# From read options to an IterDataset of at most 60 elements.
PIPELINES = {
    "range": lambda o: MapDataset.range(19).to_iter_dataset(o),
    "shuffle": lambda o: MapDataset.range(19).shuffle(3).to_iter_dataset(o),
    "language model": lambda o: (
        windows().seed(0).shuffle().repeat()[:160].batch(4).to_iter_dataset(o)
    ),
    "epochs batched apart": lambda o: (
        MapDataset.range(10).seed(1).shuffle().batch(3).repeat(4).to_iter_dataset(o)
    ),
    "nested records": lambda o: (
        points().seed(5).shuffle().repeat(2).batch(4).to_iter_dataset(o)
    ),
    "map of one": lambda o: (
        MapDataset.range(40).map(lambda x: {"x": x, "y": [x, -x]}).batch(3)
    ).to_iter_dataset(o),
    "map of many": lambda o: (
        MapDataset.range(40).shuffle(1).map(batched(lambda x: x * x)).batch(3)
    ).to_iter_dataset(o),
    "random map": lambda o: (
        MapDataset.range(9).seed(2).random_map(add_noise).repeat(3).batch(2)
    ).to_iter_dataset(o),
    "filter": lambda o: (
        MapDataset.range(50).seed(2).shuffle().filter(is_kept).to_iter_dataset(o)
    ),
    "filter, then batch": lambda o: (
        (MapDataset.range(20).seed(2).shuffle().repeat(2).filter(is_kept))
        .to_iter_dataset(o)
        .batch(4)
    ),
    "mixture": lambda o: (
        MapDataset.mix(
            [
                windows().seed(0).shuffle().repeat(),
                windows().map(batched(lambda x: x + 1)).seed(1).shuffle().repeat(),
            ],
            [0.7, 0.3],
        )[:90].batch(2)
    ).to_iter_dataset(o),
    "combinations of combinations": lambda o: MapDataset.concatenate(
        [
            MapDataset.zip([MapDataset.range(9), MapDataset.range(9).shuffle(0)]),
            MapDataset.range(20).filter(is_kept).map(lambda x: (x, x)),
        ]
    ).to_iter_dataset(o),
    "stages that count": lambda o: (
        MapDataset.range(30)
        .seed(4)
        .shuffle()
        .to_iter_dataset(o)
        .filter(is_kept)
        .map_with_index(lambda i, x: 100 * i + x)
        .random_map(add_noise)
        .map(lambda x: 2 * x)
        .batch(4, drop_remainder=True)
    ),
}
PIPELINES |= {
    "window shuffle by index": lambda o: (
        MapDataset.range(17).seed(1).window_shuffle(5).repeat(2).batch(2)
    ).to_iter_dataset(o),
    "flat map by index": lambda o: (
        MapDataset.range(9).shuffle(1).flat_map(split, max_fan_out=3).repeat(2)
    ).to_iter_dataset(o),
    "flat map in order": lambda o: (
        kept_of(30, o).flat_map(split).map_with_index(lambda i, x: 100 * i + x)
    ),
    "rebatched": lambda o: kept_of(50, o).batch(4).rebatch(3).rebatch(7),
    "windows, a limit and repetition": lambda o: (
        kept_of(50, o)
        .window_shuffle(6, seed=1)
        .limit(17)
        .repeat(3)
        .random_map(add_noise, seed=2)
    ),
    "cached": lambda o: kept_of(20, o).cache().repeat(2).batch(2),
    "mixture in order": lambda o: IterDataset.mix(
        {"a": kept_of(50, o).batch(2), "b": kept_of(80, o).flat_map(split).batch(2)},
        {"a": 2, "b": 3},
    ),
    "zip in order": lambda o: IterDataset.zip(
        [kept_of(40, o), kept_of(50, o).flat_map(split)], strict=False
    ).batch(2),
    "interleaved": lambda o: experimental.InterleaveIterDataset(
        [kept_of(n, o) for n in (9, 1, 0, 12, 7, 20)], cycle_length=2
    ).random_map(add_noise, seed=1),
    "made, then interleaved": lambda o: experimental.InterleaveIterDataset(
        MapDataset.range(6).shuffle(1).map(lambda n: kept_of(3 * n, o).batch(2)),
        cycle_length=3,
        num_make_iter_threads=o.num_threads,
        iter_buffer_size=o.num_threads,
    ),
    "packed by index": lambda o: (
        MapDataset.range(60)
        .map(lambda i: {"x": np.full(i % 7, i)})
        .pack({"x": 9}, lengths=[i % 7 for i in range(60)])
        .shuffle(1)
        .repeat(2)
        .batch(2)
    ).to_iter_dataset(o),
    "first fit": lambda o: experimental.FirstFitPackIterDataset(
        texts(o), length_struct={"x": 12, "y": 9}, num_packing_bins=3, seed=5
    ),
    "best fit": lambda o: experimental.BestFitPackIterDataset(
        texts(o), length_struct={"x": 12}, num_packing_bins=2, shuffle_bins=False
    ).batch(2),
    "cut where rows are full": lambda o: experimental.ConcatThenSplitIterDataset(
        texts(o), length_struct={"x": 3, "y": 4}
    ),
    "full rows whole": lambda o: experimental.ConcatThenSplitIterDataset(
        texts(o),
        length_struct={"x": 8, "id": 2},
        meta_features=["id"],
        split_full_length_features=False,
    ),
    "one after another": lambda o: IterDataset.concatenate(
        [kept_of(9, o), kept_of(9, o).flat_map(split), kept_of(12, o)]
    ),
}
PIPELINES |= {
    f"{name}, prefetched": lambda o, make=PIPELINES[name]: make(o).prefetch(2)
    for name in (
        "language model",
        "filter, then batch",
        "stages that count",
        "windows, a limit and repetition",
        "made, then interleaved",
        "first fit",
        "full rows whole",
    )
}


@pytest.fixture(params=PIPELINES)
def pipeline(request):
    """A function of read options that makes a dataset."""
    return PIPELINES[request.param]


@pytest.fixture(params=OPTIONS, ids=str)
def options(request):
    return request.param


@pytest.fixture(autouse=True)
def no_thread_stays():
    """Fails a test that leaves a thread running after its iterators are gone."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()
