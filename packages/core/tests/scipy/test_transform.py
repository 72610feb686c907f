"""Rotations in space and paths through them, against SciPy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial import transform as oracle

import dolmen.core as dc
from dolmen.core import numpy as jnp, random
from dolmen.core.scipy.spatial.transform import Rotation, Slerp

QUATERNIONS = np.random.default_rng(2).normal(size=(5, 4))
VECTORS = np.random.default_rng(3).normal(size=(5, 3))
ORDERS = ["xyz", "yxz", "zyx", "XYZ", "XZY", "zxz", "YZY"]


@pytest.fixture(autouse=True)
def double_precision():
    with dc.enable_x64(True):
        yield


def ours():
    return Rotation.from_quat(QUATERNIONS)


def theirs():
    return oracle.Rotation.from_quat(QUATERNIONS)


def assert_same_rotations(made, expected):
    signs = np.sign((made.as_quat() * expected.as_quat()).sum(-1, keepdims=True))
    assert_allclose(made.as_quat() * signs, expected.as_quat(), atol=1e-12)


@pytest.mark.parametrize(
    "describe",
    [
        lambda r: r.as_quat(),
        lambda r: r.as_quat(canonical=True),
        lambda r: r.as_quat(canonical=True, scalar_first=True),
        lambda r: r.as_matrix(),
        lambda r: r.as_rotvec(),
        lambda r: r.as_rotvec(degrees=True),
        lambda r: r.as_mrp(),
        lambda r: r.magnitude(),
        lambda r: r.apply(VECTORS),
        lambda r: r.apply(VECTORS[0], inverse=True),
        lambda r: r[1].apply(VECTORS),
        lambda r: r[1].apply(VECTORS[1]),
        lambda r: (r * r[::-1]).as_quat(),
        lambda r: (r[2] * r).as_quat(),
        lambda r: r.inv().as_quat(),
        lambda r: r[np.array([4, 0])].as_quat(),
        lambda r: r.mean().as_matrix(),
        lambda r: r.mean(np.arange(5.0)).as_matrix(),
    ],
)
def test_descriptions_are_those_of_scipy(describe):
    assert_allclose(describe(ours()), describe(theirs()), atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda R: R.from_matrix(theirs().as_matrix()),
        lambda R: R.from_matrix(theirs()[0].as_matrix()),
        lambda R: R.from_matrix(np.diag([1.0, -1.0, -1.0])),
        lambda R: R.from_matrix(np.diag([-1.0, 1.0, -1.0])),
        lambda R: R.from_matrix(np.diag([-1.0, -1.0, 1.0])),
        lambda R: R.from_rotvec(VECTORS * 3),
        lambda R: R.from_rotvec(VECTORS * 1e-3),
        lambda R: R.from_rotvec(VECTORS[0] * 40, degrees=True),
        lambda R: R.from_rotvec(np.zeros(3)),
        lambda R: R.from_mrp(VECTORS * 2),
        lambda R: R.from_euler("y", 0.3),
        lambda R: R.from_euler("ZX", VECTORS[:, :2]),
        lambda R: R.from_euler("xyz", VECTORS * 90, degrees=True),
        lambda R: R.concatenate([R.from_quat(QUATERNIONS), R.from_euler("x", [[1]])]),
        lambda R: R.identity(3),
    ],
)
def test_rotations_are_those_of_scipy(make):
    assert_same_rotations(make(Rotation), make(oracle.Rotation))


@pytest.mark.parametrize("order", ORDERS)
def test_angles_around_axes_are_those_of_scipy(order):
    angles = ours().as_euler(order)

    assert_allclose(angles, theirs().as_euler(order), atol=1e-12)
    assert_same_rotations(Rotation.from_euler(order, angles), theirs())


@pytest.mark.parametrize("order", ORDERS)
def test_where_angles_are_not_unique_the_third_is_zero(order):
    is_proper = order[0] == order[2]
    angles = VECTORS.copy()
    angles[:, 1] = np.pi * (np.array([0, 1, 0, 1, 1]) - 0.5 * (not is_proper))
    given = Rotation.from_euler(order, angles)

    angles = given.as_euler(order)

    assert_allclose(angles[:, 2], np.zeros(5), atol=1e-6)
    again = Rotation.from_euler(order, angles)
    assert_allclose(again.as_matrix(), given.as_matrix(), atol=1e-6)


@pytest.mark.parametrize(
    "pass_through",
    [
        lambda v: Rotation.from_rotvec(v).as_rotvec(),
        lambda v: Rotation.from_mrp(v).as_mrp(),
        lambda v: Rotation.from_quat(Rotation.from_rotvec(v).quat).as_rotvec(),
        lambda v: Rotation.from_matrix(Rotation.from_rotvec(v).as_matrix()).as_rotvec(),
    ],
)
@pytest.mark.parametrize("size", [0.0, 1e-4, 2e-3, 0.5])
def test_there_and_back_has_the_derivative_of_the_identity(pass_through, size):
    vector = size * np.array([1.0, -0.4, 0.2])

    made = dc.jacfwd(pass_through)(vector)

    assert_allclose(made, np.eye(3), atol=1e-9)


def test_the_derivative_of_a_turned_vector_agrees_with_differences():
    def turned(quat):
        return Rotation.from_quat(quat).apply(VECTORS[0]).sum()

    slope = dc.jit(dc.grad(turned))(QUATERNIONS[0])

    step = 1e-6 * np.eye(4)
    sides = [turned(QUATERNIONS[0] + s) - turned(QUATERNIONS[0] - s) for s in step]
    assert_allclose(slope, np.array(sides) / 2e-6, rtol=1e-6)


def test_rotations_pass_through_transformations():
    def composed(r, v):
        return r * Rotation.from_rotvec(v)

    made = dc.jit(dc.vmap(composed))(ours(), VECTORS)

    assert_same_rotations(made, theirs() * oracle.Rotation.from_rotvec(VECTORS))
    assert dc.tree.structure(made) == dc.tree.structure(ours())
    assert [type(made), made.single, len(made), made[0].single] == [
        Rotation,
        False,
        5,
        True,
    ]


def test_rotations_keep_a_dtype():
    single = Rotation.from_quat(QUATERNIONS.astype("float32"))

    assert (single * single).as_euler("xyz").dtype == jnp.float32
    assert single.mean().quat.dtype == jnp.float32
    assert Rotation.identity(2, "float16").as_matrix().dtype == jnp.float16
    assert Rotation.from_quat(np.array([0, 0, 1, 1])).quat.dtype == jnp.float64


def test_no_rotations_are_described_by_empty_arrays():
    none = Rotation.from_quat(np.zeros((0, 4)))

    assert none.as_matrix().shape == (0, 3, 3)
    assert none.as_euler("xyz").shape == (0, 3)
    assert none.as_rotvec().shape == (0, 3)


def test_random_rotations_turn_a_vector_anywhere():
    made = Rotation.random(random.key(0), 4000).apply(np.array([0.0, 0.0, 1.0]))

    # Of a uniform point of the sphere each coordinate is uniform between -1 and 1.
    quantiles = np.quantile(made, [0.25, 0.5, 0.75], axis=0)
    assert_allclose(quantiles, np.outer([-0.5, 0, 0.5], np.ones(3)), atol=0.05)
    assert Rotation.random(random.key(0)).single


# ---- paths -------------------------------------------------------------------------

TIMES = np.array([0.0, 0.5, 2.0, 3.0, 7.0])


def test_paths_are_those_of_scipy():
    at = np.array([0.0, 0.2, 0.5, 1.1, 6.9, 7.0])

    made = dc.jit(Slerp.__call__)(Slerp.init(TIMES, ours()), at)

    assert_same_rotations(made, oracle.Slerp(TIMES, theirs())(at))


def test_a_path_at_one_time_is_a_single_rotation():
    path = Slerp.init(np.arange(5), ours())

    made = path(3)

    assert made.single
    assert_same_rotations(made, theirs()[3])


def test_the_speed_along_a_path_is_constant():
    ends = Rotation.from_rotvec(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.2]]))
    path = Slerp.init(np.array([1.0, 3.0]), ends)

    speed = dc.vmap(dc.grad(lambda t: path(t).as_rotvec()[2]))(np.array([1.0, 2.9]))

    assert_allclose(speed, [0.6, 0.6], atol=1e-12)


# ---- wrong arguments ---------------------------------------------------------------

ONE = Rotation(jnp.array([0.0, 0.0, 0.0, 1.0], "float32"))
TWO = Rotation(jnp.stack([ONE.quat, ONE.quat]))
THREE = np.ones(3, np.float32)
ERRORS = [
    (
        lambda: Rotation.from_quat(THREE),
        ValueError,
        "Rotation.from_quat: `quat` must have 4 elements along its last axis, got "
        "f32[3].",
    ),
    (
        lambda: Rotation.from_quat(np.ones(4, np.complex64)),
        TypeError,
        "Rotation.from_quat: `quat` must be real, got c64[4].",
    ),
    (
        lambda: Rotation.from_matrix(THREE),
        ValueError,
        "Rotation.from_matrix: `matrix` must have shape [..., 3, 3], got f32[3].",
    ),
    (
        lambda: Rotation.from_euler("xyZ", THREE),
        ValueError,
        "Rotation.from_euler: `seq` must name up to three axes, neighbors different, "
        "all of 'xyz' or all of 'XYZ', got 'xyZ'.",
    ),
    (
        lambda: Rotation.from_euler("xy", THREE),
        ValueError,
        "Rotation.from_euler: `angles` must have 2 elements along its last axis, got "
        "f32[3].",
    ),
    (
        lambda: ONE.as_euler("xxy"),
        ValueError,
        "Rotation.as_euler: `seq` must name three axes, neighbors different, all of "
        "'xyz' or all of 'XYZ', got 'xxy'.",
    ),
    (
        lambda: TWO.apply(np.stack([THREE] * 3)),
        ValueError,
        "Rotation.apply: the leading axes of the rotations and of `vectors` don't "
        "broadcast: (2,) and (3,).",
    ),
    (
        lambda: TWO.mean(THREE),
        ValueError,
        "Rotation.mean: `weights` must have an element for each of 2 rotations, got "
        "f32[3].",
    ),
    (
        lambda: ONE.as_euler(3),
        TypeError,
        "Rotation.as_euler: `seq` must be a string, got 3.",
    ),
    (lambda: len(ONE), TypeError, "Rotation: a single rotation has no length."),
    (lambda: ONE[0], TypeError, "Rotation: a single rotation has no elements."),
    (lambda: ONE.mean(), TypeError, "Rotation: a single rotation has no length."),
    (
        lambda: Slerp.init(THREE[:1], ONE),
        ValueError,
        "Slerp.init: `rotations` must be at least two.",
    ),
    (
        lambda: Slerp.init(THREE, TWO),
        ValueError,
        "Slerp.init: `times` must have one axis of 2 elements, one for each of "
        "`rotations`, got f32[3].",
    ),
    (
        lambda: Slerp.init(THREE[:2], TWO),
        ValueError,
        "Slerp.init: `times` must be strictly ascending.",
    ),
    (
        lambda: Slerp.init(np.arange(2.0), TWO)(np.ones((2, 2), np.float32)),
        ValueError,
        "Slerp: `times` must be a number or have one axis, got f32[2,2].",
    ),
]


@pytest.mark.parametrize(("call", "error", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, error, expected):
    with pytest.raises(error) as caught:
        call()

    lines = str(caught.value).splitlines()
    assert "\n".join(s for s in lines if not s.startswith("  at ")) == expected


@pytest.mark.parametrize("call", [lambda: ONE * 2, lambda: 2 * ONE])
def test_a_rotation_times_a_number_is_no_rotation(call):
    with pytest.raises(TypeError, match="unsupported operand"):
        call()
