"""Types, traced values, and the evaluation of programs."""

from ._higher_order import eval_jaxpr as eval_jaxpr
from ._ir import ArrayType as ShapedArray
from ._tracing import (
    Trace as Trace,
    Tracer as Tracer,
    ensure_compile_time_eval as ensure_compile_time_eval,
    eval_context as eval_context,
)

__all__ = [
    "ShapedArray",
    "Trace",
    "Tracer",
    "ensure_compile_time_eval",
    "eval_context",
    "eval_jaxpr",
]
