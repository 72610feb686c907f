"""Every public function against its oracle, and every way of running it."""

import importlib
import inspect
import itertools
import pathlib
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dolmen.core import enable_x64, jit, jvp, numpy as jnp, tree, vmap

from .elsewhere import ELSEWHERE
from .functions import ORACLES
from .rows import all_rows

ROWS = all_rows()
# A dozen roundings: 1e-16 and 6e-8 each.
TOLERANCE = {"float64": 1e-12, "float32": 5e-6}
TESTS = pathlib.Path(__file__).parents[1]


def of_rows(*conditions):
    chosen = [row for row in ROWS if all(getattr(row, name) for name in conditions)]
    return pytest.mark.parametrize("row", chosen, ids=str)


def assert_close(made, expected, dtype, slack):
    assert tree.structure(made) == tree.structure(expected)
    limit = TOLERANCE[dtype] * slack
    for x, y in zip(tree.leaves(made), tree.leaves(expected), strict=True):
        assert np.shape(x) == np.shape(y)
        assert_allclose(np.asarray(x), y, rtol=limit, atol=limit)


def run(row, function, args):
    """What a function gives: under `jit`, where the row can be traced."""
    return (jit(function) if row.traced else function)(*args)


@of_rows()
def test_double_precision_agrees_with_the_oracle(row):
    args = row.arrays("float64")

    with enable_x64(True):
        made = run(row, lambda *args: row.call(row.function, *args), args)

    assert_close(made, row.expected(args), "float64", row.slack)


@of_rows()
def test_single_precision_agrees_with_the_oracle_eagerly(row):
    args = row.arrays("float32")

    made = row.call(row.function, *args)

    assert_close(made, row.expected(args), "float32", row.slack)


@of_rows("smooth")
def test_derivative_agrees_with_central_differences(row):
    args = row.arrays("float64")
    rng = np.random.default_rng(0)
    draw = lambda x: rng.normal(size=np.shape(x))  # noqa: E731
    directions = [tree.map(draw, args[i]) for i in row.smooth]
    step = 1e-6

    def along(t):
        moved = list(args)
        for i, direction in zip(row.smooth, directions, strict=True):
            moved[i] = tree.map(lambda x, d: x + t * d, moved[i], direction)
        result = row.call(row.function, *moved)
        return [jnp.asarray(x) for x in tree.leaves(result)]

    with enable_x64(True):
        slopes = run(row, lambda t: jvp(along, (t,), (1.0,))[1], [0.0])
        pairs = zip(*(run(row, along, [t]) for t in (step, -step)), strict=True)
        expected = [np.asarray(up - down) / (2 * step) for up, down in pairs]

    for slope, difference in zip(slopes, expected, strict=True):
        limit = 1e-7 * row.slack * max(1.0, np.abs(difference).max(initial=0.0))
        assert_allclose(slope, difference, rtol=1e-6, atol=limit)


@of_rows("mapped")
def test_vmap_agrees_with_a_loop(row):
    args = row.arrays("float32")
    # Distinct lanes: the first argument's elements are reversed in the second lane.
    lanes = [args, [tree.map(np.flip, args[0]), *args[1:]]]
    stacked = tree.map(lambda *xs: np.stack(xs), *lanes)

    call = jit(lambda *args: row.call(row.function, *args))
    made = jit(vmap(call))(*stacked)

    results = [call(*lane) for lane in lanes]
    expected = tree.map(lambda *xs: np.stack(xs), *results)
    assert_close(made, expected, "float32", row.slack)


MODULES = ["assignment", "losses", "perturbations", "projections", "schedules"]
MODULES += ["second_order", "tree"]


def public_functions(path):
    module = importlib.import_module(f"dolmen.optim.{path}")
    for name in dir(module):
        value = getattr(module, name)
        home = getattr(value, "__module__", None) or ""
        if name[0] != "_" and callable(value) and home.startswith("dolmen.optim"):
            yield f"{path}.{name}"


@pytest.mark.parametrize("path", MODULES)
def test_every_public_function_has_an_oracle(path):
    rows = {row.name for row in ROWS}
    elsewhere = set(itertools.chain(*ELSEWHERE.values()))

    lonely = sorted(set(public_functions(path)) - rows - elsewhere)

    assert lonely == [], "write a row for these, or say in elsewhere.py who tests them"


def functions_of(*paths):
    """Names of functions, each once, but not of modules with tables of their own."""
    found: dict[object, str] = {}
    for path in paths:
        module = importlib.import_module(f"dolmen.optim.{path}".rstrip("."))
        for name in dir(module):
            value = getattr(module, name)
            home = (getattr(value, "__module__", None) or "").split(".")[2:3]
            if name[0] != "_" and inspect.isfunction(value) and home[0] not in MODULES:
                found.setdefault(value, f"{path}.{value.__name__}".lstrip("."))
    return set(found.values())


def test_every_optimizer_and_transform_has_an_oracle():
    listed = set(itertools.chain(*ORACLES.values()))
    names = functions_of("", "contrib", "transforms", "microbatching")

    assert names == listed, "name the file with its oracle in functions.py"


@pytest.mark.parametrize("file", ORACLES)
def test_oracles_are_in_the_files_named(file):
    text = (TESTS / file).read_text()

    names = [name.rpartition(".")[2] for name in ORACLES[file]]

    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("file", ELSEWHERE)
def test_what_is_said_to_be_tested_elsewhere_is_named_there(file):
    text = (TESTS / file).read_text()

    absent = [n for n in ELSEWHERE[file] if n.rpartition(".")[2] not in text]

    assert absent == []


def test_no_function_is_listed_twice():
    listed = list(itertools.chain(*ELSEWHERE.values()))

    assert sorted(set(listed)) == sorted(listed)
    assert set(listed) & {row.name for row in ROWS} == set()
