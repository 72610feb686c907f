"""Convolutions: strided, padded, dilated and grouped, of any number of spatial axes."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._ir import (
    ArrayType,
    Linear,
    Primitive,
    array_type,
    as_integers,
    dtypes,
    shown,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _creation, _shape
from ._dot import Exactness, PrecisionLike, as_precision, precision_config

Axes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


class ConvDimensionNumbers(NamedTuple):
    """Which axes of a convolution are what.

    Attributes:
        lhs_spec: axes of `lhs`: batch, features, then the spatial ones.
        rhs_spec: axes of `rhs`: output features, input features, then the spatial ones.
        out_spec: axes of the result: batch, features, then the spatial ones.
    """

    lhs_spec: Axes
    rhs_spec: Axes
    out_spec: Axes


ConvGeneralDilatedDimensionNumbers = None | ConvDimensionNumbers | tuple[str, str, str]


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: Any
) -> ConvDimensionNumbers:
    """Layouts as axis numbers.

    Args:
        lhs_shape: shape of the input.
        rhs_shape: shape of the kernel.
        dimension_numbers: three layouts such as ``("NHWC", "HWIO", "NHWC")``, with N
            for batch, C for features, I and O for input and output features and any
            other letters for spatial axes; None for batch and features first.

    Returns:
        `ConvDimensionNumbers`.

    Raises:
        ValueError: layouts don't fit the shapes or each other.

    Example:
        >>> from dolmen.core import lax
        >>> numbers = ("NHWC", "HWIO", "NHWC")
        >>> lax.conv_dimension_numbers((8, 32, 32, 3), (3, 3, 3, 16), numbers).rhs_spec
        (3, 2, 0, 1)
    """
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        where = "conv_dimension_numbers", "dimension_numbers"
        return ConvDimensionNumbers(
            *(as_integers(*where, s) for s in dimension_numbers)
        )
    ndim = len(lhs_shape)
    if ndim != len(rhs_shape):
        raise value_error(
            "conv_dimension_numbers: input and kernel must have the same number of "
            f"axes, got shapes {tuple(lhs_shape)} and {tuple(rhs_shape)}."
        )
    if dimension_numbers is None:
        return ConvDimensionNumbers(*(tuple(range(ndim)),) * 3)
    layouts = tuple(dimension_numbers)
    if len(layouts) != 3 or not all(
        isinstance(layout, str) and len(layout) == len(set(layout)) == ndim
        for layout in layouts
    ):
        raise value_error(
            "conv_dimension_numbers: expected three layouts of "
            f"{ndim} distinct letters, got {dimension_numbers!r}."
        )
    lhs, rhs, out = layouts
    spatial = [letter for letter in rhs if letter not in "OI"]
    for layout, first in ((lhs, "NC"), (rhs, "OI"), (out, "NC")):
        if set(layout) != {*first, *spatial}:
            raise value_error(
                "conv_dimension_numbers: input and result must have letters N and C, "
                "the kernel O and I, and all of them the same spatial letters, got "
                f"{dimension_numbers!r}."
            )
    return ConvDimensionNumbers(
        *(
            tuple(layout.index(letter) for letter in (*first, *spatial))
            for layout, first in ((lhs, "NC"), (rhs, "OI"), (out, "NC"))
        )
    )


def dilated(size: int, dilation: int) -> int:
    """Size of an axis with `dilation - 1` elements put between neighbors."""
    return 0 if size == 0 else (size - 1) * dilation + 1


def padtype_to_pads(
    in_shape: Sequence[int],
    window_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str,
) -> list[tuple[int, int]]:
    """Padding in numbers.

    Args:
        in_shape: spatial sizes of the input.
        window_shape: sizes of the window, dilation included.
        window_strides: steps of the window.
        padding: ``"VALID"``: none. ``"SAME"``: as much as gives ``ceil(in / stride)``
            results, the odd element behind. ``"SAME_LOWER"``: likewise, in front.

    Returns:
        A pair (low, high) for each axis.

    Raises:
        ValueError: `padding` is none of these.

    Example:
        >>> from dolmen.core import lax
        >>> lax.padtype_to_pads((5,), (3,), (1,), "SAME")
        [(1, 1)]
    """
    kind = padding.upper() if isinstance(padding, str) else padding
    if kind == "VALID":
        return [(0, 0)] * len(in_shape)
    if kind not in ("SAME", "SAME_LOWER"):
        raise value_error(
            f"padding must be 'VALID', 'SAME', 'SAME_LOWER' or pairs of integers, got "
            f"{padding!r}."
        )
    pads = []
    for size, window, stride in zip(
        in_shape, window_shape, window_strides, strict=True
    ):
        results = -(-size // stride)
        total = max((results - 1) * stride + window - size, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if kind == "SAME" else (large, small))
    return pads


def as_padding(
    padding: Any,
    in_shape: Sequence[int],
    window_shape: Sequence[int],
    window_strides: Sequence[int],
) -> Padding:
    """A user's `padding` argument in numbers.

    Raises:
        TypeError: it is no sequence of pairs of integers.
        ValueError: one of them is not a pair.
    """
    if isinstance(padding, str):
        padding = padtype_to_pads(in_shape, window_shape, window_strides, padding)
    if not isinstance(padding, Iterable):
        raise type_error(
            f"`padding` must be 'SAME', 'VALID' or a pair (low, high) for each axis, "
            f"got {shown(padding)}.",
        )
    made: Any = tuple([as_integers("padding", "(low, high)", p) for p in padding])
    if any(len(pair) != 2 for pair in made):
        raise value_error(f"padding must hold pairs (low, high), got {padding!r}.")
    return made


def conv_general_dilated(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    out_sharding: None = None,
) -> Any:
    """Convolution (without flipping the kernel) in full generality.

    Args:
        lhs: the input: batch, features and spatial axes, in the order of
            `dimension_numbers`.
        rhs: the kernel, in the same dtype: output features, input features (divided by
            `feature_group_count`) and as many spatial axes.
        window_strides: steps of the window along each spatial axis.
        padding: ``"SAME"``, ``"SAME_LOWER"``, ``"VALID"`` or a pair (low, high) for
            each spatial axis; negative numbers crop.
        lhs_dilation: spacing of the input's elements (transposed convolution).
        rhs_dilation: spacing of the kernel's elements (atrous convolution).
        dimension_numbers: see `conv_dimension_numbers`.
        feature_group_count: split the features of input and result into this many
            groups; each convolves with its own part of the kernel.
        batch_group_count: split the batch into this many groups; each gives its own
            part of the output features.
        precision: see `Precision`; one or a pair.
        preferred_element_type: dtype of the result; by default that of the operands.
        out_sharding: must be None.

    Returns:
        An array of batch, features and spatial axes.

    Raises:
        TypeError: dtypes differ.
        ValueError: shapes, groups or options don't fit each other.

    Example:
        >>> from dolmen.core import lax
        >>> x, w = lax.full((1, 8, 8, 3), 1.0), lax.full((3, 3, 3, 4), 1.0)
        >>> layouts = ("NHWC", "HWIO", "NHWC")
        >>> y = lax.conv_general_dilated(
        ...     x, w, (2, 2), "SAME", dimension_numbers=layouts
        ... )
        >>> y.shape
        (1, 4, 4, 4)
    """
    if out_sharding is not None:
        raise _shape.sharding_error(
            "conv_general_dilated", "out_sharding", out_sharding
        )
    x, w = typeof(lhs), typeof(rhs)
    numbers = conv_dimension_numbers(x.shape, w.shape, dimension_numbers)
    spatial = len(numbers.lhs_spec) - 2
    ones = (1,) * spatial
    strides = as_integers("conv_general_dilated", "window_strides", window_strides)
    where = "conv_general_dilated"
    lhs_dilation = as_integers(where, "lhs_dilation", lhs_dilation, ones)
    rhs_dilation = as_integers(where, "rhs_dilation", rhs_dilation, ones)
    if not len(strides) == len(lhs_dilation) == len(rhs_dilation) == spatial:
        raise value_error(
            f"conv_general_dilated: expected one stride and dilation for each of the "
            f"{spatial} spatial axes, got window_strides={strides}, "
            f"lhs_dilation={lhs_dilation}, rhs_dilation={rhs_dilation}."
        )
    if isinstance(padding, str) and lhs_dilation != ones and padding.upper() != "VALID":
        raise value_error(
            f"conv_general_dilated: padding={padding!r} is not defined for a dilated "
            f"input, got lhs_dilation={lhs_dilation}.",
            "Give the padding in numbers, or use `conv_transpose`.",
        )
    kernel = [w.shape[a] for a in numbers.rhs_spec[2:]]
    pads = as_padding(
        padding,
        [x.shape[a] for a in numbers.lhs_spec[2:]],
        [dilated(k, d) for k, d in zip(kernel, rhs_dilation, strict=True)],
        strides,
    )
    if preferred_element_type is not None:
        preferred_element_type = dtypes.as_dtype(
            preferred_element_type, function="conv_general_dilated"
        )
    primitive = ConvGeneralDilated(
        strides,
        pads,
        lhs_dilation,
        rhs_dilation,
        numbers,
        int(feature_group_count),
        int(batch_group_count),
        as_precision("conv_general_dilated", precision),
        preferred_element_type,
    )
    return bind(primitive, lhs, rhs)


class ConvGeneralDilated(Primitive):
    """Sliding dot products of an input and a kernel.

    At most one of the group counts is larger than 1.
    """

    window_strides: Axes
    padding: Padding
    lhs_dilation: Axes
    rhs_dilation: Axes
    dimension_numbers: ConvDimensionNumbers
    feature_group_count: int = 1
    batch_group_count: int = 1
    precision: Exactness = None
    preferred_element_type: np.dtype | None = None

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, w = arg_types
        if x.dtype != w.dtype:
            raise type_error(
                "conv_general_dilated: operands must have equal dtypes, got "
                f"{x!r} and {w!r}.",
                "Convert one with `.astype(...)`.",
            )
        lhs_spec, rhs_spec, out_spec = self.dimension_numbers
        fixed = (self.window_strides, self.padding, self.lhs_dilation)
        if not len(lhs_spec) == len(rhs_spec) == len(out_spec) == x.ndim == w.ndim:
            raise value_error(
                "conv_general_dilated: input, kernel and dimension numbers must have "
                f"the same number of axes, got {x!r}, {w!r} and "
                f"{self.dimension_numbers}."
            )
        if any(len(values) != x.ndim - 2 for values in fixed):
            raise value_error(
                "conv_general_dilated: expected one stride, padding pair and dilation "
                f"for each of the {x.ndim - 2} spatial axes, got {self!r}."
            )
        self._check_groups(x, w)
        out = [0] * x.ndim
        out[out_spec[0]] = x.shape[lhs_spec[0]] // self.batch_group_count
        out[out_spec[1]] = w.shape[rhs_spec[0]]
        for axis, size in zip(out_spec[2:], self._out_sizes(x, w), strict=True):
            out[axis] = size
        preferred = self.preferred_element_type
        weak = preferred is None and x.weak_type and w.weak_type
        return array_type(tuple(out), x.dtype if preferred is None else preferred, weak)

    def _check_groups(self, x: ArrayType, w: ArrayType) -> None:
        lhs_spec, rhs_spec, _ = self.dimension_numbers
        features, batch_groups = self.feature_group_count, self.batch_group_count
        given = (
            f"got {x!r} and {w!r} with {self.dimension_numbers}, "
            f"feature_group_count={features}, batch_group_count={batch_groups}."
        )
        if min(features, batch_groups) < 1 or max(features, batch_groups) > 1 < min(
            features, batch_groups
        ):
            raise value_error(
                "conv_general_dilated: group counts must be positive, and one of them "
                f"1, {given}"
            )
        in_features, kernel_features = x.shape[lhs_spec[1]], w.shape[rhs_spec[1]]
        if in_features != kernel_features * features:
            raise value_error(
                "conv_general_dilated: the kernel's input features times "
                "`feature_group_count` must be the input's features: "
                f"{kernel_features} * {features} != {in_features}, {given}"
            )
        if w.shape[rhs_spec[0]] % (features * batch_groups):
            raise value_error(
                "conv_general_dilated: the kernel's output features must be a multiple "
                f"of the group count, {given}"
            )
        if x.shape[lhs_spec[0]] % batch_groups:
            raise value_error(
                "conv_general_dilated: the batch size must be a multiple of "
                f"`batch_group_count`, {given}"
            )

    def _sizes(self, x: ArrayType, w: ArrayType) -> tuple[list[int], list[int]]:
        """Spatial sizes of input and kernel, dilation included."""
        lhs_spec, rhs_spec, _ = self.dimension_numbers
        inputs = zip(lhs_spec[2:], self.lhs_dilation, strict=True)
        kernel = zip(rhs_spec[2:], self.rhs_dilation, strict=True)
        return (
            [dilated(x.shape[a], d) for a, d in inputs],
            [dilated(w.shape[a], d) for a, d in kernel],
        )

    def _out_sizes(self, x: ArrayType, w: ArrayType) -> list[int]:
        inputs, kernel = self._sizes(x, w)
        return [
            max((n + low + high - k) // stride + 1, 0)
            for n, k, stride, (low, high) in zip(
                inputs, kernel, self.window_strides, self.padding, strict=True
            )
        ]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        from ._arithmetic import add

        (x, w), (dx, dw) = primals, tangents
        out = bind(self, x, w)
        if dw is None:
            return out, bind(self, dx, w)
        if dx is None:
            return out, bind(self, x, dw)
        return out, add(bind(self, dx, w), bind(self, x, dw))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        from ._conversion import convert_element_type

        (ct,), (x, w) = cotangents, args
        linear = x if isinstance(x, Linear) else w
        if typeof(ct).dtype != linear.type.dtype:
            ct = convert_element_type(ct, linear.type.dtype)
        if not typeof(ct).size:
            made = _creation.full(linear.type.shape, 0, linear.type.dtype)
        elif linear is x:
            made = self._of_input(ct, x.type, w)
        else:
            made = self._of_kernel(ct, x, w.type)
        return [made, None] if linear is x else [None, made]

    # One spatial axis, `s` the stride, `c` and `d` the dilations of input and kernel:
    #
    #     out[p] = sum_k lhs[(p s + k d - low) / c] rhs[k]
    #
    # where `lhs` counts as zero between and beyond its elements. As a function of the
    # input index i this is a convolution of the cotangent, dilated by s, with the
    # reversed kernel, at stride c; as a function of k one of the input, dilated by c,
    # with the cotangent, dilated by s, at stride d. Padding makes the sizes right.

    def _of_input(self, ct: Any, x: ArrayType, w: Any) -> Any:
        lhs_spec, rhs_spec, out_spec = self.dimension_numbers
        inputs, kernel = self._sizes(x, typeof(w))
        outs = self._ct_sizes(ct)
        pads = tuple(
            (k - 1 - low, n + low - out)
            for n, k, out, (low, _) in zip(
                inputs, kernel, outs, self.padding, strict=True
            )
        )
        groups = self.feature_group_count * self.batch_group_count
        if groups > 1:
            # The groups move from the output features to the input features.
            w = _split_axis(w, rhs_spec[0], groups)
            w = _merge_axis(w, rhs_spec[0], rhs_spec[1])
        made = ConvGeneralDilated(
            self.lhs_dilation,
            pads,
            self.window_strides,
            self.rhs_dilation,
            ConvDimensionNumbers(out_spec, _swapped(rhs_spec), lhs_spec),
            groups,
            1,
            self.precision,
        )
        out = bind(made, ct, _shape.rev(w, rhs_spec[2:]))
        if self.batch_group_count > 1:
            out = _split_axis(out, lhs_spec[1], groups)
            out = _merge_axis(out, lhs_spec[1], lhs_spec[0])
        return out

    def _of_kernel(self, ct: Any, x: Any, w: ArrayType) -> Any:
        # Batch and features change places: products are summed over the batch.
        lhs_spec, rhs_spec, out_spec = self.dimension_numbers
        inputs, kernel = self._sizes(typeof(x), w)
        outs = self._ct_sizes(ct)
        pads = tuple(
            (low, k - 1 + out - n - low)
            for n, k, out, (low, _) in zip(
                inputs, kernel, outs, self.padding, strict=True
            )
        )
        made = ConvGeneralDilated(
            self.rhs_dilation,
            pads,
            self.lhs_dilation,
            self.window_strides,
            ConvDimensionNumbers(
                _swapped(lhs_spec), _swapped(out_spec), _swapped(rhs_spec)
            ),
            self.batch_group_count,
            self.feature_group_count,
            self.precision,
        )
        return bind(made, x, ct)

    def _ct_sizes(self, ct: Any) -> list[int]:
        """Spatial sizes of the cotangent, spaced by the strides."""
        axes = zip(
            self.dimension_numbers.out_spec[2:], self.window_strides, strict=True
        )
        return [dilated(typeof(ct).shape[a], s) for a, s in axes]

    # XLA's convolution has one batch axis. A second one merges with the batch, with the
    # output features, or becomes groups, whichever the kernel's batch leaves possible.

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, w), (axis, w_axis) = args, axes
        size = _shape.batch_size(args, axes)
        if not size:
            types = [
                _without_axis(typeof(v), a) for v, a in zip(args, axes, strict=True)
            ]
            type = self.infer_type(types)
            return _creation.full((0, *type.shape), 0, type.dtype), 0
        if axis is not None and w_axis is not None:
            return self._batch_both(x, w, axis, w_axis, size)
        if axis is not None:
            return self._batch_input(x, w, axis, size)
        assert w_axis is not None
        return self._batch_kernel(x, w, w_axis, size)

    def _batch_both(self, x: Any, w: Any, axis: int, w_axis: int, size: int) -> Any:
        lhs_spec, rhs_spec, out_spec = self.dimension_numbers
        w = _merge_axis(w, w_axis, rhs_spec[0])
        if self.batch_group_count > 1:
            x = _merge_axis(x, axis, lhs_spec[0])
            groups = self.batch_group_count * size
            made = dataclasses.replace(self, batch_group_count=groups)
        else:
            x = _merge_axis(x, axis, lhs_spec[1])
            groups = self.feature_group_count * size
            made = dataclasses.replace(self, feature_group_count=groups)
        return _split_axis(bind(made, x, w), out_spec[1], size), out_spec[1]

    def _batch_input(self, x: Any, w: Any, axis: int, size: int) -> Any:
        (batch, *_), _, (out_batch, *_) = self.dimension_numbers
        x = _merge_axis(x, axis, batch, groups=self.batch_group_count)
        return _split_axis(bind(self, x, w), out_batch, size), out_batch

    def _batch_kernel(self, x: Any, w: Any, axis: int, size: int) -> Any:
        _, (features, *_), (_, out_features, *_) = self.dimension_numbers
        groups = self.feature_group_count * self.batch_group_count
        w = _merge_axis(w, axis, features, groups=groups)
        out = bind(self, x, w)
        if groups == 1:
            return _split_axis(out, out_features, size), out_features
        out = _split_axis(out, out_features, groups)
        out = _split_axis(out, out_features + 1, size)
        out = _shape.move_axis(out, out_features + 1, 0)
        return _merge_axis(out, out_features + 1, out_features + 1), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        lhs_spec, rhs_spec, out_spec = map(list, self.dimension_numbers)
        spatial = len(lhs_spec) - 2
        lhs, rhs = args
        # XLA adds up too much where a kernel is split over a part of the devices.
        rhs = builder.whole(rhs, rhs_spec[2:])
        return builder.emit(
            "convolution",
            (lhs, rhs),
            window_strides=mlir.int_array(self.window_strides),
            padding=mlir.int_matrix(np.reshape(self.padding, (spatial, 2))),
            lhs_dilation=mlir.int_array(self.lhs_dilation),
            rhs_dilation=mlir.int_array(self.rhs_dilation),
            window_reversal=mlir.bool_array([False] * spatial),
            dimension_numbers=mlir.conv_dimension_numbers(
                input_batch_dimension=lhs_spec[0],
                input_feature_dimension=lhs_spec[1],
                input_spatial_dimensions=lhs_spec[2:],
                kernel_output_feature_dimension=rhs_spec[0],
                kernel_input_feature_dimension=rhs_spec[1],
                kernel_spatial_dimensions=rhs_spec[2:],
                output_batch_dimension=out_spec[0],
                output_feature_dimension=out_spec[1],
                output_spatial_dimensions=out_spec[2:],
            ),
            feature_group_count=mlir.integer(self.feature_group_count),
            batch_group_count=mlir.integer(self.batch_group_count),
            precision_config=precision_config(self.precision),
        )

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        _, w = arg_types
        window = math.prod(w.shape[a] for a in self.dimension_numbers.rhs_spec[1:])
        return 2 * self.infer_type(arg_types).size * window


def _swapped(spec: Axes) -> Axes:
    """A layout with its first two roles exchanged."""
    return (spec[1], spec[0], *spec[2:])


def _without_axis(type: ArrayType, axis: int | None) -> ArrayType:
    if axis is None:
        return type
    return type.with_shape(type.shape[:axis] + type.shape[axis + 1 :])


def _split_axis(x: Any, axis: int, outer: int) -> Any:
    """`x` with an axis of size n split into two of sizes `outer` and n / `outer`."""
    shape = typeof(x).shape
    inner = shape[axis] // outer
    return _shape.reshape(x, (*shape[:axis], outer, inner, *shape[axis + 1 :]))


def _merge_axis(x: Any, source: int, into: int, *, groups: int = 1) -> Any:
    """`x` with one axis merged into another, as the slower of the two.

    `into` counts the axes without `source`. With `groups`, that axis consists of this
    many groups, which stay the slowest.
    """
    if groups == 1:
        x, merged = _shape.move_axis(x, source, into), 2
    else:
        at = into + (source <= into)
        x = _split_axis(x, at, groups)
        x, merged = _shape.move_axis(x, source + (source > at), into + 1), 3
    shape = typeof(x).shape
    size = math.prod(shape[into : into + merged])
    return _shape.reshape(x, (*shape[:into], size, *shape[into + merged :]))


# ---- comfortable forms -------------------------------------------------------------


def conv(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Convolution with batch and features first; see `conv_general_dilated`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.conv(jnp.ones((1, 1, 4, 4)), jnp.ones((1, 1, 2, 2)), (2, 2), "VALID")
        Array([[[[4., 4.],
                 [4., 4.]]]], dtype=float32)
    """
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_with_general_padding(
    lhs: Any,
    rhs: Any,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None,
    rhs_dilation: Sequence[int] | None,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
) -> Any:
    """Convolution with batch and features first; see `conv_general_dilated`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.conv_with_general_padding(jnp.ones((1, 1, 4)), jnp.ones((1, 1, 3)),
        ...     (1,), [(1, 1)], (1,), (1,))
        Array([[[2., 3., 3., 2.]]], dtype=float32)
    """
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


