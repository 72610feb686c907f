"""What iterative solvers are given: a linear map, a right-hand side, a first guess."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from .... import lax, numpy as jnp
from ...._backend import Array
from ...._ir import dtypes, type_error, value_error
from ...._tracing import Tracer, as_array, is_array_like, typeof
from ....tree_util import keystr, tree_leaves, tree_leaves_with_path, tree_map

_Map = Callable[[Any], Any]

# From a linear map, its preconditioner, a right-hand side and a guess to a solution.
Iteration = Callable[[_Map, _Map, Any, Any], Any]


class Limits(NamedTuple):
    """When to stop: below ``max(tol * norm(b), atol)``, or after `maxiter` rounds."""

    tol: Any
    atol: Any
    maxiter: Any


def solve(
    name: str,
    iterate: Iteration,
    A: Any,
    b: Any,
    x0: Any,
    M: Any,
    *,
    positive: bool = False,
) -> Any:
    """A solution with derivatives, by the iteration of a public function.

    Args:
        name: of the public function, for messages.
        iterate: the algorithm.
        A: linear map, a function or a matrix.
        b: right-hand side.
        x0: first guess; None means zeros.
        M: preconditioner; None means none.
        positive: `A` is Hermitian, so that a real one is its own transpose.
    """
    b = _vector(name, b)
    zeros = tree_map(jnp.zeros_like, b)
    guess = zeros if x0 is None else _guess(name, x0, b)
    forward = linear_map(name, "A", A, b)
    near, near_transposed = _identity, _identity
    if M is not None:
        near = near_transposed = linear_map(name, "M", M, b)
        if _is_array(M):
            near_transposed = linear_map(name, "M", jnp.transpose(M), b)
    symmetric = positive and not any(map(jnp.iscomplexobj, tree_leaves(b)))
    return lax.custom_linear_solve(
        forward,
        b,
        lambda matvec, b: iterate(matvec, near, b, guess),
        # A guess at the solution says nothing about that of the transposed equation.
        lambda vecmat, b: iterate(vecmat, near_transposed, b, zeros),
        symmetric=symmetric,
    )


def _identity(x: Any) -> Any:
    return x


def size_of(b: Any) -> int:
    """How many numbers a vector has."""
    return sum(leaf.size for leaf in tree_leaves(b))


def linear_map(name: str, argument: str, A: Any, b: Any) -> _Map:
    """The function of vectors that a matrix stands for.

    Raises:
        TypeError: it is neither a function nor something that multiplies, or its
            products have another dtype than `b`.
        ValueError: it is a matrix that isn't square.
    """
    if _is_array(A):
        matrix = typeof(as_array(A))
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise value_error(
                f"{name}: `{argument}` must be a function or a square matrix, got "
                f"{matrix!r}."
            )
        if not _is_array(b):
            raise type_error(
                f"{name}: `b` must be one array where `{argument}` is a matrix, got "
                f"{type(b).__name__}.",
                f"Pass `{argument}` as a function of such trees.",
            )
        made = jnp.result_type(A, b)
        if made != b.dtype:
            raise type_error(
                f"{name}: products of `{argument}` {matrix!r} and `b` {typeof(b)!r} "
                f"are {dtypes.short_name(made)}, which solutions, like `b`, cannot be.",
                f"Convert `b` with `.astype('{made.name}')`.",
            )
        return functools.partial(jnp.matmul, jnp.asarray(A, made), precision="highest")
    if callable(A):
        return A
    if hasattr(A, "__matmul__"):
        return lambda x: A @ x
    raise type_error(
        f"{name}: `{argument}` must be a function or a square matrix, got "
        f"{type(A).__name__}."
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, Array | Tracer) or (
        is_array_like(value) and hasattr(value, "ndim")
    )


def _vector(name: str, b: Any) -> Any:
    wrong = [
        f"  b{keystr(path)}: {_described(leaf)}"
        for path, leaf in tree_leaves_with_path(b)
        if not is_array_like(leaf) or not _is_inexact(leaf)
    ]
    if wrong:
        raise type_error(
            f"{name}: expected floating-point or complex arrays in `b`, got\n"
            + "\n".join(wrong)
        )
    leaves = tree_leaves(b)
    if len(set(map(jnp.iscomplexobj, leaves))) > 1:
        raise type_error(
            f"{name}: expected arrays in `b` that are all real or all complex, got "
            + ", ".join(map(_described, leaves))
            + ".",
            "Convert the real ones with `.astype(...)`.",
        )
    # Not weakly typed: the steps of the iteration would not be.
    return tree_map(lambda leaf: jnp.asarray(leaf, typeof(leaf).dtype), b)


def _described(leaf: Any) -> str:
    return repr(typeof(leaf)) if is_array_like(leaf) else type(leaf).__name__


def _is_inexact(leaf: Any) -> bool:
    return bool(jnp.issubdtype(typeof(leaf).dtype, jnp.inexact))


def _guess(name: str, x0: Any, b: Any) -> Any:
    want, got = (dict(_types(tree)) for tree in (b, x0))
    if list(want) != list(got):
        raise value_error(
            f"{name}: `x0` must be a tree like `b`, which has leaves at "
            f"{_paths(want)}, got leaves at {_paths(got)}."
        )
    for error, attribute in ((value_error, "shape"), (type_error, "dtype")):
        wrong = [
            f"  b{path} is {want[path]!r}, x0{path} is {got[path]!r}"
            for path in want
            if getattr(want[path], attribute) != getattr(got[path], attribute)
        ]
        if wrong:
            raise error(
                f"{name}: `x0` must have the {attribute}s of `b`, but\n"
                + "\n".join(wrong)
            )
    return tree_map(lambda leaf: jnp.asarray(leaf, typeof(leaf).dtype), x0)


def _types(tree: Any) -> Any:
    for path, leaf in tree_leaves_with_path(tree):
        yield keystr(path), typeof(as_array(leaf))


def _paths(types: dict[str, Any]) -> str:
    return "[" + ", ".join(path or "(root)" for path in types) + "]"
