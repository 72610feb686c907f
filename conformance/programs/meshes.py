"""Programs over a mesh of eight devices: `shard_map`, collectives, layouts."""


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    P, AxisType = api.sharding.PartitionSpec, api.sharding.AxisType
    mesh = core.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
    x = jnp.arange(48.0).reshape(8, 6) / 10
    w = jnp.linspace(-1.0, 1.0, 24).reshape(6, 4)

    def mapped(f, in_specs=P("x"), out_specs=P("x"), **kwargs):
        return core.shard_map(
            f, mesh=mesh, in_specs=in_specs, out_specs=out_specs, **kwargs
        )

    collectives = {
        "psum": lambda x: lax.psum(x, "x"),
        "psum over both": lambda x: lax.psum(x + lax.axis_index("y"), ("x", "y")),
        "pmean": lambda x: lax.pmean(x, "x"),
        "pmax": lambda x: lax.pmax(x, "x"),
        "pmin": lambda x: lax.pmin(x, "x"),
        "all_gather": lambda x: lax.all_gather(x, "x"),
        "all_gather tiled": lambda x: lax.all_gather(x, "x", axis=1, tiled=True),
        "psum_scatter": lambda x: lax.psum_scatter(
            jnp.concatenate([x, x]), "x", scatter_dimension=0
        ),
        "psum_scatter tiled": lambda x: lax.psum_scatter(
            jnp.concatenate([x, x]), "x", scatter_dimension=0, tiled=True
        ),
        "all_to_all": lambda x: lax.all_to_all(jnp.tile(x, (2, 1)), "x", 0, 0),
        "ppermute": lambda x: lax.ppermute(x, "x", [(0, 1), (1, 2), (2, 0)]),
        "axis_index": lambda x: x * lax.axis_index("x") + lax.axis_index("y"),
        "axis_size": lambda x: x * lax.axis_size("x") + lax.axis_size(("x", "y")),
    }
    for name, f in collectives.items():
        yield name, lambda f=f: mapped(f, out_specs=P(("x", "y")))(x)
        yield (
            f"{name} without tracking",
            lambda f=f: mapped(f, out_specs=P(("x", "y")), check_vma=False)(x),
        )
        yield (
            f"vma of {name}",
            lambda f=f: _vma(core, mapped, lambda x: f(x), x),
        )
        if name not in ("pmax", "pmin"):
            yield (
                f"grad through {name}",
                lambda f=f: core.grad(
                    lambda x: (mapped(f, out_specs=P(("x", "y")))(x) ** 2).sum()
                )(x),
            )
            yield (
                f"jvp through {name}",
                lambda f=f: core.jvp(mapped(f, out_specs=P(("x", "y"))), (x,), (x,)),
            )

    def loss(w, x):
        return (jnp.tanh(x @ w) ** 2).sum()

    shared = (P(), P("x"))
    yield (
        "grad inside by what is shared",
        lambda: mapped(core.grad(loss), shared, P())(w, x),
    )
    yield (
        "grad inside without tracking",
        lambda: mapped(
            lambda w, x: core.grad(loss)(w, x)[None], shared, P("x"), check_vma=False
        )(w, x),
    )
    yield (
        "grad inside of a mean",
        lambda: mapped(core.grad(lambda w, x: lax.pmean(loss(w, x), "x")), shared, P())(
            w, x
        ),
    )
    yield (
        "grad inside by what varies",
        lambda: mapped(core.grad(loss, argnums=1), shared, P("x"))(w, x),
    )
    yield (
        "grad of the whole",
        lambda: core.grad(
            lambda w: mapped(lambda w, x: lax.psum(loss(w, x), "x"), shared, P())(w, x)
        )(w),
    )
    yield (
        "grad of the whole without tracking",
        lambda: core.grad(
            lambda w: mapped(
                lambda w, x: lax.psum(loss(w, x), "x"), shared, P(), check_vma=False
            )(w, x)
        )(w),
    )
    yield (
        "hessian of the whole",
        lambda: core.hessian(
            lambda w: mapped(lambda w, x: lax.psum(loss(w, x), "x"), shared, P())(w, x)
        )(w[:, :1]),
    )
    yield (
        "jacrev of results that differ",
        lambda: core.jacrev(lambda x: mapped(lambda x: jnp.sin(x).sum(0))(x))(x),
    )
    yield (
        "vmap of the whole",
        lambda: core.vmap(mapped(lambda x: lax.psum(x, "x"), P("x"), P()))(
            jnp.stack([x, 2 * x])
        ),
    )
    yield (
        "vmap inside",
        lambda: mapped(core.vmap(lambda row: lax.psum(row.sum(), "x") * row))(x),
    )
    yield (
        "scan inside",
        lambda: mapped(lambda x: lax.scan(lambda c, r: (c + r, c.sum()), x[0], x))(x)[
            0
        ],
    )
    yield (
        "grad of scan inside",
        lambda: mapped(
            core.grad(
                lambda w, x: lax.scan(lambda c, r: (c + r @ w, None), x[0, :4], x)[
                    0
                ].sum()
            ),
            shared,
            P(),
        )(w, x),
    )
    yield (
        "scan whose carry begins to vary",
        lambda: mapped(
            lambda x: lax.scan(lambda c, r: (c + r, None), jnp.zeros(6), x)[0]
        )(x),
    )
    yield (
        "scan whose carry is cast",
        lambda: mapped(
            lambda x: lax.scan(
                lambda c, r: (c + r, None),
                lax.pcast(jnp.zeros(6), "x", to="varying"),
                x,
            )[0]
        )(x),
    )
    yield (
        "cond by what is shared",
        lambda: mapped(
            lambda w, x: lax.cond(w[0, 0] > 0, jnp.sin, jnp.cos, x), shared, P("x")
        )(w, x),
    )
    yield (
        "cond by what varies",
        lambda: mapped(lambda x: lax.cond(x[0, 0] > 2, jnp.sin, jnp.cos, x))(x),
    )
    yield (
        "while inside",
        lambda: mapped(
            lambda x: lax.while_loop(lambda c: c.sum() < 100, lambda c: c * 2, x + 1)
        )(x),
    )
    yield (
        "along one axis only",
        lambda: core.jit(
            mapped(lambda x: lax.psum(x, "x"), P("x"), P(), axis_names={"x"})
        )(x),
    )
    yield (
        "in jit with a tree",
        lambda: core.jit(
            mapped(
                lambda t: {"s": t["a"] + t["b"], "n": lax.psum(t["b"], "x")},
                ({"a": P("x"), "b": P()},),
                {"s": P("x"), "n": P()},
            )
        )({"a": x, "b": 2.0}),
    )
    yield "closes over", lambda: mapped(lambda x: x @ w)(x)
    yield (
        "specifications of results",
        lambda: str(mapped(lambda x: x, P("x", "y"), P("x", "y"))(x).sharding.spec),
    )
    yield (
        "smap",
        lambda: _in_mesh(
            core,
            mesh,
            lambda: core.smap(
                lambda x, w: (x @ w, lax.psum(x.sum(), "x")),
                in_axes=(0, None),
                out_axes=(0, None),
                axis_name="x",
            )(x, w),
        ),
    )
    yield "pmap", lambda: core.pmap(lambda x: x * 2)(x)
    yield (
        "pmap with a sum",
        lambda: core.pmap(lambda x: x / lax.psum(x, "i"), axis_name="i")(x),
    )
    yield (
        "pmap of several arguments",
        lambda: core.pmap(
            lambda a, b: (a + b, lax.axis_index("i")), axis_name="i", in_axes=(0, None)
        )(x, 3.0),
    )
    yield (
        "grad inside pmap",
        lambda: core.pmap(
            core.grad(lambda w, x: jnp.tanh(x @ w).sum()), in_axes=(None, 0)
        )(w, x),
    )

    # ---- wrong -----------------------------------------------------------------------

    for name, wrong in {
        "a result that varies": mapped(lambda x: x, out_specs=P()),
        "a result without axes": mapped(lambda x: x.sum()),
        "too few rows": lambda x: mapped(lambda x: x)(x[:6]),
        "a specification that is a string": mapped(lambda x: x, "x"),
        "an unknown axis": mapped(lambda x: x, P("z")),
        "a specification for more axes": mapped(lambda x: x, P(None, None, "x")),
        "a collective of an unknown name": mapped(lambda x: lax.psum(x, "z")),
        "no mesh": core.shard_map(lambda x: x, in_specs=P(), out_specs=P()),
        "pmap of different lengths": lambda x: core.pmap(lambda a, b: a)(x, x[:4]),
        "pmap of more than there are devices": lambda x: core.pmap(lambda a: a)(
            jnp.ones(9)
        ),
    }.items():
        yield f"wrong: {name}", lambda wrong=wrong: wrong(x)


def _vma(core, mapped, f, x):
    """Over which axes the result varies."""
    seen = []

    def look(x):
        seen.append(sorted(core.typeof(f(x)).manual_axis_type.varying))
        return x

    mapped(look)(x)
    return seen[0]


def _in_mesh(core, mesh, run):
    with core.set_mesh(mesh):
        return run()
