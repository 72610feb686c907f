"""The array API standard, with arrays that can be written to.

Libraries that keep to the standard may write `x[key] = value`, which arrays refuse, as
they never change. This module has the functions of `dolmen.core.numpy`, but
gives `WritableArray`, which holds an array and replaces it by a changed one when it is
written to. So SciPy's and scikit-learn's functions work, within compiled and
differentiated functions too, as far as they need no values there.

`asarray(x)` starts it; `dolmen.core.numpy.asarray` and every function that takes arrays
get an ordinary array out of the result again.
"""

import functools
import importlib
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import numpy as jnp
from .._ir import value_error

__all__ = ["WritableArray"]  # and, by `__getattr__`, what `numpy` has

_BINARY_NAMES = """
add sub mul truediv floordiv mod pow matmul and or xor lshift rshift
eq ne lt le gt ge
"""
_BINARY = _BINARY_NAMES.split()
_IN_PLACE = _BINARY[: _BINARY.index("eq")]
_UNARY = ("abs", "invert", "neg", "pos")
# Functions and methods whose results are views of their first argument.
_VIEWING = (
    *("expand_dims", "flip", "matrix_transpose", "moveaxis", "permute_dims", "ravel"),
    *("reshape", "squeeze", "swapaxes", "transpose"),
)
# Functions of NumPy that change their argument: `x[key] = value` takes their place.
_CHANGING = ("fill_diagonal", "place", "put", "put_along_axis")
_TO_PYTHON = ("bool", "complex", "contains", "float", "format", "index", "int", "len")


class WritableArray:
    """An array in a place of its own, which can be written to.

    What the array has, it has too, and gives it writable in turn. As in NumPy, parts
    taken with integers and slices, and what `reshape` and functions that reorder axes
    give, are views: writing to them writes to the array. All else shares nothing with
    it; above all, who holds the ordinary array itself never sees a change.

    Example:
        >>> from dolmen.core.experimental import array_api as xp
        >>> x = xp.asarray([1.0, 2.0, 3.0])
        >>> x[x > 1.5] = 0.0
        >>> x += 1.0
        >>> x.value
        Array([2., 1., 1.], dtype=float32)
    """

    __slots__ = ("_part", "_seen", "_source", "_whole")
    __array_priority__ = 101  # before arrays, and NumPy's
    __hash__ = None  # type: ignore[assignment]  # as it may change

    def __init__(self, value: Any) -> None:
        # The array; or, in a view, what it is a view of, and what takes the part.
        self._source = value
        self._part: Callable[[Any], Any] | None = None
        # Of a view: the part last taken, and the array it was taken from.
        self._seen: Any = None
        self._whole: Any = None

    @property
    def value(self) -> Any:
        """The array as it is now."""
        if self._part is None:
            return self._source
        whole = self._source.value
        if whole is not self._whole:
            self._whole, self._seen = whole, self._part(whole)
        return self._seen

    def _view(self, part: Callable[[Any], Any]) -> "WritableArray":
        """The view of what `part`, which only moves elements, makes of the array."""
        made = WritableArray(self)
        made._part = part
        made.value  # noqa: B018 - errors come now, and a trace that is open takes it
        return made

    def _set(self, value: Any) -> None:
        if self._part is None:
            self._source = value
            return
        whole = self._source.value
        places = self._part(jnp.arange(whole.size).reshape(whole.shape))
        changed = whole.reshape(-1).at[places].set(value)
        self._source._set(changed.reshape(whole.shape))

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        self.value.__array_namespace__(api_version=api_version)
        return sys.modules[__name__]

    def __jax_array__(self) -> Any:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            return self.value.__array__(dtype, copy=False)
        # Who asks for NumPy's array may want to write to it.
        return np.array(self.value, dtype)

    def __getattr__(self, name: str) -> Any:
        if name in ("T", "mT"):
            return self._view(operator.attrgetter(name))
        if name in _VIEWING:
            return lambda *args, **options: self._view(
                operator.methodcaller(name, *_plain(args), **options)
            )
        return _writable(getattr(self.value, name))

    def __getitem__(self, key: Any) -> Any:
        key = _plain(key)
        if all(map(_is_basic, key if isinstance(key, tuple) else (key,))):
            return self._view(operator.itemgetter(key))
        return _writable(self.value[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        x = self.value
        self._set(x.at[_plain(key)].set(jnp.asarray(_plain(value), x.dtype)))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self.value)))

    def __repr__(self) -> str:
        return f"Writable{self.value!r}"

    def __str__(self) -> str:
        return str(self.value)

    def __copy__(self) -> "WritableArray":
        return WritableArray(self.value)

    def __deepcopy__(self, memo: Any) -> "WritableArray":
        return WritableArray(self.value)

    def __reduce__(self) -> Any:
        return WritableArray, (self.value,)


