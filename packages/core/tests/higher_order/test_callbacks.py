"""Python called from programs for its results, and the order of side effects."""

import concurrent.futures
import gc
import itertools
import re
import subprocess
import sys
import weakref

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax, random
from dolmen.core._lowering import lower
from dolmen.core.experimental import io_callback

SCALAR = dc.ShapeDtypeStruct((), np.float32)


def numpy_sin(x):
    return np.sin(x)


def sin(x, vmap_method=None):
    result = dc.ShapeDtypeStruct(x.shape, x.dtype)
    return dc.pure_callback(numpy_sin, result, x, vmap_method=vmap_method)


# ---- pure_callback -------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit])
def test_results_of_a_pure_callback_are_arrays_in_the_declared_tree(wrap):
    declared = {"sum": SCALAR, "parts": (dc.ShapeDtypeStruct((2,), np.int32),)}

    def f(x, *, scale):
        return {"sum": x.sum() * scale["by"], "parts": (x.astype(np.int32),)}

    got = wrap(lambda x: dc.pure_callback(f, declared, x, scale={"by": 2.0}))(
        np.array([1.0, 2.0], np.float32)
    )

    assert isinstance(got["sum"], dc.Array)
    assert float(got["sum"]) == 6.0
    np.testing.assert_array_equal(got["parts"][0], np.array([1, 2], np.int32))


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit])
def test_callbacks_get_numpy_arrays_of_the_dtypes_of_programs(wrap):
    seen = []

    def f(*args):
        seen.extend(args)
        return args[0]

    wrap(lambda *args: dc.pure_callback(f, SCALAR, *args))(
        1.0, 2, True, jnp.ones(2, "bfloat16")
    )

    assert [type(x) for x in seen] == [np.ndarray] * 4
    assert [x.dtype.name for x in seen] == ["float32", "int32", "bool", "bfloat16"]


def test_eagerly_a_callback_is_a_plain_call():
    with dc.no_execution():
        got = dc.pure_callback(numpy_sin, SCALAR, 0.0)

    assert float(got) == 0.0


def test_results_of_64_bits_are_narrowed_as_arrays_are():
    got = dc.jit(lambda: dc.pure_callback(lambda: np.float64(0.5), SCALAR))()

    assert got.dtype == np.float32
    assert float(got) == 0.5


def test_random_keys_pass_through_callbacks():
    key = random.key(3)

    got = dc.jit(lambda k: dc.pure_callback(lambda k: k, key, k))(key)

    assert got.dtype == key.dtype
    np.testing.assert_array_equal(random.key_data(got), random.key_data(key))


def test_a_pure_callback_that_nothing_needs_is_not_called():
    seen = []
    dc.jit(lambda x: (dc.pure_callback(seen.append, None, x), x)[1])(1.0)

    assert seen == []


@pytest.mark.parametrize(
    ("method", "shapes"),
    [
        ("sequential", [((2,), ())] * 3),
        ("sequential_unrolled", [((2,), ())] * 3),
        ("expand_dims", [((3, 2), (1,))]),
        ("broadcast_all", [((3, 2), (3,))]),
        ("legacy_vectorized", [((3, 2), ())]),
    ],
)
def test_vmap_method_says_with_which_shapes_the_function_is_called(method, shapes):
    seen = []

    def f(x, y):
        seen.append((x.shape, y.shape))
        return np.float32(2.0) * x

    def one(x, y):
        result = dc.ShapeDtypeStruct(x.shape, x.dtype)
        return dc.pure_callback(f, result, x, y, vmap_method=method)

    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    got = dc.jit(dc.vmap(one, in_axes=(1, None)))(x, 5.0)

    assert seen == shapes
    np.testing.assert_array_equal(got, 2.0 * x.T)


def test_only_the_unrolled_method_makes_no_loop():
    def loops(method):
        batched = dc.jit(dc.vmap(lambda x: sin(x, method)))
        return batched.lower(jnp.ones(3)).as_text().count("stablehlo.while")

    assert loops("sequential") == 1
    assert loops("sequential_unrolled") == 0


def test_nested_vmap_of_a_callback_maps_both_axes():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)

    for method in ("sequential", "expand_dims"):
        got = dc.vmap(dc.vmap(lambda v, m=method: sin(v, m)))(x)
        np.testing.assert_allclose(got, np.sin(x), rtol=1e-6)


def test_a_custom_rule_makes_a_callback_differentiable():
    f = dc.custom_jvp(lambda x: sin(x, "expand_dims"))
    f.defjvps(lambda dx, out, x: dx * jnp.cos(x))
    x = np.array([0.0, 1.0], np.float32)

    got = dc.jit(dc.vmap(dc.grad(lambda x: f(x) ** 2)))(x)

    np.testing.assert_allclose(got, 2 * np.sin(x) * np.cos(x), rtol=1e-6)


