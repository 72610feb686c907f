"""Reading and updating parts of arrays."""

import numpy as np


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    x = jnp.arange(24.0).reshape(2, 3, 4)
    v = jnp.arange(5.0)
    i = jnp.array([0, 2, 1])

    simple = {
        "an integer": np.s_[1],
        "a negative integer": np.s_[-1],
        "two integers": np.s_[1, 2],
        "a slice": np.s_[:, 1:],
        "a slice with a step": np.s_[:, ::2, 3:0:-2],
        "reversed": np.s_[::-1],
        "an empty slice": np.s_[:, 2:1],
        "a slice beyond the end": np.s_[:, 1:9],
        "ellipsis": np.s_[..., 0],
        "ellipsis in the middle": np.s_[1, ..., 2],
        "new axes": np.s_[None, :, None, 0],
        "nothing": (),
        "a list of integers": np.s_[:, np.array([2, 0])],
        "an array of integers twice": np.s_[np.array([0, 1]), np.array([2, 0])],
        "arrays that broadcast": np.s_[np.array([[0], [1]]), np.array([2, 0])],
        "arrays apart": np.s_[np.array([0, 1]), :, np.array([3, 0])],
        "arrays beside a slice": np.s_[:, np.array([0, 2]), np.array([3, 0])],
        "an array and an integer": np.s_[0, :, np.array([3, 0])],
        "a boolean mask": np.s_[np.array([True, False])],
        "a boolean mask of two axes": np.s_[np.arange(6).reshape(2, 3) % 2 == 0],
        "a mask beside an integer": np.s_[1, np.array([True, False, True])],
        "a scalar True": np.s_[True],
        "negative integers in an array": np.s_[:, np.array([-1, -3])],
        "integers beyond the end": np.s_[:, np.array([0, 7])],
        "a numpy integer": np.s_[np.int64(1)],
    }
    for name, index in simple.items():
        yield name, lambda index=index: x[index]
        yield f"{name}, traced", lambda index=index: core.jit(lambda x: x[index])(x)
        yield f"set at {name}", lambda index=index: x.at[index].set(-1.0)
    for method in (
        "add",
        "subtract",
        "multiply",
        "mul",
        "divide",
        "min",
        "max",
        "power",
    ):
        yield (
            f"at {method}",
            lambda method=method: getattr(v.at[jnp.array([1, 1, 3])], method)(2.0),
        )
        for d in ("int8", "uint8", "bfloat16", "complex64", "int4", "float8_e5m2"):
            yield (
                f"at {method} of {d}",
                lambda method=method, d=d: getattr(
                    jnp.array([1, 2, 3], d).at[jnp.array([1, 1, 2])], method
                )(jnp.array([2, 3, 1], d)),
            )
    for fill in (-1, 2.5, 300, np.uint8(7), True):
        yield (
            f"at get with the fill value {fill!r}",
            lambda fill=fill: [
                jnp.zeros(3, d).at[jnp.array([0, 9])].get(mode="fill", fill_value=fill)
                for d in ("uint8", "int32", "float16", "bool", "complex64")
            ],
        )
    for d in ("bool", "int4", "uint2", "bfloat16", "float8_e4m3fn", "float4_e2m1fn"):
        yield (
            f"at get filled by default of {d}",
            lambda d=d: jnp.ones(3, d).at[jnp.array([0, 9])].get(mode="fill"),
        )
    for values in (None, "a", [1, "a"], {}):
        yield (
            f"at set of {values!r}",
            lambda values=values: v.at[0].set(values),
        )
    yield "at apply", lambda: v.at[1:3].apply(jnp.sin)
    yield "at get beyond the end", lambda: v.at[jnp.array([0, 9])].get()
    for mode in ("fill", "clip", "drop", "promise_in_bounds"):
        inside = jnp.array([0, 4])
        index = inside if mode == "promise_in_bounds" else jnp.array([0, 9])
        yield (
            f"at get with mode {mode}",
            lambda mode=mode, index=index: v.at[index].get(mode=mode),
        )
        yield (
            f"at set with mode {mode}",
            lambda mode=mode, index=index: v.at[index].set(7.0, mode=mode),
        )
    yield (
        "at get with a fill value",
        lambda: v.at[jnp.array([0, 9])].get(mode="fill", fill_value=-1.0),
    )
    yield "at set of another dtype", lambda: jnp.arange(3).at[0].set(2.7)
    yield "at add of a broadcast", lambda: x.at[:, i].add(jnp.ones(4))
    yield (
        "at set with a traced index",
        lambda: core.jit(lambda v, k: v.at[k].set(9.0))(v, 2),
    )
    yield "at set by a mask", lambda: core.jit(lambda v: v.at[v > 2].set(0.0))(v)
    yield "a traced integer", lambda: core.jit(lambda x, k: x[k, -1])(x, 1)
    yield "a traced integer beyond the end", lambda: core.jit(lambda v, k: v[k])(v, 99)
    yield "a traced negative integer", lambda: core.jit(lambda v, k: v[k])(v, -2)
    yield "unsigned indices", lambda: v[jnp.array([0, 3], "uint8")]
    yield "iteration", lambda: list(x[0])
    yield "len", lambda: len(x)
    yield "take", lambda: jnp.take(x, i, axis=1)
    for mode in ("clip", "wrap", "fill"):
        yield (
            f"take with mode {mode}",
            lambda mode=mode: jnp.take(v, jnp.array([-7, 8, 2]), mode=mode),
        )
    yield (
        "take along axis",
        lambda: jnp.take_along_axis(x, i[None, :, None] % 2, axis=0),
    )
    yield (
        "put along axis",
        lambda: jnp.put_along_axis(v, jnp.array([1]), 9.0, axis=0, inplace=False),
    )
    yield "dynamic slice", lambda: lax.dynamic_slice(x, (1, 2, 0), (1, 2, 3))
    yield "dynamic index", lambda: lax.dynamic_index_in_dim(x, -1, 1)
    yield "dynamic update", lambda: lax.dynamic_update_slice(v, jnp.ones(2), (4,))
    yield "slice in dim", lambda: lax.slice_in_dim(x, 0, 3, 2, axis=1)
    yield "nonzero with a size", lambda: jnp.nonzero(v > 1, size=5, fill_value=-1)
    yield "nonzero", lambda: jnp.nonzero(jnp.array([[0, 1], [2, 0]]))
    yield "where with one argument", lambda: jnp.where(v > 2)
    yield "argwhere", lambda: jnp.argwhere(v > 2)
    yield "select", lambda: jnp.select([v < 1, v < 3], [v, 10 * v], -1.0)
    yield "choose", lambda: jnp.choose(jnp.array([0, 1, 1]), [i, 10 * i])
    yield "compress", lambda: jnp.compress(np.array([True, False, True]), v)
    yield "extract", lambda: jnp.extract(v > 2, v)
    yield (
        "searchsorted",
        lambda: [
            jnp.searchsorted(v, jnp.array([-1.0, 2.0, 2.5, 9.0]), side=s)
            for s in ("left", "right")
        ],
    )
    yield "digitize", lambda: jnp.digitize(jnp.array([0.5, 2.0]), v)
    yield "diagonal", lambda: jnp.diagonal(x, 1, 1, 2)
    yield (
        "grad of reading by arrays",
        lambda: core.grad(
            lambda x: jnp.sum(x[np.array([0, 1]), :, np.array([3, 0])] ** 2)
        )(x),
    )
    yield (
        "gradient of take with wrap",
        lambda: core.grad(
            lambda v: jnp.sum(jnp.take(v, jnp.array([0, 0, 7]), mode="wrap") * v[:3])
        )(v),
    )
