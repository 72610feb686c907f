"""The largest elements, nearly: what accelerators find in one pass."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._backend import approx_top_k_size
from .._ir import ArrayType, Primitive, array_type, dtypes, type_error, value_error
from .._lowering import mlir
from .._tracing import bind, record_closed, typeof
from . import _comparison, _shape
from ._cumulative import gather_along

_INDEX = np.dtype(np.int32)


def approx_max_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> Any:
    """Most of the `k` largest elements along an axis, and where they are.

    TPUs find them faster than all of them with certainty; elsewhere they are exact.

    Args:
        operand: floating point, with at least one axis.
        k: how many, from 1 to the size of the axis.
        reduction_dimension: the axis to search.
        recall_target: the share of the `k` largest elements that is expected to be
            found, between 0 and 1.
        reduction_input_size_override: size to reckon the share with, where `operand` is
            a part of a larger array; negative for its own.
        aggregate_to_topk: give exactly `k` elements in descending order. Otherwise
            `operand` is only narrowed down, to a number of elements in no order that
            the platform chooses.

    Returns:
        A list of the elements and their int32 indices. Derivatives follow the elements.

    Raises:
        TypeError: `operand` has no axis.
        ValueError: `operand` isn't floating point, or `k` or `recall_target` is out of
            range.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> values, indices = lax.approx_max_k(np.float32([3.0, 1.0, 2.0]), 2)
        >>> indices
        Array([0, 2], dtype=int32)

    Source: Chern et al. (2022), arXiv:2206.14286.
    """
    return _approximate(
        operand,
        k,
        reduction_dimension,
        recall_target,
        reduction_input_size_override,
        aggregate_to_topk,
        is_max_k=True,
    )


def approx_min_k(
    operand: Any,
    k: int,
    reduction_dimension: int = -1,
    recall_target: float = 0.95,
    reduction_input_size_override: int = -1,
    aggregate_to_topk: bool = True,
) -> Any:
    """Most of the `k` smallest elements along an axis, and where they are.

    Arguments and results are those of `approx_max_k`, in ascending order.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> values, indices = lax.approx_min_k(np.float32([3.0, 1.0, 2.0]), 2)
        >>> indices
        Array([1, 2], dtype=int32)
    """
    return _approximate(
        operand,
        k,
        reduction_dimension,
        recall_target,
        reduction_input_size_override,
        aggregate_to_topk,
        is_max_k=False,
    )


def _approximate(
    operand: Any,
    k: int,
    axis: int,
    recall_target: float,
    size_override: int,
    aggregate: bool,
    *,
    is_max_k: bool,
) -> Any:
    function = "approx_max_k" if is_max_k else "approx_min_k"
    type, k = typeof(operand), operator.index(k)
    if not type.ndim:
        raise type_error(f"{function}: `operand` must have an axis, got {type!r}.")
    axis = _shape.as_axis(function, axis, type.ndim, "reduction_dimension")
    if dtypes.kind(type.dtype) != "f":
        raise value_error(
            f"{function}: `operand` must be floating point, got {type!r}.",
            "Use `lax.top_k`, which takes integers too.",
        )
    if not 1 <= k <= type.shape[axis]:
        raise value_error(
            f"{function}: `k` must be between 1 and the size of the axis, got k={k} "
            f"for axis {axis} of {type!r}."
        )
    if not 0 < recall_target <= 1:
        raise value_error(
            f"{function}: `recall_target` must be above 0 and at most 1, got "
            f"{recall_target}."
        )
    primitive = ApproxTopK(
        k, axis, float(recall_target), is_max_k, int(size_override), bool(aggregate)
    )
    return list(bind(primitive, operand))


class ApproxTopK(Primitive):
    """Elements that are extreme with some certainty."""

    multiple_results = True

    k: int
    reduction_dimension: int
    recall_target: float
    is_max_k: bool
    reduction_input_size_override: int
    aggregate_to_topk: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        """Elements and indices."""
        (x,) = arg_types
        shape, axis = list(x.shape), self.reduction_dimension
        shape[axis] = self.k
        if not self.aggregate_to_topk:
            shape[axis] = approx_top_k_size(
                x.shape[axis],
                x.ndim,
                self.k,
                self.recall_target,
                self.reduction_input_size_override,
            )
        return [x.with_shape(tuple(shape)), array_type(tuple(shape), _INDEX)]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangents of the chosen elements."""
        (x,), (dx,) = primals, tangents
        values, indices = bind(self, x)
        tangent = gather_along(dx, indices, self.reduction_dimension)
        return [values, indices], [tangent, None]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The axis that is searched makes way for the batch axis."""
        (x,), (axis,) = args, axes
        axis_of_lane = self.reduction_dimension
        primitive = self.replace(reduction_dimension=axis_of_lane + 1)
        return bind(primitive, _shape.move_axis(x, axis, 0)), [0, 0]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """XLA's own operation, which it replaces by a sort outside of TPUs."""
        (x,) = args
        (type,) = builder.in_types
        scalar, index = array_type((), type.dtype), array_type((), _INDEX)
        places = builder.emit(
            "iota",
            (),
            (array_type(type.shape, _INDEX),),
            iota_dimension=mlir.integer(self.reduction_dimension),
        )
        worst = builder.constant(-np.inf if self.is_max_k else np.inf, scalar)
        is_better = _comparison.gt if self.is_max_k else _comparison.lt
        comparison = record_closed(
            lambda a, b, *_: [is_better(a, b)], (scalar, scalar, index, index)
        )
        comparator = builder.define("is_better", comparison)
        options = {
            "top_k": mlir.integer(self.k),
            "reduction_dim": mlir.integer(self.reduction_dimension),
            "recall_target": mlir.float32(self.recall_target),
            "aggregate_to_topk": mlir.boolean(self.aggregate_to_topk),
            "reduction_input_size_override": mlir.integer(
                self.reduction_input_size_override
            ),
            "is_fallback": mlir.boolean(builder.platform != "tpu"),
        }
        return builder.emit(
            "custom_call",
            (x, places, worst, builder.constant(-1, index)),
            call_target_name=mlir.string("ApproxTopK"),
            called_computations=mlir.array_of([mlir.symbol(comparator)]),
            backend_config=mlir.string(""),
            **{"mhlo.backend_config": mlir.dictionary(options)},
        )
