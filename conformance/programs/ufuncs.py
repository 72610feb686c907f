"""Methods of ufuncs: types of results, wrong arguments, ufuncs of Python functions."""

from .numpy_rest import DTYPES, PAIRS, result_of

BINARY = (
    "add subtract multiply maximum minimum logical_and logical_or logical_xor "
    "bitwise_and bitwise_or bitwise_xor logaddexp logaddexp2"
)


def programs(api):
    jnp = api.jnp
    x = jnp.array([[3, 1, 2], [0, 5, 4]])
    f = x / 4
    places = jnp.array([0, 2, 2])
    horner = jnp.frompyfunc(lambda x, y: 2 * x + y, 2, 1)
    plus = jnp.frompyfunc(lambda x, y: x + y, 2, 1, identity=0)
    half = jnp.frompyfunc(lambda x: x / 2, 1, 1)

    def by_dtype(call):
        return lambda: [result_of(lambda d=d: call(x.astype(d))) for d in DTYPES]

    for name in BINARY.split():
        u = getattr(jnp, name)
        integral = name.startswith("bitwise")
        yield f"numbers of {name}", lambda u=u: (u.nin, u.nout, u.nargs, u.identity)
        yield f"reduce {name} by dtype", by_dtype(lambda x, u=u: u.reduce(x))
        yield f"accumulate {name} by dtype", by_dtype(lambda x, u=u: u.accumulate(x, 1))
        yield (
            f"outer {name} of pairs",
            lambda u=u: [
                result_of(
                    lambda a=a, b=b: u.outer(
                        jnp.ones(2, a), jnp.ones(2, b) if isinstance(b, str) else b
                    )
                )
                for a, b in PAIRS
                if isinstance(b, str)
            ],
        )
        yield (
            f"at {name}",
            lambda u=u, integral=integral: u.at(
                (x if integral else f)[0], places, 2, inplace=False
            ),
        )
        yield f"call {name} with too many", lambda u=u: u(x, x, x)
        yield f"call {name} with out", lambda u=u: u(x, x, out=x)
        yield f"{name} at in place", lambda u=u: u.at(x, 0, 1)

    for name in ["add", "subtract", "multiply", "maximum", "bitwise_or"]:
        u = getattr(jnp, name)
        yield f"reduceat {name}", lambda u=u: u.reduceat(x, jnp.array([0, 2, 1]), 1)
        yield f"reduce {name} over an axis out of range", lambda u=u: u.reduce(x, 2)
        yield f"reduceat {name} of two axes", lambda u=u: u.reduceat(x, x)
    for name in ["add", "multiply", "logical_or", "bitwise_and", "logaddexp"]:
        u = getattr(jnp, name)
        of = f if name == "logaddexp" else x
        yield (
            f"reduce {name} where, and from a value",
            lambda u=u, of=of: [u.reduce(of, where=x > 1), u.reduce(of, initial=1)],
        )
        yield (
            f"reduce {name} from an array",
            lambda u=u, of=of: u.reduce(of, initial=of[0, 1]),
        )
        yield f"reduce {name} of nothing", lambda u=u: u.reduce(x[:0])
    for name in ["subtract", "maximum", "minimum"]:
        u = getattr(jnp, name)
        yield f"reduce {name} of nothing", lambda u=u: u.reduce(x[:0])
        yield f"reduce {name} where", lambda u=u: u.reduce(x, where=x > 1)
        yield (
            f"reduce {name} where, from a value",
            lambda u=u: u.reduce(x, where=x > 1, initial=2),
        )

    yield "negative at", lambda: jnp.negative.at(x[0], places, inplace=False)
    yield "negative reduce", lambda: jnp.negative.reduce(x)
    yield "negative outer", lambda: jnp.negative.outer(x, x)
    yield "add reduce a list", lambda: jnp.add.reduce([1, 2])
    yield "add at without a value", lambda: jnp.add.at(x, 0, inplace=False)
    yield "frompyfunc call", lambda: [horner(x, f), horner(x, 1), half(x), half(1.0)]
    yield "frompyfunc reduce by dtype", by_dtype(lambda x: horner.reduce(x))
    yield "frompyfunc accumulate by dtype", by_dtype(lambda x: horner.accumulate(x, 1))
    yield "frompyfunc reduce over all", lambda: horner.reduce(x, axis=None)
    yield (
        "frompyfunc with identity",
        lambda: [
            plus.reduce(x[:0]),
            plus.reduce(x, where=x > 1),
            plus.reduce(x, initial=1.5, keepdims=True),
            plus.reduce(x, dtype=jnp.float16),
        ],
    )
    yield "frompyfunc reduce nothing", lambda: horner.reduce(x[:0])
    yield "frompyfunc reduceat", lambda: horner.reduceat(x, places, axis=1)
    yield "frompyfunc outer", lambda: horner.outer(x, f)
    yield "frompyfunc at", lambda: horner.at(f[0], places, 2.0, inplace=False)
    yield "frompyfunc at, promoted", lambda: horner.at(x[0], places, 1.5, inplace=False)
    yield "frompyfunc one reduce", lambda: half.reduce(x)
    yield "frompyfunc with too few", lambda: horner(x)
    yield "frompyfunc of sizes that differ", lambda: horner(x, places[:2])
