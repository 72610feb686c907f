"""`shard_map`, `smap` and `pmap`: functions that each device runs on its own part."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._backend import Mesh, PartitionSpec
from .._ir import ArrayType, type_error, value_error
from .._ops import _shape
from .._ops._varying import keep_track, vary
from .._tracing import (
    Tracer,
    bind,
    binding_axes,
    check_splits,
    device_array,
    get_mesh,
    held_sharding,
    typeof,
)
from .._transforms._arguments import Callee
from .._transforms._trees import flatten, name_of, result_leaves, spread_prefix
from ._functions import check_callable, record_tree
from ._jit import jit
from ._shard_map import ShardMap, axes_in, local_types, named_axes_of


class _Infer:
    def __repr__(self) -> str:
        return "Infer"


INFER = _Infer()


def shard_map(
    f: Callable[..., Any] | None = None,
    /,
    *,
    out_specs: Any,
    in_specs: Any = INFER,
    mesh: Mesh | None = None,
    axis_names: Collection[str] = frozenset(),
    check_vma: bool = True,
) -> Any:
    """Have each device of a mesh run a function on its own part of the arguments.

    Inside, arrays have the shapes of the parts, and collectives (`lax.psum` and the
    like) exchange values between devices by the names of the mesh's axes.

    Args:
        f: a function of arrays in trees. Without it, `shard_map` returns a decorator.
        out_specs: a `PartitionSpec` for each result, or a tree of them, a prefix of
            the result: how the parts make up the whole. A result that is the same on
            all devices along an axis leaves that axis out.
        in_specs: the same for the arguments, a prefix of their tuple: how they are cut
            into parts. An axis that is left out gives all devices along it the same.
            By default arrays are cut as they lie on the mesh.
        mesh: by default the current one (`set_mesh`).
        axis_names: the axes of the mesh over which it is done, by default all. Along
            the others the compiler divides the work as usual.
        check_vma: keep track of the axes over which values vary (they are part of their
            types). Then a result that varies over an axis that its specification leaves
            out is an error, and derivatives by values that don't vary are sums over all
            devices. Without it, whoever differentiates inside has to sum.

    Returns:
        A function of whole arrays.

    Raises:
        TypeError: a specification is something else.
        ValueError: there is no mesh, a specification names an axis that is not mapped
            over, an array can't be cut evenly, or a result varies where it must not.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> mesh = dc.make_mesh((1,), ("data",))
        >>> @dc.shard_map(mesh=mesh, in_specs=dc.P("data"), out_specs=dc.P())
        ... def total(x):
        ...     return lax.psum(x.sum(), "data")
        >>> total(jnp.arange(4.0))
        Array(6., dtype=float32)
    """
    if f is None:
        return functools.partial(
            shard_map,
            out_specs=out_specs,
            in_specs=in_specs,
            mesh=mesh,
            axis_names=axis_names,
            check_vma=check_vma,
        )
    check_callable("shard_map", f=f)
    what = f"shard_map of {name_of(f)}"
    if mesh is not None and not isinstance(mesh, Mesh):
        raise type_error(
            f"{what}: expected a Mesh or None as `mesh`, got {mesh!r:.60}."
        )
    if check_vma:
        keep_track()
    compiled: dict[Any, Callable[..., Any]] = {}

    @functools.wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        args = _positional(what, f, args, kwargs)
        here = _mesh_for(what, mesh)
        axes = _axes_for(what, here, axis_names)
        specs = in_specs
        if isinstance(specs, _Infer):
            specs = _specs_of(what, args, here)
        key = here, (None if specs is in_specs else _hashable(specs))
        run = compiled.get(key)
        if run is None:
            each = _Mapped(f, what, here, axes, specs, out_specs, check_vma)
            run = compiled[key] = jit(functools.wraps(f)(each), inline=True)
        return run(*args)

    return mapped


def _positional(
    what: str, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """The arguments of a call by position, as specifications are given."""
    if not kwargs:
        return args
    bound = inspect.signature(f).bind(*args, **kwargs)
    if bound.kwargs:
        raise type_error(
            f"{what}: {', '.join(map(repr, bound.kwargs))} can be passed by name only, "
            "but specifications go by position.",
            "Bind it first, with `functools.partial`.",
        )
    return bound.args


@dataclasses.dataclass(eq=False)
class _Mapped:
    """A function that maps another over a mesh, to be traced."""

    f: Callable[..., Any]
    what: str
    mesh: Mesh
    axes: frozenset[str]
    in_specs: Any
    out_specs: Any
    tracks: bool

    def __call__(self, *args: Any) -> Any:
        leaves, tree = flatten(args)
        types = [typeof(leaf) for leaf in leaves]
        in_specs = self._spread("in_specs", self.in_specs, args, types)
        for (place, spec), type in zip(in_specs, types, strict=True):
            check_splits(
                functools.partial("{}: {} {!r}".format, self.what, place, type),
                _backend.NamedSharding(self.mesh, spec),
                type.shape,
            )
        specs = [spec for _, spec in in_specs]
        parts = local_types(types, specs, self.mesh, tracks=self.tracks)
        made: Any = None

        def run(given: tuple[Any, ...]) -> list[Any]:
            nonlocal made
            result = self.f(*given)
            outs, out_tree = result_leaves("shard_map", self.f, result)
            out_types = [typeof(out) for out in outs]
            found = self._spread("out_specs", self.out_specs, result, out_types)
            made = out_tree, tuple(spec for _, spec in found)
            return [
                self._result(out, type, *where)
                for out, type, where in zip(outs, out_types, found, strict=True)
            ]

        with binding_axes(named_axes_of(self.mesh, self.axes, tracks=self.tracks)):
            program, captures, _ = record_tree(
                "shard_map", run, [tree], parts, of=Callee(self.f)
            )
        out_tree, out_specs = made
        everywhere = (PartitionSpec(),) * len(captures)
        primitive = ShardMap(
            program,
            self.mesh,
            (*everywhere, *specs),
            out_specs,
            self.axes,
            self.tracks,
        )
        return out_tree.unflatten(bind(primitive, *captures, *leaves))

    def _spread(
        self, name: str, specs: Any, full: Any, types: Sequence[ArrayType]
    ) -> list[tuple[str, Any]]:
        """The specification of each leaf, and what messages call it."""
        found = spread_prefix(
            specs, full, f"{self.what}: {name}", name=name, leaf="a PartitionSpec"
        )
        for (place, spec), type in zip(found, types, strict=True):
            if not isinstance(spec, PartitionSpec):
                raise type_error(
                    f"{self.what}: {place} must be a PartitionSpec, got {spec!r:.60}.",
                    "Write `P()` for what all devices share, `P('name')` for what is "
                    "split along its first axis.",
                )
            if PartitionSpec.UNCONSTRAINED in tuple(spec):
                raise value_error(
                    f"{self.what}: {place} is {spec!r}; nothing can be left to the "
                    "compiler here.",
                    "Write None for an axis that is not split.",
                )
            unknown = sorted(axes_in(spec) - self.axes)
            if unknown:
                raise value_error(
                    f"{self.what}: {place} is {spec!r}, but it maps over "
                    f"{', '.join(map(repr, sorted(self.axes)))} only.",
                    f"Leave out {', '.join(map(repr, unknown))}, or add it to "
                    "`axis_names` or the mesh.",
                )
            if len(spec) > type.ndim:
                raise value_error(
                    f"{self.what}: {place} is {spec!r}, for arrays of at least "
                    f"{len(spec)} axes, got {type!r}.",
                    "Results without axes need one to be put together along: return "
                    "`x[None]`."
                    if name == "out_specs"
                    else "",
                )
        return found

    def _result(self, out: Any, type: ArrayType, place: str, spec: Any) -> Any:
        named = axes_in(spec)
        left_out = sorted(type.varying & self.axes - named)
        if left_out:
            over = ", ".join(map(repr, left_out))
            raise value_error(
                f"{self.what}: {place} is {spec!r}, for a result that is the same on "
                f"all devices along {over}, but {type!r} varies over {over}.",
                f"Add up or gather its values (`lax.psum(x, {left_out[0]!r})`), name "
                f"{over} in its specification to get them all, or pass "
                "`check_vma=False` if you know that they are equal.",
            )
        return vary(out, named) if self.tracks else out


def _mesh_for(what: str, mesh: Mesh | None) -> Mesh:
    here = mesh if mesh is not None else get_mesh()
    if here is None:
        raise value_error(
            f"{what}: there is no mesh.",
            "Pass `mesh=`, or put the call in a `with set_mesh(mesh):` block.",
        )
    return here


def _axes_for(what: str, mesh: Mesh, names: Collection[str]) -> frozenset[str]:
    chosen = frozenset((names,) if isinstance(names, str) else names)
    unknown = sorted(map(str, chosen.difference(mesh.axis_names)))
    if unknown:
        raise value_error(
            f"{what}: `axis_names` has {', '.join(map(repr, unknown))}, but the axes "
            f"of the mesh are {', '.join(map(repr, mesh.axis_names))}."
        )
    return chosen or frozenset(mesh.axis_names)


def _specs_of(what: str, args: tuple[Any, ...], mesh: Mesh) -> Any:
    """How arguments lie on the mesh."""
    leaves, tree = flatten(args)

    def spec(leaf: Any) -> Any:
        held: Any = None if isinstance(leaf, Tracer) else held_sharding(leaf)
        if getattr(held, "mesh", None) == mesh:
            return held.spec
        raise value_error(
            f"{what}: `in_specs` is not given, and an argument {typeof(leaf)!r} is "
            + ("traced" if isinstance(leaf, Tracer) else "not laid out over the mesh")
            + ", so that nothing says how to cut it.",
            "Pass `in_specs=`, a PartitionSpec for each argument.",
        )

    return tree.unflatten([spec(leaf) for leaf in leaves])


def _hashable(specs: Any) -> Any:
    leaves, tree = flatten(specs)
    return tuple(leaves), tree


def smap(
    f: Callable[..., Any] | None = None,
    /,
    *,
    in_axes: Any = INFER,
    out_axes: Any,
    axis_name: str,
) -> Any:
    """`shard_map` over one axis of the current mesh, told by numbers of axes.

    Args:
        f: a function of arrays in trees. Without it, `smap` returns a decorator.
        in_axes: for each argument the axis that is cut, None for one that all devices
            share; or a tree of them, a prefix of the arguments' tuple.
        out_axes: the same for the result.
        axis_name: the axis of the mesh.

    Returns:
        A function of whole arrays.

    Raises:
        TypeError: an axis is no integer.
        ValueError: as for `shard_map`.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> share = dc.smap(lambda x: x / lax.psum(x.sum(), "data"), in_axes=0,
        ...                 out_axes=0, axis_name="data")
        >>> with dc.set_mesh(dc.make_mesh((1,), ("data",))):
        ...     share(jnp.array([1.0, 3.0]))
        Array([0.25, 0.75], dtype=float32)
    """
    if f is None:
        return functools.partial(
            smap, in_axes=in_axes, out_axes=out_axes, axis_name=axis_name
        )
    check_callable("smap", f=f)
    what = f"smap of {name_of(f)}"
    if not isinstance(axis_name, str):
        raise type_error(
            f"{what}: expected a string as `axis_name`, got {axis_name!r}."
        )
    inferred = isinstance(in_axes, _Infer)
    return shard_map(
        f,
        in_specs=in_axes
        if inferred
        else _as_specs(what, "in_axes", in_axes, axis_name),
        out_specs=_as_specs(what, "out_axes", out_axes, axis_name),
        axis_names={axis_name},
    )


def _as_specs(what: str, argument: str, axes: Any, name: str) -> Any:
    """A tree of numbers of axes, as specifications."""

    def spec(axis: Any) -> PartitionSpec:
        counted = isinstance(axis, int) and not isinstance(axis, bool) and axis >= 0
        if axis is not None and not counted:
            raise type_error(
                f"{what}: expected `{argument}` to be axes counted from the front or "
                f"None, got {axis!r}."
            )
        return _axis_spec(axis, name)

    return _mapped_over_axes(spec, axes)


def _mapped_over_axes(function: Callable[[Any], Any], axes: Any) -> Any:
    """`function` of each leaf of a tree in which None is a leaf too."""
    if axes is None:
        return function(None)
    leaves, tree = _backend.pytree.PUBLIC.flatten(axes, lambda axis: axis is None)
    return tree.unflatten([function(leaf) for leaf in leaves])


def pmap(
    fun: Callable[..., Any],
    axis_name: Hashable = None,
    *,
    in_axes: Any = 0,
    out_axes: Any = 0,
    static_broadcasted_argnums: int | Sequence[int] = (),
    devices: Sequence[Any] | None = None,
    backend: str | None = None,
    axis_size: int | None = None,
    donate_argnums: int | Sequence[int] = (),
) -> Any:
    """Have each device run a function on its own index of the arguments' leading axis.

    `shard_map` says more and composes better; this is here for programs that have it.

    Args:
        fun: a function of arrays in trees.
        axis_name: what collectives call the axis; a string.
        in_axes: for each argument the axis that goes, None for one that all devices
            share; or a tree of them, a prefix of the arguments' tuple.
        out_axes: where the axis goes in the results; None for one that is the same on
            all devices, of which the first device's is taken.
        static_broadcasted_argnums: positions of arguments that are not arrays.
        devices: those to run on, by default the first of this process.
        backend: name of their platform.
        axis_size: the length of the axis, if no argument has it.
        donate_argnums: positions of arguments whose buffers the results may reuse.

    Returns:
        A function of arrays with the axis; its results lie on the devices.

    Raises:
        ValueError: lengths of the axis differ, or there are fewer devices.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> dc.pmap(lambda x: x + lax.psum(1, "i"), axis_name="i")(jnp.zeros((1, 2)))
        Array([[1., 1.]], dtype=float32)
    """
    check_callable("pmap", fun=fun)
    what = f"pmap of {name_of(fun)}"
    name = "unnamed" if axis_name is None else axis_name
    if not isinstance(name, str):
        raise type_error(f"{what}: expected a string as `axis_name`, got {name!r}.")
    static = _positions(static_broadcasted_argnums)
    donated = _positions(donate_argnums)
    compiled: dict[Any, Callable[..., Any]] = {}

    @functools.wraps(fun)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        args = _positional(what, fun, args, kwargs)
        dynamic = [arg for i, arg in enumerate(args) if i not in static]
        constants = tuple([args[i] for i in static])
        places = in_axes
        if isinstance(in_axes, tuple | list):
            places = tuple([a for i, a in enumerate(in_axes) if i not in static])
        leaves, tree = flatten(tuple(dynamic))
        spread = spread_prefix(
            places,
            tuple(dynamic),
            f"{what}: in_axes",
            name="in_axes",
            leaf="an axis",
        )
        axes = [
            None
            if axis is None
            else _shape.as_axis("pmap", axis, typeof(x).ndim, place)
            for x, (place, axis) in zip(leaves, spread, strict=True)
        ]
        size = _mapped_size(what, leaves, axes, axis_size)
        mesh = _first_devices(what, size, devices, backend, name)
        key = mesh, constants, tree, tuple(axes)
        run = compiled.get(key)
        specs = [_axis_spec(axis, name) for axis in axes]
        if run is None:
            mapped_once = _Mapped(
                _on_index(fun, what, constants, static, tree, axes, out_axes),
                what,
                mesh,
                frozenset((name,)),
                tree.unflatten(specs),
                _as_specs(what, "out_axes", out_axes, name),
                tracks=False,
            )
            moved = tuple(i - sum(s < i for s in static) for i in donated)
            run = jit(functools.wraps(fun)(mapped_once), donate_argnums=moved or None)
            compiled[key] = run
        placed = [
            leaf
            if isinstance(leaf, Tracer)
            else device_array(leaf, None, _backend.NamedSharding(mesh, spec))
            for leaf, spec in zip(leaves, specs, strict=True)
        ]
        return run(*tree.unflatten(placed))

    return mapped


def _positions(given: int | Sequence[int]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)


def _axis_spec(axis: int | None, name: str) -> PartitionSpec:
    return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, name)


def _mapped_size(
    what: str, leaves: Sequence[Any], axes: Sequence[int | None], given: int | None
) -> int:
    """The length of the axis that is mapped over."""
    sizes = {
        typeof(x).shape[axis]
        for x, axis in zip(leaves, axes, strict=True)
        if axis is not None
    }
    if given is not None:
        sizes.add(given)
    if len(sizes) != 1:
        raise value_error(
            f"{what}: expected one length of the mapped axis, got "
            f"{', '.join(map(str, sorted(sizes))) or 'no argument that has it'}.",
            "Give all mapped arguments the same size there, or pass `axis_size=`.",
        )
    return sizes.pop()


def _first_devices(
    what: str,
    size: int,
    devices: Sequence[Any] | None,
    backend: str | None,
    name: str,
) -> Mesh:
    have = (
        list(devices)
        if devices is not None
        else _backend.local_devices(backend=backend)
    )
    if len(have) < size:
        raise value_error(
            f"{what}: the mapped axis is {size} long, but there are {len(have)} "
            "devices.",
            "Use `vmap` within each device for a longer axis, or more devices (on the "
            "CPU: `config.update('num_cpu_devices', n)` first).",
        )
    return Mesh(np.array(have[:size], object), (name,))


def _on_index(
    fun: Callable[..., Any],
    what: str,
    constants: tuple[Any, ...],
    static: Sequence[int],
    tree: Any,
    axes: Sequence[int | None],
    out_axes: Any,
) -> Callable[..., Any]:
    """`fun` of one index, as a function of arrays that keep the axis, of length one."""

    @functools.wraps(fun)
    def one(*dynamic: Any) -> Any:
        rows = [
            x if axis is None else _shape.squeeze(x, (axis,))
            for x, axis in zip(flatten(dynamic)[0], axes, strict=True)
        ]
        args = list(tree.unflatten(rows))
        for position, value in zip(static, constants, strict=True):
            args.insert(position, value)
        result = fun(*args)
        outs, out_tree = result_leaves("pmap", fun, result)
        spread = spread_prefix(
            out_axes, result, f"{what}: out_axes", name="out_axes", leaf="an axis"
        )
        return out_tree.unflatten(
            [
                x if axis is None else _shape.expand_dims(x, (axis,))
                for x, (_, axis) in zip(outs, spread, strict=True)
            ]
        )

    return one
