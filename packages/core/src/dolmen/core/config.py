"""Settings of the process: read, changed, listed.

Every setting has a name, a default and an environment variable `DOLMEN_<NAME>`, which
is read once, at import. Read it as an attribute (`config.enable_x64`), change it with
`config.update`, or for one thread and a `with` block with the function of its name in
`dolmen.core`. JAX's names with the prefix `jax_` are accepted too. `print(config)`
lists all of them.
"""

import sys
import textwrap
import types
from typing import Any

from ._backend import flags as _flags
from ._ir import message as _message
from ._settings import checked as _checked, find as _find

__all__ = ["read", "update"]  # and, as attributes, the settings


def update(name: str, val: Any) -> None:
    """Change a setting for the whole process.

    Threads inside a `with` block that holds the setting see the change after it.

    Args:
        name: the setting, with JAX's prefix `jax_` or without.
        val: the new value.

    Raises:
        AttributeError: there is no such setting; the message names the nearest one.
        TypeError: the value is of the wrong kind.
        ValueError: the value is none of the allowed ones.
        RuntimeError: the setting describes the devices, which are in use already.

    Example:
        >>> from dolmen.core import config
        >>> config.update("disable_jit", False)
        >>> config.disable_jit
        False
    """
    flag = _find("config.update", name)
    flag.set_global(_checked("config.update", flag, val))


def read(name: str) -> Any:
    """The value of a setting that holds in this thread.

    Raises:
        AttributeError: there is no such setting; the message names the nearest one.
    """
    return _find("config.read", name).value


def _table() -> str:
    """All settings: value (and default, where it differs), meaning, variable."""
    lines = []
    for name, flag in sorted(_flags.FLAGS.items()):
        changed = "" if flag.value == flag.default else f" (default {flag.default!r})"
        lines.append(f"{name} = {flag.value!r}{changed}")
        about = f"{flag.doc} Values: {flag.expected()}. Variable: {flag.variable}."
        lines.append(textwrap.indent(textwrap.fill(about, 84), "    "))
    return "\n".join(lines)


class _Config(types.ModuleType):
    """The module's class: gives it attributes that can be read and not assigned."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python looks for in modules
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return _find("config", name).value

    def __setattr__(self, name: str, value: Any) -> None:
        if name.removeprefix("jax_") in _flags.FLAGS:
            raise AttributeError(
                _message(
                    f"config: {name} can't be assigned.",
                    f"Write `config.update({name!r}, {value!r})`.",
                )
            )
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted([*__all__, *_flags.FLAGS])

    def __str__(self) -> str:
        return _table()


sys.modules[__name__].__class__ = _Config
