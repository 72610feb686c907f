"""A reference for derivatives: numbers `value + slope * e` with ``e * e == 0``.

Dual numbers nest, so that derivatives of any order are exact up to rounding, and they
share nothing with the code under test. Vectors are lists of numbers.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

Number = Any  # a float or a Dual
Vector = list[Number]


@dataclasses.dataclass(frozen=True)
class Dual:
    """`value + slope * e`."""

    value: Number
    slope: Number

    def __add__(self, other: Number) -> "Dual":
        other = dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other: Number) -> "Dual":
        other = dual(other)
        slope = self.slope * other.value + self.value * other.slope
        return Dual(self.value * other.value, slope)

    def __truediv__(self, other: Number) -> "Dual":
        other = dual(other)
        quotient = self.value / other.value
        slope = (self.slope + -1.0 * quotient * other.slope) / other.value
        return Dual(quotient, slope)

    __radd__, __rmul__ = __add__, __mul__

    def __rtruediv__(self, other: Number) -> "Dual":
        return dual(other) / self

    def __float__(self) -> float:
        return float(self.value)


def dual(number: Number) -> Dual:
    """`number` as a dual number."""
    return number if isinstance(number, Dual) else Dual(number, 0.0)


def sin(x: Number) -> Number:
    """Sine."""
    return Dual(sin(x.value), cos(x.value) * x.slope) if _is_dual(x) else math.sin(x)


def cos(x: Number) -> Number:
    """Cosine."""
    if _is_dual(x):
        return Dual(cos(x.value), -1.0 * sin(x.value) * x.slope)
    return math.cos(x)


def exp(x: Number) -> Number:
    """Exponential function."""
    return Dual(exp(x.value), exp(x.value) * x.slope) if _is_dual(x) else math.exp(x)


def tanh(x: Number) -> Number:
    """Hyperbolic tangent."""
    e = exp(-2.0 * x)
    return (1.0 + -1.0 * e) / (1.0 + e)


def _is_dual(x: Number) -> bool:
    return isinstance(x, Dual)


def derivative(f: Callable[[Vector], Vector], x: Vector, v: Vector) -> Vector:
    """The derivative of `f` at `x` in the direction `v`."""
    outs = f([Dual(a, b) for a, b in zip(x, v, strict=True)])
    return [dual(out).slope for out in outs]


def gradient(f: Callable[[Vector], Vector], x: Vector, w: Vector) -> Vector:
    """The gradient of ``sum(w * f(x))``."""
    columns = [
        derivative(f, x, [float(i == j) for j in range(len(x))]) for i in range(len(x))
    ]
    return [sum(a * b for a, b in zip(w, column, strict=True)) for column in columns]
