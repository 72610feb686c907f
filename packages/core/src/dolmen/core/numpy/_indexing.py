"""`x[...]`: an index expression becomes a static plan and operands.

`parse` reads the expression: what it selects along each axis becomes a `Plan`, which is
hashable, and everything that may differ between calls of one plan (integers, starts of
slices, index arrays) becomes an operand. `execute` and the updates of `_at` carry out a
plan with few operations: basic expressions with one slice, the others with one gather
or scatter. Eagerly the execution is compiled once per plan, so a loop over `x[i]`
compiles nothing after its first step.
"""

import enum
import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import lax
from .._backend import ArrayImpl
from .._ir import ArrayType, dtypes, message, type_error, value_error
from .._ops._gather import default_fill
from .._tracing import (
    Tracer,
    concrete,
    is_staging,
    not_concrete,
    typeof,
)
from ._eager import jit_when_eager

_INT32 = np.dtype("int32")
_INT32_LIMITS = np.iinfo("int32")


# ---- plans -------------------------------------------------------------------------


class Simple(enum.Enum):
    """What an expression selects along an axis, without further parameters."""

    WHOLE = ":"  # the whole axis
    NEW = "newaxis"  # a new axis of size 1
    POINT = "int"  # operand: an integer known to be an index of the axis
    SCALAR = "scalar"  # operand: an integer of which nothing is known


class Span(NamedTuple):
    """A slice of neighbors. Operand: the lowest index, known to be in bounds."""

    size: int
    backwards: bool


class Steps(NamedTuple):
    """A slice with another step than 1 and -1; it has no operand."""

    start: int
    size: int
    step: int


class Points(NamedTuple):
    """An array of indices, the operand.

    Attributes:
        known: they are in bounds and none is negative.
    """

    known: bool


Entry = Simple | Span | Steps | Points
_WHOLE, _NEW, _POINT, _SCALAR = Simple


class Plan(NamedTuple):
    """What an index expression means for arrays of one shape.

    Attributes:
        entries: one for each axis of the array, and for each new axis of the result.
        inserted: axes of size 1 to add to the array first; a scalar mask indexes them.
        distinct: the indices are sorted and unique because they come from one mask.
        apart: something stands between the index arrays (integers count as such), so
            their common axes come first in the result.
    """

    entries: tuple[Entry, ...]
    inserted: tuple[int, ...] = ()
    distinct: bool = False
    apart: bool = False

    @property
    def is_basic(self) -> bool:
        """Whether no index array takes part."""
        return not any(type(entry) is Points for entry in self.entries)

    @property
    def is_known(self) -> bool:
        """Whether every index is known to be in bounds."""
        return not any(e is _SCALAR or e == Points(False) for e in self.entries)


class Access(NamedTuple):
    """How indices are read: the keyword arguments of `x.at[...].get` and `set`.

    Attributes:
        mode: the value of a `GatherScatterMode`; None is the operation's own, and lets
            indices that are known and out of bounds raise.
        fill_value: what "fill" reads there; None is NaN, or the extreme integer.
        wrap: negative indices count from the end.
        is_sorted: the caller promises that the indices are in order.
        is_unique: the caller promises that no element is indexed twice.
    """

    mode: str | None = None
    fill_value: Any = None
    wrap: bool = True
    is_sorted: bool = False
    is_unique: bool = False


PLAIN = Access()


# ---- parsing -----------------------------------------------------------------------


