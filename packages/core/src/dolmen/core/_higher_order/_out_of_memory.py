"""What an out-of-memory error adds to the runtime's words: who has the memory.

The runtime reports such a failure where the result is waited for, often lines after the
call, so everything here starts from what is alive when the message is read: arrays,
with the lines that made them, and compiled programs, with the lines that need memory.
"""

import gc
import re
from collections.abc import Iterator
from typing import Any

from .. import _backend
from .._ir import Frame, Program, creation_frame, describe, source_of
from .._lowering import Executable
from ._cost import peak
from ._units import size_text

_MOST_ARRAYS = 8
_MOST_LINES = 5
_MOST_PROGRAMS = 3


def memory_report(text: str) -> str:
    """`text` of an out-of-memory error, the largest live arrays, the likely program."""
    asked = re.search(r"allocating (\d+) bytes", text)
    wanted = int(asked[1]) if asked else 0
    return "\n".join([text, *_arrays(), *_program(wanted)])


def _where(frame: Frame | None) -> str:
    source = source_of(frame)
    return f"at {describe(frame)}" + (f": `{source:.80}`" if source else "")


# ---- arrays --------------------------------------------------------------------------


def _arrays() -> list[str]:
    """The largest live arrays; those of one line and type together."""
    groups: dict[Any, list[Any]] = {}
    waiting: list[str] = []
    for array in _backend.live_arrays():
        if array.is_deleted():
            continue
        place = _where(creation_frame(array))
        if _failed(array):
            size = size_text(array.nbytes)
            waiting.append(f"Without memory: {size}: {array.aval!r} made {place}")
        else:
            groups.setdefault((place, array.aval), []).append(array)
    sizes = {key: sum(a.nbytes for a in group) for key, group in groups.items()}
    total, count = sum(sizes.values()), sum(map(len, groups.values()))
    if not count:
        return [*waiting, "No array is alive."]
    lines = [*waiting, f"Live arrays: {count}, {size_text(total)} in all. The largest:"]
    for key in sorted(sizes, key=lambda key: (-sizes[key], key[0]))[:_MOST_ARRAYS]:
        place, type = key
        times = f"{len(groups[key])} x " if len(groups[key]) > 1 else ""
        lines.append(f"  {size_text(sizes[key])}: {times}{type!r} made {place}")
    return lines


def _failed(array: Any) -> bool:
    """Whether an array never got its memory."""
    if not array.is_ready():
        return False
    try:
        array.block_until_ready()
    except _backend.JaxRuntimeError:
        return True
    return False


# ---- programs ------------------------------------------------------------------------


def _program(wanted: int) -> list[str]:
    """Memory of the compiled programs that may have asked for `wanted` bytes, by line.

    The runtime does not say which it is: these are the programs with a buffer of this
    size; if there are none, the one that needs most.
    """
    compiled = list(_compiled())
    compiled.sort(key=lambda pair: -sum(_buffers(*pair)))
    matching = [pair for pair in compiled if wanted and wanted in _buffers(*pair)]
    if matching:
        chosen, relation = matching[:_MOST_PROGRAMS], "has a buffer of this size"
    else:
        chosen, relation = compiled[:1], "needs most memory"
    return [line for pair in chosen for line in _needs(*pair, relation)]


def _needs(program: Program, executable: Executable, relation: str) -> list[str]:
    stats = executable.loaded.get_compiled_memory_stats()
    lines = [
        f"Of the compiled programs, {program.name or 'one without a name'} {relation}: "
        f"{size_text(stats.argument_size_in_bytes)} of arguments, "
        f"{size_text(stats.output_size_in_bytes)} of results, "
        f"{size_text(stats.temp_size_in_bytes)} of temporaries."
    ]
    _, alive = peak(program)
    by_place: dict[str, int] = {}
    for frame, size in alive.items():
        place = "by operations of no line" if frame is None else _where(frame)
        by_place[place] = by_place.get(place, 0) + size
    if by_place:
        lines.append("At its peak, before the compiler fuses operations, it keeps:")
    for place in sorted(by_place, key=lambda place: -by_place[place])[:_MOST_LINES]:
        lines.append(f"  {size_text(by_place[place])} made {place}")
    return lines


def _compiled() -> Iterator[tuple[Program, Executable]]:
    for found in gc.get_objects():
        if isinstance(found, Program):
            for value in list(found.derived.values()):
                if isinstance(value, Executable):
                    yield found, value


def _buffers(program: Program, executable: Executable) -> list[int]:
    """Sizes of what it allocates."""
    stats = executable.loaded.get_compiled_memory_stats()
    return [stats.temp_size_in_bytes, *(type.nbytes for type in program.out_types)]
