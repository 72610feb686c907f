"""Shapes, axes, repetition, padding and diagonals agree with NumPy."""

import numpy as np
import pytest

from dolmen.core import grad, jit, nn, numpy as jnp, ops, vmap

V = np.arange(1, 5, dtype=np.float32)
M = np.arange(6, dtype=np.float32).reshape(2, 3)
C = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
ONES = np.ones((1, 3, 1), np.float32)

CALLS = {
    "reshape": lambda m: m.reshape(M, (3, 2)),
    "reshape -1": lambda m: m.reshape(C, (4, -1)),
    "reshape to one axis": lambda m: m.reshape(M, 6),
    "reshape by columns": lambda m: m.reshape(C, (4, 6), order="F"),
    "reshape empty": lambda m: m.reshape(M[:0], (0, 7)),
    "ravel": lambda m: m.ravel(C),
    "ravel by columns": lambda m: m.ravel(M, order="F"),
    "resize larger": lambda m: m.resize(M, (3, 5)),
    "resize smaller": lambda m: m.resize(M, (2, 2)),
    "transpose": lambda m: m.transpose(C),
    "transpose axes": lambda m: m.transpose(C, (1, -1, 0)),
    "permute_dims": lambda m: m.permute_dims(C, (2, 0, 1)),
    "matrix_transpose": lambda m: m.matrix_transpose(C),
    "swapaxes": lambda m: m.swapaxes(C, 0, -1),
    "moveaxis": lambda m: m.moveaxis(C, 0, -1),
    "moveaxis several": lambda m: m.moveaxis(C, (0, 2), (1, 0)),
    "moveaxis of a list": lambda m: m.moveaxis(C, [0, 2], range(2)),
    "moveaxis of arrays": lambda m: m.moveaxis(C, np.array([0, 2]), np.array([1, 0])),
    "rollaxis": lambda m: m.rollaxis(C, 2, 1),
    "rollaxis forward": lambda m: m.rollaxis(C, 0, 3),
    "squeeze": lambda m: m.squeeze(ONES),
    "squeeze one": lambda m: m.squeeze(ONES, -1),
    "expand_dims": lambda m: m.expand_dims(M, (0, -1)),
    "broadcast_to": lambda m: m.broadcast_to(ONES, (2, 3, 2)),
    "broadcast_arrays": lambda m: m.broadcast_arrays(V[:, None], M[0])[0],
    "flip": lambda m: m.flip(C),
    "flip axes": lambda m: m.flip(C, (0, 2)),
    "fliplr": lambda m: m.fliplr(M),
    "flipud": lambda m: m.flipud(M),
    "rot90": lambda m: m.rot90(M),
    "rot90 twice": lambda m: m.rot90(M, 2),
    "rot90 back": lambda m: m.rot90(C, -1, axes=(2, 0)),
    "roll flat": lambda m: m.roll(M, 2),
    "roll axis": lambda m: m.roll(C, -1, axis=1),
    "roll axes": lambda m: m.roll(C, (1, -5), axis=(0, 2)),
    "roll all by one": lambda m: m.roll(C, 1, axis=(0, 2)),
    "tile": lambda m: m.tile(M, (2, 1, 2)),
    "tile fewer": lambda m: m.tile(C, 2),
    "tile none": lambda m: m.tile(V, 0),
    "repeat": lambda m: m.repeat(M, 2, axis=1),
    "repeat flat": lambda m: m.repeat(M, 3),
    "repeat each": lambda m: m.repeat(M, np.array([0, 2]), axis=0),
    "atleast_1d": lambda m: m.atleast_1d(np.float32(3)),
    "atleast_2d": lambda m: m.atleast_2d(V),
    "atleast_3d": lambda m: m.atleast_3d(V),
    "atleast_3d matrix": lambda m: m.atleast_3d(M),
    "pad": lambda m: m.pad(M, 1),
    "pad pairs": lambda m: m.pad(M, ((1, 0), (2, 3)), constant_values=7),
    "pad dictionary": lambda m: m.pad(M, {-1: (1, 2)}),
    "pad two values": lambda m: m.pad(V, 2, constant_values=(5, 6)),
    "pad values of axes": lambda m: m.pad(M, 1, constant_values=((1, 2), (3, 4))),
    "pad edge": lambda m: m.pad(M, ((1, 2), (0, 3)), mode="edge"),
    "pad reflect": lambda m: m.pad(M, ((1, 3), (5, 2)), mode="reflect"),
    "pad reflect odd": lambda m: m.pad(V, (5, 2), mode="reflect", reflect_type="odd"),
    "pad symmetric": lambda m: m.pad(M, ((1, 3), (5, 2)), mode="symmetric"),
    "pad symmetric odd": lambda m: m.pad(V, 2, mode="symmetric", reflect_type="odd"),
    "pad wrap": lambda m: m.pad(V, (6, 3), mode="wrap"),
    "pad ramp": lambda m: m.pad(V, (2, 4), mode="linear_ramp", end_values=(5, -4)),
    "pad maximum": lambda m: m.pad(M, 1, mode="maximum"),
    "pad mean": lambda m: m.pad(M, ((0, 2), (1, 0)), mode="mean"),
    "diagonal": lambda m: m.diagonal(M, 1),
    "diagonal below": lambda m: m.diagonal(C, -1, 2, 0),
    "diagonal outside": lambda m: m.diagonal(M, 5),
    "diag of a matrix": lambda m: m.diag(M, -1),
    "diag of a vector": lambda m: m.diag(V, 2),
    "diag of a vector below": lambda m: m.diag(V, -1),
    "diag of nothing": lambda m: m.diag(V[:0], 1),
    "diagflat": lambda m: m.diagflat(M[:, :2], 1),
    "trace": lambda m: m.trace(M, 1),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_agree_with_numpy(name):
    expected = np.asarray(CALLS[name](np))

    actual = np.asarray(CALLS[name](jnp))

    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert actual.dtype == expected.dtype


@pytest.mark.parametrize(
    "name",
    [
        "reshape by columns",
        "roll axes",
        "tile",
        "pad values of axes",
        "diag of a vector",
    ],
)
def test_functions_mean_the_same_under_jit(name):
    expected = np.asarray(CALLS[name](np))

    actual = jit(lambda: CALLS[name](jnp))()

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_broadcast_shapes_takes_shapes_and_sizes():
    assert jnp.broadcast_shapes((2, 1), 3, ()) == (2, 3)


def test_roll_by_a_traced_shift_agrees_with_numpy():
    rolled = jit(lambda x, s: jnp.roll(x, s, axis=1))

    for shift in (-7, -1, 0, 2, 9):
        np.testing.assert_array_equal(rolled(C, shift), np.roll(C, shift, axis=1))


def test_repeat_with_traced_counts_is_cut_or_filled_to_its_total():
    repeated = jit(lambda x, r: jnp.repeat(x, r, total_repeat_length=5))
    counts = np.array([1, 0, 2, 1])

    np.testing.assert_array_equal(repeated(V, counts), [1, 3, 3, 4, 4])
    np.testing.assert_array_equal(repeated(V, 3 * counts), [1, 1, 1, 3, 3])


def test_reshape_of_a_python_scalar_is_weak():
    actual = jnp.reshape(2, (1,))

    assert (actual.shape, actual.weak_type) == ((1,), True)


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (np.array([-1.7, 2.9], np.float32), "int32", [-1, 2]),
        (np.array([0.0, 0.3], np.float32), "bool", [False, True]),
        (np.array([1 + 2j], np.complex64), "float32", [1.0]),
        (np.array([300]), "uint8", [44]),
    ],
)
def test_astype_converts_like_numpy(value, dtype, expected):
    actual = jnp.astype(value, dtype)

    assert actual.dtype.name == dtype
    assert actual.tolist() == expected


