"""One pass over the leaves for a whole run of elementwise rules.

Most transforms do the same to every element: they differ only in a few lines of
arithmetic. Such a transform is a `Rule`. `chain` hands consecutive rules to one `Pass`,
which flattens the trees once, takes every leaf through all rules, and builds the trees
once. Called eagerly, a pass is one compiled program instead of several operations per
leaf and rule; under `jit` it becomes part of the program around it.

Rules never see trees, so how leaves are laid out in memory is decided here alone.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, typeof

from ._transformation import EmptyState, GradientTransformation
from ._trees import check_floating, check_structures


class Rule:
    """What an elementwise transform does to one leaf.

    Attributes:
        slots: names of the state's fields that are trees like the parameters.
        needs_params: whether `apply` reads the parameter.
        needs_updates: whether `prepare` reads the updates of all leaves, so that the
            rules before it must have finished.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    needs_params: ClassVar[bool] = False
    needs_updates: ClassVar[bool] = False
    name: ClassVar[str]

    def init(self, params: Any) -> Any:
        """First state."""
        return EmptyState()

    def prepare(self, updates: Any, state: Any) -> tuple[Any, Any]:
        """What all leaves share in this step, and the state without its slots' news.

        Args:
            updates: tree of the updates, only if `needs_updates`.
            state: of this transform.
        """
        return (), state

    def selected(self, updates: Any) -> tuple[bool, ...] | None:
        """Which leaves the rule changes; None means all."""
        return None

    def apply(
        self, shared: Any, g: Any, p: Any, slots: Sequence[Any]
    ) -> tuple[Any, Sequence[Any]]:
        """New update and slots of one leaf.

        Args:
            shared: from `prepare`.
            g: update.
            p: parameter, or None where the caller gave none.
            slots: in the order of the names.
        """
        raise NotImplementedError(f"{type(self).__name__}.apply")


def transformation(rule: Rule) -> GradientTransformation:
    """The transformation of one rule."""
    return GradientTransformation(rule.init, RuleUpdate(rule))


class RuleUpdate:
    """The `update` of one rule, by which `chain` recognizes it."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._alone = Pass([rule])

    def __call__(
        self, updates: Any, state: Any, params: Any = None
    ) -> tuple[Any, Any]:
        """New updates and new state."""
        updates, (state,) = self._alone(updates, [state], params)
        return updates, state


class Pass:
    """A run of rules, applied leaf by leaf."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def __call__(
        self, updates: Any, states: Sequence[Any], params: Any
    ) -> tuple[Any, list[Any]]:
        """New updates and the new state of every rule.

        Raises:
            TypeError: an update is not a floating-point array.
            ValueError: updates, parameters and states do not belong together, or
                parameters are missing.
        """
        self._check(updates, states, params)
        gs, structure = tree.flatten(updates)
        ps = [None] * len(gs) if params is None else tree.leaves(params)
        columns = [
            [tree.leaves(getattr(state, slot)) for slot in rule.slots]
            for rule, state in zip(self.rules, states, strict=True)
        ]
        selected = tuple(rule.selected(updates) for rule in self.rules)
        prepared = [
            rule.prepare(updates if rule.needs_updates else None, state)
            for rule, state in zip(self.rules, states, strict=True)
        ]
        shared = [values for values, _ in prepared]

        gs, columns = self._sweep(selected, shared, gs, ps, columns)

        return structure.unflatten(gs), [
            _with_slots(rule, state, column, structure)
            for rule, (_, state), column in zip(
                self.rules, prepared, columns, strict=True
            )
        ]

    @functools.cached_property
    def _sweep(self) -> Callable[..., Any]:
        return compiled_when_eager(self._sweep_leaves)

    def _sweep_leaves(
        self,
        selected: Sequence[Sequence[bool] | None],
        shared: Sequence[Any],
        gs: Sequence[Any],
        ps: Sequence[Any],
        columns: Sequence[Sequence[Sequence[Any]]],
    ) -> tuple[list[Any], list[list[list[Any]]]]:
        new_gs = []
        new_columns: Any = [[[] for _ in rule.slots] for rule in self.rules]
        for index, (g, p) in enumerate(zip(gs, ps, strict=True)):
            g = jnp.asarray(g)
            for number, rule in enumerate(self.rules):
                slots: Sequence[Any] = [column[index] for column in columns[number]]
                mask = selected[number]
                if mask is None or mask[index]:
                    g, slots = rule.apply(shared[number], g, p, slots)
                for column, slot in zip(new_columns[number], slots, strict=True):
                    column.append(slot)
            new_gs.append(g)
        return new_gs, new_columns

    def _check(self, updates: Any, states: Sequence[Any], params: Any) -> None:
        check_floating(self.rules[0].name, "`updates`", updates)
        for rule, state in zip(self.rules, states, strict=True):
            if rule.needs_params and params is None:
                raise ValueError(
                    extend.error_message(
                        f"{rule.name}: `params` must be given, got None.",
                        "Call `update(grads, state, params)`.",
                    )
                )
            for slot in rule.slots:
                check_structures(
                    rule.name,
                    ("`updates`", updates),
                    (f"`state.{slot}`", getattr(state, slot)),
                    "Make the state with `init` from the parameters that the "
                    "gradients belong to.",
                )
        if params is not None:
            check_structures(
                self.rules[0].name,
                ("`updates`", updates),
                ("`params`", params),
                "Pass the parameters that were differentiated.",
            )


def _with_slots(rule: Rule, state: Any, column: Any, structure: Any) -> Any:
    if not rule.slots:
        return state
    trees = map(structure.unflatten, column)
    return state._replace(**dict(zip(rule.slots, trees, strict=True)))


def compiled_when_eager(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a static argument and trees, compiled unless it is being traced.

    Inside a trace it stays plain Python, so that a recorded program holds no call.
    """
    compiled = dc.jit(function, static_argnums=0)

    def call(static: Any, *args: Any) -> Any:
        traced = any(isinstance(leaf, extend.Tracer) for leaf in tree.leaves(args))
        return (function if traced else compiled)(static, *args)

    return call


def accumulator_dtype(param: Any) -> Any:
    """Dtype in which moments of a parameter are kept: at least 32 bits.

    A 16-bit moment loses every contribution below 1/256 of itself, which for a decay of
    0.999 is nearly all of them.
    """
    dtype = typeof(param).dtype
    return jnp.promote_types(dtype, jnp.float32)


def zeros_like_params(function: str, params: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of every parameter.

    Args:
        function: for messages.
        params: tree of floating-point arrays.
        dtype: of the zeros; by default `accumulator_dtype` of each parameter.
    """
    check_floating(function, "`params`", params)
    return tree.map(
        lambda p: jnp.zeros(jnp.shape(p), dtype or accumulator_dtype(p)), params
    )
