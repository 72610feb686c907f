"""Reductions over axes."""

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from .._backend import pytree
from .._ir import (
    ArrayType,
    Primitive,
    Program,
    array_type,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, record_closed, typeof
from . import _arithmetic, _bitwise, _comparison, _conversion, _cumulative, _shape
from ._elementwise import check_kind

_BOOL = np.dtype(bool)


def _axes(function: str, operand: Any, axes: Sequence[int]) -> tuple[int, ...]:
    """Sorted, non-negative axes."""
    return tuple(sorted(_shape.as_axes(function, axes, typeof(operand).ndim, "axes")))


class Reduction(Primitive):
    """A commutative monoid's sum over some axes, which disappear."""

    kinds: ClassVar[str] = "iufc"
    operation: ClassVar[str]  # of StableHLO, combining two scalars

    axes: tuple[int, ...]

    def identity(self, dtype: np.dtype) -> Any:
        """The monoid's neutral element."""
        raise self._missing("identity")

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """Handle of the combination of two scalar handles."""
        return builder.emit(self.operation, (a, b), (type,))

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Without the axes."""
        (x,) = arg_types
        check_kind(self.name, x, self.kinds)
        shape = tuple(n for i, n in enumerate(x.shape) if i not in self.axes)
        return x.with_shape(shape)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The reduced axes make way for the batch axis."""
        (x,), (axis,) = args, axes
        assert axis is not None
        moved = tuple(a + (a >= axis) for a in self.axes)
        return bind(type(self)(moved), x), axis - sum(a < axis for a in moved)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.reduce`."""
        (x,) = args
        if not self.axes:
            return x
        dtype = builder.in_types[0].dtype
        scalar = array_type((), dtype)
        return builder.emit(
            "reduce",
            (x, builder.constant(self.identity(dtype), scalar)),
            regions=[
                (
                    (scalar, scalar),
                    lambda a, b: [self.combine(builder, a, b, scalar)],
                )
            ],
            dimensions=mlir.int_array(self.axes),
        )


def kept_axes(ndim: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes that a reduction over `axes` leaves."""
    return tuple(axis for axis in range(ndim) if axis not in axes)


def spread(reduced: Any, shape: tuple[int, ...], axes: Sequence[int]) -> Any:
    """A reduction's result repeated over the axes it lost."""
    return _shape.broadcast_in_dim(reduced, shape, kept_axes(len(shape), axes))


def reduce_sum(operand: Any, axes: Sequence[int]) -> Any:
    """Sum over axes, in the dtype of the operand.

    Args:
        operand: any dtype but bool.
        axes: which axes to sum; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.

    Raises:
        TypeError: `operand` is boolean.
        ValueError: an axis is out of range or named twice.
    """
    return bind(ReduceSum(_axes("reduce_sum", operand, axes)), operand)


class ReduceSum(Reduction):
    """Sum over axes."""

    operation = "add"

    def identity(self, dtype: np.dtype) -> Any:
        """Zero."""
        return 0

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear."""
        (x,), (dx,) = primals, tangents
        return bind(self, x), bind(self, dx)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Each summand gets the cotangent of its sum."""
        (ct,), (x,) = cotangents, args
        return [spread(ct, x.type.shape, self.axes)]


class ReduceExtremum(Reduction):
    """The largest or smallest element; equal ones share the derivative."""

    kinds = "biufc"
    direction: ClassVar[str]

    def identity(self, dtype: np.dtype) -> Any:
        """What loses every comparison."""
        return lowest(dtype) if self.direction == "GT" else highest(dtype)

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """Complex numbers are compared part by part."""
        if dtypes.kind(type.dtype) != "c":
            return super().combine(builder, a, b, type)
        chosen = _arithmetic.compare_complex(builder, self.direction, a, b, type)
        return builder.emit("select", (chosen, a, b), (type,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The mean of the tangents of the elements equal to the result."""
        (x,), (dx,) = primals, tangents
        out = bind(self, x)
        type = typeof(x)
        chosen = _comparison.eq(x, spread(out, type.shape, self.axes))
        weight = _conversion.convert_element_type(chosen, type.dtype)
        count = reduce_sum(weight, self.axes)
        return out, _arithmetic.div(
            reduce_sum(_arithmetic.mul(dx, weight), self.axes), count
        )


def lowest(dtype: np.dtype) -> Any:
    """The least value of a dtype."""
    match dtypes.kind(dtype):
        case "b":
            return False
        case "c":
            return complex(-np.inf, -np.inf)
        case "f":
            about = ml_dtypes.finfo(dtype)
            return -np.inf if has_infinity(dtype) else about.min
        case _:
            return ml_dtypes.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """The greatest value of a dtype."""
    match dtypes.kind(dtype):
        case "b":
            return True
        case "c":
            return complex(np.inf, np.inf)
        case "f":
            about = ml_dtypes.finfo(dtype)
            return np.inf if has_infinity(dtype) else about.max
        case _:
            return ml_dtypes.iinfo(dtype).max


def has_infinity(dtype: np.dtype) -> bool:
    """Whether a floating-point dtype represents infinity."""
    with np.errstate(all="ignore"):
        return bool(np.isinf(np.asarray(np.inf, dtype).astype(np.float32)))


def reduce_max(operand: Any, axes: Sequence[int]) -> Any:
    """Largest element over axes; NaN if there is one.

    Args:
        operand: any dtype; complex numbers are ordered by real, then imaginary part.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: the least value of
        the dtype where the axes are empty. Equal elements share the derivative.
    """
    return bind(ReduceMax(_axes("reduce_max", operand, axes)), operand)


class ReduceMax(ReduceExtremum):
    """Maximum over axes."""

    operation = "maximum"
    direction = "GT"


def reduce_min(operand: Any, axes: Sequence[int]) -> Any:
    """Smallest element over axes; NaN if there is one.

    Args:
        operand: any dtype; complex numbers are ordered by real, then imaginary part.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: the greatest value of
        the dtype where the axes are empty. Equal elements share the derivative.
    """
    return bind(ReduceMin(_axes("reduce_min", operand, axes)), operand)


class ReduceMin(ReduceExtremum):
    """Minimum over axes."""

    operation = "minimum"
    direction = "LT"


def reduce_prod(operand: Any, axes: Sequence[int]) -> Any:
    """Product over axes, in the dtype of the operand.

    Args:
        operand: any dtype but bool.
        axes: which axes to multiply; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: one where the axes are
        empty. Derivatives are exact at zeros too.
    """
    return bind(ReduceProd(_axes("reduce_prod", operand, axes)), operand)


class ReduceProd(Reduction):
    """Product over axes."""

    operation = "multiply"

    def identity(self, dtype: np.dtype) -> Any:
        """One."""
        return 1

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Each tangent times the product of all other factors.

        That product is the one of the factors before times the one of those behind:
        dividing the whole product by the factor would fail at zeros.
        """
        (x,), (dx,) = primals, tangents
        last = typeof(x).ndim - len(self.axes)
        row = self._as_last_axis(x)
        before = exclusive_product(row, last, reverse=False)
        behind = exclusive_product(row, last, reverse=True)
        others = _arithmetic.mul(before, behind)
        parts = _arithmetic.mul(self._as_last_axis(dx), others)
        return bind(self, x), reduce_sum(parts, (last,))

    def _as_last_axis(self, x: Any) -> Any:
        shape = typeof(x).shape
        kept = kept_axes(len(shape), self.axes)
        size = math.prod(shape[axis] for axis in self.axes)
        moved = _shape.transpose(x, (*kept, *self.axes))
        return _shape.reshape(moved, (*(shape[axis] for axis in kept), size))


def exclusive_product(x: Any, axis: int, *, reverse: bool) -> Any:
    """For each element the product of those before it (behind it with `reverse`)."""
    return _cumulative.previous(_cumulative.cumprod(x, axis, reverse), 1, axis, reverse)


# ---- logic ---------------------------------------------------------------------------


class ReduceLogic(Reduction):
    """A bitwise operation over axes."""

    kinds = "biu"


def reduce_and(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans, logical) conjunction over axes.

    Args:
        operand: integer or boolean.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.
    """
    return bind(ReduceAnd(_axes("reduce_and", operand, axes)), operand)


class ReduceAnd(ReduceLogic):
    """Conjunction over axes."""

    operation = "and"

    def identity(self, dtype: np.dtype) -> Any:
        """All bits set."""
        return -1 if dtypes.kind(dtype) == "i" else highest(dtype)


def reduce_or(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans, logical) disjunction over axes.

    Args:
        operand: integer or boolean.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.
    """
    return bind(ReduceOr(_axes("reduce_or", operand, axes)), operand)


class ReduceOr(ReduceLogic):
    """Disjunction over axes."""

    operation = "or"

    def identity(self, dtype: np.dtype) -> Any:
        """No bit set."""
        return 0


def reduce_xor(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans, logical) exclusive disjunction over axes.

    Args:
        operand: integer or boolean.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.
    """
    return bind(ReduceXor(_axes("reduce_xor", operand, axes)), operand)


class ReduceXor(ReduceLogic):
    """Parity over axes."""

    operation = "xor"

    def identity(self, dtype: np.dtype) -> Any:
        """No bit set."""
        return 0


# ---- position of the extremum --------------------------------------------------------


def argmax(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Where the largest element is along an axis: the first of equal ones.

    Args:
        operand: any dtype but complex; NaN counts as larger than every number.
        axis: which axis to reduce; it must not be empty.
        index_dtype: an integer dtype.

    Returns:
        Indices in `index_dtype`, an array without the axis.

    Raises:
        ValueError: the axis is empty.
    """
    return _arg(Argmax, operand, axis, index_dtype)


def argmin(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Where the smallest element is along an axis: the first of equal ones.

    Args:
        operand: any dtype but complex; NaN counts as smaller than every number.
        axis: which axis to reduce; it must not be empty.
        index_dtype: an integer dtype.

    Returns:
        Indices in `index_dtype`, an array without the axis.

    Raises:
        ValueError: the axis is empty.
    """
    return _arg(Argmin, operand, axis, index_dtype)


def _arg(cls: Any, operand: Any, axis: int, index_dtype: Any) -> Any:
    function = cls.__name__.lower()
    type = typeof(operand)
    axis = _shape.as_axis(function, axis, type.ndim, "axis")
    dtype = dtypes.as_dtype(index_dtype, function=function)
    if dtypes.kind(dtype) not in "iu":
        raise type_error(
            f"{function}: `index_dtype` must be an integer dtype, got {dtype}."
        )
    if not type.shape[axis]:
        raise value_error(
            f"{function}: the axis must not be empty, got axis {axis} of {type!r}."
        )
    return bind(cls(axis, dtype), operand)


class ArgExtremum(Primitive):
    """Index of the extremum along an axis."""

    direction: ClassVar[str]

    axis: int
    index_dtype: np.dtype

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Indices, without the axis."""
        (x,) = arg_types
        check_kind(self.name, x, "biuf")
        shape = x.shape[: self.axis] + x.shape[self.axis + 1 :]
        return array_type(shape, self.index_dtype)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Indices have no tangents."""
        return bind(self, *primals), None

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The reduced axis makes way for the batch axis."""
        (x,), (axis,) = args, axes
        assert axis is not None
        moved = self.axis + (self.axis >= axis)
        return bind(type(self)(moved, self.index_dtype), x), axis - (moved < axis)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A reduction of pairs of element and index."""
        (x,) = args
        (type,) = builder.in_types
        value = array_type((), type.dtype)
        index = array_type((), self.index_dtype)
        counts = builder.emit(
            "iota",
            (),
            (array_type(type.shape, self.index_dtype),),
            iota_dimension=mlir.integer(self.axis),
        )
        identity = lowest if self.direction == "GT" else highest
        _, indices = builder.emit(
            "reduce",
            (
                x,
                counts,
                builder.constant(identity(type.dtype), value),
                builder.constant(0, index),
            ),
            (array_type(builder.out_types[0].shape, type.dtype), *builder.out_types),
            regions=[
                (
                    (value, index, value, index),
                    lambda *pairs: self._better(builder, pairs, value, index),
                )
            ],
            dimensions=mlir.int_array((self.axis,)),
        )
        return indices

    def _better(
        self, builder: Any, pairs: Sequence[Any], value: ArrayType, index: ArrayType
    ) -> Sequence[Any]:
        """NaN beats numbers; of equals, the lower index wins."""
        x, i, y, j = pairs
        flag = (array_type((), _BOOL),)
        kind = dtypes.kind(value.dtype)
        order = {"f": "FLOAT", "i": "SIGNED"}.get(kind, "UNSIGNED")
        wins = builder.compare(self.direction, x, y, value, order)
        ties = builder.compare("EQ", x, y, value, order)
        if kind == "f":
            x_is_nan = builder.compare("NE", x, x, value, order)
            y_is_nan = builder.compare("NE", y, y, value, order)
            y_is_number = builder.emit("not", (y_is_nan,), flag)
            alone = builder.emit("and", (x_is_nan, y_is_number), flag)
            both = builder.emit("and", (x_is_nan, y_is_nan), flag)
            wins = builder.emit("or", (wins, alone), flag)
            ties = builder.emit("or", (ties, both), flag)
        index_order = "SIGNED" if dtypes.kind(index.dtype) == "i" else "UNSIGNED"
        earlier = builder.compare("LT", i, j, index, index_order)
        ties = builder.emit("and", (ties, earlier), flag)
        first = builder.emit("or", (wins, ties), flag)
        return [
            builder.emit("select", (first, x, y), (value,)),
            builder.emit("select", (first, i, j), (index,)),
        ]


class Argmax(ArgExtremum):
    """Index of the maximum."""

    direction = "GT"


class Argmin(ArgExtremum):
    """Index of the minimum."""

    direction = "LT"


# ---- any monoid ----------------------------------------------------------------------


def reduce(
    operands: Any,
    init_values: Any,
    computation: Callable[[Any, Any], Any],
    dimensions: Sequence[int],
) -> Any:
    """Reduction by a function of the caller's.

    Args:
        operands: an array or a tree of arrays of equal shape.
        init_values: a tree like `operands` of scalars, neutral for `computation`: they
            may enter the result any number of times.
        computation: combines two trees of scalars; associative and commutative.
        dimensions: which axes to reduce; they disappear.

    Returns:
        A tree like `operands`. Where `computation` is one of `lax.add`, `mul`, `max`,
        `min` and the bitwise operations, this is `reduce_sum` and so on; other functions
        have no derivative.

    Raises:
        TypeError: a dtype of `init_values`, or of what `computation` returns, is not
            that of the operand.
        ValueError: the operands differ in shape, or the trees do not match.
    """
    leaves, tree = pytree.PUBLIC.flatten(operands)
    inits, init_tree = pytree.PUBLIC.flatten(init_values)
    if tree != init_tree:
        raise value_error(
            f"reduce: `init_values` must be a tree like `operands`, got {init_tree} for "
            f"{tree}."
        )
    if not leaves:
        raise value_error("reduce: expected at least one operand, got none.")
    types = [typeof(leaf) for leaf in leaves]
    axes = tuple(sorted(_shape.as_axes("reduce", dimensions, types[0].ndim)))
    inits = [_as_init(init, type) for init, type in zip(inits, types, strict=True)]
    program = _combination(computation, types, tree)
    monoid = _monoid(program)
    if monoid is not None:
        reduction, combine = monoid
        return tree.unflatten([bind(combine, inits[0], bind(reduction(axes), *leaves))])
    # The program holds the compiled code, so the primitive may live as long.
    primitive = program.derived.get(("reduce", axes))
    if primitive is None:
        primitive = program.derived["reduce", axes] = Reduce(axes, program)
    return tree.unflatten(bind(primitive, *leaves, *inits))


def _as_init(init: Any, type: ArrayType) -> Any:
    found = typeof(init)
    if found.shape or (found.dtype != type.dtype and not found.weak_type):
        raise type_error(
            f"reduce: each of `init_values` must be a scalar of its operand's dtype, got "
            f"{found!r} for {type!r}.",
            "Convert it with `.astype(...)` first.",
        )
    return _conversion.convert_element_type(init, type.dtype)


_programs: weakref.WeakKeyDictionary[Any, dict[Any, Program]] = (
    weakref.WeakKeyDictionary()
)


def _combination(
    computation: Callable[[Any, Any], Any], types: Sequence[ArrayType], tree: Any
) -> Program:
    """The caller's function on scalars, traced once for each function and dtypes."""
    scalars = tuple(array_type((), type.dtype) for type in types)
    try:
        known = _programs.setdefault(computation, {})
    except TypeError:  # neither hashable nor weakly referable: traced every time
        known = {}
    program = known.get((scalars, tree))
    if program is None:

        def flat(*args: Any) -> Sequence[Any]:
            half = len(scalars)
            pair = tree.unflatten(args[:half]), tree.unflatten(args[half:])
            return pytree.PUBLIC.flatten(computation(*pair))[0]

        program = record_closed(flat, (*scalars, *scalars))
        found = [type.strengthened() for type in program.out_types]
        if found != list(scalars):
            raise type_error(
                f"reduce: `computation` must return scalars like its arguments "
                f"{scalars}, got {tuple(found)}."
            )
        known[scalars, tree] = program
    return program


def _monoid(program: Program) -> Any:
    """The reduction of its own and the primitive that `program` consists of, if any."""
    if len(program.equations) != 1 or len(program.inputs) != 2:
        return None
    (equation,) = program.equations
    same = list(equation.inputs) == program.inputs and equation.outputs == (
        program.outputs
    )
    reduction = _MONOIDS.get(type(equation.primitive)) if same else None
    return None if reduction is None else (reduction, equation.primitive)


class Reduce(Primitive):
    """Reduction by a program on scalars."""

    multiple_results = True
    interned = False

    axes: tuple[int, ...]
    computation: Program

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        """Without the axes."""
        operands = arg_types[: len(arg_types) // 2]
        if any(type.shape != operands[0].shape for type in operands):
            raise value_error(
                f"reduce: operands must have equal shapes, got {tuple(operands)}."
            )
        kept = kept_axes(operands[0].ndim, self.axes)
        shape = tuple(operands[0].shape[axis] for axis in kept)
        return [array_type(shape, type.dtype) for type in operands]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Unknown for a function that is no known monoid."""
        raise NotImplementedError(
            "reduce: a reduction by a function other than `lax.add`, `lax.mul`, "
            "`lax.max` or `lax.min` has no derivative. Express it through `reduce_sum`, "
            "`reduce_max` and the like, or as a `lax.scan`."
        )

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The reduced axes make way for the batch axis."""
        half = len(args) // 2
        if any(axis is not None for axis in axes[half:]):
            raise NotImplementedError(
                "reduce: `init_values` must be the same for a whole batch, as they are "
                "neutral for `computation`."
            )
        size = _shape.batch_size(args, axes)
        operands = [
            _shape.batched_first(x, axis, size)
            for x, axis in zip(args[:half], axes[:half], strict=True)
        ]
        primitive = Reduce(tuple(axis + 1 for axis in self.axes), self.computation)
        return bind(primitive, *operands, *args[half:]), [0] * half

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.reduce` with the program as its body."""
        scalars = self.computation.in_types
        result = builder.emit(
            "reduce",
            args,
            regions=[
                (
                    scalars,
                    lambda *pair: builder.inline(self.computation, pair),
                )
            ],
            dimensions=mlir.int_array(self.axes),
        )
        return result if len(builder.out_types) > 1 else [result]


_MONOIDS: dict[type, type] = {
    _arithmetic.Add: ReduceSum,
    _arithmetic.Mul: ReduceProd,
    _arithmetic.Max: ReduceMax,
    _arithmetic.Min: ReduceMin,
    _bitwise.And: ReduceAnd,
    _bitwise.Or: ReduceOr,
    _bitwise.Xor: ReduceXor,
}
