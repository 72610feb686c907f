"""What functions say about arguments of a wrong kind or value.

Each row is a call, the class of its error and the message but for the user's line.
"""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

X = jnp.ones((2, 3))
V = jnp.ones(3)


def id_of(row):
    """The text of a message up to its first colon: the function."""
    return row[2].partition(":")[0].replace(" ", "_")


def check(call, error, message):
    with pytest.raises(error) as raised:
        call()

    line = r"\n  at .*test_wrong_arguments.py:\d+ in .*"
    assert re.sub(line, "\n  at HERE", str(raised.value)) == message


def table(rows):
    return pytest.mark.parametrize("row", rows, ids=id_of)


# ---- dtypes ------------------------------------------------------------------------

WRITE_DTYPE = "Write `x.dtype` for the dtype of an array `x`."
INTO_LIST = "Put the arrays into one list; `x.dtype` is the dtype of an array `x`."


@table(
    [
        (
            lambda function=function: function(V),
            TypeError,
            f"{name}: expected a dtype, got an array f32[3].\n  at HERE\n{advice}",
        )
        for name, function, advice in [
            ("hstack", lambda v: jnp.hstack(v, v), INTO_LIST),
            ("vstack", lambda v: jnp.vstack(v, v), INTO_LIST),
            ("dstack", lambda v: jnp.dstack(v, v), INTO_LIST),
            ("stack", lambda v: jnp.stack([v], dtype=v), INTO_LIST),
            ("concatenate", lambda v: jnp.concatenate([v], None, v), INTO_LIST),
            ("zeros", lambda v: jnp.zeros((2,), v), WRITE_DTYPE),
            ("array", lambda v: jnp.array(1, v), WRITE_DTYPE),
            ("astype", lambda v: v.astype(v), WRITE_DTYPE),
            ("full", lambda v: jnp.full(2, 1, np.asarray(v)), WRITE_DTYPE),
            ("full", lambda v: lax.full((2,), 1.0, v), WRITE_DTYPE),
            ("view", lambda v: v.view(v), WRITE_DTYPE),
            ("iota", lambda v: dc.jit(lambda x: lax.iota(x, 3))(v), WRITE_DTYPE),
        ]
    ]
)
def test_an_array_is_no_dtype(row):
    check(*row)


@pytest.mark.parametrize(
    "dtype", [np.dtype("int32"), np.int32, jnp.int32, "int32", jnp.arange(3).dtype, int]
)
def test_dtypes_of_all_kinds_are_taken(dtype):
    assert jnp.zeros(2, dtype).dtype == np.int32


@table(
    [
        (
            lambda: jnp.zeros(2, 3),
            TypeError,
            "zeros: expected a dtype, got 3.\n  at HERE\n"
            "Put the sizes into one tuple: `zeros((2, 3))`.",
        ),
        (
            lambda: jnp.ones((2,), 3),
            TypeError,
            "ones: expected a dtype, got 3.\n  at HERE\n"
            "Put the sizes into one tuple: `ones((2, 3))`.",
        ),
        (
            lambda: jnp.hstack(V, 3),
            TypeError,
            "hstack: expected a dtype, got 3.\n  at HERE\n"
            "Use a name such as 'float32' or a type such as jnp.bfloat16.",
        ),
        (
            lambda: jnp.zeros(2, np.float32(1)),
            TypeError,
            f"zeros: expected a dtype, got np.float32(1.0).\n  at HERE\n{WRITE_DTYPE}",
        ),
    ]
)
def test_what_else_is_no_dtype(row):
    check(*row)


# ---- arrays to be joined -----------------------------------------------------------


@table(
    [
        (
            lambda: jnp.concatenate(X, X),
            TypeError,
            "concatenate: `axis` must be an integer, got f32[2,3].\n  at HERE\n"
            "Put the arrays into one list.",
        ),
        (
            lambda: jnp.stack(V, np.ones(3, np.float32)),
            TypeError,
            "stack: `axis` must be an integer, got f32[3].\n  at HERE\n"
            "Put the arrays into one list.",
        ),
        (
            lambda: jnp.concatenate([V], axis=0.5),
            TypeError,
            "concatenate: `axis` must be an integer, got 0.5.\n  at HERE",
        ),
        (
            lambda: jnp.vstack([jnp.ones((2, 3)), jnp.ones((2, 4))]),
            ValueError,
            "vstack: arrays must have equal sizes except along axis 0, got "
            "f32[2,3], f32[2,4].\n  at HERE",
        ),
        (
            lambda: jnp.hstack([jnp.ones((2, 3)), 1.0]),
            ValueError,
            "hstack: arrays must have equal sizes except along axis 1, got "
            "f32[2,3], ~f32[1].\n  at HERE",
        ),
        (
            lambda: jnp.append(X, V, 0),
            ValueError,
            "append: arrays must have equal sizes except along axis 0, got "
            "f32[2,3], f32[3].\n  at HERE",
        ),
    ]
)
def test_arrays_that_do_not_join(row):
    check(*row)


