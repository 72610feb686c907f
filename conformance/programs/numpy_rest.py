"""Further functions of `numpy`: types of results, odd shapes, wrong arguments."""

import io

import numpy as np

DTYPES = ["bool", "int8", "uint8", "int32", "float16", "bfloat16", "float32"]

# Functions of one operand of any dtype.
UNARY = (
    "sin exp sqrt square abs sign floor rint trunc round negative positive "
    "reciprocal isnan isfinite signbit logical_not degrees cbrt sinc i0 angle "
    "real imag conj nan_to_num frexp modf spacing sum mean prod cumsum cumprod "
    "max argmax std median nansum nanmax nanmean sort argsort sort_complex "
    "diff unique nanargmin ptp any count_nonzero flip ravel ones_like "
    "cumulative_sum"
)

# Functions of two operands, of which pairs of dtypes are tried.
BINARY = (
    "add subtract multiply divide floor_divide power remainder maximum fmin "
    "arctan2 hypot logaddexp copysign equal bitwise_or matmul dot outer append "
    "heaviside float_power nextafter convolve cross kron isclose searchsorted "
    "union1d"
)
PAIRS = [
    ("int8", "uint8"),
    ("int32", "float16"),
    ("bfloat16", "float16"),
    ("bool", "bool"),
    ("float32", 1),
    ("int8", 2.5),
    ("bfloat16", 1j),
    ("uint8", True),
]


def result_of(call):
    """What a call gives, or the class of the error it raises."""
    try:
        return call()
    except (TypeError, ValueError):
        return "refused"


