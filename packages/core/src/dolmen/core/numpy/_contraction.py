"""A contraction of two arrays as one `dot_general`.

Axes are named by labels. A contraction of two labelled operands is planned from labels
and sizes alone (and remembered): which axes are batch, contracted or free, and which
labels the result of `dot_general` has. All products of arrays are such a plan and at
most one transpose.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import lax
from .._ir import dtypes, message
from .._ops._dot import swapped_precision
from .._tracing import typeof
from ._promotion import convert, type_of

Labels = tuple[Any, ...]


class _Contraction(NamedTuple):
    """How two labelled operands become one.

    Attributes:
        left: axes to squeeze (their size is 1) and to sum over before.
        right: the same of the other operand.
        swapped: whether the right operand comes first.
        numbers: `dimension_numbers` of `dot_general`; None for an elementwise product.
        labels: of the result.
    """

    left: tuple[tuple[int, ...], tuple[int, ...]]
    right: tuple[tuple[int, ...], tuple[int, ...]]
    swapped: bool
    numbers: Any
    labels: Labels


@functools.lru_cache(4096)
def _plan_pair(
    left: Labels,
    left_shape: tuple[int, ...],
    right: Labels,
    right_shape: tuple[int, ...],
    kept: Labels,
) -> _Contraction:
    """Plan the product of two operands, of whose labels only `kept` stay.

    Labels are distinct within an operand. A label of size 1 in one operand and larger
    in the other stretches.
    """
    sizes = [dict(zip(left, left_shape, strict=True))]
    sizes.append(dict(zip(right, right_shape, strict=True)))
    before = []
    for own, other in (sizes, sizes[::-1]):
        squeezed = [
            label
            for label, size in own.items()
            if size == 1 and other.get(label, 1) != 1
        ]
        summed = [label for label in own if label not in other and label not in kept]
        before.append((squeezed, summed))
    axes = []
    names = []
    for own, (squeezed, summed) in zip(sizes, before, strict=True):
        order = list(own)
        rest = [label for label in order if label not in squeezed]
        axes.append(
            (
                tuple(order.index(label) for label in squeezed),
                tuple(rest.index(label) for label in summed),
            )
        )
        names.append([label for label in rest if label not in summed])
    a, b = names
    shared = [label for label in a if label in b]
    batch = [label for label in kept if label in shared]
    contracted = [label for label in shared if label not in kept]
    free = [[label for label in own if label not in shared] for own in (a, b)]
    if a == b and not contracted:
        return _Contraction(axes[0], axes[1], False, None, tuple(a))
    orders = [(*batch, *free[0], *free[1]), (*batch, *free[1], *free[0])]
    wanted = [label for label in kept if label in orders[0]]
    swapped = orders[0] != tuple(wanted) and orders[1] == tuple(wanted)
    first, second = (b, a) if swapped else (a, b)
    numbers = (
        (
            tuple(first.index(label) for label in contracted),
            tuple(second.index(label) for label in contracted),
        ),
        (
            tuple(first.index(label) for label in batch),
            tuple(second.index(label) for label in batch),
        ),
    )
    return _Contraction(axes[0], axes[1], swapped, numbers, orders[swapped])


def contract(
    left: Any,
    left_labels: Labels,
    right: Any,
    right_labels: Labels,
    kept: Labels,
    how: dict[str, Any],
) -> tuple[Any, Labels]:
    """The product of two operands and its labels.

    Args:
        how: what `dot_options` gives; or also a function "dot_general" for products
            that sum over an axis or have a batch axis.
    """
    plan = _plan_pair(
        left_labels, typeof(left).shape, right_labels, typeof(right).shape, kept
    )
    left, right = _prepared(left, plan.left), _prepared(right, plan.right)
    wanted = how["preferred_element_type"]
    # Only an intermediate product has the preferred dtype already.
    mixed = typeof(left).dtype != typeof(right).dtype
    if wanted is not None and (mixed or plan.numbers is None):
        left, right = convert(left, wanted), convert(right, wanted)
    if plan.numbers is None:
        return lax.mul(left, right), plan.labels
    first, second = (right, left) if plan.swapped else (left, right)
    precision = how["precision"]
    if plan.swapped:
        precision = swapped_precision(precision)
    out = how.get("dot_general", lax.dot_general)(
        first,
        second,
        plan.numbers,
        precision=precision,
        preferred_element_type=wanted,
    )
    return out, plan.labels


def _prepared(x: Any, axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    squeezed, summed = axes
    x = lax.squeeze(x, squeezed) if squeezed else x
    return sum_over(x, summed) if summed else x


def sum_over(x: Any, axes: tuple[int, ...]) -> Any:
    """The sum over axes; of booleans, the logical or."""
    if typeof(x).dtype == bool:
        return lax.reduce_or(x, axes)
    return lax.reduce_sum(x, axes)


def arranged(x: Any, labels: Labels, wanted: Labels) -> Any:
    """`x` with its axes in the order of `wanted`."""
    if labels == wanted:
        return x
    return lax.transpose(x, [labels.index(label) for label in wanted])


def promoted(function: str, names: Sequence[str], args: Sequence[Any]) -> list[Any]:
    """Operands of one dtype; their shapes stay.

    Args:
        function: for messages, like the `names` of its arguments.
    """
    types = [type_of(function, n, x) for n, x in zip(names, args, strict=True)]
    try:
        dtype, weak = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    except TypeError as error:
        raise type(error)(message(f"{function}: {error}")) from None
    return [convert(x, dtype, weak) for x in args]


def dot_options(function: str, precision: Any, preferred: Any) -> dict[str, Any]:
    """What every product tells `dot_general`: precision and dtype of the result."""
    if preferred is not None:
        preferred = dtypes.as_dtype(preferred, function=function)
    return {"precision": precision, "preferred_element_type": preferred}
