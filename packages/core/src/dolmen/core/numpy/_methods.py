"""Operators and methods of arrays, installed once on the C++ class and on tracers.

Operators of arrays are C++ callables: a warm `x + y` runs no Python at all. Those of
tracers are plain Python. Methods are the functions of this package under their names.
"""

import builtins
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl, host_value
from .._ir import ArrayType, array_type, dtypes, type_error, value_error
from .._tracing import (
    RecordedTracer,
    Tracer,
    device_array,
    is_array_like,
    not_concrete,
    typeof,
)
from . import (
    _arithmetic,
    _at,
    _creation,
    _indexing,
    _interchange,
    _logic,
    _manipulation,
    _products,
    _promotion,
    _reductions,
    _rounding,
    _searching,
    _sorting,
    _taking,
)
from ._eager import body, jit_when_eager, operator, refused

# ---- operators ---------------------------------------------------------------------


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def swapped(x: Any, y: Any) -> Any:
        return function(y, x)

    swapped.__name__ = f"reflected_{function.__name__}"
    return swapped


def _matmul(a: Any, b: Any) -> Any:
    return _products.matmul(a, b)


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": body(_arithmetic.add),
    "sub": body(_arithmetic.subtract),
    "mul": body(_arithmetic.multiply),
    "truediv": body(_arithmetic.divide),
    "floordiv": body(_arithmetic.floor_divide),
    "mod": body(_arithmetic.remainder),
    "divmod": body(_arithmetic.divmod),
    "matmul": _matmul,
    "and": body(_logic.bitwise_and),
    "or": body(_logic.bitwise_or),
    "xor": body(_logic.bitwise_xor),
    "lshift": body(_logic.left_shift),
    "rshift": body(_logic.right_shift),
}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": body(_logic.equal),
    "ne": body(_logic.not_equal),
    "lt": body(_logic.less),
    "le": body(_logic.less_equal),
    "gt": body(_logic.greater),
    "ge": body(_logic.greater_equal),
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": body(_arithmetic.negative),
    "pos": body(_arithmetic.positive),
    "abs": body(_arithmetic.absolute),
    "invert": body(_logic.bitwise_not),
}

# Most operands are of these types; a look-up is quicker than `is_array_like`.
_USUAL = frozenset(
    (RecordedTracer, ArrayImpl, np.ndarray, builtins.bool, int, float, complex)
)


