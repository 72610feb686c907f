"""The operations of kernel programs that know what a `Ref` is.

A `Ref` is a value that changes. In the program each change makes a new value: `Store`
takes the old block and gives the new one, `When` and `Loop` take and give the blocks of
all refs that can be written. So a kernel's body is an ordinary program, and a lowering
may treat these four as what they mean (the interpreter does) or expand them (XLA's
does).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import dolmen.core as dc
from dolmen.core import lax
from dolmen.core.extend import (
    ArrayType,
    Primitive,
    Program,
    array_type,
    evaluate,
    record,
)


class Window(NamedTuple):
    """A rectangular part of a block.

    Attributes:
        starts: first index along each axis; None where an operand says it.
        sizes: number of elements along each axis.
        kept: the axes that loaded and stored values have.
    """

    starts: tuple[int | None, ...]
    sizes: tuple[int, ...]
    kept: tuple[int, ...]

    @property
    def value_shape(self) -> tuple[int, ...]:
        """Shape of the values loaded and stored."""
        return tuple(self.sizes[axis] for axis in self.kept)

    def all_starts(self, dynamic: Sequence[Any]) -> list[Any]:
        """Static and dynamic starts together."""
        rest = iter(dynamic)
        return [next(rest) if start is None else start for start in self.starts]


class _Expanded(Primitive):
    """An operation with a definition in terms of core's operations."""

    def expand(self, args: Sequence[Any]) -> Any:
        """The definition."""
        raise self._missing("expand")

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        outs = dc.vmap(lambda *a: self.expand(a), in_axes=tuple(axes))(*args)
        return outs, [0] * len(outs) if self.multiple_results else 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        def flat(*values: Any) -> Sequence[Any]:
            outs = self.expand(values)
            return outs if self.multiple_results else (outs,)

        program, captures = record(flat, builder.in_types, with_frames=False)
        assert not captures, captures
        outs = builder.inline(program, args)
        return outs if self.multiple_results else outs[0]


class Load(_Expanded):
    """Reads a window of a block: arguments are the block and the dynamic starts."""

    window: Window

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        return array_type(self.window.value_shape, arg_types[0].dtype)

    def expand(self, args: Sequence[Any]) -> Any:
        block, *dynamic = args
        sizes = self.window.sizes
        starts = self.window.all_starts(dynamic)
        if dynamic:
            block = lax.dynamic_slice(
                block,
                starts,
                sizes,
                allow_negative_indices=False,
            )
        elif sizes != block.shape:
            limits = [start + size for start, size in zip(starts, sizes, strict=True)]
            block = lax.slice(block, starts, limits)
        return lax.reshape(block, self.window.value_shape)


class Store(_Expanded):
    """Writes a window of a block: arguments are block, value, dynamic starts."""

    window: Window

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        return arg_types[0]

    def expand(self, args: Sequence[Any]) -> Any:
        block, value, *dynamic = args
        value = lax.reshape(value, self.window.sizes)
        if self.window.sizes == block.shape and not dynamic:
            return value
        return lax.dynamic_update_slice(
            block,
            value,
            self.window.all_starts(dynamic),
            allow_negative_indices=False,
        )


class When(_Expanded):
    """Runs `body` if a predicate holds.

    Arguments are the predicate, the body's captures, and the blocks; results the
    blocks.
    """

    interned = False
    multiple_results = True

    body: Program
    num_captures: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.body.out_types

    def expand(self, args: Sequence[Any]) -> Any:
        predicate, *rest = args
        return lax.cond(
            predicate,
            lambda *a: tuple(evaluate(self.body, a)),
            lambda *a: a[self.num_captures :],
            *rest,
        )


class Loop(_Expanded):
    """Runs `body` for each integer from a lower to (without it) an upper bound.

    Arguments are the bounds, the body's captures, and the blocks; results the blocks.
    The body takes its captures, the integer, and the blocks.
    """

    interned = False
    multiple_results = True

    body: Program
    num_captures: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.body.out_types

    def expand(self, args: Sequence[Any]) -> Any:
        lower, upper, *rest = args
        captures, blocks = rest[: self.num_captures], rest[self.num_captures :]
        return lax.fori_loop(
            lower,
            upper,
            lambda i, state: tuple(evaluate(self.body, [*captures, i, *state])),
            tuple(blocks),
        )
