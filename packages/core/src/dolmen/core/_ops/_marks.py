"""Identities that mean something to others: a name, a place in memory."""

from collections.abc import Sequence
from typing import Any

from .._backend import pytree
from .._ir import KEPT, ArrayType, Primitive
from .._lowering import mlir
from .._tracing import bind


def named(x: Any, name: str) -> Any:
    """`x` itself, known as `name` to policies of `checkpoint`."""
    return bind(Name(name), x)


def in_memory(x: Any, kind: str) -> Any:
    """`x` in a memory of its device, such as `device` or `pinned_host`."""
    return bind(InMemory(kind), x)


def dce_sink(val: Any, *, prevent_mlir_dce: bool = False) -> None:
    """Keep a computation whose result nobody uses in the program.

    Args:
        val: an array or a tree of arrays.
        prevent_mlir_dce: keep it from the compiler too, which removes it otherwise.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core import lax
        >>> program = dc.make_jaxpr(lambda x: lax.dce_sink(lax.sin(x)))(1.0)
        >>> [equation.primitive.name for equation in program.eqns]
        ['sin', 'dce_sink']
    """
    for leaf in pytree.PUBLIC.flatten(val)[0]:
        bind(DceSink(bool(prevent_mlir_dce)), leaf)


class DceSink(Primitive):
    """The end of a computation that is wanted although nobody uses it."""

    multiple_results = True

    prevent_mlir_dce: bool

    @property
    def effects(self) -> frozenset[str]:
        """So that it is never dead code."""
        return frozenset({KEPT})

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return []

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), []

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        return bind(self, *args), []

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        # XLA can't lay this call out over several devices, whatever it is told.
        if self.prevent_mlir_dce and builder.mesh is None:
            builder.custom_call("dce_sink", args, (), has_side_effect=True)
        return []


class _Mark(Primitive):
    """The argument itself; derivatives know nothing of the mark."""

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        return x

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        return bind(self, x), dx

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        return bind(self, x), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (x,) = args
        return x


class Name(_Mark):
    """An array with a name for policies of `checkpoint`."""

    label: str

    @property
    def params(self) -> dict[str, Any]:
        """The name, under that name."""
        return {"name": self.label}


class InMemory(_Mark):
    """An array in a memory of its device."""

    kind: str

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (x,) = args
        if builder.platform == "cpu":
            return x  # the host's memory is the device's
        return builder.emit(
            "custom_call",
            (x,),
            call_target_name=mlir.string("annotate_device_placement"),
            has_side_effect=mlir.boolean(True),
            **{
                "mhlo.frontend_attributes": mlir.dictionary(
                    {"_xla_buffer_placement": mlir.string(self.kind)}
                )
            },
        )
