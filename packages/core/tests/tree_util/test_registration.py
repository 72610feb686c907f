"""Classes become nodes in every form of registration."""

import dataclasses
from collections import namedtuple

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import tree, tree_util
from dolmen.core.tree_util import keystr


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b


def plain():
    class Plain(Pair):
        pass

    tree_util.register_pytree_node(
        Plain, lambda p: ((p.a, p.b), "data"), lambda data, children: Plain(*children)
    )
    return Plain, ["[<flat index 0>]", "[<flat index 1>]"]


def plain_with_keys():
    class PlainWithKeys(Pair):
        pass

    tree_util.register_pytree_node(
        PlainWithKeys,
        lambda p: ((p.a, p.b), None),
        lambda _, children: PlainWithKeys(*children),
        lambda p: (
            [(tree_util.DictKey("a"), p.a), (tree_util.DictKey("b"), p.b)],
            None,
        ),
    )
    return PlainWithKeys, ["['a']", "['b']"]


def keyed():
    class Keyed(Pair):
        pass

    tree_util.register_pytree_with_keys(
        Keyed,
        lambda p: (
            [(tree_util.GetAttrKey("a"), p.a), (tree_util.GetAttrKey("b"), p.b)],
            None,
        ),
        lambda _, children: Keyed(*children),
    )
    return Keyed, [".a", ".b"]


def decorated():
    @tree_util.register_pytree_node_class
    class Decorated(Pair):
        def tree_flatten(self):
            return (self.a, self.b), None

        @classmethod
        def tree_unflatten(cls, data, children):
            return cls(*children)

    return Decorated, ["[<flat index 0>]", "[<flat index 1>]"]


def decorated_with_keys():
    @tree_util.register_pytree_with_keys_class
    class DecoratedWithKeys(Pair):
        def tree_flatten_with_keys(self):
            return (("first", self.a), ("second", self.b)), None

        @classmethod
        def tree_unflatten(cls, data, children):
            return cls(*children)

    return DecoratedWithKeys, ["first", "second"]


def dataclass():
    @tree_util.register_dataclass
    @dataclasses.dataclass
    class Data:
        a: float
        b: float

    return Data, [".a", ".b"]


def dataclass_by_fields():
    class ByFields(Pair):
        pass

    return tree_util.register_dataclass(ByFields, ["a", "b"], []), [".a", ".b"]


