"""Rows of `_ops/_shape.py`, `_joining.py`, `_pad.py` and of small modules."""

import numpy as np

from dolmen.core._ops import (
    _arithmetic,
    _barrier,
    _creation,
    _joining,
    _pad,
    _random_bits,
    _shape as ops,
)

from .rows import Row, integers, uniform


def normal(*shapes):
    """Floating-point arguments of the given shapes."""

    def draw(rng, shape):
        return [np.asarray(rng.normal(size=s)) for s in shapes]

    return draw


def pad_reference(config):
    """Padding written as placing each element at its place."""

    def oracle(x, value):
        for axis, (low, high, interior) in enumerate(config):
            n = x.shape[axis]
            size = low + high + n + max(n - 1, 0) * interior
            moved = np.moveaxis(x, axis, 0)
            made = np.full((size, *moved.shape[1:]), value, x.dtype)
            for i in range(n):
                place = low + i * (interior + 1)
                if 0 <= place < size:
                    made[place] = moved[i]
            x = np.moveaxis(made, 0, axis)
        return x

    return oracle


def pad_row(label, *config):
    return Row(
        _pad.Pad,
        lambda x, value: _pad.pad(x, value, config),
        pad_reference(config),
        normal((3, 4), ()),
        smooth=(0, 1),
        dtypes=("float32", "bfloat16"),
        label=label,
    )


# States and bits of Threefry for two keys, as XLA's interpreter gives them.
THREEFRY = {
    3: ([0, 1, 4, 3], [2689575991, 2205648888, 150810639]),
    4: ([0, 1, 4, 4], [2276691633, 4013595206, 1535749755]),
}


def one_of_two_keys(rng, shape):
    return [np.array([0, 1, 2, 3 + rng.integers(2)], np.uint32)]


def between_neighbors(x):
    """The only integer from `x` to below `x + 1`."""
    return _random_bits.rng_uniform(x, x + 1, (2,))


def threefry(key):
    state, bits = THREEFRY[int(key[-1])]
    return np.asarray(state, np.uint32), np.asarray(bits, np.uint32)


ROWS = [
    Row(
        ops.BroadcastInDim,
        lambda x: ops.broadcast_in_dim(x, (2, 3, 4, 5), (1, 3)),
        lambda x: np.broadcast_to(x[None, :, None, :], (2, 3, 4, 5)),
        normal((3, 1)),
        smooth=(0,),
        dtypes=("float32", "float64", "bfloat16"),
    ),
    Row(
        ops.BroadcastInDim,
        lambda x: ops.broadcast(x, (2, 3)),
        lambda x: np.broadcast_to(x, (2, 3, *x.shape)),
        uniform(-1, 1),
        shapes=((), (0,), (4,)),
        smooth=(0,),
        label="new axes",
    ),
    Row(
        ops.Reshape,
        lambda x: ops.reshape(x, (4, 6), (2, 0, 1)),
        lambda x: np.transpose(x, (2, 0, 1)).reshape(4, 6),
        normal((2, 3, 4)),
        smooth=(0,),
    ),
    Row(
        ops.Squeeze,
        lambda x: ops.squeeze(x, (-1, 0)),
        lambda x: x[0, ..., 0],
        normal((1, 3, 4, 1)),
        smooth=(0,),
    ),
    Row(
        ops.Transpose,
        lambda x: ops.transpose(x, (2, 0, 1)),
        lambda x: np.transpose(x, (2, 0, 1)),
        normal((2, 3, 4)),
        smooth=(0,),
    ),
    Row(
        ops.Rev,
        lambda x: ops.rev(x, (0, -1)),
        lambda x: x[::-1, :, ::-1],
        normal((2, 3, 4)),
        smooth=(0,),
    ),
    Row(
        _joining.Concatenate,
        lambda *xs: _joining.concatenate(xs, -1),
        lambda *xs: np.concatenate(xs, -1),
        normal((2, 3), (2, 1), (2, 0)),
        smooth=(0, 1, 2),
    ),
    Row(
        _joining.Split,
        lambda x: _joining.split(x, (1, 0, 3), 1),
        lambda x: np.split(x, (1, 1), 1),
        normal((2, 4)),
        smooth=(0,),
    ),
    pad_row("around", (1, 0, 1), (0, 2, 2)),
    pad_row("removing", (1, -1, 1), (-1, 2, 0)),
    pad_row("removing all", (-2, -1, 0), (1, 1, 0)),
    Row(
        _creation.Iota,
        lambda x: _arithmetic.mul(x, _creation.broadcasted_iota(x.dtype, (2, 3), 1)),
        lambda x: x * np.arange(3.0),
        normal((2, 3)),
        smooth=(0,),
    ),
    Row(
        _barrier.OptimizationBarrier,
        lambda x, y: _barrier.optimization_barrier([_arithmetic.mul(x, x), y]),
        lambda x, y: [x * x, y],
        normal((3,), (2,)),
        smooth=(0, 1),
    ),
    Row(
        _random_bits.RngBitGenerator,
        lambda key: _random_bits.rng_bit_generator(
            key, (3,), np.uint32, _random_bits.RandomAlgorithm.RNG_THREE_FRY
        ),
        threefry,
        one_of_two_keys,
    ),
    Row(
        _random_bits.RngUniform,
        between_neighbors,
        lambda x: np.full(2, x),
        integers(-100, 100),
        ((),),
        ("int32", "int64"),
    ),
]
