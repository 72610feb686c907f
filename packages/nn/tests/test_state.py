import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import nn
from dolmen.core import random


class Model(nn.Module):
    """Two linear layers, a tied kernel, statistics and a plain array."""

    def __init__(self):
        self.first = nn.Param(jnp.array([1.0, 2.0]))
        self.layers = [nn.Param(jnp.array(3.0)), {"tied": self.first}]
        self.mean = nn.BatchStat(jnp.array(0.0), note="m")
        self.table = jnp.arange(2.0)
        self.power = 2

    def __call__(self, x):
        self.mean += 1.0
        tied = self.layers[1]["tied"]
        return (self.first * tied * x**self.power + self.table).sum() * self.layers[0]


PATHS = [("first",), ("layers", 0), ("mean",), ("table",)]


def test_split_and_merge_give_back_the_model():
    model = Model()

    merged = nn.merge(*nn.split(model))

    assert repr(merged) == repr(model)
    assert float(merged(2.0)) == float(Model()(2.0))


def test_split_keeps_shared_variables_shared():
    merged = nn.merge(*nn.split(Model()))

    merged.first.value = jnp.zeros(2)

    assert merged.layers[1]["tied"] is merged.first


def test_split_and_merge_copy_variables():
    model = Model()
    graphdef, state = nn.split(model)
    merged = nn.merge(graphdef, state)

    model.first.value = jnp.zeros(2)
    state["first"].value = jnp.ones(2)

    assert merged.first.value.tolist() == [1.0, 2.0]


def test_filters_take_what_is_left_by_those_before():
    _, stats, params, rest = nn.split(Model(), nn.BatchStat, nn.Variable, ...)

    found = [[path for path, _ in part.flat_state()] for part in (stats, params, rest)]
    assert found == [[("mean",)], [("first",), ("layers", 0)], [("table",)]]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (nn.Param, PATHS[:2]),
        (..., PATHS),
        (True, PATHS),
        (None, []),
        (False, []),
        (dc.Array, PATHS[3:]),
        ([nn.BatchStat, dc.Array], PATHS[2:]),
        (lambda path, variable: path[0] == "layers", PATHS[1:2]),
        (lambda path, variable: getattr(variable, "note", None) == "m", PATHS[2:3]),
    ],
)
def test_state_selects_by_filter(filter, expected):
    assert [path for path, _ in nn.state(Model(), filter).flat_state()] == expected


def test_states_with_several_filters_come_as_a_tuple():
    params, stats = nn.state(Model(), nn.Param, nn.BatchStat)

    assert list(params) == ["first", "layers"]
    assert list(stats) == ["mean"]


def test_a_state_is_read_by_key_or_attribute_and_is_a_tree():
    state = nn.state(Model(), nn.Param)

    doubled = dc.tree.map(lambda x: 2 * x, state)

    assert state["layers"][0].value.tolist() == 3.0
    assert doubled.first.value.tolist() == [2.0, 4.0]
    assert type(doubled) is nn.State
    assert repr(doubled) == (
        "State(\n  first: Param(float32[2])\n  layers/0: Param(float32[])\n)"
    )


def test_states_come_from_flat_paths():
    state = nn.State.from_flat_path({("a", "b"): 1, ("a", "c"): 2})

    assert state.flat_state() == [(("a", "b"), 1), (("a", "c"), 2)]


def test_an_unknown_entry_of_a_state_is_an_error():
    with pytest.raises(AttributeError) as caught:
        _ = nn.state(Model(), nn.Param).second

    assert str(caught.value) == (
        "State has no entry 'second'; it has ['first', 'layers']."
    )


def test_merge_puts_arrays_into_variables_of_the_old_kind():
    graphdef, state = nn.split(Model())
    arrays = dc.tree.map(
        lambda v: v.value if isinstance(v, nn.Variable) else v,
        state,
        is_leaf=lambda v: isinstance(v, nn.Variable),
    )

    assert repr(nn.merge(graphdef, arrays)) == repr(Model())


def test_graph_definitions_are_static_arguments():
    traces = []

    def run(graphdef, state):
        traces.append(1)
        return nn.merge(graphdef, state)(1.0)

    jitted = dc.jit(run, static_argnums=0)
    model = Model()
    jitted(*nn.split(model))
    model.table = jnp.array([5.0, 6.0])
    changed = jitted(*nn.split(model))
    model.power = 3
    jitted(*nn.split(model))

    assert len(traces) == 2
    assert float(changed) == 48.0
    assert nn.split(Model())[0] == nn.split(Model())[0]
    assert repr(nn.split(model)[0]) == "GraphDef(4 variables)"


def test_update_changes_the_model_in_place():
    model, other = Model(), Model()
    tied = model.layers[1]["tied"]
    other.first.value = jnp.array([7.0, 8.0])
    other.table = jnp.array([9.0, 9.0])

    nn.update(model, nn.state(other))

    assert tied.value.tolist() == [7.0, 8.0]
    assert model.table.tolist() == [9.0, 9.0]


