"""Elementwise comparisons: boolean results, no derivatives."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, array_type, dtypes
from .._tracing import bind
from ._elementwise import Elementwise, stretched

_BOOL = np.dtype(bool)


class Predicate(Elementwise):
    """An elementwise operation with a boolean result."""

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Boolean, of the operands' shape; never weak, as bool has no weak form."""
        return array_type(super().infer_type(arg_types).shape, _BOOL)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Booleans have no tangents."""
        return bind(self, *primals), None


class Comparison(Predicate):
    """`x <direction> y`."""

    kinds = "biuf"
    direction: ClassVar[str]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.compare`, by the kind of the operands."""
        x, y = stretched(builder, args)
        (out,) = builder.out_types
        kind = dtypes.kind(builder.in_types[0].dtype)
        order = {"i": "SIGNED", "f": "FLOAT", "c": "FLOAT"}.get(kind, "UNSIGNED")
        return builder.compare(self.direction, x, y, out, order)


def eq(x: Any, y: Any) -> Any:
    """Elementwise `x == y` of two arrays of equal dtype; NaN equals nothing.

    Args:
        x: any dtype.
        y: the shape of `x`, or none.

    Returns:
        A boolean array of the operands' shape.

    Example:
        >>> from dolmen.core import lax
        >>> lax.eq(2.0, 2.0)
        Array(True, dtype=bool)
    """
    return bind(Eq(), x, y)


class Eq(Comparison):
    """`x == y`."""

    kinds = "biufc"
    direction = "EQ"


def ne(x: Any, y: Any) -> Any:
    """Elementwise `x != y` of two arrays of equal dtype; NaN differs from everything.

    Args:
        x: any dtype.
        y: the shape of `x`, or none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.ne(jnp.array([1, 2, 3]), jnp.array([2, 2, 2]))
        Array([ True, False,  True], dtype=bool)
    """
    return bind(Ne(), x, y)


class Ne(Comparison):
    """`x != y`."""

    kinds = "biufc"
    direction = "NE"


def lt(x: Any, y: Any) -> Any:
    """Elementwise `x < y` of two arrays of equal dtype; false where one is NaN.

    Args:
        x: any dtype but complex.
        y: the shape of `x`, or none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.lt(jnp.array([1, 2, 3]), jnp.array([2, 2, 2]))
        Array([ True, False, False], dtype=bool)
    """
    return bind(Lt(), x, y)


class Lt(Comparison):
    """`x < y`."""

    direction = "LT"


def le(x: Any, y: Any) -> Any:
    """Elementwise `x <= y` of two arrays of equal dtype; false where one is NaN.

    Args:
        x: any dtype but complex.
        y: the shape of `x`, or none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.le(jnp.array([1, 2, 3]), jnp.array([2, 2, 2]))
        Array([ True,  True, False], dtype=bool)
    """
    return bind(Le(), x, y)


class Le(Comparison):
    """`x <= y`."""

    direction = "LE"


def gt(x: Any, y: Any) -> Any:
    """Elementwise `x > y` of two arrays of equal dtype; false where one is NaN.

    Args:
        x: any dtype but complex.
        y: the shape of `x`, or none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.gt(jnp.array([1, 2, 3]), jnp.array([2, 2, 2]))
        Array([False, False,  True], dtype=bool)
    """
    return bind(Gt(), x, y)


class Gt(Comparison):
    """`x > y`."""

    direction = "GT"


def ge(x: Any, y: Any) -> Any:
    """Elementwise `x >= y` of two arrays of equal dtype; false where one is NaN.

    Args:
        x: any dtype but complex.
        y: the shape of `x`, or none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.ge(jnp.array([1, 2, 3]), jnp.array([2, 2, 2]))
        Array([False,  True,  True], dtype=bool)
    """
    return bind(Ge(), x, y)


class Ge(Comparison):
    """`x >= y`."""

    direction = "GE"


def is_finite(x: Any) -> Any:
    """Whether each element is neither infinite nor NaN.

    Args:
        x: floating point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.is_finite(jnp.array([1.0, jnp.inf, jnp.nan]))
        Array([ True, False, False], dtype=bool)
    """
    return bind(IsFinite(), x)


class IsFinite(Predicate):
    """Neither infinite nor NaN."""

    kinds = "f"
    operation = "is_finite"
