import math

import nn_golden
import numpy as np
import pytest
import reference

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import nn

# float32 sums of a dozen products, against float64.
RTOL, ATOL = 2e-5, 2e-6
X = np.sin(np.arange(12.0, dtype=np.float32)).reshape(3, 4)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=RTOL, atol=ATOL)


def waves(n, *shape):
    return np.cos(np.arange(math.prod(shape), dtype=np.float32) * n).reshape(shape)


def double(variable):
    return np.asarray(variable.value, np.float64)


def rngs():
    return nn.Rngs(0)


def test_linear_agrees_with_numpy():
    layer = nn.Linear(4, 3, rngs=rngs())
    layer.bias.value = jnp.array([1.0, 2.0, 3.0])

    close(layer(X), X @ double(layer.kernel) + [1, 2, 3])
    close(layer(X[None, None]), (X @ double(layer.kernel) + [1, 2, 3])[None, None])


def test_linear_without_bias_has_none():
    layer = nn.Linear(4, 3, use_bias=False, rngs=rngs())

    assert layer.bias is None
    close(layer(X), X @ double(layer.kernel))


def test_linear_agrees_with_flax():
    layer = nn.Linear(4, 3, rngs=rngs())

    close(layer.kernel, nn_golden.LINEAR_KERNEL)
    close(layer(X), nn_golden.LINEAR)


@pytest.mark.parametrize(
    ("dtype", "param_dtype", "x_dtype", "expected"),
    [
        (None, jnp.float32, jnp.float32, "float32"),
        (None, jnp.bfloat16, jnp.bfloat16, "bfloat16"),
        (None, jnp.float32, jnp.bfloat16, "float32"),
        (jnp.bfloat16, jnp.float32, jnp.float32, "bfloat16"),
        (None, jnp.float32, jnp.int32, "float32"),
    ],
)
def test_dtypes_of_linear(dtype, param_dtype, x_dtype, expected):
    layer = nn.Linear(4, 3, dtype=dtype, param_dtype=param_dtype, rngs=rngs())

    y = layer(jnp.ones((2, 4), x_dtype))

    assert layer.kernel.dtype == layer.bias.dtype == param_dtype
    assert y.dtype.name == expected
    # 8 bits of mantissa.
    np.testing.assert_allclose(
        y.astype(jnp.float32)[0], double(layer.kernel).sum(0), rtol=0.05, atol=0.02
    )


def test_embed_looks_up_rows_and_attends_to_them():
    layer = nn.Embed(5, 3, rngs=rngs())
    table = double(layer.embedding)

    close(layer.embedding, nn_golden.EMBEDDING)
    close(layer(jnp.array([[1, 4], [0, 1]])), table[[[1, 4], [0, 1]]])
    close(layer.attend(X[:, :3]), X[:, :3] @ table.T)


def test_embed_clamps_ids_without_debug_checks():
    layer = nn.Embed(5, 3, dtype=jnp.bfloat16, rngs=rngs())

    found = layer(jnp.array([-1, 7]))

    assert found.dtype == jnp.bfloat16
    np.testing.assert_array_equal(
        found, layer.embedding.value.astype(jnp.bfloat16)[jnp.array([0, 4])]
    )


def test_debug_checks_of_embed_name_the_id():
    layer = nn.Embed(5, 3, debug_checks=True, rngs=rngs())
    layer(jnp.array([0, 4]))

    with pytest.raises(IndexError) as caught:
        layer(jnp.array([[0, 5], [-1, 1]]))

    first, where, fix = str(caught.value).split("\n")
    assert first == (
        "Embed: expected ids from 0 to 4, got 5 at index (0, 1) (2 of 4 ids are "
        "outside)."
    )
    assert "test_layers.py" in where
    assert fix == "Check the tokenizer, or make the table larger (`num_embeddings`)."


def test_debug_checks_of_embed_work_in_compiled_code():
    layer = nn.Embed(5, 3, debug_checks=True, rngs=rngs())

    def run(ids):
        return dc.block_until_ready(dc.jit(lambda m, ids: m(ids))(layer, ids))

    run(jnp.array([0, 4]))
    with pytest.raises(Exception, match="Embed: expected ids from 0 to 4, got 9") as _:
        run(jnp.array([0, 9]))


