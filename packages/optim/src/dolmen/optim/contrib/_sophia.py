"""Sophia: momentum divided by an estimate of the Hessian's diagonal, and clipped."""

from collections.abc import Callable
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import debug, extend, random, tree

from .._chain import chain
from .._choosing import either
from .._counts import safe_increment, zero_count
from .._engine import strong, zeros_like_params
from .._moments import correction, debiased, moved
from .._noise import key_of
from .._scaling import scale_by_learning_rate
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    with_extra_args_support,
)
from .._trees import (
    check_against_state,
    check_params,
    check_real_floating,
)
from .._weight_decay import add_decayed_weights
from ..tree import random_like


class HutchinsonState(NamedTuple):
    """State of `hutchinson_estimator_diag_hessian`.

    Attributes:
        key: random key of the signs to come.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.hutchinson_estimator_diag_hessian().init(0.0)._fields
        ('key',)
    """

    key: Any


def hutchinson_estimator_diag_hessian(
    random_seed: Any = None,
) -> GradientTransformationExtraArgs:
    """Replaces updates by an estimate of the diagonal of the Hessian.

    It is ``r ⊙ H r`` for random signs ``r``: right on average, and each time where the
    Hessian is diagonal. `update` needs the loss as a function of the parameters:
    ``update(grads, state, params, obj_fn=loss)``.

    Args:
        random_seed: random key of the signs, or an integer to make one of; 0 by
            default.

    Raises:
        ValueError: by `update`: parameters or `obj_fn` are missing.
        TypeError: by `update`: a parameter is not a real floating-point array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> transform = contrib.hutchinson_estimator_diag_hessian()
        >>> x = jnp.array([1.0, 2.0])
        >>> loss = lambda x: jnp.sum(x**3)
        >>> transform.update(x, transform.init(x), x, obj_fn=loss)[0]
        Array([ 6., 12.], dtype=float32)

    Source: Hutchinson (1989), "A stochastic estimator of the trace of the influence
    matrix for Laplacian smoothing splines"; of the diagonal: Bekas et al. (2007), "An
    estimator for the diagonal of a matrix".
    """
    name = "hutchinson_estimator_diag_hessian"

    def init(params: Any) -> HutchinsonState:
        del params
        seed = 0 if random_seed is None else random_seed
        return HutchinsonState(key_of(name, seed, None))

    def update(
        updates: Any,
        state: HutchinsonState,
        params: Any = None,
        obj_fn: Callable[[Any], Any] | None = None,
        **extra_args: Any,
    ) -> tuple[Any, HutchinsonState]:
        check_params(name, params)
        check_real_floating(name, "`params`", params)
        if obj_fn is None:
            raise ValueError(
                extend.error_message(
                    f"{name}: `obj_fn` must be given, got None.",
                    "Call `update(grads, state, params, obj_fn=loss)` with the loss as "
                    "a function of the parameters.",
                )
            )
        next_key, key = random.split(state.key)
        params = tree.map(strong, params)
        signs = random_like(key, params, random.rademacher)
        _, products = dc.jvp(dc.grad(obj_fn), (params,), (signs,))
        return tree.map(lambda s, h: s * h, signs, products), HutchinsonState(next_key)

    return GradientTransformationExtraArgs(init, update)


