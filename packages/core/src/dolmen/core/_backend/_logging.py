"""Loggers that print to stderr because a setting says so."""

import logging
import sys

_ROOT = "dolmen"
_FORMAT = "%(levelname)s:%(asctime)s:%(name)s:%(lineno)d: %(message)s"


class _Stderr(logging.Handler):
    """Prints to what stderr is at the time: notebooks and tests replace it.

    A message that comes through the loggers of a module and of one around it is
    printed once.
    """

    _last: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record is self._last:
            return
        self._last = record
        print(self.format(record), file=sys.stderr)  # noqa: T201 - that is its purpose


_HANDLER = _Stderr()
_HANDLER.setFormatter(logging.Formatter(_FORMAT))
_verbose: dict[str, int] = {}  # the levels that the loggers had before


def print_everything_of(modules: str) -> None:
    """Print all that the loggers of `modules`, separated by commas, are told.

    A module stands for those in it too.
    """
    for name, level in _verbose.items():
        logger = logging.getLogger(name)
        logger.removeHandler(_HANDLER)
        logger.setLevel(level)
    _verbose.clear()
    for name in filter(None, (part.strip() for part in modules.split(","))):
        logger = logging.getLogger(name)
        _verbose.setdefault(name, logger.level)
        logger.setLevel(logging.DEBUG)
        logger.addHandler(_HANDLER)


def print_from(level: str) -> None:
    """Print the messages of Dolmen's loggers that are at least so important."""
    logger = logging.getLogger(_ROOT)
    logger.setLevel(level)
    if level == "NOTSET":
        logger.removeHandler(_HANDLER)
    else:
        logger.addHandler(_HANDLER)
