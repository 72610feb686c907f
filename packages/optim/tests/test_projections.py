"""Projections keep dtypes, are projections, and refuse what has no nearest point."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.optim import projections, second_order

NAMES = [
    *["simplex", "l1_sphere", "l1_ball", "l2_sphere", "l2_ball", "linf_ball"],
    *["hypercube", "non_negative"],
]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_in_the_set_stays_and_keeps_its_dtype(name):
    project = dc.jit(getattr(projections, f"projection_{name}"))
    x = {"a": jnp.asarray([0.75, -2.0], jnp.bfloat16), "b": jnp.asarray(0.5)}

    once = project(x)
    twice = project(once)

    assert once["a"].dtype == jnp.bfloat16
    # Rounded to bfloat16, the point is 1/256 off the set.
    np.testing.assert_allclose(twice["a"], once["a"], rtol=0.01, atol=1e-3)
    np.testing.assert_allclose(twice["b"], once["b"], rtol=0.01, atol=1e-3)


def test_squares_of_half_precision_do_not_overflow():
    x = jnp.asarray([300.0, 400.0], jnp.float16)

    np.testing.assert_allclose(
        projections.projection_l2_ball(x, 5.0), [3.0, 4.0], rtol=1e-3
    )


@pytest.mark.parametrize("x", [[1.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_without_a_nearest_point_of_the_simplex_there_is_nan(x):
    assert np.isnan(projections.projection_simplex(jnp.asarray(x))).all()


@pytest.mark.parametrize(
    ("error", "call", "expected"),
    [
        (
            TypeError,
            lambda: projections.projection_simplex({"a": jnp.arange(2)}),
            "projection_simplex: the leaves of `tree` must be floating-point arrays, "
            "got\n  ['a']: i32[2]\n  at <here>\n"
            "Differentiate and optimize only the trained part of the tree.",
        ),
        (
            TypeError,
            lambda: projections.projection_l1_ball(jnp.ones(2, jnp.complex64)),
            "projection_l1_ball: the leaves of `tree` must be real, got\n"
            "  the tree itself: c64[2]\n  at <here>\n"
            "Take real and imaginary parts as two parameters.",
        ),
        (
            ValueError,
            lambda: projections.projection_simplex([]),
            "projection_simplex: `tree` must have an element: no empty tree has a "
            "sum.\n  at <here>",
        ),
        (
            ValueError,
            lambda: projections.projection_vector(jnp.ones(2), jnp.ones(3)),
            "projection_vector: `x` and `a` must have the same leaf shapes:\n"
            "  the tree itself: `x` f32[2], `a` f32[3]\n  at <here>\n"
            "Both are vectors of the same space.",
        ),
        (
            ValueError,
            lambda: second_order.hvp(lambda p, x, y: p, jnp.ones(2), jnp.ones(1), 0, 0),
            "hvp: `v` must have one element for each of the parameters, f32[1], got "
            "f32[2].\n  at <here>\nFlatten a tree with `flatten_util.ravel_pytree`.",
        ),
    ],
)
def test_what_has_no_projection_is_refused(error, call, expected):
    with pytest.raises(error) as raised:
        call()

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == expected


def test_bounds_must_be_a_prefix_of_the_tree():
    with pytest.raises(ValueError, match=r"^projection_box: `upper` must be"):
        projections.projection_box({"a": 1.0}, 0.0, {"b": 1.0})
