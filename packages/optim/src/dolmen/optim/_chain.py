"""Composition: one transformation after another."""

from collections.abc import Iterator, Sequence
from typing import Any

from dolmen.core import extend

from ._arguments import no_transformation
from ._engine import Identity, Pass, Rule, RuleUpdate
from ._packed import takes_packed
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    pass_unchanged,
    with_extra_args_support,
)


def chain(*args: GradientTransformation) -> GradientTransformationExtraArgs:
    """Applies transformations in order; the state is the tuple of their states.

    Consecutive elementwise transforms, also those inside nested chains, run as one pass
    over the leaves. The states are those of the parts all the same.

    Args:
        *args: transformations, first to last.

    Raises:
        TypeError: an argument is not a transformation.

    Example:
        >>> from dolmen import optim
        >>> transform = chain(optim.clip(1.0), optim.scale(-0.1))
        >>> updates, state = transform.update([5.0], transform.init([0.0]))
        >>> updates
        [Array(-0.1, dtype=float32)]
    """
    for index, part in enumerate(args):
        if not isinstance(part, GradientTransformation):
            raise no_transformation("chain", f"argument {index}", part)

    @takes_packed
    def init(params: Any) -> tuple[Any, ...]:
        return tuple(part.init(params) for part in args)

    return GradientTransformationExtraArgs(init, ChainUpdate(args))


class ChainUpdate:
    """The `update` of a chain, by which chains around it recognize it."""

    takes_packed = True

    def __init__(self, parts: Sequence[GradientTransformation]) -> None:
        self.parts = tuple(parts)
        self._steps = _steps(list(_flat_parts(self.parts)))

    def __call__(
        self, updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, Any]:
        """New updates and the tuple of new states."""
        states = list(_flat_states(self.parts, state))
        new_states: list[Any] = []
        for step, count in self._steps:
            own = states[len(new_states) : len(new_states) + count]
            if isinstance(step, Pass):
                updates, own = step(updates, own, params)
            else:
                updates, new = step.update(updates, own[0], params, **extra_args)
                own = [new]
            new_states += own
        return updates, _nested_states(self.parts, iter(new_states))

    __call__.__qualname__ = "update"  # by which Python's messages call it

    def passes(self) -> Iterator[list[str]]:
        """Names of the transforms in each step."""
        for step, _ in self._steps:
            if isinstance(step, Pass):
                yield [rule.name for rule in step.rules]
            else:
                yield [_name(step.update)]


def _name(update: Any) -> str:
    """The function that made a transformation: its `update` is defined inside."""
    name = getattr(update, "__qualname__", type(update).__name__)
    return name.split(".")[0]


def _flat_parts(
    parts: Sequence[GradientTransformation],
) -> Iterator[GradientTransformation]:
    for part in parts:
        if isinstance(part.update, ChainUpdate):
            yield from _flat_parts(part.update.parts)
        else:
            yield part


def _flat_states(parts: Sequence[GradientTransformation], state: Any) -> Iterator[Any]:
    is_chain = isinstance(state, tuple) and not hasattr(state, "_fields")
    if not is_chain or len(state) != len(parts):
        got = f"{len(state)} states" if is_chain else type(state).__name__
        raise ValueError(
            extend.error_message(
                f"chain: `state` must be a tuple of {len(parts)} states, one for each "
                f"transformation, got {got}.",
                "Make it with the `init` of this very chain.",
            )
        )
    for part, own in zip(parts, state, strict=True):
        if isinstance(part.update, ChainUpdate):
            yield from _flat_states(part.update.parts, own)
        else:
            yield own


def _nested_states(
    parts: Sequence[GradientTransformation], states: Iterator[Any]
) -> tuple[Any, ...]:
    return tuple(
        _nested_states(part.update.parts, states)
        if isinstance(part.update, ChainUpdate)
        else next(states)
        for part in parts
    )


def _steps(
    parts: Sequence[GradientTransformation],
) -> list[tuple[Pass | GradientTransformationExtraArgs, int]]:
    """Passes and other transformations, each with the number of its states."""
    steps: list[tuple[Pass | GradientTransformationExtraArgs, int]] = []
    for part in parts:
        rule = _rule(part)
        last = steps[-1][0] if steps else None
        if rule is None:
            steps.append((with_extra_args_support(part), 1))
        elif isinstance(last, Pass) and not rule.needs_updates:
            rules = (*last.rules, rule)
            steps[-1] = Pass(rules), len(rules)
        else:
            steps.append((Pass([rule]), 1))
    return steps


def _rule(part: GradientTransformation) -> Rule | None:
    if part.update is pass_unchanged:
        return Identity()
    return part.update.rule if isinstance(part.update, RuleUpdate) else None


def explain(transformation: GradientTransformation) -> str:
    """How updates are computed: a line for each pass over the leaves.

    Transforms on one line are fused: they read and write each leaf once. A transform
    that must see all updates first, such as `clip_by_global_norm`, begins a line.

    Args:
        transformation: such as an optimizer.

    Example:
        >>> from dolmen import optim
        >>> optimizer = optim.chain(
        ...     optim.zero_nans(), optim.clip_by_global_norm(1.0), optim.adamw(1e-3))
        >>> print(optim.explain(optimizer))
        pass 1: zero_nans
        pass 2: clip_by_global_norm, scale_by_adam, add_decayed_weights, scale
    """
    update = transformation.update
    whole = update if isinstance(update, ChainUpdate) else ChainUpdate([transformation])
    return "\n".join(
        f"pass {number}: {', '.join(names)}"
        for number, names in enumerate(whole.passes(), 1)
    )
