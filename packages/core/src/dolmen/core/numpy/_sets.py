"""Arrays as sets: what is common to two, what only one has, what is distinct.

Membership is decided by a search in sorted elements. NaN equals nothing, so it is never
common to two arrays. Results whose size depends on values need `size` under a trace.
"""

from typing import Any, NamedTuple

import numpy as np

from .. import lax
from .._ir import value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._joining import concatenate
from ._logic import where
from ._manipulation import as_array, ravel
from ._promotion import type_of
from ._searching import extract, nonzero, sorted_groups, unique
from ._sorting import alike, index_dtype, insertion_places
from ._taking import take

# Up to so many elements, comparing with each is quicker than searching.
_FEW = 8


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Array
    counts: Array


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Array
    inverse_indices: Array


# ---- distinct elements -------------------------------------------------------------


def unique_all(
    x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None
) -> UniqueAll:
    """The distinct elements, where each occurs first, their places, and how often.

    Args:
        x: an array; it is flattened. Each NaN is distinct.
        size: how many to return; needed if `x` is traced.
        fill_value: fills up, by default the least element.

    Returns:
        A named tuple ``(values, indices, inverse_indices, counts)``; as of `unique`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unique_all(jnp.array([3, 1, 3])).inverse_indices
        Array([1, 0, 1], dtype=int32)
    """
    asked = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return UniqueAll(*unique(x, True, True, True, **asked))


def unique_counts(
    x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None
) -> UniqueCounts:
    """The distinct elements and how often each occurs; arguments as of `unique_all`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unique_counts(jnp.array([3, 1, 3])).counts
        Array([1, 2], dtype=int32)
    """
    asked = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return UniqueCounts(*unique(x, return_counts=True, **asked))


def unique_inverse(
    x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None
) -> UniqueInverse:
    """The distinct elements and the place among them of each element of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unique_inverse(jnp.array([3, 1, 3])).inverse_indices
        Array([1, 0, 1], dtype=int32)
    """
    asked = {"equal_nan": False, "size": size, "fill_value": fill_value}
    return UniqueInverse(*unique(x, return_inverse=True, **asked))


def unique_values(
    x: ArrayLike, /, *, size: int | None = None, fill_value: ArrayLike | None = None
) -> Array:
    """The distinct elements, sorted; arguments as of `unique_all`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unique_values(jnp.array([3, 1, 3]))
        Array([1, 3], dtype=int32)
    """
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


# ---- membership --------------------------------------------------------------------


@jit_when_eager(static_argnames=("assume_unique", "invert", "method"))
def isin(
    element: ArrayLike,
    test_elements: ArrayLike,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    method: str = "auto",
) -> Array:
    """Whether each element occurs in another array.

    Args:
        element: an array of any shape.
        test_elements: an array of any shape.
        assume_unique: for NumPy's sake; it changes nothing.
        invert: tell whether it does not occur.
        method: "compare_all" compares every pair, "binary_search" and "sort" search in
            sorted elements, "auto" decides by their number. The results are the same.

    Returns:
        Booleans in the shape of `element`; False for NaN.

    Raises:
        ValueError: `method` is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isin(jnp.array([1, 2, 3]), jnp.array([3, 1])).tolist()
        [True, False, True]
    """
    del assume_unique
    if method not in ("auto", "compare_all", "binary_search", "sort"):
        raise value_error(
            "isin: `method` must be 'auto', 'compare_all', 'binary_search' or 'sort', "
            f"got {method!r}."
        )
    shape = type_of("isin", "element", element).shape
    type_of("isin", "test_elements", test_elements)
    # Flat, the operands have one axis each but their own sizes.
    x, tests = alike("isin", *(ravel(as_array(a)) for a in (element, test_elements)))
    few = typeof(tests).size <= _FEW if method == "auto" else method == "compare_all"
    found = _compared(x, tests) if few else _is_member(x, lax.sort(tests))
    found = lax.reshape(found, shape)
    return lax.bitwise_not(found) if invert else found


def _compared(x: Any, tests: Any) -> Any:
    shape = (typeof(x).size, typeof(tests).size)
    pairs = [lax.broadcast_in_dim(v, shape, (i,)) for i, v in enumerate((x, tests))]
    return lax.reduce_or(lax.eq(*pairs), (1,))


def _is_member(x: Any, ordered: Any) -> Any:
    """Whether elements of `x` occur in the sorted `ordered` of the same dtype."""
    (count,) = typeof(ordered).shape
    if not count:
        return lax.full(typeof(x).shape, False, np.dtype(bool))
    return lax.eq(take(ordered, _places(x, ordered), mode="clip"), x)


def _places(x: Any, ordered: Any) -> Any:
    return insertion_places(ordered, x, False, False)


# ---- two sets ----------------------------------------------------------------------


def union1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Array:
    """The distinct elements that at least one array has, sorted.

    Args:
        ar1: an array; it is flattened.
        ar2: an array; it is flattened.
        size: how many to return; needed if an array is traced. The result is cut there,
            or filled up.
        fill_value: fills up, by default the least element.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.union1d(jnp.array([3, 1]), jnp.array([2, 3])).tolist()
        [1, 2, 3]
    """
    both = _pair("union1d", ar1, ar2)
    return unique(concatenate(both), size=size, fill_value=fill_value)


