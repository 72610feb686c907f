"""Iterative solvers of linear equations, in Krylov spaces.

The matrix may be a function, the vectors trees of arrays. Derivatives come from the
equation: the same solver solves it with another right-hand side, or transposed.
"""

from ._gmres import gmres as gmres
from ._gradients import bicgstab as bicgstab, cg as cg
