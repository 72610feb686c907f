"""Changing gradients on their way back."""

from typing import Any

import dolmen.core as dc
from dolmen.core import tree


def scale_gradient(inputs: Any, scale: Any) -> Any:
    """Returns its inputs, whose derivatives are multiplied by a number.

    Args:
        inputs: tree of arrays.
        scale: -1 reverses gradients, 0 stops them.

    Example:
        >>> import dolmen.core as dc
        >>> dc.value_and_grad(lambda x: scale_gradient(x, -0.5) ** 2)(3.0)
        (Array(9., dtype=float32, weak_type=True),
         Array(-3., dtype=float32, weak_type=True))

    Source: Ganin and Lempitsky (2014), arXiv:1409.7495.
    """
    return tree.map(lambda x: _scaled(x, scale), inputs)


@dc.custom_jvp
def _scaled(x: Any, scale: Any) -> Any:
    return x


@_scaled.defjvp
def _(primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x, scale), (dx, _) = primals, tangents
    return _scaled(x, scale), (scale * dx).astype(dx.dtype)
