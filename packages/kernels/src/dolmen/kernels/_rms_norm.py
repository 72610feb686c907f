"""RMS normalisation, fused, with its gradient.

With `r = 1 / sqrt(mean(x²) + ε)` over the last axis of size d, `y = x r s`. For a
cotangent g of y and `h = g s`, since `∂r/∂x_j = -r³ x_j / d`,

    dx = r h - x r³ mean(h x),    ds = Σ_rows g x r.

Source: Zhang and Sennrich (2019), arXiv:1910.07467.
"""

import functools
import math
from typing import Any

import numpy as np

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.extend import error_message, typeof

from ._call import kernel_call
from ._refs import program_id
from ._specs import BlockSpec, cdiv

_MOST_ROWS = 256  # in a block by default


def rms_norm(
    x: Any, scale: Any, *, epsilon: float = 1e-6, block_rows: int | None = None
) -> dc.Array:
    """`x / sqrt(mean(x**2) + epsilon) * scale` over the last axis, as one kernel.

    Statistics are computed in float32 whatever the input's dtype (in float64 for
    float64). Differentiable once, in reverse mode.

    Args:
        x: real floating-point ``[..., features]``.
        scale: real floating-point ``[features]``.
        epsilon: added to the mean square.
        block_rows: how many rows of `x` one step of the kernel sees; by default at most
            256, and a divisor of the number of rows if that has one from 8 on, because
            padding to whole blocks costs a copy of `x`.

    Returns:
        ``[..., features]`` in the dtype of `x`.

    Raises:
        TypeError: `x` or `scale` is not real floating-point.
        ValueError: the shapes don't fit, or `block_rows` is not positive.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import kernels
        >>> kernels.rms_norm(jnp.array([2.0, 0.0]), jnp.ones(2), epsilon=2.0)
        Array([1., 0.], dtype=float32)
    """
    x, scale = jnp.asarray(x), jnp.asarray(scale)
    _check(x, scale, block_rows)
    rows = jnp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    if rows.size == 0:
        return x
    size = block_rows or _default_block_rows(rows.shape[0])
    return jnp.reshape(_normalized(rows, scale, float(epsilon), size), x.shape)


def _check(x: Any, scale: Any, block_rows: int | None) -> None:
    for name, array in (("x", x), ("scale", scale)):
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(
                error_message(
                    f"rms_norm: `{name}` must be real floating-point, got "
                    f"{typeof(array)!r}."
                )
            )
    if x.ndim == 0 or scale.shape != x.shape[-1:]:
        raise ValueError(
            error_message(
                "rms_norm: `scale` must be as long as the last axis of `x`; `x` is "
                f"{typeof(x)!r}, `scale` is {typeof(scale)!r}."
            )
        )
    if block_rows is not None and block_rows < 1:
        raise ValueError(
            error_message(f"rms_norm: `block_rows` must be positive, got {block_rows}.")
        )


def _default_block_rows(rows: int) -> int:
    if rows <= _MOST_ROWS:
        return rows
    aligned = math.gcd(rows, _MOST_ROWS)  # a power of two, as vector units like it
    if aligned >= 8:
        return aligned
    divisors = (size for size in range(_MOST_ROWS, 7, -1) if rows % size == 0)
    return next(divisors, _MOST_ROWS)


def _statistics_dtype(dtype: Any) -> Any:
    return jnp.promote_types(dtype, jnp.float32)


def _primal(x: Any, scale: Any, epsilon: float, block_rows: int) -> Any:
    """`rms_norm` of a matrix."""
    call = _forward_call(x.shape, x.dtype, epsilon, block_rows)
    return call(x, scale[None])[0]


def _forward(x: Any, scale: Any, epsilon: float, block_rows: int) -> Any:
    call = _forward_call(x.shape, x.dtype, epsilon, block_rows)
    y, inverse_rms = call(x, scale[None])
    return y, (x, scale, inverse_rms)


