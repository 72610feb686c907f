"""What the user's code did with a traced value, and what to write instead."""

import ast
import functools
import linecache
import operator
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from .._ir import Frame, message
from ._history import Argument, History, argument_of, history, recorded

_NUMPY = "dolmen.core.numpy"


def explain_concretization(
    tracer: Any,
    wanted: str,
    call: str,
    instead: str,
    frame: Frame | None,
    names: dict[str, Any],
) -> str:
    """The message for a traced value used where a concrete one is needed.

    Args:
        instead: what to write instead; if empty, it is read off the user's code.
        names: what the user's function calls its modules, and other global names.
    """
    function = getattr(tracer.owner, "function", "")
    inside = f" while tracing {function}" if function else " under a transformation"
    nodes = _nodes_at(frame)
    found = history(tracer)
    lines = [_where_from(tracer, found)]
    if wanted != "bool" and nodes and isinstance(nodes[-1], ast.expr):
        lines.append(f"It is used in `{_text(nodes[-1])}`.")
    advice = instead or _instead(wanted, nodes, names)
    if tracer.concrete() is None:
        problem = f"expected a concrete value, got the traced {tracer.type!r}{inside}."
        advice = " ".join(filter(None, (advice, _static(wanted, found))))
    else:
        problem = f"{tracer.type!r} is being differentiated, and what Python or NumPy "
        problem += "compute from it loses the derivative."
        advice += " If that is meant, take the value of `lax.stop_gradient(x)`."
    lines.append(advice)
    return message(
        f"{call}: {problem}",
        "\n".join(filter(None, lines)),
        frame=frame,
    )


def _where_from(tracer: Any, found: History) -> str:
    argument = argument_of(tracer)
    if argument is not None:
        return f"It is {argument}."
    lines = found.lines()
    if not lines:
        return ""
    return "It was computed from\n" + "\n".join(f"  {line}" for line in lines)


# ---- which arguments could be static -------------------------------------------------


def _static(wanted: str, found: History) -> str:
    """The edit of `jit` that makes the arguments static which the value depends on."""
    if wanted == "array" or not found.arguments:
        return ""
    arguments = [argument for _, argument in found.arguments]
    if not all(_could_be_static(*each) for each in found.arguments):
        return ""
    if len({recorded(value).owner for value, _ in found.arguments}) > 1:
        return ""
    what = " and ".join(f"`{argument.parameter}`" for argument in arguments)
    verb = "is a setting" if len(arguments) == 1 else "are settings"
    return f"If {what} {verb} rather than data, write `{_edit(arguments)}`."


def _could_be_static(value: Any, argument: Argument) -> bool:
    """Whether it was passed as a Python scalar to a parameter of `jit`'s function."""
    scalar = value.type.weak_type or value.type.dtype == bool
    return (
        argument.static_names is not None
        and argument.whole
        and argument.parameter.isidentifier()
        and value.type.shape == ()
        and scalar
    )


def _edit(arguments: Sequence[Argument]) -> str:
    names = dict.fromkeys(arguments[0].static_names or ())
    names.update(dict.fromkeys(argument.parameter for argument in arguments))
    listed = ", ".join(map(repr, names)) + "," * (len(names) == 1)
    return f"@jit(static_argnames=({listed}))"


# ---- the user's expression -----------------------------------------------------------


