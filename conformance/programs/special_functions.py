"""`scipy.special`: types of results, weakly typed operands, shapes, wrong arguments."""

import functools

import numpy as np

REAL = "dawsn erfcx exp1 expi fresnel gamma gammasgn sici"
OF_REALS = (
    *((name, 1) for name in REAL.split()),
    *((name, 1) for name in ("gammaln", "loggamma", "digamma", "factorial", "wofz")),
    *((name, 2) for name in ("beta", "expn", "owens_t", "poch", "zeta")),
    ("hyp1f1", 3),
    ("hyp2f1", 4),
)
DTYPES = ["bool", "int8", "int32", "float16", "bfloat16", "float32"]
SCALARS = [True, 1, 0.75]


def operands(count, first):
    """`first`, and as many others of moderate size as make `count` operands."""
    if count == 4:
        return first, 1.5, 2.5, 0.5
    return (first, 2.0, 0.5)[:count]


def programs(api):
    """Pairs of a name and a program that has it."""
    jnp, core = api.jnp, api.core
    special = api.module("scipy.special")

    def refused(call):
        try:
            return call()
        except (TypeError, ValueError, NotImplementedError):
            return "refused"

    for name, count in OF_REALS:
        # Types alone: compiling all of these takes minutes.
        def of_dtypes(name=name, count=count):
            arrays = [jnp.asarray([1, 1], dtype) for dtype in DTYPES]
            f = getattr(special, name)
            return [core.eval_shape(f, *operands(count, x)) for x in arrays]

        def of_scalars(name=name, count=count):
            f = getattr(special, name)
            return [core.eval_shape(f, *operands(count, x)) for x in SCALARS]

        def of_strong_and_weak(name=name, count=count):
            x = jnp.asarray([0.25, 0.75], jnp.float16)
            return core.eval_shape(getattr(special, name), *operands(count, x))

        yield f"{name} of dtypes", of_dtypes
        yield f"{name} of scalars", of_scalars
        if count > 1:
            yield f"{name} of half precision and numbers", of_strong_and_weak

    def of_complex_numbers():
        z = np.array([0.5 + 0.25j, -1.5 - 2j], np.complex64)
        names = ["wofz", "erfcx", "loggamma", "gamma"]
        return [getattr(special, name)(z) for name in names]

    def complex_where_real():
        z = np.array([0.5 + 0.25j], np.complex64)
        calls = [
            lambda: special.dawsn(z),
            lambda: special.exp1(z),
            lambda: special.expi(z),
            lambda: special.expn(1, z),
            lambda: special.fresnel(z),
            lambda: special.sici(z),
            lambda: special.hyp1f1(z, 1.0, 1.0),
            lambda: special.hyp2f1(z, 1.0, 1.0, 0.5),
            lambda: special.bessel_jn(z, v=1),
            lambda: special.poch(z, 1.0),
        ]
        return [refused(call) for call in calls]

    def of_the_normal_distribution():
        x = jnp.asarray([0.25, 0.75], jnp.float32)
        names = ["ndtr", "ndtri", "log_ndtr"]
        functions = [getattr(special, name) for name in names]
        return [core.eval_shape(f, y) for f in functions for y in (x, 0.5)]

    def bessel():
        z = np.array([[0.5, 1.5, -3.0]], np.float32)
        orders = (0, 1, 3)
        functions = [functools.partial(special.bessel_jn, v=v) for v in orders]
        return [core.eval_shape(f, z) for f in functions]

    def harmonics():
        n, m = np.array([2, 3, 3]), np.array([1, 0, -2])
        theta = np.array([0.3, 1.2, 2.0], np.float32)
        return [
            special.sph_harm_y(n, m, theta, theta),
            special.sph_harm_y(n, m, theta, theta, n_max=3),
            core.jit(lambda t: special.sph_harm_y(n, m, t, t, n_max=4))(theta),
        ]

    def wrong_orders():
        x, one = np.ones(2, np.float32), np.array([1])
        return [
            refused(lambda: special.bessel_jn(x, v=1.5)),
            refused(lambda: special.bessel_jn(x)),
            refused(lambda: special.sph_harm_y(one, one, x, x, diff_n=1)),
            refused(lambda: special.sph_harm_y(one * 1.0, one, x, x)),
            refused(lambda: core.jit(special.sph_harm_y)(one, one, x, x)),
            refused(lambda: special.hyp2f1(x, np.ones(3, np.float32), 1.0, 0.5)),
        ]

    def spence():
        x = np.array([0.0, 0.5, 1.0, 2.0, 40.0, -1.0], np.float32)
        return special.spence(x), special.spence(0.5)

    yield "of complex numbers", of_complex_numbers
    yield "complex numbers where only real ones are taken", complex_where_real
    yield "of the normal distribution", of_the_normal_distribution
    yield "bessel functions", bessel
    yield "spherical harmonics", harmonics
    yield "wrong orders", wrong_orders
    yield "spence", spence
