"""Special functions that are iterations: primitives made of programs."""

from ._bessel import bessel_i0e as bessel_i0e, bessel_i1e as bessel_i1e
from ._beta import betainc as betainc
from ._gamma import (
    igamma as igamma,
    igamma_grad_a as igamma_grad_a,
    igammac as igammac,
    random_gamma_grad as random_gamma_grad,
)
from ._zeta import zeta as zeta