def parse(array: ArrayType, key: Any, access: Access = PLAIN) -> tuple[Plan, list[Any]]:
    """Read an index expression.

    Args:
        array: type of the indexed array.
        key: what stands in the brackets.
        access: of it `mode` and `wrap`.

    Returns:
        The plan and its operands.

    Raises:
        IndexError: too many indices, an index out of bounds, a mask of another shape,
            or a traced mask.
        TypeError: something that is no index, a Python list among it.
        ValueError: a slice with step 0.
    """
    if isinstance(key, list):
        raise type_error(
            f"{array!r}[...]: expected an index, got the list {key!r:.60}.",
            "Write `x[jnp.array([...])]` for an index array, `x[tuple(...)]` for "
            "several indices.",
        )
    items = [
        item
        if item is None or item is Ellipsis or type(item) in (int, slice, bool)
        else _as_index(array, item)
        for item in (key if isinstance(key, tuple) else (key,))
    ]
    plan, operands = _Parser(array, access).parse(_without_ellipsis(array, items))
    if not plan.is_basic and _are_apart(items):
        plan = plan._replace(apart=True)
    return plan, operands


def _are_apart(items: list[Any]) -> bool:
    """Whether something stands between indices; `...` does, even for no axes."""
    places = [
        i
        for i, item in enumerate(items)
        if not (item is None or item is Ellipsis or type(item) is slice)
    ]
    return bool(places) and places[-1] - places[0] + 1 != len(places)


def _as_index(array: ArrayType, item: Any) -> Any:
    """An index as a Python int or bool, or as an integer or boolean array."""
    if isinstance(item, list | tuple):
        item = _from_sequence(array, item)
    elif hasattr(item, "__jax_array__"):
        item = item.__jax_array__()
    if isinstance(item, np.ndarray | np.generic):
        kind = item.dtype.kind if item.dtype.kind != "V" else dtypes.kind(item.dtype)
        if kind == "b":
            return item if item.ndim else bool(item)
        if kind in ("i", "u"):
            return item if item.ndim else int(item)
    elif isinstance(item, ArrayImpl | Tracer):
        kind = dtypes.kind(item.dtype)
        if kind == "b":
            mask = _concrete_mask(array, item)
            return mask if mask.ndim else bool(mask)
        if kind in ("i", "u"):
            return item
    elif not isinstance(item, str) and hasattr(item, "__index__"):
        return operator.index(item)
    got = repr(typeof(item)) if hasattr(item, "dtype") else f"{item!r:.60}"
    raise type_error(
        f"{array!r}[...]: an index must be an integer, a slice, None, `...`, or an "
        f"integer or boolean array, got {got}."
    )


def _from_sequence(array: ArrayType, item: Any) -> np.ndarray:
    if any(isinstance(part, ArrayImpl | Tracer | slice) for part in item):
        raise type_error(
            f"{array!r}[...]: a sequence inside an index must hold Python numbers, got "
            f"{item!r:.60}.",
            "Convert it with `jnp.asarray(...)` first.",
        )
    made = np.asarray(item)
    return made if made.size else made.astype(_INT32)


def _concrete_mask(array: ArrayType, mask: Any) -> np.ndarray:
    value = concrete(mask)
    if value is None:
        raise not_concrete(
            mask,
            "mask",
            f"boolean index of {array!r}",
            "Use `jnp.where(mask, x, other)`, or `jnp.nonzero(mask, size=...)` for a "
            "result of fixed size.",
        )
    return np.asarray(value)


def _without_ellipsis(array: ArrayType, items: list[Any]) -> list[Any]:
    """`items` with `...` written out, so that they cover every axis."""
    used, ellipses = 0, 0
    for item in items:
        if item is Ellipsis:
            ellipses += 1
        elif isinstance(item, np.ndarray) and item.dtype == bool:
            used += item.ndim
        elif item is not None and type(item) is not bool:
            used += 1
    if ellipses > 1:
        raise IndexError(message(f"{array!r}[...]: an index may hold one `...` only."))
    if used > array.ndim:
        raise IndexError(
            message(
                f"{array!r}[...]: too many indices: the array has {array.ndim} axes, "
                f"got indices for {used}."
            )
        )
    fill = [_WHOLE] * (array.ndim - used)
    if not ellipses:
        return items + fill
    at = next(i for i, item in enumerate(items) if item is Ellipsis)
    return items[:at] + fill + items[at + 1 :]


