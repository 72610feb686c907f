"""Reductions over the segments of an array that labels tell apart."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import lax
from ._ir import dtypes, type_error, value_error
from ._ops._limits import highest, lowest
from ._ops._shape import sharding_error
from ._tracing import concrete, not_concrete, typeof
from .numpy._array_like import Array, ArrayLike
from .numpy._eager import jit_when_eager
from .numpy._promotion import type_of

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]
__dir__ = __all__.copy

# For each reduction: how elements are combined, how buckets are, what it starts from.
_REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Any]] = {
    "segment_sum": (lax.scatter_add, lax.reduce_sum, lambda dtype: 0),
    "segment_prod": (lax.scatter_mul, lax.reduce_prod, lambda dtype: 1),
    "segment_max": (lax.scatter_max, lax.reduce_max, lowest),
    "segment_min": (lax.scatter_min, lax.reduce_min, highest),
}


def segment_sum(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: None = None,
) -> Array:
    """Sum of the elements of each segment.

    Args:
        data: ``[n, ...]``, numbers.
        segment_ids: integers ``[n]``, the segment of each element in any order.
        num_segments: how many segments there are; by default ``max(segment_ids) + 1``,
            for which `segment_ids` must be known while tracing.
        indices_are_sorted: promise that `segment_ids` ascend.
        unique_indices: promise that no segment has two elements.
        bucket_size: reduce buckets of so many neighbors by themselves, then their
            results: long sums round less, for ``n / bucket_size`` times the memory.
        mode: what becomes of elements whose segment does not exist (also a negative
            one); by default they are dropped, see `lax.GatherScatterMode`.
        out_sharding: must be None.

    Returns:
        ``[num_segments, ...]`` in the dtype of `data`; 0 where a segment is empty.

    Raises:
        TypeError: `segment_ids` are not integers, or `data` is boolean.
        ValueError: shapes don't match, `segment_ids` is empty without `num_segments`,
            `num_segments` is negative, `bucket_size` is not positive, or there is no
            such `mode`.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.ops.segment_sum(jnp.array([1, 2, 3]), jnp.array([0, 2, 0])).tolist()
        [4, 0, 2]
    """
    return _segments(
        "segment_sum",
        data,
        segment_ids,
        num_segments,
        (indices_are_sorted, unique_indices),
        bucket_size,
        mode,
        out_sharding,
    )


def segment_prod(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: None = None,
) -> Array:
    """Product of the elements of each segment; 1 where a segment is empty.

    Arguments and errors are those of `segment_sum`. Derivatives with respect to `data`
    need `unique_indices`.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.ops.segment_prod(jnp.array([5, 2, 3]), jnp.array([0, 2, 0])).tolist()
        [15, 1, 2]
    """
    return _segments(
        "segment_prod",
        data,
        segment_ids,
        num_segments,
        (indices_are_sorted, unique_indices),
        bucket_size,
        mode,
        out_sharding,
    )


def segment_max(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: None = None,
) -> Array:
    """Greatest element of each segment; the dtype's least where a segment is empty.

    Arguments and errors are those of `segment_sum`; `data` may be boolean.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.ops.segment_max(jnp.array([5.0, 2, 3]), jnp.array([0, 2, 0])).tolist()
        [5.0, -inf, 2.0]
    """
    return _segments(
        "segment_max",
        data,
        segment_ids,
        num_segments,
        (indices_are_sorted, unique_indices),
        bucket_size,
        mode,
        out_sharding,
    )


def segment_min(
    data: ArrayLike,
    segment_ids: ArrayLike,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
    out_sharding: None = None,
) -> Array:
    """Least element of each segment; the dtype's greatest where a segment is empty.

    Arguments and errors are those of `segment_sum`; `data` may be boolean.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.ops.segment_min(jnp.array([5.0, 2, 3]), jnp.array([0, 2, 0])).tolist()
        [3.0, inf, 2.0]
    """
    return _segments(
        "segment_min",
        data,
        segment_ids,
        num_segments,
        (indices_are_sorted, unique_indices),
        bucket_size,
        mode,
        out_sharding,
    )


def _segments(
    function: str,
    data: Any,
    segment_ids: Any,
    num_segments: Any,
    promises: tuple[bool, bool],
    bucket_size: Any,
    mode: Any,
    out_sharding: Any,
) -> Array:
    if out_sharding is not None:
        raise sharding_error(function, "out_sharding", out_sharding)
    type = type_of(function, "data", data)
    ids = type_of(function, "segment_ids", segment_ids)
    if dtypes.kind(ids.dtype) not in "iu":
        raise type_error(f"{function}: `segment_ids` must be integers, got {ids!r}.")
    if ids.ndim != 1 or ids.shape != type.shape[:1]:
        raise value_error(
            f"{function}: `segment_ids` must have one element for each along the first "
            f"axis of `data`, got {ids!r} for {type!r}."
        )
    if dtypes.kind(type.dtype) == "b" and function in ("segment_sum", "segment_prod"):
        raise type_error(
            f"{function}: `data` must be numbers, got {type!r}.",
            "Convert it with `.astype(int)`, or use `segment_max` or `segment_min`.",
        )
    if num_segments is None:
        count = _count(function, segment_ids)
    else:
        count = operator.index(num_segments)
    if count < 0:
        raise value_error(
            f"{function}: `num_segments` must not be negative, got {count}."
        )
    size = None if bucket_size is None else operator.index(bucket_size)
    if size is not None and size < 1:
        raise value_error(f"{function}: `bucket_size` must be positive, got {size}.")
    return _reduced(
        data,
        segment_ids,
        function=function,
        count=count,
        promises=promises,
        bucket_size=size,
        mode=lax.GatherScatterMode.from_any(mode),
    )


def _count(function: str, segment_ids: Any) -> int:
    """One more than the greatest label."""
    known = concrete(segment_ids)
    if known is None:
        raise not_concrete(
            segment_ids, "array", f"{function}: `segment_ids`", "Give `num_segments`."
        )
    if not typeof(segment_ids).size:
        raise value_error(
            f"{function}: an empty `segment_ids` does not say how many segments there "
            "are.",
            "Give `num_segments`.",
        )
    return max(0, int(np.max(np.asarray(known))) + 1)


@jit_when_eager(
    static_argnames=("function", "count", "promises", "bucket_size", "mode")
)
def _reduced(
    data: Any,
    ids: Any,
    *,
    function: str,
    count: int,
    promises: tuple[bool, bool],
    bucket_size: int | None,
    mode: lax.GatherScatterMode,
) -> Any:
    scatter, combine, start = _REDUCTIONS[function]
    n, *rest = typeof(data).shape
    dtype = typeof(data).dtype
    indices = lax.expand_dims(ids, (1,))
    shape = (count, *rest)
    if bucket_size is not None:
        # Buckets count as a further, leading label.
        bucket = (np.arange(n) // bucket_size).astype(typeof(ids).dtype)[:, None]
        indices = lax.concatenate([bucket, indices], 1)
        shape = (max(1, -(-n // bucket_size)), *shape)
    labels = tuple(range(len(shape) - len(rest)))
    made = lax.full(shape, start(dtype), dtype)
    if typeof(data).size and typeof(made).size:
        made = scatter(
            made,
            indices,
            data,
            lax.ScatterDimensionNumbers(
                update_window_dims=tuple(range(1, len(rest) + 1)),
                inserted_window_dims=labels,
                scatter_dims_to_operand_dims=labels,
            ),
            indices_are_sorted=promises[0],
            unique_indices=promises[1],
            mode=mode,
        )
    return made if bucket_size is None else combine(made, (0,))
