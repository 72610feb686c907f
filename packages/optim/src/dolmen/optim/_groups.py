"""Other transformations for other groups of parameters."""

import difflib
import fnmatch
import functools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, tree_util, typeof

from ._arguments import described, is_transformation, no_transformation
from ._masking import (
    MaskedState,
    label_leaves,
    mask_leaves,
    masked,
    selected,
    selected_extra_args,
    update_selected,
)
from ._packed import Packed, on_buffers_where
from ._placeholder import ParamsPlaceholder
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_state,
    init_empty_state,
    with_extra_args_support,
)
from ._trees import path_text


class PartitionState(NamedTuple):
    """State of `partition`.

    Attributes:
        inner_states: by label, the `MaskedState` of each group.

    Example:
        >>> from dolmen import optim
        >>> transforms = {"a": optim.trace(0.9), "b": optim.scale(2.0)}
        >>> state = optim.partition(transforms, {"w": "a", "v": "b"}).init(
        ...     {"w": 1.0, "v": 1.0})
        >>> state.inner_states["b"]
        MaskedState(inner_state=EmptyState())
    """

    inner_states: Mapping[Hashable, Any]


MultiTransformState = PartitionState


def partition(
    transforms: Mapping[Hashable, GradientTransformation],
    param_labels: Any,
    *,
    mask_compatible_extra_args: bool = False,
) -> GradientTransformationExtraArgs:
    """Transforms groups of parameters in ways of their own.

    Args:
        transforms: by label, the transformation of a group.
        param_labels: a tree of labels like the parameters or a prefix of it, or a
            function from a tree to such labels, like `labels_by_path`.
        mask_compatible_extra_args: give each transformation only its part of extra
            arguments that are trees like the updates.

    Raises:
        TypeError: `transforms` is no mapping to transformations.
        ValueError: a label has no transformation, or the labels are no prefix of the
            parameters; both by path.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.partition(
        ...     {"fast": optim.sgd(1.0), "slow": optim.sgd(0.1)},
        ...     {"w": "fast", "b": "slow"})
        >>> params = {"w": jnp.ones(1), "b": jnp.ones(1)}
        >>> updates, state = optimizer.update(params, optimizer.init(params))
        >>> updates
        {'b': Array([-0.1], dtype=float32), 'w': Array([-1.], dtype=float32)}
    """
    _check_transforms(transforms)
    groups = {
        label: with_extra_args_support(made) for label, made in transforms.items()
    }

    def labels_of(values: Any) -> tuple[Any, ...]:
        return label_leaves("partition", "param_labels", param_labels, values)

    def init(params: Any) -> PartitionState:
        if isinstance(params, ParamsPlaceholder):
            return PartitionState(
                {
                    label: MaskedState(made.init(params))
                    for label, made in groups.items()
                }
            )
        labels = labels_of(params)
        _check_labels(labels, transforms, params)
        return PartitionState(
            {
                label: MaskedState(made.init(selected(_equal(labels, label), params)))
                for label, made in groups.items()
            }
        )

    def update(
        updates: Any, state: PartitionState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, PartitionState]:
        check_state("partition", state, PartitionState)
        labels = labels_of(updates)
        states = {}
        for label, made in groups.items():
            chosen, own_args = _equal(labels, label), extra_args
            if mask_compatible_extra_args:
                own_args = selected_extra_args(chosen, updates, extra_args)
            updates, states[label] = update_selected(
                "partition",
                made,
                chosen,
                updates,
                state.inner_states[label],
                params,
                own_args,
            )
        return updates, PartitionState(states)

    def fits(packed: Packed) -> bool:
        return packed.by_buffer(param_labels, labels_of) is not None

    return GradientTransformationExtraArgs(*on_buffers_where(fits, init, update))


def _equal(labels: Sequence[Any], label: Hashable) -> list[bool]:
    return [own == label for own in labels]


multi_transform = partition


