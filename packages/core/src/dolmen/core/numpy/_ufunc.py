"""`ufunc`: a function of elements, with the reductions that NumPy makes of one.

`_ufuncs` holds those of NumPy, whose reductions are primitives of XLA. What is here
goes for any function; `_scanning` has its reductions.
"""

import operator
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _higher_order
from .._ir import dtypes, type_error, value_error
from .._tracing import EAGER, state, typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._indexing import parse
from ._logic import no_out
from ._manipulation import as_axis, expand_dims
from ._promotion import broadcast_shape, type_of, types_of
from ._reductions import reduced_axes
from ._scanning import accumulate_by_scan, at_in_turn, reduce_by_scan, reduceat_by_scan


class ufunc:
    """A function of elements: it broadcasts its arguments, and can reduce with itself.

    `frompyfunc` makes one of a Python function; `add`, `maximum`, `logical_and` and the
    like are such objects. They are hashable (static arguments of `jit`), and can be
    pickled if their function can.

    Args:
        func: of arrays without axes, unless `call` is given.
        nin: number of its arguments.
        nout: number of its results.
        name: in messages; by default that of `func`.
        nargs: by default `nin`.
        identity: result of reducing no elements; None for none.
        call: what a call does instead of mapping `func` over all axes.
        reduce: what `reduce` does: ``(a, *, axis, dtype, keepdims, initial, where)``.
        accumulate: what `accumulate` does: ``(a, *, axis, dtype)``.
        at: what `at` does: ``(a, indices)``, or ``(a, indices, b)``.
        reduceat: what `reduceat` does: ``(a, indices, *, axis, dtype)``.

    Attributes:
        nin: number of arguments.
        nout: number of results.
        nargs: number of arguments.
        identity: result of reducing no elements, or None.

    Raises:
        TypeError: `func` can't be called, or `nin` or `nout` is no integer.
        ValueError: `nin` or `nout` is less than 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.add.reduce(jnp.arange(5)), jnp.add.outer(jnp.arange(2), jnp.arange(2))
        (Array(10, dtype=int32), Array([[0, 1], [1, 2]], dtype=int32))
    """

    # In a slot, not a method: a call goes straight to the function that is there.
    __slots__ = ("__call__", "__dict__", "__weakref__")
    __call__: Callable[..., Any]

    def __init__(
        self,
        func: Callable[..., Any],
        /,
        nin: int,
        nout: int,
        *,
        name: str | None = None,
        nargs: int | None = None,
        identity: Any = None,
        call: Callable[..., Any] | None = None,
        reduce: Callable[..., Any] | None = None,
        accumulate: Callable[..., Any] | None = None,
        at: Callable[..., Any] | None = None,
        reduceat: Callable[..., Any] | None = None,
    ) -> None:
        if not callable(func):
            raise type_error(f"ufunc: expected a function as `func`, got {func!r:.60}.")
        self.nin, self.nout = _count("nin", nin), _count("nout", nout)
        self.nargs = self.nin if nargs is None else nargs
        self.identity = identity
        self.__name__ = self.__qualname__ = name or getattr(
            func, "__name__", type(func).__name__
        )
        self.__module__ = func.__module__
        self.__doc__ = func.__doc__
        self._options = {
            "name": name,
            "nargs": nargs,
            "identity": identity,
            "call": call,
            "reduce": reduce,
            "accumulate": accumulate,
            "at": at,
            "reduceat": reduceat,
        }
        self._func = func
        self.__call__ = self.__wrapped__ = _calling(self, call or self._mapped())

    def _mapped(self) -> Callable[..., Any]:
        """The function of elements as one of arrays."""
        from ._vectorizing import vectorize  # most programs need it for no ufunc

        mapped, nin, nout = vectorize(self._func), self.nin, self.nout

        def call(*args: Any) -> Any:
            if len(args) != nin:
                raise type_error(
                    f"{self.__name__}: expected {nin} arguments, got {len(args)}."
                )
            broadcast_shape(self.__name__, types_of(self.__name__, args))
            made = mapped(*args)
            results = len(made) if isinstance(made, tuple) else 1
            if results != nout:
                raise value_error(
                    f"{self.__name__}: expected {nout} results of the function, got "
                    f"{results}.",
                    "Several results are a tuple; their number is `nout`.",
                )
            return made

        return call

    def __repr__(self) -> str:
        return f"<ufunc {self.__name__!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ufunc) and self._facts == other._facts

    def __hash__(self) -> int:
        return hash((self._func, self.nin, self.nout))

    @property
    def _facts(self) -> tuple[Any, ...]:
        return self._func, self.nin, self.nout, self._options

    def __reduce__(self) -> Any:
        home = sys.modules.get(self.__module__)
        if getattr(home, self.__name__, None) is self:
            return self.__name__
        return _remade, self._facts

    # ---- reductions ----------------------------------------------------------------

    def reduce(
        self,
        a: ArrayLike,
        axis: int | tuple[int, ...] | None = 0,
        dtype: DTypeLike = None,
        out: None = None,
        keepdims: bool = False,
        initial: ArrayLike | None = None,
        where: ArrayLike | None = None,
    ) -> Array:
        """The elements along axes combined to one, from first to last.

        Args:
            a: an array.
            axis: an axis, a tuple of axes, or None for all.
            dtype: of the result; by default that of the function's results, for `add`
                and `multiply` that of `sum` and `prod`.
            out: not supported.
            keepdims: keep the axes with size 1.
            initial: a scalar to begin with; by default the identity, or the first
                element if there is none.
            where: boolean, broadcast against `a`: which elements take part.

        Returns:
            `a` without the axes; differentiable if the function is.

        Raises:
            ValueError: the function has not two arguments and one result; or there may
                be no elements, and neither an identity nor `initial`.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> jnp.maximum.reduce(jnp.array([[1, 5], [4, 2]]), axis=1)
            Array([5, 4], dtype=int32)
        """
        name = self._combining("reduce")
        no_out(name, out)
        reduced_axes(name, axis, type_of(name, "a", a))  # tells of wrong ones
        if where is not None and type_of(name, "where", where).dtype != bool:
            raise type_error(f"{name}: `where` must be boolean, got {typeof(where)!r}.")
        if where is not None and initial is None and self.identity is None:
            raise value_error(
                f"{name}: `where` may leave no elements, and {self.__name__} has no "
                "identity.",
                "Give `initial`, the result for no elements.",
            )
        function = self._options["reduce"] or partial(reduce_by_scan, self)
        return function(
            a,
            axis=axis,
            dtype=_as_dtype(name, dtype),
            keepdims=keepdims,
            initial=initial,
            where=where,
        )

    def accumulate(
        self,
        a: ArrayLike,
        axis: int | None = 0,
        dtype: DTypeLike = None,
        out: None = None,
    ) -> Array:
        """The results of `reduce` for the first elements along an axis.

        Args:
            a: an array.
            axis: the axis; None is for the only one, with `add` and `multiply` for the
                flattened array.
            dtype: of the result; by default that of the function's results, for `add`
                and `multiply` that of `cumsum` and `cumprod`.
            out: not supported.

        Returns:
            An array in the shape of `a`.

        Raises:
            ValueError: the function has not two arguments and one result.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> jnp.multiply.accumulate(jnp.array([1, 2, 3, 4]))
            Array([ 1,  2,  6, 24], dtype=int32)
        """
        name = self._combining("accumulate")
        no_out(name, out)
        function = self._options["accumulate"] or partial(accumulate_by_scan, self)
        return function(a, axis=axis, dtype=_as_dtype(name, dtype))

    def reduceat(
        self,
        a: ArrayLike,
        indices: ArrayLike,
        axis: int = 0,
        dtype: DTypeLike = None,
        out: None = None,
    ) -> Array:
        """`reduce` of many ranges along an axis.

        Args:
            a: an array with at least one axis.
            indices: integers in one axis. Range i goes from ``indices[i]`` up to
                ``indices[i + 1]``, the last one to the end; where that is not ahead it
                is the one element at ``indices[i]``.
            axis: the axis.
            dtype: of the result; by default that of the function's results.
            out: not supported.

        Returns:
            `a` with ``len(indices)`` elements along the axis.

        Raises:
            TypeError: `indices` are no integers.
            ValueError: `indices` has not one axis, or the function has not two
                arguments and one result.
            IndexError: an index that is known is out of bounds.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> jnp.add.reduceat(jnp.arange(6), jnp.array([0, 3, 5])).tolist()
            [3, 7, 5]
        """
        name = self._combining("reduceat")
        no_out(name, out)
        places, type = type_of(name, "indices", indices), type_of(name, "a", a)
        if places.ndim != 1:
            raise value_error(f"{name}: `indices` must have one axis, got {places!r}.")
        if dtypes.kind(places.dtype) not in "iu":
            raise type_error(f"{name}: `indices` must be integers, got {places!r}.")
        at = as_axis(name, axis, type.ndim)
        parse(type, (*[slice(None)] * at, indices))  # checks the indices it knows
        function = self._options["reduceat"] or partial(reduceat_by_scan, self)
        return function(a, indices, axis=at, dtype=_as_dtype(name, dtype))

    # ---- places and pairs ----------------------------------------------------------

    def at(
        self,
        a: ArrayLike,
        indices: Any,
        b: ArrayLike | None = None,
        /,
        *,
        inplace: bool = True,
    ) -> Array:
        """`a` with the function applied at some places, as often as each is indexed.

        Args:
            a: an array.
            indices: an index as in ``a[indices]``; out of bounds nothing happens.
            b: the second argument of a function of two, broadcast to ``a[indices]``.
            inplace: must be False, because arrays never change.

        Returns:
            An array in the shape of `a`, in the dtype of the function's results.

        Raises:
            NotImplementedError: `inplace` is true.
            TypeError: `b` is missing, or too much.
            ValueError: the function has another number of arguments or results.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> places = jnp.array([0, 2, 2])
            >>> jnp.add.at(jnp.zeros(3), places, 1.0, inplace=False)
            Array([1., 0., 2.], dtype=float32)
        """
        name = f"{self.__name__}.at"
        if inplace:
            raise NotImplementedError(
                f"{name}: `inplace=True` is not supported, because arrays never "
                "change. Give `inplace=False` and use the result."
            )
        if self.nin not in (1, 2) or self.nout != 1:
            raise self._refused("at", "one or two arguments")
        operands = () if b is None else (b,)
        if len(operands) != self.nin - 1:
            problem = "is missing" if b is None else "is too much"
            raise type_error(
                f"{name}: {self.__name__} has {self.nin} arguments, so `b` {problem}."
            )
        type_of(name, "a", a)
        function = self._options["at"] or partial(at_in_turn, self)
        return function(a, indices, *operands)

    def outer(self, A: ArrayLike, B: ArrayLike, /) -> Array:
        """The function of all pairs of an element of `A` and one of `B`.

        Returns:
            An array of shape ``A.shape + B.shape``.

        Raises:
            ValueError: the function has not two arguments and one result.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> jnp.multiply.outer(jnp.array([1, 2]), jnp.array([3, 4, 5]))
            Array([[ 3,  4,  5],
                   [ 6,  8, 10]], dtype=int32)
        """
        name = self._combining("outer")
        left, right = type_of(name, "A", A), type_of(name, "B", B)
        if left.ndim and right.ndim:
            A = expand_dims(A, tuple(range(left.ndim, left.ndim + right.ndim)))
        return self.__call__(A, B)

    def _combining(self, method: str) -> str:
        """Name of a method that needs a function of two arguments with one result."""
        if (self.nin, self.nout) != (2, 1):
            raise self._refused(method, "two arguments")
        return f"{self.__name__}.{method}"

    def _refused(self, method: str, arguments: str) -> ValueError:
        return value_error(
            f"{self.__name__}.{method}: only a function of {arguments} with one result "
            f"has it, got one of {self.nin} with {self.nout}."
        )


