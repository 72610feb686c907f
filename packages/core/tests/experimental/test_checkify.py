"""Checks collected from compiled programs.

That a check fails, and which one, is worked out by hand and agrees with JAX, except
where noted; messages are Dolmen's own.
"""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.errors import TracerArrayConversionError
from dolmen.core.experimental import checkify

HERE = __file__


def at(function, offset):
    code = function.__code__
    name = getattr(code, "co_qualname", code.co_name)
    return f"\n  at {HERE}:{code.co_firstlineno + offset} in {name}"


def message_of(error, function, *args, **kwargs):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def log(x):
    checkify.check(x > 0, "x must be positive, got {x}", x=x)
    return jnp.log(x)


def found(function, *args, errors=checkify.user_checks):
    return checkify.checkify(function, errors=errors)(*args)[0].get()


LOG_FAILED = "x must be positive, got -1.0 (`check` failed)" + at(log, 1)


# ---- user checks ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        checkify.checkify,
        lambda f: dc.jit(checkify.checkify(f)),
        lambda f: checkify.checkify(dc.jit(f)),
        lambda f: checkify.checkify(dc.grad(f)),
        lambda f: dc.jit(checkify.checkify(dc.grad(dc.jit(f)))),
        lambda f: checkify.checkify(dc.checkpoint(f)),
        lambda f: checkify.checkify(dc.grad(dc.checkpoint(f))),
        lambda f: checkify.checkify(lambda x: dc.jvp(f, (x,), (1.0,))),
        lambda f: checkify.checkify(lambda x: lax.map(f, jnp.array([1.0, x]))),
        lambda f: checkify.checkify(lambda x: dc.vmap(f)(jnp.array([1.0, x, 7 * x]))),
        lambda f: checkify.checkify(lambda x: lax.cond(x < 0, f, lambda y: y, x)),
    ],
)
def test_a_failed_check_is_returned(transform):
    checked = transform(log)

    assert checked(-1.0)[0].get() == LOG_FAILED
    assert checked(2.0)[0].get() is None


def test_only_what_is_asked_for_is_collected():
    def f(x):
        checkify.check(x > 0, "not positive")
        return x / 0.0 + jnp.arange(3.0)[jnp.int32(x)]

    assert found(f, -1.0, errors=checkify.nan_checks) is None
    assert found(f, -9.0, errors=checkify.user_checks).startswith("not positive")
    assert found(f, -9.0, errors=checkify.div_checks).startswith("division by zero")
    assert found(f, -9.0, errors=checkify.index_checks).startswith("out-of-bounds")


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: f,
        dc.jit,
        dc.checkpoint,
        lambda f: lambda x: lax.map(f, jnp.array([x])),
        lambda f: lambda x: lax.cond(x < 0, f, lambda y: y, x),
        lambda f: lambda x: lax.while_loop(lambda y: y < 0, lambda y: f(y) + 5, x),
    ],
)
def test_checks_that_are_not_asked_for_disappear(transform):
    def f(x):
        checkify.check(x > 0, "not positive")
        return x

    assert found(transform(f), -1.0, errors=checkify.index_checks) is None


def test_the_result_comes_back_whatever_failed():
    error, out = checkify.checkify(lambda x: (log(x), {"y": x}))(-1.0)

    assert np.isnan(out[0])
    assert out[1]["y"].item() == -1.0
    assert message_of(checkify.JaxRuntimeError, error.throw) == LOG_FAILED


def test_the_first_failure_in_the_order_of_the_program_wins():
    def f(x):
        checkify.check(x > 0, "one")
        checkify.check(x > 1, "two")
        return dc.jit(log)(x)

    assert found(f, -1.0) == "one (`check` failed)" + at(f, 1)
    assert found(f, 0.5) == "two (`check` failed)" + at(f, 2)
    assert found(f, 2.0) is None


def test_an_earlier_step_of_a_loop_wins_over_an_earlier_line():
    def step(carry, x):
        checkify.check(x < 3, "first line, {}", x)
        checkify.check(x < 2, "second line, {}", x)
        return carry + x, None

    def f(xs):
        return lax.scan(step, 0.0, xs)[0]

    assert found(f, jnp.arange(5.0)) == (
        "second line, 2.0 (`check` failed)" + at(step, 2)
    )


