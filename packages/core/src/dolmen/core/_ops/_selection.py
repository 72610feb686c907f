"""Choosing elementwise between arrays."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, Primitive, array_type, type_error, value_error
from .._tracing import bind, typeof
from . import _arithmetic, _bitwise, _comparison
from ._elementwise import (
    align_batch,
    check_kind,
    common_dtype,
    common_shape,
    constant_like,
    is_linear,
    stretch_like,
    stretched,
    unstretch,
)

_BOOL = np.dtype(bool)


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """Elements of `on_true` where `pred` holds, of `on_false` elsewhere.

    Args:
        pred: boolean, of the shape of the cases or without axes.
        on_true: any dtype.
        on_false: shape and dtype of `on_true`.

    Returns:
        An array like `on_true`.

    Raises:
        TypeError: `pred` is not boolean, or the cases differ in dtype.
        ValueError: the shapes differ.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> x = np.float32([-1.0, 2.0])
        >>> lax.select(x > 0, x, -x)
        Array([1., 2.], dtype=float32)
    """
    return select_n(pred, on_false, on_true)


def select_n(which: Any, *cases: Any) -> Any:
    """Elements of `cases[which]`.

    Args:
        which: boolean (for at most two cases) or int32, of the shape of the cases or
            without axes. An index out of range takes the nearest case.
        *cases: one or more arrays of equal shape and dtype.

    Returns:
        An array like each case.

    Raises:
        TypeError: `which` is of another dtype, or the cases differ in dtype.
        ValueError: there are no cases, or shapes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.select_n(jnp.array([0, 1]), jnp.array([1, 2]), jnp.array([10, 20]))
        Array([ 1, 20], dtype=int32)
    """
    if not cases:
        raise value_error("select_n: expected at least one case, got none.")
    shapes = {typeof(case).shape for case in cases}
    if len(shapes) > 1:
        listed = ", ".join(repr(typeof(case)) for case in cases)
        raise value_error(
            f"select_n: cases must have equal shapes, got {listed}.",
            "Broadcast them first, or use `jnp.where`, which broadcasts.",
        )
    shape = typeof(which).shape
    if shape and shape not in shapes:
        raise value_error(
            f"select_n: `which` must have the shape of the cases or none, got "
            f"{typeof(which)!r} for cases {typeof(cases[0])!r}.",
            "Broadcast it first, or use `jnp.where`, which broadcasts.",
        )
    return bind(SelectN(), which, *cases)


def choose(pred: Any, on_true: Any, on_false: Any) -> Any:
    """`select` for rules: operands without axes stretch to the others' shape."""
    return bind(SelectN(), pred, on_false, on_true)


