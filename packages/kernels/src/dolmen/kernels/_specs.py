"""How a kernel's arrays are cut into blocks: grids, block specs, dynamic slices."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

Grid = int | Sequence[int]


@dataclasses.dataclass(frozen=True)
class BlockSpec:
    """Which block of an array each grid step sees.

    Elements of a block beyond the edge of its array are undefined when read and dropped
    when written.

    Args:
        block_shape: a size for each axis of the array; None for an axis of which each
            step sees one element and the `Ref` has no axis. By default the whole array.
        index_map: from the grid indices to the block's index along each axis, counted
            in blocks. By default always the first block.

    Example:
        >>> from dolmen import kernels
        >>> rows = kernels.BlockSpec((8, 128), lambda i: (i, 0))
        >>> rows.block_shape
        (8, 128)
    """

    block_shape: Sequence[int | None] | None = None
    index_map: Callable[..., Any] | None = None


@dataclasses.dataclass(frozen=True)
class GridSpec:
    """A grid with the block specs that go with it.

    Args:
        grid: number of steps along each dimension.
        in_specs: one `BlockSpec` (or None) for each input.
        out_specs: one for each output, or a single one for a single output.
    """

    grid: Grid = ()
    in_specs: Sequence[BlockSpec | None] | None = None
    out_specs: BlockSpec | Sequence[BlockSpec | None] | None = None


@dataclasses.dataclass(frozen=True)
class Slice:
    """`size` neighboring elements from `start` on, which may be a traced integer."""

    start: Any
    size: int


def ds(start: Any, size: int) -> Slice:
    """An index of `size` elements from `start` on, for `ref[ds(start, size)]`.

    Args:
        start: an integer, possibly traced.
        size: a Python integer.

    Example:
        >>> from dolmen import kernels
        >>> kernels.ds(4, 2)
        Slice(start=4, size=2)
    """
    return Slice(start, size)


def cdiv(a: int, b: int) -> int:
    """`a / b` rounded up: how many blocks of `b` elements cover `a` elements.

    Example:
        >>> from dolmen import kernels
        >>> kernels.cdiv(10, 4)
        3
    """
    return -(-a // b)