def test_layer_norm_agrees_with_numpy_and_flax():
    layer = nn.LayerNorm(4, epsilon=1e-3, rngs=rngs())
    layer.scale.value, layer.bias.value = jnp.array(waves(1, 4)), jnp.array(X[1])
    offset = X + 100

    close(nn.LayerNorm(4, rngs=rngs())(X), nn_golden.LAYER_NORM)
    close(layer(X), reference.layer_norm(X, waves(1, 4), X[1], 1e-3))
    # A mean of 100 costs two digits of the float32 input itself, not more.
    np.testing.assert_allclose(
        layer(offset), reference.layer_norm(offset, waves(1, 4), X[1], 1e-3), atol=2e-4
    )


def test_rms_norm_agrees_with_numpy_and_flax():
    layer = nn.RMSNorm(4, epsilon=1e-3, rngs=rngs())
    layer.scale.value = jnp.array(waves(1, 4))

    close(nn.RMSNorm(4, rngs=rngs())(X), nn_golden.RMS_NORM)
    close(layer(X), reference.rms_norm(X, waves(1, 4), 1e-3))


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
def test_norms_compute_in_float32_and_keep_the_dtype(norm):
    layer = norm(4, rngs=rngs())
    x = jnp.asarray(300 * X, jnp.float16)  # squares overflow float16

    y = layer(x)

    assert y.dtype == jnp.float16
    np.testing.assert_allclose(y, layer(x.astype(jnp.float32)), atol=2e-3)
    assert layer(jnp.arange(4)).dtype == jnp.float32
    assert layer(jnp.arange(4.0, dtype=jnp.bfloat16)).dtype == jnp.bfloat16
    assert norm(4, dtype=jnp.bfloat16, rngs=rngs())(X).dtype == jnp.bfloat16
    assert norm(4, use_scale=False, rngs=rngs()).scale is None


def test_dropout_keeps_the_mean_and_drops_the_rate():
    ones = jnp.ones((100, 100))

    y = np.asarray(nn.Dropout(0.3)(ones, rngs=nn.Rngs(0)))

    # Four standard deviations of a mean of 10,000 draws.
    assert abs((y == 0).mean() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 1e4)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)


def test_dropout_agrees_with_flax():
    y = nn.Dropout(0.5, rngs=nn.Rngs(3))(jnp.ones(16))

    assert y.tolist() == nn_golden.DROPOUT


def test_dropout_is_decided_by_the_key_and_each_call_draws_anew():
    drop, ones = nn.Dropout(0.5, rngs=nn.Rngs(0)), jnp.ones(64)
    again = nn.Dropout(0.5, rngs=nn.Rngs(0))

    first, second = drop(ones).tolist(), drop(ones).tolist()

    assert first != second
    assert [again(ones).tolist(), again(ones).tolist()] == [first, second]


def test_dropouts_of_one_model_draw_differently_also_in_a_copy():
    streams = nn.Rngs(0)
    model = nn.Sequential(nn.Dropout(0.5, rngs=streams), nn.Dropout(0.5, rngs=streams))
    copied = dc.tree.map(lambda x: x, model)

    first, second = (layer(jnp.ones(64)).tolist() for layer in copied.layers)

    assert first != second


def test_dropout_switched_off_or_extreme():
    drop, x = nn.Dropout(0.5, deterministic=True), jnp.ones(8)

    assert drop(x) is x
    assert drop(x, deterministic=False, rngs=nn.Rngs(0)).tolist() != x.tolist()
    assert nn.Dropout(0.0)(x) is x
    assert nn.Dropout(1.0)(x).tolist() == [0.0] * 8
    assert (
        nn.Dropout(0.5)(x.astype(jnp.bfloat16), rngs=nn.Rngs(0)).dtype == jnp.bfloat16
    )


def test_dropout_drops_slices_along_broadcast_axes():
    y = nn.Dropout(0.5, broadcast_dims=(0, -1))(jnp.ones((3, 32, 4)), rngs=nn.Rngs(0))

    np.testing.assert_array_equal(y, np.broadcast_to(y[:1, :, :1], y.shape))
    assert len(np.unique(y)) == 2


CONVOLUTIONS = [
    # input, kernel size, out, options, padding of the reference
    ((2, 7, 3), 3, 4, {}, [(1, 1)]),
    ((2, 8, 3), (4,), 2, {"strides": 3, "padding": "VALID"}, [(0, 0)]),
    ((2, 7, 2), 3, 2, {"padding": "CIRCULAR", "kernel_dilation": 2}, "CIRCULAR"),
    ((1, 8, 2), 4, 3, {"padding": "CIRCULAR"}, "CIRCULAR"),
    ((1, 7, 2), 2, 2, {"padding": 1}, [(1, 1)]),
    ((1, 5, 6, 4), (3, 2), 6, {"feature_group_count": 2}, [(1, 1), (0, 1)]),
    (
        (2, 5, 5, 2),
        (2, 3),
        3,
        {"strides": (2, 1), "padding": [2, (0, 1)]},
        [(2, 2), (0, 1)],
    ),
]


