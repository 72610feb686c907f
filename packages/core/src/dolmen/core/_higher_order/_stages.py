"""Compiling step by step: traced, lowered, compiled."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _backend
from .._ir import ArrayType, message, value_error
from .._lowering import Executable, Module, compile_afresh, compile_module, lower
from .._tracing import (
    AbstractRef,
    Cell,
    NamedAxis,
    Tracer,
    as_array,
    binding_axes,
    check_finite,
    held_sharding,
    is_array_like,
    partition_of,
    placed,
    present,
    typeof,
)
from .._transforms._trees import call_path, flatten, flatten_with_path, not_arrays
from ._jit_function import JitFunction, Options, type_of
from ._placement import checked_options
from ._programs import ClosedJaxpr
from ._shape_struct import close_descriptions, describe_type, open_descriptions
from ._signature import Signature
from ._trace_cache import TracedFunction


@dataclasses.dataclass(frozen=True)
class ArgInfo:
    """Type of an argument of a traced function, and whether its buffer is donated."""

    aval: ArrayType | AbstractRef
    donated: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.aval.dtype


class Stage:
    """What every stage knows: the trees and types of arguments and results."""

    def __init__(self, arguments: "Arguments", out_tree: Any, out_types: Any) -> None:
        self._arguments = arguments
        self._out_types = tuple(out_types)
        self.out_tree = out_tree

    @property
    def in_tree(self) -> Any:
        """Tree of the dynamic arguments, a pair `(args, kwargs)`."""
        return self._arguments.tree

    @property
    def in_avals(self) -> Any:
        """Types of the dynamic arguments, in the tree `(args, kwargs)`."""
        return self.in_tree.unflatten(self._arguments.types)

    @property
    def args_info(self) -> Any:
        """An `ArgInfo` for each dynamic argument, in the tree `(args, kwargs)`."""
        donated = self._arguments.donated or [False] * len(self._arguments.types)
        infos = map(ArgInfo, self._arguments.types, donated)
        return self.in_tree.unflatten(list(infos))

    @property
    def donate_argnums(self) -> tuple[int, ...]:
        """Numbers of the argument leaves whose buffers are given away."""
        return tuple(i for i, gives in enumerate(self._arguments.donated) if gives)

    @property
    def out_avals(self) -> Any:
        """Types of the results, in their tree."""
        return self.out_tree.unflatten(self._out_types)

    @property
    def out_info(self) -> Any:
        """Tree of the results, with a `ShapeDtypeStruct` for each array."""
        leaves = map(describe_type, self._out_types)
        return close_descriptions(self.out_tree.unflatten(leaves))


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The dynamic arguments that a function was traced for.

    Attributes:
        tree: of the pair `(args, kwargs)`.
        types: of its leaves.
        donated: for each leaf whether its buffer is given away; empty when none is.
        names: gives what each leaf is called; only messages ask.
        held: for each leaf the sharding that it is committed to, None for none.
        shardings: for each leaf what `in_shardings` say, None for nothing; None for
            all.
    """

    tree: Any
    types: tuple[ArrayType | AbstractRef, ...]
    donated: tuple[bool, ...]
    names: Callable[[], list[str]]
    held: tuple[Any, ...] = ()
    shardings: Sequence[Any] | None = None


