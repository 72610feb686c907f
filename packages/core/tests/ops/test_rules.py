"""Every rule of every primitive, against NumPy, differences and other rules."""

import importlib
import inspect
import pkgutil

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import _ops, _special, lax
from dolmen.core._higher_order._call import Jit
from dolmen.core._ir import Primitive, check
from dolmen.core._ops import _random_bits, _sharding
from dolmen.core._ops._loop import Loop
from dolmen.core._ops._pieces import Piece
from dolmen.core._ops._varying import Pvary
from dolmen.core._tracing import record, typeof

from .rows import Row, all_rows

ROWS = all_rows()
FURTHER = [(row, dtype) for row in ROWS for dtype in row.dtypes[1:]]
FLAT = [row for row in ROWS if row.flat]
SMOOTH = [row for row in ROWS if row.smooth]

# Relative error of one operation; results near zero get the same absolute one.
TOLERANCE = {
    "float64": 2e-14,  # a few ulp: XLA's and SciPy's polynomials differ
    "float32": 4e-6,  # a few ulp of 6e-8, more at 1/x and cancellations
    "float16": 4e-3,  # computed in float32 or float16, one rounding of 5e-4 each
    "bfloat16": 3e-2,  # one rounding of 4e-3 for each of a few steps
    "complex128": 2e-13,  # products of parts cancel
    "complex64": 2e-5,
}

# Central differences in float64 with step h err by h**2 f'''/6 + 1e-16 f / h.
STEP = 1e-5
DIFFERENCES = {"rtol": 2e-6, "atol": 2e-7}

# Both sides of an identity in float64, through different operations.
IDENTITY = {"rtol": 1e-9, "atol": 1e-10}


def of_rows(rows):
    return pytest.mark.parametrize("row", rows, ids=str)


def outputs(result):
    return list(result) if isinstance(result, list | tuple) else [result]


def wide(x):
    """NumPy has no arithmetic for bfloat16 and little for float16."""
    x = np.asarray(x)
    if x.dtype in (np.float32, np.float16, ml_dtypes.bfloat16):
        return x.astype(np.float64)
    return x.astype(np.complex128) if x.dtype == np.complex64 else x


def assert_close(got, expected, dtype, slack=1.0):
    """Equal shapes, and equal values up to the tolerance of `dtype`."""
    limit = TOLERANCE.get(dtype, 0.0) * slack
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(wide(got), wide(expected), rtol=limit, atol=limit)


def directions(row, args, seed):
    """Random tangents of the smooth arguments."""
    rng = np.random.default_rng([seed, 1])
    return [random_like(rng, args[index]) for index in row.smooth]


def random_like(rng, array):
    values = rng.normal(size=np.shape(array))
    if np.asarray(array).dtype.kind == "c":
        values = values + 1j * rng.normal(size=np.shape(array))
    return np.asarray(values, np.asarray(array).dtype)


def in_smooth(row, args):
    """The function of the smooth arguments alone, to a list of smooth results."""

    def function(*smooth):
        full = list(args)
        for index, value in zip(row.smooth, smooth, strict=True):
            full[index] = value
        results = outputs(row.function(*full))
        return [r for r in results if typeof(r).is_differentiable]

    return function, [args[index] for index in row.smooth]


def difference(function, point, direction):
    """The directional derivative of a function to a list of arrays."""
    ahead = function(*[x + STEP * dx for x, dx in zip(point, direction, strict=True)])
    back = function(*[x - STEP * dx for x, dx in zip(point, direction, strict=True)])
    return [
        (np.asarray(a) - np.asarray(b)) / (2 * STEP)
        for a, b in zip(ahead, back, strict=True)
    ]


def pairing(xs, ys):
    return sum(
        np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(xs, ys, strict=True)
    )


def assert_value(row, dtype, seed, shape):
    args = row.args(seed, shape, dtype)

    with dc.enable_x64(True), np.errstate(all="ignore"):
        got = outputs(row.function(*args))
        expected = outputs(row.oracle(*map(wide, args)))

    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, dtype, row.slack)


