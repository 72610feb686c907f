"""What is said when Python needs the value of something traced."""

import functools
import math
import pickle
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import errors, lax, random


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    # Lines move with this file; everything else is pinned.
    return re.sub(
        r"at \S*test_concretization\.py:\d+ in ", "at HERE in ", str(caught.value)
    )


def test_an_if_on_a_result_shows_the_way_from_the_argument():
    def clip(params, limit):
        total = params["w"].sum() * 2.0
        large = total > limit
        if large:
            return limit
        return total

    got = error_of(
        lambda: dc.jit(clip)({"w": np.ones(3, np.float32)}, np.float32(1)),
        errors.TracerBoolConversionError,
    )

    here = "test_an_if_on_a_result_shows_the_way_from_the_argument.<locals>.clip"
    assert got == (
        "bool(): expected a concrete value, got the traced bool[] while tracing clip.\n"
        f"  at HERE in {here}\n"
        "It was computed from\n"
        "  f32[3] args[0]['w'], in the argument `params` of clip\n"
        "  f32[] args[1], the argument `limit` of clip\n"
        f"  reduce_sum, mul: f32[] at HERE in {here}: "
        '`total = params["w"].sum() * 2.0`\n'
        f"  gt: bool[] at HERE in {here}: `large = total > limit`\n"
        "Write `lax.cond(large, true_fun, false_fun, *operands)` instead of `if`, or "
        "choose elementwise with `jnp.where(large, a, b)`."
    )


def test_a_size_that_is_an_argument_names_the_edit_of_jit():
    def padded(x, n):
        return jnp.concatenate([x, jnp.zeros(n)])

    got = error_of(
        lambda: dc.jit(padded)(np.ones(2, np.float32), 3),
        errors.TracerIntegerConversionError,
    )

    assert got == (
        "zeros: `shape`: expected a concrete value, got the traced ~i32[] while "
        "tracing padded.\n  at HERE in "
        "test_a_size_that_is_an_argument_names_the_edit_of_jit.<locals>.padded\n"
        "It is args[1], the argument `n` of padded.\n"
        "It is used in `jnp.zeros(n)`.\n"
        "Shapes, axes and Python integers must be known while tracing: take them from "
        "`x.shape` or from static arguments. If `n` is a setting rather than data, "
        "write `@jit(static_argnames=('n',))`."
    )


def test_the_edit_of_jit_keeps_what_was_static_before():
    def tiled(x, n, *, m=1, axis=0):
        return jnp.zeros(n * m) + x.sum(axis)

    got = error_of(
        lambda: dc.jit(tiled, static_argnames="axis")(np.ones(2), 3, m=2, axis=0),
        errors.TracerIntegerConversionError,
    )

    assert got.endswith(
        "If `n` and `m` are settings rather than data, write "
        "`@jit(static_argnames=('axis', 'n', 'm'))`."
    )


def test_a_static_argument_before_does_not_shift_the_others():
    got = error_of(
        lambda: dc.jit(lambda s, x: int(x), static_argnums=0)("s", 2),
        errors.ConcretizationTypeError,
    )

    assert "It is args[1], the argument `x` of <lambda>.\n" in got


class Layer:
    def __call__(self, x, n):
        return x * int(n)

    def method(self, x, n):
        return x * int(n)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (Layer(), "It is args[1], the argument `n` of Layer.\n"),
        (Layer().method, "It is args[1], the argument `n` of method.\n"),
        (
            functools.partial(lambda k, x, n: int(n), 3),
            "It is args[1], the argument `n` of <lambda>.\n",
        ),
        (lambda *xs: int(xs[1]), "It is args[1] of <lambda>.\n"),
        (dc.jit(lambda x, n: int(n)), "It is args[1], the argument `n` of <lambda>.\n"),
    ],
)
def test_parameters_of_everything_that_can_be_called(function, said):
    got = error_of(lambda: dc.jit(function)(1.0, 2), errors.ConcretizationTypeError)

    assert said in got


def test_arrays_are_not_proposed_as_static_arguments():
    got = error_of(
        lambda: dc.jit(lambda x: jnp.zeros(x))(np.int32(3)),
        errors.TracerIntegerConversionError,
    )

    assert got.endswith("take them from `x.shape` or from static arguments.")


def test_a_loop_over_a_traced_range():
    def power(x, n):
        for _ in range(n):
            x = x * x
        return x

    got = error_of(lambda: dc.jit(power)(1.0, 3), errors.TracerIntegerConversionError)

    assert got == (
        "index: expected a concrete value, got the traced ~i32[] while tracing power.\n"
        "  at HERE in test_a_loop_over_a_traced_range.<locals>.power\n"
        "It is args[1], the argument `n` of power.\n"
        "It is used in `range(n)`.\n"
        "Write `lax.fori_loop(0, n, body, init)` instead of the Python loop. If `n` is "
        "a setting rather than data, write `@jit(static_argnames=('n',))`."
    )


