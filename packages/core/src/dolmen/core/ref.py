"""Mutable arrays: a place whose value can be replaced, also inside transformations.

Programs stay functions of values: under `jit`, `scan`, `cond` and the others a ref's
value goes in and its last value comes out, and the ref is updated when the call
returns. See the note `mutable-arrays` among the design notes.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> ref = dc.new_ref(jnp.zeros(3))
    >>> @dc.jit
    ... def count(ref, i):
    ...     ref[i] += 1.0
    >>> count(ref, 1)
    >>> count(ref, 1)
    >>> ref
    Ref([0., 2., 0.], dtype=float32)
"""

from typing import Any, NoReturn

from . import lax, numpy as jnp
from ._backend import ArrayImpl, pytree
from ._higher_order import ShapeDtypeStruct
from ._ir import ArrayType, dtypes, type_error, value_error
from ._tracing import (
    AbstractRef as AbstractRef,
    Cell,
    Tracer,
    as_array,
    is_array_like,
    typeof,
)

__all__ = [
    "AbstractRef",
    "Ref",
    "addupdate",
    "empty_ref",
    "free_ref",
    "freeze",
    "get",
    "new_ref",
    "set",
    "swap",
]
__dir__ = __all__.copy


class Ref(Cell):
    """A mutable array: read with `ref[...]`, write with `ref[index] = values`.

    Make one with `new_ref`. It is no array itself: functions take `ref[...]`.

    Anything that indexes an array indexes a ref. Inside a transformation only the ref's
    value is tracked, so it may be an argument of `jit`, `vmap`, `cond` and
    `checkpoint`, closed over by these and by loop bodies, or made inside; but it can't
    be returned, and the same ref can't come twice.
    """

    __slots__ = ()

    array_advice = "Read the ref's value, `ref[...]`."

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self._closed(self.type).shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self._closed(self.type).dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._closed(self.type).ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._closed(self.type).size

    def _closed(self, value: Any) -> Any:
        """`value` as users see it: keys, where the cell holds their words."""
        return value if self.tree is None else self.tree.unflatten([value])

    @property
    def at(self) -> "_Views":
        """`ref.at[index]` is a view: what is written to it is written to the ref."""
        return _Views(self)

    def addupdate(self, x: Any, idx: Any = ()) -> None:
        """Add `x` to the elements at `idx`; see `addupdate`."""
        addupdate(self, idx, x)

    def __getitem__(self, idx: Any) -> Any:
        return get(self, idx)

    def __setitem__(self, idx: Any, value: Any) -> None:
        set(self, idx, value)

    def __len__(self) -> int:
        return len(self._closed(self.read()))

    def __copy__(self) -> "Ref":
        return new_ref(get(self), kind=self.kind)

    def __deepcopy__(self, memo: Any) -> "Ref":
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise type_error(
            f"pickle: a ref {self.type!r} can't be pickled.",
            "Pickle its value, `ref[...]`, and make another ref of it.",
        )

    def __repr__(self) -> str:
        if self.is_ended or self.owner.finished:
            return f"<Ref {self.type!r}, no longer usable>"
        value = self.read()
        if isinstance(value, Tracer):
            return f"Ref({self.type!r})"
        return "Ref" + repr(self._closed(value)).removeprefix("Array")


