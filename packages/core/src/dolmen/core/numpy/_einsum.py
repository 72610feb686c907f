"""`einsum`: a sum of products of labelled arrays, taken two at a time."""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import lax
from .._ir import value_error
from .._ops._shape import sharding_error
from .._tracing import typeof
from ._array_like import Array, DTypeLike
from ._contraction import Labels, arranged, contract, dot_options, promoted, sum_over
from ._eager import jit_when_eager
from ._manipulation import diagonal
from ._promotion import convert, type_of


class _Expression(NamedTuple):
    """A parsed `einsum`: labels of the operands and of the result, sizes of labels."""

    inputs: tuple[Labels, ...]
    output: Labels
    sizes: dict[Any, int]


def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    out: None = None,
    optimize: Any = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    _dot_general: Callable[..., Any] = lax.dot_general,
    out_sharding: None = None,
) -> Array:
    """Sums of products in Einstein's notation.

    Args:
        subscripts: a letter for each axis of each operand, ``"ij,jk->ik"``. Letters
            that don't stand behind the arrow are summed over; a letter twice in one
            operand means its diagonal; ``...`` stands for axes that broadcast. Without
            an arrow the result has the letters that occur once, in alphabetical order.
        *operands: the arrays. Alternatively to letters, ``einsum(a, [0, 1], b, [1, 2],
            [0, 2])``.
        out: must be None.
        optimize: the order of contractions: "auto" or True, "optimal", "greedy", False
            (from left to right), or a path as `einsum_path` returns it.
        precision: as for `matmul`.
        preferred_element_type: as for `matmul`.
        _dot_general: what multiplies two operands, with the arguments of
            `lax.dot_general`: a quantized product, for example.
        out_sharding: must be None.

    Returns:
        An array with an axis for each label of the result.

    Raises:
        ValueError: the subscripts are malformed, or don't fit the operands.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> a = jnp.arange(4.0).reshape(2, 2)
        >>> jnp.einsum("ii", a).item(), jnp.einsum("ij,kj->ik", a, a).tolist()
        (3.0, [[1.0, 3.0], [3.0, 13.0]])

    Source: the order of contractions is that of smallest intermediate cost; "greedy"
    follows Smith and Gray (2018), doi:10.21105/joss.00753.
    """
    if out_sharding is not None:
        raise sharding_error("einsum", "out_sharding", out_sharding)
    if out is not None:
        raise NotImplementedError(
            "einsum: `out` is not supported; arrays never change."
        )
    subscripts, operands = _as_text(subscripts, operands)
    if isinstance(optimize, Sequence) and not isinstance(optimize, str):
        steps = [step for step in optimize if not isinstance(step, str)]
        optimize = tuple(tuple(map(operator.index, step)) for step in steps)
    for i, operand in enumerate(operands):
        type_of("einsum", f"operand {i}", operand)
    how = dot_options("einsum", precision, preferred_element_type)
    return _einsum(
        list(operands),
        subscripts=subscripts,
        optimize=optimize,
        dot_general=_dot_general,
        **how,
    )


@jit_when_eager(
    static_argnames=(
        "subscripts",
        "optimize",
        "precision",
        "preferred_element_type",
        "dot_general",
    )
)
def _einsum(
    operands: list[Any],
    *,
    subscripts: str,
    optimize: Any,
    **how: Any,
) -> Any:
    return einsum_arrays(subscripts, operands, optimize, how)


def einsum_arrays(
    subscripts: str, operands: Sequence[Any], optimize: Any, how: dict[str, Any]
) -> Any:
    """`einsum` of arrays, its subscripts as text."""
    operands = promoted(
        "einsum", [f"operand {i}" for i in range(len(operands))], operands
    )
    shapes = tuple(typeof(x).shape for x in operands)
    expression = _parse(subscripts, shapes)
    path = _path(subscripts, shapes, optimize)
    work = [
        _on_diagonals(x, labels)
        for x, labels in zip(operands, expression.inputs, strict=True)
    ]
    for step in path:
        chosen = [work[i] for i in step]
        work = [pair for i, pair in enumerate(work) if i not in step]
        others = {label for _, labels in work for label in labels}
        result, labels = chosen[0]
        for position, (x, own) in enumerate(chosen[1:], 2):
            later = {label for _, ls in chosen[position:] for label in ls}
            kept = _kept(expression.output, (labels, own), others | later)
            result, labels = contract(result, labels, x, own, kept, how)
        work.append((result, labels))
    ((result, labels),) = work
    result, labels = _reduced(result, labels, expression)
    wanted = how["preferred_element_type"]
    result = result if wanted is None else convert(result, wanted)
    return arranged(result, labels, expression.output)


