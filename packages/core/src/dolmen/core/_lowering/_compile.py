"""Programs to executables."""

import collections
import dataclasses
import functools
import itertools
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .. import _backend
from .._backend import _mlir as mlir, flags
from .._ir import (
    ArrayType,
    Program,
    line_of,
    live_equations,
    message,
    used_inputs,
    user_frame,
)
from . import _cache
from ._builder import Builder
from ._dump import dump
from ._failures import Failures
from ._partition import Partition

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Module:
    """A program as StableHLO.

    Attributes:
        operation: the MLIR module.
        name: `jit_` and the name of the function.
        in_types: types of the inputs that `main` takes.
        kept: which inputs of the program `main` takes.
        host_callbacks: Python functions that the module calls.
        platform: what it was lowered for.
        seconds: that lowering took.
        has_calls: calls of repeated functions stay calls.
        partition: how it is laid out over devices; None if it runs on one.
    """

    operation: Any
    name: str
    in_types: tuple[ArrayType, ...]
    kept: tuple[bool, ...]
    host_callbacks: tuple[Any, ...]
    out_types: tuple[ArrayType, ...]
    platform: str
    seconds: float
    has_calls: bool = False
    partition: Partition | None = None

    @property
    def signature(self) -> str:
        """Types of arguments and results: `(f32[3], i32[]) -> (f32[3],)`."""
        return f"{_listed(self.in_types)} -> {_listed(self.out_types)}"

    def devices_or(self, device: Any) -> tuple[Any, ...]:
        """The devices that it is laid out over, else this one."""
        return self.partition.devices if self.partition else (device,)

    def as_text(self, *, debug_info: bool = False) -> str:
        """The module as text."""
        return self.operation.operation.get_asm(enable_debug_info=debug_info)


def _listed(types: Sequence[ArrayType]) -> str:
    return f"({', '.join(map(repr, types))})"


@dataclasses.dataclass(frozen=True)
class Executable:
    """A compiled program, loaded on its devices.

    Attributes:
        devices: in the order in which the program numbers them.
        in_shardings: one for each input of the program.
        out_shardings: one for each output.
        failures: of the Python functions it calls; None if it calls none.
        origin: where the code is from: `compiler`, `disk` (an earlier process),
            `memory` (another program of this process with the same StableHLO) or
            `bytes` (that were serialized).
        seconds: that getting it took.
        lower_seconds: that lowering took.
    """

    loaded: Any
    name: str
    kept: tuple[bool, ...]
    out_types: tuple[ArrayType, ...]
    devices: tuple[Any, ...]
    in_shardings: tuple[Any, ...]
    out_shardings: tuple[Any, ...]
    failures: Failures | None = None
    origin: str = "compiler"
    seconds: float = 0.0
    lower_seconds: float = 0.0

    @property
    def device(self) -> Any:
        """The device it runs on; the first, if there are several."""
        return self.devices[0]

    @property
    def calls_host(self) -> bool:
        """Whether it calls Python functions."""
        return self.failures is not None

    def __call__(self, arrays: Sequence[Any], committed: bool) -> list[Any]:
        """Run on one array for each input of the program, laid out as `in_shardings`.

        What a Python function called by the program raises is raised here.

        Args:
            committed: whether the results stay on the device when mixed with others.

        Raises:
            RuntimeError: its devices aren't there, or the setting `no_execution`
                forbids it.
        """
        if _backend.is_described(self.device):
            raise RuntimeError(
                message(
                    f"{self.name}: compiled for a described {self.device.device_kind}, "
                    "which isn't there to run it.",
                    "Look at its `memory_analysis()`, `cost_analysis()` or "
                    "`as_text()`; to run it, compile it for `devices()`.",
                )
            )
        if flags.NO_EXECUTION.value:
            raise RuntimeError(
                message(
                    f"{self.name}: would be run, but no_execution is set.",
                    "Leave the `with no_execution()` block first.",
                )
            )
        kept = [array for array, keep in zip(arrays, self.kept, strict=True) if keep]
        run = functools.partial(
            _backend.execute,
            self.loaded,
            kept,
            self.out_types,
            self.out_shardings,
            committed=committed,
        )
        if self.failures is None:
            return run()
        try:
            return run(calls_host=True, device=self.device)
        except _backend.JaxRuntimeError as error:
            failure = self.failures.behind(error)
            if failure is None:
                raise
        # Outside of the handler, so that the error keeps the context it was raised in.
        raise failure


