"""`custom_jvp`: a function whose derivative its author wrote."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Primitive, Program, message
from .._tracing import EAGER, bind, evaluate, keeping_axes, record, state, typeof
from .._transforms import batch_program, batch_size, zeros_for
from .._transforms._arguments import Callee
from .._transforms._trees import argument_leaves, flatten, name_of, result_leaves
from ._functions import record_tree


class CustomJvp(Primitive):
    """Runs `program`; its derivative is the program `make_rule` returns.

    `make_rule(types)` gives, for argument types, the program from arguments and their
    tangents (all of them) to results and their tangents, and the values of its
    captures.
    """

    interned = False
    multiple_results = True

    program: Program
    make_rule: Callable[[Sequence[ArrayType]], tuple[Program, list[Any]]]
    num_captures: int

    @property
    def effects(self) -> frozenset[str]:
        return self.program.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.program.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        rule, captures = self.rule()
        full = [
            zeros_for(typeof(p)) if t is None and typeof(p).is_differentiable else t
            for p, t in zip(primals, tangents, strict=True)
        ]
        captured_tangents = tangents[: self.num_captures]
        if any(t is not None for t in captured_tangents):
            raise _closes_over(self.program.name, "custom_jvp")
        args, args_t = primals[self.num_captures :], full[self.num_captures :]
        flat = evaluate(rule, [*captures, *args, *(t for t in args_t if t is not None)])
        count = len(self.program.outputs)
        rest = iter(flat[count:])
        return flat[:count], [
            next(rest) if typeof(out).is_differentiable else None
            for out in flat[:count]
        ]

    def rule(self) -> tuple[Program, list[Any]]:
        """The derivative's program, traced once."""
        found = self.derived.get("rule")
        if found is None:
            types = self.program.in_types[self.num_captures :]
            found = self.derived["rule"] = self.make_rule(types)
        return found

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.program, tuple(axes), size, True)
        inner_axes = tuple(axes[self.num_captures :])

        def make_rule(types: Sequence[ArrayType]) -> tuple[Program, list[Any]]:
            rule, captures = self.rule()
            shared: tuple[int | None, ...] = (None,) * len(captures)
            differentiable = [
                t.is_differentiable for t in self.program.in_types[self.num_captures :]
            ]
            tangents = tuple(
                a for a, d in zip(inner_axes, differentiable, strict=True) if d
            )
            batched, _ = batch_program(
                rule, (*shared, *inner_axes, *tangents), size, True
            )
            return batched, captures

        made = CustomJvp(program, keeping_axes(make_rule), self.num_captures)
        return bind(made, *args), out_axes

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.program, args)


def _closes_over(name: str, kind: str) -> TypeError:
    return TypeError(
        message(
            f"{kind} of {name}: the function closes over a value that is being "
            "differentiated, so its own rule would miss that derivative.",
            "Pass the value as an argument.",
        )
    )