class RefView:
    """Part of a ref, `ref.at[index]`; reads and writes go through to the ref."""

    __slots__ = ("index", "parent")

    def __init__(self, parent: "Ref | RefView", index: Any) -> None:
        self.parent = parent
        self.index = index
        self.read()  # raises for a wrong index here rather than later

    def read(self) -> Any:
        """The present values."""
        return get(self.parent, self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.read().shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.parent.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.read().size

    @property
    def at(self) -> "_Views":
        """A view of part of the view."""
        return _Views(self)

    def __getitem__(self, idx: Any) -> Any:
        return get(self, idx)

    def __setitem__(self, idx: Any, value: Any) -> None:
        set(self, idx, value)

    def __repr__(self) -> str:
        return f"RefView({self.parent!r}, {self.index!r})"


class _Views:
    """What `ref.at` is."""

    __slots__ = ("ref",)

    def __init__(self, ref: Ref | RefView) -> None:
        self.ref = ref

    def __getitem__(self, idx: Any) -> RefView:
        return RefView(self.ref, idx)


def new_ref(init_val: Any, *, memory_space: Any = None, kind: str | None = None) -> Ref:
    """Make a mutable array.

    Args:
        init_val: its first value, an array, a number or random keys. The dtype of the
            ref is that of the value, for good.
        memory_space: None, the memory of the device.
        kind: "no_grad_no_remat" for a ref whose values are not differentiated, so that
            one made outside of `grad` may keep values from inside.

    Returns:
        A `Ref`. It belongs to the function it is made in.

    Raises:
        TypeError: `init_val` is no array.
        ValueError: `memory_space` or `kind` is none of the above.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> ref = dc.new_ref(jnp.arange(4))
        >>> ref[1:3] = 7
        >>> ref
        Ref([0, 7, 7, 3], dtype=int32)
    """
    if memory_space is not None:
        raise value_error(
            f"new_ref: expected `memory_space` None, got {memory_space!r}.",
            "Leave it out: refs live in the memory of the device.",
        )
    if kind not in (None, "no_grad_no_remat"):
        raise value_error(
            f"new_ref: expected `kind` None or 'no_grad_no_remat', got {kind!r}."
        )
    value, tree = _opened(init_val)
    dtype = typeof(value).dtype
    # A copy of a number or NumPy array, as an array that is not weakly typed.
    value = jnp.asarray(value, dtype)
    return Ref(lax.stop_gradient(value) if kind else value, tree, kind=kind)


def _opened(value: Any) -> tuple[Any, Any]:
    """What a cell holds of a value, and the tree that closes it: None for arrays."""
    value = as_array(value)
    if is_array_like(value):
        return value, None
    leaves, tree = pytree.BOUNDARY.flatten(value)
    if len(leaves) == 1 and pytree.PUBLIC.flatten(value)[0] == [value]:
        return leaves[0], tree  # a leaf to users that transformations open
    return value, None


def empty_ref(ty: Any, memory_space: Any = None) -> Ref:
    """Make a mutable array of a type, whose first value does not matter.

    Args:
        ty: a `ShapeDtypeStruct`, or anything with `shape` and `dtype`.
        memory_space: None, the memory of the device.

    Returns:
        A `Ref`; it holds zeros, but don't rely on that.

    Raises:
        TypeError: `ty` has no shape or dtype.

    Example:
        >>> import dolmen.core as dc
        >>> dc.empty_ref(dc.ShapeDtypeStruct((2, 3), "float32")).shape
        (2, 3)
    """
    if not isinstance(ty, ShapeDtypeStruct | ArrayType | AbstractRef):
        ty = typeof(ty)
    return new_ref(jnp.zeros(ty.shape, ty.dtype), memory_space=memory_space)


def freeze(ref: Ref) -> Any:
    """End the life of a ref and return its last value.

    Raises:
        ValueError: `ref` was frozen or freed already, or was made outside of the
            function being traced.

    Example:
        >>> import dolmen.core as dc
        >>> ref = dc.new_ref(1.0)
        >>> ref[...] = 2.0
        >>> dc.freeze(ref)
        Array(2., dtype=float32)
    """
    return _checked("freeze", ref).end("frozen")


def free_ref(ref: Ref) -> None:
    """End the life of a ref; its value is not needed.

    Raises:
        ValueError: as for `freeze`.
    """
    _checked("free_ref", ref).end("freed")


def get(ref: Ref | RefView, idx: Any = None) -> Any:
    """`ref[idx]`: elements of a ref.

    Args:
        ref: a ref or a view of one.
        idx: an index as of an array; None for the whole value.

    Returns:
        An array.

    Raises:
        ValueError: the ref was frozen or freed.
        IndexError: as for arrays.
    """
    value = _checked("get", ref).read()
    value = ref._closed(value) if isinstance(ref, Ref) else value
    return value if _is_whole(idx) else value[idx]


def set(ref: Ref | RefView, idx: Any, value: Any) -> None:
    """`ref[idx] = value`: replace elements of a ref.

    Args:
        ref: a ref or a view of one.
        idx: an index as of an array; None for the whole value.
        value: broadcast to the shape of `ref[idx]`.

    Raises:
        ValueError: the ref was frozen or freed; `value` does not broadcast or has
            another dtype; or a transformation tracks it (it differs across the batch of
            a `vmap`, or is being differentiated), but the ref was made outside of that.
        IndexError: as for arrays.
    """
    _update("set", ref, idx, value)


def swap(ref: Ref | RefView, idx: Any, value: Any) -> Any:
    """Replace elements of a ref and return what was there; arguments as for `set`.

    Example:
        >>> import dolmen.core as dc
        >>> ref = dc.new_ref(1.0)
        >>> dc.ref.swap(ref, ..., 2.0), ref
        (Array(1., dtype=float32), Ref(2., dtype=float32))
    """
    before = get(ref, idx)
    set(ref, idx, value)
    return before


def addupdate(ref: Ref | RefView, idx: Any, x: Any) -> None:
    """Add to elements of a ref; arguments as for `set`.

    An element that is indexed twice is added to twice, unlike with `ref[idx] += x`.
    """
    _update("add", ref, idx, x)


def _checked(function: str, ref: Any) -> Any:
    if isinstance(ref, Ref | RefView):
        return ref
    raise value_error(
        f"{function}: expected a Ref, got {type(ref).__name__}: {ref!r:.60}.",
        "Make one with `new_ref`.",
    )


def _is_whole(idx: Any) -> bool:
    return idx is None or idx is Ellipsis or (isinstance(idx, tuple) and not idx)


def _update(operation: str, ref: Any, idx: Any, value: Any) -> None:
    ref = _checked(operation, ref)
    if isinstance(ref, RefView):
        is_whole = operation == "set" and _is_whole(idx)
        after = value if is_whole else _updated(operation, ref.read(), idx, value)
        set(ref.parent, ref.index, after)
    elif ref.tree is None:
        after = _updated(operation, ref.read(), idx, value)
        ref.write(lax.stop_gradient(after) if ref.kind else after)
    else:
        words, tree = _opened(value)
        if operation != "set" or tree is None or tree != ref.tree:
            raise value_error(
                f"ref[...] = value: a ref of dtype {ref.dtype} takes only such keys, "
                f"got {value!r:.60}."
            )
        if not _is_whole(idx):
            # An index of keys leaves the axis of their words alone.
            idx = (*idx, slice(None)) if isinstance(idx, tuple) else (idx, ...)
        ref.write(_updated("set", ref.read(), idx, words))


def _updated(operation: str, before: Any, idx: Any, value: Any) -> Any:
    own = typeof(before)
    value = as_array(value)
    type = typeof(value)
    _check_dtype(own, type)
    if type.weak_type or not isinstance(value, ArrayImpl | Tracer):
        value = jnp.asarray(value, own.dtype)
    if operation == "set" and _is_whole(idx) and type.shape == own.shape:
        return value
    elements = before.at[... if idx is None else idx]
    return elements.set(value) if operation == "set" else elements.add(value)


def _check_dtype(own: ArrayType, value: ArrayType) -> None:
    fits = value.dtype == own.dtype or (
        value.weak_type
        and dtypes.promote([(own.dtype, False), (value.dtype, True)])[0] == own.dtype
    )
    if not fits:
        raise value_error(
            f"ref[...] = value: expected a value of dtype {own.dtype.name}, that of "
            f"the ref, got {value!r}.",
            f"Convert it, for example with `.astype('{own.dtype.name}')`.",
        )