def test_callbacks_run_in_scan_cond_and_checkpoint():
    def step(x, _):
        x = lax.cond(x > 0, lambda x: sin(x), lambda x: x, x)
        return x, dc.checkpoint(lambda x: sin(x))(x)

    last, ys = dc.jit(lambda x: lax.scan(step, x, None, length=3))(1.0)

    expected = [np.sin(1.0), np.sin(np.sin(1.0)), np.sin(np.sin(np.sin(1.0)))]
    np.testing.assert_allclose(last, expected[-1], rtol=1e-5)
    np.testing.assert_allclose(ys, np.sin(expected), rtol=1e-5)


# ---- io_callback ---------------------------------------------------------------------


def test_an_io_callback_runs_though_nothing_needs_its_result():
    seen = []
    dc.jit(lambda x: (io_callback(lambda v: seen.append(float(v)), None, x), x)[1])(2.0)
    dc.effects_barrier()

    assert seen == [2.0]


def test_an_io_callback_draws_anew_at_every_call_of_a_compiled_function():
    counter = itertools.count()
    number = dc.ShapeDtypeStruct((), np.int32)
    f = dc.jit(lambda: io_callback(lambda: np.int32(next(counter)), number))

    assert [int(f()) for _ in range(3)] == [0, 1, 2]


def test_vmap_of_an_unordered_io_callback_calls_it_for_each_element():
    seen = []

    def f(x):
        seen.append(float(x))
        return x + 1

    got = dc.vmap(lambda x: io_callback(f, SCALAR, x))(jnp.arange(3.0))

    assert sorted(seen) == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(got, [1.0, 2.0, 3.0])


# ---- order ---------------------------------------------------------------------------


def test_ordered_effects_keep_their_order_through_every_kind_of_control_flow():
    seen = []

    def note(tag, value):
        dc.debug.callback(lambda v: seen.append((tag, int(v))), value, ordered=True)

    @dc.jit
    def called(x):
        note("called", x)
        return x + 1

    def even(x):
        note("even", x)
        return x

    def step(i, x):
        io_callback(lambda v: seen.append(("io", int(v))), None, i, ordered=True)
        x = called(x)
        x = lax.cond(i % 2 == 0, even, lambda x: x, x)
        return called(x)

    def until(limit):
        def keep(x):
            note("condition", x)
            return x < limit

        def body(x):
            note("body", x)
            return x + 1

        return lax.while_loop(keep, body, limit - 1)

    def f(x):
        note("start", x)
        x = lax.fori_loop(0, 200, step, x)
        x = until(x)
        note("end", x)
        return x

    dc.jit(f)(0)
    dc.effects_barrier()

    expected = [("start", 0)]
    for i in range(200):
        expected += [("io", i), ("called", 2 * i)]
        expected += [("even", 2 * i + 1)] * (i % 2 == 0)
        expected += [("called", 2 * i + 1)]
    expected += [("condition", 399), ("body", 399), ("condition", 400), ("end", 400)]
    assert seen == expected


def test_ordered_calls_are_tied_to_each_other_by_tokens():
    def noted(x):
        io_callback(lambda: None, None, ordered=True)
        return x

    def f(x):
        x = lax.while_loop(lambda x: x < 2, noted, noted(x))
        x = lax.cond(x > 0, noted, lambda x: -x, x)
        return noted(dc.jit(noted)(x))

    text = dc.jit(f).lower(1.0).as_text()

    # The rows that have to do with tokens, without attributes and types.
    rows = [
        re.sub(r" \{api.*?\} :.*| : .*", "", row).strip()
        for row in text.replace("@xla_ffi_python_cpu_callback", "@python").splitlines()
        if "token" in row
    ]
    assert rows == [
        "%0 = stablehlo.create_token",
        "%1 = stablehlo.custom_call @python(%0)",
        "%2:2 = stablehlo.while(%iterArg = %arg0, %iterArg_0 = %1)",
        "%8 = stablehlo.custom_call @python(%iterArg_0)",
        "stablehlo.return %iterArg, %8",
        "stablehlo.return %8, %2#1",  # %8 is the value; the token passes by
        "%8 = stablehlo.custom_call @python(%2#1)",
        "stablehlo.return %2#0, %8",
        "})",
        "%6:2 = call @noted(%5#0, %5#1)",
        "%7 = stablehlo.custom_call @python(%6#1)",
        "func.func private @noted(%arg0: tensor<f32>, %arg1: !stablehlo.token) -> "
        "(tensor<f32>, !stablehlo.token) {",
        "%0 = stablehlo.custom_call @python(%arg1)",
        "return %arg0, %0",
    ]


