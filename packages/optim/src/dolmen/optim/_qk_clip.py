"""Attention logits that grow are clipped at their source, the projections."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from ._chain import chain
from ._engine import strong
from ._groups import first_matches, path_of, paths_of
from ._transformation import (
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    init_empty_state,
)
from ._trees import check_params, check_structures
from .contrib import muon


class QKProjection(NamedTuple):
    """How a parameter of queries or keys takes part in `qk_clip`.

    Attributes:
        axis: of the heads, counted from the end: of ``heads`` or of ``heads * size``
            elements.
        power: of the factor by which its head's logits shrink. Those of all
            projections that are multiplied with each other add up to 1.

    Example:
        >>> from dolmen import optim
        >>> optim.QKProjection(-1)  # [features, heads * size], queries or keys
        QKProjection(axis=-1, power=0.5)
        >>> optim.QKProjection(-2, power=1.0)  # [features, heads, size], queries alone
        QKProjection(axis=-2, power=1.0)
    """

    axis: int
    power: Any = 0.5


def qk_clip(
    projections: Mapping[str, QKProjection], threshold: Any = 100.0
) -> GradientTransformationExtraArgs:
    """Scales query and key projections down in heads with too large logits.

    A head whose largest logit ``m`` is above the threshold has its new projections,
    after the update, multiplied by powers of ``threshold / m``, so that the same inputs
    would give logits up to the threshold. Other heads and parameters are left alone. It
    belongs at the end of a chain.

    Its `update` needs the parameters and the keyword argument ``max_logits``: a tree
    with one array ``[heads]`` for each attention layer, the largest logit of each head
    over the batch and all pairs of positions, after the division by the root of the
    size. The path of each array is the layer's path in the parameters: either a nested
    tree, or a dict from paths like ``"blocks/0/attention"``. Layers that are stacked
    have arrays ``[layers, heads]``. Logits that are not finite clip nothing.

    Args:
        projections: from patterns as `mask_by_path` takes them, of paths below a layer,
            to `QKProjection`. Of several that match, the first counts. Where heads
            share keys, scale the queries alone, with power 1.
        threshold: largest logit that is left alone.

    Raises:
        ValueError: a pattern matches no parameter of a layer, or the axis of one can't
            be divided among the heads; both when it is first used.

    Example:
        >>> import dolmen.core as dc
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.chain(
        ...     optim.sgd(0.1),
        ...     optim.qk_clip({"[qk]": optim.QKProjection(-2)}, threshold=4.0))
        >>> x = jnp.ones((1, 3, 2))  # [batch, time, features]
        >>> params = {"attention": {
        ...     "q": jnp.ones((2, 2, 4)), "k": jnp.ones((2, 2, 4))}}
        >>> def max_logits(layer):  # per head
        ...     q, k = (jnp.einsum("btf,fhd->bthd", x, layer[n]) for n in "qk")
        ...     return jnp.einsum("bthd,bshd->bhts", q, k).max((0, 2, 3)) / 4**0.5
        >>> largest = dc.tree.map(max_logits, params, is_leaf=lambda x: "q" in x)
        >>> largest
        {'attention': Array([8., 8.], dtype=float32)}
        >>> zeros = dc.tree.map(jnp.zeros_like, params)
        >>> updates, state = optimizer.update(
        ...     zeros, optimizer.init(params), params, max_logits=largest)
        >>> params = optim.apply_updates(params, updates)
        >>> jnp.round(max_logits(params["attention"]), 4)
        Array([4., 4.], dtype=float32)

    Source: Kimi Team (2025), "Kimi K2: Open Agentic Intelligence", arXiv:2507.20534,
    section 2.1 and algorithm 1.
    """

    @functools.cache  # every step asks for the same trees
    def targets(structure: Any, layers: tuple[str, ...]) -> list[_Target]:
        return list(_targets(structure, layers, projections))

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        max_logits: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, Any]:
        del extra_args
        check_params("qk_clip", params)
        if max_logits is None:
            raise TypeError(
                extend.error_message(
                    "qk_clip: `max_logits` must be given, got None.",
                    "Call `update(grads, state, params, max_logits=...)` with the "
                    "largest logit of each head, by the paths of the layers.",
                )
            )
        check_structures(
            "qk_clip",
            ("`updates`", updates),
            ("`params`", params),
            "Pass the parameters that were differentiated.",
        )
        leaves, structure = tree.flatten(updates)
        kept = tree.leaves(params)
        largest = tree.leaves_with_path(max_logits)
        layers = tuple(path_of(keys) for keys, _ in largest)
        for target in targets(structure, layers):
            i, (_, most) = target.leaf, largest[target.layer]
            axis, power = target.projection
            _check_heads(target, kept[i], most)
            leaves[i] = _clipped(leaves[i], kept[i], most, threshold, power, axis=axis)
        return structure.unflatten(leaves), state

    return GradientTransformationExtraArgs(init_empty_state, update)


class _Target(NamedTuple):
    """A parameter to clip: its number and path, and the number of its layer."""

    leaf: int
    path: str
    layer: int
    projection: QKProjection


def _targets(
    structure: Any, layers: tuple[str, ...], projections: Mapping[str, QKProjection]
) -> Any:
    paths = paths_of(structure)
    for number, layer in enumerate(layers):
        found = first_matches("qk_clip", projections, paths, above=layer)
        for leaf, (path, pattern) in enumerate(zip(paths, found, strict=True)):
            if pattern is not None:
                yield _Target(leaf, path, number, projections[pattern])


def _check_heads(target: _Target, param: Any, most: Any) -> None:
    axis = target.projection.axis
    shape, stacked = jnp.shape(param), jnp.ndim(most) - 1
    fits = (
        stacked >= 0
        and -len(shape) + stacked <= axis < 0
        and shape[:stacked] == jnp.shape(most)[:-1]
        and shape[axis] % jnp.shape(most)[-1] == 0
    )
    if not fits:
        raise ValueError(
            extend.error_message(
                f"qk_clip: axis {axis} of {target.path} must hold the heads, got "
                f"shape {list(shape)} for logits of shape {list(jnp.shape(most))}.",
                "Pass `QKProjection` with the axis of heads, from the end; logits are "
                "[heads], or [layers, heads] of stacked layers.",
            )
        )


@functools.partial(dc.jit, static_argnames="axis")
def _clipped(
    u: Any, p: Any, most: Any, threshold: Any, power: Any, *, axis: int
) -> Any:
    """The update that leads to the scaled projection."""
    u, p = strong(u), strong(p)
    most = jnp.asarray(most).astype(jnp.promote_types(u.dtype, jnp.float32))
    exceeds = jnp.isfinite(most) & (most > threshold)
    shrinks = jnp.where(exceeds, threshold / jnp.where(exceeds, most, 1), 1)
    factor = jnp.repeat(shrinks**power, p.shape[axis] // most.shape[-1], axis=-1)
    # After the axes of stacked layers, the heads' axis is where it is in the parameter.
    shape = [*p.shape[: most.ndim - 1], *[1] * (p.ndim - most.ndim + 1)]
    shape[axis] = p.shape[axis]
    factor = factor.reshape(shape)
    wide = p.astype(factor.dtype)
    return factor * u + (factor - 1) * wide


def muonclip(
    learning_rate: ScalarOrSchedule,
    projections: Mapping[str, QKProjection],
    threshold: Any = 100.0,
    *,
    ns_steps: int = 5,
    beta: Any = 0.95,
    weight_decay: Any = 0.1,
    weight_decay_mask: Any = None,
    mu_dtype: Any = None,
    nesterov: bool = True,
    adam_learning_rate: ScalarOrSchedule | None = None,
    adam_b1: Any = 0.9,
    adam_b2: Any = 0.95,
    adam_weight_decay: Any = 0.1,
    muon_weight_dimension_numbers: Any = None,
    consistent_rms: Any = 0.2,
) -> GradientTransformationExtraArgs:
    """Muon with clipped attention logits: `muon` and then `qk_clip`.

    Args:
        learning_rate: a number or a schedule.
        projections: see `qk_clip`, which also says what `update` needs.
        threshold: largest logit that is left alone.
        ns_steps: see `muon`, as all that follow.
        beta: decay of the momentum.
        weight_decay: of matrices.
        weight_decay_mask: which of them decay.
        mu_dtype: dtype of momentum.
        nesterov: look ahead by one gradient.
        adam_learning_rate: of AdamW for what is no matrix; by default the same.
        adam_b1: decay of its first moment.
        adam_b2: decay of its second moment.
        adam_weight_decay: its weight decay.
        muon_weight_dimension_numbers: which axes are those of matrices.
        consistent_rms: root mean square of updates of any shape.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.muonclip(0.1, {"q": optim.QKProjection(-1, power=1.0)})
        >>> params = {"q": jnp.eye(2)}
        >>> updates, state = optimizer.update(
        ...     params, optimizer.init(params), params, max_logits=jnp.array([50.0]))
        >>> updates["q"].shape
        (2, 2)

    Source: Kimi Team (2025), "Kimi K2: Open Agentic Intelligence", arXiv:2507.20534,
    algorithm 1.
    """
    return chain(
        muon(
            learning_rate,
            ns_steps=ns_steps,
            beta=beta,
            weight_decay=weight_decay,
            weight_decay_mask=weight_decay_mask,
            mu_dtype=mu_dtype,
            nesterov=nesterov,
            adam_b1=adam_b1,
            adam_b2=adam_b2,
            adam_weight_decay=adam_weight_decay,
            adam_learning_rate=adam_learning_rate,
            muon_weight_dimension_numbers=muon_weight_dimension_numbers,
            consistent_rms=consistent_rms,
        ),
        qk_clip(projections, threshold),
    )
