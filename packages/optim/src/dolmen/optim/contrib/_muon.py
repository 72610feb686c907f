"""Muon: momentum whose matrices are made orthogonal."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._chain import chain
from .._counts import safe_increment, zero_count
from .._engine import strong, zeros_like_params
from .._groups import partition
from .._masking import label_leaves
from .._moments import correction, debiased, first_corrections, first_estimate, moved
from .._optimizers import adamw
from .._scaling import scale_by_learning_rate
from .._transformation import GradientTransformation, ScalarOrSchedule
from .._trees import check_floating, check_structures
from .._weight_decay import add_decayed_weights
from .._wrappers import stateless

Preconditioning = Literal["frobenius", "spectral", "aol", "schatten"]

_PRESETS: dict[str, Any] = {
    "standard": (3.4445, -4.775, 2.0315),
    # Ahn et al. (2025), arXiv:2504.05295.
    "dion": (
        (4.0848, -6.8946, 2.9270),
        (3.9505, -6.3029, 2.6377),
        (3.7418, -5.5913, 2.3037),
        (2.8769, -3.1427, 1.2046),
        (2.8366, -3.0525, 1.2012),
    ),
}


class MuonDimensionNumbers(NamedTuple):
    """Which axes of a parameter are the two of a matrix; the others are a batch.

    Attributes:
        reduction_axis: axes over which the layer sums.
        output_axis: axes of its result.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.MuonDimensionNumbers((0, 1), 2).output_axis  # heads are joined
        2
    """

    reduction_axis: Sequence[int] | int = 0
    output_axis: Sequence[int] | int = 1


class MuonState(NamedTuple):
    """State of `scale_by_muon`.

    Attributes:
        count: steps done, an int32 scalar.
        mu: moving average of the gradients, a tree like the parameters.
        ns_coeffs: coefficients of the iteration, ``[3]`` or ``[steps, 3]``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> contrib.scale_by_muon().init(jnp.ones((2, 2))).ns_coeffs.shape
        (3,)
    """

    count: Any
    mu: Any
    ns_coeffs: Any


def scale_by_muon(
    ns_coeffs: Any = _PRESETS["standard"],
    ns_steps: int = 5,
    beta: Any = 0.95,
    eps: Any = 1e-8,
    mu_dtype: Any = None,
    *,
    nesterov: bool = True,
    adaptive: bool = False,
    preconditioning: Preconditioning = "frobenius",
    weight_dimension_numbers: Any = None,
) -> GradientTransformation:
    """Replaces momentum by the nearest matrix with orthogonal rows or columns.

    A few steps of a Newton-Schulz iteration bring all singular values close to 1.
    Matrices of the same shape, from all over the tree, are iterated together.

    Args:
        ns_coeffs: coefficients of ``x``, ``x³`` and ``x⁵``: three numbers, three for
            each step, or the name of a preset, ``"standard"`` or ``"dion"``.
        ns_steps: how many steps; the last of them if there are coefficients for more.
        beta: decay of the momentum.
        eps: added to norms.
        mu_dtype: dtype of the stored momentum; by default float32, or that of the
            parameter if wider.
        nesterov: look ahead by one gradient.
        adaptive: multiply by the inner product of momentum and result.
        preconditioning: what brings singular values below 1 at first: the Frobenius
            norm, the spectral norm, norms of almost orthogonal rows, or the Schatten-4
            norm.
        weight_dimension_numbers: tree of `MuonDimensionNumbers`, or a function of the
            tree to one; by default leaves are matrices.

    Raises:
        ValueError: a preset or preconditioning is unknown, or a leaf has no such axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_muon(ns_steps=30, ns_coeffs=(1.5, -0.5, 0.0))
        >>> grads = jnp.array([[3.0, 0.0], [0.0, 0.1]])
        >>> updates, _ = transform.update(grads, transform.init(grads))
        >>> jnp.abs(jnp.round(updates, 3))
        Array([[1., 0.],
               [0., 1.]], dtype=float32)

    Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural
    networks"; Bernstein and Newhouse (2024), arXiv:2409.20325. Norms of almost
    orthogonal rows: Prach and Lampert (2022), arXiv:2208.03160.
    """
    coefficients = _coefficients(ns_coeffs)
    if preconditioning not in _PRECONDITIONERS:
        known = ", ".join(map(repr, _PRECONDITIONERS))
        raise ValueError(
            extend.error_message(
                f"scale_by_muon: `preconditioning` must be one of {known}, got "
                f"{preconditioning!r}."
            )
        )
    iteration = _Iteration(ns_steps, eps, preconditioning)

    def dimensions(values: Any) -> tuple[MuonDimensionNumbers, ...]:
        found = dimension_numbers("scale_by_muon", weight_dimension_numbers, values)
        return tuple(MuonDimensionNumbers() if one is None else one for one in found)

    def init(params: Any) -> MuonState:
        mu = zeros_like_params("scale_by_muon", params, mu_dtype)
        for leaf, numbers in zip(tree.leaves(params), dimensions(params), strict=True):
            _axes(leaf, numbers)
        return MuonState(zero_count(), mu, jnp.asarray(coefficients, jnp.float32))

    def update(
        updates: Any, state: MuonState, params: Any = None
    ) -> tuple[Any, MuonState]:
        check_floating("scale_by_muon", "`updates`", updates)
        check_structures(
            "scale_by_muon",
            ("`updates`", updates),
            ("`state.mu`", state.mu),
            "Make the state with `init` from the parameters that the gradients belong "
            "to.",
        )
        count = safe_increment(state.count)
        leaves, structure = tree.flatten(updates)
        averages, estimates = [], []
        for leaf, mu in zip(leaves, tree.leaves(state.mu), strict=True):
            new, estimate = _momentum(leaf, mu, beta, count, nesterov=nesterov)
            averages.append(new)
            estimates.append(estimate)
        numbers = dimensions(updates)
        made = _orthogonalized(estimates, numbers, state.ns_coeffs, iteration)
        if adaptive:
            made = [
                _scaled_by_product(x, by) for x, by in zip(made, estimates, strict=True)
            ]
        return structure.unflatten(made), MuonState(
            count, structure.unflatten(averages), state.ns_coeffs
        )

    return GradientTransformation(init, update)


def muon(
    learning_rate: ScalarOrSchedule,
    ns_coeffs: Any = _PRESETS["standard"],
    ns_steps: int = 5,
    beta: Any = 0.95,
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    weight_decay_mask: Any = None,
    mu_dtype: Any = None,
    *,
    nesterov: bool = True,
    adaptive: bool = False,
    preconditioning: Preconditioning = "frobenius",
    adam_b1: Any = 0.9,
    adam_b2: Any = 0.999,
    adam_eps_root: Any = 0.0,
    adam_weight_decay: Any = 0.0,
    adam_learning_rate: ScalarOrSchedule | None = None,
    muon_weight_dimension_numbers: Any = None,
    consistent_rms: Any = None,
) -> GradientTransformation:
    """Muon for matrices, and AdamW for all other parameters.

    Args:
        learning_rate: a number or a schedule.
        ns_coeffs: see `scale_by_muon`.
        ns_steps: see `scale_by_muon`.
        beta: decay of the momentum.
        eps: added to norms, and in AdamW.
        weight_decay: of matrices.
        weight_decay_mask: which of them decay.
        mu_dtype: dtype of momentum.
        nesterov: look ahead by one gradient.
        adaptive: see `scale_by_muon`.
        preconditioning: see `scale_by_muon`.
        adam_b1: decay of AdamW's first moment.
        adam_b2: decay of its second moment.
        adam_eps_root: added inside its root.
        adam_weight_decay: its weight decay.
        adam_learning_rate: its learning rate; by default the same.
        muon_weight_dimension_numbers: tree of `MuonDimensionNumbers`, and of None for
            parameters of AdamW, or a function of the parameters to one; by default
            parameters with two axes are matrices. Embeddings and the last layer are
            better left to AdamW.
        consistent_rms: root mean square that updates of any shape shall have, such as
            0.2 to share a learning rate with AdamW; by default updates of matrices
            with more outputs than inputs are larger by the root of that ratio.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> params = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}
        >>> optimizer = contrib.muon(0.02)
        >>> state = optimizer.init(params)
        >>> updates, state = optimizer.update(params, state, params)
        >>> sorted(state.inner_states)
        ['adam', 'muon']

    Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural
    networks"; Liu et al. (2025), arXiv:2502.16982, for `consistent_rms`.
    """

    def labels(values: Any) -> Any:
        found = _numbers_or_none(muon_weight_dimension_numbers, values)
        names = ["adam" if numbers is None else "muon" for numbers in found]
        return tree.structure(values).unflatten(names)

    def sized(updates: Any, params: Any) -> Any:
        leaves, structure = tree.flatten(updates)
        found = _numbers_or_none(muon_weight_dimension_numbers, updates)
        return structure.unflatten(
            [
                leaf
                * _size_factor(leaf, numbers or MuonDimensionNumbers(), consistent_rms)
                for leaf, numbers in zip(leaves, found, strict=True)
            ]
        )

    return partition(
        {
            "muon": chain(
                scale_by_muon(
                    ns_coeffs,
                    ns_steps,
                    beta,
                    eps,
                    mu_dtype,
                    nesterov=nesterov,
                    adaptive=adaptive,
                    preconditioning=preconditioning,
                    weight_dimension_numbers=muon_weight_dimension_numbers,
                ),
                stateless(sized),
                add_decayed_weights(weight_decay, weight_decay_mask),
                scale_by_learning_rate(learning_rate),
            ),
            "adam": adamw(
                learning_rate if adam_learning_rate is None else adam_learning_rate,
                b1=adam_b1,
                b2=adam_b2,
                eps=eps,
                eps_root=adam_eps_root,
                weight_decay=adam_weight_decay,
                mu_dtype=mu_dtype,
                nesterov=nesterov,
            ),
        },
        labels,
    )


# ---- dimensions --------------------------------------------------------------------


@dataclass(frozen=True)
class _Numbers:
    """`MuonDimensionNumbers` or None as a leaf of a tree."""

    numbers: MuonDimensionNumbers | None


def dimension_numbers(
    function: str, given: Any, values: Any
) -> tuple[MuonDimensionNumbers | None, ...]:
    """Those of every leaf, None where none are given."""
    if callable(given) and not isinstance(given, MuonDimensionNumbers):
        given = given(values)
    wrapped = tree.map(
        _Numbers,
        given,
        is_leaf=lambda x: x is None or isinstance(x, MuonDimensionNumbers),
    )
    found = label_leaves(function, "weight_dimension_numbers", wrapped, values)
    return tuple(one.numbers for one in found)


def _numbers_or_none(given: Any, values: Any) -> tuple[Any, ...]:
    """Dimension numbers of parameters for Muon, None for AdamW."""
    if given is None:
        return tuple(
            MuonDimensionNumbers() if jnp.ndim(leaf) == 2 else None
            for leaf in tree.leaves(values)
        )
    return dimension_numbers("muon", given, values)


def _axes(
    leaf: Any, numbers: MuonDimensionNumbers
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Axes of the batch, of the sum and of the result."""
    ndim = jnp.ndim(leaf)

    def positive(axes: Sequence[int] | int) -> tuple[int, ...]:
        axes = (axes,) if isinstance(axes, int) else tuple(axes)
        return tuple(axis % ndim if -ndim <= axis < ndim else axis for axis in axes)

    reduction, output = map(positive, numbers)
    both = (*reduction, *output)
    if (
        len(set(both)) != len(both)
        or not reduction
        or not output
        or (max(both) >= ndim or min(both) < 0)
    ):
        raise ValueError(
            extend.error_message(
                f"scale_by_muon: a leaf of shape {jnp.shape(leaf)} has no two "
                f"different groups of axes {numbers.reduction_axis} and "
                f"{numbers.output_axis}.",
                "Pass MuonDimensionNumbers for it, or leave it to another optimizer "
                "(None in `muon`).",
            )
        )
    batch = tuple(axis for axis in range(ndim) if axis not in both)
    return batch, reduction, output


