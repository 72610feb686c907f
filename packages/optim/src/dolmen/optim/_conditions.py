"""Transformations that run in some steps only."""

from typing import Any, NamedTuple, Protocol

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._arguments import check_number
from ._choosing import either, update_or_zeros
from ._counts import safe_increment, zero_count
from ._packed import takes_packed
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    check_state,
    with_extra_args_support,
)
from ._trees import is_inexact


class ApplyIfFiniteState(NamedTuple):
    """State of `apply_if_finite`.

    Attributes:
        notfinite_count: steps in a row, up to the last, whose updates were not finite;
            an int32 scalar.
        last_finite: whether those of the last step were, a boolean scalar.
        total_notfinite: steps so far whose updates were not, an int32 scalar.
        inner_state: of the transformation inside.

    Example:
        >>> from dolmen import optim
        >>> state = optim.apply_if_finite(optim.sgd(0.1), 3).init(0.0)
        >>> int(state.total_notfinite), bool(state.last_finite)
        (0, True)
    """

    notfinite_count: Any
    last_finite: Any
    total_notfinite: Any
    inner_state: Any


def apply_if_finite(
    inner: GradientTransformation, max_consecutive_errors: int
) -> GradientTransformationExtraArgs:
    """Ignores updates that hold NaN or infinities, unless there are too many of them.

    An ignored step returns zeros and leaves the state of `inner` as it was.

    Args:
        inner: transformation of the updates that are finite.
        max_consecutive_errors: after this many ignored steps in a row the next one is
            applied, whatever it holds, so that a diverged training shows.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> transform = apply_if_finite(optim.sgd(0.5), max_consecutive_errors=3)
        >>> state = transform.init(jnp.ones(2))
        >>> updates, state = transform.update(jnp.array([1.0, jnp.nan]), state)
        >>> updates, int(state.total_notfinite)
        (Array([0., 0.], dtype=float32), 1)
    """
    inner = with_extra_args_support(inner)
    check_number("apply_if_finite", "max_consecutive_errors", max_consecutive_errors)

    @takes_packed
    def init(params: Any) -> ApplyIfFiniteState:
        return ApplyIfFiniteState(
            zero_count(), jnp.asarray(True), zero_count(), inner.init(params)
        )

    @takes_packed
    def update(
        updates: Any, state: ApplyIfFiniteState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, ApplyIfFiniteState]:
        check_state("apply_if_finite", state, ApplyIfFiniteState)
        finite = all_finite(updates)
        in_a_row = jnp.where(finite, 0, safe_increment(state.notfinite_count))
        total = safe_increment(state.total_notfinite)
        new_updates, inner_state = update_or_zeros(
            finite | (in_a_row > max_consecutive_errors),
            lambda: inner.update(updates, state.inner_state, params, **extra_args),
            state.inner_state,
        )
        return new_updates, ApplyIfFiniteState(
            in_a_row,
            finite,
            jnp.where(finite, state.total_notfinite, total),
            inner_state,
        )

    return GradientTransformationExtraArgs(init, update)


def all_finite(values: Any) -> Any:
    """Whether no leaf holds NaN or an infinity, a boolean scalar."""
    return _all_finite([leaf for leaf in tree.leaves(values) if is_inexact(leaf)])


@dc.jit
def _all_finite(leaves: list[Any]) -> Any:
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in leaves]
    return jnp.all(jnp.asarray(finite, bool))


class ConditionFn(Protocol):
    """Whether a step counts, from the number of steps before it."""

    def __call__(self, step: Any, **extra_args: Any) -> Any:
        """A boolean scalar."""


class ConditionallyTransformState(NamedTuple):
    """State of `conditionally_transform`.

    Attributes:
        inner_state: of the transformation inside.
        step: steps done, an int32 scalar.

    Example:
        >>> from dolmen import optim
        >>> inner = optim.scale(2.0)
        >>> int(optim.conditionally_transform(inner, lambda step: True).init(0.0).step)
        0
    """

    inner_state: Any
    step: Any


