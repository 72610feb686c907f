"""Python called from programs for its results: `pure_callback`, `io_callback`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import Sharding, SingleDeviceSharding
from .._ir import (
    IO,
    ORDERED_IO,
    ArrayType,
    Frame,
    dtypes,
    message,
    type_error,
    user_frame,
    value_error,
)
from .._tracing import bind, typeof
from .._transforms._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
)
from ._host_call import (
    HostCall,
    batch_call,
    batched_type,
    check_vmap_method,
    declared_type,
)
from ._shape_struct import open_descriptions


class PureCallback(HostCall):
    """Calls a Python function of which only the results matter."""

    result_types: tuple[ArrayType, ...]
    call: "Call"
    vmap_method: str | None

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.result_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise _not_differentiable(self.call)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        def batched(size: int) -> PureCallback:
            types = tuple(batched_type(t, size) for t in self.result_types)
            return PureCallback(
                self.call.flat(types), types, self.call, self.vmap_method
            )

        return batch_call(self.call.name, self, batched, self.vmap_method, args, axes)


class IoCallback(HostCall):
    """Calls a Python function that may do and depend on anything."""

    result_types: tuple[ArrayType, ...]
    call: "Call"
    ordered: bool

    @property
    def effects(self) -> frozenset[str]:
        return frozenset({ORDERED_IO if self.ordered else IO})

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.result_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise _not_differentiable(self.call)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        if self.ordered:
            raise value_error(
                f"vmap of {self.call.name}: the elements of a batch have no order in "
                "which an ordered callback could see them.",
                "Loop with `lax.map` or `lax.scan`, or pass ordered=False.",
            )
        return batch_call(
            self.call.name, self, lambda _: self, "sequential", args, axes
        )


def _not_differentiable(call: "Call") -> ValueError:
    return value_error(
        f"differentiation of {call.name}: the derivative of a Python function is not "
        "known.",
        "Wrap the call in a function with `custom_jvp` or `custom_vjp` that states it, "
        "or stop the gradient with `lax.stop_gradient` on its arguments.",
    )


class Call:
    """A user's function with the trees of its arguments and declared results.

    Attributes:
        name: what messages call it, such as `pure_callback of f`.
    """

    def __init__(
        self,
        transform: str,
        function: Callable[..., Any],
        in_tree: Any,
        declared: Any,
        frame: Frame | None,
    ) -> None:
        self.name = f"{transform} of {name_of(function)}"
        self.function = function
        self.in_tree = in_tree
        self.declared = declared
        self.frame = frame

    def flat(self, types: Sequence[ArrayType]) -> Callable[..., list[np.ndarray]]:
        """The function of flat arrays, whose results are checked to have `types`."""

        def run(*values: Any) -> list[np.ndarray]:
            args, kwargs = self.in_tree.unflatten(map(np.asarray, values))
            leaves, tree = flatten(self.function(*args, **kwargs))
            if tree != flatten(self.declared)[1]:
                raise TypeError(
                    message(
                        f"{self.name}: expected results in the tree of "
                        f"`result_shape_dtypes`, {flatten(self.declared)[1]}, got "
                        f"{tree}.",
                        frame=self.frame,
                    )
                )
            results = [np.asarray(leaf) for leaf in leaves]
            made = [r.astype(dtypes.canonical(r.dtype), copy=False) for r in results]
            self._check(made, types)
            return made

        return run

    def _check(self, results: list[np.ndarray], types: Sequence[ArrayType]) -> None:
        wrong = [
            f"  result{path_text(path)}: expected {type!r}, got {typeof(result)!r}"
            for (path, _), result, type in zip(
                flatten_with_path(self.declared)[0], results, types, strict=True
            )
            if result.shape != type.shape or result.dtype != type.dtype
        ]
        if wrong:
            raise TypeError(
                message(
                    f"{self.name}: results must have the shapes and dtypes that "
                    "`result_shape_dtypes` declares, but\n" + "\n".join(wrong),
                    "Convert the results, or correct the declaration.",
                    frame=self.frame,
                )
            )


def _prepare(
    transform: str,
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    sharding: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[Call, tuple[ArrayType, ...], list[Any], Any]:
    """The call, the types of its results, its flat arguments, the tree of results."""
    if not callable(callback):
        raise type_error(f"{transform}: expected a function, got {callback!r:.60}.")
    if sharding is not None and not isinstance(sharding, SingleDeviceSharding):
        cls = TypeError if not isinstance(sharding, Sharding) else ValueError
        raise cls(
            message(
                f"{transform} of {name_of(callback)}: expected `sharding` to be a "
                f"SingleDeviceSharding, got {type(sharding).__name__}."
            )
        )
    leaves, in_tree = argument_leaves(transform, callback, (args, kwargs))
    declared = open_descriptions(result_shape_dtypes)
    described, out_tree = flatten_with_path(declared)
    types = tuple(
        declared_type(
            f"{transform} of {name_of(callback)}",
            "result_shape_dtypes" + path_text(path),
            leaf,
        )
        for path, leaf in described
    )
    call = Call(transform, callback, in_tree, declared, user_frame())
    return call, types, leaves, out_tree


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    vmap_method: str | None = None,
    **kwargs: Any,
) -> Any:
    """Call a Python function for its results, also from compiled code.

    The function must be pure: the program may call it more than once, or never when
    nothing depends on its results. It runs in the thread that calls the program.

    Args:
        callback: from NumPy arrays to a tree of arrays.
        result_shape_dtypes: a tree like that of the results whose leaves have a `shape`
            and a `dtype`, such as `ShapeDtypeStruct`.
        *args: arrays in trees.
        sharding: None, or a sharding on one device. Python runs on the host either way.
        vmap_method: how `vmap` calls the function. "sequential" calls it for each
            element, in a loop, and "sequential_unrolled" without one. The others call
            it once, with a leading batch axis on arguments and results; arguments that
            all elements share get a leading axis of size one with "expand_dims", of the
            batch's size with "broadcast_all", and none with "legacy_vectorized".
        **kwargs: arrays in trees.

    Returns:
        The results, a tree of arrays like `result_shape_dtypes`.

    Raises:
        TypeError: the results are not of the declared tree, shapes and dtypes; the
            message lists every difference.
        ValueError: `vmap_method` is unknown; or the call is differentiated, for which a
            rule must be given with `custom_jvp` or `custom_vjp`.
        NotImplementedError: it is vectorized, and `vmap_method` is None.

    Example:
        >>> import numpy as np
        >>> import dolmen.core as dc
        >>> @dc.jit
        ... def f(x):
        ...     result = dc.ShapeDtypeStruct(x.shape, x.dtype)
        ...     return dc.pure_callback(np.sort, result, x)
        >>> f(np.array([3.0, 1.0], np.float32))
        Array([1., 3.], dtype=float32)
    """
    check_vmap_method("pure_callback", vmap_method)
    call, types, leaves, out_tree = _prepare(
        "pure_callback", callback, result_shape_dtypes, sharding, args, kwargs
    )
    primitive = PureCallback(call.flat(types), types, call, vmap_method)
    return out_tree.unflatten(bind(primitive, *leaves))


def io_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    ordered: bool = False,
    **kwargs: Any,
) -> Any:
    """Call a Python function that reads or changes the world, also from compiled code.

    It runs once for every time that the program reaches it, whether or not its results
    are used.

    Args:
        callback: from NumPy arrays to a tree of arrays.
        result_shape_dtypes: a tree like that of the results whose leaves have a `shape`
            and a `dtype`; None for a function that returns None.
        *args: arrays in trees.
        sharding: None, or a sharding on one device. Python runs on the host either way.
        ordered: keep the order in which the program makes its ordered calls, in loops
            too. Such a call can't be vectorized.
        **kwargs: arrays in trees.

    Returns:
        The results, a tree of arrays like `result_shape_dtypes`.

    Raises:
        TypeError: the results are not of the declared tree, shapes and dtypes; the
            message lists every difference.
        ValueError: the call is differentiated, or an ordered one vectorized.

    Example:
        >>> import itertools
        >>> import dolmen.core as dc
        >>> from dolmen.core import lax
        >>> from dolmen.core.experimental import io_callback
        >>> counter = itertools.count()
        >>> def draw(carry, _):
        ...     number = dc.ShapeDtypeStruct((), "int32")
        ...     return carry, io_callback(lambda: next(counter), number, ordered=True)
        >>> lax.scan(draw, None, length=3)[1]
        Array([0, 1, 2], dtype=int32)
    """
    call, types, leaves, out_tree = _prepare(
        "io_callback", callback, result_shape_dtypes, sharding, args, kwargs
    )
    primitive = IoCallback(call.flat(types), types, call, ordered)
    return out_tree.unflatten(bind(primitive, *leaves))
