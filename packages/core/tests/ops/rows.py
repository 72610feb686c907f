"""One row per primitive: what its generic tests need to know.

The modules `rows_*.py` beside this one hold the tables, one for each module of `_ops`.
"""

import dataclasses
import importlib
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape], Sequence[np.ndarray]]

FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int32", "uint8", "int64")

# Scalar, vector, matrix, empty.
SHAPES: tuple[Shape, ...] = ((), (3,), (2, 3), (2, 0))


@dataclasses.dataclass(frozen=True)
class Row:
    """A function that applies a primitive, and how to test it.

    Attributes:
        primitive: the class whose rules are tested.
        function: from arrays to an array or a sequence of arrays.
        oracle: the same in NumPy or SciPy; it gets float64 for every narrower float.
        draw: arguments from a generator and a shape. What it gives as float64,
            complex128 or int64 is tested in each of `dtypes` of its kind; other dtypes
            stay.
        shapes: what `draw` understands; the first dtype is tested with all of them,
            everything else at the last one that is not empty.
        dtypes: where the value is compared with the oracle.
        smooth: which arguments have derivatives at all points drawn.
        flat: which arguments have the derivative zero by definition.
        slack: factor on the tolerance of values, for functions that lose digits.
        label: tells rows of one primitive apart.
    """

    primitive: type
    function: Callable[..., Any]
    oracle: Callable[..., Any]
    draw: Draw
    shapes: tuple[Shape, ...] = ((2, 3),)
    dtypes: tuple[str, ...] = ("float32",)
    smooth: tuple[int, ...] = ()
    slack: float = 1.0
    label: str = ""
    flat: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.primitive.__name__ + (f"-{self.label}" if self.label else "")

    @property
    def typical_shape(self) -> Shape:
        """A shape with elements."""
        return next(shape for shape in reversed(self.shapes) if 0 not in shape)

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return len(self.draw(np.random.default_rng(0), self.typical_shape))

    def args(self, seed: int, shape: Shape, dtype: str) -> list[np.ndarray]:
        """Arguments, cast to `dtype` where they are of its kind."""
        drawn = self.draw(np.random.default_rng(seed), shape)
        return [cast(np.asarray(arg), dtype) for arg in drawn]


def cast(arg: np.ndarray, dtype: str) -> np.ndarray:
    """`arg` in `dtype` if it is of the widest dtype of the same kind."""
    target = np.dtype(getattr(ml_dtypes, dtype, dtype))
    kind = "f" if target == ml_dtypes.bfloat16 else target.kind
    widest = {"f": "float64", "c": "complex128"}.get(kind, "int64")
    return arg.astype(target) if arg.dtype == widest else arg


def uniform(low: float, high: float, count: int = 1) -> Draw:
    """Floating-point arguments between two bounds."""

    def draw(rng: np.random.Generator, shape: Shape) -> Sequence[np.ndarray]:
        return [np.asarray(rng.uniform(low, high, shape)) for _ in range(count)]

    return draw


def disc(radius: float, count: int = 1, center: complex = 0.0) -> Draw:
    """Complex arguments with parts of at most `radius` around `center`."""

    def draw(rng: np.random.Generator, shape: Shape) -> Sequence[np.ndarray]:
        parts = rng.uniform(-radius, radius, (count, 2, *shape))
        return [np.asarray(center + p[0] + 1j * p[1]) for p in parts]

    return draw


def integers(low: int, high: int, count: int = 1) -> Draw:
    """Integer arguments from `low` to below `high`."""

    def draw(rng: np.random.Generator, shape: Shape) -> Sequence[np.ndarray]:
        return [np.asarray(rng.integers(low, high, shape)) for _ in range(count)]

    return draw


def booleans(count: int = 1) -> Draw:
    """Boolean arguments."""

    def draw(rng: np.random.Generator, shape: Shape) -> Sequence[np.ndarray]:
        return [np.asarray(rng.random(shape) < 0.5) for _ in range(count)]

    return draw


def distinct(rng: np.random.Generator, shape: Shape) -> Sequence[np.ndarray]:
    """One argument of different numbers, none close to another or to zero."""
    size = int(np.prod(shape))
    values = rng.permutation(size) + 0.5 - size // 2 + rng.uniform(-0.2, 0.2, size)
    return [np.asarray(values.reshape(shape))]


def all_rows() -> list[Row]:
    """The rows of every table beside this module."""
    names = sorted(p.stem for p in pathlib.Path(__file__).parent.glob("rows_*.py"))
    modules = [importlib.import_module(f".{name}", __package__) for name in names]
    return [row for module in modules for row in module.ROWS]
