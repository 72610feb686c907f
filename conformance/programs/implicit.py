"""Derivatives by other means: of solutions, of roots, along curves, in two passes."""


def programs(api):
    core, jnp, lax = api.core, api.jnp, api.lax
    custom = api.custom_derivatives
    jet = api.module("experimental.jet").jet

    def scaled(r, x):
        return custom.linear_call(lambda r, x: r * x, lambda r, ct: 10 * r * ct, r, x)

    @core.custom_gradient
    def squared(x):
        return x**2, lambda ct: ct * x

    def closed(y):
        converted, hoisted = core.closure_convert(lambda x: x * y, 1.0)
        return converted(2.0, *hoisted)

    def solution(a, b):
        def solve(f, b):
            return b / f(1.0)

        return lax.custom_linear_solve(lambda x: a * x, b, solve, symmetric=True)

    def newton(f, x):
        return lax.fori_loop(0, 8, lambda i, x: x - f(x) / core.grad(f)(x), x)

    def root(a):
        return lax.custom_root(lambda x: x**2 - a, 1.0, newton, lambda g, y: y / g(1.0))

    product = core.custom_jvp(lambda x, y: x * y)

    def rule(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        zeros = [isinstance(t, custom.SymbolicZero) for t in tangents]
        return product(x, y), dx * y * (1 + sum(zeros)) if zeros[1] else dy * x

    product.defjvp(rule, symbolic_zeros=True)

    fwd, bwd = core.fwd_and_bwd(lambda x, w: jnp.tanh(x @ w), (0, 1))
    w = jnp.array([0.5, -0.25])

    yield "linear call", lambda: core.jit(scaled)(2.0, 3.0)
    yield "grad of linear call", lambda: core.grad(scaled, 1)(2.0, 3.0)
    yield "custom gradient", lambda: core.value_and_grad(squared)(3.0)
    yield "vmap of custom gradient", lambda: core.vmap(core.grad(squared))(w)
    yield "closure convert", lambda: core.grad(closed)(3.0)
    yield "linear solve", lambda: core.jit(solution)(2.0, 6.0)
    yield "grad of linear solve", lambda: core.grad(solution, (0, 1))(2.0, 6.0)
    yield "jvp of linear solve", lambda: core.jvp(solution, (2.0, 6.0), (1.0, 1.0))
    yield (
        "vmap of grad of linear solve",
        lambda: core.vmap(core.grad(solution), (None, 0))(2.0, w),
    )
    yield "root", lambda: core.jit(root)(4.0)
    yield "grad of root", lambda: core.grad(root)(4.0)
    yield "second derivative of root", lambda: core.grad(core.grad(root))(4.0)
    yield "symbolic zeros by the first", lambda: core.grad(product)(2.0, 3.0)
    yield "symbolic zeros by the second", lambda: core.grad(product, 1)(2.0, 3.0)
    yield "zero from primal", lambda: custom.zero_from_primal(jnp.ones(2))
    yield "forward and backward", lambda: bwd(fwd(w, w)[1], 1.0)
    yield (
        "vjp from a jitted function",
        lambda: core.jit(lambda x: core.vjp(jnp.sin, x))(w)[1](w),
    )
    yield (
        "linearize from a jitted function",
        lambda: core.jit(lambda x: core.linearize(jnp.sin, x))(w)[1](w),
    )
    yield "linear transpose", lambda: core.linear_transpose(lambda x: 2 * x, w)(w)
    yield (
        "linear transpose of a scan",
        lambda: core.linear_transpose(
            lambda x: lax.scan(lambda c, y: (c + 2 * y, c), 0.0, x), w
        )((1.0, w)),
    )
    yield "jet", lambda: jet(jnp.sin, (w,), ([w, w, w],))
    yield (
        "jet of a quotient",
        lambda: jet(lambda x: jnp.exp(x) / (1 + x * x), (0.5,), ([1.0, 0.5, 0.25],)),
    )
    yield (
        "jet of coefficients",
        lambda: jet(jnp.tanh, (0.5,), ([1.0, 0.5],), factorial_scaled=False),
    )
    yield (
        "holomorphic jacobian",
        lambda: core.jacfwd(lambda z: z**3, holomorphic=True)(jnp.array([1 + 2j, 1j])),
    )
    yield (
        "integer jacobian",
        lambda: core.jacrev(lambda n: n * 1.0, allow_int=True)(jnp.arange(2)),
    )
