"""Where records come from: anything with a length and random access."""

import operator
import os
import pathlib
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from ._arguments import at_least
from ._block import Block, Columns, Integers, Rows
from ._tree import leaves_with_paths, map_leaves, outline_leaf

T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class RandomAccessDataSource(Protocol[T_co]):
    """Anything with ``len(source)`` and ``source[i]``.

    Sources that can read many records at once say so with one more method, and
    are then asked for whole batches:

    - ``gather(positions)`` takes an int64 array and returns the records stacked,
      as one tree of arrays with a leading axis. This is the fastest.
    - ``__getitems__(positions)`` takes a list and returns a list of records.

    Several threads may read at once. The same index must always give an equal
    record.
    """

    def __len__(self) -> int:
        """Number of records."""
        ...

    def __getitem__(self, record_key: int, /) -> T_co:
        """The record at an index in ``range(len(self))``."""
        ...


class Arrays:
    """Arrays in memory (or memory-mapped) whose leading axis counts the records.

    Args:
        arrays: an array, or a dictionary, tuple or list of arrays, nested at will.
        **named_arrays: a dictionary of arrays, written as keywords instead.

    Raises:
        ValueError: there is no array, or leading sizes differ.

    Example:
        >>> source = Arrays(image=np.zeros((100, 28, 28)), label=np.arange(100))
        >>> len(source)
        100
        >>> source[7]["label"]
        np.int64(7)
    """

    def __init__(self, arrays: Any = None, /, **named_arrays: Any):
        if arrays is not None and named_arrays:
            raise TypeError(
                "Arrays: expected one tree of arrays or keywords, got both. "
                "Put them all in one dictionary."
            )
        self._tree = map_leaves(np.asanyarray, named_arrays or arrays)
        self._size = _common_size(self._tree)

    def __len__(self) -> int:
        """Size of the leading axis."""
        return self._size

    def __getitem__(self, record_key: int, /) -> Any:
        """The slices at one index of the leading axis."""
        index = _checked_index("Arrays", record_key, self._size)
        return map_leaves(lambda array: array[index], self._tree)

    def __repr__(self) -> str:
        """Class and number of records."""
        return f"Arrays({self._size})"

    def gather(self, positions: np.ndarray) -> Any:
        """The slices at many indices, stacked: always a copy."""
        return map_leaves(lambda array: array[positions], self._tree)


class RangeDataSource:
    """The integers of ``range(start, stop, step)``.

    Example:
        >>> list(RangeDataSource(2, 10, 3))
        [2, 5, 8]
    """

    def __init__(self, start: int, stop: int, step: int):
        self._range = range(start, stop, step)

    def __len__(self) -> int:
        """Number of integers."""
        return len(self._range)

    def __getitem__(self, record_key: int, /) -> int:
        """One integer."""
        return self._range[record_key]

    def __repr__(self) -> str:
        """The range."""
        return repr(self._range)


