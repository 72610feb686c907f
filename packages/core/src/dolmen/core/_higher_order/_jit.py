"""`jit`: trace once, compile once, and then let C++ repeat the call."""

import functools
import inspect
import itertools
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import _backend
from .._ir import message
from .._tracing import EAGER, state
from .._transforms._trees import name_of
from . import _stages
from ._cache_report import CacheReport
from ._jit_function import JitFunction, Options
from ._placement import Placement, checked_options
from ._signature import Signature
from ._trace_cache import cache_of


def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    in_shardings: Any = None,
    out_shardings: Any = None,
    keep_unused: bool = False,
    device: Any = None,
    backend: str | None = None,
    inline: bool = False,
    compiler_options: Mapping[str, Any] | None = None,
) -> Any:
    """Compile a function: trace it once per signature, then run the executable.

    Args:
        fun: a function of arrays in trees. Without it, `jit` returns a decorator.
        static_argnums: positions of arguments that are not arrays; the function is
            compiled again for each new value. They must be hashable.
        static_argnames: the same by name.
        donate_argnums: positions of arguments whose buffers the results may reuse; the
            arrays passed there are deleted.
        donate_argnames: the same by name.
        in_shardings: how the positional arguments are laid out: a `NamedSharding` over
            a mesh of devices, or a `PartitionSpec` over the current one (`set_mesh`); a
            `SingleDeviceSharding` for one device; or a tree of them, a prefix of the
            arguments. None leaves an argument as it is. What is committed to no device
            yet is laid out so; what is laid out otherwise over a mesh is an error.
        out_shardings: the same for the result; None leaves the layout to the compiler.
        keep_unused: keep arguments nothing depends on as parameters of the executable.
        device: where to run; prefer `in_shardings`, or `device_put` of the arguments.
        backend: name of a platform, whose first device is meant.
        inline: inside another trace, put the operations there rather than a call.
        compiler_options: names and values of options of XLA, for this program only.

    Returns:
        A function with the same arguments, with `trace`, `lower`, `eval_shape`,
        `clear_cache` and `cache_report`.

    Raises:
        TypeError: `fun` is not callable; a number or a name of an argument is no
            integer or string; (at the call) an argument leaf is no array.
        ValueError: `fun` has no such argument; an argument is both static and donated;
            (at the call) a static argument is not hashable, an array is donated and
            passed twice, or a tree of shardings does not fit.

    Example:
        >>> import dolmen.core as dc
        >>> @dc.jit
        ... def double(x):
        ...     return x + x
        >>> double(2.0)
        Array(4., dtype=float32, weak_type=True)
    """
    if fun is None:
        return functools.partial(
            jit,
            static_argnums=static_argnums,
            static_argnames=static_argnames,
            donate_argnums=donate_argnums,
            donate_argnames=donate_argnames,
            in_shardings=in_shardings,
            out_shardings=out_shardings,
            keep_unused=keep_unused,
            device=device,
            backend=backend,
            inline=inline,
            compiler_options=compiler_options,
        )
    if not callable(fun):
        raise TypeError(message(f"jit: expected a function, got {fun!r:.80}."))
    signature = Signature(
        fun, static_argnums, static_argnames, donate_argnums, donate_argnames
    )
    options = Options(
        keep_unused=keep_unused,
        inline=inline,
        compiler_options=checked_options(f"jit of {name_of(fun)}", compiler_options),
    )
    placement = None
    if (in_shardings, out_shardings, device, backend) != (None,) * 4:
        placement = Placement(fun, in_shardings, out_shardings, device, backend)
    function = JitFunction(fun, signature, options, placement=placement)
    function.cache = cache_of(fun, function.key)
    return _dressed(_compiled(function, function.key), function)


def _compiled(function: JitFunction, key: Any, *, eager: bool = False) -> Any:
    """The C++ callable that repeats calls of `function` by itself."""
    signature = function.signature
    return _backend.callable_with_cache(
        function.name,
        function.fun,
        function.on_miss,
        static_argnums=[n for n in signature.static_nums if n >= 0],
        static_argnames=sorted(signature.static_names),
        key=key,
        eager=eager,
    )


