"""Rows of `numpy`: creation, order, products and joins where other tables don't look.

Those tables (see `elsewhere.py`) go through the options; these rows hold empty arrays,
NaN, complex numbers, memory in another order, and derivatives.
"""

import itertools

import numpy as np

from .rows import Row

X = np.array([[0.5, -1.25, 2.0], [3.5, -0.75, 1.0]])
Y = np.array([[1.5, 0.25, -2.0], [0.75, 4.0, -0.5]])
V = X[0]
Z = X + 1j * Y
HOLES = np.array([[0.5, np.nan, -np.inf], [np.inf, 1.0, np.nan]])
INTEGERS = np.array([[3, -1, 2], [2, 3, -1]], np.int32)
CUBE = np.arange(12.0).reshape(2, 2, 3)[:, ::-1]
EMPTY = np.zeros((0, 3))


def made(label, name, call, oracle=None):
    """A function that makes an array of no other."""
    return Row(f"numpy.{name}", (), call, oracle, mapped=False, label=label)


def of(label, names, *args, call=None, smooth=()):
    for name in names.split():
        more = {} if call is None else {"call": call}
        yield Row(f"numpy.{name}", args, smooth=smooth, label=label, **more)


def told(names, *values):
    """A function that tells something about its argument, also of Python scalars."""
    for name, value in itertools.product(names.split(), values):
        yield Row(
            f"numpy.{name}",
            (),
            lambda f, value=value: f(value),
            traced=False,
            mapped=False,
            label=f"{value!r:.20}",
        )


def sorted_values(x):
    return np.unique(x, equal_nan=False)


