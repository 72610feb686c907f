"""What `jit` and its kin do with arguments, options and programs."""

import functools


def programs(api):
    core, jnp = api.core, api.jnp
    x = jnp.arange(3.0)

    def counted(f, *calls, **options):
        traces = []

        def traced(*args, **keywords):
            traces.append(args)
            return f(*args, **keywords)

        jitted = core.jit(traced, **options)
        return [jitted(*args) for args in calls], len(traces)

    yield (
        "of a tree",
        lambda: core.jit(lambda p: {"s": p["a"] + p["b"][0]})({"a": x, "b": [1, 2]}),
    )
    yield "keywords", lambda: core.jit(lambda a, *, b: a - b)(x, b=1)
    yield "defaults", lambda: core.jit(lambda a, b=2.0: a * b)(x)
    yield "variable arguments", lambda: core.jit(lambda *a, **k: (a, k))(x, 1, c=2)
    yield (
        "static by number",
        lambda: counted(lambda n, a: a * n, (2, x), (3, x), (2, x), static_argnums=0),
    )
    yield (
        "static by negative number",
        lambda: counted(lambda a, n: a * n, (x, 2), (x, 2), static_argnums=-1),
    )
    yield (
        "static by name",
        lambda: core.jit(
            lambda a, mode: a if mode == "same" else -a, static_argnames="mode"
        )(x, mode="other"),
    )
    yield (
        "static by name given by position",
        lambda: core.jit(
            lambda a, mode: a if mode == "same" else -a, static_argnames=("mode",)
        )(x, "other"),
    )
    yield (
        "one trace for equal signatures",
        lambda: counted(lambda a: a + 1, (x,), (2 * x,), (x.astype(int),)),
    )
    yield "one trace for python numbers", lambda: counted(lambda a: a + 1, (1,), (2,))
    yield (
        "another trace for weak types",
        lambda: counted(lambda a: a + 1, (1.0,), (jnp.float32(1),)),
    )
    yield (
        "as a decorator with options",
        lambda: functools.partial(core.jit, static_argnames=["n"])(lambda a, n: a**n)(
            x, n=2
        ),
    )
    yield "nested", lambda: core.jit(lambda a: core.jit(lambda b: b * 2)(a) + 1)(x)
    yield "donation", lambda: core.jit(lambda a: a + 1, donate_argnums=0)(jnp.ones(2))
    yield (
        "donation by name",
        lambda: core.jit(lambda a: a + 1, donate_argnames="a")(a=jnp.ones(2)),
    )
    yield "a donated array is deleted", lambda: _donated(core, jnp)
    yield "inline", lambda: core.jit(lambda a: core.jit(jnp.sin, inline=True)(a) * 2)(x)
    yield "keep unused", lambda: core.jit(lambda a, b: a, keep_unused=True)(x, 5)
    yield "a constant result", lambda: core.jit(lambda: (1, 2.0, x))()
    yield (
        "None in arguments and results",
        lambda: core.jit(lambda a: (None, a))((None, x)),
    )
    yield "methods", lambda: core.jit(_Scale(3.0).apply)(x)
    yield "a partial", lambda: core.jit(functools.partial(jnp.add, 2.0))(x)
    yield "identity keeps weak types", lambda: core.jit(lambda a: a)(1.0)
    yield "bool arguments", lambda: core.jit(lambda a: a)(True)
    yield "complex arguments", lambda: core.jit(lambda a: a * 1j)(2j)
    yield (
        "eval_shape",
        lambda: core.eval_shape(
            lambda a, b: {"c": a @ b, "n": 1},
            jnp.ones((2, 3)),
            core.ShapeDtypeStruct((3,), "float32"),
        ),
    )
    yield (
        "make_jaxpr types",
        lambda: [
            str(v.shape) + str(v.dtype)
            for v in core.make_jaxpr(lambda a: (a @ a, a > 1))(x).out_avals
        ],
    )
    yield (
        "make_jaxpr counts equations",
        lambda: len(core.make_jaxpr(lambda a: jnp.sin(jnp.cos(a)))(x).eqns),
    )
    yield (
        "lowered and compiled",
        lambda: core.jit(lambda a: a * 2).lower(x).compile()(x),
    )
    yield (
        "traced and compiled with static arguments",
        lambda: (
            core.jit(lambda a, n: a * n, static_argnums=1)
            .trace(x, 3)
            .lower()
            .compile()(x)
        ),
    )
    yield "out_info of a trace", lambda: core.jit(lambda a: (a, 1)).trace(x).out_info
    yield "under disable_jit", lambda: _without_jit(core, x)
    yield "device_put", lambda: core.device_put({"a": 1, "b": x})
    yield "device_get", lambda: core.device_get({"a": jnp.int32(1), "b": x})
    yield "block_until_ready", lambda: core.block_until_ready({"a": x})
    for value in (1, 2.0, True, 1j):
        yield f"result of {value!r}", lambda value=value: core.jit(lambda: value)()
    for dtype in ("int8", "uint32", "bfloat16", "float16", "complex64", "bool"):
        yield (
            f"arguments of {dtype}",
            lambda dtype=dtype: core.jit(lambda a: (a, a + a))(
                jnp.array([0, 1], dtype)
            ),
        )
    yield "typeof", lambda: [core.typeof(v) for v in (x, jnp.int8(1))]
    yield "64 bits in a block", lambda: _in_64_bits(core, jnp)


class _Scale:
    def __init__(self, factor):
        self.factor = factor

    def apply(self, x):
        return self.factor * x


def _donated(core, jnp):
    x = jnp.ones(4)
    core.jit(lambda a: a + 1, donate_argnums=0)(x)
    return x.is_deleted()


def _without_jit(core, x):
    with core.disable_jit():
        return core.jit(lambda a: a if a[0] > 1 else -a)(x)


def _in_64_bits(core, jnp):
    with core.enable_x64(True):
        x = jnp.arange(3) * 0.5
        return x, jnp.sum(x), core.grad(lambda a: jnp.sum(jnp.sin(a)))(x), 3 * x[0]
