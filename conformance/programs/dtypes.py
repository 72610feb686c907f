"""All dtypes: promotion under every setting, limits, kinds, casts, narrow formats."""

import numpy as np

DTYPES = (
    "bool int4 int8 int16 int32 int64 uint4 uint8 uint16 uint32 uint64 float4_e2m1fn "
    "float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz "
    "float8_e5m2 float8_e5m2fnuz float8_e8m0fnu bfloat16 float16 float32 float64 "
    "complex64 complex128 int2 uint2"
)
NARROW = (
    "int4 uint4 float4_e2m1fn float8_e3m4 float8_e4m3 float8_e4m3b11fnuz "
    "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz"
)
KINDS = (
    "integer signedinteger unsignedinteger floating inexact complexfloating number "
    "generic bool_"
)
STANDARD_KINDS = [
    "bool",
    "signed integer",
    "unsigned integer",
    "integral",
    "real floating",
    "complex floating",
    "numeric",
]
LIMITS = "bits max min eps tiny smallest_normal nmant nexp maxexp minexp resolution"
SAME = "add multiply subtract maximum equal less remainder floor_divide"
UNARY = "negative sign floor isnan max argmax sort square any"
SCALARS = (True, 2, 1.5, 1j)


def answer(call):
    """What a call gives, or that it is refused."""
    try:
        return call()
    except (TypeError, ValueError):
        return "refused"


def programs(api):
    core, jnp = api.core, api.jnp
    names = DTYPES.split()

    def name_of(call):
        return answer(lambda: np.dtype(call()).name)

    def type_of(f, *dtypes):
        def call():
            args = [core.ShapeDtypeStruct((3,), d) for d in dtypes]
            made = core.eval_shape(f, *args)
            return made.dtype.name, made.shape, bool(made.weak_type)

        return answer(call)

    for x64 in (False, True):
        for rules in ("standard", "strict"):

            def table(of, x64=x64, rules=rules):
                with core.enable_x64(x64), core.numpy_dtype_promotion(rules):
                    return of()

            for d in names:
                yield (
                    f"promote {d}, x64 {x64}, {rules}",
                    lambda d=d, table=table: table(
                        lambda: {
                            e: [
                                name_of(lambda: jnp.promote_types(d, e)),
                                name_of(lambda: jnp.result_type(e, d)),
                            ]
                            for e in names
                        }
                    ),
                )
            yield (
                f"python scalars, x64 {x64}, {rules}",
                lambda table=table: table(
                    lambda: {
                        f"{d} {s}": type_of(lambda a: a + s, d)
                        for d in names
                        for s in SCALARS
                    }
                ),
            )
    for d in names:
        yield f"can_cast {d}", lambda d=d: {e: jnp.can_cast(d, e) for e in names}
        yield (
            f"kinds of {d}",
            lambda d=d: [
                *(jnp.issubdtype(d, getattr(jnp, k)) for k in KINDS.split()),
                *(jnp.isdtype(jnp.dtype(d), k) for k in STANDARD_KINDS),
            ],
        )
        yield f"canonical {d}", lambda d=d: core.dtypes.canonicalize_dtype(d).name
        yield (
            f"limits of {d}",
            lambda d=d: {
                f"{of} {limit}": answer(
                    lambda: float(getattr(getattr(jnp, of)(d), limit))
                )
                for of in ("finfo", "iinfo")
                for limit in LIMITS.split()
                if limit in ("bits", "max", "min") or of == "finfo"
            },
        )
    for d in NARROW.split():
        yield (
            f"operations of {d}",
            lambda d=d: {
                **{n: type_of(getattr(jnp, n), d, d) for n in SAME.split()},
                **{n: type_of(getattr(jnp, n), d) for n in UNARY.split()},
            },
        )
        yield f"casts of {d}", lambda d=d: jnp.array([1, 0, 3], d).astype("float32")
        yield f"text of {d}", lambda d=d: repr(jnp.array([1, 0, 1], d))
        yield f"updates of {d}", lambda d=d: jnp.zeros(3, d).at[1].set(1)
    for how in ("allow", "raise"):

        def ranks(how=how):
            with core.numpy_rank_promotion(how):
                return answer(lambda: jnp.ones((2, 3)) + jnp.ones(3))

        yield f"ranks that differ, {how}", ranks
    yield "arange of booleans", lambda: jnp.arange(3, dtype=bool)
    yield "can_cast of a python scalar", lambda: jnp.can_cast(1, "int8")
    yield "can_cast of a kind", lambda: jnp.can_cast("float64", "float32", "same_kind")
