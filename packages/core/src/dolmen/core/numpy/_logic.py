"""Comparisons, logic, bits, tests for NaN and infinity, and choice by condition."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._ops import _selection
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import body, jit_when_eager
from ._promotion import (
    broadcast_args,
    convert,
    literal,
    promote_args,
    promote_args_inexact,
    type_of,
)

_BOOL = np.dtype(bool)

# ---- comparisons -------------------------------------------------------------------


@jit_when_eager
def equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise `x == y`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.equal(jnp.array([1, 2]), 2)
        Array([False,  True], dtype=bool)
    """
    return lax.eq(*promote_args("equal", x, y))


@jit_when_eager
def not_equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise `x != y`; true where either is NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.not_equal(jnp.array([1, 2]), 2)
        Array([ True, False], dtype=bool)
    """
    return lax.ne(*promote_args("not_equal", x, y))


def compared(compare: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """`lax.lt` and the like, for complex numbers by real, then by imaginary part."""
    if dtypes.kind(typeof(x).dtype) != "c":
        return compare(x, y)
    real, other = lax.real(x), lax.real(y)
    by_rest = compare(lax.imag(x), lax.imag(y))
    return _selection.choose(lax.eq(real, other), by_rest, compare(real, other))


@jit_when_eager
def less(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise `x < y`; complex numbers compare by real, then imaginary part.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.less(jnp.array([1, 2, 3]), 2)
        Array([ True, False, False], dtype=bool)
    """
    return compared(lax.lt, *promote_args("less", x, y))


@jit_when_eager
def less_equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise `x <= y`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.less_equal(jnp.array([1, 2, 3]), 2)
        Array([ True,  True, False], dtype=bool)
    """
    return compared(lax.le, *promote_args("less_equal", x, y))


@jit_when_eager
def greater(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise `x > y`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.greater(jnp.array([1, 2, 3]), 2)
        Array([False, False,  True], dtype=bool)
    """
    return compared(lax.gt, *promote_args("greater", x, y))


