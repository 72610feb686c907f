"""Rows of `nn`: activations and normalizations, at large and infinite arguments too."""

import numpy as np
from scipy import special

from .rows import Row

INF, NAN = np.inf, np.nan
# No corner of an activation is among them.
X = np.array([[0.25, -0.25, 1.5, -1.5], [4.0, -5.0, 7.5, -0.875]])
LARGE = np.array([100.0, -100.0, 1e4, -1e4, INF, -INF, NAN, 0.0])
MASK = np.array([[True, False, True, True], [False, True, True, False]])


def sigmoid(x):
    return special.expit(x)


def softplus(x):
    return np.logaddexp(x, 0)


def silu(x):
    return np.where(x == -INF, NAN, x * sigmoid(x))


def hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu(x, approximate=True):
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    if approximate:
        return 0.5 * x * (1 + np.tanh(inner))
    return x * special.ndtr(x)


def sparse_plus(x):
    return np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4))


def squareplus(x, b=4):
    return (x + np.sqrt(x**2 + b)) / 2


def standardize(x, axis=-1, epsilon=1e-5):
    centered = x - x.mean(axis, keepdims=True)
    return centered / np.sqrt(x.var(axis, keepdims=True) + epsilon)


def softmax(x, axis=-1, where=True):
    x = np.where(where, x, -INF)
    return special.softmax(x, axis)


def logsumexp(a, axis=None, b=1.0, keepdims=False):
    return special.logsumexp(a, axis, b, keepdims=keepdims)


def logmeanexp(x, axis=None):
    size = x.size if axis is None else x.shape[axis]
    return special.logsumexp(x, axis) - np.log(size)


def one_hot(x, num_classes):
    return x[..., None] == np.arange(num_classes)


SELU = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS = {
    "celu": lambda x, alpha=1.0: elu(x / alpha, 1) * alpha,
    "elu": elu,
    "gelu": gelu,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": lambda x: x * hard_sigmoid(x),
    "hard_swish": lambda x: x * hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "identity": np.positive,
    "leaky_relu": lambda x, slope=0.01: np.where(x >= 0, x, slope * x),
    "log_sigmoid": lambda x: -softplus(-x),
    "mish": lambda x: x * np.tanh(softplus(x)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: SELU[0] * elu(x, SELU[1]),
    "sigmoid": sigmoid,
    "silu": silu,
    "soft_sign": lambda x: x / (1 + np.abs(x)),
    "softplus": softplus,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": lambda x: np.clip(0.5 * (x + 1), 0, 1),
    "squareplus": squareplus,
    "swish": silu,
    "tanh": np.tanh,
}
# Those with other values at infinity than the formula above gives.
PRODUCTS = {"gelu", "hard_silu", "hard_swish", "mish", "soft_sign", "squareplus"}

ROWS = [
    *(
        Row(f"nn.{name}", (X,), oracle=oracle, smooth=(0,), slack=5.0)
        for name, oracle in ACTIVATIONS.items()
    ),
    *(
        Row(f"nn.{name}", (LARGE,), oracle=oracle, label="large", mapped=False)
        for name, oracle in ACTIVATIONS.items()
        if name not in PRODUCTS
    ),
    *(
        Row(
            f"nn.{name}",
            (X,),
            lambda f, x, value=value: f(x, value),
            oracle=ACTIVATIONS[name],
            smooth=(0,),
            slack=5.0,
            label=str(value),
            mapped=False,
        )
        for name, value in (
            ("celu", 0.5),
            ("elu", 2.0),
            ("gelu", False),
            ("leaky_relu", 0.3),
            ("squareplus", 2.0),
        )
    ),
    Row(
        "nn.glu",
        (X,),
        lambda f, x: [f(x), f(x, 0)],
        oracle=lambda x, axis=-1: (lambda parts: parts[0] * sigmoid(parts[1]))(
            np.split(x, 2, axis)
        ),
        smooth=(0,),
    ),
    Row(
        "nn.log1mexp",
        (np.array([1e-6, 0.1, 0.7, 3.0, 40.0, INF]),),
        oracle=lambda x: np.where(x < 1, np.log(-np.expm1(-x)), np.log1p(-np.exp(-x))),
        slack=5.0,
    ),
    *(
        Row(
            f"nn.{name}",
            (X,),
            lambda f, x, axis=axis: f(x, axis),
            oracle=oracle,
            smooth=(0,),
            slack=5.0,
            label=str(axis),
        )
        for name, oracle in (
            ("softmax", softmax),
            ("log_softmax", special.log_softmax),
            ("logsumexp", logsumexp),
            ("logmeanexp", logmeanexp),
            ("standardize", standardize),
        )
        for axis in (0, -1)
    ),
    Row(
        "nn.softmax",
        (X,),
        lambda f, x: f(x, -1, where=MASK),
        oracle=softmax,
        smooth=(0,),
        label="masked",
    ),
    Row(
        "nn.softmax",
        (np.array([[1e4, -1e4, 0.0], [-INF, 2.0, 2.0]]),),
        oracle=softmax,
        label="large",
    ),
    Row(
        "nn.logsumexp",
        (np.array([[1e4, -1e4, 1e4], [-INF, -INF, -INF], [INF, 0.0, 1.0]]),),
        lambda f, x: f(x, 1),
        oracle=logsumexp,
        label="large",
    ),
    Row(
        "nn.logsumexp",
        (X, np.abs(X) + 0.5),
        lambda f, x, b: f(x, (0, 1), b=b, keepdims=True),
        oracle=logsumexp,
        smooth=(0, 1),
        label="weighted",
    ),
    Row(
        "nn.one_hot",
        (np.array([[0, 3], [-1, 4]], np.int32),),
        lambda f, x: f(x, 4),
        oracle=one_hot,
    ),
]