class _Parser:
    """Walks the items of one expression along the axes of the array."""

    def __init__(self, array: ArrayType, access: Access) -> None:
        self.array = array
        self.shape = array.shape
        self.access = access
        self.raises = access.mode is None
        self.axis = 0
        self.entries: list[Entry] = []
        self.operands: list[Any] = []
        self.inserted: list[int] = []

    def parse(self, items: list[Any]) -> tuple[Plan, list[Any]]:
        masks = arrays = 0
        for item in items:
            cls = type(item)
            if item is _WHOLE:
                self._add(_WHOLE)
            elif item is None:
                self.entries.append(_NEW)
            elif cls is int:
                self._integer(item)
            elif cls is slice:
                self._slice(item)
            elif cls is bool:
                arrays += 1
                self.inserted.append(self.axis + len(self.inserted))
                self.entries.append(Points(True))
                self.operands.append(np.zeros(int(item), _INT32))
            elif isinstance(item, np.ndarray):
                is_mask = item.dtype == bool
                masks += is_mask
                arrays += not is_mask
                (self._mask if is_mask else self._host_array)(item)
            else:
                arrays += item.ndim > 0
                self._add(Points(False) if item.ndim else _SCALAR, item)
        distinct = masks == 1 and not arrays
        return Plan(tuple(self.entries), tuple(self.inserted), distinct), self.operands

    def _add(self, entry: Entry, *operand: Any) -> None:
        self.entries.append(entry)
        self.operands.extend(operand)
        self.axis += 1

    def _integer(self, index: int) -> None:
        size = self.shape[self.axis]
        made = index + size if index < 0 and self.access.wrap else index
        if 0 <= made < size:
            return self._add(_POINT, made)
        if self.raises:
            raise _out_of_bounds(self.array, self.axis, index)
        limits = _INT32_LIMITS
        self._add(_SCALAR, np.int32(max(limits.min, min(limits.max, index))))

    def _slice(self, item: slice) -> None:
        size = self.shape[self.axis]
        if item == slice(None):
            return self._add(_WHOLE)
        start, stop, step = _slice_indices(self.array, item, size)
        count = len(range(start, stop, step))
        if not count:
            self._add(Span(0, False), 0)
        elif step == 1:
            if count == size:
                self._add(_WHOLE)
            else:
                self._add(Span(count, False), start)
        elif step == -1 or count == 1:
            self._add(Span(count, count > 1), start - (count - 1))
        else:
            self._add(Steps(start, count, step))

    def _mask(self, mask: np.ndarray) -> None:
        covered = self.shape[self.axis : self.axis + mask.ndim]
        if mask.shape != covered:
            raise IndexError(
                message(
                    f"{self.array!r}[...]: a boolean index must have the sizes "
                    f"{covered} of the axes it covers, got bool"
                    f"[{','.join(map(str, mask.shape))}]."
                )
            )
        for indices in np.nonzero(mask):
            self._add(Points(True), indices.astype(_INT32))

    def _host_array(self, indices: np.ndarray) -> None:
        size = self.shape[self.axis]
        if indices.dtype.kind == "V":
            indices = indices.astype(_INT32)
        low, high = (indices.min(), indices.max()) if indices.size else (0, -1)
        lowest = -size if self.access.wrap else 0
        if low >= lowest and high < size:
            made = (
                np.where(indices < 0, indices + size, indices) if low < 0 else indices
            )
            return self._add(Points(True), made.astype(_INT32))
        if self.raises:
            wrong = int(low if low < lowest else high)
            raise _out_of_bounds(self.array, self.axis, wrong)
        limits = _INT32_LIMITS
        self._add(
            Points(False), np.clip(indices, limits.min, limits.max).astype(_INT32)
        )


