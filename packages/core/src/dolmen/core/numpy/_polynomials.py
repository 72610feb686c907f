"""Arithmetic of polynomials, given by their coefficients from the highest power on."""

import operator
from typing import Any

import numpy as np

from .. import lax
from .._ir import type_error, value_error
from .._tracing import concrete, not_concrete, typeof
from . import linalg
from ._array_like import Array, ArrayLike
from ._creation import eye, known_number
from ._eager import body, jit_when_eager
from ._joining import concatenate, stack
from ._logic import where
from ._manipulation import as_array, atleast_1d, broadcast_to, roll
from ._products import outer
from ._promotion import convert, promote_args, promote_args_inexact, type_of
from ._signals import convolve
from ._sorting import alike


def _coefficients(function: str, **given: Any) -> list[Any]:
    """The coefficients as arrays with one axis, in a common dtype."""
    for name, p in given.items():
        type = type_of(function, name, p)
        if type.ndim > 1:
            raise value_error(
                f"{function}: `{name}` must have at most one axis, got {type!r}."
            )
    return [atleast_1d(as_array(p)) for p in alike(function, *given.values())]


def _inexact(function: str, p: Any) -> Any:
    (made,) = promote_args_inexact(function, p)
    return made


def _trimmed(
    function: str, p: Any, instead: str = "Pass `trim_leading_zeros=False`."
) -> Any:
    """Without leading zeros, which takes concrete coefficients."""
    known = concrete(p)
    if known is None:
        raise not_concrete(
            p,
            "int",
            f"{function} (the size of its result)",
            instead,
        )
    return p[np.argmax(np.append(np.asarray(known) != 0, True)) :]


# ---- sums, products, quotients -----------------------------------------------------


@jit_when_eager
def polyadd(a1: ArrayLike, a2: ArrayLike) -> Array:
    """Sum of two polynomials.

    Args:
        a1: ``[n]`` coefficients, highest power first.
        a2: ``[m]`` coefficients.

    Returns:
        ``[max(n, m)]`` coefficients.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.polyadd(jnp.array([1, 2, 3]), jnp.array([4, 5])).tolist()
        [1, 6, 8]
    """
    p, q = _aligned(_coefficients("polyadd", a1=a1, a2=a2))
    return p + q


@jit_when_eager
def polysub(a1: ArrayLike, a2: ArrayLike) -> Array:
    """Difference of two polynomials; arguments and result as of `polyadd`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.polysub(jnp.array([1.0, 2.0]), jnp.array([1.0]))
        Array([1., 1.], dtype=float32)
    """
    p, q = _aligned(_coefficients("polysub", a1=a1, a2=a2))
    return p - q


def _aligned(polynomials: list[Any]) -> list[Any]:
    size = max(len(p) for p in polynomials)
    zero = np.zeros((), polynomials[0].dtype)
    return [lax.pad(p, zero, [(size - len(p), 0, 0)]) for p in polynomials]


def polymul(a1: ArrayLike, a2: ArrayLike, *, trim_leading_zeros: bool = False) -> Array:
    """Product of two polynomials; integers are taken as floating point.

    Args:
        a1: ``[n]`` coefficients, highest power first.
        a2: ``[m]`` coefficients.
        trim_leading_zeros: drop those of the operands first, as NumPy does; then they
            can't be traced.

    Returns:
        ``[n + m - 1]`` coefficients.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.polymul(jnp.array([1.0, 1.0]), jnp.array([1.0, -1.0])).tolist()
        [1.0, 0.0, -1.0]
    """
    factors = _coefficients("polymul", a1=a1, a2=a2)
    if trim_leading_zeros:
        factors = [_trimmed("polymul", p) for p in factors]
    # The product with a polynomial without coefficients is zero.
    factors = [p if len(p) else lax.full((1,), 0, p.dtype) for p in factors]
    return convolve(*factors)


def polydiv(
    u: ArrayLike, v: ArrayLike, *, trim_leading_zeros: bool = False
) -> tuple[Array, Array]:
    """Quotient and rest of two polynomials; integers are taken as floating point.

    Args:
        u: ``[n]`` coefficients of the dividend, highest power first.
        v: ``[m]`` coefficients of the divisor, the first one not zero.
        trim_leading_zeros: drop those of the rest, as NumPy does; then the operands
            can't be traced.

    Returns:
        ``[max(n - m + 1, 1)]`` and ``[n]`` coefficients.

    Raises:
        ValueError: `v` is empty.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> q, r = jnp.polydiv(jnp.array([2.0, 5.0, 3.0]), jnp.array([1.0, 1.0]))
        >>> q.tolist(), r.tolist()
        ([2.0, 3.0], [0.0, 0.0, 0.0])
    """
    if not type_of("polydiv", "v", v).size:
        raise value_error("polydiv: `v` must have coefficients, got none.")
    quotient, rest = _polydiv(u, v)
    return quotient, _trimmed("polydiv", rest) if trim_leading_zeros else rest


