"""Changing the element type: by value, by bits, by precision; complex parts."""

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .._backend import pytree
from .._ir import ArrayType, Primitive, array_type, dtypes, type_error, value_error
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _arithmetic, _shape
from ._elementwise import Elementwise, constant_like, is_linear, unstretch

_BOOL = np.dtype(bool)


def convert_element_type(operand: Any, new_dtype: Any, weak_type: bool = False) -> Any:
    """`operand` with its values converted to `new_dtype`.

    Args:
        operand: any dtype.
        new_dtype: a dtype, or a Python scalar type.
        weak_type: whether the result gives way in promotion.

    Returns:
        An array of the shape of `operand`. Floating-point numbers are truncated towards
        zero when they become integers (values out of range take the nearest), complex
        numbers lose their imaginary part, and what becomes bool is `operand != 0`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.convert_element_type(2.75, "int32")
        Array(2, dtype=int32)
    """
    dtype = dtypes.as_dtype(new_dtype, function="convert_element_type")
    type = typeof(operand)
    weak_type = weak_type and dtype != _BOOL
    same = type.dtype == dtype and type.weak_type == weak_type
    if same and _shape.is_array(operand):
        return operand
    if dtypes.kind(type.dtype) == "c" and dtypes.kind(dtype) not in "cb":
        operand = real(operand)
    return bind(ConvertElementType(dtype, weak_type), operand)


