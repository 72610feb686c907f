"""Traced values that outlived their trace: where they were made, who holds them."""

import collections
import gc
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .._ir import creation_frame, describe, is_library_frame, message, source_of
from ._errors import UnexpectedTracerError
from ._history import argument_of, origin, recorded
from ._trace import Trace, Tracer

# Bounds of the search over references.
_DEEPEST = 10
_WIDEST = 2000


def explain_leak(tracer: Any) -> str:
    """The message for a value that is used after its trace has ended."""
    function = _function_of(tracer)
    found = _holder([tracer])
    holder = "" if found is None else f"\nIt is still held by {found[1]}."
    return message(
        f"a traced value {tracer.type!r} was used after {function} had returned, when "
        f"it no longer stands for anything.",
        f"It is {_made(tracer)}.{holder}\n"
        f"Return the value from {function} instead of storing it.",
    )


def check_survivors(trace: Trace) -> None:
    """Raise if user code still holds values of a finished trace."""
    gc.collect()
    survivors = [
        found
        for found in gc.get_referrers(trace)
        if isinstance(found, Tracer) and found.owner is trace
    ]
    found = _holder(survivors)
    if found is None:
        return
    tracer, holder = found
    function = _function_of(tracer)
    raise UnexpectedTracerError(
        message(
            f"check_tracer_leaks: {function} has returned, but left a traced value "
            f"{tracer.type!r} behind.",
            f"It is {_made(tracer)}.\nIt is still held by {holder}.\n"
            f"Return the value from {function} instead of storing it.",
        )
    )


def _function_of(tracer: Any) -> str:
    return getattr(tracer.owner, "function", "") or "a transformed function"


def _made(tracer: Any) -> str:
    """How the value came to be."""
    argument = argument_of(tracer)
    if argument is not None:
        return str(argument)
    equation = origin(tracer)
    frame = tracer.owner.frame_of(tracer) or creation_frame(recorded(tracer))
    what = "a value"
    if equation is not None:
        frame = frame or equation.frame
        what = f"the result of {equation.primitive.name}"
    elif frame is None:
        return "a value inside a transformation"
    source = source_of(frame)
    text = f": `{source:.80}`" if source else ""
    return f"{what} made at {describe(frame)}{text}"


# ---- who holds it --------------------------------------------------------------------


class _Link:
    """An object on the way to a tracer.

    Attributes:
        held: the object.
        key: what it has the next object under: an index, a key, an attribute.
        below: the way from there to the tracer, as Python would write it.
        tracer: the tracer.
    """

    __slots__ = ("below", "held", "key", "tracer")

    def __init__(
        self, tracer: Any, held: Any, key: Any = None, below: str = ""
    ) -> None:
        self.tracer = tracer
        self.held = held
        self.key = key
        self.below = below

    @property
    def path(self) -> str:
        """The way from the object to the tracer."""
        if isinstance(self.held, dict | list | tuple):
            return f"[{self.key!r}]{self.below}"
        return self.below if self.key is None else f".{self.key}{self.below}"


_Level = dict[int, _Link]  # by the identity of what is held


def _holder(tracers: Sequence[Any]) -> tuple[Any, str] | None:
    """One of `tracers` and what user code reaches it by, None when only Dolmen does.

    Goes backwards over references, one scan of the heap for each step.
    """
    gc.collect()  # what only waits for collection holds nothing
    level: _Level = {id(tracer): _Link(tracer, tracer) for tracer in tracers}
    reached: _Level = {}
    attribute: tuple[Any, str] | None = None
    for _ in range(_DEEPEST):
        links: _Level = {}
        for referrer in gc.get_referrers(*[link.held for link in level.values()]):
            if id(referrer) not in reached and not _is_ours(referrer):
                link = _link(referrer, level)
                if link is not None:
                    links[id(referrer)] = link
            if len(links) > _WIDEST:
                break
        name = _first(_name, links)
        if name is not None:
            return name
        attribute = attribute or _first(_attribute, links)
        reached.update(links)
        level = links
        if not level:
            break
    return _local_variable(reached) or attribute


