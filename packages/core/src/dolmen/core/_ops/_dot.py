"""Contractions: one primitive for every product of two arrays."""

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .._backend import flags
from .._ir import (
    ArrayType,
    Linear,
    Primitive,
    array_type,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _narrow
from ._conversion import convert_element_type
from ._dot_algorithms import (
    Algorithm,
    DotAlgorithm,
    DotAlgorithmPreset,
    algorithm_attributes,
    compute_dtypes,
)
from ._shape import as_sizes, sharding_error, transpose

Axes = tuple[int, ...]
DotDimensionNumbers = tuple[
    tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
]


DotAxes = tuple[tuple[Axes, Axes], tuple[Axes, Axes]]


class Precision(enum.Enum):
    """How exactly accelerators multiply f32 operands; CPUs always do so in full.

    Attributes:
        DEFAULT: fastest: one bfloat16 pass on TPU, TF32 where enabled on GPU.
        HIGH: three bfloat16 passes on TPU, TF32 on GPU.
        HIGHEST: full float32.
    """

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


PrecisionLike = (
    None | str | Precision | Algorithm | tuple[str | Precision, str | Precision]
)
Exactness = tuple[Precision, Precision] | Algorithm | None

_PRECISIONS = {
    "default": Precision.DEFAULT,
    "fastest": Precision.DEFAULT,
    "bfloat16": Precision.DEFAULT,
    "high": Precision.HIGH,
    "bfloat16_3x": Precision.HIGH,
    "tensorfloat32": Precision.HIGH,
    "highest": Precision.HIGHEST,
    "float32": Precision.HIGHEST,
}


def as_precision(function: str, precision: Any) -> Exactness:
    """A user's `precision` argument: one for each operand, or an algorithm for both.

    None stands for the setting `default_matmul_precision`.

    Raises:
        ValueError: it names neither.
    """
    if precision is None:
        precision = flags.DEFAULT_MATMUL_PRECISION.value
        if precision is None:
            return None
    if isinstance(precision, tuple | list) and len(precision) == 2:
        a, b = (_as_pair(function, p) for p in precision)
        return a[0], b[1]
    if isinstance(precision, str) and precision in DotAlgorithmPreset.__members__:
        return DotAlgorithmPreset[precision]
    if isinstance(precision, Algorithm):
        return precision
    return _as_pair(function, precision)


def _as_pair(function: str, precision: Any) -> tuple[Precision, Precision]:
    found = Precision.DEFAULT if precision is None else precision
    if isinstance(precision, str):
        found = _PRECISIONS.get(precision.lower())
    if not isinstance(found, Precision):
        raise value_error(
            f"{function}: `precision` must be None, a `lax.Precision`, one of "
            f"{', '.join(map(repr, _PRECISIONS))}, a pair of them, or a "
            f"`lax.DotAlgorithm` or `DotAlgorithmPreset`, got {precision!r}."
        )
    return found, found


def swapped_precision(precision: PrecisionLike) -> PrecisionLike:
    """A `precision` argument for exchanged operands."""
    if isinstance(precision, DotAlgorithm):
        return precision.swapped()
    if not isinstance(precision, tuple):
        return precision
    first, second = precision
    return second, first


_DEFAULTS = Precision.DEFAULT, Precision.DEFAULT


def dot_general(
    lhs: Any,
    rhs: Any,
    dimension_numbers: DotDimensionNumbers,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    *,
    out_sharding: None = None,
) -> Any:
    """Sum of products over contracted axes, for each index of the batch axes.

    Args:
        lhs: any shape and dtype.
        rhs: contracted and batch axes of the same sizes. If its dtype is another, both
            are converted to the greater of the two: complex before floating point
            before integers, then the one of more bits.
        dimension_numbers: ``((lhs_contracting, rhs_contracting), (lhs_batch,
            rhs_batch))``, sequences of axes that correspond in pairs.
        precision: see `Precision`; one or a pair. Or a `DotAlgorithm`, a
            `DotAlgorithmPreset` or the name of one: operands and result are converted
            as the algorithm needs it if they are floating point; algorithms say
            nothing about other products.
        preferred_element_type: dtype of the result, and the least in which it is
            accumulated; by default that of the operands.
        out_sharding: must be None.

    Returns:
        An array whose axes are the batch axes, then the other axes of `lhs`, then the
        other axes of `rhs`.

    Raises:
        TypeError: `preferred_element_type` is none for these operands.
        ValueError: axes are out of range, repeated, or of different sizes, or the
            backend does not have the algorithm.

    Example:
        >>> from dolmen.core import lax
        >>> x = lax.full((5, 2, 3), 1.0)
        >>> lax.dot_general(x, x, (((2,), (2,)), ((0,), (0,)))).shape
        (5, 2, 2)
    """
    if out_sharding is not None:
        raise sharding_error("dot_general", "out_sharding", out_sharding)
    (lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch) = dimension_numbers
    numbers = (
        (as_sizes(lhs_contracting), as_sizes(rhs_contracting)),
        (as_sizes(lhs_batch), as_sizes(rhs_batch)),
    )
    precision = as_precision("dot_general", precision)
    if preferred_element_type is not None:
        preferred_element_type = dtypes.as_dtype(
            preferred_element_type, function="dot_general"
        )
    lhs, rhs = of_one_dtype(lhs, rhs, preferred_element_type)
    return bind(DotGeneral(numbers, precision, preferred_element_type), lhs, rhs)


def of_one_dtype(lhs: Any, rhs: Any, preferred: np.dtype | None) -> tuple[Any, Any]:
    """Factors as products take them: both in the greater of their dtypes.

    Two kinds of 8-bit floats stay what they are if the result is of another dtype.
    """
    x, y = typeof(lhs), typeof(rhs)
    if x.dtype == y.dtype or _are_mixed_float8(x.dtype, y.dtype, preferred):
        return lhs, rhs
    dtype = max(x.dtype, y.dtype, key=_rank)
    return (
        convert_element_type(lhs, dtype, x.weak_type),
        convert_element_type(rhs, dtype, y.weak_type),
    )


def _are_mixed_float8(x: np.dtype, y: np.dtype, preferred: np.dtype | None) -> bool:
    floating = dtypes.kind(x) == dtypes.kind(y) == "f"
    return preferred is not None and floating and x.itemsize == y.itemsize == 1


def _rank(dtype: np.dtype) -> tuple[int, int, float]:
    """Place of a dtype among those of factors, which has nothing of a lattice."""
    kind = dtypes.kind(dtype)
    if kind == "f":
        info = ml_dtypes.finfo(dtype)
        return 2, info.bits, float(info.max)
    if kind in "iu":
        return 1, ml_dtypes.iinfo(dtype).bits, kind == "i"
    return 3 if kind == "c" else 0, dtype.itemsize, 0


class DotGeneral(Primitive):
    """Sum of products over the contracting axes, for each index of the batch axes."""

    dimension_numbers: DotAxes
    precision: Exactness = None
    preferred_element_type: np.dtype | None = None

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, y = arg_types
        preferred = self.preferred_element_type
        check_product("dot_general", x, y, self.dimension_numbers, preferred)
        (_, _), (x_batch, _) = self.dimension_numbers
        free_x, free_y = self._free(x.ndim, y.ndim)
        shape = (
            *(x.shape[a] for a in x_batch),
            *(x.shape[a] for a in free_x),
            *(y.shape[a] for a in free_y),
        )
        weak = preferred is None and x.weak_type and y.weak_type
        return array_type(shape, x.dtype if preferred is None else preferred, weak)

    def _free(self, x_ndim: int, y_ndim: int) -> tuple[Axes, Axes]:
        """Axes neither contracted nor batched."""
        (x_con, y_con), (x_batch, y_batch) = self.dimension_numbers
        return (
            tuple(a for a in range(x_ndim) if a not in x_con and a not in x_batch),
            tuple(a for a in range(y_ndim) if a not in y_con and a not in y_batch),
        )

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        from ._arithmetic import add

        (x, y), (dx, dy) = primals, tangents
        out = bind(self, x, y)
        if dy is None:
            return out, bind(self, dx, y)
        if dx is None:
            return out, bind(self, x, dy)
        return out, add(bind(self, dx, y), bind(self, x, dy))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        # With axes named (batch, free x, contracted) and (batch, contracted, free y),
        # the cotangent is (batch, free x, free y): contracting it with `y` over the
        # latter's free axes leaves (batch, free x, contracted in the order of `y`).
        (ct,), (x, y) = cotangents, args
        (x_con, y_con), (x_batch, y_batch) = self.dimension_numbers
        n = len(x_batch)
        batch = tuple(range(n))
        linear, value = (x, y) if isinstance(x, Linear) else (y, x)
        if linear is x:
            free, other_free = self._free(x.type.ndim, typeof(y).ndim)
            ct_free = tuple(range(n + len(free), n + len(free) + len(other_free)))
            own_con, other_con, own_batch, other_batch = x_con, y_con, x_batch, y_batch
        else:
            other_free, free = self._free(typeof(x).ndim, y.type.ndim)
            ct_free = tuple(range(n, n + len(other_free)))
            own_con, other_con, own_batch, other_batch = y_con, x_con, y_batch, x_batch
        numbers = (ct_free, other_free), (batch, other_batch)
        product = DotGeneral(numbers, self.precision, None)
        made = cotangent_product(
            lambda *pair: bind(product, *pair), ct, value, linear.type.dtype
        )
        # Remaining axes of `value` come in its own order.
        by_other = sorted(range(len(own_con)), key=other_con.__getitem__)
        order = (*own_batch, *free, *(own_con[i] for i in by_other))
        made = transpose(made, sorted(range(len(order)), key=order.__getitem__))
        return [made, None] if linear is x else [None, made]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, y), (x_axis, y_axis) = args, axes
        (x_con, y_con), (x_batch, y_batch) = self.dimension_numbers
        if x_axis is not None:
            x_con, x_batch = _shifted(x_con, x_axis), _shifted(x_batch, x_axis)
        if y_axis is not None:
            y_con, y_batch = _shifted(y_con, y_axis), _shifted(y_batch, y_axis)
        out_axis = 0
        if x_axis is not None and y_axis is not None:
            x_batch, y_batch = (x_axis, *x_batch), (y_axis, *y_batch)
        elif x_axis is not None:
            # The batch axis is one more free axis of `x`.
            used = {*x_con, *x_batch}
            out_axis = len(x_batch) + sum(a not in used for a in range(x_axis))
        else:
            assert y_axis is not None
            used = {*y_con, *y_batch}
            out_axis = typeof(x).ndim - len(x_con)
            out_axis += sum(a not in used for a in range(y_axis))
        numbers = ((x_con, y_con), (x_batch, y_batch))
        made = DotGeneral(numbers, self.precision, self.preferred_element_type)
        return bind(made, x, y), out_axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        changes = builder.out_types[0].dtype != builder.in_types[0].dtype
        if changes and _narrow.has_narrow(builder):
            return _narrow.lower_in_bytes(builder, self, args)[0]
        (x_con, y_con), (x_batch, y_batch) = self.dimension_numbers
        numbers = mlir.dot_dimension_numbers(x_batch, y_batch, x_con, y_con)

        def product(operands: Sequence[Any], out: ArrayType, **attributes: Any) -> Any:
            return builder.emit(
                "dot_general",
                operands,
                (out,),
                dot_dimension_numbers=numbers,
                precision_config=precision_config(self.precision),
                **attributes,
            )

        return lower_product(builder, args, self.precision, product)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        x, _ = arg_types
        (x_con, _), _ = self.dimension_numbers
        return (
            2 * self.infer_type(arg_types).size * math.prod(x.shape[a] for a in x_con)
        )


