"""Plots in text and SVG, of schedules and of range tests."""

import math
import xml.etree.ElementTree as ElementTree

import pytest

from dolmen import optim
from dolmen.optim import schedules

SVG = "{http://www.w3.org/2000/svg}"


def test_lines_are_drawn_from_corner_to_corner():
    text = schedules.plot_schedule(lambda count: 2.0 * count, 4).text(5, 5)

    assert text == ("8 ┤    •\n  │   •\n  │  •\n  │ •\n0 ┤•\n  └─────\n   0 … 4 steps")


def test_several_lines_have_marks_and_names():
    lines = {"up": lambda count: count, "down": lambda count: 4 - count}

    text = schedules.plot_schedule(lines, 4).text(5, 3)

    assert text == (
        "4 ┤×× ••\n  │ •××\n0 ┤•   ×\n  └─────\n   0 … 4 steps\n   • up\n   × down"
    )


def test_a_jump_leaves_no_gap():
    rows = schedules.plot_schedule(lambda c: float(c > 2), 4).text(5, 7).splitlines()

    assert all("•" in row for row in rows[:7])


def test_constant_and_infinite_values_have_a_place():
    flat = schedules.plot_schedule(lambda count: 0.5, 4).text(5, 3)
    pole = optim.Plot([0, 1, 2], {"": [1.0, math.inf, 3.0]}, "x").text(3, 3)

    assert flat.splitlines()[2] == "0.5 ┤•••••"
    assert pole.splitlines()[0] == "3 ┤ ••"
    assert pole.splitlines()[2] == "1 ┤•"


def test_what_is_not_a_number_is_not_drawn():
    values = [1.0, math.nan, 3.0]
    plot = optim.Plot([0, 1, 2], {"": values}, "x")

    assert plot.text(3, 3).splitlines()[:3] == ["3 ┤  •", "  │", "1 ┤•"]
    assert 'points="64.0,280.0 624.0,16.0"' in plot.svg()


def test_a_plot_needs_a_schedule():
    with pytest.raises(ValueError) as raised:
        schedules.plot_schedule({}, 3)

    assert str(raised.value).splitlines()[0] == (
        "plot_schedule: `schedule` must hold a schedule."
    )


def test_svg_is_well_formed_and_escapes_names():
    plot = schedules.plot_schedule({"a < b & c": lambda count: count**2}, 300)

    root = ElementTree.fromstring(plot.svg(400, 200))
    [line] = root.iter(SVG + "polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points").split()]

    assert "a < b & c" in [text.text for text in root.iter(SVG + "text")]
    assert (points[0], points[-1]) == ((64.0, 160.0), (384.0, 16.0))
    assert len(points) == 257
    assert plot._repr_svg_() == plot.svg()


def test_a_saved_plot_is_its_svg(tmp_path):
    plot = schedules.plot_schedule(lambda count: count, 3)

    plot.save(tmp_path / "plot.svg")

    assert (tmp_path / "plot.svg").read_text() == plot.svg()


def test_a_logarithmic_axis_gives_factors_equal_room():
    plot = optim.Plot([1, 10, 100], {"": [0.0, 1.0, 2.0]}, "rate", log_x=True)

    assert plot.text(3, 3).splitlines()[:3] == ["2 ┤  •", "  │ •", "0 ┤•"]


@pytest.mark.parametrize(("num_steps", "points"), [(0, 9), (9, 1)])
def test_a_plot_needs_two_points(num_steps, points):
    with pytest.raises(ValueError) as raised:
        schedules.plot_schedule(lambda count: count, num_steps, points=points)

    assert str(raised.value).splitlines()[0] == (
        "plot_schedule: `num_steps` must be positive and `points` at least 2, got "
        f"{num_steps} and {points}."
    )


def test_a_number_is_drawn_as_a_constant_schedule():
    number = str(schedules.plot_schedule(0.5, 10))

    assert number == str(schedules.plot_schedule(optim.constant_schedule(0.5), 10))
