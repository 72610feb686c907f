"""Python called from compiled programs: `debug.print` and `debug.callback`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import host_value
from .._ir import ArrayType, Primitive, message
from .._lowering import mlir
from .._tracing import EAGER, bind, check_live, state
from .._transforms import batch_size, to_front
from .._transforms._trees import argument_leaves, flatten


class DebugCallback(Primitive):
    """Calls a Python function with the values of its arguments, for its side effect."""

    interned = False
    multiple_results = True

    callback: Callable[..., None]

    @property
    def effects(self) -> frozenset[str]:
        return frozenset({"debug"})

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return ()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        bind(self, *primals)
        return [], []

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return [None] * len(args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """One call for each element of the batch, in order."""
        size = batch_size(args, axes)
        batched = [axis is not None for axis in axes]
        moved = [
            to_front(arg, axis, size) if b else arg
            for arg, axis, b in zip(args, axes, batched, strict=True)
        ]
        one = self.callback

        def each(*values: np.ndarray) -> None:
            for index in range(size):
                one(
                    *(
                        v[index] if b else v
                        for v, b in zip(values, batched, strict=True)
                    )
                )

        bind(DebugCallback(each), *moved)
        return [], []

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        callback = self.callback

        def host(*values: Any) -> tuple[()]:
            callback(*(np.asarray(value) for value in values))
            return ()

        index = len(builder.host_callbacks)
        builder.host_callbacks.append(host)
        device = "cpu" if builder.platform == "cpu" else "gpu"
        builder.custom_call(
            f"xla_ffi_python_{device}_callback",
            args,
            (),
            has_side_effect=True,
            backend_config={"index": mlir.unsigned(index)},
        )
        return []


def callback(function: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Call a Python function with concrete values, also from compiled code.

    For side effects only: its result is ignored, and it runs once for every time the
    program does, in an order that only data dependencies fix.

    Args:
        function: called with the arguments, arrays as NumPy arrays.
        *args: arrays in trees.
        **kwargs: arrays in trees.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> seen = []
        >>> @dc.jit
        ... def f(x):
        ...     dc.debug.callback(lambda v: seen.append(float(v)), x)
        ...     return x
        >>> _ = f(2.0).block_until_ready()
        >>> seen
        [2.0]
    """
    leaves, tree = argument_leaves("debug.callback", function, (args, kwargs))

    def flat(*values: Any) -> None:
        full_args, full_kwargs = tree.unflatten(values)
        function(*full_args, **full_kwargs)

    if state.trace is EAGER:
        flat(*(_host(check_live(leaf)) for leaf in leaves))
        return
    bind(DebugCallback(flat), *leaves)


def _host(value: Any) -> Any:
    return (
        np.asarray(host_value(value)) if hasattr(value, "aval") else np.asarray(value)
    )


def debug_print(fmt: str, *args: Any, ordered: bool = False, **kwargs: Any) -> None:
    """Print values, also from compiled code.

    Args:
        fmt: a format string for `str.format`.
        *args: arrays for its positional fields.
        ordered: keep the order of several prints in one program. On a single device
            prints run in program order already.
        **kwargs: arrays for its named fields.

    Raises:
        ValueError: `fmt` and the arguments don't fit.

    Example:
        >>> import dolmen.core as dc
        >>> dc.debug.print("x = {x}", x=2.0)
        x = 2.0
    """
    try:
        flat, tree = flatten((args, kwargs))
        sample_args, sample_kwargs = tree.unflatten([_Sample()] * len(flat))
        fmt.format(*sample_args, **sample_kwargs)
    except (IndexError, KeyError) as error:
        raise ValueError(
            message(
                f"debug.print: the format {fmt!r} asks for {error}, which was not "
                "given."
            )
        ) from None
    callback(
        lambda *a, **k: print(fmt.format(*a, **k), flush=True),  # noqa: T201  (its purpose)
        *args,
        **kwargs,
    )


class _Sample:
    """Formats as anything, to check a format string before values exist."""

    def __format__(self, spec: str) -> str:
        return ""

    def __getattr__(self, name: str) -> "_Sample":
        return self

    def __getitem__(self, key: Any) -> "_Sample":
        return self
