"""Functions that each device runs on its own part of the arguments."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

P = dc.P
RNG = np.random.default_rng(1)
X = RNG.normal(size=(8, 6)).astype(np.float32)
W = RNG.normal(size=(6, 4)).astype(np.float32)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


# ---- parts ---------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [P(), P("x"), P("y"), P(("x", "y")), P(None, "y")])
def test_parts_make_up_the_whole(mesh, spec):
    shapes = []

    @dc.shard_map(mesh=mesh, in_specs=spec, out_specs=spec)
    def f(x):
        shapes.append(x.shape)
        return x + 1

    np.testing.assert_array_equal(f(X), X + 1)
    assert shapes == [dc.NamedSharding(mesh, spec).shard_shape(X.shape)]


def test_names_of_axes_may_have_quotes():
    mesh = dc.make_mesh((8,), ('the "x"',))
    f = dc.shard_map(
        lambda x: lax.psum(x, 'the "x"'),
        mesh=mesh,
        in_specs=P('the "x"'),
        out_specs=P(),
    )
    np.testing.assert_allclose(f(X), X.sum(0, keepdims=True), rtol=1e-5)


def test_trees_of_arguments_and_specifications(mesh):
    @dc.shard_map(
        mesh=mesh,
        in_specs=({"a": P("x"), "b": P()}, P(None, "y")),
        out_specs={"sum": P("x"), "rest": (P(None, "y"), P())},
    )
    def f(tree, z):
        return {"sum": tree["a"] + tree["b"], "rest": (z * 2, jnp.float32(3))}

    out = f({"a": X, "b": np.float32(2)}, X)

    np.testing.assert_array_equal(out["sum"], X + 2)
    np.testing.assert_array_equal(out["rest"][0], X * 2)
    assert out["rest"][1] == 3


def test_results_lie_where_the_specification_says(mesh):
    f = dc.shard_map(
        lambda x: x, mesh=mesh, in_specs=P("x", "y"), out_specs=P("x", "y")
    )
    out = f(np.ones((8, 4), np.float32))
    assert out.sharding == dc.NamedSharding(mesh, P("x", "y"))


def test_the_current_mesh_and_specifications_of_arrays(mesh, over):
    @dc.shard_map(out_specs=P("x"))
    def f(x, y):
        assert x.shape == (2, 6)
        assert y.shape == (2, 4)
        return x @ jnp.ones((6, 2)) + y[:, :2]

    x = dc.device_put(X, over("x"))
    y = dc.device_put(normal(8, 4), over(("x",)))
    with dc.set_mesh(mesh):
        np.testing.assert_allclose(
            f(x, y), X.sum(1, keepdims=True) + np.asarray(y)[:, :2], rtol=1e-5
        )


def test_as_decorator_and_in_jit(mesh):
    @dc.shard_map(mesh=mesh, in_specs=P("x"), out_specs=P())
    def total(x):
        """Adds up."""
        return lax.psum(x.sum(), "x")

    assert total.__doc__ == "Adds up."
    np.testing.assert_allclose(total(X), X.sum(), rtol=1e-5)
    np.testing.assert_allclose(
        dc.jit(lambda x: total(x * 2))(X), 2 * X.sum(), rtol=1e-5
    )
    assert dc.eval_shape(total, X).shape == ()


def test_arguments_by_name(mesh):
    f = dc.shard_map(
        lambda x, w: x @ w, mesh=mesh, in_specs=(P("x"), P()), out_specs=P("x")
    )
    np.testing.assert_allclose(f(w=W, x=X), X @ W, rtol=1e-5)

    def only_by_name(x, *, scale):
        return x * scale

    g = dc.shard_map(only_by_name, mesh=mesh, in_specs=P("x"), out_specs=P("x"))
    with pytest.raises(TypeError, match="'scale' can be passed by name only"):
        g(X, scale=2)
    np.testing.assert_array_equal(dc.pmap(lambda a, b: a - b)(b=X, a=2 * X), X)


def test_what_it_closes_over_is_shared(mesh):
    def loss(w, x):
        f = dc.shard_map(
            lambda x: lax.psum(((x @ w) ** 2).sum(), "x"),
            mesh=mesh,
            in_specs=P("x"),
            out_specs=P(),
        )
        return f(x)

    np.testing.assert_allclose(loss(W, X), ((X @ W) ** 2).sum(), rtol=1e-5)
    np.testing.assert_allclose(
        dc.grad(loss)(W, X), 2 * X.T @ (X @ W), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(
        dc.jit(dc.grad(loss))(W, X), 2 * X.T @ (X @ W), rtol=1e-4, atol=1e-4
    )


def test_along_some_axes_the_compiler_divides_the_work(mesh):
    @dc.jit
    @dc.shard_map(mesh=mesh, in_specs=P("x"), out_specs=P(), axis_names={"x"})
    def f(x):
        assert x.shape == (2, 6)
        y = lax.with_sharding_constraint(x * 2, dc.NamedSharding(mesh, P(None, "y")))
        return lax.psum(y.sum(0) * (1 + lax.axis_index("x")), "x")

    expected = (2 * X.reshape(4, 2, 6).sum(1) * np.arange(1, 5)[:, None]).sum(0)
    np.testing.assert_allclose(f(X), expected, rtol=1e-5)


@pytest.mark.parametrize("f", [dc.grad, lambda f: dc.jit(dc.grad(f))])
def test_derivatives_along_some_axes(mesh, f):
    mapped = dc.shard_map(
        lambda w, x: lax.pmean(jnp.tanh(x @ w).mean(), "x"),
        mesh=mesh,
        in_specs=(P(), P("x")),
        out_specs=P(),
        axis_names={"x"},
    )
    expected = dc.grad(lambda w: jnp.tanh(X @ w).mean())(W)
    np.testing.assert_allclose(f(mapped)(W, X), expected, rtol=1e-5, atol=1e-6)


def test_one_in_another(mesh):
    @dc.shard_map(mesh=mesh, in_specs=P("x"), out_specs=P("x"), axis_names={"x"})
    def outer(x):
        @dc.shard_map(
            mesh=mesh, in_specs=P(None, "y"), out_specs=P(None, "y"), axis_names={"y"}
        )
        def inner(x):
            assert x.shape == (2, 3)
            return x * 10 + lax.axis_index("y")

        return inner(x) + 100 * lax.axis_index("x")

    x = np.zeros((8, 6), np.float32)
    expected = np.repeat([0, 1], 3)[None] + 100 * np.repeat(np.arange(4), 2)[:, None]
    np.testing.assert_array_equal(dc.jit(outer)(x), expected)


# ---- what varies ---------------------------------------------------------------------


def test_types_say_over_which_axes_values_vary(mesh):
    seen = {}

    @dc.shard_map(mesh=mesh, in_specs=(P("x"), P(None, "y"), P()), out_specs=P("x"))
    def f(x, y, z):
        total = lax.psum(y, "y")
        for name, value in {
            "x": x,
            "y": y,
            "z": z,
            "z + 1": z + 1,
            "x + z": x + z,
            "x + y": x[:, :3] + y[:1],
            "psum": total,
            "gathered": lax.all_gather(x, "x"),
            "index": lax.axis_index("y"),
            "cast": lax.pcast(z, ("y", "x"), to="varying"),
            "jit": dc.jit(jnp.sin)(x),
            "sum": x.sum(),
        }.items():
            seen[name] = "".join(sorted(dc.typeof(value).vma))
            assert dc.typeof(value).manual_axis_type.varying == dc.typeof(value).vma
        return x

    f(X, X, np.float32(1))
    assert seen == {
        "x": "x",
        "y": "y",
        "z": "",
        "z + 1": "",
        "x + z": "x",
        "x + y": "xy",
        "psum": "",
        "gathered": "x",
        "index": "y",
        "cast": "xy",
        "jit": "x",
        "sum": "x",
    }
    assert repr(dc.typeof(jnp.ones(2)).with_varying(frozenset("x"))) == "f32[2]{V:x}"


def expect_gradient(mesh, loss, w=W, x=X, *, rtol=1e-4):
    """The gradient inside, of the parts' losses, is that of the sum of them all."""
    mapped = dc.shard_map(
        dc.grad(loss), mesh=mesh, in_specs=(P(), P("x")), out_specs=P()
    )

    def whole(w):
        return sum(loss(w, part) for part in np.split(x, 4))

    expected = dc.grad(whole)(w)
    for f in (mapped, dc.jit(mapped)):
        found = f(w, x)
        dc.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-4),
            found,
            expected,
        )


