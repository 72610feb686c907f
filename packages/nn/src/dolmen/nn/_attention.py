"""Attention layers."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import nn as functions
from dolmen.core.nn import initializers

from ._dropout import Dropout
from ._linear import Linear
from ._module import Module
from ._rngs import Rngs


class MultiHeadAttention(Module):
    """Multi-head scaled dot-product attention, with fewer key heads on request.

    Args:
        num_heads: heads of the queries.
        in_features: size of the last axis of the input.
        qkv_features: size of all query heads together; by default `in_features`.
        out_features: size of the last axis of the output; by default `in_features`.
        num_kv_heads: heads of keys and values, a divisor of `num_heads`.
        in_kv_features: size of the last axis of `inputs_k` and `inputs_v`; by default
            `in_features`.
        causal: each position sees only itself and those before.
        dropout_rate: share of the output to drop while training.
        use_bias: biases in the projections.
        dtype: of the computation.
        param_dtype: of the parameters.
        kernel_init: initializer of the projections.
        rngs: streams; `params` is used.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> attend = nn.MultiHeadAttention(2, 8, causal=True, rngs=nn.Rngs(0))
        >>> attend(jnp.ones((1, 5, 8))).shape
        (1, 5, 8)

    Source: Vaswani et al. (2017), arXiv:1706.03762; shared key heads from Ainslie et
    al. (2023), arXiv:2305.13245.
    """

    def __init__(
        self,
        num_heads: int,
        in_features: int,
        qkv_features: int | None = None,
        out_features: int | None = None,
        num_kv_heads: int | None = None,
        in_kv_features: int | None = None,
        *,
        causal: bool = False,
        dropout_rate: float = 0.0,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        kernel_init: Any = initializers.lecun_normal(),  # noqa: B008  (a pure function)
        rngs: Rngs,
    ) -> None:
        qkv = in_features if qkv_features is None else qkv_features
        kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if qkv % num_heads:
            raise ValueError(
                f"MultiHeadAttention: qkv_features={qkv} must be a multiple of "
                f"num_heads={num_heads}."
            )
        if num_heads % kv_heads:
            raise ValueError(
                f"MultiHeadAttention: num_heads={num_heads} must be a multiple of "
                f"num_kv_heads={kv_heads}."
            )
        self.head_size = qkv // num_heads
        self.num_heads = num_heads
        self.num_kv_heads = kv_heads
        self.causal = causal
        options: dict[str, Any] = {
            "use_bias": use_bias,
            "dtype": dtype,
            "param_dtype": param_dtype,
            "kernel_init": kernel_init,
            "rngs": rngs,
        }
        kv_size = kv_heads * self.head_size
        self.query = Linear(in_features, qkv, **options)
        in_kv = in_features if in_kv_features is None else in_kv_features
        self.key = Linear(in_kv, kv_size, **options)
        self.value = Linear(in_kv, kv_size, **options)
        self.out = Linear(
            qkv, in_features if out_features is None else out_features, **options
        )
        self.dropout = Dropout(dropout_rate)

    def __call__(
        self,
        inputs_q: Any,
        inputs_k: Any = None,
        inputs_v: Any = None,
        *,
        mask: Any = None,
        deterministic: bool | None = None,
        rngs: Rngs | None = None,
    ) -> Any:
        """Attend from `inputs_q [..., time, in_features]`.

        Args:
            inputs_k: where keys come from; by default `inputs_q`.
            inputs_v: where values come from; by default `inputs_k`.
            mask: boolean, broadcastable to `[..., num_heads, time, key time]`;
                positions where it is false are not seen.
            deterministic: overrides the mode of the dropout.
            rngs: streams for dropout.

        Returns:
            `[..., time, out_features]`.
        """
        keys = inputs_q if inputs_k is None else inputs_k
        values = keys if inputs_v is None else inputs_v
        q = self._heads(self.query(inputs_q), self.num_heads)
        k = self._heads(self.key(keys), self.num_kv_heads)
        v = self._heads(self.value(values), self.num_kv_heads)
        batch = q.shape[:-3]
        if len(batch) > 1:
            q, k, v = (x.reshape(-1, *x.shape[-3:]) for x in (q, k, v))
            if mask is not None and jnp.ndim(mask) > 3:
                last = jnp.shape(mask)[-3:]
                mask = jnp.broadcast_to(mask, (*batch, *last)).reshape(-1, *last)
        attended = functions.dot_product_attention(
            q, k, v, mask=mask, is_causal=self.causal
        )
        joined = attended.reshape(*batch, *attended.shape[-3:-2], -1)
        y = self.out(joined)
        return self.dropout(y, deterministic=deterministic, rngs=rngs)

    def _heads(self, x: Any, count: int) -> Any:
        return x.reshape(*x.shape[:-1], count, self.head_size)