@of_rows(ROWS)
@settings(deadline=None, max_examples=6)
@given(data=st.data())
def test_value_agrees_with_the_oracle(row: Row, data):
    shape = data.draw(st.sampled_from(row.shapes))
    seed = data.draw(st.integers(0, 2**32 - 1))

    assert_value(row, row.dtypes[0], seed, shape)


@pytest.mark.parametrize(("row", "dtype"), FURTHER, ids=str)
def test_value_in_further_dtypes_agrees_with_the_oracle(row: Row, dtype):
    assert_value(row, dtype, 11, row.typical_shape)


@of_rows(ROWS)
def test_inferred_type_is_that_of_the_result(row: Row):
    with dc.enable_x64(True):
        args = row.args(0, row.typical_shape, row.dtypes[0])
        types = [typeof(arg) for arg in args]
        program, _ = record(lambda *xs: outputs(row.function(*xs)), types)

        results = outputs(row.function(*args))

    check(program)
    assert any(isinstance(eqn.primitive, row.primitive) for eqn in program.equations)
    assert [(t.shape, t.dtype) for t in program.out_types] == [
        (np.asarray(r).shape, np.asarray(r).dtype) for r in results
    ]


@of_rows(ROWS)
def test_cost_is_a_number_of_operations(row: Row):
    with dc.enable_x64(True):
        types = [typeof(x) for x in row.args(0, row.typical_shape, row.dtypes[0])]
        program, _ = record(lambda *xs: outputs(row.function(*xs)), types)
        costs = [
            equation.primitive.cost([atom.type for atom in equation.inputs])
            for equation in program.equations
        ]

    assert all(cost is None or (type(cost) is int and cost >= 0) for cost in costs)


@of_rows(FLAT)
def test_flat_functions_have_no_tangents(row: Row):
    args = row.args(0, row.typical_shape, "float64")

    def function(*flat):
        full = list(args)
        for index, value in zip(row.flat, flat, strict=True):
            full[index] = value
        return outputs(row.function(*full))

    point = [args[index] for index in row.flat]
    with dc.enable_x64(True):
        outs, tangents = dc.jvp(function, point, [np.ones_like(x) for x in point])

    for out, tangent in zip(outs, tangents, strict=True):
        assert tangent.shape == out.shape
        assert tangent.dtype == (
            out.dtype if out.dtype.kind == "f" else dc.dtypes.float0
        )
        assert not np.any(np.asarray(tangent).astype(bool))


@of_rows(SMOOTH)
def test_jvp_agrees_with_central_differences(row: Row):
    with dc.enable_x64(True):
        args = row.args(1, row.typical_shape, "float64")
        function, point = in_smooth(row, args)
        direction = directions(row, args, 1)

        _, tangents = dc.jvp(function, point, direction)
        expected = difference(function, point, direction)

    for got, want in zip(tangents, expected, strict=True):
        np.testing.assert_allclose(got, want, **DIFFERENCES)


@of_rows(SMOOTH)
def test_vjp_is_the_transpose_of_jvp(row: Row):
    with dc.enable_x64(True):
        args = row.args(2, row.typical_shape, "float64")
        function, point = in_smooth(row, args)
        direction = directions(row, args, 2)

        outs, tangents = dc.jvp(function, point, direction)
        rng = np.random.default_rng(3)
        weights = [random_like(rng, out) for out in outs]
        cotangents = dc.vjp(function, *point)[1](weights)

    left, right = pairing(weights, tangents), pairing(cotangents, direction)
    np.testing.assert_allclose(np.real(left), np.real(right), **IDENTITY)
    for ct, x in zip(cotangents, point, strict=True):
        assert (ct.shape, ct.dtype) == (x.shape, x.dtype)


@of_rows(SMOOTH)
def test_each_argument_alone_has_the_same_derivative(row: Row):
    with dc.enable_x64(True):
        args = row.args(2, row.typical_shape, "float64")
        function, point = in_smooth(row, args)
        direction = directions(row, args, 2)

        _, together = dc.jvp(function, point, direction)
        alone = []
        for index in range(len(point)):

            def only(x, index=index):
                return function(*point[:index], x, *point[index + 1 :])

            alone.append(dc.jvp(only, [point[index]], [direction[index]])[1])

    for total, *parts in zip(together, *alone, strict=True):
        np.testing.assert_allclose(sum(map(np.asarray, parts)), total, **IDENTITY)


