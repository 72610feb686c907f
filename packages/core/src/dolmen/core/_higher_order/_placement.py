"""Where a jitted function runs, and how it is compiled: what the user said about both.

On a single device a sharding says no more than which device; its tree is checked all
the same, so that a program written for several devices fails where it is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .. import _backend
from .._backend import pytree
from .._ir import message, type_error
from .._transforms._trees import broadcast_prefix, name_of


class Placement:
    """The device that jitted code runs on, from what the user said about it.

    Attributes:
        device: the device, or None for that of the arguments.
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
        for what, tree in (
            ("in_shardings", in_shardings),
            ("out_shardings", out_shardings),
        ):
            for path, leaf in pytree.PUBLIC.flatten_with_path(tree)[0]:
                place = what + "".join(map(str, path))
                named.setdefault(self._device_of(place, leaf), place)
        if len(named) > 1:
            raise ValueError(
                message(
                    f"jit of {name_of(fun)}: a program runs on one device, but\n"
                    + "\n".join(
                        f"  {place} names {where}" for where, place in named.items()
                    ),
                    "Name the same device everywhere.",
                )
            )
        self.device = next(iter(named), None)
        self.key = (self.device, *map(_hashable, (in_shardings, out_shardings)))

    def _device_of(self, place: str, leaf: Any) -> Any:
        if isinstance(leaf, _backend.SingleDeviceSharding):
            return leaf._device
        raise TypeError(
            message(
                f"jit of {name_of(self._fun)}: {place} must be a "
                f"`SingleDeviceSharding` or None, got {leaf!r:.80}.",
                "Write `SingleDeviceSharding(device)` for a device.",
            )
        )

    def check_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise unless `in_shardings` is a prefix of the dynamic arguments.

        Raises:
            ValueError: it is not, or arguments are passed by name.
        """
        if self._in is None or isinstance(self._in, _backend.Sharding):
            return
        if kwargs:
            raise ValueError(
                message(
                    f"jit of {name_of(self._fun)}: in_shardings is a tree over the "
                    f"positional arguments, but {', '.join(map(repr, kwargs))} came by "
                    "name.",
                    "Pass every argument by position.",
                )
            )
        self._check("in_shardings", self._in, args)

    def check_result(self, result: Any) -> None:
        """Raise unless `out_shardings` is a prefix of the result.

        Raises:
            ValueError: it is not.
        """
        if self._out is not None:
            self._check("out_shardings", self._out, result)

    def _check(self, what: str, prefix: Any, full: Any) -> None:
        leaves, prefix_tree = pytree.PUBLIC.flatten(prefix)
        broadcast_prefix(
            prefix_tree.unflatten([0] * len(leaves)),
            pytree.BOUNDARY.flatten(full)[1],
            full,
            f"jit of {name_of(self._fun)}: {what}",
            leaf="a sharding",
        )


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
    found = [d for d in _backend.devices() if d.platform == backend]
    if not found:
        raise RuntimeError(
            message(
                f"jit of {name_of(fun)}: there is no backend {backend!r}; this process "
                f"runs on {_backend.client().platform!r}.",
            )
        )
    return found[0]
