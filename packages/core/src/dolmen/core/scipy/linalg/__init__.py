"""Linear algebra with SciPy's names.

Matrices are the last two axes of an array, the leading axes number a batch. Integers
and booleans are taken as floating point. Arguments that only steer SciPy's use of
memory and its checks (`overwrite_a`, `overwrite_b`, `check_finite`) change nothing.
"""

from ._exponential import expm as expm, expm_frechet as expm_frechet
from ._factors import (
    cho_factor as cho_factor,
    cholesky as cholesky,
    lu as lu,
    lu_factor as lu_factor,
    qr as qr,
    qr_multiply as qr_multiply,
    svd as svd,
)
from ._functions import funm as funm, sqrtm as sqrtm
from ._patterned import (
    block_diag as block_diag,
    circulant as circulant,
    companion as companion,
    convolution_matrix as convolution_matrix,
    fiedler as fiedler,
    fiedler_companion as fiedler_companion,
    hankel as hankel,
    leslie as leslie,
    toeplitz as toeplitz,
)
from ._polar import polar as polar
from ._schur import hessenberg as hessenberg, rsf2csf as rsf2csf, schur as schur
from ._sized import (
    dft as dft,
    hadamard as hadamard,
    helmert as helmert,
    hilbert as hilbert,
    invhilbert as invhilbert,
    invpascal as invpascal,
    pascal as pascal,
)
from ._spectral import eigh as eigh, eigh_tridiagonal as eigh_tridiagonal
from ._sylvester import solve_sylvester as solve_sylvester
from ._systems import (
    cho_solve as cho_solve,
    det as det,
    inv as inv,
    lu_solve as lu_solve,
    solve as solve,
    solve_triangular as solve_triangular,
)