def test_ordered_effects_of_a_recomputation_and_of_jvp_keep_their_order():
    seen = []

    def f(x):
        for tag in "ab":
            dc.debug.callback(lambda tag=tag: seen.append(tag), ordered=True)
        return jnp.sin(x)

    dc.jit(dc.grad(dc.checkpoint(f)))(1.0)
    dc.jit(lambda x: dc.jvp(f, (x,), (x,)))(1.0)
    dc.effects_barrier()

    assert "".join(seen) == "ababab"


def test_vmap_of_an_ordered_debug_callback_goes_through_the_batch_in_order():
    seen = []

    def f(x):
        dc.debug.callback(lambda v: seen.append(int(v)), x, ordered=True)
        dc.debug.callback(lambda v: seen.append(-int(v)), x, ordered=True)

    dc.jit(dc.vmap(f))(jnp.array([1, 2, 3]))
    dc.effects_barrier()

    assert seen == [1, 2, 3, -1, -2, -3]


# ---- errors --------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit, dc.vmap])
def test_an_error_in_a_callback_is_raised_as_it_is(wrap):
    def broken(x):
        raise LookupError("no such row")

    def f(x):
        dc.debug.callback(broken, x)
        return x * 2

    with pytest.raises(LookupError, match="no such row") as caught:
        wrap(f)(jnp.ones(2))

    assert "broken" in [entry.name for entry in caught.traceback]


def test_threads_get_the_errors_of_their_own_calls():
    def positive(x):
        if x < 0:
            raise ValueError(f"{x} is negative")
        return x

    f = dc.jit(lambda x: dc.pure_callback(positive, SCALAR, x))
    f(1.0)

    def run(x):
        try:
            return float(f(x))
        except ValueError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        got = list(pool.map(run, [-1.0, 2.0, -3.0] * 30))

    assert got == ["-1.0 is negative", 2.0, "-3.0 is negative"] * 30


def test_results_stay_on_the_device_of_the_arguments():
    device = dc.devices()[0]
    x = dc.device_put(jnp.ones(()), device)

    for wrap in (lambda f: f, dc.jit):
        got = wrap(lambda x: dc.pure_callback(numpy_sin, SCALAR, x))(x)
        assert got.committed
        assert got.device == device


def test_a_program_works_again_after_a_callback_failed():
    def positive(x):
        if x < 0:
            raise ValueError("negative")
        return x

    f = dc.jit(lambda x: dc.pure_callback(positive, SCALAR, x) + 1)

    with pytest.raises(ValueError, match="negative"):
        f(-1.0)
    assert float(f(1.0)) == 2.0


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    # The user's line moves with this file; everything else is pinned.
    assert f"{__file__}:" in str(caught.value)
    return re.sub(r"\n  at .*?:\d+ in .*", "\n  at HERE", str(caught.value))


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit])
def test_results_that_were_not_declared_are_listed(wrap):
    declared = {"a": SCALAR, "b": dc.ShapeDtypeStruct((2,), np.int32)}

    def f():
        return {"a": np.zeros(3, np.float32), "b": np.zeros(2, np.float32)}

    got = error_of(wrap(lambda: dc.pure_callback(f, declared)), TypeError)

    assert got == (
        "pure_callback of f: results must have the shapes and dtypes that "
        "`result_shape_dtypes` declares, but\n"
        "  result['a']: expected f32[], got f32[3]\n"
        "  result['b']: expected i32[2], got f32[2]\n"
        "  at HERE\nConvert the results, or correct the declaration."
    )


def test_results_in_another_tree_are_an_error():
    got = error_of(lambda: io_callback(lambda: (1.0, 2.0), [SCALAR, SCALAR]), TypeError)

    assert got == (
        "io_callback of <lambda>: expected results in the tree of "
        "`result_shape_dtypes`, PyTreeDef([*, *]), got PyTreeDef((*, *)).\n  at HERE"
    )


def test_a_declaration_without_dtype_is_an_error_that_names_it():
    got = error_of(
        lambda: dc.pure_callback(numpy_sin, {"y": (SCALAR, 3)}, 1.0), TypeError
    )

    assert got == (
        "pure_callback of numpy_sin: expected result_shape_dtypes['y'][1] to have a "
        "shape and a dtype, got int 3.\n  at HERE\n"
        "Describe every result with a `ShapeDtypeStruct(shape, dtype)`."
    )


def test_a_declaration_of_64_bits_is_an_error_unless_they_are_enabled():
    got = error_of(
        lambda: dc.pure_callback(numpy_sin, np.zeros(2, np.float64), 1.0), ValueError
    )

    assert got == (
        "pure_callback of numpy_sin: result_shape_dtypes has the 64-bit dtype float64, "
        "but 64-bit types are not enabled.\n  at HERE\n"
        "Use float32, or enable them with `config.update('enable_x64', True)`."
    )


