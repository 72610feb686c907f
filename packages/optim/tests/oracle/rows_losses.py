"""Rows of the losses, with their formulas in NumPy."""

import itertools

import numpy as np
from scipy import special

from dolmen.core import nn

from .rows import Row

RNG = np.random.default_rng(11)
X = RNG.normal(size=(3, 5)) * 2
Y = RNG.normal(size=(3, 5))
P = special.softmax(Y, axis=-1)
LABELS = np.array([4, 0, 2])
ONE_HOT = np.eye(5)[LABELS]
LOG_ONE_HOT = np.where(ONE_HOT > 0, 0.0, -np.inf)
SIGNS = np.where(Y > 0, 1, -1)
BITS = Y > 0
MASK = np.array([[True, True, False, True, False]])


# ---- numbers and vectors -----------------------------------------------------------


def huber(x, y, delta=1.0):
    e = np.abs(x - y)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2))


def cosine(x, y, axis=-1, epsilon=0.0, where=True):
    x, y = x * where, y * where
    length = lambda v: np.sqrt(np.maximum((v**2).sum(axis), epsilon))  # noqa: E731
    return (x * y).sum(axis) / length(x) / length(y)


def ntxent(embeddings, labels, temperature=0.07):
    unit = embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)
    s = unit @ unit.T / temperature
    losses = []
    for i, j in itertools.permutations(range(len(labels)), 2):
        if labels[i] == labels[j]:
            others = np.exp(s[i])[labels != labels[i]].sum()
            losses.append(-np.log(np.exp(s[i, j]) / (np.exp(s[i, j]) + others)))
    return np.mean(losses)


def triplet(a, p, n, norm_degree=2, margin=1.0, eps=1e-6, axis=-1):
    def distance(x, y):
        return ((np.abs(x - y) ** norm_degree).sum(axis) + eps) ** (1 / norm_degree)

    return np.maximum(distance(a, p) - distance(a, n) + margin, 0)


# ---- classes -----------------------------------------------------------------------


def cross_entropy(logits, labels, axis=-1, where=True):
    logits = np.where(where, logits, -np.inf)
    log_p = special.log_softmax(logits, axis)
    return -np.where(labels == 0, 0, labels * np.where(where, log_p, 0)).sum(axis)


def integer_cross_entropy(logits, labels):
    return cross_entropy(logits, np.eye(logits.shape[-1])[labels])


def binary_cross_entropy(logits, labels):
    p = special.expit(logits)
    return -(special.xlogy(labels, p) + special.xlog1py(1 - labels, -p))


def poly(logits, labels, epsilon=2.0, where=True):
    p = special.softmax(np.where(where, logits, -np.inf), axis=-1)
    wrong = (labels * (1 - p) * where).sum(-1)
    return cross_entropy(logits, labels, where=where) + epsilon * wrong


def focal(logits, labels, alpha=None, gamma=2.0):
    p = special.expit(logits)
    wrong = labels * (1 - p) + (1 - labels) * p
    weight = 1 if alpha is None else alpha * labels + (1 - alpha) * (1 - labels)
    return weight * wrong**gamma * binary_cross_entropy(logits, labels)


def multiclass_hinge(scores, labels):
    right = np.eye(scores.shape[-1])[labels]
    return (scores + 1 - right).max(-1) - (scores * right).sum(-1)


def multiclass_perceptron(scores, labels):
    return scores.max(-1) - (scores * np.eye(scores.shape[-1])[labels]).sum(-1)


def sparsemax(s):
    """By bisection for the threshold."""
    low, high = s.max() - 1, s.max()
    for _ in range(80):
        middle = (low + high) / 2
        if np.maximum(s - middle, 0).sum() > 1:
            low = middle
        else:
            high = middle
    return np.maximum(s - low, 0)


def multiclass_sparsemax(scores, labels):
    def one(s, label):
        p = sparsemax(s)
        finite = np.where(p > 0, s, 0)
        return p @ finite - p @ p / 2 - s[label] + 0.5

    return np.array([one(*pair) for pair in zip(scores, labels, strict=True)])


