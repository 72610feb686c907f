"""Line plots without a plotting library: text for terminals, SVG for the rest."""

import bisect
import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MARKS = "•×+o*#"
_COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")


@dataclass(frozen=True)
class Plot:
    """One or several lines over the same numbers.

    ``print(plot)`` shows it in a terminal, notebooks show its SVG.

    Attributes:
        x: numbers along the horizontal axis, ascending.
        lines: by name, a number for each of `x`.
        x_label: what `x` is.
        log_x: whether the horizontal axis is logarithmic.

    Example:
        >>> print(Plot([0, 1, 2], {"": [0.0, 1.0, 2.0]}, "steps").text(5, 3))
        2 ┤   ••
          │ ••
        0 ┤•
          └─────
           0 … 2 steps
    """

    x: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    x_label: str
    log_x: bool = False

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = 64, height: int = 16) -> str:
        """The plot in characters.

        Args:
            width: columns of the area in which the lines are.
            height: its rows.
        """
        low, high = self._range()
        labels = [""] * height
        labels[0], labels[-1] = f"{high:.3g}", f"{low:.3g}"
        margin = max(map(len, labels))
        pad = " " * margin
        marks = _cycled(_MARKS, self.lines)
        body = [
            f"{label:>{margin}} {'┤' if label else '│'}{row}".rstrip()
            for label, row in zip(labels, self._rows(marks, width, height), strict=True)
        ]
        legend = [
            f"{pad}  {mark} {name}"
            for mark, name in zip(marks, self.lines, strict=True)
            if name
        ]
        span = f"{self.x[0]:g} … {self.x[-1]:g} {self.x_label}"
        return "\n".join([*body, f"{pad} └{'─' * width}", f"{pad}  {span}", *legend])

    def svg(self, width: int = 640, height: int = 320) -> str:
        """The plot as SVG.

        Args:
            width: in pixels.
            height: in pixels.
        """
        left, right, top, bottom = 64, width - 16, 16, height - 40
        low, high = self._range()
        across = _scaled(self._at(self.x[0]), self._at(self.x[-1]), right - left)
        up = _scaled(low, high, bottom - top)
        colors = _cycled(_COLORS, self.lines)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" '
            'font-size="12">',
            f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#888"/>',
            _svg_text(left - 6, top + 4, f"{high:.3g}", "end"),
            _svg_text(left - 6, bottom + 4, f"{low:.3g}", "end"),
            _svg_text(left, bottom + 18, f"{self.x[0]:g}", "start"),
            _svg_text(right, bottom + 18, f"{self.x[-1]:g}", "end"),
            _svg_text((left + right) / 2, bottom + 18, self.x_label, "middle"),
        ]
        for index, (color, (name, line)) in enumerate(
            zip(colors, self.lines.items(), strict=True)
        ):
            points = " ".join(
                f"{left + across(self._at(x)):.1f},{bottom - up(y):.1f}"
                for x, y in zip(self.x, line, strict=True)
                if math.isfinite(y)
            )
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{color}" '
                'stroke-width="1.5"/>'
            )
            label = _svg_text(right, top + 4 + 16 * index, name, "end", color)
            parts += [label] if name else []
        return "\n".join([*parts, "</svg>"])

    def save(self, path: str | Path) -> None:
        """Write the SVG to a file."""
        Path(path).write_text(self.svg(), encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg()

    def _rows(self, marks: Sequence[str], width: int, height: int) -> list[str]:
        """The area in which the lines are, from top to bottom."""
        grid = [[" "] * width for _ in range(height)]
        to_row = _scaled(*self._range(), height - 1)
        for mark, line in zip(marks, self.lines.values(), strict=True):
            before = None
            for column, y in enumerate(self._at_columns(line, width)):
                if math.isnan(y):
                    before = None
                    continue
                row = int(to_row(y) + 0.5)
                before = row if before is None else before
                # From the neighbor's row on: steep lines have no gaps.
                for i in range(min(row, before + 1), max(row, before - 1) + 1):
                    grid[height - 1 - i][column] = mark
                before = row
        return ["".join(row) for row in grid]

    def _at(self, x: float) -> float:
        return math.log(x) if self.log_x else x

    def _at_columns(self, line: Sequence[float], width: int) -> list[float]:
        """A line's height in the middle of every column, between two of its points."""
        to_column = _scaled(self._at(self.x[0]), self._at(self.x[-1]), width - 1)
        places = [to_column(self._at(x)) for x in self.x]
        heights = []
        for column in range(width):
            after = min(max(bisect.bisect_right(places, column), 1), len(places) - 1)
            start, end = places[after - 1], places[after]
            share = (column - start) / (end - start) if end > start else 0.0
            heights.append(_between(line[after - 1], line[after], share))
        return heights

    def _range(self) -> tuple[float, float]:
        finite = [y for line in self.lines.values() for y in line if math.isfinite(y)]
        return (min(finite), max(finite)) if finite else (0.0, 0.0)


def _scaled(low: float, high: float, size: float) -> Callable[[float], float]:
    """The linear function that takes `low` to 0 and `high` to `size`, within bounds."""

    def scale(y: float) -> float:
        if high == low or not math.isfinite(y):
            return size if y == math.inf else 0.0
        return size * min(max((y - low) / (high - low), 0.0), 1.0)

    return scale


def _between(a: float, b: float, share: float) -> float:
    """Between two numbers, of which the one that counts nothing may be infinite."""
    if share in (0.0, 1.0):
        return b if share else a
    return a * (1 - share) + b * share


def _cycled(marks: Sequence[str], lines: Mapping[str, object]) -> list[str]:
    return [marks[i % len(marks)] for i in range(len(lines))]


def _svg_text(x: float, y: float, text: str, anchor: str, color: str = "#444") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}">'
        f"{html.escape(text)}</text>"
    )
