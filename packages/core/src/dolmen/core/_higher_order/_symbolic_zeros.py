"""Zeros that rules of `custom_jvp` and `custom_vjp` can tell from arrays."""

import dataclasses
from typing import Any

import numpy as np

from .._backend import pytree
from .._ir import ArrayType, array_type, dtypes
from .._tracing import typeof
from .._transforms import tangent_type, zeros_for


class SymbolicZero:
    """A tangent or cotangent that is known to be zero; no array.

    Attributes:
        aval: the type it has, for integers and booleans that of `float0`.

    Example:
        >>> from dolmen.core.custom_derivatives import zero_from_primal
        >>> zero = zero_from_primal(2.0, symbolic_zeros=True)
        >>> zero.shape, zero.dtype
        ((), dtype('float32'))
    """

    __slots__ = ("aval",)

    def __init__(self, aval: ArrayType) -> None:
        self.aval = aval

    @staticmethod
    def from_primal_value(val: Any) -> "SymbolicZero":
        """The zero tangent of a value."""
        return SymbolicZero(_tangent_type(typeof(val)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """Element type of the zeros."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.aval.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.aval.size

    @property
    def weak_type(self) -> bool:
        """Whether the dtype gives way to others in promotion."""
        return self.aval.weak_type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymbolicZero) and other.aval is self.aval

    def __hash__(self) -> int:
        return hash((SymbolicZero, self.aval))

    def __repr__(self) -> str:
        return f"SymbolicZero({self.aval!r})"


def _tangent_type(type: ArrayType) -> ArrayType:
    if type.is_differentiable:
        return tangent_type(type)
    return array_type(type.shape, dtypes.float0)


def zero_from_primal(val: Any, symbolic_zeros: bool = False) -> Any:
    """The zero tangent of a value.

    Args:
        val: an array.
        symbolic_zeros: give a `SymbolicZero` rather than an array.

    Returns:
        Zeros with the shape and dtype of `val`, of dtype `float0` if it is integer or
        boolean.

    Example:
        >>> from dolmen.core.custom_derivatives import zero_from_primal
        >>> zero_from_primal(2.0)
        Array(0., dtype=float32)
    """
    return zero_of(typeof(val), symbolic_zeros)


def zero_of(type: ArrayType, symbolic: bool) -> Any:
    """What a rule gets for the zero tangent of a primal of `type`."""
    if symbolic:
        return SymbolicZero(_tangent_type(type))
    if type.is_differentiable:
        return zeros_for(type)
    return np.zeros(type.shape, dtypes.float0)


@dataclasses.dataclass(frozen=True, slots=True)
class CustomVJPPrimal:
    """An argument leaf as `fwd` of a `custom_vjp` with symbolic zeros gets it.

    Attributes:
        value: the value itself.
        perturbed: whether it is being differentiated.
    """

    value: Any
    perturbed: bool


def custom_vjp_primal_tree_values(tree: Any) -> Any:
    """`tree` with each `CustomVJPPrimal` in it replaced by its value."""
    leaves, structure = pytree.PUBLIC.flatten(tree)
    return structure.unflatten(
        [x.value if isinstance(x, CustomVJPPrimal) else x for x in leaves]
    )
