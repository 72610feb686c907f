"""Rows of `numpy`: windows, histograms, parts of floating-point numbers, finding."""

import numpy as np

from .rows import Row

X = np.array([0.5, -1.25, 2.0, 3.5, -0.75])
HOLES = np.array([[0.5, np.nan, 2.0], [np.nan, np.nan, np.nan], [-np.inf, np.nan, 1.0]])
ENDS = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
WIDE = np.array([1.0, -8.0, 3.3, 1e-30, -1e30])
EDGES = np.array([-1.25, 0.0, 0.5, 3.0])
POINTS = np.array([[0.5, 1.0], [-1.25, 2.0], [2.0, 0.0], [3.5, 1.0], [0.0, 0.0]])
PAIRS = np.array([[1, 2], [0, 3], [1, 2], [0, 1], [1, 2]])
ZEROS = np.array([0, 0, 3, 0, -1, 0])
EMPTY = np.zeros(0)


def window(name, size):
    return Row(f"numpy.{name}", (), lambda f: f(size), mapped=False, label=f"{size}")


def of_samples(label, call, *args, smooth=()):
    options = {"smooth": smooth, "mapped": bool(smooth), "label": label}
    return Row("numpy.histogram", args, call, **options)


def numpy_first_numbers(find):
    """Of `numpy.nanargmax`, which refuses rows without numbers; those give -1."""

    def found(x, axis):
        none = np.isnan(x).all(axis)
        return np.where(none, -1, find(np.where(none[..., None], 0.0, x), axis))

    return found


