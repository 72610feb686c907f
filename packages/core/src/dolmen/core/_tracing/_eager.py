"""The trace that runs operations: each is one cached compiled call."""

from collections.abc import Callable, Sequence
from typing import Any

from .. import _backend
from .._backend import flags
from .._ir import ArrayType, Primitive, Program, message
from ._errors import UnexpectedTracerError, leaked
from ._partitioning import held_sharding, partition_of
from ._recording import record
from ._trace import Trace, Tracer, bind, set_initial_trace
from ._values import placed, typeof


class EagerTrace(Trace):
    """Runs every operation at once."""

    __slots__ = ()

    def __init__(self) -> None:
        self.staging = False
        self.finished = False

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        run = primitive.derived.get("eager")
        if run is None:
            run = primitive.eager() or compiled(primitive)
            primitive.derived["eager"] = run
        return run(*args)


EAGER = EagerTrace()
set_initial_trace(EAGER)


def compiled(primitive: Primitive) -> Any:
    """A C++ callable that compiles `primitive` for each signature it meets."""

    def on_miss(*args: Any) -> tuple[Any, Any]:
        types = tuple(typeof(check_live(arg)) for arg in args)
        program = _single_equation(primitive, types)
        outs, fast_path = run_program(program, args, [])
        if primitive.multiple_results:
            return outs, fast_path(_tree([0] * len(outs)))
        return outs[0], fast_path(_tree(0))

    def run(*args: Any) -> Any:  # what C++ calls under `disable_jit`
        return on_miss(*args)[0]

    return _backend.callable_with_cache(
        primitive.name, run, on_miss, key=primitive, eager=True
    )


def _tree(example: Any) -> Any:
    return _backend.pytree.BOUNDARY.flatten(example)[1]


def check_live(value: Any) -> Any:
    """`value`, unless it is a tracer: none may arrive where values are run."""
    if isinstance(value, Tracer):
        if value.owner.finished:
            raise leaked(value)
        function = getattr(value.owner, "function", "") or "a transformed function"
        raise UnexpectedTracerError(
            message(
                f"a traced value {value.type!r} of {function} was used where nothing "
                "is traced.",
                "Use it outside of `eval_context`; `ensure_compile_time_eval` takes "
                "traced values, too.",
            )
        )
    return value


def _single_equation(primitive: Primitive, types: tuple[ArrayType, ...]) -> Program:
    key = ("single", types)
    program = primitive.derived.get(key)
    if program is None:
        # Without lines: calls from everywhere share the program.
        def apply(*args: Any) -> Sequence[Any]:
            result = bind(primitive, *args)
            return result if primitive.multiple_results else (result,)

        program, captures = record(apply, types, name=primitive.name, with_frames=False)
        assert not captures
        primitive.derived[key] = program
    return program


def run_program(
    program: Program,
    args: Sequence[Any],
    captures: Sequence[Any],
    *,
    donated: tuple[bool, ...] = (),
    keep_unused: bool = False,
    compiler_options: tuple[tuple[str, Any], ...] = (),
    device: Any = None,
    in_shardings: Sequence[Any] | None = None,
    out_shardings: Sequence[Any] | None = None,
    input_names: Callable[[], Sequence[str]] | None = None,
) -> tuple[list[Any], Any]:
    """Compile (once) and run a program on concrete flat arguments.

    Args:
        device: where to run; by default where the committed arguments are.
        in_shardings: for each argument how it is laid out, None if as it is; None for
            all.
        out_shardings: for each result how it is laid out, None if the compiler
            chooses; None for all.
        input_names: what the inputs of the program are called in messages.

    Returns:
        The results, and a function from an output tree to the C++ fast path, None when
        C++ must not repeat the call by itself.

    Raises:
        ValueError: arguments are committed to different devices, or laid out otherwise
            than `in_shardings` say.
    """
    from .._lowering import compile_program

    if results_are_checked():
        donated = ()  # the search for a bad value starts from the arguments
    values = [*captures, *args]
    chosen = device is not None
    held = [held_sharding(value) for value in values]
    partition = None
    if not chosen:  # else everything is moved there
        partition = partition_of(
            program, held, in_shardings, out_shardings, input_names
        )
        device = _device_of(held) if partition is None else None
    executable = compile_program(
        program,
        donated=donated,
        keep_unused=keep_unused,
        device=device,
        compiler_options=compiler_options,
        input_names=input_names,
        partition=partition,
    )
    arrays = [
        placed(check_live(value), sharding)
        for value, sharding in zip(values, executable.in_shardings, strict=True)
    ]
    committed = chosen or partition is not None or any(s is not None for s in held)
    outs = executable(arrays, committed)
    check_finite(program, arrays, outs)

    def fast_path(tree: Any) -> Any:
        if results_are_checked() or executable.calls_host:
            return None  # each call is looked at, or waits for its arguments first
        if _given_other_widths(args):
            return None  # each call is converted here
        return _backend.fast_path(
            executable.loaded,
            tree,
            executable.out_types,
            executable.kept,
            captures,
            executable.in_shardings,
            executable.out_shardings,
            committed,
        )

    return outs, fast_path


def results_are_checked() -> bool:
    """Whether `debug_nans` or `debug_infs` is on."""
    return flags.DEBUG_NANS.value or flags.DEBUG_INFS.value


def check_finite(program: Program, args: Sequence[Any], outs: Sequence[Any]) -> None:
    """With `debug_nans` or `debug_infs`, raise for a result that they look for.

    Args:
        args: what the program was called with, captures first.
    """
    if results_are_checked():
        from ._nonfinite import check_results

        check_results(program, args, outs)


def _given_other_widths(args: Sequence[Any]) -> bool:
    """Whether C++ would pass numbers of Python as other dtypes than the program's.

    It goes by the 64-bit setting alone.
    """
    return (
        flags.X64.value
        and flags.DEFAULT_DTYPE_BITS.value == "32"
        and any(isinstance(arg, int | float | complex) for arg in args)
    )


def _device_of(held: Sequence[Any]) -> Any:
    """Where to run: the device that arguments are committed to, else the default one.

    Raises:
        ValueError: arrays are committed to different devices.
    """
    found = None
    for sharding in held:
        if sharding is not None:
            if found is not None and sharding._device != found:
                raise ValueError(
                    f"arguments are committed to different devices: {found} and "
                    f"{sharding._device}. Move one of them with `device_put`."
                )
            found = sharding._device
    return found if found is not None else _backend.default_device()
