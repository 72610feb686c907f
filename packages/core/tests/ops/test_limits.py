"""Extrema of complex numbers: by real parts, and by imaginary parts of equal ones."""

import numpy as np
import pytest

from dolmen.core import enable_x64, jit, jvp, lax, numpy as jnp

X = np.array([0, 2j, 1, 1 - 3j, 0.5 + 9j, 1 - 4j])
WINDOWS = np.lib.stride_tricks.sliding_window_view(X, 3)
PLACES = np.array([1, 0, 1, 5])
UPDATES = np.array([3j, -1j, 1j, 1 + 1j])


def reduced_windows(reduce):
    return lambda x: reduce(x, (3,), (1,), ((0, 0),), (1,), (1,))


def updated(name):
    return lambda x: getattr(x.at[PLACES], name)(UPDATES)


def updated_in_numpy(ufunc):
    made = X.copy()
    ufunc.at(made, PLACES, UPDATES)
    return made


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: lax.reduce_max(x, (0,)), X.max()),
        (lambda x: lax.reduce_min(x, (0,)), X.min()),
        (lax.cummax, np.maximum.accumulate(X)),
        (lax.cummin, np.minimum.accumulate(X)),
        (reduced_windows(lax.reduce_window_max), WINDOWS.max(-1)),
        (reduced_windows(lax.reduce_window_min), WINDOWS.min(-1)),
        (updated("max"), updated_in_numpy(np.maximum)),
        (updated("min"), updated_in_numpy(np.minimum)),
        (lambda x: lax.max(x, lax.rev(x, (0,))), np.maximum(X, X[::-1])),
        (lambda x: lax.min(x, lax.rev(x, (0,))), np.minimum(X, X[::-1])),
    ],
)
def test_complex_numbers_are_ordered_as_in_numpy(function, expected):
    direction = 1j * np.arange(1, 7)  # real parts stay equal
    step = 1e-6

    with enable_x64(True):
        out, tangent = jit(lambda x, t: jvp(function, (x,), (t,)))(X, direction)
        above, below = (function(jnp.asarray(X + s * direction)) for s in (step, -step))
        quotient = (above - below) / (2 * step)

    np.testing.assert_array_equal(out, expected, strict=True)
    np.testing.assert_allclose(tangent, quotient, rtol=1e-6, atol=1e-6)
