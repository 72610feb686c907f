"""Computing while something is traced."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import core


@pytest.mark.parametrize(
    "compute",
    [
        lambda: jnp.arange(4).sum() == 6,
        lambda: dc.jit(lambda: jnp.arange(4).sum())() == 6,
        lambda: dc.grad(lambda x: x**2)(3.0) == 6.0,
        lambda: dc.vmap(lambda x: x + 1)(jnp.arange(2))[1] == 2,
        lambda: jnp.float32(1) + 1 == 2,
    ],
)
@pytest.mark.parametrize("transform", [dc.jit, dc.grad, lambda f: dc.jit(dc.grad(f))])
def test_values_are_known_inside(compute, transform):
    def f(x):
        with dc.ensure_compile_time_eval():
            assert bool(compute())
        return x * 2.0

    transform(f)(1.0)


def test_nothing_of_it_is_recorded():
    def f(x):
        with dc.ensure_compile_time_eval():
            n = jnp.arange(4).sum()
        return x + n

    (eqn,) = [e for e in dc.make_jaxpr(f)(1.0).eqns if e.primitive.name == "add"]

    assert len(dc.make_jaxpr(f)(1.0).eqns) <= 2
    assert eqn.outvars[0].aval.dtype == np.float32


@pytest.mark.parametrize("transform", [dc.jit, dc.grad, lambda f: dc.jit(dc.grad(f))])
def test_operations_on_traced_values_are_traced(transform):
    def plain(x):
        return jnp.sin(x) * 3.0

    def f(x):
        with dc.ensure_compile_time_eval():
            return dc.jit(jnp.sin)(x) * jnp.arange(4)[3]

    np.testing.assert_allclose(transform(f)(1.0), transform(plain)(1.0), rtol=1e-6)


def test_it_decorates_functions():
    @dc.ensure_compile_time_eval()
    def table():
        return jnp.arange(3.0) ** 2

    def f(x):
        return x * float(np.asarray(table())[2])

    assert float(dc.jit(f)(2.0)) == 8.0


def test_outside_of_traces_it_changes_nothing():
    with dc.ensure_compile_time_eval():
        assert float(jnp.sin(jnp.zeros(())) + 1.0) == 1.0


def test_tracing_goes_on_afterwards():
    def f(x):
        with dc.ensure_compile_time_eval():
            jnp.ones(2)
        return jnp.sin(x)

    assert [e.primitive.name for e in dc.make_jaxpr(f)(1.0).eqns] == ["sin"]


def test_in_an_evaluation_context_traced_values_are_refused():
    def f(x):
        with core.eval_context():
            assert float(jnp.ones(())) == 1.0
            return jnp.sin(x)

    with pytest.raises(dc.errors.UnexpectedTracerError) as caught:
        dc.jit(f)(1.0)

    assert re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value)) == (
        "a traced value ~f32[] of f was used where nothing is traced.\n"
        "  at HERE\n"
        "Use it outside of `eval_context`; `ensure_compile_time_eval` takes traced "
        "values, too."
    )
