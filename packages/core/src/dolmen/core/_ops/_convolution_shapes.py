"""Shapes of convolutions, without convolving."""

from collections.abc import Sequence
from typing import Any

from .._ir import as_integers, value_error
from ._convolution import (
    ConvDimensionNumbers,
    as_padding,
    conv_dimension_numbers,
    dilated,
    transposed_padding,
)

Shape = tuple[int, ...]


def conv_general_permutations(
    dimension_numbers: tuple[str, str, str],
) -> tuple[Shape, Shape, Shape]:
    """Layouts as permutations of axes to batch, features and spatial axes.

    Args:
        dimension_numbers: three layouts such as ``("NHWC", "HWIO", "NHWC")``.

    Returns:
        For input, kernel and result the axes in that order (output features before
        input features).

    Raises:
        ValueError: the layouts don't fit each other.

    Example:
        >>> from dolmen.core import lax
        >>> lax.conv_general_permutations(("NHWC", "HWIO", "NHWC"))
        ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))
    """
    layouts = tuple(dimension_numbers)
    if len(layouts) != 3 or not all(isinstance(layout, str) for layout in layouts):
        raise value_error(
            "conv_general_permutations: expected three layouts such as "
            f"('NHWC', 'HWIO', 'NHWC'), got {dimension_numbers!r}."
        )
    lhs, rhs = range(len(layouts[0])), range(len(layouts[1]))
    of_lhs, of_rhs, of_out = conv_dimension_numbers(lhs, rhs, layouts)
    return of_lhs, of_rhs, of_out


def conv_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    strides: Sequence[int],
    pads: str | Sequence[tuple[int, int]],
    batch_group_count: int = 1,
) -> Shape:
    """Shape of a convolution with batch and features first.

    Args:
        lhs_shape: shape of the input: batch, features and spatial sizes.
        rhs_shape: shape of the kernel: output features, input features, spatial sizes.
        strides: steps of the window.
        pads: ``"SAME"``, ``"SAME_LOWER"``, ``"VALID"`` or a pair (low, high) for each
            spatial axis.
        batch_group_count: into how many groups the batch is split.

    Returns:
        Batch, features and spatial sizes of the result.

    Raises:
        ValueError: the lengths differ, or the batch can't be split.

    Example:
        >>> from dolmen.core import lax
        >>> lax.conv_shape_tuple((1, 3, 8, 8), (4, 3, 3, 3), (1, 2), "SAME")
        (1, 4, 8, 4)
    """
    lhs, rhs, steps = (
        as_integers("conv_shape_tuple", "lhs_shape", lhs_shape),
        as_integers("conv_shape_tuple", "rhs_shape", rhs_shape),
        as_integers("conv_shape_tuple", "strides", strides),
    )
    given = f"got lhs_shape={lhs}, rhs_shape={rhs}, strides={steps}, pads={pads}"
    fits = len(lhs) == len(rhs) == len(steps) + 2
    if not fits or not (isinstance(pads, str) or len(pads) == len(steps)):
        raise value_error(
            "conv_shape_tuple: expected two shapes of equal length, and one stride and "
            f"padding pair for each of their spatial axes, {given}."
        )
    if batch_group_count < 1 or lhs[0] % batch_group_count:
        raise value_error(
            "conv_shape_tuple: the batch size must be a multiple of "
            f"`batch_group_count`, {given}, batch_group_count={batch_group_count}."
        )
    padding = as_padding(pads, lhs[2:], rhs[2:], steps)
    spatial = [
        max((n + low + high - k) // step + 1, 0)
        for n, k, step, (low, high) in zip(
            lhs[2:], rhs[2:], steps, padding, strict=True
        )
    ]
    return (lhs[0] // batch_group_count, rhs[0], *spatial)


def conv_general_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    dimension_numbers: Any,
) -> Shape:
    """Shape of `conv_general_dilated` without dilation.

    Args:
        lhs_shape: shape of the input.
        rhs_shape: shape of the kernel.
        window_strides: steps of the window.
        padding: as in `conv_general_dilated`.
        dimension_numbers: see `conv_dimension_numbers`.

    Raises:
        ValueError: lengths or layouts don't fit each other.

    Example:
        >>> from dolmen.core import lax
        >>> layouts = ("NHWC", "HWIO", "NHWC")
        >>> lax.conv_general_shape_tuple(
        ...     (1, 8, 8, 3), (3, 3, 3, 4), (1, 2), "SAME", layouts
        ... )
        (1, 8, 4, 4)
    """
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    lhs, rhs = _ordered(lhs_shape, rhs_shape, numbers)
    return _placed(conv_shape_tuple(lhs, rhs, window_strides, padding), numbers)


def conv_transpose_shape_tuple(
    lhs_shape: Sequence[int],
    rhs_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    dimension_numbers: Any,
) -> Shape:
    """Shape of `conv_transpose`.

    Args:
        lhs_shape: shape of the input.
        rhs_shape: shape of the kernel.
        window_strides: spacing of the input's elements.
        padding: as in `conv_transpose`.
        dimension_numbers: see `conv_dimension_numbers`.

    Raises:
        ValueError: lengths or layouts don't fit each other.

    Example:
        >>> from dolmen.core import lax
        >>> layouts = ("NHWC", "HWIO", "NHWC")
        >>> lax.conv_transpose_shape_tuple(
        ...     (1, 8, 8, 3), (3, 3, 3, 4), (1, 2), "SAME", layouts
        ... )
        (1, 8, 16, 4)
    """
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    lhs, rhs = _ordered(lhs_shape, rhs_shape, numbers)
    strides = as_integers(
        "conv_transpose_shape_tuple", "window_strides", window_strides
    )
    if isinstance(padding, str):
        padding = [
            transposed_padding(k, s, padding)
            for k, s in zip(rhs[2:], strides, strict=True)
        ]
    spread = [dilated(n, s) for n, s in zip(lhs[2:], strides, strict=True)]
    ones = (1,) * len(strides)
    return _placed(conv_shape_tuple((*lhs[:2], *spread), rhs, ones, padding), numbers)


def _ordered(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], numbers: ConvDimensionNumbers
) -> tuple[Shape, Shape]:
    """Shapes of input and kernel with batch and features first."""
    lhs, rhs = (
        as_integers("conv_general_shape_tuple", "lhs_shape", lhs_shape),
        as_integers("conv_general_shape_tuple", "rhs_shape", rhs_shape),
    )
    return (
        tuple(lhs[axis] for axis in numbers.lhs_spec),
        tuple(rhs[axis] for axis in numbers.rhs_spec),
    )


def _placed(shape: Shape, numbers: ConvDimensionNumbers) -> Shape:
    """A result's shape from batch and features first to its own layout."""
    by_axis = dict(zip(numbers.out_spec, shape, strict=True))
    return tuple(by_axis[axis] for axis in range(len(shape)))
