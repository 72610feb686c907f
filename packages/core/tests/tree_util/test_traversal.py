"""Functions over leaves, and what they say of trees that do not fit."""

from collections import OrderedDict, namedtuple

import pytest

from dolmen.core import tree, tree_util
from dolmen.core.tree_util import keystr

Point = namedtuple("Point", "x y")


def message_of(error, function, *args, **keywords):
    with pytest.raises(error) as caught:
        function(*args, **keywords)
    return str(caught.value).splitlines()


def pair(*args):
    return args


def test_map_keeps_containers_and_none():
    got = tree.map(lambda x: 10 * x, {"a": (1, None), "b": Point([2], 3)})

    assert got == {"a": (10, None), "b": Point([20], 30)}


def test_map_passes_whole_subtrees_below_the_leaves_of_the_first():
    got = tree.map(pair, {"a": 1, "b": [2]}, {"a": (3, 4), "b": [None]})

    assert got == {"a": (1, (3, 4)), "b": [(2, None)]}


def test_map_stops_where_is_leaf_says():
    got = tree.map(
        lambda x, y: (x, y),
        [(1, 2), [None]],
        [(3, 4, 5), [6]],
        is_leaf=lambda x: x is None or isinstance(x, tuple),
    )

    assert got == [((1, 2), (3, 4, 5)), [(None, 6)]]


def test_map_with_path_gives_paths_first():
    got = tree.map_with_path(
        lambda path, x, y: (keystr(path), x, y), {"a": [1], "b": 2}, {"a": [3], "b": 4}
    )

    assert got == {"a": [("['a'][0]", 1, 3)], "b": ("['b']", 2, 4)}


def test_map_with_path_stops_where_a_predicate_of_paths_says():
    got = tree.map_with_path(
        lambda path, x: (keystr(path), x),
        [1, (2, {"a": [3]})],
        is_leaf=lambda path, _: len(path) == 2,
        is_leaf_takes_path=True,
    )

    assert got == [("[0]", 1), (("[1][0]", 2), ("[1][1]", {"a": [3]}))]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda *trees: tree.map(pair, *trees), "tree.map"),
        (lambda *trees: tree.map_with_path(pair, *trees), "tree.map_with_path"),
    ],
)
def test_all_differences_of_trees_are_listed_by_path(function, name):
    first = {
        "dict": {"a": 1, "b": 2},
        "list": [1, [2, 3]],
        "leaf": (1,),
        "none": None,
        "point": Point(1, (2,)),
        "ordered": OrderedDict(a=1, b=2),
        "same": (1, 2),
    }
    second = {
        "dict": {"a": 1, "c": 2},
        "list": [1, [2, 3, 4]],
        "leaf": 1.0,
        "none": 2,
        "point": Point(1, [2]),
        "ordered": OrderedDict(b=2, a=1),
        "same": (1, [2]),
    }

    lines = message_of(ValueError, function, first, first, second)

    assert lines[:-2] == [
        f"{name}: tree 3 must have the containers of tree 1, but at",
        "  ['dict']: missing key 'b' and unexpected key 'c'",
        "  ['leaf']: expected a tuple of length 1, got a leaf of type float",
        "  ['list'][1]: expected a list of length 2, got a list of length 3",
        "  ['none']: expected None, got a leaf of type int",
        "  ['ordered']: expected an OrderedDict with keys 'a', 'b', got an OrderedDict "
        "with keys 'b', 'a'",
        "  ['point'].y: expected a tuple of length 1, got a list of length 1",
    ]
    assert lines[-1] == (
        "Give all trees the same containers, or put the tree with the fewest first: "
        "what stands below its leaves is passed whole."
    )


def test_a_difference_of_static_data_shows_both():
    partial = tree_util.Partial(max, 1)

    lines = message_of(
        ValueError, tree.map, pair, [partial], [tree_util.Partial(min, 1)]
    )

    assert lines[1] == (
        "  [0]: expected a Partial of length 2 with static data <built-in function "
        "max>, got <built-in function min>"
    )


def test_a_difference_at_the_top_is_called_the_root():
    lines = message_of(ValueError, tree.map, pair, [1], (1,))

    assert (
        lines[1] == "  the root: expected a list of length 1, got a tuple of length 1"
    )


def test_many_keys_are_cut():
    lines = message_of(ValueError, tree.map, pair, dict.fromkeys(range(20), 0), {})

    assert lines[1] == "  the root: missing keys 0, 1, 2, 3, 4, 5, 6, 7, ..."


