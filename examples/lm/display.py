"""What a run shows: live progress, a table, a curve."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich.console
import rich.progress
import rich.table


class Progress:
    """Step, loss, tokens per second and time left; plain lines without a terminal."""

    def __init__(self, first: int, total: int, tokens_per_step: int) -> None:
        self.total = total
        self.tokens_per_step = tokens_per_step
        self.first = first
        # The clock starts after the first step, which is mostly compilation.
        self.started: float | None = None
        self.speed = 0.0  # tokens per second
        self.seconds_between_lines = 5.0
        self._last_line = -self.seconds_between_lines
        self._bar: rich.progress.Progress | None = None
        if sys.stdout.isatty():
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("step {task.completed:>5}/{task.total}"),
                rich.progress.BarColumn(bar_width=None),
                rich.progress.TextColumn("{task.description}"),
                rich.progress.TimeRemainingColumn(),
            )
            self._task = self._bar.add_task("compiling", total=total, completed=first)

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: int, loss: float) -> None:
        """Show that `step` is done."""
        if self.started is None:
            self.started, self.first = time.monotonic(), step
        elapsed = time.monotonic() - self.started
        seconds_per_step = elapsed / max(step - self.first, 1)
        text = f"loss {loss:.3f}"
        if step > self.first:
            self.speed = self.tokens_per_step / seconds_per_step
            text += f"  {self.speed:,.0f} tokens/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=text)
        elif (
            elapsed - self._last_line > self.seconds_between_lines or step == self.total
        ):
            self._last_line = elapsed
            if step > self.first:
                text += f"  {seconds_per_step * (self.total - step):.0f} s left"
            self.say(f"step {step:>5}/{self.total}  {text}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, flush=True)


def print_table(title: str, rows: Sequence[tuple[str, Any]]) -> None:
    """A table of names and values."""
    table = rich.table.Table("", "value", title=title, title_justify="left")
    for name, value in rows:
        table.add_row(name, str(value))
    rich.console.Console().print(table)


def save_curve(
    path: Path,
    train: Sequence[tuple[int, float]],
    validation: Sequence[tuple[int, float]],
) -> None:
    """Draw the loss curve as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=(7, 4), constrained_layout=True)
    axes.plot(*zip(*train, strict=True), linewidth=0.8, label="training batch")
    if validation:
        axes.plot(*zip(*validation, strict=True), marker="o", label="validation")
    axes.set(xlabel="step", ylabel="loss (nats per byte)")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
