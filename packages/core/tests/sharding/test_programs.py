"""Programs over several devices: what they compute, and how it is laid out."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

VALUE = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)


def error_of(call, kind=ValueError):
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"\n  at .*", "", str(caught.value))


# ---- following arguments -------------------------------------------------------------


@pytest.mark.parametrize("spec", [(), ("x",), (None, "y"), ("x", "y"), (("y", "x"),)])
@pytest.mark.parametrize(
    "function",
    [
        lambda a: a + 1,
        lambda a: a @ a.T,
        lambda a: jnp.sum(a, axis=0),
        lambda a: jnp.cumsum(a, axis=1),
        lambda a: jnp.sort(a, axis=0),
        lambda a: a.reshape(4, 16),
        lambda a: a[2:5, ::2],
        lambda a: jnp.concatenate([a, a], axis=1),
        lambda a: a.at[3].set(0.0),
        lambda a: jnp.take(a, jnp.array([5, 1]), axis=0),
        lambda a: jnp.linalg.svd(a)[1],
        lambda a: lax.scan(lambda c, x: (c + x, c @ a), jnp.zeros(8), a)[1],
        lambda a: lax.conv(a[None, None], a[None, None, :3, :3], (1, 1), "SAME"),
        lambda a: lax.cond(a[0, 0] > 0, jnp.sin, jnp.cos, a),
    ],
)
def test_arrays_on_a_mesh_give_the_same_results(over, function, spec):
    expected = np.asarray(function(jnp.asarray(VALUE)))
    array = dc.device_put(VALUE, over(*spec))

    for run in (function, dc.jit(function), dc.jit(function)):
        got = run(array)
        assert got.devices() == set(dc.devices())
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def test_results_are_laid_out_as_computed(over):
    a = dc.device_put(VALUE, over("x"))
    b = dc.device_put(VALUE, over(None, "y"))

    assert (a * 2).sharding == over("x")
    assert a.T.sharding == over(None, "x")
    assert (a @ b).sharding == over("x", "y")
    assert a.sum().sharding == over()
    assert dc.grad(lambda a: jnp.sum(jnp.tanh(a) @ b))(a).sharding == over("x")


def test_numbers_and_arrays_without_a_place_go_to_every_device(over):
    a = dc.device_put(VALUE, over("x"))

    for other in (2.0, np.ones(8, np.float32), jnp.ones(8)):
        got = a + other
        assert got.sharding == over("x")
        np.testing.assert_array_equal(got, VALUE + np.asarray(other, np.float32))


def test_arrays_that_are_closed_over_keep_their_layout(over):
    a = dc.device_put(VALUE, over("x"))
    f = dc.jit(lambda x: a * x)

    assert [f(2.0).sharding, f(3.0).sharding] == [over("x")] * 2


def test_a_mesh_of_one_device_works_the_same():
    mesh = dc.make_mesh((1,), ("only",))
    sharding = dc.NamedSharding(mesh, dc.P("only"))
    a = dc.device_put(VALUE, sharding)

    doubled = dc.jit(lambda a: a * 2, out_shardings=sharding, donate_argnums=0)(a)

    assert doubled.sharding == sharding
    assert a.is_deleted()
    np.testing.assert_array_equal(doubled, VALUE * 2)


def test_a_second_call_compiles_nothing(over, caplog):
    a = dc.device_put(VALUE, over("x"))
    f = dc.jit(lambda a: a - 1)
    f(a)
    with dc.log_compiles(True):
        f(dc.device_put(VALUE * 2, over("x")))
        assert not caplog.records
        f(dc.device_put(VALUE, over("y")))
        assert "Finished lowering of jit__lambda_" in caplog.text  # or loaded from disk


def test_random_numbers_do_not_depend_on_the_layout(over):
    key = dc.random.key(7)
    draw = lambda key: dc.random.normal(key, (8, 8))  # noqa: E731

    spread = dc.jit(draw, out_shardings=over("x", "y"))(key)

    assert spread.sharding == over("x", "y")
    np.testing.assert_array_equal(spread, draw(key))


def test_devices_that_differ_are_refused(over):
    a = dc.device_put(VALUE, over("x"))
    other = dc.make_mesh((2,), ("z",))
    b = dc.device_put(VALUE, dc.NamedSharding(other, dc.P("z")))
    single = dc.device_put(VALUE, dc.devices()[3])

    assert error_of(lambda: dc.jit(lambda u, v: u + v)(a, b)) == (
        "<lambda>: `v` is on the devices cpu:0, cpu:1, but others are on those of "
        "Mesh('x': 4, 'y': 2): cpu:0, cpu:1, cpu:2, cpu:3, cpu:4, cpu:5, cpu:6, cpu:7."
        "\nLay all arguments out over the same devices, with `device_put`."
    )
    assert "`y` is on the devices cpu:3, but others" in error_of(lambda: a + single)


# ---- what jit is told ----------------------------------------------------------------


def test_arguments_and_results_are_laid_out_as_told(over):
    f = dc.jit(
        lambda a, b: {"c": a @ b["w"], "d": a},
        in_shardings=(over("x"), {"w": over(None, "y")}),
        out_shardings={"c": over("y"), "d": None},
    )

    for _ in range(2):
        got = f(VALUE, {"w": jnp.asarray(VALUE)})
        assert got["c"].sharding == over("y")
        assert got["d"].sharding == over("x")
        np.testing.assert_allclose(got["c"], VALUE @ VALUE, rtol=1e-4, atol=1e-5)


def test_an_argument_that_is_laid_out_otherwise_is_refused(over):
    f = dc.jit(lambda a: a, in_shardings=over("x"))
    f(dc.device_put(VALUE, over("x", None)))  # alike

    got = error_of(lambda: f(dc.device_put(VALUE, over("y"))))

    assert got == (
        "<lambda>: `a` f32[8,8] is laid out as P('y') over Mesh('x': 4, 'y': 2), but "
        "in_shardings say P('x') over Mesh('x': 4, 'y': 2).\n"
        "Lay it out with `device_put(x, sharding)` first, or leave its sharding out of "
        "in_shardings."
    )


def test_specifications_mean_the_mesh_of_the_call(mesh, over):
    f = dc.jit(lambda a: a + 1, in_shardings=dc.P("x"), out_shardings=dc.P(None, "x"))
    other = dc.make_mesh((2,), ("x",))

    with dc.set_mesh(mesh):
        assert f(VALUE).sharding == over(None, "x")
    with dc.set_mesh(other):
        assert f(VALUE).sharding == dc.NamedSharding(other, dc.P(None, "x"))
    assert error_of(lambda: f(VALUE)) == (
        "jit of <lambda>: in_shardings is P('x'), but there is no current mesh that it "
        "is about.\nWrite `NamedSharding(mesh, spec)`, or put the call in a `with "
        "set_mesh(mesh):` block."
    )


def test_axes_that_cannot_be_split_evenly_are_refused(over):
    assert error_of(
        lambda: dc.jit(lambda a: a, in_shardings=over("x"))(np.ones(6))
    ) == (
        "<lambda>: `a`: axis 0 of shape (6,) has 6 elements, which P('x') splits in 4 "
        "equal parts over Mesh('x': 4, 'y': 2). Pad it to a multiple of 4, or leave it "
        "whole."
    )
    assert "<lambda>: result 0: axis 0 of shape (6,)" in error_of(
        lambda: dc.jit(lambda a: a[:6], out_shardings=over("x"))(np.ones(8))
    )


def test_a_device_and_a_mesh_together_are_refused(over):
    assert error_of(
        lambda: dc.jit(lambda a: a, in_shardings=over(), device=dc.devices()[0])
    ) == (
        "jit of <lambda>: device names the device cpu:0, in_shardings a mesh.\n"
        "Lay everything out over the mesh; `PartitionSpec()` puts a copy on each "
        "device."
    )


def test_a_device_that_is_told_is_where_arrays_on_a_mesh_are_moved(over):
    f = dc.jit(lambda a: a + 1, device=dc.devices()[2])

    got = f(dc.device_put(VALUE, over("x")))

    assert got.device == dc.devices()[2]
    np.testing.assert_array_equal(got, VALUE + 1)


def test_donated_buffers_are_reused(over):
    step = dc.jit(
        lambda a: a * 2,
        in_shardings=over("x"),
        out_shardings=over("x"),
        donate_argnums=0,
    )
    a = dc.device_put(VALUE, over("x"))

    got = step(a)

    assert a.is_deleted()
    np.testing.assert_array_equal(got, VALUE * 2)
    stats = step.lower(VALUE).compile().memory_analysis()
    assert stats.alias_size_in_bytes == stats.output_size_in_bytes == VALUE.nbytes // 4


def test_a_jitted_function_inside_another_keeps_what_it_was_told(over):
    inner = dc.jit(lambda a: a + 1, in_shardings=over("y"), out_shardings=over("x"))

    outer = dc.jit(lambda a: inner(a * 2))

    assert outer(VALUE).sharding == over("x")
    np.testing.assert_array_equal(outer(VALUE), VALUE * 2 + 1)
    np.testing.assert_array_equal(
        dc.jacrev(lambda a: inner(a).sum())(jnp.asarray(VALUE)), np.ones((8, 8))
    )


def test_stages_are_laid_out_too(over):
    f = dc.jit(lambda a, b: a @ b, out_shardings=over("x"))
    described = dc.ShapeDtypeStruct((8, 8), np.float32, sharding=over("x"))

    lowered = f.lower(described, VALUE)
    compiled = lowered.compile()

    assert 'sdy.mesh @mesh = <["x"=4, "y"=2]>' in lowered.as_text()
    assert compiled.input_shardings == ((over("x"), over()), {})
    assert compiled.output_shardings == over("x")
    got = compiled(VALUE, VALUE)
    assert got.sharding == over("x")
    np.testing.assert_allclose(got, VALUE @ VALUE, rtol=1e-4, atol=1e-5)
    assert compiled.memory_analysis().argument_size_in_bytes == VALUE.nbytes * 5 // 4


def test_executables_over_a_mesh_come_from_the_cache_on_disk(over, tmp_path):
    a = dc.device_put(VALUE, over("x"))

    def run():
        dc.clear_caches()
        return dc.jit(lambda a: jnp.tanh(a) @ a.T * 3)(a)

    with_cache = {
        "compilation_cache_dir": str(tmp_path),
        "persistent_cache_min_compile_time_secs": 0.0,
        "enable_compilation_cache": True,
    }
    before = {name: getattr(dc.config, name) for name in with_cache}
    for name, value in with_cache.items():
        dc.config.update(name, value)
    try:
        first, files = run(), sorted(tmp_path.iterdir())
        second = run()
    finally:
        for name, value in before.items():
            dc.config.update(name, value)

    assert files
    assert first.sharding == second.sharding
    np.testing.assert_array_equal(first, second)


def test_compiled_functions_refuse_other_layouts(over):
    compiled = dc.jit(lambda a: a + 1).lower(dc.device_put(VALUE, over("x"))).compile()
    compiled(dc.device_put(VALUE, over("x", None)))  # alike

    assert error_of(lambda: compiled(dc.device_put(VALUE, over("y")))) == (
        "<lambda>: called with other layouts than it was compiled for\n"
        "  `a`: expected NamedSharding(mesh=Mesh('x': 4, 'y': 2), spec=P('x')), got "
        "NamedSharding(mesh=Mesh('x': 4, 'y': 2), spec=P('y'))\n"
        "Lay the arguments out with `device_put(x, sharding)` first."
    )


def test_the_cache_report_tells_of_another_mesh(mesh):
    f = dc.jit(lambda a: a + 1)
    f(VALUE)
    with dc.set_mesh(mesh):
        f(VALUE)

    assert "the current mesh is Mesh('x': 4, 'y': 2), was None" in str(f.cache_report())


# ---- constraints inside --------------------------------------------------------------


def test_a_constraint_lays_a_value_out(mesh, over):
    f = dc.jit(lambda a: lax.with_sharding_constraint(a * 2, over("y", "x")))

    assert f(VALUE).sharding == over("y", "x")
    np.testing.assert_array_equal(f(VALUE), VALUE * 2)
    with dc.set_mesh(mesh):
        g = dc.jit(lambda a: lax.with_sharding_constraint(a, dc.P("x")))
        assert g(VALUE).sharding == over("x")


def test_a_constraint_moves_an_array_outside_of_jit(over):
    tree = {"a": VALUE, "b": jnp.asarray(VALUE)}

    got = lax.with_sharding_constraint(tree, {"a": over("x"), "b": None})

    assert got["a"].sharding == over("x")
    assert got["b"] is tree["b"]


def test_placing_a_traced_value_is_a_constraint(over):
    placed = dc.jit(lambda a: dc.device_put(a * 2, over("x")))(VALUE)
    made = dc.jit(lambda: jnp.full((8, 2), 3.0, device=over("y")))()

    assert (placed.sharding, made.sharding) == (over("x"), over("y"))
    np.testing.assert_array_equal(placed, VALUE * 2)


def test_an_axis_may_be_left_to_the_compiler(over):
    free = over(dc.P.UNCONSTRAINED, "y")
    f = dc.jit(lambda a: lax.with_sharding_constraint(a * 2, free))

    assert f(dc.device_put(VALUE, over("x"))).sharding == over("x", "y")


def test_constraints_are_differentiated_and_batched(over):
    f = lambda a: lax.with_sharding_constraint(jnp.sin(a), over("x"))  # noqa: E731
    a = jnp.asarray(VALUE)

    got = dc.jit(dc.grad(lambda a: f(a).sum()))(a)
    tangent = dc.jit(lambda a: dc.jvp(f, (a,), (a,)))(a)[1]
    batched = dc.jit(dc.vmap(f, spmd_axis_name="y"))(jnp.stack([a, a]))
    moved = dc.jit(dc.vmap(f, in_axes=1, out_axes=1))(a[:, None])

    np.testing.assert_allclose(got, np.cos(VALUE), rtol=1e-6)
    np.testing.assert_allclose(tangent, np.cos(VALUE) * VALUE, rtol=1e-5, atol=1e-6)
    assert batched.sharding == over("y", "x")
    np.testing.assert_allclose(batched[1], np.sin(VALUE), rtol=1e-6)
    np.testing.assert_allclose(moved[:, 0], np.sin(VALUE), rtol=1e-6)


def test_the_compiler_communicates_as_the_constraint_demands(over):
    f = dc.jit(lambda a: lax.with_sharding_constraint(a, over()))

    text = f.lower(dc.ShapeDtypeStruct((8, 8), np.float32, sharding=over("x")))

    assert "all-gather" in text.compile().as_text()


def test_what_is_no_constraint_is_refused(over):
    constrain = lax.with_sharding_constraint
    single = dc.device_put(1.0, dc.devices()[0]).sharding

    assert error_of(lambda: constrain(VALUE, 3), TypeError) == (
        "with_sharding_constraint: shardings must be a sharding, a PartitionSpec or "
        "None, got 3.\nWrite `NamedSharding(mesh, PartitionSpec(...))` for several "
        "devices, `SingleDeviceSharding(device)` for one."
    )
    assert "must lay arrays out over a mesh, got SingleDeviceSharding" in error_of(
        lambda: constrain(VALUE, single), TypeError
    )
    assert error_of(lambda: dc.jit(lambda a: constrain(a, over("x")))(np.ones(6))) == (
        "with_sharding_constraint: f32[6]: axis 0 of shape (6,) has 6 elements, which "
        "P('x') splits in 4 equal parts over Mesh('x': 4, 'y': 2). Pad it to a "
        "multiple of 4, or leave it whole."
    )
    assert "there is no current mesh" in error_of(lambda: constrain(VALUE, dc.P("x")))


# ---- a whole step, and effects -------------------------------------------------------


def test_training_over_a_mesh_follows_training_on_one_device(over):
    rng = np.random.default_rng(1)
    params = {
        "in": rng.normal(size=(8, 16)).astype(np.float32) / 4,
        "out": rng.normal(size=(16, 2)).astype(np.float32) / 4,
    }
    x, y = rng.normal(size=(16, 8)), rng.normal(size=(16, 2))

    def loss(params, x, y):
        return jnp.mean((jnp.tanh(x @ params["in"]) @ params["out"] - y) ** 2)

    @dc.jit
    def step(params, x, y):
        value, grads = dc.value_and_grad(loss)(params, x, y)
        return dc.tree.map(lambda p, g: p - 0.1 * g, params, grads), value

    spread = {
        "in": dc.device_put(params["in"], over(None, "y")),
        "out": dc.device_put(params["out"], over("y")),
    }
    batch = dc.device_put((x, y), over("x"))
    for _ in range(5):
        params, expected = step(params, x, y)
        spread, got = step(spread, *batch)

    np.testing.assert_allclose(got, expected, rtol=1e-5)
    np.testing.assert_allclose(spread["in"], params["in"], rtol=1e-4, atol=1e-6)
    assert spread["out"].sharding.is_equivalent_to(over("y"), 2)


def test_repeated_blocks_stay_calls_over_a_mesh(over):
    def block(h, w):
        h = h + jnp.tanh(h @ w)
        return (h - jnp.mean(h, -1, keepdims=True)) / jnp.sqrt(jnp.var(h) + 1)

    def net(h, ws):
        for w in ws:
            h = block(h, w)
        return jnp.sum(h**2)

    ws = [VALUE / 8] * 6
    expected = dc.jit(dc.grad(net, argnums=1))(VALUE, ws)
    spread = dc.device_put(ws, over(None, "y"))

    got = dc.jit(dc.grad(net, argnums=1))(dc.device_put(VALUE, over("x")), spread)

    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-3, atol=1e-4)


def test_python_is_called_once_with_whole_arrays(over):
    a = dc.device_put(VALUE, over("x"))
    seen = []

    def f(a):
        dc.debug.callback(lambda v: seen.append(v.shape), a)
        return dc.pure_callback(lambda v: v * 2, a, a)

    got = dc.jit(f)(a)
    dc.effects_barrier()

    assert seen == [(8, 8)]
    np.testing.assert_array_equal(got, VALUE * 2)


def test_ordered_effects_are_refused_on_several_devices(over):
    f = dc.jit(lambda a: dc.debug.print("{}", a, ordered=True))

    assert error_of(lambda: f(dc.device_put(VALUE, over("x")))) == (
        "ordered effects have no order on 8 devices. Leave out `ordered=True`."
    )


def test_a_nan_is_found_over_a_mesh(over):
    a = dc.device_put(VALUE, over("x"))

    with dc.debug_nans(True), pytest.raises(FloatingPointError, match="in log"):
        dc.jit(lambda a: jnp.log(a) + 1)(a)


def test_refs_are_laid_out(over):
    ref = dc.new_ref(dc.device_put(VALUE, over("x")))

    @dc.jit
    def add(ref):
        ref[...] += 1

    add(ref)

    assert dc.freeze(ref).sharding == over("x")


@pytest.mark.parametrize(
    "make",
    [
        lambda device: jnp.zeros((8, 2), device=device),
        lambda device: jnp.full((8, 2), 3.0, device=device),
        lambda device: jnp.full_like(jnp.ones((8, 2)), 3, device=device),
        lambda device: jnp.arange(8, device=device),
        lambda device: jnp.linspace(0, 1, 8, device=device),
        lambda device: jnp.eye(8, device=device),
        lambda device: jnp.array(VALUE, device=device),
        lambda device: jnp.asarray([0.0] * 8, device=device),
        lambda device: jnp.fft.fftfreq(8, device=device),
    ],
)
def test_functions_that_make_arrays_lay_them_out(over, make):
    inside, outside = dc.jit(lambda: make(over("y")))(), make(over("y"))

    assert inside.sharding == outside.sharding == over("y")
    np.testing.assert_allclose(inside, outside)
