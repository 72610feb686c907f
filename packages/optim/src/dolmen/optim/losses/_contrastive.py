"""Losses of embeddings: like near like, apart from unlike."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, nn, typeof

from ._arguments import floating


def ntxent(embeddings: Any, labels: Any, temperature: Any = 0.07) -> Any:
    """Cross entropy of telling each positive partner from all negatives (NT-Xent).

    Embeddings with equal labels are positive pairs. For each ordered pair ``(i, j)``,
    with ``s`` the cosine over the temperature, the loss is ``-log(exp(s_ij) /
    (exp(s_ij) + Σ_k exp(s_ik)))``, ``k`` over embeddings with another label.

    Args:
        embeddings: float ``[batch, n]``.
        labels: ``[batch]``.
        temperature: what cosines are divided by.

    Returns:
        The mean over all positive pairs, a number; NaN if there is none.

    Raises:
        TypeError: `embeddings` are not floating-point.
        ValueError: `embeddings` are not vectors, or there is not one label for each.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> embeddings = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> loss = ntxent(embeddings, jnp.array([0, 0, 1, 1]), temperature=1.0)
        >>> round(float(loss), 4)  # log(1 + 2 / e)
        0.5514

    Source: Chen et al. (2020), arXiv:2002.05709, for any number of positives: each is
    told from the negatives alone.
    """
    embeddings, labels = (
        floating("ntxent", "embeddings", embeddings),
        jnp.asarray(labels),
    )
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
        raise ValueError(
            extend.error_message(
                "ntxent: `embeddings` must be [batch, n] and `labels` [batch], got "
                f"{typeof(embeddings)} and {typeof(labels)}."
            )
        )
    tiny = jnp.finfo(embeddings.dtype).eps
    squares = jnp.sum(embeddings * embeddings, axis=-1, keepdims=True)
    units = embeddings / jnp.sqrt(jnp.maximum(squares, tiny))
    similarities = jnp.matmul(units, units.mT, precision="highest") / temperature

    same = labels[:, None] == labels
    positive = same & ~jnp.eye(len(labels), dtype=bool)
    negatives = _log_sum_exp_of(similarities, ~same)
    losses = jnp.logaddexp(negatives[:, None], similarities) - similarities
    return jnp.sum(jnp.where(positive, losses, 0)) / jnp.sum(positive)


def _log_sum_exp_of(x: Any, where: Any) -> Any:
    """Of each row; -inf for a row without elements, with derivative zero."""
    some = jnp.any(where, axis=-1)
    chosen = jnp.where(where | ~some[:, None], x, -jnp.inf)
    return jnp.where(some, nn.logsumexp(chosen, axis=-1), -jnp.inf)


def triplet_margin_loss(
    anchors: Any,
    positives: Any,
    negatives: Any,
    axis: int = -1,
    norm_degree: Any = 2,
    margin: Any = 1.0,
    eps: Any = 1e-6,
) -> Any:
    """How much nearer the positive must come than the negative; at least zero.

    ``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the distance
    ``d(a, b) = (Σ |a - b|^p + eps)^(1/p)``.

    Args:
        anchors: float ``[..., n]``.
        positives: float ``[..., n]``, like the anchors.
        negatives: float ``[..., n]``, unlike the anchors.
        axis: of the vectors.
        norm_degree: the degree ``p`` of the distance.
        margin: by which the negative should be farther away.
        eps: keeps the derivative finite where two vectors are equal.

    Returns:
        ``[...]``.

    Raises:
        TypeError: an argument is not floating-point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = triplet_margin_loss(
        ...     jnp.array([0.0, 0.0]), jnp.array([0.0, 1.0]), jnp.array([1.5, 0.0]))
        >>> round(float(loss), 3)
        0.5

    Source: Balntas et al. (2016), "Learning local feature descriptors with triplets and
    shallow convolutional neural networks".
    """
    function = "triplet_margin_loss"
    anchors = floating(function, "anchors", anchors)

    def distance(name: str, others: Any) -> Any:
        differences = jnp.abs(anchors - floating(function, name, others))
        powers = jnp.sum(jnp.power(differences, norm_degree), axis=axis)
        return jnp.power(powers + eps, 1 / norm_degree)

    nearer = distance("positives", positives) - distance("negatives", negatives)
    return jnp.maximum(nearer + margin, 0)
