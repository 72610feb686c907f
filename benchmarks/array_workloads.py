"""Eager calls and the throughput of large arrays, with Dolmen, JAX, or NumPy itself.

python -m benchmarks.array_workloads dolmen.core
python benchmarks/array_workloads.py jax
python benchmarks/array_workloads.py numpy
"""

import importlib
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np
from measure import best_call, best_wall, report

library = sys.argv[1]
on_xla = library != "numpy"
xp = importlib.import_module(f"{library}.numpy" if on_xla else library)


def ready(result):
    """Wait for a result; NumPy's are there already."""
    for part in result if isinstance(result, tuple | list) else (result,):
        if on_xla:
            part.block_until_ready()


# ---- eager calls of small arrays ----

host = np.ones(4, np.float32)
x, y, m = xp.asarray(host), xp.asarray(host), xp.asarray(np.ones((8, 8), np.float32))
flags = x > 0
eager = {
    "x + y": lambda: x + y,
    "add": lambda: xp.add(x, y),
    "x * y": lambda: x * y,
    "multiply": lambda: xp.multiply(x, y),
    "sin": lambda: xp.sin(x),
    "sum": lambda: xp.sum(x),
    "matmul 8x8": lambda: xp.matmul(m, m),
    "x[1]": lambda: x[1],
    "x[1:3]": lambda: x[1:3],
    "zeros": lambda: xp.zeros((4,)),
    "ones": lambda: xp.ones((4,)),
    "arange": lambda: xp.arange(4),
    "asarray of ndarray": lambda: xp.asarray(host),
    "asarray of list": lambda: xp.asarray([1.0, 2.0, 3.0, 4.0]),
    "where": lambda: xp.where(flags, x, y),
    "concatenate": lambda: xp.concatenate([x, y]),
    "reshape": lambda: xp.reshape(x, (2, 2)),
}
if on_xla:
    eager["x.at[1].set"] = lambda: x.at[1].set(2.0)
for name, function in eager.items():
    report(f"eager: {name}", best_call(function, 2000), "µs")

# ---- throughput of large arrays ----

rng = np.random.default_rng(0)


def normal(*shape):
    return xp.asarray(rng.standard_normal(shape, np.float32))


large, other = normal(10**7), normal(10**7)
million = normal(10**6)
mask = large > 0
rows = normal(3162, 3162)
places = xp.asarray(rng.integers(0, 10**7, 10**6, np.int32))
labels = xp.asarray(rng.integers(0, 1000, 10**6, np.int32))
a, b, c = normal(512, 256), normal(256, 512), normal(512, 512)
square, quarter = normal(1024, 1024), normal(256, 256)
symmetric = quarter + quarter.T
batch = normal(64, 128, 128)
throughput = {
    "add, 1e7": lambda: xp.add(large, other),
    "exp, 1e7": lambda: xp.exp(large),
    "sin, 1e7": lambda: xp.sin(large),
    "where, 1e7": lambda: xp.where(mask, large, other),
    "sum, 1e7": lambda: xp.sum(large),
    "sum of rows, 1e7": lambda: xp.sum(rows, axis=1),
    "sum of columns, 1e7": lambda: xp.sum(rows, axis=0),
    "max, 1e7": lambda: xp.max(large),
    "argmax, 1e7": lambda: xp.argmax(large),
    "std, 1e7": lambda: xp.std(large),
    "cumsum, 1e7": lambda: xp.cumsum(large),
    "take 1e6 of 1e7": lambda: xp.take(large, places),
    "sort, 1e6": lambda: xp.sort(million),
    "argsort, 1e6": lambda: xp.argsort(million),
    "median, 1e6": lambda: xp.median(million),
    "unique, 1e6": lambda: xp.unique(labels),
    "bincount, 1e6": lambda: (
        xp.bincount(labels, length=1000)
        if on_xla
        else xp.bincount(labels, minlength=1000)
    ),
    "searchsorted 1e6 in 1e3": lambda: xp.searchsorted(million[:1000], million),
    "matmul, 1024": lambda: xp.matmul(square, square),
    "einsum ij,jk,kl->il": lambda: xp.einsum("ij,jk,kl->il", a, b, c, optimize=True),
    "einsum bij,bjk->bik, 64 of 128": lambda: xp.einsum("bij,bjk->bik", batch, batch),
    "svd, 256": lambda: xp.linalg.svd(quarter),
    "eigh, 256": lambda: xp.linalg.eigh(symmetric),
    "qr, 256": lambda: xp.linalg.qr(quarter),
    "solve, 256": lambda: xp.linalg.solve(quarter, quarter),
    "inv, 256": lambda: xp.linalg.inv(quarter),
    "fft, 1e6": lambda: xp.fft.fft(million),
}
if on_xla:
    lax = importlib.import_module(f"{library}.lax")
    images, kernel = normal(64, 64, 64, 64), normal(64, 64, 3, 3)
    throughput["conv 64x64x64x64, 3x3"] = lambda: lax.conv(
        images, kernel, (1, 1), "SAME"
    )
    throughput["scatter: at[].add 1e6 into 1e7"] = lambda: large.at[places].add(1.0)
for name, function in throughput.items():
    seconds = best_wall(lambda function=function: ready(function()))
    report(f"throughput: {name}", seconds * 1e3, "ms")
