"""`vmap`: a function of one example becomes a function of a batch."""

import functools
from collections.abc import Callable, Hashable
from typing import Any

from .._backend import pytree
from .._ir import message, type_error, value_error
from .._ops import _shape
from .._ops._reductions import reduce_sum
from .._tracing import (
    Cell,
    NamedAxis,
    binding_axes,
    check_leaks,
    current_trace,
    enter,
    is_array_like,
    lending,
    present,
    typeof,
)
from ._arguments import Callee, call_arguments
from ._batch import BatchTrace, BatchTracer, to_front
from ._trees import (
    argument_leaves,
    broadcast_prefix,
    call_path,
    flatten_with_path,
    is_axis,
    name_of,
    path_text,
    result_leaves,
)


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
    sum_match: bool = False,
) -> Callable[..., Any]:
    """Vectorise a function over a new axis of its arguments.

    Args:
        fun: a function of arrays in trees.
        in_axes: which axis of each positional argument is the batch; an integer, None
            for arguments shared by the batch, or a tuple with one of these (or a
            container of them, a prefix of the argument) per argument. Keyword arguments
            are batched along axis 0.
        out_axes: where the batch axis goes in the results; a prefix of their tree.
        axis_name: name of the batch axis for collective operations inside (`lax.psum`
            and its kin).
        axis_size: length of the batch axis, needed only if nothing is batched.
        spmd_axis_name: mesh axis over which the batch is partitioned.
        sum_match: sum a result over the batch where `out_axes` is None but the result
            differs across the batch, instead of an error.

    Returns:
        A function of batches.

    Raises:
        TypeError: `in_axes` is neither an integer nor None nor a tuple.
        ValueError: (at the call) batch axes differ in length or don't exist; the
            message lists every batched leaf.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.vmap(jnp.dot)(jnp.ones((3, 2)), jnp.ones((3, 2)))
        Array([2., 2., 2.], dtype=float32)
    """
    if not callable(fun):
        raise type_error(f"vmap: expected a function, got {fun!r:.80}.")
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not (isinstance(in_axes, tuple) or is_axis(in_axes)):
        raise type_error(
            f"vmap of {name_of(fun)}: expected in_axes to be an integer, None or a "
            "tuple with an entry for each positional argument, got "
            f"{type(in_axes).__name__} {in_axes!r:.60}."
        )

    if not isinstance(axis_name, Hashable):
        raise type_error(
            f"vmap of {name_of(fun)}: expected a hashable axis_name, got "
            f"{type(axis_name).__name__} {axis_name!r:.60}."
        )

    @functools.wraps(fun)
    def batched(*args: Any, **kwargs: Any) -> Any:
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise value_error(
                f"vmap of {name_of(fun)}: in_axes has {len(in_axes)} entries, but "
                f"the call has {len(args)} positional arguments."
            )
        given, tree = argument_leaves("vmap", fun, (args, kwargs), refs=True)
        leaves = present(given)
        axes = broadcast_prefix(
            in_axes, tree.children()[0], args, f"vmap of {name_of(fun)}: in_axes"
        )
        axes += [0] * (len(leaves) - len(axes))
        axes = _normalized(fun, axes, leaves, (args, kwargs))
        size = _size(fun, (args, kwargs), leaves, axes, axis_size)
        axis = NamedAxis(axis_name, size, spmd_axis_name)
        trace = BatchTrace(current_trace(), axis)
        inputs = [
            leaf if place is None else BatchTracer(trace, leaf, place)
            for leaf, place in zip(leaves, axes, strict=True)
        ]
        trace.function, trace.inputs = name_of(fun), inputs
        callee = Callee(fun)
        trace.arguments = lambda values: call_arguments(callee, tree.unflatten(values))
        refs = {
            index: place
            for index, (leaf, place) in enumerate(zip(given, axes, strict=True))
            if place is not None and isinstance(leaf, Cell)
        }
        previous = enter(trace)
        try:
            inner = [
                leaf if isinstance(leaf, Cell) else value
                for leaf, value in zip(given, inputs, strict=True)
            ]
            for index in refs:
                inner[index] = given[index].aval.stand_in(inputs[index])
            full_args, full_kwargs = tree.unflatten(inner)
            if refs:
                lent = [given[index] for index in refs]
                with lending(lent, f"vmap of {name_of(fun)}"):
                    result = _call(fun, full_args, full_kwargs, axis)
            else:
                result = _call(fun, full_args, full_kwargs, axis)
            finals = [(index, inner[index].read()) for index in refs]
        finally:
            enter(previous)
            trace.finished = True
        for index, final in finals:
            if final is not inputs[index]:
                given[index].write(_placed(trace, final, refs[index]))
        check_leaks(trace)
        outs, out_tree = result_leaves("vmap", fun, result)
        wanted = broadcast_prefix(
            out_axes, out_tree, result, f"vmap of {name_of(fun)}: out_axes"
        )
        hidden = _hidden_axes(outs, result)
        return out_tree.unflatten(
            [
                _unbatched(
                    fun, trace, (outs, result), index, place, hidden[index], sum_match
                )
                for index, place in enumerate(wanted)
            ]
        )

    return batched


