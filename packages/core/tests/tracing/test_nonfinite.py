"""`debug_nans` and `debug_infs`: where a bad value was made."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

DOMAIN = (
    "Keep the operand in the domain of the operation. To mask it, apply `jnp.where` to "
    "the operand, not to the result, so that derivatives stay finite too."
)
INFINITE = "An operand is infinite: `debug_infs` shows where that comes from."


@pytest.fixture(autouse=True)
def looking_for_nans():
    with dc.debug_nans(True):
        yield


def error_of(call):
    with pytest.raises(FloatingPointError) as caught:
        call()
    place = r"at \S*test_nonfinite\.py:\d+ in \S*"
    return re.sub(place, "at HERE", str(caught.value))


def entropy(x):
    scaled = x * 2.0
    logs = jnp.log(scaled)
    return logs.sum()


LOG = (
    "invalid value (nan) encountered in log, whose operands have none.\n"
    "  at HERE\n"
    "  `logs = jnp.log(scaled)`\n"
    "  operand 0: f32[3] = [ 2. -2. 4.], -2.0 at [1]\n"
    "  result: f32[3] = [0.693147 nan 1.386294], nan at [1]\n"
)
X = np.float32([1, -1, 2])


def test_an_eager_operation():
    got = error_of(lambda: jnp.sqrt(-4.0))

    assert got == (
        "invalid value (nan) encountered in sqrt, whose operands have none.\n"
        "  at HERE\n"
        "  `got = error_of(lambda: jnp.sqrt(-4.0))`\n"
        "  operand 0: ~f32[] = -4.0\n"
        "  result: ~f32[] = nan\n" + DOMAIN
    )


def test_every_eager_call_names_its_own_line():
    error_of(lambda: jnp.arccosh(0.5))

    got = error_of(lambda: "another line" and jnp.arccosh(0.5))

    assert "another line" in got


@pytest.mark.parametrize(
    "call",
    [
        lambda: dc.jit(entropy)(X),
        lambda: dc.jit(entropy).lower(X).compile()(X),
        lambda: dc.grad(entropy)(X),
        lambda: dc.jit(dc.value_and_grad(entropy))(X),
        lambda: dc.jit(entropy, donate_argnums=0)(jnp.asarray(X)),
        lambda: dc.jvp(entropy, (X,), (X,)),
    ],
)
def test_the_first_operation_under_a_transformation(call):
    assert error_of(call) == LOG + DOMAIN


@pytest.mark.parametrize("outer", [lambda f: f, dc.jit])
def test_a_batch(outer):
    got = error_of(lambda: outer(dc.vmap(entropy))(np.stack([abs(X), X])))

    assert "`logs = jnp.log(scaled)`" in got
    assert "operand 0: f32[2,3] = [[ 2. 2. 4.] [ 2. -2. 4.]], -2.0 at [1, 1]" in got


@pytest.mark.parametrize("inner", [dc.jit, dc.checkpoint])
def test_a_call_inside_names_both_lines(inner):
    wrapped = inner(entropy)

    got = error_of(lambda: dc.jit(lambda x: wrapped(x) + 1.0)(X))

    name = {dc.jit: "jit", dc.checkpoint: "checkpoint"}[inner]
    assert got == LOG + f"  in {name} of entropy at HERE\n" + DOMAIN


def shrink(carry, x):
    carry = carry - x
    return jnp.sqrt(carry), carry


@pytest.mark.parametrize("outer", [lambda f: f, dc.jit])
def test_a_scan_names_the_iteration(outer):
    rows = np.float32([0, 3, 5, 0])

    got = error_of(lambda: outer(lambda c: lax.scan(shrink, c, rows))(16.0))

    assert got == (
        "invalid value (nan) encountered in sqrt, whose operands have none.\n"
        "  at HERE\n"
        "  `return jnp.sqrt(carry), carry`\n"
        "  operand 0: f32[] = -4.0\n"
        "  result: f32[] = nan\n"
        "  in iteration 2 of scan at HERE\n" + DOMAIN
    )


def test_a_reversed_scan_counts_by_the_row():
    got = error_of(lambda: lax.scan(shrink, 2.0, np.arange(4.0), reverse=True))

    assert "  in iteration 3 of scan at HERE\n" in got


def test_a_while_loop_names_the_iteration():
    def body(x):
        return jnp.sqrt(x - 1.0)

    got = error_of(
        lambda: dc.jit(lambda x: lax.while_loop(lambda c: c < 9, body, x))(3.0)
    )

    assert "`return jnp.sqrt(x - 1.0)`" in got
    assert "  in iteration 2 of while at HERE\n" in got


def test_a_loop_in_a_loop_names_both_iterations():
    def outer(carry, _):
        return lax.scan(shrink, carry, np.float32([0, 1]))[0], None

    got = error_of(lambda: lax.scan(outer, 5.0, None, length=3))

    assert got.endswith(
        "  in iteration 1 of scan at HERE\n  in iteration 2 of scan at HERE\n" + DOMAIN
    )


def test_a_branch_is_named():
    got = error_of(
        lambda: dc.jit(
            lambda x: lax.cond(x > 0, lambda x: jnp.log(-x), lambda x: x, x)
        )(2.0)
    )

    assert "  in branch 1 of cond at HERE\n" in got


@pytest.mark.parametrize("outer", [lambda f: f, dc.jit])
def test_an_operation_of_the_backward_pass_names_the_forward_line(outer):
    def norm(x):
        scaled = x * np.zeros(2, np.float32)
        return jnp.sqrt(scaled).sum()

    got = error_of(lambda: outer(dc.grad(norm))(1.0))

    assert got == (
        "invalid value (nan) encountered in mul, whose operands have none.\n"
        "  at HERE\n"
        "  `scaled = x * np.zeros(2, np.float32)`\n"
        "  operand 0: f32[2] = [inf inf], inf at [0]\n"
        "  operand 1: f32[2] = [0. 0.], 0.0 at [0]\n"
        "  result: f32[2] = [nan nan], nan at [0]\n" + INFINITE
    )


@pytest.mark.parametrize("outer", [lambda f: f, dc.jit])
def test_a_backward_loop_names_the_forward_line_and_iteration(outer):
    def total(x):
        def body(carry, row):
            part = jnp.abs(carry) * row
            return carry + jnp.sqrt(part), None

        return lax.scan(body, x, np.float32([1, 0, 1]))[0]

    got = error_of(lambda: outer(dc.grad(total))(4.0))

    assert "  `part = jnp.abs(carry) * row`\n" in got
    assert "  in iteration 1 of scan at HERE\n" in got


def test_a_masked_value_is_not_blamed():
    def f(x):
        masked = jnp.where(x > 0, jnp.log(x), 0.0)
        return jnp.sqrt(masked - 1.0)

    got = error_of(lambda: dc.jit(f)(-1.0))

    assert "`return jnp.sqrt(masked - 1.0)`" in got


def test_what_came_in_with_an_argument_is_named():
    got = error_of(
        lambda: dc.jit(lambda a, params: a + params["w"])(
            1.0, {"w": np.float32([0, np.nan])}
        )
    )

    assert got == (
        "invalid value (nan) encountered in <lambda>: it came in with args[1]['w'], in "
        "the argument `params` of <lambda>.\n  at HERE\n"
        "  f32[2] = [ 0. nan], nan at [1]"
    )


def test_what_the_function_closes_over_is_said():
    constant = np.float32([np.nan, 0])

    got = error_of(lambda: dc.jit(lambda a: a + constant)(1.0))

    assert "it came in with a value that the function closes over.\n" in got


def test_a_custom_backward_rule():
    @dc.custom_vjp
    def double(x):
        return x * 2.0

    double.defvjp(lambda x: (x * 2.0, x), lambda x, ct: (ct * jnp.log(-x),))

    got = error_of(lambda: dc.jit(dc.grad(lambda x: double(x)))(2.0))

    assert "encountered in log, whose operands have none.\n" in got


def outer_log(x):
    return jnp.log(-x)


@dc.custom_batching.custom_vmap
def batched_by_rule(x):
    return outer_log(x)


batched_by_rule.def_vmap(lambda size, batched, x: (outer_log(x), batched[0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: dc.jit(lax.composite(outer_log, "my.log"))(2.0),
        lambda: dc.jit(batched_by_rule)(2.0),
        lambda: dc.jit(
            lambda x: lax.custom_linear_solve(
                lambda v: v, x, lambda _, b: outer_log(b), lambda _, b: b
            )
        )(2.0),
    ],
)
def test_operations_that_call_a_function_are_looked_into(call):
    got = error_of(call)

    assert "  `return jnp.log(-x)`\n" in got
    assert "\n  in " in got


def test_donated_arguments_stay_while_the_search_may_need_them():
    x = jnp.ones(3)

    dc.jit(lambda x: x + 1.0, donate_argnums=0)(x)

    assert not x.is_deleted()


def test_a_compiled_function_that_donates_can_only_report():
    compiled = dc.jit(jnp.log, donate_argnums=0).lower(X).compile()

    got = error_of(lambda: compiled(jnp.asarray(X)))

    assert got == (
        "invalid value (nan) encountered in the result of log, whose arguments were "
        "donated, so that it can't be run again.\n  at HERE\n"
        "Compile it without donation to see which operation made it."
    )


def test_calls_that_were_compiled_before_are_checked_too():
    f = dc.jit(entropy)
    with dc.debug_nans(False):
        f(X), f(X)

    got = error_of(lambda: f(X))

    assert got == LOG + DOMAIN


def test_nothing_is_checked_when_the_setting_is_off():
    with dc.debug_nans(False):
        got = dc.jit(entropy)(X)

    assert np.isnan(got)


def test_integers_and_finite_values_pass():
    got = dc.jit(lambda x, n: (x / 2.0, n + 1))(np.float32([np.inf, 1]), 2)

    np.testing.assert_array_equal(got[0], [np.inf, 0.5])


def test_infinities():
    with dc.debug_infs(True):
        got = error_of(lambda: dc.jit(lambda x: 1.0 / (x - 1.0))(np.float32([0, 1])))

    assert got.startswith(
        "invalid value (inf) encountered in div, whose operands have none.\n"
    )
    assert (
        "  operand 0: f32[] = 1.0\n"
        "  operand 1: f32[2] = [-1. 0.], 0.0 at [1]\n"
        "  result: f32[2] = [-1. inf], inf at [1]\n" in got
    )
