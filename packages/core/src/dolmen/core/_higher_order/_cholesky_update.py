"""The Cholesky factor of a matrix to which the square of a vector is added."""

from typing import Any

from .._ir import value_error
from .._ops import _arithmetic, _comparison, _creation, _selection, _shape, _slicing
from .._ops._conversion import stop_gradient
from .._ops._matrices import check_real
from .._ops._transcendental import sqrt
from .._tracing import typeof
from ._jit import jit_when_eager
from ._loops import scan


@jit_when_eager()
def cholesky_update(r_matrix: Any, w_vector: Any) -> Any:
    """The factor of ``R.mT @ R + outer(w, w)``, in quadratic time.

    A rotation of the first row of `R` and `w` makes the first element of `w` zero, one
    of the second row the second element, and so on.

    Args:
        r_matrix: floating point, not complex, ``[..., n, n]``: `R`, upper triangular.
        w_vector: the same dtype, ``[..., n]``.

    Returns:
        An upper triangular matrix like `r_matrix`. The derivative is not finite where a
        rotation is of nothing: an element on the diagonal and that of `w` are zero.

    Raises:
        TypeError: dtypes differ, or are others.
        ValueError: shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> r = jnp.array([[3.0, 0.0], [0.0, 2.0]])
        >>> lax.linalg.cholesky_update(r, jnp.array([4.0, 0.0]))
        Array([[5., 0.],
               [0., 2.]], dtype=float32)

    Source: Golub & Van Loan (2013), "Matrix Computations", section 6.5.4.
    """
    types = typeof(r_matrix), typeof(w_vector)
    check_real("cholesky_update", types)
    *batch, n = types[1].shape or (-1,)
    if types[0].shape != (*batch, n, n):
        raise value_error(
            "cholesky_update: expected a square matrix and a vector of the same size, "
            f"got {types[0]!r} and {types[1]!r}."
        )
    if n == 0:
        return r_matrix
    rank = len(batch)
    rows = _shape.move_axis(r_matrix, rank, 0)
    steps = _creation.iota("int32", n)
    _, updated = scan(_rotated, w_vector, (steps, rows))
    return _shape.move_axis(updated, 0, rank)


def _rotated(vector: Any, step: Any) -> tuple[Any, Any]:
    """The vector without its next element, and the row that takes it in."""
    index, row = step
    type = typeof(vector)
    axis = type.ndim - 1
    x, y = (_slicing.dynamic_index_in_dim(v, index, axis) for v in (row, vector))
    zero, one = _creation.zeros_like(x), _creation.full_like(x, 1)
    size = _arithmetic.max(_arithmetic.abs(x), _arithmetic.abs(y))
    is_nothing = _comparison.eq(size, zero)
    # Squares of quotients by the greater one don't overflow.
    scale = stop_gradient(_selection.choose(is_nothing, one, size))
    cosine, sine = _arithmetic.div(x, scale), _arithmetic.div(y, scale)
    length = sqrt(_arithmetic.add(_arithmetic.square(cosine), _arithmetic.square(sine)))
    # A row whose element of the vector is zero stays, also with a negative diagonal.
    length = _selection.choose(_comparison.eq(y, zero), cosine, length)
    length = _selection.choose(is_nothing, one, length)
    cosine = _selection.choose(is_nothing, one, _arithmetic.div(cosine, length))
    sine = _arithmetic.div(sine, length)
    c, s = (
        _shape.broadcast_in_dim(v, type.shape, range(type.ndim)) for v in (cosine, sine)
    )
    mul = _arithmetic.mul
    turned = _arithmetic.add(mul(c, row), mul(s, vector))
    return _arithmetic.sub(mul(c, vector), mul(s, row)), turned
