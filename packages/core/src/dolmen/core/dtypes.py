"""Element types: what they are, how they combine, and how wide they may be.

Arrays hold booleans, integers, floating-point and complex numbers. The narrow formats
come from `ml_dtypes`. Unless 64-bit types are enabled, 64-bit dtypes stand for 32-bit
ones.
"""

from typing import Any, cast

import ml_dtypes
import numpy as np

from ._ir import dtypes, type_error
from ._tracing import typeof

bfloat16 = ml_dtypes.bfloat16
float0 = dtypes.float0
TypePromotionError = dtypes.TypePromotionError
finfo = ml_dtypes.finfo
iinfo = ml_dtypes.iinfo


class extended(np.generic):
    """Abstract dtype of elements with an inner structure, such as random keys."""


class prng_key(extended):
    """Abstract dtype of random keys."""


_PYTHON_SCALARS: dict[Any, np.dtype] = {
    int: np.dtype("int64"),
    float: np.dtype("float64"),
    complex: np.dtype("complex128"),
}

_ABSTRACT_KINDS: dict[Any, str] = {
    np.generic: "biufc",
    np.number: "iufc",
    np.integer: "iu",
    np.signedinteger: "i",
    np.unsignedinteger: "u",
    np.inexact: "fc",
    np.floating: "f",
    np.complexfloating: "c",
    np.flexible: "",
    np.character: "",
}


def canonicalize_dtype(dtype: Any, allow_extended_dtype: bool = False) -> np.dtype:
    """The dtype arrays made with `dtype` have: 64 bits become 32 unless enabled.

    Args:
        dtype: a dtype, its name, or a Python scalar type.
        allow_extended_dtype: pass dtypes of structured elements through.

    Raises:
        TypeError: no array can hold `dtype`.

    Example:
        >>> canonicalize_dtype("float64")
        dtype('float32')
    """
    if allow_extended_dtype and issubdtype(dtype, extended):
        return dtype
    return dtypes.as_dtype(dtype, function="canonicalize_dtype", wanted=False)


def itemsize_bits(dtype: Any) -> int:
    """Bits of one element; fewer than 8 for the packed narrow formats.

    Raises:
        TypeError: `dtype` is none of booleans or numbers.

    Example:
        >>> itemsize_bits("int4"), itemsize_bits("float32")
        (4, 32)
    """
    made = _as_numpy(dtype) if dtype is not None else None
    kind = "" if made is None else dtypes.kind_of_name(made)
    if made is None or not kind:
        raise type_error(
            "itemsize_bits: `dtype` must be boolean, integer, floating-point or "
            f"complex, got {dtype!r}."
        )
    if kind in ("i", "u"):
        return iinfo(made).bits
    return finfo(made).bits if kind == "f" else 8 * made.itemsize


def scalar_type_of(x: Any) -> type:
    """The Python type (`bool`, `int`, ...) that holds elements of `x`."""
    made = typeof(x).dtype if hasattr(x, "dtype") or _is_scalar(x) else np.dtype(x)
    return {"b": bool, "i": int, "u": int, "f": float, "c": complex}[dtypes.kind(made)]


def _is_scalar(x: Any) -> bool:
    return isinstance(x, bool | int | float | complex)


def _as_numpy(x: Any) -> np.dtype | None:
    """A concrete dtype, or None for anything else (an abstract kind, for example)."""
    if x in _ABSTRACT_KINDS:
        return None
    if x in _PYTHON_SCALARS:
        return _PYTHON_SCALARS[x]
    try:
        return np.dtype(x)
    except TypeError:
        return np.dtype(getattr(ml_dtypes, x)) if isinstance(x, str) else None


def issubdtype(a: Any, b: Any) -> bool:
    """Whether dtype `a` is `b` or belongs to the abstract kind `b`.

    Args:
        a: a dtype or an abstract kind such as `jnp.floating`.
        b: the same.

    Example:
        >>> issubdtype(bfloat16, np.floating)
        True
    """
    if isinstance(b, type) and issubclass(b, extended):
        kind = a if isinstance(a, type) else getattr(a, "type", None)  # a dtype of keys
        return isinstance(kind, type) and issubclass(kind, b)
    concrete_a, concrete_b = _as_numpy(a), _as_numpy(b)
    if concrete_b is not None:
        return concrete_a == concrete_b
    if b not in _ABSTRACT_KINDS:
        return np.issubdtype(a, b)
    kinds = _ABSTRACT_KINDS[b]
    if concrete_a is None:
        own = _ABSTRACT_KINDS.get(a)
        return own is not None and set(own) <= set(kinds) and np.issubdtype(a, b)
    if not dtypes.kind_of_name(concrete_a):
        return np.issubdtype(concrete_a, b)
    return dtypes.kind_of_name(concrete_a) in kinds