def _nodes_at(frame: Frame | None) -> list[ast.AST]:
    """Syntax nodes around the instruction, outermost first; empty without source."""
    if frame is None:
        return []
    code, instruction = frame
    positions = list(code.co_positions())[instruction // 2]
    if None in positions:
        return []
    source = "".join(linecache.getlines(code.co_filename))
    try:
        node = ast.parse(source)
    except SyntaxError:  # an interactive cell with commands of its own
        return []
    line, end_line, column, end_column = positions
    return _path(node, (line, column), (end_line, end_column))


def _path(node: ast.AST, start: Any, end: Any) -> list[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if _covers(child, start, end):
            return [child, *_path(child, start, end)]
    return []


def _covers(node: ast.AST, start: Any, end: Any) -> bool:
    if not hasattr(node, "lineno"):  # comprehension clauses, `with` items
        return any(_covers(child, start, end) for child in ast.iter_child_nodes(node))
    here: Any = node
    if any(_covers(each, start, end) for each in getattr(here, "decorator_list", ())):
        return True  # decorators stand before the line where a function starts
    first = (here.lineno, here.col_offset)
    last = (here.end_lineno, here.end_col_offset)
    return first <= start and end <= last


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."


# ---- what to write instead -----------------------------------------------------------


def _instead(wanted: str, nodes: list[ast.AST], names: dict[str, Any]) -> str:
    if wanted == "bool":
        return _instead_of_truth(nodes)
    innermost = nodes[-1] if nodes else None
    if wanted in ("int", "number"):
        return _instead_of_number(wanted, innermost, names)
    return _instead_of_numpy(innermost, names)


def _instead_of_truth(nodes: list[ast.AST]) -> str:
    # The widest expression or statement that only asks whether the value is true.
    for node in reversed(_testing(nodes)):
        advice = _instead_of_test(node)
        if advice:
            return advice
    return "Use `jnp.where` or `lax.cond` instead of Python control flow."


def _testing(nodes: list[ast.AST]) -> list[ast.AST]:
    """The innermost node, and those around it as far as each tests the one before."""
    found = nodes[-1:]
    for node in reversed(nodes[:-1]):
        inner = found[-1]
        tests = getattr(node, "test", None) is inner
        combines = isinstance(node, ast.BoolOp | ast.UnaryOp)
        if not (tests or combines):
            break
        found.append(node)
    return found


def _instead_of_test(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        test = _traceable(node.test)
        return (
            f"Write `lax.cond({test}, true_fun, false_fun, *operands)` instead of "
            f"`if`, or choose elementwise with `jnp.where({test}, a, b)`."
        )
    if isinstance(node, ast.While):
        return (
            "Write `lax.while_loop(cond_fun, body_fun, init)` instead of `while`: "
            f"`cond_fun` returns `{_traceable(node.test)}`."
        )
    if isinstance(node, ast.Assert):
        return (
            "An `assert` can't look at a value that does not exist yet: check it "
            "outside the traced function, or with `checkify.check`."
        )
    if isinstance(node, ast.Call) and _text(node.func) in _OF_SEVERAL:
        function = _text(node.func)
        return f"Use `jnp.{_OF_SEVERAL[function]}` instead of `{function}`."
    if isinstance(node, ast.expr) and _traceable(node) != _text(node):
        return f"Write `{_traceable(node)}` instead of `{_text(node)}`."
    return ""


_OF_SEVERAL = {
    "all": "all",
    "any": "any",
    "max": "maximum",
    "min": "minimum",
    "sorted": "sort",
}


def _traceable(node: ast.expr) -> str:
    """An expression written with functions of arrays instead of Python's logic."""
    if isinstance(node, ast.BoolOp):
        word = "and" if isinstance(node.op, ast.And) else "or"
        parts = map(_traceable, node.values)
        return functools.reduce(lambda a, b: f"jnp.logical_{word}({a}, {b})", parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"jnp.logical_not({_traceable(node.operand)})"
    if isinstance(node, ast.IfExp):
        parts = (_traceable(node.test), _text(node.body), _text(node.orelse))
        return f"jnp.where({', '.join(parts)})"
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In):
        return (
            f"jnp.isin({_text(node.left)}, jnp.asarray({_text(node.comparators[0])}))"
        )
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        operands = [node.left, *node.comparators]
        pairs = zip(operands, node.ops, operands[1:], strict=False)
        each = [ast.Compare(left, [op], [right]) for left, op, right in pairs]
        return " & ".join(f"({_text(pair)})" for pair in each)
    return _text(node)


_CONVERSIONS = ("int", "float", "complex")


def _instead_of_number(wanted: str, node: ast.AST | None, names: dict[str, Any]) -> str:
    if isinstance(node, ast.Subscript) and wanted == "number":
        array = _text(node.value)
        return (
            f"Arrays here are not written to: make a new one, `{array} = "
            f"{array}.at[{_text(node.slice)}].set(...)`, from `jnp` instead of NumPy."
        )
    if isinstance(node, ast.Subscript):
        return (
            f"Index an array: `jnp.asarray({_text(node.value)})[{_text(node.slice)}]`."
        )
    if isinstance(node, ast.Call):
        function, args = _text(node.func), list(map(_text, node.args))
        if _is_to_python(node):
            return _outside(node)
        if function in _CONVERSIONS and len(args) == 1:
            return (
                f"Keep the value in an array: `jnp.asarray({args[0]}, {function})` "
                f"instead of `{_text(node)}`."
            )
        ours = _like_math(node.func, names)
        if ours and _is_ours(ours):
            return f"Use `jnp.{ours}` instead of `{function}`."
        if function == "range" and args:
            lower, upper = args[:2] if len(args) > 1 else ("0", args[0])
            return (
                f"Write `lax.fori_loop({lower}, {upper}, body, init)` instead of the "
                "Python loop."
            )
    if wanted == "number":
        return "Keep the value in an array, and compute with functions of `jnp`."
    return (
        "Shapes, axes and Python integers must be known while tracing: take them from "
        "`x.shape` or from static arguments."
    )


# Functions of `math` that arrays have under another name.
_OF_MATH = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "fabs": "abs",
    "fsum": "sum",
    "pow": "power",
}


def _like_math(node: ast.expr, names: dict[str, Any]) -> str:
    """What arrays call a function of `math`; nothing for other functions."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        return ""
    if getattr(names.get(node.value.id), "__name__", "") != "math":
        return ""
    return _OF_MATH.get(node.attr, node.attr)


_TO_PYTHON = ("item", "tobytes", "tolist")


def _is_to_python(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr in _TO_PYTHON


def _outside(node: ast.Call) -> str:
    assert isinstance(node.func, ast.Attribute)
    return (
        "Python values exist only after the call: return "
        f"`{_text(node.func.value)}` and convert it there."
    )


def _instead_of_numpy(node: ast.AST | None, names: dict[str, Any]) -> str:
    if isinstance(node, ast.Call):
        if _is_to_python(node):
            return _outside(node)
        function = _numpy_function(node.func, names)
        if function and _is_ours(function):
            return f"Use `jnp.{function}` instead of `{_text(node.func)}`."
        if function:
            return (
                f"`{_NUMPY}` has no `{function}`: call `{_text(node.func)}` outside "
                "the traced function, or through `pure_callback`."
            )
    return (
        f"Use the function of `{_NUMPY}` instead of NumPy's, or move the NumPy call "
        "out of the traced function."
    )


def _is_ours(function: str) -> bool:
    """Whether our array API, if it is loaded, has a function of that name."""
    try:
        operator.attrgetter(function)(sys.modules.get(_NUMPY))
    except AttributeError:
        return False
    return True


def _numpy_function(node: ast.expr, names: dict[str, Any]) -> str | None:
    """`linalg.norm` for `np.linalg.norm`, when `np` is NumPy in the user's module."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    known = names.get(node.id)
    if isinstance(known, ModuleType):
        package, *rest = known.__name__.split(".")
        return ".".join([*rest, *reversed(parts)]) if package == "numpy" else None
    module = getattr(known, "__module__", None) or ""
    if not parts and callable(known) and str(module).split(".")[0] == "numpy":
        return known.__name__  # `from numpy import sin`
    return None
