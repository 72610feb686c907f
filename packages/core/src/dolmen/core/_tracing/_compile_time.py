"""Computing while something is traced, where the values are known."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from .._ir import Primitive
from ._eager import EAGER
from ._trace import Trace, Tracer, entering, state


class CompileTimeTrace(Trace):
    """Runs operations on concrete values; leaves those on traced ones to `parent`."""

    __slots__ = ("parent",)

    def __init__(self, parent: Trace) -> None:
        self.staging = False
        self.finished = False
        self.parent = parent

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        if any(isinstance(arg, Tracer) for arg in args):
            with entering(self.parent):
                return self.parent.process(primitive, args)
        with entering(EAGER):
            return EAGER.process(primitive, args)


def eval_context() -> contextlib.AbstractContextManager[None]:
    """Within a `with` block, nothing is traced: traced values can't be used there.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import core
        >>> with core.eval_context():
        ...     print(jnp.arange(3).sum())
        3
    """
    return entering(EAGER)


@contextlib.contextmanager
def ensure_compile_time_eval() -> Iterator[None]:
    """Within a `with` block, operations on concrete arrays run while tracing.

    Their results are concrete, so Python may branch on them. Operations on traced
    values are traced as always.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.jit
        ... def mean_of_halves(x):
        ...     with dc.ensure_compile_time_eval():
        ...         half = int(jnp.ceil(x.shape[0] / 2))
        ...     return x[:half].mean() + x[half:].mean()
        >>> mean_of_halves(jnp.arange(4.0))
        Array(3., dtype=float32)
    """
    if state.trace is EAGER or isinstance(state.trace, CompileTimeTrace):
        yield
        return
    trace = CompileTimeTrace(state.trace)
    try:
        with entering(trace):
            yield
    finally:
        trace.finished = True
