"""Every setting there is: the one table that `config`, its docs and C++ read."""

from collections.abc import Callable
from typing import Any

import jaxlib._jax as _jax

from . import _logging
from ._flag import (
    CLIENT as CLIENT,
    FLAGS as FLAGS,
    UNSET as UNSET,
    Flag as Flag,
    compile_key as compile_key,
    current_mesh as current_mesh,
    set_bound_axes as set_bound_axes,
    set_tracing as set_tracing,
    swap_mesh as swap_mesh,
    trace_key as trace_key,
    trace_settings as trace_settings,
    warn_of_misspelt_variables,
)

# ---- Numbers ----

X64 = Flag(
    "enable_x64",
    False,
    "Keep 64-bit dtypes. Otherwise they stand for the 32-bit ones.",
    affects="trace",
)


class _Promotion:
    """Whether promotion has followed the usual rules ever since the start.

    Array functions ask this first: it is cheaper than the three settings.
    """

    usual = True


PROMOTION = _Promotion()


def _promotion_changes(value: Any) -> None:
    PROMOTION.usual = False


EXPLICIT_X64_DTYPES = Flag(
    "explicit_x64_dtypes",
    "warn",
    "What happens when a 64-bit dtype is asked for by name and not enabled: the 32-bit "
    "one takes its place with a warning, or an error.",
    allowed=("warn", "error"),
    affects="trace",
)
DEFAULT_DTYPE_BITS = Flag(
    "default_dtype_bits",
    "64",
    "Bits of dtypes nobody chose, such as those of Python's numbers and of "
    "`zeros(3)`, where 64-bit dtypes are enabled.",
    allowed=("64", "32"),
    affects="trace",
    on_process=_promotion_changes,
    on_thread=_promotion_changes,
)
NUMPY_DTYPE_PROMOTION = Flag(
    "numpy_dtype_promotion",
    "standard",
    "Whether arrays of different dtypes combine (`standard`), or only numbers of "
    "Python with arrays (`strict`).",
    allowed=("standard", "strict"),
    affects="trace",
    on_process=_promotion_changes,
    on_thread=_promotion_changes,
)
NUMPY_RANK_PROMOTION = Flag(
    "numpy_rank_promotion",
    "allow",
    "What happens when arrays of different numbers of axes are broadcast against each "
    "other. Scalars always are.",
    allowed=("allow", "warn", "raise"),
    affects="trace",
    on_process=_promotion_changes,
    on_thread=_promotion_changes,
)
DEFAULT_MATMUL_PRECISION = Flag(
    "default_matmul_precision",
    None,
    "Precision of products and convolutions that are given none. None: the backend's "
    "fastest.",
    kind=str,
    optional=True,
    allowed=(
        "default",
        "fastest",
        "bfloat16",
        "high",
        "bfloat16_3x",
        "tensorfloat32",
        "highest",
        "float32",
        "ANY_F8_ANY_F8_F32",
        "ANY_F8_ANY_F8_F32_FAST_ACCUM",
        "ANY_F8_ANY_F8_ANY",
        "ANY_F8_ANY_F8_ANY_FAST_ACCUM",
        "F16_F16_F16",
        "F16_F16_F32",
        "BF16_BF16_BF16",
        "BF16_BF16_F32",
        "BF16_BF16_F32_X3",
        "BF16_BF16_F32_X6",
        "BF16_BF16_F32_X9",
        "TF32_TF32_F32",
        "TF32_TF32_F32_X3",
        "F32_F32_F32",
        "F64_F64_F64",
    ),
    affects="trace",
)
SOFTMAX_CUSTOM_JVP = Flag(
    "softmax_custom_jvp",
    True,
    "Differentiate `nn.softmax` by a rule of its own, which keeps only the result.",
    affects="trace",
)

# ---- Random numbers ----

