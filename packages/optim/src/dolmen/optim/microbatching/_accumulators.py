"""How the results of microbatches become one."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, typeof


class AccumulationType(enum.Enum):
    """The usual ways to put results of microbatches together.

    Example:
        >>> [kind.name for kind in AccumulationType]
        ['MEAN', 'SUM', 'RUNNING_MEAN', 'CONCAT']
    """

    MEAN = enum.auto()
    """Their sum over the number of microbatches, done or not."""
    SUM = enum.auto()
    """Their sum."""
    RUNNING_MEAN = enum.auto()
    """The mean of those done."""
    CONCAT = enum.auto()
    """All of them, along axis 0, in the order of the batch."""


@dataclass(frozen=True)
class Accumulator:
    """A way of one's own to put results together.

    Attributes:
        init: from the type of a result (anything with shape and dtype) to the first
            carry.
        update: from carry, result and index of the microbatch to the next carry.
        finalize: from the last carry to what is returned.
        aggregate: from results with a leading axis to one, for `micro_vmap`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> largest = Accumulator(
        ...     init=lambda like: jnp.full(like.shape, -jnp.inf),
        ...     update=lambda carry, value, index: jnp.maximum(carry, value),
        ...     finalize=lambda carry: carry,
        ...     aggregate=lambda values: jnp.max(values, axis=0))
        >>> from dolmen import optim
        >>> optim.microbatch(jnp.max, 0, 2, largest)(jnp.arange(6.0))
        Array(5., dtype=float32)
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], Any]
    finalize: Callable[[Any], Any]
    aggregate: Callable[[Any], Any]


def accumulator_of(kinds: Any, num_microbatches: int, like: Any) -> Accumulator:
    """One accumulator for a whole tree of results.

    Args:
        kinds: tree of accumulators and their types, a prefix of the results.
        num_microbatches: how many there are.
        like: tree of the types of the results.

    Raises:
        TypeError: a leaf of `kinds` is neither, or a mean would be of integers.
    """
    found: list[tuple[Accumulator, Any]] = []

    def choose(kind: Any, part: Any) -> None:
        if isinstance(kind, Accumulator):
            found.append((kind, part))
        elif isinstance(kind, AccumulationType):
            found.append((_of_type(kind, num_microbatches, part), part))
        else:
            raise TypeError(
                extend.error_message(
                    "microbatch: `accumulator` must be an Accumulator, an "
                    f"AccumulationType or a tree of them, got {type(kind).__name__}."
                )
            )

    structure = tree.structure(kinds)
    tree.map(choose, kinds, like)
    parts = [part for part, _ in found]

    def each(function: Callable[..., Any], *args: Any) -> Any:
        columns = [structure.flatten_up_to(arg) for arg in args]
        rows = zip(parts, *columns, strict=True)
        return structure.unflatten([function(*row) for row in rows])

    return Accumulator(
        init=lambda value: each(lambda part, v: part.init(v), value),
        update=lambda carry, value, index: each(
            lambda part, c, v: part.update(c, v, index), carry, value
        ),
        finalize=lambda carry: each(lambda part, c: part.finalize(c), carry),
        aggregate=lambda values: each(lambda part, v: part.aggregate(v), values),
    )


def _of_type(kind: AccumulationType, count: int, like: Any) -> Accumulator:
    """The accumulator of one type for a tree of results."""
    if kind in (AccumulationType.MEAN, AccumulationType.RUNNING_MEAN):
        _check_floating(kind, like)
    reduce = jnp.sum if kind is AccumulationType.SUM else jnp.mean
    leafwise = tree.map
    if kind is AccumulationType.CONCAT:
        return Accumulator(
            init=lambda value: leafwise(
                lambda x: jnp.zeros((count, *x.shape), x.dtype), value
            ),
            update=lambda carry, value, index: leafwise(
                lambda c, v: c.at[index].set(v), carry, value
            ),
            finalize=lambda carry: leafwise(_in_order_of_the_batch, carry),
            aggregate=lambda values: values,
        )

    def update(carry: Any, value: Any, index: Any) -> Any:
        if kind is AccumulationType.RUNNING_MEAN:
            return leafwise(lambda c, v: c + (v - c) / (index + 1), carry, value)
        return leafwise(lambda c, v: c + v, carry, value)

    def finalize(carry: Any) -> Any:
        by = count if kind is AccumulationType.MEAN else 1
        return leafwise(
            lambda c, x: (c if by == 1 else c / by).astype(x.dtype), carry, like
        )

    return Accumulator(
        init=lambda value: leafwise(lambda x: jnp.zeros(x.shape, _wide(x)), value),
        update=update,
        finalize=finalize,
        aggregate=lambda values: leafwise(lambda v: reduce(v, axis=0), values),
    )


def _wide(x: Any) -> Any:
    """Sums of 16-bit results are kept in float32, and rounded once, at the end."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.promote_types(x.dtype, jnp.float32)
    return x.dtype


def _in_order_of_the_batch(stacked: Any) -> Any:
    """``[n, size, ...]`` to ``[n size, ...]``: row ``i`` is in microbatch ``i % n``."""
    if stacked.ndim == 1:
        return stacked  # one number for each microbatch
    interleaved = jnp.swapaxes(stacked, 0, 1)
    return jnp.reshape(interleaved, (-1, *interleaved.shape[2:]))


def _check_floating(kind: AccumulationType, like: Any) -> None:
    for leaf in tree.leaves(like):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise TypeError(
                extend.error_message(
                    f"microbatch: {kind.name} must be of floating-point results, got "
                    f"{typeof(jnp.zeros(leaf.shape, leaf.dtype))}.",
                    "Sum or concatenate them.",
                )
            )
