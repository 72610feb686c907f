"""Functions as bytes that outlive the program."""

import collections
import subprocess
import sys

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import export, lax
from dolmen.core._backend import _ffi

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4)).astype(np.float32)
W = RNG.normal(size=(4, 2)).astype(np.float32)


def model(params, x, *, scale=2.0):
    h = jnp.tanh(x @ params["w"]) * scale
    return {"out": h, "count": jnp.int32(3)}, (h.sum(), None)


def stored(function, *args, vjp_order=0, **kwargs):
    made = export.export(dc.jit(function))(*args, **kwargs)
    return export.deserialize(made.serialize(vjp_order=vjp_order))


def assert_same(got, expected):
    assert dc.tree.structure(got) == dc.tree.structure(expected)
    for a, b in zip(dc.tree.leaves(got), dc.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_it_does_what_the_function_did():
    again = stored(model, {"w": W}, X, scale=3.0)

    assert_same(again.call({"w": W}, X, scale=3.0), model({"w": W}, X, scale=3.0))
    assert again.fun_name == "model"
    assert again.platforms == (export.default_export_platform(),)
    assert [t.shape for t in again.in_avals] == [(4, 2), (3, 4), ()]
    assert again.in_tree == dc.tree.structure((({"w": 0}, 0), {"scale": 0}))
    assert "stablehlo" in again.mlir_module()
    assert again.nr_devices == 1


def test_descriptions_are_enough():
    spec = dc.ShapeDtypeStruct((5,), np.float32)
    made = export.export(dc.jit(lambda x: jnp.sort(x)))(spec)
    np.testing.assert_array_equal(
        made.call(np.float32([3, 1, 2, 5, 4])), [1, 2, 3, 4, 5]
    )


def test_another_process_reads_it(tmp_path):
    made = export.export(dc.jit(lambda x: lax.cond(x[0] > 0, jnp.sin, jnp.cos, x)))(
        X[0]
    )
    (tmp_path / "f").write_bytes(made.serialize(vjp_order=1))
    program = """
import sys, pathlib
import numpy as np
import dolmen.core as dc
from dolmen.core import export
f = export.deserialize(pathlib.Path(sys.argv[1]).read_bytes())
x = np.float32([0.5, 2, 3, 4])
np.testing.assert_allclose(f.call(x), np.sin(x), rtol=1e-6)
np.testing.assert_allclose(dc.grad(lambda x: f.call(x).sum())(x), np.cos(x), rtol=1e-5)
"""
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "f")], check=True, timeout=120
    )


def test_inside_other_programs():
    again = stored(lambda x, w: jnp.tanh(x @ w), X, W)

    def twice(x, w):
        return again.call(x, w) + again.call(2 * x, w)

    expected = np.tanh(X @ W) + np.tanh(2 * X @ W)
    np.testing.assert_allclose(dc.jit(twice)(X, W), expected, rtol=1e-5)
    # Equal modules are one function.
    text = dc.jit(twice).lower(X, W).as_text()
    assert text.count("func.func private @exported") == 1

    def step(carry, x):
        return carry + again.call(x, W).sum(), None

    total, _ = lax.scan(step, jnp.float32(0), jnp.stack([X, 2 * X]))
    np.testing.assert_allclose(total, expected.sum(), rtol=1e-5)
    nested = stored(twice, X, W)
    np.testing.assert_allclose(nested.call(X, W), expected, rtol=1e-5)


def test_functions_inside_a_module_keep_apart():
    inner = dc.jit(lambda x: jnp.sin(x) * 2)
    one = stored(lambda x: inner(inner(x)), X)
    other = stored(lambda x: dc.jit(lambda x: jnp.cos(x) * 3)(x) + inner(x), X)

    got = dc.jit(lambda x: one.call(x) + other.call(x) + inner(x))(X)

    s = np.sin(X) * 2
    np.testing.assert_allclose(
        got, np.sin(s) * 2 + np.cos(X) * 3 + s + s, rtol=1e-5, atol=1e-6
    )


