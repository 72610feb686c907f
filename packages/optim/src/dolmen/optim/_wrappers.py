"""Transformations made of functions or around other transformations."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree
from dolmen.core.flatten_util import ravel_pytree

from ._arguments import check_numbers, described, no_transformation
from ._chain import chain
from ._choosing import either
from ._counts import safe_increment, zero_count
from ._packed import takes_packed
from ._transformation import (
    EmptyState,
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_state,
    init_empty_state,
    with_extra_args_support,
)


def stateless(f: Callable[[Any, Any], Any]) -> GradientTransformation:
    """A transformation without state.

    Args:
        f: from updates and parameters, which may be None, to new updates.

    Example:
        >>> transform = stateless(lambda updates, params: -updates)
        >>> transform.update(2.0, transform.init(None))
        (-2.0, EmptyState())
    """

    def update(
        updates: Any, state: EmptyState, params: Any = None
    ) -> tuple[Any, EmptyState]:
        return f(updates, params), state

    return GradientTransformation(init_empty_state, update)


def stateless_with_tree_map(f: Callable[[Any, Any], Any]) -> GradientTransformation:
    """A transformation without state that does the same to every leaf.

    Args:
        f: from an update and its parameter, or None if there are no parameters, to a
            new update.

    Example:
        >>> decay = stateless_with_tree_map(lambda g, p: g + 0.5 * p)
        >>> decay.update({"w": 1.0}, decay.init(None), {"w": 2.0})
        ({'w': 2.0}, EmptyState())
    """

    def mapped(updates: Any, params: Any) -> Any:
        if params is None:
            return tree.map(lambda g: f(g, None), updates)
        return tree.map(f, updates, params)

    return stateless(mapped)


def named_chain(
    *args: tuple[str, GradientTransformation],
) -> GradientTransformationExtraArgs:
    """`chain` whose state is a dictionary by names.

    Args:
        *args: names and transformations, first to last.

    Raises:
        TypeError: an argument is not a name with a transformation.
        ValueError: two have the same name.

    Example:
        >>> from dolmen import optim
        >>> transform = named_chain(("clip", optim.clip(1.0)), ("sgd", optim.sgd(0.5)))
        >>> transform.init(0.0)["clip"]
        EmptyState()
    """
    for index, pair in enumerate(args):
        if isinstance(pair, GradientTransformation) or not (
            isinstance(pair, tuple | list) and len(pair) == 2
        ):
            raise TypeError(
                extend.error_message(
                    f"named_chain: argument {index} must be a pair of a name and a "
                    f"transformation, got {described(pair)}.",
                    'Write `named_chain(("clip", clip(1.0)), ("adam", adam(1e-3)))`.',
                )
            )
        if not isinstance(pair[1], GradientTransformation):
            raise no_transformation("named_chain", f"part {pair[0]!r}", pair[1])
    names = [name for name, _ in args]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            extend.error_message(
                f"named_chain: names must differ, got {twice[0]!r} twice.",
                "The state of each transformation is found by its name.",
            )
        )
    chained = chain(*(transform for _, transform in args))

    @takes_packed
    def init(params: Any) -> dict[str, Any]:
        return dict(zip(names, chained.init(params), strict=True))

    @takes_packed
    def update(
        updates: Any, state: dict[str, Any], params: Any = None, **extra_args: Any
    ) -> tuple[Any, dict[str, Any]]:
        if not isinstance(state, Mapping) or state.keys() != set(names):
            got = sorted(state) if isinstance(state, Mapping) else described(state)
            raise ValueError(
                extend.error_message(
                    f"named_chain: `state` must be a dict with the names {names}, got "
                    f"{got}.",
                    "Make it with the `init` of this very chain.",
                )
            )
        states = tuple(state[name] for name in names)
        updates, states = chained.update(updates, states, params, **extra_args)
        return updates, dict(zip(names, states, strict=True))

    return GradientTransformationExtraArgs(init, update)


def flatten(inner: GradientTransformation) -> GradientTransformationExtraArgs:
    """Runs a transformation on all elements of the tree as one vector.

    That changes what it does only if it looks at whole leaves. It pays for many small
    leaves on accelerators; here a chain of elementwise transformations needs no such
    help.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> transform = flatten(optim.trace(0.9))
        >>> transform.init({"w": jnp.ones((2, 2)), "b": jnp.ones(1)}).trace.shape
        (5,)
    """
    inner = with_extra_args_support(inner)

    def init(params: Any) -> Any:
        return inner.init(ravel_pytree(params)[0])

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, Any]:
        vector, unravel = ravel_pytree(updates)
        flat_params = None if params is None else ravel_pytree(params)[0]
        vector, state = inner.update(vector, state, flat_params, **extra_args)
        return unravel(vector), state

    return GradientTransformationExtraArgs(init, update)


class LookaheadParams(NamedTuple):
    """Parameters of `lookahead`.

    Attributes:
        fast: those that gradients are taken at.
        slow: those that follow them, for evaluation.

    Example:
        >>> from dolmen import optim
        >>> optim.LookaheadParams.init_synced({"w": 1.0})
        LookaheadParams(fast={'w': 1.0}, slow={'w': 1.0})
    """

    fast: Any
    slow: Any

    @classmethod
    def init_synced(cls, params: Any) -> "LookaheadParams":
        """Both the same, as at the start."""
        return cls(params, params)


class LookaheadState(NamedTuple):
    """State of `lookahead`.

    Attributes:
        fast_state: of the fast optimizer.
        steps_since_sync: steps since slow and fast parameters were equal, an int32
            scalar.

    Example:
        >>> from dolmen import optim
        >>> params = optim.LookaheadParams.init_synced(1.0)
        >>> state = optim.lookahead(optim.sgd(0.1), 5, 0.5).init(params)
        >>> int(state.steps_since_sync)
        0
    """

    fast_state: Any
    steps_since_sync: Any


def lookahead(
    fast_optimizer: GradientTransformation,
    sync_period: int,
    slow_step_size: Any,
    reset_state: bool = False,
) -> GradientTransformationExtraArgs:
    """Lets slow parameters follow those of an optimizer, and restarts it from there.

    Its parameters and updates are `LookaheadParams`; gradients are those of the fast
    parameters.

    Args:
        fast_optimizer: moves the fast parameters in every step.
        sync_period: every so many steps the slow parameters move, and the fast ones
            are set to them.
        slow_step_size: which part of the way to the fast parameters the slow ones go.
        reset_state: start `fast_optimizer` anew whenever that happens.

    Raises:
        ValueError: `sync_period` is less than 1.

    Example:
        >>> from dolmen import optim
        >>> optimizer = lookahead(optim.sgd(1.0), sync_period=2, slow_step_size=0.5)
        >>> params = optim.LookaheadParams.init_synced(0.0)
        >>> state = optimizer.init(params)
        >>> for gradient in (1.0, 1.0):
        ...     updates, state = optimizer.update(gradient, state, params)
        ...     params = optim.apply_updates(params, updates)
        >>> float(params.fast), float(params.slow)
        (-1.0, -1.0)

    Source: Zhang et al. (2019), arXiv:1907.08610.
    """
    check_numbers("lookahead", sync_period=sync_period, slow_step_size=slow_step_size)
    if sync_period < 1:
        raise ValueError(
            extend.error_message(
                f"lookahead: `sync_period` must be at least 1, got {sync_period}.",
                "Pass the number of steps between two moves of the slow parameters.",
            )
        )
    fast_optimizer = with_extra_args_support(fast_optimizer)

    @takes_packed
    def init(params: LookaheadParams) -> LookaheadState:
        _check_pair(params)
        return LookaheadState(fast_optimizer.init(params.fast), zero_count())

    @takes_packed
    def update(
        updates: Any, state: LookaheadState, params: Any = None, **extra_args: Any
    ) -> tuple[LookaheadParams, LookaheadState]:
        _check_pair(params)
        check_state("lookahead", state, LookaheadState)
        updates, fast_state = fast_optimizer.update(
            updates, state.fast_state, params.fast, **extra_args
        )

        def synced() -> tuple[LookaheadParams, Any]:
            slow = tree.map(
                lambda g, fast, slow: slow_step_size * (fast + g - slow),
                updates,
                params.fast,
                params.slow,
            )
            fast = tree.map(
                lambda by, slow, fast: slow + by - fast, slow, params.slow, params.fast
            )
            new = fast_optimizer.init(params.fast) if reset_state else fast_state
            return LookaheadParams(fast, slow), new

        def apart() -> tuple[LookaheadParams, Any]:
            return LookaheadParams(updates, tree.map(jnp.zeros_like, updates)), (
                fast_state
            )

        count = safe_increment(state.steps_since_sync)
        made, fast_state = either(count >= sync_period, synced, apart)
        return made, LookaheadState(fast_state, count % sync_period)

    return GradientTransformationExtraArgs(init, update)


def _check_pair(params: Any) -> None:
    if not isinstance(params, LookaheadParams):
        raise TypeError(
            extend.error_message(
                "lookahead: `params` must be LookaheadParams, got "
                f"{type(params).__name__}.",
                "Make them with `optim.LookaheadParams.init_synced(params)`.",
            )
        )
