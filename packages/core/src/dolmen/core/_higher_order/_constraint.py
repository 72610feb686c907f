"""`with_sharding_constraint`: how a value inside a program is laid out."""

from typing import Any

from .._backend import NamedSharding
from .._ir import message
from .._ops._sharding import constrained
from .._tracing import as_sharding, check_splits, typeof
from .._transforms._trees import flatten, spread_prefix


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
    leaves, tree = flatten(x)
    spread = spread_prefix(
        shardings, x, f"{_FUNCTION}: shardings", name="shardings", leaf="a sharding"
    )
    return tree.unflatten(
        [
            leaf if given is None else _constrained(leaf, place, given)
            for leaf, (place, given) in zip(leaves, spread, strict=True)
        ]
    )


_FUNCTION = "with_sharding_constraint"


def _constrained(leaf: Any, place: str, given: Any) -> Any:
    sharding = as_sharding(given, f"{_FUNCTION}: {place}")
    if not isinstance(sharding, NamedSharding):
        raise TypeError(
            message(
                f"{_FUNCTION}: {place} must lay arrays out over a mesh, got "
                f"{sharding!r}.",
                "Move arrays to one device with `device_put`.",
            )
        )
    type = typeof(leaf)
    check_splits(lambda: f"{_FUNCTION}: {type!r}", sharding, type.shape)
    return constrained(leaf, sharding)
