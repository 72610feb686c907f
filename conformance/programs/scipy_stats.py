"""Distributions: values, dtypes and weak types, gradients, wrong arguments; ranks."""

import inspect

# A number inside the support, and the shape parameters.
POINTS = {
    "bernoulli": (1, 0.5),
    "beta": (0.5, 2.0, 3.0),
    "betabinom": (1, 2, 2.0, 3.0),
    "binom": (1, 3, 0.25),
    "cauchy": (0.5,),
    "chi2": (0.5, 3.0),
    "expon": (0.5,),
    "gamma": (0.5, 2.0),
    "gennorm": (0.5, 1.5),
    "geom": (2, 0.25),
    "gumbel_l": (0.5,),
    "gumbel_r": (0.5,),
    "laplace": (0.5,),
    "logistic": (0.5,),
    "nbinom": (1, 2, 0.5),
    "norm": (0.5,),
    "pareto": (1.5, 2.0),
    "poisson": (1, 2.0),
    "t": (0.5, 2.0),
    "truncnorm": (0.5, -1.0, 2.0),
    "uniform": (0.5,),
    "vonmises": (0.5, 2.0),
    "wrapcauchy": (0.5, 0.5),
}
QUANTILES = ("ppf", "isf")
DENSITIES = ("pdf", "logpdf", "pmf", "logpmf")
NAMES = (*DENSITIES, *QUANTILES, "cdf", "logcdf", "sf", "logsf", "entropy")


def functions(module):
    """The functions of a distribution and their parameters."""
    for name in NAMES:
        if hasattr(module, name):
            yield name, getattr(module, name)


def arguments(function, name, point, location=True):
    """Python numbers for a function of a distribution."""
    x, *shapes = point
    first = {"ppf": [0.25], "isf": [0.25], "entropy": []}.get(name, [x])
    parameters = inspect.signature(function).parameters
    where = [v for k, v in {"loc": 1, "scale": 2.5}.items() if k in parameters]
    moved = [f * 2.5 + 1 for f in first] if len(where) == 2 else [f + 1 for f in first]
    if location and where:
        return [*(first if name in QUANTILES else moved), *shapes, *where]
    return [*first, *shapes]


