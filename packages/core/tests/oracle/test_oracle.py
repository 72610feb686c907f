"""Every public function against its oracle, and every way of running it."""

import importlib
import itertools
import pathlib
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dolmen.core import enable_x64, jit, jvp, numpy as jnp, vmap

from .elsewhere import ELSEWHERE
from .rows import all_rows, leaves

ROWS = all_rows()
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}
TESTS = pathlib.Path(__file__).parents[1]


def of_rows(*conditions):
    chosen = [row for row in ROWS if all(getattr(row, name) for name in conditions)]
    return pytest.mark.parametrize("row", chosen, ids=str)


def assert_close(made, expected, dtype, slack):
    assert len(made) == len(expected)
    limit = TOLERANCE[dtype] * slack
    for x, y in zip(made, expected, strict=True):
        assert x.shape == y.shape
        assert_allclose(x, y, rtol=limit, atol=limit)


@of_rows()
def test_double_precision_agrees_with_the_oracle(row):
    args = row.arrays("float64")

    with enable_x64(True):
        made = leaves(row.call(row.function, *args))

    assert_close(made, row.expected(args), "float64", row.slack)


@of_rows("single")
def test_single_precision_agrees_with_the_oracle(row):
    args = row.arrays("float32")
    function = jit(lambda *args: row.call(row.function, *args))

    made = leaves((function if row.traced else function.__wrapped__)(*args))

    assert_close(made, row.expected(args), "float32", row.slack)


@of_rows("smooth")
def test_derivative_agrees_with_central_differences(row):
    args = row.arrays("float64")
    rng = np.random.default_rng(0)
    directions = [rng.normal(size=args[i].shape) for i in row.smooth]
    step = 1e-6

    def along(t):
        moved = list(args)
        for i, direction in zip(row.smooth, directions, strict=True):
            moved[i] = moved[i] + t * direction
        return [jnp.asarray(x) for x in flat(row.call(row.function, *moved))]

    with enable_x64(True):
        _, slopes = jvp(along, (0.0,), (1.0,))
        pairs = zip(along(step), along(-step), strict=True)
        expected = [np.asarray(up - down) / (2 * step) for up, down in pairs]

    for slope, difference in zip(slopes, expected, strict=True):
        assert not np.isnan(difference).any(), "the row is outside the domain"
        limit = 1e-7 * row.slack * max(1.0, np.abs(difference).max(initial=0.0))
        assert_allclose(slope, difference, rtol=1e-6, atol=limit)


@of_rows("mapped")
def test_vmap_agrees_with_a_loop(row):
    args = row.arrays("float32")
    # Distinct lanes: the first argument's elements are reversed in the second lane.
    lanes = [args, [np.flip(args[0]), *args[1:]]]
    stacked = [np.stack(lane) for lane in zip(*lanes, strict=True)]

    made = leaves(vmap(lambda *args: row.call(row.function, *args))(*stacked))

    rows = [leaves(row.call(row.function, *lane)) for lane in lanes]
    expected = [np.stack(lane) for lane in zip(*rows, strict=True)]
    assert_close(made, expected, "float32", row.slack)


MODULES = [
    "image",
    "lax",
    "nn",
    "nn.initializers",
    "numpy",
    "numpy.fft",
    "ops",
    "scipy.fft",
    "scipy.linalg",
    "scipy.special",
    "scipy.stats",
]
MODULES += ["experimental.ode", "scipy.optimize", "scipy.sparse.linalg"]
DISTRIBUTIONS = [
    *["bernoulli", "beta", "betabinom", "binom", "cauchy", "chi2", "dirichlet"],
    *["expon", "gamma", "gennorm", "geom", "gumbel_l", "gumbel_r", "laplace"],
    *["logistic", "multinomial", "multivariate_normal", "nbinom", "norm", "pareto"],
    *["poisson", "t", "truncnorm", "uniform", "vonmises", "wrapcauchy"],
]
MODULES += [f"scipy.stats.{name}" for name in DISTRIBUTIONS]
MODULES += ["scipy.cluster.vq", "scipy.integrate", "scipy.interpolate"]
MODULES += ["scipy.ndimage", "scipy.signal"]


_NO_FUNCTIONS = types.ModuleType | type | types.GenericAlias


def public_functions(path):
    module = importlib.import_module(f"dolmen.core.{path}")
    for name in dir(module):
        value = getattr(module, name)
        if name[0] == "_" or isinstance(value, _NO_FUNCTIONS):
            continue
        if callable(value):
            yield f"{path}.{name}"


@pytest.mark.parametrize("path", MODULES)
def test_every_public_function_has_an_oracle(path):
    rows = {row.name for row in ROWS}
    elsewhere = set(itertools.chain(*ELSEWHERE.values()))

    lonely = sorted(set(public_functions(path)) - rows - elsewhere)

    assert lonely == [], "write a row for these, or say in elsewhere.py who tests them"


@pytest.mark.parametrize("file", ELSEWHERE)
def test_what_is_said_to_be_tested_elsewhere_is_named_there(file):
    text = (TESTS / file).read_text()

    absent = [n for n in ELSEWHERE[file] if n.rpartition(".")[2] not in text]

    assert absent == []


def test_no_function_is_listed_twice():
    listed = list(itertools.chain(*ELSEWHERE.values()))

    assert sorted(set(listed)) == sorted(listed)
    assert set(listed) & {row.name for row in ROWS} == set()


def flat(result):
    """The leaves of nested sequences, traced or not."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in flat(part)]
    return [result]
