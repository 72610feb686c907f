"""Dtypes, weak types and error classes of `lax` and `nn`."""

import numpy as np

ACTIVATIONS = [
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "tanh",
]
ELEMENTWISE = ["sin", "exp", "log1p", "lgamma", "erf", "sign", "neg", "abs", "rsqrt"]
ELEMENTWISE += ["cbrt", "logistic", "reciprocal", "is_finite", "round", "square"]


def programs(api):
    core, jnp, lax, nn = api.core, api.jnp, api.lax, api.nn
    x = jnp.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]])
    n = jnp.array([[3, 1, 2], [-1, 0, 5]])
    half = x.astype("bfloat16")
    weak = lax.full((2, 3), 1.5)

    for name in ACTIVATIONS:
        f = getattr(nn, name)
        yield f"nn {name}", lambda f=f: [f(x), f(half), f(weak), f(0.5)]
        yield f"nn {name} of integers", lambda f=f: f(n)
        yield f"nn {name} of booleans", lambda f=f: f(n > 0)
        yield f"nn {name} differentiated", lambda f=f: core.vmap(core.grad(f))(x[0])
    for name in ("softmax", "log_softmax", "logsumexp", "logmeanexp", "standardize"):
        f = getattr(nn, name)
        yield f"nn {name}", lambda f=f: [f(x), f(half), f(x, axis=0)]
        yield f"nn {name} of integers", lambda f=f: f(n)
        yield f"nn {name} of nothing", lambda f=f: f(x[:, :0])
        yield f"nn {name} of another axis", lambda f=f: f(x, axis=2)
        yield f"nn {name} masked", lambda f=f: f(x, axis=0, where=x > 0)
    yield "nn glu", lambda: [nn.glu(x, 0), nn.glu(half, 0)]
    yield "nn glu of an odd size", lambda: nn.glu(x, 1)
    yield (
        "nn one_hot",
        lambda: [
            nn.one_hot(n[0], 3),
            nn.one_hot(n[0], 3, axis=0),
            nn.one_hot(n, 2, dtype="int8"),
            nn.one_hot(1, 2),
        ],
    )
    yield "nn log1mexp", lambda: [nn.log1mexp(jnp.abs(x)), nn.log1mexp(1.0)]
    yield (
        "nn scaled_matmul of two axes",
        lambda: nn.scaled_matmul(x, x, x, x),
    )
    yield "nn config of no mode", lambda: nn.get_scaled_dot_general_config("fp8")
    yield (
        "nn scaled_dot_general without configs",
        lambda: nn.scaled_dot_general(x, x, (((1,), (1,)), ((), ()))),
    )

    initializers = nn.initializers
    key = api.random.key(3)
    for name in ("glorot_normal", "he_uniform", "lecun_normal", "orthogonal"):
        make = getattr(initializers, name)
        yield f"initializers {name}", lambda make=make: make()(key, (3, 4))
        yield f"initializers {name} of a vector", lambda make=make: make()(key, (3,))
    yield (
        "initializers delta_orthogonal",
        lambda: initializers.delta_orthogonal(2.0)(key, (3, 2, 4)),
    )
    yield (
        "initializers delta_orthogonal of a matrix",
        lambda: initializers.delta_orthogonal()(key, (3, 2)),
    )
    yield (
        "initializers delta_orthogonal with fewer outputs",
        lambda: initializers.delta_orthogonal()(key, (3, 4, 2)),
    )

    for name in ELEMENTWISE:
        f = getattr(lax, name)
        yield f"lax {name}", lambda f=f: [f(x), f(half), f(weak), f(0.5)]
        yield f"lax {name} of integers", lambda f=f: f(n)
        yield f"lax {name} of booleans", lambda f=f: f(n > 0)
    for name in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"):
        f = getattr(lax, name)
        yield (
            f"lax {name}",
            lambda f=f: [f(x, (0,)), f(n, (0, 1)), f(half, (1,)), f(weak, ())],
        )
        yield f"lax {name} of a missing axis", lambda f=f: f(x, (2,))
    for name in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"):
        f = getattr(lax, name)
        yield f"lax {name}", lambda f=f: [f(x, 1), f(x, 0, reverse=True), f(half, 0)]
        yield f"lax {name} of integers", lambda f=f: f(n, 1)
        yield f"lax {name} of an axis from the end", lambda f=f: f(x, -1)
    for name in ("argmax", "argmin"):
        f = getattr(lax, name)
        yield f"lax {name}", lambda f=f: [f(x, 0, np.int8), f(n, 1, np.uint32)]
        yield f"lax {name} as floats", lambda f=f: f(x, 0, np.float32)
        yield f"lax {name} of nothing", lambda f=f: f(x[:0], 0, np.int32)

    times = (1.0, lambda a, b: a * b * 1)
    yield "lax reduce", lambda: lax.reduce(x, *times, (0,))
    yield (
        "lax reduce differentiated",
        lambda: core.grad(lambda x: lax.reduce(x, *times, (0, 1)))(x),
    )
    yield "lax reduce of weak numbers", lambda: lax.reduce(weak, *times, (0,))
    yield "lax reduce from integers", lambda: lax.reduce(n, 1.5, lax.add, (0,))
    yield "lax reduce of nothing", lambda: lax.reduce((), (), lambda a, b: a, (0,))

    def both(a, b):
        return a[0] + b[0], lax.max(a[1], b[1])

    def pairs(x):
        inits = jnp.float32(0), jnp.float32(-np.inf)
        return lax.reduce_window((x, -x), inits, both, (2, 1))

    yield "lax reduce_window of two arrays", lambda: pairs(x)
    yield (
        "lax reduce_window of two arrays, mapped",
        lambda: core.vmap(pairs)(jnp.stack([x, x + 1])),
    )
    yield (
        "lax reduce_window of two arrays, tangents",
        lambda: core.jvp(pairs, (x,), (x,)),
    )
    yield (
        "lax reduce_window",
        lambda: [
            lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (1, 2), "SAME"),
            lax.reduce_window(n, 0, lax.add, (2, 1), base_dilation=(2, 1)),
            lax.reduce_window(weak, 0.0, lax.add, (1, 2)),
        ],
    )
    yield (
        "lax reduce_window from another dtype",
        lambda: lax.reduce_window(n, 0.5, lax.add, (1, 1)),
    )
    yield (
        "lax reduce_window of too few sizes",
        lambda: lax.reduce_window(x, 0.0, lax.add, (1,)),
    )

    sizes = jnp.array([1, 1])
    w = jnp.arange(12.0).reshape(2, 3, 2)
    yield (
        "lax ragged_dot",
        lambda: [
            lax.ragged_dot(x, w, sizes),
            lax.ragged_dot(half, w.astype(half.dtype), sizes),
            lax.ragged_dot(n, n[None].mT, sizes[:1]),
            lax.ragged_dot(
                half, w.astype(half.dtype), sizes, preferred_element_type=x.dtype
            ),
        ],
    )
    yield "lax ragged_dot beyond the rows", lambda: lax.ragged_dot(x, w, sizes * 2)
    yield (
        "lax ragged_dot differentiated",
        lambda: core.grad(
            lambda x, w: jnp.sum(lax.ragged_dot(x, w, sizes) ** 2), (0, 1)
        )(x, w),
    )
    yield "lax ragged_dot of real sizes", lambda: lax.ragged_dot(x, w, sizes * 1.0)
    yield "lax ragged_dot of too many sizes", lambda: lax.ragged_dot(x, w, n[0])
    contracting = lax.RaggedDotDimensionNumbers((((0,), (0,)), ((), ())), [0], [])
    yield (
        "lax ragged_dot_general of a contracting axis",
        lambda: lax.ragged_dot_general(x, x, sizes, contracting),
    )

    long = jnp.arange(32.0).reshape(4, 8)
    scales = jnp.full((4, 2), 2.0)
    yield (
        "lax scaled_dot",
        lambda: [
            lax.scaled_dot(long, long.T, lhs_scale=scales),
            lax.scaled_dot(
                long, long.T, rhs_scale=scales.T, preferred_element_type=x.dtype
            ),
            lax.scaled_dot(long.astype("float8_e4m3fn"), long.T),
        ],
    )

    yield "lax top_k", lambda: [list(lax.top_k(a, 2)) for a in (x, n, half)]
    yield "lax top_k of too many", lambda: lax.top_k(x, 4)
    yield (
        "lax sort of several",
        lambda: lax.sort((n, x), dimension=0, num_keys=2),
    )
    yield "lax sort of different shapes", lambda: lax.sort((n, x[0]))
    yield "lax clamp", lambda: [lax.clamp(0.0, x, 1.0), lax.clamp(0, n, 2)]
    yield "lax clamp between other dtypes", lambda: lax.clamp(0, x, 1)
    yield (
        "lax dtypes of numbers",
        lambda: [str(lax.dtype(v)) for v in (True, 1, 1.0, 1j, n)],
    )
    yield "lax dtype of nothing", lambda: lax.dtype(None)
    yield "lax mulhi", lambda: [lax.mulhi(n, n), lax.mulhi(2**30, 7)]
    yield "lax mulhi of floats", lambda: lax.mulhi(x, x)
    yield "lax approx_max_k", lambda: list(lax.approx_max_k(x, 2))
    yield "lax approx_max_k of integers", lambda: lax.approx_max_k(n, 2)
    yield (
        "lax reduce_precision",
        lambda: [lax.reduce_precision(x / 3, 5, 10), lax.reduce_precision(1 / 3, 8, 7)],
    )
    yield "lax reduce_precision of integers", lambda: lax.reduce_precision(n, 5, 10)
    yield "lax Tolerance of nothing", lambda: lax.Tolerance()
    yield (
        "lax shapes of convolutions",
        lambda: [
            list(map(int, shape))
            for shape in (
                lax.conv_shape_tuple((1, 3, 8, 8), (4, 3, 3, 3), (1, 2), "SAME"),
                lax.conv_transpose_shape_tuple(
                    (1, 8, 8, 3), (3, 2, 3, 4), (3, 2), "SAME", ("NHWC", "HWIO", "NHWC")
                ),
            )
        ],
    )
