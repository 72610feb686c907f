"""Special functions."""

from ...nn import logsumexp as logsumexp
from ._bernoulli import bernoulli as bernoulli
from ._bessel import bessel_jn as bessel_jn
from ._combinatorics import (
    comb as comb,
    factorial as factorial,
    multigammaln as multigammaln,
    poch as poch,
    zeta as zeta,
)
from ._elementwise import (
    erf as erf,
    erfc as erfc,
    erfinv as erfinv,
    expit as expit,
    i0 as i0,
    i0e as i0e,
    i1 as i1,
    i1e as i1e,
    logit as logit,
)
from ._entropy import (
    entr as entr,
    kl_div as kl_div,
    rel_entr as rel_entr,
    xlog1py as xlog1py,
    xlogy as xlogy,
)
from ._exponential_integrals import exp1 as exp1, expi as expi, expn as expn
from ._faddeeva import dawsn as dawsn, erfcx as erfcx, wofz as wofz
from ._gamma import (
    beta as beta,
    betainc as betainc,
    betaln as betaln,
    digamma as digamma,
    gamma as gamma,
    gammainc as gammainc,
    gammaincc as gammaincc,
    gammaln as gammaln,
    gammasgn as gammasgn,
    loggamma as loggamma,
    polygamma as polygamma,
)
from ._harmonics import sph_harm_y as sph_harm_y
from ._hypergeometric import hyp1f1 as hyp1f1, hyp2f1 as hyp2f1
from ._normal import log_ndtr as log_ndtr, ndtr as ndtr, ndtri as ndtri
from ._owens_t import owens_t as owens_t
from ._powers import (
    boxcox as boxcox,
    boxcox1p as boxcox1p,
    log_softmax as log_softmax,
    softmax as softmax,
)
from ._spence import spence as spence
from ._trigonometric_integrals import fresnel as fresnel, sici as sici
