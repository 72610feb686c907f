"""`custom_vjp`: a function whose reverse-mode derivative its author wrote."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, Program, dtypes, message
from .._tracing import (
    EAGER,
    bind,
    evaluate,
    keeping_axes,
    record,
    record_closed,
    state,
    typeof,
)
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    tangent_type,
    zeros_for,
)
from .._transforms._arguments import Callee
from .._transforms._trees import argument_leaves, flatten, name_of, result_leaves
from ._functions import record_tree


class Rule:
    """The forward and backward programs of one call.

    `forward` goes from the arguments to the results and residuals; `backward` from
    residuals and cotangents of all results to cotangents of the arguments that have
    any. Each is preceded by its captures.
    """

    def __init__(
        self,
        forward: Program,
        forward_captures: Sequence[Any],
        backward: Callable[[], tuple[Program, list[Any]]],
    ) -> None:
        self.forward = forward
        self.forward_captures = list(forward_captures)
        self.make_backward = functools.cache(backward)


class CustomVjp(Primitive):
    """Runs `program`; in reverse mode `make_rule()` says what to do instead."""

    interned = False
    multiple_results = True

    program: Program
    make_rule: Callable[[], Rule]
    num_captures: int

    @property
    def effects(self) -> frozenset[str]:
        return self.program.effects

    def rule(self) -> Rule:
        """Forward and backward programs, traced once."""
        found = self.derived.get("rule")
        if found is None:
            found = self.derived["rule"] = self.make_rule()
        return found

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.program.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise TypeError(
            message(
                f"jvp of {self.program.name}: forward-mode differentiation needs a "
                "forward rule, but the function has only a reverse one (custom_vjp).",
                "Use `custom_jvp`, which serves both modes, or differentiate in "
                "reverse with `grad`, `vjp` or `jacrev`.",
            )
        )

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        if any(active[: self.num_captures]):
            raise TypeError(
                message(
                    f"custom_vjp of {self.program.name}: the function closes over a "
                    "value that is being differentiated, so its own rule would miss "
                    "that derivative.",
                    "Pass the value as an argument.",
                )
            )
        rule = self.rule()
        count = len(self.program.outputs)
        outs = tuple(t.is_differentiable for t in self.program.out_types)
        # The captured values belong to the trace outside, so they travel as residuals.
        forward_captures = rule.forward_captures

        def primal(*args: Any) -> list[Any]:
            flat = evaluate(
                rule.forward, [*forward_captures, *args[self.num_captures :]]
            )
            return list(flat)

        program = record_closed(primal, list(arg_types))
        residual_types = program.out_types[count:]

        def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
            backward, captures = rule.make_backward()
            types = [t for t, d in zip(self.program.out_types, outs, strict=True) if d]
            in_types = self.program.in_types[self.num_captures :]

            def run(*flat: Any) -> list[Any]:
                residuals = flat[: len(residual_types)]
                cts = iter(flat[len(residual_types) :])
                full = [
                    next(cts) if g else zeros_for(t)
                    for g, t in zip(given, types, strict=True)
                ]
                found = iter(evaluate(backward, [*captures, *residuals, *full]))
                by_input = [
                    next(found) if t.is_differentiable else None for t in in_types
                ]
                return [
                    ct
                    for ct, a in zip(by_input, active[self.num_captures :], strict=True)
                    if a and ct is not None
                ]

            ct_types = [tangent_type(t) for t, g in zip(types, given, strict=True) if g]
            made = record_closed(run, [*residual_types, *ct_types])
            return made, (True,) * len(made.outputs)

        def tangent() -> Program:
            return self.jvp((), ())

        return Linearization(program, tangent, transposed, active, outs)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.program, tuple(axes), size, True)
        inner = tuple(axes[self.num_captures :])

        def make_rule() -> Rule:
            return _batched_rule(self, inner, size)

        made = CustomVjp(program, keeping_axes(make_rule), self.num_captures)
        return bind(made, *args), out_axes

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.program, args)


def _batched_rule(
    primitive: CustomVjp, axes: tuple[int | None, ...], size: int
) -> Rule:
    from .._ops import _shape
    from .._ops._reductions import reduce_sum

    rule = primitive.rule()
    shared: tuple[int | None, ...] = (None,) * len(rule.forward_captures)
    forward, forward_axes = batch_program(
        rule.forward,
        (*shared, *axes),
        size,
        (True,) * len(primitive.program.outputs)
        + (False,) * (len(rule.forward.outputs) - len(primitive.program.outputs)),
    )
    residual_axes = forward_axes[len(primitive.program.outputs) :]

    def backward() -> tuple[Program, list[Any]]:
        inner, captures = rule.make_backward()
        num_cts = len(inner.inputs) - len(captures) - len(residual_axes)
        in_axes = ((None,) * len(captures)) + residual_axes + ((0,) * num_cts)
        batched, _ = batch_program(inner, in_axes, size, True)
        types = primitive.program.in_types[primitive.num_captures :]
        wanted = [a for a, t in zip(axes, types, strict=True) if t.is_differentiable]

        def run(*flat: Any) -> list[Any]:
            # An argument shared by the batch gets the sum of all its cotangents.
            found = evaluate(batched, flat)
            return [
                reduce_sum(ct, (0,)) if a is None else _shape.move_axis(ct, 0, a)
                for ct, a in zip(found, wanted, strict=True)
            ]

        return record_closed(run, list(batched.in_types)), captures

    return Rule(forward, rule.forward_captures, keeping_axes(backward))


class custom_vjp:
    """A function with its own reverse-mode derivative.

    Args:
        fun: a function of arrays in trees. nondiff_argnums: positions of arguments that
        are no arrays or not differentiated;
            the backward rule gets them first.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.custom_vjp
        ... def clip_gradient(x):
        ...     return x
        >>> def forward(x):
        ...     return x, None
        >>> def backward(residuals, ct):
        ...     return (jnp.clip(ct, -1.0, 1.0),)
        >>> clip_gradient.defvjp(forward, backward)
        >>> dc.grad(lambda x: 10.0 * clip_gradient(x))(2.0)
        Array(1., dtype=float32)
    """

    def __init__(
        self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()
    ) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = tuple(nondiff_argnums)
        self._fwd: Callable[..., Any] | None = None
        self._bwd: Callable[..., Any] | None = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the rule.

        Args:
            fwd: like the function, but returns `(out, residuals)`.
            bwd: from `(*nondiff_args, residuals, cotangent)` to a tuple of cotangents,
                one for each differentiated argument; None for a zero one.
        """
        self._fwd, self._bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; in reverse mode its own rule applies."""
        if self._fwd is None or self._bwd is None:
            raise AttributeError(
                message(
                    f"custom_vjp {name_of(self.fun)}: it has no rule yet.",
                    f"Define one with `{name_of(self.fun)}.defvjp(fwd, bwd)`.",
                )
            )
        if state.trace is EAGER:
            return self.fun(*args, **kwargs)
        if kwargs:
            import inspect

            bound = inspect.signature(self.fun).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        return self._bind(args)

    def _bind(self, args: Sequence[Any]) -> Any:
        numbers = {n % len(args) for n in self.nondiff_argnums}
        static = {n: args[n] for n in numbers}
        dynamic = tuple(a for i, a in enumerate(args) if i not in numbers)

        def with_static(values: Sequence[Any]) -> list[Any]:
            rest = iter(values)
            return [static[i] if i in static else next(rest) for i in range(len(args))]

        leaves, tree = argument_leaves("custom_vjp", self.fun, dynamic)
        types = [typeof(leaf) for leaf in leaves]
        program, captures, out_tree = record_tree(
            "custom_vjp",
            lambda ops: self.fun(*with_static(ops)),
            [tree],
            types,
            of=Callee(self.fun),
        )
        program.name = name_of(self.fun)

        def make_rule() -> Rule:
            return self._make_rule(with_static, static, tree, types, program, out_tree)

        made = CustomVjp(program, keeping_axes(make_rule), len(captures))
        return out_tree.unflatten(bind(made, *captures, *leaves))

    def _make_rule(
        self,
        with_static: Callable[[Sequence[Any]], list[Any]],
        static: dict[int, Any],
        tree: Any,
        types: Sequence[ArrayType],
        program: Program,
        out_tree: Any,
    ) -> Rule:
        fwd, bwd = self._fwd, self._bwd
        assert fwd is not None
        assert bwd is not None
        residual_tree: Any = None

        def forward(*flat: Any) -> list[Any]:
            nonlocal residual_tree
            result = fwd(*with_static(tree.unflatten(flat)))
            if not isinstance(result, tuple | list) or len(result) != 2:
                raise TypeError(
                    message(
                        f"custom_vjp of {name_of(self.fun)}: the forward rule must "
                        "return a pair `(out, residuals)`, got "
                        f"{type(result).__name__}."
                    )
                )
            outs, got_tree = result_leaves("custom_vjp", fwd, result[0])
            got = [typeof(o) for o in outs]
            if got_tree != out_tree or [(t.shape, t.dtype) for t in got] != [
                (t.shape, t.dtype) for t in program.out_types
            ]:
                raise TypeError(
                    message(
                        f"custom_vjp of {name_of(self.fun)}: the forward rule must "
                        "return what the function returns; the function returns "
                        f"{out_tree.unflatten(program.out_types)}, the rule "
                        f"{got_tree.unflatten(got)}."
                    )
                )
            residuals, residual_tree = result_leaves("custom_vjp", fwd, result[1])
            return [*outs, *residuals]

        made, captures = record(forward, types, name=name_of(fwd))
        residual_types = made.out_types[len(program.outputs) :]

        def backward() -> tuple[Program, list[Any]]:
            outs = program.out_types

            def flat(*values: Any) -> list[Any]:
                residuals = residual_tree.unflatten(values[: len(residual_types)])
                given = iter(values[len(residual_types) :])
                cts = [
                    next(given)
                    if t.is_differentiable
                    else np.zeros(t.shape, dtypes.float0)
                    for t in outs
                ]
                leading = [static[n] for n in sorted(static)]
                result = bwd(*leading, residuals, out_tree.unflatten(cts))
                return self._checked_cotangents(result, tree, types)

            ct_types = [tangent_type(t) for t in outs if t.is_differentiable]
            return record(flat, [*residual_types, *ct_types], name=name_of(bwd))

        return Rule(made, captures, keeping_axes(backward))

    def _checked_cotangents(
        self, result: Any, tree: Any, types: Sequence[ArrayType]
    ) -> list[Any]:
        """Cotangents of the differentiable argument leaves; None means zeros."""
        children = tree.children()
        if not isinstance(result, tuple | list) or len(result) != len(children):
            raise TypeError(
                message(
                    f"custom_vjp of {name_of(self.fun)}: the backward rule must return "
                    f"a tuple of {len(children)} cotangents, one for each argument; "
                    f"got {result!r:.80}."
                )
            )
        cts: list[Any] = []
        start = 0
        for number, (ct, child) in enumerate(zip(result, children, strict=True)):
            own = types[start : start + child.num_leaves]
            start += child.num_leaves
            if ct is None:
                cts += [zeros_for(t) for t in own if t.is_differentiable]
                continue
            leaves, got_tree = flatten(ct)
            if got_tree != child:
                raise TypeError(
                    message(
                        f"custom_vjp of {name_of(self.fun)}: the backward rule's "
                        f"cotangent number {number} must have the tree of its argument "
                        f"{child}, got {got_tree}."
                    )
                )
            for leaf, type in zip(leaves, own, strict=True):
                if not type.is_differentiable:
                    continue
                given = typeof(leaf)
                if given.shape != type.shape or given.dtype != type.dtype:
                    raise TypeError(
                        message(
                            f"custom_vjp of {name_of(self.fun)}: the backward rule's "
                            f"cotangent number {number} must be like its argument "
                            f"{type!r}, got {given!r}."
                        )
                    )
                cts.append(leaf)
        return cts
