"""Functions of single elements, rows or places, applied to whole arrays by `vmap`."""

import functools
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .. import lax
from .._ir import type_error, value_error
from .._tracing import typeof
from .._transforms import vmap
from ..tree_util import tree_map
from ._array_like import Array, ArrayLike, DTypeLike
from ._creation import arange, full_like
from ._joining import unstack
from ._logic import where
from ._manipulation import as_array, as_axes, as_axis, as_shape, expand_dims, moveaxis
from ._promotion import type_of

_Names = tuple[str, ...]

# ---- generalized ufuncs ------------------------------------------------------------

_NAMES = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"
_SIGNATURE = re.compile(
    rf"\s*(?:{_NAMES}\s*(?:,\s*{_NAMES}\s*)*)?->\s*{_NAMES}\s*(?:,\s*{_NAMES}\s*)*"
)


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Collection[int | str] = frozenset(),
    signature: str | None = None,
) -> Callable[..., Any]:
    """A function of elements, or of their last axes, that broadcasts over all others.

    Args:
        pyfunc: takes arrays without axes, or with those that `signature` names.
        excluded: numbers and names of arguments to pass on as they are. Arguments given
            by name are passed on always.
        signature: names of the axes of arguments and results that `pyfunc` sees, as in
            ``"(n,m),(m)->(n)"``; all are without axes by default.

    Returns:
        A function that computes every element with `vmap`; it differentiates, and
        nothing loops in Python.

    Raises:
        ValueError: `signature` can't be read; or when called, arguments or results
            don't have the axes that it names.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> dot = jnp.vectorize(lambda a, b: (a * b).sum(), signature="(n),(n)->()")
        >>> dot(jnp.ones((2, 3)), jnp.arange(3.0)).tolist()
        [3.0, 3.0]
    """
    kept = frozenset(excluded)
    if not all(isinstance(name, int | str) for name in kept):
        raise type_error(
            "vectorize: `excluded` must hold numbers and names of arguments, got "
            f"{excluded!r:.60}."
        )
    axes = None if signature is None else _parsed(signature)

    @functools.wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places = [i for i in range(len(args)) if i not in kept]

        def on_arrays(*arrays: Any) -> Any:
            complete = list(args)
            for i, x in zip(places, arrays, strict=True):
                complete[i] = x
            return pyfunc(*complete, **kwargs)

        for i in places:
            type_of("vectorize", f"args[{i}]", args[i])
        return _broadcast(on_arrays, axes, [as_array(args[i]) for i in places])

    return vectorized


def _parsed(signature: str) -> tuple[list[_Names], list[_Names]]:
    if not _SIGNATURE.fullmatch(signature):
        raise value_error(
            "vectorize: `signature` must be like '(n,m),(m)->(n)', got "
            f"{signature!r:.60}."
        )
    sides = [re.findall(_NAMES, side) for side in signature.split("->")]
    inputs, outputs = ([tuple(re.findall(r"\w+", n)) for n in side] for side in sides)
    return inputs, outputs


def _broadcast(function: Callable[..., Any], axes: Any, arrays: list[Any]) -> Any:
    """Map `function` over the axes of `arrays` that it doesn't see itself."""
    inputs, outputs = axes or ([()] * len(arrays), None)
    if len(inputs) != len(arrays):
        raise value_error(
            f"vectorize: expected {len(inputs)} arguments to broadcast, got "
            f"{len(arrays)}."
        )
    sizes: dict[str, int] = {}
    loops = []
    for i, (x, names) in enumerate(zip(arrays, inputs, strict=True)):
        shape = typeof(x).shape
        start = len(shape) - len(names)
        _match(f"args[{i}]", shape[max(start, 0) :], names, sizes)
        loops.append(shape[:start])
    shape = lax.broadcast_shapes(*loops) if loops else ()

    def checked(*rows: Any) -> Any:
        made = function(*rows)
        if outputs is None:
            tree_map(lambda x: _match("its result", typeof(x).shape, (), sizes), made)
            return made
        results = made if isinstance(made, tuple) else (made,)
        if len(results) != len(outputs):
            raise value_error(
                f"vectorize: expected {len(outputs)} results, got {len(results)}."
            )
        known = dict(sizes)
        for x, names in zip(results, outputs, strict=True):
            _match("its result", typeof(x).shape, names, known)
        return made

    mapped, added = checked, []
    for axis in reversed(range(len(shape))):
        back = axis - len(shape)
        has = [len(loop) >= -back and loop[back] != 1 for loop in loops]
        if any(has):
            mapped = vmap(mapped, in_axes=[0 if h else None for h in has])
        else:
            added.append(axis)
    squeezed = [
        lax.squeeze(x, [i for i, size in enumerate(loop) if size == 1])
        for x, loop in zip(arrays, loops, strict=True)
    ]
    made = mapped(*squeezed)
    return tree_map(lambda x: lax.expand_dims(x, added), made) if added else made