def _size_factor(leaf: Any, numbers: MuonDimensionNumbers, consistent_rms: Any) -> Any:
    _, reduction, output = _axes(leaf, numbers)
    inputs = math.prod(leaf.shape[axis] for axis in reduction)
    outputs = math.prod(leaf.shape[axis] for axis in output)
    if consistent_rms is None:
        return math.sqrt(max(1, outputs / inputs))
    return math.sqrt(max(inputs, outputs)) * consistent_rms


# ---- orthogonal matrices -----------------------------------------------------------


@dataclass(frozen=True)
class _Iteration:
    steps: int
    eps: float
    preconditioning: str


@functools.partial(dc.jit, static_argnames="nesterov")
def _momentum(
    g: Any, mu: Any, beta: Any, count: Any, *, nesterov: bool
) -> tuple[Any, Any]:
    g = strong(g)
    wide = g.astype(jnp.promote_types(g.dtype, mu.dtype))
    new = moved(mu, wide, beta)
    if nesterov:
        estimate = first_estimate(new, wide, beta, first_corrections(beta, count, True))
    else:
        estimate = debiased(new, correction(beta, count))
    return new.astype(mu.dtype), estimate


@dc.jit
def _scaled_by_product(x: Any, by: Any) -> Any:
    return jnp.sum(x * by) * x