DEFAULT_PRNG_IMPL = Flag(
    "default_prng_impl",
    "threefry2x32",
    "The generator of random keys that are made without naming one.",
    allowed=("threefry2x32", "rbg", "unsafe_rbg"),
    affects="trace",
)
THREEFRY_PARTITIONABLE = Flag(
    "threefry_partitionable",
    True,
    "Let every random number depend on its position only, so that devices can make "
    "their parts alone. Other numbers than without.",
    affects="trace",
)
ENABLE_CUSTOM_PRNG = Flag(
    "enable_custom_prng",
    False,
    "Let `random.PRNGKey` make typed keys, as `random.key` does.",
    affects="trace",
)
LEGACY_PRNG_KEY = Flag(
    "legacy_prng_key",
    "allow",
    "What happens when a plain array of words is used as a random key.",
    allowed=("allow", "warn", "error"),
    affects="trace",
)
RANDOM_SEED_OFFSET = Flag(
    "random_seed_offset",
    0,
    "Added to every seed.",
    affects="trace",
)
HIGH_DYNAMIC_RANGE_GUMBEL = Flag(
    "high_dynamic_range_gumbel",
    False,
    "Draw Gumbel (and categorical) samples of two words each where no mode is given: "
    "finer in the tail.",
    affects="trace",
)

# ---- Devices ----

DEFAULT_DEVICE = Flag(
    "default_device",
    None,
    "Where computations run whose arguments are committed to no device. None: the "
    "first device.",
    kind=(_jax.Device, str),
    noun="a device, the name of a platform",
    optional=True,
    affects="call",
)

PLATFORMS = Flag(
    "platforms",
    None,
    "Platforms to try in order, separated by commas: `cpu`, `cuda`, `tpu`. None: "
    "hardware that is there, then the CPU.",
    kind=str,
    optional=True,
    fixed_by_client=True,
)
PLATFORM_NAME = Flag(
    "platform_name",
    "",
    "The one platform to use: an older form of `platforms`, which comes first.",
    fixed_by_client=True,
)
NUM_CPU_DEVICES = Flag(
    "num_cpu_devices",
    None,
    "How many devices the CPU is presented as. None: as XLA_FLAGS says, else one.",
    kind=int,
    optional=True,
    minimum=1,
    fixed_by_client=True,
)
CPU_ENABLE_ASYNC_DISPATCH = Flag(
    "cpu_enable_async_dispatch",
    True,
    "Let calls on the CPU return before their results are computed.",
    fixed_by_client=True,
)
CUDA_VISIBLE_DEVICES = Flag(
    "cuda_visible_devices",
    "all",
    "Numbers of the GPUs to use, separated by commas, or `all`.",
    fixed_by_client=True,
)

# ---- Compilation ----

_EFFORTS = ("UNKNOWN", "O0", "O1", "O2", "O3")

DISABLE_MOST_OPTIMIZATIONS = Flag(
    "disable_most_optimizations",
    False,
    "Compile quickly to slow code.",
    affects="compile",
)
KEEP_REPEATED_CALLS = Flag(
    "keep_repeated_calls",
    True,
    "On the CPU, compile a block that a program repeats once and call it, instead of "
    "every copy: much faster to compile, with somewhat larger temporary memory.",
    affects="compile",
)
OPTIMIZATION_LEVEL = Flag(
    "optimization_level",
    "UNKNOWN",
    "How much the compiler does for speed. UNKNOWN leaves it to the backend.",
    allowed=_EFFORTS,
    affects="compile",
)
MEMORY_FITTING_LEVEL = Flag(
    "memory_fitting_level",
    "O2",
    "How much the compiler does to make programs fit in memory.",
    allowed=_EFFORTS,
    affects="compile",
)
EXEC_TIME_OPTIMIZATION_EFFORT = Flag(
    "exec_time_optimization_effort",
    0.0,
    "More (or less) of the compiler's effort for speed.",
    minimum=-1.0,
    maximum=1.0,
    affects="compile",
)
MEMORY_FITTING_EFFORT = Flag(
    "memory_fitting_effort",
    0.0,
    "More (or less) of the compiler's effort to make programs fit in memory.",
    minimum=-1.0,
    maximum=1.0,
    affects="compile",
)
COMPILER_ENABLE_REMAT_PASS = Flag(
    "compiler_enable_remat_pass",
    True,
    "Let the compiler compute values again rather than keep them.",
    affects="compile",
)

