"""`explain`: what a function costs, as a table by source line."""

import dataclasses
import functools
import html
import os
from collections.abc import Callable
from typing import Any

from .._ir import Frame, line_of, source_of
from .._transforms._trees import name_of
from ._cost import Analysis, Cost, analyse
from ._jit import jit
from ._units import count_text, size_text


def explain(
    fun: Callable[..., Any], *, compiled: bool = True
) -> Callable[..., "Explanation"]:
    """Explain what a function costs, line by line of its source.

    Work and bytes are those of the program as it was traced, before the compiler fuses
    operations; the compiler's own totals stand beside them. Operations of the backward
    pass count for the line whose derivative they compute.

    Args:
        fun: a function of arrays in trees, jitted (with its static arguments) or not.
        compiled: compile too, for the compiler's totals.

    Returns:
        A function with the arguments of `fun` (a `ShapeDtypeStruct` may stand for an
        array) that returns an `Explanation` and runs nothing.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> x = dc.ShapeDtypeStruct((64, 64), "float32")
        >>> found = dc.explain(lambda x: (x @ x).sum(), compiled=False)(x)
        >>> found.flops
        528383
    """
    jitted: Any = fun if hasattr(fun, "trace") and hasattr(fun, "lower") else jit(fun)

    @functools.wraps(fun)
    def explained(*args: Any, **kwargs: Any) -> Explanation:
        traced = jitted.trace(*args, **kwargs)
        totals = Compiled.of(traced.lower().compile()) if compiled else None
        return Explanation.of(name_of(fun), analyse(traced.jaxpr.jaxpr), totals)

    return explained


@dataclasses.dataclass(frozen=True)
class Line:
    """What the operations of one source line cost.

    Attributes:
        file: path of the source; empty for operations of no line.
        line: its number.
        function: the function it is in.
        source: its text.
        flops: floating-point operations, one for each elementwise result.
        bytes: bytes read and written.
        results: bytes of the results.
        peak: bytes of results that are alive when the program needs most memory.
    """

    file: str
    line: int
    function: str
    source: str
    flops: int
    bytes: int
    results: int
    peak: int

    @property
    def place(self) -> str:
        """`train.py:41`, relative to the current directory if it is inside."""
        if not self.file:
            return "(no line)"
        path = os.path.relpath(self.file)
        return f"{self.file if path.startswith(os.pardir) else path}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Compiled:
    """Totals as the compiler counts them, after fusing operations.

    Attributes:
        flops: floating-point operations, without transcendental functions.
        transcendentals: evaluations of `exp`, `sin` and the like.
        bytes: bytes read and written.
        arguments: bytes of the arguments.
        outputs: bytes of the results.
        temporaries: bytes that it needs beside these.
    """

    flops: int
    transcendentals: int
    bytes: int
    arguments: int
    outputs: int
    temporaries: int

    @classmethod
    def of(cls, compiled: Any) -> "Compiled":
        """The totals of a compiled function."""
        cost, memory = compiled.cost_analysis() or {}, compiled.memory_analysis()
        return cls(
            int(cost.get("flops", 0)),
            int(cost.get("transcendentals", 0)),
            int(cost.get("bytes accessed", 0)),
            memory.argument_size_in_bytes,
            memory.output_size_in_bytes,
            memory.temp_size_in_bytes,
        )


_COLUMNS = ("FLOPs", "%", "bytes", "results", "at peak")


