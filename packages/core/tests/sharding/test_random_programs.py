"""Random programs of devices, compared with the lanes of a `vmap`."""

import numpy as np
from hypothesis import given, settings, strategies as st

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

P = dc.P
MESH_SIZES = (4, 2)
LANES = MESH_SIZES[0]
SIZE = 4


@dc.custom_vjp
def tripled(a, b):
    return 3 * a * b


tripled.defvjp(
    lambda a, b: (3 * a * b, (a, b)),
    lambda kept, ct: (3 * ct * kept[1], 3 * ct * kept[0]),
)


@dc.custom_jvp
def squared(a):
    return a**2


@squared.defjvp
def _(primals, tangents):
    return primals[0] ** 2, 2 * primals[0] * tangents[0]


def in_scan(a, b):
    def step(carry, row):
        return jnp.sin(carry + row * a), carry * row

    last, rows = lax.scan(step, jnp.zeros(SIZE), jnp.stack([b, a, b * a]))
    return last, rows.sum(0)


def in_while(a, b):
    return lax.fori_loop(0, 2, lambda i, c: (c[0] * 0.5 + c[1], c[1]), (a, b))


# From two vectors to two. `a` may be the same in all lanes, `b` may differ.
STEPS = {
    "multiply": lambda a, b: (a, jnp.sin(a * b)),
    "mix": lambda a, b: (jnp.tanh(a + b), b),
    "share": lambda a, b: (jnp.cos(a), b / (1 + a**2)),
    "swap": lambda a, b: (b, a),
    "psum": lambda a, b: (a, lax.psum(a * b, "x") / LANES),
    "psum of one": lambda a, b: (lax.pmean(b, "x"), b),
    "gather": lambda a, b: (a, lax.all_gather(b, "x").mean(0) * b),
    "scatter": lambda a, b: (
        a,
        b * jnp.tile(lax.psum_scatter(b * a, "x", tiled=True), SIZE),
    ),
    "ring": lambda a, b: (
        a,
        lax.ppermute(b, "x", [(i, (i + 1) % LANES) for i in range(LANES)]),
    ),
    "place": lambda a, b: (a, b * (1 + lax.axis_index("x"))),
    "jit": dc.jit(lambda a, b: (a * 2, jnp.sin(a) + b)),
    "checkpoint": lambda a, b: (a, dc.checkpoint(lambda b: jnp.sin(a * b))(b)),
    "scan": in_scan,
    "loop": in_while,
    "cond by what differs": lambda a, b: (
        a,
        lax.cond(b[0] > 0.1, lambda: a * b, lambda: jnp.sin(a) - b),
    ),
    "cond": lambda a, b: (lax.cond(a.sum() > 0, jnp.sin, jnp.cos, a), b),
    "custom vjp": lambda a, b: (a, tripled(a, b)),
    "custom jvp": lambda a, b: (squared(a), b),
    "vmap": lambda a, b: (a, dc.vmap(lambda x: jnp.sin(x) * a.sum())(b)),
    "matrix": lambda a, b: (a, jnp.outer(a, b) @ jnp.ones(SIZE) / SIZE),
    "index": lambda a, b: (a.at[0].add(1), b[jnp.array([1, 0, 3, 2])]),
    # By what is shared it would be the sum over all devices.
    "gradient": lambda a, b: (
        a,
        dc.grad(lambda b: (a * b**2).sum())(lax.pcast(b, "x", to="varying")),
    ),
}


def program(names):
    def run(a, b):
        for name in names:
            a, b = STEPS[name](a, b)
        return (a * b).sum() + a.sum()

    return run


def rows(seed):
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(-1, 1, shape).astype(np.float32)
        for shape in ((SIZE,), (LANES, SIZE))
    ]


@settings(deadline=None, max_examples=25)
@given(
    names=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
    jitted=st.booleans(),
    tracks=st.booleans(),
)
def test_devices_do_what_lanes_do(names, seed, jitted, tracks):
    run = program(names)
    a, b = rows(seed)
    mesh = dc.make_mesh(MESH_SIZES, ("x", "y"))
    mapped = dc.shard_map(
        lambda a, b: lax.pmean(run(a, b[0]), ("x", "y") if not tracks else "x"),
        mesh=mesh,
        in_specs=(P(), P("x")),
        out_specs=P(),
        check_vma=tracks,
    )
    lanes = dc.vmap(run, in_axes=(None, 0), axis_name="x")

    got = dc.value_and_grad(mapped, argnums=(0, 1))
    got = (dc.jit(got) if jitted else got)(a, b)
    expected = dc.value_and_grad(lambda a, b: lanes(a, b).mean(), argnums=(0, 1))(a, b)

    for x, y in zip(dc.tree.leaves(got), dc.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4)


@settings(deadline=None, max_examples=25)
@given(
    names=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
def test_a_gradient_inside_is_that_of_all_lanes_together(names, seed):
    run = program(names)
    a, b = rows(seed)
    mesh = dc.make_mesh(MESH_SIZES, ("x", "y"))

    def one(a, b):
        # What all devices share counts once, what differs as often as there are.
        return dc.grad(lambda a: lax.psum(run(a, b[0]), "x"))(a)

    mapped = dc.shard_map(one, mesh=mesh, in_specs=(P(), P("x")), out_specs=P())
    lanes = dc.vmap(run, in_axes=(None, 0), axis_name="x")

    expected = dc.grad(lambda a: lanes(a, b).sum())(a)
    np.testing.assert_allclose(mapped(a, b), expected, rtol=2e-3, atol=1e-3)
