"""Solvers of linear equations, minima and differential equations."""

LBFGS = "l-bfgs-experimental-do-not-rely-on-this"


def programs(api):
    core, jnp = api.core, api.jnp
    linalg = api.module("scipy.sparse.linalg")
    minimize = api.module("scipy.optimize").minimize
    odeint = api.module("experimental.ode").odeint

    A = jnp.array([[4.0, 1.0], [1.0, 3.0]])
    b = jnp.array([1.0, 2.0])
    ints = jnp.array([1, 2])

    for name in ("cg", "bicgstab", "gmres"):
        solve = getattr(linalg, name)

        def near(*args, solve=solve, **options):
            return jnp.round(solve(*args, **options)[0], 3)

        yield f"{name}", lambda: near(A, b)
        yield f"{name} says besides", lambda: solve(A, b)[1]
        yield (
            f"{name} of lanes",
            lambda: core.vmap(core.jit(near), (None, 0))(A, jnp.stack([b, 2 * b])),
        )
        yield f"{name} of a function", lambda: near(lambda x: 2 * x, b)
        yield (
            f"{name} of a tree",
            lambda: solve(lambda x: {"a": 2 * x["a"]}, {"a": b})[0],
        )
        yield f"{name} of complex numbers", lambda: near(A + 0j, b + 1j)
        yield f"{name} of zeros", lambda: near(A, 0 * b)
        yield (
            f"gradient of {name}",
            lambda: jnp.round(
                core.grad(lambda A: solve(A, b, tol=1e-6)[0].sum())(A), 3
            ),
        )
        yield f"{name} of integers", lambda: solve(A, ints)
        yield f"{name} from integers", lambda: solve(A, b, ints)
        yield f"{name} from another tree", lambda: solve(A, b, (b,))
        yield f"{name} of a wide matrix", lambda: solve(A[:1], b)
        yield f"{name} of a list", lambda: solve([[1.0]], b)
        yield f"{name} of a list of numbers", lambda: solve(A, [1.0, 2.0])
        yield f"{name} of a complex matrix", lambda: solve(A + 0j, b)
        yield f"{name} of no equation", lambda: solve(lambda x: (x,), b)
    yield (
        "gmres step by step",
        lambda: jnp.round(linalg.gmres(A, b, solve_method="incremental")[0], 3),
    )
    yield "gmres by no method", lambda: linalg.gmres(A, b, solve_method="fast")
    yield "one step of cg", lambda: linalg.cg(A, b, maxiter=1)
    yield "one step of bicgstab", lambda: linalg.bicgstab(A, b, maxiter=1)
    yield (
        "cg of bfloat16",
        lambda: linalg.cg(A.astype("bfloat16"), b.astype("bfloat16")),
    )

    def bowl(x):
        return jnp.sum((x - 1.0) ** 2) + x[0] * x[1]

    def moved(x, target):
        return jnp.sum((x - target) ** 2)

    for method in ("BFGS", LBFGS):
        short = method[:6]

        def best(*args, method=method, **options):
            return minimize(*args, method=method, **options)

        yield f"{short}", lambda: jnp.round(best(bowl, b).x, 3)
        yield f"{short} succeeds", lambda: best(bowl, b)[1:3]
        yield f"{short} has types", lambda: core.tree.map(jnp.zeros_like, best(bowl, b))
        yield f"{short} with arguments", lambda: jnp.round(best(moved, b, (3.0,)).x, 3)
        yield f"{short} of nothing", lambda: best(jnp.sum, b[:0]).x
        yield f"{short} without minimum", lambda: best(lambda x: -jnp.sum(x), b)[1:3]
        yield f"{short} of an argument", lambda: best(moved, b, 3.0)
        yield f"{short} of integers", lambda: best(bowl, ints)
        yield f"{short} of vectors", lambda: best(lambda x: x, b)
        yield f"{short} of no number", lambda: best(lambda x: 1, b)
        yield f"{short} with an option", lambda: best(bowl, b, options={"fast": 1})
    yield (
        "no steps of BFGS",
        lambda: minimize(bowl, b, method="BFGS", options={"maxiter": 0}),
    )
    yield "no method", lambda: minimize(bowl, b, method="fast")

    t = jnp.array([0.0, 0.5, 1.0])

    def decay(y, t, rate=1.0):
        return -rate * y

    yield "ode", lambda: jnp.round(odeint(decay, 1.0, t), 4)
    yield "ode of a vector", lambda: jnp.round(odeint(decay, b, t, 0.5), 4)
    yield "ode of complex numbers", lambda: jnp.round(odeint(decay, b + 0j, t, 0.5j), 4)
    yield (
        "ode of a tree",
        lambda: core.tree.map(
            lambda x: jnp.round(x, 4), odeint(lambda y, t: (y[1], -y[0]), (1.0, 0.0), t)
        ),
    )
    yield "ode at one time", lambda: odeint(decay, 1.0, t[:1])
    yield "ode of NaN", lambda: odeint(lambda y, t: y * jnp.nan, 1.0, t)
    yield (
        "gradients of ode",
        lambda: core.tree.map(
            lambda x: jnp.round(x, 3),
            core.grad(lambda *args: odeint(decay, *args)[-1], (0, 1, 2))(1.0, t, 2.0),
        ),
    )
    yield (
        "ode under vmap",
        lambda: jnp.round(core.vmap(lambda y: odeint(decay, y, t))(b), 4),
    )
    yield "ode backwards", lambda: odeint(decay, 1.0, -t)
    yield (
        "ode forward mode",
        lambda: core.jvp(lambda y: odeint(decay, y, t), (1.0,), (1.0,)),
    )
    yield "ode of integers", lambda: odeint(decay, 1, t)
    yield "ode at integers", lambda: odeint(decay, 1.0, jnp.arange(3))
    yield "ode with text", lambda: odeint(decay, 1.0, t, "fast")
    yield "ode of another shape", lambda: odeint(lambda y, t: jnp.ones(3), b, t)
    yield "ode of a number", lambda: odeint(lambda y, t: 1.0, b, t)
