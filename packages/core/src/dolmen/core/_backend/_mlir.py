"""One long-lived MLIR context with every dialect, and the handles built in it."""

import functools
import threading
from typing import Any

import ml_dtypes
import numpy as np
from jaxlib.mlir import ir
from jaxlib.mlir._mlir_libs import _jax_mlir_ext
from jaxlib.mlir.dialects import chlo, func, stablehlo

Operation = ir.Operation

# Building modules is not thread-safe within one context.
lock = threading.RLock()


def _make_context() -> Any:
    dialects = ir.DialectRegistry()
    _jax_mlir_ext.register_dialects(dialects)
    context = ir.Context()
    context.append_dialect_registry(dialects)
    context.load_all_available_dialects()
    stablehlo.register_dialect(context)
    chlo.register_dialect(context)
    # Threads of a context's own cost more than they bring for modules of our size.
    context.enable_multithreading(False)
    return context


context = _make_context()

with context:
    unknown_location = ir.Location.unknown(context)
    _element_types = {
        np.dtype(bool): ir.IntegerType.get_signless(1),
        np.dtype(np.int8): ir.IntegerType.get_signless(8),
        np.dtype(np.int16): ir.IntegerType.get_signless(16),
        np.dtype(np.int32): ir.IntegerType.get_signless(32),
        np.dtype(np.int64): ir.IntegerType.get_signless(64),
        np.dtype(np.uint8): ir.IntegerType.get_unsigned(8),
        np.dtype(np.uint16): ir.IntegerType.get_unsigned(16),
        np.dtype(np.uint32): ir.IntegerType.get_unsigned(32),
        np.dtype(np.uint64): ir.IntegerType.get_unsigned(64),
        np.dtype(ml_dtypes.int4): ir.IntegerType.get_signless(4),
        np.dtype(ml_dtypes.uint4): ir.IntegerType.get_unsigned(4),
        np.dtype(ml_dtypes.int2): ir.IntegerType.get_signless(2),
        np.dtype(ml_dtypes.uint2): ir.IntegerType.get_unsigned(2),
        np.dtype(np.float16): ir.F16Type.get(),
        np.dtype(ml_dtypes.bfloat16): ir.BF16Type.get(),
        np.dtype(np.float32): ir.F32Type.get(),
        np.dtype(np.float64): ir.F64Type.get(),
        np.dtype(np.complex64): ir.ComplexType.get(ir.F32Type.get()),
        np.dtype(np.complex128): ir.ComplexType.get(ir.F64Type.get()),
        np.dtype(ml_dtypes.float8_e3m4): ir.Float8E3M4Type.get(),
        np.dtype(ml_dtypes.float8_e4m3): ir.Float8E4M3Type.get(),
        np.dtype(ml_dtypes.float8_e4m3fn): ir.Float8E4M3FNType.get(),
        np.dtype(ml_dtypes.float8_e4m3b11fnuz): ir.Float8E4M3B11FNUZType.get(),
        np.dtype(ml_dtypes.float8_e4m3fnuz): ir.Float8E4M3FNUZType.get(),
        np.dtype(ml_dtypes.float8_e5m2): ir.Float8E5M2Type.get(),
        np.dtype(ml_dtypes.float8_e5m2fnuz): ir.Float8E5M2FNUZType.get(),
        np.dtype(ml_dtypes.float8_e8m0fnu): ir.Float8E8M0FNUType.get(),
        np.dtype(ml_dtypes.float4_e2m1fn): ir.Float4E2M1FNType.get(),
    }


def element_type(dtype: np.dtype) -> Any:
    """The MLIR type of one element.

    Raises:
        TypeError: XLA has no such element type.
    """
    try:
        return _element_types[dtype]
    except KeyError:
        raise TypeError(f"dtype {dtype} has no representation in XLA.") from None


