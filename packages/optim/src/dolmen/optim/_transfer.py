"""Going on with another optimizer: what of a state fits that of another."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import dtypes, random, tree, typeof

from ._quantized import QuantizedArray, dequantized, quantized
from ._state_bytes import state_bytes
from ._transformation import GradientTransformation
from ._trees import check_arrays, type_text
from .tree._search import children_of, is_named_tuple

Plain = tuple[Hashable, ...]


@dataclass(frozen=True)
class TransferredArray:
    """What became of one array.

    Attributes:
        outcome: ``"kept"`` from the stored state, ``"new"`` as `init` made it, or
            ``"dropped"``, in the stored state only.
        slot: class and field, such as ``"ScaleByAdamState.mu"``; of dropped arrays, the
            stored path above the parameter's.
        path: in the new state; empty if dropped.
        source: path in the stored state; empty if new.
        bytes: of the array.
        note: what was changed, or why it was not kept.

    Example:
        >>> from dolmen import optim
        >>> optimizer = optim.sgd(0.1, momentum=0.9)
        >>> state = optimizer.init({"w": 1.0})
        >>> optim.transfer_state(optimizer, {"w": 1.0}, state).arrays[0].path
        '0/trace/w'
    """

    outcome: Literal["kept", "new", "dropped"]
    slot: str
    path: str
    source: str
    bytes: int
    note: str = ""


@dataclass(frozen=True)
class StateTransfer:
    """What `transfer_state` gives: print it before going on.

    Attributes:
        state: for the optimizer.
        arrays: what became of every array of this state and of the stored one.

    Example:
        >>> from dolmen import optim
        >>> state = optim.sgd(0.1, momentum=0.9).init({"w": 1.0, "v": 1.0})
        >>> print(optim.transfer_state(optim.lion(0.1), {"w": 1.0, "v": 1.0}, state))
        new      ScaleByLionState.count  1 array   4 bytes  not stored
        new      ScaleByLionState.mu     2 arrays  8 bytes  not stored
        dropped  0/trace                 2 arrays  8 bytes
    """

    state: Any
    arrays: Sequence[TransferredArray]

    def __str__(self) -> str:
        groups: dict[tuple[str, ...], list[TransferredArray]] = defaultdict(list)
        for array in self.arrays:
            groups[array.outcome, array.slot, array.note].append(array)
        order = ["kept", "new", "dropped"]
        rows = [
            (
                outcome,
                slot,
                f"{len(group)} array{'s' if len(group) > 1 else ''}",
                f"{sum(array.bytes for array in group):,} bytes",
                note,
            )
            for (outcome, slot, note), group in sorted(
                groups.items(), key=lambda item: order.index(item[0][0])
            )
        ]
        if not rows:
            return "nothing to transfer"
        first, second, third, fourth, _ = (
            max(map(len, column)) for column in zip(*rows, strict=True)
        )
        return "\n".join(
            f"{outcome:{first}}  {slot:{second}}  {count:{third}}  {size:>{fourth}}  "
            f"{note}".rstrip()
            for outcome, slot, count, size, note in rows
        )


def transfer_state(
    optimizer: GradientTransformation,
    params: Any,
    stored: Any,
    *,
    fresh: Sequence[str] = ("hyperparams", "ns_coeffs"),
) -> StateTransfer:
    """The state of an optimizer, with all that fits from the state of another.

    Arrays are matched by the field they are in and the path of their parameter: ``mu``
    of ``"encoder/kernel"`` stays that, in whatever chain, group or wrapper. What has
    another shape, or is there twice with different values, does not fit. Dtypes are
    those of `optimizer`, and arrays in 8 bits (`with_8bit_state`) are unpacked or
    packed. Everything else is as `init` makes it. Nothing happens silently: the result
    lists every array, and prints as a table.

    A state that counts its steps is taken as a whole, or starts anew: beside an old
    count, a second moment that starts at zero would be taken for a tiny one, and first
    steps would be far too large. To keep it when there are new parameters, give those
    an optimizer of their own with `partition`.

    Args:
        optimizer: to go on with.
        params: its parameters.
        stored: a state, or what became of one in a checkpoint: dicts, lists and tuples
            will do.
        fresh: fields that start anew even where they fit. By default those that hold
            settings of the optimizer; add ``"count"`` to start schedules anew.

    Raises:
        TypeError: a leaf of `stored` is no array; they are listed by path.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> params = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}
        >>> stored = optim.adamw(1e-3).init(params)
        >>> moved = optim.transfer_state(optim.contrib.muon(0.02), params, stored)
        >>> print(moved)
        kept     ScaleByAdamState.count  1 array   4 bytes
        kept     ScaleByAdamState.mu     1 array  12 bytes
        kept     ScaleByAdamState.nu     1 array  12 bytes
        kept     MuonState.count         1 array   4 bytes
        kept     MuonState.mu            1 array  24 bytes
        new      MuonState.ns_coeffs     1 array  12 bytes  one of `fresh`
        dropped  0/nu                    1 array  24 bytes
        >>> state = moved.state

    Of a checkpoint (`dolmen.ckpt`), pass the part that was the state::

        run = ckpt.load("run/100", like={"params": params, "state": ...})
        moved = optim.transfer_state(optimizer, run["params"], run["state"])
    """
    check_arrays("transfer_state", "`stored`", stored)
    made = optimizer.init(params)
    old = _Stored(stored)
    cells = list(_cells(made, _named_tuples(params)))
    sources = _sources(cells, old, fresh)
    arrays: list[TransferredArray] = []
    leaves = []
    used: set[int] = set()
    for cell, source in zip(cells, sources, strict=True):
        if isinstance(source, str):
            leaf, outcome, origin, note = cell.leaf, "new", "", source
        else:
            path, stored_leaf = old.leaves[source]
            leaf, note = _converted(source, stored_leaf, cell.leaf)
            outcome, origin = "kept", _text(path)
            if source in used:  # the same array twice could not be donated
                leaf = tree.map(lambda x: x.copy(), leaf)
            used.add(source)
        leaves.append(leaf)
        arrays.append(
            TransferredArray(
                outcome, cell.slot, _text(cell.path), origin, _bytes(leaf), note
            )
        )
    paths = {_plain(keys) for keys, _ in tree.leaves_with_path(params)}
    arrays += [
        TransferredArray("dropped", _above(path, paths), "", _text(path), _bytes(leaf))
        for number, (path, leaf) in enumerate(old.leaves)
        if number not in used
    ]
    structure = tree.structure(made, is_leaf=lambda x: isinstance(x, QuantizedArray))
    return StateTransfer(structure.unflatten(leaves), tuple(arrays))


def _bytes(leaf: Any) -> int:
    return sum(state_bytes(leaf).values())


# ---- leaves and their places -------------------------------------------------------


class _Cell(NamedTuple):
    """A leaf of the new state.

    Attributes:
        path: its keys.
        leaf: as `init` made it.
        home: path of the innermost state that it is in.
        slot: class and field of that state.
    """

    path: Plain
    leaf: Any
    home: Plain
    slot: str

    @property
    def key(self) -> Plain:
        """Field and path of the parameter, by which the leaf is sought."""
        return self.path[len(self.home) :]

    @property
    def is_count(self) -> bool:
        """Whether it is a state's count of steps."""
        if len(self.key) != 1 or isinstance(self.leaf, QuantizedArray):
            return False
        type = _type(self.leaf)
        return type.shape == () and jnp.issubdtype(type.dtype, jnp.integer)


