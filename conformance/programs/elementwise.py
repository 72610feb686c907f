"""Functions of one or two elements, over dtypes and unusual values."""

import numpy as np

UNARY = [
    "abs",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cbrt",
    "ceil",
    "conj",
    "cos",
    "cosh",
    "deg2rad",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log10",
    "log1p",
    "log2",
    "logical_not",
    "negative",
    "positive",
    "rad2deg",
    "reciprocal",
    "rint",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
]
BINARY = [
    "add",
    "arctan2",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "copysign",
    "divide",
    "equal",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "less",
    "less_equal",
    "logaddexp",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "nextafter",
    "not_equal",
    "power",
    "remainder",
    "subtract",
    "left_shift",
    "right_shift",
    "divmod",
    "float_power",
]
LAX = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erf_inv",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "is_finite",
    "lgamma",
    "log",
    "log1p",
    "logistic",
    "neg",
    "population_count",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]
NN = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh",
    "logsumexp",
    "standardize",
]


def programs(api):
    core, jnp, lax, nn = api.core, api.jnp, api.lax, api.nn
    floats = jnp.array([0.0, 0.25, 0.5, -0.75, 1.0, 2.5, -3.0])
    extremes = jnp.array([np.inf, -np.inf, np.nan, -0.0, 3e38, 1e-40])
    integers = jnp.array([0, 1, -2, 5, 7])
    other = jnp.array([3, -2, 2, 5, -1])
    bits = jnp.array([True, False])

    def both(function):
        return lambda: [function(floats), function(extremes)]

    for name in UNARY:
        yield f"numpy {name}", both(getattr(jnp, name))
        yield f"numpy {name} of integers", lambda f=getattr(jnp, name): f(integers)
    for name in BINARY:
        f = getattr(jnp, name)
        yield f"numpy {name} of floats", lambda f=f: [f(floats, 0.5), f(2.5, floats)]
        yield f"numpy {name} of integers", lambda f=f: f(integers, jnp.abs(other))
        yield f"numpy {name} of bools", lambda f=f: f(bits, bits[::-1])
    for name in LAX:
        yield f"lax {name}", lambda f=getattr(lax, name): f(floats)
    for name in NN:
        wide = jnp.stack([floats, 2 * floats], 1)
        yield f"nn {name}", lambda f=getattr(nn, name), x=wide: f(x)
        yield (
            f"grad of nn {name}",
            lambda f=getattr(nn, name), x=wide: core.grad(
                lambda x: jnp.sum(f(x) * x[:, :1])
            )(x),
        )
    yield "one hot", lambda: nn.one_hot(jnp.array([0, 2, 5, -1]), 4)
    yield "one hot of another dtype", lambda: nn.one_hot(2, 3, dtype="int8", axis=0)
    yield "softmax with where", lambda: nn.softmax(floats, where=floats > 0)
    yield "logsumexp with weights", lambda: nn.logsumexp(floats, b=jnp.abs(floats))
    yield (
        "logsumexp with signs",
        lambda: nn.logsumexp(floats, b=floats, return_sign=True),
    )
    yield (
        "complex functions",
        lambda: [
            f(jnp.array([1 + 2j, -0.5j, 0]))
            for f in (
                jnp.exp,
                jnp.log,
                jnp.sqrt,
                jnp.sin,
                jnp.tanh,
                jnp.abs,
                jnp.angle,
                jnp.sign,
            )
        ],
    )
    yield (
        "integer division by zero",
        lambda: [
            jnp.array([1, -1, 0]) // jnp.array([0, 0, 0]),
            jnp.array([1, -1, 0]) % jnp.array([0, 0, 0]),
        ],
    )
    yield "integer powers", lambda: [integers**n for n in (0, 1, 2, 3)]
    yield "float powers of negatives", lambda: floats**0.5
    yield (
        "wrapping integers",
        lambda: [
            jnp.int8(100) + jnp.int8(100),
            jnp.uint8(3) - jnp.uint8(5),
            -jnp.uint8(1),
            jnp.int32(2**30) * 4,
        ],
    )
    yield (
        "conversions of floats to integers",
        lambda: [
            jnp.array([1.9, -1.9, 300.0, np.nan, np.inf]).astype(d)
            for d in ("int8", "uint8", "int32", "bool")
        ],
    )
    yield (
        "conversions between floats",
        lambda: [
            jnp.array([1 / 3, 1e5, -1e-8]).astype(d) for d in ("bfloat16", "float16")
        ],
    )
    yield (
        "conversions of integers",
        lambda: [
            jnp.array([300, -1, 70000]).astype(d)
            for d in ("int8", "uint8", "uint16", "float16")
        ],
    )
    yield (
        "clip",
        lambda: [
            jnp.clip(floats, -1, 1),
            jnp.clip(integers, 0, None),
            jnp.clip(floats, max=0.5),
        ],
    )
    yield "round to decimals", lambda: jnp.round(jnp.array([1.2345, -2.5, 3.5]), 2)
    yield "nan_to_num", lambda: jnp.nan_to_num(extremes)
    yield "isclose", lambda: jnp.isclose(floats, floats + 1e-6)
    yield "bit casts", lambda: lax.bitcast_convert_type(floats, "int32")
    yield (
        "views",
        lambda: [floats.view("int32"), jnp.array([1, 2], "uint8").view("uint16")],
    )
