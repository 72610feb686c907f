"""Functions with reverse rules of their own."""

from functools import partial

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.custom_derivatives import (
    CustomVJPPrimal,
    SymbolicZero,
    custom_vjp_primal_tree_values,
    zero_from_primal,
)
from dolmen.core.errors import UnexpectedTracerError

HERE = __file__


@dc.custom_vjp
def product(x, w):
    """A product whose rule pretends the derivatives 3 w and 5 x."""
    return x * w


product.defvjp(
    # Not `product(x, w)`, which could not be differentiated forwards.
    lambda x, w: (x * w, (x, w)),
    lambda residuals, ct: (3.0 * residuals[1] * ct, 5.0 * residuals[0] * ct),
)

PLACES = {
    "plain": lambda f: f,
    "jit": dc.jit,
    "checkpoint": dc.checkpoint,
    "scan": lambda f: (
        lambda x, w: lax.scan(lambda c, x: (c + f(x, w), None), 0.0, x[None])[0]
    ),
    "vmap": lambda f: lambda x, w: dc.vmap(f, (0, None))(x[None], w)[0],
    "jit of vmap": lambda f: dc.jit(lambda x, w: dc.vmap(f, (0, None))(x[None], w)[0]),
    "vmap of jit": lambda f: lambda x, w: dc.vmap(dc.jit(f), (0, None))(x[None], w)[0],
    "cond": lambda f: lambda x, w: lax.cond(x > 0, f, lambda x, w: x, x, w),
}
X, W = np.float32(2.0), np.float32(7.0)


@pytest.mark.parametrize("place", PLACES)
class TestTheRuleIsUsedIn:
    def test_grad(self, place):
        f = PLACES[place](product)

        assert dc.grad(f, (0, 1))(X, W) == (21.0, 10.0)

    def test_jit_of_grad(self, place):
        f = PLACES[place](product)

        assert dc.jit(dc.grad(f, (0, 1)))(X, W) == (21.0, 10.0)

    def test_vmap_of_grad(self, place):
        f = PLACES[place](product)

        dx, dw = dc.vmap(dc.grad(f, (0, 1)), (0, None))(np.array([2.0, 3.0], "f"), W)

        np.testing.assert_array_equal(dx, [21.0, 21.0])
        np.testing.assert_array_equal(dw, [10.0, 15.0])

    def test_grad_of_vmap_sums_what_a_shared_argument_gets(self, place):
        f = PLACES[place](product)

        def total(x, w):
            return dc.vmap(f, (0, None))(x, w).sum()

        dx, dw = dc.grad(total, (0, 1))(np.array([2.0, 3.0], "f"), W)

        np.testing.assert_array_equal(dx, [21.0, 21.0])
        assert dw == 25.0

    def test_second_derivatives_go_through_the_rule(self, place):
        f = PLACES[place](product)

        by_w = dc.grad(dc.grad(f), 1)(X, W)  # d(3 w)/dw
        forward = dc.jacfwd(dc.grad(f), 1)(X, W)

        assert by_w == forward == 3.0


@dc.custom_vjp
def magnitude(x):
    return x if x > 0 else -x


magnitude.defvjp(
    lambda x: (magnitude(x), x if x > 0 else 1.0 * x),
    lambda x, ct: (ct if x > 0 else (-7.0 * ct if ct > 0 else 0.0 * ct),),
)


def test_outside_jit_python_decides_by_values_in_function_and_rules():
    assert dc.grad(magnitude)(2.0) == 1.0
    assert dc.grad(magnitude)(-2.0) == -7.0
    assert dc.vjp(magnitude, -2.0)[1](-1.0) == (0.0,)
    np.testing.assert_array_equal(
        dc.vmap(lambda x: magnitude(-3.0) * x)(jnp.arange(2.0)), [0.0, 3.0]
    )


