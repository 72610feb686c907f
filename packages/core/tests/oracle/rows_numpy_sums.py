"""Rows of `numpy`: reductions, cumulative functions and order statistics along axes."""

import numpy as np

from .rows import Row

X = np.array([[0.5, -1.25, 2.0, 0.25], [3.5, -0.75, 1.0, -3.0], [1.5, 0.75, -2.0, 4.0]])
HOLES = np.where(X > 1.75, np.nan, X)
HOLES[1] = np.nan
INFINITE = np.where(X > 3, np.inf, np.where(X < -2.5, -np.inf, X))
COMPLEX = X + 1j * X[::-1]
INTEGERS = np.array([[3, -1, 2, 2], [0, 5, -7, 1], [1, 1, 0, -2]], np.int32)
BOOLS = X > 0
EMPTY = np.zeros((0, 4))
THIN = X[:, :1]
STRIDED = np.asfortranarray(X)[::-1]
SUMS = "sum mean var std prod"
EXTREMES = "max min amax amin ptp"
NAN_SUMS = "nansum nanmean nanvar nanstd nanprod"
NAN_EXTREMES = "nanmax nanmin"
CUMULATIVE = "cumsum cumprod nancumsum nancumprod"
QUANTILES = "median nanmedian"


def along(label, names, x, *, mapped=False, smooth=False, **options):
    for name in names.split():
        yield Row(
            f"numpy.{name}",
            (x,),
            lambda f, x: f(x, **options),
            smooth=(0,) if smooth else (),
            mapped=mapped,
            label=label,
        )


def quantile(names, label, x, share, *, smooth=False, **options):
    for name in names.split():
        factor = 100 if "percentile" in name else 1
        yield Row(
            f"numpy.{name}",
            (x, np.array(share)),
            lambda f, x, q, factor=factor: f(x, factor * q, **options),
            smooth=(0,) if smooth else (),
            label=label,
        )


