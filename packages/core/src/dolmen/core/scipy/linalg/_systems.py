"""Systems of equations, inverses and determinants."""

import functools
from typing import Any

from ... import lax, numpy as jnp
from ..._ir import type_error, value_error
from ..._ops._matrices import conjugated, hermitian_from, matmul, take_rows
from ..._tracing import typeof
from ...numpy import linalg
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import type_of
from ._factors import triangular_factor
from ._operands import as_given, broadcast_batches, operands, square_matrices, system


@jit_when_eager(
    static_argnames=(
        "lower",
        "overwrite_a",
        "overwrite_b",
        "debug",
        "check_finite",
        "assume_a",
    )
)
def solve(
    a: ArrayLike,
    b: ArrayLike,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    debug: bool = False,
    check_finite: bool = True,
    assume_a: str = "gen",
) -> Array:
    """The solution of ``a @ x == b``.

    Args:
        a: ``[..., n, n]``.
        b: ``[n]`` or ``[..., n, k]``; leading axes broadcast.
        lower: with "pos", the triangle of `a` that is read.
        overwrite_a: ignored.
        overwrite_b: ignored.
        debug: ignored.
        check_finite: ignored.
        assume_a: "gen"; "pos" for Hermitian positive definite matrices, whose Cholesky
            factors are used; "sym" and "her" are taken as "gen".

    Returns:
        An array like `b`; not finite where `a` is singular, or with "pos" not positive
        definite (SciPy raises).

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: `a` is not square, `b` has other sizes, or another `assume_a`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.solve(jnp.array([[2, 0], [1, 4]]), jnp.array([2, 9]))
        Array([1., 2.], dtype=float32)
    """
    if assume_a not in ("gen", "sym", "her", "pos"):
        raise value_error(
            f"solve: `assume_a` must be 'gen', 'sym', 'her' or 'pos', got {assume_a!r}."
        )
    if assume_a != "pos":
        return linalg.solve(*operands("solve", a=a, b=b))
    a, b, vectors = system("solve", "a", a, b)
    factor = triangular_factor(lax.stop_gradient(a), lower)
    # Derivatives, too, are those with respect to the triangle that is read.
    whole = hermitian_from(a, lower=lower)

    def solved(_: Any, right: Any) -> Any:
        return _from_cholesky(factor, right, lower)

    def transposed(_: Any, right: Any) -> Any:
        return conjugated(_from_cholesky(factor, conjugated(right), lower))

    x = lax.custom_linear_solve(
        lambda x: matmul(whole, x), b, solve=solved, transpose_solve=transposed
    )
    return as_given(x, vectors)


def _from_cholesky(factor: Any, b: Any, lower: bool) -> Any:
    """Solve with the matrices that have these Cholesky factors."""
    for adjoint in (not lower, lower):
        b = lax.linalg.triangular_solve(
            factor,
            b,
            left_side=True,
            lower=lower,
            transpose_a=adjoint,
            conjugate_a=adjoint,
        )
    return b


