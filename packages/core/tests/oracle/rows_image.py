"""Rows of `image`, against weights written out in NumPy."""

import numpy as np

from .rows import Row

RNG = np.random.default_rng(5)
LINE = RNG.normal(size=6)
PICTURE = RNG.normal(size=(3, 5))
SCALE = np.array([1.3, 0.45])
MOVE = np.array([-0.7, 0.6])

FULL_NAMES = {"bilinear": "linear", "bicubic": "cubic"}


def kernel(method, sharp, x):
    """Weight of a pixel at distance `x`."""
    if method == "linear":
        return np.clip(1 - x, 0, None)
    if method.startswith("lanczos"):
        radius = int(method[-1])
        return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)
    # Keys (1981), equation 4.
    a = -0.75 if sharp else -0.5
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def resampled_line(line, size, scale, move, method, antialias):
    """Pixel by pixel."""
    made = np.zeros(size, line.dtype)
    sharp = method == "cubic-pytorch" and not antialias
    margin = 2 if sharp else 0
    padded = np.pad(line, margin, mode="edge")
    for i in range(size):
        low, high = (i - move) / scale, (i + 1 - move) / scale
        middle = (low + high) / 2 - 0.5
        if not sharp and not -0.5 <= middle <= len(line) - 0.5:
            continue
        pixels = np.arange(len(padded)) - margin
        if method == "area":
            weights = np.minimum(high, pixels + 1) - np.maximum(low, pixels)
            weights = np.clip(weights, 0, None)
        else:
            width = max(1 / scale, 1) if antialias else 1
            weights = kernel(method, sharp, abs(pixels - middle) / width)
        if abs(weights.sum()) > 1e-4:
            made[i] = padded @ weights / weights.sum()
    return made


def scale_and_translate(
    image, shape, spatial_dims, scale, translation, method, antialias=True
):
    for axis, s, t in zip(spatial_dims, scale, translation, strict=True):
        image = np.apply_along_axis(
            resampled_line, axis, image, shape[axis], s, t, method, antialias
        )
    return image


def resize(image, shape, method, antialias=True):
    method = FULL_NAMES.get(method, method)
    if method == "nearest":
        for axis, size in enumerate(shape):
            old = image.shape[axis]
            image = image.take([int((i + 0.5) * old / size) for i in range(size)], axis)
        return image
    ratios = [new / old for new, old in zip(shape, image.shape, strict=True)]
    axes, moves = range(image.ndim), [0.0] * image.ndim
    return scale_and_translate(image, shape, axes, ratios, moves, method, antialias)


METHODS = ["linear", "cubic", "lanczos3", "lanczos5", "area", "cubic-pytorch"]


def resize_row(label, methods, shape, image=LINE, *, mapped=False, **options):
    return Row(
        "image.resize",
        (image,),
        lambda f, x: [f(x, shape, method, **options) for method in methods],
        resize,
        smooth=(0,),
        slack=4.0,
        mapped=mapped,
        label=label,
    )


def moved_row(label, methods, size, scale, move, **options):
    return Row(
        "image.scale_and_translate",
        (LINE, np.array([scale]), np.array([move])),
        lambda f, *args: [moved(f, args, size, m, **options) for m in methods],
        scale_and_translate,
        smooth=(0, 1, 2),
        slack=10.0,
        mapped=False,
        label=label,
    )


def moved(f, args, size, method, **options):
    image, scale, move = args
    return f(image, (size,), (0,), scale, move, method, **options)


ROWS = [
    resize_row("larger", ["nearest", *METHODS], (9,), mapped=True),
    resize_row("smaller", ["nearest", *METHODS], (4,)),
    resize_row("smaller, aliased", METHODS, (4,), antialias=False),
    resize_row("larger, aliased", METHODS[-1:], (9,), antialias=False),
    resize_row("of two axes", ["nearest", "bilinear"], (4, 4), PICTURE),
    resize_row("complex", ["bicubic"], (4, 5), PICTURE + 1j * PICTURE[:, ::-1]),
    resize_row("nothing to do", ["nearest", "linear"], (6,)),
    resize_row("to nothing", ["nearest", "area"], (0,)),
    resize_row("of one pixel", METHODS[-1:], (3,), LINE[:1], antialias=False),
    moved_row("larger", METHODS, 8, 1.3, 0.7),
    moved_row("smaller", METHODS, 5, 0.7, 0.4),
    moved_row("aliased", ["lanczos3", "cubic-pytorch"], 8, 0.45, 2.3, antialias=False),
    moved_row("out of sight", ["linear"], 4, 1.0, 40.0),
    Row(
        "image.scale_and_translate",
        (PICTURE, SCALE, MOVE),
        lambda f, x, s, t: f(x, (4, 3), (0, 1), s, t, "cubic"),
        scale_and_translate,
        smooth=(0, 1, 2),
        slack=10.0,
        label="two axes",
    ),
]
