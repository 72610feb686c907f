"""Divisors and packed bits agree with NumPy."""

import numpy as np
import pytest

from dolmen.core import jit, numpy as jnp, vmap

X = np.array([[0, 12, -18], [7, -(2**31), 2**31 - 1]], np.int32)
Y = np.array([6, -8, 27], np.int32)
U = np.array([250, 0, 36], np.uint8)
BITS = np.array([[1, 0, 3, 0, 0, 1, 1, 0, 9], [0, 0, 0, 0, 0, 0, 0, -1, 0]], np.int32)

CALLS = {
    "gcd": lambda m: m.gcd(X, Y),
    "gcd of unsigned": lambda m: m.gcd(U, np.uint8(60)),
    "gcd of zeros": lambda m: m.gcd(X * 0, Y * 0),
    "gcd of nothing": lambda m: m.gcd(X[:0], Y),
    "lcm": lambda m: m.lcm(X[:1], Y),
    "lcm of unsigned": lambda m: m.lcm(U[1:], np.uint8(6)),
    "lcm of zeros": lambda m: m.lcm(X * 0, Y * 0),
    "packbits": lambda m: m.packbits(BITS),
    "packbits along an axis": lambda m: m.packbits(BITS > 0, axis=-1),
    "packbits of columns": lambda m: m.packbits(BITS, axis=0, bitorder="little"),
    "packbits of nothing": lambda m: m.packbits(BITS[:, :0], axis=1),
    "unpackbits": lambda m: m.unpackbits(U),
    "unpackbits along an axis": lambda m: m.unpackbits(U[None], axis=0),
    "unpackbits little": lambda m: m.unpackbits(U[None], axis=1, bitorder="little"),
    "unpackbits count": lambda m: m.unpackbits(U, count=11),
    "unpackbits more": lambda m: m.unpackbits(U[:, None], axis=1, count=10),
    "unpackbits less": lambda m: m.unpackbits(U, count=-5),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("run", [lambda f: f, jit], ids=["eager", "jit"])
def test_functions_agree_with_numpy(name, run):
    expected = CALLS[name](np)

    actual = np.asarray(run(lambda: CALLS[name](jnp))())

    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


def test_functions_are_vectorized():
    made = vmap(lambda x: jnp.gcd(x, Y))(X)
    packed = vmap(jnp.packbits)(BITS)

    np.testing.assert_array_equal(made, np.gcd(X, Y))
    np.testing.assert_array_equal(packed, np.packbits(BITS, axis=1))


ERRORS = {
    "gcd: `x2` must be integers, got f32[].": lambda: jnp.gcd(X, np.float32(2)),
    "packbits: `a` must be booleans or integers, got f32[2].": lambda: jnp.packbits(
        jnp.ones(2)
    ),
    "unpackbits: `a` must be uint8, got i32[3].": lambda: jnp.unpackbits(Y),
    "packbits: `bitorder` must be 'big' or 'little', got 'up'.": lambda: jnp.packbits(
        Y, bitorder="up"
    ),
}


@pytest.mark.parametrize("problem", ERRORS)
def test_wrong_arguments_are_told(problem):
    with pytest.raises((TypeError, ValueError)) as caught:
        ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem
