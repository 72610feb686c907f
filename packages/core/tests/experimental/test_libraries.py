"""array_api_compat, SciPy and scikit-learn on arrays."""

import os
import pathlib
import pickle
import subprocess
import sys

import array_api_compat
import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.experimental import array_api

from . import library_calls
from .library_calls import PLAIN

# ---- array_api_compat --------------------------------------------------------------


@pytest.mark.parametrize("namespace", [jnp, array_api], ids=["plain", "writable"])
def test_array_api_compat_knows_arrays_and_their_namespace(namespace):
    x = namespace.asarray([1.0, 2.0])

    assert array_api_compat.is_array_api_obj(x)
    assert array_api_compat.array_namespace(x, 1.0, None) is namespace
    assert array_api_compat.array_namespace(x, api_version="2024.12") is namespace
    assert array_api_compat.size(x) == 2
    assert array_api_compat.device(x) == dc.devices()[0]
    moved = array_api_compat.to_device(x, array_api_compat.device(x))
    np.testing.assert_array_equal(moved, [1.0, 2.0])


def test_array_api_compat_knows_traced_values():
    def twice(x):
        xp = array_api_compat.array_namespace(x)
        ones = xp.ones(2, device=array_api_compat.device(x))
        return xp.multiply(x, ones + 1)

    assert array_api_compat.is_lazy_array(jnp.ones(1)) is False
    np.testing.assert_array_equal(dc.jit(twice)(jnp.ones(2)), [2, 2])
    np.testing.assert_array_equal(dc.vmap(twice)(jnp.ones((1, 2))), [[2, 2]])


# ---- SciPy and scikit-learn --------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What each call gave in a process of its own, by its name and kind of arrays."""
    path = tmp_path_factory.mktemp("libraries") / "results"
    program = pathlib.Path(library_calls.__file__)
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    subprocess.run([sys.executable, program, path], env=environment, check=True)
    return pickle.loads(path.read_bytes())


NAMES = sorted({*library_calls.scipy_calls(), *library_calls.sklearn_calls()})
CALLS = [(name, "writable") for name in NAMES] + [(name, "plain") for name in PLAIN]
CLASSES = {"writable": "WritableArray", "plain": "ArrayImpl"}


@pytest.mark.parametrize(("name", "kind"), CALLS)
def test_libraries_give_on_arrays_what_they_give_on_those_of_numpy(results, name, kind):
    made = results[name, kind]
    expected = results[name, "numpy"]

    classes = {cls for cls, _ in made} - {"float", "tuple"}
    assert classes <= {CLASSES[kind]}
    for (_, x), (_, y) in zip(made, expected, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-11)
