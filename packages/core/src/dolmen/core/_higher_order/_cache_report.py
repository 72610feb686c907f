"""What a jitted function was traced and compiled to, as a table."""

import dataclasses
from typing import TYPE_CHECKING

from .._ir import Program, describe
from .._ir._frames import Frame
from .._lowering import executables_of
from ._differences import differences, leaf_types, nearest
from ._trace_cache import TracedFunction, TraceKey

if TYPE_CHECKING:
    from ._jit_function import JitFunction

_MAX_LEAVES = 4
# Captured arrays of this many bytes are listed with the line that uses them.
_LARGE = 1 << 20


@dataclasses.dataclass(frozen=True)
class CacheRow:
    """One traced signature.

    Attributes:
        signature: types of the arguments and values of the static ones.
        traces: how often it was traced; again only when a value of another trace that
            the function closed over is gone.
        compiles: how many executables exist of it (one for each device, for example).
        misses: how many calls C++ left to Python; a warm call is none.
        trace_seconds: spent tracing.
        lower_seconds: spent translating to StableHLO.
        compile_seconds: spent compiling, or loading.
        origins: where the executables are from: `compiler`, `disk`, `memory` (another
            program with the same code).
        like: number of the earlier signature that differs least, None for the first.
        differences: from that.
        captured_bytes: size of the arrays it closed over.
        large_captures: those of at least 1 MiB, with the line that uses them first.
    """

    signature: str
    traces: int
    compiles: int
    misses: int
    trace_seconds: float
    lower_seconds: float
    compile_seconds: float
    origins: tuple[str, ...]
    like: int | None
    differences: tuple[str, ...]
    captured_bytes: int
    large_captures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class CacheReport:
    """All traced signatures of a jitted function, oldest first. Print it.

    Attributes:
        name: of the function.
        rows: one for each signature.
    """

    name: str
    rows: tuple[CacheRow, ...]

    @classmethod
    def of(cls, function: "JitFunction") -> "CacheReport":
        """The report of a jitted function."""
        known = list(function.cache.traced.items())
        keys = [key for key, _ in known]
        rows = [
            _row(function, keys[:index], key, traced)
            for index, (key, traced) in enumerate(known)
        ]
        return cls(function.name, tuple(rows))

    def __str__(self) -> str:
        compiles = sum(row.compiles for row in self.rows)
        lines = [
            f"jit of {self.name}: {len(self.rows)} signatures traced, "
            f"{compiles} executables"
        ]
        if not self.rows:
            return lines[0]
        cells: list[tuple[str, ...]] = [
            ("#", "traces", "compiles", "misses", "trace", "lower", "compile", "from")
        ]
        for number, row in enumerate(self.rows, 1):
            seconds = row.trace_seconds, row.lower_seconds, row.compile_seconds
            counts = number, row.traces, row.compiles, row.misses
            times = (f"{1000 * value:.1f} ms" for value in seconds)
            cells.append((*map(str, counts), *times, ",".join(row.origins) or "-"))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        texts = ["signature", *map(_description, self.rows)]
        for row_cells, text in zip(cells, texts, strict=True):
            padded = (c.rjust(w) for c, w in zip(row_cells, widths, strict=True))
            lines.append("  ".join(padded) + "  " + text)
        return "\n".join(lines)

    __repr__ = __str__


def _description(row: CacheRow) -> str:
    text = row.signature
    if row.like is not None:
        text = f"as {row.like}, but " + "; ".join(row.differences)
    for capture in row.large_captures:
        text += f"; closes over {capture}"
    return text


def _row(
    function: "JitFunction",
    earlier: list[TraceKey],
    key: TraceKey,
    traced: TracedFunction,
) -> CacheRow:
    old = nearest(key, earlier)
    found = () if old is None else differences(function.signature, key, old)
    made = executables_of(traced.program)
    captured = traced.program.in_types[: len(traced.captures)]
    return CacheRow(
        signature=_signature(function, key),
        traces=traced.traces,
        compiles=len(made),
        misses=traced.misses,
        trace_seconds=traced.seconds,
        lower_seconds=sum(e.lower_seconds for e in made),
        compile_seconds=sum(e.seconds for e in made),
        origins=tuple(sorted({e.origin for e in made})),
        like=None if old is None else earlier.index(old) + 1,
        differences=tuple(map(str, found)),
        captured_bytes=sum(type.nbytes for type in captured),
        large_captures=tuple(
            f"{type!r} ({type.nbytes / 2**20:.1f} MiB) at "
            f"{describe(_first_use(traced.program, index))}"
            for index, type in enumerate(captured)
            if type.nbytes >= _LARGE
        ),
    )


def _signature(function: "JitFunction", key: TraceKey) -> str:
    signature = function.signature
    types = leaf_types(signature, key.static, key.tree, key.types)
    parts = [f"{path}: {type!r}" for path, type in types.items()]
    if len(parts) > _MAX_LEAVES:
        parts[_MAX_LEAVES:] = [f"... {len(types)} leaves"]
    parts += [f"{signature.name_of_static(w)}={v!r:.40}" for w, v in key.static]
    return ", ".join(parts) or "no arguments"


def _first_use(program: Program, index: int) -> Frame | None:
    """The line of the first equation that takes an input of the program."""
    variable = program.inputs[index]
    users = (e.frame for e in program.equations if variable in e.inputs)
    return next(users, None)
