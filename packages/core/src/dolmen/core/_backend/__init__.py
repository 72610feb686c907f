"""The only code that touches `jaxlib`; every difference of its versions ends here."""

import os

from ._guard import forbid_jax as forbid_jax

forbid_jax()
# XLA logs its device list at the default level; users who want it set the variable.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

# ruff: noqa: E402  (the guard must speak before jaxlib loads)
from . import (
    _flags as flags,
    _pytree as pytree,
)
from ._arrays import (
    Array as Array,
    ArrayImpl as ArrayImpl,
    assemble as assemble,
    check_alive as check_alive,
    execute as execute,
    explicit_transfers as explicit_transfers,
    host_value as host_value,
    install as _install_arrays,
    move as move,
    put as put,
    put_parts as put_parts,
    set_donors as set_donors,
    set_type_factory as set_type_factory,
    with_type as with_type,
)
from ._client import (
    Device as Device,
    JaxRuntimeError as JaxRuntimeError,
    approx_top_k_size as approx_top_k_size,
    client as client,
    compile_and_load as compile_and_load,
    compile_options as compile_options,
    default_device as default_device,
    deserialize_executable as deserialize_executable,
    executable_cost as executable_cost,
    explain_out_of_memory as explain_out_of_memory,
    hlo_computation as hlo_computation,
    hlo_cost as hlo_cost,
    hlo_text as hlo_text,
    lowering_platform as lowering_platform,
    platform_fingerprint as platform_fingerprint,
    serialize_executable as serialize_executable,
)
from ._devices import (
    default_backend as default_backend,
    device_count as device_count,
    devices as devices,
    live_arrays as live_arrays,
    local_device_count as local_device_count,
    local_devices as local_devices,
    print_environment_info as print_environment_info,
    process_count as process_count,
    process_index as process_index,
    process_indices as process_indices,
)
from ._dispatch import (
    FastPath as FastPath,
    block_until_ready as block_until_ready,
    callable_with_cache as callable_with_cache,
    clear_caches as clear_caches,
    fast_path as fast_path,
    set_error_filter as set_error_filter,
    set_tracer_class as set_tracer_class,
)
from ._ffi import (
    include_dir as include_dir,
    pycapsule as pycapsule,
    register_ffi_target as register_ffi_target,
    register_ffi_target_as_batch_partitionable as register_as_batch_partitionable,
    register_ffi_type as register_ffi_type,
    register_ffi_type_id as register_ffi_type_id,
)
from ._garbage import rarer_collections as rarer_collections
from ._grid import (
    arranged as arranged,
    axes_of_grid as axes_of_grid,
    on_grid as on_grid,
)
from ._interchange import (
    device_of_dlpack as device_of_dlpack,
    dlpack_device as dlpack_device,
    export_dlpack as export_dlpack,
    import_dlpack as import_dlpack,
)
from ._lapack import lapack_target as lapack_target
from ._mappings import share_of_mappings as share_of_mappings
from ._mesh import (
    AxisType as AxisType,
    Mesh as Mesh,
    PartitionSpec as PartitionSpec,
    axes_of_part as axes_of_part,
)
from ._shardings import (
    NamedSharding as NamedSharding,
    Sharding as Sharding,
    SingleDeviceSharding as SingleDeviceSharding,
    axes_by_dimension as axes_by_dimension,
    counts as counts,
    device_sharding as device_sharding,
    devices_of as devices_of,
    grid_sharding as grid_sharding,
    hlo_sharding_of as hlo_sharding_of,
    indices as indices,
    is_equivalent as is_equivalent,
    is_open as is_open,
    named_sharding as named_sharding,
    part_of as part_of,
    parts_of_axes as parts_of_axes,
    settled as settled,
    whole_of as whole_of,
    whole_on as whole_on,
)
from ._shards import Shard as Shard
from ._tokens import effects_barrier as effects_barrier
from ._topologies import (
    GPUS as GPUS,
    described_devices as described_devices,
    is_described as is_described,
)

__all__ = ["flags", "pytree", "register_as_batch_partitionable"]

_install_arrays()