def _check_transforms(transforms: Mapping[Hashable, Any]) -> None:
    if not isinstance(transforms, Mapping):
        raise TypeError(
            extend.error_message(
                "partition: `transforms` must be a mapping from labels to "
                f"transformations, got {described(transforms)}.",
                'Write `partition({"a": adam(1e-3), "b": sgd(0.1)}, param_labels)`.',
            )
        )
    for label, made in transforms.items():
        if not is_transformation(made):
            raise no_transformation("partition", f"transforms[{label!r}]", made)


def _check_labels(
    labels: tuple[Any, ...], transforms: Mapping[Hashable, Any], params: Any
) -> None:
    unknown = [
        f"  {path_text(path)}: {label!r}"
        for (path, _), label in zip(tree.leaves_with_path(params), labels, strict=True)
        if label not in transforms
    ]
    if unknown:
        known = ", ".join(map(repr, transforms))
        raise ValueError(
            extend.error_message(
                "\n".join(
                    [
                        "partition: every label must have a transformation, got "
                        "labels without one:",
                        *unknown,
                    ]
                ),
                f"`transforms` has {known}.",
            )
        )


def set_to_zero() -> GradientTransformation:
    """Returns zeros, whatever the updates are.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = set_to_zero()
        >>> transform.update({"w": jnp.ones(2)}, transform.init(None))
        ({'w': Array([0., 0.], dtype=float32)}, EmptyState())
    """

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return tree.map(_zeros_like, updates), state

    return GradientTransformation(init_empty_state, update)


def _zeros_like(leaf: Any) -> Any:
    return jnp.zeros(jnp.shape(leaf), typeof(leaf).dtype)


def freeze(mask: Any) -> GradientTransformationExtraArgs:
    """Sets the updates of the selected parameters to zero.

    Args:
        mask: a tree of booleans like the parameters or a prefix of it, or a function
            to such a tree, like `mask_by_path`.

    Example:
        >>> from dolmen import optim
        >>> transform = freeze({"w": True, "b": False})
        >>> grads = {"w": 1.0, "b": 1.0}
        >>> transform.update(grads, transform.init(grads))[0]
        {'b': 1.0, 'w': Array(0., dtype=float32)}
    """
    return masked(set_to_zero(), mask)


def selective_transform(
    optimizer: GradientTransformation, *, freeze_mask: Any
) -> GradientTransformationExtraArgs:
    """Optimizes all parameters but the selected ones, which get no state either.

    Args:
        optimizer: of the others.
        freeze_mask: selects the frozen ones: a tree of booleans like the parameters or
            a prefix of it, or a function to such a tree, like `mask_by_path`.

    Example:
        >>> from dolmen import optim
        >>> transform = selective_transform(
        ...     optim.sgd(1.0), freeze_mask={"w": True, "b": False})
        >>> grads = {"w": 1.0, "b": 1.0}
        >>> transform.update(grads, transform.init(grads))[0]
        {'b': Array(-1., dtype=float32), 'w': Array(0., dtype=float32)}
    """

    def labels(values: Any) -> Any:
        frozen = mask_leaves("selective_transform", freeze_mask, values)
        names = ["freeze" if chosen else "train" for chosen in frozen]
        return tree.structure(values).unflatten(names)

    return partition({"train": optimizer, "freeze": set_to_zero()}, labels)


# ---- groups by path ----------------------------------------------------------------


def mask_by_path(*patterns: str) -> Callable[[Any], Any]:
    """A mask that selects parameters by their paths, for `masked` and `freeze`.

    Args:
        *patterns: paths as in ``"encoder/0/bias"``, where ``*``, ``?`` and ``[...]``
            match as in names of files, and ``**`` any number of parts.

    Returns:
        A function from a tree to a tree of booleans. It raises ValueError if a pattern
        matches no path.

    Example:
        >>> mask_by_path("**/bias")({"out": {"bias": 1.0, "kernel": 2.0}})
        {'out': {'bias': True, 'kernel': False}}
    """
    return labels_by_path(dict.fromkeys(patterns, True), default=False)