def _traced_binary(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if type(other) in _USUAL or is_array_like(other):
            return function(self, other)
        return refused(function.__name__, other)

    return method


def _pow(self: Any, exponent: Any, modulo: None = None) -> Any:
    if modulo is not None or not is_array_like(exponent):
        return NotImplemented
    return _arithmetic.power(self, exponent)


def _rpow(self: Any, base: Any, modulo: None = None) -> Any:
    if modulo is not None or not is_array_like(base):
        return NotImplemented
    return _arithmetic.power(base, self)


def _round(self: Any, ndigits: int | None = None) -> Any:
    if ndigits is not None:
        return _rounding.round(self, ndigits)
    return _creation.astype(_rounding.round(self), int)


# ---- conversion to Python ----------------------------------------------------------


def _value(x: Any, wanted: str, call: str, *, continues: bool = False) -> np.ndarray:
    """The value of an array.

    Args:
        continues: computations go on with it in Python, and would lose the derivative.

    Raises:
        ConcretizationTypeError: it is traced.
    """
    if isinstance(x, Tracer):
        known = x.concrete()
        if known is None or (continues and x.type.is_differentiable):
            raise not_concrete(x, wanted, call)
        x = known
    return host_value(x) if isinstance(x, ArrayImpl) else np.asarray(x)


def _bool(self: Any) -> bool:
    value = _value(self, "bool", "bool()")
    if value.size != 1:
        raise value_error(
            f"bool(): only an array with one element has a truth value, got "
            f"{typeof(self)!r}.",
            "Use `x.any()` or `x.all()`, or `x.size > 0` to see whether it is empty.",
        )
    return builtins.bool(value)


def _scalar(self: Any, wanted: str, call: str) -> Any:
    value = _value(self, wanted, call, continues=wanted == "number")
    if value.ndim:
        raise type_error(
            f"{call}: only an array without axes is a Python number, got "
            f"{typeof(self)!r}.",
            "Take an element first, or use `x.item()`.",
        )
    return value[()]


def _int(self: Any) -> int:
    return int(_scalar(self, "int", "int()"))


def _float(self: Any) -> float:
    return float(_scalar(self, "number", "float()"))


def _complex(self: Any) -> complex:
    return complex(_scalar(self, "number", "complex()"))


def _index(self: Any) -> int:
    type = typeof(self)
    if type.ndim or dtypes.kind(type.dtype) not in "iu":
        raise type_error(
            f"index: only an integer array without axes is an index, got {type!r}."
        )
    return int(_value(self, "int", "index"))


def _item(self: Any, *args: Any) -> Any:
    """The element as a Python scalar; of several elements, the one at an index."""
    return _value(self, "int", "item()").item(*args)


def _tolist(self: Any) -> Any:
    """The elements as nested lists of Python scalars."""
    return _value(self, "array", "tolist()", continues=True).tolist()


def _tobytes(self: Any, order: Any = "C") -> bytes:
    """The elements as bytes, in row-major order."""
    return _value(self, "array", "tobytes()", continues=True).tobytes(order)


def _traced_to_numpy(self: Any, dtype: Any = None, copy: Any = None) -> np.ndarray:
    # Even where a value is known, what NumPy computes from it loses its derivative.
    raise not_concrete(self, "array", "numpy.asarray()")


# ---- sequence behaviour ------------------------------------------------------------


def _len(self: Any) -> int:
    shape = typeof(self).shape
    if not shape:
        raise type_error(
            f"len(): an array without axes has no length, {typeof(self)!r}."
        )
    return shape[0]


def _iter(self: Any) -> Iterator[Any]:
    if not typeof(self).shape:
        raise type_error(
            f"iter(): an array without axes has no elements to go through, got "
            f"{typeof(self)!r}."
        )
    return (_indexing.getitem(self, index) for index in range(_len(self)))


def _reversed(self: Any) -> Iterator[Any]:
    return (_indexing.getitem(self, i) for i in builtins.reversed(range(_len(self))))


def _contains(self: Any, value: Any) -> Any:
    return _bool(_reductions.any(_logic.equal(self, value)))


def _setitem(self: Any, key: Any, value: Any) -> None:
    raise type_error(
        f"x[...] = value: arrays never change, got {typeof(self)!r}.",
        "Write `x = x.at[index].set(value)`, which gives a changed copy.",
    )


# ---- text --------------------------------------------------------------------------


def _repr(self: Any) -> str:
    if self.is_deleted():
        return f"Array(<deleted {self.aval!r}>)"
    weak = ", weak_type=True" if self.weak_type else ""
    suffix = f"dtype={self.dtype.name}{weak})"
    if self.size == 0:
        return f"Array([], shape={self.shape}, {suffix}"
    if _is_elsewhere(self):
        return f"Array(shape={self.shape}, {suffix}"
    text = np.array2string(
        host_value(self), prefix="Array(", suffix=",", separator=", "
    )
    last_line = len(text) - (text.rfind("\n") + 1)
    if "\n" not in text:
        last_line += len("Array(")
    fits = last_line + len(suffix) + 1 <= np.get_printoptions()["linewidth"]
    separator = " " if fits else "\n" + " " * len("Array(")
    return f"Array({text},{separator}{suffix}"


def _is_elsewhere(self: Any) -> bool:
    """Whether other processes hold parts that this one has not."""
    return not (self.is_fully_addressable or self.is_fully_replicated)


def _str(self: Any) -> str:
    if _is_elsewhere(self):
        return repr(self)
    return str(host_value(self))


def _format(self: Any, spec: str) -> str:
    value = host_value(self)
    return format(value[()] if value.ndim == 0 else value, spec)


def _traced_repr(self: Any) -> str:
    return f"Traced<{self.type!r}>"


def _traced_format(self: Any, spec: str) -> str:
    known = self.concrete()
    return repr(self) if known is None else format(known, spec)


# ---- copies ------------------------------------------------------------------------


def _from_pickle(value: np.ndarray, weak_type: bool) -> Any:
    type = array_type(value.shape, typeof(value).dtype, weak_type)
    return device_array(value.astype(type.dtype), type)


def _reduce(self: Any) -> Any:
    return _from_pickle, (np.asarray(self), self.weak_type)


def _deepcopy(self: Any, memo: Any) -> Any:
    del memo
    return _creation.copy(self)


def _copy(self: Any) -> Any:
    """A new array equal to this one."""
    return _creation.copy(self)


# ---- methods with a form of their own ----------------------------------------------


def _astype(self: Any, dtype: Any, copy: bool = False, device: Any = None) -> Any:
    """The elements converted to `dtype`."""
    return _creation.astype(self, dtype, copy=copy, device=device)


def _sizes(args: tuple[Any, ...]) -> Any:
    """The sizes or axes a method was given one by one, or as a sequence."""
    if len(args) == 1 and (args[0] is None or isinstance(args[0], tuple | list)):
        return args[0]
    return args


def _reshape(
    self: Any,
    *shape: Any,
    order: str = "C",
    copy: Any = None,
    out_sharding: None = None,
) -> Any:
    """The same elements in another shape; one size may be -1."""
    options = {"copy": copy, "out_sharding": out_sharding}
    return _manipulation.reshape(self, _sizes(shape), order, **options)


def _transpose(self: Any, *axes: Any) -> Any:
    """The axes in another order, by default reversed."""
    return _manipulation.transpose(self, _sizes(axes) if axes else None)


def _flatten(self: Any, order: str = "C", *, out_sharding: None = None) -> Any:
    """The elements in one axis."""
    return _manipulation.ravel(self, order, out_sharding=out_sharding)


def _flat(self: Any) -> Any:
    """Not supported: NumPy's iterator writes to its array."""
    raise NotImplementedError(
        f"flat: arrays never change, so there is no iterator over {typeof(self)!r} "
        "that could. Use `x.ravel()`."
    )


def _clip(self: Any, min: Any = None, max: Any = None) -> Any:
    """Elements limited to the interval from `min` to `max`."""
    return _arithmetic.clip(self, min, max)


def _compress(
    self: Any,
    condition: Any,
    axis: int | None = None,
    *,
    out: None = None,
    size: int | None = None,
    fill_value: Any = 0,
) -> Any:
    """The elements along an axis where a condition holds."""
    options = {"out": out, "size": size, "fill_value": fill_value}
    return _searching.compress(condition, self, axis, **options)


def _byteswap(self: Any) -> Any:
    """The elements with their bytes in the opposite order."""
    return _swap_bytes(self)


@jit_when_eager(name="byteswap")
def _swap_bytes(x: Any) -> Any:
    type = typeof(x)
    if dtypes.kind(type.dtype) == "c":
        return lax.complex(_swap_bytes(lax.real(x)), _swap_bytes(lax.imag(x)))
    if type.dtype.itemsize == 1:
        return x
    parts = lax.bitcast_convert_type(x, np.uint8)
    return lax.bitcast_convert_type(lax.rev(parts, (type.ndim,)), type.dtype)


def _view(self: Any, dtype: Any = None, type: None = None) -> Any:
    """The bits read as another dtype; the last axis makes up for a change of width."""
    if type is not None:
        raise NotImplementedError(
            f"view: `type` must be None, as arrays have one class, got {type!r}."
        )
    if dtype is None:
        return self
    return _view_as(self, dtypes.as_dtype(dtype, function="view"))


_BOOL, _BYTE = np.dtype(builtins.bool), np.dtype("uint8")


def _view_body(x: Any, dtype: np.dtype) -> Any:
    type = typeof(x)
    if type.dtype == dtype:
        return x
    if dtypes.kind(type.dtype) == "c" and type.ndim:
        return _view_body(_as_pairs(x), dtype)
    if dtypes.kind(dtype) == "c":
        return _from_pairs(_view_body(x, lax.real(np.zeros((), dtype)).dtype), type)
    if type.dtype == _BOOL:
        x = lax.convert_element_type(x, _BYTE)
    target = _BYTE if dtype == _BOOL else dtype
    old, new = _promotion.bits(typeof(x).dtype), _promotion.bits(target)
    if new > old:
        factor = new // old
        if not type.ndim or type.shape[-1] % factor:
            raise value_error(
                f"view: the last axis must hold whole elements of {dtype.name}, got "
                f"{type!r}."
            )
        sizes = (*type.shape[:-1], type.shape[-1] // factor, factor)
        x = lax.reshape(x, sizes)
    elif new < old and not type.ndim:
        raise value_error(
            "view: an array without axes can't be viewed as the narrower "
            f"{dtype.name}, got {type!r}."
        )
    made = lax.bitcast_convert_type(x, target)
    if new < old:
        made = lax.reshape(made, (*type.shape[:-1], type.shape[-1] * (old // new)))
    return lax.convert_element_type(made, dtype) if dtype == _BOOL else made


def _as_pairs(x: Any) -> Any:
    """Real and imaginary parts in turn, along the last axis."""
    type = typeof(x)
    parts = [lax.expand_dims(part, (type.ndim,)) for part in (lax.real(x), lax.imag(x))]
    pairs = lax.concatenate(parts, type.ndim)
    return lax.reshape(pairs, (*type.shape[:-1], 2 * type.shape[-1]))


def _from_pairs(x: Any, viewed: ArrayType) -> Any:
    """The inverse of `_as_pairs`."""
    shape = typeof(x).shape
    if not shape or shape[-1] % 2:
        raise value_error(
            f"view: the last axis must hold whole complex numbers, got {viewed!r}."
        )
    pairs = lax.reshape(x, (*shape[:-1], shape[-1] // 2, 2))
    real, imag = (lax.index_in_dim(pairs, i, -1, keepdims=False) for i in (0, 1))
    return lax.complex(real, imag)


_view_as = jit_when_eager(_view_body, name="view", static_argnames=("dtype",))


def _block_until_ready(self: Any) -> Any:
    """The array itself: a traced value is never pending."""
    return self


# The standard's versions whose functions are all there.
_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")


def _namespace(self: Any, /, *, api_version: str | None = None) -> Any:
    """The module of array functions, as the array API standard asks.

    Raises:
        ValueError: it does not keep to this version of the standard.
    """
    if api_version is not None and api_version not in _API_VERSIONS:
        raise value_error(
            f"__array_namespace__: `api_version` must be one of "
            f"{', '.join(_API_VERSIONS)}, got {api_version!r}."
        )
    return importlib.import_module("dolmen.core.numpy")


_METHODS: dict[str, Any] = {
    "all": _reductions.all,
    "any": _reductions.any,
    "argmax": _reductions.argmax,
    "argmin": _reductions.argmin,
    "argpartition": _sorting.argpartition,
    "argsort": _sorting.argsort,
    "astype": _astype,
    "byteswap": _byteswap,
    "choose": _searching.choose,
    "clip": _clip,
    "compress": _compress,
    "conj": _rounding.conj,
    "conjugate": _rounding.conjugate,
    "copy": _copy,
    "cumprod": _reductions.cumprod,
    "cumsum": _reductions.cumsum,
    "diagonal": _manipulation.diagonal,
    "dot": _products.dot,
    "flatten": _flatten,
    "item": _item,
    "max": _reductions.max,
    "mean": _reductions.mean,
    "min": _reductions.min,
    "nonzero": _searching.nonzero,
    "prod": _reductions.prod,
    "ptp": _reductions.ptp,
    "ravel": _manipulation.ravel,
    "repeat": _manipulation.repeat,
    "reshape": _reshape,
    "round": _rounding.round,
    "searchsorted": _sorting.searchsorted,
    "sort": _sorting.sort,
    "squeeze": _manipulation.squeeze,
    "std": _reductions.std,
    "sum": _reductions.sum,
    "swapaxes": _manipulation.swapaxes,
    "take": _taking.take,
    "tobytes": _tobytes,
    "tolist": _tolist,
    "trace": _manipulation.trace,
    "transpose": _transpose,
    "var": _reductions.var,
    "view": _view,
    "__array_namespace__": _namespace,
    "__array_priority__": 100,
    "__bool__": _bool,
    "__complex__": _complex,
    "__contains__": _contains,
    "__copy__": _copy,
    "__deepcopy__": _deepcopy,
    "__float__": _float,
    "__getitem__": _indexing.getitem,
    "__index__": _index,
    "__int__": _int,
    "__iter__": _iter,
    "__len__": _len,
    "__pow__": _pow,
    "__reversed__": _reversed,
    "__round__": _round,
    "__rpow__": _rpow,
    "__setitem__": _setitem,
}

_PROPERTIES: dict[str, Callable[[Any], Any]] = {
    "T": _transpose,
    "at": _at.At,
    "flat": _flat,
    "imag": _rounding.imag,
    "mT": _manipulation.matrix_transpose,
    "real": _rounding.real,
}


def install() -> None:
    """Give arrays and tracers their operators and methods, once."""
    # What is assigned below no checker knows of.
    array: Any = ArrayImpl
    traced: Any = Tracer
    for cls in (array, traced):
        for name, method in _METHODS.items():
            setattr(cls, name, method)
        for name, getter in _PROPERTIES.items():
            setattr(cls, name, property(getter))
    for name, function in {**_BINARY, **_COMPARISONS}.items():
        setattr(ArrayImpl, f"__{name}__", operator(name, function, 2))
        setattr(Tracer, f"__{name}__", _traced_binary(function))
    for name, function in _BINARY.items():
        swapped = _reflected(function)
        setattr(ArrayImpl, f"__r{name}__", operator(f"r{name}", swapped, 2))
        setattr(Tracer, f"__r{name}__", _traced_binary(swapped))
    for name, unary in _UNARY.items():
        setattr(ArrayImpl, f"__{name}__", operator(name, unary, 1))
        setattr(Tracer, f"__{name}__", unary)
    array.__hash__ = None
    array.__repr__ = _repr
    array.__str__ = _str
    array.__format__ = _format
    array.__reduce__ = _reduce
    traced.__repr__ = traced.__str__ = _traced_repr
    traced.__format__ = _traced_format
    traced.__array__ = _traced_to_numpy
    traced.block_until_ready = _block_until_ready
    _interchange.install()
