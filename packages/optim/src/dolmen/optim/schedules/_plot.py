"""Looking at a schedule before it costs a week."""

from collections.abc import Mapping

from dolmen.core import extend

from .._plots import Plot
from .._scaling import value_at
from .._transformation import ScalarOrSchedule


def plot_schedule(
    schedule: ScalarOrSchedule | Mapping[str, ScalarOrSchedule],
    num_steps: int,
    *,
    points: int = 257,
) -> Plot:
    """A plot of one schedule or of several.

    Args:
        schedule: a schedule or a number, or several by their names.
        num_steps: the plot goes from count 0 to this one.
        points: at how many counts, evenly spaced, the schedule is called.

    Returns:
        A `Plot`: print it in a terminal, show its SVG in a notebook, or `save` that.

    Raises:
        ValueError: `num_steps` is not positive, `points` less than 2, or there is no
            schedule.

    Example:
        >>> from dolmen import optim
        >>> schedule = optim.warmup_stable_decay_schedule(0.0, 1.0, 10, 20, 10,
        ...     decay="linear")
        >>> print(plot_schedule(schedule, 40).text(width=21, height=5))
        1 ┤     •••••••••••
          │    •           •
          │  ••             ••
          │ •                 •
        0 ┤•                   •
          └─────────────────────
           0 … 40 steps
    """
    if num_steps < 1 or points < 2:
        raise ValueError(
            extend.error_message(
                "plot_schedule: `num_steps` must be positive and `points` at least 2, "
                f"got {num_steps} and {points}."
            )
        )
    if isinstance(schedule, Mapping) and not schedule:
        raise ValueError(
            extend.error_message("plot_schedule: `schedule` must hold a schedule.")
        )
    named = schedule if isinstance(schedule, Mapping) else {"": schedule}
    many = min(points, num_steps + 1)
    counts = sorted({round(i * num_steps / (many - 1)) for i in range(many)})
    lines = {
        name: [
            float(value_at(one, count, "plot_schedule", "schedule")) for count in counts
        ]
        for name, one in named.items()
    }
    return Plot(counts, lines, "steps")
