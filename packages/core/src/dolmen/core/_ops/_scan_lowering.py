"""Lowering of scans: running combinations along an axis, by an associative operation.

How depends on where they run:

- CPU: a loop over blocks that fit the nearest caches. Several parts of a block are
  scanned side by side, by a loop that XLA compiles as a whole; then what came before
  each part is combined into it. That passes over memory once, and rounding errors grow
  with the number of blocks instead of that of elements. `reduce_window` takes three
  times as much of the processor's time, a tree of strided slices six times. Short rows
  are windows nevertheless: the compiler makes vector code of them.
- elsewhere: doubling. After pass `k` each element combines its `2**k` predecessors, so
  there are `log2(n)` fused passes over the array.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, array_type, dtypes
from .._lowering import mlir

Handles = Sequence[Any]
Combine = Callable[[Any, Handles, Handles, ArrayType], Handles]

# The longest rows that are windows.
_WINDOW = 24
# Up to so many elements along the axis, and in all, doubling takes less time: it is
# fused with its neighbors.
_SHORT = 8
_SMALL = 1024
# Shorter axes are scanned in one piece, beside those of other rows.
_SHORTEST_PARTS = 512
# What hides the latency of a combination: a vector of the processor.
_LANES = 8
# Elements of a block, and of its rows.
_BLOCK = 1 << 14
_ROW = 256


def lower_scan(
    builder: Any,
    combine: Combine,
    identities: Sequence[Callable[[np.dtype], Any]],
    args: Handles,
    axis: int,
    *,
    reverse: bool,
    widens: bool,
    results: Sequence[int] = (0,),
    costly: bool = False,
) -> Handles:
    """Scan operands of one type along `axis`.

    Args:
        combine: emits the combination of two tuples of handles, earlier elements first.
        identities: of each operand, the combination's neutral element.
        widens: combine narrow floating point in float32.
        results: which members of the scanned tuple are wanted. A member of a
            combination's result depends on that member of its first operand alone, as
            far as the first operand is concerned.
        costly: a combination takes longer than loading an element.
    """
    (out,) = builder.out_types
    if not out.size:
        return [args[i] for i in results]
    narrow = dtypes.kind(out.dtype) == "f" and out.dtype.itemsize < 4
    dtype = np.dtype(np.float32) if widens and narrow else out.dtype
    outer, n = math.prod(out.shape[:axis]), out.shape[axis]
    flat = array_type((outer, n, out.size // (outer * n)), dtype)
    if dtype != out.dtype:
        wide = array_type(out.shape, dtype)
        args = [builder.convert(x, wide) for x in args]
    scan = _Scan(builder, combine, [i(dtype) for i in identities], results, reverse)
    flattened = [_reshape(builder, x, flat) for x in args]
    # Narrower elements have no code for windows, or one of their own.
    is_row = flat.shape[2] == 1 < n <= _WINDOW and dtype.itemsize >= 4
    if builder.platform == "cpu" and is_row and len(args) == 1 and not costly:
        scanned = [scan.windows(flattened[0], flat)]
    else:
        scanned = scan(flattened, flat)
    made = [_reshape(builder, x, array_type(out.shape, dtype)) for x in scanned]
    return [builder.convert(x, out) for x in made] if dtype != out.dtype else made


def _reshape(builder: Any, x: Any, type: ArrayType) -> Any:
    return builder.emit("reshape", (x,), (type,))


def _cut(size: int, most: int) -> tuple[int, int]:
    """How many pieces of at most `most` elements there are, and how long they are."""
    count = -(-size // max(most, 1))
    return count, -(-size // count)


class _Scan:
    """Emits scans along the middle one of three axes."""

    def __init__(
        self,
        builder: Any,
        combine: Combine,
        identities: Sequence[Any],
        results: Sequence[int],
        reverse: bool,
    ) -> None:
        self.builder = builder
        self.combine = combine
        self.identities = identities
        self.results = results
        self.reverse = reverse
        self.index = array_type((), np.dtype(np.int32))

    def __call__(self, xs: Handles, type: ArrayType) -> Handles:
        short = type.shape[1] <= (_SHORT if type.size <= _SMALL else 2)
        if self.builder.platform != "cpu" or short:
            scanned = self.doubling(xs, type)
            return [scanned[i] for i in self.results]
        return self.blocks(xs, type)

    # ---- passes over the whole array -----------------------------------------------

    def windows(self, x: Any, type: ArrayType) -> Any:
        """Combine, for each element anew, all up to it: half the square of the axis."""
        n = type.shape[1]
        scalar = array_type((), type.dtype)
        outside = (0, n - 1) if self.reverse else (n - 1, 0)
        return self.builder.emit(
            "reduce_window",
            (x, self.builder.scalar(self.identities[0], type.dtype)),
            (type,),
            regions=[
                (
                    (scalar, scalar),
                    lambda a, b: self.combine(self.builder, [a], [b], scalar),
                )
            ],
            window_dimensions=mlir.int_array((1, n, 1)),
            window_strides=mlir.int_array((1, 1, 1)),
            padding=mlir.int_matrix(np.array([(0, 0), outside, (0, 0)])),
        )

    def doubling(self, xs: Handles, type: ArrayType) -> Handles:
        distance = 1
        while distance < type.shape[1]:
            earlier = self.pad(xs, type, distance, -distance)
            xs = self.combine(self.builder, earlier, xs, type)
            distance *= 2
        return xs

    def pad(self, xs: Handles, type: ArrayType, first: int, last: int) -> Handles:
        """Add identities where the scan begins and where it ends; negative: cut off."""
        low, high = (last, first) if self.reverse else (first, last)
        outer, n, inner = type.shape
        padded = array_type((outer, n + low + high, inner), type.dtype)
        return [
            self.builder.emit(
                "pad",
                (x, self.builder.scalar(identity, type.dtype)),
                (padded,),
                edge_padding_low=mlir.int_array((0, low, 0)),
                edge_padding_high=mlir.int_array((0, high, 0)),
                interior_padding=mlir.int_array((0, 0, 0)),
            )
            for x, identity in zip(xs, self.identities, strict=True)
        ]

    # ---- one pass, block by block --------------------------------------------------

    def blocks(self, xs: Handles, type: ArrayType) -> Handles:
        """Scan blocks one after the other.

        The last block of an axis ends where the axis does and may begin inside the one
        before: it computes the same again, or continues from what is there.
        """
        outer, n, inner = type.shape
        tiles, width = _cut(inner, _ROW)
        lanes = -(-_LANES // width)
        parts = n >= _SHORTEST_PARTS or outer < lanes <= n // 4
        if parts:
            groups, rows = outer, 1
            pieces, length = _cut(n, min(_BLOCK // width, n // 2))
        else:
            groups, rows = _cut(outer, max(lanes, _BLOCK // 8 // (n * width)))
            pieces, length = 1, n
        block = array_type((rows, length, width), type.dtype)
        if block is type:
            scanned = self.loop(xs, type)
            return [scanned[i] for i in self.results]
        arity, index = len(xs), self.index
        kept = [type] * len(self.results)

        def condition(step: Any, *_: Any) -> Handles:
            end = self.number(groups * tiles * pieces)
            return [self.builder.compare("LT", step, end, index, "SIGNED")]

        def body(step: Any, *state: Any) -> Handles:
            xs, ys = state[:arity], state[arity:]
            piece = self.compute("remainder", step, pieces)
            step_outside = self.compute("divide", step, pieces)
            tile = self.compute("remainder", step_outside, tiles)
            group = self.compute("divide", step_outside, tiles)
            # Starts that are too high are lowered by the operations that take them.
            place = [
                self.compute("multiply", group, rows),
                self.compute("multiply", piece, length),
                self.compute("multiply", tile, width),
            ]
            if parts:
                place[1] = self.compute("minimum", place[1], n - length)
            if self.reverse:
                place[1] = self.compute("subtract", self.number(n - length), place[1])
            taken = [self.slice(x, place, block) for x in xs]
            if parts:
                before = self.before(ys, type, place, piece, block)
                made = self.parts(taken, block, lanes, before)
            else:
                made = self.loop(taken, block)
            ys = [
                self.builder.emit("dynamic_update_slice", (y, made[i], *place), (type,))
                for y, i in zip(ys, self.results, strict=True)
            ]
            return [self.compute("add", step, 1), *xs, *ys]

        fresh = [self.builder.constant(self.identities[i], type) for i in self.results]
        types = [index, *[type] * arity, *kept]
        state = self.builder.emit(
            "while",
            (self.number(0), *xs, *fresh),
            types,
            regions=[(types, condition), (types, body)],
        )
        return state[1 + arity :]

    def before(
        self,
        ys: Handles,
        type: ArrayType,
        place: Handles,
        piece: Any,
        block: ArrayType,
    ) -> Handles:
        """The combination of all elements before a block; identities for the first."""
        row = array_type((1, 1, block.shape[2]), type.dtype)
        step = block.shape[1] if self.reverse else -1
        neighbor = [place[0], self.compute("add", place[1], step), place[2]]
        zero = self.number(0)
        first = self.builder.compare("EQ", piece, zero, self.index, "SIGNED")
        found = [self.builder.constant(i, row) for i in self.identities]
        for y, i in zip(ys, self.results, strict=True):
            there = self.slice(y, neighbor, row)
            found[i] = self.builder.emit("select", (first, found[i], there), (row,))
        return found

    def parts(
        self, xs: Handles, type: ArrayType, count: int, before: Handles
    ) -> Handles:
        """Scan one row in parts side by side, behind what came before it.

        Each part continues exactly from the last element of the one before: sums of
        what is not negative never decrease.
        """
        builder, dtype = self.builder, type.dtype
        _, n, width = type.shape
        length = -(-n // count)
        extra = count * length - n
        whole = array_type((1, count * length, width), dtype)
        cut = array_type((count, length, width), dtype)
        padded = self.pad(xs, type, 0, extra) if extra else xs
        scanned = self.loop([_reshape(builder, x, cut) for x in padded], cut)
        # The totals of all parts but the last, behind what came before them.
        heads = array_type((1, count, width), dtype)
        totals = [self.last(x, cut) for x in scanned]
        totals = [_reshape(builder, x, heads) for x in totals]
        totals = self.pad(totals, heads, 0, -1) if count > 1 else []
        if totals:
            pairs = zip(before, totals, strict=True)
            before = [
                builder.emit(
                    "concatenate",
                    (total, head) if self.reverse else (head, total),
                    (heads,),
                    dimension=mlir.integer(1),
                )
                for head, total in pairs
            ]
            before = self.loop(before, heads)
        flat = array_type((count, width), dtype)
        spread = [
            builder.broadcast(_reshape(builder, x, flat), cut, (0, 2)) for x in before
        ]
        made = self.combine(builder, spread, scanned, cut)
        made = [_reshape(builder, x, whole) for x in made]
        return self.pad(made, whole, 0, -extra) if extra else made

    def loop(self, xs: Handles, type: ArrayType) -> Handles:
        """Go along the axis, combining each row with the result before it.

        The results have arrays of their own: the compiler would copy the operands in
        every step if it saw them overwritten while something else may read them.
        """
        outer, n, inner = type.shape
        builder, arity, index = self.builder, len(xs), self.index
        row = array_type((outer, 1, inner), type.dtype)
        types = [index, *[type] * (2 * arity), *[row] * arity]

        def condition(step: Any, *_: Any) -> Handles:
            return [builder.compare("LT", step, self.number(n), index, "SIGNED")]

        def body(step: Any, *state: Any) -> Handles:
            xs, ys, carry = state[:arity], state[arity : 2 * arity], state[-arity:]
            zero, place = self.number(0), step
            if self.reverse:
                place = self.compute("subtract", self.number(n - 1), step)
            rows = [self.slice(x, (zero, place, zero), row) for x in xs]
            carry = self.combine(builder, carry, rows, row)
            ys = [
                builder.emit("dynamic_update_slice", (y, r, zero, place, zero), (type,))
                for y, r in zip(ys, carry, strict=True)
            ]
            return [self.compute("add", step, 1), *xs, *ys, *carry]

        fresh = [builder.constant(identity, type) for identity in self.identities]
        carry = [builder.constant(identity, row) for identity in self.identities]
        state = builder.emit(
            "while",
            (self.number(0), *xs, *fresh, *carry),
            types,
            regions=[(types, condition), (types, body)],
        )
        return state[1 + arity : 1 + 2 * arity]

    # ---- single operations ---------------------------------------------------------

    def number(self, value: int) -> Any:
        return self.builder.constant(value, self.index)

    def compute(self, operation: str, a: Any, b: Any) -> Any:
        """An operation on a scalar index and a number or another index."""
        b = self.number(b) if isinstance(b, int) else b
        return self.builder.emit(operation, (a, b), (self.index,))

    def slice(self, x: Any, start: Handles, type: ArrayType) -> Any:
        return self.builder.emit(
            "dynamic_slice",
            (x, *start),
            (type,),
            slice_sizes=mlir.int_array(type.shape),
        )

    def last(self, x: Any, type: ArrayType) -> Any:
        """The row where the scan ends."""
        outer, n, inner = type.shape
        end = [self.number(i) for i in (0, 0 if self.reverse else n - 1, 0)]
        return self.slice(x, end, array_type((outer, 1, inner), type.dtype))
