"""`kernel_call`: from a kernel function to a function of arrays."""

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core.extend import (
    ArrayType,
    Primitive,
    Tracer,
    array_type,
    bind,
    error_message,
    record,
    typeof,
)

from . import _interpreter, _stablehlo
from ._kernel import ARBITRARY, PARALLEL, Kernel, trace_kernel
from ._specs import BlockSpec, Grid, GridSpec


class Target(enum.Enum):
    """Where a kernel runs.

    Attributes:
        STABLEHLO: compiled, on every backend of XLA.
        INTERPRETER: step by step in Python with every access checked; needs concrete
            arrays.
    """

    STABLEHLO = "stablehlo"
    INTERPRETER = "interpreter"


class KernelCall(Primitive):
    """Runs a kernel on arrays."""

    interned = False
    multiple_results = True

    kernel: Kernel
    target: Target

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.kernel.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise TypeError(
            error_message(
                f"kernel_call of {self.kernel.name}: a kernel has no derivative of its "
                "own.",
                "Give the function that calls it a rule with `custom_vjp`. The rule of "
                "a kernel that Dolmen ships is itself a kernel, so it can be "
                "differentiated once.",
            )
        )

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = next(
            typeof(arg).shape[axis]
            for arg, axis in zip(args, axes, strict=True)
            if axis is not None
        )
        fronted = [
            arg if axis is None else jnp.moveaxis(arg, axis, 0)
            for arg, axis in zip(args, axes, strict=True)
        ]
        key = ("batch", size, tuple(axis is not None for axis in axes))
        call = self.derived.get(key)
        if call is None:
            call = KernelCall(self.kernel.batched(axes, size), self.target)
            self.derived[key] = call
        outs = call.launch(fronted)
        return outs, [0] * len(outs)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        if self.target is Target.INTERPRETER:
            raise TypeError(
                error_message(
                    f"kernel_call of {self.kernel.name}: the interpreter needs "
                    "concrete arrays, but the call is being compiled.",
                    "Call it outside of `jit`, `scan` and `grad`, or drop "
                    "`interpret=True`.",
                )
            )
        program = self.derived.get("stablehlo")
        if program is None:
            program, captures = record(
                lambda *arrays: _stablehlo.run(self.kernel, arrays),
                [operand.type for operand in self.kernel.inputs],
                name=self.kernel.name,
            )
            assert not captures, captures
            self.derived["stablehlo"] = program
        return builder.inline(program, args)

    def launch(self, args: Sequence[Any]) -> list[Any]:
        """Run on arrays, now or in the program being traced."""
        concrete = not any(isinstance(arg, Tracer) for arg in args)
        if self.target is Target.INTERPRETER and concrete:
            return [jnp.asarray(a) for a in _interpreter.run(self.kernel, args)]
        return bind(self, *args)


def kernel_call(
    kernel: Callable[..., None],
    out_shape: Any,
    *,
    grid_spec: GridSpec | None = None,
    grid: Grid = (),
    in_specs: Sequence[BlockSpec | None] | None = None,
    out_specs: BlockSpec | Sequence[BlockSpec | None] | None = None,
    dimension_semantics: Sequence[str] | None = None,
    interpret: bool = False,
    target: Target = Target.STABLEHLO,
    name: str | None = None,
) -> Callable[..., Any]:
    """A function of arrays that runs `kernel` at every step of a grid.

    The kernel gets a `Ref` for each input and then one for each output: the blocks that
    the specs choose for the step. It writes its results to the refs of outputs; an
    output block keeps what earlier steps wrote to it.

    The function can be compiled and batched (the batch is a new parallel dimension of
    the grid). To differentiate it, wrap it in a `custom_vjp`.

    Args:
        kernel: called with refs once, to trace it; returns None.
        out_shape: shape and dtype of the output (such as a `ShapeDtypeStruct`), or a
            tuple or list of them.
        grid_spec: grid and specs in one object, instead of the next three arguments.
        grid: number of steps along each dimension; the last one runs fastest.
        in_specs: one `BlockSpec` for each input, None for a whole array. By default all
            inputs are seen whole.
        out_specs: likewise for the outputs.
        dimension_semantics: for each dimension of the grid "parallel", if its steps may
            run in any order or at once, or "arbitrary", if they run in order. By
            default those dimensions are parallel that alone decide the index of every
            output's block along an axis.
        interpret: run in the checked interpreter; short for `Target.INTERPRETER`.
        target: what to run on.
        name: for messages; by default that of the kernel.

    Returns:
        A function of as many arrays as there are inputs, whose result is an array, or a
        tuple or list of arrays like `out_shape`.

    Raises:
        TypeError: (at the call, as the following) the kernel or an index map takes or
            gives the wrong things.
        ValueError: specs, grid and arrays don't fit together.
        KernelError: the interpreter found a mistake.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import kernels
        >>> def add(x_ref, y_ref, o_ref):
        ...     o_ref[...] = x_ref[...] + y_ref[...]
        >>> x = jnp.arange(8.0)
        >>> block = kernels.BlockSpec((2,), lambda i: (i,))
        >>> kernels.kernel_call(
        ...     add, x, grid=(4,), in_specs=[block, block], out_specs=block
        ... )(x, x)
        Array([ 0.,  2.,  4.,  6.,  8., 10., 12., 14.], dtype=float32)
    """
    label = name or _name_of(kernel)
    if grid_spec is not None:
        if grid != () or in_specs is not None or out_specs is not None:
            raise TypeError(
                error_message(
                    f"kernel_call of {label}: got `grid_spec` together with `grid`, "
                    "`in_specs` or `out_specs`.",
                    "Give either the one or the others.",
                )
            )
        grid, in_specs = grid_spec.grid, grid_spec.in_specs
        out_specs = grid_spec.out_specs
    steps = _checked_grid(label, grid)
    semantics = _checked_semantics(label, dimension_semantics, steps)
    out_types, rebuild = _out_types(label, out_shape)
    outs = _paired(label, "out_specs", out_specs, out_types)
    calls: dict[tuple[ArrayType, ...], KernelCall] = {}

    def run(*args: Any) -> Any:
        types = tuple(_strong_type(typeof(arg)) for arg in args)
        call = calls.get(types)
        if call is None:
            ins = _paired(label, "in_specs", in_specs, types)
            made = trace_kernel(kernel, label, steps, semantics, ins, outs)
            chosen = Target.INTERPRETER if interpret else target
            call = calls[types] = KernelCall(made, chosen)
        return rebuild(call.launch([jnp.asarray(arg) for arg in args]))

    run.__name__ = run.__qualname__ = label
    run.__doc__ = kernel.__doc__
    return run


