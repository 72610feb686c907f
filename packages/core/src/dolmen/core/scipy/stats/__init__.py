"""Probability distributions and statistics.

Each distribution is a module: `norm.pdf`, `gamma.cdf`. Its functions broadcast their
arguments; integers are taken as floating point, half precision is computed in float32.
They are differentiable in all arguments that are no counts.
"""

from . import (
    cauchy as cauchy,
    expon as expon,
    gumbel_l as gumbel_l,
    gumbel_r as gumbel_r,
    laplace as laplace,
    logistic as logistic,
    norm as norm,
    uniform as uniform,
)
