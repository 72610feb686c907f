"""The C++ call path: after the first call nothing of ours runs."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jaxlib._jax as _jax
import numpy as np

from . import _arrays, _flags
from ._pytree import BOUNDARY

assert _flags.DISABLE_JIT is not None  # jaxlib wants the states before the first call


class FastPath(NamedTuple):
    """What C++ needs to repeat a call by itself (attribute names are jaxlib's)."""

    xla_executable: Any
    out_pytree_def: Any
    in_shardings: list[Any]
    out_shardings: list[Any]
    out_avals: list[Any]
    out_committed: list[bool]
    kept_var_bitvec: list[bool]
    in_device_local_layouts: list[Any]
    const_args: list[Any]


def fast_path(
    executable: Any,
    out_tree: Any,
    out_types: Sequence[Any],
    kept: Sequence[bool],
    constants: Sequence[Any],
    in_shardings: Sequence[Any],
    out_shardings: Sequence[Any],
    committed: bool,
) -> FastPath:
    """Describe a finished call to C++.

    Args:
        in_shardings: one for each constant and then each argument leaf.
        kept: for each constant and then each argument leaf, whether the executable
            takes it.
        constants: arrays passed before the arguments on every call.
    """
    return FastPath(
        executable,
        out_tree,
        [s for s, keep in zip(in_shardings, kept, strict=True) if keep],
        list(out_shardings),
        list(out_types),
        [committed] * len(out_types),
        list(kept),
        [None] * sum(kept),
        list(constants),
    )


_USER_FUNCTIONS = _jax.PjitFunctionCache(4096)
_EAGER_FUNCTIONS = _jax.PjitFunctionCache(1 << 16)


def _shard_argument(value: Any, sharding: Any, layout: Any) -> Any:
    """An argument C++ could not place itself: on another device, or not an array."""
    if isinstance(value, _arrays.ArrayImpl):
        return _arrays.move(value, sharding)
    array = np.asarray(value)
    return _arrays.put(array, _arrays._described(array.shape, array.dtype), sharding)


def _filter_error(error: BaseException, /) -> None:
    """Does nothing until `set_error_filter` puts another function in its place."""


def set_error_filter(function: Callable[[BaseException], None]) -> None:
    """Let `function` see, and change, every error that leaves a compiled call."""
    global _filter_error
    _filter_error = function


def callable_with_cache(
    name: str,
    function: Callable[..., Any],
    on_miss: Callable[..., tuple[Any, FastPath | None]],
    *,
    static_argnums: Sequence[int] = (),
    static_argnames: Sequence[str] = (),
    key: Any = None,
    eager: bool = False,
) -> Any:
    """A C++ callable that asks `on_miss(*args, **kwargs)` for what it has not seen.

    Args:
        function: identity for the shared cache; two callables made of the same
            function and an equal `key` share their entries.
        on_miss: does the call in Python; returns its result and, when C++ may repeat
            it, the `FastPath`.
        eager: keep the entries in the cache of single operations.
    """

    def cache_miss(*args: Any, **kwargs: Any) -> Any:
        try:
            return on_miss(*args, **kwargs)
        except BaseException as error:
            # C++ marks an entry whose miss raised as Python-only for ever.
            called = this()
            assert called is not None  # it is running
            called._clear_cache()
            _filter_error(error)
            raise

    made = _jax.pjit(
        name,
        function,
        cache_miss,
        list(static_argnums),
        list(static_argnames),
        key,
        BOUNDARY,
        _shard_argument,
        _EAGER_FUNCTIONS if eager else _USER_FUNCTIONS,
    )
    # No cycle, so that a dropped function frees its arrays at once.
    this = weakref.ref(made)
    return made


def set_tracer_class(cls: type) -> None:
    """Make `isinstance(x, Array)` true for `cls` (C++ asks `_is_traced_array`)."""
    _jax.set_tracer_class(cls)


def clear_caches() -> None:
    """Forget every compiled call."""
    _jax.PjitFunctionCache.clear_all()


def block_until_ready(arrays: Sequence[Any]) -> None:
    """Wait until the computation of every array has finished."""
    _jax.batched_block_until_ready(list(arrays))
