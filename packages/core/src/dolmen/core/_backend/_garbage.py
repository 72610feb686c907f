"""Rarer garbage collections while a program is built.

Tracing makes many objects and drops few, so Python's collector, which runs by counting
allocations, walks the growing program again and again: more than half of the time for
programs of 100,000 equations.
"""

import gc
import threading

# Containers allocated between two collections; Python's default is 700. Cyclic garbage
# of a traced function is still collected, only in larger portions.
_THRESHOLD = 100_000

_lock = threading.Lock()
_inside = 0
_before = (700, 10, 10)


class RarerCollections:
    """Lets the collector run more rarely inside a `with` block, in any thread.

    A threshold that the user raised higher, or a collector switched off, stays so.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        global _inside, _before
        with _lock:
            if _inside == 0:
                _before = gc.get_threshold()
                if 0 < _before[0] < _THRESHOLD:
                    gc.set_threshold(_THRESHOLD, *_before[1:])
            _inside += 1

    def __exit__(self, *_: object) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if _inside == 0:
                gc.set_threshold(*_before)


rarer_collections = RarerCollections()
