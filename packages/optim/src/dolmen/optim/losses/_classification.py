"""Losses of classes: cross entropies of logits."""

from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, typeof

from .._trees import is_inexact


def softmax_cross_entropy(
    logits: Any, labels: Any, axis: int | tuple[int, ...] = -1, where: Any = None
) -> Any:
    """Cross entropy between the softmax of `logits` and a distribution.

    Args:
        logits: float ``[..., classes]``, unnormalized log probabilities.
        labels: probabilities in the shape of `logits`, or broadcast to it.
        axis: of the classes.
        where: booleans that broadcast to `logits`; classes that are False do not exist.

    Returns:
        Nats, in the shape of `logits` without the class axis.

    Raises:
        TypeError: `logits` are not floating-point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> softmax_cross_entropy(jnp.array([[0.0, 0.0]]), jnp.array([[0.5, 0.5]]))
        Array([0.6931472], dtype=float32)
    """
    _check_logits("softmax_cross_entropy", logits)
    logits = jnp.asarray(logits)
    if where is not None and where.ndim != logits.ndim:
        where = jnp.expand_dims(where, axis)
    normalizer = _log_normalizer(logits, axis, where, keepdims=True)
    terms = labels * (logits - normalizer)
    if where is not None:
        terms = jnp.where(where, terms, jnp.zeros_like(terms))
    return -jnp.sum(terms, axis=axis)


def softmax_cross_entropy_with_integer_labels(
    logits: Any, labels: Any, axis: int | tuple[int, ...] = -1, where: Any = None
) -> Any:
    """Cross entropy between the softmax of `logits` and the right class.

    Only the logit of the right class is gathered; no array of all log probabilities is
    made.

    Args:
        logits: float ``[..., classes]``, unnormalized log probabilities.
        labels: integer ``[...]``, the right class; for several class axes the index
            into them flattened in the order of `axis`. Labels outside the classes give
            NaN; negative ones count from the end.
        axis: of the classes.
        where: booleans that broadcast to `logits`; classes that are False do not exist.

    Returns:
        Nats, in the shape of `labels`.

    Raises:
        TypeError: `logits` are not floating-point, or `labels` not integers.
        ValueError: the shape of `labels` is not that of `logits` without the classes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> softmax_cross_entropy_with_integer_labels(
        ...     jnp.array([[0.0, 0.0], [100.0, 0.0]]), jnp.array([1, 0]))
        Array([0.6931472, 0.       ], dtype=float32)
    """
    function = "softmax_cross_entropy_with_integer_labels"
    _check_logits(function, logits)
    if not jnp.issubdtype(typeof(labels).dtype, jnp.integer):
        raise TypeError(
            extend.error_message(
                f"{function}: `labels` must be integers, got {typeof(labels)}.",
                "For probabilities use `softmax_cross_entropy`.",
            )
        )
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    if where is not None:
        if where.ndim != logits.ndim:
            where = jnp.expand_dims(where, axis)
        where = _classes_last(jnp.broadcast_to(where, logits.shape), axis)
    flat = _classes_last(logits, axis)
    if flat.shape[:-1] != labels.shape:
        raise ValueError(
            extend.error_message(
                f"{function}: `labels` must have the shape of `logits` without axis "
                f"{axis}: expected {list(flat.shape[:-1])}, got {typeof(labels)} for "
                f"`logits` {typeof(logits)}.",
                "Labels are class numbers, not one-hot vectors; for those use "
                "`softmax_cross_entropy`.",
            )
        )
    right = jnp.take_along_axis(flat, labels[..., None], axis=-1)[..., 0]
    return _log_normalizer(flat, -1, where) - right


def sigmoid_binary_cross_entropy(logits: Any, labels: Any) -> Any:
    """Cross entropy between the sigmoid of `logits` and probabilities, elementwise.

    Args:
        logits: float, unnormalized log odds.
        labels: probabilities of "true", often 0 or 1, in the shape of `logits` or
            broadcast to it.

    Returns:
        Nats, one number for each logit.

    Raises:
        TypeError: `logits` are not floating-point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> sigmoid_binary_cross_entropy(jnp.array([0.0, 100.0]), jnp.array([1, 1]))
        Array([0.6931472, 0.       ], dtype=float32)
    """
    _check_logits("sigmoid_binary_cross_entropy", logits)
    logits = jnp.asarray(logits)
    labels = jnp.asarray(labels).astype(logits.dtype)
    # -log(1 - sigmoid(x)) is softplus(x): no cancellation for large |x|.
    return labels * _softplus(-logits) + (1 - labels) * _softplus(logits)


def _softplus(x: Any) -> Any:
    return jnp.logaddexp(x, jnp.zeros_like(x))


def _log_normalizer(
    logits: Any, axis: int | tuple[int, ...], where: Any, *, keepdims: bool = False
) -> Any:
    """``log(sum(exp(logits)))``; infinite logits are allowed."""
    if where is not None:
        logits = jnp.where(where, logits, jnp.asarray(-jnp.inf, logits.dtype))
    most = lax.stop_gradient(jnp.max(logits, axis=axis, keepdims=True))
    most = jnp.where(jnp.isfinite(most), most, jnp.zeros_like(most))
    total = jnp.sum(jnp.exp(logits - most), axis=axis, keepdims=True)
    normalizer = jnp.log(total) + most
    return normalizer if keepdims else jnp.squeeze(normalizer, axis)


def _classes_last(logits: Any, axis: int | Sequence[int]) -> Any:
    """Logits with their class axes flattened into one, at the end."""
    axes = [a % logits.ndim for a in ([axis] if isinstance(axis, int) else axis)]
    others = [a for a in range(logits.ndim) if a not in axes]
    moved = jnp.transpose(logits, (*others, *axes))
    return jnp.reshape(moved, (*moved.shape[: len(others)], -1))


def _check_logits(function: str, logits: Any) -> None:
    if not is_inexact(logits):
        raise TypeError(
            extend.error_message(
                f"{function}: `logits` must be floating-point, got {typeof(logits)}.",
                "Convert them with `.astype(jnp.float32)`.",
            )
        )
