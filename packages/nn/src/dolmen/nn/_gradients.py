"""Gradients with respect to a model's parameters."""

import functools
from collections.abc import Callable
from typing import Any

import dolmen.core as dc

from ._state import Changes, Filter, State, merge, split, update
from ._variables import Param


def value_and_grad(
    fun: Callable[..., Any], *, wrt: Filter = Param, has_aux: bool = False
) -> Callable[..., Any]:
    """Value and gradient of a loss with respect to some variables of a model.

    `dolmen.core.value_and_grad` differentiates every array of its argument; this leaves
    out what is not trained, such as statistics and random streams.

    Args:
        fun: from a model and further arguments to a scalar loss.
        wrt: which variables to differentiate (see `split`); the parameters by default.
        has_aux: `fun` returns a pair; the second part is passed through.

    Returns:
        A function that returns the value and a `State` of gradients. What `fun` changes
        in variables that are not differentiated (statistics, counts of random streams)
        is changed in the model that was passed.
    """

    @functools.wraps(fun)
    def both(model: Any, *args: Any, **kwargs: Any) -> Any:
        graphdef, chosen, rest = split(model, wrt, ...)

        def of_chosen(chosen: State) -> Any:
            inner = merge(graphdef, chosen, rest)
            changes = Changes(inner, besides=wrt)
            result = fun(inner, *args, **kwargs)
            loss, aux = result if has_aux else (result, None)
            return loss, (aux, changes.state())

        differentiate = dc.value_and_grad(of_chosen, has_aux=True)
        (loss, (aux, changed)), grads = differentiate(chosen)
        update(model, changed)
        return ((loss, aux) if has_aux else loss), grads

    return both


def grad(
    fun: Callable[..., Any], *, wrt: Filter = Param, has_aux: bool = False
) -> Callable[..., Any]:
    """Gradient of a loss with respect to some variables of a model.

    Args and result as for `value_and_grad`, without the value.
    """
    both = value_and_grad(fun, wrt=wrt, has_aux=has_aux)

    @functools.wraps(fun)
    def gradient(model: Any, *args: Any, **kwargs: Any) -> Any:
        value, grads = both(model, *args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return gradient
