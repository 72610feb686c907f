"""One row per way of calling a public function: what its generic tests need to know.

The modules `rows_*.py` beside this one hold the tables, one for each family. A public
function of the modules listed in `test_oracle.py` without a row, and without a place in
`elsewhere.py`, fails a test.
"""

import dataclasses
import importlib
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dolmen.core import tree


def _plain(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


@dataclasses.dataclass(frozen=True)
class Row:
    """A public function, one way of calling it, and how to test it.

    Attributes:
        name: the function, below `dolmen.optim`: "losses.l2_loss".
        args: arrays, or trees of arrays, it is called with. Those of float64 and
            complex128 are tested in double and in single precision; other dtypes stay.
            Arguments that aren't arrays (axes, modes) belong into `call`.
        oracle: function of NumPy or SciPy with the same result.
        call: calls a function with the arrays: `lambda f, x: f(x, axis=1)`. It is given
            the public function, and in turn its oracle.
        smooth: indices of arguments with derivatives at this point.
        slack: factor on the tolerances, for functions that lose digits.
        mapped: whether the function is tested under `vmap`.
        traced: whether it is tested under `jit`.
        label: tells the rows of one function apart.
    """

    name: str
    args: tuple[Any, ...]
    oracle: Callable[..., Any]
    call: Callable[..., Any] = _plain
    smooth: tuple[int, ...] = ()
    slack: float = 1.0
    mapped: bool = True
    traced: bool = True
    label: str = ""

    def __str__(self) -> str:
        return self.name + (f" {self.label}" if self.label else "")

    @property
    def function(self) -> Callable[..., Any]:
        """The public function."""
        module, _, name = f"dolmen.optim.{self.name}".rpartition(".")
        return getattr(importlib.import_module(module), name)

    def expected(self, args: list[Any]) -> Any:
        """What the oracle says, in double precision."""
        # NumPy warns of NaN and infinities, which rows are about.
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            return self.call(self.oracle, *cast(args, "float64"))

    def arrays(self, dtype: str) -> list[Any]:
        """The arguments, in the precision of `dtype`."""
        return cast(list(self.args), dtype)


def cast(args: Any, dtype: str) -> Any:
    """Floating and complex leaves in the precision of `dtype`."""
    targets = {"f": dtype, "c": {"float64": "complex128"}.get(dtype, "complex64")}

    def one(x: Any) -> np.ndarray:
        x = np.asarray(x)
        return x.astype(targets.get(x.dtype.kind, x.dtype))

    return tree.map(one, args)


def all_rows() -> list[Row]:
    """The rows of every table beside this module."""
    names = sorted(p.stem for p in pathlib.Path(__file__).parent.glob("rows_*.py"))
    modules = [importlib.import_module(f".{name}", __package__) for name in names]
    return [row for module in modules for row in module.ROWS]
