"""How many areas of memory the process has mapped.

Linux lets a process map 65,530 areas unless it is told otherwise, and code compiled for
CPUs takes about three for each program. LLVM ends the process when it gets no more.
"""

import functools
from pathlib import Path


@functools.cache
def _allowed() -> int:
    """The system's limit; 0 where it has none that we know."""
    try:
        return int(Path("/proc/sys/vm/max_map_count").read_text())
    except OSError:  # not Linux
        return 0


def share_of_mappings() -> float:
    """Share of the areas that the process may map which it has; 0 if that's unknown."""
    if not _allowed():
        return 0.0
    with open("/proc/self/maps", "rb") as areas:
        return sum(1 for _ in areas) / _allowed()
