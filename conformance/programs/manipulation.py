"""Arrays made, joined, cut and turned."""

import numpy as np


def programs(api):
    jnp, lax = api.jnp, api.lax
    x = jnp.arange(6.0).reshape(2, 3)
    t = jnp.arange(24).reshape(2, 3, 4)

    for value in (
        1,
        2.5,
        True,
        1j,
        [1, 2],
        [1, 2.5],
        [True, False],
        [[1], [2]],
        [],
        (),
    ):
        yield f"array of {value!r}", lambda value=value: jnp.array(value)
    for dtype in (
        "int8",
        "float16",
        "bfloat16",
        "complex64",
        "bool",
        "uint32",
        "float64",
    ):
        yield f"array as {dtype}", lambda dtype=dtype: jnp.array([0, 1, 2], dtype)
    yield "array of numpy float64", lambda: jnp.asarray(np.arange(3.0))
    yield "array of numpy int64", lambda: jnp.asarray(np.arange(3))
    yield "array of mixed arrays", lambda: jnp.array([jnp.int8(1), 2.0, np.float16(3)])
    yield "array with least axes", lambda: jnp.array(1.0, ndmin=3)
    yield "zeros", lambda: [jnp.zeros(3), jnp.zeros((2, 0)), jnp.zeros((), int)]
    yield (
        "ones like",
        lambda: [jnp.ones_like(t), jnp.ones_like(x, dtype=bool), jnp.ones_like(2)],
    )
    yield (
        "full",
        lambda: [
            jnp.full((2,), 7),
            jnp.full((2,), 1.5, "bfloat16"),
            jnp.full_like(t, 2),
        ],
    )
    yield "eye", lambda: [jnp.eye(3), jnp.eye(2, 4, 1, dtype=int), jnp.identity(2)]
    yield (
        "arange",
        lambda: [
            jnp.arange(4),
            jnp.arange(1, 2, 0.25),
            jnp.arange(5, 0, -2),
            jnp.arange(3, dtype="int8"),
        ],
    )
    yield (
        "linspace",
        lambda: [
            jnp.linspace(0, 1, 5),
            jnp.linspace(0, 1, 4, endpoint=False),
            jnp.linspace(1, 2, 3, retstep=True),
        ],
    )
    yield (
        "logspace and geomspace",
        lambda: [jnp.logspace(0, 2, 3), jnp.geomspace(1, 8, 4)],
    )
    yield "tri", lambda: [jnp.tri(3), jnp.tril(x, -1), jnp.triu(t, 1)]
    yield (
        "meshgrid",
        lambda: jnp.meshgrid(jnp.arange(2), jnp.arange(3.0), indexing="ij"),
    )
    yield "diag", lambda: [jnp.diag(jnp.arange(3), 1), jnp.diag(x), jnp.diagflat(x[0])]
    yield (
        "iota",
        lambda: [lax.iota("int8", 3), lax.broadcasted_iota("float32", (2, 3), 1)],
    )
    yield (
        "reshape",
        lambda: [t.reshape(4, -1), jnp.reshape(t, (2, 12)), t.ravel(), t.flatten()],
    )
    yield "reshape by columns", lambda: jnp.reshape(x, (3, 2), order="F")
    yield (
        "transpose",
        lambda: [t.T, t.mT, jnp.transpose(t, (1, 0, 2)), t.transpose(2, 1, 0)],
    )
    yield (
        "axes moved",
        lambda: [
            jnp.moveaxis(t, 0, -1),
            jnp.swapaxes(t, 0, 2),
            jnp.rollaxis(t, 2),
            jnp.permute_dims(t, (2, 0, 1)),
        ],
    )
    yield (
        "axes added and removed",
        lambda: [
            jnp.expand_dims(x, (0, -1)),
            jnp.squeeze(x[None]),
            jnp.squeeze(x[:, None], 1),
            jnp.atleast_3d(x),
        ],
    )
    yield (
        "broadcast",
        lambda: [
            jnp.broadcast_to(x[0], (2, 3)),
            *jnp.broadcast_arrays(x, 1),
            lax.broadcast(x, (2,)),
        ],
    )
    yield (
        "concatenate",
        lambda: [
            jnp.concatenate([x, x]),
            jnp.concatenate([x, t[0, :2, :3]], axis=1),
            jnp.hstack([x, x]),
        ],
    )
    yield "concatenate along no axis", lambda: jnp.concatenate([x, t], axis=None)
    yield (
        "stack",
        lambda: [
            jnp.stack([x, 2 * x], axis=1),
            jnp.vstack([x, x]),
            jnp.dstack([x, x]),
            jnp.column_stack([x, x]),
        ],
    )
    yield (
        "split",
        lambda: [
            jnp.split(t, 2, axis=2),
            jnp.split(x, [1, 2], axis=1),
            jnp.array_split(jnp.arange(5), 3),
        ],
    )
    yield "append and block", lambda: [jnp.append(x, 1.0), jnp.block([[x, x], [x, x]])]
    yield (
        "insert and delete",
        lambda: [
            jnp.insert(x, 1, 9.0, axis=1),
            jnp.delete(x, 0, axis=1),
            jnp.delete(x[0], np.array([0, 2])),
        ],
    )
    yield (
        "repeat and tile",
        lambda: [
            jnp.repeat(x, 2, axis=1),
            jnp.repeat(x, np.array([1, 2]), axis=0),
            jnp.tile(x, (2, 1)),
        ],
    )
    yield (
        "flip and roll",
        lambda: [
            jnp.flip(t, 1),
            jnp.fliplr(x),
            jnp.roll(t, 2, axis=2),
            jnp.roll(x, 1),
            jnp.rot90(x),
        ],
    )
    for mode in (
        "constant",
        "edge",
        "reflect",
        "symmetric",
        "wrap",
        "linear_ramp",
        "mean",
        "maximum",
    ):
        yield f"pad {mode}", lambda mode=mode: jnp.pad(x, ((1, 0), (2, 1)), mode=mode)
    yield "lax pad", lambda: lax.pad(x, 0.0, ((1, -1, 0), (0, 0, 2)))
    yield (
        "sort",
        lambda: [jnp.sort(-t, axis=1), jnp.argsort(-x), jnp.sort(x, descending=True)],
    )
    yield "sort of nan", lambda: jnp.sort(jnp.array([2.0, np.nan, -1.0]))
    yield "lexsort", lambda: jnp.lexsort((jnp.array([1, 0, 1]), jnp.array([2, 1, 0])))
    yield "top k", lambda: list(lax.top_k(-x, 2))
    yield "partition", lambda: jnp.partition(jnp.array([3.0, 1, 2, 5]), 2)
    yield (
        "unique",
        lambda: jnp.unique(
            jnp.array([3, 1, 3, 2]), return_counts=True, return_inverse=True
        ),
    )
    yield (
        "dot",
        lambda: [
            x @ x.T,
            jnp.dot(x, x[0]),
            jnp.vdot(x, x),
            jnp.inner(x, x),
            jnp.outer(x[0], x[1]),
        ],
    )
    yield "dot of integers", lambda: t @ jnp.ones((4, 2), "int8")
    yield (
        "dot with a preferred type",
        lambda: jnp.matmul(
            jnp.ones((2, 2), "bfloat16"),
            jnp.ones((2, 2), "bfloat16"),
            preferred_element_type="float32",
        ),
    )
    yield (
        "tensordot",
        lambda: [jnp.tensordot(t, t, 3), jnp.tensordot(t, x, ((1,), (1,)))],
    )
    yield "kron and cross", lambda: [jnp.kron(x, x), jnp.cross(x[0], x[1])]
    for spec in (
        "ij,ij->",
        "ij,kj->ik",
        "ij->ji",
        "ii->i",
        "ij,j",
        "...j,j->...",
        "ij,ik,il->jkl",
    ):
        operands = {1: [x @ x.T], 2: [x, x], 3: [x, x, x]}[spec.count(",") + 1]
        operands = [x, x[0]] if spec in ("ij,j", "...j,j->...") else operands
        yield (
            f"einsum {spec}",
            lambda spec=spec, operands=operands: jnp.einsum(spec, *operands),
        )
    yield (
        "convolution",
        lambda: lax.conv_general_dilated(
            t[None].astype(float),
            jnp.ones((3, 2, 2, 2)),
            (1, 2),
            "SAME",
            rhs_dilation=(2, 1),
        ),
    )
    yield (
        "windows",
        lambda: lax.reduce_window(x, -np.inf, lax.max, (1, 2), (1, 1), "SAME"),
    )
    yield (
        "set operations on shapes",
        lambda: [
            str(jnp.broadcast_shapes((2, 1), (3,))),
            str(jnp.shape(x)),
            jnp.ndim(t),
            jnp.size(t),
        ],
    )
    yield (
        "text",
        lambda: [
            str(x),
            repr(x),
            repr(jnp.asarray(1.0)),
            repr(t[0, 0] > 1),
            f"{x[0, 1]:.2f}",
        ],
    )
    yield (
        "text of long arrays",
        lambda: [repr(jnp.arange(2000.0)), repr(jnp.zeros((0, 3), int))],
    )
    yield "text of bfloat16", lambda: repr(jnp.ones((2, 2), "bfloat16"))
    yield (
        "python values",
        lambda: [x.tolist(), float(x[0, 1]), int(t[0, 0, 1]), bool(x[0, 1]), x.item(2)],
    )
    yield (
        "attributes",
        lambda: [
            x.ndim,
            x.size,
            x.nbytes,
            x.itemsize,
            str(x.shape),
            x.dtype,
            x.weak_type,
            x.is_deleted(),
            x.is_fully_addressable,
            x.is_fully_replicated,
            len(x.addressable_shards),
            x.committed,
            x.on_device_size_in_bytes(),
        ],
    )
