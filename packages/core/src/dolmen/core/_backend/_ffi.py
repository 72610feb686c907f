"""Registering functions of other languages with XLA."""

import ctypes
import os
from typing import Any

import jaxlib
from jaxlib import xla_client


def include_dir() -> str:
    """The directory of the C++ headers that handlers include.

    Compile with ``-I`` and this directory, and include ``xla/ffi/api/ffi.h``.

    Example:
        >>> import os
        >>> from dolmen.core import ffi
        >>> os.path.exists(os.path.join(ffi.include_dir(), "xla/ffi/api/ffi.h"))
        True
    """
    return os.path.join(os.path.dirname(os.path.abspath(jaxlib.__file__)), "include")


def pycapsule(funcptr: Any) -> Any:
    """A capsule around a function of a library that `ctypes` loaded.

    Args:
        funcptr: such as ``ctypes.cdll.LoadLibrary(path).Handler``.

    Returns:
        What `register_ffi_target` takes.
    """
    wrap = ctypes.pythonapi.PyCapsule_New
    wrap.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    wrap.restype = ctypes.py_object
    return wrap(ctypes.cast(funcptr, ctypes.c_void_p), None, None)


# Names that users have registered functions under.
user_targets: set[str] = set()


def register_ffi_target(
    name: str, fn: Any, platform: str = "cpu", api_version: int = 1, **kwargs: Any
) -> None:
    """Make a function known to XLA under a name, for `ffi_call`.

    Args:
        name: the name of the target.
        fn: a capsule (see `pycapsule`) with a pointer to a handler; or a dictionary of
            them by stage: `instantiate`, `prepare`, `initialize`, `execute`.
        platform: `cpu`, `CUDA` or another platform of XLA.
        api_version: 1 for a handler of the typed interface, 0 for a function of the
            older custom-call interface.
        **kwargs: handed on to jaxlib.
    """
    user_targets.add(name)
    xla_client.register_custom_call_target(name, fn, platform, api_version, **kwargs)


def register_ffi_type(name: str, type_registration: Any, platform: str = "cpu") -> None:
    """Make the type of a handler's state known to XLA.

    Args:
        name: a name for the type, unique in the process.
        type_registration: a dictionary with a capsule `type_id`, a pointer to the
            handler's ``XLA_FFI_TypeId``, and possibly one `type_info`.
        platform: `cpu`, `CUDA` or another platform of XLA.
    """
    xla_client.register_custom_type(name, type_registration, platform)


def register_ffi_type_id(name: str, obj: Any, platform: str = "cpu") -> None:
    """Make the identity of a handler's type known to XLA.

    Args:
        name: a name for the type, unique in the process.
        obj: a capsule with a pointer to the handler's ``XLA_FFI_TypeId``.
        platform: `cpu`, `CUDA` or another platform of XLA.
    """
    register_ffi_type(name, {"type_id": obj}, platform)


def register_ffi_target_as_batch_partitionable(name: str) -> None:
    """Let XLA split calls of a target along their leading axes, one call per device.

    Args:
        name: a target whose function does the same for each element of a leading batch
            axis.
    """
    xla_client.register_custom_call_as_batch_partitionable(name)
