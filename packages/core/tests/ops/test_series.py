"""Power series go through every smooth operation as nested forward derivatives say."""

import functools

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core.experimental.jet import jet

from .rows import all_rows
from .test_rules import directions, in_smooth

# The first row of each primitive: rules do not depend on shapes.
SMOOTH = list({r.primitive: r for r in reversed(all_rows()) if r.smooth}.values())
ORDER = 3


def derivative(function, t):
    return dc.jvp(function, (t,), (np.ones(()),))[1]


def nested(function, curve, order):
    """Derivatives at zero of a function along a curve of one variable."""

    def along(t):
        return function(*curve(t))

    derivatives = []
    for _ in range(order):
        along = functools.partial(derivative, along)
        derivatives.append(along(np.zeros(())))
    return derivatives


@pytest.mark.parametrize("row", SMOOTH, ids=str)
def test_series_agree_with_nested_derivatives(row):
    wide = "complex128" if row.dtypes[0] in ("complex64", "complex128") else "float64"
    with dc.enable_x64(True):
        args = row.args(0, row.typical_shape, wide)
        function, point = in_smooth(row, args)
        h1, h2 = directions(row, args, 0), directions(row, args, 1)

        def curve(t):
            t = t.astype(wide)
            return [
                p + t * a + t * t / 2 * b for p, a, b in zip(point, h1, h2, strict=True)
            ]

        _, terms = jet(
            function,
            point,
            [[a, b, np.zeros_like(a)] for a, b in zip(h1, h2, strict=True)],
        )
        expected = nested(function, curve, ORDER)

    for k in range(ORDER):
        for own, want in zip(terms, expected[k], strict=True):
            np.testing.assert_allclose(own[k], want, rtol=1e-8, atol=1e-8)
