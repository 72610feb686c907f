"""What line searches share, and the one that steps back until the value falls."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import debug, extend, lax, tree

from ._choosing import either
from ._norms import inner_product
from ._transformation import GradientTransformationExtraArgs


def real_product(a: Any, b: Any) -> Any:
    """The real part of two trees' inner product: a slope, where one is a gradient."""
    return jnp.real(inner_product(a, b))


def moved(params: Any, step: Any, updates: Any) -> Any:
    """Parameters a step along the updates, in the dtypes of the parameters."""
    return tree.map(
        lambda p, u: (p + step * u).astype(jnp.result_type(p)), params, updates
    )


def taken(step: Any, updates: Any) -> Any:
    """Updates of that step, in the dtypes of the updates."""
    return tree.map(lambda u: (step * u).astype(jnp.result_type(u)), updates)


def arguments_of(
    value_fn: Callable[..., Any], extra_args: Mapping[str, Any]
) -> dict[str, Any]:
    """Those extra arguments of `update` that the function takes."""
    parameters = inspect.signature(value_fn).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(extra_args)
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in extra_args.items() if name in names}


def check_given(function: str, params: Any, **given: Any) -> None:
    """Raise unless all that a line search needs was passed to `update`.

    Raises:
        TypeError: something was not; it is named.
    """
    missing = [f"`{name}`" for name in given if given[name] is None]
    if params is None:
        missing.insert(0, "`params`")
    if missing:
        raise TypeError(
            extend.error_message(
                f"{function}: `update` needs {', '.join(missing)}.",
                "Call `update(grads, state, params, value=value, grad=grads, "
                "value_fn=f)`, where `value, grads = value_and_grad(f)(params)`.",
            )
        )


class BacktrackingLinesearchInfo(NamedTuple):
    """How a search went.

    Attributes:
        num_linesearch_steps: values computed, an int32 scalar.
        decrease_error: by how much the last is too large, 0 if it isn't.

    Example:
        >>> from dolmen import optim
        >>> state = optim.scale_by_backtracking_linesearch(10).init(1.0)
        >>> int(state.info.num_linesearch_steps)
        0
    """

    num_linesearch_steps: Any
    decrease_error: Any


class ScaleByBacktrackingLinesearchState(NamedTuple):
    """State of `scale_by_backtracking_linesearch`.

    Attributes:
        learning_rate: step taken last.
        value: of the function there, infinite before the first step.
        grad: gradient there, or None where it is not stored.
        info: how the last search went.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_backtracking_linesearch(10).init(1.0).value
        Array(inf, dtype=float32)
    """

    learning_rate: Any
    value: Any
    grad: Any
    info: BacktrackingLinesearchInfo


