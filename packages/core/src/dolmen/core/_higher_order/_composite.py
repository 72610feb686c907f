"""`composite`: a function that compilers may know by a name of its own."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import Program, type_error
from .._lowering import mlir
from .._tracing import Tracer, bind, closed, typeof
from .._transforms._trees import argument_leaves, name_of
from ._call import ProgramCall
from ._functions import check_callable, record_tree

_ATTRIBUTES = (bool, int, float, str, np.dtype, np.ndarray, np.generic)


class Composite(ProgramCall):
    """Calls `program` under a name; lowered to `stablehlo.composite`.

    What transformations make of it is an ordinary call, since the name says nothing of
    derivatives and batches.
    """

    program: Program
    label: str
    version: int
    attributes: tuple[tuple[str, Any], ...]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        attributes = {key: _attribute(value) for key, value in self.attributes}
        made = builder.emit(
            "composite",
            args,
            self.program.out_types,
            name=mlir.string(self.label),
            decomposition=mlir.symbol(builder.define(self.label, self.program)),
            version=mlir.integer(self.version, 32),
            composite_attributes=mlir.dictionary(attributes),
        )
        return [made] if len(self.program.outputs) == 1 else made


def _attribute(value: Any) -> Any:
    """A static argument as an attribute of the operation."""
    if isinstance(value, dict):
        return mlir.dictionary({key: _attribute(v) for key, v in value.items()})
    if isinstance(value, tuple | list):
        return mlir.array_of([_attribute(item) for item in value])
    if isinstance(value, np.dtype):
        return mlir.type_attribute(value)
    return mlir.ffi_attribute(value)


def composite(
    decomposition: Callable[..., Any], name: str, version: int = 0
) -> Callable[..., Any]:
    """A function that keeps its name down to the compiler.

    A compiler that knows the name may use an implementation of its own; any other one
    runs the decomposition. Derivatives and batches are those of the decomposition, and
    ordinary operations.

    Args:
        decomposition: a function of arrays in trees. Its keyword arguments are static.
        name: what the compiler sees, by convention `namespace.name`.
        version: of the operation's meaning.

    Returns:
        A function like `decomposition`. Its keyword arguments are Python numbers,
        strings, NumPy arrays and dtypes, None, and tuples, lists and dicts of these;
        they become attributes of the operation.

    Raises:
        TypeError: (at the call) a keyword argument is of another kind.

    Example:
        >>> from dolmen.core import lax
        >>> scaled = lax.composite(lambda x, *, by: x * by, "example.scaled")
        >>> scaled(2.0, by=3.0)
        Array(6., dtype=float32, weak_type=True)
    """
    check_callable("composite", decomposition=decomposition)

    @functools.wraps(decomposition)
    def function(*args: Any, **kwargs: Any) -> Any:
        for key, value in kwargs.items():
            _check_attribute(name, key, value)
        leaves, tree = argument_leaves("composite", decomposition, args)
        program, captures, out_tree = record_tree(
            "composite",
            functools.partial(decomposition, **kwargs),
            tree.children(),
            [typeof(leaf) for leaf in leaves],
        )
        for captured in captures:
            if isinstance(captured, Tracer):
                raise type_error(
                    f"composite {name!r}: {name_of(decomposition)} closes over a "
                    f"traced value, {captured.type!r}.",
                    "Pass the value as a positional argument.",
                )
        given = tuple([(k, v) for k, v in kwargs.items() if v is not None])
        # Arrays that it closes over are written in: the operands are the arguments.
        made = Composite(closed(program, captures), name, version, given)
        return out_tree.unflatten(bind(made, *leaves))

    return function


def _check_attribute(name: str, key: str, value: Any) -> None:
    if isinstance(value, dict):
        for inner, item in value.items():
            _check_attribute(name, f"{key}[{inner!r}]", item)
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            _check_attribute(name, f"{key}[{index}]", item)
    elif value is not None and not isinstance(value, _ATTRIBUTES):
        raise type_error(
            f"composite {name!r}: expected a number, a string, a NumPy array or a "
            f"container of these as `{key}`, got {type(value).__name__}.",
            "Pass arrays that the program computes as positional arguments.",
        )
