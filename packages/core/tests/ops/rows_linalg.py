"""Rows of the factorizations: `_ops/_cholesky.py` and the modules after it."""

import functools
import itertools

import numpy as np
import scipy.linalg

from dolmen.core._ops import (
    _cholesky,
    _eigenvalues,
    _lu,
    _qr,
    _reduction,
    _reflections,
    _schur,
    _spectral,
    _tridiagonal,
)

from .rows import Row

REAL = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
KINDS = (("", REAL), ("complex", COMPLEX))


def plain(*shapes, dtypes=REAL):
    """Matrices whose triangles and minors are far from singular."""

    def draw(rng, shape):
        made = []
        for own in shapes or (shape,):
            x = rng.uniform(-0.5, 0.5, own)
            if dtypes is COMPLEX:
                x = x + 1j * rng.uniform(-0.5, 0.5, own)
            if len(own) > 1:
                x = x + np.diag(np.arange(2.0, 8.0))[: own[-2], : own[-1]]
            made.append(np.asarray(x))
        return made

    return draw


def system(dtypes):
    """The three diagonals of a matrix far from singular, and right sides."""

    def draw(rng, shape):
        dl, d, du, b = plain((3,), (3,), (3,), (3, 2), dtypes=dtypes)(rng, shape)
        return dl, d + 2.0, du, b

    return draw


def lower_half(x):
    """The Hermitian matrix of which the lower triangle is read."""
    strict = np.tril(x, -1)
    middle = np.real(x) * np.eye(x.shape[-1])
    return strict + np.conj(np.swapaxes(strict, -1, -2)) + middle


def solved(a, b, left, lower, trans, unit):
    if not left:
        a, b, lower = np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not lower
        # (op(a))^T is op(a^T), but for the conjugate.
    x = scipy.linalg.solve_triangular(
        a, b, trans=trans, lower=lower, unit_diagonal=unit
    )
    return x if left else np.swapaxes(x, -1, -2)


def solve(a, b, left, lower, trans, unit):
    return _cholesky.triangular_solve(
        a,
        b,
        left_side=left,
        lower=lower,
        transpose_a=trans != "N",
        conjugate_a=trans == "C",
        unit_diagonal=unit,
    )


def solving(left, lower, trans, unit, dtypes):
    chosen = {"left": left, "lower": lower, "trans": trans, "unit": unit}
    return Row(
        _cholesky.TriangularSolve,
        functools.partial(solve, **chosen),
        functools.partial(solved, **chosen),
        plain((3, 3), (3, 2) if left else (2, 3), dtypes=dtypes),
        dtypes=dtypes,
        smooth=(0, 1),
        slack=4.0,
        label=f"{'L' if left else 'R'}{'l' if lower else 'u'}{trans}{unit:d}"
        f"{dtypes[0][0]}",
    )


def packed_lu(x):
    permutation, low, upper = scipy.linalg.lu(x, p_indices=True)
    k = min(x.shape)
    both = np.zeros_like(x)
    both[:, :k] += np.tril(low, -1)
    both[:k] += upper
    order = np.argsort(permutation).astype(np.int32)
    return both, scipy.linalg.lu_factor(x)[1].astype(np.int32), order


def product(x, full):
    """What is determined of QR factors: R, and the product Q R."""
    return [*np.linalg.qr(x, "complete" if full else "reduced")]


def pivoted(x, full):
    q, r, order = scipy.linalg.qr(x, pivoting=True, mode="full" if full else "economic")
    return q, r, order.astype(np.int32)


def raw(x):
    (packed, taus), _ = scipy.linalg.qr(x, mode="raw")
    return packed, taus


def reflections(x, taus):
    """The product of reflections, one after the other."""
    m, n = x.shape
    out = np.eye(m, dtype=x.dtype)
    for i, tau in enumerate(taus):
        v = np.concatenate([np.zeros(i), [1.0], x[i + 1 :, i]])
        out = out @ (np.eye(m) - tau * np.outer(v, np.conj(v)))
    return out[:, :n]


def projectors(vectors):
    """What is determined of unit vectors, the columns: `v v^H` for each."""
    return vectors[:, None, :] * vectors.conj()[None, :, :]


def eigh(x):
    vectors, values = _spectral.eigh(x, symmetrize_input=False)
    return projectors(vectors), values


def eigh_oracle(x):
    values, vectors = np.linalg.eigh(x, "L")
    return projectors(vectors), values


def svd(x, algorithm=None):
    left, values, right = _spectral.svd(x, full_matrices=False, algorithm=algorithm)
    return left[:, None, :] * right.mT[None, :, :], values


def svd_oracle(x):
    left, values, right = np.linalg.svd(x, full_matrices=False)
    return left[:, None, :] * right.T[None, :, :], values