def binary_sparsemax(logits, labels):
    z = np.where(labels, -logits, logits)
    return np.where(z <= -1, 0, np.where(z >= 1, z, (z + 1) ** 2 / 4))


def ranking(logits, labels, where=None, weights=None, reduce_fn=np.mean):
    keep = np.ones_like(labels, bool) if where is None else where
    weights = np.ones_like(labels) if weights is None else weights
    losses, lists = [], []
    for s, y, w, k in zip(logits, labels, weights, keep, strict=True):
        lists.append(k.any())
        losses.append(
            -(y[k] * w[k] * special.log_softmax(s[k])).sum() if k.any() else 0
        )
    losses = np.array(losses)
    if reduce_fn is None:
        return losses
    return reduce_fn(losses, where=np.array(lists)) if any(lists) else np.array(0.0)


# ---- distributions -----------------------------------------------------------------


def kl(log_p, t, axis=-1, where=True):
    terms = np.where(t > 0, special.rel_entr(t, np.exp(log_p)), 0)
    return (terms * where).sum(axis)


def generalized_kl(log_p, t, axis=-1, where=True):
    return (special.kl_div(t, np.exp(log_p)) * where).sum(axis)


# ---- regions -----------------------------------------------------------------------


def dice(
    logits,
    truth,
    weights=1.0,
    smooth=1.0,
    alpha=0.5,
    beta=0.5,
    apply_softmax=True,
    reduction="mean",
    ignore_background=False,
):
    p = logits
    if apply_softmax:
        binary = logits.shape[-1] == 1
        p = special.expit(logits) if binary else special.softmax(logits, axis=-1)
    places = tuple(range(1, p.ndim - 1))
    hits = (p * truth).sum(places)
    wrong, missed = (p * (1 - truth)).sum(places), ((1 - p) * truth).sum(places)
    below = hits + alpha * wrong + beta * missed + smooth
    losses = weights * (1 - (hits + smooth) / below)
    losses = losses[:, 1:] if ignore_background else losses
    return {"mean": np.mean, "sum": np.sum, "none": lambda x, axis: x}[reduction](
        losses, axis=-1
    )


def binary_dice(logits, truth, smooth=1.0):
    return dice(logits[..., None], truth[..., None], smooth=smooth)


def generalized_dice(logits, truth):
    sizes = truth.reshape(-1, truth.shape[-1]).sum(0)
    weights = 1 / (sizes**2 + 1e-7)
    return dice(logits, truth, weights / weights.mean(), reduction="none").mean()


SEGMENTED = RNG.normal(size=(2, 3, 2, 3))
TRUTH = np.eye(3)[RNG.integers(0, 3, size=(2, 3, 2))]


# ---- sequences ---------------------------------------------------------------------


def ctc_by_enumeration(logits, logit_paddings, labels, label_paddings, blank_id=0):
    """Sums over every sequence of emissions."""
    losses = []
    for b in range(len(logits)):
        frames = logits[b][logit_paddings[b] == 0]
        wanted = labels[b][label_paddings[b] == 0].tolist()
        p = special.softmax(frames, axis=-1)
        total = 0.0
        for path in itertools.product(range(p.shape[-1]), repeat=len(p)):
            merged = [k for k, _ in itertools.groupby(path)]
            if [k for k in merged if k != blank_id] == wanted:
                total += np.prod([p[t, k] for t, k in enumerate(path)])
        losses.append(-np.log(total))
    return np.array(losses)


FRAMES = RNG.normal(size=(4, 5, 4)) * 2
FRAME_PADDINGS = np.array(
    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]], float
)
SEQUENCES = np.array([[1, 1, 2], [3, 2, 3], [2, 2, 0], [0, 0, 0]])
SEQUENCE_PADDINGS = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1]], float)
CTC = (FRAMES, FRAME_PADDINGS, SEQUENCES, SEQUENCE_PADDINGS)


