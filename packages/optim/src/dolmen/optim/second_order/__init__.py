"""Second derivatives of losses, without the whole Hessian."""

from ._derivatives import (
    fisher_diag as fisher_diag,
    hessian_diag as hessian_diag,
    hvp as hvp,
)
