"""The kernel IR: a grid, operands cut into blocks, and the program of one step.

A kernel function is traced once to a `Kernel`; every target starts from that.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from dolmen.core.extend import (
    ArrayType,
    Program,
    array_type,
    describe_frame,
    error_message,
    evaluate,
    record,
    typeof,
)

from ._refs import INDEX, KernelContext, Ref, tracing
from ._specs import BlockSpec, cdiv

PARALLEL, ARBITRARY = "parallel", "arbitrary"


@dataclasses.dataclass(frozen=True)
class Operand:
    """An input or output and how it is cut.

    Attributes:
        role: how messages call it: "input 0 (`x_ref`)".
        name: the kernel's parameter.
        type: of the whole array.
        block: a size for each axis; None where a step sees one element and no axis.
        index_map: from grid indices to the index of the block along each axis.
        place: the line of the user's index map, for messages.
    """

    role: str
    name: str
    type: ArrayType
    block: tuple[int | None, ...]
    index_map: Program
    place: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of a block along all axes of the array."""
        return tuple(1 if size is None else size for size in self.block)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many blocks cover each axis."""
        return tuple(map(cdiv, self.type.shape, self.sizes))

    @property
    def ref_type(self) -> ArrayType:
        """Type of the block a kernel sees."""
        shape = tuple(size for size in self.block if size is not None)
        return array_type(shape, self.type.dtype)

    def axis_of(self, dimension: int) -> int | None:
        """The axis cut by this grid dimension alone, if nothing else depends on it."""
        variable = self.index_map.inputs[dimension]
        axes = [i for i, out in enumerate(self.index_map.outputs) if out is variable]
        return axes[0] if len(axes) == 1 and not self._computes_with(variable) else None

    def depends_on(self, dimension: int) -> bool:
        """Whether the block changes along a grid dimension."""
        variable = self.index_map.inputs[dimension]
        return _is_among(variable, self.index_map.outputs) or self._computes_with(
            variable
        )

    def _computes_with(self, variable: Any) -> bool:
        return any(_is_among(variable, e.inputs) for e in self.index_map.equations)


def _is_among(variable: Any, atoms: Sequence[Any]) -> bool:
    """Whether one of `atoms` is `variable`; `in` would compare traced values."""
    return any(atom is variable for atom in atoms)


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A traced kernel.

    Attributes:
        name: of the user's function.
        grid: number of steps along each dimension, the last one running fastest.
        semantics: of each dimension: steps along a parallel one may run in any order or
            at once; along an arbitrary one they run in order.
        inputs: operands read.
        outputs: operands written.
        body: one step: from grid indices, input blocks and output blocks (as they are
            before the step) to output blocks.
    """

    name: str
    grid: tuple[int, ...]
    semantics: tuple[str, ...]
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    body: Program

    @property
    def num_steps(self) -> int:
        """Number of steps of the grid."""
        return math.prod(self.grid)

    @property
    def out_types(self) -> tuple[ArrayType, ...]:
        """Types of the results."""
        return tuple(operand.type for operand in self.outputs)

    def reads_output(self, number: int) -> bool:
        """Whether the body uses what an output's block held before the step."""
        variable = self.body.inputs[len(self.grid) + len(self.inputs) + number]
        return _is_among(variable, self.body.outputs) or any(
            _is_among(variable, equation.inputs) for equation in self.body.equations
        )

    def batched(self, axes: Sequence[int | None], size: int) -> "Kernel":
        """The kernel over a batch, a new leading dimension of the grid.

        Args:
            axes: 0 for each input with a leading batch axis, None for the others.
            size: length of the batch.
        """

        def body(_: Any, *rest: Any) -> list[Any]:
            return evaluate(self.body, rest)

        program, _ = record(body, [INDEX, *self.body.in_types], name=self.name)
        return Kernel(
            self.name,
            (size, *self.grid),
            (PARALLEL, *self.semantics),
            tuple(
                _batched_operand(operand, size, axis is not None)
                for operand, axis in zip(self.inputs, axes, strict=True)
            ),
            tuple(_batched_operand(operand, size, True) for operand in self.outputs),
            program,
        )


def _batched_operand(operand: Operand, size: int, batched: bool) -> Operand:
    def index_map(index: Any, *rest: Any) -> list[Any]:
        inner = evaluate(operand.index_map, rest)
        return [index, *inner] if batched else inner

    types = [INDEX, *operand.index_map.in_types]
    program, _ = record(index_map, types, with_frames=False)
    made = dataclasses.replace(operand, index_map=program)
    if not batched:
        return made
    shape = (size, *operand.type.shape)
    type = array_type(shape, operand.type.dtype)
    return dataclasses.replace(made, type=type, block=(None, *operand.block))


# ---- tracing -------------------------------------------------------------------------


def trace_kernel(
    function: Callable[..., None],
    name: str,
    grid: tuple[int, ...],
    semantics: Sequence[str] | None,
    inputs: Sequence[tuple[ArrayType, BlockSpec | None]],
    outputs: Sequence[tuple[ArrayType, BlockSpec | None]],
) -> Kernel:
    """Check the specs and trace the function of one step.

    Raises:
        TypeError: the function takes another number of refs, or closes over an array;
            an index map takes or gives the wrong things.
        ValueError: a block shape does not fit its array; an output is never written.
    """
    names = _ref_names(function, name, len(inputs), len(outputs))
    ins = tuple(
        _make_operand(f"input {i} (`{names[i]}`)", names[i], type, spec, grid)
        for i, (type, spec) in enumerate(inputs)
    )
    outs = tuple(
        _make_operand(f"output {i} (`{ref}`)", ref, type, spec, grid)
        for i, ((type, spec), ref) in enumerate(
            zip(outputs, names[len(inputs) :], strict=True)
        )
    )
    body = _trace_body(function, name, grid, ins, outs)
    if semantics is None:
        semantics = [
            ARBITRARY if any(out.axis_of(d) is None for out in outs) else PARALLEL
            for d in range(len(grid))
        ]
    return Kernel(name, grid, tuple(semantics), ins, outs, body)


