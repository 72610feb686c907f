"""Packing a tree of parameters."""

from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, typeof

from ._masking import label_leaves
from ._packed import Layout, Packed, check_not_packed


def pack(params: Any, groups: Any = None, *, multiple_of: int = 1) -> Packed:
    """Lays the arrays of a tree out in one buffer for each dtype and group.

    Train what it returns in place of the tree: differentiate ``loss(packed.unpack())``
    by ``packed``, and give `init` and `update` packed trees. Elementwise optimizers
    then run a few kernels, however many arrays there are; all others see the arrays
    themselves, so that results are those of the tree. Masks and labels (`masked`,
    `partition`, `freeze`, weight decay) take buffers whose arrays all have the same
    label: pass the labels as `groups`.

    Args:
        params: tree of arrays.
        groups: labels of arrays that are to lie together, a tree like `params` or a
            prefix of it, or a function to such a tree, like `labels_by_path`.
        multiple_of: fill buffers up with zeros to a multiple of so many elements, so
            that the devices of a mesh can share them evenly (`shard_state`).

    Raises:
        TypeError: `params` is packed already.
        ValueError: the labels are no prefix of `params`, or `multiple_of` is no
            positive integer.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> packed = pack({"w": jnp.ones((2, 2)), "b": jnp.zeros(2)})
        >>> optimizer = optim.sgd(0.5)
        >>> grads = dc.grad(lambda p: jnp.sum(p.unpack()["w"] ** 2))(packed)
        >>> updates, state = optimizer.update(grads, optimizer.init(packed), packed)
        >>> optim.apply_updates(packed, updates).unpack()["w"]
        Array([[0., 0.],
               [0., 0.]], dtype=float32)
    """
    check_not_packed("pack", "`params`", params)
    if not isinstance(multiple_of, int) or multiple_of < 1:
        raise ValueError(
            extend.error_message(
                f"pack: multiple_of must be a positive integer, got {multiple_of!r}."
            )
        )
    leaves, structure = tree.flatten(params)
    labels: Sequence[Any] = [None] * len(leaves)
    if groups is not None:
        labels = label_leaves("pack", "groups", groups, params)
    names = [
        str(typeof(leaf).dtype) if label is None else f"{label}: {typeof(leaf).dtype}"
        for leaf, label in zip(leaves, labels, strict=True)
    ]
    buffers = {name: index for index, name in enumerate(dict.fromkeys(names))}
    homes = tuple(buffers[name] for name in names)
    shapes = tuple(tuple(jnp.shape(leaf)) for leaf in leaves)
    layout = Layout(structure, tuple(buffers), homes, shapes, multiple_of)
    return layout.pack(params)
