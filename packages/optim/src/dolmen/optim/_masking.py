"""Transforming only some of the parameters."""

from typing import Any, NamedTuple

from dolmen.core import extend, tree, tree_util

from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)


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


def masked(inner: GradientTransformation, mask: Any) -> GradientTransformationExtraArgs:
    """Transforms the selected updates and passes the others unchanged.

    Args:
        inner: transformation of the selected updates; it has state only for those.
        mask: a tree of booleans like the parameters or a prefix of it, or a function
            from parameters (in `init`) and updates (in `update`) to such a tree.

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
        chosen = mask_leaves("masked", mask, params)
        return MaskedState(inner.init(_selected(chosen, params)))

    def update(
        updates: Any, state: MaskedState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MaskedState]:
        chosen = mask_leaves("masked", mask, updates)
        part, new = inner.update(
            _selected(chosen, updates),
            state.inner_state,
            None if params is None else _selected(chosen, params),
            **extra_args,
        )
        leaves, structure = tree.flatten(updates)
        changed = iter(tree.leaves(part))
        merged = [
            next(changed) if keep else leaf
            for keep, leaf in zip(chosen, leaves, strict=True)
        ]
        return structure.unflatten(merged), MaskedState(new)

    return GradientTransformationExtraArgs(init, update)


def mask_leaves(function: str, mask: Any, values: Any) -> tuple[bool, ...]:
    """One boolean for each leaf of `values`.

    Raises:
        TypeError: a leaf of the mask is not a boolean.
        ValueError: the mask is no prefix of `values`.
    """
    # A mask may be a callable container (a module): that is a tree, not a function.
    alone = tree.leaves(mask)
    if callable(mask) and len(alone) == 1 and alone[0] is mask:
        mask = mask(values)
    wrong = [
        f"  {tree_util.keystr(path)}: {type(leaf).__name__}"
        for path, leaf in tree.leaves_with_path(mask)
        if type(leaf) is not bool
    ]
    if wrong:
        lines = "\n".join([f"{function}: `mask` must hold booleans, got", *wrong])
        raise TypeError(
            extend.error_message(lines, "A mask is fixed: use Python's True and False.")
        )
    try:
        parts = tree.structure(mask).flatten_up_to(values)
    except ValueError as error:
        raise ValueError(
            extend.error_message(
                f"{function}: `mask` must be a prefix of the tree: {error}",
                "Build it with `tree.map(lambda p: p.ndim > 1, params)`.",
            )
        ) from None
    return tuple(
        keep
        for keep, part in zip(tree.leaves(mask), parts, strict=True)
        for _ in tree.leaves(part)
    )


def _selected(chosen: tuple[bool, ...], values: Any) -> Any:
    leaves, structure = tree.flatten(values)
    return structure.unflatten(
        [
            leaf if keep else MaskedNode()
            for keep, leaf in zip(chosen, leaves, strict=True)
        ]
    )
