"""Values that XLA computes apart from those that use them."""

from collections.abc import Callable, Sequence
from typing import Any

from dolmen.core import extend, tree


def computed_apart(values: Any) -> Any:
    """The same tree, whose traced scalars no kernel computes again for its own use.

    On the CPU, XLA fuses what a scalar is computed from into every kernel that reads
    it. A schedule with a cosine then keeps the kernels of all parameters from being
    shared among threads. `optimization_barrier` does not help: it is dropped before
    fusion. The call of a function that must not be inlined is opaque.
    """
    leaves, structure = tree.flatten(values)
    traced = [leaf for leaf in leaves if isinstance(leaf, extend.Tracer)]
    if not traced:
        return values
    apart = iter(extend.bind(_Apart(), *traced))
    return structure.unflatten(
        [next(apart) if isinstance(leaf, extend.Tracer) else leaf for leaf in leaves]
    )


class _Apart(extend.Primitive):
    """The arguments, as results of a function of their own on the CPU."""

    multiple_results = True

    def infer_type(self, arg_types: Sequence[Any]) -> Sequence[Any]:
        return arg_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return extend.bind(self, *primals), tangents

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        return extend.bind(self, *args), list(axes)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return lowered_apart(builder, lambda *xs: xs, args)


def lowered_apart(
    builder: Any, function: Callable[..., Any], args: Sequence[Any]
) -> Any:
    """What a function of a primitive's arguments gives, computed apart on the CPU."""
    program, _ = extend.record(function, list(builder.in_types))
    if builder.platform != "cpu":
        return builder.inline(program, args)
    return builder.call(program, args, inlineable=False)
