"""What was found out once about trees, for the next step's trees, which are alike."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")

# A training has one tree of parameters, or a few.
_MOST = 8


class Known(Generic[Found]):
    """What functions found for the latest few keys."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Found] = {}

    def of(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """What `find` gives, or gave for an equal key."""
        try:
            found = self._found.get(key)
        except TypeError:  # a node of a tree holds what has no hash
            return find()
        if found is None:
            found = find()
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[key] = found
        return found
