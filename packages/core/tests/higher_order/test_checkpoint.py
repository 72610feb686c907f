"""Recomputing in the backward pass, and the policies that say what is kept."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core._lowering import lower
from dolmen.core.ad_checkpoint import (
    Offloadable,
    Recompute,
    Saveable,
    checkpoint_name,
    print_saved_residuals,
    saved_residuals,
)

POLICIES = dc.checkpoint_policies
W = np.linspace(-1.0, 1.0, 9, dtype=np.float32).reshape(3, 3)
X = np.array([0.5, -1.0, 2.0], np.float32)


def offloading(**names):
    return POLICIES.save_and_offload_only_these_names(
        names_which_can_be_saved=names.get("saved", []),
        names_which_can_be_offloaded=names.get("offloaded", []),
        offload_src="device",
        offload_dst="pinned_host",
    )


ALL_POLICIES = {
    "none": None,
    "everything": POLICIES.everything_saveable,
    "nothing": POLICIES.nothing_saveable,
    "dots": POLICIES.dots_saveable,
    "dots_no_batch": POLICIES.dots_with_no_batch_dims_saveable,
    "offload_dots": POLICIES.offload_dot_with_no_batch_dims("device", "pinned_host"),
    "anything_but": POLICIES.save_anything_except_these_names("first"),
    "names_but": POLICIES.save_any_names_but_these("first"),
    "only": POLICIES.save_only_these_names("first"),
    "both": POLICIES.save_from_both_policies(
        POLICIES.dots_saveable, POLICIES.save_only_these_names("second")
    ),
    "offload": offloading(saved=["first"], offloaded=["second"]),
}


def layers(w, x):
    x = checkpoint_name(jnp.sin(w @ x), "first")
    x = checkpoint_name(jnp.cos(w @ x), "second")
    return (x * jnp.sin(w @ x)).sum()


def sources(f, *args):
    """What is kept of `f` besides its arguments, without lines."""
    found = [source.split(" at ")[0] for _, source in saved_residuals(f, *args)]
    return [source for source in found if "argument" not in source]


# ---- memory --------------------------------------------------------------------------


def block(x, w):
    return jnp.tanh(jnp.tanh(x @ w) @ w.T)


def temporary_bytes(f, *args):
    compiled = dc.jit(dc.grad(f, (0, 1))).lower(*args).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("wrap", [dc.checkpoint, lambda f: dc.checkpoint(dc.jit(f))])
def test_checkpoints_in_a_row_use_a_third_of_the_memory(wrap):
    def total(wrap):
        def f(x, ws):
            for w in ws:
                x = wrap(block)(x, w)
            return (x**2).sum()

        return f

    x, ws = jnp.ones((256, 16)), [jnp.ones((16, 64))] * 12

    plain = temporary_bytes(total(lambda f: f), x, ws)
    assert temporary_bytes(total(wrap), x, ws) < plain / 3


def test_a_checkpoint_in_a_scan_uses_less_memory():
    def total(wrap):
        def step(x, w):
            return wrap(block)(x, w), None

        return lambda x, ws: lax.scan(step, x, ws)[0].sum()

    x, ws = jnp.ones((256, 16)), jnp.ones((4, 16, 64))

    plain = temporary_bytes(total(lambda f: f), x, ws)
    assert temporary_bytes(total(dc.checkpoint), x, ws) < plain / 2
    unfenced = total(lambda f: dc.checkpoint(f, prevent_cse=False))
    assert temporary_bytes(unfenced, x, ws) < plain / 2


def test_eagerly_too_only_the_arguments_of_a_checkpointed_loop_are_kept():
    def f(x):
        return lax.scan(lambda x, _: (jnp.sin(x), None), x, None, length=50)[0]

    program = dc.make_jaxpr(dc.grad(lambda x: dc.checkpoint(f)(x).sum()))(X).jaxpr
    first = next(e for e in program.eqns if e.primitive.name == "scan")

    assert [v.aval.shape for v in first.outvars] == [(3,)]


def text_for(platform, f, *args):
    closed = dc.make_jaxpr(dc.grad(f, argnums=range(len(args))))(*args)
    return lower(closed.jaxpr, platform=platform).as_text()


def test_a_recomputation_is_a_call_on_cpu_and_behind_a_barrier_elsewhere():
    f = dc.checkpoint(layers)

    for_cpu, for_tpu = text_for("cpu", f, W, X), text_for("tpu", f, W, X)

    assert 'inlineable = "false"' in for_cpu
    assert "optimization_barrier" not in for_cpu
    assert "call" not in for_tpu
    assert re.search(r"optimization_barrier %arg0, %arg1, %\w+ :", for_tpu)


def test_prevent_cse_chooses_what_must_look_new():
    def f(prevent_cse):
        return dc.checkpoint(layers, prevent_cse=prevent_cse)

    none, first = (
        text_for("tpu", f(False), W, X),
        text_for("tpu", f((True, False)), W, X),
    )

    assert "optimization_barrier" not in none
    assert re.search(r"optimization_barrier %arg0, %\w+ : tensor<3x3xf32>", first)
    assert "inlineable" not in text_for("cpu", f(False), W, X)
    assert "inlineable" in text_for("cpu", f((True, False)), W, X)


@pytest.mark.parametrize("prevent_cse", [True, (True, False)])
@pytest.mark.parametrize(
    "transform",
    [
        lambda f: lambda w, x: dc.jvp(dc.grad(f), (w, x), (w, x)),
        lambda f: lambda w, x: dc.vmap(dc.grad(f), (None, 0))(w, jnp.stack([x, x])),
        lambda f: dc.grad(lambda w, x: dc.grad(f)(w, x).sum()),
    ],
)
def test_a_recomputation_stays_one_under_other_transformations(transform, prevent_cse):
    f = transform(dc.checkpoint(layers, prevent_cse=prevent_cse))

    text = dc.jit(f).lower(W, X).as_text()

    calls = re.findall(r"call @\w*again_.*", text)
    assert calls
    assert all("inlineable" in row for row in calls)


def test_a_repeated_block_is_traced_once_and_its_recomputation_lowered_once():
    traced = []

    @dc.checkpoint
    def block(w, x):
        traced.append(None)
        return jnp.sin(w @ x)

    def f(w, x):
        for _ in range(5):
            x = block(w, x)
        return x.sum()

    text = dc.jit(dc.grad(f, (0, 1))).lower(W, X).as_text()

    assert len(traced) == 1
    assert text.count("func.func private @again_block") == 1
    assert text.count("call @again_block") == 5


def test_wrapping_a_function_again_does_not_trace_it_again():
    traced = []

    def f(x):
        traced.append(None)
        return jnp.sin(x)

    for _ in range(3):
        dc.grad(dc.checkpoint(f))(1.0)
        dc.grad(dc.checkpoint(f, policy=POLICIES.dots_saveable))(1.0)

    assert len(traced) == 1


# ---- values --------------------------------------------------------------------------


def with_jit(w, x):
    return dc.jit(layers)(w, dc.jit(lambda x: jnp.sin(checkpoint_name(x, "first")))(x))


def with_scan(w, x):
    def step(x, row):
        x = jnp.sin(checkpoint_name(w @ x, "first")) + row
        return x, jnp.cos(x).sum()

    last, ys = lax.scan(step, x, w)
    return (last * x).sum() + (ys**2).sum()


def with_scans_in_scans(w, x):
    def inner(x, row):
        return jnp.sin(checkpoint_name(w @ x, "first")) + row, None

    def outer(x, row):
        x = dc.jit(lambda x: lax.scan(inner, x, w, reverse=True)[0])(x)
        return lax.cond(x[0] > 0, lambda x: x * jnp.sin(x), jnp.cos, x), x * row

    last, ys = lax.scan(outer, x, w, reverse=True)
    return (last * x).sum() + (ys**2).sum()


def with_unused_carries(w, x):
    def step(carry, row):
        a, b, c = carry
        a, b = jnp.sin(checkpoint_name(w @ b, "first")), jnp.cos(a) * row
        return (a, b, c + a), jnp.sin(a) * b

    return (lax.scan(step, (x, 2 * x, x), w)[1] ** 2).sum()


def with_nested_checkpoint(w, x):
    inner = dc.checkpoint(layers, policy=POLICIES.dots_saveable)
    return jnp.sin(inner(w, x)) * inner(w, 2 * x)


def with_cond(w, x):
    def other(w, x):
        y = checkpoint_name(jnp.exp(w @ w), "first")
        return jnp.sin(y @ x).sum()

    def only_x(w, x):
        return jnp.sin(x).sum()

    return lax.switch(x[0].astype(int) + 1, [other, layers, only_x], w, x)


def with_custom_vjp(w, x):
    f = dc.custom_vjp(lambda x: jnp.sin(x))
    f.defvjp(lambda x: (jnp.sin(x), jnp.cos(x)), lambda r, ct: (r * ct,))
    return (w @ f(w @ x)).sum()


CASES = [
    *((f, name) for f in (layers, with_scan) for name in ALL_POLICIES),
    *((with_unused_carries, name) for name in ("none", "dots", "everything", "only")),
    *((with_scans_in_scans, name) for name in ("none", "everything", "only")),
    *((with_jit, name) for name in ("dots", "only", "offload")),
    *((with_nested_checkpoint, name) for name in ("none", "only")),
    *((with_cond, name) for name in ("none", "dots", "everything", "only", "offload")),
    (with_custom_vjp, "dots"),
]


@pytest.mark.parametrize(("f", "policy"), CASES)
def test_derivatives_are_those_of_the_plain_function(f, policy):
    checkpointed = dc.checkpoint(f, policy=ALL_POLICIES[policy])

    value, (dw, dx) = dc.jit(dc.value_and_grad(checkpointed, (0, 1)))(W, X)

    expected, (expected_dw, expected_dx) = dc.value_and_grad(f, (0, 1))(W, X)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(dw, expected_dw, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: dc.grad(lambda x: dc.grad(f)(x) ** 2),
        dc.hessian,
        lambda f: lambda x: dc.jvp(dc.grad(f), (x,), (1.0,))[1],
        lambda f: dc.grad(lambda x: dc.jvp(f, (x,), (1.0,))[1]),
        lambda f: lambda x: dc.linearize(f, x)[1](jnp.float32(2.0)),
        lambda f: lambda x: dc.linear_transpose(dc.linearize(f, x)[1], x)(x)[0],
        lambda f: lambda x: dc.vmap(dc.grad(f))(jnp.stack([x, 2 * x])),
        lambda f: dc.grad(lambda x: dc.vmap(f)(jnp.stack([x, 2 * x])).sum()),
        lambda f: dc.grad(lambda x: lax.scan(lambda x, _: (f(x), x), x, length=3)[0]),
    ],
)
def test_other_transformations_agree_with_the_plain_function(transform):
    x = jnp.float32(0.7)
    checkpointed = dc.checkpoint(lambda x: jnp.sin(jnp.sin(x) * x))

    got = dc.jit(transform(checkpointed))(x)

    np.testing.assert_allclose(
        got, transform(lambda x: jnp.sin(jnp.sin(x) * x))(x), rtol=1e-5
    )


def test_transposing_a_checkpointed_linear_function():
    f = dc.checkpoint(lambda x: W @ (2 * x))

    (got,) = dc.jit(lambda ct: dc.linear_transpose(f, X)(ct))(X)

    np.testing.assert_allclose(got, 2 * W.T @ X, rtol=1e-6)


def test_static_arguments_may_steer_python():
    @dc.checkpoint(static_argnums=(0,), static_argnames="double")
    def f(power, x, *, double=False):
        y = x
        for _ in range(power - 1):
            y = y * x
        return 2 * y if double else y

    assert float(dc.grad(f, argnums=1)(3, 2.0)) == 12.0
    assert float(dc.grad(f, argnums=1)(2, 2.0, double=True)) == 8.0


def test_refs_are_read_and_written_through_a_checkpoint():
    total = dc.new_ref(jnp.zeros(()))

    @dc.checkpoint
    def f(x):
        total[...] += x
        return x * total[...]

    assert float(f(2.0)) == 4.0
    assert float(f(2.0)) == 8.0


# ---- policies ------------------------------------------------------------------------


def test_what_policies_keep():
    def kept(policy):
        return sources(dc.checkpoint(layers, policy=ALL_POLICIES[policy]), W, X)

    dot = "output of dot_general"
    assert kept("none") == kept("nothing") == []
    assert kept("dots") == kept("dots_no_batch") == [dot] * 3
    assert kept("offload_dots") == ["output of in_memory"] * 3
    assert kept("only") == ["named 'first'"]
    assert kept("names_but") == ["named 'second'"]
    assert kept("both") == [dot, dot, "named 'second'", dot]
    assert kept("offload") == ["named 'first'", "output of in_memory"]
    assert "named 'first'" not in kept("anything_but")
    assert "named 'second'" in kept("anything_but")


def test_only_products_without_batch_axes_count_as_such():
    def f(x, y):
        return jnp.sin(jnp.einsum("bij,bjk->bik", x, y)).sum()

    x = jnp.ones((2, 3, 3))

    no_batch = dc.checkpoint(f, policy=POLICIES.dots_with_no_batch_dims_saveable)
    assert sources(no_batch, x, x) == []
    dots = dc.checkpoint(f, policy=POLICIES.dots_saveable)
    assert sources(dots, x, x) == ["output of dot_general"]


@pytest.mark.parametrize("f", [layers, with_jit], ids=lambda f: f.__name__)
def test_products_that_are_kept_are_not_computed_again(f):
    def products(f):
        text = dc.jit(dc.value_and_grad(f, (0, 1))).lower(W, X).as_text()
        return text.count("stablehlo.dot_general")

    again = products(dc.checkpoint(f))
    kept = products(dc.checkpoint(f, policy=POLICIES.dots_saveable))

    # Three going forward, six going back.
    assert (again, kept) == (12, 9)


def test_a_policy_is_asked_about_the_body_of_a_scan():
    policy = POLICIES.save_only_these_names("first")
    program = dc.make_jaxpr(dc.grad(dc.checkpoint(with_scan, policy=policy)))(W, X)
    (again,) = [e for e in program.eqns if e.primitive.name == "checkpoint"]
    (first,) = [e for e in program.eqns if e.primitive.name == "scan"]

    loops = [e for e in again.params["program"].eqns if e.primitive.name == "scan"]
    products = [
        sum(e.primitive.name == "dot_general" for e in loop.params["program"].eqns)
        for loop in (first, loops[0])
    ]
    assert products == [1, 0]


def test_a_policy_is_asked_about_every_branch():
    f = dc.checkpoint(with_cond, policy=POLICIES.save_only_these_names("first"))

    kept = [type for type, source in saved_residuals(f, W, X) if "cond" in source]

    # One slot for each type: vectors of `layers`, matrices of the others.
    assert sorted(map(repr, kept)) == ["f32[3,3]", "f32[3]"]


def test_a_carry_that_the_backward_pass_does_not_need_is_not_carried_again():
    program = dc.make_jaxpr(dc.grad(dc.checkpoint(with_unused_carries)))(W, X)
    (again,) = [e for e in program.eqns if e.primitive.name == "checkpoint"]
    loops = [e for e in again.params["program"].eqns if e.primitive.name == "scan"]

    assert loops[0].params["num_carry"] == 2


def test_a_policy_may_answer_with_what_to_do():
    asked = []

    def policy(primitive, *types, **params):
        asked.append((primitive.name, [repr(t) for t in types], params))
        if primitive.name == "sin":
            return Saveable
        return Recompute

    f = dc.checkpoint(lambda w, x: jnp.exp(jnp.sin(w @ x)).sum(), policy=policy)

    assert sources(f, W, X) == ["output of sin"]
    (_, types, params) = next(a for a in asked if a[0] == "dot_general")
    assert types == ["f32[3,3]", "f32[3]"]
    assert params["dimension_numbers"] == (((1,), (0,)), ((), ()))


def test_offloaded_values_leave_the_device_where_it_has_a_memory_of_its_own():
    f = dc.checkpoint(layers, policy=offloading(offloaded=["first"]))

    placements = re.findall(
        r'_xla_buffer_placement = "(\w+)"', text_for("tpu", f, W, X)
    )

    assert placements == ["pinned_host", "device"]
    assert "placement" not in text_for("cpu", f, W, X)


def test_offloadable_says_from_where_to_where():
    policy = POLICIES.offload_dot_with_no_batch_dims("device", "pinned_host")
    (product,) = dc.make_jaxpr(jnp.dot)(W, X).eqns

    assert policy(product.primitive, **product.params) == Offloadable(
        src="device", dst="pinned_host"
    )


def test_saved_residuals_are_printed_with_their_lines(capsys):
    def f(params, *rest):
        return jnp.sin(checkpoint_name(params["w"] * rest[0], "p")) * rest[0]

    print_saved_residuals(f, {"w": X}, X)

    name = f"{__file__}:{f.__code__.co_firstlineno + 1} in {f.__code__.co_qualname}"
    assert capsys.readouterr().out == (
        "f32[3] from the argument params['w']\n"
        "f32[3] from the argument rest[0]\n"
        f"f32[3] output of sin at {name}\n"
        f"f32[3] output of cos at {name}\n"
    )


# ---- errors --------------------------------------------------------------------------


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    # The user's line moves with this file; everything else is pinned.
    assert f"{__file__}:" in str(caught.value)
    return re.sub(r"\n  at .*?:\d+ in .*", "\n  at HERE", str(caught.value))


def test_control_flow_on_a_value_is_an_error_that_says_what_to_do():
    def f(x):
        return x if x > 0 else -x

    with pytest.raises(dc.errors.TracerBoolConversionError) as caught:
        dc.grad(dc.checkpoint(f))(1.0)

    assert "the argument `x` of f" in str(caught.value)
    assert "static_argnames=('x',)" in str(caught.value)


def test_a_policy_that_is_no_function_is_an_error():
    got = error_of(lambda: dc.checkpoint(layers, policy="dots_saveable"), TypeError)

    assert got == (
        "checkpoint of layers: expected `policy` to be a function, got "
        "'dots_saveable'.\n  at HERE\nChoose one of `checkpoint_policies`."
    )


def test_an_answer_that_no_policy_may_give_is_an_error():
    f = dc.checkpoint(jnp.sin, policy=lambda *_, **__: "save")
    got = error_of(lambda: dc.grad(f)(1.0), TypeError)

    assert got == (
        "checkpoint: the policy must return a bool, `Recompute`, `Saveable` or "
        "`Offloadable(src, dst)`, got 'save' for the primitive 'cos'.\n  at HERE\n"
        "Choose one of `checkpoint_policies`, or import the answers from "
        "`dolmen.core.ad_checkpoint`."
    )


def test_prevent_cse_of_another_type_is_an_error():
    got = error_of(lambda: dc.checkpoint(layers, prevent_cse=1.0), TypeError)

    assert got == (
        "checkpoint of layers: expected `prevent_cse` to be a bool or a tuple of "
        "bools, got 1.0.\n  at HERE"
    )


def test_static_arguments_that_do_not_exist_are_an_error():
    got = error_of(lambda: dc.checkpoint(layers, static_argnums=2), ValueError)

    assert got == (
        "checkpoint of layers: static_argnums=2, but the function has 2 positional "
        "parameters.\n  at HERE"
    )


def test_concrete_values_are_an_error_that_says_what_to_do():
    got = error_of(lambda: dc.checkpoint(layers, concrete=True), NotImplementedError)

    assert got == (
        "checkpoint: `concrete` is not supported; functions are traced without values."
        "\n  at HERE\nName the arguments that Python looks at in `static_argnums` or "
        "`static_argnames`."
    )


def test_only_functions_can_be_checkpointed():
    got = error_of(lambda: dc.checkpoint(3), TypeError)

    assert got == "checkpoint: expected a function, got 3.\n  at HERE"


def test_arguments_and_results_that_are_no_arrays_are_named():
    f = dc.checkpoint(lambda x: {"y": "text"})

    assert error_of(lambda: f({"a": "w"}), TypeError) == (
        "checkpoint of <lambda>: expected arrays or Python numbers as leaves of the "
        "arguments, got\n  args[0]['a']: str 'w'\n  at HERE\n"
        "Pass such values as static arguments, or close over them."
    )
    assert error_of(lambda: f(1.0), TypeError) == (
        "checkpoint of <lambda>: expected the function to return arrays (in any tree "
        "of containers), got\n  result['y']: str 'text'\n  at HERE\n"
        "Return only arrays; use `has_aux=True` with arrays for side results."
    )


def test_names_are_strings_given_to_arrays():
    assert error_of(lambda: checkpoint_name(1.0, 2), TypeError) == (
        "checkpoint_name: expected a string as name, got int 2.\n  at HERE"
    )
    assert error_of(lambda: checkpoint_name({"a": "w"}, "n"), TypeError) == (
        "checkpoint_name of 'n': expected arrays, got\n  x['a']: str 'w'\n  at HERE"
    )


def test_a_name_is_saved_or_offloaded_but_not_both():
    got = error_of(
        lambda: offloading(saved=["a", "b"], offloaded=["b", "c"]), ValueError
    )

    assert got == (
        "save_and_offload_only_these_names: a name can be saved or offloaded, not "
        "both, but 'b' is in `names_which_can_be_saved` and in "
        "`names_which_can_be_offloaded`.\n  at HERE"
    )


def test_effects_happen_again_with_the_recomputation():
    seen = []

    def noted(x):
        dc.debug.callback(lambda v: seen.append(float(v)), x, ordered=True)
        return jnp.sin(x)

    gradient = dc.jit(dc.grad(dc.checkpoint(noted)))(1.0)
    dc.effects_barrier()

    assert seen == [1.0, 1.0]
    np.testing.assert_allclose(gradient, np.cos(1.0), rtol=1e-6)
