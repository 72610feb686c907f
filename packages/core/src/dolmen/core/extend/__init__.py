"""The door for package authors: define a primitive with all its rules in one class.

`extend.core` holds what programs are made of, to walk and rewrite them.

Example:
    >>> import dolmen.core as dc
    >>> from dolmen.core import extend
    >>> class Double(extend.Primitive):
    ...     def infer_type(self, arg_types):
    ...         (x,) = arg_types
    ...         return x
    ...     def jvp(self, primals, tangents):
    ...         (x,), (dx,) = primals, tangents
    ...         return extend.bind(self, x), extend.bind(self, dx)
    ...     def transpose(self, cotangents, args):
    ...         (ct,) = cotangents
    ...         return [extend.bind(self, ct)]
    ...     def batch(self, args, axes):
    ...         (x,), (axis,) = args, axes
    ...         return extend.bind(self, x), axis
    ...     def lower(self, builder, args):
    ...         (x,) = args
    ...         return builder.emit("add", (x, x))
    >>> double = lambda x: extend.bind(Double(), x)
    >>> dc.grad(dc.jit(double))(3.0)
    Array(2., dtype=float32, weak_type=True)
"""

from .._backend import with_type as with_type
from .._ir import (
    ArrayType as ArrayType,
    Linear as Linear,
    Primitive as Primitive,
    Program as Program,
    array_type as array_type,
    describe as describe_frame,
    message as error_message,
    user_frame as user_frame,
)
from .._lowering import mlir as mlir
from .._tracing import (
    Tracer as Tracer,
    bind as bind,
    evaluate as evaluate,
    record as record,
    typeof as typeof,
)
from . import core as core

__all__ = [
    "ArrayType",
    "Linear",
    "Primitive",
    "Program",
    "Tracer",
    "array_type",
    "bind",
    "core",
    "describe_frame",
    "error_message",
    "evaluate",
    "mlir",
    "record",
    "typeof",
    "user_frame",
    "with_type",
]
