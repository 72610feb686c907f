"""Maps and gradients of single examples, a microbatch of them at a time."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from ._accumulators import AccumulationType, accumulator_of
from ._microbatch import microbatch


def micro_vmap(
    fun: Callable[..., Any],
    in_axes: int | Sequence[int | None] = 0,
    out_axes: Any = 0,
    *,
    microbatch_size: int | None = None,
    vmap_fn: Callable[..., Any] = dc.vmap,
    accumulator: Any = AccumulationType.CONCAT,
    num_real_microbatches: Any = None,
) -> Callable[..., Any]:
    """`vmap` over a batch in parts, whose results may be added up on the way.

    Args:
        fun: a function of one example.
        in_axes: the axis of the batch of each positional argument; None for arguments
            without. Keyword arguments have it first.
        out_axes: must be 0.
        microbatch_size: rows mapped at a time; must divide those of the batch. None
            maps them all at once.
        vmap_fn: called as ``vmap_fn(fun, in_axes, out_axes)``.
        accumulator: what becomes of the results of the examples, see `microbatch`.
        num_real_microbatches: stop after as many parts.

    Returns:
        A function with the arguments of `fun`, and the axis of the batch.

    Raises:
        ValueError: `out_axes` is not 0, or the batch can't be split.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> micro_vmap(lambda x: x**2, microbatch_size=4)(jnp.arange(8))
        Array([ 0,  1,  4,  9, 16, 25, 36, 49], dtype=int32)
    """
    if out_axes != 0:
        raise ValueError(
            extend.error_message(f"micro_vmap: `out_axes` must be 0, got {out_axes!r}.")
        )
    given = (in_axes,) if isinstance(in_axes, int) else tuple(in_axes)

    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = given * len(args) if isinstance(in_axes, int) else given
        batch_axes = {i: axis for i, axis in enumerate(axes) if axis is not None}

        def reduced(*args: Any, **kwargs: Any) -> Any:
            results = vmap_fn(fun, axes, out_axes)(*args, **kwargs)
            one = tree.map(lambda x: dc.ShapeDtypeStruct(x.shape[1:], x.dtype), results)
            rows = tree.leaves(results)[0].shape[0]
            return accumulator_of(accumulator, rows, one).aggregate(results)

        return microbatch(
            reduced,
            tuple(batch_axes),
            microbatch_size,
            accumulator,
            argnames=tuple(kwargs),
            in_axes=(*batch_axes.values(), *(0 for _ in kwargs)),
            num_real_microbatches=num_real_microbatches,
        )(*args, **kwargs)

    return mapped


class IndividualOutputs(NamedTuple):
    """What `micro_grad` gives for each example, with a leading axis of the batch.

    Attributes:
        values: of the function.
        metrics: of the gradients.
        aux: the function's second result, if it has one.

    Example:
        >>> IndividualOutputs([1.0, 2.0], None, None).values
        [1.0, 2.0]
    """

    values: Any
    metrics: Any
    aux: Any


def micro_grad(
    fun: Callable[..., Any],
    has_aux: bool = False,
    argnums: int | Sequence[int] = 0,
    *,
    batch_argnums: int | Sequence[int] = 1,
    keep_batch_dim: bool = True,
    microbatch_size: int | None = None,
    accumulator: Any = AccumulationType.SUM,
    transform_fn: Callable[[Any], Any] = lambda grads: grads,
    metrics_fn: Callable[[Any], Any] = lambda grads: None,
    num_real_microbatches: Any = None,
) -> Callable[..., tuple[Any, IndividualOutputs]]:
    """Gradients of single examples, transformed and then added up.

    Clipping each example's gradient, or squaring it, is what `transform_fn` is for.

    Args:
        fun: a loss of a batch.
        has_aux: whether `fun` returns a pair of loss and something else.
        argnums: which arguments to differentiate.
        batch_argnums: which arguments have an axis of the batch, the first.
        keep_batch_dim: whether `fun` sees an example as a batch of one.
        microbatch_size: examples at a time; must divide those of the batch.
        accumulator: how transformed gradients are put together, see `microbatch`.
        transform_fn: of the gradient of one example.
        metrics_fn: numbers about the gradient of one example, to be returned for each.
        num_real_microbatches: stop after as many parts.

    Returns:
        A function with the arguments of `fun` that returns the accumulated gradients
        and `IndividualOutputs`.

    Raises:
        ValueError: the batch can't be split.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> def loss(w, x, y):
        ...     return jnp.mean((w * x - y) ** 2) / 2
        >>> grad = micro_grad(loss, batch_argnums=(1, 2), microbatch_size=2,
        ...     accumulator=AccumulationType.MEAN,
        ...     transform_fn=lambda g: (g, g**2), metrics_fn=jnp.abs)
        >>> (mean, square), each = grad(0.0, jnp.ones(4), jnp.arange(0.0, 8.0, 2.0))
        >>> float(mean), float(square), each.metrics
        (-3.0, 14.0, Array([0., 2., 4., 6.], dtype=float32))
    """
    numbers = (
        (batch_argnums,) if isinstance(batch_argnums, int) else tuple(batch_argnums)
    )
    with_aux = fun if has_aux else lambda *args, **kwargs: (fun(*args, **kwargs), None)
    value_and_grad = dc.value_and_grad(with_aux, argnums, has_aux=True)

    def of_example(*args: Any, **kwargs: Any) -> tuple[Any, IndividualOutputs]:
        (value, aux), grads = value_and_grad(*args, **kwargs)
        return transform_fn(grads), IndividualOutputs(value, metrics_fn(grads), aux)

    def micro(*args: Any, **kwargs: Any) -> tuple[Any, IndividualOutputs]:
        args_with_axis = [
            tree.map(lambda x: jnp.expand_dims(x, 1), arg)
            if keep_batch_dim and i in numbers
            else arg
            for i, arg in enumerate(args)
        ]
        axes = [0 if i in numbers else None for i in range(len(args))]
        mapped = micro_vmap(
            of_example,
            axes,
            microbatch_size=microbatch_size,
            accumulator=(accumulator, AccumulationType.CONCAT),
            num_real_microbatches=num_real_microbatches,
        )
        return mapped(*args_with_axis, **kwargs)

    return micro
