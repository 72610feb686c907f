"""Reductions along axes."""

import numpy as np

NAMES = [
    "sum",
    "prod",
    "max",
    "min",
    "mean",
    "std",
    "var",
    "all",
    "any",
    "argmax",
    "argmin",
    "cumsum",
    "cumprod",
    "ptp",
    "median",
    "count_nonzero",
    "nansum",
    "nanprod",
    "nanmax",
    "nanmin",
    "nanmean",
    "nanstd",
    "nanvar",
    "nanmedian",
    "average",
]


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    x = jnp.array([[3.0, 1.0, 2.0], [-1.0, 0.0, 5.0]])
    n = jnp.array([[3, 1, 2], [-1, 0, 5]])
    holes = jnp.array([[1.0, np.nan, 3.0], [np.nan, 2.0, 4.0]])
    flags = jnp.array([[True, False, True], [True, True, True]])

    for name in NAMES:
        f = getattr(jnp, name)
        yield (
            f"{name} of all",
            lambda f=f: [f(x), f(n), f(flags) if f is not jnp.ptp else f(n)],
        )
        yield (
            f"{name} along an axis",
            lambda f=f: [f(x, axis=0), f(n, axis=-1), f(holes, axis=1)],
        )
        if not name.startswith("cum"):
            yield f"{name} keeping axes", lambda f=f: f(x, axis=1, keepdims=True)
        if not name.startswith("cum") and not name.startswith("arg"):
            yield f"{name} along two axes", lambda f=f: f(x[None], axis=(0, 2))
    for name in ("sum", "prod", "max", "min", "mean", "std", "var", "any", "all"):
        initial = {"initial": 0.0} if name in ("max", "min") else {}
        yield (
            f"{name} where",
            lambda name=name, initial=initial: getattr(jnp, name)(
                x, axis=0, where=flags, **initial
            ),
        )
    for dtype in ("int8", "uint8", "bool", "bfloat16", "float16", "complex64", "int16"):
        yield (
            f"sums of {dtype}",
            lambda dtype=dtype: [
                f(jnp.array([1, 1, 1], dtype))
                for f in (jnp.sum, jnp.prod, jnp.mean, jnp.cumsum)
            ],
        )
    yield (
        "sum into a dtype",
        lambda: [jnp.sum(n, dtype="float16"), jnp.mean(x, dtype="bfloat16")],
    )
    yield "sum with an initial value", lambda: jnp.sum(x, initial=10.0)
    yield (
        "sum of nothing",
        lambda: [jnp.sum(jnp.zeros((0, 2)), 0), jnp.prod(jnp.zeros(0))],
    )
    yield "mean of nothing", lambda: jnp.mean(jnp.zeros((0, 2)), 0)
    yield (
        "max of nan",
        lambda: [jnp.max(holes), jnp.argmax(holes, 1), jnp.min(holes, 0)],
    )
    yield "ties of argmax", lambda: jnp.argmax(jnp.array([1, 3, 3, 0]))
    yield (
        "var with ddof",
        lambda: [jnp.var(x, ddof=1), jnp.std(x, axis=0, correction=1)],
    )
    yield (
        "weighted average",
        lambda: jnp.average(x, axis=0, weights=jnp.array([1.0, 3.0])),
    )
    for q in (0, 30, 50, 100):
        yield (
            f"percentile {q}",
            lambda q=q: [jnp.percentile(x, q), jnp.quantile(x, q / 100, axis=1)],
        )
    for method in ("lower", "higher", "nearest", "midpoint"):
        yield (
            f"quantile by {method}",
            lambda method=method: jnp.quantile(x, 0.35, method=method),
        )
    yield "norms of complex", lambda: jnp.sum(jnp.abs(jnp.array([3 + 4j, 1j])) ** 2)
    yield "trace", lambda: [jnp.trace(x), jnp.trace(x, 1)]
    yield "bincount", lambda: jnp.bincount(jnp.array([0, 1, 1, 3]), length=5)
    yield (
        "lax reductions",
        lambda: [
            lax.reduce_max(x, (0,)),
            lax.reduce_and(flags, (1,)),
            lax.argmax(n, 1, "int32"),
            lax.reduce_xor(n, (0,)),
        ],
    )
    yield "reduce precision", lambda: lax.reduce_precision(x / 3, 5, 10)
    yield (
        "array_equal and allclose",
        lambda: [jnp.array_equal(x, x), jnp.allclose(x, x + 1e-9)],
    )
    yield (
        "methods",
        lambda: [
            x.sum(0),
            x.mean(),
            x.max(1),
            x.argmin(),
            x.cumsum(),
            x.std(),
            x.all(),
            x.prod(axis=1),
            x.ptp(),
        ],
    )
    for name in ("sum", "prod", "max", "mean", "std", "var", "nanmean", "median"):
        yield (
            f"grad of {name}",
            lambda name=name: core.grad(
                lambda x: jnp.sum(getattr(jnp, name)(x, axis=1) ** 2)
            )(x),
        )
