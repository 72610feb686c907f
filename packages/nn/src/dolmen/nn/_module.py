"""`Module`: a plain class whose instances are pytrees."""

import copy
import functools
import operator
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dolmen.core import Array, tree_util

from ._variables import Variable, brief

Path = tuple[str | int, ...]


class Module:
    """Base class of layers and models.

    Write an ordinary class: make variables and sub-modules in `__init__`, use them in
    `__call__`. An attribute is data if it is or contains (through lists, tuples and
    dicts) an array, a `Variable` or a `Module`; anything else is static: it is part of
    the structure, and functions compiled by `jit` are compiled again when it changes.

    Instances are pytrees, so the transformations of `dolmen.core` take and return them.
    A transformed function gets its own copy: return a module from it to keep changes.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> class Affine(nn.Module):
        ...     def __init__(self, size):
        ...         self.scale = nn.Param(jnp.ones(size))
        ...         self.name = "affine"
        ...     def __call__(self, x):
        ...         return x * self.scale
        >>> dc.grad(lambda m, x: m(x).sum())(Affine(2), jnp.arange(2.0)).scale.value
        Array([0., 1.], dtype=float32)
    """

    # The structure of the last time this instance was taken apart.
    __slots__ = ("__dict__", "__weakref__", "_structure")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def train(self, **attributes: Any) -> None:
        """Set this module and all inside to training mode.

        Sets `deterministic=False` and `use_running_average=False` where a module has
        these attributes, and the given ones.
        """
        _set_where_present(
            self, {"deterministic": False, "use_running_average": False, **attributes}
        )

    def eval(self, **attributes: Any) -> None:
        """Set this module and all inside to evaluation mode."""
        _set_where_present(
            self, {"deterministic": True, "use_running_average": True, **attributes}
        )

    def set_attributes(
        self, *, raise_if_not_found: bool = True, **attributes: Any
    ) -> None:
        """Set attributes of this module and all inside that have them already.

        Raises:
            ValueError: no module has one of the attributes.
        """
        unknown = attributes.keys() - _set_where_present(self, attributes)
        if unknown and raise_if_not_found:
            raise ValueError(
                f"set_attributes: no module in this {type(self).__name__} has "
                f"{' or '.join(f'`{name}`' for name in sorted(unknown))}. Check the "
                "spelling, or pass raise_if_not_found=False."
            )

    def __repr__(self) -> str:
        return "\n".join(_lines(self))


def _set_where_present(root: Module, attributes: dict[str, Any]) -> set[str]:
    found = set()
    for _, module in iter_modules(root):
        for name in attributes.keys() & module.__dict__.keys():
            setattr(module, name, attributes[name])
            found.add(name)
    return found


class _Structure:
    """What of a module is not data: attribute names and static values.

    Args:
        names: of the data attributes.
        static: the other attributes and their values.
        order: names of all attributes.
        mixed: names of containers that hold both data and static values.
    """

    __slots__ = ("_hash", "_is_mutable", "blank", "mixed", "names", "static")

    def __init__(
        self,
        names: list[str],
        static: dict[str, Any],
        order: Iterable[str],
        mixed: list[str],
    ) -> None:
        self.names = names
        self.static = {name: _frozen_copy(value) for name, value in static.items()}
        self.blank = {name: self.static.get(name) for name in order}
        self.mixed = mixed
        self._is_mutable = any(isinstance(v, list | dict) for v in static.values())
        # At once, so that an unhashable value is an error where it is, not stale code.
        self._hash = hash((tuple(names), _hashable(self.static)))

    def describes(self, names: list[str], static: dict[str, Any]) -> bool:
        """Whether these are the very same names and values (by identity)."""
        return (
            not self._is_mutable
            and self.names == names
            and list(self.static) == list(static)
            and all(map(operator.is_, self.static.values(), static.values()))
        )

    def make(self, cls: type[Module], children: Iterable[Any]) -> Module:
        """A module of this structure."""
        made = object.__new__(cls)
        attributes = made.__dict__
        attributes.update(self.blank)
        if self._is_mutable:
            attributes.update({k: _frozen_copy(v) for k, v in self.static.items()})
        attributes.update(zip(self.names, children, strict=True))
        for name in self.mixed:
            attributes[name] = _unwrapped(attributes[name])
        _set_structure(made, self)
        return made

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, _Structure) or self.names != other.names:
            return False
        return _same_static(self.static, other.static)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"data={tuple(self.names)}, static={self.static}"


