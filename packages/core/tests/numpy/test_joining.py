"""Joining and cutting agree with NumPy."""

import numpy as np
import pytest

from dolmen.core import grad, jit, numpy as jnp

A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.arange(6, 12, dtype=np.float32).reshape(2, 3)
V = np.arange(3, dtype=np.float32)

JOINS = {
    "concatenate": (lambda m: m.concatenate([A, B])),
    "concatenate last axis": (lambda m: m.concatenate([A, B], axis=-1)),
    "concatenate flat": (lambda m: m.concatenate([A, V], axis=None)),
    "concatenate rows of an array": (lambda m: m.concatenate(A)),
    "concatenate with empty": (lambda m: m.concatenate([A, A[:0]])),
    "concat": (lambda m: m.concat([A, B], axis=1)),
    "stack": (lambda m: m.stack([A, B])),
    "stack last": (lambda m: m.stack([A, B], axis=-1)),
    "stack scalars": (lambda m: m.stack([np.float32(1), np.float32(2)])),
    "vstack": (lambda m: m.vstack([A, V])),
    "hstack": (lambda m: m.hstack([A, B])),
    "hstack vectors": (lambda m: m.hstack([V, V])),
    "dstack": (lambda m: m.dstack([A, B])),
    "dstack vectors": (lambda m: m.dstack([V, V])),
    "column_stack": (lambda m: m.column_stack([V, A.T])),
    "append": (lambda m: m.append(A, V)),
    "append rows": (lambda m: m.append(A, B, axis=0)),
    "block": (lambda m: m.block([[A, B], [B, A]])),
    "block vectors": (lambda m: m.block([V, V])),
}


@pytest.mark.parametrize("name", JOINS)
def test_joins_agree_with_numpy(name):
    expected = JOINS[name](np)

    actual = np.asarray(JOINS[name](jnp))

    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == np.float32


CUTS = {
    "split": (lambda m: m.split(A, 3, axis=1)),
    "split at places": (lambda m: m.split(V, [1, 1, 5])),
    "split at places in disorder": (lambda m: m.split(V, [2, 1])),
    "split at negative places": (lambda m: m.split(V, [-1])),
    "array_split": (lambda m: m.array_split(V, 2)),
    "array_split into more": (lambda m: m.array_split(V, 5)),
    "hsplit": (lambda m: m.hsplit(A, 3)),
    "hsplit vector": (lambda m: m.hsplit(V, 3)),
    "vsplit": (lambda m: m.vsplit(A, 2)),
    "dsplit": (lambda m: m.dsplit(A[None], [1])),
    "unstack": (lambda m: list(m.unstack(A, axis=1))),
}


@pytest.mark.parametrize("name", CUTS)
def test_cuts_agree_with_numpy(name):
    expected = CUTS[name](np)

    actual = CUTS[name](jnp)

    assert len(actual) == len(expected)
    for piece, wanted in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(piece), wanted)


@pytest.mark.parametrize(
    ("arrays", "dtype", "weak"),
    [
        ([np.ones(1, np.int8), jnp.ones(1, "bfloat16")], "bfloat16", False),
        ([np.ones(1, np.int8), np.ones(1, np.uint8)], "int16", False),
        ([np.ones(1, np.float32), np.ones(1, bool)], "float32", False),
    ],
)
def test_concatenate_promotes(arrays, dtype, weak):
    actual = jnp.concatenate(arrays)

    assert (actual.dtype.name, actual.weak_type) == (dtype, weak)


def test_stack_of_python_scalars_is_weak():
    actual = jnp.stack([1.0, 2])

    assert (actual.dtype.name, actual.weak_type) == ("float32", True)


def test_dtype_of_the_result_can_be_chosen():
    assert jnp.stack([1, 2], dtype="float16").dtype == np.float16
    assert jnp.concatenate([A], dtype=int).dtype == np.int32


def test_gradient_of_stack_goes_back_to_each_array():
    def loss(a, b):
        return (jnp.stack([a, b, a]) * np.array([[1.0], [10.0], [100.0]])).sum()

    da, db = grad(loss, argnums=(0, 1))(V, V)

    np.testing.assert_array_equal(da, [101, 101, 101])
    np.testing.assert_array_equal(db, [10, 10, 10])


def test_stack_records_a_broadcast_of_each_array_and_one_concatenate():
    text = jit(lambda a, b: jnp.stack([a, b])).lower(V, V).as_text()

    assert text.count("stablehlo.concatenate") == 1
    assert "call" not in text


def _message(error):
    lines = str(error.value).split("\n")
    return "\n".join(line for line in lines if not line.startswith("  at "))


ERRORS = [
    (
        lambda: jnp.concatenate([]),
        ValueError,
        "concatenate: expected at least one array, got none.",
    ),
    (
        lambda: jnp.concatenate([A, V]),
        ValueError,
        "concatenate: arrays must have equal sizes except along axis 0, got f32[2,3], "
        "f32[3].",
    ),
    (
        lambda: jnp.concatenate([1.0, 2.0]),
        ValueError,
        "concatenate: arrays must have an axis to be joined along, got ~f32[].\n"
        "Use `stack` to join scalars.",
    ),
    (
        lambda: jnp.concatenate([[1.0], [2.0]]),
        TypeError,
        "concatenate: `arrays[0]` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: jnp.concatenate(1.0),
        TypeError,
        "concatenate: expected a sequence of arrays, got float.\n"
        "Put the arrays into a list.",
    ),
    (
        lambda: jnp.stack([A, V]),
        ValueError,
        "stack: arrays must have equal shapes, got f32[2,3], f32[3].\n"
        "Use `concatenate` to join along an existing axis.",
    ),
    (
        lambda: jnp.split(V, 2),
        ValueError,
        "split: axis 0 of f32[3] has size 3, which 2 equal pieces don't divide (rest "
        "1).\nUse `array_split` for pieces of unequal sizes.",
    ),
    (
        lambda: jnp.split(V, 0),
        ValueError,
        "split: expected at least one piece, got 0.",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error) as caught:
        call()

    assert _message(caught) == text
