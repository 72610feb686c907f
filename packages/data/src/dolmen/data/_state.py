"""The state of an iterator: a step, and which pipeline it is a step of."""

import hashlib
import operator
from collections.abc import Sequence
from typing import Any

_STATE_KEYS = {"step", "at", "pipeline", "hash"}
# Keeps the JSON form below 200 bytes.
_LONGEST_PIPELINE = 80


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
        "Build the pipeline that it was saved by, or go to the same step of this one "
        f"with `set_state({{'step': {step}}})`."
    )


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
    return hashlib.blake2b("\n".join(pipeline).encode(), digest_size=8).hexdigest()


def _shorten(pipeline: list[str]) -> str:
    text = " > ".join(pipeline).encode("ascii", "replace").decode()
    if len(text) <= _LONGEST_PIPELINE:
        return text
    half = (_LONGEST_PIPELINE - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
