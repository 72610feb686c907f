"""One pass over the leaves for a whole run of elementwise rules.

Most transforms do the same to every element: they differ only in a few lines of
arithmetic. Such a transform is a `Rule`. `chain` hands consecutive rules to one `Pass`,
which flattens the trees once, takes the leaves through all rules in compiled calls,
and builds the trees once. A call takes a batch of leaves of equal shape and dtype. It
is traced and lowered once for all of them, so 400 equal leaves cost little more Python
than one. Eagerly it is one dispatch for each batch; under `jit` it becomes part of the
program around it.

Rules never see trees, so how leaves are laid out in memory is decided here alone. Small
leaves are not concatenated into buffers inside the step: copying them in and out cost
more than the kernels it saved, and compiled ten times as long (XLA on CPU, 400 leaves
of 256 floats). It pays where parameters, gradients and state stay flat between steps:
see `pack`.
"""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, typeof

from ._apart import computed_apart
from ._arguments import check_fields
from ._batches import Batches
from ._known import Known
from ._packed import Packed, leaves_of, update_on_leaves
from ._placeholder import ParamsPlaceholder
from ._transformation import EmptyState, GradientTransformation, check_state
from ._trees import (
    check_floating,
    check_not_complex,
    check_params,
    check_structures,
    type_or_none,
)


