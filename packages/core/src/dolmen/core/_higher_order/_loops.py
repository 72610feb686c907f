"""`scan` and `map`: loops over the rows of arrays."""

import dataclasses
import operator
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Program, type_error, value_error
from .._ops import _joining, _shape, _slicing
from .._tracing import (
    Cell,
    as_array,
    bind,
    lending,
    pass_back_key_uses,
    pass_on_key_uses_of_steps,
    present,
    typeof,
    write_back,
)
from .._transforms import vmap
from .._transforms._arguments import Callee, positional_arguments
from .._transforms._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)
from ._agreement import (
    Side,
    describe_tree,
    results,
    settle_all,
    type_difference,
    with_carry_varying,
    with_type,
)
from ._functions import (
    carry_refs,
    check_callable,
    record_stateful_tree,
    runs_as_python,
)
from ._scan import Scan


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    _split_transpose: bool = False,
) -> tuple[Any, Any]:
    """Loop over the leading axis of arrays, carrying state along.

    The body is traced and compiled once, however many steps there are.

    Args:
        f: from carry and one row of `xs` to a pair of the next carry and one row of the
            output. The carry keeps its tree, shapes and dtypes.
        init: the first carry, a tree of arrays.
        xs: arrays with equal leading sizes, in a tree; None to loop `length` times.
        length: number of steps, needed only without `xs`.
        reverse: go from the last row to the first (outputs stay in the order of `xs`).
        unroll: how many steps each iteration of the compiled loop does; True for all.
        _split_transpose: accepted, as JAX does; it changes nothing.

    Returns:
        The final carry and the stacked outputs.

    Raises:
        TypeError: `f` changes the type of the carry; the message lists every
            difference.
        ValueError: leading sizes differ, or `length` contradicts them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.scan(lambda total, x: (total + x, total * x), 0.0, jnp.arange(4.0))
        (Array(6., dtype=float32), Array([0., 0., 2., 9.], dtype=float32))
    """
    check_callable("scan", f=f)
    return run_scan(Loop("scan", f), f, init, xs, length, reverse, unroll)


@dataclasses.dataclass(frozen=True)
class Loop:
    """What messages say of a loop.

    Attributes:
        name: the public function.
        function: the user's.
        carried: which part of the carry is the user's, None for all of it.
        init: how messages call its first value.
        arguments: from the carry and the row that the wrapper of the user's function
            takes, to descriptions of their leaves; None if there is no wrapper.
    """

    name: str
    function: Callable[..., Any]
    carried: int | None = None
    init: str = "init"
    arguments: Callable[..., Any] | None = None

    @property
    def words(self) -> str:
        """How messages begin."""
        return f"{self.name} of {name_of(self.function)}"

    def difference(self, one: Side, other: Side) -> TypeError:
        """The error for a carry that changes its type."""
        if self.carried is not None:
            one = one.part(self.carried, self.init)
            other = other.part(self.carried, "carry")
        return type_difference(
            self.words,
            [self.function],
            one,
            other,
            "Make the function return a carry of the same tree, shapes and dtypes, for "
            "example with `.astype(...)`.",
        )


