"""Convolution and correlation along all axes, term by term or by Fourier transforms."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import dtypes, value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._manipulation import as_array, as_axes
from ...numpy._promotion import convert, to_inexact, type_of

_MODES = ("full", "same", "valid")
_METHODS = ("auto", "direct", "fft")


def convolve(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    method: str = "auto",
    precision: lax.PrecisionLike = None,
) -> Array:
    """Convolution along all axes: ``out[k] = sum(in1[i] * in2[k - i] for i)``.

    Args:
        in1: an array of numbers; integers are taken as floating point.
        in2: an array with as many axes.
        mode: "full" gives every overlap, ``n + m - 1`` along each axis; "same" those of
            the shape of `in1`, from the middle; "valid" only full overlaps,
            ``abs(n - m) + 1``.
        method: "direct" (and "auto") adds products up, "fft" is `fftconvolve`, faster
            where both operands are large and less accurate.
        precision: of the products, as in `lax.conv_general_dilated`.

    Returns:
        An array in the operands' common dtype.

    Raises:
        TypeError: an operand is no array.
        ValueError: the operands differ in their number of axes or are empty, `mode` or
            `method` is unknown, or in mode "valid" neither operand fits into the other.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> x, y = jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 1.0])
        >>> signal.convolve(x, y).tolist(), signal.convolve(x, y, "same").tolist()
        ([1.0, 3.0, 5.0, 3.0], [1.0, 3.0, 5.0])
    """
    x, y = _operands("convolve", in1, in2, mode)
    if _checked_method("convolve", method) == "fft":
        return _by_fft(x, y, mode=mode, axes=tuple(range(typeof(x).ndim)))
    return _direct("convolve", x, y, mode, precision)


def correlate(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    method: str = "auto",
    precision: lax.PrecisionLike = None,
) -> Array:
    """Correlation: ``out[k] = sum(in1[i + k - (m - 1)] * conj(in2[i]) for i)``.

    That is the convolution of `in1` with `in2` conjugated and reversed along each axis,
    of which ``m`` is the size in `in2`. Arguments, shapes and errors are those of
    `convolve`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> x, y = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 1.0])
        >>> signal.correlate(x, y).tolist()
        [1.0, 2.0, 3.0, 0.0]
    """
    x, y = _operands("correlate", in1, in2, mode)
    y = _reversed(y)
    if _checked_method("correlate", method) == "fft":
        return _by_fft(x, y, mode=mode, axes=tuple(range(typeof(x).ndim)))
    return _direct("correlate", x, y, mode, precision)


def convolve2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0,
    precision: lax.PrecisionLike = None,
) -> Array:
    """`convolve` of two matrices.

    Args:
        in1: ``[n, m]`` numbers.
        in2: ``[k, l]`` numbers.
        mode: as in `convolve`.
        boundary: "fill"; others are not supported.
        fillvalue: 0; others are not supported.
        precision: as in `convolve`.

    Raises:
        NotImplementedError: another `boundary` or `fillvalue`.
        ValueError: an operand has not two axes, or as in `convolve`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> signal.convolve2d(jnp.ones((2, 2)), jnp.ones((1, 2))).tolist()
        [[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]
    """
    x, y = _matrices("convolve2d", in1, in2, mode, boundary, fillvalue)
    return _direct("convolve2d", x, y, mode, precision)


def correlate2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0,
    precision: lax.PrecisionLike = None,
) -> Array:
    """`correlate` of two matrices, with the arguments of `convolve2d`.

    As in SciPy, mode "same" begins one element later than that of `correlate` along an
    axis of which `in2` has an even size, and mode "valid" conjugates the smaller
    operand, whichever it is.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> x, y = jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 1.0]])
        >>> signal.correlate2d(x, y).tolist()
        [[1.0, 2.0, 0.0]]
    """
    x, y = _matrices("correlate2d", in1, in2, mode, boundary, fillvalue)
    if mode == "valid" and any(map(operator.lt, x.shape, y.shape)):
        x, y = jnp.conj(x), jnp.conj(y)
    return _direct("correlate2d", x, _reversed(y), mode, precision, later=True)


def fftconvolve(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    axes: int | Sequence[int] | None = None,
) -> Array:
    """Convolution by Fourier transforms, of ``n log n`` steps.

    Args:
        in1: an array of numbers; integers are taken as floating point.
        in2: an array with as many axes.
        mode: as in `convolve`.
        axes: along which; by default all. Others have equal sizes.

    Returns:
        An array in the operands' common dtype. Errors are those of the largest
        elements, also where the result is small. Half precision is computed in float32.

    Raises:
        TypeError: an operand is no array.
        ValueError: the operands differ in their number of axes or in another axis,
            `axes` are not distinct axes, `mode` is unknown, or in mode "valid" neither
            operand fits into the other.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> signal.fftconvolve(jnp.ones(3), jnp.ones(2)).round(5).tolist()
        [1.0, 2.0, 2.0, 1.0]
    """
    function = "fftconvolve"
    x, y = _operands(function, in1, in2, mode, axes)
    ndim = typeof(x).ndim
    chosen = range(ndim) if axes is None else axes
    chosen = as_axes(function, chosen, ndim, "axes")
    return _by_fft(x, y, mode=mode, axes=chosen)


# ---- arguments ---------------------------------------------------------------------


def _operands(
    function: str, in1: Any, in2: Any, mode: str, axes: Any = None
) -> tuple[Any, Any]:
    """Both in one inexact dtype, checked to fit."""
    types = [type_of(function, n, v) for n, v in (("in1", in1), ("in2", in2))]
    shown = f"`in1` is {types[0]!r}, `in2` is {types[1]!r}."
    if types[0].ndim != types[1].ndim:
        raise value_error(
            f"{function}: `in1` and `in2` must have equally many axes: {shown}"
        )
    if mode not in _MODES:
        raise value_error(
            f"{function}: `mode` must be 'full', 'same' or 'valid', got {mode!r}."
        )
    ndim = types[0].ndim
    along = as_axes(function, range(ndim) if axes is None else axes, ndim, "axes")
    pairs = list(zip(types[0].shape, types[1].shape, strict=True))
    if mode == "valid" and not (
        all(pairs[i][0] >= pairs[i][1] for i in along)
        or all(pairs[i][0] <= pairs[i][1] for i in along)
    ):
        raise value_error(
            f"{function}: mode 'valid' wants one operand at least as large as the "
            f"other along every axis: {shown}"
        )
    for i, (n, m) in enumerate(pairs):
        if i not in along and n != m:
            raise value_error(
                f"{function}: sizes along axis {i}, which is not among `axes`, must be "
                f"equal: {shown}"
            )
    dtype, weak_type = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    dtype = to_inexact(dtype)
    x, y = (as_array(convert(v, dtype, weak_type)) for v in (in1, in2))
    return x, y


def _matrices(
    function: str, in1: Any, in2: Any, mode: str, boundary: str, fillvalue: Any
) -> tuple[Any, Any]:
    if boundary != "fill" or fillvalue != 0:
        raise NotImplementedError(
            f"{function}: only `boundary='fill'` with `fillvalue=0` is supported."
        )
    x, y = _operands(function, in1, in2, mode)
    if typeof(x).ndim != 2:
        raise value_error(
            f"{function}: `in1` and `in2` must have two axes: `in1` is "
            f"{typeof(in1)!r}, `in2` is {typeof(in2)!r}."
        )
    return x, y


def _checked_method(function: str, method: str) -> str:
    if method not in _METHODS:
        raise value_error(
            f"{function}: `method` must be 'auto', 'direct' or 'fft', got {method!r}."
        )
    return method


def _reversed(y: Any) -> Any:
    return jnp.flip(jnp.conj(y))


# ---- term by term ------------------------------------------------------------------


def _direct(
    function: str, x: Any, y: Any, mode: str, precision: Any, later: bool = False
) -> Any:
    shapes = typeof(x).shape, typeof(y).shape
    if 0 in shapes[0] + shapes[1]:
        raise value_error(
            f"{function}: `in1` and `in2` must not be empty: `in1` is {typeof(x)!r}, "
            f"`in2` is {typeof(y)!r}."
        )
    if not shapes[0]:
        return x * y
    if mode == "valid" and any(map(operator.lt, *shapes)):
        x, y = y, x
    return _overlaps(x, y, mode=mode, later=later, precision=precision)


@jit_when_eager(static_argnames=("mode", "later", "precision"))
def _overlaps(x: Any, y: Any, *, mode: str, later: bool, precision: Any) -> Any:
    pads = []
    for m in typeof(y).shape:
        # The first element of mode "same", counted among all overlaps.
        start = m // 2 if later else (m - 1) // 2
        same = (m - 1 - start, start)
        pads.append({"full": (m - 1, m - 1), "same": same, "valid": (0, 0)}[mode])
    made = lax.conv_general_dilated(
        x[None, None],
        jnp.flip(y)[None, None],
        window_strides=(1,) * len(pads),
        padding=pads,
        precision=precision,
    )
    return made[0, 0]


# ---- by Fourier transforms ---------------------------------------------------------


@jit_when_eager(static_argnames=("mode", "axes"))
def _by_fft(x: Any, y: Any, *, mode: str, axes: tuple[int, ...]) -> Any:
    if not axes:
        return x * y
    dtype = typeof(x).dtype
    if dtype.itemsize < 4:
        x, y = (convert(v, np.dtype("float32")) for v in (x, y))
    shapes = typeof(x).shape, typeof(y).shape
    sizes = [tuple(shape[i] for i in axes) for shape in shapes]
    full = [max(n + m - 1, 0) for n, m in zip(*sizes, strict=True)]
    points = [_fast_size(n) for n in full]
    forward, inverse = jnp.fft.rfftn, jnp.fft.irfftn
    if dtypes.kind(dtype) == "c":
        forward, inverse = jnp.fft.fftn, jnp.fft.ifftn
    spectra = [forward(v, points, axes) for v in (x, y)]
    made = inverse(spectra[0] * spectra[1], points, axes)
    for axis, size, n, m in zip(axes, full, *sizes, strict=True):
        wanted = {"full": size, "same": n, "valid": abs(n - m) + 1}[mode]
        start = (size - wanted) // 2
        made = lax.slice_in_dim(made, start, start + wanted, axis=axis)
    return convert(made, dtype)


def _fast_size(size: int) -> int:
    """The least number of at least `size` without prime factors above 5."""
    size = max(size, 1)
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1
