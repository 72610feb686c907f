"""Truncated power series through programs: the trace behind `jet`.

A value that moves along a curve carries the coefficients of its power series. Rules
for operations, the first that applies:

- a recurrence of `_series`, for products and common functions;
- for operations that hold programs, the same program on series;
- if the derivative does not vary (it is linear, or chooses elements), each coefficient
  goes through it;
- else the derivative itself, an operation on values and velocities, is followed to one
  order less, and its result integrated.

The last rule serves whatever has a forward derivative, `custom_jvp` included.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import (
    Primitive,
    Program,
    without_dead_code,
)
from .._tracing import (
    CustomCall,
    Trace,
    Tracer,
    bind,
    current_trace,
    enter,
    evaluate,
    record_closed,
    typeof,
)
from .._transforms import jvp_program, tangent_type, zeros_for
from .._transforms._jvp import jvp_rule, suspended
from .._transforms._linearize import linearization
from ._call import Jit, call
from ._checkpoint import Checkpoint
from ._cond import Cond
from ._custom_vmap import CustomVmap
from ._scan import Scan
from ._series import RECURRENCES, Series, scaled
from ._vjp_call import CustomVjp, VjpCall
from ._while import While


class JetTracer(Tracer):
    """A value and the coefficients of its series after the first; None is zero."""

    __slots__ = ("__weakref__", "owner", "primal", "terms", "type")

    def __init__(self, trace: Trace, primal: Any, terms: Sequence[Any]) -> None:
        self.owner = trace
        self.primal = primal
        self.terms = terms
        self.type = typeof(primal)

    def concrete(self) -> Any:
        primal = self.primal
        return primal.concrete() if isinstance(primal, Tracer) else primal

    def behind(self) -> Any:
        return self.primal


class JetTrace(Trace):
    """Computes with series in its parent.

    Attributes:
        order: how many coefficients follow the first.
    """

    __slots__ = ("function", "order", "parent", "suspended")

    def __init__(self, parent: Trace, order: int, function: str = "") -> None:
        self.parent = parent
        self.order = order
        self.function = function
        self.staging = parent.staging
        self.finished = False
        self.suspended: CustomCall | None = None

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        primals, terms = self._opened(args)
        if all(t is None for t in terms):
            return self.parent.process(primitive, primals)
        previous = enter(self.parent)
        try:
            found = _rule(primitive, primals, terms, self.order)
            outs = [self._wrapped(series) for series in found]
        finally:
            enter(previous)
        return outs if primitive.multiple_results else outs[0]

    def process_custom(self, call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
        if isinstance(call, VjpCall):  # its rule can't go forward
            return call.run(args)
        primals, terms = self._opened(args)
        with suspended(self, call):
            if all(t is None for t in terms):
                return self.parent.process_custom(call, primals)
            outs = call.run(primals)
            series = _integrated(call.jvp, primals, terms, self.order)
        return [
            self._wrapped([out, *rest]) for out, rest in zip(outs, series, strict=True)
        ]

    def opened(self, value: Any) -> Series:
        """The series of a value."""
        if isinstance(value, JetTracer) and value.owner is self:
            return [value.primal, *value.terms]
        return [value, *[None] * self.order]

    def _opened(self, args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Primals of arguments, and their terms or None."""
        primals, terms = [], []
        for arg in args:
            mine = isinstance(arg, JetTracer) and arg.owner is self
            primals.append(arg.primal if mine else arg)
            terms.append(arg.terms if mine else None)
        return primals, terms

    def _wrapped(self, series: Series) -> Any:
        moves = any(term is not None for term in series[1:])
        return JetTracer(self, series[0], series[1:]) if moves else series[0]


