"""Products of matrices whose rows come in groups of sizes known only at run time."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._ir import ArrayType, as_integers, dtypes, type_error, value_error
from .._tracing import bind, typeof
from . import _shape
from ._arithmetic import mul
from ._conversion import convert_element_type
from ._creation import full
from ._dot import (
    DotAxes,
    DotDimensionNumbers,
    PrecisionLike,
    as_precision,
    check_product,
    dot_general,
    of_one_dtype,
)
from ._ragged_products import RaggedContraction, RaggedDot

Axes = tuple[int, ...]

_INT32 = np.dtype("int32")


@dataclasses.dataclass(frozen=True, init=False)
class RaggedDotDimensionNumbers:
    """The axes of `ragged_dot_general`.

    Attributes:
        dot_dimension_numbers: contracting and batch axes, as of `dot_general`.
        lhs_ragged_dimensions: the one axis of `lhs` that groups divide.
        rhs_group_dimensions: the axis of `rhs` that counts groups; none if the ragged
            axis is a contracting or a batch axis.
    """

    dot_dimension_numbers: DotAxes
    lhs_ragged_dimensions: Axes
    rhs_group_dimensions: Axes

    def __init__(
        self,
        dot_dimension_numbers: DotDimensionNumbers,
        lhs_ragged_dimensions: Sequence[int],
        rhs_group_dimensions: Sequence[int],
    ) -> None:
        function = "RaggedDotDimensionNumbers"
        contracting, batch = (
            tuple(
                [as_integers(function, "dot_dimension_numbers", axes) for axes in pair]
            )
            for pair in dot_dimension_numbers
        )
        ragged = as_integers(function, "lhs_ragged_dimensions", lhs_ragged_dimensions)
        groups = as_integers(function, "rhs_group_dimensions", rhs_group_dimensions)
        object.__setattr__(self, "dot_dimension_numbers", (contracting, batch))
        object.__setattr__(self, "lhs_ragged_dimensions", ragged)
        object.__setattr__(self, "rhs_group_dimensions", groups)


def ragged_dot(
    lhs: Any,
    rhs: Any,
    group_sizes: Any,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    group_offset: None = None,
    out_sharding: None = None,
) -> Any:
    """Product of groups of rows with a matrix for each group.

    The first ``group_sizes[0]`` rows of `lhs` are multiplied with ``rhs[0]``, the next
    ``group_sizes[1]`` rows with ``rhs[1]``, and so on: the layer of a mixture of
    experts, with tokens sorted by expert.

    Args:
        lhs: ``[m, k]``.
        rhs: ``[g, k, n]``; another dtype counts as in `dot_general`.
        group_sizes: integers ``[g]``, not negative.
        precision: as of `dot_general`.
        preferred_element_type: dtype of the result; by default that of the operands.
        group_offset: must be None.
        out_sharding: must be None.

    Returns:
        ``[m, n]``; zeros in the rows that belong to no group. It costs about as much
        as one product with ``[k, n]``, whatever the sizes are.

    Raises:
        TypeError: `group_sizes` are no integers.
        ValueError: sizes do not match.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> weights = np.float32([[[1.0]], [[10.0]]])
        >>> lax.ragged_dot(np.ones((4, 1), "f"), weights, np.array([1, 2])).tolist()
        [[1.0], [10.0], [10.0], [0.0]]
    """
    return ragged_dot_general(
        lhs,
        rhs,
        group_sizes,
        RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), (0,), (0,)),
        precision,
        preferred_element_type,
        group_offset,
        out_sharding,
    )


def ragged_dot_general(
    lhs: Any,
    rhs: Any,
    group_sizes: Any,
    ragged_dot_dimension_numbers: RaggedDotDimensionNumbers,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    group_offset: None = None,
    out_sharding: None = None,
) -> Any:
    """`dot_general` with one axis divided into groups of given sizes.

    What the groups are for depends on the ragged axis:

    - neither contracting nor batch: each group is multiplied with its own slice of
      `rhs` along the group axis, as in `ragged_dot`.
    - contracting: each group is contracted for itself. The result has an axis more in
      front, which counts groups.
    - batch: the groups change nothing.

    Args:
        lhs: any shape and dtype.
        rhs: any shape; another dtype counts as in `dot_general`.
        group_sizes: integers, not negative. Either ``[g]``, or a vector of sizes for
            each index of the batch axes (the ones before it if the ragged axis is one
            of them) and of those axes of the ragged axis's kind that come before it.
        ragged_dot_dimension_numbers: the axes.
        precision: as of `dot_general`.
        preferred_element_type: dtype of the result; by default that of the operands.
        group_offset: must be None.
        out_sharding: must be None.

    Returns:
        The axes of the result of `dot_general`, after that of the groups if the ragged
        axis is contracting. Rows that belong to no group give zeros.

    Raises:
        TypeError: `group_sizes` are no integers.
        ValueError: an axis is missing or out of range, or sizes do not match.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> axes = lax.RaggedDotDimensionNumbers((((0,), (0,)), ((), ())), (0,), ())
        >>> x = np.float32([1, 2, 3, 4])
        >>> lax.ragged_dot_general(x, x, np.array([3, 1]), axes).tolist()
        [14.0, 16.0]
    """
    if out_sharding is not None:
        raise _shape.sharding_error("ragged_dot", "out_sharding", out_sharding)
    if group_offset is not None:
        raise value_error(
            f"ragged_dot: `group_offset` must be None, got {group_offset!r}.",
            "Give `group_sizes` and `rhs` of the groups that are wanted.",
        )
    precision = as_precision("ragged_dot", precision)
    if preferred_element_type is not None:
        preferred_element_type = dtypes.as_dtype(
            preferred_element_type, function="ragged_dot"
        )
    lhs, rhs = of_one_dtype(lhs, rhs, preferred_element_type)
    x, y, given = typeof(lhs), typeof(rhs), typeof(group_sizes)
    numbers = ragged_dot_dimension_numbers.dot_dimension_numbers
    check_product("ragged_dot", x, y, numbers, preferred_element_type)
    axes = _as_axes(x, y, ragged_dot_dimension_numbers)
    prefix = _check_sizes(x, y, given, axes)
    if axes.kind == "batch":
        return dot_general(lhs, rhs, numbers, precision, preferred_element_type)

    sizes = convert_element_type(group_sizes, _INT32)
    if given.ndim == 1:
        sizes = _shape.broadcast(sizes, prefix)
    batch, groups = len(axes.lhs_batch), given.shape[-1]
    lead, outer = math.prod(prefix[:batch]), math.prod(prefix[batch:])
    inner = math.prod(_sizes(x, axes.inner))
    rows = lead, outer, x.shape[axes.ragged] * inner
    sizes = _shape.reshape(sizes, (lead, outer, groups))
    sizes = mul(sizes, full((lead, outer, groups), inner, _INT32))
    options = precision, preferred_element_type
    if axes.group is None:
        con = *axes.rhs_batch, *axes.rhs_con
        lhs, rhs = _arranged(lhs, axes.rows, rows), _arranged(rhs, con, rows)
        made = bind(RaggedContraction(*options), lhs, rhs, sizes)
        free = *_sizes(x, _others(x, axes.rows)), *_sizes(y, _others(y, con))
        made = _shape.reshape(made, (*prefix[:batch], groups, *free))
        return _shape.move_axis(made, batch, 0)
    k = math.prod(_sizes(x, axes.lhs_con))
    con = *axes.rhs_batch, axes.group, *axes.rhs_con
    lhs = _arranged(lhs, (*axes.rows, *axes.lhs_con), (*rows, k))
    rhs = _arranged(rhs, con, (lead, groups, k))
    made = bind(RaggedDot(*options), lhs, rhs, sizes)
    return _shape.reshape(made, (*_sizes(x, axes.rows), *_sizes(y, _others(y, con))))


class _Axes(NamedTuple):
    """The axes by what they are for."""

    lhs_con: Axes
    rhs_con: Axes
    lhs_batch: Axes
    rhs_batch: Axes
    kind: str  # of the ragged axis: free, contracting or batch
    ragged: int
    group: int | None
    outer: Axes  # those of the ragged axis's kind before it
    inner: Axes  # and behind it

    @property
    def rows(self) -> Axes:
        """The axes of `lhs` that become the first three of the primitives."""
        return (*self.lhs_batch, *self.outer, self.ragged, *self.inner)


def _as_axes(x: ArrayType, y: ArrayType, numbers: RaggedDotDimensionNumbers) -> _Axes:
    (lhs_con, rhs_con), (lhs_batch, rhs_batch) = numbers.dot_dimension_numbers
    given = f"got {numbers!r} for {x!r} and {y!r}."
    if len(numbers.lhs_ragged_dimensions) != 1:
        raise value_error(
            f"ragged_dot: `lhs_ragged_dimensions` must name one axis, {given}"
        )
    (ragged,) = numbers.lhs_ragged_dimensions
    if not 0 <= ragged < x.ndim:
        raise value_error(
            "ragged_dot: `lhs_ragged_dimensions` must name an axis of `lhs`, counted "
            f"from the front, {given}"
        )
    used = (*lhs_con, *lhs_batch)
    free = tuple(a for a in range(x.ndim) if a not in used)
    kind, own = next(
        (kind, own)
        for kind, own in (
            ("free", free),
            ("contracting", lhs_con),
            ("batch", lhs_batch),
        )
        if ragged in own
    )
    groups = numbers.rhs_group_dimensions
    if len(groups) != (kind == "free"):
        raise value_error(
            "ragged_dot: `rhs_group_dimensions` must name one axis if the ragged axis "
            f"is neither contracting nor batch, and none if it is, {given}"
        )
    if any(not 0 <= a < y.ndim or a in (*rhs_con, *rhs_batch) for a in groups):
        raise value_error(
            "ragged_dot: `rhs_group_dimensions` must name an axis of `rhs` that is "
            f"neither contracting nor batch, counted from the front, {given}"
        )
    place = own.index(ragged)
    return _Axes(
        lhs_con,
        rhs_con,
        lhs_batch,
        rhs_batch,
        kind,
        ragged,
        groups[0] if groups else None,
        own[:place],
        own[place + 1 :],
    )


def _check_sizes(x: ArrayType, y: ArrayType, sizes: ArrayType, axes: _Axes) -> Axes:
    """The axes that `group_sizes` may have before the last."""
    if dtypes.kind(sizes.dtype) not in "iu":
        raise type_error(
            f"ragged_dot: `group_sizes` must be integers, got {sizes!r}.",
            "Convert them with `.astype(int)`.",
        )
    before = axes.outer if axes.kind == "batch" else (*axes.lhs_batch, *axes.outer)
    prefix = tuple(x.shape[a] for a in before)
    if not sizes.ndim or (sizes.ndim > 1 and sizes.shape[:-1] != prefix):
        raise value_error(
            "ragged_dot: `group_sizes` must be a vector, or one for each index of the "
            f"axes of sizes {prefix}, got {sizes!r} for {x!r} and {y!r}."
        )
    if axes.group is not None and y.shape[axes.group] != sizes.shape[-1]:
        raise value_error(
            "ragged_dot: `group_sizes` must hold a size for each of the "
            f"{y.shape[axes.group]} groups of `rhs`, got {sizes!r} for {y!r}."
        )
    return prefix


def _sizes(x: ArrayType, axes: Axes) -> Axes:
    return tuple(x.shape[a] for a in axes)


def _others(x: ArrayType, axes: Axes) -> Axes:
    return tuple(a for a in range(x.ndim) if a not in axes)


def _arranged(x: Any, leading: Axes, shape: Axes) -> Any:
    """`x` as four axes: some, merged to `shape`, and all others as the last."""
    type = typeof(x)
    others = _others(type, leading)
    merged = (*shape, math.prod(_sizes(type, others)))[:4]
    return _shape.reshape(_shape.transpose(x, (*leading, *others)), merged)
