"""One warning for a function that is traced again and again by accident.

Tracing for several signatures is what `jit` is for: layers are initialized at their
shapes, a model is compiled for training and for evaluation. An accident looks
different: from call to call *the same one thing* changes, such as the length of a
batch, a number passed as a static argument, or the identity of a static object. So a
retrace is counted under its cause, and only one with a single cause counts at all; the
third under the same cause warns, once for the function. Sizes that are all powers of
two are taken for buckets that somebody chose.

The other accident is to jit a new function object each time, which knows nothing of
what the last one was traced to. It is recognised by equal code and equal closures,
traced for an equal signature, from a line inside a loop.
"""

import dis
import functools
import inspect
import logging
import numbers
import warnings
import weakref
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from .._backend import flags
from .._ir import line_of, message, running_frame, user_frame
from .._tracing import Cell
from ._differences import Difference, differences, nearest
from ._trace_cache import TraceKey

if TYPE_CHECKING:
    from ._jit_function import JitFunction

_WARN_AT = 3
_logger = logging.getLogger(__name__)


class RetraceWarning(UserWarning):
    """A function is traced and compiled again and again for one changing thing.

    `config.update("warn_retraces", False)` or `DOLMEN_WARN_RETRACES=0` turns it off.
    """


def forbid_where_asked(function: "JitFunction", new: TraceKey) -> None:
    """With `no_tracing`, raise; with `explain_cache_misses`, log what is new.

    Raises:
        RuntimeError: the setting `no_tracing` forbids tracing.
    """
    if flags.NO_TRACING.value:
        raise RuntimeError(
            message(
                f"jit of {function.name}: would be traced, {_reason(function, new)}, "
                "but no_tracing is set.",
                "Call it with such arguments once before.",
            )
        )
    if flags.EXPLAIN_CACHE_MISSES.value:
        _logger.warning(
            "%s",
            message(f"jit of {function.name}: is traced, {_reason(function, new)}."),
        )


def _reason(function: "JitFunction", new: TraceKey) -> str:
    old = nearest(new, function.cache.traced)
    if old is None:
        return "for the first time"
    found = differences(function.signature, new, old)
    return f"because {_listed(found)} in the nearest earlier signature"


def watch(function: "JitFunction", new: TraceKey) -> None:
    """Take note of a signature that is about to be traced; warn of an accident."""
    if not flags.WARN_RETRACES.value:
        return
    if function.cache.traced:
        _watch_signatures(function, new)
    else:
        _watch_functions(function, new)


# ---- one function, many signatures -------------------------------------------------


def _watch_signatures(function: "JitFunction", new: TraceKey) -> None:
    if (getattr(function.fun, "__module__", None) or "").startswith("dolmen."):
        return  # a library's function takes the sizes that its users' arrays have
    causes = function.cache.causes
    if None in causes:  # warned already
        return
    old = nearest(new, function.cache.traced)
    assert old is not None
    found = differences(function.signature, new, old)
    cause = _single_cause(found)
    if cause is None:
        return
    seen = causes.setdefault(cause, [])
    seen.append(found[0])
    if len(seen) < _WARN_AT or _are_buckets(cause, seen):
        return
    causes[None] = []
    _warn(
        f"jit of {function.name}: traced and compiled {len(function.cache.traced) + 1} "
        f"times. Compared with the nearest earlier signature, {_listed(found)}.",
        f"{_advice(cause, found[0])} The function's `cache_report()` lists all "
        "signatures; `config.update('warn_retraces', False)` silences this.",
    )


def _listed(found: list[Difference]) -> str:
    text = " and ".join(str(difference) for difference in found[:3])
    return text + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _single_cause(found: list[Difference]) -> Any:
    """What the differences have in common, if one thing explains them all."""
    kinds = {difference.kind for difference in found}
    places = tuple(difference.place for difference in found)
    if kinds == {"static"} and len(found) == 1 and _is_accidental_static(found[0]):
        return "static", places
    if kinds == {"tree"}:
        return ("tree",)
    if kinds != {"type"}:
        return None
    if all(_is_weakness(difference) for difference in found):
        return ("weak type",)
    sizes = {_changed_size(difference) for difference in found}
    return ("size", places) if len(sizes) == 1 and None not in sizes else None


def _is_accidental_static(difference: Difference) -> bool:
    """Whether a number changed, or an object that is equal only to itself.

    A method is traced for each object, as it should be.
    """
    a, b = difference.new, difference.old
    if type(a) is not type(b) or difference.place == "self":
        return False
    if isinstance(a, numbers.Number):
        return not isinstance(a, bool)
    return type(a).__eq__ is object.__eq__ and not isinstance(a, type)


def _is_weakness(difference: Difference) -> bool:
    a, b = difference.new, difference.old
    return (a.shape, a.dtype) == (b.shape, b.dtype)


def _changed_size(difference: Difference) -> tuple[int, int] | None:
    """New and old size of the only axis that changed, or None."""
    a, b = difference.new, difference.old
    if a.dtype != b.dtype or a.ndim != b.ndim:
        return None
    changed = [(m, n) for m, n in zip(a.shape, b.shape, strict=True) if m != n]
    return changed[0] if len(changed) == 1 else None


def _are_buckets(cause: Any, seen: list[Difference]) -> bool:
    if cause[0] != "size":
        return False
    pairs = [_changed_size(difference) for difference in seen]
    return all(n & (n - 1) == 0 for pair in pairs for n in pair or ())