@pytest.mark.parametrize(("shape", "size", "out", "options", "padding"), CONVOLUTIONS)
def test_conv_agrees_with_a_loop(shape, size, out, options, padding):
    layer = nn.Conv(shape[-1], out, size, rngs=rngs(), **options)
    layer.bias.value = jnp.arange(out, dtype=jnp.float32)
    x = waves(1, *shape)

    expected = reference.conv(
        x,
        layer.kernel.value,
        layer.strides,
        padding,
        layer.kernel_dilation,
        layer.feature_group_count,
    )

    close(layer(x), expected + np.arange(out))


def test_conv_takes_any_number_of_batch_axes():
    layer = nn.Conv(2, 3, 3, use_bias=False, dtype=jnp.bfloat16, rngs=rngs())
    x = waves(1, 2, 2, 5, 2)

    assert layer(x).shape == (2, 2, 5, 3)
    assert layer(x).dtype == jnp.bfloat16
    np.testing.assert_array_equal(layer(x)[1, 0], layer(x[1, 0]))


def attention(**options):
    layer = nn.MultiHeadAttention(4, 8, rngs=rngs(), **options)
    for n, name in enumerate(("query", "key", "value", "out")):
        linear = getattr(layer, name)
        linear.bias.value = jnp.asarray(waves(n + 2, *linear.bias.shape))
    return layer


def attend(layer, x, y, allowed):
    def heads(name, x):
        linear = getattr(layer, name)
        projected = x @ double(linear.kernel) + double(linear.bias)
        return projected.reshape(len(x), -1, layer.head_size)

    q, k, v = heads("query", x), heads("key", y), heads("value", y)
    joined = reference.attention(q, k, v, allowed).reshape(len(x), -1)
    return joined @ double(layer.out.kernel) + double(layer.out.bias)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_agrees_with_numpy(kv_heads, causal):
    layer = attention(num_kv_heads=kv_heads, causal=causal)
    x = waves(1, 2, 5, 8)

    y = layer(x)

    allowed = np.tri(5, dtype=bool) if causal else np.ones((5, 5), bool)
    close(y, [attend(layer, row, row, allowed) for row in x])


def test_attention_to_other_inputs_with_a_mask():
    layer = attention(num_kv_heads=2, qkv_features=16, out_features=6, in_kv_features=3)
    x, y = waves(1, 2, 4, 8), waves(2, 2, 5, 3)
    mask = waves(3, 2, 4, 4, 5) > -0.5

    result = layer(x, y, mask=jnp.asarray(mask))

    close(result, [attend(layer, *row) for row in zip(x, y, mask, strict=True)])


@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_attention_takes_any_number_of_batch_axes(lead):
    layer = attention(causal=True)
    x = waves(1, *lead, 5, 8)

    mask = (waves(2, *lead, 4, 5, 5) > -0.5) | np.eye(5, dtype=bool)

    y = layer(x, mask=jnp.asarray(mask))

    allowed = np.tri(5, dtype=bool) & mask.reshape(-1, 4, 5, 5)
    rows = zip(x.reshape(-1, 5, 8), allowed, strict=True)
    expected = [attend(layer, row, row, seen) for row, seen in rows]
    close(y.reshape(-1, 5, 8), expected)


def test_attention_agrees_with_flax():
    layer = nn.MultiHeadAttention(2, 4, causal=True, use_bias=False, rngs=rngs())
    for n, name in enumerate(("query", "key", "value", "out")):
        getattr(layer, name).kernel.value = jnp.asarray(waves(n + 1, 4, 4))

    # Twelve figures of the cosines went through float32 twice.
    np.testing.assert_allclose(layer(X), nn_golden.ATTENTION, rtol=1e-4, atol=1e-5)


