"""Functions of solvers: they take and return trees of arrays like one value."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._ir import ArrayType, Program, type_error, value_error
from .._tracing import typeof
from .._transforms._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    path_text,
)
from ._functions import record_tree


class Recorded(NamedTuple):
    """A traced function: program, captures (its first inputs), tree of the result."""

    program: Program
    captures: list[Any]
    out_tree: Any


class Like:
    """The form that a solution has: that of the right-hand side, or of a first guess.

    Args:
        where: the public function, for messages.
        label: what it calls the value.
        value: a tree of arrays.
        function: the user's function that takes such a value, for messages.
    """

    def __init__(
        self, where: str, label: str, value: Any, function: Callable[..., Any]
    ) -> None:
        self.where = where
        self.label = label
        self.value = value
        self.leaves, self.tree = argument_leaves(where, function, value)
        self.types = [typeof(leaf) for leaf in self.leaves]

    def record(
        self,
        name: str,
        function: Callable[..., Any],
        has_aux: bool = False,
        copies: int = 1,
    ) -> Recorded:
        """Trace a function of such values (of several `copies`) that returns one."""
        trees, types = [self.tree] * copies, self.types * copies
        made = Recorded(*record_tree(self.where, function, trees, types))
        self._check(name, made.out_tree, made.program.out_types, has_aux)
        return made

    def checked(self, name: str, function: Callable[[Any], Any]) -> Any:
        """`function`, whose result is checked at each call."""

        @functools.wraps(function)
        def call(value: Any) -> Any:
            result = function(value)
            self.check(name, result)
            return result

        return call

    def check(self, name: str, result: Any, has_aux: bool = False) -> None:
        """Raise unless the result of a function is such a value."""
        leaves, tree = flatten(result)
        self._check(name, tree, [typeof(leaf) for leaf in leaves], has_aux)

    def _check(
        self, name: str, tree: Any, types: Sequence[ArrayType], has_aux: bool
    ) -> None:
        got = tree
        if has_aux:
            parts = tree.children()
            if len(parts) != 2 or tree.node_data()[0] not in (tuple, list):
                raise type_error(
                    f"{self.where}: with `has_aux`, `{name}` must return a pair "
                    f"`(solution, aux)`, got {tree}."
                )
            got = parts[0]
        if got != self.tree:
            raise type_error(
                f"{self.where}: `{name}` must return the tree of `{self.label}` "
                f"{self.tree}, got {got}."
            )
        wrong = [
            f"  {self.label}{path_text(path)} is {want!r}, the result {have!r}"
            for (path, _), want, have in zip(
                flatten_with_path(self.value)[0], self.types, types, strict=False
            )
            if (want.shape, want.dtype) != (have.shape, have.dtype)
        ]
        if wrong:
            raise value_error(
                f"{self.where}: `{name}` must return arrays with the shapes and dtypes "
                f"of `{self.label}`, but\n" + "\n".join(wrong)
            )
