"""`jit`: trace once, compile once, and then let C++ repeat the call."""

import functools
import inspect
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from .. import _backend
from .._backend import flags
from .._ir import ArrayType, Program, message
from .._lowering import log_duration
from .._tracing import (
    EAGER,
    AbstractRef,
    Cell,
    Tracer,
    as_array,
    is_array_like,
    present,
    record_stateful,
    run_program,
    state,
    typeof,
    write_back,
)
from .._transforms._arguments import Callee, call_arguments
from .._transforms._trees import (
    call_path,
    flatten,
    flatten_with_path,
    name_of,
    not_arrays,
    result_leaves,
)
from ._call import call
from ._shape_struct import open_descriptions


class TracedFunction:
    """What one signature of a function was traced to.

    Attributes:
        captures: what it closed over, arrays and refs.
        written: the refs it writes to, those among the arguments by their number; their
            last values are the last results of the program.
    """

    __slots__ = ("captures", "name", "out_tree", "program", "stateful", "written")

    def __init__(
        self,
        program: Program,
        captures: list[Any],
        out_tree: Any,
        name: str,
        written: Sequence[int | Cell] = (),
    ) -> None:
        self.program = program
        self.captures = captures
        self.out_tree = out_tree
        self.name = name
        self.written = written
        # Arguments that are refs don't count: they are seen in the call.
        self.stateful = bool(written) or any(isinstance(c, Cell) for c in captures)

    @property
    def reusable(self) -> bool:
        """Whether the values it closed over are still there."""
        return not any(
            isinstance(c, Tracer | Cell) and c.owner.finished for c in self.captures
        )

    def result(self, outs: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """The result tree, after the refs have got their new values.

        Args:
            leaves: of the arguments, with the refs among them.
        """
        if not self.written:
            return self.out_tree.unflatten(outs)
        count = self.out_tree.num_leaves
        refs = [leaves[w] if isinstance(w, int) else w for w in self.written]
        write_back(refs, outs[count:])
        return self.out_tree.unflatten(outs[:count])


class Signature:
    """Which arguments of a function are static or donated."""

    def __init__(
        self,
        fun: Callable[..., Any],
        static_argnums: Any,
        static_argnames: Any,
        donate_argnums: Any,
        donate_argnames: Any,
    ) -> None:
        self.fun = fun
        parameters = _parameters(fun)
        self.static_nums, self.static_names = _resolve(
            fun, parameters, static_argnums, static_argnames, "static"
        )
        self.donate_nums, self.donate_names = _resolve(
            fun, parameters, donate_argnums, donate_argnames, "donate"
        )

    def separate(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Static part (hashable) and dynamic `(args, kwargs)` of a call.

        Raises:
            ValueError: a static argument is not hashable.
        """
        nums = {n % len(args) for n in self.static_nums if -len(args) <= n < len(args)}
        static: list[tuple[Any, Any]] = []
        if not nums and not self.static_names:
            return (), (tuple(args), kwargs)
        dynamic_args = []
        for index, arg in enumerate(args):
            if index in nums:
                static.append((index, self._hashable(index, arg)))
            else:
                dynamic_args.append(arg)
        dynamic_kwargs = {}
        for key in sorted(kwargs):
            if key in self.static_names:
                static.append((key, self._hashable(key, kwargs[key])))
            else:
                dynamic_kwargs[key] = kwargs[key]
        return tuple(static), (tuple(dynamic_args), dynamic_kwargs)

    def _hashable(self, which: Any, value: Any) -> Hashable:
        try:
            hash(value)
        except TypeError:
            advice = "Pass a tuple instead of a list, or make the argument dynamic."
            raise ValueError(
                message(
                    f"jit of {name_of(self.fun)}: static argument {which!r} must be "
                    f"hashable, got {type(value).__name__}: {value!r:.60}.",
                    advice,
                )
            ) from None
        return value

    def call(self, static: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function with the static arguments put back."""
        if not static:
            return self.fun(*args, **kwargs)
        full, rest = list(args), dict(kwargs)
        for which, value in static:
            if isinstance(which, int):
                full.insert(which, value)
            else:
                rest[which] = value
        return self.fun(*full, **rest)

    def donated(self, static: Any, dynamic: Any) -> tuple[bool, ...]:
        """For each leaf of the dynamic arguments whether its buffer is given away."""
        if not self.donate_nums and not self.donate_names:
            return ()
        args, kwargs = dynamic
        statics = {which for which, _ in static if isinstance(which, int)}
        total = len(args) + len(statics)
        positions = [i for i in range(total) if i not in statics]
        nums = {n % total for n in self.donate_nums if -total <= n < total}
        mask: list[bool] = []
        for position, arg in zip(positions, args, strict=True):
            mask += [position in nums] * len(flatten(arg)[0])
        for key in sorted(kwargs):
            mask += [key in self.donate_names] * len(flatten(kwargs[key])[0])
        return tuple(mask)


def _parameters(fun: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return []


def _resolve(
    fun: Callable[..., Any],
    parameters: list[inspect.Parameter],
    nums: Any,
    names: Any,
    what: str,
) -> tuple[tuple[int, ...], frozenset[str]]:
    """Numbers and names of the same arguments, whichever of the two was given."""
    numbers = [] if nums is None else [nums] if isinstance(nums, int) else list(nums)
    named = [] if names is None else [names] if isinstance(names, str) else list(names)
    positional = [
        p.name
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in parameters) or not parameters
    known = {p.name for p in parameters}
    for name in named:
        if name not in known and not accepts_any:
            raise ValueError(
                message(
                    f"jit of {name_of(fun)}: {what}_argnames names {name!r}, but the "
                    "function has the parameters "
                    f"({', '.join(known and [p.name for p in parameters])})."
                )
            )
    accepts_more = any(p.kind is p.VAR_POSITIONAL for p in parameters) or not parameters
    for number in numbers:
        if not accepts_more and not -len(positional) <= number < len(positional):
            raise ValueError(
                message(
                    f"jit of {name_of(fun)}: {what}_argnums={number}, but the function "
                    f"has {len(positional)} positional parameters."
                )
            )
    by_number = {
        positional[n] for n in numbers if -len(positional) <= n < len(positional)
    }
    by_name = {positional.index(name) for name in named if name in positional}
    return tuple(sorted({*numbers, *by_name})), frozenset(by_number | set(named))


class JitFunction:
    """The Python side of a jitted function: what C++ asks when it has no entry."""

    def __init__(
        self,
        fun: Callable[..., Any],
        signature: Signature,
        *,
        keep_unused: bool = False,
        inline: bool = False,
        checked: bool = True,
    ) -> None:
        self.fun = fun
        self.name = name_of(fun)
        self.signature = signature
        self.keep_unused = keep_unused
        self.inline = inline
        self.checked = checked
        self.traced: dict[Any, TracedFunction] = {}

    def on_miss(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Do a call that C++ could not repeat by itself."""
        if flags.DISABLE_JIT.value and self.checked:
            return self.fun(*args, **kwargs), None
        static, dynamic = self.signature.separate(args, kwargs)
        leaves, tree = flatten(dynamic)
        only_arrays = all(map(is_array_like, leaves))
        if not only_arrays:
            if not self.checked:  # let the function itself say what it expects
                return self.fun(*args, **kwargs), None
            if not all(isinstance(x, Cell) or is_array_like(x) for x in leaves):
                raise not_arrays("jit", self.fun, dynamic)
        given = [as_array(leaf) for leaf in leaves]
        found = self.trace(static, tree, tuple(map(_type_of, given)))
        captures, leaves = found.captures, given
        if found.stateful or not only_arrays:
            self._check_aliases(found, given, dynamic)
            captures, leaves = present(captures), present(leaves)
        values = [*captures, *leaves]
        if state.trace is not EAGER and (
            state.trace.staging
            or any(isinstance(v, Tracer) for v in values)
            or found.program.named_axes
        ):
            return found.result(self._apply(found, values), given), None
        donated = self.signature.donated(static, dynamic)
        if donated:
            donated = (False,) * len(captures) + donated
            self._check_donation(leaves, donated[len(captures) :])
        outs, fast_path = run_program(
            found.program,
            leaves,
            captures,
            donated=donated,
            keep_unused=self.keep_unused,
        )
        result = found.result(outs, given)
        # C++ does not know refs.
        return result, None if found.stateful else fast_path(found.out_tree)

    def _apply(self, found: TracedFunction, values: Sequence[Any]) -> Sequence[Any]:
        """Put the call into the current trace."""
        if self.inline:
            from .._tracing import evaluate

            return evaluate(found.program, values)
        return call(found.program, values)

    def _check_aliases(
        self, found: TracedFunction, leaves: Sequence[Any], dynamic: Any
    ) -> None:
        """Raise if a ref comes twice: a write to one would miss the other."""
        seen = {id(c): "closed over" for c in found.captures if isinstance(c, Cell)}
        for index, leaf in enumerate(leaves):
            if not isinstance(leaf, Cell):
                continue
            path = call_path(flatten_with_path(dynamic)[0][index][0])
            if id(leaf) in seen:
                raise ValueError(
                    message(
                        f"jit of {self.name}: the same ref {leaf.type!r} is passed as "
                        f"{path} and {seen[id(leaf)]}.",
                        "Pass it once, and use only that argument.",
                    )
                )
            seen[id(leaf)] = f"as {path}"

    def _check_donation(self, leaves: Sequence[Any], donated: Sequence[bool]) -> None:
        given = [id(x) for x, d in zip(leaves, donated, strict=True) if d]
        if len(set(given)) < len(given):
            raise ValueError(
                message(
                    f"jit of {self.name}: the same array is donated twice.",
                    "Pass a copy (`x.copy()`) for one of the arguments.",
                )
            )

    def trace(
        self, static: Any, tree: Any, types: tuple[ArrayType | AbstractRef, ...]
    ) -> TracedFunction:
        """The program of one signature, traced at most once."""
        # 1, 1.0 and True are equal, but not the same static argument.
        kinds = tuple(type(value) for _, value in static)
        key = (static, kinds, tree, types, flags.trace_key(), state.axes)
        found = self.traced.get(key)
        if found is None or not found.reusable:
            found = self.traced[key] = self._trace(static, tree, types)
        return found

    def _trace(
        self, static: Any, tree: Any, types: tuple[ArrayType | AbstractRef, ...]
    ) -> TracedFunction:
        out_tree: Any = None
        written: list[int | Cell] = []

        def flat(*tracers: Any) -> Sequence[Any]:
            nonlocal out_tree
            values = [
                type.stand_in(tracer) if isinstance(type, AbstractRef) else tracer
                for type, tracer in zip(types, tracers, strict=True)
            ]
            args, kwargs = tree.unflatten(values)
            result = self.signature.call(static, args, kwargs)
            leaves, out_tree = result_leaves("jit", self.fun, result)
            last = present(values)
            written.extend(i for i, t in enumerate(tracers) if last[i] is not t)
            return [*leaves, *(last[i] for i in written if isinstance(i, int))]

        callee, static_names = Callee(self.fun), self.signature.static_names
        inner = [t.inner_aval if isinstance(t, AbstractRef) else t for t in types]
        started = time.perf_counter()
        program, captures, cells = record_stateful(
            flat,
            inner,
            name=self.name,
            arguments=lambda inputs: call_arguments(
                callee,
                tree.unflatten(inputs),
                [which for which, _ in static if isinstance(which, int)],
                sorted(static_names),
            ),
        )
        log_duration("tracing", self.name, started)
        return TracedFunction(
            program, captures, out_tree, self.name, [*written, *cells]
        )

    def trace_call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Trace for arguments that may be descriptions of arrays.

        Returns:
            The traced function, the tree and the mask of donated leaves.
        """
        static, dynamic = self.signature.separate(args, kwargs)
        dynamic = open_descriptions(dynamic)
        leaves, tree = flatten(dynamic)
        types = tuple(map(_type_of_description, leaves))
        found = self.trace(static, tree, types)
        return found, tree, self.signature.donated(static, dynamic)


def _type_of(leaf: Any) -> ArrayType | AbstractRef:
    return leaf.aval if isinstance(leaf, Cell) else typeof(leaf)


def _type_of_description(leaf: Any) -> ArrayType | AbstractRef:
    if isinstance(leaf, Cell):
        return leaf.aval
    if is_array_like(leaf):
        return typeof(leaf)
    if hasattr(leaf, "as_type"):
        return leaf.as_type()
    return typeof(leaf)


# Functions that were jitted before keep their traces, so `jit(f)(x)` in a loop traces
# once.
_functions: weakref.WeakKeyDictionary[Any, dict[Any, JitFunction]] = (
    weakref.WeakKeyDictionary()
)


def _shared(fun: Callable[..., Any], key: Any, make: Callable[[], JitFunction]) -> Any:
    try:
        known = _functions.setdefault(fun, {})
    except TypeError:  # not hashable or not weakly referable
        return make()
    if key not in known:
        known[key] = make()
    return known[key]


def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    keep_unused: bool = False,
    inline: bool = False,
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
        keep_unused: keep arguments nothing depends on as parameters of the executable.
        inline: inside another trace, put the operations there rather than a call.

    Returns:
        A function with the same arguments, with `trace`, `lower`, `eval_shape` and
        `clear_cache`.

    Raises:
        TypeError: (at the call) an argument leaf is no array; the message names it.
        ValueError: a static argument is not hashable.

    Example:
        >>> import dolmen.core as dc
        >>> @dc.jit
        ... def double(x):
        ...     return x + x
        >>> double(2.0)
        Array(4., dtype=float32, weak_type=True)
    """
    options: dict[str, Any] = {
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
        "donate_argnums": donate_argnums,
        "donate_argnames": donate_argnames,
        "keep_unused": keep_unused,
        "inline": inline,
    }
    if fun is None:
        return functools.partial(jit, **options)
    if not callable(fun):
        raise TypeError(message(f"jit: expected a function, got {fun!r:.80}."))
    signature = Signature(
        fun, static_argnums, static_argnames, donate_argnums, donate_argnames
    )
    key = (
        signature.static_nums,
        signature.static_names,
        signature.donate_nums,
        signature.donate_names,
        keep_unused,
        inline,
    )
    shared = _shared(
        fun,
        key,
        lambda: JitFunction(fun, signature, keep_unused=keep_unused, inline=inline),
    )
    made = _backend.callable_with_cache(
        name_of(fun),
        fun,
        shared.on_miss,
        static_argnums=[n for n in signature.static_nums if n >= 0],
        static_argnames=sorted(signature.static_names),
        key=key,
    )
    return _dressed(made, fun, shared)


def _dressed(made: Any, fun: Callable[..., Any], shared: JitFunction) -> Any:
    """The C++ callable with the name, docs and stages of a jitted function."""
    from . import _stages

    functools.update_wrapper(made, fun)
    made.trace = functools.partial(_stages.trace, shared)
    made.lower = lambda *args, **kwargs: made.trace(*args, **kwargs).lower()
    made.eval_shape = lambda *args, **kwargs: made.trace(*args, **kwargs).out_info

    def clear_cache() -> None:
        shared.traced.clear()
        made._clear_cache()

    made.clear_cache = clear_cache
    return made


def jit_when_eager(
    *, static_argnames: Sequence[str] = (), static_argnums: Sequence[int] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for array functions: one compiled call when nothing is being traced.

    Inside a trace the function runs as plain Python, so programs hold its primitives
    and no nested calls.
    """

    def decorate(fun: Callable[..., Any]) -> Callable[..., Any]:
        signature = Signature(fun, static_argnums, static_argnames, None, None)
        function = JitFunction(fun, signature, checked=False)
        compiled = _backend.callable_with_cache(
            name_of(fun),
            fun,
            function.on_miss,
            static_argnums=[n for n in signature.static_nums if n >= 0],
            static_argnames=sorted(signature.static_names),
            key="eager",
            eager=True,
        )

        @functools.wraps(fun)
        def either(*args: Any, **kwargs: Any) -> Any:
            if state.trace is EAGER:
                return compiled(*args, **kwargs)
            return fun(*args, **kwargs)

        # Checkers allow no attributes on functions.
        either.compiled = compiled  # type: ignore[attr-defined]
        return either

    return decorate
