"""Images of another size: every axis resampled by weights of its own.

An output pixel is a weighted mean of the input pixels around its place, with weights
from a kernel. Where the image shrinks, antialiasing widens the kernel to the distance
of the output pixels, so that no input pixel is passed over.
"""

import enum
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import lax, numpy as jnp
from ._ir import ArrayType, dtypes, type_error, value_error
from ._tracing import typeof
from .numpy._array_like import Array, ArrayLike
from .numpy._eager import jit_when_eager
from .numpy._manipulation import as_array, as_axes, as_shape
from .numpy._promotion import convert, to_inexact, type_of

__all__ = ["ResizeMethod", "resize", "scale_and_translate"]
__dir__ = __all__.copy


class ResizeMethod(enum.Enum):
    """How pixels are weighted.

    Attributes:
        NEAREST: the one nearest pixel counts.
        LINEAR: a triangle over two pixels.
        LANCZOS3: a windowed sinc over six pixels.
        LANCZOS5: a windowed sinc over ten pixels.
        CUBIC: Keys' cubic over four pixels, which reproduces parabolas.
        CUBIC_PYTORCH: a sharper cubic over four pixels that sees the pixels at the
            border repeated beyond it; with antialiasing the same as `CUBIC`.
        AREA: a pixel counts by how much of it the output pixel covers.
    """

    NEAREST = 0
    LINEAR = 1
    LANCZOS3 = 2
    LANCZOS5 = 3
    CUBIC = 4
    CUBIC_PYTORCH = 5
    AREA = 6

    @staticmethod
    def from_string(s: str) -> "ResizeMethod":
        """The method of this name.

        Args:
            s: "nearest", "linear" (also "bilinear", "trilinear", "triangle"), "cubic"
                (also "bicubic", "tricubic"), "lanczos3", "lanczos5", "cubic-pytorch" or
                "area".

        Raises:
            ValueError: there is no such method.

        Example:
            >>> from dolmen.core import image
            >>> image.ResizeMethod.from_string("bilinear")
            <ResizeMethod.LINEAR: 1>
        """
        return _method("ResizeMethod.from_string", s)


_SYNONYMS = {
    "bilinear": "linear",
    "trilinear": "linear",
    "triangle": "linear",
    "bicubic": "cubic",
    "tricubic": "cubic",
}
_NAMES = {m.name.lower().replace("_", "-"): m for m in ResizeMethod}


def _method(function: str, given: Any) -> ResizeMethod:
    if isinstance(given, ResizeMethod):
        return given
    made = None
    if isinstance(given, str):
        made = _NAMES.get(_SYNONYMS.get(given, given))
    if made is None:
        raise value_error(
            f"{function}: there is no method {given!r:.60}.",
            f"Use one of {', '.join(map(repr, [*_NAMES, *_SYNONYMS]))}.",
        )
    return made


def resize(
    image: ArrayLike,
    shape: Any,
    method: str | ResizeMethod,
    antialias: bool = True,
    precision: lax.PrecisionLike = lax.Precision.HIGHEST,
) -> Array:
    """An image of another size.

    Pixels are squares, and the whole image is stretched: the outer edges of the first
    and last pixels stay the edges.

    Args:
        image: numbers with any axes; those of batches and channels just keep their
            sizes.
        shape: size of each axis of the result.
        method: a `ResizeMethod` or its name, as in `ResizeMethod.from_string`.
        antialias: where an axis shrinks, widen the kernel; without effect on "nearest"
            and "area".
        precision: of the products, as in `lax.dot_general`.

    Returns:
        An array of shape `shape` in the dtype of `image`; floating point for integers,
        unless `method` is "nearest".

    Raises:
        TypeError: a size is not an integer.
        ValueError: `shape` has not one size for each axis, a size is negative, an empty
            axis must grow, or there is no such `method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import image
        >>> image.resize(jnp.array([0.0, 2.0]), (4,), "linear").tolist()
        [0.0, 0.5, 1.5, 2.0]
        >>> image.resize(jnp.array([[1, 2]]), (1, 4), "nearest").tolist()
        [[1, 1, 2, 2]]
    """
    type = type_of("resize", "image", image)
    sizes = _sizes("resize", type, shape)
    chosen = _method("resize", method)
    axes = [i for i in range(type.ndim) if sizes[i] != type.shape[i]]
    if any(sizes[i] and not type.shape[i] for i in axes):
        raise value_error(
            f"resize: an empty axis has no pixels to fill shape {sizes} from: `image` "
            f"is {type!r}."
        )
    if chosen is ResizeMethod.NEAREST:
        return _nearest(image, axes=tuple(axes), sizes=sizes)
    ratios = [sizes[i] / max(type.shape[i], 1) for i in axes]
    return _resampled(
        image,
        ratios,
        [0.0] * len(axes),
        axes=tuple(axes),
        sizes=sizes,
        method=chosen,
        antialias=bool(antialias),
        precision=precision,
    )


