"""Losses of numbers and of vectors."""

from typing import Any

import dolmen.core.numpy as jnp

from ._arguments import check_broadcast, check_same_shape, floating

Axes = int | tuple[int, ...] | None


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


def log_cosh(predictions: Any, targets: Any = None) -> Any:
    """``log(cosh(predictions - targets))``, elementwise.

    About half the squared error where it is small, the absolute error less ``log(2)``
    where it is large; unlike `huber_loss` smooth everywhere.

    Args:
        predictions: floating-point array of any shape.
        targets: array of the same shape; None means zeros.

    Raises:
        TypeError: `predictions` is not a floating-point array.
        ValueError: the shapes differ; they are not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [round(float(loss), 3) for loss in log_cosh(jnp.array([0.0, 100.0]))]
        [0.0, 99.307]

    Source: Chen et al. (2019), "Log hyperbolic cosine loss improves variational
    auto-encoder".
    """
    errors = _errors("log_cosh", predictions, targets)
    # log(cosh(x)) = log(exp(x) + exp(-x)) - log(2): cosh itself overflows.
    return jnp.logaddexp(errors, -errors) - jnp.asarray(jnp.log(2.0), errors.dtype)


def cosine_similarity(
    predictions: Any,
    targets: Any,
    *,
    epsilon: Any = 0.0,
    axis: Axes = -1,
    where: Any = None,
) -> Any:
    """Cosine of the angle between two vectors.

    Args:
        predictions: float ``[..., n]``, the first vectors.
        targets: float ``[..., n]``, the second; the two broadcast.
        epsilon: smallest squared length that vectors are divided by. With 0 a vector
            of zeros gives NaN.
        axis: of the vectors.
        where: booleans that broadcast to both; elements that are False do not exist.

    Returns:
        float ``[...]`` in ``[-1, 1]``.

    Raises:
        TypeError: `predictions` or `targets` are not floating-point.
        ValueError: the shapes do not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> cosine_similarity(jnp.array([3.0, 0.0]), jnp.array([-2.0, 0.0]))
        Array(-1., dtype=float32)
    """
    return _cosine("cosine_similarity", predictions, targets, epsilon, axis, where)


def cosine_distance(
    predictions: Any,
    targets: Any,
    *,
    epsilon: Any = 0.0,
    axis: Axes = -1,
    where: Any = None,
) -> Any:
    """One minus the cosine of the angle between two vectors.

    Args:
        predictions: float ``[..., n]``, the first vectors.
        targets: float ``[..., n]``, the second; the two broadcast.
        epsilon: smallest squared length that vectors are divided by. With 0 a vector
            of zeros gives NaN.
        axis: of the vectors.
        where: booleans that broadcast to both; elements that are False do not exist.

    Returns:
        float ``[...]`` in ``[0, 2]``.

    Raises:
        TypeError: `predictions` or `targets` are not floating-point.
        ValueError: the shapes do not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> cosine_distance(jnp.array([3.0, 0.0]), jnp.array([0.0, 2.0]))
        Array(1., dtype=float32)
    """
    return 1 - _cosine("cosine_distance", predictions, targets, epsilon, axis, where)


def _cosine(
    function: str, predictions: Any, targets: Any, epsilon: Any, axis: Axes, where: Any
) -> Any:
    predictions = floating(function, "predictions", predictions)
    targets = floating(function, "targets", targets)
    check_broadcast(function, predictions=predictions, targets=targets)

    def unit(vectors: Any) -> Any:
        squares = jnp.sum(vectors * vectors, axis=axis, where=where, keepdims=True)
        return vectors / jnp.sqrt(jnp.maximum(squares, epsilon))

    products = unit(predictions) * unit(targets)
    return jnp.sum(products, axis=axis, where=where)


def _errors(function: str, predictions: Any, targets: Any) -> Any:
    predictions = floating(function, "predictions", predictions)
    if targets is None:
        return predictions
    targets = jnp.asarray(targets)
    check_same_shape(function, predictions=predictions, targets=targets)
    return predictions - targets
