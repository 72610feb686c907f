"""PJRT plugins: accelerators whose runtime comes in a package of its own."""

import functools
import importlib
import importlib.util
import os
import pathlib
from typing import Any

from jaxlib import xla_client

from . import _flags as flags
from ._distributed import MEMBERSHIP

_CUDA_PACKAGES = ("jax_cuda13_pjrt", "jax_cuda12_pjrt")


def _cuda_library() -> pathlib.Path | None:
    """The CUDA plugin's shared library, where a plugin package is installed."""
    import sys

    for root in map(pathlib.Path, sys.path):
        for version in ("13", "12"):
            found = root / "jax_plugins" / f"xla_cuda{version}" / "xla_cuda_plugin.so"
            if found.exists():
                return found
    return None


def _tpu_library() -> pathlib.Path | None:
    spec = importlib.util.find_spec("libtpu")
    if spec is None or spec.origin is None:
        return None
    found = pathlib.Path(spec.origin).parent / "libtpu.so"
    return found if found.exists() else None


def available() -> list[str]:
    """Platforms to try, best first: hardware that is really there, then the CPU."""
    found = []
    if _cuda_library() is not None and os.path.exists("/dev/nvidiactl"):
        found.append("cuda")
    if _tpu_library() is not None and os.path.exists("/dev/accel0"):
        found.append("tpu")
    return [*found, "cpu"]


def load(platform: str) -> str:
    """Load the plugin of `platform`, once in this process.

    Returns:
        Its name: `cuda` or `tpu`.

    Raises:
        RuntimeError: no plugin for `platform` is installed.
    """
    library = {"cuda": _cuda_library, "gpu": _cuda_library, "tpu": _tpu_library}.get(
        platform, lambda: None
    )()
    if library is None:
        raise RuntimeError(
            f"platform {platform!r}: no PJRT plugin found. Expected one of cuda, tpu "
            "or cpu; install `stack[cuda13]`, `stack[cuda12]` or `stack[tpu]`, or "
            "unset DOLMEN_PLATFORMS."
        )
    name = "cuda" if platform == "gpu" else platform
    if not xla_client.pjrt_plugin_loaded(name):
        plugin = xla_client.load_pjrt_plugin_dynamically(name, str(library))
        if name == "cuda":
            _let_cuda_call_back(plugin)
    if not xla_client.pjrt_plugin_initialized(name):
        xla_client.initialize_pjrt_plugin(name)
    return name


def _let_cuda_call_back(plugin: Any) -> None:
    """Tell the CUDA plugin how to call Python, and functions of other libraries.

    That is in a package of its own, `jax_cuda13_plugin`, which needs no jax. Without it
    programs that call nothing run all the same.
    """
    for version in ("13", "12"):
        try:
            extension = importlib.import_module(
                f"jax_cuda{version}_plugin.cuda_plugin_extension"
            )
        except ImportError:
            continue
        for kind, handler in (
            ("call_handler", extension.register_custom_call_target),
            ("type_handler", extension.register_custom_type),
        ):
            register = getattr(xla_client, f"register_custom_{kind}")
            register("CUDA", functools.partial(handler, plugin))
        for name, type_id in extension.ffi_types().items():
            xla_client.register_custom_type(name, type_id, "CUDA")
        for name, function in extension.ffi_handlers().items():
            xla_client.register_custom_call_target(name, function, "CUDA", 1)
        return


def make_client(platform: str) -> Any:
    """Load the plugin of `platform` and make its client.

    Raises:
        RuntimeError: no plugin for `platform` is installed.
    """
    name = load(platform)
    visible = flags.CUDA_VISIBLE_DEVICES.value
    options: dict[str, Any] = {}
    if name == "cuda" and visible != "all":
        options["visible_devices"] = [int(number) for number in visible.split(",")]
    here = MEMBERSHIP
    if name == "cuda" and here.client is not None:
        options |= {"node_id": here.process_id, "num_nodes": here.num_processes}
        if here.local_device_ids is not None:
            options["visible_devices"] = list(here.local_device_ids)
    return xla_client.make_c_api_client(name, options, here.client)