def _slice_indices(array: ArrayType, item: slice, size: int) -> tuple[int, int, int]:
    parts = [item.start, item.stop, item.step]
    for name, part in zip(("start", "stop", "step"), parts, strict=True):
        if isinstance(part, Tracer) and concrete(part) is None:
            raise not_concrete(
                part,
                "slice",
                f"slice of {array!r}: `{name}`",
                "Use `lax.dynamic_slice(x, starts, sizes)` for a slice of fixed size "
                "at a traced start.",
            )
    try:
        return item.indices(size)
    except TypeError:
        raise type_error(
            f"{array!r}[...]: start, stop and step of a slice must be integers or "
            f"None, got {item!r}."
        ) from None
    except ValueError:
        raise value_error(
            f"{array!r}[...]: the step of a slice must not be 0."
        ) from None


def _out_of_bounds(array: ArrayType, axis: int, index: int) -> IndexError:
    return IndexError(
        message(
            f"{array!r}[...]: index {index} is out of bounds for axis {axis} of size "
            f"{array.shape[axis]}.",
            "Use `x.at[...].get(mode='clip')` or `mode='fill'` if it is meant to be.",
        )
    )


# ---- execution ---------------------------------------------------------------------


def execute(plan: Plan, access: Access, x: Any, *operands: Any) -> Any:
    """The elements of `x` that a plan selects."""
    if plan.inserted:
        x = lax.expand_dims(x, plan.inserted)
    if plan.is_basic and (plan.is_known or access.mode != "fill"):
        return _take_slice(plan, access, x, operands)
    return _take_gather(plan, access, x, operands)


class Box(NamedTuple):
    """What a basic plan selects: along each axis `sizes` elements from `starts`.

    Attributes:
        flipped: axes to reverse.
        dropped: axes of size 1 that the result lacks.
        new: axes of size 1 that only the result has.
    """

    starts: list[Any]
    sizes: list[int]
    steps: list[int]
    flipped: list[int]
    dropped: list[int]
    new: list[int]

    @property
    def is_static(self) -> bool:
        """Whether all starts are Python integers."""
        return all(type(start) is int for start in self.starts)


def box_of(
    plan: Plan, access: Access, shape: tuple[int, ...], operands: Sequence[Any]
) -> Box:
    """The box that a basic plan selects from an array of this shape."""
    box = Box([], [], [], [], [], [])
    given = iter(operands)
    position = 0
    for entry in plan.entries:
        if entry is _NEW:
            box.new.append(position)
            position += 1
            continue
        axis = len(box.starts)
        start, size, step = 0, shape[axis], 1
        if entry is _POINT or entry is _SCALAR:
            start = next(given)
            if entry is _SCALAR:
                start = as_int32(start, size, access.wrap)
            size = 1
            box.dropped.append(axis)
        elif type(entry) is Span:
            start, size = next(given), entry.size
            if entry.backwards:
                box.flipped.append(axis)
        elif type(entry) is Steps:
            start, size, step = entry
            if step < 0:
                start, step = start + (size - 1) * step, -step
                box.flipped.append(axis)
        if not box.dropped or box.dropped[-1] != axis:
            position += 1
        box.starts.append(start)
        box.sizes.append(size)
        box.steps.append(step)
    return box


def _take_slice(plan: Plan, access: Access, x: Any, operands: Sequence[Any]) -> Any:
    shape = typeof(x).shape
    if any(entry is _SCALAR for entry in plan.entries):
        _check_not_empty(plan, typeof(x))
    box = box_of(plan, access, shape, operands)
    starts, sizes, steps = box.starts, box.sizes, box.steps
    # While values are known, integers stay operands: else each would be compiled for.
    if box.is_static and (is_staging() or not operands):
        if sizes != list(shape):
            limits = _limits(starts, sizes, steps)
            x = lax.slice(x, starts, limits, steps if max(steps) > 1 else None)
    else:
        if max(steps) > 1:
            strided = [step > 1 for step in steps]
            low = [s if t else 0 for s, t in zip(starts, strided, strict=True)]
            counts = [
                c if t else n for c, n, t in zip(sizes, shape, strided, strict=True)
            ]
            x = lax.slice(x, low, _limits(low, counts, steps), steps)
            starts = [0 if t else s for s, t in zip(starts, strided, strict=True)]
        starts = [np.int32(s) if type(s) is int else s for s in starts]
        x = lax.dynamic_slice(x, starts, sizes, allow_negative_indices=False)
    x = lax.rev(x, box.flipped) if box.flipped else x
    x = lax.squeeze(x, box.dropped) if box.dropped else x
    return lax.expand_dims(x, box.new) if box.new else x


