"""Types to annotate functions of arrays with.

`Array` itself is `dolmen.core.Array`.
"""

from .numpy._array_like import (
    ArrayLike as ArrayLike,
    DTypeLike as DTypeLike,
)

__all__ = ["ArrayLike", "DTypeLike"]
__dir__ = __all__.copy
