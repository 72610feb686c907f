"""Learning rates by the place of a parameter: the depth and width of its layer."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from ._engine import strong
from ._groups import labels_by_path, path_of
from ._masking import label_leaves
from ._transformation import (
    EmptyState,
    GradientTransformation,
    init_empty_state,
)
from ._trees import check_floating, check_structures


def scale_by_depth(decay: Any, depths: Any) -> GradientTransformation:
    """Multiplies updates by ``decay**(deepest - depth)``: early layers move less.

    For fine-tuning, where early layers are right already. Belongs after the scaling of
    an optimizer such as `adam`, which would undo it.

    Args:
        decay: such as 0.8.
        depths: integers for all parameters: a mapping from patterns of paths to them,
            as `labels_by_path` takes it, or a function from a tree to a tree of them.

    Raises:
        ValueError: a pattern matches no path or a path no pattern, in `update`.

    Example:
        >>> from dolmen import optim
        >>> transform = scale_by_depth(0.5, {"embed/**": 0, "mlp/**": 1, "head/**": 2})
        >>> updates = {"embed": {"w": 1.0}, "mlp": {"w": 1.0}, "head": {"w": 1.0}}
        >>> transform.update(updates, transform.init(updates))[0]
        {'embed': {'w': Array(0.25, dtype=float32)},
            'head': {'w': Array(1., dtype=float32)},
            'mlp': {'w': Array(0.5, dtype=float32)}}

    Source: Howard and Ruder (2018), arXiv:1801.06146; Clark et al. (2020),
    arXiv:2003.10555.
    """
    labels = labels_by_path(depths) if isinstance(depths, Mapping) else depths

    def factors(updates: Any) -> list[Any]:
        found = label_leaves("scale_by_depth", "depths", labels, updates)
        deepest = max(found, default=0)
        return [decay ** (deepest - depth) for depth in found]

    return _scaled("scale_by_depth", factors)


def scale_by_width(
    base: Any,
    kind: Literal["adam", "sgd"] = "adam",
    *,
    fan_in: int = -2,
    fan_out: int = -1,
) -> GradientTransformation:
    """Multiplies updates so that one learning rate suits every width (μP).

    A learning rate found on a narrow model is right for wide ones, if updates of each
    matrix are scaled by how much wider it is. With ``n`` and ``m`` the ratios of its
    sizes in and out to those of the narrow model:

    ========  =====  =======
    kind      adam   sgd
    ========  =====  =======
    matrices  1 / n  m / n
    vectors   1      m
    ========  =====  =======

    Initial weights must follow too: those of layers whose output does not widen have a
    variance of ``1 / fan_in²`` instead of ``1 / fan_in``.

    Args:
        base: parameters of the narrow model, or descriptions of them, a tree of the
            same structure.
        kind: "adam" for updates whose size does not depend on the gradient's, as with
            `adam` and `lion`; "sgd" for those proportional to it.
        fan_in: axis of matrices along which a layer's inputs lie.
        fan_out: axis along which its outputs lie; vectors have no other.

    Raises:
        ValueError: `base` has another structure or other numbers of axes, in `update`;
            or there is no such kind.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> narrow = {"w": jnp.zeros((8, 8)), "b": jnp.zeros(8)}
        >>> transform = scale_by_width(narrow)
        >>> updates = {"w": jnp.ones((32, 32)), "b": jnp.ones(32)}
        >>> scaled, _ = transform.update(updates, transform.init(updates))
        >>> float(scaled["w"][0, 0]), float(scaled["b"][0])
        (0.25, 1.0)

    Source: Yang et al. (2022), arXiv:2203.03466, table 3.
    """
    if kind not in ("adam", "sgd"):
        raise ValueError(
            extend.error_message(
                f"scale_by_width: `kind` must be 'adam' or 'sgd', got {kind!r}."
            )
        )

    def factor(wide: tuple[int, ...], narrow: tuple[int, ...]) -> float:
        m = wide[fan_out] / narrow[fan_out] if wide else 1.0
        n = wide[fan_in] / narrow[fan_in] if len(wide) > 1 else 1.0
        return 1 / n if kind == "adam" else m / n

    def factors(updates: Any) -> list[float]:
        return [factor(*shapes) for shapes in _pairs_of_shapes(updates, base)]

    return _scaled("scale_by_width", factors)


def _pairs_of_shapes(updates: Any, base: Any) -> list[tuple[Any, Any]]:
    """Shapes of leaves that belong together.

    Raises:
        ValueError: the trees differ, or the numbers of axes do.
    """
    check_structures(
        "scale_by_width",
        ("`updates`", tree.map(lambda _: 0, updates)),
        ("`base`", tree.map(lambda _: 0, base)),
        _NARROW,
    )
    pairs = [
        (keys, jnp.shape(wide), narrow.shape)
        for (keys, wide), narrow in zip(
            tree.leaves_with_path(updates), tree.leaves(base), strict=True
        )
    ]
    wrong = [
        f"  {path_of(keys)}: {list(wide)} and {list(narrow)}"
        for keys, wide, narrow in pairs
        if len(wide) != len(narrow)
    ]
    if wrong:
        problem = (
            "scale_by_width: `updates` and `base` must have the same numbers of axes:"
        )
        raise ValueError(extend.error_message("\n".join([problem, *wrong]), _NARROW))
    return [(wide, narrow) for _, wide, narrow in pairs]


_NARROW = "Make `base` with the function that makes the parameters, but narrow."


def _scaled(name: str, factors: Callable[[Any], list[Any]]) -> GradientTransformation:
    """Multiplies each update by a number of its own."""

    def update(
        updates: Any, state: EmptyState, params: Any = None
    ) -> tuple[Any, EmptyState]:
        check_floating(name, "`updates`", updates)
        leaves, structure = tree.flatten(updates)
        pairs = zip(factors(updates), leaves, strict=True)
        return structure.unflatten([f * strong(leaf) for f, leaf in pairs]), state

    update.__qualname__ = name  # which `explain` shows
    return GradientTransformation(init_empty_state, update)
