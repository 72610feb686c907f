"""Losses of numbers."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, typeof

from .._trees import is_inexact


def squared_error(predictions: Any, targets: Any = None) -> Any:
    """``(predictions - targets)²``, elementwise.

    Args:
        predictions: floating-point array of any shape.
        targets: array of the same shape; None means zeros.

    Raises:
        TypeError: `predictions` is not a floating-point array.
        ValueError: the shapes differ; they are not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> squared_error(jnp.array([1.0, 4.0]), jnp.array([1.0, 2.0]))
        Array([0., 4.], dtype=float32)
    """
    errors = _errors("squared_error", predictions, targets)
    return errors * errors


def l2_loss(predictions: Any, targets: Any = None) -> Any:
    """``½ (predictions - targets)²``, elementwise; its slope is the error itself.

    Args:
        predictions: floating-point array of any shape.
        targets: array of the same shape; None means zeros.

    Raises:
        TypeError: `predictions` is not a floating-point array.
        ValueError: the shapes differ; they are not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> l2_loss(jnp.array([1.0, 4.0]), jnp.array([1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    errors = _errors("l2_loss", predictions, targets)
    return 0.5 * (errors * errors)


def huber_loss(predictions: Any, targets: Any = None, delta: Any = 1.0) -> Any:
    """Quadratic for errors up to `delta`, linear beyond.

    Args:
        predictions: floating-point array of any shape.
        targets: array of the same shape; None means zeros.
        delta: error at which the slope stops growing.

    Raises:
        TypeError: `predictions` is not a floating-point array.
        ValueError: the shapes differ; they are not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> huber_loss(jnp.array([0.5, -3.0]))
        Array([0.125, 2.5  ], dtype=float32)

    Source: Huber (1964), "Robust estimation of a location parameter".
    """
    distance = jnp.abs(_errors("huber_loss", predictions, targets))
    quadratic = jnp.minimum(distance, delta)
    # Not max(distance - delta, 0): at distance == delta both halves would have a slope.
    linear = distance - quadratic
    return 0.5 * (quadratic * quadratic) + delta * linear


def _errors(function: str, predictions: Any, targets: Any) -> Any:
    if not is_inexact(predictions):
        raise TypeError(
            extend.error_message(
                f"{function}: `predictions` must be a floating-point array, got "
                f"{typeof(predictions)}.",
                "Convert them with `.astype(jnp.float32)`.",
            )
        )
    if targets is None:
        return jnp.asarray(predictions)
    if jnp.shape(predictions) != jnp.shape(targets):
        raise ValueError(
            extend.error_message(
                f"{function}: `predictions` and `targets` must have the same shape, "
                f"got {typeof(predictions)} and {typeof(targets)}.",
                "Reshape or broadcast one of them.",
            )
        )
    return jnp.asarray(predictions) - jnp.asarray(targets)
