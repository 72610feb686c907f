"""Doing one thing or another, by a boolean that may be traced."""

from collections.abc import Callable
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax, tree
from dolmen.core.extend import Tracer


def either(condition: Any, run: Callable[[], Any], skip: Callable[[], Any]) -> Any:
    """What `run` returns where `condition` holds, what `skip` returns elsewhere.

    A traced condition becomes `lax.cond`, so that only one of the two is computed; any
    other is looked at, and only one of the two is called.
    """
    if isinstance(condition, Tracer):
        return lax.cond(condition, run, skip)
    return run() if condition else skip()


def update_or_zeros(
    condition: Any, update: Callable[[], tuple[Any, Any]], state: Any
) -> tuple[Any, Any]:
    """New updates and state where `condition` holds, zeros and `state` elsewhere."""
    return either(
        condition,
        update,
        lambda: (zeros(dc.eval_shape(update)[0]), state),
    )


def zeros(types: Any) -> Any:
    """Zeros in the shapes and dtypes of a tree that `eval_shape` returned."""
    return tree.map(lambda type: jnp.zeros(type.shape, type.dtype), types)
