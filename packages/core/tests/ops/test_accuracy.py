"""Accuracies of elementary functions: what programs ask the compiler for."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

from .test_shape import problem

FUNCTIONS = [
    lax.cbrt,
    lax.cos,
    lax.exp,
    lax.exp2,
    lax.expm1,
    lax.log,
    lax.log1p,
    lax.logistic,
    lax.rsqrt,
    lax.sin,
    lax.sqrt,
    lax.tan,
    lax.tanh,
]
CLOSE = lax.Tolerance(atol=0.5, rtol=0.25, ulps=2)
ASKED = [
    (lax.AccuracyMode.HIGHEST, "mode = #stablehlo.result_accuracy_mode<HIGHEST>"),
    (
        CLOSE,
        "atol = 5.000000e-01, rtol = 2.500000e-01, ulps = 2, "
        "mode = #stablehlo.result_accuracy_mode<TOLERANCE>",
    ),
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("accuracy", "attribute"), ASKED)
def test_accuracies_reach_the_compiler(function, accuracy, attribute):
    text = dc.jit(lambda x: function(x, accuracy=accuracy)).lower(0.5).as_text()

    assert f"result_accuracy = #stablehlo.result_accuracy<{attribute}>" in text


@pytest.mark.parametrize("function", FUNCTIONS)
def test_accuracies_change_neither_values_nor_derivatives_on_the_cpu(function):
    x = np.float32([0.25, 0.5])

    def highest(x):
        return function(x, accuracy=lax.AccuracyMode.HIGHEST)

    got = dc.jvp(dc.vmap(highest), (x,), (x,))
    expected = dc.jvp(function, (x,), (x,))

    np.testing.assert_array_equal(got, expected)


def test_derivatives_of_sines_are_as_exact_as_they():
    slope = dc.grad(lambda x: lax.sin(x, accuracy=CLOSE))

    assert f"cos[accuracy={CLOSE}]" in str(dc.make_jaxpr(slope)(1.0))


def test_what_is_no_accuracy_is_refused():
    with pytest.raises(TypeError) as error:
        lax.exp(1.0, accuracy="HIGHEST")
    assert problem(error) == (
        "exp: `accuracy` must be None, a `lax.Tolerance` or a `lax.AccuracyMode`, got "
        "'HIGHEST'."
    )


@pytest.mark.parametrize("numbers", [{}, {"rtol": -1.0, "ulps": 2}])
def test_tolerances_must_tolerate_something(numbers):
    with pytest.raises(ValueError) as error:
        lax.Tolerance(**numbers)
    assert problem(error) == (
        "Tolerance: `atol`, `rtol` and `ulps` must not be negative, and one of them "
        f"positive, got atol=0.0, rtol={numbers.get('rtol', 0.0)}, "
        f"ulps={numbers.get('ulps', 0)}."
    )
