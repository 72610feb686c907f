"""Functions as bytes that outlive the program, its version and its machine.

An exported function is a StableHLO module for each of some platforms, with the trees
and types of its arguments and results. `call` runs it, in programs too.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core import export
    >>> exported = export.export(dc.jit(lambda x: {"y": jnp.sin(x)}))(jnp.ones(3))
    >>> stored = exported.serialize(vjp_order=1)
    >>> again = export.deserialize(stored)
    >>> again.call(jnp.zeros(3))
    {'y': Array([0., 0., 0.], dtype=float32)}
    >>> dc.grad(lambda x: again.call(x)["y"].sum())(jnp.zeros(3))
    Array([1., 1., 1.], dtype=float32)
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

from ._backend import NamedSharding, _ffi, _portable, lowering_platform, pytree
from ._higher_order import ShapeDtypeStruct, custom_vjp, jit
from ._higher_order._exported import CallExported
from ._higher_order._serialize import describe, described_type
from ._higher_order._stages import Traced
from ._ir import ArrayType, message, type_error, value_error
from ._lowering import lower, mlir
from ._tracing import bind, closed, constraints, evaluate, present, typeof
from ._transforms import tangent_type, vjp
from ._transforms._trees import flatten, flatten_with_path, path_text

__all__ = [
    "DisabledSafetyCheck",
    "Exported",
    "default_export_platform",
    "deserialize",
    "export",
    "maximum_supported_calling_convention_version",
    "minimum_supported_calling_convention_version",
    "register_namedtuple_serialization",
    "register_pytree_node_serialization",
]
__dir__ = __all__.copy

minimum_supported_calling_convention_version = 1
maximum_supported_calling_convention_version = 1

_MAGIC = b"dolmen-exported-1\n"
_PLATFORMS = ("cpu", "cuda", "tpu")


@dataclasses.dataclass(frozen=True)
class DisabledSafetyCheck:
    """A check that is left out; made by `platform` and `custom_call`."""

    what: str

    @classmethod
    def platform(cls) -> "DisabledSafetyCheck":
        """Run on platforms that it was not exported for."""
        return cls("platform")

    @classmethod
    def custom_call(cls, target_name: str) -> "DisabledSafetyCheck":
        """Export a call of a function that was registered with `ffi`.

        Args:
            target_name: under which name.
        """
        return cls(f"custom_call:{target_name}")

    def is_custom_call(self) -> str | None:
        """The name of the function that may be called, if it is about one."""
        kind, _, name = self.what.partition(":")
        return name if kind == "custom_call" else None


@dataclasses.dataclass(frozen=True)
class Exported:
    """A function that was exported.

    Attributes:
        fun_name: its name.
        in_tree: tree of its arguments, a pair `(args, kwargs)`.
        in_avals: types of their leaves.
        out_tree: tree of its results.
        out_avals: types of their leaves.
        platforms: those that it was exported for.
        disabled_safety_checks: checks that are left out.
    """

    fun_name: str
    in_tree: Any
    in_avals: tuple[ArrayType, ...]
    out_tree: Any
    out_avals: tuple[ArrayType, ...]
    platforms: tuple[str, ...]
    disabled_safety_checks: tuple[DisabledSafetyCheck, ...]
    _modules: tuple[bytes, ...] = dataclasses.field(repr=False)
    _get_vjp: Callable[[], "Exported"] | None = dataclasses.field(repr=False)
    _state: dict[str, Any] = dataclasses.field(
        repr=False, compare=False, default_factory=dict
    )

    nr_devices = 1
    calling_convention_version = maximum_supported_calling_convention_version

    @property
    def mlir_module_serialized(self) -> bytes:
        """The module for the first platform, in StableHLO's portable form."""
        return self._modules[0]

    def mlir_module(self) -> str:
        """The module for the first platform, as text."""
        with mlir.lock:
            return str(_portable.from_portable(self._modules[0]))

    def has_vjp(self) -> bool:
        """Whether it can be differentiated."""
        return self._get_vjp is not None

    def vjp(self) -> "Exported":
        """The function of reverse mode.

        Returns:
            An exported function of the leaves of the arguments and the cotangents of
            the floating-point (and complex) results, to the cotangents of the arguments
            of such types.

        Raises:
            ValueError: it was stored without.
        """
        if self._get_vjp is None:
            raise value_error(
                f"the exported function {self.fun_name} was stored without derivative.",
                "Write `exported.serialize(vjp_order=1)`, or more for higher ones.",
            )
        if "vjp" not in self._state:
            self._state["vjp"] = self._get_vjp()
        return self._state["vjp"]

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, or make it part of a program.

        Raises:
            ValueError: arguments have another tree, shape or dtype than those it was
                exported for; or it was not exported for this platform.
        """
        leaves, tree = flatten((args, kwargs))
        if tree != self.in_tree:
            raise value_error(
                f"call of the exported function {self.fun_name}: it was exported for "
                f"arguments of the tree {self.in_tree}, got {tree}."
            )
        wrong = [
            f"  {'args' if path[0].idx == 0 else 'kwargs'}{path_text(path[1:])}: "
            f"expected {wanted!r}, got {typeof(leaf)!r}"
            for (path, leaf), wanted in zip(
                flatten_with_path((args, kwargs))[0], self.in_avals, strict=True
            )
            if (typeof(leaf).shape, typeof(leaf).dtype) != (wanted.shape, wanted.dtype)
        ]
        if wrong:
            raise value_error(
                f"call of the exported function {self.fun_name}: arguments differ from "
                "those it was exported for:\n" + "\n".join(wrong),
                "Convert them, or export the function for these.",
            )
        run = self._state.get("run")
        if run is None:
            run = self._state["run"] = self._runner()
        return self.out_tree.unflatten(run(*leaves))

    def _runner(self) -> Callable[..., Any]:
        """A function of leaves, with its derivative if it has one."""
        anywhere = DisabledSafetyCheck.platform() in self.disabled_safety_checks
        modules = tuple(zip(self.platforms, self._modules, strict=True))
        primitive = CallExported(self.fun_name, modules, self.out_avals, anywhere)

        def plain(*leaves: Any) -> tuple[Any, ...]:
            return tuple(bind(primitive, *leaves))

        if self._get_vjp is None:
            return jit(plain, inline=True)

        def forward(*leaves: Any) -> Any:
            return run(*leaves), leaves  # which can be differentiated again

        def backward(leaves: Any, cotangents: Any) -> Any:
            given = [
                ct
                for ct, type in zip(cotangents, self.out_avals, strict=True)
                if type.is_differentiable
            ]
            found = iter(self.vjp().call(*leaves, *given))
            return tuple(
                [next(found) if t.is_differentiable else None for t in self.in_avals]
            )

        run: Any = custom_vjp(plain)
        run.defvjp(forward, backward)
        return jit(lambda *leaves: run(*leaves), inline=True)

    def serialize(self, vjp_order: int = 0) -> bytearray:
        """As bytes.

        Args:
            vjp_order: how often what is read back can be differentiated, backwards.

        Raises:
            ValueError: a container among arguments or results has no name to be stored
                under; or it was itself read from bytes with fewer derivatives.
        """
        inner = bytes(self.vjp().serialize(vjp_order - 1)) if vjp_order > 0 else b""
        about = {
            "name": self.fun_name,
            "arguments": _described(self.in_tree, self.fun_name),
            "in": list(map(describe, self.in_avals)),
            "results": _described(self.out_tree, self.fun_name),
            "out": list(map(describe, self.out_avals)),
            "platforms": self.platforms,
            "checks": [check.what for check in self.disabled_safety_checks],
            "modules": [len(module) for module in self._modules],
            "vjp": len(inner),
        }
        header = json.dumps(about).encode()
        parts = (_MAGIC, len(header).to_bytes(8, "little"), header)
        return bytearray(b"".join([*parts, *self._modules, inner]))


def default_export_platform() -> str:
    """The platform of this process: `cpu`, `cuda` or `tpu`.

    Example:
        >>> from dolmen.core import export
        >>> export.default_export_platform() in ("cpu", "cuda", "tpu")
        True
    """
    return lowering_platform()


def export(
    fun_jit: Callable[..., Any],
    *,
    platforms: Sequence[str] | None = None,
    disabled_checks: Sequence[DisabledSafetyCheck] = (),
) -> Callable[..., Exported]:
    """Export a function.

    Args:
        fun_jit: a function made by `jit`.
        platforms: some of `cpu`, `cuda` and `tpu`; by default that of this process.
        disabled_checks: checks to leave out.

    Returns:
        A function of arguments, or of `ShapeDtypeStruct`s instead of arrays, that
        exports `fun_jit` for their types.

    Raises:
        TypeError: `fun_jit` is not made by `jit`.
        ValueError: a platform is unknown.
    """
    if not hasattr(fun_jit, "trace"):
        raise type_error(
            f"export: expected a function made by `jit`, got {fun_jit!r:.60}.",
            "Write `export(jit(f))`.",
        )
    chosen = tuple(platforms) if platforms is not None else (default_export_platform(),)
    unknown = [name for name in chosen if name not in _PLATFORMS]
    if unknown or not chosen:
        raise value_error(
            f"export: platforms must be some of {', '.join(_PLATFORMS)}, got "
            f"{platforms!r:.60}."
        )

    def exported(*args: Any, **kwargs: Any) -> Exported:
        made: Any = fun_jit
        return _exported(made.trace(*args, **kwargs), chosen, tuple(disabled_checks))

    return exported


def _exported(
    traced: Traced,
    platforms: tuple[str, ...],
    checks: tuple[DisabledSafetyCheck, ...],
) -> Exported:
    found = traced._traced
    name = traced.fun_name
    if found.stateful:
        raise value_error(
            f"export of {name}: it uses refs from outside.",
            "Pass their values in, and give new ones back.",
        )
    if found.program.effects:
        raise value_error(
            f"export of {name}: it calls Python while it runs, which can't be stored.",
            "Leave out callbacks, `debug.print` and checks.",
        )
    laid_out = [isinstance(held, NamedSharding) for held in traced._arguments.held]
    if constraints(found.program) or any(laid_out):
        raise value_error(
            f"export of {name}: it is laid out over several devices.",
            "Export it for one; lay arguments and results out where it is called.",
        )
    program = closed(found.program, present(found.captures))
    modules = []
    allowed = {check.is_custom_call() for check in checks}
    for platform in platforms:
        module = lower(program, keep_unused=True, platform=platform, keep_calls=False)
        if module.host_callbacks:
            raise value_error(
                f"export of {name}: it calls Python while it runs, which can't be "
                "stored.",
                "Leave out `pure_callback` and what is computed by SciPy on the host.",
            )
        with mlir.lock:
            mine = _ffi.user_targets.intersection(
                _portable.custom_call_targets(module.operation)
            )
            modules.append(_portable.portable(module.operation))
        for target in sorted(mine - allowed):
            raise value_error(
                f"export of {name}: it calls {target!r}, registered with `ffi`, of "
                "which nobody knows whether it is the same elsewhere.",
                "If it is, pass `disabled_checks=[DisabledSafetyCheck.custom_call("
                f"{target!r})]`.",
            )
    in_types: Any = traced._arguments.types
    out_types = tuple(traced._out_types)

    def get_vjp() -> Exported:
        inside = [type.is_differentiable for type in in_types]

        def backward(*flat: Any) -> tuple[Any, ...]:
            leaves, cts = list(flat[: len(in_types)]), flat[len(in_types) :]
            smooth = [x for x, on in zip(leaves, inside, strict=True) if on]

            def forward(*smooth: Any) -> list[Any]:
                rest = iter(smooth)
                full = [
                    next(rest) if on else x
                    for x, on in zip(leaves, inside, strict=True)
                ]
                outs = evaluate(program, full)
                return [o for o in outs if typeof(o).is_differentiable]

            return tuple(vjp(forward, *smooth)[1](list(cts)))

        backward.__name__ = f"vjp_{name}"
        cts = [tangent_type(type) for type in out_types if type.is_differentiable]
        specs = [ShapeDtypeStruct(t.shape, t.dtype) for t in (*in_types, *cts)]
        return _exported(jit(backward).trace(*specs), platforms, checks)

    return Exported(
        name,
        traced.in_tree,
        in_types,
        traced.out_tree,
        out_types,
        platforms,
        checks,
        tuple(modules),
        get_vjp,
    )


# ---- bytes ---------------------------------------------------------------------------


def deserialize(blob: bytes | bytearray) -> Exported:
    """The function that `Exported.serialize` made the bytes of.

    Args:
        blob: the bytes.

    Raises:
        ValueError: they are something else, damaged, or of a later version; or a
            container has no class registered under its name.
    """
    data = bytes(blob)
    if not data.startswith(_MAGIC):
        raise value_error(
            "deserialize: these are no bytes of an exported function of this version; "
            f"they begin with {data[:20]!r}."
        )
    start = len(_MAGIC) + 8
    end = start + int.from_bytes(data[start - 8 : start], "little")
    try:
        about = json.loads(data[start:end])
        sizes = [*about["modules"], about["vjp"]]
    except (ValueError, KeyError):
        raise _damaged("what describes the function can't be read") from None
    parts = []
    for size in sizes:
        parts.append(data[end : end + size])
        end += size
    if end != len(data):
        raise _damaged(f"there are {len(data)} bytes, expected {end}")
    *modules, inner = parts

    def types(key: str) -> tuple[ArrayType, ...]:
        return tuple([described_type(each, "deserialize") for each in about[key]])

    return Exported(
        about["name"],
        _tree(about["arguments"]),
        types("in"),
        _tree(about["results"]),
        types("out"),
        tuple(about["platforms"]),
        tuple(map(DisabledSafetyCheck, about["checks"])),
        tuple(modules),
        (lambda: deserialize(inner)) if inner else None,
    )


def _damaged(how: str) -> ValueError:
    return ValueError(
        message(
            f"deserialize: the bytes of the exported function are damaged: {how}.",
            "Store them again.",
        )
    )


# ---- trees ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Node:
    """A class of containers that a name stands for."""

    cls: type
    data_to_bytes: Callable[[Any], bytes]
    data_from_bytes: Callable[[bytes], Any]
    from_children: Callable[[Any, Any], Any] | None


_by_name: dict[str, _Node] = {}
_names: dict[type, str] = {}


def register_namedtuple_serialization(nodetype: type, *, serialized_name: str) -> type:
    """Let exported functions take and give a class of named tuples.

    Args:
        nodetype: the class.
        serialized_name: the name that it is stored under; readers register theirs under
            the same.

    Returns:
        The class.

    Raises:
        TypeError: it is no class of named tuples.
        ValueError: class or name are registered already.

    Example:
        >>> import collections
        >>> from dolmen.core import export
        >>> Point = collections.namedtuple("Point", "x y")
        >>> _ = export.register_namedtuple_serialization(
        ...     Point, serialized_name="example.Point")
    """
    fields = getattr(nodetype, "_fields", None)
    if fields is None or not issubclass(nodetype, tuple):
        raise type_error(
            "register_namedtuple_serialization: expected a class of named tuples, got "
            f"{nodetype!r:.60}."
        )
    _register(
        serialized_name,
        _Node(
            nodetype,
            lambda data: b"",
            lambda data: None,
            lambda data, children: nodetype(*children),
        ),
    )
    return nodetype


def register_pytree_node_serialization(
    nodetype: type,
    *,
    serialized_name: str,
    serialize_auxdata: Callable[[Any], bytes],
    deserialize_auxdata: Callable[[bytes], Any],
    from_children: Callable[[Any, Any], Any] | None = None,
) -> type:
    """Let exported functions take and give containers of a class.

    Args:
        nodetype: a class that `tree_util` knows as a container.
        serialized_name: the name that it is stored under; readers register theirs under
            the same.
        serialize_auxdata: from a container's static data to bytes.
        deserialize_auxdata: the way back.
        from_children: from static data and children to a container, by default that of
            `tree_util`.

    Returns:
        The class.

    Raises:
        ValueError: class or name are registered already, or `tree_util` does not know
            the class.
    """
    if not pytree.PUBLIC.is_node(nodetype):
        raise value_error(
            f"register_pytree_node_serialization: {nodetype!r} is no container.",
            "Register it first, with `tree_util.register_pytree_node`.",
        )
    made = _Node(nodetype, serialize_auxdata, deserialize_auxdata, from_children)
    _register(serialized_name, made)
    return nodetype


def _register(name: str, node: _Node) -> None:
    if name in _by_name or node.cls in _names:
        raise value_error(
            f"registration of {node.cls!r} under {name!r}: "
            + (
                f"it is registered under {_names[node.cls]!r} already."
                if node.cls in _names
                else f"{_by_name[name].cls!r} has that name."
            )
        )
    _by_name[name] = node
    _names[node.cls] = name


class _Leaf:
    """Stands for an array."""


_LEAF = _Leaf()


def _described(tree: Any, function: str) -> Any:
    """A tree definition as JSON holds it."""

    def describe(node: Any) -> Any:
        if node is _LEAF:
            return "leaf"
        cls = type(node)
        if node is None:
            return None
        if cls in (tuple, list):
            return {"kind": cls.__name__, "children": [describe(c) for c in node]}
        if cls is dict and all(type(key) is str for key in node):
            keys = sorted(node)
            return {
                "kind": "dict",
                "keys": keys,
                "children": [describe(node[k]) for k in keys],
            }
        name = _names.get(cls)
        if name is None:
            raise value_error(
                f"serialize of {function}: arguments or results are in a "
                f"{cls.__qualname__}, which has no name to be stored under.",
                "Register it, with `register_namedtuple_serialization` or "
                "`register_pytree_node_serialization`; keys of dictionaries must be "
                "strings.",
            )
        found = pytree.BOUNDARY.flatten_one_level(node)
        assert found is not None, "what is registered is a container"
        children, data = found
        return {
            "kind": "named",
            "name": name,
            "data": _by_name[name].data_to_bytes(data).hex(),
            "children": [describe(child) for child in children],
        }

    return describe(tree.unflatten([_LEAF] * tree.num_leaves))


def _tree(described: Any) -> Any:
    """The way back from `_described`."""

    def make(node: Any) -> Any:
        if node is None or node == "leaf":
            return None if node is None else _LEAF
        children = [make(child) for child in node["children"]]
        kind = node["kind"]
        if kind in ("tuple", "list"):
            return tuple(children) if kind == "tuple" else children
        if kind == "dict":
            return dict(zip(node["keys"], children, strict=True))
        known = _by_name.get(node["name"])
        if known is None:
            raise value_error(
                f"deserialize: no class is registered under {node['name']!r}.",
                "Register it here too, with `register_namedtuple_serialization` or "
                "`register_pytree_node_serialization`.",
            )
        data = known.data_from_bytes(bytes.fromhex(node["data"]))
        if known.from_children is not None:
            return known.from_children(data, children)
        return _from_registry(known.cls, data, children)

    return pytree.BOUNDARY.flatten(make(described))[1]


def _from_registry(cls: type, data: Any, children: Sequence[Any]) -> Any:
    leaf = pytree.BOUNDARY.flatten(_LEAF)[1]
    tree: Any = pytree.PyTreeDef
    node = (cls, data)
    made = tree.from_node_data_and_children(
        pytree.BOUNDARY, node, [leaf] * len(children)
    )
    return made.unflatten(children)
