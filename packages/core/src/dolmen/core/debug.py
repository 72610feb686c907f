"""Looking into compiled programs while they run."""

from ._higher_order import callback as callback
from ._higher_order import debug_print as print

__all__ = ["callback", "print"]
