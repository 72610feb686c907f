"""Arguments and results of user functions as flat lists of array leaves."""

import numbers
from collections.abc import Sequence
from itertools import islice
from typing import Any

from .._backend import pytree
from .._ir import message, value_error
from .._tracing import Cell, as_array, is_array_like

flatten = pytree.BOUNDARY.flatten
flatten_with_path = pytree.BOUNDARY.flatten_with_path


def name_of(function: Any) -> str:
    """How messages and programs call a user's function."""
    named = getattr(function, "__name__", None)
    if named:
        return "<lambda>" if named == "<lambda>" else named
    inner = getattr(function, "func", None)  # functools.partial
    return name_of(inner) if inner is not None else type(function).__name__


def path_text(path: Sequence[Any]) -> str:
    """A key path the way Python would write it: `['a'][0].b`."""
    return "".join(map(str, path))


def call_path(path: Sequence[Any]) -> str:
    """A path into the `(args, kwargs)` of a call: `args[0]['w']`, `kwargs['n']`."""
    return ("args", "kwargs")[path[0].idx] + path_text(path[1:])


def argument_leaves(
    transform: str, function: Any, args: Any, *, refs: bool = False, root: str = "args"
) -> tuple[list[Any], Any]:
    """Leaves and tree of `args`, after checking that every leaf is an array.

    Args:
        args: the tuple of arguments, or a pair `(args, kwargs)` for `jit` and `vmap`.
        refs: whether leaves may be refs, too.
        root: what messages call `args`.

    Raises:
        TypeError: a leaf is not array-like; the message names every such leaf.
    """
    leaves, tree = flatten(args)
    if all(map(is_array_like, leaves)):
        return [as_array(leaf) for leaf in leaves], tree
    if refs and all(isinstance(x, Cell) or is_array_like(x) for x in leaves):
        return [as_array(leaf) for leaf in leaves], tree
    raise not_arrays(transform, function, args, root)


def not_arrays(
    transform: str, function: Any, args: Any, root: str = "args"
) -> TypeError:
    """The error for argument leaves that are not arrays."""
    pair = transform in ("jit", "vmap", "checkpoint", "pure_callback", "io_callback")
    wrong = [
        f"  {call_path(path) if pair else root + path_text(path)}: "
        f"{type(leaf).__name__} {leaf!r:.60}"
        for path, leaf in flatten_with_path(args)[0]
        if not is_array_like(leaf)
    ]
    return TypeError(
        message(
            f"{transform} of {name_of(function)}: expected arrays or Python numbers as "
            "leaves of the arguments, got\n" + "\n".join(wrong),
            "Pass such values as static arguments, or close over them.",
        )
    )


class TreeWithRefs:
    """A tree some of whose leaves are refs that stay where they are.

    It has what users of tree definitions need where only arrays are passed on.
    """

    def __init__(self, tree: Any, leaves: Sequence[Any]) -> None:
        self._tree = tree
        self._leaves = leaves

    @property
    def num_leaves(self) -> int:
        """How many leaves are arrays."""
        return sum(not isinstance(leaf, Cell) for leaf in self._leaves)

    def unflatten(self, arrays: Sequence[Any]) -> Any:
        """The tree with its refs and these arrays."""
        rest = iter(arrays)
        return self._tree.unflatten(
            [x if isinstance(x, Cell) else next(rest) for x in self._leaves]
        )

    def children(self) -> list[Any]:
        """The trees of the children."""
        leaves = iter(self._leaves)
        return [
            set_refs_aside(list(islice(leaves, child.num_leaves)), child)[1]
            for child in self._tree.children()
        ]

    def flatten_up_to(self, value: Any) -> list[Any]:
        """The parts of a tree in the places of the arrays."""
        parts = zip(self._tree.flatten_up_to(value), self._leaves, strict=True)
        return [part for part, leaf in parts if not isinstance(leaf, Cell)]

    def __repr__(self) -> str:
        return repr(self._tree)


def set_refs_aside(leaves: Sequence[Any], tree: Any) -> tuple[list[Any], Any]:
    """The arrays among leaves, and a tree that puts the refs back."""
    arrays = [leaf for leaf in leaves if not isinstance(leaf, Cell)]
    if len(arrays) == len(leaves):
        return arrays, tree
    return arrays, TreeWithRefs(tree, leaves)