ROWS = [
    # Creation.
    made("", "arange", lambda f: f(5.0)),
    made("backwards", "arange", lambda f: f(3, -4, -2)),
    made("by fractions", "arange", lambda f: f(0.5, 2.0, 0.25)),
    made("of nothing", "arange", lambda f: f(2, 2)),
    made("", "full", lambda f: f((2, 0), 3.0)),
    made("of rows", "full", lambda f: f((2, 3), V)),
    made("", "ones", lambda f: f((2, 3))),
    made("", "zeros", lambda f: f((0, 3), int)),
    made("", "identity", lambda f: f(3)),
    made("of nothing", "identity", lambda f: f(0)),
    made("", "diag_indices", lambda f: f(3, 2)),
    made("", "tril_indices", lambda f: f(3, -1, 4)),
    made("", "triu_indices", lambda f: f(3, 1, 4)),
    made("", "frombuffer", lambda f: f(b"\x01\x02\x03\x04", np.int8, 2, 1)),
    *of("", "ones_like zeros_like", X),
    *of("of a scalar", "ones_like zeros_like", X[0, 0]),
    *of("as integers", "ones_like zeros_like", X, call=lambda f, x: f(x, int)),
    *of("", "full_like", X, call=lambda f, x: f(x, 2.5)),
    *of("", "array asarray copy", CUBE, smooth=(0,)),
    *of("in a dtype", "array asarray", X, call=lambda f, x: f(x, np.float16)),
    *of("of lists", "array", X, V, call=lambda f, x, v: f([x, [v, v]]), smooth=(0, 1)),
    *of("to integers", "astype", X, call=lambda f, x: f(x, np.int32)),
    made("without elements", "empty", lambda f: f((2, 0))),
    *of("of empty", "empty_like", EMPTY, call=lambda f, x: f(x)),
    # What is told about an array.
    *told("iscomplexobj", 1.0, 1j, X, Z, np.complex64(1)),
    *told("isrealobj", 1.0, 1j, X, Z),
    *told("isscalar", 1.0, 2j, True, np.float32(1), X, "a", None),
    *told("iterable", X, 1.0, [1], X[0, 0]),
    *told("ndim size shape", X, 1.0, CUBE),
    Row(
        "numpy.can_cast",
        (),
        lambda f: [f(np.int8, np.int16), f(np.float32, np.int32), f("f4", "c8")],
        mapped=False,
    ),
    # Order.
    *of("", "sort", X, smooth=(0,)),
    *of("of columns", "sort argsort", CUBE, call=lambda f, x: f(x, axis=-2)),
    *of("flat", "sort argsort", X, call=lambda f, x: f(x, axis=None)),
    *of("beside NaN", "sort argsort", HOLES),
    *of("of complex numbers", "sort", Z),
    *of("of nothing", "sort argsort", EMPTY, call=lambda f, x: f(x, axis=0)),
    *of("of zeros", "argsort", np.array([0.0, -0.0, 0.0])),
    *of("", "searchsorted", np.sort(V), HOLES, call=lambda f, a, v: f(a, v)),
    *of(
        "from the right",
        "searchsorted",
        np.array([1, 2, 2, 3]),
        INTEGERS,
        call=lambda f, a, v: f(a, v, "right"),
    ),
    *of("of complex numbers", "searchsorted", np.sort(Z[0]), Z),
    *of("in nothing", "searchsorted", EMPTY[:, 0], V),
    *of("", "digitize", HOLES, np.sort(V)),
    *of("downwards", "digitize", X, -np.sort(V), call=lambda f, x, b: f(x, b, True)),
    # Products.
    *of("", "outer inner kron vdot", X, Y, smooth=(0, 1)),
    *of("of complex numbers", "outer inner kron vdot vecdot", Z, Z[::-1] * 1j),
    *of("", "dot matmul", X, Y.T, smooth=(0, 1)),
    *of("of complex numbers", "dot matmul", Z, Z.T),
    *of("of integers", "dot matmul", INTEGERS, INTEGERS.T),
    *of("of stacks", "dot matmul", CUBE, Y.T, smooth=(0, 1)),
    *of("over nothing", "dot matmul", EMPTY.T, EMPTY),
    *of("of nothing", "dot matmul", EMPTY, X.T),
    *of("", "matvec", CUBE, Y, smooth=(0, 1)),
    *of("", "vecmat", Z, Z[:, :, None] * CUBE[:, :1]),
    *of("", "tensordot", CUBE, X.T, call=lambda f, x, y: f(x, y, 1), smooth=(0, 1)),
    *of("of all", "tensordot", X, Y, smooth=(0, 1)),
    *of("", "cross", X, Y, smooth=(0, 1)),
    *of(
        "", "einsum", CUBE, Y, call=lambda f, x, y: f("abi,ci->ca", x, y), smooth=(0, 1)
    ),
    *of("of a diagonal", "einsum", X[:, :2], call=lambda f, x: f("ii->i", x)),
    *of("", "trace diag diagonal", X, smooth=(0,)),
    # Shapes.
    *of("", "ravel transpose fliplr flipud tril triu rot90", CUBE, smooth=(0,)),
    *of("of nothing", "ravel transpose fliplr tril rot90 flip", EMPTY),
    *of(
        "",
        "concatenate stack hstack vstack dstack",
        X,
        Y,
        smooth=(0, 1),
        call=lambda f, x, y: f([x, y]),
    ),
    *of(
        "of two dtypes",
        "concatenate stack",
        INTEGERS,
        Y,
        call=lambda f, x, y: f([x, y], axis=-1),
    ),
    *of("with nothing", "concatenate", EMPTY, X, call=lambda f, x, y: f([x, y])),
    *of("backwards", "roll", X, call=lambda f, x: f(x, -7, (0, 0, 1)), smooth=(0,)),
    *of("of nothing", "roll", EMPTY, call=lambda f, x: f(x, 2)),
    *of("", "tile", X, call=lambda f, x: f(x, (2, 1, 2)), smooth=(0,)),
    *of("", "repeat", X, call=lambda f, x: f(x, 2, axis=-1), smooth=(0,)),
    *of("", "pad", X, call=lambda f, x: f(x, 1, mode="reflect"), smooth=(0,)),
    # Choosing.
    *of(
        "",
        "take",
        X,
        INTEGERS[0] % 3,
        call=lambda f, x, i: f(x, i, axis=-1),
        smooth=(0,),
    ),
    *of("at negative places", "take", X, np.array([-1, -6]), smooth=(0,)),
    *of("at no places", "take", X, np.zeros((0, 2), int)),
    *of(
        "",
        "take_along_axis",
        X,
        INTEGERS % 3,
        smooth=(0,),
        call=lambda f, x, i: f(x, i, axis=1),
    ),
    *of(
        "",
        "select",
        X,
        Y,
        smooth=(0, 1),
        call=lambda f, x, y: f([x > 0.9, y > 0], [x, y], 7.0),
    ),
    *of("", "append", X, Y, smooth=(0, 1)),
    *(
        # NumPy leaves the order of `unique_values` open.
        Row(
            f"numpy.{name}",
            (x,),
            oracle=sorted_values if name == "unique_values" else None,
            traced=False,
            mapped=False,
            label=label,
        )
        for name in (
            *("unique_all", "unique_counts", "unique_inverse", "unique_values"),
            *("nonzero", "argwhere", "flatnonzero"),
        )
        for label, x in (
            ("of integers", INTEGERS),
            ("beside NaN", HOLES),
            ("of nothing", EMPTY),
        )
    ),
]