def test_update_takes_a_module_of_new_values():
    model = nn.Linear(2, 1, rngs=nn.Rngs(0))

    nn.update(model, dc.tree.map(jnp.ones_like, model))

    assert model.kernel.value.tolist() == [[1.0], [1.0]]


def test_clone_is_independent():
    model = Model()

    cloned = nn.clone(model)
    cloned.first.value = jnp.zeros(2)

    assert model.first.value.tolist() == [1.0, 2.0]


def test_lists_of_modules_are_split_too():
    graphdef, state = nn.split([Model(), {"b": Model()}])

    merged = nn.merge(graphdef, state)

    assert state.flat_state()[0][0] == (0, "first")
    assert isinstance(merged[1]["b"], Model)


def test_grad_is_of_parameters_and_counts_shared_ones_once():
    model = Model()

    value, grads = nn.value_and_grad(lambda m, x: m(x))(model, 2.0)

    # 3 * (4 * (1 + 4) + 1), and the tied kernel counts twice: 3 * 4 * 2 * [1, 2].
    assert float(value) == 63.0
    assert grads["first"].value.tolist() == [24.0, 48.0]
    assert [path for path, _ in grads.flat_state()] == PATHS[:2]


def test_grad_keeps_what_the_loss_changes_in_other_variables():
    model = Model()
    table = model.table

    nn.grad(lambda m: m(2.0))(model)

    assert float(model.mean) == 1.0
    assert model.table is table
    assert model.first.value.tolist() == [1.0, 2.0]


def test_grad_passes_aux_and_other_filters():
    grads, aux = nn.grad(
        lambda m, x: (m.mean * x, "kept"), wrt=nn.BatchStat, has_aux=True
    )(Model(), 5.0)

    assert aux == "kept"
    assert [(p, float(v)) for p, v in grads.flat_state()] == [(("mean",), 5.0)]


def test_grad_under_jit_leaves_out_random_streams():
    class Noisy(nn.Module):
        def __init__(self, rngs):
            self.linear = nn.Linear(2, 1, rngs=rngs)
            self.rngs = rngs

        def __call__(self, x):
            return (self.linear(x) * random.normal(self.rngs.noise())).sum()

    @dc.jit
    def step(model):
        grads = nn.grad(lambda m: m(jnp.ones((1, 2))))(model)
        return grads, model

    grads, after = step(Noisy(nn.Rngs(0)))

    assert [path[-1] for path, _ in grads.flat_state()] == ["bias", "kernel"]
    assert int(after.rngs.default.count) == 3


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: nn.split(Model(), nn.Param),
            ValueError,
            "split: no filter selects these variables:\n"
            "  mean: BatchStat\n"
            "  table: ArrayImpl\n"
            "Add `...` as the last filter to take all that is left.",
        ),
        (
            lambda: nn.split(Model(), ..., nn.Param),
            ValueError,
            "split: `...` takes all that is left, so it must be the last filter.",
        ),
        (
            lambda: nn.state(Model(), "params"),
            TypeError,
            "filter: expected a class of variables, a predicate of (path, variable), a "
            "list of filters, `...` or None, got 'params'.",
        ),
        (
            lambda: nn.split(nn.Param(jnp.zeros(()))),
            TypeError,
            "split: expected a module, or a list, tuple or dict of modules, got Param.",
        ),
        (
            lambda: nn.merge(*nn.split(Model(), nn.Param, ...)[:2]),
            ValueError,
            "merge: the states do not fit the module:\n"
            "  missing: mean\n"
            "  missing: table\n"
            "Pass the states that `split` or `state` gave for a module of this "
            "structure.",
        ),
        (
            lambda: nn.update(Model(), nn.State({"secnd": nn.Param(jnp.zeros(()))})),
            ValueError,
            "update: the states do not fit the module:\n"
            "  unknown: secnd\n"
            "Pass the states that `split` or `state` gave for a module of this "
            "structure.",
        ),
        (
            lambda: nn.update(
                Model(), nn.State({"first": jnp.zeros(3), "mean": jnp.zeros(1)})
            ),
            ValueError,
            "update: shapes must stay the same, but\n"
            "  first: has shape (2,), got (3,)\n"
            "  mean: has shape (), got (1,)",
        ),
    ],
)
def test_errors_name_the_variables(call, kind, message):
    with pytest.raises(kind) as caught:
        call()

    assert str(caught.value) == message


def test_update_with_an_error_changes_nothing():
    model = Model()

    with pytest.raises(ValueError, match="update: shapes"):
        nn.update(model, nn.State({"first": jnp.zeros(2), "mean": jnp.zeros(1)}))

    np.testing.assert_array_equal(model.first, [1.0, 2.0])
