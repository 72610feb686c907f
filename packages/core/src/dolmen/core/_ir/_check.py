"""The program checker: every variable is defined once, before use, at its own type."""

from ._primitive import infer_types
from ._program import Program, Variable, subprograms


def check(program: Program) -> None:
    """Raise unless `program` is well formed.

    Raises:
        AssertionError: a variable is used before its definition or defined twice, or
            the recorded types are not those that the primitives infer.
    """
    defined: set[Variable] = set()

    def define(variable: Variable) -> None:
        assert variable not in defined, f"defined twice in\n{program!r}"
        defined.add(variable)

    for variable in program.inputs:
        define(variable)
    for equation in program.equations:
        for atom in equation.inputs:
            assert not isinstance(atom, Variable) or atom in defined, (
                f"{equation.primitive.name} uses an undefined variable in\n{program!r}"
            )
        for nested in subprograms(equation):
            check(nested)
        primitive = equation.primitive
        inferred = infer_types(primitive, [atom.type for atom in equation.inputs])
        recorded = tuple(variable.type for variable in equation.outputs)
        assert inferred == recorded, (
            f"{primitive.name} infers {inferred}, recorded {recorded} in\n{program!r}"
        )
        for variable in equation.outputs:
            define(variable)
    for atom in program.outputs:
        assert not isinstance(atom, Variable) or atom in defined, (
            f"an output is undefined in\n{program!r}"
        )
