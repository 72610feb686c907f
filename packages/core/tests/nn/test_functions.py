"""Functions of neural networks against NumPy and SciPy, and their gradients."""

import numpy as np
import pytest
from scipy import special

from dolmen import core as dc
from dolmen.core import nn, numpy as jnp, random

X = np.linspace(-4.0, 4.0, 9).astype(np.float32) + np.float32(0.125)


def _elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x))


def _logistic(x):
    return special.expit(x)


def _sparse_plus(x):
    return np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4))


def _tanh_gelu(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = [
    (nn.relu, lambda x: np.maximum(x, 0)),
    (nn.relu6, lambda x: np.clip(x, 0, 6)),
    (nn.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    (nn.elu, _elu),
    (nn.selu, lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772)),
    (nn.celu, _elu),
    (nn.gelu, _tanh_gelu),
    (nn.silu, lambda x: x * _logistic(x)),
    (nn.mish, lambda x: x * np.tanh(np.logaddexp(x, 0))),
    (nn.softplus, lambda x: np.logaddexp(x, 0)),
    (nn.squareplus, lambda x: (x + np.sqrt(x * x + 4)) / 2),
    (nn.sparse_plus, _sparse_plus),
    (nn.sigmoid, _logistic),
    (nn.sparse_sigmoid, lambda x: np.clip((x + 1) / 2, 0, 1)),
    (nn.log_sigmoid, special.log_expit),
    (nn.soft_sign, lambda x: x / (1 + np.abs(x))),
    (nn.tanh, np.tanh),
    (nn.hard_tanh, lambda x: np.clip(x, -1, 1)),
    (nn.hard_sigmoid, lambda x: np.clip(x + 3, 0, 6) / 6),
    (nn.hard_silu, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    (nn.identity, lambda x: x),
]
EACH = pytest.mark.parametrize(
    ("function", "oracle"), ACTIVATIONS, ids=[f.__name__ for f, _ in ACTIVATIONS]
)


@EACH
def test_activation_agrees_with_its_formula(function, oracle):
    np.testing.assert_allclose(
        function(X), oracle(X.astype(np.float64)), rtol=2e-5, atol=2e-6
    )


@EACH
def test_gradient_agrees_with_central_differences_of_the_formula(function, oracle):
    gradient = dc.vmap(dc.grad(function))(X)

    step = 1e-5
    x = X.astype(np.float64)
    expected = (oracle(x + step) - oracle(x - step)) / (2 * step)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_exact_gelu_uses_the_normal_distribution():
    expected = X * special.ndtr(X.astype(np.float64))

    np.testing.assert_allclose(
        nn.gelu(X, approximate=False), expected, rtol=2e-5, atol=1e-6
    )


@pytest.mark.parametrize(("function", "kink"), [(nn.relu, 0.0), (nn.relu6, 6.0)])
def test_gradient_at_the_kink_is_zero(function, kink):
    assert float(dc.grad(function)(kink)) == 0.0


def test_relu_keeps_integers_and_nan():
    assert nn.relu(jnp.array([-1, 2])).dtype == jnp.int32
    assert np.isnan(nn.relu(np.float32(np.nan)))


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "selu", "softplus", "hard_sigmoid", "hard_silu"]
)
def test_activations_of_weakly_typed_numbers_are_weakly_typed(name):
    function = getattr(nn, name)

    assert function(0.5).weak_type
    assert function(jnp.array([True])).weak_type
    assert not function(jnp.array([0.5])).weak_type


def test_gradients_stay_finite_far_out():
    far = np.float32(1e4)

    for function in (nn.elu, nn.selu, nn.softplus, nn.silu, nn.log_sigmoid, nn.gelu):
        assert np.isfinite(dc.grad(function)(far)), function.__name__
        assert np.isfinite(dc.grad(function)(-far)), function.__name__