@dataclasses.dataclass(frozen=True, repr=False)
class Explanation:
    """Costs of a function, by line. Print it, or show it in a notebook.

    Attributes:
        name: of the function.
        lines: from the one with most work to the one with least.
        arguments: bytes of the arguments.
        peak: most bytes alive at once beside the arguments.
        compiled: the compiler's totals, None if it was not asked.
        notes: what the numbers leave out.
    """

    name: str
    lines: list[Line]
    arguments: int
    peak: int
    compiled: Compiled | None
    notes: list[str]

    @classmethod
    def of(cls, name: str, found: Analysis, compiled: Compiled | None) -> "Explanation":
        """Present an analysis."""
        lines = _merged(found.lines)
        lines.sort(key=lambda line: (-line.flops, -line.bytes, line.file, line.line))
        notes = _notes(found, compiled is not None)
        return cls(name, lines, found.arguments, found.peak, compiled, notes)

    @property
    def flops(self) -> int:
        """Floating-point operations of all lines."""
        return sum(line.flops for line in self.lines)

    @property
    def bytes(self) -> int:
        """Bytes read and written by all lines."""
        return sum(line.bytes for line in self.lines)

    def _summary(self) -> list[str]:
        lines = [
            f"{self.name}: {count_text(self.flops)} FLOPs, "
            f"{size_text(self.bytes)} read and written, at most "
            f"{size_text(self.peak)} alive beside {size_text(self.arguments)} of "
            "arguments"
        ]
        if self.compiled is not None:
            c = self.compiled
            lines.append(
                f"compiled: {count_text(c.flops)} FLOPs and "
                f"{count_text(c.transcendentals)} transcendentals, "
                f"{size_text(c.bytes)} read and written, "
                f"{size_text(c.temporaries)} of temporaries, "
                f"{size_text(c.outputs)} of results"
            )
        return lines

    def _cells(self, line: Line) -> tuple[str, ...]:
        share = 100 * line.flops / self.flops if self.flops else 0.0
        return (
            count_text(line.flops),
            f"{share:.1f}",
            size_text(line.bytes),
            size_text(line.results),
            size_text(line.peak),
        )

    def __str__(self) -> str:
        rows = [_COLUMNS, *map(self._cells, self.lines)]
        places = ["line", *(line.place for line in self.lines)]
        sources = ["", *(line.source for line in self.lines)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        width = max(map(len, places))
        table = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True))
            + f"  {place.ljust(width)}  {source}".rstrip()
            for row, place, source in zip(rows, places, sources, strict=True)
        ]
        return "\n".join([*self._summary(), "", *table, *self.notes])

    __repr__ = __str__

    def to_html(self) -> str:
        """The table as HTML, with bars for the shares of the work."""
        head = "".join(f"<th class='number'>{title}</th>" for title in _COLUMNS)
        head += "<th>line</th><th>source</th>"
        body = "".join(map(self._html_row, self.lines))
        summary = "<br>".join(map(html.escape, self._summary()))
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        return (
            f"<style>{_STYLE}</style><div class='dolmen-explain'><p>{summary}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"{notes}</div>"
        )

    _repr_html_ = to_html

    def _html_row(self, line: Line) -> str:
        cells = self._cells(line)
        bar = (
            "background: linear-gradient(to right, #9ecae188 "
            f"{cells[1]}%, transparent {cells[1]}%)"
        )
        numbers = "".join(
            f"<td class='number'{_style(bar if i == 1 else '')}>{cell}</td>"
            for i, cell in enumerate(cells)
        )
        title = html.escape(f"{line.file}:{line.line} in {line.function}")
        return (
            f"<tr>{numbers}<td title='{title}'>{html.escape(line.place)}</td>"
            f"<td><code>{html.escape(line.source)}</code></td></tr>"
        )


_STYLE = (
    ".dolmen-explain table {border-collapse: collapse; font-size: 90%} "
    ".dolmen-explain th, .dolmen-explain td {padding: 2px 8px; text-align: left; "
    "white-space: pre} "
    ".dolmen-explain table .number {text-align: right; "
    "font-variant-numeric: tabular-nums} "
    ".dolmen-explain tbody tr:nth-child(odd) {background: #8881}"
)


def _style(text: str) -> str:
    return f" style='{text}'" if text else ""


def _merged(by_frame: dict[Frame | None, Cost]) -> list[Line]:
    """Costs of several instructions of one line together."""
    merged: dict[Any, tuple[Frame | None, Cost]] = {}
    for frame, cost in by_frame.items():
        key = None if frame is None else (frame[0].co_filename, line_of(frame))
        _, total = merged.setdefault(key, (frame, Cost()))
        total.flops += cost.flops
        total.bytes += cost.bytes
        total.results += cost.results
        total.peak += cost.peak
    return [_line(frame, cost) for frame, cost in merged.values()]


def _line(frame: Frame | None, cost: Cost) -> Line:
    numbers = (cost.flops, cost.bytes, cost.results, cost.peak)
    if frame is None:
        return Line("", 0, "", "", *numbers)
    code, _ = frame
    return Line(
        code.co_filename,
        line_of(frame),
        code.co_qualname,
        source_of(frame),
        *numbers,
    )


def _notes(found: Analysis, compiled: bool) -> list[str]:
    notes = []
    if found.uncounted:
        listed = ", ".join(sorted(found.uncounted))
        notes.append(f"Work not counted: {listed}.")
    if "while" in found.loops:
        notes.append("A `while_loop` counts as one iteration: how many run is unknown.")
    if found.loops and compiled:
        notes.append("The compiler counts the body of every loop once.")
    return notes
