"""Updates of 16-bit parameters that are not lost in rounding.

A bfloat16 number has 8 bits: what is added to it and is smaller than 1/512 of it
changes nothing. Three remedies, from most memory to least: a float32 copy of the
parameters, the rest of each rounding, and rounding at random. Each wraps an optimizer
and returns updates in float32 that `apply_updates` adds without a further rounding.
Parameters of 32 bits or more are left to the optimizer.
"""

from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, random, tree, typeof

from ._engine import strong
from ._masking import MaskedNode
from ._packed import takes_packed
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)
from ._trees import check_floating, check_params, check_structures


class MasterWeightsState(NamedTuple):
    """State of `with_master_weights`.

    Attributes:
        master: the parameters of 16 bits in 32 bits, a tree like the parameters with
            `MaskedNode` for the others.
        inner_state: of the optimizer, made of the parameters in 32 bits.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.with_master_weights(optim.sgd(0.1))
        >>> optimizer.init({"w": jnp.ones(2, "bfloat16"), "b": jnp.ones(2)}).master
        {'b': MaskedNode(), 'w': Array([1., 1.], dtype=float32)}
    """

    master: Any
    inner_state: Any


def with_master_weights(
    inner: GradientTransformation,
) -> GradientTransformationExtraArgs:
    """Optimizes a float32 copy of 16-bit parameters, which follow it rounded.

    Costs 4 bytes for each parameter, which can be had back with smaller moments (see
    ``mu_dtype`` and ``nu_dtype`` of `adamw`).

    Args:
        inner: the optimizer; it sees parameters and gradients in float32.

    Returns:
        A transformation whose `update` needs `params`. They are not read but for their
        dtypes: changing them by other means has no effect.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = with_master_weights(optim.sgd(1.0))
        >>> params = jnp.ones((), "bfloat16")
        >>> state = optimizer.init(params)
        >>> for _ in range(8):  # each alone would be rounded away
        ...     updates, state = optimizer.update(-params / 1024, state, params)
        ...     params = optim.apply_updates(params, updates)
        >>> params
        Array(1.00781, dtype=bfloat16)

    Source: Micikevicius et al. (2017), arXiv:1710.03740.
    """
    name = "with_master_weights"
    inner = with_extra_args_support(inner)

    @takes_packed
    def init(params: Any) -> MasterWeightsState:
        check_floating(name, "`params`", params)
        leaves, structure = tree.flatten(params)
        copies = [_wide(p) if _is_narrow(p) else MaskedNode() for p in leaves]
        wide = _merged(copies, leaves)
        return MasterWeightsState(
            structure.unflatten(copies), inner.init(structure.unflatten(wide))
        )

    @takes_packed
    def update(
        updates: Any, state: MasterWeightsState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MasterWeightsState]:
        _check(name, updates, params)
        leaves, structure = tree.flatten(params)
        copies = structure.flatten_up_to(state.master)
        wide = _merged(copies, leaves)
        updates, inner_state = inner.update(
            tree.map(_wide, updates),
            state.inner_state,
            structure.unflatten(wide),
            **extra_args,
        )
        changes, new_copies = [], []
        for copy, p, u in zip(copies, leaves, tree.leaves(updates), strict=True):
            if not isinstance(copy, MaskedNode):
                copy, u = _followed(copy, p, u)
            changes.append(u)
            new_copies.append(copy)
        master = structure.unflatten(new_copies)
        return structure.unflatten(changes), MasterWeightsState(master, inner_state)

    return GradientTransformationExtraArgs(init, update)


@dc.jit
def _followed(copy: Any, p: Any, u: Any) -> tuple[Any, Any]:
    copy = copy + u
    return copy, _change(p, copy.astype(p.dtype))


def _merged(copies: list[Any], leaves: list[Any]) -> list[Any]:
    return [
        p if isinstance(copy, MaskedNode) else copy
        for copy, p in zip(copies, leaves, strict=True)
    ]


class CompensationState(NamedTuple):
    """State of `with_compensation`.

    Attributes:
        rest: what rounding took from the parameters, a tree like the parameters, in
            their dtypes, with `MaskedNode` for those of 32 bits or more.
        inner_state: of the optimizer.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.with_compensation(optim.sgd(0.1))
        >>> optimizer.init({"w": jnp.ones(2, "bfloat16"), "b": jnp.ones(2)}).rest
        {'b': MaskedNode(), 'w': Array([0, 0], dtype=bfloat16)}
    """

    rest: Any
    inner_state: Any