@jit_when_eager
def _polydiv(u: Any, v: Any) -> Any:
    """Long division: each step takes the leading coefficient of the rest away."""
    rest, divisor = (_inexact("polydiv", p) for p in _coefficients("polydiv", u=u, v=v))
    steps = len(rest) - len(divisor) + 1
    if steps < 1:
        return lax.full((1,), 0, rest.dtype), rest
    quotient = []
    for i in range(steps):
        quotient.append(rest[i] / divisor[0])
        rest = rest.at[i : i + len(divisor)].add(-quotient[-1] * divisor)
        rest = rest.at[i].set(0)
    return stack(quotient), rest


# ---- roots ---------------------------------------------------------------------------


def roots(p: ArrayLike, *, strip_zeros: bool = True) -> Array:
    """The roots of a polynomial: the eigenvalues of its companion matrix.

    Args:
        p: ``[n]`` coefficients, highest power first; a scalar has no roots.
        strip_zeros: drop leading zeros first, as NumPy does; then `p` can't be traced.
            Without it each of them has a root NaN, at the end of the result.

    Returns:
        Complex ``[n - 1]``, or less without leading zeros, in no particular order. The
        derivatives are finite where the roots are distinct.

    Raises:
        ValueError: `p` has more than one axis.
        TracingError: `p` is traced, and leading zeros are to be dropped.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.roots(jnp.array([2.0, -3.0, 1.0])).real.tolist()
        [1.0, 0.5]
    """
    (given,) = _coefficients("roots", p=p)
    if strip_zeros and len(given) > 1:
        return _roots(_trimmed("roots", given, "Pass `strip_zeros=False`."))
    return _roots_and_nan(given)


@jit_when_eager(name="roots")
def _roots(p: Any) -> Any:
    p = _inexact("roots", p)
    if len(p) < 2:
        return linalg.eigvals(eye(0, dtype=p.dtype))
    below = eye(len(p) - 2, len(p) - 1, dtype=p.dtype)
    return linalg.eigvals(concatenate(((-p[1:] / p[0])[None], below)))


@jit_when_eager(name="roots")
def _roots_and_nan(p: Any) -> Any:
    leading = (p != 0).cumsum() == 0
    count = leading.sum()
    # Zeros moved to the end are roots zero; instead of these there shall be NaN.
    found = _roots(roll(where(leading.all(), 1, p), -count))
    _, found = lax.sort_key_val(found == 0, found)
    place = lax.iota(count.dtype, len(found))
    return where(place < len(found) - count, found, complex(np.nan, np.nan))


@jit_when_eager
def poly(seq_of_zeros: ArrayLike) -> Array:
    """The polynomial with given roots, or the characteristic one of a matrix.

    Args:
        seq_of_zeros: roots ``[n]``, a scalar for one, or a square matrix ``[n, n]``
            whose eigenvalues are the roots.

    Returns:
        ``[n + 1]`` coefficients, highest power first, which has the coefficient 1;
        complex for a matrix (NumPy finds out whether they are real). Of no roots it is
        the scalar 1.

    Raises:
        ValueError: another shape, or a matrix without elements.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.poly(jnp.array([1, 2, 3])).tolist()
        [1.0, -6.0, 11.0, -6.0]
    """
    type = type_of("poly", "seq_of_zeros", seq_of_zeros)
    found: Any = atleast_1d(_inexact("poly", seq_of_zeros))
    if type.ndim == 2 and type.shape[0] == type.shape[1] != 0:
        found = linalg.eigvals(found)
    if found.ndim != 1:
        raise value_error(
            "poly: `seq_of_zeros` must have at most one axis, or be a square matrix "
            f"with elements, got {type!r}."
        )
    one = lax.full((1,), 1, found.dtype)
    if not len(found):
        return one[0]
    zeros = lax.full(found.shape, 0, found.dtype)

    def times(p: Any, root: Any) -> Any:
        """The product with ``x - root``."""
        return p.at[1:].add(-root * p[:-1]), None

    return lax.scan(times, concatenate((one, zeros)), found)[0]


# ---- calculus ----------------------------------------------------------------------