def _backward(epsilon: float, block_rows: int, residuals: Any, ct: Any) -> Any:
    x, scale, inverse_rms = residuals
    call = _backward_call(x.shape, x.dtype, block_rows)
    dx, dscale = call(x, scale[None], inverse_rms, ct)
    return dx, jnp.sum(dscale, axis=(0, 1)).astype(scale.dtype)


_normalized = dc.custom_vjp(_primal, nondiff_argnums=(2, 3))
_normalized.defvjp(_forward, _backward)


@functools.lru_cache(maxsize=256)
def _forward_call(
    shape: tuple[int, int], dtype: Any, epsilon: float, block_rows: int
) -> Any:
    rows, features = shape
    block = BlockSpec((block_rows, features), lambda i: (i, 0))
    whole = BlockSpec((1, features), lambda i: (0, 0))
    column = BlockSpec((block_rows, 1), lambda i: (i, 0))
    statistics = _statistics_dtype(dtype)
    return kernel_call(
        functools.partial(_forward_kernel, epsilon=epsilon),
        (
            dc.ShapeDtypeStruct(shape, dtype),
            dc.ShapeDtypeStruct((rows, 1), statistics),
        ),
        grid=(cdiv(rows, block_rows),),
        in_specs=[block, whole],
        out_specs=[block, column],
        name="rms_norm",
    )


def _forward_kernel(
    x_ref: Any, scale_ref: Any, y_ref: Any, inverse_rms_ref: Any, *, epsilon: float
) -> None:
    x = x_ref[...].astype(inverse_rms_ref.dtype)
    mean_square = jnp.mean(lax.square(x), axis=-1, keepdims=True)
    inverse_rms = lax.rsqrt(mean_square + epsilon)
    inverse_rms_ref[...] = inverse_rms
    y = x * inverse_rms * scale_ref[...].astype(x.dtype)
    y_ref[...] = y.astype(y_ref.dtype)


@functools.lru_cache(maxsize=256)
def _backward_call(shape: tuple[int, int], dtype: Any, block_rows: int) -> Any:
    rows, features = shape
    steps = cdiv(rows, block_rows)
    block = BlockSpec((block_rows, features), lambda i: (i, 0))
    whole = BlockSpec((1, features), lambda i: (0, 0))
    column = BlockSpec((block_rows, 1), lambda i: (i, 0))
    # Each block gives a sum of its own, so that blocks may run at once.
    partial_sum = BlockSpec((None, 1, features), lambda i: (i, 0, 0))
    statistics = _statistics_dtype(dtype)
    return kernel_call(
        functools.partial(_backward_kernel, rows=rows),
        (
            dc.ShapeDtypeStruct(shape, dtype),
            dc.ShapeDtypeStruct((steps, 1, features), statistics),
        ),
        grid=(steps,),
        in_specs=[block, whole, column, block],
        out_specs=[block, partial_sum],
        name="rms_norm_backward",
    )


def _backward_kernel(
    x_ref: Any,
    scale_ref: Any,
    inverse_rms_ref: Any,
    ct_ref: Any,
    dx_ref: Any,
    dscale_ref: Any,
    *,
    rows: int,
) -> None:
    dtype = inverse_rms_ref.dtype
    x, ct = x_ref[...].astype(dtype), ct_ref[...].astype(dtype)
    inverse_rms = inverse_rms_ref[...]
    normalized = x * inverse_rms
    by_scale = ct * scale_ref[...].astype(dtype)
    projection = jnp.mean(by_scale * normalized, axis=-1, keepdims=True)
    dx = inverse_rms * (by_scale - normalized * projection)
    dx_ref[...] = dx.astype(dx_ref.dtype)
    contribution = ct * normalized
    block_rows = x_ref.shape[0]
    if rows % block_rows:
        # Rows beyond the edge are undefined and must not enter the sum.
        row = program_id(0) * block_rows + lax.broadcasted_iota(
            np.dtype("int32"), contribution.shape, 0
        )
        contribution = jnp.where(row < rows, contribution, 0)
    dscale_ref[...] = jnp.sum(contribution, axis=0, keepdims=True)