def scale_and_translate(
    image: ArrayLike,
    shape: Any,
    spatial_dims: Sequence[int],
    scale: ArrayLike,
    translation: ArrayLike,
    method: str | ResizeMethod,
    antialias: bool = True,
    precision: lax.PrecisionLike = lax.Precision.HIGHEST,
) -> Array:
    """An image scaled and moved, seen through a window of another size.

    Place ``x`` along an axis of `image` comes to ``scale * x + translation``; pixel
    ``i`` is the square between ``i`` and ``i + 1``. Output pixels whose middle falls
    outside of `image` are 0, as is its surrounding.

    Args:
        image: numbers.
        shape: size of each axis of the result.
        spatial_dims: the axes that are scaled; the others keep their sizes.
        scale: ``[len(spatial_dims)]`` real numbers.
        translation: ``[len(spatial_dims)]`` real numbers, in output pixels.
        method: a `ResizeMethod` or its name; not "nearest".
        antialias: where an axis shrinks, widen the kernel.
        precision: of the products, as in `lax.dot_general`.

    Returns:
        A floating-point array of shape `shape`, differentiable by `image`, `scale` and
        `translation`.

    Raises:
        TypeError: a size or an axis is not an integer, or `scale` or `translation` is
            complex.
        ValueError: shapes don't match, `spatial_dims` are not distinct axes, or there
            is no such `method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import image
        >>> x, one, two = jnp.array([1.0, 2.0, 4.0]), jnp.ones(1), jnp.array([2.0])
        >>> image.scale_and_translate(x, (4,), (0,), one, two, "linear").tolist()
        [0.0, 0.0, 1.0, 2.0]
    """
    function = "scale_and_translate"
    type = type_of(function, "image", image)
    sizes = _sizes(function, type, shape)
    axes = as_axes(function, tuple(spatial_dims), type.ndim, "spatial_dims")
    for name, given in (("scale", scale), ("translation", translation)):
        found = type_of(function, name, given)
        if dtypes.kind(found.dtype) == "c":
            raise type_error(f"{function}: `{name}` must be real, got {found!r}.")
        if found.shape != (len(axes),):
            raise value_error(
                f"{function}: `{name}` must have one element for each of "
                f"{len(axes)} spatial axes, got {found!r}."
            )
    for axis in range(type.ndim):
        if axis not in axes and sizes[axis] != type.shape[axis]:
            raise value_error(
                f"{function}: `shape` must keep the size of axis {axis}, which is not "
                f"among `spatial_dims`: {sizes[axis]} != {type.shape[axis]}."
            )
    chosen = _method(function, method)
    if chosen is ResizeMethod.NEAREST:
        raise value_error(
            f"{function}: `method` must not be 'nearest'.",
            "Use `resize`, or another method.",
        )
    return _resampled(
        image,
        scale,
        translation,
        axes=axes,
        sizes=sizes,
        method=chosen,
        antialias=bool(antialias),
        precision=precision,
    )


def _sizes(function: str, type: ArrayType, shape: Any) -> tuple[int, ...]:
    sizes = as_shape(function, shape)
    if len(sizes) != type.ndim or min(sizes, default=0) < 0:
        raise value_error(
            f"{function}: `shape` must have a size for each of {type.ndim} axes of "
            f"`image`, none negative, got {sizes}."
        )
    return sizes


# ---- resampling --------------------------------------------------------------------


