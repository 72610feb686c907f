"""Images of another size: every method, dtypes, scales, wrong arguments."""

import numpy as np

METHODS = [
    "nearest",
    "linear",
    "cubic",
    "lanczos3",
    "lanczos5",
    "area",
    "cubic-pytorch",
    "bicubic",
]
DTYPES = ["bool", "uint8", "int32", "float16", "bfloat16", "complex64"]


def programs(api):
    core, jnp = api.core, api.jnp
    image = api.image
    line = jnp.array([0.5, 2.0, -1.0, 3.0, 0.0, 1.5])
    picture = jnp.arange(24.0).reshape(4, 6) ** 1.5
    scale, move = jnp.array([1.3]), jnp.array([0.4])

    for name in METHODS:
        yield (
            f"resize by {name}",
            lambda name=name: [
                image.resize(picture, shape, name, antialias)
                for shape in [(7, 4), (4, 13), (1, 1)]
                for antialias in (True, False)
            ],
        )
        yield (
            f"resize by {name}, dtypes",
            lambda name=name: [
                image.resize(line.astype(dtype), (4,), name) for dtype in DTYPES
            ],
        )
        yield (
            f"grad of resize by {name}",
            lambda name=name: core.grad(
                lambda x: jnp.sum(image.resize(x, (4,), name) ** 2)
            )(line),
        )
    for name in METHODS[1:]:
        yield (
            f"scale and translate by {name}",
            lambda name=name: [
                image.scale_and_translate(
                    picture,
                    (5, 8),
                    (0, 1),
                    jnp.array([1.7, s]),
                    jnp.array([-1, t]),
                    name,
                )
                for s in (0.4, 1.0, 2.1)
                for t in (-2.0, 0.0, 3.25)
            ],
        )
    for name in ("cubic", "lanczos3"):
        yield (
            f"slopes by scale and translation, {name}",
            lambda name=name: core.jacfwd(
                lambda s, t: image.scale_and_translate(line, (8,), (0,), s, t, name),
                (0, 1),
            )(scale, move),
        )
    yield "resize of a scalar", lambda: image.resize(1.5, (), "linear")
    yield "resize to nothing", lambda: image.resize(line, (0,), "linear")
    yield "resize to an integer", lambda: image.resize(line, 4, "linear")
    yield "resize of numpy doubles", lambda: image.resize(np.ones(3), (4,), "linear")
    yield (
        "resize of integers to itself",
        lambda: image.resize(jnp.arange(3), (3,), "linear"),
    )
    yield (
        "scaled integers",
        lambda: image.scale_and_translate(
            jnp.arange(4), (6,), (-1,), jnp.array([2]), jnp.array([1]), "linear"
        ),
    )
    yield (
        "scaled half",
        lambda: image.scale_and_translate(
            line.astype("float16"), (6,), (0,), scale, move, "linear"
        ),
    )
    yield (
        "scaled by nearest",
        lambda: image.scale_and_translate(line, (6,), (0,), scale, move, "nearest"),
    )
    yield (
        "scaled by lists",
        lambda: image.scale_and_translate(line, (6,), (0,), [1.0], [0.0], "linear"),
    )
    yield (
        "scaled along no axis",
        lambda: image.scale_and_translate(line, (6,), (3,), scale, move, "linear"),
    )
    yield (
        "names of methods",
        lambda: [image.ResizeMethod.from_string(name).value for name in METHODS],
    )
    yield "an unknown method", lambda: image.resize(line, (3,), "spline")
    yield "an unknown name", lambda: image.ResizeMethod.from_string("Linear")
    yield "a shape too long", lambda: image.resize(line, (3, 3), "linear")
    yield "a size that is no integer", lambda: image.resize(line, (3.5,), "linear")
