"""Calls of compiled functions of other languages: XLA's foreign function interface."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._ir import FFI, ArrayType, Primitive, type_error, value_error
from .._lowering import mlir
from .._tracing import as_array, bind, is_array_like, typeof
from ._host_call import batch_call, batched_type, check_vmap_method, declared_type

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


def ffi_call(
    target_name: str,
    result_shape_dtypes: Any,
    *,
    has_side_effect: bool = False,
    vmap_method: str | None = None,
    input_layouts: Sequence[Sequence[int] | None] | None = None,
    output_layouts: Any = None,
    input_output_aliases: Mapping[int, int] | None = None,
    custom_call_api_version: int = 4,
    legacy_backend_config: str | None = None,
) -> Callable[..., Any]:
    """Call a compiled function that was registered with `register_ffi_target`.

    Args:
        target_name: the name that it was registered under.
        result_shape_dtypes: shape and dtype of the result, such as a
            `ShapeDtypeStruct`; or a sequence of them for several results.
        has_side_effect: whether the call must happen though nothing needs its results.
        vmap_method: how `vmap` calls the function. "sequential" calls it for each
            element, in a loop, and "sequential_unrolled" without one. The others call
            it once, with a leading batch axis on arguments and results; arguments that
            all elements share get a leading axis of size one with "expand_dims", of the
            batch's size with "broadcast_all", and none with "legacy_vectorized".
        input_layouts: for each argument its axes from the slowest to the fastest in
            memory, as the function wants them; None, for one or all, is row-major.
        output_layouts: the same for the results: one such sequence for a single result.
        input_output_aliases: numbers of arguments to numbers of results that may take
            over their memory.
        custom_call_api_version: 4 for the typed interface; 1, 2 or 3 for older ones.
        legacy_backend_config: the text that a function of an older interface gets.

    Returns:
        A function of the arguments, arrays, by position and of attributes by keyword.
        These are handed to the target as they are: Python numbers as 64-bit ones, NumPy
        scalars and arrays with their dtype, strings, tuples and dictionaries of these.

    Raises:
        TypeError: an argument is no array, or an attribute of a type that can't be
            handed over.
        ValueError: layouts or aliases don't fit the arguments and results; or the call
            is differentiated, for which a rule must be given with `custom_jvp` or
            `custom_vjp`.
        NotImplementedError: it is vectorized, and `vmap_method` is None.
        JaxRuntimeError: no such target is registered, or it fails.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import ffi
        >>> x = jnp.ones((2, 2))
        >>> call = ffi.ffi_call("my_norm", dc.ShapeDtypeStruct(x.shape, x.dtype))
        >>> dc.make_jaxpr(lambda x: call(x, eps=1e-5))(x).out_avals
        [f32[2,2]]
    """
    name = f"ffi_call of {target_name!r}"
    check_vmap_method(name, vmap_method)
    several = isinstance(result_shape_dtypes, Sequence)
    results = tuple(
        declared_type(name, f"result_shape_dtypes[{i}]" if several else _RESULT, leaf)
        for i, leaf in enumerate(
            result_shape_dtypes if several else [result_shape_dtypes]
        )
    )
    if custom_call_api_version not in (1, 2, 3, 4):
        raise value_error(
            f"{name}: expected custom_call_api_version to be 1, 2, 3 or 4, got "
            f"{custom_call_api_version!r}."
        )
    if legacy_backend_config is not None and custom_call_api_version >= 4:
        raise value_error(
            f"{name}: `legacy_backend_config` is for functions of the older "
            f"interfaces, but custom_call_api_version={custom_call_api_version}.",
            "Pass attributes by keyword in the call instead.",
        )
    outputs = _layout_list(output_layouts, several=several)
    _check_layouts(name, "output_layouts", outputs, results)

    def call(*args: Any, **attributes: Any) -> Any:
        values = [_argument(name, i, arg) for i, arg in enumerate(args)]
        types = [typeof(value) for value in values]
        inputs = _layout_list(input_layouts, several=True)
        _check_layouts(name, "input_layouts", inputs, types)
        if attributes and custom_call_api_version < 4:
            raise value_error(
                f"{name}: attributes are for functions of the typed interface, but "
                f"custom_call_api_version={custom_call_api_version}; got "
                f"{', '.join(attributes)}.",
                "Pass a text as `legacy_backend_config` instead.",
            )
        for key, value in attributes.items():
            _check_attribute(name, key, value)
        aliases = tuple((input_output_aliases or {}).items())
        _check_aliases(name, aliases, types, results)
        primitive = FfiCall(
            target_name,
            results,
            tuple(attributes.items()),
            has_side_effect,
            vmap_method,
            inputs,
            outputs,
            aliases,
            custom_call_api_version,
            legacy_backend_config,
        )
        outs = bind(primitive, *values)
        return list(outs) if several else outs[0]

    return call


_RESULT = "result_shape_dtypes"


def _argument(name: str, index: int, arg: Any) -> Any:
    if not is_array_like(arg):
        raise type_error(
            f"{name}: expected an array as argument {index}, got {type(arg).__name__} "
            f"{arg!r:.60}.",
            "Pass settings as attributes, by keyword.",
        )
    return as_array(arg)


def _layout_list(given: Any, *, several: bool) -> tuple[Layout, ...] | None:
    if given is None:
        return None
    orders = given if several else [given]
    return tuple(None if order is None else tuple(order) for order in orders)


def _check_layouts(
    name: str,
    what: str,
    layouts: tuple[Layout, ...] | None,
    types: Sequence[ArrayType],
) -> None:
    if layouts is None:
        return
    if len(layouts) != len(types):
        raise value_error(
            f"{name}: expected `{what}` to have {len(types)} entries, one for each "
            f"{'argument' if what == 'input_layouts' else 'result'}, got "
            f"{len(layouts)}."
        )
    for index, (order, type) in enumerate(zip(layouts, types, strict=True)):
        if order is not None and sorted(order) != list(range(type.ndim)):
            raise value_error(
                f"{name}: expected {what}[{index}] to be an order of the "
                f"{type.ndim} axes of {type!r}, got {order}."
            )


def _check_aliases(
    name: str,
    aliases: Sequence[tuple[int, int]],
    types: Sequence[ArrayType],
    results: Sequence[ArrayType],
) -> None:
    for source, target in aliases:
        if not 0 <= source < len(types) or not 0 <= target < len(results):
            raise value_error(
                f"{name}: input_output_aliases={dict(aliases)} names argument {source} "
                f"and result {target}, but there are {len(types)} arguments and "
                f"{len(results)} results."
            )
        before, after = types[source], results[target]
        if before.shape != after.shape or before.dtype != after.dtype:
            raise value_error(
                f"{name}: an argument can share memory with a result of its shape and "
                f"dtype only, but argument {source} is {before!r} and result {target} "
                f"is {after!r}.",
                "Correct `input_output_aliases`.",
            )


def _check_attribute(name: str, key: str, value: Any) -> None:
    if isinstance(value, bool | int | float | str):
        return
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufV":
        return
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            _check_attribute(name, f"{key}[{index}]", item)
        return
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        for inner, item in value.items():
            _check_attribute(name, f"{key}[{inner!r}]", item)
        return
    raise type_error(
        f"{name}: the attribute {key} must be a number, a string, a NumPy array or a "
        f"tuple or dictionary of these, got {type(value).__name__} {value!r:.60}.",
        "Pass arrays that programs compute as arguments, by position.",
    )
