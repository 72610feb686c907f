"""What losses ask of their arguments."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, typeof


def floating(function: str, name: str, value: Any) -> Any:
    """An argument as an array of real floating-point numbers.

    Raises:
        TypeError: it is not one.
    """
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            extend.error_message(
                f"{function}: `{name}` must be a floating-point array, got "
                f"{typeof(array)}.",
                "Convert them with `.astype(jnp.float32)`.",
            )
        )
    return array


def integers(function: str, name: str, value: Any, fix: str) -> Any:
    """An argument as an array of integers.

    Raises:
        TypeError: it is not one.
    """
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(
            extend.error_message(
                f"{function}: `{name}` must be integers, got {typeof(array)}.", fix
            )
        )
    return array


def check_same_shape(function: str, **arrays: Any) -> None:
    """Raise unless two named arrays have the same shape.

    Raises:
        ValueError: they differ.
    """
    (name_a, a), (name_b, b) = arrays.items()
    if jnp.shape(a) != jnp.shape(b):
        raise ValueError(
            extend.error_message(
                f"{function}: `{name_a}` and `{name_b}` must have the same shape, "
                f"got {typeof(a)} and {typeof(b)}.",
                "Reshape or broadcast one of them.",
            )
        )


def check_broadcast(function: str, fix: str = "", **arrays: Any) -> None:
    """Raise unless two named arrays broadcast to each other.

    Args:
        function: whose arguments they are.
        fix: advice; by default to reshape one of them.
        **arrays: the two.

    Raises:
        ValueError: they don't.
    """
    (name_a, a), (name_b, b) = arrays.items()
    try:
        jnp.broadcast_shapes(jnp.shape(a), jnp.shape(b))
    except ValueError:
        raise ValueError(
            extend.error_message(
                f"{function}: `{name_a}` and `{name_b}` must broadcast to each other, "
                f"got {typeof(a)} and {typeof(b)}.",
                fix or "Reshape one of them.",
            )
        ) from None


def check_distributions(function: str, logits: Any, labels: Any) -> None:
    """Raise unless labels that are distributions broadcast to logits.

    Raises:
        ValueError: they don't.
    """
    # Broadcasting class numbers over classes gives an error or, worse, a number.
    are_numbers = jnp.issubdtype(labels.dtype, jnp.integer) and labels.ndim < (
        jnp.ndim(logits)
    )
    fix = (
        "For class numbers use `softmax_cross_entropy_with_integer_labels`."
        if are_numbers
        else "Labels are probabilities, one for each logit."
    )
    check_broadcast(function, fix, logits=logits, labels=labels)


def check_labels(function: str, scores_name: str, scores: Any, labels: Any) -> None:
    """Raise unless there is one label for each vector of scores.

    Raises:
        ValueError: the shape of the labels is not that of the scores without the
            classes.
    """
    if scores.shape[:-1] != labels.shape:
        raise ValueError(
            extend.error_message(
                f"{function}: `labels` must have the shape of `{scores_name}` without "
                f"the last axis, got {typeof(labels)} for `{scores_name}` "
                f"{typeof(scores)}.",
                "Labels are class numbers, not one-hot vectors.",
            )
        )
