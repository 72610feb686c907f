"""Looking into compiled programs while they run."""

from ._higher_order import (
    DebugEffect as DebugEffect,
    OrderedDebugEffect as OrderedDebugEffect,
    callback as callback,
    debug_breakpoint as breakpoint,
    debug_log as log,
    debug_print as print,
    visualize_array_sharding as visualize_array_sharding,
    visualize_sharding as visualize_sharding,
)

__all__ = [
    "DebugEffect",
    "OrderedDebugEffect",
    "breakpoint",
    "callback",
    "log",
    "print",
    "visualize_array_sharding",
    "visualize_sharding",
]