_CHANNELS_LAST = {
    2: ("NC", "IO", "NC"),
    3: ("NHC", "HIO", "NHC"),
    4: ("NHWC", "HWIO", "NHWC"),
    5: ("NHWDC", "HWDIO", "NHWDC"),
}


def conv_transpose(
    lhs: Any,
    rhs: Any,
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: ConvGeneralDilatedDimensionNumbers = None,
    transpose_kernel: bool = False,
    precision: PrecisionLike = None,
    preferred_element_type: Any = None,
    use_consistent_padding: bool = False,
) -> Any:
    """Transposed ("de-") convolution: the input's elements are spread by `strides`.

    Args:
        lhs: the input; batch, features and spatial axes.
        rhs: the kernel, in the same dtype.
        strides: spacing of the input's elements along each spatial axis.
        padding: ``"SAME"`` (sizes grow by the strides) or ``"VALID"``, as of the
            convolution that this one transposes, or pairs (low, high) added to the
            spread input.
        rhs_dilation: spacing of the kernel's elements.
        dimension_numbers: see `conv_dimension_numbers`; None for features last, as in
            ``("NHWC", "HWIO", "NHWC")``.
        transpose_kernel: flip the kernel and exchange its features, so that the result
            is the exact transpose of the convolution with `rhs`.
        precision: see `Precision`.
        preferred_element_type: dtype of the result.
        use_consistent_padding: read pairs like the strings, as the padding of the
            convolution that this one transposes.

    Returns:
        An array of batch, features and spatial axes.

    Raises:
        ValueError: shapes or options don't fit each other.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.conv_transpose(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), (2,),
        ...     "VALID").shape
        (1, 4, 1)
    """
    x, w = typeof(lhs), typeof(rhs)
    if dimension_numbers is None:
        dimension_numbers = _CHANNELS_LAST.get(x.ndim)
        if dimension_numbers is None:
            raise value_error(
                f"conv_transpose: there is no default layout for {x!r}.",
                "Give `dimension_numbers`.",
            )
    numbers = conv_dimension_numbers(x.shape, w.shape, dimension_numbers)
    kernel = [w.shape[a] for a in numbers.rhs_spec[2:]]
    ones = (1,) * len(kernel)
    dilation = as_integers("conv_transpose", "rhs_dilation", rhs_dilation, ones)
    if isinstance(padding, str) or use_consistent_padding:
        each = [padding] * len(kernel) if isinstance(padding, str) else padding
        padding = [
            transposed_padding(dilated(k, d), s, p)
            for k, d, s, p in zip(kernel, dilation, strides, each, strict=True)
        ]
    if transpose_kernel:
        rhs = _shape.rev(rhs, numbers.rhs_spec[2:])
        order = list(range(w.ndim))
        out_features, in_features = numbers.rhs_spec[:2]
        order[out_features], order[in_features] = in_features, out_features
        rhs = _shape.transpose(rhs, order)
    return conv_general_dilated(
        lhs,
        rhs,
        (1,) * len(kernel),
        padding,
        strides,
        dilation,
        numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def transposed_padding(k: int, stride: int, padding: Any) -> tuple[int, int]:
    """Padding of the spread input that transposes a convolution padded by `padding`.

    For a kernel of size `k` (dilation included).
    """
    if not isinstance(padding, str):
        low, high = padding
        return k - 1 - low, k - 1 - high
    if padding.upper() == "SAME":
        total = k + stride - 2
        low = k - 1 if stride > k - 1 else -(-total // 2)
    elif padding.upper() == "VALID":
        total = k + stride - 2 + max(k - stride, 0)
        low = k - 1
    else:
        raise value_error(
            f"conv_transpose: `padding` must be 'SAME', 'VALID' or pairs, got "
            f"{padding!r}."
        )
    return low, total - low
