"""`custom_vmap`: a function whose batch rule its author wrote."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Program, message, type_error, value_error
from .._tracing import bind, typeof
from .._transforms import (
    Linearization,
    batch_size,
    jvp,
    jvp_program,
    linearize_program,
    to_front,
    transpose_linearized,
    with_tangents,
)
from .._transforms._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)
from ._call import RunsProgram, call_linearization
from ._functions import record_tree
from ._loops import map

# From the batch size, the arguments (batches first-axis) and which of them are batches,
# to the results and which of them are batches.
FlatRule = Callable[[int, Sequence[Any], Sequence[bool]], tuple[list[Any], list[bool]]]


class CustomVmap(RunsProgram):
    """Runs `program`; for a batch, `rule` says what to do instead."""

    program: Program
    rule: FlatRule

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The derivative has a rule too: that of the rule."""
        active = tuple(t is not None for t in tangents)
        program, out_active = jvp_program(self.program, active)
        rule = _derivative_of(self.rule, active, out_active)
        given = [t for t in tangents if t is not None]
        flat = bind(CustomVmap(program, rule), *primals, *given)
        return with_tangents(flat, out_active)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        """That of the program: a batch of what it gives is made by ordinary rules."""
        return call_linearization(linearize_program(self.program, active))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The author's rule, in the trace around the batch."""
        size = batch_size(args, axes)
        batched = [axis is not None for axis in axes]
        moved = [
            arg if axis is None else to_front(arg, axis, size)
            for arg, axis in zip(args, axes, strict=True)
        ]
        outs, is_batch = self.rule(size, moved, batched)
        return outs, [0 if b else None for b in is_batch]


def _derivative_of(
    rule: FlatRule, active: Sequence[bool], out_active: Sequence[bool]
) -> FlatRule:
    """The rule for a function's forward derivative."""

    def derivative(size: int, args: Sequence[Any], batched: Sequence[bool]) -> Any:
        count = len(active)
        positions = [i for i, a in enumerate(active) if a]
        # A primal and its tangent must agree on being a batch.
        either = list(batched[:count])
        for position, is_batch in zip(positions, batched[count:], strict=True):
            either[position] = either[position] or is_batch

        def agreeing(value: Any, is_batch: bool, position: int) -> Any:
            repeat = either[position] and not is_batch
            return to_front(value, None, size) if repeat else value

        primals = [agreeing(args[i], batched[i], i) for i in range(count)]
        tangents = [
            agreeing(args[count + k], batched[count + k], position)
            for k, position in enumerate(positions)
        ]
        outs_batched: list[bool] = []

        def run(*varying: Any) -> list[Any]:
            nonlocal outs_batched
            full = list(primals)
            for position, value in zip(positions, varying, strict=True):
                full[position] = value
            outs, outs_batched = rule(size, full, either)
            return outs

        outs, out_tangents = jvp(run, [primals[i] for i in positions], tangents)
        kept = [i for i, a in enumerate(out_active) if a]
        return (
            [*outs, *(out_tangents[i] for i in kept)],
            [*outs_batched, *(outs_batched[i] for i in kept)],
        )

    return derivative


