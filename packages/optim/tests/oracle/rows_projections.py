"""Rows of the projections: the oracle is a solver, a formula, or bisection."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from dolmen.core import numpy as jnp

from .rows import Row

RNG = np.random.default_rng(3)
X = RNG.normal(size=7)
A = RNG.normal(size=7)
TREE = {"a": RNG.normal(size=(2, 3)), "b": [RNG.normal(size=4), np.array(0.3)]}
NORMAL = {"a": RNG.normal(size=(2, 3)), "b": [RNG.normal(size=4), np.array(-1.0)]}
COMPLEX = RNG.normal(size=4) + 1j * RNG.normal(size=4)
UNIT = RNG.normal(size=4) + 1j * RNG.normal(size=4)


def on_leaves(function):
    """A function of one vector, as a function of a tree."""

    def of_tree(tree, *args):
        if not isinstance(tree, dict):
            return function(tree, *args)
        parts = [tree["a"], *tree["b"]]
        flat = function(np.concatenate([np.ravel(x) for x in parts]), *args)
        a, b, c = np.split(flat, np.cumsum([x.size for x in parts])[:-1])
        return {"a": a.reshape(2, 3), "b": [b, c.reshape(())]}

    return of_tree


@on_leaves
def simplex(x, scale=1.0):
    """By bisection for the threshold that gives the sum."""
    low, high = x.min() - scale, x.max()
    for _ in range(100):
        middle = (low + high) / 2
        if np.maximum(x - middle, 0).sum() > scale:
            low = middle
        else:
            high = middle
    return np.maximum(x - (low + high) / 2, 0)


@on_leaves
def l1_sphere(x, scale=1.0):
    return np.where(x < 0, -1, 1) * simplex(np.abs(x), scale)


@on_leaves
def l1_ball(x, scale=1.0):
    return x if np.abs(x).sum() <= scale else l1_sphere(x, scale)


@on_leaves
def l2_sphere(x, scale=1.0):
    return x * scale / np.linalg.norm(x)


@on_leaves
def l2_ball(x, scale=1.0):
    return x if np.linalg.norm(x) <= scale else l2_sphere(x, scale)


def flat(tree):
    if not isinstance(tree, dict):
        return tree
    return np.concatenate([np.ravel(x) for x in [tree["a"], *tree["b"]]])


def vector(x, a):
    line = flat(a)
    return on_leaves(lambda x: np.vdot(line, x) / np.vdot(line, line) * line)(x)


def hyperplane(x, a, b):
    normal = flat(a)
    step = lambda x: (b - np.vdot(normal, x)) / np.vdot(normal, normal)  # noqa: E731
    return on_leaves(lambda x: x + step(x) * normal)(x)


def halfspace(x, a, b):
    return x if np.vdot(flat(a), flat(x)) <= b else hyperplane(x, a, b)


def scaled(scale):
    return lambda f, x: f(x, scale)


def with_scales(name, oracle, *scales, complex_too=False):
    """Rows of a projection on a ball or sphere, of vectors and of a tree."""
    rows = [
        Row(name, (x,), oracle, scaled(s), smooth=(0,), slack=4, label=f"{kind} {s}")
        for s in scales
        for kind, x in [("vector", X), ("tree", TREE)]
    ]
    rows.append(Row(name, (X,), oracle, label="of radius one"))
    if complex_too:
        rows.append(Row(name, (COMPLEX,), oracle, smooth=(0,), label="complex"))
    return rows


PROJECTIONS = [
    *with_scales("projection_simplex", simplex, 0.1, 1.0, 30.0),
    Row("projection_simplex", (X,), lambda x, s: 0 * x, scaled(0.0), label="of sum 0"),
    Row("projection_simplex", (np.zeros(4),), lambda x: x + 0.25, label="of zeros"),
    Row(
        "projection_simplex",
        (np.array([1e3, -1e3, 1e3 - 0.5]),),
        simplex,
        slack=100,  # differences of large numbers
        label="of large numbers",
    ),
    *with_scales("projection_l1_sphere", l1_sphere, 0.5, 30.0),
    Row("projection_l1_sphere", (np.array([0.5, 0.0]),), l1_sphere, label="of zeros"),
    *with_scales("projection_l1_ball", l1_ball, 0.5, 30.0),
    Row("projection_l1_ball", (np.zeros(3),), l1_ball, smooth=(0,), label="of zeros"),
    *with_scales("projection_l2_sphere", l2_sphere, 0.5, 30.0, complex_too=True),
    *with_scales("projection_l2_ball", l2_ball, 0.5, 30.0, complex_too=True),
    Row("projection_l2_ball", (np.zeros(3),), l2_ball, smooth=(0,), label="of zeros"),
    Row("projection_linf_ball", (X,), lambda x: np.clip(x, -1, 1), smooth=(0,)),
    Row(
        "projection_linf_ball",
        (TREE,),
        on_leaves(lambda x, s: np.clip(x, -s, s)),
        scaled(0.25),
        smooth=(0,),
        label="of a tree",
    ),
    Row("projection_non_negative", (X,), lambda x: np.maximum(x, 0), smooth=(0,)),
    Row(
        "projection_non_negative",
        (TREE,),
        on_leaves(lambda x: np.maximum(x, 0)),
        label="of a tree",
    ),
    Row(
        "projection_box",
        (X, A - 1, A + 0.2),
        np.clip,
        smooth=(0, 1, 2),
    ),
    Row(
        "projection_box",
        (TREE,),
        lambda x, low, high: {
            "a": np.clip(x["a"], -0.2, high),
            "b": [np.clip(leaf, 0.1, high) for leaf in x["b"]],
        },
        lambda f, x: f(x, {"a": -0.2, "b": 0.1}, 0.5),
        smooth=(0,),
        label="of a tree",
    ),
    Row("projection_hypercube", (X,), lambda x: np.clip(x, 0, 1), smooth=(0,)),
    Row(
        "projection_hypercube",
        (TREE,),
        on_leaves(lambda x, s: np.clip(x, 0, s)),
        scaled(0.25),
        label="of a tree",
    ),
    Row("projection_vector", (X, A), vector, smooth=(0, 1)),
    Row("projection_vector", (TREE, NORMAL), vector, smooth=(0, 1), label="of a tree"),
    Row("projection_vector", (COMPLEX, UNIT), vector, smooth=(0,), label="complex"),
    Row("projection_hyperplane", (X, A, np.array(0.7)), hyperplane, smooth=(0, 1, 2)),
    Row(
        "projection_hyperplane",
        (TREE, NORMAL),
        hyperplane,
        lambda f, x, a: f(x, a, -2.0),
        smooth=(0, 1),
        label="of a tree",
    ),
    *[
        Row(
            "projection_halfspace",
            (x, a),
            halfspace,
            lambda f, x, a, b=b: f(x, a, b),
            smooth=(0, 1),
            label=f"{kind} {b}",
        )
        for b in (-5.0, 5.0)
        for kind, x, a in [("vector", X, A), ("tree", TREE, NORMAL)]
    ],
]


# ---- assignment --------------------------------------------------------------------


SOLVERS = ("hungarian_algorithm", "base_hungarian_algorithm")
COSTS = {
    "square": RNG.normal(size=(6, 6)),
    "wide": RNG.normal(size=(3, 7)),
    "tall": RNG.normal(size=(7, 3)),
    "one row": RNG.normal(size=(1, 5)),
}

# ---- second order ------------------------------------------------------------------

V = RNG.normal(size=7)
PARAMS = {"a": A[:3], "b": A[3:]}


def curved(p, x, y):
    """A loss whose Hessian is known."""
    w = jnp.concatenate([p["a"], p["b"]])
    return (w**4).sum() / 12 + (w * x).sum() ** 2 / 2 + y * w.sum()


def hessian(p, x):
    w = np.concatenate([p["a"], p["b"]])
    return np.diag(w**2) + np.outer(x, x)


def slope(p, x, y):
    w = np.concatenate([p["a"], p["b"]])
    return w**3 / 3 + (w @ x) * x + y


def split(w):
    return {"a": w[:3], "b": w[3:]}


Y = np.array(0.5)
ROWS = [
    *[Row(**{**vars(r), "name": f"projections.{r.name}"}) for r in PROJECTIONS],
    *[
        Row(f"assignment.{name}", (costs,), linear_sum_assignment, label=kind)
        for name in SOLVERS
        for kind, costs in COSTS.items()
    ],
    Row(
        "second_order.hvp",
        (V, PARAMS, X, Y),
        lambda loss, v, p, x, y: split(hessian(p, x) @ v),
        lambda f, v, p, x, y: f(curved, v, p, x, y),
        smooth=(0, 1, 2),
        slack=4,
    ),
    Row(
        "second_order.hessian_diag",
        (PARAMS, X, Y),
        lambda loss, p, x, y: np.diag(hessian(p, x)),
        lambda f, p, x, y: f(curved, p, x, y),
        slack=4,
    ),
    Row(
        "second_order.fisher_diag",
        (PARAMS, X, Y),
        lambda loss, p, x, y: slope(p, x, y) ** 2,
        lambda f, p, x, y: f(curved, p, x, y),
        slack=10,
    ),
]