def test_a_numpy_function_is_named_with_its_counterpart():
    got = error_of(
        lambda: dc.jit(lambda x: np.sin(x))(np.ones(2, np.float32)),
        errors.TracerArrayConversionError,
    )

    assert got == (
        "numpy.asarray(): expected a concrete value, got the traced f32[2] while "
        "tracing <lambda>.\n  at HERE in "
        "test_a_numpy_function_is_named_with_its_counterpart.<locals>.<lambda>.<locals>"
        ".<lambda>\nIt is args[0], the argument `x` of <lambda>.\n"
        "It is used in `np.sin(x)`.\nUse `jnp.sin` instead of `np.sin`."
    )


def test_a_numpy_function_that_calls_numpy_points_at_the_users_line():
    got = error_of(
        lambda: dc.jit(lambda x: np.median(x))(np.ones(2, np.float32)),
        errors.TracerArrayConversionError,
    )

    assert "  at HERE in test_a_numpy_function_that_calls_numpy_points" in got


def test_numpy_under_eager_differentiation_would_lose_the_derivative():
    got = error_of(
        lambda: dc.grad(lambda x: np.exp(x) * x)(1.0),
        errors.TracerArrayConversionError,
    )

    assert got == (
        "numpy.asarray(): ~f32[] is being differentiated, and what Python or NumPy "
        "compute from it loses the derivative.\n"
        "  at HERE in test_numpy_under_eager_differentiation_would_lose_the_derivative."
        "<locals>.<lambda>.<locals>.<lambda>\n"
        "It is used in `np.exp(x)`.\n"
        "Use `jnp.exp` instead of `np.exp`. If that is meant, take the value of "
        "`lax.stop_gradient(x)`."
    )


@pytest.mark.parametrize(
    ("function", "call", "advice"),
    [
        (lambda x: float(x) * x, "float()", "`jnp.asarray(x, float)` instead of"),
        (lambda x: math.sin(x), "float()", "Use `jnp.sin` instead of `math.sin`."),
        (lambda x: math.atan2(x, 1.0) * x, "float()", "Use `jnp.arctan2` instead of"),
        (lambda x: complex(x).real * x, "complex()", "`jnp.asarray(x, complex)`"),
        (lambda x: jnp.asarray(x.tolist()), "tolist()", "return `x` and convert it"),
        (lambda x: len(x.tobytes()) * x, "tobytes()", "return `x` and convert it"),
    ],
)
def test_python_under_eager_differentiation_would_lose_the_derivative(
    function, call, advice
):
    for transformed in (dc.grad(function), lambda x: dc.jvp(function, (x,), (1.0,))):
        got = error_of(lambda t=transformed: t(1.0), errors.ConcretizationTypeError)

        assert got.startswith(f"{call}: ~f32[] is being differentiated, and what")
        assert advice in got
        assert got.endswith("take the value of `lax.stop_gradient(x)`.")


def test_python_may_have_values_that_have_no_derivative():
    def f(x):
        count = float(jnp.round(x).astype(int)) + float(lax.stop_gradient(x))
        return x * count if x > 0 and int(x) else x

    assert dc.grad(f)(2.0) == 4.0


def test_functions_of_math_have_counterparts():
    got = error_of(
        lambda: dc.jit(lambda x: math.acos(x))(np.float32(1)),
        errors.ConcretizationTypeError,
    )

    assert got.endswith("Use `jnp.arccos` instead of `math.acos`.")


def test_writing_a_traced_value_into_a_numpy_array():
    def f(x):
        y = np.zeros(3)
        y[0] = x
        return y

    with pytest.raises(ValueError, match="setting an array element") as caught:
        dc.jit(f)(np.float32(1))

    assert str(caught.value.__cause__).endswith(
        "Arrays here are not written to: make a new one, `y = y.at[0].set(...)`, from "
        "`jnp` instead of NumPy."
    )


@pytest.mark.parametrize(
    "transform",
    [
        dc.jit,
        dc.grad,
        lambda f: lambda x: dc.vmap(f)(jnp.full(2, x)),
        lambda f: lambda x: dc.jvp(f, (x,), (x,)),
        lambda f: lambda x: lax.map(f, jnp.full(2, x)),
    ],
)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: 1.0 if x in {1.0, 2.0} else 2.0,
        lambda x: {1.0: 3.0}.get(x, 4.0),
        functools.lru_cache(lambda x: x * 2),
        lambda x: x + hash(x),
    ],
)
def test_traced_values_can_not_be_hashed(transform, function):
    got = error_of(lambda: transform(function)(1.0), TypeError)

    assert got.startswith("hash(): a traced value, ")
    assert "can't be looked for in a set or be a key of a dict or cache" in got
    assert "Use `jnp.isin(x, values)` for a set" in got


