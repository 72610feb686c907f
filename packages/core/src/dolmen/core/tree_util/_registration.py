"""Classes that become nodes of trees."""

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from .._backend import pytree
from .._ir import type_error, value_error

_T = TypeVar("_T")
_Class = TypeVar("_Class", bound=type)
_Children = Iterable[Any]
_Pairs = Iterable[tuple[Any, Any]]

default_registry = pytree.PUBLIC


def is_tree_node(typ: type) -> bool:
    """Whether instances of a class are nodes; None's class is one, named tuples too.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.is_tree_node(dict), tree_util.is_tree_node(str)
        (True, False)
    """
    return pytree.PUBLIC.is_node(typ)


def register_pytree_node(
    nodetype: type[_T],
    flatten_func: Callable[[_T], tuple[_Children, Hashable]],
    unflatten_func: Callable[[Any, _Children], _T],
    flatten_with_keys_func: Callable[[_T], tuple[_Pairs, Hashable]] | None = None,
) -> None:
    """Make a class a node.

    Args:
        nodetype: the class; its subclasses are not registered with it.
        flatten_func: from an instance to its children and static data, which must hash
            and compare.
        unflatten_func: from static data and children to an instance. It must accept any
            objects as children: transformations put placeholders there.
        flatten_with_keys_func: like `flatten_func`, with a pair of key and child for
            each child; without it, paths show the numbers of the children.

    Raises:
        TypeError: `nodetype` is not a class.
        ValueError: the class is registered already.

    Example:
        >>> from dolmen.core import tree, tree_util
        >>> class Pair:
        ...     def __init__(self, a, b):
        ...         self.a, self.b = a, b
        >>> tree_util.register_pytree_node(
        ...     Pair, lambda p: ((p.a, p.b), None), lambda _, children: Pair(*children)
        ... )
        >>> tree.leaves(Pair(1, (2, 3)))
        [1, 2, 3]
    """
    _check_new("register_pytree_node", nodetype)
    pytree.register_node(nodetype, flatten_func, unflatten_func, flatten_with_keys_func)


def register_pytree_with_keys(
    nodetype: type[_T],
    flatten_with_keys: Callable[[_T], tuple[_Pairs, Hashable]],
    unflatten_func: Callable[[Any, _Children], _T],
    flatten_func: Callable[[_T], tuple[_Children, Hashable]] | None = None,
) -> None:
    """Make a class a node whose children have keys.

    Args:
        nodetype: the class.
        flatten_with_keys: from an instance to pairs of key and child, and static data.
        unflatten_func: from static data and children to an instance.
        flatten_func: a quicker way to the children without their keys.

    Raises:
        TypeError: `nodetype` is not a class.
        ValueError: the class is registered already.
    """
    _check_new("register_pytree_with_keys", nodetype)

    def without_keys(node: _T) -> tuple[_Children, Hashable]:
        pairs, data = flatten_with_keys(node)
        return [child for _, child in pairs], data

    pytree.register_node(
        nodetype, flatten_func or without_keys, unflatten_func, flatten_with_keys
    )


def register_pytree_node_class(cls: _Class) -> _Class:
    """Class decorator for classes with `tree_flatten` and `tree_unflatten`.

    Raises:
        TypeError: one of the two methods is missing.
        ValueError: the class is registered already.

    Example:
        >>> from dolmen.core import tree, tree_util
        >>> @tree_util.register_pytree_node_class
        ... class Pair:
        ...     def __init__(self, a, b):
        ...         self.a, self.b = a, b
        ...     def tree_flatten(self):
        ...         return (self.a, self.b), None
        ...     @classmethod
        ...     def tree_unflatten(cls, data, children):
        ...         return cls(*children)
        >>> tree.map(lambda x: -x, Pair(1, 2)).b
        -2
    """
    flatten, unflatten = _methods(
        "register_pytree_node_class", cls, "tree_flatten", "tree_unflatten"
    )
    register_pytree_node(cls, flatten, unflatten)
    return cls


def register_pytree_with_keys_class(cls: _Class) -> _Class:
    """Class decorator: the class has `tree_flatten_with_keys` and `tree_unflatten`.

    A method `tree_flatten`, where there is one, serves as the quicker way to the
    children without their keys.

    Raises:
        TypeError: one of the two methods is missing.
        ValueError: the class is registered already.
    """
    with_keys, unflatten = _methods(
        "register_pytree_with_keys_class",
        cls,
        "tree_flatten_with_keys",
        "tree_unflatten",
    )
    register_pytree_with_keys(
        cls, with_keys, unflatten, getattr(cls, "tree_flatten", None)
    )
    return cls


