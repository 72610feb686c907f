"""What Python functions that compiled programs call have raised."""

import collections
from collections.abc import Callable
from typing import Any


class Failures:
    """The errors of one program's callbacks: XLA passes on no more than a text."""

    def __init__(self) -> None:
        # Those of several threads that run the program; each is taken by its own.
        self._raised: collections.deque[BaseException] = collections.deque(maxlen=16)

    def noted(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """`callback`, noting what it raises."""

        def called(*values: Any) -> Any:
            try:
                return callback(*values)
            except BaseException as error:
                self._raised.append(error)
                raise

        return called

    def behind(self, error: Exception) -> BaseException | None:
        """The error of a callback that an error of XLA tells of; it is forgotten."""
        text = str(error)
        for failure in list(self._raised):
            if type(failure).__name__ in text and str(failure) in text:
                try:
                    self._raised.remove(failure)
                except ValueError:  # another thread took it
                    continue
                return failure
        return None
