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


def zeta(x, q):
    return scipy.special.zeta(x, q)


ROWS = [
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
    Row("scipy.special.factorial", (np.array([0.0, 1, 5, 7.5, -2]),), slack=20.0),
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