_STANDARD_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether `dtype` is of a kind of the array API standard.

    Args:
        dtype: a dtype.
        kind: another dtype, one of ``"bool"``, ``"signed integer"``,
            ``"unsigned integer"``, ``"integral"``, ``"real floating"``,
            ``"complex floating"``, ``"numeric"``, or a tuple of these.

    Raises:
        ValueError: `kind` is an unknown name.

    Example:
        >>> from dolmen.core import dtypes
        >>> dtypes.isdtype("float32", "real floating")
        True
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    made = cast(np.dtype, _as_numpy(dtype))
    if isinstance(kind, str):
        letters = _STANDARD_KINDS.get(kind)
        if letters is not None:
            return dtypes.kind_of_name(made) in tuple(letters)
        if _named(kind) is None:
            raise ValueError(
                f"isdtype: `kind` must be a dtype or one of "
                f"{', '.join(map(repr, _STANDARD_KINDS))}, got {kind!r}."
            )
    return made == _as_numpy(kind)


def _named(name: str) -> np.dtype | None:
    try:
        return np.dtype(name)
    except TypeError:
        made = getattr(ml_dtypes, name, None)
        return None if made is None else np.dtype(made)


def operand_of(x: Any) -> tuple[np.dtype, bool]:
    """The dtype that `x` brings to promotion, and whether it gives way to others.

    Args:
        x: an array, a Python scalar or its type, or a dtype.
    """
    if isinstance(x, type) and x in _PYTHON_SCALARS:
        return dtypes.default(_PYTHON_SCALARS[x]), True
    if isinstance(x, type | str | np.dtype):
        return dtypes.as_dtype(x, function="result_type", wanted=False), False
    type_ = typeof(x)
    return type_.dtype, type_.weak_type


def result_type(*args: Any, return_weak_type_flag: bool = False) -> Any:
    """The dtype of an operation on `args`.

    Python scalars (and the types `int`, `float`, `complex`) give way to everything of
    their kind or above.

    Args:
        *args: arrays, scalars and dtypes, at least one.
        return_weak_type_flag: return also whether the result gives way to others.

    Raises:
        TypeError: the dtypes have no implicit promotion.
        ValueError: there are no arguments.

    Example:
        >>> result_type("int8", 1), result_type("int32", "float16")
        (dtype('int8'), dtype('float16'))
    """
    if not args:
        raise ValueError("result_type: expected at least one array or dtype, got none.")
    dtype, weak = dtypes.promote([operand_of(arg) for arg in args])
    return (dtype, weak) if return_weak_type_flag else dtype


def promote_types(a: Any, b: Any) -> np.dtype:
    """The smallest dtype to which dtypes `a` and `b` both promote.

    A 64-bit dtype asked about is not halved, whatever the settings: this is arithmetic
    of dtypes; `result_type` tells what arrays come to.

    Raises:
        TypeError: they have no implicit promotion, or one is no dtype.

    Example:
        >>> promote_types("uint8", "int8"), promote_types("int32", float)
        (dtype('int16'), dtype('float64'))
    """
    return dtypes.join([_exact_operand("promote_types", x) for x in (a, b)])


def _exact_operand(function: str, x: Any) -> tuple[np.dtype, bool]:
    """`operand_of` a dtype, or an array for its dtype; 64 bits are not halved."""
    if not isinstance(x, type | str | np.dtype):
        x = getattr(x, "dtype", x)
    if isinstance(x, type) and x in _PYTHON_SCALARS:
        return _PYTHON_SCALARS[x], True
    canonical = dtypes.as_dtype(x, function=function, wanted=False)  # or it raises
    return _as_numpy(x) or canonical, False


def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """Whether a cast between dtypes is possible under NumPy's rule `casting`.

    Args:
        from_: a dtype or an array.
        to: a dtype.
        casting: ``"no"``, ``"equiv"``, ``"safe"``, ``"same_kind"`` or ``"unsafe"``.

    Raises:
        TypeError: `from_` is a Python number, which has no dtype of its own, or one
            is no dtype.
        ValueError: `casting` is none of these.

    Example:
        >>> can_cast("int8", "float16"), can_cast("float64", "float32")
        (True, False)
    """
    if isinstance(from_, int | float | complex) and not isinstance(from_, np.generic):
        raise type_error(
            f"can_cast: `from_` must be an array or a dtype, got {from_!r}.",
            "Ask for `jnp.result_type` of it first.",
        )
    source, _ = _exact_operand("can_cast", from_)
    target, _ = _exact_operand("can_cast", to)
    rule: Any = casting  # NumPy checks it
    return np.can_cast(source, target, rule)


__all__ = [
    "TypePromotionError",
    "bfloat16",
    "can_cast",
    "canonicalize_dtype",
    "extended",
    "finfo",
    "float0",
    "iinfo",
    "isdtype",
    "issubdtype",
    "itemsize_bits",
    "operand_of",
    "prng_key",
    "promote_types",
    "result_type",
    "scalar_type_of",
]
__dir__ = __all__.copy