def intersect1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    assume_unique: bool = False,
    return_indices: bool = False,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Any:
    """The distinct elements that both arrays have, sorted.

    Args:
        ar1: an array; it is flattened.
        ar2: an array; it is flattened.
        assume_unique: for NumPy's sake; it changes nothing.
        return_indices: also return where each first occurs in `ar1` and in `ar2`.
        size: how many to return; needed if an array is traced. The result is cut there,
            or filled up; indices are filled up with the sizes of the arrays.
        fill_value: fills up, by default the least element of the result, 0 if it has
            none.

    Returns:
        The elements, or a tuple of them and both arrays of indices.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.intersect1d(jnp.array([3, 1, 2]), jnp.array([2, 3, 3])).tolist()
        [2, 3]
    """
    del assume_unique
    x, y = alike("intersect1d", *_pair("intersect1d", ar1, ar2))
    values, kept, places, others = _common(x, y)
    chosen = _chosen(kept, values, size, fill_value)
    if not return_indices:
        return chosen
    sizes = typeof(x).size, typeof(y).size
    found = [
        extract(kept, of, size=size, fill_value=end)
        for of, end in zip((places, others), sizes, strict=True)
    ]
    return (chosen, *found)


def setdiff1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Array:
    """The distinct elements of `ar1` that `ar2` has not, sorted.

    Args:
        ar1: an array; it is flattened.
        ar2: an array; it is flattened.
        assume_unique: keep the elements of `ar1` in their order, even equal ones.
        size: how many to return; needed if an array is traced. The result is cut there,
            or filled up.
        fill_value: fills up, by default 0.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.setdiff1d(jnp.array([3, 1, 2, 3]), jnp.array([2])).tolist()
        [1, 3]
    """
    x, y = _pair("setdiff1d", ar1, ar2)
    fill = 0 if fill_value is None else fill_value
    if assume_unique:
        return extract(isin(x, y, invert=True), x, size=size, fill_value=fill)
    values, starts, _ = sorted_groups(x, True)
    kept = lax.bitwise_and(starts, isin(values, y, invert=True))
    return extract(kept, values, size=size, fill_value=fill)


def setxor1d(
    ar1: ArrayLike,
    ar2: ArrayLike,
    assume_unique: bool = False,
    *,
    size: int | None = None,
    fill_value: ArrayLike | None = None,
) -> Array:
    """The distinct elements that exactly one array has, sorted.

    Args:
        ar1: an array; it is flattened.
        ar2: an array; it is flattened.
        assume_unique: for NumPy's sake; it changes nothing.
        size: how many to return; needed if an array is traced. The result is cut there,
            or filled up.
        fill_value: fills up, by default the least element of the result, 0 if it has
            none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.setxor1d(jnp.array([3, 1]), jnp.array([2, 3])).tolist()
        [1, 2]
    """
    del assume_unique
    values, kept = _exclusive(*alike("setxor1d", *_pair("setxor1d", ar1, ar2)))
    return _chosen(kept, values, size, fill_value)


def _pair(function: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Both arrays, flat."""
    type_of(function, "ar1", x)
    type_of(function, "ar2", y)
    return ravel(as_array(x)), ravel(as_array(y))


@jit_when_eager
def _common(x: Any, y: Any) -> Any:
    """Sorted `x`, which of it to keep, and the places of it in `x` and in `y`."""
    values, starts, places = sorted_groups(x, True)
    ordered, _, others = sorted_groups(y, True)
    dtype = index_dtype()
    kept = lax.bitwise_and(starts, _is_member(values, ordered))
    if typeof(y).size:
        first = take(others, _places(values, ordered), mode="clip")
    else:
        first = lax.full_like(places, 0)
    return values, kept, *(lax.convert_element_type(i, dtype) for i in (places, first))


@jit_when_eager
def _exclusive(x: Any, y: Any) -> Any:
    """The elements of both, sorted, and which of them to keep."""
    parts = []
    for of, other in ((x, y), (y, x)):
        values, starts, _ = sorted_groups(of, True)
        unknown = lax.bitwise_not(_is_member(values, lax.sort(other)))
        parts.append((values, lax.bitwise_and(starts, unknown)))
    values, kept = (lax.concatenate(part, 0) for part in zip(*parts, strict=True))
    return lax.sort((values, kept), dimension=0)


def _chosen(kept: Any, values: Any, size: int | None, fill_value: Any) -> Any:
    """The elements of `values` to keep, cut or filled up to `size`."""
    if size is None or fill_value is not None or not typeof(values).size:
        fill = 0 if fill_value is None else fill_value
        return extract(kept, values, size=size, fill_value=fill)
    made = extract(kept, values, size=size, fill_value=0)
    (places,) = nonzero(kept, size=size, fill_value=-1)
    least = extract(kept, values, size=1, fill_value=0)
    return where(lax.ge(places, np.asarray(0, typeof(places).dtype)), made, least)
