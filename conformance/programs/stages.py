"""Compiling step by step, options of `jit`, programs as objects; what is refused."""

import functools


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    single = api.sharding.SingleDeviceSharding
    x = jnp.arange(3.0)
    tree = {"w": jnp.ones((2, 3)), "b": 1.5}

    def model(params, v, n=2):
        return {"y": params["w"] @ v * n}, params["b"]

    def here():
        return single(core.devices()[0])

    def compiled():
        return core.jit(model, static_argnums=2).lower(tree, x, 3).compile()

    # ---- stages --------------------------------------------------------------------

    yield "call", lambda: compiled()(tree, x)
    yield (
        "out_info",
        lambda: core.jit(model, static_argnums=2).trace(tree, x, 3).out_info,
    )
    yield "leaves of in_tree", lambda: compiled().in_tree.num_leaves
    yield "out_tree", lambda: str(compiled().out_tree)
    yield "in_tree", lambda: str(compiled().in_tree)
    yield "donated numbers", lambda: _donated(core, x).donate_argnums
    yield (
        "donated arguments",
        lambda: [a.donated for a in core.tree.leaves(_donated(core, x).args_info[0])],
    )
    yield (
        "types of arguments",
        lambda: [str(a.shape) + str(a.dtype) for a in compiled().args_info[0][1:]],
    )
    yield "name", lambda: core.jit(model).trace(tree, x).fun_name
    yield "flops", lambda: core.jit(jnp.dot).lower(x, x).cost_analysis()["flops"]
    yield (
        "argument bytes",
        lambda: compiled().memory_analysis().argument_size_in_bytes,
    )
    yield "text", lambda: "stablehlo.sine" in core.jit(jnp.sin).lower(x).as_text()
    yield "hlo", lambda: "HloModule" in core.jit(jnp.sin).lower(x).as_text("hlo")
    yield "weak where strong", lambda: core.jit(jnp.sin).lower(x[0]).compile()(1.0)
    yield "eval_shape of jit", lambda: core.jit(model).eval_shape(tree, x)
    yield "serialized", lambda: _serialized(api, x)

    # ---- options -------------------------------------------------------------------

    yield "sharding", lambda: core.jit(jnp.sin, in_shardings=here())(x)
    yield (
        "shardings in a tree",
        lambda: core.jit(model, in_shardings=({"w": here(), "b": None}, None))(tree, x),
    )
    yield (
        "committed by result",
        lambda: core.jit(jnp.sin, out_shardings=here())(x).committed,
    )
    yield "not committed", lambda: core.jit(jnp.sin)(x).committed
    yield (
        "compiler option",
        lambda: core.jit(jnp.sin, compiler_options={"xla_cpu_enable_fast_math": False})(
            x
        ),
    )
    yield (
        "surplus static from the end",
        lambda: [
            core.jit(lambda v, *n: v * n[-1], static_argnums=-1)(x, 5, n)
            for n in (2, 3)
        ],
    )

    # ---- types fed back ------------------------------------------------------------

    for name, step in {
        "strong": lambda v: v + jnp.float32(1),
        "weak": lambda v: v * 2 + 1,
        "half": lambda v: v * jnp.float16(2),
        "loop": lambda v: lax.fori_loop(0, 2, lambda _, c: c + jnp.float32(1), v),
        "root": lambda v: jnp.sqrt(v) - 0.5 * v,
    }.items():
        yield f"fed back {name}", lambda step=step: _fed_back(core.jit(step))

    # ---- programs ------------------------------------------------------------------

    def closed():
        return core.make_jaxpr(lambda v: jnp.sum(x * v) + 1)(2.0)

    yield "constants", lambda: closed().consts
    yield "arguments", lambda: len(closed().jaxpr.invars)
    yield "constant variables", lambda: len(closed().jaxpr.constvars)
    yield "names", lambda: [e.primitive.name for e in core.make_jaxpr(jnp.sin)(x).eqns]
    yield (
        "evaluated",
        lambda: api.core.core.eval_jaxpr(closed().jaxpr, closed().consts, 3.0),
    )
    yield (
        "grad of evaluated",
        lambda: core.grad(
            lambda v: api.core.core.eval_jaxpr(closed().jaxpr, closed().consts, v)[0]
        )(3.0),
    )
    yield (
        "as a function",
        lambda: api.module("extend.core").jaxpr_as_fun(closed())(jnp.float32(2)),
    )
    yield "inverted", lambda: _inverse(core, jnp)(jnp.float32(1.5))
    yield (
        "variables in lists",
        lambda: [
            [v in e.invars for v in closed().jaxpr.invars] for e in closed().eqns[:0]
        ],
    )

    # ---- while tracing -------------------------------------------------------------

    yield "known while tracing", lambda: core.jit(_known(core, jnp))(x)
    yield "grad of known while tracing", lambda: core.grad(_known(core, jnp))(2.0)
    yield "named", lambda: core.named_call(jnp.sin, name="layer")(x)
    yield "in a scope", lambda: core.jit(core.named_scope("layer")(lambda v: v * 2))(x)
    yield "cleared", lambda: _cleared(core, x)

    # ---- what is refused -----------------------------------------------------------

    identity = lambda v, w=None: v  # noqa: E731 (a function of no interest)
    wrong = {
        "an unknown static name": lambda: core.jit(identity, static_argnames="z"),
        "an unknown donated name": lambda: core.jit(identity, donate_argnames="z"),
        "a static number too low": lambda: core.jit(identity, static_argnums=-3),
        "a name among numbers": lambda: core.jit(identity, static_argnums="v"),
        "a number among names": lambda: core.jit(identity, static_argnames=0),
        "static and donated": lambda: core.jit(
            identity, static_argnums=0, donate_argnums=0
        ),
        "a sharding that is none": lambda: core.jit(identity, in_shardings=3),
        "too few shardings": lambda: core.jit(identity, in_shardings=(here(),))(x, x),
        "result shardings that do not fit": lambda: core.jit(
            lambda v: (v, v), out_shardings=(here(),)
        )(x),
        "shardings and names": lambda: core.jit(
            identity, in_shardings=(here(), here())
        )(x, w=x),
        "an unknown compiler option": lambda: core.jit(
            identity, compiler_options={"xla_nothing": 1}
        )(x),
        "a compiler option of another kind": lambda: core.jit(
            identity, compiler_options={"xla_cpu_enable_fast_math": "perhaps"}
        )(x),
        "nested compiler options": lambda: core.jit(
            lambda v: core.jit(
                identity, compiler_options={"xla_cpu_enable_fast_math": True}
            )(v)
        )(x),
        "a donated array passed twice": lambda: core.jit(
            lambda v, w: v + w, donate_argnums=(0, 1)
        )(*[jnp.ones(2)] * 2),
        "another tree": lambda: compiled()(x, tree),
        "another dtype": lambda: compiled()(tree, x.astype(int)),
        "static arguments": lambda: compiled()(tree, x, 3),
        "compiled under jit": lambda: core.jit(compiled())(tree, x),
        "compiled under grad": lambda: core.grad(
            lambda v: core.jit(jnp.sum).lower(x).compile()(v)
        )(x),
        "an argument that is missing": lambda: core.jit(lambda v, w: v)(x),
        "a name that is unknown": lambda: core.jit(lambda v: v)(x, w=1),
        "a scope without a name": lambda: core.jit(core.named_scope(3)(jnp.sin))(x),
    }
    yield from wrong.items()