def test_log1mexp_is_exact_near_zero_and_far_away():
    x = np.array([1e-6, 0.5, 30.0], np.float32)

    wide = x.astype(np.float64)
    expected = np.where(wide < 1, np.log(-np.expm1(-wide)), np.log1p(-np.exp(-wide)))
    np.testing.assert_allclose(nn.log1mexp(x), expected, rtol=1e-5)
    gradient = dc.vmap(dc.grad(nn.log1mexp))(x)
    np.testing.assert_allclose(gradient, 1 / np.expm1(wide), rtol=1e-5)


def test_glu_gates_the_first_half_by_the_second():
    x = X[:8].reshape(2, 4)

    np.testing.assert_allclose(nn.glu(x), x[:, :2] * _logistic(x[:, 2:]), rtol=1e-5)


def test_one_hot_marks_each_index_and_ignores_others():
    assert nn.one_hot(jnp.array([1, 5, -1]), 3, axis=0).tolist() == [
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]


# ---- along axes --------------------------------------------------------------------

LOGITS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32) * 3
WHERE = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0]], bool)


@pytest.mark.parametrize("axis", [-1, 0, (0, 1), None])
def test_softmax_and_its_logarithm_agree_with_scipy(axis):
    np.testing.assert_allclose(
        nn.softmax(LOGITS, axis), special.softmax(LOGITS, axis), rtol=1e-5
    )
    np.testing.assert_allclose(
        nn.log_softmax(LOGITS, axis), special.log_softmax(LOGITS, axis), rtol=1e-5
    )


@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp_agrees_with_scipy(keepdims):
    b = np.array([1.0, -2.0, 0.0, 3.0], np.float32)

    made, sign = nn.logsumexp(LOGITS, -1, b, keepdims, return_sign=True)

    expected, signs = special.logsumexp(
        LOGITS.astype(np.float64), -1, b=b, keepdims=keepdims, return_sign=True
    )
    np.testing.assert_allclose(made, expected, rtol=1e-4)
    np.testing.assert_array_equal(sign, signs)


def test_excluded_elements_count_nowhere():
    kept = np.where(WHERE, LOGITS, -np.inf)

    expected = special.softmax(kept, -1)
    np.testing.assert_allclose(nn.softmax(LOGITS, where=WHERE), expected, rtol=1e-5)
    np.testing.assert_allclose(
        nn.log_softmax(LOGITS, where=WHERE),
        special.log_softmax(kept, -1),
        rtol=1e-5,
        atol=1e-6,
    )
    lse = special.logsumexp(kept, -1)
    np.testing.assert_allclose(nn.logsumexp(LOGITS, -1, where=WHERE), lse, rtol=1e-5)
    np.testing.assert_allclose(
        nn.logmeanexp(LOGITS, -1, where=WHERE), lse - np.log(WHERE.sum(-1)), rtol=1e-4
    )


def test_rows_of_minus_infinity_have_an_empty_sum():
    x = np.full((2, 3), -np.inf, np.float32)

    assert nn.logsumexp(x, -1).tolist() == [-np.inf, -np.inf]
    assert nn.softmax(x[0], where=np.zeros(3, bool)).tolist() == [0.0, 0.0, 0.0]


def test_gradient_of_logsumexp_is_softmax():
    x = np.array([1000.0, 1001.0, -np.inf], np.float32)

    np.testing.assert_allclose(dc.grad(nn.logsumexp)(x), special.softmax(x), rtol=1e-5)


@pytest.mark.parametrize("where", [None, WHERE[0]], ids=["all", "some"])
def test_jacobian_of_softmax(where):
    made = dc.jacrev(lambda x: nn.softmax(x, where=where))(LOGITS[0])

    p = np.asarray(nn.softmax(LOGITS[0], where=where))
    np.testing.assert_allclose(made, np.diag(p) - np.outer(p, p), atol=1e-6)


@pytest.mark.parametrize("algorithm", ["fast", "stable"])
def test_standardize_gives_mean_zero_and_variance_one(algorithm):
    made = np.asarray(nn.standardize(LOGITS, epsilon=0.0, algorithm=algorithm))

    np.testing.assert_allclose(made.mean(-1), 0, atol=1e-6)
    np.testing.assert_allclose(made.var(-1), 1, rtol=1e-4)


