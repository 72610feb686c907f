"""Programs that return their first error instead of failing.

`functionalize` records a program once more, with the state of an error at its side: a
code, which is 0 or one more than the number of the site that failed first; and for each
site the values that it keeps to describe the failure. Operations that call programs are
recorded with functionalized ones: loops carry the state, and a branch gives back that
of the other branches' sites untouched.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._ir import (
    ArrayType,
    Equation,
    Literal,
    Primitive,
    Program,
    subprograms,
)
from .._ops import _shape, _slicing
from .._ops._arithmetic import add
from .._ops._comparison import eq, ne
from .._ops._conversion import stop_gradient
from .._ops._creation import full
from .._ops._extrema import argmin
from .._ops._selection import select
from .._tracing import bind, evaluate, record_closed, state, typeof
from ._automatic_checks import automatic_checks
from ._call import Jit, call
from ._checkpoint import Checkpoint
from ._checks import Category, Check, Site, ensure
from ._cond import Cond
from ._custom_jvp import CustomJvp
from ._scan import Scan
from ._vjp_call import CustomVjp
from ._while import While

Categories = frozenset[Category]


@dataclass(frozen=True)
class Functionalized:
    """A program that gives back the state of an error after its results.

    Attributes:
        program: its results, a code, and the values that the sites keep, in order.
        sites: what may fail, in order; without any, there are only the results.
        types: of the values that each site keeps.
    """

    program: Program
    sites: tuple[Site, ...]
    types: tuple[tuple[ArrayType, ...], ...]

    @property
    def num_outs(self) -> int:
        """How many results there are before the code."""
        if not self.sites:
            return len(self.program.outputs)
        return len(self.program.outputs) - 1 - sum(map(len, self.types))

    @property
    def state_types(self) -> list[ArrayType]:
        """Types of the code and the values."""
        return [_CODE, *(type for group in self.types for type in group)]


_CODE = typeof(np.int32(0))
_BOOL = typeof(np.bool_(False))
_NONE = np.int32(0)


def functionalize(program: Program, categories: Categories) -> Functionalized:
    """`program` with its first error as a result; made once."""
    key = ("functionalized", categories)
    found = program.derived.get(key)
    if found is None:
        found = program.derived[key] = _functionalize(program, categories)
    return found


def _functionalize(program: Program, categories: Categories) -> Functionalized:
    errors = _Errors(categories)

    def run(*args: Any) -> list[Any]:
        values: dict[Any, Any] = dict(zip(program.inputs, args, strict=True))

        def value_of(atom: Any) -> Any:
            return atom.value if isinstance(atom, Literal) else values[atom]

        for equation in program.equations:
            state.frame = equation.frame
            outs = _run(equation.primitive, map(value_of, equation.inputs), errors)
            values.update(zip(equation.outputs, outs, strict=True))
        state.frame = None
        outs = [value_of(atom) for atom in program.outputs]
        return [*outs, *errors.state()] if errors.sites else outs

    made = record_closed(run, list(program.in_types))
    made.name = program.name
    if not errors.sites:
        dropped = "check" in program.effects  # checks that were not asked for
        return Functionalized(made if dropped else program, (), ())
    return Functionalized(made, tuple(errors.sites), tuple(errors.types))


class _Errors:
    """The state of an error while a program is evaluated."""

    def __init__(self, categories: Categories) -> None:
        self.categories = categories
        self.code: Any = _NONE
        self.sites: list[Site] = []
        self.types: list[tuple[ArrayType, ...]] = []
        self.values: list[Any] = []

    def state(self) -> list[Any]:
        """The code and the values, as results of a program."""
        return [self.code, *self.values]

    def add(self, site: Site, holds: Any, values: Sequence[Any]) -> None:
        """Note a check; the first that does not hold decides the code."""
        self.sites.append(site)
        self.types.append(tuple(map(typeof, values)))
        self.values.extend(values)
        failed = select(holds, _NONE, np.int32(len(self.sites)))
        self.code = _first(self.code, failed)

    def extend(self, inner: Functionalized, flat: Sequence[Any]) -> None:
        """Note the checks inside a program, from the state it gave back."""
        code, *values = flat
        offset = np.int32(len(self.sites))
        self.sites.extend(inner.sites)
        self.types.extend(inner.types)
        self.values.extend(values)
        shifted = select(eq(code, _NONE), _NONE, add(code, offset))
        self.code = _first(self.code, shifted)

    def split(self, inner: Functionalized, flat: Sequence[Any]) -> Sequence[Any]:
        """The proper results of a functionalized program; its checks are noted."""
        if inner.sites:
            self.extend(inner, flat[inner.num_outs :])
        return flat[: inner.num_outs]


def _first(code: Any, other: Any) -> Any:
    """The earlier of two codes that is an error."""
    return other if code is _NONE else select(eq(code, _NONE), other, code)


def _initial(inner: Functionalized) -> list[Any]:
    return [full(type.shape, 0, type.dtype) for type in inner.state_types]


def _keep_first(before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """One of two states: the first that is an error, with its values."""
    clear = eq(before[0], _NONE)
    return [select(clear, b, a) for a, b in zip(before, after, strict=True)]


# ---- back to checks ------------------------------------------------------------------


def ensure_clear(
    sites: Sequence[Site],
    widths: Sequence[int],
    code: Any,
    values: Sequence[Any],
) -> None:
    """Record a check for each site again, from the state of an error.

    Args:
        widths: how many of `values` belong to each site.
        code: of one call, or of each lane of a batch; the first lane that failed
            decides.
    """
    lanes = typeof(code).shape
    if lanes:
        count = math.prod(lanes)
        clear = eq(_shape.reshape(code, (count,)), np.zeros(count, np.int32))
        first = argmin(clear, 0, np.dtype(np.int32))

        def one(value: Any) -> Any:
            shape = (count, *typeof(value).shape[len(lanes) :])
            flat = _shape.reshape(value, shape)
            return _slicing.dynamic_index_in_dim(flat, first, 0, keepdims=False)

        code, values = one(code), [one(value) for value in values]
    rest = iter(values)
    for index, (site, width) in enumerate(zip(sites, widths, strict=True)):
        kept = [next(rest) for _ in range(width)]
        ensure(site, ne(code, np.int32(index + 1)), *kept)


# ---- one operation -------------------------------------------------------------------


@functools.singledispatch
def _rule(primitive: Primitive, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    """Results of an operation that calls no programs, and the checks on them."""
    if any("check" in p.effects for p in _programs_of(primitive)):
        raise NotImplementedError(
            f"checkify: a `check` inside {primitive.name} can't be collected yet. "
            "Move it out of the function that is given to it."
        )
    outs = bind(primitive, *args)
    outs = outs if primitive.multiple_results else [outs]
    for site, holds, values in automatic_checks(
        primitive, args, outs, errors.categories
    ):
        errors.add(site, holds, values)
    return outs


def _run(primitive: Primitive, args: Any, errors: _Errors) -> Sequence[Any]:
    return _rule(primitive, list(args), errors)


def _with_programs(primitive: Any, **programs: Any) -> Primitive:
    """`primitive` with other programs; itself if they are its own."""
    if all(getattr(primitive, name) == made for name, made in programs.items()):
        return primitive
    return dataclasses.replace(primitive, **programs)


def _programs_of(primitive: Primitive) -> list[Program]:
    return list(subprograms(Equation(primitive, (), (), None)))


@_rule.register
def _(primitive: Check, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    if Category.USER in errors.categories:
        holds, *values = args
        errors.add(primitive.site, holds, values)
    return []


@_rule.register
def _(primitive: Jit, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    inner = functionalize(primitive.program, errors.categories)
    return errors.split(inner, call(inner.program, args))


@_rule.register
def _(primitive: Checkpoint, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    inner = functionalize(primitive.program, errors.categories)
    made = _with_programs(primitive, program=inner.program)
    return errors.split(inner, bind(made, *args))


@_rule.register(CustomJvp)
@_rule.register(CustomVjp)
def _(primitive: Any, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    """The rule goes on to serve the results; the checks are on the function itself."""
    inner = functionalize(primitive.program, errors.categories)
    if not inner.sites:
        return bind(_with_programs(primitive, program=inner.program), *args)
    silent = Program(
        inner.program.inputs,
        inner.program.equations,
        inner.program.outputs[: inner.num_outs],
        inner.program.name,
    )
    outs = bind(_with_programs(primitive, program=silent), *args)
    fixed = [stop_gradient(arg) for arg in args]
    errors.split(inner, evaluate(inner.program, fixed))
    return outs


@_rule.register
def _(primitive: Cond, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    branches = [functionalize(b, errors.categories) for b in primitive.branches]
    sites = tuple(site for branch in branches for site in branch.sites)
    if not sites:
        programs = tuple(branch.program for branch in branches)
        return bind(_with_programs(primitive, branches=programs), *args)
    types = tuple(group for branch in branches for group in branch.types)
    together = Functionalized(primitive.branches[0], sites, types)
    count = len(primitive.branches[0].outputs)

    def widened(index: int) -> Program:
        """A branch with the sites of all branches."""
        branch = branches[index]

        def run(*operands: Any) -> list[Any]:
            flat, own = evaluate(branch.program, operands), _Errors(errors.categories)
            for number, other in enumerate(branches):
                if other.sites:
                    mine = number == index
                    own.extend(other, flat[count:] if mine else _initial(other))
            return [*flat[:count], *own.state()]

        return record_closed(run, list(branch.program.in_types))

    programs = tuple(widened(index) for index in range(len(branches)))
    flat = bind(_with_programs(primitive, branches=programs), *args)
    errors.extend(together, flat[count:])
    return flat[:count]


@_rule.register
def _(primitive: Scan, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    inner = functionalize(primitive.program, errors.categories)
    if not inner.sites:
        return bind(_with_programs(primitive, program=inner.program), *args)
    consts, width = primitive.num_consts, len(inner.state_types)

    def step(*flat: Any) -> list[Any]:
        before, rest = flat[consts : consts + width], flat[consts + width :]
        outs = evaluate(inner.program, [*flat[:consts], *rest])
        after = outs[inner.num_outs :]
        return [*_keep_first(before, after), *outs[: inner.num_outs]]

    types = primitive.program.in_types
    program = record_closed(
        step, [*types[:consts], *inner.state_types, *types[consts:]]
    )
    program.name = primitive.program.name
    made = dataclasses.replace(
        primitive, program=program, num_carry=primitive.num_carry + width
    )
    flat = bind(made, *args[:consts], *_initial(inner), *args[consts:])
    errors.extend(inner, flat[:width])
    return flat[width:]


@_rule.register
def _(primitive: While, args: Sequence[Any], errors: _Errors) -> Sequence[Any]:
    """The condition is evaluated at the end of the body, where it can be checked."""
    condition = functionalize(primitive.condition, errors.categories)
    body = functionalize(primitive.body, errors.categories)
    if not condition.sites and not body.sites:
        programs = {"condition": condition.program, "body": body.program}
        return bind(_with_programs(primitive, **programs), *args)
    first = primitive.num_condition_consts
    second = first + primitive.num_body_consts
    cond_consts, consts, carry = args[:first], args[first:second], args[second:]
    together = Functionalized(
        primitive.body,
        (*body.sites, *condition.sites),
        (*body.types, *condition.types),
    )

    def tested(own: _Errors, given: Sequence[Any], carry: Sequence[Any]) -> list[Any]:
        """State and condition after a step, whose own state `own` holds."""
        flat = evaluate(condition.program, [*given, *carry])
        (holds,) = own.split(condition, flat)
        return [*own.state(), holds]

    def start(*flat: Any) -> list[Any]:
        own = _Errors(errors.categories)
        if body.sites:
            own.extend(body, _initial(body))
        return tested(own, flat[:first], flat[first:])

    width = len(together.state_types)

    def step(*flat: Any) -> list[Any]:
        before, (_, *values) = flat[second : second + width], flat[second + width :]
        own = _Errors(errors.categories)
        outs = evaluate(body.program, [*flat[first:second], *values])
        new = own.split(body, outs)
        *after, holds = tested(own, flat[:first], new)
        return [*_keep_first(before, after), holds, *new]

    types = [*primitive.condition.in_types[:first], *primitive.body.in_types]
    begin = record_closed(start, [*types[:first], *types[second:]])
    state_types = [*together.state_types, _BOOL]
    program = record_closed(step, [*types[:second], *state_types, *types[second:]])
    program.name = primitive.body.name
    passes = record_closed(lambda *c: [c[width]], [*state_types, *types[second:]])
    made = dataclasses.replace(
        primitive,
        condition=passes,
        body=program,
        num_condition_consts=0,
        num_body_consts=second,
    )
    initial = evaluate(begin, [*cond_consts, *carry])
    flat = bind(made, *cond_consts, *consts, *initial, *carry)
    errors.extend(together, flat[:width])
    return flat[width + 1 :]
