"""Every setting there is: the one table that `config`, its docs and C++ read."""

import jaxlib._jax as _jax

from ._flag import (
    CLIENT as CLIENT,
    FLAGS as FLAGS,
    UNSET as UNSET,
    Flag as Flag,
    set_bound_axes as set_bound_axes,
    set_tracing as set_tracing,
    trace_key as trace_key,
)

# ---- Numbers ----

X64 = Flag(
    "enable_x64",
    False,
    "Keep 64-bit dtypes. Otherwise they stand for the 32-bit ones.",
    affects="trace",
)

# ---- Devices ----

PLATFORMS = Flag(
    "platforms",
    None,
    "Platforms to try in order, separated by commas: `cpu`, `cuda`, `tpu`. None: "
    "hardware that is there, then the CPU.",
    kind=str,
    optional=True,
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

# C++ calls it after each call it does by itself: (function, args, kwargs, results).
POST_HOOK = _jax.config.Config("post_hook", None)

_jax.jax_jit.set_enable_x64_state(X64)
_jax.jax_jit.set_disable_jit_state(DISABLE_JIT)
_jax.jax_jit.set_post_hook_state(POST_HOOK)