def conditionally_transform(
    inner: GradientTransformation,
    should_transform_fn: ConditionFn,
    forward_extra_args: bool = False,
) -> GradientTransformationExtraArgs:
    """Transforms the updates in some steps, and returns them unchanged in the others.

    Args:
        inner: the transformation; its state changes only in steps that it runs in.
        should_transform_fn: from the number of steps done to a boolean scalar.
        forward_extra_args: call it with the extra arguments of `update`, too.

    Example:
        >>> from dolmen import optim
        >>> transform = conditionally_transform(
        ...     optim.scale(10.0), lambda step: step % 2 == 1)
        >>> state = transform.init(0.0)
        >>> first, state = transform.update(1.0, state)
        >>> second, state = transform.update(1.0, state)
        >>> float(first), float(second)
        (1.0, 10.0)
    """
    inner = with_extra_args_support(inner)

    @takes_packed
    def init(params: Any) -> ConditionallyTransformState:
        return ConditionallyTransformState(inner.init(params), zero_count())

    @takes_packed
    def update(
        updates: Any,
        state: ConditionallyTransformState,
        params: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, ConditionallyTransformState]:
        check_state("conditionally_transform", state, ConditionallyTransformState)

        def transformed() -> tuple[Any, Any]:
            return inner.update(updates, state.inner_state, params, **extra_args)

        def unchanged() -> tuple[Any, Any]:
            types = dc.eval_shape(transformed)[0]
            kept = tree.map(lambda g, t: jnp.asarray(g, t.dtype), updates, types)
            return kept, state.inner_state

        known = extra_args if forward_extra_args else {}
        chosen = should_transform_fn(state.step, **known)
        updates, inner_state = either(chosen, transformed, unchanged)
        return updates, ConditionallyTransformState(
            inner_state, safe_increment(state.step)
        )

    return GradientTransformationExtraArgs(init, update)


class ConditionallyMaskState(NamedTuple):
    """State of `conditionally_mask`.

    Attributes:
        step: steps done, an int32 scalar.
        inner_state: of the transformation inside.

    Example:
        >>> from dolmen import optim
        >>> inner = optim.scale(2.0)
        >>> int(optim.conditionally_mask(inner, lambda step: True).init(0.0).step)
        0
    """

    step: Any
    inner_state: Any


def conditionally_mask(
    inner: GradientTransformation,
    should_transform_fn: ConditionFn,
    forward_extra_args: bool = False,
) -> GradientTransformationExtraArgs:
    """Transforms the updates in some steps, and returns zeros in the others.

    Args:
        inner: the transformation; its state changes only in steps that it runs in.
        should_transform_fn: from the number of steps done to a boolean scalar.
        forward_extra_args: call it with the extra arguments of `update`, too.

    Example:
        >>> from dolmen import optim
        >>> transform = conditionally_mask(optim.sgd(0.1), lambda step: step >= 1)
        >>> state = transform.init(0.0)
        >>> first, state = transform.update(1.0, state)
        >>> second, state = transform.update(1.0, state)
        >>> float(first), round(float(second), 4)
        (0.0, -0.1)
    """
    inner = with_extra_args_support(inner)

    @takes_packed
    def init(params: Any) -> ConditionallyMaskState:
        return ConditionallyMaskState(zero_count(), inner.init(params))

    @takes_packed
    def update(
        updates: Any,
        state: ConditionallyMaskState,
        params: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, ConditionallyMaskState]:
        check_state("conditionally_mask", state, ConditionallyMaskState)
        known = extra_args if forward_extra_args else {}
        updates, inner_state = update_or_zeros(
            should_transform_fn(state.step, **known),
            lambda: inner.update(updates, state.inner_state, params, **extra_args),
            state.inner_state,
        )
        return updates, ConditionallyMaskState(safe_increment(state.step), inner_state)

    return GradientTransformationExtraArgs(init, update)
