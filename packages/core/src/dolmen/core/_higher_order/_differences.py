"""How two signatures of a function differ, argument by argument."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from .._backend import flags
from .._transforms._trees import flatten_with_path
from ._signature import Signature, Static
from ._trace_cache import TraceKey

# Only so many signatures are compared with a new one, the latest.
_MAX_COMPARED = 32

ABSENT = object()


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that differs.

    Attributes:
        kind: `tree`, `type`, `static` or `setting`.
        place: what differs: an argument path, or the name of a static argument.
        new: what it is now; `ABSENT` if it is not there.
        old: what it was.
    """

    kind: str
    place: str
    new: Any
    old: Any

    def __str__(self) -> str:
        if self.kind == "setting":
            return f"{self.place} is {_short(self.new)}, was {_short(self.old)}"
        if self.kind == "tree" and ABSENT not in (self.new, self.old):
            return f"the tree of the arguments is {self.new}, was {self.old}"
        static = "static " if self.kind == "static" else ""
        if self.old is ABSENT:
            return f"{static}`{self.place}` {_short(self.new)} is new"
        if self.new is ABSENT:
            return f"{static}`{self.place}` {_short(self.old)} is gone"
        return f"{static}`{self.place}` is {_short(self.new)}, was {_short(self.old)}"


def _short(value: Any) -> str:
    return f"{value!r:.60}"


def leaf_types(
    signature: Signature, static: Static, tree: Any, types: Sequence[Any]
) -> dict[str, Any]:
    """Type of each dynamic argument leaf by its path."""
    flat = flatten_with_path(tree.unflatten(types))[0]
    return {signature.path_text(static, path): type for path, type in flat}


def differences(signature: Signature, new: TraceKey, old: TraceKey) -> list[Difference]:
    """What makes `new` another signature than `old`."""
    found = _compared("setting", _settings(new), _settings(old))
    found += _compared("static", _statics(signature, new), _statics(signature, old))
    if new.tree == old.tree and new.types == old.types:
        return found
    new_types, old_types = (
        leaf_types(signature, key.static, key.tree, key.types) for key in (new, old)
    )
    if new.tree != old.tree and new_types.keys() == old_types.keys():
        found.append(Difference("tree", "", new.tree, old.tree))
    return found + _compared("type", new_types, old_types)


def _statics(signature: Signature, key: TraceKey) -> dict[str, Any]:
    return {signature.name_of_static(which): value for which, value in key.static}


def _settings(key: TraceKey) -> dict[str, Any]:
    values = flags.trace_settings(key.settings)
    return {f"the setting {name}": value for name, value in values.items()} | {
        "the bound axes": key.axes,
        "the current mesh": key.mesh,
    }


def _compared(kind: str, new: dict[str, Any], old: dict[str, Any]) -> list[Difference]:
    found = []
    for place in {**old, **new}:
        a, b = new.get(place, ABSENT), old.get(place, ABSENT)
        if type(a) is not type(b) or a != b:
            absent = a is ABSENT or b is ABSENT
            what = "tree" if absent and kind == "type" else kind
            found.append(Difference(what, place, a, b))
    return found


def nearest(new: TraceKey, known: Iterable[TraceKey]) -> TraceKey | None:
    """The signature among the latest of `known` that differs least from `new`."""
    latest = list(known)[-_MAX_COMPARED:]
    return min(reversed(latest), key=lambda old: _distance(new, old), default=None)


def _distance(new: TraceKey, old: TraceKey) -> tuple[int, int]:
    statics = sum(
        type(a) is not type(b) or a != b
        for a, b in zip(new.static, old.static, strict=False)
    )
    statics += abs(len(new.static) - len(old.static))
    if new.tree == old.tree:
        types = sum(a is not b for a, b in zip(new.types, old.types, strict=True))
        return 0, statics + types
    return 1, statics + abs(len(new.types) - len(old.types))
