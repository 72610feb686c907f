"""What kernel functions work with: refs, grid indices, structured control flow."""

import contextlib
import math
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import dolmen.core.numpy as jnp
from dolmen.core.extend import (
    ArrayType,
    Program,
    Tracer,
    array_type,
    bind,
    error_message,
    record,
    typeof,
)

from ._operations import Load, Loop, Store, When, Window
from ._specs import Slice

INDEX = array_type((), np.dtype("int32"))


class Ref:
    """A block of an input or output inside a kernel: read and written by indexing it.

    Indices are integers, slices with step 1, `...` and `ds(start, size)`; integers and
    starts may be traced. `ref[...]` is the whole block.

    Attributes:
        name: the kernel's parameter.
        type: shape and dtype of the block.
    """

    __slots__ = ("name", "role", "stored", "type", "value", "writable")

    def __init__(self, name: str, role: str, type: ArrayType, writable: bool) -> None:
        self.name = name
        self.role = role
        self.type = type
        self.writable = writable
        self.value: Any = None  # the block now, a value of the program being recorded
        self.stored = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the block's axes."""
        return self.type.shape

    @property
    def dtype(self) -> np.dtype:
        """Element type."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """Number of axes of the block."""
        return self.type.ndim

    @property
    def size(self) -> int:
        """Number of elements of the block."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"Ref({self.name}: {self.type!r})"

    def __getitem__(self, key: Any) -> Any:
        self._check_alive()
        window, dynamic = _window(self, key)
        return bind(Load(window), self.value, *dynamic)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._check_alive()
        if not self.writable:
            raise TypeError(
                error_message(
                    f"store to `{self.name}`: it is {self.role}, and inputs can't be "
                    "written.",
                    "Write to an output instead.",
                )
            )
        window, dynamic = _window(self, key)
        value = self._as_stored(value, window.value_shape)
        made = bind(Store(window), self.value, value, *dynamic)
        if made.owner is not self.value.owner:
            raise TypeError(
                error_message(
                    f"store to `{self.name}`: a ref can't be written inside the "
                    "function of a transformation or of `lax` control flow, which "
                    "would lose the write.",
                    "Use `kernels.when` or `kernels.loop`, or return the value from "
                    "the function and store it outside.",
                )
            )
        self.value = made
        self.stored = True

    def _as_stored(self, value: Any, shape: tuple[int, ...]) -> Any:
        given = typeof(value)
        if given.dtype != self.dtype and not given.weak_type:
            raise TypeError(
                error_message(
                    f"store to `{self.name}`: expected dtype {self.dtype.name} of the "
                    f"ref {self.type!r}, got {given!r}.",
                    f"Convert the value with `.astype({self.name}.dtype)`.",
                )
            )
        try:
            fits = np.broadcast_shapes(given.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                error_message(
                    f"store to `{self.name}`: the index selects "
                    f"{array_type(shape, self.dtype)!r} of the ref {self.type!r}, "
                    f"which a value {given!r} can't be broadcast to."
                )
            )
        return jnp.broadcast_to(jnp.asarray(value, self.dtype), shape)

    def _check_alive(self) -> None:
        if self.value is None:
            raise RuntimeError(
                error_message(
                    f"ref `{self.name}`: it was used after its kernel had returned.",
                    "Read and write refs inside the kernel only.",
                )
            )

    def __jax_array__(self) -> Any:
        raise TypeError(
            error_message(
                f"`{self.name}` is a Ref {self.type!r}, not an array.",
                f"Read the block first: `{self.name}[...]`.",
            )
        )


def _window(ref: Ref, key: Any) -> tuple[Window, list[Any]]:
    """The window an index expression means, and its dynamic starts."""
    entries = _without_ellipsis(ref, key if isinstance(key, tuple) else (key,))
    starts: list[int | None] = []
    sizes, kept, dynamic = [], [], []
    for axis, (entry, length) in enumerate(zip(entries, ref.shape, strict=True)):
        start, size, is_kept = _along_axis(ref, axis, entry, length)
        if isinstance(start, int):
            starts.append(_checked_start(ref, axis, start, size, length))
        else:
            starts.append(None)
            dynamic.append(jnp.asarray(start, "int32"))
        sizes.append(size)
        if is_kept:
            kept.append(axis)
    return Window(tuple(starts), tuple(sizes), tuple(kept)), dynamic