def _call(fun: Any, args: Any, kwargs: Any, axis: NamedAxis) -> Any:
    if axis.name is None:
        return fun(*args, **kwargs)
    with binding_axes((axis,)):
        return fun(*args, **kwargs)


def _hidden_axes(leaves: list[Any], full: Any) -> list[int]:
    """For each leaf how many trailing axes users don't see: the words of typed keys."""
    seen = pytree.PUBLIC.flatten(full)[0]
    return [
        0 if is_array_like(value) else typeof(leaf).ndim - value.ndim
        for leaf, value in zip(leaves, seen, strict=True)
    ]


def _normalized(
    fun: Any, axes: list[int | None], leaves: list[Any], args: Any
) -> list[int | None]:
    """Batch axes counted from the front."""
    made: list[int | None] = []
    hidden = _hidden_axes(leaves, args)
    for index, (axis, leaf) in enumerate(zip(axes, leaves, strict=True)):
        ndim = typeof(leaf).ndim - hidden[index]
        if axis is not None and not -ndim <= axis < ndim:
            path = call_path(flatten_with_path(args)[0][index][0])
            raise value_error(
                f"vmap of {name_of(fun)}: in_axes={axis} does not exist in argument "
                f"leaf {path}, {typeof(leaf)!r}.",
                "Give that argument in_axes=None if the whole batch shares it.",
            )
        made.append(None if axis is None else axis % ndim)
    return made


def _size(fun: Any, args: Any, leaves: Any, axes: Any, given: int | None) -> int:
    sizes = {
        typeof(leaf).shape[axis]
        for leaf, axis in zip(leaves, axes, strict=True)
        if axis is not None
    }
    if given is not None:
        sizes.add(given)
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError(
            message(
                f"vmap of {name_of(fun)}: no argument is batched.",
                "Give at least one argument an axis in `in_axes`, or pass `axis_size`.",
            )
        )
    paths = [path for path, _ in flatten_with_path(args)[0]]
    listed = [
        f"  {call_path(path)}: {typeof(leaf)!r}, axis {axis} has "
        f"length {typeof(leaf).shape[axis]}"
        for path, leaf, axis in zip(paths, leaves, axes, strict=True)
        if axis is not None
    ]
    if given is not None:
        listed.append(f"  axis_size={given}")
    raise ValueError(
        message(
            f"vmap of {name_of(fun)}: batch axes must have equal lengths, got\n"
            + "\n".join(listed),
            "Check `in_axes`.",
        )
    )


def _unbatched(
    fun: Any,
    trace: BatchTrace,
    result: tuple[list[Any], Any],
    index: int,
    axis: int | None,
    hidden: int,
    sum_match: bool,
) -> Any:
    """One leaf of the result with its batch axis in place."""
    value = result[0][index]
    mine = isinstance(value, BatchTracer) and value.owner is trace

    def path() -> str:
        return "result" + path_text(flatten_with_path(result[1])[0][index][0])

    if axis is None:
        if mine and sum_match:
            return reduce_sum(value.value, (value.axis,))
        if mine:
            raise value_error(
                f"vmap of {name_of(fun)}: out_axes is None for {path()}, which differs "
                f"across the batch ({value.type!r}).",
                "Give it an axis in `out_axes`.",
            )
        return value
    ndim = typeof(value).ndim - hidden + 1
    if not -ndim <= axis < ndim:
        raise value_error(
            f"vmap of {name_of(fun)}: out_axes={axis} does not exist in {path()}: "
            f"{typeof(value)!r} and the batch axis make {ndim} axes.",
        )
    return _placed(trace, value, axis % ndim)


def _placed(trace: BatchTrace, value: Any, axis: int) -> Any:
    """The whole batch, with its axis in place; repeated if `value` is shared by it."""
    if isinstance(value, BatchTracer) and value.owner is trace:
        return _shape.move_axis(value.value, value.axis, axis)
    return _shape.move_axis(to_front(value, None, trace.axis.size), 0, axis)
