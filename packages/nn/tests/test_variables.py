import copy
import pickle

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import nn


@pytest.fixture
def variable():
    return nn.Param(jnp.array([1.0, 2.0, 4.0]), note="n")


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda v: v + 1, [2, 3, 5]),
        (lambda v: 1 - v, [0, -1, -3]),
        (lambda v: v * v, [1, 4, 16]),
        (lambda v: v / 2, [0.5, 1, 2]),
        (lambda v: 8 / v, [8, 4, 2]),
        (lambda v: v**2, [1, 4, 16]),
        (lambda v: v // 2, [0, 1, 2]),
        (lambda v: 5 % v, [0, 1, 1]),
        (lambda v: -v, [-1, -2, -4]),
        (lambda v: abs(-v), [1, 2, 4]),
        (lambda v: v @ v, 21),
        (lambda v: v > 1, [False, True, True]),
        (lambda v: jnp.array([2.0, 2.0, 2.0]) * v, [2, 4, 8]),
        (lambda v: np.array([2.0, 2.0, 2.0], np.float32) * v, [2, 4, 8]),
        (lambda v: jnp.exp2(v), [2, 4, 16]),
        (lambda v: v[1], 2),
        (lambda v: v[...], [1, 2, 4]),
        (lambda v: v.sum(), 7),
        (lambda v: np.asarray(v), [1, 2, 4]),
        (lambda v: list(v), [1, 2, 4]),
        (lambda v: len(v), 3),
        (lambda v: int(v[2]), 4),
    ],
)
def test_a_variable_works_as_its_array(variable, compute, expected):
    np.testing.assert_array_equal(np.asarray(compute(variable)), expected)


def test_conversions_of_a_scalar_variable():
    scalar = nn.Variable(jnp.array(2))

    assert (int(scalar), float(scalar), bool(scalar), [0, 1, 2][scalar]) == (
        2,
        2.0,
        1,
        2,
    )


def test_assignments_replace_the_array(variable):
    variable.value = jnp.array([0.0, 1.0])
    first = variable.value.tolist()
    variable[1] = 7.0
    second = variable.value.tolist()
    variable[...] = nn.Param(jnp.array([3.0]))

    assert (first, second, variable.value.tolist()) == ([0.0, 1.0], [0.0, 7.0], [3.0])


def test_in_place_arithmetic_keeps_the_variable_of_a_module():
    class Counter(nn.Module):
        def __init__(self):
            self.n = nn.Variable(jnp.array(1.0))

    counter = Counter()
    before = counter.n
    counter.n += 2.0
    counter.n *= nn.Variable(jnp.array(4.0))

    assert counter.n is before
    assert counter.n.value.tolist() == 12.0


def test_notes_are_attributes_and_survive_transformations(variable):
    result = dc.jit(lambda v: v)(variable)

    assert type(result) is nn.Param
    assert result.note == "n"
    assert result.get_metadata() == {"note": "n"}


def test_replace_and_copy_are_new_variables_of_the_same_kind(variable):
    replaced = variable.replace(jnp.zeros(1), other=3)
    copied = variable.copy()
    copied.value = jnp.zeros(2)

    assert replaced.get_metadata() == {"note": "n", "other": 3}
    assert type(replaced) is nn.Param
    assert variable.value.shape == (3,)


def test_a_changed_note_compiles_again():
    traces = []
    f = dc.jit(lambda v: traces.append(v.note) or v.value)

    for note in ("a", "a", "b"):
        f(nn.Param(jnp.zeros(()), note=note))

    assert traces == ["a", "b"]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_variables_can_be_copied_and_pickled(variable, duplicate):
    made = duplicate(variable)

    assert type(made) is nn.Param
    assert made.note == "n"
    assert made.value.tolist() == [1.0, 2.0, 4.0]


def test_paths_in_trees_name_the_value():
    leaves = dc.tree_util.tree_leaves_with_path({"w": nn.Param(jnp.zeros(()))})

    assert [dc.tree_util.keystr(path) for path, _ in leaves] == ["['w'].value"]


def test_repr_shows_kind_type_and_notes(variable):
    assert repr(variable) == "Param(float32[3], note='n')"
    assert repr(nn.Cache(3)) == "Cache(3)"


def test_an_unhashable_note_is_an_error():
    with pytest.raises(TypeError) as caught:
        nn.Param(jnp.zeros(()), sharding=["a", "b"])

    assert str(caught.value) == (
        "Param: the note `sharding` must be hashable, got list: ['a', 'b']. Use a "
        "tuple instead of a list."
    )


def test_assigning_another_attribute_is_an_error(variable):
    with pytest.raises(AttributeError) as caught:
        variable.note = "m"

    assert str(caught.value) == (
        "Param.note: variables have no attributes to assign but `value`. Notes are "
        "given when the variable is made, or with `replace`."
    )


def test_gradients_flow_through_variables_used_as_arrays():
    x = jnp.array([1.0, 2.0, 4.0])

    grads = dc.grad(lambda v: (jnp.square(v) + x * v).sum())(nn.Param(x))
    jitted = dc.jit(dc.grad(lambda v: (jnp.square(v) + x * v).sum()))(nn.Param(x))
    mapped = dc.vmap(lambda v: jnp.square(v) * x)(nn.Param(x))

    assert grads.value.tolist() == [3.0, 6.0, 12.0]
    assert jitted.value.tolist() == [3.0, 6.0, 12.0]
    assert mapped.tolist() == [[1, 2, 4], [4, 8, 16], [16, 32, 64]]
