"""Hyperparameters in the state, where they can be read and changed."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._arguments import check_schedule, described
from .._counts import safe_increment, zero_count
from .._packed import takes_packed
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_state,
    with_extra_args_support,
)
from .._trees import is_inexact, type_or_none
from ._stateful import StatefulSchedule, WrappedSchedule


class InjectStatefulHyperparamsState(NamedTuple):
    """State of a transformation made with `inject_hyperparams`.

    Attributes:
        count: steps done, an int32 scalar.
        hyperparams: dict of the numbers; of schedules, the value used last.
        hyperparams_states: dict of the states of the schedules.
        inner_state: state of the inner transformation.

    Example:
        >>> from dolmen import optim
        >>> optim.inject_hyperparams(optim.sgd)(learning_rate=0.5).init(0.0).hyperparams
        {'learning_rate': Array(0.5, dtype=float32)}
    """

    count: Any
    hyperparams: dict[str, Any]
    hyperparams_states: dict[str, Any]
    inner_state: Any


# From before schedules could have states.
InjectHyperparamsState = InjectStatefulHyperparamsState


def inject_hyperparams(
    inner_factory: Callable[..., GradientTransformation],
    static_args: str | Sequence[str] = (),
    hyperparam_dtype: Any = None,
) -> Callable[..., GradientTransformationExtraArgs]:
    """Moves the numeric arguments of an optimizer into its state.

    Changing ``state.hyperparams[...]`` between steps changes the optimizer without
    compiling anew.

    Args:
        inner_factory: such as `adamw`.
        static_args: names of arguments that stay as they are. Booleans, None and
            anything that is neither number nor schedule always do.
        hyperparam_dtype: of floating-point numbers; by default the widest of the
            parameters, but at least float32.

    Returns:
        A function with the signature of `inner_factory`. Callable arguments are
        schedules, evaluated at ``count``, from 0 on; a `StatefulSchedule` is also given
        the extra arguments of the optimizer's `update`.

    Raises:
        TypeError: `inner_factory` is not a function.
        ValueError: `static_args` names no argument of `inner_factory`.

    Example:
        >>> from dolmen import optim
        >>> optimizer = inject_hyperparams(optim.sgd)(learning_rate=0.5)
        >>> state = optimizer.init(0.0)
        >>> state.hyperparams["learning_rate"] = 2.0
        >>> optimizer.update(1.0, state)[0]
        Array(-2., dtype=float32)
    """
    if not callable(inner_factory):
        raise TypeError(
            extend.error_message(
                "inject_hyperparams: `inner_factory` must be a function that makes a "
                f"transformation, got {described(inner_factory)}.",
                "Give the arguments to what it returns: "
                "`inject_hyperparams(adam)(learning_rate=0.1)`.",
            )
        )
    static = {static_args} if isinstance(static_args, str) else set(static_args)
    signature = inspect.signature(inner_factory)
    unknown = static - set(signature.parameters)
    if unknown:
        raise ValueError(
            extend.error_message(
                "inject_hyperparams: `static_args` must name arguments of "
                f"`inner_factory`, got {sorted(unknown)}; it has "
                f"{list(signature.parameters)}."
            )
        )

    @functools.wraps(inner_factory)
    def factory(*args: Any, **kwargs: Any) -> GradientTransformationExtraArgs:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        for k, v in given.items():
            if k not in static and callable(v) and not isinstance(v, StatefulSchedule):
                check_schedule(_name_of(inner_factory), k, v)
        schedules = {
            k: v if isinstance(v, StatefulSchedule) else WrappedSchedule(v)
            for k, v in given.items()
            if k not in static and callable(v)
        }
        numbers = {k: v for k, v in given.items() if k not in static and _is_number(v)}
        rest = {
            k: v for k, v in given.items() if k not in schedules and k not in numbers
        }

        def current(
            states: Any, numbers: dict[str, Any], params: Any, extra_args: Any
        ) -> dict[str, Any]:
            dtype = hyperparam_dtype or _widest(params)
            values = {k: f(states[k], **extra_args) for k, f in schedules.items()}
            merged = {**numbers, **values}
            return {k: _as_hyperparam(merged[k], dtype) for k in given if k in merged}

        def inner(hyperparams: dict[str, Any]) -> GradientTransformationExtraArgs:
            return with_extra_args_support(inner_factory(**rest, **hyperparams))

        @takes_packed
        def init(params: Any) -> InjectStatefulHyperparamsState:
            states = {k: schedule.init() for k, schedule in schedules.items()}
            hyperparams = current(states, numbers, params, {})
            return InjectStatefulHyperparamsState(
                zero_count(), hyperparams, states, inner(hyperparams).init(params)
            )

        # Eager steps are compiled as a whole: the inner transformation, made anew in
        # every step, would compile its own parts anew in every step.
        def inner_update(
            hyperparams: Any, updates: Any, state: Any, params: Any, extra: Any
        ) -> tuple[Any, Any]:
            return inner(hyperparams).update(updates, state, params, **extra)

        step = dc.jit(inner_update)

        @takes_packed
        def update(
            updates: Any,
            state: InjectStatefulHyperparamsState,
            params: Any = None,
            **extra_args: Any,
        ) -> tuple[Any, InjectStatefulHyperparamsState]:
            check_state("inject_hyperparams", state, InjectStatefulHyperparamsState)
            _check_names(state.hyperparams, numbers.keys() | schedules.keys())
            kept = {k: v for k, v in state.hyperparams.items() if k not in schedules}
            states = state.hyperparams_states
            like = updates if params is None else params
            hyperparams = current(states, kept, like, extra_args)
            # A line search is given functions, which can't enter a compiled step.
            compiled = not any(map(callable, tree.leaves(extra_args)))
            updates, inner_state = (step if compiled else inner_update)(
                hyperparams, updates, state.inner_state, params, extra_args
            )
            return updates, InjectStatefulHyperparamsState(
                safe_increment(state.count),
                hyperparams,
                {k: f.update(states[k], **extra_args) for k, f in schedules.items()},
                inner_state,
            )

        return GradientTransformationExtraArgs(init, update)

    return factory


def _check_names(hyperparams: Mapping[str, Any], names: Set[str]) -> None:
    """Raise unless a state has the hyperparameters that were injected.

    Raises:
        ValueError: it has others.
    """
    if hyperparams.keys() != names:
        raise ValueError(
            extend.error_message(
                "inject_hyperparams: `state.hyperparams` must have the names "
                f"{sorted(names)}, got {sorted(hyperparams)}.",
                "Change the values of those that are there.",
            )
        )


def _name_of(factory: Any) -> str:
    return getattr(factory, "__name__", type(factory).__name__)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or callable(value):
        return False
    return isinstance(value, int | float) or hasattr(value, "dtype")


def _widest(params: Any) -> Any:
    # Few: asking for each of many arrays took longer than their step.
    types = dict.fromkeys(map(type_or_none, tree.leaves(params)))
    dtypes = [t.dtype for t in types if t and jnp.issubdtype(t.dtype, jnp.inexact)]
    return functools.reduce(jnp.promote_types, dtypes, jnp.float32)


def _as_hyperparam(value: Any, dtype: Any) -> Any:
    return jnp.asarray(value, dtype if is_inexact(value) else None)


def inject_stateful_hyperparams(
    inner_factory: Callable[..., GradientTransformation],
    static_args: str | Sequence[str] = (),
    hyperparam_dtype: Any = None,
) -> Callable[..., GradientTransformationExtraArgs]:
    """The former name of `inject_hyperparams` with schedules that have states.

    Example:
        >>> from dolmen import optim
        >>> optimizer = inject_stateful_hyperparams(optim.sgd)(learning_rate=0.5)
        >>> optimizer.update(1.0, optimizer.init(0.0))[0]
        Array(-0.5, dtype=float32)
    """
    return inject_hyperparams(inner_factory, static_args, hyperparam_dtype)
