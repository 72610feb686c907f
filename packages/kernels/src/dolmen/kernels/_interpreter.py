"""The target that checks: one grid step after the other, on NumPy arrays.

Output blocks start poisoned, and every element remembers whether it was written. What
would be silently wrong on some device is an error here: reading what nobody wrote,
blocks and windows out of bounds, parallel steps that write the same block, blocks that
are left and come back to (a device that keeps a block on chip has dropped it by then),
elements never written. Accesses inside the functions of `lax` control flow are not
checked; those inside `when` and `loop` are.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from dolmen.core.extend import Program, bind, error_message

from ._kernel import PARALLEL, Kernel, Operand
from ._operations import Load, Loop, Store, When, Window


class KernelError(RuntimeError):
    """The checked interpreter found a mistake in a kernel."""


def run(kernel: Kernel, arrays: Sequence[Any]) -> list[np.ndarray]:
    """Run a kernel on concrete arrays, checking every step.

    Raises:
        KernelError: the kernel makes a mistake of those that the module describes.
    """
    inputs = [
        _padded(operand, np.asarray(array))
        for operand, array in zip(kernel.inputs, arrays, strict=True)
    ]
    outputs = [_Output(kernel, operand) for operand in kernel.outputs]
    for step in itertools.product(*map(range, kernel.grid)):
        _run_step(kernel, step, inputs, outputs)
    return [output.finished() for output in outputs]


def _run_step(
    kernel: Kernel,
    step: tuple[int, ...],
    inputs: Sequence[np.ndarray],
    outputs: Sequence["_Output"],
) -> None:
    values: list[Any] = [np.int32(index) for index in step]
    for operand, array in zip(kernel.inputs, inputs, strict=True):
        index = _block_index(kernel, operand, step)
        values.append(array[_region(operand, index)])
    blocks = [output.block_at(step) for output in outputs]
    _Step(kernel, step).run(kernel.body, [*values, *blocks])
    for output, block in zip(outputs, blocks, strict=True):
        if block.stored:
            output.note_write(block.index, step)


def poison(dtype: np.dtype) -> Any:
    """What memory nobody wrote holds: NaN, the least integer, True."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max
    return True if dtype.kind == "b" else np.nan


def _padded(operand: Operand, array: np.ndarray) -> np.ndarray:
    """The array up to whole blocks, poisoned beyond its edge."""
    shape = tuple(c * s for c, s in zip(operand.counts, operand.sizes, strict=True))
    made = np.full(shape, poison(array.dtype), array.dtype)
    made[tuple(map(slice, array.shape))] = array
    return made


def _block_index(
    kernel: Kernel, operand: Operand, step: tuple[int, ...]
) -> tuple[int, ...]:
    found = _Step(kernel, step).run(operand.index_map, [np.int32(i) for i in step])
    index = tuple(int(i) for i in found)
    if all(0 <= i < n for i, n in zip(index, operand.counts, strict=True)):
        return index
    raise KernelError(
        f"kernel_call of {kernel.name}: {operand.role}: block {index} at grid step "
        f"{step} is out of bounds: {operand.type!r} has {operand.counts} blocks of "
        f"shape {operand.sizes}.\n  at {operand.place}\nCorrect the index map or the "
        "grid."
    )


def _region(operand: Operand, index: tuple[int, ...]) -> tuple[Any, ...]:
    """Where a block lies in its array; squeezed axes are integers."""
    return tuple(
        i if size is None else slice(i * size, (i + 1) * size)
        for i, size in zip(index, operand.block, strict=True)
    )


@dataclasses.dataclass
class _Block:
    """A view of an output block during one step.

    Attributes:
        value: elements; changes go to the output.
        written: which elements have been written, in this step or before.
        stored: whether this step wrote any.
    """

    operand: Operand
    index: tuple[int, ...]
    value: np.ndarray
    written: np.ndarray
    stored: bool = False


