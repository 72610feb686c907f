"""`jet`: all orders up to four agree with nested forward derivatives."""

import functools
import math

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.experimental.jet import jet

HERE = __file__
ORDER = 4
POINT = np.array([0.3, 0.6, 0.8])
TERMS = [
    np.array([0.7, -0.4, 1.1]),
    np.array([0.2, 0.9, -0.5]),
    np.array([-0.3, 0.1, 0.6]),
    np.array([0.4, -0.8, 0.2]),
]


@pytest.fixture(autouse=True)
def _wide():
    with dc.enable_x64(True):
        yield


def curve(t):
    """What moves as `TERMS` say; terms beyond the order do not matter."""
    steps = (t ** (k + 1) / math.factorial(k + 1) * h for k, h in enumerate(TERMS))
    return sum(steps, POINT)


def derivative(function, t):
    return dc.jvp(function, (t,), (np.ones(()),))[1]


def assert_agrees_with_nested_derivatives(function, order=ORDER):
    value, terms = jet(function, (POINT,), (TERMS[:order],))

    along = lambda t: function(curve(t))  # noqa: E731
    np.testing.assert_allclose(value, along(np.zeros(())), rtol=1e-12)
    assert len(terms) == order
    for term in terms:
        along = functools.partial(derivative, along)
        np.testing.assert_allclose(term, along(np.zeros(())), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "function",
    [
        jnp.exp,
        jnp.expm1,
        jnp.log,
        jnp.log1p,
        jnp.sin,
        jnp.cos,
        jnp.tan,
        jnp.tanh,
        jnp.sqrt,
        lax.rsqrt,
        lax.logistic,
        lax.erf,
        lax.lgamma,
        lambda x: x**3,
        lambda x: x**-2,
        lambda x: x**0.7,
        lambda x: x**x,
        lambda x: x * jnp.sin(x) * x,
        lambda x: jnp.sin(x) / (2.0 + x),
        lambda x: 1.0 / x,
        lambda x: x / 3.0,
        lambda x: jnp.arctan2(x, 1.0 + x),
    ],
)
def test_elementwise(function):
    assert_agrees_with_nested_derivatives(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.max(x * x),
        lambda x: jnp.sort(-x)[:2],
        lambda x: jnp.where(x > 0.5, x * x, x),
        lambda x: jnp.outer(x, jnp.exp(x)) @ x,
        lambda x: jnp.cumsum(x * x),
        lambda x: jnp.prod(x),
        lambda x: (x[jnp.array([2, 0])] * x[:2]).sum(),
        lambda x: jnp.abs(x - 0.5),
    ],
)
def test_reductions_products_and_selection(function):
    assert_agrees_with_nested_derivatives(function)


def smooth(x):
    return jnp.sin(x) * x


HELD = {
    "jit": dc.jit(smooth),
    "jit of jit": dc.jit(lambda x: dc.jit(smooth)(x) + x),
    "checkpoint": dc.checkpoint(smooth),
    "scan": lambda x: lax.scan(
        lambda c, y: (jnp.sin(c) * y, c * y), x[0], x, reverse=True
    ),
    "scan with constants and a carry that begins to move": lambda x: lax.scan(
        lambda c, _: (c + jnp.exp(x), c.sum()), jnp.zeros(3), None, length=3
    ),
    "cond": lambda x: lax.cond(
        x[0] > 0.0, lambda x, y: (x * x, y), lambda x, y: (x, x), x, 1.0 * POINT
    ),
    "while": lambda x: lax.while_loop(
        lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.sin(c[1]) * x), (0, x)
    )[1],
    "while with a carry that begins to move": lambda x: lax.while_loop(
        lambda c: c[0] < 3, lambda c: (c[0] + 1, c[2], c[2] + x * x), (0, POINT, POINT)
    )[1],
    "fori": lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * x, x),
    "vmap": lambda x: dc.vmap(lambda y: jnp.sin(y) * x)(x),
    "grad": lambda x: dc.grad(lambda x: smooth(x).sum())(x),
    "jvp": lambda x: dc.jvp(smooth, (x,), (x,))[1],
}


@pytest.mark.parametrize("name", HELD)
def test_of_operations_that_hold_programs(name):
    def leaves(x):
        out = dc.tree.leaves(HELD[name](x))
        return jnp.concatenate([jnp.ravel(leaf) for leaf in out])

    assert_agrees_with_nested_derivatives(leaves, 3)  # nested loops compile for long


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
class TestCustomRules:
    def test_the_forward_rule_is_used(self, wrap):
        @dc.custom_jvp
        def f(x):
            return jnp.sin(x)

        @f.defjvp
        def _(primals, tangents):
            (x,), (dx,) = primals, tangents
            return f(x), 3.0 * jnp.exp(x) * dx

        assert_agrees_with_nested_derivatives(wrap(f))

    def test_functions_with_a_reverse_rule_are_followed_themselves(self, wrap):
        f = dc.custom_vjp(jnp.sin)
        f.defvjp(lambda x: (f(x), None), lambda _, ct: (0.0 * ct,))

        _, terms = jet(wrap(f), (0.5,), ((1.0, 0.0),))

        np.testing.assert_allclose(terms, [np.cos(0.5), -np.sin(0.5)], rtol=1e-12)


