"""Losses of segmentations: overlap of regions."""

from typing import Any, Literal

import dolmen.core.numpy as jnp
from dolmen.core import extend, nn

from ._arguments import check_same_shape, floating

_REDUCTIONS = ("mean", "sum", "none")


def dice_loss(
    predictions: Any,
    targets: Any,
    *,
    class_weights: Any = None,
    smooth: Any = 1.0,
    alpha: Any = 0.5,
    beta: Any = 0.5,
    apply_softmax: bool = True,
    reduction: Literal["mean", "sum", "none"] = "mean",
    ignore_background: bool = False,
    axis: int | tuple[int, ...] | None = None,
) -> Any:
    """One minus the overlap of predicted and true regions.

    With sums over all places, for probabilities ``p`` and truth ``t`` of a class::

        1 - (Σ p t + smooth) / (Σ p t + alpha Σ p (1 - t) + beta Σ t (1 - p) + smooth)

    Equal `alpha` and `beta` of one half are the Dice coefficient. A larger `alpha`
    punishes false positives more, a larger `beta` false negatives.

    Args:
        predictions: float ``[batch, ..., classes]``, unnormalized log probabilities
            (one class: log odds, and then the last axis may be missing).
        targets: the truth in the same shape, 0 or 1.
        class_weights: ``[classes]``, factors of the losses.
        smooth: added above and below, so that empty regions have a loss.
        alpha: weight of false positives.
        beta: weight of false negatives.
        apply_softmax: False takes `predictions` for probabilities.
        reduction: of the losses of the classes, "mean", "sum" or "none".
        ignore_background: leave out class 0, if there are others.
        axis: of the places; by default all but the first and the last.

    Returns:
        ``[batch]``, or ``[batch, classes]`` with ``reduction="none"``.

    Raises:
        TypeError: `predictions` are not floating-point.
        ValueError: the shapes differ, or `reduction` is none of the three.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> p = jnp.array([[[1.0, 0.0], [1.0, 0.0]]])  # one image of two places
        >>> t = jnp.array([[[1.0, 0.0], [0.0, 1.0]]])
        >>> loss = dice_loss(p, t, apply_softmax=False, reduction="none")
        >>> [round(float(x), 4) for x in loss[0]]
        [0.2, 0.3333]

    Source: Milletari et al. (2016), arXiv:1606.04797; with unequal weights Salehi et
    al. (2017), arXiv:1706.05721.
    """
    return _dice(
        *("dice_loss", predictions, targets, class_weights, smooth, alpha, beta),
        *(apply_softmax, reduction, ignore_background, axis),
    )


def multiclass_generalized_dice_loss(
    predictions: Any,
    targets: Any,
    *,
    smooth: Any = 1.0,
    apply_softmax: bool = True,
    ignore_background: bool = False,
) -> Any:
    """`dice_loss` with classes weighted by the inverse square of their size.

    The weights have mean one. A class that occurs nowhere in `targets` gets nearly all
    of the weight.

    Args:
        predictions: float ``[batch, ..., classes]``, unnormalized log probabilities.
        targets: the truth in the same shape, 0 or 1.
        smooth: added above and below, so that empty regions have a loss.
        apply_softmax: False takes `predictions` for probabilities.
        ignore_background: leave out class 0, if there are others.

    Returns:
        The mean over batch and classes, a number.

    Raises:
        TypeError: `predictions` are not floating-point.
        ValueError: the shapes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> t = jnp.array([[[1.0, 0.0], [0.0, 1.0]]])
        >>> loss = multiclass_generalized_dice_loss(t, t, apply_softmax=False)
        >>> round(float(loss), 4)
        0.0

    Source: Sudre et al. (2017), arXiv:1707.03237, its weights on the losses of the
    classes.
    """
    function = "multiclass_generalized_dice_loss"
    targets = jnp.asarray(targets)
    check_same_shape(function, predictions=jnp.asarray(predictions), targets=targets)
    sizes = jnp.sum(targets, axis=tuple(range(targets.ndim - 1)))
    weights = 1 / (sizes**2 + 1e-7)
    weights = weights / jnp.mean(weights)
    losses = _dice(
        *(function, predictions, targets, weights, smooth, 0.5, 0.5),
        *(apply_softmax, "none", ignore_background, None),
    )
    return jnp.mean(losses)


def binary_dice_loss(
    predictions: Any, targets: Any, *, smooth: Any = 1.0, apply_sigmoid: bool = True
) -> Any:
    """`dice_loss` of one region.

    Args:
        predictions: float ``[batch, ...]`` or ``[batch, ..., 1]``, log odds.
        targets: the truth in the same shape, 0 or 1.
        smooth: added above and below, so that empty regions have a loss.
        apply_sigmoid: False takes `predictions` for probabilities.

    Returns:
        ``[batch]``.

    Raises:
        TypeError: `predictions` are not floating-point.
        ValueError: the shapes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> p = jnp.array([[1.0, 1.0, 0.0]])
        >>> t = jnp.array([[1.0, 0.0, 0.0]])
        >>> loss = binary_dice_loss(p, t, apply_sigmoid=False)
        >>> round(float(loss[0]), 4)
        0.2

    Source: Milletari et al. (2016), arXiv:1606.04797.
    """
    predictions, targets = jnp.asarray(predictions), jnp.asarray(targets)
    if predictions.ndim == targets.ndim and predictions.shape[-1:] != (1,):
        predictions, targets = predictions[..., None], targets[..., None]
    return _dice(
        *("binary_dice_loss", predictions, targets, None, smooth, 0.5, 0.5),
        *(apply_sigmoid, "mean", False, None),
    )


def _dice(
    function: str,
    predictions: Any,
    targets: Any,
    class_weights: Any,
    smooth: Any,
    alpha: Any,
    beta: Any,
    apply_softmax: bool,
    reduction: str,
    ignore_background: bool,
    axis: int | tuple[int, ...] | None,
) -> Any:
    if reduction not in _REDUCTIONS:
        raise ValueError(
            extend.error_message(
                f"{function}: `reduction` must be one of {list(_REDUCTIONS)}, got "
                f"{reduction!r}."
            )
        )
    predictions = floating(function, "predictions", predictions)
    targets = jnp.asarray(targets)
    if predictions.ndim == targets.ndim - 1:
        predictions = predictions[..., None]
    elif targets.ndim == predictions.ndim - 1:
        targets = targets[..., None]
    check_same_shape(function, predictions=predictions, targets=targets)

    p = predictions
    if apply_softmax:
        p = nn.sigmoid(p) if p.shape[-1] == 1 else nn.softmax(p)
    places = tuple(range(1, p.ndim - 1)) if axis is None else axis
    overlap = jnp.sum(p * targets, axis=places)
    false_positives = jnp.sum(p, axis=places) - overlap
    false_negatives = jnp.sum(targets, axis=places) - overlap
    union = overlap + alpha * false_positives + beta * false_negatives
    losses = 1 - (overlap + smooth) / (union + smooth)

    if class_weights is not None:
        losses = losses * jnp.asarray(class_weights)
    if ignore_background and losses.shape[-1] > 1:
        losses = losses[..., 1:]
    if reduction == "none":
        return losses
    return (jnp.mean if reduction == "mean" else jnp.sum)(losses, axis=-1)