@jit_when_eager(static_argnames=("axes", "sizes"))
def _nearest(image: Any, *, axes: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    for axis in axes:
        size, wanted = typeof(image).shape[axis], sizes[axis]
        # The pixel below (i + 1/2) * size / wanted, without rounding.
        places = (2 * np.arange(wanted) + 1) * size // (2 * max(wanted, 1))
        image = jnp.take(image, places.astype(np.int32), axis, mode="clip")
    return as_array(image)


@jit_when_eager(
    static_argnames=("axes", "sizes", "method", "antialias", "precision"),
)
def _resampled(
    image: Any,
    scale: Any,
    translation: Any,
    *,
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    method: ResizeMethod,
    antialias: bool,
    precision: Any,
) -> Any:
    image = as_array(convert(image, to_inexact(typeof(image).dtype)))
    dtype = typeof(image).dtype
    # Places of far pixels need more digits than half precision has.
    exact = np.dtype("float64" if dtype.name in _DOUBLE else "float32")
    for n, axis in enumerate(axes):
        s, t = (as_array(convert(v[n], exact)) for v in (scale, translation))
        size, wanted = typeof(image).shape[axis], sizes[axis]
        if method is ResizeMethod.CUBIC_PYTORCH and not antialias:
            widths = [(0, 0)] * typeof(image).ndim
            widths[axis] = (_BORDER, _BORDER)
            image = jnp.pad(image, widths, mode="edge")
            weights = _sharp_cubic_weights(size, wanted, s, t)
        elif method is ResizeMethod.AREA:
            weights = _overlaps(size, wanted, s, t)
        else:
            weights = _kernel_weights(_KERNELS[method], size, wanted, s, t, antialias)
        image = jnp.tensordot(
            image, convert(weights, dtype), (axis, 0), precision=precision
        )
        image = jnp.moveaxis(image, -1, axis)
    return image


# ---- weights: matrices [pixels of the input, pixels of the output] -----------------


def _kernel_weights(
    kernel: Callable[[Any], Any],
    size: int,
    wanted: int,
    scale: Any,
    translation: Any,
    antialias: bool,
) -> Any:
    distances, middles = _distances(range(size), wanted, scale, translation)
    width = jnp.maximum(1 / scale, 1) if antialias else 1
    return _within(middles, size, _normalized(kernel(distances / width)))


def _sharp_cubic_weights(size: int, wanted: int, scale: Any, translation: Any) -> Any:
    pixels = range(-_BORDER, size + _BORDER)
    distances, _ = _distances(pixels, wanted, scale, translation)
    return _normalized(_cubic(distances, -0.75))


def _overlaps(size: int, wanted: int, scale: Any, translation: Any) -> Any:
    """How much of each input pixel lies in each output pixel."""
    edges = (_ramp(range(wanted + 1), scale) - translation) / scale
    first = _ramp(range(size), scale)[:, None]
    shared = jnp.minimum(edges[1:], first + 1) - jnp.maximum(edges[:-1], first)
    middles = (edges[1:] + edges[:-1]) / 2 - 0.5
    return _within(middles, size, _normalized(jnp.maximum(shared, 0)))


def _distances(pixels: range, wanted: int, scale: Any, translation: Any) -> Any:
    """From input pixels to the middles of output pixels; those middles."""
    middles = (_ramp(range(wanted), scale) + 0.5 - translation) / scale - 0.5
    return abs(middles - _ramp(pixels, scale)[:, None]), middles


def _ramp(values: range, like: Any) -> Any:
    """Consecutive integers, in the dtype of `like`."""
    return lax.iota(typeof(like).dtype, len(values)) + values.start


def _normalized(weights: Any) -> Any:
    """Weights of sum 1 for each output pixel; zeros where no input pixel is seen."""
    total = weights.sum(0)
    is_seen = abs(total) > 1000 * float(jnp.finfo(np.float32).eps)
    return jnp.where(is_seen, weights / jnp.where(is_seen, total, 1), 0)


def _within(middles: Any, size: int, weights: Any) -> Any:
    """Zeros for output pixels whose middle is outside of the image."""
    return jnp.where((middles >= -0.5) & (middles <= size - 0.5), weights, 0)


# ---- kernels: weight of a pixel at a distance >= 0 ---------------------------------


def _triangle(x: Any) -> Any:
    return jnp.maximum(1 - x, 0)


def _lanczos(x: Any, radius: int) -> Any:
    """Lanczos' kernel: a sinc under the middle lobe of a wider one."""
    return jnp.where(x < radius, jnp.sinc(x) * jnp.sinc(x / radius), 0)


def _cubic(x: Any, a: float) -> Any:
    """Keys' kernel of slope `a` at distance 1.

    Source: Keys, "Cubic convolution interpolation for digital image processing", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 29 (1981), equation 4, of
    which ``a = -1/2`` is the most accurate.
    """
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return jnp.where(x < 1, near, jnp.where(x < 2, far, 0))


_KEYS = functools.partial(_cubic, a=-0.5)
_KERNELS: dict[ResizeMethod, Callable[[Any], Any]] = {
    ResizeMethod.LINEAR: _triangle,
    ResizeMethod.LANCZOS3: functools.partial(_lanczos, radius=3),
    ResizeMethod.LANCZOS5: functools.partial(_lanczos, radius=5),
    ResizeMethod.CUBIC: _KEYS,
    ResizeMethod.CUBIC_PYTORCH: _KEYS,
}
# How far a cubic kernel reaches beyond the pixels at the border.
_BORDER = 2
_DOUBLE = ("float64", "complex128")