class _Output:
    """An output array while the grid runs."""

    def __init__(self, kernel: Kernel, operand: Operand) -> None:
        dtype = operand.type.dtype
        self.kernel = kernel
        self.operand = operand
        self.array = _padded(operand, np.full(operand.type.shape, poison(dtype), dtype))
        self.written = np.zeros(self.array.shape, bool)
        self.writers: dict[tuple[int, ...], tuple[int, ...]] = {}
        self.current: tuple[int, ...] | None = None
        self.left_at: dict[tuple[int, ...], tuple[int, ...]] = {}

    def block_at(self, step: tuple[int, ...]) -> _Block:
        index = _block_index(self.kernel, self.operand, step)
        if self.current is not None and index != self.current:
            self.left_at[self.current] = step
        self.current = index
        region = _region(self.operand, index)
        # `...` keeps a view where all axes are squeezed.
        return _Block(
            self.operand,
            index,
            self.array[(*region, ...)],
            self.written[(*region, ...)],
        )

    def note_write(self, index: tuple[int, ...], step: tuple[int, ...]) -> None:
        first = self.writers.setdefault(index, step)
        parallel = [
            d
            for d, semantics in enumerate(self.kernel.semantics)
            if semantics == PARALLEL and first[d] != step[d]
        ]
        if parallel:
            raise self._error(
                f"grid steps {first} and {step} both write block {index}, and they "
                f"differ along dimension {parallel[0]}, which is parallel.",
                "Make the index map depend on that dimension, or declare it "
                "'arbitrary'.",
            )
        if index in self.left_at:
            raise self._error(
                f"grid step {step} comes back to block {index}, which was left at step "
                f"{self.left_at[index]}; the block may have been written out by then.",
                "Make the dimension along which a block is revisited the last one.",
            )

    def finished(self) -> np.ndarray:
        edge = tuple(map(slice, self.operand.type.shape))
        missing = np.argwhere(~self.written[edge])
        if missing.size:
            first = tuple(int(i) for i in missing[0])
            index = tuple(
                i // size for i, size in zip(first, self.operand.sizes, strict=True)
            )
            raise self._error(
                f"{len(missing)} of {self.operand.type.size} elements are never "
                f"written, the first of them {first} in block {index}.",
                "Let the grid and the index map reach every block, and write all of "
                "it.",
            )
        return self.array[edge]

    def _error(self, problem: str, fix: str) -> KernelError:
        return KernelError(
            f"kernel_call of {self.kernel.name}: {self.operand.role}: {problem}\n"
            f"  at {self.operand.place}\n{fix}"
        )


class _Step:
    """Evaluates programs at one step of the grid; blocks of outputs are `_Block`s."""

    def __init__(self, kernel: Kernel, step: tuple[int, ...]) -> None:
        self.kernel = kernel
        self.step = step

    def run(self, program: Program, args: Sequence[Any]) -> list[Any]:
        values: dict[Any, Any] = dict(zip(program.inputs, args, strict=True))

        def value_of(atom: Any) -> Any:
            found = values.get(atom)
            return atom.value if found is None else found  # a literal has its value

        for equation in program.equations:
            primitive = equation.primitive
            inputs = [value_of(atom) for atom in equation.inputs]
            results = self._apply(primitive, inputs, equation.frame)
            if not primitive.multiple_results:
                results = [results]
            values.update(zip(equation.outputs, results, strict=True))
        return [value_of(atom) for atom in program.outputs]

    def _apply(self, primitive: Any, inputs: Sequence[Any], frame: Any) -> Any:
        match primitive:
            case Load(window=window):
                return self._load(window, inputs[0], inputs[1:], frame)
            case Store(window=window):
                return self._store(window, inputs[0], inputs[1], inputs[2:], frame)
            case When(body=body, num_captures=count):
                predicate, *args = inputs
                return self.run(body, args) if bool(predicate) else args[count:]
            case Loop(body=body, num_captures=count):
                captures, blocks = inputs[2 : 2 + count], list(inputs[2 + count :])
                for i in range(int(inputs[0]), int(inputs[1])):
                    blocks = self.run(body, [*captures, np.int32(i), *blocks])
                return blocks
        inputs = [i.value.copy() if isinstance(i, _Block) else i for i in inputs]
        return bind(primitive, *inputs)

    def _load(
        self, window: Window, block: Any, dynamic: Sequence[Any], frame: Any
    ) -> np.ndarray:
        array = block.value if isinstance(block, _Block) else block
        region = self._inside("read", window, array, dynamic, frame)
        if isinstance(block, _Block) and not block.written[region].all():
            raise self._error(
                f"{block.operand.role}: block {block.index} is read at grid step "
                f"{self.step} before it was written.",
                "Initialise it at the first step that sees it, with `when`.",
                frame,
            )
        return np.array(array[region]).reshape(window.value_shape)

    def _store(
        self,
        window: Window,
        block: _Block,
        value: Any,
        dynamic: Sequence[Any],
        frame: Any,
    ) -> _Block:
        region = self._inside("written", window, block.value, dynamic, frame)
        block.value[region] = np.asarray(value).reshape(window.sizes)
        block.written[region] = True
        block.stored = True
        return block

    def _inside(
        self,
        verb: str,
        window: Window,
        array: np.ndarray,
        dynamic: Sequence[Any],
        frame: Any,
    ) -> tuple[slice, ...]:
        """The window as slices, checked to lie inside of its block."""
        starts = [int(start) for start in window.all_starts(dynamic)]
        spans = list(zip(starts, window.sizes, array.shape, strict=True))
        for axis, (start, size, length) in enumerate(spans):
            if start < 0 or start + size > length:
                raise self._error(
                    f"elements {start} to {start + size} along axis {axis} of a block "
                    f"of shape {array.shape} are {verb} at grid step {self.step}; they "
                    "lie outside.",
                    "Correct the start of the slice.",
                    frame,
                )
        return tuple(slice(start, start + size) for start, size, _ in spans)

    def _error(self, problem: str, fix: str, frame: Any) -> KernelError:
        text = f"kernel_call of {self.kernel.name}: {problem}"
        return KernelError(error_message(text, fix, frame=frame))
