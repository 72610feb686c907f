"""Arrays as text."""

import numpy as np

from dolmen.core import numpy as jnp

X = np.array([1.0, 2.5, 1e-7], np.float32)


def test_text_of_an_array_is_what_numpy_writes():
    for options in ({}, {"precision": 2}, {"suppress_small": True}):
        assert jnp.array_str(jnp.array(X), **options) == np.array_str(X, **options)
        text = np.array_repr(X, **options).replace("array(", "Array(")
        assert jnp.array_repr(jnp.array(X), **options) == text


def test_printing_options_hold_for_arrays():
    with jnp.printoptions(precision=1):
        assert str(jnp.array([0.25, 1.0])) == "[0.2 1. ]"
        assert jnp.get_printoptions()["precision"] == 1

    assert str(jnp.array([0.25, 1.0])) == "[0.25 1.  ]"


def test_printing_options_are_set_for_good():
    before = jnp.get_printoptions()["threshold"]

    jnp.set_printoptions(threshold=2)
    text = str(jnp.arange(9))
    jnp.set_printoptions(threshold=before)

    assert text == "[0 1 2 ... 6 7 8]"