def test_a_batch_axis_that_is_not_the_first_comes_back_where_it_was():
    @dc.custom_vjp
    def f(x):
        return jnp.sum(x**2)

    f.defvjp(lambda x: (f(x), x), lambda x, ct: (2.0 * x * ct,))
    x = np.arange(6.0, dtype="f").reshape(2, 3)

    def total(x):
        return dc.vmap(f, 1)(x).sum()

    np.testing.assert_array_equal(dc.grad(total)(x), 2 * x)
    np.testing.assert_array_equal(
        dc.grad(lambda x: dc.vmap(dc.jit(f), 1)(x).sum())(x), 2 * x
    )


def test_a_cotangent_that_is_the_same_for_the_whole_batch_counts_for_each_element():
    @dc.custom_vjp
    def f(x, w):
        return x * w

    f.defvjp(lambda x, w: (f(x, w), None), lambda _, ct: (ct, 2.0))

    def total(w):
        return dc.vmap(f, (0, None))(jnp.ones(3), w).sum()

    assert dc.grad(total)(1.0) == 6.0
    assert dc.grad(dc.jit(total))(1.0) == 6.0


def test_a_call_that_nothing_batched_enters_stays_shared_by_the_batch():
    def total(w):
        out = dc.vmap(lambda x: (x, product(W, w)), out_axes=(0, None))(jnp.ones(3))
        return out[0].sum() + out[1]

    assert dc.grad(total)(X) == 5.0 * W
    assert dc.grad(dc.jit(total))(X) == 5.0 * W


def test_a_result_that_the_batch_shares_goes_back_once_for_each_element():
    @dc.custom_vjp
    def second(x, w):
        return 2.0 * w

    second.defvjp(lambda x, w: (second(x, w), None), lambda _, ct: (0.0, 2.0 * ct))

    def total(w):
        return dc.vmap(second, (0, None))(jnp.ones(3), w).sum()

    assert dc.grad(total)(1.0) == 6.0
    assert dc.grad(dc.jit(total))(1.0) == 6.0


def test_none_stands_for_zero_cotangents_of_a_whole_argument():
    @dc.custom_vjp
    def f(tree, x):
        return tree["a"] * x

    f.defvjp(
        lambda tree, x: (f(tree, x), tree), lambda tree, ct: (None, tree["a"] * ct)
    )

    got = dc.grad(f, (0, 1))({"a": 2.0}, 3.0)

    assert got == ({"a": 0.0}, 2.0)


def test_none_stands_for_the_zero_cotangent_of_a_leaf():
    f = dc.custom_vjp(lambda tree: tree["a"] * tree["b"])
    f.defvjp(lambda tree: (f(tree), None), lambda _, ct: ({"a": None, "b": ct},))

    assert dc.grad(f)({"a": 2.0, "b": 3.0}) == {"a": 0.0, "b": 1.0}


def test_static_arguments_by_position_and_name_defaults_and_keywords():
    @partial(dc.custom_vjp, nondiff_argnums=(1,), nondiff_argnames=("label",))
    def f(x, n, scale=2.0, label=""):
        return x * scale

    def backward(n, label, residuals, ct):
        return n * len(label) * ct, None

    f.defvjp(lambda x, n, scale, label: (f(x, n, scale, label), None), backward)

    assert dc.grad(f)(1.0, 5, label="ab") == 10.0
    assert dc.grad(lambda x: f(x=x, n=4, scale=1.0, label="a"))(1.0) == 4.0


def test_keyword_only_parameters_are_refused():
    f = dc.custom_vjp(lambda x, *, n: x)
    f.defvjp(lambda x, n: (x, None), lambda _, ct: (ct, None))

    with pytest.raises(TypeError) as caught:
        dc.grad(lambda x: f(x, n=2.0))(1.0)

    assert str(caught.value).splitlines()[::2] == [
        "custom_vjp of <lambda>: the rules take arguments by position, but n can only "
        "be passed by name.",
        "Remove the `*` from the function's parameters.",
    ]


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_symbolic_zeros_tell_what_is_differentiated_and_what_came_back(wrap):
    seen = []

    @dc.custom_vjp
    def f(x, y, n):
        return x * y, x + y

    def forward(x, y, n):
        seen.append((x.perturbed, y.perturbed, n.perturbed))
        values = custom_vjp_primal_tree_values((x, y, n))
        return f(*values), values

    def backward(residuals, cts):
        seen.append([isinstance(ct, SymbolicZero) for ct in cts])
        return 2.0, zero_from_primal(residuals[1], symbolic_zeros=True), None

    f.defvjp(forward, backward, symbolic_zeros=True)

    got = dc.grad(wrap(lambda x: f(x, 3.0, 1)[0]))(2.0)

    assert got == 2.0
    assert seen == [(True, False, False), [False, True]]


