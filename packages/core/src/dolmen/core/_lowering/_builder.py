"""Programs to StableHLO: one walk, operations created directly in one context."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._backend import _mlir as mlir, _portable, flags
from .._ir import (
    ArrayType,
    Atom,
    Equation,
    Literal,
    Program,
    Structures,
    array_type,
    dtypes,
    is_ordered,
    line_of,
    live_equations,
    value_error,
)
from .._ir._frames import Frame, ScopedFrame, scope_of
from ._blocks import BlockCall
from ._calls import Function, keep, keep_repeated_calls
from ._manual import Manual
from ._partition import (
    manual_axes_attribute,
    mesh_attribute,
    open_elsewhere,
    sharding_attribute,
    sharding_per_value,
)
from ._repeats import steps

_MOST_ELEMENTS = 2**63 - 1

_create = mlir.Operation.create
_locations: dict[Frame, Any] = {}


def lowered_type(type: ArrayType) -> Any:
    """The backend's handle for a type, made once.

    Raises:
        ValueError: it has more elements than can be addressed; XLA would abort.
    """
    if type.lowered is None:
        if type.size > _MOST_ELEMENTS:
            raise value_error(
                f"an array of the shape {type.shape} has {type.size:.2g} elements, and "
                f"no more than {_MOST_ELEMENTS:.2g} can be addressed.",
                "Look for a size that is wrong, or an axis too many.",
            )
        type.lowered = mlir.tensor_type(type.shape, type.dtype)
    return type.lowered


class _Token:
    """Stands among the types of values for that of a token."""

    def __init__(self) -> None:
        self.lowered = mlir.token_type()


_TOKEN: Any = _Token()

# How numbers of a kind are compared; bools are as unsigned.
_COMPARISONS = {"i": "SIGNED", "f": "FLOAT", "c": "FLOAT"}


def _location(frame: Frame | None) -> Any:
    if frame is None:
        return mlir.unknown_location
    found = _locations.get(frame)
    if found is None:
        code, _ = frame
        found = mlir.file_location(code.co_name, code.co_filename, line_of(frame))
        _locations[frame] = found
    return found


def _scoped_location(frame: Frame, operation: str) -> Any:
    """The location of an operation inside named scopes: profilers show its name."""
    code, _ = frame
    name = f"{scope_of(frame)}/{operation}"
    return mlir.file_location(name, code.co_filename, line_of(frame))


def _layouts(given: Sequence[Any] | None, ranks: Sequence[int]) -> Any:
    """Layouts with row-major ones where none is given."""
    chosen = [None] * len(ranks) if given is None else given
    return mlir.layouts(
        tuple(range(rank)) if order is None else tuple(order)
        for order, rank in zip(chosen, ranks, strict=True)
    )


class Builder:
    """Emits operations where a primitive's `lower` rule runs.

    Attributes:
        in_types: types of the arguments of the equation being lowered.
        out_types: types of the results of the equation being lowered; the default
            result types of `emit`.
        platform: `cpu`, `cuda` or `tpu`.
        mesh: of the devices that the program is laid out over; None if it is one.
        token: handle that the next ordered side effect waits for.
    """

    def __init__(self, module: Any, platform: str, mesh: Any = None) -> None:
        self.module = module
        self.platform = platform
        self.mesh = mesh
        self.in_types: Sequence[ArrayType] = ()
        self.out_types: Sequence[ArrayType] = ()
        self.host_callbacks: list[Callable[..., Any]] = []
        self.token: Any = None
        self._location: Any = mlir.unknown_location
        self._point: Any = None
        self._constants: dict[Any, Any] = {}
        self._structures = Structures()
        # Callees before their callers.
        self._functions: dict[tuple[int, Any], Function] = {}
        self._names: set[str] = {"main"}
        self._adopted: dict[bytes, str] = {}  # functions of other modules
        self._meshes: dict[Any, str] = {}
        self._manual: Manual | None = None
        self._channels = 0

    # ---- operations ----------------------------------------------------------------

    def emit(
        self,
        operation: str,
        operands: Sequence[Any],
        types: Sequence[ArrayType] | None = None,
        *,
        regions: Sequence[tuple[Sequence[ArrayType], Callable[..., Any]]] = (),
        terminator: str = "stablehlo.return",
        **attributes: Any,
    ) -> Any:
        """Append one operation.

        Args:
            operation: an operation of `stablehlo`, or `dialect.operation`.
            operands: handles.
            types: types of the results; by default those of the equation.
            regions: for each region the types of its block's arguments and a function
                from their handles to the handles (a sequence) it returns.
            terminator: the operation that returns them.
            **attributes: attribute handles of `_backend._mlir`.

        Returns:
            The result handle; a list of them unless there is exactly one.
        """
        if "." not in operation:
            operation = "stablehlo." + operation
        results = [
            lowered_type(t) for t in (self.out_types if types is None else types)
        ]
        made = _create(
            operation,
            results,
            list(operands),
            attributes or None,
            None,
            len(regions),
            self._location,
            self._point,
        )
        if regions:
            for region, (arg_types, body) in zip(made.regions, regions, strict=True):
                self._fill(region, arg_types, body, terminator)
        return made.result if len(results) == 1 else list(made.results)

    def _fill(
        self,
        region: Any,
        arg_types: Sequence[ArrayType],
        body: Callable[..., Any],
        terminator: str,
    ) -> None:
        block = region.blocks.append(
            *[lowered_type(t) for t in arg_types],
            arg_locs=[self._location] * len(arg_types),
        )
        outer = self._point, self._constants, self._location
        outer_types = self.in_types, self.out_types
        self._point, self._constants = mlir.insertion_point(block), {}
        returned = body(*block.arguments)
        self._location = outer[2]
        self._terminate(terminator, returned)
        self._point, self._constants, self._location = outer
        self.in_types, self.out_types = outer_types

    def emit_control(
        self,
        operation: str,
        operands: Sequence[Any],
        types: Sequence[ArrayType],
        *,
        regions: Sequence[tuple[Sequence[ArrayType], Callable[..., Any]]],
        effects: frozenset[str],
    ) -> list[Any]:
        """Append a `while` or a `case`.

        Args:
            effects: those of the regions. If any is ordered, the token is one more
                value that the regions carry (`while`) or return (`case`).

        Returns:
            The list of result handles.
        """
        if not is_ordered(effects):
            made = self.emit(operation, operands, types, regions=regions)
            return [made] if len(types) == 1 else made
        before, carries = self.token, operation == "while"

        def threaded(body: Callable[..., Any], *, returns_token: bool) -> Any:
            def run(*args: Any) -> list[Any]:
                *values, self.token = args if carries else (before,)
                results = body(*values)
                return [*results, self.token] if returns_token else results

            return run

        # The first region of a `while` is its condition: it returns a boolean alone.
        made = self.emit(
            operation,
            [*operands, before] if carries else operands,
            [*types, _TOKEN],
            regions=[
                (
                    [*arg_types, _TOKEN] if carries else arg_types,
                    threaded(body, returns_token=not carries or index == 1),
                )
                for index, (arg_types, body) in enumerate(regions)
            ],
        )
        *results, self.token = made if types else [made]
        return results

    def _terminate(self, operation: str, values: Sequence[Any]) -> None:
        _create(operation, [], list(values), None, None, 0, self._location, self._point)

    def constant(self, value: Any, type: ArrayType) -> Any:
        """The constant `value`, broadcast to `type` when it is a scalar."""
        if np.ndim(value) == 0:
            return self._filled(np.asarray(value, type.dtype), type)
        array = np.ascontiguousarray(value, type.dtype).reshape(type.shape)
        return self.emit("constant", (), (type,), value=mlir.dense(array))

    def _filled(self, scalar: np.ndarray, type: ArrayType) -> Any:
        """A constant with equal elements, made once in a block; never held in full."""
        key = scalar.tobytes(), type
        found = self._constants.get(key)
        if found is None:
            value = mlir.splat(scalar, type.shape)
            if value is None and type.shape:
                found = self.broadcast(self.scalar(scalar, scalar.dtype), type, ())
            else:
                value = mlir.dense(scalar) if value is None else value
                found = self.emit("constant", (), (type,), value=value)
            self._constants[key] = found
        return found

    def scalar(self, value: Any, dtype: np.dtype) -> Any:
        """The scalar constant `value`."""
        return self.constant(value, array_type((), dtype))

    def convert(self, operand: Any, type: ArrayType) -> Any:
        """`operand` with the element type of `type`."""
        return self.emit("convert", (operand,), (type,))

    def broadcast(
        self, operand: Any, type: ArrayType, dimensions: Sequence[int]
    ) -> Any:
        """`operand` with its axes placed at `dimensions` of `type`."""
        return self.emit(
            "broadcast_in_dim",
            (operand,),
            (type,),
            broadcast_dimensions=mlir.int_array(dimensions),
        )

    def stretch(self, scalar: Any, shape: tuple[int, ...]) -> Any:
        """A scalar repeated over `shape`, with the element type it has."""
        return _create(
            "stablehlo.broadcast_in_dim",
            [mlir.resized(scalar, shape)],
            [scalar],
            {"broadcast_dimensions": mlir.int_array(())},
            None,
            0,
            self._location,
            self._point,
        ).result

    def compare(
        self,
        direction: str,
        a: Any,
        b: Any,
        type: ArrayType,
        kind: str | None = None,
    ) -> Any:
        """Elementwise comparison; `type` is that of the operands.

        Args:
            kind: how they are compared, by default as their dtype says.
        """
        if kind is None:
            kind = _COMPARISONS.get(dtypes.kind(type.dtype), "UNSIGNED")
        return self.emit(
            "compare",
            (a, b),
            (array_type(type.shape, np.dtype(bool)),),
            comparison_direction=mlir.comparison_direction(direction),
            compare_type=mlir.comparison_kind(kind),
        )

    def custom_call(
        self,
        target: str,
        operands: Sequence[Any],
        types: Sequence[ArrayType],
        *,
        has_side_effect: bool = False,
        backend_config: dict[str, Any] | str | None = None,
        api_version: int = 4,
        operand_layouts: Sequence[Sequence[int] | None] | None = None,
        result_layouts: Sequence[Sequence[int] | None] | None = None,
        aliases: Sequence[tuple[int, int]] = (),
        on_first_device: bool = False,
        **attributes: Any,
    ) -> Any:
        """A call of a target registered with XLA.

        Args:
            backend_config: attributes of a typed-FFI target (`api_version` 4), or the
                text that an older one gets.
            operand_layouts: for each operand its axes from the slowest to the fastest;
                None is row-major.
            result_layouts: the same of the results.
            aliases: pairs of an operand and a result that share memory.
            on_first_device: let only the first of several devices run it, as those with
                side effects do.
        """
        if on_first_device or has_side_effect:
            attributes |= self._on_first_device(len(types))
            operands = [self.whole(x) if mlir.is_array(x) else x for x in operands]
        ranks = [mlir.rank(x) if mlir.is_array(x) else 0 for x in operands]
        out_ranks = [0 if type is _TOKEN else type.ndim for type in types]
        if aliases:
            single = len(types) == 1
            attributes["output_operand_aliases"] = mlir.array_of(
                mlir.output_operand_alias(() if single else (result,), operand)
                for operand, result in aliases
            )
        return self.emit(
            "custom_call",
            operands,
            types,
            call_target_name=mlir.string(target),
            has_side_effect=mlir.boolean(has_side_effect),
            api_version=mlir.integer(api_version, 32),
            backend_config=mlir.string(backend_config)
            if isinstance(backend_config, str)
            else mlir.dictionary(backend_config or {}),
            operand_layouts=_layouts(operand_layouts, ranks),
            result_layouts=_layouts(result_layouts, out_ranks),
            **attributes,
        )

    def host_call(
        self,
        function: Callable[..., Sequence[Any]],
        args: Sequence[Any],
        *,
        has_side_effect: bool,
        ordered: bool = False,
    ) -> list[Any]:
        """A call of a Python function from NumPy arrays to a sequence of them.

        Args:
            ordered: take the token and give the next one.

        Raises:
            NotImplementedError: the platform has no way to call Python.
            ValueError: it is ordered, and the program runs on several devices.
        """
        device = {"cpu": "cpu", "cuda": "gpu", "rocm": "gpu"}.get(self.platform)
        if device is None:
            raise NotImplementedError(
                f"compiled programs can't call Python functions on {self.platform}. "
                "Run the function that holds the callback on CPU or GPU."
            )
        if ordered and self.mesh is not None:
            raise ValueError(
                f"ordered effects have no order on {self.mesh.size} devices. Leave out "
                "`ordered=True`."
            )
        types = list(self.out_types)
        if ordered:
            args, types = [self.token, *args], [_TOKEN, *types]

        def called(*values: Any) -> tuple[Any, ...]:
            # The token comes first and is handed back. C++ wants exactly a tuple.
            return *values[:ordered], *function(*values[ordered:])

        index = len(self.host_callbacks)
        self.host_callbacks.append(called)
        made = self.custom_call(
            f"xla_ffi_python_{device}_callback",
            args,
            types,
            has_side_effect=has_side_effect,
            backend_config={"index": mlir.unsigned(index)},
            on_first_device=True,
        )
        results = [made] if len(types) == 1 else list(made)
        if ordered:
            self.token, *results = results
        return [self.whole(result) for result in results]

    # ---- shardings -----------------------------------------------------------------

    def sharding(self, sharding: Any, ndim: int) -> Any:
        """The attribute of a sharding for arrays of `ndim` axes."""
        return sharding_attribute(self.mesh_name(sharding.mesh), sharding.spec, ndim)

    def mesh_name(self, mesh: Any) -> str:
        """What a mesh is called in the module."""
        name = self._meshes.get(mesh)
        if name is None:
            name = self._meshes[mesh] = self._unique("mesh")
            outer = self._manual
            devices = outer.devices if outer else tuple(self.mesh.devices.flat)
            self._define_mesh(name, mesh_attribute(mesh, devices))
        return name

    def run_on_parts(
        self,
        program: Program,
        args: Sequence[Any],
        mesh: Any,
        axes: frozenset[str],
        in_specs: Sequence[Any],
        out_specs: Sequence[Any],
    ) -> list[Any]:
        """Have each device run `program` on its part of the arguments.

        Args:
            axes: those of the mesh along which devices run by themselves.
            in_specs: how each argument is split over them.
            out_specs: how the parts make up each result.
        """
        outer, outer_mesh = self._manual, self.mesh
        devices = (
            outer.devices
            if outer is not None
            else tuple((mesh if outer_mesh is None else outer_mesh).devices.flat)
        )
        inside = Manual(mesh, axes | (outer.axes if outer else frozenset()), devices)

        def body(*parts: Any) -> list[Any]:
            self._manual = inside
            if inside.is_full:
                self.mesh = None  # nothing is left for the compiler to lay out
            try:
                return self.inline(program, parts)
            finally:
                self._manual, self.mesh = outer, outer_mesh

        if mesh.size == 1:
            return body(*args)

        def attribute(specs: Sequence[Any], types: Sequence[ArrayType]) -> Any:
            return sharding_per_value(
                self.mesh_name(mesh),
                [
                    (spec if inside.is_full else open_elsewhere(spec, type.ndim), type)
                    for spec, type in zip(specs, types, strict=True)
                ],
            )

        made = self.emit(
            "sdy.manual_computation",
            args,
            regions=[(program.in_types, body)],
            terminator="sdy.return",
            in_shardings=attribute(in_specs, program.in_types),
            out_shardings=attribute(out_specs, program.out_types),
            manual_axes=manual_axes_attribute(
                [name for name in mesh.axis_names if name in axes]
            ),
        )
        return [made] if len(program.outputs) == 1 else made

    @property
    def manual(self) -> Manual:
        """Along which axes devices run by themselves here.

        Raises:
            ValueError: none.
        """
        if self._manual is None:
            raise ValueError("no mesh maps over anything here")
        return self._manual

    def runs_along(self, names: Iterable[Any]) -> bool:
        """Whether devices run by themselves along these axes here."""
        return self._manual is not None and self._manual.axes.issuperset(names)

    def communicate(
        self,
        operation: str,
        operand: Any,
        types: Sequence[ArrayType] | None = None,
        *,
        reducing: tuple[str, ArrayType] | None = None,
        **attributes: Any,
    ) -> Any:
        """An exchange between devices.

        Args:
            types: of the result; by default those of the equation.
            reducing: the operation that makes one value of two, and the type of the
                operand.
        """
        self._channels += 1
        handle = f"#stablehlo.channel_handle<handle = {self._channels}, type = 1>"
        regions: list[Any] = []
        if reducing is not None:
            combination, type = reducing
            scalar = array_type((), type.dtype)
            regions = [
                (
                    (scalar, scalar),
                    lambda a, b: [self.emit(combination, (a, b), (scalar,))],
                )
            ]
        return self.emit(
            operation,
            (operand,),
            types,
            regions=regions,
            channel_handle=mlir.attribute(handle),
            **attributes,
        )

    def groups(self, names: Sequence[Any]) -> dict[str, Any]:
        """Attributes that say which devices exchange: those along these axes."""
        return {
            "replica_groups": mlir.dense(self.manual.groups(names)),
            "use_global_device_ids": mlir.unit(),
        }

    def _on_first_device(self, results: int) -> dict[str, Any]:
        """Attributes of an operation that only the first of several devices runs."""
        if self.mesh is None:
            return {}
        name = "first_device"
        if name not in self._names:
            self._names.add(name)
            self._define_mesh(name, mlir.sharding("#sdy.mesh<[], device_ids=[0]>"))
        each = ", ".join([f"<@{name}, []>"] * max(results, 1))
        return {"sdy.sharding": mlir.sharding(f"#sdy.sharding_per_value<[{each}]>")}

    def _define_mesh(self, name: str, mesh: Any) -> None:
        _create(
            "sdy.mesh",
            [],
            [],
            {"sym_name": mlir.string(name), "mesh": mesh},
            None,
            0,
            mlir.unknown_location,
            mlir.start_of(self.module),
        )

    def constrain(self, operand: Any, sharding: Any) -> Any:
        """`operand` laid out by `sharding`, where there are several devices."""
        if self.mesh is None:
            return operand
        made = _create(
            "sdy.sharding_constraint",
            [operand.type],
            [operand],
            {"sharding": self.sharding(sharding, mlir.rank(operand))},
            None,
            0,
            self._location,
            self._point,
        )
        return made.result

    def whole(self, operand: Any, axes: Sequence[int] | None = None) -> Any:
        """`operand` with these axes, by default all, whole on each of several devices.

        For operations that the compiler can't split along them. The other axes are left
        to it.
        """
        if self.mesh is None:
            return operand
        if axes is None:
            return self.constrain(operand, _backend.whole_on(self.mesh))
        free = _backend.PartitionSpec.UNCONSTRAINED
        parts = [None if axis in axes else free for axis in range(mlir.rank(operand))]
        spec = _backend.PartitionSpec(*parts)
        return self.constrain(operand, _backend.NamedSharding(self.mesh, spec))

    # ---- programs ------------------------------------------------------------------

    def inline(self, program: Program, args: Sequence[Any]) -> list[Any]:
        """Emit a program's equations here."""
        values: dict[Atom, Any] = dict(zip(program.inputs, args, strict=True))
        for step in steps(program, self._structures):
            if isinstance(step, BlockCall):
                self._block_call(step, values)
            else:
                self._equation(step, values)
        return [self._operand(atom, values) for atom in program.outputs]

    def _operand(self, atom: Atom, values: dict[Atom, Any]) -> Any:
        if isinstance(atom, Literal):
            return self.constant(atom.value, atom.type)
        return values[atom]

    def _equation(self, equation: Equation, values: dict[Atom, Any]) -> None:
        operands = [
            self.constant(atom.value, atom.type)
            if type(atom) is Literal
            else values[atom]
            for atom in equation.inputs
        ]
        frame = equation.frame
        if type(frame) is ScopedFrame:
            self._location = _scoped_location(frame, equation.primitive.name)
        else:
            self._location = _location(frame)
        self.in_types = [atom.type for atom in equation.inputs]
        self.out_types = [variable.type for variable in equation.outputs]
        results = equation.primitive.lower(self, operands)
        if not equation.primitive.multiple_results:
            values[equation.outputs[0]] = results
            return
        for variable, handle in zip(equation.outputs, results, strict=True):
            values[variable] = handle

    def _block_call(self, step: BlockCall, values: dict[Atom, Any]) -> None:
        self._location = mlir.unknown_location
        operands = [self._operand(atom, values) for atom in step.inputs]
        results = self.call(step.block, operands)
        values.update(zip(step.outputs, results, strict=True))

    def call(
        self, program: Program, args: Sequence[Any], *, inlineable: bool = True
    ) -> list[Any]:
        """Call `program` as a function of the module; equal programs share one.

        Args:
            inlineable: whether the compiler may copy the function to here.
        """
        equations = live_equations(program)
        number = self._structures.of_program(program, equations)
        key = number, self._manual
        function = self._functions.get(key)
        if function is None:
            name = self._unique(program.name or "program")
            made = self.function(name, program, public=False)
            function = Function(made, equations, program.out_types)
            self._functions[key] = function
        types: list[Any] = [variable.type for variable in program.outputs]
        ordered = is_ordered(program.effects)
        if ordered:
            args, types = [*args, self.token], [*types, _TOKEN]
        call = _create(
            "func.call",
            [lowered_type(t) for t in types],
            list(args),
            {"callee": mlir.symbol(mlir.name_of(function.made))},
            None,
            0,
            self._location,
            self._point,
        )
        function.calls.append(call)
        if not inlineable:
            keep(call)
        results = list(call.results)
        if ordered:
            *results, self.token = results
        return results

    def call_portable(self, data: bytes, args: Sequence[Any]) -> list[Any]:
        """Call the function of a module that was made before."""
        name = self._adopted.get(data)
        if name is None:
            other = _portable.from_portable(data)
            name = _portable.adopt(self.module, other, self._unique)
            self._adopted[data] = name
        made = _create(
            "func.call",
            [lowered_type(type) for type in self.out_types],
            list(args),
            {"callee": mlir.symbol(name)},
            None,
            0,
            self._location,
            self._point,
        )
        return list(made.results)

    def define(self, name: str, program: Program) -> str:
        """Define `program` as a function of its own; returns the name it got."""
        made = self._unique(name)
        self.function(made, program, public=False)
        return made

    def function(self, name: str, program: Program, *, public: bool) -> Any:
        """Define `program` as a function of the module.

        One with ordered effects takes a token last and returns one last, unless it is
        public: then it starts a chain of its own.
        """
        ordered = is_ordered(program.effects)
        passed = [_TOKEN] if ordered and not public else []
        made = mlir.new_function(
            self.module,
            name,
            [lowered_type(t) for t in (*program.in_types, *passed)],
            [lowered_type(t) for t in (*program.out_types, *passed)],
            public=public,
        )
        outer = self._point, self._constants, self._location
        outer_types, outer_token = (self.in_types, self.out_types), self.token
        block = made.entry_block
        self._point, self._constants = mlir.insertion_point(block), {}
        args = list(block.arguments)
        if passed:
            *args, self.token = args
        elif ordered:
            self.token = self.emit("create_token", (), [_TOKEN])
        results = self.inline(program, args)
        self._location = mlir.unknown_location
        self._terminate("func.return", [*results, self.token] if passed else results)
        self._point, self._constants, self._location = outer
        self.in_types, self.out_types = outer_types
        self.token = outer_token
        return made

    def keep_repeated_calls(self) -> bool:
        """Have the compiler leave calls of repeated blocks as calls, on the CPU.

        Returns:
            Whether a function is called repeatedly by calls that are kept.
        """
        if self.platform != "cpu" or not flags.KEEP_REPEATED_CALLS.value:
            return False
        return keep_repeated_calls(self._functions.values(), self._unique)

    def _unique(self, name: str) -> str:
        clean = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
        candidate, number = clean, 0
        while candidate in self._names:
            number += 1
            candidate = f"{clean}_{number}"
        self._names.add(candidate)
        return candidate
