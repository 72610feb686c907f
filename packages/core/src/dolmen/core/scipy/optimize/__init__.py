"""Minima of functions of several variables, by their gradients."""

from ._minimize import minimize as minimize
from ._results import OptimizeResults as OptimizeResults