def _match(what: str, shape: Any, names: _Names, sizes: dict[str, int]) -> None:
    """Check the axes that the signature names, and note their sizes."""
    if len(shape) != len(names):
        wanted = f"the axes ({', '.join(names)})" if names else "no axes"
        raise value_error(
            f"vectorize: {what} must have {wanted}, got shape {tuple(shape)}."
        )
    for name, size in zip(names, shape, strict=True):
        fixed = int(name) if name.isdigit() else sizes.setdefault(name, size)
        if size != fixed:
            raise value_error(
                f"vectorize: axis {name!r} has size {fixed}, but {what} has {size}."
            )


# ---- rows --------------------------------------------------------------------------


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any
) -> Array:
    """A function of arrays with one axis, applied along an axis of a larger one.

    Args:
        func1d: called as ``func1d(row, *args, **kwargs)``.
        axis: along which the rows lie.
        arr: at least one axis.
        args: more arguments of `func1d`.
        kwargs: more arguments of `func1d`.

    Returns:
        An array whose axis `axis` is replaced by the axes of what `func1d` returns.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.apply_along_axis(jnp.cumsum, 1, jnp.ones((2, 3))).tolist()
        [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
    """
    ndim = type_of("apply_along_axis", "arr", arr).ndim
    at = as_axis("apply_along_axis", axis, ndim)

    def of_row(row: Any) -> Any:
        return func1d(row, *args, **kwargs)

    mapped: Any = of_row
    for _ in range(ndim - 1):
        mapped = vmap(mapped)
    made = mapped(moveaxis(as_array(arr), at, -1))
    new = typeof(made).ndim - (ndim - 1)
    return moveaxis(made, tuple(range(ndim - 1, ndim - 1 + new)), range(at, at + new))


def apply_over_axes(
    func: Callable[[Any, int], Any], a: ArrayLike, axes: int | Sequence[int]
) -> Array:
    """A function such as `sum`, applied over one axis after the other.

    Args:
        func: called as ``func(a, axis)``; keeps the axis, or takes it away.
        a: an array.
        axes: one axis or several.

    Returns:
        An array with as many axes as `a`; an axis taken away is put back with size 1.

    Raises:
        ValueError: a result has another number of axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.apply_over_axes(jnp.sum, jnp.ones((2, 3)), [0, 1]).tolist()
        [[6.0]]
    """
    made, ndim = as_array(a), type_of("apply_over_axes", "a", a).ndim
    for axis in as_axes("apply_over_axes", axes, ndim, "axes"):
        result = func(made, axis)
        rank = typeof(result).ndim
        if rank not in (ndim, ndim - 1):
            raise value_error(
                f"apply_over_axes: `func` must return {ndim} or {ndim - 1} axes, got "
                f"{typeof(result)!r}."
            )
        made = result if rank == ndim else expand_dims(result, axis)
    return made


# ---- places ------------------------------------------------------------------------


def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: DTypeLike = float, **kwargs: Any
) -> Array:
    """An array of the values of a function of the index along each axis.

    Args:
        function: called with an array without axes for each axis, and `kwargs`.
        shape: sizes of the axes.
        dtype: of the indices.
        kwargs: more arguments of `function`.

    Returns:
        An array of shape `shape`, before the axes of what `function` returns.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fromfunction(lambda i, j: 10 * i + j, (2, 2), dtype=int).tolist()
        [[0, 1], [10, 11]]
    """
    sizes = as_shape("fromfunction", shape)
    mapped: Any = functools.partial(function, **kwargs)
    for axis in reversed(range(len(sizes))):
        mapped = vmap(mapped, [0 if i == axis else None for i in range(len(sizes))])
    return mapped(*(arange(size, dtype=dtype) for size in sizes))


def piecewise(
    x: ArrayLike, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any
) -> Array:
    """A function defined piece by piece.

    Args:
        x: where to evaluate it.
        condlist: boolean arrays in the shape of `x`, in a list or along a leading axis,
            or one of them.
        funclist: for each condition a function, called as ``f(x, *args, **kw)``, or a
            number; one more is for where none holds, 0 by default.
        args: more arguments of the functions.
        kw: more arguments of the functions.

    Returns:
        An array in the shape and dtype of `x`. Where several conditions hold, the last
        one counts. Every function sees all of `x`, unlike in NumPy.

    Raises:
        ValueError: `funclist` is too short or too long.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.array([-2.0, 3.0])
        >>> jnp.piecewise(x, [x < 0, x > 2], [lambda x: -x, 7.0]).tolist()
        [2.0, 7.0]
    """
    type = type_of("piecewise", "x", x)
    if isinstance(condlist, list | tuple):
        conditions = list(condlist)
    elif type_of("piecewise", "condlist", condlist).ndim > type.ndim:
        conditions = list(unstack(condlist))
    else:
        conditions = [condlist]
    pieces = list(funclist)
    if len(pieces) not in (len(conditions), len(conditions) + 1):
        raise value_error(
            f"piecewise: `funclist` must have {len(conditions)} entries, or one more, "
            f"got {len(pieces)}."
        )
    otherwise = pieces.pop() if len(pieces) > len(conditions) else 0
    x = as_array(x)
    pairs = [(True, otherwise), *zip(conditions, pieces, strict=True)]
    made = full_like(x, 0)
    for condition, piece in pairs:
        value = piece(x, *args, **kw) if callable(piece) else piece
        made = where(condition, as_array(value).astype(type.dtype), made)
    return made
