"""Element types: the 64-bit switch, kinds, and JAX's promotion lattice.

The lattice (least upper bounds; a starred node is the weak type of a Python scalar)::

    bool ─ int* ┬ u8 ─ u16 ─ u32 ─ u64 ┐
                └ i8 ─ i16 ─ i32 ─ i64 ┴ float* ┬ bf16 ┬ f32 ─ f64
                     (u8 ≤ i16, u16 ≤ i32, …)   └ f16  ┘   │     │
                                       float* ─ complex* ─ c64 ─ c128

Of 8-bit and narrower floats and of 4-bit and narrower integers each stands above the
weak type of its kind and below nothing.

Source: the JAX type-promotion design note describes the semantics implemented here.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .._backend import flags
from ._errors import type_error, value_error, warn

bfloat16 = np.dtype(ml_dtypes.bfloat16)

_FLOAT8 = tuple(
    np.dtype(getattr(ml_dtypes, name))
    for name in (
        "float8_e3m4",
        "float8_e4m3",
        "float8_e4m3b11fnuz",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
    )
)
_FLOAT4 = (np.dtype(ml_dtypes.float4_e2m1fn),)

_BOOL = np.dtype(bool)
_SIGNED = (
    np.dtype(ml_dtypes.int2),
    np.dtype(ml_dtypes.int4),
    np.dtype("int8"),
    np.dtype("int16"),
    np.dtype("int32"),
    np.dtype("int64"),
)
_UNSIGNED = (
    np.dtype(ml_dtypes.uint2),
    np.dtype(ml_dtypes.uint4),
    np.dtype("uint8"),
    np.dtype("uint16"),
    np.dtype("uint32"),
    np.dtype("uint64"),
)
_FLOATS = (
    *_FLOAT4,
    *_FLOAT8,
    bfloat16,
    np.dtype("float16"),
    np.dtype("float32"),
    np.dtype("float64"),
)
_COMPLEX = (np.dtype("complex64"), np.dtype("complex128"))

_KINDS = {
    **dict.fromkeys((_BOOL,), "b"),
    **dict.fromkeys(_SIGNED, "i"),
    **dict.fromkeys(_UNSIGNED, "u"),
    **dict.fromkeys(_FLOATS, "f"),
    **dict.fromkeys(_COMPLEX, "c"),
}

# Dtypes with a name, a kind and limits, but XLA has no arrays of them.
_NAMED_KINDS = {
    np.dtype(ml_dtypes.int1): "i",
    np.dtype(ml_dtypes.uint1): "u",
    np.dtype(ml_dtypes.float6_e2m3fn): "f",
    np.dtype(ml_dtypes.float6_e3m2fn): "f",
}

_NARROW = {
    np.dtype("int64"): np.dtype("int32"),
    np.dtype("uint64"): np.dtype("uint32"),
    np.dtype("float64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("complex64"),
}

# dtype of gradients of integer and boolean arguments: it holds no information.
float0 = np.dtype([("float0", np.void, 0)])

_SHORT_NAMES = {
    _BOOL: "bool",
    bfloat16: "bf16",
    np.dtype("complex64"): "c64",
    np.dtype("complex128"): "c128",
    float0: "float0",
}


def short_name(dtype: np.dtype) -> str:
    """`f32`, `i8`, `bf16`: how messages and programs print a dtype."""
    known = _SHORT_NAMES.get(dtype)
    if known is not None:
        return known
    name = dtype.name
    for long, short in (("float", "f"), ("uint", "u"), ("int", "i")):
        if name.startswith(long):
            return short + name[len(long) :]
    return name


def shown(value: Any) -> str:
    """How messages print a value: an array as `f32[2,3]`, others by their `repr`."""
    if _is_like_array(value):
        return f"{short_name(value.dtype)}[{','.join(map(str, value.shape))}]"
    if isinstance(value, list | tuple) and any(map(_is_like_array, value)):
        parts = ", ".join(map(shown, value))
        text = f"[{parts}]" if isinstance(value, list) else f"({parts})"
        return text if len(text) <= 60 else f"{text[:57]}..."
    return f"{value!r:.60}"


def _is_like_array(value: Any) -> bool:
    """Whether it has the shape and dtype of an array; scalars of NumPy print well."""
    if isinstance(value, type | np.generic | np.dtype):
        return False
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    return isinstance(dtype, np.dtype) and isinstance(shape, tuple)


def kind(dtype: np.dtype) -> str:
    """`b`ool, `i`nt, `u`nsigned, `f`loat or `c`omplex; empty for anything else."""
    return _KINDS.get(dtype, "")


def kind_of_name(dtype: np.dtype) -> str:
    """`kind`, also of dtypes that there are no arrays of."""
    return kind(dtype) or _NAMED_KINDS.get(dtype, "")


def is_inexact(dtype: np.dtype) -> bool:
    """Whether values of `dtype` have tangents (floating point or complex)."""
    return _KINDS.get(dtype) in ("f", "c")


def canonical(dtype: np.dtype) -> np.dtype:
    """`dtype` as arrays hold it: 64-bit types are halved unless x64 is enabled."""
    if flags.X64.value:
        return dtype
    return _NARROW.get(dtype, dtype)


def default(dtype: np.dtype) -> np.dtype:
    """`dtype`, of 64 bits, as arrays hold it where nobody asks for a width.

    It is that of Python's numbers, of indices, and of arrays made without a dtype.
    """
    if flags.X64.value and flags.DEFAULT_DTYPE_BITS.value == "64":
        return dtype
    return _NARROW.get(dtype, dtype)


_OF_AN_ARRAY = "Write `x.dtype` for the dtype of an array `x`."


def as_dtype(
    dtype: Any,
    *,
    function: str = "dtype",
    wanted: bool = True,
    instead: str = _OF_AN_ARRAY,
) -> np.dtype:
    """A user's dtype argument as a canonical NumPy dtype.

    Args:
        wanted: whether arrays of just this dtype are asked for, so that it matters
            when they can't be had.
        instead: what to write where an array stands for the dtype.

    Raises:
        TypeError: `dtype` names no element type XLA can hold, or is an array.
        ValueError: it is a 64-bit dtype, which the settings forbid to halve.
    """
    if dtype is bool:
        return _BOOL
    if dtype is int:
        return default(np.dtype("int64"))
    if dtype is float:
        return default(np.dtype("float64"))
    if dtype is complex:
        return default(np.dtype("complex128"))
    try:
        made = np.dtype(dtype)
    except TypeError:
        made = getattr(ml_dtypes, dtype, None) if isinstance(dtype, str) else None
        if made is None:
            raise _no_dtype(function, dtype, instead) from None
        made = np.dtype(made)
    # NumPy takes anything with a `dtype`, so an array in the wrong place, too.
    if made is not dtype and not isinstance(dtype, type) and hasattr(dtype, "shape"):
        raise _no_dtype(function, dtype, instead)
    if made not in _KINDS and made != float0:
        raise type_error(
            f"{function}: arrays can't hold dtype {made}; expected a boolean, integer, "
            "floating-point or complex dtype."
        )
    if wanted and made in _NARROW and not flags.X64.value:
        _told_of_halving(function, made)
    return canonical(made)


def _no_dtype(function: str, value: Any, instead: str) -> TypeError:
    array = "an array " if _is_like_array(value) else ""
    if not hasattr(value, "dtype"):
        instead = "Use a name such as 'float32' or a type such as jnp.bfloat16."
    return type_error(
        f"{function}: expected a dtype, got {array}{shown(value)}.", instead
    )


def _told_of_halving(function: str, dtype: np.dtype) -> None:
    """Warn or raise, as the settings say, where a 64-bit dtype can't be had."""
    problem = (
        f"{function}: dtype {dtype.name} is not enabled; {_NARROW[dtype].name} takes "
        "its place."
    )
    fix = (
        f"Enable it with `config.update('enable_x64', True)`, or ask for "
        f"{_NARROW[dtype].name}."
    )
    if flags.EXPLICIT_X64_DTYPES.value == "error":
        raise value_error(problem, fix)
    warn(problem, fix)