def frompyfunc(
    func: Callable[..., Any], /, nin: int, nout: int, *, identity: Any = None
) -> ufunc:
    """A `ufunc` of a Python function of elements.

    Args:
        func: of `nin` arrays without axes, to `nout` of them (a tuple of several).
        nin: number of its arguments.
        nout: number of its results.
        identity: result of reducing no elements; None for none.

    Returns:
        An object to call with arrays, whose methods are those of NumPy's ufuncs. Unlike
        NumPy's it computes with the arrays' own dtypes, maps `func` with `vmap` instead
        of a loop, and can be differentiated.

    Raises:
        TypeError: `func` can't be called, or `nin` or `nout` is no integer.
        ValueError: `nin` or `nout` is less than 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> horner = jnp.frompyfunc(lambda x, y: 10 * x + y, 2, 1)
        >>> horner.accumulate(jnp.array([4, 7, 1]))
        Array([  4,  47, 471], dtype=int32)
    """
    return ufunc(func, nin, nout, identity=identity)


def _count(argument: str, value: Any) -> int:
    try:
        count = operator.index(value)
    except TypeError:
        raise type_error(
            f"ufunc: `{argument}` must be an integer, got {value!r:.60}."
        ) from None
    if count < 1:
        raise value_error(f"ufunc: `{argument}` must be at least 1, got {count}.")
    return count


