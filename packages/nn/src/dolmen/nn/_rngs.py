"""Named streams of random keys."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import dtypes, random

from ._module import Module
from ._variables import RngCount, RngKey


class RngStream(Module):
    """A key and how many keys were derived from it.

    Args:
        seed: an integer or a key.

    Raises:
        TypeError: it is neither.
    """

    def __init__(self, seed: Any) -> None:
        self.key = RngKey(_key(seed))
        self.count = RngCount(jnp.zeros((), jnp.uint32))

    def __call__(self) -> Any:
        """The next key."""
        key = random.fold_in(self.key.value, self.count.value)
        self.count.value = self.count.value + jnp.ones((), jnp.uint32)
        return key

    def fork(self, *, split: int | None = None) -> "RngStream":
        """A new stream, seeded by the next key of this one.

        Args:
            split: give the stream this many keys, stacked, for use under `vmap` or
                `scan`.
        """
        if split is None:
            return RngStream(self())
        forked = RngStream(random.split(self(), split))
        forked.count.value = jnp.zeros((split,), jnp.uint32)
        return forked


def _key(seed: Any) -> Any:
    dtype = getattr(seed, "dtype", None)
    if dtype is not None and jnp.issubdtype(dtype, dtypes.prng_key):
        return seed
    is_integer = dtype is not None and jnp.issubdtype(dtype, jnp.integer)
    if (isinstance(seed, int) and not isinstance(seed, bool)) or (
        is_integer and jnp.ndim(seed) == 0
    ):
        return random.key(seed)
    raise TypeError(
        f"RngStream: expected an integer seed or a key, got {seed!r:.60}. "
        "Make a key with `random.key(seed)`."
    )


class Rngs(Module):
    """Named streams of random keys.

    Args:
        default: seed or key of the stream that serves names without one of their own.
        **streams: seeds or keys by stream name, such as `params` or `dropout`.

    Example:
        >>> from dolmen import nn
        >>> rngs = nn.Rngs(0, dropout=1)
        >>> rngs.params() != rngs.params()
        Array(True, dtype=bool)
    """

    def __init__(self, default: Any = None, **streams: Any) -> None:
        if default is not None:
            self.default = _stream(default)
        for name, seed in streams.items():
            setattr(self, name, _stream(seed))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = self.__dict__.get("default")
        if found is None:
            known = ", ".join(sorted(self.__dict__)) or "none"
            raise AttributeError(
                f"Rngs has no stream {name!r} and no default stream (streams: {known})."
                f" Pass `Rngs(seed)` or `Rngs({name}=seed)`."
            )
        return found

    def __call__(self) -> Any:
        """The next key of the default stream."""
        return self.default()

    def fork(self, *, split: int | None = None) -> "Rngs":
        """New streams, each seeded by the next key of the old one.

        Args:
            split: give each stream this many keys, stacked, for use under `vmap` or
                `scan`.
        """
        made = Rngs()
        for name, stream in self.__dict__.items():
            setattr(made, name, stream.fork(split=split))
        return made


def _stream(seed: Any) -> RngStream:
    return seed if isinstance(seed, RngStream) else RngStream(seed)
