"""Methods of NumPy's ufuncs: their reductions are primitives, not loops.

Sums, products, extremes and bits reduce with the reductions of XLA and accumulate with
its cumulative operations. The other running combinations, and those of ranges, take a
logarithmic number of steps: all functions here but `subtract` are associative, and that
is a sum of negated elements.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes
from .._ops import _reductions as _ops_reductions
from .._tracing import typeof
from ..dtypes import result_type
from . import _arithmetic, _exponential, _logic
from ._at import At
from ._creation import full
from ._eager import body, jit_when_eager
from ._logic import truth, where as choose
from ._manipulation import as_array, expand_dims, moveaxis
from ._promotion import literal, promote_args, promote_args_inexact, type_of
from ._reductions import cumprod, cumsum, max, min, prod, reduced_axes, sum
from ._scanning import accumulated_axis, no_elements, ranges, rows_of

_BOOL = np.dtype(bool)

# ---- operands ----------------------------------------------------------------------

_Operand = Callable[[str, Any, Any], Any]


def _number(name: str, a: Any, dtype: Any) -> Any:
    """The operand in the dtype asked for."""
    (x,) = promote_args(name, a)
    return lax.convert_element_type(x, dtype or typeof(x).dtype)


def _truth(name: str, a: Any, dtype: Any) -> Any:
    """The operand as booleans, whatever dtype the result shall have."""
    del dtype
    (x,) = promote_args(name, a)
    return truth(as_array(x))


def _inexact(name: str, a: Any, dtype: Any) -> Any:
    """The operand as floating-point or complex numbers."""
    (x,) = promote_args_inexact(name, a)
    wanted = dtype is not None and dtypes.is_inexact(dtype)
    return lax.convert_element_type(x, dtype if wanted else typeof(x).dtype)


# ---- reductions --------------------------------------------------------------------


def _reducing(
    function: Any,
    operand: _Operand,
    reduce: Callable[[Any, tuple[int, ...]], Any],
    identity: Any,
) -> Callable[..., Any]:
    """`reduce` of a function with an identity, by a reduction of XLA."""
    combine = body(function)
    name = f"{function.__name__}.reduce"

    @jit_when_eager(name="reduce", static_argnames=("axis", "dtype", "keepdims"))
    def reducing(
        a: Any, *, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any
    ) -> Any:
        axes = reduced_axes(name, axis, type_of(name, "a", a))
        x = operand(name, a, dtype)
        own = typeof(x).dtype
        if where is not None:
            x = choose(where, x, literal(identity, own))
        made = reduce(x, axes)
        if initial is not None:
            made = combine(operand(name, initial, own), made)
        made = lax.convert_element_type(made, dtype or own)
        return expand_dims(made, axes) if keepdims else made

    return reducing


def _reducing_extreme(function: Any, of: Any) -> Callable[..., Any]:
    """`reduce` of a function without identity."""
    name = f"{function.__name__}.reduce"

    @jit_when_eager(name="reduce", static_argnames=("axis", "dtype", "keepdims"))
    def reducing(
        a: Any, *, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any
    ) -> Any:
        x = _number(name, a, dtype)
        return body(of)(x, axis, None, keepdims, initial, where)

    return reducing


@jit_when_eager(name="reduce", static_argnames=("axis", "dtype", "keepdims"))
def _subtract_all(
    a: Any, *, axis: Any, dtype: Any, keepdims: bool, initial: Any, where: Any
) -> Any:
    name = "subtract.reduce"
    x = _number(name, a, dtype)
    type = typeof(x)
    axes = reduced_axes(name, axis, type)
    if where is not None:
        x = choose(where, x, literal(0, type.dtype))
    rows = rows_of(x, axes)
    if initial is not None:
        first = full((), initial, type.dtype)
    elif rows.shape[0]:
        first, rows = rows[0], rows[1:]
    else:
        raise no_elements(name, type, axes)
    made = body(_arithmetic.subtract)(first, body(sum)(rows, 0, type.dtype))
    return expand_dims(made, axes) if keepdims else made


def _logsumexp(x: Any, axes: tuple[int, ...]) -> Any:
    """Logarithm of the sum of exponentials, relative to the largest."""
    type = typeof(x)
    narrow = dtypes.kind(type.dtype) == "f" and type.dtype.itemsize < 4
    x = lax.convert_element_type(x, np.float32) if narrow else x
    real = lax.real(x) if dtypes.kind(type.dtype) == "c" else x
    top = lax.stop_gradient(lax.reduce_max(real, axes))
    top = choose(lax.is_finite(top), top, literal(0, top.dtype))
    distance = x - _ops_reductions.spread(top, type.shape, axes)
    made = lax.log(lax.reduce_sum(lax.exp(distance), axes)) + top
    return lax.convert_element_type(made, type.dtype)


def _log2sumexp2(x: Any, axes: tuple[int, ...]) -> Any:
    scale = literal(np.log(2.0), typeof(x).dtype)
    return _logsumexp(x * scale, axes) / scale


# ---- prefixes and ranges -----------------------------------------------------------


def _accumulating(function: Any, operand: _Operand) -> Callable[..., Any]:
    """`accumulate` of an associative function, in a logarithmic number of steps."""

    @jit_when_eager(name="accumulate", static_argnames=("axis", "dtype"))
    def accumulating(a: Any, *, axis: Any, dtype: Any) -> Any:
        along = accumulated_axis(function.__name__, a, axis)
        x = operand(function.__name__, a, dtype)
        made = lax.associative_scan(body(function), x, axis=along)
        return lax.convert_element_type(made, dtype or typeof(x).dtype)

    return accumulating


def _accumulating_extreme(function: Any, accumulate: Any) -> Callable[..., Any]:
    """`accumulate` by a cumulative operation of XLA."""

    @jit_when_eager(name="accumulate", static_argnames=("axis", "dtype"))
    def accumulating(a: Any, *, axis: Any, dtype: Any) -> Any:
        along = accumulated_axis(function.__name__, a, axis)
        return accumulate(_number(function.__name__, a, dtype), along)

    return accumulating


def _ranging(function: Any, operand: _Operand) -> Callable[..., Any]:
    """`reduceat` of an associative function, in a logarithmic number of steps."""

    @jit_when_eager(name="reduceat", static_argnames=("axis", "dtype"))
    def ranging(a: Any, indices: Any, *, axis: int, dtype: Any) -> Any:
        x = moveaxis(operand(function.__name__, a, dtype), axis, 0)
        made = _reduced_ranges(body(function), x, x, indices)
        made = lax.convert_element_type(made, dtype or typeof(x).dtype)
        return moveaxis(made, 0, axis)

    return ranging


def _reduced_ranges(combine: Any, first: Any, x: Any, indices: Any) -> Any:
    """The first element of each range, of `first`, combined with the others, of `x`.

    The blocks of 1, 2, 4, ... elements that begin at each place are reduced from the
    blocks of half their size. A range is as many of them as its length has bits.
    """
    count = typeof(x).shape[0]
    starts, stops = ranges(indices, count)
    made = first[starts]
    place, left = starts + 1, stops - starts - 1
    size = 1
    while size < count:
        taken = (left > 0) & ((left & size) != 0)
        block = x.at[place].get(mode="clip")
        mask = expand_dims(taken, tuple(range(1, made.ndim)))
        made = choose(mask, combine(made, block), made)
        place = choose(taken, place + size, place)
        size *= 2
        if size < count:
            half = size // 2
            x = combine(x[:-half], x[half:])
    return made


# ---- differences -------------------------------------------------------------------


def _rest_negated(x: Any, axis: int) -> Any:
    """All elements along an axis negated, except the first."""
    first = lax.slice_in_dim(x, 0, 1, axis=axis)
    rest = lax.slice_in_dim(x, 1, None, axis=axis)
    return lax.concatenate([first, body(_arithmetic.negative)(rest)], axis)


@jit_when_eager(name="accumulate", static_argnames=("axis", "dtype"))
def _subtract_prefixes(a: Any, *, axis: Any, dtype: Any) -> Any:
    along = accumulated_axis("subtract", a, axis)
    x = _number("subtract.accumulate", a, dtype)
    return lax.cumsum(_rest_negated(x, along), along) if x.shape[along] else x


@jit_when_eager(name="reduceat", static_argnames=("axis", "dtype"))
def _subtract_ranges(a: Any, indices: Any, *, axis: int, dtype: Any) -> Any:
    x = moveaxis(_number("subtract.reduceat", a, dtype), axis, 0)
    negated = body(_arithmetic.negative)(x)
    return moveaxis(_reduced_ranges(lax.add, x, negated, indices), 0, axis)


# ---- places ------------------------------------------------------------------------


def _scattering(method: str) -> Callable[..., Any]:
    """`at` by a scatter that combines."""

    def scattering(a: Any, indices: Any, b: Any) -> Any:
        return getattr(At(as_array(a))[indices], method)(b)

    return scattering


def _promoting(method: str) -> Callable[..., Any]:
    """`at` by a scatter, in the dtype of the function's results."""

    def promoting(a: Any, indices: Any, b: Any) -> Any:
        dtype = result_type(a, b)
        updates = lax.convert_element_type(b, dtype)
        x = lax.convert_element_type(a, dtype)
        return getattr(At(x)[indices], method)(updates)

    return promoting


