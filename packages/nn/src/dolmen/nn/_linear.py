"""Dense layers and embeddings."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import dolmen.core.numpy as jnp
from dolmen.core import debug, lax
from dolmen.core.extend import describe_frame, error_message, typeof, user_frame
from dolmen.core.nn import initializers

from ._dtypes import compute_dtype
from ._module import Module
from ._rngs import Rngs
from ._variables import Param

_default_kernel_init = initializers.lecun_normal()
_default_embed_init = initializers.variance_scaling(1.0, "fan_in", "normal", out_axis=0)


class Linear(Module):
    """`y = x @ kernel + bias` over the last axis.

    Args:
        in_features: size of the last axis of the input.
        out_features: size of the last axis of the output.
        use_bias: add a bias.
        dtype: of the computation; by default that of input and parameters together.
        param_dtype: of the parameters.
        precision: of the matrix product on accelerators.
        kernel_init: initializer of the kernel `[in_features, out_features]`.
        bias_init: initializer of the bias `[out_features]`.
        rngs: streams; `params` is used.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.Linear(3, 2, rngs=nn.Rngs(0))(jnp.ones((4, 3))).shape
        (4, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        precision: Any = None,
        kernel_init: Any = _default_kernel_init,
        bias_init: Any = initializers.zeros,
        rngs: Rngs,
    ) -> None:
        shape = (in_features, out_features)
        self.kernel = Param(kernel_init(rngs.params(), shape, param_dtype))
        self.bias = (
            Param(bias_init(rngs.params(), (out_features,), param_dtype))
            if use_bias
            else None
        )
        self.in_features = in_features
        self.out_features = out_features
        self.use_bias = use_bias
        self.dtype = dtype
        self.precision = precision

    def __call__(self, x: Any) -> Any:
        """Apply to `x [..., in_features]`.

        Raises:
            ValueError: the last size of `x` is not `in_features`.
        """
        check_last_axis("Linear", x, in_features=self.in_features)
        dtype = compute_dtype(self.dtype, x, self.kernel)
        y = jnp.matmul(
            x.astype(dtype), self.kernel.value.astype(dtype), precision=self.precision
        )
        return y if self.bias is None else y + self.bias.value.astype(dtype)


def check_last_axis(layer: str, x: Any, **features: int) -> None:
    """Raise `ValueError` unless the last axis of `x` has the size of one argument."""
    ((argument, size),) = features.items()
    shape = jnp.shape(x)
    if not shape or shape[-1] != size:
        fix = f"Make the layer with {argument}={shape[-1]}, or r" if shape else "R"
        raise ValueError(
            error_message(
                f"{layer}: expected an input whose last axis has {size} elements, got "
                f"{typeof(x)!r}.",
                f"{fix}eshape the input.",
            )
        )


