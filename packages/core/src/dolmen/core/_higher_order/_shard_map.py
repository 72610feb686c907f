"""The primitive of `shard_map`: a program that each device runs on its own part."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import (
    NamedSharding,
    PartitionSpec,
    axes_of_part,
    indices,
    part_of,
    whole_of,
)
from .._ir import ArrayType, Primitive, Program, Variable, is_ordered, value_error
from .._ops import _shape
from .._ops._arithmetic import div
from .._ops._creation import full_like
from .._ops._varying import vary
from .._tracing import (
    NamedAxis,
    batched_axis,
    bind,
    binding_axes,
    evaluate,
    record_closed,
    typeof,
)
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    tangent_type,
    transpose_linearized,
    vmap,
    with_tangents,
)
from .._transforms._collectives import sum_over

Specs = tuple[PartitionSpec, ...]


class ShardMap(Primitive):
    """Runs `program` on each device of `mesh`, on its part of the arguments.

    Attributes:
        program: from parts of the arguments to parts of the results.
        in_specs: how each argument is split over the axes.
        out_specs: how the parts make up each result.
        axes: the axes of the mesh over which it is done by hand; the compiler goes on
            dividing the work along the others.
        tracks: whether types say over which axes values vary.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    program: Program
    mesh: Any
    in_specs: Specs
    out_specs: Specs
    axes: frozenset[str]
    tracks: bool

    @property
    def effects(self) -> frozenset[str]:
        return self.program.effects

    @property
    def shardings(self) -> tuple[Any, ...]:
        return (NamedSharding(self.mesh, PartitionSpec()),)

    @property
    def binds_axes(self) -> frozenset[Any]:
        return self.axes

    @property
    def argument_types(self) -> Sequence[ArrayType]:
        return [t.with_varying(t.varying - self.axes) for t in self.program.in_types]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        types = self.program.out_types
        pairs = zip(types, self.out_specs, strict=True)
        return [self.whole_type(type, spec) for type, spec in pairs]

    def whole_type(self, type: ArrayType, spec: Any) -> ArrayType:
        """The type of an array of whose parts this is the type."""
        shape = whole_of(NamedSharding(self.mesh, spec), type.shape)
        return type.with_shape(shape).with_varying(type.varying - self.axes)

    def _like(self, program: Program, in_specs: Specs, out_specs: Specs) -> "ShardMap":
        return dataclasses.replace(
            self, program=program, in_specs=in_specs, out_specs=out_specs
        )

    def _inside(self, function: Callable[..., Any], types: Sequence[Any]) -> Program:
        """A function of parts as a program."""
        with binding_axes(named_axes_of(self.mesh, self.axes, tracks=self.tracks)):
            return record_closed(function, types)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents)
        program, out_active = jvp_program(self.program, active)
        made = self._like(
            program,
            (*self.in_specs, *_chosen(self.in_specs, active)),
            (*self.out_specs, *_chosen(self.out_specs, out_active)),
        )
        flat = bind(made, *primals, *(t for t in tangents if t is not None))
        return with_tangents(flat, out_active)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return _linearized(self, arg_types, active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        named = batched_axis()
        over = axes_of_part(named.spmd_name) if named is not None else ()
        here = tuple(name for name in over if name in self.axes)
        size //= math.prod(self.mesh.shape[name] for name in here)
        program, out_axes = batch_program(self.program, tuple(axes), size)
        if here and self.tracks:
            program = self._varying_batch(program, axes, out_axes, frozenset(here))
        made = self._like(
            program,
            _with_batch(self.in_specs, axes, here),
            _with_batch(self.out_specs, out_axes, here),
        )
        return bind(made, *args), out_axes

    def _varying_batch(
        self,
        program: Program,
        axes: Sequence[int | None],
        out_axes: Sequence[int | None],
        over: frozenset[str],
    ) -> Program:
        """`program` with batches that vary over the axes that split them."""

        def run(*parts: Any) -> list[Any]:
            outs = evaluate(program, parts)
            return [
                out if axis is None else vary(out, over)
                for out, axis in zip(outs, out_axes, strict=True)
            ]

        types = [
            type if axis is None else type.with_varying(type.varying | over)
            for type, axis in zip(program.in_types, axes, strict=True)
        ]
        return self._inside(run, types)

    def in_order(self, names: frozenset[Any]) -> tuple[str, ...]:
        """Those of its axes, in the order of the mesh."""
        mine = names & self.axes
        return tuple([name for name in self.mesh.axis_names if name in mine])

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        # All devices at once, as the lanes of a `vmap` for each axis of the mesh.
        def lanes(*parts: Any) -> list[Any]:
            return evaluate(self.program, parts)

        for name in reversed(self.in_order(self.axes)):
            lanes = vmap(lanes, axis_name=name)
        stacked = [
            self._stacked(np.asarray(arg), spec)
            for arg, spec in zip(args, self.in_specs, strict=True)
        ]
        run(record_closed(lanes, [typeof(x) for x in stacked]), stacked, "all devices")

    def _stacked(self, whole: np.ndarray, spec: Any) -> np.ndarray:
        """The part of each device, along leading axes for those of the mesh."""
        layout = NamedSharding(self.mesh, spec)
        parts = [whole[index] for _, index in indices(layout, whole.shape)]
        made = np.stack(parts).reshape(*self.mesh.devices.shape, *parts[0].shape)
        # Along the other axes of the mesh all have the same.
        names = self.mesh.axis_names
        return made[tuple([slice(None) if n in self.axes else 0 for n in names])]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        if is_ordered(self.effects) and self.mesh.size > 1:
            raise value_error(
                f"shard_map of {self.program.name}: ordered effects have no order on "
                f"{self.mesh.size} devices.",
                "Leave out `ordered=True`.",
            )
        return builder.run_on_parts(
            self.program, args, self.mesh, self.axes, self.in_specs, self.out_specs
        )


def named_axes_of(
    mesh: Any, names: frozenset[str], *, tracks: bool
) -> tuple[NamedAxis, ...]:
    """Axes of a mesh, for collectives to refer to."""
    return tuple(
        [
            NamedAxis(name, size, varies=tracks)
            for name, size in mesh.shape_tuple
            if name in names
        ]
    )


def axes_in(spec: Any) -> frozenset[str]:
    """The axes that a specification names."""
    return frozenset(name for part in spec for name in axes_of_part(part))


def _chosen(specs: Specs, mask: Sequence[bool]) -> Specs:
    return tuple(spec for spec, on in zip(specs, mask, strict=True) if on)


def _with_batch(specs: Specs, axes: Sequence[int | None], over: Sequence[str]) -> Specs:
    """Specifications of arrays with one more axis."""

    def one(spec: Any, axis: int | None) -> Any:
        if axis is None:
            return spec
        parts = [*spec, *[None] * (axis - len(spec))]
        parts.insert(axis, tuple(over) or None)
        return PartitionSpec(*parts)

    return tuple(one(spec, axis) for spec, axis in zip(specs, axes, strict=True))


# ---- reverse mode --------------------------------------------------------------------


def _linearized(
    whole: ShardMap, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
) -> Linearization:
    """Split the program, and run either part on the devices.

    What the linear part needs crosses from one to the other as an array of which each
    device has its row, along the axes over which it varies.
    """
    inner = linearize_program(whole.program, active)
    count = len(inner.active_outs)
    inputs = {v: i for i, v in enumerate(inner.primal.inputs)}
    residuals = inner.primal.outputs[count:]
    # An argument is there anyway, under its own specification.
    from_args = [
        inputs.get(atom) if isinstance(atom, Variable) else None for atom in residuals
    ]
    pairs = zip(inner.residual_types, from_args, strict=True)
    made = [type for type, i in pairs if i is None]
    over = [_varying_axes(whole, type) for type in made]
    made_specs = tuple(PartitionSpec(names or None) for names in over)

    def forward(*args: Any) -> list[Any]:
        flat = evaluate(inner.primal, args)
        kept = zip(flat[count:], from_args, strict=True)
        rows = [_shape.expand_dims(r, (0,)) for r, i in kept if i is None]
        return [*flat[:count], *rows]

    primal = whole._like(
        whole._inside(forward, whole.program.in_types),
        whole.in_specs,
        (*whole.out_specs, *made_specs),
    )
    primal.program.name = whole.program.name

    def run_primal(*args: Any) -> list[Any]:
        flat = bind(primal, *args)
        rows = iter(flat[count:])
        return [
            *flat[:count],
            *(next(rows) if i is None else args[i] for i in from_args),
        ]

    specs = iter(made_specs)
    residual_specs = tuple(
        next(specs) if i is None else whole.in_specs[i] for i in from_args
    )
    rest = iter(made)
    residual_types = [
        _row(next(rest)) if i is None else whole.program.in_types[i] for i in from_args
    ]

    def opened(values: Sequence[Any]) -> list[Any]:
        return [
            _shape.squeeze(value, (0,)) if i is None else value
            for value, i in zip(values, from_args, strict=True)
        ]

    primal_program = record_closed(run_primal, list(arg_types))
    outer_residuals = primal_program.out_types[count:]
    in_types = _chosen_types(whole.program.in_types, active)
    in_specs = _chosen(whole.in_specs, active)
    out_specs = _chosen(whole.out_specs, inner.active_outs)
    out_types = _chosen_types(whole.program.out_types, inner.active_outs)
    num = len(residuals)

    def tangent() -> Program:
        def push(*flat: Any) -> list[Any]:
            return list(inner.push(opened(flat[:num]), flat[num:]))

        linear = whole._like(
            whole._inside(push, [*residual_types, *in_types]),
            (*residual_specs, *in_specs),
            out_specs,
        )
        types = _chosen_types(arg_types, active)
        return record_closed(
            lambda *flat: bind(linear, *flat), [*outer_residuals, *types]
        )

    def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        produced: tuple[bool, ...] = ()
        ct_specs = _chosen(out_specs, given)

        def pull(*flat: Any) -> list[Any]:
            nonlocal produced
            cts = [
                _share(whole, ct, spec)
                for ct, spec in zip(flat[num:], ct_specs, strict=True)
            ]
            found, produced = inner.pull(opened(flat[:num]), given, cts)
            specs = _chosen(in_specs, produced)
            return [_total(whole, ct, s) for ct, s in zip(found, specs, strict=True)]

        ct_types = [t for t, g in zip(out_types, given, strict=True) if g]
        program = whole._inside(pull, [*residual_types, *ct_types])
        backward = whole._like(
            program, (*residual_specs, *ct_specs), _chosen(in_specs, produced)
        )
        outer = [whole.whole_type(*p) for p in zip(ct_types, ct_specs, strict=True)]
        made = record_closed(
            lambda *flat: bind(backward, *flat), [*outer_residuals, *outer]
        )
        return made, produced

    return Linearization(primal_program, tangent, transposed, active, inner.active_outs)


def _chosen_types(types: Sequence[ArrayType], mask: Sequence[bool]) -> list[ArrayType]:
    return [tangent_type(t) for t, on in zip(types, mask, strict=True) if on]


def _row(type: ArrayType) -> ArrayType:
    return type.with_shape((1, *type.shape))


def _varying_axes(whole: ShardMap, type: ArrayType) -> tuple[str, ...]:
    """The axes over which a value inside may differ."""
    return whole.in_order(type.varying if whole.tracks else whole.axes)


def _unmentioned(whole: ShardMap, spec: Any) -> tuple[str, ...]:
    return whole.in_order(whole.axes - axes_in(spec))


def _share(whole: ShardMap, ct: Any, spec: Any) -> Any:
    """The cotangent of a result on one device.

    Where types don't say which values are equal on all devices, each device that has
    the result gets an equal share.
    """
    names = () if whole.tracks else _unmentioned(whole, spec)
    copies = math.prod(whole.mesh.shape[name] for name in names)
    return ct if copies == 1 else div(ct, full_like(ct, copies))


def _total(whole: ShardMap, ct: Any, spec: Any) -> Any:
    """The cotangent of an argument, from those of the devices."""
    if whole.tracks:
        return vary(ct, axes_in(spec))
    names = _unmentioned(whole, spec)
    return sum_over(ct, names) if names else ct


def local_types(
    types: Sequence[ArrayType], specs: Sequence[Any], mesh: Any, *, tracks: bool
) -> list[ArrayType]:
    """Types of the parts of arrays that split evenly."""
    made = []
    for type, spec in zip(types, specs, strict=True):
        part = type.with_shape(part_of(NamedSharding(mesh, spec), type.shape))
        varying = type.varying | axes_in(spec) if tracks else type.varying
        made.append(part.with_varying(varying))
    return made
