"""Transforming only some of the parameters."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dolmen.core import extend, tree

from ._packed import Packed, on_buffers_where
from ._placeholder import ParamsPlaceholder
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_state,
    with_extra_args_support,
)
from ._trees import check_containers, no_prefix, path_text


class MaskedNode(NamedTuple):
    """Stands for a masked-out part of a tree; a node without leaves.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.core import tree
        >>> tree.leaves({"w": 1.0, "b": optim.MaskedNode()})
        [1.0]
    """


class MaskedState(NamedTuple):
    """State of `masked`.

    Attributes:
        inner_state: state of the inner transformation, for the selected parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.masked(optim.trace(0.9), {"w": True, "b": False}).init(
        ...     {"w": 1.0, "b": 1.0})
        MaskedState(inner_state=TraceState(trace={'b': MaskedNode(),
            'w': Array(0., dtype=float32)}))
    """

    inner_state: Any


def masked(
    inner: GradientTransformation,
    mask: Any,
    *,
    mask_compatible_extra_args: bool = False,
) -> GradientTransformationExtraArgs:
    """Transforms the selected updates and passes the others unchanged.

    Args:
        inner: transformation of the selected updates; it has state only for those.
        mask: a tree of booleans like the parameters or a prefix of it, or a function
            from parameters (in `init`) and updates (in `update`) to such a tree, like
            `mask_by_path`.
        mask_compatible_extra_args: give `inner` only the selected part of extra
            arguments that are trees like the updates.

    Raises:
        ValueError: the mask is no prefix of the tree.

    Example:
        >>> from dolmen import optim
        >>> transform = masked(optim.scale(-1.0), {"w": True, "b": False})
        >>> grads = {"w": 1.0, "b": 1.0}
        >>> transform.update(grads, transform.init(grads))[0]
        {'b': 1.0, 'w': Array(-1., dtype=float32)}
    """
    inner = with_extra_args_support(inner)

    def init(params: Any) -> MaskedState:
        return MaskedState(inner.init(selected(_chosen(mask, params), params)))

    def update(
        updates: Any, state: MaskedState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MaskedState]:
        check_state("masked", state, MaskedState)
        chosen = _chosen(mask, updates)
        if mask_compatible_extra_args:
            extra_args = selected_extra_args(chosen, updates, extra_args)
        return update_selected(
            "masked", inner, chosen, updates, state, params, extra_args
        )

    def fits(packed: Packed) -> bool:
        return packed.by_buffer(mask, functools.partial(_chosen, mask)) is not None

    return GradientTransformationExtraArgs(*on_buffers_where(fits, init, update))


def update_selected(
    function: str,
    inner: GradientTransformationExtraArgs,
    chosen: Sequence[bool],
    updates: Any,
    state: MaskedState,
    params: Any,
    extra_args: Mapping[str, Any],
) -> tuple[Any, MaskedState]:
    """New updates and state of a transformation of the chosen leaves only.

    Raises:
        ValueError: updates and parameters have different structures.
    """
    if params is not None:
        check_containers(
            function,
            ("`updates`", updates),
            ("`params`", params),
            "Pass the parameters that were differentiated.",
        )
    part, new = inner.update(
        selected(chosen, updates),
        state.inner_state,
        None if params is None else selected(chosen, params),
        **extra_args,
    )
    leaves, structure = tree.flatten(updates)
    changed = iter(tree.leaves(part))
    merged = [
        next(changed) if keep else leaf
        for keep, leaf in zip(chosen, leaves, strict=True)
    ]
    return structure.unflatten(merged), MaskedState(new)


def selected(chosen: Sequence[bool], values: Any) -> Any:
    """The tree with `MaskedNode` in the place of leaves that aren't chosen."""
    leaves, structure = tree.flatten(values)
    return structure.unflatten(
        [
            leaf if keep else MaskedNode()
            for keep, leaf in zip(chosen, leaves, strict=True)
        ]
    )


def selected_extra_args(
    chosen: Sequence[bool], updates: Any, extra_args: Mapping[str, Any]
) -> dict[str, Any]:
    """Extra arguments, of those like `updates` only the chosen leaves."""
    structure = tree.structure(updates)
    return {
        name: selected(chosen, value) if tree.structure(value) == structure else value
        for name, value in extra_args.items()
    }


def _chosen(mask: Any, values: Any) -> tuple[bool, ...]:
    return mask_leaves("masked", mask, values)


def mask_leaves(function: str, mask: Any, values: Any) -> tuple[bool, ...]:
    """One boolean for each leaf of `values`.

    Raises:
        TypeError: a leaf of the mask is not a boolean.
        ValueError: the mask is no prefix of `values`.
    """
    if isinstance(values, ParamsPlaceholder):
        return ()
    if isinstance(values, Packed):
        return _of_buffers(values, mask, functools.partial(mask_leaves, function, mask))
    mask = _of_values(mask, values)
    wrong = [
        f"  {path_text(path)}: {type(leaf).__name__}"
        for path, leaf in tree.leaves_with_path(mask)
        if type(leaf) is not bool
    ]
    if wrong:
        lines = "\n".join([f"{function}: `mask` must hold booleans, got", *wrong])
        raise TypeError(
            extend.error_message(lines, "A mask is fixed: use Python's True and False.")
        )
    return label_leaves(function, "mask", mask, values)


def label_leaves(
    function: str, argument: str, labels: Any, values: Any
) -> tuple[Any, ...]:
    """One label for each leaf of `values`.

    Args:
        function: for messages.
        argument: its argument that `labels` is.
        labels: a tree like `values` or a prefix of it, or a function to such a tree.
        values: any tree; a packed one only if its `by_buffer` is not None.

    Raises:
        ValueError: the labels are no prefix of `values`.
    """
    if isinstance(values, Packed):
        choose = functools.partial(label_leaves, function, argument, labels)
        return _of_buffers(values, labels, choose)
    labels = _of_values(labels, values)
    try:
        parts = tree.structure(labels).flatten_up_to(values)
    except ValueError:
        fix = (
            "Build it with `tree.map(lambda p: p.ndim > 1, params)`."
            if argument == "mask"
            else "Build it with `tree.map` from the same tree, or by `labels_by_path`."
        )
        raise no_prefix(function, f"`{argument}`", labels, values, fix) from None
    return tuple(
        label
        for label, part in zip(tree.leaves(labels), parts, strict=True)
        for _ in tree.leaves(part)
    )


def _of_buffers(
    packed: Packed, labels: Any, labels_of: Callable[[Any], Sequence[Any]]
) -> tuple[Any, ...]:
    of_buffers = packed.by_buffer(labels, labels_of)
    assert of_buffers is not None, packed
    return of_buffers


def _of_values(labels: Any, values: Any) -> Any:
    """Labels as a tree, if they are a function."""
    # They may be a callable container (a module): that is a tree, not a function.
    alone = tree.leaves(labels)
    if callable(labels) and len(alone) == 1 and alone[0] is labels:
        return labels(values)
    return labels
