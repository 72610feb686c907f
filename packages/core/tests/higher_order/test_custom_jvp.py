"""Functions with forward rules of their own."""

from functools import partial

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.custom_derivatives import SymbolicZero
from dolmen.core.errors import UnexpectedTracerError

HERE = __file__


@dc.custom_jvp
def twice(x):
    """A function whose rule pretends a derivative of 3 above zero and 5 below."""
    return 2.0 * x


@twice.defjvp
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    return twice(x), lax.cond(jnp.sum(x) > 0, lambda t: 3.0 * t, lambda t: 5.0 * t, dx)


def three_times(f):
    return lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=3)[0]


PLACES = {
    "plain": (lambda f: f, 3.0),
    "jit": (dc.jit, 3.0),
    "checkpoint": (dc.checkpoint, 3.0),
    "scan": (three_times, 27.0),
    "jit of scan": (lambda f: dc.jit(three_times(f)), 27.0),
    "checkpoint of scan": (lambda f: dc.checkpoint(three_times(f)), 27.0),
    "vmap": (lambda f: lambda x: dc.vmap(f)(x[None])[0], 3.0),
    "cond": (lambda f: lambda x: lax.cond(x > -9.0, f, lambda x: x, x), 3.0),
}


@pytest.mark.parametrize("place", PLACES)
class TestTheRuleIsUsedIn:
    def test_grad(self, place):
        wrap, expected = PLACES[place]

        assert dc.grad(wrap(twice))(jnp.float32(1.0)) == expected

    def test_jvp(self, place):
        wrap, expected = PLACES[place]

        _, tangent = dc.jvp(wrap(twice), (jnp.float32(1.0),), (jnp.float32(2.0),))

        assert tangent == 2.0 * expected

    def test_linearize(self, place):
        wrap, expected = PLACES[place]

        _, push = dc.linearize(wrap(twice), jnp.float32(1.0))

        assert push(jnp.float32(2.0)) == 2.0 * expected

    def test_jit_of_grad(self, place):
        wrap, expected = PLACES[place]

        assert dc.jit(dc.grad(wrap(twice)))(jnp.float32(1.0)) == expected

    def test_vmap_of_grad(self, place):
        wrap, expected = PLACES[place]

        got = dc.vmap(dc.grad(wrap(twice)))(jnp.ones(2))

        np.testing.assert_array_equal(got, [expected, expected])

    def test_grad_of_vmap(self, place):
        wrap, expected = PLACES[place]

        got = dc.grad(lambda x: dc.vmap(wrap(twice))(x).sum())(jnp.ones(2))

        np.testing.assert_array_equal(got, [expected, expected])


@dc.custom_jvp
def magnitude(x):
    return x if x > 0 else -x


@magnitude.defjvp
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    return magnitude(x), dx if x > 0 else -7.0 * dx


def test_outside_jit_python_decides_by_values_in_function_and_rule():
    assert dc.grad(magnitude)(2.0) == 1.0
    assert dc.grad(magnitude)(-2.0) == -7.0
    assert dc.jvp(magnitude, (-2.0,), (1.0,)) == (2.0, -7.0)
    assert dc.linearize(magnitude, -2.0)[1](3.0) == -21.0
    np.testing.assert_array_equal(
        dc.vmap(lambda x: magnitude(-3.0) * x)(jnp.arange(2.0)), [0.0, 3.0]
    )


def test_second_derivatives_go_through_the_rule():
    @dc.custom_jvp
    def cube(x):
        return x**3

    @cube.defjvp
    def _(primals, tangents):
        (x,), (dx,) = primals, tangents
        return cube(x), 4.0 * cube(x) * dx  # d of the rule: 4 * (4 x**3)

    assert dc.grad(dc.grad(cube))(2.0) == 16.0 * 8.0
    assert dc.jacfwd(dc.grad(cube))(2.0) == 16.0 * 8.0
    assert dc.grad(dc.jacfwd(cube))(2.0) == 16.0 * 8.0
    assert dc.jit(dc.grad(dc.jit(dc.grad(cube))))(2.0) == 16.0 * 8.0


