"""Trees whose arrays lie in one buffer for each dtype and group, between steps too.

An optimizer of 400 small arrays spends its time on kernels and results of 400 arrays
each. Whoever keeps parameters, gradients and state packed has a few of each. Packing
inside the step would cost more than it saves.

Only what treats every element alike may work on buffers. So every transformation sees
the real leaves, unless its functions say that they take packed trees as they are
(`takes_packed`) or its rule does (`Rule.takes`). Where only some arrays are
transformed, the place of a buffer may be taken by a node without leaves.
"""

import functools
import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import errors, extend, tree, tree_util, typeof

from ._buffers import joined, pieces_of

# Many masks at once are rare; made anew in each step, they must not pile up.
_MOST_LABELS = 64


@dataclass(frozen=True)
class Layout:
    """Where the leaves of a packed tree lie.

    Attributes:
        structure: of the tree.
        names: of the buffers.
        homes: for each leaf the index of its buffer.
        shapes: of the leaves.
        multiple_of: buffers are filled up with zeros to multiples of so many elements.
    """

    structure: Any
    names: tuple[str, ...]
    homes: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    multiple_of: int = 1

    @functools.cached_property
    def shapes_by_buffer(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Shapes of the leaves in each buffer, and last of what fills it up, if any."""
        pairs = list(zip(self.homes, self.shapes, strict=True))
        found = []
        for index in range(len(self.names)):
            shapes = [shape for home, shape in pairs if home == index]
            rest = -sum(map(math.prod, shapes)) % self.multiple_of
            found.append(tuple(shapes + [(rest,)] * bool(rest)))
        return tuple(found)

    @functools.cached_property
    def known_labels(self) -> dict[Hashable, tuple[Any, tuple[Any, ...] | None]]:
        """What `Packed.by_buffer` found, beside what it comes from."""
        return {}

    def pack(self, values: Any) -> "Packed":
        """A tree of this structure, packed; leaves may have further leading axes."""
        parts: list[list[Any]] = [[] for _ in self.names]
        leaves = self.structure.flatten_up_to(values)
        for home, leaf in zip(self.homes, leaves, strict=True):
            parts[home].append(leaf)
        return Packed(
            self,
            [
                joined(shapes, _filled_up(shapes, pieces))
                if _is_there(pieces[0])
                else pieces[0]
                for shapes, pieces in zip(self.shapes_by_buffer, parts, strict=True)
            ],
        )


def _filled_up(shapes: Sequence[tuple[int, ...]], pieces: list[Any]) -> list[Any]:
    """The pieces, and zeros for a last shape that none of them has."""
    if len(pieces) == len(shapes):
        return pieces
    first = pieces[0]
    lead = jnp.shape(first)[: jnp.ndim(first) - len(shapes[0])]
    return [*pieces, jnp.zeros((*lead, *shapes[-1]), typeof(first).dtype)]


@tree_util.register_pytree_with_keys_class
class Packed:
    """A tree of arrays in a few one-dimensional buffers; made by `pack`.

    It is a node whose children are the buffers: `grad` by it is packed as well, and
    so are states that optimizers make of it. Two packed trees of the same layout are
    added, scaled and averaged like any others.

    Attributes:
        buffers: arrays, by names like ``"float32"`` in `names`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optim.pack({"w": jnp.ones((2, 2)), "b": jnp.zeros(3)})
        Packed(float32: f32[7], 2 arrays)
    """

    __slots__ = ("buffers", "layout")

    def __init__(self, layout: Layout, buffers: Sequence[Any]) -> None:
        self.layout = layout
        self.buffers = tuple(buffers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the buffers."""
        return self.layout.names

    def unpack(self) -> Any:
        """The tree itself.

        Example:
            >>> import dolmen.core as dc, dolmen.core.numpy as jnp
            >>> from dolmen import optim
            >>> packed = optim.pack({"w": jnp.ones(2), "b": jnp.zeros(1)})
            >>> dc.grad(lambda p: jnp.sum(p.unpack()["w"] ** 2))(packed).unpack()
            {'b': Array([0.], dtype=float32), 'w': Array([2., 2.], dtype=float32)}
        """
        pieces = [
            iter(pieces_of(shapes, buffer))
            if _is_there(buffer)
            else itertools.repeat(buffer)
            for shapes, buffer in zip(
                self.layout.shapes_by_buffer, self.buffers, strict=True
            )
        ]
        return self._unflatten(next(pieces[home]) for home in self.layout.homes)

    def by_buffer(
        self, labelled: Any, labels_of: Callable[[Any], Sequence[Any]]
    ) -> tuple[Any, ...] | None:
        """Labels of the buffers.

        Args:
            labelled: what the labels come from. For the same object, the same labels
                are returned again: eager steps ask for them several times each.
            labels_of: from the tree to labels of its arrays. It is given arrays without
                values.

        Returns:
            None if a buffer mixes labels, or they depend on values.
        """
        types = [typeof(x) if _is_there(x) else None for x in self.buffers]
        known, key = self.layout.known_labels, (id(labelled), *types)
        if key not in known:
            if len(known) == _MOST_LABELS:
                known.clear()
            known[key] = labelled, self._by_buffer(labels_of)
        return known[key][1]

    def _by_buffer(
        self, labels_of: Callable[[Any], Sequence[Any]]
    ) -> tuple[Any, ...] | None:
        labels: list[Any] = []
        try:
            dc.eval_shape(lambda leaves: labels.extend(labels_of(leaves)), self._types)
        except errors.ConcretizationTypeError:
            return None
        there = [home for home in self.layout.homes if _is_there(self.buffers[home])]
        pairs = set(zip(there, labels, strict=True))
        of_buffers = dict(pairs)
        if len(of_buffers) < len(pairs):
            return None
        return tuple(of_buffers[home] for home in sorted(of_buffers))

    @property
    def _types(self) -> Any:
        """The tree with shape and dtype in the place of each array."""
        homes = zip(self.layout.homes, self.layout.shapes, strict=True)
        return self._unflatten(
            dc.ShapeDtypeStruct(shape, jnp.dtype(buffer.dtype))
            if _is_there(buffer := self.buffers[home])
            else buffer
            for home, shape in homes
        )

    def _unflatten(self, leaves: Iterable[Any]) -> Any:
        return self.layout.structure.unflatten(leaves)

    def __repr__(self) -> str:
        buffers = [
            f"{name}: {_described(buffer)}"
            for name, buffer in zip(self.names, self.buffers, strict=True)
        ]
        return f"Packed({', '.join([*buffers, f'{len(self.layout.shapes)} arrays'])})"

    def __checkpoint_tree__(self) -> Any:
        """What `dolmen.ckpt` stores in its place: the tree itself."""
        described = any(isinstance(x, dc.ShapeDtypeStruct) for x in self.buffers)
        return self._types if described else self.unpack()

    def __from_checkpoint_tree__(self, values: Any) -> "Packed":
        """A tree of this structure that was restored, packed and placed as this one."""
        made = self.layout.pack(values)
        pairs = zip(made.buffers, self.buffers, strict=True)
        return Packed(self.layout, [_placed_as(new, old) for new, old in pairs])

    def tree_flatten(self) -> tuple[tuple[Any, ...], Layout]:
        """The buffers."""
        return self.buffers, self.layout

    def tree_flatten_with_keys(self) -> tuple[list[tuple[Any, Any]], Layout]:
        """The buffers by their names."""
        keys = map(tree_util.DictKey, self.names)
        return list(zip(keys, self.buffers, strict=True)), self.layout

    @classmethod
    def tree_unflatten(cls, layout: Layout, buffers: Sequence[Any]) -> "Packed":
        """Another one of the same layout."""
        return cls(layout, buffers)


def check_not_packed(function: str, name: str, values: Any) -> None:
    """Raise if packed trees are parts of a tree.

    Raises:
        TypeError: some are, or the tree is one; they are listed by path.
    """
    parts = tree.leaves_with_path(values, is_leaf=lambda x: isinstance(x, Packed))
    found = [
        f"  {tree_util.keystr(path) or 'the tree itself'}"
        for path, part in parts
        if isinstance(part, Packed)
    ]
    if found:
        lines = [f"{function}: {name} must hold no packed trees, got some at", *found]
        raise TypeError(
            extend.error_message(
                "\n".join(lines), "Pack the tree as a whole, and once."
            )
        )


def _placed_as(buffer: Any, other: Any) -> Any:
    """A buffer on the devices that another one was put on by its owner."""
    committed = isinstance(other, dc.Array) and other.committed
    return dc.device_put(buffer, other.sharding) if committed else buffer


def _is_there(buffer: Any) -> bool:
    """Whether it is an array, not a node without leaves in its place."""
    return bool(tree.leaves(buffer))


def takes_packed(function: Any) -> Any:
    """Mark an `init` or `update` that does right with packed trees as they are."""
    function.takes_packed = True
    return function


def on_leaves(init: Any, update: Any) -> tuple[Any, Any]:
    """Both functions, which see packed trees unpacked unless both take them."""
    if _has(init, "takes_packed") and _has(update, "takes_packed"):
        return init, update
    return _wrapped(init, _init_on_leaves), _wrapped(update, update_on_leaves)


def on_buffers_where(
    fits: Callable[[Packed], bool], init: Any, update: Any
) -> tuple[Any, Any]:
    """Both functions, which see packed trees as they are only where that fits."""
    init_of_leaves, update_of_leaves = on_leaves(init, update)

    @takes_packed
    @functools.wraps(init)
    def chosen_init(params: Any) -> Any:
        leaves = isinstance(params, Packed) and not fits(params)
        return (init_of_leaves if leaves else init)(params)

    @takes_packed
    @functools.wraps(update)
    def chosen_update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, Any]:
        leaves = isinstance(updates, Packed) and not fits(updates)
        return (update_of_leaves if leaves else update)(
            updates, state, params, **extra_args
        )

    return chosen_init, chosen_update


