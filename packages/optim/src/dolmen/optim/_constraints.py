"""Updates that keep parameters, or themselves, in bounds."""

from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._engine import Rule, transformation
from ._transformation import EmptyState, GradientTransformation

NonNegativeParamsState = EmptyState


def keep_params_nonnegative() -> GradientTransformation:
    """Changes updates so that parameters that aren't negative stay so.

    It belongs at the end of a chain. What would be negative becomes zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = keep_params_nonnegative()
        >>> params = jnp.array([1.0, 1.0])
        >>> updates, _ = transform.update(
        ...     jnp.array([-3.0, -0.5]), transform.init(params), params)
        >>> updates
        Array([-1. , -0.5], dtype=float32)
    """
    return transformation(_KeepNonNegative())


class _KeepNonNegative(Rule):
    name = "keep_params_nonnegative"
    elementwise = True
    needs_params = True

    def apply(self, shared, g, p, slots):
        return jnp.where(p + g < 0, -p, g).astype(g.dtype), slots


class ZeroNansState(NamedTuple):
    """State of `zero_nans`.

    Attributes:
        found_nan: tree of boolean scalars: whether the last update of that parameter
            held a NaN.

    Example:
        >>> from dolmen import optim
        >>> optim.zero_nans().init({"w": 1.0})
        ZeroNansState(found_nan={'w': Array(False, dtype=bool)})
    """

    found_nan: Any


def zero_nans() -> GradientTransformation:
    """Replaces NaN by zero. Infinities stay.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = zero_nans()
        >>> updates, state = transform.update(
        ...     jnp.array([jnp.nan, 1.0]), transform.init(jnp.zeros(2)))
        >>> updates, bool(state.found_nan)
        (Array([0., 1.], dtype=float32), True)
    """

    def init(params: Any) -> ZeroNansState:
        return ZeroNansState(tree.map(lambda p: jnp.asarray(False), params))

    def update(
        updates: Any, state: ZeroNansState, params: Any = None
    ) -> tuple[Any, ZeroNansState]:
        leaves, structure = tree.flatten(updates)
        made = [_without_nans(leaf) for leaf in leaves]
        return structure.unflatten([kept for kept, _ in made]), ZeroNansState(
            structure.unflatten([found for _, found in made])
        )

    return GradientTransformation(init, update)


@dc.jit
def _without_nans(leaf: Any) -> tuple[Any, Any]:
    missing = jnp.isnan(leaf)
    return jnp.where(missing, 0, leaf), jnp.any(missing)
