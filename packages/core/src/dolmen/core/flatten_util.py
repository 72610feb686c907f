"""A tree of arrays as one vector, for algorithms that know only vectors."""

import dataclasses
import math
from typing import Any

import numpy as np

from . import lax
from ._backend import Array, pytree
from ._higher_order import jit_when_eager
from ._ir import dtypes, type_error, value_error
from ._ir._dtypes import short_name
from ._tracing import as_array, is_array_like, typeof
from .tree_util import keystr, tree_leaves_with_path

__all__ = ["Unravel", "ravel_pytree"]
__dir__ = __all__.copy


def ravel_pytree(pytree: Any) -> tuple[Array, "Unravel"]:
    """The elements of all arrays of a tree in one vector, and the way back.

    Args:
        pytree: a tree of arrays and Python numbers of any shapes. Leaves of different
            dtypes are converted to the one they promote to.

    Returns:
        The vector, and a function from such a vector to a tree like `pytree`. The
        function gives back the original dtypes; where all leaves have one dtype, it
        takes vectors of any dtype and keeps it. Two trees of equal structure, shapes
        and dtypes have equal functions, so one may be a static argument of `jit`.

    Raises:
        TypeError: a leaf is no array of numbers; the message names it.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import flatten_util
        >>> vector, unravel = flatten_util.ravel_pytree({"b": 1.0, "w": jnp.zeros(2)})
        >>> vector
        Array([1., 0., 0.], dtype=float32)
        >>> unravel(vector + 1)["w"]
        Array([1., 1.], dtype=float32)
    """
    leaves, treedef = _flatten(pytree)
    if not all(map(is_array_like, leaves)):
        raise _not_numbers(pytree)
    leaves = [as_array(leaf) for leaf in leaves]
    types = list(map(typeof, leaves))
    before = tuple(type.dtype for type in types)
    dtype = dtypes.promote([(d, False) for d in before or (_DEFAULT,)])[0]
    unravel = Unravel(treedef, tuple(type.shape for type in types), before, dtype)
    return _ravel(leaves, dtype), unravel


_flatten = pytree.PUBLIC.flatten
_DEFAULT = np.dtype("float64")  # of no leaves; half as wide without 64-bit types


@jit_when_eager(static_argnames=("dtype",))
def _ravel(leaves: list[Any], dtype: Any) -> Any:
    if not leaves:
        return lax.full((0,), 0, dtype)
    flat = [lax.reshape(leaf, (typeof(leaf).size,)) for leaf in leaves]
    if any(typeof(part).dtype != dtype for part in flat):
        flat = [lax.convert_element_type(part, dtype) for part in flat]
    return lax.concatenate(flat, 0)


@dataclasses.dataclass(frozen=True)
class Unravel:
    """From a vector to the tree it was made of.

    Attributes:
        treedef: structure of the tree.
        shapes: shapes of its leaves.
        dtypes: their dtypes.
        dtype: of the vector.
    """

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype, ...]
    dtype: np.dtype

    def __call__(self, flat: Any) -> Any:
        """The tree whose elements are those of a vector.

        Raises:
            TypeError: the leaves have several dtypes and the vector has not the one
                they promote to.
            ValueError: the vector has another length.
        """
        if not is_array_like(flat):
            raise type_error(
                f"unravel: expected a vector, got {type(flat).__name__} {flat!r:.60}."
            )
        given = typeof(flat)
        size = sum(map(math.prod, self.shapes))
        if given.shape != (size,):
            raise value_error(
                f"unravel: expected a vector of shape ({size},), as many elements as "
                f"the tree has, got {given!r}."
            )
        mixed = any(dtype != self.dtype for dtype in self.dtypes)
        if mixed and given.dtype != self.dtype:
            raise type_error(
                f"unravel: expected a vector of dtype {short_name(self.dtype)}, which "
                f"the leaves promote to, got {given!r}.",
                f"Convert it with `.astype('{self.dtype.name}')`.",
            )
        after = self.dtypes if mixed else (None,) * len(self.shapes)
        return self.treedef.unflatten(_unravel(as_array(flat), self.shapes, after))


@jit_when_eager(static_argnames=("shapes", "after"))
def _unravel(
    flat: Any, shapes: tuple[tuple[int, ...], ...], after: tuple[Any, ...]
) -> list[Any]:
    parts = lax.split(flat, [math.prod(shape) for shape in shapes]) if shapes else []
    leaves = map(lax.reshape, parts, shapes)
    return [
        leaf if dtype is None else lax.convert_element_type(leaf, dtype)
        for leaf, dtype in zip(leaves, after, strict=True)
    ]


def _not_numbers(tree: Any) -> TypeError:
    wrong = [
        f"  {keystr(path) or 'the tree itself'}: {type(leaf).__name__} {leaf!r:.60}"
        for path, leaf in tree_leaves_with_path(tree)
        if not is_array_like(leaf)
    ]
    return type_error(
        "ravel_pytree: expected arrays of numbers as leaves, got\n" + "\n".join(wrong),
        "Leave such leaves out, or make them static parts of the tree.",
    )