def _orthogonalized(
    leaves: Sequence[Any],
    numbers: Sequence[MuonDimensionNumbers],
    coefficients: Any,
    iteration: _Iteration,
) -> list[Any]:
    """Every matrix orthogonal; those of equal shapes are one batch."""
    batches: dict[Any, list[int]] = {}
    matrices, backs = [], []
    for index, (leaf, one) in enumerate(zip(leaves, numbers, strict=True)):
        matrix, back = _as_wide_matrices(leaf, one)
        matrices.append(matrix)
        backs.append(back)
        batches.setdefault((matrix.shape[1:], matrix.dtype), []).append(index)
    made: dict[int, Any] = {}
    for members in batches.values():
        batch = jnp.concatenate([matrices[index] for index in members])
        batch = _newton_schulz(batch, coefficients, iteration=iteration)
        sizes = [len(matrices[index]) for index in members]
        ends = list(itertools.accumulate(sizes))[:-1]
        for index, part in zip(members, jnp.split(batch, ends), strict=True):
            made[index] = backs[index](part)
    return [made[index] for index in range(len(leaves))]


def _as_wide_matrices(
    leaf: Any, numbers: MuonDimensionNumbers
) -> tuple[Any, Callable[[Any], Any]]:
    """``[batch, rows, columns]`` with at most as many rows, and the way back."""
    batch, reduction, output = _axes(leaf, numbers)
    sizes = [
        math.prod(leaf.shape[axis] for axis in axes) for axes in (reduction, output)
    ]
    if sizes[0] > sizes[1]:
        reduction, output = output, reduction
        sizes.reverse()
    order = (*batch, *reduction, *output)
    turned = jnp.transpose(leaf, order)

    def back(matrices: Any) -> Any:
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return jnp.transpose(matrices.reshape(turned.shape), inverse)

    return turned.reshape(-1, *sizes), back


