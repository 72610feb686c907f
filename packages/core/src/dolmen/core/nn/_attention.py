"""Attention: averages of values, weighted by how well queries match keys."""

import math
from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from .._ir import type_error, value_error
from .._tracing import typeof
from ..numpy._array_like import ArrayLike
from ._normalizing import logsumexp, softmax

_FLOAT32 = np.dtype(np.float32)
_INT32 = np.dtype(np.int32)


def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: ArrayLike | None = None,
    key_value_seq_lengths: ArrayLike | None = None,
    local_window_size: int | tuple[int, int] | None = None,
    implementation: str | None = None,
    return_residual: bool = False,
) -> Any:
    """``softmax(scale * query @ key.T + bias) @ value`` for every head.

    Axes are batch `B`, positions of queries `T` and of keys `S`, heads `N`, features
    `H`. With fewer key heads `K`, each serves ``N / K`` query heads.

    Args:
        query: ``[B, T, N, H]`` or ``[T, N, H]``.
        key: ``[B, S, K, H]`` or ``[S, K, H]``, where `K` divides `N`.
        value: like `key`.
        bias: added to the logits; broadcasts to ``[B, N, T, S]``.
        mask: booleans that broadcast to ``[B, N, T, S]``; false excludes a pair.
        scale: of the logits, by default ``1 / sqrt(H)``.
        is_causal: exclude keys at later positions than the query.
        query_seq_lengths: ``int32[B]``; results of later queries are 0.
        key_value_seq_lengths: ``int32[B]``; later keys are excluded.
        local_window_size: exclude keys further away than this, one number for both
            sides or a pair for left and right.
        implementation: ``"xla"`` or None, which mean the same.
        return_residual: return also the logarithm of each softmax's denominator,
            ``[B, T, N]``, without gradient.

    Returns:
        An array like `query`, or a pair of it and the residual. A query whose keys are
        all excluded gets the mean of all values.

    Raises:
        TypeError: dtypes of `query`, `key` and `value` differ, `mask` is not boolean or
            the lengths are not ``int32``.
        ValueError: shapes do not fit, or the implementation is unknown.

    Logits are computed in float32 at least, whatever the dtype of the arguments.

    Example:
        >>> from dolmen.core import nn
        >>> import dolmen.core.numpy as jnp
        >>> q = jnp.ones((1, 2, 1, 4))
        >>> v = jnp.arange(2.0).reshape(1, 2, 1, 1) * q
        >>> nn.dot_product_attention(q, q, v, is_causal=True)[0, :, 0, 0]
        Array([0. , 0.5], dtype=float32)

    Source: Vaswani et al. (2017), arXiv:1706.03762; shared key heads from Ainslie et
    al. (2023), arXiv:2305.13245.
    """
    if implementation not in (None, "xla"):
        raise value_error(
            "dot_product_attention: `implementation` must be 'xla' or None, got "
            f"{implementation!r}.",
            "Fused kernels live in `dolmen.kernels`.",
        )
    _check(query, key, value, bias, mask, query_seq_lengths, key_value_seq_lengths)
    if isinstance(local_window_size, int):
        local_window_size = (local_window_size, local_window_size)
    features = typeof(query).shape[-1]
    return _attention(
        query,
        key,
        value,
        bias,
        mask,
        query_seq_lengths,
        key_value_seq_lengths,
        1 / math.sqrt(features) if scale is None else scale,
        is_causal=bool(is_causal),
        window=local_window_size,
        return_residual=bool(return_residual),
    )


def _check(
    query: Any,
    key: Any,
    value: Any,
    bias: Any,
    mask: Any,
    query_lengths: Any,
    key_lengths: Any,
) -> None:
    function = "dot_product_attention"
    types = [typeof(x) for x in (query, key, value)]
    listed = "`query` is {!r}, `key` is {!r}, `value` is {!r}".format(*types)
    if any(t.dtype != types[0].dtype for t in types):
        raise type_error(
            f"{function}: dtypes must be equal: {listed}.",
            "Convert one with `.astype(...)`.",
        )
    if any(t.ndim not in (3, 4) or t.ndim != types[0].ndim for t in types):
        raise value_error(f"{function}: expected 3 or 4 axes each: {listed}.")
    q, k, v = (t.shape for t in types)
    if k != v or q[-1] != k[-1] or q[:-3] != k[:-3]:
        raise value_error(
            f"{function}: `key` and `value` must have equal shapes, and share "
            f"batch and features with `query`: {listed}."
        )
    if not k[-2] or q[-2] % k[-2]:
        raise value_error(
            f"{function}: query heads must be a multiple of key heads: {listed} "
            f"({q[-2]} and {k[-2]})."
        )
    batch = q[0] if len(q) == 4 else 1
    pairs = (batch, q[-2], q[-3], k[-3])
    for name, x in (("bias", bias), ("mask", mask)):
        if x is not None and not _broadcasts(typeof(x).shape, pairs):
            raise value_error(
                f"{function}: `{name}` must broadcast to [B, N, T, S] = {list(pairs)}, "
                f"got {typeof(x)!r}."
            )
    if mask is not None and typeof(mask).dtype != np.dtype(bool):
        raise type_error(
            f"{function}: `mask` must be boolean, got {typeof(mask)!r}.",
            "Add a `bias` instead, or compare: `mask != 0`.",
        )
    for name, x in (
        ("query_seq_lengths", query_lengths),
        ("key_value_seq_lengths", key_lengths),
    ):
        if x is None:
            continue
        if typeof(x).dtype != _INT32:
            raise type_error(f"{function}: `{name}` must be i32, got {typeof(x)!r}.")
        if typeof(x).shape != (batch,):
            raise value_error(
                f"{function}: `{name}` must have the shape [B] = [{batch}], got "
                f"{typeof(x)!r}."
            )


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(
        a in (1, b) for a, b in zip(reversed(shape), reversed(to), strict=False)
    )


