import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax


def test_predicate_of_another_shape_is_refused():
    with pytest.raises(ValueError) as error:
        lax.select(np.zeros(2, bool), np.zeros(3, "f4"), np.zeros(3, "f4"))

    assert str(error.value).splitlines()[0] == (
        "select_n: `which` must have the shape of the cases or none, got bool[2] for "
        "cases f32[3]."
    )


def test_cases_of_different_shapes_are_refused():
    with pytest.raises(ValueError) as error:
        lax.select(True, np.zeros(3, "f4"), np.zeros((), "f4"))

    assert str(error.value).splitlines()[0] == (
        "select_n: cases must have equal shapes, got f32[], f32[3]."
    )


def test_boolean_can_not_choose_among_three_cases():
    with pytest.raises(TypeError) as error:
        lax.select_n(True, 1.0, 2.0, 3.0)

    assert str(error.value).splitlines()[0] == (
        "select_n: `which` must be int32 for 3 cases, got bool[]."
    )


def test_bound_of_another_shape_is_refused():
    with pytest.raises(ValueError) as error:
        lax.clamp(np.zeros(2, "f4"), np.zeros(3, "f4"), np.float32(1))

    assert str(error.value).splitlines()[0] == (
        "clamp: `min` must have the shape of `x` or none, got f32[2] for f32[3]."
    )


def test_clamp_keeps_nan():
    assert np.isnan(lax.clamp(0.0, float("nan"), 1.0))


def test_clamp_has_no_derivative_at_a_bound():
    assert dc.grad(lax.clamp, (0, 1, 2))(1.0, 1.0, 2.0) == (0.0, 0.0, 0.0)


def test_gradient_does_not_reach_the_case_not_chosen():
    def safe_log(x):
        return lax.select(x > 0, lax.log(lax.select(x > 0, x, 1.0)), 0.0)

    assert dc.grad(safe_log)(0.0) == 0.0
