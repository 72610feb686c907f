"""`vmap`: a function of one example becomes a function of a batch."""

import functools
from collections.abc import Callable
from typing import Any

from .._ir import message
from .._tracing import Cell, current_trace, enter, present, typeof
from ._batch import BatchTrace, BatchTracer, to_front
from ._trees import (
    argument_leaves,
    broadcast_prefix,
    call_path,
    flatten_with_path,
    name_of,
    result_leaves,
)


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name: Any = None,
    axis_size: int | None = None,
    spmd_axis_name: Any = None,
) -> Callable[..., Any]:
    """Vectorise a function over a new axis of its arguments.

    Args:
        fun: a function of arrays in trees.
        in_axes: which axis of each positional argument is the batch; an integer, None
            for arguments shared by the batch, or a tuple with one of these (or a
            container of them, a prefix of the argument) per argument. Keyword arguments
            are batched along axis 0.
        out_axes: where the batch axis goes in the results; a prefix of their tree.
        axis_name: name of the batch axis for collective operations inside.
        axis_size: length of the batch axis, needed only if nothing is batched.
        spmd_axis_name: mesh axis over which the batch is partitioned.

    Returns:
        A function of batches.

    Raises:
        ValueError: (at the call) batch axes differ in length or don't exist; the
            message lists every batched leaf.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.vmap(jnp.dot)(jnp.ones((3, 2)), jnp.ones((3, 2)))
        Array([2., 2., 2.], dtype=float32)
    """
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    @functools.wraps(fun)
    def batched(*args: Any, **kwargs: Any) -> Any:
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                message(
                    f"vmap of {name_of(fun)}: in_axes has {len(in_axes)} entries, but "
                    f"the call has {len(args)} positional arguments."
                )
            )
        given, tree = argument_leaves("vmap", fun, (args, kwargs), refs=True)
        leaves = present(given)
        axes = broadcast_prefix(in_axes, tree.children()[0], args, "in_axes")
        axes += [0] * (len(leaves) - len(axes))
        axes = [
            _normalized(fun, axis, leaf, ("in_axes", (args, kwargs), index))
            for index, (axis, leaf) in enumerate(zip(axes, leaves, strict=True))
        ]
        size = _size(fun, (args, kwargs), leaves, axes, axis_size)
        trace = BatchTrace(current_trace(), size, axis_name)
        inputs = [
            leaf if axis is None else BatchTracer(trace, leaf, axis)
            for leaf, axis in zip(leaves, axes, strict=True)
        ]
        previous = enter(trace)
        try:
            inner = [
                value
                if not isinstance(leaf, Cell)
                else leaf
                if axis is None
                else leaf.aval.stand_in(value)
                for leaf, value, axis in zip(given, inputs, axes, strict=True)
            ]
            full_args, full_kwargs = tree.unflatten(inner)
            result = fun(*full_args, **full_kwargs)
            finals = present(inner)
        finally:
            enter(previous)
            trace.finished = True
        for ref, before, after, axis in zip(given, inputs, finals, axes, strict=True):
            if isinstance(ref, Cell) and axis is not None and after is not before:
                ref.write(_unbatched(fun, trace, after, axis))
        outs, out_tree = result_leaves("vmap", fun, result)
        wanted = broadcast_prefix(out_axes, out_tree, result, "out_axes")
        return out_tree.unflatten(
            [
                _unbatched(fun, trace, value, axis)
                for value, axis in zip(outs, wanted, strict=True)
            ]
        )

    return batched


def _normalized(fun: Any, axis: int | None, leaf: Any, where: Any) -> int | None:
    if axis is None:
        return None
    type = typeof(leaf)
    if not -type.ndim <= axis < type.ndim:
        what, args, index = where
        path = call_path(flatten_with_path(args)[0][index][0])
        raise ValueError(
            message(
                f"vmap of {name_of(fun)}: {what}={axis} does not exist in argument "
                f"leaf {path}, {type!r}.",
                "Give that argument in_axes=None if the whole batch shares it.",
            )
        )
    return axis % type.ndim


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


def _unbatched(fun: Any, trace: BatchTrace, value: Any, axis: int | None) -> Any:
    from .._ops import _shape

    mine = isinstance(value, BatchTracer) and value.owner is trace
    if axis is None:
        if mine:
            raise ValueError(
                message(
                    f"vmap of {name_of(fun)}: out_axes is None for a result that "
                    f"differs across the batch ({value.type!r}).",
                    "Give it an axis in `out_axes`.",
                )
            )
        return value
    whole = to_front(
        value.value if mine else value, value.axis if mine else None, trace.size
    )
    return _shape.move_axis(whole, 0, axis % typeof(whole).ndim)
