import copy
import functools
import pickle

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import nn
from dolmen.core import lax


class Affine(nn.Module):
    def __init__(self, scale=2.0, *, power=1):
        self.power = power
        self.scale = nn.Param(jnp.array(scale))
        self.offset = jnp.array(1.0)

    def __call__(self, x):
        return self.scale * x**self.power + self.offset


class Nested(nn.Module):
    def __init__(self):
        self.name = "nested"
        self.layers = [Affine(1.0), Affine(2.0)]
        self.by_name = {"a": (nn.BatchStat(jnp.array(4.0)), None), "b": Affine(3.0)}
        self.sizes = [1, 2]


def paths(tree):
    leaves = dc.tree_util.tree_leaves_with_path(tree)
    return [dc.tree_util.keystr(path) for path, _ in leaves]


def test_data_are_leaves_and_all_else_is_structure():
    assert paths(Affine()) == [".scale.value", ".offset"]


def test_lists_dicts_and_tuples_of_modules_are_data():
    assert paths(Nested()) == [
        ".layers[0].scale.value",
        ".layers[0].offset",
        ".layers[1].scale.value",
        ".layers[1].offset",
        ".by_name['a'][0].value",
        ".by_name['b'].scale.value",
        ".by_name['b'].offset",
    ]


def test_flatten_and_unflatten_give_an_equal_module():
    model = Nested()

    leaves, structure = dc.tree.flatten(model)
    again = dc.tree.unflatten(structure, leaves)

    assert repr(again) == repr(model)
    assert list(again.__dict__) == list(model.__dict__)
    assert dc.tree.structure(again) == structure
    assert again.layers is not model.layers


def test_jit_takes_and_returns_modules():
    @dc.jit
    def double(model):
        for layer in model.layers:
            layer.scale.value = layer.scale.value * 2
        return model

    doubled = double(Nested())

    assert [float(layer.scale) for layer in doubled.layers] == [2.0, 4.0]
    assert (doubled.name, doubled.sizes) == ("nested", [1, 2])


def test_grad_gives_a_module_of_gradients():
    grads = dc.grad(lambda model, x: model(x))(Affine(power=2), 3.0)

    assert (float(grads.scale), float(grads.offset), grads.power) == (9.0, 1.0, 2)


def test_vmap_maps_over_stacked_modules():
    stacked = dc.vmap(Affine)(jnp.arange(3.0))

    result = dc.vmap(lambda model, x: model(x), in_axes=(0, None))(stacked, 2.0)

    assert stacked.scale.shape == (3,)
    assert result.tolist() == [1.0, 3.0, 5.0]


def test_scan_carries_modules():
    def step(model, x):
        model.scale.value = model(x)
        return model, model.scale.value

    final, seen = lax.scan(step, Affine(1.0), jnp.ones(3))

    assert seen.tolist() == [2.0, 3.0, 4.0]
    assert float(final.scale) == 4.0


def test_functions_between_modules_in_a_list_are_static():
    model = nn.Sequential(Affine(2.0), dc.nn.relu, functools.partial(jnp.power, 2.0))

    result = dc.jit(lambda model, x: model(x))(model, jnp.array([1.0, -5.0]))
    again = dc.jit(lambda model: model)(model)

    assert result.tolist() == [8.0, 1.0]
    assert again.layers[1] is dc.nn.relu
    assert paths(model) == [".layers[0].scale.value", ".layers[0].offset"]


def test_numbers_beside_data_in_a_container_are_static():
    model = nn.Sequential()
    model.layers = {"w": jnp.zeros(2), "axis": 0, "name": "n", "inner": [1, "x"]}

    total, again = dc.jit(lambda m: (m.layers["w"].sum(m.layers["axis"]), m))(model)

    assert paths(model) == [".layers['w']"]
    assert float(total) == 0.0
    assert again.layers["inner"] == [1, "x"]


