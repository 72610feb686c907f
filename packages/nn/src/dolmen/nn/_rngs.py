"""Named streams of random keys."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import random

from ._module import Module
from ._variables import RngCount, RngKey


class RngStream(Module):
    """A key and how many keys were derived from it.

    Args:
        seed: an integer or a key.
    """

    def __init__(self, seed: Any) -> None:
        self.key = RngKey(random.key(seed) if isinstance(seed, int) else seed)
        self.count = RngCount(jnp.zeros((), jnp.uint32))

    def __call__(self) -> Any:
        """The next key."""
        key = random.fold_in(self.key.value, self.count.value)
        self.count.value = self.count.value + jnp.ones((), jnp.uint32)
        return key


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
                f"Rngs has no stream {name!r} and no default stream (streams: {known}). "
                f"Pass `Rngs(seed)` or `Rngs({name}=seed)`."
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
        made = object.__new__(Rngs)
        for name, stream in self.__dict__.items():
            key = stream()
            forked = RngStream(key if split is None else random.split(key, split))
            if split is not None:
                forked.count.value = jnp.zeros((split,), jnp.uint32)
            made.__dict__[name] = forked
        return made


def _stream(seed: Any) -> RngStream:
    return seed if isinstance(seed, RngStream) else RngStream(seed)