class Rule:
    """What an elementwise transform does to one leaf.

    Fields of dataclasses derived from it have types of `_arguments`, by which they are
    checked.

    Attributes:
        slots: names of the state's fields that have a part for every parameter.
        shaped_otherwise: slots whose parts are no arrays of the parameter's shape.
        needs_params: whether `apply` reads the parameter.
        elementwise: whether elements do not depend on which leaf they are in, so that
            `apply` may be given buffers of packed trees (see `takes`).
        needs_updates: whether `prepare` reads the updates of all leaves, so that the
            rules before it must have finished.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    shaped_otherwise: ClassVar[tuple[str, ...]] = ()
    needs_params: ClassVar[bool] = False
    needs_updates: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    name: ClassVar[str]

    def __post_init__(self) -> None:
        check_fields(self.name, self)

    def takes(self, packed: Packed) -> bool:
        """Whether `apply` may be given the buffers of this tree, or sees its leaves."""
        del packed
        return self.elementwise

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


class Identity(Rule):
    """Keeps the place of an `identity` between rules that one pass can take."""

    name = "identity"
    elementwise = True

    def apply(self, shared, g, p, slots):
        return g, slots


def transformation(rule: Rule) -> GradientTransformation:
    """The transformation of one rule."""
    return GradientTransformation(RuleInit(rule), RuleUpdate(rule))


class RuleInit:
    """The `init` of one rule."""

    takes_packed = True

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __call__(self, params: Any) -> Any:
        """First state."""
        rule = self.rule
        is_packed = isinstance(params, Packed)
        as_it_is = rule.takes(params) if is_packed else rule.elementwise
        return rule.init(params if as_it_is else leaves_of(rule.name, params))


class RuleUpdate:
    """The `update` of one rule, by which `chain` recognizes it."""

    takes_packed = True

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._alone = Pass([rule])

    def __call__(self, updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        """New updates and new state."""
        updates, (state,) = self._alone(updates, [state], params)
        return updates, state

    __call__.__qualname__ = "update"  # by which Python's messages call it


class Pass:
    """A run of rules, applied leaf by leaf."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        names = [rule.name for rule in rules if not isinstance(rule, Identity)]
        self._name = (names or ["identity"])[0]
        self._known_runs: dict[tuple[bool, ...], list[Pass]] = {}
        self._known: Known[Batches] = Known()

    def __call__(
        self, updates: Any, states: Sequence[Any], params: Any
    ) -> tuple[Any, list[Any]]:
        """New updates and the new state of every rule.

        Raises:
            TypeError: an update is not a floating-point array.
            ValueError: updates, parameters and states do not belong together, or
                parameters are missing.
        """
        if isinstance(updates, Packed):
            takes = tuple(rule.takes(updates) for rule in self.rules)
            if not any(takes):
                return update_on_leaves(self)(updates, states, params)
            if not all(takes):
                return _in_turn(self._runs(takes), updates, states, params)
        gs, structure = tree.flatten(updates)
        ps, params_structure = tree.flatten(params)
        slots = self._slots(structure, updates, states, params)
        rows = [gs, *slots] if params is None else [gs, ps, *slots]
        types = [tuple(map(type_or_none, row)) for row in rows]
        chosen = [rule.selected(updates) for rule in self.rules]

        def find_batches() -> Batches:
            self._check(updates, states, params)
            active = [tuple(m is None or m[i] for m in chosen) for i in range(len(gs))]
            return Batches(zip(active, *types, strict=True))

        key = (structure, params_structure, *chosen, *types)
        batches = self._known.of(key, find_batches)
        try:
            prepared = [
                rule.prepare(updates if rule.needs_updates else None, state)
                for rule, state in zip(self.rules, states, strict=True)
            ]
        except (AttributeError, TypeError):  # `count` is a method of all tuples
            _check_states(self.rules, states)  # or it is of a schedule's own
            raise
        shared = computed_apart([values for values, _ in prepared])
        made = [
            self._leaves(active, params is not None, shared, part)
            for (active, *_), part in batches.split(rows)
        ]
        new = iter(batches.join(made, 1 + len(slots)))
        return structure.unflatten(next(new)), [
            _with_slots(rule, state, [next(new) for _ in rule.slots], structure)
            for rule, (_, state) in zip(self.rules, prepared, strict=True)
        ]

    def _slots(
        self, structure: Any, updates: Any, states: Sequence[Any], params: Any
    ) -> list[list[Any]]:
        """For each slot of each rule its part for every leaf of the updates."""
        try:
            return [
                _parts(rule, state, slot, structure)
                for rule, state in zip(self.rules, states, strict=True)
                for slot in rule.slots
            ]
        except AttributeError:
            _check_states(self.rules, states)
            raise
        except ValueError:
            self._check(updates, states, params)  # lists what differs, if it can
            raise

    def _runs(self, takes: tuple[bool, ...]) -> "list[Pass]":
        """The runs of rules that take packed trees, and of those that do not."""
        if takes not in self._known_runs:  # or each step would compile them again
            pairs = itertools.groupby(
                zip(takes, self.rules, strict=True), lambda x: x[0]
            )
            self._known_runs[takes] = [
                Pass([rule for _, rule in run]) for _, run in pairs
            ]
        return self._known_runs[takes]

    @functools.cached_property
    def _leaves(self) -> Callable[..., Any]:
        return dc.jit(self._take_leaves_through, static_argnums=(0, 1))

    def _take_leaves_through(
        self,
        active: Sequence[bool],
        takes_params: bool,
        shared: Sequence[Any],
        rows: Sequence[Sequence[Any]],
    ) -> list[Sequence[Any]]:
        """New rows of updates and slots from those of updates, parameters and slots."""
        leaves = []
        for g, *rest in zip(*rows, strict=True):
            p = rest.pop(0) if takes_params else None
            leaves.append(self._take_leaf_through(active, shared, g, p, rest))
        return list(zip(*leaves, strict=True))

    def _take_leaf_through(
        self,
        active: Sequence[bool],
        shared: Sequence[Any],
        g: Any,
        p: Any,
        slots: Sequence[Any],
    ) -> tuple[Any, ...]:
        g = strong(g)
        p = None if p is None else strong(p)
        rest = iter(slots)
        new_slots: list[Any] = []
        for rule, takes_part, values in zip(self.rules, active, shared, strict=True):
            own: Sequence[Any] = [next(rest) for _ in rule.slots]
            if takes_part:
                g, own = rule.apply(values, g, p, own)
            new_slots += own
        return g, *new_slots

    def _check(self, updates: Any, states: Sequence[Any], params: Any) -> None:
        check_floating(self._name, "`updates`", updates)
        for rule, state in zip(self.rules, states, strict=True):
            if rule.needs_params:
                check_params(rule.name, params)
            for slot in rule.slots:
                if slot not in rule.shaped_otherwise:
                    check_structures(
                        rule.name,
                        ("`updates`", updates),
                        (f"`state.{slot}`", getattr(state, slot)),
                        _FRESH_STATE,
                    )
        if params is not None:
            check_structures(
                self._name,
                ("`updates`", updates),
                ("`params`", params),
                "Pass the parameters that were differentiated.",
            )
        self._check_not_complex(updates, states, params)

    def _check_not_complex(
        self, updates: Any, states: Sequence[Any], params: Any
    ) -> None:
        """Raise rather than lose imaginary parts in a real state."""
        if not any(map(jnp.iscomplexobj, tree.leaves(updates))):
            return
        if params is not None:
            check_not_complex(
                self._name, "`updates`", updates, ("`params`", params), _REAL
            )
            return
        for rule, state in zip(self.rules, states, strict=True):
            for slot in rule.slots:
                if slot not in rule.shaped_otherwise:
                    check_not_complex(
                        rule.name,
                        "`updates`",
                        updates,
                        (f"`state.{slot}`", getattr(state, slot)),
                        _REAL,
                    )


