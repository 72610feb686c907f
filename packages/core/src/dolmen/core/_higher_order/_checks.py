"""Runtime checks: an operation that is an error while `checkify` has not removed it."""

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._backend import ArrayImpl, host_value
from .._ir import ArrayType, Frame, Primitive, describe, message, type_error, user_frame
from .._ops import _slicing
from .._ops._conversion import stop_gradient
from .._ops._extrema import argmin
from .._ops._reductions import reduce_and
from .._tracing import as_array, bind, is_array_like, typeof
from .._transforms import batch_size, to_front
from .._transforms._trees import flatten


class JaxRuntimeError(ValueError):
    """A check failed; the name is JAX's."""


class Category(enum.Enum):
    """What a check looks for; `checkify` keeps those of the categories asked for."""

    USER = "check"
    NAN = "nan"
    INDEX = "out of bounds"
    DIVISION = "division by zero"


@dataclasses.dataclass(frozen=True, eq=False)
class Site:
    """A place in a program that may fail, known by identity.

    Attributes:
        frame: the user's line.
        debug: the check disappears where nothing collects errors.
    """

    frame: Frame | None
    debug: bool = dataclasses.field(default=False, kw_only=True)

    def text(self, values: Sequence[np.ndarray]) -> str:
        """What happened, from the values that the check kept."""
        return f"{self.problem(values)}\n  at {describe(self.frame)}"

    def problem(self, values: Sequence[np.ndarray]) -> str:
        """What happened, in one sentence."""
        raise NotImplementedError(type(self).__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class UserSite(Site):
    """A call of `check`."""

    form: str
    tree: Any

    def problem(self, values: Sequence[np.ndarray]) -> str:
        args, kwargs = self.tree.unflatten(values)
        return f"{self.form.format(*args, **kwargs)} (`check` failed)"


class Check(Primitive):
    """Fails at `site` unless its first argument holds; the others tell why."""

    interned = False
    multiple_results = True

    site: Site

    @property
    def effects(self) -> frozenset[str]:
        return frozenset({"check"})

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return ()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        ensure(self.site, *primals)
        return [], []

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return [None] * len(args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """Fails if any lane does, and keeps the values of the first that does."""
        size = batch_size(args, axes)
        holds = to_front(args[0], axes[0], size)
        first = argmin(holds, 0, np.dtype(np.int32))
        kept = [
            value
            if axis is None
            else _slicing.dynamic_index_in_dim(value, first, axis, keepdims=False)
            for value, axis in zip(args[1:], axes[1:], strict=True)
        ]
        ensure(self.site, reduce_and(holds, (0,)), *kept)
        return [], []

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        if self.site.debug:
            return []
        raise ValueError(
            message(
                "check: a compiled program can't raise errors by itself.",
                "Let it return them: `error, out = jit(checkify(f))(...)`, then "
                "`error.throw()`; or use `debug_check`, which `jit` leaves out.",
                frame=self.site.frame,
            )
        )

    def run(self, holds: Any, *values: Any) -> list[Any]:
        """The check on concrete values."""
        if not self.site.debug and not on_host(holds):
            raise JaxRuntimeError(self.site.text([on_host(value) for value in values]))
        return []


def on_host(value: Any) -> np.ndarray:
    """A concrete value as a NumPy array."""
    return np.asarray(host_value(value) if isinstance(value, ArrayImpl) else value)


def ensure(site: Site, holds: Any, *values: Any) -> None:
    """Record a check, or do it now if nothing is being traced."""
    primitive = Check(site)
    primitive.derived["eager"] = primitive.run
    # What describes an error has no part in derivatives.
    bind(primitive, holds, *map(stop_gradient, values))


def check(
    pred: Any, msg: str, *fmt_args: Any, debug: bool = False, **fmt_kwargs: Any
) -> None:
    """Fail with a message unless a traced condition holds.

    Outside of transformations it raises at once. In a compiled program nothing can be
    raised: transform the function with `checkify`, which returns the error as a value.

    Args:
        pred: a boolean scalar.
        msg: a format string for `str.format`.
        *fmt_args: arrays (or trees of arrays) for its positional fields.
        debug: do nothing unless `checkify` collects the error, as `debug_check`.
        **fmt_kwargs: arrays for its named fields.

    Raises:
        JaxRuntimeError: nothing is being traced and `pred` is false.
        TypeError: `pred` is no boolean scalar, or a field is no array.
        ValueError: (when compiled) no `checkify` stands around the function; or `msg`
            and its arguments don't fit.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core.experimental import checkify
        >>> def f(x):
        ...     checkify.check(x > 0, "x must be positive, got {x}", x=x)
        ...     return jnp.log(x)
        >>> error, out = dc.jit(checkify.checkify(f))(-1.0)
        >>> print(error.get().splitlines()[0])
        x must be positive, got -1.0 (`check` failed)
    """
    pred = as_array(pred)
    type = typeof(pred) if is_array_like(pred) else None
    if type is None or type.shape or type.dtype != np.bool_:
        raise type_error(
            "check: expected a boolean scalar as `pred`, got "
            f"{f'{pred!r:.60}' if type is None else repr(type)}.",
            "Reduce it with `jnp.all(...)`, or compare it.",
        )
    if not isinstance(msg, str):
        raise type_error(f"check: expected a string as `msg`, got {msg!r:.60}.")
    leaves, tree = flatten((fmt_args, fmt_kwargs))
    wrong = [leaf for leaf in leaves if not is_array_like(leaf)]
    if wrong:
        raise type_error(
            "check: expected arrays for the fields of the message, got "
            f"{', '.join(f'{leaf!r:.60}' for leaf in wrong)}.",
            "Write values that are known into the message, with an f-string.",
        )
    leaves = [as_array(leaf) for leaf in leaves]
    site = UserSite(user_frame(), msg, tree, debug=debug)
    _try_format(site, [typeof(leaf) for leaf in leaves])
    ensure(site, pred, *leaves)


def _try_format(site: UserSite, types: Sequence[ArrayType]) -> None:
    """Format a message with zeros, so that a wrong one fails before it is needed."""
    try:
        site.problem([np.zeros(type.shape, type.dtype) for type in types])
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise ValueError(
            message(
                f"check: the message {site.form!r} does not fit its arguments: "
                f"{error!r}."
            )
        ) from None


def debug_check(pred: Any, msg: str, *fmt_args: Any, **fmt_kwargs: Any) -> None:
    """`check` that costs nothing, and does nothing, unless `checkify` collects it.

    Args:
        pred: a boolean scalar.
        msg: a format string for `str.format`.
        *fmt_args: arrays for its positional fields.
        **fmt_kwargs: arrays for its named fields.
    """
    check(pred, msg, *fmt_args, debug=True, **fmt_kwargs)