# ---- Compiled programs on disk ----

ENABLE_COMPILATION_CACHE = Flag(
    "enable_compilation_cache", True, "Keep compiled programs on disk."
)
COMPILATION_CACHE_DIR = Flag(
    "compilation_cache_dir",
    None,
    "Where compiled programs are kept. None: `dolmen/executables` in the user's cache "
    "directory.",
    kind=str,
    optional=True,
)
COMPILATION_CACHE_MAX_SIZE = Flag(
    "compilation_cache_max_size",
    2 << 30,
    "Bytes that the compiled programs on disk may take; those unused for longest go. "
    "-1: no bound.",
    minimum=-1,
)
PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS = Flag(
    "persistent_cache_min_compile_time_secs",
    0.05,
    "Programs that compile faster, in seconds, are not kept on disk.",
    minimum=0,
)
PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES = Flag(
    "persistent_cache_min_entry_size_bytes",
    0,
    "Compiled programs with fewer bytes are not kept on disk.",
    minimum=0,
)
COMPILATION_CACHE_INCLUDE_METADATA_IN_KEY = Flag(
    "compilation_cache_include_metadata_in_key",
    False,
    "Keep programs apart that differ only in the source lines they name.",
)
RAISE_PERSISTENT_CACHE_ERRORS = Flag(
    "raise_persistent_cache_errors",
    False,
    "Raise when compiled programs can't be kept or read. Otherwise warn, once.",
)
PERSISTENT_CACHE_ENABLE_XLA_CACHES = Flag(
    "persistent_cache_enable_xla_caches",
    "xla_gpu_per_fusion_autotune_cache_dir",
    "Caches of XLA itself to keep beside the compiled programs (GPU only).",
    allowed=(
        "all",
        "none",
        "xla_gpu_kernel_cache_file",
        "xla_gpu_per_fusion_autotune_cache_dir",
    ),
)

# ---- Reports ----

