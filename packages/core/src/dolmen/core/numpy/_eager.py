"""Array functions and operators as one compiled call each.

A function of this package is plain Python over `lax`. While something traces it, that
Python runs and binds its few primitives. Called eagerly it would pay for each of them,
so it is compiled as a whole, once for each signature.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .. import _backend, _higher_order
from .._higher_order import JitFunction, Options, Signature
from .._ir import type_error
from .._tracing import Tracer, is_array_like, is_staging

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
        name: of the public function, if `function` is only a part of that.
        static_argnames: parameters that are part of the program, not data.
    """
    if function is None:
        return lambda f: jit_when_eager(f, name=name, static_argnames=static_argnames)
    if name:
        function.__name__ = name
    else:
        python_functions[function.__name__] = function
    return _higher_order.jit_when_eager(static_argnames=static_argnames)(function)


def body(function: Any) -> Callable[..., Any]:
    """The Python function behind one made by `jit_when_eager`."""
    return function.__wrapped__


def operator(name: str, function: Callable[..., Any], operands: int) -> Any:
    """A C++ method of arrays that calls `function`; no Python runs when it is warm.

    It leaves operands that are no arrays to their own methods.
    """
    jitted = JitFunction(
        function, Signature(function), Options(checked=False, with_frames=False)
    )

    def on_miss(*args: Any) -> tuple[Any, Any]:
        if len(args) != operands or not all(map(is_array_like, args)):
            return refused(function.__name__, args[-1]), None
        if is_staging() or any(isinstance(arg, Tracer) for arg in args):
            return function(*args), None
        return jitted.on_miss(*args)

    return _backend.callable_with_cache(
        name, function, on_miss, key=("operator", name), eager=True
    )


def refused(function: str, operand: Any) -> Any:
    """What an operator answers to an operand that is no array: NotImplemented.

    Raises:
        TypeError: it is a list or tuple. Those have no answer themselves, and Python
            would say of any array that it is not equal to one.
    """
    if isinstance(operand, list | tuple) and function in ("equal", "not_equal"):
        raise type_error(
            f"{function}: expected an array or a scalar, got {operand!r:.60}.",
            "Convert it with `jnp.array(...)` first.",
        )
    return NotImplemented
