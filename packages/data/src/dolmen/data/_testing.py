"""A check that a pipeline resumes exactly."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def assert_equal_output_after_checkpoint(ds: Iterable[Any]) -> None:
    """Asserts that a dataset goes on equally from every state.

    Args:
        ds: a small dataset, whose iterators have `get_state` and `set_state`.

    Raises:
        AssertionError: it has no elements, or what follows a state is not what
            followed it at first.

    Example:
        >>> from dolmen.data import MapDataset
        >>> ds = MapDataset.range(4).shuffle(0).batch(2)
        >>> assert_equal_output_after_checkpoint(ds)
    """
    iterator: Any = iter(ds)
    states, elements = [iterator.get_state()], []
    for element in iterator:
        elements.append(element)
        states.append(iterator.get_state())
    assert elements, "assert_equal_output_after_checkpoint: `ds` has no elements."
    for step, state in enumerate(states):
        resumed: Any = iter(ds)
        resumed.set_state(state)
        np.testing.assert_equal(
            resumed.get_state(), state, f"The state of step {step} has changed."
        )
        np.testing.assert_equal(
            list(resumed), elements[step:], f"What follows step {step} has changed."
        )
