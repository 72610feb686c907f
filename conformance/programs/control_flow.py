"""Conditionals and loops."""

import functools


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    x = jnp.array([1.0, 2.0, 3.0])

    def power(x, n):
        return lax.fori_loop(0, n, lambda _, y: y * x, 1.0)

    for flag in (True, False):
        yield (
            f"cond {flag}",
            lambda flag=flag: lax.cond(flag, lambda a: a + 1, lambda a: a * 2, x),
        )
        yield (
            f"cond of a traced {flag}",
            lambda flag=flag: core.jit(
                lambda p: lax.cond(p, lambda a: (a, 1), lambda a: (a * 2, 2), x)
            )(flag),
        )
        yield (
            f"grad of cond {flag}",
            lambda flag=flag: core.grad(
                lambda a: lax.cond(flag, jnp.sin, lambda a: a**3, a)
            )(2.0),
        )
    yield "cond without operands", lambda: lax.cond(x[0] > 0, lambda: 1, lambda: 2)
    yield "cond with an integer", lambda: lax.cond(3, lambda: 1.0, lambda: 2.0)
    yield (
        "cond unifies weak types",
        lambda: lax.cond(True, lambda: 1.0, lambda: jnp.float32(2.0)),
    )
    yield (
        "cond with several operands",
        lambda: lax.cond(False, lambda a, b: a + b, lambda a, b: a - b, x, 1.0),
    )
    yield (
        "cond closes over",
        lambda: core.grad(lambda a: lax.cond(a > 1, lambda: a**2, lambda: -a))(3.0),
    )
    for index in (-1, 0, 2, 7):
        yield (
            f"switch {index}",
            lambda index=index: lax.switch(index, [jnp.sin, jnp.cos, lambda a: -a], x),
        )
    yield (
        "grad of switch",
        lambda: core.grad(lambda a: lax.switch(1, [jnp.sin, jnp.exp], a))(0.5),
    )
    yield "select n", lambda: lax.select_n(jnp.array([0, 2, 1]), x, 2 * x, 3 * x)
    yield "while", lambda: lax.while_loop(lambda c: c < 100, lambda c: c * 3, 1)
    yield (
        "while with a tree",
        lambda: lax.while_loop(
            lambda c: c["i"] < 4,
            lambda c: {"i": c["i"] + 1, "v": c["v"] * 2},
            {"i": 0, "v": x},
        ),
    )
    yield (
        "while that never runs",
        lambda: lax.while_loop(lambda c: False, lambda c: c + 1, 5),
    )
    yield (
        "jvp of while",
        lambda: core.jvp(
            lambda a: lax.while_loop(lambda c: c < 50, lambda c: c * a, a),
            (2.0,),
            (1.0,),
        ),
    )
    yield "fori", lambda: lax.fori_loop(2, 6, lambda i, c: c + i, 0)
    yield (
        "fori with traced bounds",
        lambda: core.jit(lambda n: lax.fori_loop(0, n, lambda i, c: c + i, 0))(5),
    )
    yield "fori of nothing", lambda: lax.fori_loop(5, 2, lambda i, c: c + i, 7.0)
    yield "fori unrolled", lambda: lax.fori_loop(0, 5, lambda i, c: c * 2, 1, unroll=2)
    yield "grad of fori", lambda: core.grad(lambda a: power(a, 3))(2.0)
    yield (
        "fori changes weak types",
        lambda: lax.fori_loop(0, 3, lambda i, c: c + jnp.float32(1), 0.0),
    )

    def step(c, v):
        return c * 0.5 + v, c - v

    yield "scan", lambda: lax.scan(step, 0.0, x)
    yield "scan in reverse", lambda: lax.scan(step, 0.0, x, reverse=True)
    for unroll in (2, 3, True):
        yield (
            f"scan unroll {unroll}",
            lambda unroll=unroll: lax.scan(step, 0.0, x, unroll=unroll),
        )
    yield (
        "scan without values",
        lambda: lax.scan(lambda c, _: (c * 2, c), 1, None, length=4),
    )
    yield (
        "scan of trees",
        lambda: lax.scan(
            lambda c, v: ({"s": c["s"] + v["a"]}, (v["b"], c["s"])),
            {"s": 0.0},
            {"a": x, "b": jnp.arange(3)},
        ),
    )
    yield "scan of nothing", lambda: lax.scan(step, 1.0, jnp.zeros(0))
    yield "scan without results", lambda: lax.scan(lambda c, v: (c + v, None), 0.0, x)
    yield (
        "grad of scan",
        lambda: core.grad(
            lambda a: lax.scan(lambda c, v: (jnp.sin(c) * v, c), a, x)[0]
        )(0.3),
    )
    yield (
        "grad of scan by values",
        lambda: core.grad(lambda v: jnp.sum(lax.scan(step, 0.0, v)[1] ** 2))(x),
    )
    yield (
        "grad of scan by a closure",
        lambda: core.grad(lambda a: lax.scan(lambda c, v: (c * a + v, c), 1.0, x)[0])(
            0.5
        ),
    )
    yield (
        "hessian through scan",
        lambda: core.hessian(
            lambda a: lax.scan(lambda c, v: (c * a + v, None), 1.0, x)[0]
        )(0.5),
    )
    yield (
        "jvp of scan",
        lambda: core.jvp(lambda v: lax.scan(step, 0.0, v), (x,), (jnp.ones(3),)),
    )
    yield (
        "grad of scan in reverse",
        lambda: core.grad(
            lambda v: jnp.sum(lax.scan(step, 0.0, v, reverse=True)[1] ** 2)
        )(x),
    )
    yield "scan of a jitted step", lambda: lax.scan(core.jit(step), 0.0, x)
    yield (
        "scan of a checkpointed step",
        lambda: core.grad(lambda v: lax.scan(core.checkpoint(step), 0.0, v)[0])(x),
    )
    yield (
        "scan in scan",
        lambda: lax.scan(
            lambda c, v: (lax.scan(lambda d, w: (d + w * v, d), c, x)[0], c), 0.0, x
        ),
    )
    yield (
        "cond in scan",
        lambda: core.grad(
            lambda a: lax.scan(
                lambda c, v: (lax.cond(v > 1.5, lambda: c * a, lambda: c + a), c),
                1.0,
                x,
            )[0]
        )(2.0),
    )
    yield (
        "scan with a carry of integers",
        lambda: core.grad(
            lambda a: lax.scan(lambda c, v: ((c[0] + 1, c[1] * v), c[0]), (0, a), x)[0][
                1
            ]
        )(2.0),
    )
    yield (
        "scan makes weak carries strong",
        lambda: lax.scan(lambda c, v: (c + v, c), 0.0, x)[0],
    )

    for name in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"):
        yield (
            name,
            lambda name=name: getattr(lax, name)(
                jnp.array([[1.0, 3, 2], [4, 0, 5]]), 1
            ),
        )
        yield (
            f"{name} in reverse",
            lambda name=name: getattr(lax, name)(x, reverse=True),
        )
        yield (
            f"grad of {name}",
            lambda name=name: core.grad(lambda v: jnp.sum(getattr(lax, name)(v) * x))(
                x
            ),
        )
    yield "reduce", lambda: lax.reduce(x, 1.0, lax.mul, (0,))
    yield (
        "a function of static length",
        lambda: functools.partial(core.jit, static_argnums=1)(power)(2.0, 3),
    )
    yield "conditionals on values under disable_jit", lambda: _without_jit(core, lax)


def _without_jit(core, lax):
    with core.disable_jit():
        return lax.cond(True, lambda: 1.0, lambda: 2.0)
