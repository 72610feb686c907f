"""From what is stored to what was asked for: strict matching by typed path."""

from __future__ import annotations

from typing import Any

from . import _leaves
from ._errors import TreeMismatchError
from ._format import Leaf, ValueLeaf
from ._read import Checkpoint, read_arrays
from ._structure import Path, Structure, build, descend, path_text, paths

__all__ = ["restore"]


def restore(checkpoint: Checkpoint, like: Any) -> Any:
    """The stored tree, in the containers and leaf kinds of `like` if it is not None.

    Raises:
        TreeMismatchError: `like` differs in leaves, shapes or dtypes.
        CorruptCheckpointError: stored bytes are damaged.
    """
    manifest = checkpoint.manifest
    if like is None:
        whole = _Stored(checkpoint, read_arrays(checkpoint))
        return whole.subtree(manifest.structure)
    structure, wanted = _leaves.flatten(like)
    found = _match(checkpoint, list(paths(structure)), wanted)
    stored = _Stored(checkpoint, read_arrays(checkpoint))
    pairs = zip(found, wanted, strict=True)
    return _leaves.rebuild(like, (stored.subtree(part, leaf) for part, leaf in pairs))


class _Stored:
    """Leaves by number; hands each array over once, so that it can be freed."""

    def __init__(self, checkpoint: Checkpoint, arrays: list[Any]):
        self._leaves = checkpoint.manifest.leaves
        self._arrays = arrays

    def subtree(self, structure: Structure, like: Any = ...) -> Any:
        """The tree under `structure`, its leaves of the kind of `like`, if any."""

        def leaf(number: int) -> Any:
            array, self._arrays[number] = self._arrays[number], None
            return _leaves.restore(self._leaves[number], array, like)

        return build(structure, leaf)


def _match(
    checkpoint: Checkpoint, wanted_paths: list[tuple[Path, int]], wanted: list[Any]
) -> list[Structure]:
    """What is stored for each leaf of `like`.

    Everything is compared before anything is read, so that one error can list all
    differences.
    """
    manifest = checkpoint.manifest
    stored = dict(paths(manifest.structure))
    found, missing, different = [], [], []
    for path, number in wanted_paths:
        if wanted[number] is ...:
            below = descend(manifest.structure, path)
            if below is None:
                missing.append(f"  missing: {path_text(path)}")
                continue
            for taken, _ in paths(below, path):
                stored.pop(taken, None)
            found.append(below)
            continue
        record = _leaves.describe(wanted[number])
        leaf_number = stored.pop(path, None)
        if record is None:
            kind = _leaves.type_text(wanted[number])
            different.append(f"  not storable: {path_text(path)} is {kind} in `like`")
        elif leaf_number is None:
            missing.append(f"  missing: {path_text(path)}, {leaf_text(record)}")
        else:
            found.append(leaf_number)
            leaf = manifest.leaves[leaf_number]
            different += _leaf_differences(path, record, leaf)
    extra = [
        f"  extra: {path_text(path)}, {leaf_text(manifest.leaves[number])}"
        for path, number in stored.items()
    ]
    differences = (*missing, *extra, *different)
    if differences:
        raise TreeMismatchError(
            f"{checkpoint.function}: the checkpoint at {checkpoint.directory} and "
            f"`like` differ in {len(differences)} "
            f"place{'s' if len(differences) > 1 else ''}:\n"
            + "\n".join(differences)
            + "\nMissing leaves are not in the checkpoint, extra ones not in `like`. "
            "`tree(path)` shows what is stored; `...` in `like` takes whatever is "
            "stored there.",
            tuple(line.strip() for line in differences),
        )
    return found


def _leaf_differences(path: Path, wanted: Leaf, stored: Leaf) -> list[str]:
    """The line that says how one leaf differs; none if it does not."""
    aspect = _aspect(wanted, stored)
    if aspect is None:
        return []
    return [
        f"  {aspect}: {path_text(path)} is {leaf_text(stored)} in the checkpoint, "
        f"{leaf_text(wanted)} in `like`"
    ]


def _aspect(wanted: Leaf, stored: Leaf) -> str | None:
    if isinstance(wanted, ValueLeaf) or isinstance(stored, ValueLeaf):
        return None if leaf_text(wanted) == leaf_text(stored) else "kind"
    if (wanted.kind == "key") != (stored.kind == "key"):
        return "kind"
    if (wanted.dtype, wanted.impl) != (stored.dtype, stored.impl):
        return "dtype"
    return None if wanted.shape == stored.shape else "shape"


def leaf_text(leaf: Leaf) -> str:
    """A leaf's type in a message: ``f32[4,3]``, ``key<threefry2x32>[]``, ``int``."""
    if isinstance(leaf, ValueLeaf):
        if leaf.kind == "scalar":
            return f"numpy.{leaf.value.dtype}"
        return "None" if leaf.kind == "none" else leaf.kind
    if leaf.kind == "key":
        return f"key<{leaf.impl}>{_shape_text(leaf.shape[:-1])}"
    short = leaf.dtype.replace("bfloat", "bf").replace("float", "f")
    short = short.replace("uint", "u").replace("int", "i").replace("complex", "c")
    return f"{short}{_shape_text(leaf.shape)}"


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