@functools.partial(dc.jit, static_argnames="iteration")
def _newton_schulz(x: Any, coefficients: Any, *, iteration: _Iteration) -> Any:
    """``[batch, rows, columns]`` with singular values close to 1."""
    x = _PRECONDITIONERS[iteration.preconditioning](x, iteration.eps)
    if coefficients.ndim == 1:
        rows = [coefficients] * iteration.steps
    else:
        rows = list(coefficients)[-iteration.steps :]
    for a, b, c in (row.astype(x.dtype) for row in rows):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def _by_frobenius(x: Any, eps: Any) -> Any:
    return x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + eps)


def _by_spectral(x: Any, eps: Any) -> Any:
    return x / (jnp.linalg.norm(x, ord=2, axis=(-2, -1), keepdims=True) + eps)


def _by_rows(x: Any, eps: Any) -> Any:
    sums = jnp.sum(jnp.abs(x @ x.mT), axis=-1, keepdims=True)
    return x / jnp.sqrt(sums + eps)


def _by_schatten(x: Any, eps: Any) -> Any:
    fourth = jnp.linalg.norm(x @ x.mT, axis=(-2, -1), keepdims=True)
    return x / (jnp.sqrt(fourth) + eps)


_PRECONDITIONERS: dict[str, Callable[[Any, Any], Any]] = {
    "frobenius": _by_frobenius,
    "spectral": _by_spectral,
    "aol": _by_rows,
    "schatten": _by_schatten,
}


def _coefficients(given: Any) -> Any:
    if isinstance(given, str):
        if given not in _PRESETS:
            known = ", ".join(map(repr, _PRESETS))
            raise ValueError(
                extend.error_message(
                    f"scale_by_muon: `ns_coeffs` must be numbers or one of {known}, "
                    f"got {given!r}."
                )
            )
        given = _PRESETS[given]
    shape = jnp.shape(jnp.asarray(given, jnp.float32))
    if shape[-1:] != (3,) or len(shape) > 2:
        raise ValueError(
            extend.error_message(
                "scale_by_muon: `ns_coeffs` must be three numbers, or three for each "
                f"step, got shape {shape}."
            )
        )
    return given
