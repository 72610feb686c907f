"""Uses of random keys, noted while `debug_key_reuse` is on.

A key is used up by whatever draws numbers from it, or splits it. Programs know only the
words of keys, so uses are noted on these: on concrete arrays, and on the variables of
programs. A part of an array of keys is known by a path of indices from the whole. A use
of a program's input is passed on to the caller's value by whoever records or calls the
program: once for a call, and as an error for a loop, whose every step would repeat it.
"""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._backend import flags
from .._ir import Frame, Program, describe, message, user_frame
from ._trace import Tracer, state


class KeyReuseError(TypeError):
    """A random key was used twice, with `debug_key_reuse`."""


class Use(NamedTuple):
    """One use of (part of) an array of keys.

    Attributes:
        path: indices of the part; empty for the whole.
        what: the function that used it, for messages.
        frame: the user's line.
    """

    path: tuple[Any, ...]
    what: str
    frame: Frame | None

    @property
    def is_static(self) -> bool:
        """Whether the part is the same whenever the program runs."""
        return not any(type(step) is object for step in self.path)


class _Notes:
    """A value for each of some arrays and variables, as long as these live."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, Any]] = {}

    def get(self, owner: Any) -> Any:
        found = self._found.get(id(owner))
        return None if found is None else found[1]

    def set(self, owner: Any, value: Any) -> None:
        key = id(owner)
        reference = weakref.ref(owner, lambda _: self._found.pop(key, None))
        self._found[key] = reference, value


_uses = _Notes()  # of the words of keys: a list of uses
_origins = _Notes()  # of words that are part of others: these, and the path


def key_uses_are_checked() -> bool:
    """Whether uses are noted."""
    return flags.DEBUG_KEY_REUSE.value


def note_part_of_keys(part: Any, whole: Any, *path: Any) -> None:
    """Note that `part` are the keys at `path` in `whole`.

    Args:
        path: integers counted from the front, or something hashable that tells a
            selection from others; an `object()` where it depends on traced values.
    """
    if part is not whole and not isinstance(part, int | float):
        _origins.set(part, (whole, path))


def use_key(words: Any, what: str) -> None:
    """Note that a key is used up.

    Raises:
        KeyReuseError: it was already.
    """
    _use(words, Use((), what, user_frame()))


def key_is_used(words: Any) -> bool:
    """Whether a key has been used up."""
    return _earlier(*_located(words, ())) is not None


def _use(words: Any, use: Use) -> None:
    words, path = _located(words, use.path)
    earlier = _earlier(words, path)
    if earlier is not None:
        raise KeyReuseError(
            message(
                f"{use.what}: the key was used before, by {earlier.what} at "
                f"{describe(earlier.frame)}, so the numbers would be the same, or not "
                "independent.",
                "Make new keys with `random.split` or `random.fold_in`; or, if the "
                "repetition is meant, pass `random.clone(key)`.",
                frame=use.frame,
            )
        )
    noted = _uses.get(words)
    if noted is None:
        _uses.set(words, noted := [])
    noted.append(use._replace(path=path))


def _earlier(words: Any, path: tuple[Any, ...]) -> Use | None:
    """A use of the same part, of what it is part of, or of a part of it."""
    for use in _uses.get(words) or ():
        common = min(len(use.path), len(path))
        if use.path[:common] == path[:common]:
            return use
    return None


def _located(words: Any, path: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Where uses of a part are noted, in the trace that records or runs it."""
    inside = []
    trace: Any = state.trace
    while not trace.keeps_cells and hasattr(trace, "parent"):
        inside.append(trace)
        trace = trace.parent
    while True:
        origin = _origins.get(words)
        if origin is not None:
            words, path = origin[0], (*origin[1], *path)
        elif isinstance(words, Tracer) and words.owner in inside:
            # A batch: all lanes use theirs.
            words, path = words.value, ("each", *path) if path else ()
        elif trace.keeps_cells and not isinstance(words, np.ndarray):
            return trace.lift(words), path
        else:
            # Words of a key that is made while tracing: each call makes it anew.
            return words, path


# ---- programs ------------------------------------------------------------------------


def _uses_of(variable: Any) -> Iterator[Use]:
    for use in _uses.get(variable) or ():
        if use.is_static:
            yield use


def pass_on_key_uses(
    programs: Sequence[Program], values: Sequence[Any], function: str
) -> None:
    """Note the uses of a program's inputs on the values it is called with.

    Args:
        programs: of which one runs, such as branches.
        function: that was called, for messages.
    """
    if not key_uses_are_checked():
        return
    noted: list[tuple[int, Use]] = []
    for program in programs:
        for index, variable in enumerate(program.inputs):
            for use in _uses_of(variable):
                if not any(i == index and _overlap(use, u) for i, u in noted):
                    noted.append((index, use))
    for index, use in noted:
        _use_in(function, values[index], use)


def pass_on_key_uses_of_steps(
    program: Program,
    consts: Sequence[Any],
    carry: Sequence[Any],
    rows: Sequence[Any],
    function: str,
) -> None:
    """`pass_on_key_uses` for a loop.

    Args:
        program: one step, from constants, carry and rows to the next carry (and rows).

    Raises:
        KeyReuseError: each step uses the same key.
    """
    if not key_uses_are_checked():
        return
    inputs = iter(program.inputs)
    for _, variable in zip(consts, inputs, strict=False):
        for use in _uses_of(variable):
            why = "closes over it"
            raise _repeated(function, use, why, "Pass a key for each step as `xs`")
    for value, atom, variable in zip(carry, program.outputs, inputs, strict=False):
        for use in _uses_of(variable):
            _use_in(function, value, use)
            again = _earlier(*_part_of(atom))
            if again is not None:
                why = "carries on a key that it has used"
                raise _repeated(function, again, why, "Carry on a fresh key")
    for value, variable in zip(rows, inputs, strict=False):
        for use in _uses_of(variable):
            path = ("each", *use.path) if use.path else ()
            _use_in(function, value, use._replace(path=path))


def _use_in(function: str, words: Any, use: Use) -> None:
    _use(words, Use(use.path, f"{use.what} in {function}", user_frame()))


def _overlap(a: Use, b: Use) -> bool:
    common = min(len(a.path), len(b.path))
    return a.path[:common] == b.path[:common]


def pass_back_key_uses(program: Program, outs: Sequence[Any]) -> None:
    """Note on the results of a program which of them are keys it has used."""
    if not key_uses_are_checked():
        return
    for atom, out in zip(program.outputs, outs, strict=False):
        use = _earlier(*_part_of(atom))
        if use is not None and out is not atom:
            _uses.set(out, [use._replace(path=())])


def _part_of(words: Any) -> tuple[Any, tuple[Any, ...]]:
    path: tuple[Any, ...] = ()
    while (origin := _origins.get(words)) is not None:
        words, path = origin[0], (*origin[1], *path)
    return words, path


def _repeated(function: str, use: Use, why: str, fix: str) -> KeyReuseError:
    return KeyReuseError(
        message(
            f"{function}: each step would repeat {use.what} at {describe(use.frame)} "
            f"with the same key, because the function {why}.",
            f"{fix} (`random.split`), or use `random.fold_in(key, step)`.",
        )
    )