@jit_when_eager
def greater_equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise `x >= y`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.greater_equal(jnp.array([1, 2, 3]), 2)
        Array([False,  True,  True], dtype=bool)
    """
    return compared(lax.ge, *promote_args("greater_equal", x, y))


@jit_when_eager(static_argnames=("equal_nan",))
def isclose(
    a: ArrayLike,
    b: ArrayLike,
    rtol: ArrayLike = 1e-05,
    atol: ArrayLike = 1e-08,
    equal_nan: bool = False,
) -> Array:
    """Whether `|a - b| <= atol + rtol * |b|`, elementwise.

    Infinities are close to themselves only, NaN to nothing.

    Args:
        a: an array.
        b: the reference, broadcast against `a`.
        rtol: tolerance relative to `b`.
        atol: absolute tolerance.
        equal_nan: take NaN as close to NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isclose(jnp.array([1.0, 2.0]), jnp.array([1.000001, 2.1]))
        Array([ True, False], dtype=bool)
    """
    a, b = promote_args("isclose", a, b)
    dtype = typeof(a).dtype
    if not dtypes.is_inexact(dtype):
        a, b = promote_args_inexact("isclose", a, b)
        dtype = typeof(a).dtype
    real = (
        np.dtype(f"float{dtype.itemsize * 4}") if dtypes.kind(dtype) == "c" else dtype
    )
    tolerance = lax.add(convert(atol, real), lax.mul(convert(rtol, real), lax.abs(b)))
    close = lax.le(lax.abs(lax.sub(a, b)), tolerance)
    finite = lax.bitwise_and(lax.is_finite(lax.abs(a)), lax.is_finite(lax.abs(b)))
    close = lax.bitwise_or(lax.bitwise_and(finite, close), lax.eq(a, b))
    if equal_nan:
        both = lax.bitwise_and(lax.ne(a, a), lax.ne(b, b))
        close = lax.bitwise_or(close, both)
    return close


@jit_when_eager(static_argnames=("equal_nan",))
def allclose(
    a: ArrayLike,
    b: ArrayLike,
    rtol: ArrayLike = 1e-05,
    atol: ArrayLike = 1e-08,
    equal_nan: bool = False,
) -> Array:
    """Whether `isclose` holds for all elements.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.allclose(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.0 + 1e-6]))
        Array(True, dtype=bool)
    """
    return body(_all_of)(body(isclose)(a, b, rtol, atol, equal_nan=equal_nan))


@jit_when_eager
def _all_of(x: Any) -> Any:
    return lax.reduce_and(x, tuple(range(typeof(x).ndim)))


@jit_when_eager(static_argnames=("equal_nan",))
def array_equal(a1: ArrayLike, a2: ArrayLike, equal_nan: bool = False) -> Array:
    """Whether two arrays have the same shape and equal elements.

    Args:
        a1: an array.
        a2: an array.
        equal_nan: take NaN as equal to NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.array_equal(jnp.array([1, 2]), jnp.array([1, 3]))
        Array(False, dtype=bool)
    """
    if type_of("array_equal", "a1", a1).shape != type_of("array_equal", "a2", a2).shape:
        return lax.full((), False)
    a1, a2 = promote_args("array_equal", a1, a2)
    same = lax.eq(a1, a2)
    if equal_nan:
        both = lax.bitwise_and(lax.ne(a1, a1), lax.ne(a2, a2))
        same = lax.bitwise_or(same, both)
    return body(_all_of)(same)


@jit_when_eager
def array_equiv(a1: ArrayLike, a2: ArrayLike) -> Array:
    """Whether two arrays broadcast to one shape and are equal there.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.array_equiv(jnp.array([1, 2]), jnp.array([[1, 2], [1, 2]]))
        Array(True, dtype=bool)
    """
    first, second = (type_of("array_equiv", n, a) for n, a in (("a1", a1), ("a2", a2)))
    try:
        np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        return lax.full((), False)
    return body(_all_of)(lax.eq(*promote_args("array_equiv", a1, a2)))


# ---- logic and bits ----------------------------------------------------------------


def truth(x: Any) -> Any:
    """Which elements are not zero."""
    type = typeof(x)
    return x if type.dtype == _BOOL else lax.ne(x, literal(0, type.dtype))


def _logical(function: str, of: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    x, y = broadcast_args(function, x, y)
    return of(truth(x), truth(y))


@jit_when_eager
def logical_and(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Whether both elements are true (not zero).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.logical_and(jnp.array([True, False]), True)
        Array([ True, False], dtype=bool)
    """
    return _logical("logical_and", lax.bitwise_and, x, y)


