"""Vectorisation: values with a batch axis that the function does not see."""

from collections.abc import Sequence
from typing import Any

from .._ir import Primitive, Program, array_type, named_axes
from .._ops import _shape
from .._tracing import (
    NamedAxis,
    RecordingTrace,
    Trace,
    Tracer,
    batched_axis,
    closed,
    enter,
    evaluate,
    state,
    typeof,
)


class BatchTracer(Tracer):
    """A batch of values; `type` is that of one of them."""

    __slots__ = ("__weakref__", "axis", "owner", "type", "value")

    def __init__(self, trace: Trace, value: Any, axis: int) -> None:
        self.owner = trace
        self.value = value
        self.axis = axis
        whole = typeof(value)
        shape = whole.shape[:axis] + whole.shape[axis + 1 :]
        self.type = array_type(shape, whole.dtype, whole.weak_type)

    def behind(self) -> Any:
        return self.value


class BatchTrace(Trace):
    """Applies batch rules in its parent.

    Attributes:
        axis: the batch axis, which has a name if collectives may refer to it.
        function: name of the batched function, for messages.
        inputs: its batched arguments, when it is a user's.
        arguments: describes them.
    """

    __slots__ = ("arguments", "axis", "function", "inputs", "parent")

    tracked = (
        "differs across the batch of a `vmap`",
        "Make the ref inside the function, or pass it as a batched argument.",
    )

    def __init__(self, parent: Trace, axis: NamedAxis) -> None:
        self.function = ""
        self.inputs: Sequence[Any] = ()
        self.arguments: Any = None
        self.parent = parent
        self.axis = axis
        self.staging = parent.staging
        self.finished = False

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        values, axes = [], []
        for arg in args:
            if isinstance(arg, BatchTracer) and arg.owner is self:
                values.append(arg.value)
                axes.append(arg.axis)
            else:
                values.append(arg)
                axes.append(None)
        if all(axis is None for axis in axes) and not self._is_named_by(primitive):
            return self.parent.process(primitive, values)
        previous, outer = enter(self.parent), state.batched
        state.batched = self.axis
        try:
            outs, out_axes = primitive.batch(values, axes)
        finally:
            state.batched = outer
            enter(previous)
        if not primitive.multiple_results:
            return self._wrap(outs, out_axes)
        return [self._wrap(o, a) for o, a in zip(outs, out_axes, strict=True)]

    def _is_named_by(self, primitive: Primitive) -> bool:
        """Whether the operation refers to this axis, so that it is never the same."""
        name = self.axis.name
        return name is not None and name in named_axes(primitive)

    def _wrap(self, value: Any, axis: int | None) -> Any:
        return value if axis is None else BatchTracer(self, value, axis)


def batch_size(args: Sequence[Any], axes: Sequence[int | None]) -> int:
    """Length of the batch axis, from batched arguments.

    None needs to be batched where the operation refers to the axis by its name.
    """
    for arg, axis in zip(args, axes, strict=True):
        if axis is not None:
            return typeof(arg).shape[axis]
    named = batched_axis()
    assert named is not None, "a batch rule runs while an axis is batched"
    return named.size


def to_front(value: Any, axis: int | None, size: int) -> Any:
    """`value` with its batch axis first; repeated when it has none."""
    if axis is None:
        return _shape.broadcast(value, (size,))
    return _shape.move_axis(value, axis, 0)


def batch_program(
    program: Program,
    axes: tuple[int | None, ...],
    size: int,
    force: tuple[bool, ...] | bool = False,
) -> tuple[Program, tuple[int | None, ...]]:
    """A program over batches.

    What the program says about the axis being batched, by its name, is resolved.

    Args:
        axes: batch axis of each input, None for those shared by the batch.
        force: which outputs (or all) must be batched; forced ones have axis 0, and so
            have all other batched ones.

    Returns:
        The batched program and the batch axis of each output: 0 or None.
    """
    axis = batched_axis()
    if axis is None or axis.name not in program.named_axes:
        axis = NamedAxis(None, size)
    key = ("batch", axes, axis, force)
    found = program.derived.get(key)
    if found is not None:
        return found
    recording = RecordingTrace(program.name, with_frames=False)
    batching = BatchTrace(recording, axis)
    args = []
    for type, place in zip(program.in_types, axes, strict=True):
        shape = type.shape
        if place is not None:
            shape = (*shape[:place], size, *shape[place:])
        value = recording.new_input(array_type(shape, type.dtype, type.weak_type))
        args.append(value if place is None else BatchTracer(batching, value, place))
    previous = enter(batching)
    try:
        results = evaluate(program, args)
        enter(recording)
        outs, out_axes = [], []
        for index, result in enumerate(results):
            forced = force if isinstance(force, bool) else force[index]
            batched = isinstance(result, BatchTracer) and result.owner is batching
            value = result.value if batched else result
            if batched or forced:
                value = to_front(value, result.axis if batched else None, size)
            outs.append(value)
            out_axes.append(0 if batched or forced else None)
    finally:
        enter(previous)
    batching.finished = True
    made = closed(*recording.finish(outs, f"vmap_{program.name}"))
    found = program.derived[key] = (made, tuple(out_axes))
    return found
