"""Names for parts of a program."""

import re
import threading

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax


def scopes(function, *args):
    """Names of operations with their scopes, as StableHLO has them."""
    text = dc.jit(function).lower(*args).as_text(debug_info=True)
    return set(re.findall(r'loc\("([^"]*/[^"]*)"\(#', text))


def layer(x):
    with dc.named_scope("layer"):
        y = jnp.sin(x)
        with dc.named_scope("inner"):
            return jnp.exp(y)


def test_names_nest_in_stablehlo():
    assert scopes(layer, 1.0) == {"layer/sin", "layer/inner/exp"}


def test_names_reach_the_compiled_code():
    text = dc.jit(layer).lower(np.ones(2, np.float32)).compile().as_text()

    assert 'op_name="layer/inner/exp"' in text


def test_names_end_with_their_block():
    def f(x):
        with dc.named_scope("first"):
            x = jnp.sin(x)
        return jnp.exp(x)

    assert scopes(f, 1.0) == {"first/sin"}


def test_names_end_when_an_error_leaves_the_block():
    def f(x):
        with pytest.raises(ValueError), dc.named_scope("failing"):
            raise ValueError
        return jnp.exp(x)

    assert scopes(f, 1.0) == set()


def test_a_decorator_names_every_call():
    @dc.named_scope("halved")
    def half(x, n):
        return x / 2.0 if n == 0 else half(x, n - 1)

    assert scopes(lambda x: half(x, 1), 1.0) == {"halved/halved/div"}


def test_named_call_takes_the_name_of_the_function():
    def block(x):
        return jnp.sin(x)

    assert scopes(dc.named_call(block), 1.0) == {"block/sin"}
    assert scopes(dc.named_call(block, name="b"), 1.0) == {"b/sin"}


@pytest.mark.parametrize(
    "transform",
    [
        dc.grad,
        dc.checkpoint,
        lambda f: dc.grad(dc.checkpoint(f)),
        lambda f: lambda x: dc.jvp(f, (x,), (x,))[1],
        lambda f: lambda x: dc.vmap(f)(jnp.stack([x, x])),
        lambda f: lambda x: lax.cond(x > 0, f, lambda x: x, x),
        lambda f: lambda x: lax.fori_loop(0, 3, lambda i, x: f(x), x),
        lambda f: dc.grad(lambda x: lax.scan(lambda c, _: (f(c), None), x, None, 3)[0]),
    ],
)
def test_operations_keep_their_names_under_transformations(transform):
    assert {"layer/sin", "layer/inner/exp"} <= scopes(transform(layer), 1.0)


def test_backward_operations_have_the_names_of_their_forward_ones():
    assert {"layer/cos", "layer/mul", "layer/inner/mul"} <= scopes(
        dc.grad(layer), np.float32(1)
    )


def test_a_jitted_function_does_not_keep_the_names_of_its_first_caller():
    @dc.jit
    def shared(x):
        with dc.named_scope("own"):
            return jnp.sin(x)

    def f(x):
        with dc.named_scope("first"):
            x = shared(x)
        with dc.named_scope("second"):
            return shared(x)

    assert {"own/sin"} == {name for name in scopes(f, 1.0) if name.endswith("sin")}


def test_names_are_of_one_thread():
    seen = []
    with dc.named_scope("here"):
        thread = threading.Thread(target=lambda: seen.append(scopes(jnp.sin, 1.0)))
        thread.start()
        thread.join()

    assert seen == [set()]


def test_printed_programs_show_names_on_request():
    program = dc.make_jaxpr(layer)(1.0)

    assert program.pretty_print(name_stack=True) == (
        "{ lambda a:~f32[] .\n"
        "  let b:~f32[] = sin a  # layer\n"
        "      c:~f32[] = exp b  # layer/inner\n"
        "  in (c,) }"
    )
    assert "#" not in program.pretty_print()


def test_something_else_than_a_name_is_refused():
    with pytest.raises(TypeError) as caught:
        dc.named_scope(3)

    assert str(caught.value).startswith("named_scope: name must be a string, got 3.\n")