def programs(api):
    core, jnp = api.core, api.jnp
    x = jnp.array([1.0, 2.0, 2.5, 4.0, 10.0])
    holes = jnp.array([[1.0, np.nan, -np.inf], [np.nan, np.nan, np.nan]])
    rows = jnp.array([[1, 2], [0, 3], [1, 2]])
    empty = jnp.zeros((0, 3))

    for name in UNARY.split():
        f = getattr(jnp, name)
        yield (
            f"{name} by dtype",
            lambda f=f: [
                result_of(lambda d=d: f(jnp.array([0, 1, 1], d))) for d in DTYPES
            ],
        )
        yield (
            f"{name} of python scalars",
            lambda f=f: [result_of(lambda s=s: f(s)) for s in (True, 2, 2.5)],
        )
        yield f"{name} of a weak array", lambda f=f: f(jnp.asarray(2.0) * jnp.ones(1))
    for name in BINARY.split():
        f = getattr(jnp, name)
        for left, right in PAIRS:

            def program(f=f, left=left, right=right):
                a = jnp.array([1, 1, 1], left)
                scalar = not isinstance(right, str)
                b = right if scalar else jnp.array([1, 0, 1], right)
                return result_of(lambda: f(a, b))

            yield f"{name} of {left} and {right}", program

    # Empty arrays.
    for name in ("sum", "prod", "mean", "any", "sort", "cumsum", "argsort", "var"):
        f = getattr(jnp, name)
        yield f"{name} of nothing", lambda f=f: [f(empty, axis=0), f(empty, axis=-1)]
    for name in ("max", "argmin", "nanargmax", "min", "ptp"):
        f = getattr(jnp, name)
        yield f"{name} beside nothing", lambda f=f: f(empty, axis=1)
        yield f"{name} of nothing", lambda f=f: f(empty, axis=0)

    # Windows.
    for name in ("bartlett", "blackman", "hamming", "hanning"):
        f = getattr(jnp, name)
        yield name, lambda f=f: [f(0), f(1), f(3), f(6)]
        yield f"{name} of a traced size", lambda f=f: core.jit(f)(3)
    yield "kaiser", lambda: [jnp.kaiser(0, 2.0), jnp.kaiser(1, 2), jnp.kaiser(6, 8.5)]
    yield "kaiser, traced", lambda: core.jit(lambda b: jnp.kaiser(5, b))(3)
    yield "grad of kaiser", lambda: core.grad(lambda b: jnp.kaiser(5, b)[1])(2.0)
    yield "grad of i0", lambda: core.vmap(core.grad(jnp.i0))(x)

    # Histograms.
    yield "histogram", lambda: [jnp.histogram(x), jnp.histogram(x, 3, (0, 5))]
    yield "histogram, density", lambda: jnp.histogram(x, 4, density=True)
    yield "histogram at edges", lambda: jnp.histogram(x, jnp.array([1, 3, 5]))
    yield "histogram of integers", lambda: jnp.histogram(rows, 3)
    yield "histogram of half", lambda: jnp.histogram(x.astype("bfloat16"), 2)
    yield "histogram of bools", lambda: jnp.histogram(x > 2, 2)
    yield "histogram with weights", lambda: jnp.histogram(x, 3, weights=x**2)
    yield "histogram of equal samples", lambda: jnp.histogram(jnp.ones(3), 3)
    yield (
        "histogram, jitted",
        lambda: core.jit(lambda x, e: jnp.histogram(x, e))(x, jnp.array([0.0, 3.0])),
    )
    yield (
        "grad of histogram by weights",
        lambda: core.grad(lambda w: jnp.histogram(x, 3, weights=w)[0][0])(x),
    )
    yield "histogram of lists", lambda: jnp.histogram([1, 2])
    yield "histogram with list of bins", lambda: jnp.histogram(x, [1, 2])
    yield "histogram with half a bin", lambda: jnp.histogram(x, 2.5)
    yield "histogram with few weights", lambda: jnp.histogram(x, 2, weights=x[:2])
    yield "histogram with one end", lambda: jnp.histogram(x, 2, range=5)
    yield "bin edges", lambda: jnp.histogram_bin_edges(rows, 3)
    yield "histogram2d", lambda: jnp.histogram2d(x, x[::-1], 3)
    yield "histogram2d by axis", lambda: jnp.histogram2d(x, x, (2, jnp.array([0, 5])))
    yield "histogram2d, density", lambda: jnp.histogram2d(x, x, 2, density=True)
    yield "histogramdd", lambda: jnp.histogramdd(jnp.stack([x, x, x], 1), 2)
    yield "histogramdd with ranges", lambda: jnp.histogramdd(rows, 2, [(0, 1), None])
    yield "histogramdd with weights", lambda: jnp.histogramdd(rows, 2, weights=x[:3])
    yield "histogramdd of one axis", lambda: jnp.histogramdd(x, 2)
    yield "histogramdd with few bins", lambda: jnp.histogramdd(rows, [2])
    yield "histogramdd with few ranges", lambda: jnp.histogramdd(rows, 2, [(0, 1)])

    # Parts of numbers.
    yield "frexp", lambda: jnp.frexp(jnp.array([3.0, -0.0, np.inf, np.nan, 1e-30]))
    yield "grad of frexp", lambda: core.grad(lambda x: jnp.frexp(x)[0])(3.0)
    yield "frexp of complex", lambda: jnp.frexp(1j)
    for left, right in (("int8", "int8"), ("float16", "int32"), ("float32", "bool")):
        yield (
            f"ldexp of {left} and {right}",
            lambda left=left, right=right: jnp.ldexp(
                jnp.ones(2, left), jnp.ones((2, 1), right)
            ),
        )
    yield "ldexp to the ends", lambda: jnp.ldexp(x, jnp.array([200, -200, 127, 0, 3]))
    yield "ldexp of python scalars", lambda: [jnp.ldexp(3, 2), jnp.ldexp(3.0, True)]
    yield "grad of ldexp", lambda: core.grad(lambda x: jnp.ldexp(x, 3))(3.5)
    yield "grad of modf", lambda: core.grad(lambda x: jnp.modf(x)[0])(3.5)
    yield "spacing", lambda: jnp.spacing(jnp.array([1.0, -1.5, 0.0, np.inf, np.nan]))

    # Finding.
    yield "nanargmax", lambda: [jnp.nanargmax(holes), jnp.nanargmax(holes, axis=1)]
    yield "nanargmin, axes kept", lambda: jnp.nanargmin(holes, axis=0, keepdims=True)
    yield "trim_zeros", lambda: jnp.trim_zeros(jnp.array([0, 1, 0, 2, 0]), "b")
    yield "trim_zeros of a box", lambda: jnp.trim_zeros(jnp.pad(rows, 2))
    yield "trim_zeros along an axis", lambda: jnp.trim_zeros(jnp.pad(rows, 1), axis=-1)
    yield "trim_zeros, traced", lambda: core.jit(jnp.trim_zeros)(x)
    yield "trim_zeros of a list", lambda: jnp.trim_zeros([0, 1])
    for axis in (None, 0, 1, -1):
        yield (
            f"unique along {axis}",
            lambda axis=axis: jnp.unique(rows, True, True, True, axis=axis),
        )
        yield (
            f"unique along {axis}, filled up",
            lambda axis=axis: jnp.unique(
                rows, True, True, True, axis=axis, size=5, fill_value=9
            ),
        )
        yield (
            f"unique along {axis}, cut",
            lambda axis=axis: jnp.unique(rows, True, True, True, axis=axis, size=1),
        )
    yield "unique rows of NaN", lambda: jnp.unique(jnp.stack([holes[1]] * 2), axis=0)
    yield (
        "unique rows of different NaN",
        lambda: jnp.unique(jnp.stack([holes[1]] * 2), axis=0, equal_nan=False),
    )
    yield "unique of no rows", lambda: jnp.unique(empty, True, True, True, axis=0)
    yield "unique of nothing, filled up", lambda: jnp.unique(empty, size=2)
    yield (
        "unique of nothing, filled up by a value",
        lambda: jnp.unique(empty, True, True, True, size=2, fill_value=3),
    )
    yield "unique along a missing axis", lambda: jnp.unique(x, axis=1)
    yield (
        "unique rows, jitted and mapped",
        lambda: core.jit(
            core.vmap(lambda r: jnp.unique(r, axis=0, size=2, return_counts=True))
        )(jnp.stack([rows, rows[::-1] * 2])),
    )
    yield (
        "unique_all and its parts, by size",
        lambda: [
            [*jnp.unique_all(rows, size=6)],
            [*jnp.unique_counts(rows, size=2)],
            [*jnp.unique_inverse(rows, size=5, fill_value=7)],
            jnp.unique_values(rows, size=5),
        ],
    )

    # Polynomials that fit.
    yield "polyfit", lambda: jnp.polyfit(x, x**2, 2)
    yield "polyfit of columns", lambda: jnp.polyfit(x[:3], rows, 1)
    yield "polyfit of weighted samples", lambda: jnp.polyfit(x, x**2, 1, w=x)
    yield "polyfit with covariances", lambda: jnp.polyfit(x, x**2, 1, cov=True)
    yield (
        "polyfit with more, but rcond",
        lambda: jnp.polyfit(x, x**2, 1, full=True)[:-1],
    )
    yield "grad of polyfit", lambda: core.jacobian(lambda y: jnp.polyfit(x, y, 1))(x)
    yield "polyfit of few samples", lambda: jnp.polyfit(x, x[:2], 1)
    yield "polyfit of a matrix", lambda: jnp.polyfit(x[None], x, 1)
    yield "polyfit of no samples", lambda: jnp.polyfit(x[:0], x[:0], 1)
    yield "polyfit of negative degree", lambda: jnp.polyfit(x, x, -1)

    # Files and text.
    for dtype in ("float32", "bfloat16", "int8", "bool"):

        def kept(dtype=dtype):
            file = io.BytesIO()
            jnp.save(file, jnp.array([1, 0, 2]).astype(dtype))
            file.seek(0)
            return jnp.load(file)

        yield f"save and load of {dtype}", kept

    def several():
        file = io.BytesIO()
        jnp.savez(file, x, rows=rows)
        file.seek(0)
        found = jnp.load(file)
        return {name: jnp.asarray(found[name]) for name in sorted(found)}

    yield "savez and load", several
    yield (
        "fromstring",
        lambda: [
            jnp.fromstring("1 2 3", sep=" ", dtype=int),
            jnp.fromstring("1,2.5", sep=","),
        ],
    )
    yield "array_str", lambda: jnp.array_str(x)
