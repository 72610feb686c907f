"""Reduction by a function of the caller's."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from .._backend import pytree
from .._ir import ArrayType, Primitive, Program, array_type, type_error, value_error
from .._lowering import mlir
from .._tracing import bind, record_closed, typeof
from . import _arithmetic, _bitwise, _conversion, _reductions, _shape


def reduce(
    operands: Any,
    init_values: Any,
    computation: Callable[[Any, Any], Any],
    dimensions: Sequence[int],
    out_sharding: None = None,
) -> Any:
    """Reduction by a function of the caller's.

    Args:
        operands: an array or a tree of arrays of equal shape.
        init_values: a tree like `operands` of scalars, neutral for `computation`: they
            may enter the result any number of times.
        computation: combines two trees of scalars; associative and commutative.
        dimensions: which axes to reduce; they disappear.
        out_sharding: must be None.

    Returns:
        A tree like `operands`. Where `computation` is one of `lax.add`, `mul`, `max`,
        `min` and the bitwise operations, this is `reduce_sum` and so on; other
        functions have no derivative.

    Raises:
        TypeError: a dtype of `init_values`, or of what `computation` returns, is not
            that of the operand.
        ValueError: the operands differ in shape, or the trees do not match.
    """
    if out_sharding is not None:
        raise _shape.sharding_error("reduce", "out_sharding", out_sharding)
    leaves, tree = pytree.PUBLIC.flatten(operands)
    inits, init_tree = pytree.PUBLIC.flatten(init_values)
    if tree != init_tree:
        raise value_error(
            f"reduce: `init_values` must be a tree like `operands`, got {init_tree} "
            f"for {tree}."
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
            f"reduce: each of `init_values` must be a scalar of its operand's dtype, "
            f"got {found!r} for {type!r}.",
            "Convert it with `.astype(...)` first.",
        )
    return _conversion.convert_element_type(init, type.dtype)


_MONOIDS: dict[type, type] = {
    _arithmetic.Add: _reductions.ReduceSum,
    _arithmetic.Mul: _reductions.ReduceProd,
    _arithmetic.Max: _reductions.ReduceMax,
    _arithmetic.Min: _reductions.ReduceMin,
    _bitwise.And: _reductions.ReduceAnd,
    _bitwise.Or: _reductions.ReduceOr,
    _bitwise.Xor: _reductions.ReduceXor,
}

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
        kept = _reductions.kept_axes(operands[0].ndim, self.axes)
        shape = tuple(operands[0].shape[axis] for axis in kept)
        return [array_type(shape, type.dtype) for type in operands]

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """The function's operations, for each element but the first of every sum."""
        count = max(arg_types[0].size - self.infer_type(arg_types)[0].size, 0)
        steps = self.computation.equations
        each = [s.primitive.cost([a.type for a in s.inputs]) or 0 for s in steps]
        return count * sum(each)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Unknown for a function that is no known monoid."""
        raise NotImplementedError(
            "reduce: a reduction by a function other than `lax.add`, `lax.mul`, "
            "`lax.max` or `lax.min` has no derivative. Express it through "
            "`reduce_sum`, `reduce_max` and the like, or as a `lax.scan`."
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
