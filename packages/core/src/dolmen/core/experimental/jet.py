"""Taylor mode: derivatives of any order along a curve.

Example:
    >>> import dolmen.core.numpy as jnp
    >>> from dolmen.core.experimental.jet import jet
    >>> value, (first, second) = jet(jnp.cos, (0.0,), ((1.0, 0.0),))
    >>> float(value), float(second)
    (1.0, -1.0)
"""

from .._higher_order._jet import jet as jet
