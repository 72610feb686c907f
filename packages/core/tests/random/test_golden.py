"""Draws are bit for bit those of JAX for the same key.

The table was made on CPU with JAX 0.10.2 by calling the functions of the same names in
`jax.random` with `jax.random.key(42)` and default settings, taking the first
five elements in row-major order and viewing floating-point ones as unsigned integers.
"""

import numpy as np
import pytest

from dolmen.core import random

KEY = random.key(42)
SHAPE = (3, 5)
LOGITS = np.linspace(-2, 2, 24).reshape(4, 6).astype(np.float32)
P = np.array([0.1, 0.2, 0.3, 0.05, 0.35, 0.0], np.float32)

GOLDEN = [
    (
        lambda: random.key_data(random.split(KEY)),
        [1832780943, 270669613, 64467757, 2916123636],
    ),
    (
        lambda: random.key_data(random.split(KEY, (2, 3))),
        [1832780943, 270669613, 64467757, 2916123636, 2465931498],
    ),
    (lambda: random.key_data(random.fold_in(KEY, 123)), [2238821533, 719561804]),
    (
        lambda: random.key_data(random.fold_in(KEY, np.int32(-5))),
        [1987571745, 631152681],
    ),
    (lambda: random.key_data(random.key(-7)), [0, 4294967289]),
    (lambda: random.bits(KEY, SHAPE, "uint8"), [162, 217, 249, 215, 21]),
    (lambda: random.bits(KEY, SHAPE, "uint16"), [5026, 12505, 63993, 49623, 29461]),
    (
        lambda: random.bits(KEY, SHAPE, "uint32"),
        [2098992034, 2919706841, 2646866425, 2409546199, 1935504149],
    ),
    (
        lambda: random.uniform(KEY, SHAPE, "float32"),
        [1056585764, 1059981104, 1058915320, 1057988288, 1055308516],
    ),
    (
        lambda: random.normal(KEY, SHAPE, "float32"),
        [3169312533, 1055861736, 1050109537, 1042103076, 3187541227],
    ),
    (
        lambda: random.uniform(KEY, SHAPE, "bfloat16"),
        [16162, 16216, 16248, 16214, 15776],
    ),
    (
        lambda: random.normal(KEY, SHAPE, "bfloat16"),
        [16048, 16258, 16370, 16252, 49076],
    ),
    (
        lambda: random.uniform(KEY, SHAPE, "float16"),
        [11488, 12824, 15310, 14862, 14128],
    ),
    (lambda: random.normal(KEY, SHAPE, "float16"), [48568, 47873, 16358, 14739, 45073]),
    (
        lambda: random.uniform(KEY, SHAPE, minval=-1.3, maxval=2.7),
        [1059562364, 1068869626, 1066738058, 1064414772, 1057007868],
    ),
    (
        lambda: random.truncated_normal(KEY, -2.0, 2.0, SHAPE),
        [3168620980, 1055098338, 1049645617, 1041630773, 3186780143],
    ),
    (
        lambda: random.exponential(KEY, SHAPE),
        [1059830450, 1066517560, 1064645553, 1062388556, 1058625715],
    ),
    (
        lambda: random.laplace(KEY, SHAPE),
        [1018894905, 3202624692, 3196551989, 3188016341, 1037359291],
    ),
    (
        lambda: random.logistic(KEY, SHAPE),
        [3174630288, 1061206556, 1056083882, 1048259700, 3192574452],
    ),
    (
        lambda: random.cauchy(KEY, SHAPE),
        [3172030549, 1059208160, 1053019968, 1044822648, 3189772152],
    ),
    (
        lambda: random.gumbel(KEY, SHAPE),
        [1051397706, 1064548236, 1060748383, 1057772792, 1047019407],
    ),
    (
        lambda: random.gumbel(KEY, SHAPE, mode="high"),
        [1053584261, 3188004948, 1026589905, 1044847682, 1057173939],
    ),
    (
        lambda: random.gumbel(KEY, SHAPE, mode="highest"),
        [1053584261, 3188004962, 1026589821, 1044847659, 1057173942],
    ),
    (lambda: random.randint(KEY, SHAPE, 0, 100, "int8"), [44, 14, 71, 69, 9]),
    (lambda: random.randint(KEY, SHAPE, 0, 100, "uint16"), [44, 14, 71, 69, 9]),
    (lambda: random.randint(KEY, SHAPE, 0, 100, "int32"), [44, 14, 71, 69, 9]),
    (lambda: random.randint(KEY, SHAPE, 0, 100, "uint32"), [44, 14, 71, 69, 9]),
    (lambda: random.randint(KEY, SHAPE, -1000, 1000, "int8"), [68, -110, 55, 65, 13]),
    (lambda: random.bernoulli(KEY, 0.3, SHAPE), [0, 0, 0, 0, 0]),
    (lambda: random.rademacher(KEY, SHAPE, "int32"), [1, -1, -1, -1, 1]),
    (lambda: random.permutation(KEY, 100), [35, 45, 99, 31, 85]),
    (lambda: random.permutation(KEY, 3000), [2629, 116, 2048, 2566, 2509]),
    (lambda: random.categorical(KEY, LOGITS), [5, 5, 0, 5]),
    (
        lambda: random.categorical(KEY, LOGITS, shape=(3, 4), replace=False),
        [5, 5, 0, 5, 1],
    ),
    (lambda: random.choice(KEY, 6, (2, 2)), [0, 0, 3, 1]),
    (lambda: random.choice(KEY, 6, (2, 2), replace=False), [4, 2, 5, 3]),
    (lambda: random.choice(KEY, 6, (2, 2), p=P), [2, 2, 2, 2]),
]


@pytest.mark.parametrize(("draw", "bits"), GOLDEN)
def test_draw_has_the_bits_of_jax(draw, bits):
    drawn = np.asarray(draw()).ravel()[:5]
    is_integer = np.issubdtype(drawn.dtype, np.integer) or drawn.dtype == bool

    found = drawn if is_integer else drawn.view(f"u{drawn.dtype.itemsize}")

    assert [int(x) for x in found] == bits