def scale_by_backtracking_linesearch(
    max_backtracking_steps: int,
    slope_rtol: Any = 1e-4,
    decrease_factor: Any = 0.8,
    increase_factor: Any = 1.5,
    max_learning_rate: Any = 1.0,
    atol: Any = 0.0,
    rtol: Any = 0.0,
    store_grad: bool = False,
    verbose: bool = False,
) -> GradientTransformationExtraArgs:
    """Scales updates by the first step, of ever smaller ones, that lowers the value.

    A step ``s`` along updates ``u`` is taken if
    ``f(p + s u) <= (1 + rtol) f(p) + slope_rtol s <u, grad f(p)> + atol``. It belongs
    at the end of a chain. Its `update` needs the parameters and the keyword arguments
    ``value``, ``grad`` and ``value_fn``; other arguments go to ``value_fn``.

    Args:
        max_backtracking_steps: how many smaller steps to try before one is taken
            anyway.
        slope_rtol: share of the decrease that the slope promises which must come true.
        decrease_factor: of each step to the one tried before.
        increase_factor: of the first step tried to the last one taken.
        max_learning_rate: the largest step.
        atol: increase of the value that is no harm.
        rtol: the same, relative to the value.
        store_grad: compute the gradient at the new parameters, too, for
            `value_and_grad_from_state`.
        verbose: print every value.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen import optim
        >>> f = lambda x: 3 * x**2
        >>> optimizer = optim.chain(
        ...     optim.sgd(1.0), optim.scale_by_backtracking_linesearch(15))
        >>> x, state = 2.0, optimizer.init(2.0)
        >>> value, grad = dc.value_and_grad(f)(x)
        >>> updates, state = optimizer.update(
        ...     grad, state, x, value=value, grad=grad, value_fn=f)
        >>> float(f(x + updates)) < float(value)
        True

    Source: Armijo (1966), "Minimization of functions having Lipschitz continuous first
    partial derivatives"; Nocedal and Wright, "Numerical Optimization", algorithm 3.1.
    """

    def init(params: Any) -> ScaleByBacktrackingLinesearchState:
        dtype = jnp.promote_types(real_dtype_of(params), jnp.float32)
        return ScaleByBacktrackingLinesearchState(
            learning_rate=jnp.asarray(1.0, dtype),
            value=jnp.asarray(jnp.inf, dtype),
            grad=tree.map(jnp.zeros_like, params) if store_grad else None,
            info=BacktrackingLinesearchInfo(
                jnp.asarray(0, jnp.int32), jnp.asarray(jnp.inf, dtype)
            ),
        )

    def update(
        updates: Any,
        state: ScaleByBacktrackingLinesearchState,
        params: Any = None,
        *,
        value: Any = None,
        grad: Any = None,
        value_fn: Callable[..., Any] | None = None,
        **extra_args: Any,
    ) -> tuple[Any, ScaleByBacktrackingLinesearchState]:
        check_given(
            "scale_by_backtracking_linesearch",
            params,
            value=value,
            grad=grad,
            value_fn=value_fn,
        )
        assert value_fn is not None
        arguments = arguments_of(value_fn, extra_args)
        slope = real_product(updates, grad)
        dtype = state.value.dtype

        def value_at(step: Any) -> tuple[Any, Any]:
            new = value_fn(moved(params, step, updates), **arguments)
            new = jnp.asarray(new, dtype)
            bound = (1.0 + rtol) * value + slope_rtol * step * slope + atol
            # What is no number is no decrease.
            error = jnp.where(jnp.isnan(new), jnp.inf, jnp.maximum(new - bound, 0.0))
            if verbose:
                debug.print(
                    "step {}: value {}, too large by {}", step, new, error, ordered=True
                )
            return new, error.astype(dtype)

        def too_large(carry: Any) -> Any:
            tries, _, _, error = carry
            return (error > 0.0) & (tries <= max_backtracking_steps)

        def step_back(carry: Any) -> Any:
            tries, step, _, _ = carry
            step = step * decrease_factor
            return tries + 1, step, *value_at(step)

        first = jnp.minimum(increase_factor * state.learning_rate, max_learning_rate)
        first = first.astype(dtype)
        tries, step, new, error = lax.while_loop(
            too_large, step_back, (jnp.int32(1), first, *value_at(first))
        )
        kept = None
        if store_grad:
            kept = dc.grad(value_fn)(moved(params, step, updates), **arguments)
        return taken(step, updates), ScaleByBacktrackingLinesearchState(
            step, new, kept, BacktrackingLinesearchInfo(tries, error)
        )

    return GradientTransformationExtraArgs(init, update)


def real_dtype_of(params: Any) -> Any:
    leaves = tree.leaves(params)
    return jnp.real(jnp.zeros((), jnp.result_type(*leaves) if leaves else None)).dtype


def value_and_grad_from_state(
    value_fn: Callable[..., Any],
) -> Callable[..., tuple[Any, Any]]:
    """`value_and_grad`, which a line search may have computed already.

    Args:
        value_fn: from parameters and other arguments to a scalar.

    Returns:
        A function that takes the state of the optimizer as `state` besides. It returns
        the value and gradient kept there, or computes them if that value is not
        finite, as at the start.

    Raises:
        ValueError: the state keeps no value or no gradient, or several of them.

    Example:
        >>> from dolmen import optim
        >>> f = lambda x: (x - 1.0) ** 2
        >>> optimizer = optim.lbfgs()
        >>> x, state = 3.0, optimizer.init(3.0)
        >>> value_and_grad = optim.value_and_grad_from_state(f)
        >>> for _ in range(3):
        ...     value, grad = value_and_grad(x, state=state)
        ...     updates, state = optimizer.update(
        ...         grad, state, x, value=value, grad=grad, value_fn=f)
        ...     x = x + updates
        >>> round(float(x), 4)
        1.0
    """

    def value_and_grad(
        params: Any, *args: Any, state: Any, **kwargs: Any
    ) -> tuple[Any, Any]:
        kept = list(_searches(state))
        if len(kept) != 1:
            raise ValueError(
                extend.error_message(
                    "value_and_grad_from_state: `state` must hold one line search "
                    f"that keeps gradients, got {len(kept)}.",
                    "Use `lbfgs`, or `scale_by_backtracking_linesearch(..., "
                    "store_grad=True)`.",
                )
            )
        (search,) = kept

        def compute() -> tuple[Any, Any]:
            value, grad = dc.value_and_grad(value_fn)(params, *args, **kwargs)
            return jnp.asarray(value, search.value.dtype), tree.map(
                lambda g, old: jnp.asarray(g, old.dtype), grad, search.grad
            )

        return either(
            jnp.isfinite(search.value), lambda: (search.value, search.grad), compute
        )

    return value_and_grad


def _searches(state: Any) -> Any:
    """States of line searches with gradients in a state, however deep."""
    if hasattr(state, "value") and getattr(state, "grad", None) is not None:
        yield state
    elif isinstance(state, tuple | list):
        for part in state:
            yield from _searches(part)
    elif isinstance(state, Mapping):
        for part in state.values():
            yield from _searches(part)
