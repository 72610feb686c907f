"""`jit`: caching, static and donated arguments, stages."""

import functools
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp


def without_line(caught):
    """The message of an error, with `HERE` for the line that caused it."""
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


@pytest.fixture
def traces():
    """A list that a function under test appends to whenever it is traced."""
    return []


def test_a_second_call_does_not_trace(traces):
    f = dc.jit(lambda x: traces.append(1) or x + 1.0)

    for _ in range(3):
        f(np.ones(3, np.float32))

    assert len(traces) == 1


def test_another_shape_or_dtype_traces_again(traces):
    f = dc.jit(lambda x: traces.append(1) or x + x)

    f(np.ones(3, np.float32)), f(np.ones(4, np.float32)), f(np.ones(3, np.int32))

    assert len(traces) == 3


def test_jitting_the_same_function_again_reuses_its_trace(traces):
    def f(x):
        traces.append(1)
        return x * 2.0

    for _ in range(3):
        dc.jit(f)(1.0)

    assert len(traces) == 1


def test_static_arguments_by_number_and_name(traces):
    def f(x, n, *, scale):
        traces.append((n, scale))
        return x * n * scale

    g = dc.jit(f, static_argnums=1, static_argnames="scale")

    assert float(g(2.0, 3, scale=5)) == 30.0
    assert float(g(2.0, n=3, scale=5)) == 30.0
    assert float(g(2.0, 4, scale=5)) == 40.0
    assert (3, 5) in traces
    assert (4, 5) in traces


def test_static_one_and_true_are_different(traces):
    f = dc.jit(lambda x, flag: traces.append(flag) or x, static_argnums=1)

    f(1.0, 1), f(1.0, True)

    assert [type(flag) for flag in traces] == [int, bool]


def test_decorator_factory_form():
    @dc.jit(static_argnames="n")
    def power(x, n):
        """Docstring stays."""
        return x**n

    assert float(power(3.0, n=2)) == 9.0
    assert power.__name__ == "power"
    assert power.__doc__ == "Docstring stays."


def test_methods_and_partials():
    class Model:
        scale = 3.0

        @functools.partial(dc.jit, static_argnums=0)
        def __call__(self, x):
            return x * self.scale

    assert float(Model()(2.0)) == 6.0
    assert float(dc.jit(functools.partial(jnp.add, 1.0))(2.0)) == 3.0


def test_donated_buffers_are_reused():
    x = jnp.arange(4.0)
    pointer = x.unsafe_buffer_pointer()

    y = dc.jit(lambda x: x + 1.0, donate_argnums=0)(x)

    assert x.is_deleted()
    assert y.unsafe_buffer_pointer() == pointer


def test_donation_by_name_spares_the_others():
    x, y = jnp.ones(4), jnp.ones(4)

    dc.jit(lambda x, y: x + y, donate_argnames="y")(x, y=y)

    assert y.is_deleted()
    assert not x.is_deleted()


def test_captured_arrays_are_constants_of_the_call():
    table = jnp.arange(3.0)
    f = dc.jit(lambda i: table * i)

    np.testing.assert_array_equal(f(2.0), [0.0, 2.0, 4.0])
    np.testing.assert_array_equal(f(3.0), [0.0, 3.0, 6.0])


def test_unused_and_keyword_arguments():
    f = dc.jit(lambda a, *, b, c: b)

    assert float(f(1.0, b=2.0, c=jnp.ones(3))) == 2.0
    assert float(f(1.0, c=jnp.ones(3), b=5.0)) == 5.0


def test_an_error_while_tracing_does_not_poison_later_calls():
    fail = [True]

    @dc.jit
    def f(x):
        if fail[0]:
            raise RuntimeError("once")
        return x + 1.0

    with pytest.raises(RuntimeError, match="once"):
        f(1.0)
    fail[0] = False

    assert float(f(1.0)) == 2.0


def test_weak_types_of_python_scalars_survive():
    f = dc.jit(lambda x, y: x * y)

    assert f(np.ones(2, np.float16), 2.0).dtype == np.float16
    assert f(1.0, 2.0).weak_type


def test_numpy_arguments_are_copied_before_the_call_returns():
    x = np.zeros(1000, np.float32)
    y = dc.device_put(x)
    x[:] = 1.0

    np.testing.assert_array_equal(y, np.zeros(1000))


def test_stages():
    traced = dc.jit(lambda x: jnp.sin(x) @ x).trace(np.ones(3, np.float32))
    lowered = traced.lower()
    compiled = lowered.compile()

    assert [e.primitive.name for e in traced.jaxpr.eqns] == ["sin", "dot_general"]
    assert "stablehlo.sine" in lowered.as_text()
    assert traced.out_info.shape == ()
    np.testing.assert_allclose(
        compiled(np.ones(3, np.float32)), 3 * np.sin(1), rtol=1e-6
    )
    assert compiled.cost_analysis()["flops"] > 0
    assert compiled.memory_analysis().argument_size_in_bytes == 12


def test_a_compiled_function_refuses_other_types():
    compiled = dc.jit(lambda x: x).lower(np.ones(3, np.float32)).compile()

    with pytest.raises(TypeError) as caught:
        compiled(np.ones(4, np.float32))
    assert without_line(caught) == (
        "<lambda>: called with types it was not compiled for\n"
        "  `x`: expected f32[3], got f32[4]\n"
        "  at HERE\n"
        "Convert the arguments, or compile for these types too."
    )


def test_eval_shape_allocates_nothing():
    big = dc.ShapeDtypeStruct((10**6, 10**6), "float32")

    out = dc.eval_shape(lambda x: (x @ x).sum(0), big)

    assert out.shape == (10**6,)
    assert out.dtype == np.float32


def test_disable_jit_runs_python():
    seen = []

    with dc.disable_jit():
        dc.jit(lambda x: seen.append(float(x)) or x)(jnp.ones(()))

    assert seen == [1.0]


def test_make_jaxpr_prints_the_program():
    got = repr(dc.make_jaxpr(lambda x: jnp.sin(x) * 2.0)(np.ones(3, np.float32)))

    assert got == (
        "{ lambda a:f32[3] .\n"
        "  let b:f32[3] = sin a\n"
        "      c:f32[3] = mul b 2.0:f32[]\n"
        "  in (c,) }"
    )


def test_clear_cache_traces_again(traces):
    f = dc.jit(lambda x: traces.append(1) or x)

    f(1.0)
    f.clear_cache()
    f(1.0)

    assert len(traces) == 2


def test_nested_jit_is_a_call_and_is_lowered_once():
    inner = dc.jit(lambda x: jnp.sin(x) + 1.0)

    text = dc.jit(lambda x: inner(inner(x))).lower(1.0).as_text()

    assert text.count("func.func private") == 1
    assert text.count("func.call") + text.count(" call @") == 2


def test_inline_leaves_no_call():
    inner = dc.jit(lambda x: jnp.sin(x) + 1.0, inline=True)

    text = dc.jit(lambda x: inner(inner(x))).lower(1.0).as_text()

    assert "call" not in text


def test_results_that_are_arguments_or_constants():
    x = np.ones(2, np.float32)

    a, b, c = dc.jit(lambda x: (x, 3, {"k": x}))(x)

    np.testing.assert_array_equal(a, x)
    assert int(b) == 3
    np.testing.assert_array_equal(c["k"], x)
