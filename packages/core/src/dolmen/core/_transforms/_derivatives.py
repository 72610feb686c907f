"""What tangents and cotangents look like, as callers pass and get them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._backend import pytree
from .._ir import ArrayType, array_type, dtypes, type_error, value_error
from .._ops._conversion import convert_element_type
from .._tracing import Tracer, as_array, device_array, is_array_like, typeof
from ._jvp import tangent_type, zeros_for
from ._trees import path_text


class Form:
    """What tangents and cotangents of a value look like.

    A typed random key is one leaf here. Its derivative has dtype `float0`, like that of
    an integer.

    Args:
        value: a tree of arrays.
        types: of its leaves.
        integers: their derivatives are integers, as `linear_transpose` has it.

    Attributes:
        tree: the tree of a derivative.
        types: of its leaves.
    """

    __slots__ = ("tree", "types")

    def __init__(
        self, value: Any, types: Sequence[ArrayType], *, integers: bool = False
    ) -> None:
        leaves, self.tree = pytree.PUBLIC.flatten(value)
        self.types = [
            type
            if type.is_differentiable or integers
            else array_type(_visible_shape(leaf, type), dtypes.float0)
            for leaf, type in zip(leaves, types, strict=True)
        ]

    def fill(self, values: Sequence[Any]) -> Any:
        """A derivative with the given leaves; None stands for zeros."""
        return self.tree.unflatten(list(map(derivative, values, self.types)))

    def tangents(self, where: str, value: Any) -> list[Any]:
        """Leaves of tangents of this form; None without derivative.

        Raises:
            TypeError: the tree or a dtype differs; integers have tangents of `float0`.
            ValueError: a shape differs.
        """
        leaves, tree = pytree.PUBLIC.flatten(value)
        if tree != self.tree:
            raise type_error(
                f"{where}: expected tangents with the tree {self.tree}, that of the "
                f"primals, got {tree}."
            )
        leaves, types = list(map(as_array, leaves)), self.types
        wrong = _different(leaves, types)
        if wrong:
            listed = _listed("tangents", value, leaves, types, wrong)
            same_shapes = all(np.shape(leaves[i]) == types[i].shape for i in wrong)
            error = type_error if same_shapes else value_error
            raise error(
                f"{where}: expected tangents with the shapes and dtypes of their "
                "primals, `float0` for integers, got\n" + listed
            )
        return [
            None
            if not type.is_differentiable
            else leaf
            if typeof(leaf).dtype == type.dtype
            else device_array(leaf, tangent_type(type))
            for leaf, type in zip(leaves, types, strict=True)
        ]

    def cotangents(self, where: str, value: Any) -> list[Any]:
        """Leaves of a cotangent of this form; what has no derivative may be anything.

        Raises:
            ValueError: the tree, a shape or a dtype differs.
        """
        leaves, tree = pytree.PUBLIC.flatten(value)
        if tree != self.tree:
            raise value_error(
                f"{where}: expected a cotangent with the tree {self.tree}, that of the "
                f"function's result, got {tree}."
            )
        leaves, types = list(map(as_array, leaves)), self.types
        wrong = [
            i for i in _different(leaves, types) if types[i].dtype != dtypes.float0
        ]
        if wrong:
            raise value_error(
                f"{where}: expected a cotangent with the shapes and dtypes of the "
                "function's result, got\n"
                + _listed("cotangent", value, leaves, types, wrong)
            )
        return [
            device_array(leaf, tangent_type(type))
            if isinstance(leaf, bool | int | float | complex)
            else leaf
            for leaf, type in zip(leaves, types, strict=True)
        ]


def _different(leaves: Sequence[Any], types: Sequence[ArrayType]) -> list[int]:
    """Which leaves have not the shape and dtype they should have.

    A Python float may stand for a floating-point number of any width.
    """
    wrong = []
    for index, (leaf, type) in enumerate(zip(leaves, types, strict=True)):
        if not is_array_like(leaf):  # a random key
            wrong.append(index)
            continue
        given = typeof(leaf)
        same = given.dtype == type.dtype or (
            given.weak_type and dtypes.kind(given.dtype) == dtypes.kind(type.dtype)
        )
        if given.shape != type.shape or not same:
            wrong.append(index)
    return wrong


def _listed(
    label: str,
    whole: Any,
    leaves: Sequence[Any],
    types: Sequence[ArrayType],
    wrong: Sequence[int],
) -> str:
    paths = [path_text(path) for path, _ in pytree.PUBLIC.flatten_with_path(whole)[0]]

    def describe(leaf: Any) -> str:
        return repr(typeof(leaf)) if is_array_like(leaf) else type(leaf).__name__

    return "\n".join(
        f"  {label}{paths[i]}: {describe(leaves[i])}, expected {types[i]!r}"
        for i in wrong
    )


def _visible_shape(leaf: Any, type: ArrayType) -> tuple[int, ...]:
    """The shape users see: of a random key without the axis of its words."""
    return type.shape if is_array_like(leaf) else tuple(leaf.shape)


def derivative(value: Any, type: ArrayType) -> Any:
    """A tangent or cotangent as callers get it: weakly typed where its primal is.

    Args:
        value: None stands for zeros.
        type: of the primal; for integers, `float0`.
    """
    if value is None:
        if not type.is_differentiable:
            return np.zeros(type.shape, dtypes.float0)
        value = zeros_for(type)
    if isinstance(value, np.ndarray):  # what came in comes back from the identity
        value = device_array(value)
    if not type.weak_type or typeof(value).weak_type:
        return value
    if isinstance(value, Tracer):
        return convert_element_type(value, type.dtype, weak_type=True)
    return _backend.with_type(device_array(value), type)
