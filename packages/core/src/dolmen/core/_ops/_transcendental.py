"""Exponentials, logarithms, powers, trigonometry and special functions."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from .._ir import ArrayType, array_type, dtypes, type_error
from .._tracing import bind, typeof
from . import _comparison, _conversion, _selection
from ._accuracy import Accuracy, accuracy_attribute, check_accuracy
from ._arithmetic import (
    add,
    div,
    mul,
    neg,
    reciprocal,
    square,
    sub,
)
from ._elementwise import (
    Elementwise,
    Term,
    check_kind,
    common_shape,
    constant_like,
    not_derived,
    stretched,
)


class Transcendental(Elementwise):
    """A smooth function of one floating-point or complex operand."""

    cheap: ClassVar[bool] = False

    kinds = "fc"


class Approximated(Transcendental):
    """A function that a compiler may compute in more and less exact ways."""

    accuracy: Accuracy = None

    def __post_init__(self) -> None:
        check_accuracy(self.name, self.accuracy)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """The StableHLO operation, with the accuracy if one was asked for."""
        return builder.emit(self.operation, args, **self._attributes())

    def _attributes(self) -> dict[str, Any]:
        if self.accuracy is None:
            return {}
        return {"result_accuracy": accuracy_attribute(self.accuracy)}


def _scaled(factor: Any) -> Sequence[Term]:
    """The derivative rule of a function of one operand whose derivative is `factor`."""
    return (lambda tangent: mul(tangent, factor),)


# ---- exponentials and logarithms -----------------------------------------------------


def exp(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise `e**x`.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.exp(jnp.array([0.0, 1.0]))
        Array([1.       , 2.7182817], dtype=float32)
    """
    return bind(Exp(accuracy), x)


class Exp(Approximated):
    """`e**x`."""

    operation = "exponential"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """The derivative is the result."""
        return _scaled(out)