WARN_RETRACES = Flag(
    "warn_retraces",
    True,
    "Warn, once for a function, when it is traced and compiled again and again for one "
    "changing thing.",
)
LOG_COMPILES = Flag(
    "log_compiles",
    False,
    "Log every trace, lowering and compilation, with its duration.",
)
EXPLAIN_CACHE_MISSES = Flag(
    "explain_cache_misses",
    False,
    "Log why a function is traced or compiled again, or not found on disk.",
)
TRACEBACK_FILTERING = Flag(
    "traceback_filtering",
    "auto",
    "What becomes of Dolmen's own frames in the tracebacks of errors: left in (`off`), "
    "taken out (`remove_frames`), or marked so that notebooks and pytest hide them "
    "(`tracebackhide`). `auto` marks them in notebooks and takes them out elsewhere.",
    allowed=("off", "tracebackhide", "remove_frames", "auto"),
)
DEBUG_LOG_MODULES = Flag(
    "debug_log_modules",
    "",
    "Names of modules, separated by commas, whose loggers print everything to stderr: "
    "`dolmen.core` for all of this package.",
    on_process=_logging.print_everything_of,
)
LOGGING_LEVEL = Flag(
    "logging_level",
    "NOTSET",
    "How important messages must be for Dolmen's loggers to print them to stderr. "
    "NOTSET leaves that to the program.",
    allowed=("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    on_process=_logging.print_from,
)
DUMP_IR_TO = Flag(
    "dump_ir_to",
    "",
    "Directory into which every program that is lowered is written. Empty: nowhere.",
)
DUMP_IR_MODES = Flag(
    "dump_ir_modes",
    "stablehlo",
    "What to write there, separated by commas: `jaxpr`, `stablehlo`.",
)
INCLUDE_DEBUG_INFO_IN_DUMPS = Flag(
    "include_debug_info_in_dumps",
    True,
    "Write the user's lines into the programs that `dump_ir_to` asks for.",
)

# ---- Guards ----


def _guard(state: Callable[[], Any], direction: str) -> Callable[[Any], None]:
    """Tells C++ of a level, under the name that C++ gives it."""
    levels = (
        _jax.guard_lib.GarbageCollectionGuardLevel
        if direction == "garbage_collect_array"
        else _jax.guard_lib.TransferGuardLevel
    )

    def set_level(level: Any) -> None:
        made = None if level is UNSET else getattr(levels, (level or "allow").upper())
        setattr(state(), direction, made)

    return set_level


def _guard_flag(name: str, direction: str, doc: str, allowed: tuple[str, ...]) -> Flag:
    return Flag(
        name,
        None,
        doc,
        kind=str,
        optional=True,
        allowed=allowed,
        on_process=_guard(_jax.guard_lib.global_state, direction),
        on_thread=_guard(_jax.guard_lib.thread_local_state, direction),
    )


_TRANSFER_LEVELS = ("allow", "log", "disallow", "log_explicit", "disallow_explicit")

TRANSFER_GUARD_HOST_TO_DEVICE = _guard_flag(
    "transfer_guard_host_to_device",
    "host_to_device",
    "What happens when values are copied from the host to a device.",
    _TRANSFER_LEVELS,
)
TRANSFER_GUARD_DEVICE_TO_DEVICE = _guard_flag(
    "transfer_guard_device_to_device",
    "device_to_device",
    "What happens when values are copied between devices.",
    _TRANSFER_LEVELS,
)
TRANSFER_GUARD_DEVICE_TO_HOST = _guard_flag(
    "transfer_guard_device_to_host",
    "device_to_host",
    "What happens when values are copied from a device to the host.",
    _TRANSFER_LEVELS,
)
TRANSFER_GUARDS = (
    TRANSFER_GUARD_HOST_TO_DEVICE,
    TRANSFER_GUARD_DEVICE_TO_DEVICE,
    TRANSFER_GUARD_DEVICE_TO_HOST,
)


def _guard_all(level: str | None) -> None:
    for flag in TRANSFER_GUARDS:
        flag.set_global(level)


TRANSFER_GUARD = Flag(
    "transfer_guard",
    None,
    "What happens when values are copied, in all three directions: the last change of "
    "this setting or of one direction holds.",
    kind=str,
    optional=True,
    allowed=_TRANSFER_LEVELS,
    on_process=_guard_all,
)
ARRAY_GARBAGE_COLLECTION_GUARD = _guard_flag(
    "array_garbage_collection_guard",
    "garbage_collect_array",
    "What happens when an array is freed by the garbage collector, so late, because a "
    "cycle of references held it.",
    ("allow", "log", "fatal"),
)

# ---- Finding faults ----

DISABLE_JIT = Flag(
    "disable_jit",
    False,
    "Run jitted functions as plain Python, one operation after the other.",
    affects="call",
)
DEBUG_NANS = Flag(
    "debug_nans",
    False,
    "Raise where an operation makes a NaN, naming the operation and its line.",
    affects="trace",
)
DEBUG_INFS = Flag(
    "debug_infs",
    False,
    "Raise where an operation makes an infinity, naming the operation and its line.",
    affects="trace",
)
CHECK_TRACER_LEAKS = Flag(
    "check_tracer_leaks",
    False,
    "After every trace, raise when something outside still holds its values.",
    affects="trace",
)
DEBUG_KEY_REUSE = Flag(
    "debug_key_reuse",
    False,
    "Raise when a random key is consumed twice.",
    affects="trace",
)
ENABLE_CHECKS = Flag(
    "enable_checks",
    False,
    "Check that every program that is traced is well formed. For authors of "
    "primitives and transformations.",
    affects="trace",
)
NO_TRACING = Flag("no_tracing", False, "Raise when a function would be traced.")
NO_EXECUTION = Flag(
    "no_execution",
    False,
    "Raise when an operation or a compiled program would be run.",
    affects="call",
)

# C++ calls it after each call it does by itself: (function, args, kwargs, results).
POST_HOOK = _jax.config.Config("post_hook", None)

_jax.jax_jit.set_enable_x64_state(X64)
_jax.jax_jit.set_disable_jit_state(DISABLE_JIT)
_jax.jax_jit.set_post_hook_state(POST_HOOK)

warn_of_misspelt_variables()
