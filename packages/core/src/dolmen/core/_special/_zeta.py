"""The zeta function of Hurwitz."""

from collections.abc import Sequence
from typing import Any

from .._ops._arithmetic import add, mul, neg
from .._ops._elementwise import Elementwise, Term, constant_like, not_derived, stretched
from .._tracing import bind


def zeta(x: Any, q: Any) -> Any:
    """Elementwise zeta function of Hurwitz, the sum of `(q + n)**-x` over `n >= 0`.

    Args:
        x: floating point, above one.
        q: of the dtype of `x` and its shape, or one of the two has none.

    Returns:
        An array of the operands' shape; infinite at `x = 1` and where `q` is zero or a
        negative integer, NaN for a smaller `x`. No derivative by `x`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.zeta(2.0, 1.0)
        Array(1.644934, dtype=float32, weak_type=True)
    """
    return bind(Zeta(), x, q)


class Zeta(Elementwise):
    """Hurwitz's zeta function."""

    cheap = False
    kinds = "f"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`-x zeta(x + 1, q)` by `q`."""
        x, q = args

        def by_q(tangent: Any) -> Any:
            return mul(tangent, neg(mul(x, zeta(add(x, constant_like(x, 1)), q))))

        return not_derived(self.name, "x"), by_q

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`chlo.zeta`."""
        return builder.emit("chlo.zeta", stretched(builder, args))
