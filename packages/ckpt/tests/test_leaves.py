"""Leaves and containers of `dolmen.core`."""

import collections

import ml_dtypes
import numpy
import pytest

import dolmen.ckpt as ck
from dolmen import core
from dolmen.core import tree_util

Moments = collections.namedtuple("Moments", ["mean", "variance"])
Empty = collections.namedtuple("Empty", [])


class Linear:
    """A registered class with one child per field, and something static."""

    def __init__(self, weight, bias, name):
        self.weight, self.bias, self.name = weight, bias, name


tree_util.register_pytree_with_keys(
    Linear,
    lambda linear: (
        (
            (tree_util.GetAttrKey("weight"), linear.weight),
            (tree_util.GetAttrKey("bias"), linear.bias),
        ),
        linear.name,
    ),
    lambda name, children: Linear(*children, name),
)


class Pair:
    """A registered class that does not name its children."""

    def __init__(self, first, second):
        self.first, self.second = first, second


tree_util.register_pytree_node(
    Pair,
    lambda pair: ((pair.first, pair.second), None),
    lambda _, children: Pair(*children),
)


class Table:
    """A registered class whose children have keys like those of a dict."""

    def __init__(self, **columns):
        self.columns = columns


tree_util.register_pytree_with_keys(
    Table,
    lambda table: (
        [(tree_util.DictKey(name), x) for name, x in table.columns.items()],
        tuple(table.columns),
    ),
    lambda names, children: Table(**dict(zip(names, children, strict=True))),
)

DTYPES = [
    "bool",
    "int8",
    "int32",
    "uint16",
    "float16",
    "float32",
    "complex64",
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
]


def array(values, dtype="float32"):
    return core.device_put(numpy.asarray(values, dtype))


def assert_same_array(actual, expected):
    assert isinstance(actual, core.Array)
    assert actual.dtype == expected.dtype
    numpy.testing.assert_array_equal(
        numpy.asarray(actual), numpy.asarray(expected), strict=True
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (3, 5), (0, 2)])
def test_arrays_come_back_as_arrays(tmp_path, dtype, shape):
    x = array(numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape), dtype)

    ck.save(tmp_path / "x", {"x": x})

    assert_same_array(ck.load(tmp_path / "x")["x"], x)


def test_leaves_have_the_kind_of_like(tmp_path):
    x = array([[1, 2], [3, 4]])
    numbers = numpy.arange(3, dtype="float32")
    ck.save(tmp_path / "x", {"a": x, "b": x, "c": x, "n": numbers, "m": numbers})

    tree = ck.load(
        tmp_path / "x",
        like={
            "a": array(numpy.zeros((2, 2))),
            "b": core.ShapeDtypeStruct((2, 2), "float32"),
            "c": numpy.zeros((2, 2), "float32"),
            "n": core.ShapeDtypeStruct((3,), "float32"),
            "m": ...,
        },
    )

    assert_same_array(tree["a"], x)
    assert_same_array(tree["b"], x)
    assert type(tree["c"]) is numpy.ndarray
    assert_same_array(tree["n"], array(numbers))
    assert type(tree["m"]) is numpy.ndarray
    numpy.testing.assert_array_equal(tree["c"], [[1, 2], [3, 4]])


def test_tree_serves_as_like(tmp_path):
    saved = {"x": array([1, 2], ml_dtypes.bfloat16), 3: [7, None]}
    ck.save(tmp_path / "x", saved)

    shapes = ck.tree(tmp_path / "x")
    loaded = ck.load(tmp_path / "x", like=shapes)

    assert isinstance(shapes["x"], core.ShapeDtypeStruct)
    assert (shapes["x"].shape, shapes["x"].dtype) == ((2,), ml_dtypes.bfloat16)
    assert_same_array(loaded["x"], saved["x"])
    assert loaded[3] == [7, None]


def model(scale):
    return Pair(
        Linear(array([scale, 1]), None, "first"),
        [
            Moments(array([2 * scale]), Table(z=3 * scale, a="s")),
            Empty(),
        ],
    )