def _limits(starts: list[int], sizes: list[int], steps: list[int]) -> list[int]:
    return [
        start + (size - 1) * step + 1 if size else start
        for start, size, step in zip(starts, sizes, steps, strict=True)
    ]


def _check_not_empty(plan: Plan, type: ArrayType) -> None:
    """Raise `IndexError` for an index into an axis that has no elements."""
    axes = [entry for entry in plan.entries if entry is not _NEW]
    for axis, entry in enumerate(axes):
        if type.shape[axis] == 0 and (entry is _SCALAR or entry == Points(False)):
            raise IndexError(
                message(
                    f"{type!r}[...]: axis {axis} is empty, so no index is in bounds."
                )
            )


class Window(NamedTuple):
    """Arguments of the gather or scatter that a plan means.

    Attributes:
        indices: `[..., k]`, an index vector for each point of the batch.
        offset: axes of the result that come from slices.
        collapsed: axes of the array that are indexed one element at a time.
        mapped: the axes of the array that index vectors refer to.
        sizes: of the slices along each axis of the array.
        shape: of the result, before new axes.
        flipped: axes of the result to reverse.
        new: axes of size 1 to add to the result at last.
    """

    indices: Any
    offset: tuple[int, ...]
    collapsed: tuple[int, ...]
    mapped: tuple[int, ...]
    sizes: tuple[int, ...]
    shape: tuple[int, ...]
    flipped: tuple[int, ...]
    new: tuple[int, ...]

    @property
    def final_shape(self) -> tuple[int, ...]:
        """Shape of the result with its new axes."""
        shape = list(self.shape)
        for axis in self.new:
            shape.insert(axis, 1)
        return tuple(shape)


def window_of(
    plan: Plan, access: Access, shape: tuple[int, ...], operands: Sequence[Any]
) -> Window:
    """The gather or scatter that a plan means for an array of this shape."""
    return _WindowMaker(plan, access, shape, operands).make()


class _WindowMaker:
    """Lays out the axes of the result of a gather.

    Each stems from a slice ("offset") or from the batch of index vectors. To the batch
    belong the common shape of the index arrays, which stands where they do if nothing
    separates them and in front otherwise, and every slice with a step, which becomes an
    index array of its own.
    """

    def __init__(
        self,
        plan: Plan,
        access: Access,
        shape: tuple[int, ...],
        operands: Sequence[Any],
    ) -> None:
        self.plan, self.access, self.array_shape = plan, access, shape
        self.operands = iter(operands)
        self.points = _points_shape(plan, operands)
        self.points_end: int | None = None
        self.batch: list[int] = []
        # An index for each mapped axis, and the axes of the batch that it spans.
        self.parts: list[tuple[Any, tuple[int, ...]]] = []
        self.out: list[int] = []
        self.offset: list[int] = []
        self.collapsed: list[int] = []
        self.mapped: list[int] = []
        self.sizes: list[int] = []
        self.flipped: list[int] = []
        self.new: list[int] = []

    def make(self) -> Window:
        if self.plan.apart:
            self._place_points()
        for entry in self.plan.entries:
            if entry is _NEW:
                self.new.append(len(self.out) + len(self.new))
            elif entry is _WHOLE:
                self._offset(self.array_shape[len(self.sizes)])
            elif type(entry) is Span:
                if entry.backwards:
                    self.flipped.append(len(self.out))
                self.mapped.append(len(self.sizes))
                self.parts.append((next(self.operands), ()))
                self._offset(entry.size)
            elif type(entry) is Steps:
                start, size, step = entry
                index = np.arange(size, dtype=_INT32) * np.int32(step) + np.int32(start)
                self._collapse(index, (len(self.batch),))
                self.batch.append(size)
                self.out.append(size)
            else:
                self._points(entry)
        indices = _index_vectors(self.parts, tuple(self.batch))
        lists = self.offset, self.collapsed, self.mapped, self.sizes, self.out
        return Window(indices, *map(tuple, (*lists, self.flipped, self.new)))

    def _place_points(self) -> None:
        if self.points_end is None:
            self.batch.extend(self.points)
            self.out.extend(self.points)
            self.points_end = len(self.batch)

    def _offset(self, size: int) -> None:
        self.offset.append(len(self.out))
        self.out.append(size)
        self.sizes.append(size)

    def _collapse(self, index: Any, spans: tuple[int, ...]) -> None:
        axis = len(self.sizes)
        self.collapsed.append(axis)
        self.mapped.append(axis)
        self.sizes.append(1)
        self.parts.append((index, spans))

    def _points(self, entry: Any) -> None:
        self._place_points()
        assert self.points_end is not None
        size = self.array_shape[len(self.sizes)]
        known = entry is _POINT or entry == Points(True)
        index = as_int32(next(self.operands), size, self.access.wrap and not known)
        end = self.points_end
        self._collapse(index, tuple(range(end - np.ndim(index), end)))


