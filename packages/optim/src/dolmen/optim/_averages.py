"""Slow copies of parameters: averages, and copies made now and then."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._trees import check_structures


def incremental_update(new_tensors: Any, old_tensors: Any, step_size: Any) -> Any:
    """``step_size * new + (1 - step_size) * old``: an exponential moving average.

    Args:
        new_tensors: tree of arrays.
        old_tensors: tree of the same structure and shapes; None where the other has
            None.
        step_size: 1 takes the new ones, 0 keeps the old ones.

    Raises:
        ValueError: the trees differ.

    Example:
        >>> incremental_update({"w": 1.0}, {"w": 3.0}, 0.25)
        {'w': 2.5}

    Source: Polyak and Juditsky (1992), "Acceleration of stochastic approximation by
    averaging".
    """
    _check("incremental_update", new_tensors, old_tensors)
    return tree.map(
        lambda new, old: step_size * new + (1 - step_size) * old,
        new_tensors,
        old_tensors,
    )


def periodic_update(
    new_tensors: Any, old_tensors: Any, steps: Any, update_period: Any
) -> Any:
    """The new tree in every `update_period`-th step, the old one in all others.

    Args:
        new_tensors: tree of arrays.
        old_tensors: tree of the same structure and shapes.
        steps: steps done, an integer.
        update_period: a positive integer; new ones are taken where it divides `steps`.

    Raises:
        ValueError: the trees differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> new, old = {"w": jnp.ones(1)}, {"w": jnp.zeros(1)}
        >>> [float(periodic_update(new, old, n, 2)["w"][0]) for n in range(4)]
        [1.0, 0.0, 1.0, 0.0]
    """
    _check("periodic_update", new_tensors, old_tensors)
    is_due = jnp.mod(steps, update_period) == 0
    return tree.map(
        lambda new, old: jnp.where(is_due, new, old), new_tensors, old_tensors
    )


def _check(function: str, new_tensors: Any, old_tensors: Any) -> None:
    check_structures(
        function,
        ("`new_tensors`", new_tensors),
        ("`old_tensors`", old_tensors),
        "Start with a copy of the new ones.",
    )
