"""Trees of arrays as vectors of one space."""

import functools
import operator
from typing import Any

from .... import numpy as jnp
from ....tree_util import tree_leaves, tree_map

add = functools.partial(tree_map, operator.add)
sub = functools.partial(tree_map, operator.sub)


def scaled(factor: Any, x: Any) -> Any:
    """`x` times a number, in the dtypes of `x`."""
    return tree_map(lambda leaf: (factor * leaf).astype(leaf.dtype), x)


def dot(x: Any, y: Any) -> Any:
    """The inner product, conjugate in `x`."""
    parts = tree_map(lambda a, b: jnp.vdot(a, b, precision="highest"), x, y)
    return functools.reduce(operator.add, tree_leaves(parts))


def real_dot(x: Any, y: Any) -> Any:
    """Real part of the inner product."""
    return jnp.real(dot(x, y))


def norm(x: Any) -> Any:
    """The Euclidean norm."""
    return jnp.sqrt(real_dot(x, x))


def dots(basis: Any, x: Any) -> Any:
    """Inner products of each vector of a basis, along its leading axes, with `x`."""

    def part(vectors: Any, leaf: Any) -> Any:
        flat = jnp.reshape(vectors, (len(vectors), leaf.size))
        return jnp.matmul(jnp.conj(flat), jnp.ravel(leaf), precision="highest")

    return functools.reduce(operator.add, tree_leaves(tree_map(part, basis, x)))


def combined(basis: Any, factors: Any) -> Any:
    """The sum of a basis' vectors, each times its factor."""
    return tree_map(
        lambda vectors: jnp.tensordot(
            factors.astype(vectors.dtype), vectors, 1, precision="highest"
        ),
        basis,
    )


def nan_unless_known(x: Any, r: Any) -> Any:
    """`x`, or NaN where its residual `r` is NaN: no iteration has begun then."""
    lost = jnp.isnan(norm(r))
    return tree_map(lambda leaf: jnp.where(lost, jnp.nan, leaf).astype(leaf.dtype), x)