def _points_shape(plan: Plan, operands: Sequence[Any]) -> tuple[int, ...]:
    """Common shape of the index arrays."""
    takers = [e for e in plan.entries if not (e in (_WHOLE, _NEW) or type(e) is Steps)]
    shapes = [
        typeof(operand).shape
        for entry, operand in zip(takers, operands, strict=True)
        if type(entry) is Points
    ]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(map(str, shapes))
        raise IndexError(
            message(f"x[...]: index arrays don't broadcast to one shape: {listed}.")
        ) from None


def as_int32(index: Any, size: int, wrap: bool) -> Any:
    """An index of an axis as int32; negative ones count from its end if `wrap`."""
    if size > _INT32_LIMITS.max:
        raise value_error(
            f"x[...]: an axis of {size} elements can be sliced, but index arrays and "
            f"traced integers reach {_INT32_LIMITS.max} of them at most.",
            "Reshape it to several shorter axes first.",
        )
    if isinstance(index, int | np.ndarray | np.generic):
        made = np.asarray(index)
        made = np.where(made < 0, made + size, made) if wrap else made
        return made.astype(_INT32)
    dtype = index.dtype
    if dtype != _INT32:
        if dtype.itemsize > 4 or dtype == np.uint32:
            # Too large for int32 is out of bounds; it must not come back by wrapping.
            top = np.asarray(_INT32_LIMITS.max, dtype)
            index = lax.min(index, top)
            if dtype.kind == "i":
                index = lax.max(index, np.asarray(_INT32_LIMITS.min, dtype))
        index = lax.convert_element_type(index, _INT32)
    if wrap and dtypes.kind(dtype) == "i":
        below = lax.lt(index, np.int32(0))
        index = lax.select(below, lax.add(index, np.int32(size)), index)
    return index


def _index_vectors(
    parts: Sequence[tuple[Any, tuple[int, ...]]], batch: tuple[int, ...]
) -> Any:
    """`[*batch, k]` from k indices, each spanning some axes of the batch."""
    if not parts:
        return np.zeros((*batch, 0), _INT32)
    if all(isinstance(index, int | np.ndarray | np.generic) for index, _ in parts):
        made = [_spread(np.asarray(i, _INT32), spans, batch) for i, spans in parts]
        return np.stack(made, axis=-1)
    column = (*batch, 1)
    columns = []
    for index, spans in parts:
        if isinstance(index, int | np.ndarray | np.generic):
            host = _spread(np.asarray(index, _INT32), spans, batch)
            columns.append(np.ascontiguousarray(host).reshape(column))
        else:
            columns.append(lax.broadcast_in_dim(index, column, spans))
    return columns[0] if len(columns) == 1 else lax.concatenate(columns, len(batch))