def test_errors_of_the_mapped_function_pass_through():
    def fail(x, y):
        raise ValueError("from inside")

    assert message_of(ValueError, tree.map, fail, [1], [2]) == ["from inside"]


# ---- broadcast ---------------------------------------------------------------------


def test_broadcast_repeats_leaves_for_subtrees():
    got = tree.broadcast({"a": 1, "b": [2, 3]}, {"a": (0, None, [0]), "b": [0, {}]})

    assert got == {"a": (1, None, [1]), "b": [2, {}]}


def test_broadcast_takes_none_as_a_value_where_is_leaf_says():
    got = tree.broadcast((1, None), (0, [0, 0]), is_leaf=lambda x: x is None)

    assert got == (1, [None, None])


def test_broadcast_of_no_prefix_names_the_place():
    lines = message_of(ValueError, tree.broadcast, {"a": [1]}, {"a": (0,)})

    assert lines[:2] == [
        "tree.broadcast: full_tree must have the containers of prefix_tree, but at",
        "  ['a']: expected a list of length 1, got a tuple of length 1",
    ]
    assert lines[-1] == (
        "Put a leaf where the containers differ: it is repeated for all that stands "
        "there."
    )


# ---- reductions --------------------------------------------------------------------


def join(a, b):
    return f"({a}{b})"


def test_reduce_goes_from_left_to_right():
    assert tree.reduce(join, {"b": "y", "a": ["x", None]}) == "(xy)"
    assert tree.reduce(join, list("abc")) == "((ab)c)"
    assert tree.reduce(join, list("ab"), "0") == "((0a)b)"
    assert tree.reduce(join, list("a"), None) == "(Nonea)"
    assert tree.reduce(join, [], 7) == 7


def test_reduce_associative_is_balanced():
    assert tree.reduce_associative(join, list("abcde")) == "((ab)(c(de)))"
    assert tree.reduce_associative(join, ["a"], identity="0") == "a"
    assert tree.reduce_associative(join, [], identity="0") == "0"


def test_reductions_of_nothing_need_a_start():
    lines = message_of(TypeError, tree.reduce, join, [])
    assert lines[0] == "tree.reduce: the tree has no leaves to reduce."
    assert lines[2] == "Give an `initializer`."

    lines = message_of(TypeError, tree.reduce_associative, join, [None])
    assert lines[0] == "tree.reduce_associative: the tree has no leaves to reduce."
    assert lines[2] == "Give an `identity`."


def test_all_asks_every_leaf():
    assert tree.all({"a": True, "b": [1, None]})
    assert not tree.all({"a": True, "b": [0]})
    assert tree.all([[]], is_leaf=lambda x: x == [[]])


def test_all_leaves_tells_leaves_from_containers():
    assert tree_util.all_leaves([1, "a", object()])
    assert not tree_util.all_leaves([1, None])
    assert not tree_util.all_leaves([1, Point(1, 2)])
    assert tree_util.all_leaves([1, None], is_leaf=lambda x: x is None)


# ---- transpose ---------------------------------------------------------------------


def test_transpose_exchanges_two_levels():
    outer, inner = tree.structure({"a": 0, "b": 0}), tree.structure((0, [0]))
    whole = {"a": (1, [2]), "b": (3, [4])}

    expected = ({"a": 1, "b": 3}, [{"a": 2, "b": 4}])
    assert tree.transpose(outer, inner, whole) == expected
    assert tree.transpose(outer, None, whole) == expected


def test_transpose_of_nothing_keeps_the_inner_level():
    assert tree.transpose(tree.structure([]), tree.structure((0, 0)), []) == ([], [])


def test_transpose_names_trees_of_another_structure():
    outer = tree.structure([0, 0])

    lines = message_of(TypeError, tree.transpose, outer, None, [(1, 2), (3,)])

    assert lines[:2] == [
        "tree.transpose: every leaf of outer_treedef must stand for a tree of the "
        "structure inner_treedef, but at",
        "  [1]: expected PyTreeDef((*, *)), got PyTreeDef((*,))",
    ]


def test_transpose_names_a_wrong_outer_level():
    outer = tree.structure([0, 0])

    lines = message_of(TypeError, tree.transpose, outer, None, {"a": (1, 2)})

    assert lines[:2] == [
        "tree.transpose: the tree must have the containers of outer_treedef, but at",
        "  the root: expected a list of length 2, got a dict with key 'a'",
    ]


def test_transpose_needs_an_inner_structure():
    lines = message_of(ValueError, tree.transpose, tree.structure([]), None, [])

    assert lines[0] == (
        "tree.transpose: outer_treedef PyTreeDef([]) has no leaves, so the inner "
        "structure is unknown."
    )