def exp2(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise `2**x`.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.exp2(jnp.array([1.0, 3.0]))
        Array([2., 8.], dtype=float32)
    """
    return bind(Exp2(accuracy), x)


class Exp2(Approximated):
    """`2**x`."""

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`log(2) 2**x`."""
        return _scaled(mul(out, constant_like(out, math.log(2.0))))

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`exp(log(2) x)`, as StableHLO has no operation for it."""
        (x,) = args
        (out,) = builder.out_types
        scale = builder.constant(math.log(2.0), out)
        scaled = builder.emit("multiply", (x, scale))
        return builder.emit("exponential", (scaled,), **self._attributes())


def expm1(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise `e**x - 1`, accurate near zero.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.expm1(jnp.array([1e-6, 1.0]))
        Array([1.0000005e-06, 1.7182817e+00], dtype=float32)
    """
    return bind(Expm1(accuracy), x)


class Expm1(Approximated):
    """`e**x - 1`."""

    operation = "exponential_minus_one"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`e**x`."""
        return _scaled(add(out, constant_like(out, 1)))


def log(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise natural logarithm; NaN for negative numbers, -inf at zero.

    Args:
        x: floating point or complex (principal branch, cut along the negative axis).
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.log(jnp.array([1.0, 10.0]))
        Array([0.       , 2.3025851], dtype=float32)
    """
    return bind(Log(accuracy), x)


class Log(Approximated):
    """Natural logarithm."""

    operation = "log"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / x`."""
        (x,) = args
        return (lambda tangent: div(tangent, x),)


def log1p(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise `log(1 + x)`, accurate near zero.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.log1p(jnp.array([1e-6, 1.0]))
        Array([9.999995e-07, 6.931472e-01], dtype=float32)
    """
    return bind(Log1p(accuracy), x)


class Log1p(Approximated):
    """`log(1 + x)`."""

    operation = "log_plus_one"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / (1 + x)`."""
        (x,) = args
        shifted = add(x, constant_like(x, 1))
        return (lambda tangent: div(tangent, shifted),)


# ---- powers and roots ---------------------------------------------------------------


def pow(x: Any, y: Any) -> Any:
    """Elementwise `x**y`.

    Args:
        x: floating point or complex; integers too if `y` holds integers of that dtype.
        y: of the dtype of `x`, or integers; the shape of `x`, or none.

    Returns:
        An array of the operands' shape and the dtype of `x`. NaN for a negative `x` and
        a fractional `y`. The derivative by `y` is zero where `x` is zero.

    Raises:
        TypeError: the dtypes do not fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.pow(jnp.array([2.0, 4.0]), jnp.array([3.0, 0.5]))
        Array([8., 2.], dtype=float32)
    """
    return bind(Pow(), x, y)


class Pow(Elementwise):
    """`x**y`."""

    cheap: ClassVar[bool] = False

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Of the dtype of the base."""
        x, y = arg_types
        check_kind(self.name, x, "iufc")
        check_kind(self.name, y, "iufc")
        if x.dtype != y.dtype and (
            dtypes.kind(y.dtype) not in "iu" or dtypes.kind(x.dtype) in "iu"
        ):
            raise type_error(
                f"pow: the exponent must have the dtype of the base, or be an integer "
                f"for a floating-point base, got {x!r} and {y!r}.",
                "Convert one with `.astype(...)`, or use `jnp.power`, which promotes.",
            )
        weak = x.weak_type and y.weak_type
        return array_type(common_shape(self.name, arg_types), x.dtype, weak)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`y x**(y - 1)` and `log(x) x**y`, each without 0 * inf at zero."""
        x, y = args
        zero, one = constant_like(y, 0), constant_like(y, 1)
        exponent = _conversion.convert_element_type(y, typeof(out).dtype)

        def by_base(tangent: Any) -> Any:
            # x**0 is constant; with y = 1 the power is x**0 = 1, also at x = 0.
            safe = _selection.choose(_comparison.eq(y, zero), one, y)
            slope = mul(exponent, pow(x, sub(safe, one)))
            return mul(tangent, slope)

        def by_exponent(tangent: Any) -> Any:
            at_zero = _comparison.eq(x, constant_like(x, 0))
            safe = _selection.choose(at_zero, constant_like(x, 1), x)
            return mul(tangent, mul(log(safe), out))

        return by_base, by_exponent

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.power`, exponents converted to the dtype of the base."""
        (out,) = builder.out_types
        x, y = stretched(builder, args)
        if builder.in_types[1].dtype != out.dtype:
            y = builder.convert(y, out)
        return builder.emit("power", (x, y))


def sqrt(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise square root; NaN for negative numbers.

    Args:
        x: floating point or complex (principal branch).
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`; the derivative at zero is infinite.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.sqrt(jnp.array([4.0, 2.0]))
        Array([2.       , 1.4142135], dtype=float32)
    """
    return bind(Sqrt(accuracy), x)


class Sqrt(Approximated):
    """Square root."""

    operation = "sqrt"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / (2 sqrt(x))`."""
        return _scaled(div(constant_like(out, 0.5), out))


def rsqrt(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise `1 / sqrt(x)`.

    Args:
        x: floating point or complex (principal branch).
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.rsqrt(jnp.array([4.0, 0.25]))
        Array([0.5, 2. ], dtype=float32)
    """
    return bind(Rsqrt(accuracy), x)


class Rsqrt(Approximated):
    """Reciprocal square root."""

    operation = "rsqrt"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`-1 / (2 x sqrt(x))`."""
        (x,) = args
        return _scaled(mul(div(out, x), constant_like(out, -0.5)))


def cbrt(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise cube root, negative for negative numbers.

    Args:
        x: floating point.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`; the derivative at zero is infinite.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cbrt(jnp.array([8.0, -27.0]))
        Array([ 2., -3.], dtype=float32)
    """
    return bind(Cbrt(accuracy), x)


class Cbrt(Approximated):
    """Cube root."""

    kinds = "f"
    operation = "cbrt"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / (3 cbrt(x)**2)`."""
        return _scaled(div(constant_like(out, 1 / 3), square(out)))


# ---- trigonometry --------------------------------------------------------------------


def sin(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise sine of radians.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.sin(0.0)
        Array(0., dtype=float32, weak_type=True)
    """
    return bind(Sin(accuracy), x)


class Sin(Approximated):
    """Sine."""

    operation = "sine"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`cos(x)`."""
        (x,) = args
        return _scaled(cos(x, accuracy=self.accuracy))


def cos(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise cosine of radians.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cos(jnp.array([0.0, 1.0]))
        Array([1.       , 0.5403023], dtype=float32)
    """
    return bind(Cos(accuracy), x)


class Cos(Approximated):
    """Cosine."""

    operation = "cosine"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`-sin(x)`."""
        (x,) = args
        return _scaled(neg(sin(x, accuracy=self.accuracy)))


def tan(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise tangent of radians.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.tan(jnp.array([0.0, 1.0]))
        Array([0.       , 1.5574077], dtype=float32)
    """
    return bind(Tan(accuracy), x)


class Tan(Approximated):
    """Tangent."""

    operation = "tan"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 + tan(x)**2`."""
        return _scaled(add(square(out), constant_like(out, 1)))


def asin(x: Any) -> Any:
    """Elementwise arc sine in radians, from -π/2 to π/2; NaN outside [-1, 1].

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.asin(jnp.array([0.0, 1.0]))
        Array([0.       , 1.5707964], dtype=float32)
    """
    return bind(Asin(), x)


class Asin(Transcendental):
    """Arc sine."""

    operation = "chlo.asin"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / sqrt(1 - x**2)`."""
        (x,) = args
        return _scaled(rsqrt(_one_minus_square(x)))


def acos(x: Any) -> Any:
    """Elementwise arc cosine in radians, from 0 to π; NaN outside [-1, 1].

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.acos(jnp.array([1.0, 0.0]))
        Array([0.       , 1.5707964], dtype=float32)
    """
    return bind(Acos(), x)


class Acos(Transcendental):
    """Arc cosine."""

    operation = "chlo.acos"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`-1 / sqrt(1 - x**2)`."""
        (x,) = args
        return _scaled(neg(rsqrt(_one_minus_square(x))))


def _one_minus_square(x: Any) -> Any:
    """`1 - x**2`, factored so that nothing cancels near one."""
    one = constant_like(x, 1)
    return mul(sub(one, x), add(one, x))


def atan(x: Any) -> Any:
    """Elementwise arc tangent in radians, from -π/2 to π/2.

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.atan(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7853981], dtype=float32)
    """
    return bind(Atan(), x)


class Atan(Transcendental):
    """Arc tangent."""

    operation = "chlo.atan"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / (1 + x**2)`."""
        (x,) = args
        return _scaled(reciprocal(add(square(x), constant_like(x, 1))))


# ---- hyperbolic functions ------------------------------------------------------------


def sinh(x: Any) -> Any:
    """Elementwise hyperbolic sine.

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.sinh(jnp.array([0.0, 1.0]))
        Array([0.       , 1.1752012], dtype=float32)
    """
    return bind(Sinh(), x)


class Sinh(Transcendental):
    """Hyperbolic sine."""

    operation = "chlo.sinh"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`cosh(x)`."""
        (x,) = args
        return _scaled(cosh(x))


def cosh(x: Any) -> Any:
    """Elementwise hyperbolic cosine.

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cosh(jnp.array([0.0, 1.0]))
        Array([1.       , 1.5430806], dtype=float32)
    """
    return bind(Cosh(), x)


class Cosh(Transcendental):
    """Hyperbolic cosine."""

    operation = "chlo.cosh"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`sinh(x)`."""
        (x,) = args
        return _scaled(sinh(x))


def tanh(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise hyperbolic tangent.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.tanh(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7615942], dtype=float32)
    """
    return bind(Tanh(accuracy), x)


class Tanh(Approximated):
    """Hyperbolic tangent."""

    operation = "tanh"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 - tanh(x)**2`."""
        return _scaled(_one_minus_square(out))


def asinh(x: Any) -> Any:
    """Elementwise inverse hyperbolic sine.

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.asinh(jnp.array([0.0, 1.0]))
        Array([0.        , 0.88137364], dtype=float32)
    """
    return bind(Asinh(), x)


class Asinh(Transcendental):
    """Inverse hyperbolic sine."""

    operation = "chlo.asinh"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / sqrt(1 + x**2)`."""
        (x,) = args
        return _scaled(rsqrt(add(square(x), constant_like(x, 1))))


def acosh(x: Any) -> Any:
    """Elementwise inverse hyperbolic cosine; NaN below one.

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.acosh(jnp.array([1.0, 2.0]))
        Array([0.      , 1.316958], dtype=float32)
    """
    return bind(Acosh(), x)


class Acosh(Transcendental):
    """Inverse hyperbolic cosine."""

    operation = "chlo.acosh"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / (sqrt(x - 1) sqrt(x + 1))`; one root would leave the complex branch."""
        (x,) = args
        one = constant_like(x, 1)
        return _scaled(mul(rsqrt(sub(x, one)), rsqrt(add(x, one))))


def atanh(x: Any) -> Any:
    """Elementwise inverse hyperbolic tangent; NaN outside [-1, 1].

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.atanh(jnp.array([0.0, 0.5]))
        Array([0.        , 0.54930615], dtype=float32)
    """
    return bind(Atanh(), x)


class Atanh(Transcendental):
    """Inverse hyperbolic tangent."""

    operation = "chlo.atanh"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`1 / (1 - x**2)`."""
        (x,) = args
        return _scaled(reciprocal(_one_minus_square(x)))


# ---- special functions ---------------------------------------------------------------


def logistic(x: Any, *, accuracy: Accuracy = None) -> Any:
    """Elementwise logistic sigmoid `1 / (1 + exp(-x))`.

    Args:
        x: floating point or complex.
        accuracy: how exact, where the compiler has a choice; see `Tolerance`.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.logistic(jnp.array([0.0, 2.0]))
        Array([0.5     , 0.880797], dtype=float32)
    """
    return bind(Logistic(accuracy), x)


class Logistic(Approximated):
    """Logistic sigmoid."""

    operation = "logistic"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`s(x) (1 - s(x))`."""
        return _scaled(mul(out, sub(constant_like(out, 1), out)))


def erf(x: Any) -> Any:
    """Elementwise error function.

    Args:
        x: floating point.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.erf(jnp.array([0.0, 1.0]))
        Array([0.        , 0.84270084], dtype=float32)
    """
    return bind(Erf(), x)


class Erf(Transcendental):
    """Error function."""

    kinds = "f"
    operation = "chlo.erf"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`2 / sqrt(π) exp(-x**2)`."""
        (x,) = args
        return _scaled(_bell(x))


def _bell(x: Any) -> Any:
    scale = constant_like(x, 2 / math.sqrt(math.pi))
    return mul(exp(neg(square(x))), scale)


def erfc(x: Any) -> Any:
    """Elementwise complementary error function `1 - erf(x)`, accurate for large `x`.

    Args:
        x: floating point.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.erfc(jnp.array([0.0, 1.0]))
        Array([1.        , 0.15729924], dtype=float32)
    """
    return bind(Erfc(), x)


class Erfc(Transcendental):
    """Complementary error function."""

    kinds = "f"
    operation = "chlo.erfc"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`-2 / sqrt(π) exp(-x**2)`."""
        (x,) = args
        return _scaled(neg(_bell(x)))


def erf_inv(x: Any) -> Any:
    """Elementwise inverse of the error function; NaN outside [-1, 1].

    Args:
        x: floating point.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.erf_inv(jnp.array([0.0, 0.5]))
        Array([0.        , 0.47693628], dtype=float32)
    """
    return bind(ErfInv(), x)


class ErfInv(Transcendental):
    """Inverse error function."""

    kinds = "f"
    operation = "chlo.erf_inv"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`sqrt(π) / 2 exp(erf_inv(x)**2)`."""
        scale = constant_like(out, math.sqrt(math.pi) / 2)
        return _scaled(mul(exp(square(out)), scale))


def lgamma(x: Any) -> Any:
    """Elementwise logarithm of the absolute value of the gamma function.

    Args:
        x: floating point.

    Returns:
        An array like `x`; infinite at zero and the negative integers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.lgamma(jnp.array([1.0, 5.0]))
        Array([4.7683716e-07, 3.1780548e+00], dtype=float32)
    """
    return bind(Lgamma(), x)


class Lgamma(Transcendental):
    """Log-gamma."""

    kinds = "f"
    operation = "chlo.lgamma"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`digamma(x)`."""
        (x,) = args
        return _scaled(digamma(x))


def digamma(x: Any) -> Any:
    """Elementwise derivative of `lgamma`; NaN at zero and the negative integers.

    Args:
        x: floating point.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.digamma(jnp.array([1.0, 2.0]))
        Array([-0.5772154 ,  0.42278463], dtype=float32)
    """
    return bind(Digamma(), x)


class Digamma(Transcendental):
    """Logarithmic derivative of the gamma function."""

    kinds = "f"
    operation = "chlo.digamma"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """The trigamma function."""
        (x,) = args
        return _scaled(polygamma(constant_like(x, 1), x))


def polygamma(m: Any, x: Any) -> Any:
    """Elementwise derivative of order `m` of `digamma`.

    Args:
        m: floating point, whole numbers.
        x: of the dtype of `m`.

    Returns:
        An array of the operands' shape; the derivative by `m` does not exist.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.polygamma(jnp.array([1.0]), jnp.array([1.0]))
        Array([1.644934], dtype=float32)
    """
    return bind(Polygamma(), m, x)


class Polygamma(Transcendental):
    """Derivative of the digamma function."""

    kinds = "f"
    operation = "chlo.polygamma"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """The next order."""
        m, x = args
        above = polygamma(add(m, constant_like(m, 1)), x)
        return not_derived(self.name, "m"), lambda tangent: mul(tangent, above)
