"""Compiling step by step: traced, lowered, compiled; and looking at programs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import _backend
from .._ir import ArrayType, Equation, Program, format_program, message
from .._lowering import Executable, Module, compile_module, lower
from .._tracing import as_array, device_array, is_array_like, present, typeof
from .._transforms._trees import call_path, flatten, flatten_with_path, path_text
from ._jit import JitFunction, Signature, TracedFunction
from ._shape_struct import close_descriptions, describe_type


class ClosedProgram:
    """A program and the values of the arrays it closed over.

    Iterate over `eqns`, print it, or read types from `in_avals` and `out_avals`.
    """

    def __init__(self, program: Program, consts: Sequence[Any]) -> None:
        self.jaxpr = program
        self.consts = list(consts)

    @property
    def eqns(self) -> list[Equation]:
        """The equations in order."""
        return self.jaxpr.equations

    @property
    def in_avals(self) -> list[ArrayType]:
        """Types of the arguments."""
        return list(self.jaxpr.in_types[len(self.consts) :])

    @property
    def out_avals(self) -> list[ArrayType]:
        """Types of the results."""
        return list(self.jaxpr.out_types)

    def pretty_print(self, *, source_info: bool = False) -> str:
        """The program as text, on request with the user's line of each equation."""
        return format_program(self.jaxpr, source=source_info)

    def __repr__(self) -> str:
        return format_program(self.jaxpr)


class Traced:
    """A function traced for one signature."""

    def __init__(
        self, function: JitFunction, traced: TracedFunction, in_tree: Any, donated: Any
    ) -> None:
        self._function = function
        self._traced = traced
        self._in_tree = in_tree
        self._donated = donated

    @property
    def fun_name(self) -> str:
        """Name of the traced function."""
        return self._traced.name

    @property
    def jaxpr(self) -> ClosedProgram:
        """The program."""
        return ClosedProgram(self._traced.program, present(self._traced.captures))

    @property
    def out_info(self) -> Any:
        """Tree of the results, with a `ShapeDtypeStruct` for each array."""
        count = self._traced.out_tree.num_leaves
        leaves = map(describe_type, self._traced.program.out_types[:count])
        return close_descriptions(self._traced.out_tree.unflatten(leaves))

    def lower(self) -> "Lowered":
        """Translate to StableHLO."""
        donated = self._donated
        if donated:
            donated = (False,) * len(self._traced.captures) + donated
        module = lower(
            self._traced.program,
            donated=donated,
            keep_unused=self._function.keep_unused,
        )
        return Lowered(self, module)


class Lowered:
    """A function lowered to StableHLO."""

    def __init__(self, traced: Traced, module: Module) -> None:
        self._traced = traced
        self._module = module

    @property
    def out_info(self) -> Any:
        """Tree of the results, with a `ShapeDtypeStruct` for each array."""
        return self._traced.out_info

    def as_text(self, *, debug_info: bool = False) -> str:
        """The StableHLO module as text."""
        return self._module.as_text(debug_info=debug_info)

    def compiler_ir(self) -> Any:
        """The MLIR module."""
        return self._module.operation

    def compile(self) -> "Compiled":
        """Compile for the default device."""
        executable = compile_module(self._module, _backend.default_device())
        return Compiled(self._traced, executable)


class Compiled:
    """A compiled function for one signature."""

    def __init__(self, traced: Traced, executable: Executable) -> None:
        self._traced = traced
        self._executable = executable

    @property
    def out_info(self) -> Any:
        """Tree of the results, with a `ShapeDtypeStruct` for each array."""
        return self._traced.out_info

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on arguments of the traced tree and types.

        Raises:
            TypeError: tree, shape or dtype of the arguments differ from what was
                traced.
        """
        function, traced = self._traced._function, self._traced._traced
        _, dynamic = function.signature.separate(args, kwargs)
        leaves, tree = flatten(dynamic)
        wanted = traced.program.in_types[len(traced.captures) :]
        if tree != self._traced._in_tree:
            raise TypeError(
                message(
                    f"{traced.name}: compiled for arguments of the tree "
                    f"{self._traced._in_tree}, called with {tree}."
                )
            )
        arrays = present(leaves)
        types = [typeof(array) for array in arrays]
        wrong = [
            f"  {call_path(path)}: expected {want!r}, got {type!r}"
            for (path, _), want, type in zip(
                flatten_with_path(dynamic)[0], wanted, types, strict=True
            )
            if (want.shape, want.dtype) != (type.shape, type.dtype)
        ]
        if wrong:
            raise TypeError(
                message(
                    f"{traced.name}: called with types it was not compiled for\n"
                    + "\n".join(wrong)
                )
            )
        outs = self._executable(
            [device_array(value) for value in [*present(traced.captures), *arrays]]
        )
        return traced.result(outs, leaves)

    def as_text(self) -> str:
        """The optimized HLO modules as text."""
        return "\n\n".join(m.to_string() for m in self._executable.loaded.hlo_modules())

    def cost_analysis(self) -> dict[str, Any]:
        """The compiler's own estimate: `flops`, `bytes accessed`, ..."""
        return self._executable.loaded.cost_analysis()

    def memory_analysis(self) -> Any:
        """Sizes in bytes of arguments, outputs, temporaries and code."""
        return self._executable.loaded.get_compiled_memory_stats()

    def runtime_executable(self) -> Any:
        """The loaded executable of the runtime."""
        return self._executable.loaded


