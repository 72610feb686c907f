"""Rows of the functions of trees: NumPy on each leaf, or on all of them as a vector."""

import numpy as np

from dolmen.core import tree

from .rows import Row

RNG = np.random.default_rng(5)


def drawn(*, positive=False):
    draw = lambda *shape: RNG.normal(size=shape)  # noqa: E731
    made = {"a": draw(2, 3), "b": [draw(4), draw()]}
    return tree.map(lambda x: np.abs(x) + 0.5, made) if positive else made


X, Y, Z, POSITIVE = drawn(), drawn(), drawn(), drawn(positive=True)
COMPLEX = tree.map(lambda x, y: x + 1j * y, X, Y)
OTHER = tree.map(lambda x, y: x - 1j * y, Y, Z)
COUNT = np.array(3, np.int32)


def leafwise(function):
    """A function of arrays, on corresponding leaves."""
    return lambda *trees, **kwargs: tree.map(
        lambda *xs: function(*xs, **kwargs), *trees
    )


def vector(x):
    return np.concatenate([np.ravel(leaf) for leaf in tree.leaves(x)])


def norm(x, ord=2, squared=False):
    order = np.inf if ord in ("inf", "infinity") else ord
    return np.linalg.norm(vector(x), order) ** (2 if squared else 1)


def moment(g, t, decay, order):
    return (1 - decay) * np.abs(g) ** order + decay * t


def bias_corrected(t, decay=0.9, count=3):
    return t / (1 - decay**count)


