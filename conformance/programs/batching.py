"""Functions mapped over an axis."""


def programs(api):
    core, jnp, lax, random = api.core, api.jnp, api.lax, api.random
    x = jnp.arange(6.0).reshape(2, 3)
    y = jnp.array([1.0, -1.0])
    t = jnp.arange(24.0).reshape(2, 3, 4)

    yield "one argument", lambda: core.vmap(jnp.sin)(x)
    yield "in axis 1", lambda: core.vmap(jnp.sum, in_axes=1)(x)
    yield "negative in axis", lambda: core.vmap(jnp.sum, in_axes=-1)(t)
    yield (
        "an argument that is not mapped",
        lambda: core.vmap(lambda a, b: a * b, (0, None))(x, 2.0),
    )
    yield "different axes", lambda: core.vmap(lambda a, b: a @ b, (0, 1))(x, x.T)
    yield "out axis 1", lambda: core.vmap(lambda a: 2 * a, out_axes=1)(x)
    yield "out axis -1", lambda: core.vmap(lambda a: jnp.outer(a, a), out_axes=-1)(x)
    yield "out axis None", lambda: core.vmap(lambda a: (a, y), out_axes=(0, None))(x)
    yield "a result that is not mapped", lambda: core.vmap(lambda a: 3.0)(x)
    yield (
        "axes in a tree",
        lambda: core.vmap(lambda p: p["a"] * p["b"], in_axes=({"a": 0, "b": None},))(
            {"a": x, "b": 3.0}
        ),
    )
    yield "axis size", lambda: core.vmap(lambda: 1.0, axis_size=3)()
    yield (
        "nested",
        lambda: core.vmap(core.vmap(lambda a, b: a + b, (None, 0)), (0, 0))(y, x),
    )
    yield (
        "nested with crossed axes",
        lambda: core.vmap(core.vmap(jnp.sum, in_axes=1), in_axes=0)(t),
    )
    yield "weak results", lambda: core.vmap(lambda a: 1.0)(y)
    yield (
        "keywords are mapped over axis 0",
        lambda: core.vmap(lambda a, k: a * k)(y, k=y),
    )
    yield "of jit", lambda: core.vmap(core.jit(lambda a: a @ a))(x)
    yield "jit of", lambda: core.jit(core.vmap(lambda a: a @ a))(x)
    yield "of grad", lambda: core.vmap(core.grad(lambda a: jnp.sum(a**3)))(x)
    yield "grad of", lambda: core.grad(lambda x: jnp.sum(core.vmap(jnp.tanh)(x)))(x)
    yield "hessian of", lambda: core.vmap(core.hessian(lambda a: jnp.prod(a)))(x + 1)
    yield "dot with both sides mapped", lambda: core.vmap(jnp.dot)(t, t[:, 0])
    yield "einsum", lambda: core.vmap(lambda a: jnp.einsum("ij,ij->j", a, a))(t)
    yield (
        "reductions",
        lambda: [
            core.vmap(f)(t) for f in (jnp.max, jnp.argmax, jnp.prod, jnp.any, jnp.std)
        ],
    )
    yield "cumulative", lambda: core.vmap(lambda a: jnp.cumsum(a, axis=1), 1)(t)
    yield "sort", lambda: core.vmap(lambda a: jnp.sort(-a, axis=0))(t)
    yield "argsort", lambda: core.vmap(jnp.argsort)(-x)
    yield (
        "where",
        lambda: core.vmap(lambda a, p: jnp.where(p, a, -a))(
            x, jnp.array([True, False])
        ),
    )
    yield (
        "gather by mapped indices",
        lambda: core.vmap(lambda a, i: a[i])(x, jnp.array([0, 2])),
    )
    yield (
        "gather of a shared array",
        lambda: core.vmap(lambda i: t[:, i])(jnp.array([2, 0])),
    )
    yield (
        "scatter",
        lambda: core.vmap(lambda a, i: a.at[i].set(9.0))(x, jnp.array([0, 2])),
    )
    yield (
        "scatter add into a shared array",
        lambda: core.vmap(lambda i: jnp.zeros(3).at[i].add(1.0))(
            jnp.array([[0, 0], [1, 2]])
        ),
    )
    yield (
        "dynamic slice",
        lambda: core.vmap(lambda a, i: lax.dynamic_slice(a, (i,), (2,)))(
            x, jnp.array([0, 5])
        ),
    )
    yield (
        "dynamic update slice",
        lambda: core.vmap(lambda a, i: lax.dynamic_update_slice(a, jnp.ones(2), (i,)))(
            x, jnp.array([0, 1])
        ),
    )
    yield (
        "concatenate",
        lambda: core.vmap(lambda a, b: jnp.concatenate([a, b[None]]))(x, y),
    )
    yield "pad", lambda: core.vmap(lambda a: jnp.pad(a, (1, 2)))(x)
    yield "reshape and transpose", lambda: core.vmap(lambda a: a.T.reshape(2, 6))(t)
    yield (
        "convolution",
        lambda: core.vmap(
            lambda a, k: lax.conv(a[None, None], k[None, None], (1, 1), "VALID")
        )(t, t[:, :2, :2]),
    )
    yield (
        "cond with a mapped predicate",
        lambda: core.vmap(
            lambda p, a: lax.cond(p, lambda a: a + 1, lambda a: a * 2, a)
        )(jnp.array([True, False]), x),
    )
    yield (
        "cond with one predicate",
        lambda: core.vmap(
            lambda a: lax.cond(True, lambda a: a + 1, lambda a: a * 2, a)
        )(x),
    )
    yield (
        "switch with a mapped index",
        lambda: core.vmap(
            lambda i, a: lax.switch(i, [jnp.sin, jnp.cos, lambda a: a], a)
        )(jnp.array([2, 0]), x),
    )
    yield (
        "while with mapped counts",
        lambda: core.vmap(
            lambda n: lax.while_loop(
                lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 2), (0, 1)
            )
        )(jnp.array([3, 5])),
    )
    yield (
        "fori",
        lambda: core.vmap(lambda a: lax.fori_loop(0, 3, lambda i, c: c + a * i, a))(x),
    )
    yield (
        "scan over mapped values",
        lambda: core.vmap(lambda a: lax.scan(lambda c, v: (c + v, c * v), 0.0, a))(x),
    )
    yield (
        "scan with a mapped closure",
        lambda: core.vmap(lambda b: lax.scan(lambda c, v: (c * b + v, c), 1.0, y))(y),
    )
    yield (
        "random keys",
        lambda: core.vmap(lambda k: random.normal(k, (2,)))(
            random.split(random.key(0), 3)
        ),
    )
    yield (
        "splitting keys",
        lambda: core.vmap(random.split)(random.split(random.key(0), 2)),
    )
    yield (
        "a key that is not mapped",
        lambda: core.vmap(lambda a: random.uniform(random.key(1)) * a)(y),
    )
    yield "lax map", lambda: lax.map(lambda a: a @ a, x)
    yield (
        "lax map with a batch size",
        lambda: lax.map(lambda a: a * 2, jnp.arange(5.0), batch_size=2),
    )
    yield "custom jvp", lambda: core.vmap(core.grad(api.nn.relu))(y)
    yield "integer powers", lambda: core.vmap(lambda a: a**3)(jnp.array([2, 3]))
    yield "jacobian", lambda: core.jacfwd(lambda a: core.vmap(jnp.sin)(a) @ a[0])(x)
    yield (
        "psum over the axis",
        lambda: core.vmap(lambda a: a / lax.psum(a, "i"), axis_name="i")(y + 3),
    )