def test_derivatives_as_often_as_stored():
    def f(x, n, w):
        return jnp.sin(x @ w) * n, n + 1

    def loss(call):
        return lambda x, w: (call(x, np.int32(3), w)[0] ** 2).sum()

    again = stored(f, X, np.int32(3), W, vjp_order=2)
    plain, theirs = loss(f), loss(again.call)

    for argnums in (0, 1, (0, 1)):
        assert_same(
            dc.grad(theirs, argnums)(X, W), dc.jit(dc.grad(plain, argnums))(X, W)
        )

    def slope(of):
        return lambda w: (dc.grad(of)(X, w) ** 2).sum()

    np.testing.assert_allclose(
        dc.grad(slope(theirs))(W), dc.grad(slope(plain))(W), rtol=1e-4
    )
    third = dc.grad(lambda w: (dc.grad(slope(theirs))(w) ** 2).sum())
    with pytest.raises(NotImplementedError, match=r"no derivative(.|\n)*vjp_order=1"):
        third(W)
    with pytest.raises(ValueError, match=r"stored without derivative"):
        again.vjp().vjp().vjp()
    assert again.has_vjp()
    assert again.vjp().fun_name == "vjp_f"


def test_without_derivative_it_says_so():
    again = stored(jnp.sin, X)

    assert not again.has_vjp()
    with pytest.raises(NotImplementedError, match=r"no derivative(.|\n)*vjp_order=1"):
        dc.grad(lambda x: again.call(x).sum())(X)
    with pytest.raises(NotImplementedError, match="its shapes are fixed"):
        dc.vmap(again.call)(np.stack([X, X]))


def test_large_and_traced_values_it_closed_over():
    table = jnp.asarray(RNG.normal(size=(50, 4)).astype(np.float32))
    again = stored(lambda i: table[i], np.int32(7))
    np.testing.assert_array_equal(again.call(np.int32(9)), table[9])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "bool", "uint8"])
def test_dtypes_come_back(dtype):
    x = jnp.ones((2,), dtype)
    again = stored(lambda x: (x, x), x)
    assert [t.dtype for t in (*again.in_avals, *again.out_avals)] == [x.dtype] * 3
    assert again.call(x)[0].dtype == dtype


def test_wide_types_need_64_bit_types():
    with dc.enable_x64(True):
        made = export.export(dc.jit(lambda x: x * 2))(np.float64([1, 2]))
        data = made.serialize()
        assert export.deserialize(data).call(np.float64([1, 2])).dtype == "float64"


def test_arrays_that_are_committed_to_a_device():
    x = dc.device_put(X, dc.devices()[1])
    made = export.export(dc.jit(lambda x: x * 2))(x)
    np.testing.assert_array_equal(made.call(x), 2 * X)


def test_several_platforms():
    made = export.export(dc.jit(lambda x: x @ x.T), platforms=("tpu", "cpu", "cuda"))(X)
    again = export.deserialize(made.serialize())

    assert again.platforms == ("tpu", "cpu", "cuda")
    np.testing.assert_allclose(again.call(X), X @ X.T, rtol=1e-5)
    elsewhere = export.export(dc.jit(lambda x: x @ x.T), platforms=["tpu"])(X)
    with pytest.raises(ValueError, match=r"made for tpu, not for cpu(.|\n)*platforms="):
        elsewhere.call(X)
    forced = export.export(
        dc.jit(lambda x: x @ x.T),
        platforms=["tpu"],
        disabled_checks=[export.DisabledSafetyCheck.platform()],
    )(X)
    np.testing.assert_allclose(forced.call(X), X @ X.T, rtol=1e-5)


def test_linear_algebra():
    a = X @ X.T + np.eye(3, dtype=np.float32)
    again = stored(lambda a, b: jnp.linalg.solve(a, b), a, X)
    np.testing.assert_allclose(again.call(a, X), np.linalg.solve(a, X), rtol=1e-4)


# ---- trees ---------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


class Box:
    def __init__(self, label, content):
        self.label = label
        self.content = content


dc.tree_util.register_pytree_node(
    Box, lambda box: ((box.content,), box.label), lambda label, c: Box(label, *c)
)