@jit_when_eager
def logical_or(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Whether either element is true (not zero).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.logical_or(jnp.array([True, False]), False)
        Array([ True, False], dtype=bool)
    """
    return _logical("logical_or", lax.bitwise_or, x, y)


@jit_when_eager
def logical_xor(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Whether exactly one element is true (not zero).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.logical_xor(jnp.array([True, False]), True)
        Array([False,  True], dtype=bool)
    """
    return _logical("logical_xor", lax.bitwise_xor, x, y)


@jit_when_eager
def logical_not(x: ArrayLike, /) -> Array:
    """Whether the element is false (zero).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.logical_not(jnp.array([True, False]))
        Array([False,  True], dtype=bool)
    """
    type = type_of("logical_not", "x", x)
    if type.dtype == _BOOL:
        return lax.bitwise_not(x)
    return lax.eq(x, literal(0, type.dtype))


@jit_when_eager
def bitwise_and(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise and of the bits of integers or booleans.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bitwise_and(jnp.array([12, 5]), 6)
        Array([4, 4], dtype=int32)
    """
    return lax.bitwise_and(*promote_args("bitwise_and", x, y))


@jit_when_eager
def bitwise_or(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise or of the bits of integers or booleans.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bitwise_or(jnp.array([12, 5]), 6)
        Array([14,  7], dtype=int32)
    """
    return lax.bitwise_or(*promote_args("bitwise_or", x, y))


@jit_when_eager
def bitwise_xor(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise exclusive or of the bits of integers or booleans.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bitwise_xor(jnp.array([12, 5]), 6)
        Array([10,  3], dtype=int32)
    """
    return lax.bitwise_xor(*promote_args("bitwise_xor", x, y))


@jit_when_eager
def bitwise_not(x: ArrayLike, /) -> Array:
    """Elementwise inversion of the bits of integers or booleans.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bitwise_not(jnp.array([0, 5]))
        Array([-1, -6], dtype=int32)
    """
    (x,) = promote_args("bitwise_not", x)
    return lax.bitwise_not(x)


invert = bitwise_invert = bitwise_not


@jit_when_eager
def bitwise_count(x: ArrayLike, /) -> Array:
    """Number of bits set in the absolute value of each integer, as uint8.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bitwise_count(jnp.array([0, 5, 255]))
        Array([0, 2, 8], dtype=uint8)
    """
    (x,) = promote_args("bitwise_count", x)
    kind = dtypes.kind(typeof(x).dtype)
    if kind == "i":
        x = lax.abs(x)
    elif kind == "b":
        x = convert(x, np.dtype("uint8"))
    return convert(lax.population_count(x), np.dtype("uint8"))


@jit_when_eager
def left_shift(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Bits of `x` shifted up by `y` places; zeros come in.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.left_shift(jnp.array([1, 5]), 2)
        Array([ 4, 20], dtype=int32)
    """
    return lax.shift_left(*_shift_operands("left_shift", x, y))


bitwise_left_shift = left_shift


@jit_when_eager
def right_shift(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Bits of `x1` shifted down by `x2` places; the sign stays.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.right_shift(jnp.array([8, -8]), 2)
        Array([ 2, -2], dtype=int32)
    """
    x1, x2 = _shift_operands("right_shift", x1, x2)
    if dtypes.kind(typeof(x1).dtype) == "u":
        return lax.shift_right_logical(x1, x2)
    return lax.shift_right_arithmetic(x1, x2)


bitwise_right_shift = right_shift


def _shift_operands(function: str, x: Any, y: Any) -> Any:
    made = promote_args(function, x, y)
    if typeof(made[0]).dtype == _BOOL:
        return [convert(a, dtypes.default(np.dtype("int64"))) for a in made]
    return made


# ---- NaN and infinity --------------------------------------------------------------


@jit_when_eager
def isnan(x: ArrayLike, /) -> Array:
    """Whether an element is not a number.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isnan(jnp.array([1.0, jnp.inf, jnp.nan]))
        Array([False, False,  True], dtype=bool)
    """
    (x,) = promote_args("isnan", x)
    return lax.ne(x, x)


@jit_when_eager
def isfinite(x: ArrayLike, /) -> Array:
    """Whether an element is neither infinite nor NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isfinite(jnp.array([1.0, jnp.inf, jnp.nan]))
        Array([ True, False, False], dtype=bool)
    """
    (x,) = promote_args("isfinite", x)
    kind = dtypes.kind(typeof(x).dtype)
    if kind == "f":
        return lax.is_finite(x)
    if kind == "c":
        parts = lax.is_finite(lax.real(x)), lax.is_finite(lax.imag(x))
        return lax.bitwise_and(*parts)
    return lax.full_like(x, True, bool)


@jit_when_eager
def isinf(x: ArrayLike, /) -> Array:
    """Whether an element is infinite (for complex ones: either part).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isinf(jnp.array([1.0, -jnp.inf, jnp.nan]))
        Array([False,  True, False], dtype=bool)
    """
    (x,) = promote_args("isinf", x)
    kind = dtypes.kind(typeof(x).dtype)
    if kind == "f":
        return _equals(lax.abs(x), np.inf)
    if kind == "c":
        parts = (lax.abs(part) for part in (lax.real(x), lax.imag(x)))
        return lax.bitwise_or(*(_equals(part, np.inf) for part in parts))
    return lax.full_like(x, False, bool)


@jit_when_eager
def isposinf(x: ArrayLike, /, out: None = None) -> Array:
    """Whether an element is positive infinity.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isposinf(jnp.array([1.0, -jnp.inf, jnp.inf]))
        Array([False, False,  True], dtype=bool)
    """
    return _is_signed_infinity("isposinf", x, out, np.inf)


@jit_when_eager
def isneginf(x: ArrayLike, /, out: None = None) -> Array:
    """Whether an element is negative infinity.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isneginf(jnp.array([1.0, -jnp.inf, jnp.inf]))
        Array([False,  True, False], dtype=bool)
    """
    return _is_signed_infinity("isneginf", x, out, -np.inf)


def _is_signed_infinity(function: str, x: Any, out: None, value: float) -> Any:
    no_out(function, out)
    (x,) = promote_args(function, x)
    type = typeof(x)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"{function}: complex numbers have no sign, got {type!r}.")
    if dtypes.kind(type.dtype) != "f":
        return lax.full_like(x, False, bool)
    return _equals(x, value)


def _equals(x: Any, value: float) -> Any:
    return lax.eq(x, literal(value, typeof(x).dtype))


def no_out(function: str, out: Any) -> None:
    """Refuse NumPy's `out`: arrays never change.

    Raises:
        NotImplementedError: `out` is given.
    """
    if out is not None:
        raise NotImplementedError(
            f"{function}: `out` is not supported, because arrays never change. Use the "
            "result instead."
        )


@jit_when_eager(static_argnames=("copy",))
def nan_to_num(
    x: ArrayLike,
    copy: bool = True,
    nan: ArrayLike = 0.0,
    posinf: ArrayLike | None = None,
    neginf: ArrayLike | None = None,
) -> Array:
    """`x` with NaN and infinities replaced by finite numbers.

    Args:
        x: any dtype; integers come back as they are.
        copy: for NumPy's sake; the result is always a new array.
        nan: takes the place of NaN.
        posinf: takes the place of infinity; by default the largest number.
        neginf: takes the place of minus infinity; by default the least number.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nan_to_num(jnp.array([1.0, jnp.nan]), nan=-1.0)
        Array([ 1., -1.], dtype=float32)
    """
    del copy
    (x,) = promote_args("nan_to_num", x)
    dtype = typeof(x).dtype
    if dtypes.kind(dtype) == "c":
        real, imag = (
            body(nan_to_num)(part, True, nan, posinf, neginf)
            for part in (lax.real(x), lax.imag(x))
        )
        return lax.complex(real, imag)
    if not dtypes.is_inexact(dtype):
        return x
    choose = _selection.choose
    largest = ml_dtypes.finfo(dtype).max
    high = largest if posinf is None else convert(posinf, dtype)
    low = -largest if neginf is None else convert(neginf, dtype)
    x = choose(lax.ne(x, x), convert(nan, dtype), x)
    x = choose(_equals(x, np.inf), high, x)
    return choose(_equals(x, -np.inf), low, x)


# ---- choice ------------------------------------------------------------------------


def where(
    condition: ArrayLike,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    /,
    *,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Elements of `x` where `condition` holds, of `y` elsewhere.

    All three broadcast. A gradient flows through the chosen element only, but a NaN in
    the derivative of the other one still spoils it (0 * NaN): make the unchosen operand
    safe first. With `condition` alone this is `nonzero`.

    Args:
        condition: booleans; other dtypes count as true where not zero.
        x: the elements where it holds.
        y: the elements where it does not.
        size: length of each result of `nonzero`; required under `jit`.
        fill_value: pads the results of `nonzero` to `size`.

    Raises:
        ValueError: only one of `x` and `y` is given, or the shapes don't broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.where(jnp.arange(4) > 1, jnp.arange(4), 0)
        Array([0, 0, 2, 3], dtype=int32)
    """
    if x is not None and y is not None and size is None and fill_value is None:
        return _where(condition, x, y)
    if x is None and y is None:
        from ._searching import nonzero

        return nonzero(condition, size=size, fill_value=fill_value)
    if x is None or y is None:
        raise value_error(
            "where: expected both `x` and `y`, or neither; got only "
            f"`{'y' if x is None else 'x'}`."
        )
    raise value_error(
        "where: `size` and `fill_value` belong to the form with a condition alone, got "
        "them together with `x` and `y`."
    )


def _where_body(condition: Any, x: Any, y: Any, /) -> Any:
    x, y = promote_args_of_where(x, y)
    condition, x, y = broadcast_args("where", condition, x, y)
    return _selection.choose(truth(condition), x, y)


def promote_args_of_where(x: Any, y: Any) -> Any:
    """The two cases in one dtype; their shapes meet that of the condition later."""
    types = type_of("where", "x", x), type_of("where", "y", y)
    if types[0].dtype == types[1].dtype and types[0].weak_type == types[1].weak_type:
        return x, y
    dtype, weak_type = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    return convert(x, dtype, weak_type), convert(y, dtype, weak_type)


_where = jit_when_eager(_where_body, name="where")
