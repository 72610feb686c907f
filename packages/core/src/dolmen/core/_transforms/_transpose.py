"""Transposition: a linear program run backwards, from cotangents to cotangents."""

from collections.abc import Sequence
from typing import Any

from .._ir import (
    ArrayType,
    Equation,
    Linear,
    Literal,
    Primitive,
    Program,
    Variable,
    message,
)
from .._ops._arithmetic import add
from .._tracing import bind, record_closed, state, typeof
from ._jvp import tangent_type

Transposed = tuple[Program, tuple[bool, ...]]


def transpose_program(
    program: Program, num_residuals: int, given: tuple[bool, ...]
) -> Transposed:
    """Transpose a program that is linear in its inputs after the residuals.

    Args:
        given: which results have a cotangent.

    Returns:
        The program from residuals and cotangents to cotangents, and which linear inputs
        it gives one for.
    """
    produced: tuple[bool, ...] = ()

    def backward(*flat: Any) -> list[Any]:
        nonlocal produced
        residuals, cts = flat[:num_residuals], iter(flat[num_residuals:])
        full = [next(cts) if g else None for g in given]
        found = run_transposed(program, residuals, full)
        produced = tuple(ct is not None for ct in found)
        return [ct for ct in found if ct is not None]

    ct_types = [
        tangent_type(t) for t, g in zip(program.out_types, given, strict=True) if g
    ]
    residual_types = program.in_types[:num_residuals]
    return record_closed(backward, [*residual_types, *ct_types]), produced


def run_transposed(
    program: Program, residuals: Sequence[Any], cotangents: Sequence[Any]
) -> list[Any]:
    """Cotangents of a program's linear inputs, computed in the current trace.

    Args:
        residuals: values of the leading inputs, in which it need not be linear.
        cotangents: of the results, None where there is none.

    Returns:
        For each input after the residuals its cotangent, None where nothing arrives.
    """
    linear_inputs = program.inputs[len(residuals) :]
    values: dict[Variable, Any] = dict(zip(program.inputs, residuals, strict=False))
    pending = _forward(program, set(linear_inputs), values)
    arrived: dict[Variable, Any] = {}
    for atom, ct in zip(program.outputs, cotangents, strict=True):
        if ct is not None and isinstance(atom, Variable) and atom not in values:
            accumulate(arrived, atom, ct)
    for equation in reversed(pending):
        _transpose_equation(equation, values, arrived)
    return [arrived.get(variable) for variable in linear_inputs]


def _forward(
    program: Program, linear: set[Variable], values: dict[Variable, Any]
) -> list[Equation]:
    """Run what does not depend on linear inputs; return the equations that do."""
    pending = []
    for equation in program.equations:
        if not linear.isdisjoint(equation.inputs):
            linear.update(equation.outputs)
            pending.append(equation)
            continue
        inputs = [
            a.value if isinstance(a, Literal) else values[a] for a in equation.inputs
        ]
        results = bind(equation.primitive, *inputs)
        if not equation.primitive.multiple_results:
            results = [results]
        values.update(zip(equation.outputs, results, strict=True))
    return pending


def _transpose_equation(
    equation: Equation, values: dict[Variable, Any], cotangents: dict[Variable, Any]
) -> None:
    cts = [cotangents.pop(variable, None) for variable in equation.outputs]
    if all(ct is None for ct in cts):
        return
    args = [
        a.value
        if isinstance(a, Literal)
        else values[a]
        if a in values
        else Linear(a.type)
        for a in equation.inputs
    ]
    primitive = equation.primitive
    if type(primitive).transpose is Primitive.transpose:
        raise not_linear(primitive)
    results = primitive.transpose(cts, args)
    for atom, arg, ct in zip(equation.inputs, args, results, strict=True):
        if ct is not None and isinstance(arg, Linear):
            _check_cotangent(primitive, arg.type, typeof(ct))
            accumulate(cotangents, atom, ct)


def _check_cotangent(primitive: Primitive, arg: ArrayType, ct: ArrayType) -> None:
    if arg.shape != ct.shape or arg.dtype != ct.dtype:
        raise TypeError(
            f"{type(primitive).__name__}.transpose: the cotangent of an argument "
            f"{arg!r} must have its shape and dtype, got {ct!r}."
        )


def accumulate(cotangents: dict[Any, Any], key: Any, ct: Any) -> None:
    """Add a cotangent to what has arrived for the same value."""
    have = cotangents.get(key)
    cotangents[key] = ct if have is None else add(have, ct)


def not_linear(primitive: Primitive) -> NotImplementedError:
    """The error for a function to transpose that has an operation without transpose."""
    return NotImplementedError(
        message(
            "transpose: expected a function that is linear in its arguments, but "
            f"{primitive.name} has no transpose.",
            "Differentiate it with `grad`, `vjp` or `linearize` instead. For an "
            f"operation that is linear, define `{type(primitive).__qualname__}"
            f".transpose` in module {type(primitive).__module__}.",
            frame=state.frame,
        )
    )


def not_reversible(primitive: Primitive, why: str, fix: str) -> TypeError:
    """The error for an operation without a reverse-mode derivative."""
    problem = f"reverse-mode differentiation of {primitive.name}: {why}"
    return TypeError(message(problem, fix, frame=state.frame))
