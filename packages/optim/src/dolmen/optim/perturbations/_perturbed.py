"""The mean of a function under noise, and its derivative by scores."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, random, tree

from .._trees import check_real_floating
from ._noise import Gumbel


def make_perturbed_fun(
    fun: Callable[[Any], Any],
    num_samples: int = 1000,
    sigma: Any = 0.1,
    noise: Any = None,
    use_baseline: bool = True,
) -> Callable[[Any, Any], Any]:
    """The mean of ``fun(x + sigma noise)``, estimated from samples.

    It can be differentiated whatever `fun` is (a sort, an argmax, a shortest path):
    the derivative of the mean is the mean of `fun` times the derivative of the log
    density of the noise, of which this is an unbiased estimate. All derivatives of any
    order are.

    Args:
        fun: from a tree to a tree of floating-point arrays; mapped over the samples
            with `vmap`.
        num_samples: how many.
        sigma: size of the noise, positive.
        noise: with methods `sample` and `log_prob`, by default `Gumbel()`.
        use_baseline: subtract ``fun(x)`` where it changes no mean: derivatives vary
            less.

    Returns:
        A function from a key and a tree ``x`` of real floating-point arrays to the
        mean.

    Raises:
        TypeError: a leaf of ``x`` is not a real floating-point array.
        ValueError: `num_samples` is not positive.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import nn, random
        >>> best = lambda x: nn.one_hot(jnp.argmax(x), 3)
        >>> smooth = dc.jit(make_perturbed_fun(best, num_samples=4000, sigma=1.0))
        >>> x = jnp.array([0.0, 1.0, 2.0])
        >>> mean = smooth(random.key(0), x)
        >>> bool(jnp.allclose(mean, nn.softmax(x), atol=0.05))
        True
        >>> dc.jacobian(smooth, 1)(random.key(0), x).shape
        (3, 3)

    Source: Berthet et al. (2020), arXiv:2002.08676; derivatives as in Foerster et al.
    (2018), arXiv:1802.05098.
    """
    if num_samples < 1:
        raise ValueError(
            extend.error_message(
                "make_perturbed_fun: `num_samples` must be positive, got "
                f"{num_samples}."
            )
        )
    noise = Gumbel() if noise is None else noise

    def perturbed(key: Any, x: Any) -> Any:
        check_real_floating("make_perturbed_fun", "`x`", x)
        x = tree.map(jnp.asarray, x)
        baseline = fun(lax.stop_gradient(x)) if use_baseline else None

        def estimate(key: Any) -> Any:
            sample = _sample_like(noise, key, x)
            moved = lax.stop_gradient(tree.map(lambda x, z: x + sigma * z, x, sample))
            # The sample as a function of x, when what is seen of it stays the same.
            implied = tree.map(lambda x, y: (y - x) / sigma, x, moved)
            one = _one_with_slope_of(noise.log_prob, implied)
            value = fun(moved)
            if baseline is None:
                return tree.map(lambda v: one * v, value)
            return tree.map(lambda v, b: one * v + (1 - one) * b, value, baseline)

        samples = dc.vmap(estimate)(random.split(key, num_samples))
        return tree.map(lambda v: jnp.mean(v, axis=0), samples)

    return perturbed


def _sample_like(noise: Any, key: Any, x: Any) -> Any:
    leaves, structure = tree.flatten(x)
    keys = random.split(key, len(leaves))
    return structure.unflatten(
        [
            noise.sample(key, leaf.shape, leaf.dtype)
            for key, leaf in zip(keys, leaves, strict=True)
        ]
    )


def _one_with_slope_of(log_prob: Callable[[Any], Any], sample: Any) -> Any:
    """The number 1, whose derivatives are those of the sample's density over itself."""
    log_probs = [jnp.sum(log_prob(leaf)) for leaf in tree.leaves(sample)]
    total = functools.reduce(operator.add, log_probs)
    return jnp.exp(total - lax.stop_gradient(total))
