"""Losses of margins: hinge and perceptron."""

from typing import Any

import dolmen.core.numpy as jnp

from ._arguments import (
    check_broadcast,
    check_labels,
    check_same_shape,
    floating,
    integers,
)


def hinge_loss(predictor_outputs: Any, targets: Any) -> Any:
    """``max(0, 1 - predictor_outputs * targets)``: zero beyond a margin of one.

    Args:
        predictor_outputs: float ``[...]``, signed scores.
        targets: -1 or 1, in the same shape or broadcast to it.

    Returns:
        ``[...]``.

    Raises:
        TypeError: `predictor_outputs` are not floating-point.
        ValueError: the shapes do not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> hinge_loss(jnp.array([0.5, 2.0, -1.0]), jnp.array([1, 1, 1]))
        Array([0.5, 0. , 2. ], dtype=float32)

    Source: Cortes and Vapnik (1995), "Support-vector networks".
    """
    scores = floating("hinge_loss", "predictor_outputs", predictor_outputs)
    targets = jnp.asarray(targets)
    check_broadcast("hinge_loss", predictor_outputs=scores, targets=targets)
    return jnp.maximum(0, 1 - scores * targets)


def perceptron_loss(predictor_outputs: Any, targets: Any) -> Any:
    """``max(0, -predictor_outputs * targets)``: zero wherever the sign is right.

    Args:
        predictor_outputs: float ``[...]``, signed scores.
        targets: -1 or 1, in the same shape.

    Returns:
        ``[...]``.

    Raises:
        TypeError: `predictor_outputs` are not floating-point.
        ValueError: the shapes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> perceptron_loss(jnp.array([0.5, -2.0]), jnp.array([1, 1]))
        Array([0., 2.], dtype=float32)

    Source: Rosenblatt (1958), "The perceptron".
    """
    scores = floating("perceptron_loss", "predictor_outputs", predictor_outputs)
    targets = jnp.asarray(targets)
    check_same_shape("perceptron_loss", predictor_outputs=scores, targets=targets)
    return jnp.maximum(0, -scores * targets)


def multiclass_hinge_loss(scores: Any, labels: Any) -> Any:
    """How much the best wrong class, plus one, beats the right class; at least zero.

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
        >>> scores = jnp.array([[3.0, 1.0, 0.0], [0.5, 1.0, 0.0]])
        >>> multiclass_hinge_loss(scores, jnp.array([0, 1]))
        Array([0. , 0.5], dtype=float32)

    Source: Crammer and Singer (2001), "On the algorithmic implementation of multiclass
    kernel-based vector machines".
    """
    scores, labels, right = _right_scores("multiclass_hinge_loss", scores, labels)
    classes = scores.shape[-1]
    is_right = jnp.arange(classes) == (labels % classes)[..., None]
    return jnp.max(jnp.where(is_right, scores, scores + 1), axis=-1) - right


def multiclass_perceptron_loss(scores: Any, labels: Any) -> Any:
    """How much the best class beats the right class.

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
        >>> scores = jnp.array([[3.0, 1.0, 0.0], [1.5, 1.0, 0.0]])
        >>> multiclass_perceptron_loss(scores, jnp.array([0, 1]))
        Array([0. , 0.5], dtype=float32)

    Source: Collins (2002), "Discriminative training methods for hidden Markov models".
    """
    scores, _, right = _right_scores("multiclass_perceptron_loss", scores, labels)
    return jnp.max(scores, axis=-1) - right


def _right_scores(function: str, scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    scores = floating(function, "scores", scores)
    labels = integers(function, "labels", labels, "Labels are class numbers.")
    check_labels(function, "scores", scores, labels)
    return scores, labels, jnp.take_along_axis(scores, labels[..., None], -1)[..., 0]