def powers(values):
    """What is determined of numbers in no particular order."""
    return (values[..., None] ** np.arange(1, 4)).sum(-2)


def eig(x):
    """Eigenvalues, and the sums over the left and right vectors of `w v v^H`."""
    values, *vectors = _eigenvalues.eig(x, enable_eigvec_derivs=True)
    return powers(values), *((values * v) @ v.conj().mT for v in vectors)


def eig_oracle(x):
    values, *vectors = scipy.linalg.eig(x, left=True)
    return powers(values), *((values * v) @ v.conj().T for v in vectors)


def eigenvalues(x):
    (values,) = _eigenvalues.eig(
        x, compute_left_eigenvectors=False, compute_right_eigenvectors=False
    )
    return powers(values)


def eigenvalues_oracle(x):
    return powers(scipy.linalg.eigvals(x))


def schur(x):
    """The matrix again, the square of the vectors, and what must be zero."""
    form, vectors = _schur.schur(x)
    adjoint = vectors.conj().mT
    below = np.tri(3, 3, -2 if x.dtype.kind == "f" else -1, form.dtype)
    return vectors @ form @ adjoint, adjoint @ vectors, form * below


def schur_oracle(x):
    return x, np.eye(3, dtype=x.dtype), np.zeros_like(x)


def with_pairs(rng, shape):
    """Matrices with a pair of complex eigenvalues."""
    (x,) = plain((4, 4))(rng, shape)
    x[1, 2], x[2, 1] = 4.0, -2.0
    return [x]


def without_phases(form, vectors):
    return abs(form), projectors(vectors)


def packed_hessenberg(x):
    *made, _ = scipy.linalg.get_lapack_funcs("gehrd", (x,))(x)
    return made


def packed_tridiagonal(x, lower):
    name = "hetrd" if x.dtype.kind == "c" else "sytrd"
    packed, d, e, taus, _ = scipy.linalg.get_lapack_funcs(name, (x,))(x, lower=lower)
    return packed, d, e, taus


def tridiagonal_solved(dl, d, du, b):
    return np.linalg.solve(np.diag(dl[1:], -1) + np.diag(d) + np.diag(du[:-1], 1), b)


def multiplied(a, taus, c, left, transpose):
    """The full product of reflections, times a matrix."""
    size = a.shape[0]
    q = reflections(np.pad(a, ((0, 0), (0, size - a.shape[1]))), taus)
    q = q.conj().T if transpose else q
    return q @ c if left else c @ q


def multiplying(left, transpose, dtypes):
    chosen = {"left": left, "transpose": transpose}
    return Row(
        _reflections.Reflect,
        functools.partial(_reflections.ormqr, **chosen),
        functools.partial(multiplied, **chosen),
        plain((3, 2), (2,), (3, 2) if left else (2, 3), dtypes=dtypes),
        dtypes=dtypes,
        smooth=(0, 1, 2),
        slack=4.0,
        label=f"{'L' if left else 'R'}{'T' * transpose}{dtypes[0][0]}",
    )


def singular_values(x):
    return _spectral.svd(x, compute_uv=False)