def lower(
    program: Program,
    *,
    donated: Sequence[bool] = (),
    keep_unused: bool = False,
    platform: str | None = None,
    input_names: Callable[[], Sequence[str]] | None = None,
    partition: Partition | None = None,
    keep_calls: bool = True,
) -> Module:
    """Translate `program` to a StableHLO module.

    Args:
        donated: which inputs give their buffer away; each is offered to an output of
            equal shape and dtype.
        keep_unused: keep inputs that nothing depends on as parameters of `main`.
        platform: `cpu`, `cuda`, `rocm` or `tpu`; by default that of the devices that it
            is laid out over, else of this process.
        input_names: what the inputs are called, for a warning about buffers that were
            donated in vain.
        partition: how it is laid out over devices; None if it runs on one.
        keep_calls: mark repeated calls that the compiler shall not copy into place.
    """
    target: str = platform or _backend.lowering_platform(
        partition.devices[0] if partition else None
    )
    kept = [True] * len(program.inputs) if keep_unused else used_inputs(program)
    inputs = [v for v, keep in zip(program.inputs, kept, strict=True) if keep]
    live = live_equations(program)
    trimmed = Program(inputs, live, program.outputs, program.name)
    trimmed.derived["live"] = live
    name = "jit_" + "".join(c if c.isalnum() else "_" for c in program.name or "f")
    started = time.perf_counter()
    with mlir.lock, _backend.rarer_collections:
        module = mlir.new_module()
        module.operation.attributes["sym_name"] = mlir.string(name)
        # A mesh of one device needs no partitioning.
        several = partition if partition and partition.mesh.size > 1 else None
        builder = Builder(module, target, several.mesh if several else None)
        main = builder.function("main", trimmed, public=True)
        attributes: list[dict[str, Any]] = [{} for _ in inputs]
        if any(donated):
            gives = [d for d, keep in zip(donated, kept, strict=True) if keep]
            taken = _offer_buffers(attributes, trimmed, gives, alike=not several)
            _warn_of_donation_in_vain(program, donated, taken, input_names)
        if several:
            _lay_out(builder, main, attributes, trimmed, kept, several)
        if any(attributes):
            main.attributes["arg_attrs"] = mlir.array_of(
                map(mlir.dictionary, attributes)
            )
        has_calls = keep_calls and builder.keep_repeated_calls()
        if flags.DUMP_IR_TO.value:
            dump(trimmed, module, name)
    log_duration("lowering", name, started)
    return Module(
        module,
        name,
        trimmed.in_types,
        tuple(kept),
        tuple(builder.host_callbacks),
        program.out_types,
        target,
        time.perf_counter() - started,
        has_calls,
        partition,
    )


def _lay_out(
    builder: Builder,
    main: Any,
    attributes: Sequence[dict[str, Any]],
    program: Program,
    kept: Sequence[bool],
    partition: Partition,
) -> None:
    """Say how the inputs and outputs of `main` are laid out over the devices."""
    shardings = [s for s, keep in zip(partition.inputs, kept, strict=True) if keep]
    types = program.in_types
    for found, sharding, type in zip(attributes, shardings, types, strict=True):
        found["sdy.sharding"] = builder.sharding(sharding, type.ndim)
    main.attributes["res_attrs"] = mlir.array_of(
        mlir.dictionary(
            {}
            if sharding is None
            else {"sdy.sharding": builder.sharding(sharding, type.ndim)}
        )
        for sharding, type in zip(partition.outputs, program.out_types, strict=True)
    )
    count = mlir.integer(len(partition.devices), 32)
    builder.module.operation.attributes["mhlo.num_partitions"] = count


def _offer_buffers(
    attributes: Sequence[dict[str, Any]],
    program: Program,
    gives: Sequence[bool],
    *,
    alike: bool,
) -> set[Any]:
    """Pair donated inputs with outputs that can take their place.

    Args:
        alike: whether all are laid out alike, on one device; otherwise the compiler
            pairs those that are.

    Returns:
        The inputs that found an output.
    """
    free = list(enumerate(program.out_types))
    taken = set()
    places = zip(program.inputs, gives, attributes, strict=True)
    for variable, give, found in places:
        match = next(
            (
                (index, type)
                for index, type in free
                if give
                and type.shape == variable.type.shape
                and type.dtype == variable.type.dtype
            ),
            None,
        )
        if match is None:
            continue
        free.remove(match)
        taken.add(variable)
        if alike:
            found["tf.aliasing_output"] = mlir.integer(match[0], 32)
        else:
            found["jax.buffer_donor"] = mlir.boolean(True)
    return taken


