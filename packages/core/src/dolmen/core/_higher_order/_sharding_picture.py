"""Pictures of how arrays are laid over devices."""

from collections.abc import Sequence
from typing import Any

from .._backend import ArrayImpl
from .._ir import type_error, value_error
from .._tracing import as_sharding


def visualize_sharding(shape: Sequence[int], sharding: Any) -> None:
    """Print which devices hold which part of an array.

    Args:
        shape: of the array, of one or two axes.
        sharding: how it is laid out; a `PartitionSpec` means the current mesh.

    Raises:
        ValueError: the array has more axes, or can't be split evenly.

    Example:
        >>> import dolmen.core as dc
        >>> rows = dc.NamedSharding(dc.make_mesh((1,), ("data",)), dc.P("data"))
        >>> dc.debug.visualize_sharding((8, 2), rows)
        ┌───────┐
        │ cpu 0 │
        └───────┘
    """
    print(  # noqa: T201 - to print is what it is for
        sharding_picture("visualize_sharding", shape, sharding)
    )


def visualize_array_sharding(arr: Any) -> None:
    """Print which devices hold which part of an array.

    Args:
        arr: an array of one or two axes, with a value.

    Raises:
        TypeError: it is traced, or no array.
        ValueError: it has more axes.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.debug.visualize_array_sharding(jnp.zeros(3))
        ┌───────┐
        │ cpu 0 │
        └───────┘
    """
    function = "visualize_array_sharding"
    if not isinstance(arr, ArrayImpl):
        raise type_error(
            f"{function}: expected an array with a value, got {arr!r:.80}.",
            "Call it outside of `jit`; inside, how values are laid out is decided "
            "later, by the compiler.",
        )
    print(sharding_picture(function, arr.shape, arr.sharding))  # noqa: T201


def sharding_picture(function: str, shape: Sequence[int], sharding: Any) -> str:
    """The picture that `visualize_sharding` prints."""
    sizes = tuple(shape)
    if len(sizes) not in (1, 2):
        raise value_error(
            f"{function}: expected an array of one or two axes, got shape {sizes}.",
        )
    placed = as_sharding(sharding, f"{function}: sharding")
    holders: dict[tuple[int, int], list[Any]] = {}
    for device, index in placed.devices_indices_map(sizes).items():
        start = [part.start or 0 for part in index]
        row, column = start if len(start) == 2 else (0, *start)  # one axis lies across
        holders.setdefault((row, column), []).append(device)
    rows, columns = (sorted({start[i] for start in holders}) for i in (0, 1))
    table = [[_named(holders[row, column]) for column in columns] for row in rows]
    width = max(len(text) for row in table for text in row) + 2
    lines = ["│" + "│".join(text.center(width) for text in row) + "│" for row in table]
    between = f"\n{_rule('├┼┤', width, len(columns))}\n"
    top, bottom = (_rule(ends, width, len(columns)) for ends in ("┌┬┐", "└┴┘"))
    return f"{top}\n{between.join(lines)}\n{bottom}"


def _named(devices: Sequence[Any]) -> str:
    numbers = ",".join(str(device.id) for device in devices)
    return f"{devices[0].platform} {numbers}"


def _rule(ends: str, width: int, columns: int) -> str:
    left, middle, right = ends
    return left + middle.join(["─" * width] * columns) + right