def _donated(core, x):
    return core.jit(lambda v, w: w + 1, donate_argnums=1).trace(x, x).lower()


def _serialized(api, x):
    module = api.module("experimental.serialize_executable")
    compiled = api.core.jit(lambda v: {"a": v * x}).lower(x).compile()
    return module.deserialize_and_load(*module.serialize(compiled))(x)


def _fed_back(step):
    values = [1.0]
    for _ in range(3):
        values.append(step(values[-1]))
    return values


def _inverse(core, jnp):
    inverses = {"exp": jnp.log, "tanh": jnp.arctanh}

    def inverted(y):
        jaxpr = core.make_jaxpr(lambda v: jnp.exp(jnp.tanh(v)))(y).jaxpr
        values = {jaxpr.outvars[0]: y}
        for eqn in reversed(jaxpr.eqns):
            (inner,), (outer,) = eqn.invars, eqn.outvars
            values[inner] = inverses[eqn.primitive.name](values[outer])
        return values[jaxpr.invars[0]]

    return inverted


def _known(core, jnp):
    @functools.wraps(_known)
    def function(v):
        with core.ensure_compile_time_eval():
            n = int(jnp.arange(3).sum())
            half = jnp.sin(v) * 0.5
        return half * n

    return function


def _cleared(core, x):
    traces = []
    f = core.jit(lambda v: traces.append(1) or v + 1)
    f(x), f(x)
    core.clear_caches()
    return f(x), len(traces)