@jit_when_eager(static_argnames=("m",))
def polyder(p: ArrayLike, m: int = 1) -> Array:
    """Derivative of a polynomial; integers are taken as floating point.

    Args:
        p: ``[n]`` coefficients, highest power first.
        m: how often.

    Returns:
        ``[max(n - m, 0)]`` coefficients.

    Raises:
        ValueError: `m` is negative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.polyder(jnp.array([1.0, 2.0, 3.0])).tolist()
        [2.0, 2.0]
    """
    (made,) = _coefficients("polyder", p=p)
    made = _inexact("polyder", made)
    for _ in range(_order("polyder", m)):
        size = len(made)
        made = made[:-1] * np.arange(size - 1, 0, -1).astype(made.dtype)
    return made


@jit_when_eager(static_argnames=("m",))
def polyint(p: ArrayLike, m: int = 1, k: ArrayLike | None = None) -> Array:
    """Antiderivative of a polynomial; integers are taken as floating point.

    Args:
        p: ``[n]`` coefficients, highest power first.
        m: how often.
        k: constants of integration, one number or ``[m]``; by default 0.

    Returns:
        ``[n + m]`` coefficients.

    Raises:
        ValueError: `m` is negative, or `k` has another size.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.polyint(jnp.array([2.0, 2.0]), k=3.0).tolist()
        [1.0, 2.0, 3.0]
    """
    count = _order("polyint", m)
    (made,) = _coefficients("polyint", p=p)
    made = _inexact("polyint", made)
    type = type_of("polyint", "k", 0 if k is None else k)
    if type.shape not in ((), (1,), (count,)):
        raise value_error(
            f"polyint: `k` must be a number or have {count} elements, got {type!r}."
        )
    constants = broadcast_to(convert(0 if k is None else k, made.dtype), (count,))
    for i in range(count):
        powers = np.arange(len(made), 0, -1).astype(made.dtype)
        made = concatenate([made / powers, constants[i : i + 1]])
    return made


def _order(function: str, m: Any, argument: str = "m") -> int:
    try:
        order = operator.index(m)
    except TypeError:
        raise type_error(
            f"{function}: `{argument}` must be an integer, got {m!r:.60}."
        ) from None
    if order < 0:
        raise value_error(
            f"{function}: `{argument}` must not be negative, got {order}."
        )
    return order


# ---- values ------------------------------------------------------------------------


@jit_when_eager(static_argnames=("unroll",))
def polyval(p: ArrayLike, x: ArrayLike, *, unroll: int = 16) -> Array:
    """Values of a polynomial, by Horner's scheme.

    Args:
        p: ``[n, ...]`` coefficients, highest power first; further axes broadcast with
            those of `x`.
        x: places of any shape.
        unroll: up to so many steps are written out; more become a loop.

    Returns:
        Values in the shape of `x`, in the dtype the operands promote to.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.polyval(jnp.array([1, 0, 2]), jnp.array([2, 3])).tolist()
        [6, 11]
    """
    type = type_of("polyval", "p", p)
    type_of("polyval", "x", x)
    if not type.ndim:
        raise value_error(f"polyval: `p` must have an axis, got {type!r}.")
    coefficients, at = (as_array(v) for v in alike("polyval", p, x))
    shape = lax.broadcast_shapes(type.shape[1:], typeof(at).shape)
    made = lax.full(shape, 0, typeof(at).dtype)

    def step(value: Any, coefficient: Any) -> Any:
        return value * at + coefficient, None

    if type.shape[0] > unroll:
        return lax.scan(step, made, coefficients, unroll=unroll)[0]
    for i in range(type.shape[0]):
        made, _ = step(made, coefficients[i])
    return made


@jit_when_eager(static_argnames=("N", "increasing"))
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    """Matrix whose columns are powers of `x`.

    Args:
        x: ``[n]`` numbers.
        N: number of columns, by default `n`.
        increasing: the power 0 comes first, not last.

    Returns:
        ``[n, N]`` in the dtype of `x`.

    Raises:
        ValueError: `x` has not one axis, or `N` is negative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.vander(jnp.array([2, 3]), 3).tolist()
        [[4, 2, 1], [9, 3, 1]]
    """
    type = type_of("vander", "x", x)
    if type.ndim != 1:
        raise value_error(f"vander: `x` must have one axis, got {type!r}.")
    columns = type.shape[0] if N is None else operator.index(N)
    if columns < 0:
        raise value_error(f"vander: `N` must not be negative, got {columns}.")
    (x,) = promote_args("vander", as_array(x))
    powers = [lax.full_like(x, 1)]
    for _ in range(columns - 1):
        powers.append(powers[-1] * x)
    powers = powers[:columns] if increasing else powers[:columns][::-1]
    if not columns:
        return lax.full((type.shape[0], 0), 0, type.dtype)
    return stack(powers, axis=1)


