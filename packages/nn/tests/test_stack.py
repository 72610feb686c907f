import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import nn

X = jnp.asarray(np.sin(np.arange(8.0, dtype=np.float32)).reshape(2, 4))


class Block(nn.Module):
    def __init__(self, size, rate=0.0, *, rngs):
        self.linear = nn.Linear(size, size, rngs=rngs)
        self.drop = nn.Dropout(rate, rngs=rngs if rate else None)
        self.calls = nn.BatchStat(jnp.array(0.0))

    def __call__(self, x, shift=0.0):
        self.calls += 1.0
        return self.drop(jnp.tanh(self.linear(x)) + shift)


def loop(stack, x, *args):
    for block in list(stack):
        x = block(x, *args)
    return x


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"remat": True},
        {"remat": dc.checkpoint_policies.nothing_saveable},
        {"unroll": 3},
        {"unroll": 2, "remat": True},
    ],
    ids=["plain", "remat", "policy", "unroll", "unroll and remat"],
)
def test_a_stack_is_a_loop_over_its_blocks(options):
    stack = nn.Stack(3, Block, 4, rngs=nn.Rngs(0), **options)

    def loss(run):
        return lambda stack: (run(stack, X, 0.5) ** 2).sum()

    value, grads = nn.value_and_grad(loss(nn.Stack.__call__))(stack)
    expected, expected_grads = nn.value_and_grad(loss(loop))(stack)

    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for (path, grad), (_, wanted) in zip(
        grads.flat_state(), expected_grads.flat_state(), strict=True
    ):
        np.testing.assert_allclose(grad, wanted, rtol=1e-5, atol=1e-6, err_msg=path)


def test_blocks_have_keys_of_their_own():
    kernels = nn.Stack(3, nn.Linear, 4, 4, rngs=nn.Rngs(0)).blocks.kernel.value

    assert len(np.unique(kernels.reshape(3, -1)[:, 0])) == 3


def test_kept_dropout_differs_per_block_and_per_call():
    stack = nn.Stack(3, nn.Dropout, 0.5, rngs=nn.Rngs(0))
    ones = jnp.ones(64)

    masks = [block(ones).tolist() for block in stack]
    first, second = stack(ones).tolist(), stack(ones).tolist()

    assert len({tuple(mask) for mask in masks}) == 3
    assert first == (np.prod(masks, axis=0)).tolist()
    assert first != second


def test_dropout_with_passed_streams_differs_per_block():
    stack = nn.Stack(3, nn.Dropout, 0.5, rngs=nn.Rngs(0))
    ones = jnp.ones(256)

    y = np.asarray(stack(ones, rngs=nn.Rngs(dropout=1)))

    # With equal masks a half would be kept, with independent ones an eighth.
    assert 0.05 < (y > 0).mean() < 0.25
    assert set(y.tolist()) == {0.0, 8.0}


def test_state_other_than_parameters_is_kept_after_a_call():
    stack = nn.Stack(3, Block, 4, rngs=nn.Rngs(0))
    kernel = stack.blocks.linear.kernel.value

    stack(X)
    stack(X)

    assert stack.blocks.calls.value.tolist() == [2.0, 2.0, 2.0]
    assert stack.blocks.linear.kernel.value is kernel


def test_length_items_and_modes():
    stack = nn.Stack(3, Block, 4, 0.5, rngs=nn.Rngs(0))

    stack.eval()

    assert len(stack) == len(list(stack)) == 3
    np.testing.assert_array_equal(
        stack[-1].linear.kernel, stack.blocks.linear.kernel[2]
    )
    assert stack[0].drop.deterministic is True


def test_a_missing_block_is_an_error():
    with pytest.raises(IndexError) as caught:
        nn.Stack(3, nn.Linear, 4, 4, rngs=nn.Rngs(0))[3]

    assert str(caught.value) == "Stack: block 3 of 3 does not exist."


def test_a_block_that_changes_the_shape_is_an_error():
    stack = nn.Stack(3, nn.Linear, 4, 5, rngs=nn.Rngs(0))

    with pytest.raises(TypeError, match=r"f32\[2,4\].*f32\[2,5\]"):
        stack(X)


def test_sequential_calls_layers_in_order():
    model = nn.Sequential(lambda x: x + 1, lambda x: x * 2)

    assert model(3) == 8