class TokenWindows:
    """Windows of equal length over one flat sequence of tokens.

    Record ``i`` is ``tokens[i * stride : i * stride + length]``. Tokens at the end
    that fill no window are left out. To train a language model on inputs and
    targets that are shifted by one, take ``length=context + 1, stride=context``.

    Args:
        tokens: a one-dimensional array, or the path of a file, which is
            memory-mapped: ``.npy``, or else raw values of type `dtype`.
        length: tokens per window.
        stride: tokens from the start of one window to the next; `length` if None.
        dtype: type of the values in a raw file.

    Raises:
        TypeError: `tokens` is neither an array nor a path.
        ValueError: `tokens` is not one-dimensional or shorter than one window, the
            file's size is no multiple of its dtype's, or an argument is below 1.

    Example:
        >>> windows = TokenWindows(np.arange(10, dtype=np.uint16), 4, stride=3)
        >>> len(windows)
        3
        >>> windows[1]
        array([3, 4, 5, 6], dtype=uint16)
    """

    def __init__(
        self,
        tokens: np.ndarray | str | os.PathLike[str],
        length: int,
        *,
        stride: int | None = None,
        dtype: Any = np.uint8,
    ):
        self._length = at_least("TokenWindows", "length", length, 1)
        stride = self._length if stride is None else stride
        self._stride = at_least("TokenWindows", "stride", stride, 1)
        self._dtype = np.dtype(dtype)
        if isinstance(tokens, str | os.PathLike):
            self._path: pathlib.Path | None = pathlib.Path(tokens)
            self._tokens = _map_tokens(self._path, self._dtype)
        elif isinstance(tokens, np.ndarray):
            self._path = None
            self._tokens = tokens
        else:
            raise TypeError(
                "TokenWindows: `tokens` must be a NumPy array or the path of a "
                f"file, got {type(tokens).__name__}."
            )
        self._windows = self._view()

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._windows)

    def __getitem__(self, record_key: int, /) -> np.ndarray:
        """One window, copied."""
        index = _checked_index("TokenWindows", record_key, len(self))
        return self._windows[index].copy()

    def __repr__(self) -> str:
        """Number and length of the windows, and their stride."""
        return (
            f"TokenWindows({len(self)}, length={self._length}, stride={self._stride})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leaves mapped tokens out: another process maps the file itself."""
        state = self.__dict__ | {"_windows": None}
        return state | {"_tokens": None} if self._path else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Maps the file again."""
        self.__dict__.update(state)
        if self._path:
            self._tokens = _map_tokens(self._path, self._dtype)
        self._windows = self._view()

    def gather(self, positions: np.ndarray) -> np.ndarray:
        """Many windows, ``[len(positions), length]``: always a copy."""
        return self._windows[positions]

    def _view(self) -> np.ndarray:
        tokens = self._tokens
        name = self._path or "`tokens`"
        if tokens.ndim != 1:
            raise ValueError(
                f"TokenWindows: {name} must be one-dimensional, got "
                f"{outline_leaf(tokens)}."
            )
        if tokens.size < self._length:
            raise ValueError(
                f"TokenWindows: {name} holds {tokens.size} tokens, too few for one "
                f"window of length {self._length}."
            )
        every = np.lib.stride_tricks.sliding_window_view(tokens, self._length)
        return every[:: self._stride]


def as_source(source: Any) -> Any:
    """The object itself, or the arrays it holds wrapped so that they batch well."""
    if isinstance(source, np.ndarray | dict):
        return Arrays(source)
    if not isinstance(source, RandomAccessDataSource):
        raise TypeError(
            "MapDataset.source: `source` must have `__len__` and `__getitem__`, got "
            f"{type(source).__name__}. Wrap it in a class that has both, or use "
            "`list(...)` if it fits in memory."
        )
    return source


def reads_many(source: Any) -> bool:
    """Whether the source reads many records in one call."""
    many = hasattr(source, "gather") or hasattr(source, "__getitems__")
    return many or isinstance(source, RangeDataSource)


def read_many(source: Any, positions: np.ndarray) -> Block:
    """The records at the positions, by the fastest way that the source has."""
    if isinstance(source, RangeDataSource):
        numbers = source._range
        return Integers(numbers.start + positions * numbers.step, len(positions))
    if hasattr(source, "gather"):
        return Columns(source.gather(positions), len(positions))
    return Rows(list(source.__getitems__(positions.tolist())))


def describe(source: Any) -> str:
    """What identifies a source in the description of a pipeline."""
    if isinstance(source, Arrays | RangeDataSource | TokenWindows):
        return repr(source)
    return f"{type(source).__name__}({len(source)})"


def _checked_index(source: str, index: int, size: int) -> int:
    position = operator.index(index)
    if not -size <= position < size:
        raise IndexError(
            f"{source}: index {position} is out of range, there are {size} records."
        )
    return position % size


def _common_size(tree: Any) -> int:
    arrays = leaves_with_paths(tree, "arrays")
    if not arrays or any(
        array.dtype == object and not array.ndim for _, array in arrays
    ):
        raise ValueError("Arrays: expected at least one array, got none.")
    sizes = {path: array.shape[0] if array.ndim else None for path, array in arrays}
    if len(set(sizes.values())) > 1 or None in sizes.values():
        listed = "\n".join(f"  {path}: {outline_leaf(array)}" for path, array in arrays)
        raise ValueError(
            "Arrays: leading sizes must be equal, one slice per record:\n" + listed
        )
    return arrays[0][1].shape[0]


def _map_tokens(path: pathlib.Path, dtype: np.dtype) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r")
    size = path.stat().st_size
    if size % dtype.itemsize:
        raise ValueError(
            f"TokenWindows: {path} has {size} bytes, no multiple of the "
            f"{dtype.itemsize} of {dtype.name}. The file is damaged or `dtype` wrong."
        )
    if not size:  # which can not be mapped
        return np.empty(0, dtype)
    return np.memmap(path, dtype, mode="r")
