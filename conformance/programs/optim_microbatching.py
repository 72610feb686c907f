"""Batches in parts, and gradients of single examples."""

import numpy as np

RNG = np.random.default_rng(4)
X = RNG.normal(size=(6, 3)).astype(np.float32)
Y = RNG.normal(size=6).astype(np.float32)
W = RNG.normal(size=3).astype(np.float32)


def programs(api):
    core, jnp, micro = api.core, api.jnp, api.optim.microbatching
    kinds = micro.AccumulationType
    x, y, w = jnp.asarray(X), jnp.asarray(Y), jnp.asarray(W)

    def loss(w, x, y):
        return jnp.sum((x @ w - y) ** 2)

    for size in (1, 2, 3, None):
        yield (
            f"gradient in parts of {size}",
            lambda size=size: micro.microbatch(core.grad(loss), (1, 2), size)(w, x, y),
        )
        yield (
            f"micro_grad in parts of {size}",
            lambda size=size: as_dict(
                *micro.micro_grad(
                    loss,
                    batch_argnums=(1, 2),
                    microbatch_size=size,
                    transform_fn=lambda g: g**2,
                    metrics_fn=lambda g: jnp.sum(jnp.abs(g)),
                    accumulator=kinds.MEAN,
                )(w, x, y)
            ),
        )
        yield (
            f"micro_vmap in parts of {size}",
            lambda size=size: micro.micro_vmap(
                lambda w, x: (x @ w, x), (None, 0), microbatch_size=size
            )(w, x),
        )
    for kind in ("SUM", "MEAN", "RUNNING_MEAN", "CONCAT"):
        for real in (None, 2):
            yield (
                f"{kind} of {real} parts",
                lambda kind=kind, real=real: micro.microbatch(
                    lambda x: x * 2, 0, 2, kinds[kind], num_real_microbatches=real
                )(x),
            )
    yield (
        "a tree of kinds",
        lambda: micro.microbatch(
            lambda x: (x + 1, {"s": jnp.sum(x)}), 0, 3, (kinds.CONCAT, kinds.SUM)
        )(x),
    )
    yield (
        "keywords and axes",
        lambda: micro.microbatch(
            lambda x, *, y: jnp.sum(x * y), 0, 2, argnames="y", in_axes=(1, 0)
        )(x.T, y=y),
    )
    yield "reshape_batch_axis", lambda: micro.reshape_batch_axis({"x": x}, 2)
    yield "a size that does not divide", lambda: micro.microbatch(jnp.sum, 0, 4)(x)


def as_dict(grads, each):
    return {"grads": grads, "values": each.values, "metrics": each.metrics}
