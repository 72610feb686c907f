"""Derivatives in every form."""

import numpy as np


def programs(api):
    core, jnp, lax, tree_util = api.core, api.jnp, api.lax, api.tree_util
    x = jnp.array([0.3, -1.2, 2.0])
    m = jnp.array([[1.0, 0.5, -0.25], [0.75, 2.0, 0.1]])
    z = jnp.array([0.5 + 1.0j, -1.5 + 0.25j])
    params = {"w": m, "b": (jnp.array([0.1, -0.2]), 0.5)}

    def loss(p, x):
        return jnp.sum(jnp.tanh(p["w"] @ x + p["b"][0]) ** 2) * p["b"][1]

    yield "grad of a polynomial", lambda: core.grad(lambda x: x**3 - 2 * x)(2.0)
    yield "grad keeps the dtype", lambda: core.grad(lambda x: x * x)(jnp.float16(3))
    yield "grad of bfloat16", lambda: core.grad(jnp.sin)(jnp.bfloat16(0.5))
    yield "grad of a weak scalar", lambda: core.grad(jnp.sin)(0.5)
    yield "grad of a numpy scalar", lambda: core.grad(jnp.sin)(np.float32(0.5))
    yield "grad in a tree", lambda: core.grad(loss)(params, x)
    yield "grad by two arguments", lambda: core.grad(loss, argnums=(0, 1))(params, x)
    yield "grad by the last argument", lambda: core.grad(loss, argnums=-1)(params, x)
    yield (
        "grad with aux",
        lambda: core.grad(lambda x: (jnp.sum(x**2), {"twice": 2 * x}), has_aux=True)(x),
    )
    yield "value and grad", lambda: core.value_and_grad(loss)(params, x)
    yield (
        "value and grad with aux",
        lambda: core.value_and_grad(lambda x: (jnp.sum(x), x), has_aux=True)(x),
    )
    yield "grad of a constant", lambda: core.grad(lambda x: 3.0)(1.0)
    yield "grad of an unused argument", lambda: core.grad(lambda x, y: x, 1)(1.0, x)
    yield (
        "grad through integers",
        lambda: core.grad(lambda x: x * jnp.floor(x).astype(int))(2.5),
    )
    yield (
        "grad with allow_int",
        lambda: core.grad(lambda n, x: n * x, argnums=(0, 1), allow_int=True)(3, 2.0),
    )
    yield (
        "grad of holomorphic",
        lambda: core.grad(lambda z: jnp.sin(z) * z, holomorphic=True)(1.0 + 2.0j),
    )
    yield (
        "grad of a real function of complex",
        lambda: core.grad(lambda z: jnp.sum(jnp.abs(z) ** 2))(z),
    )
    yield (
        "grad by real through complex",
        lambda: core.grad(lambda x: jnp.real(jnp.sum(jnp.exp(1j * x))))(x),
    )
    yield (
        "second derivative",
        lambda: core.grad(core.grad(lambda x: jnp.sin(x) * x))(0.7),
    )
    yield "third derivative", lambda: core.grad(core.grad(core.grad(jnp.tanh)))(0.3)
    yield "grad of jit of grad", lambda: core.grad(core.jit(core.grad(jnp.exp)))(0.3)
    yield "grad with keywords", lambda: core.grad(lambda x, *, n: x**n)(2.0, n=3)
    yield (
        "grad with python control flow",
        lambda: core.grad(lambda x: x**2 if x > 0 else -x)(-3.0),
    )
    yield (
        "grad of where",
        lambda: core.grad(lambda x: jnp.sum(jnp.where(x > 0, x**2, -x)))(x),
    )
    yield "grad of max with ties", lambda: core.grad(jnp.max)(jnp.array([1.0, 1, 0]))
    yield (
        "grad of maximum with ties",
        lambda: core.grad(lambda x: jnp.sum(jnp.maximum(x, jnp.array([1.0, 0.5]))))(
            jnp.array([1.0, 2.0])
        ),
    )
    yield "grad of abs at zero", lambda: core.grad(jnp.abs)(0.0)
    yield "grad of sqrt at zero", lambda: core.grad(jnp.sqrt)(0.0)
    yield "grad of power at zero", lambda: core.grad(lambda x: x**2)(0.0)
    yield "grad of a power by its exponent", lambda: core.grad(jnp.power, 1)(2.0, 3.0)
    yield "grad of sort", lambda: core.grad(lambda x: jnp.sort(x) @ x)(x)
    yield "grad of cumsum", lambda: core.grad(lambda x: jnp.cumsum(x) @ x)(x)
    yield "grad of cumprod", lambda: core.grad(lambda x: jnp.cumprod(x) @ x)(x)
    yield "grad of indexing", lambda: core.grad(lambda x: x[1] * x[-1])(x)
    yield (
        "grad of a gather with repeats",
        lambda: core.grad(lambda x: jnp.sum(x[jnp.array([0, 0, 2])] ** 2))(x),
    )
    yield (
        "grad of at set",
        lambda: core.grad(lambda x: jnp.sum(x.at[0].set(5.0) ** 2))(x),
    )
    yield (
        "grad of at set by the value",
        lambda: core.grad(lambda v: jnp.sum(x.at[1].set(v) ** 2))(2.0),
    )
    yield (
        "grad of at mul",
        lambda: core.grad(lambda x: jnp.sum(x.at[jnp.array([0, 1])].mul(3.0) ** 2))(x),
    )
    yield (
        "grad of at max",
        lambda: core.grad(lambda x: jnp.sum(x.at[0].max(1.0) ** 2))(x),
    )
    yield (
        "grad of prod with a zero",
        lambda: core.grad(jnp.prod)(jnp.array([2.0, 0.0, 3.0])),
    )
    yield (
        "grad of logsumexp",
        lambda: core.grad(lambda x: jnp.log(jnp.sum(jnp.exp(x))))(x),
    )
    yield "grad of softmax", lambda: core.grad(lambda x: api.nn.softmax(x)[0])(x)
    yield "grad of relu at zero", lambda: core.grad(api.nn.relu)(0.0)
    yield "grad of std", lambda: core.grad(jnp.std)(x)
    yield (
        "grad of einsum",
        lambda: core.grad(lambda m: jnp.sum(jnp.einsum("ij,kj->ik", m, m) ** 2))(m),
    )
    yield (
        "grad of a convolution",
        lambda: core.grad(
            lambda k: jnp.sum(
                lax.conv(jnp.ones((1, 1, 4, 4)), k, (1, 1), "SAME")[0, 0, :2] ** 2
            )
        )(jnp.arange(9.0).reshape(1, 1, 3, 3)),
    )
    yield (
        "grad of stop_gradient",
        lambda: core.grad(lambda x: x * lax.stop_gradient(x))(3.0),
    )
    yield (
        "grad of clip",
        lambda: core.grad(lambda x: jnp.sum(jnp.clip(x, -1.0, 1.0)))(x),
    )
    yield "grad of sinc", lambda: core.grad(jnp.sinc)(0.0)
    yield "grad of arctan2", lambda: core.grad(jnp.arctan2, (0, 1))(1.0, 2.0)
    yield "grad of round", lambda: core.grad(jnp.round)(2.3)

    yield "jvp", lambda: core.jvp(jnp.sin, (x,), (jnp.ones(3),))
    yield (
        "jvp of two arguments",
        lambda: core.jvp(lambda x, y: {"p": x * y, "q": x}, (2.0, 3.0), (1.0, 0.5)),
    )
    yield (
        "jvp with aux",
        lambda: core.jvp(lambda x: (x**2, x), (3.0,), (1.0,), has_aux=True),
    )
    yield (
        "jvp by an integer",
        lambda: core.jvp(
            lambda n, x: n * x, (3, 2.0), (np.zeros((), core.dtypes.float0), 1.0)
        ),
    )
    yield (
        "jvp of jvp",
        lambda: core.jvp(lambda x: core.jvp(jnp.sin, (x,), (1.0,))[1], (0.5,), (1.0,)),
    )
    yield "vjp", lambda: core.vjp(lambda x, y: (x * y, x + y), 2.0, 3.0)[1]((1.0, 10.0))
    yield "vjp value", lambda: core.vjp(loss, params, x)[0]
    yield "vjp in a tree", lambda: core.vjp(lambda p: loss(p, x), params)[1](2.0)
    yield (
        "vjp with aux",
        lambda: core.vjp(lambda x: (x**2, {"a": x}), x, has_aux=True)[2],
    )
    yield "vjp of complex", lambda: core.vjp(lambda z: z * z, z)[1](z)
    yield (
        "linearize",
        lambda: core.linearize(lambda x: jnp.sin(x) * x, x)[1](jnp.ones(3)),
    )
    yield (
        "linearize twice",
        lambda: [
            core.linearize(lambda p: loss(p, x), params)[1](
                tree_util.tree_map(f, params)
            )
            for f in (jnp.ones_like, jnp.zeros_like)
        ],
    )
    yield (
        "linear transpose",
        lambda: core.linear_transpose(lambda x: 2 * m @ x, x)(jnp.array([1.0, 2.0])),
    )
    yield "jacfwd", lambda: core.jacfwd(lambda x: jnp.sin(m @ x))(x)
    yield "jacrev", lambda: core.jacrev(lambda x: jnp.sin(m @ x))(x)
    yield (
        "jacrev of a tree",
        lambda: core.jacrev(lambda p: {"y": p["b"][0] * p["b"][1]})(params),
    )
    yield (
        "jacfwd by two arguments",
        lambda: core.jacfwd(lambda x, y: x * y, argnums=(0, 1))(x, x),
    )
    yield "jacrev with aux", lambda: core.jacrev(lambda x: (x**2, x), has_aux=True)(x)
    yield "hessian", lambda: core.hessian(lambda x: jnp.sum(jnp.exp(x) * x[0]))(x)
    yield (
        "hessian in a tree",
        lambda: core.hessian(lambda p: p["a"] ** 2 * jnp.sum(p["b"]))(
            {"a": 2.0, "b": jnp.array([1.0, 2.0])}
        ),
    )
    yield (
        "hessian of a jitted function",
        lambda: core.hessian(core.jit(lambda x: jnp.prod(x) ** 2))(x),
    )
    yield (
        "per example gradients",
        lambda: core.vmap(core.grad(lambda w, x: jnp.tanh(w @ x)), (None, 0))(
            x, jnp.stack([x, 2 * x])
        ),
    )
    yield (
        "checkpoint",
        lambda: core.grad(
            lambda x: jnp.sum(core.checkpoint(lambda x: jnp.sin(jnp.sin(x)))(x))
        )(x),
    )
    yield (
        "checkpoint with a policy",
        lambda: core.grad(
            core.checkpoint(
                lambda x: jnp.sum(jnp.sin(m @ x)),
                policy=core.checkpoint_policies.dots_saveable,
            )
        )(x),
    )
    yield (
        "float0 of an integer argument",
        lambda: core.vjp(lambda n, x: n * x, jnp.array([1, 2]), 2.0)[1](jnp.ones(2)),
    )
    yield (
        "printed equations of a gradient",
        lambda: [
            str(v.aval.dtype)
            for v in core.make_jaxpr(core.grad(lambda x: jnp.sum(x * x)))(
                x
            ).jaxpr.invars
        ],
    )