def test_a_python_decision_by_values():
    _, terms = jet(lambda x: x * x if x > 0 else x, (2.0,), ((1.0, 0.0),))

    assert terms == [4.0, 2.0]


def test_several_arguments_and_results_in_trees():
    def f(tree, y):
        return {"product": tree["a"] * y, "constant": 3.0}

    value, terms = jet(f, ({"a": 1.0}, 2.0), ([{"a": 1.0}, {"a": 0.0}], [3.0, 0.5]))

    assert value == {"product": 2.0, "constant": 3.0}
    assert terms == {"product": [5.0, 6.5], "constant": [0.0, 0.0]}


def test_terms_without_factorials_are_coefficients():
    derivatives = jet(jnp.exp, (0.0,), ((1.0, 0.0, 0.0),))[1]
    coefficients = jet(jnp.exp, (0.0,), ((1.0, 0.0, 0.0),), factorial_scaled=False)[1]
    half = jet(jnp.exp, (0.0,), ((1.0, 0.5, 0.0),), factorial_scaled=False)[1]

    np.testing.assert_allclose(derivatives, [1.0, 1.0, 1.0])
    np.testing.assert_allclose(coefficients, [1.0, 1 / 2, 1 / 6])
    np.testing.assert_allclose(half, [1.0, 1.0, 2 / 3])  # exp(t + t**2 / 2)


def test_order_zero():
    assert jet(jnp.exp, (0.0,), ((),)) == (1.0, [])


def test_complex_values():
    z = 0.3 + 0.4j

    _, terms = jet(lambda z: jnp.exp(z) * z, (z,), ((1.0 + 0j, 0j, 0j),))

    expected = [np.exp(z) * (z + k) for k in (1, 2, 3)]
    np.testing.assert_allclose(terms, expected, rtol=1e-12)


def test_composition_with_other_transformations():
    def second(x):
        return jet(jnp.sin, (x,), ((1.0, 0.0),))[1][1]

    x = np.array([0.2, 0.5])

    np.testing.assert_allclose(dc.jit(second)(0.5), -np.sin(0.5))
    np.testing.assert_allclose(dc.vmap(second)(x), -np.sin(x))
    np.testing.assert_allclose(dc.grad(second)(0.5), -np.cos(0.5))
    np.testing.assert_allclose(dc.jit(dc.grad(second))(0.5), -np.cos(0.5))
    np.testing.assert_allclose(dc.jvp(second, (0.5,), (2.0,))[1], -2 * np.cos(0.5))
    np.testing.assert_allclose(
        jet(second, (0.5,), ((1.0, 0.0),))[1], [-np.cos(0.5), np.sin(0.5)]
    )


def test_the_size_of_the_program_grows_with_a_power_of_the_order():
    def size(order):
        terms = [1.0] + [0.0] * (order - 1)
        program = dc.make_jaxpr(lambda x: jet(smooth, (x,), (terms,)))(0.5)
        return len(program.eqns)

    assert size(16) < 16 * size(4)  # nested derivatives: 2**12 times


def problem_of(error, call):
    """The message of an error without the user's line, which is in this file."""
    with pytest.raises(error) as caught:
        call()
    lines = str(caught.value).splitlines()
    places = [line for line in lines if line.startswith("  at ")]
    assert all(place.startswith(f"  at {HERE}:") for place in places)
    assert places
    return "\n".join(line for line in lines if line not in places)


class TestWhatIsRefused:
    def test_sequences_of_different_lengths(self):
        assert problem_of(
            ValueError, lambda: jet(jnp.add, (1.0, 2.0), ((1.0,), (1.0, 0.0)))
        ) == (
            "jet of add: expected a sequence of terms for each of 2 primals, all of "
            "the same length, got sequences of length 1, 2."
        )

    def test_terms_of_another_tree(self):
        got = problem_of(TypeError, lambda: jet(jnp.sin, (1.0,), (({"a": 1.0},),)))

        assert got == (
            "jet of sin: expected terms with the tree of the primals PyTreeDef((*,)), "
            "got PyTreeDef(({'a': *},)) for order 1."
        )

    def test_terms_of_another_shape_or_dtype(self):
        x = np.ones(2)

        shape = problem_of(ValueError, lambda: jet(jnp.sin, (x,), ((x, x[:1]),)))
        dtype = problem_of(TypeError, lambda: jet(jnp.sin, (x,), ((x > 0,),)))

        expected = (
            "jet of sin: expected terms with the shapes and dtypes of the primals, got "
            "for order "
        )
        assert shape == f"{expected}2\n  [0]: f64[1], expected f64[2]"
        assert dtype == f"{expected}1\n  [0]: bool[2], expected f64[2]"

    def test_an_integer_that_moves(self):
        value, terms = jet(lambda x, n: x * n, (1.0, 2), ((1.0,), (0,)))

        assert (value, terms) == (2.0, [2.0])
        assert problem_of(
            TypeError, lambda: jet(lambda x, n: x * n, (1.0, 2), ((1.0,), (1,)))
        ) == (
            "jet of <lambda>: expected terms with the shapes and dtypes of the "
            "primals, got for order 1\n  [1]: ~i64[] can't move, got 1"
        )
