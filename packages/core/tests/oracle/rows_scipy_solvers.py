"""Rows of `scipy.sparse.linalg`: its solutions are those of `numpy.linalg.solve`."""

import numpy as np

from .rows import Row

rng = np.random.default_rng(0)
B = np.array([1.0, -2.0, 0.5, 3.0])
C = B + 1j * B[::-1]
REAL = rng.normal(size=(4, 4))
COMPLEX = REAL + 1j * rng.normal(size=(4, 4))
ANY, HERMITIAN = COMPLEX + 4 * np.eye(4), COMPLEX @ COMPLEX.conj().T + np.eye(4)
GENERAL, POSITIVE = REAL + 4 * np.eye(4), REAL @ REAL.T + np.eye(4)
# Of rank one besides the identity: the Krylov space is exhausted after two vectors.
SIMPLE = np.eye(4) + np.outer(B, np.ones(4))


def _solution(options):
    """Calls a solver, to nearly all digits of its dtype."""

    def call(f, A, b):
        if f is np.linalg.solve:
            return f(A, b)
        return f(A, b, tol=8 * np.finfo(b.dtype).eps, **options)[0]

    return call


def _row(name, A, label="", b=B, *, thorough=False, **options):
    return Row(
        "scipy.sparse.linalg." + name,
        (A, b),
        _solution(options),
        oracle=np.linalg.solve,
        smooth=(0, 1) if thorough or b is C else (),
        single=thorough,
        mapped=thorough,
        slack=20,
        label=label,
    )


NEAR = np.diag(1 / np.diag(POSITIVE))
STEPWISE = {"solve_method": "incremental"}
ROWS = [
    _row("cg", POSITIVE, thorough=True),
    _row("cg", HERMITIAN, "complex", C),
    _row("cg", POSITIVE, "preconditioned", M=NEAR),
    _row("cg", POSITIVE, "from a guess", x0=np.ones(4)),
    _row("bicgstab", GENERAL, thorough=True),
    _row("bicgstab", ANY, "complex", C),
    _row("bicgstab", GENERAL, "preconditioned", M=NEAR),
    _row("bicgstab", SIMPLE, "of low rank"),
    _row("gmres", GENERAL, thorough=True),
    _row("gmres", ANY, "complex", C),
    _row("gmres", GENERAL, "preconditioned", M=NEAR),
    _row("gmres", SIMPLE, "of low rank"),
    _row("gmres", GENERAL, "restarted", restart=2),
    _row("gmres", GENERAL, "incremental", thorough=True, **STEPWISE),
    _row("gmres", ANY, "incremental complex", C, **STEPWISE),
    _row("gmres", SIMPLE, "incremental of low rank", **STEPWISE),
    _row("gmres", GENERAL, "incremental restarted", restart=2, **STEPWISE),
]
