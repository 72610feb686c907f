"""`with_sharding_constraint`: how a value inside a program is laid out."""

from typing import Any

from .._backend import NamedSharding, pytree
from .._ir import message
from .._ops._sharding import constrained
from .._tracing import as_sharding, typeof
from .._transforms._trees import broadcast_prefix, flatten


def with_sharding_constraint(x: Any, shardings: Any) -> Any:
    """`x`, laid out over a mesh of devices as asked.

    Inside `jit` it tells the compiler how to lay out a value in the middle of a
    program, which else it decides itself; derivatives are laid out likewise. Outside it
    moves arrays.

    Args:
        x: a tree of arrays.
        shardings: a `NamedSharding`, or a `PartitionSpec` over the current mesh
            (`set_mesh`), or a tree of them, a prefix of `x`; None leaves it as it is.

    Returns:
        The tree with the same values.

    Raises:
        TypeError: something is no sharding over a mesh.
        ValueError: `shardings` is no prefix of `x`, there is no current mesh, or an
            axis can't be split evenly.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> mesh = dc.make_mesh((1,), ("data",))
        >>> rows = dc.NamedSharding(mesh, dc.P("data"))
        >>> f = dc.jit(lambda x: lax.with_sharding_constraint(x + 1, rows))
        >>> f(jnp.zeros((2, 3))).sharding.mesh
        Mesh('data': 1)
    """
    flat, prefix_tree = pytree.PUBLIC.flatten_with_path(shardings)
    named = [_named(path, leaf) for path, leaf in flat]
    leaves, tree = flatten(x)
    numbers = broadcast_prefix(
        prefix_tree.unflatten(range(len(flat))),
        tree,
        x,
        "with_sharding_constraint: shardings",
        leaf="a sharding",
    )
    return tree.unflatten(
        [
            leaf if number is None else _constrained(leaf, named[number])
            for leaf, number in zip(leaves, numbers, strict=True)
        ]
    )


def _named(path: Any, leaf: Any) -> Any:
    what = "with_sharding_constraint: shardings" + "".join(map(str, path))
    sharding = as_sharding(leaf, what)
    if not isinstance(sharding, NamedSharding):
        raise TypeError(
            message(
                f"{what} must lay arrays out over a mesh, got {sharding!r}.",
                "Move arrays to one device with `device_put`.",
            )
        )
    return sharding


def _constrained(leaf: Any, sharding: Any) -> Any:
    type = typeof(leaf)
    try:
        sharding.shard_shape(type.shape)
    except ValueError as error:
        raise ValueError(
            message(f"with_sharding_constraint: {type!r}: {error}")
        ) from None
    return constrained(leaf, sharding)
