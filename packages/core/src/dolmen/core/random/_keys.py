"""Typed random keys: arrays whose elements are keys, not numbers.

A `KeyArray` holds the words of its keys. Users see a leaf; transformations open it to
the words, so operations and compiled programs know only ``uint32``. Reusing a key
repeats the same numbers: `split` or `fold_in` makes fresh ones.
"""

import dataclasses
import functools
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from .. import _backend, dtypes, lax
from .._backend import flags, pytree
from .._higher_order import ShapeDtypeStruct, jit_when_eager
from .._ir import message, type_error, value_error, warn
from .._ir._dtypes import kind
from .._tracing import (
    Tracer,
    device_array as _device_array,
    is_array_like,
    is_staging,
    key_uses_are_checked,
    not_concrete,
    note_part_of_keys,
    typeof,
    use_key,
)
from ._generators import GENERATORS, THREEFRY, Generator, resolve_generator

_UINT32 = np.dtype(np.uint32)
_INT64 = np.iinfo(np.int64)
_UNSTACKED_AT_ONCE = 64


class KeyDType:
    """The element type of keys of one generator.

    Attributes:
        generator: makes streams out of the keys.
        type: `dtypes.prng_key`, which `dtypes.issubdtype` looks at.
    """

    __slots__ = ("generator",)

    type = dtypes.prng_key

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    @property
    def name(self) -> str:
        """How it prints."""
        return f"key<{self.generator.tag}>"

    @property
    def itemsize(self) -> int:
        """Bytes of one key."""
        return 4 * math.prod(self.generator.key_shape)

    def opened(self, shape: tuple[int, ...]) -> "KeyArray":
        """Keys in `shape` whose words are only described."""
        words = (*shape, *self.generator.key_shape)
        return KeyArray(ShapeDtypeStruct(words, _UINT32), self.generator)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyDType) and other.generator is self.generator

    def __hash__(self) -> int:
        return hash((KeyDType, self.generator))

    def __reduce__(self) -> tuple[Any, ...]:
        return key_dtype, (self.generator.name,)