class Traced(Stage):
    """A function traced for one signature.

    Example:
        >>> import dolmen.core as dc
        >>> traced = dc.jit(lambda x: x + 1.0).trace(2.0)
        >>> traced.out_info
        ShapeDtypeStruct(shape=(), dtype=float32)
        >>> traced.lower().compile()(2.0)
        Array(3., dtype=float32, weak_type=True)
    """

    def __init__(
        self, function: JitFunction, traced: TracedFunction, arguments: Arguments
    ) -> None:
        count = traced.out_tree.num_leaves  # what follows are new values of refs
        super().__init__(arguments, traced.out_tree, traced.program.out_types[:count])
        self._function = function
        self._traced = traced

    @property
    def fun_name(self) -> str:
        """Name of the traced function."""
        return self._traced.name

    @property
    def jaxpr(self) -> ClosedJaxpr:
        """The program."""
        return ClosedJaxpr(self._traced.program, present(self._traced.captures))

    def lower(self, *, lowering_platforms: Sequence[str] | None = None) -> "Lowered":
        """Translate to StableHLO.

        Args:
            lowering_platforms: one of `cpu`, `cuda`, `rocm` and `tpu`, in a tuple; by
                default the platform of the devices that the function is for.

        Raises:
            ValueError: another platform, or several.
        """
        captures, program = self._traced.captures, self._traced.program
        arguments = self._arguments

        def names() -> list[str]:
            return [""] * len(captures) + arguments.names()

        partition = partition_of(
            program,
            [*map(held_sharding, captures), *arguments.held],
            arguments.shardings,
            self._traced.out_shardings,
            names,
        )
        donated = arguments.donated
        platform = _one_platform(lowering_platforms)
        if platform is None and partition is None:
            platform = _backend.lowering_platform(self._device())
        module = lower(
            program,
            donated=(False,) * len(captures) + donated if donated else (),
            keep_unused=self._function.options.keep_unused,
            platform=platform,
            input_names=names,
            partition=partition,
        )
        return Lowered(self, module)

    def _device(self) -> Any:
        """The device it is for, where that is one."""
        placement = self._function.placement
        if placement is not None and placement.device is not None:
            return placement.device
        for sharding in filter(None, self._arguments.held):
            device = _backend.devices_of(sharding)[0]
            if _backend.is_described(device):
                return device
        return _backend.default_device()


def _one_platform(platforms: Sequence[str] | None) -> str | None:
    if platforms is None:
        return None
    known = ("cpu", "cuda", "rocm", "tpu")
    if len(platforms) != 1 or platforms[0] not in known:
        raise value_error(
            f"lower: lowering_platforms must be one of {', '.join(known)}, in a tuple, "
            f"got {platforms!r:.60}.",
            "Lower once for each platform.",
        )
    return platforms[0]


class Lowered(Stage):
    """A function lowered to StableHLO."""

    def __init__(self, traced: Traced, module: Module) -> None:
        super().__init__(traced._arguments, traced.out_tree, traced._out_types)
        self._traced = traced
        self._module = module

    def as_text(self, dialect: str | None = None, *, debug_info: bool = False) -> str:
        """The module as text.

        Args:
            dialect: `stablehlo` (the default) or `hlo`, which has no line numbers.
            debug_info: with lines of the source and names of scopes (`named_scope`).

        Raises:
            ValueError: another dialect.
        """
        if _dialect(dialect) == "hlo":
            return _backend.hlo_text(self._module.operation)
        return self._module.as_text(debug_info=debug_info)

    def compiler_ir(self, dialect: str | None = None) -> Any:
        """The module as an object.

        Args:
            dialect: `stablehlo` (the default) for an MLIR module, or `hlo` for an
                `XlaComputation`.

        Raises:
            ValueError: another dialect.
        """
        if _dialect(dialect) == "hlo":
            return _backend.hlo_computation(self._module.operation)
        return self._module.operation

    def cost_analysis(self) -> dict[str, float]:
        """An estimate before optimization: `flops`, `bytes accessed`, ..."""
        return _backend.hlo_cost(self._module.operation)

    def compile(self, compiler_options: Mapping[str, Any] | None = None) -> "Compiled":
        """Compile for the devices of the function, by default the first one.

        Devices that aren't there, but described (`experimental.topologies`), do: what
        is compiled for them can be looked at.

        Args:
            compiler_options: names and values of options of XLA, beside those that
                were given to `jit`.

        Raises:
            JaxRuntimeError: the compiler fails, or does not know an option.
            ValueError: it was lowered for another platform.
        """
        function = self._traced._function
        device = self._traced._device()
        here = _backend.lowering_platform(self._module.devices_or(device)[0])
        if self._module.platform != here:
            raise value_error(
                f"compile: {self._traced.fun_name} was lowered for "
                f"{self._module.platform}, but its devices are of {here}.",
                "Lower it without lowering_platforms.",
            )
        options = dict(function.options.compiler_options)
        options |= dict(checked_options("compile", compiler_options))
        target = (
            self._module,
            device,
            tuple(sorted(options.items())),
        )
        return Compiled(
            self._traced.fun_name,
            self._arguments,
            self._out_types,
            compile_module(*target),
            self._traced._traced,
            functools.partial(compile_afresh, *target),
        )


def _dialect(dialect: str | None) -> str:
    if dialect not in (None, "stablehlo", "hlo"):
        raise value_error(f"dialect must be 'stablehlo' or 'hlo', got {dialect!r}.")
    return dialect or "stablehlo"


