"""Named axes: what `vmap` (or a mesh) calls the axis that a function does not see.

Two facts hold while code runs, both per thread. The *bound* axes are those a user's
function may name in a collective operation. The *batched* axis is the one that a batch
rule is being asked to remove: rules of operations that hold programs need it, because
an operation inside may name it. Whoever keeps a rule for later keeps both facts with
`keeping_axes`.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from .._backend import flags
from .._ir import message
from ._trace import state


@dataclasses.dataclass(frozen=True, slots=True)
class NamedAxis:
    """An axis that is mapped over.

    Attributes:
        name: what collectives call it; None if they can't.
        size: its length.
        spmd_name: the mesh axis (or axes) it is partitioned over, None for none.
        varies: whether types say which values vary over it, as in `shard_map`.
    """

    name: Hashable
    size: int
    spmd_name: Any = None
    varies: bool = False

    def __repr__(self) -> str:
        return f"{self.name!r} (size {self.size})"


def bound_axes() -> tuple[NamedAxis, ...]:
    """The named axes of this place, outermost first."""
    return state.axes


def batched_axis() -> NamedAxis | None:
    """The axis whose batch rule is running."""
    return state.batched


@contextlib.contextmanager
def binding_axes(axes: tuple[NamedAxis, ...]) -> Iterator[None]:
    """Inside the block these axes are bound too."""
    outer = state.axes
    _set_bound((*outer, *axes))
    try:
        yield
    finally:
        _set_bound(outer)


def _set_bound(axes: tuple[NamedAxis, ...]) -> None:
    state.axes = axes
    # A compiled call must not take the fast path that it took among other axes.
    flags.set_bound_axes(axes)


def keeping_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, to be called later as if it were now."""
    axes, batched = state.axes, state.batched

    @functools.wraps(function)
    def later(*args: Any, **kwargs: Any) -> Any:
        outer = state.axes, state.batched
        _set_bound(axes)
        state.batched = batched
        try:
            return function(*args, **kwargs)
        finally:
            _set_bound(outer[0])
            state.batched = outer[1]

    return later


def find_axis(function: str, name: Hashable) -> NamedAxis:
    """The innermost bound axis of that name.

    Raises:
        NameError: there is none; the message lists those there are.
    """
    for axis in reversed(state.axes):
        if axis.name == name:
            return axis
    raise unbound_axis(function, name)


def unbound_axis(function: str, name: Hashable) -> NameError:
    """The error for a name that nothing binds."""
    have = ", ".join(map(repr, state.axes)) or "none"
    return NameError(
        message(
            f"{function}: axis name {name!r} is not bound; the bound axes are: {have}.",
            f"Call the function under `vmap(..., axis_name={name!r})`.",
        )
    )
