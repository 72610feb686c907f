"""Projections, assignment, second-order helpers, perturbations, linear algebra."""

import functools

import numpy as np

RNG = np.random.default_rng(1)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


X, A = normal(9), normal(9)
TREE = {"a": normal(2, 3), "b": [normal(4), normal()]}
NORMAL = {"a": normal(2, 3), "b": [normal(4), normal()]}
OF_SCALE = [
    *["simplex", "l1_sphere", "l1_ball", "l2_sphere", "l2_ball", "linf_ball"],
]
COSTS = {
    "square": normal(7, 7),
    "wide": normal(4, 9),
    "tall": normal(9, 4),
    "empty": normal(0, 3),
}
M = normal(6, 6)
NORMAL_TARGETS = normal(6, 2) * 3
VECTORS = normal(6), normal(6), normal(45)
SYMMETRIC = M @ M.T + np.eye(6, dtype=np.float32)


def programs(api):
    core, jnp, optim, random = api.core, api.jnp, api.optim, api.random
    tree, p = core.tree, optim.projections
    arrays = lambda x: tree.map(jnp.asarray, x)  # noqa: E731

    for kind, given in [("vector", X), ("tree", TREE)]:
        x = arrays(given)
        for name in OF_SCALE:
            project = getattr(optim.projections, f"projection_{name}")
            for scale in (0.3, 1.0, 50.0):

                def total(x, project=project, scale=scale):
                    parts = tree.leaves(project(x, scale))
                    return sum((leaf**3).sum() for leaf in parts)

                yield (
                    f"{name} of a {kind} {scale}",
                    functools.partial(project, x, scale),
                )
                yield (
                    f"gradient of {name} of a {kind} {scale}",
                    functools.partial(core.grad(total), x),
                )
        yield (
            f"non-negative of a {kind}",
            functools.partial(p.projection_non_negative, x),
        )
    vector, line = jnp.asarray(X), jnp.asarray(A)
    yield "hypercube", lambda: p.projection_hypercube(vector, 0.5)
    yield "box", lambda: p.projection_box(vector, line - 1, line + 0.1)
    yield (
        "box of a tree",
        lambda: p.projection_box(
            arrays(TREE),
            tree.map(lambda x: x - 0.5, arrays(NORMAL)),
            tree.map(lambda x: x + 0.1, arrays(NORMAL)),
        ),
    )
    for kind, (x, a) in {"vector": (X, A), "tree": (TREE, NORMAL)}.items():
        x, a = arrays(x), arrays(a)
        yield f"on a line of a {kind}", functools.partial(p.projection_vector, x, a)
        for b in (-3.0, 0.5, 3.0):
            yield (
                f"hyperplane of a {kind} {b}",
                functools.partial(p.projection_hyperplane, x, a, b),
            )
            yield (
                f"halfspace of a {kind} {b}",
                functools.partial(p.projection_halfspace, x, a, b),
            )

    for kind, costs in COSTS.items():
        for name in ("hungarian_algorithm", "base_hungarian_algorithm"):

            def pairs(solve=getattr(optim.assignment, name), costs=costs):
                i, j = solve(jnp.asarray(costs))
                return sorted(zip(i.tolist(), j.tolist(), strict=True))

            yield f"{name} of {kind}", pairs

    def loss(p, x, y):
        return jnp.sum((jnp.tanh(p["a"] @ x) - y) ** 2) + jnp.sum(p["b"] ** 3)

    params = {"a": jnp.asarray(M), "b": jnp.asarray(X)}
    *data, v = map(jnp.asarray, VECTORS)
    yield "hvp", lambda: optim.second_order.hvp(loss, v, params, *data)
    yield "hessian_diag", lambda: optim.second_order.hessian_diag(loss, params, *data)
    yield "fisher_diag", lambda: optim.second_order.fisher_diag(loss, params, *data)

    def winner(x):
        return tree.map(lambda x: (x == x.max()).astype(jnp.float32), x)

    for noise in ("Gumbel", "Normal"):
        made = getattr(optim.perturbations, noise)()
        for baseline in (True, False):
            smooth = optim.perturbations.make_perturbed_fun(
                winner, 50, 0.7, made, baseline
            )
            label = f"{noise} with baseline {baseline}"
            point = arrays(TREE)
            yield (
                f"perturbed by {label}",
                lambda smooth=smooth: smooth(random.key(3), point),
            )
            yield (
                f"gradient of perturbed by {label}",
                lambda smooth=smooth: core.jacobian(smooth, 1)(random.key(3), point),
            )
        yield f"log_prob of {noise}", lambda made=made: made.log_prob(jnp.asarray(X))
        yield (
            f"sample of {noise}",
            lambda made=made: made.sample(random.key(1), (5,), jnp.float32),
        )

    m = jnp.asarray(SYMMETRIC)
    yield "power_iteration", lambda: optim.power_iteration(m)
    yield (
        "power_iteration, few steps",
        lambda: optim.power_iteration(m, num_iters=2, key=random.key(3)),
    )
    yield (
        "power_iteration of a tree",
        lambda: optim.power_iteration(
            lambda v: {"a": m @ v["a"], "b": 2 * v["b"]},
            v0={"a": jnp.ones(6), "b": jnp.ones(2)},
        ),
    )
    for p_ in (1, 2, 4, 8):
        # How near the iteration comes to the identity differs in the last bit.
        yield (
            f"matrix_inverse_pth_root {p_}",
            lambda p_=p_: optim.matrix_inverse_pth_root(m, p_, 100, 1e-3)[0].round(3),
        )
    yield (
        "nnls",
        lambda: optim.nnls(m, jnp.asarray(NORMAL_TARGETS), 3000).round(3),
    )
    new, old = arrays(TREE), arrays(NORMAL)
    yield "incremental_update", lambda: optim.incremental_update(new, old, 0.1)
    for steps in (0, 3, 4):
        yield (
            f"periodic_update {steps}",
            lambda steps=steps: optim.periodic_update(new, old, jnp.asarray(steps), 4),
        )
    for scale in (0.0, 1.0, -0.5):

        def cubed(x, scale=scale):
            return jnp.sum(optim.scale_gradient(x, scale) ** 3)

        yield f"scale_gradient {scale}", functools.partial(core.grad(cubed), vector)
    normal_of = lambda: optim.multi_normal(jnp.asarray(X), jnp.asarray(A))  # noqa: E731
    yield "multi_normal", lambda: normal_of().log_prob(jnp.asarray(X) + 1)
    yield "sample of multi_normal", lambda: normal_of().sample((3,), random.key(0))
    yield (
        "safe_increment",
        lambda: [
            optim.safe_increment(jnp.asarray(n, jnp.int32)) for n in (3, 2**31 - 1)
        ],
    )