class Compiled(Stage):
    """A compiled function for one signature.

    Args:
        name: of the function.
        arguments: that it was traced for.
        out_types: types of its results.
        executable: loaded on its device.
        traced: tree of its results, what it closed over, the refs it writes to.
        afresh: makes the executable again; None when it comes from bytes.
    """

    def __init__(
        self,
        name: str,
        arguments: Arguments,
        out_types: Sequence[ArrayType],
        executable: Executable,
        traced: TracedFunction,
        afresh: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(arguments, traced.out_tree, out_types)
        self._afresh = afresh
        self._name = self.__name__ = name
        self._executable = executable
        self._traced = traced

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on arguments of the traced tree and types, without the static ones.

        Raises:
            TypeError: tree, shape or dtype of the arguments differ from what was
                traced, or something traces the call.
            ValueError: an argument is laid out over a mesh in another way.
        """
        dynamic = (args, kwargs)
        leaves, tree = flatten(dynamic)
        if tree != self.in_tree:
            raise self._other_tree(dynamic, tree)
        if all(type(leaf) is _backend.ArrayImpl for leaf in leaves):
            values = leaves
        elif all(isinstance(x, Cell) or is_array_like(x) for x in leaves):
            values = present([as_array(leaf) for leaf in leaves])
        else:
            raise not_arrays("jit", self, dynamic)
        self._check(values)
        executable = self._executable
        given = [*present(self._traced.captures), *values]
        self._check_layout(values)
        arrays = [
            placed(value, sharding)
            for value, sharding in zip(given, executable.in_shardings, strict=True)
        ]
        committed = len(executable.devices) > 1 or any(
            held_sharding(value) is not None for value in given
        )
        outs = executable(arrays, committed)
        check_finite(self._traced.program, arrays, outs)
        return self._traced.result(outs, leaves)

    call = __call__

    def _other_tree(self, dynamic: Any, tree: Any) -> TypeError:
        wanted, got = (
            [call_path(path) for path, _ in flatten_with_path(full)[0]]
            for full in (self.in_avals, dynamic)
        )
        lines = [f"  {path} is missing" for path in wanted if path not in got]
        lines += [f"  {path} is not expected" for path in got if path not in wanted]
        if not lines:
            lines = [f"  expected {self.in_tree}", f"  got {tree}"]
        return TypeError(
            message(
                f"{self._name}: called with other containers of arguments than it was "
                "compiled for\n" + "\n".join(lines),
                "Pass all arguments but the static ones, in the same containers.",
            )
        )

    def _check(self, values: Sequence[Any]) -> None:
        wanted = self._arguments.types
        if not all(map(_fits, values, wanted)):
            self._refuse(values, wanted)

    def _refuse(self, values: Sequence[Any], wanted: Sequence[Any]) -> None:
        """Raise and say which values don't fit."""
        names = self._arguments.names()
        for name, value in zip(names, values, strict=True):
            if isinstance(value, Tracer):
                raise TypeError(
                    message(
                        f"{self._name}: compiled code can't be transformed, but "
                        f"`{name}` is the traced {value.type!r}.",
                        "Call the function itself inside transformations.",
                    )
                )
        wrong = [
            f"  `{name}`: expected {want!r}, got {typeof(value)!r}"
            for name, want, value in zip(names, wanted, values, strict=True)
            if not _fits(value, want)
        ]
        raise TypeError(
            message(
                f"{self._name}: called with types it was not compiled for\n"
                + "\n".join(wrong),
                "Convert the arguments, or compile for these types too.",
            )
        )

    def _check_layout(self, values: Sequence[Any]) -> None:
        if len(self._executable.devices) == 1:
            return  # what is elsewhere is moved there
        wanted = self._executable.in_shardings[len(self._traced.captures) :]
        wrong = [
            f"  `{name}`: expected {want!r}, got {held!r}"
            for name, want, value in zip(
                self._arguments.names(), wanted, values, strict=True
            )
            if (held := held_sharding(value)) is not None
            and not _backend.is_equivalent(want, held, typeof(value).ndim)
        ]
        if wrong:
            raise ValueError(
                message(
                    f"{self._name}: called with other layouts than it was compiled "
                    "for\n" + "\n".join(wrong),
                    "Lay the arguments out with `device_put(x, sharding)` first.",
                )
            )

    @property
    def input_shardings(self) -> Any:
        """Shardings of the dynamic arguments, in the tree `(args, kwargs)`."""
        captures = len(self._traced.captures)
        return self.in_tree.unflatten(self._executable.in_shardings[captures:])

    @property
    def output_shardings(self) -> Any:
        """Shardings of the results, in their tree."""
        found = self._executable.out_shardings
        return self.out_tree.unflatten(found[: self.out_tree.num_leaves])

    def as_text(self) -> str:
        """The optimized HLO modules as text."""
        return "\n\n".join(m.to_string() for m in self._executable.loaded.hlo_modules())

    def cost_analysis(self) -> dict[str, Any]:
        """The compiler's own estimate: `flops`, `bytes accessed`, ..."""
        return _backend.executable_cost(self._executable.loaded)

    def memory_analysis(self) -> Any:
        """Sizes in bytes of arguments, outputs, temporaries and code."""
        return self._executable.loaded.get_compiled_memory_stats()

    def runtime_executable(self) -> Any:
        """The loaded executable of the runtime."""
        return self._executable.loaded


def _fits(value: Any, wanted: ArrayType | AbstractRef) -> bool:
    """Whether code that was compiled for a type takes a value."""
    if isinstance(value, Tracer):
        return False
    type = typeof(value)
    return type.shape == wanted.shape and type.dtype == wanted.dtype


def trace(function: JitFunction, *args: Any, **kwargs: Any) -> Traced:
    """Trace a jitted function for these arguments (arrays or descriptions)."""
    signature = function.signature
    static, dynamic = signature.separate(args, kwargs)
    dynamic = open_descriptions(dynamic)
    leaves, tree = flatten(dynamic)
    types = tuple(map(_type_of_description, leaves))

    def names() -> list[str]:
        flat, _ = flatten_with_path(tree.unflatten(types))
        return [signature.path_text(static, path) for path, _ in flat]

    traced = function.trace(static, tree, types)
    donated = signature.donated(static, dynamic)
    donated = traced.without_kept_refs(donated, leaves) if donated else ()
    shardings = None
    if function.placement is not None:
        shardings = function.placement.of_arguments(*dynamic)
    held = tuple(map(held_sharding, leaves))
    arguments = Arguments(tree, types, donated, names, held, shardings)
    return Traced(function, traced, arguments)


def _type_of_description(leaf: Any) -> ArrayType | AbstractRef:
    if isinstance(leaf, Cell) or is_array_like(leaf):
        return type_of(leaf)
    return leaf.as_type() if hasattr(leaf, "as_type") else typeof(leaf)


def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    axis_env: Sequence[tuple[Any, int]] | None = None,
    return_shape: bool = False,
) -> Callable[..., Any]:
    """The program a function is traced to.

    Args:
        fun: a function of arrays in trees.
        static_argnums: positions of arguments that are not arrays.
        axis_env: pairs of an axis name and its size, for collectives in `fun`.
        return_shape: return a pair of the program and the tree of result descriptions.

    Returns:
        A function with the arguments of `fun` that returns a `ClosedJaxpr`.

    Example:
        >>> import dolmen.core as dc
        >>> dc.make_jaxpr(lambda x: x * 2.0)(1.0)
        { lambda a:~f32[] .
          let b:~f32[] = mul a 2.0:~f32[]
          in (b,) }
    """
    axes = tuple([NamedAxis(name, size) for name, size in axis_env or ()])
    signature = Signature(fun, static_argnums)

    @functools.wraps(fun)
    def traced(*args: Any, **kwargs: Any) -> Any:
        with binding_axes(axes):
            made = trace(JitFunction(fun, signature, _ONCE), *args, **kwargs)
        return (made.jaxpr, made.out_info) if return_shape else made.jaxpr

    return traced


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Shapes and dtypes of a function's results, without running it.

    Args:
        fun: a function of arrays in trees.
        *args: arrays, or a `ShapeDtypeStruct` in the place of one.
        **kwargs: the same by name.

    Returns:
        The tree of the result with `ShapeDtypeStruct` leaves.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> dc.eval_shape(jnp.dot, dc.ShapeDtypeStruct((2, 3), "float32"), jnp.ones(3))
        ShapeDtypeStruct(shape=(2,), dtype=float32)
    """
    return trace(JitFunction(fun, Signature(fun), _ONCE), *args, **kwargs).out_info


# A program is wanted and nothing is called, so nobody waits for a compiler.
_ONCE = Options(watched=False)
