"""Softer targets."""

import math
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend

from ._arguments import floating


def smooth_labels(
    labels: Any,
    alpha: Any,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
) -> Any:
    """Mixes distributions over classes with the uniform one.

    Args:
        labels: float ``[..., classes]``, probabilities, such as one-hot vectors.
        alpha: share of the uniform distribution, in ``[0, 1]``.
        axis: of the classes.
        where: booleans that broadcast to `labels`: the uniform distribution is over the
            classes that are True. (The others get its value too; give the same `where`
            to the loss.)

    Returns:
        float ``[..., classes]``.

    Raises:
        TypeError: `labels` are not floating-point.
        ValueError: `alpha` is a Python number outside ``[0, 1]``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> smooth_labels(jnp.array([0.0, 1.0]), alpha=0.5)
        Array([0.25, 0.75], dtype=float32)

    Source: Szegedy et al. (2015), arXiv:1512.00567; Müller et al. (2019),
    arXiv:1906.02629.
    """
    labels = floating("smooth_labels", "labels", labels)
    if isinstance(alpha, int | float) and not 0 <= alpha <= 1:
        raise ValueError(
            extend.error_message(
                f"smooth_labels: `alpha` must be from 0 to 1, got {alpha}.",
                "It is the share of the uniform distribution, such as 0.1.",
            )
        )
    if where is None:
        axes = range(labels.ndim) if axis is None else axis
        axes = (axes,) if isinstance(axes, int) else axes
        classes = math.prod(labels.shape[a] for a in axes)
    else:
        classes = jnp.sum(jnp.asarray(where), axis, keepdims=True).astype(labels.dtype)
    return (1 - alpha) * labels + alpha / classes
