"""Scalars that all leaves share are computed apart from the leaves' kernels."""

import re

import numpy as np

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import typeof
from dolmen.optim._apart import computed_apart

SIZE = 1 << 12


def kernels(optimizer):
    """The computations of a compiled step that touch a leaf."""
    params = jnp.ones(SIZE)
    step = dc.jit(lambda g, s, p: optimizer.update(g, s, p))
    compiled = step.trace(params, optimizer.init(params), params).lower().compile()
    computations = re.findall(r"^%.*?^}", compiled.as_text(), re.DOTALL | re.MULTILINE)
    return [made for made in computations if f"f32[{SIZE}]" in made]


def test_no_kernel_of_a_leaf_computes_the_schedule_for_itself():
    schedule = optim.cosine_decay_schedule(0.1, 100)

    made = kernels(optim.adamw(schedule))

    assert len(made) >= 3
    assert not any("cosine(" in kernel for kernel in made)


def test_a_clipped_gradient_is_scaled_where_it_is_used():
    clipped = optim.chain(optim.clip_by_global_norm(1.0), optim.trace(0.9))

    made = kernels(clipped)

    # One reads the gradient for its norm, one scales and adds it to the momentum.
    assert len(made) == 2


def test_values_and_derivatives_pass_through():
    def f(x):
        a, b = computed_apart((x * x, 2.0))
        return a * b

    x = jnp.arange(3.0)

    derivatives = dc.jit(dc.vmap(dc.grad(f)))(x)
    second = dc.jit(dc.vmap(dc.grad(dc.grad(f))))(x)

    np.testing.assert_allclose(derivatives, [0.0, 4.0, 8.0])
    np.testing.assert_allclose(second, [4.0, 4.0, 4.0])


def test_numbers_stay_numbers():
    types = []

    @dc.jit
    def f(x):
        traced, number = computed_apart((x, 0.5))
        types.append(number)
        return traced

    result = f(jnp.ones((), "bfloat16"))

    assert types == [0.5]
    assert typeof(result).dtype == "bfloat16"


def test_a_clipped_float16_gradient_does_not_overflow():
    grads = jnp.full(1000, 60000.0, "float16")
    transform = optim.clip_by_global_norm(1.0)

    clipped, _ = transform.update(grads, transform.init(grads))

    np.testing.assert_allclose(clipped, 1000**-0.5, rtol=1e-3)
    assert clipped.dtype == "float16"