def _is_basic(key: Any) -> bool:
    """Whether it takes a regular part of an array, known without its values."""
    if isinstance(key, bool | np.bool_):
        return False
    return key is None or key is Ellipsis or isinstance(key, int | slice | np.integer)


def _install() -> None:
    """Give `WritableArray` the operators and conversions of arrays, once."""
    for name in _BINARY:
        setattr(WritableArray, f"__{name}__", _operator(f"__{name}__"))
    for name in _IN_PLACE:
        setattr(WritableArray, f"__r{name}__", _operator(f"__r{name}__"))
        setattr(WritableArray, f"__i{name}__", _in_place(name))
    for name in (*_UNARY, *_TO_PYTHON):
        setattr(WritableArray, f"__{name}__", _operator(f"__{name}__"))


def _operator(name: str) -> Callable[..., Any]:
    def method(self: WritableArray, *args: Any) -> Any:
        return _writable(getattr(self.value, name)(*_plain(args)))

    method.__name__ = name
    return method


def _in_place(name: str) -> Callable[..., Any]:
    function = getattr(operator, f"{name}_" if name in ("and", "or") else name)

    def method(self: WritableArray, other: Any) -> WritableArray:
        made = function(self.value, _plain(other))
        if made.shape != self.shape:
            raise value_error(
                f"__i{name}__: the result must keep the shape {self.shape}, got "
                f"{made.aval!r}."
            )
        self._set(made.astype(self.dtype))
        return self

    method.__name__ = f"__i{name}__"
    return method


# ---- to and fro --------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """`value`, with arrays in the place of writable ones."""
    if isinstance(value, WritableArray):
        return value.value
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    if isinstance(value, slice):
        return slice(*map(_plain, (value.start, value.stop, value.step)))
    return value


def _writable(value: Any) -> Any:
    """`value`, with writable arrays in the place of arrays; functions give such."""
    if isinstance(value, jnp.ndarray):
        return WritableArray(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_writable, value))
    if type(value) in (tuple, list):
        return type(value)(map(_writable, value))
    return _function(value) if callable(value) else value


def _function(function: Callable[..., Any]) -> Callable[..., Any]:
    name = getattr(function, "__name__", "")

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        first, *others = args or (None,)
        rest = _plain(others)
        options = {key: _plain(option) for key, option in options.items()}
        copies = options.get("copy")
        if isinstance(first, WritableArray) and not copies:
            if name in _VIEWING:
                return first._view(lambda whole: function(whole, *rest, **options))
            if name == "asarray" or (name == "astype" and copies is False):
                made = function(first.value, *rest, **options)
                return first if made is first.value else WritableArray(made)
        return _writable(function(*_plain(args), **options))

    return call


# ---- the namespace -----------------------------------------------------------------


class _Extension:
    """`fft` or `linalg`, with functions that give writable arrays."""

    def __init__(self, name: str) -> None:
        self._module = importlib.import_module(f"dolmen.core.numpy.{name}")

    def __getattr__(self, name: str) -> Any:
        return self.__dict__.setdefault(name, _writable(getattr(self._module, name)))


_install()


_DTYPES = (type, type(jnp.float32))
_PRIVATE = ("__array_namespace_info__", "__array_api_version__")


# Kept apart from this module's own names, as `all` and others would hide Python's.
@functools.cache
def _offered(name: str) -> Any:
    if name in ("fft", "linalg"):
        return _Extension(name)
    is_public = not name.startswith("_") and name in dir(jnp)
    if name in _CHANGING or not (is_public or name in _PRIVATE):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(jnp, name)
    return found if isinstance(found, _DTYPES) else _writable(found)


def __getattr__(name: str) -> Any:
    """The function, constant or dtype of `dolmen.core.numpy`."""
    return _offered(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *dir(jnp)} - {*_CHANGING})
