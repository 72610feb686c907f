"""What a function was traced to, signature by signature."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import _backend
from .._ir import ArrayType, Primitive, Program, value_error
from .._lowering import forget_executables, set_clear_caches, set_rewrite
from .._ops._pieces import gathered
from .._tracing import AbstractRef, Cell, Tracer, write_back
from .._transforms._trees import call_path, flatten_with_path
from ._signature import Static


class TraceKey(NamedTuple):
    """All that a trace depends on: one signature of a function.

    Attributes:
        static: the static arguments.
        kinds: their types, since 1, 1.0 and True are equal, but not the same argument.
        tree: tree of the dynamic `(args, kwargs)`.
        types: types of their leaves.
        settings: those that traces depend on.
        axes: the named axes that are bound.
        mesh: the current one.
    """

    static: Static
    kinds: tuple[type, ...]
    tree: Any
    types: tuple[ArrayType | AbstractRef, ...]
    settings: tuple[Any, ...]
    axes: tuple[Any, ...]
    mesh: Any


class TracedFunction:
    """What one signature of a function was traced to.

    Attributes:
        captures: what it closed over, arrays and refs; the program's leading inputs.
        written: the refs it writes to, those among the arguments by their number; their
            last values are the last results of the program.
        out_shardings: for each result how it is laid out, None if the compiler chooses;
            None for all.
        stateful: whether it closes over refs, or writes to any.
        donated: for each leaf of the arguments of a call that ran, whether its buffer
            was given away; empty when none was.
        traces: how many times it was traced.
        misses: how many calls C++ left to Python.
        seconds: that tracing took, all times together.
    """

    __slots__ = (
        "captures",
        "donated",
        "misses",
        "name",
        "out_shardings",
        "out_tree",
        "program",
        "seconds",
        "stateful",
        "traces",
        "written",
    )

    def __init__(
        self,
        program: Program,
        captures: list[Any],
        out_tree: Any,
        name: str,
        written: Sequence[int | Cell] = (),
        out_shardings: Sequence[Any] | None = None,
    ) -> None:
        self.program = program
        self.captures = captures
        self.out_tree = out_tree
        self.name = name
        self.written = written
        self.out_shardings = out_shardings
        # Arguments that are refs don't count: they are seen in the call.
        self.stateful = bool(written) or any(isinstance(c, Cell) for c in captures)
        self.donated: tuple[bool, ...] = ()
        self.traces = 1
        self.misses = 0
        self.seconds = 0.0

    @property
    def reusable(self) -> bool:
        """Whether the values it closed over are still there."""
        return not any(
            isinstance(c, Tracer | Cell) and c.owner.finished for c in self.captures
        )

    def without_kept_refs(
        self, donated: Sequence[bool], leaves: Sequence[Any]
    ) -> tuple[bool, ...]:
        """Which arguments to give away: of refs those that get another value."""
        return tuple(
            gives and (index in self.written or not isinstance(leaf, Cell))
            for index, (gives, leaf) in enumerate(zip(donated, leaves, strict=True))
        )

    def result(self, outs: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """The result tree, after the refs have got their new values.

        Args:
            leaves: of the arguments, with the refs among them.
        """
        if not self.written:
            return self.out_tree.unflatten(outs)
        count = self.out_tree.num_leaves
        refs = [leaves[w] if isinstance(w, int) else w for w in self.written]
        write_back(refs, outs[count:])
        return self.out_tree.unflatten(outs[:count])


def check_aliases(
    transform: str, found: TracedFunction, leaves: Sequence[Any], dynamic: Any
) -> None:
    """Raise if a ref comes twice: a write to one would miss the other.

    Args:
        leaves: of the dynamic arguments, with the refs among them.
    """
    seen = {id(c): "closed over" for c in found.captures if isinstance(c, Cell)}
    for index, leaf in enumerate(leaves):
        if not isinstance(leaf, Cell):
            continue
        path = call_path(flatten_with_path(dynamic)[0][index][0])
        if id(leaf) in seen:
            raise value_error(
                f"{transform} of {found.name}: the same ref {leaf.type!r} is passed as "
                f"{path} and {seen[id(leaf)]}.",
                "Pass it once, and use only that argument.",
            )
        seen[id(leaf)] = f"as {path}"


class TraceCache:
    """The traces of one function under one set of options, oldest first.

    It knows nothing of the function, so that it can be looked up by it and die with it.

    Attributes:
        causes: of the retraces, as `_retraces` counts them.
    """

    __slots__ = ("__weakref__", "causes", "traced")

    def __init__(self) -> None:
        self.traced: dict[TraceKey, TracedFunction] = {}
        self.causes: dict[Any, list[Any]] = {}
        _every_cache.add(self)

    def clear(self) -> None:
        """Forget every trace."""
        self.traced.clear()
        self.causes.clear()


_every_cache: weakref.WeakSet[TraceCache] = weakref.WeakSet()

# Functions that were jitted before keep their traces, so `jit(f)(x)` in a loop traces
# once.
_by_function: weakref.WeakKeyDictionary[Any, dict[Any, TraceCache]] = (
    weakref.WeakKeyDictionary()
)


def cache_of(function: Callable[..., Any], options: Any) -> TraceCache:
    """The cache shared by everything jitted of `function` with equal `options`."""
    try:
        by_options = _by_function.setdefault(function, {})
    except TypeError:  # not hashable or not weakly referable
        return TraceCache()
    found = by_options.get(options)
    if found is None:
        found = by_options[options] = TraceCache()
    return found


def donors(type: ArrayType) -> list[str]:
    """The arguments that arrays of this shape and dtype were donated as, a few."""
    found: list[str] = []
    for cache in list(_every_cache):
        for traced in cache.traced.values():
            for index, gives in enumerate(traced.donated):
                given = traced.program.inputs[len(traced.captures) + index].type
                if gives and (given.shape, given.dtype) == (type.shape, type.dtype):
                    found.append(_argument_name(traced, index))
    return sorted(set(found))[:3]


def _argument_name(traced: TracedFunction, index: int) -> str:
    describe, captures = traced.program.derived["arguments"]
    return str(describe(traced.program.inputs[captures:])[index])


_backend.set_donors(donors)


def clear_caches() -> None:
    """Forget everything traced and compiled in this process.

    The next call of every jitted function and of every single operation traces and
    compiles again. What is kept on disk stays.

    Example:
        >>> import dolmen.core as dc
        >>> dc.clear_caches()
    """
    for cache in list(_every_cache):
        cache.clear()
    for primitive in Primitive.instances():
        primitive.derived.clear()
    forget_executables()
    _backend.clear_caches()


set_clear_caches(clear_caches)
set_rewrite(gathered)