# ---- counts and sizes --------------------------------------------------------------


@table(
    [
        (
            lambda: jnp.repeat(V, -1),
            ValueError,
            "repeat: `repeats` must not be negative, got -1.\n  at HERE",
        ),
        (
            lambda: jnp.repeat(V, [1, -2, -3]),
            ValueError,
            "repeat: `repeats` must not be negative, got -2, -3.\n  at HERE",
        ),
        (
            lambda: jnp.repeat(V, [1.0, 2.0, 3.0]),
            TypeError,
            "repeat: `repeats` must be integers, got float64.\n  at HERE",
        ),
        (
            lambda: jnp.repeat(V, V, total_repeat_length=3.5),
            TypeError,
            "repeat: `total_repeat_length` must be an integer, got 3.5.\n  at HERE\n"
            "Use `//` instead of `/`.",
        ),
        (
            lambda: dc.ShapeDtypeStruct((2.7, 3), "float32"),
            TypeError,
            "ShapeDtypeStruct: `shape` must be integers, got (2.7, 3).\n  at HERE\n"
            "Use `//` instead of `/`.",
        ),
        (
            lambda: dc.ShapeDtypeStruct(2, "float32"),
            TypeError,
            "ShapeDtypeStruct: `shape` must be a sequence of integers, got 2.\n"
            "  at HERE\nWrite `(2,)`.",
        ),
        (
            lambda: dc.make_mesh((1.7,), ("x",)),
            TypeError,
            "make_mesh: `axis_shapes` must be integers, got (1.7,).\n  at HERE\n"
            "Use `//` instead of `/`.",
        ),
        (
            lambda: dc.make_mesh(8, "x"),
            TypeError,
            "make_mesh: `axis_shapes` must be a sequence of integers, got 8.\n"
            "  at HERE\nWrite `(8,)`.",
        ),
        (
            lambda: dc.make_mesh(("x",), (8,)),
            TypeError,
            "make_mesh: `axis_shapes` must be integers, got ('x',).\n  at HERE",
        ),
        (
            lambda: dc.make_mesh((-8,), ("x",)),
            ValueError,
            "make_mesh: `axis_shapes` must be positive, got (-8,).\n  at HERE",
        ),
        (
            lambda: dc.nn.one_hot(jnp.arange(3), 3.7),
            TypeError,
            "one_hot: `num_classes` must be an integer, got 3.7.\n  at HERE\n"
            "Use `//` instead of `/`.",
        ),
        (
            lambda: jnp.expand_dims(X, 5),
            ValueError,
            "expand_dims: `axis` must be between -3 and 2 for a result with 3 axes, "
            "got 5.\n  at HERE",
        ),
    ]
)
def test_wrong_counts(row):
    check(*row)


# ---- arguments that are static inside ---------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda axes: jnp.sum(X, axis=axes),
        lambda axes: X.mean(axis=axes),
        lambda axes: jnp.any(X > 0, axis=axes),
        lambda axes: jnp.linalg.norm(X, axis=axes),
    ],
)
@pytest.mark.parametrize("axes", [[0], [0, 1], [-1]])
def test_lists_of_axes_are_axes(call, axes):
    np.testing.assert_array_equal(call(axes), call(tuple(axes)))


@table(
    [
        (
            lambda: jnp.sum(V, V),
            TypeError,
            "sum: `axis` must be an integer or a tuple of them, got f32[3].\n  at HERE",
        ),
        (
            lambda: lax.reshape(X, (3.0, 2)),
            TypeError,
            "reshape: `new_sizes` must be integers, got (3.0, 2).\n  at HERE\n"
            "Use `//` instead of `/`.",
        ),
        (
            lambda: lax.dynamic_slice(V, (0,), (2.5,)),
            TypeError,
            "dynamic_slice: `slice_sizes` must be integers, got (2.5,).\n  at HERE\n"
            "Use `//` instead of `/`.",
        ),
        (
            lambda: lax.reduce_sum(X, 0),
            TypeError,
            "reduce_sum: `axes` must be a sequence of integers, got 0.\n  at HERE\n"
            "Write `(0,)`.",
        ),
    ]
)
def test_wrong_axes_and_sizes(row):
    check(*row)
