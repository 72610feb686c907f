"""Complex parameters as pairs of real ones."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import tree

from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)


class SplitRealAndImaginaryState(NamedTuple):
    """State of `split_real_and_imaginary`.

    Attributes:
        inner_state: of the transformation inside, for pairs in the places of complex
            parameters.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> transform = contrib.split_real_and_imaginary(optim.trace(0.9))
        >>> transform.init(1j).inner_state.trace
        _Parts(real=Array(0., dtype=float32), imaginary=Array(0., dtype=float32))
    """

    inner_state: Any


class _Parts(NamedTuple):
    real: Any
    imaginary: Any


def split_real_and_imaginary(
    inner: GradientTransformation,
) -> GradientTransformationExtraArgs:
    """Transforms real and imaginary parts as if they were two parameters.

    Args:
        inner: any transformation, also one that takes no complex numbers.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> transform = contrib.split_real_and_imaginary(optim.scale_by_sign())
        >>> transform.update({"z": 3.0 - 4.0j}, transform.init({"z": 0j}))[0]
        {'z': Array(1.-1.j, dtype=complex64)}
    """
    inner = with_extra_args_support(inner)

    def init(params: Any) -> SplitRealAndImaginaryState:
        return SplitRealAndImaginaryState(inner.init(tree.map(_split, params)))

    def update(
        updates: Any,
        state: SplitRealAndImaginaryState,
        params: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, SplitRealAndImaginaryState]:
        updates, inner_state = inner.update(
            tree.map(_split, updates),
            state.inner_state,
            None if params is None else tree.map(_split, params),
            **extra_args,
        )
        updates = tree.map(_joined, updates, is_leaf=_is_pair)
        return updates, SplitRealAndImaginaryState(inner_state)

    return GradientTransformationExtraArgs(init, update)


def _split(x: Any) -> Any:
    if not jnp.iscomplexobj(x):
        return x
    x = jnp.asarray(x)
    return _Parts(x.real, x.imag)


def _joined(x: Any) -> Any:
    return x.real + 1j * x.imaginary if _is_pair(x) else x


def _is_pair(x: Any) -> bool:
    return isinstance(x, _Parts)