def test_a_symbolic_zero_knows_its_type():
    zero = zero_from_primal(jnp.ones((2, 3)), symbolic_zeros=True)
    integer = zero_from_primal(3, symbolic_zeros=True)

    assert (zero.shape, zero.ndim, zero.size, zero.dtype) == ((2, 3), 2, 6, "float32")
    assert integer.dtype == dc.dtypes.float0
    assert zero == SymbolicZero(dc.typeof(jnp.ones((2, 3))))
    assert repr(zero) == "SymbolicZero(f32[2,3])"


def test_zeros_from_primals_are_arrays_unless_asked_otherwise():
    np.testing.assert_array_equal(zero_from_primal(jnp.ones(2)), [0.0, 0.0])
    assert zero_from_primal(3).dtype == dc.dtypes.float0


def test_the_values_of_a_tree_of_custom_vjp_primals():
    tree = {"a": CustomVJPPrimal(1.0, True), "b": [CustomVJPPrimal(2.0, False), 3.0]}

    assert custom_vjp_primal_tree_values(tree) == {"a": 1.0, "b": [2.0, 3.0]}


def scaled_by(y):
    """A function that closes over `y`, whose rule gives the derivative y**3."""
    f = dc.custom_vjp(lambda x: x * y)
    f.defvjp(lambda x: (f(x), y), lambda y_again, ct: (ct * y_again * y * y,))
    return f


@pytest.mark.parametrize(
    "grad",
    [
        lambda f: lambda y: dc.grad(lambda x: f(x, y))(2.0),
        lambda f: lambda y: dc.grad(lambda x: dc.jit(f)(x, y))(2.0),
        lambda f: lambda y: dc.jit(dc.grad(f))(2.0, y),
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
                lambda x: lax.scan(lambda c, y: (f(c, y), None), x, jnp.full(1, y))[0]
            )(2.0)
        ),
    ],
    ids=[
        "plain",
        "inner jit",
        "jit of grad",
        "vmap of grad",
        "grad of vmap",
        "grad of vmap of jit",
        "grad of jit of vmap",
        "scan",
    ],
)
def test_a_closure_over_other_traced_values_works(grad):
    got = grad(lambda x, y: scaled_by(y)(x))(3.0)

    np.testing.assert_allclose(got, 27.0)


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("argnums", [1, (0, 1)])
def test_a_closure_over_a_value_being_differentiated(wrap, argnums):
    with pytest.raises(UnexpectedTracerError) as caught:
        dc.grad(wrap(lambda x, y: scaled_by(y)(x)), argnums)(2.0, 3.0)

    problem, _, fix = str(caught.value).splitlines()
    assert problem == (
        "custom_vjp of <lambda>: the function closes over a value that is being "
        "differentiated, so its own rule would miss that derivative."
    )
    assert fix == "Pass the value as an argument that is differentiated."


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_forward_mode_is_refused(wrap):
    with pytest.raises(TypeError) as caught:
        dc.jvp(wrap(product), (2.0, 3.0), (1.0, 1.0))
    with pytest.raises(TypeError) as again:
        dc.linearize(wrap(product), 2.0, 3.0)[1](1.0, 1.0)

    expected = (
        "jvp of product: forward-mode differentiation needs a forward rule, but the "
        "function has only a reverse one (custom_vjp)."
    )
    assert str(caught.value).splitlines()[0] == expected
    assert str(again.value).splitlines()[0] == expected


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
def test_a_call_of_constants_is_no_obstacle_to_forward_mode(wrap):
    value, tangent = dc.jvp(wrap(lambda x: x * product(X, W)), (2.0,), (1.0,))

    assert (value, tangent) == (28.0, 14.0)


