"""Products with the Hessian, and diagonals."""

from collections.abc import Callable
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, flatten_util, typeof

Loss = Callable[[Any, Any, Any], Any]


def hvp(loss: Loss, v: Any, params: Any, inputs: Any, targets: Any) -> Any:
    """The Hessian of a loss times a vector, at the cost of about two gradients.

    Args:
        loss: from parameters, inputs and targets to a number.
        v: float ``[n]``, with as many elements as the parameters have, in the order of
            `flatten_util.ravel_pytree`.
        params: tree of arrays.
        inputs: passed to `loss`.
        targets: passed to `loss`.

    Returns:
        A tree like `params`.

    Raises:
        ValueError: `v` is not a vector of as many elements as the parameters.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = lambda p, x, y: jnp.sum(p["a"] ** 2 * p["b"])
        >>> params = {"a": jnp.array([3.0]), "b": jnp.array([5.0])}
        >>> hvp(loss, jnp.array([1.0, 0.0]), params, None, None)
        {'a': Array([10.], dtype=float32), 'b': Array([6.], dtype=float32)}

    Source: Pearlmutter (1994), "Fast exact multiplication by the Hessian".
    """
    values, unravel = flatten_util.ravel_pytree(params)
    v = jnp.asarray(v)
    if v.shape != values.shape:
        raise ValueError(
            extend.error_message(
                f"hvp: `v` must have one element for each of the parameters, "
                f"{typeof(values)}, got {typeof(v)}.",
                "Flatten a tree with `flatten_util.ravel_pytree`.",
            )
        )
    return unravel(_product(loss, values, unravel, inputs, targets)(v))


def hessian_diag(loss: Loss, params: Any, inputs: Any, targets: Any) -> Any:
    """The diagonal of the Hessian of a loss, exactly.

    Costs as many products with the Hessian as there are parameters, and the memory of
    that many gradients. For large models estimate it (`contrib` has Hutchinson's).

    Args:
        loss: from parameters, inputs and targets to a number.
        params: tree of arrays.
        inputs: passed to `loss`.
        targets: passed to `loss`.

    Returns:
        float ``[n]``, in the order of `flatten_util.ravel_pytree`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = lambda p, x, y: jnp.sum(p**3)
        >>> hessian_diag(loss, jnp.array([1.0, 2.0]), None, None)
        Array([ 6., 12.], dtype=float32)
    """
    values, unravel = flatten_util.ravel_pytree(params)
    product = _product(loss, values, unravel, inputs, targets)
    basis = jnp.eye(values.size, dtype=values.dtype)
    return dc.vmap(lambda e: jnp.vdot(e, product(e)))(basis)


def fisher_diag(
    negative_log_likelihood: Loss, params: Any, inputs: Any, targets: Any
) -> Any:
    """The square of the gradient of a log likelihood.

    The diagonal of the empirical Fisher information is the mean of this over examples;
    of a whole batch at once this is the square of the mean gradient, which is smaller.

    Args:
        negative_log_likelihood: from parameters, inputs and targets to a number.
        params: tree of arrays.
        inputs: passed to it.
        targets: passed to it.

    Returns:
        float ``[n]``, in the order of `flatten_util.ravel_pytree`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> loss = lambda p, x, y: jnp.sum(p * x)
        >>> fisher_diag(loss, jnp.array([1.0, 2.0]), jnp.array([3.0, -4.0]), None)
        Array([ 9., 16.], dtype=float32)
    """
    slope = dc.grad(negative_log_likelihood)(params, inputs, targets)
    return jnp.square(flatten_util.ravel_pytree(slope)[0])


def _product(
    loss: Loss, values: Any, unravel: Any, inputs: Any, targets: Any
) -> Callable[[Any], Any]:
    """The linear function from a vector to the Hessian times it."""

    def flat(values: Any) -> Any:
        return loss(unravel(values), inputs, targets)

    slope = dc.grad(flat)
    return lambda v: dc.jvp(slope, (values,), (v.astype(values.dtype),))[1]
