"""Losses and their gradients, on random numbers and at the edges."""

import functools

import numpy as np

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32) * 2


def distribution(*shape):
    made = np.exp(normal(*shape))
    return made / made.sum(-1, keepdims=True)


X, Y, Z = normal(4, 6), normal(4, 6), normal(4, 6)
P = distribution(4, 6)
LABELS = np.array([5, 0, 2, 2], np.int32)
ONE_HOT = np.eye(6, dtype=np.float32)[LABELS]
SIGNS = np.where(Y > 0, 1.0, -1.0).astype(np.float32)
BITS = (Y > 0).astype(np.float32)
MASK = np.array([[True, True, False, True, False, True]])
IMAGE = normal(2, 3, 4, 3)
TRUTH = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, size=(2, 3, 4))]
FRAMES = normal(3, 8, 5)
FRAME_PADDINGS = np.array([[0] * 8, [0] * 6 + [1] * 2, [0] * 5 + [1] * 3], np.float32)
SEQUENCES = np.array([[1, 1, 2], [4, 3, 4], [2, 2, 0]], np.int32)
SEQUENCE_PADDINGS = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1]], np.float32)
CTC = (FRAMES, FRAME_PADDINGS, SEQUENCES, SEQUENCE_PADDINGS)

# Losses by name: arguments, and keyword arguments of several calls.
CALLS = {
    "squared_error": [((X, Y), {}), ((X,), {})],
    "l2_loss": [((X, Y), {}), ((X,), {})],
    "huber_loss": [((X, Y), {}), ((X, Y), {"delta": 0.3})],
    "log_cosh": [((X, Y), {}), ((X,), {})],
    "cosine_similarity": [
        ((X, Y), {}),
        ((X, Y), {"axis": 0}),
        ((X, Y), {"where": MASK}),
        ((0 * X, Y), {"epsilon": 1e-2}),
    ],
    "cosine_distance": [((X, Y), {}), ((X, Y), {"axis": (0, 1), "epsilon": 1e-3})],
    "ntxent": [((X, LABELS), {}), ((X, LABELS), {"temperature": 0.7})],
    "triplet_margin_loss": [
        ((X, Y, Z), {}),
        ((X, Y, Z), {"margin": 3.0, "norm_degree": 4, "eps": 1e-2, "axis": 0}),
    ],
    "softmax_cross_entropy": [
        ((X, P), {}),
        ((X, P), {"axis": 0}),
        ((X, P), {"where": MASK}),
        ((1000 * X, P), {}),
    ],
    "softmax_cross_entropy_with_integer_labels": [
        ((X, LABELS), {}),
        ((X.T, LABELS), {"axis": 0}),
        ((X, LABELS * 0), {"where": MASK}),
    ],
    "safe_softmax_cross_entropy": [
        ((X, P), {}),
        ((np.where(MASK, X, -np.inf), P * MASK), {}),
    ],
    "sigmoid_binary_cross_entropy": [((X, BITS), {}), ((50 * X, P), {})],
    "sigmoid_focal_loss": [
        ((X, BITS), {}),
        ((X, P), {"alpha": 0.3, "gamma": 1.5}),
        ((50 * X, BITS), {"gamma": 0.5}),
    ],
    "poly_loss_cross_entropy": [
        ((X, P), {}),
        ((X, P), {"epsilon": -1.0, "axis": 0}),
        ((X, P), {"where": MASK}),
    ],
    "hinge_loss": [((X, SIGNS), {})],
    "perceptron_loss": [((X, SIGNS), {})],
    "multiclass_hinge_loss": [((X, LABELS), {})],
    "multiclass_perceptron_loss": [((X, LABELS), {})],
    "sparsemax_loss": [((X, BITS), {})],
    "multiclass_sparsemax_loss": [((X / 3, LABELS), {}), ((X, LABELS), {})],
    "ranking_softmax_loss": [
        ((X, P), {}),
        ((X, P), {"where": X > -1, "weights": np.abs(Y)}),
        ((X, P), {"where": (X > 0) & (Z[:, :1] > 0), "reduce_fn": None}),
        ((X, P), {"where": np.zeros_like(X, bool)}),
    ],
    "kl_divergence": [
        ((np.log(P), ONE_HOT), {}),
        ((X, P), {"axis": 0}),
        ((X, P), {"where": MASK}),
    ],
    "kl_divergence_with_log_targets": [((X, Y), {}), ((X, Y), {"where": MASK})],
    "generalized_kl_divergence": [((X, P), {}), ((X, P), {"where": MASK})],
    "dice_loss": [
        ((IMAGE, TRUTH), {}),
        ((IMAGE, TRUTH), {"alpha": 0.2, "beta": 0.9, "reduction": "none"}),
        ((IMAGE, TRUTH), {"smooth": 0.1, "ignore_background": True}),
        ((IMAGE, TRUTH), {"axis": (1, 2), "reduction": "sum"}),
        ((IMAGE[..., :1], TRUTH[..., :1]), {}),
        ((IMAGE[..., 0], TRUTH[..., :1]), {}),
    ],
    "multiclass_generalized_dice_loss": [
        ((IMAGE, TRUTH), {}),
        ((IMAGE, TRUTH), {"ignore_background": True, "smooth": 0.5}),
    ],
    "binary_dice_loss": [((IMAGE[..., 0], TRUTH[..., 0]), {})],
    "smooth_labels": [
        ((ONE_HOT, 0.1), {}),
        ((ONE_HOT, 0.1), {"axis": 0}),
        ((ONE_HOT, 0.1), {"where": MASK}),
    ],
    "ctc_loss": [(CTC, {}), (CTC, {"blank_id": 4}), (CTC, {"log_epsilon": -1e4})],
}


def programs(api):
    core, jnp, losses = api.core, api.jnp, api.optim.losses

    for name, calls in CALLS.items():
        loss = getattr(losses, name)
        for number, (args, options) in enumerate(calls):
            value = functools.partial(loss, **options)
            given = [jnp.asarray(x) for x in args]

            def total(x, *rest, value=value):
                return sum(leaf.sum() for leaf in core.tree.leaves(value(x, *rest)))

            for label, function in {
                f"{name} {number}": value,
                f"{name} {number}, jitted": core.jit(value),
                f"gradient of {name} {number}": core.grad(total),
            }.items():
                yield label, functools.partial(function, *given)

    # No gradient: that of all but impossible states is rounding, at 1e5.
    probabilities = losses.ctc_loss_with_forward_probs
    yield "ctc_loss_with_forward_probs", functools.partial(probabilities, *CTC)

    soft = losses.make_fenchel_young_loss(api.nn.logsumexp)
    yield "fenchel young", lambda: soft(jnp.asarray(X), jnp.asarray(P))
    yield (
        "gradient of fenchel young",
        lambda: core.grad(lambda x: soft(x, jnp.asarray(P)).sum())(jnp.asarray(X)),
    )