def test_gradients_by_what_is_shared_are_sums_over_all_devices(mesh):
    expect_gradient(mesh, lambda w, x: jnp.tanh(x @ w).sum())


def test_gradients_through_jit(mesh):
    layer = dc.jit(lambda w, x: jnp.tanh(x @ w))
    expect_gradient(mesh, lambda w, x: (layer(w, x) * layer(w, x)).sum())


def test_gradients_through_scan(mesh):
    def loss(w, x):
        def step(carry, row):
            # The carry begins without varying, and varies then.
            return carry + jnp.tanh(row @ w), carry.sum()

        last, sums = lax.scan(step, jnp.zeros(4), x)
        return (last * last).sum() + (w.sum() * sums).sum()

    expect_gradient(mesh, loss)


def test_gradients_through_a_loop_that_carries_what_is_shared(mesh):
    def loss(w, x):
        def step(i, carry):
            w, total = carry
            return w * 1.1, total + (x @ w).sum()

        w, total = lax.fori_loop(0, 3, step, (w, 0.0))
        return total * w.sum()

    expect_gradient(mesh, loss)


@pytest.mark.parametrize("by", ["what varies", "what is shared"])
def test_gradients_through_cond(mesh, by):
    def loss(w, x):
        choice = x[0, 0] > 0 if by == "what varies" else w[0, 0] > 0
        total = lax.cond(
            choice,
            lambda x: (w**2).sum() * x.sum(),  # closes over what is shared
            lambda x: x.sum() * 2,
            x,
        )
        return total + lax.cond(choice, lambda v: v.sum(), jnp.sum, w) * x.sum()

    expect_gradient(mesh, loss)