def run_scan(
    loop: Loop,
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`scan` for a function that may wrap the user's."""
    if any(isinstance(leaf, Cell) for leaf in flatten(xs)[0]):
        return _scan_refs(loop, f, init, xs, length, reverse, unroll)
    carry, carry_tree = argument_leaves(loop.name, loop.function, init, root=loop.init)
    rows, rows_tree = argument_leaves(loop.name, loop.function, xs, root="xs")
    steps = _length(loop, xs, rows, length)
    at_once = _steps_at_once(loop, unroll, steps)
    if runs_as_python() and steps:
        order = range(steps)[::-1] if reverse else range(steps)
        return _scan_as_python(loop, f, init, rows, rows_tree, order)
    row_types = [typeof(row).with_shape(typeof(row).shape[1:]) for row in rows]
    types = [typeof(value) for value in carry]
    while True:
        program, captures, out_tree, written = record_stateful_tree(
            loop.name,
            f,
            [carry_tree, rows_tree],
            [*types, *row_types],
            of=Callee(loop.function) if loop.arguments else None,
            arguments=loop.arguments,
        )
        new_types, ys_tree = _check_carry(loop, carry_tree, types, program, out_tree)
        if new_types == types:
            break
        types = new_types
    carry = [with_type(value, type) for value, type in zip(carry, types, strict=True)]
    program = with_carry_varying(program, types)
    if written:
        program, captures = carry_refs(program, captures, written, len(written))
    consts, carry = present(captures), [*present(written), *carry]
    primitive = Scan(program, steps, bool(reverse), len(consts), len(carry), at_once)
    pass_on_key_uses_of_steps(program, consts, carry, rows, loop.words)
    outs = bind(primitive, *consts, *carry, *rows)
    pass_back_key_uses(program, outs[: len(carry)])
    write_back(written, outs[: len(written)])
    return (
        carry_tree.unflatten(outs[len(written) : len(carry)]),
        ys_tree.unflatten(outs[len(carry) :]),
    )


def _scan_as_python(
    loop: Loop, f: Any, carry: Any, rows: list[Any], rows_tree: Any, order: range
) -> tuple[Any, Any]:
    """`scan` of at least one step without recording the body."""
    ys: list[Any] = [None] * len(order)
    tree: Any = None
    for index in order:
        row = [_slicing.index_in_dim(x, index, 0, keepdims=False) for x in rows]
        result = f(carry, rows_tree.unflatten(row))
        tree = result_leaves(loop.name, loop.function, result)[1]
        _check_pair(loop, tree)
        carry, y = result
        ys[index] = flatten(y)[0]
    columns = [_joining.stack(column) for column in zip(*ys, strict=True)]
    return carry, tree.children()[1].unflatten(columns)


def _steps_at_once(loop: Loop, unroll: int | bool, steps: int) -> int:
    if isinstance(unroll, bool):
        return max(steps, 1) if unroll else 1
    count = operator.index(unroll)
    if count < 0:
        raise value_error(
            f"{loop.words}: expected `unroll` to be a boolean or a positive integer, "
            f"got {unroll}."
        )
    return max(count, 1)


def _scan_refs(loop: Loop, f: Any, init: Any, xs: Any, *how: Any) -> tuple[Any, Any]:
    """`scan` over arrays and refs: a step sees a ref for one row of each ref."""
    leaves, tree = flatten(xs)

    def step(carry: Any, rows: list[Any]) -> Any:
        inner = [
            leaf.aval.stand_in(row) if isinstance(leaf, Cell) else row
            for leaf, row in zip(leaves, rows, strict=True)
        ]
        carry, y = f(carry, tree.unflatten(inner))
        return carry, (y, [cell.read() for cell in inner if isinstance(cell, Cell)])

    refs, rows = [leaf for leaf in leaves if isinstance(leaf, Cell)], present(leaves)
    with lending(refs, loop.words):
        carry, (ys, finals) = run_scan(loop, step, init, rows, *how)
    write_back(refs, finals)
    return carry, ys


def _length(loop: Loop, xs: Any, rows: Sequence[Any], length: int | None) -> int:
    scalars = [
        path_text(path)
        for path, leaf in flatten_with_path(xs)[0]
        if typeof(as_array(leaf)).ndim == 0
    ]
    if scalars:
        raise value_error(
            f"{loop.words}: expected arrays with a leading axis, but "
            + ", ".join(f"xs{path} is a scalar" for path in scalars)
            + ".",
            "Close over values that all steps share.",
        )
    sizes = {typeof(row).shape[0] for row in rows}
    if length is not None:
        if not hasattr(type(length), "__index__"):
            raise type_error(
                f"{loop.words}: expected an integer as `length`, got {length!r}."
            )
        sizes.add(operator.index(length))
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise value_error(
            f"{loop.words}: neither `xs` nor `length` says how many steps.",
            "Pass `length=`.",
        )
    listed = [
        f"  xs{path_text(path)}: {typeof(as_array(leaf))!r}"
        for path, leaf in flatten_with_path(xs)[0]
    ]
    if length is not None:
        listed.append(f"  length={length}")
    raise value_error(
        f"{loop.words}: leading sizes must agree, got\n" + "\n".join(listed)
    )


def _check_pair(loop: Loop, out_tree: Any) -> None:
    if len(out_tree.children()) != 2 or out_tree.node_data()[0] not in (tuple, list):
        raise type_error(
            f"{loop.words}: expected the function to return a pair "
            f"`(carry, y)`, got {describe_tree(out_tree)}.",
            "Return `(carry, None)` when there is nothing to stack.",
        )


def _check_carry(
    loop: Loop, carry_tree: Any, types: list[ArrayType], program: Program, out_tree: Any
) -> tuple[list[ArrayType], Any]:
    """Settled carry types (weakness may go), and the tree of the stacked outputs."""
    _check_pair(loop, out_tree)
    new_tree, ys_tree = out_tree.children()
    got = program.out_types[: new_tree.num_leaves]
    settled = settle_all(types, got) if new_tree == carry_tree else None
    if settled is None:
        raise loop.difference(
            Side("init", carry_tree, types), results("carry", new_tree, program, got)
        )
    return settled, ys_tree


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """Apply a function to each row of arrays, one after the other.

    Uses the memory of one step, where `vmap` uses that of the whole batch.

    Args:
        f: from one row to a tree of arrays.
        xs: arrays with equal leading sizes, in a tree.
        batch_size: how many rows to do at a time with `vmap`; those that remain are a
            smaller batch at the end.

    Returns:
        The results, stacked.

    Raises:
        ValueError: leading sizes differ, or `batch_size` is negative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.map(lambda x: x * x, jnp.arange(5.0), batch_size=2)
        Array([ 0.,  1.,  4.,  9., 16.], dtype=float32)
    """
    check_callable("map", f=f)
    callee = Callee(f)
    loop = Loop("map", f, arguments=lambda _, row: positional_arguments(callee, (row,)))

    def step(_: Any, x: Any) -> Any:
        return (), f(x)

    if batch_size is None:
        return run_scan(loop, step, (), xs)[1]
    size = operator.index(batch_size)
    if size < 0:
        raise value_error(
            f"map of {name_of(f)}: expected `batch_size` to be a positive integer or "
            f"None, got {batch_size}."
        )
    rows, tree = argument_leaves("map", f, xs, root="xs")
    total = _length(loop, xs, rows, None)
    if size <= 1 or total == 0:
        return run_scan(loop, step, (), xs)[1]
    whole = total - total % size
    if whole == 0:
        return vmap(f)(xs)
    batches = [
        _shape.reshape(
            _slicing.slice_in_dim(x, 0, whole), (whole // size, size, *x.shape[1:])
        )
        for x in rows
    ]
    batched = vmap(f)
    _, done = scan(lambda _, x: ((), batched(x)), (), tree.unflatten(batches))
    outs, out_tree = flatten(done)
    outs = [_shape.collapse(x, 0, 2) for x in outs]
    if whole < total:
        rest = [_slicing.slice_in_dim(x, whole, total) for x in rows]
        ends = zip(outs, flatten(batched(tree.unflatten(rest)))[0], strict=True)
        outs = [_joining.concatenate(pair, 0) for pair in ends]
    return out_tree.unflatten(outs)