class ConvertElementType(Elementwise):
    """Conversion of values."""

    work = 0  # only moves data

    new_dtype: np.dtype
    weak_type: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """The same shape, the new dtype."""
        (x,) = arg_types
        return array_type(x.shape, self.new_dtype, self.weak_type)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear, unless the result has no tangents."""
        (x,), (dx,) = primals, tangents
        out = bind(self, x)
        if not dtypes.is_inexact(self.new_dtype):
            return out, None
        return out, convert_element_type(dx, self.new_dtype)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Conversion back."""
        (ct,), (x,) = cotangents, args
        return [convert_element_type(ct, x.type.dtype)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.convert`; to bool it would take the lowest bit, so compare."""
        (x,) = args
        (source,), (out,) = builder.in_types, builder.out_types
        if self.new_dtype == _BOOL and source.dtype != _BOOL:
            zero = builder.constant(0, source)
            return builder.compare("NE", x, zero, source)
        return x if source.dtype == out.dtype else builder.convert(x, out)


def dtype(x: Any) -> np.dtype:
    """The dtype of an array or Python number, or the one that `x` names.

    Args:
        x: an array, a number, a dtype, or the name of one.

    Returns:
        A dtype that arrays may have: 64-bit ones only if these are enabled.

    Raises:
        TypeError: `x` is none of these.
        ValueError: `x` is None.

    Example:
        >>> from dolmen.core import lax
        >>> lax.dtype(1.0)
        dtype('float32')
    """
    if x is None:
        raise value_error("dtype: expected an array, a number or a dtype, got None.")
    if isinstance(x, str | type | np.dtype):
        return dtypes.as_dtype(x, function="dtype")
    return typeof(x).dtype


def bitcast_convert_type(operand: Any, new_dtype: Any) -> Any:
    """The bits of `operand` read as another dtype.

    Args:
        operand: any dtype but bool and complex.
        new_dtype: likewise. If it is narrower by a factor `k`, the result has a new
            last axis of size `k` (least significant bits first); if it is wider, the
            last axis of `operand` must have size `k` and goes.

    Returns:
        An array of `new_dtype`; it has no derivative.

    Raises:
        TypeError: a dtype is bool or complex.
        ValueError: the last axis does not hold exactly one wider element.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.bitcast_convert_type(jnp.array([1.0, -0.0]), "uint32")
        Array([1065353216, 2147483648], dtype=uint32)
    """
    dtype = dtypes.as_dtype(new_dtype, function="bitcast_convert_type")
    return bind(BitcastConvertType(dtype), operand)


class BitcastConvertType(Primitive):
    """Reinterpretation of bits."""

    new_dtype: np.dtype

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """The last axis makes up for a difference of widths."""
        (x,) = arg_types
        shape = x.shape
        if x.dtype == self.new_dtype:
            return x.strengthened()
        for dtype in (x.dtype, self.new_dtype):
            if dtypes.kind(dtype) not in "iuf":
                raise type_error(
                    "bitcast_convert_type: expected integer or floating-point dtypes, "
                    f"got {x!r} to become {dtypes.short_name(self.new_dtype)}.",
                    "Convert values with `.astype(...)` instead.",
                )
        old, new = _bits(x.dtype), _bits(self.new_dtype)
        if old > new:
            shape = (*shape, old // new)
        elif old < new:
            if not shape or shape[-1] != new // old:
                raise value_error(
                    f"bitcast_convert_type: to become "
                    f"{dtypes.short_name(self.new_dtype)} the last axis must have size "
                    f"{new // old}, got {x!r}.",
                    "Reshape it first.",
                )
            shape = shape[:-1]
        return array_type(shape, self.new_dtype)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Bits have no tangents."""
        return bind(self, *primals), None

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch axis must not be the last one, which may come and go."""
        (x,), (axis,) = args, axes
        assert axis is not None
        return bind(self, _shape.move_axis(x, axis, 0)), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.bitcast_convert`."""
        return builder.emit("bitcast_convert", args)


def _bits(dtype: np.dtype) -> int:
    about = ml_dtypes.finfo if dtypes.kind(dtype) == "f" else ml_dtypes.iinfo
    return about(dtype).bits


def reduce_precision(operand: Any, exponent_bits: int, mantissa_bits: int) -> Any:
    """`operand` rounded to a narrower format and back, never optimized away.

    Args:
        operand: floating point.
        exponent_bits: bits of the exponent of the format, at least 1.
        mantissa_bits: bits of its fraction, at least 0.

    Returns:
        An array like `operand`. Its tangent is rounded likewise.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_precision(jnp.array([1 / 3]), exponent_bits=5, mantissa_bits=2)
        Array([0.3125], dtype=float32)
    """
    if exponent_bits < 1 or mantissa_bits < 0:
        raise value_error(
            "reduce_precision: expected at least 1 bit of exponent and 0 of mantissa, "
            f"got exponent_bits={exponent_bits}, mantissa_bits={mantissa_bits}."
        )
    return bind(ReducePrecision(int(exponent_bits), int(mantissa_bits)), operand)


class ReducePrecision(Elementwise):
    """Rounding to a narrower format."""

    kinds = "f"
    exponent_bits: int
    mantissa_bits: int

    def terms(self, out: Any, args: Sequence[Any]) -> Any:
        """Tangents are numbers of the same format."""
        return (lambda tangent: bind(self, tangent),)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Cotangents likewise."""
        (ct,) = cotangents
        return [bind(self, ct)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.reduce_precision`."""
        return builder.emit(
            "reduce_precision",
            args,
            exponent_bits=mlir.integer(self.exponent_bits, 32),
            mantissa_bits=mlir.integer(self.mantissa_bits, 32),
        )


def stop_gradient(x: Any) -> Any:
    """`x`, taken for a constant by derivatives.

    Args:
        x: an array or a tree of arrays of any dtype.

    Returns:
        The same values; their tangent is zero.

    Example:
        >>> from dolmen.core import grad, lax
        >>> grad(lambda x: x * lax.stop_gradient(x))(3.0)
        Array(3., dtype=float32, weak_type=True)
    """
    leaves, tree = pytree.PUBLIC.flatten(x)
    return tree.unflatten([_stop_gradient(leaf) for leaf in leaves])


def _stop_gradient(x: Any) -> Any:
    return bind(StopGradient(), x) if typeof(x).is_differentiable else x


class StopGradient(Elementwise):
    """The identity with derivative zero."""

    work = 0  # only moves data

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent ends here."""
        return bind(self, *primals), None

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Nothing to do."""
        (x,) = args
        return x


# ---- complex numbers -----------------------------------------------------------------
#
# Derivatives are linear over the reals; transposition is with respect to the bilinear
# form Re(sum(a * b)), without conjugation, as in JAX.

_PARTS = {
    np.dtype("complex64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("float64"),
}
_WHOLES = {part: whole for whole, part in _PARTS.items()}


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of the parts of a complex dtype; a real one is its own."""
    return _PARTS.get(dtype, dtype)


def real(x: Any) -> Any:
    """Elementwise real part.

    Args:
        x: complex.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.real(jnp.array([1 + 2j]))
        Array([1.], dtype=float32)
    """
    return bind(Real(), x)


class Real(Elementwise):
    """Real part."""

    work = 0  # only moves data

    kinds = "c"
    operation = "real"

    def out_dtype(self, dtype: np.dtype) -> np.dtype:
        """Of the parts."""
        return real_dtype(dtype)

    def terms(self, out: Any, args: Sequence[Any]) -> Any:
        """Linear."""
        return (real,)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """`ct + 0i`."""
        (ct,) = cotangents
        return [complex(ct, constant_like(ct, 0))]


def imag(x: Any) -> Any:
    """Elementwise imaginary part.

    Args:
        x: complex.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.imag(jnp.array([1 + 2j]))
        Array([2.], dtype=float32)
    """
    return bind(Imag(), x)


class Imag(Elementwise):
    """Imaginary part."""

    work = 0  # only moves data

    kinds = "c"
    operation = "imag"

    def out_dtype(self, dtype: np.dtype) -> np.dtype:
        """Of the parts."""
        return real_dtype(dtype)

    def terms(self, out: Any, args: Sequence[Any]) -> Any:
        """Linear."""
        return (imag,)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """`0 - ct i`, for Re(-i ct z) = ct Im(z)."""
        (ct,) = cotangents
        return [complex(constant_like(ct, 0), _arithmetic.neg(ct))]


def complex(x: Any, y: Any) -> Any:
    """The complex numbers `x + y i`.

    Args:
        x: float32 or float64.
        y: of the dtype of `x`; the shape of `x`, or none.

    Returns:
        A complex64 or complex128 array of the operands' shape.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.complex(jnp.array([1.0]), jnp.array([2.0]))
        Array([1.+2.j], dtype=complex64)
    """
    return bind(Complex(), x, y)


class Complex(Elementwise):
    """Complex number of two parts."""

    work = 0  # only moves data

    operation = "complex"

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Of the dtype whose parts the operands are."""
        type = super().infer_type(arg_types)
        if arg_types[0].dtype not in _WHOLES:
            raise type_error(
                f"complex: the parts must be float32 or float64, got {arg_types[0]!r}.",
                "Convert them with `.astype(...)` first.",
            )
        return type

    def out_dtype(self, dtype: np.dtype) -> np.dtype:
        """Twice as wide."""
        return _WHOLES.get(dtype, dtype)

    def terms(self, out: Any, args: Sequence[Any]) -> Any:
        """Linear in both parts."""
        zero = constant_like(args[0], 0)
        return (lambda t: complex(t, zero)), (lambda t: complex(zero, t))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """`Re(ct)` and `-Im(ct)`."""
        (ct,), (x, y) = cotangents, args
        return [
            unstretch(real(ct), x.type) if is_linear(x) else None,
            unstretch(_arithmetic.neg(imag(ct)), y.type) if is_linear(y) else None,
        ]


def conj(x: Any) -> Any:
    """Elementwise complex conjugate.

    Args:
        x: complex, or float32 or float64.

    Returns:
        A complex array of the shape of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.conj(jnp.array([1 + 2j]))
        Array([1.-2.j], dtype=complex64)
    """
    if typeof(x).dtype in _WHOLES:
        return complex(x, constant_like(x, 0))
    return bind(Conj(), x)


class Conj(Elementwise):
    """Complex conjugate."""

    kinds = "c"

    def terms(self, out: Any, args: Sequence[Any]) -> Any:
        """Linear (over the reals)."""
        return (conj,)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Its own transpose."""
        (ct,) = cotangents
        return [conj(ct)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """The imaginary part negated."""
        (x,) = args
        (out,) = builder.out_types
        part = (array_type(out.shape, real_dtype(out.dtype)),)
        imaginary = builder.emit("imag", (x,), part)
        negated = builder.emit("negate", (imaginary,), part)
        return builder.emit("complex", (builder.emit("real", (x,), part), negated))
