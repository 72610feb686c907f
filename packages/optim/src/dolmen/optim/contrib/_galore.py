"""GaLore: moments of gradients in the few directions that matter most."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, typeof

from .._adam import scale_by_adam
from .._chain import chain
from .._choosing import either
from .._counts import safe_increment, zero_count
from .._engine import accumulator_dtype, strong
from .._masking import label_leaves
from .._scaling import scale_by_learning_rate
from .._transformation import GradientTransformation, ScalarOrSchedule
from .._trees import check_real_floating, check_structures
from .._weight_decay import add_decayed_weights


class GaLoreDimensionNumbers(NamedTuple):
    """Which axes of an array make the two of a matrix.

    Attributes:
        reduction_axis: axis or axes of the rows.
        output_axis: axis or axes of the columns.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.GaLoreDimensionNumbers(0, (1, 2))  # [embedding, heads, features]
        GaLoreDimensionNumbers(reduction_axis=0, output_axis=(1, 2))
    """

    reduction_axis: Sequence[int] | int = 0
    output_axis: Sequence[int] | int = 1


class GaLoreState(NamedTuple):
    """State of `scale_by_galore`.

    Attributes:
        count: steps done, an int32 scalar.
        base_optimizer_state: of the transformation inside, in the smaller shapes.
        projector: a matrix with orthonormal columns for each matrix, and one of shape
            ``(0, 0)`` for each other parameter.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> state = contrib.scale_by_galore(rank=2).init(jnp.ones((8, 6)))
        >>> state.projector.shape, state.base_optimizer_state.mu.shape
        ((8, 2), (2, 6))
    """

    count: Any
    base_optimizer_state: Any
    projector: Any


def scale_by_galore(
    rank: int = 128,
    update_proj_gap: int = 200,
    scale: Any = 1.0,
    base_optimizer: GradientTransformation | None = None,
    weight_dimension_numbers: Any = None,
) -> GradientTransformation:
    """Lets another scaling work on a low-rank projection of matrices.

    The longer side of a matrix is projected to its `rank` strongest singular vectors,
    taken from a gradient now and then, so that state is smaller by that much.

    Args:
        rank: of the projection; a side that is shorter is kept whole.
        update_proj_gap: how many steps share singular vectors.
        scale: factor of the updates of matrices.
        base_optimizer: a scaling that needs no parameters; by default `scale_by_adam`.
        weight_dimension_numbers: tree of `GaLoreDimensionNumbers`, and of None for
            parameters that are left whole, or a function of the parameters to one; or
            one `GaLoreDimensionNumbers` for all parameters with at least two axes. By
            default parameters with two axes are matrices.

    Raises:
        ValueError: `rank` or `update_proj_gap` is not positive; by `init`: the axes
            given are not those of a parameter.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_galore(1, base_optimizer=optim.identity())
        >>> grads = jnp.array([[3.0, 0.0], [0.0, 2.0]])
        >>> updates, _ = transform.update(grads, transform.init(grads))
        >>> jnp.abs(jnp.round(updates, 3))
        Array([[3., 0.],
               [0., 0.]], dtype=float32)

    Source: Zhao et al. (2024), arXiv:2403.03507. There the shorter side is projected;
    here, as in Optax, the longer.
    """
    name = "scale_by_galore"
    for argument, value in (("rank", rank), ("update_proj_gap", update_proj_gap)):
        if value < 1:
            raise ValueError(
                extend.error_message(
                    f"{name}: `{argument}` must be at least 1, got {value}."
                )
            )
    base = scale_by_adam() if base_optimizer is None else base_optimizer

    def layouts(values: Any) -> tuple["_Layout | None", ...]:
        numbers = _dimension_numbers(weight_dimension_numbers, values)
        return tuple(
            None if one is None else _layout(leaf, one, rank)
            for leaf, one in zip(tree.leaves(values), numbers, strict=True)
        )

    def init(params: Any) -> GaLoreState:
        check_real_floating(name, "`params`", params)
        leaves, structure = tree.flatten(params)
        projectors, small = [], []
        for leaf, layout in zip(leaves, layouts(params), strict=True):
            dtype = typeof(leaf).dtype
            shape = jnp.shape(leaf) if layout is None else layout.small_shape
            projectors.append(_zeros(layout, dtype))
            small.append(jnp.zeros(shape, dtype))
        base_state = base.init(structure.unflatten(small))
        return GaLoreState(zero_count(), base_state, structure.unflatten(projectors))

    def update(
        updates: Any, state: GaLoreState, params: Any = None
    ) -> tuple[Any, GaLoreState]:
        leaves, structure = tree.flatten(updates)
        leaves = list(map(strong, leaves))
        known = layouts(updates)
        _check(structure, known, state.projector)
        is_due = state.count % update_proj_gap == 0
        old = tree.leaves(state.projector)
        projectors = [
            p if layout is None else _projector(g, p, layout, is_due)
            for g, p, layout in zip(leaves, old, known, strict=True)
        ]
        small = [
            g if layout is None else layout.projected(g, p)
            for g, p, layout in zip(leaves, projectors, known, strict=True)
        ]
        made, base_state = base.update(
            structure.unflatten(small), state.base_optimizer_state
        )
        full = [
            u if layout is None else scale * layout.back(u, p)
            for u, p, layout in zip(tree.leaves(made), projectors, known, strict=True)
        ]
        count = safe_increment(state.count)
        return structure.unflatten(full), GaLoreState(
            count, base_state, structure.unflatten(projectors)
        )

    return GradientTransformation(init, update)


def galore(
    learning_rate: ScalarOrSchedule,
    rank: int = 128,
    update_proj_gap: int = 200,
    scale: Any = 1.0,
    base_optimizer: GradientTransformation | None = None,
    weight_decay: Any = 0.0,
    mask: Any = None,
    weight_dimension_numbers: Any = None,
) -> GradientTransformation:
    """Adam, or another scaling, with the state of low-rank matrices.

    Args:
        learning_rate: a number or a schedule.
        rank: see `scale_by_galore`.
        update_proj_gap: see `scale_by_galore`.
        scale: see `scale_by_galore`.
        base_optimizer: see `scale_by_galore`.
        weight_decay: times the parameter, added to the update.
        mask: which parameters decay, see `add_decayed_weights`.
        weight_dimension_numbers: see `scale_by_galore`.

    Raises:
        ValueError: see `scale_by_galore`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.galore(0.1, rank=2)
        >>> params = {"kernel": jnp.ones((8, 6)), "bias": jnp.ones(6)}
        >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
        >>> updates["kernel"].shape
        (8, 6)

    Source: Zhao et al. (2024), arXiv:2403.03507.
    """
    return chain(
        scale_by_galore(
            rank, update_proj_gap, scale, base_optimizer, weight_dimension_numbers
        ),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


# ---- matrices and their projections ------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """How an array is a matrix, and its projection."""

    order: tuple[int, ...]
    turned: tuple[int, ...]
    rows: int
    columns: int
    rank: int

    @property
    def is_tall(self) -> bool:
        return self.rows >= self.columns

    @property
    def projector_shape(self) -> tuple[int, int]:
        return max(self.rows, self.columns), self.rank

    @property
    def small_shape(self) -> tuple[int, int]:
        if self.is_tall:
            return self.rank, self.columns
        return self.rows, self.rank

    def matrix(self, x: Any) -> Any:
        return jnp.transpose(x, self.order).reshape(self.rows, self.columns)

    def projected(self, x: Any, projector: Any) -> Any:
        x = self.matrix(x)
        pair = (projector.T, x) if self.is_tall else (x, projector)
        return jnp.matmul(*pair, precision="highest")

    def back(self, x: Any, projector: Any) -> Any:
        projector = projector.astype(jnp.promote_types(x.dtype, projector.dtype))
        pair = (projector, x) if self.is_tall else (x, projector.T)
        full = jnp.matmul(*pair, precision="highest").reshape(self.turned)
        inverse = sorted(range(len(self.order)), key=self.order.__getitem__)
        return jnp.transpose(full, inverse)


def _zeros(layout: _Layout | None, dtype: Any = None) -> Any:
    """The projector before the first step; an empty one for leaves left whole."""
    return jnp.zeros((0, 0) if layout is None else layout.projector_shape, dtype)


def _check(structure: Any, layouts: Sequence[_Layout | None], projector: Any) -> None:
    known = [(0, 0) if one is None else one.projector_shape for one in layouts]
    given = [jnp.shape(leaf) for leaf in tree.leaves(projector)]
    if (structure, known) != (tree.structure(projector), given):
        check_structures(
            "scale_by_galore",
            ("projectors of `updates`", structure.unflatten(map(_zeros, layouts))),
            ("`state.projector`", projector),
            "Make the state with `init` from the parameters of these gradients.",
        )


def _projector(g: Any, old: Any, layout: _Layout, is_due: Any) -> Any:
    """Strongest singular vectors of the longer side, or those that were."""

    def found() -> Any:
        matrix = layout.matrix(g).astype(accumulator_dtype(g))
        left, _, right = jnp.linalg.svd(matrix, full_matrices=False)
        vectors = left if layout.is_tall else right.T
        return vectors[:, : layout.rank].astype(old.dtype)

    return either(is_due, found, lambda: strong(old))


def _layout(leaf: Any, numbers: GaLoreDimensionNumbers, rank: int) -> _Layout:
    shape = jnp.shape(leaf)
    given = [(a,) if isinstance(a, int) else tuple(a) for a in numbers]
    sides = [tuple(a + len(shape) if a < 0 else a for a in axes) for axes in given]
    order = (*sides[0], *sides[1])
    if sorted(order) != list(range(len(shape))) or not all(sides):
        raise ValueError(
            extend.error_message(
                f"scale_by_galore: all axes of a leaf of shape {shape} must be in one "
                f"of {numbers.reduction_axis} and {numbers.output_axis}.",
                "Pass GaLoreDimensionNumbers for it in a tree, or None to leave it "
                "whole.",
            )
        )
    rows, columns = (math.prod(shape[a] for a in axes) for axes in sides)
    turned = tuple(shape[a] for a in order)
    return _Layout(order, turned, rows, columns, min(rank, rows, columns))


@dataclass(frozen=True)
class _Numbers:
    """`GaLoreDimensionNumbers` or None as a leaf of a tree."""

    numbers: GaLoreDimensionNumbers | None


def _is_numbers(x: Any) -> bool:
    return x is None or isinstance(x, GaLoreDimensionNumbers)


def _dimension_numbers(
    given: Any, values: Any
) -> tuple[GaLoreDimensionNumbers | None, ...]:
    """Those of every leaf, None for leaves that are left whole."""
    ranks = [jnp.ndim(leaf) for leaf in tree.leaves(values)]
    if given is None:
        return tuple(GaLoreDimensionNumbers() if n == 2 else None for n in ranks)
    if isinstance(given, GaLoreDimensionNumbers):
        return tuple(given if n >= 2 else None for n in ranks)
    if callable(given):
        given = given(values)
    wrapped = tree.map(_Numbers, given, is_leaf=_is_numbers)
    name = "weight_dimension_numbers"
    found = label_leaves("scale_by_galore", name, wrapped, values)
    return tuple(one.numbers for one in found)
