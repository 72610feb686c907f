"""Rows of `numpy`: methods of ufuncs, against the methods of NumPy's."""

import numpy as np

from .rows import Row

X = np.array([[0.5, -1.25, 2.0, 0.25], [3.5, -0.75, 1.0, -3.0], [1.5, 0.75, -2.0, 4.0]])
INTEGERS = np.array([[3, -1, 2, 2], [0, 5, -7, 1], [1, 1, 0, -2]], np.int32)
MASK = X > 0
PLACES = np.array([2, 0, 2, 1], np.int32)
SMOOTH = "add subtract multiply maximum minimum logaddexp logaddexp2"
LOGICAL = "logical_and logical_or logical_xor"
BITWISE = "bitwise_and bitwise_or bitwise_xor"


def horner(x, y):
    return x * 0.5 + y


def of_python(f):
    """The ufunc of a Python function, of whichever side."""
    return f(horner, 2, 1)


def number(x):
    """NumPy's `frompyfunc` gives objects."""
    return x.astype(float) if isinstance(x, np.ndarray) else x


def at(f, x, places, *operands):
    """`at`, which changes a copy in NumPy."""
    if not isinstance(f, np.ufunc):
        return f.at(x, places, *operands, inplace=False)
    x = np.array(x)
    f.at(x, places, *operands)
    return x


class At:
    """`at` of any function; NumPy's own writes no objects into numbers."""

    def __init__(self, function):
        self.function = function

    def at(self, x, places, y, *, inplace):
        x = np.array(x)
        for row, places_of_row in enumerate(np.broadcast_to(places[1], x.shape)):
            for column, place in enumerate(places_of_row):
                x[row, place] = self.function(x[row, place], y[row, column])
        return x


def plain(f, *args):
    return f(*args)


def each(names, args, label, call, *, smooth=(), **options):
    for name in names.split():
        yield Row(f"numpy.{name}", args, call, smooth=smooth, label=label, **options)


def all_methods(f, x, places):
    return [
        f.reduce(x, axis=1),
        f.reduce(x, axis=-2, keepdims=True),
        f.accumulate(x, axis=1),
        f.reduceat(x, places, axis=1),
        f.outer(x, x[0]),
    ]


ROWS = [
    *each(SMOOTH, (X, PLACES), "methods", all_methods, smooth=(0,)),
    *each(LOGICAL, (X, PLACES), "methods", all_methods),
    *each(BITWISE, (INTEGERS, PLACES), "methods", all_methods),
    *each(
        "add subtract maximum minimum logaddexp logaddexp2",
        (X, PLACES, X[0, :1] + X),
        "at",
        lambda f, x, places, y: at(f, x, (slice(None), places), y),
        smooth=(0, 2),
    ),
    Row(
        "numpy.multiply",
        (X, PLACES, X[0, :1] + X),
        lambda f, x, places, y: at(f, x, (slice(None), places), y),
        smooth=(0,),
        label="at",
    ),
    *each(BITWISE, (INTEGERS, PLACES, INTEGERS[0]), "at", at),
    *each("negative", (X, PLACES), "at", at, smooth=(0,)),
    *each(
        "add multiply logaddexp logical_and logical_or logical_xor",
        (X, MASK),
        "reduce where",
        lambda f, x, mask: f.reduce(x, axis=1, where=mask, initial=1),
    ),
    *each(
        "subtract maximum minimum",
        (X, MASK),
        "reduce where",
        lambda f, x, mask: f.reduce(x, axis=0, where=mask, initial=0.75),
    ),
    *each(
        "add multiply logical_and logical_or logical_xor logaddexp",
        (np.zeros((0, 3)),),
        "of nothing",
        lambda f, x: [f.reduce(x), f.accumulate(x), f.outer(x, x)],
    ),
    *each(
        "logaddexp logaddexp2",
        (np.array([[np.inf, -np.inf, np.nan], [-np.inf, -np.inf, 0.0]]),),
        "of infinities",
        lambda f, x: [f.reduce(x), f.accumulate(x), f.reduceat(x, np.array([0, 1]))],
    ),
    Row(
        "numpy.frompyfunc",
        (X, PLACES),
        lambda f, *args: [number(x) for x in all_methods(of_python(f), *args)],
        smooth=(0,),
    ),
    Row(
        "numpy.frompyfunc",
        (X, X[0]),
        lambda f, x, y: number(of_python(f)(x, y)),
        smooth=(0, 1),
        label="call",
    ),
    Row(
        "numpy.frompyfunc",
        (X, PLACES, X + 1),
        lambda f, x, places, y: at(f(horner, 2, 1), x, (slice(None), places), y),
        oracle=lambda f, nin, nout: At(f),
        smooth=(0, 2),
        label="at",
    ),
    *each("logaddexp logaddexp2", (X, X), "of equal numbers", plain, smooth=(0, 1)),
    *each("i0", (np.array([0.0, -0.0]),), "at zero", plain, smooth=(0,)),
]
