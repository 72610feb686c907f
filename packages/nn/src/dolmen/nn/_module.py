"""`Module`: a plain class whose instances are pytrees."""

from collections.abc import Iterable, Iterator
from typing import Any

from dolmen.core import Array, tree_util

from ._variables import Variable

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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

        def unflatten(structure: "_Structure", children: Iterable[Any]) -> Module:
            made = object.__new__(cls)
            attributes = made.__dict__
            attributes.update(structure.static)
            attributes.update(zip(structure.names, children, strict=True))
            return made

        tree_util.register_pytree_node(cls, _flatten, unflatten, _flatten_with_keys)

    def train(self, **attributes: Any) -> None:
        """Set this module and all inside to training mode.

        Sets `deterministic=False` and `use_running_average=False` where a module has
        these attributes, and the given ones.
        """
        self.set_attributes(
            deterministic=False, use_running_average=False, **attributes
        )

    def eval(self, **attributes: Any) -> None:
        """Set this module and all inside to evaluation mode."""
        self.set_attributes(deterministic=True, use_running_average=True, **attributes)

    def set_attributes(self, **attributes: Any) -> None:
        """Set attributes of this module and all inside that have them already."""
        for _, module in iter_modules(self):
            for name, value in attributes.items():
                if name in module.__dict__:
                    setattr(module, name, value)

    def __repr__(self) -> str:
        return "\n".join(_lines(self))


class _Structure:
    """What of a module is not data: attribute names and static values."""

    __slots__ = ("_hash", "names", "static")

    def __init__(self, names: tuple[str, ...], static: dict[str, Any]) -> None:
        self.names = names
        self.static = static
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, _Structure) or self.names != other.names:
            return False
        return _same_static(self.static, other.static)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.names, _hashable(self.static)))
        return self._hash

    def __repr__(self) -> str:
        return f"data={self.names}, static={self.static}"


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
            f"Module: a static attribute must be hashable, got {type(value).__name__}: "
            f"{value!r:.60}. Wrap arrays in a `Variable`; give other values a `__hash__`."
        ) from None
    return value


def _by_text(item: tuple[Any, Any]) -> str:
    return str(item[0])


def is_data(value: Any) -> bool:
    """Whether an attribute holds data rather than structure."""
    if isinstance(value, Variable | Module | Array):
        return True
    if isinstance(value, dict):
        return any(map(is_data, value.values()))
    if isinstance(value, list | tuple):
        return any(map(is_data, value))
    if isinstance(value, _SCALARS):
        return False
    return _is_node_with_data(value)


_SCALARS = (int, float, complex, str, bytes, bool, type(None), type)


def _is_node_with_data(value: Any) -> bool:
    """Whether a user's registered container, or a typed key, holds arrays."""
    leaves = tree_util.tree_leaves(value)
    if len(leaves) == 1 and leaves[0] is value:
        return hasattr(value, "dtype") and hasattr(value, "shape")
    return any(map(is_data, leaves))


def _split(module: Module) -> tuple[list[Any], _Structure]:
    names, children, static = [], [], {}
    for name, value in module.__dict__.items():
        if is_data(value):
            names.append(name)
            children.append(value)
        else:
            static[name] = value
    return children, _Structure(tuple(names), static)


def _flatten(module: Module) -> tuple[list[Any], _Structure]:
    return _split(module)


def _flatten_with_keys(module: Module) -> tuple[list[Any], _Structure]:
    children, structure = _split(module)
    keys = map(tree_util.GetAttrKey, structure.names)
    return list(zip(keys, children, strict=True)), structure


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
    yield from _iter_variables(root, path, set())


def _iter_variables(
    value: Any, path: Path, seen: set[int]
) -> Iterator[tuple[Path, Variable]]:
    if isinstance(value, Variable | Module):
        if id(value) in seen:
            return
        seen.add(id(value))
    if isinstance(value, Variable):
        yield path, value
        return
    for name, child in items(value):
        if isinstance(child, Variable | Module | list | tuple | dict):
            yield from _iter_variables(child, (*path, name), seen)


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
        return [f"{head}{value.dtype}[{','.join(map(str, value.shape))}]"]
    return [f"{head}{value!r}"]
