"""What reductions by a function of the caller's share: arguments and programs."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._backend import pytree
from .._ir import (
    ArrayType,
    Primitive,
    Program,
    array_type,
    dtypes,
    type_error,
    value_error,
)
from .._ops import _conversion, _shape
from .._tracing import evaluate, record_closed, typeof
from .._transforms import batch_program


class Operands(NamedTuple):
    """Arrays of one shape in a tree, and a scalar for each of them."""

    leaves: list[Any]
    inits: list[Any]
    types: list[ArrayType]
    tree: Any


def as_operands(function: str, operands: Any, init_values: Any) -> Operands:
    """The arguments of a reduction, checked.

    Raises:
        TypeError: a dtype of `init_values` is not that of the operand.
        ValueError: the operands differ in shape, there is none, or the trees do not
            match.
    """
    leaves, tree = pytree.PUBLIC.flatten(operands)
    inits, init_tree = pytree.PUBLIC.flatten(init_values)
    if tree != init_tree:
        raise value_error(
            f"{function}: expected a tree of initial values like that of the operands, "
            f"got {init_tree} for {tree}."
        )
    if not leaves:
        raise value_error(f"{function}: expected at least one operand, got none.")
    types = [typeof(leaf) for leaf in leaves]
    if any(type.shape != types[0].shape for type in types):
        raise value_error(
            f"{function}: operands must have equal shapes, got "
            f"{', '.join(map(repr, types))}."
        )
    starts = [_start(function, *pair) for pair in zip(inits, types, strict=True)]
    return Operands(leaves, starts, types, tree)


def _start(function: str, init: Any, type: ArrayType) -> Any:
    """A scalar in its operand's dtype; a weak one adapts where it promotes to it."""
    found = typeof(init)
    if found.shape:
        raise value_error(
            f"{function}: initial values must be scalars, got {found!r} for {type!r}."
        )
    if found.dtype == type.dtype:
        return init
    pair = (found.dtype, found.weak_type), (type.dtype, False)
    if not found.weak_type or dtypes.promote(pair)[0] != type.dtype:
        raise type_error(
            f"{function}: initial values must have the dtype of their operand, got "
            f"{found!r} for {type!r}.",
            "Convert it with `.astype(...)` first.",
        )
    return _conversion.convert_element_type(init, type.dtype)


_programs: weakref.WeakKeyDictionary[Any, dict[Any, Program]] = (
    weakref.WeakKeyDictionary()
)


def combination(
    function: str, computation: Callable[[Any, Any], Any], operands: Operands
) -> Program:
    """The caller's function on scalars, traced once for each function and dtypes."""
    tree = operands.tree
    scalars = tuple(array_type((), type.dtype) for type in operands.types)
    try:
        known = _programs.setdefault(computation, {})
    except TypeError:  # neither hashable nor weakly referable: traced every time
        known = {}
    program = known.get((scalars, tree))
    if program is None:
        out_tree = None

        def flat(*args: Any) -> Sequence[Any]:
            nonlocal out_tree
            half = len(scalars)
            pair = tree.unflatten(args[:half]), tree.unflatten(args[half:])
            leaves, out_tree = pytree.PUBLIC.flatten(computation(*pair))
            return leaves

        program = record_closed(flat, (*scalars, *scalars))
        if out_tree != tree:
            raise value_error(
                f"{function}: `computation` must return a tree like its arguments, "
                f"{tree}, got {out_tree}."
            )
        found = tuple(type.strengthened() for type in program.out_types)
        if found != scalars:
            raise type_error(
                f"{function}: `computation` must return scalars like its arguments "
                f"{scalars}, got {found}."
            )
        known[scalars, tree] = program
    return program


def only_primitive(program: Program) -> Primitive | None:
    """The primitive that, applied to both inputs in either order, is the program."""
    if len(program.equations) != 1 or len(program.inputs) != 2:
        return None
    (equation,) = program.equations
    same = set(equation.inputs) == set(program.inputs)
    return equation.primitive if same and equation.outputs == program.outputs else None


def mapped(program: Program, arrays: Sequence[Any]) -> list[Any]:
    """The results of a program on scalars for each element of arrays of one shape."""
    shape, size = typeof(arrays[0]).shape, typeof(arrays[0]).size
    batched, _ = batch_program(program, (0,) * len(arrays), size, True)
    outs = evaluate(batched, [_shape.reshape(x, (size,)) for x in arrays])
    return [_shape.reshape(out, shape) for out in outs]