def made(fwd, bwd):
    f = dc.custom_vjp(lambda x: x)
    f.defvjp(fwd, bwd)
    return f


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
@pytest.mark.parametrize(
    ("rule", "error", "expected"),
    [
        (
            (lambda x: 1.0, lambda r, ct: (ct,)),
            TypeError,
            "custom_vjp of <lambda>: the forward rule must return a pair `(out, "
            "residuals)`, got 1.0.",
        ),
        (
            (lambda x: (x, None), lambda r, ct: ct),
            TypeError,
            "custom_vjp of <lambda>: the backward rule must return a tuple of 1 "
            "cotangents, one for each argument; got ",
        ),
        (
            (lambda x: (x, None), lambda r, ct: ({"a": ct},)),
            TypeError,
            "custom_vjp of <lambda>: the backward rule's cotangent number 0 must have "
            "the tree of its argument PyTreeDef(*), got PyTreeDef({'a': *}).",
        ),
        (
            (lambda x: (x, None), lambda r, ct: (jnp.ones(2),)),
            ValueError,
            "custom_vjp of <lambda>: the backward rule's cotangent number 0 must be "
            "like its argument ~f32[], got f32[2].",
        ),
    ],
    ids=["no pair", "no tuple", "tree", "shape"],
)
def test_a_wrong_rule(rule, error, expected, wrap):
    with pytest.raises(error) as caught:
        dc.grad(wrap(made(*rule)))(1.0)

    problem, place, *_ = str(caught.value).splitlines()
    assert problem.startswith(expected)
    assert place.startswith(f"  at {HERE}:")


def test_a_forward_rule_that_returns_something_else_than_the_function():
    f = made(lambda x: ((x, x), None), lambda r, ct: (ct[0],))

    with pytest.raises(TypeError) as caught:
        dc.grad(dc.jit(f))(1.0)

    assert str(caught.value).splitlines()[0] == (
        "custom_vjp of <lambda>: the forward rule must return what the function "
        "returns; the function returns ~f32[], the rule (~f32[], ~f32[])."
    )


def test_a_python_number_as_cotangent_takes_the_dtype_of_the_argument():
    got = dc.grad(made(lambda x: (x, None), lambda r, ct: (2.0,)))(np.float16(1.0))

    assert got == 2.0
    assert got.dtype == np.float16


def test_residuals_may_be_any_tree_of_arrays():
    f = made(
        lambda x: (x, {"n": 3, "parts": (x, [2.0 * x])}),
        lambda r, ct: (ct * r["n"] * r["parts"][1][0],),
    )

    assert dc.grad(f)(1.0) == 6.0
    assert dc.grad(dc.jit(f))(1.0) == 6.0


@pytest.mark.parametrize("optimize_remat", [False, True])
def test_under_checkpoint_the_function_may_run_in_the_place_of_its_forward_rule(
    optimize_remat,
):
    @dc.custom_vjp
    def f(x):
        return jnp.tanh(x)

    def forward(x):
        return jnp.sin(x), jnp.cos(x)  # not the same, to tell them apart

    f.defvjp(forward, lambda cos, ct: (cos * ct,), optimize_remat=optimize_remat)

    value, grad = dc.jit(dc.value_and_grad(dc.checkpoint(lambda x: 2.0 * f(x))))(0.5)
    _, again = dc.vmap(dc.value_and_grad(dc.checkpoint(f)))(jnp.array([0.5]))
    plain, _ = dc.jit(dc.value_and_grad(f))(0.5)

    run_first = np.tanh if optimize_remat else np.sin
    np.testing.assert_allclose(value, 2.0 * run_first(0.5), rtol=1e-6)
    np.testing.assert_allclose(grad, 2.0 * np.cos(0.5), rtol=1e-6)
    np.testing.assert_allclose(again, [np.cos(0.5)], rtol=1e-6)
    np.testing.assert_allclose(plain, np.sin(0.5), rtol=1e-6)
