"""Settings as users meet them: changed for the process, or within a `with` block."""

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

from ._backend import flags
from ._ir import message

_REQUIRED = object()


def find(function: str, name: str) -> flags.Flag:
    """The setting of that name, with JAX's prefix `jax_` or without.

    Raises:
        AttributeError: there is none; the message names the nearest one.
        TypeError: `name` is no string.
    """
    if not isinstance(name, str):
        raise TypeError(
            message(f"{function}: `name` must be the name of a setting, got {name!r}.")
        )
    key = name.removeprefix("jax_")
    if key not in flags.FLAGS:
        import difflib  # here, as programs that are right never need it

        near = difflib.get_close_matches(key, flags.FLAGS, 1, 0.0)[0]
        raise AttributeError(
            message(
                f"{function}: there is no setting {name!r}.", f"Did you mean {near!r}?"
            )
        )
    return flags.FLAGS[key]


def checked(function: str, flag: flags.Flag, value: Any) -> Any:
    """`value`, if the setting may have it.

    Raises:
        TypeError: it is of the wrong kind.
        ValueError: it is none of the allowed values.
        RuntimeError: the setting can't change any more.
    """
    try:
        return flag.checked(value)
    except (TypeError, ValueError, RuntimeError) as error:
        place = "" if function == flag.name else f"{function}: "
        raise type(error)(message(f"{place}{error}")) from None


class _Override(contextlib.ContextDecorator):
    """Holds a setting at a value in this thread, between enter and exit."""

    def __init__(self, flag: flags.Flag, value: Any) -> None:
        self._flag = flag
        self._value = value
        self._previous: list[Any] = []  # a decorated function may call itself

    def __enter__(self) -> None:
        self._previous.append(self._flag.swap_local(self._value))

    def __exit__(self, *exception: object) -> None:
        self._flag.swap_local(self._previous.pop())


class Setting:
    """A setting that can be held at a value within a `with` block, for one thread.

    Call it for the block (or for a decorator); read `value` for what holds now.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> with dc.enable_x64(True):
        ...     print(jnp.arange(3.0).dtype)
        float64
        >>> dc.enable_x64.value
        False
    """

    def __init__(self, flag: flags.Flag) -> None:
        self._flag = flag
        self.__name__ = flag.name
        self.__doc__ = flag.doc

    @property
    def value(self) -> Any:
        """What holds in this thread."""
        return self._flag.value

    def __call__(
        self, new_val: Any = _REQUIRED
    ) -> contextlib.AbstractContextManager[None]:
        """A `with` block, or decorator, that holds the setting at `new_val`.

        Args:
            new_val: the value; may be left out where True and False are all there is,
                and means True then.

        Raises:
            TypeError: the value is of the wrong kind, or missing.
            ValueError: the value is none of the allowed ones.
        """
        if new_val is _REQUIRED:
            if self._flag.kind is not bool:
                expected = self._flag.expected()
                raise TypeError(
                    message(f"{self.__name__}: expected {expected}, got no value.")
                )
            new_val = True
        return _Override(self._flag, checked(self.__name__, self._flag, new_val))

    def __bool__(self) -> bool:
        raise TypeError(
            message(
                f"{self.__name__} is a setting; it has no truth value of its own.",
                f"Read it with `dolmen.core.{self.__name__}.value`.",
            )
        )

    def __enter__(self) -> NoReturn:
        raise TypeError(
            message(
                f"{self.__name__} holds no value yet.",
                f"Call it: `with dolmen.core.{self.__name__}(value):`.",
            )
        )

    def __exit__(self, *exception: object) -> None:
        """Is never reached: `with` wants it to be there."""

    def __repr__(self) -> str:
        return f"<setting {self.__name__} = {self.value!r}>"


array_garbage_collection_guard = Setting(flags.ARRAY_GARBAGE_COLLECTION_GUARD)
check_tracer_leaks = Setting(flags.CHECK_TRACER_LEAKS)
checking_leaks = check_tracer_leaks
debug_infs = Setting(flags.DEBUG_INFS)
debug_key_reuse = Setting(flags.DEBUG_KEY_REUSE)
debug_nans = Setting(flags.DEBUG_NANS)
default_device = Setting(flags.DEFAULT_DEVICE)
default_dtype_bits = Setting(flags.DEFAULT_DTYPE_BITS)
default_matmul_precision = Setting(flags.DEFAULT_MATMUL_PRECISION)
default_prng_impl = Setting(flags.DEFAULT_PRNG_IMPL)
enable_checks = Setting(flags.ENABLE_CHECKS)
enable_custom_prng = Setting(flags.ENABLE_CUSTOM_PRNG)
enable_x64 = Setting(flags.X64)
explain_cache_misses = Setting(flags.EXPLAIN_CACHE_MISSES)
legacy_prng_key = Setting(flags.LEGACY_PRNG_KEY)
log_compiles = Setting(flags.LOG_COMPILES)
no_execution = Setting(flags.NO_EXECUTION)
no_tracing = Setting(flags.NO_TRACING)
numpy_dtype_promotion = Setting(flags.NUMPY_DTYPE_PROMOTION)
numpy_rank_promotion = Setting(flags.NUMPY_RANK_PROMOTION)
softmax_custom_jvp = Setting(flags.SOFTMAX_CUSTOM_JVP)
threefry_partitionable = Setting(flags.THREEFRY_PARTITIONABLE)
transfer_guard_device_to_device = Setting(flags.TRANSFER_GUARD_DEVICE_TO_DEVICE)
transfer_guard_device_to_host = Setting(flags.TRANSFER_GUARD_DEVICE_TO_HOST)
transfer_guard_host_to_device = Setting(flags.TRANSFER_GUARD_HOST_TO_DEVICE)


@contextlib.contextmanager
def transfer_guard(new_val: str | None) -> Iterator[None]:
    """Within a `with` block, what happens when values are copied, in all directions.

    Copies are explicit (`device_put`, `device_get`) or implicit (all others, such as
    that of a NumPy array passed to a compiled function).

    Args:
        new_val: ``"allow"``; ``"log"`` or ``"disallow"`` implicit copies;
            ``"log_explicit"`` or ``"disallow_explicit"`` all copies. None means
            ``"allow"``.

    Raises:
        ValueError: `new_val` is none of these.

    Example:
        >>> import numpy as np
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> with dc.transfer_guard("disallow"):
        ...     x = dc.device_put(np.ones(3))
    """
    with contextlib.ExitStack() as stack:
        for flag in (flags.TRANSFER_GUARD, *flags.TRANSFER_GUARDS):
            level = checked("transfer_guard", flag, new_val)
            stack.enter_context(_Override(flag, level))
        yield


def disable_jit(disable: bool = True) -> contextlib.AbstractContextManager[None]:
    """Within a `with` block, `jit` runs functions as plain Python.

    Example:
        >>> import dolmen.core as dc
        >>> @dc.jit
        ... def double(x):
        ...     print("running on", x)
        ...     return 2 * x
        >>> with dc.disable_jit():
        ...     double(3)
        running on 3
        6
    """
    return _Override(
        flags.DISABLE_JIT, checked("disable_jit", flags.DISABLE_JIT, disable)
    )
