"""One buffer of many arrays, and many arrays of one buffer."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, typeof

from ._apart import lowered_apart


def joined(shapes: tuple[tuple[int, ...], ...], pieces: Sequence[Any]) -> Any:
    """One buffer of arrays of these shapes, which may have equal leading axes."""
    dtype = functools.reduce(jnp.promote_types, [typeof(x).dtype for x in pieces])
    pieces = [jnp.asarray(x, dtype) for x in pieces]
    if pieces[0].ndim == len(shapes[0]):
        return extend.bind(_Join(shapes), *pieces)
    return _concatenated(shapes, pieces)


def pieces_of(shapes: tuple[tuple[int, ...], ...], buffer: Any) -> Sequence[Any]:
    """Arrays of these shapes from a buffer, with its leading axes."""
    buffer = jnp.asarray(buffer)
    if buffer.ndim == 1:
        return extend.bind(_Cut(shapes), buffer)
    return _split(shapes, buffer)


def _concatenated(shapes: tuple[tuple[int, ...], ...], pieces: Sequence[Any]) -> Any:
    """A buffer of pieces with equal leading axes before `shapes`."""
    lead = pieces[0].shape[: pieces[0].ndim - len(shapes[0])]
    flat = [
        lax.reshape(x, (*lead, math.prod(shape)))
        for x, shape in zip(pieces, shapes, strict=True)
    ]
    return lax.concatenate(flat, len(lead))


def _split(shapes: tuple[tuple[int, ...], ...], buffer: Any) -> list[Any]:
    *lead, _ = buffer.shape
    parts = lax.split(buffer, [math.prod(shape) for shape in shapes], len(lead))
    return [lax.reshape(x, (*lead, *s)) for x, s in zip(parts, shapes, strict=True)]


class _Cut(extend.Primitive):
    """The pieces of a buffer. Its transpose joins them: no sum of padded pieces."""

    multiple_results = True

    shapes: tuple[tuple[int, ...], ...]

    def infer_type(self, arg_types: Sequence[Any]) -> Sequence[Any]:
        (buffer,) = arg_types
        return [buffer.with_shape(shape) for shape in self.shapes]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return extend.bind(self, *primals), extend.bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (buffer,) = args
        filled = [
            jnp.zeros(shape, buffer.type.dtype) if ct is None else ct
            for ct, shape in zip(cotangents, self.shapes, strict=True)
        ]
        return [extend.bind(_Join(self.shapes), *filled)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (buffer,), (axis,) = args, axes
        pieces = _split(self.shapes, jnp.moveaxis(buffer, axis, 0))
        return pieces, [0] * len(pieces)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (buffer,) = args
        types = list(builder.in_types)
        if builder.platform != "cpu":
            program, _ = extend.record(lambda x: _split(self.shapes, x), types)
            return builder.inline(program, args)
        # A slice that starts at a number is a kernel of its own, which XLA on CPU
        # compiles for 20 ms, or becomes part of every kernel that reads it. A function
        # that is told where to start is the same for all pieces of a shape.
        index = extend.array_type((), jnp.dtype("int32"))
        made: list[Any] = []
        for shape, start in zip(self.shapes, self._starts(), strict=True):
            program = _piece_program(types[0], index, shape)
            place = builder.scalar(start, index.dtype)
            made += builder.call(program, [buffer, place], inlineable=False)
        return made

    def _starts(self) -> list[int]:
        sizes = map(math.prod, self.shapes)
        return [0, *itertools.accumulate(sizes)][: len(self.shapes)]


@functools.cache
def _piece_program(buffer: Any, index: Any, shape: tuple[int, ...]) -> Any:
    def piece(x: Any, start: Any) -> list[Any]:
        return [lax.reshape(lax.dynamic_slice(x, (start,), (math.prod(shape),)), shape)]

    return extend.record(piece, [buffer, index])[0]


class _Join(extend.Primitive):
    """The buffer of some pieces."""

    shapes: tuple[tuple[int, ...], ...]

    def infer_type(self, arg_types: Sequence[Any]) -> Any:
        return arg_types[0].with_shape((sum(map(math.prod, self.shapes)),))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        filled = [
            jnp.zeros_like(x) if t is None else t
            for x, t in zip(primals, tangents, strict=True)
        ]
        return extend.bind(self, *primals), extend.bind(self, *filled)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,) = cotangents
        return extend.bind(_Cut(self.shapes), ct)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        known = [(x, a) for x, a in zip(args, axes, strict=True) if a is not None]
        size = known[0][0].shape[known[0][1]]
        pieces = [
            jnp.broadcast_to(x, (size, *jnp.shape(x)))
            if a is None
            else jnp.moveaxis(x, a, 0)
            for x, a in zip(args, axes, strict=True)
        ]
        return _concatenated(self.shapes, pieces), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        # Or XLA makes it part of the arithmetic around it.
        join = lambda *xs: [_concatenated(self.shapes, xs)]  # noqa: E731
        (made,) = lowered_apart(builder, join, args)
        return made