def test_gradients_through_while_forwards(mesh):
    def f(w, x):
        def body(carry):
            n, w = carry
            return n + 1, w * 1.5

        return lax.while_loop(lambda c: c[0] < 3, body, (0, w))[1] * x.sum()

    @dc.shard_map(mesh=mesh, in_specs=(P(), P("x")), out_specs=P())
    def slope(w, x):
        return lax.psum(dc.jvp(lambda w: f(w, x), (w,), (w,))[1], "x")

    np.testing.assert_allclose(slope(W, X), W * 1.5**3 * X.sum(), rtol=1e-3)


def test_a_loop_whose_end_varies(mesh):
    @dc.shard_map(mesh=mesh, in_specs=P("x"), out_specs=P("x"))
    def f(x):
        count = lax.while_loop(
            lambda n: n < lax.axis_index("x") + 1, lambda n: n + 1, 0
        )
        assert dc.typeof(count).vma == {"x"}
        return x + count

    expected = X + np.repeat(np.arange(1, 5, dtype=np.float32), 2)[:, None]
    np.testing.assert_array_equal(f(X), expected)


def test_gradients_through_checkpoint(mesh):
    expect_gradient(
        mesh, lambda w, x: dc.checkpoint(lambda w, x: jnp.sin(x @ w).sum())(w, x)
    )


def test_gradients_through_custom_rules(mesh):
    @dc.custom_vjp
    def scaled(w, x):
        return (x @ w) * 3

    scaled.defvjp(
        lambda w, x: ((x @ w) * 3, (w, x)),
        lambda res, ct: (res[1].T @ ct * 3, ct @ res[0].T * 3),
    )

    @dc.custom_jvp
    def powered(x, w):
        return x * w**2

    @powered.defjvp
    def _(primals, tangents):
        (x, w), (dx, dw) = primals, tangents
        return x * w**2, dx * w**2 + 2 * x * w * dw

    expect_gradient(mesh, lambda w, x: scaled(w, x).sum())
    expect_gradient(mesh, lambda w, x: powered(x[:, :1, None], w).sum())


