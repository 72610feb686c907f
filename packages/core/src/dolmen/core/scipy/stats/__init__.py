"""Probability distributions and statistics.

Each distribution is a module: `norm.pdf`, `gamma.cdf`. Its functions broadcast their
arguments; integers are taken as floating point, half precision is computed in float32.
They are differentiable in all arguments that are no counts.
"""

from . import (
    bernoulli as bernoulli,
    beta as beta,
    betabinom as betabinom,
    binom as binom,
    cauchy as cauchy,
    chi2 as chi2,
    dirichlet as dirichlet,
    expon as expon,
    gamma as gamma,
    gennorm as gennorm,
    geom as geom,
    gumbel_l as gumbel_l,
    gumbel_r as gumbel_r,
    laplace as laplace,
    logistic as logistic,
    multinomial as multinomial,
    multivariate_normal as multivariate_normal,
    nbinom as nbinom,
    norm as norm,
    pareto as pareto,
    poisson as poisson,
    t as t,
    truncnorm as truncnorm,
    uniform as uniform,
    vonmises as vonmises,
    wrapcauchy as wrapcauchy,
)
from ._kernel_density import gaussian_kde as gaussian_kde
from ._ranks import (
    ModeResult as ModeResult,
    mode as mode,
    rankdata as rankdata,
    sem as sem,
)