def _spread(
    index: np.ndarray, spans: tuple[int, ...], batch: tuple[int, ...]
) -> np.ndarray:
    shape = [1] * len(batch)
    for axis, size in zip(spans, index.shape, strict=True):
        shape[axis] = size
    return np.broadcast_to(index.reshape(shape), batch)


def _take_gather(plan: Plan, access: Access, x: Any, operands: Sequence[Any]) -> Any:
    type = typeof(x)
    window = window_of(plan, access, type.shape, operands)
    if not math.prod(window.shape):
        return lax.full(window.final_shape, 0, type.dtype)
    if not type.size and access.mode == "fill":
        given = access.fill_value
        fill = default_fill(type.dtype) if given is None else given
        return lax.full(window.final_shape, fill, type.dtype)
    _check_not_empty(plan, type)
    x = lax.gather(
        x,
        window.indices,
        lax.GatherDimensionNumbers(
            offset_dims=window.offset,
            collapsed_slice_dims=window.collapsed,
            start_index_map=window.mapped,
        ),
        window.sizes,
        unique_indices=access.is_unique or plan.distinct,
        indices_are_sorted=access.is_sorted or plan.distinct,
        mode="promise_in_bounds" if plan.is_known else access.mode or "clip",
        fill_value=access.fill_value,
    )
    x = lax.rev(x, window.flipped) if window.flipped else x
    return lax.expand_dims(x, window.new) if window.new else x


# ---- the operator ------------------------------------------------------------------


@jit_when_eager(static_argnames=("plan", "access"))
def execute_now(plan: Plan, access: Access, x: Any, *operands: Any) -> Any:
    """`execute`, as one compiled call if nothing is being traced."""
    return execute(plan, access, x, *operands)


@jit_when_eager
def _take_row(x: Any, index: Any) -> Any:
    return execute(Plan((_POINT, *[_WHOLE] * (x.ndim - 1))), PLAIN, x, index)


@jit_when_eager(static_argnames=("size",))
def _take_rows(x: Any, start: Any, size: int) -> Any:
    entries = (Span(size, False), *[_WHOLE] * (x.ndim - 1))
    return execute(Plan(entries), PLAIN, x, start)


def getitem(x: Any, key: Any) -> Any:
    """`x[key]`, for everything NumPy allows.

    Integers, slices, `...`, None, integer arrays (whose shapes broadcast together) and
    concrete boolean arrays, and tuples of them. Python lists are refused.

    Traced indices out of bounds are moved to the nearest element; indices that are
    known (Python integers and NumPy arrays) raise. Negative indices count from the end.

    Args:
        x: an array.
        key: an index or a tuple of them.

    Returns:
        The selected elements, in an array of the dtype of `x`.

    Raises:
        IndexError: too many indices, a known index out of bounds, or a traced mask.
        TypeError: `key` holds something that is no index.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.arange(6).reshape(2, 3)
        >>> x[1, ::2].tolist(), x[:, jnp.array([2, 0])].tolist()
        ([3, 5], [[2, 0], [5, 3]])
    """
    if type(x) is ArrayImpl and not is_staging():
        shape = x.shape
        if shape:
            # The two commonest expressions skip the parser.
            if type(key) is int:
                index = key + shape[0] if key < 0 else key
                if 0 <= index < shape[0]:
                    return _take_row(x, index)
            elif type(key) is slice and (key.step is None or key.step == 1):
                start, stop, _ = _slice_indices(x.aval, key, shape[0])
                if start < stop and stop - start < shape[0]:
                    return _take_rows(x, start, stop - start)
    plan, operands = parse(typeof(x), key)
    return execute_now(plan, PLAIN, x, *operands)
