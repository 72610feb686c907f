"""What the array API standard lets libraries ask of this namespace."""

from typing import Any

import numpy as np

from .. import _backend
from .._ir import dtypes, value_error
from ..dtypes import isdtype

_KINDS = (
    *("bool", "signed integer", "unsigned integer", "real floating"),
    *("complex floating", "integral", "numeric"),
)
# The dtypes that the standard names; arrays may have others besides.
_NAMED = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)


class ArrayNamespaceInfo:
    """Capabilities, devices and dtypes, as the array API standard asks for them.

    64-bit dtypes are listed only where they are enabled: without that, they stand for
    those of half the width.
    """

    def capabilities(self) -> dict[str, Any]:
        """What the standard leaves open.

        Returns:
            "boolean indexing" and "data-dependent shapes", False because compiled
            functions have neither (elsewhere both work), and "max dimensions".
        """
        return {
            "boolean indexing": False,
            "data-dependent shapes": False,
            "max dimensions": 64,
        }

    def default_device(self) -> None:
        """None: arrays are made where computation takes place, and may follow it."""

    def devices(self) -> list[Any]:
        """What creation functions take as `device`: None, or one of the devices."""
        return [None, *_backend.devices()]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """The dtypes that arrays have if none is asked for.

        Args:
            device: without effect, as all devices have the same.

        Returns:
            By "real floating", "complex floating", "integral" and "indexing".
        """
        integral = dtypes.default(np.dtype("int64"))
        return {
            "real floating": dtypes.default(np.dtype("float64")),
            "complex floating": dtypes.default(np.dtype("complex128")),
            "integral": integral,
            "indexing": integral,
        }

    def dtypes(
        self, *, device: Any = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, np.dtype]:
        """The dtypes of the standard that arrays may have.

        Args:
            device: without effect, as all devices have the same.
            kind: one that `isdtype` knows by name, or a tuple of such; None means all.

        Returns:
            By their names.

        Raises:
            ValueError: `kind` is unknown.
        """
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if kind is None:
            kinds = ("bool", "numeric")
        for one in kinds:
            if one not in _KINDS:
                raise value_error(
                    "dtypes: `kind` must be None or of "
                    f"{', '.join(map(repr, _KINDS))}, got {one!r}."
                )
        found = {name: np.dtype(name) for name in _NAMED}
        return {
            name: dtype
            for name, dtype in found.items()
            if isdtype(dtype, kinds) and dtypes.canonical(dtype) == dtype
        }


def __array_namespace_info__() -> ArrayNamespaceInfo:
    """The inspection interface of the array API standard.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> info = jnp.__array_namespace_info__()
        >>> info.default_dtypes()["real floating"]
        dtype('float32')
        >>> sorted(info.dtypes(kind="unsigned integer"))
        ['uint16', 'uint32', 'uint8']
    """
    return ArrayNamespaceInfo()
