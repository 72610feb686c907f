"""What a program gave, in a form that neither side's classes are part of."""

import builtins
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np


class ArrayResult(NamedTuple):
    """An array: its type as text, and its value where it has one."""

    type: str
    value: np.ndarray | None


class ErrorResult(NamedTuple):
    """An error: the classes that callers can catch it by, nearest first; its text."""

    classes: tuple[str, ...]
    text: str


def outcome(program: Callable[[], Any], random: Any, errors: Any) -> Any:
    """What a program returns or raises, described.

    Args:
        program: without arguments.
        random: the side's module of random keys.
        errors: the side's module of errors.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return _described(program(), random)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
        return ErrorResult(_public_classes(error, errors), str(error))


# The errors that both sides define beside Python's own.
SHARED_ERRORS = (
    "ConcretizationTypeError",
    "NonConcreteBooleanIndexError",
    "TracerArrayConversionError",
    "TracerBoolConversionError",
    "TracerIntegerConversionError",
    "UnexpectedTracerError",
)


def _public_classes(error: Exception, errors: Any) -> tuple[str, ...]:
    known = {getattr(errors, name) for name in SHARED_ERRORS} | set(
        filter(callable, vars(builtins).values())
    )
    return tuple(cls.__name__ for cls in type(error).__mro__ if cls in known)


def _described(value: Any, random: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | complex | str):
        return value
    if isinstance(value, dict):
        return {str(key): _described(child, random) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return (type(value).__name__, *(_described(child, random) for child in value))
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _described_array(value, random)
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    raise TypeError(
        f"a program returned {type(value).__name__}, which can't be compared"
    )


def _described_array(x: Any, random: Any) -> ArrayResult:
    name = getattr(x.dtype, "name", str(x.dtype))
    # A weak bool promotes as a strong one does: the difference is none.
    weak = "~" if getattr(x, "weak_type", False) and name != "bool" else ""
    kind = "numpy " if isinstance(x, np.ndarray | np.generic) else ""
    text = f"{kind}{weak}{name}[{','.join(map(str, x.shape))}]"
    if not hasattr(x, "__array__") or x.dtype == _FLOAT0:
        return ArrayResult(text, None)
    words = random.key_data(x) if name.startswith("key<") else x
    return ArrayResult(text, np.array(words))


_FLOAT0 = np.dtype([("float0", np.void, 0)])


# ---- comparison --------------------------------------------------------------------

# How far apart results of the same formula may be, relative to the largest element:
# XLA orders sums and fuses products as it likes.
_TOLERANCES = {
    "bfloat16": 2e-2,
    "float16": 2e-3,
    "float32": 2e-5,
    "complex64": 2e-5,
    "float64": 1e-11,
    "complex128": 1e-11,
}


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """A line for every place where two described results differ."""
    where = f"result{path}"
    if isinstance(ours, ArrayResult) and isinstance(theirs, ArrayResult):
        if ours.type != theirs.type:
            yield f"{where}: type {ours.type} here, {theirs.type} there"
        elif not _close(ours.value, theirs.value):
            yield f"{where}: here\n{ours.value}\nthere\n{theirs.value}"
    elif isinstance(ours, ErrorResult) or isinstance(theirs, ErrorResult):
        # Who catches what is raised there must catch what is raised here.
        caught = getattr(theirs, "classes", ("",))[0]
        if caught not in getattr(ours, "classes", ()):
            yield f"{where}: here {_shown(ours)}\nthere {_shown(theirs)}"
    elif isinstance(ours, dict) and isinstance(theirs, dict) and [*ours] == [*theirs]:
        for key in ours:
            yield from differences(ours[key], theirs[key], f"{path}[{key!r}]")
    elif (
        isinstance(ours, tuple)
        and isinstance(theirs, tuple)
        and (len(ours), ours[0]) == (len(theirs), theirs[0])
    ):
        for index, pair in enumerate(zip(ours[1:], theirs[1:], strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif isinstance(ours, dict | tuple) or not _equal(ours, theirs):
        yield f"{where}: {ours!r} here, {theirs!r} there"


def _shown(result: Any) -> str:
    if isinstance(result, ErrorResult):
        return f"raises {result.classes[0]}: {result.text[:1000]}"
    return f"gives {result!r:.500}"


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and (a == b or (a != a and b != b))


def _close(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    tolerance = _TOLERANCES.get(a.dtype.name, 0.0)
    if tolerance == 0.0:
        if a.dtype.name.startswith("float"):  # of 8 bits or fewer
            a, b = a.astype(np.float64), b.astype(np.float64)
            return bool(np.array_equal(a, b, equal_nan=True))
        return bool(np.array_equal(a, b))
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    a, b = a.astype(wide), b.astype(wide)
    finite = np.abs(b[np.isfinite(b)])
    scale = finite.max() if finite.size else 0.0
    return bool(
        np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    )
