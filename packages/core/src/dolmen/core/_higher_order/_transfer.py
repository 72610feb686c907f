"""Arrays to devices and back."""

from typing import Any

from .. import _backend
from .._ir import message
from .._ops._sharding import at_place
from .._tracing import as_array, device_of, is_array_like
from .._transforms._trees import (
    flatten,
    flatten_with_path,
    path_text,
    spread_prefix,
)


def device_put(
    x: Any,
    device: Any = None,
    *,
    src: Any = None,
    donate: Any = False,
    may_alias: Any = None,
) -> Any:
    """Arrays on a device, committed to it when one is named.

    Args:
        x: a tree of arrays, NumPy arrays and numbers.
        device: a `Device`, a sharding, a `PartitionSpec` over the current mesh, or a
            tree of them, a prefix of `x`; None for the default device. Traced values
            can be laid out over a mesh only, as `lax.with_sharding_constraint` does.
        src: for compatibility: arrays know where they are.
        donate: whether arrays that come from another device are deleted there; a
            boolean, or a tree of them, a prefix of `x`.
        may_alias: whether an array that is on the device already may be the result:
            None and True allow it, False copies; a value, or a tree of them.

    Returns:
        The tree with arrays.

    Raises:
        TypeError: a leaf is not array-like, or something is no device; the message
            names its path.
        ValueError: a tree is no prefix of `x`.

    Example:
        >>> import dolmen.core as dc, numpy as np
        >>> dc.device_put({"w": np.ones(2, np.float32)}, dc.devices()[0])
        {'w': Array([1., 1.], dtype=float32)}
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
    places = [
        device_of(place, f"device_put: {path}")
        for path, place in _prefix(device, x, "device")
    ]
    donates = [give for _, give in _prefix(donate, x, "donate")]
    aliases = [alias for _, alias in _prefix(may_alias, x, "may_alias")]
    with _backend.explicit_transfers():
        return tree.unflatten(
            [
                _put(as_array(leaf), place, give, alias)
                for leaf, place, give, alias in zip(
                    leaves, places, donates, aliases, strict=True
                )
            ]
        )


def _put(leaf: Any, device: Any, donate: bool, may_alias: bool | None) -> Any:
    made = at_place(leaf, device)
    if not isinstance(leaf, _backend.ArrayImpl):
        return made
    shared = made.device == leaf.device
    # An array on a mesh may share buffers with what is made of it.
    if donate and not shared and len(leaf.devices() | made.devices()) == 2:
        leaf.delete()
    return made.copy() if shared and may_alias is False else made


def _prefix(prefix: Any, full: Any, what: str) -> list[tuple[str, Any]]:
    return spread_prefix(prefix, full, f"device_put: {what}", name=what, leaf="a value")


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