@pytest.mark.parametrize("length", [None, 1, 2, 5, (1, 2), ((1, 3), (2, 1))])
@pytest.mark.parametrize("mode", ["mean", "maximum", "minimum"])
@pytest.mark.parametrize("x", [M, np.array([[5, 1, 4], [-2, 8, 3]])], ids=["f", "i"])
def test_statistics_of_ends_are_padded_like_numpy(x, mode, length):
    widths = ((1, 2), (3, 0))

    actual = jnp.pad(x, widths, mode, stat_length=length)

    expected = np.pad(x, widths, mode, stat_length=length)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_a_function_pads_each_axis_in_turn():
    def fill(vector, widths, axis, options):
        vector = vector.at[: widths[0]].set(options["by"] + axis)
        return vector.at[vector.size - widths[1] :].set(-1.0)

    def fill_in_place(vector, widths, axis, options):
        vector[: widths[0]] = options["by"] + axis
        vector[vector.size - widths[1] :] = -1.0

    actual = jnp.pad(M, ((1, 2), (2, 1)), fill, by=7.0)

    expected = np.pad(M, ((1, 2), (2, 1)), fill_in_place, by=7.0)
    np.testing.assert_array_equal(actual, expected)
    traced = jit(lambda x: jnp.pad(x, 1, fill, by=0))(M)
    np.testing.assert_array_equal(traced[0, 1:-1], 0)