def test_like_brings_registered_classes_back(tmp_path):
    ck.save(tmp_path / "x", model(5))

    loaded = ck.load(tmp_path / "x", like=model(0))

    assert type(loaded) is Pair
    assert type(loaded.first) is Linear
    assert (loaded.first.name, loaded.first.bias) == ("first", None)
    assert_same_array(loaded.first.weight, array([5, 1]))
    moments, empty = loaded.second
    assert type(moments) is Moments
    assert_same_array(moments.mean, array([10]))
    assert type(moments.variance) is Table
    assert moments.variance.columns == {"z": 15, "a": "s"}
    assert type(empty) is Empty


def test_without_like_registered_classes_become_dicts_and_lists(tmp_path):
    ck.save(tmp_path / "x", model(5))

    first, second = ck.load(tmp_path / "x")

    assert_same_array(first["weight"], array([5, 1]))
    assert first["bias"] is None
    assert_same_array(second[0]["mean"], array([10]))
    assert second[0]["variance"] == {"z": 15, "a": "s"}
    assert second[1] == {}


def test_paths_in_messages_follow_the_containers(tmp_path):
    ck.save(tmp_path / "x", model(5))
    other = model(0)
    other.first.weight = array([0, 0, 0])
    other.second[0].variance.columns["z"] = 1.5

    with pytest.raises(ck.TreeMismatchError) as caught:
        ck.load(tmp_path / "x", like=other)

    assert caught.value.differences == (
        "shape: [<flat index 0>].weight is f32[2] in the checkpoint, f32[3] in `like`",
        "kind: [<flat index 1>][0].variance['z'] is int in the checkpoint, float in "
        "`like`",
    )


def test_an_abstract_array_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match=r"\['a'\]: ShapeDtypeStruct"):
        ck.save(tmp_path / "x", {"a": core.ShapeDtypeStruct((2,), "float32")})


def test_wide_arrays_are_never_narrowed(tmp_path):
    with core.enable_x64():
        x = array([1, 2, 2**40], "int64")
        ck.save(tmp_path / "x", x)
        assert_same_array(ck.load(tmp_path / "x"), x)

    with pytest.raises(TypeError) as caught:
        ck.load(tmp_path / "x")

    assert str(caught.value) == (
        "restore: the checkpoint holds int64 arrays, but 64-bit types are disabled.\n"
        "Enable them (`dolmen.core.enable_x64`), or pass NumPy arrays as `like`."
    )
    assert ck.load(tmp_path / "x", like=numpy.zeros(3, "int64"))[2] == 2**40


def test_an_array_that_is_donated_after_save_was_copied(tmp_path):
    x = array(numpy.arange(10_000))
    step = core.jit(lambda x: x + 1, donate_argnums=0)

    with ck.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(1, x)
        for _ in range(3):
            x = step(x)

    expected = numpy.arange(10_000, dtype="float32")
    numpy.testing.assert_array_equal(checkpointer.restore(1), expected)


# ---- nodes that stand for a tree, arrays on a mesh -----------------------------------


@tree_util.register_pytree_node_class
class Reversed:
    """A list that is kept from its end to its start."""

    def __init__(self, *kept):
        self.kept = kept

    def tree_flatten(self):
        return self.kept, None

    @classmethod
    def tree_unflatten(cls, _, kept):
        return cls(*kept)

    def __checkpoint_tree__(self):
        return {"list": list(self.kept[::-1])}

    def __from_checkpoint_tree__(self, values):
        return Reversed(*values["list"][::-1])


def test_a_node_that_stands_for_a_tree_is_stored_as_that_tree(tmp_path):
    ck.save(tmp_path / "a", {"x": Reversed(1, 2, core.numpy.ones(3))})

    as_stored = ck.load(tmp_path / "a")
    again = ck.load(tmp_path / "a", like={"x": Reversed(0, 0, core.numpy.zeros(3))})

    assert as_stored["x"]["list"][1:] == [2, 1]
    assert isinstance(again["x"], Reversed)
    assert again["x"].kept[:2] == (1, 2)
    assert again["x"].kept[2].tolist() == [1, 1, 1]


def test_an_array_is_restored_as_its_target_is_laid_out(tmp_path):
    rows = core.NamedSharding(core.make_mesh((1,), ("data",)), core.P("data"))
    array = core.device_put(core.numpy.arange(4.0), rows)
    ck.save(tmp_path / "a", {"x": array})

    restored = ck.load(tmp_path / "a", like={"x": array})

    assert restored["x"].sharding == rows
    assert restored["x"].tolist() == [0, 1, 2, 3]
