"""Ufuncs: what they are and what they refuse; rows_numpy_ufuncs has the values."""

import copy
import inspect
import operator
import pickle
import re

import numpy as np
import pytest

from dolmen.core import grad, jit, make_jaxpr, numpy as jnp, vmap

X = jnp.arange(6.0).reshape(2, 3)
COUNTS = jnp.arange(6).reshape(2, 3)
UFUNCS = [name for name in dir(jnp) if isinstance(getattr(jnp, name), jnp.ufunc)]

horner = jnp.frompyfunc(lambda x, y: 2 * x + y, 2, 1)
halves = jnp.frompyfunc(lambda x: (x / 2, x // 2), 1, 2)


def here(text):
    """A whole message, whatever line it names."""
    problem, _, fix = text.partition("\n")
    rest = re.escape("\n" + fix) if fix else ""
    return f"^{re.escape(problem)}\n  at .*{rest}$"


# ---- what they are -----------------------------------------------------------------


@pytest.mark.parametrize("name", UFUNCS)
def test_numbers_and_identity_are_those_of_numpy(name):
    ours, theirs = getattr(jnp, name), getattr(np, name)

    assert isinstance(ours, jnp.ufunc)
    assert (ours.nin, ours.nout) == (theirs.nin, theirs.nout)
    assert ours.identity == theirs.identity
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", UFUNCS)
def test_a_pickled_or_copied_ufunc_of_numpy_is_itself(name):
    ufunc = getattr(jnp, name)

    assert pickle.loads(pickle.dumps(ufunc)) is ufunc
    assert copy.deepcopy(ufunc) is ufunc


def test_a_pickled_ufunc_of_a_function_equals_it():
    power = jnp.frompyfunc(operator.pow, 2, 1, identity=1)

    loaded = pickle.loads(pickle.dumps(power))

    assert loaded == power
    assert hash(loaded) == hash(power)
    assert loaded.identity == 1


def test_ufuncs_of_one_function_differ_with_their_options():
    assert jnp.frompyfunc(pow, 2, 1) == jnp.frompyfunc(pow, 2, 1)
    assert jnp.frompyfunc(pow, 2, 1) != jnp.frompyfunc(pow, 2, 1, identity=1)
    assert jnp.frompyfunc(pow, 2, 1) != pow


def test_signature_and_documentation_are_those_of_the_function():
    assert str(inspect.signature(jnp.maximum)) == (
        "(x: Any, y: Any, /, *, out: None = None, where: None = None) -> Any"
    )
    assert jnp.maximum.__doc__.startswith(
        "Elementwise larger operand; NaN where either is NaN."
    )


def test_a_ufunc_is_a_static_argument():
    reduced = jit(lambda ufunc, x: ufunc.reduce(x), static_argnums=0)

    assert reduced(jnp.maximum, X).tolist() == [3, 4, 5]
    assert reduced(horner, X).tolist() == [3, 6, 9]


def test_a_traced_call_is_one_operation():
    program = make_jaxpr(jnp.add)(X, X)

    assert [e.primitive.name for e in program.eqns] == ["add"]


def test_reductions_of_numpy_are_reductions_not_loops():
    program = make_jaxpr(jnp.logical_or.reduce)(X)

    assert [e.primitive.name for e in program.eqns] == ["ne", "reduce_or"]


def test_a_function_with_several_results_gives_a_tuple():
    exact, rounded = halves(COUNTS)

    assert exact.tolist() == [[0.0, 0.5, 1.0], [1.5, 2.0, 2.5]]
    assert rounded.tolist() == [[0, 0, 1], [1, 2, 2]]


def test_options_replace_methods():
    def last(a, *, axis, dtype, keepdims, initial, where):
        return dtype, jnp.take(a, -1, axis)

    made = jnp.ufunc(max, 2, 1, name="last", call=jnp.subtract, reduce=last)

    dtype, values = made.reduce(X, dtype="float16")

    assert repr(made) == "<ufunc 'last'>"
    assert made(3, 1).item() == 2
    assert dtype == np.float16
    assert values.tolist() == [3, 4, 5]


# ---- dtypes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: jnp.add.reduce(x), "int32"),
        (lambda x: jnp.add.accumulate(x), "int8"),
        (lambda x: jnp.subtract.reduce(x), "int8"),
        (lambda x: jnp.maximum.reduce(x, dtype=jnp.float16), "float16"),
        (lambda x: jnp.logaddexp.reduce(x), "float32"),
        (lambda x: jnp.logical_and.reduceat(x, jnp.array([0])), "bool"),
        (lambda x: jnp.minimum.at(x, 0, 1.5, inplace=False), "float32"),
        (lambda x: horner.reduce(x), "int8"),
        (lambda x: horner.accumulate(x, dtype=jnp.float16), "float16"),
        (lambda x: jnp.frompyfunc(lambda x, y: x / y, 2, 1).reduce(x), "float32"),
    ],
)
def test_dtype_of_a_reduction_of_int8(call, dtype):
    assert call(jnp.ones(3, jnp.int8)).dtype == dtype


def test_narrow_numbers_are_combined_in_float32():
    x = jnp.zeros(4096, jnp.bfloat16)

    assert jnp.logaddexp.reduce(x).item() == pytest.approx(np.log(4096), rel=4e-3)
    assert jnp.subtract.reduce(jnp.ones_like(x)).item() == -4096


# ---- composition -------------------------------------------------------------------