def _without_ellipsis(ref: Ref, entries: tuple[Any, ...]) -> list[Any]:
    positions = [i for i, entry in enumerate(entries) if entry is Ellipsis]
    missing = ref.ndim - len(entries) + len(positions)
    if len(positions) > 1 or missing < 0:
        raise IndexError(
            error_message(
                f"index of `{ref.name}`: expected at most {ref.ndim} indices and one "
                f"`...` for the ref {ref.type!r}, got {len(entries)} entries."
            )
        )
    at = positions[0] if positions else len(entries)
    filling = [slice(None)] * missing
    return [*entries[:at], *filling, *entries[at + len(positions) :]]


def _along_axis(ref: Ref, axis: int, entry: Any, length: int) -> tuple[Any, int, bool]:
    """Start, size, and whether values keep the axis."""
    if isinstance(entry, Slice):
        return _maybe_static(entry.start), operator.index(entry.size), True
    if isinstance(entry, slice) and entry.step in (None, 1):
        bounds = (entry.start, entry.stop)
        if all(b is None or isinstance(b, int | np.integer) for b in bounds):
            start, stop, _ = entry.indices(length)
            return start, max(stop - start, 0), True
    elif _is_integer_scalar(entry):
        start = _maybe_static(entry)
        if isinstance(start, int) and -length <= start < 0:
            start += length
        return start, 1, False
    raise TypeError(
        error_message(
            f"index of `{ref.name}`: along axis {axis} expected an integer, a slice of "
            f"step 1 with known bounds, `...` or `ds(start, size)`, got {entry!r:.60}.",
            "Load the block with `[...]` and index the loaded value, or use "
            "`ds(start, size)` for a start that is known only when the kernel runs.",
        )
    )


def _maybe_static(start: Any) -> Any:
    return start if isinstance(start, Tracer) else operator.index(start)


def _is_integer_scalar(entry: Any) -> bool:
    if isinstance(entry, bool | np.bool_):
        return False
    if isinstance(entry, Tracer):
        return entry.shape == () and np.issubdtype(entry.dtype, np.integer)
    return isinstance(entry, int | np.integer)


def _checked_start(ref: Ref, axis: int, start: int, size: int, length: int) -> int:
    if size < 0 or start < 0 or start + size > length:
        raise IndexError(
            error_message(
                f"index of `{ref.name}`: elements {start} to {start + size} along axis "
                f"{axis} lie outside of the ref {ref.type!r}."
            )
        )
    return start


# ---- the kernel being traced ---------------------------------------------------------


class KernelContext:
    """The grid and the refs of the kernel whose function is running."""

    def __init__(
        self, name: str, grid: tuple[int, ...], ids: Sequence[Any], refs: Sequence[Ref]
    ) -> None:
        self.name = name
        self.grid = grid
        self.ids = ids
        self.written = [ref for ref in refs if ref.writable]


class _Active(threading.local):
    context: KernelContext | None = None


_active = _Active()


@contextlib.contextmanager
def tracing(context: KernelContext | None) -> Iterator[None]:
    """Make `context` the one that `program_id` and its kin see."""
    previous, _active.context = _active.context, context
    try:
        yield
    finally:
        _active.context = previous


def _context(function: str) -> KernelContext:
    if _active.context is None:
        raise RuntimeError(
            error_message(
                f"{function}: it was called outside of a kernel.",
                "Call it in the function given to `kernel_call`; index maps get the "
                "grid indices as arguments.",
            )
        )
    return _active.context


