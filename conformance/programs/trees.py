"""Trees taken apart, mapped and put together."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple

Point = namedtuple("Point", "x y")

TREES = {
    "leaf": 1,
    "None": None,
    "nested": {"b": [1, (2, None)], "a": {"c": 3}},
    "named tuple": Point(1, [2, 3]),
    "ordered": OrderedDict([("b", 1), ("a", 2)]),
    "default": defaultdict(list, {"b": 1, "a": [2]}),
    "empty": ((), [], {}),
    "strings": ["a", {"k": "b"}],
    "integer keys": {2: "b", 1: "a"},
}


def programs(api):
    core, jnp, tree, tree_util = api.core, api.jnp, api.tree, api.tree_util
    ravel = api.flatten_util.ravel_pytree

    for name, value in TREES.items():
        yield f"leaves of {name}", lambda value=value: tree.leaves(value)
        yield f"structure of {name}", lambda value=value: str(tree.structure(value))
        yield (
            f"paths of {name}",
            lambda value=value: [
                (
                    tree_util.keystr(path),
                    tree_util.keystr(path, simple=True, separator="/"),
                    leaf,
                )
                for path, leaf in tree.leaves_with_path(value)
            ],
        )
        yield f"map over {name}", lambda value=value: tree.map(lambda x: [x], value)
        yield (
            f"structure of {name} has",
            lambda value=value: [
                tree.structure(value).num_leaves,
                tree.structure(value).num_nodes,
                [str(c) for c in tree_util.treedef_children(tree.structure(value))],
                tree_util.treedef_is_leaf(tree.structure(value)),
            ],
        )
        yield (
            f"one level of {name}",
            lambda value=value: [
                str(child) for child in tree_util.flatten_one_level(value)[0]
            ],
        )
    yield (
        "leaves stop where is_leaf says",
        lambda: tree.leaves(
            {"a": (1, 2), "b": None},
            is_leaf=lambda x: x is None or isinstance(x, tuple),
        ),
    )
    yield (
        "paths stop where is_leaf says",
        lambda: [
            tree_util.keystr(path)
            for path, _ in tree.leaves_with_path(
                {"a": [(1, 2)]},
                is_leaf=lambda path, x: len(path) == 2,
                is_leaf_takes_path=True,
            )
        ],
    )
    yield (
        "map over two",
        lambda: tree.map(
            lambda a, b: (a, b), {"a": 1, "b": [2]}, {"a": (3,), "b": [4]}
        ),
    )
    yield (
        "map with path",
        lambda: tree.map_with_path(
            lambda path, a, b: (tree_util.keystr(path), a + b), {"a": [1]}, {"a": [2]}
        ),
    )
    yield (
        "broadcast",
        lambda: tree.broadcast({"a": 1, "b": [2]}, {"a": (0, {"c": 0}), "b": [[0, 0]]}),
    )
    yield (
        "transpose",
        lambda: tree.transpose(
            tree.structure({"a": 0, "b": 0}),
            tree.structure((0, 0)),
            {"a": (1, 2), "b": (3, 4)},
        ),
    )
    yield (
        "transpose with what is there",
        lambda: tree.transpose(tree.structure([0, 0]), None, [{"p": 1}, {"p": 2}]),
    )
    yield (
        "reduce",
        lambda: tree.reduce(lambda a, b: f"({a} {b})", {"b": 1, "a": [2, 3]}),
    )
    yield "reduce with a start", lambda: tree.reduce(lambda a, b: a + b, [1, 2], 10)
    yield (
        "reduce associative",
        lambda: tree.reduce_associative(lambda a, b: f"({a}{b})", list("abcdefg")),
    )
    yield "all", lambda: [tree.all([True, 1]), tree.all([0, True]), tree.all([])]
    yield (
        "all leaves",
        lambda: [tree_util.all_leaves([1, 2]), tree_util.all_leaves([1, [2]])],
    )
    yield (
        "tuple of structures",
        lambda: str(tree_util.treedef_tuple([tree.structure(1), tree.structure([1])])),
    )
    yield (
        "keys",
        lambda: [
            str(k)
            for k in (
                tree_util.DictKey("a"),
                tree_util.SequenceKey(1),
                tree_util.GetAttrKey("x"),
                tree_util.FlattenedIndexKey(2),
            )
        ],
    )
    yield (
        "a partial",
        lambda: [
            tree.leaves(tree_util.Partial(max, 1, key=2)),
            str(tree.structure(tree_util.Partial(max, 1))),
        ],
    )
    yield (
        "a partial through jit",
        lambda: core.jit(lambda f: f(3.0))(tree_util.Partial(lambda a, b: a * b, 2.0)),
    )
    yield "registered class", lambda: _registered(core, tree, tree_util)
    yield "registered dataclass", lambda: _dataclass(tree, tree_util)
    yield "registered static class", lambda: _static(core, tree, tree_util)
    yield (
        "ravel",
        lambda: ravel({"a": jnp.arange(3), "b": (1.5, jnp.ones((2, 1), "bfloat16"))})[
            0
        ],
    )
    yield (
        "ravel and back",
        lambda: _there_and_back(
            ravel, {"a": jnp.arange(3), "b": (1.5, jnp.ones((2, 1)))}
        ),
    )
    yield (
        "ravel of one dtype",
        lambda: _there_and_back(
            ravel, [jnp.ones((2, 2), "int8"), jnp.zeros((), "int8")]
        ),
    )
    yield "ravel of nothing", lambda: _there_and_back(ravel, {})
    yield "ravel of python numbers", lambda: ravel([1, 2])[0]
    yield (
        "gradient of ravel",
        lambda: core.grad(lambda p: jnp.sum(ravel(p)[0] ** 2))(
            {"a": jnp.arange(2.0), "b": 3.0}
        ),
    )

    wrong = {
        "lengths": ((1, 2), (1, 2, 3)),
        "keys": ({"a": 1}, {"b": 1}),
        "types": ([1], (1,)),
        "None": ({"a": None}, {"a": 1}),
        "leaf": ([1], 1),
    }
    for name, (one, other) in wrong.items():
        yield (
            f"map over different {name}",
            lambda one=one, other=other: tree.map(lambda a, b: a, one, other),
        )
        yield (
            f"broadcast to different {name}",
            lambda one=one, other=other: tree.broadcast(one, other),
        )
    yield "reduce of nothing", lambda: tree.reduce(lambda a, b: a, [])
    yield "too few leaves", lambda: tree.unflatten(tree.structure([1, 2]), [1])
    yield "too many leaves", lambda: tree.unflatten(tree.structure([1]), [1, 2])
    yield (
        "transpose of another structure",
        lambda: tree.transpose(
            tree.structure([0, 0]), tree.structure((0, 0)), [(1, 2), (3,)]
        ),
    )
    yield "one level of a leaf", lambda: tree_util.flatten_one_level(3)
    yield "keys that do not sort", lambda: tree.leaves({1: 2, "a": 3})
    yield (
        "registered twice",
        lambda: [
            tree_util.register_pytree_node(dict, lambda d: ((), d), lambda d, _: d)
        ],
    )
    yield (
        "a dataclass with a field left out",
        lambda: tree_util.register_dataclass(
            dataclasses.make_dataclass("A", ["x", "y"]), ["x"], []
        ),
    )
    yield "ravel of a string", lambda: ravel(["a"])
    yield "unravel of another length", lambda: ravel([1.0, 2.0])[1](jnp.ones(3))
    yield "unravel of another dtype", lambda: ravel([1.0, 2])[1](jnp.ones(2, "int8"))


def _registered(core, tree, tree_util):
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

    tree_util.register_pytree_with_keys(
        Pair,
        lambda p: (((tree_util.GetAttrKey("a"), p.a), ("second", p.b)), "data"),
        lambda data, children: Pair(*children),
    )
    made = core.jit(core.grad(lambda p: p.a * p.b**2))(Pair(2.0, 3.0))
    paths = [tree_util.keystr(path) for path, _ in tree.leaves_with_path(made)]
    return made.a, made.b, paths, str(tree.structure(made))


def _dataclass(tree, tree_util):
    @tree_util.register_dataclass
    @dataclasses.dataclass
    class Layer:
        w: float
        name: str = dataclasses.field(default="n", metadata={"static": True})

    made = tree.map(lambda x: 2 * x, Layer(3))
    return made.w, made.name, str(tree.structure(made))


def _static(core, tree, tree_util):
    @tree_util.register_static
    class Mode(str):
        pass

    return core.jit(lambda m, x: x if m == "a" else -x)(Mode("b"), 1.0), tree.leaves(
        Mode("a")
    )


def _there_and_back(ravel, value):
    vector, unravel = ravel(value)
    return vector, unravel(vector)
