"""Random numbers from explicit keys.

A key determines the numbers drawn with it: the same key gives the same numbers on every
backend, eagerly or compiled. Draw once with each key and make new ones with `split`::

    key = random.key(0)
    for step in range(3):
        key, now = random.split(key)
        noise = random.normal(now, (8,))

Every sampler takes from its key what the one of the same name in JAX 0.10.2 takes, in
the same order. With threefry keys and the same compiler, results on CPU are JAX's bit
for bit: of `key`, `split`, `fold_in`, `bits`, `uniform`, `randint`, `bernoulli`,
`rademacher`, `permutation`, `choice`, `categorical`, `geometric`, `poisson`,
`binomial`, `multinomial`, and in float32 of all other samplers. Elsewhere logarithms
and powers may round differently; bits, integers and orders stay equal.
"""

from ._binomial import binomial as binomial, multinomial as multinomial
from ._continuous import (
    cauchy as cauchy,
    exponential as exponential,
    gumbel as gumbel,
    laplace as laplace,
    logistic as logistic,
    pareto as pareto,
    rayleigh as rayleigh,
    triangular as triangular,
    weibull_min as weibull_min,
)
from ._discrete import (
    categorical as categorical,
    choice as choice,
    geometric as geometric,
    permutation as permutation,
)
from ._gamma import (
    ball as ball,
    beta as beta,
    chisquare as chisquare,
    dirichlet as dirichlet,
    f as f,
    gamma as gamma,
    generalized_normal as generalized_normal,
    loggamma as loggamma,
    t as t,
)
from ._keys import (
    KeyArray as KeyArray,
    KeyDType as KeyDType,
    PRNGKey as PRNGKey,
    clone as clone,
    fold_in as fold_in,
    key as key,
    key_data as key_data,
    key_dtype as key_dtype,
    key_impl as key_impl,
    split as split,
    wrap_key_data as wrap_key_data,
)
from ._matrices import (
    multivariate_normal as multivariate_normal,
    orthogonal as orthogonal,
)
from ._normal import (
    double_sided_maxwell as double_sided_maxwell,
    lognormal as lognormal,
    maxwell as maxwell,
    normal as normal,
    truncated_normal as truncated_normal,
    wald as wald,
)
from ._poisson import poisson as poisson
from ._uniform import (
    bernoulli as bernoulli,
    bits as bits,
    rademacher as rademacher,
    randint as randint,
    uniform as uniform,
)