def _check_preferred(
    function: str, x: ArrayType, y: ArrayType, preferred: np.dtype
) -> None:
    given = f"got {dtypes.short_name(preferred)} for {x!r} and {y!r}."
    kind, wanted = dtypes.kind(x.dtype), dtypes.kind(preferred)
    # Booleans and integers, which have no derivatives, may become other numbers.
    if kind != wanted and (kind not in "biu" or wanted == "b"):
        raise type_error(
            f"{function}: `preferred_element_type` must be of the operands' kind, or "
            f"numbers of any kind for integers, {given}"
        )
    if _narrow.is_narrower(preferred, x.dtype):
        raise type_error(
            f"{function}: `preferred_element_type` must not be narrower than the "
            f"operands, {given}",
            "Convert the result with `.astype(...)`.",
        )


def check_product(
    function: str,
    x: ArrayType,
    y: ArrayType,
    numbers: DotAxes,
    preferred: np.dtype | None,
) -> None:
    """Errors for operands that can't be multiplied."""
    if x.dtype != y.dtype and not _are_mixed_float8(x.dtype, y.dtype, preferred):
        raise type_error(
            f"{function}: operands must have equal dtypes, got {x!r} and {y!r}."
        )
    if preferred is not None:
        _check_preferred(function, x, y, preferred)
    check_axes(function, x, y, numbers)


