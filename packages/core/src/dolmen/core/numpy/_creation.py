"""Arrays from Python and NumPy data, and arrays filled by a rule."""

import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import _backend, lax
from .._ir import (
    ArrayType,
    array_type,
    dtypes,
    message,
    type_error,
    value_error,
)
from .._ops import _selection
from .._ops._sharding import at_place
from .._tracing import (
    Tracer,
    as_array,
    concrete,
    is_array_like,
    is_staging,
    not_concrete,
    typeof,
)
from ._array_like import Array, ArrayLike, DTypeLike, Shape
from ._eager import jit_when_eager
from ._promotion import convert, literal, promote_args, to_inexact, type_of

_FLOAT = np.dtype("float64")
_INT = np.dtype("int64")
_BOOL = np.dtype(bool)
_ARRAYS = (_backend.ArrayImpl, Tracer)
# Up to this many bytes an array is made by NumPy and copied to the device: quicker than
# compiling a program for each shape. Larger ones are filled where they will live.
_MADE_BY_NUMPY = 1 << 16


# ---- from data ---------------------------------------------------------------------


def array(
    object: Any,
    dtype: DTypeLike = None,
    copy: bool = True,
    order: str | None = "K",
    ndmin: int = 0,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of the numbers in `object`.

    Args:
        object: an array, a scalar, anything NumPy understands, or nested sequences of
            these, also with traced values inside.
        dtype: of the result; by default what the elements promote to. A Python scalar
            becomes weakly typed, a list of them does not.
        copy: make a new buffer also of an array that could be returned as it is.
        order: for NumPy's sake, ``"K"`` or ``"C"``.
        ndmin: least number of axes; new ones come first, with size 1.
        device: where the array shall live.
        out_sharding: not supported yet.

    Raises:
        TypeError: the elements are no numbers, or `dtype` is none of an array.
        ValueError: sequences of different length stand side by side.
        OverflowError: an integer does not fit the dtype.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.array([[1, 2], [3, 4.5]])
        Array([[1. , 2. ],
               [3. , 4.5]], dtype=float32)
    """
    if order not in (None, "K", "C"):
        raise NotImplementedError(
            f"array: `order` must be 'K' or 'C', got {order!r}: arrays have no strides."
        )
    _no_sharding("array", out_sharding)
    made = _made(object, dtype, device)
    if made is object and copy and isinstance(made, _backend.ArrayImpl):
        made = _copied(made)
    missing = ndmin - made.ndim
    return lax.expand_dims(made, range(missing)) if missing > 0 else made


def asarray(
    a: Any,
    dtype: DTypeLike = None,
    order: str | None = None,
    *,
    copy: bool | None = None,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """`a` as an array; an array of the right dtype is returned as it is.

    Args:
        a: what `array` takes.
        dtype: of the result.
        order: for NumPy's sake.
        copy: True: make a new buffer in any case; False: never; None: where need be.
        device: where the array shall live.
        out_sharding: not supported yet.

    Raises:
        ValueError: `copy` is False, and `a` is no array, or one of another dtype or on
            another device.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.asarray([1, 2.5])
        Array([1. , 2.5], dtype=float32)
    """
    made = array(
        a,
        dtype=dtype,
        copy=bool(copy),
        order=order,
        device=device,
        out_sharding=out_sharding,
    )
    if copy is False:
        _check_shared(made, as_array(a))
    return made


def _check_shared(made: Any, a: Any) -> None:
    """Checks that an array made of `a` could have its buffer."""
    is_array = isinstance(a, _ARRAYS)
    if is_array and made.dtype == a.dtype and made.device == a.device:
        return
    raise value_error(
        f"asarray: `copy` is False, but `a`, "
        f"{repr(typeof(a)) if is_array else type(a).__name__}, must be copied to "
        f"become {typeof(made)!r} on {made.device}.",
        "Allow it with `copy=None`.",
    )


def _no_sharding(function: str, out_sharding: Any) -> None:
    if out_sharding is not None:
        raise NotImplementedError(
            f"{function}: `out_sharding` is not supported yet, got {out_sharding!r}."
        )


def _made(value: Any, dtype: Any, device: Any) -> Any:
    wanted = None if dtype is None else dtypes.as_dtype(dtype, function="array")
    if hasattr(value, "__jax_array__"):
        value = value.__jax_array__()
    if isinstance(value, _ARRAYS):
        made = value if wanted is None else astype(value, wanted)
        return at_place(made, device)
    if isinstance(value, bool | int | float | complex):
        return _scalar(value, wanted, device)
    if isinstance(value, np.ndarray | np.generic):
        return _from_numpy(value, wanted, device)
    if isinstance(value, list | tuple):
        return _from_sequence(value, wanted, device)
    return _from_numpy(_as_numpy(value), wanted, device)


def _scalar(value: Any, wanted: np.dtype | None, device: Any) -> Any:
    type = typeof(value) if wanted is None else array_type((), wanted)
    if not is_staging():
        return at_place(_in_numpy(value, type.dtype), device, type)
    # In a program a scalar is written down, not handed in.
    made = lax.full((), value if wanted is None else _in_numpy(value, wanted))
    return at_place(made, device)


def _in_numpy(value: Any, dtype: np.dtype) -> np.ndarray:
    """A Python number, or nested lists of such, which must fit `dtype`."""
    try:
        with np.errstate(over="ignore"):  # floats that are too large are infinite
            return np.asarray(value, dtype)
    except (OverflowError, TypeError, ValueError) as error:
        if "sequence" in str(error):
            problem = f"sequences side by side must have equal lengths: {error}"
            raise value_error(f"array: {problem}") from None
        short = dtypes.short_name(dtype)
        problem = f"array: a number can't be an element of dtype {short}: {error}."
        fix = "Give a `dtype` that holds all of them."
        raise type(error)(message(problem, fix)) from None


def _from_numpy(value: Any, wanted: np.dtype | None, device: Any) -> Any:
    type = typeof(value)
    if wanted is not None and wanted != type.dtype:
        type = array_type(type.shape, wanted)
    host = np.asarray(value)
    if host.dtype != type.dtype:
        if dtypes.kind(host.dtype) == "c" and dtypes.kind(type.dtype) not in "cb":
            host = np.real(host)
        with np.errstate(over="ignore", invalid="ignore"):
            host = host.astype(type.dtype)
    if is_staging() and not type.shape:
        return at_place(lax.full((), host), device)
    return at_place(host, device, type)


def _as_numpy(value: Any) -> np.ndarray:
    if value is None or isinstance(value, str | bytes | set | frozenset | dict):
        raise type_error(
            f"array: `object` must hold numbers, got {type(value).__name__} "
            f"{value!r:.60}."
        )
    if hasattr(value, "__array__") or hasattr(value, "__buffer__"):
        return np.asarray(value)
    if isinstance(value, memoryview | bytearray | range):
        return np.asarray(value)
    raise type_error(
        f"array: `object` must hold numbers, got {type(value).__name__} {value!r:.60}.",
        "Give it as an array, a scalar, or nested lists of them.",
    )


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _from_sequence(value: Any, wanted: np.dtype | None, device: Any) -> Any:
    leaves = list(map(as_array, _leaves(value)))
    for leaf in leaves:
        if not is_array_like(leaf):
            _as_numpy(leaf)
    if wanted is None:
        wanted = _common_dtype([x for x in leaves if is_array_like(x)] or [0.0])
    if any(isinstance(leaf, Tracer) for leaf in leaves):
        return _stacked(value, wanted)
    host = _in_numpy(_on_host(value), wanted)
    return at_place(host, device, array_type(host.shape, wanted))


def _common_dtype(leaves: Sequence[Any]) -> np.dtype:
    return dtypes.promote(list({_operand(leaf) for leaf in leaves}))[0]


def _operand(leaf: Any) -> tuple[np.dtype, bool]:
    if isinstance(leaf, bool | int | float | complex):
        # Not by `typeof`: whether an integer fits depends on what it stands beside.
        return dtypes.scalar_dtype(leaf), not isinstance(leaf, bool)
    type = typeof(leaf)
    return type.dtype, type.weak_type


def _on_host(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_on_host(item) for item in value]
    if isinstance(value, bool | int | float | complex | np.generic):
        return value  # NumPy checks that they fit
    return np.asarray(as_array(value))


def _stacked(value: Any, dtype: np.dtype) -> Any:
    if not isinstance(value, list | tuple):
        return _made(value, dtype, None)
    parts = [_stacked(item, dtype) for item in value]
    if not parts:
        return zeros((0,), dtype)
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise value_error(
            "array: sequences side by side must have equal lengths, got shapes "
            f"{', '.join(map(str, sorted(shapes)))}."
        )
    return lax.concatenate([lax.expand_dims(part, (0,)) for part in parts], 0)


@jit_when_eager
def _copied(x: Array) -> Array:
    return x


def copy(a: ArrayLike, order: str | None = None) -> Array:
    """A new array equal to `a`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.copy(jnp.array([1, 2]))
        Array([1, 2], dtype=int32)
    """
    type_of("copy", "a", a)
    return array(a, copy=True, order=order)


def astype(
    x: ArrayLike, dtype: DTypeLike, /, *, copy: bool = False, device: Any = None
) -> Array:
    """`x` converted to `dtype`.

    Floating-point numbers are truncated when they become integers; complex numbers lose
    their imaginary part; what becomes bool is true where not zero.

    Args:
        x: an array.
        dtype: of the result; None for the default floating-point dtype.
        copy: make a new buffer in any case.
        device: where the array shall live.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.astype(jnp.array([1.7, -1.7]), int)
        Array([ 1, -1], dtype=int32)
    """
    type = type_of("astype", "x", x)
    wanted = dtypes.as_dtype(dtype, function="astype")
    if isinstance(x, _ARRAYS) and type is array_type(type.shape, wanted):
        made = _copied(x) if copy else x
    else:
        made = _cast(x, wanted)
    return at_place(made, device)


def _cast_body(x: Any, dtype: np.dtype) -> Any:
    return lax.convert_element_type(x, dtype)


_cast = jit_when_eager(_cast_body, name="astype", static_argnames=("dtype",))


def frombuffer(
    buffer: Any, dtype: DTypeLike = float, count: int = -1, offset: int = 0
) -> Array:
    """An array of the bytes of a buffer.

    Args:
        buffer: bytes, or an object with the buffer protocol.
        dtype: as which the bytes are read.
        count: number of elements; -1 for all.
        offset: bytes to skip first.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.frombuffer(bytes([1, 2]), dtype="uint8")
        Array([1, 2], dtype=uint8)
    """
    host = np.frombuffer(buffer, np.dtype(dtype), count, offset)
    return asarray(host)


# ---- filled ------------------------------------------------------------------------


def _shape_of(function: str, shape: Any, argument: str = "shape") -> tuple[int, ...]:
    """A user's shape: an integer or a sequence of them, known while tracing.

    Raises:
        TypeError: a size is traced or no integer.
        ValueError: a size is negative.
    """
    sizes = shape if isinstance(shape, Sequence | np.ndarray) else (shape,)
    for size in sizes:
        if isinstance(size, Tracer) and size.concrete() is None:
            raise not_concrete(size, "int", f"{function}: `{argument}`")
    try:
        made = tuple([operator.index(size) for size in sizes])
    except TypeError:
        raise type_error(
            f"{function}: `{argument}` must be an integer or a sequence of integers, "
            f"got {shape!r:.80}."
        ) from None
    if any(size < 0 for size in made):
        raise value_error(f"{function}: sizes must not be negative, got {made}.")
    return made


def _filled(type: ArrayType, value: Any, device: Any = None) -> Any:
    """An array of this type, every element `value` (a Python or NumPy scalar)."""
    if not is_staging():
        if type.nbytes <= _MADE_BY_NUMPY or device is not None:
            host = np.full(type.shape, literal(value, type.dtype), type.dtype)
            return at_place(host, device, type)
        return _compiled_fill(np.asarray(value, type.dtype)[()], type)
    if type.weak_type:
        made = lax.full(type.shape, convert(value, type.dtype, True))
    else:
        made = lax.full(type.shape, value, type.dtype)
    return at_place(made, device)


@jit_when_eager(static_argnames=("type",))
def _compiled_fill(value: Any, type: ArrayType) -> Any:
    return lax.convert_element_type(
        lax.full(type.shape, value), type.dtype, type.weak_type
    )


def _default_float(function: str, dtype: Any) -> np.dtype:
    if dtype is None:
        return dtypes.default(_FLOAT)
    return dtypes.as_dtype(dtype, function=function)


def _type_of_filled(function: str, shape: Any, dtype: Any) -> ArrayType:
    sizes = _shape_of(function, shape)
    try:
        return array_type(sizes, _default_float(function, dtype))
    except TypeError:
        if type(dtype) is not int:
            raise
    raise type_error(
        f"{function}: expected a dtype, got {dtype}.",
        f"Put the sizes into one tuple: `{function}({(*sizes, dtype)})`.",
    )


def zeros(
    shape: Shape,
    dtype: DTypeLike = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of zeros.

    Args:
        shape: a size or a sequence of sizes, known while tracing.
        dtype: of the result; by default floating point.
        device: where the array shall live.
        out_sharding: not supported yet.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.zeros((2, 2))
        Array([[0., 0.],
               [0., 0.]], dtype=float32)
    """
    _no_sharding("zeros", out_sharding)
    type = _type_of_filled("zeros", shape, dtype)
    return _filled(type, 0, device)


def ones(
    shape: Shape,
    dtype: DTypeLike = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of ones; the arguments are those of `zeros`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ones((2, 3))
        Array([[1., 1., 1.],
               [1., 1., 1.]], dtype=float32)
    """
    _no_sharding("ones", out_sharding)
    type = _type_of_filled("ones", shape, dtype)
    return _filled(type, 1, device)


def empty(
    shape: Shape,
    dtype: DTypeLike = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array of zeros, for NumPy's sake; the arguments are those of `zeros`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.empty((2, 3)).shape
        (2, 3)
    """
    _no_sharding("empty", out_sharding)
    type = _type_of_filled("empty", shape, dtype)
    return _filled(type, 0, device)


def full(
    shape: Shape,
    fill_value: ArrayLike,
    dtype: DTypeLike = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array filled with a value.

    Args:
        shape: a size or a sequence of sizes, known while tracing.
        fill_value: a scalar, or an array that broadcasts to `shape`.
        dtype: of the result; by default that of `fill_value`.
        device: where the array shall live.
        out_sharding: not supported yet.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.full((2, 2), 7)
        Array([[7, 7],
               [7, 7]], dtype=int32, weak_type=True)
    """
    _no_sharding("full", out_sharding)
    sizes = _shape_of("full", shape)
    if dtype is None:
        value_type = _value_type("full", fill_value)
        type = array_type(sizes, value_type.dtype, value_type.weak_type)
    else:
        type = array_type(sizes, dtypes.as_dtype(dtype, function="full"))
    return _full("full", type, fill_value, device)


def _value_type(function: str, fill_value: Any) -> ArrayType:
    if isinstance(fill_value, list | tuple):
        fill_value = asarray(fill_value)
    return type_of(function, "fill_value", fill_value)


def _full(function: str, type: ArrayType, fill_value: Any, device: Any) -> Any:
    if isinstance(fill_value, bool | int | float | complex | np.generic):
        return _filled(type, fill_value, device)
    if isinstance(fill_value, list | tuple):
        fill_value = asarray(fill_value)
    type_of(function, "fill_value", fill_value)
    made = _spread(fill_value, type)
    return at_place(made, device)


def _spread_body(value: Any, type: ArrayType) -> Any:
    given = typeof(value)
    x = lax.convert_element_type(value, type.dtype, type.weak_type)
    first = len(type.shape) - given.ndim
    if first < 0 or any(
        n not in (1, m) for n, m in zip(given.shape, type.shape[first:], strict=True)
    ):
        raise value_error(
            f"full: `fill_value` must broadcast to shape {type.shape}, got {given!r}."
        )
    return lax.broadcast_in_dim(x, type.shape, range(first, len(type.shape)))


_spread = jit_when_eager(_spread_body, name="full", static_argnames=("type",))


def _like(function: str, argument: str, a: Any, dtype: Any, shape: Any) -> ArrayType:
    if hasattr(a, "shape") and hasattr(a, "dtype") and not is_array_like(a):
        given = array_type(tuple(a.shape), dtypes.as_dtype(a.dtype, wanted=False))
    else:
        given = type_of(function, argument, a)
    sizes = given.shape if shape is None else _shape_of(function, shape)
    if dtype is None:
        return array_type(sizes, given.dtype, given.weak_type)
    return array_type(sizes, dtypes.as_dtype(dtype, function=function))


def zeros_like(
    a: ArrayLike,
    dtype: DTypeLike = None,
    shape: Shape | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """Zeros with the shape and dtype of `a`.

    Args:
        a: an array, or anything with `shape` and `dtype`.
        dtype: by default that of `a`.
        shape: by default that of `a`.
        device: where the array shall live.
        out_sharding: not supported yet.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.zeros_like(jnp.array([1, 2]))
        Array([0, 0], dtype=int32)
    """
    _no_sharding("zeros_like", out_sharding)
    return _filled(_like("zeros_like", "a", a, dtype, shape), 0, device)


def ones_like(
    a: ArrayLike,
    dtype: DTypeLike = None,
    shape: Shape | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """Ones with the shape and dtype of `a`; the arguments are those of `zeros_like`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ones_like(jnp.array([1, 2]))
        Array([1, 1], dtype=int32)
    """
    _no_sharding("ones_like", out_sharding)
    return _filled(_like("ones_like", "a", a, dtype, shape), 1, device)


def empty_like(
    prototype: ArrayLike,
    dtype: DTypeLike = None,
    shape: Shape | None = None,
    *,
    device: Any = None,
) -> Array:
    """Zeros with the shape and dtype of `prototype`, as `zeros_like`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.empty_like(jnp.array([1, 2])).dtype
        dtype('int32')
    """
    return _filled(_like("empty_like", "prototype", prototype, dtype, shape), 0, device)


def full_like(
    a: ArrayLike,
    fill_value: ArrayLike,
    dtype: DTypeLike = None,
    shape: Shape | None = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """An array filled with `fill_value`, with the shape and dtype of `a`.

    Args:
        a: an array, or anything with `shape` and `dtype`.
        fill_value: a scalar, or an array that broadcasts to the shape.
        dtype: by default that of `a`.
        shape: by default that of `a`.
        device: where the array shall live.
        out_sharding: not supported yet.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.full_like(jnp.array([1.0, 2.0]), 7)
        Array([7., 7.], dtype=float32)
    """
    _no_sharding("full_like", out_sharding)
    type = _like("full_like", "a", a, dtype, shape)
    return _full("full_like", type, fill_value, device)


# ---- ramps -------------------------------------------------------------------------


def known_number(function: str, argument: str, value: Any) -> Any:
    """A Python or NumPy scalar behind `value`.

    Raises:
        TypeError: the value is traced, or no scalar.
    """
    if type(value) is int or type(value) is float:
        return value
    known = concrete(value)
    if known is None and isinstance(value, Tracer):
        raise not_concrete(value, "int", f"{function}: `{argument}`")
    found = type_of(function, argument, known)
    if found.shape:
        raise type_error(f"{function}: `{argument}` must be a scalar, got {found!r}.")
    return np.asarray(known)[()] if not isinstance(known, int | float) else known


def arange(
    start: ArrayLike,
    stop: ArrayLike | None = None,
    step: ArrayLike | None = None,
    dtype: DTypeLike = None,
    *,
    device: Any = None,
    out_sharding: Any = None,
) -> Array:
    """Numbers at equal distances.

    Args:
        start: the first number; with `start` alone, they run from 0 to before `start`.
        stop: the numbers end before it.
        step: distance, by default 1.
        dtype: of the result; by default what the arguments promote to.
        device: where the array shall live.
        out_sharding: not supported yet.

    Raises:
        TypeError: an argument is traced: the number of elements must be known; or the
            dtype is bool.
        ValueError: `step` is zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arange(2, 10, 3)
        Array([2, 5, 8], dtype=int32)
    """
    _no_sharding("arange", out_sharding)
    if stop is None and step is None and type(start) is int and dtype is None:
        # Usual, and so short that what follows would take longer than the work.
        return _ramp(max(0, start), 0, 1, dtypes.as_dtype(int), device)
    given = {"start": start, "stop": stop, "step": step}
    said = {"start": "stop"} if stop is None else {}  # one number is where it stops
    known = {
        name: known_number("arange", said.get(name, name), value)
        for name, value in given.items()
        if value is not None
    }
    if dtype is None:
        operands = [typeof(value) for value in known.values()]
        dtype = dtypes.promote([(t.dtype, t.weak_type) for t in operands])[0]
    made = dtypes.as_dtype(dtype, function="arange")
    if made == np.dtype(bool):
        raise type_error(
            "arange: expected a dtype of numbers, got bool.",
            "Count in integers and convert them with `.astype(bool)`.",
        )
    first, last = known["start"], known.get("stop")
    if last is None:
        first, last = 0, first
    by = known.get("step", 1)
    if by == 0:
        raise value_error("arange: `step` must not be zero.")
    size = max(0, math.ceil((last - first) / by))
    return _ramp(size, first, by, made, device)


def _ramp(size: int, first: Any, by: Any, dtype: np.dtype, device: Any) -> Any:
    if not is_staging() and (size * dtype.itemsize <= _MADE_BY_NUMPY or device):
        wide = np.arange(size)
        if (first, by) != (0, 1):
            wide = wide * by + first
        return at_place(wide.astype(dtype), device, array_type((size,), dtype))
    made = _compiled_ramp(literal(first, dtype), literal(by, dtype), size, dtype)
    return at_place(made, device)


@jit_when_eager(static_argnames=("size", "dtype"))
def _compiled_ramp(first: Any, by: Any, size: int, dtype: np.dtype) -> Any:
    steps = lax.iota(dtype, size)
    if isinstance(by, Tracer) or by != 1:
        steps = lax.mul(steps, by)
    if isinstance(first, Tracer) or first != 0:
        steps = lax.add(steps, first)
    return steps


def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """`num` numbers from `start` to `stop` at equal distances.

    Args:
        start: the first number, or an array of them.
        stop: the last number, or an array of them.
        num: how many.
        endpoint: include `stop`.
        retstep: return also the distance.
        dtype: of the result; by default floating point.
        axis: where the new axis stands.
        device: where the array shall live.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linspace(0, 1, 5)
        Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    count = operator.index(known_number("linspace", "num", num))
    if count < 0:
        raise value_error(f"linspace: `num` must not be negative, got {count}.")
    wanted = None if dtype is None else dtypes.as_dtype(dtype, function="linspace")
    index = operator.index(axis)
    made, *step = _linspace(start, stop, count, endpoint, bool(retstep), wanted, index)
    if device is not None:
        made = at_place(made, device)
    return (made, *step) if retstep else made


def _linspace_body(
    start: Any,
    stop: Any,
    num: int,
    endpoint: bool,
    retstep: bool,
    dtype: np.dtype | None,
    axis: int,
) -> Any:
    types = (
        type_of("linspace", "start", start),
        type_of("linspace", "stop", stop),
    )
    inner = to_inexact(dtypes.promote([(t.dtype, t.weak_type) for t in types])[0])
    first, last = promote_args(
        "linspace",
        *(lax.convert_element_type(convert(x, inner), inner) for x in (start, stop)),
    )
    shape = np.broadcast_shapes(typeof(first).shape, typeof(last).shape)
    intervals = num - 1 if endpoint else num
    if intervals > 0:
        step = lax.div(lax.sub(last, first), literal(intervals, inner))
    else:
        step = lax.full(shape, np.nan, inner)
    full = (num, *shape)
    share = lax.div(
        lax.broadcasted_iota(inner, full, 0), literal(max(intervals, 1), inner)
    )
    one = literal(1, inner)
    first, last = (_to_shape(x, full) for x in (first, last))
    # Weighing both ends is exact at both, unlike adding up steps.
    made = lax.add(lax.mul(first, lax.sub(one, share)), lax.mul(last, share))
    if endpoint and num > 1:
        at_end = lax.eq(share, one)
        made = _selection.choose(at_end, last, made)
    result = inner if dtype is None else dtype
    if dtypes.kind(result) in "iu":
        made = lax.floor(made)
    made = lax.convert_element_type(made, result)
    index = axis % made.ndim
    if index:
        order = [*range(1, made.ndim)]
        order.insert(index, 0)
        made = lax.transpose(made, order)
    return (made, step) if retstep else (made,)


_linspace = jit_when_eager(
    _linspace_body,
    name="linspace",
    static_argnames=("num", "endpoint", "retstep", "dtype", "axis"),
)


def _to_shape(x: Any, shape: tuple[int, ...]) -> Any:
    ndim = typeof(x).ndim
    return lax.broadcast_in_dim(x, shape, range(len(shape) - ndim, len(shape)))


def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: ArrayLike = 10.0,
    dtype: DTypeLike = None,
    axis: int = 0,
) -> Array:
    """Powers of `base` with exponents at equal distances, as `linspace` gives them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.logspace(0.0, 2.0, 3)
        Array([  1.,  10., 100.], dtype=float32)
    """
    from ._arithmetic import power

    made = power(base, linspace(start, stop, num, endpoint, axis=axis))
    return made if dtype is None else astype(made, dtype)


def geomspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike = None,
    axis: int = 0,
) -> Array:
    """`num` numbers from `start` to `stop` in equal ratios.

    Args:
        start: the first number, not zero.
        stop: the last number, of the same sign.
        num: how many.
        endpoint: include `stop`.
        dtype: of the result; by default floating point.
        axis: where the new axis stands.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.geomspace(1.0, 100.0, 3)
        Array([  1.,  10., 100.], dtype=float32)
    """
    from ._arithmetic import divide, multiply
    from ._exponential import exp, log
    from ._logic import where

    ratio = log(divide(stop, start))
    exponents = linspace(zeros_like(ratio), ratio, num, endpoint, axis=axis)
    made = multiply(start, exp(exponents))
    if endpoint and num > 1:
        # The way through logarithms loses digits; the last number shall be `stop`.
        made = where(lax.eq(exponents, full_like(exponents, ratio)), stop, made)
    return made if dtype is None else astype(made, dtype)


# ---- matrices ----------------------------------------------------------------------


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: DTypeLike = None,
    *,
    device: Any = None,
) -> Array:
    """Ones on a diagonal, zeros elsewhere.

    Args:
        N: number of rows.
        M: number of columns, by default `N`.
        k: which diagonal; positive ones lie above the main one.
        dtype: of the result; by default floating point.
        device: where the array shall live.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.eye(2, 3, k=1, dtype=int)
        Array([[0, 1, 0],
               [0, 0, 1]], dtype=int32)
    """
    shape = _matrix_shape("eye", N, M)
    made = _diagonal_mask(shape, operator.index(k), _default_float("eye", dtype))
    return at_place(made, device)