def _as_dtype(function: str, dtype: Any) -> Any:
    return None if dtype is None else dtypes.as_dtype(dtype, function=function)


def _remade(func: Any, nin: int, nout: int, options: dict[str, Any]) -> ufunc:
    return ufunc(func, nin, nout, **options)


# ---- calls -------------------------------------------------------------------------


def _calling(made: ufunc, call: Callable[..., Any]) -> Callable[..., Any]:
    """What a call runs: `call`, compiled when eager, after a look at `out` and `where`.

    Packing arguments costs 5 % of an eager sum, so one and two are taken by themselves.
    """
    name, plain = made.__name__, call
    if not hasattr(call, "compiled"):
        call = _higher_order.jit_when_eager()(call)
    # The decorator puts attributes on the function that checkers don't know of.
    known: Any = call
    plain, compiled = known.__wrapped__, known.compiled

    def one(x: Any, /, *, out: None = None, where: None = None) -> Any:
        if out is not None or where is not None:
            raise _unsupported(name, out)
        return compiled(x) if state.trace is EAGER else plain(x)

    def two(x: Any, y: Any, /, *, out: None = None, where: None = None) -> Any:
        if out is not None or where is not None:
            raise _unsupported(name, out)
        return compiled(x, y) if state.trace is EAGER else plain(x, y)

    def many(*args: Any, out: None = None, where: None = None) -> Any:
        if out is not None or where is not None:
            raise _unsupported(name, out)
        return compiled(*args) if state.trace is EAGER else plain(*args)

    chosen: Any = {1: one, 2: two}.get(made.nin, many)
    chosen.__name__ = chosen.__qualname__ = name
    chosen.__doc__, chosen.__module__ = made.__doc__, made.__module__
    return chosen


def _unsupported(function: str, out: Any) -> NotImplementedError:
    if out is not None:
        problem, fix = "out", "because arrays never change. Use the result instead"
    else:
        problem, fix = "where", "because no array has elements without values. Use "
        fix += "`jnp.where(mask, result, other)`"
    return NotImplementedError(f"{function}: `{problem}` is not supported, {fix}.")
