"""States are searched, changed and mapped; dtypes and keys of trees."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import random, tree_util
from dolmen.optim import tree, tree_utils

PARAMS = {"w": jnp.ones((2, 2)), "b": jnp.zeros(2)}
OPTIMIZER = optim.chain(
    optim.clip(1.0),
    optim.inject_hyperparams(optim.adam)(0.1),
    optim.trace(0.9),
)
STATE = OPTIMIZER.init(PARAMS)


def test_every_function_has_its_long_name():
    short = {name for name in dir(tree) if name[0] != "_"}
    long = {name for name in dir(tree_utils) if name[0] != "_"}

    assert long == {f"tree_{name}" for name in short} | {"NamedTupleKey"}
    assert all(getattr(tree, n) is getattr(tree_utils, f"tree_{n}") for n in short)


# ---- search ------------------------------------------------------------------------


def test_a_field_is_found_wherever_it_is():
    assert tree.get(STATE, "mu").keys() == PARAMS.keys()
    assert tree.get(STATE, "learning_rate") == np.float32(0.1)
    assert isinstance(tree.get(STATE, "ScaleByAdamState"), optim.ScaleByAdamState)
    assert tree.get(STATE, "no such name", default=7) == 7


def test_paths_say_where_a_part_was_found():
    [(path, _)] = tree.get_all_with_path(STATE, "nu")

    assert path == (
        tree_util.SequenceKey(1),
        tree_utils.NamedTupleKey("InjectStatefulHyperparamsState", "inner_state"),
        tree_util.SequenceKey(0),
        tree_utils.NamedTupleKey("ScaleByAdamState", "nu"),
    )


def test_outer_parts_come_before_inner_ones():
    nested = {"a": {"a": 1, "b": [{"a": 2}]}, "c": {"a": 3}}

    found = tree.get_all_with_path(nested, "a")

    assert [value for _, value in found] == [nested["a"], 1, 2, 3]


def test_several_parts_of_a_name_are_told_apart_by_a_filter():
    def in_adam(path, value):
        names = [getattr(entry, "tuple_name", None) for entry in path]
        return "ScaleByAdamState" in names

    with pytest.raises(KeyError) as raised:
        tree.get(STATE, "count")

    assert raised.value.args[0] == (
        "tree.get: 2 parts are called 'count': "
        "[1]/InjectStatefulHyperparamsState.count, "
        "[1]/InjectStatefulHyperparamsState.inner_state[0]/ScaleByAdamState.count; "
        "choose by `filtering`"
    )
    assert int(tree.get(STATE, "count", filtering=in_adam)) == 0


def test_set_replaces_all_parts_of_a_name_and_nothing_else():
    new = tree.set(STATE, count=jnp.int32(5), learning_rate=2.0)

    assert [int(x) for _, x in tree.get_all_with_path(new, "count")] == [5, 5]
    assert tree.get(new, "learning_rate") == 2.0
    assert dc.tree.structure(new) == dc.tree.structure(STATE)
    assert tree.get(new, "mu")["w"] is tree.get(STATE, "mu")["w"]


def test_set_replaces_whole_states_by_the_name_of_their_class():
    new = tree.set(STATE, TraceState=None)

    assert new[2] is None


def test_set_with_a_filter_replaces_only_what_passes():
    new = tree.set(STATE, lambda path, value: len(path) == 2, count=jnp.int32(5))

    assert [int(x) for _, x in tree.get_all_with_path(new, "count")] == [5, 0]


def test_setting_an_unknown_name_is_an_error():
    with pytest.raises(KeyError) as raised:
        tree.set(STATE, coutn=1)
    with pytest.raises(KeyError) as filtered:
        tree.set(STATE, lambda path, value: False, count=1)

    assert raised.value.args[0] == "tree.set: no parts are called ['coutn']"
    assert filtered.value.args[0] == (
        "tree.set: no parts that pass `filtering` are called ['count']"
    )


def test_attributes_of_registered_classes_are_found_and_replaced():
    @tree_util.register_pytree_with_keys_class
    class Model:
        def __init__(self, weight):
            self.weight = weight

        def tree_flatten_with_keys(self):
            return [(tree_util.GetAttrKey("weight"), self.weight)], None

        @classmethod
        def tree_unflatten(cls, aux, children):
            return cls(*children)

    model = [Model(1.0), None]

    assert tree.get(model, "weight") == 1.0
    assert tree.set(model, weight=2.0)[0].weight == 2.0


# ---- parts like the parameters -----------------------------------------------------


def doubled(state, optimizer, *rest, **options):
    return tree.map_params(optimizer, lambda x, *_: x + 1, state, *rest, **options)


def test_repetitions_of_the_parameters_are_mapped_and_counts_are_not():
    new = doubled(STATE, OPTIMIZER)

    np.testing.assert_array_equal(tree.get(new, "mu")["w"], np.ones((2, 2)))
    np.testing.assert_array_equal(tree.get(new, "trace")["b"], np.ones(2))
    assert [int(x) for _, x in tree.get_all_with_path(new, "count")] == [0, 0]
    assert tree.get(new, "learning_rate") == np.float32(0.1)


def test_other_leaves_may_be_mapped_too():
    new = doubled(STATE, OPTIMIZER.init, transform_non_params=lambda x: x + 10)

    assert [int(x) for _, x in tree.get_all_with_path(new, "count")] == [10, 10]


def test_leaves_of_other_trees_come_along():
    names = {"w": "kernel", "b": "bias"}

    new = tree.map_params(OPTIMIZER, lambda x, name: name, STATE, names)

    assert tree.get(new, "nu") == names


@pytest.mark.parametrize(
    "optimizer",
    [
        optim.masked(optim.adam(0.1), {"w": True, "b": False}),
        optim.masked(optim.adam(0.1), lambda tree: {"w": True, "b": False}),
        optim.partition(
            {"adam": optim.adam(0.1), "sgd": optim.sgd(0.1, 0.9)},
            {"w": "adam", "b": "sgd"},
        ),
    ],
)
def test_states_of_some_parameters_are_mapped_too(optimizer):
    new = doubled(optimizer.init(PARAMS), optimizer)

    np.testing.assert_array_equal(tree.get(new, "mu")["w"], np.ones((2, 2)))
    assert tree.get(new, "mu")["b"] == optim.MaskedNode()
    assert int(tree.get(new, "count")) == 0


def test_masks_of_weight_decay_need_no_parameters():
    optimizer = optim.adamw(0.1, mask={"w": True, "b": False})

    new = doubled(optimizer.init(PARAMS), optimizer)

    np.testing.assert_array_equal(tree.get(new, "mu")["b"], np.ones(2))


# ---- dtypes, keys ------------------------------------------------------------------

MIXED = {"a": jnp.ones(2, jnp.bfloat16), "b": 1.0, "c": jnp.ones(2, jnp.float32)}
APART = [jnp.ones(1, jnp.bfloat16), jnp.ones(1, jnp.float16)]


def test_the_dtype_of_mixed_trees_is_chosen_by_the_handler():
    assert tree.dtype(MIXED, "promote") == jnp.float32
    assert tree.dtype(MIXED, "highest") == jnp.float32
    assert tree.dtype(MIXED, "lowest") == jnp.bfloat16
    assert tree.dtype(APART, "promote") == jnp.float32
    assert tree.dtype([jnp.ones(2, jnp.int32)]) == jnp.int32
    assert tree.dtype({}) == jnp.float32


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: tree.dtype(MIXED),
            "tree.dtype: all leaves must have one dtype, bfloat16, got\n"
            "  ['b']: float32\n  ['c']: float32\n  at <here>\n"
            "Choose a `mixed_dtype_handler`.",
        ),
        (
            lambda: tree.dtype(APART, "highest"),
            "tree.dtype: neither bfloat16 nor float16 is higher: they promote to "
            "float32.\n  at <here>\nUse `mixed_dtype_handler='promote'`.",
        ),
        (
            lambda: tree.dtype(MIXED, "widest"),
            "tree.dtype: `mixed_dtype_handler` must be None, 'promote', 'highest' or "
            "'lowest', got 'widest'.\n  at <here>",
        ),
        (
            lambda: tree.norm(MIXED, 3),
            "tree.norm: `ord` must be 1, 2, None or inf, got 3.\n  at <here>",
        ),
    ],
)
def test_what_has_no_answer_is_refused(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == expected


def test_every_leaf_has_a_key_and_numbers_of_its_own():
    keys = tree.split_key_like(random.key(0), PARAMS)

    noise = tree.random_like(random.key(0), PARAMS)
    bits = tree.random_like(random.key(0), PARAMS, random.bits, jnp.uint32)

    np.testing.assert_array_equal(noise["b"], random.normal(keys["b"], (2,)))
    np.testing.assert_array_equal(noise["w"], random.normal(keys["w"], (2, 2)))
    assert bits["w"].dtype == jnp.uint32


def test_keys_become_words_and_the_rest_stays():
    made = tree.unwrap_random_key_data({"k": random.key(3), "x": jnp.ones(1), "s": "a"})

    np.testing.assert_array_equal(made["k"], [0, 3])
    assert made["s"] == "a"


@pytest.mark.parametrize(
    "update",
    [
        lambda g, t: tree.update_moment(g, t, 0.5, 2),
        lambda g, t: tree.update_moment_per_elem_norm(g, t, 0.5, 2),
        lambda g, t: tree.update_infinity_moment(g, t, 0.5, 0.0),
    ],
)
def test_missing_updates_stay_missing(update):
    new = update({"a": None, "b": 2.0}, {"a": jnp.ones(2), "b": 2.0})

    assert new["a"] is None
    assert float(new["b"]) > 1.5


def test_trees_of_another_structure_are_refused():
    with pytest.raises(ValueError, match=r"\['b'\]|'b'"):
        tree.add({"a": 1.0}, {"b": 1.0})
