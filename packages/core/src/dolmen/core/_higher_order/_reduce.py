"""Reduction by a function of the caller's."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Primitive, Program, array_type
from .._lowering import mlir
from .._ops import _arithmetic, _bitwise, _reductions, _shape, _slicing
from .._tracing import bind, record_closed, typeof
from .._transforms import Linearization, batch_size, to_front
from ._call import Jit
from ._combination import as_operands, combination, mapped, only_primitive


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
        `min` and the bitwise operations, this is `reduce_sum` and so on. The derivative
        of other functions takes a logarithmic number of steps.

    Raises:
        TypeError: a dtype of `init_values`, or of what `computation` returns, is not
            that of the operand.
        ValueError: the operands differ in shape, or the trees do not match.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce(jnp.array([3, 1, 2]), 0, lax.add, (0,))
        Array(6, dtype=int32)
    """
    if out_sharding is not None:
        raise _shape.sharding_error("reduce", "out_sharding", out_sharding)
    given = as_operands("reduce", operands, init_values)
    ndim = given.types[0].ndim
    axes = tuple(sorted(_shape.as_axes("reduce", dimensions, ndim)))
    program = combination("reduce", computation, given)
    combine = only_primitive(program)
    reduction = _MONOIDS.get(type(combine))
    if combine is not None and reduction is not None:
        made = bind(reduction(axes), *given.leaves)
        return given.tree.unflatten([bind(combine, given.inits[0], made)])
    # The program holds the compiled code, so the primitive may live as long.
    primitive = program.derived.get(("reduce", axes))
    if primitive is None:
        primitive = program.derived["reduce", axes] = Reduce(axes, program)
    return given.tree.unflatten(bind(primitive, *given.leaves, *given.inits))


_MONOIDS: dict[type, type] = {
    _arithmetic.Add: _reductions.ReduceSum,
    _arithmetic.Mul: _reductions.ReduceProd,
    _arithmetic.Max: _reductions.ReduceMax,
    _arithmetic.Min: _reductions.ReduceMin,
    _bitwise.And: _reductions.ReduceAnd,
    _bitwise.Or: _reductions.ReduceOr,
    _bitwise.Xor: _reductions.ReduceXor,
}


class Reduce(Primitive):
    """Reduction by a program on scalars, of operands and what they start with.

    What the operation can't do is left to another program, which spells it out.
    """

    multiple_results = True
    interned = False

    axes: tuple[int, ...]
    computation: Program

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        """Without the axes."""
        half = len(arg_types) // 2
        operands = arg_types[:half]
        kept = _reductions.kept_axes(operands[0].ndim, self.axes)
        shape = tuple(operands[0].shape[axis] for axis in kept)
        return [
            array_type(shape, x.dtype, x.weak_type and init.weak_type)
            for x, init in zip(operands, arg_types[half:], strict=True)
        ]

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """The function's operations, for each element but the first of every sum."""
        count = max(arg_types[0].size - self.infer_type(arg_types)[0].size, 0)
        steps = self.computation.equations
        each = [s.primitive.cost([a.type for a in s.inputs]) or 0 for s in steps]
        return count * sum(each)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Of the program that spells it out."""
        return self._call([typeof(x) for x in primals]).jvp(primals, tangents)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        """Of the program that spells it out."""
        return self._call(arg_types).linearize(arg_types, active)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The reduced axes make way for the batch axis."""
        half, size = len(args) // 2, batch_size(args, axes)
        if any(axis is not None for axis in axes[half:]):
            types = [
                array_type(_without(t.shape, axis), t.dtype, t.weak_type)
                for t, axis in zip(map(typeof, args), axes, strict=True)
            ]
            return self._call(types).batch(args, axes)
        pairs = zip(args[:half], axes[:half], strict=True)
        operands = [to_front(x, axis, size) for x, axis in pairs]
        made = Reduce(tuple(axis + 1 for axis in self.axes), self.computation)
        return bind(made, *operands, *args[half:]), [0] * half

    def _call(self, types: Sequence[ArrayType]) -> Jit:
        """A call of the program that spells it out, recorded once."""
        key = ("spelled out", *types)
        found = self.derived.get(key)
        if found is None:
            program = record_closed(self._spelled_out, list(types))
            found = self.derived[key] = Jit(program)
        return found

    def _spelled_out(self, *args: Any) -> list[Any]:
        """Halves combined with each other, until one element is left."""
        operands, inits = args[: len(args) // 2], args[len(args) // 2 :]
        shape = typeof(operands[0]).shape
        kept = _reductions.kept_axes(len(shape), self.axes)
        out = tuple(shape[axis] for axis in kept)
        rest, size = math.prod(out), math.prod(shape[axis] for axis in self.axes)
        rows = [
            _shape.reshape(_shape.transpose(x, (*self.axes, *kept)), (size, rest))
            for x in operands
        ]
        made = [_shape.broadcast(init, (1, rest)) for init in inits]
        while size > 1:
            if size % 2:
                last = [_slicing.slice_in_dim(x, size - 1, size) for x in rows]
                made = mapped(self.computation, (*made, *last))
            size //= 2
            halves = [
                _slicing.slice_in_dim(x, start, start + size)
                for start in (0, size)
                for x in rows
            ]
            rows = mapped(self.computation, halves)
        if size:
            made = mapped(self.computation, (*made, *rows))
        return [_shape.reshape(x, out) for x in made]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.reduce` with the program as its body."""

        def body(*pair: Any) -> Sequence[Any]:
            return builder.inline(self.computation, pair)

        # Devices combine their parts by operations that they know, not by programs.
        count = len(args) // 2
        whole = [builder.whole(x, self.axes) for x in args[:count]]
        made = builder.emit(
            "reduce",
            [*whole, *args[count:]],
            regions=[(self.computation.in_types, body)],
            dimensions=mlir.int_array(self.axes),
        )
        return made if len(builder.out_types) > 1 else [made]


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])