def test_an_unknown_vmap_method_is_an_error():
    got = error_of(
        lambda: dc.pure_callback(numpy_sin, SCALAR, 1.0, vmap_method="loop"), ValueError
    )

    assert got == (
        "pure_callback: vmap_method must be None or one of 'sequential', "
        "'sequential_unrolled', 'expand_dims', 'broadcast_all', 'legacy_vectorized', "
        "got 'loop'.\n  at HERE"
    )


def test_vmap_without_vmap_method_is_an_error():
    got = error_of(lambda: dc.vmap(sin)(jnp.ones(3)), NotImplementedError)

    assert got == (
        "vmap of pure_callback of numpy_sin: `vmap_method` says how to call it for a "
        "batch, and none was given.\n  at HERE\n"
        "Pass vmap_method='sequential' to call it for each element, or 'expand_dims' "
        "or 'broadcast_all' if it takes arrays with a leading batch axis."
    )


def test_vmap_of_an_ordered_io_callback_is_an_error():
    got = error_of(
        lambda: dc.vmap(lambda x: io_callback(numpy_sin, SCALAR, x, ordered=True))(
            jnp.ones(3)
        ),
        ValueError,
    )

    assert got == (
        "vmap of io_callback of numpy_sin: the elements of a batch have no order in "
        "which an ordered callback could see them.\n  at HERE\n"
        "Loop with `lax.map` or `lax.scan`, or pass ordered=False."
    )


@pytest.mark.parametrize("transform", [dc.grad, dc.linearize, dc.jacfwd])
@pytest.mark.parametrize("kind", [dc.pure_callback, io_callback])
def test_differentiation_of_a_callback_is_an_error(kind, transform):
    def call():
        made = transform(lambda x: kind(numpy_sin, SCALAR, x), *INPUTS[transform])
        return made(1.0)

    got = error_of(call, ValueError)

    assert got == (
        f"differentiation of {kind.__name__} of numpy_sin: the derivative of a Python "
        "function is not known.\n  at HERE\n"
        "Wrap the call in a function with `custom_jvp` or `custom_vjp` that states it, "
        "or stop the gradient with `lax.stop_gradient` on its arguments."
    )


INPUTS = {dc.grad: (), dc.linearize: (1.0,), dc.jacfwd: ()}


def test_platforms_that_can_not_call_python_are_named():
    program = dc.make_jaxpr(lambda x: dc.pure_callback(numpy_sin, SCALAR, x))(1.0).jaxpr

    with pytest.raises(NotImplementedError) as caught:
        lower(program, platform="tpu")

    assert str(caught.value) == (
        "compiled programs can't call Python functions on tpu. Run the function that "
        "holds the callback on CPU or GPU."
    )


def test_only_functions_can_be_called():
    got = error_of(lambda: io_callback(3, None), TypeError)

    assert got == "io_callback: expected a function, got 3.\n  at HERE"


def test_arguments_that_are_no_arrays_are_named():
    got = error_of(
        lambda: dc.pure_callback(numpy_sin, SCALAR, 1.0, rows={"n": "two"}), TypeError
    )

    assert got == (
        "pure_callback of numpy_sin: expected arrays or Python numbers as leaves of "
        "the arguments, got\n  kwargs['rows']['n']: str 'two'\n  at HERE\n"
        "Pass such values as static arguments, or close over them."
    )


# ---- life and threads ----------------------------------------------------------------


def test_callbacks_live_as_long_as_the_compiled_function_and_no_longer():
    class Function:
        def __call__(self, x):
            return x + 1

    def compiled():
        function = Function()
        call = dc.jit(lambda x: dc.pure_callback(function, SCALAR, x))
        return call.lower(1.0).compile(), weakref.ref(function)

    executable, function = compiled()
    gc.collect()
    assert float(executable(1.0)) == 2.0

    del executable
    gc.collect()
    jnp.ones(3) + 1  # the runtime drops what nobody needs when it is next called
    assert function() is None


def test_a_callback_may_compute_with_compiled_functions():
    # On one processor, where the runtime has one thread to compute with. The inputs of
    # `outer` are not ready when it is called.
    program = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
import dolmen.core as dc, dolmen.core.numpy as jnp
from dolmen.core import lax

@dc.jit
def slow(x):
    return lax.fori_loop(0, 20, lambda i, y: jnp.tanh(y @ x), x)

seen = []

@dc.jit
def inner(x):
    dc.debug.callback(lambda v: seen.append(float(np.asarray(slow(v))[0, 0])), x)
    return x @ x

def call(v):
    return np.asarray(inner(slow(v)))

@dc.jit
def outer(x):
    y = dc.ShapeDtypeStruct(x.shape, x.dtype)
    return [dc.pure_callback(call, y, x * i) for i in range(3)]

x = jnp.ones((400, 400))
dc.block_until_ready([outer(slow(x + i)) for i in range(2)])
dc.effects_barrier()
print(len(seen))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout == "6\n"
