"""Modules as structure plus state: `split`, `merge`, `state`, `update`."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dolmen.core import tree_util

from ._module import Module, Path, is_bare, items, iter_values, map_items
from ._variables import Variable

Filter = Any


class State(Mapping[str | int, Any]):
    """Variables of a module by path: nested like the module, and a pytree.

    Example:
        >>> from dolmen import nn
        >>> params = nn.state(nn.Linear(2, 3, rngs=nn.Rngs(0)), nn.Param)
        >>> params["kernel"].value.shape
        (2, 3)
        >>> [path for path, _ in params.flat_state()]
        [('bias',), ('kernel',)]
    """

    def __init__(self, nested: Mapping[Any, Any]) -> None:
        self._nested = dict(nested)

    def __getitem__(self, key: str | int) -> Any:
        value = self._nested[key]
        return State(value) if isinstance(value, dict) else value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"State has no attribute {name!r}.")
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"State has no entry {name!r}; it has {sorted(map(str, self))}."
            ) from None

    def __iter__(self) -> Iterator[str | int]:
        return iter(self._nested)

    def __len__(self) -> int:
        return len(self._nested)

    def __repr__(self) -> str:
        lines = [f"  {'/'.join(map(str, p))}: {v!r}" for p, v in self.flat_state()]
        return "State(\n" + "\n".join(lines) + "\n)" if lines else "State()"

    def flat_state(self) -> list[tuple[Path, Variable]]:
        """Pairs of path and variable, by path."""
        return list(_walk(self._nested, ()))

    @classmethod
    def from_flat_path(cls, flat: Mapping[Path, Any] | Any) -> "State":
        """A state from pairs of path and variable."""
        pairs = flat.items() if isinstance(flat, Mapping) else flat
        nested: dict[Any, Any] = {}
        for path, value in pairs:
            here = nested
            for key in path[:-1]:
                here = here.setdefault(key, {})
            here[path[-1]] = value
        return cls(nested)


def _walk(nested: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if not isinstance(nested, dict):
        yield path, nested
        return
    for key in sorted(nested, key=lambda k: (isinstance(k, str), k)):
        yield from _walk(nested[key], (*path, key))


tree_util.register_pytree_with_keys(
    State,
    lambda s: (
        [(tree_util.DictKey(k), s._nested[k]) for k in _ordered(s._nested)],
        tuple(_ordered(s._nested)),
    ),
    lambda keys, children: State(dict(zip(keys, children, strict=True))),
)


def _ordered(nested: dict[Any, Any]) -> list[Any]:
    return sorted(nested, key=lambda k: (isinstance(k, str), k))


class GraphDef:
    """A module without its variables: hashable, so it may be a static argument."""

    def __init__(self, template: Any, paths: tuple[Path, ...], shared: Any) -> None:
        self._template = template  # the module with a `_Hole` for every variable
        self._paths = paths
        # Pairs of a path and the earlier path of the same variable.
        self._shared = shared
        _, self._structure = tree_util.tree_flatten(template)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, GraphDef)
            and self._structure == other._structure
            and self._paths == other._paths
            and self._shared == other._shared
        )

    def __hash__(self) -> int:
        return hash((self._structure, self._paths, self._shared))

    def __repr__(self) -> str:
        return f"GraphDef({len(self._paths)} variables)"


def matches(filter: Filter, path: Path, value: Any) -> bool:
    """Whether a filter selects a variable, or an array that stands without one.

    A filter is a class, a predicate of (path, variable), `...` or True for all, None or
    False for none, or a list of filters of which any may select.

    Raises:
        TypeError: it is none of these.
    """
    if filter is ... or filter is True:
        return True
    if filter is None or filter is False:
        return False
    if isinstance(filter, type):
        return isinstance(value, filter)
    if isinstance(filter, list | tuple):
        return any(matches(part, path, value) for part in filter)
    if callable(filter):
        return bool(filter(path, value))
    raise TypeError(
        "filter: expected a class of variables, a predicate of (path, variable), a "
        f"list of filters, `...` or None, got {filter!r}."
    )


def _partition(
    pairs: list[tuple[Path, Any]], filters: tuple[Filter, ...], function: str
) -> list[State]:
    if any(filter is ... or filter is True for filter in filters[:-1]):
        raise ValueError(
            f"{function}: `...` takes all that is left, so it must be the last filter."
        )
    groups: list[list[tuple[Path, Any]]] = [[] for _ in filters]
    left = []
    for path, variable in pairs:
        for group, filter in zip(groups, filters, strict=True):
            if matches(filter, path, variable):
                group.append((path, variable))
                break
        else:
            left.append((path, variable))
    if left and function == "split":
        listed = "\n".join(
            f"  {'/'.join(map(str, p))}: {type(v).__name__}" for p, v in left
        )
        raise ValueError(
            f"split: no filter selects these variables:\n{listed}\n"
            "Add `...` as the last filter to take all that is left."
        )
    return [State.from_flat_path(group) for group in groups]


def state(node: Any, *filters: Filter) -> Any:
    """Variables of a module, by path, and arrays that stand without a variable.

    Args:
        node: a module, or a list or dict of modules.
        *filters: a state is returned for each; without filters one state of all.
    """
    _check_node("state", node)
    pairs = [(path, _copied(value)) for path, value in iter_values(node)]
    found = _partition(pairs, filters or (...,), "state")
    return found[0] if len(found) == 1 else tuple(found)


def split(node: Any, *filters: Filter) -> Any:
    """A module as `(graphdef, state)`, or `(graphdef, *states)` with filters.

    Raises:
        ValueError: filters are given and leave a variable out.

    Example:
        >>> from dolmen import nn
        >>> model = nn.Linear(2, 3, rngs=nn.Rngs(0))
        >>> graphdef, params, rest = nn.split(model, nn.Param, ...)
        >>> nn.merge(graphdef, params, rest).kernel.value.shape
        (2, 3)
    """
    _check_node("split", node)
    first: dict[int, Path] = {}
    shared: list[tuple[Path, Path]] = []
    _find_shared(node, (), first, shared)
    pairs = list(iter_values(node))
    template = _with_holes(node, ())
    graphdef = GraphDef(template, tuple(path for path, _ in pairs), tuple(shared))
    copies = [(path, _copied(value)) for path, value in pairs]
    return (graphdef, *_partition(copies, filters or (...,), "split"))


def _check_node(function: str, node: Any) -> None:
    if not isinstance(node, Module | list | tuple | dict):
        raise TypeError(
            f"{function}: expected a module, or a list, tuple or dict of modules, got "
            f"{type(node).__name__}."
        )


def merge(graphdef: GraphDef, *states: State) -> Any:
    """The module of a `GraphDef` and its states.

    Raises:
        ValueError: variables are missing or unknown; the message lists all of them.
    """
    flat: dict[Path, Variable] = {}
    for part in states:
        flat.update(part.flat_state())
    missing = [p for p in graphdef._paths if p not in flat]
    unknown = [p for p in flat if p not in graphdef._paths]
    if missing or unknown:
        raise ValueError(_difference("merge", missing, unknown))
    aliases = dict(graphdef._shared)
    made = {path: _copied(flat[path]) for path in graphdef._paths}

    def fill(value: Any, path: Path) -> Any:
        if isinstance(value, _Hole):
            return value.fill(made[aliases.get(path, path)])
        return _rebuild(value, path, fill)

    return fill(graphdef._template, ())


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, Variable) else value


def update(node: Any, *states: Any) -> None:
    """Replace variables of a module in place.

    Args:
        node: the module.
        *states: states, or trees of the module's shape, with new values.

    Raises:
        ValueError: a state names a variable the module does not have, or a value has
            another shape; the message lists all of them.
    """
    have = dict(iter_values(node))
    new: dict[Path, Any] = {}
    for part in states:
        pairs = part.flat_state() if isinstance(part, State) else iter_values(part)
        new.update(pairs)
    unknown = [path for path in new if path not in have]
    if unknown:
        raise ValueError(_difference("update", [], unknown))
    wrong = [
        f"  {'/'.join(map(str, path))}: has shape {_shape(have[path])}, "
        f"got {_shape(value)}"
        for path, value in new.items()
        if _shape(have[path]) != _shape(value)
    ]
    if wrong:
        raise ValueError("update: shapes must stay the same, but\n" + "\n".join(wrong))
    for path, value in new.items():
        if isinstance(have[path], Variable):
            have[path].value = value
        else:
            _assign(node, path, value)


class Changes:
    """Watches which variables a call replaces.

    Only those are handed out of a transformation: the others keep what they hold, and
    the transformed program has no results for them.
    """

    def __init__(self, node: Any, *, besides: Filter) -> None:
        self._node = node
        self._besides = besides
        self._before = {path: _plain(value) for path, value in iter_values(node)}

    def state(self) -> State:
        """What was replaced since, except what the filter `besides` selects."""
        return State.from_flat_path(
            [
                (path, _copied(value))
                for path, value in iter_values(self._node)
                if path in self._before
                and self._before[path] is not _plain(value)
                and not matches(self._besides, path, value)
            ]
        )


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else value


def _shape(value: Any) -> Any:
    return getattr(value, "shape", None)


def _assign(node: Any, path: Path, value: Any) -> None:
    """Replace an array that stands without a variable."""
    for name in path[:-1]:
        node = dict(items(node))[name]
    if isinstance(node, Module):
        setattr(node, str(path[-1]), value)
    else:
        node[path[-1]] = value


def _difference(function: str, missing: list[Path], unknown: list[Path]) -> str:
    lines = [f"  missing: {'/'.join(map(str, p))}" for p in missing]
    lines += [f"  unknown: {'/'.join(map(str, p))}" for p in unknown]
    return (
        f"{function}: the states do not fit the module:\n"
        + "\n".join(lines)
        + "\nPass the states that `split` or `state` gave for a module of this "
        "structure."
    )


@tree_util.register_static
@dataclasses.dataclass(frozen=True)
class _Hole:
    """Stands in a template for a variable, or for an array without one."""

    kind: type[Variable] | None = None
    metadata: Any = ()

    def fill(self, value: Any) -> Any:
        """The variable; an array gets the kind and notes of the one that was here."""
        if self.kind is None or isinstance(value, Variable):
            return value
        return self.kind(value, **dict(self.metadata))


def _with_holes(value: Any, path: Path) -> Any:
    if isinstance(value, Variable):
        return _Hole(type(value), value._metadata)
    if is_bare(value):
        return _Hole()
    return _rebuild(value, path, _with_holes)


def _rebuild(value: Any, path: Path, child: Callable[[Any, Path], Any]) -> Any:
    """A copy of a module or container whose items went through `child`."""
    if isinstance(value, Module):
        made = object.__new__(type(value))
        for name, item in items(value):
            made.__dict__[str(name)] = child(item, (*path, name))
        return made
    if isinstance(value, list | tuple | dict):
        return map_items(value, lambda item, name: child(item, (*path, name)))
    return value


def _find_shared(
    value: Any, path: Path, first: dict[int, Path], shared: list[tuple[Path, Path]]
) -> None:
    """Record every further path of a variable found before."""
    if isinstance(value, Variable):
        if id(value) in first:
            shared.append((path, first[id(value)]))
        else:
            first[id(value)] = path
        return
    for name, child in items(value):
        if isinstance(child, Variable | Module | list | tuple | dict):
            _find_shared(child, (*path, name), first, shared)


def clone(node: Any) -> Any:
    """A copy with variables of its own (arrays are shared: they never change)."""
    return merge(*split(node))
