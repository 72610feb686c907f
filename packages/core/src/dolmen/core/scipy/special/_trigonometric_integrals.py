"""Integrals of trigonometric functions: of ``sin(t) / t``, and those of Fresnel.

Up to a phase of 4 by power series. Beyond, by what modulates the amplitudes of sine and
cosine in the rest of the integral up to infinity, which falls slowly and steadily.

Source: Abramowitz and Stegun 5.2.8-9, 5.2.14-16 and 7.3.9-13. The rational functions
interpolate values of high precision.
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._precision import of_reals, polynomial, ratio

_EULER = 0.5772156649015329
# Out here the integrals have their limits, and no intermediate value overflows.
_FAR = 1e18

# ``x f(x)`` and ``x**2 g(x)`` for `sici`, in ``(4 / x)**2``.
_SICI_F = (
    (
        1.0,
        73.48745957535891,
        1986.9818693147756,
        25795.20794031737,
        176256.44147358031,
        654528.3667537416,
        1318522.9429427325,
        1396846.7677577042,
        727456.6288090139,
        163651.91439693279,
        12126.527159606878,
        129.55289729042312,
    ),
    (
        1.0,
        73.61245957535891,
        1996.0896767616955,
        26037.993763077273,
        179336.38174261554,
        674813.3994578421,
        1389636.9616587088,
        1527922.8721461808,
        848623.5618138443,
        214719.0918048749,
        20256.693897639994,
        440.3327558281839,
    ),
)
_SICI_G = (
    (
        1.0,
        65.83109987773364,
        1559.5667527710525,
        17250.709619283112,
        96853.50666061572,
        281439.85713012493,
        414125.6006594772,
        289011.83889076,
        83537.21139699637,
        7390.236891017935,
        62.60514036610324,
    ),
    (
        1.0,
        66.20609987773364,
        1583.9252902252185,
        17814.877962531165,
        102867.54835145138,
        313284.910217511,
        498687.8524559983,
        397683.43952976965,
        145510.943453711,
        20529.774771710505,
        739.3911452856744,
    ),
)

# ``pi x f(x)`` and ``pi x 2 u g(x)`` for `fresnel`, in ``(4 / u)**2``, where `u` is the
# phase ``pi x**2 / 2``.
_FRESNEL_F = (
    (
        1.0,
        57.40648133408495,
        1180.0234098426106,
        11278.541008308057,
        54576.707142647276,
        136704.94926032747,
        174211.30577980692,
        106648.18011742296,
        27859.058449652333,
        2419.3446937787016,
        34.523645687816725,
    ),
    (
        1.0,
        57.45335633408495,
        1182.690901155146,
        11332.546494753606,
        55079.7596781352,
        139036.87221612115,
        179653.62027260932,
        112825.40500394108,
        30980.60969352585,
        3003.078467417223,
        60.14372514334367,
    ),
)
_FRESNEL_G = (
    (
        1.0,
        62.95348922210264,
        1424.2671866486999,
        15031.10216323449,
        80501.0163931285,
        223335.5257118618,
        314555.4167525822,
        211217.72293660583,
        59356.763739666545,
        5245.638114021688,
        55.064952424702504,
    ),
    (
        1.0,
        63.18786422210264,
        1438.8461294351348,
        15354.268969123337,
        83798.23218141097,
        240058.05299463897,
        357139.6135347747,
        263758.48422629404,
        88118.49005345137,
        11073.310136649725,
        336.5905803466766,
    ),
)

# Si(x) / x and (Ci(x) - log(x) - euler) / x**2 in powers of x**2.
_SI = [(-1) ** k / ((2 * k + 1) * math.factorial(2 * k + 1)) for k in range(18)]
_CI = [-((-1) ** k) / ((2 * k + 2) * math.factorial(2 * k + 2)) for k in range(18)]
# S(x) / (x u) and C(x) / x in powers of u**2.
_S = [(-1) ** k / ((4 * k + 3) * math.factorial(2 * k + 1)) for k in range(18)]
_C = [(-1) ** k / ((4 * k + 1) * math.factorial(2 * k)) for k in range(18)]


@jit_when_eager
def sici(x: ArrayLike) -> tuple[Array, Array]:
    """Sine and cosine integrals.

    Args:
        x: real numbers.

    Returns:
        Two floating-point arrays of the shape of `x`: the integral of ``sin(t) / t``
        from 0 to `x`, and that of ``cos(t) / t`` from infinity to the size of `x`. They
        are accurate to a few units in the last place, the latter where it is not small:
        close to its zeros the error is absolute.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> from dolmen.core.scipy import special

        >>> si, ci = special.sici(1.0)
        >>> si.round(2), ci.round(2)
        (Array(0.95, dtype=float32), Array(0.34, dtype=float32))
    """
    return of_reals("sici", _sici, x)


@custom_jvp
def _sici(x: Any) -> Any:
    size = jnp.abs(x)
    inner = jnp.minimum(size, 4)
    square = inner * inner
    small_si = inner * polynomial(_SI, square)
    small_ci = jnp.log(inner) + _EULER + square * polynomial(_CI, square)

    outer = jnp.clip(size, 4, _FAR)
    s = (4 / outer) ** 2
    f, g = ratio(_SICI_F, s) / outer, ratio(_SICI_G, s) / (outer * outer)
    sine, cosine = jnp.sin(outer), jnp.cos(outer)
    si = jnp.where(size <= 4, small_si, math.pi / 2 - f * cosine - g * sine)
    ci = jnp.where(size <= 4, small_ci, f * sine - g * cosine)
    ci = jnp.where(x == math.inf, 0, jnp.where(x == -math.inf, math.nan, ci))
    return jnp.where(jnp.signbit(x), -si, si), ci


@_sici.defjvp
def _sici_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _sici(x), (dx * jnp.sinc(x / math.pi), dx * jnp.cos(x) / x)


@jit_when_eager
def fresnel(x: ArrayLike) -> tuple[Array, Array]:
    """Fresnel's integrals.

    Args:
        x: real numbers.

    Returns:
        Two floating-point arrays of the shape of `x`: the integrals of
        ``sin(pi t**2 / 2)`` and of ``cos(pi t**2 / 2)`` from 0 to `x`, accurate to a
        few units in the last place, far out too.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> from dolmen.core.scipy import special
        >>> s, c = special.fresnel(1.0)
        >>> s.round(2), c.round(2)
        (Array(0.44, dtype=float32), Array(0.78, dtype=float32))
    """
    return of_reals("fresnel", _fresnel, x)


@custom_jvp
def _fresnel(x: Any) -> Any:
    seam = math.sqrt(8 / math.pi)  # where the phase is 4
    size = jnp.abs(x)
    inner, outer = jnp.minimum(size, seam), jnp.clip(size, seam, _FAR)
    u = math.pi / 2 * inner * inner
    small_s = inner * u * polynomial(_S, u * u)
    small_c = inner * polynomial(_C, u * u)

    u = math.pi / 2 * outer * outer
    s = (4 / u) ** 2
    f, g = ratio(_FRESNEL_F, s), ratio(_FRESNEL_G, s) / (2 * u)
    sine, cosine = _wave(outer)
    amplitude = 1 / (math.pi * outer)
    large_s = 0.5 - amplitude * (f * cosine + g * sine)
    large_c = 0.5 + amplitude * (f * sine - g * cosine)
    small, negative = size <= seam, jnp.signbit(x)
    s, c = jnp.where(small, small_s, large_s), jnp.where(small, small_c, large_c)
    return jnp.where(negative, -s, s), jnp.where(negative, -c, c)


@_fresnel.defjvp
def _fresnel_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    sine, cosine = _wave(x)
    return _fresnel(x), (dx * sine, dx * cosine)


def _wave(x: Any) -> tuple[Any, Any]:
    """Sine and cosine of ``pi x**2 / 2``, where nothing of the phase is lost.

    In ``x**2 = n**2 + 2 n d + d**2`` with the whole number `n` next to `x`, the square
    of `n` is 0 or 1 but for multiples of 4, and `n d` has no more bits than `x` has.
    """
    n = jnp.round(x)
    d = x - n
    quarters = jnp.abs(lax.rem(n, jnp.full_like(n, 2)))
    quarters += lax.rem(2 * n * d, jnp.full_like(n, 4)) + d * d
    return jnp.sin(math.pi / 2 * quarters), jnp.cos(math.pi / 2 * quarters)
