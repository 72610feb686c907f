"""What functions close over, made explicit: `closure_convert`, `custom_gradient`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import type_error
from .._tracing import Tracer, evaluate, record, typeof
from .._transforms import tangent_type
from .._transforms._differentiable import check_callable
from .._transforms._linear_function import LinearFunction
from .._transforms._trees import argument_leaves, flatten, name_of, result_leaves
from ._custom_vjp import custom_vjp
from ._functions import record_tree
from ._symbolic_zeros import zero_of


def closure_convert(
    fun: Callable[..., Any], *example_args: Any
) -> tuple[Callable[..., Any], list[Any]]:
    """Make arguments of the values being differentiated that a function closes over.

    A function with a derivative rule of its own must get those as arguments. Where one
    of its arguments is a function, that one's closure is converted first.

    Args:
        fun: a function of arrays in trees.
        *example_args: arguments of the types it will be called with.

    Returns:
        The converted function, which takes the arguments of `fun` and then the hoisted
        values; and those values, which are traced floating-point arrays. What else
        `fun` closes over stays in it.

    Example:
        >>> import dolmen.core as dc
        >>> def value(y):
        ...     converted, hoisted = dc.closure_convert(lambda x: x * y, 1.0)
        ...     return converted(2.0, *hoisted)
        >>> dc.grad(value)(3.0)
        Array(2., dtype=float32, weak_type=True)
    """
    check_callable("closure_convert", fun)
    leaves, tree = argument_leaves("closure_convert", fun, example_args)
    program, captures, out_tree = record_tree(
        "closure_convert", lambda args: fun(*args), [tree], [typeof(x) for x in leaves]
    )
    moved = [
        isinstance(value, Tracer) and value.type.is_differentiable for value in captures
    ]
    kept = [None if m else value for value, m in zip(captures, moved, strict=True)]
    hoisted = [value for value, m in zip(captures, moved, strict=True) if m]

    @functools.wraps(fun)
    def converted(*args: Any) -> Any:
        count = len(args) - len(hoisted)
        values, got_tree = flatten(args[:count])
        if got_tree != tree:
            raise type_error(
                f"{name_of(fun)} with its closure converted: expected arguments with "
                f"the tree {tree}, then {len(hoisted)} hoisted values; got {got_tree}."
            )
        given = iter(args[count:])
        closed = [next(given) if m else x for x, m in zip(kept, moved, strict=True)]
        return out_tree.unflatten(evaluate(program, [*closed, *values]))

    return converted, hoisted


def custom_gradient(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns its own backward rule along with its value.

    The rule may close over intermediate values, and so share work with the function.

    Args:
        fun: from arrays in trees to a pair of the value and the rule, which goes from a
            cotangent of the value to a tuple of cotangents, one for each argument (or
            just the cotangent, if there is one argument).

    Returns:
        A function to the value alone; in reverse mode the rule applies.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.custom_gradient
        ... def softplus(x):
        ...     e = jnp.exp(x)
        ...     return jnp.log(1 + e), lambda ct: ct * e / (1 + e)
        >>> dc.grad(softplus)(0.0)
        Array(0.5, dtype=float32, weak_type=True)
    """
    check_callable("custom_gradient", fun)

    def parts(*args: Any, **kwargs: Any) -> tuple[Any, Callable[[Any], Any]]:
        result = fun(*args, **kwargs)
        pair = isinstance(result, tuple | list) and len(result) == 2
        if not pair or not callable(result[1]):
            raise type_error(
                f"custom_gradient of {name_of(fun)}: expected the function to return a "
                f"pair of its value and a function of a cotangent, got {result!r:.80}."
            )
        return result[0], result[1]

    @functools.wraps(fun)
    def value(*args: Any, **kwargs: Any) -> Any:
        return parts(*args, **kwargs)[0]

    def forward(*args: Any) -> Any:
        out, rule = parts(*args)
        return out, _closed_rule(fun, rule, out)

    def backward(rule: LinearFunction, ct: Any) -> Any:
        cts = rule(ct)
        return cts if isinstance(cts, tuple | list) else (cts,)

    made = custom_vjp(value)
    made.defvjp(forward, backward)
    return functools.wraps(fun)(lambda *args, **kwargs: made(*args, **kwargs))


def _closed_rule(fun: Any, rule: Callable[[Any], Any], out: Any) -> LinearFunction:
    """A backward rule as a pytree of what it closes over."""
    leaves, tree = result_leaves("custom_gradient", fun, out)
    types = [typeof(leaf) for leaf in leaves]
    ct_tree: Any = None

    def flat(*cts: Any) -> list[Any]:
        nonlocal ct_tree
        given = iter(cts)
        full = [
            next(given) if t.is_differentiable else zero_of(t, False) for t in types
        ]
        found, ct_tree = result_leaves(
            "custom_gradient", rule, rule(tree.unflatten(full))
        )
        return found

    ct_types = [tangent_type(t) for t in types if t.is_differentiable]
    program, captures = record(flat, ct_types, name=name_of(rule))

    def apply(residuals: Sequence[Any], ct: Any) -> Any:
        cts = [
            leaf
            for leaf, type in zip(flatten(ct)[0], types, strict=True)
            if type.is_differentiable
        ]
        return ct_tree.unflatten(evaluate(program, [*residuals, *cts]))

    return LinearFunction(f"rule of {name_of(fun)}", apply, captures)