@jit_when_eager(static_argnames=("is_causal", "window", "return_residual"))
def _attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any,
    mask: Any,
    query_lengths: Any,
    key_lengths: Any,
    scale: Any,
    is_causal: bool,
    window: tuple[int, int] | None,
    return_residual: bool,
) -> Any:
    query, key, value = (jnp.asarray(x) for x in (query, key, value))
    shape = query.shape
    query, key, value = (
        x if x.ndim == 4 else jnp.expand_dims(x, 0) for x in (query, key, value)
    )
    batch, length, heads, features = query.shape
    key_heads = key.shape[2]
    # [B, T, K, G, H]: the G query heads that share a key head lie together.
    query = query.reshape(batch, length, key_heads, heads // key_heads, features)
    dtype = jnp.promote_types(query.dtype, _FLOAT32)
    logits = jnp.einsum("btkgh,bskh->bkgts", query, key, preferred_element_type=dtype)
    logits = logits * jnp.asarray(scale, dtype)
    if bias is not None:
        logits = jnp.astype(logits + _by_key_head(bias, key_heads), dtype)
    allowed = _allowed(
        mask, query_lengths, key_lengths, is_causal, window, logits.shape, key_heads
    )
    if allowed is not None:
        # Finite, so that a query without any key gets a mean rather than NaN.
        excluded = np.asarray(-0.7 * float(jnp.finfo(_FLOAT32).max), dtype)
        logits = jnp.where(allowed, logits, excluded)
    logits = jnp.astype(logits, _FLOAT32)
    weights = jnp.astype(softmax(logits, axis=-1), key.dtype)
    out = jnp.einsum("bkgts,bskh->btkgh", weights, value)
    if query_lengths is not None:
        inside = jnp.arange(length)[None] < query_lengths[:, None]
        out = out * jnp.astype(inside[:, :, None, None, None], out.dtype)
    out = out.reshape(shape)
    if not return_residual:
        return out
    residual = jnp.astype(logsumexp(logits, axis=-1), key.dtype)
    residual = jnp.moveaxis(residual, -1, 1)
    return out, lax.stop_gradient(residual.reshape(shape[:-1]))


def _by_key_head(x: Any, key_heads: int) -> Any:
    """``[B, N, T, S]`` (or less) to ``[B, K, G, T, S]``."""
    x = jnp.asarray(x)
    x = x.reshape((1,) * (4 - x.ndim) + x.shape)
    batch, heads, length, keys = x.shape
    if heads == 1:
        return x[:, :, None]
    return x.reshape(batch, key_heads, heads // key_heads, length, keys)


def _allowed(
    mask: Any,
    query_lengths: Any,
    key_lengths: Any,
    is_causal: bool,
    window: tuple[int, int] | None,
    shape: tuple[int, ...],
    key_heads: int,
) -> Any:
    """Which pairs count, to broadcast with ``[B, K, G, T, S]``; None for all."""
    parts = []
    if mask is not None:
        parts.append(_by_key_head(mask, key_heads))
    pairs = (1, 1, 1, *shape[-2:])
    at, keys = (lax.broadcasted_iota(_INT32, pairs, axis) for axis in (3, 4))
    if is_causal:
        parts.append(keys <= at)
    if window is not None:
        left, right = window
        parts.append((at <= keys + left) & (at >= keys - right))
    if query_lengths is not None:
        parts.append(at < query_lengths[:, None, None, None, None])
    if key_lengths is not None:
        parts.append(keys < key_lengths[:, None, None, None, None])
    if not parts:
        return None
    allowed = parts[0]
    for part in parts[1:]:
        allowed = allowed & part
    return allowed