# ---- the table ---------------------------------------------------------------------

_Methods = dict[str, Callable[..., Any]]


def _associative(
    function: Any,
    operand: _Operand,
    reduce: Callable[[Any, tuple[int, ...]], Any],
    identity: Any,
) -> _Methods:
    return {
        "reduce": _reducing(function, operand, reduce, identity),
        "accumulate": _accumulating(function, operand),
        "reduceat": _ranging(function, operand),
    }


def _extreme(function: Any, of: Any, accumulate: Any, method: str) -> _Methods:
    return {
        "reduce": _reducing_extreme(function, of),
        "accumulate": _accumulating_extreme(function, accumulate),
        "reduceat": _ranging(function, _number),
        "at": _promoting(method),
    }


METHODS: dict[str, _Methods] = {
    "add": {
        "reduce": sum,
        "accumulate": cumsum,
        "reduceat": _ranging(_arithmetic.add, _number),
        "at": _scattering("add"),
    },
    "multiply": {
        "reduce": prod,
        "accumulate": cumprod,
        "reduceat": _ranging(_arithmetic.multiply, _number),
        "at": _scattering("multiply"),
    },
    "subtract": {
        "reduce": _subtract_all,
        "accumulate": _subtract_prefixes,
        "reduceat": _subtract_ranges,
        "at": _scattering("subtract"),
    },
    "maximum": _extreme(_arithmetic.maximum, max, lax.cummax, "max"),
    "minimum": _extreme(_arithmetic.minimum, min, lax.cummin, "min"),
    "logical_and": _associative(_logic.logical_and, _truth, lax.reduce_and, True),
    "logical_or": _associative(_logic.logical_or, _truth, lax.reduce_or, False),
    "logical_xor": _associative(_logic.logical_xor, _truth, lax.reduce_xor, False),
    "bitwise_and": _associative(_logic.bitwise_and, _number, lax.reduce_and, -1),
    "bitwise_or": _associative(_logic.bitwise_or, _number, lax.reduce_or, 0),
    "bitwise_xor": _associative(_logic.bitwise_xor, _number, lax.reduce_xor, 0),
    "logaddexp": _associative(_exponential.logaddexp, _inexact, _logsumexp, -np.inf),
    "logaddexp2": _associative(
        _exponential.logaddexp2, _inexact, _log2sumexp2, -np.inf
    ),
}
