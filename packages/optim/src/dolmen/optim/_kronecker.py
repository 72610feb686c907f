"""Shampoo and SOAP: second moments of matrices as a product of one factor per axis.

The second moment of an ``[m, n]`` array is an ``[m n, m n]`` matrix. Both keep it as
the Kronecker product of ``L = E[G Gᵀ]`` and ``R = E[Gᵀ G]``: Shampoo multiplies updates
by their inverse roots, SOAP runs Adam in their eigenbases. Arrays of more axes have a
factor for each. Roots and bases cost a decomposition, so they are computed anew only in
some steps. Arrays of less than two axes are left to Adam, and so is too long an axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import lax, tree

from ._arguments import Decay, Number
from ._chain import chain
from ._counts import safe_increment, zero_count
from ._engine import Rule, accumulator_dtype, transformation, zeros_like_params
from ._masking import MaskedNode
from ._moments import correction, debiased, moved, squared, stored, widened
from ._norms import sum_of_squares
from ._scaling import scale_by_learning_rate
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
)
from ._trees import check_real_floating
from ._weight_decay import add_decayed_weights

# ---- Shampoo -----------------------------------------------------------------------


class ScaleByShampooState(NamedTuple):
    """State of `scale_by_shampoo`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.
        nu: moving average of their squares, likewise.
        factors: for each parameter a list with a matrix for each axis, or `MaskedNode`
            for one that is too long; an empty list for less than two axes.
        roots: inverse roots of the factors, likewise.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> state = optim.scale_by_shampoo().init(jnp.zeros((2, 3)))
        >>> [factor.shape for factor in state.factors]
        [(2, 2), (3, 3)]
    """

    count: Any
    mu: Any
    nu: Any
    factors: Any
    roots: Any


def scale_by_shampoo(
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    *,
    matrix_eps: Any = 1e-6,
    graft: bool = True,
    precondition_frequency: int = 10,
    max_precond_dim: int = 8192,
) -> GradientTransformation:
    """Multiplies updates by the inverse roots of their Kronecker factors.

    With ``m̂`` Adam's first moment of an ``[m, n]`` array and ``L``, ``R`` the corrected
    averages of ``G Gᵀ`` and ``Gᵀ G``, the update is ``L**(-1/4) m̂ R**(-1/4)``. Of
    arrays with ``k`` axes to multiply, the roots are of order ``2 k``.

    Args:
        b1: decay of the first moment.
        b2: decay of the factors, and of Adam's second moment.
        eps: added to the root of Adam's second moment.
        matrix_eps: added to the eigenvalues of a factor, relative to the largest.
        graft: take only the direction from Shampoo and the norm of each array's update
            from Adam, so that Adam's learning rates fit.
        precondition_frequency: steps between two computations of the roots.
        max_precond_dim: longest axis that has a factor.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_shampoo(graft=False)
        >>> g = jnp.array([[3.0, 0.0], [0.0, -5.0]])
        >>> updates, state = transform.update(g, transform.init(g))
        >>> [[round(float(x), 2) for x in row] for row in updates]
        [[1.0, 0.0], [0.0, -1.0]]

    Source: Gupta et al. (2018), arXiv:1802.09568; Anil et al. (2020), arXiv:2002.09018,
    for grafting; Shi et al. (2023), arXiv:2309.06497, for corrected averages.
    """
    return transformation(
        _Shampoo(
            b1,
            b2,
            eps,
            matrix_eps,
            graft,
            precondition_frequency,
            max_precond_dim,
        )
    )


@dataclass(frozen=True)
class _Shampoo(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    matrix_eps: Number
    graft: bool
    frequency: Number
    longest: Number

    name = "scale_by_shampoo"
    slots = ("mu", "nu", "factors", "roots")
    shaped_otherwise = ("factors", "roots")

    def init(self, params):
        check_real_floating(self.name, "`params`", params)
        return ScaleByShampooState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params),
            nu=zeros_like_params(self.name, params),
            factors=tree.map(lambda p: _per_axis(jnp.zeros, p, self.longest), params),
            roots=tree.map(lambda p: _per_axis(_eye, p, self.longest), params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        is_due = (count - 1) % self.frequency == 0
        corrections = correction(self.b1, count), correction(self.b2, count)
        return (is_due, *corrections), state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (is_due, first, second), (mu, nu, factors, roots) = shared, slots
        g = widened(g, mu, nu)
        m, v = moved(mu, g, self.b1), moved(nu, squared(g), self.b2)
        m_hat = debiased(m, first)
        adam = m_hat / (jnp.sqrt(debiased(v, second)) + self.eps)
        factors = _moved_factors(factors, g, self.b2)
        number = len(tree.leaves(factors))
        if number == 0:
            return adam, (*stored((m, v), slots[:2]), factors, roots)

        def new_roots() -> Any:
            return tree.map(
                lambda factor: _inverse_root(
                    debiased(factor, second), 2 * number, self.matrix_eps
                ),
                factors,
            )

        roots = lax.cond(is_due, new_roots, lambda: roots)
        update = _multiplied(m_hat, roots)
        if self.graft:
            update = update * _ratio_of_norms(adam, update)
        return update, (*stored((m, v), slots[:2]), factors, roots)


def _inverse_root(factor: Any, order: int, eps: Any) -> Any:
    """``factor**(-1 / order)`` of a symmetric matrix without negative eigenvalues."""
    values, vectors = jnp.linalg.eigh(factor)
    values = jnp.maximum(values, 0)
    most = values[-1]
    # A factor of zeros has no direction to prefer.
    values = jnp.where(most > 0, values + eps * most, 1)
    return (vectors * values ** (-1 / order)) @ vectors.mT


def _ratio_of_norms(a: Any, b: Any) -> Any:
    norm = jnp.sqrt(sum_of_squares(b))
    return jnp.sqrt(sum_of_squares(a)) / jnp.where(norm == 0, 1, norm)


def shampoo(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: ScalarOrSchedule = 1e-4,
    mask: Any = None,
    *,
    matrix_eps: Any = 1e-6,
    graft: bool = True,
    precondition_frequency: int = 10,
    max_precond_dim: int = 8192,
) -> GradientTransformationExtraArgs:
    """Shampoo, with the step sizes of AdamW unless told otherwise.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moments.
        eps: added to the root of Adam's second moment.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.
        matrix_eps: see `scale_by_shampoo`, as all that follow.
        graft: take the norm of each array's update from Adam.
        precondition_frequency: steps between two computations of the roots.
        max_precond_dim: longest axis that has a factor.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> optimizer = shampoo(0.1, weight_decay=0.0)
        >>> params = jnp.array([[3.0, 0.0], [0.0, -5.0]])
        >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
        >>> [[round(float(x) + 0.0, 3) for x in row] for row in updates]
        [[-0.1, 0.0], [0.0, 0.1]]

    Source: see `scale_by_shampoo`.
    """
    return chain(
        scale_by_shampoo(
            b1,
            b2,
            eps,
            matrix_eps=matrix_eps,
            graft=graft,
            precondition_frequency=precondition_frequency,
            max_precond_dim=max_precond_dim,
        ),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


# ---- SOAP --------------------------------------------------------------------------


class ScaleBySoapState(NamedTuple):
    """State of `scale_by_soap`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.
        nu: moving average of the squares of the turned gradients, likewise.
        factors: for each parameter a list with a matrix for each axis, or `MaskedNode`
            for one that is too long; an empty list for less than two axes.
        bases: eigenvectors of the factors, likewise.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> state = optim.scale_by_soap(max_precond_dim=2).init(jnp.zeros((2, 3)))
        >>> state.bases
        [Array([[1., 0.], [0., 1.]], dtype=float32), MaskedNode()]
    """

    count: Any
    mu: Any
    nu: Any
    factors: Any
    bases: Any


def scale_by_soap(
    b1: Any = 0.95,
    b2: Any = 0.95,
    eps: Any = 1e-8,
    *,
    precondition_frequency: int = 10,
    max_precond_dim: int = 8192,
) -> GradientTransformation:
    """Adam in the eigenbases of the Kronecker factors.

    An ``[m, n]`` array is turned into the bases of ``L`` and ``R``, the averages of
    ``G Gᵀ`` and ``Gᵀ G``. There Adam's second moment says more than in the basis that
    the parameters happen to have. The update is turned back.

    A gradient is turned by bases that do not know it: in its own, it would be diagonal
    but for rounding, which Adam would blow up. So the first gradient is used to find
    bases only, and its update is zero. Later the bases follow by one step of power
    iteration at a time, in the order of falling eigenvalues, and the second moments are
    put into that order with them.

    Args:
        b1: decay of the first moment.
        b2: decay of the second moment, and of the factors.
        eps: added to the root of the second moment.
        precondition_frequency: steps between two changes of the bases.
        max_precond_dim: longest axis that is turned.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> transform = scale_by_soap()
        >>> g = jnp.array([[3.0, 0.0], [0.0, -5.0]])
        >>> _, state = transform.update(g, transform.init(g))
        >>> updates, state = transform.update(g, state)
        >>> [[round(float(x) + 0.0, 2) for x in row] for row in updates]
        [[1.0, 0.0], [0.0, -1.0]]

    Source: Vyas et al. (2024), arXiv:2409.11321, algorithms 3 and 4, with Adam's
    corrections; the first step and the order are those of its code.
    """
    return transformation(_Soap(b1, b2, eps, precondition_frequency, max_precond_dim))


@dataclass(frozen=True)
class _Soap(Rule):
    b1: Decay
    b2: Decay
    eps: Number
    frequency: Number
    longest: Number

    name = "scale_by_soap"
    slots = ("mu", "nu", "factors", "bases")
    shaped_otherwise = ("factors", "bases")

    def init(self, params):
        check_real_floating(self.name, "`params`", params)
        return ScaleBySoapState(
            count=zero_count(),
            mu=zeros_like_params(self.name, params),
            nu=zeros_like_params(self.name, params),
            factors=tree.map(lambda p: _per_axis(jnp.zeros, p, self.longest), params),
            bases=tree.map(lambda p: _per_axis(_eye, p, self.longest), params),
        )

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        is_due = (count - 1) % self.frequency == 0
        of_adam = jnp.maximum(count - 1, 1)
        corrections = correction(self.b1, of_adam), correction(self.b2, of_adam)
        return (is_due, count == 1, *corrections), state._replace(count=count)

    def apply(self, shared, g, p, slots):
        is_due, is_first, first, second = shared
        mu, nu, factors, bases = slots
        g = widened(g, mu, nu)
        m, v = moved(mu, g, self.b1), moved(nu, squared(_multiplied(g, bases)), self.b2)
        turned = _multiplied(debiased(m, first), bases)
        turned = turned / (jnp.sqrt(debiased(v, second)) + self.eps)
        update = _multiplied(turned, tree.map(lambda basis: basis.mT, bases))
        update, m, v = (jnp.where(is_first, 0, x) for x in (update, m, v))

        factors = _moved_factors(factors, g, self.b2)
        if tree.leaves(factors):
            bases, v = lax.cond(
                is_due,
                lambda: lax.cond(
                    is_first,
                    lambda: (tree.map(_eigenvectors, factors), v),
                    lambda: _followed(factors, bases, v),
                ),
                lambda: (bases, v),
            )
        return update, (*stored((m, v), slots[:2]), factors, bases)


def _eigenvectors(factor: Any) -> Any:
    """Eigenvectors, those of large values first: the order that `_followed` keeps."""
    return jnp.linalg.eigh(factor)[1][:, ::-1]


def _followed(
    factors: Sequence[Any], bases: Sequence[Any], v: Any
) -> tuple[list[Any], Any]:
    """Bases nearer to the eigenvectors, and second moments in their order.

    A step of power iteration pulls each vector towards those of larger values, and QR
    takes away what earlier columns hold. So columns must be in falling order: else a
    vector of a small value turns into one of a large value, and meets a second moment
    that was gathered before and is too small by as much.
    """
    nearer = []
    for axis, (factor, basis) in enumerate(zip(factors, bases, strict=True)):
        if not isinstance(factor, MaskedNode):
            product = jnp.matmul(factor, basis, precision="highest")
            order = jnp.argsort(jnp.sum(basis * product, 0), descending=True)
            basis = jnp.linalg.qr(product[:, order])[0]
            v = jnp.take(v, order, axis)
        nearer.append(basis)
    return nearer, v


def soap(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.95,
    b2: Any = 0.95,
    eps: Any = 1e-8,
    weight_decay: ScalarOrSchedule = 0.01,
    mask: Any = None,
    *,
    precondition_frequency: int = 10,
    max_precond_dim: int = 8192,
) -> GradientTransformationExtraArgs:
    """SOAP: AdamW in the eigenbases of Shampoo.

    Args:
        learning_rate: a number or a schedule; Adam's fit.
        b1: decay of the first moment.
        b2: decay of the second moment, and of the factors.
        eps: added to the root of the second moment.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.
        precondition_frequency: steps between two changes of the bases.
        max_precond_dim: longest axis that is turned.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> optimizer = soap(0.1, weight_decay=0.0)
        >>> params = jnp.array([[3.0, 0.0], [0.0, -5.0]])
        >>> _, state = optimizer.update(params, optimizer.init(params), params)
        >>> updates, _ = optimizer.update(params, state, params)
        >>> [[round(float(x) + 0.0, 3) for x in row] for row in updates]
        [[-0.1, 0.0], [0.0, 0.1]]

    Source: Vyas et al. (2024), arXiv:2409.11321.
    """
    return chain(
        scale_by_soap(
            b1,
            b2,
            eps,
            precondition_frequency=precondition_frequency,
            max_precond_dim=max_precond_dim,
        ),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


# ---- factors -----------------------------------------------------------------------


def _per_axis(make: Any, p: Any, longest: int) -> list[Any]:
    """A square matrix for each axis of a parameter; see the states' `factors`."""
    shape, dtype = jnp.shape(p), accumulator_dtype(p)
    if len(shape) < 2:
        return []
    return [make((n, n), dtype) if 0 < n <= longest else MaskedNode() for n in shape]


def _eye(shape: tuple[int, int], dtype: Any) -> Any:
    return jnp.eye(shape[0], dtype=dtype)


def _moved_factors(factors: Sequence[Any], g: Any, decay: Any) -> list[Any]:
    return [
        factor
        if isinstance(factor, MaskedNode)
        else moved(factor, _gram(g, axis).astype(factor.dtype), decay)
        for axis, factor in enumerate(factors)
    ]


def _gram(g: Any, axis: int) -> Any:
    """Products of all slices along an axis: ``G Gᵀ`` for the first of a matrix."""
    others = [other for other in range(g.ndim) if other != axis]
    return jnp.tensordot(g, g, (others, others), precision="highest")


def _multiplied(g: Any, matrices: Sequence[Any]) -> Any:
    """``matrixᵀ @ g`` along every axis that has a matrix."""
    for axis, matrix in enumerate(matrices):
        if not isinstance(matrix, MaskedNode):
            g = jnp.tensordot(g, matrix, (axis, 0), precision="highest")
            g = jnp.moveaxis(g, -1, axis)
    return g
