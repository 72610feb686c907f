"""Random programs under random stacks of transformations agree with dual numbers.

A program is a chain of blocks, functions of a vector of three numbers, each written
twice: for Dolmen, and with Python loops over numbers. A transformation makes another
such function of one, and is written twice too. So any chain of blocks under any stack
of transformations has an exact reference.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings, strategies as st

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core._higher_order import jaxpr_as_fun
from dolmen.core.custom_batching import custom_vmap

from .dual_numbers import derivative, exp, gradient, sin, tanh

SIZE = 3
MATRIX = [[0.6, -0.3, 0.1], [0.2, 0.5, -0.4], [-0.1, 0.3, 0.7]]
# Everything in float64 and of size about 1, through at most a few hundred operations.
TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}


@dataclasses.dataclass(frozen=True)
class Block:
    """A function of a vector, for Dolmen and for lists of numbers.

    Attributes:
        reversible: whether reverse mode goes through it.
    """

    function: Callable[[Any], Any]
    reference: Callable[[list[Any]], list[Any]]
    reversible: bool = True


# ---- blocks --------------------------------------------------------------------------


def scanned(x):
    def step(carry, row):
        carry = jnp.tanh(carry + 0.5 * row)
        return carry, carry * row + x[0]

    carry, ys = lax.scan(step, 0.1, x, unroll=2)
    return ys + carry


def scanned_reference(x):
    carry, ys = 0.1, []
    for row in x:
        carry = tanh(carry + 0.5 * row)
        ys.append(carry * row + x[0])
    return [y + carry for y in ys]


def scanned_backwards(x):
    # The second carry starts from a constant and is never differentiated.
    def step(carry, row):
        value, count = carry
        value = value * 0.5 + row * (1.0 + 0.1 * count)
        return (value, count + 1), value

    return lax.scan(step, (x[1], 0), x, reverse=True)[1]


def scanned_backwards_reference(x):
    value, ys = x[1], []
    for count, row in enumerate(reversed(x)):
        value = value * 0.5 + row * (1.0 + 0.1 * count)
        ys.append(value)
    return ys[::-1]


def fori(x):
    return lax.fori_loop(0, 2, lambda i, c: 0.5 * c + jnp.sin(c[i]) * x, x)


def fori_reference(x):
    c = x
    for i in range(2):
        c = [0.5 * a + sin(c[i]) * b for a, b in zip(c, x, strict=True)]
    return c


def halved(x):
    return lax.while_loop(lambda c: jnp.max(c) > 0.3, lambda c: 0.5 * c + 0.01 * x, x)


def halved_reference(x):
    c = x
    while max(map(float, c)) > 0.3:
        c = [0.5 * a + 0.01 * b for a, b in zip(c, x, strict=True)]
    return c


def branched(x):
    return lax.cond(x[0] > x[1], jnp.sin, lambda y: y * x[2], x)


def branched_reference(x):
    if float(x[0]) > float(x[1]):
        return [sin(a) for a in x]
    return [a * x[2] for a in x]


def switched(x):
    cases = [lambda y: y * y, lambda y: y, lambda y: jnp.exp(-y * y)]
    return lax.switch(jnp.argmax(x), cases, x)


def switched_reference(x):
    case = int(np.argmax([float(a) for a in x]))
    cases = [lambda a: a * a, lambda a: a, lambda a: exp(-1.0 * a * a)]
    return [cases[case](a) for a in x]


@dc.custom_jvp
def with_rule(x):
    return x * jnp.sin(x)


with_rule.defjvps(lambda t, _, x: t * (jnp.sin(x) + x * jnp.cos(x)))


@custom_vmap
def with_batch_rule(x):
    return x * x.sum()


with_batch_rule.def_vmap(lambda n, b, x: (x * x.sum(-1, keepdims=True), b[0]))


def times_sum(x):
    total = x[0] + x[1] + x[2]
    return [a * total for a in x]


BLOCKS = {
    "elementwise": Block(
        lambda x: x * jnp.exp(-x * x), lambda x: [a * exp(-1.0 * a * a) for a in x]
    ),
    "reduction": Block(
        lambda x: x / (1.0 + jnp.sum(x * x)),
        lambda x: [a / (1.0 + (x[0] * x[0] + x[1] * x[1] + x[2] * x[2])) for a in x],
    ),
    "product": Block(
        lambda x: jnp.asarray(MATRIX) @ x,
        lambda x: [sum(a * b for a, b in zip(row, x, strict=True)) for row in MATRIX],
    ),
    "index": Block(
        lambda x: x[jnp.array([2, 0, 1])] * x[0],
        lambda x: [x[2] * x[0], x[0] * x[0], x[1] * x[0]],
    ),
    "update": Block(
        lambda x: x.at[1].add(jnp.sin(x[2])), lambda x: [x[0], x[1] + sin(x[2]), x[2]]
    ),
    "cumsum": Block(jnp.cumsum, lambda x: [x[0], x[0] + x[1], x[0] + x[1] + x[2]]),
    "call": Block(dc.jit(jnp.sin), lambda x: [sin(a) for a in x]),
    "scan": Block(scanned, scanned_reference),
    "reversed scan": Block(scanned_backwards, scanned_backwards_reference),
    "fori": Block(fori, fori_reference),
    "while": Block(halved, halved_reference, reversible=False),
    "cond": Block(branched, branched_reference),
    "switch": Block(switched, switched_reference),
    "custom_jvp": Block(with_rule, lambda x: [a * sin(a) for a in x]),
    "custom_vmap": Block(with_batch_rule, times_sum),
}


def composed(names):
    """The blocks one after the other."""
    chosen = [BLOCKS[name] for name in names]

    def function(x):
        for block in chosen:
            x = block.function(x)
        return x

    def reference(x):
        for block in chosen:
            x = block.reference(x)
        return x

    return Block(function, reference)


# ---- transformations -----------------------------------------------------------------

V = [0.7, -0.4, 0.2]
W = [1.0, -0.5, 0.3]
# The batch of a vector x is x itself and -x / 2.
FACTORS = np.array([[1.0], [-0.5]])


def also(x):
    return [-0.5 * a for a in x]


def add(x, y):
    return [a + b for a, b in zip(x, y, strict=True)]


def vmapped(f):
    return lambda x: dc.vmap(f, in_axes=1, out_axes=-1)((FACTORS * x).T).sum(1)


def vmapped_with_psum(f):
    def lane(x):
        y = f(x)
        return y + 0.5 * lax.psum(y, "lanes") * lax.axis_index("lanes")

    return lambda x: dc.vmap(lane, axis_name="lanes")(FACTORS * x).sum(0)


def with_psum_reference(f):
    def reference(x):
        total = add(f(x), f(also(x)))
        return [1.5 * a for a in total]

    return reference


def pushed(f):
    def function(x):
        value, tangent = dc.jvp(f, (x,), (jnp.asarray(V),))
        return value + tangent

    return function


def linearized(f):
    def function(x):
        value, push = dc.linearize(f, x)
        return value + push(jnp.asarray(V))

    return function


def pushed_reference(f):
    return lambda x: add(f(x), derivative(f, x, V))


def pulled(f):
    def function(x):
        value, pull = dc.vjp(f, x)
        return value + pull(jnp.asarray(W))[0]

    return function


def pulled_reference(f):
    return lambda x: add(f(x), gradient(f, x, W))


def replayed(f):
    def function(x):
        program = dc.make_jaxpr(f)(x)
        return jaxpr_as_fun(program)(x)[0]

    return function


def same(f):
    return f


@dataclasses.dataclass(frozen=True)
class Transformation:
    """A transformation of functions, for both kinds of function.

    Attributes:
        order: how many derivatives it takes.
        reverse: whether in reverse mode.
    """

    apply: Callable[[Any], Any]
    reference: Callable[[Any], Any]
    order: int = 0
    reverse: bool = False


TRANSFORMATIONS = {
    "jit": Transformation(dc.jit, same),
    "checkpoint": Transformation(dc.checkpoint, same),
    "replay": Transformation(replayed, same),
    "scan": Transformation(
        lambda f: lambda x: lax.scan(lambda c, _: (f(c), 0), x, None, length=1)[0], same
    ),
    "cond": Transformation(
        lambda f: lambda x: lax.cond(x[0] > -9, f, lambda x: -x, x), same
    ),
    "vmap": Transformation(vmapped, lambda f: lambda x: add(f(x), f(also(x)))),
    "psum": Transformation(vmapped_with_psum, with_psum_reference),
    "jvp": Transformation(pushed, pushed_reference, 1),
    "linearize": Transformation(linearized, pushed_reference, 1, reverse=True),
    "vjp": Transformation(pulled, pulled_reference, 1, reverse=True),
    "grad": Transformation(
        lambda f: dc.grad(lambda x: (f(x) * jnp.asarray(W)).sum()),
        lambda f: lambda x: gradient(f, x, W),
        1,
        reverse=True,
    ),
    "jacfwd": Transformation(
        lambda f: lambda x: dc.jacfwd(f)(x) @ jnp.asarray(V),
        lambda f: lambda x: derivative(f, x, V),
        1,
    ),
}


def assert_agrees(blocks, stack, seed):
    program = composed(blocks)
    function, reference = program.function, program.reference
    for name in stack:
        function = TRANSFORMATIONS[name].apply(function)
        reference = TRANSFORMATIONS[name].reference(reference)
    x = np.random.default_rng(seed).uniform(-1.2, 1.2, SIZE)

    with dc.enable_x64():
        got = function(jnp.asarray(x))
    expected = [float(number) for number in reference(list(x))]

    np.testing.assert_allclose(got, expected, **TOLERANCE)


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_every_block_under_each_transformation(name):
    reverse = TRANSFORMATIONS[name].reverse
    blocks = [b for b, block in BLOCKS.items() if block.reversible or not reverse]

    for block in blocks:
        assert_agrees([block], [name], 1)


def random_case(seed):
    """Blocks and a stack, of at most two derivatives so that programs stay small."""
    rng = np.random.default_rng(seed)
    stack, order = [], 0
    for name in rng.choice(sorted(TRANSFORMATIONS), rng.integers(1, 5)).tolist():
        order += TRANSFORMATIONS[name].order
        stack += [name] if order <= 2 else []
    reverse = any(TRANSFORMATIONS[name].reverse for name in stack)
    allowed = [b for b in BLOCKS if BLOCKS[b].reversible or not reverse]
    return rng.choice(allowed, rng.integers(1, 4)).tolist(), stack


# Hypothesis draws seeds, not lists, because it prefers lists of equal elements.
@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**40))
def test_random_stacks_of_transformations(seed):
    blocks, stack = random_case(seed)
    note(f"{blocks} under {stack}")

    assert_agrees(blocks, stack, seed)
