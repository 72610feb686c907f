"""What a jitted function keeps alive, and for how long."""

import functools
import gc
import weakref

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp


def scaled_by(table):
    def f(x):
        return (table * x).sum()

    return f


class Model:
    def __init__(self, table):
        self.table = table

    def __call__(self, x):
        return (self.table * x).sum()

    def apply(self, x):
        return (self.table * x).sum()


MAKERS = {
    "closure": scaled_by,
    "partial": lambda table: functools.partial(lambda t, x: (t * x).sum(), table),
    "object": Model,
    "method": lambda table: Model(table).apply,
    "gradient": lambda table: dc.grad(scaled_by(table)),
    "jitted inside": lambda table: lambda x: dc.jit(scaled_by(table))(x),
}


def use(f):
    """Everything that leaves something behind."""
    f(2.0)
    f.lower(2.0).compile()(2.0)
    dc.grad(f)(2.0)
    dc.jit(lambda x: f(x))(2.0)
    str(f.cache_report())


@pytest.mark.parametrize("make", MAKERS)
def test_a_dropped_function_frees_the_arrays_it_closed_over(make):
    table = jnp.ones(3)
    alive = weakref.ref(table)
    f = dc.jit(MAKERS[make](table))
    use(f)

    del f, table
    gc.collect()
    gc.collect()  # C++ lets go of what the first one found

    assert alive() is None


def test_arrays_are_freed_without_the_collector():
    table = jnp.ones(3)
    alive = weakref.ref(table)
    f = dc.jit(scaled_by(table))
    f(2.0)

    gc.disable()
    del f, table
    freed = alive() is None
    gc.enable()

    assert freed


def test_the_function_is_freed_with_its_jitted_form():
    function = scaled_by(jnp.ones(3))
    alive = weakref.ref(function)
    f = dc.jit(function)
    f(2.0)

    del f, function
    gc.collect()

    assert alive() is None


def test_the_cache_of_a_function_outlives_its_jitted_form():
    traces = []

    def f(x):
        traces.append(1)
        return x

    for _ in range(3):
        dc.jit(f)(1.0)
        gc.collect()

    assert len(traces) == 1


def test_everything_is_forgotten_at_once():
    traces = []
    f = dc.jit(lambda x: traces.append(1) or jnp.sin(x) + 1.0)
    f(1.0), f(1.0)

    dc.clear_caches()

    np.testing.assert_allclose(f(1.0), np.sin(1.0) + 1, rtol=1e-6)
    np.testing.assert_allclose(jnp.sin(jnp.ones(2)), np.sin([1.0, 1.0]), rtol=1e-6)
    assert len(traces) == 2
