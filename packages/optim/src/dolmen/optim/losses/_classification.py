"""Losses of classes: cross entropies of logits."""

from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, nn, typeof

from ._arguments import check_broadcast, check_distributions, floating, integers


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
        ValueError: `labels` do not broadcast to `logits`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> softmax_cross_entropy(jnp.array([[0.0, 0.0]]), jnp.array([[0.5, 0.5]]))
        Array([0.6931472], dtype=float32)
    """
    logits = floating("softmax_cross_entropy", "logits", logits)
    labels = jnp.asarray(labels)
    check_distributions("softmax_cross_entropy", logits, labels)
    where = _mask_of_classes(where, logits, axis)
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
    logits = floating(function, "logits", logits)
    labels = integers(
        function, "labels", labels, "For probabilities use `softmax_cross_entropy`."
    )
    where = _mask_of_classes(where, logits, axis)
    if where is not None:
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
        ValueError: `labels` do not broadcast to `logits`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> sigmoid_binary_cross_entropy(jnp.array([0.0, 100.0]), jnp.array([1, 1]))
        Array([0.6931472, 0.       ], dtype=float32)
    """
    logits = floating("sigmoid_binary_cross_entropy", "logits", logits)
    labels = jnp.asarray(labels).astype(logits.dtype)
    check_broadcast("sigmoid_binary_cross_entropy", logits=logits, labels=labels)
    # -log(1 - sigmoid(x)) is softplus(x): no cancellation for large |x|.
    return labels * nn.softplus(-logits) + (1 - labels) * nn.softplus(logits)


def safe_softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """`softmax_cross_entropy` in which impossible classes of no probability count 0.

    A logit of -inf whose label is 0 contributes ``0 log 0 = 0``, and its gradient is 0;
    `softmax_cross_entropy` gives NaN there.

    Args:
        logits: float ``[..., classes]``, unnormalized log probabilities.
        labels: probabilities in the shape of `logits`, or broadcast to it.

    Returns:
        Nats, ``[...]``.

    Raises:
        TypeError: `logits` are not floating-point.
        ValueError: `labels` do not broadcast to `logits`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> logits = jnp.array([0.0, 0.0, -jnp.inf])
        >>> safe_softmax_cross_entropy(logits, jnp.array([0.5, 0.5, 0.0]))
        Array(0.6931472, dtype=float32)
    """
    logits = floating("safe_softmax_cross_entropy", "logits", logits)
    labels = jnp.asarray(labels)
    check_distributions("safe_softmax_cross_entropy", logits, labels)
    log_probabilities = logits - _log_normalizer(logits, -1, None, keepdims=True)
    impossible = (labels == 0) & (log_probabilities == -jnp.inf)
    finite = jnp.where(impossible, jnp.zeros_like(logits), log_probabilities)
    return -jnp.sum(labels * finite, axis=-1)


def poly_loss_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    epsilon: Any = 2.0,
    axis: int | tuple[int, ...] = -1,
    where: Any = None,
) -> Any:
    """Cross entropy plus `epsilon` times the probability of all wrong classes.

    Cross entropy is the series ``Σ (1 - p)^j / j`` in the probability ``p`` of the
    right class; here the coefficient of its first term is ``1 + epsilon``.

    Args:
        logits: float ``[..., classes]``, unnormalized log probabilities.
        labels: float probabilities in the shape of `logits`, or broadcast to it.
        epsilon: 0 is the cross entropy; the paper takes 2 for image classification and
            -1 for detection.
        axis: of the classes.
        where: booleans that broadcast to `logits`; classes that are False do not exist.

    Returns:
        In the shape of `logits` without the class axis.

    Raises:
        TypeError: `logits` or `labels` are not floating-point.
        ValueError: `labels` do not broadcast to `logits`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = poly_loss_cross_entropy(jnp.array([0.0, 0.0]), jnp.array([1.0, 0.0]))
        >>> round(float(loss), 4)
        1.6931

    Source: Leng et al. (2022), arXiv:2204.12511, "Poly-1".
    """
    function = "poly_loss_cross_entropy"
    logits = floating(function, "logits", logits)
    labels = floating(function, "labels", labels)
    check_distributions(function, logits, labels)
    where = _mask_of_classes(where, logits, axis)
    wrong = labels * (1 - nn.softmax(logits, axis=axis, where=where))
    entropy = softmax_cross_entropy(logits, labels, axis, where)
    return entropy + epsilon * jnp.sum(wrong, axis=axis, where=where)


def sigmoid_focal_loss(
    logits: Any, labels: Any, *, alpha: Any = None, gamma: Any = 2.0
) -> Any:
    """Binary cross entropy that counts examples less the better they are classified.

    With ``p`` the probability given to the label: ``-(1 - p)^gamma log(p)``.

    Args:
        logits: float, unnormalized log odds.
        labels: probabilities of "true", often 0 or 1, in the shape of `logits` or
            broadcast to it.
        alpha: weight of "true", in ``[0, 1]``; "false" has weight ``1 - alpha``. None
            gives both weight 1.
        gamma: 0 is the binary cross entropy.

    Returns:
        One number for each logit.

    Raises:
        TypeError: `logits` are not floating-point.
        ValueError: `labels` do not broadcast to `logits`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = sigmoid_focal_loss(jnp.array(0.0), 1, gamma=2.0)
        >>> round(float(loss), 4)  # log(2) / 4
        0.1733

    Source: Lin et al. (2017), arXiv:1708.02002.
    """
    logits = floating("sigmoid_focal_loss", "logits", logits)
    labels = jnp.asarray(labels).astype(logits.dtype)
    check_broadcast("sigmoid_focal_loss", logits=logits, labels=labels)
    # (1 - p)^gamma through its logarithm: for large logits 1 - p is 0 in floating
    # point, and the slope of a power below 1 would be infinite there.
    both = jnp.stack(jnp.broadcast_arrays(nn.log_sigmoid(logits), -nn.softplus(logits)))
    weights = jnp.stack(jnp.broadcast_arrays(1 - labels, labels))
    log_wrong = nn.logsumexp(both, axis=0, b=weights)
    loss = jnp.exp(gamma * log_wrong) * sigmoid_binary_cross_entropy(logits, labels)
    if alpha is None:
        return loss
    return (alpha * labels + (1 - alpha) * (1 - labels)) * loss


def _mask_of_classes(where: Any, logits: Any, axis: int | tuple[int, ...]) -> Any:
    """`where` with the class axes, which callers may leave out."""
    if where is None:
        return None
    where = jnp.asarray(where)
    return where if where.ndim == logits.ndim else jnp.expand_dims(where, axis)


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
