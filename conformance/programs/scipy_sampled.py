"""Sampling, interpolation, quantization and rotations."""

import numpy as np

DTYPES = ["bool", "int32", "uint8", "float16", "bfloat16", "float32", "complex64"]
MODES = ["constant", "nearest", "wrap", "mirror", "reflect"]


def programs(api):
    jnp = api.jnp
    line = jnp.array([1.0, 2.0, 4.0, 7.0])
    plate = jnp.arange(12.0).reshape(3, 4) ** 1.5
    places = jnp.array([-2.5, -1.3, -0.4, 0.6, 2.5, 3.4, 4.2, 9.7])
    yield from _sampling(api, line, plate, places)
    yield from _quantization(api, plate)
    yield from _interpolation(api, plate)
    yield from _rotations(api)
    trapezoid = api.module("scipy.integrate").trapezoid
    yield (
        "trapezoid",
        lambda: [
            trapezoid(jnp.arange(4)),
            trapezoid(plate, dx=0.5, axis=0),
            trapezoid(plate, x=line),
            trapezoid(line.astype("float16"), x=line),
            trapezoid(jnp.arange(4), x=line),
            trapezoid(line * 1j),
        ],
    )
    yield "trapezoid of lists", lambda: trapezoid([1.0, 2.0])


def _sampling(api, line, plate, places):
    core, jnp = api.core, api.jnp
    sample = api.module("scipy.ndimage").map_coordinates
    for mode in MODES:
        yield (
            f"samples, {mode}",
            lambda mode=mode: [sample(line, [places], order, mode) for order in (0, 1)],
        )
        yield (
            f"samples of a plate, {mode}",
            lambda mode=mode: sample(
                plate, jnp.stack([places, places[::-1]]), 1, mode, cval=2.5
            ),
        )
    yield (
        "samples by dtype",
        lambda: [
            sample(plate.astype(d), [jnp.array([0.5, 1.5, -1]).astype(c)] * 2, order)
            for d in DTYPES
            for c in ("int32", "float32", "float16")
            for order in (0, 1)
        ],
    )
    yield (
        "samples of integers, filled",
        lambda: sample(plate.astype(int), [places, places], 1, cval=7.6),
    )
    yield (
        "samples at broadcast places",
        lambda: sample(plate, [jnp.ones((3, 1)), jnp.ones((1, 2))], 1),
    )
    yield "samples at numbers", lambda: sample(line, [1.5], 1)
    yield (
        "slopes of samples",
        lambda: core.jacrev(lambda x, at: sample(x, [at, at], 1, "reflect"), (0, 1))(
            plate, places
        ),
    )
    yield "samples of order 2", lambda: sample(line, [places], 2)
    yield "samples in an unknown mode", lambda: sample(line, [places], 1, "grid-wrap")
    yield "samples at few coordinates", lambda: sample(plate, [places], 1)
    yield "samples at complex places", lambda: sample(line, [places * 1j], 1)


def _quantization(api, plate):
    jnp = api.jnp
    vq = api.module("scipy.cluster.vq").vq
    book = plate[1:] + 0.25
    yield (
        "vq",
        lambda: [
            vq(plate, book),
            vq(plate[0], book[0]),
            vq(plate.astype(int), book),
            vq(plate.astype(int), book.astype(int)),
            vq(plate.astype("float16"), book.astype("float16")),
            vq(plate.astype("float16"), book.astype("bfloat16")),
            vq(plate * 1j, book),
            vq(plate * jnp.nan, book),
            vq(plate[:0], book),
            vq(plate[:, :0], book[:, :0]),
        ],
    )
    yield "vq of different ranks", lambda: vq(plate, book[0])
    yield "vq of three axes", lambda: vq(plate[None], book[None])
    yield "vq by no code", lambda: vq(plate, book[:0])
    yield "vq of lists", lambda: vq([[1.0]], jnp.ones((1, 1)))


def _interpolation(api, plate):
    core, jnp = api.core, api.jnp
    make = api.module("scipy.interpolate").RegularGridInterpolator
    grid = jnp.array([0.0, 1.0, 3.0]), jnp.array([-1.0, 0.0, 0.5, 2.0])
    points = jnp.array([[0.5, 0.2], [2.0, 1.9], [5.0, 1.0], [0.0, -1.0], [3.0, 2.0]])
    yield (
        "interpolation",
        lambda: [
            make(grid, plate)(points),
            make(grid, plate, method="nearest")(points),
            make(grid, plate, fill_value=None)(points),
            make(grid, plate, fill_value=-1)(points),
            make(grid, jnp.stack([plate, plate**2], -1))(points),
            make(grid, plate)(points, method="nearest"),
            make(grid, plate)((points[:, 0], points[:1, 1])),
            make(grid, plate)(points.reshape(5, 1, 2)),
            make(grid, plate)(points[0]),
        ],
    )
    yield (
        "interpolation by dtype",
        lambda: [
            make(grid, plate.astype(d))(p)
            for d in ("int32", "float16", "complex64")
            for p in (points, jnp.array([[1, 1]]))
        ],
    )
    yield "interpolation at nan", lambda: make(grid, plate)(points * jnp.nan)
    yield "leaves of an interpolator", lambda: core.tree.leaves(make(grid, plate))
    yield "slopes of interpolation", lambda: core.jacfwd(make(grid, plate))(points[:2])
    yield "interpolation by cubes", lambda: make(grid, plate, method="cubic")
    yield "interpolation that raises", lambda: make(grid, plate, bounds_error=True)
    yield "interpolation of few axes", lambda: make(grid * 2, plate)
    yield "interpolation filled by i", lambda: make(grid, plate, fill_value=1j)
    yield "interpolation at three coordinates", lambda: make(grid, plate)(plate[:, 1:])
    yield "interpolation at lists", lambda: make(grid, plate)([[0.5, 0.5]])