def _warn_of_donation_in_vain(
    program: Program,
    donated: Sequence[bool],
    taken: set[Any],
    input_names: Callable[[], Sequence[str]] | None,
) -> None:
    vain = [
        index
        for index, (variable, give) in enumerate(
            zip(program.inputs, donated, strict=True)
        )
        if give and variable not in taken
    ]
    if not vain:
        return
    names = input_names() if input_names else ["an argument"] * len(donated)
    listed = ", ".join(f"`{names[i]}` {program.inputs[i].type!r}" for i in vain)
    frame = user_frame()
    warnings.warn_explicit(
        message(
            f"jit of {program.name}: no result can reuse the donated {listed}, since "
            "none is left of that shape and dtype.",
            "Donate only what the function gives back changed.",
            frame=frame,
        ),
        UserWarning,
        frame[0].co_filename if frame else "<unknown>",
        line_of(frame) if frame else 0,
    )


# Executables by all that they depend on, the latest only. Signatures that differ in
# weak types alone, and a function that is made anew, lower to the same module.
_recent: collections.OrderedDict[str, Any] = collections.OrderedDict()
_MAX_RECENT = 64


def forget_executables() -> None:
    """Compile again, or load from disk, whatever comes next."""
    _recent.clear()


# Reading how much is mapped takes up to 20 ms, as long as a small compilation.
_LOADED_BETWEEN_CHECKS = 256
_MOST_MAPPED = 0.75
_loaded = itertools.count(1)
_clear_caches: Callable[[], None] = forget_executables


def set_clear_caches(function: Callable[[], None]) -> None:
    """What lets go of all executables that aren't running."""
    global _clear_caches
    _clear_caches = function


def _make_room() -> None:
    """Drop what was compiled before the system ends the process for having too much."""
    if next(_loaded) % _LOADED_BETWEEN_CHECKS:
        return
    share = _backend.share_of_mappings()
    if share < _MOST_MAPPED:
        return
    _clear_caches()
    frame = user_frame()
    warnings.warn_explicit(
        message(
            f"This process has {share:.0%} of the memory areas that Linux allows it, "
            "about three for each compiled program, so that all compiled programs were "
            "dropped. Those still needed compile again.",
            "Call functions with fewer different shapes (pad them), or allow more "
            "areas: `sysctl vm.max_map_count`.",
            frame=frame,
        ),
        UserWarning,
        frame[0].co_filename if frame else "<unknown>",
        line_of(frame) if frame else 0,
    )


def reset_cache() -> None:
    """`forget_executables`, and forget what the cache on disk complained about."""
    forget_executables()
    _cache.reset()


def compile_module(
    module: Module,
    device: Any,
    compiler_options: Sequence[tuple[str, Any]] = (),
) -> Executable:
    """Compile for `device`, or take what was compiled before.

    Args:
        device: to run on, unless the module is laid out over several.
        compiler_options: names and values of options of XLA.

    Raises:
        JaxRuntimeError: the compiler fails, or does not know an option.
    """
    started = time.perf_counter()
    devices = module.devices_or(device)
    options = _backend.compile_options(
        devices, compiler_options, has_calls=module.has_calls
    )
    failures: Failures | None = None
    if module.host_callbacks:  # part of the code, but not of its text
        failures, origin = Failures(), "compiler"
        callbacks = [failures.noted(callback) for callback in module.host_callbacks]
        loaded = _compiled(module, devices, options, callbacks)
    else:
        loaded, origin = _found_or_compiled(module, devices, options)
    if module.partition is None:
        here = _backend.device_sharding(device)
        in_shardings = (here,) * len(module.kept)
        out_shardings = (here,) * len(module.out_types)
    else:
        in_shardings = module.partition.inputs
        ranks = [type.ndim for type in module.out_types]
        out_shardings = module.partition.of_outputs(loaded, ranks)
    return Executable(
        loaded,
        module.name,
        module.kept,
        module.out_types,
        devices,
        in_shardings,
        out_shardings,
        failures,
        origin,
        seconds=time.perf_counter() - started,
        lower_seconds=module.seconds,
    )


