"""What transformations say about wrong arguments."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    # The user's line moves with this file; everything else is pinned.
    text = re.sub(r"\n  at .*?:\d+ in .*", "\n  at HERE", str(caught.value))
    return re.sub(r"(is|made) at \S*?test_errors.py:\d+", r"\1 at HERE", text)


def loss(x):
    return x


def test_grad_of_a_vector():
    got = error_of(lambda: dc.grad(loss)(np.ones(3, np.float32)), TypeError)

    assert got == (
        "grad of loss: expected the function to return a real floating-point scalar, "
        "got f32[3].\n  at HERE\n"
        "Reduce it, for example with `.sum()` or `.mean()`, or use `jacrev`."
    )


def test_grad_of_integers_names_the_leaf():
    got = error_of(lambda: dc.grad(loss)({"a": 1.0, "b": np.arange(3)}), TypeError)

    assert got == (
        "grad of loss: expected floating-point leaves in the differentiated arguments, "
        "got\n  args[0]['b']: i32[3]\n  at HERE\n"
        "Convert them with `.astype(...)`, choose other `argnums`, or pass "
        "`allow_int=True` to get `float0` gradients for integers."
    )


def test_the_message_points_at_the_users_line():
    with pytest.raises(TypeError) as caught:
        dc.grad(loss)(np.ones(3, np.float32))

    assert "test_errors.py:" in str(caught.value)
    assert "in test_the_message_points_at_the_users_line" in str(caught.value)


def test_vmap_of_unequal_sizes_lists_all():
    got = error_of(
        lambda: dc.vmap(jnp.add)(np.ones((2, 3)), np.ones((4, 3))), ValueError
    )

    assert got == (
        "vmap of add: batch axes must have equal lengths, got\n"
        "  args[0]: f32[2,3], axis 0 has length 2\n"
        "  args[1]: f32[4,3], axis 0 has length 4\n  at HERE\nCheck `in_axes`."
    )


def test_vmap_over_a_missing_axis():
    got = error_of(lambda: dc.vmap(loss, in_axes=2)(np.ones((2, 3))), ValueError)

    assert got == (
        "vmap of loss: in_axes=2 does not exist in argument leaf args[0], f32[2,3].\n"
        "  at HERE\nGive that argument in_axes=None if the whole batch shares it."
    )


def test_jit_of_a_string_names_the_leaf():
    got = error_of(lambda: dc.jit(loss)({"name": "adam"}), TypeError)

    assert got == (
        "jit of loss: expected arrays or Python numbers as leaves of the arguments, "
        "got\n  `x['name']`: str 'adam'\n  at HERE\n"
        "Make them static, `static_argnames=('x',)`, if they are hashable and seldom "
        "change, or close over them."
    )


def test_jit_of_an_unhashable_static_argument():
    # C++ raises this one, before anything of ours runs.
    with pytest.raises(ValueError, match="Non-hashable static arguments") as caught:
        dc.jit(loss, static_argnums=0)([1])

    assert "unhashable type: 'list'" in str(caught.value)


def test_unknown_static_argname():
    got = error_of(lambda: dc.jit(loss, static_argnames="y"), ValueError)

    assert got == (
        "jit of loss: static_argnames names 'y', but the function has the parameters "
        "(x).\n  at HERE"
    )


def test_scan_carry_of_another_type_lists_every_difference():
    def body(c, _):
        return {"a": c["a"].astype(jnp.float16), "b": c["b"][:1]}, None

    init = {"a": np.ones(2, np.float32), "b": np.ones(3, np.float32)}
    got = error_of(lambda: lax.scan(body, init, None, length=2), TypeError)

    assert got == (
        "scan of body: init and carry must have equal types, but\n"
        "  init['a'] is f32[2], carry['a'] is f16[2] (made at HERE)\n"
        "  init['b'] is f32[3], carry['b'] is f32[1] (made at HERE)\n"
        "  body is at HERE\n  at HERE\n"
        "Make the function return a carry of the same tree, shapes and dtypes, for "
        "example with `.astype(...)`."
    )


def test_scan_of_unequal_lengths():
    xs = {"a": np.ones(2), "b": np.ones(3)}
    got = error_of(lambda: lax.scan(lambda c, x: (c, None), 0.0, xs), ValueError)

    assert got == (
        "scan of <lambda>: leading sizes must agree, got\n"
        "  xs['a']: f32[2]\n  xs['b']: f32[3]\n  at HERE"
    )


def test_cond_branches_of_different_types():
    got = error_of(
        lambda: dc.jit(lambda p: lax.cond(p, lambda: 1.0, lambda: jnp.ones(2)))(True),
        TypeError,
    )

    assert got == (
        "cond: true_fun(...) and false_fun(...) must have equal types, but\n"
        "  true_fun(...) is ~f32[], false_fun(...) is f32[2] (made at HERE)\n"
        "  <lambda> is at HERE\n  <lambda> is at HERE\n  at HERE\n"
        "Make all branches return the same tree, shapes and dtypes."
    )


def test_cond_of_a_vector_predicate():
    got = error_of(
        lambda: lax.cond(np.array([True, False]), loss, loss, 1.0), TypeError
    )

    assert got.startswith("cond: expected a scalar predicate, got bool[2].")


def test_reverse_mode_through_while_says_what_to_use():
    def f(x):
        return lax.while_loop(lambda c: c < 10.0, lambda c: c * 2.0, x)

    got = error_of(lambda: dc.grad(f)(1.0), TypeError)

    assert got == (
        "reverse-mode differentiation of while: a while loop with a number of steps "
        "known only at run time can't be run backwards.\n  at HERE\n"
        "Use `lax.scan`, or `lax.fori_loop` with Python integers as bounds; or "
        "differentiate forwards with `jvp` or `jacfwd`."
    )


def test_forward_mode_of_custom_vjp():
    f = dc.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), lambda r, ct: (ct,))

    got = error_of(lambda: dc.jvp(f, (1.0,), (1.0,)), TypeError)

    assert "forward-mode differentiation needs a forward rule" in got


def test_custom_vjp_with_a_wrong_number_of_cotangents():
    f = dc.custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, None), lambda r, ct: (ct,))

    got = error_of(lambda: dc.grad(f)(1.0, 2.0), TypeError)

    assert "must return a tuple of 2 cotangents, one for each argument" in got


def test_donating_the_same_array_twice():
    x = jnp.ones(3)
    f = dc.jit(lambda a, b: (a + b, a - b), donate_argnums=(0, 1))

    got = error_of(lambda: f(x, x), ValueError)

    assert got == (
        "jit of <lambda>: `a` and `b` are the same array, donated twice.\n"
        "  at HERE\n"
        "Pass a copy (`x.copy()`) for one of the arguments."
    )


def test_using_a_donated_array():
    x = jnp.ones(3)
    dc.jit(lambda a: a + 1.0, donate_argnums=0)(x)

    with pytest.raises(RuntimeError, match="was deleted or donated"):
        np.asarray(x)
