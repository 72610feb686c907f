"""What is told, or counted, when a file of records is damaged."""

import threading
from typing import Literal

OnDamage = Literal["error", "skip"]


class DamagedFileError(ValueError):
    """A file of records was cut short or altered.

    Attributes:
        path: the file.
        offset: the first byte of what could not be read.
    """

    def __init__(self, source: str, path: str, offset: int, problem: str):
        super().__init__(
            f"{source}: {path} is damaged at byte {offset}: {problem} Copy the file "
            "anew, or pass `on_damage='skip'` to leave out and count what can't be "
            "read."
        )
        self.path = path
        self.offset = offset

    def __reduce__(self) -> tuple[object, ...]:
        # Workers send it to the process that asked.
        return _remade, (self.args[0], self.path, self.offset)


def _remade(message: str, path: str, offset: int) -> DamagedFileError:
    error = DamagedFileError.__new__(DamagedFileError)
    ValueError.__init__(error, message)
    error.path, error.offset = path, offset
    return error


class DamageCounter:
    """Places in files that were skipped; counts each once, from any thread."""

    def __init__(self) -> None:
        self._places: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def add(self, path: str, offset: int) -> None:
        """Note a place."""
        with self._lock:
            self._places.add((path, offset))

    def __len__(self) -> int:
        return len(self._places)

    def __getstate__(self) -> list[tuple[str, int]]:
        return sorted(self._places)

    def __setstate__(self, places: list[tuple[str, int]]) -> None:
        self.__init__()
        self._places.update(places)


def damage_counter(source: str, on_damage: str) -> DamageCounter | None:
    """What counts damage, if it is to be skipped.

    Raises:
        ValueError: `on_damage` is none of the two ways to go on.
    """
    if on_damage not in ("error", "skip"):
        raise ValueError(
            f"{source}: `on_damage` must be 'error' or 'skip', got {on_damage!r}."
        )
    return DamageCounter() if on_damage == "skip" else None


def tell_or_count(counter: DamageCounter | None, error: DamagedFileError) -> None:
    """Raises an error, or counts its place where damage is skipped."""
    if counter is None:
        raise error
    counter.add(error.path, error.offset)