def test_a_while_loop_is_checked_in_condition_and_body():
    def condition(n):
        checkify.check(n < 4, "condition {}", n)
        return n < 6

    def body(n):
        checkify.check(n < limit, "body {}", n)
        return n + 1

    def f(n):
        return lax.while_loop(condition, body, n)

    limit = 9
    assert found(f, 0) == "condition 4 (`check` failed)" + at(condition, 1)
    assert found(f, 5) == "condition 5 (`check` failed)" + at(condition, 1)
    limit = 3
    assert found(lambda n: f(n), 0) == "body 3 (`check` failed)" + at(body, 1)


def test_only_the_branch_that_runs_is_checked():
    def first(x):
        checkify.check(x > 0, "first {}", x)
        return x

    def second(x):
        checkify.check(x > 1, "second {} {}", x, 2 * x)
        return x

    def f(p, x):
        return lax.cond(p, first, second, x)

    assert found(f, True, 1.0) is None
    assert found(f, True, -1.0) == "first -1.0 (`check` failed)" + at(first, 1)
    assert found(f, False, 1.0) == "second 1.0 2.0 (`check` failed)" + at(second, 1)


def test_lanes_of_a_batch_are_checked_only_where_they_run():
    # JAX reports lane 0, which does not take the second branch.
    def first(x):
        checkify.check(x > 0, "first {}", x)
        return x

    def second(x):
        checkify.check(x > 1, "second {}", x)
        return x

    @dc.vmap
    def f(p, x):
        return lax.cond(p, first, second, x)

    p = jnp.array([True, False])

    assert found(f, p, jnp.array([1.0, 2.0])) is None
    assert found(f, p, jnp.array([1.0, 0.5])) == (
        "second 0.5 (`check` failed)" + at(second, 1)
    )


def test_lanes_that_have_finished_a_loop_are_checked_no_more():
    # JAX refuses `checkify` of a batched while loop.
    def body(carry):
        i, n = carry
        checkify.check(i < n, "{} of {}", i, n)
        checkify.check(i < 5, "too long: {}", i)
        return i + 1, n

    @dc.vmap
    def f(n):
        return lax.while_loop(lambda carry: carry[0] < carry[1], body, (0, n))

    assert found(f, jnp.array([1, 4, 2])) is None
    assert found(f, jnp.array([1, 7, 2])) == (
        "too long: 5 (`check` failed)" + at(body, 3)
    )


def test_each_lane_of_a_batch_has_an_error_of_its_own():
    error, _ = dc.vmap(checkify.checkify(log))(jnp.array([1.0, -2.0, -3.0]))
    line = at(log, 1)

    assert error.get() == (
        f"at mapped index 1: x must be positive, got -2.0 (`check` failed){line}\n"
        f"at mapped index 2: x must be positive, got -3.0 (`check` failed){line}"
    )
    assert message_of(checkify.JaxRuntimeError, error.throw) == (
        f"x must be positive, got -2.0 (`check` failed){line}"
    )


def test_an_error_can_be_checked_again_inside():
    def f(x):
        error, out = dc.vmap(checkify.checkify(log))(jnp.array([1.0, x, 2 * x]))
        checkify.check_error(error)
        return out

    assert found(f, -1.0) == LOG_FAILED
    assert found(f, 1.0) is None


def test_checkify_nests():
    inner = checkify.checkify(log)
    outer = checkify.checkify(inner, errors=checkify.nan_checks)

    error, (inner_error, _) = outer(-1.0)

    assert error.get() == "nan generated by primitive: log." + at(log, 2)
    assert inner_error.get() == LOG_FAILED


def test_a_checked_function_can_be_differentiated():
    def loss(x):
        error, out = checkify.checkify(log)(x)
        return out, error

    (value, error), grad = dc.value_and_grad(loss, has_aux=True)(2.0)

    assert value.item() == pytest.approx(np.log(2.0))
    assert grad.item() == 0.5
    assert error.get() is None
    assert dc.grad(loss, has_aux=True)(-1.0)[1].get() == LOG_FAILED


def test_rules_of_custom_functions_stay_in_force():
    @dc.custom_jvp
    def twice(x):
        checkify.check(x > 0, "twice {}", x)
        return x * 2

    @dc.custom_vjp
    def thrice(x):
        checkify.check(x > 0, "thrice {}", x)
        return x * 3

    twice.defjvp(lambda primals, tangents: (primals[0] * 2, tangents[0] * 100))
    thrice.defvjp(lambda x: (x * 3, x), lambda _, ct: (ct * 1000,))

    def loss(f):
        def g(x):
            error, out = checkify.checkify(f)(x)
            return out, error

        return dc.grad(g, has_aux=True)

    for f, grad, name in ((twice, 100, "twice"), (thrice, 1000, "thrice")):
        value, error = loss(f)(-1.0)
        assert value.item() == grad
        assert error.get().startswith(f"{name} -1.0 (`check` failed)\n")
        assert found(f, -1.0) == error.get()


