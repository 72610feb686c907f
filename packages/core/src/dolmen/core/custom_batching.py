"""Batch rules that authors write."""

from ._higher_order import (
    custom_vmap as custom_vmap,
    sequential_vmap as sequential_vmap,
)
