"""Programs written to files as they are lowered, for looking at them."""

import itertools
import pathlib
from typing import Any

from .._backend import flags
from .._ir import Program, format_program, message

_numbers = itertools.count(1)
_MODES = ("jaxpr", "stablehlo")


def dump(program: Program, module: Any, name: str) -> None:
    """Write a program and its module to the directory of the setting `dump_ir_to`.

    Raises:
        ValueError: the setting `dump_ir_modes` names a form there is none of.
        OSError: the files can't be written.
    """
    home = pathlib.Path(flags.DUMP_IR_TO.value).expanduser()
    modes = [mode.strip() for mode in flags.DUMP_IR_MODES.value.split(",")]
    unknown = [mode for mode in modes if mode not in _MODES]
    if unknown:
        raise ValueError(
            message(
                f"dump_ir_modes: expected some of {', '.join(map(repr, _MODES))}, "
                f"separated by commas, got {unknown[0]!r}."
            )
        )
    home.mkdir(parents=True, exist_ok=True)
    lines = flags.INCLUDE_DEBUG_INFO_IN_DUMPS.value
    stem = f"dolmen_ir{next(_numbers):04d}_{name[:100]}"
    if "jaxpr" in modes:
        text = format_program(program, source=lines)
        (home / f"{stem}_jaxpr.txt").write_text(text + "\n")
    if "stablehlo" in modes:
        text = module.operation.get_asm(enable_debug_info=lines)
        (home / f"{stem}_compile.mlir").write_text(text)
