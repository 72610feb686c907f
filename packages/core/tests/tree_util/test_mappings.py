"""Dict subclasses of the standard library are nodes that keep what they are."""

from collections import OrderedDict, defaultdict

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import tree, tree_util

MAPPINGS = [
    OrderedDict([("b", 1.0), ("a", 2.0)]),
    defaultdict(list, {"b": 1.0, "a": 2.0}),
]


def test_an_ordered_dict_keeps_its_order():
    leaves, structure = tree.flatten(OrderedDict([("b", 1), ("a", 2)]))

    assert leaves == [1, 2]
    assert list(tree.unflatten(structure, leaves).items()) == [("b", 1), ("a", 2)]


def test_ordered_dicts_of_different_order_differ_in_structure():
    one = tree.structure(OrderedDict([("b", 1), ("a", 2)]))
    other = tree.structure(OrderedDict([("a", 2), ("b", 1)]))

    assert one != other


def test_a_default_dict_keeps_its_factory():
    leaves, structure = tree.flatten(defaultdict(list, {"b": 1, "a": 2}))
    made = tree.unflatten(structure, leaves)

    assert leaves == [2, 1]
    assert made == {"a": 2, "b": 1}
    assert made["new"] == []


@pytest.mark.parametrize("mapping", MAPPINGS, ids=["ordered", "default"])
def test_paths_name_the_keys(mapping):
    pairs, _ = tree.flatten_with_path(mapping)

    assert {tree_util.keystr(path): leaf for path, leaf in pairs} == {
        "['a']": 2.0,
        "['b']": 1.0,
    }


@pytest.mark.parametrize("mapping", MAPPINGS, ids=["ordered", "default"])
def test_transformations_give_back_the_same_class(mapping):
    got = dc.jit(dc.grad(lambda m: m["a"] * m["b"]))(mapping)

    assert type(got) is type(mapping)
    np.testing.assert_array_equal([got["a"], got["b"]], [1.0, 2.0])
