"""Transformations of array programs on XLA: `jit`, `grad`, `vmap` and their kin."""

from . import (
    config as config,
    debug as debug,
    dlpack as dlpack,
    dtypes as dtypes,
    lax as lax,
    numpy as numpy,
    tree as tree,
    tree_util as tree_util,
)
from ._backend import (
    Array as Array,
    Device as Device,
    NamedSharding as NamedSharding,
    PartitionSpec as _PartitionSpec,
    Shard as Shard,
    default_backend as default_backend,
    device_count as device_count,
    devices as devices,
    effects_barrier as effects_barrier,
    live_arrays as live_arrays,
    local_device_count as local_device_count,
    local_devices as local_devices,
    print_environment_info as print_environment_info,
    process_count as process_count,
    process_index as process_index,
    process_indices as process_indices,
)
from ._higher_order import (
    ClosedJaxpr as ClosedJaxpr,
    ShapeDtypeStruct as ShapeDtypeStruct,
    block_until_ready as block_until_ready,
    checkpoint as checkpoint,
    checkpoint_policies as checkpoint_policies,
    clear_caches as clear_caches,
    closure_convert as closure_convert,
    custom_gradient as custom_gradient,
    custom_jvp as custom_jvp,
    custom_vjp as custom_vjp,
    device_get as device_get,
    device_put as device_put,
    eval_shape as eval_shape,
    fwd_and_bwd as fwd_and_bwd,
    jit as jit,
    make_array_from_callback as make_array_from_callback,
    make_array_from_process_local_data as make_array_from_process_local_data,
    make_array_from_single_device_arrays as make_array_from_single_device_arrays,
    make_jaxpr as make_jaxpr,
    make_mesh as make_mesh,
    named_call as named_call,
    named_scope as named_scope,
    pmap as pmap,
    pure_callback as pure_callback,
    shard_map as shard_map,
    smap as smap,
)
from ._settings import (
    array_garbage_collection_guard as array_garbage_collection_guard,
    check_tracer_leaks as check_tracer_leaks,
    checking_leaks as checking_leaks,
    debug_infs as debug_infs,
    debug_key_reuse as debug_key_reuse,
    debug_nans as debug_nans,
    default_device as default_device,
    default_dtype_bits as default_dtype_bits,
    default_matmul_precision as default_matmul_precision,
    default_prng_impl as default_prng_impl,
    disable_jit as disable_jit,
    enable_checks as enable_checks,
    enable_custom_prng as enable_custom_prng,
    enable_x64 as enable_x64,
    explain_cache_misses as explain_cache_misses,
    legacy_prng_key as legacy_prng_key,
    log_compiles as log_compiles,
    no_execution as no_execution,
    no_tracing as no_tracing,
    numpy_dtype_promotion as numpy_dtype_promotion,
    numpy_rank_promotion as numpy_rank_promotion,
    softmax_custom_jvp as softmax_custom_jvp,
    threefry_partitionable as threefry_partitionable,
    transfer_guard as transfer_guard,
    transfer_guard_device_to_device as transfer_guard_device_to_device,
    transfer_guard_device_to_host as transfer_guard_device_to_host,
    transfer_guard_host_to_device as transfer_guard_host_to_device,
)
from ._tracing import (
    ensure_compile_time_eval as ensure_compile_time_eval,
    set_mesh as set_mesh,
    typeof as typeof,
)
from ._transforms import (
    grad as grad,
    hessian as hessian,
    jacfwd as jacfwd,
    jacobian as jacobian,
    jacrev as jacrev,
    jvp as jvp,
    linear_transpose as linear_transpose,
    linearize as linearize,
    value_and_grad as value_and_grad,
    vjp as vjp,
    vmap as vmap,
)
from .dtypes import float0 as float0

remat = checkpoint
P = _PartitionSpec
host_count, host_id, host_ids = process_count, process_index, process_indices

_LAZY_MODULES = (
    "custom_batching",
    "core",
    "custom_derivatives",
    "ad_checkpoint",
    "errors",
    "distributed",
    "experimental",
    "export",
    "extend",
    "ffi",
    "flatten_util",
    "image",
    "nn",
    "ops",
    "profiler",
    "random",
    "ref",
    "scipy",
    "sharding",
    "stages",
    "typing",
)
_REFS = ("Ref", "empty_ref", "free_ref", "freeze", "new_ref")


def __getattr__(name: str) -> object:
    """Load `random`, `nn`, `ref`, `extend` and others at first use."""
    import importlib

    if name in _LAZY_MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _REFS:
        return getattr(importlib.import_module(f"{__name__}.ref"), name)
    if name in ("__version__", "__version_info__"):
        return _version()[name == "__version_info__"]
    if name == "explain":
        module = importlib.import_module(f"{__name__}._higher_order._explain")
        return module.explain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> tuple[str, tuple[int, ...]]:
    """The version of this package, as text and as numbers."""
    from importlib.metadata import version

    found = version("dolmen-core")
    return found, tuple(int(part) for part in found.split(".")[:3])


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY_MODULES, *_REFS, "explain"})
