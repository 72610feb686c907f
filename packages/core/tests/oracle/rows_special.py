"""Rows of `scipy.special`: the normal distribution, combinations, powers, sums."""

import numpy as np
import scipy.special

from .rows import Row

X = np.array([-7.5, -2.0, -1.0, -0.3, 0.0, 0.4, 2.5, 6.0])
FAR = np.array([-1e4, -300.0, -45.0, -21.0, -19.0, -11.0, -9.0])
P = np.array([1e-30, 1e-8, 0.02, 0.07, 0.3, 0.5, 0.6, 0.93, 0.99])
A = np.array([[0.5, -1.25, 2.0], [3.5, -0.75, 1.0]])
POSITIVE = np.array([0.2, 0.9, 2.5, 7.0])
COLUMN = np.array([[0.0], [0.5], [-1.5], [1e-6]])
COUNTS = np.array([0.0, 1.0, 5.0, 12.5])


def expint(n, x):
    """``E_n(x)`` of any order, by the function of Tricomi."""
    return x ** (n - 1) * np.exp(-x) * scipy.special.hyperu(n, n, x)


# Around every seam of the formulas of the integrals, and their zeros.
SMALL = np.array([1e-6, 0.02, 0.24, 0.26, 0.3725, 0.9, 1.0, 1.1])
LARGE = np.array([3.9, 4.1, 6.7, 11.9, 12.1, 39.0, 41.0, 75.0])
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1e15, 2e4])
ORDERS = np.array([[0.0], [1.0], [2.0], [7.0], [40.0]])
PLANE = np.array([0.3 + 0.2j, -1.3 + 0.1j, 1.7j, -2.6 + 0.7j, 3 - 1j, 9 + 8j, -1 - 2j])
ZEROS = np.array([1.0, 1 + 0.2j, 0.8 - 0.01j, 2.3, 1.6 - 0.01j, -1.5 + 0j, -40.25 + 8j])
GAMMA = np.array([-30.5, -22.9, -3.25, -0.5, 1.75, 23.5, 25.0, 30.0])
DEGREES = np.array([0, 1, 1, 5, 7, 6])
M = np.array([0, -1, 1, -4, 7, 0])
POLAR = np.array([0.0, 0.3, 1.1, np.pi / 2, 2.9, np.pi])
SPREAD = np.array([-20.0, -1.5, 0.3, 9.0])
WIDE = np.array([-1e5, -50.0, 30.0, 60.0, 5.0, np.inf, -9.0, 1.0])
POLES = np.array([0.0, -1.0, -1.0, -1.0, -2.0])
WHOLE = np.array([[1.0, 2, 3], [1, 2, 1], [2, 2, 4], [3, 2, 4]])
CS = np.array([3.0, 2.0, 3.0, 2.0, -1.0, -2.0, 1.0])
XS = np.array([1.0, 1.0, 1.5, np.nan, 0.5, 0.5, 0.5])
FAR_PLANE = np.array([1e12j, 1e15 - 1e3j, -1e15, 0, 0.5, -2.75, 1e-9 - 8j])


def bessel_jn(z, v):
    """The orders up to `v`."""
    return np.stack([scipy.special.jv(n, z) for n in range(v + 1)])


def harmonic(f, n, m, theta, phi):
    """`f`, told the largest degree unless it is SciPy's."""
    limit = {} if f is scipy.special.sph_harm_y else {"n_max": 7}
    return f(n, m, theta, phi, **limit)