def test_a_ref_is_updated_by_a_checked_function():
    ref = dc.new_ref(1.0)

    def f(r, x):
        checkify.check(r[...] < 2, "r = {}", r[...])
        r[...] = x

    checked = checkify.checkify(f)

    assert checked(ref, 5.0)[0].get() is None
    assert ref[...].item() == 5.0
    assert checked(ref, 6.0)[0].get() == "r = 5.0 (`check` failed)" + at(f, 1)


def test_arrays_in_a_message_are_printed():
    def f(x):
        checkify.check(jnp.all(x > 0), "{0} {sum:.1f}", x, sum=x.sum())

    assert found(f, jnp.array([-1.0, 2.0])) == "[-1.  2.] 1.0 (`check` failed)" + at(
        f, 1
    )


def test_debug_checks_exist_only_under_checkify():
    def f(x):
        checkify.debug_check(x > 0, "debug {}", x)
        return x

    assert found(f, -1.0) == "debug -1.0 (`check` failed)" + at(f, 1)
    assert f(-1.0) == -1.0
    assert dc.jit(f)(-1.0).item() == -1.0
    assert dc.vmap(f)(-jnp.ones(2)).tolist() == [-1, -1]


# ---- without checkify ----------------------------------------------------------------


@pytest.mark.parametrize("transform", [lambda f: f, dc.grad])
def test_a_check_raises_at_once_where_values_are_known(transform):
    assert message_of(checkify.JaxRuntimeError, transform(log), -1.0) == LOG_FAILED
    assert np.isfinite(transform(log)(2.0))


def test_vmap_names_the_first_failing_lane():
    values = jnp.array([3.0, -1.0, -2.0])

    assert message_of(checkify.JaxRuntimeError, dc.vmap(log), values) == LOG_FAILED


def test_jit_asks_for_checkify():
    assert message_of(ValueError, dc.jit(log), 1.0) == (
        "check: a compiled program can't raise errors by itself."
        + at(log, 1)
        + "\nLet it return them: `error, out = jit(checkify(f))(...)`, then "
        "`error.throw()`; or use `debug_check`, which `jit` leaves out."
    )


def test_an_error_being_traced_has_no_text():
    @dc.jit
    def f(x):
        return checkify.checkify(log)(x)[0].get()

    assert message_of(TracerArrayConversionError, f, 1.0).startswith(
        "Error.get: expected a concrete value, got the traced i32[]"
    )


def test_there_is_an_error_that_is_none():
    assert checkify.init_error.get() is None
    checkify.check_error(checkify.init_error)
    assert str(checkify.init_error) == "Error(None)"


def test_arguments_are_checked():
    def scalar():
        checkify.check(jnp.array([True]), "x")

    def boolean():
        checkify.check(1.0, "x")

    def fields():
        checkify.check(True, "{}", "a")

    def fits():
        checkify.check(True, "{} {y}", 1.0)

    def string():
        checkify.check(True, 3)

    def errors():
        checkify.checkify(log, errors="nan")

    def error():
        checkify.check_error(None)

    reduce = "\nReduce it with `jnp.all(...)`, or compare it."
    assert message_of(TypeError, scalar) == (
        "check: expected a boolean scalar as `pred`, got bool[1]."
        + at(scalar, 1)
        + reduce
    )
    assert message_of(TypeError, boolean) == (
        "check: expected a boolean scalar as `pred`, got ~f32[]."
        + at(boolean, 1)
        + reduce
    )
    assert message_of(TypeError, fields) == (
        "check: expected arrays for the fields of the message, got 'a'."
        + at(fields, 1)
        + "\nWrite values that are known into the message, with an f-string."
    )
    assert message_of(ValueError, fits) == (
        "check: the message '{} {y}' does not fit its arguments: KeyError('y')."
        + at(fits, 1)
    )
    assert message_of(TypeError, string) == (
        "check: expected a string as `msg`, got 3." + at(string, 1)
    )
    assert message_of(TypeError, errors) == (
        "checkify of log: expected a set of checks as `errors`, got 'nan'."
        + at(errors, 1)
        + "\nPass `checkify.user_checks`, `checkify.all_checks` or a union like these."
    )
    assert message_of(TypeError, error) == (
        "check_error: expected an Error, got None." + at(error, 1)
    )


