"""What gradients, updates or parameters are like, group by group."""

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._groups import path_of
from ._masking import label_leaves
from ._norms import sum_of_squares
from ._trees import check_floating


class Statistics(NamedTuple):
    """Of the elements of a group; see `statistics`.

    Attributes:
        norm: Euclidean.
        rms: root of the mean of the squares.
        largest: magnitude.
        not_finite: how many are infinite or NaN, an int32 scalar.

    Example:
        >>> from dolmen import optim
        >>> optim.statistics()({"w": [3.0, 4.0]})["w/0"].norm
        Array(3., dtype=float32)
    """

    norm: Any
    rms: Any
    largest: Any
    not_finite: Any


def statistics(labels: Any = None) -> Callable[[Any], dict[Any, Statistics]]:
    """A measure of gradients, updates or parameters in groups, for `snapshot`.

    At the beginning of a chain it sees the gradients, at the end the updates, and it
    can be called on parameters. A step computes it on its way, without another one.

    Args:
        labels: a tree of labels like the parameters or a prefix of it, or a function
            from a tree to such labels, like `labels_by_path`; None for a group of each
            parameter by itself, named by its path.

    Returns:
        A function from a tree to a dict from labels to `Statistics`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> groups = optim.labels_by_path({"**/bias": "biases", "**": "others"})
        >>> optimizer = optim.chain(
        ...     optim.snapshot("gradients", optim.statistics(groups)),
        ...     optim.adam(1e-3),
        ...     optim.snapshot("updates", optim.statistics(groups)))
        >>> params = {"kernel": jnp.ones((2, 2)), "out": {"bias": jnp.ones(3)}}
        >>> grads = {"kernel": 2 * params["kernel"], "out": {"bias": jnp.ones(3)}}
        >>> _, state = optimizer.update(grads, optimizer.init(params), params)
        >>> state[0].measurement["gradients"]["others"].norm
        Array(4., dtype=float32)
        >>> round(float(state[2].measurement["updates"]["biases"].largest), 5)
        0.001
    """

    def measure(values: Any) -> dict[Any, Statistics]:
        check_floating("statistics", "the measured tree", values)
        if labels is None:
            names = tuple(path_of(keys) for keys, _ in tree.leaves_with_path(values))
        else:
            names = label_leaves("statistics", "labels", labels, values)
        groups: dict[Any, list[Any]] = defaultdict(list)
        for name, leaf in zip(names, tree.leaves(values), strict=True):
            groups[name].append(jnp.asarray(leaf))
        return {name: _of_group(leaves) for name, leaves in groups.items()}

    return measure


@dc.jit
def _of_group(leaves: list[Any]) -> Statistics:
    square = functools.reduce(jnp.add, map(sum_of_squares, leaves))
    size = max(1, sum(leaf.size for leaf in leaves))
    largest = [jnp.max(jnp.abs(leaf), initial=0) for leaf in leaves]
    wrong = (jnp.sum(~jnp.isfinite(leaf), dtype=jnp.int32) for leaf in leaves)
    return Statistics(
        norm=jnp.sqrt(square),
        rms=jnp.sqrt(square / size),
        largest=jnp.max(jnp.stack([x.astype(square.dtype) for x in largest])),
        not_finite=functools.reduce(jnp.add, wrong),
    )
