"""Complex parameters as pairs of real ones."""

import numpy as np

import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib


def test_parts_are_optimized_each_for_itself():
    optimizer, plain = (
        contrib.split_real_and_imaginary(optim.adam(0.1)),
        optim.adam(0.1),
    )
    grads = {"z": jnp.asarray([3.0 - 4.0j, 0.5j]), "x": jnp.asarray([2.0])}
    real = {"re": grads["z"].real, "im": grads["z"].imag, "x": grads["x"]}

    got, state = optimizer.update(grads, optimizer.init(grads), grads)
    got, _ = optimizer.update(grads, state, grads)
    expected, state = plain.update(real, plain.init(real))
    expected, _ = plain.update(real, state)

    assert got["z"].dtype == "complex64"
    np.testing.assert_allclose(got["z"].real, expected["re"], rtol=1e-6)
    np.testing.assert_allclose(got["z"].imag, expected["im"], rtol=1e-6)
    np.testing.assert_allclose(got["x"], expected["x"], rtol=1e-6)


def test_what_takes_no_complex_numbers_takes_their_parts():
    optimizer = contrib.split_real_and_imaginary(optim.sm3(0.1))
    z = jnp.asarray([[1.0 + 1.0j, 2.0]])

    updates, _ = optimizer.update(z, optimizer.init(z), z)

    assert updates.shape == (1, 2)
    assert updates.dtype == "complex64"


def test_extra_arguments_reach_the_inner_transformation():
    optimizer = contrib.split_real_and_imaginary(optim.polyak_sgd())
    z = jnp.asarray([2.0j])

    updates, _ = optimizer.update(z, optimizer.init(z), z, value=4.0)

    np.testing.assert_allclose(updates, [-2.0j])