def test_a_leaked_value_is_no_key_but_a_variable_of_its_program():
    kept = []
    dc.jit(lambda x: kept.append(x))(1.0)
    dc.vmap(lambda x: kept.append(x) or x)(jnp.ones(2))

    assert kept[0] in {kept[0]}  # as programs' own tables need
    with pytest.raises(errors.UnexpectedTracerError):
        hash(kept[1])


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        (lambda x: 1 if x > 2 else 3, "Write `jnp.where(x > 2, 1, 3)` instead of"),
        (lambda x: 0 < x < 3, "Write `(0 < x) & (x < 3)` instead of the chained"),
        (
            lambda x: x > 0 and x < 3,
            "Write `jnp.logical_and(x > 0, x < 3)` instead of `x > 0 and x < 3`.",
        ),
        (lambda x: not x, "Write `jnp.logical_not(x)` instead of `not x`."),
        (lambda x: max(x, 2), "Use `jnp.maximum` instead of `max`."),
        (lambda x: [1, 2][x], "Index an array: `jnp.asarray([1, 2])[x]`."),
        (lambda x: float(x), "`jnp.asarray(x, float)` instead of `float(x)`."),
        (lambda x: x.tolist(), "return `x` and convert it there."),
        (lambda x: x.item(), "return `x` and convert it there."),
        (lambda x: 3 in [x, 2], "Write `jnp.isin(3, jnp.asarray([x, 2]))` instead of"),
        (lambda x: jnp.unique(x), "Pass `size`, the number of elements of the result."),
        (lambda x: jnp.arange(x), "arange: `stop`: expected a concrete value"),
        (lambda x: random.normal(random.key(0), (x,)), "normal: `shape`: expected a"),
        (
            lambda x: np.busday_count(x, x),
            "`dolmen.core.numpy` has no `busday_count`: call `np.busday_count` outside",
        ),
    ],
)
def test_the_advice_fits_the_expression(function, advice):
    got = error_of(lambda: dc.jit(function)(1), errors.ConcretizationTypeError)

    assert advice in got


def test_the_condition_of_an_if_is_written_with_functions_of_arrays():
    def f(x, y):
        if x > 0 and not y:
            return x
        return y

    got = error_of(lambda: dc.jit(f)(1, 2), errors.TracerBoolConversionError)

    assert (
        "Write `lax.cond(jnp.logical_and(x > 0, jnp.logical_not(y)), true_fun, "
        "false_fun, *operands)` instead of `if`" in got
    )


def test_an_if_around_the_line_is_not_blamed():
    def f(x, flag=True):
        if flag:
            return bool(x)
        return x

    got = error_of(lambda: dc.jit(f)(1), errors.TracerBoolConversionError)

    assert "Use `jnp.where` or `lax.cond` instead of Python control flow." in got


def test_numpy_may_be_imported_where_it_is_used():
    def f(x):
        import numpy

        return numpy.cos(x)

    got = error_of(lambda: dc.jit(f)(1.0), errors.TracerArrayConversionError)

    assert got.endswith("Use `jnp.cos` instead of `numpy.cos`.")


def test_many_arguments_lose_their_middle():
    got = error_of(
        lambda: dc.jit(lambda tree: bool(sum(tree)))([1.0] * 300),
        errors.TracerBoolConversionError,
    )

    assert (
        "  ~f32[] args[0][1], in the argument `tree` of <lambda>\n"
        "  ... (296 more) ...\n" in got
    )


def test_a_while_statement():
    def grow(x):
        while x < 10:
            x = x * 2
        return x

    got = error_of(lambda: dc.jit(grow)(1), errors.TracerBoolConversionError)

    assert (
        "Write `lax.while_loop(cond_fun, body_fun, init)` instead of `while`: "
        "`cond_fun` returns `x < 10`." in got
    )


def test_a_boolean_index():
    got = error_of(
        lambda: dc.jit(lambda x: x[x > 0])(np.ones(3, np.float32)),
        errors.NonConcreteBooleanIndexError,
    )

    assert got.startswith(
        "boolean index of f32[3]: expected a concrete value, got the traced bool[3] "
        "while tracing <lambda>.\n"
    )
    assert got.endswith(
        "It is used in `x[x > 0]`.\nUse `jnp.where(mask, x, other)`, or "
        "`jnp.nonzero(mask, size=...)` for a result of fixed size."
    )


