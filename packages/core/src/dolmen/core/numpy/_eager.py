"""Array functions as one compiled call.

A function of this package is plain Python over `lax`. While something traces it, that
Python runs and binds its few primitives. Called eagerly it would pay for each of them, so
it is compiled as a whole: the public object is jaxlib's C++ callable, which repeats a
signature it has seen without running any Python, and asks `on_miss` below otherwise.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from .. import _backend
from .._backend import flags, pytree
from .._ir import Program
from .._tracing import (
    Tracer,
    is_array_like,
    is_staging,
    record,
    run_program,
    typeof,
)

# Python functions by public name; messages look up the names of parameters here.
python_functions: dict[str, Callable[..., Any]] = {}


def jit_when_eager(
    function: Callable[..., Any] | None = None,
    *,
    name: str = "",
    static_argnames: Sequence[str] = (),
) -> Any:
    """Compile calls outside any trace; inside one call `function` itself.

    Args:
        function: takes arrays (or trees of them) and returns arrays. Python scalars
            reach it as weakly typed arrays.
        name: of the public function, if it is not that of `function`.
        static_argnames: parameters that are part of the program, not data.
    """
    if function is None:
        return lambda f: jit_when_eager(f, name=name, static_argnames=static_argnames)
    if not name:
        python_functions[function.__name__] = function
    static = _static_positions(function, static_argnames)
    return _compiling(function, name or function.__name__, static, ())


def operator(function: Callable[..., Any]) -> Any:
    """`function` of two operands for use as a method: defers to operands unknown here."""
    return _compiling(function, function.__name__, {}, (NotImplemented,))


def body(function: Any) -> Callable[..., Any]:
    """The Python function behind one made by `jit_when_eager`."""
    return getattr(function, "__wrapped__", function)


def _static_positions(
    function: Callable[..., Any], names: Sequence[str]
) -> dict[str, int | None]:
    positions: dict[str, int | None] = {}
    for index, parameter in enumerate(inspect.signature(function).parameters.values()):
        if parameter.name in names:
            by_name = parameter.kind is parameter.KEYWORD_ONLY
            positions[parameter.name] = None if by_name else index
    assert len(positions) == len(names), (function.__name__, names)
    return positions


def _compiling(
    function: Callable[..., Any],
    name: str,
    static: dict[str, int | None],
    refuses: tuple[Any, ...],
) -> Any:
    static_argnums = [index for index in static.values() if index is not None]
    programs: dict[Any, tuple[Program, list[Any], Any]] = {}

    def on_miss(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        fixed = {i: args[i] for i in static_argnums if i < len(args)}
        fixed_named = {k: kwargs[k] for k in static if k in kwargs}
        data = [a for i, a in enumerate(args) if i not in fixed]
        named = {k: v for k, v in kwargs.items() if k not in static}
        leaves, tree = pytree.BOUNDARY.flatten((data, named))
        if refuses and not all(map(is_array_like, args)):
            return NotImplemented, None
        if is_staging() or not all(map(_is_concrete, leaves)):
            return function(*args, **kwargs), None

        def flat(*values: Any) -> Sequence[Any]:
            nonlocal out_tree
            data, named = tree.unflatten(values)
            given = iter(data)
            whole = [fixed[i] if i in fixed else next(given) for i in range(len(args))]
            outs, out_tree = pytree.BOUNDARY.flatten(
                function(*whole, **named, **fixed_named)
            )
            return outs

        out_tree: Any = None
        types = tuple(typeof(leaf) for leaf in leaves)
        key = (
            types,
            tree,
            tuple((k, type(v), v) for k, v in (*fixed.items(), *fixed_named.items())),
            flags.X64.value,
        )
        found = programs.get(key)
        if found is None:
            program, captures = record(flat, types, name=name, with_frames=False)
            found = programs[key] = (program, captures, out_tree)
        program, captures, out_tree = found
        outs, fast_path = run_program(program, leaves, captures)
        return out_tree.unflatten(outs), fast_path(out_tree)

    made = _backend.callable_with_cache(
        name,
        function,
        on_miss,
        static_argnums=static_argnums,
        static_argnames=list(static),
        key=("eager", *static),
        eager=True,
    )
    made.__wrapped__ = function
    made.__name__ = function.__name__
    made.__qualname__ = function.__qualname__
    made.__module__ = function.__module__
    made.__doc__ = function.__doc__
    return made


def _is_concrete(leaf: Any) -> bool:
    return not isinstance(leaf, Tracer) and is_array_like(leaf)
