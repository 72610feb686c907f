"""Over which axes of a mesh values vary, inside `shard_map`.

A value that is the same on all devices along an axis counts as one when it comes to
derivatives. Where it meets values that vary it is *cast* to vary as well: that does
nothing to it, but its transpose adds up the cotangents of all devices. So whoever
differentiates by replicated parameters gets the whole gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Primitive
from .._tracing import Tracer, bind, set_alignment, typeof


class Pvary(Primitive):
    """The argument, as a value that varies over axes of a mesh."""

    axes: tuple[Any, ...]

    infers_varying = True
    cheap = True

    def fuses(self) -> bool:
        return True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        return x.with_varying(x.varying.union(self.axes))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x,) = cotangents, args
        # Run on what varies already, it casts nothing.
        cast = typeof(ct).varying.intersection(self.axes) - x.type.varying
        return [_sum_over(ct, tuple(sorted(cast))) if cast else ct]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        return bind(self, *args), axes[0]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return args[0]

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        return 0


def vary(x: Any, axes: frozenset[Any]) -> Any:
    """`x`, cast to vary over these axes too."""
    missing = axes - typeof(x).varying
    return bind(Pvary(tuple(sorted(missing))), x) if missing else x


def vary_alike(args: Sequence[Any]) -> Sequence[Any]:
    """Arguments of which all that are traced vary over the same axes.

    The others are constants, which have no derivative.
    """
    axes: frozenset[Any] = frozenset()
    for arg in args:
        if isinstance(arg, Tracer):
            axes |= arg.type.varying
    return [vary(a, axes) if isinstance(a, Tracer) else a for a in args]


def _aligned(primitive: Primitive | None, args: Sequence[Any]) -> Sequence[Any]:
    """Arguments cast to vary as the operation, or a custom call, takes them."""
    for arg in args:
        if isinstance(arg, Tracer) and arg.type.varying:
            break
    else:
        if primitive is None or primitive.interned:  # it runs no program
            return args
    wanted = None if primitive is None else primitive.argument_types
    if wanted is not None:
        return [
            vary(arg, type.varying) if isinstance(arg, Tracer) else arg
            for arg, type in zip(args, wanted, strict=True)
        ]
    return args if len(args) == 1 else vary_alike(args)


def keep_track() -> None:
    """From now on values may vary. Before that, nothing is asked of any operation."""
    set_alignment(_aligned)


_sum_over: Callable[[Any, tuple[str, ...]], Any]


def set_sum(function: Callable[[Any, tuple[str, ...]], Any]) -> None:
    """What adds up values over axes of a mesh."""
    global _sum_over
    _sum_over = function
