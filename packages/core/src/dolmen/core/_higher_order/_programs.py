"""Programs in the hands of users: walked, evaluated, rewritten."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import (
    ArrayType,
    Atom,
    Equation,
    Program,
    Variable,
    format_program,
    type_error,
)
from .._tracing import evaluate


class Jaxpr(Program):
    """A program whose leading inputs are told apart as constants.

    `constvars` stand for the arrays that the traced function closed over, `invars` for
    its arguments; together they are the `inputs`. Nested programs have no constants:
    all that they use is passed to them.

    Args:
        constvars: variables of the constants.
        invars: variables of the arguments.
        outvars: variables or literals of the results.
        eqns: the equations, in an order in which they can be computed.
        effects: for compatibility: the equations know theirs.
        debug_info: likewise.
        name: of the function.
    """

    __slots__ = ("constvars",)

    def __init__(
        self,
        constvars: Sequence[Variable],
        invars: Sequence[Variable],
        outvars: Sequence[Atom],
        eqns: Sequence[Equation],
        effects: frozenset[str] | None = None,
        debug_info: Any = None,
        *,
        name: str = "",
    ) -> None:
        super().__init__([*constvars, *invars], eqns, outvars, name)
        self.constvars = list(constvars)

    @property
    def invars(self) -> list[Variable]:
        """The variables of the arguments."""
        return self.inputs[len(self.constvars) :]

    def replace(self, **changes: Any) -> "Jaxpr":
        """A copy with other `constvars`, `invars`, `outvars`, `eqns` or `name`."""
        fields = ("constvars", "invars", "outvars", "eqns", "name")
        return Jaxpr(**{field: getattr(self, field) for field in fields} | changes)


class ClosedJaxpr:
    """A program and the values of its constants.

    Iterate over `eqns`, print it, read types from `in_avals` and `out_avals`, evaluate
    it with `extend.core.jaxpr_as_fun`.

    Args:
        jaxpr: the program.
        consts: values of its leading inputs, arrays that the traced function closed
            over.

    Example:
        >>> import dolmen.core as dc
        >>> closed = dc.make_jaxpr(lambda x: x * 2.0 + 1.0)(3.0)
        >>> [(eqn.primitive.name, len(eqn.invars)) for eqn in closed.eqns]
        [('mul', 2), ('add', 2)]
        >>> closed.in_avals, closed.out_avals
        ([~f32[]], [~f32[]])
    """

    __slots__ = ("consts", "jaxpr")

    def __init__(self, jaxpr: Program, consts: Sequence[Any] = ()) -> None:
        if not isinstance(jaxpr, Jaxpr) or len(jaxpr.constvars) != len(consts):
            jaxpr = Jaxpr(
                jaxpr.inputs[: len(consts)],
                jaxpr.inputs[len(consts) :],
                jaxpr.outputs,
                jaxpr.equations,
                name=jaxpr.name,
            )
        self.jaxpr: Jaxpr = jaxpr
        self.consts = list(consts)

    @property
    def eqns(self) -> list[Equation]:
        """The equations in order."""
        return self.jaxpr.equations

    @property
    def effects(self) -> frozenset[str]:
        """Side effects of the equations."""
        return self.jaxpr.effects

    @property
    def literals(self) -> list[Any]:
        """The constants, under another name of JAX's."""
        return self.consts

    @property
    def in_avals(self) -> list[ArrayType]:
        """Types of the arguments."""
        return [variable.type for variable in self.jaxpr.invars]

    @property
    def out_avals(self) -> list[ArrayType]:
        """Types of the results."""
        return list(self.jaxpr.out_types)

    def replace(
        self, *, jaxpr: Program | None = None, consts: Sequence[Any] | None = None
    ) -> "ClosedJaxpr":
        """A copy with another program or other constants."""
        return ClosedJaxpr(
            self.jaxpr if jaxpr is None else jaxpr,
            self.consts if consts is None else consts,
        )

    def pretty_print(
        self, *, source_info: bool = False, name_stack: bool = False
    ) -> str:
        """The program as text.

        Args:
            source_info: append the user's line to every equation.
            name_stack: append the names of the scopes (`named_scope`) around it.
        """
        return format_program(self.jaxpr, source=source_info, scopes=name_stack)

    def __repr__(self) -> str:
        return format_program(self.jaxpr)


def eval_jaxpr(
    jaxpr: Program,
    consts: Sequence[Any],
    *args: Any,
    propagate_source_info: bool = True,
) -> list[Any]:
    """Run a program on flat arguments.

    Args:
        jaxpr: the program of a `ClosedJaxpr`, or a nested one.
        consts: values of its constants.
        *args: an array for each of its arguments.
        propagate_source_info: let operations that are traced again keep the lines of
            the function the program came from, rather than have this one.

    Returns:
        The results, a flat list. Under a transformation they are traced like those of
        the function the program came from.

    Raises:
        TypeError: the numbers of inputs and of values differ.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core import core
        >>> closed = dc.make_jaxpr(lambda x, y: (x + y, x * y))(1.0, 1.0)
        >>> core.eval_jaxpr(closed.jaxpr, closed.consts, 3.0, 4.0)
        [Array(7., dtype=float32, weak_type=True),
         Array(12., dtype=float32, weak_type=True)]
    """
    expected = len(jaxpr.inputs) - len(consts)
    if len(args) != expected:
        raise type_error(
            f"eval_jaxpr: the program has {len(jaxpr.inputs)} inputs, so with "
            f"{len(consts)} consts it takes {expected} arguments, got {len(args)}."
        )
    if not propagate_source_info:
        eqns = [Equation(e.primitive, e.inputs, e.outputs, None) for e in jaxpr.eqns]
        jaxpr = Program(jaxpr.inputs, eqns, jaxpr.outputs, jaxpr.name)
    return evaluate(jaxpr, [*consts, *args])


def jaxpr_as_fun(closed_jaxpr: ClosedJaxpr) -> Callable[..., list[Any]]:
    """The function of flat arguments that a program stands for.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.extend.core import jaxpr_as_fun
        >>> square = jaxpr_as_fun(dc.make_jaxpr(lambda x: x * x)(1.0))
        >>> dc.grad(lambda x: square(x)[0])(3.0)
        Array(6., dtype=float32, weak_type=True)
    """

    def function(*args: Any) -> list[Any]:
        return eval_jaxpr(closed_jaxpr.jaxpr, closed_jaxpr.consts, *args)

    function.__name__ = closed_jaxpr.jaxpr.name or "jaxpr"
    return function
