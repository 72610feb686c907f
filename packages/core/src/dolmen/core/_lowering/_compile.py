"""Programs to executables."""

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from .. import _backend
from .._backend import _mlir as mlir, flags
from .._ir import ArrayType, Program, live_equations, used_inputs
from . import _cache
from ._builder import Builder
from ._dump import dump

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
    """

    operation: Any
    name: str
    in_types: tuple[ArrayType, ...]
    kept: tuple[bool, ...]
    host_callbacks: tuple[Any, ...]
    out_types: tuple[ArrayType, ...]

    @property
    def signature(self) -> str:
        """Types of arguments and results: `(f32[3], i32[]) -> (f32[3],)`."""
        return f"{_listed(self.in_types)} -> {_listed(self.out_types)}"

    def as_text(self, *, debug_info: bool = False) -> str:
        """The module as text."""
        return self.operation.operation.get_asm(enable_debug_info=debug_info)


def _listed(types: Sequence[ArrayType]) -> str:
    return f"({', '.join(map(repr, types))})"


@dataclasses.dataclass(frozen=True)
class Executable:
    """A compiled program, loaded on one device.

    Attributes:
        failures: what Python functions it calls have raised; None if it calls none.
    """

    loaded: Any
    kept: tuple[bool, ...]
    out_types: tuple[ArrayType, ...]
    device: Any
    failures: list[BaseException] | None = None

    @property
    def calls_host(self) -> bool:
        """Whether it calls Python functions."""
        return self.failures is not None

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        """Run on one array for each input of the program.

        What a Python function called by the program raises is raised here.
        """
        kept = [array for array, keep in zip(arrays, self.kept, strict=True) if keep]
        if self.failures is None:
            return _backend.execute(self.loaded, kept, self.out_types, self.device)
        self.failures.clear()
        try:
            return _backend.execute(
                self.loaded, kept, self.out_types, self.device, calls_host=True
            )
        except _backend.JaxRuntimeError:
            if not self.failures:
                raise
        # Outside of the handler, so that the error keeps the context it was raised in.
        raise self.failures.pop(0)


def lower(
    program: Program,
    *,
    donated: Sequence[bool] = (),
    keep_unused: bool = False,
    platform: str | None = None,
) -> Module:
    """Translate `program` to a StableHLO module.

    Args:
        donated: which inputs give their buffer away; each is offered to an output of
            equal shape and dtype.
        keep_unused: keep inputs that nothing depends on as parameters of `main`.
    """
    kept = [True] * len(program.inputs) if keep_unused else used_inputs(program)
    inputs = [v for v, keep in zip(program.inputs, kept, strict=True) if keep]
    live = live_equations(program)
    trimmed = Program(inputs, live, program.outputs, program.name)
    trimmed.derived["live"] = live
    name = "jit_" + "".join(c if c.isalnum() else "_" for c in program.name or "f")
    started = time.perf_counter()
    with mlir.lock:
        module = mlir.new_module()
        module.operation.attributes["sym_name"] = mlir.string(name)
        builder = Builder(module, platform or _backend.client().platform)
        main = builder.function("main", trimmed, public=True)
        if any(donated):
            gives = [d for d, keep in zip(donated, kept, strict=True) if keep]
            _offer_buffers(main, trimmed, gives)
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
    )


def _offer_buffers(main: Any, program: Program, gives: Sequence[bool]) -> None:
    """Pair donated inputs with outputs that can take their place."""
    free = list(enumerate(program.out_types))
    attributes = []
    for variable, give in zip(program.inputs, gives, strict=True):
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
            attributes.append(mlir.dictionary({}))
        else:
            free.remove(match)
            alias = mlir.integer(match[0], 32)
            attributes.append(mlir.dictionary({"tf.aliasing_output": alias}))
    main.attributes["arg_attrs"] = mlir.array_of(attributes)


def compile_module(module: Module, device: Any) -> Executable:
    """Compile for `device`, or load what an earlier process compiled."""
    options = _backend.compile_options(device)
    failures: list[BaseException] | None = None
    if module.host_callbacks:
        failures = []
        callbacks = [_noting(failures, callback) for callback in module.host_callbacks]
        loaded = _compiled(module, device, options, callbacks)
    elif _cache.enabled():
        loaded = _found_or_compiled(module, device, options)
    else:
        loaded = _compiled(module, device, options)
    return Executable(loaded, module.kept, module.out_types, device, failures)


def _found_or_compiled(module: Module, device: Any, options: Any) -> Any:
    text = module.as_text(
        debug_info=flags.COMPILATION_CACHE_INCLUDE_METADATA_IN_KEY.value
    )
    entry = _cache.key(module.name, text, module.signature, device, options)
    started = time.perf_counter()
    data = _cache.read(entry.name)
    loaded = None if data is None else _cache.load(data, device, options)
    if loaded is not None:
        log_duration("loading from disk", module.name, started)
        return loaded
    if flags.EXPLAIN_CACHE_MISSES.value:
        _logger.warning(
            "%s %s is not on disk: %s.",
            module.name,
            module.signature,
            _cache.explain_miss(entry),
        )
    _cache.keep_xla_caches(options, device)
    started = time.perf_counter()
    loaded = _compiled(module, device, options)
    fate = _cache.write(entry, loaded, seconds=time.perf_counter() - started)
    _logger.log(_level(), "%s: %s.", module.name, fate)
    return loaded


def _compiled(
    module: Module, device: Any, options: Any, callbacks: Sequence[Any] = ()
) -> Any:
    _logger.log(_level(), "Compiling %s %s.", module.name, module.signature)
    started = time.perf_counter()
    loaded = _backend.compile_and_load(module.operation, device, options, callbacks)
    log_duration("compilation", module.name, started)
    return loaded


def _level() -> int:
    return logging.WARNING if flags.LOG_COMPILES.value else logging.DEBUG


def log_duration(what: str, name: str, started: float) -> None:
    """Log how long a step took, as loud as the setting `log_compiles` says."""
    seconds = time.perf_counter() - started
    _logger.log(_level(), "Finished %s of %s in %.6f s.", what, name, seconds)


def _noting(
    failures: list[BaseException], callback: Callable[..., Any]
) -> Callable[..., Any]:
    """`callback`, noting what it raises: XLA passes on no more than a text."""

    def called(*values: Any) -> Any:
        try:
            return callback(*values)
        except BaseException as error:
            failures.append(error)
            raise

    return called


def compile_program(
    program: Program,
    *,
    donated: tuple[bool, ...] = (),
    keep_unused: bool = False,
    device: Any = None,
) -> Executable:
    """Lower and compile, once for each program and set of options."""
    where = _backend.default_device() if device is None else device
    key = ("compiled", donated, keep_unused, where, flags.compile_key())
    found = program.derived.get(key)
    if found is None:
        module = lower(program, donated=donated, keep_unused=keep_unused)
        found = program.derived[key] = compile_module(module, where)
    return found
