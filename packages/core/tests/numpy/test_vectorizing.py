"""Functions of elements, rows and places agree with NumPy's loops."""

import numpy as np
import pytest

from dolmen.core import grad, jit, numpy as jnp

A = np.arange(6, dtype=np.float32).reshape(2, 3)
F = np.array([1.0, 2.0, 3.0], np.float32)
CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 9.5


def _dot(m):
    return m.vectorize(lambda x, y: (x * y).sum(), signature="(n),(n)->()")


CALLS = {
    "elements": lambda m: m.vectorize(lambda x, y: x - 2 * y)(A[:, None], F),
    "a core axis": lambda m: _dot(m)(CUBE.transpose(0, 2, 1), F),
    "an axis of size one": lambda m: _dot(m)(
        CUBE[:1], np.ones((3, 1), np.float32) @ CUBE[0, :1]
    ),
    "only axes of size one": lambda m: _dot(m)(A[:1], A[1:]),
    "new axes": lambda m: m.vectorize(
        lambda x, y: x[:, None] * y, signature="(n),(m)->(n,m)"
    )(A, F[:2]),
    "several results": lambda m: m.stack(
        m.vectorize(lambda x: (x.sum(), x.max()), signature="(n)->(),()")(A)
    ),
    "excluded by number": lambda m: m.vectorize(lambda x, k: x * k[1], excluded={1})(
        F, [5, 7]
    ),
    "excluded by name": lambda m: m.vectorize(lambda x, k: x * k, excluded={"k"})(
        F, k=2
    ),
    "rows": lambda m: m.apply_along_axis(np.cumsum if m is np else jnp.cumsum, 1, CUBE),
    "rows to scalars": lambda m: m.apply_along_axis(m.sum, 0, CUBE),
    "rows to matrices": lambda m: m.apply_along_axis(lambda x: m.outer(x, x), 1, CUBE),
    "rows with arguments": lambda m: m.apply_along_axis(m.add, -1, A, 2.5),
    "axes": lambda m: m.apply_over_axes(m.sum, CUBE, [0, -1]),
    "axes kept": lambda m: m.apply_over_axes(m.cumsum, CUBE, (0, 2)),
    "places": lambda m: m.fromfunction(lambda i, j: i - 3 * j, (2, 3), dtype=int),
    "places with arguments": lambda m: m.fromfunction(lambda i, k: i * k, (3,), k=4),
    "pieces": lambda m: m.piecewise(F, [F < 2, F > 2], [lambda x: -x, 7]),
    "pieces otherwise": lambda m: m.piecewise(
        A, [A < 2, A < 4], [lambda x, k: x * k, 5, lambda x, k: x + k], 10
    ),
    "pieces of one condition": lambda m: m.piecewise(F, F < 2, [3, 4]),
    "pieces of stacked conditions": lambda m: m.piecewise(
        F, np.stack([F < 3, F > 1]), [1, 2]
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("run", [lambda f: f, jit], ids=["eager", "jit"])
def test_functions_agree_with_numpy(name, run):
    expected = CALLS[name](np)

    actual = np.asarray(run(lambda: CALLS[name](jnp))())

    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert actual.shape == expected.shape
    assert actual.dtype.kind == expected.dtype.kind


def test_vectorized_functions_are_differentiable():
    made = grad(lambda y: _dot(jnp)(A, y).sum())(F)

    np.testing.assert_allclose(made, A.sum(0))


def test_pieces_are_differentiable():
    made = grad(lambda x: jnp.piecewise(x, [x < 2], [jnp.sin, jnp.square]).sum())(F)

    np.testing.assert_allclose(made, [np.cos(1.0), 4.0, 6.0], rtol=1e-6)


ERRORS = {
    "vectorize: `signature` must be like '(n,m),(m)->(n)', got 'n->n'.": lambda: (
        jnp.vectorize(abs, signature="n->n")
    ),
    "vectorize: axis 'n' has size 2, but args[1] has 3.": lambda: _dot(jnp)(F[:2], F),
    "vectorize: args[0] must have the axes (n), got shape ().": lambda: _dot(jnp)(
        2.0, F
    ),
    "vectorize: expected 2 arguments to broadcast, got 1.": lambda: _dot(jnp)(F),
    "vectorize: its result must have no axes, got shape (3,).": lambda: jnp.vectorize(
        lambda x: x, signature="(n)->()"
    )(A),
    "vectorize: expected 2 results, got 1.": lambda: jnp.vectorize(
        abs, signature="()->(),()"
    )(F),
    "apply_over_axes: `func` must return 2 or 1 axes, got f32[].": lambda: (
        jnp.apply_over_axes(lambda x, axis: x.sum(), A, [0])
    ),
    "piecewise: `funclist` must have 1 entries, or one more, got 3.": lambda: (
        jnp.piecewise(F, [F < 2], [1, 2, 3])
    ),
}


@pytest.mark.parametrize("problem", ERRORS)
def test_wrong_arguments_are_told(problem):
    with pytest.raises(ValueError) as caught:
        ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem
