"""Types of results, over all pairs of dtypes and Python scalars."""

import numpy as np

DTYPES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "uint8",
    "uint16",
    "uint32",
    "bfloat16",
    "float16",
    "float32",
    "complex64",
    "float8_e4m3fn",
    "float8_e5m2",
]
WITH_NARROW = [*DTYPES, "int4", "uint4", "int2"]
SCALARS = {"bool": True, "int": 2, "float": 1.5, "complex": 1j}
OPERATIONS = [
    "add",
    "multiply",
    "divide",
    "floor_divide",
    "power",
    "maximum",
    "arctan2",
    "equal",
    "bitwise_and",
    "left_shift",
    "matmul",
    "where",
    "concatenate",
]


LAX_OPERATIONS = [
    "dot",
    "add",
    "sub",
    "mul",
    "div",
    "rem",
    "max",
    "pow",
    "atan2",
    "nextafter",
    "complex",
    "eq",
    "lt",
    "bitwise_and",
    "shift_left",
    "igamma",
    "polygamma",
    "zeta",
]


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    vectors = {d: core.ShapeDtypeStruct((2,), d) for d in DTYPES}

    def operation(name):
        if name == "where":
            return lambda a, b: jnp.where(True, a, b)
        if name == "concatenate":
            return lambda a, b: jnp.concatenate([jnp.atleast_1d(a), jnp.atleast_1d(b)])
        if name in ("matmul", "dot"):
            return lambda a, b: getattr(jnp, name)(
                jnp.atleast_1d(a), jnp.ones(2, b.dtype)
            )
        return getattr(jnp, name)

    def type_of(f, *args):
        try:
            return _type(core.eval_shape(f, *args))
        except (TypeError, ValueError):
            return "error"

    operands = {d: core.ShapeDtypeStruct((2,), d) for d in WITH_NARROW}
    joins = {
        "concatenate": lambda a, b: lax.concatenate([a, b], 0),
        "select": lambda a, b: lax.select(a > 0, a, b),
        "pad": lambda a, b: lax.pad(a, b[0], [(1, 0, 0)]),
        "dynamic_update_slice": lambda a, b: lax.dynamic_update_slice(a, b, (0,)),
        "conv": lambda a, b: lax.conv(a[None, None], b[None, None], (1,), "SAME"),
        "batch_matmul": lambda a, b: lax.batch_matmul(a[None], b[:, None]),
        "ragged_dot": lambda a, b: lax.ragged_dot(
            a[None], b[None, :, None], jnp.array([1])
        ),
    }
    for name in LAX_OPERATIONS:
        joins[name] = getattr(lax, name)
    for name, f in joins.items():
        yield (
            f"lax {name} of all pairs",
            lambda f=f: {
                f"{d} {e}": type_of(f, operands[d], operands[e])
                for d in WITH_NARROW
                for e in WITH_NARROW
            },
        )

    for name in OPERATIONS:
        for d in DTYPES:
            yield (
                f"{name} of {d} and all",
                lambda name=name, d=d: {
                    e: type_of(operation(name), vectors[d], vectors[e]) for e in DTYPES
                },
            )
        if name not in ("matmul", "dot"):
            yield (
                f"{name} with python scalars",
                lambda name=name: {
                    f"{d} {s}": type_of(lambda a: operation(name)(a, value), vectors[d])
                    for d in DTYPES
                    for s, value in SCALARS.items()
                },
            )
            yield (
                f"{name} of python scalars",
                lambda name=name: {
                    f"{s} {u}": type_of(lambda: operation(name)(a, b))
                    for s, a in SCALARS.items()
                    for u, b in SCALARS.items()
                },
            )
    for name in (
        "sum",
        "prod",
        "mean",
        "max",
        "cumsum",
        "var",
        "all",
        "sort",
    ):
        yield (
            f"{name} of all dtypes",
            lambda name=name: {
                d: type_of(getattr(jnp, name), vectors[d]) for d in DTYPES
            },
        )
    for name in (
        "sin",
        "exp",
        "sqrt",
        "abs",
        "sign",
        "floor",
        "negative",
        "square",
        "reciprocal",
    ):
        yield (
            f"{name} of all dtypes",
            lambda name=name: {
                d: type_of(getattr(jnp, name), vectors[d]) for d in DTYPES
            },
        )
        yield (
            f"{name} of python scalars",
            lambda name=name: {
                s: type_of(lambda: getattr(jnp, name)(value))
                for s, value in SCALARS.items()
            },
        )
    yield (
        "operators with weak arrays",
        lambda: {
            f"{d} {s}": type_of(lambda a: a + jnp.asarray(value), vectors[d])
            for d in DTYPES
            for s, value in SCALARS.items()
        },
    )
    yield (
        "operators with numpy scalars",
        lambda: {
            f"{d} {e}": type_of(lambda a: a * np.ones((), e)[()], vectors[d])
            for d in DTYPES[:11]
            for e in ("int8", "int64", "float16", "float64", "complex128")
        },
    )
    yield (
        "operators with numpy arrays on the left",
        lambda: {
            d: type_of(lambda a: np.ones(2, np.float16) - a, vectors[d])
            for d in DTYPES[:11]
        },
    )
    yield (
        "result_type",
        lambda: {
            f"{d} {e}": _name(lambda: jnp.result_type(d, e))
            for d in WITH_NARROW
            for e in WITH_NARROW
        },
    )
    yield (
        "promote_types",
        lambda: {
            f"{d} {e}": _name(lambda: jnp.promote_types(d, e))
            for d in WITH_NARROW
            for e in WITH_NARROW
        },
    )
    yield (
        "result_type with scalars",
        lambda: {
            f"{d} {s}": _name(lambda: jnp.result_type(jnp.zeros((), d), value))
            for d in WITH_NARROW
            for s, value in SCALARS.items()
        },
    )
    yield (
        "values of additions",
        lambda: {
            f"{d} {e}": jnp.array([1, 3], d) + jnp.array([2, 1], e)
            for d in DTYPES[:11:2]
            for e in DTYPES[:11:3]
        },
    )
    yield (
        "values of divisions",
        lambda: {d: jnp.array([1, 3], d) / jnp.array([2, 1], d) for d in DTYPES[:11]},
    )
    yield (
        "values with python scalars",
        lambda: {
            f"{d} {s}": jnp.array([1, 3], d) * value
            for d in DTYPES[:11]
            for s, value in SCALARS.items()
        },
    )
    yield (
        "weak types through functions",
        lambda: [
            jnp.sum(jnp.asarray(1.0)),
            jnp.sin(1.0),
            jnp.asarray(1) * 2,
            jnp.asarray(1) / 2,
            jnp.where(True, 1.0, 2),
            jnp.maximum(1, 2.0),
            jnp.asarray(2) ** 2,
            -jnp.asarray(1.0),
            jnp.stack([jnp.asarray(1.0)] * 2),
            jnp.reshape(1.0, (1,)),
            jnp.array(1.0),
            jnp.full((), 1.0),
            jnp.asarray(1.0).astype("float32"),
            jnp.zeros(()),
            jnp.linspace(0, 1, 2)[0],
            abs(jnp.asarray(-1)),
            jnp.asarray(3) // 2,
            jnp.clip(1.0, 0, 2),
            jnp.broadcast_to(1.0, (2,)),
            jnp.asarray(1) == 1,
        ],
    )
    yield (
        "finfo",
        lambda: [
            [
                float(getattr(jnp.finfo(d), n))
                for n in ("eps", "max", "min", "tiny", "bits")
            ]
            for d in ("bfloat16", "float16", "float32")
        ],
    )
    yield (
        "iinfo",
        lambda: [
            [jnp.iinfo(d).max, jnp.iinfo(d).min] for d in ("int4", "uint8", "int32")
        ],
    )
    yield (
        "issubdtype",
        lambda: [
            jnp.issubdtype(d, k)
            for d in DTYPES
            for k in (
                jnp.integer,
                jnp.floating,
                jnp.inexact,
                jnp.number,
                jnp.signedinteger,
                bool,
            )
        ],
    )
    yield (
        "can_cast",
        lambda: [jnp.can_cast(d, e) for d in DTYPES[:11] for e in DTYPES[:11]],
    )


def _type(struct):
    name = np.dtype(struct.dtype).name
    # A weak bool promotes as a strong one does.
    weak = "~" if struct.weak_type and name != "bool" else ""
    return f"{weak}{name}{struct.shape}"


def _name(function):
    try:
        return np.dtype(function()).name
    except (TypeError, ValueError):
        return "error"
