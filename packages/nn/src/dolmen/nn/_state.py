"""Modules as structure plus state: `split`, `merge`, `state`, `update`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dolmen.core import tree_util

from ._module import Module, Path, items, iter_variables
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
        self._shared = shared  # pairs of a path and the earlier path of the same variable
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


def matches(filter: Filter, path: Path, variable: Variable) -> bool:
    """Whether a filter selects a variable.

    A filter is a `Variable` class, a predicate of (path, variable), `...` or True for
    all, None or False for none, or a list of filters of which any may select.

    Raises:
        TypeError: it is none of these.
    """
    if filter is ... or filter is True:
        return True
    if filter is None or filter is False:
        return False
    if isinstance(filter, type) and issubclass(filter, Variable):
        return isinstance(variable, filter)
    if isinstance(filter, list | tuple):
        return any(matches(part, path, variable) for part in filter)
    if callable(filter):
        return bool(filter(path, variable))
    raise TypeError(
        f"filter: expected a Variable class, a predicate of (path, variable), a list of "
        f"filters, `...` or None, got {filter!r}."
    )


def _partition(
    pairs: list[tuple[Path, Variable]], filters: tuple[Filter, ...], function: str
) -> list[State]:
    groups: list[list[tuple[Path, Variable]]] = [[] for _ in filters]
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
    """Variables of a module, by path.

    Args:
        node: a module, or a list or dict of modules.
        *filters: a state is returned for each; without filters one state of all.
    """
    pairs = [(path, variable.copy()) for path, variable in iter_variables(node)]
    found = _partition(pairs, filters or (...,), "state")
    return found[0] if len(found) == 1 else tuple(found)


def split(node: Any, *filters: Filter) -> Any:
    """A module as `(graphdef, state)`, or `(graphdef, *states)` with filters.

    Raises:
        ValueError: filters are given and leave a variable out.

    Example:
        >>> from dolmen import nn
        >>> graphdef, params, rest = nn.split(nn.Linear(2, 3, rngs=nn.Rngs(0)), nn.Param, ...)
        >>> nn.merge(graphdef, params, rest).kernel.value.shape
        (2, 3)
    """
    first: dict[int, Path] = {}
    shared: list[tuple[Path, Path]] = []
    _find_shared(node, (), first, shared)
    pairs = list(iter_variables(node))
    template = _map_variables(node, lambda variable: _Hole(type(variable)))
    graphdef = GraphDef(template, tuple(path for path, _ in pairs), tuple(shared))
    copies = [(path, variable.copy()) for path, variable in pairs]
    return (graphdef, *_partition(copies, filters or (...,), "split"))


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
    made = {path: _boxed(flat[path]) for path in graphdef._paths}

    def fill(value: Any, path: Path) -> Any:
        if isinstance(value, _Hole):
            return made[aliases.get(path, path)]
        return _rebuild(value, path, fill)

    return fill(graphdef._template, ())


def _boxed(value: Any) -> Any:
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
    have = dict(iter_variables(node))
    new: dict[Path, Any] = {}
    for part in states:
        pairs = part.flat_state() if isinstance(part, State) else iter_variables(part)
        new.update(pairs)
    unknown = [path for path in new if path not in have]
    if unknown:
        raise ValueError(_difference("update", [], unknown))
    wrong = [
        f"  {'/'.join(map(str, path))}: has shape {_shape(have[path])}, got {_shape(value)}"
        for path, value in new.items()
        if _shape(have[path]) != _shape(value)
    ]
    if wrong:
        raise ValueError("update: shapes must stay the same, but\n" + "\n".join(wrong))
    for path, value in new.items():
        have[path].value = value.value if isinstance(value, Variable) else value


def _shape(value: Any) -> Any:
    return getattr(value, "shape", None)


def _difference(function: str, missing: list[Path], unknown: list[Path]) -> str:
    lines = [f"  missing: {'/'.join(map(str, p))}" for p in missing]
    lines += [f"  unknown: {'/'.join(map(str, p))}" for p in unknown]
    return (
        f"{function}: the states do not fit the module:\n"
        + "\n".join(lines)
        + "\nPass the states that `split` or `state` gave for a module of this structure."
    )


class _Hole:
    """Stands in a template for a variable of a kind."""

    def __init__(self, kind: type[Variable]) -> None:
        self.kind = kind


tree_util.register_static(_Hole)
_Hole.__eq__ = lambda self, other: isinstance(other, _Hole) and self.kind is other.kind  # type: ignore[method-assign]
_Hole.__hash__ = lambda self: hash(self.kind)  # type: ignore[method-assign]


def _rebuild(value: Any, path: Path, child: Callable[[Any, Path], Any]) -> Any:
    """A copy of a module or container whose items went through `child`."""
    if isinstance(value, Module):
        made = object.__new__(type(value))
        for name, item in items(value):
            made.__dict__[name] = child(item, (*path, name))
        return made
    if isinstance(value, dict):
        return type(value)((k, child(v, (*path, k))) for k, v in value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(child(v, (*path, i)) for i, v in enumerate(value)))
    if isinstance(value, list | tuple):
        return type(value)(child(v, (*path, i)) for i, v in enumerate(value))
    return value


def _map_variables(root: Any, function: Callable[[Variable], Any]) -> Any:
    def visit(value: Any, path: Path) -> Any:
        if isinstance(value, Variable):
            return function(value)
        return _rebuild(value, path, visit)

    return visit(root, ())


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
