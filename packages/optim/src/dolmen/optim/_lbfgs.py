"""L-BFGS: Newton's method with a Hessian guessed from the latest steps."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, tree

from ._chain import chain
from ._counts import safe_increment, zero_count
from ._line_searches import real_product
from ._scaling import scale, scale_by_learning_rate
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
)
from ._trees import check_against_state, check_floating
from ._zoom import scale_by_zoom_linesearch


class ScaleByLBFGSState(NamedTuple):
    """State of `scale_by_lbfgs`.

    Attributes:
        count: steps done, an int32 scalar.
        params: parameters of the last step.
        updates: its gradient.
        diff_params_memory: the latest differences of parameters, leaves
            ``[memory_size, ...]``, each in the place of the oldest.
        diff_updates_memory: those of gradients.
        weights_memory: the inverses of their inner products, ``[memory_size]``; 0
            where there is nothing yet.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_lbfgs(memory_size=3).init(1.0).weights_memory
        Array([0., 0., 0.], dtype=float32)
    """

    count: Any
    params: Any
    updates: Any
    diff_params_memory: Any
    diff_updates_memory: Any
    weights_memory: Any


def scale_by_lbfgs(
    memory_size: int = 10, scale_init_precond: bool = True
) -> GradientTransformation:
    """Multiplies gradients by an estimate of the inverse Hessian.

    The estimate comes from how parameters and gradients changed in the latest steps. It
    suits gradients without noise, of the whole data.

    Args:
        memory_size: how many steps it remembers.
        scale_init_precond: start from the identity scaled by the last step's curvature;
            in the first step, by the inverse norm of the gradient if that is above 1.

    Raises:
        ValueError: `memory_size` is less than 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_lbfgs()
        >>> params = jnp.array([3.0, 4.0])
        >>> updates, _ = transform.update(params, transform.init(params), params)
        >>> updates
        Array([0.6, 0.8], dtype=float32)

    Source: Liu and Nocedal (1989), "On the limited memory BFGS method for large scale
    optimization"; Nocedal and Wright, "Numerical Optimization", algorithm 7.4.
    """
    if memory_size < 1:
        raise ValueError(
            extend.error_message(
                f"scale_by_lbfgs: `memory_size` must be at least 1, got {memory_size}.",
                "Pass how many steps to remember, such as 10.",
            )
        )

    def init(params: Any) -> ScaleByLBFGSState:
        check_floating("scale_by_lbfgs", "`params`", params)

        def zeros(*shape: int) -> Any:
            return tree.map(
                lambda p: jnp.zeros((*shape, *jnp.shape(p)), jnp.result_type(p)), params
            )

        return ScaleByLBFGSState(
            count=zero_count(),
            params=zeros(),
            updates=zeros(),
            diff_params_memory=zeros(memory_size),
            diff_updates_memory=zeros(memory_size),
            weights_memory=jnp.zeros(memory_size, real_product(zeros(), zeros()).dtype),
        )

    def update(
        updates: Any, state: ScaleByLBFGSState, params: Any = None
    ) -> tuple[Any, ScaleByLBFGSState]:
        slot = ("params", state.params)
        check_against_state("scale_by_lbfgs", slot, updates, params)
        steps = tree.map(jnp.subtract, params, state.params)
        changes = tree.map(jnp.subtract, updates, state.updates)
        product = real_product(changes, steps)
        is_first = state.count == 0
        # Negative curvature would point uphill, and nothing precedes the first step.
        usable = (product > 0) & ~is_first
        weight = jnp.where(usable, 1 / jnp.where(usable, product, 1), 0)
        place = (state.count - 1) % memory_size

        def remember(memory: Any, value: Any) -> Any:
            kept = jnp.where(is_first, memory[place], value)
            return lax.dynamic_update_index_in_dim(
                memory, kept.astype(memory.dtype), place, 0
            )

        state = ScaleByLBFGSState(
            safe_increment(state.count),
            tree.map(lambda p, old: jnp.asarray(p, old.dtype), params, state.params),
            tree.map(lambda g, old: jnp.asarray(g, old.dtype), updates, state.updates),
            tree.map(remember, state.diff_params_memory, steps),
            tree.map(remember, state.diff_updates_memory, changes),
            remember(state.weights_memory, weight),
        )
        factor: Any = 1.0
        if scale_init_precond:
            size = jnp.sqrt(real_product(updates, updates))
            curved = product / jnp.where(usable, real_product(changes, changes), 1)
            first = jnp.minimum(1, 1 / jnp.where(size > 0, size, 1))
            factor = jnp.where(usable, curved, jnp.where(is_first, first, 1))
        oldest = (place + 1) % memory_size
        order = (oldest + jnp.arange(memory_size)) % memory_size
        return _times_inverse_hessian(updates, state, order, factor), state

    return GradientTransformation(init, update)


def _times_inverse_hessian(
    vector: Any, state: ScaleByLBFGSState, order: Any, factor: Any
) -> Any:
    """The two loops over what is remembered.

    Args:
        vector: tree like the parameters.
        state: what is remembered.
        order: places of the memory, ``[memory_size]``, oldest first.
        factor: of the identity that the estimate starts from.
    """

    def at(place: Any) -> tuple[Any, Any, Any]:
        return (
            tree.map(lambda m: m[place], state.diff_params_memory),
            tree.map(lambda m: m[place], state.diff_updates_memory),
            state.weights_memory[place],
        )

    def back(vector: Any, place: Any) -> tuple[Any, Any]:
        step, change, weight = at(place)
        share = weight * real_product(step, vector)
        return _plus(vector, -share, change), share

    def forth(vector: Any, place_and_share: Any) -> tuple[Any, None]:
        place, share = place_and_share
        step, change, weight = at(place)
        beta = weight * real_product(change, vector)
        return _plus(vector, share - beta, step), None

    vector, shares = lax.scan(back, vector, order, reverse=True)
    vector = tree.map(lambda v: (factor * v).astype(v.dtype), vector)
    vector, _ = lax.scan(forth, vector, (order, shares))
    return vector


def _plus(vector: Any, factor: Any, other: Any) -> Any:
    return tree.map(lambda v, o: (v + factor * o).astype(v.dtype), vector, other)


_ZOOM = scale_by_zoom_linesearch(max_linesearch_steps=20, initial_guess_strategy="one")


def lbfgs(
    learning_rate: ScalarOrSchedule | None = None,
    memory_size: int = 10,
    scale_init_precond: bool = True,
    linesearch: GradientTransformation | None = _ZOOM,
) -> GradientTransformationExtraArgs:
    """L-BFGS with a line search.

    Its `update` needs the parameters and, for the line search, the keyword arguments
    ``value``, ``grad`` and ``value_fn``. Minimize functions without noise with it.

    Args:
        learning_rate: factor of the updates before the line search; None for 1.
        memory_size: how many steps it remembers.
        scale_init_precond: start from a scaled identity, see `scale_by_lbfgs`.
        linesearch: the last transform of the chain; None for none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> f = lambda x: jnp.sum((x - 1.0) ** 2)
        >>> optimizer = optim.lbfgs()
        >>> x = jnp.zeros(3)
        >>> state = optimizer.init(x)
        >>> value_and_grad = optim.value_and_grad_from_state(f)
        >>> for _ in range(4):
        ...     value, grad = value_and_grad(x, state=state)
        ...     updates, state = optimizer.update(
        ...         grad, state, x, value=value, grad=grad, value_fn=f)
        ...     x = optim.apply_updates(x, updates)
        >>> jnp.round(x, 4)
        Array([1., 1., 1.], dtype=float32)

    Source: Liu and Nocedal (1989), "On the limited memory BFGS method for large scale
    optimization".
    """
    factor = (
        scale(-1.0) if learning_rate is None else scale_by_learning_rate(learning_rate)
    )
    parts = [scale_by_lbfgs(memory_size, scale_init_precond), factor]
    return chain(*parts, *([] if linesearch is None else [linesearch]))
