"""`associative_scan`: all prefixes of a product, in a logarithmic number of steps."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import value_error
from .._ops import _joining, _shape, _slicing
from .._tracing import typeof
from .._transforms._trees import (
    argument_leaves,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)
from ._agreement import Side, join_types, type_difference
from ._functions import check_callable

_Combine = Callable[[list[Any], list[Any]], list[Any]]


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All prefixes of a product of elements, by a function that is associative.

    It takes about twice as many calls on elements as a loop, but they are done in
    ``2 log2(n)`` steps, each one call of `fn` on many elements.

    Args:
        fn: from two trees like `elems`, with any number of elements along `axis`, to
            their elementwise combination; ``fn(fn(a, b), c) == fn(a, fn(b, c))``.
        elems: arrays in a tree, equally long along `axis`.
        reverse: combine from the last element to the first.
        axis: the axis of the elements.

    Returns:
        A tree like `elems`; element i combines the elements up to i.

    Raises:
        ValueError: the arrays are not equally long.
        TypeError: `fn` changes the tree, a shape or a dtype.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.associative_scan(jnp.multiply, jnp.arange(1.0, 5.0))
        Array([ 1.,  2.,  6., 24.], dtype=float32)

    Source: Blelloch (1990), Prefix sums and their applications.
    """
    check_callable("associative_scan", fn=fn)
    leaves, tree = argument_leaves("associative_scan", fn, elems, root="elems")
    if not leaves:
        return elems
    place = _shape.as_axis("associative_scan", axis, typeof(leaves[0]).ndim, "axis")
    _check_lengths(fn, elems, leaves, place)

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        result = fn(tree.unflatten(a), tree.unflatten(b))
        outs, out_tree = result_leaves("associative_scan", fn, result)
        types, got = [typeof(x) for x in a], [typeof(x) for x in outs]
        if out_tree != tree or [(t.shape, t.dtype) for t in types] != [
            (t.shape, t.dtype) for t in got
        ]:
            raise type_difference(
                f"associative_scan of {name_of(fn)}",
                [fn],
                Side("elems", tree, types),
                Side("result", out_tree, got),
                "Make the function return what it takes, elementwise.",
                join_types,
            )
        return outs

    if reverse:
        leaves = [_shape.rev(x, (place,)) for x in leaves]
    found = _prefixes(combine, leaves, place)
    if reverse:
        found = [_shape.rev(x, (place,)) for x in found]
    return tree.unflatten(found)


def _check_lengths(fn: Any, elems: Any, leaves: Sequence[Any], axis: int) -> None:
    types = [typeof(leaf) for leaf in leaves]
    if all(t.ndim > axis and t.shape[axis] == types[0].shape[axis] for t in types):
        return
    lines = [
        f"  elems{path_text(path)}: {type!r}"
        for (path, _), type in zip(flatten_with_path(elems)[0], types, strict=True)
    ]
    raise value_error(
        f"associative_scan of {name_of(fn)}: arrays must be equally long along axis "
        f"{axis}, got\n" + "\n".join(lines)
    )


def _prefixes(combine: _Combine, elems: list[Any], axis: int) -> list[Any]:
    """Prefixes of pairs are every second prefix; one more step gives the others."""
    length = typeof(elems[0]).shape[axis]
    if length < 2:
        return elems

    def part(values: list[Any], start: int, stop: int, step: int = 1) -> list[Any]:
        return [_slicing.slice_in_dim(x, start, stop, step, axis) for x in values]

    pairs = combine(part(elems, 0, length - 1, 2), part(elems, 1, length, 2))
    odd = _prefixes(combine, pairs, axis)
    first = part(elems, 0, 1)
    count = (length - 1) // 2  # even positions after the first
    if count:
        later = combine(part(odd, 0, count), part(elems, 2, length, 2))
        first = [_joining.concatenate(x, axis) for x in zip(first, later, strict=True)]
    return [_interleaved(a, b, axis) for a, b in zip(first, odd, strict=True)]


def _interleaved(even: Any, odd: Any, axis: int) -> Any:
    """Elements of two arrays in turn; `even` may have one more."""
    count, extra = typeof(odd).shape[axis], typeof(even).shape[axis]
    paired = _joining.stack(
        [_slicing.slice_in_dim(even, 0, count, 1, axis), odd], axis + 1
    )
    merged = _shape.collapse(paired, axis, axis + 2)
    if extra == count:
        return merged
    last = _slicing.slice_in_dim(even, count, extra, 1, axis)
    return _joining.concatenate([merged, last], axis)
