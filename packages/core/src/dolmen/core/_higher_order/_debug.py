"""Looking into programs: `debug.callback`, `debug.print`, `debug.log`."""

import functools
import logging
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._ir import (
    DEBUG,
    ORDERED_DEBUG,
    ArrayType,
    line_of,
    type_error,
    user_frame,
    value_error,
)
from .._tracing import as_array, bind, is_array_like
from .._transforms import batch_size, to_front
from .._transforms._trees import flatten
from ._host_call import HostCall

_logger = logging.getLogger("dolmen.core.debug")


class DebugEffect(str):
    """The effect of a debugging call, as programs list it in `effects`.

    Example:
        >>> import dolmen.core as dc
        >>> program = dc.make_jaxpr(lambda x: dc.debug.print("{}", x))(1.0).jaxpr
        >>> dc.debug.DebugEffect() in program.effects
        True
    """

    __slots__ = ()

    def __new__(cls) -> "DebugEffect":
        """The effect; all are equal."""
        return super().__new__(cls, DEBUG)


class OrderedDebugEffect(str):
    """The effect of an ordered debugging call, as programs list it in `effects`."""

    __slots__ = ()

    def __new__(cls) -> "OrderedDebugEffect":
        """The effect; all are equal."""
        return super().__new__(cls, ORDERED_DEBUG)


