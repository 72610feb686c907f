"""Vectorisation: values with a batch axis that the function does not see."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import Primitive, Program, message, named_axes
from .._ops import _shape
from .._tracing import (
    CustomCall,
    NamedAxis,
    RecordingTrace,
    Trace,
    Tracer,
    batched_axis,
    closed,
    current_trace,
    enter,
    evaluate,
    state,
    typeof,
)


class BatchTracer(Tracer):
    """A batch of values; `type` is that of one of them."""

    __slots__ = ("__weakref__", "axis", "owner", "type", "value")

    owner: Any  # a BatchTrace, which has a family

    def __init__(self, trace: "BatchTrace", value: Any, axis: int) -> None:
        self.owner = trace
        self.value = value
        self.axis = axis
        whole = typeof(value)
        shape = whole.shape[:axis] + whole.shape[axis + 1 :]
        self.type = whole.with_shape(shape)

    def behind(self) -> Any:
        return self.value


class BatchTrace(Trace):
    """Applies batch rules in its parent.

    Attributes:
        axis: the batch axis, which has a name if collectives may refer to it.
        function: name of the batched function, for messages.
        inputs: its batched arguments, when it is a user's.
        arguments: describes them.
        family: the trace this one takes up again, further out, for a call with rules of
            its own; both own each other's values.
    """

    __slots__ = ("arguments", "axis", "family", "function", "inputs", "parent")

    tracked = (
        "differs across the batch of a `vmap`",
        "Make the ref inside the function, or pass it as a batched argument.",
    )

    def __init__(
        self, parent: Trace, axis: NamedAxis, family: "BatchTrace | None" = None
    ) -> None:
        self.function = ""
        self.inputs: Sequence[Any] = ()
        self.arguments: Any = None
        self.parent = parent
        self.axis = axis
        self.family = self if family is None else family
        self.staging = parent.staging
        self.finished = False

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        values, axes = self.opened(args)
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

    def process_custom(self, call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
        values, axes = self.opened(args)
        previous = enter(self.parent)
        try:
            # The function may close over batched values, so it is batched all the same
            # when no argument is.
            outs, out_axes = call.batch(values, axes, self)
        finally:
            enter(previous)
        return [self._wrap(o, a) for o, a in zip(outs, out_axes, strict=True)]

    def opened(self, args: Sequence[Any]) -> tuple[list[Any], list[int | None]]:
        """Values of arguments and their batch axes."""
        values, axes = [], []
        for arg in args:
            if isinstance(arg, BatchTracer) and arg.owner.family is self.family:
                values.append(arg.value)
                axes.append(arg.axis)
            else:
                values.append(arg)
                axes.append(None)
        return values, axes

    def _wrap(self, value: Any, axis: int | None) -> Any:
        return value if axis is None else BatchTracer(self, value, axis)


def run_batched(
    function: Callable[..., Sequence[Any]],
    args: Sequence[Any],
    axes: Sequence[int | None],
    like: BatchTrace,
) -> tuple[list[Any], list[int | None]]:
    """Results of a flat function of batches in the current trace, and their axes.

    Args:
        args: None among them is passed on.
        like: the trace whose batch it is.
    """
    trace = BatchTrace(current_trace(), like.axis, like.family)
    inputs = [
        arg if axis is None else BatchTracer(trace, arg, axis)
        for arg, axis in zip(args, axes, strict=True)
    ]
    previous = enter(trace)
    try:
        results = function(*inputs)
    finally:
        enter(previous)
        trace.finished = True
    return trace.opened(results)


class ResultAxes:
    """Which results of a call are batched, as the first of its functions to run found.

    Attributes:
        axes: 0 or None for each result.
    """

    __slots__ = ("axes", "call")

    def __init__(self, call: CustomCall) -> None:
        self.call = call
        self.axes: tuple[int | None, ...] | None = None

    def settle(self, axes: Sequence[int | None]) -> None:
        """Take `axes` for those of the results, unless they are known."""
        if self.axes is None:
            self.axes = tuple([None if axis is None else 0 for axis in axes])

    def align(
        self, values: Sequence[Any], axes: Sequence[int | None], size: int
    ) -> list[Any]:
        """`values`, with the batch axis first where the results have one.

        None among them (a zero tangent) stays.

        Raises:
            TypeError: a value is batched and the result it belongs to is not.
        """
        self.settle(axes)
        assert self.axes is not None
        settled = list(zip(values, axes, self.axes, strict=True))
        if any(axis is not None and want is None for _, axis, want in settled):
            raise TypeError(
                message(
                    f"vmap of {self.call.kind} {self.call.name}: a result of the rule "
                    "differs across the batch, the function's own result does not.",
                    "Compute the result alike in the function and in its rule.",
                )
            )
        return [
            value if want is None or value is None else to_front(value, axis, size)
            for value, axis, want in settled
        ]


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
    if axis is None or axis.name is None or axis.name not in program.named_axes:
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
        value = recording.new_input(type.with_shape(shape))
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
