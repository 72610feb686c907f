"""Loggers that print to stderr because a setting says so."""

import logging
import sys

_ROOT = "dolmen"
_FORMAT = "%(levelname)s:%(asctime)s:%(name)s:%(lineno)d: %(message)s"

_handler: logging.Handler | None = None
_verbose: dict[str, int] = {}  # the levels that the loggers had before


def _stderr() -> logging.Handler:
    global _handler
    if _handler is None:
        _handler = logging.StreamHandler(sys.stderr)
        _handler.setFormatter(logging.Formatter(_FORMAT))
    return _handler


def print_everything_of(modules: str) -> None:
    """Print all that the loggers of `modules`, separated by commas, are told.

    A module stands for those in it too.
    """
    for name, level in _verbose.items():
        logger = logging.getLogger(name)
        logger.removeHandler(_stderr())
        logger.setLevel(level)
    _verbose.clear()
    for name in filter(None, (part.strip() for part in modules.split(","))):
        logger = logging.getLogger(name)
        _verbose.setdefault(name, logger.level)
        logger.setLevel(logging.DEBUG)
        logger.addHandler(_stderr())


def print_from(level: str) -> None:
    """Print the messages of Dolmen's loggers that are at least so important."""
    logger = logging.getLogger(_ROOT)
    logger.setLevel(level)
    if level == "NOTSET":
        logger.removeHandler(_stderr())
    else:
        logger.addHandler(_stderr())