def _advice(cause: Any, difference: Difference) -> str:
    if cause[0] == "size":
        return "Pad the arrays to one size, or to a few such as powers of two."
    if cause[0] == "weak type":
        return (
            "Pass arrays instead of Python numbers (`jnp.float32(x)`), or always one."
        )
    if cause[0] == "tree":
        return "Keep the containers of the arguments the same, with arrays that grow."
    if isinstance(difference.new, numbers.Number):
        return f"Make `{difference.place}` an array argument instead of a static one."
    return (
        f"Make the object passed as `{difference.place}` once, outside the loop, or "
        "give its class `__eq__` and `__hash__`."
    )


# ---- many functions of the same code -----------------------------------------------

# For each code object: what its last function was traced for and closed over, and how
# often that came again; None after the warning.
_by_code: weakref.WeakKeyDictionary[CodeType, Any] = weakref.WeakKeyDictionary()


def _watch_functions(function: "JitFunction", new: TraceKey) -> None:
    code = _user_code(function.fun)
    if code is None:
        return
    _, closure = _code_and_closure(function.fun)
    known = hash((new, function.key))
    if code not in _by_code:
        _by_code[code] = known, closure, 0
        return
    if _by_code[code] is None:
        return
    key, last, count = _by_code[code]
    count = count + 1 if key == known and _alike(closure, last) else 0
    _by_code[code] = known, closure, count
    if count < _WARN_AT or not _called_in_loop():
        return
    _by_code[code] = None
    changed = [name for name in closure if closure[name] != last[name]]
    if changed:
        why = f"each time with another {', '.join(map(repr, changed))}"
        fix = f"Pass {', '.join(map(repr, changed))} as an argument, and"
    else:
        why, fix = "each time as a new function object", "Define the function and"
    _warn(
        f"jit of {function.name}: the same code was traced {count + 1} times for the "
        f"same types of arguments, {why}.",
        f"{fix} call `jit` once, outside the loop. "
        "`config.update('warn_retraces', False)` silences this.",
    )


def _user_code(fun: Any) -> CodeType | None:
    """Code of the user's function inside wrappers; None for one of Dolmen's own."""
    if isinstance(fun, functools.partial):
        return _user_code(fun.func)
    inner = inspect.unwrap(fun)
    if (getattr(inner, "__module__", None) or "").startswith("dolmen."):
        return None
    code = getattr(inner, "__code__", None)
    return code if isinstance(code, CodeType) else None


def _code_and_closure(
    fun: Any, depth: int = 4
) -> tuple[CodeType | None, dict[str, Any]]:
    """Code of a function and what it closed over: numbers, identities of objects.

    Functions in the closure, such as those that `grad` wraps, count by their own code
    and closure, `depth` of them; so do small containers by what they hold.
    """
    if isinstance(fun, functools.partial):
        code, values = _code_and_closure(fun.func, depth)
        bound = {f"argument {i}": value for i, value in enumerate(fun.args)}
        bound |= fun.keywords
        return code, values | {name: _content(v, depth) for name, v in bound.items()}
    code = getattr(fun, "__code__", None)
    if not isinstance(code, CodeType):
        return None, {}
    cells, defaults = map(_in_cell, fun.__closure__ or ()), fun.__defaults__ or ()
    with_default = code.co_varnames[code.co_argcount - len(defaults) :]
    values = dict(zip(code.co_freevars, cells, strict=True))
    values |= dict(zip(with_default, defaults, strict=False))
    values |= fun.__kwdefaults__ or {}
    return code, {name: _content(value, depth) for name, value in values.items()}


def _in_cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _content(value: Any, depth: int) -> Any:
    """What a closure has in common with another that holds an equal value."""
    if type(value) in (int, float, complex):
        return value
    if value is None or type(value) in (str, bool):
        return "value", value
    if depth and isinstance(value, dict | list | tuple) and len(value) < 100:
        items = value.items() if isinstance(value, dict) else value
        return "items", tuple(_content(item, depth - 1) for item in items)
    if depth and isinstance(value, FunctionType):
        code, closure = _code_and_closure(value, depth - 1)
        return "function", id(code), tuple(closure.items())
    is_ref = isinstance(value, Cell)
    if depth and type(value).__module__.startswith("dolmen.") and not is_ref:
        # An object of a transformation.
        names = *getattr(value, "__slots__", ()), *getattr(value, "__dict__", ())
        parts = (_content(getattr(value, name, None), depth - 1) for name in names)
        return type(value), tuple(parts)
    return "object", id(value)


def _alike(closure: dict[str, Any], last: dict[str, Any]) -> bool:
    """Whether two closures hold the same objects, numbers aside."""
    return closure.keys() == last.keys() and all(
        a == b or not (isinstance(a, tuple) or isinstance(b, tuple))
        for a, b in zip(closure.values(), last.values(), strict=True)
    )


def _called_in_loop() -> bool:
    """Whether the call that traces stands in a loop of the user's file."""
    frame = running_frame(user_frame())
    file = frame.f_code.co_filename if frame is not None else None
    while frame is not None and frame.f_code.co_filename == file:
        if _in_loop(frame.f_code, frame.f_lasti):
            return True
        frame = frame.f_back
    return False


def _in_loop(code: CodeType, instruction: int) -> bool:
    """Whether a jump backwards in `code` spans an instruction."""
    return any(
        "JUMP_BACKWARD" in i.opname and i.argval <= instruction < i.offset
        for i in dis.get_instructions(code)
    )


def _warn(problem: str, fix: str) -> None:
    frame = user_frame()
    file, line = ("<unknown>", 0)
    if frame is not None:
        file, line = frame[0].co_filename, line_of(frame)
    warnings.warn_explicit(
        message(problem, fix, frame=frame), RetraceWarning, file, line
    )