def test_a_batched_call_keeps_shared_results_shared():
    @dc.custom_jvp
    def both(x, w):
        return x * w, 2.0 * w

    @both.defjvp
    def _(primals, tangents):
        (x, w), (dx, dw) = primals, tangents
        return both(x, w), (x * dw + w * dx, 10.0 * dw)

    def loss(w):
        products, shared = dc.vmap(both, (0, None), (0, None))(jnp.arange(3.0), w)
        return products.sum() + shared

    assert loss(2.0) == 6.0 + 4.0
    assert dc.grad(loss)(2.0) == 3.0 + 10.0
    assert dc.grad(dc.jit(loss))(2.0) == 3.0 + 10.0


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_a_result_that_the_batch_shares_may_have_a_tangent_that_it_does_not(wrap):
    first = dc.custom_jvp(lambda x, y: 1.0 * x)
    first.defjvp(lambda p, t: (first(*p), t[0] * p[1]))

    def total(x):
        return dc.vmap(wrap(first), (None, 0))(x, jnp.array([1.0, 2.0])).sum()

    assert dc.grad(total)(5.0) == 3.0
    assert dc.jvp(total, (5.0,), (1.0,)) == (10.0, 3.0)


def test_static_arguments_come_first_in_the_order_of_their_positions():
    seen = []

    @partial(dc.custom_jvp, nondiff_argnums=(2, 0))
    def f(name, x, mode):
        return x

    @f.defjvp
    def _(name, mode, primals, tangents):
        seen.append((name, mode))
        return primals[0], 2.0 * tangents[0]

    assert dc.grad(lambda x: f("a", x, "b"))(1.0) == 2.0
    assert seen == [("a", "b")]


def test_static_arguments_by_name_and_defaults_and_keywords():
    @partial(dc.custom_jvp, nondiff_argnames=("mode",))
    def f(x, y=5.0, mode="m"):
        return x * y

    @f.defjvp
    def _(mode, primals, tangents):
        (x, y), (dx, _) = primals, tangents
        return f(x, y, mode), len(mode) * y * dx

    assert dc.grad(f)(1.0) == 5.0
    assert dc.grad(lambda x: f(y=3.0, x=x, mode="long"))(1.0) == 12.0


def test_an_unknown_static_name():
    with pytest.raises(ValueError) as caught:
        dc.custom_jvp(lambda x: x, nondiff_argnames="mode")

    assert str(caught.value).startswith(
        "custom_jvp of <lambda>: nondiff_argnames names 'mode', but the function has "
        "the parameters (x).\n"
    )


def test_methods():
    class Scale:
        factor = 4.0

        @partial(dc.custom_jvp, nondiff_argnums=(0,))
        def apply(self, x):
            return self.factor * x

        @apply.defjvp
        def _(self, primals, tangents):
            return self.apply(*primals), 2.0 * self.factor * tangents[0]

    assert dc.grad(Scale().apply)(1.0) == 8.0


def test_defjvps_adds_the_tangents_of_all_arguments():
    @dc.custom_jvp
    def product(x, y, z):
        return x * y * z

    product.defjvps(
        lambda dx, out, x, y, z: 10.0 * dx * y * z,
        None,
        lambda dz, out, x, y, z: dz * out,
    )

    got = dc.grad(product, (0, 1, 2))(2.0, 3.0, 4.0)

    assert got == (120.0, 0.0, 24.0)


def test_defjvps_of_a_function_that_returns_a_tree():
    pair = dc.custom_jvp(lambda x: {"a": x, "b": x})
    pair.defjvps(lambda dx, out, x: {"a": 2.0 * dx, "b": 3.0 * dx})

    _, tangent = dc.jvp(pair, (1.0,), (1.0,))

    assert tangent == {"a": 2.0, "b": 3.0}


