"""Normalisation layers."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.nn import initializers

from ._linear import check_last_axis
from ._module import Module
from ._rngs import Rngs
from ._variables import Param


class LayerNorm(Module):
    """`(x - mean) / sqrt(variance + epsilon) * scale + bias` over the last axis.

    Statistics are computed in float32 whatever the input's dtype.

    Args:
        num_features: size of the last axis.
        epsilon: added to the variance.
        dtype: of the result; by default that of the input (float32 for integers).
        param_dtype: of scale and bias.
        use_bias: add a bias.
        use_scale: multiply by a scale.
        bias_init: initializer of the bias.
        scale_init: initializer of the scale.
        rngs: streams; `params` is used.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.LayerNorm(2, rngs=nn.Rngs(0))(jnp.array([1.0, 3.0])).round(3)
        Array([-1.,  1.], dtype=float32)

    Source: Ba, Kiros, Hinton (2016), arXiv:1607.06450.
    """

    def __init__(
        self,
        num_features: int,
        *,
        epsilon: float = 1e-6,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        use_bias: bool = True,
        use_scale: bool = True,
        bias_init: Any = initializers.zeros,
        scale_init: Any = initializers.ones,
        rngs: Rngs,
    ) -> None:
        shape = (num_features,)
        self.scale = (
            Param(scale_init(rngs.params(), shape, param_dtype)) if use_scale else None
        )
        self.bias = (
            Param(bias_init(rngs.params(), shape, param_dtype)) if use_bias else None
        )
        self.num_features = num_features
        self.epsilon = epsilon
        self.dtype = dtype

    def __call__(self, x: Any) -> Any:
        """Normalise `x [..., num_features]`."""
        check_last_axis("LayerNorm", x, num_features=self.num_features)
        dtype = jnp.result_type(x.dtype, float) if self.dtype is None else self.dtype
        y = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        mean = jnp.mean(y, axis=-1, keepdims=True)
        centered = y - mean
        variance = jnp.mean(lax.square(centered), axis=-1, keepdims=True)
        y = centered * lax.rsqrt(variance + self.epsilon)
        return _scaled(y, self.scale, self.bias).astype(dtype)


class RMSNorm(Module):
    """`x / sqrt(mean(x**2) + epsilon) * scale` over the last axis.

    Statistics are computed in float32 whatever the input's dtype.

    Args:
        num_features: size of the last axis.
        epsilon: added to the mean square.
        dtype: of the result; by default that of the input (float32 for integers).
        param_dtype: of the scale.
        use_scale: multiply by a scale.
        scale_init: initializer of the scale.
        rngs: streams; `params` is used.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.RMSNorm(2, rngs=nn.Rngs(0))(jnp.array([3.0, 3.0])).round(3)
        Array([1., 1.], dtype=float32)

    Source: Zhang, Sennrich (2019), arXiv:1910.07467.
    """

    def __init__(
        self,
        num_features: int,
        *,
        epsilon: float = 1e-6,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        use_scale: bool = True,
        scale_init: Any = initializers.ones,
        rngs: Rngs,
    ) -> None:
        self.scale = (
            Param(scale_init(rngs.params(), (num_features,), param_dtype))
            if use_scale
            else None
        )
        self.num_features = num_features
        self.epsilon = epsilon
        self.dtype = dtype

    def __call__(self, x: Any) -> Any:
        """Normalise `x [..., num_features]`."""
        check_last_axis("RMSNorm", x, num_features=self.num_features)
        dtype = jnp.result_type(x.dtype, float) if self.dtype is None else self.dtype
        y = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        mean_square = jnp.mean(lax.square(y), axis=-1, keepdims=True)
        y = y * lax.rsqrt(mean_square + self.epsilon)
        return _scaled(y, self.scale, None).astype(dtype)


def _scaled(y: Any, scale: Param | None, bias: Param | None) -> Any:
    if scale is not None:
        y = y * scale.value.astype(y.dtype)
    if bias is not None:
        y = y + bias.value.astype(y.dtype)
    return y
