"""Arithmetic of truncated power series, by the classical recurrences.

A series is a list of coefficients ``u[0], u[1], ..., u[K]`` of powers of one variable,
with None for a zero. A function ``v = f(u)`` with ``v' = w u'`` has the coefficients
``k v[k] = sum of j u[j] w[k-j] for j = 1..k``; where `w` can be told from `v` itself,
they follow one after the other.

Source: Griewank and Walther, *Evaluating Derivatives* (2008), chapter 13.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .._ir import Primitive
from .._ops import _arithmetic, _convolution, _dot, _transcendental
from .._ops._arithmetic import add, div, mul, neg, sub
from .._tracing import bind, typeof

Series = list[Any]


def total(terms: Iterable[Any]) -> Any:
    """The sum of terms, None if there is none."""
    some = [term for term in terms if term is not None]
    return functools.reduce(add, some) if some else None


def scaled(x: Any, factor: float) -> Any:
    """`x` times a number."""
    if x is None or factor == 1:
        return x
    return mul(x, np.asarray(factor, typeof(x).dtype))


def leibniz(product: Callable[[Any, Any], Any], a: Series, b: Series) -> Series:
    """A product that is linear in both factors."""
    return [
        total(
            product(a[i], b[k - i])
            for i in range(k + 1)
            if a[i] is not None and b[k - i] is not None
        )
        for k in range(len(a))
    ]


def integral(u: Series, start: Any, rate: Callable[[Series], Series]) -> Series:
    """The `v` with ``v' = rate(v) u'`` and the given first coefficient."""
    v = [start]
    for k in range(1, len(u)):
        v.append(_next(u, rate(v), k))
    return v


def _next(u: Series, w: Series, k: int) -> Any:
    """The coefficient ``v[k]`` where ``v' = w u'``."""
    return total(
        scaled(mul(u[j], w[k - j]), j / k)
        for j in range(1, k + 1)
        if u[j] is not None and w[k - j] is not None
    )


def quotient(a: Series, b: Series) -> Series:
    """``a / b``, from ``v b = a``."""
    v: Series = []
    for k in range(len(a)):
        taken = total(
            mul(b[j], v[k - j])
            for j in range(1, k + 1)
            if b[j] is not None and v[k - j] is not None
        )
        rest = a[k]
        if taken is not None:
            rest = neg(taken) if rest is None else sub(rest, taken)
        v.append(None if rest is None else div(rest, b[0]))
    return v


def _constant(u: Series, value: float) -> Series:
    one = np.full(typeof(u[0]).shape, value, typeof(u[0]).dtype)
    return [one, *[None] * (len(u) - 1)]


def _plus(value: float, u: Series, sign: int = 1) -> Series:
    """``value + sign * u``."""
    first = add(scaled(u[0], sign), np.asarray(value, typeof(u[0]).dtype))
    return [first, *(scaled(x, sign) for x in u[1:])]


def _squared(u: Series) -> Series:
    return leibniz(mul, u, u)


def _logarithm(primitive: Primitive, u: Series, argument: Series) -> Series:
    inverse = quotient(_constant(argument, 1.0), argument)
    return integral(u, bind(primitive, u[0]), lambda v: inverse[: len(v)])


def _square_root(primitive: Primitive, u: Series) -> Series:
    # From v v = u.
    v = [bind(primitive, u[0])]
    twice = scaled(v[0], 2.0)
    for k in range(1, len(u)):
        inner = total(
            mul(v[j], v[k - j])
            for j in range(1, k)
            if v[j] is not None and v[k - j] is not None
        )
        rest = u[k]
        if inner is not None:
            rest = neg(inner) if rest is None else sub(rest, inner)
        v.append(None if rest is None else div(rest, twice))
    return v


def _circular(u: Series) -> tuple[Series, Series]:
    """Sine and cosine, each the other's derivative."""
    sine = [bind(_transcendental.Sin(), u[0])]
    cosine = [bind(_transcendental.Cos(), u[0])]
    for k in range(1, len(u)):
        up, down = _next(u, cosine, k), _next(u, sine, k)
        sine.append(up)
        cosine.append(scaled(down, -1))
    return sine, cosine


# One series for each argument -> the series of the result.
Recurrence = Callable[[Primitive, Sequence[Series]], Series]


def _of_one(rate: Callable[[Series], Series]) -> Recurrence:
    """The recurrence of a function `v` of one argument with derivative `rate(v)`."""
    return lambda primitive, args: integral(args[0], bind(primitive, args[0][0]), rate)


def _bilinear(primitive: Primitive, args: Sequence[Series]) -> Series:
    return leibniz(functools.partial(bind, primitive), *args)


RECURRENCES: dict[type[Primitive], Recurrence] = {
    _arithmetic.Mul: _bilinear,
    _dot.DotGeneral: _bilinear,
    _convolution.ConvGeneralDilated: _bilinear,
    _arithmetic.Div: lambda primitive, args: quotient(*args),
    _transcendental.Exp: _of_one(lambda v: v),
    _transcendental.Expm1: _of_one(lambda v: _plus(1.0, v)),
    _transcendental.Log: lambda primitive, args: _logarithm(
        primitive, args[0], args[0]
    ),
    _transcendental.Log1p: lambda primitive, args: _logarithm(
        primitive, args[0], _plus(1.0, args[0])
    ),
    _transcendental.Sqrt: lambda primitive, args: _square_root(primitive, args[0]),
    _transcendental.Sin: lambda primitive, args: _circular(args[0])[0],
    _transcendental.Cos: lambda primitive, args: _circular(args[0])[1],
    _transcendental.Tan: _of_one(lambda v: _plus(1.0, _squared(v))),
    _transcendental.Tanh: _of_one(lambda v: _plus(1.0, _squared(v), -1)),
    _transcendental.Logistic: _of_one(lambda v: leibniz(mul, v, _plus(1.0, v, -1))),
}
