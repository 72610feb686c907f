"""Values that only carry order, and computations that nobody uses."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

from .test_shape import equations, problem


def test_tokens_pass_through_programs():
    token, x = dc.jit(lambda t, x: (lax.after_all(t, lax.create_token()), x))(
        lax.create_token(), 1.0
    )

    assert (token.shape, token.dtype, x) == ((0,), "bool", 1.0)
    assert lax.after_all().shape == (0,)


def test_only_tokens_are_waited_for():
    with pytest.raises(TypeError) as error:
        lax.after_all(lax.create_token(), np.zeros(0, np.float32))
    assert problem(error) == (
        "after_all: expected tokens, got f32[0].\nMake one with `lax.create_token()`."
    )


def unused(x):
    lax.dce_sink({"square": lax.mul(x, x)})
    return x


@pytest.mark.parametrize(
    "function",
    [
        unused,
        dc.jit(unused),
        dc.checkpoint(unused),
        lambda x: lax.scan(lambda c, _: (unused(c), None), x, None, length=2)[0],
        lambda x: lax.cond(x > 0, unused, unused, x),
        lambda x: dc.vmap(unused)(x[None])[0],
        lambda x: dc.jvp(unused, (x,), (x,))[1],
        dc.grad(unused),
    ],
)
def test_computations_that_nobody_uses_stay(function):
    program = dc.jit(function).trace(dc.numpy.float32(1)).jaxpr

    assert "dce_sink" in str(program)


def test_the_compiler_may_be_kept_from_removing_them():
    def text(prevent):
        def function(x):
            lax.dce_sink(lax.sin(x), prevent_mlir_dce=prevent)
            return x

        return dc.jit(function).lower(1.0).as_text()

    assert "dce_sink" in text(True)
    assert "dce_sink" not in text(False)


# ---- numbers out of hidden state -----------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "uint32", "int32"])
def test_hidden_state_gives_numbers_between_the_bounds(dtype):
    low, high = np.asarray(2, dtype), np.asarray(9, dtype)

    drawn = np.asarray(lax.rng_uniform(low, high, (200,)))
    lanes = np.asarray(
        dc.vmap(lambda a: lax.rng_uniform(a, high, (200,)))(np.asarray([0, 7], dtype))
    )

    assert drawn.dtype == dtype
    assert 2 <= drawn.min() < 4 < 7 < drawn.max() <= 9
    assert lanes.shape == (2, 200)
    assert 0 <= lanes[0].min() < 2 < 7 < lanes[0].max() <= 9
    assert 7 <= lanes[1].min() < lanes[1].max() <= 9


@pytest.mark.parametrize(
    ("args", "kind", "message"),
    [
        (
            (0, 5.0, (2,)),
            ValueError,
            "rng_uniform: bounds must be scalars of equal dtypes, got ~i32[] and "
            "~f32[].",
        ),
        (
            (np.zeros(2, np.int32), 5, ()),
            ValueError,
            "rng_uniform: bounds must be scalars of equal dtypes, got i32[2] and "
            "~i32[].",
        ),
        (
            (np.int8(0), np.int8(5), ()),
            TypeError,
            "rng_uniform: bounds must be floating point of 16 to 64 bits or integers "
            "of 32 or 64 bits, got i8[].",
        ),
    ],
)
def test_bounds_that_do_not_fit_are_refused(args, kind, message):
    with pytest.raises(kind) as error:
        lax.rng_uniform(*args)
    assert problem(error) == message


def test_numbers_out_of_hidden_state_have_no_derivative():
    with pytest.raises(TypeError) as error:
        dc.grad(lambda a: lax.rng_uniform(a, a + 1, ()))(1.0)
    assert problem(error) == (
        "rng_uniform: numbers out of hidden state have no derivative.\n"
        "Draw with `dolmen.core.random.uniform`, and scale the result."
    )


def test_a_token_of_others_is_not_one_of_them():
    names = equations(lax.after_all, lax.create_token(), lax.create_token())

    assert names == ["optimization_barrier"]
