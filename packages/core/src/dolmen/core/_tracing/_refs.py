"""Mutable arrays while tracing: the Python object changes, programs stay pure.

A cell belongs to the trace it was made in and holds its present value there. A trace
that records a function inside keeps a value of its own: the outer one enters the
program as a capture, and if the function replaced it, the last one leaves as another
result. Whoever recorded the program writes that back into the cell, in the outer trace.
So no primitive, rule or compiled program knows cells.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._ir import ArrayType, Frame, describe, message, user_frame, value_error
from ._errors import UnexpectedTracerError
from ._trace import Tracer, state
from ._values import typeof


@dataclass(frozen=True, slots=True)
class AbstractRef:
    """The type of a mutable array: that of the values it holds.

    Attributes:
        inner_aval: type of the values.
        memory_space: where they live; None for the device's own memory.
        kind: how writes behave under transformations; see `new_ref`.
        ref_class: class of the mutable arrays.
        tree: of a value that is no plain array, as transformations open it.
    """

    inner_aval: ArrayType
    memory_space: Any = None
    kind: str | None = None
    ref_class: "type[Cell] | None" = None
    tree: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.inner_aval.shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.inner_aval.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.inner_aval.ndim

    def stand_in(self, value: Any) -> "Cell":
        """A mutable array of the current trace, for one that is an argument."""
        assert self.ref_class is not None
        return self.ref_class(value, self.tree, kind=self.kind, borrowed=True)

    def __repr__(self) -> str:
        return f"Ref{{{self.inner_aval!r}}}"


class Cell:
    """What traces know of a mutable array: read and replace its whole value.

    Attributes:
        type: of the values it holds, for good.
        tree: of values that are no plain arrays (random keys), of which it holds the
            leaf; None for arrays.
        owner: the trace it was made in.
        kind: None, or "no_grad_no_remat": nothing written to it is differentiated.
        borrowed: stands for an argument, so that only the caller may freeze it.
        made: the user's line that made it.
    """

    __slots__ = (
        "__weakref__",
        "_ended",
        "_lent_to",
        "_value",
        "borrowed",
        "kind",
        "made",
        "owner",
        "tree",
        "type",
    )

    def __init__(
        self,
        value: Any,
        tree: Any = None,
        *,
        kind: str | None = None,
        borrowed: bool = False,
    ) -> None:
        self.type = typeof(value)
        self.owner = state.trace
        self.tree = tree
        self.kind = kind
        self.borrowed = borrowed
        self.made: Frame | None = user_frame()
        self._value = value
        self._ended: tuple[str, Frame | None] | None = None
        self._lent_to = ""

    @property
    def aval(self) -> AbstractRef:
        """The type as a mutable array."""
        cls = type(self)
        return AbstractRef(self.type, kind=self.kind, ref_class=cls, tree=self.tree)

    @property
    def is_ended(self) -> bool:
        """Whether it was frozen or freed."""
        return self._ended is not None

    def read(self) -> Any:
        """The present value, as the current trace sees it."""
        holder = self._holder("read")
        return self._value if holder is self.owner else holder.cell_value(self)

    def write(self, value: Any) -> None:
        """Replace the value by another of the same type.

        Raises:
            ValueError: a transformation inside the owner tracks `value` (it differs
                across a batch or is being differentiated), which the cell can't.
        """
        assert typeof(value) is self.type, (self.type, value)
        holder = self._holder("write to")
        self._refuse_tracked(value, holder)
        if holder is self.owner:
            self._value = value
        else:
            holder.cell_value(self)  # the value from outside must enter in any case
            holder.cells[self] = value

    def end(self, how: str) -> Any:
        """Refuse all further use; `how` is "frozen" or "freed". Returns the value."""
        if self._holder("freeze" if how == "frozen" else "free") is not self.owner or (
            self.borrowed
        ):
            raise value_error(
                f"a ref {self.type!r} can't be {how} inside a function that is traced, "
                f"when it was made outside, at {describe(self.made)}.",
                "Freeze or free it where it was made, after the call.",
            )
        self._ended = how, user_frame()
        return self._value

    def _holder(self, use: str) -> Any:
        """The trace that keeps the present value: the owner or a recording inside."""
        if self._ended is not None:
            how, frame = self._ended
            raise value_error(
                f"can't {use} a ref {self.type!r} that was {how} at {describe(frame)}.",
                f"Use it before it is {how}, or make another one with `new_ref`.",
            )
        if self._lent_to:
            raise value_error(
                f"can't {use} a ref {self.type!r} that is passed to {self._lent_to}: "
                "the function would not see what the other writes.",
                "Pass it once, and use only that argument.",
            )
        trace: Any = state.trace
        while trace is not self.owner:
            # A rule of a function may read what the function has read.
            is_over = self.owner.finished and id(self) not in state.revived
            if trace is None or is_over:
                raise self._leaked()
            if trace.keeps_cells:
                return trace
            trace = getattr(trace, "parent", None)
        return trace

    def _refuse_tracked(self, value: Any, holder: Any) -> None:
        owner = value.owner if isinstance(value, Tracer) else holder
        trace: Any = state.trace
        while trace is not holder:
            if trace is owner:
                tracked, fix = trace.tracked
                raise value_error(
                    f"can't write to a ref {self.type!r}: the value {tracked}, but the "
                    f"ref was made outside, at {describe(self.made)}.",
                    fix,
                )
            trace = trace.parent

    def _leaked(self) -> UnexpectedTracerError:
        function = getattr(self.owner, "function", "") or "a transformed function"
        if self.borrowed:
            return UnexpectedTracerError(
                message(
                    f"a ref {self.type!r} that is an argument of {function} was used "
                    f"after {function} had returned.",
                    "Use the caller's ref. A derivative rule that uses it must run "
                    "inside `jit`, as `jit(grad(f))`.",
                )
            )
        return UnexpectedTracerError(
            message(
                f"a ref {self.type!r} that was made inside {function}, at "
                f"{describe(self.made)}, was used outside.",
                f"Return its value, `ref[...]`, from {function}; or make the ref "
                "outside and pass it in.",
            )
        )


def present(values: Sequence[Any]) -> list[Any]:
    """`values` with what cells among them hold now, as the current trace sees it."""
    return [value.read() if isinstance(value, Cell) else value for value in values]


@contextlib.contextmanager
def lending(cells: Sequence[Cell], to: str) -> Iterator[None]:
    """While a function has stand-ins for `cells`, nothing may use these themselves.

    Args:
        to: the function, for messages.

    Raises:
        ValueError: a cell comes twice.
    """
    for index, cell in enumerate(cells):
        if cell in cells[:index]:
            raise value_error(
                f"{to}: the same ref {cell.type!r} is passed twice.",
                "Pass it once, and use only that argument.",
            )
    try:
        for cell in cells:
            cell._lent_to = to
        yield
    finally:
        for cell in cells:
            cell._lent_to = ""


def write_back(cells: Sequence[Cell], values: Sequence[Any]) -> None:
    """Let each cell hold what a program that writes to it has returned for it."""
    for cell, value in zip(cells, values, strict=True):
        cell.write(value)


def unexpected_write(cell: Cell, function: str) -> ValueError:
    """The error where a traced function may not write to mutable arrays."""
    return value_error(
        f"{function or 'the function'} writes to a ref {cell.type!r} that was made "
        f"outside, at {describe(cell.made)}, but it is recorded apart from the call "
        "that it stands for.",
        "Return the new value, and write it where the function is called; or let a "
        "derivative rule run inside `jit`, as `jit(grad(f))`.",
    )


def unexpected_read(cell: Cell) -> ValueError:
    """The error for a derivative rule that reads a ref its function does not."""
    return value_error(
        f"a derivative rule reads a ref {cell.type!r} that was made outside, at "
        f"{describe(cell.made)}, but the function it belongs to does not.",
        "Read the ref in the function, and return its value as a residual; or let the "
        "rule run inside `jit`, as `jit(grad(f))`.",
    )
