"""Rules, solvers, state, checks and callbacks beyond plain functions."""

import numpy as np


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    derivatives, batching = api.custom_derivatives, api.custom_batching
    x = jnp.array([0.5, -1.0, 2.0])
    m = jnp.array([[4.0, 1.0], [1.0, 3.0]])

    @core.custom_gradient
    def doubled(x):
        return x**2, lambda ct: 100 * ct * x

    yield "custom gradient", lambda: core.value_and_grad(doubled)(3.0)
    yield "custom gradient under vmap", lambda: core.vmap(core.grad(doubled))(x)
    yield (
        "closure convert",
        lambda: _closure(core, jnp),
    )
    yield (
        "linear call",
        lambda: core.grad(
            lambda v: jnp.sum(
                derivatives.linear_call(
                    lambda r, v: r * v, lambda r, ct: 10 * r * ct, 3.0, v
                )
            )
        )(x),
    )

    def solve(f, guess):
        return lax.fori_loop(0, 20, lambda _, v: v - f(v) / (3 * v**2), guess)

    def root(a):
        return lax.custom_root(lambda v: v**3 - a, 1.0, solve, lambda g, y: y / g(1.0))

    yield "custom root", lambda: root(8.0)
    yield "grad of custom root", lambda: core.grad(root)(8.0)
    yield "vmap of custom root", lambda: core.vmap(root)(jnp.array([1.0, 8.0, 27.0]))

    def linear_solve(b, m=m):
        return lax.custom_linear_solve(
            lambda v: m @ v,
            b,
            lambda f, b: jnp.array([3 * b[0] - b[1], 4 * b[1] - b[0]]) / 11,
            symmetric=True,
        )

    yield "custom linear solve", lambda: linear_solve(jnp.array([1.0, 2.0]))
    yield (
        "grad of custom linear solve",
        lambda: core.grad(lambda b: jnp.sum(linear_solve(b) ** 2))(
            jnp.array([1.0, 2.0])
        ),
    )
    yield (
        "associative scan",
        lambda: [
            lax.associative_scan(jnp.add, jnp.arange(5.0)),
            lax.associative_scan(jnp.multiply, m, axis=1, reverse=True),
        ],
    )
    yield (
        "grad of associative scan",
        lambda: core.grad(
            lambda v: jnp.sum(lax.associative_scan(jnp.multiply, v) ** 2)
        )(x),
    )

    @batching.custom_vmap
    def counted(x, y):
        return x + y

    @counted.def_vmap
    def _(size, batched, x, y):
        return 100 * size + x + y, True

    yield "custom vmap", lambda: [counted(1.0, 2.0), core.vmap(counted)(x, x)]
    yield (
        "custom vmap of one argument",
        lambda: core.vmap(counted, (0, None))(x, 1.0),
    )
    yield (
        "sequential vmap",
        lambda: core.vmap(batching.sequential_vmap(lambda v: v * 2))(x),
    )
    jet = api.module("experimental.jet").jet
    yield "jet of sin", lambda: jet(jnp.sin, (x[0],), [[x[0], 0 * x[0], x[1]]])
    yield (
        "jet of a composition",
        lambda: jet(lambda v: jnp.exp(v) * jnp.tanh(v), (x,), [[x**2, x + 1]]),
    )
    yield (
        "named residuals",
        lambda: core.grad(
            core.checkpoint(
                lambda v: jnp.sin(
                    api.ad_checkpoint.checkpoint_name(jnp.sin(v), "inner")
                ),
                policy=core.checkpoint_policies.save_only_these_names("inner"),
            )
        )(0.5),
    )

    # ---- refs ----

    def summed(values):
        total = core.new_ref(jnp.zeros(()))
        for value in values:
            total[...] += value**2
        return core.freeze(total)

    yield "a ref", lambda: summed(x)
    yield "a ref under jit", lambda: core.jit(summed)(x)
    yield "grad through a ref", lambda: core.grad(core.jit(summed))(x)

    def filled(n):
        ref = core.new_ref(jnp.zeros(4))

        def step(i, carry):
            ref[i] = i * 2.0
            return carry

        lax.fori_loop(0, n, step, 0)
        return ref[...]

    yield "a ref in a loop", lambda: core.jit(lambda: filled(3))()
    yield "a ref read and set outside", lambda: _ref(core, jnp)

    # ---- checks ----

    checkify = api.module("experimental.checkify")

    def checked(f, *args, errors=checkify.all_checks):
        error, value = checkify.checkify(f, errors=errors)(*args)
        text = error.get()
        return value, text is None

    def positive(v):
        checkify.check(v > 0, "must be positive")
        return jnp.log(v)

    yield "a check that holds", lambda: checked(positive, 2.0)
    yield "a check that fails", lambda: checked(positive, -2.0)
    yield "a check under jit", lambda: checked(core.jit(positive), -2.0)
    yield (
        "a check of nan",
        lambda: checked(jnp.sin, jnp.inf, errors=checkify.float_checks),
    )
    yield (
        "a check of division",
        lambda: checked(lambda a: x / a, 0.0, errors=checkify.div_checks),
    )
    yield (
        "a check of indices",
        lambda: checked(lambda i: x[i], 7, errors=checkify.index_checks)[1],
    )
    yield (
        "a failed check is raised",
        lambda: checkify.checkify(positive)(-1.0)[0].throw(),
    )

    # ---- callbacks ----

    def on_host(v):
        return core.pure_callback(
            lambda v: np.sin(v),
            core.ShapeDtypeStruct(v.shape, v.dtype),
            v,
            vmap_method="sequential",
        )

    yield "a pure callback", lambda: core.jit(on_host)(x)
    yield "a pure callback under vmap", lambda: core.vmap(on_host)(x)
    yield (
        "debug print inside jit",
        lambda: core.jit(lambda v: (core.debug.print("{}", v), v)[1])(1.0),
    )

    # ---- collectives over a mapped axis ----

    for name in ("psum", "pmean", "pmax", "pmin", "all_gather"):
        yield (
            f"{name} over a mapped axis",
            lambda name=name: core.vmap(
                lambda v: getattr(lax, name)(v, "i"), axis_name="i"
            )(x),
        )
    yield (
        "axis index",
        lambda: core.vmap(lambda v: v * lax.axis_index("i"), axis_name="i")(x),
    )
    yield (
        "axis size",
        lambda: core.vmap(lambda v: v * lax.axis_size("i"), axis_name="i")(x),
    )
    yield (
        "ppermute",
        lambda: core.vmap(
            lambda v: lax.ppermute(v, "i", [(0, 1), (1, 2), (2, 0)]), axis_name="i"
        )(x),
    )
    yield (
        "grad of psum",
        lambda: core.vmap(core.grad(lambda v: lax.psum(v**2, "i")), axis_name="i")(x),
    )
    yield "a psum over a missing axis", lambda: lax.psum(x, "nothing")


def _closure(core, jnp):
    y = jnp.array(3.0)
    converted, consts = core.closure_convert(lambda v: v * y, 2.0)
    return converted(2.0, *consts)


def _ref(core, jnp):
    ref = core.new_ref(jnp.arange(3.0))
    before = ref[1]
    ref[1] = 10.0
    ref[0] += 5.0
    return before, ref[...], ref.shape == (3,), core.freeze(ref)
