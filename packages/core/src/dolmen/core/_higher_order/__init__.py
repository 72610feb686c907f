"""Operations on functions: calls, control flow, custom rules, rematerialisation."""

from .. import _backend
from ._associative_scan import associative_scan as associative_scan
from ._branches import (
    cond as cond,
    platform_dependent as platform_dependent,
    switch as switch,
)
from ._breakpoint import debug_breakpoint as debug_breakpoint
from ._cache_report import CacheReport as CacheReport, CacheRow as CacheRow
from ._callback import io_callback as io_callback, pure_callback as pure_callback
from ._checkpoint import checkpoint as checkpoint
from ._checkpoint_policies import (
    Offloadable as Offloadable,
    Recompute as Recompute,
    Saveable as Saveable,
    checkpoint_name as checkpoint_name,
    checkpoint_policies as checkpoint_policies,
)
from ._closures import (
    closure_convert as closure_convert,
    custom_gradient as custom_gradient,
)
from ._composite import composite as composite
from ._constraint import with_sharding_constraint as with_sharding_constraint
from ._custom_jvp import custom_jvp as custom_jvp
from ._custom_vjp import custom_vjp as custom_vjp
from ._custom_vmap import custom_vmap as custom_vmap, sequential_vmap as sequential_vmap
from ._debug import (
    DebugEffect as DebugEffect,
    OrderedDebugEffect as OrderedDebugEffect,
    callback as callback,
    debug_log as debug_log,
    debug_print as debug_print,
)
from ._ffi import (
    build_ffi_lowering_function as build_ffi_lowering_function,
    ffi_lowering as ffi_lowering,
)
from ._ffi_call import ffi_call as ffi_call
from ._fwd_and_bwd import fwd_and_bwd as fwd_and_bwd
from ._global_arrays import (
    make_array_from_callback as make_array_from_callback,
    make_array_from_process_local_data as make_array_from_process_local_data,
    make_array_from_single_device_arrays as make_array_from_single_device_arrays,
    make_mesh as make_mesh,
)
from ._jit import jit as jit, jit_when_eager as jit_when_eager
from ._jit_function import JitFunction as JitFunction, Options as Options
from ._linear_call import linear_call as linear_call
from ._linear_solve import custom_linear_solve as custom_linear_solve
from ._loops import map as map, scan as scan
from ._programs import (
    ClosedJaxpr as ClosedJaxpr,
    Jaxpr as Jaxpr,
    eval_jaxpr as eval_jaxpr,
    jaxpr_as_fun as jaxpr_as_fun,
)
from ._reduce import reduce as reduce
from ._reduce_window import reduce_window as reduce_window
from ._retraces import RetraceWarning as RetraceWarning
from ._root import custom_root as custom_root
from ._saved_residuals import (
    print_saved_residuals as print_saved_residuals,
    saved_residuals as saved_residuals,
)
from ._scaled_dot import (
    scaled_dot as scaled_dot,
    spread_over_blocks as spread_over_blocks,
)
from ._scopes import named_call as named_call, named_scope as named_scope
from ._shape_struct import ShapeDtypeStruct as ShapeDtypeStruct
from ._sharded_functions import (
    pmap as pmap,
    shard_map as shard_map,
    smap as smap,
)
from ._sharding_picture import (
    visualize_array_sharding as visualize_array_sharding,
    visualize_sharding as visualize_sharding,
)
from ._signature import Signature as Signature
from ._stages import (
    ArgInfo as ArgInfo,
    Compiled as Compiled,
    Lowered as Lowered,
    Traced as Traced,
    eval_shape as eval_shape,
    make_jaxpr as make_jaxpr,
)
from ._symbolic_zeros import (
    CustomVJPPrimal as CustomVJPPrimal,
    SymbolicZero as SymbolicZero,
    custom_vjp_primal_tree_values as custom_vjp_primal_tree_values,
    zero_from_primal as zero_from_primal,
)
from ._trace_cache import clear_caches as clear_caches
from ._transfer import (
    block_until_ready as block_until_ready,
    device_get as device_get,
    device_put as device_put,
)
from ._while_loops import fori_loop as fori_loop, while_loop as while_loop


def _memory_report(text: str) -> str:
    from ._out_of_memory import memory_report

    return memory_report(text)


_backend.explain_out_of_memory(_memory_report)