def _ref_names(
    function: Callable[..., None], name: str, num_inputs: int, num_outputs: int
) -> list[str]:
    count = num_inputs + num_outputs
    try:
        signature = inspect.signature(function)
    except ValueError:  # some builtins have none
        return [f"refs[{i}]" for i in range(count)]
    try:
        bound = signature.bind(*range(count)).arguments
    except TypeError:
        raise TypeError(
            error_message(
                f"kernel_call of {name}: the kernel must take {count} refs, "
                f"{num_inputs} of inputs and then {num_outputs} of outputs; its "
                f"signature is {signature}."
            )
        ) from None
    names = []
    for parameter, value in bound.items():
        if isinstance(value, tuple):
            names += [f"{parameter}[{i}]" for i in range(len(value))]
        elif signature.parameters[parameter].kind is not inspect.Parameter.VAR_KEYWORD:
            names.append(parameter)
    return names


def _make_operand(
    role: str, name: str, type: ArrayType, spec: BlockSpec | None, grid: tuple[int, ...]
) -> Operand:
    spec = spec or BlockSpec()
    block = type.shape if spec.block_shape is None else tuple(spec.block_shape)
    if len(block) != type.ndim:
        raise ValueError(
            error_message(
                f"kernel_call: {role}: the block shape must have one size for each "
                f"axis of {type!r}, got {block}.",
                "Use None for an axis of which each step sees one element.",
            )
        )
    for size in block if spec.block_shape is not None else ():
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ValueError(
                error_message(
                    f"kernel_call: {role}: sizes of a block must be positive integers "
                    f"or None, got {block}."
                )
            )
    # An axis without elements is one empty block, counted in blocks of one element.
    block = tuple(size if size is None else max(size, 1) for size in block)
    if spec.index_map is None:

        def index_map(*ids: Any) -> tuple[int, ...]:
            return (0,) * type.ndim

        place = "the default index map"
    else:
        index_map = spec.index_map
        code = getattr(index_map, "__code__", None)
        place = describe_frame((code, 0)) if code else repr(index_map)
    program = _trace_index_map(role, index_map, type, grid)
    return Operand(role, name, type, block, program, place)


def _trace_index_map(
    role: str, index_map: Callable[..., Any], type: ArrayType, grid: tuple[int, ...]
) -> Program:
    try:
        inspect.signature(index_map).bind(*grid)
    except TypeError:
        raise TypeError(
            error_message(
                f"kernel_call: {role}: the index map must take {len(grid)} grid "
                f"indices for the grid {grid}; its signature is "
                f"{inspect.signature(index_map)}."
            )
        ) from None

    def checked(*ids: Any) -> list[Any]:
        with tracing(None):
            result = index_map(*ids)
        indices = list(result) if isinstance(result, tuple | list) else [result]
        if len(indices) != type.ndim:
            raise ValueError(
                error_message(
                    f"kernel_call: {role}: the index map must give one block index for "
                    f"each axis of {type!r}, got {len(indices)}."
                )
            )
        for index in indices:
            given = typeof(index)
            if given.shape != () or given.dtype.kind not in "iu":
                raise TypeError(
                    error_message(
                        f"kernel_call: {role}: the index map must give integers, got "
                        f"{given!r}."
                    )
                )
        return indices

    program, captures = record(checked, [INDEX] * len(grid))
    if captures:
        raise TypeError(
            error_message(
                f"kernel_call: {role}: the index map closes over an array "
                f"{typeof(captures[0])!r}.",
                "It may depend on the grid indices and Python integers only.",
            )
        )
    return program


def _trace_body(
    function: Callable[..., None],
    name: str,
    grid: tuple[int, ...],
    inputs: Sequence[Operand],
    outputs: Sequence[Operand],
) -> Program:
    refs = [Ref(o.name, o.role, o.ref_type, False) for o in inputs]
    refs += [Ref(o.name, o.role, o.ref_type, True) for o in outputs]

    def flat(*values: Any) -> list[Any]:
        for ref, value in zip(refs, values[len(grid) :], strict=True):
            ref.value = value
        context = KernelContext(name, grid, values[: len(grid)], refs)
        with tracing(context):
            result = function(*refs)
        if result is not None:
            raise TypeError(
                error_message(
                    f"kernel_call of {name}: the kernel must return None, got "
                    f"{result!r:.60}.",
                    "Write results to the output refs.",
                )
            )
        return [ref.value for ref in refs[len(inputs) :]]

    try:
        program, captures = record(
            flat, [INDEX] * len(grid) + [ref.type for ref in refs], name=name
        )
    finally:
        for ref in refs:
            ref.value = None
    if captures:
        raise TypeError(
            error_message(
                f"kernel_call of {name}: the kernel closes over an array "
                f"{typeof(captures[0])!r}.",
                "Pass the array as an input.",
            )
        )
    for ref in refs[len(inputs) :]:
        if not ref.stored:
            raise ValueError(
                error_message(
                    f"kernel_call of {name}: the kernel never writes {ref.role}.",
                    f"Write it (`{ref.name}[...] = value`), or leave it out of "
                    "`out_shape`.",
                )
            )
    return program
