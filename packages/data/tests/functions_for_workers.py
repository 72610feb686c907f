"""Functions and sources that worker processes import."""

import os
import pathlib
import signal
import threading
import time

import numpy as np

from dolmen.data import MapDataset, MultiprocessingOptions


class OurError(Exception):
    pass


class TwoPartError(Exception):
    """Pickles, and does not come back."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def same(x):
    return x


def fail_at_7(x):
    if np.any(np.asarray(x) == 7):
        raise OurError(f"saw {x}")
    return x


def fail_with_two_parts(x):
    raise TwoPartError("this", "that")


def fail_for_a_reason(x):
    try:
        return {}[x]
    except KeyError as error:
        raise OurError("no luck") from error


def leave(x):
    raise SystemExit(3)


def is_even(x):
    return x % 2 == 0


def add_noise(x, rng):
    return x + rng.normal(size=1000)


def row(x):
    return np.full(1000, x)


def zeros_of(x):
    return np.zeros(1000)


def every_other_column(x):
    return np.arange(6000).reshape(60, 100)[:, ::2] + x


def add_in_place(x):
    x += 1
    return x


class WhereIsIt:
    """Tells of an array that it was sent with."""

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return 1

    def __getitem__(self, index):
        array = self.array
        return str(array.filename), int(array[0, 0]), array.shape


def process_id(x):
    return os.getpid()


def jax_platforms(x):
    return os.environ["JAX_PLATFORMS"], os.environ["DOLMEN_PLATFORMS"]


def lock(x):
    return threading.Lock() if x == 2 else x


def kill_itself(x):
    if x == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def exit_itself(x):
    os._exit(17)


class KillOnce:
    """Kills the worker that sees a record for the first time."""

    def __init__(self, directory, records):
        self.directory = pathlib.Path(directory)
        self.records = records

    def __call__(self, x):
        mark = self.directory / str(x)
        if x in self.records and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return x


class Note:
    """Called first in each worker."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def __call__(self, worker, num_workers):
        (self.directory / f"{worker} of {num_workers}").touch()


def fail_to_begin(worker, num_workers):
    raise OurError(f"worker {worker}")


def wait_long(x):
    time.sleep(60)


class Unpicklable:
    def __init__(self):
        self.lock = threading.Lock()

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return index


def workers(num_workers, **options):
    return MultiprocessingOptions(num_workers=num_workers, **options)


def numbers(count=20):
    return MapDataset.range(count).seed(0).shuffle()
