"""Derivatives that a function brings along."""


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    x = jnp.array([0.5, -1.0, 2.0])

    @core.custom_jvp
    def log1pexp(x):
        return jnp.log(1.0 + jnp.exp(x))

    @log1pexp.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        return log1pexp(x), (1 - 1 / (1 + jnp.exp(x))) * t

    @core.custom_jvp
    def product(x, y):
        return x * y

    product.defjvps(lambda t, out, x, y: 2 * t * y, lambda t, out, x, y: 3 * t * x)

    def static_power(n, x):
        return x**n

    def rule(n, primals, tangents):
        return primals[0] ** n, 100 * n * tangents[0]

    power = core.custom_jvp(static_power, nondiff_argnums=(0,))
    power.defjvp(rule)

    @core.custom_vjp
    def clipped(x, limit):
        return x

    clipped.defvjp(
        lambda x, limit: (x, limit),
        lambda limit, ct: (jnp.clip(ct, -limit, limit), None),
    )

    @core.custom_vjp
    def scaled(p):
        return {"out": p["a"] * p["b"]}

    scaled.defvjp(
        lambda p: ({"out": p["a"] * p["b"]}, p),
        lambda p, ct: ({"a": 10 * ct["out"], "b": 20 * ct["out"]},),
    )

    def forward(f, x):
        return f(x), x

    def backward(f, x, ct):
        return (7 * ct,)

    applied = core.custom_vjp(lambda f, x: f(x), nondiff_argnums=(0,))
    applied.defvjp(forward, backward)

    yield "custom jvp value", lambda: log1pexp(x)
    yield "custom jvp", lambda: core.jvp(log1pexp, (x,), (jnp.ones(3),))
    yield "grad of custom jvp", lambda: core.grad(log1pexp)(100.0)
    yield "hessian of custom jvp", lambda: core.hessian(log1pexp)(0.5)
    yield "vmap of custom jvp", lambda: core.vmap(core.grad(log1pexp))(x)
    yield "jit of custom jvp", lambda: core.jit(core.grad(log1pexp))(1.0)
    yield (
        "scan of custom jvp",
        lambda: core.grad(
            lambda a: lax.scan(lambda c, _: (log1pexp(c), None), a, None, length=3)[0]
        )(0.1),
    )
    yield "defjvps", lambda: core.grad(product, (0, 1))(2.0, 5.0)
    yield (
        "defjvps of one argument",
        lambda: core.jvp(lambda y: product(2.0, y), (5.0,), (1.0,)),
    )
    yield "custom jvp with a static argument", lambda: core.grad(power, 1)(3, 2.0)
    yield (
        "custom jvp under vmap with a static argument",
        lambda: core.vmap(lambda a: core.jvp(lambda b: power(2, b), (a,), (1.0,)))(x),
    )
    yield "custom vjp value", lambda: clipped(x, 1.0)
    yield "custom vjp", lambda: core.grad(lambda x: jnp.sum(10 * clipped(x, 0.25)))(x)
    yield (
        "custom vjp by an argument without a rule",
        lambda: core.grad(lambda limit: jnp.sum(10 * clipped(x, limit)))(0.25),
    )
    yield (
        "custom vjp of trees",
        lambda: core.grad(lambda p: scaled(p)["out"])({"a": 2.0, "b": 3.0}),
    )
    yield (
        "custom vjp under jit and vmap",
        lambda: core.jit(core.vmap(core.grad(lambda a: 5 * clipped(a, 2.0))))(x),
    )
    yield (
        "custom vjp in scan",
        lambda: core.grad(
            lambda a: lax.scan(lambda c, v: (clipped(c * v, 0.5), None), a, x)[0]
        )(1.0),
    )
    yield (
        "custom vjp with a static function",
        lambda: core.grad(applied, 1)(jnp.sin, 1.0),
    )
    yield (
        "custom vjp of an integer",
        lambda: core.grad(lambda a: scaled({"a": a, "b": 2})["out"])(3.0),
    )
    yield (
        "custom rules nested",
        lambda: core.grad(lambda a: clipped(log1pexp(a) * 10, 0.1))(0.5),
    )
    yield (
        "custom vjp in checkpoint",
        lambda: core.grad(core.checkpoint(lambda a: clipped(jnp.sin(a) * 3, 0.5)))(0.5),
    )
