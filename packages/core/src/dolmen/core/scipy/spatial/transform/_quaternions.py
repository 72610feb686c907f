"""Rotations as unit quaternions, and what else describes them.

A quaternion is ``[..., 4]``, its scalar part last. Functions here take arrays that were
checked, of one inexact dtype, with any leading axes.
"""

from typing import Any

import numpy as np

from .... import lax, numpy as jnp
from ...._tracing import typeof
from ....numpy._eager import jit_when_eager


@jit_when_eager
def normalized(quat: Any) -> Any:
    """Of length 1; NaN for zeros."""
    return quat / jnp.sqrt((quat**2).sum(-1, keepdims=True))


@jit_when_eager
def product(p: Any, q: Any) -> Any:
    """Hamilton's product, the rotation by `q` and then by `p`."""
    u, v, a, b = p[..., :3], q[..., :3], p[..., 3:], q[..., 3:]
    vector = a * v + b * u + jnp.cross(u, v)
    scalar = a * b - (u * v).sum(-1, keepdims=True)
    return jnp.concatenate([vector, scalar], -1)


@jit_when_eager
def conjugate(quat: Any) -> Any:
    """The inverse rotation."""
    return quat * np.array([-1, -1, -1, 1], typeof(quat).dtype)


@jit_when_eager
def canonical(quat: Any) -> Any:
    """Of a rotation's two quaternions that of positive scalar part.

    Where that is 0, the first other part that isn't is positive.
    """
    x, y, z, w = (quat[..., i] for i in range(4))
    first = jnp.where(w != 0, w, jnp.where(x != 0, x, jnp.where(y != 0, y, z)))
    return jnp.where((first < 0)[..., None], -quat, quat)


def _above(quat: Any) -> Any:
    """The one whose scalar part isn't negative: the shorter way around."""
    return jnp.where(quat[..., 3:] < 0, -quat, quat)


# ---- matrices ----------------------------------------------------------------------


@jit_when_eager
def to_matrix(quat: Any) -> Any:
    """``[..., 3, 3]``."""
    x, y, z, w = (quat[..., i] for i in range(4))
    entries = [
        [x * x - y * y - z * z + w * w, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), y * y - x * x - z * z + w * w, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), z * z - x * x - y * y + w * w],
    ]
    return jnp.stack([jnp.stack(row, -1) for row in entries], -2)


@jit_when_eager
def from_matrix(matrix: Any) -> Any:
    """From ``[..., 3, 3]``, by the formula that divides by the largest part.

    Source: Markley, "Unit quaternion from rotation matrix", Journal of Guidance,
    Control, and Dynamics 31 (2008).
    """
    m = [[matrix[..., i, j] for j in range(3)] for i in range(3)]
    trace = m[0][0] + m[1][1] + m[2][2]
    candidates = []
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        parts: list[Any] = [None] * 4
        parts[i] = 1 - trace + 2 * m[i][i]
        parts[j], parts[k] = m[j][i] + m[i][j], m[k][i] + m[i][k]
        parts[3] = m[k][j] - m[j][k]
        candidates.append(jnp.stack(parts, -1))
    turns = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    candidates.append(jnp.stack([*turns, 1 + trace], -1))
    sizes = jnp.stack([m[0][0], m[1][1], m[2][2], trace], -1)
    largest = jnp.argmax(sizes, -1)[..., None]
    made = candidates[3]
    for i in range(3):
        made = jnp.where(largest == i, candidates[i], made)
    return normalized(made)


# ---- vectors along the axis --------------------------------------------------------

# Below this square of a length, series replace quotients of vanishing numbers: so
# derivatives exist there. The first terms left out are below a double's precision.
_SMALL = 1e-5


@jit_when_eager
def from_rotvec(vector: Any) -> Any:
    """From ``[..., 3]``, the axis times the angle."""
    square = (vector**2).sum(-1, keepdims=True)
    is_small = square < _SMALL
    half = jnp.sqrt(jnp.where(is_small, 1, square)) / 2
    series = 0.5 - square / 48 * (1 - square / 80)
    scale = jnp.where(is_small, series, jnp.sin(half) / (2 * half))
    near = 1 - square / 8 * (1 - square / 48)
    scalar = jnp.where(is_small, near, jnp.cos(half))
    return jnp.concatenate([scale * vector, scalar], -1)


@jit_when_eager
def to_rotvec(quat: Any) -> Any:
    """To ``[..., 3]``, of length at most pi."""
    quat = _above(quat)
    vector, scalar = quat[..., :3], quat[..., 3:]
    square = (vector**2).sum(-1, keepdims=True)
    is_small = square < _SMALL
    length = jnp.sqrt(jnp.where(is_small, 1, square))
    series = 2 + square / 3 * (1 + square * 9 / 20)
    return vector * jnp.where(
        is_small, series, 2 * jnp.arctan2(length, scalar) / length
    )


