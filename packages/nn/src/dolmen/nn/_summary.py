"""`summary`: a model as a table."""

import math
from typing import Any

import dolmen.core as dc

from ._module import Module, Path, iter_modules, iter_variables
from ._variables import Param, Variable, brief


def summary(model: Module, *args: Any, depth: int | None = None) -> str:
    """A table of a model's modules: parameters, bytes and, with inputs, result shapes.

    Args:
        model: the model.
        *args: arguments of a call (arrays, or a `ShapeDtypeStruct` in the place of
            one); with them the last line gives the model's result.
        depth: how many levels of modules to show; all by default.

    Returns:
        The table as text.

    Example:
        >>> from dolmen import nn
        >>> print(nn.summary(nn.Linear(2, 3, rngs=nn.Rngs(0))))
        module  kind    parameters  bytes  variables
        ------  ------  ----------  -----  ------------------------------------
        (all)   Linear           9     36  kernel float32[2,3], bias float32[3]
    """
    rows = [("module", "kind", "parameters", "bytes", "variables")]
    for path, module in iter_modules(model):
        if depth is not None and len(path) > depth:
            continue
        count, size = (f"{total:,}" for total in _totals(module))
        rows.append((_name(path), type(module).__name__, count, size, _own(module)))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [_line(rows[0], widths), "  ".join("-" * w for w in widths)]
    lines += [_line(row, widths) for row in rows[1:]]
    if args:
        result = dc.eval_shape(lambda model, *args: model(*args), model, *args)
        leaves = dc.tree.leaves(result)
        lines.append("result: " + ", ".join(map(brief, leaves)))
    return "\n".join(lines)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    name, kind, count, size, variables = row
    return (
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {count:>{widths[2]}}  "
        f"{size:>{widths[3]}}  {variables}"
    ).rstrip()


def _name(path: Path) -> str:
    return "/".join(map(str, path)) or "(all)"


def _totals(module: Module) -> tuple[int, int]:
    """Number and bytes of the parameters inside, shared ones counted once."""
    params = [v for _, v in iter_variables(module) if isinstance(v, Param)]
    count = sum(math.prod(v.value.shape) for v in params)
    size = sum(math.prod(v.value.shape) * v.value.dtype.itemsize for v in params)
    return count, size


def _own(module: Module) -> str:
    return ", ".join(
        f"{name} {brief(v.value)}"
        for name, v in module.__dict__.items()
        if isinstance(v, Variable)
    )
