"""A function of a batch, called with one part of it after another."""

from collections.abc import Callable, Sequence
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, tree

from ._accumulators import AccumulationType, accumulator_of


def microbatch(
    fun: Callable[..., Any],
    argnums: int | Sequence[int],
    microbatch_size: int | None,
    accumulator: Any = AccumulationType.SUM,
    *,
    argnames: str | Sequence[str] = (),
    in_axes: int | Sequence[int] = 0,
    num_real_microbatches: Any = None,
) -> Callable[..., Any]:
    """A function that calls `fun` with parts of a batch, and adds up the results.

    The parts follow each other in a loop on the device: memory is needed for one of
    them at a time. The program is that of one part, whatever their number.

    Args:
        fun: a function of arrays, some of which have an axis of the batch.
        argnums: positions of these.
        microbatch_size: rows of each part; must divide those of the batch. None calls
            `fun` with the whole batch.
        accumulator: how results are put together: an `AccumulationType`, an
            `Accumulator`, or a tree of them that is a prefix of the results. Sums of
            16-bit results are kept in float32 and rounded at the end.
        argnames: names of keyword arguments with an axis of the batch.
        in_axes: this axis; one for all, or one for each of `argnums` and `argnames`.
        num_real_microbatches: stop after as many parts, a number that may be traced:
            for batches padded to one size. (Then not differentiable in reverse.)

    Returns:
        A function with the arguments of `fun`.

    Raises:
        TypeError: `accumulator` holds something else, or a mean would be of integers.
        ValueError: no argument has an axis of the batch, its sizes differ, or the size
            is no multiple of `microbatch_size`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> def f(x):
        ...     return x + 1, jnp.sum(3 * x)
        >>> by = (AccumulationType.CONCAT, AccumulationType.SUM)
        >>> microbatch(f, 0, microbatch_size=2, accumulator=by)(jnp.array([1, 2, 3, 4]))
        (Array([2, 3, 4, 5], dtype=int32), Array(30, dtype=int32))
    """
    if microbatch_size is None:
        return fun
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    names = (argnames,) if isinstance(argnames, str) else tuple(argnames)
    axes = (in_axes,) * len(numbers + names) if isinstance(in_axes, int) else in_axes
    where = list(zip((*numbers, *names), axes, strict=True))

    def microbatched(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(enumerate(args)), **kwargs}
        _check_given(where, given)
        count = _num_microbatches(
            [(place, given[place], axis) for place, axis in where], microbatch_size
        )
        parts = {
            place: reshape_batch_axis(given[place], microbatch_size, axis)
            for place, axis in where
        }

        def call(index: Any) -> Any:
            chosen = {
                place: tree.map(
                    lambda x, axis=axis: lax.dynamic_index_in_dim(
                        x, index, axis, keepdims=False
                    ),
                    parts[place],
                )
                for place, axis in where
            }
            merged = {**given, **chosen}
            return fun(
                *(merged[i] for i in range(len(args))), **{k: merged[k] for k in kwargs}
            )

        like = dc.eval_shape(call, 0)
        adding = accumulator_of(accumulator, count, like)

        def body(index: Any, carry: Any) -> Any:
            return adding.update(carry, call(index), index)

        steps = count if num_real_microbatches is None else num_real_microbatches
        return adding.finalize(lax.fori_loop(0, steps, body, adding.init(like)))

    return microbatched


def reshape_batch_axis(tree: Any, microbatch_size: int, axis: int = 0) -> Any:
    """Splits the axis of a batch into two: of the microbatches, and of their rows.

    Args:
        tree: of arrays.
        microbatch_size: rows of each microbatch; must divide the size of the axis.
        axis: of the batch.

    Returns:
        A tree of arrays with the axes ``[..., microbatches, rows, ...]``. Row ``i`` of
        the batch is in microbatch ``i % microbatches``.

    Raises:
        ValueError: `microbatch_size` does not divide the size of the axis.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> reshape_batch_axis(jnp.arange(6), 2)
        Array([[0, 3], [1, 4], [2, 5]], dtype=int32)
    """

    def reshaped(x: Any) -> Any:
        x = jnp.asarray(x)
        at = axis % x.ndim
        size = x.shape[at]
        _check_divides("reshape_batch_axis", size, microbatch_size)
        count = size // microbatch_size
        split = (*x.shape[:at], microbatch_size, count, *x.shape[at + 1 :])
        return jnp.swapaxes(jnp.reshape(x, split), at, at + 1)

    return dc.tree.map(reshaped, tree)


def _check_given(where: list[tuple[Any, int]], given: dict[Any, Any]) -> None:
    missing = [place for place, _ in where if place not in given]
    if missing:
        raise ValueError(
            extend.error_message(
                f"microbatch: the arguments {missing} have an axis of the batch, but "
                f"the call has only {list(given)}.",
                "Pass by position what `argnums` names, by name what `argnames` names.",
            )
        )


def _num_microbatches(batches: list[tuple[Any, Any, int]], microbatch_size: int) -> int:
    sizes = {
        f"argument {place!r}{dc.tree_util.keystr(path)}": jnp.shape(leaf)[axis]
        for place, batch, axis in batches
        for path, leaf in tree.leaves_with_path(batch)
    }
    if len(set(sizes.values())) != 1:
        listed = [f"  {name}: {size}" for name, size in sizes.items()] or ["  no array"]
        problem = "microbatch: all arrays of a batch must have the same size, got"
        raise ValueError(
            extend.error_message(
                "\n".join([problem, *listed]),
                "Name the arguments that have an axis of the batch in `argnums`.",
            )
        )
    (size,) = set(sizes.values())
    _check_divides("microbatch", size, microbatch_size)
    return size // microbatch_size


def _check_divides(function: str, size: int, microbatch_size: int) -> None:
    if microbatch_size < 1 or size % microbatch_size or size == 0:
        raise ValueError(
            extend.error_message(
                f"{function}: `microbatch_size` must divide the size of the batch, got "
                f"{microbatch_size} for {size}.",
                "Pad the batch, and weigh the rows of the padding with 0.",
            )
        )