TREES = {
    "add": [
        Row("", (X, Y), leafwise(np.add), smooth=(0, 1)),
        Row("", (X, Y, Z), leafwise(lambda x, y, z: x + y + z), label="of three"),
    ],
    "sub": [Row("", (X, Y), leafwise(np.subtract), smooth=(0, 1))],
    "mul": [Row("", (X, Y), leafwise(np.multiply), smooth=(0, 1))],
    "div": [Row("", (X, POSITIVE), leafwise(np.divide), smooth=(0, 1))],
    "scale": [
        Row("", (X,), lambda c, x: tree.map(lambda x: c * x, x), lambda f, x: f(3.0, x))
    ],
    "add_scale": [
        Row(
            "",
            (X, Y),
            lambda x, c, y: leafwise(lambda x, y: x + c * y)(x, y),
            lambda f, x, y: f(x, -2.5, y),
            smooth=(0, 1),
        )
    ],
    "conj": [Row("", (COMPLEX,), leafwise(np.conj))],
    "real": [Row("", (COMPLEX,), leafwise(np.real)), Row("", (X,), lambda x: x)],
    "clip": [
        Row(
            "",
            (X,),
            lambda x, low, high: leafwise(np.clip)(x, a_min=low, a_max=high),
            lambda f, x: f(x, -0.5, 0.7),
            smooth=(0,),
        ),
        Row(
            "",
            (X,),
            lambda x, max_value: leafwise(np.minimum)(x, tree.map(lambda _: 0.5, x)),
            lambda f, x: f(x, max_value=0.5),
            label="above",
        ),
    ],
    "where": [
        Row(
            "",
            (X, Y, np.array(flag)),
            lambda flag, x, y: x if flag else y,
            lambda f, x, y, flag: f(flag, x, y),
            label=str(flag),
        )
        for flag in (True, False)
    ],
    "batch_shape": [
        Row(
            "",
            (X,),
            lambda x, shape: tree.map(lambda x: np.tile(x, (2, 3) + (1,) * x.ndim), x),
            lambda f, x: f(x, (2, 3)),
        )
    ],
    "zeros_like": [Row("", (X,), leafwise(np.zeros_like))],
    "ones_like": [Row("", (X,), leafwise(np.ones_like))],
    "full_like": [
        Row(
            "",
            (X,),
            lambda x, value: leafwise(np.full_like)(x, fill_value=value),
            lambda f, x: f(x, 2.5),
        )
    ],
    "sum": [
        Row("", (X,), lambda x: vector(x).sum(), smooth=(0,), slack=4),
        Row(
            "",
            (X,),
            lambda x, pairs: vector(x).sum(),
            lambda f, x: f(x, True),
            slack=4,
            label="in pairs",
        ),
    ],
    "max": [
        Row("", (X,), lambda x: vector(x).max(), smooth=(0,)),
        Row("", (np.zeros((0, 2)),), lambda x: np.array(-np.inf), label="of nothing"),
    ],
    "min": [
        Row("", (X,), lambda x: vector(x).min(), smooth=(0,)),
        Row("", (np.zeros((0, 2)),), lambda x: np.array(np.inf), label="of nothing"),
    ],
    "size": [Row("", (X,), lambda x: vector(x).size, mapped=False)],
    "vdot": [
        Row(
            "",
            (x, y),
            lambda x, y: np.vdot(vector(x), vector(y)),
            smooth=(0, 1),
            slack=4,
            label=kind,
        )
        for kind, x, y in [("", X, Y), ("of complex", COMPLEX, OTHER)]
    ],
    "norm": [
        Row("", (X,), norm, smooth=(0,)),
        Row("", (COMPLEX,), norm, smooth=(0,), label="of complex"),
        *[
            Row(
                "",
                (X,),
                norm,
                lambda f, x, ord=ord, squared=squared: f(x, ord, squared),
                smooth=(0,),
                slack=10,
                label=f"{ord} {squared}",
            )
            for ord in (1, 2, np.inf, "inf", "infinity")
            for squared in (False, True)
        ],
        *[
            Row(
                "",
                ([],),
                lambda x, ord: np.array(0.0),
                lambda f, x, ord=ord: f(x, ord),
                mapped=False,
                label=f"{ord} of nothing",
            )
            for ord in (1, 2, np.inf)
        ],
    ],
    "allclose": [
        Row(
            "",
            (X,),
            lambda x, y, **tolerances: np.allclose(vector(x), vector(y), **tolerances),
            lambda f, x, by=by: f(x, tree.map(lambda x: x * by, x), rtol=1e-2),
            label=str(by),
        )
        for by in (1.001, 1.1)
    ],
    "cast": [
        Row(
            "",
            (X,),
            lambda x, dtype: leafwise(lambda x: np.trunc(x).astype(np.int32))(x),
            lambda f, x: f(x, np.int32),
        ),
        Row("", (X,), lambda x, dtype: x, lambda f, x: f(x, None), label="to none"),
    ],
    "cast_like": [
        Row(
            "",
            (X,),
            lambda x, y: leafwise(lambda x: np.trunc(x).astype(np.int32))(x),
            lambda f, x: f(x, tree.map(lambda _: np.int32(0), x)),
        ),
    ],
    "update_moment": [
        Row(
            "",
            (X, Y),
            lambda g, t, d, n: leafwise(lambda g, t: (1 - d) * g**n + d * t)(g, t),
            lambda f, g, t, order=order: f(g, t, 0.9, order),
            smooth=(0, 1),
            label=str(order),
        )
        for order in (1, 2)
    ],
    "update_moment_per_elem_norm": [
        Row(
            "",
            (g, Y),
            lambda g, t, d, n: leafwise(lambda g, t: moment(g, t, d, n))(g, t),
            lambda f, g, t, order=order: f(g, t, 0.9, order),
            smooth=(0, 1),
            label=f"{kind}{order}",
        )
        for kind, g, order in [
            ("", X, 2),
            ("complex ", COMPLEX, 2),
            ("odd ", COMPLEX, 3),
        ]
    ],
    "update_infinity_moment": [
        Row(
            "",
            (X, POSITIVE),
            lambda g, t, d, eps: leafwise(
                lambda g, t: np.maximum(np.abs(g) + eps, d * t)
            )(g, t),
            lambda f, g, t: f(g, t, 0.9, 1e-2),
            smooth=(0, 1),
        )
    ],
    "bias_correction": [
        Row(
            "",
            (X, COUNT),
            lambda t, decay, count: leafwise(bias_corrected)(t),
            lambda f, t, count: f(t, 0.9, count),
            smooth=(0,),
            slack=4,
        ),
        Row(
            "",
            (X,),
            lambda t, decay, count: leafwise(bias_corrected)(t),
            lambda f, t: f(t, 0.9, 3),
            slack=4,
            label="by a Python number",
        ),
    ],
}

ROWS = [
    Row(**{**vars(row), "name": f"tree.{name}"})
    for name, rows in TREES.items()
    for row in rows
]