def check_axes(function: str, x: ArrayType, y: ArrayType, numbers: DotAxes) -> None:
    """Errors for operands whose axes do not match."""
    contracting, batch = numbers
    given = f"got {x!r} and {y!r} with dimension_numbers={numbers}."
    for type, contracted, batched in zip((x, y), contracting, batch, strict=True):
        axes = contracted + batched
        if any(not 0 <= a < type.ndim for a in axes) or len(set(axes)) < len(axes):
            raise value_error(
                f"{function}: contracting and batch axes must be distinct axes of "
                f"their operand, counted from the front, {given}"
            )
    for kind, (of_x, of_y) in (("contracting", contracting), ("batch", batch)):
        x_sizes = tuple(x.shape[a] for a in of_x)
        y_sizes = tuple(y.shape[a] for a in of_y)
        if x_sizes != y_sizes:
            raise value_error(
                f"{function}: {kind} sizes must match: {x_sizes} != {y_sizes}, {given}"
            )


def cotangent_product(
    product: Callable[..., Any], ct: Any, value: Any, dtype: np.dtype
) -> Any:
    """`product` of a cotangent with the other operand, as `dtype`.

    With a wide `preferred_element_type` the cotangent is rounded to the operands'
    dtype, so that backward products run on the same fast units as the forward one.
    Eight-bit floats have too little range for cotangents; they are widened instead.
    """
    if typeof(ct).dtype == typeof(value).dtype == dtype:
        return product(ct, value)
    if dtype.itemsize > 1:
        return product(convert_element_type(ct, dtype), value)
    wide = product(ct, convert_element_type(value, typeof(ct).dtype))
    return convert_element_type(wide, dtype)


