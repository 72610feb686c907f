"""Where a traced value comes from: arguments, and the operations on the way.

Nothing is kept for this: the equations recorded so far are searched backwards when an
error is put together.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._ir import ArrayType, Equation, Frame, describe, source_of
from ._trace import Tracer

_MOST_STEPS = 8


class Argument(NamedTuple):
    """A leaf of a traced function's arguments.

    Attributes:
        path: the way to it from the call, `args[0]['w']`.
        parameter: name of the parameter it is in, `params`; no name for what `*args`
            takes.
        function: name of the function.
        whole: whether the parameter is this leaf alone.
        static_names: names that would be static if the parameter were too; None where
            nothing can be static.
    """

    path: str
    parameter: str
    function: str
    whole: bool
    static_names: tuple[str, ...] | None = None

    def __str__(self) -> str:
        if not self.parameter.isidentifier():
            return f"{self.path} of {self.function}"
        if self.path == self.parameter:
            return f"the argument `{self.parameter}` of {self.function}"
        where = "" if self.whole else "in "
        return f"{self.path}, {where}the argument `{self.parameter}` of {self.function}"


class Step(NamedTuple):
    """The operations of one user line on the way to a value."""

    operations: list[str]
    type: ArrayType
    frame: Frame | None

    def __str__(self) -> str:
        names = ", ".join(self.operations[:4]) + ", ..." * (len(self.operations) > 4)
        source = source_of(self.frame)
        return f"{names}: {self.type!r} at {describe(self.frame)}" + (
            f": `{source:.80}`" if source else ""
        )


class History(NamedTuple):
    """What a value depends on."""

    arguments: list[tuple[Tracer, Argument]]
    steps: list[Step]

    def lines(self) -> list[str]:
        """The arguments, then the steps in order; long ones lose their middle."""
        found = [f"{value.type!r} {argument}" for value, argument in self.arguments]
        return _elided(found, 4) + _elided(list(map(str, self.steps)), _MOST_STEPS)


def _elided(lines: list[str], most: int) -> list[str]:
    if len(lines) <= most:
        return lines
    half = most // 2
    left_out = len(lines) - 2 * half
    return [*lines[:half], f"... ({left_out} more) ...", *lines[-half:]]


def recorded(value: Any) -> Any:
    """The variable of a recorded program that carries `value`, seen through tracers.

    Transformations wrap values of the trace around them; what is at the bottom may also
    be a concrete array.
    """
    while isinstance(value, Tracer):
        inner = value.behind()
        if inner is None:
            return value
        value = inner
    return value


def origin(tracer: Any) -> Equation | None:
    """The equation that made a value, if it was recorded."""
    variable = recorded(tracer)
    owner: Any = getattr(variable, "owner", None)
    for equation in reversed(_equations(owner)):
        if any(output is variable for output in equation.outputs):
            return equation
    return None


def _equations(trace: Any) -> list[Equation]:
    return getattr(trace, "equations", [])


def argument_of(tracer: Any) -> Argument | None:
    """The argument that a traced value is, if it is one."""
    return _Walk().argument(tracer)


def history(tracer: Any) -> History:
    """Everything a traced value depends on, from the outermost trace inwards."""
    walk = _Walk()
    walk.back_from([tracer])
    return History(list(walk.arguments.values()), walk.steps)


class _Walk:
    """A walk from values back to what they were computed from.

    Attributes:
        arguments: values of those that were met and what they are, by identity: traced
            values can't be hashed.
        steps: the operations that were met, in order.
    """

    def __init__(self) -> None:
        self.arguments: dict[int, tuple[Tracer, Argument]] = {}
        self.steps: list[Step] = []
        self._described: dict[Any, dict[int, Argument]] = {}  # by trace

    def argument(self, tracer: Any) -> Argument | None:
        """The argument that a value is, seen through transformations' tracers."""
        while isinstance(tracer, Tracer):
            found = self._inputs(tracer.owner).get(id(tracer))
            if found is not None:
                return found
            tracer = tracer.behind()
        return None

    def _inputs(self, trace: Any) -> dict[int, Argument]:
        if trace not in self._described:
            inputs = getattr(trace, "inputs", ())
            describe = getattr(trace, "arguments", None)
            known = describe(inputs) if describe else ()
            self._described[trace] = dict(zip(map(id, inputs), known, strict=False))
        return self._described[trace]

    def back_from(self, values: Sequence[Any]) -> None:
        """Add everything that `values` depend on."""
        needed: dict[Any, set[int]] = {}  # by trace: its values that matter
        for value in values:
            found, variable = self.argument(value), recorded(value)
            if found is not None:
                self.arguments.setdefault(id(value), (value, found))
            elif isinstance(variable, Tracer):
                needed.setdefault(variable.owner, set()).add(id(variable))
        for trace, wanted in needed.items():
            self._through(trace, wanted)

    def _through(self, trace: Any, wanted: set[int]) -> None:
        """Add the equations of one trace that `wanted` depend on, and their origins."""
        kept = []
        for equation in reversed(_equations(trace)):
            if not wanted.isdisjoint(map(id, equation.outputs)):
                kept.append(equation)
                wanted.update(map(id, equation.inputs))
        captured = getattr(trace, "captures", {}).values()
        self.back_from([value for (_, value), v in captured if id(v) in wanted])
        self.back_from([v for v in getattr(trace, "inputs", ()) if id(v) in wanted])
        for equation in reversed(kept):
            _append(self.steps, equation)


def _append(steps: list[Step], equation: Equation) -> None:
    """One step for all operations of a line."""
    name, type = equation.primitive.name, equation.outputs[0].type
    if steps and _same_line(steps[-1].frame, equation.frame):
        steps[-1] = steps[-1]._replace(type=type)
        steps[-1].operations.append(name)
    else:
        steps.append(Step([name], type, equation.frame))


def _same_line(a: Frame | None, b: Frame | None) -> bool:
    return a is not None and b is not None and describe(a) == describe(b)
