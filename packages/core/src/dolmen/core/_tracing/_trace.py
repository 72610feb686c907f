"""One current trace per thread; `bind` hands every operation to it.

A trace interprets operations. The eager one runs them, the recording one writes them
down, and those of the transformations apply a primitive's rule while *their parent* is
current. So nothing searches a stack of levels: a value that belongs to no trace in
between is just a constant for it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .._backend import flags
from .._ir import ArrayType, Frame, Primitive


class Trace:
    """Interprets operations.

    Attributes:
        staging: whether operations are written down rather than run in the end, so that
            concrete arguments must not take the compiled fast path.
        finished: whether the traced function has returned; its tracers are dead.
        keeps_cells: whether mutable arrays from outside have a value of their own here.
        tracked: for messages, what is special about its values, and how to write them
            to a mutable array nevertheless.
    """

    __slots__ = ("finished", "staging")

    keeps_cells: ClassVar[bool] = False
    tracked: ClassVar[tuple[str, str]] = ("", "")

    finished: bool
    staging: bool

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        """Apply `primitive`; results as the primitive gives them."""
        raise NotImplementedError(type(self).__name__)

    def process_custom(self, call: "CustomCall", args: Sequence[Any]) -> Sequence[Any]:
        """Apply a function with rules of its own to flat arguments."""
        return call.run(args)

    def frame_of(self, tracer: "Tracer") -> Frame | None:
        """The user's line that made `tracer`, if this trace knows it."""
        return None


class CustomCall:
    """A function whose rules are functions of a user's, run wherever it is called.

    The rules of a primitive are recorded once, on types. These run at each call, on the
    values the trace has, so outside `jit` the user's functions see concrete arrays and
    may decide by them. Only a recording trace makes a primitive of the call.

    Every method runs while the parent of the asking trace is current, and takes and
    gives flat sequences, as the rules of `Primitive` do.
    """

    name: str
    kind: str  # as whose rules the user wrote them, for messages

    def run(self, args: Sequence[Any]) -> Sequence[Any]:
        """Results of the function itself."""
        raise NotImplementedError(type(self).__name__)

    def record(self, args: Sequence[Any]) -> Sequence[Any]:
        """Results of a primitive that stands for the call."""
        raise NotImplementedError(type(self).__name__)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Results and their tangents; None is a zero tangent."""
        raise NotImplementedError(type(self).__name__)

    def linearize(self, primals: Sequence[Any], active: tuple[bool, ...]) -> Any:
        """A `LinearizedCall` of its own, or None to derive one from `jvp`."""
        return None

    def apply_to_tangents(self, args: Sequence[Any]) -> Sequence[Any]:
        """Results where arguments depend on tangents, in which the call is linear.

        What this records will be transposed.
        """
        return self.run(args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None], trace: Any) -> Any:
        """Results and their batch axes; `trace` is the one that batches."""
        raise NotImplementedError(type(self).__name__)


if TYPE_CHECKING:
    from .._backend import Array as _TracedArray  # with the methods that are installed
else:
    _TracedArray = object


class Tracer(_TracedArray):
    """A value inside a trace; array methods are installed by `numpy`."""

    # Subclasses add "__weakref__": only one base of a class may have slots.
    __slots__ = ()

    type: ArrayType
    owner: Trace  # not `trace`, which is a method of arrays

    def _is_traced_array(self) -> bool:
        return True

    def concrete(self) -> Any:
        """The concrete array behind the tracer, or None when there is none."""
        return None

    def behind(self) -> Any:
        """The value of the trace around that this one wraps, None for a variable."""
        return None

    @property
    def aval(self) -> ArrayType:
        """The type, under JAX's name."""
        return self.type

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.type.shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.type.dtype

    @property
    def weak_type(self) -> bool:
        """Whether the dtype gives way to others in promotion."""
        return self.type.weak_type

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.type.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.type.size

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.type.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.type.nbytes

    def __hash__(self) -> int:
        """Raise: equal values would not be found in a set or as keys."""
        from ._errors import unhashable

        raise unhashable(self)


class _State(threading.local):
    trace: Trace
    frame: Frame | None = None
    axes: tuple[Any, ...] = ()  # the bound named axes, see `_axes`
    batched: Any = None  # the named axis whose batch rule is running
    # Values of finished traces that stand for inputs of a rule now being recorded.
    revived: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.trace = _initial_trace


_initial_trace: Trace = Trace()
_initial_trace.staging = False
_initial_trace.finished = False
state = _State()


def set_initial_trace(trace: Trace) -> None:
    """The trace every thread starts with."""
    global _initial_trace
    _initial_trace = trace
    state.trace = trace


def bind(primitive: Primitive, *args: Any) -> Any:
    """Apply `primitive` in the current trace."""
    for arg in args:
        if type(arg) not in _plain_types:
            args = _unwrapped(args)
            break
    if _align is not None:
        return state.trace.process(primitive, _align(primitive, args))
    return state.trace.process(primitive, args)


# Casts arguments to vary over the same axes of a mesh, once there are any that do.
_Alignment = Callable[[Primitive | None, Sequence[Any]], Sequence[Any]]
_align: _Alignment | None = None


def set_alignment(function: _Alignment) -> None:
    """What is done to the arguments of every operation and custom call first."""
    global _align
    _align = function


def bind_custom(call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
    """Apply a function with rules of its own in the current trace."""
    return state.trace.process_custom(call, aligned(None, args))


def aligned(primitive: Primitive | None, args: Sequence[Any]) -> Sequence[Any]:
    """The arguments as `bind` hands them to the current trace."""
    return args if _align is None else _align(primitive, args)


# Types seen in `bind` that have no `__jax_array__`.
_plain_types: set[type] = set()


def _unwrapped(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """`args` with the arrays that objects with `__jax_array__` stand for.

    Traces recognise their tracers by type, so a box around one must be opened first.
    """
    made = []
    for arg in args:
        if hasattr(type(arg), "__jax_array__"):
            arg = arg.__jax_array__()
        else:
            _plain_types.add(type(arg))
        made.append(arg)
    return tuple(made)


def current_trace() -> Trace:
    """The trace of this thread."""
    return state.trace


def is_staging() -> bool:
    """Whether operations are being recorded (as under `jit`)."""
    return state.trace.staging


@contextlib.contextmanager
def entering(trace: Trace) -> Iterator[None]:
    """Make `trace` current inside the block."""
    previous = enter(trace)
    try:
        yield
    finally:
        enter(previous)


def enter(trace: Trace) -> Trace:
    """Make `trace` current and return the previous one, which must be entered again."""
    previous = state.trace
    state.trace = trace
    if trace.staging is not previous.staging:
        flags.set_tracing(trace.staging)
    return previous
