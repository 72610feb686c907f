"""The Python side of a jitted function: what C++ asks when it has no entry."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from .._backend import ArrayImpl, flags
from .._ir import ArrayType, enter_scope, message
from .._lowering import log_duration
from .._tracing import (
    EAGER,
    AbstractRef,
    Cell,
    Tracer,
    as_array,
    evaluate,
    is_array_like,
    key_uses_are_checked,
    pass_back_key_uses,
    pass_on_key_uses,
    present,
    record_stateful,
    run_program,
    state,
    typeof,
)
from .._transforms._arguments import Callee, call_arguments
from .._transforms._trees import (
    flatten,
    flatten_with_path,
    name_of,
    result_leaves,
)
from . import _retraces
from ._call import call
from ._placement import Placement, constrained_leaves
from ._signature import Signature, Static
from ._trace_cache import TraceCache, TracedFunction, TraceKey, check_aliases


@dataclasses.dataclass(frozen=True)
class Options:
    """How a jitted function is compiled.

    Attributes:
        keep_unused: keep arguments nothing depends on as parameters of the executable.
        inline: inside another trace, put the operations there rather than a call.
        compiler_options: names and values of options of XLA.
        checked: refuse arguments that are no arrays. Not for functions that check for
            themselves.
        watched: warn when it is traced again and again, if also `checked`.
        with_frames: note the user's line of each operation.
    """

    keep_unused: bool = False
    inline: bool = False
    compiler_options: tuple[tuple[str, Any], ...] = ()
    checked: bool = True
    watched: bool = True
    with_frames: bool = True


class JitFunction:
    """A function with its signature, its options and its traces."""

    def __init__(
        self,
        fun: Callable[..., Any],
        signature: Signature,
        options: Options | None = None,
        *,
        placement: Placement | None = None,
        cache: TraceCache | None = None,
    ) -> None:
        self.fun = fun
        self.name = name_of(fun)
        self.signature = signature
        self.options = options or Options()
        self.placement = placement
        self.cache = cache or TraceCache()

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal arguments of `jit` beside the function."""
        where = self.placement.key if self.placement else None
        return (*self.signature.key, self.options, where)

    def on_miss(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Do a call that C++ could not repeat by itself."""
        checked = self.options.checked
        if flags.DISABLE_JIT.value and checked:
            return self.fun(*args, **kwargs), None
        static, dynamic = self.signature.separate(args, kwargs)
        leaves, tree = flatten(dynamic)
        only_arrays = all(map(is_array_like, leaves))
        if not only_arrays:
            if not checked:  # let the function itself say what it expects
                return self.fun(*args, **kwargs), None
            if not all(isinstance(x, Cell) or is_array_like(x) for x in leaves):
                raise self._not_arrays(static, dynamic)
        given = [as_array(leaf) for leaf in leaves]
        found = self.trace(static, tree, tuple(map(type_of, given)))
        found.misses += 1
        in_shardings = self.placement.of_arguments(*dynamic) if self.placement else None
        captures, leaves = found.captures, given
        if found.stateful or not only_arrays:
            check_aliases("jit", found, given, dynamic)
            captures, leaves = present(captures), present(leaves)
        values = [*captures, *leaves]
        checks_keys = key_uses_are_checked()
        if checks_keys:
            pass_on_key_uses([found.program], values, self.name)
        if state.trace is not EAGER and (
            state.trace.staging
            or any(isinstance(v, Tracer) for v in values)
            or found.program.named_axes
        ):
            outs = self._apply(found, values, in_shardings)
            pass_back_key_uses(found.program, outs)
            return found.result(outs, given), None
        donated = self.signature.donated(static, dynamic)
        if donated and not only_arrays:
            donated = found.without_kept_refs(donated, given)
        if donated:
            self._check_donation(static, dynamic, leaves, donated)
            found.donated = donated
            donated = (False,) * len(captures) + donated
        outs, fast_path = run_program(
            found.program,
            leaves,
            captures,
            donated=donated,
            keep_unused=self.options.keep_unused,
            compiler_options=self.options.compiler_options,
            device=self.placement.device if self.placement else None,
            in_shardings=in_shardings,
            out_shardings=found.out_shardings,
            input_names=lambda: self._input_names(found, static, dynamic),
        )
        pass_back_key_uses(found.program, outs)
        result = found.result(outs, given)
        # C++ knows no refs, and would take static arguments counted from the end for
        # dynamic ones.
        if found.stateful or checks_keys or self.signature.counts_from_end:
            return result, None
        return result, fast_path(found.out_tree)

    def _apply(
        self,
        found: TracedFunction,
        values: Sequence[Any],
        in_shardings: Sequence[Any] | None,
    ) -> Sequence[Any]:
        """Put the call into the current trace."""
        if self.options.compiler_options:
            raise ValueError(
                message(
                    f"jit of {self.name}: compiler_options hold for a whole program, "
                    f"but this is called inside another one that is being traced: "
                    f"{dict(self.options.compiler_options)}.",
                    "Give compiler_options to the outermost `jit`.",
                )
            )
        if in_shardings is not None:
            count = len(found.captures)
            laid_out = constrained_leaves(values[count:], in_shardings)
            values = [*values[:count], *laid_out]
        run = evaluate if self.options.inline else call
        return constrained_leaves(run(found.program, values), found.out_shardings)

    def _not_arrays(self, static: Static, dynamic: Any) -> TypeError:
        """The error for argument leaves that are not arrays."""
        wrong = [
            (self.signature.path_text(static, path), path, leaf)
            for path, leaf in flatten_with_path(dynamic)[0]
            if not isinstance(leaf, Cell) and not is_array_like(leaf)
        ]
        lines = [
            f"  `{text}`: {type(leaf).__name__} {leaf!r:.60}" for text, _, leaf in wrong
        ]
        names = {self.signature.path_text(static, path[:2]) for _, path, _ in wrong}
        names |= self.signature.static_names
        advice = "Pass such values as static arguments, or close over them."
        if all(name.isidentifier() for name in names):
            advice = (
                f"Make them static, `static_argnames={tuple(sorted(names))}`, if they "
                "are hashable and seldom change, or close over them."
            )
        return TypeError(
            message(
                f"jit of {self.name}: expected arrays or Python numbers as leaves of "
                "the arguments, got\n" + "\n".join(lines),
                advice,
            )
        )

    # ---- donation ------------------------------------------------------------------

    def _check_donation(
        self,
        static: Static,
        dynamic: Any,
        leaves: Sequence[Any],
        donated: Sequence[bool],
    ) -> None:
        """Raise when an array is donated that is an argument twice."""
        paths: dict[int, list[int]] = {}
        for index, leaf in enumerate(leaves):
            if not isinstance(leaf, ArrayImpl):
                continue  # is copied to the device for each argument
            paths.setdefault(id(leaf), []).append(index)
        for indices in paths.values():
            if len(indices) > 1 and any(donated[index] for index in indices):
                names = self._paths(static, dynamic)
                first, second = (f"`{names[index]}`" for index in indices[:2])
                both = all(donated[index] for index in indices[:2])
                raise ValueError(
                    message(
                        f"jit of {self.name}: {first} and {second} are the same array, "
                        + ("donated twice." if both else "and one of them is donated."),
                        "Pass a copy (`x.copy()`) for one of the arguments.",
                    )
                )

    def _input_names(
        self, found: TracedFunction, static: Static, dynamic: Any
    ) -> list[str]:
        return [""] * len(found.captures) + self._paths(static, dynamic)

    def _paths(self, static: Static, dynamic: Any) -> list[str]:
        """What each dynamic leaf is called."""
        found = flatten_with_path(dynamic)[0]
        return [self.signature.path_text(static, path) for path, _ in found]

    # ---- tracing -------------------------------------------------------------------

    def trace(
        self, static: Static, tree: Any, types: tuple[ArrayType | AbstractRef, ...]
    ) -> TracedFunction:
        """The program of one signature, traced at most once."""
        kinds = tuple(type(value) for _, value in static)
        settings, mesh = flags.trace_key(), flags.current_mesh()
        key = TraceKey(static, kinds, tree, types, settings, state.axes, mesh)
        known = self.cache.traced
        found = known.get(key)
        if found is None or not found.reusable:
            if found is None and self.options.checked:
                _retraces.forbid_where_asked(self, key)
                if self.options.watched:
                    _retraces.watch(self, key)
            outer_scope = enter_scope("")  # the next caller is in another one
            try:
                made = self._trace(static, tree, types)
            finally:
                enter_scope(outer_scope)
            if found is not None:
                made.traces += found.traces
                made.seconds += found.seconds
                made.misses = found.misses
            found = known[key] = made
        return found

    def _trace(
        self, static: Static, tree: Any, types: tuple[ArrayType | AbstractRef, ...]
    ) -> TracedFunction:
        out_tree: Any = None
        out_shardings: list[Any] | None = None
        written: list[int | Cell] = []

        def flat(*tracers: Any) -> Sequence[Any]:
            nonlocal out_tree, out_shardings
            values = [
                type.stand_in(tracer) if isinstance(type, AbstractRef) else tracer
                for type, tracer in zip(types, tracers, strict=True)
            ]
            args, kwargs = tree.unflatten(values)
            if self.placement is not None:  # errors come before those of the function
                self.placement.of_arguments(args, kwargs)
            result = self.signature.call(static, args, kwargs)
            leaves, out_tree = result_leaves(self.signature.transform, self.fun, result)
            if self.placement is not None:
                out_shardings = self.placement.of_result(result)
            last = present(values)
            written.extend(i for i, t in enumerate(tracers) if last[i] is not t)
            return [*leaves, *(last[i] for i in written if isinstance(i, int))]

        inner = [t.inner_aval if isinstance(t, AbstractRef) else t for t in types]
        # What messages need; the program keeps it, so it must not keep more.
        callee, static_names = Callee(self.fun), self.signature.static_names
        positions = [which for which, _ in static if isinstance(which, int)]
        started = time.perf_counter()
        program, captures, cells = record_stateful(
            flat,
            inner,
            name=self.name,
            # Array functions are shared by callers from everywhere.
            with_frames=self.options.with_frames,
            arguments=lambda inputs: call_arguments(
                callee,
                tree.unflatten(inputs),
                positions,
                sorted(static_names),
            ),
        )
        log_duration("tracing", self.name, started)
        if out_shardings is not None:  # what follows are new values of refs
            rest = len(program.outputs) - len(out_shardings)
            out_shardings += [None] * rest
        made = TracedFunction(
            program, captures, out_tree, self.name, [*written, *cells], out_shardings
        )
        made.seconds = time.perf_counter() - started
        return made


def type_of(leaf: Any) -> ArrayType | AbstractRef:
    """Type of an argument leaf, which may be a ref."""
    return leaf.aval if isinstance(leaf, Cell) else typeof(leaf)
