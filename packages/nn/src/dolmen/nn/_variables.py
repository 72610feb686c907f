"""Variables: the arrays of a module, each with a kind and notes about it."""

from collections.abc import Iterable, Iterator
from typing import Any

from dolmen.core import tree_util

_UNSET = object()


class Variable:
    """A box that holds one array of a module (or a tree of arrays).

    The class is its kind: `Param` is trained, `BatchStat`, `Cache` and the
    random-stream state are not. A variable works as its array in arithmetic and array
    functions. Assign `variable.value = ...` or `variable[...] = ...` to replace the
    array; `variable += 1` replaces it too. `==` compares identity: compare `.value`.

    Args:
        value: the array.
        **metadata: hashable notes, for example `sharding=("embed", "mlp")`; readable as
            attributes.

    Raises:
        TypeError: a note is not hashable.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> scale = nn.Param(jnp.ones(2), note="kept by transformations")
        >>> scale * 3.0
        Array([3., 3.], dtype=float32)
        >>> scale.note
        'kept by transformations'
    """

    __slots__ = ("__weakref__", "_metadata", "_value")

    _value: Any
    _metadata: tuple[tuple[str, Any], ...]

    def __init__(self, value: Any, **metadata: Any) -> None:
        kind = type(self).__name__
        for name, note in metadata.items():
            _check_note(kind, name, note)
        _fill(self, value, tuple(sorted(metadata.items(), key=_name_of_note)))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _register(cls)

    @property
    def value(self) -> Any:
        """The array."""
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        self._value = new.value if isinstance(new, Variable) else new

    def get_metadata(self) -> dict[str, Any]:
        """All notes."""
        return dict(self._metadata)

    def replace(self, value: Any = _UNSET, **metadata: Any) -> "Variable":
        """A variable of the same kind with another value or other notes."""
        kept = self._value if value is _UNSET else value
        return type(self)(kept, **{**self.get_metadata(), **metadata})

    def copy(self) -> "Variable":
        """Another variable with the same value and notes."""
        return _made(type(self), self._value, self._metadata)

    def __reduce__(self) -> Any:
        return _made, (type(self), self._value, self._metadata)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        for noted, note in self._metadata:
            if noted == name:
                return note
        # Array attributes and methods: shape, dtype, sum(), at, ...
        return getattr(self._value, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("value", "_value"):
            object.__setattr__(self, name, value)
            return
        raise AttributeError(
            f"{type(self).__name__}.{name}: variables have no attributes to assign but "
            "`value`. Notes are given when the variable is made, or with `replace`."
        )

    def __jax_array__(self) -> Any:
        return self._value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._value.__array__(dtype, copy)

    def __getitem__(self, key: Any) -> Any:
        return self._value if key is Ellipsis else self._value[key]

    def __setitem__(self, key: Any, new: Any) -> None:
        if key is Ellipsis:
            self.value = new
        else:
            self.value = self._value.at[key].set(getattr(new, "value", new))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        notes = "".join(f", {name}={note!r}" for name, note in self._metadata)
        return f"{type(self).__name__}({brief(self._value)}{notes})"


def brief(value: Any) -> str:
    """Dtype and shape of an array, the value of anything else."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    return repr(value)


def _name_of_note(note: tuple[str, Any]) -> str:
    return note[0]


def _check_note(kind: str, name: str, note: Any) -> None:
    try:
        hash(note)
    except TypeError:
        raise TypeError(
            f"{kind}: the note `{name}` must be hashable, got {type(note).__name__}: "
            f"{note!r:.60}. Use a tuple instead of a list."
        ) from None


def _delegate(name: str) -> Any:
    def operator(self: Variable, *args: Any) -> Any:
        plain = [a._value if isinstance(a, Variable) else a for a in args]
        return getattr(self._value, name)(*plain)

    operator.__name__ = name
    return operator


def _replace_with(name: str) -> Any:
    """`variable += x` keeps the variable, so that a module's attribute stays one."""
    operator = _delegate(name)

    def in_place(self: Variable, other: Any) -> Variable:
        new = operator(self, other)
        if new is NotImplemented:
            return new
        self.value = new
        return self

    return in_place


_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"
_OTHERS = "neg pos abs invert lt le gt ge float int bool index complex divmod"
for _name in _BINARY.split():
    setattr(Variable, f"__{_name}__", _delegate(f"__{_name}__"))
    setattr(Variable, f"__r{_name}__", _delegate(f"__r{_name}__"))
    setattr(Variable, f"__i{_name}__", _replace_with(f"__{_name}__"))
for _name in _OTHERS.split():
    setattr(Variable, f"__{_name}__", _delegate(f"__{_name}__"))

_set_value = vars(Variable)["_value"].__set__
_set_metadata = vars(Variable)["_metadata"].__set__


def _fill(variable: Variable, value: Any, metadata: Any) -> None:
    _set_value(variable, value)
    _set_metadata(variable, metadata)


def _made(cls: type[Variable], value: Any, metadata: Any) -> Variable:
    """A variable without checks: every transformation makes all of them anew."""
    made = object.__new__(cls)
    _set_value(made, value)
    _set_metadata(made, metadata)
    return made


def _flatten(variable: Variable) -> tuple[tuple[Any], Any]:
    return (variable._value,), variable._metadata


_VALUE_KEY = tree_util.GetAttrKey("value")


def _flatten_with_keys(variable: Variable) -> tuple[Any, Any]:
    return [(_VALUE_KEY, variable._value)], variable._metadata


def _register(cls: type[Variable]) -> None:
    def unflatten(notes: Any, children: Iterable[Any]) -> Variable:
        (value,) = children
        return _made(cls, value, notes)

    tree_util.register_pytree_node(cls, _flatten, unflatten, _flatten_with_keys)


_register(Variable)


class Param(Variable):
    """A trained variable."""


class BatchStat(Variable):
    """Running statistics of normalisation."""


class Cache(Variable):
    """What a layer remembers between calls, such as attention keys and values."""


class Intermediate(Variable):
    """A value recorded for inspection."""


class RngState(Variable):
    """State of a random stream."""


class RngKey(RngState):
    """The key of a random stream."""


class RngCount(RngState):
    """How many keys a random stream has given."""