def _grid_axis(function: str, axis: int) -> int:
    grid = _context(function).grid
    if not 0 <= axis < len(grid):
        raise ValueError(
            error_message(
                f"{function}: `axis` must be one of the {len(grid)} dimensions of the "
                f"grid {grid}, got {axis}."
            )
        )
    return axis


def program_id(axis: int) -> Any:
    """Index of this step along a dimension of the grid, an int32 scalar.

    Raises:
        RuntimeError: no kernel is running.
        ValueError: the grid has no such dimension.
    """
    return _context("program_id").ids[_grid_axis("program_id", axis)]


def num_programs(axis: int) -> int:
    """Number of steps along a dimension of the grid, a Python integer.

    Raises:
        RuntimeError: no kernel is running.
        ValueError: the grid has no such dimension.
    """
    return _context("num_programs").grid[_grid_axis("num_programs", axis)]


def when(condition: Any) -> Callable[[Callable[[], None]], None]:
    """Run the decorated function if `condition` holds; it may write refs.

    Args:
        condition: a boolean scalar, possibly traced.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import kernels
        >>> def total(x_ref, o_ref):
        ...     @kernels.when(kernels.program_id(0) == 0)
        ...     def _():
        ...         o_ref[...] = jnp.zeros_like(o_ref[...])
        ...     o_ref[...] += jnp.sum(x_ref[...])
        >>> kernels.kernel_call(
        ...     total, jnp.zeros(()), grid=3,
        ...     in_specs=[kernels.BlockSpec((2,), lambda i: (i,))],
        ... )(jnp.arange(6.0))
        Array(15., dtype=float32)
    """

    def run(body: Callable[[], None]) -> None:
        context = _context("when")
        if isinstance(condition, bool | np.bool_):
            if condition:
                body()
            return
        predicate = jnp.asarray(condition)
        if predicate.shape != () or predicate.dtype != np.bool_:
            raise TypeError(
                error_message(
                    "when: `condition` must be a boolean scalar, got "
                    f"{typeof(condition)!r}."
                )
            )
        program, captures = _record_writes(context, body, [])
        _apply(context, When(program, len(captures)), [predicate, *captures])

    return run


def loop(lower: Any, upper: Any) -> Callable[[Callable[[Any], None]], None]:
    """Run the decorated function for each integer in `[lower, upper)`.

    It takes the integer, an int32 scalar, and may write refs.

    Args:
        lower: an integer scalar, possibly traced.
        upper: likewise.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import kernels
        >>> def double_rows(x_ref, o_ref):
        ...     @kernels.loop(0, 3)
        ...     def _(row):
        ...         o_ref[row, :] = 2 * x_ref[row, :]
        >>> kernels.kernel_call(double_rows, jnp.zeros((3, 2)))(jnp.ones((3, 2))).sum()
        Array(12., dtype=float32)
    """

    def run(body: Callable[[Any], None]) -> None:
        context = _context("loop")
        bounds = [jnp.asarray(bound, "int32") for bound in (lower, upper)]
        program, captures = _record_writes(context, body, [INDEX])
        _apply(context, Loop(program, len(captures)), [*bounds, *captures])

    return run


def _record_writes(
    context: KernelContext, body: Callable[..., None], in_types: Sequence[ArrayType]
) -> tuple[Program, list[Any]]:
    """The body as a program that also takes and gives the blocks of writable refs."""
    refs = context.written
    outer = [ref.value for ref in refs]
    count = len(in_types)

    def flat(*values: Any) -> list[Any]:
        for ref, value in zip(refs, values[count:], strict=True):
            ref.value = value
        body(*values[:count])
        return [ref.value for ref in refs]

    try:
        return record(flat, [*in_types, *(typeof(v) for v in outer)])
    finally:
        for ref, value in zip(refs, outer, strict=True):
            ref.value = value


def _apply(context: KernelContext, operation: Any, args: Sequence[Any]) -> None:
    refs = context.written
    results = bind(operation, *args, *(ref.value for ref in refs))
    for ref, value in zip(refs, results, strict=True):
        ref.value = value