def _rule(
    primitive: Primitive, primals: Sequence[Any], terms: Sequence[Any], order: int
) -> list[Series]:
    """The series of the results of an operation."""
    series = [
        [p, *([None] * order if t is None else t)]
        for p, t in zip(primals, terms, strict=True)
    ]
    recurrence = RECURRENCES.get(type(primitive))
    if recurrence is not None:
        return [recurrence(primitive, series)]
    on_programs = _PROGRAM_RULES.get(type(primitive))
    if on_programs is not None:
        return on_programs(primitive, series, order)
    types = tuple(typeof(p) for p in primals)
    active = tuple(t is not None for t in terms)
    if _is_constant_derivative(primitive, types, active):
        return _through_derivative(primitive, series, active)

    def derivative(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        kinds = tuple(None if t is None else typeof(t) for t in tangents)
        program, varies = jvp_rule(primitive, types, kinds)
        given = [t for t in tangents if t is not None]
        found = iter(evaluate(_tangents_only(program, len(varies)), [*primals, *given]))
        return None, [next(found) if v else None for v in varies]

    outs = bind(primitive, *primals)
    outs = outs if primitive.multiple_results else [outs]
    rest = _integrated(derivative, primals, terms, order)
    return [[out, *more] for out, more in zip(outs, rest, strict=True)]


def _tangents_only(program: Program, num_outs: int) -> Program:
    """A derivative's program without the results themselves."""
    found = program.derived.get("tangents only")
    if found is None:
        outputs = program.outputs[num_outs:]
        found = without_dead_code(Program(program.inputs, program.equations, outputs))
        program.derived["tangents only"] = found
    return found


def _is_constant_derivative(
    primitive: Primitive, types: tuple[Any, ...], active: tuple[bool, ...]
) -> bool:
    """Whether what the derivative keeps of the arguments has derivative zero itself."""
    key = ("constant derivative", types, active)
    found = primitive.derived.get(key)
    if found is None:
        made = linearization(primitive, types, active)
        varies = jvp_program(made.primal, active)[1]
        found = primitive.derived[key] = not any(varies[len(made.active_outs) :])
    return found


def _through_derivative(
    primitive: Primitive, series: Sequence[Series], active: tuple[bool, ...]
) -> list[Series]:
    types = tuple(typeof(s[0]) for s in series)
    made = linearization(primitive, types, active)
    flat = evaluate(made.primal, [s[0] for s in series])
    outs, residuals = flat[: len(made.active_outs)], flat[len(made.active_outs) :]
    found: list[Series] = [[out] for out in outs]
    moving = [s for s, a in zip(series, active, strict=True) if a]
    for k in range(1, len(series[0])):
        pushed: Sequence[Any] = [None] * sum(made.active_outs)
        if any(s[k] is not None for s in moving):
            terms = [zeros_for(typeof(s[0])) if s[k] is None else s[k] for s in moving]
            pushed = made.push(residuals, terms)
        results = iter(pushed)
        for row, varies in zip(found, made.active_outs, strict=True):
            row.append(next(results) if varies else None)
    return found


def _integrated(
    derivative: Callable[[Sequence[Any], Sequence[Any]], Any],
    primals: Sequence[Any],
    terms: Sequence[Any],
    order: int,
) -> list[Series]:
    """Terms of results, from their velocities followed to one order less.

    Args:
        derivative: from values and velocities (None is zero) to a pair of anything and
            the velocities of the results.
    """
    trace = JetTrace(current_trace(), order - 1)
    values: list[Any] = []
    velocities: list[Any] = []
    for primal, own in zip(primals, terms, strict=True):
        if own is None:
            values.append(primal)
            velocities.append(None)
            continue
        moved = [scaled(term, k) for k, term in enumerate(own, start=1)]
        first = zeros_for(typeof(primal)) if moved[0] is None else moved[0]
        values.append(JetTracer(trace, primal, own[:-1]) if order > 1 else primal)
        velocities.append(JetTracer(trace, first, moved[1:]) if order > 1 else first)
    previous = enter(trace)
    try:
        _, found = derivative(values, velocities)
    finally:
        enter(previous)
        trace.finished = True
    return [
        [None] * order
        if velocity is None
        else [scaled(v, 1 / k) for k, v in enumerate(trace.opened(velocity), start=1)]
        for velocity in found
    ]


# ---- operations that hold programs ---------------------------------------------------


def jet_program(
    program: Program,
    active: tuple[bool, ...],
    order: int,
    force: tuple[bool, ...] = (),
) -> tuple[Program, tuple[bool, ...]]:
    """A program on series, in which each value that moves is followed by its terms.

    Args:
        active: which inputs move.
        force: which outputs must have terms, zeros if they don't move.

    Returns:
        The program, and which outputs have terms.
    """
    key = ("jet", active, order, force)
    found = program.derived.get(key)
    if found is not None:
        return found
    out_active: tuple[bool, ...] = ()

    def moved(*flat: Any) -> list[Any]:
        nonlocal out_active
        trace = JetTrace(current_trace(), order)
        args = [
            JetTracer(trace, values[0], values[1:]) if len(values) > 1 else values[0]
            for values in _unpacked(flat, active, order)
        ]
        previous = enter(trace)
        try:
            results = evaluate(program, args)
        finally:
            enter(previous)
            trace.finished = True
        series = [trace.opened(result) for result in results]
        wanted = force or (False,) * len(series)
        out_active = tuple(
            f or any(term is not None for term in s[1:])
            for s, f in zip(series, wanted, strict=True)
        )
        return _packed(series, out_active)

    types = [
        type
        for own, a in zip(program.in_types, active, strict=True)
        for type in (own, *[tangent_type(own)] * (order if a else 0))
    ]
    made = record_closed(moved, types)
    made.name = f"jet_{program.name}" if program.name else "jet"
    found = program.derived[key] = (made, out_active)
    return found


def _packed(series: Sequence[Series], active: Sequence[bool]) -> list[Any]:
    """Flat values: each one, followed by its terms if it moves."""
    flat: list[Any] = []
    for own, moves in zip(series, active, strict=True):
        flat.append(own[0])
        if moves:
            zero = zeros_for(typeof(own[0])) if any(t is None for t in own) else None
            flat += [zero if term is None else term for term in own[1:]]
    return flat


def _unpacked(
    flat: Sequence[Any], active: Sequence[bool], order: int
) -> list[list[Any]]:
    values = iter(flat)
    return [[next(values) for _ in range(1 + order * a)] for a in active]


def _series(flat: Sequence[Any], active: Sequence[bool], order: int) -> list[Series]:
    return [
        own if len(own) > 1 else [*own, *[None] * order]
        for own in _unpacked(flat, active, order)
    ]


def _moves(series: Sequence[Series]) -> tuple[bool, ...]:
    return tuple(any(term is not None for term in own[1:]) for own in series)


def _size(active: Sequence[bool], order: int) -> int:
    return len(active) + order * sum(active)


def _of_call(primitive: Any, series: Sequence[Series], order: int) -> list[Series]:
    active = _moves(series)
    program, out_active = jet_program(primitive.program, active, order)
    return _series(call(program, _packed(series, active)), out_active, order)


def _of_inlined(primitive: Any, series: Sequence[Series], order: int) -> list[Series]:
    active = _moves(series)
    program, out_active = jet_program(primitive.program, active, order)
    return _series(evaluate(program, _packed(series, active)), out_active, order)


def _of_cond(primitive: Cond, series: Sequence[Series], order: int) -> list[Series]:
    operands = series[1:]
    active = _moves(operands)
    masks = [jet_program(b, active, order)[1] for b in primitive.branches]
    force = tuple(any(column) for column in zip(*masks, strict=True))
    branches = [jet_program(b, active, order, force)[0] for b in primitive.branches]
    made = primitive.with_branches(branches)
    return _series(bind(made, series[0][0], *_packed(operands, active)), force, order)


def _of_scan(scan: Scan, series: Sequence[Series], order: int) -> list[Series]:
    consts, carry, xs = scan.parts(_moves(series))
    grown = scan.active_carry(
        consts, carry, xs, lambda active: jet_program(scan.program, active, order)[1]
    )
    active = (*consts, *grown, *xs)
    rows = (False,) * (len(scan.program.outputs) - scan.num_carry)
    program, out_active = jet_program(scan.program, active, order, (*grown, *rows))
    made = Scan(
        program,
        scan.length,
        scan.reverse,
        _size(consts, order),
        _size(grown, order),
        scan.unroll,
    )
    return _series(bind(made, *_packed(series, active)), out_active, order)


def _of_while(loop: While, series: Sequence[Series], order: int) -> list[Series]:
    first, second = loop.num_condition_consts, loop.num_body_consts
    moves = _moves(series)
    consts, grown = moves[first : first + second], moves[first + second :]
    while True:
        _, found = jet_program(loop.body, (*consts, *grown), order, grown)
        if found == grown:
            break
        grown = found
    body, _ = jet_program(loop.body, (*consts, *grown), order, grown)

    def condition(*flat: Any) -> list[Any]:
        carry = _unpacked(flat[first:], grown, order)
        return evaluate(loop.condition, [*flat[:first], *(own[0] for own in carry)])

    types = [*loop.condition.in_types[:first], *body.out_types]
    made = While(record_closed(condition, types), body, first, _size(consts, order))
    active = (*(False for _ in range(first)), *consts, *grown)
    return _series(bind(made, *_packed(series, active)), grown, order)


_PROGRAM_RULES: dict[type[Primitive], Callable[..., list[Series]]] = {
    Jit: _of_call,
    Checkpoint: _of_inlined,
    CustomVjp: _of_inlined,
    CustomVmap: _of_inlined,
    Cond: _of_cond,
    Scan: _of_scan,
    While: _of_while,
}