def trace(function: JitFunction, *args: Any, **kwargs: Any) -> Traced:
    """Trace a jitted function for these arguments (arrays or descriptions)."""
    traced, tree, donated = function.trace_call(args, kwargs)
    return Traced(function, traced, tree, donated)


def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    return_shape: bool = False,
) -> Callable[..., Any]:
    """The program a function is traced to.

    Args:
        fun: a function of arrays in trees.
        static_argnums: positions of arguments that are not arrays.
        return_shape: return a pair of the program and the tree of result descriptions.

    Returns:
        A function with the arguments of `fun` that returns a `ClosedProgram`.

    Example:
        >>> import dolmen.core as dc
        >>> dc.make_jaxpr(lambda x: x * 2.0)(1.0)
        { lambda a:~f32[] .
          let b:~f32[] = mul a 2.0:~f32[]
          in (b,) }
    """
    signature = Signature(fun, static_argnums, None, None, None)

    @functools.wraps(fun)
    def traced(*args: Any, **kwargs: Any) -> Any:
        function = JitFunction(fun, signature)
        made = trace(function, *args, **kwargs)
        return (made.jaxpr, made.out_info) if return_shape else made.jaxpr

    return traced


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Shapes and dtypes of a function's results, without running it.

    Args:
        fun: a function of arrays in trees.
        *args: arrays, or a `ShapeDtypeStruct` in the place of one.

    Returns:
        The tree of the result with `ShapeDtypeStruct` leaves.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.eval_shape(jnp.dot, dc.ShapeDtypeStruct((2, 3), "float32"), jnp.ones(3))
        ShapeDtypeStruct(shape=(2,), dtype=float32)
    """
    function = JitFunction(fun, Signature(fun, None, None, None, None))
    return trace(function, *args, **kwargs).out_info


def device_put(x: Any, device: Any = None) -> Any:
    """Arrays on a device, committed to it when one is named.

    Args:
        x: a tree of arrays, NumPy arrays and numbers.
        device: a `Device`, or None for the default one.

    Returns:
        The tree with arrays.

    Raises:
        TypeError: a leaf is not array-like; the message names its path.
    """
    leaves, tree = flatten(x)
    if not all(map(is_array_like, leaves)):
        wrong = [
            f"  x{path_text(path)}: {type(leaf).__name__} {leaf!r:.60}"
            for path, leaf in flatten_with_path(x)[0]
            if not is_array_like(leaf)
        ]
        raise TypeError(
            message("device_put: expected arrays, got\n" + "\n".join(wrong))
        )
    where = getattr(device, "_device", device)  # a single-device sharding names one
    with _backend.explicit_transfers():
        return tree.unflatten(
            [device_array(as_array(leaf), None, where) for leaf in leaves]
        )


def block_until_ready(x: Any) -> Any:
    """Wait until every array in a tree is computed; returns the tree."""
    arrays = [leaf for leaf in flatten(x)[0] if isinstance(leaf, _backend.ArrayImpl)]
    _backend.block_until_ready(arrays)
    return x


def device_get(x: Any) -> Any:
    """The tree with NumPy arrays in the place of arrays."""
    leaves, tree = flatten(x)
    with _backend.explicit_transfers():
        return tree.unflatten(
            [
                _backend.host_value(v) if isinstance(v, _backend.ArrayImpl) else v
                for v in leaves
            ]
        )
