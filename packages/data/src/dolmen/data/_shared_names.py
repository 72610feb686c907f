"""Names of shared memory, of which nothing is left when a program is killed.

The tracker, a process that outlives the program, gives back what it was told of. Python
tells it when the memory has been made: a program that is killed in between would leave
the memory for good.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from multiprocessing import resource_tracker


@contextlib.contextmanager
def tracked_name() -> Iterator[str]:
    """A new name, to make memory of in the ``with`` statement.

    It tells the process that made it. The tracker knows it already.
    """
    # Not longer than the shortest limit, that of macOS.
    name = f"dolmen-{os.getpid()}-{secrets.token_hex(4)}"
    resource_tracker.register(f"/{name}", "shared_memory")
    try:
        yield name
    except BaseException:
        resource_tracker.unregister(f"/{name}", "shared_memory")
        raise