def _kept(output: Labels, own: Sequence[Labels], others: set[Any]) -> Labels:
    """Labels that are needed later, those of the result first and in its order."""
    mine = list(dict.fromkeys(itertools.chain(*own)))
    first = [label for label in output if label in mine]
    return (*first, *(x for x in mine if x in others and x not in output))


def _reduced(x: Any, labels: Labels, expression: _Expression) -> tuple[Any, Labels]:
    """Sum over what the result lacks."""
    axes = tuple(i for i, label in enumerate(labels) if label not in expression.output)
    x = sum_over(x, axes) if axes else x
    return x, tuple(label for label in labels if label in expression.output)


def _on_diagonals(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """One axis for each label: repeated ones mean a diagonal."""
    while len(set(labels)) != len(labels):
        label = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        x = diagonal(x, 0, first, second)
        rest = [x for i, x in enumerate(labels) if i not in (first, second)]
        labels = (*rest, label)
    return x, labels


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _as_text(subscripts: Any, operands: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts as text, also when they are given as lists behind each operand."""
    if isinstance(subscripts, str):
        return subscripts.replace(" ", ""), operands
    given = [subscripts, *operands]
    output = given.pop() if len(given) % 2 else None
    lists = given[1::2]
    text = ",".join(map(_letters, lists))
    return (text if output is None else f"{text}->{_letters(output)}"), tuple(
        given[::2]
    )


def _letters(labels: Any) -> str:
    try:
        return "".join("..." if x is Ellipsis else _LETTERS[x] for x in labels)
    except (TypeError, IndexError):
        raise value_error(
            "einsum: labels must be `...` or integers from 0 to 51, got "
            f"{labels!r:.60}."
        ) from None


@functools.lru_cache(4096)
def _parse(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> _Expression:
    """Labels of every operand and the result; axes under `...` become integers."""
    left, arrow, right = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise value_error(
            f"einsum: {subscripts!r} describes {len(terms)} operands, got "
            f"{len(shapes)}."
        )
    inputs = tuple(
        _expand(subscripts, term, len(shape), i)
        for i, (term, shape) in enumerate(zip(terms, shapes, strict=True))
    )
    every = list(itertools.chain(*inputs))
    broadcast = sorted({label for label in every if isinstance(label, int)})
    if arrow:
        output = _expand(subscripts, right, len(broadcast), None)
    else:
        single = sorted(
            x for x in set(every) if isinstance(x, str) and every.count(x) == 1
        )
        output = (*broadcast, *single)
    for label in output:
        if output.count(label) > 1:
            raise value_error(
                f"einsum: {subscripts!r}: the result has label {label!r} twice."
            )
        if label not in every:
            raise value_error(
                f"einsum: {subscripts!r}: no operand has label {label!r} of the result."
            )
    return _Expression(inputs, output, _label_sizes(subscripts, inputs, shapes))


def _expand(subscripts: str, term: str, ndim: int, operand: int | None) -> Labels:
    """Labels of one term. Axes under `...` are counted from the last: -1, -2, ..."""
    head, dots, tail = term.partition("...")
    letters = head + tail
    wrong = [letter for letter in letters if letter not in _LETTERS]
    if wrong:
        raise value_error(
            f"einsum: {subscripts!r} may hold letters, commas, `...` and one `->`, got "
            f"{wrong[0]!r}."
        )
    if operand is None:
        return (*head, *(range(-ndim, 0) if dots else ()), *tail)
    hidden = ndim - len(letters)
    if hidden < 0 or (hidden and not dots):
        raise value_error(
            f"einsum: {subscripts!r}: term {term!r} has {len(letters)} labels, but "
            f"operand {operand} has {ndim} axes."
        )
    return (*head, *range(-hidden, 0), *tail)


def _label_sizes(
    subscripts: str, inputs: Sequence[Labels], shapes: Sequence[tuple[int, ...]]
) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for operand, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        for label, size in zip(labels, shape, strict=True):
            known = sizes.get(label, 1)
            repeated = (
                labels.count(label) > 1
                and len({n for x, n in zip(labels, shape, strict=True) if x == label})
                > 1
            )
            if (known != size and 1 not in (known, size)) or repeated:
                name = (
                    f"label {label!r}" if isinstance(label, str) else "an axis of `...`"
                )
                other = known if not repeated else set(shape)
                raise value_error(
                    f"einsum: {subscripts!r}: {name} has size {size} in operand "
                    f"{operand}, but {other} before."
                )
            sizes[label] = max(known, size) if 0 not in (known, size) else 0
    return sizes


# ---- the order of contractions -----------------------------------------------------

_OPTIMAL_UP_TO = 5  # operands; the search doubles several times with each more

Path = tuple[tuple[int, ...], ...]


@functools.lru_cache(4096)
def _path(subscripts: str, shapes: tuple[tuple[int, ...], ...], optimize: Any) -> Path:
    """Which operands to contract at each step; results go to the end of the list."""
    count = len(shapes)
    if isinstance(optimize, tuple):
        return _checked_path(optimize, count)
    if optimize not in ("auto", "optimal", "greedy", True, False, None):
        raise value_error(
            "einsum: `optimize` must be a bool, 'auto', 'optimal', 'greedy' or a path, "
            f"got {optimize!r}."
        )
    if count < 3:
        return ((0, 1),) if count == 2 else ()
    if not optimize:
        return ((0, 1), *((0, n - 1) for n in range(count - 1, 1, -1)))
    expression = _parse(subscripts, shapes)
    inputs = [frozenset(labels) for labels in expression.inputs]
    if optimize == "optimal" or (optimize != "greedy" and count <= _OPTIMAL_UP_TO):
        return _optimal(inputs, frozenset(expression.output), expression.sizes)
    return _greedy(inputs, frozenset(expression.output), expression.sizes)


def _checked_path(path: Path, count: int) -> Path:
    left = count
    for step in path:
        if len(set(step)) != len(step) or not all(0 <= i < left for i in step):
            raise value_error(f"einsum: path {path} does not fit {count} operands.")
        left += 1 - len(step)
    return path if left == 1 else (*path, tuple(range(left)))


def _cost(labels: frozenset[Any], sizes: dict[Any, int]) -> int:
    return math.prod(sizes[label] for label in labels)


def _remaining(
    pair: frozenset[Any], others: Sequence[frozenset[Any]], output: frozenset[Any]
) -> frozenset[Any]:
    """Labels of a product that the other operands or the result need."""
    return pair & output.union(*others)


def _optimal(
    inputs: list[frozenset[Any]], output: frozenset[Any], sizes: dict[Any, int]
) -> Path:
    """The order with the fewest multiplications, by trying all."""

    def search(work: tuple[frozenset[Any], ...]) -> tuple[int, Path]:
        if len(work) == 1:
            return 0, ()
        best: tuple[int, Path] | None = None
        for i, j in itertools.combinations(range(len(work)), 2):
            rest = [x for k, x in enumerate(work) if k not in (i, j)]
            union = work[i] | work[j]
            made = _remaining(union, rest, output)
            cost, path = search((*rest, made))
            cost += _cost(union, sizes)
            if best is None or cost < best[0]:
                best = cost, ((i, j), *path)
        assert best is not None
        return best

    return search(tuple(inputs))[1]


def _greedy(
    inputs: list[frozenset[Any]], output: frozenset[Any], sizes: dict[Any, int]
) -> Path:
    """Always contract the pair whose product grows least over its operands."""
    work, path = list(inputs), []
    while len(work) > 1:

        def growth(pair: tuple[int, int]) -> tuple[int, int]:
            i, j = pair
            rest = [x for k, x in enumerate(work) if k not in pair]  # noqa: B023
            a, b = work[i], work[j]  # noqa: B023
            made = _remaining(a | b, rest, output)
            grown = _cost(made, sizes) - _cost(a, sizes) - _cost(b, sizes)
            return grown, _cost(a | b, sizes)

        i, j = min(itertools.combinations(range(len(work)), 2), key=growth)
        rest = [x for k, x in enumerate(work) if k not in (i, j)]
        work = [*rest, _remaining(work[i] | work[j], rest, output)]
        path.append((i, j))
    return tuple(path)


def einsum_path(
    subscripts: Any, /, *operands: Any, optimize: Any = "auto"
) -> tuple[list[Any], str]:
    """The order in which `einsum` contracts its operands, and a description of it.

    Returns:
        A list of steps, each the positions of the operands it contracts (the product
        goes to the end of the list), and text with the labels of each step.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.einsum_path("ij,jk,kl->il", *[jnp.zeros((2, 2))] * 3)[0]
        [(0, 1), (0, 1)]
    """
    subscripts, operands = _as_text(subscripts, operands)
    if isinstance(optimize, Sequence) and not isinstance(optimize, str):
        optimize = tuple(tuple(step) for step in optimize if not isinstance(step, str))
    shapes = tuple(type_of("einsum_path", "operands", x).shape for x in operands)
    expression = _parse(subscripts, shapes)
    path = _path(subscripts, shapes, optimize)
    work = [frozenset(labels) for labels in expression.inputs]
    lines = [f"{subscripts}: {len(path)} contractions"]
    for step in path:
        union = frozenset().union(*(work[i] for i in step))
        work = [x for i, x in enumerate(work) if i not in step]
        work.append(_remaining(union, work, frozenset(expression.output)))
        lines.append(f"{step}: {_cost(union, expression.sizes)} multiplications")
    return list(path), "\n".join(lines)
