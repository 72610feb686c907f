"""Sums of shifted products: convolution and correlation in one axis; covariance."""

import operator
from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._eager import jit_when_eager
from ._joining import concatenate
from ._logic import where
from ._manipulation import as_array, flip
from ._promotion import convert, promote_args_inexact, to_inexact, type_of
from ._sorting import alike

_MODES = ("full", "same", "valid")

# ---- convolution -------------------------------------------------------------------


@jit_when_eager(static_argnames=("mode", "precision", "preferred_element_type"))
def convolve(
    a: ArrayLike,
    v: ArrayLike,
    mode: str = "full",
    *,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Convolution of two sequences: ``sum(a[i] * v[k - i] for i)``.

    Args:
        a: ``[n]`` numbers; integers are taken as floating point.
        v: ``[m]`` numbers.
        mode: "full" gives every overlap, "same" as many results as the longer operand
            has elements, from the middle, "valid" only full overlaps.
        precision: of the products, as in `lax.conv_general_dilated`.
        preferred_element_type: dtype of the result.

    Returns:
        ``[n + m - 1]``, ``[max(n, m)]`` or ``[abs(n - m) + 1]``.

    Raises:
        ValueError: an operand is empty or has not one axis, or `mode` is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.convolve(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 1.0])).tolist()
        [1.0, 3.0, 5.0, 3.0]
    """
    x, y = _sequences("convolve", a, v, mode)
    options = precision, preferred_element_type
    return _overlaps(x, y, mode, (min(len(x), len(y)) - 1) // 2, *options)


@jit_when_eager(static_argnames=("mode", "precision", "preferred_element_type"))
def correlate(
    a: ArrayLike,
    v: ArrayLike,
    mode: str = "valid",
    *,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Correlation of two sequences: ``sum(a[k + i] * conj(v[i]) for i)``.

    Arguments and result are those of `convolve`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.correlate(jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 1.0])).tolist()
        [2.0, 3.0]
    """
    x, y = _sequences("correlate", a, v, mode)
    short = min(len(x), len(y))
    # Which of two middles is taken depends on which operand slides, as in NumPy.
    start = short // 2 if len(x) < len(y) else (short - 1) // 2
    options = precision, preferred_element_type
    return _overlaps(x, flip(y.conj()), mode, start, *options)


def _sequences(function: str, a: Any, v: Any, mode: str) -> list[Any]:
    types = type_of(function, "a", a), type_of(function, "v", v)
    if any(type.ndim != 1 or not type.size for type in types):
        raise value_error(
            f"{function}: `a` and `v` must have one axis and not be empty: `a` is "
            f"{types[0]!r}, `v` is {types[1]!r}."
        )
    if mode not in _MODES:
        raise value_error(
            f"{function}: `mode` must be 'full', 'same' or 'valid', got {mode!r}."
        )
    x, y = alike(function, a, v)
    dtype = to_inexact(typeof(x).dtype)
    return [as_array(convert(operand, dtype)) for operand in (x, y)]


def _overlaps(
    x: Any, y: Any, mode: str, start: int, precision: Any, preferred: Any
) -> Any:
    """Convolution by sliding the shorter operand along the longer one.

    Args:
        start: the first result of mode "same", counted among all.
    """
    if len(x) < len(y):
        x, y = y, x
    last = len(y) - 1
    pads = {"full": (last, last), "same": (last - start, start), "valid": (0, 0)}
    made = lax.conv_general_dilated(
        x[None, None],
        flip(y)[None, None],
        window_strides=(1,),
        padding=[pads[mode]],
        precision=precision,
        preferred_element_type=preferred,
    )
    return made[0, 0]


# ---- covariance --------------------------------------------------------------------


@jit_when_eager(static_argnames=("rowvar", "bias", "ddof", "dtype"))
def cov(
    m: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: ArrayLike | None = None,
    aweights: ArrayLike | None = None,
    dtype: DTypeLike | None = None,
) -> Array:
    """Estimated covariance matrix of variables.

    Args:
        m: ``[variables, observations]``, or ``[observations]`` of one variable.
        y: more variables, in the same form.
        rowvar: False if the observations are the rows.
        bias: divide by the number of observations rather than by one less.
        ddof: what to subtract from that number, instead of what `bias` says.
        fweights: ``[observations]`` integers, how often each was made.
        aweights: ``[observations]``, how much each weighs.
        dtype: of the result; at least floating point by default.

    Returns:
        ``[variables, variables]``, without axes for one variable. NaN if there are no
        more observations than `ddof`.

    Raises:
        TypeError: `fweights` are not integers.
        ValueError: an argument has too many axes, or sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cov(jnp.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    x = _variables("cov", m, y, rowvar, dtype)
    count = typeof(x).shape[1]
    weights = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        type = type_of("cov", name, given)
        if name == "fweights" and dtypes.kind(type.dtype) not in "iu":
            raise type_error(f"cov: `fweights` must be integers, got {type!r}.")
        if type.shape != (count,):
            raise value_error(
                f"cov: `{name}` must have one element for each of {count} "
                f"observations, got {type!r}."
            )
        weights = given if weights is None else weights * as_array(given)
    less = operator.index(not bias) if ddof is None else ddof
    if weights is None:
        mean = x.mean(axis=1, keepdims=True)
        norm: Any = count - less
        scaled = x = x - mean
    else:
        weights = convert(as_array(weights), x.real.dtype)
        total = weights.sum()
        x = x - (x * weights).sum(axis=1, keepdims=True) / total
        own = convert(1.0 if aweights is None else as_array(aweights), weights.dtype)
        norm = total - less * (weights * own).sum() / total
        scaled = x * weights
    made = (scaled @ x.conj().T) / where(as_array(norm) > 0, norm, np.nan)
    return made.reshape(()) if made.size == 1 else made


@jit_when_eager(static_argnames=("rowvar", "dtype"))
def corrcoef(
    x: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    dtype: DTypeLike | None = None,
) -> Array:
    """Correlation coefficients of variables: `cov` scaled to a diagonal of ones.

    Args:
        x: ``[variables, observations]``, or ``[observations]`` of one variable.
        y: more variables, in the same form.
        rowvar: False if the observations are the rows.
        dtype: of the result; at least floating point by default.

    Returns:
        ``[variables, variables]`` with parts between -1 and 1, without axes for one
        variable; NaN for variables that don't vary.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.corrcoef(jnp.array([[0.0, 1.0], [5.0, 3.0]])).round(3).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    scale = c.diagonal().real ** 0.5
    c = c / scale[:, None] / scale
    if dtypes.kind(c.dtype) != "c":
        return c.clip(-1, 1)
    return lax.complex(c.real.clip(-1, 1), c.imag.clip(-1, 1))


def _variables(function: str, m: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """All variables as rows of one inexact matrix."""
    rows = []
    for name, given in (("m", m), ("y", y)):
        if given is None:
            continue
        type = type_of(function, name, given)
        if type.ndim > 2:
            raise value_error(
                f"{function}: `{name}` must have at most two axes, got {type!r}."
            )
        x = as_array(given)
        x = x.reshape(1, -1) if type.ndim < 2 else x if rowvar else x.T
        rows.append(x)
    if len({typeof(x).shape[1] for x in rows}) > 1:
        raise value_error(
            f"{function}: `y` must have as many observations as `m`: `m` is "
            f"{typeof(m)!r}, `y` is {typeof(y)!r}."
        )
    (x,) = promote_args_inexact(function, concatenate(rows))
    return x if dtype is None else x.astype(dtype)
