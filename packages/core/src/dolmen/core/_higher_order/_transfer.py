"""Arrays to devices and back."""

from typing import Any

from .. import _backend
from .._ir import message
from .._tracing import as_array, device_array, is_array_like
from .._transforms._trees import flatten, flatten_with_path, path_text


def device_put(x: Any, device: Any = None) -> Any:
    """Arrays on a device, committed to it when one is named.

    Args:
        x: a tree of arrays, NumPy arrays and numbers.
        device: a `Device`, or None for the default one.

    Returns:
        The tree with arrays.

    Raises:
        TypeError: a leaf is not array-like; the message names its path.
    """
    leaves, tree = flatten(x)
    if not all(map(is_array_like, leaves)):
        wrong = [
            f"  x{path_text(path)}: {type(leaf).__name__} {leaf!r:.60}"
            for path, leaf in flatten_with_path(x)[0]
            if not is_array_like(leaf)
        ]
        raise TypeError(
            message("device_put: expected arrays, got\n" + "\n".join(wrong))
        )
    where = getattr(device, "_device", device)  # a single-device sharding names one
    with _backend.explicit_transfers():
        return tree.unflatten(
            [device_array(as_array(leaf), None, where) for leaf in leaves]
        )


def block_until_ready(x: Any) -> Any:
    """Wait until every array in a tree is computed; returns the tree."""
    arrays = [leaf for leaf in flatten(x)[0] if isinstance(leaf, _backend.ArrayImpl)]
    _backend.block_until_ready(arrays)
    return x


def device_get(x: Any) -> Any:
    """The tree with NumPy arrays in the place of arrays."""
    leaves, tree = flatten(x)
    with _backend.explicit_transfers():
        return tree.unflatten(
            [
                _backend.host_value(v) if isinstance(v, _backend.ArrayImpl) else v
                for v in leaves
            ]
        )
