"""Rows of what samples: `scipy.ndimage`, `interpolate`, `integrate`, `cluster.vq`."""

import numpy as np
import scipy.ndimage

from .rows import Row

RNG = np.random.default_rng(11)
PLATE = RNG.normal(size=(3, 4))
PLACES = RNG.uniform(-5, 8, size=(2, 7))
INSIDE = RNG.uniform(0.1, 1.9, size=(2, 7))
LINES = np.array([0.0, 0.5, 2.0]), np.array([-1.0, 0.0, 0.25, 3.0])
POINTS = np.stack([RNG.uniform(-0.3, 2.2, 9), RNG.uniform(-1.3, 3.2, 9)], 1)
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
# What SciPy calls the modes whose names mean something else there.
NAMES = {"constant": "grid-constant", "wrap": "grid-wrap"}


def map_coordinates(input, coordinates, order, mode, cval=0.0):
    return scipy.ndimage.map_coordinates(
        input, coordinates, order=order, mode=NAMES.get(mode, mode), cval=cval
    )


def sampled(label, input, places, order, modes=MODES, smooth=(), **options):
    return Row(
        "scipy.ndimage.map_coordinates",
        (input, places),
        lambda f, x, at: [f(x, at, order, mode, **options) for mode in modes],
        map_coordinates,
        smooth=smooth,
        mapped=modes != MODES,
        slack=20.0,
        label=label,
    )


def gridded(label, values, *, smooth=(), **options):
    def call(f, values, points, *lines):
        return f(lines, values, bounds_error=False, **options)(points)

    return Row(
        "scipy.interpolate.RegularGridInterpolator",
        (values, POINTS, *LINES),
        call,
        smooth=smooth,
        mapped=not options,
        slack=10.0,
        label=label,
    )


ROWS = [
    sampled("nearest", PLATE, PLACES, 0),
    sampled("linear", PLATE, PLACES, 1),
    sampled("smooth", PLATE, INSIDE, 1, ["constant"], smooth=(0, 1)),
    sampled("complex", PLATE + 1j * PLATE[::-1], PLACES, 1, ["mirror"]),
    sampled("filled", PLATE, PLACES, 1, ["constant"], cval=2.5),
    sampled("of one element", PLATE[:1, :1], PLACES, 1),
    sampled("of integers", np.arange(8) ** 2, PLACES[:1] + 0.01, 1, ["wrap"]),
    gridded("by default", PLATE),
    gridded("beyond", PLATE, smooth=(0, 1), fill_value=None),
    gridded("filled", PLATE, fill_value=-1.0),
    gridded("of vectors", np.stack([PLATE, PLATE**2], -1), method="linear"),
    gridded("nearest", PLATE, method="nearest"),
    Row("scipy.integrate.trapezoid", (PLATE,), smooth=(0,)),
    Row(
        "scipy.integrate.trapezoid",
        (PLATE, LINES[0]),
        lambda f, y, x: f(y, x, axis=0),
        smooth=(0, 1),
        label="along an axis",
    ),
    Row(
        "scipy.cluster.vq.vq",
        (RNG.normal(size=(6, 3)), RNG.normal(size=(4, 3))),
        smooth=(),
    ),
    Row(
        "scipy.cluster.vq.vq",
        (PLATE[0], PLATE[1, :3]),
        lambda f, x, c: f(x, c)[1],
        smooth=(0, 1),
        label="of one feature",
    ),
]