ROWS = [
    *[
        row
        for kind, dtypes in KINDS
        for row in (
            Row(
                _cholesky.Cholesky,
                functools.partial(_cholesky.cholesky, symmetrize_input=False),
                lambda x: np.linalg.cholesky(lower_half(x)),
                plain(dtypes=dtypes),
                ((3, 3), (0, 0)),
                dtypes,
                (0,),
                slack=4.0,
                label=kind,
            ),
            Row(
                _spectral.Eigh,
                eigh,
                eigh_oracle,
                plain((3, 3), dtypes=dtypes),
                dtypes=dtypes,
                smooth=(0,),
                slack=8.0,
                label=kind,
            ),
            Row(
                _eigenvalues.Eig,
                eig,
                eig_oracle,
                plain((3, 3), dtypes=dtypes),
                dtypes=dtypes,
                smooth=(0,),
                slack=8.0,
                label=kind,
            ),
            Row(
                _eigenvalues.Eig,
                eigenvalues,
                eigenvalues_oracle,
                plain((3, 3), dtypes=dtypes),
                dtypes=dtypes,
                smooth=(0,),
                slack=8.0,
                label=f"{kind}values",
            ),
            Row(
                _schur.Schur,
                schur,
                schur_oracle,
                plain((3, 3), dtypes=dtypes),
                dtypes=dtypes,
                slack=8.0,
                label=kind,
            ),
            Row(
                _reduction.Hessenberg,
                _reduction.hessenberg,
                packed_hessenberg,
                plain((4, 4), dtypes=dtypes),
                dtypes=dtypes,
                slack=4.0,
                label=kind,
            ),
            *[
                Row(
                    _reduction.Tridiagonal,
                    functools.partial(_reduction.tridiagonal, lower=lower),
                    functools.partial(packed_tridiagonal, lower=lower),
                    plain((4, 4), dtypes=dtypes),
                    dtypes=dtypes,
                    slack=4.0,
                    label=f"{kind}{'lower' if lower else 'upper'}",
                )
                for lower in (True, False)
            ],
            Row(
                _tridiagonal.TridiagonalSolve,
                _tridiagonal.tridiagonal_solve,
                tridiagonal_solved,
                system(dtypes),
                dtypes=dtypes,
                smooth=(0, 1, 2, 3),
                slack=4.0,
                label=kind,
            ),
            *[
                Row(
                    _spectral.Svd,
                    svd,
                    svd_oracle,
                    plain(shape, dtypes=dtypes),
                    dtypes=dtypes,
                    smooth=(0,),
                    slack=8.0,
                    label=f"{kind}{shape}",
                )
                for shape in ((3, 3), (4, 2), (2, 4))
            ],
            *[
                Row(
                    _lu.Lu,
                    _lu.lu,
                    packed_lu,
                    plain(shape, dtypes=dtypes),
                    dtypes=dtypes,
                    smooth=(0,),
                    slack=4.0,
                    label=f"{kind}{shape}",
                )
                for shape in ((3, 3), (4, 2), (2, 4))
            ],
            *[
                Row(
                    _qr.Qr,
                    functools.partial(_qr.qr, full_matrices=full),
                    functools.partial(product, full=full),
                    plain(shape, dtypes=dtypes),
                    dtypes=dtypes,
                    smooth=(0,),
                    slack=4.0,
                    label=f"{kind}{shape}",
                )
                for shape, full in (((3, 3), True), ((4, 2), False), ((2, 4), False))
            ],
            Row(
                _qr.HouseholderQr,
                _qr.householder_qr,
                raw,
                plain((4, 2), dtypes=dtypes),
                dtypes=dtypes,
                slack=4.0,
                label=kind,
            ),
        )
    ],
    # The order of eigenvalues may depend on rounding, so one dtype each.
    *[
        Row(
            _schur.Schur,
            _schur.schur,
            scipy.linalg.schur,
            draw,
            dtypes=("float64",),
            smooth=(0,),
            slack=1e3,
            label=label,
        )
        for label, draw in {"form": plain((3, 3)), "blocks": with_pairs}.items()
    ],
    Row(
        _schur.Schur,
        lambda x: without_phases(*_schur.schur(x)),
        lambda x: without_phases(*scipy.linalg.schur(x)),
        plain((3, 3), dtypes=COMPLEX),
        dtypes=("complex128",),
        smooth=(0,),
        slack=1e3,
        label="complex form",
    ),
    *[
        solving(left, lower, trans, unit, REAL)
        for left, lower, trans, unit in itertools.product(
            (True, False), (True, False), "NT", (False,)
        )
    ],
    solving(True, True, "N", True, REAL),
    solving(True, False, "C", False, COMPLEX),
    Row(
        _spectral.Svd,
        singular_values,
        lambda x: np.linalg.svd(x, compute_uv=False),
        plain((3, 2)),
        smooth=(0,),
        slack=4.0,
        label="values",
    ),
    Row(
        _spectral.Svd,
        functools.partial(svd, algorithm=_spectral.SvdAlgorithm.QR),
        svd_oracle,
        plain((3, 2)),
        slack=4.0,
        label="QR",
    ),
    Row(
        _qr.Qr,
        functools.partial(_qr.qr, full_matrices=True, pivoting=True),
        functools.partial(pivoted, full=True),
        plain((3, 3)),
        smooth=(0,),
        slack=4.0,
        label="pivoting",
    ),
    Row(
        _reflections.HouseholderProduct,
        _reflections.householder_product,
        reflections,
        plain((4, 3), (2,)),
        dtypes=REAL,
        smooth=(0, 1),
        slack=4.0,
    ),
    multiplying(True, False, REAL),
    multiplying(False, True, REAL),
    multiplying(True, True, COMPLEX),
    multiplying(False, False, COMPLEX),
    Row(
        _tridiagonal.TridiagonalSolve,
        functools.partial(_tridiagonal.tridiagonal_solve, perturb_singular=True),
        tridiagonal_solved,
        system(REAL),
        dtypes=REAL,
        smooth=(3,),
        slack=4.0,
        label="perturbed",
    ),
    Row(
        _lu.PivotsToPermutation,
        lambda p: _lu.lu_pivots_to_permutation(p, 4),
        lambda p: _permuted(p, 4),
        lambda rng, _: [np.asarray(rng.integers(0, 4, (3,)), np.int32)],
    ),
]


def _permuted(pivots, size):
    order = np.arange(size, dtype=np.int32)
    for i, pivot in enumerate(pivots):
        order[[i, pivot]] = order[[pivot, i]]
    return order
