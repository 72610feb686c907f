"""Keys, bits and samplers: the same numbers for the same key."""


def programs(api):
    core, jnp, random = api.core, api.jnp, api.random
    key = random.key(42)

    for seed in (0, 1, 2**31, -1, 2**32 + 5):
        yield (
            f"key of {seed}",
            lambda seed=seed: [random.key(seed), random.PRNGKey(seed)],
        )
    yield "key of a traced seed", lambda: core.jit(random.key)(7)
    yield (
        "keys of the generator rbg",
        lambda: [random.key(3, impl="rbg"), random.split(random.key(3, impl="rbg"), 2)],
    )
    for count in (1, 2, 3, 5, (2, 3)):
        yield f"split into {count}", lambda count=count: random.split(key, count)
    yield "fold in", lambda: [random.fold_in(key, n) for n in (0, 1, 2**31)]
    yield "fold in of a traced number", lambda: core.jit(random.fold_in)(key, 5)
    yield "key data and back", lambda: random.wrap_key_data(random.key_data(key) + 1)
    yield "clone", lambda: random.clone(key)
    yield "keys compare", lambda: random.split(key, 3) == random.split(key, 3)[1]
    yield (
        "keys are indexed and reshaped",
        lambda: random.split(key, 6).reshape(2, 3)[1, ::2],
    )
    yield (
        "keys in a tree through jit",
        lambda: core.jit(lambda t: {"k": t["k"][0]})({"k": random.split(key)}),
    )
    yield (
        "keys through scan",
        lambda: core.lax.scan(
            lambda k, _: (random.split(k, 1)[0], random.bits(k)), key, None, length=3
        ),
    )
    yield (
        "keys through cond",
        lambda: core.lax.cond(True, lambda k: random.fold_in(k, 1), lambda k: k, key),
    )
    for dtype in ("uint8", "uint16", "uint32"):
        for shape in ((), (3,), (2, 5), (0,)):
            yield (
                f"bits {dtype} {shape}",
                lambda dtype=dtype, shape=shape: random.bits(key, shape, dtype),
            )
    for dtype in ("float32", "bfloat16", "float16"):
        yield f"uniform {dtype}", lambda dtype=dtype: random.uniform(key, (5,), dtype)
        yield f"normal {dtype}", lambda dtype=dtype: random.normal(key, (5,), dtype)
    for dtype in ("int8", "int16", "int32", "uint8", "uint32"):
        yield (
            f"randint {dtype}",
            lambda dtype=dtype: random.randint(key, (6,), 3, 100, dtype),
        )
    samplers = {
        "uniform with bounds": lambda k: random.uniform(
            k, (3,), minval=-2.0, maxval=jnp.array([1.0, 2, 3])
        ),
        "normal complex": lambda k: random.normal(k, (3,), "complex64"),
        "randint with bounds": lambda k: random.randint(
            k, (2, 2), -5, jnp.array([1, 1000])
        ),
        "bernoulli": lambda k: random.bernoulli(k, 0.3, (8,)),
        "categorical": lambda k: random.categorical(
            k, jnp.log(jnp.array([[0.1, 0.9], [0.5, 0.5]]))
        ),
        "categorical with a shape": lambda k: random.categorical(
            k, jnp.zeros(4), shape=(6,)
        ),
        "categorical without replacement": lambda k: random.categorical(
            k, jnp.zeros(4), shape=(3,), replace=False
        ),
        "cauchy": lambda k: random.cauchy(k, (4,)),
        "choice": lambda k: random.choice(k, 10, (4,)),
        "choice without replacement": lambda k: random.choice(
            k, jnp.arange(6.0), (4,), replace=False
        ),
        "choice with weights": lambda k: random.choice(
            k, 3, (5,), p=jnp.array([0.1, 0.2, 0.7])
        ),
        "double sided maxwell": lambda k: random.double_sided_maxwell(
            k, 1.0, 2.0, (3,)
        ),
        "exponential": lambda k: random.exponential(k, (4,)),
        "geometric": lambda k: random.geometric(k, 0.3, (5,)),
        "gumbel": lambda k: random.gumbel(k, (4,)),
        "laplace": lambda k: random.laplace(k, (4,)),
        "logistic": lambda k: random.logistic(k, (4,)),
        "lognormal": lambda k: random.lognormal(k, 0.5, (4,)),
        "maxwell": lambda k: random.maxwell(k, (3,)),
        "pareto": lambda k: random.pareto(k, 2.0, (3,)),
        "permutation": lambda k: random.permutation(k, 7),
        "permutation of rows": lambda k: random.permutation(
            k, jnp.arange(6).reshape(3, 2)
        ),
        "permutation of independent columns": lambda k: random.permutation(
            k, jnp.arange(6).reshape(3, 2), independent=True
        ),
        "rademacher": lambda k: random.rademacher(k, (6,)),
        "rayleigh": lambda k: random.rayleigh(k, 2.0, (3,)),
        "triangular": lambda k: random.triangular(k, 0.0, 1.0, 3.0, (3,)),
        "truncated normal": lambda k: random.truncated_normal(k, -1.0, 0.5, (4,)),
        "wald": lambda k: random.wald(k, 2.0, (3,)),
        "weibull": lambda k: random.weibull_min(k, 2.0, 1.5, (3,)),
    }
    for name, sampler in samplers.items():
        yield name, lambda sampler=sampler: sampler(key)
        yield (
            f"{name} under vmap and jit",
            lambda sampler=sampler: core.jit(core.vmap(sampler))(random.split(key, 2)),
        )
    yield "old keys", lambda: random.uniform(random.PRNGKey(0), (3,))
    yield (
        "grad through a sampler",
        lambda: core.grad(lambda s: jnp.sum(s * random.normal(key, (3,)) ** 2))(2.0),
    )
    yield "samples of rbg", lambda: random.uniform(random.key(0, impl="rbg"), (4,))
    for name in (
        "normal",
        "uniform",
        "glorot_normal",
        "he_uniform",
        "lecun_normal",
        "variance_scaling",
        "truncated_normal",
    ):
        shape = (3, 4)
        made = {"variance_scaling": (2.0, "fan_out", "uniform")}.get(name, ())
        yield (
            f"initializer {name}",
            lambda name=name, made=made: getattr(api.nn.initializers, name)(*made)(
                key, shape
            ),
        )
