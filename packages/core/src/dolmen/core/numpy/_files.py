"""Arrays in files and in text.

Files have NumPy's format (.npy, .npz). It knows no dtypes but NumPy's own: bfloat16 is
stored as two raw bytes, as JAX stores it, and other small dtypes as a record with one
field, whose name is that of the dtype. NumPy reads both, and `load` restores them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from .._ir import dtypes
from ._array_like import Array, ArrayLike, DTypeLike
from ._creation import asarray

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


# ---- files -------------------------------------------------------------------------


def save(file: Any, arr: ArrayLike, allow_pickle: bool = True) -> None:
    """Write an array to a file of the format .npy.

    Args:
        file: a path, to which ".npy" is added if it lacks that; or an open binary file.
        arr: an array; its elements keep their dtype.
        allow_pickle: for NumPy's sake: arrays of this package never need it.

    Example:
        >>> import io
        >>> import dolmen.core.numpy as jnp
        >>> file = io.BytesIO()
        >>> jnp.save(file, jnp.array([1.5, 2.0], "bfloat16"))
        >>> _ = file.seek(0)
        >>> jnp.load(file)
        Array([1.5, 2], dtype=bfloat16)
    """
    np.save(file, _stored(arr), allow_pickle=allow_pickle)


def savez(
    file: Any, *args: ArrayLike, allow_pickle: bool = True, **kwds: ArrayLike
) -> None:
    """Write several arrays to a file of the format .npz.

    Args:
        file: a path, to which ".npz" is added if it lacks that; or an open binary file.
        *args: arrays, stored as "arr_0", "arr_1", ...
        allow_pickle: for NumPy's sake: arrays of this package never need it.
        **kwds: arrays, stored under the names of the arguments.

    Raises:
        ValueError: a name is also that of an array without one.

    Example:
        >>> import io
        >>> import dolmen.core.numpy as jnp
        >>> file = io.BytesIO()
        >>> jnp.savez(file, jnp.arange(2), weights=jnp.ones(1))
        >>> _ = file.seek(0)
        >>> with jnp.load(file) as arrays:
        ...     sorted(arrays), arrays["weights"].tolist()
        (['arr_0', 'weights'], [1.0])
    """
    del allow_pickle
    named: dict[str, Any] = {name: _stored(arr) for name, arr in kwds.items()}
    np.savez(file, *map(_stored, args), **named)


def load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """Read what `save` or `savez` wrote, or NumPy or JAX.

    Args:
        file: a path, or an open binary file.
        *args: as of `numpy.load`.
        **kwargs: as of `numpy.load`.

    Returns:
        An array; 64-bit elements become 32-bit ones where 64 bits are off. Of a .npz
        file a mapping from names to arrays, which reads each when it is asked for and
        is a context manager that closes the file.

    Example:
        >>> import io
        >>> import dolmen.core.numpy as jnp
        >>> file = io.BytesIO()
        >>> jnp.save(file, jnp.array([1, 2]))
        >>> _ = file.seek(0)
        >>> jnp.load(file)
        Array([1, 2], dtype=int32)
    """
    found = np.load(file, *args, **kwargs)
    return asarray(_restored(found)) if isinstance(found, np.ndarray) else Arrays(found)


class Arrays(Mapping[str, Array]):
    """The arrays of a .npz file by name."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getitem__(self, name: str) -> Array:
        return asarray(_restored(self._file[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.files)

    def __len__(self) -> int:
        return len(self._file.files)

    @property
    def files(self) -> list[str]:
        """The names."""
        return self._file.files

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "Arrays":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _stored(arr: Any) -> np.ndarray:
    """The array in a dtype that files can name."""
    host = np.asarray(arr)
    is_numpys_own = host.dtype.isbuiltin != 2
    if is_numpys_own or host.dtype == _BFLOAT16:
        return host
    return host.view([(host.dtype.name, f"V{host.dtype.itemsize}")])


def _restored(host: np.ndarray) -> np.ndarray:
    if host.dtype == np.dtype("V2"):
        return host.view(_BFLOAT16)
    names = host.dtype.names or ()
    if len(names) == 1 and host.dtype[0].kind == "V":
        return host.view(dtypes.as_dtype(names[0], function="load"))
    return host


# ---- text and other sources --------------------------------------------------------


def fromfile(
    file: Any,
    dtype: DTypeLike = float,
    count: int = -1,
    sep: str = "",
    offset: int = 0,
) -> Array:
    """Read an array with one axis from raw bytes, or from text.

    Args:
        file: a path, or an open file of the operating system.
        dtype: of the elements in the file.
        count: how many elements; -1 for all.
        sep: what separates numbers in a text file; empty for raw bytes.
        offset: how many bytes to skip, of raw bytes only.

    Raises:
        OSError: there is no such file.

    Example:
        >>> import pathlib, tempfile
        >>> import dolmen.core.numpy as jnp
        >>> path = pathlib.Path(tempfile.mkdtemp(), "numbers")
        >>> _ = path.write_text("1 2 3")
        >>> jnp.fromfile(path, "int32", sep=" ")
        Array([1, 2, 3], dtype=int32)
    """
    return asarray(np.fromfile(file, np.dtype(dtype), count, sep, offset=offset))


def fromiter(iter: Iterable[Any], dtype: DTypeLike, count: int = -1) -> Array:
    """An array with one axis of what an iterator gives.

    Args:
        iter: gives Python or NumPy scalars, none of them traced.
        dtype: of the result.
        count: how many elements; -1 for all.

    Raises:
        ValueError: the iterator gives fewer than `count` elements.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fromiter((i * i for i in range(4)), int).tolist()
        [0, 1, 4, 9]
    """
    return asarray(np.fromiter(iter, np.dtype(dtype), count))


def fromstring(
    string: str, dtype: DTypeLike = float, count: int = -1, *, sep: str
) -> Array:
    """An array with one axis of the numbers in a text.

    Args:
        string: numbers with separators between them.
        dtype: of the result.
        count: how many numbers; -1 for all.
        sep: what separates them; blanks stand for any blanks.

    Raises:
        ValueError: the text holds something else, or fewer than `count` numbers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fromstring("1, 2.5", sep=",").tolist()
        [1.0, 2.5]
    """
    return asarray(np.fromstring(string, np.dtype(dtype), count, sep=sep))