def register_dataclass(
    nodetype: _Class,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> _Class:
    """Make a dataclass a node; its fields are the children.

    Args:
        nodetype: a dataclass, or a class whose constructor takes all named fields by
            keyword.
        data_fields: names of the fields that are children. By default the fields of
            ``__init__`` that are not marked static (see `static`).
        meta_fields: names of the fields that are static data, which must hash and
            compare. Given together with `data_fields` or not at all.
        drop_fields: names of fields that are left out: ``__init__`` sets them anew.

    Returns:
        The class, so that it also serves as a decorator.

    Raises:
        TypeError: only one of `data_fields` and `meta_fields` is given, or none and
            `nodetype` is no dataclass.
        ValueError: a field of the dataclass is not named, named twice, or unknown; or
            the class is registered already.

    Example:
        >>> import dataclasses
        >>> from dolmen.core import tree, tree_util
        >>> @tree_util.register_dataclass
        ... @dataclasses.dataclass
        ... class Dense:
        ...     weight: float
        ...     activation: str = tree.static(default="relu")
        >>> tree.map(lambda x: 2 * x, Dense(1.5))
        Dense(weight=3.0, activation='relu')
    """
    if (data_fields is None) != (meta_fields is None):
        raise type_error(
            f"register_dataclass of {_named(nodetype)}: expected both data_fields and "
            f"meta_fields or neither, got data_fields={data_fields!r} and "
            f"meta_fields={meta_fields!r}.",
            "Name the other fields too, or mark the static ones with `tree.static()`.",
        )
    cls: Any = nodetype
    if dataclasses.is_dataclass(cls):
        fields = [field for field in dataclasses.fields(cls) if field.init]
        if data_fields is None or meta_fields is None:
            kept = [field for field in fields if field.name not in drop_fields]
            meta_fields = [f.name for f in kept if f.metadata.get("static", False)]
            data_fields = [f.name for f in kept if f.name not in meta_fields]
        known = {field.name for field in fields}
        _check_fields(nodetype, known, data_fields, meta_fields, drop_fields)
    elif data_fields is None or meta_fields is None:
        raise type_error(
            f"register_dataclass: expected a dataclass, got {_named(nodetype)}.",
            "Decorate it with `@dataclasses.dataclass` first, or name its fields in "
            "data_fields and meta_fields.",
        )
    _check_new("register_dataclass", nodetype)
    pytree.register_dataclass_node(nodetype, data_fields, meta_fields)
    return nodetype


def static(**options: Any) -> Any:
    """A dataclass field that `register_dataclass` takes as static data.

    Args:
        **options: those of `dataclasses.field`.

    Example:
        >>> import dataclasses
        >>> from dolmen.core import tree, tree_util
        >>> @tree_util.register_dataclass
        ... @dataclasses.dataclass
        ... class Scale:
        ...     factor: float
        ...     name: str = tree.static(default="scale")
        >>> tree.leaves(Scale(2.0))
        [2.0]
    """
    metadata = {**(options.pop("metadata", None) or {}), "static": True}
    return dataclasses.field(metadata=metadata, **options)


def register_static(cls: _Class) -> _Class:
    """Class decorator: instances are nodes without children.

    They pass through transformations as part of the structure: a compiled function is
    compiled again for each that differs. They must hash and compare.

    Raises:
        ValueError: the class is registered already.

    Example:
        >>> from dolmen.core import tree, tree_util
        >>> @tree_util.register_static
        ... class Mode(str):
        ...     pass
        >>> tree.leaves([Mode("train"), 1.0])
        [1.0]
    """
    _check_new("register_static", cls)
    pytree.register_node(cls, lambda x: ((), x), lambda data, _: data)
    return cls


# ---- checks ------------------------------------------------------------------------


def _named(cls: Any) -> str:
    return cls.__qualname__ if isinstance(cls, type) else f"{cls!r:.60}"


def _check_new(function: str, cls: Any) -> None:
    if not isinstance(cls, type):
        raise type_error(f"{function}: expected a class, got {cls!r:.60}.")
    # Named tuples are nodes by themselves, and may be registered to be other nodes.
    if is_tree_node(cls) and not (issubclass(cls, tuple) and hasattr(cls, "_fields")):
        raise value_error(
            f"{function}: {_named(cls)} is a node of trees already.",
            "Register each class once, beside its definition.",
        )


def _methods(function: str, cls: Any, flatten: str, unflatten: str) -> tuple[Any, Any]:
    missing = [name for name in (flatten, unflatten) if not hasattr(cls, name)]
    if missing:
        raise type_error(
            f"{function}: {_named(cls)} has no method {' and no '.join(missing)}.",
            f"Define `{flatten}(self)` and the class method "
            f"`{unflatten}(cls, data, children)`.",
        )
    return getattr(cls, flatten), getattr(cls, unflatten)


def _check_fields(
    cls: type,
    known: set[str],
    data: Sequence[str],
    meta: Sequence[str],
    dropped: Sequence[str],
) -> None:
    named = [*data, *meta, *dropped]
    faults = {
        "missing": known - set(named),
        "unknown": {*data, *meta} - known,
        "named twice": {name for name in named if named.count(name) > 1},
    }
    found = [f"{fault}: {', '.join(sorted(n))}" for fault, n in faults.items() if n]
    if found:
        raise value_error(
            f"register_dataclass of {_named(cls)}: expected every field that its "
            f"__init__ takes in one of data_fields, meta_fields and drop_fields, got "
            f"{'; '.join(found)}."
        )