def test_containers_of_all_kinds():
    export.register_namedtuple_serialization(Point, serialized_name="tests.Point")
    export.register_pytree_node_serialization(
        Box,
        serialized_name="tests.Box",
        serialize_auxdata=str.encode,
        deserialize_auxdata=bytes.decode,
    )

    def f(point, box):
        return Box("sum", [point.x + box.content, {"b": (), "a": Point(1.0, point.y)}])

    again = stored(f, Point(X, 2.0), Box("in", X))
    out = again.call(Point(X, 2.0), Box("in", X))

    assert out.label == "sum"
    np.testing.assert_array_equal(out.content[0], 2 * X)
    assert out.content[1]["a"] == Point(1.0, 2.0)
    with pytest.raises(ValueError, match="it was exported for arguments of the tree"):
        again.call(Point(X, 2.0), Box("another", X))
    with pytest.raises(ValueError, match=r"registered under 'tests\.Point' already"):
        export.register_namedtuple_serialization(Point, serialized_name="tests.Other")

    class Another(tuple):
        _fields = ()

    with pytest.raises(ValueError, match="has that name"):
        export.register_namedtuple_serialization(Another, serialized_name="tests.Box")
    with pytest.raises(TypeError, match="expected a class of named tuples"):
        export.register_namedtuple_serialization(int, serialized_name="tests.int")
    with pytest.raises(ValueError, match="is no container"):
        export.register_pytree_node_serialization(
            int,
            serialized_name="tests.int",
            serialize_auxdata=str.encode,
            deserialize_auxdata=bytes.decode,
        )


def test_containers_without_name():
    Other = collections.namedtuple("Other", "x")
    made = export.export(dc.jit(lambda t: t.x))(Other(X))
    np.testing.assert_array_equal(made.call(Other(X)), X)
    with pytest.raises(
        ValueError, match=r"in a .*Other, which has no name(.|\n)*Regis"
    ):
        made.serialize()

    export.register_namedtuple_serialization(Other, serialized_name="tests.Gone")
    data = made.serialize()
    export._by_name.pop("tests.Gone")
    with pytest.raises(ValueError, match=r"no class is registered under 'tests\.Gone'"):
        export.deserialize(data)


# ---- errors --------------------------------------------------------------------------


def test_wrong_arguments():
    again = stored(model, {"w": W}, X)
    with pytest.raises(
        ValueError, match=r"args\[1\]: expected f32\[3,4\], got f32\[2,4"
    ):
        again.call({"w": W}, X[:2])
    with pytest.raises(
        ValueError, match=r"args\[0\]\['w'\]: expected f32\[4,2\], got i3"
    ):
        again.call({"w": W.astype(np.int32)}, X)
    with pytest.raises(ValueError, match="it was exported for arguments of the tree"):
        again.call({"v": W}, X)


def test_what_can_not_be_exported():
    with pytest.raises(TypeError, match=r"expected a function made by `jit`"):
        export.export(lambda x: x)
    with pytest.raises(ValueError, match="platforms must be some of cpu, cuda, tpu"):
        export.export(dc.jit(jnp.sin), platforms=["rocket"])
    with pytest.raises(ValueError, match=r"calls Python while it runs"):
        export.export(dc.jit(lambda x: (dc.debug.print("{}", x), x)[1]))(X)
    with pytest.raises(ValueError, match=r"calls Python while it runs"):
        export.export(dc.jit(lambda x: dc.pure_callback(np.sin, x, x)))(X)
    ref = dc.new_ref(X)
    with pytest.raises(ValueError, match="uses refs from outside"):
        export.export(dc.jit(lambda x: x + ref[...]))(X)
    mesh = dc.make_mesh((2,), ("x",))
    rows = dc.NamedSharding(mesh, dc.P("x"))
    with pytest.raises(ValueError, match="laid out over several devices"):
        export.export(dc.jit(lambda x: x))(dc.device_put(np.ones(4), rows))
    mapped = dc.shard_map(lambda x: x, mesh=mesh, in_specs=dc.P(), out_specs=dc.P())
    with pytest.raises(ValueError, match="laid out over several devices"):
        export.export(dc.jit(mapped))(X)


def test_functions_of_other_libraries():
    _ffi.user_targets.add("tests_not_there")
    call = dc.jit(lambda x: dc.ffi.ffi_call("tests_not_there", x)(x))
    spec = dc.ShapeDtypeStruct((2,), np.float32)
    with pytest.raises(
        ValueError, match=r"'tests_not_there', registered(.|\n)*custom_"
    ):
        export.export(call)(spec)
    check = export.DisabledSafetyCheck.custom_call("tests_not_there")
    assert check.is_custom_call() == "tests_not_there"
    made = export.export(call, disabled_checks=[check])(spec)
    assert "tests_not_there" in made.mlir_module()


@pytest.mark.parametrize("cut", [0, 5, 40, -1])
def test_damaged_bytes(cut):
    data = export.export(dc.jit(jnp.sin))(X).serialize()
    with pytest.raises(ValueError, match="deserialize: the"):
        export.deserialize(data[:cut])
