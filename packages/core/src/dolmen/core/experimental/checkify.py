"""Errors of compiled programs as values: `checkify` and the checks it collects.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core.experimental import checkify
    >>> def f(x, i):
    ...     y = jnp.sin(x[i])
    ...     checkify.check(y > 0, "sine of {x} is not positive", x=x[i])
    ...     return jnp.sqrt(y)
    >>> checked = dc.jit(checkify.checkify(f, errors=checkify.all_checks))
    >>> error, out = checked(jnp.array([1.0, 4.0]), 1)
    >>> print(error.get().splitlines()[0])
    sine of 4.0 is not positive (`check` failed)
    >>> error, out = checked(jnp.array([1.0, 4.0]), 0)
    >>> error.throw()  # nothing happened
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import pytree
from .._higher_order._call import call
from .._higher_order._checks import (
    Category,
    JaxRuntimeError as JaxRuntimeError,
    Site,
    check as check,
    debug_check as debug_check,
    on_host,
)
from .._higher_order._functionalize import ensure_clear, functionalize
from .._higher_order._jit_function import JitFunction, type_of
from .._higher_order._signature import Signature
from .._ir import type_error
from .._tracing import (
    EAGER,
    Tracer,
    evaluate,
    not_concrete,
    present,
    state,
    typeof,
)
from .._transforms._trees import argument_leaves, name_of

__all__ = [
    "Error",
    "JaxRuntimeError",
    "all_checks",
    "automatic_checks",
    "check",
    "check_error",
    "checkify",
    "debug_check",
    "div_checks",
    "float_checks",
    "index_checks",
    "init_error",
    "nan_checks",
    "user_checks",
]
__dir__ = __all__.copy

user_checks = frozenset({Category.USER})
nan_checks = frozenset({Category.NAN})
index_checks = frozenset({Category.INDEX})
div_checks = frozenset({Category.DIVISION})
float_checks = nan_checks | div_checks
automatic_checks = float_checks | index_checks
all_checks = automatic_checks | user_checks


class Error:
    """The first error of a call, if there was one. A pytree of arrays.

    Under `vmap` there is one for each lane.
    """

    __slots__ = ("_code", "_sites", "_values", "_widths")

    def __init__(
        self,
        code: Any,
        values: Sequence[Any] = (),
        sites: tuple[Site, ...] = (),
        widths: tuple[int, ...] = (),
    ) -> None:
        self._code = code
        self._values = tuple(values)
        self._sites = sites
        self._widths = widths

    def get(self) -> str | None:
        """What failed, with the user's line; None if nothing did.

        In an error of a whole batch, a paragraph for each lane that failed.

        Raises:
            ConcretizationTypeError: the error is being traced.
        """
        found = self._failures()
        if not found:
            return None
        if not typeof(self._code).shape:
            return found[0][1]
        return "\n".join(f"at mapped index {lane}: {text}" for lane, text in found)

    def throw(self) -> None:
        """Raise what `get` says, or nothing.

        Raises:
            JaxRuntimeError: a check failed; in a batch, the first lane's.
        """
        check_error(self)

    def __str__(self) -> str:
        return f"Error({self._code if self._is_traced else self.get()})"

    __repr__ = __str__

    @property
    def _is_traced(self) -> bool:
        return any(isinstance(x, Tracer) for x in (self._code, *self._values))

    def _failures(self) -> list[tuple[Any, str]]:
        """Lane and description of each failure."""
        if isinstance(self._code, Tracer):
            raise not_concrete(self._code, "array", "Error.get")
        codes = on_host(self._code)
        found = []
        for lane in np.ndindex(codes.shape):
            if codes[lane]:
                text = self._describe(int(codes[lane]) - 1, lane)
                found.append((lane[0] if len(lane) == 1 else lane, text))
        return found

    def _describe(self, index: int, lane: tuple[int, ...]) -> str:
        start = sum(self._widths[:index])
        kept = self._values[start : start + self._widths[index]]
        return self._sites[index].text([np.asarray(on_host(v)[lane]) for v in kept])


pytree.register_node(
    Error,
    lambda error: ((error._code, error._values), (error._sites, error._widths)),
    lambda static, children: Error(*children, *static),
)

init_error = Error(np.int32(0))


def checkify(
    f: Callable[..., Any], errors: frozenset[Category] = user_checks
) -> Callable[..., Any]:
    """A function that returns its first error instead of raising it.

    Args:
        f: a function of arrays in trees. As by `jit`, it is traced once for each
            signature, and a call outside of transformations is compiled.
        errors: what to look for: `user_checks` (calls of `check`), `nan_checks`,
            `index_checks` (out of bounds), `div_checks` (by zero), `float_checks` (NaNs
            and divisions), `automatic_checks` (all but `check`), `all_checks`; or a
            union of these.

    Returns:
        A function with the arguments of `f` that returns `(error, out)`; `error.get()`
        describes the first failure in the order of the program, `error.throw()` raises
        it. `out` is what `f` returns, whatever failed.

    Raises:
        TypeError: (at the call) an argument leaf is no array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.experimental import checkify
        >>> checked = checkify.checkify(jnp.log, errors=checkify.nan_checks)
        >>> error, out = checked(-1.0)
        >>> error.get().splitlines()[0]
        'nan generated by primitive: log.'
    """
    if not isinstance(errors, frozenset | set) or not all(
        isinstance(category, Category) for category in errors
    ):
        raise type_error(
            f"checkify of {name_of(f)}: expected a set of checks as `errors`, got "
            f"{errors!r:.60}.",
            "Pass `checkify.user_checks`, `checkify.all_checks` or a union like these.",
        )
    function = JitFunction(f, Signature(f))

    @functools.wraps(f)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given, tree = argument_leaves("checkify", f, (args, kwargs), refs=True)
        traced = function.trace((), tree, tuple(map(type_of, given)))
        made = functionalize(traced.program, frozenset(errors))
        values = [*present(traced.captures), *present(given)]
        # Eagerly one compiled call; in a trace its operations.
        run = call if state.trace is EAGER else evaluate
        flat = run(made.program, values)
        outs = flat[: made.num_outs]
        result = traced.result(outs, given)
        if not made.sites:
            return init_error, result
        code, *values = flat[made.num_outs :]
        return Error(code, values, made.sites, tuple(map(len, made.types))), result

    return checked


def check_error(error: Error) -> None:
    """Fail if an error holds one: raise it, or be a check in what is being traced.

    Args:
        error: what a function of `checkify` returned.

    Raises:
        JaxRuntimeError: nothing is being traced and there is an error.
        TypeError: `error` is no `Error`.

    Example:
        >>> from dolmen.core.experimental import checkify
        >>> checkify.check_error(checkify.init_error)
    """
    if not isinstance(error, Error):
        raise type_error(f"check_error: expected an Error, got {error!r:.60}.")
    if not error._is_traced:
        found = error._failures()
        if found:
            raise JaxRuntimeError(found[0][1])
        return
    ensure_clear(error._sites, error._widths, error._code, error._values)