def cho_solve(
    c_and_lower: tuple[ArrayLike, bool],
    b: ArrayLike,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    """The solution of ``a @ x == b`` from Cholesky factors of `a`.

    Args:
        c_and_lower: what `cho_factor` returns: the triangular matrices ``[..., n, n]``
            and whether they are lower ones.
        b: ``[n]`` or ``[..., n, k]``, or ``[..., n]`` with one axis less than the
            matrices; leading axes broadcast.
        overwrite_b: ignored.
        check_finite: ignored.

    Returns:
        An array like `b`.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: the matrices are not square, or `b` has other sizes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> factor = linalg.cho_factor(jnp.array([[4.0, 2.0], [2.0, 5.0]]))
        >>> x = linalg.cho_solve(factor, jnp.array([8.0, 12.0]))
        >>> bool(jnp.allclose(x, jnp.array([1.0, 2.0])))
        True
    """
    del overwrite_b, check_finite
    c, lower = c_and_lower
    return _cho_solve(c, b, bool(lower))


@jit_when_eager(name="cho_solve", static_argnames=("lower",))
def _cho_solve(c: Any, b: Any, lower: bool) -> Any:
    c, b, vectors = system("cho_solve", "c", c, b)
    return as_given(_from_cholesky(c, b, lower), vectors)


@jit_when_eager(static_argnames=("trans", "overwrite_b", "check_finite"))
def lu_solve(
    lu_and_piv: tuple[Array, ArrayLike],
    b: ArrayLike,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:
    """The solution of ``a @ x == b`` from LU factors of `a`.

    Args:
        lu_and_piv: what `lu_factor` returns: the factors ``[..., n, n]`` and the
            pivots ``[..., n]``.
        b: ``[n]`` or ``[..., n, k]``, or ``[..., n]`` with one axis less than the
            factors; leading axes broadcast.
        trans: 0; 1 to solve with the transpose of `a`, 2 with its adjoint.
        overwrite_b: ignored.
        check_finite: ignored.

    Returns:
        An array like `b`; not finite where `a` is singular.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: the factors are not square, `b` has other sizes, or another
            `trans`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> factors = linalg.lu_factor(jnp.array([[2.0, 0.0], [1.0, 4.0]]))
        >>> linalg.lu_solve(factors, jnp.array([2.0, 9.0]))
        Array([1., 2.], dtype=float32)
    """
    if trans not in (0, 1, 2):
        raise value_error(f"lu_solve: `trans` must be 0, 1 or 2, got {trans!r}.")
    lu, pivots = lu_and_piv
    lu, b, vectors = system("lu_solve", "lu", lu, b)
    pivots = _pivots(pivots, typeof(lu).shape[-1])
    _, pivots = broadcast_batches("lu_solve", lu, pivots, ranks=(2, 1))
    permutation = lax.linalg.lu_pivots_to_permutation(pivots, typeof(lu).shape[-1])
    solve = functools.partial(
        lax.linalg.triangular_solve,
        lu,
        left_side=True,
        transpose_a=trans > 0,
        conjugate_a=trans == 2,
    )
    if trans == 0:
        x = solve(take_rows(b, permutation), lower=True, unit_diagonal=True)
        return as_given(solve(x), vectors)
    x = solve(solve(b), lower=True, unit_diagonal=True)
    return as_given(take_rows(x, jnp.argsort(permutation)), vectors)


def _pivots(pivots: Any, n: int) -> Any:
    """What `lu_factor` gives beside the factors, of whatever integer dtype."""
    type = type_of("lu_solve", "piv", pivots)
    if not jnp.issubdtype(type.dtype, jnp.integer):
        raise type_error(f"lu_solve: `piv` must be integers, got {type!r}.")
    if type.shape[-1:] != (n,):
        raise value_error(
            f"lu_solve: `piv` must have {n} entries, as `lu` has rows, got {type!r}."
        )
    return lax.convert_element_type(pivots, "int32")


_FORMS = {0: "N", 1: "T", 2: "C", "N": "N", "T": "T", "C": "C"}


@jit_when_eager(
    static_argnames=(
        "trans",
        "lower",
        "unit_diagonal",
        "overwrite_b",
        "debug",
        "check_finite",
    )
)
def solve_triangular(
    a: ArrayLike,
    b: ArrayLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    debug: Any = None,
    check_finite: bool = True,
) -> Array:
    """The solution of ``a @ x == b`` with a triangular matrix `a`.

    Args:
        a: ``[..., n, n]``; one triangle is read.
        b: ``[n]`` or ``[..., n, k]``, or ``[..., n]`` with one axis less than `a`;
            leading axes broadcast.
        trans: 0 or "N"; 1 or "T" to solve with the transpose of `a`, 2 or "C" with its
            adjoint.
        lower: which triangle of `a` is read.
        unit_diagonal: take the diagonal of `a` for ones.
        overwrite_b: ignored.
        debug: ignored.
        check_finite: ignored.

    Returns:
        An array like `b`; not finite where the diagonal of `a` has a zero (SciPy
        raises).

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: `a` is not square, `b` has other sizes, or another `trans`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> a, b = jnp.array([[2.0, 0.0], [1.0, 4.0]]), jnp.array([2.0, 9.0])
        >>> linalg.solve_triangular(a, b, lower=True)
        Array([1., 2.], dtype=float32)
    """
    if trans not in _FORMS:
        raise value_error(
            "solve_triangular: `trans` must be 0, 1, 2, 'N', 'T' or 'C', got "
            f"{trans!r}."
        )
    a, b, vectors = system("solve_triangular", "a", a, b)
    x = lax.linalg.triangular_solve(
        a,
        b,
        left_side=True,
        lower=lower,
        transpose_a=_FORMS[trans] != "N",
        conjugate_a=_FORMS[trans] == "C",
        unit_diagonal=unit_diagonal,
    )
    return as_given(x, vectors)


def inv(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The inverse of square matrices ``[..., n, n]``.

    Not finite where `a` is singular (SciPy raises). `overwrite_a` and `check_finite`
    are ignored.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.inv(jnp.array([[2.0, 0.0], [0.0, 4.0]]))
        Array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    del overwrite_a, check_finite
    return linalg.inv(square_matrices("inv", "a", a))


def det(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """The determinants ``[...]`` of square matrices ``[..., n, n]``.

    Derivatives are not finite where `a` is singular. `overwrite_a` and `check_finite`
    are ignored.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.det(jnp.array([[3.0, 1.0], [0.0, 4.0]]))
        Array(12., dtype=float32)
    """
    del overwrite_a, check_finite
    return linalg.det(square_matrices("det", "a", a))