def _check_states(rules: Sequence[Rule], states: Sequence[Any]) -> None:
    """Raise for the first state that another transformation has made.

    Raises:
        TypeError: one has another type than the rule's `init` gives.
    """
    for rule, state in zip(rules, states, strict=True):
        check_state(rule.name, state, type(rule.init(ParamsPlaceholder())))


def _in_turn(
    parts: Sequence[Pass], updates: Any, states: Sequence[Any], params: Any
) -> tuple[Any, list[Any]]:
    rest = iter(states)
    new: list[Any] = []
    for part in parts:
        own = list(itertools.islice(rest, len(part.rules)))
        updates, made = part(updates, own, params)
        new += made
    return updates, new


_REAL = "Take the gradients of a real loss, or make the parameters complex."
_FRESH_STATE = (
    "Make the state with `init` from the parameters that the gradients belong to."
)


def _parts(rule: Rule, state: Any, slot: str, structure: Any) -> list[Any]:
    """The part of a slot for each leaf of the updates, an array or a tree of them."""
    try:
        return structure.flatten_up_to(getattr(state, slot))
    except ValueError as error:
        raise ValueError(
            extend.error_message(
                f"{rule.name}: `state.{slot}` must have a part for every leaf of "
                f"`updates`: {error}",
                _FRESH_STATE,
            )
        ) from None


def _with_slots(rule: Rule, state: Any, rows: Sequence[Any], structure: Any) -> Any:
    if not rule.slots:
        return state
    trees = map(structure.unflatten, rows)
    return state._replace(**dict(zip(rule.slots, trees, strict=True)))


def strong(leaf: Any) -> Any:
    """A leaf as an array with a dtype of its own, also if it was a Python number."""
    return jnp.asarray(leaf, typeof(leaf).dtype)


def accumulator_dtype(param: Any) -> Any:
    """Dtype in which moments of a parameter are kept: at least 32 bits.

    A 16-bit moment loses every contribution below 1/256 of itself, which for a decay of
    0.999 is nearly all of them.
    """
    dtype = typeof(param).dtype
    return jnp.promote_types(dtype, jnp.float32)


def real_accumulator_dtype(param: Any) -> Any:
    """Dtype in which sums of absolute values are kept: at least 32 bits."""
    return jnp.finfo(accumulator_dtype(param)).dtype


def zeros_like_params(function: str, params: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of every parameter, see `full_like_params`."""
    return full_like_params(function, params, 0, dtype)


def full_like_params(function: str, params: Any, value: Any, dtype: Any = None) -> Any:
    """One value in the shape of every parameter.

    Args:
        function: for messages.
        params: tree of floating-point arrays.
        value: a number.
        dtype: of the arrays; by default `accumulator_dtype` of each parameter.
    """
    check_floating(function, "`params`", params)
    return tree.map(
        lambda p: jnp.full(jnp.shape(p), value, dtype or accumulator_dtype(p)), params
    )


def copied_params(params: Any) -> Any:
    """Parameters for a state that remembers where they were, wide as moments are.

    Copies, so that parameters and state may be donated together.
    """
    return tree.map(lambda p: jnp.array(strong(p), accumulator_dtype(p)), params)
