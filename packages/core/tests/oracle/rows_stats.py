"""Rows of `scipy.stats`: for every function one of all sorts of numbers, shifted and
stretched, and one of numbers inside the support, where it has derivatives."""

import importlib
import inspect

import numpy as np
import scipy.stats

from .rows import Row

NUMBERS = np.array([-35.0, -2.0, 0.25, 0.5, 1.75, 3.0, 45.0, np.nan])
INSIDE = np.array([0.3, 0.8, 1.4])
COUNTS = np.array([-2.0, 1.0, 2.0, 3.5, 5.0, 40.0, np.nan])
INNER_COUNTS = np.array([1.0, 3.0, 5.0])
PROBABILITIES = np.array([-0.5, 0.0, 1e-6, 0.2, 0.5, 0.7, 1.0, 1.5, np.nan])
INNER_PROBABILITIES = np.array([0.1, 0.45, 0.8])
LOCATION = {"loc": np.array(0.25), "scale": np.array(1.5)}


def rows(family, *shapes, names=None, inside=INSIDE, slack=1.0, smooth=None):
    """Of every function of a distribution, or of those named."""
    shapes = [np.asarray(shape) for shape in shapes]
    module = importlib.import_module(f"dolmen.core.scipy.stats.{family}")
    for name in names or module.__all__:
        path = f"scipy.stats.{family}.{name}"
        parameters = inspect.signature(getattr(module, name)).parameters
        location = [LOCATION[p] for p in parameters if p in LOCATION]
        args = (*shapes, *location)
        every, inner, by = NUMBERS, inside, range(1 + len(args))
        if name in ("ppf", "isf"):
            every, inner = PROBABILITIES, INNER_PROBABILITIES
        elif "k" in parameters:
            by = range(1, 1 + len(shapes))
            every = COUNTS + location[0]
            inner = INNER_COUNTS + location[0] if inside is INSIDE else inside
        if any(shape.ndim for shape in shapes):
            every = every[:, None]
        yield Row(path, (every, *args), slack=slack)
        yield Row(
            path,
            (inner, *args),
            smooth=tuple(by if smooth is None else smooth),
            slack=slack,
            single=False,
            mapped=False,
            label="inside",
        )


@np.vectorize
def entropy(mu, loc=0):
    """That of SciPy loses digits above 1000."""
    k = np.arange(2 * mu + 150)
    log = scipy.stats.poisson.logpmf(k, mu)
    return -np.sum(np.exp(log) * np.maximum(log, -1e4))


A, B = np.array([0.6, 1.0, 30.0]), np.array([2.5, 1.0, 20.0])
P = np.array([0.1, 0.5, 0.9])
ENTROPY = "scipy.stats.poisson.entropy"
MEANS = np.array([0.0, 0.3, 7.0, 59.0, 61.0, 1e4])
# Intervals for `truncnorm`: two tails and a narrow one, with a number of each.
LOW, HIGH = np.array([-np.inf, 9.0, -1e-3]), np.array([-9.0, np.inf, 1e-3])
TAILS = np.array([-15.0, 15.0, 0.2505])
ALPHA = np.array([0.75, 2.0, 40.0])
SHARES = np.array([[0.1, 0.25], [0.2, 0.25], [0.7, 0.5]])
OUTCOMES = np.array([[1, 2, 3], [6, 0, 0], [1, 1, 1], [-1, 4, 3]])
CHANCES = np.array([0.25, 0.25, 0.5])
COVARIANCES = np.array([[[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.25], [-0.25, 0.5]]])
VECTORS = np.array([[0.5, -1.0], [2.0, 0.25]])
TIES = np.array([[3.0, 1.0, 3.0, 2.0, 1.0], [0.0, 5.0, 5.0, 5.0, -1.0]])
NANS = np.array([[3.0, np.nan, 3.0, 2.0], [0.0, 5.0, 5.0, 5.0]])


def of_several(f, x, mean, cov):
    """SciPy takes one mean and one covariance a call."""
    if f.__module__.startswith("dolmen"):
        return f(x, mean, cov)
    return np.array([f(*args) for args in zip(x, mean, cov, strict=True)])


def together(name, args, call=None, **options):
    """Rows of the density and its logarithm."""
    for prefix in ("", "log"):
        path = f"scipy.stats.{name.replace('.p', f'.{prefix}p')}"
        yield Row(path, args, **({"call": call} if call else {}), **options)