def _shifted(axes: Axes, new: int) -> Axes:
    """`axes` after an axis was inserted at `new`."""
    return tuple(a + (a >= new) for a in axes)


def precision_config(precision: Exactness) -> Any:
    """The attribute for a pair of precisions; an algorithm takes the place of both."""
    pair = precision if isinstance(precision, tuple) else _DEFAULTS
    return mlir.precision_config(*(p.name for p in pair))


def lower_product(
    builder: Any,
    args: Sequence[Any],
    precision: Exactness,
    product: Callable[..., Any],
) -> Any:
    """Emit a product of the first two arguments in the dtypes of its algorithm.

    Args:
        product: emits the operation, from operands, the type of the result and
            attributes.
    """
    (out,) = builder.out_types
    floating = dtypes.kind(builder.in_types[0].dtype) == "f"
    if not (floating and isinstance(precision, Algorithm)):
        return product(args, out)
    x, y, *rest = args
    x_type, y_type = builder.in_types[:2]
    x_dtype, y_dtype, sums = compute_dtypes(
        precision, x_type.dtype, y_type.dtype, out.dtype
    )
    attributes = algorithm_attributes(precision, builder.platform, x_dtype, y_dtype)
    if x_type.dtype != x_dtype:
        x = builder.convert(x, array_type(x_type.shape, x_dtype))
    if y_type.dtype != y_dtype:
        y = builder.convert(y, array_type(y_type.shape, y_dtype))
    made = product((x, y, *rest), array_type(out.shape, sums), **attributes)
    return made if sums == out.dtype else builder.convert(made, out)


def dot(
    lhs: Any,
    rhs: Any,
    *,
    dimension_numbers: DotDimensionNumbers | None = None,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: None = None,
) -> Any:
    """Vector and matrix products.

    Args:
        lhs: ``[k]`` or ``[m, k]``.
        rhs: ``[k]`` or ``[k, n]``; another dtype counts as in `dot_general`.
        dimension_numbers: contract other axes instead; see `dot_general`, which takes
            operands of any rank.
        precision: as of `dot_general`.
        preferred_element_type: dtype of the result.
        out_sharding: must be None.

    Returns:
        An array of shape ``[]``, ``[m]``, ``[n]`` or ``[m, n]``.

    Raises:
        TypeError: `preferred_element_type` is none for these operands.
        ValueError: an operand has more than two axes, or contracted sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.dot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    if out_sharding is not None:
        raise sharding_error("dot", "out_sharding", out_sharding)
    if dimension_numbers is None:
        x, y = typeof(lhs), typeof(rhs)
        if not (1 <= x.ndim <= 2 and 1 <= y.ndim <= 2):
            raise value_error(
                f"dot: operands must have one or two axes, got {x!r} and {y!r}.",
                "Use `jnp.matmul`, or give `dimension_numbers`.",
            )
        if x.shape[-1] != y.shape[0]:
            raise value_error(
                f"dot: contracting sizes must match: `lhs` is {x!r}, `rhs` is {y!r} "
                f"({x.shape[-1]} != {y.shape[0]}).",
                "Transpose one operand, or name the axes with `dot_general`.",
            )
        dimension_numbers = (((x.ndim - 1,), (0,)), ((), ()))
    return dot_general(lhs, rhs, dimension_numbers, precision, preferred_element_type)


def batch_matmul(lhs: Any, rhs: Any, precision: PrecisionLike = None) -> Any:
    """Matrix product for each index of the leading axes.

    Args:
        lhs: ``[..., m, k]``.
        rhs: ``[..., k, n]`` with the same leading axes.
        precision: see `Precision`.

    Returns:
        An array ``[..., m, n]``.

    Raises:
        ValueError: the operands have fewer than two axes or different numbers of them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.batch_matmul(jnp.ones((5, 2, 3)), jnp.ones((5, 3, 4))).shape
        (5, 2, 4)
    """
    x, y = typeof(lhs), typeof(rhs)
    if x.ndim != y.ndim or x.ndim < 2:
        raise value_error(
            "batch_matmul: operands must have the same number of axes, at least two, "
            f"got {x!r} and {y!r}.",
            "Use `jnp.matmul`, which broadcasts.",
        )
    leading = tuple(range(x.ndim - 2))
    numbers = (((x.ndim - 1,), (x.ndim - 2,)), (leading, leading))
    return dot_general(lhs, rhs, numbers, precision)
