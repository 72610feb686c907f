"""The cache of compiled programs on disk: where it is, and how it is doing.

It is on by default; the settings `enable_compilation_cache`, `compilation_cache_dir`,
`compilation_cache_max_size` and `persistent_cache_*` govern it, and
`explain_cache_misses` tells why a program was not there.

Example:
    >>> import tempfile
    >>> from dolmen.core.experimental import compilation_cache
    >>> before = compilation_cache.get_cache_dir()
    >>> with tempfile.TemporaryDirectory() as home:
    ...     compilation_cache.set_cache_dir(home)
    ...     compilation_cache.get_cache_dir() == home
    True
    >>> compilation_cache.set_cache_dir(before)
"""

import os

from .. import config
from .._lowering import cache_directory, reset_cache as _reset_cache


def set_cache_dir(path: str | os.PathLike[str]) -> None:
    """Keep compiled programs in another directory from now on.

    Args:
        path: of the directory, which is made when the first program is kept.

    Raises:
        TypeError: `path` is no path.
    """
    config.update("compilation_cache_dir", os.fspath(path))
    _reset_cache()


def get_cache_dir() -> str:
    """The directory in which compiled programs are kept."""
    return str(cache_directory())


def reset_cache() -> None:
    """Compile again, or load from disk, whatever comes next; complain again too.

    Nothing is removed from the disk.
    """
    _reset_cache()


__all__ = ["get_cache_dir", "reset_cache", "set_cache_dir"]
__dir__ = __all__.copy
