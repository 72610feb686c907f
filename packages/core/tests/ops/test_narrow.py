"""Operations on elements of less than a byte agree with NumPy's on whole bytes."""

import ml_dtypes  # noqa: F401 - NumPy knows the dtypes by name from it
import numpy as np
import pytest

from dolmen.core import jit, lax, numpy as jnp

VALUES = {
    "int2": [1, -1, 0, 1, -2],
    "uint2": [1, 3, 0, 2, 1],
    "int4": [1, -3, 0, 7, -8],
    "uint4": [1, 15, 0, 3, 9],
    "float4_e2m1fn": [1, -3, 0.5, 6, -0.5],
}
PLACES = jnp.array([4, 0, 0])

# For an array [2, 5] of ours, and for one of NumPy's.
OPERATIONS = {
    "sort": (jnp.sort, np.sort),
    "argsort": (jnp.argsort, lambda x: np.argsort(x, kind="stable")),
    "sorted pairs": (
        lambda x: lax.sort((x, x), num_keys=1)[1],
        np.sort,
    ),
    "argmax": (lambda x: jnp.argmax(x, 1), lambda x: np.argmax(x, 1)),
    "argmin": (lambda x: jnp.argmin(x, 0), lambda x: np.argmin(x, 0)),
    "top_k": (lambda x: lax.top_k(x, 2)[0], lambda x: np.sort(x)[:, :-3:-1]),
    "max": (lambda x: x.max(1), lambda x: x.max(1)),
    "cummax": (lambda x: lax.cummax(x, 1), lambda x: np.maximum.accumulate(x, 1)),
    "concatenate": (
        lambda x: jnp.concatenate([x, x[:, :1]], 1),
        lambda x: np.concatenate([x, x[:, :1]], 1),
    ),
    "pad": (lambda x: jnp.pad(x, 1), lambda x: np.pad(x, 1)),
    "reverse": (lambda x: x[:, ::-1], lambda x: x[:, ::-1]),
    "gather": (lambda x: x[:, PLACES], lambda x: x[:, PLACES]),
    "update": (
        lambda x: x.at[:, 2].set(x[:, 0]),
        lambda x: x[:, [0, 1, 0, 3, 4]],
    ),
    "where": (
        lambda x: jnp.where(x > 0, x, x[:, ::-1]),
        lambda x: np.where(x > 0, x, x[:, ::-1]),
    ),
    "sum": (lambda x: jnp.sum(x, 1, "float32"), lambda x: x.sum(1)),
    "product": (
        lambda x: lax.dot(x, x.T, preferred_element_type=np.float32),
        lambda x: x @ x.T,
    ),
    "unique": (jnp.unique, np.unique),
}


@pytest.mark.parametrize("dtype", VALUES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_of_narrow_elements_agree_with_numpy(dtype, operation):
    ours, numpys = OPERATIONS[operation]
    x = np.array([VALUES[dtype], VALUES[dtype][::-1]], dtype)

    made = ours(jnp.asarray(x))

    np.testing.assert_array_equal(
        np.asarray(made).astype(np.float32), numpys(x.astype(np.float32))
    )


@pytest.mark.parametrize("dtype", VALUES)
def test_narrow_elements_are_joined_and_sorted_in_a_program(dtype):
    x = np.array(VALUES[dtype], dtype)

    made = jit(lambda x: jnp.sort(jnp.concatenate([x, x])))(x)

    assert made.dtype == dtype
    np.testing.assert_array_equal(
        np.asarray(made).astype(np.float32), np.sort(np.tile(x.astype(np.float32), 2))
    )