def _cells(state: Any, of_params: set[type]) -> Iterator[_Cell]:
    def below(path: Any, node: Any, home: Plain, slot: str) -> Iterator[_Cell]:
        packed = isinstance(node, QuantizedArray)
        children = None if packed else children_of(path, node)
        if children is None:
            yield _Cell(_plain(path), node, home, slot)
            return
        is_state = is_named_tuple(node) and type(node) not in of_params
        for child_path, child in children:
            if is_state:
                name = getattr(child_path[-1], "name", "")
                home, slot = _plain(path), f"{type(node).__name__}.{name}"
            yield from below(child_path, child, home, slot)

    return below((), state, (), "others")


def _named_tuples(params: Any) -> set[type]:
    """Classes in the parameters, which are no states."""
    found = set()

    def visit(node: Any) -> None:
        found.add(type(node))
        for _, child in children_of((), node) or ():
            visit(child)

    visit(params)
    return {one for one in found if issubclass(one, tuple)}


class _Leaf(NamedTuple):
    path: Plain
    leaf: Any


class _Stored:
    """The leaves of the stored state, found by how their paths end."""

    def __init__(self, state: Any) -> None:
        pairs = tree.leaves_with_path(state, is_leaf=_is_packed)
        self.leaves = [_Leaf(_plain(keys), leaf) for keys, leaf in pairs]
        self._by_end: dict[Plain, list[int]] = defaultdict(list)
        for number, (path, _) in enumerate(self.leaves):
            for start in range(len(path) + 1):
                self._by_end[path[start:]].append(number)

    def ending(self, key: Plain) -> dict[Plain, int]:
        """Numbers of leaves by what of their paths comes before the key."""
        numbers = self._by_end.get(key, [])
        paths = [self.leaves[number].path for number in numbers]
        return {
            path[: len(path) - len(key)]: number
            for path, number in zip(paths, numbers, strict=True)
        }


def _plain(keys: Any) -> Plain:
    """Keys as they are, whether of a named tuple or of the dict it was stored as."""
    return tuple(
        next(
            getattr(key, name) for name in ("key", "idx", "name") if hasattr(key, name)
        )
        for key in keys
    )


def _text(path: Plain) -> str:
    return "/".join(map(str, path))


def _above(path: Plain, params: set[Plain]) -> str:
    """A path without that of the parameter it ends with."""
    starts = range(1, len(path))
    return _text(next((path[:i] for i in starts if path[i:] in params), path))


# ---- what fits ---------------------------------------------------------------------


