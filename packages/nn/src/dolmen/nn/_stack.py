"""Containers: `Sequential`, and `Stack` for repeated blocks."""

from collections.abc import Callable
from typing import Any

import dolmen.core as dc
from dolmen.core import lax, random, tree

from ._module import Module
from ._rngs import Rngs
from ._state import Changes, update
from ._variables import Param


class Sequential(Module):
    """Calls layers one after the other.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.nn, dolmen.core.numpy as jnp
        >>> mlp = nn.Sequential(nn.Linear(2, 4, rngs=nn.Rngs(0)), dolmen.core.nn.relu)
        >>> mlp(jnp.ones((1, 2))).shape
        (1, 4)
    """

    def __init__(self, *layers: Callable[..., Any]) -> None:
        self.layers = list(layers)

    def __call__(self, x: Any) -> Any:
        """Apply all layers."""
        for layer in self.layers:
            x = layer(x)
        return x


class Stack(Module):
    """`length` blocks of one kind, one after the other, compiled once.

    The parameters of all blocks are stored together with a leading axis, and a loop
    runs over it, so trace and compile time do not grow with the depth. What a call
    changes in a block beside each `Param` (running statistics, counts of random
    streams) is kept.

    Args:
        length: how many blocks.
        block: makes one block; called as `block(*args, rngs=rngs, **kwargs)`.
        *args: arguments of every block.
        remat: True, or a checkpoint policy, to recompute a block's inside in the
            backward pass instead of keeping it.
        unroll: how many blocks each iteration of the compiled loop does.
        rngs: streams; each block gets keys of its own.
        **kwargs: keyword arguments of every block.

    Example:
        >>> from dolmen import nn
        >>> import dolmen.core.numpy as jnp
        >>> stack = nn.Stack(3, nn.Linear, 4, 4, rngs=nn.Rngs(0))
        >>> stack.blocks.kernel.value.shape
        (3, 4, 4)
        >>> stack(jnp.ones((2, 4))).shape
        (2, 4)
        >>> stack[1].kernel.value.shape
        (4, 4)
    """

    def __init__(
        self,
        length: int,
        block: Callable[..., Module],
        *args: Any,
        remat: bool | Callable[..., bool] = False,
        unroll: int = 1,
        rngs: Rngs,
        **kwargs: Any,
    ) -> None:
        if length < 1:
            raise ValueError(f"Stack: expected at least one block, got {length}.")

        def make(key: Any) -> Module:
            return block(*args, rngs=Rngs(key), **kwargs)

        keys = random.split(rngs.params(), length)
        self.blocks = dc.jit(dc.vmap(make))(keys)
        self.length = length
        self.remat = remat
        self.unroll = unroll

    def __call__(self, x: Any, *args: Any, rngs: Rngs | None = None) -> Any:
        """Run `x` through all blocks; each is called as `block(x, *args)`.

        Args:
            *args: passed to every block.
            rngs: streams; each block gets streams of its own, as `rngs=`.

        Raises:
            TypeError: a block changes the shape or dtype of `x`.
        """
        streams = None if rngs is None else rngs.fork(split=self.length)

        def apply(x: Any, block: Any, own: Rngs | None) -> Any:
            changes = Changes(block, besides=Param)
            y = block(x, *args) if own is None else block(x, *args, rngs=own)
            return y, changes.state()

        if self.remat:
            policy = None if self.remat is True else self.remat
            # The loop keeps the compiler from undoing the recomputation.
            apply = dc.checkpoint(apply, prevent_cse=False, policy=policy)

        def step(x: Any, row: Any) -> Any:
            block, own = row
            return apply(x, block, own)

        rows = (self.blocks, streams)
        y, changed = lax.scan(step, x, rows, unroll=self.unroll)
        update(self.blocks, changed)
        return y

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        """One block, with a copy of its parameters."""
        if not -self.length <= index < self.length:
            raise IndexError(f"Stack: block {index} of {self.length} does not exist.")
        return tree.map(lambda stacked: stacked[index], self.blocks)