def test_a_static_change_compiles_again_and_the_same_value_does_not():
    traces = []

    @dc.jit
    def run(model, x):
        traces.append(model.power)
        return model(x)

    model = Affine()
    for power in (1, 1, 2, 1, True):
        model.power = power
        run(model, 3.0)

    assert traces == [1, 2, True]
    assert type(traces[-1]) is bool


def test_changing_a_static_list_in_place_compiles_again():
    traces = []

    @dc.jit
    def run(model):
        traces.append(tuple(model.sizes))
        model.sizes.append(9)
        return model.layers[0].scale.value

    model = Nested()
    run(model)
    run(model)
    model.sizes.append(3)
    run(model)

    assert traces == [(1, 2), (1, 2, 3)]
    assert model.sizes == [1, 2, 3]


def test_an_unhashable_static_attribute_is_an_error():
    model = Affine()
    model.tags = {"a", "b"} - {"b"}

    with pytest.raises(TypeError) as caught:
        dc.jit(lambda m: m.scale.value)(model)

    assert str(caught.value) == (
        "Module: a static attribute must be hashable, got set: {'a'}. Wrap arrays in a "
        "`Variable`; give other values a `__hash__`."
    )


def test_attributes_may_become_data_later():
    model = Nested()
    model.layers = []
    first = paths(model)
    model.layers.append(nn.Param(jnp.zeros(())))

    assert len(paths(model)) == len(first) + 1


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_modules_can_be_copied_and_pickled(duplicate):
    model = nn.Linear(2, 3, rngs=nn.Rngs(0))
    model.extra = [nn.Param(jnp.ones(()))]
    dc.tree.leaves(model)

    made = duplicate(model)
    made.bias.value = jnp.ones(3)

    assert repr(made) == repr(model)
    np.testing.assert_array_equal(made.kernel, model.kernel)
    assert model.bias.value.tolist() == [0, 0, 0]


class Switched(nn.Module):
    def __init__(self):
        self.drop = nn.Dropout(0.5)
        self.inner = [nn.Dropout(0.1)]
        self.use_running_average = False


def test_eval_and_train_switch_everything_inside():
    model = Switched()

    model.eval()
    off = (model.drop.deterministic, model.inner[0].deterministic)
    average = model.use_running_average
    model.train()

    assert (off, average) == ((True, True), True)
    assert (model.drop.deterministic, model.use_running_average) == (False, False)
    assert "deterministic" not in model.__dict__


def test_set_attributes_sets_only_what_exists():
    model = Switched()

    model.set_attributes(rate=0.25)

    assert (model.drop.rate, model.inner[0].rate) == (0.25, 0.25)


def test_set_attributes_with_an_unknown_name_is_an_error():
    with pytest.raises(ValueError) as caught:
        Switched().set_attributes(ratio=0.5, rate=0.5)

    assert str(caught.value) == (
        "set_attributes: no module in this Switched has `ratio`. Check the spelling, "
        "or pass raise_if_not_found=False."
    )


def test_iterators_give_paths_and_visit_shared_objects_once():
    model = Nested()
    model.again = model.layers[0]

    modules = [path for path, _ in nn.iter_modules(model)]
    variables = [path for path, _ in nn.iter_variables(model)]

    assert modules == [(), ("layers", 0), ("layers", 1), ("by_name", "b")]
    assert variables == [
        ("layers", 0, "scale"),
        ("layers", 1, "scale"),
        ("by_name", "a", 0),
        ("by_name", "b", "scale"),
    ]


def test_repr_is_an_indented_tree():
    model = nn.Sequential(Affine(), dc.nn.relu)
    model.layers[1] = "relu"

    assert repr(model) == (
        "Sequential(\n"
        "  layers=[\n"
        "    0=Affine(\n"
        "      power=1\n"
        "      scale=Param(float32[])\n"
        "      offset=float32[]\n"
        "    )\n"
        "    1='relu'\n"
        "  ]\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"