class custom_jvp:
    """A function with its own forward-mode derivative.

    Reverse mode is derived from it by transposition.

    Args:
        fun: a function of arrays in trees.
        nondiff_argnums: positions of arguments that are no arrays or not
            differentiated; the rule gets them first.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.custom_jvp
        ... def log1pexp(x):
        ...     return jnp.log(1.0 + jnp.exp(x))
        >>> @log1pexp.defjvp
        ... def rule(primals, tangents):
        ...     (x,), (dx,) = primals, tangents
        ...     return log1pexp(x), dx * (1.0 - 1.0 / (1.0 + jnp.exp(x)))
        >>> dc.grad(log1pexp)(100.0)
        Array(1., dtype=float32)
    """

    def __init__(
        self, fun: Callable[..., Any], nondiff_argnums: Sequence[int] = ()
    ) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = tuple(nondiff_argnums)
        self._rule: Callable[..., Any] | None = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule `jvp(primals, tangents) -> (out, tangent)`; returns it.

        Both arguments are tuples, one entry for each argument; a tangent has the tree
        and types of its primal.
        """
        self._rule = jvp
        return jvp

    def defjvps(self, *jvps: Callable[..., Any] | None) -> None:
        """Set one rule for each argument: `jvp(tangent, out, *primals) -> tangent`.

        The tangents of all arguments are added; None stands for a zero derivative.
        """

        def rule(primals: Any, tangents: Any) -> Any:
            from .._ops._arithmetic import add

            out = self(*primals)
            total = None
            for one, tangent in zip(jvps, tangents, strict=True):
                if one is None:
                    continue
                part = one(tangent, out, *primals)
                total = part if total is None else add(total, part)
            return out, zeros_for(typeof(out)) if total is None else total

        self._rule = rule

    def __call__(self, *args: Any) -> Any:
        """Call the function; under differentiation its own rule applies."""
        if self._rule is None:
            raise AttributeError(
                message(
                    f"custom_jvp {name_of(self.fun)}: it has no rule yet.",
                    f"Define one with `@{name_of(self.fun)}.defjvp`.",
                )
            )
        if state.trace is EAGER:
            return self.fun(*args)
        numbers = {n % len(args) for n in self.nondiff_argnums}
        static = {n: args[n] for n in numbers}
        dynamic = [a for i, a in enumerate(args) if i not in numbers]

        def with_static(values: Sequence[Any]) -> list[Any]:
            rest = iter(values)
            return [static[i] if i in static else next(rest) for i in range(len(args))]

        leaves, tree = argument_leaves("custom_jvp", self.fun, tuple(dynamic))
        types = [typeof(leaf) for leaf in leaves]
        program, captures, out_tree = record_tree(
            "custom_jvp",
            lambda ops: self.fun(*with_static(ops)),
            [tree],
            types,
            of=Callee(self.fun),
        )
        program.name = name_of(self.fun)
        rule = self._rule

        def make_rule(types: Sequence[ArrayType]) -> tuple[Program, list[Any]]:
            differentiable = [t.is_differentiable for t in types]

            def flat(*values: Any) -> list[Any]:
                primals = values[: len(types)]
                given = iter(values[len(types) :])
                tangents = [
                    next(given) if d else zeros_for(t)
                    for d, t in zip(differentiable, types, strict=True)
                ]
                leading = [static[n] for n in sorted(static)]
                out, tangent = rule(
                    *leading,
                    tuple(tree.unflatten(primals)),
                    tuple(tree.unflatten(tangents)),
                )
                return _checked_rule(self.fun, out, tangent, out_tree)

            tangent_types = [t.strengthened() for t in types if t.is_differentiable]
            return record(flat, [*types, *tangent_types], name=name_of(rule))

        made = CustomJvp(program, keeping_axes(make_rule), len(captures))
        return out_tree.unflatten(bind(made, *captures, *leaves))


def _checked_rule(fun: Any, out: Any, tangent: Any, out_tree: Any) -> list[Any]:
    outs, tree = result_leaves("custom_jvp", fun, out)
    tangents, tangent_tree = flatten(tangent)
    if tree != out_tree or tangent_tree != out_tree:
        raise TypeError(
            message(
                f"custom_jvp of {name_of(fun)}: the rule must return `(out, tangent)`, "
                f"each of the tree of the function's result {out_tree}; got {tree} and "
                f"{tangent_tree}."
            )
        )
    kept = []
    for value, given in zip(outs, tangents, strict=True):
        type = typeof(value)
        if not type.is_differentiable:
            continue
        if typeof(given).shape != type.shape or typeof(given).dtype != type.dtype:
            raise TypeError(
                message(
                    f"custom_jvp of {name_of(fun)}: the rule's tangent of a result "
                    f"{type!r} must have its shape and dtype, got {typeof(given)!r}."
                )
            )
        kept.append(given)
    return [*outs, *kept]