def _name_of(kernel: Callable[..., None]) -> str:
    inner = getattr(kernel, "func", kernel)  # that of a functools.partial
    return getattr(inner, "__name__", type(inner).__name__)


def _strong_type(type: ArrayType) -> ArrayType:
    return array_type(type.shape, type.dtype)


def _checked_grid(label: str, grid: Grid) -> tuple[int, ...]:
    steps = (grid,) if isinstance(grid, int) else tuple(grid)
    if not all(isinstance(n, int) and n >= 0 for n in steps):
        raise ValueError(
            error_message(
                f"kernel_call of {label}: `grid` must be a non-negative integer or a "
                f"tuple of them, got {grid!r}."
            )
        )
    if math.prod(steps) > 2**31 - 1:
        raise ValueError(
            error_message(
                f"kernel_call of {label}: the grid {steps} has more than 2**31 - 1 "
                "steps."
            )
        )
    return steps


def _checked_semantics(
    label: str, semantics: Sequence[str] | None, grid: tuple[int, ...]
) -> tuple[str, ...] | None:
    if semantics is None:
        return None
    given = tuple(semantics)
    if len(given) != len(grid) or not {PARALLEL, ARBITRARY}.issuperset(given):
        raise ValueError(
            error_message(
                f"kernel_call of {label}: `dimension_semantics` must say 'parallel' or "
                f"'arbitrary' for each dimension of the grid {grid}, got {given}."
            )
        )
    return given


def _out_types(
    label: str, out_shape: Any
) -> tuple[list[ArrayType], Callable[[Sequence[Any]], Any]]:
    """Types of the outputs, and how to give them back."""
    several = isinstance(out_shape, tuple | list)
    types = []
    for number, shape in enumerate(out_shape if several else [out_shape]):
        if not hasattr(shape, "shape") or not hasattr(shape, "dtype"):
            raise TypeError(
                error_message(
                    f"kernel_call of {label}: `out_shape` must have a shape and a "
                    f"dtype for each output; output {number} is {shape!r:.60}.",
                    "Use `ShapeDtypeStruct(shape, dtype)`.",
                )
            )
        types.append(array_type(tuple(shape.shape), jnp.dtype(shape.dtype)))
    if several:
        return types, type(out_shape)
    return types, lambda values: values[0]


def _paired(
    label: str, argument: str, specs: Any, types: Sequence[ArrayType]
) -> list[tuple[ArrayType, BlockSpec | None]]:
    """Each type with its spec."""
    if specs is None:
        specs = [None] * len(types)
    elif isinstance(specs, BlockSpec):
        specs = [specs]
    if len(specs) != len(types):
        what = "arrays are passed" if argument == "in_specs" else "outputs are declared"
        raise ValueError(
            error_message(
                f"kernel_call of {label}: `{argument}` has {len(specs)} block specs, "
                f"but {len(types)} {what}: {', '.join(map(repr, types))}."
            )
        )
    for spec in specs:
        if spec is not None and not isinstance(spec, BlockSpec):
            raise TypeError(
                error_message(
                    f"kernel_call of {label}: `{argument}` must hold BlockSpec or "
                    f"None, got {spec!r:.60}."
                )
            )
    return list(zip(types, specs, strict=True))