def test_the_tangent_of_an_integer_has_dtype_float0():
    seen = []
    f = dc.custom_jvp(lambda x, n: x * n)

    @f.defjvp
    def _(primals, tangents):
        seen.append(tangents[1].dtype)
        return f(*primals), tangents[0] * primals[1]

    assert dc.grad(f)(2.0, 3) == 3.0
    assert dc.grad(dc.jit(f))(2.0, 3) == 3.0
    assert seen == [dc.dtypes.float0] * 2


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_symbolic_zeros_tell_which_tangents_vanish(wrap):
    seen = []
    f = dc.custom_jvp(lambda x, y, n: (x * y, x + y))

    def rule(primals, tangents):
        (x, y, _), (dx, dy, _) = primals, tangents
        seen.append([isinstance(t, SymbolicZero) for t in tangents])
        zero = SymbolicZero.from_primal_value(x)
        return f(*primals), (dx * y if isinstance(dy, SymbolicZero) else dy * x, zero)

    f.defjvp(rule, symbolic_zeros=True)

    by_x = dc.grad(wrap(lambda x: f(x, 3.0, 1)[0]))(2.0)
    by_y = dc.grad(wrap(lambda y: f(2.0, y, 1)[0]))(3.0)
    by_sum = dc.grad(wrap(lambda y: f(2.0, y, 1)[1]))(3.0)

    assert (by_x, by_y, by_sum) == (3.0, 2.0, 0.0)
    assert seen == [[False, True, True], [True, False, True], [True, False, True]]


def scaled_by(y):
    """A function that closes over `y`, whose rule gives the derivative y**2."""
    f = dc.custom_jvp(lambda x: x * y)
    f.defjvp(lambda primals, tangents: (f(*primals), tangents[0] * y * y))
    return f


@pytest.mark.parametrize(
    "grad",
    [
        lambda f: lambda y: dc.grad(lambda x: f(x, y))(2.0),
        lambda f: lambda y: dc.grad(lambda x: dc.jit(f)(x, y))(2.0),
        lambda f: lambda y: dc.jit(dc.grad(f))(2.0, y),
        lambda f: lambda y: dc.grad(dc.jit(f))(2.0, y),
        lambda f: lambda y: dc.vmap(dc.grad(f))(jnp.ones(2), jnp.full(2, y))[1],
        lambda f: (
            lambda y: dc.grad(
                lambda x: dc.vmap(f)(jnp.full(2, x), jnp.full(2, y)).mean()
            )(2.0)
        ),
        lambda f: (
            lambda y: dc.grad(
                lambda x: dc.vmap(dc.jit(f))(jnp.full(2, x), jnp.full(2, y)).mean()
            )(2.0)
        ),
        lambda f: (
            lambda y: dc.grad(
                lambda x: dc.jit(dc.vmap(f))(jnp.full(2, x), jnp.full(2, y)).mean()
            )(2.0)
        ),
        lambda f: (
            lambda y: dc.grad(
                lambda x: dc.jit(lambda x: three_times_first(f, x, y))(x)
            )(2.0)
        ),
    ],
    ids=[
        "plain",
        "inner jit",
        "jit of grad",
        "grad of jit",
        "vmap of grad",
        "grad of vmap",
        "grad of vmap of jit",
        "grad of jit of vmap",
        "scan",
    ],
)
def test_a_closure_over_other_traced_values_works(grad):
    got = grad(lambda x, y: scaled_by(y)(x))(3.0)

    np.testing.assert_allclose(got, 9.0)


def three_times_first(f, x, y):
    """`f(x, y)` inside a scan that closes over `y`."""
    return lax.scan(lambda c, _: (f(c, y), None), x, None, length=1)[0]


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("argnums", [1, (0, 1)])
def test_a_closure_over_a_value_being_differentiated(wrap, argnums):
    with pytest.raises(UnexpectedTracerError) as caught:
        dc.grad(wrap(lambda x, y: scaled_by(y)(x)), argnums)(2.0, 3.0)

    problem, _, fix = str(caught.value).splitlines()
    assert problem == (
        "custom_jvp of <lambda>: the function closes over a value that is being "
        "differentiated, so its own rule would miss that derivative."
    )
    assert fix == "Pass the value as an argument that is differentiated."


