"""On which devices a program runs, and how its arguments are laid out over them."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .. import _backend
from .._ir import Program, message, subprograms

if TYPE_CHECKING:
    from .._lowering import Partition

Names = Callable[[], Sequence[str]] | None


def partition_of(
    program: Program,
    held: Sequence[Any],
    in_shardings: Sequence[Any] | None = None,
    out_shardings: Sequence[Any] | None = None,
    names: Names = None,
) -> "Partition | None":
    """How `program` is laid out for these arguments; None if it runs on one device.

    Arguments that are on a mesh stay as they are, others are copied to every device.

    Args:
        held: what each input is committed to (`held_sharding`), None for nothing.
        in_shardings: what the user said for each input but the captures, which come
            first, None for nothing; None for all.
        out_shardings: the same for each output.
        names: gives what the inputs are called; only messages ask.

    Raises:
        ValueError: devices of two arguments differ, an argument is laid out otherwise
            than its sharding says, or an axis can't be split evenly.
    """
    inside = constraints(program)
    said = [*(in_shardings or ()), *held, *(out_shardings or ()), *inside]
    mesh = next((s.mesh for s in said if isinstance(s, _backend.NamedSharding)), None)
    if mesh is None:
        return None
    from .._lowering import Partition  # what runs on one device needs no more of it

    everywhere = _backend.whole_on(mesh)

    def input_(index: int) -> str:
        known = names() if names is not None else ()
        name = known[index] if index < len(known) else ""
        return f"{program.name}: " + (f"`{name}`" if name else f"argument {index}")

    def output(index: int) -> str:
        return f"{program.name}: result {index}"

    of_arguments = list(in_shardings or [None] * len(held))
    captures = [None] * (len(held) - len(of_arguments))
    inputs = []
    for index, (type, given, here) in enumerate(
        zip(program.in_types, [*captures, *of_arguments], held, strict=True)
    ):
        what = functools.partial(input_, index)
        for sharding in filter(None, (given, here)):
            _check_devices(what, sharding, mesh)
        if given is None:
            inputs.append(everywhere if here is None else here)
            continue
        check_splits(what, given, type.shape)
        if here is not None and not _backend.is_equivalent(given, here, type.ndim):
            raise ValueError(
                message(
                    f"{what()} {type!r} is laid out as {here.spec!r} over "
                    f"{here.mesh!r}, but in_shardings say {given.spec!r} over "
                    f"{given.mesh!r}.",
                    "Lay it out with `device_put(x, sharding)` first, or leave its "
                    "sharding out of in_shardings.",
                )
            )
        inputs.append(given)
    outputs = out_shardings or [None] * len(program.outputs)
    for index, (type, given) in enumerate(zip(program.out_types, outputs, strict=True)):
        if given is not None:
            what = functools.partial(output, index)
            _check_devices(what, given, mesh)
            check_splits(what, given, type.shape)
    for given in inside:
        if set(_backend.devices_of(given)) != set(mesh.devices.flat):
            raise _other_devices(f"{program.name}: a sharding constraint", given, mesh)
    return Partition(mesh, tuple(inputs), tuple(outputs))


def constraints(program: Program) -> tuple[Any, ...]:
    """The shardings that a program, or one inside it, gives to values, in order."""
    found = program.derived.get("constraints")
    if found is None:
        made: dict[Any, None] = {}
        for equation in program.equations:
            made.update(dict.fromkeys(equation.primitive.shardings))
            for inner in subprograms(equation):
                made.update(dict.fromkeys(constraints(inner)))
        found = program.derived["constraints"] = tuple(made)
    return found


def held_sharding(value: Any) -> Any:
    """The sharding that an array is committed to, or a description names, if any."""
    if isinstance(value, _backend.ArrayImpl):
        return value._sharding if value._committed else None
    return getattr(value, "sharding", None)


def check_splits(
    what: Callable[[], str], sharding: Any, shape: tuple[int, ...]
) -> None:
    """Raise unless a sharding splits arrays of this shape evenly.

    Args:
        what: gives what is split, for the message.

    Raises:
        ValueError: it does not, or the array has too few axes.
    """
    try:
        _backend.counts(sharding, shape)
    except ValueError as error:
        raise ValueError(message(f"{what()}: {error}")) from None


def _check_devices(what: Callable[[], str], sharding: Any, mesh: Any) -> None:
    if _backend.devices_of(sharding) != tuple(mesh.devices.flat):
        raise _other_devices(what(), sharding, mesh)


def _other_devices(what: str, sharding: Any, mesh: Any) -> ValueError:
    devices = ", ".join(map(str, _backend.devices_of(sharding)))
    return ValueError(
        message(
            f"{what} is on the devices {devices}, but others are on those of {mesh!r}: "
            f"{', '.join(map(str, mesh.devices.flat))}.",
            "Lay all arguments out over the same devices, with `device_put`.",
        )
    )
