"""Mapping over the parts of a state that are like the parameters."""

from collections.abc import Callable
from typing import Any

from dolmen.core import tree as trees

from .._placeholder import ParamsPlaceholder


def tree_map_params(
    initable: Any,
    f: Callable[..., Any],
    state: Any,
    /,
    *rest: Any,
    transform_non_params: Callable[[Any], Any] | None = None,
    is_leaf: Callable[[Any], bool] | None = None,
) -> Any:
    """Maps over the leaves of a state that belong to parameters.

    A state repeats the tree of the parameters (moments do, counts don't): this maps
    over all repetitions, for example to give moments the sharding of their parameters.

    Args:
        initable: the optimizer whose state it is, or its `init`.
        f: from a leaf of a repetition, and the corresponding leaves of the trees in
            `rest`, to what replaces it.
        state: from `init`.
        *rest: trees like the parameters.
        transform_non_params: what to do with all other leaves; None keeps them.
        is_leaf: as in `tree.map`, for the repetitions.

    Returns:
        A tree like `state`.

    Example:
        >>> from dolmen import optim
        >>> optimizer = optim.adam(0.1)
        >>> params = {"w": 1.0, "b": 2.0}
        >>> names = tree_map_params(
        ...     optimizer, lambda leaf, name: name, optimizer.init(params),
        ...     {"w": "W", "b": "B"}, transform_non_params=lambda leaf: None)
        >>> names[0].mu, names[0].count
        ({'b': 'B', 'w': 'W'}, None)
    """
    init = getattr(initable, "init", initable)
    pattern = init(ParamsPlaceholder())

    def mapped(place: Any, part: Any) -> Any:
        if _is_placeholder(place):
            return trees.map(f, part, *rest, is_leaf=is_leaf)
        return part if transform_non_params is None else transform_non_params(part)

    return trees.map(mapped, pattern, state, is_leaf=_is_placeholder)


def _is_placeholder(x: Any) -> bool:
    return isinstance(x, ParamsPlaceholder)