def _first(
    describe: Callable[[_Link], str | None], links: _Level
) -> tuple[Any, str] | None:
    found = ((link.tracer, describe(link)) for link in links.values())
    return next(((tracer, text) for tracer, text in found if text is not None), None)


def _is_ours(value: Any) -> bool:
    if isinstance(value, Tracer):
        return False  # it may be the wrapper that is held
    if isinstance(value, types.FrameType | types.TracebackType):
        return True
    described = value if isinstance(value, types.FunctionType) else type(value)
    module = getattr(described, "__module__", None)
    return isinstance(module, str) and module.startswith("dolmen.")


def _link(referrer: Any, level: _Level) -> _Link | None:
    """How `referrer` holds an object of `level`."""
    for key, value in _contents(referrer):
        link = level.get(id(value))
        if link is None or link.held is not value:
            continue
        if key == "__dict__":
            return _Link(link.tracer, referrer, link.key, link.below)
        if key == "__closure__":
            name = referrer.__code__.co_freevars[link.key]
            return _Link(link.tracer, referrer, name, link.below)
        return _Link(link.tracer, referrer, key, link.path)
    if isinstance(referrer, type):
        # A class hides its dictionary, whose link is in `level`, behind a proxy.
        for link in level.values():
            if isinstance(link.held, dict) and isinstance(link.key, str):
                value = vars(referrer).get(link.key, link)
                if value is link.held.get(link.key):
                    return _Link(link.tracer, referrer, link.key, link.below)
    return None


def _contents(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if isinstance(value, set | frozenset | collections.deque):
        return [(None, item) for item in list(value)]
    if isinstance(value, types.CellType):
        return [(None, value.cell_contents)]
    if isinstance(value, types.MethodType):
        return [("__self__", value.__self__)]
    if isinstance(value, type):
        return []
    return list(_attributes(value))


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, types.FunctionType):
        yield "__closure__", value.__closure__
        yield "__defaults__", value.__defaults__
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        yield "__dict__", attributes
        yield from list(attributes.items())
    for cls in type(value).__mro__:
        for name, member in list(vars(cls).items()):
            if isinstance(member, types.MemberDescriptorType) and hasattr(value, name):
                yield name, getattr(value, name)


# ---- what it is called ---------------------------------------------------------------


def _name(link: _Link) -> str | None:
    """The name that leads to the tracer over `link`, if a program can write one."""
    held = link.held
    if isinstance(held, dict):
        module = held.get("__name__")
        if not isinstance(module, str) or module.startswith("dolmen."):
            return None
        if getattr(sys.modules.get(module), "__dict__", None) is held:
            return f"the global variable `{module}.{link.key}{link.below}`"
    if isinstance(held, type) and not held.__module__.startswith("dolmen."):
        return f"the class attribute `{_qualified(held)}{link.path}`"
    if isinstance(held, types.FunctionType) and link.key in held.__code__.co_freevars:
        return (
            f"the variable `{link.key}{link.below}` in the closure of "
            f"`{_qualified(held)}`"
        )
    return None


def _attribute(link: _Link) -> str | None:
    """The attribute of an object that nothing with a name was found to hold."""
    held = link.held
    if isinstance(held, Tracer) or type(held).__module__ == "builtins":
        return None
    return f"`{link.path}` of a `{_qualified(type(held))}` object"


def _local_variable(reached: _Level) -> tuple[Any, str] | None:
    """A variable of a running function of the user's, through a container."""
    frame = sys._getframe(1)
    while frame is not None:
        if not is_library_frame(frame):
            for name, value in list(frame.f_locals.items()):
                link = reached.get(id(value))
                if link is not None and not isinstance(value, Tracer):
                    where = frame.f_code.co_qualname
                    text = f"the variable `{name}{link.path}` of {where}"
                    return link.tracer, text
        frame = frame.f_back
    return None


def _qualified(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
