"""Products in 4 and 8-bit floating point with a scale for each block of elements."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import custom_vjp, jit_when_eager, spread_over_blocks
from .._ir import as_integers, dtypes, type_error, value_error
from .._ops._dot import check_product
from .._tracing import typeof
from ..numpy._array_like import Array, ArrayLike, DTypeLike

_FLOAT32 = np.dtype("float32")
_RESULTS = (_FLOAT32, np.dtype(ml_dtypes.bfloat16), np.dtype("float16"))
_NUMBERS = (((2,), (2,)), ((0,), (0,)))  # of [b, m, k] and [b, n, k]


def scaled_matmul(
    lhs: ArrayLike,
    rhs: ArrayLike,
    lhs_scales: ArrayLike,
    rhs_scales: ArrayLike,
    preferred_element_type: DTypeLike = np.float32,
) -> Array:
    """``(lhs * lhs_scales) @ (rhs * rhs_scales).mT``, with a scale for each block.

    A block is a run of neighbors along the last axis. Scaling and sums are in float32.

    Args:
        lhs: ``[b, m, k]`` of any real dtype, usually of 4 or 8-bit floats.
        rhs: ``[b, n, k]``.
        lhs_scales: ``[b, m, j]``, where `j` divides `k`: of blocks of ``k / j``.
        rhs_scales: ``[b, n, i]``, where `i` divides `k`.
        preferred_element_type: dtype of the result.

    Returns:
        ``[b, m, n]``.

    Raises:
        ValueError: an argument does not have three axes, or sizes do not match.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import nn
        >>> x, scales = np.float32([[[1, 2, 3, 4]]]), np.float32([[[1, 10]]])
        >>> nn.scaled_matmul(x, x, scales, scales)
        Array([[[2505.]]], dtype=float32)
    """
    dtype = dtypes.as_dtype(preferred_element_type, function="scaled_matmul")
    types = [typeof(arg) for arg in (lhs, rhs, lhs_scales, rhs_scales)]
    x, y, *scales = types
    fits = all(type.ndim == 3 for type in types) and (
        x.shape[::2] == y.shape[::2]
        and all(
            scale.shape[:2] == type.shape[:2]
            and scale.shape[2]
            and type.shape[2] % scale.shape[2] == 0
            for type, scale in zip((x, y), scales, strict=True)
        )
    )
    if not fits:
        raise value_error(
            "scaled_matmul: expected [b, m, k] and [b, n, k] with scales [b, m, j] and "
            f"[b, n, i], where j and i divide k, got {', '.join(map(repr, types))}."
        )

    return _scaled_matmul(lhs, rhs, lhs_scales, rhs_scales, dtype=dtype)


@jit_when_eager(static_argnames=("dtype",))
def _scaled_matmul(
    lhs: Any, rhs: Any, lhs_scales: Any, rhs_scales: Any, *, dtype: np.dtype
) -> Any:
    def scaled(x: Any, scales: Any) -> Any:
        spread = spread_over_blocks(scales, typeof(x).shape)
        return jnp.astype(x, _FLOAT32) * jnp.astype(spread, _FLOAT32)

    made = lax.dot_general(scaled(lhs, lhs_scales), scaled(rhs, rhs_scales), _NUMBERS)
    return jnp.astype(made, dtype)


@dataclasses.dataclass(frozen=True)
class BlockScaleConfig:
    """How `scaled_dot_general` quantizes an operand.

    Attributes:
        mode: ``"mxfp8"`` or ``"nvfp4"``.
        block_size: number of elements that share a scale.
        data_type: dtype of the elements.
        scale_type: dtype of the scales.
        global_scale: a number of float32 that multiplies everything; None for 1.
        infer_only: says that no derivative is wanted; it changes nothing.
    """

    mode: str
    block_size: int
    data_type: Any
    scale_type: Any
    global_scale: Any
    infer_only: bool


def get_scaled_dot_general_config(
    mode: str, global_scale: ArrayLike | None = None
) -> BlockScaleConfig:
    """How `scaled_dot_general` shall quantize an operand.

    Args:
        mode: ``"mxfp8"``, elements of `float8_e4m3fn` and a power of two for each block
            of 32; ``"nvfp4"``, elements of `float4_e2m1fn` and a scale of
            `float8_e4m3fn` for each block of 16.
        global_scale: for nvfp4 alone: one float32 number that multiplies all scales, by
            default 1.

    Raises:
        ValueError: `mode` is neither, or does not have a `global_scale`.

    Example:
        >>> from dolmen.core import nn
        >>> nn.get_scaled_dot_general_config("mxfp8").block_size
        32
    """
    if mode == "nvfp4":
        scale = jnp.ones(1) if global_scale is None else global_scale
        if typeof(scale).size != 1:
            raise value_error(
                "get_scaled_dot_general_config: `global_scale` must be one number, got "
                f"{typeof(scale)!r}."
            )
        scale = jnp.asarray(scale, _FLOAT32)
        data, factor = ml_dtypes.float4_e2m1fn, ml_dtypes.float8_e4m3fn
        return BlockScaleConfig(mode, 16, data, factor, scale, infer_only=False)
    if mode != "mxfp8":
        raise value_error(
            "get_scaled_dot_general_config: `mode` must be 'nvfp4' or 'mxfp8', got "
            f"{mode!r}."
        )
    if global_scale is not None:
        raise value_error(
            "get_scaled_dot_general_config: `global_scale` must be None for 'mxfp8', "
            f"got {global_scale!r}."
        )
    data, factor = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu
    return BlockScaleConfig(mode, 32, data, factor, None, infer_only=False)


def scaled_dot_general(
    lhs: ArrayLike,
    rhs: ArrayLike,
    dimension_numbers: lax.DotDimensionNumbers,
    preferred_element_type: DTypeLike = np.float32,
    configs: Sequence[BlockScaleConfig] | None = None,
    implementation: str | None = None,
) -> Array:
    """`lax.dot_general` of operands quantized in blocks along the contracting axes.

    Gradients pass through the quantization as if it were the identity, but for elements
    that nvfp4 can't represent, which get none. With mxfp8, the backward products are
    quantized too.

    Args:
        lhs: a floating-point array.
        rhs: the same dtype.
        dimension_numbers: as of `lax.dot_general`. Blocks run through the contracting
            axes in their order; the last block may be shorter.
        preferred_element_type: dtype of the result: float32, bfloat16 or float16.
        configs: those of `lhs`, `rhs` and the cotangent, all of one mode, from
            `get_scaled_dot_general_config`; None multiplies without quantization.
        implementation: None or ``"cudnn"``, which mean the same.

    Returns:
        An array whose axes are those of the result of `lax.dot_general`.

    Raises:
        TypeError: dtypes differ, or the result's is another one.
        ValueError: axes or sizes do not match, or `configs` aren't three of one mode.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import nn
        >>> configs = [nn.get_scaled_dot_general_config("mxfp8")] * 3
        >>> x = np.float32([[1.0, 1.01]])
        >>> nn.scaled_dot_general(x, x, (((1,), (1,)), ((), ())), configs=configs)
        Array([[2.]], dtype=float32)

    Source: scales as in the OCP Microscaling Formats specification 1.0 (2023) and
    "Pretraining large language models with NVFP4", arXiv:2509.25149; those of mxfp8 are
    rounded up, as in Mishra et al. (2025), arXiv:2506.08027.
    """
    if implementation not in (None, "cudnn"):
        raise value_error(
            "scaled_dot_general: `implementation` must be None or 'cudnn', got "
            f"{implementation!r}."
        )
    if configs is None:
        return lax.dot_general(
            lhs,
            rhs,
            dimension_numbers,
            preferred_element_type=preferred_element_type,
        )
    dtype = dtypes.as_dtype(preferred_element_type, function="scaled_dot_general")
    if dtype not in _RESULTS:
        raise type_error(
            "scaled_dot_general: `preferred_element_type` must be float32, bfloat16 or "
            f"float16, got {dtypes.short_name(dtype)}."
        )
    modes = [config.mode for config in configs]
    if modes not in (["mxfp8"] * 3, ["nvfp4"] * 3):
        raise value_error(
            "scaled_dot_general: `configs` must be three of one mode, 'mxfp8' or "
            f"'nvfp4', for `lhs`, `rhs` and the cotangent, got {modes}."
        )
    (lhs_con, rhs_con), (lhs_batch, rhs_batch) = dimension_numbers
    contracting = (
        as_integers("scaled_dot_general", "dimension_numbers", lhs_con),
        as_integers("scaled_dot_general", "dimension_numbers", rhs_con),
    )
    batch = (
        as_integers("scaled_dot_general", "dimension_numbers", lhs_batch),
        as_integers("scaled_dot_general", "dimension_numbers", rhs_batch),
    )
    x, y = typeof(lhs), typeof(rhs)
    check_product("scaled_dot_general", x, y, (contracting, batch), dtype)
    rows, x_shape = _rows(lhs, batch[0], contracting[0])
    columns, y_shape = _rows(rhs, batch[1], contracting[1])
    formats = tuple(
        _Format(c.mode, c.block_size, np.dtype(c.data_type), np.dtype(c.scale_type))
        for c in configs
    )
    scales = [config.global_scale for config in configs[:2]]
    made = _product(formats, dtype, rows, columns, *scales)
    return jnp.reshape(made, (*x_shape, *y_shape[len(batch[1]) :]))


def _rows(x: Any, batch: Sequence[int], contracting: Sequence[int]) -> tuple[Any, Any]:
    """`x` as ``[batch, free, contracting]``, and the sizes of all but the last."""
    shape = typeof(x).shape
    free = [a for a in range(len(shape)) if a not in (*batch, *contracting)]
    groups = batch, free, contracting
    sizes = [math.prod(shape[a] for a in group) for group in groups]
    moved = jnp.transpose(x, (*batch, *free, *contracting))
    return jnp.reshape(moved, sizes), tuple(shape[a] for a in (*batch, *free))


# ---- quantization ------------------------------------------------------------------


class _Format(NamedTuple):
    """A `BlockScaleConfig` without arrays."""

    mode: str
    block_size: int
    data: np.dtype
    scale: np.dtype

    @property
    def largest(self) -> float:
        """The largest magnitude of an element."""
        return float(ml_dtypes.finfo(self.data).max)

    @property
    def largest_scale(self) -> float:
        return float(ml_dtypes.finfo(self.scale).max)


def _quantized(x: Any, format: _Format, global_scale: Any) -> tuple[Any, Any]:
    """Elements and scales of ``[b, m, k]``, filled up with zeros to whole blocks."""
    *leading, size = typeof(x).shape
    count = -(-size // format.block_size)
    x = jnp.astype(x, _FLOAT32)
    x = jnp.pad(x, ((0, 0), (0, 0), (0, count * format.block_size - size)))
    x = jnp.reshape(x, (*leading, count, format.block_size))
    if format.mode == "nvfp4":
        x = x / global_scale
    needed = jnp.max(jnp.abs(x), -1, keepdims=True) / np.float32(format.largest)
    if format.mode == "nvfp4":
        rounded = jnp.clip(needed, 0, format.largest_scale).astype(format.scale)
        scale = rounded.astype(_FLOAT32)
        # A block that needs no scale, or one that rounds to zero, holds zeros.
        scaled = jnp.where(scale == 0, 0, x / jnp.where(scale == 0, 1, scale))
    else:
        rounded = _power_of_two_above(needed)
        scaled = x / rounded.astype(_FLOAT32)
    elements = jnp.clip(scaled, -format.largest, format.largest).astype(format.data)
    return (
        jnp.reshape(elements, (*leading, count * format.block_size)),
        jnp.squeeze(rounded, -1),
    )


def _power_of_two_above(x: Any) -> Any:
    """The least power of two that isn't below `x`, as `float8_e8m0fnu`.

    That dtype is the exponent of a float32. The least one, 0, stands for a subnormal
    number, which backends take for zero: the result is at least ``2**-126``.
    """
    bits = lax.bitcast_convert_type(x, np.uint32)
    exponent = (bits >> 23) + jnp.astype(bits & 0x7FFFFF > 0, np.uint32)
    exponent = jnp.clip(exponent, 1, 0xFE).astype(np.uint8)
    power = lax.bitcast_convert_type(exponent, ml_dtypes.float8_e8m0fnu)
    return jnp.where(jnp.isfinite(x), power, np.asarray(np.nan, power.dtype))


@jit_when_eager(static_argnames=("dtype", "x_format", "y_format"))
def _quantized_product(
    dtype: np.dtype,
    x: Any,
    y: Any,
    x_format: _Format,
    y_format: _Format,
    x_scale: Any = None,
    y_scale: Any = None,
) -> Any:
    x_elements, x_scales = _quantized(x, x_format, x_scale)
    y_elements, y_scales = _quantized(y, y_format, y_scale)
    made = scaled_matmul(x_elements, y_elements, x_scales, y_scales)
    if x_format.mode == "nvfp4":
        made = made * (x_scale * y_scale)
    return jnp.astype(made, dtype)


@functools.partial(custom_vjp, nondiff_argnums=(0, 1))
def _product(
    formats: tuple[_Format, ...],
    dtype: np.dtype,
    x: Any,
    y: Any,
    x_scale: Any,
    y_scale: Any,
) -> Any:
    """The product of ``[b, m, k]`` and ``[b, n, k]``, quantized."""
    x_format, y_format, _ = formats
    return _quantized_product(dtype, x, y, x_format, y_format, x_scale, y_scale)


def _forward(formats: Any, dtype: np.dtype, *args: Any) -> tuple[Any, Any]:
    return _product(formats, dtype, *args), args


def _backward(
    formats: tuple[_Format, ...], dtype: np.dtype, residuals: Any, ct: Any
) -> tuple[Any, ...]:
    x, y, x_scale, y_scale = residuals
    x_format, y_format, ct_format = formats
    if ct_format.mode == "mxfp8":
        dx = _quantized_product(x.dtype, ct, y.mT, ct_format, y_format)
        dy = _quantized_product(y.dtype, ct.mT, x.mT, ct_format, x_format)
        return dx, dy, None, None
    dx = _in_range(jnp.matmul(ct, y), x, x_format, x_scale)
    dy = _in_range(jnp.matmul(ct.mT, x), y, y_format, y_scale)
    return dx, dy, None, None


def _in_range(ct: Any, x: Any, format: _Format, global_scale: Any) -> Any:
    """The cotangent of `x` where quantization does not clip it."""
    limit = global_scale * np.float32(format.largest * format.largest_scale)
    return jnp.where(jnp.abs(x) <= limit, ct, 0).astype(x.dtype)


_product.defvjp(_forward, _backward)