ROWS = [
    *(
        window(name, size)
        for name in ("bartlett", "blackman", "hamming", "hanning")
        for size in (0, 1, 2, 5)
    ),
    *(
        Row("numpy.kaiser", (b,), lambda f, b, n=n: f(n, b), smooth=(0,), label=f"{n}")
        for n, b in ((0, np.array(2.5)), (1, np.array(2.5)), (5, np.array(2.5)))
    ),
    Row("numpy.kaiser", (np.array(0.0),), lambda f, b: f(5, b), label="rectangle"),
    Row("numpy.kaiser", (np.array(-2.5),), lambda f, b: f(5, b), label="mirrored"),
    Row("numpy.i0", (X,), smooth=(0,)),
    # Histograms: with weights their derivatives are those of sums.
    of_samples("", lambda f, x: f(x), X),
    of_samples("of nothing", lambda f, x: f(x, 3), EMPTY),
    of_samples("of a scalar", lambda f, x: f(x, 2), X[0]),
    of_samples("of equal samples", lambda f, x: f(x, 3), np.ones(3)),
    of_samples("of integers", lambda f, x: f(x, 3), PAIRS),
    of_samples("in a range", lambda f, x: f(x, 3, (0, 2)), X),
    of_samples("at edges", lambda f, x, e: f(x, e), X, EDGES),
    of_samples("beside NaN", lambda f, x: f(x, 3, (0, 2)), HOLES),
    of_samples("density", lambda f, x: f(x, 3, density=True), X),
    of_samples(
        "weights", lambda f, x, e, w: f(x, e, weights=w), X, EDGES, X**2, smooth=(2,)
    ),
    of_samples(
        "weighted density",
        lambda f, x, e, w: f(x, e, weights=w, density=True),
        X,
        EDGES,
        X**2,
        smooth=(2,),
    ),
    *(
        Row(
            "numpy.histogram_bin_edges",
            (X,),
            lambda f, x, rule=rule: f(x, rule),
            traced=False,
            mapped=False,
            label=rule,
        )
        for rule in ("auto", "fd", "sturges", "sqrt")
    ),
    Row("numpy.histogram_bin_edges", (X,), lambda f, x: f(x, 4), smooth=(0,)),
    Row("numpy.histogram2d", (X, X[::-1].copy()), lambda f, x, y: f(x, y, 2)),
    Row(
        "numpy.histogram2d",
        (X, X[::-1].copy(), EDGES),
        lambda f, x, y, e: f(x, y, (2, e), ((0, 1), None)),
        label="bins of two kinds",
    ),
    Row(
        "numpy.histogram2d",
        (X, X[::-1].copy(), EDGES),
        lambda f, x, y, e: f(x, y, e),
        label="shared edges",
    ),
    Row("numpy.histogramdd", (POINTS,), lambda f, x: f(x, 2)),
    Row(
        "numpy.histogramdd",
        (POINTS, X),
        lambda f, x, w: f(x, (2, 3), weights=w, density=True),
        smooth=(1,),
        label="density",
    ),
    # Parts of floating-point numbers.
    Row("numpy.frexp", (WIDE,)),
    Row("numpy.frexp", (ENDS,), label="of ends"),
    Row("numpy.ldexp", (X, PAIRS[:, 0]), smooth=(0,)),
    Row("numpy.ldexp", (WIDE, np.array([3, -2, 0, -5, 2])), label="of extremes"),
    Row("numpy.ldexp", (ENDS, PAIRS[:, 0]), label="of ends"),
    Row("numpy.modf", (X + 0.125,), smooth=(0,)),
    Row("numpy.modf", (ENDS,), label="of ends"),
    Row("numpy.spacing", (WIDE,), single=False),
    Row("numpy.spacing", (ENDS,), single=False, label="of ends"),
    # Polynomials that fit.
    Row("numpy.polyfit", (X, X**2 - 1), lambda f, x, y: f(x, y, 2), smooth=(0, 1)),
    Row(
        "numpy.polyfit",
        (X, POINTS, X**2),
        lambda f, x, y, w: f(x, y, 1, full=True, w=w),
        slack=10,
        label="full",
    ),
    Row(
        "numpy.polyfit",
        (X, POINTS, X**2),
        lambda f, x, y, w: f(x, y, 1, w=w),
        smooth=(0, 1, 2),
        label="weighted",
    ),
    Row(
        "numpy.polyfit",
        (X, POINTS),
        lambda f, x, y: f(x, y, 1, cov=True),
        slack=10,
        label="with covariances",
    ),
    Row(
        "numpy.polyfit",
        (X + 1j * X**2, X + 1j, X**2),
        lambda f, x, y, w: f(x, y, 1, w=w, cov="unscaled"),
        slack=10,
        label="of complex samples",
    ),
    Row("numpy.polyfit", (X[:2], X[:2]), lambda f, x, y: f(x, y, 3), label="of few"),
    # Finding.
    *(
        Row(
            f"numpy.{name}",
            (HOLES,),
            lambda f, x: f(x, axis=-1),
            numpy_first_numbers(getattr(np, name)),
        )
        for name in ("nanargmax", "nanargmin")
    ),
    *(
        Row(f"numpy.{name}", (PAIRS,), lambda f, x: f(x, 0), label="of integers")
        for name in ("nanargmax", "nanargmin")
    ),
    *(
        Row(f"numpy.{name}", (HOLES[0],), lambda f, x: f(x, 0), label="of one row")
        for name in ("nanargmax", "nanargmin")
    ),
    Row("numpy.sort_complex", (np.array([2 + 1j, 1, 2 - 1j, -1j, 1 - 1j]),)),
    Row("numpy.sort_complex", (PAIRS,), label="of integers"),
    *(
        Row(
            "numpy.trim_zeros",
            (ZEROS,),
            lambda f, x, trim=trim: f(x, trim),
            traced=False,
            mapped=False,
            label=trim,
        )
        for trim in ("fb", "f", "B")
    ),
    *(
        Row(
            "numpy.trim_zeros",
            (x,),
            lambda f, x, axis=axis: f(x, axis=axis),
            traced=False,
            mapped=False,
            label=f"of a box along {axis}",
        )
        for x, axis in (
            (np.pad(PAIRS, 1), None),
            (np.pad(PAIRS, 1), -1),
            (PAIRS * 0, 0),
        )
    ),
    # Distinct slices.
    *(
        Row(
            "numpy.unique",
            (x,),
            lambda f, x, axis=axis: f(x, True, True, True, axis),
            traced=False,
            mapped=False,
            label=f"{np.shape(x)} along {axis}",
        )
        for x, axis in (
            (PAIRS, 0),
            (PAIRS, -1),
            (PAIRS[None], 1),
            (np.tile(PAIRS, 9), 0),
            (HOLES, None),
            (np.zeros((0, 2)), 0),
            (np.zeros((2, 0)), 0),
            (EMPTY, None),
        )
    ),
    Row(
        "numpy.unique",
        (PAIRS,),
        lambda f, x: f(x, True, True, True, 0, size=4, fill_value=7),
        lambda x, *_, size, fill_value: [
            np.array([[0, 1], [0, 3], [1, 2], [7, 7]]),
            np.array([3, 1, 0, 3]),
            np.array([2, 1, 2, 0, 2]),
            np.array([1, 1, 3, 0]),
        ],
        label="filled up",
    ),
]
