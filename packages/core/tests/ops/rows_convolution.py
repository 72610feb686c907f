"""Rows of `_ops/_convolution.py`.

The reference spells the definition out: one position of the window after the other.
"""

import functools

import numpy as np

from dolmen.core._ops import _convolution as ops

from .rows import Row
from .rows_shape import normal

LAST = ("NHWC", "HWIO", "NHWC")


def spread(x, dilation):
    """Spatial axes 2, 3, ... with zeros between neighbors."""
    shape = [(n - 1) * d + 1 for n, d in zip(x.shape[2:], dilation, strict=True)]
    made = np.zeros((*x.shape[:2], *shape), x.dtype)
    made[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = x
    return made


def padded(x, padding):
    added = [(max(low, 0), max(high, 0)) for low, high in padding]
    x = np.pad(x, [(0, 0), (0, 0), *added])
    cut = [
        slice(max(-low, 0), n - max(-high, 0))
        for (low, high), n in zip(padding, x.shape[2:], strict=True)
    ]
    return x[(..., *cut)]


def convolved(x, w, strides, padding, lhs_dilation, rhs_dilation):
    """One group, batch and features first."""
    x, w = padded(spread(x, lhs_dilation), padding), spread(w, rhs_dilation)
    window = w.shape[2:]
    sizes = [
        (n - k) // s + 1 for n, k, s in zip(x.shape[2:], window, strides, strict=True)
    ]
    made = np.zeros([x.shape[0], w.shape[0], *sizes], x.dtype)
    for position in np.ndindex(*sizes):
        at = [
            slice(p * s, p * s + k)
            for p, s, k in zip(position, strides, window, strict=True)
        ]
        seen = x[(..., *at)].reshape(x.shape[0], -1)
        made[(..., *position)] = seen @ w.reshape(w.shape[0], -1).T
    return made


def reference(x, w, *, layouts, strides, padding, dilations, features, batches):
    numbers = ops.conv_dimension_numbers(x.shape, w.shape, layouts)
    x, w = np.transpose(x, numbers.lhs_spec), np.transpose(w, numbers.rhs_spec)
    if features > 1:
        parts = zip(np.split(x, features, 1), np.split(w, features, 0), strict=True)
    else:
        parts = zip(np.split(x, batches, 0), np.split(w, batches, 0), strict=True)
    made = [convolved(a, b, strides, padding, *dilations) for a, b in parts]
    return np.transpose(np.concatenate(made, 1), np.argsort(numbers.out_spec))


def applied(x, w, *, layouts, strides, padding, dilations, features, batches):
    return ops.conv_general_dilated(
        x, w, strides, padding, *dilations, layouts, features, batches
    )


def row(
    label,
    x_shape,
    w_shape,
    *,
    strides=(1, 1),
    padding=((0, 0), (0, 0)),
    dilations=((1, 1), (1, 1)),
    layouts=LAST,
    features=1,
    batches=1,
):
    options = {
        "layouts": layouts,
        "strides": strides,
        "padding": padding,
        "dilations": dilations,
        "features": features,
        "batches": batches,
    }
    return Row(
        ops.ConvGeneralDilated,
        functools.partial(applied, **options),
        functools.partial(reference, **options),
        normal(x_shape, w_shape),
        smooth=(0, 1),
        slack=10.0,
        label=label,
    )


ROWS = [
    row("plain", (2, 5, 4, 3), (3, 2, 3, 4)),
    row(
        "everything",
        (2, 7, 6, 3),
        (3, 2, 3, 4),
        strides=(2, 3),
        padding=((1, 2), (-1, 3)),
        dilations=((2, 1), (1, 2)),
    ),
    row(
        "feature groups",
        (2, 5, 4, 4),
        (3, 2, 2, 6),
        strides=(2, 1),
        padding=((1, 1), (0, 0)),
        features=2,
    ),
    row(
        "batch groups",
        (4, 5, 4, 3),
        (3, 2, 3, 4),
        strides=(2, 1),
        padding=((1, 1), (0, 0)),
        batches=2,
    ),
    row("depthwise", (2, 5, 4, 3), (3, 2, 1, 6), features=3),
    row(
        "one axis",
        (2, 3, 7),
        (4, 3, 3),
        strides=(2,),
        padding=((1, 1),),
        dilations=((1,), (1,)),
        layouts=None,
    ),
    row(
        "no axis",
        (2, 3),
        (4, 3),
        strides=(),
        padding=(),
        dilations=((), ()),
        layouts=None,
    ),
]