def test_gradients_through_vmap(mesh):
    expect_gradient(mesh, lambda w, x: dc.vmap(lambda row: jnp.tanh(row @ w))(x).sum())


def test_gradients_through_linear_algebra_and_indexing(mesh):
    def loss(w, x):
        a = w.T @ w + jnp.eye(4) * 3
        b = jnp.linalg.solve(a, x[:, :4].T)
        return b.sum() + (w.at[0].add(x[0, :4])[jnp.array([0, 2])] ** 2).sum()

    expect_gradient(mesh, loss)


def test_second_derivatives_by_what_is_shared(mesh):
    def loss(w, x):
        return (jnp.tanh(x @ w) ** 3).sum()

    @dc.shard_map(mesh=mesh, in_specs=(P(), P("x")), out_specs=P())
    def product(w, x):
        return dc.jvp(dc.grad(lambda w: loss(w, x)), (w,), (w,))[1]

    expected = dc.jvp(dc.grad(lambda w: loss(w, X)), (W,), (W,))[1]
    np.testing.assert_allclose(product(W, X), expected, rtol=1e-4, atol=1e-4)


def test_without_tracking_gradients_inside_are_those_of_a_device(mesh):
    def loss(w, x):
        return jnp.tanh(x @ w).sum()

    mapped = dc.shard_map(
        lambda w, x: dc.grad(loss)(w, x)[None],
        mesh=mesh,
        in_specs=(P(), P("x")),
        out_specs=P("x"),
        check_vma=False,
    )
    expected = np.stack([dc.grad(loss)(W, part) for part in np.split(X, 4)])
    np.testing.assert_allclose(mapped(W, X), expected, rtol=1e-4, atol=1e-5)


# ---- derivatives of the whole --------------------------------------------------------

BODIES = {
    "sum over devices": lambda w, x: lax.psum(jnp.tanh(x @ w).sum(0), "x"),
    "mean, then more": lambda w, x: (
        jnp.sin(lax.pmean(jnp.tanh(x @ w).sum(0), "x")) * w[0]
    ),
    "normalized": lambda w, x: (
        lax.psum(jnp.exp(x @ w), "x") / lax.psum(jnp.exp(x @ w).sum(0), "x")
    ).sum(0),
    "ring": lambda w, x: lax.psum(
        lax.ppermute(x @ w, "x", [(i, (i + 1) % 4) for i in range(4)]) * (x @ w), "x"
    ).sum(0),
    "no exchange": lambda w, x: w.sum(0) ** 2,
}


@pytest.mark.parametrize("check_vma", [True, False])
@pytest.mark.parametrize("name", BODIES)
def test_derivatives_of_the_whole(mesh, name, check_vma):
    body = BODIES[name]
    f = dc.shard_map(
        body, mesh=mesh, in_specs=(P(), P("x")), out_specs=P(), check_vma=check_vma
    )
    parts = X.reshape(4, 2, 6)
    lanes = dc.vmap(body, in_axes=(None, 0), axis_name="x")

    def reference(w, x):
        return lanes(w, x.reshape(4, 2, 6))[0]

    np.testing.assert_allclose(f(W, X), reference(W, parts), rtol=1e-4)
    for transform in (dc.jacrev, dc.jacfwd):
        for argnum in (0, 1):
            found = transform(f, argnums=argnum)(W, X)
            expected = dc.jacrev(reference, argnums=argnum)(W, X)
            np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-4)
    found = dc.jit(dc.hessian(lambda w: f(w, X).sum()))(W)
    expected = dc.hessian(lambda w: reference(w, X).sum())(W)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_vmap_of_the_whole(mesh):
    f = dc.shard_map(
        lambda w, x: (lax.psum(x @ w, "x"), x * 2),
        mesh=mesh,
        in_specs=(P(), P("x")),
        out_specs=(P(), P("x")),
    )
    ws = normal(3, 6, 4)
    sums, doubled = dc.vmap(f, in_axes=(0, None))(ws, X)

    expected = np.stack([X.reshape(4, 2, 6).sum(0) @ w for w in ws])
    np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(doubled, np.stack([X * 2] * 3))


