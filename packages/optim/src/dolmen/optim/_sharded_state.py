"""Optimizer states that the devices of a mesh share among them."""

import math
from typing import Any, NamedTuple

from dolmen.core import extend, lax, tree
from dolmen.core.sharding import NamedSharding, PartitionSpec as P, get_mesh

from ._packed import takes_packed
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)

_WHOLE = P()


def shard_state(
    inner: GradientTransformation,
    axis: str = "data",
    *,
    specs: Any = None,
    mesh: Any = None,
    smallest: int = 1024,
) -> GradientTransformationExtraArgs:
    """Spreads the state over the axis of a mesh along which batches are split.

    Devices that train on different parts of a batch hold the same parameters. Without
    it they all hold the same moments too, and all compute the same update. With it each
    holds, and updates, its part of them: gradients are summed where their part of the
    state is, and the finished updates are given to all. Results are the same up to the
    order in which gradients are summed, in a state of ``1 / mesh.shape[axis]`` the
    bytes.

    An array is split along its largest dimension that divides evenly and is not split
    already; where there is none, it stays as it is. Packed trees are split as buffers:
    give `pack` a number of elements to fill them up to (``multiple_of``).

    Args:
        inner: any transformation.
        axis: name of the axis of the mesh.
        specs: how the parameters themselves are laid out, if not whole on each device:
            a tree of `PartitionSpec`, a prefix of the parameters; None for whole.
        mesh: None for the current one (`dolmen.core.set_mesh`) of each call.
        smallest: arrays of fewer elements stay whole.

    Returns:
        A transformation whose functions lay out what they return, in `jit` and outside.

    Raises:
        ValueError: (at the call) there is no current mesh, or it has no such axis;
            `specs` is no prefix of the parameters.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.shard_state(optim.adam(1e-3))
        >>> with dc.set_mesh(dc.make_mesh((1,), ("data",))):  # all there are, say
        ...     state = optimizer.init({"w": jnp.ones((64, 32))})
        >>> state[0].mu["w"].sharding.spec
        P('data')

    Source: Rajbhandari et al. (2020), ZeRO, arXiv:1910.02054 (stage 1).
    """
    inner = with_extra_args_support(inner)

    def shares() -> _Shares:
        return _Shares(_mesh_with(axis, mesh), axis, smallest)

    def layouts(params: Any) -> Any:
        """A specification for each parameter."""

        def below(spec: Any, part: Any) -> Any:
            return tree.map(lambda _: spec or _WHOLE, part)

        prefix = _WHOLE if specs is None else specs
        return tree.map(below, prefix, params, is_leaf=lambda spec: spec is None)

    def spread_state(ours: _Shares, state: Any, like: Any) -> Any:
        if specs is None:
            return tree.map(ours.part, state)
        from .tree import map_params  # which training seldom needs

        return map_params(
            inner,
            ours.part,
            state,
            like,
            transform_non_params=lambda rest: tree.map(ours.part, rest),
        )

    @takes_packed
    def init(params: Any) -> Any:
        return spread_state(shares(), inner.init(params), layouts(params))

    @takes_packed
    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, Any]:
        ours, like = shares(), layouts(updates)
        updates = tree.map(ours.part, updates, like)
        if params is not None:
            params = tree.map(ours.part, params, like)
        updates, state = inner.update(updates, state, params, **extra_args)
        return tree.map(ours.laid_out, updates, like), spread_state(ours, state, like)

    return GradientTransformationExtraArgs(init, update)


def _mesh_with(axis: str, mesh: Any) -> Any:
    """The mesh, by default the current one, which must have this axis."""
    found = get_mesh() if mesh is None else mesh
    if found is None:
        raise ValueError(
            extend.error_message(
                "shard_state: there is no current mesh.",
                "Call it in a `with set_mesh(mesh):` block, or pass `mesh`.",
            )
        )
    if axis not in found.axis_names:
        raise ValueError(
            extend.error_message(
                f"shard_state: axis {axis!r} is none of {found!r}.",
                "Name the axis along which batches are split.",
            )
        )
    return found


class _Shares(NamedTuple):
    """How the devices along an axis of a mesh share arrays."""

    mesh: Any
    axis: str
    smallest: int

    def laid_out(self, x: Any, spec: Any) -> Any:
        """An array laid out by a specification."""
        return lax.with_sharding_constraint(x, NamedSharding(self.mesh, spec))

    def part(self, x: Any, spec: Any = _WHOLE) -> Any:
        """An array that has this layout but for the axis, split over that as well."""
        if not hasattr(x, "shape"):
            return x
        return self.laid_out(x, self._split(spec, x.shape))

    def _split(self, spec: Any, shape: tuple[int, ...]) -> Any:
        """A specification that also splits the best dimension over the axis."""
        parts = list(spec)
        parts += [None] * (len(shape) - len(parts))
        count = self.mesh.shape[self.axis]
        whole = [
            (size, -index)
            for index, size in enumerate(shape)
            if parts[index] is None and size % count == 0
        ]
        if not whole or math.prod(shape) < self.smallest:
            return spec
        _, index = max(whole)
        parts[-index] = self.axis
        while parts[-1] is None:  # as the compiler writes it
            parts.pop()
        return P(*parts)
