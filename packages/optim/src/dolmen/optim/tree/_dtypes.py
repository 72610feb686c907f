"""Dtypes of trees."""

import functools
from typing import Any, Literal

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree as trees, tree_util


def tree_cast(tree: Any, dtype: Any) -> Any:
    """Every leaf in this dtype; None leaves them as they are.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_cast({"a": jnp.ones(2)}, "bfloat16")
        {'a': Array([1, 1], dtype=bfloat16)}
    """
    if dtype is None:
        return tree
    return trees.map(lambda x: jnp.asarray(x).astype(dtype), tree)


def tree_cast_like(tree: Any, other_tree: Any) -> Any:
    """Every leaf in the dtype of the corresponding one; Python numbers have none.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_cast_like({"a": jnp.ones(2)}, {"a": jnp.zeros(2, jnp.int32)})
        {'a': Array([1, 1], dtype=int32)}
    """

    def cast(x: Any, other: Any) -> Any:
        return jnp.asarray(x).astype(other.dtype) if hasattr(other, "dtype") else x

    return trees.map(cast, tree, other_tree)


def tree_dtype(
    tree: Any,
    mixed_dtype_handler: Literal["promote", "highest", "lowest"] | None = None,
) -> Any:
    """The dtype of the leaves; float32 (with `enable_x64` float64) if there are none.

    Args:
        tree: of arrays.
        mixed_dtype_handler: what to give for several dtypes: the one all are promoted
            to ("promote"), the one among them that the others promote to ("highest")
            or that promotes to the others ("lowest"). None takes one dtype only.

    Raises:
        ValueError: there are several dtypes without a handler, none of them is highest
            or lowest, or the handler is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> mixed = {"a": jnp.ones(2), "b": jnp.ones(2, jnp.bfloat16)}
        >>> tree_dtype(mixed, "lowest").name, tree_dtype(mixed, "highest").name
        ('bfloat16', 'float32')
    """
    if mixed_dtype_handler not in (None, "promote", "highest", "lowest"):
        raise ValueError(
            extend.error_message(
                "tree.dtype: `mixed_dtype_handler` must be None, 'promote', 'highest' "
                f"or 'lowest', got {mixed_dtype_handler!r}."
            )
        )
    leaves = trees.leaves(tree)
    if not leaves:
        return jnp.asarray([]).dtype
    dtypes = [jnp.asarray(leaf).dtype for leaf in leaves]
    if mixed_dtype_handler is None:
        _check_equal(tree, dtypes)
        return dtypes[0]
    if mixed_dtype_handler == "promote":
        return functools.reduce(jnp.promote_types, dtypes)
    highest = mixed_dtype_handler == "highest"
    return functools.reduce(lambda a, b: _one_of(a, b, highest=highest), dtypes)


def _one_of(a: Any, b: Any, *, highest: bool) -> Any:
    both = jnp.promote_types(a, b)
    if both not in (a, b):
        raise ValueError(
            extend.error_message(
                f"tree.dtype: neither {a} nor {b} is higher: they promote to {both}.",
                "Use `mixed_dtype_handler='promote'`.",
            )
        )
    return a if (both == a) == highest else b


def _check_equal(tree: Any, dtypes: list[Any]) -> None:
    wrong = [
        f"  {tree_util.keystr(path) or 'the tree itself'}: {dtype}"
        for (path, _), dtype in zip(trees.leaves_with_path(tree), dtypes, strict=True)
        if dtype != dtypes[0]
    ]
    if wrong:
        first = f"tree.dtype: all leaves must have one dtype, {dtypes[0]}, got"
        raise ValueError(
            extend.error_message(
                "\n".join([first, *wrong]), "Choose a `mixed_dtype_handler`."
            )
        )
