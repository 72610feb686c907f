"""Elementwise rounding and the parts of complex numbers."""

import operator

import numpy as np

from .. import lax
from .._ir import dtypes
from .._ops import _selection
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._logic import no_out
from ._promotion import (
    constant_like,
    literal,
    promote_args,
    promote_args_inexact,
    type_of,
)

# ---- rounding ----------------------------------------------------------------------


def _is_integral(x: ArrayLike) -> bool:
    return dtypes.kind(typeof(x).dtype) in "biu"


@jit_when_eager
def floor(x: ArrayLike, /) -> Array:
    """The largest integer not above each element; integers stay as they are.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.floor(jnp.array([1.2, -1.2]))
        Array([ 1., -2.], dtype=float32)
    """
    (x,) = promote_args("floor", x)
    return x if _is_integral(x) else lax.floor(x)


@jit_when_eager
def ceil(x: ArrayLike, /) -> Array:
    """The least integer not below each element; integers stay as they are.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ceil(jnp.array([1.2, -1.2]))
        Array([ 2., -1.], dtype=float32)
    """
    (x,) = promote_args("ceil", x)
    return x if _is_integral(x) else lax.ceil(x)


@jit_when_eager
def trunc(x: ArrayLike, /) -> Array:
    """Each element without its fraction; integers stay as they are.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.trunc(jnp.array([1.7, -1.7]))
        Array([ 1., -1.], dtype=float32)
    """
    (x,) = promote_args("trunc", x)
    if _is_integral(x):
        return x
    negative = lax.lt(x, literal(0, typeof(x).dtype))
    return _selection.choose(negative, lax.ceil(x), lax.floor(x))


@jit_when_eager
def rint(x: ArrayLike, /) -> Array:
    """The nearest integer in floating point; halves go to the even neighbour.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.rint(jnp.array([0.5, 1.5, 2.3]))
        Array([0., 2., 2.], dtype=float32)
    """
    type = type_of("rint", "x", x)
    (x,) = promote_args_inexact("rint", x)
    if dtypes.kind(type.dtype) in "biu":
        return lax.convert_element_type(x, typeof(x).dtype)
    return _to_nearest_even(x)


def _to_nearest_even(x: ArrayLike) -> Array:
    if dtypes.kind(typeof(x).dtype) == "c":
        return lax.complex(*map(_to_nearest_even, (lax.real(x), lax.imag(x))))
    return lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)


@jit_when_eager(static_argnames=("decimals",))
def round(a: ArrayLike, decimals: int = 0, out: None = None) -> Array:
    """Elements rounded to a number of decimals; halves go to the even neighbour.

    Args:
        a: any dtype; integers stay as they are.
        decimals: may be negative for floating-point numbers.
        out: not supported.

    Raises:
        NotImplementedError: integers with negative `decimals`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.round(jnp.array([0.5, 1.5, 2.3]))
        Array([0., 2., 2.], dtype=float32)
    """
    no_out("round", out)
    type = type_of("round", "a", a)
    places = operator.index(decimals)
    (a,) = promote_args("round", a)
    if _is_integral(a):
        if places < 0:
            raise NotImplementedError(
                "round: negative `decimals` of integers are not supported, got "
                f"{type!r} and {places}. Convert `a` to floating point."
            )
        return a
    if not places:
        return _to_nearest_even(a)
    # Halves are computed in single precision, where powers of ten still fit.
    narrow = type.dtype.itemsize < 4
    wide = lax.convert_element_type(a, np.float32) if narrow else a
    factor = constant_like(wide, 10.0 ** abs(places))
    scale, unscale = (lax.mul, lax.div) if places > 0 else (lax.div, lax.mul)
    # Hidden from XLA, which would multiply by its rounded inverse instead of dividing.
    factor = lax.optimization_barrier(factor)
    made = unscale(_to_nearest_even(scale(wide, factor)), factor)
    return lax.convert_element_type(made, type.dtype) if narrow else made


around = round


# ---- complex numbers ---------------------------------------------------------------


def _is_complex(x: ArrayLike) -> bool:
    return dtypes.kind(typeof(x).dtype) == "c"


@jit_when_eager
def conjugate(x: ArrayLike, /) -> Array:
    """Elementwise complex conjugate; real numbers stay as they are.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.conjugate(jnp.array([1 + 2j]))
        Array([1.-2.j], dtype=complex64)
    """
    (x,) = promote_args("conjugate", x)
    return lax.conj(x) if _is_complex(x) else x


conj = conjugate


@jit_when_eager
def real(val: ArrayLike, /) -> Array:
    """Real part.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.real(jnp.array([1 + 2j]))
        Array([1.], dtype=float32)
    """
    (val,) = promote_args("real", val)
    return lax.real(val) if _is_complex(val) else val


@jit_when_eager
def imag(val: ArrayLike, /) -> Array:
    """Imaginary part; zero of real numbers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.imag(jnp.array([1 + 2j]))
        Array([2.], dtype=float32)
    """
    (val,) = promote_args("imag", val)
    return lax.imag(val) if _is_complex(val) else lax.full_like(val, 0)


@jit_when_eager(static_argnames=("deg",))
def angle(z: ArrayLike, deg: bool = False) -> Array:
    """Angle of complex numbers in the plane, from -π to π.

    Args:
        z: an array; real numbers have the angle 0 or π.
        deg: in degrees instead of radians.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.angle(jnp.array([1 + 1j, -1 + 0j]))
        Array([0.7853982, 3.1415927], dtype=float32)
    """
    (z,) = promote_args_inexact("angle", z)
    if _is_complex(z):
        made = lax.atan2(lax.imag(z), lax.real(z))
    else:  # the zero has a dtype of its own, so the angle is not weakly typed
        type = typeof(z)
        made = lax.atan2(lax.full(type.shape, 0, type.dtype), z)
    return lax.mul(made, literal(180 / np.pi, typeof(made).dtype)) if deg else made


@jit_when_eager
def iscomplex(x: ArrayLike) -> Array:
    """Whether an element has an imaginary part other than zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.iscomplex(jnp.array([1 + 2j, 3]))
        Array([ True, False], dtype=bool)
    """
    (x,) = promote_args("iscomplex", x)
    if not _is_complex(x):
        return lax.full_like(x, False, bool)
    part = lax.imag(x)
    return lax.ne(part, literal(0, typeof(part).dtype))


@jit_when_eager
def isreal(x: ArrayLike) -> Array:
    """Whether an element has no imaginary part other than zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isreal(jnp.array([1 + 2j, 3]))
        Array([False,  True], dtype=bool)
    """
    (x,) = promote_args("isreal", x)
    if not _is_complex(x):
        return lax.full_like(x, True, bool)
    part = lax.imag(x)
    return lax.eq(part, literal(0, typeof(part).dtype))


def iscomplexobj(x: ArrayLike) -> bool:
    """Whether the dtype is complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.iscomplexobj(jnp.array([1 + 0j]))
        True
    """
    return _is_complex(x)


def isrealobj(x: ArrayLike) -> bool:
    """Whether the dtype is not complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isrealobj(jnp.array([1 + 0j]))
        False
    """
    return not _is_complex(x)
