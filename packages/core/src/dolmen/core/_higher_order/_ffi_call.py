"""`ffi_call`: compiled functions of other languages in programs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, type_error, value_error
from .._tracing import as_array, bind, is_array_like, typeof
from ._ffi import FfiCall, Layout
from ._host_call import check_vmap_method, declared_type


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
