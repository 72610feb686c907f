"""Factorizations of matrices and triangular systems.

Matrices are the last two axes of an array, the leading axes number a batch. Dtypes are
float32, float64, complex64 and complex128. On the CPU LAPACK computes them; elsewhere
programs of their own do, but for `eig`, `schur`, `hessenberg` and `tridiagonal`, which
are on the CPU alone.
"""

from .._higher_order._cholesky_update import cholesky_update as cholesky_update
from .._higher_order._polar import qdwh as qdwh
from .._ops._cholesky import (
    cholesky as cholesky,
    triangular_solve as triangular_solve,
)
from .._ops._eigenvalues import (
    EigImplementation as EigImplementation,
    eig as eig,
)
from .._ops._lu import (
    lu as lu,
    lu_pivots_to_permutation as lu_pivots_to_permutation,
)
from .._ops._matrices import symmetric_product as symmetric_product
from .._ops._qr import qr as qr
from .._ops._reduction import hessenberg as hessenberg, tridiagonal as tridiagonal
from .._ops._reflections import (
    householder_product as householder_product,
    ormqr as ormqr,
)
from .._ops._schur import schur as schur
from .._ops._spectral import (
    EighImplementation as EighImplementation,
    SvdAlgorithm as SvdAlgorithm,
    eigh as eigh,
    svd as svd,
)
from .._ops._tridiagonal import tridiagonal_solve as tridiagonal_solve
