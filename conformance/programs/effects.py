"""Callbacks, the order they run in, and what `checkpoint` recomputes."""

import itertools

import numpy as np


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    io_callback = api.experimental.io_callback
    policies = core.checkpoint_policies
    checkpoint_name = api.ad_checkpoint.checkpoint_name
    x = jnp.array([0.5, -1.0, 2.0])
    w = jnp.arange(9.0).reshape(3, 3) / 5 - 1
    scalar = core.ShapeDtypeStruct((), np.float32)

    # ---- callbacks -----------------------------------------------------------------

    def like(x):
        return core.ShapeDtypeStruct(x.shape, x.dtype)

    def host_sin(x):
        return np.sin(np.asarray(x))

    def sin(x, method=None):
        return core.pure_callback(host_sin, like(x), x, vmap_method=method)

    def shapes_seen(method):
        seen = []

        def add(x, y):
            seen.append((np.shape(x), np.shape(y)))
            return np.asarray(x) + np.asarray(y)

        def one(x, y):
            return core.pure_callback(add, like(x), x, y, vmap_method=method)

        out = core.vmap(one, in_axes=(0, None))(x, jnp.float32(2.0))
        return core.block_until_ready(out), str(sorted(seen))

    def counted(f, *args):
        """The order in which `f(note)` notes, and its result."""
        seen = []

        def note(tag, value=0.0, ordered=True):
            core.debug.callback(
                lambda v: seen.append((tag, float(v))), value, ordered=ordered
            )

        out = core.block_until_ready(core.jit(f(note))(*args))
        core.effects_barrier()
        return out, str(seen)

    def in_loops(note):
        def step(i, x):
            note("step", x)
            return lax.cond(i % 2 == 0, lambda x: (note("even", x), x + 1)[1], inc, x)

        def inc(x):
            note("odd", x)
            return x + 2

        return lambda x: lax.fori_loop(0, 5, step, x)

    def in_while(note):
        def keep(x):
            note("keep", x)
            return x < 3

        def body(x):
            note("body", x)
            return x + 1

        return lambda x: lax.while_loop(keep, body, x)

    def in_calls(note):
        inner = core.jit(lambda x: (note("inner", x), x * 2)[1])
        return lambda x: (note("before", x), inner(inner(x)), note("after", x))[1]

    def recomputed(note):
        f = core.checkpoint(lambda x: (note("here", x), jnp.sin(x))[1])
        return core.grad(f)

    def draws():
        counter = itertools.count()
        number = core.ShapeDtypeStruct((), np.int32)

        def draw(carry, _):
            return carry, io_callback(
                lambda: np.int32(next(counter)), number, ordered=True
            )

        return lax.scan(draw, 0.0, None, length=4)[1]

    yield "pure callback", lambda: sin(x)
    yield "pure callback under jit", lambda: core.jit(sin)(x)
    yield (
        "pure callback with a tree",
        lambda: core.pure_callback(
            lambda a: {"s": np.float32(np.sum(a)), "n": (np.int32(3),)},
            {"s": scalar, "n": (core.ShapeDtypeStruct((), np.int32),)},
            x,
        ),
    )
    for method in (
        "sequential",
        "sequential_unrolled",
        "expand_dims",
        "broadcast_all",
        "legacy_vectorized",
    ):
        yield f"vmap of pure callback, {method}", lambda m=method: shapes_seen(m)
    yield "vmap of pure callback without method", lambda: core.vmap(sin)(x)
    yield "vmap of pure callback by another method", lambda: sin(x, "all")
    yield "grad of pure callback", lambda: core.grad(sin)(jnp.float32(1.0))
    yield (
        "jvp of io callback",
        lambda: core.jvp(lambda x: io_callback(host_sin, scalar, x), (1.0,), (1.0,)),
    )
    yield (
        "vmap of io callback",
        lambda: core.vmap(lambda x: io_callback(host_sin, scalar, x))(x),
    )
    yield (
        "vmap of ordered io callback",
        lambda: core.vmap(lambda x: io_callback(host_sin, scalar, x, ordered=True))(x),
    )
    yield "io callbacks draw in order", draws
    yield "order in loops and branches", lambda: counted(in_loops, jnp.float32(0.0))
    yield "order in while", lambda: counted(in_while, jnp.float32(0.0))
    yield "order in calls", lambda: counted(in_calls, jnp.float32(1.0))
    yield "effects of a recomputation", lambda: counted(recomputed, jnp.float32(1.0))
    yield "print with an unused value", lambda: core.debug.print("x", 1.0)
    yield "print of no string", lambda: core.debug.print(1.0)
    yield "debug callback of no function", lambda: core.debug.callback(1.0)

    # ---- checkpoint ----------------------------------------------------------------

    def layers(w, x):
        x = checkpoint_name(jnp.sin(w @ x), "first")
        x = checkpoint_name(jnp.cos(w @ x), "second")
        return (x * jnp.sin(w @ x)).sum()

    def looped(w, x):
        def step(x, row):
            return jnp.sin(checkpoint_name(w @ x, "first")) + row, jnp.cos(x).sum()

        last, ys = lax.scan(step, x, w)
        return (last * x).sum() + (ys**2).sum()

    chosen = {
        "nothing": policies.nothing_saveable,
        "everything": policies.everything_saveable,
        "dots": policies.dots_saveable,
        "dots without batch": policies.dots_with_no_batch_dims_saveable,
        "one name": policies.save_only_these_names("first"),
        "no name": policies.save_any_names_but_these("first"),
        "all but a name": policies.save_anything_except_these_names("second"),
        "both": policies.save_from_both_policies(
            policies.dots_saveable, policies.save_only_these_names("second")
        ),
    }
    for name, policy in chosen.items():
        for f in (layers, looped):
            yield (
                f"grad of checkpointed {f.__name__}, keeping {name}",
                lambda f=f, policy=policy: core.jit(
                    core.grad(core.checkpoint(f, policy=policy), (0, 1))
                )(w, x),
            )
    yield (
        "checkpoint of checkpoint",
        lambda: core.grad(core.checkpoint(lambda x: core.checkpoint(jnp.sin)(x).sum()))(
            x
        ),
    )
    yield (
        "hessian of checkpoint",
        lambda: core.hessian(core.checkpoint(lambda x: jnp.sin(x).prod()))(x),
    )
    yield (
        "checkpoint with static arguments",
        lambda: core.grad(
            core.checkpoint(lambda n, x: x**n if n > 1 else x, static_argnums=0),
            argnums=1,
        )(3, 2.0),
    )
    yield (
        "checkpoint that looks at a value",
        lambda: core.checkpoint(lambda x: x if x > 0 else -x)(1.0),
    )
    yield (
        "checkpoint with a policy of another answer",
        lambda: core.grad(core.checkpoint(jnp.sin, policy=lambda *_, **__: "yes"))(1.0),
    )
    yield "checkpoint that returns text", lambda: core.checkpoint(lambda x: "a")(x)
    yield (
        "a name both saved and offloaded",
        lambda: policies.save_and_offload_only_these_names(
            names_which_can_be_saved=["a"],
            names_which_can_be_offloaded=["a"],
            offload_src="device",
            offload_dst="pinned_host",
        ),
    )