_NO_DEFAULT = object()


def labels_by_path(
    labels: Mapping[str, Hashable], default: Hashable = _NO_DEFAULT
) -> Callable[[Any], Any]:
    """Labels of parameters by their paths, for `partition`.

    Args:
        labels: from patterns, as `mask_by_path` takes them, to labels. The first that
            matches counts.
        default: label of parameters that none matches.

    Returns:
        A function from a tree to a tree of labels. It raises ValueError if a pattern
        matches no path, or, without `default`, a path no pattern.

    Example:
        >>> choose = labels_by_path({"**/bias": "no decay", "**": "decay"})
        >>> choose({"out": {"bias": 1.0, "kernel": 2.0}})
        {'out': {'bias': 'no decay', 'kernel': 'decay'}}
    """

    @functools.cache  # every step of training asks for the same tree
    def choose(structure: Any) -> Any:
        paths = paths_of(structure)
        found = first_matches("labels_by_path", labels, paths)
        if default is _NO_DEFAULT:
            pairs = zip(paths, found, strict=True)
            _check_paths([path for path, pattern in pairs if pattern is None])
        return structure.unflatten(
            default if pattern is None else labels[pattern] for pattern in found
        )

    return lambda values: choose(tree.structure(values))


def path_of(keys: Any) -> str:
    """The path of a leaf with its parts joined by slashes."""
    return tree_util.keystr(keys, simple=True, separator="/")


def paths_of(structure: Any) -> list[str]:
    """The paths of all leaves of a tree."""
    numbered = structure.unflatten(range(structure.num_leaves))
    return [path_of(keys) for keys, _ in tree.leaves_with_path(numbered)]


def first_matches(
    function: str, patterns: Iterable[str], paths: Sequence[str], above: str = ""
) -> list[str | None]:
    """For each path the first of the patterns that matches it.

    Args:
        function: for messages.
        patterns: as `mask_by_path` takes them.
        paths: of leaves.
        above: patterns are of what follows this path, and match no other.

    Raises:
        ValueError: a pattern matches none of the paths; the message names the nearest.
    """
    start = _parts(above)
    parts_of_patterns = {pattern: _parts(pattern) for pattern in patterns}
    unmatched = dict.fromkeys(parts_of_patterns)
    found = []
    for path in paths:
        parts = _parts(path)
        matching = [
            pattern
            for pattern, own in parts_of_patterns.items()
            if parts[: len(start)] == start and _matches(own, parts[len(start) :])
        ]
        for pattern in matching:
            unmatched.pop(pattern, None)
        found.append(matching[0] if matching else None)
    if unmatched:
        (pattern, *_) = unmatched
        raise _unmatched(function, f"{above}/{pattern}" if above else pattern, paths)
    return found


def _parts(path: str) -> list[str]:
    return path.split("/") if path else []


def _matches(pattern: list[str], path: list[str]) -> bool:
    """Whether a pattern, in parts, matches a whole path."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        rest = pattern[1:]
        return any(_matches(rest, path[start:]) for start in range(len(path) + 1))
    return (
        bool(path)
        and fnmatch.fnmatchcase(path[0], pattern[0])
        and _matches(pattern[1:], path[1:])
    )


def _unmatched(function: str, pattern: str, paths: Sequence[str]) -> ValueError:
    near = difflib.get_close_matches(pattern, paths, n=1, cutoff=0.0)
    return ValueError(
        extend.error_message(
            f"{function}: pattern {pattern!r} matches no path.",
            f"The nearest of {len(paths)} paths is {near[0]!r}."
            if near
            else "The tree has no leaves.",
        )
    )


def _check_paths(homeless: list[str]) -> None:
    if homeless:
        raise ValueError(
            extend.error_message(
                "\n".join(
                    [
                        "labels_by_path: every path must match a pattern, got paths "
                        "that don't:",
                        *(f"  {path}" for path in homeless[:8]),
                    ]
                ),
                "Pass a `default`, or a last pattern '**'.",
            )
        )
