"""Trees as vectors and back."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import random, tree
from dolmen.core.flatten_util import ravel_pytree

MIXED = {
    "b": jnp.array([1, 2], "int32"),
    "f": jnp.array([[3.0], [4.0]], "bfloat16"),
    "s": 5.0,
}


def lines_of(error, function, *args):
    with pytest.raises(error) as caught:
        function(*args)
    return str(caught.value).splitlines()


def test_mixed_dtypes_meet_in_the_one_they_promote_to_and_come_back():
    vector, unravel = ravel_pytree(MIXED)
    again = unravel(vector)

    assert vector.dtype == "float32"
    np.testing.assert_array_equal(vector, [1, 2, 3, 4, 5])
    assert tree.map(lambda x: x.dtype.name, again) == {
        "b": "int32",
        "f": "bfloat16",
        "s": "float32",
    }
    np.testing.assert_array_equal(again["f"].astype("float32"), [[3.0], [4.0]])


def test_one_dtype_is_kept_and_the_way_back_takes_any():
    vector, unravel = ravel_pytree([jnp.ones((2, 1), "int8"), jnp.zeros((), "int8")])
    again = unravel(vector.astype("float32") / 2)

    assert vector.dtype == "int8"
    np.testing.assert_array_equal(again[0], [[0.5], [0.5]])
    assert again[1].dtype == "float32"


@pytest.mark.parametrize("empty", [{}, None, [], [np.zeros((0, 3), np.float32)]])
def test_trees_without_elements(empty):
    vector, unravel = ravel_pytree(empty)

    assert (vector.shape, vector.dtype) == ((0,), np.float32)
    assert tree.structure(unravel(vector)) == tree.structure(empty)


def test_python_numbers_stay_weak():
    vector, _ = ravel_pytree([1.0, 2.0])

    assert vector.weak_type


def test_gradients_go_through_both_ways():
    params = {"w": jnp.array([[1.0, 2.0]]), "b": jnp.array(3.0)}
    vector, unravel = ravel_pytree(params)

    def loss(v):
        p = unravel(v)
        return jnp.sum(p["w"] ** 2) * p["b"]

    def loss_of_tree(p):
        return loss(ravel_pytree(p)[0])

    np.testing.assert_allclose(dc.grad(loss)(vector), [5.0, 6.0, 12.0])
    got = dc.jit(dc.grad(loss_of_tree))(params)
    np.testing.assert_allclose(got["w"], [[6.0, 12.0]])
    np.testing.assert_allclose(got["b"], 5.0)


def test_vmap_maps_the_way_back():
    vector, unravel = ravel_pytree({"a": jnp.arange(2.0), "b": 1.0})
    batch = jnp.stack([vector, 2 * vector, 3 * vector])

    got = dc.vmap(unravel)(batch)

    np.testing.assert_array_equal(got["a"], [[0, 1], [0, 2], [0, 3]])
    np.testing.assert_array_equal(got["b"], [1, 2, 3])


def test_equal_trees_have_equal_ways_back():
    traced = []

    def f(unravel, vector):
        traced.append(unravel)
        return unravel(vector)["a"]

    jitted = dc.jit(f, static_argnums=0)
    for value in (1.0, 2.0):
        vector, unravel = ravel_pytree({"a": jnp.full(3, value)})
        np.testing.assert_array_equal(jitted(unravel, vector), [value] * 3)

    assert len(traced) == 1


def test_the_vector_must_have_the_promoted_dtype():
    vector, unravel = ravel_pytree(MIXED)

    lines = lines_of(TypeError, unravel, vector.astype("float16"))

    assert lines[0] == (
        "unravel: expected a vector of dtype f32, which the leaves promote to, got "
        "f16[5]."
    )
    assert lines[2] == "Convert it with `.astype('float32')`."


def test_the_vector_must_have_the_length_of_the_tree():
    vector, unravel = ravel_pytree(MIXED)

    lines = lines_of(ValueError, unravel, vector[:-1])

    assert lines[0] == (
        "unravel: expected a vector of shape (5,), as many elements as the tree has, "
        "got f32[4]."
    )


def test_the_vector_must_be_an_array():
    _, unravel = ravel_pytree([1.0])

    assert lines_of(TypeError, unravel, [1.0])[0] == (
        "unravel: expected a vector, got list [1.0]."
    )


def test_leaves_that_are_no_numbers_are_named():
    lines = lines_of(TypeError, ravel_pytree, {"a": "x", "k": [random.key(0)]})

    assert lines[:2] == [
        "ravel_pytree: expected arrays of numbers as leaves, got",
        "  ['a']: str 'x'",
    ]
    assert lines[2].startswith("  ['k'][0]: KeyArray ")
    assert lines[-1] == (
        "Leave such leaves out, or make them static parts of the tree."
    )
