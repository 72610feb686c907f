"""`debug.breakpoint`: stop in a running program and look at its frames."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence, ValuesView
from types import FrameType
from typing import Any

from .._ir import is_library_frame, value_error
from .._tracing import Tracer, bind, device_array, typeof
from .._transforms._trees import argument_leaves, flatten
from ._callback import pure_callback
from ._custom_jvp import custom_jvp
from ._debug import DebugCallback
from ._debugger import Debugger, StackFrame
from ._shape_struct import describe_type

_DEBUGGERS = {"cli": Debugger}


def debug_breakpoint(
    *,
    backend: str | None = None,
    filter_frames: bool = True,
    num_frames: int | None = None,
    ordered: bool = False,
    token: Any = None,
    **kwargs: Any,
) -> Any:
    """Stop here whenever the program comes by, also in compiled code, and prompt.

    The prompt is like that of pdb: it shows the stack of the user's own frames, moves
    along it, and runs Python in each of them. What was a traced value when the function
    was traced is there the array that it has in this run. Type `help` for the commands.

    Under `vmap` it stops for each element of the batch. A program keeps the values of
    the frames for as long as it is kept itself.

    Args:
        backend: which debugger; there is "cli".
        filter_frames: leave out the frames of libraries: Dolmen's and NumPy's.
        num_frames: how many frames to offer at most, from this one outwards.
        ordered: keep the order of all ordered debugging calls of a program.
        token: arrays in a tree; the program then stops once they are known, and only
            if something needs what this function returns.
        **kwargs: handed to the debugger: `stdin` and `stdout`, text streams.

    Returns:
        `token` unchanged, else None.

    Raises:
        ValueError: there is no such backend, or `num_frames` is below one.
        BdbQuit: (when it stops) the user asked to quit.

    Example:
        >>> import io
        >>> import dolmen.core as dc
        >>> commands, answers = io.StringIO("p y"), io.StringIO()
        >>> @dc.jit
        ... def f(x):
        ...     y = 2 * x
        ...     dc.debug.breakpoint(stdin=commands, stdout=answers)
        ...     return y
        >>> _ = f(3.0)
        >>> "Array(6., dtype=float32)" in answers.getvalue()
        True
    """
    if backend not in (None, *_DEBUGGERS):
        raise value_error(
            "debug.breakpoint: expected `backend` to be one of "
            f"{', '.join(map(repr, _DEBUGGERS))}, got {backend!r}."
        )
    if num_frames is not None and num_frames < 1:
        raise value_error(
            f"debug.breakpoint: expected `num_frames` to be at least 1, got "
            f"{num_frames}."
        )
    debugger = _DEBUGGERS[backend or "cli"]
    frames = _frames(sys._getframe(1), filter_frames=filter_frames)
    stack = _TracedStack(list(itertools.islice(frames, num_frames)))

    traced = stack.release()

    def stop(*values: Any) -> tuple[()]:
        debugger(stack.with_values(values), **kwargs).run()
        return ()

    if token is None:
        bind(DebugCallback(stop, ordered), *traced)
        return None
    leaves, tree = argument_leaves("debug.breakpoint", debug_breakpoint, token)
    return tree.unflatten(_stop_at(stop)(leaves, traced))


def _frames(frame: FrameType, *, filter_frames: bool) -> Iterator[FrameType]:
    """`frame`, and the frames around it."""
    yield frame
    outer = frame.f_back
    while outer is not None:
        if not (filter_frames and is_library_frame(outer)):
            yield outer
        outer = outer.f_back


def _stop_at(stop: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """From a token and traced values to the token, for which `stop` was called."""

    @custom_jvp
    def passed(token: Sequence[Any], traced: Sequence[Any]) -> Any:
        def call(token: Sequence[Any], traced: Sequence[Any]) -> Any:
            stop(*traced)
            return token

        described = [describe_type(typeof(leaf)) for leaf in token]
        return pure_callback(call, described, token, traced, vmap_method="sequential")

    passed.defjvp(lambda primals, tangents: (passed(*primals), tangents[0]))
    return passed


class _TracedStack:
    """The frames of a stack while their function is traced."""

    def __init__(self, frames: Sequence[FrameType]) -> None:
        self._traced: dict[int, Tracer] = {}
        self._kept = [
            (
                frame.f_code,
                frame.f_lineno,
                frame.f_globals,
                {name: self._open(value) for name, value in frame.f_locals.items()},
            )
            for frame in frames
        ]

    def _open(self, value: Any) -> tuple[list[Any], Any]:
        """Leaves and tree of a local variable, traced leaves as their `_Slot`."""
        try:
            leaves, tree = flatten(value, _is_iterator)
        except (TypeError, ValueError):  # keys that can't be sorted: taken as a leaf
            return [value], None
        return [self._slot(leaf) for leaf in leaves], tree

    def _slot(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tracer) or leaf.owner.finished:
            return leaf
        self._traced.setdefault(id(leaf), leaf)
        return _Slot(list(self._traced).index(id(leaf)))

    def release(self) -> list[Tracer]:
        """The traced values among the locals, which are not held any longer."""
        traced = list(self._traced.values())
        self._traced.clear()
        return traced

    def with_values(self, values: Sequence[Any]) -> list[StackFrame]:
        """The frames with arrays in the place of traced values."""
        arrays = [device_array(value) for value in values]
        return [
            StackFrame(
                code,
                line,
                {**outer, **{name: _filled(*v, arrays) for name, v in inner.items()}},
            )
            for code, line, outer, inner in self._kept
        ]


def _is_iterator(value: Any) -> bool:
    """Whether jaxlib would warn that `value` is no tree."""
    return isinstance(value, Iterator | ValuesView)


class _Slot:
    """The place of a traced value, by its number."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def _filled(leaves: Sequence[Any], tree: Any, arrays: Sequence[Any]) -> Any:
    full = [arrays[x.number] if isinstance(x, _Slot) else x for x in leaves]
    return full[0] if tree is None else tree.unflatten(full)
