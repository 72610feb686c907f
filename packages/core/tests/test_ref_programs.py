"""Random programs that read and write refs, against plain Python on NumPy arrays.

A program is a tree of steps. `run_plainly` and `run` interpret it, the latter with each
block under `jit`, `checkpoint`, `scan`, `cond` or `vmap`, refs closed over or passed.
"""

import random
from functools import partial

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

FIRST, SECOND = (0.1, 0.2, 0.3), (1.0, -1.0, 0.5)
BLOCKS = ("jit", "checkpoint", "scan", "cond", "vmap")


def random_program(rng, depth):
    return [random_step(rng, depth) for _ in range(rng.randint(1, 3))]


def random_step(rng, depth):
    kind = rng.choice(("set", "add", "mul", "read") + BLOCKS * (depth > 0))
    return {
        "kind": kind,
        "ref": rng.randint(0, 1),
        "index": rng.randint(0, 2),
        "factor": rng.uniform(-1, 1),
        "passed": rng.random() < 0.5,
        "block": random_program(rng, depth - 1) if kind in BLOCKS else [],
        "other": random_program(rng, depth - 1) if kind in BLOCKS else [],
    }


def write(step, refs, x):
    """A step that is no block; it returns the next `x`."""
    ref, index, factor = refs[step["ref"]], step["index"], step["factor"]
    match step["kind"]:
        case "set":
            ref[index] = x * factor
        case "add":
            ref[index] += x
        case "mul":
            ref[index] *= factor
        case "read":
            return x * 0.5 + ref[index]
    return x


def run_plainly(program, refs, x):
    for step in program:
        block = partial(run_plainly, step["block"], refs)
        other = partial(run_plainly, step["other"], refs)
        match step["kind"]:
            case "jit" | "checkpoint" | "vmap":
                x = block(x)
            case "scan":
                x = block(block(x))
            case "cond":
                x = block(x) if x > 0 else other(x)
            case _:
                x = write(step, refs, x)
    return x


def run(program, refs, x):
    for step in program:
        block = partial(run, step["block"], refs)
        other = partial(run, step["other"], refs)
        match step["kind"]:
            case "jit" | "checkpoint" as kind:
                transform = getattr(dc, kind)
                passed = transform(lambda a, b, x, p=step: run(p["block"], [a, b], x))
                x = passed(*refs, x) if step["passed"] else transform(block)(x)
            case "scan":
                x = lax.scan(lambda c, _, f=block: (f(c), None), x, None, length=2)[0]
            case "cond":
                x = lax.cond(x > 0, block, other, x)
            case "vmap":
                x = run_in_batch(step["block"], refs, x)
            case _:
                x = write(step, refs, x)
    return x


def run_in_batch(program, refs, x):
    batched = [dc.new_ref(ref[...][None]) for ref in refs]
    (x,) = dc.vmap(lambda a, b, x: run(program, [a, b], x))(*batched, x[None])
    for ref, rows in zip(refs, batched, strict=True):
        ref[...] = rows[0]
    return x


def weighted(x, refs):
    return x + 2.0 * refs[0][...].sum() + 3.0 * refs[1][...].sum()


@pytest.mark.parametrize("seed", [0, 3, 5, 6, 9, 10, 12, 13])
def test_values_and_derivatives_are_those_of_plain_python(seed):
    rng = random.Random(seed)
    program, x, step = random_program(rng, 2), rng.uniform(-1, 1), 1e-6

    def loss(x):
        refs = [dc.new_ref(jnp.array(FIRST)), dc.new_ref(jnp.array(SECOND))]
        return weighted(run(program, refs, x), refs)

    def plain_loss(x):
        refs = [np.array(FIRST), np.array(SECOND)]
        return weighted(run_plainly(program, refs, x), refs)

    value, grad = dc.jit(dc.value_and_grad(loss))(x)

    slope = (plain_loss(x + step) - plain_loss(x - step)) / (2 * step)
    np.testing.assert_allclose(value, plain_loss(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(grad, slope, rtol=1e-3, atol=1e-3)
