"""On which devices a program runs, and how its arguments are laid out over them."""

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
    in_shardings: Sequence[Any],
    out_shardings: Sequence[Any],
    names: Names = None,
) -> "Partition | None":
    """How `program` is laid out for these arguments; None if it runs on one device.

    Arguments that are on a mesh stay as they are, others are copied to every device.

    Args:
        held: what each input is committed to (`held_sharding`), None for nothing.
        in_shardings: what the user said for each input, None for nothing.
        out_shardings: the same for each output.
        names: gives what the inputs are called; only messages ask.

    Raises:
        ValueError: devices of two arguments differ, an argument is laid out otherwise
            than its sharding says, or an axis can't be split evenly.
    """
    said = [*in_shardings, *held, *out_shardings, *constraints(program)]
    mesh = next((s.mesh for s in said if isinstance(s, _backend.NamedSharding)), None)
    if mesh is None:
        return None
    from .._lowering import Partition  # what runs on one device needs no more of it

    devices = tuple(mesh.devices.flat)
    everywhere = _backend.whole_on(mesh)

    def called(index: int) -> str:
        known = names() if names is not None else ()
        name = known[index] if index < len(known) else ""
        return f"`{name}`" if name else f"argument {index}"

    inputs = []
    for index, (type, given, here) in enumerate(
        zip(program.in_types, in_shardings, held, strict=True)
    ):
        for sharding in (given, here):
            if sharding is not None and _backend.devices_of(sharding) != devices:
                raise _other_devices(program, called(index), sharding, mesh)
        _check_divisible(program, called, index, given, type.shape)
        if given is None:
            inputs.append(everywhere if here is None else here)
            continue
        if here is not None and not _backend.is_equivalent(given, here, type.ndim):
            raise ValueError(
                message(
                    f"{program.name}: {called(index)} {type!r} is laid out as "
                    f"{here.spec!r} over {here.mesh!r}, but in_shardings say "
                    f"{given.spec!r} over {given.mesh!r}.",
                    "Lay it out with `device_put(x, sharding)` first, or leave its "
                    "sharding out of in_shardings.",
                )
            )
        inputs.append(given)
    for index, (type, given) in enumerate(
        zip(program.out_types, out_shardings, strict=True)
    ):
        if given is not None and _backend.devices_of(given) != devices:
            raise _other_devices(program, f"result {index}", given, mesh)
        _check_divisible(program, lambda i: f"result {i}", index, given, type.shape)
    for given in constraints(program):
        if set(_backend.devices_of(given)) != set(devices):
            raise _other_devices(program, "a sharding constraint", given, mesh)
    return Partition(mesh, tuple(inputs), tuple(out_shardings))


def constraints(program: Program) -> tuple[Any, ...]:
    """The shardings that a program, or one inside it, gives to values, in order."""
    found = program.derived.get("constraints")
    if found is None:
        made: dict[Any, None] = {}
        for equation in program.equations:
            sharding = getattr(equation.primitive, "sharding", None)
            if isinstance(sharding, _backend.NamedSharding):
                made[sharding] = None
            for inner in subprograms(equation):
                made.update(dict.fromkeys(constraints(inner)))
        found = program.derived["constraints"] = tuple(made)
    return found


def held_sharding(value: Any) -> Any:
    """The sharding that an array is committed to, or a description names, if any."""
    if isinstance(value, _backend.ArrayImpl):
        return value._sharding if value._committed else None
    return getattr(value, "sharding", None)


def _check_divisible(
    program: Program, called: Any, index: int, sharding: Any, shape: tuple[int, ...]
) -> None:
    if sharding is None:
        return
    try:
        _backend.counts(sharding, shape)
    except ValueError as error:
        text = f"{program.name}: {called(index)}: {error}"
        raise ValueError(message(text)) from None


def _other_devices(program: Program, what: str, sharding: Any, mesh: Any) -> ValueError:
    devices = ", ".join(map(str, _backend.devices_of(sharding)))
    return ValueError(
        message(
            f"{program.name}: {what} is on the devices {devices}, but others are on "
            f"those of {mesh!r}: {', '.join(map(str, mesh.devices.flat))}.",
            "Lay all arguments out over the same devices, with `device_put`.",
        )
    )
