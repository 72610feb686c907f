"""Where a jitted function runs, and how it is compiled: what the user said about both.

On a single device a sharding says no more than which device; its tree is checked all
the same, so that a program written for several devices fails where it is wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _backend
from .._backend import pytree
from .._ir import message, type_error
from .._ops._sharding import constrained
from .._tracing import as_sharding
from .._transforms._trees import name_of, path_text, spread_prefix


class Placement:
    """The devices that jitted code runs on, from what the user said about them.

    Attributes:
        device: the one device, or None for those of the arguments or of a mesh.
        key: equal for equal placements.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        in_shardings: Any = None,
        out_shardings: Any = None,
        device: Any = None,
        backend: str | None = None,
    ) -> None:
        self._fun = fun
        self._in = in_shardings
        self._out = out_shardings
        if device is not None and backend is not None:
            raise ValueError(
                message(
                    f"jit of {name_of(fun)}: device={device} and backend={backend!r} "
                    "are both given.",
                    "Give the device only.",
                )
            )
        if backend is not None:
            device = _first_device(fun, backend)
        named = {} if device is None else {device: "device"}
        on_mesh = None
        for what, tree in (
            ("in_shardings", in_shardings),
            ("out_shardings", out_shardings),
        ):
            for path, leaf in pytree.PUBLIC.flatten_with_path(tree)[0]:
                place = what + path_text(path)
                if isinstance(leaf, _backend.PartitionSpec):  # of a mesh to come
                    on_mesh = on_mesh or place
                    continue
                sharding = as_sharding(leaf, f"jit of {name_of(fun)}: {place}")
                if isinstance(sharding, _backend.NamedSharding):
                    on_mesh = on_mesh or place
                else:
                    named.setdefault(sharding._device, place)
        if len(named) > 1:
            raise ValueError(
                message(
                    f"jit of {name_of(fun)}: a program runs on one device, but\n"
                    + "\n".join(
                        f"  {place} names {where}" for where, place in named.items()
                    ),
                    "Name the same device everywhere, or lay the program out over a "
                    "mesh of them with `NamedSharding`.",
                )
            )
        if named and on_mesh:
            [(where, place)] = named.items()
            raise ValueError(
                message(
                    f"jit of {name_of(fun)}: {place} names the device {where}, "
                    f"{on_mesh} a mesh.",
                    "Lay everything out over the mesh; `PartitionSpec()` puts a copy "
                    "on each device.",
                )
            )
        self._on_mesh = on_mesh is not None
        self.device = next(iter(named), None)
        self.key = (self.device, *map(_hashable, (in_shardings, out_shardings)))

    def of_arguments(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any] | None:
        """How each leaf of the dynamic arguments is laid out; None for all: as it is.

        Raises:
            ValueError: `in_shardings` is no prefix of the dynamic arguments, or
                arguments are passed by name.
        """
        if self._in is None:
            return None
        if isinstance(self._in, _ONE_FOR_ALL):
            found = self._spread("in_shardings", self._in, (args, kwargs))
        elif kwargs:
            raise ValueError(
                message(
                    f"jit of {name_of(self._fun)}: in_shardings is a tree over the "
                    f"positional arguments, but {', '.join(map(repr, kwargs))} came by "
                    "name.",
                    "Pass every argument by position.",
                )
            )
        else:
            found = self._spread("in_shardings", self._in, args)
        return found if self._on_mesh else None

    def of_result(self, result: Any) -> list[Any] | None:
        """How each leaf of the result is laid out; None for all: as it is computed.

        Raises:
            ValueError: `out_shardings` is no prefix of the result.
        """
        if self._out is None:
            return None
        found = self._spread("out_shardings", self._out, result)
        return found if self._on_mesh else None

    def _spread(self, what: str, prefix: Any, full: Any) -> list[Any]:
        function = f"jit of {name_of(self._fun)}"
        spread = spread_prefix(
            prefix, full, f"{function}: {what}", name=what, leaf="a sharding"
        )
        return [
            None if given is None else as_sharding(given, f"{function}: {place}")
            for place, given in spread
        ]


# What stands for a whole tree.
_ONE_FOR_ALL = (_backend.Sharding, _backend.PartitionSpec, _backend.Device)


def constrained_leaves(
    values: Sequence[Any], shardings: Sequence[Any] | None
) -> Sequence[Any]:
    """Traced values, laid out by the shardings that there are."""
    if shardings is None:
        return values
    return [
        value if sharding is None else constrained(value, sharding)
        for value, sharding in zip(values, shardings, strict=True)
    ]


def checked_options(function: str, options: Any) -> tuple[tuple[str, Any], ...]:
    """Options of the compiler as sorted pairs.

    Raises:
        TypeError: they are no mapping from names to numbers, booleans and strings.
    """
    if options is None:
        return ()
    kinds = str, bool, int, float
    if not isinstance(options, Mapping) or not all(
        isinstance(name, str) and isinstance(value, kinds)
        for name, value in options.items()
    ):
        raise type_error(
            f"{function}: compiler_options must be a mapping from names to numbers, "
            f"booleans and strings, got {options!r:.80}.",
            "Write `compiler_options={'xla_cpu_enable_fast_math': True}`.",
        )
    return tuple(sorted(options.items()))


def _hashable(tree: Any) -> Any:
    leaves, treedef = pytree.PUBLIC.flatten(tree)
    return tuple(leaves), treedef


def _first_device(fun: Callable[..., Any], backend: str) -> Any:
    names = {backend, {"cuda": "gpu"}.get(backend, backend)}
    found = [d for d in _backend.devices() if d.platform in names]
    if not found:
        raise RuntimeError(
            message(
                f"jit of {name_of(fun)}: there is no backend {backend!r}; this process "
                f"runs on {_backend.client().platform!r}.",
            )
        )
    return found[0]