ROWS = [
    Row("scipy.special.wofz", (PLANE,), slack=4.0),
    Row("scipy.special.wofz", (FAR_PLANE,), mapped=False, label="far"),
    Row("scipy.special.erfcx", (X,), smooth=(0,), slack=4.0),
    Row("scipy.special.erfcx", (EDGES,), mapped=False, label="edges"),
    Row("scipy.special.erfcx", (PLANE,), slack=4.0, label="of complex numbers"),
    Row("scipy.special.dawsn", (SMALL,), smooth=(0,)),
    Row("scipy.special.dawsn", (EDGES,), mapped=False, label="edges"),
    Row("scipy.special.exp1", (SMALL,)),
    Row("scipy.special.exp1", (LARGE,), smooth=(0,), mapped=False, label="large"),
    Row("scipy.special.exp1", (EDGES,), mapped=False, label="edges"),
    Row("scipy.special.expi", (SMALL,)),
    Row(
        "scipy.special.expi",
        (X - 0.15,),
        smooth=(0,),
        mapped=False,
        label="of either sign",
    ),
    Row("scipy.special.expi", (-LARGE,), mapped=False, label="tail"),
    Row("scipy.special.expi", (LARGE,), mapped=False, label="large"),
    Row("scipy.special.expi", (EDGES,), mapped=False, label="edges"),
    Row("scipy.special.expn", (ORDERS, SMALL), label="small"),
    Row("scipy.special.expn", (ORDERS, LARGE), smooth=(1,), mapped=False),
    Row("scipy.special.expn", (ORDERS, EDGES), mapped=False, label="edges"),
    Row(
        "scipy.special.expn",
        (np.array([[1.5], [2.25]]), np.array([0.3, 2.0])),
        oracle=expint,
        mapped=False,
        label="of orders that aren't whole",
    ),
    Row("scipy.special.sici", (SMALL,)),
    Row("scipy.special.sici", (-LARGE,), smooth=(0,), mapped=False, label="large"),
    Row("scipy.special.sici", (EDGES,), mapped=False, label="edges"),
    Row("scipy.special.fresnel", (SMALL,)),
    Row("scipy.special.fresnel", (-LARGE,), smooth=(0,), mapped=False, label="large"),
    Row("scipy.special.fresnel", (EDGES,), mapped=False, label="edges"),
    Row("scipy.special.spence", (SMALL,)),
    Row("scipy.special.spence", (LARGE,), smooth=(0,), mapped=False, label="large"),
    Row("scipy.special.spence", (POSITIVE,), smooth=(0,), mapped=False, label="middle"),
    Row("scipy.special.spence", (-COUNTS,), mapped=False, label="edges"),
    Row("scipy.special.owens_t", (X, COLUMN), smooth=(0, 1)),
    Row("scipy.special.owens_t", (X, EDGES), mapped=False, label="edges"),
    Row(
        "scipy.special.owens_t",
        (np.array([5.0, 12.0, 30.0]), np.array([0.3, 4.0, 0.5])),
        lambda f, h, a: 1 + np.log(np.asarray(f(h, a)) + 0.0) / 500,
        single=False,
        mapped=False,
        traced=False,
        label="tiny",
    ),
    Row("scipy.special.loggamma", (PLANE,), slack=4.0),
    Row("scipy.special.loggamma", (ZEROS,), slack=4.0, mapped=False, label="zeros"),
    Row("scipy.special.loggamma", (A,), mapped=False, label="of real numbers"),
    Row("scipy.special.gamma", (PLANE,), slack=10.0, label="of complex numbers"),
    Row("scipy.special.gamma", (GAMMA,), smooth=(0,), mapped=False, single=False),
    Row("scipy.special.gamma", (EDGES[:6],), mapped=False, label="edges"),
    Row(
        "scipy.special.bessel_jn",
        (X,),
        lambda f, z: f(z, v=4),
        oracle=bessel_jn,
        smooth=(0,),
        # The axis of orders comes first, also before the mapped one.
        mapped=False,
    ),
    Row(
        "scipy.special.bessel_jn",
        (np.append(LARGE, [0.0, np.nan, -1000.5]),),
        lambda f, z: f(z, v=30),
        oracle=bessel_jn,
        mapped=False,
        label="high",
    ),
    Row("scipy.special.sph_harm_y", (DEGREES, M, POLAR, 2 * POLAR), harmonic),
    Row(
        "scipy.special.sph_harm_y",
        (POLAR, 2 * POLAR),
        lambda f, theta, phi: harmonic(f, 3, np.array([[0], [-2]]), theta, phi).real,
        smooth=(0, 1),
        mapped=False,
        label="of degree 3",
    ),
    Row("scipy.special.hyp1f1", (POSITIVE, 1.25, SPREAD), smooth=(0, 1, 2)),
    Row(
        "scipy.special.hyp1f1",
        (np.array([0.5, 3.0, -3.5, 2.0, -2.0, 0.0, 1.0, np.nan]), 1.5, WIDE),
        slack=20.0,
        mapped=False,
        label="far",
    ),
    Row(
        "scipy.special.hyp1f1",
        (np.array([1.0, 1.0, -1.0, -2.0, -1.0]), POLES, 1.0),
        mapped=False,
        label="poles",
    ),
    Row(
        "scipy.special.hyp2f1",
        (POSITIVE, 0.75, 2.3, np.array([0.7, -3.0, 0.93, -40.0])),
        smooth=(0, 1, 2, 3),
        slack=30.0,
    ),
    Row(
        "scipy.special.hyp2f1",
        (*WHOLE.T, np.array([0.999, 0.95, -30.0, 0.98])),
        slack=30.0,
        mapped=False,
        label="of whole parameters",
    ),
    Row(
        "scipy.special.hyp2f1",
        (np.array([1.0, 1.0, -2.0, 1.0, 1.0, -1.0, 0.0]), 1.0, CS, XS),
        mapped=False,
        label="edges",
    ),
    Row("scipy.special.ndtr", (X,), smooth=(0,)),
    Row("scipy.special.log_ndtr", (X,), smooth=(0,)),
    Row("scipy.special.log_ndtr", (FAR,), smooth=(0,), slack=1e4, label="far out"),
    Row("scipy.special.ndtri", (P,), smooth=(), slack=4.0),
    Row("scipy.special.ndtri", (P[2:],), smooth=(0,), slack=10.0, label="inside"),
    Row(
        "scipy.special.ndtri",
        (np.array([0.0, 1.0, -0.5, 1.5, np.nan]),),
        label="at the ends",
    ),
    Row("scipy.special.factorial", (np.array([0.0, 1, 5, 7.5, -2]),)),
    Row(
        "scipy.special.comb",
        (np.array([5.0, 3.0, 7.5, -1.0]), np.array([2.0, 4.0, 2.25, 0.0])),
        slack=20.0,
    ),
    Row(
        "scipy.special.comb",
        (np.array([5.0, 3.0, 0.0, 0.0]), np.array([2.0, 4.0, 0.0, 1.0])),
        lambda f, n, k: f(n, k, repetition=True),
        slack=20.0,
        label="repetition",
    ),
    Row("scipy.special.poch", (POSITIVE, COUNTS), smooth=(0,), slack=50.0),
    Row(
        "scipy.special.multigammaln",
        (POSITIVE + 1.5,),
        lambda f, a: f(a, 3),
        oracle=np.vectorize(scipy.special.multigammaln),
        smooth=(0,),
    ),
    Row("scipy.special.zeta", (POSITIVE + 1.5, COLUMN + 2.0)),
    Row("scipy.special.zeta", (POSITIVE + 1.5,), label="of Riemann"),
    Row("scipy.special.bernoulli", (np.zeros(()),), lambda f, _: f(10), mapped=False),
    Row("scipy.special.boxcox", (POSITIVE, COLUMN), smooth=(0,)),
    Row("scipy.special.boxcox1p", (POSITIVE, COLUMN), smooth=(0,)),
    Row("scipy.special.boxcox", (np.zeros(2), np.array([0.0, 0.5])), label="of zero"),
    Row("scipy.special.softmax", (A,), smooth=(0,)),
    Row("scipy.special.softmax", (A,), lambda f, x: f(x, axis=0), label="of columns"),
    Row("scipy.special.log_softmax", (A,), lambda f, x: f(x, axis=-1), smooth=(0,)),
    Row("scipy.special.logsumexp", (A,), smooth=(0,)),
    Row(
        "scipy.special.logsumexp",
        (A, np.abs(A)),
        lambda f, x, b: f(x, axis=1, b=b, keepdims=True),
        smooth=(0, 1),
        label="weighted",
    ),
]