# ---- promotion -----------------------------------------------------------------------


_WEAK = {"i": "int*", "f": "float*", "c": "complex*"}
_Node = np.dtype | str


def _edges() -> dict[_Node, tuple[_Node, ...]]:
    edges: dict[_Node, tuple[_Node, ...]] = {
        _BOOL: ("int*",),
        "int*": (*_UNSIGNED[:3], *_SIGNED[:3]),
        "float*": ("complex*", bfloat16, np.dtype("float16"), *_FLOAT8, *_FLOAT4),
        "complex*": (_COMPLEX[0],),
        bfloat16: (np.dtype("float32"),),
        np.dtype("float16"): (np.dtype("float32"),),
        np.dtype("float32"): (np.dtype("float64"), _COMPLEX[0]),
        np.dtype("float64"): (_COMPLEX[1],),
        _COMPLEX[0]: (_COMPLEX[1],),
        _COMPLEX[1]: (),
        **dict.fromkeys((*_FLOAT8, *_FLOAT4), ()),
    }
    # The narrowest integers give way to nothing, as the narrow floats do.
    edges |= dict.fromkeys((*_SIGNED[:2], *_UNSIGNED[:2]), ())
    wide = list(zip(_SIGNED[2:], _UNSIGNED[2:], strict=True))
    for (signed, unsigned), above in itertools.pairwise(wide):
        edges[signed] = (above[0],)
        edges[unsigned] = above
    for last in wide[-1]:
        edges[last] = ("float*",)
    return edges


