"""`custom_linear_solve`: derivatives of a solution, from the equation it solves."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Primitive, Program
from .._ops._arithmetic import neg, sub
from .._tracing import EAGER, bind, evaluate, record_closed, state, typeof
from .._transforms import (
    batch_program,
    batch_size,
    jvp_program,
    not_reversible,
    run_transposed,
    to_front,
    zeros_for,
)
from .._transforms._trees import flatten
from ._functions import share_captures
from ._solution import Like, Recorded


class LinearSolve(Primitive):
    """The solution of a linear equation.

    All programs take the same constants first. Of the solvers' results, the first are
    the solution, the others what the solver says besides.

    Attributes:
        matvec: the linear map of the equation.
        solve: from a right-hand side to a solution.
        vecmat: the transpose of `matvec`; None if it is not known.
        transpose_solve: the solver of the transposed equation.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    matvec: Program
    solve: Program
    vecmat: Program | None
    transpose_solve: Program | None
    num_consts: int

    @property
    def effects(self) -> frozenset[str]:
        return self.solve.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.solve.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        # A x = b, so A dx = db - dA x.
        count = self.num_consts
        consts, size = primals[:count], len(primals) - count
        outs = bind(self, *primals)
        active = tuple(t is not None and i < count for i, t in enumerate(tangents))
        program, varies = jvp_program(self.matvec, active)
        given = [t for t in tangents[:count] if t is not None]
        moved = iter(evaluate(program, [*consts, *outs[:size], *given])[size:])
        moved = [next(moved) if v else None for v in varies]
        rhs = [_minus(db, m) for db, m in zip(tangents[count:], moved, strict=True)]
        nothing: list[Any] = [None] * len(outs)
        if all(part is None for part in rhs):
            return outs, nothing
        full = [
            zeros_for(typeof(b)) if part is None else part
            for b, part in zip(primals[count:], rhs, strict=True)
        ]
        return outs, [*bind(self, *consts, *full)[:size], *nothing[size:]]

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        if self.transpose_solve is None or self.vecmat is None:
            raise not_reversible(
                self,
                "needs a solver of the transposed equation.",
                "Pass `transpose_solve`, or `symmetric=True` if the map is symmetric.",
            )
        count = self.num_consts
        size = len(args) - count
        made = LinearSolve(
            self.vecmat, self.transpose_solve, self.matvec, self.solve, count
        )
        full = [
            zeros_for(type) if ct is None else ct
            for ct, type in zip(cotangents, self.solve.out_types[:size], strict=False)
        ]
        return [None] * count + list(bind(made, *args[:count], *full)[:size])

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        count, size = self.num_consts, batch_size(args, axes)
        in_axes = (*axes[:count], *[0] * (len(args) - count))

        def batched(program: Program | None) -> Any:
            if program is None:
                return None
            return batch_program(program, in_axes, size, True)[0]

        made = LinearSolve(
            batched(self.matvec),
            batched(self.solve),
            batched(self.vecmat),
            batched(self.transpose_solve),
            count,
        )
        rhs = [
            to_front(arg, axis, size)
            for arg, axis in zip(args[count:], axes[count:], strict=True)
        ]
        outs = bind(made, *args[:count], *rhs)
        return outs, [0] * len(outs)

    @property
    def called(self) -> Program:
        return self.solve

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.solve, args)


def _minus(a: Any, b: Any) -> Any:
    """`a - b`, where None is zero."""
    if b is None:
        return a
    return neg(b) if a is None else sub(a, b)


def custom_linear_solve(
    matvec: Callable[[Any], Any],
    b: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    transpose_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """Solve a linear equation; differentiate the equation, not the solver.

    Derivatives with respect to `b` and to what `matvec` closes over solve the same
    equation with another right-hand side, or the transposed one. The solver itself
    need not be differentiable.

    Args:
        matvec: a linear map, from a tree of arrays like `b` to another one.
        b: the right-hand side, a tree of arrays.
        solve: from `(matvec, b)` to ``x`` with ``matvec(x) == b``, unchecked.
        transpose_solve: from `(vecmat, b)` to ``x`` with ``vecmat(x) == b``, where
            `vecmat` is the transpose of `matvec`; needed in reverse mode.
        symmetric: `matvec` is its own transpose; `solve` then serves for both.
        has_aux: the solvers return a pair of the solution and something else, which is
            passed through.

    Returns:
        The solution, like `b`; with `has_aux`, a pair of it and the auxiliary value.

    Raises:
        TypeError: `matvec` or a solver returns another tree than `b`.
        ValueError: it returns other shapes.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core import lax
        >>> def solution(a):
        ...     return lax.custom_linear_solve(
        ...         lambda x: a * x, 6.0, lambda f, b: b / f(1.0), symmetric=True
        ...     )
        >>> solution(2.0), dc.grad(solution)(2.0)
        (3.0, Array(-1.5, dtype=float32...))
    """
    equation = Like("custom_linear_solve", "b", b, solve)
    if transpose_solve is None and symmetric:
        transpose_solve = solve
    if state.trace is EAGER:
        result = solve(equation.checked("matvec", matvec), b)
        equation.check("solve", result, has_aux)
        return result

    forward = equation.record("matvec", matvec)
    solver = equation.record("solve", lambda b: solve(matvec, b), has_aux)
    parts = [forward, solver]
    if transpose_solve is not None:
        transposed = forward if symmetric else _transposed(forward)

        def vecmat(x: Any) -> Any:
            values = [*transposed.captures, *flatten(x)[0]]
            return equation.tree.unflatten(evaluate(transposed.program, values))

        back = equation.record(
            "transpose_solve", lambda b: transpose_solve(vecmat, b), has_aux
        )
        parts += [transposed, back]
    programs, consts = share_captures(
        [part.program for part in parts], [part.captures for part in parts]
    )
    backward = (programs[2], programs[3]) if len(programs) > 2 else (None, None)
    primitive = LinearSolve(programs[0], programs[1], *backward, len(consts))
    # Run by itself, a solver that was traced just now is not worth compiling.
    primitive.derived["eager"] = lambda *args: evaluate(programs[1], args)
    return solver.out_tree.unflatten(bind(primitive, *consts, *equation.leaves))


def _transposed(forward: Recorded) -> Recorded:
    """The transpose of a linear map from values to values like them."""
    program, captures, tree = forward
    count = len(captures)

    def run(*args: Any) -> list[Any]:
        found = run_transposed(program, args[:count], args[count:])
        return [
            zeros_for(type) if ct is None else ct
            for ct, type in zip(found, program.in_types[count:], strict=True)
        ]

    made = record_closed(run, [*program.in_types[:count], *program.out_types])
    return Recorded(made, captures, tree)