ROWS = [
    *along(
        "",
        f"{SUMS} {EXTREMES} {NAN_SUMS} {NAN_EXTREMES} {QUANTILES}",
        X,
        smooth=True,
        mapped=True,
    ),
    *along(
        "of columns",
        f"{SUMS} {EXTREMES} {NAN_SUMS} {NAN_EXTREMES} {QUANTILES}",
        HOLES,
        axis=0,
    ),
    *along(
        "of rows",
        f"{SUMS} {EXTREMES} {NAN_SUMS} {NAN_EXTREMES} {QUANTILES}",
        HOLES,
        axis=-1,
        keepdims=True,
    ),
    *along(
        "of two axes",
        f"{SUMS} max {NAN_SUMS} median any all count_nonzero",
        STRIDED[None],
        axis=(-1, 0),
    ),
    *along(
        "of infinities", f"{SUMS} {EXTREMES} {NAN_SUMS} {QUANTILES}", INFINITE, axis=1
    ),
    *along("of no axes", f"{SUMS} {EXTREMES} any", X, axis=()),
    *along("of one element", f"{SUMS} {EXTREMES} {NAN_SUMS} {QUANTILES}", THIN, axis=1),
    *along("of nothing", f"{SUMS} {NAN_SUMS} any all count_nonzero", EMPTY, axis=0),
    *along("beside nothing", f"{SUMS} {EXTREMES} {NAN_EXTREMES}", EMPTY, axis=1),
    *along(
        "of integers",
        f"{SUMS} {EXTREMES} {NAN_SUMS} {NAN_EXTREMES} {QUANTILES}",
        INTEGERS,
        axis=0,
    ),
    *along("of bools", "sum mean var prod max min any all", BOOLS, axis=0),
    *along(
        "of complex numbers", f"{SUMS} {NAN_SUMS} any count_nonzero", COMPLEX, axis=0
    ),
    *along("of few", "var std", X, axis=0, ddof=1),
    *along("of too few", "var nanstd", X[:1], axis=0, ddof=1),
    *along("", "any all count_nonzero", BOOLS, axis=1, mapped=True),
    *along("", "argmax argmin", X, mapped=True),
    *along("of columns", "argmax argmin", HOLES, axis=0, keepdims=True),
    *along("of ties", "argmax argmin", INTEGERS, axis=-1),
    # With a mask and a first value.
    *(
        Row(
            f"numpy.{name}",
            (HOLES if name.startswith("nan") else X, BOOLS),
            lambda f, x, w, o=options: f(x, axis=1, where=w, **o),
            label="where",
        )
        for name, options in [
            *((name, {}) for name in f"{SUMS} {NAN_SUMS} any all".split()),
            *((name, {"initial": 0.5}) for name in ["max", "min", "nanmax", "nanmin"]),
        ]
    ),
    *along("from a first value", "sum prod max min nansum", X, axis=0, initial=2.0),
    Row("numpy.average", (X,), lambda f, x: f(x, axis=0), smooth=(0,)),
    Row(
        "numpy.average",
        (X, X[0] ** 2),
        lambda f, x, w: f(x, -1, w, returned=True),
        smooth=(0, 1),
        label="weighted",
    ),
    # Cumulative functions.
    *along("", CUMULATIVE, X, mapped=True),
    *along("of columns", CUMULATIVE, X, axis=0, smooth=True),
    *along("of rows", CUMULATIVE, HOLES, axis=-1),
    *along("of nothing", CUMULATIVE, EMPTY, axis=0),
    *along("of integers", CUMULATIVE, INTEGERS, axis=0),
    *along("of complex numbers", CUMULATIVE, COMPLEX, axis=1),
    *along("", "cumulative_sum cumulative_prod", X, axis=1, smooth=True, mapped=True),
    *along(
        "from the first",
        "cumulative_sum cumulative_prod",
        INTEGERS,
        axis=-1,
        include_initial=True,
    ),
    # Order statistics.
    *quantile(
        "quantile nanquantile percentile nanpercentile",
        "",
        X,
        [0.0, 0.3, 1.0],
        smooth=True,
        axis=0,
    ),
    *quantile(
        "quantile nanquantile percentile nanpercentile",
        "beside NaN",
        HOLES,
        0.4,
        axis=1,
        keepdims=True,
    ),
    *quantile("quantile percentile", "of integers", INTEGERS, [[0.1], [0.6]]),
    *(
        row
        for method in ("lower", "higher", "midpoint", "nearest", "inverted_cdf")
        for row in quantile("quantile", method, X, 0.45, axis=-1, method=method)
    ),
    *(
        Row(
            f"numpy.{name}",
            (x, np.array([0.0, 0.3, 0.75, 1.0]), weights),
            lambda f, x, q, w, name=name: f(
                x,
                q * (100 if "percentile" in name else 1),
                axis=1,
                method="inverted_cdf",
                weights=w,
            ),
            label="weighted",
        )
        for names, x in [("quantile percentile", X), ("nanquantile", HOLES[::2])]
        for name in names.split()
        for weights in [np.abs(x) * (x != 1.5)]
    ),
    Row(
        "numpy.quantile",
        (X, np.array(0.4), np.array([0.0, 1.0, 3.0])),
        lambda f, x, q, w: f(
            x, q, axis=0, method="inverted_cdf", weights=w, keepdims=True
        ),
        label="weighted along an axis",
    ),
    Row("numpy.diff", (X,), lambda f, x: f(x, 2, axis=0), smooth=(0,)),
    Row(
        "numpy.diff",
        (INTEGERS, INTEGERS[:, :1]),
        lambda f, x, y: f(x, prepend=y),
        label="prepended",
    ),
    Row("numpy.diff", (BOOLS,), label="of bools"),
    Row("numpy.trapezoid", (X, np.array([0.0, 0.5, 2.0, 2.5])), smooth=(0, 1)),
    Row("numpy.trapezoid", (X,), lambda f, x: f(x, dx=0.5, axis=0), label="evenly"),
]
