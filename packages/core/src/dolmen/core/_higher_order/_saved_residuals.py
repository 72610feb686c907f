"""What differentiation keeps from the forward pass, and where it comes from."""

from collections.abc import Callable, Iterator
from typing import Any

from .._ir import ArrayType, Atom, Equation, Literal, Program, Variable, describe
from .._ops._marks import Name
from .._transforms import linearize_program
from .._transforms._trees import flatten_with_path
from ._call import Jit
from ._signature import Signature
from ._stages import make_jaxpr


def saved_residuals(
    f: Callable[..., Any], *args: Any, **kwargs: Any
) -> list[tuple[ArrayType, str]]:
    """What reverse-mode differentiation of a function keeps from the forward pass.

    Args:
        f: a function of arrays in trees.
        *args: arrays, or descriptions of them.
        **kwargs: the same.

    Returns:
        The type of each value that is kept, and where it comes from: arguments first,
        then results of operations in the order they are computed.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.ad_checkpoint import saved_residuals
        >>> saved_residuals(lambda x, y: x * y, jnp.ones(2), jnp.ones(2))
        [(f32[2], 'from the argument x'), (f32[2], 'from the argument y')]
    """
    closed = make_jaxpr(f)(*args, **kwargs)
    program = closed.jaxpr
    names = ["from a constant"] * len(closed.consts)
    names += [
        f"from the argument {Signature(f).path_text((), path)}"
        for path, _ in flatten_with_path((args, kwargs))[0]
    ]
    active = tuple(type.is_differentiable for type in program.in_types)
    made = linearize_program(program, active)
    primal = made.primal
    sources = dict(zip(primal.inputs, names, strict=True))
    residuals = dict.fromkeys(primal.outputs[len(made.active_outs) :])
    return list(_described(primal, residuals, sources))


def print_saved_residuals(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Print what reverse-mode differentiation of a function keeps.

    Args:
        f: a function of arrays in trees.
        *args: arrays, or descriptions of them.
        **kwargs: the same.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core.ad_checkpoint import print_saved_residuals
        >>> f = lambda params, x: jnp.sin(params["w"] * x)
        >>> print_saved_residuals(dc.checkpoint(f), {"w": 1.0}, jnp.ones(2))
        f32[] from the argument params['w']
        f32[2] from the argument x
    """
    for type, source in saved_residuals(f, *args, **kwargs):
        print(f"{type!r} {source}")  # noqa: T201  (its purpose)


def _described(
    primal: Program, residuals: dict[Atom, None], sources: dict[Variable, str]
) -> Iterator[tuple[ArrayType, str]]:
    for variable, source in sources.items():
        if variable in residuals:
            yield variable.type.strengthened(), source
    for atom in residuals:
        if isinstance(atom, Literal):
            yield atom.type.strengthened(), "from a literal"
    for equation in primal.equations:
        for output in equation.outputs:
            if output in residuals:
                yield output.type.strengthened(), _source(equation)


def _source(equation: Equation) -> str:
    where = describe(equation.frame)
    primitive = equation.primitive
    if isinstance(primitive, Name):
        return f"named {primitive.label!r} at {where}"
    if isinstance(primitive, Jit):
        return f"output of the jitted function {primitive.program.name!r} at {where}"
    return f"output of {primitive.name} at {where}"
