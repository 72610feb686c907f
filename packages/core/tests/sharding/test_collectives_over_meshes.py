"""Collectives between devices do what they do between the lanes of a `vmap`."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

P = dc.P
RNG = np.random.default_rng(0)

# One lane's operand has shape (4, 8), and there are four lanes.
OPERATIONS = {
    "psum": lambda x, n: lax.psum(x, n),
    "pmean": lambda x, n: lax.pmean(x, n),
    "pmax": lambda x, n: lax.pmax(x, n),
    "pmin": lambda x, n: lax.pmin(x, n),
    "all_gather": lambda x, n: lax.all_gather(x, n),
    "all_gather of axis 1": lambda x, n: lax.all_gather(x, n, axis=1),
    "all_gather, tiled": lambda x, n: lax.all_gather(x, n, axis=1, tiled=True),
    "psum_scatter": lambda x, n: lax.psum_scatter(x, n),
    "psum_scatter of axis 1": lambda x, n: lax.psum_scatter(
        x, n, scatter_dimension=1, tiled=True
    ),
    "all_to_all": lambda x, n: lax.all_to_all(x, n, 0, 1),
    "all_to_all, tiled": lambda x, n: lax.all_to_all(x, n, 1, 0, tiled=True),
    "pswapaxes": lambda x, n: lax.pswapaxes(x, n, 0),
    "ppermute": lambda x, n: lax.ppermute(x, n, [(0, 1), (1, 3), (3, 0)]),
    "ppermute of nothing": lambda x, n: lax.ppermute(x, n, []),
    "pshuffle": lambda x, n: lax.pshuffle(x, n, [2, 0, 3, 1]),
    "pbroadcast": lambda x, n: lax.pbroadcast(x, n, 2),
    "axis_index": lambda x, n: x * lax.axis_index(n).astype(x.dtype),
    "axis_size": lambda x, n: x * lax.axis_size(n),
}
DTYPES = ["float32", "float64", "bfloat16", "float16", "int32", "uint8", "complex64"]


def on_mesh(mesh, names, f, *, check_vma=True, in_specs=None):
    """`f` of the lanes of the leading axis, each on the devices along `names`."""
    spec = P(names) if in_specs is None else in_specs

    def one(*rows):
        return dc.tree.map(lambda x: x[None], f(*(row[0] for row in rows)))

    return dc.shard_map(
        one, mesh=mesh, in_specs=spec, out_specs=P(names), check_vma=check_vma
    )


@pytest.mark.parametrize("check_vma", [True, False])
@pytest.mark.parametrize("name", OPERATIONS)
def test_devices_are_lanes(mesh, name, check_vma):
    operation = OPERATIONS[name]
    x = RNG.normal(size=(4, 4, 8)).astype(np.float32)

    found = on_mesh(mesh, "x", lambda x: operation(x, "x"), check_vma=check_vma)(x)
    expected = dc.vmap(lambda x: operation(x, "x"), axis_name="x")(x)

    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("check_vma", [True, False])
@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_are_those_of_lanes(mesh, name, check_vma):
    operation = OPERATIONS[name]
    x = RNG.normal(size=(4, 4, 8)).astype(np.float32)
    dx = RNG.normal(size=x.shape).astype(np.float32)
    f = on_mesh(mesh, "x", lambda x: operation(jnp.sin(x), "x"), check_vma=check_vma)
    g = dc.vmap(lambda x: operation(jnp.sin(x), "x"), axis_name="x")

    out, tangent = dc.jvp(f, (x,), (dx,))
    wanted, wanted_tangent = dc.jvp(g, (x,), (dx,))
    np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tangent, wanted_tangent, rtol=1e-5, atol=1e-5)
    ct = RNG.normal(size=wanted.shape).astype(np.float32)
    (pulled,), (expected,) = (dc.vjp(h, x)[1](ct) for h in (f, g))
    np.testing.assert_allclose(pulled, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["psum", "all_gather", "psum_scatter", "all_to_all"])
def test_second_derivatives(mesh, name):
    operation = OPERATIONS[name]
    x = RNG.normal(size=(4, 4, 8)).astype(np.float32)
    weights = RNG.normal(size=(1,)).astype(np.float32)

    def curvature(map_over):
        mapped = map_over(lambda x: operation(jnp.sin(x) ** 2, "x"))
        slope = dc.grad(lambda x: (mapped(x) ** 2).sum() * weights[0])
        return dc.jvp(slope, (x,), (x,))[1]

    found = curvature(lambda f: on_mesh(mesh, "x", f))
    expected = curvature(lambda f: dc.vmap(f, axis_name="x"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("names", [("x", "y"), ("y", "x")])
@pytest.mark.parametrize(
    "name", ["psum", "pmax", "all_gather", "psum_scatter", "pshuffle", "axis_index"]
)
def test_several_axes_are_lanes_of_lanes(mesh, name, names):
    if name == "pshuffle":
        order = [5, 0, 3, 7, 1, 2, 6, 4]
        operation = lambda x, n: lax.pshuffle(x, n, order)  # noqa: E731
    else:
        operation = OPERATIONS[name]
    x = RNG.normal(size=(8, 8, 2)).astype(np.float32)

    found = on_mesh(mesh, names, lambda x: operation(x, names))(x)
    first, second = (mesh.shape[n] for n in names)
    lanes = dc.vmap(lambda x: operation(x, names), axis_name=names[1])
    expected = dc.vmap(lanes, axis_name=names[0])(x.reshape(first, second, 8, 2))

    np.testing.assert_allclose(
        found, np.asarray(expected).reshape(found.shape), rtol=1e-5
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["psum", "all_gather", "psum_scatter", "ppermute"])
def test_dtypes(mesh, name, dtype):
    operation = OPERATIONS[name]
    with dc.enable_x64(dtype == "float64"):
        x = jnp.asarray(RNG.integers(0, 9, size=(4, 4, 8)), dtype)
        found = on_mesh(mesh, "x", lambda x: operation(x, "x"))(x)
        expected = dc.vmap(lambda x: operation(x, "x"), axis_name="x")(x)

    assert found.dtype == expected.dtype == dtype
    np.testing.assert_array_equal(found, expected)


def test_booleans_are_gathered_and_counted(mesh):
    x = RNG.integers(0, 2, size=(4, 4)).astype(bool)

    gathered = on_mesh(mesh, "x", lambda x: lax.all_gather(x, "x"))(x)
    counted = on_mesh(mesh, "x", lambda x: lax.psum(x, "x"))(x)

    np.testing.assert_array_equal(gathered, np.broadcast_to(x, (4, 4, 4)))
    np.testing.assert_array_equal(counted, np.broadcast_to(x.sum(0), (4, 4)))


def test_a_mesh_whose_devices_are_in_another_order():
    devices = np.array(dc.devices(), object)[[3, 1, 7, 0, 2, 6, 5, 4]].reshape(2, 4)
    mesh = dc.sharding.Mesh(devices, ("a", "b"))
    x = RNG.normal(size=(4, 3)).astype(np.float32)

    found = on_mesh(mesh, "b", lambda x: lax.psum(x * lax.axis_index("b"), "b"))(x)
    gathered = on_mesh(mesh, "b", lambda x: lax.all_gather(x, "b"))(x)

    expected = (x * np.arange(4)[:, None]).sum(0)
    np.testing.assert_allclose(found, np.broadcast_to(expected, (4, 3)), rtol=1e-6)
    np.testing.assert_array_equal(gathered, np.broadcast_to(x, (4, 4, 3)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_axis_of_one_device(name):
    mesh = dc.make_mesh((1, 8), ("x", "y"))
    operation = OPERATIONS[name]
    x = RNG.normal(size=(1, 1, 8)).astype(np.float32)
    if name in ("ppermute", "pshuffle"):
        operation = lambda x, n: lax.ppermute(x, n, [(0, 0)])  # noqa: E731
    elif name == "pbroadcast":
        operation = lambda x, n: lax.pbroadcast(x, n, 0)  # noqa: E731

    found = on_mesh(mesh, "x", lambda x: operation(x, "x"))(x)
    expected = dc.vmap(lambda x: operation(x, "x"), axis_name="x")(x)

    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_under_vmap_inside_and_outside(mesh, name):
    operation = OPERATIONS[name]
    x = RNG.normal(size=(3, 4, 4, 8)).astype(np.float32)
    one = on_mesh(mesh, "x", lambda x: operation(x, "x"))
    lanes = dc.vmap(lambda x: operation(x, "x"), axis_name="x")
    expected = np.stack([lanes(row) for row in x])

    outside = dc.vmap(one)(x)
    batched = dc.vmap(lambda x: operation(x, "x"), in_axes=1, out_axes=1)
    moved = np.moveaxis(x, 0, 2)  # lanes, 4, batch, 8
    inside = on_mesh(mesh, "x", batched)(moved)

    np.testing.assert_allclose(outside, expected, rtol=1e-6)
    np.testing.assert_allclose(np.moveaxis(inside, 2, 0), expected, rtol=1e-6)


def test_names_that_nothing_binds(mesh):
    f = dc.shard_map(
        lambda x: lax.psum(x, "z"), mesh=mesh, in_specs=P("x"), out_specs=P("x")
    )
    with pytest.raises(NameError, match=r"axis name 'z' is not bound.*'x' \(size 4\)"):
        f(np.ones(4, np.float32))
