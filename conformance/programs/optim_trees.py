"""Trees as vectors and as states."""

import functools

import numpy as np

RNG = np.random.default_rng(2)


def drawn():
    draw = lambda *shape: RNG.normal(size=shape).astype(np.float32)  # noqa: E731
    return {"a": draw(2, 3), "b": [draw(4), draw(1)]}


X, Y, Z = drawn(), drawn(), drawn()

CALLS = {
    "add": lambda f, x, y, z: (f(x, y), f(x, y, z)),
    "sub": lambda f, x, y, z: f(x, y),
    "mul": lambda f, x, y, z: f(x, y),
    "div": lambda f, x, y, z: f(x, y),
    "scale": lambda f, x, y, z: f(2.5, x),
    "add_scale": lambda f, x, y, z: f(x, -1.5, y),
    "conj": lambda f, x, y, z: f(x),
    "real": lambda f, x, y, z: f(x),
    "clip": lambda f, x, y, z: (f(x, -0.3, 0.4), f(x, min_value=0.1), f(x)),
    "where": lambda f, x, y, z: (f(True, x, y), f(False, x, y)),
    "batch_shape": lambda f, x, y, z: f(x, (2,)),
    "zeros_like": lambda f, x, y, z: (f(x), f(x, "int32")),
    "ones_like": lambda f, x, y, z: (f(x), f(x, "bfloat16")),
    "full_like": lambda f, x, y, z: (f(x, 3.0), f(x, 2, "int32")),
    "sum": lambda f, x, y, z: (f(x), f(x, True), f({})),
    "max": lambda f, x, y, z: f(x),
    "min": lambda f, x, y, z: f(x),
    "size": lambda f, x, y, z: (f(x), f([])),
    "vdot": lambda f, x, y, z: (f(x, y), f({}, {})),
    "norm": lambda f, x, y, z: [
        f(x, ord, squared)
        for ord in (None, 1, 2, "inf", np.inf)
        for squared in (False, True)
    ],
    "allclose": lambda f, x, y, z: [bool(f(x, x)), bool(f(x, y))],
    "cast": lambda f, x, y, z: (f(x, "bfloat16"), f(x, None)),
    "update_moment": lambda f, x, y, z: (f(x, y, 0.9, 1), f(x, y, 0.9, 2)),
    "update_moment_per_elem_norm": lambda f, x, y, z: f(x, y, 0.9, 2),
    "update_infinity_moment": lambda f, x, y, z: f(x, y, 0.9, 1e-3),
}


def programs(api):
    core, jnp, optim, random = api.core, api.jnp, api.optim, api.random
    x, y, z = core.tree.map(jnp.asarray, (X, Y, Z))

    for name, call in CALLS.items():
        short = getattr(optim.tree, name)
        yield name, functools.partial(call, short, x, y, z)
        yield (
            f"{name} in tree_utils",
            functools.partial(call, getattr(optim.tree_utils, f"tree_{name}"), x, y, z),
        )
    yield (
        "cast_like",
        lambda: optim.tree.cast_like(x, optim.tree.cast(y, "bfloat16")),
    )
    yield (
        "bias_correction",
        lambda: optim.tree.bias_correction(x, 0.9, jnp.asarray(3, jnp.int32)),
    )
    mixed = {"a": jnp.ones(1, "bfloat16"), "b": jnp.ones(1, "float32")}
    apart = [jnp.ones(1, "bfloat16"), jnp.ones(1, "float16")]
    for label, given in [("mixed", mixed), ("apart", apart), ("equal", x)]:
        for handler in (None, "promote", "highest", "lowest", "widest"):
            yield (
                f"dtype of {label} by {handler}",
                lambda given=given, handler=handler: (
                    np.dtype(optim.tree.dtype(given, handler)).name
                ),
            )
    yield (
        "split_key_like",
        lambda: core.tree.map(
            random.key_data, optim.tree.split_key_like(random.key(0), x)
        ),
    )
    yield "random_like", lambda: optim.tree.random_like(random.key(0), x)
    yield (
        "random_like, uniform in bfloat16",
        lambda: optim.tree.random_like(random.key(0), x, random.uniform, "bfloat16"),
    )
    yield (
        "unwrap_random_key_data",
        lambda: optim.tree.unwrap_random_key_data({"k": random.key(7), "x": x}),
    )

    optimizer = optim.chain(
        optim.trace(0.9),
        optim.masked(optim.adam(0.1), {"a": True, "b": [False, False]}),
    )
    state = optimizer.init(x)

    def found(key):
        return [
            ([str(entry) for entry in path], str(core.tree.structure(value)))
            for path, value in optim.tree.get_all_with_path(state, key)
        ]

    for key in ("mu", "trace", "count", "a", "inner_state", "nothing"):
        yield f"get_all_with_path {key}", functools.partial(found, key)
    for key in ("mu", "count", "nothing"):
        yield f"get {key}", lambda key=key: core.tree.leaves(optim.tree.get(state, key))
    yield "get one of several", lambda: optim.tree.get(state, "a")
    yield "get a class", lambda: type(optim.tree.get(state, "TraceState")).__name__
    yield (
        "set",
        lambda: core.tree.leaves(optim.tree.set(state, count=jnp.asarray(5))),
    )
    yield (
        "set with a filter",
        lambda: core.tree.leaves(
            optim.tree.set(
                state,
                lambda path, value: "mu" in str(path[-2]),
                a=jnp.asarray(5),
            )
        ),
    )
    yield "set nothing", lambda: optim.tree.set(state, nothing=1)
    yield (
        "map_params",
        lambda: core.tree.leaves(
            optim.tree.map_params(
                optimizer,
                lambda v: v + 1,
                state,
                transform_non_params=lambda v: v + 10,
            )
        ),
    )
    yield (
        "map_params along a tree",
        lambda: core.tree.leaves(
            optim.tree.map_params(
                optim.adam(0.1), lambda v, p: v + p, optim.adam(0.1).init(x), x
            )
        ),
    )
