"""Compiled functions as bytes, for other processes on the same kind of machine.

The bytes hold the compiled code, the types of arguments and results, and the values of
the arrays that the function closed over. They fit one platform and one version of
`jaxlib`; another one refuses them.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core.experimental import serialize_executable
    >>> compiled = dc.jit(lambda x: jnp.sin(x) + 1.0).lower(jnp.zeros(2)).compile()
    >>> parts = serialize_executable.serialize(compiled)
    >>> serialize_executable.deserialize_and_load(*parts)(jnp.zeros(2))
    Array([1., 1.], dtype=float32)
"""

from .._higher_order._serialize import (
    deserialize_and_load as deserialize_and_load,
    serialize as serialize,
)
