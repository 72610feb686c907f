"""`custom_root`: derivatives of a root, from the function it is a root of."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ops._arithmetic import neg
from .._tracing import EAGER, bind_custom, evaluate, state
from .._transforms import jvp_program, linearize
from ._custom_jvp import JvpCall
from ._functions import share_captures
from ._solution import Like


def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any],
    has_aux: bool = False,
) -> Any:
    """Find a root of a function; differentiate the equation, not the solver.

    Derivatives with respect to what `f` closes over follow from the implicit function
    theorem: where ``f(x, a) = 0``, ``df/dx dx = -df/da da``. The solver itself need not
    be differentiable; nothing depends on the guess.

    Args:
        f: from a tree of arrays like `initial_guess` to another one.
        initial_guess: where the solver starts.
        solve: from `(f, initial_guess)` to ``x`` with ``f(x) == 0``, which is not
            checked.
        tangent_solve: from a linear function `g` (the derivative of `f` at the root)
            and `y` to ``x`` with ``g(x) == y``. Made of linear operations on `y`, it
            serves reverse mode too; for scalars ``lambda g, y: y / g(1.0)``.
        has_aux: `solve` returns a pair of the root and something else, which is passed
            through.

    Returns:
        The root, like `initial_guess`; with `has_aux`, a pair of it and the auxiliary
        value.

    Raises:
        TypeError: `f` or a solver returns another tree than `initial_guess`.
        ValueError: it returns other shapes or dtypes.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core import lax
        >>> def newton(f, x):
        ...     step = lambda i, x: x - f(x) / dc.grad(f)(x)
        ...     return lax.fori_loop(0, 10, step, x)
        >>> def square_root(a):
        ...     return lax.custom_root(
        ...         lambda x: x**2 - a, 1.0, newton, lambda g, y: y / g(1.0)
        ...     )
        >>> square_root(4.0), dc.grad(square_root)(4.0)
        (Array(2., dtype=float32, weak_type=True),
         Array(0.25, dtype=float32, weak_type=True))
    """
    form = Like("custom_root", "initial_guess", initial_guess, f)
    if state.trace is EAGER:
        result = solve(form.checked("f", f), initial_guess)
        form.check("solve", result, has_aux)
        return result

    def tangent(x: Any, y: Any) -> Any:
        return tangent_solve(linearize(f, x)[1], y)

    function = form.record("f", f)
    solver = form.record("solve", lambda guess: solve(f, guess), has_aux)
    step = form.record("tangent_solve", tangent, copies=2)
    parts = [function, solver, step]
    (equation, root, tangents), consts = share_captures(
        [part.program for part in parts], [part.captures for part in parts]
    )
    count, size = len(consts), len(form.leaves)

    def run(args: Sequence[Any]) -> list[Any]:
        return evaluate(root, args)

    def jvp(args: Sequence[Any], dargs: Sequence[Any]) -> Any:
        outs = bind_custom(call, args)
        x = outs[:size]
        active = tuple(t is not None and i < count for i, t in enumerate(dargs))
        derivative, _ = jvp_program(equation, active, (True,) * size)
        given = [t for t in dargs[:count] if t is not None]
        nothing: list[Any] = [None] * (len(outs) - size)
        if not given:
            return outs, [None] * size + nothing
        moved = evaluate(derivative, [*args[:count], *x, *given])[size:]
        dx = evaluate(tangents, [*args[:count], *x, *moved])
        return outs, [neg(t) for t in dx] + nothing

    call = JvpCall("custom_root", run, jvp)
    flat = bind_custom(call, [*consts, *form.leaves])
    return solver.out_tree.unflatten(flat)