_set_structure = vars(Module)["_structure"].__set__


def _frozen_copy(value: Any) -> Any:
    """A copy of static containers: later changes of theirs must not reach a cache."""
    if type(value) is list:
        return [_frozen_copy(item) for item in value]
    if type(value) is dict:
        return {key: _frozen_copy(item) for key, item in value.items()}
    return value


def _same_static(a: Any, b: Any) -> bool:
    """Equality of static values; 1, 1.0 and True are different."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same_static(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same_static, a, b))
    return bool(a == b)


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((k, _hashable(v)) for k, v in sorted(value.items(), key=_by_text))
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    try:
        hash(value)
    except TypeError:
        raise TypeError(
            "Module: a static attribute must be hashable, got "
            f"{type(value).__name__}: {value!r:.60}. Wrap arrays in a `Variable`; give "
            "other values a `__hash__`."
        ) from None
    return value


def _by_text(item: tuple[Any, Any]) -> str:
    return str(item[0])


# What a value holds: nothing, data, static values, or both.
_NOTHING, _DATA, _STATIC, _BOTH = 0, 1, 2, 3

_CONTENTS_BY_TYPE: dict[type, int] = {
    type(None): _NOTHING,
    **dict.fromkeys((bool, int, float, complex, str, bytes, type), _STATIC),
    **dict.fromkeys((types.FunctionType, types.BuiltinFunctionType), _STATIC),
    **dict.fromkeys((types.MethodType, functools.partial), _STATIC),
}


def _contents(value: Any) -> int:
    known = _CONTENTS_BY_TYPE.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Variable | Module | Array):
        return _DATA
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return _DATA if _is_node_with_data(value) else _STATIC
    return functools.reduce(operator.or_, map(_contents, value), _NOTHING)


def is_data(value: Any) -> bool:
    """Whether an attribute holds data rather than structure."""
    return bool(_contents(value) & _DATA)


def _is_node_with_data(value: Any) -> bool:
    """Whether a user's registered container, or a typed key, holds arrays."""
    leaves = tree_util.tree_leaves(value)
    if len(leaves) == 1 and leaves[0] is value:
        return hasattr(value, "dtype") and hasattr(value, "shape")
    return any(map(is_data, leaves))