def test_wrong_axis_is_named():
    with pytest.raises(ValueError) as caught:
        nn.softmax(LOGITS, axis=2)

    assert str(caught.value).splitlines()[0] == (
        "softmax: `axis` must name axes of the array, got 2 for f32[3,4]."
    )


# ---- attention ---------------------------------------------------------------------


def _attention(q, k, v, allowed, bias=0.0):
    """Plain attention of [B, T, N, H] with [B, S, K, H] in float64."""
    groups = q.shape[2] // k.shape[2]
    k, v = (np.repeat(x.astype(np.float64), groups, axis=2) for x in (k, v))
    logits = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(q.shape[-1]) + bias
    weights = special.softmax(np.where(allowed, logits, -1e30), -1)
    return np.einsum("bnts,bsnh->btnh", weights, v)


@pytest.fixture(scope="module")
def qkv():
    keys = random.split(random.key(0), 3)
    shapes = [(2, 5, 4, 8), (2, 6, 2, 8), (2, 6, 2, 8)]
    return [np.asarray(random.normal(k, s)) for k, s in zip(keys, shapes, strict=True)]


ROW, COLUMN = np.arange(5)[:, None], np.arange(6)[None]


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({}, np.ones((5, 6), bool)),
        ({"is_causal": True}, COLUMN <= ROW),
        ({"local_window_size": (1, 0)}, (COLUMN <= ROW) & (COLUMN >= ROW - 1)),
        ({"local_window_size": 2}, np.abs(ROW - COLUMN) <= 2),
        ({"mask": (ROW + COLUMN) % 3 > 0}, (ROW + COLUMN) % 3 > 0),
    ],
    ids=["plain", "causal", "left", "window", "mask"],
)
def test_attention_agrees_with_plain_formula(qkv, options, allowed):
    made = nn.dot_product_attention(*qkv, **options)

    np.testing.assert_allclose(made, _attention(*qkv, allowed), rtol=1e-4, atol=1e-5)


def test_attention_adds_a_bias_for_each_head(qkv):
    bias = np.random.default_rng(1).normal(size=(2, 4, 5, 6)).astype(np.float32)

    made = nn.dot_product_attention(*qkv, bias=bias)

    np.testing.assert_allclose(
        made, _attention(*qkv, np.True_, bias), rtol=1e-4, atol=1e-5
    )


def test_attention_stops_at_the_lengths(qkv):
    made = nn.dot_product_attention(
        *qkv,
        query_seq_lengths=np.array([3, 5], np.int32),
        key_value_seq_lengths=np.array([2, 6], np.int32),
    )

    allowed = COLUMN[None, None] < np.array([2, 6])[:, None, None, None]
    expected = _attention(*qkv, allowed)
    expected[0, 3:] = 0
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


def test_attention_without_batch_axis_and_residual(qkv):
    q, k, v = (x[0] for x in qkv)

    made, residual = nn.dot_product_attention(q, k, v, return_residual=True)

    np.testing.assert_allclose(
        made, nn.dot_product_attention(*qkv)[0], rtol=1e-5, atol=1e-6
    )
    logits = np.einsum("tnh,snh->tns", q, np.repeat(k, 2, axis=1)) / np.sqrt(8)
    np.testing.assert_allclose(residual, special.logsumexp(logits, -1), rtol=1e-4)


def test_attention_lists_shapes_that_do_not_fit(qkv):
    q, k, _ = qkv

    with pytest.raises(ValueError) as caught:
        nn.dot_product_attention(q[:, :, :3], k, k)

    assert str(caught.value).splitlines()[0] == (
        "dot_product_attention: query heads must be a multiple of key heads: `query` "
        "is f32[2,5,3,8], `key` is f32[2,6,2,8], `value` is f32[2,6,2,8] (3 and 2)."
    )
