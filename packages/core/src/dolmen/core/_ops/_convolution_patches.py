"""What the windows of a convolution see, and convolutions without shared kernels."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import as_integers, value_error
from .._tracing import typeof
from . import _shape
from ._convolution import (
    ConvGeneralDilatedDimensionNumbers,
    conv_dimension_numbers,
    conv_general_dilated,
)
from ._dot import Precision, PrecisionLike, dot_general


def conv_general_dilated_patches(
    lhs: Any,
    filter_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """What each position of a convolution's window sees ("im2col").

    Args:
        lhs: the input; batch, features and spatial axes.
        filter_shape: sizes of the window along the spatial axes.
        window_strides: steps of the window.
        padding: as in `conv_general_dilated`.
        lhs_dilation: spacing of the input's elements.
        rhs_dilation: spacing of the window's elements.
        dimension_numbers: see `conv_dimension_numbers`.
        precision: by default the highest, which copies exactly.
        preferred_element_type: dtype of the result.

    Returns:
        An array whose features are, for each input feature in turn, the elements of the
        window in row-major order.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.conv_general_dilated_patches(jnp.arange(4.0).reshape(1, 1, 4), (2,),
        ...     (1,), "VALID")
        Array([[[0., 1., 2.],
                [1., 2., 3.]]], dtype=float32)
    """
    x, window = (
        typeof(lhs),
        as_integers("conv_general_dilated_patches", "filter_shape", filter_shape),
    )
    numbers = conv_dimension_numbers(x.shape, (1, 1, *window), dimension_numbers)
    features, size = x.shape[numbers.lhs_spec[1]], math.prod(window)
    one_hot = np.eye(size, dtype=x.dtype).reshape(size, 1, *window)
    kernel = np.tile(one_hot, (features, *(1,) * (1 + len(window))))
    kernel = np.transpose(kernel, np.argsort(numbers.rhs_spec))
    return conv_general_dilated(
        lhs,
        kernel,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        numbers,
        feature_group_count=features,
        precision=Precision.HIGHEST if precision is None else precision,
        preferred_element_type=preferred_element_type,
    )


def conv_general_dilated_local(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    filter_shape: Sequence[int],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None,
    precision: PrecisionLike = None,
) -> Any:
    """Convolution with a kernel of its own at every position of the window.

    Args:
        lhs: the input; batch, features and spatial axes.
        rhs: the kernels, in the same dtype. The spatial axes are those of the result,
            and the input features are, for each input feature in turn, the elements of
            the window in row-major order (see `conv_general_dilated_patches`).
        window_strides: steps of the window.
        padding: as in `conv_general_dilated`.
        filter_shape: sizes of the window along the spatial axes.
        lhs_dilation: spacing of the input's elements.
        rhs_dilation: spacing of the window's elements.
        dimension_numbers: see `conv_dimension_numbers`.
        precision: see `Precision`; one or a pair.

    Returns:
        An array of batch, features and spatial axes.

    Raises:
        TypeError: dtypes differ.
        ValueError: shapes or options don't fit each other.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> x = np.float32([1, 2, 3, 4]).reshape(1, 1, 4)
        >>> kernels = np.float32([[1, 0, 1], [0, 1, 1]]).reshape(1, 2, 3)
        >>> lax.conv_general_dilated_local(x, kernels, (1,), "VALID", (2,)).tolist()
        [[[1.0, 3.0, 7.0]]]
    """
    window = as_integers("conv_general_dilated_local", "filter_shape", filter_shape)
    # Patches are copies: only what is multiplied afterwards needs the precision.
    patches = conv_general_dilated_patches(
        lhs,
        window,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        dimension_numbers,
    )
    _, rhs_spec, out_spec = conv_dimension_numbers(
        typeof(lhs).shape, (1, 1, *window), dimension_numbers
    )
    if typeof(rhs).ndim != len(rhs_spec):
        raise value_error(
            f"conv_general_dilated_local: `rhs` must have {len(rhs_spec)} axes, got "
            f"{typeof(rhs)!r}."
        )
    contracting = ((out_spec[1],), (rhs_spec[1],))
    batch = (out_spec[2:], rhs_spec[2:])
    out = dot_general(patches, rhs, (contracting, batch), precision)
    # Spatial axes come first, then the batch and the features.
    made = (*out_spec[2:], *out_spec[:2])
    return _shape.transpose(out, _shape.inverse(made))
