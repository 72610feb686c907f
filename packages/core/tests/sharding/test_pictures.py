"""Pictures of how arrays are laid out."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import debug


def test_two_axes_are_drawn_as_a_table(over, capsys):
    debug.visualize_array_sharding(dc.device_put(np.ones((8, 4)), over("x", "y")))

    assert capsys.readouterr().out == (
        "┌───────┬───────┐\n"
        "│ cpu 0 │ cpu 1 │\n"
        "├───────┼───────┤\n"
        "│ cpu 2 │ cpu 3 │\n"
        "├───────┼───────┤\n"
        "│ cpu 4 │ cpu 5 │\n"
        "├───────┼───────┤\n"
        "│ cpu 6 │ cpu 7 │\n"
        "└───────┴───────┘\n"
    )


def test_devices_that_hold_the_same_part_share_a_cell(mesh, capsys):
    with dc.set_mesh(mesh):
        debug.visualize_sharding((8,), dc.P("y"))

    assert capsys.readouterr().out == (
        "┌─────────────┬─────────────┐\n"
        "│ cpu 0,2,4,6 │ cpu 1,3,5,7 │\n"
        "└─────────────┴─────────────┘\n"
    )


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"one or two axes, got shape \(2, 2, 2\)"):
        debug.visualize_array_sharding(jnp.ones((2, 2, 2)))
    with pytest.raises(TypeError, match="expected an array with a value, got Traced"):
        dc.jit(debug.visualize_array_sharding)(jnp.ones(3))