def test_lengths_of_ends_are_positive():
    with pytest.raises(ValueError, match=r"^pad: `stat_length` must be posi"):
        jnp.pad(V, 1, "mean", stat_length=0)


def test_gradient_of_a_padded_reflection_counts_copies():
    actual = grad(lambda x: jnp.pad(x, (2, 1), mode="reflect").sum())(V)

    np.testing.assert_array_equal(actual, [1, 2, 3, 1])


def test_gradient_of_a_diagonal_is_a_diagonal():
    actual = grad(lambda x: (jnp.diagonal(x, 1) * np.array([3.0, 5.0])).sum())(M)

    np.testing.assert_array_equal(actual, [[0, 3, 0], [0, 0, 5]])


def test_vmap_of_diag_agrees_with_a_loop():
    np.testing.assert_array_equal(vmap(jnp.diag)(M), np.stack([np.diag(r) for r in M]))


def _message(error):
    lines = str(error.value).split("\n")
    return "\n".join(line for line in lines if not line.startswith("  at "))


ERRORS = [
    (
        lambda: jnp.reshape(M, (4, 2)),
        ValueError,
        "reshape: f32[2,3] with 6 elements can't take the shape (4, 2) (6 != 8).",
    ),
    (
        lambda: jnp.reshape(M, (4, -1)),
        ValueError,
        "reshape: f32[2,3] with 6 elements can't take the shape (4, -1) (6 is no "
        "multiple of 4).",
    ),
    (
        lambda: jnp.reshape(M, (-1, -1)),
        ValueError,
        "reshape: `shape` may hold one -1 and no other negative size, got (-1, -1).",
    ),
    (
        lambda: jnp.reshape([1, 2], (2, 1)),
        TypeError,
        "reshape: `a` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: jnp.reshape(M, (1.5, 4)),
        TypeError,
        "reshape: `shape` must be integers, got (1.5, 4).",
    ),
    (
        lambda: jnp.transpose(M, (0, 0)),
        ValueError,
        "transpose: `axes` names an axis twice: (0, 0).",
    ),
    (
        lambda: jnp.transpose(M, (0,)),
        ValueError,
        "transpose: `axes` must name each of the 2 axes of f32[2,3] once, got (0,).",
    ),
    (
        lambda: jnp.moveaxis(M, 5, 0),
        ValueError,
        "moveaxis: `source` must be between -2 and 1 for an array with 2 axes, got 5.",
    ),
    (
        lambda: jnp.squeeze(M, 0),
        ValueError,
        "squeeze: axis 0 of f32[2,3] has size 2; only axes of size 1 can be removed.",
    ),
    (
        lambda: jnp.broadcast_to(M, (2, 4)),
        ValueError,
        "broadcast_to: f32[2,3] does not broadcast to the shape (2, 4).\n"
        "Sizes of an axis, counted from the last, must be equal or 1.",
    ),
    (
        lambda: jnp.pad(M, ((1, 2, 3),)),
        ValueError,
        "pad: `pad_width` must be a number, a pair, or a pair for each of the 2 axes, "
        "got ((1, 2, 3),).",
    ),
    (
        lambda: jnp.pad(M, 1, mode="mirror"),
        ValueError,
        "pad: `mode` must be one of constant, edge, empty, linear_ramp, maximum, mean, "
        "minimum, reflect, symmetric, wrap or a function; got 'mirror'.",
    ),
    (
        lambda: jnp.diag(C),
        ValueError,
        "diag: `v` must have one or two axes, got i32[2,3,4].",
    ),
    (
        lambda: jnp.repeat(V, np.array([1, 2])),
        ValueError,
        "repeat: `repeats` must hold one number for each of the 4 elements along axis "
        "0 of f32[4], got shape (2,).",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error) as caught:
        call()

    assert _message(caught) == text


def test_a_traced_shape_is_refused():
    with pytest.raises(TypeError, match="reshape: expected a concrete value"):
        jit(lambda x, n: jnp.reshape(x, (n, 2)))(V, 2)


def test_traced_counts_without_a_total_are_refused():
    with pytest.raises(TypeError, match="repeat"):
        jit(jnp.repeat)(V, np.array([1, 0, 2, 1]))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("reshape", lambda s: jnp.reshape(M, 6, out_sharding=s)),
        ("reshape", lambda s: jnp.ravel(M, out_sharding=s)),
        ("broadcast_to", lambda s: jnp.broadcast_to(V, (2, 4), out_sharding=s)),
        ("repeat", lambda s: jnp.repeat(V, 2, out_sharding=s)),
        ("matmul", lambda s: jnp.matmul(V, V, out_sharding=s)),
        ("dot", lambda s: jnp.dot(V, V, out_sharding=s)),
        ("tensordot", lambda s: jnp.tensordot(V, V, 1, out_sharding=s)),
        ("tensordot", lambda s: jnp.linalg.tensordot(V, V, axes=1, out_sharding=s)),
        ("einsum", lambda s: jnp.einsum("i,i", V, V, out_sharding=s)),
        ("bincount", lambda s: jnp.bincount(C[0, 0], out_sharding=s)),
        ("percentile", lambda s: jnp.percentile(V, 50, out_sharding=s)),
        ("segment_sum", lambda s: ops.segment_sum(V, C[0, 0], out_sharding=s)),
    ],
)
def test_shardings_of_results_are_refused(name, call):
    with pytest.raises(ValueError) as raised:
        call("rows")

    lines = str(raised.value).splitlines()
    assert [line for line in lines if not line.startswith("  at ")] == [
        f"{name}: `out_sharding` must be None, as arrays lie on one device each, got "
        "'rows'.",
        "Place the result with `dolmen.core.device_put`.",
    ]


@pytest.mark.parametrize("one", [np.int64(1), np.array(1), jnp.array(1)], ids=repr)
def test_axes_may_be_integer_scalars_of_any_kind(one):
    x = jnp.arange(6.0).reshape(2, 3)

    assert jnp.swapaxes(x, one, 0).shape == (3, 2)
    assert jnp.moveaxis(x, one, 0).shape == (3, 2)
    assert jnp.moveaxis(x, np.array([1, 0]), range(2)).shape == (3, 2)
    np.testing.assert_array_equal(nn.log_softmax(x, one), nn.log_softmax(x, 1))
    with pytest.raises(TypeError, match="swapaxes: `axis1` must be an integer, got"):
        jnp.swapaxes(x, 0.5 * one, 0)
    with pytest.raises(TypeError, match="swapaxes: `axis1`"):
        jit(lambda axis: jnp.swapaxes(x, axis, 0))(1)
