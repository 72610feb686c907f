"""`Rotation`: one or many rotations in space."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .... import numpy as jnp, random as _random
from ...._ir import dtypes, type_error, value_error
from ...._tracing import typeof
from ....numpy._array_like import Array, ArrayLike, DTypeLike
from ....numpy._promotion import convert, to_inexact
from . import _quaternions as quaternions


class Rotation(NamedTuple):
    """Rotations in space, kept as quaternions; a pytree.

    Make one by `from_quat`, `from_matrix`, `from_rotvec`, `from_mrp`, `from_euler`,
    `identity` or `random`. Methods work along all leading axes at once, of which a
    single rotation has none.

    Attributes:
        quat: ``[..., 4]``, of length 1, the scalar part last.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.spatial.transform import Rotation
        >>> r = Rotation.from_euler("z", 90, degrees=True)
        >>> r.apply(jnp.array([1.0, 0.0, 0.0])).round(5).tolist()
        [0.0, 1.0, 0.0]
        >>> (r * r).magnitude().round(4)
        Array(3.1416, dtype=float32)
    """

    quat: Array

    # ---- making rotations ----------------------------------------------------------

    @classmethod
    def from_quat(cls, quat: ArrayLike) -> "Rotation":
        """Rotations from quaternions of any length, scalar part last.

        Args:
            quat: ``[..., 4]`` real numbers; NaN rotations where all are 0.

        Raises:
            TypeError: `quat` is no array of real numbers.
            ValueError: it has not four parts.
        """
        return cls(quaternions.normalized(_parts("from_quat", "quat", quat, 4)))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> "Rotation":
        """Rotations from orthogonal matrices of determinant 1.

        Args:
            matrix: ``[..., 3, 3]`` real numbers; others than rotations aren't told, nor
                made orthogonal.

        Raises:
            TypeError: `matrix` is no array of real numbers.
            ValueError: it has another shape.
        """
        made = _parts("from_matrix", "matrix", matrix, 3)
        if typeof(made).shape[-2:] != (3, 3):
            raise value_error(
                "Rotation.from_matrix: `matrix` must have shape [..., 3, 3], got "
                f"{typeof(made)!r}."
            )
        return cls(quaternions.from_matrix(made))

    @classmethod
    def from_rotvec(cls, rotvec: ArrayLike, degrees: bool = False) -> "Rotation":
        """Rotations from vectors along the axis, as long as the angle.

        Args:
            rotvec: ``[..., 3]`` real numbers.
            degrees: whether angles are in degrees, rather than in radians.

        Raises:
            TypeError: `rotvec` is no array of real numbers.
            ValueError: it has not three parts.
        """
        vector = _parts("from_rotvec", "rotvec", rotvec, 3)
        return cls(quaternions.from_rotvec(jnp.deg2rad(vector) if degrees else vector))

    @classmethod
    def from_mrp(cls, mrp: ArrayLike) -> "Rotation":
        """Rotations from modified Rodrigues parameters.

        Args:
            mrp: ``[..., 3]`` real numbers, the axis times the tangent of a quarter of
                the angle.

        Raises:
            TypeError: `mrp` is no array of real numbers.
            ValueError: it has not three parts.
        """
        return cls(quaternions.from_mrp(_parts("from_mrp", "mrp", mrp, 3)))

    @classmethod
    def from_euler(
        cls, seq: str, angles: ArrayLike, degrees: bool = False
    ) -> "Rotation":
        """Rotations around up to three coordinate axes, one after the other.

        Args:
            seq: the axes: of "xyz" those that stay in place, of "XYZ" those that move
                with the body. Neighbors differ.
            angles: ``[..., len(seq)]`` real numbers, or one number for one axis.
            degrees: whether angles are in degrees, rather than in radians.

        Raises:
            TypeError: `angles` is no array of real numbers, or `seq` no string.
            ValueError: `seq` is no such sequence, or `angles` don't fit it.
        """
        axes, intrinsic = _axes("from_euler", seq, (1, 2, 3))
        made = jnp.atleast_1d(jnp.asarray(angles))
        made = _parts("from_euler", "angles", made, len(axes))
        made = jnp.deg2rad(made) if degrees else made
        return cls(quaternions.from_euler(made, axes, intrinsic))

    @classmethod
    def identity(cls, num: int | None = None, dtype: DTypeLike = float) -> "Rotation":
        """Rotations by nothing.

        Args:
            num: how many; None for a single one.
            dtype: of the quaternions.
        """
        one = jnp.array([0, 0, 0, 1], dtype=dtype)
        return cls(one if num is None else jnp.tile(one, (operator.index(num), 1)))

    @classmethod
    def random(cls, random_key: Array, num: int | None = None) -> "Rotation":
        """Random rotations, distributed uniformly.

        Args:
            random_key: of `dolmen.core.random`.
            num: how many; None for a single one.
        """
        shape = (4,) if num is None else (operator.index(num), 4)
        return cls.from_quat(_random.normal(random_key, shape))

    @classmethod
    def concatenate(cls, rotations: Sequence["Rotation"]) -> "Rotation":
        """Rotations one after the other along the first axis.

        Raises:
            ValueError: there are none, or their further axes differ.
        """
        return cls(jnp.concatenate([jnp.atleast_2d(r.quat) for r in rotations]))

    # ---- describing them -----------------------------------------------------------

    def as_quat(self, canonical: bool = False, scalar_first: bool = False) -> Array:
        """Quaternions ``[..., 4]`` of length 1.

        Args:
            canonical: choose of the two of each rotation the one whose scalar part is
                positive (where it is 0, the first other part).
            scalar_first: put the scalar part first.
        """
        quat = quaternions.canonical(self.quat) if canonical else self.quat
        return jnp.roll(quat, 1, -1) if scalar_first else quat

    def as_matrix(self) -> Array:
        """Matrices ``[..., 3, 3]``."""
        return quaternions.to_matrix(self.quat)

    def as_rotvec(self, degrees: bool = False) -> Array:
        """Vectors ``[..., 3]`` along the axis, as long as the angle, at most pi.

        Args:
            degrees: give degrees, rather than radians.
        """
        made = quaternions.to_rotvec(self.quat)
        return jnp.rad2deg(made) if degrees else made

    def as_mrp(self) -> Array:
        """Modified Rodrigues parameters ``[..., 3]``, of length at most 1."""
        return quaternions.to_mrp(self.quat)

    def as_euler(self, seq: str, degrees: bool = False) -> Array:
        """Angles ``[..., 3]`` around three coordinate axes.

        The first and third are between -pi and pi; the second is between 0 and pi if
        the first axis is also the third, else between -pi / 2 and pi / 2. At the ends
        of its range the others aren't unique and the third is 0.

        Args:
            seq: three axes, as for `from_euler`.
            degrees: give degrees, rather than radians.

        Raises:
            TypeError: `seq` is no string.
            ValueError: it is no such sequence.
        """
        axes, intrinsic = _axes("as_euler", seq, (3,))
        made = quaternions.to_euler(self.quat, axes, intrinsic)
        return jnp.rad2deg(made) if degrees else made

    def magnitude(self) -> Array:
        """Angles ``[...]``, between 0 and pi."""
        return quaternions.magnitude(self.quat)

    # ---- what they do --------------------------------------------------------------

    def apply(self, vectors: ArrayLike, inverse: bool = False) -> Array:
        """Rotated vectors.

        Args:
            vectors: ``[..., 3]`` real numbers, whose leading axes broadcast against
                those of the rotations.
            inverse: rotate back.

        Raises:
            TypeError: `vectors` is no array of real numbers.
            ValueError: it has not three parts, or the leading axes don't broadcast.
        """
        made = _parts("apply", "vectors", vectors, 3)
        _check_leading("apply", "vectors", self.quat, made)
        return quaternions.apply(self.quat, made, inverse=bool(inverse))

    def inv(self) -> "Rotation":
        """The rotations back."""
        return Rotation(quaternions.conjugate(self.quat))

    def mean(self, weights: ArrayLike | None = None) -> "Rotation":
        """The rotation that is nearest to all.

        Args:
            weights: ``[n]`` nonnegative numbers, how much each counts; by default
                equally.

        Raises:
            TypeError: there is a single rotation.
            ValueError: there are not as many weights as rotations.
        """
        quat = self.quat.reshape(-1, 4) if len(self) else self.quat
        count = typeof(quat).shape[0]
        given = jnp.ones(count) if weights is None else jnp.asarray(weights)
        if typeof(given).shape != typeof(self.quat).shape[:-1]:
            raise value_error(
                "Rotation.mean: `weights` must have an element for each of "
                f"{count} rotations, got {typeof(given)!r}."
            )
        given = convert(given.reshape(-1), typeof(quat).dtype)
        return Rotation(quaternions.mean(quat, given))

    @property
    def single(self) -> bool:
        """Whether this is a single rotation."""
        return typeof(self.quat).ndim == 1

    def __mul__(self, other: object) -> "Rotation":
        """Composition: `other`, and then this one."""
        if not isinstance(other, Rotation):
            return NotImplemented
        _check_leading("__mul__", "other", self.quat, other.quat)
        return Rotation(quaternions.product(self.quat, other.quat))

    def __rmul__(self, other: object) -> Any:
        """Nothing; a tuple would be repeated."""
        return NotImplemented

    def __getitem__(self, indexer: Any) -> "Rotation":  # type: ignore[override]
        """Some of the rotations, by an index of their first axes."""
        if self.single:
            raise type_error("Rotation: a single rotation has no elements.")
        return Rotation(self.quat[indexer])

    def __len__(self) -> int:
        """Number of rotations along the first axis."""
        if self.single:
            raise type_error("Rotation: a single rotation has no length.")
        return typeof(self.quat).shape[0]


# ---- arguments ---------------------------------------------------------------------


def _parts(method: str, name: str, value: Any, count: int) -> Any:
    """`value` as an inexact real array whose last axis has `count` elements."""
    made = jnp.asarray(value)
    type = typeof(made)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"Rotation.{method}: `{name}` must be real, got {type!r}.")
    if type.shape[-1:] != (count,):
        raise value_error(
            f"Rotation.{method}: `{name}` must have {count} elements along its last "
            f"axis, got {type!r}."
        )
    return jnp.asarray(made, to_inexact(type.dtype))  # strongly typed


def _check_leading(method: str, name: str, quat: Any, other: Any) -> None:
    shapes = typeof(quat).shape[:-1], typeof(other).shape[:-1]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise value_error(
            f"Rotation.{method}: the leading axes of the rotations and of `{name}` "
            f"don't broadcast: {shapes[0]} and {shapes[1]}."
        ) from None


def _axes(method: str, seq: str, lengths: Sequence[int]) -> tuple[Any, bool]:
    """Axes as numbers, and whether they move with the body."""
    if not isinstance(seq, str):
        raise type_error(f"Rotation.{method}: `seq` must be a string, got {seq!r:.60}.")
    axes = tuple("xyz".find(letter) for letter in seq.lower())
    if (
        len(axes) not in lengths
        or -1 in axes
        or (seq.lower() != seq and seq.upper() != seq)
        or any(map(operator.eq, axes, axes[1:]))
    ):
        count = "three" if lengths == (3,) else "up to three"
        raise value_error(
            f"Rotation.{method}: `seq` must name {count} axes, neighbors different, "
            f"all of 'xyz' or all of 'XYZ', got {seq!r}."
        )
    return axes, seq.isupper()
