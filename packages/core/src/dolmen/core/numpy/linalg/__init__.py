"""Linear algebra with NumPy's names: factorizations, systems, determinants, norms.

Matrices are the last two axes of an array, the leading axes number a batch. Integers
and booleans are taken as floating point. Derivatives are those of `lax.linalg`.
"""

from ._determinants import (
    SlogdetResult as SlogdetResult,
    det as det,
    slogdet as slogdet,
)
from ._factors import (
    EighResult as EighResult,
    EigResult as EigResult,
    QRResult as QRResult,
    SVDResult as SVDResult,
    cholesky as cholesky,
    eig as eig,
    eigh as eigh,
    eigvals as eigvals,
    eigvalsh as eigvalsh,
    qr as qr,
    svd as svd,
    svdvals as svdvals,
)
from ._least_squares import (
    lstsq as lstsq,
    matrix_rank as matrix_rank,
    pinv as pinv,
)
from ._norms import (
    cond as cond,
    matrix_norm as matrix_norm,
    norm as norm,
    vector_norm as vector_norm,
)
from ._products import (
    cross as cross,
    diagonal as diagonal,
    matmul as matmul,
    matrix_power as matrix_power,
    matrix_transpose as matrix_transpose,
    multi_dot as multi_dot,
    outer as outer,
    tensordot as tensordot,
    tensorinv as tensorinv,
    tensorsolve as tensorsolve,
    trace as trace,
    vecdot as vecdot,
)
from ._systems import inv as inv, solve as solve