def _dressed(made: Any, function: JitFunction) -> Any:
    """The C++ callable with the name, docs and stages of a jitted function."""
    functools.update_wrapper(made, function.fun)
    this = weakref.ref(made)

    def trace(*args: Any, **kwargs: Any) -> _stages.Traced:
        """Trace for these arguments (arrays or descriptions), without running."""
        return _stages.trace(function, *args, **kwargs)

    def lower(*args: Any, **kwargs: Any) -> _stages.Lowered:
        """Trace and translate to StableHLO."""
        return trace(*args, **kwargs).lower()

    def eval_shape(*args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the results, without running."""
        return trace(*args, **kwargs).out_info

    def clear_cache() -> None:
        """Forget what was traced and compiled."""
        function.cache.clear()
        called = this()
        if called is not None:
            called._clear_cache()

    def cache_report() -> CacheReport:
        """What was traced and compiled, and how signatures differ; print it."""
        return CacheReport.of(function)

    made.trace, made.lower, made.eval_shape = trace, lower, eval_shape
    made.clear_cache, made.cache_report = clear_cache, cache_report
    return made


def jit_when_eager(
    *, static_argnames: Sequence[str] = (), static_argnums: Sequence[int] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for array functions: one compiled call when nothing is being traced.

    Inside a trace the function runs as plain Python, so programs hold its primitives
    and no nested calls.
    """

    def decorate(fun: Callable[..., Any]) -> Callable[..., Any]:
        signature = Signature(fun, static_argnums, static_argnames)
        function = JitFunction(
            fun, signature, Options(checked=False, with_frames=False)
        )
        compiled = _compiled(function, "eager", eager=True)

        either = functools.wraps(fun)(_either(fun, compiled, signature))
        # Checkers allow no attributes on functions.
        either.compiled = compiled  # type: ignore[attr-defined]
        return either

    return decorate


def _either(
    fun: Callable[..., Any], compiled: Any, signature: Signature
) -> Callable[..., Any]:
    """`compiled` when nothing is being traced, else `fun`."""
    parameters = list(inspect.signature(fun).parameters.values())
    required = list(itertools.takewhile(_is_required, parameters))
    if len(required) == len(parameters) and len(required) in _OF_COUNT:
        choose = _OF_COUNT[len(required)]
    elif len(required) == 2:
        choose = functools.partial(_either_of_two_and_more, signature=signature)
    else:
        return _either_of_any(fun, compiled, signature)
    either = choose(fun, compiled)
    code = either.__code__
    either.__code__ = code.replace(
        co_varnames=(*[p.name for p in required], *code.co_varnames[len(required) :]),
        co_posonlyargcount=sum(p.kind is p.POSITIONAL_ONLY for p in required),
    )
    return either


def _is_required(parameter: inspect.Parameter) -> bool:
    """Whether every call gives it, by position or, if it has no slash, by name."""
    return parameter.default is parameter.empty and parameter.kind in (
        parameter.POSITIONAL_ONLY,
        parameter.POSITIONAL_OR_KEYWORD,
    )


# Packing arguments into a tuple and a dict and unpacking them again is 6 % of a call of
# `jnp.sin`. So there is one function for each usual number of arguments, whose
# parameters `_either` renames.
#
# C++ refuses static arguments that can't be hashed, such as lists of axes. The function
# itself then takes them, or says what it expects; a `try` costs nothing until it fails.


def _either_of_any(fun: Callable[..., Any], compiled: Any, signature: Signature) -> Any:
    def either(*args: Any, **options: Any) -> Any:
        if state.trace is EAGER:
            try:
                return compiled(*args, **options)
            except ValueError:
                if signature.can_hash(args, options):
                    raise
        return fun(*args, **options)

    return either


def _either_of_one(fun: Callable[..., Any], compiled: Any) -> Any:
    def either(x: Any) -> Any:
        return compiled(x) if state.trace is EAGER else fun(x)

    return either


def _either_of_two(fun: Callable[..., Any], compiled: Any) -> Any:
    def either(x: Any, y: Any) -> Any:
        return compiled(x, y) if state.trace is EAGER else fun(x, y)

    return either


def _either_of_three(fun: Callable[..., Any], compiled: Any) -> Any:
    def either(x: Any, y: Any, z: Any) -> Any:
        return compiled(x, y, z) if state.trace is EAGER else fun(x, y, z)

    return either


def _either_of_two_and_more(
    fun: Callable[..., Any], compiled: Any, signature: Signature
) -> Any:
    any_number = _either_of_any(fun, compiled, signature)

    def either(x: Any, y: Any, *more: Any, **options: Any) -> Any:
        if more or options:
            return any_number(x, y, *more, **options)
        return compiled(x, y) if state.trace is EAGER else fun(x, y)

    return either


_OF_COUNT = {1: _either_of_one, 2: _either_of_two, 3: _either_of_three}
