"""Every public function shows how it is used; the examples run as doctests."""

import importlib
import inspect

import pytest

from .rows import lookup
from .test_oracle import DISTRIBUTIONS, MODULES, public_functions

# The functions of a distribution are made of formulas; their module shows them.
MADE = {f"scipy.stats.{name}" for name in DISTRIBUTIONS}
MORE = {"lax.linalg", "numpy.linalg", "random"}


@pytest.mark.parametrize("path", sorted({*MODULES} - MADE | MORE))
def test_every_public_function_has_an_example(path):
    functions = {name: lookup(f"dolmen.core.{name}") for name in public_functions(path)}

    bare = [n for n, f in functions.items() if ">>>" not in (inspect.getdoc(f) or "")]

    assert bare == []


@pytest.mark.parametrize("path", sorted(MADE))
def test_every_distribution_has_an_example(path):
    module = importlib.import_module(f"dolmen.core.{path}")

    assert ">>>" in (module.__doc__ or "")