@of_rows(SMOOTH)
def test_derivative_of_the_gradient_agrees_with_central_differences(row: Row):
    with dc.enable_x64(True):
        args = row.args(4, row.typical_shape, "float64")
        function, point = in_smooth(row, args)
        direction = directions(row, args, 4)
        rng = np.random.default_rng(5)
        weights = [random_like(rng, out) for out in function(*point)]

        def gradient(*xs):
            return list(dc.vjp(function, *xs)[1](weights))

        _, tangents = dc.jvp(gradient, point, direction)
        expected = difference(gradient, point, direction)

    for got, want in zip(tangents, expected, strict=True):
        np.testing.assert_allclose(got, want, **DIFFERENCES)


@of_rows(SMOOTH)
def test_gradient_of_the_derivative_is_that_of_the_gradient(row: Row):
    with dc.enable_x64(True):
        args = row.args(6, row.typical_shape, "float64")
        function, point = in_smooth(row, args)
        direction = directions(row, args, 6)
        rng = np.random.default_rng(7)
        weights = [random_like(rng, out) for out in function(*point)]

        def gradient(*xs):
            return list(dc.vjp(function, *xs)[1](weights))

        def derivative(*xs):
            return dc.jvp(function, xs, direction)[1]

        _, expected = dc.jvp(gradient, point, direction)
        got = dc.vjp(derivative, *point)[1](weights)

    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, **IDENTITY)


def batched(row, subset, place):
    """Arguments of a batch of three, of which `subset` differ, and their axes."""
    samples = [row.args(seed, row.typical_shape, row.dtypes[0]) for seed in (7, 8, 9)]
    arity = range(len(samples[0]))
    singles = [[s[i] if i in subset else samples[0][i] for i in arity] for s in samples]
    args = [
        np.stack([s[i] for s in samples], place) if i in subset else samples[0][i]
        for i in arity
    ]
    return singles, args, tuple(place if i in subset else None for i in arity)


def assert_vmap_is_a_loop(row, subset, place):
    singles, args, axes = batched(row, subset, place)

    with dc.enable_x64(True):
        got = outputs(dc.vmap(row.function, axes)(*args))
        loop = [outputs(row.function(*single)) for single in singles]

    for index, result in enumerate(got):
        expected = np.stack([np.asarray(outs[index]) for outs in loop])
        assert_close(result, expected, row.dtypes[0], row.slack)


@pytest.mark.parametrize("place", [0, -1])
@of_rows(ROWS)
def test_vmap_over_all_arguments_agrees_with_a_loop(row: Row, place):
    assert_vmap_is_a_loop(row, range(row.arity), place)


@pytest.mark.parametrize(
    ("row", "index"),
    [(r, i) for r in ROWS if r.arity > 1 for i in range(r.arity)],
    ids=str,
)
def test_vmap_over_one_argument_agrees_with_a_loop(row: Row, index):
    assert_vmap_is_a_loop(row, (index,), -1)


@of_rows(ROWS)
def test_jit_agrees_with_eager(row: Row):
    dtype = row.dtypes[0]
    args = row.args(10, row.typical_shape, dtype)

    with dc.enable_x64(True):
        eager = outputs(row.function(*args))
        compiled = outputs(dc.jit(row.function)(*args))

    for a, b in zip(compiled, eager, strict=True):
        assert a.dtype == b.dtype
        assert_close(a, b, dtype, row.slack)


# Numbers differ with every run; the row brings a mesh of its own.
DRAWN_OR_PLACED = {_random_bits.RngUniform, _sharding.ShardingConstraint}


