"""Dtypes that also convert: `jnp.float32` is a dtype, `jnp.float32(x)` an array."""

from typing import Any

import ml_dtypes
import numpy as np

from .. import dtypes
from .._backend import ArrayImpl
from .._tracing import Tracer


class ScalarType(type):
    """Class of the dtype objects; they equal and hash like NumPy's scalar types."""

    dtype: np.dtype

    def __call__(cls, x: Any) -> Any:
        from ._creation import array

        return array(x, dtype=cls.dtype)

    def __hash__(cls) -> int:
        return hash(cls.dtype.type)

    def __eq__(cls, other: object) -> bool:
        return cls is other or cls.dtype.type == other or cls.dtype == other

    def __instancecheck__(cls, instance: Any) -> bool:
        if isinstance(instance, ArrayImpl | Tracer):
            return instance.dtype == cls.dtype and instance.ndim == 0
        return isinstance(instance, cls.dtype.type)

    def __repr__(cls) -> str:
        return f"dolmen.core.numpy.{cls.__name__}"


def _make(name: str, dtype: Any) -> Any:
    namespace = {
        "dtype": np.dtype(dtype),
        "__doc__": f"Dtype {np.dtype(dtype).name}; called, it converts to an array.",
        "__module__": "dolmen.core.numpy",
    }
    return ScalarType(name, (), namespace)


bool_ = _make("bool_", np.bool_)
# Dtypes that `finfo` and `iinfo` know, but XLA can't hold arrays of.
int1 = _make("int1", ml_dtypes.int1)
uint1 = _make("uint1", ml_dtypes.uint1)
float6_e2m3fn = _make("float6_e2m3fn", ml_dtypes.float6_e2m3fn)
float6_e3m2fn = _make("float6_e3m2fn", ml_dtypes.float6_e3m2fn)
int2 = _make("int2", ml_dtypes.int2)
int4 = _make("int4", ml_dtypes.int4)
int8 = _make("int8", np.int8)
int16 = _make("int16", np.int16)
int32 = _make("int32", np.int32)
int64 = _make("int64", np.int64)
uint2 = _make("uint2", ml_dtypes.uint2)
uint4 = _make("uint4", ml_dtypes.uint4)
uint8 = _make("uint8", np.uint8)
uint16 = _make("uint16", np.uint16)
uint32 = _make("uint32", np.uint32)
uint64 = _make("uint64", np.uint64)
float4_e2m1fn = _make("float4_e2m1fn", ml_dtypes.float4_e2m1fn)
float8_e3m4 = _make("float8_e3m4", ml_dtypes.float8_e3m4)
float8_e4m3 = _make("float8_e4m3", ml_dtypes.float8_e4m3)
float8_e4m3b11fnuz = _make("float8_e4m3b11fnuz", ml_dtypes.float8_e4m3b11fnuz)
float8_e4m3fn = _make("float8_e4m3fn", ml_dtypes.float8_e4m3fn)
float8_e4m3fnuz = _make("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz)
float8_e5m2 = _make("float8_e5m2", ml_dtypes.float8_e5m2)
float8_e5m2fnuz = _make("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz)
float8_e8m0fnu = _make("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu)
bfloat16 = _make("bfloat16", ml_dtypes.bfloat16)
float16 = _make("float16", np.float16)
float32 = single = _make("float32", np.float32)
float64 = double = _make("float64", np.float64)
complex64 = csingle = _make("complex64", np.complex64)
complex128 = cdouble = _make("complex128", np.complex128)
int_, uint, float_, complex_ = int64, uint64, float64, complex128


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether dtype `arg1` is `arg2` or belongs to the abstract kind `arg2`.

    Args:
        arg1: a dtype or an abstract kind such as `jnp.floating`.
        arg2: the same.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.issubdtype(jnp.bfloat16, jnp.floating)
        True
    """
    return dtypes.issubdtype(arg1, arg2)