ROWS = [
    *together("dirichlet.pdf", (SHARES[:-1], ALPHA), smooth=(0, 1), slack=10.0),
    Row(
        "scipy.stats.dirichlet.logpdf",
        (SHARES[:, 0], ALPHA),
        smooth=(1,),
        slack=10.0,
        single=False,  # SciPy is strict about the sum
        label="whole",
    ),
    *together(
        "multinomial.pmf", (OUTCOMES, np.array(6), CHANCES), slack=4.0, mapped=False
    ),
    Row(
        "scipy.stats.multinomial.logpmf",
        (OUTCOMES[:2], np.array([6, 6]), CHANCES),
        slack=4.0,
        mapped=False,
        label="of several",
    ),
    *together(
        "multivariate_normal.pdf",
        (VECTORS, VECTORS[::-1].copy(), COVARIANCES),
        of_several,
        smooth=(0, 1, 2),
        slack=10.0,
    ),
    *together("multivariate_normal.pdf", (VECTORS, VECTORS[0], COVARIANCES[0])),
    *together("multivariate_normal.pdf", (VECTORS, VECTORS[0], np.array(0.5))),
    *together("multivariate_normal.pdf", (INSIDE, np.array(0.5), np.array(2.0))),
    *[
        Row("scipy.stats.rankdata", (TIES,), lambda f, a, m=method: f(a, m))
        for method in ("average", "min", "max", "dense", "ordinal")
    ],
    Row("scipy.stats.rankdata", (TIES,), lambda f, a: f(a, axis=-1), label="of rows"),
    Row("scipy.stats.rankdata", (NANS,), lambda f, a: f(a, axis=1), label="of NaN"),
    Row(
        "scipy.stats.rankdata",
        (NANS,),
        lambda f, a: f(a, "max", axis=1, nan_policy="omit"),
        label="without NaN",
    ),
    Row("scipy.stats.rankdata", (TIES[:, :0],), label="of none"),
    Row("scipy.stats.mode", (TIES,), lambda f, a: tuple(f(a, axis=1))),
    Row("scipy.stats.mode", (TIES,), lambda f, a: tuple(f(a)), label="of columns"),
    Row(
        "scipy.stats.mode",
        (TIES,),
        lambda f, a: tuple(f(a, axis=None, keepdims=True)),
        label="of all",
    ),
    Row("scipy.stats.mode", (NANS,), lambda f, a: tuple(f(a)), label="of NaN"),
    Row(
        "scipy.stats.mode",
        (NANS,),
        lambda f, a: tuple(f(a, axis=-1, nan_policy="omit", keepdims=True)),
        label="without NaN",
    ),
    Row("scipy.stats.mode", (TIES[:0],), lambda f, a: tuple(f(a)), label="of none"),
    Row("scipy.stats.sem", (TIES,), smooth=(0,)),
    Row(
        "scipy.stats.sem",
        (TIES,),
        lambda f, a: f(a, axis=None, ddof=0, keepdims=True),
        smooth=(0,),
        label="of all",
    ),
    Row("scipy.stats.sem", (NANS,), lambda f, a: f(a, axis=1), label="of NaN"),
    Row(
        "scipy.stats.sem",
        (NANS,),
        lambda f, a: f(a, axis=1, nan_policy="omit"),
        smooth=(0,),
        label="without NaN",
    ),
    *rows("norm"),
    *rows("logistic"),
    *rows("cauchy"),
    *rows("expon"),
    *rows("laplace"),
    *rows("uniform"),
    *rows("gumbel_r"),
    *rows("gumbel_l"),
    *rows("pareto", 1.25, inside=INSIDE + 1.5),
    *rows("gamma", np.array([0.6, 1.0, 12.0]), inside=INSIDE + 0.1, slack=4.0),
    *rows("gamma", 60.0, names=["logpdf"], inside=INSIDE + 0.1, slack=4.0),
    *rows("chi2", B, inside=INSIDE + 0.1, slack=4.0),
    *rows("beta", A, B, names=["pdf", "logpdf"], inside=INSIDE + 0.1, slack=10.0),
    *rows(
        "beta",
        A,
        B,
        names=["cdf", "logcdf", "sf", "logsf"],
        inside=INSIDE + 0.1,
        slack=10.0,
        smooth=(0, 3, 4),
    ),
    *rows("t", A),
    *rows("gennorm", B + 0.25),
    *rows("vonmises", B),
    *rows("wrapcauchy", P),
    *rows("truncnorm", -1.0, 1.25),
    *rows("truncnorm", LOW, HIGH, inside=TAILS, slack=20.0, smooth=(0, 3, 4)),
    *rows("poisson", B, names=["logpmf", "pmf", "cdf"], slack=4.0),
    *rows("binom", np.array([5.0, 7.0, 60.0]), P, slack=4.0),
    *rows("nbinom", A, P, slack=4.0),
    *rows("geom", P),
    Row(
        "scipy.stats.poisson.entropy", (MEANS, np.array(1.0)), oracle=entropy, slack=1e2
    ),
    Row(
        "scipy.stats.poisson.entropy",
        (MEANS[1:],),
        oracle=entropy,
        smooth=(0,),
        slack=1e2,
        label="smooth",
    ),
    Row("scipy.stats.bernoulli.cdf", (COUNTS, P[:, None])),
    Row(
        "scipy.stats.bernoulli.cdf",
        (np.array([-2.0, 0.0, 0.5, 1.0]), P[:, None]),
        smooth=(1,),
        label="inside",
    ),
    Row("scipy.stats.bernoulli.ppf", (PROBABILITIES[2:], P[:, None])),
    *rows("bernoulli", P, names=["logpmf", "pmf"], inside=np.array([0.25, 1.25, 1.25])),
    *rows("betabinom", np.array([5.0, 7.0, 60.0]), A, B, slack=10.0),
]
