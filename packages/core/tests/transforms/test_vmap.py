"""`vmap`: axes in trees, keyword arguments, typed keys, errors with paths."""

import dataclasses
import functools

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import random, tree_util
from dolmen.core._tracing import bound_axes

A = np.arange(6.0, dtype=np.float32).reshape(2, 3)


def test_axes_are_a_prefix_tree_of_each_argument():
    def f(p, y):
        return p["w"] @ p["b"][0] + y

    p = {"w": np.ones((4, 2, 3), np.float32), "b": (A.T,)}

    got = dc.vmap(f, in_axes=({"w": None, "b": (1,)}, None))(
        {"w": p["w"][0], "b": p["b"]}, 1.0
    )
    shared = dc.vmap(f, in_axes=({"w": 0, "b": None}, None))(
        {"w": p["w"], "b": (A[0],)}, 1.0
    )

    np.testing.assert_allclose(got, [[4.0, 4.0], [13.0, 13.0]])
    np.testing.assert_allclose(shared, np.full((4, 2), 4.0))


def test_axes_may_be_given_for_registered_nodes():
    @functools.partial(
        tree_util.register_dataclass, data_fields=["a", "b"], meta_fields=[]
    )
    @dataclasses.dataclass
    class Pair:
        a: object
        b: object

    got = dc.vmap(lambda p: p.a + p.b, in_axes=(Pair(0, None),))(
        Pair(jnp.arange(3.0), jnp.ones(2))
    )

    assert got.tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]


def test_results_may_have_a_tree_of_axes():
    got = dc.vmap(
        lambda x: {"a": x, "b": (x, 2.0)}, out_axes={"a": -1, "b": (0, None)}
    )(A)

    np.testing.assert_array_equal(got["a"], A.T)
    np.testing.assert_array_equal(got["b"][0], A)
    assert got["b"][1] == 2.0


def test_results_may_be_summed_over_the_batch():
    got = dc.vmap(lambda x: (x, 1.0), out_axes=None, sum_match=True)(A)

    np.testing.assert_array_equal(got[0], A.sum(0))
    assert got[1] == 1.0


def test_keyword_arguments_are_batched_along_axis_zero():
    got = dc.vmap(lambda x, y: x + y.sum(), in_axes=(None,))(1.0, y=A)

    assert got.tolist() == [4.0, 13.0]


def test_numpy_integers_are_axes():
    got = dc.vmap(jnp.sum, in_axes=np.int64(1))(A)

    assert got.tolist() == [3.0, 5.0, 7.0]


def test_a_function_of_nothing_runs_with_axis_size():
    got = dc.vmap(lambda: 1.0, axis_size=3)()

    assert got.tolist() == [1.0, 1.0, 1.0]


def test_negative_axes_of_typed_keys_are_those_users_see():
    keys = random.split(random.key(0), (2, 3))

    got = dc.vmap(lambda k: random.split(k[0], 4), in_axes=-1, out_axes=-1)(keys)

    want = dc.vmap(lambda k: random.split(k, 4), out_axes=1)(keys[0])
    assert got.shape == (4, 3)
    np.testing.assert_array_equal(random.key_data(got), random.key_data(want))


def test_the_axis_of_words_of_typed_keys_is_not_an_axis():
    keys = random.split(random.key(0), 3)

    with pytest.raises(ValueError, match="in_axes=1 does not exist in argument leaf"):
        dc.vmap(random.normal, in_axes=1)(keys)


def test_the_mesh_axis_of_the_batch_is_recorded():
    seen = []

    def f(x):
        seen.extend(bound_axes())
        return x

    dc.vmap(f, axis_name="i", spmd_axis_name="data")(A)

    assert [(a.name, a.size, a.spmd_name) for a in seen] == [("i", 2, "data")]


def test_an_empty_batch():
    assert dc.vmap(jnp.sin)(jnp.zeros((0, 2))).shape == (0, 2)


def f(x, y):
    return {"r": x}


@pytest.mark.parametrize(
    ("call", "cls", "lines"),
    [
        (
            lambda: dc.vmap(f, in_axes={"x": 0}),
            TypeError,
            [
                "vmap of f: expected in_axes to be an integer, None or a tuple with an "
                "entry for each positional argument, got dict {'x': 0}."
            ],
        ),
        (
            lambda: dc.vmap(f, axis_name=["i"]),
            TypeError,
            ["vmap of f: expected a hashable axis_name, got list ['i']."],
        ),
        (lambda: dc.vmap(3), TypeError, ["vmap: expected a function, got 3."]),
        (
            lambda: dc.vmap(f, in_axes=(0,))(A, A),
            ValueError,
            [
                "vmap of f: in_axes has 1 entries, but the call has 2 positional "
                "arguments."
            ],
        ),
        (
            lambda: dc.vmap(f, in_axes=({"a": 0, "c": 0}, 0))({"a": A, "b": A}, A),
            ValueError,
            [
                "vmap of f: in_axes[0]: expected an integer, None or a container with "
                "the entries ['a'], ['b'], got a container with the entries ['a'], "
                "['c'].",
                "Give it the structure of the value it stands for, or a single entry "
                "for all of that value.",
            ],
        ),
        (
            lambda: dc.vmap(f, in_axes=({"a": [0]}, 0))({"a": A}, A),
            ValueError,
            [
                "vmap of f: in_axes[0]['a']: expected an integer or None, got a "
                "container with the entries [0].",
                "Give it the structure of the value it stands for, or a single entry "
                "for all of that value.",
            ],
        ),
        (
            lambda: dc.vmap(f, in_axes=(0, 2))(A, A),
            ValueError,
            [
                "vmap of f: in_axes=2 does not exist in argument leaf args[1], "
                "f32[2,3].",
                "Give that argument in_axes=None if the whole batch shares it.",
            ],
        ),
        (
            lambda: dc.vmap(f, in_axes=(0, 1))(A, {"k": A}),
            ValueError,
            [
                "vmap of f: batch axes must have equal lengths, got",
                "  args[0]: f32[2,3], axis 0 has length 2",
                "  args[1]['k']: f32[2,3], axis 1 has length 3",
                "Check `in_axes`.",
            ],
        ),
        (
            lambda: dc.vmap(f, in_axes=None)(A, A),
            ValueError,
            [
                "vmap of f: no argument is batched.",
                "Give at least one argument an axis in `in_axes`, or pass `axis_size`.",
            ],
        ),
        (
            lambda: dc.vmap(f, out_axes=2)(A, A),
            ValueError,
            [
                "vmap of f: out_axes=2 does not exist in result['r']: f32[3] and the "
                "batch axis make 2 axes."
            ],
        ),
        (
            lambda: dc.vmap(f, out_axes={"r": None})(A, A),
            ValueError,
            [
                "vmap of f: out_axes is None for result['r'], which differs across the "
                "batch (f32[3]).",
                "Give it an axis in `out_axes`.",
            ],
        ),
    ],
)
def test_errors_name_the_path(call, cls, lines):
    with pytest.raises(cls) as caught:
        call()

    text = str(caught.value).split("\n")
    assert [line for line in text if not line.startswith("  at ")] == lines
