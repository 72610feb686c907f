"""Steps of compilation: what `jit(f).trace(...)`, `.lower()` and `.compile()` return.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> traced = dc.jit(lambda x: jnp.sin(x) ** 2).trace(jnp.ones(3))
    >>> traced.jaxpr
    { lambda a:f32[3] .
      let b:f32[3] = sin a
          c:f32[3] = integer_pow[y=2] b
      in (c,) }
    >>> lowered = traced.lower()
    >>> "stablehlo.sine" in lowered.as_text()
    True
    >>> compiled = lowered.compile()
    >>> compiled.memory_analysis().output_size_in_bytes
    12
    >>> compiled(jnp.zeros(3))
    Array([0., 0., 0.], dtype=float32)
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ._higher_order import (
    ArgInfo as ArgInfo,
    CacheReport as CacheReport,
    CacheRow as CacheRow,
    Compiled as Compiled,
    Lowered as Lowered,
    Traced as Traced,
)

CompilerOptions: TypeAlias = Mapping[str, Any]

__all__ = [
    "ArgInfo",
    "CacheReport",
    "CacheRow",
    "Compiled",
    "CompilerOptions",
    "Lowered",
    "Traced",
    "Wrapped",
]
__dir__ = __all__.copy


@runtime_checkable
class Wrapped(Protocol):
    """A function that can be compiled step by step, as `jit` makes them."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, compiling where it has to."""
        ...

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """Trace for these arguments (arrays or descriptions), without running."""
        ...

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Trace and translate to StableHLO."""
        ...
