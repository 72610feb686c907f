"""Vector quantization."""

from typing import Any

from ... import numpy as jnp
from ..._ir import value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._manipulation import as_array
from ...numpy._promotion import convert, to_inexact, type_of
from ...numpy._sorting import alike

__all__ = ["vq"]
__dir__ = __all__.copy


def vq(
    obs: ArrayLike, code_book: ArrayLike, check_finite: bool = True
) -> tuple[Array, Array]:
    """The nearest code of each observation, by Euclid's distance.

    Args:
        obs: ``[n, features]`` numbers, or ``[n]`` of one feature.
        code_book: ``[codes, features]`` numbers, or ``[codes]``.
        check_finite: without effect: values can't be checked while tracing.

    Returns:
        The indices of the codes, int32 ``[n]``, the first of equally near ones, and the
        distances, floating point ``[n]``. NaN features make distances NaN, and such a
        code counts as nearest.

    Raises:
        TypeError: an argument is no array.
        ValueError: the arguments have not one or two axes alike, differ in the number
            of features, or there is no code.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.cluster import vq
        >>> codes, distances = vq.vq(jnp.array([0.0, 5.0]), jnp.array([1.0, 7.0]))
        >>> codes.tolist(), distances.tolist()
        ([0, 1], [1.0, 2.0])
    """
    types = type_of("vq", "obs", obs), type_of("vq", "code_book", code_book)
    shown = f"`obs` is {types[0]!r}, `code_book` is {types[1]!r}."
    if types[0].ndim != types[1].ndim or types[0].ndim not in (1, 2):
        raise value_error(
            f"vq: `obs` and `code_book` must have one axis, or both two: {shown}"
        )
    if types[0].shape[1:] != types[1].shape[1:]:
        raise value_error(
            f"vq: `obs` and `code_book` must have equally many features: {shown}"
        )
    if not types[1].shape[0]:
        raise value_error(f"vq: `code_book` must not be empty: {shown}")
    return _nearest(obs, code_book)


@jit_when_eager
def _nearest(obs: Any, code_book: Any) -> tuple[Any, Any]:
    x, codes = alike("vq", obs, code_book)
    dtype = to_inexact(typeof(x).dtype)
    x, codes = (as_array(convert(v, dtype)) for v in (x, codes))
    if typeof(x).ndim == 1:
        x, codes = x[:, None], codes[:, None]
    squares = _squares(x[:, None] - codes)
    nearest = jnp.argmin(squares, -1).astype("int32")
    # Of the nearest code only: so the derivative doesn't visit the others.
    least = _squares(x - codes[nearest])
    # The square root has no derivative at 0: there 0 stands for it.
    return nearest, jnp.where(least == 0, 0, jnp.sqrt(jnp.where(least == 0, 1, least)))


def _squares(difference: Any) -> Any:
    return (difference.real**2 + difference.imag**2).sum(-1)
