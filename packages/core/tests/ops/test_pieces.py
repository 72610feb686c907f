"""Many pieces of one array: taken, and put together, at once."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.sharding import NamedSharding, PartitionSpec as P

RNG = np.random.default_rng(0)


def layer(w, h):
    for step in range(12):
        h = jnp.tanh(h * w) + 0.1 * step * h
    return h - jnp.mean(h)


def loss(w, h):
    for i in range(w.shape[0]):
        h = layer(w[i], h)
    return jnp.sum(h * h)


def lowered(function, *args):
    return dc.jit(function).lower(*args).as_text()


def padded_sums(text):
    return text.count("stablehlo.pad")


# ---- loops over stacked parameters -------------------------------------------------


@pytest.mark.parametrize("layers", [6, 20])
def test_a_loop_over_stacked_parameters_lowers_the_layer_once(layers):
    w = RNG.normal(size=(layers, 3)).astype(np.float32)
    gradient = dc.value_and_grad(loss)

    text = lowered(gradient, w, np.ones(3, np.float32))

    assert text.count("stablehlo.tanh") == 12
    assert padded_sums(text) == 0
    assert text.count("stablehlo.concatenate") == 1


@pytest.mark.parametrize("layers", [6, 20])
def test_its_gradient_is_that_of_separate_parameters(layers):
    w = RNG.normal(size=(layers, 3)).astype(np.float32)
    h = np.linspace(-1.0, 1.0, 3, dtype=np.float32)

    def separate(ws, h):
        for each in ws:
            h = layer(each, h)
        return jnp.sum(h * h)

    got = dc.jit(dc.grad(loss))(w, h)

    expected = dc.grad(separate)(list(w), h)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-6)


# ---- sums of pieces ----------------------------------------------------------------


def filled(x, low, high, axis=0):
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (low, high, 0)
    return lax.pad(x, x.dtype.type(0), config)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "complex64"])
def test_pieces_side_by_side_are_joined(dtype):
    x = jnp.arange(1, 9).reshape(4, 2).astype(dtype)

    def f(x):
        return sum(filled(x[i : i + 1] * 2, i, 3 - i) for i in (2, 0, 3, 1))

    assert padded_sums(lowered(f, x)) == 0
    np.testing.assert_array_equal(dc.jit(f)(x), x * 2)


@pytest.mark.parametrize("axis", [0, 1])
def test_gaps_are_zero(axis):
    x = RNG.normal(size=(2, 2)).astype(np.float32)

    def f(x):
        return sum(filled(x + i, 3 * i + 1, 9 - 3 * i, axis) for i in range(3))

    got = dc.jit(f)(x)

    assert padded_sums(lowered(f, x)) == 0
    expected = np.zeros((12, 2) if axis == 0 else (2, 12), np.float32)
    for i in range(3):
        place = slice(3 * i + 1, 3 * i + 3)
        expected[(slice(None), place) if axis else (place,)] = x + i
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_pieces_that_overlap_are_added():
    x = RNG.normal(size=(3, 2)).astype(np.float32)

    def f(x):
        return sum(filled(x * (i + 1), i, 4 - i) for i in range(5))

    got = dc.jit(f)(x)

    expected = np.zeros((7, 2), np.float32)
    for i in range(5):
        expected[i : i + 3] += x * (i + 1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_other_terms_of_the_sum_are_added():
    x = RNG.normal(size=(4, 2)).astype(np.float32)

    def f(x):
        pieces = [filled(x[i : i + 1], i, 3 - i) for i in range(4)]
        return (jnp.sin(x) + pieces[0]) + (pieces[1] + (pieces[2] + x)) + pieces[3]

    assert padded_sums(lowered(f, x)) == 0
    np.testing.assert_allclose(dc.jit(f)(x), np.sin(x) + 2 * x, rtol=1e-5, atol=1e-6)


def test_filled_pieces_that_are_read_elsewhere_stay():
    x = RNG.normal(size=(4, 2)).astype(np.float32)

    def f(x):
        pieces = [filled(x[i : i + 1], i, 3 - i) for i in range(4)]
        partial = pieces[0] + pieces[1]
        return partial + pieces[2] + pieces[3], jnp.exp(pieces[2]), partial

    total, other, partial = dc.jit(f)(x)

    np.testing.assert_allclose(total, x, rtol=1e-6)
    np.testing.assert_allclose(other[2], np.exp(x[2]), rtol=1e-5)
    np.testing.assert_array_equal(other[:2], np.ones((2, 2)))
    np.testing.assert_allclose(partial, [*x[:2], [0, 0], [0, 0]], rtol=1e-6)


def test_what_is_filled_up_with_other_numbers_is_added():
    x = np.ones((1, 2), np.float32)

    def f(x):
        config = [[(i, 3 - i, 0), (0, 0, 0)] for i in range(4)]
        return sum(lax.pad(x, np.float32(0.5), each) for each in config)

    np.testing.assert_array_equal(dc.jit(f)(x), np.full((4, 2), 2.5))


CONFIGS = {
    "along two axes": [((i, 3 - i, 0), (i, 3 - i, 0)) for i in range(4)],
    "along one axis or the other": [
        *(((i, 3 - i, 0), (1, 2, 0)) for i in range(2)),
        *(((1, 2, 0), (i, 3 - i, 0)) for i in range(2)),
    ],
    "cropped": [((i - 1, 4 - i, 0), (0, 0, 0)) for i in range(4)],
    "cropped on the right": [((i + 3, -i, 0), (0, 0, 0)) for i in range(4)],
    "with holes": [((3 * i, 6 - 3 * i, 2), (0, 0, 0)) for i in range(3)],
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_pieces_filled_up_otherwise_are_added(name, shape):
    x = RNG.normal(size=shape).astype(np.float32)

    def f(x):
        return sum(lax.pad(x, np.float32(0), each) for each in CONFIGS[name])

    np.testing.assert_allclose(dc.jit(f)(x), f(x), rtol=1e-5, atol=1e-6)


def test_pieces_along_two_axes_are_joined_along_one_of_them():
    x = RNG.normal(size=(4, 4)).astype(np.float32)

    def f(x):
        rows = [filled(x[i : i + 1], i, 3 - i) for i in range(4)]
        columns = [filled(x[:, i : i + 1], i, 3 - i, 1) for i in range(3)]
        return sum(rows) + sum(columns)

    last = np.zeros((4, 4), np.float32)
    last[:, :3] = x[:, :3]
    np.testing.assert_allclose(dc.jit(f)(x), x + last, rtol=1e-5)


# ---- many pieces -------------------------------------------------------------------


def test_many_pieces_of_a_shape_share_a_function():
    x = RNG.normal(size=(40, 3)).astype(np.float32)

    for f in (
        lambda x: jnp.split(x, 40),
        jnp.unstack,
        lambda x: [x[i] for i in range(40)],
        lambda x: jnp.split(x.reshape(-1), 40),
    ):
        text = lowered(f, x)

        assert text.count("stablehlo.dynamic_slice") == 1
        assert "stablehlo.slice" not in text
        got = np.stack(dc.jit(f)(x)).reshape(40, 3)
        np.testing.assert_array_equal(got, x)


def test_pieces_of_many_shapes_are_taken():
    x = RNG.normal(size=(200,)).astype(np.float32)
    ends = np.cumsum([1, 2, 3] * 20)

    got = dc.jit(lambda x: jnp.split(x, ends))(x)

    for found, expected in zip(got, np.split(x, ends), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_pieces_of_pieces_and_steps_are_taken():
    x = RNG.normal(size=(60,)).astype(np.float32)

    def f(x):
        y = jnp.sin(x)
        parts = [y[i : i + 20] for i in (0, 20, 40)]
        steps = [y[i::3] for i in range(3)]
        return [p[i : i + 4] for p in parts for i in range(16)] + steps

    for found, expected in zip(dc.jit(f)(x), f(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_many_pieces_with_steps_are_taken():
    x = RNG.normal(size=(40,)).astype(np.float32)

    got = dc.jit(lambda x: [x[i : i + 20 : 2] for i in range(20)])(x)

    for i, found in enumerate(got):
        np.testing.assert_array_equal(found, x[i : i + 20 : 2])


def test_only_pieces_that_are_read_are_taken():
    x = np.ones((400, 3), np.float32)

    text = lowered(lambda x: jnp.unstack(x)[7], x)

    assert text.count("stablehlo.slice") == 1
    assert "call" not in text


def test_pieces_of_arrays_over_a_mesh_are_taken():
    mesh = dc.make_mesh((4,), ("rows",))
    x = RNG.normal(size=(40, 4)).astype(np.float32)

    def f(x):
        return sum(jnp.sin(row) * i for i, row in enumerate(jnp.unstack(x)))

    for spec in (P("rows"), P(None, "rows")):
        spread = dc.device_put(x, NamedSharding(mesh, spec))
        got = dc.jit(dc.grad(lambda x: f(x).sum()))(spread)

        expected = np.cos(x) * np.arange(40)[:, None]
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_programs_of_pieces_give_what_they_give_eagerly(data):
    steps = [
        (
            data.draw(st.sampled_from(["slice", "index", "split", "fill", "add"])),
            data.draw(st.integers(0, 7)),
            data.draw(st.integers(0, 7)),
        )
        for _ in range(data.draw(st.integers(3, 25)))
    ]
    wanted = data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=4))

    def f(x):
        whole, parts = [x, jnp.cos(x)], [x[:1], x[2:4]]
        for name, i, j in steps:
            a, p = whole[-1 - i % len(whole)], parts[-1 - j % len(parts)]
            if name == "slice":
                parts.append(a[j % 7 : j % 7 + 1 + i % 2])
            elif name == "index":
                parts.append(a[j][None])
            elif name == "split":
                parts += jnp.split(a, 8)[: i + 1]
            elif name == "fill":
                low = min(i, 8 - p.shape[0])
                whole.append(filled(p, low, 8 - low - p.shape[0]))
            else:
                whole.append(a + whole[-1 - j % len(whole)])
        made = whole + parts
        return [made[i % len(made)] for i in wanted], sum(whole)

    x = np.linspace(-1.0, 2.0, 16, dtype=np.float32).reshape(8, 2)

    got, expected = dc.jit(f)(x), f(x)

    for found, other in zip(dc.tree.leaves(got), dc.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(found, other, rtol=1e-4, atol=1e-4)
