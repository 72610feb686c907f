"""Fenchel-Young losses: what a regularized maximum gains over the target's score."""

from collections.abc import Callable
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import nn

from ..projections._simplex import project_onto_simplex
from ._arguments import check_labels, check_same_shape, floating, integers


def make_fenchel_young_loss(max_fun: Callable[..., Any]) -> Callable[..., Any]:
    """The loss ``max_fun(scores) - ⟨targets, scores⟩``.

    For a convex `max_fun` its gradient is ``∇max_fun(scores) - targets``: predictions
    less targets. With ``logsumexp`` it is the cross entropy with a softmax (up to the
    entropy of the targets), with the maximum itself the perceptron loss.

    Args:
        max_fun: from float ``[n]`` to a number, such as the greatest ``⟨scores, p⟩ -
            Ω(p)`` over a set of predictions ``p``.

    Returns:
        A function from `scores` and `targets`, both float ``[..., n]``, to a float
        ``[...]``. Further arguments are passed on to `max_fun`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> loss = make_fenchel_young_loss(nn.logsumexp)
        >>> loss(jnp.array([0.0, 0.0]), jnp.array([1.0, 0.0]))
        Array(0.6931472, dtype=float32)

    Source: Blondel et al. (2020), "Learning with Fenchel-Young losses".
    """

    def fenchel_young_loss(scores: Any, targets: Any, *args: Any, **kwargs: Any) -> Any:
        scores = floating("fenchel_young_loss", "scores", scores)
        targets = jnp.asarray(targets)
        check_same_shape("fenchel_young_loss", scores=scores, targets=targets)
        rows = jnp.reshape(scores, (-1, scores.shape[-1]))
        most = dc.vmap(lambda row: max_fun(row, *args, **kwargs))(rows)
        most = jnp.reshape(most, scores.shape[:-1])
        return most - jnp.sum(targets * scores, axis=-1)

    return fenchel_young_loss


def sparsemax_loss(logits: Any, labels: Any) -> Any:
    """The loss of `nn.sparse_sigmoid`; zero where that equals the label.

    Args:
        logits: float ``[...]``.
        labels: 0 or 1, or booleans, in the shape of `logits` or broadcast to it.

    Returns:
        ``[...]``.

    Raises:
        TypeError: `logits` are not floating-point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> sparsemax_loss(jnp.array([0.0, 1.0, -2.0]), jnp.array([1, 1, 1]))
        Array([0.25, 0.  , 2.  ], dtype=float32)

    Source: Blondel et al. (2020), "Learning with Fenchel-Young losses", section 4.4.
    """
    logits = floating("sparsemax_loss", "logits", logits)
    return nn.sparse_plus(jnp.where(jnp.asarray(labels) != 0, -logits, logits))


def multiclass_sparsemax_loss(scores: Any, labels: Any) -> Any:
    """The loss of sparsemax, the projection of scores onto the simplex.

    Zero where the right class beats every other by one or more. Scores of -inf exclude
    classes.

    Args:
        scores: float ``[..., classes]``.
        labels: integer ``[...]``, the right classes. Labels outside the classes give
            NaN; negative ones count from the end.

    Returns:
        ``[...]``.

    Raises:
        TypeError: `scores` are not floating-point, or `labels` not integers.
        ValueError: the shape of `labels` is not that of `scores` without the classes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> scores = jnp.array([[0.0, 0.0], [1.0, 0.0]])
        >>> multiclass_sparsemax_loss(scores, jnp.array([1, 0]))
        Array([0.25, 0.  ], dtype=float32)

    Source: Martins and Astudillo (2016), arXiv:1602.02068.
    """
    function = "multiclass_sparsemax_loss"
    scores = floating(function, "scores", scores)
    labels = integers(function, "labels", labels, "Labels are class numbers.")
    check_labels(function, "scores", scores, labels)
    right = jnp.take_along_axis(scores, labels[..., None], axis=-1)
    # Shifted so that the right score is zero: the loss doesn't change, and large scores
    # don't cancel.
    rows = jnp.reshape(scores - right, (-1, scores.shape[-1]))
    losses = dc.vmap(_regularized_maximum)(rows) + 0.5
    return jnp.reshape(losses, labels.shape)


def _regularized_maximum(scores: Any) -> Any:
    """The greatest ``⟨p, scores⟩ - |p|²/2`` over distributions ``p``."""
    p = project_onto_simplex(scores, 1.0)
    return jnp.sum(p * jnp.where(p > 0, scores, 0)) - 0.5 * jnp.sum(p * p)