def masked(function, x, y):
    return function(x, y, where=MASK)


LOSSES = {
    "squared_error": [
        Row("", (X, Y), lambda x, y: (x - y) ** 2, smooth=(0, 1)),
        Row("", (X,), np.square, smooth=(0,), label="of errors"),
    ],
    "l2_loss": [
        Row("", (X, Y), lambda x, y: (x - y) ** 2 / 2, smooth=(0, 1)),
        Row("", (X,), lambda x: x**2 / 2, smooth=(0,), label="of errors"),
    ],
    "huber_loss": [
        Row("", (X, Y), huber, smooth=(0, 1)),
        Row("", (X, Y), huber, lambda f, x, y: f(x, y, delta=0.5), label="delta"),
    ],
    "log_cosh": [
        Row("", (X, Y), lambda x, y: np.log(np.cosh(x - y)), smooth=(0, 1)),
        Row(
            "", (np.array([0.0, 1e-3, -3.0]),), lambda x: np.log(np.cosh(x)), label="0"
        ),
        Row("", (np.array([1e4]),), lambda x: x - np.log(2), label="large"),
    ],
    "cosine_similarity": [
        Row("", (X, Y), cosine, smooth=(0, 1)),
        Row("", (X, Y), cosine, lambda f, x, y: f(x, y, axis=0), label="axis"),
        Row("", (X, Y), cosine, masked, smooth=(0, 1), label="where"),
        Row(
            "",
            (np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.02]]), np.ones((2, 3))),
            cosine,
            lambda f, x, y: f(x, y, epsilon=1e-3),
            label="of short vectors",
        ),
    ],
    "cosine_distance": [
        Row("", (X, Y), lambda x, y: 1 - cosine(x, y), smooth=(0, 1)),
        Row("", (X, Y), lambda x, y, where: 1 - cosine(x, y, where=where), masked),
    ],
    "ntxent": [
        Row("", (X, np.array([0, 1, 0])), ntxent, smooth=(0,), slack=4),
        Row(
            "",
            (RNG.normal(size=(6, 3)), np.array([2, 2, 5, 5, 5, 9])),
            ntxent,
            lambda f, x, y: f(x, y, temperature=0.5),
            smooth=(0,),
            label="three classes",
        ),
        Row(
            "",
            (X, np.array([1, 1, 1])),
            lambda x, y: np.array(0.0),
            smooth=(0,),
            label="without negatives",
        ),
    ],
    "triplet_margin_loss": [
        Row("", (X, Y, X - 0.2 * Y), triplet, smooth=(0, 1, 2)),
        Row(
            "",
            (X, Y, X + 0.1 * Y),
            triplet,
            lambda f, a, p, n: f(a, p, n, norm_degree=3, margin=0.5, eps=1e-3),
            smooth=(0, 1, 2),
            label="degree 3",
        ),
        Row("", (X, Y, -X), triplet, lambda f, *x: f(*x, axis=0), label="axis"),
        Row("", (X, X, X), triplet, smooth=(0, 1, 2), label="of equal vectors"),
    ],
    "softmax_cross_entropy": [
        Row("", (X, P), cross_entropy, smooth=(0, 1)),
        Row("", (X, P), cross_entropy, lambda f, x, p: f(x, p, axis=0), label="axis"),
        Row("", (X, P), cross_entropy, masked, smooth=(0,), label="where"),
    ],
    "softmax_cross_entropy_with_integer_labels": [
        Row("", (X, LABELS), integer_cross_entropy, smooth=(0,)),
    ],
    "safe_softmax_cross_entropy": [
        Row("", (X, P), cross_entropy, smooth=(0, 1)),
        Row(
            "",
            (np.where(MASK, X, -np.inf), np.where(MASK, P, 0)),
            cross_entropy,
            mapped=False,  # reversed, the infinite logits have labels
            label="impossible classes",
        ),
    ],
    "sigmoid_binary_cross_entropy": [
        Row("", (X, P), binary_cross_entropy, smooth=(0, 1)),
    ],
    "poly_loss_cross_entropy": [
        Row("", (X, P), poly, smooth=(0, 1)),
        Row("", (X, P), poly, lambda f, x, p: f(x, p, epsilon=-1.0), label="epsilon"),
        Row("", (X, P), poly, masked, smooth=(0,), label="where"),
    ],
    "sigmoid_focal_loss": [
        Row("", (X, BITS), focal, smooth=(0,)),
        Row(
            "",
            (X, P),
            focal,
            lambda f, x, p: f(x, p, alpha=0.3, gamma=1.5),
            smooth=(0, 1),
            label="alpha",
        ),
        Row("", (X, P), focal, lambda f, x, p: f(x, p, gamma=0.0), label="gamma 0"),
    ],
    "hinge_loss": [
        Row("", (X, SIGNS), lambda x, y: np.maximum(0, 1 - x * y), smooth=(0,)),
        Row("", (X,), lambda x, y: np.maximum(0, 1 - x * y), lambda f, x: f(x, 1)),
    ],
    "perceptron_loss": [
        Row("", (X, SIGNS), lambda x, y: np.maximum(0, -x * y), smooth=(0,)),
    ],
    "multiclass_hinge_loss": [
        Row("", (X, LABELS), multiclass_hinge, smooth=(0,)),
        Row("", (X + 5 * ONE_HOT, LABELS - 5), multiclass_hinge, label="from the end"),
    ],
    "multiclass_perceptron_loss": [
        Row("", (X, LABELS), multiclass_perceptron, smooth=(0,)),
    ],
    "sparsemax_loss": [
        Row("", (X, BITS), binary_sparsemax, smooth=(0,)),
        Row("", (X, BITS.astype(np.int32)), binary_sparsemax, label="integers"),
    ],
    "multiclass_sparsemax_loss": [
        Row("", (X / 4, LABELS), multiclass_sparsemax, smooth=(0,), slack=4),
        Row("", (X * 4, LABELS), multiclass_sparsemax, slack=8, label="margins"),
        Row(
            "",
            (np.where(MASK, X, -np.inf)[:1], np.array([3])),
            multiclass_sparsemax,
            mapped=False,  # reversed, the right class is impossible
            label="impossible classes",
        ),
    ],
    "ranking_softmax_loss": [
        Row("", (X, P), ranking, smooth=(0, 1)),
        Row(
            "",
            (X, P, X > -1, np.abs(Y)),
            ranking,
            lambda f, x, p, w, u: f(x, p, where=w, weights=u),
            smooth=(0, 1),
            label="where",
        ),
        Row(
            "",
            (X, P, MASK & np.array([[True], [False], [True]])),
            ranking,
            lambda f, x, p, w: f(x, p, where=w),
            smooth=(0,),
            label="an empty list",
        ),
        Row(
            "",
            (X, P, np.zeros((3, 5), bool)),
            ranking,
            lambda f, x, p, w: f(x, p, where=w),
            smooth=(0,),
            label="no list",
        ),
        Row(
            "",
            (X, P, MASK & np.array([[True], [False], [True]])),
            ranking,
            lambda f, x, p, w: f(x, p, where=w, reduce_fn=None),
            label="unreduced",
        ),
    ],
    "kl_divergence": [
        Row("", (np.log(P), ONE_HOT), kl, label="one-hot"),
        Row("", (X, P), kl, smooth=(0, 1)),
        Row("", (X, P), kl, lambda f, x, p: f(x, p, axis=0), label="axis"),
        Row("", (X, P), kl, masked, smooth=(0, 1), label="where"),
        Row("", (LOG_ONE_HOT, ONE_HOT), kl, mapped=False, label="impossible"),
    ],
    "kl_divergence_with_log_targets": [
        Row("", (X, np.log(P)), lambda x, t: kl(x, np.exp(t)), smooth=(0, 1)),
        Row(
            "",
            (LOG_ONE_HOT, LOG_ONE_HOT),
            lambda x, t: kl(x, np.exp(t)),
            mapped=False,
            label="impossible",
        ),
        Row("", (X, Y), lambda x, t, where: kl(x, np.exp(t), where=where), masked),
    ],
    "generalized_kl_divergence": [
        Row("", (X, P), generalized_kl, smooth=(0, 1)),
        Row("", (X, P), generalized_kl, masked, label="where"),
    ],
    "convex_kl_divergence": [
        Row("", (X, P), generalized_kl, lambda f, x, p: f(x, p, axis=0), smooth=(0, 1)),
    ],
    "dice_loss": [
        Row("", (SEGMENTED, TRUTH), dice, smooth=(0,)),
        Row(
            "",
            (SEGMENTED, TRUTH),
            dice,
            lambda f, x, t: f(x, t, smooth=0.5, alpha=0.3, beta=0.9, reduction="none"),
            smooth=(0,),
            label="of Tversky",
        ),
        Row(
            "",
            (SEGMENTED, TRUTH),
            dice,
            lambda f, x, t: f(x, t, ignore_background=True, reduction="sum"),
            label="without background",
        ),
        Row(
            "",
            (special.softmax(SEGMENTED, axis=-1), TRUTH),
            dice,
            lambda f, x, t: f(x, t, apply_softmax=False),
            label="of probabilities",
        ),
        Row("", (SEGMENTED[..., :1], TRUTH[..., :1]), dice, label="of one class"),
        Row(
            "",
            (SEGMENTED, TRUTH, np.array([1.0, 2.0, 0.5])),
            lambda x, t, class_weights: dice(x, t, class_weights),
            lambda f, x, t, w: f(x, t, class_weights=w),
            smooth=(0, 2),
            label="weights",
        ),
    ],
    "binary_dice_loss": [
        Row("", (SEGMENTED[..., 0], TRUTH[..., 0]), binary_dice, smooth=(0,)),
    ],
    "multiclass_generalized_dice_loss": [
        Row("", (SEGMENTED, TRUTH), generalized_dice, smooth=(0,)),
    ],
    "smooth_labels": [
        Row("", (ONE_HOT,), lambda y, a: (1 - a) * y + a / 5, lambda f, y: f(y, 0.1)),
        Row(
            "",
            (ONE_HOT,),
            lambda y, a, axis: (1 - a) * y + a / 15,
            lambda f, y: f(y, 0.1, axis=(0, 1)),
            label="axes",
        ),
        Row(
            "",
            (ONE_HOT,),
            lambda y, a, where: (1 - a) * y + a / where.sum(),
            lambda f, y: f(y, 0.1, where=MASK),
            smooth=(0,),
            label="where",
        ),
    ],
    "ctc_loss": [
        Row("", CTC, ctc_by_enumeration, smooth=(0,), mapped=False),
        Row(
            "",
            (FRAMES[:2, :4], np.zeros((2, 4)), SEQUENCES[:2, 1:] - 1, np.zeros((2, 2))),
            ctc_by_enumeration,
            lambda f, *args: f(*args, blank_id=3),
            smooth=(0,),
            label="blank 3",
        ),
    ],
    "make_fenchel_young_loss": [
        Row(
            "",
            (X, P),
            lambda max_fun: lambda x, p: special.logsumexp(x, -1) - (x * p).sum(-1),
            lambda f, x, p: f(nn.logsumexp)(x, p),
            smooth=(0, 1),
        ),
        Row(
            "",
            (X[0], P[0]),
            lambda max_fun: lambda x, p, power: x.max() ** power - x @ p,
            lambda f, x, p: f(power_of_maximum)(x, p, power=2),
            label="of one vector",
        ),
    ],
}


def power_of_maximum(x, power):
    return x.max() ** power


ROWS = [
    Row(**{**vars(row), "name": f"losses.{name}"})
    for name, rows in LOSSES.items()
    for row in rows
]
