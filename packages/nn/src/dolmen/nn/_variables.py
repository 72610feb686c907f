"""Variables: the arrays of a module, each with a kind and notes about it."""

from collections.abc import Iterable, Iterator
from typing import Any

from dolmen.core import tree_util

_UNSET = object()


class Variable:
    """A box that holds one array of a module (or a tree of arrays).

    The class is its kind: `Param` is trained, `BatchStat`, `Cache` and the random-stream
    state are not. A variable works as its array in arithmetic and array functions;
    assign `variable.value = ...` to replace it.

    Args:
        value: the array.
        **metadata: hashable notes, for example `sharding=("embed", "mlp")`; readable as
            attributes.

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
    _metadata: dict[str, Any]

    def __init__(self, value: Any, **metadata: Any) -> None:
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_metadata", metadata)

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
        return type(self)(kept, **{**self._metadata, **metadata})

    def copy(self) -> "Variable":
        """Another variable with the same value and notes."""
        return self.replace()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._metadata:
            return self._metadata[name]
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
        return self._value[key]

    def __setitem__(self, key: Any, new: Any) -> None:
        if key is Ellipsis:
            self.value = new
        else:
            self.value = self._value.at[key].set(new)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        notes = "".join(f", {k}={v!r}" for k, v in self._metadata.items())
        return f"{type(self).__name__}({_brief(self._value)}{notes})"


def _brief(value: Any) -> str:
    """Dtype and shape of an array, the value of anything else."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}[{','.join(map(str, value.shape))}]"
    return repr(value)


def _delegate(name: str) -> Any:
    def operator(self: Variable, *args: Any) -> Any:
        plain = [a._value if isinstance(a, Variable) else a for a in args]
        return getattr(self._value, name)(*plain)

    operator.__name__ = name
    return operator


_OPERATORS = (
    "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
)
for _name in _OPERATORS:
    setattr(Variable, f"__{_name}__", _delegate(f"__{_name}__"))
    setattr(Variable, f"__r{_name}__", _delegate(f"__r{_name}__"))
for _name in "neg pos abs invert lt le gt ge float int bool index complex".split():
    setattr(Variable, f"__{_name}__", _delegate(f"__{_name}__"))


def _flatten(variable: Variable) -> tuple[tuple[Any], Any]:
    return (variable._value,), tuple(sorted(variable._metadata.items()))


def _flatten_with_keys(variable: Variable) -> tuple[Any, Any]:
    children, notes = _flatten(variable)
    return [(tree_util.GetAttrKey("value"), children[0])], notes


def _register(cls: type[Variable]) -> None:
    def unflatten(notes: Any, children: Iterable[Any]) -> Variable:
        (value,) = children
        made = object.__new__(cls)
        object.__setattr__(made, "_value", value)
        object.__setattr__(made, "_metadata", dict(notes))
        return made

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