class custom_vmap:
    """A function with its own rule for batches.

    Reverse-mode derivatives taken *inside* `vmap` are those of the function itself, so
    that the rule does not see them; everything else goes through the rule.

    Args:
        fun: a function of arrays in trees.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core.custom_batching import custom_vmap
        >>> @custom_vmap
        ... def product(a, b):
        ...     return a @ b
        >>> @product.def_vmap
        ... def rule(axis_size, in_batched, a, b):
        ...     assert in_batched == [True, False]
        ...     return a @ b, True  # one matrix product for all vectors
        >>> dc.vmap(product, in_axes=(0, None))(jnp.ones((3, 2)), jnp.ones((2, 2)))
        Array([[2., 2.],
               [2., 2.],
               [2., 2.]], dtype=float32)
    """

    def __init__(self, fun: Callable[..., Any]) -> None:
        if not callable(fun):
            raise type_error(f"custom_vmap: expected a function, got {fun!r:.80}.")
        functools.update_wrapper(self, fun)
        self.fun = fun
        self._rule: Callable[..., Any] | None = None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def def_vmap(self, vmap_rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule for batches; returns it.

        Args:
            vmap_rule: `rule(axis_size, in_batched, *args) -> (out, out_batched)`.
                `in_batched` is a list with, for each argument, a tree of booleans of
                its structure: whether the leaf is a batch, with the batch axis first.
                `out` has the tree of the function's result, `out_batched` the same
                tree of booleans.
        """
        self._rule = vmap_rule
        return vmap_rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; under `vmap` its own rule applies."""
        if self._rule is None:
            raise AttributeError(
                message(
                    f"custom_vmap {name_of(self.fun)}: it has no rule yet.",
                    f"Define one with `@{name_of(self.fun)}.def_vmap`.",
                )
            )
        if kwargs:
            bound = inspect.signature(self.fun).bind(*args, **kwargs)
            bound.apply_defaults()
            if bound.kwargs:
                raise type_error(
                    f"custom_vmap of {name_of(self.fun)}: keyword-only arguments have "
                    f"no place in a rule, got {', '.join(bound.kwargs)}.",
                    "Make them positional parameters.",
                )
            args = bound.args
        leaves, tree = argument_leaves("custom_vmap", self.fun, args)
        types = [typeof(leaf) for leaf in leaves]
        program, captures, out_tree = record_tree(
            "custom_vmap", self.fun, tree.children(), types
        )
        rule = self._flat_rule(self._rule, len(captures), tree, program, out_tree)
        made = CustomVmap(program, rule)
        return out_tree.unflatten(bind(made, *captures, *leaves))

    def _flat_rule(
        self,
        rule: Callable[..., Any],
        num_captures: int,
        tree: Any,
        program: Program,
        out_tree: Any,
    ) -> FlatRule:
        """The author's rule on flat lists, with its results checked."""
        what = f"custom_vmap of {name_of(self.fun)}"

        def flat(size: int, args: Sequence[Any], batched: Sequence[bool]) -> Any:
            if any(batched[:num_captures]):
                raise value_error(
                    f"{what}: the function closes over a value that differs across the "
                    "batch, which its rule does not get.",
                    "Pass the value as an argument.",
                )
            in_batched = list(tree.unflatten(batched[num_captures:]))
            result = rule(size, in_batched, *tree.unflatten(args[num_captures:]))
            if not isinstance(result, tuple | list) or len(result) != 2:
                raise type_error(
                    f"{what}: the rule must return a pair `(out, out_batched)`, got "
                    f"{type(result).__name__}."
                )
            outs, got_tree = result_leaves("custom_vmap", rule, result[0])
            flags, flag_tree = flatten(result[1])
            if got_tree != out_tree or flag_tree != out_tree:
                raise value_error(
                    f"{what}: the results of the rule and `out_batched` must have the "
                    f"tree of the function's result, {out_tree}; got {got_tree} and "
                    f"{flag_tree}."
                )
            _check_types(what, out_tree, program, size, outs, flags)
            return outs, [bool(flag) for flag in flags]

        return flat


def _check_types(
    what: str,
    tree: Any,
    program: Program,
    size: int,
    outs: Sequence[Any],
    batched: Sequence[bool],
) -> None:
    paths = [path for path, _ in flatten_with_path(tree.unflatten(outs))[0]]
    wrong = []
    rows = zip(paths, program.out_types, outs, batched, strict=True)
    for path, type, out, is_batch in rows:
        want = type.with_shape((size, *type.shape)) if is_batch else type
        got = typeof(out)
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            wrong.append(f"  result{path_text(path)}: expected {want!r}, got {got!r}")
    if wrong:
        raise type_error(
            f"{what}: the results of the rule must have the types of the function's "
            "results, with the batch axis in front where `out_batched` says so, but\n"
            + "\n".join(wrong)
        )


def sequential_vmap(f: Callable[..., Any]) -> custom_vmap:
    """A function whose batches run one element after the other.

    Under `vmap` it is `lax.map`: the memory of one element, real branches in `cond`,
    effects in order.

    Args:
        f: a function of arrays in trees.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> from dolmen.core.custom_batching import sequential_vmap
        >>> @sequential_vmap
        ... def root(x):
        ...     return lax.cond(x > 0, jnp.sqrt, lambda x: x, x)
        >>> dc.vmap(root)(jnp.array([4.0, -1.0]))
        Array([ 2., -1.], dtype=float32)
    """
    made = custom_vmap(f)

    @made.def_vmap
    def rule(axis_size: int, in_batched: Any, *args: Any) -> Any:
        leaves, tree = flatten(args)
        mask = flatten(tuple(in_batched))[0]
        rows = [x for x, b in zip(leaves, mask, strict=True) if b]

        def one(row: Sequence[Any]) -> Any:
            rest = iter(row)
            full = [next(rest) if b else x for x, b in zip(leaves, mask, strict=True)]
            return f(*tree.unflatten(full))

        out = map(one, rows)
        flat, out_tree = flatten(out)
        return out, out_tree.unflatten([True] * len(flat))

    return made
