import numpy as np
import pytest
import scipy.integrate
from numpy.testing import assert_allclose

from dolmen.core import enable_x64, grad, jit, numpy as jnp, vmap
from dolmen.core.experimental.ode import odeint

TIMES = np.array([0.0, 0.7, 2.0, 2.2, 3.5])
START = np.array([1.0, 0.5])
EXACT = {"rtol": 1e-10, "atol": 1e-10}


def swing(y, t, a, b):
    return jnp.stack([a * jnp.sin(y[1]) - b * y[0] * t, jnp.cos(y[0] * t) - 0.1 * y[1]])


def decay(y, t, rate=1.0):
    return -rate * y


def test_solutions_are_those_of_scipy():
    with enable_x64(True):
        expected = scipy.integrate.solve_ivp(
            lambda t, y: np.asarray(swing(y, t, 1.1, 0.4)),
            (0, 3.5),
            START,
            t_eval=TIMES,
            rtol=1e-11,
            atol=1e-11,
            method="DOP853",
        ).y.T
        fine = odeint(swing, START, TIMES, 1.1, 0.4, **EXACT)
    single = odeint(swing, START, TIMES, 1.1, 0.4)

    assert_allclose(fine, expected, atol=1e-8)
    assert_allclose(single, expected, atol=2e-6)


def test_dense_output_is_of_order_four():
    # One long step, and times inside it.
    times = np.array([0.0, 0.05, 0.1, 0.15, 0.2])

    with enable_x64(True):
        made = odeint(decay, 1.0, times, rtol=1.0, atol=1.0, hmax=0.25)

    assert_allclose(made, np.exp(-times), atol=1e-6)


def test_derivatives_agree_with_central_differences():
    weights = np.arange(1.0, 6.0)[:, None]
    args = [START, TIMES, 1.1, 0.4]
    step = 1e-6

    @jit
    def loss(*args):
        return jnp.sum(weights * odeint(swing, *args, **EXACT) ** 2)

    def difference(i, direction):
        up, down = list(args), list(args)
        up[i], down[i] = args[i] + step * direction, args[i] - step * direction
        return (loss(*up) - loss(*down)) / (2 * step)

    with enable_x64(True):
        found = jit(grad(loss, (0, 1, 2, 3)))(*args)
        expected = [
            [difference(0, d) for d in np.eye(2)],
            [difference(1, d) for d in np.eye(5)],
            difference(2, 1.0),
            difference(3, 1.0),
        ]

    for slope, wanted in zip(found, expected, strict=True):
        assert_allclose(slope, np.array(wanted), atol=1e-5)


def test_what_functions_close_over_has_derivatives():
    def last(rate):
        return odeint(lambda y, t: -rate * y, 1.0, TIMES[:2])[-1]

    assert_allclose(grad(last)(2.0), -0.7 * np.exp(-1.4), rtol=1e-5)


def test_second_derivatives():
    def last(rate):
        return odeint(decay, 1.0, TIMES[:2], rate)[-1]

    assert_allclose(grad(grad(last))(0.5), 0.49 * np.exp(-0.35), rtol=1e-4)


def test_integers_among_the_arguments_have_none():
    def last(y, n):
        return odeint(lambda y, t, n: -n * y, y, TIMES[:2], n)[-1]

    assert_allclose(grad(last)(1.0, 2), np.exp(-1.4), rtol=1e-5)


def test_lanes_are_independent():
    def last(y, rate):
        return odeint(decay, y, TIMES[:2], rate)[-1]

    starts, rates = np.array([0.0, 1.0, 2.0]), np.array([0.1, 3.0, 10.0])

    slopes = jit(vmap(grad(last, 1)))(starts, rates)

    assert_allclose(slopes, -0.7 * starts * np.exp(-0.7 * rates), atol=1e-5)


def test_trees_of_real_and_complex_arrays_are_integrated():
    def slope(y, t):
        return {"turn": 1j * y["turn"], "grow": y["grow"]}

    y0 = {"turn": np.ones(2, complex), "grow": 1.0}

    made = odeint(slope, y0, TIMES)

    assert_allclose(made["turn"], np.exp(1j * TIMES)[:, None] * np.ones(2), rtol=1e-5)
    assert_allclose(made["grow"], np.exp(TIMES), rtol=1e-5)


def test_complex_solutions_have_derivatives():
    def distance(w):
        turn = odeint(lambda y, t, w: 1j * w * y, np.ones((), complex), TIMES[:2], w)
        return jnp.abs(turn[-1] - 1) ** 2

    assert_allclose(grad(distance)(2.0), 1.4 * np.sin(1.4), rtol=1e-4)


def test_odd_times():
    none, one = odeint(decay, START, TIMES[:0]), odeint(decay, START, TIMES[:1])
    twice = odeint(decay, 1.0, np.array([0.5, 0.5, 1.0, 1.0]))
    back = odeint(decay, 1.0, np.array([0.0, -1.0]))

    assert none.shape == (0, 2)
    assert_allclose(one, [START])
    assert_allclose(twice, np.exp([0, 0, -0.5, -0.5]), rtol=1e-5)
    assert_allclose(back, [1.0, np.nan])


def test_times_that_are_not_reached_are_nan():
    few = odeint(decay, 1.0, TIMES, mxstep=3)
    lost = odeint(lambda y, t: y * np.nan, 1.0, TIMES)

    assert_allclose(few, [1.0, *[np.nan] * 4])
    assert_allclose(lost, [1.0, *[np.nan] * 4])


def test_steps_are_no_longer_than_asked_for():
    # Long steps would miss the only time when something happens.
    def pulse(y, t):
        return jnp.where((t > 5) & (t < 5.1), 1.0, 0.0)

    made = odeint(pulse, 0.0, np.array([0.0, 10.0]), rtol=1e-3, atol=1e-3, hmax=0.05)

    assert_allclose(made, [0.0, 0.1], atol=1e-2)


def raised(error, *args):
    with pytest.raises(error) as info:
        odeint(*args)
    lines = str(info.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


def test_errors_tell_the_argument():
    assert raised(TypeError, 3, 1.0, TIMES) == (
        "odeint: expected a function as `func`, got int: 3."
    )
    assert raised(TypeError, decay, 1, TIMES) == (
        "odeint: expected floating-point or complex arrays in `y0`, got\n  y0: ~i32[]"
    )
    assert raised(TypeError, decay, 1.0, np.arange(3)) == (
        "odeint: `t` must be a floating-point array, got i32[3]."
    )
    assert raised(TypeError, decay, 1.0, [0.0, 1.0]) == (
        "odeint: `t` must be a floating-point array, got list."
    )
    assert raised(ValueError, decay, 1.0, TIMES[None]) == (
        "odeint: `t` must have one axis, got f32[1,5]."
    )
    assert raised(TypeError, decay, 1.0, TIMES, "fast") == (
        "odeint: expected arrays or Python numbers in `args`, got\n  args[0]: str\n"
        "Close over such values in `func`."
    )
    assert raised(TypeError, lambda y, t: (y,), 1.0, TIMES) == (
        "odeint: `func` must return a tree like `y0`, PyTreeDef(*), got "
        "PyTreeDef((*,))."
    )
    assert raised(TypeError, lambda y, t: 1, START, TIMES) == (
        "odeint: `func` must return arrays with the shapes and dtypes of `y0`, but\n"
        "  y0 is f32[2], the result ~i32[]"
    )
