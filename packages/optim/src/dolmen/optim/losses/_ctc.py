"""Connectionist temporal classification: the loss of all alignments together."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, nn, typeof

from ._arguments import floating, integers


def ctc_loss(
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> Any:
    """Negative log probability of label sequences, whatever their alignment to frames.

    Every frame emits a class or the blank. A sequence of emissions stands for the
    labels that are left when runs of the same class are merged and blanks removed; the
    loss sums the probability of all emissions that stand for `labels`.

    Args:
        logits: float ``[batch, frames, classes]``, unnormalized log probabilities.
        logit_paddings: ``[batch, frames]``, 1 (or True) where a frame does not exist.
        labels: integer ``[batch, n]``, padded at the end.
        label_paddings: ``[batch, n]``, 1 (or True) where a label does not exist.
        blank_id: the class that means "no label".
        log_epsilon: logarithm that stands for that of zero.

    Returns:
        Nats, ``[batch]``, at least float32. Labels that the frames are too few for
        cost about ``-log_epsilon``.

    Raises:
        TypeError: `logits` are not floating-point, or `labels` not integers.
        ValueError: shapes do not fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> logits = jnp.zeros((1, 2, 3))  # two frames, blank and two classes
        >>> labels = jnp.array([[1]])
        >>> loss = ctc_loss(logits, jnp.zeros((1, 2)), labels, jnp.zeros((1, 1)))
        >>> round(float(jnp.exp(-loss[0])), 4)  # 1-, -1 and 11, of nine
        0.3333

    Source: Graves et al. (2006), "Connectionist temporal classification".
    """
    loss, _, _ = _forward(
        "ctc_loss",
        *(logits, logit_paddings, labels, label_paddings, blank_id, log_epsilon),
    )
    return loss


def ctc_loss_with_forward_probs(
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> tuple[Any, Any, Any]:
    """`ctc_loss`, and the log probabilities of all beginnings of the alignment.

    Args:
        logits: float ``[batch, frames, classes]``, unnormalized log probabilities.
        logit_paddings: ``[batch, frames]``, 1 (or True) where a frame does not exist.
        labels: integer ``[batch, n]``, padded at the end.
        label_paddings: ``[batch, n]``, 1 (or True) where a label does not exist.
        blank_id: the class that means "no label".
        log_epsilon: logarithm that stands for that of zero.

    Returns:
        The loss, ``[batch]``; ``[frames, batch, n + 1]``, the log probability that the
        frames so far stand for the first labels and the last is blank (in the last
        frame: whatever the last is); ``[frames, batch, n]``, that the frames so far
        stand for the labels up to this and the last emits it.

    Raises:
        TypeError: `logits` are not floating-point, or `labels` not integers.
        ValueError: shapes do not fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss, blank, label = ctc_loss_with_forward_probs(
        ...     jnp.zeros((1, 2, 3)), jnp.zeros((1, 2)), jnp.array([[1]]),
        ...     jnp.zeros((1, 1)))
        >>> [round(float(p), 4) for p in jnp.exp(label[:, 0, 0])]  # 1; then -1 and 11
        [0.3333, 0.2222]

    Source: Graves et al. (2006), "Connectionist temporal classification".
    """
    return _forward(
        "ctc_loss_with_forward_probs",
        *(logits, logit_paddings, labels, label_paddings, blank_id, log_epsilon),
    )


def _forward(
    function: str,
    logits: Any,
    logit_paddings: Any,
    labels: Any,
    label_paddings: Any,
    blank_id: int,
    log_epsilon: float,
) -> tuple[Any, Any, Any]:
    logits = floating(function, "logits", logits)
    labels = integers(function, "labels", labels, "Labels are class numbers.")
    frame_is_padding = jnp.asarray(logit_paddings) != 0
    label_is_padding = jnp.asarray(label_paddings) != 0
    _check_shapes(function, logits, frame_is_padding, labels, label_is_padding)

    dtype = jnp.promote_types(logits.dtype, jnp.float32)
    log_probabilities = nn.log_softmax(logits.astype(dtype))
    blanks = log_probabilities[:, :, blank_id, None]
    emissions = _emissions(log_probabilities, labels, label_is_padding)
    batch, length = labels.shape
    # Between two equal labels there must be a blank.
    repeats = jnp.pad(labels[:, 1:] == labels[:, :-1], ((0, 0), (1, 0)))[:, :length]

    def step(carry: Any, frame: Any) -> tuple[Any, Any]:
        blank, label = carry
        log_blank, log_label, is_padding = frame
        stay = jnp.logaddexp(label, blank[:, :-1])
        # From the label before, without a blank between.
        before = jnp.pad(label, ((0, 0), (1, 0)), constant_values=log_epsilon)[:, :-1]
        skip = before + jnp.where(repeats, jnp.asarray(log_epsilon, dtype), 0)
        moved = (
            _ended(blank, label) + log_blank,
            jnp.logaddexp(stay, skip) + log_label,
        )
        new = tuple(map(lambda old, x: jnp.where(is_padding, old, x), carry, moved))
        return new, new

    start = (
        jnp.full((batch, length + 1), log_epsilon, dtype).at[:, 0].set(0),
        jnp.full((batch, length), log_epsilon, dtype),
    )
    frames = (blanks, emissions, frame_is_padding[..., None])
    by_time = tuple(jnp.swapaxes(x, 0, 1) for x in frames)
    last, (blank, label) = lax.scan(step, start, by_time)

    ended = _ended(*last)
    lengths = jnp.sum(~label_is_padding, axis=1)
    loss = -jnp.take_along_axis(ended, lengths[:, None], axis=1)[:, 0]
    return loss, blank.at[-1].set(ended), label


def _ended(blank: Any, label: Any) -> Any:
    """Log probability of the labels so far, whether a blank followed or not."""
    return jnp.concatenate([blank[:, :1], jnp.logaddexp(blank[:, 1:], label)], axis=1)


def _emissions(log_probabilities: Any, labels: Any, is_padding: Any) -> Any:
    """Log probability of each label in each frame, ``[batch, frames, n]``."""
    # What stands in the padding may be no class. A label outside the classes elsewhere
    # gives NaN.
    classes = log_probabilities.shape[-1]
    labels = jnp.where(is_padding, jnp.clip(labels, 0, classes - 1), labels)
    return jnp.take_along_axis(log_probabilities, labels[:, None, :], axis=-1)


def _check_shapes(
    function: str, logits: Any, logit_paddings: Any, labels: Any, label_paddings: Any
) -> None:
    if logits.ndim != 3 or labels.ndim != 2 or logits.shape[0] != labels.shape[0]:
        raise ValueError(
            extend.error_message(
                f"{function}: `logits` must be [batch, frames, classes] and `labels` "
                f"[batch, n], got {typeof(logits)} and {typeof(labels)}.",
                "For one sequence add an axis of size 1 to both.",
            )
        )
    if logits.shape[1] == 0:
        raise ValueError(
            extend.error_message(
                f"{function}: `logits` must have at least one frame, got "
                f"{typeof(logits)}."
            )
        )
    for name, paddings, wanted in [
        ("logit_paddings", logit_paddings, logits.shape[:2]),
        ("label_paddings", label_paddings, labels.shape),
    ]:
        if paddings.shape != wanted:
            raise ValueError(
                extend.error_message(
                    f"{function}: `{name}` must have the shape {list(wanted)}, got "
                    f"{list(paddings.shape)}."
                )
            )
