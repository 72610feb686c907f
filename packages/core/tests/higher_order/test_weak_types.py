"""Python numbers at the boundary of compiled functions."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

ONE = np.ones((), np.float32)


@pytest.fixture(autouse=True)
def nothing_compiled():
    dc.clear_caches()


def feed_back(function, x, times=4):
    step = dc.jit(function)
    for _ in range(times):
        x = step(x)
    return x, step.cache_report()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2.0 + ONE,
        lambda x: lax.scan(lambda c, _: (c + ONE, c), x, None, length=3)[0],
        lambda x: x - ONE * dc.grad(lambda y: y * y)(x),
        lambda x: dc.jit(lambda y: y * ONE)(x),
        lambda x: lax.while_loop(lambda c: c < 9.0, lambda c: c + ONE, x),
        lambda x: jnp.where(x > 0, x, ONE),
    ],
)
def test_a_result_fed_back_for_a_python_number_compiles_nothing_new(function):
    _, report = feed_back(function, 1.0)

    first, second = report.rows
    assert first.origins in (("compiler",), ("disk",))
    assert second.origins == ("memory",)
    assert second.differences == ("`x` is f32[], was ~f32[]",)


def test_a_number_that_stays_weak_is_traced_once():
    x, report = feed_back(lambda x: x * 2 + 1, 1)

    assert x.weak_type
    assert len(report.rows) == 1


def test_programs_that_differ_by_weakness_are_not_shared():
    """A weak f32 gives way to f16, another f32 does not."""
    f = dc.jit(lambda x: x * np.ones(2, np.float16))

    dtypes = [f(1.0).dtype, f(np.float32(1)).dtype]

    assert dtypes == [np.float16, np.float32]
    assert f.cache_report().rows[1].origins != ("memory",)


def test_a_function_made_anew_is_not_compiled_anew():
    def make():
        return dc.jit(lambda x: jnp.tanh(x) * 3.0)

    first, second = make(), make()
    first(ONE), second(ONE)

    assert second.cache_report().rows[0].origins == ("memory",)