def _matrix_shape(function: str, rows: Any, columns: Any) -> tuple[int, int]:
    (n,) = _shape_of(function, rows, "N")
    if columns is None:
        return n, n
    (m,) = _shape_of(function, columns, "M")
    return n, m


def _row_minus_column(shape: tuple[int, int]) -> Any:
    index = dtypes.default(_INT)
    rows = lax.broadcasted_iota(index, shape, 0)
    return lax.sub(rows, lax.broadcasted_iota(index, shape, 1))


@jit_when_eager(static_argnames=("shape", "k", "dtype"))
def _diagonal_mask(shape: tuple[int, int], k: int, dtype: np.dtype) -> Any:
    offset = _row_minus_column(shape)
    return lax.convert_element_type(
        lax.eq(offset, literal(-k, typeof(offset).dtype)), dtype
    )


@jit_when_eager(static_argnames=("shape", "k", "dtype"))
def _triangle_mask(shape: tuple[int, int], k: int, dtype: np.dtype) -> Any:
    offset = _row_minus_column(shape)
    return lax.convert_element_type(
        lax.ge(offset, literal(-k, typeof(offset).dtype)), dtype
    )


def identity(n: int, dtype: DTypeLike = None) -> Array:
    """The square identity matrix with `n` rows.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.identity(2)
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: DTypeLike = None,
) -> Array:
    """Ones at and below a diagonal, zeros above; the arguments are those of `eye`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tri(3)
        Array([[1., 0., 0.],
               [1., 1., 0.],
               [1., 1., 1.]], dtype=float32)
    """
    shape = _matrix_shape("tri", N, M)
    return _triangle_mask(shape, operator.index(k), _default_float("tri", dtype))


def _triangle(function: str, m: Any, k: int, lower: bool) -> Any:
    type = type_of(function, "m", m)
    if type.ndim < 2:
        raise value_error(
            f"{function}: `m` must have at least two axes, got {type!r}.",
        )
    rows, columns = type.shape[-2:]
    offset = _row_minus_column((rows, columns))
    bound = literal(-operator.index(k), typeof(offset).dtype)
    keep = lax.ge(offset, bound) if lower else lax.le(offset, bound)
    return _selection.choose(_to_shape(keep, type.shape), m, literal(0, type.dtype))


@jit_when_eager(static_argnames=("k",))
def tril(m: ArrayLike, k: int = 0) -> Array:
    """Matrices with zeros above a diagonal.

    Args:
        m: ``[..., n, m]``.
        k: which diagonal; positive ones lie above the main one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tril(jnp.array([[1, 2], [3, 4]]))
        Array([[1, 0],
               [3, 4]], dtype=int32)
    """
    return _triangle("tril", m, k, True)


@jit_when_eager(static_argnames=("k",))
def triu(m: ArrayLike, k: int = 0) -> Array:
    """Matrices with zeros below a diagonal; the arguments are those of `tril`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.triu(jnp.array([[1, 2], [3, 4]]))
        Array([[1, 2],
               [0, 4]], dtype=int32)
    """
    return _triangle("triu", m, k, False)


# ---- grids -------------------------------------------------------------------------


def meshgrid(
    *xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> list[Array]:
    """Coordinates of a grid, one array for each axis.

    Args:
        *xi: the coordinates along each axis, with at most one axis.
        copy: for NumPy's sake; must be true.
        sparse: leave the axes along which nothing changes with size 1.
        indexing: ``"xy"`` exchanges the first two axes, as in pictures; ``"ij"`` does
            not.

    Raises:
        ValueError: an argument has several axes, or `indexing` is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.meshgrid(jnp.array([1, 2]), jnp.array([3, 4]))
        [Array([[1, 2],
               [1, 2]], dtype=int32), Array([[3, 3],
               [4, 4]], dtype=int32)]
    """
    if indexing not in ("xy", "ij"):
        raise value_error(
            f"meshgrid: `indexing` must be 'xy' or 'ij', got {indexing!r}."
        )
    if not copy:
        raise value_error("meshgrid: `copy` must be true: arrays share no memory.")
    types = [type_of("meshgrid", f"xi[{i}]", x) for i, x in enumerate(xi)]
    if any(t.ndim > 1 for t in types):
        listed = ", ".join(map(repr, types))
        raise value_error(
            f"meshgrid: arguments must have at most one axis, got {listed}."
        )
    return list(_meshgrid(tuple(xi), sparse, indexing))


def _meshgrid_body(xi: tuple[Any, ...], sparse: bool, indexing: str) -> Any:
    order = list(range(len(xi)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = 1, 0
    sizes = [typeof(x).size for x in xi]
    shape = tuple(sizes[axis] for axis in order)
    made = []
    for axis, x in enumerate(xi):
        at = order[axis]
        own = tuple(n if i == at or not sparse else 1 for i, n in enumerate(shape))
        flat = lax.reshape(x, (sizes[axis],))
        made.append(lax.broadcast_in_dim(flat, own, (at,)))
    return tuple(made)


_meshgrid = jit_when_eager(
    _meshgrid_body, name="meshgrid", static_argnames=("sparse", "indexing")
)


def indices(
    dimensions: Sequence[int], dtype: DTypeLike = None, sparse: bool = False
) -> Any:
    """Indices of a grid: element ``[i, ...]`` is the index along axis `i`.

    Args:
        dimensions: shape of the grid.
        dtype: of the result; by default the default integer.
        sparse: a tuple of arrays instead, with size 1 along the other axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.indices((2, 2))[0]
        Array([[0, 0],
               [1, 1]], dtype=int32)
    """
    shape = _shape_of("indices", tuple(dimensions), "dimensions")
    made = (
        dtypes.default(_INT)
        if dtype is None
        else dtypes.as_dtype(dtype, function="indices")
    )
    if sparse:
        return tuple(
            lax.reshape(
                _ramp(n, 0, 1, made, None),
                [n if i == axis else 1 for i in range(len(shape))],
            )
            for axis, n in enumerate(shape)
        )
    return _grid(shape, made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _grid(shape: tuple[int, ...], dtype: np.dtype) -> Any:
    parts = [
        lax.broadcasted_iota(dtype, (1, *shape), axis + 1) for axis in range(len(shape))
    ]
    if not parts:
        return lax.full((0,), 0, dtype)
    return lax.concatenate(parts, 0)


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Array, Array]:
    """Row and column indices of the lower triangle of a matrix.

    Args:
        n: number of rows.
        k: which diagonal bounds the triangle.
        m: number of columns, by default `n`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tril_indices(2)
        (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    rows, columns = np.tril_indices(n, k, m)
    return asarray(rows), asarray(columns)


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Array, Array]:
    """Row and column indices of the upper triangle, as `tril_indices`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.triu_indices(2)
        (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    rows, columns = np.triu_indices(n, k, m)
    return asarray(rows), asarray(columns)


def diag_indices(n: int, ndim: int = 2) -> tuple[Array, ...]:
    """Indices of the main diagonal of an array with `ndim` axes of size `n`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.diag_indices(2)
        (Array([0, 1], dtype=int32), Array([0, 1], dtype=int32))
    """
    return (arange(n),) * ndim


# ---- about arrays ------------------------------------------------------------------


def shape(a: ArrayLike) -> tuple[int, ...]:
    """Sizes of the axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.shape(jnp.array([[1, 2, 3]]))
        (1, 3)
    """
    return type_of("shape", "a", a).shape


def ndim(a: ArrayLike) -> int:
    """Number of axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ndim(jnp.array([[1, 2]]))
        2
    """
    return type_of("ndim", "a", a).ndim


def size(a: ArrayLike, axis: int | Sequence[int] | None = None) -> int:
    """Number of elements, or the size of axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.size(jnp.zeros((2, 3)))
        6
    """
    type = type_of("size", "a", a)
    if axis is None:
        return type.size
    axes = axis if isinstance(axis, Sequence) else (axis,)
    return math.prod(type.shape[i] for i in axes)


def isscalar(element: Any) -> bool:
    """Whether `element` is a number or an array without axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.isscalar(2.0), jnp.isscalar(jnp.array([2.0]))
        (True, False)
    """
    if isinstance(element, _ARRAYS):
        return element.ndim == 0
    return np.isscalar(element)


def array_repr(
    arr: ArrayLike,
    max_line_width: int | None = None,
    precision: int | None = None,
    suppress_small: bool | None = None,
) -> str:
    """The text of `repr`, as NumPy writes it.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.array_repr(jnp.array([1.0, 2.0]))
        'Array([1., 2.], dtype=float32)'
    """
    text = np.array_repr(np.asarray(arr), max_line_width, precision, suppress_small)
    # Both words have one length, so the lines below stay in place.
    return text.replace("array", "Array", 1)


def array_str(
    a: ArrayLike,
    max_line_width: int | None = None,
    precision: int | None = None,
    suppress_small: bool | None = None,
) -> str:
    """The text of `str`, as NumPy writes it.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.array_str(jnp.array([1.0, 2.0]))
        '[1. 2.]'
    """
    return np.array_str(np.asarray(a), max_line_width, precision, suppress_small)