_EDGES = _edges()


def _strict_edges() -> dict[_Node, tuple[_Node, ...]]:
    """Only Python's numbers give way, to dtypes that can hold every one of their kind.

    Each leads to all dtypes at once, so that two dtypes never meet above it.
    """
    edges: dict[_Node, tuple[_Node, ...]] = dict.fromkeys(_EDGES, ())
    edges["int*"] = ("float*", *_SIGNED, *_UNSIGNED)
    edges["float*"] = ("complex*", *_FLOATS)
    edges["complex*"] = _COMPLEX
    return edges


_STRICT_EDGES = _strict_edges()


class TypePromotionError(TypeError, ValueError):
    """Dtypes that have no implicit promotion, or none under the strict rules."""


@functools.cache
def _above(node: _Node, strict: bool) -> frozenset[_Node]:
    edges = _STRICT_EDGES if strict else _EDGES
    return frozenset({node}).union(*(_above(n, strict) for n in edges[node]))


@functools.cache
def _least_upper_bound(nodes: frozenset[_Node], strict: bool) -> _Node:
    common = frozenset.intersection(*(_above(node, strict) for node in nodes))
    for candidate in common:
        if common <= _above(candidate, strict):
            return candidate
    names = sorted(n if isinstance(n, str) else short_name(n) for n in nodes)
    rules = " under numpy_dtype_promotion='strict'" if strict else ""
    raise TypePromotionError(
        f"dtypes {' and '.join(names)} have no implicit promotion{rules}. Convert one "
        "of them explicitly with `.astype(...)`."
    )


@functools.cache
def _node(dtype: np.dtype, weak_type: bool) -> _Node:
    if weak_type:
        return _WEAK.get(kind(dtype), dtype)
    return dtype


_WEAK_DTYPES = {
    "int*": np.dtype("int64"),
    "float*": np.dtype("float64"),
    "complex*": np.dtype("complex128"),
}


def promote(operands: Sequence[tuple[np.dtype, bool]]) -> tuple[np.dtype, bool]:
    """Result dtype of combining `(dtype, weak_type)` operands, and whether it is weak.

    Raises:
        TypePromotionError: the dtypes have no common upper bound (for example two 8-bit
            floats).
    """
    bound = _bound(operands)
    if isinstance(bound, str):
        return default(_WEAK_DTYPES[bound]), True
    # bool has no weak form; a lattice of one weak node stays weak (handled above).
    return canonical(bound), False


def _bound(operands: Sequence[tuple[np.dtype, bool]]) -> _Node:
    strict = flags.NUMPY_DTYPE_PROMOTION.value == "strict"
    return _least_upper_bound(frozenset(_node(d, w) for d, w in operands), strict)


def join(operands: Sequence[tuple[np.dtype, bool]]) -> np.dtype:
    """What `promote` gives, where 64-bit dtypes among the operands are not halved.

    Those that only the join would bring (`u32` and `i8` meet at `i64`) still are.
    """
    bound = _bound(operands)
    if isinstance(bound, str):
        return _WEAK_DTYPES[bound]
    return bound if any(d in _NARROW for d, _ in operands) else canonical(bound)


def scalar_dtype(value: bool | int | float | complex) -> np.dtype:
    """The (weak) dtype of a Python scalar."""
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        return default(np.dtype("int64"))
    if isinstance(value, float):
        return default(np.dtype("float64"))
    return default(np.dtype("complex128"))
