"""The C++ configuration states that are part of every jit cache key.

jaxlib refuses to run (even `batched_device_put`) until three of them exist; `TRACE` is
ours: it differs inside a trace, so that a call with concrete arguments there reaches
Python and is recorded instead of taking the compiled fast path.
"""

import os

import jaxlib._jax as _jax

_Config = _jax.config.Config


def environment_flag(name: str, default: bool = False) -> bool:
    """Boolean value of an environment variable (`1/true/yes/on`).

    Raises:
        ValueError: the variable holds something else.
    """
    text = os.environ.get(name)
    if text is None or text == "":
        return default
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(
        f"environment variable {name}: expected one of 1/0, true/false, yes/no, "
        f"on/off, got {text!r}."
    )


X64 = _Config(
    "enable_x64",
    environment_flag("DOLMEN_ENABLE_X64"),
    include_in_jit_key=True,
    include_in_trace_context=True,
)
DISABLE_JIT = _Config(
    "disable_jit",
    environment_flag("DOLMEN_DISABLE_JIT"),
    include_in_jit_key=True,
    include_in_trace_context=True,
)
TRACE = _Config("trace", None, include_in_jit_key=True, include_in_trace_context=True)
_POST_HOOK = _Config("post_hook", None)

_jax.jax_jit.set_enable_x64_state(X64)
_jax.jax_jit.set_disable_jit_state(DISABLE_JIT)
_jax.jax_jit.set_post_hook_state(_POST_HOOK)