def programs(api):
    core, jnp, stats = api.core, api.jnp, api.module("scipy.stats")

    def types(family, make, location=True):
        """Of all functions; their values are compared once, as compiling takes long."""
        return {
            name: core.eval_shape(
                function, *make(arguments(function, name, POINTS[family], location))
            )
            for name, function in functions(getattr(stats, family))
        }

    def values(family):
        module = getattr(stats, family)
        return core.jit(
            lambda: {
                name: function(
                    *[
                        jnp.array([value, value], "float32")
                        for value in arguments(function, name, POINTS[family])
                    ]
                )
                for name, function in functions(module)
            }
        )()

    def single(value):
        return jnp.asarray(value, "float32")

    for family in POINTS:
        yield (
            f"{family} of python numbers",
            lambda family=family: types(family, list, location=False),
        )
        yield f"{family} of arrays", lambda family=family: values(family)
        yield (
            f"{family} of arrays and python numbers",
            lambda family=family: types(
                family, lambda numbers: [*map(single, numbers[:1]), *numbers[1:]]
            ),
        )

    for family in ("expon", "gamma", "t", "laplace", "pareto", "vonmises"):
        point = POINTS[family]
        yield (
            f"gradients of {family}",
            lambda family=family, point=point: core.grad(
                getattr(stats, family).logpdf, tuple(range(len(point)))
            )(*map(float, point)),
        )
    for family in ("expon", "gamma", "uniform", "logistic", "poisson"):
        name = "pmf" if family == "poisson" else "pdf"
        shapes = POINTS[family][1:]
        yield (
            f"{family} of integers",
            lambda family=family, name=name, shapes=shapes: getattr(
                getattr(stats, family), name
            )(jnp.arange(-1, 3), *map(int, shapes)),
        )
        yield (
            f"{family} of half precision",
            lambda family=family, name=name, shapes=shapes: getattr(
                getattr(stats, family), name
            )(jnp.ones(2, "bfloat16"), *shapes),
        )
    for family in ("expon", "beta", "gamma", "uniform", "truncnorm", "pareto"):
        yield (
            f"{family} outside its support",
            lambda family=family: [
                f(single(-2.0), *POINTS[family][1:])
                for name, f in functions(getattr(stats, family))
                if name not in QUANTILES
            ],
        )

    alpha, p = jnp.array([1.5, 2.0, 3.0]), jnp.array([0.25, 0.25, 0.5])
    yield "dirichlet", lambda: stats.dirichlet.logpdf(p, alpha)
    yield (
        "dirichlet of several",
        lambda: stats.dirichlet.pdf(jnp.stack([p] * 2, 1), alpha),
    )
    yield "dirichlet of the others", lambda: stats.dirichlet.pdf(p[:2], alpha)
    yield "dirichlet of too many", lambda: stats.dirichlet.pdf(jnp.ones(5) / 5, alpha)
    yield "dirichlet of a matrix alpha", lambda: stats.dirichlet.pdf(p, alpha[:, None])
    yield (
        "multinomial",
        lambda: stats.multinomial.logpmf(jnp.array([1, 2, 3]), 6, p),
    )
    yield (
        "multinomial of another sum",
        lambda: stats.multinomial.pmf(jnp.array([1, 2, 3]), 7, p),
    )
    yield "multinomial of floats", lambda: stats.multinomial.pmf(p * 4, 4, p)
    normal = stats.multivariate_normal
    x, cov = jnp.array([0.5, -1.0]), jnp.array([[2.0, 0.5], [0.5, 1.0]])
    yield "multivariate_normal", lambda: normal.logpdf(x, 0 * x, cov)
    yield "multivariate_normal of numbers", lambda: normal.logpdf(0.5, 0.0, 2.0)
    yield "multivariate_normal of a variance", lambda: normal.pdf(x, 0 * x, 2.0)
    yield (
        "multivariate_normal of several",
        lambda: normal.logpdf(x, jnp.zeros((3, 2)), cov),
    )
    yield "multivariate_normal of no matrix", lambda: normal.logpdf(x, x, x)

    ties = jnp.array([[3, 1, 3, 2], [0, 5, 5, 5]])
    yield "mode", lambda: tuple(stats.mode(ties, axis=1))
    yield "mode of all", lambda: tuple(stats.mode(ties, axis=None, keepdims=True))
    yield "mode of nothing", lambda: tuple(stats.mode(jnp.zeros((0, 2))))
    yield "mode of a number", lambda: tuple(stats.mode(3))
    yield "mode by a policy", lambda: stats.mode(ties, nan_policy="x")
    yield "mode that raises", lambda: stats.mode(ties, nan_policy="raise")
    yield "mode of a list", lambda: stats.mode([1, 2])
    for method in ("average", "min", "max", "dense", "ordinal", "last"):
        yield f"rankdata {method}", lambda m=method: stats.rankdata(ties, m)
    yield "rankdata of rows", lambda: stats.rankdata(ties, axis=1)
    yield "rankdata of NaN", lambda: stats.rankdata(jnp.array([1.0, jnp.nan]))
    yield "sem", lambda: [stats.sem(ties), stats.sem(ties, axis=None, ddof=0)]
    yield (
        "sem without NaN",
        lambda: stats.sem(jnp.array([1, 2, jnp.nan]), nan_policy="omit", keepdims=True),
    )

    data = jnp.array([[1.0, 2, 4, 3], [2.0, 1, 0, 1]])
    yield "gaussian_kde", lambda: stats.gaussian_kde(data)(x)
    yield (
        "gaussian_kde is a tree",
        lambda: core.tree.leaves(stats.gaussian_kde(data, "silverman")),
    )
    yield (
        "gaussian_kde resamples",
        lambda: stats.gaussian_kde(data).resample(api.random.key(3), (2,)),
    )
    yield "gaussian_kde of one", lambda: stats.gaussian_kde(jnp.ones(1))
    yield "gaussian_kde by a name", lambda: stats.gaussian_kde(data, "x")
    yield "gaussian_kde of a box", lambda: stats.gaussian_kde(data).integrate_box(x, x)
    key = api.random.key(5)
    yield "orthogonal", lambda: api.random.orthogonal(key, 3, m=2)
    yield "orthogonal complex", lambda: api.random.orthogonal(key, 2, (2,), "complex64")
    yield "orthogonal negative", lambda: api.random.orthogonal(key, -1)
    vectors = api.random.multivariate_normal
    for method in ("cholesky", "eigh", "svd", "lu"):
        yield (
            f"normal vectors by {method}",
            lambda method=method: vectors(key, x, cov, (2,), method=method),
        )
    yield (
        "normal vectors of integers",
        lambda: vectors(key, jnp.zeros(2, int), jnp.eye(2, dtype=int)),
    )
    yield "normal vectors of a scalar", lambda: vectors(key, 0, cov)
