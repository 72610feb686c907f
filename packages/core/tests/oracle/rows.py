"""One row per way of calling a public function: what its generic tests need to know.

The modules `rows_*.py` beside this one hold the tables, one for each family. A public
function without a row, and without a place in `elsewhere.py`, fails a test.
"""

import dataclasses
import functools
import importlib
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

# Where the oracle of a public module is found if a row names none.
_ORACLES = {"numpy": "numpy", "scipy": "scipy", "lax": "numpy", "nn": "scipy.special"}


def _plain(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


@dataclasses.dataclass(frozen=True)
class Row:
    """A public function, one way of calling it, and how to test it.

    Attributes:
        name: the function, below `dolmen.core`: "numpy.linalg.eigvals".
        args: arrays it is called with. Those of float64 and complex128 are tested in
            double and in single precision; other dtypes stay. Arguments that aren't
            arrays (axes, modes) belong into `call`.
        call: calls a function with the arrays: `lambda f, x: f(x, axis=1)`. It is given
            the public function, and in turn its oracle.
        oracle: function of NumPy or SciPy with the same result, where it isn't the one
            of the same name in the module of the same name.
        smooth: indices of arguments with derivatives at this point.
        slack: factor on the tolerances, for functions that lose digits.
        single: whether single precision is tested.
        mapped: whether the function is tested under `vmap`.
        traced: whether it is tested under `jit`.
        label: tells the rows of one function apart.
    """

    name: str
    args: tuple[Any, ...]
    call: Callable[..., Any] = _plain
    oracle: Callable[..., Any] | None = None
    smooth: tuple[int, ...] = ()
    slack: float = 1.0
    single: bool = True
    mapped: bool = True
    traced: bool = True
    label: str = ""

    def __str__(self) -> str:
        return self.name + (f" {self.label}" if self.label else "")

    @property
    def function(self) -> Callable[..., Any]:
        """The public function."""
        return lookup(f"dolmen.core.{self.name}")

    def expected(self, args: list[np.ndarray]) -> list[np.ndarray]:
        """What the oracle says, in double precision."""
        root, _, rest = self.name.partition(".")
        oracle = self.oracle or lookup(f"{_ORACLES[root]}.{rest}")
        # NumPy warns of NaN and infinities, which rows are about.
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            return leaves(self.call(oracle, *(cast(arg, "float64") for arg in args)))

    def arrays(self, dtype: str) -> list[np.ndarray]:
        """The arguments, in the precision of `dtype`."""
        return [cast(np.asarray(arg), dtype) for arg in self.args]


def lookup(path: str) -> Any:
    """The object of a dotted name."""
    root, *names = path.split(".")
    try:
        return functools.reduce(getattr, names, importlib.import_module(root))
    except AttributeError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


def cast(arg: np.ndarray, dtype: str) -> np.ndarray:
    """`arg` in the precision of `dtype` if it is of floating or complex numbers."""
    wide = {"float64": "complex128", "float32": "complex64"}[dtype]
    targets = {"f": dtype, "c": wide}
    return arg.astype(targets.get(arg.dtype.kind, arg.dtype))


def leaves(result: Any) -> list[np.ndarray]:
    """The arrays of an array or of nested sequences of arrays."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in leaves(part)]
    return [np.asarray(result)]


def all_rows() -> list[Row]:
    """The rows of every table beside this module."""
    names = sorted(p.stem for p in pathlib.Path(__file__).parent.glob("rows_*.py"))
    modules = [importlib.import_module(f".{name}", __package__) for name in names]
    return [row for module in modules for row in module.ROWS]
