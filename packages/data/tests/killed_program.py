"""Reads a pipeline, saving its state after each batch, until killed or done.

Run as ``killed_program.py PIPELINE THREADS DIRECTORY WORKERS``. It appends a line for
every batch to ``log`` and replaces ``state`` after it, so that a kill between the two
makes the next run repeat the batch.
"""

import hashlib
import json
import os
import pathlib
import sys
import time

import numpy as np

from dolmen.data import (
    MapDataset,
    MultiprocessingOptions,
    ReadOptions,
    TokenWindows,
    batched,
)


def add_noise(record, rng):
    return record + rng.normal(size=3)


def triple(x):
    return 3 * x


def is_no_multiple_of_3(x):
    return x % 3 != 0


def language_model(options):
    tokens = np.arange(40_000, dtype=np.uint16)
    windows = TokenWindows(tokens, 65, stride=64)
    batches = MapDataset.source(windows).seed(0).shuffle().repeat(3).batch(16)
    return batches.to_iter_dataset(options)


def augmented(options):
    ds = MapDataset.range(700).seed(1).shuffle().map(batched(triple))
    return ds.random_map(add_noise).repeat(2).batch(12).to_iter_dataset(options)


def filtered(options):
    ds = MapDataset.range(1000).seed(2).shuffle().repeat(2).filter(is_no_multiple_of_3)
    noisy = ds.to_iter_dataset(options).random_map(add_noise).batch(11)
    return noisy.prefetch(3)


PIPELINES = {f.__name__: f for f in (language_model, augmented, filtered)}


def main(name, threads, directory, workers):
    state_file = pathlib.Path(directory, "state")
    options = ReadOptions(int(threads), 2 * int(threads))
    log = open(pathlib.Path(directory, "log"), "a", buffering=1)  # noqa: SIM115
    workers = MultiprocessingOptions(num_workers=int(workers))
    with iter(PIPELINES[name](options).mp_prefetch(workers)) as iterator:
        if state_file.exists():
            iterator.set_state(json.loads(state_file.read_text()))
        step = iterator.get_state()["step"]
        for batch in iterator:
            log.write(f"{step} {hashlib.sha1(batch.tobytes()).hexdigest()}\n")
            state = json.dumps(iterator.get_state())
            partial = state_file.with_suffix(".part")
            partial.write_text(state)
            os.replace(partial, state_file)
            step += 1
            time.sleep(0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])
