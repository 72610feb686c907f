"""`lax.composite`: one operation for the compiler, an ordinary function for us."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

scaled_sine = lax.composite(
    lambda x, *, by, **_: {"y": jnp.sin(x) * by}, "test.scaled_sine", version=3
)


def test_the_operation_carries_name_version_and_attributes():
    def f(x):
        inner = scaled_sine(x, by=2.0, text="t", many=[1, (2.5, True)], absent=None)
        return scaled_sine(inner["y"], by=np.arange(1, 3), dtype=np.dtype("f4"))["y"]

    text = dc.jit(f).lower(1.0).as_text()

    calls = re.findall(r'stablehlo.composite "test.scaled_sine" %\w+ \{(.*)\}', text)
    assert [re.sub(r"decomposition = @\w+, ", "", call) for call in calls] == [
        "composite_attributes = {by = 2.000000e+00 : f64, many = [1, [2.500000e+00, "
        'true]], text = "t"}, version = 3 : i32',
        "composite_attributes = {by = dense<[1, 2]> : tensor<2xi64>, dtype = f32}, "
        "version = 3 : i32",
    ]
    np.testing.assert_allclose(
        dc.jit(f)(1.0), np.sin(2 * np.sin(1.0)) * np.arange(1, 3), rtol=1e-6
    )


def test_derivatives_and_batches_are_those_of_the_decomposition():
    def f(x):
        return scaled_sine(x, by=3.0)["y"]

    x = np.linspace(0.0, 1.0, 3).astype(np.float32)

    np.testing.assert_allclose(f(x), 3 * np.sin(x), rtol=1e-6)
    np.testing.assert_allclose(dc.vmap(dc.grad(f))(x), 3 * np.cos(x), rtol=1e-6)
    np.testing.assert_allclose(
        dc.jvp(dc.grad(lambda x: dc.vmap(f)(x).sum()), (x,), (x,))[1],
        -3 * np.sin(x) * x,
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (
            lambda: scaled_sine(1.0, by=[1, jnp.ones(2)]),
            [
                "composite 'test.scaled_sine': expected a number, a string, a NumPy "
                "array or a container of these as `by[1]`, got ArrayImpl.",
                "Pass arrays that the program computes as positional arguments.",
            ],
        ),
        (
            lambda: dc.grad(lambda y: lax.composite(lambda x: x * y, "a.b")(1.0))(2.0),
            [
                "composite 'a.b': <lambda> closes over a traced value, ~f32[].",
                "Pass the value as a positional argument.",
            ],
        ),
        (
            lambda: lax.composite(3, "a.b"),
            ["composite: expected a function as `decomposition`, got int: 3."],
        ),
    ],
)
def test_errors(call, lines):
    with pytest.raises(TypeError) as caught:
        call()

    text = str(caught.value).split("\n")
    assert [line for line in text if not line.startswith("  at ")] == lines