# ---- fitting -----------------------------------------------------------------------


def polyfit(
    x: ArrayLike,
    y: ArrayLike,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: ArrayLike | None = None,
    cov: bool | str = False,
) -> Any:
    """The polynomial that is nearest to samples, by least squares.

    Half precision is computed with, and returned, as float32.

    Args:
        x: ``[n]`` places; integers are taken as floating point, as in `y`.
        y: ``[n]`` or ``[n, k]`` samples; each column has a polynomial of its own.
        deg: degree of the polynomial.
        rcond: singular values up to this times the greatest count as zero; by default
            `n` times the dtype's epsilon.
        full: return also how good the fit is.
        w: ``[n]`` weights of the distances, which are squared with them.
        cov: return also the covariance of the coefficients; "unscaled" takes the
            weights for the inverse deviations of the samples.

    Returns:
        ``[deg + 1]`` or ``[deg + 1, k]`` coefficients, highest power first. With `full`
        a tuple of them, ``[1]`` or ``[k]`` sums of squared distances, the rank and the
        ``[deg + 1]`` singular values of the scaled problem, and `rcond`; else with
        `cov` a pair of them and their covariances, ``[deg + 1, deg + 1]`` or
        ``[deg + 1, deg + 1, k]``.

    Raises:
        TypeError: `x`, `y` or `w` has another shape, as of NumPy.
        ValueError: `deg` is negative, or `n` too small for covariances.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.array([0.0, 1.0, 2.0, 3.0])
        >>> jnp.polyfit(x, 2 * x + 1, 1).round(3)
        Array([2., 1.], dtype=float32)
    """
    order = _order("polyfit", deg, "deg") + 1
    if rcond is not None:
        rcond = float(known_number("polyfit", "rcond", rcond))
    given = {"x": x, "y": y} | ({} if w is None else {"w": w})
    types = {name: type_of("polyfit", name, v) for name, v in given.items()}
    if types["x"].ndim != 1 or not types["x"].size:
        raise type_error(
            f"polyfit: `x` must have one axis and not be empty, got {types['x']!r}."
        )
    for name, ranks in (("y", (1, 2)), ("w", (1,))):
        type = types.get(name, types["x"])
        if type.ndim not in ranks or type.shape[0] != types["x"].size:
            raise type_error(
                f"polyfit: `{name}` must have as many rows as `x` has elements: `x` is "
                f"{types['x']!r}, `{name}` is {type!r}."
            )
    scaled = cov and cov != "unscaled" and not full
    if scaled and types["x"].size <= order:
        raise value_error(
            f"polyfit: covariances of {order} coefficients take more than {order} "
            f"samples, got {types['x'].size}.",
            "Pass more samples, or `cov='unscaled'`.",
        )
    options = {"order": order, "rcond": rcond, "full": bool(full), "cov": cov}
    return _polyfit(x, y, w, **options)


@jit_when_eager(name="polyfit", static_argnames=("order", "rcond", "full", "cov"))
def _polyfit(
    x: Any,
    y: Any,
    w: Any,
    *,
    order: int,
    rcond: float | None,
    full: bool,
    cov: bool | str,
) -> Any:
    x, y, *weights = alike("polyfit", x, y, *([] if w is None else [w]))
    x, y, *weights = (_inexact("polyfit", as_array(v)) for v in (x, y, *weights))
    if typeof(x).dtype.itemsize < 4:  # LAPACK has no half precision
        x, y, *weights = (v.astype(np.float32) for v in (x, y, *weights))
    if rcond is None:
        rcond = len(x) * float(np.finfo(typeof(x).dtype).eps)
    matrix = body(vander)(x, order)
    for weight in weights:
        matrix = matrix * weight[:, None]
        y = y * (weight if y.ndim == 1 else weight[:, None])
    # Columns of equal length make the problem as well-posed as scaling can.
    lengths = lax.sqrt((abs(matrix) ** 2).sum(0))
    scaled = matrix / lengths
    found, distances, rank, values = linalg.lstsq(scaled, y, rcond)
    made = (found.T / lengths).T
    if full:
        more = [distances, rank, values, lax.full((), rcond, lengths.dtype)]
    elif cov:
        spread = linalg.inv(scaled.T @ scaled) / outer(lengths, lengths)
        factor = 1 if cov == "unscaled" else distances / (len(x) - order)
        more = [spread * factor if y.ndim == 1 else spread[:, :, None] * factor]
    else:
        return made
    return made, *more
