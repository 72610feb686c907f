"""`Slerp`: paths through rotations."""

from typing import NamedTuple

from .... import numpy as jnp
from ...._ir import value_error
from ...._tracing import concrete, typeof
from ....numpy._array_like import Array, ArrayLike
from ....numpy._promotion import convert, to_inexact
from ...interpolate import is_ascending
from ._rotation import Rotation


class Slerp(NamedTuple):
    """Spherical linear interpolation between rotations at given times; a pytree.

    From one rotation to the next the body turns around a fixed axis at constant speed.

    Attributes:
        times: ``[n]``, ascending.
        timedelta: ``[n - 1]``, from each time to the next.
        rotations: the ``n - 1`` rotations that pieces begin with.
        rotvecs: ``[n - 1, 3]``, by what pieces rotate.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.spatial.transform import Rotation, Slerp
        >>> ends = Rotation.from_euler("z", jnp.array([[0.0], [90.0]]), degrees=True)
        >>> path = Slerp.init(jnp.array([0.0, 1.0]), ends)
        >>> path(0.5).magnitude().round(3)
        Array(0.785, dtype=float32)
    """

    times: Array
    timedelta: Array
    rotations: Rotation
    rotvecs: Array

    @classmethod
    def init(cls, times: ArrayLike, rotations: Rotation) -> "Slerp":
        """A path through rotations.

        Args:
            times: ``[n]`` real numbers, strictly ascending.
            rotations: ``n`` rotations, at least two.

        Raises:
            ValueError: there is a single rotation, or there are not as many times as
                rotations, or these don't ascend.
        """
        if rotations.single or len(rotations) < 2:
            raise value_error("Slerp.init: `rotations` must be at least two.")
        made = jnp.asarray(times)
        if typeof(made).shape != (len(rotations),):
            raise value_error(
                f"Slerp.init: `times` must have one axis of {len(rotations)} elements, "
                f"one for each of `rotations`, got {typeof(made)!r}."
            )
        known = concrete(made)
        if known is not None and not is_ascending(known):
            raise value_error("Slerp.init: `times` must be strictly ascending.")
        begins, ends = Rotation(rotations.quat[:-1]), Rotation(rotations.quat[1:])
        rotvecs = (begins.inv() * ends).as_rotvec()
        return cls(made, jnp.diff(made), begins, rotvecs)

    def __call__(self, times: ArrayLike) -> Rotation:
        """The rotations at some times.

        Args:
            times: ``[m]`` real numbers, or one. Before the first and behind the last
                rotation the turning goes on.

        Raises:
            ValueError: `times` has more than one axis.
        """
        made = jnp.asarray(times)
        type = typeof(made)
        if type.ndim > 1:
            raise value_error(
                f"Slerp: `times` must be a number or have one axis, got {type!r}."
            )
        made = convert(made, to_inexact(type.dtype))
        last = typeof(self.timedelta).shape[0] - 1
        piece = (jnp.searchsorted(self.times, made) - 1).clip(0, last)
        share = (made - self.times[piece]) / self.timedelta[piece]
        turn = Rotation.from_rotvec(self.rotvecs[piece] * share[..., None])
        return self.rotations[piece] * turn
