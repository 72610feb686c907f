"""Mechanic: how far to go along another optimizer's way, learned by betting."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._choosing import either
from .._counts import safe_increment, zero_count
from .._engine import copied_params, strong
from .._norms import global_norm
from .._packed import takes_packed
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)
from .._trees import (
    check_against_state,
    check_real_floating,
)


class MechanicState(NamedTuple):
    """State of `mechanize`; the arrays have one element for each bettor.

    Attributes:
        base_optimizer_state: of the optimizer inside.
        count: steps done, an int32 scalar.
        r: what was won.
        m: the largest products of gradients and ways.
        v: sums of their squares.
        s: factors; their sum is that of the way.
        x0: the parameters at the beginning.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> contrib.mechanize(optim.sgd(1.0), num_betas=2, s_init=0.5).init(3.0).s
        Array([0.5, 0.5], dtype=float32)
    """

    base_optimizer_state: Any
    count: Any
    r: Any
    m: Any
    v: Any
    s: Any
    x0: Any


def mechanize(
    base_optimizer: GradientTransformation,
    weight_decay: Any = 1e-2,
    eps: Any = 1e-8,
    s_init: Any = 1e-6,
    num_betas: int = 6,
) -> GradientTransformationExtraArgs:
    """Finds the learning rate of an optimizer whose own rate is 1, or falls from 1.

    The parameters are those at the beginning plus a factor times the sum of all updates
    of `base_optimizer`. The factor is what bettors hold together, who win when
    gradients point against the way come; each forgets at a rate of its own.

    The way is computed back from the parameters. Where they round the first small steps
    away, nothing is learned: the rate inside must not be small, and parameters of 16
    bits need `with_master_weights` around it.

    Args:
        base_optimizer: any but those with normalized updates, such as `lars`.
        weight_decay: parameters added to gradients in the bets, relative to the norms
            of both and the factor.
        eps: added to denominators.
        s_init: first factor; small.
        num_betas: how many bettors; the decays are 0.9, 0.99, 0.999 and so on.

    Raises:
        ValueError: `num_betas` is not positive; by `update`: parameters are missing, or
            trees differ.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.mechanize(optim.adam(1.0))
        >>> x = 3.0
        >>> state = optimizer.init(x)
        >>> update = dc.jit(optimizer.update)
        >>> for _ in range(100):
        ...     updates, state = update(2 * x, state, x)
        ...     x = optim.apply_updates(x, updates)
        >>> bool(abs(x) < 0.1)
        True

    Source: Cutkosky et al. (2023), arXiv:2306.00144, algorithm 1, with products clipped
    to the largest before as in the authors' later program.
    """
    if num_betas < 1:
        raise ValueError(
            extend.error_message(
                f"mechanize: `num_betas` must be at least 1, got {num_betas}."
            )
        )
    base_optimizer = with_extra_args_support(base_optimizer)

    @takes_packed
    def init(params: Any) -> MechanicState:
        check_real_floating("mechanize", "`params`", params)
        x0 = copied_params(params)
        dtype = jnp.result_type(jnp.float32, *(x.dtype for x in tree.leaves(x0)))
        r, m, v = (jnp.zeros(num_betas, dtype) for _ in range(3))
        factors = jnp.full(num_betas, s_init, dtype)
        base = base_optimizer.init(params)
        return MechanicState(base, zero_count(), r, m, v, factors, x0)

    @takes_packed
    def update(
        updates: Any, state: MechanicState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MechanicState]:
        check_against_state("mechanize", ("x0", state.x0), updates, params)
        steps, base_state = base_optimizer.update(
            updates, state.base_optimizer_state, params, **extra_args
        )
        params = copied_params(params)
        # Pretrained parameters often come after `init`.
        x0 = either(state.count == 0, lambda: params, lambda: state.x0)

        factor = jnp.sum(state.s)
        way = tree.map(lambda x, x0: (x0 - x) / (factor + eps), params, x0)
        pull = weight_decay * factor * global_norm(updates)
        pull = pull / (global_norm(params) + eps)
        products = tree.map(
            lambda g, x, d: jnp.sum((strong(g).astype(d.dtype) + pull * x) * d),
            updates,
            params,
            way,
        )
        h = sum(tree.leaves(products), jnp.zeros((), factor.dtype))

        exponents = range(1, num_betas + 1)
        betas = jnp.asarray([1 - 0.1**i for i in exponents], factor.dtype)
        m = jnp.maximum(betas * state.m, jnp.abs(h) + eps)
        v = betas**2 * state.v + h**2
        r = betas * state.r + jnp.clip(h, -state.m, state.m) * state.s
        held = s_init / num_betas * m + jnp.maximum(r, 0)
        s = held / (jnp.sqrt(v) + eps)

        factor = jnp.sum(s)
        changes = tree.map(
            lambda x0, d, u, x: x0 - factor * (d - u) - x, x0, way, steps, params
        )
        count = safe_increment(state.count)
        return changes, MechanicState(base_state, count, r, m, v, s, x0)

    return GradientTransformationExtraArgs(init, update)