class DebugCallback(HostCall):
    """Calls a Python function with the values of its arguments, for its side effect."""

    ordered: bool

    @property
    def effects(self) -> frozenset[str]:
        return frozenset({ORDERED_DEBUG if self.ordered else DEBUG})

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return ()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        bind(self, *primals)
        return [], []

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return [None] * len(args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """One call for each element of the batch, in order."""
        size = batch_size(args, axes)
        batched = [axis is not None for axis in axes]
        moved = [
            to_front(arg, axis, size) if b else arg
            for arg, axis, b in zip(args, axes, batched, strict=True)
        ]
        one = self.function

        def each(*values: np.ndarray) -> tuple[()]:
            for index in range(size):
                pairs = zip(values, batched, strict=True)
                one(*(value[index] if b else value for value, b in pairs))
            return ()

        bind(DebugCallback(each, self.ordered), *moved)
        return [], []


def callback(
    callback: Callable[..., Any] | None = None,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    **kwargs: Any,
) -> Any:
    """Call a Python function with concrete values, also from compiled code.

    For side effects only: its result is ignored. It runs once for every time that the
    program does, which a transformation may change: for each element under `vmap`,
    again where `checkpoint` recomputes.

    Options can also be given first, `debug.callback(ordered=True)(function, *args)`, so
    that keywords of the same name reach the function.

    Args:
        callback: called with the arguments, arrays as NumPy arrays.
        *args: arrays in trees; other leaves are handed to the function as they are.
        ordered: keep the order of all ordered calls of a program, in loops too.
        partitioned: under a sharding, call once for each shard instead of once with
            whole arrays. On one device there is no difference.
        **kwargs: arrays in trees.

    Raises:
        TypeError: `callback` is not callable.

    Example:
        >>> import dolmen.core as dc
        >>> seen = []
        >>> @dc.jit
        ... def f(x):
        ...     dc.debug.callback(lambda v: seen.append(float(v)), x)
        ...     return x
        >>> _ = f(2.0)
        >>> dc.effects_barrier()
        >>> seen
        [2.0]
    """
    if callback is None and not args and not kwargs:
        return functools.partial(_callback, ordered)
    return _callback(ordered, callback, *args, **kwargs)


def _callback(
    ordered: bool, function: Callable[..., Any] | None, /, *args: Any, **kwargs: Any
) -> None:
    if function is None or not callable(function):
        raise type_error(
            f"debug.callback: expected a function, got {type(function).__name__} "
            f"{function!r:.60}."
        )
    leaves, tree = flatten((args, kwargs))
    is_array = [is_array_like(leaf) for leaf in leaves]
    arrays = [as_array(x) for x, a in zip(leaves, is_array, strict=True) if a]
    # What is passed as an argument must not be held by the function.
    others = [None if a else x for x, a in zip(leaves, is_array, strict=True)]

    def flat(*values: Any) -> tuple[()]:
        given = iter(values)
        full = [
            np.asarray(next(given)) if traced else leaf
            for leaf, traced in zip(others, is_array, strict=True)
        ]
        full_args, full_kwargs = tree.unflatten(full)
        function(*full_args, **full_kwargs)
        return ()

    bind(DebugCallback(flat, ordered), *arrays)


def debug_print(
    fmt: str | None = None,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    **kwargs: Any,
) -> Any:
    """Print values, also from compiled code.

    Options can also be given first, `debug.print(ordered=True)("x = {}", x)`, so that
    keywords of the same name can be formatted.

    Args:
        fmt: a format string for `str.format`; no f-string, which would be formatted
            before there are values.
        *args: arrays in trees, and other values, for its positional fields.
        ordered: keep the order of all ordered prints of a program, in loops too.
        partitioned: under a sharding, print each shard instead of whole arrays. On one
            device there is no difference.
        skip_format_check: don't check at once that `fmt` and the values fit.
        **kwargs: the same for its named fields.

    Raises:
        TypeError: `fmt` is no string.
        ValueError: `fmt` and the values don't fit: a field has no value, or a value no
            field.

    Example:
        >>> import dolmen.core as dc
        >>> dc.debug.print("x = {x}", x=2.0)
        x = 2.0
    """
    options = _Options("debug.print", _print, ordered, skip_format_check)
    if fmt is None and not args and not kwargs:
        return functools.partial(_formatted, options)
    return _formatted(options, fmt, *args, **kwargs)


def debug_log(
    fmt: str | None = None,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    **kwargs: Any,
) -> Any:
    """Log values, also from compiled code.

    Like `debug.print`, but the text goes to the logger `dolmen.core.debug` at level
    INFO, as a record of the line that called `debug.log`.

    Args:
        fmt: a format string for `str.format`.
        *args: arrays in trees, and other values, for its positional fields.
        ordered: keep the order of all ordered records of a program, in loops too.
        partitioned: under a sharding, log each shard instead of whole arrays.
        skip_format_check: don't check at once that `fmt` and the values fit.
        **kwargs: the same for its named fields.

    Raises:
        TypeError: `fmt` is no string.
        ValueError: `fmt` and the values don't fit.

    Example:
        >>> import dolmen.core as dc
        >>> dc.jit(lambda x: dc.debug.log("x = {x}", x=x))(2.0)
    """
    options = _Options("debug.log", _log_from(), ordered, skip_format_check)
    if fmt is None and not args and not kwargs:
        return functools.partial(_formatted, options)
    return _formatted(options, fmt, *args, **kwargs)


class _Options:
    """How `_formatted` does its work."""

    def __init__(
        self,
        name: str,
        write: Callable[[str], None],
        ordered: bool,
        skip_format_check: bool,
    ) -> None:
        self.name = name
        self.write = write
        self.ordered = ordered
        self.skip_format_check = skip_format_check


def _formatted(options: _Options, fmt: Any, /, *args: Any, **kwargs: Any) -> None:
    if not isinstance(fmt, str):
        raise type_error(
            f"{options.name}: expected a format string, got {type(fmt).__name__} "
            f"{fmt!r:.60}.",
            f'Write `{options.name}("{{}}", x)`.',
        )
    if not options.skip_format_check:
        _check_format(options.name, fmt, args, kwargs)

    def write(*args: Any, **kwargs: Any) -> None:
        options.write(fmt.format(*args, **kwargs))

    _callback(options.ordered, write, *args, **kwargs)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (its purpose)


def _log_from() -> Callable[[str], None]:
    """A function that logs as if from the user's line that is running now."""
    frame = user_frame()
    code = frame[0] if frame is not None else None
    where = (
        code.co_filename if code is not None else "",
        line_of(frame) if frame is not None else 0,
        code.co_name if code is not None else None,
    )

    def log(text: str) -> None:
        if _logger.isEnabledFor(logging.INFO):
            path, line, function = where
            made = _logger.makeRecord(
                _logger.name, logging.INFO, path, line, text, (), None, function
            )
            _logger.handle(made)

    return log


def _check_format(
    name: str, fmt: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    fields = _Fields()
    fields.vformat(fmt, args, kwargs)
    given: set[int | str] = {*range(len(args)), *kwargs}
    missing = [_value_name(key) for key in fields.used if key not in given]
    if missing:
        raise value_error(
            f"{name}: the format {fmt!r} asks for {', '.join(missing)}, but no such "
            "value was given."
        )
    unused = [_value_name(key) for key in (*range(len(args)), *kwargs)]
    unused = [text for text in unused if text not in map(_value_name, fields.used)]
    if unused:
        raise value_error(
            f"{name}: the format {fmt!r} has no field for {', '.join(unused)}.",
            "Give the format as a plain string with fields, not as an f-string.",
        )


def _value_name(key: int | str) -> str:
    return f"positional value {key}" if isinstance(key, int) else repr(key)


class _Fields(string.Formatter):
    """Goes through a format string and notes whose values it uses."""

    def __init__(self) -> None:
        self.used: dict[int | str, None] = {}

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        self.used[key] = None
        return _Sample()

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return value


class _Sample:
    """Formats as anything, to check a format string before values exist."""

    def __format__(self, spec: str) -> str:
        return ""

    def __getattr__(self, name: str) -> "_Sample":
        return self

    def __getitem__(self, key: Any) -> "_Sample":
        return self