def _rotations(api):
    core, jnp = api.core, api.jnp
    module = api.module("scipy.spatial.transform")
    make, path = module.Rotation, module.Slerp
    quat = jnp.array([[1.0, 2, 3, 4], [0, 0, 1, 1], [0.5, -0.5, 0.5, -0.5]])
    r = make.from_quat(quat)
    vectors = jnp.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.1, 0.2, 0.3]])
    yield (
        "rotations from quaternions",
        lambda: [
            make.from_quat(q).quat
            for q in (quat, quat[0], jnp.zeros(4), jnp.array([0, 0, 1, 1]), quat[None])
        ],
    )
    yield (
        "quaternions of rotations",
        lambda: [
            r.as_quat(),
            r.as_quat(canonical=True),
            r.as_quat(scalar_first=True),
            make(quat).quat,
            make(quat).as_quat(canonical=True),
        ],
    )
    yield "matrices", lambda: [r.as_matrix(), make.from_matrix(r.as_matrix()).quat]
    yield (
        "matrices of half turns",
        lambda: [
            make.from_matrix(jnp.diag(jnp.array(d))).quat
            for d in ([1, -1, -1], [-1.0, 1, -1], [-1.0, -1, 1], [2.0, 1, 1])
        ],
    )
    yield (
        "rotation vectors",
        lambda: [
            r.as_rotvec(),
            r[0].as_rotvec(degrees=True),
            make.from_rotvec(vectors).quat,
            make.from_rotvec(vectors[0] * 7, degrees=True).quat,
            make.from_rotvec(jnp.zeros(3)).quat,
            make.from_rotvec(jnp.array([1, 0, 0])).quat,
        ],
    )
    yield "Rodrigues parameters", lambda: [r.as_mrp(), make.from_mrp(vectors).quat]
    yield (
        "angles around axes",
        lambda: [
            [r[:2].as_euler(s), make.from_euler(s, vectors / 3).quat]
            for s in ("xyz", "ZYX", "zxz", "XYX")
        ],
    )
    yield (
        "few angles around axes",
        lambda: [
            make.from_euler("x", 0.5).quat,
            make.from_euler("x", 90, degrees=True).quat,
            make.from_euler("x", jnp.array([[0.1], [0.2]])).quat,
            make.from_euler("XY", jnp.array([10, 20]), True).quat,
            r[0].as_euler("xyz", degrees=True),
        ],
    )
    yield (
        "composition",
        lambda: [
            (r * r[0]).quat,
            (r[1] * r[0]).quat,
            r.inv().quat,
            r.magnitude(),
            r[jnp.array([2, 0])].quat,
            len(r),
            [r.single, r[0].single],
            make.concatenate([r, r[:1]]).quat,
        ],
    )
    yield (
        "turned vectors",
        lambda: [
            r.apply(vectors),
            r.apply(vectors[0]),
            r[0].apply(vectors, inverse=True),
            r[0].apply(jnp.array([1, 0, 0])),
            r.apply(vectors.astype("float16")),
        ],
    )
    yield (
        "the mean rotation",
        lambda: [
            r.mean().as_matrix(),
            r.mean(jnp.array([1, 2, 3])).as_matrix(),
        ],
    )
    yield "rotations by nothing", lambda: make.identity().quat
    yield (
        "rotations under vmap",
        lambda: core.vmap(lambda q, v: make.from_quat(q).apply(v))(quat, vectors),
    )
    yield (
        "slopes of a turned vector",
        lambda: core.jacrev(lambda q: make.from_quat(q).apply(vectors[0]))(quat[0]),
    )
    yield "axes of both kinds", lambda: make.from_euler("xyZ", vectors)
    yield "axes twice", lambda: make.from_euler("xxy", vectors)
    yield "no axes", lambda: make.from_euler("abc", vectors)
    yield "four axes", lambda: make.from_euler("xyzx", vectors)
    yield "few angles", lambda: make.from_euler("xyz", vectors[:, :2])
    yield "one axis for three angles", lambda: r.as_euler("x")
    yield "length of a single rotation", lambda: len(r[0])
    yield "part of a single rotation", lambda: r[0][0]
    yield "three weights for two", lambda: r.mean(jnp.ones(2))
    yield "vectors of four", lambda: r.apply(jnp.ones(4))
    times = jnp.array([0.0, 1.0, 3.0])
    yield (
        "paths",
        lambda: [
            path.init(times, r)(t).quat for t in (jnp.array([0.5, 2.0, -1.0]), 0.5)
        ],
    )
    yield (
        "parts of a path",
        lambda: [
            *path.init(times, r)[:2],
            path.init(times, r).rotvecs,
        ],
    )
    yield "paths in whole steps", lambda: path.init(jnp.array([0, 1, 3]), r)(2).quat
    yield "a path of one", lambda: path.init(times[:1], r[:1])
    yield "a path with few times", lambda: path.init(times[:2], r)
    yield "a path at two axes", lambda: path.init(times, r)(np.ones((2, 2)))