def tensor_type(shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """The MLIR type of an array."""
    return ir.RankedTensorType.get(shape, element_type(dtype), loc=unknown_location)


def token_type() -> Any:
    """The MLIR type of a token, which orders side effects."""
    return stablehlo.TokenType.get(context)


def shape(handle: Any) -> tuple[int, ...]:
    """Sizes of the axes of a handle."""
    return tuple(ir.RankedTensorType(handle.type).shape)


def rank(handle: Any) -> int:
    """Number of axes of a value."""
    return handle.type.rank


def is_array(handle: Any) -> bool:
    """Whether a value is an array, not a token."""
    return isinstance(handle.type, ir.RankedTensorType)


def output_operand_alias(output: tuple[int, ...], operand: int) -> Any:
    """That a result of a custom call, by its index, shares an operand's memory."""
    return stablehlo.OutputOperandAlias.get(
        output_tuple_indices=list(output),
        operand_index=operand,
        operand_tuple_indices=[],
        ctx=context,
    )


def resized(handle: Any, shape: tuple[int, ...]) -> Any:
    """The MLIR type of an array of `shape` with the elements of `handle`."""
    return ir.RankedTensorType.get(
        shape, handle.type.element_type, loc=unknown_location
    )


def int_array(values: Any) -> Any:
    """`array<i64: ...>`."""
    return _int_array(tuple([int(v) for v in values]))


@functools.lru_cache(maxsize=4096)
def _int_array(values: tuple[int, ...]) -> Any:
    return ir.DenseI64ArrayAttr.get(list(values), context)


def bool_array(values: Any) -> Any:
    """`array<i1: ...>`."""
    return ir.DenseBoolArrayAttr.get([bool(v) for v in values], context)


def int_matrix(rows: Any) -> Any:
    """`dense<[[...]]> : tensor<nxmxi64>`, the form of `padding` and replica groups."""
    with context:
        return ir.DenseIntElementsAttr.get(np.asarray(rows, np.int64))


def integer(value: int, bits: int = 64) -> Any:
    """An integer attribute."""
    with context:
        return ir.IntegerAttr.get(ir.IntegerType.get_signless(bits), value)


def float32(value: float) -> Any:
    """A floating-point attribute of single precision."""
    with context, unknown_location:
        return ir.FloatAttr.get(ir.F32Type.get(), value)


def unsigned(value: int, bits: int = 64) -> Any:
    """An unsigned integer attribute."""
    with context:
        return ir.IntegerAttr.get(ir.IntegerType.get_unsigned(bits), value)


def boolean(value: bool) -> Any:
    """A boolean attribute."""
    return ir.BoolAttr.get(value, context)


def unit() -> Any:
    """What marks an operation by being there."""
    return ir.UnitAttr.get(context)


def string(value: str) -> Any:
    """A string attribute."""
    return ir.StringAttr.get(value, context)


def symbol(value: str) -> Any:
    """A reference to a function of the module."""
    return ir.FlatSymbolRefAttr.get(value, context)


def attribute(text: str) -> Any:
    """An attribute in its textual form."""
    return ir.Attribute.parse(text, context)


@functools.cache
def _know_shardings() -> None:
    """Teach the context the dialect of meshes and shardings, which few programs use."""
    from jaxlib.mlir.dialects import sdy

    sdy.register_dialect(context)


def sharding(text: str) -> Any:
    """An attribute of a mesh or a sharding in its textual form."""
    _know_shardings()
    return attribute(text)


def dictionary(values: dict[str, Any]) -> Any:
    """A dictionary attribute."""
    return ir.DictAttr.get(values, context)


def array_of(values: Any) -> Any:
    """An array attribute of attributes."""
    return ir.ArrayAttr.get(list(values), context)


def dense(value: np.ndarray) -> Any:
    """The constant `value`; equal elements are stored once."""
    value = np.asarray(value)
    element = element_type(value.dtype)
    if value.size and value.dtype.itemsize <= 8 and _is_splat(value):
        found = splat(value.reshape(-1)[0], value.shape)
        if found is not None:
            return found
    with context, unknown_location:
        if value.dtype == np.bool_:
            packed = np.packbits(value, bitorder="little") if value.size else value
            return ir.DenseElementsAttr.get(packed, type=element, shape=value.shape)
        return ir.DenseElementsAttr.get(
            np.ascontiguousarray(value), type=element, shape=value.shape
        )


def splat(scalar: Any, shape: tuple[int, ...]) -> Any:
    """The constant of `shape` whose elements are all the NumPy value `scalar`.

    None for what can't be written so: complex numbers, and integers beyond int64.
    """
    with context, unknown_location:
        value = _scalar_attribute(scalar, element_type(scalar.dtype))
        if value is None:
            return None
        type = tensor_type(shape, scalar.dtype)
        return ir.DenseElementsAttr.get_splat(type, value)


def _is_splat(value: np.ndarray) -> bool:
    """Whether all elements have the same bytes (so -0.0 is not 0.0, NaN is itself)."""
    if value.size == 1:
        return True
    if not value.flags.c_contiguous:
        return False
    rows = value.reshape(-1).view(np.uint8).reshape(value.size, -1)
    return bool((rows == rows[0]).all())


def _scalar_attribute(value: Any, element: Any) -> Any:
    if isinstance(element, ir.IntegerType):
        whole = int(value)
        return ir.IntegerAttr.get(element, whole) if whole < 1 << 63 else None
    if isinstance(element, ir.FloatType):
        return ir.FloatAttr.get(element, float(value))
    return None


def layouts(orders: Any) -> Any:
    """Layouts of arrays, each given by its axes from the slowest to the fastest."""
    with context:
        index = ir.IndexType.get()
        return array_of(
            ir.DenseIntElementsAttr.get(
                np.asarray(order[::-1], np.int64), type=index, shape=[len(order)]
            )
            for order in orders
        )


def ffi_attribute(value: Any) -> Any:
    """A Python value as an attribute that typed-FFI handlers decode.

    Python numbers become 64-bit ones, NumPy scalars and arrays keep their dtype, tuples
    and dictionaries hold other attributes.

    Raises:
        TypeError: there is no attribute for the value.
    """
    with context, unknown_location:
        if isinstance(value, bool | np.bool_):
            return boolean(bool(value))
        if isinstance(value, int):
            return integer(value)
        if isinstance(value, float) and not isinstance(value, np.generic):
            return ir.FloatAttr.get(ir.F64Type.get(), value)
        if isinstance(value, str):
            return string(value)
        if isinstance(value, np.ndarray):
            return dense(value)
        if isinstance(value, tuple):
            return array_of(map(ffi_attribute, value))
        if isinstance(value, dict):
            return dictionary({k: ffi_attribute(v) for k, v in value.items()})
        made = None
        if isinstance(value, np.generic) and value.dtype in _element_types:
            made = _scalar_attribute(value, element_type(value.dtype))
        if made is None:
            raise TypeError(f"{type(value).__name__} {value!r:.60}")
        return made


def type_attribute(dtype: np.dtype) -> Any:
    """An element type as an attribute."""
    return ir.TypeAttr.get(element_type(dtype), context)


def dot_dimension_numbers(
    lhs_batch: Any, rhs_batch: Any, lhs_contracting: Any, rhs_contracting: Any
) -> Any:
    """Attribute of `stablehlo.dot_general`."""
    return stablehlo.DotDimensionNumbers.get(
        lhs_batching_dimensions=list(lhs_batch),
        rhs_batching_dimensions=list(rhs_batch),
        lhs_contracting_dimensions=list(lhs_contracting),
        rhs_contracting_dimensions=list(rhs_contracting),
        context=context,
    )


def gather_dimension_numbers(**fields: Any) -> Any:
    """Attribute of `stablehlo.gather`."""
    return stablehlo.GatherDimensionNumbers.get(context=context, **fields)


def scatter_dimension_numbers(**fields: Any) -> Any:
    """Attribute of `stablehlo.scatter`."""
    return stablehlo.ScatterDimensionNumbers.get(context=context, **fields)


def conv_dimension_numbers(**fields: Any) -> Any:
    """Attribute of `stablehlo.convolution`."""
    return stablehlo.ConvDimensionNumbers.get(ctx=context, **fields)


def comparison_direction(direction: str) -> Any:
    """`EQ NE LT LE GT GE`."""
    return stablehlo.ComparisonDirectionAttr.get(direction, context)


def comparison_kind(kind: str) -> Any:
    """`FLOAT TOTALORDER SIGNED UNSIGNED`."""
    return stablehlo.ComparisonTypeAttr.get(kind, context)


def precision_config(*names: str) -> Any:
    """`precision_config` of dots and convolutions (`DEFAULT HIGH HIGHEST`)."""
    return array_of(stablehlo.PrecisionAttr.get(name, context) for name in names)


def result_accuracy(atol: float, rtol: float, ulps: int, mode: str) -> Any:
    """How exact an elementary function must be (`DEFAULT HIGHEST TOLERANCE`)."""
    return stablehlo.ResultAccuracyAttr.get(atol, rtol, ulps, mode, context)


def dot_algorithm(lhs: Any, rhs: Any, sums: Any, *counts: Any) -> Any:
    """`algorithm` of dots; each type is a dtype, or "tf32"."""
    with context:
        lhs, rhs, sums = (
            ir.FloatTF32Type.get() if t == "tf32" else element_type(t)
            for t in (lhs, rhs, sums)
        )
    return stablehlo.DotAlgorithm.get(lhs, rhs, sums, *counts, ctx=context)


def fft_type(kind: str) -> Any:
    """`FFT IFFT RFFT IRFFT`."""
    return stablehlo.FftTypeAttr.get(kind, context)


def rng_algorithm(name: str) -> Any:
    """`DEFAULT THREE_FRY PHILOX`."""
    return stablehlo.RngAlgorithmAttr.get(name, context)


def rng_distribution() -> Any:
    """That of uniformly random numbers."""
    return stablehlo.RngDistributionAttr.get("UNIFORM", context)


def new_module() -> Any:
    """An empty module."""
    with context, unknown_location:
        return ir.Module.create()


def new_function(
    module: Any, name: str, inputs: Any, outputs: Any, *, public: bool
) -> Any:
    """An empty function in `module`; `.entry_block` holds its arguments."""
    with context, unknown_location, ir.InsertionPoint(module.body):
        made = func.FuncOp(
            name,
            ir.FunctionType.get(list(inputs), list(outputs)),
            visibility="public" if public else "private",
        )
        made.add_entry_block()
    return made


def name_of(function: Any) -> str:
    """The name of a function."""
    return function.attributes["sym_name"].value


def copied_function(function: Any, name: str) -> Any:
    """A copy in the same module, under another name."""
    with context:
        made = function.operation.clone(ir.InsertionPoint(function))
    made.attributes["sym_name"] = string(name)
    return made


def calls_in(function: Any) -> list[Any]:
    """The operations in a function that call functions."""
    return operations_named("func.call", function)


def operations_named(name: str, within: Any) -> list[Any]:
    """The operations of a kind in a function or a module."""
    found = []

    def visit(operation: Any) -> Any:
        if operation.name == name:
            found.append(operation)
        return ir.WalkResult.ADVANCE

    within.operation.walk(visit)
    return found


def callee(call: Any) -> str:
    """The name of the function that an operation calls."""
    return call.attributes["callee"].value


def insertion_point(block: Any) -> Any:
    """Where operations of `block` are appended."""
    return ir.InsertionPoint(block)


def start_of(module: Any) -> Any:
    """Where operations come before everything in a module."""
    return ir.InsertionPoint.at_block_begin(module.body)


def file_location(name: str, file: str, line: int) -> Any:
    """A source location that XLA's profiles and errors print."""
    return ir.Location.name(name, ir.Location.file(file, line, 0, context), context)