def test_ranges_and_places_may_be_mapped():
    places = jnp.array([[0, 2], [1, 0]])

    ranged = vmap(lambda x, i: jnp.subtract.reduceat(x, i))(X, places)
    placed = vmap(lambda x, i: horner.at(x, i, 1.0, inplace=False))(X, places)

    assert ranged.tolist() == [[-1, 2], [4, -6]]
    assert placed.tolist() == [[1, 1, 5], [7, 9, 5]]


def test_a_loop_of_a_python_function_differentiates_twice():
    product = jnp.frompyfunc(lambda x, y: x * y, 2, 1)

    slope = grad(lambda x: grad(product.reduce)(x)[0])(jnp.array([2.0, 3.0, 5.0]))

    assert slope.tolist() == [0, 5, 3]


def test_indices_out_of_bounds_change_nothing():
    places = jnp.array([7, 0])

    made = horner.at(jnp.zeros(2), places, 1.0, inplace=False)

    assert made.tolist() == [1, 0]


# ---- errors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: jnp.frompyfunc(3, 1, 1),
            TypeError,
            "ufunc: expected a function as `func`, got 3.",
        ),
        (
            lambda: jnp.frompyfunc(abs, 1.0, 1),
            TypeError,
            "ufunc: `nin` must be an integer, got 1.0.",
        ),
        (
            lambda: jnp.frompyfunc(abs, 1, 0),
            ValueError,
            "ufunc: `nout` must be at least 1, got 0.",
        ),
        (
            lambda: jnp.frompyfunc(abs, 1, 2)(X),
            ValueError,
            "abs: expected 2 results of the function, got 1.\n"
            "Several results are a tuple; their number is `nout`.",
        ),
        (
            lambda: jnp.frompyfunc(pow, 3, 1)(X, X),
            TypeError,
            "pow: expected 3 arguments, got 2.",
        ),
        (
            lambda: jnp.frompyfunc(pow, 2, 1)(X, [1]),
            TypeError,
            "pow: `argument 1` must be an array or a scalar, got list.\n"
            "Convert it with `jnp.array(...)` first.",
        ),
        (
            lambda: jnp.negative.reduce(X),
            ValueError,
            "negative.reduce: only a function of two arguments with one result has it, "
            "got one of 1 with 1.",
        ),
        (
            lambda: halves.at(X, 0, inplace=False),
            ValueError,
            "<lambda>.at: only a function of one or two arguments with one result has "
            "it, got one of 1 with 2.",
        ),
        (
            lambda: jnp.add.at(X, 0, inplace=False),
            TypeError,
            "add.at: add has 2 arguments, so `b` is missing.",
        ),
        (
            lambda: jnp.subtract.reduce(X[:0]),
            ValueError,
            "subtract.reduce: no elements to reduce in f32[0,3] over axes (0,), and no "
            "identity.\nGive `initial`, the result for no elements.",
        ),
        (
            lambda: horner.reduce(X, where=X > 2),
            ValueError,
            "<lambda>.reduce: `where` may leave no elements, and <lambda> has no "
            "identity.\nGive `initial`, the result for no elements.",
        ),
        (
            lambda: jnp.add.reduce(X, where=COUNTS),
            TypeError,
            "add.reduce: `where` must be boolean, got i32[2,3].",
        ),
        (
            lambda: jnp.add.reduce(X, axis=2),
            ValueError,
            "add.reduce: `axis` must be between -2 and 1 for an array with 2 axes, got "
            "2.",
        ),
        (
            lambda: jnp.maximum.accumulate(X, axis=None),
            ValueError,
            "maximum.accumulate: expected one axis for f32[2,3], got axis=None.",
        ),
        (
            lambda: jnp.add.reduceat(X, COUNTS),
            ValueError,
            "add.reduceat: `indices` must have one axis, got i32[2,3].",
        ),
        (
            lambda: jnp.add.reduceat(X, X[0]),
            TypeError,
            "add.reduceat: `indices` must be integers, got f32[3].",
        ),
        (
            lambda: jnp.add.reduceat(X, np.array([0, 2])),
            IndexError,
            "f32[2,3][...]: index 2 is out of bounds for axis 0 of size 2.\n"
            "Use `x.at[...].get(mode='clip')` or `mode='fill'` if it is meant to be.",
        ),
        (
            lambda: jnp.add.outer([1], X),
            TypeError,
            "add.outer: `A` must be an array or a scalar, got list.\n"
            "Convert it with `jnp.array(...)` first.",
        ),
    ],
)
def test_wrong_arguments_are_told(call, kind, text):
    with pytest.raises(kind, match=here(text)):
        call()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: jnp.add(X, X, out=X),
            "add: `out` is not supported, because arrays never change. Use the result "
            "instead.",
        ),
        (
            lambda: jnp.negative(X, where=X > 0),
            "negative: `where` is not supported, because no array has elements without "
            "values. Use `jnp.where(mask, result, other)`.",
        ),
        (
            lambda: jnp.add.accumulate(X, out=X),
            "add.accumulate: `out` is not supported, because arrays never change. Use "
            "the result instead.",
        ),
        (
            lambda: jnp.add.at(X, 0, 1.0),
            "add.at: `inplace=True` is not supported, because arrays never change. "
            "Give `inplace=False` and use the result.",
        ),
    ],
)
def test_what_would_change_an_array_is_refused(call, text):
    with pytest.raises(NotImplementedError, match=f"^{re.escape(text)}$"):
        call()