def compile_afresh(
    module: Module, device: Any, compiler_options: Sequence[tuple[str, Any]] = ()
) -> Any:
    """A loaded executable that comes from the compiler in any case.

    The runtime of the CPU can't serialize one that it has loaded from bytes.
    """
    devices = module.devices_or(device)
    options = _backend.compile_options(devices, compiler_options)
    return _compiled(module, devices, options)


def _found_or_compiled(
    module: Module, devices: tuple[Any, ...], options: Any
) -> tuple[Any, str]:
    """The loaded executable and its origin."""
    if _backend.is_described(devices[0]):
        return _compiled(module, devices, options), "compiler"
    text = module.as_text(
        debug_info=flags.COMPILATION_CACHE_INCLUDE_METADATA_IN_KEY.value
    )
    types = module.signature.replace("~", "")  # code knows no weak types
    entry = _cache.key(module.name, text, types, devices[0], options)
    loaded = _recent.get(entry.name)
    if loaded is not None:
        _recent.move_to_end(entry.name)
        return loaded, "memory"
    _make_room()
    loaded, origin = _loaded_or_compiled(entry, module, devices, options)
    _recent[entry.name] = loaded
    if len(_recent) > _MAX_RECENT:
        _recent.popitem(last=False)
    return loaded, origin


def _loaded_or_compiled(
    entry: _cache.Key, module: Module, devices: tuple[Any, ...], options: Any
) -> tuple[Any, str]:
    if not _cache.enabled():
        return _compiled(module, devices, options), "compiler"
    started = time.perf_counter()
    data = _cache.read(entry.name)
    loaded = None if data is None else _cache.load(data, devices, options)
    if loaded is not None:
        log_duration("loading from disk", module.name, started)
        return loaded, "disk"
    if flags.EXPLAIN_CACHE_MISSES.value:
        _logger.warning(
            "%s %s is not on disk: %s.",
            module.name,
            module.signature,
            _cache.explain_miss(entry),
        )
    _cache.keep_xla_caches(options, devices[0])
    started = time.perf_counter()
    loaded = _compiled(module, devices, options)
    fate = _cache.write(entry, loaded, seconds=time.perf_counter() - started)
    _logger.log(_level(), "%s: %s.", module.name, fate)
    return loaded, "compiler"


def _compiled(
    module: Module,
    devices: tuple[Any, ...],
    options: Any,
    callbacks: Sequence[Any] = (),
) -> Any:
    _logger.log(_level(), "Compiling %s %s.", module.name, module.signature)
    started = time.perf_counter()
    try:
        loaded = _backend.compile_and_load(
            module.operation, devices, options, callbacks
        )
    except _backend.JaxRuntimeError as error:
        text = str(error).removeprefix("INVALID_ARGUMENT: ")
        if "compile option" not in text and "While setting option" not in text:
            raise
        raise _backend.JaxRuntimeError(
            message(
                f"compiler_options: {text.rstrip('.')}.",
                "Names and values are those of XLA's options, without dashes: "
                "`compiler_options={'xla_cpu_enable_fast_math': True}`.",
            )
        ) from None
    log_duration("compilation", module.name, started)
    return loaded


def _level() -> int:
    return logging.WARNING if flags.LOG_COMPILES.value else logging.DEBUG


def log_duration(what: str, name: str, started: float) -> None:
    """Log how long a step took, as loud as the setting `log_compiles` says."""
    seconds = time.perf_counter() - started
    _logger.log(_level(), "Finished %s of %s in %.6f s.", what, name, seconds)


def compile_program(
    program: Program,
    *,
    donated: tuple[bool, ...] = (),
    keep_unused: bool = False,
    device: Any = None,
    compiler_options: tuple[tuple[str, Any], ...] = (),
    input_names: Callable[[], Sequence[str]] | None = None,
    partition: Partition | None = None,
) -> Executable:
    """Lower and compile, once for each program and set of options.

    Args:
        device: to run on, by default the first one.
        partition: instead, how the program is laid out over several devices.
    """
    where = _backend.default_device() if device is None else device
    settings = flags.compile_key()
    place = partition or where
    key = ("compiled", donated, keep_unused, place, compiler_options, settings)
    found = program.derived.get(key)
    if found is None:
        module = lower(
            program,
            donated=donated,
            keep_unused=keep_unused,
            input_names=input_names,
            partition=partition,
        )
        found = compile_module(module, where, compiler_options)
        program.derived[key] = found
    return found


def executables_of(program: Program) -> list[Executable]:
    """What `compile_program` has made of a program so far."""
    return [made for made in program.derived.values() if isinstance(made, Executable)]
