"""Settings of the process.

Each setting has a name, a default and an environment variable `DOLMEN_<NAME>`. JAX's
names with the prefix `jax_` are accepted too.
"""

import contextlib
import difflib
from collections.abc import Iterator
from typing import Any

from ._backend import flags, set_num_cpu_devices
from ._ir import message

_FLAGS = {"enable_x64": flags.X64, "disable_jit": flags.DISABLE_JIT}
_NAMES = (*_FLAGS, "num_cpu_devices")


def update(name: str, value: Any) -> None:
    """Change a setting for the whole process.

    Args:
        name: `enable_x64`, `disable_jit` or `num_cpu_devices`.
        value: the new value.

    Raises:
        AttributeError: there is no such setting; the message names the nearest one.
        TypeError: the value is of the wrong kind.

    Example:
        >>> from dolmen.core import config
        >>> config.update("disable_jit", False)
    """
    key = name.removeprefix("jax_")
    if key == "num_cpu_devices":
        set_num_cpu_devices(value)
        return
    flag = _flag(name)
    if not isinstance(value, bool):
        raise TypeError(
            message(f"config.update: {key} expects True or False, got {value!r}.")
        )
    flag.set_global(value)


def read(name: str) -> Any:
    """The current value of a setting."""
    return _flag(name).value


def _flag(name: str) -> Any:
    key = name.removeprefix("jax_")
    if key not in _FLAGS:
        near = difflib.get_close_matches(key, _NAMES, 1, 0.0)[0]
        raise AttributeError(
            message(f"config: there is no setting {name!r}.", f"Did you mean {near!r}?")
        )
    return _FLAGS[key]


@contextlib.contextmanager
def _local(name: str, value: bool) -> Iterator[None]:
    flag = _FLAGS[name]
    previous = flag.swap_local(value)
    try:
        yield
    finally:
        flag.set_local(previous)


def enable_x64(new_val: bool = True) -> contextlib.AbstractContextManager[None]:
    """Within a `with` block, 64-bit dtypes are kept (or not).

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> with dc.enable_x64():
        ...     print(jnp.arange(3.0).dtype)
        float64
    """
    return _local("enable_x64", new_val)


def disable_jit(disable: bool = True) -> contextlib.AbstractContextManager[None]:
    """Within a `with` block, `jit` runs functions as plain Python."""
    return _local("disable_jit", disable)
