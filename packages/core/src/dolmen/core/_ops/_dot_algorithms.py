"""Algorithms of products: in which precision factors are read and sums are kept."""

import dataclasses
import enum
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from .._ir import dtypes, value_error
from .._lowering import mlir

_F16, _F32, _F64 = (np.dtype(f"float{bits}") for bits in (16, 32, 64))
_BF16 = dtypes.bfloat16

# What XLA's CPU compiler does as it is told; it ignores all others.
_ON_CPU = frozenset(
    (
        "DEFAULT",
        "F16_F16_F16",
        "F32_F32_F32",
        "F64_F64_F64",
        "BF16_BF16_F32",
        "BF16_BF16_F32_X3",
        "BF16_BF16_F32_X6",
    )
)


@dataclasses.dataclass(frozen=True)
class DotAlgorithm:
    """How a backend multiplies matrices, spelled out.

    Which algorithms there are depends on the backend; those of `DotAlgorithmPreset` are
    known to exist somewhere.

    Attributes:
        lhs_precision_type: dtype that `lhs` is rounded to.
        rhs_precision_type: dtype that `rhs` is rounded to.
        accumulation_type: dtype of the sums.
        lhs_component_count: number of parts that `lhs` is split into, each of
            `lhs_precision_type`, to emulate a wider dtype.
        rhs_component_count: the same for `rhs`.
        num_primitive_operations: number of products of parts.
        allow_imprecise_accumulation: whether some sums may be kept in less precision.

    Example:
        >>> from dolmen.core import lax
        >>> lax.DotAlgorithm("float16", "float16", "float32").accumulation_type
        dtype('float32')
    """

    lhs_precision_type: Any
    rhs_precision_type: Any
    accumulation_type: Any
    lhs_component_count: int = 1
    rhs_component_count: int = 1
    num_primitive_operations: int = 1
    allow_imprecise_accumulation: bool = False

    def __post_init__(self) -> None:
        for name in ("lhs_precision_type", "rhs_precision_type", "accumulation_type"):
            given = getattr(self, name)
            made = dtypes.as_dtype(given, function="DotAlgorithm", wanted=False)
            object.__setattr__(self, name, made)

    def swapped(self) -> "DotAlgorithm":
        """The same with the factors exchanged."""
        return dataclasses.replace(
            self,
            lhs_precision_type=self.rhs_precision_type,
            rhs_precision_type=self.lhs_precision_type,
            lhs_component_count=self.rhs_component_count,
            rhs_component_count=self.lhs_component_count,
        )


class DotAlgorithmPreset(enum.Enum):
    """Algorithms by name: dtypes of both factors and of the sums.

    Attributes:
        DEFAULT: the backend's own choice.
        ANY_F8_ANY_F8_F32: factors of any 8-bit floats, sums in float32.
        ANY_F8_ANY_F8_F32_FAST_ACCUM: the same with faster, less exact sums.
        ANY_F8_ANY_F8_ANY: sums in the dtype of the result.
        ANY_F8_ANY_F8_ANY_FAST_ACCUM: the same with faster, less exact sums.
        F16_F16_F16: everything in float16.
        F16_F16_F32: factors in float16, sums in float32.
        BF16_BF16_BF16: everything in bfloat16.
        BF16_BF16_F32: factors in bfloat16, sums in float32.
        BF16_BF16_F32_X3: float32 by 3 products of bfloat16 numbers.
        BF16_BF16_F32_X6: float32 by 6 products of bfloat16 numbers.
        BF16_BF16_F32_X9: float32 by 9 products of bfloat16 numbers.
        TF32_TF32_F32: factors in TensorFloat32, sums in float32.
        TF32_TF32_F32_X3: float32 by 3 products of TensorFloat32 numbers.
        F32_F32_F32: everything in float32.
        F64_F64_F64: everything in float64.
    """

    DEFAULT = 1
    ANY_F8_ANY_F8_F32 = 2
    ANY_F8_ANY_F8_F32_FAST_ACCUM = 3
    ANY_F8_ANY_F8_ANY = 4
    ANY_F8_ANY_F8_ANY_FAST_ACCUM = 5
    F16_F16_F16 = 6
    F16_F16_F32 = 7
    BF16_BF16_BF16 = 8
    BF16_BF16_F32 = 9
    BF16_BF16_F32_X3 = 10
    BF16_BF16_F32_X6 = 11
    BF16_BF16_F32_X9 = 12
    TF32_TF32_F32 = 13
    TF32_TF32_F32_X3 = 14
    F32_F32_F32 = 15
    F64_F64_F64 = 16

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __str__(self) -> str:
        return self.name

    @property
    def supported_lhs_types(self) -> tuple[np.dtype, ...] | None:
        """Dtypes that `lhs` may have; others become the first. None for any."""
        return _FACTS[self].factors

    @property
    def supported_rhs_types(self) -> tuple[np.dtype, ...] | None:
        """Dtypes that `rhs` may have; others become the first. None for any."""
        return _FACTS[self].factors

    @property
    def accumulation_type(self) -> np.dtype | None:
        """Dtype of the sums; None for that of the result."""
        return _FACTS[self].sums

    def supported_output_types(
        self, lhs_dtype: Any, rhs_dtype: Any
    ) -> tuple[np.dtype, ...] | None:
        """Dtypes that the backend's result may have; None for any.

        Args:
            lhs_dtype: dtype of `lhs`.
            rhs_dtype: dtype of `rhs`.
        """
        sums = self.accumulation_type
        if sums is None:
            return None
        if self in _EIGHT_BITS:
            return _F32, _F16, _BF16, *_FLOAT8_RESULTS
        narrow = {_PRESETS.F16_F16_F32: _F16, _PRESETS.BF16_BF16_F32: _BF16}.get(self)
        if narrow is not None and lhs_dtype == rhs_dtype == narrow:
            return sums, narrow
        return (sums,)


