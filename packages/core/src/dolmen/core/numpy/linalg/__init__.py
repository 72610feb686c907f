"""Linear algebra with NumPy's names: factorizations, systems, determinants.

Matrices are the last two axes of an array, the leading axes number a batch. Integers
and booleans are taken as floating point. Derivatives are those of `lax.linalg`.
"""

from ._factors import (
    EighResult as EighResult,
    QRResult as QRResult,
    SVDResult as SVDResult,
    cholesky as cholesky,
    eigh as eigh,
    eigvalsh as eigvalsh,
    qr as qr,
    svd as svd,
    svdvals as svdvals,
)
from ._systems import (
    SlogdetResult as SlogdetResult,
    det as det,
    inv as inv,
    slogdet as slogdet,
    solve as solve,
)