def result_leaves(
    transform: str, function: Any, result: Any, *, refs: bool = False
) -> tuple[list[Any], Any]:
    """Leaves and tree of what a user's function returned.

    Args:
        refs: whether leaves may be refs, too.

    Raises:
        TypeError: a leaf is not array-like.
    """
    leaves, tree = flatten(result)
    if all(map(is_array_like, leaves)):
        return [as_array(leaf) for leaf in leaves], tree
    if refs and all(isinstance(x, Cell) or is_array_like(x) for x in leaves):
        return [as_array(leaf) for leaf in leaves], tree
    wrong = [
        f"  result{path_text(path)}: {type(leaf).__name__} {leaf!r:.60}"
        for path, leaf in flatten_with_path(result)[0]
        if not is_array_like(leaf)
    ]
    advice = "Return only arrays; use `has_aux=True` with arrays for side results."
    if any(isinstance(leaf, Cell) for leaf in leaves):
        advice = (
            "Return the value of a ref, `ref[...]` or `freeze(ref)`, or make it "
            "outside and pass it in."
        )
    raise TypeError(
        message(
            f"{transform} of {name_of(function)}: expected the function to return "
            "arrays (in any tree of containers), got\n" + "\n".join(wrong),
            advice,
        )
    )


def is_axis(value: Any) -> bool:
    """Whether `value` says where a batch axis is: an integer, or None for nowhere."""
    return value is None or isinstance(value, numbers.Integral)


def broadcast_prefix(
    prefix: Any, tree: Any, full: Any, what: str, *, leaf: str = "an integer"
) -> list[Any]:
    """The leaves of `prefix`, each repeated for the subtree of `full` it stands for.

    Args:
        prefix: a tree with None allowed as a leaf, a prefix of `full`.
        tree: the tree definition of `full`.
        what: how messages call `prefix`.
        leaf: how messages call its leaves.

    Raises:
        ValueError: `prefix` is not a prefix of `full`.
    """
    if is_axis(prefix):
        return [prefix] * tree.num_leaves
    result: list[Any] = []

    def extend(part: Any, whole: Any, path: str) -> None:
        if is_axis(part):
            result.extend([part] * flatten(whole)[1].num_leaves)
            return
        parts, wholes = _children(part), _children(whole)
        if (
            parts is None
            or wholes is None
            or [k for k, _ in parts] != [k for k, _ in wholes]
        ):
            also = f", None or {_described(wholes)}" if wholes else " or None"
            got = repr(part) if parts is None else _described(parts)
            raise value_error(
                f"{what}{path}: expected {leaf}{also}, got {got}.",
                "Give it the structure of the value it stands for, or a single entry "
                "for all of that value.",
            )
        for (key, p), (_, w) in zip(parts, wholes, strict=True):
            extend(p, w, path + str(key))

    extend(prefix, full, "")
    return result


def spread_prefix(
    prefix: Any, full: Any, what: str, *, name: str, leaf: str
) -> list[tuple[str, Any]]:
    """For each leaf of `full` the path and value of the leaf of `prefix` over it.

    Args:
        prefix: a tree of anything, None allowed as a leaf, a prefix of `full`.
        what: how messages call `prefix`.
        name: what its paths start with.
        leaf: how messages call its leaves.

    Raises:
        ValueError: `prefix` is not a prefix of `full`.
    """
    flat, tree = pytree.PUBLIC.flatten_with_path(prefix)
    numbers = tree.unflatten(range(len(flat)))
    found = broadcast_prefix(numbers, flatten(full)[1], full, what, leaf=leaf)
    named = [(name + path_text(path), value) for path, value in flat]
    return [(name, None) if number is None else named[number] for number in found]


def _described(children: list[tuple[str, Any]]) -> str:
    entries = ", ".join(key for key, _ in children) or "(none)"
    return f"a container with the entries {entries}"


def _children(value: Any) -> list[tuple[str, Any]] | None:
    """Keys and children of a container, None for a leaf."""
    found = pytree.BOUNDARY.flatten_one_level_with_keys(value)
    if found is None:
        return None
    return [(str(key), child) for key, child in found[0]]
