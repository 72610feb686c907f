"""The target of every XLA backend: grid dimensions become batch axes or a loop.

Steps along a dimension that no two of them share an output block in are computed at
once: the axis it cuts is split into (blocks, block), and the blocks become a batch
axis. The other dimensions become one loop in which only outputs are carried, updated in
place. With `vmap` over what can be batched XLA sees whole arrays and fuses as it likes;
a loop over small blocks costs up to a hundred times more (every step is a few tiny
operations).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.extend import evaluate

from ._kernel import PARALLEL, Kernel, Operand


def run(kernel: Kernel, arrays: Sequence[Any]) -> list[Any]:
    """The kernel in terms of core's operations."""
    plan = _Plan(kernel)
    if kernel.num_steps == 0:
        return [lax.full(t.shape, 0, t.dtype) for t in kernel.out_types]
    inputs = [layout.split(a) for layout, a in zip(plan.inputs, arrays, strict=True)]
    state = tuple(layout.zeros() for layout in plan.outputs)
    step = plan.batched_step()

    def one(number: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(step(plan.loop_ids(number), plan.batch_ids(), inputs, state))

    if plan.num_iterations == 1:
        state = one(0, state)
    else:
        state = lax.fori_loop(0, plan.num_iterations, one, state)
    return [
        layout.join(value) for layout, value in zip(plan.outputs, state, strict=True)
    ]


def _is_batchable(kernel: Kernel, dimension: int) -> bool:
    """Whether steps along a dimension touch blocks of their own, found by reshaping."""
    extent = kernel.grid[dimension]
    if kernel.semantics[dimension] != PARALLEL or extent == 1:
        return False
    for operand in kernel.outputs:
        axis = operand.axis_of(dimension)
        if axis is None or operand.counts[axis] != extent:
            return False
    for operand in kernel.inputs:
        axis = operand.axis_of(dimension)
        if axis is None and operand.depends_on(dimension):
            return False
        if axis is not None and operand.counts[axis] < extent:
            return False
    return True


class _Plan:
    """Which grid dimensions are batch axes, and how operands are laid out for that."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        dimensions = range(len(kernel.grid))
        self.batched = [d for d in dimensions if _is_batchable(kernel, d)]
        self.looped = [d for d in dimensions if d not in self.batched]
        self.num_iterations = int(np.prod([kernel.grid[d] for d in self.looped]))
        self.inputs = [_Layout(o, self.batched, kernel.grid) for o in kernel.inputs]
        self.outputs = [_Layout(o, self.batched, kernel.grid) for o in kernel.outputs]

    def loop_ids(self, number: Any) -> list[Any]:
        """Grid indices of an iteration along the looped dimensions."""
        ids: list[Any] = []
        for dimension in reversed(self.looped):
            extent = self.kernel.grid[dimension]
            if extent == 1:
                ids.append(np.int32(0))
            elif extent == self.num_iterations:
                ids.append(number)
            else:
                ids.append(lax.rem(number, np.int32(extent)))
                number = lax.div(number, np.int32(extent))
        return ids[::-1]

    def batch_ids(self) -> list[Any]:
        """All grid indices along each batched dimension."""
        return [lax.iota(np.dtype("int32"), self.kernel.grid[d]) for d in self.batched]

    def batched_step(self) -> Any:
        """One step over all batched dimensions, the first one outermost."""
        step = self._step
        for level in reversed(range(len(self.batched))):
            dimension = self.batched[level]
            ids = [0 if i == level else None for i in range(len(self.batched))]
            inputs = [0 if dimension in o.axes else None for o in self.inputs]
            outputs = tuple(0 for _ in self.outputs)
            step = dc.vmap(step, in_axes=(None, ids, inputs, outputs))
        return step

    def _step(
        self,
        loop_ids: Sequence[Any],
        batch_ids: Sequence[Any],
        inputs: Sequence[Any],
        state: Sequence[Any],
    ) -> tuple[Any, ...]:
        kernel = self.kernel
        by_dimension = dict(zip(self.looped, loop_ids, strict=True))
        by_dimension |= dict(zip(self.batched, batch_ids, strict=True))
        ids = [by_dimension[d] for d in range(len(kernel.grid))]
        blocks = [
            layout.read(view, ids)
            for layout, view in zip(self.inputs, inputs, strict=True)
        ]
        for number, layout in enumerate(self.outputs):
            if kernel.reads_output(number):
                blocks.append(layout.read(state[number], ids))
            else:
                type = layout.operand.ref_type
                blocks.append(lax.full(type.shape, 0, type.dtype))
        results = evaluate(kernel.body, [*ids, *blocks])
        return tuple(
            layout.write(view, ids, result)
            for layout, view, result in zip(self.outputs, state, results, strict=True)
        )


class _Layout:
    """An operand with its batched axes split off to the front.

    Attributes:
        axes: for each batched dimension that cuts the operand, the axis it cuts.
    """

    def __init__(
        self, operand: Operand, batched: Sequence[int], grid: tuple[int, ...]
    ) -> None:
        self.operand = operand
        self.axes: dict[int, int] = {}
        for dimension in batched:
            axis = operand.axis_of(dimension)
            if axis is not None:
                self.axes[dimension] = axis
        self.extents = {axis: grid[d] for d, axis in self.axes.items()}
        self.padded = tuple(
            count * size
            for count, size in zip(operand.counts, operand.sizes, strict=True)
        )
        # What one batched step sees: split axes have the size of a block.
        self.view = tuple(
            operand.sizes[axis] if axis in self.extents else size
            for axis, size in enumerate(self.padded)
        )

    def zeros(self) -> Any:
        """A new array in this layout."""
        shape = (*self.extents.values(), *self.view)
        return lax.full(shape, 0, self.operand.type.dtype)

    def split(self, array: Any) -> Any:
        """The operand's array in this layout; elements beyond its edge are zeros."""
        shape = self.operand.type.shape
        config = [(0, p - n, 0) for p, n in zip(self.padded, shape, strict=True)]
        if any(high for _, high, _ in config):
            zero = np.zeros((), self.operand.type.dtype)
            array = lax.pad(array, zero, config)
        if not self.extents:
            return array
        # Input axes may have more blocks than the grid has steps.
        limits = [
            self.extents[axis] * self.operand.sizes[axis] if axis in self.extents else n
            for axis, n in enumerate(self.padded)
        ]
        array = lax.slice(array, [0] * len(limits), limits)
        array = lax.reshape(array, self._interleaved())
        return lax.transpose(array, self._permutation())

    def join(self, value: Any) -> Any:
        """The operand's array from this layout."""
        if self.extents:
            value = lax.transpose(value, np.argsort(self._permutation()).tolist())
            value = lax.reshape(value, self.padded)
        shape = self.operand.type.shape
        return lax.slice(value, [0] * len(shape), shape)

    def _interleaved(self) -> tuple[int, ...]:
        """The shape with (blocks, block) in place of each split axis."""
        sizes: list[int] = []
        for axis, size in enumerate(self.view):
            sizes += [self.extents[axis], size] if axis in self.extents else [size]
        return tuple(sizes)

    def _permutation(self) -> list[int]:
        """From the interleaved axes to split ones first."""
        position, front, rest = 0, {}, []
        for axis in range(len(self.view)):
            if axis in self.extents:
                front[axis] = position
                position += 1
            rest.append(position)
            position += 1
        return [front[axis] for axis in self.extents] + rest

    def _starts(self, ids: Sequence[Any]) -> list[Any]:
        """Where a step's block starts in its view."""
        indices = evaluate(self.operand.index_map, ids)
        starts: list[Any] = []
        for axis, index in enumerate(indices):
            size = self.operand.sizes[axis]
            if axis in self.extents or self.view[axis] == size:
                starts.append(np.int32(0))
            else:
                starts.append(lax.mul(jnp.asarray(index, "int32"), np.int32(size)))
        return starts

    def read(self, view: Any, ids: Sequence[Any]) -> Any:
        """The block of a step, without squeezed axes."""
        if self.view != self.operand.sizes:
            view = lax.dynamic_slice(
                view,
                self._starts(ids),
                self.operand.sizes,
                allow_negative_indices=False,
            )
        return lax.reshape(view, self.operand.ref_type.shape)

    def write(self, view: Any, ids: Sequence[Any], block: Any) -> Any:
        """`view` with the block of a step replaced."""
        block = lax.reshape(block, self.operand.sizes)
        if self.view == self.operand.sizes:
            return block
        return lax.dynamic_update_slice(
            view, block, self._starts(ids), allow_negative_indices=False
        )