class KeyArray(_backend.Array):
    """An array of random keys.

    Make one with `key` or `split`. It can be indexed, reshaped, iterated, compared and
    passed through transformations; arithmetic on keys is an error.
    """

    __slots__ = ("_base", "_generator")

    _base: Any
    _generator: Generator

    def __init__(self, base: Any, generator: Generator) -> None:
        # Unchecked: transformations put tracers, types and placeholders here.
        self._base = base
        self._generator = generator

    # ---- what it is ----------------------------------------------------------------

    @property
    def _word_axes(self) -> int:
        return len(self._generator.key_shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes, those of the words not counted."""
        return self._base.shape[: -self._word_axes]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._base.shape) - self._word_axes

    @property
    def size(self) -> int:
        """Number of keys."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> KeyDType:
        """Element type, which names the generator."""
        return KeyDType(self._generator)

    @property
    def itemsize(self) -> int:
        """Bytes of one key."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all keys."""
        return self.size * self.itemsize

    @property
    def weak_type(self) -> bool:
        """False: the dtype of keys never gives way."""
        return False

    @property
    def sharding(self) -> Any:
        """How the keys are laid over devices."""
        return self._base.sharding

    @property
    def device(self) -> Any:
        """Where the keys are."""
        return self._base.device

    @property
    def committed(self) -> bool:
        """Whether the keys are bound to their device."""
        return self._base.committed

    def devices(self) -> set[Any]:
        """The devices that hold the keys."""
        return self._base.devices()

    def is_deleted(self) -> bool:
        """Whether the buffer is gone."""
        return self._base.is_deleted()

    def delete(self) -> None:
        """Free the buffer."""
        self._base.delete()

    def block_until_ready(self) -> "KeyArray":
        """Wait until the keys are computed; returns them."""
        self._base.block_until_ready()
        return self

    def is_ready(self) -> bool:
        """Whether the keys are computed."""
        return self._base.is_ready()

    def copy(self) -> "KeyArray":
        """The same keys in a buffer of their own."""
        return self._like(self._base.copy())

    def __copy__(self) -> "KeyArray":
        return self.copy()

    def __deepcopy__(self, memo: Any) -> "KeyArray":
        return self.copy()

    def to_device(self, device: Any, *, stream: None = None) -> "KeyArray":
        """The keys on a device, committed to it."""
        return self._like(self._base.to_device(device, stream=stream))

    def copy_to_host_async(self) -> None:
        """Start to fetch the words."""
        self._base.copy_to_host_async()

    def on_device_size_in_bytes(self) -> int:
        """Bytes that the words take on the device."""
        return self._base.on_device_size_in_bytes()

    def unsafe_buffer_pointer(self) -> int:
        """Address of the words."""
        return self._base.unsafe_buffer_pointer()

    def addressable_data(self, index: int) -> "KeyArray":
        """The keys that a device of this process holds."""
        return self._like(self._base.addressable_data(index))

    @property
    def addressable_shards(self) -> list[_backend.Shard]:
        """The parts that the devices of this process hold."""
        return [
            dataclasses.replace(
                shard, index=shard.index[: self.ndim], data=self._like(shard.data)
            )
            for shard in self._base.addressable_shards
        ]

    @property
    def is_fully_addressable(self) -> bool:
        """Whether all parts are on devices of this process."""
        return self._base.is_fully_addressable

    @property
    def is_fully_replicated(self) -> bool:
        """Whether each device holds all keys."""
        return self._base.is_fully_replicated

    def __repr__(self) -> str:
        words = self._base
        shown = np.asarray(words) if isinstance(words, _backend.ArrayImpl) else words
        return f"Array({self.shape}, dtype={self.dtype}) overlaying:\n{shown}"

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild = functools.partial(wrap_key_data, impl=self._generator.name)
        return rebuild, (np.asarray(self._base),)

    # ---- other arrangements of the keys --------------------------------------------

    def _like(self, base: Any, *path: Any) -> "KeyArray":
        """Keys out of these, those at `path` or all."""
        if key_uses_are_checked():
            note_part_of_keys(base, self._base, *path)
        return KeyArray(base, self._generator)

    def __len__(self) -> int:
        if not self.ndim:
            raise type_error("len: a single key has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator["KeyArray"]:
        if not self.ndim:
            raise type_error(
                "iteration over a single key.", "Make several with `split(key)`."
            )
        if len(self) <= _UNSTACKED_AT_ONCE:
            return map(self._like, _unstack(self._base), range(len(self)))
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> "KeyArray":
        items = index if isinstance(index, tuple) else (index,)
        used = sum(_axes_indexed(item) for item in items)
        if used > self.ndim:
            raise IndexError(
                message(
                    f"index of keys: {used} axes are indexed, but the keys have the "
                    f"shape {self.shape}."
                )
            )
        path = _path(items, self.shape)
        if any(item is Ellipsis for item in items):
            items = (*items, *[slice(None)] * self._word_axes)
        return self._like(self._base[items], *path)

    def reshape(self, *shape: Any, order: str = "C") -> "KeyArray":
        """The keys in another shape."""
        if order != "C":
            raise value_error(f"reshape of keys: `order` must be 'C', got {order!r}.")
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        sizes = tuple(map(operator.index, sizes))
        if -1 in sizes:
            known = -math.prod(sizes)
            sizes = tuple(self.size // max(known, 1) if n < 0 else n for n in sizes)
        made = lax.reshape(self._base, (*sizes, *self._generator.key_shape))
        return self._like(made, *self._rearranged("reshape", sizes))

    def ravel(self, order: str = "C") -> "KeyArray":
        """The keys along one axis."""
        return self.reshape(-1, order=order)

    def flatten(self, order: str = "C") -> "KeyArray":
        """The keys along one axis."""
        return self.reshape(-1, order=order)

    def squeeze(self, axis: int | Sequence[int] | None = None) -> "KeyArray":
        """The keys without axes of size 1."""
        if axis is None:
            axes = [i for i, n in enumerate(self.shape) if n == 1]
        else:
            axes = [axis] if isinstance(axis, int) else list(axis)
        axes = [a + self.ndim if a < 0 else a for a in axes]
        made = lax.squeeze(self._base, axes)
        return self._like(made, *self._rearranged("squeeze", tuple(axes)))

    def transpose(self, *axes: Any) -> "KeyArray":
        """The keys with their axes permuted, by default reversed."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = tuple(order) if order else tuple(reversed(range(self.ndim)))
        order = tuple(a + self.ndim if a < 0 else a for a in order)
        words = tuple(range(self.ndim, self.ndim + self._word_axes))
        made = lax.transpose(self._base, order + words)
        return self._like(made, *self._rearranged("transpose", order))

    def _rearranged(self, *how: Any) -> tuple[Any, ...]:
        """A step of a path, so that the same index means other keys afterwards."""
        return (how,) if self.size > 1 else ()

    @property
    def T(self) -> "KeyArray":
        """The keys with their axes reversed."""
        return self.transpose()

    # ---- comparison, and what keys can't do ----------------------------------------

    __hash__ = None
    __array_priority__ = 100

    def __eq__(self, other: Any) -> Any:
        if not isinstance(other, KeyArray) or other._generator is not self._generator:
            return NotImplemented
        return _equal(self._base, other._base, self._word_axes)

    def __ne__(self, other: Any) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else lax.bitwise_not(equal)

    def __bool__(self) -> bool:
        raise type_error("bool: a key has no truth value.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise type_error(
            "numpy.asarray: keys can't become a NumPy array.",
            "Take their words with `random.key_data(key)`.",
        )


def _path(items: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index as steps of a path to part of an array of keys."""
    if all(isinstance(item, int | np.integer) for item in items):
        pairs = zip(items, shape, strict=False)
        return tuple(int(item) % max(size, 1) for item, size in pairs)
    static = (slice, int, np.integer, type(None), type(Ellipsis))
    if all(isinstance(item, static) for item in items):
        return (repr(items),)
    return (object(),)  # depends on values


def _axes_indexed(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    if is_array_like(item) and typeof(item).dtype == np.dtype(bool):
        return typeof(item).ndim
    return 1


def _refuse(name: str) -> Any:
    symbol = name.strip("_")

    def method(self: KeyArray, *args: Any) -> NoReturn:
        raise type_error(
            f"{symbol}: keys are not numbers; got an array of shape {self.shape} and "
            f"dtype {self.dtype}.",
            "Draw numbers with a function such as `random.uniform(key)`, or take the "
            "words with `random.key_data(key)`.",
        )

    method.__name__ = name
    return method


_NUMERIC = """
add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod divmod rdivmod
pow rpow matmul rmatmul and rand or ror xor rxor lshift rlshift rshift rrshift neg pos
abs invert lt le gt ge int float complex index round
"""
for _name in _NUMERIC.split():
    setattr(KeyArray, f"__{_name}__", _refuse(f"__{_name}__"))


pytree.register_boundary_node(
    KeyArray,
    lambda keys: ((keys._base,), keys._generator),
    lambda generator, children: KeyArray(next(iter(children)), generator),
)


@jit_when_eager()
def _unstack(words: Any) -> list[Any]:
    count = typeof(words).shape[0]
    return [lax.index_in_dim(words, i, 0, keepdims=False) for i in range(count)]


@jit_when_eager(static_argnames=("word_axes",))
def _equal(a: Any, b: Any, word_axes: int) -> Any:
    shape = lax.broadcast_shapes(typeof(a).shape, typeof(b).shape)
    a, b = (
        lax.broadcast_in_dim(x, shape, range(len(shape) - typeof(x).ndim, len(shape)))
        for x in (a, b)
    )
    return lax.reduce_and(lax.eq(a, b), range(len(shape) - word_axes, len(shape)))


# ---- keys as arguments -------------------------------------------------------------


def open_key(function: str, key: Any) -> tuple[KeyArray, bool]:
    """A key argument as a typed key, and whether it was one.

    Typed keys and plain arrays of words (as `PRNGKey` makes) are accepted.

    Raises:
        TypeError: `key` is no key.
        ValueError: `key` is an array of keys.
    """
    typed = isinstance(key, KeyArray)
    if not typed and flags.LEGACY_PRNG_KEY.value != "allow":
        _plain_key_used(function)
    one = key if typed else KeyArray(key, _generator_of_words(function, key))
    if not typed and not isinstance(key, _backend.ArrayImpl | Tracer):
        one = KeyArray(np.asarray(key), one._generator)
    if one.ndim:
        raise value_error(
            f"{function}: `key` must be a single key, got keys of shape {one.shape}.",
            "Map over them with `vmap`.",
        )
    return one, typed


def _plain_key_used(function: str) -> None:
    """Warn or raise, as the settings say, because a key is a plain array."""
    wanted = flags.LEGACY_PRNG_KEY.value
    problem = (
        f"{function}: `key` is a plain array of words; legacy_prng_key is {wanted!r}."
    )
    fix = "Make keys with `random.key(seed)` instead of `random.PRNGKey(seed)`."
    if wanted == "error":
        raise value_error(problem, fix)
    warn(problem, fix)


def _generator_of_words(function: str, key: Any) -> Generator:
    if is_array_like(key):
        type = typeof(key)
        if type.dtype == _UINT32 and type.ndim:
            default = GENERATORS[flags.DEFAULT_PRNG_IMPL.value]
            for generator in (default, *GENERATORS.values()):
                if type.shape[-1:] == generator.key_shape:
                    return generator
        got = f"an array {type!r}"
    else:
        got = f"{key.__class__.__name__} {key!r:.60}"
    raise type_error(
        f"{function}: `key` must be a random key, got {got}.",
        "Make one with `random.key(seed)`.",
    )


# ---- making keys -------------------------------------------------------------------


def key_dtype(impl_spec: Any = None) -> KeyDType:
    """The dtype of keys of a generator.

    Args:
        impl_spec: ``"threefry2x32"`` (the default) or ``"rbg"``.

    Example:
        >>> from dolmen.core import random
        >>> random.key_dtype()
        key<fry>
    """
    return KeyDType(resolve_generator("key_dtype", impl_spec))


def key(seed: Any, *, impl: Any = None, dtype: Any = None) -> KeyArray:
    """A random key out of an integer.

    Args:
        seed: a scalar integer. Without 64-bit types only its low 32 bits count.
        impl: the generator: ``"threefry2x32"`` (the default; the same numbers on every
            backend, and in parts or as a whole) or ``"rbg"`` (the backend's own, faster
            on TPU).
        dtype: the generator by the dtype of its keys, instead of `impl`.

    Returns:
        A key array without axes.

    Raises:
        TypeError: `seed` is not a scalar integer.
        ValueError: both `impl` and `dtype` are given, or the generator is unknown.

    Example:
        >>> from dolmen.core import random
        >>> random.key(42)
        Array((), dtype=key<fry>) overlaying:
        [ 0 42]
    """
    generator = resolve_generator("key", _one_of("key", impl, dtype))
    return KeyArray(_seeded("key", seed, generator), generator)


def PRNGKey(seed: Any, *, impl: Any = None) -> Any:
    """A random key as a plain array of words, the older form; prefer `key`.

    Args:
        seed: a scalar integer.
        impl: the generator.

    Returns:
        ``uint32[2]`` (``uint32[4]`` for ``"rbg"``), accepted wherever a key is. A typed
        key where the setting `enable_custom_prng` says so.

    Example:
        >>> from dolmen.core import random
        >>> random.PRNGKey(42).tolist()
        [0, 42]
    """
    generator = resolve_generator("PRNGKey", impl)
    words = _seeded("PRNGKey", seed, generator)
    return KeyArray(words, generator) if flags.ENABLE_CUSTOM_PRNG.value else words


def _one_of(function: str, impl: Any, dtype: Any) -> Any:
    if impl is not None and dtype is not None:
        raise value_error(f"{function}: give `impl` or `dtype`, not both.")
    return dtype if impl is None else impl


def _seeded(function: str, seed: Any, generator: Generator) -> Any:
    if isinstance(seed, bool) or not isinstance(seed, int):
        return _seeded_by_array(function, seed, generator)
    if not _INT64.min <= seed <= _INT64.max:
        raise OverflowError(
            message(f"{function}: `seed` must fit 64 bits, got {seed}.")
        )
    seed += flags.RANDOM_SEED_OFFSET.value
    high = (seed >> 32) & 0xFFFFFFFF if flags.X64.value else 0
    words = np.array([high, seed & 0xFFFFFFFF], _UINT32)
    if generator is THREEFRY:
        return words if is_staging() else _device_array(words)
    return _expand_seed(words, generator)


def _seeded_by_array(function: str, seed: Any, generator: Generator) -> Any:
    if isinstance(seed, KeyArray):
        raise type_error(
            f"{function}: `seed` must be an integer, got a key.",
            "Use the key itself, or `split` it.",
        )
    type = typeof(seed)
    if type.ndim:
        raise type_error(
            f"{function}: `seed` must be a scalar, got {type!r}.",
            "Map over seeds with `vmap`.",
        )
    if kind(type.dtype) not in "iu":
        raise type_error(f"{function}: `seed` must be an integer, got {type!r}.")
    return _seed_words(seed, generator)


@jit_when_eager(static_argnames=("generator",))
def _expand_seed(words: Any, generator: Generator) -> Any:
    return generator.seed(words)


@jit_when_eager(static_argnames=("generator",))
def _seed_words(seed: Any, generator: Generator) -> Any:
    dtype = typeof(seed).dtype
    offset = flags.RANDOM_SEED_OFFSET.value
    if offset:
        wrapped = np.asarray(offset, np.int64).astype(dtype)
        seed = lax.add(seed, wrapped)
    low = lax.convert_element_type(seed, _UINT32)
    high: Any = np.uint32(0)
    if dtype.itemsize == 8:
        shifted = lax.shift_right_logical(seed, np.asarray(32, dtype))
        high = lax.convert_element_type(shifted, _UINT32)
    pair = [lax.broadcast(word, (1,)) for word in (high, low)]
    return generator.seed(lax.concatenate(pair, 0))


# ---- keys out of keys --------------------------------------------------------------


def split(key: Any, num: int | Sequence[int] = 2) -> Any:
    """New keys, independent of each other and of the old one, which is used up.

    Args:
        key: a single key.
        num: how many, or a shape of keys.

    Returns:
        Keys of shape ``[num]``; plain words if `key` is plain words.

    Raises:
        TypeError: `key` is no key.
        ValueError: `key` is an array of keys, or a size is negative.

    Example:
        >>> from dolmen.core import random
        >>> a, b = random.split(random.key(0))
        >>> random.key_data(a).tolist()
        [1797259609, 2579123966]
    """
    one, typed = open_key("split", key)
    if typed and key_uses_are_checked():
        use_key(one._base, "random.split")
    shape = as_shape("split", (num,) if isinstance(num, int) else num, "num")
    made = split_key(one, shape=shape)
    return made if typed else made._base


@jit_when_eager(static_argnames=("shape",))
def split_key(key: KeyArray, shape: tuple[int, ...] = (2,)) -> KeyArray:
    """`split` of a typed key, without checks."""
    generator = key._generator
    return KeyArray(generator.split(key._base, shape), generator)


def fold_in(key: Any, data: Any) -> Any:
    """A new key out of a key and a number, such as a step or a layer.

    Args:
        key: a single key.
        data: a scalar integer; its low 32 bits count.

    Returns:
        A key; plain words if `key` is plain words.

    Raises:
        OverflowError: a Python integer does not fit ``uint32``.
        TypeError: `key` is no key, or `data` not a scalar integer.
        ValueError: `key` is an array of keys.

    Example:
        >>> from dolmen.core import random
        >>> random.key_data(random.fold_in(random.key(0), 7)).tolist()
        [2716826189, 292468403]
    """
    one, typed = open_key("fold_in", key)
    if isinstance(data, int) and not isinstance(data, bool):
        if not 0 <= data < 2**32:
            raise OverflowError(
                message(f"fold_in: `data` must fit uint32, got {data}.")
            )
        data = np.uint32(data)
    type = typeof(data)
    if type.ndim or kind(type.dtype) not in "biu":
        raise type_error(
            f"fold_in: `data` must be a scalar integer, got {type!r}.",
            "Map over several with `vmap`." if type.ndim else "",
        )
    made = _fold_in(one, data)
    return made if typed else made._base


@jit_when_eager()
def _fold_in(key: KeyArray, data: Any) -> KeyArray:
    generator = key._generator
    word = lax.convert_element_type(data, _UINT32)
    return KeyArray(generator.fold_in(key._base, word), generator)


def clone(key: Any) -> Any:
    """The same key again, where using it twice is intended.

    With `debug_key_reuse`, each of the two may be used once.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core import random
        >>> with dc.debug_key_reuse(True):
        ...     key = random.key(0)
        ...     a, b = random.uniform(key), random.uniform(random.clone(key))
        >>> (a == b).item()
        True
    """
    if isinstance(key, KeyArray):
        return KeyArray(_unused(key._base), key._generator)
    _generator_of_words("clone", key)
    return key


def _unused(words: Any) -> Any:
    """The same words for a key that counts as new: uses are noted on the words."""
    return lax.optimization_barrier(words) if key_uses_are_checked() else words


# ---- keys and their words ----------------------------------------------------------


def key_data(keys: Any) -> Any:
    """The words of keys.

    Args:
        keys: keys of any shape.

    Returns:
        ``uint32[..., 2]`` (4 words for ``"rbg"``).

    Example:
        >>> from dolmen.core import random
        >>> random.key_data(random.key(1))
        Array([0, 1], dtype=uint32)
    """
    if isinstance(keys, KeyArray):
        return keys._base
    _generator_of_words("key_data", keys)
    return keys


def wrap_key_data(
    key_bits_array: Any, *, impl: Any = None, dtype: Any = None
) -> KeyArray:
    """Typed keys out of their words, the inverse of `key_data`.

    Args:
        key_bits_array: ``uint32[..., 2]`` (4 words for ``"rbg"``).
        impl: the generator.
        dtype: the generator by the dtype of its keys, instead of `impl`.

    Raises:
        TypeError: the array has another dtype or last size.

    Example:
        >>> from dolmen.core import random
        >>> random.wrap_key_data(random.key_data(random.key(7))) == random.key(7)
        Array(True, dtype=bool)
    """
    function = "wrap_key_data"
    generator = resolve_generator(function, _one_of(function, impl, dtype))
    type = typeof(key_bits_array)
    shape = generator.key_shape
    if type.dtype != _UINT32 or type.shape[-len(shape) :] != shape:
        raise type_error(
            f"wrap_key_data: keys of {generator.name} are u32[..., "
            f"{', '.join(map(str, shape))}], got {type!r}."
        )
    if isinstance(key_bits_array, np.ndarray) and not is_staging():
        key_bits_array = _device_array(key_bits_array)
    return KeyArray(_unused(key_bits_array), generator)


def key_impl(keys: Any) -> str:
    """The name of the generator of keys.

    Example:
        >>> from dolmen.core import random
        >>> random.key_impl(random.key(0))
        'threefry2x32'
    """
    if isinstance(keys, KeyArray):
        return keys._generator.name
    return _generator_of_words("key_impl", keys).name


# ---- shapes ------------------------------------------------------------------------


def as_shape(function: str, shape: Any, argument: str = "shape") -> tuple[int, ...]:
    """A `shape` argument as a tuple of sizes.

    Raises:
        TypeError: it is no sequence of integers.
        ValueError: a size is negative.
    """
    if shape.__class__ is tuple and not shape:
        return shape
    try:
        sizes = tuple(map(operator.index, shape))
    except TypeError:
        for size in shape if isinstance(shape, tuple | list) else (shape,):
            if isinstance(size, Tracer):
                raise not_concrete(size, "int", f"{function}: `{argument}`") from None
        fix = f"Write ({shape},)." if isinstance(shape, int) else ""
        raise type_error(
            f"{function}: `{argument}` must be a sequence of integers, got "
            f"{shape!r:.60}.",
            fix,
        ) from None
    if any(size < 0 for size in sizes):
        raise value_error(
            f"{function}: sizes in `{argument}` must not be negative, got {sizes}."
        )
    return sizes
