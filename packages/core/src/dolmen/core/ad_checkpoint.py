"""Choosing and seeing what differentiation keeps of the forward pass."""

from ._higher_order import (
    Offloadable as Offloadable,
    Recompute as Recompute,
    Saveable as Saveable,
    checkpoint as checkpoint,
    checkpoint_name as checkpoint_name,
    checkpoint_policies as checkpoint_policies,
    print_saved_residuals as print_saved_residuals,
    saved_residuals as saved_residuals,
)

remat = checkpoint