class SelectN(Primitive):
    """`cases[which]`, elementwise; operands without axes stretch."""

    cheap: ClassVar[bool] = True

    def fuses(self) -> bool:
        return True

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """One choice for each element."""
        return max(type.size for type in arg_types)

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the cases."""
        which, *cases = arg_types
        dtype = common_dtype(self.name, cases)
        is_index = which.dtype == np.int32
        if not is_index and (which.dtype != _BOOL or len(cases) > 2):
            expected = "int32" if len(cases) > 2 else "boolean or int32"
            raise type_error(
                f"select_n: `which` must be {expected} for {len(cases)} cases, got "
                f"{which!r}.",
                "Convert it with `.astype(...)` first.",
            )
        weak = all(case.weak_type for case in cases)
        return array_type(common_shape(self.name, arg_types), dtype, weak)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear in the cases."""
        which, *_ = primals
        out = bind(self, *primals)
        zero = constant_like(out, 0)
        parts = [zero if t is None else t for t in tangents[1:]]
        if all(t is None for t in tangents[1:]):
            return out, None
        return out, stretch_like(bind(self, which, *parts), out)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Each case gets the cotangent of the places it was chosen for."""
        (ct,) = cotangents
        which, *cases = args
        results = [None]
        for index, case in enumerate(cases):
            if not is_linear(case):
                results.append(None)
                continue
            zero = constant_like(ct, 0)
            masks = [ct if i == index else zero for i in range(len(cases))]
            results.append(
                unstretch(stretch_like(bind(self, which, *masks), ct), case.type)
            )
        return results

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """All operands get the batch axis; those without axes stretch by themselves."""
        aligned, axis = align_batch(args, axes)
        return bind(self, *aligned), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.select`, in a binary search over the cases if there are many."""
        (out,) = builder.out_types
        which, *cases = args
        # `stablehlo.select` itself stretches a predicate without axes.
        cases = stretched(builder, cases, builder.in_types[1:])
        if len(cases) == 1:
            return cases[0]
        if builder.in_types[0].dtype == _BOOL:
            return builder.emit("select", (which, cases[1], cases[0]))
        index_type = builder.in_types[0]

        def search(offset: int, cases: Sequence[Any]) -> Any:
            if len(cases) == 1:
                return cases[0]
            middle = len(cases) // 2
            bound = builder.constant(offset + middle, index_type)
            first = builder.compare("LT", which, bound, index_type, "SIGNED")
            low = search(offset, cases[:middle])
            high = search(offset + middle, cases[middle:])
            return builder.emit("select", (first, low, high), (out,))

        return search(0, cases)


def clamp(min: Any, x: Any, max: Any) -> Any:
    """`x` limited to the interval from `min` to `max`; NaN stays NaN.

    Args:
        min: of the dtype of `x`; its shape, or none.
        x: any dtype but complex.
        max: of the dtype of `x`; its shape, or none.

    Returns:
        An array like `x`. The derivative goes to the bound where `x` is beyond it;
        where `x` equals a bound it is zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.clamp(0.0, jnp.array([-1.0, 0.5, 2.0]), 1.0)
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    shape = typeof(x).shape
    for name, bound in (("min", min), ("max", max)):
        if typeof(bound).shape not in ((), shape):
            raise value_error(
                f"clamp: `{name}` must have the shape of `x` or none, got "
                f"{typeof(bound)!r} for {typeof(x)!r}.",
                "Broadcast it first, or use `jnp.clip`, which broadcasts.",
            )
    return bind(Clamp(), min, x, max)


class Clamp(Primitive):
    """`minimum(maximum(min, x), max)`."""

    cheap: ClassVar[bool] = True

    def fuses(self) -> bool:
        return True

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """Two comparisons for each element."""
        return 2 * arg_types[1].size

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operand."""
        dtype = common_dtype(self.name, arg_types)
        check_kind(self.name, arg_types[1], "biuf")
        weak = all(t.weak_type for t in arg_types)
        return array_type(common_shape(self.name, arg_types), dtype, weak)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The derivative goes to the operand that is the result."""
        low, x, high = primals
        out = bind(self, *primals)
        # Where `x` equals a bound no operand has a derivative, as in JAX.
        below = _both(_comparison.lt(x, low), _comparison.lt(low, high))
        inside = _both(_comparison.lt(low, x), _comparison.lt(x, high))
        crossed = _comparison.lt(high, low)
        above = _bitwise.bitwise_or(_comparison.lt(high, x), crossed)
        zero = constant_like(out, 0)
        total = None
        for mask, tangent in zip((below, inside, above), tangents, strict=True):
            if tangent is not None:
                part = choose(mask, tangent, zero)
                total = part if total is None else _arithmetic.add(total, part)
        assert total is not None
        return out, stretch_like(total, out)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """Bounds without axes stretch by themselves."""
        aligned, axis = align_batch(args, axes)
        return bind(self, *aligned), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Bounds without axes stay scalars: `stablehlo.clamp` stretches them."""
        return builder.emit("clamp", stretched(builder, args))


def _both(a: Any, b: Any) -> Any:
    return _bitwise.bitwise_and(a, b)