def test_attention_in_bfloat16_and_with_dropout():
    layer = nn.MultiHeadAttention(
        2, 4, dropout_rate=0.5, dtype=jnp.bfloat16, rngs=rngs()
    )

    dropped = layer(X[None], rngs=nn.Rngs(1))
    kept = layer(X[None], deterministic=True)

    assert dropped.dtype == kept.dtype == jnp.bfloat16
    assert dropped.tolist() != kept.tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nn.Linear(4, 3, rngs=rngs())(jnp.ones((2, 5))),
            "Linear: expected an input whose last axis has 4 elements, got f32[2,5].\n"
            "Make the layer with in_features=5, or reshape the input.",
        ),
        (
            lambda: nn.Linear(4, 3, rngs=rngs())(jnp.ones(())),
            "Linear: expected an input whose last axis has 4 elements, got f32[].\n"
            "Reshape the input.",
        ),
        (
            lambda: nn.Embed(5, 3, rngs=rngs()).attend(jnp.ones((2, 4))),
            "Embed.attend: expected an input whose last axis has 3 elements, got "
            "f32[2,4].\nMake the layer with features=4, or reshape the input.",
        ),
        (
            lambda: nn.LayerNorm(4, rngs=rngs())(jnp.ones((2, 5))),
            "LayerNorm: expected an input whose last axis has 4 elements, got f32[2,5]."
            "\nMake the layer with num_features=5, or reshape the input.",
        ),
        (
            lambda: nn.RMSNorm(4, rngs=rngs())(jnp.ones((2, 5))),
            "RMSNorm: expected an input whose last axis has 4 elements, got f32[2,5]."
            "\nMake the layer with num_features=5, or reshape the input.",
        ),
        (
            lambda: nn.Conv(3, 2, (3, 3), rngs=rngs())(jnp.ones((5, 3))),
            "Conv: expected an input with 2 spatial axes and a last axis of 3 "
            "channels, got f32[5,3].\nAdd the missing axes with `reshape`.",
        ),
        (
            lambda: nn.Conv(3, 4, 3, feature_group_count=2, rngs=rngs()),
            "Conv: in_features=3 must be a multiple of feature_group_count=2.",
        ),
        (
            lambda: nn.Conv(4, 3, 3, feature_group_count=2, rngs=rngs()),
            "Conv: out_features=3 must be a multiple of feature_group_count=2.",
        ),
        (
            lambda: nn.Conv(1, 1, (3, 3), strides=(1,), rngs=rngs()),
            "Conv: expected one number in `strides` for each of the 2 spatial axes, "
            "got (1,).",
        ),
        (
            lambda: nn.Conv(1, 1, 3, padding="same", rngs=rngs()),
            "Conv: expected `padding` 'SAME', 'VALID', 'CIRCULAR', a number, or a "
            "number or pair per axis, got 'same'.",
        ),
        (
            lambda: nn.MultiHeadAttention(3, 8, rngs=rngs()),
            "MultiHeadAttention: qkv_features=8 must be a multiple of num_heads=3.",
        ),
        (
            lambda: nn.MultiHeadAttention(4, 8, num_kv_heads=3, rngs=rngs()),
            "MultiHeadAttention: num_heads=4 must be a multiple of num_kv_heads=3.",
        ),
        (lambda: nn.Dropout(1.5), "Dropout: expected a rate from 0 to 1, got 1.5."),
        (
            lambda: nn.Dropout(0.5)(jnp.ones(2)),
            "Dropout: no random streams. Pass `rngs=nn.Rngs(dropout=key)` to the call, "
            "or call `model.eval()` to switch dropout off.",
        ),
        (
            lambda: nn.Stack(0, nn.Linear, 4, 4, rngs=rngs()),
            "Stack: expected at least one block, got 0.",
        ),
    ],
)
def test_wrong_shapes_and_values_are_explained(call, message):
    with pytest.raises(ValueError) as caught:
        call()

    lines = [
        line for line in str(caught.value).split("\n") if "test_layers.py" not in line
    ]
    assert "\n".join(lines) == message


def test_the_error_of_a_wrong_shape_shows_the_users_line():
    with pytest.raises(ValueError, match=r"at .*test_layers\.py:\d+ in "):
        nn.Linear(4, 3, rngs=rngs())(jnp.ones((2, 5)))


def test_embedding_by_floats_is_an_error():
    with pytest.raises(TypeError) as caught:
        nn.Embed(5, 3, rngs=rngs())(jnp.ones(2))

    first, _, last = str(caught.value).split("\n")
    assert first == "Embed: expected ids of an integer dtype, got f32[2]."
    assert last == "Convert them with `.astype(jnp.int32)`."
