"""Modules as bytes that other versions, on other machines, read."""

from typing import Any

from jaxlib.mlir import ir
from jaxlib.mlir.dialects import stablehlo

from . import _mlir as mlir


def portable(module: Any) -> bytes:
    """A StableHLO module in the form that readers of the last twelve weeks know."""
    requirement = stablehlo.StablehloCompatibilityRequirement.WEEK_12
    version = stablehlo.get_version_from_compatibility_requirement(requirement)
    return stablehlo.serialize_portable_artifact(module, version)


def from_portable(data: bytes) -> Any:
    """The module that `portable` made the bytes of."""
    return stablehlo.deserialize_portable_artifact(mlir.context, data)


def custom_call_targets(module: Any) -> set[str]:
    """What a module calls that is not StableHLO."""
    calls = mlir.operations_named("stablehlo.custom_call", module)
    return {call.attributes["call_target_name"].value for call in calls}


_REFERENCES = ("callee", "decomposition", "called_computations")


def adopt(module: Any, other: Any, new_name: Any) -> str:
    """Move the functions of another module into a module.

    Args:
        new_name: a name that is free in the module, from one that may be taken.

    Returns:
        What the function ``main`` is called there.
    """
    functions = list(other.body.operations)
    names = {f.attributes["sym_name"].value: "" for f in functions}
    for name in names:
        names[name] = new_name(name if name != "main" else "exported")

    def renamed(attribute: Any) -> Any:
        if isinstance(attribute, ir.ArrayAttr):
            return mlir.array_of([renamed(inner) for inner in attribute])
        if isinstance(attribute, ir.FlatSymbolRefAttr) and attribute.value in names:
            return mlir.symbol(names[attribute.value])
        return attribute

    def visit(operation: Any) -> Any:
        for reference in _REFERENCES:
            if reference in operation.attributes:
                new = renamed(operation.attributes[reference])
                operation.attributes[reference] = new
        return ir.WalkResult.ADVANCE

    for function in functions:
        function.operation.walk(visit)
        function.attributes["sym_name"] = mlir.string(
            names[function.attributes["sym_name"].value]
        )
        function.attributes["sym_visibility"] = mlir.string("private")
        for marks in ("arg_attrs", "res_attrs"):
            if marks in function.attributes:
                del function.attributes[marks]
        function.operation.detach_from_parent()
        module.body.append(function)
    return names["main"]