class _Static:
    """A static value inside a container of data, such as a function between layers."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and _same_static(self.value, other.value)

    def __hash__(self) -> int:
        return hash(_hashable(self.value))


tree_util.register_static(_Static)


def _wrapped(value: Any) -> Any:
    contents = _contents(value)
    if contents == _BOTH:
        return map_items(value, lambda item, _: _wrapped(item))
    return _Static(_frozen_copy(value)) if contents == _STATIC else value


def _unwrapped(value: Any) -> Any:
    if isinstance(value, _Static):
        return _frozen_copy(value.value)
    if isinstance(value, list | tuple | dict):
        return map_items(value, lambda item, _: _unwrapped(item))
    return value


def _take_apart(module: Module) -> tuple[list[Any], _Structure]:
    names, children, static, mixed = [], [], {}, []
    for name, value in module.__dict__.items():
        contents = _contents(value)
        if contents & _DATA:
            names.append(name)
            if contents == _BOTH:
                mixed.append(name)
                value = _wrapped(value)
            children.append(value)
        else:
            static[name] = value
    known = getattr(module, "_structure", None)
    if known is None or known.mixed != mixed or not known.describes(names, static):
        known = _Structure(names, static, module.__dict__, mixed)
        _set_structure(module, known)
    return children, known


def _take_apart_with_keys(module: Module) -> tuple[list[Any], _Structure]:
    children, structure = _take_apart(module)
    keys = map(tree_util.GetAttrKey, structure.names)
    return list(zip(keys, children, strict=True)), structure


def _register(cls: type[Module]) -> None:
    def make(structure: _Structure, children: Iterable[Any]) -> Module:
        return structure.make(cls, children)

    tree_util.register_pytree_node(cls, _take_apart, make, _take_apart_with_keys)
    _CONTENTS_BY_TYPE[cls] = _DATA


_register(Module)


def map_items(value: Any, function: Callable[[Any, Any], Any]) -> Any:
    """A list, tuple or dict whose items went through `function(item, name)`."""
    if isinstance(value, dict):
        made = copy.copy(value)  # keeps subclasses, such as a default factory
        made.update((k, function(v, k)) for k, v in value.items())
        return made
    mapped = [function(v, i) for i, v in enumerate(value)]
    if hasattr(value, "_fields"):
        return type(value)(*mapped)
    return type(value)(mapped)


def items(value: Any) -> Iterator[tuple[str | int, Any]]:
    """Names and values inside a module, list, tuple or dict."""
    if isinstance(value, Module):
        yield from value.__dict__.items()
    elif isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def iter_modules(root: Any, path: Path = ()) -> Iterator[tuple[Path, Module]]:
    """Every module in a tree with its path, outermost first, shared ones once."""
    yield from _iter_modules(root, path, set())


def _iter_modules(
    value: Any, path: Path, seen: set[int]
) -> Iterator[tuple[Path, Module]]:
    if isinstance(value, Module):
        if id(value) in seen:
            return
        seen.add(id(value))
        yield path, value
    for name, child in items(value):
        if isinstance(child, Module | list | tuple | dict):
            yield from _iter_modules(child, (*path, name), seen)


def iter_variables(root: Any, path: Path = ()) -> Iterator[tuple[Path, Variable]]:
    """Every variable in a tree with its path, shared ones once."""
    for where, value in iter_values(root, path):
        if isinstance(value, Variable):
            yield where, value


def iter_values(root: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every variable, and every array that stands without one, with its path."""
    yield from _iter_values(root, path, set())


def _iter_values(value: Any, path: Path, seen: set[int]) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Variable | Module):
        if id(value) in seen:
            return
        seen.add(id(value))
    if isinstance(value, Variable) or is_bare(value):
        yield path, value
        return
    for name, child in items(value):
        yield from _iter_values(child, (*path, name), seen)


def is_bare(value: Any) -> bool:
    """Whether this is an array, or a user's node of arrays, without a variable."""
    containers = Variable | Module | list | tuple | dict
    return not isinstance(value, containers) and is_data(value)


def _lines(value: Any, name: str = "") -> list[str]:
    """The indented representation of a module."""
    head = f"{name}=" if name else ""
    if isinstance(value, Module):
        body = [
            line
            for key, child in value.__dict__.items()
            for line in _lines(child, str(key))
        ]
        if not body:
            return [f"{head}{type(value).__name__}()"]
        return [
            f"{head}{type(value).__name__}(",
            *("  " + line for line in body),
            ")",
        ]
    if isinstance(value, list | tuple | dict) and is_data(value):
        brackets = {"list": "[]", "tuple": "()", "dict": "{}"}.get(
            type(value).__name__, "()"
        )
        body = [line for key, child in items(value) for line in _lines(child, str(key))]
        return [f"{head}{brackets[0]}", *("  " + line for line in body), brackets[1]]
    if isinstance(value, Array):
        return [f"{head}{brief(value)}"]
    return [f"{head}{value!r}"]
