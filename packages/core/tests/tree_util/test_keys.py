"""Key paths as text."""

import pytest

from dolmen.core import tree_util
from dolmen.core.tree_util import keystr

PATH = (
    tree_util.DictKey("a"),
    tree_util.SequenceKey(1),
    tree_util.GetAttrKey("x"),
    tree_util.FlattenedIndexKey(3),
    "own",
)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "['a'][1].x[<flat index 3>]own"),
        ({"separator": " "}, "['a'] [1] .x [<flat index 3>] own"),
        ({"simple": True, "separator": "/"}, "a/1/x/3/own"),
        ({"simple": True}, "a1x3own"),
    ],
)
def test_key_paths_as_text(options, text):
    assert keystr(PATH, **options) == text


def test_keys_compare_and_hash_by_what_they_name():
    assert tree_util.DictKey("a") == tree_util.DictKey("a")
    assert tree_util.DictKey(0) != tree_util.SequenceKey(0)
    assert len({tree_util.GetAttrKey("a"), tree_util.GetAttrKey("a")}) == 1