# ---- automatic checks ----------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: f,
        dc.jit,
        lambda f: lambda x: dc.vmap(f)(jnp.array([1.0, x]))[1],
        lambda f: lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=2)[0],
        lambda f: lambda x: lax.cond(x < 0, f, lambda y: y, x),
    ],
)
def test_the_operation_that_makes_a_nan_is_named(transform):
    def f(x):
        y = x + 1
        return jnp.log(y) * 2

    assert found(transform(f), -2.0, errors=checkify.nan_checks) == (
        "nan generated by primitive: log." + at(f, 2)
    )
    assert found(transform(f), -0.1, errors=checkify.nan_checks) is None


def test_moving_a_nan_is_no_failure_but_computing_with_it_is():
    def moves(x):
        return jnp.where(x > 0, jnp.nan, x)[::-1]

    def computes(x):
        return moves(x) + 1

    ones = jnp.ones(2)
    assert found(moves, ones, errors=checkify.nan_checks) is None
    assert found(computes, ones, errors=checkify.nan_checks) == (
        "nan generated by primitive: add." + at(computes, 1)
    )


def test_a_backward_nan_has_the_line_of_the_forward_operation():
    def f(x):
        y = x * 0.0
        return jnp.sqrt(y)

    assert found(dc.grad(f), 1.0, errors=checkify.nan_checks) == (
        "nan generated by primitive: mul." + at(f, 1)
    )


@pytest.mark.parametrize("zero", [0.0, 0])
def test_division_by_zero_is_found(zero):
    def f(x, y):
        return lax.div(x, y)

    one = type(zero)(1)
    assert found(f, one, zero, errors=checkify.div_checks) == (
        "division by zero." + at(f, 1)
    )
    assert found(f, one, one, errors=checkify.float_checks) is None


INDEXED = [
    (lambda x, i: x[i], 5, "index 5 is out of bounds for axis 0 with size 4"),
    (lambda x, i: x[i], -5, "index -1 is out of bounds for axis 0 with size 4"),
    (lambda x, i: x[i], 3, None),
    (lambda x, i: x[i], -4, None),
    (lambda x, i: x[i], [1, 9, 7], "index 9 is out of bounds for axis 0 with size 4"),
    (
        lambda x, i: x.at[i].set(1.0),
        4,
        "index 4 is out of bounds for axis 0 with size 4",
    ),
    (
        lambda x, i: x.at[i].add(1.0),
        [3, 4],
        "index 4 is out of bounds for axis 0 with size 4",
    ),
    (lambda x, i: x.at[i].max(1.0), [3, -1], None),
    (
        lambda x, i: x.reshape(2, 2)[0, i],
        [1, 2],
        "index 2 is out of bounds for axis 1 with size 2",
    ),
    (
        lambda x, i: lax.dynamic_slice(x, (i,), (2,)),
        3,
        "index 3 for a slice of 2 elements is out of bounds for axis 0 with size 4",
    ),
    (lambda x, i: lax.dynamic_slice(x, (i,), (2,)), 2, None),
    (
        lambda x, i: lax.dynamic_update_slice(x, x[:3], (i,)),
        2,
        "index 2 for a slice of 3 elements is out of bounds for axis 0 with size 4",
    ),
    (lambda x, i: lax.dynamic_update_slice(x, x[:3], (i,)), -3, None),
]


@pytest.mark.parametrize(("f", "index", "expected"), INDEXED)
def test_indices_out_of_bounds_are_found(f, index, expected):
    text = found(f, jnp.arange(4.0), jnp.array(index), errors=checkify.index_checks)

    assert (text and text.split(": ")[1].split(".\n")[0]) == expected


def test_a_wrong_index_is_reported_with_shape_and_line():
    def f(x, i):
        return x.T[i]

    assert found(f, jnp.ones((2, 3)), 3, errors=checkify.all_checks) == (
        "out-of-bounds indexing for array of shape (3, 2): index 3 is out of bounds "
        "for axis 0 with size 3." + at(f, 1)
    )


def test_functions_of_the_library_pass_all_checks():
    key = dc.random.key(0)

    def f(x):
        return (
            jnp.sort(x),
            jnp.median(x),
            jnp.var(x),
            dc.random.permutation(key, x),
            dc.random.normal(key, (3,)),
            dc.nn.softmax(x),
            jnp.searchsorted(x, x),
            dc.grad(lambda y: dc.nn.gelu(y).sum())(x),
        )

    assert found(f, jnp.arange(4.0), errors=checkify.all_checks) is None