@of_rows([row for row in ROWS if row.primitive not in DRAWN_OR_PLACED])
def test_over_a_mesh_of_devices_values_agree(row: Row):
    dtype = row.dtypes[0]
    mesh = dc.make_mesh((2, 2), ("a", "b"))

    with dc.enable_x64(True):
        args = row.args(11, row.typical_shape, dtype)
        spread = [dc.device_put(x, split_where_even(mesh, x)) for x in args]
        expected = outputs(dc.jit(row.function)(*args))
        got = outputs(dc.jit(row.function)(*spread))

    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        assert_close(a, b, dtype, 4 * row.slack)


# A program may have results that don't depend on the last argument.
@of_rows([row for row in ROWS if row.primitive not in {*DRAWN_OR_PLACED, Jit}])
def test_inside_shard_map_what_varies_is_known(row: Row):
    """The last argument varies, the others are the same on both devices.

    So all results vary, and the gradient by any argument is the sum over the devices,
    which do the same: twice that of one.
    """
    dtype = "float64" if row.smooth else row.dtypes[0]
    mesh = dc.make_mesh((2,), ("x",))
    count = len(row.smooth)

    with dc.enable_x64(True):
        args = row.args(12, row.typical_shape, dtype)
        function, point = in_smooth(row, args)
        rng = np.random.default_rng(13)
        weights = [random_like(rng, out) for out in function(*point)] if count else []

        def one(*given):
            given = list(given)
            if given:
                given[-1] = lax.pcast(given[-1], "x", to="varying")
            outs = outputs(row.function(*given))
            for out in outs:
                assert not given or typeof(out).varying == {"x"}
            smooth, point = in_smooth(row, given)
            pull = dc.vjp(smooth, *point)[1] if count else lambda _: ()
            cts = list(pull([lax.pcast(w, "x", to="varying") for w in weights]))
            summed = [lax.psum(ct, "x") for ct in cts if typeof(ct).varying]
            rows = [jnp.expand_dims(out, 0) for out in outs]
            return rows, [ct for ct in cts if not typeof(ct).varying] + summed

        specs = dc.P("x"), dc.P()
        both = dc.shard_map(one, mesh=mesh, in_specs=dc.P(), out_specs=specs)
        got, got_cts = both(*args)
        got = [np.asarray(out)[1] for out in got]
        expected = outputs(row.function(*args))
        expected_cts = list(dc.vjp(function, *point)[1](weights)) if count else []

    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, dtype, 4 * row.slack)
    varies = [index == len(args) - 1 for index in row.smooth]
    order = [ct for ct, v in zip(expected_cts, varies, strict=True) if not v]
    order += [ct for ct, v in zip(expected_cts, varies, strict=True) if v]
    for a, b in zip(got_cts, order, strict=True):
        np.testing.assert_allclose(a, 2 * np.asarray(b), rtol=1e-8, atol=1e-8)


def split_where_even(mesh, x):
    """A sharding that splits the first and the last even axis."""
    even = [axis for axis, size in enumerate(np.shape(x)) if size % 2 == 0 and size]
    names = {**dict.fromkeys(even[:1], "a"), **dict.fromkeys(even[1:][-1:], "b")}
    return dc.NamedSharding(mesh, dc.P(*[names.get(a) for a in range(np.ndim(x))]))


def primitives():
    """The concrete primitive classes of every module of `_ops` and `_special`."""
    found = set()
    packages = [(p.__name__, p.__path__) for p in (_ops, _special)]
    names = [
        f"{n}.{m.name}" for n, path in packages for m in pkgutil.iter_modules(path)
    ]
    for name in names:
        loaded = importlib.import_module(name)
        found.update(
            cls
            for _, cls in inspect.getmembers(loaded, inspect.isclass)
            if issubclass(cls, Primitive) and cls.__module__ == loaded.__name__
        )
    # Classes are either abstract or final.
    final = {cls for cls in found if not any(cls in c.__bases__ for c in found)}
    # Programs have these when all rules have been applied, or inside `shard_map` alone.
    return final - {Loop, Piece, Pvary}


@pytest.mark.parametrize("primitive", sorted(primitives(), key=lambda c: c.__name__))
def test_primitive_has_a_row(primitive):
    assert any(row.primitive is primitive for row in ROWS), (
        f"{primitive.__module__}.{primitive.__name__} has no row in tests/ops/rows_*.py"
    )