def _has(function: Any, mark: str) -> bool:
    return getattr(function, mark, False)


def _wrapped(function: Any, wrap: Callable[[Any], Any]) -> Any:
    if _has(function, "sees_leaves"):
        return function
    made: Any = functools.wraps(function)(wrap(function))
    made.takes_packed, made.sees_leaves = False, True
    return made


def _init_on_leaves(init: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(params: Any) -> Any:
        return init(leaves_of(_name(init), params))

    return wrapped


def update_on_leaves(update: Callable[..., Any]) -> Callable[..., Any]:
    """An `update` for packed trees, of one that sees the leaves."""

    def wrapped(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, Any]:
        if not isinstance(updates, Packed):
            return update(updates, state, _unpacked(params), **extra_args)
        layout = updates.layout
        extra_args = {
            name: _of_leaves(value, layout) for name, value in extra_args.items()
        }
        updates, state = update(
            updates.unpack(), state, _unpacked(params), **extra_args
        )
        return layout.pack(updates), state

    return wrapped


def leaves_of(function: str, params: Any) -> Any:
    """Parameters unpacked, checked to hold no packed trees."""
    params = _unpacked(params)
    check_not_packed(function, "`params`", params)
    return params


def _of_leaves(value: Any, layout: Layout) -> Any:
    """An extra argument for who sees leaves; functions are given packed trees."""
    if isinstance(value, Packed) or not callable(value):
        return _unpacked(value)

    @functools.wraps(value)  # line searches look at the signature
    def function(*args: Any, **kwargs: Any) -> Any:
        return value(*map(packed, args), **{k: packed(v) for k, v in kwargs.items()})

    def packed(arg: Any) -> Any:
        return layout.pack(arg) if tree.structure(arg) == layout.structure else arg

    return function


def _unpacked(values: Any) -> Any:
    return values.unpack() if isinstance(values, Packed) else values


def _name(function: Any) -> str:
    name = getattr(function, "__qualname__", type(function).__name__)
    return name.split(".")[0]


def _described(buffer: Any) -> str:
    try:
        return repr(typeof(buffer)).removeprefix("~")
    except TypeError:
        return repr(buffer)
