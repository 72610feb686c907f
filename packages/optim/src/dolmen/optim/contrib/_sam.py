"""Sharpness-aware minimization: descent by the gradient at a worse place nearby."""

from collections.abc import Callable
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, tree

from .._apply import apply_updates
from .._choosing import either
from .._counts import zero_count
from .._engine import accumulator_dtype, strong
from .._norms import global_norm
from .._packed import takes_packed
from .._transformation import (
    EmptyState,
    GradientTransformation,
    GradientTransformationExtraArgs,
    init_empty_state,
    with_extra_args_support,
)
from .._trees import check_params, check_structures

NormalizeState = EmptyState


def normalize() -> GradientTransformation:
    """Divides updates by their norm, that of all leaves as one vector.

    Updates of zero stay zero.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.normalize()
        >>> updates, _ = transform.update([3.0, 4.0], transform.init([0.0, 0.0]))
        >>> [round(float(u), 4) for u in updates]
        [0.6, 0.8]
    """

    @takes_packed
    def update(
        updates: Any, state: EmptyState, params: Any = None
    ) -> tuple[Any, EmptyState]:
        norm = global_norm(updates)
        by = jnp.where(norm == 0, 1, norm)
        return tree.map(lambda g: (g / by).astype(strong(g).dtype), updates), state

    return GradientTransformation(init_empty_state, update)


class SAMState(NamedTuple):
    """State of `sam`.

    Attributes:
        steps_since_sync: steps away since the last descent, an int32 scalar.
        opt_state: of the optimizer that descends.
        adv_state: of the one that goes away.
        cache: the parameters to come back to; None in opaque mode.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> contrib.sam(optim.sgd(0.1), optim.sgd(0.05)).init({"w": 1.0}).cache
        {'w': Array(1., dtype=float32)}
    """

    steps_since_sync: Any
    opt_state: Any
    adv_state: Any
    cache: Any


def sam(
    optimizer: GradientTransformation,
    adv_optimizer: GradientTransformation,
    sync_period: int = 2,
    reset_state: bool = True,
    opaque_mode: bool = False,
    batch_axis_name: Any = None,
) -> GradientTransformationExtraArgs:
    """Descends by gradients at a worse place nearby, which leads to flat minima.

    In a period, all steps but the last go away from the parameters, against what
    `adv_optimizer` would do. The last comes back and goes on by what `optimizer` makes
    of the gradient out there. As in the paper, `adv_optimizer` would be a normalized
    step: ``chain(normalize(), sgd(rho))``.

    Args:
        optimizer: descends.
        adv_optimizer: goes away.
        sync_period: how many steps a period has.
        reset_state: begin every period with a new state of `adv_optimizer`.
        opaque_mode: do a whole period in each call of `update`, which then needs
            ``grad_fn``: a function of the parameters and the number of the step away to
            gradients. Otherwise one step in each call, and the parameters between are
            those out there.
        batch_axis_name: mapped axis, or axes, over which gradients of ``grad_fn`` are
            averaged.

    Raises:
        ValueError: `sync_period` is not positive; by `update`: parameters or `grad_fn`
            are missing, or trees differ.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> away = optim.chain(contrib.normalize(), optim.sgd(0.5))
        >>> optimizer = contrib.sam(optim.sgd(0.25), away)
        >>> x, gradient = 2.0, dc.grad(lambda x: x**2)
        >>> state = optimizer.init(x)
        >>> for _ in range(2):
        ...     updates, state = optimizer.update(gradient(x), state, x)
        ...     x = optim.apply_updates(x, updates)
        ...     print(x)
        2.5
        0.75

    Source: Foret et al. (2021), arXiv:2010.01412.
    """
    if sync_period < 1:
        raise ValueError(
            extend.error_message(
                f"sam: `sync_period` must be at least 1, got {sync_period}."
            )
        )
    optimizer = with_extra_args_support(optimizer)
    adv_optimizer = with_extra_args_support(adv_optimizer)

    @takes_packed
    def init(params: Any) -> SAMState:
        return SAMState(
            zero_count(),
            optimizer.init(params),
            adv_optimizer.init(params),
            # A copy, so that parameters and state may be donated together.
            None if opaque_mode else tree.map(lambda p: jnp.array(strong(p)), params),
        )

    @takes_packed
    def one_step(
        updates: Any, state: SAMState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, SAMState]:
        _check(updates, params)
        start = either(
            state.steps_since_sync == 0,
            lambda: tree.map(strong, params),
            lambda: state.cache,
        )

        def away() -> tuple[Any, Any, Any]:
            steps, adv_state = adv_optimizer.update(
                updates, state.adv_state, params, **extra_args
            )
            steps = tree.map(lambda u, p: _wide(-u, p), steps, params)
            return steps, state.opt_state, adv_state

        def back() -> tuple[Any, Any, Any]:
            steps, opt_state = optimizer.update(
                updates, state.opt_state, start, **extra_args
            )
            steps = tree.map(
                lambda u, c, p: _wide(c, p) - p + _wide(u, p), steps, start, params
            )
            adv_state = adv_optimizer.init(params) if reset_state else state.adv_state
            return steps, opt_state, adv_state

        is_last = state.steps_since_sync == sync_period - 1
        steps, opt_state, adv_state = either(is_last, back, away)
        count = (state.steps_since_sync + 1) % sync_period
        return steps, SAMState(count, opt_state, adv_state, start)

    def whole_period(
        updates: Any,
        state: SAMState,
        params: Any = None,
        *,
        grad_fn: Callable[[Any, int], Any] | None = None,
        **extra_args: Any,
    ) -> tuple[Any, SAMState]:
        _check(updates, params)
        if grad_fn is None:
            raise ValueError(
                extend.error_message(
                    "sam: `grad_fn` must be given in opaque mode, got None.",
                    "Call `update(grads, state, params, grad_fn=grad_fn)` with a "
                    "function of parameters and step to gradients.",
                )
            )
        place, adv_state = params, state.adv_state
        for step in range(sync_period - 1):
            steps, adv_state = adv_optimizer.update(
                updates, adv_state, place, **extra_args
            )
            place = apply_updates(place, tree.map(lambda u: -u, steps))
            updates = grad_fn(place, step)
            if batch_axis_name is not None:
                updates = lax.pmean(updates, batch_axis_name)
        if reset_state:
            adv_state = adv_optimizer.init(params)
        updates, opt_state = optimizer.update(
            updates, state.opt_state, params, **extra_args
        )
        return updates, SAMState(zero_count(), opt_state, adv_state, None)

    return GradientTransformationExtraArgs(
        init, whole_period if opaque_mode else one_step
    )


def _check(updates: Any, params: Any) -> None:
    check_params("sam", params)
    fix = "Pass the gradients at these parameters."
    check_structures("sam", ("`updates`", updates), ("`params`", params), fix)


def _wide(x: Any, param: Any) -> Any:
    """In the dtype of moments: the way back must not be rounded to 16 bits."""
    return jnp.asarray(x, accumulator_dtype(param))
