"""Structures: taken from trees, asked, printed, pickled."""

import pickle
from collections import OrderedDict, defaultdict, namedtuple

import pytest

from dolmen.core import tree, tree_util

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "PyTreeDef(*)"),
        (None, "PyTreeDef(None)"),
        ((), "PyTreeDef(())"),
        ({"b": [1], "a": (2,)}, "PyTreeDef({'a': (*,), 'b': [*]})"),
        (Point(1, None), "PyTreeDef(CustomNode(namedtuple[Point], [*, None]))"),
        (
            OrderedDict(b=1),
            "PyTreeDef(CustomNode(OrderedDict[('b',)], [*]))",
        ),
        (
            tree_util.Partial(max, 1, key=2),
            "PyTreeDef(CustomNode(Partial[<built-in function max>], [(*,), "
            "{'key': *}]))",
        ),
    ],
)
def test_structures_print_their_containers(value, text):
    assert repr(tree.structure(value)) == text


@pytest.mark.parametrize(
    "value",
    [1, None, (1, [2, {"a": 3}]), Point(1, 2), OrderedDict(a=1), defaultdict(int, a=1)],
    ids=repr,
)
def test_structures_survive_pickling(value):
    structure = tree.structure(value)

    again = pickle.loads(pickle.dumps(structure, protocol=5))

    assert again == structure
    assert hash(again) == hash(structure)
    assert tree.unflatten(again, tree.leaves(value)) == value


def test_children_of_structures():
    structure = tree.structure((1, [2, None], {}))

    children = tree_util.treedef_children(structure)

    assert children == [tree.structure(x) for x in (0, [0, None], {})]
    assert tree_util.treedef_tuple(children) == structure
    assert [tree_util.treedef_is_leaf(child) for child in children] == [
        True,
        False,
        False,
    ]
    assert not tree_util.treedef_is_leaf(tree.structure(None))


def test_a_tuple_of_structures_takes_only_structures():
    with pytest.raises(TypeError) as caught:
        tree_util.treedef_tuple([tree.structure(1), (2,)])

    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "treedef_tuple: expected structures, got tuple (2,) at position 1."
    )
    assert lines[2] == "Take the structure of a tree with `tree_structure`."


def test_one_level():
    children, data = tree_util.flatten_one_level({"b": [1], "a": (2,)})

    assert list(children) == [(2,), [1]]
    assert list(data) == ["a", "b"]
    assert tree_util.flatten_one_level(None) == ((), None)


def test_one_level_with_keys():
    pairs, _ = tree_util.flatten_one_level_with_keys(Point([1], 2))

    assert list(pairs) == [
        (tree_util.GetAttrKey("x"), [1]),
        (tree_util.GetAttrKey("y"), 2),
    ]


@pytest.mark.parametrize(
    "function", [tree_util.flatten_one_level, tree_util.flatten_one_level_with_keys]
)
def test_a_leaf_has_no_level(function):
    with pytest.raises(ValueError, match=function.__name__) as caught:
        function(3)

    lines = str(caught.value).splitlines()
    assert lines[0] == (
        f"{function.__name__}: expected a container, got the leaf 3 of type int."
    )
    assert lines[2] == (
        "Register its class with `register_pytree_node` if it is to be one."
    )


def test_leaves_with_path_follow_is_leaf():
    pairs = tree.leaves_with_path({"a": (1, 2)}, lambda x: isinstance(x, tuple))

    assert pairs == [((tree_util.DictKey("a"),), (1, 2))]


def test_unflatten_counts_leaves():
    with pytest.raises(ValueError, match="expected 2, got 1"):
        tree.unflatten(tree.structure((1, 2)), [1])