class Embed(Module):
    """A table of vectors, looked up by integer.

    Args:
        num_embeddings: rows of the table.
        features: size of a vector.
        dtype: of the result; by default that of the table.
        param_dtype: of the table.
        embedding_init: initializer of the table `[num_embeddings, features]`.
        debug_checks: under eager evaluation, raise for ids outside the table.
        rngs: streams; `params` is used.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.Embed(10, 4, rngs=nn.Rngs(0))(jnp.array([1, 2])).shape
        (2, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        features: int,
        *,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        embedding_init: Any = _default_embed_init,
        debug_checks: bool = False,
        rngs: Rngs,
    ) -> None:
        shape = (num_embeddings, features)
        self.embedding = Param(embedding_init(rngs.params(), shape, param_dtype))
        self.num_embeddings = num_embeddings
        self.features = features
        self.dtype = dtype
        self.debug_checks = debug_checks

    def __call__(self, inputs: Any) -> Any:
        """Vectors `[..., features]` of the ids `inputs [...]`, of an integer dtype.

        Ids outside the table are clamped to it in compiled code; with `debug_checks`
        they raise.

        Raises:
            TypeError: `inputs` is not of an integer dtype.
            IndexError: with `debug_checks`, an id is outside the table.
        """
        if not jnp.issubdtype(typeof(inputs).dtype, jnp.integer):
            raise TypeError(
                error_message(
                    f"Embed: expected ids of an integer dtype, got {typeof(inputs)!r}.",
                    "Convert them with `.astype(jnp.int32)`.",
                )
            )
        if self.debug_checks:
            _check_ids(inputs, self.num_embeddings)
        table = self.embedding.value
        if self.dtype is not None:
            table = table.astype(self.dtype)
        return jnp.take(table, inputs, axis=0, mode="clip")

    def attend(self, query: Any) -> Any:
        """Products of `query [..., features]` with every vector, as output logits."""
        check_last_axis("Embed.attend", query, features=self.features)
        dtype = compute_dtype(self.dtype, query, self.embedding)
        return jnp.matmul(query.astype(dtype), self.embedding.value.astype(dtype).T)


def _check_ids(ids: Any, limit: int) -> None:
    """Raise for ids outside the table, also from compiled code."""
    where = describe_frame(user_frame())

    def check(values: np.ndarray) -> None:
        wrong = np.argwhere((values < 0) | (values >= limit))
        if wrong.size:
            at = tuple(int(i) for i in wrong[0])
            raise IndexError(
                f"Embed: expected ids from 0 to {limit - 1}, got {int(values[at])} at "
                f"index {at} ({len(wrong)} of {values.size} ids are outside).\n"
                f"  at {where}\n"
                "Check the tokenizer, or make the table larger (`num_embeddings`)."
            )

    debug.callback(check, ids)


class Conv(Module):
    """Convolution over one or more spatial axes; channels are the last axis.

    Args:
        in_features: channels of the input.
        out_features: channels of the output.
        kernel_size: sizes of the window, one for each spatial axis.
        strides: steps of the window.
        padding: `"SAME"`, `"VALID"`, `"CIRCULAR"` (the input wraps around), a number
            for both sides of all axes, or one number or pair `(low, high)` per axis.
        input_dilation: spacing of the input's elements.
        kernel_dilation: spacing of the kernel's elements.
        feature_group_count: groups of channels convolved separately.
        use_bias: add a bias.
        dtype: of the computation.
        param_dtype: of the parameters.
        precision: of the products on accelerators.
        kernel_init: initializer of the kernel
            `[*kernel_size, in_features // feature_group_count, out_features]`.
        bias_init: initializer of the bias `[out_features]`.
        rngs: streams; `params` is used.

    Raises:
        ValueError: channels are no multiple of the groups, the padding is unknown or
            another argument has the wrong number of axes.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> conv = nn.Conv(1, 8, kernel_size=(3, 3), rngs=nn.Rngs(0))
        >>> conv(jnp.ones((2, 8, 8, 1))).shape
        (2, 8, 8, 8)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        *,
        padding: Any = "SAME",
        input_dilation: int | Sequence[int] = 1,
        kernel_dilation: int | Sequence[int] = 1,
        feature_group_count: int = 1,
        use_bias: bool = True,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        precision: Any = None,
        kernel_init: Any = _default_kernel_init,
        bias_init: Any = initializers.zeros,
        rngs: Rngs,
    ) -> None:
        sizes = (kernel_size,) if isinstance(kernel_size, int) else tuple(kernel_size)
        for name, count in (
            ("in_features", in_features),
            ("out_features", out_features),
        ):
            if count % feature_group_count:
                raise ValueError(
                    f"Conv: {name}={count} must be a multiple of "
                    f"feature_group_count={feature_group_count}."
                )
        shape = (*sizes, in_features // feature_group_count, out_features)
        self.kernel = Param(kernel_init(rngs.params(), shape, param_dtype))
        self.bias = (
            Param(bias_init(rngs.params(), (out_features,), param_dtype))
            if use_bias
            else None
        )
        rank = len(sizes)
        self.in_features = in_features
        self.out_features = out_features
        self.kernel_size = sizes
        self.strides = _per_axis("strides", strides, rank)
        self.padding = _padding(padding, rank)
        self.input_dilation = _per_axis("input_dilation", input_dilation, rank)
        self.kernel_dilation = _per_axis("kernel_dilation", kernel_dilation, rank)
        self.feature_group_count = feature_group_count
        self.dtype = dtype
        self.precision = precision

    def __call__(self, x: Any) -> Any:
        """Apply to `x [..., *spatial, in_features]`; leading axes are batches.

        Raises:
            ValueError: `x` has too few axes or another number of channels.
        """
        check_last_axis("Conv", x, in_features=self.in_features)
        rank = len(self.kernel_size)
        if x.ndim <= rank:
            raise ValueError(
                error_message(
                    f"Conv: expected an input with {rank} spatial axes and a last axis "
                    f"of {self.in_features} channels, got {typeof(x)!r}.",
                    "Add the missing axes with `reshape`.",
                )
            )
        dtype = compute_dtype(self.dtype, x, self.kernel)
        batch = x.shape[: x.ndim - rank - 1]
        y = jnp.reshape(x.astype(dtype), (-1, *x.shape[x.ndim - rank - 1 :]))
        padding = self.padding
        if padding == "CIRCULAR":
            y = jnp.pad(y, ((0, 0), *self._circular(), (0, 0)), mode="wrap")
            padding = "VALID"
        spatial = "ABDEFGH"[:rank]
        y = lax.conv_general_dilated(
            y,
            self.kernel.value.astype(dtype),
            self.strides,
            padding,
            lhs_dilation=self.input_dilation,
            rhs_dilation=self.kernel_dilation,
            dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
            feature_group_count=self.feature_group_count,
            precision=self.precision,
        )
        if self.bias is not None:
            y = y + self.bias.value.astype(dtype)
        return jnp.reshape(y, (*batch, *y.shape[1:]))

    def _circular(self) -> list[tuple[int, int]]:
        spans = [
            (k - 1) * d
            for k, d in zip(self.kernel_size, self.kernel_dilation, strict=True)
        ]
        return [(span // 2, span - span // 2) for span in spans]


def _per_axis(name: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank:
        raise ValueError(
            f"Conv: expected one number in `{name}` for each of the {rank} spatial "
            f"axes, got {value!r}."
        )
    return values


def _padding(padding: Any, rank: int) -> Any:
    if isinstance(padding, str):
        if padding not in ("SAME", "VALID", "CIRCULAR"):
            raise ValueError(
                "Conv: expected `padding` 'SAME', 'VALID', 'CIRCULAR', a number, or a "
                f"number or pair per axis, got {padding!r}."
            )
        return padding
    per_axis = _per_axis("padding", padding, rank)
    return tuple((p, p) if isinstance(p, int) else tuple(p) for p in per_axis)
