"""Updates of several steps, gathered and applied as one."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from ._arguments import Number
from ._choosing import either, zeros
from ._counts import safe_increment, zero_count
from ._engine import Rule, transformation, zeros_like_params
from ._norms import global_norm
from ._packed import takes_packed
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    Schedule,
    check_state,
    with_extra_args_support,
)
from ._trees import is_inexact


class ShouldSkipUpdateFunction(Protocol):
    """Whether `MultiSteps` leaves out a gradient.

    Example:
        >>> from dolmen import optim
        >>> def skip_first(updates, gradient_step, params):
        ...     return gradient_step == 0, ()
        >>> optimizer = optim.MultiSteps(
        ...     optim.sgd(1.0), 1, should_skip_update_fn=skip_first)
        >>> float(optimizer.update(1.0, optimizer.init(0.0))[0])
        0.0
    """

    def __call__(
        self, updates: Any, gradient_step: Any, params: Any
    ) -> tuple[Any, Any]:
        """Whether to leave it out, and what to keep in the state for those who watch.

        Args:
            updates: the gradient.
            gradient_step: how often the inner optimizer has run.
            params: the parameters.

        Returns:
            A boolean scalar and a tree of arrays.
        """
        ...


def skip_not_finite(
    updates: Any, gradient_step: Any, params: Any
) -> tuple[Any, dict[str, Any]]:
    """Leave out gradients that hold NaN or infinities; for `MultiSteps`.

    Returns:
        Whether to leave it out; and the same as ``"should_skip"``, with
        ``"num_not_finite"``, the number of such elements, an int32 scalar.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> skip, state = skip_not_finite(jnp.array([1.0, jnp.nan]), 0, None)
        >>> bool(skip), int(state["num_not_finite"])
        (True, 1)
    """
    del gradient_step, params
    count = _not_finite([leaf for leaf in tree.leaves(updates) if is_inexact(leaf)])
    skip = count > 0
    return skip, {"should_skip": skip, "num_not_finite": count}


@dc.jit
def _not_finite(leaves: list[Any]) -> Any:
    counts = [jnp.sum(~jnp.isfinite(leaf), dtype=jnp.int32) for leaf in leaves]
    return jnp.sum(jnp.asarray(counts, jnp.int32))


def skip_large_updates(
    updates: Any, gradient_step: Any, params: Any, max_squared_norm: Any
) -> tuple[Any, dict[str, Any]]:
    """Leave out gradients with a large or no finite norm; for `MultiSteps`.

    Args:
        updates: the gradient.
        gradient_step: ignored.
        params: ignored.
        max_squared_norm: square of the largest `global_norm` that counts; bind it with
            `functools.partial`.

    Returns:
        Whether to leave it out; and the same as ``"should_skip"``, with
        ``"norm_squared"``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> skip, _ = skip_large_updates(jnp.array([3.0, 4.0]), 0, None, 20.0)
        >>> bool(skip)
        True
    """
    del gradient_step, params
    squared = jnp.square(global_norm(updates))
    # NaN is not below any bound, either.
    skip = jnp.logical_not(squared < max_squared_norm)
    return skip, {"should_skip": skip, "norm_squared": squared}


class MultiStepsState(NamedTuple):
    """State of `MultiSteps`.

    Attributes:
        mini_step: gradients gathered since the inner optimizer ran, an int32 scalar.
        gradient_step: how often it ran, an int32 scalar.
        inner_opt_state: its state.
        acc_grads: mean or sum of the gradients gathered, a tree like the parameters.
        skip_state: what `should_skip_update_fn` keeps.

    Example:
        >>> from dolmen import optim
        >>> state = optim.MultiSteps(optim.sgd(1.0), 2).init({"w": 1.0})
        >>> state.acc_grads
        {'w': Array(0., dtype=float32)}
    """

    mini_step: Any
    gradient_step: Any
    inner_opt_state: Any
    acc_grads: Any
    skip_state: Any = ()


class MultiSteps:
    """Gathers the gradients of several steps, and then runs an optimizer once.

    So it does with small batches what it would do with one as large as all of them
    together. Updates of the steps between are zeros.

    Args:
        opt: the optimizer.
        every_k_schedule: how many gradients to gather, or a schedule of that number by
            how often `opt` ran.
        use_grad_mean: gather the mean of the gradients; otherwise their sum.
        should_skip_update_fn: tells which gradients to leave out, like
            `skip_not_finite`.
        accumulator_dtype: dtype of what is gathered; None for that of the parameters,
            or float32 if wider.

    Raises:
        TypeError: `every_k_schedule` is neither an integer nor callable.
        ValueError: it is less than 1.

    Example:
        >>> from dolmen import optim
        >>> optimizer = optim.MultiSteps(optim.sgd(1.0), every_k_schedule=2)
        >>> state = optimizer.init(0.0)
        >>> for gradient in (1.0, 3.0):
        ...     updates, state = optimizer.update(gradient, state)
        ...     print(float(updates), bool(optimizer.has_updated(state)))
        0.0 False
        -2.0 True
    """

    def __init__(
        self,
        opt: GradientTransformation,
        every_k_schedule: int | Schedule,
        use_grad_mean: bool = True,
        should_skip_update_fn: ShouldSkipUpdateFunction | None = None,
        accumulator_dtype: Any = jnp.float32,
    ) -> None:
        self._opt = with_extra_args_support(opt)
        self._every_k = _schedule_of_counts(every_k_schedule)
        self._use_grad_mean = use_grad_mean
        self._should_skip = should_skip_update_fn
        self._accumulator_dtype = accumulator_dtype

    @property
    def inner_opt(self) -> GradientTransformationExtraArgs:
        """The optimizer that runs with what was gathered."""
        return self._opt

    def init(self, params: Any) -> MultiStepsState:
        """First state."""
        gathered = zeros_like_params("MultiSteps", params, self._accumulator_dtype)
        kept: Any = ()
        if self._should_skip is not None:
            _, kept = self._should_skip(gathered, zero_count(), params)
        return MultiStepsState(
            zero_count(), zero_count(), self._opt.init(params), gathered, kept
        )

    def update(
        self,
        updates: Any,
        state: MultiStepsState,
        params: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, MultiStepsState]:
        """Zeros, or what the optimizer returns; and the new state."""
        check_state("MultiSteps", state, MultiStepsState)
        wanted = self._every_k(state.gradient_step)
        step = _add_to_mean if self._use_grad_mean else _add_to_sum
        gathered = tree.map(
            lambda total, g: step(total, g, state.mini_step), state.acc_grads, updates
        )

        def run() -> tuple[Any, MultiStepsState]:
            made, inner = self._opt.update(
                gathered, state.inner_opt_state, params, **extra_args
            )
            return made, state._replace(
                mini_step=zero_count(),
                gradient_step=safe_increment(state.gradient_step),
                inner_opt_state=inner,
                acc_grads=tree.map(jnp.zeros_like, gathered),
            )

        @functools.cache  # two branches may ask
        def types() -> Any:
            return dc.eval_shape(run)[0]

        def gather() -> tuple[Any, MultiStepsState]:
            return zeros(types()), state._replace(
                mini_step=safe_increment(state.mini_step), acc_grads=gathered
            )

        def run_or_gather() -> tuple[Any, MultiStepsState]:
            return either(state.mini_step + 1 >= wanted, run, gather)

        if self._should_skip is None:
            return run_or_gather()
        skip, kept = self._should_skip(updates, state.gradient_step, params)
        made, new = either(skip, lambda: (zeros(types()), state), run_or_gather)
        return made, new._replace(skip_state=kept)

    def has_updated(self, state: MultiStepsState) -> Any:
        """Whether the optimizer ran in the last step, a boolean scalar."""
        return (state.mini_step == 0) & (state.gradient_step > 0)

    def gradient_transformation(self) -> GradientTransformation:
        """The same as a pair of functions, to be part of a `chain`."""
        return GradientTransformationExtraArgs(
            takes_packed(functools.partial(self.init)),
            takes_packed(functools.partial(self.update)),
        )


def _schedule_of_counts(every_k_schedule: int | Schedule) -> Schedule:
    if callable(every_k_schedule):
        return every_k_schedule
    if type(every_k_schedule) is not int:
        raise TypeError(
            extend.error_message(
                "MultiSteps: `every_k_schedule` must be an integer or a schedule, got "
                f"{every_k_schedule!r}.",
                "Pass the number of gradients to gather, such as 4.",
            )
        )
    if every_k_schedule < 1:
        raise ValueError(
            extend.error_message(
                "MultiSteps: `every_k_schedule` must be at least 1, got "
                f"{every_k_schedule}.",
                "Pass the number of gradients to gather, such as 4.",
            )
        )
    return lambda step: every_k_schedule


@dc.jit
def _add_to_mean(mean: Any, g: Any, count: Any) -> Any:
    return mean + ((g - mean) / (count + 1)).astype(mean.dtype)


@dc.jit
def _add_to_sum(total: Any, g: Any, count: Any) -> Any:
    del count
    return total + jnp.asarray(g, total.dtype)


class ApplyEvery(NamedTuple):
    """State of `apply_every`.

    Attributes:
        count: updates gathered, an int32 scalar.
        grad_acc: their sum, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.apply_every(2).init({"w": 1.0}).grad_acc
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    grad_acc: Any


def apply_every(k: int = 1) -> GradientTransformation:
    """Adds up the updates of `k` steps and returns the sum; zeros in between.

    Unlike in `MultiSteps` the transformations before it in a chain run in every step.

    Example:
        >>> from dolmen import optim
        >>> transform = apply_every(2)
        >>> state = transform.init(0.0)
        >>> for update in (1.0, 3.0):
        ...     updates, state = transform.update(update, state)
        ...     print(float(updates))
        0.0
        4.0
    """
    return transformation(_ApplyEvery(k))


@dataclass(frozen=True)
class _ApplyEvery(Rule):
    k: Number

    name = "apply_every"
    elementwise = True
    slots = ("grad_acc",)

    def init(self, params):
        return ApplyEvery(zero_count(), zeros_like_params(self.name, params))

    def prepare(self, updates, state):
        position = state.count % self.k
        shared = position == 0, position == self.k - 1
        return shared, state._replace(count=(position + 1) % self.k)

    def apply(self, shared, g, p, slots):
        first, last = shared
        (old,) = slots
        total = jnp.where(first, 0, old) + g.astype(old.dtype)
        return jnp.where(last, total, 0).astype(g.dtype), (total,)
