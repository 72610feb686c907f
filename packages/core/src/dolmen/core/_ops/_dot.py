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
    as_integers,
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
from ._shape import inverse, sharding_error, transpose

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
        (
            as_integers("dot_general", "dimension_numbers", lhs_contracting),
            as_integers("dot_general", "dimension_numbers", rhs_contracting),
        ),
        (
            as_integers("dot_general", "dimension_numbers", lhs_batch),
            as_integers("dot_general", "dimension_numbers", rhs_batch),
        ),
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
        # With axes named (batch, free x, contracted) and (batch, contracted, free y)
        # the cotangent is (batch, free x, free y). Contracted with `y` over the free
        # axes of `y` it gives (batch, free x, contracted), and `x` contracted with it
        # (batch, contracted, free y), contracted axes as the other operand orders them.
        (ct,), (x, y) = cotangents, args
        (x_con, y_con), (x_batch, y_batch) = self.dimension_numbers
        batch = tuple(range(len(x_batch)))
        x_free, y_free = self._free(_ndim(x), _ndim(y))
        of_x = tuple(range(len(batch), len(batch) + len(x_free)))
        of_y = tuple(range(len(batch) + len(x_free), typeof(ct).ndim))
        if isinstance(x, Linear):
            by_y = self._with(((of_y, y_free), (batch, y_batch)))
            made = cotangent_product(by_y, ct, y, x.type.dtype)
            order = (*x_batch, *x_free, *_in_order_of(y_con, x_con))
            return [transpose(made, inverse(order)), None]
        by_x = self._with(((x_free, of_x), (x_batch, batch)))
        made = cotangent_product(lambda ct, x: by_x(x, ct), ct, x, y.type.dtype)
        order = (*y_batch, *_in_order_of(x_con, y_con), *y_free)
        return [None, transpose(made, inverse(order))]

    def _with(self, numbers: DotAxes) -> Callable[[Any, Any], Any]:
        product = DotGeneral(numbers, self.precision, None)
        return lambda x, y: bind(product, x, y)

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
        axes, types = self.dimension_numbers, tuple(builder.in_types)
        if builder.platform == "cpu" and builder.mesh is None and _joins(axes):
            args, types, axes = _joined(builder, args, types, axes)
        (x_con, y_con), (x_batch, y_batch) = axes
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

        return _lower_product(builder, args, types, self.precision, product)

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


def _ndim(operand: Any) -> int:
    return (operand.type if isinstance(operand, Linear) else typeof(operand)).ndim


def _in_order_of(keys: Axes, axes: Axes) -> Axes:
    """`axes` sorted as `keys`, of which each has one, would be."""
    return tuple(axis for _, axis in sorted(zip(keys, axes, strict=True)))


def _shifted(axes: Axes, new: int) -> Axes:
    """`axes` after an axis was inserted at `new`."""
    return tuple(a + (a >= new) for a in axes)


def precision_config(precision: Exactness) -> Any:
    """The attribute for a pair of precisions; an algorithm takes the place of both."""
    pair = precision if isinstance(precision, tuple) else _DEFAULTS
    return mlir.precision_config(*(p.name for p in pair))


def _joins(axes: DotAxes) -> bool:
    """Whether several axes are contracted that are neighbors, in both operands."""
    runs = [tuple(range(con[0], con[0] + len(con))) for con in axes[0] if con]
    return len(axes[0][0]) > 1 and tuple(runs) == axes[0]


def _joined(
    builder: Any, args: Sequence[Any], types: Sequence[ArrayType], axes: DotAxes
) -> tuple[list[Any], list[ArrayType], DotAxes]:
    """Operands, their types and axes with the contracted axes as one.

    XLA on the CPU makes one of them itself, but writes an operand down once more,
    transposed, where they come first.
    """
    made: list[tuple[Any, ArrayType, Axes, Axes]] = []
    for arg, type, con, batch in zip(args, types, *axes, strict=True):
        first, after = con[0], con[0] + len(con)
        sizes = type.shape[first:after]
        shape = (*type.shape[:first], math.prod(sizes), *type.shape[after:])
        joined = array_type(shape, type.dtype)
        arg = builder.emit("reshape", (arg,), (joined,))
        moved = tuple(a if a < first else a - len(con) + 1 for a in batch)
        made.append((arg, joined, (first,), moved))
    (x, x_type, x_con, x_batch), (y, y_type, y_con, y_batch) = made
    return [x, y], [x_type, y_type], ((x_con, y_con), (x_batch, y_batch))


def _lower_product(
    builder: Any,
    args: Sequence[Any],
    types: Sequence[ArrayType],
    precision: Exactness,
    product: Callable[..., Any],
) -> Any:
    """Emit a product of two arguments in the dtypes of its algorithm.

    Args:
        types: of the arguments.
        product: emits the operation, from operands, the type of the result and
            attributes.
    """
    (out,) = builder.out_types
    x_type, y_type = types
    floating = dtypes.kind(x_type.dtype) == "f"
    if not (floating and isinstance(precision, Algorithm)):
        return product(args, out)
    x, y = args
    x_dtype, y_dtype, sums = compute_dtypes(
        precision, x_type.dtype, y_type.dtype, out.dtype
    )
    attributes = algorithm_attributes(precision, builder.platform, x_dtype, y_dtype)
    if x_type.dtype != x_dtype:
        x = builder.convert(x, array_type(x_type.shape, x_dtype))
    if y_type.dtype != y_dtype:
        y = builder.convert(y, array_type(y_type.shape, y_dtype))
    made = product((x, y), array_type(out.shape, sums), **attributes)
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
