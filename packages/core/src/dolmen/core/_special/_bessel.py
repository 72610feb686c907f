"""Modified Bessel functions of the first kind, exponentially scaled."""

from collections.abc import Sequence
from typing import Any

from .._ops._arithmetic import abs, div, mul, sign, sub
from .._ops._comparison import eq
from .._ops._elementwise import Elementwise, Term, constant_like
from .._ops._selection import choose
from .._ops._transcendental import rsqrt
from .._tracing import bind
from ._iteration import Expanded, where

# Chebyshev coefficients of exp(-x) I0(x) in x / 4 - 1 up to x = 8, and of
# sqrt(x) exp(-x) I0(x) in 16 / x - 1 above (the intervals of Cephes), interpolated from
# the integral of exp(x (cos t - 1)) in extended precision.
_SMALL = (
    0.33839763720473803,
    -0.3046826723431984,
    0.17162090152220877,
    -0.09490109704804764,
    0.04930528423967071,
    -0.02373741480589947,
    0.010546460394594998,
    -0.004324309995050576,
    0.0016394756169413357,
    -0.0005763755745385825,
    0.0001885028850958417,
    -5.754195010082128e-05,
    1.6448448070728943e-05,
    -4.4167383584588556e-06,
    1.1173875391199982e-06,
    -2.670793853939761e-07,
    6.046995022539507e-08,
    -1.3000250100034068e-08,
    2.659823724724938e-09,
    -5.18979560407215e-10,
    9.675809036369803e-11,
    -1.7268262722820822e-11,
    2.955052250581106e-12,
    -4.856446487064544e-13,
    7.676160498352004e-14,
    -1.168559261744493e-14,
    1.7156291972618295e-15,
    -2.431643704258796e-16,
    3.319137105313578e-17,
    -4.605395137216836e-18,
)
_LARGE = (
    0.4022452055070544,
    0.0033691164782556943,
    6.889758346916823e-05,
    2.8913705208347135e-06,
    2.0489185894689545e-07,
    2.2666689904955006e-08,
    3.3962320256913036e-09,
    4.94060238799834e-10,
    1.1889147121475842e-11,
    -3.1499165364952096e-11,
    -1.3215811774077622e-11,
    -1.7941786947494553e-12,
    7.180124377989854e-13,
    3.8527782728887394e-13,
    1.5400829433948933e-14,
    -4.150567274462681e-14,
    -9.554847049296867e-15,
    3.8116199255421165e-15,
    1.7725313305984693e-15,
    -3.427002900996653e-16,
    -2.827463740570635e-16,
    3.4705557950845655e-17,
    4.440054305912796e-17,
    -4.882605919954607e-18,
    -7.400911875136847e-18,
)


def bessel_i0e(x: Any) -> Any:
    """Elementwise `exp(-|x|) I0(x)`, the modified Bessel function of order zero.

    Args:
        x: floating point.

    Returns:
        An array like `x`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.bessel_i0e(1.0)
        Array(0.4657596, dtype=float32, weak_type=True)
    """
    return bind(BesselI0e(), x)


def bessel_i1e(x: Any) -> Any:
    """Elementwise `exp(-|x|) I1(x)`, the modified Bessel function of order one.

    Args:
        x: floating point.

    Returns:
        An array like `x`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.bessel_i1e(1.0)
        Array(0.20791042, dtype=float32, weak_type=True)
    """
    return bind(BesselI1e(), x)


def _chebyshev(coefficients: Sequence[float], t: Any) -> Any:
    """The sum of a Chebyshev series by Clenshaw's recurrence."""
    first, *rest = coefficients
    b, above = t * 0, t * 0
    for coefficient in reversed(rest):
        b, above = 2 * t * b - above + coefficient, b
    return t * b - above + first


class BesselI0e(Expanded):
    """Scaled modified Bessel function of order zero."""

    def value(self, args: Sequence[Any]) -> Any:
        """By a Chebyshev series, one up to 8 and one above."""
        (x,) = args
        x = abs(x)
        above = x > 8
        small = _chebyshev(_SMALL, where(above, 8.0, x) / 4 - 1)
        return where(above, _chebyshev(_LARGE, 16 / x - 1) * rsqrt(x), small)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`i1e(x) - sign(x) i0e(x)`."""
        (x,) = args
        return (lambda tangent: mul(tangent, sub(bessel_i1e(x), mul(sign(x), out))),)


class BesselI1e(Elementwise):
    """Scaled modified Bessel function of order one."""

    cheap = False
    kinds = "f"
    operation = "chlo.bessel_i1e"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`i0e(x) - (sign(x) + 1 / x) i1e(x)`, which is 1/2 at zero."""
        (x,) = args

        def term(tangent: Any) -> Any:
            at_zero = eq(x, constant_like(x, 0))
            safe = choose(at_zero, constant_like(x, 1), x)
            ratio = choose(at_zero, constant_like(x, 0.5), div(out, safe))
            slope = sub(sub(bessel_i0e(x), ratio), mul(sign(x), out))
            return mul(tangent, slope)

        return (term,)
