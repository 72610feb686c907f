"""Divergences of distributions, in the family of Kullback and Leibler."""

from typing import Any

import dolmen.core.numpy as jnp

from ._arguments import check_broadcast, floating

Axes = int | tuple[int, ...] | None


def kl_divergence(
    log_predictions: Any, targets: Any, axis: Axes = -1, where: Any = None
) -> Any:
    """Kullback-Leibler divergence of a distribution from its prediction.

    ``Σ targets (log(targets) - log_predictions)``: the nats that are lost when what is
    distributed as `targets` is coded as predicted.

    Args:
        log_predictions: float ``[..., classes]``, logarithms of probabilities.
        targets: float ``[..., classes]``, probabilities. Those of 0 count nothing, also
            where the prediction is 0 too (a logarithm of -inf).
        axis: of the classes.
        where: booleans that broadcast to both; classes that are False do not exist.

    Returns:
        Nats, ``[...]``.

    Raises:
        TypeError: an argument is not floating-point.
        ValueError: the shapes do not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> predicted = jnp.log(jnp.array([0.25, 0.75]))
        >>> divergence = kl_divergence(predicted, jnp.array([0.5, 0.5]))
        >>> round(float(divergence), 4)
        0.1438

    Source: Kullback and Leibler (1951), "On information and sufficiency".
    """
    terms = _relative_entropies("kl_divergence", log_predictions, targets)
    return jnp.sum(terms, axis=axis, where=where)


def kl_divergence_with_log_targets(
    log_predictions: Any, log_targets: Any, axis: Axes = -1, where: Any = None
) -> Any:
    """`kl_divergence` of targets given by their logarithms.

    Args:
        log_predictions: float ``[..., classes]``, logarithms of probabilities.
        log_targets: float ``[..., classes]``, logarithms of probabilities. Those of
            -inf count nothing.
        axis: of the classes.
        where: booleans that broadcast to both; classes that are False do not exist.

    Returns:
        Nats, ``[...]``.

    Raises:
        TypeError: an argument is not floating-point.
        ValueError: the shapes do not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> predicted = jnp.log(jnp.array([0.25, 0.75]))
        >>> divergence = kl_divergence_with_log_targets(
        ...     predicted, jnp.log(jnp.array([0.5, 0.5])))
        >>> round(float(divergence), 4)
        0.1438
    """
    function = "kl_divergence_with_log_targets"
    log_predictions = floating(function, "log_predictions", log_predictions)
    log_targets = floating(function, "log_targets", log_targets)
    check_broadcast(function, log_predictions=log_predictions, log_targets=log_targets)
    never = log_targets == -jnp.inf
    gain = jnp.where(never, 0.0, log_targets) - jnp.where(never, 0.0, log_predictions)
    return jnp.sum(jnp.exp(log_targets) * gain, axis=axis, where=where)


def generalized_kl_divergence(
    log_predictions: Any, targets: Any, axis: Axes = -1, where: Any = None
) -> Any:
    """Kullback-Leibler divergence of measures that need not sum to one.

    ``kl_divergence + Σ (exp(log_predictions) - targets)``: never negative, and zero
    only where the two are equal.

    Args:
        log_predictions: float ``[..., classes]``, logarithms of the predicted measure.
        targets: float ``[..., classes]``, not negative.
        axis: of the classes.
        where: booleans that broadcast to both; classes that are False do not exist.

    Returns:
        ``[...]``.

    Raises:
        TypeError: an argument is not floating-point.
        ValueError: the shapes do not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> divergence = generalized_kl_divergence(
        ...     jnp.log(jnp.array([1.0, 2.0])), jnp.array([1.0, 1.0]))
        >>> round(float(divergence), 4)  # 1 - log(2)
        0.3069

    Source: Csiszár (1991), "Why least squares and maximum entropy?".
    """
    function = "generalized_kl_divergence"
    terms = _relative_entropies(function, log_predictions, targets)
    terms = terms + jnp.exp(log_predictions) - targets
    return jnp.sum(terms, axis=axis, where=where)


def convex_kl_divergence(
    log_predictions: Any, targets: Any, axis: Axes = -1, where: Any = None
) -> Any:
    """The former name of `generalized_kl_divergence`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> float(convex_kl_divergence(jnp.zeros(2), jnp.ones(2)))
        0.0
    """
    return generalized_kl_divergence(log_predictions, targets, axis, where)


def _relative_entropies(function: str, log_predictions: Any, targets: Any) -> Any:
    """``t log(t / p)`` of each class; 0 where ``t`` is 0."""
    log_predictions = floating(function, "log_predictions", log_predictions)
    targets = floating(function, "targets", targets)
    check_broadcast(function, log_predictions=log_predictions, targets=targets)
    # Both `where` are needed: the slope of log(0) would be infinite, and infinity
    # times the zero that the outer one gives it NaN.
    never = targets == 0
    log_targets = jnp.log(jnp.where(never, 1.0, targets))
    return targets * (log_targets - jnp.where(never, 0.0, log_predictions))
