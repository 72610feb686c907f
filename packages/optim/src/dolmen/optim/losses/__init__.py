"""Losses: how far predictions are from what was wanted."""

from ._classification import (
    sigmoid_binary_cross_entropy as sigmoid_binary_cross_entropy,
    softmax_cross_entropy as softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels as softmax_cross_entropy_with_integer_labels,  # noqa: E501 - the name is Optax's
)
from ._regression import (
    huber_loss as huber_loss,
    l2_loss as l2_loss,
    squared_error as squared_error,
)
