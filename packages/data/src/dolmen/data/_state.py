"""The state of an iterator: a step, and which pipeline it is a step of."""

import hashlib
import itertools
import operator
from collections.abc import Sequence
from typing import Any

_STATE_KEYS = {"step", "at", "pipeline", "hash"}
# Keep the JSON form below 200 bytes.
_LONGEST_PIPELINE = 64
_HASH_DIGITS = 12
# Of so many operations a digest is kept, which tells where pipelines differ.
_OPERATIONS_TOLD = 10


def to_state(step: int, position: Sequence[int], pipeline: list[str]) -> dict[str, Any]:
    """A dictionary of integers, strings and lists of integers."""
    state: dict[str, Any] = {"step": step}
    if list(position) != [step]:
        state["at"] = list(position)
    return state | {"pipeline": _shorten(pipeline), "hash": _hash(pipeline)}


def from_state(state: Any, pipeline: list[str]) -> tuple[int, list[Any]]:
    """Step and position of a state that was saved by this very pipeline.

    Raises:
        TypeError: `state` is no dictionary or its numbers are no integers.
        ValueError: `state` belongs to another pipeline or is no state at all.
    """
    if not isinstance(state, dict):
        raise TypeError(
            "set_state: `state` must be the dictionary that `get_state` returned, "
            f"got {type(state).__name__}."
        )
    is_complete = "step" in state and ("at" not in state or "hash" in state)
    if not is_complete or not state.keys() <= _STATE_KEYS:
        raise ValueError(
            "set_state: `state` must have the keys of `get_state` (step, pipeline, "
            f"hash and perhaps at), got {', '.join(map(str, state)) or 'none'}."
        )
    step = _natural("step", state["step"])
    if "hash" in state and state["hash"] != _hash(pipeline):
        raise ValueError(_difference(state, step, pipeline))
    position = [
        # The state of an iterator of the user's own is whatever that one makes it.
        part if isinstance(part, dict) else _natural("at", part)
        for part in state.get("at", [step])
    ]
    return step, position


def _difference(state: dict[str, Any], step: int, pipeline: list[str]) -> str:
    return (
        "set_state: `state` was saved by another pipeline:\n"
        f"  saved: {state.get('pipeline', 'unknown')}\n"
        f"  here:  {_shorten(pipeline)}\n"
        f"{_first_change(state['hash'], pipeline)}"
        "Build the pipeline that it was saved by, or go to the same step of this one "
        f"with `set_state({{'step': {step}}})`."
    )


def _first_change(saved: Any, pipeline: list[str]) -> str:
    """Names the first operation that differs, if that can't be seen above."""
    if _shorten(pipeline) == " > ".join(pipeline) or not isinstance(saved, str):
        return ""
    digests = saved[_HASH_DIGITS:]
    before = [digests[i : i + 2] for i in range(0, len(digests), 2)]
    here = _digests(pipeline)
    pairs = itertools.zip_longest(before, here)
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), len(here))
    if first >= len(pipeline):
        return f"  There were more operations than the {len(pipeline)} here.\n"
    return f"  They differ from operation {first} on, here {pipeline[first]}.\n"


def _natural(key: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"set_state: `state[{key!r}]` must hold integers, got "
            f"{type(value).__name__} {value!r}."
        ) from None
    if number < 0:
        raise ValueError(
            f"set_state: `state[{key!r}]` must not be negative, got {number}."
        )
    return number


def _hash(pipeline: list[str]) -> str:
    whole = hashlib.blake2b("\n".join(pipeline).encode(), digest_size=_HASH_DIGITS // 2)
    return whole.hexdigest() + "".join(_digests(pipeline))


def _digests(pipeline: list[str]) -> list[str]:
    """Two digits for each of the first operations."""
    told = pipeline[:_OPERATIONS_TOLD]
    return [hashlib.blake2b(op.encode(), digest_size=1).hexdigest() for op in told]


def _shorten(pipeline: list[str]) -> str:
    text = " > ".join(pipeline).encode("ascii", "replace").decode()
    if len(text) <= _LONGEST_PIPELINE:
        return text
    half = (_LONGEST_PIPELINE - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
