"""Averages of the parameters themselves, which often generalize better."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend

from ._arguments import Number
from ._counts import safe_increment, zero_count
from ._engine import Rule, copied_params, transformation
from ._moments import stored
from ._transformation import GradientTransformation
from ._trees import check_floating


class ParamsEmaState(NamedTuple):
    """State of `params_ema`.

    Attributes:
        count: steps done, an int32 scalar.
        average: moving average of the parameters, a tree like them.

    Example:
        >>> from dolmen import optim
        >>> optim.params_ema(0.9).init({"w": 1.0}).average
        {'w': Array(1., dtype=float32)}
    """

    count: Any
    average: Any


def params_ema(decay: Any = 0.999, *, warmup: bool = True) -> GradientTransformation:
    """Follows the parameters with a moving average; updates pass unchanged.

    Belongs last in a chain: the average takes in the parameters *after* the update.
    Read it with ``optim.tree.get(state, "average")``. It is kept in float32 or wider.

    Args:
        decay: weight of the past.
        warmup: lower the decay to ``(1 + t) / (10 + t)`` in early steps ``t``, counted
            from 0, so that the first parameters are forgotten soon.

    Example:
        >>> from dolmen import optim
        >>> optimizer = optim.chain(
        ...     optim.sgd(1.0), optim.params_ema(0.5, warmup=False))
        >>> state = optimizer.init([4.0])
        >>> updates, state = optimizer.update([2.0], state, [4.0])
        >>> optim.tree.get(state, "average")  # between 4 and 2
        [Array(3., dtype=float32)]

    Source: Polyak and Juditsky (1992), "Acceleration of stochastic approximation by
    averaging"; Tarvainen and Valpola (2017), arXiv:1703.01780.
    """
    return transformation(_ParamsEma(decay, warmup))


@dataclass(frozen=True)
class _ParamsEma(Rule):
    decay: Number
    warmup: bool

    name = "params_ema"
    elementwise = True
    slots = ("average",)
    needs_params = True

    def init(self, params):
        return ParamsEmaState(zero_count(), _copied(self.name, params))

    def prepare(self, updates, state):
        weight = 1 - self.decay
        if self.warmup:
            weight = jnp.maximum(weight, 9 / (10 + state.count))
        return weight, state._replace(count=safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        (average,) = slots
        new = average + shared * ((p + g).astype(average.dtype) - average)
        return g, stored((new,), slots)


class ParamsMeanState(NamedTuple):
    """State of `params_mean`.

    Attributes:
        count: steps done, an int32 scalar.
        taken: how many of them are in the mean, an int32 scalar.
        average: mean of the parameters, a tree like them.

    Example:
        >>> from dolmen import optim
        >>> optim.params_mean(start=10).init({"w": 1.0}).average
        {'w': Array(1., dtype=float32)}
    """

    count: Any
    taken: Any
    average: Any


def params_mean(start: int, every: int = 1) -> GradientTransformation:
    """Takes the mean of the parameters from some step on (stochastic weight averaging).

    Belongs last in a chain: the mean takes in the parameters *after* the update. Read
    it with ``optim.tree.get(state, "average")``; until the first are taken, it is what
    `init` got. It is kept in float32 or wider; updates pass unchanged.

    Args:
        start: the first step that is taken, counted from 1.
        every: how many steps lie between those taken, such as the steps of an epoch.

    Raises:
        ValueError: `start` or `every` is not positive.

    Example:
        >>> from dolmen import optim
        >>> optimizer = optim.chain(optim.sgd(1.0), optim.params_mean(start=2))
        >>> params, state = [8.0], optimizer.init([8.0])
        >>> for _ in range(3):
        ...     updates, state = optimizer.update([1.0], state, params)
        ...     params = optim.apply_updates(params, updates)
        >>> optim.tree.get(state, "average")  # of 6 and 5
        [Array(5.5, dtype=float32)]

    Source: Izmailov et al. (2018), arXiv:1803.05407.
    """
    for name, value in (("start", start), ("every", every)):
        if value < 1:
            raise ValueError(
                extend.error_message(
                    f"params_mean: `{name}` must be positive, got {value}.",
                    "Steps are counted from 1.",
                )
            )
    return transformation(_ParamsMean(start, every))


@dataclass(frozen=True)
class _ParamsMean(Rule):
    start: int
    every: int

    name = "params_mean"
    elementwise = True
    slots = ("average",)
    needs_params = True

    def init(self, params):
        average = _copied(self.name, params)
        return ParamsMeanState(zero_count(), zero_count(), average)

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        is_taken = (count >= self.start) & ((count - self.start) % self.every == 0)
        taken = jnp.where(is_taken, safe_increment(state.taken), state.taken)
        weight = jnp.where(is_taken, 1 / jnp.maximum(taken, 1), 0)
        return weight, state._replace(count=count, taken=taken)

    def apply(self, shared, g, p, slots):
        (average,) = slots
        new = average + shared * ((p + g).astype(average.dtype) - average)
        return g, stored((new,), slots)


def _copied(name: str, params: Any) -> Any:
    check_floating(name, "`params`", params)
    return copied_params(params)
