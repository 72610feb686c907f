"""Custom rules; loops."""

import numpy as np

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax


def test_custom_jvp_rule_is_used_in_both_modes():
    @dc.custom_jvp
    def f(x):
        return jnp.sin(x)

    f.defjvps(lambda t, out, x: 10.0 * t)

    assert float(dc.grad(f)(1.0)) == 10.0
    assert float(dc.jvp(f, (1.0,), (2.0,))[1]) == 20.0
    np.testing.assert_array_equal(dc.vmap(dc.grad(f))(jnp.ones(2)), [10.0, 10.0])
    np.testing.assert_array_equal(
        dc.jit(dc.grad(lambda x: dc.vmap(f)(x).sum()))(jnp.ones(2)), [10.0, 10.0]
    )


def test_custom_vjp_rule_with_nondiff_arguments_and_trees():
    def forward(n, p):
        return f(n, p), p["x"]

    def backward(n, x, ct):
        return ({"x": ct * n * x, "unused": None},)

    f = dc.custom_vjp(lambda n, p: p["x"] * 0.0, nondiff_argnums=(0,))
    f.defvjp(forward, lambda n, x, ct: ({"x": ct * n * x},))

    got = dc.grad(lambda p: f(5, p).sum())({"x": jnp.array([1.0, 2.0])})

    np.testing.assert_array_equal(got["x"], [5.0, 10.0])


def test_custom_vjp_under_scan_and_vmap_uses_its_rule():
    f = dc.custom_vjp(lambda x, w: x * w)
    f.defvjp(lambda x, w: (x * w, (x, w)), lambda r, ct: (ct * 7.0, ct * r[0]))

    def total(x, w):
        return lax.scan(lambda c, _: (f(c, w), None), x, None, length=2)[0]

    np.testing.assert_allclose(dc.grad(total)(1.0, 2.0), 49.0)
    gx, gw = dc.grad(
        lambda x, w: dc.vmap(f, in_axes=(0, None))(x, w).sum(), argnums=(0, 1)
    )(jnp.array([1.0, 2.0]), 3.0)
    np.testing.assert_array_equal(gx, [7.0, 7.0])
    np.testing.assert_array_equal(gw, 3.0)


def test_custom_vjp_rule_may_close_over_arrays():
    table = jnp.array([1.0, 2.0, 3.0])
    f = dc.custom_vjp(lambda x: (x * table).sum())
    f.defvjp(lambda x: (f(x), None), lambda r, ct: (ct * table * 2.0,))

    np.testing.assert_array_equal(dc.jit(dc.grad(f))(jnp.ones(3)), [2.0, 4.0, 6.0])


def test_scan_length_zero_and_no_outputs():
    carry, ys = lax.scan(lambda c, x: (c + x, c), 1.0, np.ones((0,), np.float32))

    assert float(carry) == 1.0
    assert ys.shape == (0,)


def test_scan_settles_weak_carries():
    carry, _ = lax.scan(lambda c, x: (c + x, None), 0, np.ones(3, np.int16))

    assert carry.dtype == np.int16
    assert int(carry) == 3


def test_map_in_batches_agrees_with_a_loop():
    x = np.arange(7, dtype=np.float32)

    got = lax.map(lambda v: jnp.sin(v) * 2, x, batch_size=3)

    np.testing.assert_allclose(got, np.sin(x) * 2, rtol=1e-6)


def test_switch_clamps_its_index():
    branches = [lambda x: x, lambda x: x * 2, lambda x: x * 3]

    got = [
        float(dc.jit(lambda i, x: lax.switch(i, branches, x))(i, 1.0))
        for i in (-4, 1, 9)
    ]

    assert got == [1.0, 2.0, 3.0]


def test_random_keys_pass_through_transformations():
    from dolmen.core import random

    key = random.key(0)

    @dc.jit
    def f(key, x):
        key, sub = random.split(key)
        return key, dc.grad(lambda x: (x * random.normal(sub, (2,))).sum())(x)

    new, g = f(key, 1.0)
    keys = random.split(key, 3)

    assert new.dtype == key.dtype
    assert new.shape == ()
    assert g.shape == ()
    assert dc.vmap(lambda k: random.normal(k, (2,)))(keys).shape == (3, 2)
    np.testing.assert_allclose(
        dc.vmap(lambda k: random.normal(k, (2,)))(keys)[1], random.normal(keys[1], (2,))
    )