def _sources(
    cells: Sequence[_Cell], old: _Stored, fresh: Sequence[str]
) -> list[int | str]:
    """For each leaf, the number of the stored one, or why there is none."""
    states: dict[Plain, list[int]] = defaultdict(list)
    for number, cell in enumerate(cells):
        states[cell.home].append(number)
    found: dict[int, int | str] = {}
    for home, members in states.items():
        wanted = [i for i in members if cells[i].slot.split(".")[-1] not in fresh]
        own = _sources_of_state(home, [cells[i] for i in wanted], old)
        found |= dict(zip(wanted, own, strict=True))
    return [found.get(i, "one of `fresh`") for i in range(len(cells))]


def _sources_of_state(
    home: Plain, cells: Sequence[_Cell], old: _Stored
) -> list[int | str]:
    candidates = [old.ending(cell.key) for cell in cells]
    # Of several stored states with such a field, the one that has most of the others.
    votes = Counter(before for ends in candidates for before in ends)
    found = [
        _source(cell, ends, votes, old)
        for cell, ends in zip(cells, candidates, strict=True)
    ]
    if any(cell.is_count for cell in cells):
        missing = [
            (cell, reason)
            for cell, reason in zip(cells, found, strict=True)
            if isinstance(reason, str)
        ]
        if missing:
            cell, reason = missing[0]
            anew = f"anew, as {_text(cell.key)} is {reason}"
            return [one if isinstance(one, str) else anew for one in found]
    return found


def _source(
    cell: _Cell, ends: Mapping[Plain, int], votes: Mapping[Plain, int], old: _Stored
) -> int | str:
    if not ends:
        return "not stored"
    # Of equally good ones, that in the same place.
    rank = {before: (votes[before], before == cell.home) for before in ends}
    best = [ends[before] for before in ends if rank[before] == max(rank.values())]
    first = old.leaves[best[0]].leaf
    if not all(_is_equal(first, old.leaves[number].leaf) for number in best[1:]):
        return "stored more than once"
    return _misfit(first, cell.leaf) or best[0]


def _is_equal(a: Any, b: Any) -> bool:
    """Whether two leaves are the same number."""
    return jnp.ndim(a) == jnp.ndim(b) == 0 and bool(a == b)


def _misfit(stored: Any, leaf: Any) -> str:
    """How the types differ, if no conversion is right."""
    new = _type(leaf.largest if isinstance(leaf, QuantizedArray) else leaf)
    shape = leaf.shape if isinstance(leaf, QuantizedArray) else new.shape
    if _is_packed(stored):
        blocks, size = _codes(stored).shape
        fits = blocks == -(-math.prod(shape) // size) and _is_float(new)
        return "" if fits else f"stored in {blocks} blocks of 8 bits"
    old = _type(stored)
    kinds = (jnp.floating, jnp.complexfloating, jnp.integer)
    alike = old.dtype == new.dtype or any(
        jnp.issubdtype(old.dtype, kind) and jnp.issubdtype(new.dtype, kind)
        for kind in kinds
    )
    return "" if old.shape == shape and alike else f"stored as {type_text(stored)}"


def _type(leaf: Any) -> Any:
    """What tells shape and dtype; an array or a key does so itself."""
    return leaf if hasattr(leaf, "dtype") else typeof(leaf)


def _is_float(type: Any) -> bool:
    return jnp.issubdtype(type.dtype, jnp.floating)


# ---- conversions -------------------------------------------------------------------


def _is_packed(leaf: Any) -> bool:
    """Whether it is an array in 8 bits, or the dict that a checkpoint has for one."""
    if isinstance(leaf, QuantizedArray):
        return True
    names = leaf.keys() if isinstance(leaf, dict) else ()
    return {"codes", "largest"} == set(names) and _codes(leaf).dtype.itemsize == 1


def _codes(packed: Any) -> Any:
    return packed.codes if isinstance(packed, QuantizedArray) else packed["codes"]


def _converted(number: int, stored: Any, leaf: Any) -> tuple[Any, str]:
    """A stored leaf in the form of the new one, and what was changed."""
    if _is_packed(stored):
        largest = stored["largest"] if isinstance(stored, dict) else stored.largest
        codes = jnp.asarray(_codes(stored))
        packed = QuantizedArray(codes, jnp.asarray(largest), leaf.shape, leaf.dtype)
        if not isinstance(leaf, QuantizedArray):
            return dequantized(packed), "unpacked from 8 bits"
        if codes.dtype == leaf.codes.dtype:
            return packed, ""
        stored = dequantized(packed)
    if isinstance(leaf, QuantizedArray):
        key = random.fold_in(random.key(0), number)
        positive = leaf.codes.dtype == "uint8"
        wide = jnp.asarray(stored, leaf.dtype)
        return quantized(wide, key, non_negative=positive), "packed into 8 bits"
    old, new = _type(stored).dtype, _type(leaf).dtype
    if jnp.issubdtype(old, dtypes.prng_key):
        return stored, ""
    if old == new:
        return jnp.asarray(stored), ""
    return jnp.asarray(stored, new), f"cast from {old}"