def made(rule):
    f = dc.custom_jvp(lambda x: x)
    f.defjvp(rule)
    return f


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            lambda p, t: p[0],
            "custom_jvp of <lambda>: the rule must return a pair `(out, tangent)`, got "
            "1.0.",
        ),
        (
            lambda p, t: (p[0], t),
            "custom_jvp of <lambda>: the rule must return `(out, tangent)`, each of "
            "the tree of the function's result PyTreeDef(*); got PyTreeDef(*) and "
            "PyTreeDef((*,)).",
        ),
        (
            lambda p, t: (p[0], jnp.ones(3)),
            "custom_jvp of <lambda>: the rule's tangent of a result ~f32[] must have "
            "its shape and dtype, got f32[3].",
        ),
        (
            lambda p, t: (t[0], p[0]),
            "custom_jvp of <lambda>: a result of the rule depends on tangents.",
        ),
        (
            lambda p, t: (p[0], t[0] * t[0]),
            "transpose: expected a function that is linear in its arguments, but it "
            "multiplies two values f32[] that both depend on them.",
        ),
    ],
    ids=["no pair", "tree", "shape", "swapped", "nonlinear"],
)
def test_a_wrong_rule(rule, expected):
    with pytest.raises(TypeError) as caught:
        dc.grad(made(rule))(1.0)

    problem, place, *_ = str(caught.value).splitlines()
    assert problem == expected
    assert place.startswith(f"  at {HERE}:")


def test_a_rule_with_an_operation_that_has_no_transpose():
    with pytest.raises(NotImplementedError) as caught:
        dc.grad(made(lambda p, t: (p[0], jnp.sin(t[0]))))(1.0)

    assert str(caught.value).splitlines()[0] == (
        "transpose: expected a function that is linear in its arguments, but sin has "
        "no transpose."
    )


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_functions_with_rules_of_their_own_among_what_is_done_with_tangents(wrap):
    tripled = dc.custom_jvp(lambda t: 3.0 * t)
    tripled.defjvp(lambda p, t: (tripled(*p), 100.0 * t[0]))
    scaled = dc.custom_vjp(lambda t: 3.0 * t)
    scaled.defvjp(lambda t: (scaled(t), None), lambda _, ct: (100.0 * ct,))

    # A linear function is its own derivative; its transpose may be the author's.
    assert dc.grad(wrap(made(lambda p, t: (p[0], tripled(*t)))))(2.0) == 3.0
    assert dc.grad(wrap(made(lambda p, t: (p[0], scaled(*t)))))(2.0) == 100.0


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_a_tangent_of_explicit_zeros(wrap):
    f = wrap(made(lambda p, t: (p[0], 0.0 * p[0])))

    assert dc.grad(f)(2.0) == 0.0
    assert dc.jvp(f, (2.0,), (1.0,))[1] == 0.0
    assert dc.linearize(f, 2.0)[1](1.0) == 0.0
    assert dc.grad(lambda x: f(x) * x)(2.0) == 2.0


def test_a_function_without_rule():
    with pytest.raises(AttributeError) as caught:
        dc.custom_jvp(twice.fun)(1.0)

    assert str(caught.value).splitlines()[::2] == [
        "custom_jvp twice: it has no rule yet.",
        "Define one with `@twice.defjvp`.",
    ]


def test_defjvps_refuses_static_arguments():
    f = dc.custom_jvp(lambda n, x: x, nondiff_argnums=(0,))

    with pytest.raises(TypeError) as caught:
        f.defjvps(lambda dx, out, x: dx)

    assert str(caught.value).splitlines()[::2] == [
        "custom_jvp <lambda>: defjvps can't be used with `nondiff_argnums`.",
        "Write one rule for all with `@<lambda>.defjvp`.",
    ]
