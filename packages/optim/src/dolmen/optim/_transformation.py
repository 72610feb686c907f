"""The one interface: a pair of pure functions, `init` and `update`."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self

from dolmen.core import extend

from ._arguments import described, is_transformation, no_transformation
from ._packed import on_leaves, takes_packed

PyTree = Any
# Names for annotations: trees like the parameters, and values that may change by step.
Params = PyTree
Updates = PyTree
OptState = PyTree
MaskOrFn = Any
Schedule = Callable[[Any], Any]
ScalarOrSchedule = Any


class TransformInitFn(Protocol):
    """Type of `init`: from parameters to the first state.

    Example:
        >>> from dolmen import optim
        >>> init: optim.TransformInitFn = optim.init_empty_state
    """

    def __call__(self, params: PyTree) -> PyTree:
        """The first state."""
        ...


class TransformUpdateFn(Protocol):
    """Type of `update`: from updates and state to new ones.

    Example:
        >>> from dolmen import optim
        >>> update: optim.TransformUpdateFn = optim.scale(2.0).update
    """

    def __call__(
        self, updates: PyTree, state: PyTree, params: PyTree = None
    ) -> tuple[PyTree, PyTree]:
        """New updates and the new state."""
        ...


class TransformUpdateExtraArgsFn(Protocol):
    """Type of the `update` of a transformation that takes more arguments.

    Example:
        >>> from dolmen import optim
        >>> update: optim.TransformUpdateExtraArgsFn = optim.scale_by_polyak().update
    """

    def __call__(
        self, updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, PyTree]:
        """New updates and the new state."""
        ...


class _Functions(NamedTuple):
    init: Callable[[PyTree], PyTree]
    update: Callable[..., tuple[PyTree, PyTree]]


class GradientTransformation(_Functions):
    """A pair of pure functions that turns gradients into better updates.

    Attributes:
        init: from a tree of parameters to the first state.
        update: from `(updates, state, params=None)` to new updates and a new state.
            `params` is needed only by transforms that look at the parameters.

    Example:
        >>> from dolmen import optim
        >>> def init(params):
        ...     return optim.EmptyState()
        >>> def update(updates, state, params=None):
        ...     return {name: -g for name, g in updates.items()}, state
        >>> flip = optim.GradientTransformation(init, update)
        >>> flip.update({"w": 2.0}, flip.init({"w": 1.0}))
        ({'w': -2.0}, EmptyState())
    """

    __slots__ = ()

    def __new__(
        cls,
        init: Callable[[PyTree], PyTree],
        update: Callable[..., tuple[PyTree, PyTree]],
    ) -> Self:
        """Both, made to see the leaves of packed trees unless they take those."""
        return super().__new__(cls, *on_leaves(init, update))


class GradientTransformationExtraArgs(GradientTransformation):
    """A transformation whose `update` also takes keyword arguments.

    `chain` passes them only to the parts that are of this class. Every other part
    ignores them.

    Example:
        >>> from dolmen import optim
        >>> def update(updates, state, params=None, *, loss, **extra_args):
        ...     return updates / loss, state
        >>> by_loss = optim.GradientTransformationExtraArgs(
        ...     optim.init_empty_state, update)
        >>> both = optim.chain(by_loss, optim.scale(-1.0))
        >>> updates, state = both.update(6.0, both.init(0.0), loss=2.0)
        >>> updates
        Array(-3., dtype=float32)
    """


class EmptyState(NamedTuple):
    """State of a transform that remembers nothing.

    Example:
        >>> from dolmen import optim
        >>> optim.scale(2.0).init({"w": 1.0})
        EmptyState()
    """


@takes_packed
def init_empty_state(params: PyTree) -> EmptyState:
    """The `init` of every transform without state.

    Example:
        >>> init_empty_state({"w": 1.0})
        EmptyState()
    """
    del params
    return EmptyState()


@takes_packed
def pass_unchanged(
    updates: PyTree, state: EmptyState, params: PyTree = None
) -> tuple[PyTree, EmptyState]:
    """The `update` of `identity`, by which `chain` recognizes it."""
    return updates, state


def identity() -> GradientTransformation:
    """Returns its updates unchanged.

    Example:
        >>> transform = identity()
        >>> transform.update({"w": 2.0}, transform.init(None))
        ({'w': 2.0}, EmptyState())
    """
    return GradientTransformation(init_empty_state, pass_unchanged)


def with_extra_args_support(
    tx: GradientTransformation,
) -> GradientTransformationExtraArgs:
    """A transformation that takes and ignores extra keyword arguments.

    Raises:
        TypeError: `tx` is not a transformation.

    Example:
        >>> from dolmen import optim
        >>> transform = with_extra_args_support(optim.identity())
        >>> transform.update(2.0, transform.init(None), None, loss=1.0)
        (2.0, EmptyState())
    """
    if isinstance(tx, GradientTransformationExtraArgs):
        return tx
    if not is_transformation(tx):
        raise no_transformation("with_extra_args_support", "tx", tx)

    @functools.wraps(tx.update)
    def update(
        updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, PyTree]:
        return tx.update(updates, state, params)

    if getattr(tx.update, "takes_packed", False):
        takes_packed(update)
    return GradientTransformationExtraArgs(tx.init, update)


def check_state(function: str, state: Any, expected: type) -> None:
    """Raise unless a state is one that this transformation makes.

    Raises:
        TypeError: it is of another type.
    """
    if not isinstance(state, expected):
        raise TypeError(
            extend.error_message(
                f"{function}: `state` must be {expected.__name__}, got "
                f"{described(state)}.",
                "Make it with this transformation's `init`.",
            )
        )
