"""The only code that touches `jaxlib`; every difference of its versions ends here."""

import os

from ._guard import forbid_jax as forbid_jax

forbid_jax()
# XLA logs its device list at the default level; users who want it set the variable.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

from . import _flags as flags  # noqa: E402  (the guard must speak before jaxlib loads)
from . import _pytree as pytree  # noqa: E402
from ._arrays import Array as Array  # noqa: E402
from ._arrays import ArrayImpl as ArrayImpl  # noqa: E402
from ._arrays import Sharding as Sharding  # noqa: E402
from ._arrays import SingleDeviceSharding as SingleDeviceSharding  # noqa: E402
from ._arrays import device_sharding as device_sharding  # noqa: E402
from ._arrays import execute as execute  # noqa: E402
from ._arrays import host_value as host_value  # noqa: E402
from ._arrays import install as _install_arrays  # noqa: E402
from ._arrays import move as move  # noqa: E402
from ._arrays import put as put  # noqa: E402
from ._arrays import set_type_factory as set_type_factory  # noqa: E402
from ._arrays import with_type as with_type  # noqa: E402
from ._client import Device as Device  # noqa: E402
from ._client import JaxRuntimeError as JaxRuntimeError  # noqa: E402
from ._client import client as client  # noqa: E402
from ._client import compile_and_load as compile_and_load  # noqa: E402
from ._client import compile_options as compile_options  # noqa: E402
from ._client import default_device as default_device  # noqa: E402
from ._client import deserialize_executable as deserialize_executable  # noqa: E402
from ._client import devices as devices  # noqa: E402
from ._client import platform_fingerprint as platform_fingerprint  # noqa: E402
from ._client import serialize_executable as serialize_executable  # noqa: E402
from ._client import set_num_cpu_devices as set_num_cpu_devices  # noqa: E402
from ._dispatch import FastPath as FastPath  # noqa: E402
from ._dispatch import block_until_ready as block_until_ready  # noqa: E402
from ._dispatch import callable_with_cache as callable_with_cache  # noqa: E402
from ._dispatch import clear_caches as clear_caches  # noqa: E402
from ._dispatch import fast_path as fast_path  # noqa: E402
from ._dispatch import set_tracer_class as set_tracer_class  # noqa: E402

_install_arrays()