@jit_when_eager
def magnitude(quat: Any) -> Any:
    """The angle, ``[...]``, between 0 and pi."""
    square = (quat[..., :3] ** 2).sum(-1)
    length = jnp.where(square == 0, 0, jnp.sqrt(jnp.where(square == 0, 1, square)))
    return 2 * jnp.arctan2(length, abs(quat[..., 3]))


@jit_when_eager
def from_mrp(vector: Any) -> Any:
    """From ``[..., 3]``, the axis times the tangent of a quarter of the angle."""
    square = (vector**2).sum(-1, keepdims=True)
    return jnp.concatenate([2 * vector, 1 - square], -1) / (1 + square)


@jit_when_eager
def to_mrp(quat: Any) -> Any:
    """To ``[..., 3]``, of length at most 1."""
    quat = _above(quat)
    return quat[..., :3] / (1 + quat[..., 3:])


# ---- angles around axes ------------------------------------------------------------


@jit_when_eager(static_argnames=("axes", "intrinsic"))
def from_euler(angles: Any, axes: tuple[int, ...], intrinsic: bool) -> Any:
    """From ``[..., len(axes)]``, rotations one after the other.

    Args:
        axes: 0, 1 or 2, for each rotation.
        intrinsic: whether the axes move with the body.
    """
    made: Any = None
    for n, axis in enumerate(axes):
        half = angles[..., n] / 2
        parts = [jnp.zeros_like(half)] * 3 + [jnp.cos(half)]
        parts[axis] = jnp.sin(half)
        turn = jnp.stack(parts, -1)
        if made is None:
            made = turn
        else:
            made = product(made, turn) if intrinsic else product(turn, made)
    return made


@jit_when_eager(static_argnames=("axes", "intrinsic"))
def to_euler(quat: Any, axes: tuple[int, int, int], intrinsic: bool) -> Any:
    """To ``[..., 3]``; where these aren't unique, the third angle is 0.

    Source: Bernardes and Viollet, "Quaternion to Euler angles conversion: a direct,
    general and computationally efficient method", PLOS ONE 17 (2022).
    """
    i, j, k = axes[::-1] if intrinsic else axes
    proper = i == k
    if proper:
        k = 3 - i - j
    sign = (i - j) * (j - k) * (k - i) // 2
    x, y, z, w = quat[..., i], quat[..., j], quat[..., k] * sign, quat[..., 3]
    if proper:
        a, b, c, d = w, x, y, z
    else:
        a, b, c, d = w - y, x + z, y + w, z - x
    middle = 2 * jnp.arctan2(jnp.hypot(c, d), jnp.hypot(a, b))
    total, difference = jnp.arctan2(b, a), jnp.arctan2(d, c)
    near = max(1e-7, 10 * float(jnp.finfo(typeof(quat).dtype).eps))
    is_low, is_high = abs(middle) <= near, abs(middle - np.pi) <= near
    turned = 2 * difference * (1 if intrinsic else -1)
    first = total + difference if intrinsic else total - difference
    third = total - difference if intrinsic else total + difference
    first = jnp.where(is_low, 2 * total, jnp.where(is_high, turned, first))
    third = jnp.where(is_low | is_high, 0, third)
    if not proper:
        # The factor belongs to the last of the axes i, j, k.
        first, third = (first * sign, third) if intrinsic else (first, third * sign)
        middle = middle - np.pi / 2
    made = jnp.stack([first, middle, third], -1)
    made = jnp.where(made > np.pi, made - 2 * np.pi, made)
    return jnp.where(made < -np.pi, made + 2 * np.pi, made)


# ---- many rotations ----------------------------------------------------------------


@jit_when_eager
def mean(quat: Any, weights: Any) -> Any:
    """The rotation nearest to many, ``[n, 4]``, that count by weights ``[n]``.

    Source: Markley, Cheng, Crassidis and Oshman, "Averaging quaternions", Journal of
    Guidance, Control, and Dynamics 30 (2007).
    """
    moments = jnp.einsum(
        "n,ni,nj->ij", weights, quat, quat, precision=lax.Precision.HIGHEST
    )
    return jnp.linalg.eigh(moments)[1][:, -1]


@jit_when_eager(static_argnames=("inverse",))
def apply(quat: Any, vectors: Any, inverse: bool) -> Any:
    """The rotations of vectors ``[..., 3]``."""
    matrix = to_matrix(quat)
    if inverse:
        matrix = jnp.swapaxes(matrix, -1, -2)
    return (matrix * vectors[..., None, :]).sum(-1)