class _Facts(NamedTuple):
    """What there is to know of a preset."""

    factors: tuple[np.dtype, ...] | None  # dtypes the operands may have
    sums: np.dtype | None
    precision: Any = None  # what the backend rounds factors to: a dtype, or TF32
    products: int = 1


_PRESETS = DotAlgorithmPreset
_TF32 = "tf32"
_FACTS = {
    _PRESETS.DEFAULT: _Facts(None, None),
    _PRESETS.ANY_F8_ANY_F8_F32: _Facts(None, _F32),
    _PRESETS.ANY_F8_ANY_F8_F32_FAST_ACCUM: _Facts(None, _F32),
    _PRESETS.ANY_F8_ANY_F8_ANY: _Facts(None, None),
    _PRESETS.ANY_F8_ANY_F8_ANY_FAST_ACCUM: _Facts(None, None),
    _PRESETS.F16_F16_F16: _Facts((_F16,), _F16, _F16),
    _PRESETS.F16_F16_F32: _Facts((_F16,), _F32, _F16),
    _PRESETS.BF16_BF16_BF16: _Facts((_BF16, _F32), _BF16, _BF16),
    _PRESETS.BF16_BF16_F32: _Facts((_BF16, _F32), _F32, _BF16),
    _PRESETS.BF16_BF16_F32_X3: _Facts((_F32,), _F32, _BF16, 3),
    _PRESETS.BF16_BF16_F32_X6: _Facts((_F32,), _F32, _BF16, 6),
    _PRESETS.BF16_BF16_F32_X9: _Facts((_F32,), _F32, _BF16, 9),
    _PRESETS.TF32_TF32_F32: _Facts((_F32,), _F32, _TF32),
    _PRESETS.TF32_TF32_F32_X3: _Facts((_F32,), _F32, _TF32, 3),
    _PRESETS.F32_F32_F32: _Facts((_F32,), _F32, _F32),
    _PRESETS.F64_F64_F64: _Facts((_F64,), _F64, _F64),
}
_EIGHT_BITS = frozenset(p for p in _PRESETS if p.name.startswith("ANY_F8"))
_FLOAT8_RESULTS = tuple(
    np.dtype(getattr(ml_dtypes, f"float8_{name}"))
    for name in ("e4m3fn", "e5m2", "e5m2fnuz", "e4m3fnuz", "e4m3b11fnuz")
)

Algorithm = DotAlgorithm | DotAlgorithmPreset


def compute_dtypes(
    algorithm: Algorithm, lhs: np.dtype, rhs: np.dtype, out: np.dtype
) -> tuple[np.dtype, np.dtype, np.dtype]:
    """Dtypes that an algorithm takes and gives instead of those of an operation."""
    if isinstance(algorithm, DotAlgorithm):
        return (
            algorithm.lhs_precision_type,
            algorithm.rhs_precision_type,
            algorithm.accumulation_type,
        )

    def nearest(dtype: np.dtype, allowed: tuple[np.dtype, ...] | None) -> np.dtype:
        return dtype if allowed is None or dtype in allowed else allowed[0]

    lhs = nearest(lhs, algorithm.supported_lhs_types)
    rhs = nearest(rhs, algorithm.supported_rhs_types)
    return lhs, rhs, nearest(out, algorithm.supported_output_types(lhs, rhs))


def algorithm_attributes(
    algorithm: Algorithm, platform: str, lhs: np.dtype, rhs: np.dtype
) -> dict[str, Any]:
    """The attribute `algorithm` of `stablehlo.dot_general` for factors of two dtypes.

    Raises:
        ValueError: the platform, or the algorithm for these factors, is not known.
    """
    if platform == "cpu" and str(algorithm) not in _ON_CPU:
        raise value_error(
            f"dot_general: `precision` must name an algorithm that CPUs have, got "
            f"{algorithm}.",
            f"Use one of {', '.join(sorted(_ON_CPU))}.",
        )
    if isinstance(algorithm, DotAlgorithm):
        made = mlir.dot_algorithm(*dataclasses.astuple(algorithm))
    elif algorithm is DotAlgorithmPreset.DEFAULT:
        return {}
    elif algorithm in _EIGHT_BITS:
        if lhs.itemsize > 1:  # `rhs` is of this dtype, or of 8 bits too
            raise value_error(
                f"dot_general: `precision` {algorithm} needs factors of 8-bit floats, "
                f"got {dtypes.short_name(lhs)} and {dtypes.short_name(rhs)}."
            )
        fast = algorithm is DotAlgorithmPreset.ANY_F8_ANY_F8_F32_FAST_ACCUM
        made = mlir.dot_algorithm(lhs, rhs, _F32, 1, 1, 1, fast)
    else:
        _, sums, factor, products = _FACTS[algorithm]
        made = mlir.dot_algorithm(factor, factor, sums, 1, 1, products, False)
    return {"algorithm": made}
