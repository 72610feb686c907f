"""Operands of different dtypes and shapes, made alike.

An array function promotes its operands before it calls `lax`, which wants equal dtypes
and shapes. What has to be done depends on the operands' types alone, so it is planned
once for each combination. Operands without axes are left so: elementwise operations
stretch them.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from .._backend import flags
from .._ir import (
    ArrayType,
    array_type,
    dtypes,
    message,
    type_error,
    value_error,
    warn,
)
from .._ops import _conversion, _shape
from .._tracing import RecordedTracer, as_array, is_array_like, typeof
from ._array_like import Array
from ._eager import python_functions

_PYTHON_SCALARS = (bool, int, float, complex)
_FLOAT = np.dtype("float64")


class _Plan(NamedTuple):
    """How operands become alike; `shapes` holds None where nothing is to be done."""

    dtype: np.dtype
    weak_type: bool
    shapes: tuple[tuple[int, ...] | None, ...]


_plans: dict[Any, _Plan | None] = {}

# Types of the Python scalars that always fit, by the 64-bit setting under the usual
# rules (a short cut only: `typeof` gives the same; for integers it checks the range).
_SCALAR_TYPES: dict[Any, dict[type, ArrayType]] = {
    x64: {
        bool: array_type((), np.dtype(bool)),
        float: array_type((), np.dtype("float64" if x64 else "float32"), True),
        complex: array_type((), np.dtype("complex128" if x64 else "complex64"), True),
    }
    for x64 in (False, True)
}


_NONE: dict[type, ArrayType] = {}

# Read at every operation.
_X64 = flags.X64
_PROMOTION = flags.PROMOTION


def _rules() -> Any:
    """The settings that decide about promotion, to be part of keys."""
    if _PROMOTION.usual:
        return _X64.value
    return (
        _X64.value,
        flags.DEFAULT_DTYPE_BITS.value,
        flags.NUMPY_DTYPE_PROMOTION.value,
        flags.NUMPY_RANK_PROMOTION.value,
    )


# ---- arguments ---------------------------------------------------------------------


def type_of(function: str, argument: str, value: Any) -> ArrayType:
    """Type of the argument of an array function.

    Raises:
        TypeError: `value` is no array; lists and tuples are not converted silently.
    """
    try:
        return typeof(value)
    except TypeError:
        if is_array_like(value):  # an array, but of strings or objects
            raise
        raise _not_an_array(function, argument, value) from None


def types_of(function: str, args: Sequence[Any]) -> tuple[ArrayType, ...]:
    """Types of the leading arguments of an array function.

    Raises:
        TypeError: one of them is no array.
    """
    return _types_under(_rules(), function, args)


def _types_under(
    rules: Any, function: str, args: Sequence[Any]
) -> tuple[ArrayType, ...]:
    scalars = _SCALAR_TYPES.get(rules, _NONE)
    try:
        return tuple(
            [
                arg.type
                if type(arg) is RecordedTracer
                else scalars.get(type(arg)) or typeof(arg)
                for arg in args
            ]
        )
    except TypeError:
        for index, arg in enumerate(args):
            type_of(function, _parameter(function, index), arg)
        raise


def _parameter(function: str, index: int) -> str:
    """Name of a parameter, as the user knows it."""
    known = python_functions.get(function)
    names = list(inspect.signature(known).parameters) if known else []
    return names[index] if index < len(names) else f"argument {index}"


def _not_an_array(function: str, argument: str, value: Any) -> TypeError:
    listed = isinstance(value, list | tuple)
    shown = "" if listed else f" {value!r:.60}"
    return type_error(
        f"{function}: `{argument}` must be an array or a scalar, got "
        f"{type(value).__name__}{shown}.",
        "Convert it with `jnp.array(...)` first." if listed else "",
    )


# ---- dtypes ------------------------------------------------------------------------


def literal(value: Any, dtype: np.dtype) -> Any:
    """A Python or NumPy scalar as a constant of exactly `dtype`."""
    if type(value) is float and -6e4 < value < 6e4:
        return dtype.type(value)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(value).astype(dtype)[()]


def convert(x: Any, dtype: np.dtype, weak_type: bool = False) -> Any:
    """`x` with elements of `dtype`; nothing happens if it has them already."""
    if isinstance(x, _PYTHON_SCALARS):
        if not weak_type:
            return literal(x, dtype)
        return {"i": int, "f": float, "c": complex}[dtypes.kind(dtype)](x)
    if isinstance(x, np.generic):
        return x if x.dtype == dtype else literal(x, dtype)
    if typeof(x).dtype == dtype:
        return x
    return _conversion.convert_element_type(as_array(x), dtype, weak_type)


def constant_like(x: Any, value: float) -> Any:
    """The scalar `value` in the dtype of `x`, weakly typed if `x` is."""
    type = typeof(x)
    return convert(value, type.dtype, type.weak_type)


def to_inexact(dtype: np.dtype) -> np.dtype:
    """The floating-point or complex dtype in which `dtype` is computed with."""
    return dtype if dtypes.is_inexact(dtype) else dtypes.default(_FLOAT)


def bits(dtype: np.dtype) -> int:
    """Bits of an element."""
    if dtypes.kind(dtype) in ("i", "u"):
        return ml_dtypes.iinfo(dtype).bits
    if dtypes.kind(dtype) == "f":
        return ml_dtypes.finfo(dtype).bits
    return 8 * dtype.itemsize


# ---- plans -------------------------------------------------------------------------


def promote_args(function: str, *args: Any) -> Sequence[Array]:
    """Operands of one dtype whose shapes are equal, or empty.

    Args:
        function: for messages; `args` are its leading arguments.

    Raises:
        TypeError: an operand is no array, or the dtypes don't combine.
        ValueError: the shapes don't broadcast.
    """
    return _promoted(function, args, _same)


def promote_args_inexact(function: str, *args: Any) -> Sequence[Array]:
    """`promote_args`, with integers and booleans taken as floating point."""
    return _promoted(function, args, to_inexact)


def promote_args_numeric(function: str, *args: Any) -> Sequence[Array]:
    """`promote_args`, with booleans taken as integers."""
    return _promoted(function, args, _to_numeric)


def broadcast_args(function: str, *args: Any) -> Sequence[Array]:
    """Operands whose shapes are equal, or empty; the dtypes stay."""
    types = types_of(function, args)
    shapes = _aligned_shapes(function, types)
    return [
        arg if shape is None else _broadcast_to(arg, type.shape, shape)
        for arg, type, shape in zip(args, types, shapes, strict=True)
    ]


def _same(dtype: np.dtype) -> np.dtype:
    return dtype


def _to_numeric(dtype: np.dtype) -> np.dtype:
    return dtypes.default(np.dtype("int64")) if dtype == np.dtype(bool) else dtype


def _promoted(
    function: str, args: Sequence[Any], adjust: Callable[[np.dtype], np.dtype]
) -> Sequence[Array]:
    rules = _rules()
    types = _types_under(rules, function, args)
    key = (adjust, rules, types)
    if key in _plans:
        plan = _plans[key]
    else:
        plan = _planned(function, types, adjust)
        if flags.NUMPY_RANK_PROMOTION.value != "warn":  # then every call is told
            _plans[key] = plan
    if plan is None:
        return args
    dtype, weak_type, shapes = plan
    made = []
    for arg, type, shape in zip(args, types, shapes, strict=True):
        if type.dtype != dtype or (isinstance(arg, _PYTHON_SCALARS) and not weak_type):
            arg = convert(arg, dtype, weak_type)
        made.append(arg if shape is None else _broadcast_to(arg, type.shape, shape))
    return made


def _planned(
    function: str,
    types: Sequence[ArrayType],
    adjust: Callable[[np.dtype], np.dtype],
) -> _Plan | None:
    try:
        dtype, weak_type = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    except TypeError as error:
        raise type(error)(message(f"{function}: {error}")) from None
    adjusted = adjust(dtype)
    if all(t.dtype == dtype and t.weak_type == weak_type for t in types):
        weak_type = types[0].weak_type  # a single bool counts as strong
    shapes = _aligned_shapes(function, types)
    if any(shapes) and len({t.ndim for t in types if t.ndim}) > 1:
        _check_ranks(function, types)
    done = all(t.dtype == adjusted and t.weak_type == weak_type for t in types)
    if done and not any(shapes):
        return None
    return _Plan(adjusted, weak_type, shapes)


def _aligned_shapes(
    function: str, types: Sequence[ArrayType]
) -> tuple[tuple[int, ...] | None, ...]:
    """For each operand the shape it must be broadcast to, or None."""
    distinct = {t.shape for t in types if t.shape}
    if len(distinct) <= 1:
        return (None,) * len(types)
    shape = broadcast_shape(function, types)
    return tuple([shape if t.shape and t.shape != shape else None for t in types])


def _check_ranks(function: str, types: Sequence[ArrayType]) -> None:
    """Warn or raise, as the settings say, where axes are added in front."""
    wanted = flags.NUMPY_RANK_PROMOTION.value
    if wanted == "allow":
        return
    problem = (
        f"{function}: operands have different numbers of axes: "
        f"{', '.join(map(repr, types))}; numpy_rank_promotion is {wanted!r}."
    )
    fix = "Insert axes with `x[None, :]` or `expand_dims`."
    if wanted == "raise":
        raise value_error(problem, fix)
    warn(problem, fix)


def broadcast_shape(function: str, types: Sequence[ArrayType]) -> tuple[int, ...]:
    """Shape the operands broadcast to.

    Raises:
        ValueError: they don't.
    """
    rank = max(t.ndim for t in types)
    sizes = [1] * rank
    for type in types:
        for axis, size in enumerate(type.shape, rank - type.ndim):
            if sizes[axis] == 1:
                sizes[axis] = size
            elif size not in (1, sizes[axis]):
                listed = ", ".join(map(repr, types))
                raise value_error(
                    f"{function}: operands don't broadcast: {listed} "
                    f"({sizes[axis]} != {size} in axis {axis - rank}).",
                    "Sizes of an axis, counted from the last, must be equal or 1; "
                    "insert axes with `x[:, None]` or `expand_dims`.",
                )
    return tuple(sizes)


def _broadcast_to(x: Any, shape: tuple[int, ...], to: tuple[int, ...]) -> Any:
    """Axes of size 1 are dropped before broadcasting only where XLA would add them."""
    first = len(to) - len(shape)
    return _shape.broadcast_in_dim(x, to, tuple(range(first, len(to))))
