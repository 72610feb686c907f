"""What elementwise operations share: one shape (scalars stretch), one dtype."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import (
    ArrayType,
    Linear,
    Primitive,
    array_type,
    dtypes,
    type_error,
    value_error,
)
from .._tracing import bind, typeof
from . import _shape

Term = Callable[[Any], Any] | None


def common_shape(name: str, arg_types: Sequence[ArrayType]) -> tuple[int, ...]:
    """The shape of the operands; those without axes stretch to it.

    Raises:
        ValueError: two operands with axes differ.
    """
    shape: tuple[int, ...] = ()
    for type in arg_types:
        if type.shape and type.shape != shape:
            if shape:
                listed = ", ".join(map(repr, arg_types))
                raise value_error(
                    f"{name}: operands must have equal shapes (or none), got {listed}.",
                    "Broadcast them first, or use the function of `dolmen.core.numpy`, "
                    "which broadcasts.",
                )
            shape = type.shape
    return shape


def common_dtype(name: str, arg_types: Sequence[ArrayType]) -> np.dtype:
    """The dtype of the operands.

    Raises:
        TypeError: they differ.
    """
    dtype = arg_types[0].dtype
    if any(type.dtype != dtype for type in arg_types):
        listed = ", ".join(map(repr, arg_types))
        raise type_error(
            f"{name}: operands must have equal dtypes, got {listed}.",
            "Convert one with `.astype(...)`, or use the function of "
            "`dolmen.core.numpy`, which promotes.",
        )
    return dtype


def check_kind(name: str, type: ArrayType, kinds: str) -> None:
    """Raise `TypeError` unless the dtype is of one of `kinds` (letters of `kind`)."""
    if dtypes.kind(type.dtype) not in kinds:
        names = {
            "b": "boolean",
            "i": "signed integer",
            "u": "unsigned integer",
            "f": "floating-point",
            "c": "complex",
        }
        expected = " or ".join(names[letter] for letter in kinds)
        raise type_error(
            f"{name}: expected a {expected} operand, got {type!r}.",
            "Convert it with `.astype(...)` first.",
        )


def not_derived(name: str, argument: str) -> Term:
    """Stands for the derivative by an argument that has none here.

    Raises:
        ValueError: (when it is asked for.)
    """

    def term(tangent: Any) -> Any:
        raise value_error(
            f"{name}: the derivative by `{argument}` is not implemented.",
            f"Differentiate by the other arguments alone, or stop the gradient of "
            f"`{argument}` with `lax.stop_gradient`.",
        )

    return term


class Elementwise(Primitive):
    """An operation on corresponding elements of operands of equal shape and dtype.

    Operands without axes stretch to the shape of the others.
    """

    kinds: ClassVar[str] = "biufc"
    operation: ClassVar[str] = ""  # of StableHLO (or CHLO)
    work: ClassVar[int] = 1  # floating-point operations for each element

    def fuses(self) -> bool:
        return True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """The shape of the operands; weak if all of them are."""
        dtype = common_dtype(self.name, arg_types)
        check_kind(self.name, arg_types[0], self.kinds)
        weak = all(type.weak_type for type in arg_types)
        return array_type(
            common_shape(self.name, arg_types), self.out_dtype(dtype), weak
        )

    def out_dtype(self, dtype: np.dtype) -> np.dtype:
        """Element type of the result for operands of `dtype`."""
        return dtype

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """For each operand the linear map from its tangent to its share of the sum.

        None for an operand the result does not depend on smoothly.
        """
        raise self._missing("terms")

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The sum of the operands' shares."""
        # `add` and `reduce_sum` are built on this module, hence imported when needed.
        from ._arithmetic import add

        out = bind(self, *primals)
        total = None
        for tangent, term in zip(tangents, self.terms(out, primals), strict=True):
            if tangent is None or term is None:
                continue
            part = term(tangent)
            total = part if total is None else add(total, part)
        return out, None if total is None else stretch_like(total, out)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """Elements of the batch are elements."""
        aligned, axis = align_batch(args, axes)
        return bind(self, *aligned), axis

    cheap: ClassVar[bool] = True

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """The same for each element."""
        return self.work * max(type.size for type in arg_types)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """The StableHLO operation."""
        return builder.emit(self.operation, stretched(builder, args))


def constant_like(x: Any, value: complex) -> Any:
    """The scalar `value` in the dtype of `x`; it stretches where it is used."""
    return np.asarray(value, typeof(x).dtype)


def stretch_like(x: Any, like: Any) -> Any:
    """`x` with the shape of `like` (scalars are broadcast)."""
    shape = typeof(like).shape
    return x if typeof(x).shape == shape else _shape.broadcast(x, shape)


def unstretch(ct: Any, type: ArrayType) -> Any:
    """Transpose of stretching: a cotangent summed to the shape of its operand."""
    if typeof(ct).shape == type.shape:
        return ct
    from ._reductions import reduce_sum

    return reduce_sum(ct, tuple(range(typeof(ct).ndim)))


def stretched(
    builder: Any, args: Sequence[Any], types: Sequence[ArrayType] | None = None
) -> list[Any]:
    """Operand handles, scalars broadcast to the shape of the equation's result.

    Args:
        types: types of `args`, by default those of the equation's arguments.
    """
    arg_types = builder.in_types if types is None else types
    shape = builder.out_types[0].shape
    if not shape:
        return list(args)
    return [
        handle if type.shape else builder.stretch(handle, shape)
        for handle, type in zip(args, arg_types, strict=True)
    ]


def align_batch(
    args: Sequence[Any], axes: Sequence[int | None]
) -> tuple[list[Any], int]:
    """Operands whose batch axes coincide, and where that axis is.

    Operands that are the same for the whole batch gain the axis, unless they have none
    at all (then they stretch by themselves).
    """
    types = [typeof(arg) for arg in args]
    ranks = [t.ndim - (a is not None) for t, a in zip(types, axes, strict=True)]
    rank = max(ranks)
    operands = list(zip(args, types, axes, ranks, strict=True))
    # Where the first operand with all axes has its batch axis, it need not be moved.
    axis = next((a for _, _, a, r in operands if a is not None and r == rank), 0)
    size = _shape.batch_size(args, axes)
    element = next(_without(t.shape, a) for _, t, a, r in operands if r == rank)
    shape = (*element[:axis], size, *element[axis:])
    others = tuple(i for i in range(rank + 1) if i != axis)

    def aligned(arg: Any, own_axis: int | None, own_rank: int) -> Any:
        if own_axis is None:
            return _shape.broadcast_in_dim(arg, shape, others) if own_rank else arg
        if own_rank < rank:
            return _shape.broadcast_in_dim(arg, shape, (axis,))
        return _shape.move_axis(arg, own_axis, axis)

    return [aligned(arg, a, r) for arg, _, a, r in operands], axis


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else shape[:axis] + shape[axis + 1 :]


def is_linear(arg: Any) -> bool:
    """Whether a transpose rule is asked for the cotangent of this argument."""
    return isinstance(arg, Linear)
