"""Losses of rankings."""

from collections.abc import Callable
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import nn

from ._arguments import check_same_shape, floating


def ranking_softmax_loss(
    logits: Any,
    labels: Any,
    *,
    where: Any = None,
    weights: Any = None,
    reduce_fn: Callable[..., Any] | None = jnp.mean,
) -> Any:
    """Cross entropy between the softmax of the scores of a list and its relevances.

    Args:
        logits: float ``[..., items]``, the scores.
        labels: ``[..., items]``, relevances; they need not sum to one.
        where: booleans ``[..., items]``; items that are False do not exist. A list
            without items has loss 0 and doesn't count in the mean.
        weights: ``[..., items]``, factors of the relevances.
        reduce_fn: how the losses of the lists are reduced, a function with the keyword
            `where` such as `jnp.sum`; None leaves them, ``[...]``.

    Returns:
        A number, or float ``[...]``. The mean over no list is 0.

    Raises:
        TypeError: `logits` are not floating-point.
        ValueError: the shapes of `logits` and `labels` differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = ranking_softmax_loss(jnp.array([0.0, 0.0]), jnp.array([0.0, 1.0]))
        >>> round(float(loss), 4)
        0.6931

    Source: Cao et al. (2007), "Learning to rank: from pairwise approach to listwise
    approach"; Bruch et al. (2019), "An analysis of the softmax cross entropy loss for
    learning-to-rank with binary relevance".
    """
    logits = floating("ranking_softmax_loss", "logits", logits)
    labels = jnp.asarray(labels).astype(logits.dtype)
    check_same_shape("ranking_softmax_loss", logits=logits, labels=labels)
    if weights is not None:
        labels = labels * weights
    lists = None
    if where is not None:
        where = jnp.broadcast_to(where, logits.shape)
        lists = jnp.any(where, axis=-1)
        # An empty list keeps its logits: its softmax counts nothing, but would be NaN.
        logits = jnp.where(where | ~lists[..., None], logits, -jnp.inf)
    log_probabilities = nn.log_softmax(logits)
    if where is not None:
        log_probabilities = jnp.where(where, log_probabilities, 0)
        labels = jnp.where(where, labels, 0)
    return _reduced(-jnp.sum(labels * log_probabilities, axis=-1), lists, reduce_fn)


def _reduced(losses: Any, lists: Any, reduce_fn: Callable[..., Any] | None) -> Any:
    if reduce_fn is None:
        return losses if lists is None else jnp.where(lists, losses, 0)
    if reduce_fn is not jnp.mean:
        return reduce_fn(losses, where=lists)
    count = losses.size if lists is None else jnp.sum(lists)
    return jnp.sum(losses, where=lists) / jnp.maximum(count, 1).astype(losses.dtype)