def test_a_batch_over_an_axis_of_the_mesh(mesh):
    f = dc.shard_map(
        lambda x: lax.psum(x, "x"), mesh=mesh, in_specs=P("x"), out_specs=P()
    )
    xs = normal(4, 8, 3)
    out = dc.jit(dc.vmap(f, spmd_axis_name="y"))(xs)
    np.testing.assert_allclose(out, xs.reshape(4, 4, 2, 3).sum(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("check_vma", [True, False])
def test_derivatives_of_a_batch_over_an_axis_of_the_mesh(mesh, check_vma):
    f = dc.shard_map(
        lambda w, x: lax.psum(jnp.tanh(x @ w).sum(0), "x"),
        mesh=mesh,
        in_specs=(P(), P("x")),
        out_specs=P(),
        check_vma=check_vma,
    )
    xs = normal(4, 8, 6)

    def loss(w, mapped):
        return (mapped(w, xs) ** 2).sum()

    batch = dc.vmap(f, in_axes=(None, 0), spmd_axis_name="y")
    plain = dc.vmap(lambda w, x: jnp.tanh(x @ w).sum(0), in_axes=(None, 0))
    np.testing.assert_allclose(batch(W, xs), plain(W, xs), rtol=1e-4, atol=1e-5)
    found = dc.jit(dc.grad(lambda w: loss(w, batch)))(W)
    np.testing.assert_allclose(
        found, dc.grad(lambda w: loss(w, plain))(W), rtol=1e-3, atol=1e-3
    )


def test_linear_transpose(mesh):
    f = dc.shard_map(
        lambda x: lax.all_gather(x, "x", tiled=True) * 2,
        mesh=mesh,
        in_specs=P("x"),
        out_specs=P("x"),
    )
    ct = normal(32, 6)
    (found,) = dc.linear_transpose(f, X)(ct)
    np.testing.assert_allclose(found, 2 * ct.reshape(4, 8, 6).sum(0), rtol=1e-5)


def test_refs_and_effects_inside(mesh):
    seen = []

    @dc.shard_map(mesh=mesh, in_specs=P("x"), out_specs=P("x"))
    def f(x):
        ref = dc.ref.new_ref(x)
        ref[0] = x[0] * 2
        dc.debug.callback(lambda i: seen.append(int(i)), lax.axis_index("x"))
        return ref[...]

    out = f(X)
    dc.effects_barrier()
    expected = X.copy()
    expected[::2] *= 2
    np.testing.assert_array_equal(out, expected)
    assert set(seen) == {0, 1, 2, 3}


def test_blocks_of_a_plain_loop_are_called(mesh):
    """The compiler keeps calls inside, as it does outside."""
    layers = [normal(6, 6) / 3 for _ in range(6)]

    def loss(layers, x):
        for w in layers:
            h = jnp.tanh(x @ w)
            mean = h.mean(-1, keepdims=True)
            h = (h - mean) / jnp.sqrt(((h - mean) ** 2).mean(-1, keepdims=True) + 1)
            x = x + h * jnp.exp(-h) + jnp.sin(h) * jnp.cos(h) ** 2
        return (x**2).sum()

    @dc.shard_map(mesh=mesh, in_specs=(P(), P("x")), out_specs=P())
    def gradient(layers, x):
        return dc.grad(loss)(layers, x)

    found = dc.jit(gradient)(layers, X)
    for a, b in zip(found, dc.grad(loss)(layers, X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("jitted", [False, True])
def test_the_operation_that_made_a_nan_is_found_inside(mesh, jitted):
    def body(x):
        total = lax.psum(x, "x")
        place = lax.axis_index("x") * 10 + lax.axis_index("y")
        return jnp.log(x * 0 + 10 - place) + total  # NaN on devices 2 and 3 along "x"

    f = dc.shard_map(body, mesh=mesh, in_specs=P("x", "y"), out_specs=P("x", "y"))
    f = dc.jit(f) if jitted else f
    with (
        dc.debug_nans(True),
        pytest.raises(FloatingPointError, match=r"encountered in log") as caught,
    ):
        f(X)
    text = str(caught.value)
    assert "in all devices of shard_map at" in text
    assert "f32[4,2,2,3]" in text
    assert "jnp.log(x * 0 + 10 - place) + total  # NaN on devices 2" in text


def test_explain_counts_what_all_devices_do(mesh):
    f = dc.shard_map(
        lambda x, w: x @ w, mesh=mesh, in_specs=(P("x"), P()), out_specs=P("x")
    )
    text = str(dc.explain(f)(X, W))
    # Both devices along "y" do the same.
    assert (
        f"{2 * 2 * 8 * 6 * 4:,} FLOPs" in text or f"{2 * 2 * 8 * 6 * 4} FLOPs" in text
    )


# ---- errors --------------------------------------------------------------------------


def failing(on, f=lambda x: x, **changes):
    options = {"mesh": on, "in_specs": P("x"), "out_specs": P("x"), **changes}
    return dc.shard_map(f, **options)


@pytest.mark.parametrize(
    ("changes", "argument", "error", "text"),
    [
        (
            {"out_specs": P()},
            X,
            ValueError,
            r"out_specs is P\(\), for a result that is the same on all devices along "
            r"'x', but f32\[2,6\]\{V:x\} varies over 'x'(.|\n)*psum",
        ),
        (
            {"in_specs": P("x")},
            X[:6],
            ValueError,
            r"in_specs f32\[6,6\]: axis 0 of shape \(6, 6\) has 6 elements, which "
            r"P\('x'\) splits in 4 equal parts(.|\n)*Pad it to a multiple of 4",
        ),
        (
            {"in_specs": P("z")},
            X,
            ValueError,
            r"in_specs is P\('z'\), but it maps over 'x', 'y' only",
        ),
        (
            {"in_specs": P(None, None, "x")},
            X,
            ValueError,
            r"for arrays of at least 3 axes, got f32\[8,6\]",
        ),
        ({"in_specs": "x"}, X, TypeError, r"must be a PartitionSpec, got 'x'"),
        ({"in_specs": None}, X, TypeError, r"must be a PartitionSpec, got None"),
        ({"mesh": "m"}, X, TypeError, r"expected a Mesh or None as `mesh`, got 'm'"),
        ({"mesh": None}, X, ValueError, r"there is no mesh(.|\n)*set_mesh"),
        (
            {"axis_names": {"z"}},
            X,
            ValueError,
            r"`axis_names` has 'z', but the axes of the mesh are 'x', 'y'",
        ),
        (
            {"f": lambda x: x.sum()},
            X,
            ValueError,
            r"out_specs is P\('x'\), for arrays of at least 1 axes, got f32\[\](.|\n)*"
            r"x\[None\]",
        ),
        (
            {"in_specs": (P("x"), P())},
            X,
            ValueError,
            r"in_specs",
        ),
        ({"f": 3}, X, TypeError, r"shard_map"),
    ],
)
def test_errors(mesh, changes, argument, error, text):
    with pytest.raises(error, match=text):
        failing(mesh, **changes)(argument)


def test_arrays_elsewhere_are_an_error(mesh):
    x = dc.device_put(X, dc.devices()[3])
    with pytest.raises(ValueError, match="is on the devices"):
        failing(mesh)(x)


def test_in_specs_that_nothing_says(mesh):
    f = dc.shard_map(lambda x: x, mesh=mesh, out_specs=P("x"))
    with pytest.raises(ValueError, match=r"not laid out over the mesh(.|\n)*in_specs="):
        f(X)
    with pytest.raises(ValueError, match=r"is traced(.|\n)*in_specs="):
        dc.jit(f)(X)


def test_ordered_effects_have_no_order(mesh):
    f = failing(mesh, lambda x: (dc.debug.print("{}", x[0, 0], ordered=True), x)[1])
    with pytest.raises(ValueError, match="ordered effects have no order on 8 devices"):
        f(X)


def test_devices_that_would_wait_for_each_other_for_ever(mesh):
    total = lambda x: lax.psum(x, "x")  # noqa: E731
    branch = failing(mesh, lambda x: lax.cond(x[0, 0] > 0, total, lambda x: x, x))
    with pytest.raises(ValueError, match=r"would wait(.|\n)*lax.pmax\(value, 'x'\)"):
        branch(X)
    loop = failing(
        mesh, lambda x: lax.while_loop(lambda c: c.sum() < 9, lambda c: total(c) + c, x)
    )
    with pytest.raises(ValueError, match="would wait"):
        loop(X)

    @dc.shard_map(mesh=mesh, in_specs=P("x"), out_specs=P("x"))
    def fine(x):
        # All devices along "y" go the same way.
        first = lax.cond(x[0, 0] > 0, lambda x: lax.psum(x, "y"), lambda x: x * 1, x)
        return lax.cond(lax.pmax(x[0, 0], "x") > 0, total, lambda x: x, x) + first * 0

    np.testing.assert_allclose(
        fine(X)[:2], X.reshape(4, 2, 6).sum(0), rtol=1e-5, atol=1e-5
    )


# ---- smap and pmap -------------------------------------------------------------------


def test_smap(mesh):
    @dc.smap(in_axes=(0, None), out_axes=(0, None), axis_name="x")
    def f(x, w):
        assert x.shape == (2, 6)
        return x @ w, lax.psum(x.sum(), "x")

    with dc.set_mesh(mesh):
        product, total = f(X, W)
    np.testing.assert_allclose(product, X @ W, rtol=1e-5)
    np.testing.assert_allclose(total, X.sum(), rtol=1e-4)
    with pytest.raises(TypeError, match="in_axes"):
        dc.smap(lambda x: x, in_axes="x", out_axes=0, axis_name="x")


def test_pmap():
    x = normal(8, 3)

    @dc.pmap
    def double(x):
        assert x.shape == (3,)
        return x * 2

    np.testing.assert_array_equal(double(x), x * 2)
    assert len(double(x).sharding.device_set) == 8


def test_pmap_with_everything():
    x, y = normal(3, 4), normal(5)

    def f(scale, x, tree):
        total = lax.psum(x, "i")
        return {"a": x * scale + tree["y"][:3], "b": total, "c": lax.axis_index("i")}

    mapped = dc.pmap(
        f,
        axis_name="i",
        in_axes=(None, 1, {"y": None}),
        out_axes={"a": 1, "b": None, "c": 0},
        static_broadcasted_argnums=0,
        devices=dc.devices()[2:],
    )
    for scale in (2, 3):
        out = mapped(scale, x, {"y": y})
        np.testing.assert_allclose(out["a"], x * scale + y[:3, None], rtol=1e-6)
        np.testing.assert_allclose(out["b"], x.sum(1), rtol=1e-5)
        np.testing.assert_array_equal(out["c"], np.arange(4))
    devices = set(dc.devices()[2:6])
    assert out["a"].sharding.device_set == devices


def test_a_training_step_with_pmap():
    """Gradients inside are those of a device, to be averaged by hand."""
    x, y = normal(4, 2, 6), normal(4, 2, 4)

    def loss(w, x, y):
        return ((x @ w - y) ** 2).mean()

    step = dc.pmap(
        lambda w, x, y: w - 0.1 * lax.pmean(dc.grad(loss)(w, x, y), "data"),
        axis_name="data",
        in_axes=(None, 0, 0),
        out_axes=None,
    )
    expected = W - 0.1 * dc.grad(loss)(W, x.reshape(8, 6), y.reshape(8, 4))
    np.testing.assert_allclose(step(W, x, y), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "args", "text"),
    [
        ({}, (np.ones(9, np.float32),), "mapped axis is 9 long, but there are 8"),
        (
            {},
            (np.ones(2, np.float32), np.ones(3, np.float32)),
            "expected one length of the mapped axis, got 2, 3",
        ),
        ({"in_axes": None}, (np.ones(2, np.float32),), "no argument that has it"),
    ],
)
def test_errors_of_pmap(changes, args, text):
    with pytest.raises(ValueError, match=text):
        dc.pmap(lambda *x: x, **changes)(*args)
