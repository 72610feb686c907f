"""The primitive of foreign calls, and how primitives are lowered to such calls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._ir import FFI, ArrayType, Primitive, value_error
from .._lowering import mlir
from ._host_call import batch_call, batched_type

Layout = tuple[int, ...] | None


class FfiCall(Primitive):
    """Calls a target registered with XLA.

    Attributes:
        attributes: names and values handed to the target.
        aliases: pairs of an argument and a result that share memory.
    """

    interned = False
    multiple_results = True

    target: str
    result_types: tuple[ArrayType, ...]
    attributes: tuple[tuple[str, Any], ...] = ()
    has_side_effect: bool = False
    vmap_method: str | None = None
    input_layouts: tuple[Layout, ...] | None = None
    output_layouts: tuple[Layout, ...] | None = None
    aliases: tuple[tuple[int, int], ...] = ()
    api_version: int = 4
    legacy_backend_config: str | None = None

    @property
    def effects(self) -> frozenset[str]:
        return frozenset({FFI}) if self.has_side_effect else frozenset()

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.result_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise value_error(
            f"differentiation of ffi_call of {self.target!r}: the derivative of a "
            "foreign function is not known.",
            "Wrap the call in a function with `custom_jvp` or `custom_vjp` that states "
            "it.",
        )

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        name = f"ffi_call of {self.target!r}"
        return batch_call(name, self, self._batched, self.vmap_method, args, axes)

    def _batched(self, size: int) -> "FfiCall":
        return FfiCall(
            self.target,
            tuple(batched_type(type, size) for type in self.result_types),
            self.attributes,
            self.has_side_effect,
            self.vmap_method,
            _with_batch_axis(self.input_layouts),
            _with_batch_axis(self.output_layouts),
            self.aliases,
            self.api_version,
            self.legacy_backend_config,
        )

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        call = build_ffi_lowering_function(
            self.target,
            operand_layouts=self.input_layouts,
            result_layouts=self.output_layouts,
            backend_config=self.legacy_backend_config,
            has_side_effect=self.has_side_effect,
            api_version=self.api_version,
            aliases=self.aliases,
        )
        return call(builder, *args, **dict(self.attributes))


def _with_batch_axis(layouts: tuple[Layout, ...] | None) -> tuple[Layout, ...] | None:
    """Layouts of batches: the leading axis is the slowest."""
    if layouts is None:
        return None
    return tuple(
        None if order is None else (0, *(axis + 1 for axis in order))
        for order in layouts
    )


def build_ffi_lowering_function(
    call_target_name: str,
    *,
    operand_layouts: Sequence[Sequence[int] | None] | None = None,
    result_layouts: Sequence[Sequence[int] | None] | None = None,
    backend_config: Mapping[str, Any] | str | None = None,
    skip_ffi_layout_processing: bool = False,
    **lowering_args: Any,
) -> Callable[..., list[Any]]:
    """A function that emits a call of a target, for the `lower` rule of a primitive.

    Args:
        call_target_name: the name that the target is registered under.
        operand_layouts: for each operand its axes from the slowest to the fastest;
            None is row-major.
        result_layouts: the same of the results.
        backend_config: attributes that every call hands over; or the text that a target
            of an older interface gets.
        skip_ffi_layout_processing: layouts are given the way XLA writes them, from the
            fastest axis to the slowest.
        **lowering_args: `has_side_effect`, `api_version` (default 4), and `aliases`,
            pairs of an operand and a result that share memory.

    Returns:
        A function of the builder, the operands' handles, and attributes by name, which
        gives the list of result handles.

    Example:
        A primitive that calls a target::

            class Norm(extend.Primitive):
                eps: float

                def infer_type(self, arg_types):
                    (x,) = arg_types
                    return x

                def lower(self, builder, args):
                    call = ffi.build_ffi_lowering_function("norm")
                    (out,) = call(builder, *args, eps=np.float32(self.eps))
                    return out
    """
    orders = [operand_layouts, result_layouts]
    if skip_ffi_layout_processing:
        orders = [
            layouts
            and [None if order is None else tuple(order)[::-1] for order in layouts]
            for layouts in orders
        ]

    def call(builder: Any, *operands: Any, **attributes: Any) -> list[Any]:
        config: dict[str, Any] | str
        if isinstance(backend_config, str) or lowering_args.get("api_version", 4) < 4:
            config = str(backend_config or "")
        else:
            given = {**(backend_config or {}), **attributes}
            config = {name: mlir.ffi_attribute(value) for name, value in given.items()}
        types = list(builder.out_types)
        made = builder.custom_call(
            call_target_name,
            operands,
            types,
            backend_config=config,
            operand_layouts=orders[0],
            result_layouts=orders[1],
            **lowering_args,
        )
        return [made] if len(types) == 1 else list(made)

    return call


def ffi_lowering(
    call_target_name: str,
    *,
    operand_layouts: Sequence[Sequence[int] | None] | None = None,
    result_layouts: Sequence[Sequence[int] | None] | None = None,
    backend_config: Mapping[str, Any] | str | None = None,
    skip_ffi_layout_processing: bool = False,
    **lowering_args: Any,
) -> Callable[..., list[Any]]:
    """The `lower` rule of a primitive with several results that a target computes.

    Args:
        call_target_name: the name that the target is registered under.
        operand_layouts: see `build_ffi_lowering_function`.
        result_layouts: see `build_ffi_lowering_function`.
        backend_config: see `build_ffi_lowering_function`.
        skip_ffi_layout_processing: see `build_ffi_lowering_function`.
        **lowering_args: see `build_ffi_lowering_function`.

    Returns:
        A function of the primitive, the builder and the operands' handles; the
        primitive's parameters become attributes.

    Example:
        A primitive that is a call of a target::

            class Split(extend.Primitive):
                multiple_results = True
                at: int

                def infer_type(self, arg_types):
                    ...

                lower = ffi.ffi_lowering("split")
    """
    call = build_ffi_lowering_function(
        call_target_name,
        operand_layouts=operand_layouts,
        result_layouts=result_layouts,
        backend_config=backend_config,
        skip_ffi_layout_processing=skip_ffi_layout_processing,
        **lowering_args,
    )

    def lower(primitive: Primitive, builder: Any, args: Sequence[Any]) -> list[Any]:
        return call(builder, *args, **primitive.params)

    return lower
