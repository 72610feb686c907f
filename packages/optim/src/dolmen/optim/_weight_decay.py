"""Decoupled weight decay."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

from dolmen.core import tree

from ._arguments import NumberOrSchedule, as_written, check_broadcast_to_update
from ._counts import safe_increment, zero_count
from ._engine import Rule, transformation
from ._masking import MaskedState, mask_leaves
from ._scaling import value_at
from ._transformation import EmptyState, GradientTransformation, ScalarOrSchedule

AddDecayedWeightsState = EmptyState


class WeightDecaySchedule(NamedTuple):
    """State of `add_decayed_weights` with a schedule.

    Attributes:
        count: steps done, an int32 scalar.

    Example:
        >>> from dolmen import optim
        >>> optim.add_decayed_weights(lambda count: 0.1).init(1.0)
        WeightDecaySchedule(count=Array(0, dtype=int32))
    """

    count: Any


def add_decayed_weights(
    weight_decay: ScalarOrSchedule = 0.0, mask: Any = None
) -> GradientTransformation:
    """Adds `weight_decay` times the parameter to each update.

    Args:
        weight_decay: a number, or a schedule.
        mask: which parameters decay: a tree of booleans like the parameters or a prefix
            of it, or a function from the updates to such a tree. None means all.

    Example:
        >>> transform = add_decayed_weights(0.1, mask={"w": True, "b": False})
        >>> params = {"w": 2.0, "b": 2.0}
        >>> updates, _ = transform.update(
        ...     {"w": 1.0, "b": 1.0}, transform.init(params), params)
        >>> updates
        {'b': Array(1., dtype=float32), 'w': Array(1.2, dtype=float32)}

    Source: Loshchilov and Hutter (2017), arXiv:1711.05101.
    """
    argument = as_written("add_decayed_weights", "weight_decay", weight_decay)
    return transformation(_AddDecayedWeights(weight_decay, mask, argument))


@dataclass(frozen=True)
class _AddDecayedWeights(Rule):
    weight_decay: NumberOrSchedule
    mask: Any
    argument: tuple[str, str]

    name = "add_decayed_weights"
    elementwise = True
    needs_params = True

    def takes(self, packed):
        if self.mask is None:
            return True
        choose = functools.partial(mask_leaves, self.name, self.mask)
        return packed.by_buffer(self.mask, choose) is not None

    def init(self, params):
        state: Any = EmptyState()
        if callable(self.weight_decay):
            state = WeightDecaySchedule(zero_count())
        if self.mask is None:
            return state
        mask_leaves(self.name, self.mask, params)
        return MaskedState(state)

    def prepare(self, updates, state):
        if not callable(self.weight_decay):
            return self.weight_decay, state
        inner = state if self.mask is None else state.inner_state
        new = WeightDecaySchedule(safe_increment(inner.count))
        decay = value_at(self.weight_decay, inner.count, *self.argument)
        return decay, new if self.mask is None else MaskedState(new)

    def selected(self, updates):
        if self.mask is not None:
            return mask_leaves(self.name, self.mask, updates)
        if isinstance(self.weight_decay, int | float) and self.weight_decay == 0:
            # Not only cheaper: 0 * inf would be NaN.
            return (False,) * len(tree.leaves(updates))
        return None

    def apply(self, shared, g, p, slots):
        check_broadcast_to_update(*self.argument, shared, g)
        return g + shared * p, slots
