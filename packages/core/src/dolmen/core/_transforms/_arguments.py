"""What the inputs of a trace are in the user's call, for messages."""

import functools
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._trees import call_path, flatten_with_path, name_of, path_text

if TYPE_CHECKING:
    from .._tracing._history import Argument  # loaded when a message needs it


class Callee:
    """Name and parameters of a function, without keeping alive what it closes over."""

    __slots__ = ("_code", "_skipped", "name")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = name_of(function)
        inner: Any = function
        self._skipped = 0
        while True:
            if isinstance(inner, types.MethodType):
                inner, self._skipped = inner.__func__, self._skipped + 1
            elif isinstance(inner, functools.partial):
                inner, self._skipped = inner.func, self._skipped + len(inner.args)
            elif hasattr(inner, "__wrapped__"):
                inner = inner.__wrapped__
            else:
                break
        self._code = getattr(inner, "__code__", None)
        if self._code is None and callable(inner):  # an object with `__call__`
            self._skipped += 1
            self._code = getattr(type(inner).__call__, "__code__", None)

    def parameters(self, count: int) -> list[str]:
        """Names of `count` positional arguments; those of `*args` are numbered."""
        code, skipped = self._code, self._skipped
        names = [] if code is None else code.co_varnames[skipped : code.co_argcount]
        return [*names[:count], *(f"args[{i}]" for i in range(len(names), count))]


def positional_arguments(callee: Callee, args: Sequence[Any]) -> "list[Argument]":
    """The leaves of arguments that a transformation passes by itself.

    Their path starts with the parameter: `carry['w']`.
    """
    from .._tracing._history import Argument

    names = callee.parameters(len(args))
    return [
        Argument(
            names[path[0].idx] + path_text(path[1:]),
            names[path[0].idx],
            callee.name,
            len(path) == 1,
        )
        for path, _ in flatten_with_path(tuple(args))[0]
    ]


def call_arguments(
    callee: Callee,
    dynamic: Any,
    static: Sequence[Any] = (),
    static_names: Sequence[str] | None = None,
) -> "list[Argument]":
    """The leaves of the arguments of a user's call.

    Args:
        dynamic: `(args, kwargs)` without the static arguments.
        static: positions of static arguments that were passed by position.
        static_names: all names of static arguments; None if none can be.
    """
    from .._tracing._history import Argument

    args, _ = dynamic
    total = len(args) + len(static)
    positions = [i for i in range(total) if i not in static]
    names = callee.parameters(total)
    found = []
    for path, _ in flatten_with_path(dynamic)[0]:
        if path[0].idx == 0:
            position = positions[path[1].idx]
            name, text = names[position], f"args[{position}]" + path_text(path[2:])
        else:
            name, text = path[1].key, call_path(path)
        found.append(
            Argument(
                text,
                name,
                callee.name,
                len(path) == 2,
                None if static_names is None else tuple(static_names),
            )
        )
    return found