def test_a_static_position_is_named():
    got = error_of(
        lambda: dc.jit(lambda x, k: jnp.sum(x, axis=k))(np.ones(3), 0),
        errors.TracerIntegerConversionError,
    )

    assert got.startswith("sum: `axis`: expected a concrete value, got the traced ~i32")
    assert got.endswith("write `@jit(static_argnames=('k',))`.")


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: dc.jit(dc.grad(f)),
        lambda f: dc.jit(dc.checkpoint(f)),
        lambda f: dc.jit(dc.jit(f)),
        lambda f: dc.jit(lambda x: dc.jvp(f, (x,), (1.0,))),
        lambda f: dc.jit(dc.grad(dc.grad(f))),
        lambda f: lambda x: lax.cond(True, f, f, x),
    ],
)
def test_values_are_followed_through_transformations(transform):
    def bent(x):
        twice = x * 2
        return twice if twice > 0 else x

    got = error_of(lambda: transform(bent)(1.0), errors.TracerBoolConversionError)

    assert "the argument `x` of " in got
    assert ".<locals>.bent: `twice = x * 2`\n  gt: bool[] at HERE" in got
    assert "Write `jnp.where(twice > 0, twice, x)`" in got


def test_a_batch_is_followed_to_the_arguments_of_vmap():
    got = error_of(
        lambda: dc.vmap(lambda x: x if x else -x)(np.ones(3, np.float32)),
        errors.TracerBoolConversionError,
    )

    assert "while tracing <lambda>." in got
    assert "It is args[0], the argument `x` of <lambda>.\n" in got


def test_values_are_followed_out_of_a_loop_body():
    def total(scale, xs):
        factor = scale * 2.0

        def body(carry, x):
            return carry + x if factor * x > 0 else carry, None

        return lax.scan(body, 0.0, xs)

    got = error_of(
        lambda: dc.jit(total)(1.0, np.ones(2, np.float32)),
        errors.TracerBoolConversionError,
    )

    here = "test_values_are_followed_out_of_a_loop_body.<locals>.total"
    assert (
        "It was computed from\n"
        "  ~f32[] args[0], the argument `scale` of total\n"
        "  f32[] the argument `x` of body\n"
        f"  mul: ~f32[] at HERE in {here}: `factor = scale * 2.0`\n"
        f"  mul, gt: bool[] at HERE in {here}.<locals>.body: "
        "`return carry + x if factor * x > 0 else carry, None`\n" in got
    )


def test_long_histories_lose_their_middle():
    def deep(x):
        for _ in range(3):
            x = x + 1
            x = x * 2
            x = x - 3
            x = x / 4
        return int(x)

    got = error_of(lambda: dc.jit(deep)(1.0), errors.ConcretizationTypeError)

    assert got.count("\n  ") == 1 + 1 + 9
    assert "\n  ... (4 more) ...\n" in got


def test_errors_can_be_caught_pickled_and_shown_without_a_text_of_their_own():
    with pytest.raises(errors.ConcretizationTypeError) as caught:
        dc.jit(lambda x: int(x))(1)

    copy = pickle.loads(pickle.dumps(caught.value))

    assert type(copy) is errors.TracerIntegerConversionError
    assert str(copy) == str(caught.value)
    assert repr(copy) == f"TracerIntegerConversionError({str(copy)!r})"


def test_users_raise_the_errors_with_a_tracer_and_a_context():
    def pick(x, n):
        raise errors.ConcretizationTypeError(n, "pick: `n`")

    got = error_of(lambda: dc.jit(pick)(1.0, 2), errors.ConcretizationTypeError)

    assert got.startswith(
        "pick: `n`: expected a concrete value, got the traced ~i32[] while tracing "
        "pick.\n"
    )
    assert "It is args[1], the argument `n` of pick.\n" in got


def test_classes_of_errors_are_those_that_callers_catch():
    assert issubclass(errors.UnexpectedTracerError, errors.JAXTypeError)
    assert issubclass(errors.ConcretizationTypeError, errors.JAXTypeError)
    assert issubclass(errors.NonConcreteBooleanIndexError, errors.JAXIndexError)
    assert issubclass(errors.JAXTypeError, TypeError)
    assert issubclass(errors.JAXIndexError, IndexError)


def test_the_text_is_put_together_only_when_read(monkeypatch):
    from dolmen.core._tracing import _usage

    monkeypatch.setattr(_usage, "explain_concretization", lambda *_: "put together")

    with pytest.raises(errors.ConcretizationTypeError) as caught:
        dc.jit(lambda x: int(x))(1)

    assert callable(caught.value._text)
    assert str(caught.value) == "put together"
