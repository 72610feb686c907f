"""Programs: typed equations over variables, closed by their inputs alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from ._frames import Frame
from ._primitive import Primitive
from ._types import ArrayType


class Variable:
    """A value of a program, known by identity."""

    __slots__ = ("type",)

    type: ArrayType

    def __init__(self, type: ArrayType) -> None:
        self.type = type

    def __repr__(self) -> str:
        return f"Var({self.type!r})"

    @property
    def aval(self) -> ArrayType:
        """The type, under JAX's name."""
        return self.type


class Literal:
    """A scalar constant written into an equation."""

    __slots__ = ("type", "value")

    def __init__(self, value: Any, type: ArrayType) -> None:
        self.value = value
        self.type = type

    def __repr__(self) -> str:
        return f"Literal({self.value}, {self.type!r})"

    @property
    def val(self) -> Any:
        """The value, under JAX's name."""
        return self.value

    @property
    def aval(self) -> ArrayType:
        """The type, under JAX's name."""
        return self.type


Atom = Variable | Literal


class Equation:
    """`outputs = primitive(inputs)` and the user's line that asked for it."""

    __slots__ = ("frame", "inputs", "outputs", "primitive")

    def __init__(
        self,
        primitive: Primitive,
        inputs: Sequence[Atom],
        outputs: Sequence[Variable],
        frame: Frame | None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.outputs = outputs
        self.frame = frame

    def __repr__(self) -> str:
        from ._printer import format_equation

        return format_equation(self)

    def replace(
        self,
        *,
        primitive: Primitive | None = None,
        invars: Sequence[Atom] | None = None,
        outvars: Sequence[Variable] | None = None,
        params: dict[str, Any] | None = None,
    ) -> "Equation":
        """A copy with another primitive, inputs, outputs or parameters.

        Args:
            primitive: the new one.
            invars: the new inputs.
            outvars: the new outputs.
            params: parameters of the primitive that change.
        """
        chosen = self.primitive if primitive is None else primitive
        return Equation(
            chosen.replace(**params) if params else chosen,
            self.inputs if invars is None else invars,
            self.outputs if outvars is None else outvars,
            self.frame,
        )

    @property
    def effects(self) -> frozenset[str]:
        """Side effects of the primitive."""
        return self.primitive.effects

    @property
    def params(self) -> dict[str, Any]:
        """The primitive's parameters by name."""
        return self.primitive.params

    @property
    def invars(self) -> Sequence[Atom]:
        """The inputs, under JAX's name."""
        return self.inputs

    @property
    def outvars(self) -> Sequence[Variable]:
        """The outputs, under JAX's name."""
        return self.outputs


class Program:
    """A function of arrays: inputs, equations in order, outputs.

    A program refers to nothing outside itself: arrays that a traced function closed
    over are its leading inputs, and whoever traced it keeps their values. Transformed
    and lowered forms are kept in `derived`, so they die with the program.
    """

    __slots__ = (
        "__weakref__",
        "derived",
        "effects",
        "equations",
        "inputs",
        "name",
        "outputs",
    )

    def __init__(
        self,
        inputs: Sequence[Variable],
        equations: Sequence[Equation],
        outputs: Sequence[Atom],
        name: str = "",
    ) -> None:
        self.inputs = list(inputs)
        self.equations = list(equations)
        self.outputs = list(outputs)
        self.name = name
        self.derived: dict[Any, Any] = {}
        effects: frozenset[str] = frozenset()
        for equation in self.equations:
            found = equation.primitive.effects
            if found:
                effects |= found
        self.effects = effects

    @property
    def in_types(self) -> tuple[ArrayType, ...]:
        """Types of the inputs."""
        return tuple(v.type for v in self.inputs)

    @property
    def out_types(self) -> tuple[ArrayType, ...]:
        """Types of the outputs."""
        return tuple(v.type for v in self.outputs)

    @property
    def named_axes(self) -> frozenset[Any]:
        """Named axes that its operations refer to, found once."""
        found = self.derived.get("named_axes")
        if found is None:
            each = (named_axes(equation.primitive) for equation in self.equations)
            found = self.derived["named_axes"] = frozenset().union(*each)
        return found

    @property
    def eqns(self) -> list[Equation]:
        """The equations, under JAX's name."""
        return self.equations

    @property
    def invars(self) -> list[Variable]:
        """The inputs, under JAX's name."""
        return self.inputs

    @property
    def outvars(self) -> list[Atom]:
        """The outputs, under JAX's name."""
        return self.outputs

    def __repr__(self) -> str:
        from ._printer import format_program

        return format_program(self)


def named_axes(primitive: Primitive) -> frozenset[Any]:
    """Named axes that an operation, or a program inside it, refers to."""
    if primitive.interned:
        return primitive.named_axes
    inside = frozenset().union(*(p.named_axes for p in programs_of(primitive)))
    return primitive.named_axes | (inside - primitive.binds_axes)


def subprograms(equation: Equation) -> Iterator[Program]:
    """The programs among an equation's parameters."""
    return programs_of(equation.primitive)


def programs_of(primitive: Primitive) -> Iterator[Program]:
    """The programs among a primitive's parameters."""
    if primitive.interned:  # one that holds programs is not
        return
    for value in primitive.params.values():
        if isinstance(value, Program):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Program))