class SophiaState(NamedTuple):
    """State of the scaling in `sophia`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: first moment of the gradients, a tree like the parameters.
        nu: moving average of the Hessian's diagonal, likewise.
        hessian_fn_state: of the transformation that estimates it.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.sophia(0.01).init({"w": 1.0})[0].nu
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    mu: Any
    nu: Any
    hessian_fn_state: Any


def sophia(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.965,
    b2: Any = 0.99,
    eps: Any = 1e-8,
    weight_decay: Any = 1e-4,
    weight_decay_mask: Any = None,
    gamma: Any = 0.01,
    clip_threshold: Any = 1.0,
    update_interval: Any = 10,
    hessian_diagonal_fn: GradientTransformation | None = None,
    mu_dtype: Any = None,
    verbose: bool = False,
    print_win_rate_every_n_steps: int = 0,
) -> GradientTransformationExtraArgs:
    """Momentum over curvature, at most `clip_threshold` in every element.

    `update` needs what `hessian_diagonal_fn` needs; by default the loss as a function
    of the parameters: ``update(grads, state, params, obj_fn=loss)``. As in Optax, and
    unlike the paper, a step uses the curvature known before it, which at first is none,
    so that the first step goes by signs alone.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the curvature, over those steps that estimate it.
        eps: least denominator.
        weight_decay: times the parameter, added to the step.
        weight_decay_mask: which parameters decay, see `add_decayed_weights`.
        gamma: factor of the curvature: the smaller, the more elements are clipped.
        clip_threshold: the most an element may change, before the learning rate; None
            for no limit.
        update_interval: how many steps share an estimate.
        hessian_diagonal_fn: transformation from gradients to an estimate of the
            Hessian's diagonal; by default `hutchinson_estimator_diag_hessian`.
        mu_dtype: dtype of the stored first moment; by default float32, or that of the
            parameter if wider.
        verbose: print the share of elements that were not clipped, which should stay
            between 0.1 and 0.5.
        print_win_rate_every_n_steps: how often, 0 for never.

    Raises:
        ValueError: by `update`: parameters are missing, or trees differ.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.sophia(0.5, gamma=1.0, weight_decay=0.0)
        >>> loss = lambda x: x**2
        >>> x = 2.0
        >>> state = optimizer.init(x)
        >>> updates, state = optimizer.update(dc.grad(loss)(x), state, x, obj_fn=loss)
        >>> round(float(optim.apply_updates(x, updates)), 4)
        1.5

    Source: Liu et al. (2023), arXiv:2305.14342, with signs in place of normal numbers.
    """
    if hessian_diagonal_fn is None:
        hessian_diagonal_fn = hutchinson_estimator_diag_hessian()
    estimate = with_extra_args_support(hessian_diagonal_fn)
    prints = verbose and clip_threshold is not None and print_win_rate_every_n_steps

    def init(params: Any) -> SophiaState:
        check_real_floating("sophia", "`params`", params)
        return SophiaState(
            zero_count(),
            zeros_like_params("sophia", params, mu_dtype),
            zeros_like_params("sophia", params),
            estimate.init(params),
        )

    def update(
        updates: Any, state: SophiaState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, SophiaState]:
        check_against_state("sophia", ("nu", state.nu), updates, params)
        count = safe_increment(state.count)
        mu = tree.map(
            lambda m, g, h: moved(m, strong(g).astype(h.dtype), b1),
            state.mu,
            updates,
            state.nu,
        )
        by = correction(b1, count)
        steps = tree.map(
            lambda m, h: debiased(m, by) / jnp.maximum(gamma * h, eps), mu, state.nu
        )
        if prints:
            _print_win_rate(
                count % print_win_rate_every_n_steps == 0, steps, clip_threshold
            )
        if clip_threshold is not None:
            bounds = -clip_threshold, clip_threshold
            steps = tree.map(lambda u: jnp.clip(u, *bounds), steps)

        def curvature() -> tuple[Any, Any]:
            diagonal, new = estimate.update(
                updates, state.hessian_fn_state, params, **extra_args
            )
            nu = tree.map(
                lambda h, d: moved(h, jnp.asarray(d, h.dtype), b2), state.nu, diagonal
            )
            return nu, new

        nu, estimate_state = either(
            state.count % update_interval == 0,
            curvature,
            lambda: (state.nu, state.hessian_fn_state),
        )
        mu = tree.map(lambda new, old: new.astype(old.dtype), mu, state.mu)
        return steps, SophiaState(count, mu, nu, estimate_state)

    return chain(
        GradientTransformationExtraArgs(init, update),
        add_decayed_weights(weight_decay, weight_decay_mask),
        scale_by_learning_rate(learning_rate),
    )


def _print_win_rate(is_due: Any, steps: Any, threshold: Any) -> None:
    leaves = tree.leaves(steps)
    kept = sum(jnp.sum(jnp.abs(u) < threshold) for u in leaves)
    rate = kept / max(1, sum(jnp.size(u) for u in leaves))
    either(
        is_due,
        lambda: debug.print("sophia: {} of the elements were not clipped", rate),
        lambda: None,
    )
