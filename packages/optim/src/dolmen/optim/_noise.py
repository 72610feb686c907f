"""Noise on updates: to leave sharp minima, or to keep examples private."""

from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, random, tree

from ._arguments import as_written, check_numbers, described
from ._clipping import per_example_global_norm_clip
from ._counts import safe_increment, zero_count
from ._transformation import GradientTransformation
from ._trees import is_inexact


class AddNoiseState(NamedTuple):
    """State of `add_noise`.

    Attributes:
        count: steps done, an int32 scalar.
        rng_key: key of the noise to come.

    Example:
        >>> from dolmen import optim
        >>> int(optim.add_noise(0.01, 0.55, key=0).init(0.0).count)
        0
    """

    count: Any
    rng_key: Any


def add_noise(
    eta: Any, gamma: Any, key: Any = None, *, seed: int | None = None
) -> GradientTransformation:
    """Adds normal noise whose variance in step ``t``, from 1, is ``eta / t**gamma``.

    Args:
        eta: variance in the first step.
        gamma: how fast it falls.
        key: random key, or an integer to make one of.
        seed: older name of an integer `key`.

    Raises:
        TypeError: neither or both of `key` and `seed` are given.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = add_noise(eta=0.01, gamma=0.55, key=0)
        >>> updates, state = transform.update(
        ...     jnp.ones(3), transform.init(jnp.ones(3)))
        >>> updates.shape, int(state.count)
        ((3,), 1)

    Source: Neelakantan et al. (2015), arXiv:1511.06807.
    """
    check_numbers("add_noise", eta=eta, gamma=gamma)
    first_key = key_of("add_noise", key, seed)

    def init(params: Any) -> AddNoiseState:
        return AddNoiseState(zero_count(), first_key.copy())

    def update(
        updates: Any, state: AddNoiseState, params: Any = None
    ) -> tuple[Any, AddNoiseState]:
        count = safe_increment(state.count)
        deviation = jnp.sqrt(eta / count**gamma)
        next_key, key = random.split(state.rng_key)
        keys = random.split(key, len(tree.leaves(updates)))
        return with_noise(keys, updates, deviation), AddNoiseState(count, next_key)

    return GradientTransformation(init, update)


class DifferentiallyPrivateAggregateState(NamedTuple):
    """State of `differentially_private_aggregate`.

    Attributes:
        rng_key: key of the noise to come.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.differentially_private_aggregate(1.0, 0.1, key=0)
        >>> transform.init(0.0).rng_key.shape
        ()
    """

    rng_key: Any


def differentially_private_aggregate(
    l2_norm_clip: Any,
    noise_multiplier: Any,
    key: Any = None,
    *,
    seed: int | None = None,
) -> GradientTransformation:
    """The mean of examples' gradients, each of bounded norm, with noise on their sum.

    Updates must have a leading axis of examples, unlike the parameters; what it returns
    has none.

    Args:
        l2_norm_clip: largest `global_norm` of an example's gradient.
        noise_multiplier: standard deviation of the noise on the sum, as a multiple of
            `l2_norm_clip`.
        key: random key, or an integer to make one of.
        seed: older name of an integer `key`.

    Raises:
        TypeError: neither or both of `key` and `seed` are given.
        ValueError: in `update`, leaves have no leading axis, or of different sizes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> transform = contrib.differentially_private_aggregate(1.0, 0.0, key=0)
        >>> grads = jnp.array([0.5, 2.0])  # of two examples
        >>> transform.update(grads, transform.init(jnp.zeros(())))[0]
        Array(0.75, dtype=float32)

    Source: Abadi et al. (2016), arXiv:1607.00133.
    """
    name = "differentially_private_aggregate"
    check_numbers(name, l2_norm_clip=l2_norm_clip, noise_multiplier=noise_multiplier)
    first_key = key_of(name, key, seed)

    def init(params: Any) -> DifferentiallyPrivateAggregateState:
        return DifferentiallyPrivateAggregateState(first_key.copy())

    def update(
        updates: Any, state: DifferentiallyPrivateAggregateState, params: Any = None
    ) -> tuple[Any, DifferentiallyPrivateAggregateState]:
        total, _ = per_example_global_norm_clip(updates, l2_norm_clip)
        # One split for all keys, unlike in `add_noise`: so the noise is Optax's.
        next_key, *keys = random.split(state.rng_key, 1 + len(tree.leaves(total)))
        noisy = with_noise(keys, total, l2_norm_clip * noise_multiplier)
        mean = tree.map(lambda g, examples: g / len(examples), noisy, updates)
        return mean, DifferentiallyPrivateAggregateState(next_key)

    return GradientTransformation(init, update)


def key_of(function: str, key: Any, seed: int | None) -> Any:
    """The random key that arguments `key` and `seed` stand for.

    Raises:
        TypeError: neither or both are given, or it is no key.
    """
    if (key is None) == (seed is None):
        given = "neither" if key is None else "both"
        raise TypeError(
            extend.error_message(
                f"{function}: expected `key` or `seed`, got {given}.",
                "Pass `key=random.key(0)`.",
            )
        )
    given = seed if key is None else key
    if isinstance(given, int):
        return random.key(given)
    if not hasattr(given, "dtype"):
        argument = "seed" if key is None else "key"
        function, argument = as_written(function, argument, given)
        raise TypeError(
            extend.error_message(
                f"{function}: `{argument}` must be a random key or an integer, got "
                f"{described(given)}.",
                "Pass `key=random.key(0)`.",
            )
        )
    return given


def with_noise(keys: Any, values: Any, deviation: Any) -> Any:
    """Values with independent normal noise on every element.

    Args:
        keys: one for each leaf.
        values: tree; leaves that aren't floating-point arrays stay as they are.
        deviation: standard deviation of the noise, a scalar.
    """
    leaves, structure = tree.flatten(values)
    return structure.unflatten(
        [
            _noisy(key, leaf, deviation) if is_inexact(leaf) else leaf
            for key, leaf in zip(keys, leaves, strict=True)
        ]
    )


@dc.jit
def _noisy(key: Any, leaf: Any, deviation: Any) -> Any:
    noise = random.normal(key, leaf.shape, leaf.dtype)
    return leaf + jnp.asarray(deviation, leaf.dtype) * noise