FORMS = [
    plain,
    plain_with_keys,
    keyed,
    decorated,
    decorated_with_keys,
    dataclass,
    dataclass_by_fields,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_registered_classes_have_children_under_their_keys(form):
    cls, keys = form()

    pairs, structure = tree.flatten_with_path(cls(1, [2]))
    made = tree.unflatten(structure, [3, 4])

    assert [keystr(path) for path, _ in pairs] == [keys[0], keys[1] + "[0]"]
    assert tree.leaves(cls(1, [2])) == [1, 2]
    assert (type(made), made.a, made.b) == (cls, 3, [4])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_transformations_look_into_registered_classes(form):
    cls, _ = form()

    got = dc.jit(dc.grad(lambda p: p.a * p.b))(cls(2.0, 3.0))

    assert type(got) is cls
    np.testing.assert_array_equal([got.a, got.b], [3.0, 2.0])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_registering_a_class_again_is_an_error(form):
    cls, _ = form()

    with pytest.raises(ValueError, match="is a node of trees already") as caught:
        tree_util.register_pytree_node(cls, lambda p: ((), p), lambda p, _: p)

    lines = str(caught.value).splitlines()
    assert lines[0] == (
        f"register_pytree_node: {cls.__qualname__} is a node of trees already."
    )
    assert lines[2] == "Register each class once, beside its definition."


# ---- dataclasses -------------------------------------------------------------------


@tree_util.register_dataclass
@dataclasses.dataclass
class Layer:
    weight: float
    name: str = dataclasses.field(metadata={"static": True})
    scale: float = 2.0
    mode: str = tree.static(default="train")
    computed: int = dataclasses.field(default=5, init=False)


def test_fields_marked_static_are_part_of_the_structure():
    layer = Layer(1.0, "first")

    assert tree.leaves(layer) == [1.0, 2.0]
    assert tree.structure(layer) != tree.structure(Layer(1.0, "second"))
    assert tree.map(lambda x: -x, layer) == Layer(-1.0, "first", -2.0)


def test_a_change_of_a_static_field_traces_again():
    names = []

    @dc.jit
    def f(layer):
        names.append(layer.name)
        return layer.weight

    for name in ("a", "b", "a"):
        f(Layer(1.0, name))

    assert names == ["a", "b"]


def test_static_keeps_other_metadata():
    field = tree.static(metadata={"unit": "m"})

    assert dict(field.metadata) == {"unit": "m", "static": True}


def test_dropped_fields_take_their_defaults():
    @dataclasses.dataclass
    class Cached:
        x: float
        cache: dict = dataclasses.field(default_factory=dict)

    tree_util.register_dataclass(Cached, ["x"], [], drop_fields=["cache"])

    assert tree.map(lambda x: x, Cached(1.0, {"a": 2})) == Cached(1.0, {})


def test_fields_are_inferred_beside_dropped_ones():
    @dataclasses.dataclass
    class Cached:
        x: float
        cache: dict = dataclasses.field(default_factory=dict)

    tree_util.register_dataclass(Cached, drop_fields=["cache"])

    assert tree.leaves(Cached(1.0, {"a": 2})) == [1.0]


@dataclasses.dataclass
class Unregistered:
    x: int
    y: int


EXPECTED = (
    "register_dataclass of Unregistered: expected every field that its __init__ takes "
    "in one of data_fields, meta_fields and drop_fields, got "
)


@pytest.mark.parametrize(
    ("data", "meta", "got"),
    [
        (["x"], [], "missing: y."),
        (["x"], ["x", "y"], "named twice: x."),
        (["x", "z"], ["y"], "unknown: z."),
        (["z"], ["y", "y"], "missing: x; unknown: z; named twice: y."),
    ],
)
def test_every_field_must_be_named_once(data, meta, got):
    with pytest.raises(ValueError, match="register_dataclass") as caught:
        tree_util.register_dataclass(Unregistered, data, meta)

    assert str(caught.value).splitlines()[0] == EXPECTED + got


def test_both_kinds_of_fields_are_named_or_none():
    with pytest.raises(TypeError) as caught:
        tree_util.register_dataclass(Unregistered, ["x"])

    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "register_dataclass of Unregistered: expected both data_fields and meta_fields "
        "or neither, got data_fields=['x'] and meta_fields=None."
    )
    assert lines[2] == (
        "Name the other fields too, or mark the static ones with `tree.static()`."
    )


def test_fields_of_a_class_that_is_no_dataclass_must_be_named():
    with pytest.raises(TypeError) as caught:
        tree_util.register_dataclass(Pair)

    lines = str(caught.value).splitlines()
    assert lines[0] == "register_dataclass: expected a dataclass, got Pair."
    assert lines[2] == (
        "Decorate it with `@dataclasses.dataclass` first, or name its fields in "
        "data_fields and meta_fields."
    )


# ---- other kinds of nodes ----------------------------------------------------------


def test_static_classes_pass_through_jit_and_select_what_is_traced():
    @tree_util.register_static
    @dataclasses.dataclass(frozen=True)
    class Power:
        exponent: int

    cube = dc.jit(lambda power, x: x**power.exponent)(Power(3), 2.0)

    assert tree.leaves(Power(3)) == []
    assert cube == 8.0


def test_named_tuples_are_nodes_and_may_be_registered_anew():
    Point = namedtuple("Point", "x y")
    assert tree_util.is_tree_node(Point)
    assert tree.leaves(Point(1, 2)) == [1, 2]

    tree_util.register_pytree_node(
        Point, lambda p: ((p.x,), p.y), lambda y, x: Point(*x, y)
    )

    assert tree.leaves(Point(1, 2)) == [1]


def test_a_class_without_the_methods_is_no_node_class():
    with pytest.raises(TypeError) as caught:
        tree_util.register_pytree_node_class(Pair)

    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "register_pytree_node_class: Pair has no method tree_flatten and no "
        "tree_unflatten."
    )
    assert lines[2] == (
        "Define `tree_flatten(self)` and the class method "
        "`tree_unflatten(cls, data, children)`."
    )


def test_only_classes_can_be_registered():
    with pytest.raises(TypeError) as caught:
        tree_util.register_pytree_node(3, lambda p: ((), p), lambda p, _: p)

    assert str(caught.value).splitlines()[0] == (
        "register_pytree_node: expected a class, got 3."
    )


def test_the_default_registry_knows_what_is_registered():
    assert tree_util.default_registry.flatten(Layer(1.0, "a"))[0] == [1.0, 2.0]
    assert tree_util.is_tree_node(Layer)
    assert not tree_util.is_tree_node(Pair)