def with_compensation(
    inner: GradientTransformation,
) -> GradientTransformationExtraArgs:
    """Keeps what rounding takes from 16-bit parameters and adds it in the next step.

    Kahan's summation: parameter and rest together are as good as 16 bits of mantissa in
    bfloat16. Costs 2 bytes for each parameter.

    Args:
        inner: the optimizer.

    Returns:
        A transformation whose `update` needs `params`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = with_compensation(optim.sgd(1.0))
        >>> params = jnp.ones((), "bfloat16")
        >>> state = optimizer.init(params)
        >>> for _ in range(8):  # each alone would be rounded away
        ...     updates, state = optimizer.update(-params / 1024, state, params)
        ...     params = optim.apply_updates(params, updates)
        >>> params
        Array(1.00781, dtype=bfloat16)

    Source: Zamirai et al. (2020), arXiv:2010.06192; Kahan (1965).
    """
    name = "with_compensation"
    inner = with_extra_args_support(inner)

    @takes_packed
    def init(params: Any) -> CompensationState:
        check_floating(name, "`params`", params)
        rest = tree.map(
            lambda p: jnp.zeros_like(p) if _is_narrow(p) else MaskedNode(), params
        )
        return CompensationState(rest, inner.init(params))

    @takes_packed
    def update(
        updates: Any, state: CompensationState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, CompensationState]:
        _check(name, updates, params)
        updates, inner_state = inner.update(
            updates, state.inner_state, params, **extra_args
        )
        leaves, structure = tree.flatten(params)
        changes, rests = [], []
        for rest, p, u in zip(
            structure.flatten_up_to(state.rest),
            leaves,
            tree.leaves(updates),
            strict=True,
        ):
            if not isinstance(rest, MaskedNode):
                rest, u = _compensated(rest, p, u)
            changes.append(u)
            rests.append(rest)
        rest = structure.unflatten(rests)
        return structure.unflatten(changes), CompensationState(rest, inner_state)

    return GradientTransformationExtraArgs(init, update)


@dc.jit
def _compensated(rest: Any, p: Any, u: Any) -> tuple[Any, Any]:
    target = _wide(p) + (u + _wide(rest))
    rounded = target.astype(p.dtype)
    rest = (target - _wide(rounded)).astype(p.dtype)
    return rest, _change(p, rounded)


class StochasticRoundingState(NamedTuple):
    """State of `with_stochastic_rounding`.

    Attributes:
        rng_key: for the next step.
        inner_state: of the optimizer.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.with_stochastic_rounding(optim.sgd(0.1), key=0)
        >>> optimizer.init(jnp.ones(2, "bfloat16")).inner_state
        (EmptyState(), EmptyState())
    """

    rng_key: Any
    inner_state: Any


def with_stochastic_rounding(
    inner: GradientTransformation, key: Any
) -> GradientTransformationExtraArgs:
    """Rounds new bfloat16 parameters up or down at random, right on average.

    A number that lies a quarter of the way between two neighbors becomes the upper one
    with probability 1/4. Costs no memory.

    Args:
        inner: the optimizer.
        key: random key, or an integer to make one of.

    Returns:
        A transformation whose `update` needs `params`.

    Raises:
        TypeError: a parameter is float16, in `init`; only bfloat16 is float32 cut off.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = with_stochastic_rounding(optim.sgd(1.0), key=0)
        >>> params = jnp.ones(1000, "bfloat16")
        >>> updates, _ = optimizer.update(
        ...     -params / 1024, optimizer.init(params), params)
        >>> sorted({float(u) for u in updates})
        [0.0, 0.0078125]

    Source: Gupta et al. (2015), arXiv:1502.02551; Zamirai et al. (2020),
    arXiv:2010.06192.
    """
    name = "with_stochastic_rounding"
    inner = with_extra_args_support(inner)
    first_key = random.key(key) if isinstance(key, int) else key

    def init(params: Any) -> StochasticRoundingState:
        check_floating(name, "`params`", params)
        _check_bfloat16(name, params)
        return StochasticRoundingState(first_key.copy(), inner.init(params))

    def update(
        updates: Any,
        state: StochasticRoundingState,
        params: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, StochasticRoundingState]:
        _check(name, updates, params)
        updates, inner_state = inner.update(
            updates, state.inner_state, params, **extra_args
        )
        leaves, structure = tree.flatten(params)
        next_key, *keys = random.split(state.rng_key, 1 + len(leaves))
        changes = [
            _rounded_at_random(key, p, u) if _is_narrow(p) else u
            for key, p, u in zip(keys, leaves, tree.leaves(updates), strict=True)
        ]
        state = StochasticRoundingState(next_key, inner_state)
        return structure.unflatten(changes), state

    return GradientTransformationExtraArgs(init, update)


@dc.jit
def _rounded_at_random(key: Any, p: Any, u: Any) -> Any:
    target = _wide(p) + u
    words = lax.bitcast_convert_type(target, "uint32")
    noise = random.bits(key, target.shape, "uint16").astype("uint32")
    # A carry out of the lower half rounds up; infinities and NaNs have none to lose.
    words = (words + noise) & jnp.uint32(0xFFFF0000)
    rounded = lax.bitcast_convert_type(words, "float32")
    return _change(p, jnp.where(jnp.isfinite(target), rounded, target))


def _check_bfloat16(name: str, params: Any) -> None:
    types = map(typeof, tree.leaves(params))
    wrong = [repr(type) for type in types if type.dtype == "float16"]
    if wrong:
        raise TypeError(
            extend.error_message(
                f"{name}: 16-bit parameters must be bfloat16, got {wrong[0]}.",
                "Use `with_compensation` or `with_master_weights`.",
            )
        )


# ---- what they share ---------------------------------------------------------------


def _is_narrow(p: Any) -> bool:
    return typeof(p).dtype.itemsize < 4


def _wide(x: Any) -> Any:
    x = strong(x)
    return x.astype("float32") if _is_narrow(x) else x


def _change(p: Any, new: Any) -> Any:
    """What added to `p`, in float32 and rounded, gives `new`."""
    return _wide(new) - _wide(p)


def _check(name: str, updates: Any, params: Any) -> None:
    check_params(name, params)
    check_structures(
        name,
        ("`updates`", updates),
        ("`params`", params),
        "Pass the parameters that were differentiated.",
    )
